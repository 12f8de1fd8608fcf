-- A log that changes while it is read, and providers that count wrong: what is
-- an answer, and what is an error.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo');
CREATE FUNCTION scan(provider text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE format('SELECT count(*) || '' calls, '' || count(*) - count(DISTINCT call_id) || '' twice'' FROM %I.calls', provider) INTO answer;
  RETURN answer;
EXCEPTION WHEN OTHERS THEN
  RETURN sqlstate || ' ' || sqlerrm;
END $$;

-- Pages of one row, with a key that is inclusive, or clamped to one row.
CALL sim.set('voicy', 'calls', '20');
CALL sim.set('voicy', 'pagination_key', 'inclusive');
ALTER SERVER voicy OPTIONS (ADD page_size '1');
SELECT scan('voicy');
CALL sim.set('voicy', 'max_limit', '1');
SELECT scan('voicy');
CALL sim.set('voicy', 'max_limit', '0');
CALL sim.set('voicy', 'calls', '1');
SELECT scan('voicy');
CALL sim.set('whippy', 'calls', '20');
CALL sim.set('whippy', 'max_limit', '1');
SELECT scan('whippy');
ALTER SERVER voicy OPTIONS (DROP page_size);

-- Totals that drop: reread what may have been missed, but never what can no
-- longer be recognised as a repeat.
CALL sim.reset();
CALL sim.set('tryvox', 'calls', '8000');
SET work_mem = '64kB';
CALL sim.fault('tryvox', 'value', 'after=50', 'row=-1', 'field=pagination.total_count', 'json=0');
SELECT scan('tryvox');
CALL sim.reset();
CALL sim.set('tryvox', 'calls', '3000');
CALL sim.fault('tryvox', 'value', 'after=28', 'row=-1', 'field=pagination.total_count', 'json=0');
SELECT scan('tryvox');
RESET work_mem;
-- A capped total does not show that the log shrank; the number of pages does.
CALL sim.reset();
CALL sim.set('tryvox', 'calls', '3000');
CALL sim.set('tryvox', 'total', 'capped');
CALL sim.change('tryvox', 'after=9', 'delete=150');
SELECT scan('tryvox');
-- A purge of old calls.
CALL sim.reset();
CALL sim.set('tryvox', 'calls', '8000');
CALL sim.change('tryvox', 'after=60', 'delete=1900', 'where=oldest');
SELECT scan('tryvox');

-- A page that does not tell the total hides that it shrank: what it may have
-- made slip is read again when the next page tells.
CALL sim.reset();
CALL sim.set('tryvox', 'calls', '300');
ALTER SERVER tryvox OPTIONS (ADD page_size '10', ADD max_connections '1');
CALL sim.change('tryvox', 'after=5', 'delete=8');
CALL sim.fault('tryvox', 'value', 'after=5', 'row=-1', 'field=pagination.total_count', 'json="many"');
SELECT scan('tryvox');
-- Too late for an order.
CALL sim.reset();
CALL sim.set('tryvox', 'calls', '300');
CALL sim.change('tryvox', 'after=5', 'delete=8');
CALL sim.fault('tryvox', 'value', 'after=5', 'row=-1', 'field=pagination.total_count', 'json="many"');
SELECT call_id FROM tryvox.calls ORDER BY started_at DESC OFFSET 300; -- ERROR
ALTER SERVER tryvox OPTIONS (DROP page_size, DROP max_connections);

-- Many new calls between two pages, or many gone.
CALL sim.reset();
CALL sim.change('solomobile', 'after=1', 'insert=150');
SELECT scan('solomobile');
CALL sim.reset();
CALL sim.change('solomobile', 'after=1', 'delete=300', 'where=newest');
SELECT scan('solomobile');
-- As many come as go: the total stays, and nothing is proven.
CALL sim.reset();
CALL sim.set('whippy', 'max_limit', '50');
CALL sim.change('whippy', 'after=5', 'delete=30', 'where=random', 'insert=30');
SELECT scan('whippy') ~ '^[0-9]+ calls, 0 twice$' AS fine;
-- Empty pages whose cursor advances are no end.
CALL sim.reset();
CALL sim.set('ringyo', 'total', 'missing');
CALL sim.fault('ringyo', 'value', 'after=2', 'count=20', 'row=-1', 'field=data', 'json=[]');
SELECT scan('ringyo') ~ '^[0-9]+ calls, 0 twice$' AS fine;

-- Calls that come while an ordered scan rereads were not there before.
CALL sim.reset();
CALL sim.change('tryvox', 'after=1', 'delete=8', 'insert=3');
SELECT count(*) BETWEEN 992 AND 1003 AS fine FROM (SELECT call_id FROM tryvox.calls ORDER BY started_at DESC OFFSET 0) AS ordered;
-- A page that is read again and has nothing but new calls is not yet beyond a
-- bound at which the order ends the scan.
CALL sim.reset();
ALTER SERVER tryvox OPTIONS (ADD page_size '10', ADD max_connections '1');
CALL sim.change('tryvox', 'after=1', 'delete=20', 'insert=10', 'where=oldest');
SELECT count(*) = 980 AS fine FROM (SELECT call_id FROM tryvox.calls WHERE started_at >= '2020-01-01' OFFSET 0) AS bounded;
ALTER SERVER tryvox OPTIONS (DROP page_size, DROP max_connections);
-- An ordered scan that starts again.
CALL sim.reset();
SELECT g.i, count(x.call_id)
FROM generate_series(1, 3) AS g(i), LATERAL (SELECT call_id FROM ringyo.calls WHERE length(call_id) > g.i ORDER BY started_at DESC LIMIT 2) AS x
GROUP BY g.i ORDER BY g.i;
-- With pushdown 'none' no bound ends a scan early.
ALTER SERVER tryvox OPTIONS (ADD pushdown 'none');
CALL sim.clear();
SELECT count(*) > 0 AS some_rows FROM tryvox.calls WHERE started_at > '2026-10-30';
SELECT sim.requests('tryvox');
ALTER SERVER tryvox OPTIONS (DROP pushdown);

-- Intervals that show only some fields.
CREATE FOREIGN TABLE minutes (call_id text, minutes interval minute OPTIONS (column_name 'duration')) SERVER whippy;
CREATE TABLE local_whippy (LIKE whippy.calls);
SELECT sim.load('whippy', 'local_whippy');
SELECT (SELECT count(*) FROM minutes WHERE minutes = '1 minute') = (SELECT count(*) FROM local_whippy WHERE duration::interval minute = '1 minute') AS same;

-- A partitioned table over foreign tables can be locked and joined in UPDATE.
CREATE TABLE all_calls (LIKE voicy.calls) PARTITION BY LIST (source);
ALTER TABLE all_calls ATTACH PARTITION voicy.calls FOR VALUES IN ('voicy');
CREATE TABLE target (call_id text, seen bool);
INSERT INTO target SELECT call_id FROM voicy.calls LIMIT 3;
UPDATE target SET seen = true FROM all_calls WHERE all_calls.call_id = target.call_id;
SELECT count(*) FROM target WHERE seen;
SELECT count(*) FROM (SELECT call_id FROM all_calls LIMIT 5 FOR UPDATE) AS locked;
-- A scan that keeps its rows for keys that cannot be sent.
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT k, count(call_id) FROM (VALUES ('a'), ('b')) AS v(k) LEFT JOIN voicy.calls ON agent_id = k GROUP BY k ORDER BY k;
-- ... also where they spill to disk.
CALL sim.set('tryvox', 'calls', '2000');
SET work_mem = '64kB';
SET enable_memoize = off;
SELECT c.n, (SELECT count(v.*) FROM tryvox.calls v WHERE v.from_number = c.phone)
FROM (VALUES (1, 'nobody'), (2, 'no one'), (3, 'nobody')) AS c(n, phone);
RESET work_mem;
RESET enable_memoize;

-- Bounds that the API could not take stay local.
SELECT count(*) FROM voicy.calls WHERE started_at < '1969-01-01' OR extract(year FROM started_at) <= 1;
SELECT count(*) FROM voicy.calls WHERE started_at < '1969-01-01';

-- Credentials that the provider quotes are masked, also as Basic writes them.
CALL sim.connect('acme');
CALL sim.fault('acme', 'status', 'code=400', 'message=bad credentials Basic YWNjXzE6YWNtZV90ZXN0 given');
SELECT count(*) FROM acme.calls; -- ERROR

-- Links keep the size they began with: after LIMIT 1 the scan starts anew.
CALL sim.reset();
CALL sim.set('acme', 'filters', 'off');
SELECT count(*) FROM (SELECT 1 FROM acme.calls WHERE status = 'queued' LIMIT 1) AS one;
SELECT sim.requests('acme') < 25 AS few;

-- Pages by number that were answered out of turn, while a call came and another
-- went: read again, or reported where repeats could not be told any more.
CALL sim.reset();
CALL sim.set('tryvox', 'calls', '4600');
CREATE TABLE before_scan (LIKE tryvox.calls);
CREATE TABLE after_scan (LIKE tryvox.calls);
CREATE TABLE got (call_id text);
ALTER SERVER tryvox OPTIONS (ADD max_connections '16');
CREATE FUNCTION slip(memory text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('work_mem', memory, true);
  TRUNCATE before_scan, after_scan, got;
  PERFORM sim.load('tryvox', 'before_scan');
  CALL sim.clear();
  CALL sim.fault('tryvox', 'status', 'code=503', 'after=12', 'count=1');
  CALL sim.change('tryvox', 'after=20', 'insert=1', 'delete=1', 'where=random');
  INSERT INTO got SELECT call_id FROM tryvox.calls;
  PERFORM sim.load('tryvox', 'after_scan');
  RETURN (SELECT count(*) FROM (SELECT call_id FROM before_scan INTERSECT SELECT call_id FROM after_scan
                                EXCEPT SELECT call_id FROM got) AS lost) || ' lost in silence';
EXCEPTION WHEN fdw_error THEN
  RETURN regexp_replace(sqlerrm, 'calls of .* are incomplete: .*', '0 lost in silence');
END $$;
SELECT slip('4MB');
SELECT slip('64kB');
