-- name: status_apply
-- Statuses of many webhooks at once.  Our reference says which delivery;
-- without it the provider's id does; what is not known yet is parked, with
-- what its class of error allows.  Only what moves is written, so a duplicate
-- costs a look and no row version.
--
-- A failed one acts by its class: $9 its name, $10 the provider's words, $11
-- the first delay in ms (0: final) and $12 how many tries may follow the
-- first.  What may be tried again goes back to the queue, also when its
-- broadcast was completed meanwhile (never a cancelled one, never after its
-- end).  A single message outside the 24 hours with a fallback goes back once
-- for that.  While a row is tried again, provider_id keeps the id of the
-- attempt that failed: under the row's lock this tells a second report of the
-- same failure, whatever this statement's snapshot knows.  A stale attempt's
-- failure and "sent" change nothing; that a person has it counts always.
--
-- Rows are locked in the order of their key, as settle does, then their
-- broadcasts.
--
-- n is materialized: pulled up, its two halves become an append, of which
-- PostgreSQL finds the wrong row again when it looks a second time at one that
-- somebody else has just changed, and the rise was lost without a word.
WITH v AS (
    SELECT coalesce(r.batch_id, p.batch_id) AS batch_id,
           coalesce(r.seq, p.seq) AS seq, r.account_id, r.provider_id,
           r.status, r.at, r.code, r.reason, r.detail, r.retry_ms, r.retries
      FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[],
                  $5::smallint[], $6::timestamptz[], $7::int[], $9::text[],
                  $10::text[], $11::int[], $12::smallint[])
           AS r (batch_id, seq, account_id, provider_id, status, at, code,
                 reason, detail, retry_ms, retries)
      LEFT JOIN LATERAL (
            SELECT p.batch_id, p.seq FROM provider_messages p
             WHERE r.batch_id IS NULL AND p.account_id = r.account_id
               AND p.provider_id = r.provider_id LIMIT 1) p ON true),
l AS (
    SELECT d.org_id, d.state AS old, d.attempts, CASE
               WHEN d.state BETWEEN 'accepted' AND 'played'
               THEN coalesce(d.provider_id <> v.provider_id, false)
               WHEN d.provider_id = v.provider_id THEN true
               ELSE coalesce((
                    SELECT true FROM provider_messages q
                     WHERE q.account_id = v.account_id
                       AND q.provider_id = v.provider_id
                       AND q.batch_id = v.batch_id AND q.seq = v.seq
                     LIMIT 1), false)
           END AS stale, v.*
      FROM (SELECT * FROM v WHERE batch_id IS NOT NULL
             ORDER BY batch_id, seq) v, LATERAL (
            SELECT d.org_id, d.state, d.attempts, d.provider_id
              FROM deliveries d
             WHERE d.batch_id = v.batch_id AND d.seq = v.seq
               AND d.account_id = v.account_id     -- guard: ACCOUNT
               FOR UPDATE) d),
o AS (
    SELECT org_id, batch_id, seq, account_id, old, attempts,
           coalesce(max(provider_id) FILTER (WHERE NOT stale),
                    max(provider_id)) AS provider_id,
           max(status) FILTER (WHERE status < 5
                               AND (status > 1 OR NOT stale)) AS top,
           old BETWEEN 'sending' AND 'sent'
               AND bool_or(status = 5 AND NOT stale)
               AND NOT bool_or(status BETWEEN 2 AND 4) AS fails,
           max(code) FILTER (WHERE NOT stale) AS code,
           max(reason) FILTER (WHERE NOT stale) AS reason,
           max(detail) FILTER (WHERE NOT stale) AS detail,
           max(retry_ms) FILTER (WHERE NOT stale) AS retry_ms,
           max(retries) FILTER (WHERE NOT stale) AS retries,
           min(at) FILTER (WHERE status < 5
                           AND (status > 1 OR NOT stale)) AS sent_at,
           min(at) FILTER (WHERE status BETWEEN 2 AND 4) AS delivered_at,
           min(at) FILTER (WHERE status BETWEEN 3 AND 4) AS read_at
      FROM l GROUP BY org_id, batch_id, seq, account_id, old, attempts),
f AS (
    SELECT o.org_id, o.batch_id, o.seq, o.old, o.attempts, o.provider_id,
           o.code, o.sent_at, coalesce(o.reason, k.reason) AS reason,
           coalesce(o.detail, k.detail) AS detail,
           coalesce(o.retry_ms, k.retry_ms) AS retry_ms,
           coalesce(o.retries, k.retries) AS retries
      FROM o
      LEFT JOIN LATERAL (
            SELECT k.reason, k.detail, k.retry_ms, k.retries
              FROM parked_statuses k
             WHERE o.reason IS NULL AND k.account_id = o.account_id
               AND k.provider_id = o.provider_id AND k.status = 5 LIMIT 1)
           k ON true
     WHERE o.fails),
w AS (
    SELECT f.*, CASE
           WHEN retry_ms > 0 AND attempts <= retries
           THEN now() + make_interval(secs => retry_ms / 1000.0
               * (1 + random() / 4) * CASE WHEN retry_ms > 3600000
               THEN attempts
               ELSE greatest(1, least(3600000 / retry_ms,
                    CASE reason WHEN 'pair_throttle' THEN 4 ELSE 2 END
                    ^ least(attempts - 1, 12))) END)
           WHEN reason = 'window' AND seq = 0 AND (
                SELECT x.payload ? 'fallback' FROM messages x
                 WHERE x.id = f.batch_id LIMIT 1)
             AND (SELECT true FROM delivery_events x
                   WHERE x.batch_id = f.batch_id AND x.seq = 0
                     AND x.reason = 'window' LIMIT 1) IS NULL
           THEN now() END AS at
      FROM f),
b AS (
    SELECT b.id, b.status, b.expires_at FROM broadcasts b
     WHERE b.id = ANY (ARRAY(SELECT DISTINCT batch_id FROM w
                              WHERE seq > 0 AND w.at IS NOT NULL))
     ORDER BY b.id FOR NO KEY UPDATE),
n AS MATERIALIZED (
    SELECT org_id, batch_id, seq, old, greatest(
               old,                                -- guard: RANK
               (ARRAY['sent', 'delivered', 'read', 'played'
               ]::delivery_state[])[top]) AS new,
           provider_id, sent_at, delivered_at, read_at, NULL::int AS code,
           NULL::text AS reason, NULL::text AS detail,
           NULL::timestamptz AS again_at
      FROM o WHERE NOT fails AND top IS NOT NULL AND old < 'skipped'
    UNION ALL
    SELECT w.org_id, w.batch_id, w.seq, w.old, CASE
               WHEN w.at IS NOT NULL AND (w.seq = 0 OR b.id IS NOT NULL)
               THEN 'queued' ELSE 'failed' END::delivery_state,
           w.provider_id, w.sent_at, NULL, NULL, w.code, w.reason, w.detail,
           CASE WHEN w.seq = 0 OR b.id IS NOT NULL THEN w.at END
      FROM w
      LEFT JOIN b ON b.id = w.batch_id AND b.status <> 'cancelled'
       AND coalesce(b.expires_at > w.at, true)),
up AS (
    UPDATE deliveries d SET state = n.new,
        provider_id = CASE WHEN n.old < 'accepted' OR n.new = 'queued'
                           THEN coalesce(n.provider_id, d.provider_id)
                           ELSE coalesce(d.provider_id, n.provider_id) END,
        accepted_at = CASE WHEN n.new <> 'queued' THEN d.accepted_at END,
        sent_at = CASE WHEN n.new <> 'queued'
                       THEN coalesce(d.sent_at, n.sent_at) END,
        delivered_at = coalesce(d.delivered_at, n.delivered_at),
        read_at = coalesce(d.read_at, n.read_at),
        next_try_at = n.again_at,
        error_code = CASE WHEN n.new IN ('queued', 'failed') THEN n.code END,
        reason = CASE WHEN n.new IN ('queued', 'failed')
                      THEN coalesce(n.reason, d.reason) END
      FROM n WHERE d.org_id = n.org_id AND d.batch_id = n.batch_id
       AND d.seq = n.seq AND n.new <> n.old
    RETURNING d.org_id, d.batch_id, d.seq, n.old, d.state AS new,
              d.account_id, n.provider_id, d.message_id, d.contact_id,
              d.error_code, d.next_try_at, d.cost, d.reason, n.detail,
              d.attempts, d.variant),
p AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id, message_id,
                                   batch_id, seq)
    SELECT org_id, account_id, provider_id, message_id, batch_id, seq FROM up
     WHERE old < 'accepted' AND message_id IS NOT NULL
       AND provider_id IS NOT NULL
    ON CONFLICT DO NOTHING),
k AS (
    INSERT INTO parked_statuses (org_id, account_id, provider_id, status, at,
                                 error_code, reason, detail, retry_ms,
                                 retries)
    SELECT current_setting('herald.org')::uuid, account_id, provider_id,
           status, at, code, reason, detail, retry_ms, retries
      FROM v WHERE batch_id IS NULL
    ON CONFLICT DO NOTHING),
e AS (
    INSERT INTO delivery_events (org_id, batch_id, seq, event, attempt, code,
                                 reason, detail, next_try_at)
    SELECT org_id, batch_id, seq, 'status', attempts, error_code, reason,
           detail, next_try_at
      FROM up WHERE new IN ('queued', 'failed')),
x AS (
    INSERT INTO opt_outs (org_id, contact_id, account_id, source)
    SELECT up.org_id, up.contact_id, up.account_id, 'whatsapp'
      FROM up JOIN contacts c ON c.org_id = up.org_id AND c.id = up.contact_id
     WHERE up.new = 'failed' AND up.reason = 'opted_out'
       FOR KEY SHARE OF c
    ON CONFLICT DO NOTHING),
s AS (
    INSERT INTO spend_days AS s (org_id, day, stripe, amount)
    SELECT org_id, (now() AT TIME ZONE 'UTC')::date, $8::smallint,
           - sum(cost)
      FROM up WHERE cost > 0 AND new IN ('queued', 'failed')
     GROUP BY org_id
    ON CONFLICT (org_id, day, stripe) DO UPDATE
        SET amount = s.amount + excluded.amount),
g AS (
    DELETE FROM agenda x USING up
     WHERE up.seq = 0 AND up.new <> 'queued' AND x.kind = 'message'
       AND x.ref_id = up.batch_id),
r AS (
    UPDATE broadcasts x SET status = 'sending', finished_at = NULL
      FROM b WHERE x.id = b.id AND b.status = 'completed' AND EXISTS (
            SELECT FROM up WHERE up.batch_id = b.id AND up.new = 'queued')
    RETURNING x.org_id, x.id, x.expires_at),
a AS (
    INSERT INTO agenda (kind, org_id, ref_id, due_at)
    SELECT 'message', org_id, batch_id, next_try_at FROM up
     WHERE seq = 0 AND new = 'queued'
    UNION ALL
    SELECT 'broadcast', org_id, id, now() FROM r
    UNION ALL
    SELECT 'expiry', org_id, id, expires_at FROM r
     WHERE expires_at IS NOT NULL
    ON CONFLICT (kind, ref_id) DO UPDATE SET due_at = excluded.due_at),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, sent,
        delivered, read, failed, unknown, cost)
    SELECT org_id, batch_id, $8::smallint + 256 * greatest(variant, 0),
           sum((new BETWEEN 'accepted' AND 'played')::int
               - (old BETWEEN 'accepted' AND 'played')::int),
           sum((new BETWEEN 'delivered' AND 'played')::int
               - (old BETWEEN 'delivered' AND 'played')::int),
           sum((new BETWEEN 'read' AND 'played')::int
               - (old BETWEEN 'read' AND 'played')::int),
           sum((new = 'failed')::int - (old = 'failed')::int),
           sum((new = 'unknown')::int - (old = 'unknown')::int),
           sum(coalesce(cost, 0)
               * ((new BETWEEN 'accepted' AND 'played')::int
                  - (old BETWEEN 'accepted' AND 'played')::int))
      FROM up WHERE seq > 0
     GROUP BY org_id, batch_id, variant ORDER BY batch_id, variant
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE SET
        sent = c.sent + excluded.sent,
        delivered = c.delivered + excluded.delivered,
        read = c.read + excluded.read, failed = c.failed + excluded.failed,
        unknown = c.unknown + excluded.unknown, cost = c.cost + excluded.cost),
tc AS (
    INSERT INTO template_counters AS tc (org_id, template_id, version, stripe,
                                        sent, delivered, read, failed, cost)
    SELECT org_id, x.template_id, x.version, $8::smallint,
           sum((new BETWEEN 'accepted' AND 'played')::int
               - (old BETWEEN 'accepted' AND 'played')::int),
           sum((new BETWEEN 'delivered' AND 'played')::int
               - (old BETWEEN 'delivered' AND 'played')::int),
           sum((new BETWEEN 'read' AND 'played')::int
               - (old BETWEEN 'read' AND 'played')::int),
           sum((new = 'failed')::int - (old = 'failed')::int),
           sum(coalesce(cost, 0)
               * ((new BETWEEN 'accepted' AND 'played')::int
                  - (old BETWEEN 'accepted' AND 'played')::int))
      FROM (SELECT * FROM up WHERE seq = 0) y, LATERAL (
            SELECT x.template_id, x.version FROM template_singles x
             WHERE x.message_id = y.batch_id LIMIT 1) x
     GROUP BY org_id, x.template_id, x.version ORDER BY 2, 3
    ON CONFLICT (org_id, template_id, version, stripe) DO UPDATE SET
        sent = tc.sent + excluded.sent,
        delivered = tc.delivered + excluded.delivered,
        read = tc.read + excluded.read, failed = tc.failed + excluded.failed,
        cost = tc.cost + excluded.cost)
SELECT batch_id, seq, new, message_id, contact_id, error_code,
       CASE new WHEN 'queued' THEN 'again' END AS note, NULL::uuid
  FROM up WHERE seq = 0
UNION ALL
SELECT batch_id, 1, NULL::delivery_state, NULL::uuid, NULL::uuid, NULL::int,
       max(CASE WHEN new = 'queued' THEN CASE
               WHEN EXISTS (SELECT FROM r WHERE r.id = up.batch_id)
               THEN 'reopened' ELSE 'again' END END), NULL::uuid
  FROM up WHERE seq > 0 GROUP BY batch_id
UNION ALL
SELECT DISTINCT batch_id, -1, NULL::delivery_state, NULL::uuid,
       CASE reason WHEN 'pair_throttle' THEN contact_id END, NULL::int,
       reason, account_id
  FROM up WHERE new IN ('queued', 'failed')
   AND reason IN ('throttle', 'pair_throttle');

-- name: status_rise
-- status_apply of statuses of which none is a failure, which is nearly always:
-- the same without what only a failure can set off.  The long one costs a unit
-- of sixty as much to be begun as to be done.
WITH v AS (
    SELECT coalesce(r.batch_id, p.batch_id) AS batch_id,
           coalesce(r.seq, p.seq) AS seq, r.account_id, r.provider_id,
           r.status, r.at
      FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[],
                  $5::smallint[], $6::timestamptz[])
           AS r (batch_id, seq, account_id, provider_id, status, at)
      LEFT JOIN LATERAL (
            SELECT p.batch_id, p.seq FROM provider_messages p
             WHERE r.batch_id IS NULL AND p.account_id = r.account_id
               AND p.provider_id = r.provider_id LIMIT 1) p ON true),
l AS (
    SELECT d.org_id, d.state AS old, CASE
               WHEN d.state BETWEEN 'accepted' AND 'played'
               THEN coalesce(d.provider_id <> v.provider_id, false)
               WHEN d.provider_id = v.provider_id THEN true
               ELSE coalesce((
                    SELECT true FROM provider_messages q
                     WHERE q.account_id = v.account_id
                       AND q.provider_id = v.provider_id
                       AND q.batch_id = v.batch_id AND q.seq = v.seq
                     LIMIT 1), false)
           END AS stale, v.*
      FROM (SELECT * FROM v WHERE batch_id IS NOT NULL
             ORDER BY batch_id, seq) v, LATERAL (
            SELECT d.org_id, d.state, d.provider_id
              FROM deliveries d
             WHERE d.batch_id = v.batch_id AND d.seq = v.seq
               AND d.account_id = v.account_id     -- guard: ACCOUNT
               FOR UPDATE) d),
o AS (
    SELECT org_id, batch_id, seq, old,
           coalesce(max(provider_id) FILTER (WHERE NOT stale),
                    max(provider_id)) AS provider_id,
           max(status) FILTER (WHERE status > 1 OR NOT stale) AS top,
           min(at) FILTER (WHERE status > 1 OR NOT stale) AS sent_at,
           min(at) FILTER (WHERE status > 1) AS delivered_at,
           min(at) FILTER (WHERE status > 2) AS read_at
      FROM l GROUP BY org_id, batch_id, seq, old),
n AS MATERIALIZED (
    SELECT org_id, batch_id, seq, old, greatest(
               old,                                -- guard: RANK
               (ARRAY['sent', 'delivered', 'read', 'played'
               ]::delivery_state[])[top]) AS new,
           provider_id, sent_at, delivered_at, read_at
      FROM o WHERE top IS NOT NULL AND old < 'skipped'),
up AS (
    UPDATE deliveries d SET state = n.new,
        provider_id = CASE WHEN n.old < 'accepted'
                           THEN coalesce(n.provider_id, d.provider_id)
                           ELSE coalesce(d.provider_id, n.provider_id) END,
        sent_at = coalesce(d.sent_at, n.sent_at),
        delivered_at = coalesce(d.delivered_at, n.delivered_at),
        read_at = coalesce(d.read_at, n.read_at),
        next_try_at = NULL, error_code = NULL, reason = NULL
      FROM n WHERE d.org_id = n.org_id AND d.batch_id = n.batch_id
       AND d.seq = n.seq AND n.new <> n.old
    RETURNING d.org_id, d.batch_id, d.seq, n.old, d.state AS new,
              d.account_id, n.provider_id, d.message_id, d.contact_id,
              d.cost, d.variant),
p AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id, message_id,
                                   batch_id, seq)
    SELECT org_id, account_id, provider_id, message_id, batch_id, seq FROM up
     WHERE old < 'accepted' AND message_id IS NOT NULL
       AND provider_id IS NOT NULL
    ON CONFLICT DO NOTHING),
k AS (
    INSERT INTO parked_statuses (org_id, account_id, provider_id, status, at)
    SELECT current_setting('herald.org')::uuid, account_id, provider_id,
           status, at FROM v WHERE batch_id IS NULL
    ON CONFLICT DO NOTHING),
g AS (
    DELETE FROM agenda x USING up
     WHERE up.seq = 0 AND x.kind = 'message' AND x.ref_id = up.batch_id),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, sent,
        delivered, read, unknown, cost)
    SELECT org_id, batch_id, $7::smallint + 256 * greatest(variant, 0),
           sum((old < 'accepted')::int),
           sum((new >= 'delivered')::int - (old >= 'delivered')::int),
           sum((new >= 'read')::int - (old >= 'read')::int),
           - sum((old = 'unknown')::int),
           coalesce(sum(cost) FILTER (WHERE old < 'accepted'), 0)
      FROM up WHERE seq > 0
     GROUP BY org_id, batch_id, variant ORDER BY batch_id, variant
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE SET
        sent = c.sent + excluded.sent,
        delivered = c.delivered + excluded.delivered,
        read = c.read + excluded.read, unknown = c.unknown + excluded.unknown,
        cost = c.cost + excluded.cost),
tc AS (
    INSERT INTO template_counters AS tc (org_id, template_id, version, stripe,
                                        sent, delivered, read, failed, cost)
    SELECT org_id, x.template_id, x.version, $7::smallint,
           sum((new BETWEEN 'accepted' AND 'played')::int
               - (old BETWEEN 'accepted' AND 'played')::int),
           sum((new BETWEEN 'delivered' AND 'played')::int
               - (old BETWEEN 'delivered' AND 'played')::int),
           sum((new BETWEEN 'read' AND 'played')::int
               - (old BETWEEN 'read' AND 'played')::int),
           sum((new = 'failed')::int - (old = 'failed')::int),
           sum(coalesce(cost, 0)
               * ((new BETWEEN 'accepted' AND 'played')::int
                  - (old BETWEEN 'accepted' AND 'played')::int))
      FROM (SELECT * FROM up WHERE seq = 0) y, LATERAL (
            SELECT x.template_id, x.version FROM template_singles x
             WHERE x.message_id = y.batch_id LIMIT 1) x
     GROUP BY org_id, x.template_id, x.version ORDER BY 2, 3
    ON CONFLICT (org_id, template_id, version, stripe) DO UPDATE SET
        sent = tc.sent + excluded.sent,
        delivered = tc.delivered + excluded.delivered,
        read = tc.read + excluded.read, failed = tc.failed + excluded.failed,
        cost = tc.cost + excluded.cost)
SELECT batch_id, seq, new, message_id, contact_id, NULL::int, NULL::text,
       NULL::uuid
  FROM up WHERE seq = 0
UNION ALL
SELECT DISTINCT batch_id, 1, NULL::delivery_state, NULL::uuid, NULL::uuid,
       NULL::int, NULL::text, NULL::uuid
  FROM up WHERE seq > 0;

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

-- name: parked_find_of
-- The same for what settle_accepted took: many ids of one number.
SELECT p.account_id, p.provider_id, p.status,
       (extract(epoch FROM p.at) * 1000000)::bigint, coalesce(p.error_code, 0)
  FROM unnest($2::text[]) AS v (provider_id)
  JOIN parked_statuses p
    ON p.account_id = $1::uuid AND p.provider_id = v.provider_id
 WHERE (SELECT EXISTS (SELECT 1 FROM parked_statuses));

-- name: parked_delete
-- In the same unit as the status_apply that used them.
DELETE FROM parked_statuses p
 USING unnest($1::uuid[], $2::text[]) AS v (account_id, provider_id)
 WHERE p.account_id = v.account_id AND p.provider_id = v.provider_id;
