-- How many calls the planner thinks there are: as the provider says, to a scan
-- or to the planner itself.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'ringyo');
CALL sim.set('all', 'calls', '20000');
SET timezone = 'UTC';
-- The rows that the planner expects of a query, and the requests it sent.
CREATE FUNCTION estimate(query text, provider text DEFAULT 'tryvox') RETURNS TABLE (rows float, requests int) LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  PERFORM sim.get('/_sim/clear');
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  rows := plan->0->'Plan'->>'Plan Rows';
  requests := sim.requests(provider);
  RETURN NEXT;
END $$;
CREATE FUNCTION truth(provider text, condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM local_%s WHERE %s', provider, condition) INTO n;
  RETURN n;
END $$;
CREATE TABLE local_tryvox (LIKE tryvox.calls);
SELECT sim.load('tryvox', 'local_tryvox');

-- A guess, without a request, and without one after a scan that saw the total;
-- also where the provider gives none, once all was read.
SELECT * FROM estimate('SELECT * FROM tryvox.calls');
SELECT count(call_id) FROM (SELECT call_id FROM tryvox.calls LIMIT 1) AS one;
SELECT * FROM estimate('SELECT * FROM tryvox.calls');
SELECT * FROM estimate('SELECT * FROM voicy.calls', 'voicy');
SELECT call_id IS NOT NULL AS one FROM voicy.calls LIMIT 1;
SELECT * FROM estimate('SELECT * FROM voicy.calls', 'voicy');
SELECT count(*) FROM voicy.calls;
SELECT * FROM estimate('SELECT * FROM voicy.calls', 'voicy');
-- With filters: as those filters brought, with what is not sent on top.
SELECT * FROM estimate($$SELECT * FROM tryvox.calls WHERE status = 'busy'$$);
SELECT count(*) = truth('tryvox', $$status = 'busy'$$) AS same FROM tryvox.calls WHERE status = 'busy';
SELECT rows = truth('tryvox', $$status = 'busy'$$) AS exact, requests FROM estimate($$SELECT * FROM tryvox.calls WHERE status = 'busy'$$);
SELECT rows BETWEEN 1 AND truth('tryvox', $$status = 'busy'$$) / 2 AS less FROM estimate($$SELECT * FROM tryvox.calls WHERE status = 'busy' AND call_id > 'x'$$);
-- Several streams are a sum.
SELECT count(*) > 0 AS some FROM tryvox.calls WHERE status = 'failed';
SELECT rows = truth('tryvox', $$status IN ('busy', 'failed')$$) AS exact, requests FROM estimate($$SELECT * FROM tryvox.calls WHERE status IN ('busy', 'failed')$$);
-- Parameters of a generic plan are not known; those of a custom plan are.
PREPARE q(text) AS SELECT * FROM tryvox.calls WHERE status = $1;
SELECT rows = truth('tryvox', $$status = 'busy'$$) AS exact FROM estimate($$EXECUTE q('busy')$$);
SET plan_cache_mode = force_generic_plan;
SELECT rows = truth('tryvox', $$status = 'busy'$$) AS exact FROM estimate($$EXECUTE q('busy')$$);
RESET plan_cache_mode;
-- A change of the server, of the key or of the table forgets it.
ALTER SERVER tryvox OPTIONS (ADD max_retries '0');
SELECT * FROM estimate('SELECT * FROM tryvox.calls');

-- use_remote_estimate: one request, remembered for a minute.
ALTER SERVER tryvox OPTIONS (ADD use_remote_estimate 'true');
SELECT * FROM estimate('SELECT * FROM tryvox.calls');
SELECT * FROM estimate('SELECT * FROM tryvox.calls');
SELECT rows = truth('tryvox', $$status = 'busy' AND direction = 'inbound'$$) AS exact, requests
FROM estimate($$SELECT * FROM tryvox.calls WHERE status = 'busy' AND direction = 'inbound'$$);
SELECT query->>'per_page' AS per_page, query->>'status' AS status, query->>'direction' AS direction FROM sim.log('tryvox');
-- What the planner can tell the value of counts as a constant.
SELECT rows = truth('tryvox', $$status = 'busy' AND direction = 'outbound'$$) AS exact, requests
FROM estimate($$SELECT * FROM tryvox.calls WHERE status = 'busy' AND direction = concat('out', 'bound')$$);
-- Several streams: one request, for what one can ask.
SELECT * FROM estimate($$SELECT * FROM tryvox.calls WHERE status IN ('busy', 'failed', 'canceled')$$);
SELECT rows < truth('tryvox', $$direction = 'inbound'$$) AS fewer, requests
FROM estimate($$SELECT * FROM tryvox.calls WHERE status IN ('busy', 'failed', 'canceled') AND direction = 'inbound'$$);
-- A contradiction asks nothing, nor does a provider without totals.
SELECT requests FROM estimate($$SELECT * FROM tryvox.calls WHERE agent_id = 'x'$$);
ALTER FOREIGN TABLE voicy.calls OPTIONS (ADD use_remote_estimate 'true');
SELECT * FROM estimate('SELECT * FROM voicy.calls', 'voicy');
-- The table's option beats the server's.
ALTER FOREIGN TABLE tryvox.calls OPTIONS (ADD use_remote_estimate 'false');
SELECT * FROM estimate('SELECT * FROM tryvox.calls');
ALTER FOREIGN TABLE tryvox.calls OPTIONS (DROP use_remote_estimate);
-- A join is planned by it: twenty contacts, few requests or one scan.
CREATE TABLE contact AS SELECT n AS id, '+1415555' || lpad(n::text, 4, '0') AS phone FROM generate_series(1, 20) AS n;
ANALYZE contact;
CREATE FUNCTION is_nested(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  RETURN plan::text LIKE '%Nested Loop%';
END $$;
SELECT is_nested('SELECT * FROM contact JOIN tryvox.calls ON to_number = phone');
CALL sim.set('tryvox', 'calls', '150');
ALTER SERVER tryvox OPTIONS (SET max_retries '1');
SELECT is_nested('SELECT * FROM contact JOIN tryvox.calls ON to_number = phone');

-- The planner's guess where the provider fails, without a word, and without
-- asking again and again.
CALL sim.set('tryvox', 'calls', '20000');
ALTER SERVER tryvox OPTIONS (SET max_retries '5');
CALL sim.fault('tryvox', 'status', 'code=503', 'count=-1');
SELECT * FROM estimate('SELECT * FROM tryvox.calls');
SELECT * FROM estimate('SELECT * FROM tryvox.calls');
CALL sim.reset();
CALL sim.set('all', 'calls', '20000');
SELECT * FROM estimate('SELECT * FROM tryvox.calls');
CREATE SERVER down FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url 'http://127.0.0.1:1', use_remote_estimate 'on');
CREATE USER MAPPING FOR CURRENT_USER SERVER down OPTIONS (api_key 'secret_key');
CREATE FOREIGN TABLE down (call_id text, status text) SERVER down;
SELECT rows FROM estimate('SELECT * FROM down');
-- Nor is a missing key, a rate limit or a reply that is no page an error here.
DROP USER MAPPING FOR CURRENT_USER SERVER down;
SELECT rows FROM estimate('SELECT * FROM down');
ALTER SERVER solomobile OPTIONS (ADD use_remote_estimate 'true');
CALL sim.fault('solomobile', 'status', 'code=429', 'retry_after=60');
SELECT * FROM estimate('SELECT * FROM solomobile.calls', 'solomobile');
ALTER SERVER solomobile OPTIONS (SET use_remote_estimate 'yes');
CALL sim.fault('solomobile', 'html');
SELECT * FROM estimate('SELECT * FROM solomobile.calls', 'solomobile');
ALTER SERVER solomobile OPTIONS (SET use_remote_estimate 'on');
CALL sim.set('solomobile', 'total', 'capped');
SELECT * FROM estimate('SELECT * FROM solomobile.calls', 'solomobile');
-- A cancel is one.
ALTER SERVER ringyo OPTIONS (ADD use_remote_estimate 'true');
CALL sim.fault('ringyo', 'hang', 'count=-1');
SET statement_timeout = '300ms';
EXPLAIN SELECT * FROM ringyo.calls; -- ERROR
RESET statement_timeout;
-- Transactions, and what is remembered in them, are not harmed.
CALL sim.reset();
CALL sim.set('all', 'calls', '300');
BEGIN;
ALTER SERVER ringyo OPTIONS (SET use_remote_estimate 'on');
CALL sim.fault('ringyo', 'truncate');
SELECT rows, requests FROM estimate('SELECT * FROM ringyo.calls', 'ringyo');
SELECT count(DISTINCT call_id) FROM ringyo.calls;
SELECT rows, requests FROM estimate('SELECT * FROM ringyo.calls', 'ringyo');
COMMIT;
