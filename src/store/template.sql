-- name: template_insert
-- Status is the provider's to say; until it was asked it is "unverified".  Its
-- first version comes with it.
WITH t AS (
    INSERT INTO templates (org_id, id, name, language, category, document,
                           header, body, footer)
    VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::text,
            $4::text, $5::jsonb, $6::text, $7::text, $8::text)
    RETURNING org_id, id, category, document)
INSERT INTO template_versions (org_id, template_id, version, category,
                               document, created_by)
SELECT org_id, id, 1, category, document, $9::uuid FROM t;

-- name: template_get
-- One row by primary key.  The document is the newest version's; the texts are
-- what is sent.  The last column is the ETag.
SELECT t.id, t.name, t.language, t.category, t.header, t.body, t.footer,
       t.status, t.created_at, t.updated_at, v.document, t.version,
       t.submitted_version, t.account_id, t.provider_id, t.status_reason,
       t.category_was, t.quality, t.paused_until, t.submitted_at,
       t.checked_at, t.deleted_at, t.version::text
  FROM templates t
  JOIN template_versions v ON v.org_id = t.org_id AND v.template_id = t.id
   AND v.version = t.version
 WHERE t.id = $1::uuid;

-- name: template_list
-- Newest first.  A template's few hundred siblings are looked through, not
-- indexed: people ask for this, and a business may have some thousands.
SELECT t.id, t.name, t.language, t.category, t.header, t.body, t.footer,
       t.status, t.created_at, t.updated_at, v.document, t.version,
       t.submitted_version, t.account_id, t.provider_id, t.status_reason,
       t.category_was, t.quality, t.paused_until, t.submitted_at,
       t.checked_at, t.deleted_at
  FROM templates t
  JOIN template_versions v ON v.org_id = t.org_id AND v.template_id = t.id
   AND v.version = t.version
 WHERE t.id < $1::uuid AND (t.deleted_at IS NOT NULL) = $3::bool
   AND ($4::text IS NULL OR t.status = $4::text)
   AND ($5::text IS NULL OR t.category = $5::text)
   AND ($6::text IS NULL OR t.language = $6::text)
   AND ($7::text IS NULL OR t.name = $7::text)
   AND ($8::text IS NULL OR strpos(lower(t.name), lower($8::text)) > 0
        OR strpos(lower(t.body), lower($8::text)) > 0)
 ORDER BY t.id DESC LIMIT $2::int;

-- name: template_languages
-- All languages of one name together, for whoever looks at one of them.
SELECT t.id, t.name, t.language, t.category, t.header, t.body, t.footer,
       t.status, t.created_at, t.updated_at, v.document, t.version,
       t.submitted_version, t.account_id, t.provider_id, t.status_reason,
       t.category_was, t.quality, t.paused_until, t.submitted_at,
       t.checked_at, t.deleted_at
  FROM templates t
  JOIN template_versions v ON v.org_id = t.org_id AND v.template_id = t.id
   AND v.version = t.version
 WHERE t.deleted_at IS NULL
   AND t.name = (SELECT x.name FROM templates x WHERE x.id = $1::uuid)
 ORDER BY t.language;

-- name: template_sibling
-- The same name in another language.
SELECT t.id, t.name, t.language, t.category, t.header, t.body, t.footer,
       t.status, t.created_at, t.updated_at, v.document, t.version,
       t.submitted_version, t.account_id, t.provider_id, t.status_reason,
       t.category_was, t.quality, t.paused_until, t.submitted_at,
       t.checked_at, t.deleted_at
  FROM templates t
  JOIN template_versions v ON v.org_id = t.org_id AND v.template_id = t.id
   AND v.version = t.version
 WHERE t.deleted_at IS NULL AND t.language = $2::text
   AND t.name = (SELECT x.name FROM templates x WHERE x.id = $1::uuid);

-- name: template_update
-- A new version, if the newest is still $2.  What the provider has stays what
-- is sent until it is submitted again.
WITH t AS (
    UPDATE templates SET name = $3::text, language = $4::text,
           category = $5::text, version = version + 1, updated_at = now(),
           document = CASE WHEN submitted_version IS NULL THEN $6::jsonb
                           ELSE document END,
           header = CASE WHEN submitted_version IS NULL THEN $7::text
                         ELSE header END,
           body = CASE WHEN submitted_version IS NULL THEN $8::text
                       ELSE body END,
           footer = CASE WHEN submitted_version IS NULL THEN $9::text
                         ELSE footer END
     WHERE id = $1::uuid AND version = $2::int AND deleted_at IS NULL
    RETURNING org_id, id, version, category)
INSERT INTO template_versions (org_id, template_id, version, category,
                               document, created_by)
SELECT org_id, id, version, category, $6::jsonb, $10::uuid FROM t
RETURNING version;

-- name: template_in_use
-- Broadcasts that are still to send it, the first few by name.
SELECT b.id, b.name FROM broadcasts b
 WHERE b.status IN ('scheduled', 'sending', 'paused')
   AND (b.template_id = $1::uuid OR b.variants @> jsonb_build_array(
            jsonb_build_object('template_id', $1::uuid::text)))
 ORDER BY b.id LIMIT 3;

-- name: template_delete
-- To the bin; $2: the provider has it no more.  Broadcasts that still send it
-- keep it where it is.
UPDATE templates t SET deleted_at = coalesce(deleted_at, now()),
       updated_at = now(),
       status = CASE WHEN $2::bool THEN 'deleted' ELSE status END,
       status_at = CASE WHEN $2::bool THEN now() ELSE status_at END,
       provider_id = CASE WHEN $2::bool THEN NULL ELSE provider_id END
 WHERE id = $1::uuid AND NOT EXISTS (
        SELECT FROM broadcasts b
         WHERE b.status IN ('scheduled', 'sending', 'paused')
           AND (b.template_id = t.id OR b.variants @> jsonb_build_array(
                    jsonb_build_object('template_id', t.id::text))))
RETURNING id, name, deleted_at, provider_id IS NOT NULL;

-- name: template_destroy
-- Only from the bin, with its versions.
WITH c AS (
    DELETE FROM template_counters WHERE template_id = $1::uuid)
DELETE FROM templates WHERE id = $1::uuid AND deleted_at IS NOT NULL
RETURNING id, name, now(), provider_id IS NOT NULL;

-- name: template_restore
-- Back from the bin, unless its name was taken meanwhile.
UPDATE templates SET deleted_at = NULL, updated_at = now()
 WHERE id = $1::uuid AND deleted_at IS NOT NULL RETURNING id;

-- name: template_duplicate
-- The newest version under another name: nobody has submitted that one.
WITH o AS (
    SELECT t.org_id, t.name, t.language, v.category, v.document
      FROM templates t
      JOIN template_versions v ON v.org_id = t.org_id
       AND v.template_id = t.id AND v.version = t.version
     WHERE t.id = $1::uuid),
t AS (
    INSERT INTO templates (org_id, id, name, language, category, document,
                           header, body, footer)
    SELECT org_id, $2::uuid, coalesce($3::text, left(name, 507) || '_copy'),
           coalesce($4::text, language), category, document, $5::text,
           $6::text, $7::text
      FROM o
    RETURNING org_id, id, category, document)
INSERT INTO template_versions (org_id, template_id, version, category,
                               document, created_by)
SELECT org_id, id, 1, category, document, $8::uuid FROM t;

-- name: template_import
-- One of many: made, or a new version where there is one of its name and
-- language ($10: 'version'), else left alone.
WITH old AS (
    SELECT t.org_id, t.id, t.submitted_version, v.document, t.category
      FROM templates t
      JOIN template_versions v ON v.org_id = t.org_id
       AND v.template_id = t.id AND v.version = t.version
     WHERE t.name = $2::text AND t.language = $3::text
       AND t.deleted_at IS NULL
       FOR UPDATE OF t),
up AS (
    UPDATE templates t SET version = t.version + 1, updated_at = now(),
           document = CASE WHEN t.submitted_version IS NULL THEN $5::jsonb
                           ELSE t.document END,
           header = CASE WHEN t.submitted_version IS NULL THEN $6::text
                         ELSE t.header END,
           body = CASE WHEN t.submitted_version IS NULL THEN $7::text
                       ELSE t.body END,
           footer = CASE WHEN t.submitted_version IS NULL THEN $8::text
                         ELSE t.footer END
      FROM old WHERE t.org_id = old.org_id AND t.id = old.id
       AND $10::text = 'version' AND old.document <> $5::jsonb
    RETURNING t.org_id, t.id, t.version, t.category),
made AS (
    INSERT INTO templates (org_id, id, name, language, category, document,
                           header, body, footer)
    SELECT current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::text,
           $4::text, $5::jsonb, $6::text, $7::text, $8::text
     WHERE NOT EXISTS (SELECT FROM old)
    RETURNING org_id, id, version, category),
v AS (
    INSERT INTO template_versions (org_id, template_id, version, category,
                                   document, created_by)
    SELECT x.org_id, x.id, x.version, x.category, $5::jsonb, $9::uuid
      FROM (SELECT * FROM up UNION ALL SELECT * FROM made) x)
SELECT id, 'created' FROM made
UNION ALL
SELECT id, 'updated' FROM up
UNION ALL
SELECT id, 'skipped' FROM old WHERE NOT EXISTS (SELECT FROM up);

-- name: template_export
-- All that is live, or one name's, in a steady order.
SELECT t.name, t.language, t.category, v.document
  FROM templates t
  JOIN template_versions v ON v.org_id = t.org_id AND v.template_id = t.id
   AND v.version = t.version
 WHERE t.deleted_at IS NULL AND ($1::text IS NULL OR t.name = $1::text)
   AND ($2::text IS NULL OR t.language = $2::text)
   AND ($3::text IS NULL OR t.category = $3::text)
 ORDER BY t.name, t.language LIMIT 10000;

-- name: template_versions
-- From the first on.
SELECT v.version, v.category, v.created_by, v.created_at,
       v.version = t.version, coalesce(v.version = t.submitted_version, false)
  FROM template_versions v
  JOIN templates t ON t.org_id = v.org_id AND t.id = v.template_id
 WHERE v.template_id = $1::uuid AND v.version > $2::int
 ORDER BY v.version LIMIT $3::int;

-- name: template_version
-- One of them.
SELECT v.version, v.category, v.created_by, v.created_at,
       v.version = t.version, coalesce(v.version = t.submitted_version,
       false), v.document
  FROM template_versions v
  JOIN templates t ON t.org_id = v.org_id AND t.id = v.template_id
 WHERE v.template_id = $1::uuid AND v.version = $2::int;

-- name: snippet_insert
-- A text of our own.
INSERT INTO snippets (org_id, id, shortcut, kind, language, title, body)
VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::text,
        $4::text, $5::text, $6::text);

-- name: snippet_get
-- The last column is the ETag.
SELECT id, shortcut, kind, language, title, body, created_at, updated_at,
       md5(ROW(shortcut, kind, language, title, body)::text)
  FROM snippets WHERE id = $1::uuid;

-- name: snippet_list
-- Newest first; people type the beginning of a shortcut.
SELECT id, shortcut, kind, language, title, body, created_at, updated_at
  FROM snippets
 WHERE id < $1::uuid AND ($3::text IS NULL OR kind = $3::text)
   AND ($4::text IS NULL OR language = $4::text)
   AND ($5::text IS NULL OR starts_with(shortcut, $5::text)
        OR strpos(lower(title || ' ' || body), lower($5::text)) > 0)
 ORDER BY id DESC LIMIT $2::int;

-- name: snippet_update
-- $2 holds only the members to change; $3 is the version that was read.
-- False: it is another by now, and nothing is done.
WITH s AS (
    SELECT org_id, id, $3::text IS NULL OR $3::text = md5(
               ROW(shortcut, kind, language, title, body)::text) AS same
      FROM snippets WHERE id = $1::uuid FOR UPDATE),
u AS (
    UPDATE snippets x SET
        shortcut = coalesce($2::jsonb ->> 'shortcut', x.shortcut),
        kind = coalesce($2::jsonb ->> 'kind', x.kind),
        language = coalesce($2::jsonb ->> 'language', x.language),
        title = coalesce($2::jsonb ->> 'title', x.title),
        body = coalesce($2::jsonb ->> 'body', x.body),
        updated_at = now()
      FROM s WHERE x.org_id = s.org_id AND x.id = s.id AND s.same)
SELECT same FROM s;

-- name: snippet_delete
-- For good.
DELETE FROM snippets WHERE id = $1::uuid RETURNING id;

-- name: template_results
-- What came of the template $1 and of its other languages, by version ($2, $3:
-- only that version, that language): single messages, and broadcasts by
-- the version that they were frozen with.  A variant's counters are the
-- stripes from 256 times its number on.
WITH t AS (
    SELECT x.org_id, x.id, x.language FROM templates x
     WHERE x.name = (SELECT y.name FROM templates y WHERE y.id = $1::uuid)
       AND (x.deleted_at IS NULL OR x.id = $1::uuid)
       AND ($3::text IS NULL OR x.language = $3::text)),
r AS (
    SELECT c.template_id, c.version, 0 AS broadcasts, c.sent, c.delivered,
           c.read, c.clicked, c.replied, c.failed, c.opted_out, c.cost
      FROM t JOIN template_counters c
        ON c.org_id = t.org_id AND c.template_id = t.id
    UNION ALL
    SELECT b.template_id, b.version, 1, s.*
      FROM t JOIN broadcast_templates b
        ON b.org_id = t.org_id AND b.template_id = t.id, LATERAL (
            SELECT coalesce(sum(c.sent), 0), coalesce(sum(c.delivered), 0),
                   coalesce(sum(c.read), 0), coalesce(sum(c.clicked), 0),
                   coalesce(sum(c.replied), 0), coalesce(sum(c.failed), 0),
                   coalesce(sum(c.opted_out), 0), coalesce(sum(c.cost), 0)
              FROM broadcast_counters c
             WHERE c.org_id = b.org_id AND c.broadcast_id = b.broadcast_id
               AND c.stripe BETWEEN 256 * b.variant AND 256 * b.variant + 255
           ) s)
SELECT t.id, t.language, r.version, sum(r.broadcasts), sum(r.sent),
       sum(r.delivered), sum(r.read), sum(r.clicked), sum(r.replied),
       sum(r.failed), sum(r.opted_out),
       trim_scale(sum(r.cost) / 1000000.0)::text
  FROM t JOIN r ON r.template_id = t.id
 WHERE $2::int IS NULL OR r.version = $2::int
 GROUP BY t.id, t.language, r.version
 ORDER BY t.id = $1::uuid DESC, t.language, r.version DESC;
