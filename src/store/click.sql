-- name: link_put
-- The links of a batch, by keys that follow from their URLs: who writes them
-- again changes nothing.
WITH l AS (
    SELECT decode(k, 'hex') AS key, url
      FROM unnest($2::text[], $3::text[]) AS l (k, url)),
d AS (
    INSERT INTO directory (kind, key, org_id, ref_id)
    SELECT 'link', key, current_setting('herald.org')::uuid, $1::uuid FROM l
    ON CONFLICT DO NOTHING)
INSERT INTO links (org_id, key, batch_id, url)
SELECT current_setting('herald.org')::uuid, key, $1::uuid, url FROM l
ON CONFLICT DO NOTHING;

-- name: link_find
-- After directory_find of kind link.
SELECT batch_id, url FROM links WHERE key = $1::bytea;

-- name: click_lock
-- One click of a delivery after the other, so that it counts once.
SELECT d.seq FROM deliveries d
 WHERE d.batch_id = (SELECT batch_id FROM links WHERE key = $1::bytea)
   AND d.seq = $2::int
   FOR UPDATE;

-- name: click_count
-- Under click_lock: what is read here is committed.
WITH d AS (
    SELECT d.org_id, d.batch_id, d.seq, d.contact_id, d.message_id, d.variant
      FROM deliveries d
     WHERE d.batch_id = (SELECT batch_id FROM links WHERE key = $1::bytea)
       AND d.seq = $2::int),
b AS (
    SELECT EXISTS (SELECT FROM clicks k
                    WHERE k.batch_id = d.batch_id AND k.seq = d.seq) AS before
      FROM d),
k AS (
    INSERT INTO clicks AS k (org_id, batch_id, seq, link_key, contact_id)
    SELECT org_id, batch_id, seq, $1::bytea, contact_id FROM d
    ON CONFLICT (org_id, batch_id, seq, link_key) DO UPDATE
        SET clicks = k.clicks + 1, last_at = now()
    RETURNING clicks),
l AS (
    UPDATE links SET clicks = links.clicks + 1,
           people = people + (k.clicks = 1)::int
      FROM k WHERE links.key = $1::bytea),
c AS (
    INSERT INTO broadcast_counters AS c (org_id, broadcast_id, stripe,
                                         clicked)
    SELECT org_id, batch_id, $3::smallint + 256 * greatest(variant, 0), 1
      FROM d, b WHERE NOT b.before AND seq > 0
    ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
        SET clicked = c.clicked + excluded.clicked),
tc AS (
    INSERT INTO template_counters AS tc (org_id, template_id, version, stripe,
                                        clicked)
    SELECT d.org_id, x.template_id, x.version, $3::smallint, 1
      FROM b, d JOIN template_singles x ON x.message_id = d.batch_id
     WHERE NOT b.before AND d.seq = 0
    ON CONFLICT (org_id, template_id, version, stripe) DO UPDATE
        SET clicked = tc.clicked + excluded.clicked)
SELECT d.batch_id, d.seq, d.contact_id, d.message_id, k.clicks, NOT b.before
  FROM d, b, k;

-- name: broadcast_links
-- Each address that the broadcast leads to.
SELECT url, clicks, people, created_at FROM links
 WHERE batch_id = $1::uuid ORDER BY people DESC, url LIMIT 200;

-- name: broadcast_clicks
-- Who followed which, in the audience's order; one row for each person, so
-- that a page never ends in the middle of one.
SELECT k.seq, k.contact_id, c.name, c.phone, k.clicks, k.first_at, k.last_at,
       k.links
  FROM (SELECT x.seq, (array_agg(x.contact_id))[1] AS contact_id,
               sum(x.clicks) AS clicks, min(x.first_at) AS first_at,
               max(x.last_at) AS last_at,
               jsonb_agg(jsonb_build_object('url', l.url, 'clicks', x.clicks)
                         ORDER BY x.first_at) AS links
          FROM clicks x
          JOIN links l ON l.org_id = x.org_id AND l.key = x.link_key
         WHERE x.batch_id = $1::uuid AND x.seq > $2::int
         GROUP BY x.seq ORDER BY x.seq LIMIT $3::int) k
  LEFT JOIN contacts c ON c.id = k.contact_id
 ORDER BY k.seq;

-- name: broadcast_choices
-- Sums over the stripes.
SELECT choice, max(title), sum(people) FROM choice_counters
 WHERE batch_id = $1::uuid GROUP BY choice ORDER BY sum(people) DESC, choice
 LIMIT 200;

-- name: broadcast_is
-- 404 for another tenant's.
SELECT id FROM broadcasts WHERE id = $1::uuid;
