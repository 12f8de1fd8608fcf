-- Long lists read at several places at once: however a scan ends, and whatever
-- happens in the middle, no memory is touched that should not be.
-- (test/t/085_concurrency.pl has the variants of the providers.)
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'ringyo', 'acme');
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA local;
DO $$
DECLARE
  provider text;
BEGIN
  FOREACH provider IN ARRAY '{voicy,tryvox,ringyo,acme}'::text[] LOOP
    EXECUTE format('ALTER SERVER %I OPTIONS (ADD page_size ''10'', ADD max_connections ''8'', ADD trust_total ''false'')', provider);
    EXECUTE format('CREATE TABLE local.%I (LIKE %I.calls)', provider, provider);
    PERFORM sim.load(provider, format('local.%I', provider));
  END LOOP;
END $$;
-- Compares a statement over {} with the same over a local copy. Windows are
-- where requests began at more than four places.
CREATE FUNCTION compare(statement text, provider text) RETURNS TABLE (same bool, some_rows bool, windows bool) LANGUAGE plpgsql AS $$
DECLARE
  a text;
  b text;
BEGIN
  PERFORM sim.get('/_sim/clear');
  EXECUTE format('SELECT md5(array_agg(q::text ORDER BY n)::text) FROM (SELECT *, row_number() OVER () AS n FROM (%s) AS q) AS q', replace(statement, '{}', provider || '.calls')) INTO a;
  EXECUTE format('SELECT md5(array_agg(q::text ORDER BY n)::text) FROM (SELECT *, row_number() OVER () AS n FROM (%s) AS q) AS q', replace(statement, '{}', 'local.' || provider)) INTO b;
  same := a = b;
  some_rows := a IS NOT NULL;
  SELECT count(DISTINCT jsonb_path_query_array(coalesce(body, query), '$.**.start_timestamp')
                        || jsonb_build_array(query->'from_date', query->'to_date', query->'since', query->'until')) > 4
  INTO windows FROM sim.log(provider);
  RETURN NEXT;
END $$;
\pset format unaligned
\set SHOW_CONTEXT never
\pset footer off

-- Whole lists, in the provider's order and sorted, with all columns.
SELECT p, q, c.* FROM unnest('{voicy,ringyo,acme}'::text[]) AS p, unnest(ARRAY[
  'SELECT * FROM {} ORDER BY call_id',
  'SELECT started_at, agent_id FROM {} ORDER BY started_at, call_id',
  'SELECT started_at, raw FROM {} ORDER BY started_at DESC, call_id',
  'SELECT status, direction, count(*) FROM {} GROUP BY status, direction ORDER BY status, direction',
  'SELECT count(*), min(duration), max(to_number) FROM {} WHERE started_at BETWEEN ''2026-01-10'' AND ''2026-10-01''']) WITH ORDINALITY AS q (q, n),
  compare(q, p) AS c ORDER BY p, n;
-- Several streams, each in windows, merged by their order or one after the other.
SELECT * FROM compare('SELECT call_id FROM {} WHERE status IN (''completed'', ''busy'', ''no_answer'') ORDER BY call_id', 'ringyo');
SELECT * FROM compare('SELECT call_id, started_at FROM {} WHERE status IN (''completed'', ''busy'') ORDER BY started_at DESC, call_id', 'ringyo');
SELECT same, some_rows FROM compare('SELECT call_id FROM {} WHERE status IN (''completed'', ''busy'') ORDER BY call_id', 'tryvox');

-- A scan that ends early, or begins anew, with requests under way.
CALL sim.set('all', 'latency', '3');
BEGIN;
DECLARE half CURSOR FOR SELECT call_id, raw FROM voicy.calls;
MOVE 400 IN half;
CLOSE half;
DECLARE half SCROLL CURSOR WITH HOLD FOR SELECT call_id, raw FROM ringyo.calls;
MOVE 400 IN half;
COMMIT;
MOVE BACKWARD ALL IN half;
MOVE ALL IN half;
CLOSE half;
SELECT n, (SELECT count(*) FROM (SELECT FROM voicy.calls WHERE length(agent_id) > n LIMIT 300 * n) AS few) FROM generate_series(1, 3) AS n;

-- One request that fails for good fails the scan, caught or not.
CALL sim.fault('ringyo', 'status', 'code=400', 'message=not this one', 'after=30');
SELECT count(raw) FROM ringyo.calls; -- ERROR
DO $$
BEGIN
  FOR i IN 1 .. 3 LOOP
    BEGIN
      CALL sim.fault('voicy', CASE i WHEN 1 THEN 'truncate' WHEN 2 THEN 'deep' ELSE 'status' END, 'code=404', 'after=30');
      PERFORM count(raw) FROM voicy.calls;
      RAISE WARNING 'it did not fail';
    EXCEPTION WHEN OTHERS THEN
      PERFORM count(*) FROM ringyo.calls LIMIT 1;
    END;
  END LOOP;
END $$;
CALL sim.reset();
-- A failure that passes does not.
CALL sim.fault('ringyo', 'status', 'code=503', 'retry_after=0', 'after=20', 'count=3');
SELECT * FROM compare('SELECT call_id FROM {} ORDER BY call_id', 'ringyo');
-- A cancel in the middle.
CALL sim.set('all', 'latency', '50');
SET statement_timeout = '400ms';
SELECT count(raw) FROM voicy.calls; -- ERROR
RESET statement_timeout;
CALL sim.set('all', 'latency', '0');

-- Several servers under one Append.
SET enable_partitionwise_aggregate = on;
SELECT calls_fdw_create_calls('local', 'tryvox', 'ringyo', 'acme');
SELECT (SELECT md5(string_agg(a::text, '' ORDER BY a::text COLLATE "C")) FROM local.calls AS a) =
  (SELECT md5(string_agg(a::text, '' ORDER BY a::text COLLATE "C")) FROM
    (SELECT source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration FROM local.tryvox UNION ALL
     SELECT source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration FROM local.ringyo UNION ALL
     SELECT source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration FROM local.acme) AS a) AS same;
SELECT source, count(*) FROM local.calls GROUP BY source ORDER BY source;
CALL sim.fault('acme', 'status', 'code=400', 'message=not this one', 'after=20');
SELECT count(duration) FROM local.calls; -- ERROR

-- Details of many calls at once.
SELECT count(*) FROM ringyo.call_details WHERE call_id = ANY (ARRAY(SELECT call_id FROM local.ringyo ORDER BY call_id LIMIT 60));
SELECT count(*) FROM (SELECT FROM ringyo.call_details WHERE call_id = ANY (ARRAY(SELECT call_id FROM local.ringyo ORDER BY call_id LIMIT 60)) LIMIT 20) AS few;
CALL sim.fault('ringyo', 'status', 'code=400', 'message=not this one', 'after=20');
SELECT count(*) FROM ringyo.call_details WHERE call_id = ANY (ARRAY(SELECT call_id FROM local.ringyo ORDER BY call_id LIMIT 60)); -- ERROR
SELECT sim.get('/_sim/stats') ~ 'undocumented 0' AS documented;
