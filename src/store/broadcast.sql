-- name: broadcast_insert
-- Its lines in the agenda are how the helper finds it again after any crash; a
-- draft has none.
WITH b AS (
    INSERT INTO broadcasts (org_id, id, name, account_id, template_id,
                            audience, variables, send_at, rate_limit,
                            expires_at, local_time, variants, holdout, test,
                            ramp, guard, status, created_by, launched_at)
    VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::text, $3::uuid,
            $4::uuid, $5::jsonb, $6::jsonb, coalesce($7::timestamptz, now()),
            $8::int, $9::timestamptz, $10::time, $11::jsonb, $12::int,
            $13::jsonb, $14::jsonb, $15::jsonb, $16::text, $17::uuid,
            CASE WHEN $16::text = 'scheduled' THEN now() END)
    RETURNING *),
e AS (
    INSERT INTO agenda (kind, org_id, ref_id, due_at)
    SELECT 'expiry', org_id, id, expires_at FROM b
     WHERE status = 'scheduled' AND expires_at IS NOT NULL)
INSERT INTO agenda (kind, org_id, ref_id, due_at)
SELECT 'broadcast', org_id, id, send_at FROM b WHERE status = 'scheduled';

-- name: broadcast_change
-- All that a person may change, and the launch of a draft: only in the state
-- that was looked at ($17), and only before the audience was frozen.  Once it
-- is due the helper has read it and may be about to freeze what it read, so a
-- second before that it is too late as well.  The lines in the agenda follow.
-- No row: too late.
WITH b AS (
    UPDATE broadcasts SET name = $2::text, account_id = $3::uuid,
           template_id = $4::uuid, audience = $5::jsonb,
           variables = $6::jsonb, send_at = coalesce($7::timestamptz, now()),
           rate_limit = $8::int, expires_at = $9::timestamptz,
           local_time = $10::time, variants = $11::jsonb, holdout = $12::int,
           test = $13::jsonb, ramp = $14::jsonb, guard = $15::jsonb,
           status = $16::text,
           launched_at = CASE WHEN $16::text = 'scheduled'
                              THEN coalesce(launched_at, now()) END
     WHERE id = $1::uuid AND status = $17::text AND total IS NULL
       AND (status = 'draft' OR send_at > now() + interval '1 second')
    RETURNING *),
g AS (
    INSERT INTO agenda (kind, org_id, ref_id, due_at)
    SELECT 'broadcast', org_id, id, send_at FROM b WHERE status = 'scheduled'
    UNION ALL
    SELECT 'expiry', org_id, id, expires_at FROM b
     WHERE status = 'scheduled' AND expires_at IS NOT NULL
    ON CONFLICT (kind, ref_id) DO UPDATE SET due_at = excluded.due_at),
x AS (
    DELETE FROM agenda x USING b
     WHERE x.kind = 'expiry' AND x.ref_id = b.id AND b.expires_at IS NULL)
SELECT id FROM b;

-- name: broadcast_spec
-- What a broadcast says, as the API takes it, to be changed and checked again.
SELECT b.status, b.total IS NOT NULL, jsonb_strip_nulls(jsonb_build_object(
           'name', b.name, 'account_id', b.account_id,
           'template_id', b.template_id, 'audience', b.audience,
           'variables', b.variables, 'send_at', b.send_at,
           'rate_limit', b.rate_limit, 'expires_at', b.expires_at,
           'local_time', to_char(b.local_time, 'HH24:MI'),
           'variants', b.variants, 'holdout', b.holdout, 'test', b.test,
           'ramp', b.ramp, 'guard', b.guard))
  FROM broadcasts b WHERE b.id = $1::uuid;

-- name: broadcast_get
-- The counters are sums over the stripes; what is neither sent, failed,
-- skipped nor unknown is still queued, so the parts always make the whole.
-- The helper reads columns by their number: new ones go to the end.
SELECT b.id, b.name, b.status, b.account_id, b.template_id, b.audience,
       b.variables, b.send_at, b.started_at, b.finished_at, b.created_at,
       coalesce(b.total, 0),
       coalesce(b.total, 0) - c.sent - c.failed - c.skipped - c.unknown,
       c.sent, c.delivered, c.read, c.replied, c.failed, c.skipped, c.unknown,
       c.opted_out, b.pause_reason, b.pause_detail, b.rate_limit, b.expires_at,
       to_char(b.local_time, 'HH24:MI'), b.variants, b.test, b.winner,
       b.test_result, b.holdout, b.ramp, b.guard, b.resent,
       trim_scale(c.cost / 1000000.0)::text, c.clicked
  FROM broadcasts b, LATERAL (
        SELECT coalesce(sum(sent), 0) AS sent,
               coalesce(sum(delivered), 0) AS delivered,
               coalesce(sum(read), 0) AS read,
               coalesce(sum(replied), 0) AS replied,
               coalesce(sum(failed), 0) AS failed,
               coalesce(sum(skipped), 0) AS skipped,
               coalesce(sum(unknown), 0) AS unknown,
               coalesce(sum(opted_out), 0) AS opted_out,
               coalesce(sum(cost), 0) AS cost,
               coalesce(sum(clicked), 0) AS clicked
          FROM broadcast_counters x
         WHERE x.org_id = b.org_id AND x.broadcast_id = b.id) c
 WHERE b.id = $1::uuid;

-- name: broadcast_list
-- Newest first, each with its counters.
SELECT b.id, b.name, b.status, b.account_id, b.template_id, b.audience,
       b.variables, b.send_at, b.started_at, b.finished_at, b.created_at,
       coalesce(b.total, 0),
       coalesce(b.total, 0) - c.sent - c.failed - c.skipped - c.unknown,
       c.sent, c.delivered, c.read, c.replied, c.failed, c.skipped, c.unknown,
       c.opted_out, b.pause_reason, b.pause_detail, b.rate_limit, b.expires_at,
       to_char(b.local_time, 'HH24:MI'), b.variants, b.test, b.winner,
       b.test_result, b.holdout, b.ramp, b.guard, b.resent,
       trim_scale(c.cost / 1000000.0)::text, c.clicked
  FROM broadcasts b, LATERAL (
        SELECT coalesce(sum(sent), 0) AS sent,
               coalesce(sum(delivered), 0) AS delivered,
               coalesce(sum(read), 0) AS read,
               coalesce(sum(replied), 0) AS replied,
               coalesce(sum(failed), 0) AS failed,
               coalesce(sum(skipped), 0) AS skipped,
               coalesce(sum(unknown), 0) AS unknown,
               coalesce(sum(opted_out), 0) AS opted_out,
               coalesce(sum(cost), 0) AS cost,
               coalesce(sum(clicked), 0) AS clicked
          FROM broadcast_counters x
         WHERE x.org_id = b.org_id AND x.broadcast_id = b.id) c
 WHERE b.id < $1::uuid ORDER BY b.id DESC LIMIT $2::int;

-- name: broadcast_delete
-- Only a draft: what was sent is history.
DELETE FROM broadcasts WHERE id = $1::uuid AND status = 'draft' RETURNING id;

-- name: broadcast_pause
-- No row: it was in no state to be paused.
UPDATE broadcasts SET status = 'paused', pause_reason = NULL,
       pause_detail = NULL
 WHERE id = $1::uuid AND status IN ('scheduled', 'sending') RETURNING id;

-- name: broadcast_resume
-- One that was paused before its audience was frozen goes back to waiting.
-- What the spend limit held back until its next period goes on at once:
-- whoever resumes has raised the limit, or will see it paused again.  Nothing
-- is read of the audience when it was paused for another reason.  Marketing of
-- a number whose quality is low stays paused for that ($3 in words), unless
-- whoever resumes says that it may go ($2), or has seen it paused for that.
WITH b AS (
    SELECT b.org_id, b.id, coalesce(b.total, 0) AS total,
           b.pause_reason = 'spend_limit' AS spent,
           NOT $2::bool AND b.total IS NOT NULL AND a.quality = 'RED'
               AND t.category = 'marketing'
               AND b.pause_reason IS DISTINCT FROM 'quality' AS low
      FROM broadcasts b
      JOIN accounts a ON a.org_id = b.org_id AND a.id = b.account_id
      JOIN templates t ON t.org_id = b.org_id AND t.id = b.template_id
     WHERE b.id = $1::uuid AND b.status = 'paused' FOR UPDATE OF b),
d AS (
    UPDATE deliveries d SET next_try_at = NULL, reason = NULL
     WHERE (SELECT spent AND NOT low FROM b) AND d.batch_id = $1::uuid
       AND d.seq BETWEEN 1 AND (SELECT total FROM b)
       AND d.state = 'queued' AND d.reason = 'spend_limit')
UPDATE broadcasts x SET status = CASE WHEN b.low THEN 'paused'
           WHEN x.total IS NULL THEN 'scheduled' ELSE 'sending' END,
       pause_reason = CASE WHEN b.low THEN 'quality' END,
       pause_detail = CASE WHEN b.low THEN $3::text END
  FROM b WHERE x.org_id = b.org_id AND x.id = b.id RETURNING b.low;

-- name: broadcast_cancel
-- At once; the helper then marks what is still queued, in pieces.
UPDATE broadcasts SET status = 'cancelled', pause_reason = NULL,
       pause_detail = NULL
 WHERE id = $1::uuid AND status IN ('scheduled', 'sending', 'paused')
RETURNING id;

-- name: broadcast_exists
-- 404 for another tenant's broadcast.
SELECT 1 FROM broadcasts WHERE id = $1::uuid;

-- name: broadcast_status
-- What the answer to a refused change says.
SELECT status FROM broadcasts WHERE id = $1::uuid;

-- name: broadcast_stages
-- How far it may go, step by step.
SELECT n, kind, to_seq, opens_at, wait_s, opened_at, sent_at, judged_at,
       verdict
  FROM broadcast_stages WHERE broadcast_id = $1::uuid AND n > $2::int
 ORDER BY n LIMIT $3::int;

-- name: broadcast_variants
-- What came of each variant, in their order.  The whole ledger of the
-- broadcast is read: this is asked for by people, not by lists.  Those of the
-- holdout group have variant -1 and are nobody's.
WITH b AS (
    SELECT b.id, b.winner, e.x, (e.n - 1)::smallint AS n,
           coalesce((e.x ->> 'template_id')::uuid, b.template_id) AS template,
           b.total
      FROM broadcasts b, LATERAL jsonb_array_elements(
            coalesce(b.variants, '[{}]')) WITH ORDINALITY AS e (x, n)
     WHERE b.id = $1::uuid),
d AS (
    SELECT d.variant, count(*) AS audience,
           count(*) FILTER (WHERE d.state BETWEEN 'accepted' AND 'played')
               AS sent,
           count(*) FILTER (WHERE d.state BETWEEN 'delivered' AND 'played')
               AS delivered,
           count(*) FILTER (WHERE d.state BETWEEN 'read' AND 'played')
               AS read,
           count(*) FILTER (WHERE d.replied_at IS NOT NULL) AS replied,
           count(*) FILTER (WHERE d.state = 'failed') AS failed,
           count(*) FILTER (WHERE d.state = 'skipped') AS skipped
      FROM deliveries d
     WHERE d.batch_id = $1::uuid
       AND d.seq BETWEEN 1 AND (SELECT max(total) FROM b)
     GROUP BY d.variant)
SELECT b.n, b.template, t.name, coalesce((b.x ->> 'weight')::int, 1),
       coalesce(d.audience, 0), coalesce(d.sent, 0),
       coalesce(d.delivered, 0), coalesce(d.read, 0), coalesce(d.replied, 0),
       coalesce(d.failed, 0), coalesce(d.skipped, 0),
       coalesce(b.winner = b.n, false)
  FROM b
  LEFT JOIN templates t ON t.id = b.template
  LEFT JOIN d ON d.variant = b.n
 WHERE b.n > $2::int ORDER BY b.n LIMIT $3::int;

-- name: audience_some
-- Is there anybody?  $1: the tag, NULL for everybody.
SELECT CASE WHEN $1::text IS NULL THEN EXISTS (SELECT FROM contacts)
       ELSE EXISTS (SELECT FROM contact_tags WHERE tag = $1::text) END;

-- name: audience_lacks
-- Who of the audience lacks a value that a template needs: how many, and the
-- first ten.  $1 is the tag, NULL for everybody (the other branch is then not
-- run at all).  Needed are columns ($2 to $6), own fields ($7), and of each
-- group in $8 at least one.  Who cannot be sent to anyway lacks nothing ($9:
-- it is marketing).  One look at each contact, flags before look-ups.
WITH a AS (
    SELECT c.* FROM contacts c WHERE $1::text IS NULL
    UNION ALL
    SELECT c.* FROM contact_tags t
      JOIN contacts c ON c.org_id = t.org_id AND c.id = t.contact_id
     WHERE t.tag = $1::text),
l AS MATERIALIZED (
    SELECT a.id FROM a
     WHERE a.phone IS NOT NULL AND NOT ($9::bool AND a.marketing_opt_out)
       AND ($2::bool AND a.name = ''
            OR $3::bool AND a.first_name = ''
            OR $4::bool AND a.last_name = ''
            OR $5::bool AND coalesce(a.email, '') = ''
            OR $6::bool AND coalesce(a.language, '') = ''
            OR cardinality($7::text[]) > 0 AND EXISTS (
                SELECT FROM unnest($7::text[]) k
                 WHERE coalesce(a.fields ->> k, '') = '')
            OR jsonb_array_length($8::jsonb) > 0 AND EXISTS (
                SELECT FROM jsonb_array_elements($8::jsonb) g
                 WHERE NOT EXISTS (
                    SELECT FROM jsonb_array_elements_text(g) k
                     WHERE coalesce(CASE k WHEN 'name' THEN a.name
                               WHEN 'first_name' THEN a.first_name
                               WHEN 'last_name' THEN a.last_name
                               WHEN 'email' THEN a.email
                               WHEN 'language' THEN a.language
                               ELSE a.fields ->> substr(k, 8) END, '')
                           <> '')))),
f AS (SELECT id FROM l ORDER BY id LIMIT 10)
SELECT (SELECT count(*) FROM l), c.id, c.name, c.phone
  FROM f JOIN contacts c ON c.id = f.id
 ORDER BY c.id;

-- name: recipients
-- In order of the audience; the filter is a range of states.  What the
-- provider has taken is "sent" to a person, and what was played was read.
SELECT d.seq, d.contact_id, c.name, c.phone,
       CASE d.state WHEN 'accepted' THEN 'sent' WHEN 'played' THEN 'read'
            ELSE d.state::text END,
       d.attempts, d.error_code, d.reason, d.provider_id, d.message_id,
       coalesce(d.sent_at, d.accepted_at), d.delivered_at, d.read_at,
       d.replied_at, d.variant, d.next_try_at
  FROM deliveries d
  LEFT JOIN contacts c ON c.org_id = d.org_id AND c.id = d.contact_id
 WHERE d.batch_id = $1::uuid AND d.seq > $2::int
   AND d.state BETWEEN $4::delivery_state AND $5::delivery_state
   AND (NOT $6::bool OR d.replied_at IS NOT NULL)
 ORDER BY d.seq LIMIT $3::int;

-- name: broadcast_failures
-- What went wrong, by cause; unknown ones too, for a resend may be asked to
-- take them, but not those that are tried again anyway.  One pass over the
-- broadcast's part of the ledger.
SELECT d.state, d.error_code,
       CASE WHEN d.error_code IS NULL THEN d.reason END, count(*)
  FROM deliveries d
 WHERE d.batch_id = $1::uuid AND d.seq BETWEEN 1 AND (
        SELECT coalesce(total, 0) FROM broadcasts WHERE id = $1::uuid)
   AND (d.state = 'failed' OR d.state = 'unknown' AND d.next_try_at IS NULL)
 GROUP BY 1, 2, 3 ORDER BY 4 DESC, 2, 3;

-- name: broadcast_resendable
-- May it be sent again, and how long is its audience?
SELECT status, coalesce(total, 0),
       coalesce(expires_at <= now(), false)
  FROM broadcasts WHERE id = $1::uuid;

-- name: broadcast_resend
-- One piece of the audience back to the queue: failures with one of the codes
-- $4, or without a code for one of the reasons $5, and unknown ones that are
-- not tried again anyway ($6).  The broadcast goes on in the same transaction,
-- so that rows are never queued in one that nobody looks at; its row is locked
-- before theirs.  Skipped ones stay skipped.
WITH b AS (
    SELECT org_id, id, expires_at FROM broadcasts
     WHERE id = $1::uuid AND status IN ('completed', 'sending', 'paused')
       FOR UPDATE),
f AS (
    UPDATE deliveries d SET state = 'queued', attempts = 0, cost = NULL,
           error_code = NULL, reason = NULL, provider_id = NULL,
           next_try_at = NULL, accepted_at = NULL, sent_at = NULL
      FROM b
     WHERE d.org_id = b.org_id AND d.batch_id = $1::uuid
       AND d.seq BETWEEN $2::int AND $3::int AND d.state = 'failed'
       AND (d.error_code = ANY ($4::int[])
            OR d.error_code IS NULL AND coalesce(d.reason, '')
               = ANY ($5::text[]))
    RETURNING d.org_id, d.seq, d.variant),
k AS (
    UPDATE deliveries d SET state = 'queued', attempts = 0, cost = NULL,
           error_code = NULL, reason = NULL, provider_id = NULL,
           next_try_at = NULL
      FROM b
     WHERE $6::bool AND d.org_id = b.org_id AND d.batch_id = $1::uuid
       AND d.seq BETWEEN $2::int AND $3::int AND d.state = 'unknown'
       AND d.next_try_at IS NULL
    RETURNING d.org_id, d.seq, d.variant),
e AS (
    INSERT INTO delivery_events (org_id, batch_id, seq, event, reason)
    SELECT org_id, $1::uuid, seq, 'resend', NULL FROM f
    UNION ALL
    SELECT org_id, $1::uuid, seq, 'resend', 'unknown' FROM k),
n AS (
    SELECT b.org_id, b.id, b.expires_at,
           (SELECT count(*) FROM f) AS failed,
           (SELECT count(*) FROM k) AS unknown
      FROM b),
s AS (
    UPDATE broadcasts x SET finished_at = NULL,
           resent = resent + n.failed + n.unknown,
           status = CASE status WHEN 'completed' THEN 'sending' ELSE status
                    END
      FROM n WHERE x.org_id = n.org_id AND x.id = n.id
       AND n.failed + n.unknown > 0),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, failed,
                                         unknown)
    SELECT x.org_id, $1::uuid, $7::smallint + 256 * greatest(variant, 0),
           - sum(failed), - sum(unknown)
      FROM (SELECT org_id, variant, 1 AS failed, 0 AS unknown FROM f
            UNION ALL
            SELECT org_id, variant, 0, 1 FROM k) x
     GROUP BY x.org_id, variant
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
        SET failed = c.failed + excluded.failed,
            unknown = c.unknown + excluded.unknown),
g AS (
    INSERT INTO agenda (kind, org_id, ref_id, due_at)
    SELECT 'broadcast', org_id, id, now() FROM n WHERE failed + unknown > 0
    UNION ALL
    SELECT 'expiry', org_id, id, expires_at FROM n
     WHERE failed + unknown > 0 AND expires_at IS NOT NULL
    ON CONFLICT (kind, ref_id) DO UPDATE SET due_at = excluded.due_at)
SELECT failed, unknown FROM n;
