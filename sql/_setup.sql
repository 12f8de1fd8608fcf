\set ECHO none
-- What every regression test begins with: \i sql/_setup.sql
--
-- Starts from nothing, so that each test runs alone and in any order: objects
-- of earlier tests are dropped and the simulator is reset. Gives:
--
--   :sim_url                           the simulator's address, for base_url
--   CALL sim.connect('voicy', ...)     server, user mapping, schema and table voicy.calls
--   CALL sim.reset()                   switches, faults, data and log back to the start
--   CALL sim.set('voicy', 'bounds', 'exclusive')
--   CALL sim.fault('voicy', 'status', 'code=429', 'retry_after=1')
--   CALL sim.change('voicy', 'after=1', 'insert=5')
--   CALL sim.clear()                   empties the request log
--   sim.log('voicy')                   the requests since then
--   sim.requests('voicy')              how many
--   sim.load('voicy', 'local_calls')   fills a table (LIKE voicy.calls), returns the number of rows
--   sim.try('CREATE SERVER ...')       how a statement ends: SQLSTATE, and what is said with it
--   sim.explain('SELECT ...')          the lines of its plan; EXPLAIN's options may follow
--
-- test/simulator/README.md lists the words.
SET client_min_messages = warning;

DO $$
DECLARE
  name text;
BEGIN
  DROP EXTENSION IF EXISTS calls_fdw CASCADE;
  FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', name);
  END LOOP;
END $$;
CREATE SCHEMA public;
GRANT USAGE ON SCHEMA public TO PUBLIC;
CREATE EXTENSION calls_fdw;

CREATE SCHEMA sim;
GRANT USAGE ON SCHEMA sim TO PUBLIC;
CREATE TABLE sim.reply (n int GENERATED ALWAYS AS IDENTITY, line text);

-- Percent-encodes all but letters and digits.
CREATE FUNCTION sim.encode(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(string_agg(CASE WHEN chr(byte) ~ '[A-Za-z0-9]' THEN chr(byte)
                                  ELSE '%' || lpad(upper(to_hex(byte)), 2, '0') END, '' ORDER BY i), '')
  FROM (SELECT i, get_byte(convert_to(value, 'UTF8'), i) AS byte
        FROM generate_series(0, octet_length(convert_to(value, 'UTF8')) - 1) AS i) AS bytes
$$;

-- 'name=value' words as a query string, each with & in front
CREATE FUNCTION sim.query(words text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(string_agg('&' || split_part(word, '=', 1) || '='
                             || sim.encode(substr(word, strpos(word, '=') + 1)), '' ORDER BY i), '')
  FROM unnest(words) WITH ORDINALITY AS w (word, i)
$$;

-- Fetches a path of the simulator; an answer other than 200 is an error.
CREATE FUNCTION sim.get(path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  status text;
  body text;
BEGIN
  DELETE FROM sim.reply;
  EXECUTE format('COPY sim.reply (line) FROM PROGRAM %L WITH (FORMAT csv, DELIMITER E''\x01'', QUOTE E''\x02'')',
    format('curl -sS --noproxy "*" --max-time 30 -w "\n%%{http_code}\n" "%s%s"', current_setting('sim.url'), path));
  SELECT line INTO status FROM sim.reply ORDER BY n DESC LIMIT 1;
  SELECT string_agg(coalesce(line, ''), E'\n' ORDER BY n) INTO body
    FROM sim.reply WHERE n < (SELECT max(n) FROM sim.reply);
  IF status IS DISTINCT FROM '200' THEN
    RAISE EXCEPTION 'simulator: % for %: %', status, path, body;
  END IF;
  RETURN body;
END $$;

CREATE PROCEDURE sim.reset() LANGUAGE sql AS $$
  SELECT sim.get('/_sim/reset')
$$;

CREATE PROCEDURE sim.clear() LANGUAGE sql AS $$
  SELECT sim.get('/_sim/clear')
$$;

CREATE PROCEDURE sim.set(provider text, switch text, value text) LANGUAGE sql AS $$
  SELECT sim.get('/_sim/set?provider=' || provider || sim.query(ARRAY[switch || '=' || value]))
$$;

CREATE PROCEDURE sim.fault(provider text, kind text, VARIADIC words text[] DEFAULT '{}') LANGUAGE sql AS $$
  SELECT sim.get('/_sim/fault?provider=' || provider || '&kind=' || kind || sim.query(words))
$$;

CREATE PROCEDURE sim.change(provider text, VARIADIC words text[]) LANGUAGE sql AS $$
  SELECT sim.get('/_sim/change?provider=' || provider || sim.query(words))
$$;

CREATE FUNCTION sim.log(provider text)
RETURNS TABLE (n int, method text, path text, query jsonb, body jsonb, status int, rows int, ok bool, headers jsonb)
LANGUAGE sql AS $$
  SELECT e.n, e.method, e.path, e.query, nullif(e.body, 'null'), e.status, e.rows, e.ok, e.headers
  FROM regexp_split_to_table(sim.get('/_sim/log?provider=' || provider), E'\n') AS l (line),
       jsonb_to_record(line::jsonb) AS e (n int, method text, path text, query jsonb, body jsonb,
                                          status int, rows int, ok bool, headers jsonb)
  WHERE line <> ''
  ORDER BY e.n
$$;

CREATE FUNCTION sim.requests(provider text) RETURNS int LANGUAGE sql AS $$
  SELECT count(*)::int FROM sim.log(provider)
$$;

CREATE FUNCTION sim.load(provider text, target regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  command text := format('curl -sS --noproxy "*" "%s/_sim/data?provider=%s&format=csv"', current_setting('sim.url'), provider);
  columns text;
  loaded bigint;
BEGIN
  DELETE FROM sim.reply;
  EXECUTE format('COPY sim.reply (line) FROM PROGRAM %L WITH (FORMAT csv, DELIMITER E''\x01'', QUOTE E''\x02'')',
    command || ' | head -n 1');
  SELECT line INTO columns FROM sim.reply;
  EXECUTE format('ALTER TABLE %s ALTER source SET DEFAULT %L', target, provider);
  EXECUTE format('COPY %s (%s) FROM PROGRAM %L WITH (FORMAT csv, HEADER)', target, columns, command);
  GET DIAGNOSTICS loaded = ROW_COUNT;
  RETURN loaded;
END $$;

CREATE FUNCTION sim.try(statement text) RETURNS TABLE (code text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  code := '00000';
  RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
    detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  message := replace(message, current_setting('sim.url'), 'SIM_URL');
  RETURN NEXT;
END $$;

CREATE FUNCTION sim.explain(query text, options text DEFAULT 'VERBOSE, COSTS OFF') RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('EXPLAIN (%s) %s', options, query);
END $$;

CREATE PROCEDURE sim.connect(VARIADIC providers text[]) LANGUAGE plpgsql AS $$
DECLARE
  provider text;
  key text;
BEGIN
  FOREACH provider IN ARRAY providers LOOP
    key := CASE provider WHEN 'voicy' THEN 'voicy_sk_test' WHEN 'tryvox' THEN 'tvx_sk_test' WHEN 'solomobile' THEN 'solo_test'
                         ELSE provider || '_test' END;
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider %L, base_url %L%s)', provider, provider,
      current_setting('sim.url'), CASE WHEN provider IN ('tryvox', 'acme') THEN ', account_id ''acc_1''' END);
    EXECUTE format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (api_key %L)', provider, key);
    EXECUTE format('CREATE SCHEMA %I', provider);
    EXECUTE format('IMPORT FOREIGN SCHEMA %I FROM SERVER %I INTO %I', provider, provider, provider);
  END LOOP;
END $$;

CALL sim.reset();
SELECT current_setting('sim.url') AS sim_url \gset
RESET client_min_messages;
\set ECHO all
