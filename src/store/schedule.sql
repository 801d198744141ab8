-- name: schedule_times
-- What a wall time and an UNTIL in UTC are in a zone, and the wall's now there;
-- without a zone the organisation's.  Only the database turns wall times into
-- instants: quiet hours and waves are decided here too, and a node with other
-- zone rules must not see another calendar.
SELECT z.zone, herald_wall($2::timestamp, z.zone),
       to_char(now() AT TIME ZONE z.zone, 'YYYY-MM-DD"T"HH24:MI:SS'),
       to_char($3::timestamptz AT TIME ZONE z.zone,
               'YYYY-MM-DD"T"HH24:MI:SS'),
       herald_wall($2::timestamp, z.zone) <= now()
  FROM (SELECT coalesce($1::text, time_zone) FROM orgs) z (zone);

-- name: schedule_put
-- New or changed: $2 is the whole of it, as the API takes it, checked.  What
-- waits and was not changed by itself is planned anew from $4 on ($4: the last
-- place of the old rule that had its chance).
WITH s AS (
    INSERT INTO schedules AS x (org_id, id, kind, name, account_id, document,
                                starts_at, time_zone, rrule, misfire, grace_s,
                                month_end, best_time, cancel_if_replied,
                                delete_after_s, place, created_by)
    SELECT current_setting('herald.org')::uuid, $1::uuid, j ->> 'kind',
           coalesce(j ->> 'name', ''),
           (j #>> '{document,account_id}')::uuid, j -> 'document',
           (j ->> 'starts_at')::timestamp, j ->> 'time_zone', j ->> 'rrule',
           coalesce(j ->> 'misfire', 'skip'),
           coalesce((j ->> 'grace_s')::int, 3600),
           coalesce(j ->> 'month_end', 'skip'),
           coalesce((j ->> 'best_time')::boolean, false),
           coalesce((j ->> 'cancel_if_replied')::boolean, false),
           (j ->> 'delete_after_s')::int, $4::timestamp, $3::uuid
      FROM (SELECT $2::jsonb) a (j)
    ON CONFLICT (org_id, id) DO UPDATE SET
        name = excluded.name, account_id = excluded.account_id,
        document = excluded.document, starts_at = excluded.starts_at,
        time_zone = excluded.time_zone, rrule = excluded.rrule,
        misfire = excluded.misfire, grace_s = excluded.grace_s,
        month_end = excluded.month_end, best_time = excluded.best_time,
        cancel_if_replied = excluded.cancel_if_replied,
        delete_after_s = excluded.delete_after_s, place = excluded.place,
        ends_before = NULL, version = x.version + 1, updated_at = now(),
        status = CASE x.status WHEN 'finished' THEN 'active'
                 ELSE x.status END
    RETURNING org_id, id),
d AS (
    DELETE FROM occurrences o USING s
     WHERE o.org_id = s.org_id AND o.schedule_id = s.id
       AND o.state = 'scheduled' AND NOT o.changed AND o.step = 0)
SELECT id FROM s;

-- name: schedule_advance
-- The next places of its rule; only of the rule that was read ($4).
SELECT herald_schedule_advance(s.id, $2::text[]::timestamp[], $3::bool)
  FROM schedules s
 WHERE s.id = $1::uuid AND ($4::int = 0 OR s.version = $4::int);

-- name: schedule_fire
-- Its timer rang: what is to be done, once.
SELECT what, kind, name, document,
       to_char(starts_at, 'YYYY-MM-DD"T"HH24:MI:SS'), cohort, step, ref_id,
       created_by, state, reason
  FROM herald_schedule_fire($1::uuid, $2::uuid);

-- name: schedule_rule
-- Where its rule stands.  Once is a rule of one place.
SELECT rrule, to_char(starts_at, 'YYYY-MM-DD"T"HH24:MI:SS'),
       to_char(place, 'YYYY-MM-DD"T"HH24:MI:SS'), month_end = 'last_day',
       version, status
  FROM schedules WHERE id = $1::uuid;

-- name: occurrence_posted
-- Made.  Only of the attempt that has its id.
UPDATE occurrences SET state = 'posted', posted_at = now(), reason = NULL,
       detail = NULL
 WHERE schedule_id = $1::uuid AND starts_at = $2::timestamp
   AND cohort = $3::int AND step = $4::int AND ref_id = $5::uuid
   AND state = 'posting'
RETURNING 1;

-- name: occurrence_failed
-- Refused, unless another worker has made it meanwhile.
UPDATE occurrences o SET
       state = CASE WHEN m.made THEN 'posted' ELSE 'failed' END,
       posted_at = CASE WHEN m.made THEN now() END,
       reason = CASE WHEN m.made THEN NULL ELSE $6::text END,
       detail = CASE WHEN m.made THEN NULL ELSE $7::text END
  FROM schedules s, LATERAL (
        SELECT herald_occurrence_made(s.kind, $5::uuid)) m (made)
 WHERE s.id = $1::uuid AND o.schedule_id = s.id
   AND o.starts_at = $2::timestamp AND o.cohort = $3::int
   AND o.step = $4::int AND o.ref_id = $5::uuid AND o.state = 'posting'
RETURNING o.state;

-- name: schedule_get
-- The columns of schedule_list.  The last is its version, for the ETag.
SELECT s.id, s.kind, s.name, s.status, s.reason, s.account_id, s.document,
       to_char(s.starts_at, 'YYYY-MM-DD"T"HH24:MI:SS'), s.time_zone, s.rrule,
       s.misfire, s.grace_s, s.month_end, s.best_time, s.cancel_if_replied,
       s.delete_after_s, s.next_at, s.created_at, s.updated_at, s.version
  FROM schedules s WHERE s.id = $1::uuid;

-- name: schedule_list
-- Newest first.
SELECT s.id, s.kind, s.name, s.status, s.reason, s.account_id, s.document,
       to_char(s.starts_at, 'YYYY-MM-DD"T"HH24:MI:SS'), s.time_zone, s.rrule,
       s.misfire, s.grace_s, s.month_end, s.best_time, s.cancel_if_replied,
       s.delete_after_s, s.next_at, s.created_at, s.updated_at
  FROM schedules s
 WHERE s.id < $1::uuid AND ($3::text IS NULL OR s.kind = $3::text)
   AND ($4::text IS NULL OR s.status = $4::text)
 ORDER BY s.id DESC LIMIT $2::int;

-- name: schedule_spec
-- What it says, as the API takes it, to be changed and checked again; its row
-- is locked, so that two changes at once follow each other.  First whether the
-- version is the one that was read ($2).
SELECT $2::text IS NULL OR $2::text = s.version::text, s.status, s.kind,
       jsonb_strip_nulls(jsonb_build_object(
           'kind', s.kind, 'name', s.name, 'document', s.document,
           'starts_at', to_char(s.starts_at, 'YYYY-MM-DD"T"HH24:MI:SS'),
           'time_zone', s.time_zone, 'rrule', s.rrule, 'misfire', s.misfire,
           'grace_s', s.grace_s, 'month_end', s.month_end,
           'best_time', s.best_time,
           'cancel_if_replied', s.cancel_if_replied,
           'delete_after_s', s.delete_after_s)),
       to_char(s.place, 'YYYY-MM-DD"T"HH24:MI:SS'), s.version
  FROM schedules s WHERE s.id = $1::uuid;

-- name: schedule_unchanged
-- A change is of the version that was looked at; what is another by now fails
-- as two transactions that meet, and with it all that stands behind.
SELECT herald_schedule_unchanged($1::uuid, $2::int);

-- name: schedule_move
-- Paused, resumed, cancelled ($2: what it becomes, $3: from which states).
WITH s AS (
    UPDATE schedules SET status = $2::text, version = version + 1,
           updated_at = now(),
           reason = CASE $2::text WHEN 'active' THEN NULL ELSE 'user' END
     WHERE id = $1::uuid AND status = ANY ($3::text[])
    RETURNING org_id, id),
o AS (
    UPDATE occurrences o SET state = 'cancelled', reason = 'user' FROM s
     WHERE $2::text = 'cancelled' AND o.org_id = s.org_id
       AND o.schedule_id = s.id AND o.state = 'scheduled')
SELECT id FROM s;

-- name: schedule_timer
-- After a change of state or of one occurrence.  $2: the rule is looked at
-- again at once.
SELECT herald_schedule_timer(s.id, $2::bool) FROM schedules s
 WHERE s.id = $1::uuid;

-- name: schedule_delete
-- With its occurrences, and what of a sequence waits; what they made stays.
WITH s AS (
    DELETE FROM schedules WHERE id = $1::uuid RETURNING org_id, id),
e AS (
    DELETE FROM errands e USING s
     WHERE e.org_id = s.org_id AND e.kind = 'schedule' AND e.ref_id = s.id
    RETURNING e.id),
a AS (
    DELETE FROM agenda a USING e WHERE a.kind = 'errand' AND a.ref_id = e.id)
SELECT id FROM s;

-- name: occurrence_list
-- Newest first, of those that have a row.
SELECT to_char(o.starts_at, 'YYYY-MM-DD"T"HH24:MI:SS'), o.cohort, o.step,
       o.due_at, o.state, o.reason, o.detail, o.changed, o.document, o.ref_id,
       o.posted_at
  FROM occurrences o
 WHERE o.schedule_id = $1::uuid
 ORDER BY o.starts_at DESC, o.cohort DESC, o.step DESC LIMIT $2::int;

-- name: occurrence_get
-- One of them; its columns are occurrence_list's, then its time by the wall.
SELECT to_char(o.starts_at, 'YYYY-MM-DD"T"HH24:MI:SS'), o.cohort, o.step,
       o.due_at, o.state, o.reason, o.detail, o.changed, o.document, o.ref_id,
       o.posted_at, to_char(o.due_at AT TIME ZONE s.time_zone,
                            'YYYY-MM-DD"T"HH24:MI:SS')
  FROM occurrences o
  JOIN schedules s ON s.org_id = o.org_id AND s.id = o.schedule_id
 WHERE o.schedule_id = $1::uuid AND o.starts_at = $2::timestamp
   AND o.cohort = 0 AND o.step = 0;

-- name: occurrence_put
-- One occurrence for itself: its own time, its own document, or not at all
-- ($5).  Only one that has not begun; no row: it has.
INSERT INTO occurrences AS o (org_id, schedule_id, starts_at, due_at, document,
                              changed, state, reason)
SELECT s.org_id, s.id, $2::timestamp,
       coalesce(herald_wall($3::timestamp, s.time_zone),
                herald_due(s, $2::timestamp)),
       $4::jsonb, true,
       CASE WHEN $5::bool THEN 'cancelled' ELSE 'scheduled' END,
       CASE WHEN $5::bool THEN 'user' END
  FROM schedules s WHERE s.id = $1::uuid
ON CONFLICT (org_id, schedule_id, starts_at, cohort, step) DO UPDATE
    SET due_at = CASE WHEN $3::timestamp IS NULL THEN o.due_at
                      ELSE excluded.due_at END,
        document = coalesce(excluded.document, o.document),
        changed = true, state = excluded.state, reason = excluded.reason
 WHERE o.state IN ('scheduled', 'cancelled', 'missed')
RETURNING due_at;

-- name: schedule_end_before
-- The rule goes on in another schedule from $2 on.
WITH s AS (
    UPDATE schedules SET ends_before = $2::timestamp, version = version + 1,
           updated_at = now()
     WHERE id = $1::uuid RETURNING org_id, id),
d AS (
    DELETE FROM occurrences o USING s
     WHERE o.org_id = s.org_id AND o.schedule_id = s.id
       AND o.starts_at >= $2::timestamp AND o.state = 'scheduled'
       AND o.step = 0)
SELECT id FROM s;

-- name: schedule_runs
-- What came of each occurrence, side by side, newest first.
SELECT to_char(o.starts_at, 'YYYY-MM-DD"T"HH24:MI:SS'), o.cohort, o.step,
       o.due_at, o.state, o.reason, o.ref_id, o.posted_at, b.name,
       coalesce(b.status, d.state::text, t.state), coalesce(b.total, 1),
       c.sent, c.delivered, c.read, c.replied, c.failed, c.skipped,
       c.opted_out, trim_scale(c.cost / 1000000.0)::text
  FROM occurrences o
  LEFT JOIN broadcasts b ON b.org_id = o.org_id AND b.id = o.ref_id
  LEFT JOIN deliveries d ON d.org_id = o.org_id AND d.batch_id = o.ref_id
        AND d.seq = 0
  LEFT JOIN statuses t ON t.org_id = o.org_id AND t.id = o.ref_id
 CROSS JOIN LATERAL (
        SELECT coalesce(sum(sent), 0) + coalesce(
                   (d.state BETWEEN 'accepted' AND 'played')::int, 0) AS sent,
               coalesce(sum(delivered), 0) + coalesce(
                   (d.state BETWEEN 'delivered' AND 'played')::int, 0)
                   AS delivered,
               coalesce(sum(read), 0) + coalesce(
                   (d.state BETWEEN 'read' AND 'played')::int, 0) AS read,
               coalesce(sum(replied), 0) + (d.replied_at IS NOT NULL)::int
                   AS replied,
               coalesce(sum(failed), 0) + coalesce(
                   (d.state = 'failed')::int, 0) AS failed,
               coalesce(sum(skipped), 0) + coalesce(
                   (d.state = 'skipped')::int, 0) AS skipped,
               coalesce(sum(opted_out), 0) AS opted_out,
               coalesce(sum(cost), 0) + coalesce(d.cost, 0) AS cost
          FROM broadcast_counters x
         WHERE x.org_id = o.org_id AND x.broadcast_id = o.ref_id) c
 WHERE o.schedule_id = $1::uuid AND o.ref_id IS NOT NULL
   AND o.state = 'posted'
 ORDER BY o.starts_at DESC, o.cohort DESC, o.step DESC LIMIT $2::int;

-- name: sequence_members_count
-- How many go through a sequence, and how many left it.
SELECT count(*), count(*) FILTER (WHERE left_at IS NULL),
       count(*) FILTER (WHERE left_reason = 'replied'),
       count(*) FILTER (WHERE left_reason = 'opted_out'),
       coalesce(max(cohort), 0)
  FROM sequence_members WHERE schedule_id = $1::uuid;

-- name: schedule_preview
-- Wall times as instants, with what a clock that is put on or back does to
-- them.
SELECT w, herald_wall(w::timestamp, z.zone),
       herald_wall(w::timestamp, z.zone) AT TIME ZONE z.zone
           <> w::timestamp,
       herald_wall(w::timestamp, z.zone) < w::timestamp AT TIME ZONE z.zone
  FROM unnest($1::text[]) WITH ORDINALITY AS p (w, n),
       (SELECT coalesce($2::text, time_zone) FROM orgs) z (zone)
 ORDER BY p.n;
