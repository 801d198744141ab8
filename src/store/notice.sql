-- name: notice_insert
-- Distinct addresses: one e-mail to each.
INSERT INTO notices (org_id, id, name, events, emails)
SELECT current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::text[],
       ARRAY(SELECT DISTINCT lower(e) FROM unnest($4::text[]) e ORDER BY 1);

-- name: notice_get
-- With what could not be delivered, newest first: a mistyped address shows.
SELECT n.id, n.name, n.events, n.emails, coalesce((
           SELECT json_agg(json_build_object('email', f.args ->> 'to',
                      'event', f.args ->> 'event', 'at', f.failed_at,
                      'detail', f.detail) ORDER BY f.failed_at DESC)
             FROM (SELECT e.args, e.failed_at, e.detail FROM errands e
                    WHERE e.kind = 'mail' AND e.failed_at IS NOT NULL
                      AND e.args ->> 'to' = ANY(n.emails)
                    ORDER BY e.failed_at DESC LIMIT 10) f), '[]'),
       n.created_at, n.updated_at,
       md5(ROW(n.name, n.events, n.emails)::text)
  FROM notices n WHERE n.id = $1::uuid;

-- name: notice_list
-- Newest first.
SELECT id, name, events, emails, created_at, updated_at
  FROM notices WHERE id < $1::uuid ORDER BY id DESC LIMIT $2::int;

-- name: notice_update
-- $2 to $4: NULL stays; $5 is the version that was read.  False: it is
-- another by now, and nothing is done.
WITH o AS (
    SELECT id, $5::text IS NULL OR $5::text = md5(
               ROW(name, events, emails)::text) AS same
      FROM notices WHERE id = $1::uuid FOR UPDATE),
u AS (
    UPDATE notices n SET name = coalesce($2::text, n.name),
           events = coalesce($3::text[], n.events),
           emails = CASE WHEN $4::text[] IS NULL THEN n.emails ELSE
               ARRAY(SELECT DISTINCT lower(e) FROM unnest($4::text[]) e
                      ORDER BY 1) END,
           updated_at = now()
      FROM o WHERE n.id = o.id AND o.same)
SELECT same FROM o;

-- name: notice_delete
-- What waits to be sent to it still goes.
DELETE FROM notices WHERE id = $1::uuid RETURNING 1;

-- name: notice_known
-- A row: some notice goes to this address.
SELECT true FROM notices WHERE emails @> ARRAY[lower($1::text)] LIMIT 1;
