-- name: inbound_apply
-- One message from a customer, once: the provider's id is the guard, and
-- everything else hangs on it.  $4 are the phones that this wa_id may have
-- (the forms of Brazil, Mexico and Argentina differ).  The answered broadcast
-- is the one quoted, else the last message to this contact within a week.  Two
-- first messages of one person may come at once, so the contact may be there.
-- Behind a QR code one message may come under two names: then the key that both
-- have ($15) is the guard.  There a person may have a LID ($16), and a group
-- ($17, then nobody else is named) is a contact of its own.
WITH first AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id, message_id)
    VALUES (current_setting('herald.org')::uuid, $2::uuid,
            coalesce(nullif($15::text, ''), $3::text), $1::uuid)
    ON CONFLICT DO NOTHING                         -- guard: DEDUP
    RETURNING org_id),
named AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id, message_id)
    SELECT org_id, $2::uuid, $3::text, $1::uuid FROM first
     WHERE $15::text NOT IN ('', $3::text)
    ON CONFLICT DO NOTHING),
known AS (
    SELECT a.contact_id FROM addresses a, first
     WHERE (a.kind = 'phone' AND a.value = ANY ($4::text[]))
        OR (a.kind = 'wa_id' AND a.value = $5::text)
        OR (a.kind = 'bsuid' AND a.value = $6::text)
        OR (a.kind = 'lid' AND a.value = $16::text)
        OR (a.kind = 'group' AND a.value = $17::text)
     ORDER BY a.kind DESC LIMIT 1),
fresh AS (
    INSERT INTO contacts (org_id, id, name, phone)
    SELECT org_id, $7::uuid, $8::text,
           CASE WHEN $5::text <> '' THEN '+' || $5::text END
      FROM first WHERE NOT EXISTS (SELECT 1 FROM known)
    ON CONFLICT (phone, org_id) DO UPDATE SET updated_at = now()
    RETURNING id),
who AS (
    SELECT contact_id FROM known UNION ALL SELECT id FROM fresh),
a AS (
    INSERT INTO addresses (org_id, kind, value, contact_id)
    SELECT f.org_id, x.kind, x.value, who.contact_id
      FROM first f, who, (VALUES ('wa_id', $5::text), ('bsuid', $6::text),
           ('lid', $16::text), ('group', $17::text),
           ('phone', CASE WHEN $5::text <> '' THEN '+' || $5::text END))
           AS x (kind, value)
     WHERE x.value <> ''
    ON CONFLICT DO NOTHING),
m AS (
    INSERT INTO messages (org_id, id, account_id, contact_id, direction, type,
                          text, payload, provider_id, created_at)
    SELECT f.org_id, $1::uuid, $2::uuid, who.contact_id, 'in', $9::text,
           $10::text, $11::jsonb, $3::text, $12::timestamptz
      FROM first f, who
    RETURNING org_id, contact_id),
v AS (
    INSERT INTO conversations AS v (org_id, account_id, contact_id,
                                    last_inbound_at, last_message_at, unread)
    SELECT org_id, $2::uuid, contact_id, $12::timestamptz, $12::timestamptz, 1
      FROM m
    ON CONFLICT (org_id, account_id, contact_id) DO UPDATE SET
        last_inbound_at = greatest(v.last_inbound_at,
                                   excluded.last_inbound_at),
        last_message_at = greatest(v.last_message_at,
                                   excluded.last_message_at),
        unread = v.unread + 1),
asked AS (
    (SELECT q.batch_id, q.seq FROM provider_messages q, m
      WHERE q.account_id = $2::uuid AND q.provider_id = $13::text
        AND q.batch_id IS NOT NULL)
    UNION ALL
    (SELECT s.batch_id, s.seq FROM messages s, m
      WHERE s.contact_id = m.contact_id AND s.direction = 'out'
        AND s.account_id = $2::uuid
        AND s.id > herald_uuid_at(now() - interval '7 days')
      ORDER BY s.id DESC LIMIT 1)
    LIMIT 1),
r AS (
    UPDATE deliveries d SET replied_at = $12::timestamptz FROM asked
     WHERE d.batch_id = asked.batch_id AND d.seq = asked.seq
       AND d.replied_at IS NULL AND d.state BETWEEN 'accepted' AND 'played'
    RETURNING d.org_id, d.batch_id, d.seq),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, replied)
    SELECT org_id, batch_id, $14::smallint, 1 FROM r WHERE seq > 0
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
        SET replied = c.replied + excluded.replied)
SELECT m.contact_id, (SELECT batch_id FROM r WHERE seq > 0),
       coalesce((SELECT k.name FROM contacts k WHERE k.id = m.contact_id),
                $8::text)
  FROM m;

-- name: webhook_event_insert
-- What we do not act on yet is kept; the hash makes a redelivery one row.
INSERT INTO webhook_events (org_id, id, account_id, field, payload, body_hash)
VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::uuid, $3::text,
        $4::jsonb, $5::bytea)
ON CONFLICT DO NOTHING;
