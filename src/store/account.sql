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
SELECT id, org_id, provider, number_id, secrets, base_url, api_version,
       rate_limit, count_inbound
  FROM accounts
 WHERE id = (SELECT ref_id FROM directory
              WHERE kind = 'hook' AND key = $1::bytea);

-- name: account_send
-- What a worker needs to send for a number.
SELECT id, org_id, provider, number_id, secrets, base_url, api_version,
       rate_limit
  FROM accounts WHERE id = $1::uuid;
