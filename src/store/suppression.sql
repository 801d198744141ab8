-- name: suppression_add
-- Phones $2 under the organisation's key $1.  The first reason stays.  In the
-- order of the key, so that two lists that meet do not wait for each other in
-- a circle.  The row of a single phone is told, of many only their numbers.
WITH p AS (
    SELECT DISTINCT sha256($1::bytea || convert_to(x, 'UTF8')) AS hash,
           right(x, 2) AS hint
      FROM unnest($2::text[]) x),
i AS (
    INSERT INTO suppressions (org_id, hash, hint, reason)
    SELECT current_setting('herald.org')::uuid, hash, hint, $3::text
      FROM p ORDER BY hash
    ON CONFLICT DO NOTHING
    RETURNING 1)
SELECT i.n, p.n - i.n, CASE WHEN p.n = 1 THEN left(p.hex, 32)::uuid END
  FROM (SELECT count(*) AS n FROM i) i,
       (SELECT count(*) AS n, min(encode(hash, 'hex')) AS hex FROM p) p;

-- name: suppression_list
-- By key, so that a page costs the same however deep it is.  The id is the
-- hash's beginning.
SELECT left(encode(hash, 'hex'), 32)::uuid, hint, reason, created_at
  FROM suppressions WHERE hash < uuid_send($1::uuid)
 ORDER BY hash DESC LIMIT $2::int;

-- name: suppression_check
-- Always one row: whether, and why.
SELECT s.hash IS NOT NULL, left(encode(s.hash, 'hex'), 32)::uuid, s.reason,
       s.created_at
  FROM (SELECT sha256($1::bytea || convert_to($2::text, 'UTF8'))) k (hash)
  LEFT JOIN suppressions s ON s.hash = k.hash;

-- name: suppression_delete
-- By id: all hashes that begin with it are one.
DELETE FROM suppressions
 WHERE hash BETWEEN uuid_send($1::uuid)
                AND uuid_send($1::uuid)
                    || '\xffffffffffffffffffffffffffffffff'::bytea
RETURNING 1;

-- name: suppression_delete_phone
-- By phone, under the organisation's key.
DELETE FROM suppressions
 WHERE hash = sha256($1::bytea || convert_to($2::text, 'UTF8'))
RETURNING 1;

-- name: opt_out_list
-- One contact: the flag for all numbers, and each number's own.
SELECT c.id, c.marketing_opt_out, coalesce((
           SELECT json_agg(json_build_object('account_id', x.account_id,
                      'source', x.source, 'created_at',
                      to_char(x.created_at AT TIME ZONE 'UTC',
                              'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
                      ORDER BY x.created_at, x.account_id)
             FROM opt_outs x WHERE x.contact_id = c.id), '[]')
  FROM contacts c WHERE c.id = $1::uuid;

-- name: opt_out_add
-- For the number $2, or for all when it is NULL.  False: no such number.
WITH c AS (
    SELECT org_id, id FROM contacts WHERE id = $1::uuid),
a AS (
    SELECT $2::uuid IS NULL OR EXISTS (
               SELECT FROM accounts WHERE id = $2::uuid) AS known),
f AS (
    UPDATE contacts x SET marketing_opt_out = true, updated_at = now()
     WHERE x.id = $1::uuid AND $2::uuid IS NULL AND NOT x.marketing_opt_out),
i AS (
    INSERT INTO opt_outs (org_id, contact_id, account_id, source)
    SELECT c.org_id, c.id, $2::uuid, $3::text FROM c, a
     WHERE $2::uuid IS NOT NULL AND a.known
    ON CONFLICT DO NOTHING)
SELECT a.known FROM c, a;

-- name: opt_out_remove
-- The same way back: each takes back only what it names.  What a number tells
-- late of an older wish does not stop again.
WITH f AS (
    UPDATE contacts x SET marketing_opt_out = false, updated_at = now()
     WHERE x.id = $1::uuid AND $2::uuid IS NULL AND x.marketing_opt_out),
d AS (
    DELETE FROM opt_outs
     WHERE contact_id = $1::uuid AND account_id = $2::uuid),
i AS (
    INSERT INTO opt_ins AS y (org_id, contact_id, account_id, at)
    SELECT c.org_id, c.id, a.id, now() FROM contacts c, accounts a
     WHERE c.id = $1::uuid AND a.id = $2::uuid
    ON CONFLICT (org_id, contact_id, account_id) DO UPDATE SET at = now())
SELECT true FROM contacts WHERE id = $1::uuid;
