-- The sending engine, whole: limits, gates, stages, the story of each person.

-- ── time zones and countries ────────────────────────────────────────────────

-- The zones that this PostgreSQL knows; a zone of ours is always one of them,
-- for AT TIME ZONE fails on any other and would take its whole statement with
-- it.  `herald migrate` adds new ones each time it runs.
CREATE TABLE time_zones (
    name        text COLLATE "C" PRIMARY KEY
);

CREATE FUNCTION herald_fill_time_zones() RETURNS void LANGUAGE sql AS $$
    INSERT INTO time_zones SELECT name FROM pg_timezone_names
     WHERE name !~ '^(posix|right)/' AND name <> 'localtime'
        ON CONFLICT DO NOTHING
$$;
SELECT herald_fill_time_zones();

-- the longest prefix of a phone's digits says its country and usual zone
CREATE TABLE dial_codes (
    prefix      text COLLATE "C" PRIMARY KEY CHECK (prefix ~ '^[0-9]{1,7}$'),
    country     text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    zone        text NOT NULL REFERENCES time_zones
);

CREATE FUNCTION herald_dial(phone text, OUT country text, OUT zone text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT d.country, d.zone FROM dial_codes d
     WHERE d.prefix = ANY (ARRAY[substr(phone, 2, 1), substr(phone, 2, 2),
           substr(phone, 2, 3), substr(phone, 2, 4), substr(phone, 2, 5),
           substr(phone, 2, 6), substr(phone, 2, 7)])
     ORDER BY length(d.prefix) DESC LIMIT 1
$$;

-- time_zone is what people set; country and phone_zone follow the phone
ALTER TABLE contacts
    ADD COLUMN time_zone text REFERENCES time_zones,
    ADD COLUMN country text,
    ADD COLUMN phone_zone text;

-- Look-ups one by one, the longest first: an import pays this for each row;
-- herald_dial() costs three times as much and wants statistics.
CREATE FUNCTION herald_contact_place() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.country := NULL;
    NEW.phone_zone := NULL;
    IF NEW.phone IS NOT NULL THEN
        FOR n IN REVERSE 7..1 LOOP
            SELECT d.country, d.zone INTO NEW.country, NEW.phone_zone
              FROM dial_codes d WHERE d.prefix = substr(NEW.phone, 2, n);
            EXIT WHEN FOUND;
        END LOOP;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER contacts_place BEFORE INSERT OR UPDATE OF phone ON contacts
    FOR EACH ROW EXECUTE FUNCTION herald_contact_place();

-- The end of the quiet time that `at` falls into, NULL outside of it.  From
-- 21:00 to 08:00 goes over midnight; both the same is none.
CREATE FUNCTION herald_quiet_until(quiet_from time, quiet_to time, zone text,
                                   at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN quiet_from IS NULL OR quiet_from = quiet_to THEN NULL
        WHEN quiet_from < quiet_to THEN CASE
            WHEN l::time >= quiet_from AND l::time < quiet_to
            THEN (l::date + quiet_to) AT TIME ZONE zone END
        WHEN l::time < quiet_to
            THEN (l::date + quiet_to) AT TIME ZONE zone
        WHEN l::time >= quiet_from
            THEN (l::date + 1 + quiet_to) AT TIME ZONE zone
        END
      FROM (SELECT at AT TIME ZONE zone) x (l)
$$;

-- the first time after `at` that the clock of a zone shows `local`
CREATE FUNCTION herald_next_local(local time, zone text, at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN (d + local) AT TIME ZONE zone >= at
                THEN (d + local) AT TIME ZONE zone
                ELSE (d + 1 + local) AT TIME ZONE zone END
      FROM (SELECT (at AT TIME ZONE zone)::date) x (d)
$$;

-- ── limits of the organisation ──────────────────────────────────────────────

-- not forced until it has its foreign key: an owner who is no superuser would
-- see no row, neither to change nor to check
ALTER TABLE orgs NO FORCE ROW LEVEL SECURITY;
UPDATE orgs SET time_zone = 'UTC'
 WHERE time_zone NOT IN (SELECT name FROM time_zones);

-- money is in millionths of the price table's currency
ALTER TABLE orgs
    ADD COLUMN quiet_from time,
    ADD COLUMN quiet_to time,
    ADD COLUMN frequency_cap int CHECK (frequency_cap > 0),
    ADD COLUMN frequency_days int CHECK (frequency_days BETWEEN 1 AND 30),
    ADD COLUMN spend_limit bigint CHECK (spend_limit >= 0),
    ADD COLUMN spend_period text CHECK (spend_period IN ('day', 'month')),
    ADD FOREIGN KEY (time_zone) REFERENCES time_zones,
    ADD CHECK ((quiet_from IS NULL) = (quiet_to IS NULL)),
    ADD CHECK ((frequency_cap IS NULL) = (frequency_days IS NULL)),
    ADD CHECK ((spend_limit IS NULL) = (spend_period IS NULL));
ALTER TABLE orgs FORCE ROW LEVEL SECURITY;

-- What was given out on each day (UTC), striped as the counters are.
CREATE TABLE spend_days (
    org_id      uuid NOT NULL,
    day         date NOT NULL,
    stripe      smallint NOT NULL,
    amount      bigint NOT NULL,
    PRIMARY KEY (org_id, day, stripe)
) WITH (fillfactor = 50);

-- A keyed hash of the phone, so that it survives erasure and is found again at
-- the next import, and says nothing to who steals the table.
CREATE TABLE suppressions (
    org_id      uuid NOT NULL,
    hash        bytea NOT NULL CHECK (length(hash) = 32),
    hint        text NOT NULL,
    reason      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, hash)
);

-- marketing that a person stopped for one of the numbers
CREATE TABLE opt_outs (
    org_id      uuid NOT NULL,
    contact_id  uuid NOT NULL,
    account_id  uuid NOT NULL,
    source      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, contact_id, account_id),
    FOREIGN KEY (org_id, contact_id) REFERENCES contacts ON DELETE CASCADE
);

-- ── limits of a number ──────────────────────────────────────────────────────

-- gap_…, daily_cap, warmup_…, hours_… are the human profile of a QR number.
-- unknown_policy says, by category, what becomes of an attempt whose outcome
-- could not be learnt.
ALTER TABLE accounts
    ADD COLUMN status_reason text,
    ADD COLUMN status_code int,
    ADD COLUMN status_at timestamptz,
    ADD COLUMN quality text NOT NULL DEFAULT 'UNKNOWN',
    ADD COLUMN portfolio_id text NOT NULL DEFAULT '',
    ADD COLUMN pair_limit boolean NOT NULL DEFAULT true,
    ADD COLUMN count_inbound boolean NOT NULL DEFAULT true,
    ADD COLUMN gap_min_ms int CHECK (gap_min_ms BETWEEN 0 AND 3600000),
    ADD COLUMN gap_max_ms int CHECK (gap_max_ms BETWEEN 0 AND 3600000),
    ADD COLUMN daily_cap int CHECK (daily_cap > 0),
    ADD COLUMN warmup_from date,
    ADD COLUMN warmup_first int CHECK (warmup_first > 0),
    ADD COLUMN warmup_growth int CHECK (warmup_growth BETWEEN 1 AND 1000),
    ADD COLUMN hours_from time,
    ADD COLUMN hours_to time,
    ADD COLUMN hours_zone text REFERENCES time_zones,
    ADD COLUMN unknown_policy jsonb NOT NULL DEFAULT
        '{"marketing": "hold", "utility": "hold", "service": "hold",
          "authentication": "retry"}',
    ADD CHECK ((gap_min_ms IS NULL) = (gap_max_ms IS NULL)),
    ADD CHECK (gap_min_ms <= gap_max_ms),
    ADD CHECK ((hours_from IS NULL) = (hours_to IS NULL)),
    ADD CHECK ((warmup_from IS NULL) = (warmup_first IS NULL)),
    ADD CHECK (status IN ('connected', 'paused', 'disconnected'));

-- Messages that a number may send today (its zone's day): NULL is no cap.
-- Warm-up begins with warmup_first and grows by warmup_growth per cent a day.
CREATE FUNCTION herald_daily_cap(cap int, since date, first int, growth int,
                                 day date)
RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT least(cap, CASE WHEN since IS NOT NULL AND day >= since
        THEN least(1000000, first * (1 + coalesce(growth, 20) / 100.0)
                   ^ least(day - since, 100))::int END)
$$;

CREATE TABLE account_days (
    org_id      uuid NOT NULL,
    account_id  uuid NOT NULL,
    day         date NOT NULL,
    sent        int NOT NULL,
    PRIMARY KEY (org_id, account_id, day)
) WITH (fillfactor = 50);

-- Meta counts the different people that a business writes to first, in any 24
-- hours, over all numbers of its portfolio.  NULL is no limit.
CREATE TABLE portfolios (
    org_id      uuid NOT NULL,
    id          text NOT NULL,
    daily_limit int CHECK (daily_limit >= 0),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id)
);

CREATE TABLE portfolio_users (
    org_id      uuid NOT NULL,
    portfolio_id text NOT NULL,
    contact_id  uuid NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (org_id, portfolio_id, contact_id)
) WITH (fillfactor = 70);
CREATE INDEX portfolio_users_last
    ON portfolio_users (portfolio_id, last_at, org_id);

ALTER TABLE templates
    ADD COLUMN status_reason text,
    ADD COLUMN paused_until timestamptz,
    ADD COLUMN quality text NOT NULL DEFAULT 'UNKNOWN';

-- ── broadcasts ──────────────────────────────────────────────────────────────

-- variants: [{template_id, variables, weight}], the first is the broadcast's
-- own template; assignment is a hash of broadcast and contact.  test: {percent,
-- wait_s, metric, min_sample}: who gets it first and how the winner is chosen.
-- ramp: [{percent|count, wait_s}].  guard: {failure_rate, opt_out_rate, min}.
-- rate_limit: messages a minute, 0 for none of its own.
ALTER TABLE broadcasts
    ADD COLUMN pause_reason text,
    ADD COLUMN pause_detail text,
    ADD COLUMN rate_limit int NOT NULL DEFAULT 0 CHECK (rate_limit >= 0),
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN local_time time,
    ADD COLUMN variants jsonb,
    ADD COLUMN test jsonb,
    ADD COLUMN winner smallint,
    ADD COLUMN test_result jsonb,
    ADD COLUMN holdout int NOT NULL DEFAULT 0
        CHECK (holdout BETWEEN 0 AND 50),
    ADD COLUMN ramp jsonb,
    ADD COLUMN guard jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN resent int NOT NULL DEFAULT 0,
    DROP CONSTRAINT broadcasts_status_check,
    ADD CONSTRAINT broadcasts_status_check CHECK (status IN
        ('draft', 'scheduled', 'sending', 'paused', 'cancelled',
         'completed'));

ALTER TABLE broadcast_counters
    ADD COLUMN opted_out int NOT NULL DEFAULT 0;

-- How far a broadcast may go, step by step: to_seq is the last recipient of
-- the stage.  A stage opens at opens_at (a wave of local time), or when the one
-- before it was judged wait_s after all of it had gone (canary, ramp, test).
CREATE TABLE broadcast_stages (
    org_id      uuid NOT NULL,
    broadcast_id uuid NOT NULL,
    n           smallint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('ramp', 'test', 'wave', 'all')),
    to_seq      int NOT NULL,
    opens_at    timestamptz,
    wait_s      int NOT NULL DEFAULT 0,
    opened_at   timestamptz,
    sent_at     timestamptz,
    judged_at   timestamptz,
    verdict     text,
    PRIMARY KEY (org_id, broadcast_id, n)
);

-- ── the ledger ──────────────────────────────────────────────────────────────

-- category: m(arketing), u(tility), a(uthentication), s(ervice: free form).
-- claimed_at: when the last attempt was committed.  cost: what it is expected
-- to cost, counted in spend_days; both are set with the attempt.
ALTER TABLE deliveries
    ADD COLUMN variant smallint NOT NULL DEFAULT 0,
    ADD COLUMN category "char",
    ADD COLUMN claimed_at timestamptz,
    ADD COLUMN accepted_at timestamptz,
    ADD COLUMN cost int;

-- When an attempt whose outcome could not be learnt may be made again: NULL is
-- never, it is held.  Half a minute is for the status that may settle it.
CREATE FUNCTION herald_unknown_retry(account uuid, category "char")
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT now() + interval '30 seconds' FROM accounts
     WHERE id = account AND unknown_policy ->> CASE category
               WHEN 'm' THEN 'marketing' WHEN 'u' THEN 'utility'
               WHEN 'a' THEN 'authentication' ELSE 'service' END = 'retry'
$$;

-- What did not go straight: held back, refused, tried again, unknown.  The
-- straight way is told by the delivery itself, so it costs no row here.
CREATE TABLE delivery_events (
    org_id      uuid NOT NULL,
    batch_id    uuid NOT NULL,
    seq         int NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    event       text NOT NULL CHECK (event IN ('deferred', 'skipped',
                    'rejected', 'unknown', 'returned', 'status', 'resend',
                    'fallback')),
    attempt     smallint,
    code        int,
    reason      text,
    detail      text,
    next_try_at timestamptz
);
CREATE INDEX delivery_events_row ON delivery_events (batch_id, seq, at,
                                                     org_id);

-- ── the epoch ───────────────────────────────────────────────────────────────

-- One row.  Every start of a helper raises it and writes it down beside its
-- own files; a database that is behind what was written down, or is not the
-- one it was (system_id), was restored from a copy: nothing is sent until
-- somebody says so (`herald resume`).
CREATE TABLE epoch (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch       bigint NOT NULL DEFAULT 0,
    system_id   text NOT NULL DEFAULT '',
    held        boolean NOT NULL DEFAULT false,
    held_reason text,
    changed_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO epoch DEFAULT VALUES;

ALTER TABLE agenda
    DROP CONSTRAINT agenda_kind_check,
    ADD CONSTRAINT agenda_kind_check CHECK (kind IN ('broadcast', 'message',
        'stage', 'expiry', 'journey', 'deletion', 'webhook'));

-- ── isolation and rights ────────────────────────────────────────────────────

SELECT herald_isolate(t) FROM unnest(ARRAY['spend_days', 'suppressions',
    'opt_outs', 'account_days', 'portfolios', 'portfolio_users',
    'broadcast_stages', 'delivery_events']) t;

GRANT SELECT, INSERT, UPDATE, DELETE ON spend_days, suppressions, opt_outs,
    account_days, portfolios, portfolio_users, broadcast_stages,
    delivery_events TO herald_app;
GRANT SELECT ON time_zones, dial_codes TO herald_app;
GRANT SELECT, UPDATE ON epoch TO herald_app;
