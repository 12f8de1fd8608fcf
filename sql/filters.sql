-- What becomes of conditions: the request that is shown is the request that
-- is sent. The rows are compared in test/t, for many more conditions.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo');
SET timezone = 'UTC';

-- The two lines of EXPLAIN that say what is sent.
CREATE FUNCTION remote(query text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT trim(line) FROM sim.explain(query) AS line WHERE line ~ 'Remote|One-Time'
$$;
CREATE FUNCTION shown(provider text, condition text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT remote(format('SELECT call_id FROM %I.calls WHERE %s', provider, condition))
$$;
\pset format unaligned
\pset tuples_only on

-- Equality, lists, OR on one column; several predicates on one column intersect.
SELECT shown('voicy', $$status = 'completed'$$);
SELECT shown('voicy', $$'busy' = status$$);
SELECT shown('voicy', $$status IN ('busy', 'queued')$$);
-- (newer versions turn this one into = ANY themselves)
SELECT shown('voicy', $$status = 'busy' OR status = 'queued'$$) LIMIT 1;
SELECT shown('voicy', $$status = ANY ('{busy,NULL}')$$);
SELECT shown('voicy', $$status IN ('busy', 'queued') AND status IN ('failed', 'busy')$$);
SELECT shown('voicy', $$agent_id = '550E8400-e29b-41d4-a716-446655440001'$$);
-- A filter that takes one value gets several as several streams.
SELECT shown('tryvox', $$status = 'no_answer' AND direction = 'inbound'$$);
SELECT shown('tryvox', $$status IN ('no_answer', 'busy')$$);
-- One value or a list.
SELECT shown('whippy', $$direction = 'inbound' AND language IN ('en', 'fr')$$);
-- One parameter that matches either of two columns.
SELECT shown('solomobile', $$from_number = '+14155550100'$$);
SELECT shown('solomobile', $$to_number = '+14155550100'$$);
SELECT shown('solomobile', $$from_number = '+14155550100' AND to_number = '+14155550101'$$);
-- Ringyo filters by destination only.
SELECT shown('ringyo', $$from_number = '+14155550100' AND to_number = '+14155550101'$$);

-- Bounds: in UTC, rounded outwards, one unit wider where the docs do not say
-- whether they are inclusive.
SELECT shown('voicy', $$started_at >= '2026-01-01'$$);
SELECT shown('voicy', $$started_at BETWEEN '2026-01-01' AND '2026-01-31'$$);
SELECT shown('ringyo', $$started_at > '2026-01-01 00:00:00.5' AND started_at < '2026-01-31 00:00:00.5'$$);
SELECT shown('ringyo', $$'2026-01-01' <= started_at$$);
SELECT shown('ringyo', $$started_at = '2026-01-01 12:00'$$);
SELECT shown('ringyo', $$started_at >= '2026-01-01' AND started_at >= '2026-02-01'$$);
SELECT shown('ringyo', $$started_at IN ('2026-01-01', '2026-03-01')$$);
SELECT shown('whippy', $$duration >= '1 minute' AND duration < '1 hour 0.0001 seconds'$$);
SELECT shown('whippy', $$duration > '1 month'$$);
-- In the session's zone, as the core's casts do.
SET timezone = 'Europe/Berlin';
SELECT shown('ringyo', $$started_at >= '2026-07-01'::date$$);
SELECT shown('ringyo', $$started_at >= '2026-07-01 12:00'::timestamp$$);
SET timezone = 'UTC';
-- What has no place in a request.
SELECT shown('ringyo', $$started_at > '-infinity' AND started_at < 'infinity'$$);
SELECT shown('ringyo', $$started_at > '0044-03-15 BC' AND started_at < '10000-01-01'$$);
SELECT shown('whippy', $$duration > '-1 second'$$);

-- Boolean columns as they are written.
SELECT shown('whippy', 'voicemail');
SELECT shown('whippy', 'NOT voicemail');
SELECT shown('whippy', 'voicemail IS TRUE');
SELECT shown('whippy', 'voicemail = false');
SELECT shown('whippy', 'voicemail IS NOT TRUE');

-- Stays local: other operators, functions over the column, values that the
-- API would not understand. One of them keeps a whole list local.
SELECT shown('voicy', $$status <> 'completed'$$);
SELECT shown('voicy', $$status LIKE 'busy'$$);
SELECT shown('voicy', $$status IS NULL$$);
SELECT shown('voicy', $$NOT (status = 'busy')$$);
SELECT shown('voicy', $$upper(status) = 'BUSY'$$);
SELECT shown('voicy', $$status = 'busy' COLLATE "und-x-icu"$$);
SELECT shown('voicy', $$status = 'unheard_of'$$);
SELECT shown('voicy', $$status IN ('busy', 'unheard_of')$$);
SELECT shown('voicy', $$status = 'busy' OR direction = 'inbound'$$);
SELECT shown('voicy', $$agent_id = '42'$$);
SELECT shown('voicy', $$from_number = '+14155550100'$$);
SELECT shown('tryvox', $$from_number = '555-1234'$$);
SELECT shown('tryvox', $$started_at > '2026-01-01'$$);
SELECT shown('whippy', $$status = ''$$);
SELECT shown('whippy', $$status = ' busy'$$);
SELECT shown('whippy', $$status = E'bu\nsy'$$);
-- A reply-only word: the filter would miss those rows.
SELECT shown('voicy', $$status = 'in_progress'$$);
SELECT shown('voicy', $$status = 'ended'$$);
SELECT shown('solomobile', $$status = 'queued'$$);
-- Volatile functions stay local, stable ones are evaluated once.
SELECT shown('ringyo', $$started_at > clock_timestamp()$$);
SELECT shown('ringyo', $$started_at > now() - interval '7 days'$$);
SELECT shown('ringyo', $$started_at >= current_date - 7 AND status = current_setting('my.status', true)$$);

-- Contradictions ask nothing.
SELECT shown('voicy', $$status = 'busy' AND status = 'failed'$$) LIMIT 1;
SELECT shown('voicy', $$status = NULL$$);
SELECT shown('voicy', $$status = ANY ('{}')$$);
SELECT shown('voicy', $$status = ANY (NULL::text[])$$);
SELECT shown('voicy', $$provider = 'ringyo'$$);
SELECT shown('voicy', $$source IN ('a', 'b')$$);
SELECT shown('voicy', $$ended_at > now()$$);
SELECT shown('ringyo', $$direction = 'inbound'$$);
SELECT shown('ringyo', $$started_at > '2026-02-01' AND started_at < '2026-01-01'$$);
SELECT shown('whippy', 'voicemail AND NOT voicemail');
-- These are none.
SELECT shown('voicy', $$provider = 'voicy' AND source IN ('voicy', 'b')$$);
SELECT shown('voicy', 'ended_at IS NULL');
SELECT shown('ringyo', $$direction = 'inbound' OR status = 'busy'$$);

-- Option pushdown.
ALTER SERVER voicy OPTIONS (ADD pushdown 'none');
SELECT shown('voicy', $$status = 'busy' AND started_at > '2026-01-01'$$);
ALTER SERVER voicy OPTIONS (SET pushdown 'status, agent_id');
SELECT shown('voicy', $$status = 'busy' AND started_at > '2026-01-01'$$);
ALTER FOREIGN TABLE voicy.calls OPTIONS (ADD pushdown 'started_at');
SELECT shown('voicy', $$status = 'busy' AND started_at > '2026-01-01'$$);
ALTER FOREIGN TABLE voicy.calls OPTIONS (DROP pushdown);
ALTER SERVER voicy OPTIONS (DROP pushdown);

-- Parameters of prepared statements: values in a custom plan, text in a
-- generic one; both send the same.
PREPARE q(text, timestamptz) AS SELECT call_id FROM voicy.calls WHERE status = $1 AND started_at >= $2;
SELECT remote($$EXECUTE q('busy', '2026-01-01')$$);
SET plan_cache_mode = force_generic_plan;
SELECT remote($$EXECUTE q('busy', '2026-01-01')$$);
CALL sim.clear();
EXECUTE q('nothing', 'infinity');
EXECUTE q('busy', '2030-01-01');
EXECUTE q(NULL, '2026-01-01');
SELECT body->'filter_criteria' FROM sim.log('voicy');
RESET plan_cache_mode;
PREPARE r(text[]) AS SELECT count(*) FROM voicy.calls WHERE agent_id = ANY ($1) AND started_at > '2030-01-01';
SET plan_cache_mode = force_generic_plan;
CALL sim.clear();
EXECUTE r('{550e8400-e29b-41d4-a716-446655440001,550e8400-e29b-41d4-a716-446655440002}');
EXECUTE r('{}');
EXECUTE r(NULL);
EXECUTE r('{NULL}');
SELECT body->'filter_criteria' FROM sim.log('voicy');
RESET plan_cache_mode;

-- Sub-selects that do not depend on the row are evaluated first.
CALL sim.clear();
SELECT count(*) FROM voicy.calls WHERE status = (SELECT 'busy' WHERE true) AND started_at > '2030-01-01';
SELECT count(*) FROM voicy.calls WHERE status = ANY (ARRAY(SELECT unnest('{busy,failed}'::text[]))) AND started_at > '2030-01-01';
SELECT body->'filter_criteria' FROM sim.log('voicy');

-- Retyped columns.
CREATE FOREIGN TABLE retyped (
  local_time timestamp OPTIONS (column_name 'started_at'),
  day date OPTIONS (column_name 'started_at'),
  ms bigint OPTIONS (column_name 'started_at'),
  to_the_second timestamptz(0) OPTIONS (column_name 'started_at'),
  seconds integer OPTIONS (column_name 'duration'),
  exact_seconds numeric OPTIONS (column_name 'duration'),
  word varchar OPTIONS (column_name 'status'),
  fixed char(10) OPTIONS (column_name 'status'),
  customer text OPTIONS (path 'metadata.customer_id')
) SERVER whippy;
SET timezone = 'Europe/Berlin';
SELECT remote($$SELECT 1 FROM retyped WHERE local_time >= '2026-03-29 02:30'$$);
SELECT remote($$SELECT 1 FROM retyped WHERE day = '2026-03-29'$$);
SELECT remote($$SELECT 1 FROM retyped WHERE ms BETWEEN 1700000000000 AND 1700000000999$$);
SELECT remote($$SELECT 1 FROM retyped WHERE to_the_second = '2026-03-29 12:00'$$);
SELECT remote($$SELECT 1 FROM retyped WHERE seconds = 60$$);
SELECT remote($$SELECT 1 FROM retyped WHERE exact_seconds > 60.5$$);
SELECT remote($$SELECT 1 FROM retyped WHERE word = 'busy'$$);
SELECT remote($$SELECT 1 FROM retyped WHERE fixed = 'busy'$$);
SELECT remote($$SELECT 1 FROM retyped WHERE customer = 'busy'$$);

-- Dates as people write them become ranges, in the session's zone.
SELECT shown('ringyo', $$started_at::date = '2026-03-29'$$);
SELECT shown('ringyo', $$date_trunc('month', started_at) = '2026-03-01'$$);
SELECT shown('ringyo', $$extract(year from started_at) = 2026$$);
SELECT shown('ringyo', $$extract(year from started_at) BETWEEN 2025.5 AND 2026$$);
SELECT shown('ringyo', $$started_at::date IN ('2026-03-29', '2026-03-31') AND status = 'busy'$$);
SELECT shown('ringyo', $$started_at::date > current_date - 7$$);
SELECT shown('whippy', $$'2026-03-29' >= started_at::date$$);
SELECT remote($$SELECT 1 FROM retyped WHERE date_trunc('quarter', local_time) < '2026-04-01'$$);
-- Not other parts, nor other columns.
SELECT shown('ringyo', $$extract(month from started_at) = 3$$);
SELECT shown('ringyo', $$ended_at::date = '2026-03-29'$$);
