-- name: inbound_apply
-- One message from a customer, once: the provider's id is the guard, and
-- everything else hangs on it.  $4 are the phones that this wa_id may have
-- (the forms of Brazil, Mexico and Argentina differ).  The answered broadcast
-- is the one quoted, else the last message to this contact within a week.  Two
-- first messages of one person may come at once, so the contact may be there.
-- A file ($15, called $16, $17, $18 by the provider) is wanted, and fetched by
-- an errand ($19) of this transaction.  A choice ($20) of a button or a row
-- counts once for each person, for the message that asked.  Behind a QR code one
-- message may come under two names: then the key that both have ($21) is the
-- guard.  There a person may have a LID ($22), and a group ($23, then nobody else
-- is named) is a contact of its own.
WITH first AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id, message_id)
    VALUES (current_setting('herald.org')::uuid, $2::uuid,
            coalesce(nullif($21::text, ''), $3::text), $1::uuid)
    ON CONFLICT DO NOTHING                         -- guard: DEDUP
    RETURNING org_id),
named AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id, message_id)
    SELECT org_id, $2::uuid, $3::text, $1::uuid FROM first
     WHERE $21::text NOT IN ('', $3::text)
    ON CONFLICT DO NOTHING),
known AS (
    SELECT a.contact_id FROM addresses a, first
     WHERE (a.kind = 'phone' AND a.value = ANY ($4::text[]))
        OR (a.kind = 'wa_id' AND a.value = $5::text)
        OR (a.kind = 'bsuid' AND a.value = $6::text)
        OR (a.kind = 'lid' AND a.value = $22::text)
        OR (a.kind = 'group' AND a.value = $23::text)
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
quoted AS (
    SELECT q.message_id, q.batch_id, q.seq FROM provider_messages q, first
     WHERE q.account_id = $2::uuid AND q.provider_id = $13::text),
f AS (
    INSERT INTO media (org_id, id, mime, filename, source, state, account_id,
                       source_ref)
    SELECT org_id, $15::uuid, coalesce($17::text, ''),
           coalesce($18::text, ''), 'inbound', 'wanted',
           $2::uuid, $16::text
      FROM first WHERE $15::uuid IS NOT NULL
    RETURNING herald_errand($19::uuid, 'media_fetch', $2::uuid, id, '{}',
                            now())),
a AS (
    INSERT INTO addresses (org_id, kind, value, contact_id)
    SELECT f.org_id, x.kind, x.value, who.contact_id
      FROM first f, who, (VALUES ('wa_id', $5::text), ('bsuid', $6::text),
           ('lid', $22::text), ('group', $23::text),
           ('phone', CASE WHEN $5::text <> '' THEN '+' || $5::text END))
           AS x (kind, value)
     WHERE x.value <> ''
    ON CONFLICT DO NOTHING),
m AS (
    INSERT INTO messages (org_id, id, account_id, contact_id, direction, type,
                          text, payload, provider_id, created_at, media_id,
                          reply_to, choice)
    SELECT f.org_id, $1::uuid, $2::uuid, who.contact_id, 'in', $9::text,
           $10::text, $11::jsonb, $3::text, $12::timestamptz, $15::uuid,
           (SELECT message_id FROM quoted), $20::text
      FROM first f, who
    RETURNING org_id, contact_id, reply_to),
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
    (SELECT q.batch_id, q.seq FROM quoted q, m WHERE q.batch_id IS NOT NULL)
    UNION ALL
    (SELECT s.batch_id, s.seq FROM messages s, m
      WHERE s.contact_id = m.contact_id AND s.batch_id IS NOT NULL
        AND s.account_id = $2::uuid
        AND s.id > herald_uuid_at(now() - interval '7 days')
      ORDER BY s.id DESC LIMIT 1)
    LIMIT 1),
r AS (
    UPDATE deliveries d SET replied_at = $12::timestamptz FROM asked
     WHERE d.batch_id = asked.batch_id AND d.seq = asked.seq
       AND d.replied_at IS NULL AND d.state BETWEEN 'accepted' AND 'played'
    RETURNING d.org_id, d.batch_id, d.seq, d.variant),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe, replied)
    SELECT org_id, batch_id, $14::smallint + 256 * greatest(variant, 0), 1
      FROM r WHERE seq > 0
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
        SET replied = c.replied + excluded.replied),
tc AS (
    INSERT INTO template_counters AS tc (org_id, template_id, version, stripe,
                                        replied)
    SELECT r.org_id, x.template_id, x.version, $14::smallint, 1
      FROM r JOIN template_singles x ON x.message_id = r.batch_id
     WHERE r.seq = 0
    ON CONFLICT (org_id, template_id, version, stripe) DO UPDATE
        SET replied = tc.replied + excluded.replied),
k AS (
    INSERT INTO choices (org_id, batch_id, seq, choice, title, first_at)
    SELECT m.org_id, q.batch_id, q.seq, $20::text, $10::text, $12::timestamptz
      FROM quoted q, m WHERE $20::text IS NOT NULL AND q.batch_id IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING org_id, batch_id, seq, choice, title),
n AS (
    INSERT INTO choice_counters AS n (org_id, batch_id, choice, stripe, title,
                                      people)
    SELECT org_id, batch_id, choice, $14::smallint, title, 1 FROM k
     WHERE seq > 0
    ON CONFLICT (org_id, batch_id, choice, stripe) DO UPDATE
        SET people = n.people + excluded.people)
SELECT m.contact_id, (SELECT batch_id FROM r WHERE seq > 0),
       coalesce((SELECT k.name FROM contacts k WHERE k.id = m.contact_id),
                $8::text), m.reply_to
  FROM m;

-- name: webhook_event_insert
-- What we do not act on yet is kept; the hash makes a redelivery one row.
INSERT INTO webhook_events (org_id, id, account_id, field, payload, body_hash)
VALUES (current_setting('herald.org')::uuid, $1::uuid, $2::uuid, $3::text,
        $4::jsonb, $5::bytea)
ON CONFLICT DO NOTHING;

-- name: echo_apply
-- What the owner of the number wrote by the phone: a message of ours without a
-- delivery, once.  The columns are inbound_apply's.
WITH first AS (
    INSERT INTO provider_messages (org_id, account_id, provider_id, message_id)
    VALUES (current_setting('herald.org')::uuid, $2::uuid, $3::text, $1::uuid)
    ON CONFLICT DO NOTHING
    RETURNING org_id),
known AS (
    SELECT a.contact_id FROM addresses a, first
     WHERE (a.kind = 'phone' AND a.value = ANY ($4::text[]))
        OR (a.kind = 'wa_id' AND a.value = $5::text)
        OR (a.kind = 'bsuid' AND a.value = $6::text)
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
           ('phone', CASE WHEN $5::text <> '' THEN '+' || $5::text END))
           AS x (kind, value)
     WHERE x.value <> ''
    ON CONFLICT DO NOTHING),
m AS (
    INSERT INTO messages (org_id, id, account_id, contact_id, direction, type,
                          text, payload, provider_id, by_phone, created_at)
    SELECT f.org_id, $1::uuid, $2::uuid, who.contact_id, 'out', $9::text,
           $10::text, $11::jsonb, $3::text, true, $12::timestamptz
      FROM first f, who
    RETURNING org_id, contact_id),
v AS (
    INSERT INTO conversations AS v (org_id, account_id, contact_id,
                                    last_message_at)
    SELECT org_id, $2::uuid, contact_id, $12::timestamptz FROM m
    ON CONFLICT (org_id, account_id, contact_id) DO UPDATE SET
        last_message_at = greatest(v.last_message_at,
                                   excluded.last_message_at))
SELECT m.contact_id, NULL::uuid,
       coalesce((SELECT k.name FROM contacts k WHERE k.id = m.contact_id),
                $8::text)
  FROM m;

-- name: webhook_event_list
-- What webhooks brought and nobody acts on, newest first.
SELECT id, field, payload, received_at FROM webhook_events
 WHERE account_id = $3::uuid AND id < $1::uuid
   AND ($4::text IS NULL OR field = $4::text)
 ORDER BY id DESC LIMIT $2::int;
