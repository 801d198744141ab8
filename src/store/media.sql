-- name: media_put
-- The same file under the same name is the one that is there: a client that
-- sends it again (it did not hear our answer) gets the same id.
WITH old AS (
    SELECT id FROM media
     WHERE sha256 = $2::bytea AND filename = $5::text AND mime = $3::text
       AND source = 'upload' AND state = 'ready'
     ORDER BY id LIMIT 1),
new AS (
    INSERT INTO media (org_id, id, sha256, mime, bytes, filename, source,
                       state, created_by)
    SELECT current_setting('herald.org')::uuid, $1::uuid, $2::bytea, $3::text,
           $4::bigint, $5::text, 'upload', 'ready', $6::uuid
     WHERE NOT EXISTS (SELECT FROM old)
    RETURNING id)
SELECT id, true FROM new UNION ALL SELECT id, false FROM old;

-- name: media_get
-- One row by primary key.
SELECT id, filename, mime, bytes, encode(sha256, 'hex'), source, state,
       detail, account_id, created_at
  FROM media WHERE id = $1::uuid;

-- name: media_list
-- Newest first.
SELECT id, filename, mime, bytes, encode(sha256, 'hex'), source, state,
       detail, account_id, created_at
  FROM media
 WHERE id < $1::uuid AND ($3::text IS NULL OR source = $3::text)
   AND ($4::text IS NULL OR state = $4::text)
 ORDER BY id DESC LIMIT $2::int;

-- name: media_delete
-- The file itself goes later, when nothing has the same content: an upload may
-- be on its way to the same name.
WITH d AS (
    DELETE FROM media WHERE id = $1::uuid RETURNING org_id, id, sha256),
e AS (
    DELETE FROM errands x USING d
     WHERE x.kind = 'media_fetch' AND x.ref_id = d.id),
s AS (
    SELECT herald_errand($2::uuid, 'media_sweep', NULL, NULL,
               jsonb_build_object('sha256', encode(sha256, 'hex')),
               now() + interval '10 minutes') AS id
      FROM d WHERE sha256 IS NOT NULL)
SELECT d.id, (SELECT count(*) FROM s) FROM d;

-- name: media_used
-- Does any row need this content?
SELECT EXISTS (SELECT FROM media WHERE sha256 = $1::bytea
                  AND state = 'ready');

-- name: media_wanted
-- What is to be fetched; a row that is not wanted any more gives nothing.
SELECT mime, filename, source_ref FROM media
 WHERE id = $1::uuid AND state = 'wanted';

-- name: media_fetched
-- The file stands in its place: what its bytes say it is counts.
UPDATE media SET state = 'ready', sha256 = $2::bytea, mime = $3::text,
       bytes = $4::bigint, detail = NULL
 WHERE id = $1::uuid AND state = 'wanted'
RETURNING id;

-- name: media_failed
-- With the words that people read.
UPDATE media SET state = 'failed', detail = $2::text
 WHERE id = $1::uuid AND state = 'wanted'
RETURNING id;

-- name: media_send
-- The files of a message or a broadcast, and what the provider of the number
-- $2 calls them; an empty name: somebody is uploading it.  Renewed a day ahead.
SELECT f.id, encode(f.sha256, 'hex'), f.mime, f.filename, f.state, f.bytes,
       p.provider_id
  FROM media f
  LEFT JOIN media_uploads p ON p.org_id = f.org_id AND p.media_id = f.id
        AND p.account_id = $2::uuid
        AND p.expires_at > CASE p.provider_id WHEN '' THEN now()
                           ELSE now() + interval '1 day' END
 WHERE f.id = ANY ($1::uuid[]);

-- name: media_claim
-- One worker uploads a file for a number; its claim ends by itself.
INSERT INTO media_uploads AS p (org_id, media_id, account_id, provider_id,
                                expires_at)
VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::uuid, '',
        now() + make_interval(secs => $3::int))
ON CONFLICT (org_id, media_id, account_id) DO UPDATE
    SET provider_id = '', expires_at = excluded.expires_at
  WHERE p.expires_at <= CASE p.provider_id WHEN '' THEN now()
                        ELSE now() + interval '1 day' END
RETURNING media_id;

-- name: media_uploaded
-- Known for thirty days.
UPDATE media_uploads SET provider_id = $3::text,
       expires_at = now() + interval '30 days'
 WHERE media_id = $1::uuid AND account_id = $2::uuid;

-- name: media_unclaim
-- The upload failed: whoever comes next tries it.
DELETE FROM media_uploads
 WHERE media_id = $1::uuid AND account_id = $2::uuid AND provider_id = '';

-- name: media_forget
-- The provider does not know its own name of it any more.
DELETE FROM media_uploads
 WHERE account_id = $1::uuid AND provider_id = $2::text;

-- name: media_forget_of
-- The same, told by a status of one delivery: the files that it was sent with.
DELETE FROM media_uploads p
 WHERE p.account_id = $2::uuid AND p.provider_id <> ''
   AND p.media_id = ANY (ARRAY(
        SELECT m.media_id FROM messages m
         WHERE m.id = $1::uuid AND m.seq = 0 AND m.media_id IS NOT NULL
        UNION ALL
        SELECT (t.document #>> '{header,media_id}')::uuid
          FROM broadcasts b, jsonb_array_elements(
                   coalesce(b.variants, '[{}]')) v
          JOIN templates t ON true
         WHERE b.id = $1::uuid
           AND t.id = coalesce((v ->> 'template_id')::uuid, b.template_id)
           AND t.document #>> '{header,media_id}' IS NOT NULL));
