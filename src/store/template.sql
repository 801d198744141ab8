-- name: template_insert
-- Status is the provider's to say; until it was asked it is "unverified".
INSERT INTO templates (org_id, id, name, language, category, header, body,
                       footer)
VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::text,
        $4::text, $5::text, $6::text, $7::text)
RETURNING id, name, language, category, header, body, footer, status,
          created_at, updated_at;

-- name: template_get
-- One row by primary key.
SELECT id, name, language, category, header, body, footer, status, created_at,
       updated_at FROM templates WHERE id = $1::uuid;

-- name: template_list
-- Newest first.
SELECT id, name, language, category, header, body, footer, status, created_at,
       updated_at
  FROM templates WHERE id < $1::uuid ORDER BY id DESC LIMIT $2::int;
