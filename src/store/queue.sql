-- name: queue
-- What waits, number by number, oldest account first.  Nothing is counted in
-- the ledger: a broadcast's part is its total without its counters, and single
-- messages are lines of the agenda, each joined to its one delivery by its
-- key.  At most $1 of those lines are looked at; one column says whether
-- there may be others.  The agenda is nobody's table in particular, so the
-- organisation is named.  People of a portfolio are counted once for each
-- portfolio, not for each of its numbers.
WITH m AS MATERIALIZED (
    SELECT account_id, due FROM herald_queue_messages($1::int)),
r AS (
    SELECT account_id, count(*) FILTER (WHERE due <= now()) AS reply,
           count(*) FILTER (WHERE due > now()) AS deferred,
           min(due) FILTER (WHERE due <= now()) AS oldest
      FROM m GROUP BY account_id),
q AS MATERIALIZED (
    SELECT b.account_id, b.id, b.name, b.status, b.started_at,
           greatest(b.total - c.done, 0) AS queued
      FROM agenda g
      JOIN broadcasts b ON b.org_id = g.org_id AND b.id = g.ref_id
     CROSS JOIN LATERAL (
            SELECT coalesce(sum(x.sent + x.failed + x.skipped + x.unknown), 0)
                   AS done
              FROM broadcast_counters x
             WHERE x.org_id = b.org_id AND x.broadcast_id = b.id) c
     WHERE g.kind = 'broadcast'
       AND g.org_id = current_setting('herald.org')::uuid
       AND b.total IS NOT NULL
       AND b.status IN ('scheduled', 'sending', 'paused')),
h AS (
    SELECT account_id, sum(queued) AS queued,
           min(started_at) FILTER (WHERE queued > 0 AND status = 'sending')
               AS oldest,
           json_agg(json_build_object('id', id, 'name', name,
               'status', status, 'queued', queued) ORDER BY id) AS list
      FROM q GROUP BY account_id),
p AS MATERIALIZED (
    SELECT i.id, l.daily_limit, u.n
      FROM (SELECT DISTINCT portfolio_id AS id FROM accounts
             WHERE portfolio_id <> '') i
      LEFT JOIN portfolios l ON l.id = i.id
     CROSS JOIN LATERAL (
            SELECT count(*) AS n FROM portfolio_users x
             WHERE x.portfolio_id = i.id
               AND x.last_at > now() - interval '24 hours') u)
SELECT a.id, a.name, a.status, coalesce(r.reply, 0), coalesce(h.queued, 0),
       coalesce(r.deferred, 0),
       floor(extract(epoch FROM now() - least(r.oldest, h.oldest)))::bigint,
       a.rate_limit,
       CASE WHEN d.cap IS NOT NULL THEN json_build_object(
           'cap', d.cap, 'sent', d.sent,
           'left', d.cap - least(d.sent, d.cap)) END,
       CASE WHEN p.id IS NOT NULL THEN json_build_object(
           'id', p.id, 'limit', p.daily_limit, 'used_24h', p.n,
           'left', p.daily_limit - least(p.n, p.daily_limit)) END,
       coalesce(h.list, '[]'),
       (SELECT count(*) FROM m) >= $1::int, coalesce(a.gap_max_ms, 0)
  FROM accounts a
  JOIN orgs o ON o.org_id = a.org_id
 CROSS JOIN LATERAL (
        SELECT (now() AT TIME ZONE coalesce(a.hours_zone, o.time_zone))::date)
       z (day)
 CROSS JOIN LATERAL (
        SELECT herald_daily_cap(a.daily_cap, a.warmup_from, a.warmup_first,
                                a.warmup_growth, z.day) AS cap,
               coalesce((SELECT t.sent FROM account_days t
                          WHERE t.account_id = a.id AND t.day = z.day), 0)
                   AS sent) d
  LEFT JOIN r ON r.account_id = a.id
  LEFT JOIN h ON h.account_id = a.id
  LEFT JOIN p ON p.id = a.portfolio_id
 ORDER BY a.id;
