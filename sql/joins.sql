-- Joins: a small request per key where that is cheaper, one scan where it is
-- not; keys that cannot be sent cost one scan for all of them.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'ringyo');
CALL sim.set('all', 'calls', '20000');
CREATE TABLE local_tryvox (LIKE tryvox.calls);
SELECT sim.load('tryvox', 'local_tryvox');
CREATE SCHEMA crm;
CREATE TABLE crm.contact (id int, phone text);
INSERT INTO crm.contact
SELECT row_number() OVER (), to_number
FROM (SELECT to_number FROM local_tryvox WHERE to_number ~ '^\+[1-9][0-9]+$' GROUP BY 1 ORDER BY count(*), 1 LIMIT 20) AS rare;
ANALYZE crm.contact;
-- Compares a query over the foreign table with the same over a local copy, and
-- counts the requests.
CREATE FUNCTION compare(query text) RETURNS TABLE (same bool, some_rows bool, requests int) LANGUAGE plpgsql AS $$
DECLARE
  a text;
  b text;
BEGIN
  PERFORM sim.get('/_sim/clear');
  EXECUTE format('SELECT array_agg(q::text ORDER BY q::text)::text FROM (%s) AS q', query) INTO a;
  EXECUTE format('SELECT array_agg(q::text ORDER BY q::text)::text FROM (%s) AS q', replace(query, 'tryvox.calls', 'local_tryvox')) INTO b;
  same := a IS NOT DISTINCT FROM b;
  some_rows := a IS NOT NULL;
  requests := sim.requests('tryvox');
  RETURN NEXT;
END $$;

-- The shape of a plan, and what is sent; versions differ in the rest.
CREATE FUNCTION shape(query text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT line FROM sim.explain(query) AS line WHERE line ~ 'Scan|Join|Loop|Memoize|Remote Request'
$$;

-- Twenty contacts: twenty requests.
SELECT shape($$SELECT c.id, v.call_id FROM crm.contact c JOIN tryvox.calls v ON v.to_number = c.phone$$);
SELECT * FROM compare('SELECT c.id, v.call_id FROM crm.contact c JOIN tryvox.calls v ON v.to_number = c.phone');
SELECT * FROM compare('SELECT c.id, v.call_id FROM crm.contact c LEFT JOIN tryvox.calls v ON v.to_number = c.phone AND v.status = ''busy''');
SELECT * FROM compare('SELECT c.id FROM crm.contact c WHERE EXISTS (SELECT FROM tryvox.calls v WHERE v.to_number = c.phone)');
SELECT * FROM compare('SELECT c.id FROM crm.contact c WHERE NOT EXISTS (SELECT FROM tryvox.calls v WHERE v.to_number = c.phone AND v.status = ''busy'')');
SELECT * FROM compare('SELECT c.id, v.n FROM crm.contact c, LATERAL (SELECT count(*) AS n FROM tryvox.calls v WHERE v.to_number = c.phone) AS v');
SELECT * FROM compare('SELECT c.id, v.call_id FROM crm.contact c, LATERAL (SELECT call_id FROM tryvox.calls v WHERE v.to_number = c.phone ORDER BY started_at DESC, call_id LIMIT 1) AS v');
-- Duplicate keys: the core's Memoize remembers them.
INSERT INTO crm.contact SELECT id + 100, phone FROM crm.contact;
ANALYZE crm.contact;
SELECT shape($$SELECT c.id, v.call_id FROM crm.contact c JOIN tryvox.calls v ON v.to_number = c.phone$$);
SELECT * FROM compare('SELECT c.id, v.call_id FROM crm.contact c JOIN tryvox.calls v ON v.to_number = c.phone');
-- Keys that cannot be sent cost one scan of 200 pages, whatever their number;
-- NULL keys cost nothing.
INSERT INTO crm.contact VALUES (201, '555-1234'), (202, 'anonymous'), (203, ''), (204, NULL), (205, NULL);
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT * FROM compare('SELECT c.id, v.call_id FROM crm.contact c JOIN tryvox.calls v ON v.to_number = c.phone');
SELECT * FROM compare('SELECT c.id, v.call_id FROM crm.contact c LEFT JOIN tryvox.calls v ON v.from_number = c.phone WHERE c.id > 200');
-- The same with a bound that ends the scan early, different for each row.
SELECT * FROM compare('SELECT d.d, count(v.call_id) FROM (VALUES (timestamptz ''2026-10-30''), (''2026-10-01''), (''2026-10-30'')) AS d(d) LEFT JOIN tryvox.calls v ON v.started_at >= d.d GROUP BY d.d');
RESET enable_hashjoin;
RESET enable_mergejoin;
-- Twenty thousand contacts: one scan, hashed.
CREATE TABLE crm.everybody AS SELECT n AS id, '+1415555' || lpad(n::text, 5, '0') AS phone FROM generate_series(1, 20000) AS n;
ANALYZE crm.everybody;
SELECT shape($$SELECT count(*) FROM crm.everybody c JOIN tryvox.calls v ON v.to_number = c.phone$$);
SELECT * FROM compare('SELECT count(*) FROM crm.everybody c JOIN tryvox.calls v ON v.to_number = c.phone');
-- Parameters of several columns; Voicy has no filter on numbers, but one on agents.
SELECT shape($$SELECT v.call_id FROM crm.contact c JOIN voicy.calls v ON v.to_number = c.phone$$);
SELECT shape($$SELECT v.call_id FROM (VALUES ('550e8400-e29b-41d4-a716-446655440001', 'busy'), ('550e8400-e29b-41d4-a716-446655440002', 'busy')) AS c(agent, status)
JOIN voicy.calls v ON v.agent_id = c.agent AND v.status = c.status$$);
