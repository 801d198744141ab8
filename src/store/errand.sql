-- name: errand_soon
-- The errands up to the horizon; the helper is told of new ones.
SELECT org_id, ref_id, (extract(epoch FROM due_at - now()) * 1000)::bigint
  FROM agenda
 WHERE kind = 'errand' AND due_at <= now() + make_interval(secs => $1::int)
 ORDER BY due_at LIMIT 5000;

-- name: errand_claim
-- What is due, to one worker each: the line moves ahead by the lease, so that
-- what a dead worker had comes back by itself.  Of a second worker that asks
-- at the same time nothing is waited for.
UPDATE agenda a SET due_at = now() + make_interval(secs => $2::int)
  FROM (SELECT ref_id FROM agenda
         WHERE kind = 'errand' AND due_at <= now()
         ORDER BY due_at LIMIT $1::int FOR UPDATE SKIP LOCKED) d
 WHERE a.kind = 'errand' AND a.ref_id = d.ref_id
RETURNING a.org_id, a.ref_id;

-- name: errand_begin
-- Counted before it is tried: one that kills its worker ends by its count.
UPDATE errands SET attempts = least(attempts + 1, 30000)
 WHERE id = $1::uuid
RETURNING kind, account_id, ref_id, args, attempts;

-- name: errand_account
-- The columns of account_use.
SELECT a.id, a.org_id, a.provider, a.number_id, a.secrets, a.base_url,
       a.api_version, a.rate_limit, a.business_id, a.phone, a.channel,
       nullif(a.config, '{}')
  FROM accounts a JOIN errands e ON e.account_id = a.id
 WHERE e.id = $1::uuid;

-- name: errand_done
-- Not one that was asked for again while it ran ($2: the attempts it had then;
-- asking again sets them back).
WITH e AS (
    DELETE FROM errands WHERE id = $1::uuid AND attempts = $2::int
    RETURNING id)
DELETE FROM agenda a USING e WHERE a.kind = 'errand' AND a.ref_id = e.id;

-- name: errand_again
-- Later; $3 false: it was not tried, so it is not counted.
WITH e AS (
    UPDATE errands SET detail = $4::text,
           attempts = attempts - (NOT $3::bool)::int
     WHERE id = $1::uuid RETURNING id)
UPDATE agenda a SET due_at = now() + make_interval(secs => $2::int / 1000.0)
  FROM e WHERE a.kind = 'errand' AND a.ref_id = e.id;

-- name: errand_failed
-- For good: it stays, with its reason, and nothing wakes it.
WITH e AS (
    UPDATE errands SET failed_at = now(), detail = $2::text
     WHERE id = $1::uuid RETURNING id)
DELETE FROM agenda WHERE kind = 'errand' AND ref_id = $1::uuid;
