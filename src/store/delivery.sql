-- name: range_read
-- A grant's rows that may go now, with all that the template may say.  Reading
-- costs no commit; the grant already made the range this worker's own.
SELECT d.seq, d.contact_id, d.attempts, c.phone, c.marketing_opt_out, c.name,
       c.first_name, c.last_name, c.email, c.fields, d.message_id, c.language
  FROM deliveries d
  LEFT JOIN contacts c ON c.org_id = d.org_id AND c.id = d.contact_id
 WHERE d.batch_id = $1::uuid AND d.seq BETWEEN $2::int AND $3::int
   AND d.state = 'queued'
   AND (d.next_try_at IS NULL OR d.next_try_at <= now())
 ORDER BY d.seq;

-- name: batch_content
-- What a broadcast says: its template and variables, or a single message's
-- own.
SELECT b.variables, t.name, t.language, t.category, t.header, t.body, t.footer,
       NULL::text, NULL::jsonb
  FROM broadcasts b
  JOIN templates t ON t.org_id = b.org_id AND t.id = b.template_id
 WHERE b.id = $1::uuid
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, m.text, m.payload
  FROM messages m WHERE m.id = $1::uuid AND m.seq = 0;

-- name: range_sending
-- The attempt, committed before the socket is written.  Only rows still queued
-- move, only under the fence of the number's owner, only while the broadcast
-- is being sent: what comes back is what may go out.  The range is said twice
-- and nothing is joined: a planner without statistics takes a batch for one
-- row, and would join by reading all of it each time.
WITH up AS (
    UPDATE deliveries d SET state = 'sending', attempts = d.attempts + 1,
           fence = $3::bigint, next_try_at = NULL,
           message_id = coalesce(d.message_id,
               ($5::uuid[])[array_position($4::int[], d.seq)])
     WHERE d.batch_id = $1::uuid AND d.seq = ANY ($4::int[])
       AND d.seq BETWEEN (SELECT min(s) FROM unnest($4::int[]) s)
                     AND (SELECT max(s) FROM unnest($4::int[]) s)
       AND d.state = 'queued'
       AND (SELECT l.fence FROM leases l WHERE l.account_id = $2::uuid)
           = $3::bigint
       AND ($7::bool OR (SELECT b.status FROM broadcasts b
                          WHERE b.id = $1::uuid) = 'sending')
    RETURNING d.org_id, d.seq, d.message_id, d.contact_id, d.attempts,
              ($6::text[])[array_position($4::int[], d.seq)] AS text),
m AS (
    INSERT INTO messages (org_id, id, account_id, contact_id, direction, type,
                          text, batch_id, seq)
    SELECT org_id, message_id, $2::uuid, contact_id, 'out', 'template', text,
           $1::uuid, seq
      FROM up WHERE NOT $7::bool AND attempts = 1
    ON CONFLICT DO NOTHING)
SELECT seq, message_id FROM up;

-- name: range_skip
-- Gates say no: each row leaves with its reason.
WITH up AS (
    UPDATE deliveries d SET state = 'skipped',
           reason = ($3::text[])[array_position($2::int[], d.seq)]
     WHERE d.batch_id = $1::uuid AND d.seq = ANY ($2::int[])
       AND d.seq BETWEEN (SELECT min(s) FROM unnest($2::int[]) s)
                     AND (SELECT max(s) FROM unnest($2::int[]) s)
       AND d.state = 'queued'
    RETURNING d.org_id, d.seq),
g AS (
    DELETE FROM agenda x USING up WHERE up.seq = 0 AND x.kind = 'message'
       AND x.ref_id = $1::uuid)
INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, skipped)
SELECT org_id, $1::uuid, $4::smallint, count(*) FROM up WHERE seq > 0
 GROUP BY org_id
ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
    SET skipped = c.skipped + excluded.skipped;

-- name: settle
-- Outcomes of many attempts at once: 0 accepted, 1 failed, 2 unknown, 3 try
-- again at next_try, 4 not written: back to the queue uncounted, 5 the
-- provider said too fast: like 3, uncounted.  A status may have come first, so
-- the state only rises; a row whose fence is another's is left alone, and one
-- that the helper called unknown is not queued again, for its broadcast may be
-- completed.  Rows are locked in the order of their key, as status_apply does.
WITH v AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::smallint[],
        $5::text[], $6::int[], $7::text[], $8::timestamptz[], $9::uuid[])
        AS v (batch_id, seq, fence, outcome, provider_id, code, reason,
              next_try, account_id)),
o AS (
    SELECT d.org_id, d.batch_id, d.seq, d.state AS old, v.outcome,
           v.provider_id, v.code, v.reason, v.next_try, v.account_id
      FROM (SELECT * FROM v ORDER BY batch_id, seq) v, LATERAL (
            SELECT d.org_id, d.batch_id, d.seq, d.state FROM deliveries d
             WHERE d.batch_id = v.batch_id AND d.seq = v.seq
               AND d.fence = v.fence AND d.state < 'skipped'
               AND d.state <> 'queued' FOR UPDATE) d),
up AS (
    UPDATE deliveries d SET
        state = CASE
            WHEN o.outcome = 0 THEN greatest(o.old, 'accepted')
            WHEN o.old >= 'accepted' THEN o.old
            WHEN o.outcome = 1 THEN 'failed'
            WHEN o.outcome = 2 OR o.old = 'unknown' THEN 'unknown'
            ELSE 'queued' END::delivery_state,
        provider_id = coalesce(o.provider_id, d.provider_id),
        sent_at = CASE WHEN o.outcome = 0 THEN coalesce(d.sent_at, now())
                       ELSE d.sent_at END,
        error_code = CASE WHEN o.outcome > 0 AND o.old < 'accepted'
                          THEN o.code END,
        reason = CASE WHEN o.outcome > 0 AND o.old < 'accepted'
                      THEN coalesce(o.reason, CASE WHEN o.old = 'unknown'
                                              THEN d.reason END) END,
        next_try_at = CASE WHEN o.outcome IN (3, 5) AND o.old = 'sending'
                           THEN o.next_try END,
        attempts = d.attempts - (o.outcome IN (4, 5)
                                 AND o.old = 'sending')::int
      FROM o WHERE d.org_id = o.org_id AND d.batch_id = o.batch_id
       AND d.seq = o.seq
    RETURNING d.org_id, d.batch_id, d.seq, o.old, d.state AS new, o.outcome,
              o.account_id, o.provider_id, d.message_id, d.contact_id,
              d.error_code),
p AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id, message_id,
                                   batch_id, seq)
    SELECT org_id, account_id, provider_id, message_id, batch_id, seq FROM up
     WHERE outcome = 0 AND provider_id IS NOT NULL
    ON CONFLICT DO NOTHING),
g AS (
    DELETE FROM agenda x USING up
     WHERE up.seq = 0 AND up.new NOT IN ('queued', 'sending')
       AND x.kind = 'message' AND x.ref_id = up.batch_id),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, sent,
                                         failed, unknown)
    SELECT org_id, batch_id, $10::smallint,
           sum((new BETWEEN 'accepted' AND 'played')::int
               - (old BETWEEN 'accepted' AND 'played')::int),
           sum((new = 'failed')::int),
           sum((new = 'unknown')::int - (old = 'unknown')::int)
      FROM up WHERE seq > 0 AND new <> old
     GROUP BY org_id, batch_id ORDER BY batch_id
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE SET
        sent = c.sent + excluded.sent, failed = c.failed + excluded.failed,
        unknown = c.unknown + excluded.unknown)
SELECT batch_id, seq, new, message_id, contact_id, error_code FROM up
 WHERE seq = 0;

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
               ELSE greatest(d.state, (ARRAY['sent', 'delivered', 'read',
                    'played']::delivery_state[])[m.top])
           END AS new, m.*
      FROM (SELECT * FROM m ORDER BY batch_id, seq) m, LATERAL (
            SELECT d.org_id, d.state FROM deliveries d
             WHERE d.batch_id = m.batch_id AND d.seq = m.seq
               AND d.account_id = m.account_id FOR UPDATE) d),
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
