-- EXPLAIN: what would be sent, without sending it; with ANALYZE, what it cost.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox');
SET timezone = 'UTC';

EXPLAIN (COSTS OFF) SELECT * FROM voicy.calls WHERE status = 'completed';
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id, duration FROM voicy.calls
WHERE status = 'completed' AND started_at >= '2026-10-01' AND cost > 0.05 LIMIT 10;
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM tryvox.calls
WHERE direction = 'inbound' AND to_number = '+14155550100' LIMIT 10;
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM tryvox.calls WHERE provider = 'voicy';
EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*) FROM tryvox.calls a JOIN voicy.calls b USING (to_number)
WHERE a.status = 'busy' AND b.status = 'busy';
-- Machine-readable: a list of filters, numbers as numbers.
CREATE FUNCTION explain_json(query text, options text DEFAULT '') RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON' || options || ') ' || query INTO plan;
  RETURN (SELECT jsonb_object_agg(key, value)
          FROM jsonb_path_query(plan, '$.** ? (@."Node Type" == "Foreign Scan")') AS scan, jsonb_each(scan)
          WHERE key ~ '^(Remote|Requests|Retries|Pages|Rows Received)');
END $$;
SELECT jsonb_pretty(explain_json($$SELECT call_id FROM tryvox.calls
WHERE direction = 'inbound' AND to_number = '+14155550100' AND started_at >= now() LIMIT 10$$));
-- No request so far; not even a mapping is needed.
SELECT sim.requests('voicy') AS voicy, sim.requests('tryvox') AS tryvox;
DROP USER MAPPING FOR CURRENT_USER SERVER tryvox;
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM tryvox.calls;

-- ANALYZE: the counters, times and bytes blotted out.
CREATE FUNCTION analyzed(query text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT regexp_replace(regexp_replace(line, ' \(actual.*\)', ''), '(Bytes Received|Wait Time|Rows Removed by Filter): .*', '\1: N')
  FROM sim.explain(query, 'ANALYZE, COSTS OFF, SUMMARY OFF') AS line WHERE line !~ 'Buffers|Planning|Execution'
$$;
SELECT analyzed('SELECT call_id FROM voicy.calls LIMIT 3');
SELECT analyzed($$SELECT call_id FROM voicy.calls WHERE provider = 'x'$$);
SELECT jsonb_pretty(explain_json('SELECT call_id FROM voicy.calls LIMIT 3', ', ANALYZE'));

-- A call has no place in a heap.
SELECT ctid FROM voicy.calls; -- ERROR
SELECT DISTINCT tableoid::regclass FROM voicy.calls;
