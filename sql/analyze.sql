-- ANALYZE: how many calls there are, and a sample from all over the log, in
-- ten requests at most.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo', 'acme');
-- What the catalog has afterwards, and what it cost.
CREATE FUNCTION analyzed(VARIADIC providers text[])
RETURNS TABLE (provider text, requests int, reltuples real) LANGUAGE plpgsql AS $$
BEGIN
  FOREACH provider IN ARRAY providers LOOP
    PERFORM sim.get('/_sim/clear');
    EXECUTE format('ANALYZE %I.calls', provider);
    requests := sim.requests(provider);
    SELECT c.reltuples INTO reltuples FROM pg_class c WHERE oid = (provider || '.calls')::regclass;
    RETURN NEXT;
  END LOOP;
END $$;

-- The count is the provider's where it has one; else (Voicy) it follows from
-- how dense calls are in the sample.
CALL sim.set('all', 'calls', '20000');
SELECT provider, requests <= 10 AS few, reltuples = 20000 OR provider = 'voicy' AS exact, reltuples BETWEEN 16000 AND 24000 AS near
FROM analyzed('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo', 'acme');
-- The sample has each call once, and the words as often as the log.
SELECT schemaname AS provider, n_distinct = -1 AS all_distinct
FROM pg_stats WHERE tablename = 'calls' AND attname = 'call_id' ORDER BY 1;
SELECT schemaname AS provider, n_distinct BETWEEN 4 AND 8 AS plausible, (most_common_vals::text::text[])[1:2] AS words,
       most_common_freqs[1] BETWEEN 0.6 AND 0.85 AS first, most_common_freqs[2] BETWEEN 0.08 AND 0.28 AS second
FROM pg_stats WHERE tablename = 'calls' AND attname = 'status' ORDER BY 1;
SELECT schemaname AS provider, n_distinct, null_frac, most_common_vals
FROM pg_stats WHERE tablename = 'calls' AND attname = 'direction' ORDER BY 1;
-- It comes from the whole range of the log, 400 days, with as much from each
-- half.
SELECT schemaname AS provider, bounds[101] - bounds[1] > '300 days' AS wide,
       bounds[51] - bounds[1] > '120 days' AND bounds[101] - bounds[51] > '120 days' AS even
FROM (SELECT schemaname, histogram_bounds::text::timestamptz[] AS bounds
      FROM pg_stats WHERE tablename = 'calls' AND attname = 'started_at') AS histograms ORDER BY 1;
-- Whole pages of the largest size; each from another place.
SELECT a.provider, sum(rows) AS rows,
       count(*) = count(DISTINCT coalesce(query->>'page', query->>'offset', '0') || coalesce(body->>'offset', '0')) AS distinct
FROM unnest('{tryvox,solomobile,whippy}'::text[]) AS p, analyzed(p) AS a, sim.log(p)
GROUP BY a.provider ORDER BY a.provider;

-- The planner uses it.
CREATE FUNCTION estimate(query text) RETURNS float LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
CREATE FUNCTION near_estimates(provider text, VARIADIC conditions text[]) RETURNS boolean[] LANGUAGE plpgsql AS $$
DECLARE
  condition text;
  truth float;
  near boolean[];
BEGIN
  DROP TABLE IF EXISTS local_calls;
  EXECUTE format('CREATE TEMP TABLE local_calls (LIKE %I.calls)', provider);
  PERFORM sim.load(provider, 'local_calls');
  FOREACH condition IN ARRAY conditions LOOP
    EXECUTE 'SELECT count(*) FROM local_calls WHERE ' || condition INTO truth;
    near := near || (estimate(format('SELECT * FROM %I.calls WHERE ', provider) || condition) BETWEEN truth / 2 AND truth * 2);
  END LOOP;
  RETURN near;
END $$;
SET client_min_messages = warning;
SELECT provider, near_estimates(provider, 'true', 'status = ''completed''', 'started_at >= ''2026-08-01 00:00+00''')
FROM unnest('{voicy,tryvox,solomobile,whippy,ringyo,acme}'::text[]) AS provider;
RESET client_min_messages;

-- Fewer calls than a page has: one request; Voicy's replies do not tell the
-- end, so that the oldest page confirms it.
CALL sim.set('all', 'calls', '50');
SELECT * FROM analyzed('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo', 'acme');
CALL sim.set('all', 'calls', '1');
SELECT * FROM analyzed('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo', 'acme');
CALL sim.set('all', 'calls', '0');
SELECT * FROM analyzed('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo', 'acme');
-- A few pages: all of them. Where newest and oldest page overlap, all is read.
CALL sim.set('all', 'calls', '150');
SELECT * FROM analyzed('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo');

-- Options: no more requests than the table may send, pages of its size, no
-- filter that it may not send (then it is the first pages).
CALL sim.set('all', 'calls', '20000');
ALTER FOREIGN TABLE tryvox.calls OPTIONS (ADD max_requests '3', ADD page_size '20');
ALTER FOREIGN TABLE ringyo.calls OPTIONS (ADD max_requests '1');
ALTER FOREIGN TABLE voicy.calls OPTIONS (ADD pushdown 'none');
SELECT * FROM analyzed('tryvox', 'ringyo', 'voicy');
SELECT max(query->>'per_page') AS per_page, sum(rows) AS rows FROM analyzed('tryvox'), sim.log('tryvox');
ALTER FOREIGN TABLE tryvox.calls OPTIONS (DROP max_requests, DROP page_size);
ALTER FOREIGN TABLE ringyo.calls OPTIONS (DROP max_requests);
ALTER FOREIGN TABLE voicy.calls OPTIONS (DROP pushdown);
-- Retries count.
CALL sim.fault('tryvox', 'status', 'code=503', 'after=3', 'count=2', 'retry_after=0');
SELECT * FROM analyzed('tryvox');

-- Totals that are missing or capped: the number of pages, or the density of the
-- windows. Where there is neither, at least what was seen and what was known.
SELECT DISTINCT reltuples FROM analyzed('tryvox', 'solomobile', 'ringyo', 'acme');
CALL sim.set('all', 'total', 'missing');
SELECT provider, requests, reltuples BETWEEN 16000 AND 24000 AS near FROM analyzed('tryvox', 'ringyo', 'acme');
SELECT * FROM analyzed('solomobile', 'whippy');
CALL sim.set('all', 'total', 'capped');
SELECT provider, requests, reltuples BETWEEN 16000 AND 24000 AS near FROM analyzed('tryvox', 'ringyo', 'acme');
SELECT * FROM analyzed('solomobile', 'whippy');
CALL sim.set('all', 'total', 'exact');
-- Pages silently smaller than asked for; filters ignored.
CALL sim.set('all', 'max_limit', '40');
SELECT provider, requests, reltuples BETWEEN 14000 AND 28000 AS near FROM analyzed('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo', 'acme');
CALL sim.set('all', 'max_limit', '0');
CALL sim.set('voicy', 'filters', 'off');
SELECT provider, requests, reltuples BETWEEN 14000 AND 28000 AS near FROM analyzed('voicy');
CALL sim.set('voicy', 'filters', 'on');
-- New calls move the pages while they are read.
CALL sim.change('tryvox', 'after=1', 'insert=250');
CALL sim.change('voicy', 'after=1', 'insert=250');
SELECT provider, requests, reltuples BETWEEN 16000 AND 24000 AS near FROM analyzed('voicy', 'tryvox');
SELECT schemaname AS provider, n_distinct = -1 AS all_distinct
FROM pg_stats WHERE tablename = 'calls' AND attname = 'call_id' AND schemaname IN ('voicy', 'tryvox') ORDER BY 1;

-- A provider that fails costs a warning; the others are analyzed, and what was
-- known stays known.
CALL sim.reset();
CALL sim.set('all', 'calls', '300');
ANALYZE tryvox.calls;
CREATE SERVER broken FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url 'http://127.0.0.1:1', max_retries '0');
CREATE USER MAPPING FOR CURRENT_USER SERVER broken OPTIONS (api_key 'secret_key');
CREATE SCHEMA broken;
IMPORT FOREIGN SCHEMA ringyo FROM SERVER broken INTO broken;
\set VERBOSITY terse
ANALYZE broken.calls, solomobile.calls;
SELECT oid::regclass, reltuples FROM pg_class WHERE oid IN ('broken.calls'::regclass, 'solomobile.calls'::regclass) ORDER BY 1;
BEGIN;
ANALYZE broken.calls;
ANALYZE whippy.calls;
COMMIT;
SELECT reltuples FROM pg_class WHERE oid = 'whippy.calls'::regclass;
\set VERBOSITY default
-- A wrong key.
ALTER USER MAPPING FOR CURRENT_USER SERVER tryvox OPTIONS (SET api_key 'wrong_key');
ANALYZE tryvox.calls;
SELECT reltuples FROM pg_class WHERE oid = 'tryvox.calls'::regclass;
SELECT count(*) > 0 AS stays FROM pg_stats WHERE schemaname = 'tryvox';
-- Replies that are no page, half-way through; values that do not fit.
\set VERBOSITY terse
CALL sim.fault('solomobile', 'truncate', 'after=2');
ANALYZE solomobile.calls;
CALL sim.fault('solomobile', 'status', 'code=404', 'after=1');
ANALYZE solomobile.calls;
CALL sim.set('ringyo', 'calls', '50');
CALL sim.fault('ringyo', 'value', 'row=0', 'field=duration', 'json="long"', 'count=-1');
ANALYZE ringyo.calls;
ALTER FOREIGN TABLE ringyo.calls OPTIONS (ADD on_error 'set_null');
ANALYZE ringyo.calls;
SELECT reltuples FROM pg_class WHERE oid = 'ringyo.calls'::regclass;
-- A cancel is one.
CALL sim.fault('whippy', 'hang', 'after=1', 'count=-1');
CALL sim.set('whippy', 'max_limit', '50');
SET statement_timeout = '300ms';
ANALYZE whippy.calls; -- ERROR
RESET statement_timeout;
SELECT reltuples FROM pg_class WHERE oid = 'whippy.calls'::regclass;

-- Partitions: the partitioned table has its statistics, from those that answer.
CALL sim.reset();
CALL sim.set('all', 'calls', '2000');
CREATE TABLE all_calls (provider text, call_id text, status text) PARTITION BY LIST (provider);
CREATE FOREIGN TABLE part_voicy PARTITION OF all_calls FOR VALUES IN ('voicy') SERVER voicy;
CREATE FOREIGN TABLE part_whippy PARTITION OF all_calls FOR VALUES IN ('whippy') SERVER whippy;
CREATE FOREIGN TABLE part_ringyo PARTITION OF all_calls FOR VALUES IN ('ringyo') SERVER broken;
ANALYZE all_calls;
SELECT oid::regclass, reltuples BETWEEN 3600 AND 4400 AS near FROM pg_class WHERE oid = 'all_calls'::regclass;
SELECT attname, n_distinct > 0 AS counted FROM pg_stats WHERE tablename = 'all_calls' AND inherited AND attname = 'status';

-- As the owner, whoever asks. The owner needs a user mapping.
\set VERBOSITY default
CREATE ROLE regress_calls_owner;
CREATE SCHEMA owned AUTHORIZATION regress_calls_owner;
GRANT USAGE ON FOREIGN SERVER tryvox TO regress_calls_owner;
IMPORT FOREIGN SCHEMA tryvox FROM SERVER tryvox INTO owned;
ALTER FOREIGN TABLE owned.calls OWNER TO regress_calls_owner;
ANALYZE owned.calls;
CREATE USER MAPPING FOR regress_calls_owner SERVER tryvox OPTIONS (api_key 'tvx_sk_test');
ANALYZE owned.calls;
SELECT reltuples FROM pg_class WHERE oid = 'owned.calls'::regclass;
-- VERBOSE says what was read.
\setenv PGDATABASE :DBNAME
\! psql -Xqc 'ANALYZE VERBOSE owned.calls' 2>&1 | sed -n 's/, [0-9]* rows in sample/, N rows in sample/p'
SET client_min_messages = warning;
DROP SCHEMA owned CASCADE;
DROP USER MAPPING FOR regress_calls_owner SERVER tryvox;
REVOKE USAGE ON FOREIGN SERVER tryvox FROM regress_calls_owner;
DROP ROLE regress_calls_owner;
