-- name: status_insert
-- A status, and the errand that posts it.  Its id is its key: one that was
-- asked for by a schedule is made once.
WITH s AS (
    INSERT INTO statuses (org_id, id, account_id, content, audience, state,
                          delete_after_s, created_by)
    VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::uuid,
            $3::jsonb, $4::jsonb, 'queued', $5::int, $6::uuid)
    RETURNING id, account_id)
SELECT herald_errand($7::uuid, 'status', s.account_id, s.id, '{}', now())
  FROM s;

-- name: status_get
-- The columns of status_list.
SELECT id, account_id, content, audience, state, sent,
       jsonb_array_length(recipients), provider_id, error_code, detail,
       delete_after_s, posted_at, expires_at, delete_at, deleted_at,
       created_at
  FROM statuses WHERE id = $1::uuid;

-- name: status_list
-- Newest first.
SELECT id, account_id, content, audience, state, sent,
       jsonb_array_length(recipients), provider_id, error_code, detail,
       delete_after_s, posted_at, expires_at, delete_at, deleted_at,
       created_at
  FROM statuses
 WHERE id < $1::uuid AND ($3::uuid IS NULL OR account_id = $3::uuid)
   AND ($4::text IS NULL OR state = $4::text)
 ORDER BY id DESC LIMIT $2::int;

-- name: status_delete
-- Not posted yet: it never will be.  Posted: the errand takes it down.  No
-- row: there is nothing to take down (any more), or it is being posted.
WITH s AS (
    UPDATE statuses SET delete_at = now(),
           state = CASE state WHEN 'queued' THEN 'deleted' ELSE state END,
           deleted_at = CASE state WHEN 'queued' THEN now() END
     WHERE id = $1::uuid AND state IN ('queued', 'posted')
    RETURNING id, account_id)
SELECT herald_errand($2::uuid, 'status', s.account_id, s.id, '{}', now())
  FROM s;

-- name: status_again
-- What failed, or is not known, once more: who asks knows that it may then be
-- up twice.
WITH s AS (
    UPDATE statuses SET sending = sent, error_code = NULL, detail = NULL,
           state = CASE WHEN recipients IS NULL AND sent = 0
                             OR recipients = '[]'
                        THEN 'queued' ELSE 'posting' END
     WHERE id = $1::uuid AND state IN ('failed', 'unknown')
    RETURNING id, account_id)
SELECT herald_errand($2::uuid, 'status', s.account_id, s.id, '{}', now())
  FROM s;

-- name: status_step
-- What its errand does now.
SELECT what, at, content, provider_id, recipients, n, state
  FROM herald_status_step($1::uuid, $2::int);

-- name: status_named
-- The provider's id of it, kept before it is posted.
UPDATE statuses SET provider_id = $2::text
 WHERE id = $1::uuid AND provider_id IS NULL;

-- name: status_sending
-- Committed before the request is made: so many are given it now.  No row:
-- somebody else is at it.
UPDATE statuses SET sending = sent + $2::int
 WHERE id = $1::uuid AND state = 'posting' AND sending = sent
RETURNING 1;

-- name: status_unsent
-- The request was surely not made, or was refused for now.
UPDATE statuses SET sending = sent, detail = $2::text WHERE id = $1::uuid;

-- name: status_sent
-- These have it.  The last of them: it is posted, and goes after a day or
-- when it was said to.
UPDATE statuses SET sent = sending,
       provider_id = coalesce(provider_id, nullif($2::text, '')),
       state = CASE WHEN recipients IS NULL
                         OR sending >= jsonb_array_length(recipients)
                    THEN 'posted' ELSE state END,
       detail = NULL, error_code = NULL,
       posted_at = coalesce(posted_at, now()),
       expires_at = coalesce(expires_at, now() + interval '24 hours'),
       delete_at = coalesce(delete_at,
           now() + make_interval(secs => delete_after_s))
 WHERE id = $1::uuid AND state = 'posting'
RETURNING state;

-- name: status_ended
-- Refused for good, not known, or taken down.  Of one that some have it stays
-- posted, with what went wrong.
UPDATE statuses SET state = CASE WHEN $2::text = 'failed' AND sent > 0
                                 THEN 'posted' ELSE $2::text END,
       error_code = $3::int, detail = $4::text,
       delete_at = CASE WHEN $2::text = 'posted' THEN NULL ELSE delete_at END,
       deleted_at = CASE WHEN $2::text = 'deleted' THEN now() END
 WHERE id = $1::uuid AND state IN ('posting', 'posted');

-- name: status_rest
-- Its errand sleeps until there is something to do.
SELECT herald_errand($2::uuid, 'status', s.account_id, s.id, '{}',
                     $3::timestamptz)
  FROM statuses s WHERE s.id = $1::uuid;
