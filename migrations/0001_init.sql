-- The first schema.  Every tenant table begins its primary key with org_id and
-- has row-level security forced, so that even its owner sees only the
-- organisation named by herald.org.  What must be found before the
-- organisation is known (credentials, webhook addresses, what is due) is in
-- two small tables without personal data: directory and agenda.
--
-- Every other index holds org_id last.  While a table has no statistics yet,
-- the planner cannot tell (org_id, id) from (org_id, phone) for a look-up by
-- org_id and id: it took the second and filtered the whole organisation.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'herald_app') THEN
        CREATE ROLE herald_app LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB
            NOCREATEROLE;
    END IF;
END $$;

-- row-level security for one tenant table, forced on its owner too
CREATE FUNCTION herald_isolate(t text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = '
        'nullif(current_setting(''herald.org'', true), '''')::uuid)', t);
END $$;

-- ── before the organisation is known ────────────────────────────────────────

-- key is a SHA-256: of the lower-cased e-mail address, a session token, an API
-- key, a webhook token.  ref_id is the row's id in its own table.
CREATE TABLE directory (
    kind        text NOT NULL CHECK (kind IN
                    ('email', 'session', 'api_key', 'hook')),
    key         bytea NOT NULL,
    org_id      uuid NOT NULL,
    ref_id      uuid NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE INDEX directory_ref ON directory (ref_id);

-- what the helper must do and when; the wheel holds its next minutes
CREATE TABLE agenda (
    kind        text NOT NULL CHECK (kind IN ('broadcast', 'message')),
    org_id      uuid NOT NULL,
    ref_id      uuid NOT NULL,
    due_at      timestamptz NOT NULL,
    PRIMARY KEY (kind, ref_id)
);
CREATE INDEX agenda_due ON agenda (due_at);

-- failed sign-ins by hash of address and of e-mail
CREATE TABLE login_throttle (
    key         bytea PRIMARY KEY,
    failures    int NOT NULL,
    last_at     timestamptz NOT NULL,
    blocked_until timestamptz
);

-- ── the organisation and who may speak for it ───────────────────────────────

CREATE TABLE orgs (
    org_id      uuid PRIMARY KEY,
    name        text NOT NULL CHECK (name <> ''),
    time_zone   text NOT NULL DEFAULT 'UTC',
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    org_id      uuid NOT NULL REFERENCES orgs,
    id          uuid NOT NULL,
    email       text NOT NULL,
    name        text NOT NULL,
    role        text NOT NULL CHECK (role IN
                    ('owner', 'admin', 'manager', 'agent')),
    password_hash text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT users_email UNIQUE (email, org_id)
);

CREATE TABLE sessions (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    user_id     uuid NOT NULL,
    token_hash  bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, user_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX sessions_token ON sessions (token_hash, org_id);

CREATE TABLE api_keys (
    org_id      uuid NOT NULL REFERENCES orgs,
    id          uuid NOT NULL,
    name        text NOT NULL,
    prefix      text NOT NULL,
    key_hash    bytea NOT NULL,
    scopes      text[] NOT NULL CHECK (scopes <@ '{read,send,admin}'
                    AND cardinality(scopes) > 0),
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    PRIMARY KEY (org_id, id)
);

-- ── customers ───────────────────────────────────────────────────────────────

-- phone is the first address of kind phone, kept here because every list shows
-- it
CREATE TABLE contacts (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    name        text NOT NULL DEFAULT '',
    first_name  text NOT NULL DEFAULT '',
    last_name   text NOT NULL DEFAULT '',
    phone       text CHECK (phone ~ '^\+[0-9]{5,15}$'),
    email       text,
    language    text,
    tags        text[] NOT NULL DEFAULT '{}',
    fields      jsonb NOT NULL DEFAULT '{}'
                    CHECK (jsonb_typeof(fields) = 'object'),
    marketing_opt_out boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX contacts_phone ON contacts (phone, org_id);

-- a contact is not its phone number: one person has many addresses
CREATE TABLE addresses (
    org_id      uuid NOT NULL,
    kind        text NOT NULL CHECK (kind IN
                    ('phone', 'wa_id', 'lid', 'bsuid', 'username')),
    value       text NOT NULL,
    contact_id  uuid NOT NULL,
    PRIMARY KEY (org_id, kind, value),
    FOREIGN KEY (org_id, contact_id) REFERENCES contacts ON DELETE CASCADE
);
CREATE INDEX addresses_contact ON addresses (contact_id, org_id);

-- Tags and words of each contact as rows.  Under row-level security PostgreSQL
-- uses an index only with leakproof operators; text equality and order are,
-- array containment and LIKE are not.
CREATE TABLE contact_tags (
    org_id      uuid NOT NULL,
    tag         text COLLATE "C" NOT NULL,
    contact_id  uuid NOT NULL,
    PRIMARY KEY (org_id, tag, contact_id)
);
CREATE INDEX contact_tags_contact ON contact_tags (contact_id, org_id);

CREATE TABLE contact_words (
    org_id      uuid NOT NULL,
    word        text COLLATE "C" NOT NULL,
    contact_id  uuid NOT NULL,
    PRIMARY KEY (org_id, word, contact_id)
);
CREATE INDEX contact_words_contact ON contact_words (contact_id, org_id);

CREATE FUNCTION herald_words(name text, phone text, email text)
RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT DISTINCT left(w, 64)
      FROM regexp_split_to_table(lower(coalesce(name, '')), '[\s,.;()/]+') w
     WHERE w <> ''
    UNION SELECT substr(phone, 2) WHERE phone IS NOT NULL
    UNION SELECT lower(left(email, 64)) WHERE coalesce(email, '') <> ''
$$;

CREATE FUNCTION herald_contacts_index_insert() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contact_tags
    SELECT DISTINCT n.org_id, t, n.id FROM added n, unnest(n.tags) t;
    INSERT INTO contact_words
    SELECT n.org_id, w, n.id
      FROM added n, herald_words(n.name, n.phone, n.email) w;
    RETURN NULL;
END $$;

-- Row by row: over transition tables plpgsql keeps the plan of the first size
-- it meets, and an import that updates 500 rows then joins 500 by 500.
CREATE FUNCTION herald_contacts_index_update() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.tags <> OLD.tags THEN
        DELETE FROM contact_tags x
         WHERE x.org_id = OLD.org_id AND x.contact_id = OLD.id;
        INSERT INTO contact_tags
        SELECT DISTINCT NEW.org_id, t, NEW.id FROM unnest(NEW.tags) t;
    END IF;
    IF (NEW.name, NEW.phone, NEW.email) IS DISTINCT FROM
       (OLD.name, OLD.phone, OLD.email)
    THEN
        DELETE FROM contact_words x
         WHERE x.org_id = OLD.org_id AND x.contact_id = OLD.id;
        INSERT INTO contact_words
        SELECT NEW.org_id, w, NEW.id
          FROM herald_words(NEW.name, NEW.phone, NEW.email) w;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION herald_contacts_index_delete() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM contact_tags x USING gone o
     WHERE x.org_id = o.org_id AND x.contact_id = o.id;
    DELETE FROM contact_words x USING gone o
     WHERE x.org_id = o.org_id AND x.contact_id = o.id;
    RETURN NULL;
END $$;

CREATE TRIGGER contacts_index_insert AFTER INSERT ON contacts
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION herald_contacts_index_insert();
CREATE TRIGGER contacts_index_update AFTER UPDATE ON contacts
    FOR EACH ROW WHEN (NEW.tags <> OLD.tags
        OR (NEW.name, NEW.phone, NEW.email) IS DISTINCT FROM
           (OLD.name, OLD.phone, OLD.email))
    EXECUTE FUNCTION herald_contacts_index_update();
CREATE TRIGGER contacts_index_delete AFTER DELETE ON contacts
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION herald_contacts_index_delete();

CREATE TABLE imports (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    rows        int NOT NULL DEFAULT 0,
    created     int NOT NULL DEFAULT 0,
    updated     int NOT NULL DEFAULT 0,
    failed      int NOT NULL DEFAULT 0,
    dry_run     boolean NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (org_id, id)
);

CREATE TABLE import_errors (
    org_id      uuid NOT NULL,
    import_id   uuid NOT NULL,
    line        bigint NOT NULL,
    code        text NOT NULL,
    detail      text NOT NULL,
    PRIMARY KEY (org_id, import_id, line),
    FOREIGN KEY (org_id, import_id) REFERENCES imports ON DELETE CASCADE
);

-- ── numbers and templates ───────────────────────────────────────────────────

-- secrets is a sealed JSON object {token, app_secret, verify_token,
-- hook_token}
CREATE TABLE accounts (
    org_id      uuid NOT NULL REFERENCES orgs,
    id          uuid NOT NULL,
    name        text NOT NULL,
    provider    text NOT NULL,
    phone       text NOT NULL DEFAULT '',
    number_id   text NOT NULL,
    base_url    text NOT NULL,
    api_version text NOT NULL,
    secrets     text NOT NULL CHECK (secrets LIKE 'v1.%'),
    rate_limit  int NOT NULL DEFAULT 80 CHECK (rate_limit BETWEEN 0 AND 1000),
    status      text NOT NULL DEFAULT 'connected',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT accounts_number UNIQUE (number_id, provider, org_id)
);

-- One node owns a number at a time.  The fence rises with each change of
-- owner, and what was claimed under an older one is refused.
CREATE TABLE leases (
    org_id      uuid NOT NULL,
    account_id  uuid NOT NULL,
    node_id     uuid NOT NULL,
    fence       bigint NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (org_id, account_id)
);

CREATE TABLE templates (
    org_id      uuid NOT NULL REFERENCES orgs,
    id          uuid NOT NULL,
    name        text NOT NULL CHECK (name ~ '^[a-z0-9_]+$'
                    AND length(name) <= 512),
    language    text NOT NULL,
    category    text NOT NULL CHECK (category IN
                    ('marketing', 'utility', 'authentication')),
    header      text,
    body        text NOT NULL,
    footer      text,
    status      text NOT NULL DEFAULT 'unverified',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT templates_name UNIQUE (name, language, org_id)
);

-- ── broadcasts, the ledger, the history ─────────────────────────────────────

CREATE TABLE broadcasts (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    name        text NOT NULL,
    account_id  uuid NOT NULL,
    template_id uuid NOT NULL,
    audience    jsonb NOT NULL,
    variables   jsonb NOT NULL DEFAULT '{}',
    status      text NOT NULL DEFAULT 'scheduled' CHECK (status IN
                    ('scheduled', 'sending', 'paused', 'cancelled',
                     'completed')),
    send_at     timestamptz NOT NULL,
    total       int,
    started_at  timestamptz,
    finished_at timestamptz,
    created_by  uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, account_id) REFERENCES accounts,
    FOREIGN KEY (org_id, template_id) REFERENCES templates,
    CHECK ((total IS NULL) = (started_at IS NULL)),
    CHECK (finished_at IS NULL OR status IN ('completed', 'cancelled'))
);

-- Striped, so that workers do not wait for each other; a reader sums.  Written
-- in the same transaction as the state it counts.
CREATE TABLE broadcast_counters (
    org_id      uuid NOT NULL,
    broadcast_id uuid NOT NULL,
    stripe      smallint NOT NULL,
    sent        int NOT NULL DEFAULT 0,
    delivered   int NOT NULL DEFAULT 0,
    read        int NOT NULL DEFAULT 0,
    replied     int NOT NULL DEFAULT 0,
    failed      int NOT NULL DEFAULT 0,
    skipped     int NOT NULL DEFAULT 0,
    unknown     int NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, broadcast_id, stripe)
) WITH (fillfactor = 50);

-- declared in order of rank: a status only ever rises
CREATE TYPE delivery_state AS ENUM (
    'queued', 'sending', 'unknown', 'accepted', 'sent', 'delivered', 'read',
    'played', 'skipped', 'failed');

-- Queue and ledger in one.  (batch_id, seq): the broadcast and the recipient's
-- number in its frozen audience from 1, or a single message's own id and 0.
-- Only the two keys are indexed, so that every change of state is a heap-only
-- update.
CREATE TABLE deliveries (
    org_id      uuid NOT NULL,
    batch_id    uuid NOT NULL,
    seq         int NOT NULL,
    contact_id  uuid NOT NULL,
    account_id  uuid NOT NULL,
    state       delivery_state NOT NULL DEFAULT 'queued',
    attempts    smallint NOT NULL DEFAULT 0,
    error_code  int,
    fence       bigint NOT NULL DEFAULT 0,
    message_id  uuid,
    provider_id text,
    reason      text,
    next_try_at timestamptz,
    sent_at     timestamptz,
    delivered_at timestamptz,
    read_at     timestamptz,
    replied_at  timestamptz,
    PRIMARY KEY (org_id, batch_id, seq)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX deliveries_contact
    ON deliveries (contact_id, batch_id, org_id);

-- After an audience was frozen: a plan that was made while the table was tiny
-- (a first test message, then a broadcast to 100,000 before autovacuum looks)
-- takes a batch for one row, and a settle of 300 took half a minute.  New
-- statistics end such plans.
CREATE FUNCTION herald_deliveries_grown(n bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    known real := (SELECT reltuples FROM pg_class
                    WHERE oid = 'deliveries'::regclass);
BEGIN
    IF known < 0 OR n > known / 2 THEN
        EXECUTE 'ANALYZE deliveries';
    END IF;
END $$;

-- Bodies and history, by month of the id's own time (UUIDv7).
CREATE TABLE messages (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    account_id  uuid NOT NULL,
    contact_id  uuid NOT NULL,
    direction   text NOT NULL CHECK (direction IN ('in', 'out')),
    type        text NOT NULL,
    text        text NOT NULL DEFAULT '',
    payload     jsonb,
    batch_id    uuid,
    seq         int,
    provider_id text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CHECK ((direction = 'out') = (batch_id IS NOT NULL))
) PARTITION BY RANGE (id);
CREATE INDEX messages_contact ON messages (contact_id, id, org_id);

CREATE TABLE messages_default PARTITION OF messages DEFAULT;

-- the smallest UUIDv7 of an instant
CREATE FUNCTION herald_uuid_at(t timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM t) * 1000)::bigint), 12, '0')
            || '00000000000000000000')::uuid
$$;

-- this month and the next `ahead`; run by `herald migrate` every time
CREATE FUNCTION herald_make_partitions(ahead int) RETURNS int
LANGUAGE plpgsql AS $$
DECLARE
    m timestamptz;
    made int := 0;
BEGIN
    FOR i IN 0..ahead LOOP
        m := date_trunc('month', now() AT TIME ZONE 'UTC')
                 AT TIME ZONE 'UTC' + make_interval(months => i);
        IF to_regclass('messages_' || to_char(m, 'YYYYMM')) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF messages '
                'FOR VALUES FROM (%L) TO (%L)',
                'messages_' || to_char(m, 'YYYYMM'), herald_uuid_at(m),
                herald_uuid_at(m + interval '1 month'));
            PERFORM herald_isolate('messages_' || to_char(m, 'YYYYMM'));
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;

-- the provider's id of every message, both ways: the UNIQUE that makes a
-- webhook delivered fifty times one row, and the way from a status to its
-- delivery
CREATE TABLE provider_messages (
    org_id      uuid NOT NULL,
    account_id  uuid NOT NULL,
    provider_id text COLLATE "C" NOT NULL,
    message_id  uuid NOT NULL,
    batch_id    uuid,
    seq         int,
    PRIMARY KEY (org_id, account_id, provider_id)
);

-- statuses that came before the row they speak of
CREATE TABLE parked_statuses (
    org_id      uuid NOT NULL,
    account_id  uuid NOT NULL,
    provider_id text COLLATE "C" NOT NULL,
    status      smallint NOT NULL,
    at          timestamptz NOT NULL,
    error_code  int,
    parked_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, account_id, provider_id, status)
);

CREATE TABLE conversations (
    org_id      uuid NOT NULL,
    account_id  uuid NOT NULL,
    contact_id  uuid NOT NULL,
    last_inbound_at timestamptz,
    last_message_at timestamptz NOT NULL,
    unread      int NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, account_id, contact_id)
);

-- webhook elements that we do not act on yet: kept, never dropped
CREATE TABLE webhook_events (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    account_id  uuid NOT NULL,
    field       text NOT NULL,
    payload     jsonb NOT NULL,
    body_hash   bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    CONSTRAINT webhook_events_body UNIQUE (body_hash, account_id, org_id)
);

CREATE TABLE idempotency_keys (
    org_id      uuid NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    status      int,
    body        text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at, org_id);

-- ── isolation and rights ────────────────────────────────────────────────────

SELECT herald_isolate(t) FROM unnest(ARRAY['orgs', 'users', 'sessions',
    'api_keys', 'contacts', 'addresses', 'contact_tags', 'contact_words',
    'imports', 'import_errors', 'accounts', 'leases', 'templates',
    'broadcasts', 'broadcast_counters', 'deliveries', 'messages',
    'messages_default', 'provider_messages', 'parked_statuses',
    'conversations', 'webhook_events', 'idempotency_keys']) t;

REVOKE ALL ON FUNCTION herald_deliveries_grown(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION herald_deliveries_grown(bigint) TO herald_app;
GRANT USAGE ON SCHEMA public TO herald_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public
    TO herald_app;
REVOKE ALL ON schema_migrations, messages_default FROM herald_app;
GRANT SELECT ON schema_migrations TO herald_app;
