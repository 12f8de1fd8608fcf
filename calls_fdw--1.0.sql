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

-- Raises HV024 for a provider that is not installed or a table that none has,
-- HV00A for an invalid definition.  A provider without call_details has no
-- columns there.
CREATE FUNCTION calls_fdw_columns(
  provider text,
  relation text DEFAULT 'calls',    -- or call_details
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
COMMENT ON FUNCTION calls_fdw_columns(text, text) IS 'columns of one of a provider''s tables in its order, with the filters that can be sent';

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
  OUT throttled bigint,         -- replies that asked to slow down, and requests held back for it
  OUT pages bigint,             -- replies read
  OUT rows bigint,              -- calls in them, repeats included
  OUT rechecked_away bigint,    -- of these, returned against a filter that was sent
  OUT unverified bigint,        -- lists read whose completeness no total confirmed
  OUT bytes bigint,             -- of bodies, as received
  OUT wait_time interval        -- spent waiting for the provider
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION calls_fdw_stats() IS 'what each server has cost in this session; only servers on which the user has USAGE';

-- One table for all providers: SCHEMA.calls, partitioned by source, with a
-- partition calls_SERVER (shortened where that is too long) for each server, a
-- foreign table with the common columns.  Runs with the caller's rights: CREATE on the schema, USAGE on the
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
  partition text;
  longest integer := current_setting('max_identifier_length');
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
    partition := 'calls_' || servers[i];
    IF octet_length(partition) > longest THEN
      -- names that differ at their ends only stay different
      WHILE octet_length(partition) > longest - 9 LOOP
        partition := left(partition, -1);
      END LOOP;
      partition := partition || '_' || left(md5(servers[i]), 8);
    END IF;
    EXECUTE format('CREATE FOREIGN TABLE %1$I.%2$I PARTITION OF %1$I.calls FOR VALUES IN (%3$L) SERVER %4$I',
      schema, partition, sources[i], servers[i]);
  END LOOP;
  IF NOT current_setting('enable_partitionwise_aggregate')::boolean THEN
    RAISE NOTICE 'calls are counted partition by partition only with enable_partitionwise_aggregate'
      USING HINT = 'SET enable_partitionwise_aggregate = on;';
  END IF;
  RETURN format('%I.calls', schema)::regclass;
END $$;
COMMENT ON FUNCTION calls_fdw_create_calls(name, name[]) IS 'makes the table SCHEMA.calls, partitioned by source, of the common columns of several servers';

-- ----------------------------------------------------------------------------
-- calls_fdw_sync: keeps a local table up to date
-- ----------------------------------------------------------------------------
-- The functions from here on find each other by the extension's schema, which
-- may be any, and set search_path, so that no object of a user can get between.

-- What is known to be loaded, changed in the same transactions as the rows.
-- regclass follows renames, is dumped as a name, and a table that is made anew
-- under an old name begins anew.
CREATE TABLE calls_fdw_sync_state (
  source regclass,
  target regclass,
  source_value text NOT NULL,
  complete_from timestamptz,
  complete_to timestamptz,
  window_width interval,
  undated_at timestamptz,
  read bigint NOT NULL,
  inserted bigint NOT NULL,
  updated bigint NOT NULL,
  unchanged bigint NOT NULL,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (source, target)
);
COMMENT ON TABLE calls_fdw_sync_state IS 'what calls_fdw_sync has loaded';
COMMENT ON COLUMN calls_fdw_sync_state.source IS 'foreign table that is read';
COMMENT ON COLUMN calls_fdw_sync_state.target IS 'local table that is kept up to date';
COMMENT ON COLUMN calls_fdw_sync_state.source_value IS 'what its calls have in the column source';
COMMENT ON COLUMN calls_fdw_sync_state.complete_from IS 'start of the oldest call when the first load began';
COMMENT ON COLUMN calls_fdw_sync_state.complete_to IS 'all calls that started up to here have been loaded';
COMMENT ON COLUMN calls_fdw_sync_state.window_width IS 'window that held about batch_size calls';
COMMENT ON COLUMN calls_fdw_sync_state.undated_at IS 'when calls without started_at were last read';
COMMENT ON COLUMN calls_fdw_sync_state.read IS 'calls read in the last run, or so far in the running one';
COMMENT ON COLUMN calls_fdw_sync_state.inserted IS 'of these, calls that were new';
COMMENT ON COLUMN calls_fdw_sync_state.updated IS 'of these, calls that had changed';
COMMENT ON COLUMN calls_fdw_sync_state.unchanged IS 'of these, calls that were there as they are';
COMMENT ON COLUMN calls_fdw_sync_state.changed_at IS 'when the last batch was loaded';

-- Anyone may run calls_fdw_sync, and changes what is known of tables that one
-- may load, or that are gone. No row level security: pg_dump refuses tables
-- that hide rows from the role it runs as.
CREATE FUNCTION calls_fdw_sync_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  target regclass := CASE WHEN TG_OP = 'DELETE' THEN OLD.target ELSE NEW.target END;
BEGIN
  IF TG_OP <> 'INSERT' AND has_table_privilege(OLD.target, 'INSERT') IS FALSE
     OR TG_OP <> 'DELETE' AND (has_table_privilege(NEW.source, 'SELECT') AND has_table_privilege(NEW.target, 'INSERT')) IS NOT TRUE
        AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    RAISE EXCEPTION 'permission denied to change what is known of %', target USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION calls_fdw_sync_guard() IS 'part of calls_fdw_sync';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON calls_fdw_sync_state
  FOR EACH ROW EXECUTE FUNCTION calls_fdw_sync_guard();
GRANT SELECT, INSERT, UPDATE, DELETE ON calls_fdw_sync_state TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('calls_fdw_sync_state',
  'WHERE EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = source) AND EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = target)');

-- One run for a source and a target at a time; released by the end of the run,
-- an error or the end of the session.  Raises 42501 for who may not load.
CREATE FUNCTION calls_fdw_sync_lock(source regclass, target regclass) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION calls_fdw_sync_lock(regclass, regclass) IS 'part of calls_fdw_sync';
CREATE FUNCTION calls_fdw_sync_unlock() RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION calls_fdw_sync_unlock() IS 'part of calls_fdw_sync';

-- Keeps both tables from being renamed, dropped or truncated until the
-- transaction ends; false if one is gone.  Raises 42501 for who may not load.
CREATE FUNCTION calls_fdw_sync_hold(source regclass, target regclass) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION calls_fdw_sync_hold(regclass, regclass) IS 'part of calls_fdw_sync';

-- The foreign tables that a source consists of: itself, or its partitions.
CREATE FUNCTION calls_fdw_sync_tables(source regclass) RETURNS regclass[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tables regclass[];
  other regclass;
BEGIN
  SELECT array_agg(p.relid ORDER BY p.relid::text) INTO tables
  FROM pg_partition_tree(calls_fdw_sync_tables.source) AS p WHERE p.isleaf;
  tables := coalesce(tables, ARRAY[source]);
  SELECT t.relid INTO other
  FROM unnest(tables) AS t (relid)
  WHERE NOT EXISTS (
    SELECT FROM pg_foreign_table AS f
      JOIN pg_foreign_server AS s ON s.oid = f.ftserver
      JOIN pg_foreign_data_wrapper AS w ON w.oid = s.srvfdw
      JOIN pg_proc AS p ON p.oid = w.fdwhandler
      JOIN pg_extension AS e ON e.extname = 'calls_fdw' AND e.extnamespace = p.pronamespace
    WHERE f.ftrelid = t.relid AND p.proname = 'calls_fdw_handler');
  IF other IS NOT NULL THEN
    RAISE EXCEPTION '% is not a foreign table of calls_fdw', other
      USING ERRCODE = 'wrong_object_type',
            HINT = 'The source is such a table, or a table that is partitioned into such tables only.';
  END IF;
  RETURN tables;
END $$;
COMMENT ON FUNCTION calls_fdw_sync_tables(regclass) IS 'part of calls_fdw_sync';

-- The columns of a table that take no null, by themselves or by their domain.
CREATE FUNCTION calls_fdw_sync_required(target regclass) RETURNS name[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(array_agg(a.attname), '{}')
  FROM pg_attribute AS a
  WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
    AND (a.attnotnull OR EXISTS (
      WITH RECURSIVE base (type) AS (SELECT a.atttypid UNION ALL SELECT d.typbasetype FROM base JOIN pg_type AS d ON d.oid = type WHERE d.typtype = 'd')
      SELECT FROM base JOIN pg_type AS d ON d.oid = type WHERE d.typnotnull))
$$;
COMMENT ON FUNCTION calls_fdw_sync_required(regclass) IS 'part of calls_fdw_sync';

-- Refuses a target that takes no null where the provider has nothing else, as
-- far as the catalogue tells; a trigger may fill in what is missing.
CREATE FUNCTION calls_fdw_sync_fill(schema text, source regclass, target regclass, columns name[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  provider text;
  empty name;
BEGIN
  SELECT o.option_value INTO provider
  FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver, pg_options_to_table(s.srvoptions) AS o
  WHERE f.ftrelid = source AND o.option_name = 'provider';
  IF provider IS NULL OR EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = target AND t.tgtype & 7 = 7) THEN -- BEFORE INSERT FOR EACH ROW
    RETURN;
  END IF;
  EXECUTE format('SELECT a.attname FROM pg_attribute AS a
    LEFT JOIN LATERAL (SELECT option_value AS name FROM pg_options_to_table(a.attfdwoptions) WHERE option_name = ''column_name'') AS o ON true
    JOIN %1$s.calls_fdw_columns($4) AS c ON c.column_name = coalesce(o.name, a.attname)
    WHERE a.attrelid = $1 AND a.attname = ANY ($3) AND a.attname = ANY (%1$s.calls_fdw_sync_required($2)) AND c.kind = ''absent''
      AND NOT EXISTS (SELECT FROM pg_options_to_table(a.attfdwoptions) WHERE option_name = ''path'')
    ORDER BY a.attnum LIMIT 1', schema) INTO empty USING source, target, columns, provider;
  IF empty IS NOT NULL THEN
    RAISE EXCEPTION 'column "%" of % takes no null, and provider "%" reports nothing else', empty, target, provider
      USING ERRCODE = 'not_null_violation',
            HINT = format('ALTER TABLE %s ALTER %I DROP NOT NULL; or another type, if it is a domain.', target, empty);
  END IF;
END $$;
COMMENT ON FUNCTION calls_fdw_sync_fill(text, regclass, regclass, name[]) IS 'part of calls_fdw_sync';

-- The unique index that tells whether a call is in the target already: it has
-- call_id, and otherwise columns that never change. Calls of several sources
-- may have the same call_id.
CREATE FUNCTION calls_fdw_sync_key(target regclass, columns name[], required name[], several boolean) RETURNS name[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  key name[];
  wanted name[] := '{call_id}';
BEGIN
  SELECT i.key INTO key
  FROM (SELECT array_agg(a.attname ORDER BY k.place) AS key,
               bool_and(a.attname <> 'started_at' OR a.attname = ANY (required) OR x.indnullsnotdistinct) AS finds_nulls
        FROM pg_index AS x, unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, place), pg_attribute AS a
        WHERE x.indrelid = calls_fdw_sync_key.target AND x.indisunique AND x.indimmediate AND x.indisvalid
          AND x.indpred IS NULL AND x.indexprs IS NULL AND k.place <= x.indnkeyatts
          AND a.attrelid = x.indrelid AND a.attnum = k.attnum
        GROUP BY x.indexrelid) AS i
  WHERE 'call_id' = ANY (i.key) AND i.key <@ '{source,call_id,started_at}' AND i.key <@ columns AND i.finds_nulls
    AND (NOT several OR 'source' = ANY (i.key))
  ORDER BY 'source' = ANY (i.key) DESC, cardinality(i.key), i.key LIMIT 1;
  IF key IS NOT NULL THEN
    RETURN key;
  END IF;

  IF 'source' = ANY (columns) THEN
    wanted := '{source,call_id}';
  END IF;
  IF EXISTS (SELECT FROM pg_partitioned_table AS p, unnest(p.partattrs::int2[]) AS k (attnum), pg_attribute AS a
             WHERE p.partrelid = calls_fdw_sync_key.target AND a.attrelid = p.partrelid AND a.attnum = k.attnum
               AND a.attname = 'started_at') THEN
    wanted := wanted || name 'started_at';
  END IF;
  RAISE EXCEPTION '% has no unique index by which a call could be found', target
    USING ERRCODE = 'object_not_in_prerequisite_state',
          DETAIL = CASE WHEN several THEN 'Its columns must be source, for it takes calls of several sources, call_id, and otherwise only started_at; '
                        ELSE 'Its columns must be call_id and otherwise only source and started_at; ' END
                   || 'nulls in started_at must not be distinct.',
          HINT = format('CREATE UNIQUE INDEX ON %s (%s)%s;', target, array_to_string(wanted, ', '),
                        CASE WHEN 'started_at' = ANY (wanted) THEN ' NULLS NOT DISTINCT' END);
END $$;
COMMENT ON FUNCTION calls_fdw_sync_key(regclass, name[], name[], boolean) IS 'part of calls_fdw_sync';

-- What a foreign table's column source has.
CREATE FUNCTION calls_fdw_sync_source(source regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT o.option_value FROM pg_options_to_table(s.srvoptions) AS o WHERE o.option_name = 'source'), s.srvname)
  FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver WHERE f.ftrelid = source
$$;
COMMENT ON FUNCTION calls_fdw_sync_source(regclass) IS 'part of calls_fdw_sync';

-- Refuses a foreign table that may leave out calls: they would count as loaded.
CREATE FUNCTION calls_fdw_sync_strict(source regclass) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  own text;
  general text;
BEGIN
  SELECT (SELECT o.option_value FROM pg_options_to_table(f.ftoptions) AS o WHERE o.option_name = 'on_incomplete'),
         (SELECT o.option_value FROM pg_options_to_table(s.srvoptions) AS o WHERE o.option_name = 'on_incomplete')
  INTO own, general
  FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver WHERE f.ftrelid = source;
  IF coalesce(own, general, 'error') <> 'error' THEN
    RAISE EXCEPTION 'option "on_incomplete" of % must be "error"', source
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'Calls that an incomplete answer lacks would count as loaded.',
            HINT = format('ALTER FOREIGN TABLE %s OPTIONS (%s on_incomplete ''error'');', source, CASE WHEN own IS NULL THEN 'ADD' ELSE 'SET' END);
  END IF;
END $$;
COMMENT ON FUNCTION calls_fdw_sync_strict(regclass) IS 'part of calls_fdw_sync';

-- The columns that source and target share, by name: those to load.
CREATE FUNCTION calls_fdw_sync_columns(source regclass, target regclass) RETURNS name[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  columns name[];
  needed name;
  misfit record;
BEGIN
  SELECT array_agg(s.attname ORDER BY s.attnum) INTO columns
  FROM pg_attribute AS s JOIN pg_attribute AS t USING (attname)
  WHERE s.attrelid = calls_fdw_sync_columns.source AND s.attnum > 0 AND NOT s.attisdropped
    AND t.attrelid = calls_fdw_sync_columns.target AND t.attnum > 0 AND NOT t.attisdropped
    AND t.attgenerated = '' AND t.attidentity <> 'a';
  FOREACH needed IN ARRAY '{call_id,started_at}'::name[] LOOP
    IF (needed = ANY (columns)) IS NOT TRUE THEN
      RAISE EXCEPTION 'column "%" must be in both % and %', needed, source, target
        USING ERRCODE = 'undefined_column';
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = calls_fdw_sync_columns.source
                   AND a.attname = 'started_at' AND a.atttypid = 'timestamptz'::regtype) THEN
    RAISE EXCEPTION 'column "started_at" of % must be timestamp with time zone', source
      USING ERRCODE = 'datatype_mismatch';
  END IF;

  -- any type may be stored in a string, as its text; but what a timestamptz is
  -- converted to depends on the session's settings, and would differ each time
  SELECT s.attname, format_type(s.atttypid, s.atttypmod) AS given, format_type(t.atttypid, t.atttypmod) AS taken,
         s.atttypid = 'timestamptz'::regtype AS moment INTO misfit
  FROM pg_attribute AS s JOIN pg_attribute AS t USING (attname),
       LATERAL (WITH RECURSIVE base (type) AS (SELECT t.atttypid UNION ALL SELECT d.typbasetype FROM base JOIN pg_type AS d ON d.oid = type WHERE d.typtype = 'd')
                SELECT d.oid, d.typcategory FROM base JOIN pg_type AS d ON d.oid = type WHERE d.typtype <> 'd') AS b
  WHERE s.attrelid = calls_fdw_sync_columns.source AND t.attrelid = calls_fdw_sync_columns.target
    AND s.attname = ANY (columns) AND s.atttypid <> b.oid
    AND (s.atttypid = 'timestamptz'::regtype
         OR b.typcategory <> 'S'
            AND NOT EXISTS (SELECT FROM pg_cast AS c WHERE c.castsource = s.atttypid AND c.casttarget = b.oid AND c.castcontext IN ('a', 'i')))
  ORDER BY s.attnum LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'column "%" of % cannot be stored in %', misfit.attname, source, target
      USING ERRCODE = 'datatype_mismatch',
            DETAIL = format('It is %s there and %s here.', misfit.given, misfit.taken),
            HINT = CASE WHEN misfit.moment THEN format('ALTER TABLE %s ALTER %I TYPE timestamp with time zone;', target, misfit.attname)
                        ELSE 'Give both the same type, or the column of the target another name.' END;
  END IF;
  RETURN columns;
END $$;
COMMENT ON FUNCTION calls_fdw_sync_columns(regclass, regclass) IS 'part of calls_fdw_sync';

-- The statements of a batch: read fetches it, known counts the calls that the
-- target has and those of them that did not change, write stores it. A run asks
-- for them anew in each transaction, since tables may be renamed in between.
-- They keep to what partitioned, distributed and compressed tables can do: no system
-- columns, no writing below WITH, the columns of the index are never set, and
-- nobody asks how many rows were written, which Citus does not tell.
CREATE FUNCTION calls_fdw_sync_statements(run jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  source regclass := (run->>'source')::oid;
  target regclass := (run->>'target')::oid;
  columns name[] := ARRAY(SELECT jsonb_array_elements_text(run->'columns'));
  key name[] := ARRAY(SELECT jsonb_array_elements_text(run->'key'));
  list text := (SELECT string_agg(quote_ident(c), ', ' ORDER BY n) FROM unnest(columns) WITH ORDINALITY AS u (c, n));
  same text;
  changes text;
  old text;
  new text;
  given text;
  calls text := '(SELECT DISTINCT ON (call_id) * FROM pg_temp.calls_fdw_sync_batch ORDER BY call_id) AS b';
BEGIN
  -- of the types without equality, json and xml are compared as text
  SELECT string_agg(format('%1$I = excluded.%1$I', c), ', ' ORDER BY n),
         string_agg(format('t.%I', c) || cast_to, ', ' ORDER BY n),
         string_agg(format('excluded.%I', c) || cast_to, ', ' ORDER BY n),
         string_agg(format('b.%I::%s', c, format_type(a.atttypid, a.atttypmod)) || cast_to, ', ' ORDER BY n)
  INTO changes, old, new, given
  FROM unnest(columns) WITH ORDINALITY AS u (c, n)
       JOIN pg_attribute AS a ON a.attrelid = target AND a.attname = c,
       LATERAL (SELECT CASE WHEN a.atttypid IN ('json'::regtype, 'xml'::regtype) THEN '::text' ELSE '' END) AS x (cast_to)
  WHERE c <> ALL (key);

  SELECT string_agg(CASE WHEN c = 'started_at' THEN
      't.started_at IS NOT DISTINCT FROM b.started_at AND ($1 OR t.started_at BETWEEN $2 AND $3)'
    ELSE format('t.%1$I = b.%1$I', c) || coalesce(format(' COLLATE %s.%I', l.collnamespace::regnamespace, l.collname), '') END, ' AND ')
  INTO same
  FROM unnest(key) AS u (c)
       JOIN pg_attribute AS a ON a.attrelid = target AND a.attname = c
       LEFT JOIN pg_collation AS l ON l.oid = a.attcollation;

  RETURN jsonb_build_object(
    'read', format('INSERT INTO pg_temp.calls_fdw_sync_batch SELECT %s FROM %s', list, source),
    'known', format('SELECT count(*) AS found, %s AS same FROM %s JOIN %s AS t ON %s',
                    coalesce(format('count(*) FILTER (WHERE ROW (%s) IS NOT DISTINCT FROM ROW (%s))', old, given), 'count(*)'),
                    calls, target, same),
    'write', format('INSERT INTO %s AS t (%s) SELECT %s FROM %s ORDER BY started_at ON CONFLICT (%s) DO ', target, list, list, calls,
                    (SELECT string_agg(quote_ident(c), ', ') FROM unnest(key) AS u (c)))
             || CASE WHEN changes IS NULL THEN 'NOTHING'
                     ELSE format('UPDATE SET %s WHERE ROW (%s) IS DISTINCT FROM ROW (%s)', changes, old, new) END);
END $$;
COMMENT ON FUNCTION calls_fdw_sync_statements(jsonb) IS 'part of calls_fdw_sync';

-- What the provider of a foreign table can do, as its plans tell: read windows
-- of started_at, and read in its order, which no undated call has a place in.
CREATE FUNCTION calls_fdw_sync_abilities(source regclass) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  queries text[] := ARRAY['WHERE started_at >= ''2001-01-01''', 'WHERE started_at < ''2001-01-01''',
                          'ORDER BY started_at LIMIT 1', 'ORDER BY started_at DESC LIMIT 1'];
  query text;
  plan jsonb;
  sent boolean[];
BEGIN
  FOREACH query IN ARRAY queries LOOP
    EXECUTE format('EXPLAIN (VERBOSE, FORMAT JSON) SELECT call_id FROM %s %s', source, query) INTO plan;
    sent := sent || jsonb_path_exists(plan, CASE WHEN query ~ '^WHERE' THEN '$.**."Remote Filter"'::jsonpath
                                                 ELSE '$.**."Remote Order"' END);
  END LOOP;
  RETURN jsonb_build_object('windows', sent[1] AND sent[2], 'ascending', sent[3], 'ordered', sent[3] OR sent[4]);
END $$;
COMMENT ON FUNCTION calls_fdw_sync_abilities(regclass) IS 'part of calls_fdw_sync';

-- About when the oldest call started, by few requests; null without any.
CREATE FUNCTION calls_fdw_sync_oldest(source regclass, ascending boolean) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  early timestamptz; -- no call is known to be older
  late timestamptz; -- some call is older, or this old
  middle timestamptz;
  step interval := '1 day';
  older boolean;
BEGIN
  IF ascending THEN
    EXECUTE format('SELECT min(started_at) FROM %s', source) INTO late;
    RETURN late;
  END IF;
  EXECUTE format('SELECT started_at FROM %s WHERE started_at IS NOT NULL LIMIT 1', source) INTO late;
  IF late IS NULL THEN
    RETURN NULL;
  END IF;
  LOOP
    early := greatest(late - step, '1970-01-01');
    EXIT WHEN early = '1970-01-01';
    EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE started_at < $1)', source) INTO older USING early;
    EXIT WHEN NOT older;
    late := early;
    step := step * 2;
  END LOOP;
  WHILE late - early > interval '1 day' LOOP
    middle := early + (late - early) / 2;
    EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE started_at < $1)', source) INTO older USING middle;
    IF older THEN
      late := middle;
    ELSE
      early := middle;
    END IF;
  END LOOP;
  RETURN early;
END $$;
COMMENT ON FUNCTION calls_fdw_sync_oldest(regclass, boolean) IS 'part of calls_fdw_sync';

-- Begins a transaction of a run: holds its tables, and tells in which files the
-- target's calls are, which a TRUNCATE changes.
CREATE FUNCTION calls_fdw_sync_open(run jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  target oid := run->>'target';
  there boolean;
  files jsonb;
BEGIN
  EXECUTE format('SELECT %s.calls_fdw_sync_hold($1, $2)', run->>'schema') INTO there USING (run->>'source')::oid::regclass, target::regclass;
  IF NOT there THEN
    RAISE EXCEPTION '% was dropped while calls were loaded',
      CASE WHEN EXISTS (SELECT FROM pg_class WHERE oid = target) THEN run->>'source_name' ELSE run->>'target_name' END
      USING ERRCODE = 'undefined_table';
  END IF;
  SELECT jsonb_object_agg(t.relid::oid::text, pg_relation_filenode(t.relid)) INTO files
  FROM (SELECT target::regclass AS relid UNION SELECT relid FROM pg_partition_tree(target) WHERE isleaf) AS t;
  RETURN files;
END $$;
COMMENT ON FUNCTION calls_fdw_sync_open(jsonb) IS 'part of calls_fdw_sync';

-- Begins the run over one foreign table: locks, checks, and decides where to
-- read from. A run is an object that calls_fdw_sync_step moves on; several says
-- that others load the target as well.
CREATE FUNCTION calls_fdw_sync_begin(schema text, source regclass, target regclass, lookback interval, batch_size integer,
                                     undated interval, several boolean) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  columns name[];
  required name[];
  key name[];
  run jsonb;
  known record;
  free boolean;
  files jsonb;
  source_value text;
  windows boolean;
  ordered boolean;
  dated boolean; -- the target takes no call without started_at
  start timestamptz; -- where to read from
BEGIN
  EXECUTE format('SELECT %s.calls_fdw_sync_lock($1, $2)', schema) INTO free USING source, target;
  IF NOT free THEN
    RAISE EXCEPTION 'another calls_fdw_sync loads % into %', source, target USING ERRCODE = 'lock_not_available';
  END IF;
  run := jsonb_build_object('schema', schema, 'source', source::oid, 'target', target::oid,
    'source_name', source::text, 'target_name', target::text, 'lookback', lookback, 'batch_size', batch_size,
    'undated_every', undated, 'several', several);
  EXECUTE format('SELECT %s.calls_fdw_sync_open($1)', schema) INTO files USING run;
  EXECUTE format('SELECT %s.calls_fdw_sync_strict($1)', schema) USING source;
  EXECUTE format('SELECT %s.calls_fdw_sync_columns($1, $2)', schema) INTO columns USING source, target;
  -- a target without rows was emptied, or restored without its data; that goes
  -- for all its sources
  EXECUTE format('DELETE FROM %s.calls_fdw_sync_state WHERE target = $1 AND NOT EXISTS (SELECT 1 FROM %s)', schema, target) USING target;
  EXECUTE format('SELECT * FROM %s.calls_fdw_sync_state WHERE source = $1 AND target = $2', schema) INTO known USING source, target;
  EXECUTE format('SELECT %s.calls_fdw_sync_source($1)', schema) INTO source_value USING source;
  IF 'source' = ANY (columns) AND known.source_value <> source_value THEN
    RAISE EXCEPTION 'source of % is "%" now, but was "%" when % was loaded', source, source_value, known.source_value, target
      USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'Its calls would be loaded once more, beside those that are there.',
            HINT = format('UPDATE %1$s SET source = %2$L WHERE source = %3$L; UPDATE %4$s.calls_fdw_sync_state SET source_value = %2$L WHERE source = %5$L::regclass AND target = %6$L::regclass; '
                          'or, if they are other calls: DELETE FROM %4$s.calls_fdw_sync_state WHERE source = %5$L::regclass AND target = %6$L::regclass;',
                          target, source_value, known.source_value, schema, source, target);
  END IF;
  IF 'source' = ANY (columns) AND NOT several THEN
    -- the first load looks at all rows, later ones at what else is loaded
    EXECUTE format('SELECT EXISTS (SELECT FROM %s.calls_fdw_sync_state WHERE target = $1 AND source_value <> $2)'
                   || CASE WHEN known.complete_to IS NULL THEN ' OR EXISTS (SELECT FROM %s WHERE source <> $2)' ELSE '' END, schema, target)
      INTO several USING target, source_value;
  END IF;
  EXECUTE format('SELECT %s.calls_fdw_sync_required($1)', schema) INTO required USING target;
  EXECUTE format('SELECT %s.calls_fdw_sync_key($1, $2, $3, $4)', schema) INTO key USING target, columns, required, several AND 'source' = ANY (columns);
  EXECUTE format('SELECT %s.calls_fdw_sync_fill($1, $2, $3, $4)', schema) USING schema, source, target, columns;
  EXECUTE format('SELECT $1 || %s.calls_fdw_sync_abilities($2)', schema)
    INTO run USING run || jsonb_build_object('files', files, 'columns', columns, 'key', key, 'source_value', source_value), source;
  windows := (run->>'windows')::boolean;
  ordered := (run->>'ordered')::boolean;
  IF to_regclass('pg_temp.calls_fdw_sync_batch') IS NOT NULL THEN
    DROP TABLE pg_temp.calls_fdw_sync_batch;
  END IF;
  EXECUTE format('CREATE TEMPORARY TABLE calls_fdw_sync_batch ON COMMIT DELETE ROWS AS SELECT %s FROM %s WITH NO DATA',
                 (SELECT string_agg(quote_ident(c), ', ' ORDER BY n) FROM unnest(columns) WITH ORDINALITY AS u (c, n)), source);
  ALTER TABLE pg_temp.calls_fdw_sync_batch ALTER call_id SET NOT NULL;

  -- longer than any log, and within the range of timestamps
  lookback := least(lookback, interval '1000 years');
  undated := CASE WHEN undated > interval '1000 years' THEN interval '1000 years' ELSE undated END;
  start := known.complete_to - lookback;
  IF start IS NULL AND windows THEN
    EXECUTE format('SELECT %s.calls_fdw_sync_oldest($1, $2)', schema) INTO start USING source, (run->>'ascending')::boolean;
  END IF;
  dated := 'started_at' = ANY (required) AND NOT ordered;
  IF dated AND known.complete_to IS NULL THEN
    RAISE NOTICE 'calls without started_at are left out, since % takes none', target;
  END IF;
  RETURN run || jsonb_build_object(
    'dated', dated, 'phase', CASE WHEN windows THEN 'windows' ELSE 'rest' END,
    'start', greatest(start, known.complete_from),
    'lower', CASE WHEN (windows OR ordered) AND known.complete_to - lookback > known.complete_from THEN start END,
    'width', coalesce(extract(epoch FROM known.window_width), 3600), 'horizon', clock_timestamp(),
    'undated', windows AND NOT ordered AND NOT dated AND undated IS NOT NULL
               AND (known.undated_at + undated < now()) IS NOT FALSE,
    'calls', 0, 'inserted', 0, 'updated', 0, 'unchanged', 0);
END $$;
COMMENT ON FUNCTION calls_fdw_sync_begin(text, regclass, regclass, interval, integer, interval, boolean) IS 'part of calls_fdw_sync';

-- Fetches the calls from the run's lower bound on and before upper (null: no
-- bound), or those without started_at; at most so many (null: all).
CREATE FUNCTION calls_fdw_sync_read(run jsonb, upper timestamptz, most bigint, OUT rows bigint, OUT oldest timestamptz, OUT newest timestamptz)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  lower timestamptz := run->>'lower';
  conditions text := concat_ws(' AND ',
    CASE WHEN run->>'phase' = 'undated' THEN 'started_at IS NULL'
         WHEN lower IS NOT NULL THEN 'started_at >= $1'
         WHEN (run->>'dated')::boolean THEN 'started_at IS NOT NULL' END,
    CASE WHEN upper IS NOT NULL THEN 'started_at < $2' END);
  statements jsonb;
  hundredth timestamptz;
BEGIN
  TRUNCATE pg_temp.calls_fdw_sync_batch;
  EXECUTE format('SELECT %s.calls_fdw_sync_statements($1)', run->>'schema') INTO statements USING run;
  EXECUTE concat_ws(' ', statements->>'read', 'WHERE ' || nullif(conditions, ''), 'LIMIT ' || most) USING lower, upper;
  GET DIAGNOSTICS rows = ROW_COUNT;
  SELECT min(b.started_at), max(b.started_at) INTO oldest, newest FROM pg_temp.calls_fdw_sync_batch AS b;
  -- a few calls that are dated in the future do not hide those that follow
  IF newest > clock_timestamp() THEN
    SELECT b.started_at INTO hundredth FROM pg_temp.calls_fdw_sync_batch AS b ORDER BY b.started_at DESC NULLS LAST OFFSET 99 LIMIT 1;
    newest := greatest(clock_timestamp(), hundredth);
  END IF;
END $$;
COMMENT ON FUNCTION calls_fdw_sync_read(jsonb, timestamptz, bigint) IS 'part of calls_fdw_sync';

-- Stores the calls that were fetched, and counts them.
CREATE FUNCTION calls_fdw_sync_write(run jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  batch record;
  statements jsonb;
  known record;
BEGIN
  SELECT count(DISTINCT call_id) AS calls, count(*) > count(started_at) AS undated, min(started_at) AS oldest, max(started_at) AS newest
  INTO batch FROM pg_temp.calls_fdw_sync_batch;
  IF batch.calls = 0 THEN
    RETURN run;
  END IF;
  -- where others write to the target at the same time, the parts are estimates
  EXECUTE format('SELECT %s.calls_fdw_sync_statements($1)', run->>'schema') INTO statements USING run;
  EXECUTE statements->>'known' INTO known USING batch.undated, batch.oldest, batch.newest;
  IF known.same < batch.calls THEN
    EXECUTE statements->>'write';
  END IF;
  RETURN run || jsonb_build_object(
    'calls', (run->>'calls')::bigint + batch.calls,
    'inserted', (run->>'inserted')::bigint + batch.calls - known.found,
    'updated', (run->>'updated')::bigint + known.found - known.same,
    'unchanged', (run->>'unchanged')::bigint + known.same);
END $$;
COMMENT ON FUNCTION calls_fdw_sync_write(jsonb) IS 'part of calls_fdw_sync';

-- The run, or one that begins anew where what was loaded is there no longer:
-- the target was truncated (or rewritten, which looks the same), or what was
-- known of it was deleted. Several sources may have lost calls.
CREATE FUNCTION calls_fdw_sync_resume(run jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  source regclass := (run->>'source')::oid;
  target regclass := (run->>'target')::oid;
  files jsonb;
  emptied boolean;
  known boolean;
  anew jsonb;
BEGIN
  EXECUTE format('SELECT %s.calls_fdw_sync_open($1)', run->>'schema') INTO files USING run;
  emptied := EXISTS (SELECT FROM jsonb_each(files) AS f JOIN jsonb_each(run->'files') AS k USING (key) WHERE f.value <> k.value);
  -- which nobody deletes from here on until the batch is complete
  EXECUTE format('SELECT true FROM %s.calls_fdw_sync_state WHERE source = $1 AND target = $2 FOR UPDATE', run->>'schema')
    INTO known USING source, target;
  IF NOT emptied AND (known OR NOT run ? 'recorded') THEN
    RETURN run || jsonb_build_object('files', files);
  END IF;

  RAISE NOTICE '% is loaded anew into %, which was emptied or rewritten meanwhile', source, target;
  IF emptied THEN
    EXECUTE format('DELETE FROM %s.calls_fdw_sync_state WHERE target = $1', run->>'schema') USING target;
  END IF;
  EXECUTE format('SELECT %s.calls_fdw_sync_begin($1, $2, $3, $4, $5, $6, $7)', run->>'schema') INTO anew
    USING run->>'schema', source, target, (run->>'lookback')::interval, (run->>'batch_size')::integer,
          (run->>'undated_every')::interval, (run->>'several')::boolean;
  RETURN anew || jsonb_build_object('calls', run->'calls', 'inserted', run->'inserted', 'updated', run->'updated', 'unchanged', run->'unchanged');
END $$;
COMMENT ON FUNCTION calls_fdw_sync_resume(jsonb) IS 'part of calls_fdw_sync';

-- Loads one batch and says where the next one begins; phase is "done" at the
-- end. Windows are read oldest first, and sized to hold about batch_size calls;
-- the last one has no end. The rest, of a provider without date filters, is one
-- batch, since each of several would have to begin at the newest call.
CREATE FUNCTION calls_fdw_sync_step(run jsonb) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  windows boolean;
  undated boolean;
  start timestamptz;
  horizon timestamptz;
  size bigint;
  width double precision; -- in seconds
  upper timestamptz;
  most bigint;
  batch record;
BEGIN
  EXECUTE format('SELECT %s.calls_fdw_sync_resume($1)', run->>'schema') INTO run USING run;
  windows := run->>'phase' = 'windows';
  undated := run->>'phase' = 'undated';
  start := run->>'start';
  horizon := run->>'horizon';
  size := run->>'batch_size';
  width := run->>'width';
  IF windows THEN
    upper := start + make_interval(secs => width);
    upper := CASE WHEN upper < horizon THEN upper END;
    most := CASE WHEN width > 1 THEN 4 * size END;
  END IF;
  EXECUTE format('SELECT * FROM %s.calls_fdw_sync_read($1, $2, $3)', run->>'schema') INTO batch USING run, upper, most;
  IF windows AND batch.rows >= most THEN
    -- too many; and an end there is, if it is not where the clock says
    RETURN run || jsonb_build_object(
      'width', greatest(width / 4, 1), 'horizon', CASE WHEN upper IS NULL THEN greatest(horizon, batch.newest) ELSE horizon END);
  END IF;
  EXECUTE format('SELECT %s.calls_fdw_sync_write($1)', run->>'schema') INTO run USING run;

  IF upper IS NOT NULL THEN
    -- an empty window is no measure, and the next one is four times as wide
    width := width * least(greatest(size / greatest(batch.rows, 0.25)::double precision, 0.25), 4);
    width := least(greatest(width, 1), 3e8);
  END IF;
  run := run || jsonb_build_object('width', width, 'start', upper, 'lower', upper, 'recorded', true);
  EXECUTE format('INSERT INTO %s.calls_fdw_sync_state AS s VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now()) '
                 'ON CONFLICT (source, target) DO UPDATE SET '
                 'source_value = excluded.source_value, complete_from = least(s.complete_from, excluded.complete_from), '
                 'complete_to = greatest(s.complete_to, excluded.complete_to), window_width = excluded.window_width, '
                 'undated_at = coalesce(excluded.undated_at, s.undated_at), '
                 'read = excluded.read, inserted = excluded.inserted, updated = excluded.updated, '
                 'unchanged = excluded.unchanged, changed_at = excluded.changed_at', run->>'schema')
  USING (run->>'source')::oid::regclass, (run->>'target')::oid::regclass, run->>'source_value', least(start, batch.oldest), batch.newest,
        make_interval(secs => width), CASE WHEN undated THEN now() END,
        (run->>'calls')::bigint, (run->>'inserted')::bigint, (run->>'updated')::bigint, (run->>'unchanged')::bigint;
  IF upper IS NULL THEN
    run := run || jsonb_build_object('phase', CASE WHEN windows AND (run->>'undated')::boolean THEN 'undated' ELSE 'done' END);
  END IF;
  RETURN run;
END $$;
COMMENT ON FUNCTION calls_fdw_sync_step(jsonb) IS 'part of calls_fdw_sync';

-- Refuses arguments that make no sense.
CREATE FUNCTION calls_fdw_sync_check(source regclass, target regclass, lookback interval, batch_size integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF source IS NULL OR target IS NULL THEN
    RAISE EXCEPTION 'source and target must not be null' USING ERRCODE = 'null_value_not_allowed';
  ELSIF lookback IS NULL OR lookback < interval '0' THEN
    RAISE EXCEPTION 'lookback must not be null or negative' USING ERRCODE = 'invalid_parameter_value';
  ELSIF batch_size IS NULL OR batch_size < 1 THEN
    RAISE EXCEPTION 'batch_size must be at least 1' USING ERRCODE = 'invalid_parameter_value';
  ELSIF NOT EXISTS (SELECT FROM pg_class WHERE oid = target AND relkind IN ('r', 'p')) THEN
    RAISE EXCEPTION '% is not a table', target
      USING ERRCODE = 'wrong_object_type', HINT = 'The target is a local table, which may be partitioned.';
  END IF;
END $$;
COMMENT ON FUNCTION calls_fdw_sync_check(regclass, regclass, interval, integer) IS 'part of calls_fdw_sync';

-- CALL calls_fdw_sync('voicy.calls', 'local.calls') outside of a transaction
-- block: each batch is a transaction, and what is committed stays.
CREATE PROCEDURE calls_fdw_sync(source regclass, target regclass, lookback interval DEFAULT '1 day', batch_size integer DEFAULT 5000,
                                undated interval DEFAULT '7 days', INOUT read bigint DEFAULT 0, INOUT inserted bigint DEFAULT 0,
                                INOUT updated bigint DEFAULT 0, INOUT unchanged bigint DEFAULT 0)
LANGUAGE plpgsql AS $$
DECLARE
  schema text;
  path text; -- the caller's
  tables regclass[];
  part regclass;
  run jsonb;
  problem text;
  detail text;
  hint text;
  state text;
  problems text[];
  first_state text;
BEGIN
  COMMIT; -- which is an error in a transaction block
  path := pg_catalog.current_setting('search_path');
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  SELECT quote_ident(n.nspname) INTO schema
  FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'calls_fdw';
  EXECUTE format('SELECT %s.calls_fdw_sync_check($1, $2, $3, $4)', schema) USING source, target, lookback, batch_size;
  EXECUTE format('SELECT %s.calls_fdw_sync_tables($1)', schema) INTO tables USING source;
  -- what is known of tables that are gone, unless another run is at it
  EXECUTE format('DELETE FROM %1$s.calls_fdw_sync_state WHERE (source, target) IN ('
                 'SELECT s.source, s.target FROM %1$s.calls_fdw_sync_state AS s '
                 'WHERE (NOT EXISTS (SELECT FROM pg_class WHERE oid = s.source) OR NOT EXISTS (SELECT FROM pg_class WHERE oid = s.target)) '
                 'AND has_table_privilege(s.target, ''INSERT'') IS NOT FALSE FOR UPDATE SKIP LOCKED)', schema);
  read := 0;
  inserted := 0;
  updated := 0;
  unchanged := 0;
  FOREACH part IN ARRAY tables LOOP
    run := NULL;
    LOOP
      BEGIN
        IF run IS NULL THEN
          EXECUTE format('SELECT %s.calls_fdw_sync_begin($1, $2, $3, $4, $5, $6, $7)', schema)
            INTO run USING schema, part, target, lookback, batch_size, undated, cardinality(tables) > 1;
        END IF;
        EXECUTE format('SELECT %s.calls_fdw_sync_step($1)', schema) INTO run USING run;
      EXCEPTION WHEN OTHERS THEN
        IF cardinality(tables) = 1 THEN
          RAISE;
        END IF;
        GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, state = RETURNED_SQLSTATE;
        problems := problems || concat_ws(E'\n', format('%s: %s', part, problem), '  DETAIL:  ' || nullif(detail, ''), '  HINT:  ' || nullif(hint, ''));
        first_state := coalesce(first_state, state);
        run := coalesce(run, '{"calls": 0, "inserted": 0, "updated": 0, "unchanged": 0}') || '{"phase": "done"}';
      END;
      COMMIT;
      PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
      IF coalesce(nullif(current_setting('calls_fdw.progress', true), ''), 'off')::boolean THEN
        RAISE INFO '% into %: % read, % inserted, % updated, % unchanged', part, target,
          read + (run->>'calls')::bigint, inserted + (run->>'inserted')::bigint,
          updated + (run->>'updated')::bigint, unchanged + (run->>'unchanged')::bigint;
      END IF;
      EXIT WHEN run->>'phase' = 'done';
    END LOOP;
    read := read + (run->>'calls')::bigint;
    inserted := inserted + (run->>'inserted')::bigint;
    updated := updated + (run->>'updated')::bigint;
    unchanged := unchanged + (run->>'unchanged')::bigint;
    IF to_regclass('pg_temp.calls_fdw_sync_batch') IS NOT NULL THEN
      DROP TABLE pg_temp.calls_fdw_sync_batch;
    END IF;
    EXECUTE format('SELECT %s.calls_fdw_sync_unlock()', schema);
  END LOOP;
  -- the transaction may go on in a procedure that calls this one
  PERFORM set_config('search_path', path, true);
  IF problems IS NOT NULL THEN
    RAISE EXCEPTION '% of % tables could not be loaded', pg_catalog.cardinality(problems), pg_catalog.cardinality(tables)
      USING ERRCODE = first_state, DETAIL = pg_catalog.array_to_string(problems, E'\n');
  END IF;
END $$;
COMMENT ON PROCEDURE calls_fdw_sync(regclass, regclass, interval, integer, interval, bigint, bigint, bigint, bigint)
  IS 'loads new and changed calls of a foreign table into a local table';
