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
 WHERE l.node_id = excluded.node_id OR l.expires_at < now() -- guard: LEASE
RETURNING fence;

-- name: sched_broadcast
-- What the helper must know of a broadcast: how it stands, how far it may go
-- and the first of its stages that something is left to do about.  The waits
-- are the database's own, so that no clock but one decides when it is due.
SELECT b.status, coalesce(b.total, -1), b.account_id, a.rate_limit,
       b.audience ? 'tag',
       ceil(extract(epoch FROM b.send_at - now()) * 1000)::bigint,
       b.variants IS NOT NULL OR b.test IS NOT NULL OR b.ramp IS NOT NULL
           OR b.local_time IS NOT NULL OR b.holdout > 0
           OR b.audience ? 'sequence',
       b.rate_limit,
       ceil(extract(epoch FROM b.expires_at - now()) * 1000)::bigint,
       (coalesce((b.guard ->> 'failure_rate')::float8, 0.5) * 1000000)::int,
       (coalesce((b.guard ->> 'opt_out_rate')::float8, 0.05) * 1000000)::int,
       coalesce((b.guard ->> 'min')::int, 50),
       coalesce((SELECT CASE WHEN bool_and(opened_at IS NOT NULL) THEN b.total
                             ELSE coalesce(max(to_seq) FILTER (
                                      WHERE opened_at IS NOT NULL), 0) END
                   FROM broadcast_stages WHERE broadcast_id = b.id
                 HAVING count(*) > 0), b.total, 0),
       s.n, s.kind, s.from_seq, s.to_seq, s.opened, s.sent, s.wait,
       b.test ->> 'metric', coalesce((b.test ->> 'min_sample')::int, 100)
  FROM broadcasts b
  JOIN accounts a ON a.org_id = b.org_id AND a.id = b.account_id
  LEFT JOIN LATERAL (
        SELECT x.n, x.kind, coalesce((
                   SELECT max(y.to_seq) FROM broadcast_stages y
                    WHERE y.broadcast_id = b.id AND y.n < x.n), 0) + 1,
               x.to_seq, x.opened_at IS NOT NULL, x.sent_at IS NOT NULL,
               ceil(extract(epoch FROM coalesce(
                   x.sent_at + make_interval(secs => x.wait_s), x.opens_at)
                   - now()) * 1000)::bigint
          FROM broadcast_stages x
         WHERE x.broadcast_id = b.id
           AND (x.opened_at IS NULL
                OR x.kind IN ('ramp', 'test') AND x.judged_at IS NULL)
         ORDER BY x.n LIMIT 1)
       s (n, kind, from_seq, to_seq, opened, sent, wait) ON true
 WHERE b.id = $1::uuid;

-- name: sched_cursor
-- Where to go on when shared memory does not know: asked once for each start,
-- for it walks over all that is done.
SELECT coalesce((SELECT seq FROM deliveries
                  WHERE batch_id = $1::uuid AND state = 'queued'
                  ORDER BY seq LIMIT 1), 0);

-- name: sched_message
-- The same for a single message.  Open is also one whose outcome is unknown
-- when policy will try it again.
SELECT d.state, d.account_id, a.rate_limit,
       coalesce(ceil(extract(epoch FROM d.next_try_at - now()) * 1000), 0)
           ::bigint, d.fence,
       d.state = 'queued' OR d.state = 'unknown' AND d.next_try_at IS NOT NULL
  FROM deliveries d
  JOIN accounts a ON a.org_id = d.org_id AND a.id = d.account_id
 WHERE d.batch_id = $1::uuid AND d.seq = 0;

-- name: sched_account
-- A number's rate was changed.
SELECT rate_limit FROM accounts WHERE id = $1::uuid;

-- name: agenda_done
-- Finished, or never to be; not one that somebody has just sent again.
DELETE FROM agenda WHERE ref_id = $1::uuid AND NOT EXISTS (
        SELECT FROM broadcasts WHERE id = $1::uuid
           AND status IN ('scheduled', 'sending', 'paused'));

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

-- name: freeze_plan
-- The same, every kind of audience, for one that has variants, a holdout, a
-- test, a ramp or a local time.  Who gets what is a hash of broadcast and
-- contact, so asking again gives the same answer.  The numbering says who may
-- go first: those of the first wave, those of the test; who is held out comes
-- last and is settled already.  A zone's time is worked out once for each
-- zone.  A wave that was due up to an hour ago goes today.
WITH b AS (
    SELECT x.org_id, x.id, x.account_id, x.holdout, x.local_time, x.test,
           x.ramp, x.audience ->> 'tag' AS tag,
           (x.audience ->> 'sequence')::uuid AS sequence,
           (x.audience ->> 'cohort')::int AS cohort, o.time_zone AS zone,
           greatest(x.send_at, now() - interval '1 hour') AS at,
           uuid_hash_extended(x.id, 1) AS salt,
           uuid_hash_extended(x.id, 2) AS salt_held,
           uuid_hash_extended(x.id, 3) AS salt_test,
           ((x.test ->> 'percent')::float8 * 100)::int AS share,
           (SELECT array_agg(w.below ORDER BY w.n)
              FROM (SELECT e.n, (sum(coalesce((e.v ->> 'weight')::int, 1))
                                     OVER (ORDER BY e.n))::int
                                - coalesce((e.v ->> 'weight')::int, 1)
                      FROM jsonb_array_elements(x.variants)
                           WITH ORDINALITY AS e (v, n)) w (n, below))
               AS bounds,
           (SELECT sum(coalesce((e.v ->> 'weight')::int, 1))::int
              FROM jsonb_array_elements(x.variants) AS e (v)) AS weights
      FROM broadcasts x JOIN orgs o ON o.org_id = x.org_id
     WHERE x.id = $1::uuid AND x.status = 'scheduled' AND x.total IS NULL
       FOR UPDATE OF x),
a AS MATERIALIZED (
    SELECT c.id, coalesce(c.time_zone,
                          c.phone_zone,                -- guard: ZONE
                          b.zone) AS zone
      FROM b JOIN contacts c ON c.org_id = b.org_id
     WHERE b.tag IS NULL AND b.sequence IS NULL
    UNION ALL
    SELECT c.id, coalesce(c.time_zone,
                          c.phone_zone,                -- guard: ZONE
                          b.zone)
      FROM b JOIN sequence_members m ON m.org_id = b.org_id
             AND m.schedule_id = b.sequence AND m.cohort = b.cohort
             AND m.left_at IS NULL
      JOIN contacts c ON c.org_id = b.org_id AND c.id = m.contact_id
     WHERE b.sequence IS NOT NULL
    UNION ALL
    SELECT c.id, coalesce(c.time_zone,
                          c.phone_zone,                -- guard: ZONE
                          b.zone)
      FROM b JOIN contact_tags t ON t.org_id = b.org_id AND t.tag = b.tag
      JOIN contacts c ON c.org_id = b.org_id AND c.id = t.contact_id
     WHERE b.tag IS NOT NULL),
z AS MATERIALIZED (
    SELECT d.zone, herald_next_local(b.local_time, d.zone, b.at) AS opens
      FROM b, (SELECT DISTINCT zone FROM a) d
     WHERE b.local_time IS NOT NULL),
h AS (
    SELECT a.id, z.opens,
           b.holdout > 0 AND abs(uuid_hash_extended(a.id, b.salt_held) % 100)
                             < b.holdout AS held,
           b.share IS NOT NULL
               AND abs(uuid_hash_extended(a.id, b.salt_test) % 10000)
                   < b.share AS tested,
           CASE WHEN b.weights IS NULL THEN 0
                ELSE width_bucket(abs(uuid_hash_extended(a.id, b.salt)
                                      % b.weights)::int, b.bounds) - 1
           END AS variant
      FROM b CROSS JOIN a LEFT JOIN z ON z.zone = a.zone),
r AS MATERIALIZED (
    SELECT h.*, row_number() OVER (ORDER BY held, opens, tested DESC, id)
               AS seq
      FROM h),
i AS (
    INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id,
                            variant, state, reason)
    SELECT b.org_id, b.id, r.seq, r.id, b.account_id,
           CASE WHEN held THEN -1 ELSE variant END,
           CASE WHEN held THEN 'skipped' ELSE 'queued' END::delivery_state,
           CASE WHEN held THEN 'holdout' END
      FROM b CROSS JOIN r),
n AS (
    SELECT count(*)::int AS total, count(*) FILTER (WHERE held) AS held,
           count(*) FILTER (WHERE NOT held)::int AS out,
           count(*) FILTER (WHERE tested AND NOT held)::int AS tested
      FROM r),
k AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe,
                                         skipped)
    SELECT b.org_id, b.id, $2::smallint, n.held FROM b, n WHERE n.held > 0
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
        SET skipped = c.skipped + excluded.skipped),
p AS (
    SELECT 'test' AS kind, n.tested AS to_seq, NULL::timestamptz AS opens,
           CASE WHEN n.tested > 0 THEN (b.test ->> 'wait_s')::int ELSE 0 END
               AS wait_s
      FROM b, n WHERE b.test IS NOT NULL
    UNION ALL
    SELECT 'ramp', s.to_seq, NULL, max(s.wait_s)
      FROM n, (
            SELECT coalesce((e.v ->> 'count')::int,
                       greatest(1, ceil(n.out * (e.v ->> 'percent')::float8
                                        / 100)::int)),
                   coalesce((e.v ->> 'wait_s')::int, 0)
              FROM b, n, jsonb_array_elements(b.ramp) AS e (v))
               AS s (to_seq, wait_s)
     WHERE s.to_seq > n.tested AND s.to_seq < n.out
     GROUP BY s.to_seq
    UNION ALL
    SELECT 'wave', max(r.seq)::int, r.opens, 0 FROM r
     WHERE r.opens IS NOT NULL AND NOT r.held GROUP BY r.opens
    UNION ALL
    SELECT 'all', n.total, NULL, 0 FROM b, n
     WHERE b.test IS NOT NULL OR b.ramp IS NOT NULL),
s AS (
    INSERT INTO broadcast_stages (org_id, broadcast_id, n, kind, to_seq,
                                  opens_at, wait_s, opened_at)
    SELECT b.org_id, b.id, p.n, p.kind, p.to_seq, p.opens, p.wait_s,
           CASE WHEN p.kind = 'wave' THEN CASE WHEN p.opens <= now()
                                               THEN now() END
                WHEN p.n = 1 THEN now() END
      FROM b, (
            SELECT p.*, row_number() OVER (
                       ORDER BY p.kind = 'all', p.opens, p.to_seq) AS n
              FROM p) p)
UPDATE broadcasts x SET status = 'sending', started_at = now(),
       total = n.total
  FROM b, n WHERE x.org_id = b.org_id AND x.id = b.id
RETURNING x.total;

-- name: freeze_analyze
-- In the freeze's own transaction: nobody plans with the old statistics once
-- the rows are there.
SELECT herald_deliveries_grown(total) FROM broadcasts WHERE id = $1::uuid;

-- name: sched_lost
-- After a restart nobody knows whether these were written: their fence is an
-- older owner's.  Policy says whether they are tried again.
WITH up AS (
    UPDATE deliveries SET state = 'unknown', reason = 'restart',
           next_try_at = herald_unknown_retry(account_id, category)
     WHERE batch_id = $1::uuid AND state = 'sending' AND fence < $2::bigint
    RETURNING org_id, seq, reason, next_try_at, attempts),
e AS (
    INSERT INTO delivery_events (org_id, batch_id, seq, event, attempt,
                                 reason, next_try_at)
    SELECT org_id, $1::uuid, seq, 'unknown', attempts, reason, next_try_at
      FROM up),
g AS (
    DELETE FROM agenda x USING up
     WHERE up.seq = 0 AND up.next_try_at IS NULL AND x.kind = 'message'
       AND x.ref_id = $1::uuid)
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
        next_try_at = CASE WHEN v.written
                      THEN herald_unknown_retry(d.account_id, d.category) END,
        attempts = d.attempts - (NOT v.written)::int
      FROM v WHERE d.batch_id = v.batch_id AND d.seq = v.seq
       AND d.fence = v.fence AND d.state = 'sending'
    RETURNING d.org_id, d.batch_id, d.seq, d.state AS new, d.reason,
              d.next_try_at, d.attempts, d.cost),
e AS (
    INSERT INTO delivery_events (org_id, batch_id, seq, event, attempt,
                                 reason, next_try_at)
    SELECT org_id, batch_id, seq,
           CASE new WHEN 'unknown' THEN 'unknown' ELSE 'returned' END,
           attempts, 'worker_died', next_try_at
      FROM up),
s AS (
    INSERT INTO spend_days AS s (org_id, day, stripe, amount)
    SELECT org_id, (now() AT TIME ZONE 'UTC')::date, $5::smallint,
           - sum(cost)
      FROM up WHERE cost > 0 AND new = 'queued' GROUP BY org_id
    ON CONFLICT (org_id, day, stripe) DO UPDATE
        SET amount = s.amount + excluded.amount),
g AS (
    DELETE FROM agenda x USING up
     WHERE up.seq = 0 AND up.new = 'unknown' AND up.next_try_at IS NULL
       AND x.kind = 'message' AND x.ref_id = up.batch_id)
INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, unknown)
SELECT org_id, batch_id, $5::smallint, count(*) FROM up
 WHERE seq > 0 AND new = 'unknown' GROUP BY org_id, batch_id
ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
    SET unknown = c.unknown + excluded.unknown;

-- name: sched_queued
-- What went back to the queue behind the cursor ($2: below this number), or is
-- unknown and tried again by policy; first those without a time, then by time:
-- the first page of what to grant again, and how long until the next.  While
-- grants are still going out ($3 false) only rows with a time are strays.
SELECT seq, coalesce(ceil(extract(epoch FROM next_try_at - now()) * 1000), 0)
                ::bigint
  FROM deliveries
 WHERE batch_id = $1::uuid AND seq < $2::int
   AND (state = 'queued' AND ($3::bool OR next_try_at IS NOT NULL)
        OR state = 'unknown' AND next_try_at IS NOT NULL)
 ORDER BY next_try_at NULLS FIRST, seq LIMIT 1000;

-- name: sched_stray_rows
-- Rows in sending: the helper asks shared memory for their attempts.
SELECT seq, fence FROM deliveries
 WHERE batch_id = $1::uuid AND state = 'sending' ORDER BY seq LIMIT 1000;

-- name: sched_stray_unknown
-- Rows in sending whose attempt nobody knows.  Only as they were seen.  The
-- range keeps a plan that was made on an empty table from reading it all.
WITH up AS (
    UPDATE deliveries d SET state = 'unknown', reason = 'attempt_lost',
           next_try_at = herald_unknown_retry(d.account_id, d.category)
      FROM unnest($2::int[], $3::bigint[]) AS v (seq, fence)
     WHERE d.batch_id = $1::uuid AND d.seq = v.seq AND d.fence = v.fence
       AND d.seq BETWEEN (SELECT min(s) FROM unnest($2::int[]) s)
                     AND (SELECT max(s) FROM unnest($2::int[]) s)
       AND d.state = 'sending'
    RETURNING d.org_id, d.seq, d.reason, d.next_try_at, d.attempts),
e AS (
    INSERT INTO delivery_events (org_id, batch_id, seq, event, attempt,
                                 reason, next_try_at)
    SELECT org_id, $1::uuid, seq, 'unknown', attempts, reason, next_try_at
      FROM up),
g AS (
    DELETE FROM agenda x USING up
     WHERE up.seq = 0 AND up.next_try_at IS NULL AND x.kind = 'message'
       AND x.ref_id = $1::uuid)
INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, unknown)
SELECT org_id, $1::uuid, $4::smallint, count(*) FROM up WHERE seq > 0
 GROUP BY org_id
ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
    SET unknown = c.unknown + excluded.unknown;

-- name: sched_finish
-- Only when nothing is open, whatever the helper believes.  A test is judged
-- first, unless the time is over ($2), which ends a paused one too.  The first
-- open row is asked for, not whether there is one: that reads by the key, where
-- NOT EXISTS reads the deliveries of everybody.
UPDATE broadcasts SET status = 'completed', finished_at = now()
 WHERE id = $1::uuid
   AND (status = 'sending' OR $2::bool AND status = 'paused')
   AND (SELECT seq FROM deliveries
         WHERE batch_id = $1::uuid
           AND (state IN ('queued', 'sending')
                OR state = 'unknown' AND next_try_at IS NOT NULL)
         ORDER BY seq LIMIT 1) IS NULL
   AND ($2::bool OR NOT EXISTS (
        SELECT 1 FROM broadcast_stages
         WHERE broadcast_id = $1::uuid AND kind = 'test'
           AND judged_at IS NULL))
RETURNING id;

-- name: sched_cancel_rows
-- The queue of a broadcast that was cancelled or whose time is over ($5), one
-- piece of the audience at a time.  What is unknown is not tried again.
WITH up AS (
    UPDATE deliveries SET next_try_at = NULL,
           state = CASE state WHEN 'queued' THEN 'skipped' ELSE state
                   END::delivery_state,
           reason = CASE state WHEN 'queued' THEN $5::text ELSE reason END
     WHERE batch_id = $1::uuid AND seq BETWEEN $2::int AND $3::int
       AND (state = 'queued'
            OR state = 'unknown' AND next_try_at IS NOT NULL)
    RETURNING org_id, state)
INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, skipped)
SELECT org_id, $1::uuid, $4::smallint, count(*) FROM up
 WHERE state = 'skipped' GROUP BY org_id
ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
    SET skipped = c.skipped + excluded.skipped;

-- name: sched_cancel_done
-- The end of a cancelled one: when nothing of it is open any more.
UPDATE broadcasts SET finished_at = coalesce(finished_at, now())
 WHERE id = $1::uuid AND status = 'cancelled' AND (
        SELECT seq FROM deliveries
         WHERE batch_id = $1::uuid
           AND (state IN ('queued', 'sending')
                OR state = 'unknown' AND next_try_at IS NOT NULL)
         ORDER BY seq LIMIT 1) IS NULL
RETURNING id;

-- name: stage_open
-- The next stage; waves open together when several are due.
UPDATE broadcast_stages SET opened_at = now()
 WHERE broadcast_id = $1::uuid AND opened_at IS NULL
   AND (n = $2::smallint OR kind = 'wave')
   AND (kind <> 'wave' OR opens_at <= now())
   AND (SELECT status FROM broadcasts WHERE id = $1::uuid) = 'sending';

-- name: stage_sent
-- All of a stage has gone: nothing is in flight or due.  What gates put off
-- for more than an hour does not hold it.
UPDATE broadcast_stages SET sent_at = now()
 WHERE broadcast_id = $1::uuid AND n = $2::smallint
   AND opened_at IS NOT NULL AND sent_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM deliveries
         WHERE batch_id = $1::uuid AND seq BETWEEN $3::int AND $4::int
           AND (state = 'sending'
                OR state = 'queued' AND next_try_at IS NULL
                OR state IN ('queued', 'unknown')
                   AND next_try_at <= now() + interval '1 hour'))
RETURNING n;

-- name: stage_count
-- What became of a stage's people, by variant; who opted out after they were
-- written to; and the code that most of the failed have.
SELECT d.variant, count(*) FILTER (WHERE d.state BETWEEN 'accepted'
                                                     AND 'played'),
       count(*) FILTER (WHERE d.state BETWEEN 'delivered' AND 'played'),
       count(*) FILTER (WHERE d.state BETWEEN 'read' AND 'played'),
       count(*) FILTER (WHERE d.replied_at IS NOT NULL
                          AND d.state BETWEEN 'accepted' AND 'played'),
       count(*) FILTER (WHERE d.state = 'failed'),
       count(*) FILTER (WHERE d.claimed_at IS NOT NULL AND EXISTS (
            SELECT FROM opt_outs x WHERE x.contact_id = d.contact_id
               AND x.account_id = d.account_id
               AND x.created_at >= d.claimed_at)),
       mode() WITHIN GROUP (ORDER BY d.error_code)
           FILTER (WHERE d.state = 'failed')
  FROM deliveries d
 WHERE d.batch_id = $1::uuid AND d.seq BETWEEN $2::int AND $3::int
   AND d.variant >= 0
 GROUP BY d.variant ORDER BY d.variant;

-- name: stage_judge
-- The verdict on a stage, once, while it is being sent; with a test's result.
WITH s AS (
    UPDATE broadcast_stages SET judged_at = now(), verdict = $3::text
     WHERE broadcast_id = $1::uuid AND n = $2::smallint
       AND sent_at IS NOT NULL AND judged_at IS NULL
       AND (SELECT status FROM broadcasts WHERE id = $1::uuid) = 'sending'
    RETURNING org_id)
UPDATE broadcasts b SET winner = $4::smallint, test_result = $5::jsonb
  FROM s WHERE b.org_id = s.org_id AND b.id = $1::uuid
   AND $5::jsonb IS NOT NULL;

-- name: guard_counts
-- What the automatic pause watches, and how a stream shows a pause.
SELECT coalesce(sum(c.sent), 0), coalesce(sum(c.failed), 0),
       coalesce(sum(c.opted_out), 0), b.pause_reason, b.pause_detail
  FROM broadcasts b
  LEFT JOIN broadcast_counters c
    ON c.org_id = b.org_id AND c.broadcast_id = b.id
 WHERE b.id = $1::uuid
 GROUP BY b.org_id, b.id;

-- name: guard_look
-- The ledger's word on a suspicion: results of a range, how many of them are
-- failures, and the code that most of those have.
SELECT count(*) FILTER (WHERE state BETWEEN 'accepted' AND 'played'
                           OR state = 'failed'),
       count(*) FILTER (WHERE state = 'failed'),
       mode() WITHIN GROUP (ORDER BY error_code)
           FILTER (WHERE state = 'failed')
  FROM deliveries
 WHERE batch_id = $1::uuid AND seq BETWEEN $2::int AND $3::int;

-- name: sched_orgs
-- Organisations that have a number, page by page: only they can have statuses
-- that wait.  From the table without tenants, so nobody's rows are seen.
SELECT DISTINCT org_id FROM directory
 WHERE kind = 'hook' AND org_id > $1::uuid ORDER BY org_id LIMIT 500;

-- name: orphans_due
-- Statuses whose message is there by now.
SELECT p.account_id, p.provider_id, p.status,
       (extract(epoch FROM p.at) * 1000000)::bigint, coalesce(p.error_code, 0),
       m.batch_id, m.seq
  FROM parked_statuses p
  JOIN provider_messages m ON m.org_id = p.org_id
   AND m.account_id = p.account_id AND m.provider_id = p.provider_id
 WHERE m.batch_id IS NOT NULL
 ORDER BY p.account_id, p.provider_id LIMIT 500;

-- name: orphans_expire
-- A message that is not ours, or that never came: after a week nobody waits.
DELETE FROM parked_statuses WHERE parked_at < now() - interval '7 days';

-- name: epoch_begin
-- A helper begins, or a while has gone by: the number that this node wrote
-- down ($1, of the cluster $2) against what the database says.  A row without
-- an identifier is a new database's, or somebody said that sending may go on.
-- The new number is at least the clock, and so ahead of every node's file.
UPDATE epoch e SET held = e.held OR o.reason IS NOT NULL,
       held_reason = CASE WHEN e.held THEN e.held_reason ELSE o.reason END,
       epoch = CASE WHEN e.held OR o.reason IS NOT NULL THEN e.epoch
                    ELSE greatest(e.epoch + 1, extract(epoch FROM now())
                                                   ::bigint) END,
       system_id = CASE WHEN e.held OR o.reason IS NOT NULL THEN e.system_id
                        ELSE o.id END,
       changed_at = now()
  FROM (SELECT s.id, CASE
                   WHEN x.system_id = '' THEN NULL
                   WHEN x.system_id <> s.id THEN 'other_database'
                   WHEN $2::text = s.id AND x.epoch < $1::bigint
                   THEN 'older_copy' END AS reason
          FROM epoch x, (SELECT system_identifier::text AS id
                           FROM pg_control_system()) s) o
RETURNING e.held, e.epoch, e.system_id, e.held_reason;
