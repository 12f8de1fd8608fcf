-- Pages are fetched lazily, and no more of them than the query needs.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo');
CREATE FUNCTION sent(provider text) RETURNS TABLE (n int, query jsonb, body jsonb, rows int) LANGUAGE sql AS $$
  SELECT n, nullif(query, '{}'), nullif(body, '{}') - 'filter_criteria', rows FROM sim.log(provider)
$$;

-- LIMIT 10 is one request for ten rows.
CALL sim.clear();
SELECT count(*) FROM (SELECT 1 FROM voicy.calls LIMIT 10) AS ten;
SELECT * FROM sent('voicy');
SELECT count(*) FROM (SELECT 1 FROM tryvox.calls LIMIT 10) AS ten;
SELECT * FROM sent('tryvox');
SELECT count(*) FROM (SELECT 1 FROM solomobile.calls LIMIT 10) AS ten;
SELECT * FROM sent('solomobile');
SELECT count(*) FROM (SELECT 1 FROM whippy.calls LIMIT 10) AS ten;
SELECT * FROM sent('whippy');
SELECT count(*) FROM (SELECT 1 FROM ringyo.calls LIMIT 10) AS ten;
SELECT * FROM sent('ringyo');

-- With OFFSET, with parameters, with an exact filter.
CALL sim.clear();
SELECT count(*) FROM (SELECT 1 FROM tryvox.calls WHERE status = 'completed' LIMIT 7 OFFSET 5) AS seven;
PREPARE few(int, int) AS SELECT 1 AS one FROM tryvox.calls LIMIT $1 OFFSET $2;
SET plan_cache_mode = force_generic_plan;
EXECUTE few(2, 1);
RESET plan_cache_mode;
SELECT * FROM sent('tryvox');
-- Not taken where the filter is not exact, where rows are sorted or counted
-- first, or where there is another table.
CALL sim.clear();
SELECT count(*) FROM (SELECT 1 FROM ringyo.calls WHERE started_at >= '2020-01-01' LIMIT 3) AS three;
SELECT count(*) FROM (SELECT 1 FROM ringyo.calls WHERE metadata IS NOT NULL LIMIT 3) AS three;
SELECT count(*) FROM (SELECT 1 FROM ringyo.calls ORDER BY ended_at LIMIT 1) AS one;
SELECT min(rows), max((query->>'limit')::int) FROM sent('ringyo') WHERE NOT query ? 'order';
-- FETCH, EXISTS: one page.
CALL sim.clear();
BEGIN;
DECLARE c CURSOR FOR SELECT 1 AS one FROM tryvox.calls;
FETCH 3 FROM c;
FETCH 3 FROM c;
CLOSE c;
COMMIT;
SELECT EXISTS (SELECT FROM tryvox.calls);
SELECT * FROM sent('tryvox');
-- The limit is a hint: where the provider ignores the filter, the scan goes on
-- with whole pages.
CALL sim.clear();
CALL sim.set('tryvox', 'filters', 'off');
SELECT count(*) FROM (SELECT 1 FROM tryvox.calls WHERE status = 'busy' LIMIT 3) AS three;
SELECT * FROM sent('tryvox') LIMIT 3;
CALL sim.set('tryvox', 'filters', 'on');

-- A whole log: its pages, each style in its way.
CALL sim.set('all', 'calls', '250');
ALTER SERVER voicy OPTIONS (ADD page_size '100');
ALTER SERVER whippy OPTIONS (ADD page_size '100');
CALL sim.clear();
SELECT count(*), count(DISTINCT call_id) FROM voicy.calls;
SELECT n, body->'limit' AS size, body ? 'pagination_key' AS key, rows FROM sent('voicy');
SELECT count(*), count(DISTINCT call_id) FROM tryvox.calls;
SELECT * FROM sent('tryvox');
SELECT count(*), count(DISTINCT call_id) FROM solomobile.calls;
SELECT * FROM sent('solomobile');
SELECT count(*), count(DISTINCT call_id) FROM whippy.calls;
SELECT * FROM sent('whippy');
SELECT count(*), count(DISTINCT call_id) FROM ringyo.calls;
SELECT n, query->'limit' AS size, query ? 'cursor' AS cursor, rows FROM sent('ringyo');

-- The end of a log whose replies do not tell it (Voicy): an empty page, or a
-- short page after a full one; a short first page is confirmed.
CALL sim.set('voicy', 'calls', '200');
CALL sim.clear();
SELECT count(*) FROM voicy.calls;
SELECT n, rows FROM sent('voicy');
CALL sim.set('voicy', 'calls', '30');
CALL sim.clear();
SELECT count(*) FROM voicy.calls;
SELECT n, rows FROM sent('voicy');
CALL sim.set('voicy', 'calls', '0');
CALL sim.clear();
SELECT count(*) FROM voicy.calls;
SELECT n, rows FROM sent('voicy');
-- ... also where it silently gives fewer rows than asked for, or begins a page
-- with the key itself.
CALL sim.set('voicy', 'calls', '95');
CALL sim.set('voicy', 'max_limit', '40');
CALL sim.clear();
SELECT count(*), count(DISTINCT call_id) FROM voicy.calls;
SELECT n, rows FROM sent('voicy');
CALL sim.set('voicy', 'pagination_key', 'inclusive');
CALL sim.clear();
SELECT count(*), count(DISTINCT call_id) FROM voicy.calls;
SELECT n, rows FROM sent('voicy');
CALL sim.set('voicy', 'max_limit', '0');
CALL sim.clear();
SELECT count(*), count(DISTINCT call_id) FROM voicy.calls;
SELECT n, rows FROM sent('voicy');

-- Calls that come and go between pages: those that were there throughout
-- arrive exactly once.
CREATE FUNCTION moving(provider text, VARIADIC words text[]) RETURNS TABLE (missing bigint, twice bigint) LANGUAGE plpgsql AS $$
BEGIN
  DROP TABLE IF EXISTS before, after, seen;
  PERFORM sim.get('/_sim/reset');
  PERFORM sim.get('/_sim/set?provider=' || provider || '&calls=450');
  EXECUTE format('CREATE TEMP TABLE before (LIKE %I.calls)', provider);
  CREATE TEMP TABLE after (LIKE before);
  PERFORM sim.load(provider, 'before');
  PERFORM sim.get('/_sim/change?provider=' || provider || sim.query(words));
  EXECUTE format('CREATE TEMP TABLE seen AS SELECT call_id FROM %I.calls', provider);
  PERFORM sim.load(provider, 'after');
  SELECT count(*) INTO missing FROM before JOIN after USING (call_id) WHERE call_id NOT IN (SELECT call_id FROM seen);
  SELECT count(*) - count(DISTINCT call_id) INTO twice FROM seen;
  RETURN NEXT;
END $$;
SET client_min_messages = warning;
SELECT provider, w, m.*
FROM unnest('{voicy,tryvox,solomobile,whippy,ringyo}'::text[]) AS provider,
     unnest(ARRAY['insert=7', 'delete=1', 'delete=30', 'delete=120', 'update=20']) AS w,
     moving(provider, 'after=2', w) AS m;
RESET client_min_messages;
-- Everything that was read is gone: no seam can be found.
CALL sim.reset();
CALL sim.set('solomobile', 'calls', '900');
CALL sim.change('solomobile', 'after=6', 'delete=560');
ALTER SERVER solomobile OPTIONS (ADD trust_total 'false');
SELECT count(*) FROM solomobile.calls; -- ERROR
