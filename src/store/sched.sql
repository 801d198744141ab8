-- name: agenda_due
-- Everything up to the horizon, of every organisation: ids and times, no more.
-- Page by page, each going on after the last line of the one before.
SELECT kind, org_id, ref_id,
       (extract(epoch FROM due_at) * 1000000)::bigint,
       (extract(epoch FROM due_at - now()) * 1000)::bigint
  FROM agenda
 WHERE due_at <= now() + make_interval(secs => $1::int)
   AND (due_at, ref_id) > ($2::timestamptz, $3::uuid)
 ORDER BY due_at, ref_id LIMIT 1000;

-- name: lease_take
-- One node owns a number.  The fence rises when the owner changes, or when the
-- owner lost its memory ($3).  No row: another node has it.
INSERT INTO leases AS l (org_id, account_id, node_id, fence, expires_at)
VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::uuid, 1,
        now() + interval '15 seconds')
ON CONFLICT (org_id, account_id) DO UPDATE SET
    node_id = excluded.node_id, expires_at = excluded.expires_at,
    fence = l.fence + (l.node_id <> excluded.node_id OR $3::bool)::int
 WHERE l.node_id = excluded.node_id OR l.expires_at < now()
RETURNING fence;

-- name: sched_broadcast
-- What the helper must know of a broadcast.  The wait is the database's own,
-- so that no clock but one decides when it is due.
SELECT b.status, coalesce(b.total, -1), b.account_id, a.rate_limit,
       b.audience ? 'tag',
       ceil(extract(epoch FROM b.send_at - now()) * 1000)::bigint
  FROM broadcasts b
  JOIN accounts a ON a.org_id = b.org_id AND a.id = b.account_id
 WHERE b.id = $1::uuid;

-- name: sched_cursor
-- Where to go on when shared memory does not know: asked once for each start,
-- for it walks over all that is done.
SELECT coalesce((SELECT seq FROM deliveries
                  WHERE batch_id = $1::uuid AND state = 'queued'
                  ORDER BY seq LIMIT 1), 0);

-- name: sched_message
-- The same for a single message.
SELECT d.state, d.account_id, a.rate_limit,
       coalesce(ceil(extract(epoch FROM d.next_try_at - now()) * 1000), 0)
           ::bigint, d.fence
  FROM deliveries d
  JOIN accounts a ON a.org_id = d.org_id AND a.id = d.account_id
 WHERE d.batch_id = $1::uuid AND d.seq = 0;

-- name: sched_account
-- A number's rate was changed.
SELECT rate_limit FROM accounts WHERE id = $1::uuid;

-- name: agenda_done
-- Finished, or never to be.
DELETE FROM agenda WHERE ref_id = $1::uuid;

-- name: freeze_all
-- The audience of this instant, numbered, in one statement.  A second one
-- finds the total set and does nothing.
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

-- name: freeze_analyze
-- In the freeze's own transaction: nobody plans with the old statistics once
-- the rows are there.
SELECT herald_deliveries_grown(total) FROM broadcasts WHERE id = $1::uuid;

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
-- A worker died: what it had written is unknown, what it had not goes back to
-- the queue.  Only rows that still are as it left them.
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

-- name: sched_queued
-- What went back to the queue behind the cursor ($2: below this number), first
-- those without a time, then by time: the first page of what to grant again,
-- and how long until the next.  While grants are still going out ($3 false)
-- only rows with a time are strays.
SELECT seq, coalesce(ceil(extract(epoch FROM next_try_at - now()) * 1000), 0)
                ::bigint
  FROM deliveries
 WHERE batch_id = $1::uuid AND seq < $2::int AND state = 'queued'
   AND ($3::bool OR next_try_at IS NOT NULL)
 ORDER BY next_try_at NULLS FIRST, seq LIMIT 1000;

-- name: sched_stray_rows
-- Rows in sending: the helper asks shared memory for their attempts.
SELECT seq, fence FROM deliveries
 WHERE batch_id = $1::uuid AND state = 'sending' ORDER BY seq LIMIT 1000;

-- name: sched_stray_unknown
-- Rows in sending whose attempt nobody knows.  Only as they were seen.  The
-- range keeps a plan that was made on an empty table from reading it all.
WITH up AS (
    UPDATE deliveries d SET state = 'unknown', reason = 'attempt_lost'
      FROM unnest($2::int[], $3::bigint[]) AS v (seq, fence)
     WHERE d.batch_id = $1::uuid AND d.seq = v.seq AND d.fence = v.fence
       AND d.seq BETWEEN (SELECT min(s) FROM unnest($2::int[]) s)
                     AND (SELECT max(s) FROM unnest($2::int[]) s)
       AND d.state = 'sending'
    RETURNING d.org_id, d.seq),
g AS (
    DELETE FROM agenda x USING up WHERE up.seq = 0 AND x.ref_id = $1::uuid)
INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, unknown)
SELECT org_id, $1::uuid, $4::smallint, count(*) FROM up WHERE seq > 0
 GROUP BY org_id
ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
    SET unknown = c.unknown + excluded.unknown;

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
-- The end of a cancelled one: when nothing of it is open any more.
UPDATE broadcasts SET finished_at = coalesce(finished_at, now())
 WHERE id = $1::uuid AND status = 'cancelled' AND NOT EXISTS (
        SELECT 1 FROM deliveries
         WHERE batch_id = $1::uuid AND state IN ('queued', 'sending'))
RETURNING id;
