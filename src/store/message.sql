-- name: message_insert
-- A single message: its delivery is (its own id, 0), its line in the agenda
-- makes sure that it is not forgotten.  No row: the contact or the number is
-- not there.
WITH c AS (
    SELECT c.org_id, c.id FROM contacts c
      JOIN accounts a ON a.org_id = c.org_id AND a.id = $3::uuid
     WHERE c.id = $2::uuid),
d AS (
    INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id,
                            message_id)
    SELECT org_id, $1::uuid, 0, id, $3::uuid, $1::uuid FROM c),
g AS (
    INSERT INTO agenda (kind, org_id, ref_id, due_at)
    SELECT 'message', org_id, $1::uuid, now() FROM c)
INSERT INTO messages (org_id, id, account_id, contact_id, direction, type,
                      text, payload, batch_id, seq)
SELECT org_id, $1::uuid, $3::uuid, id, 'out', $4::text, $5::text, $6::jsonb,
       $1::uuid, 0
  FROM c RETURNING id;

-- name: contact_for_phone
-- Sending to a number makes the contact when it is not known, but only for a
-- number that is there to send from ($3).  The columns are contact_variables';
-- what was made just now is not visible to the same statement yet.
WITH k AS (
    SELECT contact_id FROM addresses
     WHERE kind = 'phone' AND value = $2::text),
c AS (
    INSERT INTO contacts (org_id, id, phone)
    SELECT a.org_id, $1::uuid, $2::text FROM accounts a
     WHERE a.id = $3::uuid AND NOT EXISTS (SELECT 1 FROM k)
    ON CONFLICT (phone, org_id) DO UPDATE SET updated_at = now()
    RETURNING org_id, id),
a AS (
    INSERT INTO addresses (org_id, kind, value, contact_id)
    SELECT org_id, 'phone', $2::text, id FROM c ON CONFLICT DO NOTHING)
SELECT x.id, $2::text, coalesce(c.name, ''), coalesce(c.first_name, ''),
       coalesce(c.last_name, ''), c.email, c.language,
       coalesce(c.fields, '{}')
  FROM (SELECT contact_id AS id FROM k UNION ALL SELECT id FROM c) x
  LEFT JOIN contacts c ON c.id = x.id LIMIT 1;

-- name: contact_variables
-- What a template may say of a contact.
SELECT id, phone, name, first_name, last_name, email, language, fields
  FROM contacts WHERE id = $1::uuid;

-- name: account_exists
-- 422 for another tenant's number.
SELECT 1 FROM accounts WHERE id = $1::uuid;

-- name: message_get
-- The ticks of an outgoing message are its delivery's.
SELECT m.id, m.account_id, m.contact_id, c.name, c.phone, m.direction, m.type,
       m.text, coalesce(d.state::text, 'received'), d.error_code, d.reason,
       coalesce(m.provider_id, d.provider_id),
       CASE WHEN m.seq > 0 THEN m.batch_id END, m.created_at,
       coalesce(d.sent_at, d.accepted_at), d.delivered_at, d.read_at
  FROM messages m
  LEFT JOIN deliveries d ON d.org_id = m.org_id AND d.batch_id = m.batch_id
        AND d.seq = m.seq
  LEFT JOIN contacts c ON c.org_id = m.org_id AND c.id = m.contact_id
 WHERE m.id = $1::uuid;

-- name: message_list
-- Newest first over everybody.
SELECT m.id, m.account_id, m.contact_id, c.name, c.phone, m.direction, m.type,
       m.text, coalesce(d.state::text, 'received'), d.error_code, d.reason,
       coalesce(m.provider_id, d.provider_id),
       CASE WHEN m.seq > 0 THEN m.batch_id END, m.created_at,
       coalesce(d.sent_at, d.accepted_at), d.delivered_at, d.read_at
  FROM messages m
  LEFT JOIN deliveries d ON d.org_id = m.org_id AND d.batch_id = m.batch_id
        AND d.seq = m.seq
  LEFT JOIN contacts c ON c.org_id = m.org_id AND c.id = m.contact_id
 WHERE m.id < $1::uuid AND ($3::text IS NULL OR m.direction = $3::text)
 ORDER BY m.id DESC LIMIT $2::int;

-- name: message_thread
-- Newest first of one contact.
SELECT m.id, m.account_id, m.contact_id, c.name, c.phone, m.direction, m.type,
       m.text, coalesce(d.state::text, 'received'), d.error_code, d.reason,
       coalesce(m.provider_id, d.provider_id),
       CASE WHEN m.seq > 0 THEN m.batch_id END, m.created_at,
       coalesce(d.sent_at, d.accepted_at), d.delivered_at, d.read_at
  FROM messages m
  LEFT JOIN deliveries d ON d.org_id = m.org_id AND d.batch_id = m.batch_id
        AND d.seq = m.seq
  LEFT JOIN contacts c ON c.org_id = m.org_id AND c.id = m.contact_id
 WHERE m.contact_id = $4::uuid AND m.id < $1::uuid
   AND ($3::text IS NULL OR m.direction = $3::text)
 ORDER BY m.id DESC LIMIT $2::int;
