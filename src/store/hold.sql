-- name: hold_account
-- The provider refuses the number itself: it is paused with the reason, and so
-- is what is being sent from it.  Rows are not burned: they stay queued.
WITH a AS (
    UPDATE accounts SET status = 'paused', status_reason = $2::text,
           status_code = $3::int, status_at = now(), updated_at = now()
     WHERE id = $1::uuid AND status = 'connected'
    RETURNING id),
b AS (
    UPDATE broadcasts SET status = 'paused', pause_reason = 'account',
           pause_detail = $4::text
     WHERE account_id = $1::uuid AND status = 'sending' RETURNING id)
SELECT 'account', id FROM a UNION ALL SELECT 'broadcast', id FROM b;

-- name: hold_template
-- The provider refuses a template: everything that is being sent with it is
-- paused, as one of its variants too.
WITH t AS (
    UPDATE templates SET status = $2::text, status_reason = $4::text,
           updated_at = now()
     WHERE id = $1::uuid AND status <> $2::text RETURNING id),
b AS (
    UPDATE broadcasts SET status = 'paused', pause_reason = $3::text,
           pause_detail = $4::text
     WHERE status = 'sending' AND (template_id = $1::uuid
            OR variants @> jsonb_build_array(
                   jsonb_build_object('template_id', $1::uuid)))
    RETURNING id)
SELECT 'template', id FROM t UNION ALL SELECT 'broadcast', id FROM b;

-- name: hold_marketing
-- The number is at risk: no more marketing from it until somebody looked.
UPDATE broadcasts b SET status = 'paused', pause_reason = $2::text,
       pause_detail = $3::text
  FROM templates t
 WHERE b.account_id = $1::uuid AND b.status = 'sending'
   AND t.org_id = b.org_id AND t.id = b.template_id
   AND t.category = 'marketing'
RETURNING 'broadcast', b.id;

-- name: hold_broadcast
-- One broadcast pauses by itself; a person sees why and resumes it.
UPDATE broadcasts SET status = 'paused', pause_reason = $2::text,
       pause_detail = $3::text
 WHERE id = $1::uuid AND status = 'sending' RETURNING 'broadcast', id;

-- name: opt_out_learn
-- The provider knows that this person stopped marketing from this number.
INSERT INTO opt_outs (org_id, contact_id, account_id, source)
SELECT current_setting('herald.org')::uuid, c.id, $2::uuid, $3::text
  FROM contacts c WHERE c.id = $1::uuid
ON CONFLICT DO NOTHING;
