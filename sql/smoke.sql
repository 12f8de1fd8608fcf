-- One provider, the whole way: from CREATE SERVER to rows, and what was asked
-- of the provider.
\i sql/_setup.sql

CREATE SERVER voicy FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'voicy', base_url :'sim_url');
CREATE USER MAPPING FOR CURRENT_USER SERVER voicy OPTIONS (api_key 'voicy_sk_test');
CREATE SCHEMA voicy;
IMPORT FOREIGN SCHEMA voicy FROM SERVER voicy INTO voicy;
\d voicy.calls

-- Every call arrives, with every value.
CREATE TABLE local_calls (LIKE voicy.calls);
SELECT sim.load('voicy', 'local_calls');
SELECT count(*) FROM voicy.calls;
SELECT count(*) FROM (TABLE voicy.calls EXCEPT ALL TABLE local_calls) AS differing;

-- A filter that the provider knows is sent; the answer is the same.
CALL sim.clear();
SELECT status, count(*) FROM voicy.calls WHERE status IN ('completed', 'busy') GROUP BY status ORDER BY status;
SELECT status, count(*) FROM local_calls WHERE status IN ('completed', 'busy') GROUP BY status ORDER BY status;
SELECT method, path, body->'filter_criteria' AS sent, ok FROM sim.log('voicy') ORDER BY n LIMIT 1;

-- LIMIT 10 is one request for 10 rows.
CALL sim.clear();
SELECT count(*) FROM (SELECT call_id FROM voicy.calls LIMIT 10) AS ten;
SELECT n, body, rows FROM sim.log('voicy');

-- EXPLAIN is none.
CALL sim.clear();
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM voicy.calls WHERE status = 'busy';
SELECT sim.requests('voicy');
