-- Calls by their ids, and their details: one request per call, for the calls
-- that are needed and no others.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'ringyo', 'solomobile');
CALL sim.set('all', 'calls', '2000');
SET timezone = 'UTC';
\d voicy.call_details
\d tryvox.call_details
\d ringyo.call_details
-- Solo Mobile documents no path.
\d solomobile.*
CREATE TABLE local_voicy (LIKE voicy.calls);
CREATE TABLE local_tryvox (LIKE tryvox.calls);
CREATE TABLE local_ringyo (LIKE ringyo.calls);
SELECT sim.load('voicy', 'local_voicy'), sim.load('tryvox', 'local_tryvox'), sim.load('ringyo', 'local_ringyo');
-- Requests since the last time: for lists, for single calls, their statuses.
CREATE FUNCTION asked(provider text, OUT lists bigint, OUT calls bigint, OUT statuses int[]) LANGUAGE plpgsql AS $$
BEGIN
  SELECT count(*) FILTER (WHERE path IN ('/v1/list-calls', '/v1/voice/accounts/acc_1/calls', '/v1/calls')),
         count(*) FILTER (WHERE path NOT IN ('/v1/list-calls', '/v1/voice/accounts/acc_1/calls', '/v1/calls')),
         array_agg(DISTINCT status)
    INTO lists, calls, statuses FROM sim.log(provider);
  PERFORM sim.get('/_sim/clear');
END $$;
SELECT call_id AS v1 FROM local_voicy WHERE status = 'completed' ORDER BY started_at LIMIT 1 \gset
SELECT call_id AS v2 FROM local_voicy WHERE status = 'busy' ORDER BY started_at LIMIT 1 \gset
SELECT call_id AS t1 FROM local_tryvox WHERE status = 'completed' ORDER BY started_at LIMIT 1 \gset
SELECT call_id AS r1 FROM local_ringyo WHERE status = 'completed' ORDER BY started_at LIMIT 1 \gset
CALL sim.clear();

-- The details of one call.
\x on
SELECT source, call_id = :'v1' AS it, transcript, summary IS NULL AS no_summary, recording_url ~ '^https' AS url, detected_gender IS NULL AS no_gender,
       jsonb_typeof(vars_provided) AS provided, vars_extracted, raw->>'call_status' AS status FROM voicy.call_details WHERE call_id = :'v1';
SELECT source, call_id = :'t1' AS it, recording_url ~ '^https' AS url, jsonb_typeof(recording_urls) AS urls, billed_duration > '0' AS billed,
       ring_time ~ '^\d+$' AS ring_time, transfer_time, price > 0 AS price, price_unit, raw->>'status' AS status FROM tryvox.call_details WHERE call_id = :'t1';
SELECT source, call_id = :'r1' AS it, transcript, summary IS NULL AS no_summary, recording_url ~ '^https' AS url, recording ? 'url' AS recording,
       analysis ? 'summary' AS analysis FROM ringyo.call_details WHERE call_id = :'r1';
\x off
SELECT * FROM asked('all');

-- Without a call_id it is refused; EXPLAIN says so.
-- (From 18 on, EXPLAIN also says that this plan is one to avoid.)
CREATE FUNCTION remote(query text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT trim(line) FROM sim.explain(query) AS line WHERE line ~ 'Remote'
$$;
SELECT remote('SELECT summary FROM voicy.call_details');
SELECT summary FROM voicy.call_details;
SELECT count(*) FROM voicy.call_details WHERE call_id <> 'x';
SELECT count(*) FROM voicy.call_details WHERE call_id = 'x' OR summary = 'y';
SELECT count(*) FROM voicy.call_details AS d LEFT JOIN voicy.calls AS c USING (call_id);
SELECT count(*) FROM voicy.call_details WHERE call_id = ANY (ARRAY(SELECT 'x' || i FROM generate_series(1, 20001) AS i));
-- ... unless no call can match.
SELECT count(*) FROM voicy.call_details WHERE source = 'elsewhere';
SELECT count(*) FROM voicy.call_details WHERE call_id IN ('a') AND call_id IN ('b');
ANALYZE voicy.call_details;
SELECT * FROM asked('all');

-- What is asked for.
EXPLAIN (VERBOSE, COSTS OFF) SELECT summary FROM ringyo.call_details WHERE call_id = 'call_1';
EXPLAIN (VERBOSE, COSTS OFF) SELECT price FROM tryvox.call_details WHERE call_id = lower('X' || current_user);
EXPLAIN (VERBOSE, COSTS OFF) SELECT summary FROM voicy.call_details WHERE call_id IN ('b', 'a', 'b', NULL);
EXPLAIN (VERBOSE, COSTS OFF) SELECT summary FROM ringyo.call_details WHERE call_id = 'a b{account_id}?x=1#é&';
EXPLAIN (VERBOSE, COSTS OFF) SELECT status FROM voicy.calls WHERE call_id = 'a' AND status = 'busy' LIMIT 1;
PREPARE by_id(text) AS SELECT status FROM voicy.calls WHERE call_id = $1;
PREPARE by_ids(text[]) AS SELECT count(*) FROM voicy.calls WHERE call_id = ANY ($1);
SET plan_cache_mode = force_generic_plan;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE by_id('a');
EXPLAIN (COSTS OFF) EXECUTE by_ids('{a}');
EXECUTE by_id(:'v1');
EXECUTE by_id(NULL);
EXECUTE by_id('none');
EXECUTE by_ids(ARRAY[:'v1', :'v2', NULL, :'v2', 'none']);
EXECUTE by_ids('{}');
EXECUTE by_ids('{NULL}');
SELECT * FROM asked('voicy');
RESET plan_cache_mode;

-- 404 is no row, a page of somebody else's web server is an error.
SELECT count(*) FROM ringyo.call_details WHERE call_id = 'call_none';
SELECT * FROM asked('ringyo');
CALL sim.fault('ringyo', 'html');
SELECT count(*) FROM ringyo.call_details WHERE call_id = :'r1';
CALL sim.fault('ringyo', 'norows');
SELECT count(*) FROM ringyo.call_details WHERE call_id = :'r1';
CALL sim.fault('ringyo', 'status', 'code=401');
SELECT count(*) FROM ringyo.call_details WHERE call_id = :'r1';
CALL sim.fault('ringyo', 'status', 'code=503');
SELECT count(*) FROM ringyo.call_details WHERE call_id = :'r1';
CALL sim.clear();
-- Another call than was asked for is no row.
CALL sim.fault('ringyo', 'value', 'field=id', 'json="call_other"');
SELECT count(*) FROM ringyo.call_details WHERE call_id IN (:'r1', 'call_other');
SELECT count(*) FROM voicy.calls WHERE call_id = upper(:'v1');
CALL sim.clear();

-- Ids that would be another path are none.
SELECT left(id, 12) AS id, (SELECT count(*) FROM ringyo.call_details WHERE call_id = id) AS rows, (asked('ringyo')).calls
FROM (VALUES (1, ''), (2, '.'), (3, '..'), (4, ' '), (5, '../x'), (6, 'a/../b'), (7, 'a/'), (8, '/'), (9, 'a\..'), (10, E'a\nb'), (11, repeat('x', 256)),
             (12, 'a?limit=1'), (13, 'a#b'), (14, 'a/b'), (15, '%2e%2e'), (16, '{account_id}'), (17, 'é'), (18, repeat('x', 255))) AS ids (n, id) ORDER BY n;
SELECT count(*) FROM ringyo.call_details WHERE call_id IN ('a?limit=1', 'a#b', 'a/b', '%2e%2e', '{account_id}', 'é');
SELECT path, query, status FROM sim.log('ringyo') ORDER BY path COLLATE "C";
SELECT * FROM asked('ringyo');

-- Several at once: no more than max_connections under way, all of them asked for once.
SELECT count(*) AS found, count(DISTINCT d.call_id) AS calls
FROM voicy.call_details AS d WHERE call_id = ANY (ARRAY(SELECT call_id FROM local_voicy ORDER BY call_id LIMIT 10));
SELECT * FROM asked('voicy');
CALL sim.set('voicy', 'latency', '100');
SELECT count(*) FROM voicy.call_details WHERE call_id = ANY (ARRAY(SELECT call_id FROM local_voicy ORDER BY call_id LIMIT 8));
SELECT max((line::jsonb->>'inflight')::int) BETWEEN 2 AND 4 AS at_once FROM regexp_split_to_table(sim.get('/_sim/log?provider=voicy'), E'\n') AS l (line) WHERE line <> '';
CALL sim.set('voicy', 'latency', '0');
CALL sim.clear();
-- A LIMIT asks for no more than it needs.
SELECT count(*) FROM (SELECT FROM voicy.call_details WHERE call_id = ANY (ARRAY(SELECT call_id FROM local_voicy ORDER BY call_id LIMIT 10)) LIMIT 2) AS two;
SELECT * FROM asked('voicy');
SELECT EXISTS (SELECT FROM voicy.call_details WHERE call_id = ANY (ARRAY(SELECT call_id FROM local_voicy ORDER BY call_id LIMIT 10)));
SELECT * FROM asked('voicy');
ALTER FOREIGN TABLE voicy.call_details OPTIONS (ADD max_requests '3');
SELECT count(*) FROM voicy.call_details WHERE call_id = ANY (ARRAY(SELECT call_id FROM local_voicy ORDER BY call_id LIMIT 10));
ALTER FOREIGN TABLE voicy.call_details OPTIONS (DROP max_requests);
CALL sim.clear();

-- Joins ask after the filters, for the rows that are needed.
SELECT agent_id AS agent, count(*) AS of_agent FROM local_ringyo WHERE status = 'busy' GROUP BY 1 HAVING count(*) BETWEEN 2 AND 9 ORDER BY 2, 1 LIMIT 1 \gset
EXPLAIN (COSTS OFF) SELECT c.status, d.summary FROM ringyo.calls AS c JOIN ringyo.call_details AS d USING (source, call_id) WHERE c.status = 'busy';
SELECT count(*) = :of_agent AS found, bool_and(d.raw->>'status' = 'busy') AS busy
FROM ringyo.calls AS c JOIN ringyo.call_details AS d USING (source, call_id) WHERE c.status = 'busy' AND c.agent_id = :'agent';
SELECT lists, calls = :of_agent AS one_each FROM asked('ringyo');
SELECT count(*) = :of_agent AS found, count(d.call_id) AS details
FROM ringyo.calls AS c LEFT JOIN ringyo.call_details AS d ON d.call_id = c.call_id AND c.duration > '1 day' WHERE c.status = 'busy' AND c.agent_id = :'agent';
SELECT lists, calls FROM asked('ringyo');
CREATE TABLE wanted (n int, call_id text);
INSERT INTO wanted VALUES (1, :'v1'), (2, NULL), (3, 'none'), (4, :'v2'), (5, :'v2');
SELECT w.n, d.call_id IS NOT NULL AS found FROM wanted AS w LEFT JOIN voicy.call_details AS d USING (call_id) ORDER BY n;
SELECT * FROM asked('voicy');
SELECT n, (SELECT count(*) FROM voicy.call_details AS d WHERE d.call_id = w.call_id) FROM wanted AS w ORDER BY n;
SELECT * FROM asked('voicy');
SELECT count(*) FROM voicy.call_details WHERE call_id IN (SELECT call_id FROM wanted);
SELECT * FROM asked('voicy');
SET enable_nestloop = off;
SELECT count(*) FROM wanted AS w JOIN voicy.call_details AS d USING (call_id);
RESET enable_nestloop;
CALL sim.clear();

-- calls itself: the same rows as from the list, without reading it.
CREATE FUNCTION same(provider text, condition text) RETURNS TABLE (same bool, rows bigint, lists bigint, calls bigint) LANGUAGE plpgsql AS $$
DECLARE
  a text;
  b text;
BEGIN
  PERFORM sim.get('/_sim/clear');
  EXECUTE format('SELECT md5(array_agg(t::text ORDER BY t::text)::text), count(*) FROM %I.calls AS t WHERE %s', provider, condition) INTO a, rows;
  EXECUTE format('SELECT md5(array_agg(t::text ORDER BY t::text)::text) FROM %I AS t WHERE %s', 'local_' || provider, condition) INTO b;
  same := a IS NOT DISTINCT FROM b;
  SELECT x.lists, x.calls INTO lists, calls FROM asked(provider) AS x;
  RETURN NEXT;
END $$;
SELECT p, i, s.* FROM (VALUES ('voicy'), ('tryvox'), ('ringyo')) AS p (p), generate_series(0, 2) AS i,
  same(p, format('call_id = ANY (ARRAY(SELECT call_id FROM %I ORDER BY call_id LIMIT 5 OFFSET %s))', 'local_' || p, i * 500)) AS s;
SELECT * FROM same('voicy', format('call_id = %L AND status = ''busy''', :'v1'));
SELECT * FROM same('voicy', format('call_id = %L AND status <> ''busy'' AND duration > ''0''', :'v1'));
SELECT * FROM same('voicy', format('call_id IN (%L, %L) AND call_id IN (''x'', %L)', :'v1', :'v2', :'v2'));
SELECT * FROM same('voicy', format('call_id = %L OR call_id = %L', :'v1', :'v2'));
SELECT * FROM same('voicy', format('call_id = %L AND source = ''tryvox''', :'v1'));
SELECT * FROM same('voicy', 'call_id = ''''');
SELECT * FROM same('voicy', 'call_id = ''..''');
-- A join reads the list ...
SELECT count(*) FROM voicy.calls AS c JOIN wanted AS w USING (call_id);
SELECT * FROM asked('voicy');
-- ... or the calls one by one, whichever takes fewer requests.
INSERT INTO wanted VALUES (6, :'t1');
ANALYZE wanted;
SELECT count(*) FROM tryvox.calls AS c JOIN wanted AS w USING (call_id);
SELECT * FROM asked('tryvox');
-- An OR with something else, a comparison that is no equality: the list.
SELECT same, lists > 0 AS list, calls FROM same('voicy', format('call_id = %L OR status = ''busy''', :'v1'));
SELECT same, lists > 0 AS list, calls FROM same('voicy', format('call_id > %L', :'v1'));
-- More ids than the list has pages: the list, even where that shows late.
SELECT same, lists > 0 AS list, calls FROM same('voicy', 'call_id = ANY (ARRAY(SELECT call_id FROM local_voicy ORDER BY call_id LIMIT 100))');
-- No filter may be sent for call_id: the list.
ALTER FOREIGN TABLE voicy.calls OPTIONS (ADD pushdown 'status');
SELECT same, lists > 0 AS list, calls FROM same('voicy', format('call_id = %L', :'v1'));
ALTER FOREIGN TABLE voicy.calls OPTIONS (DROP pushdown);
-- A list elsewhere may be another API.
ALTER SERVER voicy OPTIONS (ADD path '/v1/list-calls');
SELECT same, lists > 0 AS list, calls FROM same('voicy', format('call_id = %L', :'v1'));
ALTER SERVER voicy OPTIONS (DROP path);
-- What only the reply for one call has is NULL in the list, and so it is here.
CREATE FOREIGN TABLE odd (id text OPTIONS (column_name 'call_id'), transcript text OPTIONS (path 'transcript'), number text OPTIONS (path 'to_number')) SERVER voicy;
CALL sim.clear();
SELECT transcript FROM odd WHERE id = :'v1';
SELECT lists > 0 AS list, calls FROM asked('voicy');
SELECT number = to_number AS same FROM odd, local_voicy WHERE id = :'v1' AND call_id = :'v1';
SELECT lists > 0 AS list, calls FROM asked('voicy');

-- A table written by hand says what it shows.
CREATE FOREIGN TABLE notes (id text OPTIONS (column_name 'call_id'), summary varchar(20), extra text OPTIONS (path 'vars_provided.customer_number'))
  SERVER voicy OPTIONS (relation 'call_details');
SELECT extra IS NOT NULL AS extra FROM notes WHERE id = :'v1';
CREATE FOREIGN TABLE bad () SERVER voicy OPTIONS (relation 'details');
CREATE FOREIGN TABLE bad (call_id text) SERVER solomobile OPTIONS (relation 'call_details');
SELECT * FROM bad;
ALTER FOREIGN TABLE bad OPTIONS (SET relation 'calls');
SELECT call_id FROM bad LIMIT 0;
DROP FOREIGN TABLE bad;
CREATE FOREIGN TABLE bad (call_id text, status text) SERVER voicy OPTIONS (relation 'call_details');
SELECT * FROM bad WHERE call_id = 'x';

-- The import leaves out what it is told to; call_details has not the common columns.
CREATE SCHEMA part;
IMPORT FOREIGN SCHEMA voicy EXCEPT (call_details) FROM SERVER voicy INTO part;
SELECT relname FROM pg_class WHERE relnamespace = 'part'::regnamespace;
DROP FOREIGN TABLE part.calls;
IMPORT FOREIGN SCHEMA voicy LIMIT TO (call_details) FROM SERVER voicy INTO part;
SELECT relname FROM pg_class WHERE relnamespace = 'part'::regnamespace;
DROP FOREIGN TABLE part.call_details;
IMPORT FOREIGN SCHEMA voicy FROM SERVER voicy INTO part OPTIONS (columns 'common');
SELECT relname FROM pg_class WHERE relnamespace = 'part'::regnamespace;
