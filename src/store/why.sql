-- name: why_broadcast
-- What the story of any of its people needs to know of a broadcast, and which
-- gates the organisation has set up.  Times are microseconds.
SELECT b.name, b.status,
       (extract(epoch FROM b.created_at) * 1000000)::bigint,
       (extract(epoch FROM b.send_at) * 1000000)::bigint,
       (extract(epoch FROM b.started_at) * 1000000)::bigint,
       (extract(epoch FROM b.finished_at) * 1000000)::bigint,
       (extract(epoch FROM b.expires_at) * 1000000)::bigint,
       b.total, b.audience ->> 'tag', b.pause_reason, b.pause_detail,
       b.holdout, coalesce(jsonb_array_length(b.variants), 0), b.winner,
       a.name, a.status, a.portfolio_id <> '', o.frequency_cap,
       o.frequency_days, o.quiet_from IS NOT NULL,
       o.spend_limit IS NOT NULL, b.template_id IS NOT NULL,
       (extract(epoch FROM b.launched_at) * 1000000)::bigint
  FROM broadcasts b
  JOIN accounts a ON a.org_id = b.org_id AND a.id = b.account_id
  JOIN orgs o ON o.org_id = b.org_id
 WHERE b.id = $1::uuid;

-- name: why_message
-- The same columns for a single message; first the batch and the contact, for
-- one that belongs to a broadcast is told as that.
SELECT m.batch_id, m.contact_id, m.seq,
       (extract(epoch FROM m.created_at) * 1000000)::bigint,
       CASE WHEN m.seq = 0 THEN (extract(epoch FROM
            (m.payload ->> 'send_at')::timestamptz) * 1000000)::bigint END,
       CASE WHEN m.seq = 0 THEN (extract(epoch FROM
            (m.payload ->> 'expires_at')::timestamptz) * 1000000)::bigint END,
       a.name, a.status, a.portfolio_id <> '', o.frequency_cap,
       o.frequency_days, o.quiet_from IS NOT NULL,
       o.spend_limit IS NOT NULL, m.type = 'template'
  FROM messages m
  JOIN orgs o ON o.org_id = m.org_id
  LEFT JOIN accounts a ON a.org_id = m.org_id AND a.id = m.account_id
 WHERE m.id = $1::uuid;

-- name: why_contact
-- Who it is, by id or by phone; whether the broadcast's tag is on them now,
-- and the zone that their times are told in.  CASE and not coalesce: only what
-- is known not to leak uses an index under row-level security.
SELECT c.id, c.name, c.phone,
       coalesce(c.time_zone, c.phone_zone, o.time_zone),
       (extract(epoch FROM c.created_at) * 1000000)::bigint,
       coalesce((SELECT b.audience ->> 'tag' FROM broadcasts b
                  WHERE b.id = $3::uuid) = ANY (c.tags), true)
  FROM contacts c JOIN orgs o ON o.org_id = c.org_id
 WHERE c.id = CASE WHEN $1::uuid IS NULL THEN (
            SELECT contact_id FROM addresses
             WHERE kind = 'phone' AND value = $2::text)
            ELSE $1::uuid END;

-- name: why_delivery
-- One row of the ledger, found by the contact: also of one that was deleted
-- since.  With the variant's template, and the stage it goes with.
SELECT d.seq, d.state, d.attempts, d.error_code, d.reason,
       (extract(epoch FROM d.next_try_at) * 1000000)::bigint,
       (extract(epoch FROM d.claimed_at) * 1000000)::bigint,
       (extract(epoch FROM d.accepted_at) * 1000000)::bigint,
       (extract(epoch FROM d.sent_at) * 1000000)::bigint,
       (extract(epoch FROM d.delivered_at) * 1000000)::bigint,
       (extract(epoch FROM d.read_at) * 1000000)::bigint,
       (extract(epoch FROM d.replied_at) * 1000000)::bigint,
       d.provider_id, d.category, d.variant,
       (SELECT t.name FROM broadcasts b JOIN templates t ON t.id = coalesce(
                (b.variants -> d.variant::int ->> 'template_id')::uuid,
                b.template_id)
         WHERE b.id = d.batch_id),
       to_char(d.next_try_at AT TIME ZONE z.zone, 'YYYY-MM-DD HH24:MI'),
       to_char(CASE d.state WHEN 'accepted' THEN d.accepted_at
                    WHEN 'sent' THEN d.sent_at
                    WHEN 'delivered' THEN d.delivered_at
                    WHEN 'read' THEN d.read_at WHEN 'played' THEN d.read_at
               END AT TIME ZONE z.zone, 'YYYY-MM-DD HH24:MI'),
       to_char(d.replied_at AT TIME ZONE z.zone, 'YYYY-MM-DD HH24:MI'),
       z.zone, s.kind, s.n, s.to_seq,
       (extract(epoch FROM s.opened_at) * 1000000)::bigint,
       to_char(s.opens_at AT TIME ZONE z.zone, 'YYYY-MM-DD HH24:MI')
  FROM deliveries d
  JOIN orgs o ON o.org_id = d.org_id
  LEFT JOIN contacts c ON c.org_id = d.org_id AND c.id = d.contact_id
 CROSS JOIN LATERAL (
        SELECT coalesce(c.time_zone, c.phone_zone, o.time_zone)) z (zone)
  LEFT JOIN LATERAL (
        SELECT s.kind, s.n, s.to_seq, s.opened_at, s.opens_at
          FROM broadcast_stages s
         WHERE s.broadcast_id = d.batch_id AND s.to_seq >= d.seq
         ORDER BY s.n LIMIT 1) s ON true
 WHERE d.batch_id = $1::uuid
   AND d.contact_id = CASE WHEN $2::uuid IS NULL THEN (
            SELECT contact_id FROM addresses
             WHERE kind = 'phone' AND value = $3::text)
            ELSE $2::uuid END;

-- name: why_events
-- What did not go straight, in order; the last two hundred.
SELECT * FROM (
    SELECT (extract(epoch FROM e.at) * 1000000)::bigint AS at, e.event,
           e.attempt, e.code, e.reason, e.detail,
           to_char(e.next_try_at AT TIME ZONE
                   coalesce(c.time_zone, c.phone_zone, o.time_zone),
                   'YYYY-MM-DD HH24:MI'),
           coalesce(c.time_zone, c.phone_zone, o.time_zone)
      FROM deliveries d
      JOIN orgs o ON o.org_id = d.org_id
      JOIN delivery_events e ON e.org_id = d.org_id
       AND e.batch_id = d.batch_id AND e.seq = d.seq
      LEFT JOIN contacts c ON c.org_id = d.org_id AND c.id = d.contact_id
     WHERE d.batch_id = $1::uuid
       AND d.contact_id = CASE WHEN $2::uuid IS NULL THEN (
            SELECT contact_id FROM addresses
             WHERE kind = 'phone' AND value = $3::text)
            ELSE $2::uuid END
     ORDER BY e.at DESC LIMIT 200) x
 ORDER BY at;
