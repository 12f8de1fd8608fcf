-- Counts from the provider's total, one page bearing it out; by scanning where
-- it does not, or where the total is of other calls than the query's.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo', 'acme');
-- A list without a total is read one page at a time, so that requests can be counted.
ALTER SERVER voicy OPTIONS (ADD max_connections '1');
CALL sim.set('all', 'calls', '20000');
CREATE SCHEMA local;
DO $$
DECLARE
  provider text;
BEGIN
  FOREACH provider IN ARRAY '{voicy,tryvox,solomobile,whippy,ringyo,acme}'::text[] LOOP
    EXECUTE format('CREATE TABLE local.%I (LIKE %I.calls)', provider, provider);
    PERFORM sim.load(provider, format('local.%I', provider));
  END LOOP;
END $$;
-- Compares statements in which {tryvox} stands for the foreign table with the
-- same over a local copy, and counts the requests. The plan's first line says
-- how often a total was to be asked for.
CREATE FUNCTION compare(query text, provider text DEFAULT 'tryvox')
RETURNS TABLE (same bool, some_rows bool, requests int, remote_counts int) LANGUAGE plpgsql AS $$
DECLARE
  a text;
  b text;
  line text;
BEGIN
  remote_counts := 0;
  FOR line IN EXECUTE 'EXPLAIN ' || regexp_replace(query, '\{(\w+)\}', '\1.calls', 'g') LOOP
    remote_counts := remote_counts + (line ~ 'Remote Count')::int;
  END LOOP;
  PERFORM sim.get('/_sim/clear');
  EXECUTE format('SELECT array_agg(q::text ORDER BY q::text)::text FROM (%s) AS q', regexp_replace(query, '\{(\w+)\}', '\1.calls', 'g')) INTO a;
  requests := sim.requests(provider);
  EXECUTE format('SELECT array_agg(q::text ORDER BY q::text)::text FROM (%s) AS q', regexp_replace(query, '\{(\w+)\}', 'local.\1', 'g')) INTO b;
  same := a IS NOT DISTINCT FROM b;
  some_rows := a IS NOT NULL;
  RETURN NEXT;
END $$;
-- The counting node of a plan.
CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
    EXIT WHEN line ~ 'Aggregate';
    RETURN NEXT line;
  END LOOP;
END $$;
\pset format unaligned
\pset footer off

-- One request, whatever is counted: calls, constants, ids.
SELECT * FROM compare('SELECT count(*) FROM {tryvox}');
SELECT * FROM compare('SELECT count(1), count(call_id) + 1 AS more, ''x'' AS x, round(count(*) / 3.0, 2) FROM {tryvox} AS v');
SELECT p, c.* FROM unnest('{voicy,solomobile,whippy,ringyo,acme}'::text[]) AS p, compare(format('SELECT count(*) FROM {%s}', p), p) AS c;
SELECT explained('SELECT count(*) FROM tryvox.calls');
-- With the filters that the provider evaluates exactly.
SELECT * FROM compare('SELECT count(*) FROM {tryvox} WHERE status = ''busy''');
SELECT * FROM compare('SELECT count(*) FROM {tryvox} WHERE status = ''busy'' AND direction = ''inbound'' AND source = ''tryvox''');
SELECT * FROM compare('SELECT count(*) FROM {ringyo} WHERE agent_id = (SELECT agent_id FROM local.ringyo ORDER BY call_id LIMIT 1)', 'ringyo');
SELECT * FROM compare('SELECT count(*) FROM {tryvox} WHERE to_number IN (SELECT ''+19999999999'')');
-- Several values are several totals.
SELECT * FROM compare('SELECT count(*) FROM {tryvox} WHERE status IN (''busy'', ''failed'', ''canceled'')');
SELECT * FROM compare('SELECT count(*) FROM {tryvox} WHERE status IN (''busy'', ''failed'') AND direction IN (''inbound'', ''outbound'')');
SELECT * FROM compare('SELECT count(*) FROM {acme} WHERE status IN (''completed'', ''no_answer'')', 'acme');
SELECT explained('SELECT count(*) FROM tryvox.calls WHERE status IN (''busy'', ''failed'')');
-- None for a contradiction.
SELECT * FROM compare('SELECT count(*) FROM {tryvox} WHERE status = ''busy'' AND status = ''failed''');
SELECT * FROM compare('SELECT count(*) FROM {tryvox} WHERE agent_id = ''x''');
SELECT * FROM compare('SELECT status, count(*) FROM {tryvox} WHERE source = ''x'' GROUP BY status');
SELECT explained('SELECT count(*) FROM tryvox.calls WHERE source = ''x''');
-- EXISTS is one page.
SELECT * FROM compare('SELECT EXISTS (SELECT FROM {tryvox} WHERE status = ''busy'')');

-- Groups: a total per word, and one of all, to which they have to add up.
SELECT * FROM compare('SELECT status, count(*) FROM {tryvox} GROUP BY status');
SELECT * FROM compare('SELECT direction, count(call_id), count(*) FROM {tryvox} GROUP BY direction');
SELECT * FROM compare('SELECT count(*), upper(provider_status) FROM {tryvox} GROUP BY provider_status');
SELECT * FROM compare('SELECT count(*) FROM {tryvox} WHERE direction = ''inbound'' GROUP BY status');
SELECT * FROM compare('SELECT status, count(*) FROM {ringyo} GROUP BY status', 'ringyo');
SELECT * FROM compare('SELECT direction, count(*) FROM {solomobile} GROUP BY direction', 'solomobile');
SELECT * FROM compare('SELECT status, count(*) FROM {acme} GROUP BY status', 'acme');
SELECT explained('SELECT status, count(*) FROM tryvox.calls WHERE direction = ''inbound'' GROUP BY status');
-- Words that the query names itself need no total of all.
SELECT * FROM compare('SELECT status, count(*) FROM {tryvox} WHERE status IN (''busy'', ''failed'') GROUP BY status');
-- The totals of the words come together, once the first page looks good.
CALL sim.set('tryvox', 'latency', '50');
CALL sim.clear();
SELECT count(*) FROM (SELECT status, count(*) FROM tryvox.calls GROUP BY status) AS words;
SELECT string_agg((line::jsonb->>'inflight')::int::text, ' ' ORDER BY n) ~ '^1 .*[2-4]' AS together
FROM regexp_split_to_table(sim.get('/_sim/log?provider=tryvox'), E'\n') WITH ORDINALITY AS l (line, n) WHERE line <> '';
CALL sim.set('tryvox', 'latency', '0');
-- By what is the same for all calls.
SELECT * FROM compare('SELECT source, provider, count(*) FROM {tryvox} GROUP BY source, provider');
SELECT * FROM compare('SELECT source, status, count(*) FROM {tryvox} GROUP BY status, source');
SELECT * FROM compare('SELECT provider, count(*) FROM {tryvox} WHERE to_number = ''+19999999999'' GROUP BY provider');
-- Several words over one filter each: totals of three streams.
SELECT * FROM compare('SELECT direction, count(*) FROM {tryvox} WHERE status IN (''busy'', ''failed'', ''canceled'') GROUP BY direction');
-- Words that no filter takes (solomobile's has none for calls that go on) show
-- on the first page, or in the sum.
SELECT * FROM compare('SELECT status, count(*) FROM {solomobile} GROUP BY status', 'solomobile');
CALL sim.set('all', 'statuses', 'all');
TRUNCATE local.solomobile, local.ringyo;
SELECT sim.load('solomobile', 'local.solomobile'), sim.load('ringyo', 'local.ringyo');
SELECT same, requests > 200 AS scanned, remote_counts FROM compare('SELECT status, count(*) FROM {solomobile} GROUP BY status', 'solomobile');
SELECT same, requests > 200 AS scanned, remote_counts FROM compare('SELECT status, count(*) FROM {ringyo} GROUP BY status', 'ringyo');
CALL sim.set('all', 'statuses', 'listed');
TRUNCATE local.solomobile, local.ringyo;
SELECT sim.load('solomobile', 'local.solomobile'), sim.load('ringyo', 'local.ringyo');

-- Not from the total: dates, whose bounds are supersets; what is local; ORs
-- over several columns; other aggregates, and other columns.
SELECT q, c.same, c.some_rows, c.requests > 1 AS many_requests, c.remote_counts
FROM unnest(ARRAY[
  'SELECT count(*) FROM {tryvox} WHERE started_at >= ''2026-10-20''',
  'SELECT count(*) FROM {tryvox} WHERE status <> ''busy''',
  'SELECT count(*) FROM {tryvox} WHERE status IN (''busy'', ''Busy'')',
  'SELECT count(*) FROM {tryvox} WHERE to_number = ''555-1234''',
  'SELECT count(*) FROM {tryvox} WHERE from_number = ''+18005551001'' OR to_number = ''+18005551001''',
  'SELECT count(*) FROM {tryvox} WHERE status = ''busy'' AND provider_status = ''busy''',
  'SELECT count(*), max(started_at) FROM {tryvox} WHERE status = ''busy''',
  'SELECT count(*) FILTER (WHERE direction = ''inbound'') FROM {tryvox} WHERE status = ''busy''',
  'SELECT count(DISTINCT call_id) FROM {tryvox} WHERE status = ''busy''',
  'SELECT count(*) FROM {tryvox} WHERE status = ''busy'' HAVING count(*) > 3',
  'SELECT count(NULL), count(*) FROM {tryvox} WHERE status = ''busy''',
  'SELECT count(from_number) FROM {tryvox} WHERE status = ''busy''',
  'SELECT status, direction, count(*) FROM {tryvox} WHERE status = ''busy'' GROUP BY GROUPING SETS (status, direction)',
  'SELECT lower(status), count(*) FROM {tryvox} WHERE status = ''busy'' GROUP BY 1',
  'SELECT to_number, count(*) FROM {tryvox} WHERE status = ''busy'' GROUP BY to_number',
  'SELECT status, direction, count(*) FROM {tryvox} WHERE status = ''busy'' GROUP BY status, direction',
  'SELECT count(*), generate_series(1, 2) FROM {tryvox} WHERE status = ''busy''',
  'SELECT count(*) FROM (SELECT * FROM {tryvox} LIMIT 500) AS v',
  'SELECT count(*) FROM {tryvox} AS v JOIN {tryvox} AS w USING (call_id) WHERE v.status = ''busy'' AND w.status = ''busy'''])
  WITH ORDINALITY AS q (q, n), compare(q) AS c ORDER BY n;
-- A total counts calls without a start, too; nothing that is about them comes from it.
SELECT p, q, c.same, c.some_rows, c.requests > 1 AS many_requests, c.remote_counts
FROM unnest('{solomobile,whippy}'::text[]) AS p, unnest(ARRAY[
  'SELECT count(*) FROM {%1$I}',
  'SELECT count(started_at), count(*) FROM {%1$I}',
  'SELECT count(*) FROM {%1$I} WHERE started_at IS NULL',
  'SELECT count(*) FROM {%1$I} WHERE started_at >= ''2026-10-20'''])
  WITH ORDINALITY AS q (q, n), compare(format(q, p), p) AS c ORDER BY p, n;
-- A condition without a column is no business of the provider's.
SELECT * FROM compare('SELECT count(*) FROM {tryvox} WHERE current_setting(''work_mem'') = ''none''');

-- Totals that the page refutes: the rows are counted.
CREATE FUNCTION doubted(provider text, switch text, value text, VARIADIC queries text[])
RETURNS TABLE (query text, same bool, scanned bool, remote_counts int) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER SERVER %I OPTIONS (ADD on_incomplete ''ignore'')', provider);
  PERFORM sim.get('/_sim/set?provider=' || provider || sim.query(ARRAY[switch || '=' || value]));
  FOREACH query IN ARRAY queries LOOP
    SELECT c.same, c.requests > 8, c.remote_counts INTO same, scanned, remote_counts FROM compare(query, provider) AS c;
    RETURN NEXT;
  END LOOP;
  EXECUTE format('ALTER SERVER %I OPTIONS (DROP on_incomplete)', provider);
  PERFORM sim.get('/_sim/set?provider=' || provider || '&filters=on&total=exact&max_limit=0');
END $$;
-- Filters are ignored. A session that has seen it does not count by them again.
SELECT * FROM doubted('tryvox', 'filters', 'off', 'SELECT count(*) FROM {tryvox} WHERE status = ''busy''',
  'SELECT count(*) FROM {tryvox} WHERE to_number = ''+14155550100''',
  'SELECT status, count(*) FROM {tryvox} GROUP BY status');
\c
SELECT * FROM doubted('tryvox', 'filters', 'off', 'SELECT status, count(*) FROM {tryvox} GROUP BY status');
\c
SELECT * FROM doubted('tryvox', 'filters', 'off', 'SELECT count(*) FROM {tryvox} WHERE status = ''busy'' AND direction = ''inbound''');
\c
-- Several values in a request each: all rows satisfy the query, but each
-- request is answered by all of them.
SELECT * FROM doubted('tryvox', 'filters', 'off',
  'SELECT count(*) FROM {tryvox} WHERE status IN (''ringing'', ''in_progress'', ''completed'', ''failed'', ''busy'', ''no_answer'', ''canceled'')');
\c
-- One of two filters, and the one that the groups need.
SELECT * FROM doubted('tryvox', 'filters', 'direction', 'SELECT count(*) FROM {tryvox} WHERE status = ''busy'' AND direction = ''inbound''');
\c
SELECT * FROM doubted('tryvox', 'filters', 'direction', 'SELECT direction, count(*) FROM {tryvox} GROUP BY direction');
\c
-- Totals are missing, or capped.
SELECT p, d.* FROM unnest('{tryvox,solomobile,whippy,ringyo,acme}'::text[]) AS p,
  doubted(p, 'total', 'missing', format('SELECT count(*) FROM {%s}', p), format('SELECT provider, count(*) FROM {%s} GROUP BY provider', p)) AS d;
SELECT p, d.* FROM unnest('{tryvox,solomobile,whippy,ringyo,acme}'::text[]) AS p,
  doubted(p, 'total', 'capped', format('SELECT count(*) FROM {%s}', p)) AS d;
-- Smaller than the rows that came; as many, though there are more; TryVox's
-- number of pages refutes any that is far off.
SELECT p, d.* FROM unnest('{tryvox,solomobile,whippy,ringyo,acme}'::text[]) AS p,
  doubted(p, 'total', '-19980', format('SELECT count(*) FROM {%s}', p)) AS d;
SELECT p, d.* FROM unnest('{tryvox,solomobile,ringyo}'::text[]) AS p,
  doubted(p, 'total', '-19900', format('SELECT count(*) FROM {%s}', p)) AS d;
SELECT * FROM doubted('tryvox', 'total', '+1', 'SELECT count(*) FROM {tryvox}');
SELECT * FROM doubted('tryvox', 'total', '-200', 'SELECT count(*) FROM {tryvox}');
-- Parts that do not add up.
CALL sim.fault('ringyo', 'value', 'row=-1', 'field=total', 'json=20001');
SELECT same, some_rows, requests > 200 AS scanned FROM compare('SELECT status, count(*) FROM {ringyo} GROUP BY status', 'ringyo');
CALL sim.fault('ringyo', 'value', 'row=-1', 'field=total', 'json="20000"');
SELECT same, some_rows, requests > 200 AS scanned FROM compare('SELECT count(*) FROM {ringyo}', 'ringyo');
-- A call without an id, which count(call_id) leaves out.
CALL sim.fault('ringyo', 'value', 'row=3', 'field=id', 'json=null', 'count=2');
SELECT count(call_id) = 19999 AS without, sim.requests('ringyo') > 200 AS scanned FROM ringyo.calls;
-- A page smaller than asked for, but with the right total.
CALL sim.set('all', 'max_limit', '40');
SELECT p, c.* FROM unnest('{tryvox,solomobile,ringyo,acme}'::text[]) AS p, compare(format('SELECT count(*) FROM {%s}', p), p) AS c;
CALL sim.set('all', 'max_limit', '0');

-- A log of one page: the total is the number of rows, or wrong.
CALL sim.set('all', 'calls', '30');
TRUNCATE local.voicy, local.tryvox, local.solomobile, local.whippy, local.ringyo, local.acme;
SELECT p, sim.load(p, 'local.' || p) FROM unnest('{tryvox,solomobile,whippy,ringyo,acme}'::text[]) AS p;
SELECT p, c.* FROM unnest('{tryvox,solomobile,whippy,ringyo,acme}'::text[]) AS p, compare(format('SELECT count(*) FROM {%s}', p), p) AS c;
CALL sim.set('all', 'total', '+1');
DO $$
DECLARE
  provider text;
BEGIN
  FOREACH provider IN ARRAY '{voicy,tryvox,solomobile,whippy,ringyo,acme}'::text[] LOOP
    EXECUTE format('ALTER SERVER %I OPTIONS (ADD on_incomplete ''ignore'')', provider);
  END LOOP;
END $$;
SELECT p, c.same FROM unnest('{tryvox,solomobile,whippy,ringyo,acme}'::text[]) AS p, compare(format('SELECT count(*) FROM {%s}', p), p) AS c;
CALL sim.set('all', 'total', '-1');
SELECT p, c.same FROM unnest('{tryvox,solomobile,whippy,ringyo,acme}'::text[]) AS p, compare(format('SELECT count(*) FROM {%s}', p), p) AS c;
CALL sim.set('all', 'total', 'exact');
-- An empty one.
CALL sim.set('all', 'calls', '0');
TRUNCATE local.voicy, local.tryvox, local.solomobile, local.whippy, local.ringyo, local.acme;
SELECT p, c.* FROM unnest('{tryvox,solomobile,whippy,ringyo,acme}'::text[]) AS p, compare(format('SELECT count(*) FROM {%s}', p), p) AS c;
SELECT * FROM compare('SELECT status, count(*) FROM {tryvox} GROUP BY status');
SELECT * FROM compare('SELECT source, count(*) FROM {tryvox} GROUP BY source');
CALL sim.set('all', 'calls', '20000');
SELECT p, sim.load(p, 'local.' || p) FROM unnest('{tryvox,solomobile,whippy,ringyo,acme}'::text[]) AS p;

-- trust_total switches it off; so do fewer requests than it needs, and pushdown.
ALTER SERVER tryvox OPTIONS (ADD trust_total 'false');
SELECT same, requests > 8 AS scanned, remote_counts FROM compare('SELECT count(*) FROM {tryvox} WHERE status = ''failed''');
ALTER SERVER tryvox OPTIONS (DROP trust_total);
ALTER FOREIGN TABLE tryvox.calls OPTIONS (ADD max_requests '2');
SELECT * FROM compare('SELECT count(*) FROM {tryvox} WHERE to_number = ''+14155550100''');
SELECT * FROM compare('SELECT status, count(*) FROM {tryvox} WHERE to_number = ''+14155550100'' GROUP BY status');
ALTER FOREIGN TABLE tryvox.calls OPTIONS (DROP max_requests, ADD pushdown 'direction');
SELECT same, remote_counts FROM compare('SELECT count(*) FROM {tryvox} WHERE status = ''busy''');
SELECT same, requests, remote_counts FROM compare('SELECT count(*) FROM {tryvox} WHERE direction = ''inbound''');
ALTER FOREIGN TABLE tryvox.calls OPTIONS (DROP pushdown);
-- Columns of a type, or a collation, in which words are not what they are.
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE FOREIGN TABLE tryvox.odd (
  id integer OPTIONS (column_name 'call_id'),
  status varchar(3),
  direction text COLLATE ignore_case,
  word varchar OPTIONS (column_name 'status'),
  hidden text OPTIONS (path 'status')) SERVER tryvox;
SELECT explained('SELECT count(id) FROM tryvox.odd');
SELECT explained('SELECT count(*) FROM tryvox.odd GROUP BY status');
SELECT explained('SELECT count(*) FROM tryvox.odd GROUP BY direction');
SELECT explained('SELECT count(*) FROM tryvox.odd GROUP BY hidden');
SELECT explained('SELECT count(*) FROM tryvox.odd GROUP BY word');

-- Parameters: what they are decides when they are known.
PREPARE by_status(text) AS SELECT count(*) FROM tryvox.calls WHERE status = $1;
SET plan_cache_mode = force_generic_plan;
CALL sim.clear();
EXECUTE by_status('busy');
SELECT sim.requests('tryvox');
EXECUTE by_status(NULL);
SELECT sim.requests('tryvox');
EXECUTE by_status('Busy'); -- not a word that can be sent: scanned
SELECT sim.requests('tryvox') > 200 AS scanned, (SELECT count(*) FROM local.tryvox WHERE status = 'busy') AS busy;
RESET plan_cache_mode;
PREPARE by_words(text[], text) AS SELECT direction, count(*) FROM tryvox.calls WHERE status = ANY ($1) AND from_number = $2 GROUP BY direction ORDER BY 1;
SELECT from_number AS caller FROM local.tryvox WHERE direction = 'outbound' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1 \gset
EXECUTE by_words('{busy}', :'caller');
EXECUTE by_words('{busy,failed}', :'caller');
EXECUTE by_words('{busy,failed}', :'caller');
EXECUTE by_words('{}', :'caller');
EXECUTE by_words(NULL, :'caller');
EXECUTE by_words('{busy,NULL}', NULL);
EXECUTE by_words('{busy,NULL}', :'caller');
EXECUTE by_words('{odd,busy}', :'caller');
SELECT direction, count(*) FROM local.tryvox WHERE status IN ('busy', 'failed') AND from_number = :'caller' GROUP BY direction ORDER BY 1;

-- Rescans: parameters change, or do not.
CREATE TABLE words (n int, word text);
INSERT INTO words VALUES (1, 'busy'), (2, 'failed'), (3, 'busy'), (4, NULL), (5, 'Busy'), (6, 'canceled'), (7, 'Busy');
ANALYZE tryvox.calls;
SET enable_memoize = off;
SELECT same, requests BETWEEN 203 AND 250 AS one_scan, remote_counts FROM compare('SELECT n, (SELECT count(*) FROM {tryvox} WHERE status = word) FROM words');
SELECT same, requests, remote_counts FROM compare('SELECT n, c FROM words, LATERAL (SELECT count(*) AS c FROM {tryvox} WHERE status = word OFFSET 0) AS v WHERE n IN (1, 2, 3, 4, 6)');
SELECT same, requests, remote_counts FROM compare('SELECT n, d, c FROM words, LATERAL (SELECT direction, count(*) FROM {tryvox} WHERE status = word GROUP BY direction) AS v (d, c) WHERE n < 5');
SELECT same, requests, remote_counts FROM compare('SELECT n, c FROM words, LATERAL (SELECT count(*) + n AS c FROM {tryvox} WHERE status = ''busy'') AS v');
CALL sim.set('tryvox', 'total', 'missing');
SELECT same, requests < 60 AS few, remote_counts FROM compare('SELECT n, c FROM words, LATERAL (SELECT count(*) + n AS c FROM {tryvox} WHERE status = ''busy'') AS v WHERE n < 4');
SELECT same, requests BETWEEN 203 AND 250 AS one_scan, remote_counts FROM compare('SELECT n, (SELECT count(*) FROM {tryvox} WHERE status = word) FROM words');
CALL sim.set('tryvox', 'total', 'exact');
RESET enable_memoize;

-- A count can be canceled, and fails as a scan does.
CALL sim.fault('tryvox', 'hang', 'count=-1');
SET statement_timeout = '300ms';
SELECT count(*) FROM tryvox.calls; -- ERROR
RESET statement_timeout;
CALL sim.reset();
CALL sim.set('all', 'calls', '20000');
CALL sim.fault('tryvox', 'status', 'code=401');
SELECT count(*) FROM tryvox.calls; -- ERROR
-- A reply that is no page is for the scan to read again.
CALL sim.fault('tryvox', 'html');
SELECT count(*) FROM tryvox.calls;
-- Cursors, there and back.
BEGIN;
CALL sim.clear();
DECLARE c SCROLL CURSOR FOR SELECT direction, count(*) FROM tryvox.calls WHERE status = 'busy' GROUP BY direction;
SELECT sim.requests('tryvox');
FETCH 1 FROM c;
FETCH ALL FROM c;
FETCH FIRST FROM c;
SELECT sim.requests('tryvox');
COMMIT;
-- A security barrier: its own condition is counted, others are not.
CREATE VIEW guarded WITH (security_barrier) AS SELECT * FROM tryvox.calls WHERE status = 'busy';
CREATE VIEW guarded_count WITH (security_barrier) AS SELECT count(*) FROM tryvox.calls WHERE status = 'busy';
SELECT (SELECT count(*) FROM guarded) = count(*) AS same, (SELECT count(*) FROM guarded WHERE direction = 'inbound') = count(*) FILTER (WHERE direction = 'inbound') AS same
FROM local.tryvox WHERE status = 'busy';
CALL sim.clear();
SELECT count = (SELECT count(*) FROM local.tryvox WHERE status = 'busy') AS same, sim.requests('tryvox') FROM guarded_count;
-- A view's owner asks, with a key of its own.
CREATE ROLE regress_calls_reader;
GRANT USAGE ON SCHEMA tryvox TO regress_calls_reader;
GRANT SELECT ON guarded_count, tryvox.calls TO regress_calls_reader;
SET ROLE regress_calls_reader;
SELECT count > 0 AS some FROM guarded_count;
SELECT count(*) FROM tryvox.calls; -- ERROR
RESET ROLE;
REVOKE ALL ON guarded_count, tryvox.calls FROM regress_calls_reader;
REVOKE ALL ON SCHEMA tryvox FROM regress_calls_reader;
DROP ROLE regress_calls_reader;

-- Partitions: a total each.
CREATE TABLE all_calls (source text, provider text, call_id text, status text, direction text) PARTITION BY LIST (source);
CREATE FOREIGN TABLE part_voicy PARTITION OF all_calls FOR VALUES IN ('voicy') SERVER voicy;
CREATE FOREIGN TABLE part_tryvox PARTITION OF all_calls FOR VALUES IN ('tryvox') SERVER tryvox;
CREATE FOREIGN TABLE part_ringyo PARTITION OF all_calls FOR VALUES IN ('ringyo') SERVER ringyo;
CREATE TABLE part_local PARTITION OF all_calls DEFAULT;
INSERT INTO part_local VALUES ('else', 'else', '1', 'busy', NULL), ('else', 'else', '2', 'odd', NULL);
CREATE SCHEMA everyone;
ALTER TABLE all_calls SET SCHEMA everyone;
ALTER TABLE everyone.all_calls RENAME TO calls;
CREATE VIEW local.everyone AS SELECT source, provider, call_id, status, direction FROM local.tryvox
  UNION ALL SELECT source, provider, call_id, status, direction FROM local.ringyo UNION ALL TABLE part_local;
CALL sim.set('voicy', 'calls', '0');
SET enable_partitionwise_aggregate = on;
SELECT p, c.same, c.requests, c.remote_counts
FROM unnest('{tryvox,ringyo}'::text[]) AS p,
     compare('SELECT count(*) FROM {everyone}', p) AS c;
SELECT * FROM compare('SELECT source, count(*) FROM {everyone} GROUP BY source');
SELECT * FROM compare('SELECT source, status, count(call_id) FROM {everyone} GROUP BY source, status');
SELECT * FROM compare('SELECT status, count(*), count(1) FROM {everyone} GROUP BY status');
SELECT * FROM compare('SELECT count(*) FROM {everyone} WHERE status = ''busy''');
SELECT same, remote_counts FROM compare('SELECT provider, count(*) FROM {everyone} WHERE status = ''busy'' GROUP BY provider HAVING count(*) > 3');
EXPLAIN (VERBOSE, COSTS OFF) SELECT count(*) FROM everyone.calls WHERE source IN ('tryvox', 'ringyo');
CALL sim.set('tryvox', 'total', 'missing');
SELECT same, requests > 200 AS scanned, remote_counts FROM compare('SELECT status, count(*) FROM {everyone} GROUP BY status');
CALL sim.set('tryvox', 'total', 'exact');
RESET enable_partitionwise_aggregate;
-- EXPLAIN ANALYZE: what the count cost, and that nothing else was read.
CREATE FUNCTION analyzed(query text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT regexp_replace(line, 'rows=(\d+)\.00', 'rows=\1') FROM sim.explain(query, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF') AS line
  WHERE line !~ 'Bytes|Buffers|Planning|Retries'
$$;
SELECT analyzed('SELECT count(*) FROM tryvox.calls WHERE to_number = ''+19999999999''');
SELECT analyzed('SELECT count(*) FROM tryvox.calls WHERE status = concat(''B'', ''usy'') AND to_number = ''+19999999999''');
