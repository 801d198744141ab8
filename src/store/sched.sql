-- name: agenda_due
-- Everything up to the horizon, of every organisation: ids and times, no more.
SELECT kind, org_id, ref_id,
       (extract(epoch FROM due_at) * 1000000)::bigint
  FROM agenda WHERE due_at <= now() + make_interval(secs => $1::int)
 ORDER BY due_at LIMIT 10000;

-- name: lease_take
-- One node owns a number.  The fence rises when the owner changes, or when the owner
-- lost its memory ($3).  No row: another node has it.
INSERT INTO leases AS l (org_id, account_id, node_id, fence, expires_at)
VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::uuid, 1,
        now() + interval '15 seconds')
ON CONFLICT (org_id, account_id) DO UPDATE SET
    node_id = excluded.node_id, expires_at = excluded.expires_at,
    fence = l.fence + (l.node_id <> excluded.node_id OR $3::bool)::int
 WHERE l.node_id = excluded.node_id OR l.expires_at < now()
RETURNING fence;

-- name: sched_broadcast
-- What the helper must know of a broadcast: where it stands and where to go on.
SELECT b.status, b.total, b.account_id, a.rate_limit, b.audience ->> 'tag',
       (extract(epoch FROM b.send_at) * 1000000)::bigint,
       coalesce((SELECT d.seq FROM deliveries d
                  WHERE d.batch_id = b.id AND d.state = 'queued'
                  ORDER BY d.seq LIMIT 1), 0)
  FROM broadcasts b
  JOIN accounts a ON a.org_id = b.org_id AND a.id = b.account_id
 WHERE b.id = $1::uuid;

-- name: sched_message
-- The same for a single message.
SELECT d.state, d.account_id, a.rate_limit,
       coalesce((extract(epoch FROM d.next_try_at) * 1000000)::bigint, 0)
  FROM deliveries d
  JOIN accounts a ON a.org_id = d.org_id AND a.id = d.account_id
 WHERE d.batch_id = $1::uuid AND d.seq = 0;

-- name: agenda_done
-- Finished, or never to be.
DELETE FROM agenda WHERE ref_id = $1::uuid;

-- name: freeze_all
-- The audience of this instant, numbered, in one statement.  A second one finds the total
-- set and does nothing.
WITH b AS (
    SELECT org_id, id, account_id FROM broadcasts
     WHERE id = $1::uuid AND status = 'scheduled' AND total IS NULL
       FOR UPDATE),
i AS (
    INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id)
    SELECT b.org_id, b.id, row_number() OVER (ORDER BY c.id), c.id,
           b.account_id
      FROM b JOIN contacts c ON c.org_id = b.org_id
    RETURNING 1)
UPDATE broadcasts x SET status = 'sending', started_at = now(),
       total = (SELECT count(*) FROM i)
  FROM b WHERE x.org_id = b.org_id AND x.id = b.id
RETURNING x.total;

-- name: freeze_tag
-- The same for the contacts with a tag.
WITH b AS (
    SELECT org_id, id, account_id, audience ->> 'tag' AS tag FROM broadcasts
     WHERE id = $1::uuid AND status = 'scheduled' AND total IS NULL
       FOR UPDATE),
i AS (
    INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id)
    SELECT b.org_id, b.id, row_number() OVER (ORDER BY t.contact_id),
           t.contact_id, b.account_id
      FROM b JOIN contact_tags t ON t.org_id = b.org_id AND t.tag = b.tag
    RETURNING 1)
UPDATE broadcasts x SET status = 'sending', started_at = now(),
       total = (SELECT count(*) FROM i)
  FROM b WHERE x.org_id = b.org_id AND x.id = b.id
RETURNING x.total;

-- name: sched_lost
-- After a restart nobody knows whether these were written: their fence is an
-- older owner's.
WITH up AS (
    UPDATE deliveries SET state = 'unknown', reason = 'restart'
     WHERE batch_id = $1::uuid AND state = 'sending' AND fence < $2::bigint
    RETURNING org_id, seq),
g AS (
    DELETE FROM agenda x USING up WHERE up.seq = 0 AND x.ref_id = $1::uuid)
INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, unknown)
SELECT org_id, $1::uuid, $3::smallint, count(*) FROM up WHERE seq > 0
 GROUP BY org_id
ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
    SET unknown = c.unknown + excluded.unknown;

-- name: sched_reap
-- A worker died: what it had written is unknown, what it had not goes back to the
-- queue.  Only rows that still are as it left them.
WITH v AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::bool[])
        AS v (batch_id, seq, fence, written)),
up AS (
    UPDATE deliveries d SET
        state = CASE WHEN v.written THEN 'unknown' ELSE 'queued' END
                ::delivery_state,
        reason = CASE WHEN v.written THEN 'worker_died' END,
        attempts = d.attempts - (NOT v.written)::int
      FROM v WHERE d.batch_id = v.batch_id AND d.seq = v.seq
       AND d.fence = v.fence AND d.state = 'sending'
    RETURNING d.org_id, d.batch_id, d.seq, d.state AS new),
g AS (
    DELETE FROM agenda x USING up
     WHERE up.seq = 0 AND up.new = 'unknown' AND x.ref_id = up.batch_id)
INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, unknown)
SELECT org_id, batch_id, $5::smallint, count(*) FROM up
 WHERE seq > 0 AND new = 'unknown' GROUP BY org_id, batch_id
ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
    SET unknown = c.unknown + excluded.unknown;

-- name: sched_open
-- When the cursor has reached the end: what is left, by state, and when the next
-- of it may be tried.
SELECT count(*) FILTER (WHERE state = 'queued' AND (next_try_at IS NULL
                        OR next_try_at <= now())),
       count(*) FILTER (WHERE state = 'queued' AND next_try_at > now()),
       count(*) FILTER (WHERE state = 'sending'),
       min(seq) FILTER (WHERE state = 'queued' AND (next_try_at IS NULL
                        OR next_try_at <= now())),
       max(seq) FILTER (WHERE state = 'queued' AND (next_try_at IS NULL
                        OR next_try_at <= now())),
       coalesce(ceil(extract(epoch FROM min(next_try_at) FILTER
                (WHERE state = 'queued') - now()) * 1000), 0)::bigint
  FROM deliveries
 WHERE batch_id = $1::uuid AND state IN ('queued', 'sending');

-- name: sched_stray_rows
-- Rows in sending that no attempt in shared memory knows.
SELECT seq, fence FROM deliveries
 WHERE batch_id = $1::uuid AND state = 'sending' ORDER BY seq LIMIT 1000;

-- name: sched_finish
-- Only when nothing is open, whatever the helper believes.
UPDATE broadcasts SET status = 'completed', finished_at = now()
 WHERE id = $1::uuid AND status = 'sending' AND NOT EXISTS (
        SELECT 1 FROM deliveries
         WHERE batch_id = $1::uuid AND state IN ('queued', 'sending'))
RETURNING id;

-- name: sched_cancel_rows
-- A cancelled broadcast's queue, one piece of the audience at a time.
WITH up AS (
    UPDATE deliveries SET state = 'skipped', reason = 'cancelled'
     WHERE batch_id = $1::uuid AND seq BETWEEN $2::int AND $3::int
       AND state = 'queued'
    RETURNING org_id)
INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, skipped)
SELECT org_id, $1::uuid, $4::smallint, count(*) FROM up GROUP BY org_id
ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
    SET skipped = c.skipped + excluded.skipped;

-- name: sched_cancel_done
-- The end of a cancelled one.
UPDATE broadcasts SET finished_at = coalesce(finished_at, now())
 WHERE id = $1::uuid AND status = 'cancelled' RETURNING id;
