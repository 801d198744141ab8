-- name: forecast_number
-- What stands between a broadcast and its end besides its own audience: its
-- number, what is queued there before it, the portfolio, the money.  A draft
-- whose time has passed begins now, and so does one that is paused.  The queue
-- of broadcasts comes from their counters; of single messages those count
-- that are due by then.
SELECT a.status, a.rate_limit,
       (coalesce(a.gap_min_ms, 0) + coalesce(a.gap_max_ms, 0)) / 2,
       b.rate_limit,
       (extract(epoch FROM now()) * 1000000)::bigint,
       (extract(epoch FROM greatest(b.send_at, now())) * 1000000)::bigint,
       (extract(epoch FROM b.expires_at) * 1000000)::bigint,
       (SELECT coalesce(sum(greatest(x.total - coalesce((
                   SELECT sum(c.sent + c.failed + c.skipped + c.unknown)
                     FROM broadcast_counters c
                    WHERE c.broadcast_id = x.id), 0), 0)), 0)::bigint
          FROM broadcasts x
         WHERE x.account_id = b.account_id AND x.status = 'sending'
           AND x.id <> b.id AND x.total IS NOT NULL),
       (SELECT count(*) FROM agenda g, LATERAL (
               SELECT FROM deliveries d
                WHERE d.batch_id = g.ref_id AND d.seq = 0
                  AND d.account_id = b.account_id AND d.state = 'queued') d
         WHERE g.kind = 'message' AND g.org_id = b.org_id
           AND g.due_at <= greatest(b.send_at, now())),
       CASE WHEN a.portfolio_id <> '' THEN a.portfolio_id END, p.daily_limit,
       (SELECT count(*) FROM portfolio_users u
         WHERE a.portfolio_id <> '' AND u.portfolio_id = a.portfolio_id
           AND u.last_at > now() - interval '24 hours'),
       o.spend_limit, coalesce((
           SELECT sum(s.amount) FROM spend_days s
            WHERE s.day >= date_trunc(o.spend_period,
                                      now() AT TIME ZONE 'UTC')::date), 0),
       o.spend_period,
       CASE WHEN b.total IS NULL THEN coalesce((
               SELECT sum((e.v ->> 'wait_s')::bigint)
                 FROM jsonb_array_elements(b.ramp) AS e (v)), 0)
                + coalesce((b.test ->> 'wait_s')::bigint, 0)
            ELSE coalesce((
               SELECT sum(s.wait_s) FROM broadcast_stages s
                WHERE s.broadcast_id = b.id AND s.judged_at IS NULL), 0) END
  FROM broadcasts b
  JOIN accounts a ON a.org_id = b.org_id AND a.id = b.account_id
  JOIN orgs o ON o.org_id = b.org_id
  LEFT JOIN portfolios p ON p.org_id = a.org_id AND p.id = a.portfolio_id
 WHERE b.id = $1::uuid;

-- name: forecast_days
-- The days of a number that keeps hours or a daily cap, from yesterday on (its
-- hours may go over midnight): from when until when, and how many may still
-- go; NULL is no cap.  No row: it keeps none.
SELECT (extract(epoch FROM (d.day + coalesce(a.hours_from, '00:00'))
                           AT TIME ZONE z.zone) * 1000000)::bigint,
       (extract(epoch FROM (d.day + coalesce(a.hours_to, '00:00')
                   + CASE WHEN a.hours_from < a.hours_to
                          THEN interval '0' ELSE interval '1 day' END)
               AT TIME ZONE z.zone) * 1000000)::bigint,
       k.cap - least(k.cap, coalesce((
           SELECT t.sent FROM account_days t
            WHERE t.account_id = a.id AND t.day = d.day), 0))
  FROM broadcasts b
  JOIN accounts a ON a.org_id = b.org_id AND a.id = b.account_id
  JOIN orgs o ON o.org_id = b.org_id
 CROSS JOIN LATERAL (
        SELECT coalesce(a.hours_zone, o.time_zone) AS zone) z
 CROSS JOIN LATERAL (
        SELECT (now() AT TIME ZONE z.zone)::date + i AS day
          FROM generate_series(-1, 366) i) d
 CROSS JOIN LATERAL (
        SELECT herald_daily_cap(a.daily_cap, a.warmup_from, a.warmup_first,
                                a.warmup_growth, d.day)) k (cap)
 WHERE b.id = $1::uuid
   AND (a.hours_from IS NOT NULL OR a.daily_cap IS NOT NULL
        OR a.warmup_from IS NOT NULL)
 ORDER BY d.day;

-- name: forecast_plan
-- For the rest of the unit, before forecast_audience.  A plan that was made
-- while opt-outs or conversations were few reads all of them for each person,
-- and is kept until statistics change: 300,000 people took longer than a
-- statement may.  By their index it is never slow.  People are counted in a
-- hash, for a sort of them goes to the disk.
SELECT set_config('enable_seqscan', 'off', true),
       set_config('enable_sort', 'off', true),
       set_config('work_mem', '64MB', true);

-- name: forecast_audience
-- One look at each person of the audience, as the gates of sending will look:
-- why not, else where, whether they wrote within 24 hours of the beginning,
-- and when it may go to them.  $2: the tag, NULL for everybody; $3: the
-- audience was frozen, and who is still queued is asked.  $7: marketing; $8 to
-- $14: what the template cannot do without, as in audience_lacks; $15: quiet
-- hours hold it.  What an organisation does not use costs its people nothing.
-- OFFSET 0 keeps a column from being worked out again by each place that names
-- it.  Zones come last: a night is worked out once for each zone.
--
-- Who has had as much as the frequency cap allows: of a few people each is
-- looked at; of many (had) it comes from one pass over what was sent in its
-- days: the broadcasts that had not ended before, and the single messages by
-- the time in their id.  One that was written for a day more than a month
-- ahead is not seen there; sending does see it.  Nobody has had more than
-- there were.
WITH s AS MATERIALIZED (
    SELECT b.org_id, CASE WHEN b.total IS NULL THEN b.holdout ELSE 0 END
               AS holdout, uuid_hash_extended(b.id, 2) AS salt,
           coalesce(b.total, 0) AS total, b.local_time,
           CASE WHEN b.status = 'draft' THEN $6::timestamptz
                ELSE greatest(b.send_at, coalesce(b.started_at,
                              $6::timestamptz) - interval '1 hour') END AS at,
           o.time_zone, o.quiet_from, o.quiet_to, o.frequency_cap AS cap,
           make_interval(days => o.frequency_days) AS days, a.portfolio_id,
           CASE WHEN $3::bool THEN b.total < 10000
                WHEN $2::text IS NOT NULL THEN (
                     SELECT count(*) FROM (
                            SELECT FROM contact_tags x WHERE x.tag = $2::text
                             LIMIT 10000) x) < 10000
                ELSE false END AS few,
           EXISTS (SELECT FROM suppressions) AS listed,
           EXISTS (SELECT FROM opt_outs) AS stopped,
           EXISTS (SELECT FROM conversations v
                    WHERE v.account_id = $4::uuid) AS talked
      FROM broadcasts b
      JOIN orgs o ON o.org_id = b.org_id
      JOIN accounts a ON a.org_id = b.org_id AND a.id = b.account_id
     WHERE b.id = $1::uuid),
sent AS MATERIALIZED (
    SELECT b.id FROM broadcasts b, s
     WHERE $7::bool AND NOT s.few AND b.id <> $1::uuid AND b.total IS NOT NULL
       AND (b.finished_at IS NULL OR b.finished_at > now() - s.days)
    UNION ALL
    SELECT d.batch_id FROM deliveries d
     WHERE (SELECT $7::bool AND NOT few AND days IS NOT NULL FROM s)
       AND d.batch_id > herald_uuid_at(now() - interval '31 days'
                                       - (SELECT days FROM s))
       AND d.seq = 0 AND d.category = 'm'),
had AS (
    SELECT d.contact_id FROM deliveries d
     WHERE d.batch_id = ANY (ARRAY(
                SELECT id FROM sent
                 WHERE (SELECT count(*) FROM sent) >= (SELECT cap FROM s)))
       AND d.category = 'm' AND d.state BETWEEN 'sending' AND 'played'
       AND d.claimed_at > now() - (SELECT days FROM s)
     GROUP BY d.contact_id HAVING count(*) >= (SELECT cap FROM s)),
c AS (
    SELECT c.* FROM contacts c WHERE $2::text IS NULL AND NOT $3::bool
    UNION ALL
    SELECT c.* FROM contact_tags t
      JOIN contacts c ON c.org_id = t.org_id AND c.id = t.contact_id
     WHERE t.tag = $2::text AND NOT $3::bool
    UNION ALL
    SELECT c.* FROM deliveries d
      LEFT JOIN contacts c ON c.org_id = d.org_id AND c.id = d.contact_id
     WHERE $3::bool AND d.batch_id = $1::uuid
       AND d.seq BETWEEN 1 AND (SELECT total FROM s)
       AND d.state = 'queued'),
r AS (
    SELECT c.id, c.country,
           coalesce(c.time_zone, c.phone_zone, s.time_zone) AS zone, CASE
        WHEN c.phone IS NULL THEN 'no_phone'
        WHEN s.listed AND EXISTS (
             SELECT FROM suppressions x
              WHERE x.hash = sha256($5::bytea
                                    || convert_to(c.phone, 'UTF8')))
        THEN 'suppressed'
        WHEN $7::bool AND (c.marketing_opt_out OR s.stopped AND EXISTS (
             SELECT FROM opt_outs x WHERE x.contact_id = c.id
                AND x.account_id = $4::uuid))
        THEN 'opted_out'
        WHEN $7::bool AND s.cap IS NOT NULL AND CASE
             WHEN s.few THEN (
                SELECT count(*) FROM deliveries x
                 WHERE x.contact_id = c.id AND x.category = 'm'
                   AND x.claimed_at > now() - s.days
                   AND x.state BETWEEN 'sending' AND 'played') >= s.cap
             ELSE c.id IN (SELECT contact_id FROM had) END
        THEN 'frequency_cap'
        WHEN $8::bool AND c.name = '' OR $9::bool AND c.first_name = ''
             OR $10::bool AND c.last_name = ''
             OR $11::bool AND coalesce(c.email, '') = ''
             OR $12::bool AND coalesce(c.language, '') = ''
             OR cardinality($13::text[]) > 0 AND EXISTS (
                SELECT FROM unnest($13::text[]) k
                 WHERE coalesce(c.fields ->> k, '') = '')
             OR jsonb_array_length($14::jsonb) > 0 AND EXISTS (
                SELECT FROM jsonb_array_elements($14::jsonb) g
                 WHERE NOT EXISTS (
                    SELECT FROM jsonb_array_elements_text(g) k
                     WHERE coalesce(CASE k WHEN 'name' THEN c.name
                               WHEN 'first_name' THEN c.first_name
                               WHEN 'last_name' THEN c.last_name
                               WHEN 'email' THEN c.email
                               WHEN 'language' THEN c.language
                               ELSE c.fields ->> substr(k, 8) END, '')
                           <> ''))
        THEN 'missing_variable'
        WHEN s.holdout > 0 AND abs(uuid_hash_extended(c.id, s.salt) % 100)
                               < s.holdout
        THEN 'holdout' END AS reason
      FROM s CROSS JOIN c OFFSET 0),
w AS (
    SELECT r.id, r.reason, CASE WHEN r.reason IS NULL THEN r.country END
               AS country,
           CASE WHEN r.reason IS NULL THEN r.zone END AS zone,
           r.reason IS NULL AND s.talked AND EXISTS (
               SELECT FROM conversations v
                WHERE v.account_id = $4::uuid AND v.contact_id = r.id
                  AND v.last_inbound_at
                      > $6::timestamptz - interval '24 hours') AS open
      FROM s CROSS JOIN r OFFSET 0),
g AS (
    SELECT w.reason, w.country, w.zone, w.open, count(*) AS n,
           count(*) FILTER (
               WHERE w.reason IS NULL AND NOT w.open AND s.portfolio_id <> ''
                 AND NOT EXISTS (
                     SELECT FROM portfolio_users u
                      WHERE u.portfolio_id = s.portfolio_id
                        AND u.contact_id = w.id
                        AND u.last_at > $6::timestamptz
                                        - interval '24 hours')) AS fresh
      FROM s CROSS JOIN w GROUP BY 1, 2, 3, 4),
l AS (
    SELECT g.*, CASE WHEN g.reason IS NULL THEN
               CASE WHEN s.local_time IS NULL THEN $6::timestamptz
                    ELSE greatest($6::timestamptz, herald_next_local(
                             s.local_time, g.zone, s.at)) END END AS wave
      FROM s CROSS JOIN g OFFSET 0),
q AS (
    SELECT l.*, CASE WHEN $15::bool AND l.reason IS NULL THEN
               herald_quiet_until(s.quiet_from, s.quiet_to, l.zone, l.wave)
               END AS until
      FROM s CROSS JOIN l OFFSET 0)
SELECT reason, country, open,
       (extract(epoch FROM coalesce(until, wave)) * 1000000)::bigint,
       sum(n)::bigint, sum(fresh)::bigint,
       coalesce(sum(n) FILTER (WHERE until IS NOT NULL), 0)::bigint
  FROM q GROUP BY 1, 2, 3, 4 ORDER BY 1 NULLS FIRST, 2, 3, 4;
