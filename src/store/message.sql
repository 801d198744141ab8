-- name: message_insert
-- A single message: its delivery is (its own id, 0), its line in the agenda
-- makes sure that it is not forgotten.  The contact is known by its id, or by
-- its phone ($8) when contact_ensure made it in the same unit.  CASE and not
-- coalesce: only what is known not to leak uses an index under row-level
-- security.  Which version of a template it says is kept beside it.  No row: the
-- contact or the number is not there.
WITH c AS (
    SELECT c.org_id, c.id FROM contacts c
      JOIN accounts a ON a.org_id = c.org_id AND a.id = $3::uuid
     WHERE c.id = CASE WHEN $2::uuid IS NULL THEN (
            SELECT contact_id FROM addresses
             WHERE kind = 'phone' AND value = $8::text)
            ELSE $2::uuid END),
d AS (
    INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id,
                            message_id, next_try_at)
    SELECT org_id, $1::uuid, 0, id, $3::uuid, $1::uuid, $7::timestamptz
      FROM c),
g AS (
    INSERT INTO agenda (kind, org_id, ref_id, due_at)
    SELECT 'message', org_id, $1::uuid, coalesce($7::timestamptz, now())
      FROM c),
x AS (
    INSERT INTO template_singles (org_id, message_id, template_id, version)
    SELECT c.org_id, $1::uuid, t.id, coalesce(t.submitted_version, t.version)
      FROM c JOIN templates t ON t.org_id = c.org_id
       AND t.id = ($6::jsonb #>> '{template,id}')::uuid)
INSERT INTO messages (org_id, id, account_id, contact_id, direction, type,
                      text, payload, batch_id, seq, media_id, reply_to)
SELECT org_id, $1::uuid, $3::uuid, id, 'out', $4::text, $5::text, $6::jsonb,
       $1::uuid, 0, $9::uuid, $10::uuid
  FROM c RETURNING id;

-- name: contact_by_phone
-- The columns are contact_variables'.
SELECT c.id, c.phone, c.name, c.first_name, c.last_name, c.email, c.language,
       c.fields
  FROM contacts c
 WHERE c.id = (SELECT contact_id FROM addresses
                WHERE kind = 'phone' AND value = $1::text);

-- name: contact_ensure
-- Sending to a number makes the contact when it is not known; whoever made it
-- meanwhile is as good.
WITH c AS (
    INSERT INTO contacts (org_id, id, phone)
    SELECT current_setting('herald.org')::uuid, $1::uuid, $2::text
     WHERE NOT EXISTS (SELECT FROM addresses
                        WHERE kind = 'phone' AND value = $2::text)
    ON CONFLICT (phone, org_id) DO UPDATE SET updated_at = now()
    RETURNING org_id, id)
INSERT INTO addresses (org_id, kind, value, contact_id)
SELECT org_id, 'phone', $2::text, id FROM c ON CONFLICT DO NOTHING;

-- name: contact_variables
-- What a template may say of a contact; and whether the provider knows them by
-- a user id, which does for a phone.
SELECT id, phone, name, first_name, last_name, email, language, fields,
       EXISTS (SELECT FROM addresses x
                WHERE x.contact_id = c.id AND x.kind = 'bsuid')
  FROM contacts c WHERE id = $1::uuid;

-- name: account_exists
-- 422 for another tenant's number; whose windows count is the provider's, and
-- the channel's.
SELECT provider, status, channel FROM accounts WHERE id = $1::uuid;

-- name: window_open
-- May free text go now?  Nobody wrote yet: no row, and no.
SELECT last_inbound_at > now() - interval '24 hours' FROM conversations
 WHERE account_id = $1::uuid
   AND contact_id = CASE WHEN $2::uuid IS NULL THEN (
            SELECT contact_id FROM addresses
             WHERE kind = 'phone' AND value = $3::text)
            ELSE $2::uuid END;

-- name: message_cancel
-- What no worker has taken.  One whose outcome is not known is not tried again
-- any more; it stays unknown.  Under way, the row is locked and then not
-- queued.
WITH up AS (
    UPDATE deliveries SET next_try_at = NULL,
           state = CASE state WHEN 'queued' THEN 'skipped' ELSE state END,
           reason = CASE state WHEN 'queued' THEN 'cancelled' ELSE reason END
     WHERE batch_id = $1::uuid AND seq = 0
       AND (state = 'queued' OR state = 'unknown' AND next_try_at IS NOT NULL)
    RETURNING org_id, batch_id, state, attempts),
e AS (
    INSERT INTO delivery_events (org_id, batch_id, seq, event, attempt,
                                 reason)
    SELECT org_id, batch_id, 0, 'skipped', attempts, 'cancelled' FROM up),
g AS (
    DELETE FROM agenda x USING up
     WHERE x.kind = 'message' AND x.ref_id = up.batch_id)
SELECT state FROM up;

-- name: message_get
-- The ticks of an outgoing message are its delivery's.  Only of a single
-- message is the payload our own: what came in may say anything.  How often
-- its links were followed is a look at one key's few rows.
SELECT m.id, m.account_id, m.contact_id, c.name, c.phone, m.direction, m.type,
       m.text, coalesce(d.state::text, CASE m.direction
           WHEN 'in' THEN 'received' ELSE 'sent' END), d.error_code, d.reason,
       coalesce(m.provider_id, d.provider_id),
       CASE WHEN m.seq > 0 THEN m.batch_id END, m.created_at,
       coalesce(d.sent_at, d.accepted_at), d.delivered_at, d.read_at,
       CASE WHEN m.seq = 0 THEN (m.payload ->> 'send_at')::timestamptz END,
       CASE WHEN m.seq = 0 THEN (m.payload ->> 'expires_at')::timestamptz END,
       d.next_try_at,
       coalesce(CASE WHEN m.seq = 0 THEN (m.payload ->> 'test')::bool END,
                false),
       CASE WHEN m.seq = 0 THEN m.payload -> 'content' END, m.media_id,
       f.state, f.mime, f.bytes, f.filename, f.detail, m.reply_to, m.choice,
       CASE WHEN m.seq >= 0 THEN (
            SELECT sum(k.clicks) FROM clicks k
             WHERE k.batch_id = m.batch_id AND k.seq = m.seq) END,
       (SELECT a.channel FROM accounts a WHERE a.id = m.account_id) = 'sms'
  FROM messages m
  LEFT JOIN media f ON f.org_id = m.org_id AND f.id = m.media_id
  LEFT JOIN deliveries d ON d.org_id = m.org_id AND d.batch_id = m.batch_id
        AND d.seq = m.seq
  LEFT JOIN contacts c ON c.org_id = m.org_id AND c.id = m.contact_id
 WHERE m.id = $1::uuid;

-- name: message_list
-- Newest first over everybody.
SELECT m.id, m.account_id, m.contact_id, c.name, c.phone, m.direction, m.type,
       m.text, coalesce(d.state::text, CASE m.direction
           WHEN 'in' THEN 'received' ELSE 'sent' END), d.error_code, d.reason,
       coalesce(m.provider_id, d.provider_id),
       CASE WHEN m.seq > 0 THEN m.batch_id END, m.created_at,
       coalesce(d.sent_at, d.accepted_at), d.delivered_at, d.read_at,
       CASE WHEN m.seq = 0 THEN (m.payload ->> 'send_at')::timestamptz END,
       CASE WHEN m.seq = 0 THEN (m.payload ->> 'expires_at')::timestamptz END,
       d.next_try_at,
       coalesce(CASE WHEN m.seq = 0 THEN (m.payload ->> 'test')::bool END,
                false),
       CASE WHEN m.seq = 0 THEN m.payload -> 'content' END, m.media_id,
       f.state, f.mime, f.bytes, f.filename, f.detail, m.reply_to, m.choice,
       CASE WHEN m.seq >= 0 THEN (
            SELECT sum(k.clicks) FROM clicks k
             WHERE k.batch_id = m.batch_id AND k.seq = m.seq) END,
       (SELECT a.channel FROM accounts a WHERE a.id = m.account_id) = 'sms'
  FROM messages m
  LEFT JOIN media f ON f.org_id = m.org_id AND f.id = m.media_id
  LEFT JOIN deliveries d ON d.org_id = m.org_id AND d.batch_id = m.batch_id
        AND d.seq = m.seq
  LEFT JOIN contacts c ON c.org_id = m.org_id AND c.id = m.contact_id
 WHERE m.id < $1::uuid AND ($3::text IS NULL OR m.direction = $3::text)
 ORDER BY m.id DESC LIMIT $2::int;

-- name: message_thread
-- Newest first of one contact.
SELECT m.id, m.account_id, m.contact_id, c.name, c.phone, m.direction, m.type,
       m.text, coalesce(d.state::text, CASE m.direction
           WHEN 'in' THEN 'received' ELSE 'sent' END), d.error_code, d.reason,
       coalesce(m.provider_id, d.provider_id),
       CASE WHEN m.seq > 0 THEN m.batch_id END, m.created_at,
       coalesce(d.sent_at, d.accepted_at), d.delivered_at, d.read_at,
       CASE WHEN m.seq = 0 THEN (m.payload ->> 'send_at')::timestamptz END,
       CASE WHEN m.seq = 0 THEN (m.payload ->> 'expires_at')::timestamptz END,
       d.next_try_at,
       coalesce(CASE WHEN m.seq = 0 THEN (m.payload ->> 'test')::bool END,
                false),
       CASE WHEN m.seq = 0 THEN m.payload -> 'content' END, m.media_id,
       f.state, f.mime, f.bytes, f.filename, f.detail, m.reply_to, m.choice,
       CASE WHEN m.seq >= 0 THEN (
            SELECT sum(k.clicks) FROM clicks k
             WHERE k.batch_id = m.batch_id AND k.seq = m.seq) END,
       (SELECT a.channel FROM accounts a WHERE a.id = m.account_id) = 'sms'
  FROM messages m
  LEFT JOIN media f ON f.org_id = m.org_id AND f.id = m.media_id
  LEFT JOIN deliveries d ON d.org_id = m.org_id AND d.batch_id = m.batch_id
        AND d.seq = m.seq
  LEFT JOIN contacts c ON c.org_id = m.org_id AND c.id = m.contact_id
 WHERE m.contact_id = $4::uuid AND m.id < $1::uuid
   AND ($3::text IS NULL OR m.direction = $3::text)
 ORDER BY m.id DESC LIMIT $2::int;

-- name: message_quoted
-- What is quoted or reacted to must be of the same number and the same person.
SELECT EXISTS (
    SELECT FROM messages
     WHERE id = $1::uuid AND account_id = $2::uuid
       AND contact_id = CASE WHEN $3::uuid IS NULL THEN (
                SELECT contact_id FROM addresses
                 WHERE kind = 'phone' AND value = $4::text)
                ELSE $3::uuid END);

-- name: message_inbound
-- What the provider must know to tell that it was read.
SELECT m.account_id, m.direction, coalesce(m.provider_id, ''), m.contact_id,
       coalesce((SELECT a.value FROM addresses a
                  WHERE a.contact_id = m.contact_id AND a.kind = 'wa_id'
                  LIMIT 1), ltrim(coalesce(c.phone, ''), '+'))
  FROM messages m
  LEFT JOIN contacts c ON c.org_id = m.org_id AND c.id = m.contact_id
 WHERE m.id = $1::uuid;

-- name: conversation_read
-- Nothing of the thread is unread any more.
UPDATE conversations SET unread = 0
 WHERE account_id = $1::uuid AND contact_id = $2::uuid AND unread > 0;

-- name: template_use
-- For sending: template_get's columns, and the whole document.
SELECT id, name, language, category, header, body, footer, status, created_at,
       updated_at, document
  FROM templates WHERE id = $1::uuid AND deleted_at IS NULL;
