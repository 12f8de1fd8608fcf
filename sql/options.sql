-- Options of servers, user mappings, tables and columns: what is accepted,
-- and what is refused with which message.
\i sql/_setup.sql
\pset format unaligned
\pset null '-'

-- The wrapper itself takes none.
SELECT * FROM sim.try($$ALTER FOREIGN DATA WRAPPER calls_fdw OPTIONS (ADD provider 'voicy')$$);

-- Servers: provider is required and must exist.
SELECT * FROM sim.try($$CREATE SERVER s FOREIGN DATA WRAPPER calls_fdw$$);
SELECT * FROM sim.try($$CREATE SERVER s FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'voicey')$$);
SELECT * FROM sim.try($$CREATE SERVER s FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider '../../etc/passwd')$$);
SELECT * FROM sim.try($$CREATE SERVER s FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'schema')$$);
CREATE SERVER s FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'voicy');

-- Names: the closest valid one is the hint.
SELECT * FROM sim.try($$ALTER SERVER s OPTIONS (ADD base_ulr 'https://x.example')$$);
SELECT * FROM sim.try($$ALTER SERVER s OPTIONS (ADD frobnicate '1')$$);
SELECT * FROM sim.try($$ALTER SERVER s OPTIONS (ADD api_key 'misplaced')$$);

-- Values of servers.
SELECT o, v, t.code, t.message, t.detail, t.hint
FROM (VALUES
  ('base_url', 'api.voicy.co'),
  ('base_url', 'ftp://api.voicy.co'),
  ('base_url', 'https://user:secret@api.voicy.co'),
  ('base_url', 'http://api.voicy.co'),
  ('base_url', 'https://api.voicy.co/?a=b'),
  ('base_url', 'https://api.voicy.co/#x'),
  ('base_url', ''),
  ('base_url', E'https://api.voicy.co/\r\nX: y'),
  ('path', 'calls'),
  ('path', '//evil.example/calls'),
  ('path', 'https://evil.example/calls'),
  ('path', '/a/../calls'),
  ('path', '/calls?x=1'),
  ('path', '/calls#x'),
  ('path', E'/ca\nlls'),
  ('path', '/\evil.example'),
  ('path', '/{api_key}/calls'),
  ('account_id', 'a/b'),
  ('account_id', ''),
  ('account_id', '..'),
  ('page_size', '0'),
  ('page_size', '1001'),
  ('page_size', 'many'),
  ('page_size', '-1'),
  ('connect_timeout', '0'),
  ('connect_timeout', '10 parsecs'),
  ('request_timeout', '-1'),
  ('max_retries', '-1'),
  ('max_retries', '1.5'),
  ('max_retry_wait', 'soon'),
  ('max_response_size', '0'),
  ('max_response_size', '64 XB'),
  ('max_requests', '-1'),
  ('rate_limit', '0'),
  ('rate_limit', '-1'),
  ('rate_limit', '1001'),
  ('rate_limit', '60 a minute'),
  ('rate_limit', 'NaN'),
  ('request_cost', '-1'),
  ('request_cost', 'NaN'),
  ('trust_total', 'perhaps'),
  ('use_remote_estimate', ''),
  ('pushdown', 'statuss'),
  ('pushdown', ''),
  ('on_incomplete', 'errror'),
  ('source', ''),
  ('ca_file', 'relative.pem'),
  ('proxy', 'no url')) AS c (o, v),
  sim.try(format('ALTER SERVER s OPTIONS (ADD %I %L)', o, v)) AS t;

-- Good values, with units where there are some.
CREATE FUNCTION accepted(o text, v text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE SERVER good FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider ''voicy'', %I %L)', o, v);
  DROP SERVER good;
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  RETURN sqlerrm;
END $$;
SELECT o, v, accepted(o, v)
FROM (VALUES
  ('base_url', 'https://calls.example/api/'),
  ('base_url', 'http://127.0.0.1:8080'),
  ('base_url', 'http://localhost'),
  ('base_url', 'http://[::1]:8080'),
  ('path', '/v2/list-calls'),
  ('account_id', 'acc_1'),
  ('page_size', '1000'),
  ('connect_timeout', '500ms'),
  ('request_timeout', '2min'),
  ('max_retry_wait', '0'),
  ('max_response_size', '16MB'),
  ('max_requests', '100'),
  ('rate_limit', '0.5'),
  ('rate_limit', '25'),
  ('request_cost', '0.5'),
  ('trust_total', 'off'),
  ('use_remote_estimate', 'on'),
  ('pushdown', 'none'),
  ('pushdown', 'status, started_at'),
  ('on_incomplete', 'ignore'),
  ('source', 'voicy-emea'),
  ('ca_file', '/etc/ssl/certs/ca.pem'),
  ('proxy', 'http://proxy.example:3128')) AS c (o, v);

-- Only superusers may name files and proxies.
CREATE ROLE calls_fdw_joe;
GRANT USAGE ON FOREIGN DATA WRAPPER calls_fdw TO calls_fdw_joe;
GRANT CREATE ON SCHEMA public TO calls_fdw_joe;
SET ROLE calls_fdw_joe;
SELECT * FROM sim.try($$CREATE SERVER joe FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'voicy', ca_file '/tmp/x.pem')$$);
SELECT * FROM sim.try($$CREATE SERVER joe FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'voicy', proxy 'http://127.0.0.1:1')$$);
RESET ROLE;
REVOKE ALL ON FOREIGN DATA WRAPPER calls_fdw FROM calls_fdw_joe;
REVOKE ALL ON SCHEMA public FROM calls_fdw_joe;
DROP ROLE calls_fdw_joe;

-- User mappings: the key is required and its value is never repeated.
SELECT * FROM sim.try($$CREATE USER MAPPING FOR CURRENT_USER SERVER s$$);
SELECT replace(o, E'\n', '\n') AS o, t.*
FROM (VALUES
  ($$api_key ''$$),
  ($$api_key E'hunter2\nX-Evil: 1'$$),
  ($$api_key ' hunter2'$$),
  ($$api_key 'hunter2', headers 'hunter3'$$),
  ($$api_key 'hunter2', headers '["hunter3"]'$$),
  ($$api_key 'hunter2', headers '{"X-A": 3}'$$),
  ($$api_key 'hunter2', headers '{"Host": "hunter3"}'$$),
  ($$api_key 'hunter2', headers '{"content-type": "hunter3"}'$$),
  ($$api_key 'hunter2', headers '{"Accept-Encoding": "hunter3"}'$$),
  ($$api_key 'hunter2', headers '{"Transfer-Encoding": "hunter3"}'$$),
  ($$api_key 'hunter2', headers '{"X A": "hunter3"}'$$),
  ($$api_key 'hunter2', headers '{"X-A": "hunter3\r\nX-Evil: 1"}'$$),
  ($$api_key 'hunter2', headers '{"X-A": "hunter3", "x-a": "hunter4"}'$$),
  ($$api_key 'hunter2', account_id 'a/b'$$),
  ($$api_key 'hunter2', apikey 'hunter3'$$)) AS c (o),
  sim.try('CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (' || o || ')') AS t;
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (api_key 'hunter2', headers '{"X-Tenant-ID": "acme"}');
SELECT * FROM sim.try($$ALTER USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (DROP api_key)$$);

-- The definition's own auth header cannot be set; that shows at first use.
ALTER USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (SET headers '{"authorization": "hunter3"}');
CREATE FOREIGN TABLE t (call_id text) SERVER s;
SELECT * FROM sim.try('SELECT * FROM t');
ALTER USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (DROP headers);

-- Tables.
SELECT * FROM sim.try($$CREATE FOREIGN TABLE t2 (call_id text) SERVER s OPTIONS (page_siez '10')$$);
SELECT * FROM sim.try($$CREATE FOREIGN TABLE t2 (call_id text) SERVER s OPTIONS (on_error 'ignore')$$);
SELECT * FROM sim.try($$CREATE FOREIGN TABLE t2 (call_id text) SERVER s OPTIONS (use_remote_estimate 'maybe')$$);
SELECT * FROM sim.try($$CREATE FOREIGN TABLE t2 (call_id text) SERVER s OPTIONS (base_url 'https://x.example')$$);
-- Beyond the provider's maximum: known at first use.
ALTER FOREIGN TABLE t OPTIONS (ADD page_size '1001');
SELECT * FROM sim.try('SELECT * FROM t');
ALTER FOREIGN TABLE t OPTIONS (DROP page_size, ADD pushdown 'status, nonsense');
SELECT * FROM sim.try('SELECT * FROM t');

-- Columns: looked up in the definition at first use.
SELECT * FROM sim.try($$CREATE FOREIGN TABLE t3 (a text OPTIONS (column_name 'status', path 'x')) SERVER s$$);
SELECT * FROM sim.try($$CREATE FOREIGN TABLE t3 (a text OPTIONS (path 'a..b')) SERVER s$$);
SELECT * FROM sim.try($$CREATE FOREIGN TABLE t3 (a text OPTIONS (colum_name 'status')) SERVER s$$);
CREATE FOREIGN TABLE t4 (started timestamptz) SERVER s;
SELECT * FROM sim.try('SELECT * FROM t4');
CREATE FOREIGN TABLE t5 (a text OPTIONS (column_name 'statsu')) SERVER s;
SELECT * FROM sim.try('SELECT * FROM t5');
CREATE FOREIGN TABLE t6 (status text, twice text GENERATED ALWAYS AS (status || status) STORED) SERVER s;
SELECT * FROM sim.try('SELECT * FROM t6');
CREATE FOREIGN TABLE t7 (started_at boolean) SERVER s;
SELECT * FROM sim.try('SELECT * FROM t7');

-- The tables are read-only.
CREATE FOREIGN TABLE t8 (call_id text, status text) SERVER s;
SELECT * FROM sim.try('INSERT INTO t8 VALUES (1, 2)');
SELECT * FROM sim.try('UPDATE t8 SET status = NULL');
SELECT * FROM sim.try('DELETE FROM t8');

-- A missing mapping, account and key are found at first use.
DROP USER MAPPING FOR CURRENT_USER SERVER s;
SELECT code, regexp_replace(message, 'user "[^"]*"', 'user "..."') AS message, detail,
       regexp_replace(hint, 'FOR "?[^ "]+"? SERVER', 'FOR ... SERVER') AS hint
FROM sim.try('SELECT * FROM t8');
CREATE SERVER nobody FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'tryvox');
CREATE USER MAPPING FOR CURRENT_USER SERVER nobody OPTIONS (api_key 'hunter2');
CREATE FOREIGN TABLE t9 (call_id text) SERVER nobody;
SELECT * FROM sim.try('SELECT * FROM t9');
