-- One table for all providers: calls_fdw_create_calls makes it, partitioned by
-- source, and a query asks only the providers that can have an answer.
\i sql/_setup.sql
SET timezone = 'UTC';
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo');
CREATE SCHEMA reports;
SELECT calls_fdw_create_calls('reports', 'voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo');
\d reports.calls
\d reports.calls_voicy

-- The columns are those that IMPORT FOREIGN SCHEMA makes of "common".
CREATE SCHEMA imported;
IMPORT FOREIGN SCHEMA ringyo FROM SERVER ringyo INTO imported OPTIONS (columns 'common');
SELECT count(*) AS columns, bool_and(a.attname = b.attname AND a.atttypid = b.atttypid AND a.attnum = b.attnum) AS same
FROM (SELECT * FROM pg_attribute WHERE attrelid = 'reports.calls'::regclass AND attnum > 0) AS a
FULL JOIN (SELECT * FROM pg_attribute WHERE attrelid = 'imported.calls'::regclass AND attnum > 0) AS b USING (attnum);

-- The same rows as the tables have, each alone.
CREATE VIEW every AS
  SELECT source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration FROM voicy.calls
  UNION ALL SELECT source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration FROM tryvox.calls
  UNION ALL SELECT source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration FROM solomobile.calls
  UNION ALL SELECT source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration FROM whippy.calls
  UNION ALL SELECT source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration FROM ringyo.calls;
CREATE TABLE together AS SELECT * FROM reports.calls;
CREATE TABLE alone AS SELECT * FROM every;
SELECT source, count(*) FROM together GROUP BY source ORDER BY source;
SELECT count(*) AS differences FROM
  ((TABLE together EXCEPT ALL TABLE alone) UNION ALL (TABLE alone EXCEPT ALL TABLE together)) AS d;
SELECT count(*) AS differences FROM
  ((SELECT * FROM reports.calls WHERE status = 'busy' AND started_at >= '2026-06-01'
    EXCEPT ALL SELECT * FROM together WHERE status = 'busy' AND started_at >= '2026-06-01')
   UNION ALL
   (SELECT * FROM together WHERE status = 'busy' AND started_at >= '2026-06-01'
    EXCEPT ALL SELECT * FROM reports.calls WHERE status = 'busy' AND started_at >= '2026-06-01')) AS d;

-- Who is asked?  Requests per provider since the last look.
CREATE FUNCTION asked() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  SELECT string_agg(p, ' ' ORDER BY p) INTO answer
  FROM unnest('{voicy,tryvox,solomobile,whippy,ringyo}'::text[]) AS p WHERE sim.requests(p) > 0;
  CALL sim.clear();
  RETURN answer;
END $$;
SELECT asked();
-- Pruned by the planner.
EXPLAIN (COSTS OFF) SELECT * FROM reports.calls WHERE source = 'ringyo' AND status = 'busy';
SELECT count(*) > 0 AS some FROM reports.calls WHERE source = 'ringyo' AND status = 'busy';
SELECT asked();
SELECT count(*) > 0 AS some FROM reports.calls WHERE source IN ('ringyo', 'tryvox') AND status = 'busy';
SELECT asked();
-- Pruned by the executor.
SET plan_cache_mode = force_generic_plan;
PREPARE of_source(text) AS SELECT count(*) > 0 AS some FROM reports.calls WHERE source = $1 AND status = 'busy';
EXECUTE of_source('voicy');
SELECT asked();
EXECUTE of_source('whippy');
SELECT asked();
EXECUTE of_source('nobody');
SELECT asked();
RESET plan_cache_mode;
-- provider is no partition key, but constant per server: no request either.
SELECT count(*) > 0 AS some FROM reports.calls WHERE provider = 'solomobile' AND status = 'busy';
SELECT asked();
SELECT count(*) > 0 AS some FROM reports.calls WHERE provider IN ('solomobile', 'voicy') AND status = 'busy';
SELECT asked();
SELECT count(*) FROM reports.calls WHERE provider = 'nobody';
SELECT asked();
-- Nor does a column cost one that the provider does not report.
SELECT count(*) FROM reports.calls WHERE agent_id = 'x' AND source IN ('tryvox', 'ringyo');
SELECT asked();

-- Two accounts of one provider are two partitions, with names that need quotes.
CREATE SERVER "Voicy: Süd" FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'voicy', base_url :'sim_url', source 'it''s "south"');
CREATE USER MAPPING FOR CURRENT_USER SERVER "Voicy: Süd" OPTIONS (api_key 'voicy_sk_test');
CREATE SCHEMA "two accounts";
SELECT calls_fdw_create_calls('two accounts', 'voicy', 'Voicy: Süd');
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = '"two accounts".calls'::regclass ORDER BY 1;
SELECT source, provider, count(*), count(DISTINCT call_id) FROM "two accounts".calls GROUP BY source, provider ORDER BY source;
SELECT count(DISTINCT (source, call_id)) FROM "two accounts".calls;

-- Servers as an array, and another one later.
DROP TABLE "two accounts".calls;
SELECT calls_fdw_create_calls('two accounts', VARIADIC ARRAY['voicy', 'ringyo']::name[]);
CREATE FOREIGN TABLE "two accounts".calls_tryvox PARTITION OF "two accounts".calls FOR VALUES IN ('tryvox') SERVER tryvox;
SELECT source, count(*) FROM "two accounts".calls GROUP BY source ORDER BY source;

-- Servers whose names differ in the last letter, the longest that there are; and
-- no notice where partitions are counted one by one.
CREATE SCHEMA long;
SELECT format('CREATE SERVER %I FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider %L)', repeat('ü', 31) || n, 'ringyo') FROM generate_series(1, 2) AS n
\gexec
SET enable_partitionwise_aggregate = on;
SELECT calls_fdw_create_calls('long', repeat('ü', 31) || 1, repeat('ü', 31) || 2);
RESET enable_partitionwise_aggregate;
DROP TABLE long.calls;
SELECT calls_fdw_create_calls('long', 'voicy', repeat('ü', 31) || 2);
SELECT relname FROM pg_class WHERE relnamespace = 'long'::regnamespace ORDER BY 1;

-- Mistakes; nothing is left behind.
CREATE SCHEMA empty;
CREATE SERVER same FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', source 'voicy');
CREATE FOREIGN DATA WRAPPER other;
CREATE SERVER foreigner FOREIGN DATA WRAPPER other;
SELECT code, message, hint
FROM unnest(ARRAY[
  $$SELECT calls_fdw_create_calls('reports', 'voicy')$$,
  $$SELECT calls_fdw_create_calls('nowhere', 'voicy')$$,
  $$SELECT calls_fdw_create_calls('empty', 'nobody')$$,
  $$SELECT calls_fdw_create_calls('empty', 'voicy', 'foreigner')$$,
  $$SELECT calls_fdw_create_calls('empty', 'voicy', 'tryvox', 'same')$$,
  $$SELECT calls_fdw_create_calls('empty', 'voicy', 'voicy')$$,
  $$SELECT calls_fdw_create_calls('empty', VARIADIC '{}')$$,
  $$SELECT calls_fdw_create_calls('empty', VARIADIC NULL)$$,
  $$SELECT calls_fdw_create_calls('empty', 'voicy', NULL)$$,
  $$SELECT calls_fdw_create_calls(NULL, 'voicy')$$]) AS command, sim.try(command);
SELECT count(*) AS tables FROM pg_class WHERE relnamespace = 'empty'::regnamespace;

-- It runs with the caller's rights.
CREATE ROLE calls_fdw_joe;
SET ROLE calls_fdw_joe;
SELECT code, message, hint FROM sim.try($$SELECT calls_fdw_create_calls('empty', 'voicy')$$);
RESET ROLE;
GRANT ALL ON SCHEMA empty TO calls_fdw_joe;
SET ROLE calls_fdw_joe;
SELECT code, message, hint FROM sim.try($$SELECT calls_fdw_create_calls('empty', 'voicy')$$);
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER voicy TO calls_fdw_joe;
SET ROLE calls_fdw_joe;
SET search_path = pg_temp, public;
CREATE TYPE pg_temp.text AS (mistaken int);
SELECT calls_fdw_create_calls('empty', 'voicy');
RESET search_path;
RESET ROLE;
SELECT count(*) AS tables, bool_and(relowner = 'calls_fdw_joe'::regrole) AS his FROM pg_class
WHERE relnamespace = 'empty'::regnamespace AND relkind IN ('p', 'f');
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'empty.calls'::regclass AND attname = 'source';
DROP OWNED BY calls_fdw_joe;
DROP ROLE calls_fdw_joe;
DROP FOREIGN DATA WRAPPER other CASCADE;
