-- name: broadcast_insert
-- Its line in the agenda is how the helper finds it again after any crash.
WITH b AS (
    INSERT INTO broadcasts (org_id, id, name, account_id, template_id,
                            audience, variables, send_at, created_by)
    VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::uuid,
            $4::uuid, $5::jsonb, $6::jsonb, coalesce($7::timestamptz, now()),
            $8::uuid)
    RETURNING *)
INSERT INTO agenda (kind, org_id, ref_id, due_at)
SELECT 'broadcast', org_id, id, send_at FROM b;

-- name: broadcast_get
-- The counters are sums over the stripes; what is neither sent, failed,
-- skipped nor unknown is still queued, so the parts always make the whole.
SELECT b.id, b.name, b.status, b.account_id, b.template_id, b.audience,
       b.variables, b.send_at, b.started_at, b.finished_at, b.created_at,
       coalesce(b.total, 0),
       coalesce(b.total, 0) - c.sent - c.failed - c.skipped - c.unknown,
       c.sent, c.delivered, c.read, c.replied, c.failed, c.skipped, c.unknown
  FROM broadcasts b, LATERAL (
        SELECT coalesce(sum(sent), 0) AS sent,
               coalesce(sum(delivered), 0) AS delivered,
               coalesce(sum(read), 0) AS read,
               coalesce(sum(replied), 0) AS replied,
               coalesce(sum(failed), 0) AS failed,
               coalesce(sum(skipped), 0) AS skipped,
               coalesce(sum(unknown), 0) AS unknown
          FROM broadcast_counters x
         WHERE x.org_id = b.org_id AND x.broadcast_id = b.id) c
 WHERE b.id = $1::uuid;

-- name: broadcast_list
-- Newest first, each with its counters.
SELECT b.id, b.name, b.status, b.account_id, b.template_id, b.audience,
       b.variables, b.send_at, b.started_at, b.finished_at, b.created_at,
       coalesce(b.total, 0),
       coalesce(b.total, 0) - c.sent - c.failed - c.skipped - c.unknown,
       c.sent, c.delivered, c.read, c.replied, c.failed, c.skipped, c.unknown
  FROM broadcasts b, LATERAL (
        SELECT coalesce(sum(sent), 0) AS sent,
               coalesce(sum(delivered), 0) AS delivered,
               coalesce(sum(read), 0) AS read,
               coalesce(sum(replied), 0) AS replied,
               coalesce(sum(failed), 0) AS failed,
               coalesce(sum(skipped), 0) AS skipped,
               coalesce(sum(unknown), 0) AS unknown
          FROM broadcast_counters x
         WHERE x.org_id = b.org_id AND x.broadcast_id = b.id) c
 WHERE b.id < $1::uuid ORDER BY b.id DESC LIMIT $2::int;

-- name: broadcast_pause
-- No row: it was in no state to be paused.
UPDATE broadcasts SET status = 'paused'
 WHERE id = $1::uuid AND status IN ('scheduled', 'sending') RETURNING id;

-- name: broadcast_resume
-- One that was paused before its audience was frozen goes back to waiting.
UPDATE broadcasts SET status = CASE WHEN total IS NULL THEN 'scheduled'
       ELSE 'sending' END
 WHERE id = $1::uuid AND status = 'paused' RETURNING id;

-- name: broadcast_cancel
-- At once; the helper then marks what is still queued, in pieces.
UPDATE broadcasts SET status = 'cancelled'
 WHERE id = $1::uuid AND status IN ('scheduled', 'sending', 'paused')
RETURNING id;

-- name: broadcast_exists
-- 404 for another tenant's broadcast.
SELECT 1 FROM broadcasts WHERE id = $1::uuid;

-- name: recipients
-- In order of the audience; the filter is a range of states.  What the
-- provider has taken is "sent" to a person, and what was played was read.
SELECT d.seq, d.contact_id, c.name, c.phone,
       CASE d.state WHEN 'accepted' THEN 'sent' WHEN 'played' THEN 'read'
            ELSE d.state::text END,
       d.attempts, d.error_code, d.reason, d.provider_id, d.message_id,
       coalesce(d.sent_at, d.accepted_at), d.delivered_at, d.read_at,
       d.replied_at
  FROM deliveries d
  LEFT JOIN contacts c ON c.org_id = d.org_id AND c.id = d.contact_id
 WHERE d.batch_id = $1::uuid AND d.seq > $2::int
   AND d.state BETWEEN $4::delivery_state AND $5::delivery_state
   AND (NOT $6::bool OR d.replied_at IS NOT NULL)
 ORDER BY d.seq LIMIT $3::int;
