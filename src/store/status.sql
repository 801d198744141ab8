-- name: status_apply
-- Statuses of many webhooks at once.  Our reference says which delivery;
-- without it the provider's id does; what is not known yet is parked.  Only
-- what rises is written, so a duplicate costs a look and no row version.
WITH v AS (
    SELECT coalesce(r.batch_id, p.batch_id) AS batch_id,
           coalesce(r.seq, p.seq) AS seq, r.account_id, r.provider_id,
           r.status, r.at, r.code
      FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[],
                  $5::smallint[], $6::timestamptz[], $7::int[])
           AS r (batch_id, seq, account_id, provider_id, status, at, code)
      LEFT JOIN LATERAL (
            SELECT p.batch_id, p.seq FROM provider_messages p
             WHERE r.batch_id IS NULL AND p.account_id = r.account_id
               AND p.provider_id = r.provider_id LIMIT 1) p ON true),
m AS (
    SELECT batch_id, seq, account_id, max(provider_id) AS provider_id,
           max(status) FILTER (WHERE status < 5) AS top,
           bool_or(status = 5) AS failed, max(code) AS code,
           min(at) AS sent_at,
           min(at) FILTER (WHERE status BETWEEN 2 AND 4) AS delivered_at,
           min(at) FILTER (WHERE status BETWEEN 3 AND 4) AS read_at
      FROM v WHERE batch_id IS NOT NULL
     GROUP BY batch_id, seq, account_id),
o AS (
    SELECT d.org_id, d.state AS old, CASE
               WHEN d.state >= 'skipped' THEN d.state
               WHEN m.failed AND d.state < 'delivered' THEN 'failed'
               WHEN m.top IS NULL THEN d.state
               ELSE greatest(
                    d.state,                       -- guard: RANK
                    (ARRAY['sent', 'delivered', 'read', 'played'
                    ]::delivery_state[])[m.top])
           END AS new, m.*
      FROM (SELECT * FROM m ORDER BY batch_id, seq) m, LATERAL (
            SELECT d.org_id, d.state FROM deliveries d
             WHERE d.batch_id = m.batch_id AND d.seq = m.seq
               AND d.account_id = m.account_id     -- guard: ACCOUNT
               FOR UPDATE) d),
up AS (
    UPDATE deliveries d SET state = o.new,
        provider_id = coalesce(d.provider_id, o.provider_id),
        sent_at = coalesce(d.sent_at, o.sent_at),
        delivered_at = coalesce(d.delivered_at, o.delivered_at),
        read_at = coalesce(d.read_at, o.read_at),
        next_try_at = NULL,
        error_code = CASE WHEN o.new = 'failed' THEN o.code END,
        reason = CASE WHEN o.new = 'failed' THEN d.reason END
      FROM o WHERE d.org_id = o.org_id AND d.batch_id = o.batch_id
       AND d.seq = o.seq AND o.new <> o.old
    RETURNING d.org_id, d.batch_id, d.seq, o.old, d.state AS new,
              d.account_id, d.provider_id, d.message_id, d.contact_id,
              d.error_code),
p AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id, message_id,
                                   batch_id, seq)
    SELECT org_id, account_id, provider_id, message_id, batch_id, seq FROM up
     WHERE old < 'accepted' AND message_id IS NOT NULL
       AND provider_id IS NOT NULL
    ON CONFLICT DO NOTHING),
k AS (
    INSERT INTO parked_statuses (org_id, account_id, provider_id, status, at,
                                 error_code)
    SELECT current_setting('herald.org')::uuid, account_id, provider_id,
           status, at, code
      FROM v WHERE batch_id IS NULL
    ON CONFLICT DO NOTHING),
g AS (
    DELETE FROM agenda x USING up
     WHERE up.seq = 0 AND x.kind = 'message' AND x.ref_id = up.batch_id),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, sent,
        delivered, read, failed, unknown)
    SELECT org_id, batch_id, $8::smallint,
           sum((new BETWEEN 'accepted' AND 'played')::int
               - (old BETWEEN 'accepted' AND 'played')::int),
           sum((new BETWEEN 'delivered' AND 'played')::int
               - (old BETWEEN 'delivered' AND 'played')::int),
           sum((new BETWEEN 'read' AND 'played')::int
               - (old BETWEEN 'read' AND 'played')::int),
           sum((new = 'failed')::int - (old = 'failed')::int),
           sum((new = 'unknown')::int - (old = 'unknown')::int)
      FROM up WHERE seq > 0
     GROUP BY org_id, batch_id ORDER BY batch_id
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE SET
        sent = c.sent + excluded.sent,
        delivered = c.delivered + excluded.delivered,
        read = c.read + excluded.read, failed = c.failed + excluded.failed,
        unknown = c.unknown + excluded.unknown)
SELECT batch_id, seq, new, message_id, contact_id, error_code FROM up
 WHERE seq = 0
UNION ALL
SELECT DISTINCT batch_id, 1, NULL::delivery_state, NULL::uuid, NULL::uuid,
       NULL::int FROM up WHERE seq > 0;

-- name: parked_find
-- Statuses that were waiting for these provider ids.  They are given to
-- status_apply and deleted in one later unit.  The sub-select keeps the common
-- case, nothing parked, at one look.
SELECT p.account_id, p.provider_id, p.status,
       (extract(epoch FROM p.at) * 1000000)::bigint, coalesce(p.error_code, 0)
  FROM unnest($1::uuid[], $2::text[]) AS v (account_id, provider_id)
  JOIN parked_statuses p
    ON p.account_id = v.account_id AND p.provider_id = v.provider_id
 WHERE (SELECT EXISTS (SELECT 1 FROM parked_statuses));

-- name: parked_delete
-- In the same unit as the status_apply that used them.
DELETE FROM parked_statuses p
 USING unnest($1::uuid[], $2::text[]) AS v (account_id, provider_id)
 WHERE p.account_id = v.account_id AND p.provider_id = v.provider_id;
