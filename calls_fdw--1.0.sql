/* calls_fdw 1.0 */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION calls_fdw" to load this file. \quit

CREATE FUNCTION calls_fdw_handler() RETURNS fdw_handler
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION calls_fdw_handler() IS 'callbacks of the foreign data wrapper calls_fdw';

-- Raises HV00D for an unknown option, HV024 for a bad value, HV002 for a
-- missing one.
CREATE FUNCTION calls_fdw_validator(options text[], catalog oid) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION calls_fdw_validator(text[], oid) IS 'checks options of calls_fdw objects';

CREATE FOREIGN DATA WRAPPER calls_fdw
  HANDLER calls_fdw_handler
  VALIDATOR calls_fdw_validator;

-- The catalogue: what the installed definitions say.

-- Raises HV00A for an installed definition that is invalid.
CREATE FUNCTION calls_fdw_providers(
  OUT provider text,            -- the server option "provider"
  OUT title text,
  OUT docs text,                -- address of the API's documentation
  OUT base_url text,
  OUT method text,              -- GET or POST
  OUT path text,
  OUT paging text,              -- page, offset, cursor, last_id or next_url
  OUT page_size integer,        -- the largest; null: cannot be chosen
  OUT order_column text,        -- null: undocumented
  OUT orders text[],            -- asc, desc: those to be had, the default first
  OUT has_total boolean,        -- tells how many calls match
  OUT needs_account_id boolean,
  OUT rates text,               -- documented rate limits
  OUT basis text                -- what the definition rests on besides
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE ROWS 10;
COMMENT ON FUNCTION calls_fdw_providers() IS 'installed providers, one row each';

-- Raises HV024 for a provider that is not installed, HV00A for an invalid
-- definition.
CREATE FUNCTION calls_fdw_columns(
  provider text,
  OUT column_name text,
  OUT type text,
  OUT common boolean,           -- one of the columns that every provider has
  OUT kind text,                -- reported, absent (always null), constant, raw
  OUT path text,                -- inside the call object
  OUT format text,              -- of values that can be sent
  OUT exact text[],             -- operators whose filter returns precisely the matching calls
  OUT superset text[],          -- operators whose filter may return more
  OUT accepted text[],          -- the only values that can be sent; null: any of the format
  OUT list boolean,             -- one request carries several values; null: no filter
  OUT basis text                -- what "exact" rests on where the documentation does not say
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION calls_fdw_columns(text) IS 'columns of a provider in the order of its table, with the filters that can be sent';

-- Raises what calls_fdw_columns raises, and 22P05 for a text that the
-- database's encoding cannot hold.
CREATE FUNCTION calls_fdw_definition(provider text) RETURNS json
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION calls_fdw_definition(text) IS 'an installed definition as its file has it, to start another one from';

-- Servers.

-- What the provider or the network does wrong is a row with ok false.  Raises
-- 42704 for no such server or user mapping, 42501 without USAGE on the server,
-- 42809 for another wrapper's server, HV002 for a missing option.
CREATE FUNCTION calls_fdw_check(
  server name,
  OUT ok boolean,
  OUT http_status integer,      -- null: no whole reply came
  OUT message text,             -- message, detail and hint: null where ok
  OUT detail text,
  OUT hint text,
  OUT milliseconds double precision,    -- until the reply was there
  OUT total bigint              -- calls that the provider has; null: not told
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 1 COST 10000;
COMMENT ON FUNCTION calls_fdw_check(name) IS 'whether address and key of a server work, by one small request with the current user''s mapping';

CREATE FUNCTION calls_fdw_stats(
  OUT server name,
  OUT scans bigint,             -- times that reading the log was begun
  OUT requests bigint,          -- sent, retries included
  OUT retries bigint,           -- of these, repeated after a failure or 429
  OUT throttled bigint,         -- replies that asked to slow down
  OUT pages bigint,             -- replies read
  OUT rows bigint,              -- calls in them, repeats included
  OUT rechecked_away bigint,    -- of these, returned against a filter that was sent
  OUT bytes bigint,             -- of bodies, as received
  OUT wait_time interval        -- spent waiting for the provider
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION calls_fdw_stats() IS 'what each server has cost in this session; only servers on which the user has USAGE';

-- One table for all providers: SCHEMA.calls, partitioned by source, with a
-- partition calls_SERVER for each server, a foreign table with the common
-- columns.  Runs with the caller's rights: CREATE on the schema, USAGE on the
-- servers.  Raises 42704 for no such server, 42809 for another wrapper's, 42710
-- for a source that two servers have, 42P07 for a table that is there already,
-- 22004 for a null argument, 22023 without servers.
CREATE FUNCTION calls_fdw_create_calls(schema name, VARIADIC servers name[]) RETURNS regclass
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  sources text[] := '{}';
  source text;
  ours boolean;
BEGIN
  IF schema IS NULL OR servers IS NULL OR array_position(servers, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'schema and servers must not be null' USING ERRCODE = 'null_value_not_allowed';
  ELSIF cardinality(servers) = 0 THEN
    RAISE EXCEPTION 'at least one server must be given' USING ERRCODE = 'invalid_parameter_value';
  END IF;

  FOR i IN 1 .. cardinality(servers) LOOP
    SELECT coalesce((SELECT option_value FROM pg_options_to_table(s.srvoptions) WHERE option_name = 'source'), s.srvname),
           coalesce(p.prosrc = 'calls_fdw_handler', false)
      INTO source, ours
      FROM pg_foreign_server s
      JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
      LEFT JOIN pg_proc p ON p.oid = w.fdwhandler
      WHERE s.srvname = servers[i];
    IF NOT FOUND THEN
      RAISE EXCEPTION 'server "%" does not exist', servers[i] USING ERRCODE = 'undefined_object';
    ELSIF NOT ours THEN
      RAISE EXCEPTION 'server "%" is not a server of calls_fdw', servers[i] USING ERRCODE = 'wrong_object_type';
    ELSIF servers[i] = ANY (servers[:i - 1]) THEN
      RAISE EXCEPTION 'server "%" is given twice', servers[i] USING ERRCODE = 'duplicate_object';
    ELSIF source = ANY (sources) THEN
      RAISE EXCEPTION 'servers "%" and "%" have the same source "%"',
        servers[array_position(sources, source)], servers[i], source
        USING ERRCODE = 'duplicate_object',
              HINT = format('ALTER SERVER %I OPTIONS (ADD source ''...'') gives it another one.', servers[i]);
    END IF;
    sources := sources || source;
  END LOOP;

  EXECUTE format('CREATE TABLE %I.calls (source text, provider text, call_id text, status text, direction text,
      agent_id text, from_number text, to_number text, started_at timestamptz, ended_at timestamptz, duration interval)
    PARTITION BY LIST (source)', schema);
  FOR i IN 1 .. cardinality(servers) LOOP
    EXECUTE format('CREATE FOREIGN TABLE %1$I.%2$I PARTITION OF %1$I.calls FOR VALUES IN (%3$L) SERVER %4$I',
      schema, 'calls_' || servers[i], sources[i], servers[i]);
  END LOOP;
  RAISE NOTICE 'calls are counted partition by partition only with enable_partitionwise_aggregate'
    USING HINT = 'SET enable_partitionwise_aggregate = on;';
  RETURN format('%I.calls', schema)::regclass;
END $$;
COMMENT ON FUNCTION calls_fdw_create_calls(name, name[]) IS 'makes the table SCHEMA.calls, partitioned by source, of the common columns of several servers';
