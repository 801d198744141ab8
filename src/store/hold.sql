-- name: hold
-- What stops sending, whoever learns of it: an answer of the provider and the
-- automatic pause name what is held ($2); a failed status names its row ($3
-- and $4) and holds only when status_apply has just written an event of it, so
-- a redelivery does not stop again what people have resumed; a fact of a
-- webhook has left its ids in herald.held, by the statement before this one.
-- $1: 'account' the number and all that is sent from it, 'marketing' only
-- that, 'template' what uses it as one of its variants too, 'broadcast'
-- itself; $5 the code, $6 the reason of the pause, $7 the words.  $8: what a
-- template or a number is now (NULL: that is known already).  Only what is
-- sending is paused, so asking twice changes nothing.  Rows are a fact's.
WITH r AS (
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::int[],
                         $5::int[], $6::text[], $7::text[], $8::text[])
        AS r (kind, id, batch_id, seq, code, reason, words, status)),
v AS (
    SELECT kind, id, code, reason, words, status
      FROM r WHERE batch_id IS NULL AND id IS NOT NULL
    UNION ALL
    SELECT r.kind, h.id, r.code, r.reason, r.words, r.status
      FROM r, unnest(nullif(current_setting('herald.held', true), '')
                     ::uuid[]) AS h (id)
     WHERE r.batch_id IS NULL AND r.id IS NULL
    UNION ALL
    SELECT r.kind, CASE WHEN r.kind <> 'template' THEN r.id
               WHEN r.seq = 0 THEN (
                    SELECT (m.payload #>> '{template,id}')::uuid
                      FROM messages m WHERE m.id = r.batch_id LIMIT 1)
               ELSE (
                    SELECT coalesce((y.variants -> d.variant::int
                                     ->> 'template_id')::uuid, y.template_id)
                      FROM broadcasts y, deliveries d
                     WHERE y.id = r.batch_id AND d.batch_id = r.batch_id
                       AND d.seq = r.seq) END,
           r.code, r.reason, r.words, r.status
      FROM r WHERE r.batch_id IS NOT NULL AND (
            SELECT true FROM delivery_events e
             WHERE e.batch_id = r.batch_id AND e.seq = r.seq
               AND e.at >= now() AND e.event = 'status' AND e.code = r.code
             LIMIT 1)),
a AS (
    UPDATE accounts x SET status = v.status, status_reason = v.words,
           status_code = v.code, status_at = now(), updated_at = now()
      FROM v WHERE v.kind = 'account' AND x.id = v.id
       AND v.status IS NOT NULL AND x.status = 'connected'
    RETURNING x.id, x.name, x.status, x.quality, x.status_reason),
w AS (                          -- what stopped it is looked at soon
    UPDATE agenda g SET due_at = least(g.due_at, now() + interval '1 minute')
      FROM a, errands e
     WHERE e.kind = 'account_check' AND e.ref_id = a.id
       AND g.kind = 'errand' AND g.ref_id = e.id),
t AS (
    UPDATE templates x SET status = v.status, status_reason = v.words,
           updated_at = now()
      FROM v WHERE v.kind = 'template' AND x.id = v.id
       AND x.status <> v.status
    RETURNING x.id, x.name, x.status, x.quality, x.status_reason, x.language,
              x.category),
b AS (
    UPDATE broadcasts x SET status = 'paused', pause_reason = v.reason,
           pause_detail = v.words
      FROM v
     WHERE x.status = 'sending' AND CASE v.kind
           WHEN 'broadcast' THEN x.id = v.id
           WHEN 'template' THEN x.template_id = v.id
                OR x.variants @> jsonb_build_array(
                       jsonb_build_object('template_id', v.id))
           WHEN 'account' THEN x.account_id = v.id
           ELSE x.account_id = v.id AND (
                SELECT y.category FROM templates y
                 WHERE y.id = x.template_id) = 'marketing' END
    RETURNING x.id, x.name, x.pause_reason, x.pause_detail)
SELECT 'account' AS what, id, name, status, quality, status_reason AS reason,
       NULL::text AS language, NULL::text AS category FROM a
UNION ALL
SELECT 'template', id, name, status, quality, status_reason, language,
       category FROM t
UNION ALL
SELECT 'broadcast', id, name, 'paused', pause_reason, pause_detail, NULL, NULL
  FROM b;

-- name: quality_low
-- A broadcast begins: is the number's quality low, and this marketing?  What
-- it holds is left to `hold`, as a fact leaves it.
SELECT set_config('herald.held', coalesce((
           SELECT array_agg(b.id) FROM broadcasts b
             JOIN accounts a ON a.org_id = b.org_id AND a.id = b.account_id
             JOIN templates t ON t.org_id = b.org_id AND t.id = b.template_id
            WHERE b.id = $1::uuid AND a.quality = 'RED'
              AND t.category = 'marketing'), '{}')::text, true);

-- name: opt_out_learn
-- The provider knows that this person stopped marketing from this number.
INSERT INTO opt_outs (org_id, contact_id, account_id, source)
SELECT current_setting('herald.org')::uuid, c.id, $2::uuid, $3::text
  FROM contacts c WHERE c.id = $1::uuid
ON CONFLICT DO NOTHING;
