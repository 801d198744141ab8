-- What webhooks tell of numbers, templates, accounts and people's wishes.
-- Each of these stands behind webhook_event_insert in one unit and acts only when
-- that event ($1) was new: a redelivery finds no row.  Events come in any
-- order, so what is older than what is known changes nothing.  Rows: what, id,
-- name, status, quality or the pause's reason, why, language, category.  What
-- a fact stops is paused by `hold`, the next statement: its ids are left in
-- herald.held, also when there are none, for a unit may hold many facts.

-- name: fact_number
-- Of the number with the digits $3 (its phone or its id), else of the account
-- $2 (also when its phone was never told): at $4 its quality $5 (NULL: not
-- said); what an upgrade lets it send ($6), where nobody chose another rate
-- than the usual one; of the business $7 how many people a day it may write to
-- first ($8, -1: any).
WITH a AS (
    UPDATE accounts x SET
        quality = CASE WHEN coalesce(x.quality_at <= $4::timestamptz, true)
                       THEN coalesce($5::text, x.quality)
                       ELSE x.quality END,
        quality_at = CASE WHEN $5::text IS NULL THEN x.quality_at
                          ELSE greatest(x.quality_at, $4::timestamptz) END,
        rate_limit = CASE WHEN x.rate_limit = 80
                          THEN coalesce($6::int, 80)
                          ELSE x.rate_limit END,
        portfolio_id = CASE WHEN x.portfolio_id = '' THEN $7::text
                            ELSE x.portfolio_id END
     WHERE (SELECT true FROM webhook_events WHERE id = $1::uuid)
       AND (x.id = $2::uuid AND ($3::text = '' OR x.phone = '')
            OR $3::text <> '' AND $3::text IN (x.number_id,
                   translate(x.phone, '+ -()', '')))
    RETURNING x.org_id, x.id, x.name, x.status, x.quality, x.status_reason,
              x.portfolio_id, x.quality_at = $4::timestamptz AS fresh),
p AS (
    INSERT INTO portfolios AS p (org_id, id, daily_limit, updated_at)
    SELECT DISTINCT org_id, portfolio_id, nullif($8::int, -1),
           $4::timestamptz
      FROM a WHERE $8::int IS NOT NULL AND portfolio_id <> ''
    ON CONFLICT (org_id, id) DO UPDATE
        SET daily_limit = excluded.daily_limit,
            updated_at = excluded.updated_at
      WHERE p.updated_at <= excluded.updated_at)
SELECT 'account' AS what, id, name, status, quality, status_reason AS reason,
       NULL::text AS language, NULL::text AS category FROM a
UNION ALL
SELECT 'held', NULL, set_config('herald.held', coalesce((
           SELECT array_agg(id) FROM a WHERE fresh), '{}')::text, true),
       NULL, NULL, NULL, NULL, NULL;

-- name: fact_template
-- Of the template $2 in the language $3, at $4: its status $5, why $6 and
-- until when $7; its quality $8; its category $9 (NULL: not said).  Meta writes
-- a language in two ways.  A category that is none of ours stays in the event;
-- one that changed is another price, and the old one is kept.  What lies in the
-- bin is looked at again when it comes back.
WITH was AS (
    SELECT id, status, category FROM templates
     WHERE (SELECT true FROM webhook_events WHERE id = $1::uuid)
       AND name = $2::text AND deleted_at IS NULL
       AND translate(language, '-', '_') = translate($3::text, '-', '_')
       FOR UPDATE),
t AS (
    UPDATE templates x SET
        status = CASE WHEN coalesce(x.status_at <= $4::timestamptz, true)
                      THEN coalesce($5::text, x.status) ELSE x.status END,
        status_reason = CASE WHEN $5::text IS NULL
                               OR x.status_at > $4::timestamptz
                             THEN x.status_reason
                             ELSE nullif($6::text, '') END,
        paused_until = CASE WHEN $5::text IS NULL
                              OR x.status_at > $4::timestamptz
                            THEN x.paused_until
                            ELSE $7::timestamptz END,
        status_at = CASE WHEN $5::text IS NULL THEN x.status_at
                         ELSE greatest(x.status_at, $4::timestamptz) END,
        quality = CASE WHEN coalesce(x.quality_at <= $4::timestamptz, true)
                       THEN coalesce($8::text, x.quality)
                       ELSE x.quality END,
        quality_at = CASE WHEN $8::text IS NULL THEN x.quality_at
                          ELSE greatest(x.quality_at, $4::timestamptz) END,
        category_was = CASE WHEN $9::text IN ('marketing', 'utility',
                                              'authentication')
                             AND $9::text <> x.category
                            THEN x.category ELSE x.category_was END,
        category = CASE WHEN $9::text IN ('marketing', 'utility',
                                          'authentication')
                        THEN $9::text ELSE x.category END,
        updated_at = now()
      FROM was WHERE x.id = was.id
    RETURNING x.id, x.name, x.status, x.quality, x.status_reason, x.language,
              x.category, x.status_at = $4::timestamptz AS fresh,
              x.status <> was.status OR x.category <> was.category AS moved,
              nullif(was.category, x.category) AS was)
SELECT 'template' AS what, id, name, status, quality, status_reason AS reason,
       language, category, moved, was FROM t
UNION ALL
SELECT 'held', NULL, set_config('herald.held', coalesce((
           SELECT array_agg(id) FROM t WHERE fresh), '{}')::text, true),
       NULL, NULL, NULL, NULL, NULL, NULL, NULL;

-- name: fact_account
-- Of the number with the digits $3, else of the account $2 and all others of
-- the same business $7: at $4 its status $5, why $6.  What Meta gives back is
-- connected only when it was Meta that took it: words of ours begin like that,
-- and there is no code of a refusal but of a block (368, 131031).
WITH a AS (
    UPDATE accounts x SET status = $5::text, status_code = NULL,
           status_reason = nullif($6::text, ''), status_at = $4::timestamptz
     WHERE (SELECT true FROM webhook_events WHERE id = $1::uuid)
       AND (x.id = $2::uuid AND ($3::text = '' OR x.phone = '')
            OR $3::text <> '' AND $3::text IN (x.number_id,
                   translate(x.phone, '+ -()', ''))
            OR $3::text = '' AND $7::text <> '' AND x.portfolio_id = $7::text)
       AND coalesce(x.status_at <= $4::timestamptz, true)
       AND ($5::text <> 'connected'
            OR x.status <> 'connected'
               AND (x.status_code IN (368, 131031)
                    OR x.status_code IS NULL
                       AND x.status_reason LIKE 'WhatsApp %'))
    RETURNING x.id, x.name, x.status, x.quality, x.status_reason)
SELECT 'account' AS what, id, name, status, quality, status_reason AS reason,
       NULL::text AS language, NULL::text AS category FROM a
UNION ALL
SELECT 'held', NULL, set_config('herald.held', coalesce((
           SELECT array_agg(id) FROM a), '{}')::text, true),
       NULL, NULL, NULL, NULL, NULL;

-- name: fact_preference
-- At $8 a person (any of the phones $3, wa_id $4, bsuid $5) stopped ($9) or
-- resumed marketing from the account $2.  Who is not known becomes a contact
-- ($6, named $7), as who writes does: the next import would not know of it.
-- The last broadcast to them within a week is what they answered.  What people
-- of the organisation wrote down is not WhatsApp's to take back.  Wishes hold
-- in the order of their own time: one that was overtaken changes nothing.
WITH ev AS (
    SELECT org_id FROM webhook_events WHERE id = $1::uuid),
known AS (
    SELECT a.contact_id FROM addresses a, ev
     WHERE (a.kind = 'phone' AND a.value = ANY ($3::text[]))
        OR (a.kind = 'wa_id' AND a.value = $4::text)
        OR (a.kind = 'bsuid' AND a.value = $5::text)
     ORDER BY a.kind DESC LIMIT 1),
made AS (
    INSERT INTO contacts (org_id, id, name, phone)
    SELECT org_id, $6::uuid, $7::text,
           CASE WHEN $4::text <> '' THEN '+' || $4::text END
      FROM ev WHERE $9::bool AND NOT EXISTS (SELECT FROM known)
    ON CONFLICT (phone, org_id) DO UPDATE SET updated_at = now()
    RETURNING id),
who AS (
    SELECT contact_id FROM known UNION ALL SELECT id FROM made),
ad AS (
    INSERT INTO addresses (org_id, kind, value, contact_id)
    SELECT ev.org_id, x.kind, x.value, made.id
      FROM ev, made, (VALUES ('wa_id', $4::text), ('bsuid', $5::text),
           ('phone', CASE WHEN $4::text <> '' THEN '+' || $4::text END))
           AS x (kind, value)
     WHERE x.value <> ''
    ON CONFLICT DO NOTHING),
stop AS (
    INSERT INTO opt_outs AS x (org_id, contact_id, account_id, source,
                               created_at)
    SELECT ev.org_id, who.contact_id, $2::uuid, 'whatsapp', $8::timestamptz
      FROM ev, who
     WHERE $9::bool AND NOT EXISTS (
            SELECT FROM opt_ins y
             WHERE y.contact_id = who.contact_id AND y.account_id = $2::uuid
               AND y.at > $8::timestamptz)
    ON CONFLICT (org_id, contact_id, account_id) DO UPDATE
        SET created_at = greatest(x.created_at, excluded.created_at)
      WHERE x.source = 'whatsapp'
    RETURNING org_id, contact_id, xmax = 0 AS fresh),
resume AS (
    DELETE FROM opt_outs x USING ev, who
     WHERE NOT $9::bool AND x.contact_id = who.contact_id
       AND x.account_id = $2::uuid AND x.source = 'whatsapp'
       AND x.created_at <= $8::timestamptz),
back AS (
    INSERT INTO opt_ins AS y (org_id, contact_id, account_id, at)
    SELECT ev.org_id, who.contact_id, $2::uuid, $8::timestamptz
      FROM ev, who WHERE NOT $9::bool
    ON CONFLICT (org_id, contact_id, account_id) DO UPDATE
        SET at = greatest(y.at, excluded.at)),
asked AS (
    SELECT stop.org_id, s.batch_id, coalesce((
                SELECT d.variant FROM deliveries d
                 WHERE d.batch_id = s.batch_id AND d.seq = s.seq), 0)
               AS variant
      FROM stop, LATERAL (
            SELECT s.batch_id, s.seq FROM messages s
             WHERE s.contact_id = stop.contact_id AND s.direction = 'out'
               AND s.account_id = $2::uuid AND s.seq > 0
               AND s.id > herald_uuid_at(now() - interval '7 days')
             ORDER BY s.id DESC LIMIT 1) s
     WHERE stop.fresh),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe,
                                         opted_out)
    SELECT org_id, batch_id, $10::smallint + 256 * greatest(variant, 0), 1
      FROM asked
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
        SET opted_out = c.opted_out + excluded.opted_out)
SELECT 'opted_out' AS what, batch_id FROM asked;
