-- A number as its provider sees it: health, profile, and what happened to it.

-- name: account_more
-- Behind account_insert in one unit: what only some providers need.  NULL: not
-- given.
UPDATE accounts SET business_id = coalesce($2::text, business_id),
       config = config || coalesce(jsonb_strip_nulls($3::jsonb), '{}')
 WHERE id = $1::uuid;

-- name: account_watch
-- Its health is asked for every six hours, and sooner when asked to ($3
-- seconds from now).  One errand for each number.
SELECT herald_errand($2::uuid, 'account_check', $1::uuid, $1::uuid, '{}',
                     now() + make_interval(secs => $3::int));

-- name: account_health
-- What the provider says of the number now ($2), or why it said nothing ($3
-- its code, $4 its words).  What a change of it would mean to somebody is an
-- event ($5).  Its quality and its portfolio's limit follow, as a webhook
-- would have them.  Rows: whether something changed, the name, what it is now.
WITH o AS (
    SELECT id, org_id, name, portfolio_id, coalesce(health, '{}') AS was,
           CASE WHEN $2::jsonb IS NULL
                THEN coalesce(health, '{}') || jsonb_build_object('error',
                         jsonb_build_object('code', $3::int,
                                            'detail', $4::text))
                ELSE $2::jsonb END AS h
      FROM accounts WHERE id = $1::uuid FOR UPDATE),
d AS (
    SELECT o.*, (SELECT coalesce(string_agg(k || ': ' || coalesce(v, 'none'),
                                            ', ' ORDER BY n), '')
              FROM (VALUES (1, 'can send', o.h #>> '{health,can_send}',
                            o.was #>> '{health,can_send}'),
                           (2, 'quality', o.h ->> 'quality',
                            o.was ->> 'quality'),
                           (3, 'limit', o.h ->> 'limit', o.was ->> 'limit'),
                           (4, 'throughput', o.h ->> 'throughput',
                            o.was ->> 'throughput'),
                           (5, 'name', o.h ->> 'name', o.was ->> 'name'),
                           (6, 'status', o.h ->> 'status',
                            o.was ->> 'status'),
                           (7, 'error', o.h #>> '{error,code}',
                            o.was #>> '{error,code}'))
                   AS x (n, k, v, old)
             WHERE v IS DISTINCT FROM old) AS what
      FROM o),
u AS (
    UPDATE accounts x SET health = d.h, checked_at = now(),
           quality = coalesce(nullif($2::jsonb ->> 'quality', ''), x.quality),
           quality_at = CASE WHEN $2::jsonb ->> 'quality' <> x.quality
                             THEN date_trunc('second', now())
                             ELSE x.quality_at END,
           phone = CASE WHEN x.phone = ''
                        THEN coalesce($2::jsonb ->> 'phone', '')
                        ELSE x.phone END
      FROM d WHERE x.id = d.id),
p AS (
    INSERT INTO portfolios AS p (org_id, id, daily_limit, updated_at)
    SELECT org_id, portfolio_id, nullif(($2::jsonb ->> 'limit')::int, -1),
           now()
      FROM d WHERE portfolio_id <> '' AND $2::jsonb ->> 'limit' IS NOT NULL
    ON CONFLICT (org_id, id) DO UPDATE
        SET daily_limit = excluded.daily_limit, updated_at = now()
      WHERE p.daily_limit IS DISTINCT FROM excluded.daily_limit),
e AS (
    INSERT INTO account_events (org_id, account_id, id, event, state, reason,
                                detail)
    SELECT org_id, id, $5::uuid, 'health',
           coalesce(h #>> '{health,can_send}', h ->> 'status'),
           CASE WHEN $2::jsonb IS NULL THEN 'refused' END,
           coalesce($4::text, what)
      FROM d WHERE what <> '')
SELECT what <> '', name, h FROM d;

-- name: account_profile_keep
-- As it was read.
UPDATE accounts SET profile = $2::jsonb WHERE id = $1::uuid;

-- name: account_happened
-- In the number's story.
INSERT INTO account_events (org_id, account_id, id, event, state, detail)
SELECT org_id, id, $2::uuid, $3::text, $4::text, $5::text
  FROM accounts WHERE id = $1::uuid;

-- name: account_file
-- A picture of ours.
SELECT encode(sha256, 'hex'), mime, bytes FROM media
 WHERE id = $1::uuid AND state = 'ready';
