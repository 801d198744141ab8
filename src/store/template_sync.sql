-- name: template_watch
-- The provider is asked again at $3 seconds from now, and every minute until
-- $4 seconds: soon after a submission there is news.  One errand for each
-- business.  No row: the number's business is not known.
SELECT herald_errand($1::uuid, 'template_sync', a.id,
                     md5(a.business_id)::uuid,
                     jsonb_build_object('until', extract(epoch FROM now()
                         + make_interval(secs => $4::int))::bigint),
                     now() + make_interval(secs => $3::int))
  FROM accounts a WHERE a.id = $2::uuid AND a.business_id <> '';

-- name: template_account
-- What a submission must know of the number.
SELECT provider, business_id, status FROM accounts WHERE id = $1::uuid;

-- name: template_media
-- The file that a header shows as its sample.
SELECT encode(sha256, 'hex'), mime, bytes, filename FROM media
 WHERE id = $1::uuid AND state = 'ready';

-- name: template_submitted
-- The provider took version $2: it is what is sent from now on.  Status and
-- category are what it answered ($5, $6), or pending.  Webhooks count in whole
-- seconds, so a time of ours is the second's beginning: none seems older.
UPDATE templates t SET account_id = $3::uuid,
       provider_id = coalesce($4::text, t.provider_id),
       status = coalesce($5::text, 'pending'), status_reason = NULL,
       status_at = date_trunc('second', now()), paused_until = NULL,
       submitted_at = now(), checked_at = now(),
       submitted_version = v.version,
       document = v.document, header = $7::text, body = $8::text,
       footer = $9::text, updated_at = now(),
       category_was = CASE WHEN $6::text <> t.category
                            AND $6::text IN ('marketing', 'utility',
                                             'authentication')
                           THEN t.category ELSE t.category_was END,
       category = CASE WHEN $6::text IN ('marketing', 'utility',
                                         'authentication')
                       THEN $6::text ELSE t.category END
  FROM template_versions v
 WHERE t.id = $1::uuid AND v.org_id = t.org_id AND v.template_id = t.id
   AND v.version = $2::int
RETURNING t.id;

-- name: template_synced
-- A page of what the provider has: names $1, languages $2, categories $3,
-- statuses $4, qualities $5, reasons $6, its ids $7, documents $8, texts $9 to
-- $11, ids for those that we do not have $12; asked by the number $13 of the
-- business $14.  What we know by its id, or by its name and language unless it
-- is another business's, follows the provider; what was made elsewhere comes
-- in, as submitted.  Rows: what changed.
WITH v AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],
        $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::text[],
        $10::text[], $11::text[], $12::uuid[])
        AS v (name, language, category, status, quality, reason, provider_id,
              document, header, body, footer, id)),
mine AS (
    SELECT id FROM accounts WHERE business_id = $14::text),
old AS (
    SELECT v.*, t.id AS tid, t.org_id AS torg, t.status AS status_was,
           t.category AS category_old
      FROM v JOIN templates t ON t.name = v.name
       AND translate(t.language, '-', '_') = translate(v.language, '-', '_')
     WHERE t.deleted_at IS NULL
       AND (t.account_id IS NULL OR t.account_id = $13::uuid
            OR t.account_id IN (SELECT id FROM mine))
     ORDER BY t.id FOR UPDATE OF t),
up AS (
    UPDATE templates t SET status = o.status,
           status_at = CASE WHEN o.status <> o.status_was
                            THEN date_trunc('second', now())
                            ELSE t.status_at END,
           status_reason = CASE WHEN o.status <> o.status_was
                                THEN nullif(o.reason, '')
                                ELSE coalesce(nullif(o.reason, ''),
                                              t.status_reason) END,
           paused_until = CASE WHEN o.status = 'paused' THEN t.paused_until
                          END,
           quality = coalesce(nullif(o.quality, ''), t.quality),
           category_was = CASE WHEN o.category <> o.category_old
                               THEN o.category_old ELSE t.category_was END,
           category = o.category, provider_id = o.provider_id,
           account_id = coalesce(t.account_id, $13::uuid),
           submitted_version = coalesce(t.submitted_version, t.version),
           checked_at = now()
      FROM old o WHERE t.org_id = o.torg AND t.id = o.tid
    RETURNING t.id, t.name, t.language, t.status, t.status_reason,
              t.category, o.status_was, o.category_old),
made AS (
    INSERT INTO templates (org_id, id, name, language, category, header, body,
                           footer, document, status, status_reason, status_at,
                           quality, account_id, provider_id,
                           submitted_version, checked_at)
    SELECT current_setting('herald.org')::uuid, v.id, v.name, v.language,
           v.category, v.header, v.body, v.footer, v.document, v.status,
           nullif(v.reason, ''), now(), coalesce(nullif(v.quality, ''),
           'UNKNOWN'), $13::uuid, v.provider_id, 1, now()
      FROM v WHERE NOT EXISTS (SELECT FROM old o WHERE o.id = v.id)
    ON CONFLICT DO NOTHING
    RETURNING org_id, id, name, language, status, status_reason, category,
              document),
mv AS (
    INSERT INTO template_versions (org_id, template_id, version, category,
                                   document)
    SELECT org_id, id, 1, category, document FROM made)
SELECT 'template' AS what, id, name, language, status, status_reason, category,
       CASE WHEN category <> category_old THEN category_old END
  FROM up WHERE status <> status_was OR category <> category_old
UNION ALL
SELECT 'imported', id, name, language, status, status_reason, category, NULL
  FROM made;

-- name: template_sync_time
-- By the database's clock, which writes checked_at; microseconds.
SELECT (extract(epoch FROM now()) * 1000000)::bigint;

-- name: template_unseen
-- What the whole list of the business $1, asked at $2, did not hold any more.
UPDATE templates SET status = 'deleted',
       status_at = date_trunc('second', now()),
       status_reason = NULL, provider_id = NULL
 WHERE account_id IN (SELECT id FROM accounts WHERE business_id = $1::text)
   AND provider_id IS NOT NULL AND status <> 'deleted'
   AND deleted_at IS NULL
   AND coalesce(checked_at, '-infinity') < $2::timestamptz
   AND coalesce(submitted_at, '-infinity') < $2::timestamptz
RETURNING 'template', id, name, language, status, NULL::text, category,
          NULL::text;
