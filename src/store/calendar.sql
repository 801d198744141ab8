-- name: calendar_rows
-- What is planned and what was, of some weeks, with a row of its own: the
-- occurrences, and what was made without a schedule.  One statement and one
-- pass: the counts are those of these rows.  $3 a number, $4 most rows.
WITH o AS (
    SELECT s.kind, o.schedule_id, o.starts_at, o.cohort, o.step,
           coalesce(b.started_at, o.due_at) AS at, o.state, o.reason,
           o.ref_id, s.account_id,
           coalesce(b.name, nullif(o.document ->> 'name', ''),
                    nullif(s.name, ''), s.document ->> 'name',
                    left(s.document ->> 'text', 80),
                    left(s.document #>> '{content,text}', 80), '') AS title,
           b.status AS made, b.total,
           CASE WHEN b.total IS NULL THEN s.document -> 'audience' END
               AS audience,
           s.updated_at AS stamp, s.status <> 'paused' AS live
      FROM occurrences o
      JOIN schedules s ON s.org_id = o.org_id AND s.id = o.schedule_id
      LEFT JOIN broadcasts b ON b.org_id = o.org_id AND b.id = o.ref_id
     WHERE o.due_at >= $1::timestamptz AND o.due_at < $2::timestamptz
       AND ($3::uuid IS NULL OR s.account_id = $3::uuid)
     ORDER BY o.due_at LIMIT $4::int),
b AS (
    SELECT 'broadcast', NULL::uuid, NULL::timestamp, 0, 0::smallint,
           coalesce(b.started_at, b.send_at), 'scheduled', NULL::text, b.id,
           b.account_id, b.name, b.status, b.total,
           CASE WHEN b.total IS NULL THEN b.audience END, b.created_at, true
      FROM broadcasts b
     WHERE b.send_at >= $1::timestamptz AND b.send_at < $2::timestamptz
       AND b.status <> 'draft'
       AND ($3::uuid IS NULL OR b.account_id = $3::uuid)
       AND NOT EXISTS (SELECT FROM occurrences x
                        WHERE x.org_id = b.org_id AND x.ref_id = b.id)
     ORDER BY b.send_at LIMIT $4::int),
m AS (
    SELECT 'message', NULL::uuid, NULL::timestamp, 0, 0::smallint,
           g.due, 'scheduled', NULL::text, g.id, d.account_id,
           left(t.text, 80), NULL::text, 1, NULL::jsonb, t.created_at, true
      FROM (SELECT x.ref_id AS id, x.due_at AS due, x.org_id FROM agenda x
             WHERE x.kind = 'message'
               AND x.org_id = current_setting('herald.org')::uuid
               AND x.due_at >= greatest($1::timestamptz, now())
               AND x.due_at < $2::timestamptz
             ORDER BY x.due_at LIMIT $4::int) g
      JOIN messages t ON t.org_id = g.org_id AND t.id = g.id
      JOIN deliveries d ON d.org_id = g.org_id AND d.batch_id = g.id
           AND d.seq = 0 AND d.state = 'queued'
     WHERE $3::uuid IS NULL OR d.account_id = $3::uuid),
t AS (
    SELECT 'status', NULL::uuid, NULL::timestamp, 0, 0::smallint,
           coalesce(t.posted_at, t.created_at), t.state, NULL::text, t.id,
           t.account_id, left(coalesce(t.content ->> 'text',
                                       t.content ->> 'caption', ''), 80),
           NULL::text, NULL::int, NULL::jsonb, t.created_at, true
      FROM statuses t
     WHERE t.created_at >= $1::timestamptz AND t.created_at < $2::timestamptz
       AND ($3::uuid IS NULL OR t.account_id = $3::uuid)
       AND NOT EXISTS (SELECT FROM occurrences x
                        WHERE x.org_id = t.org_id AND x.ref_id = t.id)
     ORDER BY t.created_at LIMIT $4::int),
a AS (
    SELECT * FROM o UNION ALL SELECT * FROM b
    UNION ALL SELECT * FROM m UNION ALL SELECT * FROM t),
z AS MATERIALIZED (
    SELECT audience, herald_audience_size(audience) AS n
      FROM (SELECT DISTINCT audience FROM a WHERE audience IS NOT NULL) d)
SELECT a.kind, a.schedule_id,
       to_char(a.starts_at, 'YYYY-MM-DD"T"HH24:MI:SS'), a.cohort, a.step,
       (extract(epoch FROM a.at) * 1000000)::bigint, a.state, a.reason,
       a.ref_id, a.account_id, a.title, a.made,
       coalesce(a.total, z.n, 0), c.rate_limit, c.provider, c.channel,
       (extract(epoch FROM a.stamp) * 1000000)::bigint, a.live
  FROM a
  LEFT JOIN z ON z.audience = a.audience
  LEFT JOIN accounts c ON c.id = a.account_id
 ORDER BY a.at LIMIT $4::int;

-- name: calendar_rules
-- The rules that go on, to be walked through for what has no row yet: the
-- wall's range is a day wider than any zone needs.
SELECT s.id, s.rrule, to_char(s.starts_at, 'YYYY-MM-DD"T"HH24:MI:SS'),
       to_char(greatest(s.place, ($1::timestamptz AT TIME ZONE s.time_zone)
                                 - interval '1 day'),
               'YYYY-MM-DD"T"HH24:MI:SS'),
       to_char(least(s.ends_before,
                     ($2::timestamptz AT TIME ZONE s.time_zone)
                     + interval '1 day'), 'YYYY-MM-DD"T"HH24:MI:SS'),
       s.month_end = 'last_day'
  FROM schedules s
 WHERE s.status IN ('active', 'paused') AND s.rrule IS NOT NULL
   AND ($3::uuid IS NULL OR s.account_id = $3::uuid)
 ORDER BY s.id LIMIT 500;

-- name: calendar_places
-- Places of rules as instants of this range, without those that have a row.
SELECT s.kind, s.id, p.place, 0, 0,
       (extract(epoch FROM p.at) * 1000000)::bigint, 'scheduled', NULL, NULL,
       s.account_id, coalesce(nullif(s.name, ''), s.document ->> 'name',
                              left(s.document ->> 'text', 80),
                              left(s.document #>> '{content,text}', 80), ''),
       NULL, coalesce(z.n, 0), c.rate_limit, c.provider, c.channel,
       (extract(epoch FROM s.updated_at) * 1000000)::bigint,
       s.status <> 'paused'
  FROM (SELECT v.id, v.place, herald_due(s, v.place::timestamp) AS at
          FROM unnest($3::uuid[], $4::text[]) AS v (id, place)
          JOIN schedules s ON s.id = v.id) p
  JOIN schedules s ON s.id = p.id
  LEFT JOIN accounts c ON c.id = s.account_id
  LEFT JOIN LATERAL (
        SELECT b.total FROM occurrences o
          JOIN broadcasts b ON b.org_id = o.org_id AND b.id = o.ref_id
         WHERE o.schedule_id = s.id AND o.state = 'posted'
         ORDER BY o.starts_at DESC LIMIT 1) z (n) ON true
 WHERE p.at >= $1::timestamptz AND p.at < $2::timestamptz
   AND NOT EXISTS (SELECT FROM occurrences o WHERE o.schedule_id = p.id
                      AND o.starts_at = p.place::timestamp);

-- name: calendar_slots
-- Quarters of an hour in which this number may send: outside of the quiet
-- hours of its organisation, within its own.
SELECT (extract(epoch FROM t.at) * 1000000)::bigint
  FROM accounts a JOIN orgs o ON o.org_id = a.org_id
 CROSS JOIN LATERAL generate_series(
        to_timestamp(ceil(extract(epoch FROM $2::timestamptz) / 900) * 900),
        $2::timestamptz + interval '14 days', interval '15 minutes') t (at)
 CROSS JOIN LATERAL (
        SELECT (t.at AT TIME ZONE coalesce(a.hours_zone, o.time_zone))::time)
        l (clock)
 WHERE a.id = $1::uuid
   AND herald_quiet_until(o.quiet_from, o.quiet_to, o.time_zone, t.at) IS NULL
   AND (a.hours_from IS NULL
        OR a.hours_from < a.hours_to AND l.clock >= a.hours_from
           AND l.clock < a.hours_to
        OR a.hours_from > a.hours_to AND (l.clock >= a.hours_from
                                          OR l.clock < a.hours_to))
 ORDER BY 1;

-- name: best_time
-- The hour, who said so, and when the clock shows it next.
SELECT h.hour, h.source, h.reads, z.zone,
       CASE WHEN herald_wall(d.day + make_interval(hours => h.hour), z.zone)
                 > now()
            THEN herald_wall(d.day + make_interval(hours => h.hour), z.zone)
            ELSE herald_wall(d.day + 1 + make_interval(hours => h.hour),
                             z.zone) END
  FROM (SELECT coalesce((SELECT coalesce(c.time_zone, c.phone_zone)
                           FROM contacts c WHERE c.id = $1::uuid),
                        o.time_zone) FROM orgs o) z (zone)
 CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE z.zone)::date) d (day)
 CROSS JOIN LATERAL herald_best_hour($1::uuid, $2::text, true) h
 WHERE $1::uuid IS NULL OR EXISTS (SELECT FROM contacts WHERE id = $1::uuid);

-- name: feed_insert
-- The link is known by the hash of its token only.
WITH f AS (
    INSERT INTO feeds (org_id, id, name, created_by)
    VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::text,
            $3::uuid)
    RETURNING *),
d AS (
    INSERT INTO directory (kind, key, org_id, ref_id)
    SELECT 'feed', $4::bytea, org_id, id FROM f)
SELECT id, name, created_at FROM f;

-- name: feed_list
-- Newest first.
SELECT id, name, created_at FROM feeds
 WHERE id < $1::uuid ORDER BY id DESC LIMIT $2::int;

-- name: feed_delete
-- The link ends with this.
WITH f AS (
    DELETE FROM feeds WHERE id = $1::uuid RETURNING id),
d AS (
    DELETE FROM directory d USING f WHERE d.ref_id = f.id AND d.kind = 'feed')
SELECT id FROM f;

-- name: feed_find
-- Before its organisation is known.
SELECT org_id, ref_id FROM directory WHERE kind = 'feed' AND key = $1::bytea;

-- name: feed_name
-- Of the one that was found.
SELECT name FROM feeds WHERE id = $1::uuid;
