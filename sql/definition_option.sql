-- The server option "definition": a provider without a file, checked like one.
\i sql/_setup.sql
SET timezone = 'UTC';
\pset format unaligned
\pset null '-'

-- A definition of one's own from an installed one: another name, another column.
SELECT jsonb_set(calls_fdw_definition('ringyo')::jsonb || '{"provider": "mine", "title": "Mein Anbieter für Anrufe"}',
                 '{columns,customer}', '{"type": "jsonb", "path": "metadata.customer_id"}')::text AS mine \gset
CREATE SERVER mine FOREIGN DATA WRAPPER calls_fdw OPTIONS (definition :'mine', base_url :'sim_url');
CREATE USER MAPPING FOR CURRENT_USER SERVER mine OPTIONS (api_key 'ringyo_test');
CREATE SCHEMA mine;
IMPORT FOREIGN SCHEMA mine FROM SERVER mine INTO mine;
SELECT string_agg(attname, ' ' ORDER BY attnum) AS columns FROM pg_attribute WHERE attrelid = 'mine.calls'::regclass AND attnum > 11;
SELECT source, provider, count(*) FROM mine.calls GROUP BY source, provider;
CALL sim.connect('ringyo');
SELECT count(*) AS differences FROM (
  SELECT call_id, status, agent_id, to_number, started_at, duration, metadata->'customer_id' FROM ringyo.calls
  EXCEPT ALL
  SELECT call_id, status, agent_id, to_number, started_at, duration, customer FROM mine.calls) AS d;
EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM mine.calls WHERE status = 'busy' LIMIT 5;
-- The remote schema is the definition's name, of which nothing is installed.
SELECT * FROM sim.try('IMPORT FOREIGN SCHEMA ringyo FROM SERVER mine INTO mine');
SELECT * FROM sim.try($$CREATE SERVER m FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'mine')$$);

-- A changed definition counts at once, also for a statement that is prepared.
SET plan_cache_mode = force_generic_plan;
PREPARE busy AS SELECT count(*) > 0 AS some, count(*) FILTER (WHERE status <> 'busy') AS others FROM mine.calls WHERE status = 'busy';
CALL sim.clear();
EXECUTE busy;
SELECT DISTINCT query->>'status' AS status FROM sim.log('ringyo');
SELECT (:'mine'::jsonb #- '{filters,0}')::text AS mine_unfiltered \gset
ALTER SERVER mine OPTIONS (SET definition :'mine_unfiltered');
CALL sim.clear();
EXECUTE busy;
SELECT DISTINCT query->>'status' AS status FROM sim.log('ringyo');
-- Undone with its transaction.
BEGIN;
ALTER SERVER mine OPTIONS (SET definition :'mine');
CALL sim.clear();
EXECUTE busy;
SELECT DISTINCT query->>'status' AS status FROM sim.log('ringyo');
ROLLBACK;
CALL sim.clear();
EXECUTE busy;
SELECT DISTINCT query->>'status' AS status FROM sim.log('ringyo');
RESET plan_cache_mode;

-- A cursor keeps the definition that it began with.
BEGIN;
DECLARE c CURSOR FOR SELECT provider, status FROM mine.calls ORDER BY started_at;
FETCH 1 FROM c;
CREATE TEMP TABLE definitions AS
  SELECT i, (:'mine'::jsonb || jsonb_build_object('provider', 'mine_' || i))::text AS definition FROM generate_series(1, 200) AS i;
DO $$
DECLARE
  d record;
BEGIN
  FOR d IN SELECT * FROM definitions LOOP
    EXECUTE format('CREATE SERVER s%s FOREIGN DATA WRAPPER calls_fdw OPTIONS (definition %L)', d.i, d.definition);
  END LOOP;
END $$;
MOVE ALL FROM c;
COMMIT;
-- Texts that were not used for long are let go, not kept for ever.
SELECT count(*) BETWEEN 60 AND 70 AS bounded FROM pg_backend_memory_contexts WHERE name = 'calls_fdw definition';

-- From an installed provider to a definition and back: one of the two.
ALTER SERVER ringyo OPTIONS (DROP provider, ADD definition :'mine');
SELECT provider, count(*) FROM ringyo.calls GROUP BY provider;
ALTER SERVER ringyo OPTIONS (DROP definition, ADD provider 'ringyo');
SELECT provider, count(*) FROM ringyo.calls GROUP BY provider;
SELECT * FROM sim.try(format($$ALTER SERVER ringyo OPTIONS (ADD definition %L)$$, :'mine'));
SELECT * FROM sim.try($$ALTER SERVER mine OPTIONS (DROP definition)$$);

-- Other options are checked against it.
SELECT * FROM sim.try($$ALTER SERVER mine OPTIONS (ADD page_size '101')$$);
SELECT * FROM sim.try($$ALTER SERVER mine OPTIONS (ADD pushdown 'custommer')$$);

-- Bad ones are refused with the loader's messages; no value is quoted.
SELECT label, t.code, t.message, t.detail, t.hint
FROM (VALUES
  (1, 'empty', ''),
  (2, 'no JSON', '{"provider": "mine",'),
  (3, 'no object', '[]'),
  (4, 'nothing in it', '{}'),
  (5, 'key twice', '{"provider": "a", "provider": "b"}'),
  (6, 'unknown key', jsonb_set(:'mine', '{filtres}', '[]')::text),
  (7, 'bad name', jsonb_set(:'mine', '{provider}', '"Mine!"')::text),
  (8, 'plain http', jsonb_set(:'mine', '{base_url}', '"http://api.example"')::text),
  (9, 'no key sent', jsonb_set(:'mine', '{auth,value}', '"Bearer hunter2"')::text),
  (10, 'misspelt word', jsonb_set(:'mine', '{paging,style}', '"curser"')::text),
  (11, 'filter that loses calls', (:'mine'::jsonb #- '{filters,0,words,3}' #- '{filters,1,words,3}'
     || jsonb_build_object('columns', jsonb_set(:'mine'::jsonb->'columns', '{status,values,done}', '"busy"')))::text),
  (12, 'nests 33 deep', repeat('[', 33) || repeat(']', 33)),
  (13, 'nests 100000 deep', repeat('[', 100000)),
  (14, '1 MB', jsonb_set(:'mine', '{basis}', to_jsonb(repeat('x', 1024 * 1024)))::text)) AS c (n, label, definition),
  sim.try(format($$ALTER SERVER mine OPTIONS (SET definition %L)$$, definition)) AS t
ORDER BY n;
SELECT provider, count(*) FROM mine.calls GROUP BY provider;

-- A large one is fine.
SELECT jsonb_set(:'mine', '{basis}', to_jsonb(repeat('Ü und x', 50000)))::text AS large \gset
ALTER SERVER mine OPTIONS (SET definition :'large');
SELECT provider, count(*) FROM mine.calls GROUP BY provider;

-- The order can be chosen, but nobody says what it is otherwise.
SELECT (:'mine'::jsonb #- '{order,default}')::text AS unordered \gset
ALTER SERVER mine OPTIONS (SET definition :'unordered');
SELECT provider, count(*) FROM mine.calls GROUP BY provider;

-- Users who may create servers may define providers, with the same limits.
CREATE ROLE calls_fdw_joe;
GRANT USAGE ON FOREIGN DATA WRAPPER calls_fdw TO calls_fdw_joe;
SET ROLE calls_fdw_joe;
CREATE SERVER joe FOREIGN DATA WRAPPER calls_fdw OPTIONS (definition :'mine');
SELECT * FROM sim.try(format($$ALTER SERVER joe OPTIONS (SET definition %L)$$, jsonb_set(:'mine', '{base_url}', '"http://10.0.0.1"')));
RESET ROLE;
DROP OWNED BY calls_fdw_joe;
DROP ROLE calls_fdw_joe;
