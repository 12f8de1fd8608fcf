-- Providers that do not keep to their own filters and totals: what is counted,
-- and what no longer rests on them.
\i sql/_setup.sql
CALL sim.connect('tryvox', 'voicy', 'ringyo');
CREATE FUNCTION figures(query text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT trim(line) FROM sim.explain(query, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF') AS line
  WHERE line ~ 'Rows Removed by Recheck|Lists Not Verified|Rows Received|Requests'
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
\set VERBOSITY terse
SELECT count(*) FROM (SELECT call_id FROM ringyo.calls ORDER BY started_at DESC OFFSET 0) AS c; -- ERROR
