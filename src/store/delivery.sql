-- name: range_read
-- A grant's rows that may go now, with all that the template may say and what
-- the gates need of each person.  Reading costs no commit; the grant already
-- made the range this worker's own.  What is the organisation's or the
-- broadcast's is asked once, and what an organisation does not use (quiet
-- hours, suppressions, opt-outs) costs its rows nothing.  The LIMIT keeps each
-- contact one look into an index, whatever the planner takes the range for.
-- An unknown one with a time is one that policy tries again.  Who has no phone
-- is written to by what the provider knows them by: a user id, or behind a QR
-- code a group or a LID.
SELECT d.seq, d.contact_id, d.attempts, coalesce(c.phone, (
            SELECT x.value FROM addresses x
             WHERE x.contact_id = d.contact_id AND x.kind = ANY (
                   CASE WHEN (SELECT a.provider FROM accounts a
                               WHERE a.id = $4::uuid) = 'waha'
                        THEN '{group,lid}'::text[] ELSE '{bsuid}' END)
             ORDER BY x.kind LIMIT 1)), c.marketing_opt_out, c.name,
       c.first_name, c.last_name, c.email, c.fields, d.message_id, c.language,
       CASE WHEN (SELECT b.winner FROM broadcasts b WHERE b.id = $1::uuid)
                 IS NOT NULL
             AND d.seq > coalesce((
                SELECT s.to_seq FROM broadcast_stages s
                 WHERE s.broadcast_id = $1::uuid AND s.kind = 'test'), 0)
            THEN (SELECT b.winner FROM broadcasts b WHERE b.id = $1::uuid)
            ELSE d.variant END,
       (SELECT EXISTS (SELECT FROM opt_outs)) AND EXISTS (
            SELECT FROM opt_outs x WHERE x.contact_id = d.contact_id
               AND x.account_id = $4::uuid),
       (SELECT EXISTS (SELECT FROM suppressions)) AND EXISTS (
            SELECT FROM suppressions s
             WHERE s.hash = sha256($5::bytea
                                   || convert_to(c.phone, 'UTF8'))),
       CASE WHEN (SELECT o.quiet_from FROM orgs o) IS NOT NULL THEN
            (extract(epoch FROM herald_quiet_until(
                (SELECT o.quiet_from FROM orgs o),
                (SELECT o.quiet_to FROM orgs o),
                coalesce(c.time_zone, c.phone_zone,
                         (SELECT o.time_zone FROM orgs o)), now()))
             * 1000000)::bigint END,
       CASE WHEN $6::bool OR (SELECT a.portfolio_id <> '' FROM accounts a
                               WHERE a.id = $4::uuid)
            THEN coalesce((
                SELECT v.last_inbound_at > now() - interval '24 hours'
                  FROM conversations v
                 WHERE v.account_id = $4::uuid
                   AND v.contact_id = d.contact_id), false) END,
       c.country, d.state, d.error_code,
       CASE WHEN d.seq = 0 THEN (extract(epoch FROM coalesce(d.next_try_at, (
            SELECT g.due_at FROM agenda g WHERE g.kind = 'message'
               AND g.ref_id = $1::uuid))) * 1000000)::bigint END
  FROM deliveries d
  LEFT JOIN LATERAL (
        SELECT * FROM contacts x WHERE x.id = d.contact_id LIMIT 1) c ON true
 WHERE d.batch_id = $1::uuid AND d.seq BETWEEN $2::int AND $3::int
   AND (d.state = 'queued' AND (d.next_try_at IS NULL
                                OR d.next_try_at <= now())
        OR d.state = 'unknown' AND d.next_try_at <= now())
 ORDER BY d.seq;

-- name: batch_content
-- What a broadcast says: the template and variables of each of its variants,
-- in their order, or a single message's own, with the provider's id of what it
-- quotes.
SELECT coalesce(v.x -> 'variables', b.variables), t.name, t.language,
       t.category, t.header, t.body, t.footer, NULL::text, NULL::jsonb,
       t.status, b.rate_limit,
       (extract(epoch FROM b.expires_at) * 1000000)::bigint, t.id, v.n,
       t.document, t.provider_id, NULL::text, NULL::text, NULL::text
  FROM broadcasts b
 CROSS JOIN LATERAL (
        SELECT x, n - 1 AS n
          FROM jsonb_array_elements(coalesce(b.variants, '[{}]'))
               WITH ORDINALITY AS e (x, n)) v
  JOIN templates t ON t.org_id = b.org_id
   AND t.id = coalesce((v.x ->> 'template_id')::uuid, b.template_id)
 WHERE b.id = $1::uuid
UNION ALL
SELECT NULL, NULL, NULL, m.payload ->> 'category', NULL, NULL, NULL, m.text,
       m.payload, t.status, 0,
       (extract(epoch FROM (m.payload ->> 'expires_at')::timestamptz)
        * 1000000)::bigint, t.id, 0, NULL, t.provider_id, m.type,
       m.media_id::text, coalesce(q.provider_id, x.provider_id)
  FROM messages m
  LEFT JOIN templates t ON t.org_id = m.org_id
   AND t.id = (m.payload #>> '{template,id}')::uuid
  LEFT JOIN messages q ON q.org_id = m.org_id AND q.id = m.reply_to
  LEFT JOIN deliveries x ON x.org_id = q.org_id AND x.batch_id = q.batch_id
        AND x.seq = q.seq
 WHERE m.id = $1::uuid AND m.seq = 0
 ORDER BY 14;

-- name: range_lock
-- Before limits that several senders share are looked at (frequency cap,
-- portfolio, spend, a number's day): whoever counts on them takes turns.  All
-- locks of a unit at once and in order, so that no two units wait for each
-- other.
SELECT count(pg_advisory_xact_lock(k))
  FROM (SELECT DISTINCT k FROM unnest($1::bigint[]) k ORDER BY k) x;

-- name: range_hold
-- Who may not go now; a NULL limit is none.  Rows $2 with their contacts $3,
-- whether they open a conversation ($4) and what they cost ($5).  Limits: $6
-- marketing messages in $7 days ($8: this is marketing); portfolio $9 with $10
-- people a day; $11 money since the day $12, until $13; the number $14 with
-- $15 messages on its day $16, until $17.  The rows before one in the range
-- count first; what they leave of the money goes to the cheapest of the rest,
-- so what is free goes always.  Over the frequency cap a row is skipped, else
-- it waits.  Under the locks of range_lock, so what is counted here is
-- committed.
WITH r AS (
    SELECT r.*, row_number() OVER () AS at
      FROM unnest($2::int[], $3::uuid[], $4::bool[], $5::int[])
           AS r (seq, contact_id, opens, cost)),
used AS (
    SELECT count(*) AS n, min(last_at) AS first FROM portfolio_users
     WHERE $10::int IS NOT NULL AND portfolio_id = $9::text
       AND last_at > now() - interval '24 hours'),
spent AS (
    SELECT coalesce(sum(amount), 0) AS n FROM spend_days
     WHERE $11::bigint IS NOT NULL AND day >= $12::date),
today AS (
    SELECT coalesce(sum(sent), 0) AS n FROM account_days
     WHERE $15::int IS NOT NULL AND account_id = $14::uuid
       AND day = $16::date),
a AS (
    SELECT r.*, $8::bool AND $6::int IS NOT NULL AND (
               SELECT count(*) FROM deliveries x
                WHERE x.contact_id = r.contact_id AND x.category = 'm'
                  AND x.claimed_at > now() - make_interval(days => $7::int)
                  AND x.state BETWEEN 'sending' AND 'played'
                  AND (x.batch_id, x.seq) <> ($1::uuid, r.seq))
               >= $6::int AS capped,
           $10::int IS NOT NULL AND r.opens AND NOT EXISTS (
               SELECT FROM portfolio_users u
                WHERE u.portfolio_id = $9::text
                  AND u.contact_id = r.contact_id
                  AND u.last_at > now() - interval '24 hours') AS fresh
      FROM r),
n AS (
    SELECT a.*, count(*) FILTER (WHERE NOT capped) OVER w AS nth,
           count(*) FILTER (WHERE NOT capped AND fresh) OVER w AS fresh_nth
      FROM a WINDOW w AS (ORDER BY at)),
o AS (
    SELECT n.seq, n.at, n.cost, CASE
               WHEN capped THEN 'frequency_cap'
               WHEN today.n + nth > $15::int THEN 'daily_cap'
               WHEN fresh AND used.n + fresh_nth > $10::int
               THEN 'portfolio_limit'
           END AS reason, CASE
               WHEN capped THEN NULL
               WHEN today.n + nth > $15::int THEN $17::timestamptz
               ELSE coalesce(used.first + interval '24 hours',
                             now() + interval '1 hour')
           END AS until
      FROM n, used, today),
m AS (
    SELECT o.*, $11::bigint - spent.n AS left, $11::bigint - spent.n
               < sum(cost) FILTER (WHERE reason IS NULL) OVER (ORDER BY at)
               AS late
      FROM o, spent),
h AS (
    SELECT m.seq, CASE WHEN m.reason IS NULL THEN 'spend_limit'
               ELSE m.reason END AS reason,
           CASE WHEN m.reason IS NULL THEN $13::timestamptz ELSE m.until END
               AS until
      FROM (SELECT m.*, m.left
                   < coalesce(sum(cost) FILTER (WHERE NOT late) OVER (), 0)
                     + sum(cost) FILTER (WHERE late)
                           OVER (ORDER BY late, cost, at) AS broke
              FROM (SELECT m.seq, m.at, m.reason, m.until, m.left,
                           m.late AND m.reason IS NULL AS late,
                           CASE WHEN m.reason IS NULL THEN m.cost ELSE 0 END
                               AS cost
                      FROM m) m) m
     WHERE m.reason IS NOT NULL OR m.late AND m.broke),
up AS (
    UPDATE deliveries d SET
        state = CASE WHEN h.until IS NULL THEN 'skipped' ELSE 'queued'
                END::delivery_state,
        reason = h.reason, next_try_at = h.until
      FROM h WHERE d.batch_id = $1::uuid
       AND d.seq = h.seq AND d.state = 'queued'
       AND d.seq BETWEEN (SELECT min(s) FROM unnest($2::int[]) s)
                     AND (SELECT max(s) FROM unnest($2::int[]) s)
    RETURNING d.org_id, d.seq, d.reason, d.next_try_at, d.attempts, d.state),
e AS (
    INSERT INTO delivery_events (org_id, batch_id, seq, event, attempt,
                                 reason, next_try_at)
    SELECT org_id, $1::uuid, seq, CASE state WHEN 'skipped' THEN 'skipped'
           ELSE 'deferred' END, attempts, reason, next_try_at FROM up),
g AS (
    DELETE FROM agenda x USING up WHERE up.seq = 0 AND up.state = 'skipped'
       AND x.kind = 'message' AND x.ref_id = $1::uuid),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe,
                                         skipped)
    SELECT org_id, $1::uuid, $18::smallint, count(*) FROM up
     WHERE seq > 0 AND state = 'skipped' GROUP BY org_id
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
        SET skipped = c.skipped + excluded.skipped)
SELECT seq, reason, state FROM up;

-- name: limits_wake
-- A limit was changed: what waits for one of the reasons $1, of the number $2
-- or the portfolio $3 (NULL: any), is due now, and the gates look at it again:
-- a piece ($4) of the first broadcast from $5 and its row $6 on that has such
-- rows; in the beginning ($6 is 0) also single messages.  They have a time and not none, so that a
-- broadcast that is still granted finds them behind its cursor.  Nothing is
-- joined with the ledger: a plan from the days when it was small would read it
-- for each row.  Rows: batch, and where to go on (0: a single message).
WITH a AS (
    SELECT id FROM accounts
     WHERE ($2::uuid IS NULL OR id = $2::uuid)
       AND ($3::text IS NULL OR portfolio_id = $3::text)),
b AS (
    SELECT id, total FROM broadcasts
     WHERE status IN ('sending', 'paused') AND total IS NOT NULL
       AND id >= $5::uuid AND account_id = ANY (ARRAY(SELECT id FROM a))),
f AS (
    SELECT b.id, d.seq FROM b, LATERAL (
            SELECT x.seq FROM deliveries x
             WHERE x.batch_id = b.id AND x.seq BETWEEN
                   CASE WHEN b.id = $5::uuid THEN $6::int ELSE 1 END AND b.total
               AND x.state = 'queued' AND x.next_try_at > now()
               AND x.reason = ANY ($1::text[])
             ORDER BY x.seq LIMIT 1) d
     ORDER BY b.id LIMIT 1),
up AS (
    UPDATE deliveries d SET next_try_at = now(), reason = NULL
     WHERE d.batch_id = (SELECT id FROM f)
       AND d.seq BETWEEN (SELECT seq FROM f) AND (SELECT seq FROM f)
                                                 + $4::int - 1
       AND d.state = 'queued' AND d.next_try_at > now()
       AND d.reason = ANY ($1::text[])),
s AS (
    UPDATE deliveries d SET next_try_at = now(), reason = NULL
     WHERE $6::int = 0 AND d.seq = 0 AND d.state = 'queued'
       AND d.batch_id = ANY (ARRAY(
            SELECT g.ref_id FROM agenda g, LATERAL (
                    SELECT FROM deliveries x
                     WHERE x.batch_id = g.ref_id AND x.seq = 0
                       AND x.account_id = ANY (ARRAY(SELECT id FROM a))
                       AND x.state = 'queued' AND x.next_try_at > now()
                       AND x.reason = ANY ($1::text[]) LIMIT 1) d
             WHERE g.kind = 'message'
               AND g.org_id = current_setting('herald.org')::uuid
             LIMIT $4::int))
    RETURNING d.batch_id)
SELECT id, seq + $4::int FROM f
UNION ALL
SELECT batch_id, 0 FROM s;

-- name: range_again
-- Attempts whose outcome could not be learnt and that policy tries again: back
-- to the queue in the unit that makes the new attempt.
WITH up AS (
    UPDATE deliveries d SET state = 'queued', next_try_at = NULL
     WHERE d.batch_id = $1::uuid AND d.seq = ANY ($2::int[])
       AND d.seq BETWEEN (SELECT min(s) FROM unnest($2::int[]) s)
                     AND (SELECT max(s) FROM unnest($2::int[]) s)
       AND d.state = 'unknown' AND d.next_try_at <= now()
    RETURNING d.org_id, d.seq)
INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, unknown)
SELECT org_id, $1::uuid, $3::smallint, - count(*) FROM up WHERE seq > 0
 GROUP BY org_id
ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
    SET unknown = c.unknown + excluded.unknown;

-- name: range_defer
-- Gates say later: each row waits with its reason until its time.
WITH up AS (
    UPDATE deliveries d SET
        reason = ($3::text[])[array_position($2::int[], d.seq)],
        next_try_at = ($4::timestamptz[])[array_position($2::int[], d.seq)]
     WHERE d.batch_id = $1::uuid AND d.seq = ANY ($2::int[])
       AND d.seq BETWEEN (SELECT min(s) FROM unnest($2::int[]) s)
                     AND (SELECT max(s) FROM unnest($2::int[]) s)
       AND d.state = 'queued'
    RETURNING d.org_id, d.seq, d.reason, d.next_try_at, d.attempts)
INSERT INTO delivery_events (org_id, batch_id, seq, event, attempt, reason,
                             next_try_at)
SELECT org_id, $1::uuid, seq, 'deferred', attempts, reason, next_try_at
  FROM up;

-- name: range_sending
-- The attempt, committed before the socket is written.  Only rows still queued
-- move, only under the fence of the number's owner, only while the broadcast
-- is being sent; rows come back only when there are fewer than the $16 that
-- were asked for, behind how many they are.  Nothing is joined, for a planner
-- without statistics takes a batch for one row and would join by reading all
-- of it each time: the arrays have a place for each number from $4 to $15, and
-- a cost of -1 where the row is none of this attempt's.  A text says that the
-- row has no message yet.  What the attempt counts on is counted with it: money
-- ($9 with stripe $13), the portfolio's people ($10, those of $11), the
-- number's day ($12).
WITH up AS (
    UPDATE deliveries d SET state = 'sending', attempts = d.attempts + 1,
           fence = $3::bigint, next_try_at = NULL, reason = NULL,
           error_code = NULL, claimed_at = clock_timestamp(),
           category = $8::"char",
           variant = ($14::smallint[])[d.seq - $4::int + 1],
           cost = ($9::int[])[d.seq - $4::int + 1],
           message_id = coalesce(d.message_id,
                                 ($5::uuid[])[d.seq - $4::int + 1])
     WHERE d.batch_id = $1::uuid AND d.seq BETWEEN $4::int AND $15::int
       AND ($9::int[])[d.seq - $4::int + 1] >= 0
       AND d.state = 'queued'
       AND (d.next_try_at IS NULL OR d.next_try_at <= now())
       AND (SELECT l.fence FROM leases l           -- guard: FENCE
             WHERE l.account_id = $2::uuid) = $3::bigint  -- guard: FENCE
       AND (SELECT a.status FROM accounts a WHERE a.id = $2::uuid)
           = 'connected'
       AND ($7::bool OR (SELECT b.status FROM broadcasts b
                          WHERE b.id = $1::uuid) = 'sending')
    RETURNING d.org_id, d.seq, d.message_id, d.contact_id, d.cost,
              ($6::text[])[d.seq - $4::int + 1] AS text,
              $10::text IS NOT NULL
                  AND ($11::bool[])[d.seq - $4::int + 1] AS opens),
m AS (
    INSERT INTO messages (org_id, id, account_id, contact_id, direction, type,
                          text, batch_id, seq)
    SELECT org_id, message_id, $2::uuid, contact_id, 'out', 'template', text,
           $1::uuid, seq
      FROM up WHERE NOT $7::bool AND text IS NOT NULL
       AND message_id = ($5::uuid[])[seq - $4::int + 1]),
p AS (
    INSERT INTO portfolio_users AS p (org_id, portfolio_id, contact_id,
                                      last_at)
    SELECT org_id, $10::text, contact_id, now() FROM up WHERE opens
     ORDER BY contact_id
    ON CONFLICT (org_id, portfolio_id, contact_id) DO UPDATE
        SET last_at = excluded.last_at),
t AS (
    INSERT INTO account_days AS t (org_id, account_id, day, sent)
    SELECT org_id, $2::uuid, $12::date, count(*) FROM up
     WHERE $12::date IS NOT NULL GROUP BY org_id
    ON CONFLICT (org_id, account_id, day) DO UPDATE
        SET sent = t.sent + excluded.sent),
s AS (
    INSERT INTO spend_days AS s (org_id, day, stripe, amount)
    SELECT org_id, (now() AT TIME ZONE 'UTC')::date, $13::smallint, sum(cost)
      FROM up WHERE cost > 0 GROUP BY org_id
    ON CONFLICT (org_id, day, stripe) DO UPDATE
        SET amount = s.amount + excluded.amount)
SELECT count(*), NULL::int FROM up
UNION ALL
SELECT 1, seq FROM up WHERE (SELECT count(*) FROM up) < $16::int;

-- name: range_skip
-- Gates say no: each row leaves with its reason.
WITH up AS (
    UPDATE deliveries d SET state = 'skipped', next_try_at = NULL,
           reason = ($3::text[])[array_position($2::int[], d.seq)]
     WHERE d.batch_id = $1::uuid AND d.seq = ANY ($2::int[])
       AND d.seq BETWEEN (SELECT min(s) FROM unnest($2::int[]) s)
                     AND (SELECT max(s) FROM unnest($2::int[]) s)
       AND d.state = 'queued'
    RETURNING d.org_id, d.seq, d.reason, d.attempts),
e AS (
    INSERT INTO delivery_events (org_id, batch_id, seq, event, attempt,
                                 reason)
    SELECT org_id, $1::uuid, seq, 'skipped', attempts, reason FROM up),
g AS (
    DELETE FROM agenda x USING up WHERE up.seq = 0 AND x.kind = 'message'
       AND x.ref_id = $1::uuid)
INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, skipped)
SELECT org_id, $1::uuid, $4::smallint, count(*) FROM up WHERE seq > 0
 GROUP BY org_id
ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
    SET skipped = c.skipped + excluded.skipped;

-- name: settle_accepted
-- What nearly all attempts of a broadcast come to, many of one at once: $4 has
-- a provider's id for each number from $2 to $3 that was accepted, and NULL for
-- those that are not meant.  Nothing is joined or looked up twice, as in
-- range_sending.  A row that is not as it was left (a status came first, or
-- the helper called it unknown) stays as it is: when fewer than the $8 that
-- were asked for moved they come back behind how many they are, and settle
-- takes the others.  Counters have a stripe for each worker and variant: what
-- a template's results are made of.
WITH up AS (
    UPDATE deliveries d SET state = 'accepted',
           accepted_at = coalesce(d.accepted_at, now()),
           provider_id = ($4::text[])[d.seq - $2::int + 1]
     WHERE d.batch_id = $1::uuid AND d.seq BETWEEN $2::int AND $3::int
       AND d.state = 'sending' AND d.fence = $5::bigint
       AND ($4::text[])[d.seq - $2::int + 1] IS NOT NULL
    RETURNING d.org_id, d.seq, d.message_id, d.provider_id, d.cost,
              d.variant),
p AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id, message_id,
                                   batch_id, seq)
    SELECT org_id, $6::uuid, provider_id, message_id, $1::uuid, seq FROM up),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, sent,
                                         cost)
    SELECT org_id, $1::uuid, $7::smallint + 256 * greatest(variant, 0),
           count(*), coalesce(sum(cost), 0)
      FROM up GROUP BY org_id, variant
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE SET
        sent = c.sent + excluded.sent, cost = c.cost + excluded.cost)
SELECT count(*), NULL::int FROM up
UNION ALL
SELECT 1, seq FROM up WHERE (SELECT count(*) FROM up) < $8::int;

-- name: settle
-- Outcomes of many attempts at once: 0 accepted, 1 failed, 2 unknown (held, or
-- tried again at next_try when policy says so), 3 try again at next_try, 4 not
-- written: back to the queue uncounted, 5 the provider said too fast: like 3,
-- uncounted.  What did not go straight leaves an event, and its money back.  A
-- status may have come first, so the state only rises; a row whose fence is
-- another's is left alone, and one that the helper called unknown is not
-- queued again, for its broadcast may be completed.  Rows are locked in the
-- order of their key, as status_apply does.  A wait and not a time comes from
-- the worker: only one clock decides when something is due.
WITH v AS (
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::smallint[],
        $5::text[], $6::int[], $7::text[], $8::bigint[], $9::uuid[],
        $11::text[])
        AS v (batch_id, seq, fence, outcome, provider_id, code, reason,
              wait_us, account_id, detail)),
o AS (
    SELECT d.org_id, d.batch_id, d.seq, d.state AS old, v.outcome,
           v.provider_id, v.code, v.reason,
           now() + v.wait_us * interval '1 us' AS next_try, v.account_id,
           v.detail, d.attempts
      FROM (SELECT * FROM v ORDER BY batch_id, seq) v, LATERAL (
            SELECT d.org_id, d.batch_id, d.seq, d.state, d.attempts
              FROM deliveries d
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
        accepted_at = CASE WHEN o.outcome = 0
                           THEN coalesce(d.accepted_at, now())
                           ELSE d.accepted_at END,
        error_code = CASE WHEN o.outcome > 0 AND o.old < 'accepted'
                          THEN o.code END,
        reason = CASE WHEN o.outcome > 0 AND o.old < 'accepted'
                      THEN coalesce(o.reason, CASE WHEN o.old = 'unknown'
                                              THEN d.reason END) END,
        next_try_at = CASE WHEN o.outcome IN (2, 3, 4, 5)
                            AND o.old = 'sending' THEN o.next_try
                           WHEN o.old = 'unknown' AND o.outcome > 1
                           THEN d.next_try_at END,
        attempts = d.attempts - (o.outcome IN (4, 5)
                                 AND o.old = 'sending')::int
      FROM o WHERE d.org_id = o.org_id AND d.batch_id = o.batch_id
       AND d.seq = o.seq
    RETURNING d.org_id, d.batch_id, d.seq, o.old, d.state AS new, o.outcome,
              o.account_id, o.provider_id, d.message_id, d.contact_id,
              d.error_code, d.next_try_at, d.cost, o.code, o.reason, o.detail,
              o.attempts, d.variant),
e AS (
    INSERT INTO delivery_events (org_id, batch_id, seq, event, attempt, code,
                                 reason, detail, next_try_at)
    SELECT org_id, batch_id, seq, CASE outcome WHEN 0 THEN 'fallback'
               WHEN 2 THEN 'unknown' WHEN 4 THEN 'returned'
               ELSE 'rejected' END,
           attempts, code, reason, detail, next_try_at
      FROM up WHERE outcome IN (1, 2, 3, 5)
                 OR outcome IN (0, 4) AND reason IS NOT NULL),
t AS (
    UPDATE messages m SET type = 'template',
           text = CASE WHEN m.payload #>> '{fallback,text}' IS NULL
                       THEN m.text ELSE m.payload #>> '{fallback,text}' END
      FROM up WHERE up.outcome = 0 AND up.reason = 'fallback'
       AND m.org_id = up.org_id AND m.id = up.message_id),
s AS (
    INSERT INTO spend_days AS s (org_id, day, stripe, amount)
    SELECT org_id, (now() AT TIME ZONE 'UTC')::date, $10::smallint,
           - sum(cost)
      FROM up WHERE cost > 0 AND old = 'sending'
       AND new IN ('queued', 'failed')
     GROUP BY org_id
    ON CONFLICT (org_id, day, stripe) DO UPDATE
        SET amount = s.amount + excluded.amount),
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
                                         failed, unknown, cost)
    SELECT org_id, batch_id, $10::smallint + 256 * greatest(variant, 0),
           sum((new BETWEEN 'accepted' AND 'played')::int
               - (old BETWEEN 'accepted' AND 'played')::int),
           sum((new = 'failed')::int),
           sum((new = 'unknown')::int - (old = 'unknown')::int),
           sum(coalesce(cost, 0)
               * ((new BETWEEN 'accepted' AND 'played')::int
                  - (old BETWEEN 'accepted' AND 'played')::int))
      FROM up WHERE seq > 0 AND new <> old
     GROUP BY org_id, batch_id, variant ORDER BY batch_id, variant
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE SET
        sent = c.sent + excluded.sent, failed = c.failed + excluded.failed,
        unknown = c.unknown + excluded.unknown, cost = c.cost + excluded.cost),
tc AS (
    INSERT INTO template_counters AS tc (org_id, template_id, version, stripe,
                                        sent, failed, cost)
    SELECT org_id, x.template_id, x.version, $10::smallint,
           sum((new BETWEEN 'accepted' AND 'played')::int
               - (old BETWEEN 'accepted' AND 'played')::int),
           sum((new = 'failed')::int),
           sum(coalesce(cost, 0)
               * ((new BETWEEN 'accepted' AND 'played')::int
                  - (old BETWEEN 'accepted' AND 'played')::int))
      FROM (SELECT * FROM up WHERE seq = 0 AND new <> old) y, LATERAL (
            SELECT x.template_id, x.version FROM template_singles x
             WHERE x.message_id = y.batch_id LIMIT 1) x
     GROUP BY org_id, x.template_id, x.version ORDER BY 2, 3
    ON CONFLICT (org_id, template_id, version, stripe) DO UPDATE SET
        sent = tc.sent + excluded.sent, failed = tc.failed + excluded.failed,
        cost = tc.cost + excluded.cost)
SELECT batch_id, seq, new, message_id, contact_id, error_code FROM up
 WHERE seq = 0;
