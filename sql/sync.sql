-- calls_fdw_sync: a local table is kept up to date, and what it costs.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo', 'acme');
CREATE SCHEMA local;
SET client_min_messages = notice;
SET timezone = 'UTC';
SET datestyle = 'ISO, DMY';
\set SHOW_CONTEXT never
CREATE FUNCTION differing(source regclass, target regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM ((TABLE %1$s EXCEPT ALL TABLE %2$s) UNION ALL (TABLE %2$s EXCEPT ALL TABLE %1$s)) AS d', source, target) INTO n;
  RETURN n;
END $$;
CREATE VIEW known AS
  SELECT source, target, complete_from, complete_to, undated_at IS NOT NULL AS undated, read, inserted, updated, unchanged
  FROM calls_fdw_sync_state ORDER BY source::text, target::text;

-- The first run loads everything, the next one what is new.
CREATE TABLE local.voicy (LIKE voicy.calls);
CREATE UNIQUE INDEX ON local.voicy (source, call_id);
CALL calls_fdw_sync('voicy.calls', 'local.voicy');
SELECT differing('voicy.calls', 'local.voicy');
TABLE known;
CALL sim.change('voicy', 'update=3', 'insert=5');
CALL sim.clear();
CALL calls_fdw_sync('voicy.calls', 'local.voicy', '1 week');
SELECT sim.requests('voicy') AS requests, differing('voicy.calls', 'local.voicy');
SELECT body->'filter_criteria'->'start_timestamp' AS window FROM sim.log('voicy') LIMIT 1;
TABLE known;

-- TryVox has no date filter: newest first, down to where it is known.
CREATE TABLE local.tryvox (LIKE tryvox.calls);
CREATE UNIQUE INDEX ON local.tryvox (source, call_id);
CALL sim.clear();
CALL calls_fdw_sync('tryvox.calls', 'local.tryvox');
SELECT sim.requests('tryvox') >= 10 AS all_pages, differing('tryvox.calls', 'local.tryvox');
CALL sim.change('tryvox', 'update=3', 'insert=5');
CALL sim.clear();
CALL calls_fdw_sync('tryvox.calls', 'local.tryvox', '1 week');
SELECT sim.requests('tryvox') < 8 AS first_pages, differing('tryvox.calls', 'local.tryvox');

-- The others; small batches are more windows, and none is lost in between.
SELECT format('CREATE TABLE local.%1$s (LIKE %1$s.calls)', p), format('CREATE UNIQUE INDEX ON local.%1$s (source, call_id)', p),
       format('CALL calls_fdw_sync(%L, %L, batch_size => 20)', p || '.calls', 'local.' || p),
       format('SELECT differing(%L, %L)', p || '.calls', 'local.' || p),
       format('CALL sim.change(%L, ''update=3'', ''insert=5'')', p),
       format('CALL calls_fdw_sync(%L, %L, ''1 week'')', p || '.calls', 'local.' || p)
FROM unnest('{solomobile,whippy,ringyo,acme}'::text[]) AS p
\gexec
-- Windows go from the oldest call on, and adapt to how many calls they hold.
TRUNCATE local.ringyo;
CALL sim.clear();
CALL calls_fdw_sync('ringyo.calls', 'local.ringyo', batch_size => 20);
SELECT query - 'limit' AS query, rows FROM sim.log('ringyo') ORDER BY n LIMIT 9;
-- A window that holds far more than a batch is cut, down to a second.
CREATE TABLE local.narrow (LIKE ringyo.calls);
CREATE UNIQUE INDEX ON local.narrow (call_id);
CALL sim.set('ringyo', 'calls', '100');
CALL sim.clear();
CALL calls_fdw_sync('ringyo.calls', 'local.narrow', batch_size => 1);
SELECT max(n) AS calls_of_a_second, (SELECT count(*) > 0 FROM sim.log('ringyo')
  WHERE (query->>'to_date')::timestamptz - (query->>'from_date')::timestamptz < interval '4 seconds') AS cut_to_a_second
FROM (SELECT count(*) AS n FROM local.narrow GROUP BY started_at) AS seconds;
CALL sim.set('ringyo', 'calls', '1000');

-- Calls without started_at are found at the first load, and then once a week,
-- since that takes a scan of the whole log.
SELECT count(*) FILTER (WHERE started_at IS NULL) > 0 AS some, count(DISTINCT call_id) = count(*) AS once,
       count(*) = (SELECT count(*) FROM whippy.calls) AS all_counted,
       count(started_at) = (SELECT count(started_at) FROM whippy.calls) AS dated_counted
FROM local.whippy;
CREATE TABLE undated AS SELECT call_id FROM local.whippy WHERE started_at IS NULL ORDER BY call_id LIMIT 2;
DELETE FROM local.whippy WHERE call_id IN (TABLE undated);
CALL calls_fdw_sync('whippy.calls', 'local.whippy', '1 week', undated => NULL);
UPDATE calls_fdw_sync_state SET undated_at = now() - interval '8 days' WHERE source = 'whippy.calls'::regclass;
CALL calls_fdw_sync('whippy.calls', 'local.whippy', '1 week', undated => NULL);
CALL calls_fdw_sync('whippy.calls', 'local.whippy', '1 week');
SELECT differing('whippy.calls', 'local.whippy');
-- Equal numbers prove nothing: one is missing, one too many, one has changed.
DELETE FROM local.whippy WHERE call_id = (SELECT min(call_id) FROM undated);
INSERT INTO local.whippy (source, call_id) VALUES ('whippy', 'deleted there');
UPDATE local.whippy SET status = 'old' WHERE call_id = (SELECT max(call_id) FROM undated);
CALL calls_fdw_sync('whippy.calls', 'local.whippy', '1 day', undated => '0');
DELETE FROM local.whippy WHERE call_id = 'deleted there';
SELECT differing('whippy.calls', 'local.whippy');

-- A change beyond lookback is missed, until lookback is longer.
CALL sim.change('voicy', 'update=2', 'where=oldest');
CALL calls_fdw_sync('voicy.calls', 'local.voicy', '30 days');
CALL calls_fdw_sync('voicy.calls', 'local.voicy', '2 years');
SELECT differing('voicy.calls', 'local.voicy');

CALL calls_fdw_sync('voicy.calls', 'local.voicy', '10000 years', undated => '293000 years');
CALL calls_fdw_sync('whippy.calls', 'local.whippy', '170000000 years', undated => '293000 years');

-- Progress is a message after each batch.
SET calls_fdw.progress = on;
TRUNCATE local.tryvox; -- and is loaded anew
CALL calls_fdw_sync('tryvox.calls', 'local.tryvox');
RESET calls_fdw.progress;

-- An error half-way keeps what is complete, and releases the lock.
CALL sim.reset();
TRUNCATE local.voicy;
CALL sim.fault('voicy', 'status', 'code=400', 'after=24', 'count=-1');
CALL calls_fdw_sync('voicy.calls', 'local.voicy', batch_size => 50); -- ERROR
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';
SELECT read = (SELECT count(*) FROM local.voicy) AS same, complete_to = (SELECT max(started_at) FROM local.voicy) AS exact,
       read BETWEEN 100 AND 900 AS some
FROM known WHERE source = 'voicy.calls'::regclass;
CALL sim.reset();
CALL calls_fdw_sync('voicy.calls', 'local.voicy');
SELECT differing('voicy.calls', 'local.voicy'), read < 900 AS goes_on FROM known WHERE source = 'voicy.calls'::regclass;

-- A call that is dated in the far future hides none that follow.
CALL sim.set('voicy', 'calls', '200');
TRUNCATE local.voicy;
CALL sim.fault('voicy', 'value', 'count=-1', 'row=0', 'field=start_timestamp', 'json=4102444800000');
CALL calls_fdw_sync('voicy.calls', 'local.voicy', batch_size => 100000);
SELECT max(started_at) FROM local.voicy;
SELECT complete_to < now() + interval '1 day' AS not_there FROM known WHERE source = 'voicy.calls'::regclass;
CALL sim.reset();

-- Without date filters and order, everything is read each time.
ALTER FOREIGN TABLE solomobile.calls OPTIONS (ADD pushdown 'status');
TRUNCATE local.solomobile;
CALL calls_fdw_sync('solomobile.calls', 'local.solomobile');
SELECT differing('solomobile.calls', 'local.solomobile');
CALL calls_fdw_sync('solomobile.calls', 'local.solomobile');
ALTER FOREIGN TABLE solomobile.calls OPTIONS (DROP pushdown);

-- The target needs a unique index by which to find a call.
CREATE TABLE local.unready (LIKE ringyo.calls);
CALL calls_fdw_sync('ringyo.calls', 'local.unready'); -- ERROR
CREATE UNIQUE INDEX ON local.unready (call_id, status);
CREATE UNIQUE INDEX ON local.unready (call_id) WHERE status = 'busy';
CREATE UNIQUE INDEX ON local.unready (lower(call_id));
CREATE UNIQUE INDEX ON local.unready (source, call_id, started_at);
ALTER TABLE local.unready ADD UNIQUE (source, call_id) DEFERRABLE;
CALL calls_fdw_sync('ringyo.calls', 'local.unready'); -- ERROR
CREATE TABLE local.months (LIKE ringyo.calls) PARTITION BY RANGE (started_at);
CALL calls_fdw_sync('ringyo.calls', 'local.months'); -- ERROR
CREATE TABLE local.sourceless (call_id text, started_at timestamptz);
CALL calls_fdw_sync('ringyo.calls', 'local.sourceless'); -- ERROR
CREATE UNIQUE INDEX ON local.sourceless (call_id) INCLUDE (started_at);
CALL calls_fdw_sync('ringyo.calls', 'local.sourceless');
-- Calls of several sources may have the same call_id.
CREATE TABLE local.shared (source text, call_id text UNIQUE, started_at timestamptz, status text);
CALL calls_fdw_sync('acme.calls', 'local.shared');
CREATE SERVER acme2 FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'acme', base_url :'sim_url', account_id 'acc_1');
CREATE USER MAPPING FOR CURRENT_USER SERVER acme2 OPTIONS (api_key 'acme_test');
CREATE FOREIGN TABLE acme2 (source text, call_id text, started_at timestamptz, status text) SERVER acme2;
CALL calls_fdw_sync('acme2', 'local.shared'); -- ERROR
UPDATE local.shared SET source = 'another';
TRUNCATE calls_fdw_sync_state;
CALL calls_fdw_sync('acme2', 'local.shared'); -- ERROR
SELECT count(*) FROM local.shared WHERE source = 'another';
TRUNCATE local.shared;
CREATE TABLE both_calls (source text, call_id text, started_at timestamptz, status text) PARTITION BY LIST (source);
ALTER TABLE both_calls ATTACH PARTITION acme2 FOR VALUES IN ('acme2');
CREATE FOREIGN TABLE acme1 PARTITION OF both_calls FOR VALUES IN ('acme') SERVER acme;
CALL calls_fdw_sync('both_calls', 'local.shared'); -- ERROR
CREATE UNIQUE INDEX ON local.shared (source, call_id);
ALTER TABLE local.shared DROP CONSTRAINT shared_call_id_key;
CALL calls_fdw_sync('both_calls', 'local.shared');
SELECT source, count(*) FROM local.shared GROUP BY 1 ORDER BY 1;

-- Columns go by name. Others of the target stay as they are, those that it
-- computes are left alone, and types may differ as far as an assignment goes.
CREATE DOMAIN word AS varchar(20);
CREATE DOMAIN "status word" AS word;
CREATE DOMAIN moment AS timestamptz;
CREATE SCHEMA "Odd names";
CREATE COLLATION "Odd names"."The collation" FROM "C";
CREATE TABLE local.chosen (
  id bigint GENERATED ALWAYS AS IDENTITY,
  raw json,
  "Note" text DEFAULT 'none',
  duration interval,
  status "status word",
  started_at moment,
  provider text GENERATED ALWAYS AS ('of ' || call_id) STORED,
  call_id varchar(40) COLLATE "Odd names"."The collation",
  source text COLLATE "C" PRIMARY KEY,
  UNIQUE (call_id, source)
);
ALTER TABLE local.chosen DROP CONSTRAINT chosen_pkey;
CALL calls_fdw_sync('ringyo.calls', 'local.chosen');
UPDATE local.chosen SET "Note" = 'mine', status = 'unknown';
CALL calls_fdw_sync('ringyo.calls', 'local.chosen', '2 years');
SELECT count(*), count(*) FILTER (WHERE "Note" = 'mine') AS notes, bool_and(provider = 'of ' || call_id) AS computed FROM local.chosen;
SELECT count(*) FROM local.chosen c JOIN ringyo.calls r USING (call_id)
WHERE c.status = r.status AND c.started_at = r.started_at AND c.raw::jsonb = r.raw AND c.duration IS NOT DISTINCT FROM r.duration;
CREATE TABLE local.misfit (source text, call_id text, started_at timestamptz, duration integer, PRIMARY KEY (source, call_id));
CALL calls_fdw_sync('ringyo.calls', 'local.misfit'); -- ERROR
-- What a timestamptz becomes elsewhere depends on the session's time zone.
ALTER TABLE local.misfit DROP duration, ALTER started_at TYPE timestamp;
CALL calls_fdw_sync('ringyo.calls', 'local.misfit'); -- ERROR
ALTER TABLE local.misfit ALTER started_at TYPE moment, ADD ended_at text;
CALL calls_fdw_sync('ringyo.calls', 'local.misfit'); -- ERROR
ALTER TABLE local.misfit ALTER ended_at TYPE date USING NULL;
CALL calls_fdw_sync('ringyo.calls', 'local.misfit'); -- ERROR
ALTER TABLE local.misfit DROP started_at;
CALL calls_fdw_sync('ringyo.calls', 'local.misfit'); -- ERROR
CREATE FOREIGN TABLE epochs (call_id text, started_at bigint) SERVER ringyo;
CALL calls_fdw_sync('epochs', 'local.ringyo'); -- ERROR
-- Nothing but the index's columns.
CREATE TABLE local.ids (call_id text, started_at timestamptz NOT NULL, PRIMARY KEY (call_id, started_at));
CALL calls_fdw_sync('ringyo.calls', 'local.ids');
CALL calls_fdw_sync('ringyo.calls', 'local.ids', '2 years');

-- Another value of source would load all calls beside those that are there.
ALTER SERVER acme2 OPTIONS (ADD source 'south');
CREATE TABLE local.acme2 (source text, call_id text, started_at timestamptz, UNIQUE (source, call_id));
ALTER TABLE both_calls DETACH PARTITION acme2;
CALL calls_fdw_sync('acme2', 'local.acme2');
ALTER SERVER acme2 OPTIONS (SET source 'north');
CALL calls_fdw_sync('acme2', 'local.acme2'); -- ERROR
UPDATE local.acme2 SET source = 'north' WHERE source = 'south';
UPDATE public.calls_fdw_sync_state SET source_value = 'north' WHERE source = 'public.acme2'::regclass AND target = 'local.acme2'::regclass;
CALL calls_fdw_sync('acme2', 'local.acme2', '2 years');

-- What an incomplete answer lacks would count as loaded.
ALTER SERVER ringyo OPTIONS (ADD on_incomplete 'warn');
CALL calls_fdw_sync('ringyo.calls', 'local.ringyo'); -- ERROR
ALTER FOREIGN TABLE ringyo.calls OPTIONS (ADD on_incomplete 'ignore');
CALL calls_fdw_sync('ringyo.calls', 'local.ringyo'); -- ERROR
ALTER FOREIGN TABLE ringyo.calls OPTIONS (SET on_incomplete 'error');
CALL calls_fdw_sync('ringyo.calls', 'local.ringyo');
ALTER FOREIGN TABLE ringyo.calls OPTIONS (DROP on_incomplete);
ALTER SERVER ringyo OPTIONS (DROP on_incomplete);

-- What is refused.
CREATE VIEW local.view AS TABLE ringyo.calls;
CALL calls_fdw_sync('local.view', 'local.ringyo'); -- ERROR
CALL calls_fdw_sync('ringyo.calls', 'local.view'); -- ERROR
CALL calls_fdw_sync('ringyo.calls', 'ringyo.calls'); -- ERROR
CALL calls_fdw_sync('local.ringyo', 'local.whippy'); -- ERROR
CALL calls_fdw_sync('ringyo.calls', NULL); -- ERROR
CALL calls_fdw_sync('ringyo.calls', 'local.ringyo', '-1 day'); -- ERROR
CALL calls_fdw_sync('ringyo.calls', 'local.ringyo', batch_size => 0); -- ERROR
BEGIN;
CALL calls_fdw_sync('ringyo.calls', 'local.ringyo'); -- ERROR
ROLLBACK;

-- A procedure or a block that loads goes on with its own search_path.
CREATE TABLE diary (entry text);
CREATE PROCEDURE load() LANGUAGE plpgsql AS $$
DECLARE
  r bigint;
  i bigint;
  u bigint;
  n bigint;
BEGIN
  CALL calls_fdw_sync('ringyo.calls', 'local.ringyo', read => r, inserted => i, updated => u, unchanged => n);
  INSERT INTO diary VALUES (format('%s of %s are known', n, r));
END $$;
SET search_path = loader, public;
CALL load();
DO 'BEGIN CALL load(); INSERT INTO diary VALUES (current_setting(''search_path'')); END';
RESET search_path;
TABLE diary;

-- A table made anew under the old name begins anew; a renamed one goes on.
DROP TABLE local.ids;
CREATE TABLE local.ids (call_id text PRIMARY KEY, started_at timestamptz);
CREATE VIEW forgettable AS
  SELECT count(*) FROM calls_fdw_sync_state WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = source) OR NOT EXISTS (SELECT FROM pg_class WHERE oid = target);
TABLE forgettable;
CALL calls_fdw_sync('ringyo.calls', 'local.ids');
TABLE forgettable;
ALTER TABLE local.ids RENAME TO identifiers;
CALL calls_fdw_sync('ringyo.calls', 'local.identifiers');

-- One table for several providers, partitioned by month: calls without
-- started_at go to the default partition.
CREATE TABLE local.calls (LIKE voicy.calls) PARTITION BY RANGE (started_at);
CREATE TABLE local.calls_2025 PARTITION OF local.calls FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE local.calls_2026 PARTITION OF local.calls FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE local.calls_other PARTITION OF local.calls DEFAULT;
CREATE UNIQUE INDEX ON local.calls (source, call_id, started_at) NULLS NOT DISTINCT;
CREATE TABLE all_calls (LIKE voicy.calls INCLUDING ALL) PARTITION BY LIST (source);
ALTER TABLE all_calls DROP provider_status, DROP call_type, DROP agent_name, DROP agent_version, DROP account_id, DROP account_name,
  DROP cost, DROP currency, DROP raw;
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY '{tryvox,whippy,ringyo}'::text[] LOOP
    EXECUTE format('CREATE FOREIGN TABLE %1$I.part PARTITION OF all_calls FOR VALUES IN (%1$L) SERVER %1$I', name);
  END LOOP;
END $$;
CALL calls_fdw_sync('all_calls', 'local.calls');
SELECT tableoid::regclass AS partition, source, count(*) FROM local.calls GROUP BY 1, 2 ORDER BY 1, 2;
CALL calls_fdw_sync('all_calls', 'local.calls', '2 years', undated => '0');
-- One that fails keeps the others from nothing.
CALL sim.change('ringyo', 'insert=1');
CALL sim.fault('tryvox', 'status', 'code=400', 'message=not today', 'count=-1');
CALL calls_fdw_sync('all_calls', 'local.calls'); -- ERROR
SELECT count(*) FROM local.calls WHERE source = 'ringyo';
-- With a primary key over started_at, as hypertables have, there is no place
-- for those without.
CREATE TABLE local.dated (LIKE whippy.calls, PRIMARY KEY (source, call_id, started_at));
CALL calls_fdw_sync('whippy.calls', 'local.dated');
CALL calls_fdw_sync('whippy.calls', 'local.dated');
SELECT count(*) FROM local.dated;
CREATE DOMAIN "dated moment" AS moment NOT NULL;
CREATE DOMAIN "very dated moment" AS "dated moment";
CREATE TABLE local.domain (source text, call_id text, started_at "very dated moment", UNIQUE (source, call_id, started_at));
CALL calls_fdw_sync('whippy.calls', 'local.domain');
SELECT count(*) FROM local.domain;
-- Nor is there one for columns that the provider never reports.
CALL sim.clear();
CREATE TABLE local.ends (call_id text PRIMARY KEY, started_at timestamptz, ended_at "dated moment");
CALL calls_fdw_sync('whippy.calls', 'local.ends'); -- ERROR
ALTER TABLE local.ends DROP ended_at, ADD ended_at timestamptz NOT NULL DEFAULT 'infinity';
CALL calls_fdw_sync('whippy.calls', 'local.ends'); -- ERROR
SELECT sim.requests('whippy');
CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.ended_at := coalesce(NEW.ended_at, ''infinity''); RETURN NEW; END';
CREATE TRIGGER fill BEFORE INSERT ON local.ends FOR EACH ROW EXECUTE FUNCTION fill();
CALL calls_fdw_sync('whippy.calls', 'local.ends', undated => NULL);
CREATE FOREIGN TABLE retold (call_id text, started_at timestamptz, ended_at timestamptz OPTIONS (column_name 'started_at')) SERVER whippy;
CREATE TABLE local.retold (call_id text PRIMARY KEY, started_at timestamptz NOT NULL, ended_at timestamptz NOT NULL);
CALL calls_fdw_sync('retold', 'local.retold');

-- A user needs USAGE and a mapping, the tables, and nothing else; and changes
-- what is known of tables that the user may load.
CREATE ROLE regress_calls_loader;
GRANT USAGE ON FOREIGN SERVER ringyo TO regress_calls_loader;
GRANT USAGE ON SCHEMA ringyo, sim, local, voicy TO regress_calls_loader;
GRANT SELECT ON ringyo.calls TO regress_calls_loader;
CREATE USER MAPPING FOR regress_calls_loader SERVER ringyo OPTIONS (api_key 'ringyo_test');
CREATE SCHEMA loader AUTHORIZATION regress_calls_loader;
SET ROLE regress_calls_loader;
CREATE TABLE loader.calls (LIKE ringyo.calls, PRIMARY KEY (source, call_id));
-- Objects of the user that look like the system's are not called.
CREATE FUNCTION loader.lies(a timestamptz, b timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR loader.>= (FUNCTION = loader.lies, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE OPERATOR loader.< (FUNCTION = loader.lies, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE FUNCTION loader.lies(a jsonb, b text) RETURNS text LANGUAGE sql AS 'SELECT 1 / 0';
CREATE OPERATOR loader.->> (FUNCTION = loader.lies, LEFTARG = jsonb, RIGHTARG = text);
SET search_path = loader, pg_catalog, public;
RESET ROLE;
INSERT INTO calls_fdw_sync_state SELECT 1, t, 'gone', now(), now(), '1 day', now(), 0, 0, 0, 0, now() FROM unnest('{local.voicy,2}'::regclass[]) AS t;
SET ROLE regress_calls_loader;
CALL calls_fdw_sync('ringyo.calls', 'loader.calls');
RESET search_path;
SELECT source, target FROM calls_fdw_sync_state WHERE source_value = 'gone'; -- who may not load does not forget
SELECT source, source_value FROM calls_fdw_sync_state WHERE target = 'loader.calls'::regclass;
UPDATE calls_fdw_sync_state SET complete_to = 'infinity' WHERE target = 'local.identifiers'::regclass; -- ERROR
UPDATE calls_fdw_sync_state SET target = 'local.ringyo' WHERE target = 'loader.calls'::regclass; -- ERROR
UPDATE calls_fdw_sync_state SET source = 'voicy.calls' WHERE target = 'loader.calls'::regclass; -- ERROR
INSERT INTO calls_fdw_sync_state SELECT 'ringyo.calls', 'local.voicy', 'ringyo', now(), now(), '1 day', now(), 0, 0, 0, 0, now(); -- ERROR
INSERT INTO calls_fdw_sync_state SELECT 1, 2, 'ringyo', now(), now(), '1 day', now(), 0, 0, 0, 0, now(); -- ERROR
DELETE FROM calls_fdw_sync_state WHERE target = 'local.identifiers'::regclass; -- ERROR
TRUNCATE calls_fdw_sync_state; -- ERROR
DELETE FROM calls_fdw_sync_state WHERE target = 'loader.calls'::regclass;
RESET ROLE;
-- A superuser restores what there is, also of tables that are gone.
INSERT INTO calls_fdw_sync_state SELECT 1, 2, 'ringyo', now(), now(), '1 day', now(), 0, 0, 0, 0, now();
UPDATE calls_fdw_sync_state SET read = 1 WHERE source = 1::regclass;
DELETE FROM calls_fdw_sync_state WHERE source = 1::regclass;
SET ROLE regress_calls_loader;
CALL calls_fdw_sync('ringyo.calls', 'local.ringyo'); -- ERROR
CALL calls_fdw_sync('voicy.calls', 'loader.calls'); -- ERROR
-- Nor can one block the runs of others.
SELECT calls_fdw_sync_lock('ringyo.calls', 'local.ringyo'); -- ERROR
SELECT calls_fdw_sync_lock('voicy.calls', 'loader.calls'); -- ERROR
SELECT calls_fdw_sync_lock('ringyo.calls', 'loader.calls'), calls_fdw_sync_unlock();
RESET ROLE;

-- The same with a materialized view, which is always read as a whole.
CREATE MATERIALIZED VIEW local.report AS TABLE voicy.calls;
CREATE UNIQUE INDEX ON local.report (source, call_id);
CALL sim.change('voicy', 'insert=2', 'update=2', 'delete=1');
REFRESH MATERIALIZED VIEW CONCURRENTLY local.report;
SELECT differing('voicy.calls', 'local.report');

SET client_min_messages = warning;
DROP SCHEMA loader CASCADE;
DROP USER MAPPING FOR regress_calls_loader SERVER ringyo;
DROP OWNED BY regress_calls_loader;
DROP ROLE regress_calls_loader;
SELECT sim.get('/_sim/stats') ~ 'undocumented 0' AS documented;
