-- The catalogue of providers, the check of a server, and statistics.
\i sql/_setup.sql
\pset null '-'
\x on
SELECT * FROM calls_fdw_providers() WHERE provider <> 'acme';
\x off

-- Columns, and the filters that can be sent over them.
SELECT column_name, type, common, kind, path, format FROM calls_fdw_columns('tryvox');
SELECT column_name, exact, superset, list, accepted FROM calls_fdw_columns('voicy') WHERE coalesce(exact, superset) IS NOT NULL;
SELECT column_name, exact, superset, list, accepted FROM calls_fdw_columns('tryvox') WHERE coalesce(exact, superset) IS NOT NULL;
SELECT column_name, exact, superset, list, accepted FROM calls_fdw_columns('solomobile') WHERE coalesce(exact, superset) IS NOT NULL;
SELECT column_name, exact, superset, list, accepted FROM calls_fdw_columns('whippy') WHERE coalesce(exact, superset) IS NOT NULL;
SELECT column_name, exact, superset, list, accepted FROM calls_fdw_columns('ringyo') WHERE coalesce(exact, superset) IS NOT NULL;
SELECT column_name, exact, superset, list, accepted FROM calls_fdw_columns('acme') WHERE coalesce(exact, superset) IS NOT NULL;
SELECT column_name, type, common, kind, path, exact, list FROM calls_fdw_columns('voicy', 'call_details');
SELECT count(*) FROM calls_fdw_columns('solomobile', relation => 'call_details');
SELECT * FROM calls_fdw_columns('voicy', 'details'); -- ERROR
SELECT column_name, basis FROM calls_fdw_columns('voicy') WHERE basis IS NOT NULL;

-- The catalogue says what IMPORT FOREIGN SCHEMA makes.
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo');
-- One request at a time, so that they can be counted.
ALTER SERVER ringyo OPTIONS (ADD max_connections '1');
SELECT p.provider, count(*) FILTER (WHERE a.attname = c.column_name AND format_type(a.atttypid, NULL)::regtype = c.type::regtype) = count(*) AS same
FROM calls_fdw_providers() AS p,
     LATERAL (SELECT * FROM calls_fdw_columns(p.provider) WITH ORDINALITY) AS c
     FULL JOIN LATERAL (SELECT attname, atttypid, attnum FROM pg_attribute
                        WHERE attrelid = to_regclass(p.provider || '.calls') AND attnum > 0) AS a ON a.attnum = c.ordinality
WHERE p.provider <> 'acme' GROUP BY p.provider ORDER BY p.provider;

-- What it calls exact is what EXPLAIN calls exact.
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM solomobile.calls WHERE status = 'completed' AND from_number = '+18005551001';

-- A definition as its file has it.
SELECT calls_fdw_definition('tryvox')->'paging';
SELECT count(*) > 0 AS lines FROM regexp_split_to_table(calls_fdw_definition('tryvox')::text, '\n') AS line WHERE line = '{';
SELECT calls_fdw_definition('tryvvox'); -- ERROR
SELECT calls_fdw_definition('../voicy'); -- ERROR
SELECT * FROM calls_fdw_columns('schema'); -- ERROR

-- The check of a server: one small request.
CALL sim.clear();
SELECT s AS server, c.ok, c.http_status, c.message, c.milliseconds > 0 AS timed, c.total
FROM unnest('{voicy,tryvox,solomobile,whippy,ringyo}'::name[]) AS s, calls_fdw_check(s) AS c;
SELECT p AS provider, l.rows FROM unnest('{voicy,tryvox,solomobile,whippy,ringyo}'::text[]) AS p, sim.log(p) AS l;

-- What the provider does wrong is a result, and is not tried again.
\x on
CALL sim.clear();
ALTER USER MAPPING FOR CURRENT_USER SERVER voicy OPTIONS (SET api_key 'hunter2');
SELECT ok, http_status, message, detail, hint, total FROM calls_fdw_check('voicy');
CALL sim.fault('voicy', 'status', 'code=403', 'message=The key hunter2 is wrong');
SELECT ok, http_status, message, detail FROM calls_fdw_check('voicy');
CALL sim.fault('ringyo', 'status', 'code=429', 'retry_after=3600');
SELECT ok, http_status, message, detail, hint, total FROM calls_fdw_check('ringyo');
-- The provider is taken at its word: no request until then, neither by the check nor by a scan.
SELECT ok, http_status, message, regexp_replace(detail, '[0-9]{4}', 'N') AS detail, hint, milliseconds, total FROM calls_fdw_check('ringyo');
SELECT code, message FROM sim.try($$SELECT count(*) FROM ringyo.calls WHERE status = 'busy'$$);
SELECT sim.requests('ringyo') AS ringyo;
SELECT throttled FROM calls_fdw_stats() WHERE server = 'ringyo';
ALTER USER MAPPING FOR CURRENT_USER SERVER ringyo OPTIONS (SET api_key 'ringyo_test');
CALL sim.fault('ringyo', 'status', 'code=503');
SELECT ok, http_status, message, detail, hint, total FROM calls_fdw_check('ringyo');
CALL sim.fault('ringyo', 'html');
SELECT ok, http_status, message, detail, hint, total FROM calls_fdw_check('ringyo');
CALL sim.fault('ringyo', 'value', 'row=0', 'field=id', 'json=null');
SELECT ok, http_status, message, detail, hint, total FROM calls_fdw_check('ringyo');
CALL sim.fault('ringyo', 'reset');
SELECT ok, http_status, message, hint, total FROM calls_fdw_check('ringyo');
SELECT sim.requests('voicy') AS voicy, sim.requests('ringyo') AS ringyo;
ALTER SERVER tryvox OPTIONS (ADD path '/v1/nothing');
SELECT ok, http_status, message, hint, total FROM calls_fdw_check('tryvox');
ALTER SERVER tryvox OPTIONS (DROP path);
-- Port 1 is closed.
CREATE SERVER nowhere FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR CURRENT_USER SERVER nowhere OPTIONS (api_key 'hunter2');
SELECT ok, http_status, message, hint, total FROM calls_fdw_check('nowhere');
CALL sim.set('ringyo', 'total', 'missing');
SELECT ok, http_status, message, hint, total FROM calls_fdw_check('ringyo');
\x off
-- It can be cancelled.
CALL sim.fault('ringyo', 'hang');
SET statement_timeout = '200ms';
SELECT calls_fdw_check('ringyo'); -- ERROR
RESET statement_timeout;
-- Without a call, there is nothing wrong.
CALL sim.set('ringyo', 'calls', '0');
SELECT ok, http_status, message FROM calls_fdw_check('ringyo');
CALL sim.reset();
ALTER USER MAPPING FOR CURRENT_USER SERVER voicy OPTIONS (SET api_key 'voicy_sk_test');

-- What is set up wrong is an error.
CREATE FOREIGN DATA WRAPPER other;
CREATE SERVER foreigner FOREIGN DATA WRAPPER other;
CREATE ROLE calls_fdw_joe;
SELECT code, message FROM sim.try($$SELECT calls_fdw_check('nobody')$$);
SELECT code, message FROM sim.try($$SELECT calls_fdw_check('foreigner')$$);
SET ROLE calls_fdw_joe;
SELECT code, message FROM sim.try($$SELECT calls_fdw_check('voicy')$$);
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER voicy TO calls_fdw_joe;
SET ROLE calls_fdw_joe;
SELECT code, message FROM sim.try($$SELECT calls_fdw_check('voicy')$$);
RESET ROLE;
CREATE USER MAPPING FOR calls_fdw_joe SERVER voicy OPTIONS (api_key 'voicy_sk_test');
SET ROLE calls_fdw_joe;
SELECT ok FROM calls_fdw_check('voicy');
RESET ROLE;
SELECT calls_fdw_check(NULL);

-- Statistics, of this session. Counts read everything here.
ALTER SERVER ringyo OPTIONS (ADD trust_total 'false');
ALTER SERVER tryvox OPTIONS (ADD trust_total 'false');
\c
CALL sim.clear();
CREATE FUNCTION cost(of name) RETURNS TABLE (scans bigint, requests bigint, retries bigint, pages bigint, rows bigint, bytes bool)
LANGUAGE sql AS $$
  SELECT scans, requests, retries, pages, rows, bytes > 0 FROM calls_fdw_stats() WHERE server = of
$$;
SELECT count(*) FROM calls_fdw_stats();
SELECT count(*) FROM ringyo.calls;
SELECT * FROM cost('ringyo');
-- Neither EXPLAIN nor a contradiction costs anything.
EXPLAIN (COSTS OFF) SELECT * FROM ringyo.calls;
SELECT count(*) FROM ringyo.calls WHERE provider = 'voicy';
SELECT * FROM cost('ringyo');
-- Each scan counts, and each server for itself.
SELECT count(*) FROM ringyo.calls AS a, ringyo.calls AS b WHERE a.call_id = b.call_id AND a.status = 'busy';
SELECT count(*) FROM (SELECT * FROM voicy.calls LIMIT 3) AS three;
SELECT scans FROM cost('ringyo');
SELECT * FROM cost('voicy');
CALL sim.set('voicy', 'latency', '100');
SELECT count(*) FROM (SELECT * FROM voicy.calls LIMIT 3) AS three;
SELECT wait_time BETWEEN '90ms' AND '60s' AS waited FROM calls_fdw_stats() WHERE server = 'voicy';
CALL sim.set('voicy', 'latency', '0');
-- A scan that runs counts already, one that fails or ends early still.
BEGIN;
DECLARE c CURSOR FOR SELECT provider FROM tryvox.calls LIMIT 50;
FETCH 1 FROM c;
SELECT scans, requests = sim.requests('tryvox') AS requests FROM cost('tryvox');
ROLLBACK;
SELECT scans, requests = sim.requests('tryvox') AS requests FROM cost('tryvox');
CALL sim.fault('tryvox', 'status', 'code=401');
SELECT count(*) FROM tryvox.calls; -- ERROR
SELECT scans, requests = sim.requests('tryvox') AS requests FROM cost('tryvox');
CALL sim.fault('tryvox', 'status', 'code=500');
SELECT count(*) FROM tryvox.calls;
SELECT scans, requests = sim.requests('tryvox') AS requests, retries, rows >= 1000 AS rows FROM cost('tryvox');
CALL sim.fault('tryvox', 'hang');
SET statement_timeout = '200ms';
SELECT count(*) FROM tryvox.calls; -- ERROR
RESET statement_timeout;
SELECT scans, requests = sim.requests('tryvox') AS requests, retries FROM cost('tryvox');
-- A rescan that asks anew is another scan.
SELECT count(*) FROM (VALUES ('busy'), ('failed')) AS v (s), LATERAL (SELECT * FROM ringyo.calls WHERE status = v.s LIMIT 1) AS c;
SELECT scans FROM cost('ringyo');
-- ANALYZE and calls_fdw_check count, too.
ANALYZE solomobile.calls;
SELECT scans, requests BETWEEN 1 AND 10 AS requests, pages = requests AS pages, rows > 0 AS rows FROM cost('solomobile');
SELECT ok FROM calls_fdw_check('whippy');
SELECT * FROM cost('whippy');
-- A dropped server is gone, one that was renamed keeps its own.
DROP SERVER whippy CASCADE;
ALTER SERVER solomobile RENAME TO "Solo";
SELECT server FROM calls_fdw_stats() ORDER BY server;
-- Others see the servers that they may use.
SET ROLE calls_fdw_joe;
SELECT server FROM calls_fdw_stats() ORDER BY server;
RESET ROLE;
DROP OWNED BY calls_fdw_joe;
DROP ROLE calls_fdw_joe;
DROP FOREIGN DATA WRAPPER other CASCADE;
