-- name: account_insert
-- The hook's token is found by its hash before any organisation is known.
WITH a AS (
    INSERT INTO accounts (org_id, id, name, provider, phone, number_id,
                          base_url, api_version, secrets, rate_limit)
    VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::text,
            $4::text, $5::text, $6::text, $7::text, $8::text, $9::int)
    RETURNING org_id, id)
INSERT INTO directory (kind, key, org_id, ref_id)
SELECT 'hook', $10::bytea, org_id, id FROM a RETURNING true;

-- name: account_channel
-- What not every provider has, after account_insert.
UPDATE accounts SET channel = $2::text WHERE id = $1::uuid;

-- name: account_get
-- What the list shows, then what costs more to know: the number's day and its
-- portfolio.  The last two are for the worker: the sealed secrets, from which
-- admins see the webhook's path, and what tells one version from another.
SELECT a.id, a.name, a.provider, a.phone, a.number_id, a.base_url,
       a.api_version, a.rate_limit, a.status, a.status_reason, a.status_code,
       a.status_code, a.status_code, a.status_at, a.quality, a.portfolio_id,
       a.pair_limit, a.count_inbound, CASE WHEN coalesce(a.gap_min_ms,
           a.daily_cap, a.warmup_first) IS NOT NULL
           OR a.hours_from IS NOT NULL THEN json_build_object(
           'gap_min_ms', a.gap_min_ms, 'gap_max_ms', a.gap_max_ms,
           'daily_cap', a.daily_cap,
           'hours', CASE WHEN a.hours_from IS NOT NULL THEN json_build_object(
               'from', left(a.hours_from::text, 5),
               'to', left(a.hours_to::text, 5), 'zone', a.hours_zone) END,
           'warmup', CASE WHEN a.warmup_from IS NOT NULL
               THEN json_build_object('from', a.warmup_from::text,
               'first', a.warmup_first, 'growth', a.warmup_growth) END) END,
       a.unknown_policy, a.created_at, a.channel,
       json_build_object('date', d.day::text, 'sent', coalesce((
           SELECT t.sent FROM account_days t
            WHERE t.account_id = a.id AND t.day = d.day), 0),
           'cap', herald_daily_cap(a.daily_cap, a.warmup_from, a.warmup_first,
                                   a.warmup_growth, d.day)),
       CASE WHEN a.portfolio_id <> '' THEN json_build_object(
           'id', a.portfolio_id, 'daily_limit', p.daily_limit,
           'used_24h', u.n,
           'left', p.daily_limit - least(u.n, p.daily_limit)) END,
       a.business_id, a.config, a.health, a.checked_at,
       a.secrets,
       md5(ROW(a.name, a.rate_limit, a.portfolio_id, a.pair_limit,
               a.count_inbound, a.gap_min_ms, a.gap_max_ms, a.daily_cap,
               a.warmup_from, a.warmup_first, a.warmup_growth, a.hours_from,
               a.hours_to, a.hours_zone, a.unknown_policy, a.secrets,
               a.business_id, a.config)::text)
  FROM accounts a
  JOIN orgs o ON o.org_id = a.org_id
 CROSS JOIN LATERAL (
        SELECT (now() AT TIME ZONE coalesce(a.hours_zone, o.time_zone))::date)
       d (day)
  LEFT JOIN portfolios p ON p.org_id = a.org_id AND p.id = a.portfolio_id
 CROSS JOIN LATERAL (
        SELECT count(*) FROM portfolio_users x
         WHERE a.portfolio_id <> '' AND x.portfolio_id = a.portfolio_id
           AND x.last_at > now() - interval '24 hours') u (n)
 WHERE a.id = $1::uuid;

-- name: account_list
-- Newest first.
SELECT id, name, provider, phone, number_id, base_url, api_version,
       rate_limit, status, status_reason, status_code, status_code,
       status_code, status_at, quality, portfolio_id, pair_limit,
       count_inbound, CASE WHEN coalesce(gap_min_ms, daily_cap, warmup_first)
           IS NOT NULL OR hours_from IS NOT NULL THEN json_build_object(
           'gap_min_ms', gap_min_ms, 'gap_max_ms', gap_max_ms,
           'daily_cap', daily_cap,
           'hours', CASE WHEN hours_from IS NOT NULL THEN json_build_object(
               'from', left(hours_from::text, 5),
               'to', left(hours_to::text, 5), 'zone', hours_zone) END,
           'warmup', CASE WHEN warmup_from IS NOT NULL
               THEN json_build_object('from', warmup_from::text,
               'first', warmup_first, 'growth', warmup_growth) END) END,
       unknown_policy, created_at, channel
  FROM accounts WHERE id < $1::uuid ORDER BY id DESC LIMIT $2::int;

-- name: account_update
-- $2 holds only the members to change: absent stays, null turns off, in
-- "pacing" too; $3 is the version that was read, $4 new sealed secrets.
-- False: it is another version by now, and nothing is done.
WITH o AS (
    SELECT id, $3::text IS NULL OR $3::text = md5(
               ROW(name, rate_limit, portfolio_id, pair_limit, count_inbound,
                   gap_min_ms, gap_max_ms, daily_cap, warmup_from,
                   warmup_first, warmup_growth, hours_from, hours_to,
                   hours_zone, unknown_policy, secrets, business_id,
                   config)::text) AS same,
           $2::jsonb -> 'pacing' AS p,
           coalesce(jsonb_typeof($2::jsonb -> 'pacing') = 'null', false) AS off
      FROM accounts WHERE id = $1::uuid FOR UPDATE),
u AS (
    UPDATE accounts x SET
        name = coalesce($2::jsonb ->> 'name', x.name),
        rate_limit = coalesce(($2::jsonb ->> 'rate_limit')::int,
                              x.rate_limit),
        portfolio_id = CASE WHEN $2::jsonb ? 'portfolio_id'
            THEN coalesce($2::jsonb ->> 'portfolio_id', '')
            ELSE x.portfolio_id END,
        pair_limit = coalesce(($2::jsonb ->> 'pair_limit')::bool,
                              x.pair_limit),
        count_inbound = coalesce(($2::jsonb ->> 'count_inbound')::bool,
                                 x.count_inbound),
        gap_min_ms = CASE WHEN o.off OR o.p ? 'gap_min_ms'
            THEN (o.p ->> 'gap_min_ms')::int ELSE x.gap_min_ms END,
        gap_max_ms = CASE WHEN o.off OR o.p ? 'gap_max_ms'
            THEN (o.p ->> 'gap_max_ms')::int ELSE x.gap_max_ms END,
        daily_cap = CASE WHEN o.off OR o.p ? 'daily_cap'
            THEN (o.p ->> 'daily_cap')::int ELSE x.daily_cap END,
        hours_from = CASE WHEN o.off OR o.p ? 'hours'
            THEN (o.p #>> '{hours,from}')::time ELSE x.hours_from END,
        hours_to = CASE WHEN o.off OR o.p ? 'hours'
            THEN (o.p #>> '{hours,to}')::time ELSE x.hours_to END,
        hours_zone = CASE WHEN o.off OR o.p ? 'hours'
            THEN o.p #>> '{hours,zone}' ELSE x.hours_zone END,
        warmup_from = CASE WHEN o.off OR o.p ? 'warmup'
            THEN (o.p #>> '{warmup,from}')::date ELSE x.warmup_from END,
        warmup_first = CASE WHEN o.off OR o.p ? 'warmup'
            THEN (o.p #>> '{warmup,first}')::int ELSE x.warmup_first END,
        warmup_growth = CASE WHEN o.off OR o.p ? 'warmup'
            THEN (o.p #>> '{warmup,growth}')::int ELSE x.warmup_growth END,
        unknown_policy = x.unknown_policy
            || coalesce($2::jsonb -> 'unknown_policy', '{}'),
        business_id = coalesce($2::jsonb ->> 'business_id', x.business_id),
        config = jsonb_strip_nulls(x.config
                     || coalesce($2::jsonb -> 'config', '{}')),
        secrets = coalesce($4::text, x.secrets),
        updated_at = now()
      FROM o WHERE x.id = o.id AND o.same)
SELECT same FROM o;

-- name: account_secrets
-- To put a new token into them.
SELECT secrets FROM accounts WHERE id = $1::uuid;

-- name: account_pause
-- One that stopped for a reason of its own keeps it.
WITH u AS (
    UPDATE accounts SET status = 'paused', status_reason = 'user',
           status_code = NULL, status_at = now(), updated_at = now()
     WHERE id = $1::uuid AND status = 'connected')
SELECT true FROM accounts WHERE id = $1::uuid;

-- name: account_resume
-- Whatever stopped it: who says so has mended it.
WITH u AS (
    UPDATE accounts SET status = 'connected', status_reason = NULL,
           status_code = NULL, status_at = now(), updated_at = now()
     WHERE id = $1::uuid AND status <> 'connected')
SELECT true FROM accounts WHERE id = $1::uuid;

-- name: account_broadcasts_paused
-- Those that stopped with their number do not go on by themselves.
SELECT count(*) FROM broadcasts
 WHERE account_id = $1::uuid AND status = 'paused'
   AND pause_reason = 'account';

-- name: portfolio_list
-- Those with a limit and those that a number names; $1: only this one.
SELECT i.id, p.daily_limit, u.n,
       p.daily_limit - least(u.n, p.daily_limit), (
           SELECT count(*) FROM accounts a WHERE a.portfolio_id = i.id),
       p.updated_at
  FROM (SELECT id FROM portfolios
         UNION SELECT portfolio_id FROM accounts WHERE portfolio_id <> '') i
  LEFT JOIN portfolios p ON p.id = i.id
 CROSS JOIN LATERAL (
        SELECT count(*) FROM portfolio_users x
         WHERE x.portfolio_id = i.id
           AND x.last_at > now() - interval '24 hours') u (n)
 WHERE $1::text IS NULL OR i.id = $1::text
 ORDER BY i.id;

-- name: portfolio_put
-- NULL is no limit.
INSERT INTO portfolios AS p (org_id, id, daily_limit)
VALUES (current_setting('herald.org')::uuid, $1::text, $2::int)
ON CONFLICT (org_id, id) DO UPDATE
    SET daily_limit = excluded.daily_limit, updated_at = now();

-- name: account_hook
-- After directory_find of kind hook: what the ingress needs to verify and to
-- parse.
SELECT id, org_id, provider, number_id, secrets, base_url, api_version,
       rate_limit, count_inbound, business_id, phone, channel,
       nullif(config, '{}')
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
       (extract(epoch FROM m.until) * 1000000)::bigint,
       a.business_id, a.phone, a.channel, nullif(a.config, '{}')
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

-- name: account_use
-- What is needed to ask its provider for anything but a message.
SELECT id, org_id, provider, number_id, secrets, base_url, api_version,
       rate_limit, business_id, phone, channel, nullif(config, '{}')
  FROM accounts WHERE id = $1::uuid;
