-- name: zone_names
-- The whole small table, in the order of bytes: a worker keeps it.
SELECT name FROM time_zones ORDER BY name;

-- name: settings_get
-- The organisation's only row.  Money in millionths; what was spent is summed
-- over the limit's own period, over the month when there is no limit.  The
-- last column tells one version from another.
SELECT name, time_zone,
       CASE WHEN quiet_from IS NOT NULL THEN json_build_object(
            'from', left(quiet_from::text, 5), 'to', left(quiet_to::text, 5))
       END,
       CASE WHEN frequency_cap IS NOT NULL THEN json_build_object(
            'messages', frequency_cap, 'days', frequency_days) END,
       CASE WHEN spend_limit IS NOT NULL THEN json_build_object(
            'amount', trim_scale(spend_limit / 1000000.0)::text,
            'period', spend_period) END,
       json_build_object(
            'amount', trim_scale(coalesce((
                SELECT sum(s.amount) FROM spend_days s
                 WHERE s.day >= p.since), 0) / 1000000.0)::text,
            'period', coalesce(spend_period, 'month'),
            'since', p.since::text),
       $1::text,
       CASE WHEN num_nonnulls(brand_name, brand_accent, brand_logo) > 0
            THEN json_build_object('name', brand_name,
                'accent', brand_accent, 'logo_id', brand_logo) END,
       md5(ROW(name, time_zone, quiet_from, quiet_to, frequency_cap,
               frequency_days, spend_limit, spend_period, brand_name,
               brand_accent, brand_logo)::text)
  FROM orgs CROSS JOIN LATERAL (
        SELECT date_trunc(coalesce(spend_period, 'month'),
                          now() AT TIME ZONE 'UTC')::date) p (since);

-- name: settings_update
-- $1 holds only the members to change, so absent and null differ; $2 is the
-- version that was read.  False: it is another by now, and nothing is done.
WITH o AS (
    SELECT org_id, $2::text IS NULL OR $2::text = md5(
               ROW(name, time_zone, quiet_from, quiet_to, frequency_cap,
                   frequency_days, spend_limit, spend_period, brand_name,
                   brand_accent, brand_logo)::text) AS same
      FROM orgs FOR UPDATE),
u AS (
    UPDATE orgs x SET
        name = coalesce($1::jsonb ->> 'name', x.name),
        time_zone = coalesce($1::jsonb ->> 'time_zone', x.time_zone),
        quiet_from = CASE WHEN $1::jsonb ? 'quiet_hours'
            THEN ($1::jsonb #>> '{quiet_hours,from}')::time
            ELSE x.quiet_from END,
        quiet_to = CASE WHEN $1::jsonb ? 'quiet_hours'
            THEN ($1::jsonb #>> '{quiet_hours,to}')::time
            ELSE x.quiet_to END,
        frequency_cap = CASE WHEN $1::jsonb ? 'frequency_cap'
            THEN ($1::jsonb #>> '{frequency_cap,messages}')::int
            ELSE x.frequency_cap END,
        frequency_days = CASE WHEN $1::jsonb ? 'frequency_cap'
            THEN ($1::jsonb #>> '{frequency_cap,days}')::int
            ELSE x.frequency_days END,
        spend_limit = CASE WHEN $1::jsonb ? 'spend_limit'
            THEN (($1::jsonb #>> '{spend_limit,amount}')::numeric
                  * 1000000)::bigint
            ELSE x.spend_limit END,
        spend_period = CASE WHEN $1::jsonb ? 'spend_limit'
            THEN $1::jsonb #>> '{spend_limit,period}'
            ELSE x.spend_period END,
        brand_name = CASE WHEN $1::jsonb ? 'brand'
            THEN $1::jsonb #>> '{brand,name}' ELSE x.brand_name END,
        brand_accent = CASE WHEN $1::jsonb ? 'brand'
            THEN lower($1::jsonb #>> '{brand,accent}')
            ELSE x.brand_accent END,
        brand_logo = CASE WHEN $1::jsonb ? 'brand'
            THEN ($1::jsonb #>> '{brand,logo_id}')::uuid
            ELSE x.brand_logo END
      FROM o WHERE x.org_id = o.org_id AND o.same)
SELECT same FROM o;
