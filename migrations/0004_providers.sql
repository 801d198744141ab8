-- The world as it is: three providers, sessions, media, templates with their
-- versions, schedules, clicks, and the errands that workers run for them.

-- ── errands ─────────────────────────────────────────────────────────────────

-- What a worker does at a provider that is no message: fetch a file, ask for
-- a template's status, post or take back a status.  Its line in the agenda
-- (kind 'errand', ref_id = id) says when; whoever takes it moves that line
-- ahead by the lease, so that what a dead worker had comes back by itself.
CREATE TABLE errands (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    kind        text NOT NULL,
    account_id  uuid,
    ref_id      uuid,
    args        jsonb NOT NULL DEFAULT '{}',
    attempts    smallint NOT NULL DEFAULT 0,
    failed_at   timestamptz,
    detail      text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);
-- one of a kind for a thing at a time: asking twice moves it
CREATE UNIQUE INDEX errands_ref ON errands (kind, ref_id, org_id)
    WHERE ref_id IS NOT NULL;

ALTER TABLE agenda
    DROP CONSTRAINT agenda_kind_check,
    ADD CONSTRAINT agenda_kind_check CHECK (kind IN ('broadcast', 'message',
        'stage', 'expiry', 'journey', 'deletion', 'webhook', 'errand'));

CREATE INDEX agenda_errand ON agenda (due_at) WHERE kind = 'errand';

-- The errand of (kind, ref) at a time, made or moved.  NULL ref: a new one.
CREATE FUNCTION herald_errand(new_id uuid, what text, account uuid, ref uuid,
                              with_args jsonb, at timestamptz)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    org uuid := current_setting('herald.org')::uuid;
    e uuid;
BEGIN
    INSERT INTO errands (org_id, id, kind, account_id, ref_id, args)
    VALUES (org, new_id, what, account, ref, with_args)
        ON CONFLICT (kind, ref_id, org_id) WHERE ref_id IS NOT NULL
        DO UPDATE SET args = excluded.args, attempts = 0, failed_at = NULL,
                      detail = NULL, account_id = excluded.account_id
    RETURNING id INTO e;
    INSERT INTO agenda (kind, org_id, ref_id, due_at)
    VALUES ('errand', org, e, at)
        ON CONFLICT (kind, ref_id) DO UPDATE SET due_at = excluded.due_at;
    RETURN e;
END $$;

-- ── accounts ────────────────────────────────────────────────────────────────

-- business_id: Meta's WhatsApp Business Account, Twilio's AccountSid.
-- channel: what leaves by it.  session_state: the provider's own word, shown
-- as it is.  config: what only its provider needs.  seen_at: the last webhook
-- or answer that proves that it lives.
ALTER TABLE accounts
    ADD COLUMN channel text NOT NULL DEFAULT 'whatsapp'
        CHECK (channel IN ('whatsapp', 'sms')),
    ADD COLUMN business_id text NOT NULL DEFAULT '',
    ADD COLUMN config jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN session_state text,
    ADD COLUMN session_at timestamptz,
    ADD COLUMN profile jsonb,
    ADD COLUMN health jsonb,
    ADD COLUMN checked_at timestamptz,
    ADD COLUMN inbound_at timestamptz,
    ADD COLUMN status_seen_at timestamptz;

-- every change of a connection, with its reason: what support asks for first
CREATE TABLE account_events (
    org_id      uuid NOT NULL,
    account_id  uuid NOT NULL,
    id          uuid NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    event       text NOT NULL,
    state       text,
    reason      text,
    detail      text,
    PRIMARY KEY (org_id, account_id, id)
);

-- ── media ───────────────────────────────────────────────────────────────────

-- A file is named by its content: two of the same are one on the disk.
-- state 'wanted': inbound and not fetched yet; source_ref is the provider's.
CREATE TABLE media (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    sha256      bytea CHECK (length(sha256) = 32),
    mime        text NOT NULL,
    bytes       bigint,
    filename    text NOT NULL DEFAULT '',
    source      text NOT NULL CHECK (source IN ('upload', 'inbound', 'link')),
    state       text NOT NULL CHECK (state IN ('ready', 'wanted', 'failed')),
    account_id  uuid,
    source_ref  text,
    detail      text,
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CHECK (state <> 'ready' OR (sha256 IS NOT NULL AND bytes IS NOT NULL))
);
CREATE INDEX media_sha256 ON media (sha256, org_id);

-- what a provider calls our file, and until when it does
CREATE TABLE media_uploads (
    org_id      uuid NOT NULL,
    media_id    uuid NOT NULL,
    account_id  uuid NOT NULL,
    provider_id text NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (org_id, media_id, account_id),
    FOREIGN KEY (org_id, media_id) REFERENCES media ON DELETE CASCADE
);

-- choice: the id of the button or row that the person chose; reply_to: our
-- message that they answered, or that we quote or react to.  An outgoing
-- message that is neither text nor template has payload.content as it was
-- asked for (provider.h); its file is media_id.
ALTER TABLE messages
    ADD COLUMN media_id uuid,
    ADD COLUMN reply_to uuid,
    ADD COLUMN choice text;

-- ── what the owner of a number wrote by the phone ───────────────────────────

-- an outgoing message without a delivery: it went without us
ALTER TABLE messages
    ADD COLUMN by_phone boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT messages_check,
    ADD CONSTRAINT messages_delivery CHECK
        ((direction = 'out') = (batch_id IS NOT NULL OR by_phone));

-- ── sessions behind a QR code ───────────────────────────────────────────────

-- when the newest webhook about the session was sent, by the gateway's clock:
-- only its own times tell their order
ALTER TABLE accounts
    ADD COLUMN session_told timestamptz;

-- ── templates ───────────────────────────────────────────────────────────────

-- document: the template whole as it is sent (src/base/document.h): {header:
-- {format, text, media_id}, body, footer, buttons: [...], variables: {name:
-- {fallback, sample, type}}}; header, body and footer stay beside it as text,
-- with the variables' fallbacks in their places.  version: the newest that was
-- written, in template_versions; submitted_version: the one that the provider
-- has, and so the one of document (NULL: it was never submitted, and the newest
-- is what is sent).  provider_id: Meta's id, Twilio's ContentSid.  category_was:
-- until the provider changed it.
ALTER TABLE templates
    DROP CONSTRAINT templates_name,
    ADD COLUMN document jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN version int NOT NULL DEFAULT 1,
    ADD COLUMN submitted_version int,
    ADD COLUMN account_id uuid,
    ADD COLUMN provider_id text,
    ADD COLUMN submitted_at timestamptz,
    ADD COLUMN checked_at timestamptz,
    ADD COLUMN category_was text,
    ADD COLUMN deleted_at timestamptz;
-- what lies in the bin does not hold its name
CREATE UNIQUE INDEX templates_name ON templates (name, language, org_id)
    WHERE deleted_at IS NULL;
UPDATE templates SET document = jsonb_strip_nulls(jsonb_build_object(
    'header', CASE WHEN header IS NOT NULL THEN jsonb_build_object(
                   'format', 'text', 'text', header) END,
    'body', body, 'footer', footer));

CREATE TABLE template_versions (
    org_id      uuid NOT NULL,
    template_id uuid NOT NULL,
    version     int NOT NULL,
    category    text NOT NULL,
    document    jsonb NOT NULL,
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, template_id, version),
    FOREIGN KEY (org_id, template_id) REFERENCES templates ON DELETE CASCADE
);

INSERT INTO template_versions (org_id, template_id, version, category,
                               document, created_at)
SELECT org_id, id, 1, category, document, created_at FROM templates;

-- Which version each variant of a broadcast says, from its launch on: by it
-- the broadcast's counters are a template's.
CREATE TABLE broadcast_templates (
    org_id      uuid NOT NULL,
    template_id uuid NOT NULL,
    version     int NOT NULL,
    broadcast_id uuid NOT NULL,
    variant     smallint NOT NULL,
    PRIMARY KEY (org_id, template_id, version, broadcast_id, variant),
    FOREIGN KEY (org_id, broadcast_id) REFERENCES broadcasts ON DELETE CASCADE
);
CREATE INDEX broadcast_templates_broadcast
    ON broadcast_templates (broadcast_id, org_id);

-- what came of single messages; striped as broadcast_counters are
CREATE TABLE template_counters (
    org_id      uuid NOT NULL,
    template_id uuid NOT NULL,
    version     int NOT NULL,
    stripe      smallint NOT NULL,
    sent        int NOT NULL DEFAULT 0,
    delivered   int NOT NULL DEFAULT 0,
    read        int NOT NULL DEFAULT 0,
    clicked     int NOT NULL DEFAULT 0,
    replied     int NOT NULL DEFAULT 0,
    failed      int NOT NULL DEFAULT 0,
    opted_out   int NOT NULL DEFAULT 0,
    cost        bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, template_id, version, stripe)
) WITH (fillfactor = 50);

-- which template a single message says
CREATE TABLE template_singles (
    org_id      uuid NOT NULL,
    message_id  uuid NOT NULL,
    template_id uuid NOT NULL,
    version     int NOT NULL,
    PRIMARY KEY (org_id, message_id)
);

SELECT herald_isolate(t) FROM unnest(ARRAY['broadcast_templates',
    'template_counters', 'template_singles']) t;
GRANT SELECT, INSERT, UPDATE, DELETE ON broadcast_templates,
    template_counters, template_singles TO herald_app;

-- When an audience is frozen it is settled which versions it will get.
CREATE FUNCTION herald_broadcast_frozen() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO broadcast_templates (org_id, template_id, version,
                                     broadcast_id, variant)
    SELECT NEW.org_id, t.id, coalesce(t.submitted_version, t.version), NEW.id,
           v.n - 1
      FROM jsonb_array_elements(coalesce(NEW.variants, '[{}]'))
           WITH ORDINALITY AS v (x, n)
      JOIN templates t ON t.org_id = NEW.org_id
       AND t.id = coalesce((v.x ->> 'template_id')::uuid, NEW.template_id)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER broadcasts_frozen AFTER UPDATE ON broadcasts
    FOR EACH ROW WHEN (OLD.total IS NULL AND NEW.total IS NOT NULL)
    EXECUTE FUNCTION herald_broadcast_frozen();

-- A number whose business is known: its templates are looked at, soon and then
-- from time to time.  Once for each business, however many numbers it has.
CREATE FUNCTION herald_templates_watched() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- who repairs rows by hand has not said for which organisation
    IF coalesce(current_setting('herald.org', true), '') = '' THEN
        PERFORM set_config('herald.org', NEW.org_id::text, true);
    END IF;
    PERFORM herald_errand(gen_random_uuid(), 'template_sync', NEW.id,
                          md5(NEW.business_id)::uuid, '{}',
                          now() + interval '1 minute');
    RETURN NULL;
END $$;
CREATE TRIGGER accounts_templates_watched
    AFTER INSERT OR UPDATE OF business_id ON accounts
    FOR EACH ROW WHEN (NEW.business_id <> '')
    EXECUTE FUNCTION herald_templates_watched();

-- texts of our own, never sent to a provider for approval
CREATE TABLE snippets (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    shortcut    text NOT NULL CHECK (shortcut ~ '^[a-z0-9_-]{1,64}$'),
    kind        text NOT NULL CHECK (kind IN
                    ('greeting', 'follow_up', 'support', 'other')),
    language    text NOT NULL,
    title       text NOT NULL DEFAULT '',
    body        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT snippets_shortcut UNIQUE (shortcut, language, org_id)
);

-- ── schedules ───────────────────────────────────────────────────────────────

-- What is planned: once (rrule NULL) or by RFC 5545's RRULE, by the wall clock
-- of a zone.  document: the request that each occurrence makes (of kind
-- message: POST /messages, broadcast: POST /broadcasts, status: POST
-- /statuses; of a sequence its audience and steps).  misfire: what becomes of
-- an occurrence that is later than grace_s ('skip': it is missed and told;
-- 'send': the last one of those goes late).  place: the last place of the rule
-- that has a row in occurrences, or had its chance; ends_before: the rule goes
-- on in another schedule from there.  Its errand (kind 'schedule', ref_id = id)
-- is its timer: due when next_at is.
CREATE TABLE schedules (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN
                    ('message', 'broadcast', 'status', 'sequence')),
    name        text NOT NULL DEFAULT '',
    account_id  uuid NOT NULL,
    document    jsonb NOT NULL,
    starts_at   timestamp NOT NULL,
    time_zone   text NOT NULL REFERENCES time_zones,
    rrule       text,
    misfire     text NOT NULL DEFAULT 'skip' CHECK (misfire IN
                    ('skip', 'send')),
    grace_s     int NOT NULL DEFAULT 3600 CHECK (grace_s BETWEEN 0 AND 604800),
    month_end   text NOT NULL DEFAULT 'skip' CHECK (month_end IN
                    ('skip', 'last_day')),
    best_time   boolean NOT NULL DEFAULT false,
    cancel_if_replied boolean NOT NULL DEFAULT false,
    delete_after_s int CHECK (delete_after_s > 0),
    status      text NOT NULL DEFAULT 'active' CHECK (status IN
                    ('active', 'paused', 'finished', 'cancelled')),
    reason      text,
    place       timestamp,
    ends_before timestamp,
    next_at     timestamptz,
    version     int NOT NULL DEFAULT 1,
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, account_id) REFERENCES accounts
);
CREATE INDEX schedules_next ON schedules (next_at, org_id);

-- One occurrence, from when it is known (the next one, those that were, and
-- each that was changed by itself).  starts_at is its place in the rule and
-- never moves; due_at is when it happens.  ref_id: the message, broadcast or
-- status that it makes, its own id, kept before it is made, so that it is made
-- once however often it is tried.  cohort and step are a sequence's: step 0
-- enrols, the others send.
CREATE TABLE occurrences (
    org_id      uuid NOT NULL,
    schedule_id uuid NOT NULL,
    starts_at   timestamp NOT NULL,
    cohort      int NOT NULL DEFAULT 0,
    step        smallint NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL,
    document    jsonb,
    changed     boolean NOT NULL DEFAULT false,
    state       text NOT NULL DEFAULT 'scheduled' CHECK (state IN
                    ('scheduled', 'posting', 'posted', 'failed', 'missed',
                     'cancelled')),
    reason      text,
    detail      text,
    ref_id      uuid,
    posted_at   timestamptz,
    PRIMARY KEY (org_id, schedule_id, starts_at, cohort, step),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules ON DELETE CASCADE
);
CREATE INDEX occurrences_due ON occurrences (due_at, org_id);
CREATE INDEX occurrences_made ON occurrences (ref_id, org_id)
    WHERE ref_id IS NOT NULL;
-- a step goes to a cohort once, whatever its time
CREATE UNIQUE INDEX occurrences_step ON occurrences
    (schedule_id, cohort, step, org_id) WHERE step > 0;

-- Who goes through a sequence.  Those who came in together are a cohort and
-- get each step together: a broadcast, not a timer for each.
CREATE TABLE sequence_members (
    org_id      uuid NOT NULL,
    schedule_id uuid NOT NULL,
    contact_id  uuid NOT NULL,
    cohort      int NOT NULL,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    left_at     timestamptz,
    left_reason text CHECK (left_reason IN ('replied', 'opted_out')),
    PRIMARY KEY (org_id, schedule_id, contact_id),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules ON DELETE CASCADE,
    FOREIGN KEY (org_id, contact_id) REFERENCES contacts ON DELETE CASCADE
);
CREATE INDEX sequence_members_cohort
    ON sequence_members (schedule_id, cohort, org_id);

-- a WhatsApp status (story).  recipients: [phones and chat ids] as they were
-- when it was posted; sent: how many of them had it given to them.  sending: a
-- request was begun and its outcome is not known yet.
CREATE TABLE statuses (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    account_id  uuid NOT NULL,
    content     jsonb NOT NULL,
    audience    jsonb NOT NULL DEFAULT '{"all": true}',
    recipients  jsonb,
    sent        int NOT NULL DEFAULT 0,
    sending     int NOT NULL DEFAULT 0,
    state       text NOT NULL CHECK (state IN
                    ('queued', 'posting', 'posted', 'unknown', 'failed',
                     'deleted', 'expired')),
    provider_id text,
    error_code  int,
    detail      text,
    delete_after_s int CHECK (delete_after_s > 0),
    posted_at   timestamptz,
    expires_at  timestamptz,
    delete_at   timestamptz,
    deleted_at  timestamptz,
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, account_id) REFERENCES accounts
);

CREATE INDEX statuses_created ON statuses (created_at, org_id);
-- a calendar's months
CREATE INDEX broadcasts_send ON broadcasts (send_at, org_id);

-- the secret link of a calendar feed is in directory (kind 'feed')
CREATE TABLE feeds (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    name        text NOT NULL,
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);

-- The instant at which the clock of a zone shows `wall`.  Where it is put
-- forward the time that is left out is as much later (AT TIME ZONE does so);
-- where it is put back the first of both (AT TIME ZONE takes the second, so
-- the first is looked for: clocks go back by 30 minutes to 3 hours).
CREATE FUNCTION herald_wall(wall timestamp, zone text)
RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN (t - interval '1 hour') AT TIME ZONE zone = wall
            THEN t - interval '1 hour'
        WHEN (t - interval '30 minutes') AT TIME ZONE zone = wall
            THEN t - interval '30 minutes'
        WHEN (t - interval '2 hours') AT TIME ZONE zone = wall
            THEN t - interval '2 hours'
        WHEN (t - interval '3 hours') AT TIME ZONE zone = wall
            THEN t - interval '3 hours'
        ELSE t END
      FROM (SELECT wall AT TIME ZONE zone) x (t)
$$;

-- How many an audience has, up to 200,000: for how long a broadcast takes.
CREATE FUNCTION herald_audience_size(audience jsonb)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN audience ? 'sequence' THEN (
            SELECT count(*) FROM sequence_members
             WHERE schedule_id = (audience ->> 'sequence')::uuid
               AND cohort = (audience ->> 'cohort')::int AND left_at IS NULL)
        WHEN audience ? 'tag' THEN (
            SELECT count(*) FROM (
                SELECT FROM contact_tags WHERE tag = audience ->> 'tag'
                 LIMIT 200000) t)
        ELSE (SELECT count(*) FROM (
                SELECT FROM contacts LIMIT 200000) c) END
$$;

-- What is to be done about a status now: posted to the next of its recipients
-- ('post'), deleted, or nothing before `at` ('rest'; NULL: nothing any more).
-- Recipients are fixed at its first step.  A request of which nobody knows what
-- became (`sending` beyond `sent`) is never made again by itself.
CREATE FUNCTION herald_status_step(s_id uuid, chunk int)
RETURNS TABLE (what text, at timestamptz, content jsonb, provider_id text,
               recipients jsonb, n int, state text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    s statuses;
    part jsonb;
    next text := 'rest';
    due timestamptz;
BEGIN
    SELECT * INTO s FROM statuses x WHERE x.id = s_id FOR UPDATE;
    IF s.state = 'queued' THEN
        s.recipients := CASE
            WHEN s.audience ? 'phones' THEN s.audience -> 'phones'
            WHEN s.audience ? 'tag' THEN coalesce((
                SELECT jsonb_agg(c.phone ORDER BY c.id) FROM contact_tags t
                  JOIN contacts c ON c.org_id = t.org_id
                       AND c.id = t.contact_id
                 WHERE t.tag = s.audience ->> 'tag' AND c.phone IS NOT NULL
                   AND NOT c.marketing_opt_out), '[]')
            END;
        s.state := 'posting';
        IF s.recipients = '[]' THEN
            s.state := 'failed';
            s.detail := 'Nobody is among its recipients.';
        END IF;
    ELSIF s.state = 'posting' AND s.sending > s.sent THEN
        s.state := 'unknown';
        s.detail := 'It was interrupted while it was posted: it may be up.';
    ELSIF s.state = 'posted' AND s.expires_at <= now() THEN
        s.state := 'expired';
    END IF;
    IF s.state = 'posting' THEN
        next := 'post';
        IF s.recipients IS NULL THEN
            n := 1;
        ELSE
            SELECT jsonb_agg(e ORDER BY i), count(*)::int INTO part, n
              FROM jsonb_array_elements(s.recipients)
                   WITH ORDINALITY AS r (e, i)
             WHERE i > s.sent AND i <= s.sent + chunk;
        END IF;
    ELSIF s.state = 'posted' AND s.delete_at <= now() THEN
        next := 'delete';
        part := s.recipients;
    ELSIF s.state = 'posted' THEN
        due := least(s.delete_at, s.expires_at);
    END IF;
    UPDATE statuses x SET state = s.state, recipients = s.recipients,
           detail = s.detail WHERE x.id = s_id;
    RETURN QUERY SELECT next, due, s.content, s.provider_id, part, n, s.state;
END $$;

-- When people read, by the hour of their own clock, from their last thousand
-- deliveries: nothing is written when a status comes, and what is not asked
-- for costs nothing.
CREATE FUNCTION herald_contact_hours(contact uuid)
RETURNS TABLE (hour int, reads bigint) LANGUAGE sql STABLE AS $$
    SELECT extract(hour FROM d.read_at AT TIME ZONE
               coalesce(c.time_zone, c.phone_zone, o.time_zone))::int,
           count(*)
      FROM contacts c JOIN orgs o ON o.org_id = c.org_id
     CROSS JOIN LATERAL (
            SELECT read_at FROM deliveries x
             WHERE x.org_id = c.org_id AND x.contact_id = c.id
             ORDER BY x.batch_id DESC LIMIT 1000) d
     WHERE c.id = contact AND d.read_at IS NOT NULL GROUP BY 1
$$;

-- The same of a segment (NULL: everybody): its first 500 people, the last 20
-- deliveries of each.
CREATE FUNCTION herald_segment_hours(of_tag text)
RETURNS TABLE (hour int, reads bigint) LANGUAGE sql STABLE AS $$
    SELECT extract(hour FROM d.read_at AT TIME ZONE
               coalesce(c.time_zone, c.phone_zone, o.time_zone))::int,
           count(*)
      FROM (SELECT contact_id AS id FROM (
                SELECT contact_id FROM contact_tags WHERE tag = of_tag
                 LIMIT 500) t
             WHERE of_tag IS NOT NULL
            UNION ALL
            SELECT id FROM (SELECT id FROM contacts LIMIT 500) a
             WHERE of_tag IS NULL) p
      JOIN contacts c ON c.id = p.id
      JOIN orgs o ON o.org_id = c.org_id
     CROSS JOIN LATERAL (
            SELECT read_at FROM deliveries x
             WHERE x.org_id = c.org_id AND x.contact_id = c.id
             ORDER BY x.batch_id DESC LIMIT 20) d
     WHERE d.read_at IS NOT NULL GROUP BY 1
$$;

-- Their hour, and what said so: the contact with at least 5 reads, else the
-- segment with at least 20, else ten o'clock.  An hour counts with half of its
-- neighbours, so that a lone hour does not win.
CREATE FUNCTION herald_best_hour(contact uuid, of_tag text, segment boolean,
                                 OUT hour int, OUT source text,
                                 OUT reads bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    h bigint[];
BEGIN
    FOR i IN 1..2 LOOP
        CONTINUE WHEN i = 1 AND contact IS NULL OR i = 2 AND NOT segment;
        source := CASE i WHEN 1 THEN 'contact' ELSE 'segment' END;
        IF i = 1 THEN
            SELECT array_agg(coalesce(x.reads, 0) ORDER BY g), sum(x.reads)
              INTO h, reads
              FROM generate_series(0, 23) g
              LEFT JOIN herald_contact_hours(contact) x ON x.hour = g;
        ELSE
            SELECT array_agg(coalesce(x.reads, 0) ORDER BY g), sum(x.reads)
              INTO h, reads
              FROM generate_series(0, 23) g
              LEFT JOIN herald_segment_hours(of_tag) x ON x.hour = g;
        END IF;
        IF reads >= (CASE i WHEN 1 THEN 5 ELSE 20 END) THEN
            SELECT g INTO hour FROM generate_series(0, 23) g
             ORDER BY 2 * h[g + 1] + h[(g + 23) % 24 + 1]
                      + h[(g + 1) % 24 + 1] DESC, g LIMIT 1;
            RETURN;
        END IF;
    END LOOP;
    hour := 10;
    source := 'default';
    reads := coalesce(reads, 0);
END $$;

-- When the occurrence at a place happens.
CREATE FUNCTION herald_due(s schedules, place timestamp)
RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    contact uuid := (s.document ->> 'contact_id')::uuid;
    zone text := s.time_zone;
BEGIN
    IF NOT s.best_time THEN
        RETURN herald_wall(place, s.time_zone);
    END IF;
    IF s.document ? 'to' THEN
        contact := (SELECT contact_id FROM addresses
                     WHERE kind = 'phone' AND value = s.document ->> 'to');
    END IF;
    IF contact IS NOT NULL THEN
        zone := coalesce((SELECT coalesce(c.time_zone, c.phone_zone)
                            FROM contacts c WHERE c.id = contact), zone);
    END IF;
    RETURN herald_wall(place::date + make_interval(hours => (
        SELECT hour FROM herald_best_hour(contact,
            s.document #>> '{audience,tag}', contact IS NULL))), zone);
END $$;

-- The timer of a schedule follows its occurrences: due with the first of those
-- that wait; without one it has come to its end, or (`more`) looks further at
-- once.
CREATE FUNCTION herald_schedule_timer(s_id uuid, more boolean)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    org uuid := current_setting('herald.org')::uuid;
    s schedules;
    at timestamptz;
BEGIN
    SELECT * INTO s FROM schedules WHERE id = s_id;
    SELECT min(due_at) INTO at FROM occurrences
     WHERE schedule_id = s_id AND state IN ('scheduled', 'posting');
    IF s.status <> 'active' THEN
        UPDATE schedules SET next_at = NULL WHERE id = s_id;
        at := NULL;
        more := false;
    ELSIF at IS NULL AND NOT more THEN
        UPDATE schedules SET next_at = NULL, status = 'finished',
               updated_at = now() WHERE id = s_id;
    ELSE
        UPDATE schedules SET next_at = at WHERE id = s_id;
    END IF;
    IF at IS NULL AND NOT more THEN
        DELETE FROM agenda a USING errands e
         WHERE e.org_id = org AND e.kind = 'schedule' AND e.ref_id = s_id
           AND a.kind = 'errand' AND a.ref_id = e.id;
        DELETE FROM errands WHERE kind = 'schedule' AND ref_id = s_id;
    ELSE
        -- a UUIDv7 in its first 48 bits, for it is looked up by its reference
        PERFORM herald_errand((substr(herald_uuid_at(now())::text, 1, 14)
                || '7' || substr(gen_random_uuid()::text, 16))::uuid,
            'schedule', NULL, s_id, '{}',
            CASE WHEN more THEN now() ELSE at END);
    END IF;
END $$;

-- Goes on in the rule: `places` are the next ones after s.place, `ended` when
-- the rule has no more.  The first that is not too late becomes the next
-- occurrence; those before it are missed (of misfire 'send' the last of them
-- goes late).  A place that has its own row was changed by itself.
CREATE FUNCTION herald_schedule_advance(s_id uuid, places timestamp[],
                                        ended boolean)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    s schedules;
    w timestamp;
    due timestamptz;
    last_due timestamptz;
    late timestamp;
    missed int := 0;
    found_one boolean := false;
BEGIN
    SELECT * INTO s FROM schedules WHERE id = s_id FOR UPDATE;
    IF s.status <> 'active' THEN
        PERFORM herald_schedule_timer(s_id, false);
        RETURN 0;
    END IF;
    IF EXISTS (SELECT FROM occurrences
                WHERE schedule_id = s_id AND NOT changed AND step = 0
                  AND state IN ('scheduled', 'posting'))
    THEN
        PERFORM herald_schedule_timer(s_id, false);
        RETURN 0;
    END IF;
    last_due := herald_wall(s.place, s.time_zone);
    FOREACH w IN ARRAY places LOOP
        CONTINUE WHEN s.place IS NOT NULL AND w <= s.place;
        IF s.ends_before IS NOT NULL AND w >= s.ends_before THEN
            ended := true;
            EXIT;
        END IF;
        due := herald_due(s, w);
        s.place := w;
        -- two places of a rule fall together where a clock is put forward
        IF last_due IS NOT NULL AND due <= last_due AND NOT s.best_time THEN
            CONTINUE;
        END IF;
        last_due := due;
        CONTINUE WHEN EXISTS (SELECT FROM occurrences
            WHERE schedule_id = s_id AND starts_at = w AND cohort = 0
              AND step = 0);
        IF due + make_interval(secs => s.grace_s) < now() THEN
            INSERT INTO occurrences (org_id, schedule_id, starts_at, due_at,
                                     state, reason)
            VALUES (s.org_id, s_id, w, due, 'missed', 'late');
            missed := missed + 1;
            late := w;
        ELSE
            INSERT INTO occurrences (org_id, schedule_id, starts_at, due_at)
            VALUES (s.org_id, s_id, w, due);
            found_one := true;
            EXIT;
        END IF;
    END LOOP;
    IF late IS NOT NULL AND s.misfire = 'send' AND (found_one OR ended) THEN
        UPDATE occurrences SET state = 'scheduled', reason = NULL
         WHERE schedule_id = s_id AND starts_at = late AND step = 0;
        missed := missed - 1;
    END IF;
    UPDATE schedules SET place = s.place WHERE id = s_id;
    PERFORM herald_schedule_timer(s_id, NOT found_one AND NOT ended);
    RETURN missed;
END $$;

-- Still the version that was read?  It is locked, or the unit ends here.
CREATE FUNCTION herald_schedule_unchanged(s_id uuid, v int)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM schedules WHERE id = s_id AND version = v FOR UPDATE;
    IF NOT FOUND THEN
        RAISE serialization_failure;
    END IF;
END $$;

-- Was what an occurrence makes made?
CREATE FUNCTION herald_occurrence_made(what text, ref uuid)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE what
        WHEN 'message' THEN EXISTS (SELECT FROM deliveries
                                     WHERE batch_id = ref AND seq = 0)
        WHEN 'status' THEN EXISTS (SELECT FROM statuses WHERE id = ref)
        ELSE EXISTS (SELECT FROM broadcasts WHERE id = ref) END
$$;

-- The cohort of this instant: everybody of the audience who is not in the
-- sequence yet, and the times of their steps.  Nobody new: no cohort.
CREATE FUNCTION herald_sequence_enrol(s schedules, at timestamptz)
RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    n int := 1 + coalesce((SELECT max(cohort) FROM sequence_members
                            WHERE schedule_id = s.id), 0);
    of_tag text := s.document #>> '{audience,tag}';
    due timestamptz := at;
    after interval;
    i int := 0;
    many int;
BEGIN
    IF of_tag IS NULL THEN
        INSERT INTO sequence_members (org_id, schedule_id, contact_id, cohort)
        SELECT s.org_id, s.id, c.id, n FROM contacts c
         WHERE NOT c.marketing_opt_out
            ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO sequence_members (org_id, schedule_id, contact_id, cohort)
        SELECT s.org_id, s.id, c.id, n FROM contact_tags t
          JOIN contacts c ON c.org_id = t.org_id AND c.id = t.contact_id
         WHERE t.tag = of_tag AND NOT c.marketing_opt_out
            ON CONFLICT DO NOTHING;
    END IF;
    GET DIAGNOSTICS many = ROW_COUNT;
    IF many = 0 THEN
        RETURN 0;
    END IF;
    FOR after IN SELECT coalesce(v ->> 'after', 'PT0S')::interval
                   FROM jsonb_array_elements(s.document -> 'steps') v
    LOOP
        i := i + 1;
        -- days by the clock of the zone, the rest by time that passes
        due := herald_wall((due AT TIME ZONE s.time_zone)
                           + date_trunc('day', after), s.time_zone)
               + (after - date_trunc('day', after));
        INSERT INTO occurrences (org_id, schedule_id, starts_at, cohort, step,
                                 due_at)
        VALUES (s.org_id, s.id, due AT TIME ZONE s.time_zone, n, i, due)
            ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN many;
END $$;

-- Who leaves a cohort before its next step.
CREATE FUNCTION herald_sequence_leave(s schedules, of_cohort int)
RETURNS void LANGUAGE sql AS $$
    UPDATE sequence_members m SET left_at = now(), left_reason = 'opted_out'
     WHERE m.schedule_id = s.id AND m.cohort = of_cohort
       AND m.left_at IS NULL
       AND (EXISTS (SELECT FROM contacts c WHERE c.org_id = m.org_id
                       AND c.id = m.contact_id AND c.marketing_opt_out)
            OR EXISTS (SELECT FROM opt_outs o WHERE o.org_id = m.org_id
                          AND o.contact_id = m.contact_id
                          AND o.account_id = s.account_id));
    UPDATE sequence_members m SET left_at = now(), left_reason = 'replied'
      FROM conversations v
     WHERE coalesce((s.document ->> 'stop_on_reply')::boolean, true)
       AND m.schedule_id = s.id AND m.cohort = of_cohort
       AND m.left_at IS NULL AND v.org_id = m.org_id
       AND v.account_id = s.account_id AND v.contact_id = m.contact_id
       AND v.last_inbound_at > m.enrolled_at;
$$;

-- What its timer finds: the first occurrence that is due, taken ('post': to be
-- made with this ref_id), or that there is none ('next').  Whatever is decided
-- here is in the same transaction as the state that says so.  'again': there
-- may be more that is due.
CREATE FUNCTION herald_schedule_fire(s_id uuid, new_ref uuid)
RETURNS TABLE (what text, kind text, name text, document jsonb,
               starts_at timestamp, cohort int, step int, ref_id uuid,
               created_by uuid, state text, reason text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    s schedules;
    o occurrences;
    why text;
    contact uuid;
BEGIN
    SELECT * INTO s FROM schedules x WHERE x.id = s_id FOR UPDATE;
    IF s.id IS NULL OR s.status <> 'active' THEN
        RETURN QUERY SELECT 'none', s.kind, s.name, NULL::jsonb,
            NULL::timestamp, 0, 0, NULL::uuid, NULL::uuid, NULL, NULL;
        RETURN;
    END IF;

    SELECT * INTO o FROM occurrences x
     WHERE x.schedule_id = s_id AND x.state IN ('scheduled', 'posting')
       AND x.due_at <= now()
     ORDER BY x.due_at, x.starts_at, x.cohort, x.step LIMIT 1;

    what := 'again';

    IF o.schedule_id IS NULL THEN
        what := 'next';

    ELSIF o.state = 'posting' AND herald_occurrence_made(s.kind, o.ref_id) THEN
        o.state := 'posted';

    ELSIF s.kind = 'sequence' AND o.step = 0 THEN
        o.reason := 'enrolled';
        o.detail := herald_sequence_enrol(s, greatest(o.due_at, now()
                        - make_interval(secs => s.grace_s)))::text;
        o.state := 'posted';

    ELSIF o.due_at + make_interval(secs => s.grace_s) < now()
          AND (s.misfire = 'skip' OR EXISTS (
                SELECT FROM occurrences x
                 WHERE x.schedule_id = s_id AND x.state = 'scheduled'
                   AND x.cohort = o.cohort AND x.step = o.step
                   AND x.due_at > o.due_at AND x.due_at <= now()))
    THEN
        o.state := 'missed';
        o.reason := 'late';

    ELSIF s.cancel_if_replied AND s.kind = 'message' THEN
        contact := (s.document ->> 'contact_id')::uuid;
        IF contact IS NULL THEN
            contact := (SELECT a.contact_id FROM addresses a
                         WHERE a.kind = 'phone'
                           AND a.value = s.document ->> 'to');
        END IF;
        IF EXISTS (SELECT FROM conversations v
                    WHERE v.account_id = s.account_id
                      AND v.contact_id = contact
                      AND v.last_inbound_at > s.created_at)
        THEN
            why := 'replied';
        END IF;
    END IF;

    IF why IS NOT NULL THEN
        UPDATE occurrences x SET state = 'cancelled', reason = why
         WHERE x.schedule_id = s_id AND x.state IN ('scheduled', 'posting');
        UPDATE schedules x SET status = 'cancelled', reason = why,
               updated_at = now() WHERE x.id = s_id;
        PERFORM herald_schedule_timer(s_id, false);
        what := 'none';
        o.state := 'cancelled';
        o.reason := why;

    ELSIF what = 'again' AND o.state IN ('posted', 'missed') THEN
        UPDATE occurrences x SET state = o.state, reason = o.reason,
               detail = o.detail,
               posted_at = CASE o.state WHEN 'posted' THEN now() END
         WHERE x.schedule_id = s_id AND x.starts_at = o.starts_at
           AND x.cohort = o.cohort AND x.step = o.step;

    ELSIF what = 'again' THEN
        what := 'post';
        o.ref_id := coalesce(o.ref_id, new_ref);
        UPDATE occurrences x SET state = 'posting', ref_id = o.ref_id
         WHERE x.schedule_id = s_id AND x.starts_at = o.starts_at
           AND x.cohort = o.cohort AND x.step = o.step;
        IF s.kind = 'sequence' THEN
            PERFORM herald_sequence_leave(s, o.cohort);
        END IF;
    END IF;

    RETURN QUERY SELECT what, s.kind, s.name,
        CASE s.kind WHEN 'sequence' THEN jsonb_strip_nulls(jsonb_build_object(
            'name', left(coalesce(nullif(s.name, ''), 'Sequence'), 160)
                    || ', step ' || o.step || ', '
                    || to_char(o.starts_at, 'YYYY-MM-DD HH24:MI'),
            'account_id', s.account_id,
            'template_id', s.document #> ARRAY['steps', (o.step - 1)::text,
                                               'template_id'],
            'variables', s.document #> ARRAY['steps', (o.step - 1)::text,
                                             'variables'],
            'local_time', s.document #> ARRAY['steps', (o.step - 1)::text,
                                              'at_local'],
            'audience', jsonb_build_object('sequence', s.id,
                                           'cohort', o.cohort)))
        ELSE s.document || coalesce(o.document, '{}')
            || CASE WHEN s.kind = 'broadcast' AND s.rrule IS NOT NULL
                         AND NOT coalesce(o.document ? 'name', false)
               THEN jsonb_build_object('name',
                   left(s.document ->> 'name', 160) || ', '
                   || to_char(o.starts_at, 'YYYY-MM-DD HH24:MI'))
               ELSE '{}' END
            || CASE WHEN s.kind = 'status' AND s.delete_after_s IS NOT NULL
               THEN jsonb_build_object('delete_after_s', s.delete_after_s)
               ELSE '{}' END
        END,
        o.starts_at, o.cohort, o.step::int, o.ref_id, s.created_by, o.state,
        o.reason;
END $$;

-- ── clicks ──────────────────────────────────────────────────────────────────

-- An address that a message leads to; what is sent is our host's short form
-- with a token for each delivery.  The key follows from batch and URL, and
-- says in the directory (kind 'link', ref_id the batch) whose it is.
CREATE TABLE links (
    org_id      uuid NOT NULL,
    key         bytea NOT NULL CHECK (length(key) = 8),
    batch_id    uuid NOT NULL,
    url         text NOT NULL,
    clicks      bigint NOT NULL DEFAULT 0,
    people      int NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, key)
) WITH (fillfactor = 80);
CREATE INDEX links_batch ON links (batch_id, org_id);

-- one row for each delivery and link that was followed
CREATE TABLE clicks (
    org_id      uuid NOT NULL,
    batch_id    uuid NOT NULL,
    seq         int NOT NULL,
    link_key    bytea NOT NULL,
    contact_id  uuid NOT NULL,
    clicks      int NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL DEFAULT now(),
    last_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, batch_id, seq, link_key)
);

-- which button or row each person chose, and how many of a broadcast did
CREATE TABLE choices (
    org_id      uuid NOT NULL,
    batch_id    uuid NOT NULL,
    seq         int NOT NULL,
    choice      text NOT NULL,
    title       text NOT NULL,
    first_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, batch_id, seq, choice)
);

CREATE TABLE choice_counters (
    org_id      uuid NOT NULL,
    batch_id    uuid NOT NULL,
    choice      text NOT NULL,
    stripe      smallint NOT NULL,
    title       text NOT NULL,
    people      int NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, batch_id, choice, stripe)
) WITH (fillfactor = 50);

ALTER TABLE broadcast_counters
    ADD COLUMN clicked int NOT NULL DEFAULT 0;

ALTER TABLE directory
    DROP CONSTRAINT directory_kind_check,
    ADD CONSTRAINT directory_kind_check CHECK (kind IN
        ('email', 'session', 'api_key', 'hook', 'feed', 'link', 'state'));

ALTER TABLE addresses
    DROP CONSTRAINT addresses_kind_check,
    ADD CONSTRAINT addresses_kind_check CHECK (kind IN
        ('phone', 'wa_id', 'lid', 'bsuid', 'username', 'group'));

-- ── isolation and rights ────────────────────────────────────────────────────

SELECT herald_isolate(t) FROM unnest(ARRAY['errands', 'account_events',
    'media', 'media_uploads', 'template_versions', 'snippets', 'schedules',
    'occurrences', 'sequence_members', 'statuses', 'feeds', 'links',
    'clicks', 'choices', 'choice_counters']) t;

GRANT SELECT, INSERT, UPDATE, DELETE ON errands, account_events, media,
    media_uploads, template_versions, snippets, schedules, occurrences,
    sequence_members, statuses, feeds, links, clicks, choices,
    choice_counters TO herald_app;

-- ── consent in the order of its events ──────────────────────────────────────

-- When a person last resumed marketing from a number: what was stopped before,
-- and is told later, stops nothing.
CREATE TABLE opt_ins (
    org_id      uuid NOT NULL,
    contact_id  uuid NOT NULL,
    account_id  uuid NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (org_id, contact_id, account_id),
    FOREIGN KEY (org_id, contact_id) REFERENCES contacts ON DELETE CASCADE
);

SELECT herald_isolate('opt_ins');
GRANT SELECT, INSERT, UPDATE, DELETE ON opt_ins TO herald_app;

-- ── white label ─────────────────────────────────────────────────────────────

-- How the dashboard calls and colours itself; the name is the organisation's
-- own where there is none.
ALTER TABLE orgs
    ADD COLUMN brand_name text CHECK (brand_name <> ''),
    ADD COLUMN brand_accent text CHECK (brand_accent ~ '^#[0-9a-f]{6}$'),
    ADD COLUMN brand_logo uuid,
    ADD CONSTRAINT orgs_brand_logo FOREIGN KEY (org_id, brand_logo)
        REFERENCES media ON DELETE SET NULL (brand_logo);

-- ── notices by e-mail ───────────────────────────────────────────────────────

-- Which events are told to which addresses.
CREATE TABLE notices (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    name        text NOT NULL DEFAULT '',
    events      text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 20),
    emails      text[] NOT NULL CHECK (cardinality(emails) BETWEEN 1 AND 20),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);

-- When the last notice of an event of a thing went to an address: one that
-- goes on and off fills nobody's inbox.
CREATE TABLE notice_times (
    org_id      uuid NOT NULL,
    ref_id      uuid NOT NULL,
    due_at      timestamptz NOT NULL,
    PRIMARY KEY (org_id, ref_id)
);

SELECT herald_isolate(t) FROM unnest(ARRAY['notices', 'notice_times']) t;
GRANT SELECT, INSERT, UPDATE, DELETE ON notices, notice_times TO herald_app;

-- An e-mail of an event to everybody who wants to hear of it, in the
-- transaction that makes it happen.  Of one thing one e-mail waits at most,
-- with the newest words, and ten minutes are between two.
CREATE FUNCTION herald_notice(org uuid, event text, thing uuid, said jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    email text;
    ref uuid;
    at timestamptz;
BEGIN
    FOR email IN SELECT DISTINCT e FROM notices n, unnest(n.emails) AS e
                  WHERE n.org_id = org AND n.events @> ARRAY[event]
                  ORDER BY e
    LOOP
        -- what is changed by hand has none
        PERFORM set_config('herald.org', org::text, true)
          WHERE coalesce(current_setting('herald.org', true), '') = '';

        ref := md5(event || thing::text || email)::uuid;

        INSERT INTO notice_times AS t (org_id, ref_id, due_at)
        VALUES (org, ref, now())
            ON CONFLICT (org_id, ref_id) DO UPDATE SET due_at =
               CASE WHEN t.due_at > now() THEN t.due_at
                    ELSE greatest(now(), t.due_at + interval '10 minutes') END
        RETURNING due_at INTO at;

        PERFORM herald_errand(gen_random_uuid(), 'mail', NULL, ref,
                              jsonb_build_object('to', email, 'event', event,
                                                 'said', said), at);
    END LOOP;

    DELETE FROM notice_times WHERE due_at < now() - interval '1 day';
END $$;

CREATE FUNCTION herald_notice_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM herald_notice(NEW.org_id, 'number.disconnected', NEW.id,
        jsonb_build_object('name', NEW.name, 'phone', NEW.phone,
                           'status', NEW.status,
                           'reason', NEW.status_reason,
                           'code', NEW.status_code));
    RETURN NULL;
END $$;

CREATE TRIGGER notice AFTER UPDATE OF status ON accounts FOR EACH ROW
    WHEN (NEW.status <> OLD.status AND NEW.status <> 'connected'
          AND NEW.status_reason IS DISTINCT FROM 'user')
    EXECUTE FUNCTION herald_notice_account();

CREATE FUNCTION herald_notice_template() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM herald_notice(NEW.org_id, CASE NEW.status WHEN 'rejected'
            THEN 'template.rejected' ELSE 'template.paused' END, NEW.id,
        jsonb_build_object('name', NEW.name, 'language', NEW.language,
                           'status', NEW.status,
                           'reason', NEW.status_reason));
    RETURN NULL;
END $$;

CREATE TRIGGER notice AFTER UPDATE OF status ON templates FOR EACH ROW
    WHEN (NEW.status <> OLD.status
          AND NEW.status IN ('rejected', 'paused', 'disabled'))
    EXECUTE FUNCTION herald_notice_template();

-- the spend limit is the organisation's: one e-mail, however many wait for it
CREATE FUNCTION herald_notice_broadcast() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    said jsonb := jsonb_build_object('name', NEW.name, 'total', NEW.total,
        'reason', NEW.pause_reason, 'detail', NEW.pause_detail);
BEGIN
    IF NEW.status = 'completed' THEN
        PERFORM herald_notice(NEW.org_id, 'broadcast.finished', NEW.id, said);
    ELSIF NEW.pause_reason = 'spend_limit' THEN
        PERFORM herald_notice(NEW.org_id, 'spend_limit.reached', NEW.org_id,
                              said);
    ELSE
        PERFORM herald_notice(NEW.org_id, 'broadcast.paused', NEW.id, said);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER notice AFTER UPDATE OF status ON broadcasts FOR EACH ROW
    WHEN (NEW.status <> OLD.status AND (NEW.status = 'completed'
          OR NEW.status = 'paused' AND NEW.pause_reason IS NOT NULL))
    EXECUTE FUNCTION herald_notice_broadcast();

CREATE FUNCTION herald_notice_occurrence() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM herald_notice(NEW.org_id, 'schedule.missed', NEW.schedule_id,
        jsonb_build_object('name', (SELECT coalesce(nullif(s.name, ''), s.kind)
                FROM schedules s WHERE s.org_id = NEW.org_id
                 AND s.id = NEW.schedule_id),
            'due_at', to_char(NEW.due_at AT TIME ZONE 'UTC',
                              'YYYY-MM-DD HH24:MI "UTC"'),
            'reason', NEW.reason));
    RETURN NULL;
END $$;

CREATE TRIGGER notice AFTER INSERT OR UPDATE OF state ON occurrences
    FOR EACH ROW WHEN (NEW.state = 'missed')
    EXECUTE FUNCTION herald_notice_occurrence();
