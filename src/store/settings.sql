-- name: zone_names
-- The whole small table, in the order of bytes: a worker keeps it.
SELECT name FROM time_zones ORDER BY name;
