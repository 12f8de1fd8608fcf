-- Joins by call_id: the calls of the next few outer rows are asked for together,
-- each once, and none that the query does not need.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'ringyo');
CALL sim.set('all', 'calls', '2000');
SET timezone = 'UTC';
CREATE TABLE local_voicy (LIKE voicy.calls);
CREATE TABLE local_ringyo (LIKE ringyo.calls);
SELECT sim.load('voicy', 'local_voicy'), sim.load('ringyo', 'local_ringyo');
-- Requests since the last time: for lists, for single calls, most at once.
CREATE FUNCTION asked(provider text, OUT lists bigint, OUT calls bigint, OUT several boolean) LANGUAGE plpgsql AS $$
BEGIN
  SELECT count(*) FILTER (WHERE line->>'path' IN ('/v1/list-calls', '/v1/calls')),
         count(*) FILTER (WHERE line->>'path' NOT IN ('/v1/list-calls', '/v1/calls')),
         max((line->>'inflight')::int) FILTER (WHERE line->>'path' NOT IN ('/v1/list-calls', '/v1/calls')) > 1
    INTO lists, calls, several
    FROM (SELECT l::jsonb FROM regexp_split_to_table(sim.get('/_sim/log?provider=' || provider), E'\n') AS l WHERE l <> '') AS log (line);
  PERFORM sim.get('/_sim/clear');
END $$;
-- Is the node in the plan?
CREATE FUNCTION looks_ahead(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json, COSTS OFF) ' || query INTO plan;
  RETURN plan::text ~ 'Calls Lookahead';
END $$;

-- Ids that are there twice, in a row and not, that are not there, and NULL.
CREATE TABLE wanted (n int PRIMARY KEY, source text, call_id text);
INSERT INTO wanted SELECT row_number() OVER (ORDER BY call_id), 'voicy', call_id FROM local_voicy ORDER BY call_id LIMIT 12;
INSERT INTO wanted SELECT 13, 'voicy', call_id FROM wanted WHERE n = 12;
INSERT INTO wanted SELECT 14, 'voicy', call_id FROM wanted WHERE n = 2;
INSERT INTO wanted VALUES (20, 'voicy', NULL), (21, 'voicy', 'none'), (22, 'voicy', '..'), (23, NULL, (SELECT call_id FROM wanted WHERE n = 1)),
                          (24, 'ringyo', (SELECT call_id FROM wanted WHERE n = 2)), (25, 'voicy', (SELECT call_id FROM wanted WHERE n = 3));
ANALYZE wanted;
SELECT count(*) AS rows, count(DISTINCT call_id) AS calls FROM wanted;
CALL sim.set('voicy', 'latency', '20');
CALL sim.clear();

SELECT looks_ahead('SELECT w.n, d.summary FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id)');
CREATE VIEW details_of_wanted AS
  SELECT w.n, d.call_id = w.call_id AS same, d.raw->>'call_id' = w.call_id AS right_one FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id);
SELECT count(*), count(DISTINCT n), bool_and(same), bool_and(right_one), array_agg(n ORDER BY n) FROM details_of_wanted;
SELECT * FROM asked('voicy');
SELECT count(*), count(d.call_id) AS found FROM wanted AS w LEFT JOIN voicy.call_details AS d USING (source, call_id);
SELECT * FROM asked('voicy');
SELECT array_agg(n ORDER BY n) FROM wanted AS w WHERE EXISTS (SELECT FROM voicy.call_details AS d WHERE d.call_id = w.call_id);
SELECT * FROM asked('voicy');
SELECT array_agg(n ORDER BY n) FROM wanted AS w WHERE NOT EXISTS (SELECT FROM voicy.call_details AS d WHERE d.source = w.source AND d.call_id = w.call_id);
SELECT * FROM asked('voicy');
-- A condition on the details is checked on each; one on the other side comes first.
SELECT array_agg(n) FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id) WHERE w.n < 6 AND d.raw->>'call_id' <> (SELECT call_id FROM wanted WHERE n = 4);
SELECT * FROM asked('voicy');
-- The order of the outer side is kept.
SELECT n FROM (SELECT * FROM wanted ORDER BY n DESC OFFSET 0) AS w JOIN voicy.call_details AS d USING (source, call_id) WHERE n BETWEEN 3 AND 8;
SELECT * FROM asked('voicy');
-- No outer rows, no request.
SELECT count(*) FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id) WHERE n < 0;
SELECT * FROM asked('voicy');

-- Again and again, with other rows: a join that is rescanned.
SELECT o.n, s.found, s.same FROM wanted AS o,
  LATERAL (SELECT count(*) AS found, bool_and(d.call_id = w.call_id) AS same FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id)
           WHERE w.n BETWEEN o.n AND o.n + 4 OFFSET 0) AS s WHERE o.n < 4 ORDER BY n;
SELECT * FROM asked('voicy');
SELECT o.n, (SELECT count(*) FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id) WHERE w.n BETWEEN o.n AND o.n + 4) FROM wanted AS o WHERE o.n IN (7, 9) ORDER BY n;
SELECT * FROM asked('voicy');

-- What may stop early asks for one call after the other, and for no more than it needs.
SELECT looks_ahead('SELECT d.summary FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id) LIMIT 2');
SELECT count(*) FROM (SELECT d.summary FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id) LIMIT 2) AS two;
SELECT * FROM asked('voicy');
SELECT looks_ahead('SELECT count(*) FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id) LIMIT 1');
SELECT looks_ahead('SELECT w.n FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id) ORDER BY d.summary LIMIT 1');
BEGIN;
DECLARE c CURSOR FOR SELECT n FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id) WHERE n < 20;
FETCH 1 FROM c;
SELECT * FROM asked('voicy');
COMMIT;
-- One connection is one after the other; marked rows are the core's.
ALTER SERVER voicy OPTIONS (ADD max_connections '1');
SELECT looks_ahead('SELECT d.summary FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id)');
ALTER SERVER voicy OPTIONS (SET max_connections '3');
SELECT looks_ahead('SELECT d.summary FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id)');
SELECT looks_ahead('SELECT d.summary FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id) FOR UPDATE OF w');
SELECT looks_ahead('UPDATE wanted AS w SET n = n FROM voicy.call_details AS d WHERE w.source = d.source AND w.call_id = d.call_id');
UPDATE wanted AS w SET source = w.source FROM voicy.call_details AS d WHERE w.source = d.source AND w.call_id = d.call_id AND n < 4;
SELECT * FROM asked('voicy');
CREATE TABLE notes AS SELECT n, d.summary FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id);
SELECT count(*) FROM notes;
SELECT max((l::jsonb->>'inflight')::int) <= 3 AS kept FROM regexp_split_to_table(sim.get('/_sim/log?provider=voicy'), E'\n') AS l WHERE l <> '';
SELECT * FROM asked('voicy');
ALTER SERVER voicy OPTIONS (DROP max_connections);

-- The main job: calls of customers, with what was said, after all conditions.
CREATE TABLE customer (name text, phone text);
INSERT INTO customer SELECT 'customer ' || row_number() OVER (ORDER BY phone), phone
FROM (SELECT DISTINCT from_number AS phone FROM local_ringyo WHERE status = 'completed') AS p ORDER BY phone LIMIT 5;
ANALYZE customer;
CALL sim.set('ringyo', 'latency', '20');
CALL sim.clear();
EXPLAIN (COSTS OFF) SELECT u.name, d.summary FROM customer AS u JOIN ringyo.calls AS c ON c.from_number = u.phone JOIN ringyo.call_details AS d USING (source, call_id) WHERE c.status = 'completed';
SELECT count(*) AS found, bool_and(d.raw->>'from_number' = u.phone) AS right_ones
FROM customer AS u JOIN ringyo.calls AS c ON c.from_number = u.phone JOIN ringyo.call_details AS d USING (source, call_id) WHERE c.status = 'completed' \gset ringyo_
SELECT :ringyo_found = (SELECT count(*) FROM customer JOIN local_ringyo ON from_number = phone WHERE status = 'completed') AS same, :'ringyo_right_ones' AS right_ones;
SELECT calls = :ringyo_found AS one_each, several FROM asked('ringyo');
-- calls by its ids, where that takes fewer requests than the list.
CREATE TABLE few AS SELECT call_id FROM local_ringyo ORDER BY call_id LIMIT 6;
ANALYZE few;
SELECT looks_ahead('SELECT c.status FROM few AS w JOIN ringyo.calls AS c USING (call_id)');
SELECT count(*), bool_and(c.status = l.status) FROM few AS w JOIN ringyo.calls AS c USING (call_id) JOIN local_ringyo AS l USING (call_id);
SELECT * FROM asked('ringyo');
-- Two in one query, one of them on what the other gives.
SET join_collapse_limit = 1;
SELECT count(*), count(d.call_id), count(e.call_id), bool_and(d.summary IS NOT DISTINCT FROM e.summary)
FROM few AS w LEFT JOIN ringyo.call_details AS d USING (call_id) LEFT JOIN ringyo.call_details AS e ON e.call_id = d.call_id;
RESET join_collapse_limit;
SELECT * FROM asked('ringyo');

-- A generic plan; an error in the middle.
SET plan_cache_mode = force_generic_plan;
PREPARE up_to(int) AS SELECT count(*) FROM wanted AS w JOIN voicy.call_details AS d USING (source, call_id) WHERE n <= $1;
EXECUTE up_to(3);
EXECUTE up_to(5);
SELECT * FROM asked('voicy');
RESET plan_cache_mode;
\set SHOW_CONTEXT never
CALL sim.fault('voicy', 'status', 'code=403', 'after=4');
SELECT count(*) FROM details_of_wanted;
\set SHOW_CONTEXT errors
CALL sim.reset();
CALL sim.set('voicy', 'calls', '2000');
SELECT count(*) FROM details_of_wanted;
SET enable_nestloop = off;
SELECT looks_ahead('SELECT c.status FROM few AS w JOIN ringyo.calls AS c USING (call_id)');
RESET enable_nestloop;
