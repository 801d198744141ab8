-- name: contact_get
-- One row by primary key; every list shows the same columns.
SELECT id, name, first_name, last_name, phone, email, language, tags, fields,
       marketing_opt_out, time_zone, country,
       coalesce(time_zone, phone_zone, (SELECT o.time_zone FROM orgs o)),
       created_at, updated_at
  FROM contacts WHERE id = $1::uuid;

-- name: contact_insert
-- The phone is also an address, because a contact is found by any of them.
WITH c AS (
    INSERT INTO contacts (org_id, id, name, first_name, last_name, phone,
                          email, language, tags, fields, marketing_opt_out,
                          time_zone)
    VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::text,
            $4::text, $5::text, $6::text, $7::text, $8::text[], $9::jsonb,
            $10::bool, $11::text)
    RETURNING *),
a AS (
    INSERT INTO addresses (org_id, kind, value, contact_id)
    SELECT org_id, 'phone', phone, id FROM c WHERE phone IS NOT NULL)
SELECT id, name, first_name, last_name, phone, email, language, tags, fields,
       marketing_opt_out, time_zone, country,
       coalesce(time_zone, phone_zone, (SELECT o.time_zone FROM orgs o)),
       created_at, updated_at FROM c;

-- name: contact_update
-- $2 holds only the members to change, so absent and null differ.  The address
-- of the old phone goes when the phone changes.  A change that would leave
-- neither phone nor e-mail is not made: the row is then all null.
WITH o AS (
    SELECT id, phone, NOT $2::jsonb ?| ARRAY['phone', 'email'] OR coalesce(
               CASE WHEN $2::jsonb ? 'phone' THEN $2::jsonb ->> 'phone'
                    ELSE phone END,
               CASE WHEN $2::jsonb ? 'email' THEN $2::jsonb ->> 'email'
                    ELSE nullif(email, '') END) IS NOT NULL AS reachable
      FROM contacts WHERE id = $1::uuid FOR UPDATE),
c AS (
    UPDATE contacts c SET
        name = CASE WHEN $2::jsonb ? 'name'
            THEN coalesce($2::jsonb ->> 'name', '') ELSE c.name END,
        first_name = CASE WHEN $2::jsonb ? 'first_name'
            THEN coalesce($2::jsonb ->> 'first_name', '')
            ELSE c.first_name END,
        last_name = CASE WHEN $2::jsonb ? 'last_name'
            THEN coalesce($2::jsonb ->> 'last_name', '') ELSE c.last_name END,
        phone = CASE WHEN $2::jsonb ? 'phone'
            THEN $2::jsonb ->> 'phone' ELSE c.phone END,
        email = CASE WHEN $2::jsonb ? 'email'
            THEN $2::jsonb ->> 'email' ELSE c.email END,
        language = CASE WHEN $2::jsonb ? 'language'
            THEN $2::jsonb ->> 'language' ELSE c.language END,
        tags = CASE WHEN $2::jsonb ? 'tags'
            THEN ARRAY(SELECT jsonb_array_elements_text($2::jsonb -> 'tags'))
            ELSE c.tags END,
        fields = CASE WHEN $2::jsonb ? 'fields'
            THEN $2::jsonb -> 'fields' ELSE c.fields END,
        marketing_opt_out = CASE WHEN $2::jsonb ? 'marketing_opt_out'
            THEN ($2::jsonb ->> 'marketing_opt_out')::bool
            ELSE c.marketing_opt_out END,
        time_zone = CASE WHEN $2::jsonb ? 'time_zone'
            THEN $2::jsonb ->> 'time_zone' ELSE c.time_zone END,
        updated_at = now()
      FROM o WHERE c.id = o.id AND o.reachable
    RETURNING c.*),
x AS (
    DELETE FROM addresses a USING o, c
     WHERE a.kind = 'phone' AND a.value = o.phone AND a.contact_id = o.id
       AND c.phone IS DISTINCT FROM o.phone),
a AS (
    INSERT INTO addresses (org_id, kind, value, contact_id)
    SELECT c.org_id, 'phone', c.phone, c.id FROM c, o
     WHERE c.phone IS NOT NULL AND c.phone IS DISTINCT FROM o.phone
    ON CONFLICT (org_id, kind, value) DO UPDATE
        SET contact_id = excluded.contact_id)
SELECT c.id, c.name, c.first_name, c.last_name, c.phone, c.email, c.language,
       c.tags, c.fields, c.marketing_opt_out, c.time_zone, c.country,
       coalesce(c.time_zone, c.phone_zone, (SELECT o.time_zone FROM orgs o)),
       c.created_at, c.updated_at
  FROM o LEFT JOIN c ON c.id = o.id;

-- name: contact_delete
-- Addresses, tags and words follow; the ledger keeps its rows.
DELETE FROM contacts WHERE id = $1::uuid RETURNING id;

-- name: contact_list
-- Newest first by key: a page costs the same however deep it is.
SELECT id, name, first_name, last_name, phone, email, language, tags, fields,
       marketing_opt_out, time_zone, country,
       coalesce(time_zone, phone_zone, (SELECT o.time_zone FROM orgs o)),
       created_at, updated_at
  FROM contacts WHERE id < $1::uuid ORDER BY id DESC LIMIT $2::int;

-- name: contact_list_tag
-- The tag's own index is in the order of the answer.
SELECT c.id, c.name, c.first_name, c.last_name, c.phone, c.email, c.language,
       c.tags, c.fields, c.marketing_opt_out, c.time_zone, c.country,
       coalesce(c.time_zone, c.phone_zone, (SELECT o.time_zone FROM orgs o)),
       c.created_at, c.updated_at
  FROM contact_tags t
  JOIN contacts c ON c.org_id = t.org_id AND c.id = t.contact_id
 WHERE t.tag = $3::text AND t.contact_id < $1::uuid
 ORDER BY t.contact_id DESC LIMIT $2::int;

-- name: contact_search
-- Prefix of any word of the name, of the phone or of the e-mail: the longest
-- word asked for drives the index, the others and the tag filter.  Words are
-- kept in lower case and cut at 64 characters, and so is what is asked for.
SELECT c.id, c.name, c.first_name, c.last_name, c.phone, c.email, c.language,
       c.tags, c.fields, c.marketing_opt_out, c.time_zone, c.country,
       coalesce(c.time_zone, c.phone_zone, (SELECT o.time_zone FROM orgs o)),
       c.created_at, c.updated_at
  FROM (SELECT DISTINCT w.contact_id FROM contact_words w
         WHERE w.word >= left(lower($3::text), 64)
           AND w.word < left(lower($3::text), 64) || chr(1114111)
           AND w.contact_id < $1::uuid) f
  JOIN contacts c ON c.id = f.contact_id
 WHERE NOT EXISTS (
        SELECT 1 FROM (SELECT left(lower(t), 64) FROM unnest($4::text[]) t)
                      AS a (q)
         WHERE NOT EXISTS (
            SELECT 1 FROM contact_words w
             WHERE w.contact_id = c.id AND w.word >= a.q
               AND w.word < a.q || chr(1114111)))
   AND ($5::text IS NULL OR EXISTS (
        SELECT 1 FROM contact_tags t
         WHERE t.tag = $5::text AND t.contact_id = c.id))
 ORDER BY c.id DESC LIMIT $2::int;

-- name: contact_export
-- In order of creation, page by page.  Tags are joined by a comma, and where a
-- tag holds a separator itself, by the one of Google's exports, so that the
-- import reads them back as they were.
SELECT id, name, first_name, last_name, phone, email, language,
       CASE WHEN array_to_string(tags, '') ~ '[,;|]'
            THEN array_to_string(tags, ' ::: ') || ' ::: '
            ELSE array_to_string(tags, ', ') END,
       time_zone, created_at
  FROM contacts WHERE id > $1::uuid ORDER BY id LIMIT $2::int;

-- name: import_begin
-- Known from the start, so that a broken upload can be looked at.
INSERT INTO imports (org_id, id, dry_run)
VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::bool);

-- name: import_rows
-- One batch of good rows.  A phone that is known updates that contact: empty
-- columns change nothing, tags and fields are merged, so importing twice is
-- harmless. The batch has each phone once (the importer sees to it); in the
-- order of phones two imports that meet wait for each other instead of
-- deadlocking.
WITH r AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[],
        $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[],
        $10::jsonb[])
        AS r (id, name, first_name, last_name, phone, email, language,
              time_zone, tags, fields)),
up AS (
    INSERT INTO contacts AS c (org_id, id, name, first_name, last_name, phone,
                               email, language, time_zone, tags, fields)
    SELECT current_setting('herald.org')::uuid, r.id, r.name, r.first_name,
           r.last_name, r.phone, r.email, r.language, r.time_zone,
           ARRAY(SELECT jsonb_array_elements_text(r.tags)), r.fields
      FROM r ORDER BY r.phone
    ON CONFLICT (phone, org_id) DO UPDATE SET
        name = coalesce(nullif(excluded.name, ''), c.name),
        first_name = coalesce(nullif(excluded.first_name, ''), c.first_name),
        last_name = coalesce(nullif(excluded.last_name, ''), c.last_name),
        email = coalesce(excluded.email, c.email),
        language = coalesce(excluded.language, c.language),
        time_zone = coalesce(excluded.time_zone, c.time_zone),
        tags = ARRAY(SELECT DISTINCT t FROM unnest(c.tags || excluded.tags) t
                      ORDER BY t),
        fields = c.fields || excluded.fields,
        updated_at = now()
    RETURNING c.org_id, c.id, c.phone, (c.xmax = 0) AS created),
a AS (
    INSERT INTO addresses (org_id, kind, value, contact_id)
    SELECT org_id, 'phone', phone, id FROM up WHERE created
    ON CONFLICT DO NOTHING)
SELECT count(*) FILTER (WHERE created), count(*) FILTER (WHERE NOT created)
  FROM up;

-- name: import_known
-- A dry run's batch: how many of these phones are there already.
SELECT count(*) FROM contacts WHERE phone = ANY ($1::text[]);

-- name: import_errors_add
-- The bad rows of a batch, by line.
INSERT INTO import_errors (org_id, import_id, line, code, detail)
SELECT current_setting('herald.org')::uuid, $1::uuid, l, c, d
  FROM unnest($2::bigint[], $3::text[], $4::text[]) AS e (l, c, d)
ON CONFLICT DO NOTHING;

-- name: import_finish
-- The sums, once.
UPDATE imports SET rows = $2::int, created = $3::int, updated = $4::int,
       failed = $5::int, finished_at = now() WHERE id = $1::uuid;

-- name: import_errors_list
-- Every bad row, by line; the cursor is the line.
SELECT line, code, detail FROM import_errors
 WHERE import_id = $1::uuid AND line > $2::bigint
 ORDER BY line LIMIT $3::int;

-- name: import_exists
-- 404 for another tenant's import.
SELECT 1 FROM imports WHERE id = $1::uuid;
