-- Providers that do not keep to their own filters and totals: what is counted,
-- and what no longer rests on them.
\i sql/_setup.sql
CALL sim.connect('tryvox', 'voicy', 'ringyo');
CREATE FUNCTION figures(query text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT trim(line) FROM sim.explain(query, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF') AS line
  WHERE line ~ 'Rows Removed by|Lists Not Verified|Rows Received|Requests'
$$;
CREATE VIEW sizes AS SELECT query->>'per_page' AS per_page FROM sim.log('tryvox') ORDER BY n;

-- An exact filter turns a LIMIT into the size of the page.
CALL sim.clear();
SELECT count(*) FROM (SELECT 1 FROM tryvox.calls WHERE status = 'busy' LIMIT 3) AS three;
SELECT * FROM sizes;
-- A provider that ignores it: the rows are right, the wrong ones are counted,
CALL sim.set('tryvox', 'filters', 'off');
SELECT * FROM figures('SELECT call_id FROM tryvox.calls WHERE status = ''busy''');
SELECT rechecked_away > 0 AS counted FROM calls_fdw_stats() WHERE server = 'tryvox';
-- and from then on it is not relied on, even if it works again.
CALL sim.set('tryvox', 'filters', 'on');
CALL sim.clear();
SELECT count(*) FROM (SELECT 1 FROM tryvox.calls WHERE status = 'busy' LIMIT 3) AS three;
SELECT * FROM sizes;
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM tryvox.calls WHERE status = 'busy' AND direction = 'inbound';
-- Other filters, other servers and other sessions are.
CALL sim.clear();
SELECT count(*) FROM (SELECT 1 FROM tryvox.calls WHERE direction = 'inbound' LIMIT 3) AS three;
SELECT * FROM sizes;
\c
CALL sim.clear();
SELECT count(*) FROM (SELECT 1 FROM tryvox.calls WHERE status = 'busy' LIMIT 3) AS three;
SELECT * FROM sizes;

-- Calls beyond a bound that was sent are counted too, once where they are wrong
-- in other ways as well.
CALL sim.set('ringyo', 'filters', 'off');
SELECT * FROM figures('SELECT call_id FROM ringyo.calls WHERE started_at >= ''2026-10-30''') AS f WHERE f ~ 'Removed';
SELECT * FROM figures('SELECT call_id FROM ringyo.calls WHERE started_at < ''2026-10-30'' AND status = ''busy''') AS f WHERE f ~ 'Removed';
SELECT rechecked_away FROM calls_fdw_stats() WHERE server = 'ringyo';
-- Not those within what was sent, be it wider than the condition: a date is sent
-- with a day and two hours on either side.
CREATE FOREIGN TABLE dates (call_id text, started_at date) SERVER ringyo;
SELECT * FROM figures('SELECT call_id FROM dates WHERE started_at >= ''2026-10-30''') AS f WHERE f ~ 'Removed';
CALL sim.set('ringyo', 'filters', 'on');
SELECT * FROM figures('SELECT call_id FROM dates WHERE started_at >= ''2026-10-30''') AS f WHERE f ~ 'Removed';
SELECT rechecked_away FROM calls_fdw_stats() WHERE server = 'ringyo';
DROP FOREIGN TABLE dates;
-- An exact bound is not relied on after that, in this session.
SELECT replace(calls_fdw_definition('ringyo')::text, '"from_date", "bound": "unknown"',
               '"from_date", "bound": "inclusive", "match": "exact"') AS strict \gset
ALTER SERVER ringyo OPTIONS (ADD definition :'strict', DROP provider);
CREATE VIEW pushed AS SELECT trim(line) AS filter
FROM sim.explain('SELECT call_id FROM ringyo.calls WHERE started_at >= ''2026-10-30''', 'VERBOSE, COSTS OFF') AS line
WHERE line ~ 'Remote Filter';
\c
SELECT * FROM pushed;
SELECT count(call_id) FROM ringyo.calls WHERE started_at >= '2026-10-30';
SELECT * FROM pushed;
CALL sim.set('ringyo', 'filters', 'off');
SELECT count(call_id) FROM ringyo.calls WHERE started_at >= '2026-10-30';
SELECT * FROM pushed;
CALL sim.set('ringyo', 'filters', 'on');
ALTER SERVER ringyo OPTIONS (ADD provider 'ringyo', DROP definition);

-- A provider without totals cannot confirm that a list is whole, one with a
-- total can.
SELECT * FROM figures('SELECT call_id FROM voicy.calls');
SELECT * FROM figures('SELECT call_id FROM tryvox.calls WHERE status = ''busy''');
SELECT server, unverified FROM calls_fdw_stats() ORDER BY server;

-- Calls that come and go while the log is read: the total is asked for again,
-- and accounts for what was deleted.
CALL sim.set('tryvox', 'calls', '450');
CALL sim.change('tryvox', 'after=2', 'delete=3', 'where=oldest');
SELECT count(*) FROM (SELECT call_id FROM tryvox.calls OFFSET 0) AS c;
-- It does not account for calls that a page leaves out.
CALL sim.reset();
CALL sim.set('tryvox', 'calls', '450');
CALL sim.set('ringyo', 'calls', '450');
CALL sim.set('ringyo', 'total', '+5');
CALL sim.change('ringyo', 'after=2', 'delete=3', 'where=oldest');
\set VERBOSITY terse
SELECT count(*) FROM (SELECT call_id FROM ringyo.calls OFFSET 0) AS c; -- ERROR

-- Pages without calls do not say either that there are none, where they say how
-- many there are.
CALL sim.fault('tryvox', 'value', 'after=2', 'count=-1', 'row=-1', 'field=calls', 'json=[]');
SELECT count(*) FROM (SELECT call_id FROM tryvox.calls OFFSET 0) AS c; -- ERROR

-- A cursor that is nothing but a moment loses the calls that share it with the
-- end of a page: they are asked for again, by their time, until the total is
-- met. Not where calls are to come in order.
\c
CALL sim.reset();
CALL sim.set('ringyo', 'calls', '900');
CALL sim.set('ringyo', 'cursor', 'exclusive');
ALTER SERVER ringyo OPTIONS (ADD page_size '10', ADD max_connections '1');
CREATE TABLE local_calls (LIKE ringyo.calls);
SELECT sim.load('ringyo', 'local_calls');
SELECT count(*) FROM (TABLE local_calls EXCEPT ALL TABLE ringyo.calls) AS missing;
SELECT count(*) FROM (TABLE ringyo.calls EXCEPT ALL TABLE local_calls) AS wrong;
CALL sim.change('ringyo', 'after=30', 'insert=5');
SELECT count(*) FROM (TABLE local_calls EXCEPT ALL TABLE ringyo.calls) AS missing;
CALL sim.change('ringyo', 'after=30', 'insert=12');
SELECT count(*) FROM (TABLE local_calls EXCEPT ALL TABLE ringyo.calls) AS missing;
ALTER SERVER ringyo OPTIONS (ADD on_incomplete 'ignore');
SELECT count(*) FROM (TABLE local_calls EXCEPT ALL TABLE ringyo.calls) AS missing;
ALTER SERVER ringyo OPTIONS (DROP on_incomplete);
SELECT code, hint FROM sim.try('SELECT call_id FROM ringyo.calls ORDER BY started_at DESC');
SELECT count(*) FROM (SELECT call_id FROM ringyo.calls ORDER BY started_at + interval '0' DESC OFFSET 0) AS c;

-- What is missing is missing also where the log moved meanwhile: the first call
-- is gone, more than a page of new ones came, calls came to match the filter.
CREATE FUNCTION answer(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  calls bigint;
  detail text;
BEGIN
  EXECUTE format('SELECT count(*) FROM (%s OFFSET 0) AS c', query) INTO calls;
  RETURN calls || ' calls';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN sqlerrm || ' (' || regexp_replace(detail, ' in .*', '') || ')';
END $$;
CREATE FUNCTION moved(provider text, query text, connections int, change text[], fault text[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER SERVER %I OPTIONS (SET max_connections %L)', provider, connections);
  CALL sim.reset();
  CALL sim.set(provider, 'calls', '300');
  CALL sim.change(provider, VARIADIC change);
  CALL sim.fault(provider, 'value', VARIADIC fault || 'row=-1'::text);
  RETURN answer(format('SELECT call_id FROM %I.calls %s', provider, query));
END $$;
ALTER SERVER tryvox OPTIONS (ADD page_size '10', ADD max_connections '1');
SELECT moved('ringyo', '', 1, '{after=5, delete=1, where=newest}', '{after=10, field=has_more, json=false}');
SELECT moved('ringyo', '', 1, '{after=5, insert=21}', '{after=10, field=has_more, json=false}');
SELECT moved('tryvox', '', 1, '{after=5, insert=12}', '{after=12, field=calls, json=[]}');
-- With several requests under way, how far it came is a matter of moments.
SELECT split_part(moved('ringyo', '', 8, '{after=5, delete=1, where=newest}', '{after=10, field=has_more, json=false}'), ':', 1) AS moved;
SELECT split_part(moved('ringyo', '', 8, '{after=5, insert=21}', '{after=10, field=has_more, json=false}'), ':', 1) AS moved;
SELECT moved('ringyo', 'WHERE status = ''completed''', 1, '{after=3, update=3, where=newest}', '{after=5, field=has_more, json=false}');
-- ... and nothing is where it only moved.
SELECT p, n, moved(p, '', n, '{after=5, insert=21, delete=1, where=newest}', '{after=1000, field=total, json=0}')
FROM (VALUES ('ringyo', 1), ('ringyo', 8), ('tryvox', 1)) AS v (p, n);
SELECT moved('ringyo', 'WHERE status = ''completed''', 1, '{after=3, update=3, where=newest}', '{after=1000, field=has_more, json=false}');

-- Where nothing tells a total, calls that another window has read prove that
-- the list does not end before them.
CALL sim.reset();
CALL sim.set('ringyo', 'calls', '300');
CALL sim.set('ringyo', 'total', 'missing');
ALTER SERVER ringyo OPTIONS (SET max_connections '8');
CALL sim.fault('ringyo', 'value', 'after=12', 'count=3', 'row=-1', 'field=has_more', 'json=false');
SELECT split_part(answer('SELECT call_id FROM ringyo.calls'), '(', 1) AS answer;

-- So does a page that has nothing but calls of an earlier one, though none came.
CALL sim.reset();
CALL sim.set('tryvox', 'calls', '300');
CALL sim.fault('tryvox', 'samecursor', 'after=3', 'count=1');
SELECT answer('SELECT call_id FROM tryvox.calls WHERE started_at > ''2026-08-01''');
