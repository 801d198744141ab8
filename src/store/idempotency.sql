-- name: idempotency_begin
-- The first with this key gets a row; one from yesterday is taken over.  A
-- second that comes at the same time waits for the first's commit here.
INSERT INTO idempotency_keys AS k (org_id, key, fingerprint)
VALUES (current_setting('herald.org')::uuid, $1::text, $2::bytea)
ON CONFLICT (org_id, key) DO UPDATE SET
    fingerprint = excluded.fingerprint, status = NULL, body = NULL,
    created_at = now()
 WHERE k.created_at < now() - interval '24 hours'
RETURNING 1;

-- name: idempotency_find
-- What the first was, and what it was answered, if it was.
SELECT fingerprint = $2::bytea, coalesce(status, 0), body
  FROM idempotency_keys WHERE key = $1::text;

-- name: idempotency_store
-- The answer, before it is given.
UPDATE idempotency_keys SET status = $2::int, body = $3::text
 WHERE key = $1::text;

-- name: idempotency_drop
-- Nothing was done: the same key may try again.
DELETE FROM idempotency_keys WHERE key = $1::text AND status IS NULL;

-- name: idempotency_expire
-- A few of yesterday's each time, so that nobody has to sweep.
DELETE FROM idempotency_keys WHERE key IN (
    SELECT key FROM idempotency_keys
     WHERE created_at < now() - interval '24 hours' LIMIT 20)
   AND created_at < now() - interval '24 hours';
