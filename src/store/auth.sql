-- name: set_org
-- Every unit begins with it: what follows sees only this organisation, and the
-- setting ends with the transaction.
SELECT set_config('herald.org', $1::text, true);

-- name: directory_find
-- The credential decides the organisation; the statements behind it in the
-- same unit then run as that organisation, or see nothing when it is unknown.
SELECT org_id, ref_id, set_config('herald.org', org_id::text, true)
  FROM directory WHERE kind = $1::text AND key = $2::bytea;

-- name: login_blocked
-- Seconds still to wait for any of the two keys (address, e-mail); 0: go on.
SELECT coalesce(ceil(extract(epoch FROM max(blocked_until) - now())), 0)::int
  FROM login_throttle
 WHERE key IN ($1::bytea, $2::bytea) AND blocked_until > now();

-- name: login_failed
-- The first $2 failures within an hour are free (fewer for an e-mail than for
-- an address, behind which many may sit); then a minute, doubling up to an
-- hour.
INSERT INTO login_throttle AS t (key, failures, last_at)
VALUES ($1::bytea, 1, now())
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN t.last_at < now() - interval '1 hour' THEN 1
                    ELSE t.failures + 1 END,
    last_at = now(),
    blocked_until = CASE WHEN t.last_at >= now() - interval '1 hour'
                          AND t.failures + 1 >= $2::int
                    THEN now() + least(interval '1 minute'
                         * power(2, least(t.failures + 1 - $2::int, 6)),
                         interval '1 hour') END;

-- name: login_passed
-- Only the e-mail's count is forgiven: one good account behind an address must
-- not open the way for guessing others.
DELETE FROM login_throttle WHERE key = $1::bytea;

-- name: user_by_email
-- After directory_find of kind email.
SELECT u.id, u.email, u.name, u.role, u.org_id, o.name, u.password_hash
  FROM users u JOIN orgs o USING (org_id)
 WHERE u.id = (SELECT ref_id FROM directory
                WHERE kind = 'email' AND key = $1::bytea);

-- name: session_insert
-- Only the token's hash is kept.
WITH s AS (
    INSERT INTO sessions (org_id, id, user_id, token_hash, expires_at)
    VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::uuid, $3::bytea,
            $4::timestamptz) RETURNING *)
INSERT INTO directory (kind, key, org_id, ref_id)
SELECT 'session', token_hash, org_id, id FROM s;

-- name: session_find
-- After directory_find of kind session.
SELECT s.id, u.id, u.email, u.name, u.role, u.org_id, o.name, s.expires_at,
       extract(epoch FROM s.expires_at)::bigint
  FROM sessions s JOIN users u ON u.org_id = s.org_id AND u.id = s.user_id
  JOIN orgs o ON o.org_id = s.org_id
 WHERE s.id = (SELECT ref_id FROM directory
                WHERE kind = 'session' AND key = $1::bytea)
   AND s.expires_at > now();

-- name: session_delete
-- Signing out takes the way in first.
WITH d AS (DELETE FROM directory WHERE kind = 'session' AND key = $1::bytea)
DELETE FROM sessions WHERE token_hash = $1::bytea;

-- name: api_key_insert
-- Answer of the creation; the key itself is known to the caller only.
WITH k AS (
    INSERT INTO api_keys (org_id, id, name, prefix, key_hash, scopes,
                          expires_at, created_by)
    VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::text,
            $4::bytea, $5::text[], $6::timestamptz, $7::uuid) RETURNING *),
d AS (
    INSERT INTO directory (kind, key, org_id, ref_id)
    SELECT 'api_key', key_hash, org_id, id FROM k)
SELECT id, name, prefix, scopes, expires_at, created_at FROM k;

-- name: api_key_list
-- Newest first; the hash never leaves.
SELECT id, name, prefix, scopes, expires_at, created_at FROM api_keys
 WHERE id < $1::uuid ORDER BY id DESC LIMIT $2::int;

-- name: api_key_delete
-- Gone from the directory in the same transaction: the next look-up fails.
WITH k AS (DELETE FROM api_keys WHERE id = $1::uuid RETURNING key_hash),
d AS (DELETE FROM directory x USING k
       WHERE x.kind = 'api_key' AND x.key = k.key_hash)
SELECT 1 FROM k;

-- name: api_key_find
-- After directory_find of kind api_key.
SELECT k.id, k.scopes, k.org_id, o.name,
       coalesce(extract(epoch FROM k.expires_at)::bigint, 0)
  FROM api_keys k JOIN orgs o USING (org_id)
 WHERE k.id = (SELECT ref_id FROM directory
                WHERE kind = 'api_key' AND key = $1::bytea)
   AND (k.expires_at IS NULL OR k.expires_at > now());

-- name: ping
-- Is PostgreSQL there?
SELECT 1;
