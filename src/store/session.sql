-- Numbers behind a QR code: what becomes of their sessions, and what they say
-- of themselves.

-- name: session_begin
-- After account_insert of such a number: it is not connected yet, and somebody
-- looks after it from now on ($2: the errand's id).
WITH a AS (
    UPDATE accounts SET status = 'disconnected',
           status_reason = 'The session has not been started.',
           status_at = now(), pair_limit = false, count_inbound = false
     WHERE id = $1::uuid RETURNING id)
SELECT herald_errand($2::uuid, 'session_watch', id, id, '{}',
                     now() + interval '5 minutes') FROM a;

-- name: session_fact
-- The session of the account $2 is in the state $4 at $3 ('clear': it works,
-- 'stop': it does not, 'none': it is on its way there, $5), because of $6; the
-- phone $7 is who it is.  $1 is its webhook's event, which must be new, or
-- NULL: then it was asked for.  Webhooks are in order among themselves, for the
-- gateway's clock is not ours.  What a person has paused stays so; what a session stopped it starts
-- again, also what was refused because of it (our codes of a gateway).  When
-- it works again, what was missed is fetched (the errand $9); $8 is the line
-- in the history, which also what comes too late has.
WITH ev AS (
    SELECT CASE WHEN $1::uuid IS NULL THEN true ELSE coalesce((
               SELECT true FROM webhook_events WHERE id = $1::uuid), false)
           END AS new),
o AS (
    SELECT x.id, x.status, x.inbound_at,
           x.session_state IS NOT DISTINCT FROM $4::text AS same, CASE
               WHEN $5::text = 'clear' AND x.status <> 'connected'
                    AND (x.status = 'disconnected'
                         OR x.status_code IN (1401, 1404, 1422))
               THEN 'connected'
               WHEN $5::text = 'stop' AND x.status = 'connected'
               THEN 'disconnected'
               ELSE x.status END AS turn
      FROM accounts x, ev
     WHERE ev.new AND x.id = $2::uuid
       AND ($1::uuid IS NULL
            OR coalesce(x.session_told <= $3::timestamptz, true))
       FOR UPDATE OF x),
a AS (
    UPDATE accounts x SET
        session_state = $4::text,
        session_at = CASE WHEN o.same THEN x.session_at
                          ELSE $3::timestamptz END,
        session_told = CASE WHEN $1::uuid IS NULL THEN x.session_told
                            ELSE $3::timestamptz END,
        phone = CASE WHEN $7::text <> '' THEN $7::text ELSE x.phone END,
        status = o.turn,
        status_code = CASE WHEN o.turn = o.status THEN x.status_code END,
        status_reason = CASE WHEN o.turn = o.status THEN x.status_reason
                             WHEN o.turn = 'connected' THEN NULL
                             ELSE coalesce(nullif($6::text, ''),
                                  'The WhatsApp session is ' || $4::text
                                  || '.') END,
        status_at = CASE WHEN o.turn = o.status THEN x.status_at
                         ELSE now() END
      FROM o WHERE x.id = o.id
    RETURNING x.id, x.name, x.status, x.quality, x.status_reason, x.phone,
              o.status <> x.status AS turned, o.inbound_at,
              NOT o.same AS moved),
h AS (
    INSERT INTO account_events (org_id, account_id, id, at, event, state,
                                reason)
    SELECT current_setting('herald.org')::uuid, $2::uuid, $8::uuid,
           $3::timestamptz, 'session', $4::text, nullif($6::text, '')
      FROM ev WHERE ev.new AND NOT EXISTS (SELECT FROM o WHERE same)
       AND EXISTS (SELECT FROM accounts WHERE id = $2::uuid))
SELECT 'session' AS what, id, name, $4::text AS state, status,
       status_reason AS reason, phone, CASE
           WHEN $5::text = 'clear' AND moved THEN herald_errand($9::uuid,
               'session_missed', id, id, jsonb_build_object('since',
               extract(epoch FROM coalesce(inbound_at,
                   now() - interval '1 hour') - interval '10 minutes')
               ::bigint), now())::text
       END AS errand
  FROM a WHERE moved OR turned
UNION ALL
SELECT 'account', id, name, status, quality, status_reason, NULL, NULL
  FROM a WHERE turned;

-- name: account_seen
-- When something last came, so that silence can be told from death; written
-- once a minute, not once a message.
UPDATE accounts SET
       inbound_at = greatest(inbound_at, $2::timestamptz),
       status_seen_at = greatest(status_seen_at, $3::timestamptz)
 WHERE id = $1::uuid;

-- name: session_echo
-- What we wrote by the phone: the same as what somebody wrote to us, but that
-- it is ours, and was sent.  Its delivery is its own, as a single message's, so
-- that its receipts find it.  Columns as inbound_apply's.
WITH first AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id,
                                   message_id, batch_id, seq)
    VALUES (current_setting('herald.org')::uuid, $2::uuid, $3::text,
            $1::uuid, $1::uuid, 0)
    ON CONFLICT DO NOTHING
    RETURNING org_id),
known AS (
    SELECT a.contact_id FROM addresses a, first
     WHERE (a.kind = 'phone' AND a.value = ANY ($4::text[]))
        OR (a.kind = 'wa_id' AND a.value = $5::text)
        OR (a.kind = 'lid' AND a.value = $6::text)
        OR (a.kind = 'group' AND a.value = $7::text)
     ORDER BY a.kind DESC LIMIT 1),
fresh AS (
    INSERT INTO contacts (org_id, id, name, phone)
    SELECT org_id, $8::uuid, $9::text,
           CASE WHEN $5::text <> '' THEN '+' || $5::text END
      FROM first WHERE NOT EXISTS (SELECT 1 FROM known)
    ON CONFLICT (phone, org_id) DO UPDATE SET updated_at = now()
    RETURNING id),
who AS (
    SELECT contact_id FROM known UNION ALL SELECT id FROM fresh),
a AS (
    INSERT INTO addresses (org_id, kind, value, contact_id)
    SELECT f.org_id, x.kind, x.value, who.contact_id
      FROM first f, who, (VALUES ('wa_id', $5::text), ('lid', $6::text),
           ('group', $7::text),
           ('phone', CASE WHEN $5::text <> '' THEN '+' || $5::text END))
           AS x (kind, value)
     WHERE x.value <> ''
    ON CONFLICT DO NOTHING),
d AS (
    INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id,
                            state, attempts, message_id, provider_id,
                            accepted_at, sent_at)
    SELECT f.org_id, $1::uuid, 0, who.contact_id, $2::uuid, 'sent', 0,
           $1::uuid, $3::text, $13::timestamptz, $13::timestamptz
      FROM first f, who),
m AS (
    INSERT INTO messages (org_id, id, account_id, contact_id, direction, type,
                          text, payload, batch_id, seq, provider_id,
                          by_phone, created_at)
    SELECT f.org_id, $1::uuid, $2::uuid, who.contact_id, 'out', $10::text,
           $11::text, jsonb_build_object('echo', $12::jsonb), $1::uuid, 0,
           $3::text, true, $13::timestamptz
      FROM first f, who
    RETURNING org_id, contact_id),
v AS (
    INSERT INTO conversations AS v (org_id, account_id, contact_id,
                                    last_message_at)
    SELECT org_id, $2::uuid, contact_id, $13::timestamptz FROM m
    ON CONFLICT (org_id, account_id, contact_id) DO UPDATE SET
        last_message_at = greatest(v.last_message_at,
                                   excluded.last_message_at),
        unread = 0)
SELECT m.contact_id, NULL::uuid,
       coalesce((SELECT k.name FROM contacts k WHERE k.id = m.contact_id),
                $9::text)
  FROM m;

-- name: session_get
-- What is known of a session without asking its provider.
SELECT id, provider, name, number_id, phone, session_state, session_at,
       status, status_reason, status_code, status_code, status_code, health,
       checked_at, inbound_at, status_seen_at,
       (extract(epoch FROM session_at) * 1000000)::bigint
  FROM accounts WHERE id = $1::uuid;

-- name: account_history
-- The newest first.
SELECT id, at, event, state, reason, detail FROM account_events
 WHERE account_id = $3::uuid AND id < $1::uuid ORDER BY id DESC LIMIT $2::int;

-- name: account_history_add
-- What a person did to a connection, or what we found.
INSERT INTO account_events (org_id, account_id, id, event, state, reason,
                            detail)
SELECT org_id, id, $2::uuid, $3::text, session_state, $4::text, $5::text
  FROM accounts WHERE id = $1::uuid;

-- name: session_health
-- What a look at a session found; "alive" and why it is not.  A row when that
-- is another answer than before.
WITH o AS (
    SELECT id, name, health ->> 'verdict' AS verdict FROM accounts
     WHERE id = $1::uuid FOR UPDATE),
u AS (
    UPDATE accounts x SET health = $2::jsonb, checked_at = now()
      FROM o WHERE x.id = o.id),
h AS (
    INSERT INTO account_events (org_id, account_id, id, event, state, reason)
    SELECT current_setting('herald.org')::uuid, o.id, $3::uuid, 'health',
           $2::jsonb ->> 'verdict', $2::jsonb ->> 'words'
      FROM o WHERE o.verdict IS DISTINCT FROM $2::jsonb ->> 'verdict')
SELECT id, name FROM o
 WHERE verdict IS DISTINCT FROM $2::jsonb ->> 'verdict';

-- name: session_watch_again
-- The next look; asked for while its errand runs, the errand stays.
SELECT herald_errand($2::uuid, 'session_watch', $1::uuid, $1::uuid, '{}',
                     now() + make_interval(secs => $3::int));

-- name: session_missed_again
-- What is missing is fetched, from $3 (seconds) on.
SELECT herald_errand($2::uuid, 'session_missed', $1::uuid, $1::uuid,
                     jsonb_build_object('since', $3::bigint), now());

-- name: session_seen
-- Until when, in seconds, all that happened there came here: what is newer
-- at the provider did not.
SELECT extract(epoch FROM greatest(inbound_at, status_seen_at, session_at,
                                   created_at))::bigint
  FROM accounts WHERE id = $1::uuid;

-- name: group_contact
-- A group that is written to is a contact like any other, by its address.
WITH known AS (
    SELECT contact_id FROM addresses WHERE kind = 'group' AND value = $2::text),
fresh AS (
    INSERT INTO contacts (org_id, id, name)
    SELECT current_setting('herald.org')::uuid, $1::uuid, $3::text
     WHERE NOT EXISTS (SELECT FROM known)
    RETURNING org_id, id),
a AS (
    INSERT INTO addresses (org_id, kind, value, contact_id)
    SELECT org_id, 'group', $2::text, id FROM fresh
    ON CONFLICT DO NOTHING),
n AS (
    UPDATE contacts c SET name = $3::text, updated_at = now() FROM known
     WHERE c.id = known.contact_id AND $3::text <> '' AND c.name <> $3::text)
SELECT $2::text, $3::text, coalesce((SELECT contact_id FROM known),
                                    (SELECT id FROM fresh));

-- name: group_contacts
-- Which of these groups are contacts.
SELECT value, contact_id FROM addresses
 WHERE kind = 'group' AND value = ANY ($1::text[]);
