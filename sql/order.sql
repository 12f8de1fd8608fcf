-- ORDER BY started_at, min and max where the provider orders; and bounds that
-- end a scan early where it has no filter for dates.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo', 'acme');
CALL sim.set('all', 'calls', '20000');
SET timezone = 'UTC';
CREATE FUNCTION sent(provider text) RETURNS TABLE (requests bigint, rows bigint, first_request text) LANGUAGE sql AS $$
  SELECT count(*), sum(rows), (array_agg(coalesce(nullif(body, '{}'), query)::text ORDER BY n))[1] FROM sim.log(provider)
$$;
CREATE TABLE local_voicy (LIKE voicy.calls);
CREATE TABLE local_tryvox (LIKE tryvox.calls);
CREATE TABLE local_ringyo (LIKE ringyo.calls);
SELECT sim.load('voicy', 'local_voicy'), sim.load('tryvox', 'local_tryvox'), sim.load('ringyo', 'local_ringyo');

-- One request for the newest five, or the oldest.
EXPLAIN (VERBOSE, COSTS OFF) SELECT started_at FROM voicy.calls ORDER BY started_at DESC LIMIT 5;
EXPLAIN (VERBOSE, COSTS OFF) SELECT started_at FROM ringyo.calls ORDER BY started_at LIMIT 5;
CALL sim.clear();
SELECT (SELECT array_agg(started_at) FROM (SELECT started_at FROM voicy.calls ORDER BY started_at DESC LIMIT 5) f)
     = (SELECT array_agg(started_at) FROM (SELECT started_at FROM local_voicy ORDER BY started_at DESC LIMIT 5) l) AS same;
SELECT * FROM sent('voicy');
CALL sim.clear();
SELECT (SELECT array_agg(started_at) FROM (SELECT started_at FROM voicy.calls ORDER BY started_at LIMIT 5 OFFSET 3) f)
     = (SELECT array_agg(started_at) FROM (SELECT started_at FROM local_voicy ORDER BY started_at LIMIT 5 OFFSET 3) l) AS same;
SELECT * FROM sent('voicy');
SELECT (SELECT array_agg(started_at) FROM (SELECT started_at FROM ringyo.calls WHERE status = 'busy' ORDER BY started_at LIMIT 5) f)
     = (SELECT array_agg(started_at) FROM (SELECT started_at FROM local_ringyo WHERE status = 'busy' ORDER BY started_at LIMIT 5) l) AS same;
SELECT * FROM sent('ringyo');
SELECT (SELECT array_agg(started_at) FROM (SELECT started_at FROM tryvox.calls ORDER BY started_at DESC LIMIT 5) f)
     = (SELECT array_agg(started_at) FROM (SELECT started_at FROM local_tryvox ORDER BY started_at DESC LIMIT 5) l) AS same;
SELECT * FROM sent('tryvox');
-- TryVox cannot turn its order round, Solo Mobile and Whippy document none.
EXPLAIN (VERBOSE, COSTS OFF) SELECT started_at FROM tryvox.calls ORDER BY started_at;
EXPLAIN (VERBOSE, COSTS OFF) SELECT started_at FROM whippy.calls ORDER BY started_at DESC LIMIT 5;
-- A further key is sorted within.
EXPLAIN (VERBOSE, COSTS OFF) SELECT started_at, call_id FROM ringyo.calls ORDER BY started_at DESC, call_id LIMIT 5;
-- min and max.
CALL sim.clear();
SELECT min(started_at) = (SELECT min(started_at) FROM local_voicy) AS min, max(started_at) = (SELECT max(started_at) FROM local_voicy) AS max FROM voicy.calls;
SELECT min(started_at) = (SELECT min(started_at) FROM local_ringyo) AS min FROM ringyo.calls;
SELECT max(started_at) = (SELECT max(started_at) FROM local_tryvox) AS max FROM tryvox.calls;
SELECT sim.requests('voicy') AS voicy, sim.requests('ringyo') AS ringyo, sim.requests('tryvox') AS tryvox;

-- An order that does not hold is an error, and pushdown the remedy.
ALTER SERVER voicy OPTIONS (ADD page_size '100');
CALL sim.fault('voicy', 'value', 'after=1', 'row=5', 'field=start_timestamp', 'json=1893456000000');
SELECT count(*) FROM (SELECT started_at FROM voicy.calls ORDER BY started_at DESC LIMIT 300) AS f; -- ERROR
ALTER SERVER voicy OPTIONS (ADD pushdown 'status');
EXPLAIN (COSTS OFF) SELECT started_at FROM voicy.calls ORDER BY started_at DESC LIMIT 5;
ALTER SERVER voicy OPTIONS (DROP pushdown, DROP page_size);

-- A lower bound ends a descending scan, after a whole page older than it.
CALL sim.clear();
SELECT count(*) = (SELECT count(*) FROM local_tryvox WHERE started_at >= '2026-10-20') AS same,
       count(*) > 0 AS some_rows
FROM tryvox.calls WHERE started_at >= '2026-10-20';
SELECT count(*) <= (SELECT count(*) FROM local_tryvox WHERE started_at >= '2026-10-20') / 100 + 2 AS stopped FROM sim.log('tryvox');
-- Not where the order does not hold.
CALL sim.clear();
CALL sim.fault('tryvox', 'value', 'row=5', 'field=start_time', 'json="2031-01-01T00:00:00Z"');
SELECT count(*) > 0 AS some_rows FROM tryvox.calls WHERE started_at >= '2026-10-20';
SELECT sim.requests('tryvox');

-- Dates as people write them select the same calls as locally.
SET timezone = 'Europe/Berlin';
CREATE FUNCTION same(condition text) RETURNS TABLE (same bool, some_rows bool, narrowed bool) LANGUAGE plpgsql AS $$
DECLARE
  a text;
  b text;
BEGIN
  PERFORM sim.get('/_sim/clear');
  EXECUTE 'SELECT array_agg(call_id ORDER BY call_id)::text FROM ringyo.calls WHERE ' || condition INTO a;
  EXECUTE 'SELECT array_agg(call_id ORDER BY call_id)::text FROM local_ringyo WHERE ' || condition INTO b;
  RETURN QUERY SELECT a IS NOT DISTINCT FROM b, a IS NOT NULL, sim.requests('ringyo') < 200;
END $$;
SELECT c, s.* FROM unnest(ARRAY[
  $$started_at::date = '2026-03-29'$$,
  $$started_at::date <> '2026-03-29'$$,
  $$started_at::date < '2025-10-27'$$,
  $$started_at::date BETWEEN '2025-10-25' AND '2025-10-26'$$,
  $$date_trunc('month', started_at) = '2026-03-01'$$,
  $$date_trunc('day', started_at) > '2026-10-25'$$,
  $$date_trunc('week', started_at) <= '2025-10-20'$$,
  $$date_trunc('year', started_at) = '2025-01-01'$$,
  $$extract(year from started_at) = 2025$$,
  $$date_part('year', started_at) < 2026$$,
  $$extract(year from started_at) > 2025.5 AND extract(month from started_at) = 1$$,
  $$started_at::date IN ('2026-03-29', '2025-10-26')$$]) AS c, same(c) AS s;
