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
        'stage', 'expiry', 'journey', 'deletion', 'webhook', 'errand',
        'schedule'));

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
-- /statuses).  misfire: what becomes of an occurrence that is later than
-- grace_s ('skip': it is missed and told; 'send': it goes late).
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
    cancel_if_replied boolean NOT NULL DEFAULT false,
    delete_after_s int CHECK (delete_after_s > 0),
    status      text NOT NULL DEFAULT 'active' CHECK (status IN
                    ('active', 'paused', 'finished', 'cancelled')),
    next_at     timestamptz,
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);

-- One occurrence, from when it is known (the next ones, and each that was
-- changed by itself).  starts_at is its place in the rule and never moves;
-- due_at is when it happens.  ref_id: the message, broadcast or status that it
-- made, its own id, so that it is made once however often it is tried.
CREATE TABLE occurrences (
    org_id      uuid NOT NULL,
    schedule_id uuid NOT NULL,
    starts_at   timestamp NOT NULL,
    due_at      timestamptz NOT NULL,
    document    jsonb,
    state       text NOT NULL DEFAULT 'scheduled' CHECK (state IN
                    ('scheduled', 'posting', 'posted', 'failed', 'missed',
                     'cancelled')),
    reason      text,
    detail      text,
    ref_id      uuid,
    posted_at   timestamptz,
    PRIMARY KEY (org_id, schedule_id, starts_at),
    FOREIGN KEY (org_id, schedule_id) REFERENCES schedules ON DELETE CASCADE
);
CREATE INDEX occurrences_due ON occurrences (due_at, org_id);

-- a WhatsApp status (story)
CREATE TABLE statuses (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    account_id  uuid NOT NULL,
    content     jsonb NOT NULL,
    recipients  jsonb,
    state       text NOT NULL CHECK (state IN
                    ('queued', 'posting', 'posted', 'unknown', 'failed',
                     'deleted', 'expired')),
    provider_id text,
    error_code  int,
    detail      text,
    posted_at   timestamptz,
    expires_at  timestamptz,
    delete_at   timestamptz,
    deleted_at  timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);

-- when people read, by the hour of their own clock: the best time to send
CREATE TABLE reading_hours (
    org_id      uuid NOT NULL,
    contact_id  uuid NOT NULL,
    hours       int[] NOT NULL,
    PRIMARY KEY (org_id, contact_id),
    FOREIGN KEY (org_id, contact_id) REFERENCES contacts ON DELETE CASCADE
);

-- the secret link of a calendar feed is in directory (kind 'feed')
CREATE TABLE feeds (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    name        text NOT NULL,
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);

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
    'broadcast_templates', 'template_counters',
    'occurrences', 'statuses', 'reading_hours', 'feeds', 'links',
    'clicks', 'choices', 'choice_counters']) t;

GRANT SELECT, INSERT, UPDATE, DELETE ON errands, account_events, media,
    media_uploads, template_versions, snippets, schedules, occurrences,
    broadcast_templates, template_counters,
    statuses, reading_hours, feeds, links, clicks, choices,
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
