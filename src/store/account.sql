-- name: account_insert
-- The hook's token is found by its hash before any organisation is known.
WITH a AS (
    INSERT INTO accounts (org_id, id, name, provider, phone, number_id,
                          base_url, api_version, secrets, rate_limit)
    VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::text,
            $4::text, $5::text, $6::text, $7::text, $8::text, $9::int)
    RETURNING *),
d AS (
    INSERT INTO directory (kind, key, org_id, ref_id)
    SELECT 'hook', $10::bytea, org_id, id FROM a)
SELECT id, name, provider, phone, number_id, base_url, api_version,
       rate_limit, status, created_at FROM a;

-- name: account_get
-- The sealed secrets come last: the worker unseals the webhook's path for
-- admins.
SELECT id, name, provider, phone, number_id, base_url, api_version,
       rate_limit, status, created_at, secrets
  FROM accounts WHERE id = $1::uuid;

-- name: account_list
-- Newest first.
SELECT id, name, provider, phone, number_id, base_url, api_version,
       rate_limit, status, created_at
  FROM accounts WHERE id < $1::uuid ORDER BY id DESC LIMIT $2::int;

-- name: account_hook
-- After directory_find of kind hook: what the ingress needs to verify and to
-- parse.
SELECT id, org_id, provider, number_id, secrets, base_url, api_version
  FROM accounts
 WHERE id = (SELECT ref_id FROM directory
              WHERE kind = 'hook' AND key = $1::bytea);

-- name: account_send
-- What a worker needs to send for a number: the number, and the limits that
-- are counted over more than one message.  Its day is that of its own zone.
SELECT a.id, a.org_id, a.provider, a.number_id, a.secrets, a.base_url,
       a.api_version, a.rate_limit, a.status, a.unknown_policy, a.pair_limit,
       coalesce(a.gap_min_ms, 0), coalesce(a.gap_max_ms, 0),
       herald_daily_cap(a.daily_cap, a.warmup_from, a.warmup_first,
                        a.warmup_growth, z.day), z.day,
       (extract(epoch FROM (z.day + 1 + coalesce(a.hours_from, '00:00'))
                           AT TIME ZONE z.zone) * 1000000)::bigint,
       (extract(epoch FROM herald_quiet_until(a.hours_to, a.hours_from,
                                              z.zone, now()))
        * 1000000)::bigint,
       nullif(a.portfolio_id, ''), p.daily_limit, o.frequency_cap,
       o.frequency_days, o.spend_limit, m.since,
       (extract(epoch FROM m.until) * 1000000)::bigint
  FROM accounts a
  JOIN orgs o ON o.org_id = a.org_id
  LEFT JOIN portfolios p ON p.org_id = a.org_id AND p.id = a.portfolio_id
 CROSS JOIN LATERAL (
        SELECT coalesce(a.hours_zone, o.time_zone) AS zone,
               (now() AT TIME ZONE coalesce(a.hours_zone, o.time_zone))::date
                   AS day) z
 CROSS JOIN LATERAL (
        SELECT date_trunc(o.spend_period, u)::date AS since,
               (date_trunc(o.spend_period, u)
                + ('1 ' || o.spend_period)::interval) AT TIME ZONE 'UTC'
                   AS until
          FROM (SELECT now() AT TIME ZONE 'UTC') x (u)) m
 WHERE a.id = $1::uuid;
