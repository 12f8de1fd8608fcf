-- A provider that no line of C knows: made up, and combining the words of the
-- definition language differently (links to the next page, Basic
-- authentication, repeated parameters, exclusive bounds).
\i sql/_setup.sql
CALL sim.connect('acme');
ALTER SERVER acme OPTIONS (ADD max_connections '1');
\d acme.calls
CREATE TABLE local_calls (LIKE acme.calls);
SELECT sim.load('acme', 'local_calls');
SELECT count(*) FROM (TABLE acme.calls EXCEPT ALL TABLE local_calls) AS differing;
SELECT count(*) FROM (TABLE local_calls EXCEPT ALL TABLE acme.calls) AS differing;
SELECT count(*), min(status), max(status) FROM sim.log('acme');

-- Repeated parameters, and bounds of which the API excludes the edge.
CALL sim.clear();
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM acme.calls
WHERE status IN ('completed', 'no_answer') AND started_at >= '2026-10-01 00:00+00' AND started_at <= '2026-10-15 00:00+00';
SELECT sim.requests('acme');
SELECT count(*) FROM acme.calls
WHERE status IN ('completed', 'no_answer') AND started_at >= '2026-10-01 00:00+00' AND started_at <= '2026-10-15 00:00+00';
SELECT count(*) FROM local_calls
WHERE status IN ('completed', 'no_answer') AND started_at >= '2026-10-01 00:00+00' AND started_at <= '2026-10-15 00:00+00';
SELECT query, ok FROM sim.log('acme') WHERE n = 1;
-- Exactly the edge.
SELECT count(*) > 0 AS found, count(*) = count(l.call_id) AS same
FROM acme.calls a LEFT JOIN local_calls l USING (call_id)
WHERE a.started_at = (SELECT started_at FROM local_calls ORDER BY call_id LIMIT 1);
-- LIMIT 5 is one request for five rows.
CALL sim.clear();
SELECT count(*) FROM (SELECT 1 FROM acme.calls LIMIT 5) AS five;
SELECT query, rows FROM sim.log('acme');

-- Links that lead elsewhere, or nowhere.
ALTER SERVER acme OPTIONS (ADD trust_total 'false');
CALL sim.fault('acme', 'foreignlink', 'after=1');
SELECT count(*) FROM acme.calls; -- ERROR
CALL sim.fault('acme', 'samecursor', 'after=1', 'count=-1');
SELECT count(*) FROM acme.calls; -- ERROR
CALL sim.reset();
-- A wrong key.
ALTER USER MAPPING FOR CURRENT_USER SERVER acme OPTIONS (SET api_key 'hunter2');
SELECT count(*) FROM acme.calls; -- ERROR
