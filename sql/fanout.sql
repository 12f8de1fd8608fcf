-- Several values over a filter that takes one: several streams, each call once.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'ringyo', 'acme');
CALL sim.set('all', 'calls', '20000');
-- Counts read everything here.
ALTER SERVER tryvox OPTIONS (ADD trust_total 'false');
SET timezone = 'UTC';
CREATE TABLE local_tryvox (LIKE tryvox.calls);
CREATE TABLE local_solomobile (LIKE solomobile.calls);
CREATE TABLE local_ringyo (LIKE ringyo.calls);
SELECT sim.load('tryvox', 'local_tryvox'), sim.load('solomobile', 'local_solomobile'), sim.load('ringyo', 'local_ringyo');
-- Compares the rows with a local copy, and shows the first request of every stream.
CREATE FUNCTION compare(provider text, condition text) RETURNS TABLE (same bool, some_rows bool, streams text[]) LANGUAGE plpgsql AS $$
DECLARE
  a text;
  b text;
BEGIN
  PERFORM sim.get('/_sim/clear');
  EXECUTE format('SELECT md5(array_agg(t::text ORDER BY t::text)::text) FROM %I.calls AS t WHERE %s', provider, condition) INTO a;
  EXECUTE format('SELECT md5(array_agg(t::text ORDER BY t::text)::text) FROM %I AS t WHERE %s', 'local_' || provider, condition) INTO b;
  same := a IS NOT DISTINCT FROM b;
  some_rows := a IS NOT NULL;
  SELECT array_agg(s ORDER BY n) INTO streams
  FROM (SELECT min(n) AS n, coalesce(nullif(body - 'limit' - 'offset', '{}'), query - 'page' - 'per_page' - 'limit' - 'cursor')::text AS s
        FROM sim.log(provider) GROUP BY 2) AS requests;
  RETURN NEXT;
END $$;
\pset format unaligned

-- IN, = ANY with run-time arrays, sub-selects; statuses that a call leaves are
-- read first.
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM tryvox.calls WHERE status IN ('busy', 'no_answer', 'ringing');
SELECT * FROM compare('tryvox', $$status IN ('busy', 'no_answer', 'ringing')$$);
SELECT * FROM compare('tryvox', $$status = ANY (ARRAY(SELECT unnest('{busy,no_answer,NULL}'::text[])))$$);
SELECT * FROM compare('tryvox', $$provider_status IN ('in-progress', 'completed', 'ringing')$$);
PREPARE q(text[]) AS SELECT count(*) FROM tryvox.calls WHERE to_number = ANY ($1);
SET plan_cache_mode = force_generic_plan;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE q('{+14155550100,+14155550101}');
CALL sim.clear();
EXECUTE q('{+14155550100,+14155550101,NULL}');
SELECT query FROM sim.log('tryvox');
RESET plan_cache_mode;
-- IN x IN.
SELECT * FROM compare('tryvox', $$status IN ('busy', 'failed') AND direction IN ('inbound', 'outbound')$$);
-- OR of equalities on several columns: a call that satisfies more than one arm
-- comes once.
SELECT * FROM compare('tryvox', $$status = 'busy' OR direction = 'inbound'$$);
SELECT from_number AS a, to_number AS b FROM local_tryvox WHERE from_number ~ '^\+' AND to_number ~ '^\+' ORDER BY started_at DESC, call_id LIMIT 1 \gset
SELECT same, some_rows, array_length(streams, 1) FROM compare('tryvox', format('from_number = %L OR to_number IN (%L, %L)', :'a', :'b', :'a'));
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM tryvox.calls WHERE from_number = '+14155550100' OR to_number = '+14155550100';
-- Solo Mobile's parameter answers the OR of both numbers in one stream.
SELECT * FROM compare('solomobile', $$from_number = '+18005551001' OR to_number = '+18005551001'$$);
SELECT * FROM compare('solomobile', $$from_number = '+18005551001' OR to_number = '+18005551002'$$);
SELECT * FROM compare('solomobile', $$from_number IN ('+18005551001', '+18005551002') AND status = 'completed'$$);
-- An arm that no call can satisfy needs no stream; one that cannot be sent
-- keeps the whole OR local.
ALTER SERVER ringyo OPTIONS (ADD max_connections '1');
SELECT * FROM compare('ringyo', $$direction = 'inbound' OR status = 'busy'$$);
SELECT * FROM compare('ringyo', $$agent_id = ' ' OR status = 'busy'$$);
SELECT * FROM compare('ringyo', $$direction = 'inbound' OR provider = 'x'$$);
-- Not beyond max_fanout.
ALTER SERVER tryvox OPTIONS (ADD max_fanout '3');
SELECT * FROM compare('tryvox', $$status IN ('busy', 'failed', 'canceled') AND direction IN ('inbound', 'outbound')$$);
ALTER SERVER tryvox OPTIONS (SET max_fanout '1');
SELECT * FROM compare('tryvox', $$status IN ('busy', 'failed')$$);
ALTER SERVER tryvox OPTIONS (DROP max_fanout);
-- Long lists go in chunks where the API takes lists.
CALL sim.clear();
SELECT count(*) > 0 AS found FROM voicy.calls
WHERE agent_id = ANY (ARRAY(SELECT '00000000-0000-4000-8000-' || lpad(n::text, 12, '0') FROM generate_series(1, 1200) AS n)
                      || (SELECT array_agg(DISTINCT agent_id) FROM voicy.calls WHERE agent_id IS NOT NULL));
SELECT DISTINCT jsonb_array_length(body->'filter_criteria'->'agent_id') FROM sim.log('voicy') WHERE body->'filter_criteria' ? 'agent_id' ORDER BY 1;

-- The order of started_at, merged over the streams.
EXPLAIN (VERBOSE, COSTS OFF) SELECT started_at FROM tryvox.calls WHERE direction IN ('inbound', 'outbound') ORDER BY started_at DESC LIMIT 5;
CALL sim.clear();
SELECT (SELECT array_agg(started_at) FROM (SELECT started_at FROM tryvox.calls WHERE direction IN ('inbound', 'outbound') ORDER BY started_at DESC LIMIT 5) AS f)
     = (SELECT array_agg(started_at) FROM (SELECT started_at FROM local_tryvox WHERE direction IN ('inbound', 'outbound') ORDER BY started_at DESC LIMIT 5) AS l) AS same;
SELECT count(*), max(rows) FROM sim.log('tryvox');
-- Not over those of the status, which have an order of their own.
EXPLAIN (COSTS OFF) SELECT started_at FROM tryvox.calls WHERE status IN ('busy', 'failed') ORDER BY started_at DESC LIMIT 5;

-- A provider that ignores its filters: every stream returns every call.
CALL sim.set('tryvox', 'filters', 'off');
SELECT same, some_rows FROM compare('tryvox', $$status IN ('busy', 'no_answer') OR direction = 'inbound'$$);
CALL sim.set('tryvox', 'filters', 'on');

-- Calls that move on while the streams are read: none of those that were
-- running is lost, none comes twice. (The simulator would let finished calls
-- change between two final states in the end, so there are but two changes.)
CALL sim.set('tryvox', 'calls', '900');
TRUNCATE local_tryvox;
SELECT sim.load('tryvox', 'local_tryvox');
CREATE FUNCTION moving(after int) RETURNS TABLE (missing bigint, twice bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM sim.get('/_sim/reset');
  PERFORM sim.get('/_sim/set?provider=tryvox&calls=900');
  TRUNCATE local_tryvox;
  PERFORM sim.load('tryvox', 'local_tryvox');
  FOR i IN 1..2 LOOP
    PERFORM sim.get('/_sim/change?provider=tryvox&update=12&after=' || i * after);
  END LOOP;
  CREATE TEMP TABLE seen AS SELECT call_id FROM tryvox.calls WHERE status IN ('ringing', 'in_progress', 'completed', 'failed');
  SELECT count(*) FILTER (WHERE call_id NOT IN (SELECT call_id FROM seen)) INTO missing
  FROM local_tryvox WHERE status IN ('ringing', 'in_progress');
  SELECT count(*) - count(DISTINCT call_id) INTO twice FROM seen;
  DROP TABLE seen;
  RETURN NEXT;
END $$;
ALTER SERVER tryvox OPTIONS (ADD on_incomplete 'ignore');
SELECT after, m.* FROM generate_series(1, 3) AS after, moving(after) AS m;
