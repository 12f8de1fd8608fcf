-- JSON values as SQL values: formats, retyped columns, and what does not fit.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'whippy', 'ringyo');
SET timezone = 'Europe/Berlin';

-- One call with values of our own, through the simulator's fault "value". The
-- filter keeps the others out.
CREATE FUNCTION put(provider text, field text, value_json text) RETURNS text LANGUAGE sql AS $$
  SELECT sim.get('/_sim/fault?provider=' || provider || '&kind=value&row=0&count=1&field=' || field
                 || '&json=' || sim.encode(value_json))
$$;
CREATE FUNCTION probe(provider text, field text, value_json text, query text)
RETURNS TABLE (value text, code text, message text, detail text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM sim.get('/_sim/reset');
  PERFORM put(provider, field, value_json);
  EXECUTE query INTO value;
  code := '00000';
  RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
  message := regexp_replace(message, 'call "[^"]*"', 'call "..."');
  RETURN NEXT;
END $$;
\pset format unaligned
\pset null '-'

-- Times: ISO 8601 with any offset, epoch milliseconds.
SELECT sent, t.*
FROM unnest(ARRAY['"2026-03-29T01:30:00Z"', '"2026-03-29T03:30:00+02:00"', '"2026-03-28T20:00:00.123456-0530"',
                  '"2026-03-29 01:30:00.1234567Z"', '"2026-03-29"', '"2026-02-30T00:00:00Z"', '"yesterday"',
                  '"99999-01-01T00:00:00Z"', '1774747800', 'null', 'true', '""']) AS sent,
     probe('ringyo', 'created_at', sent, 'SELECT started_at FROM ringyo.calls LIMIT 1') AS t;
SELECT sent, t.*
FROM unnest(ARRAY['1774747800000', '1774747800123', '1774747800000.5', '1.7747478e12', '-1', '0', '99999999999999999',
                  '1e400', '"1774747800000"', 'null']) AS sent,
     probe('voicy', 'start_timestamp', sent, 'SELECT started_at FROM voicy.calls LIMIT 1') AS t;

-- Durations in seconds and milliseconds.
SELECT sent, t.*
FROM unnest(ARRAY['125', '0', '125.25', '-1', '1e3', '9223372036854775807', '"125"', 'null']) AS sent,
     probe('ringyo', 'duration', sent, 'SELECT duration FROM ringyo.calls LIMIT 1') AS t;
SELECT sent, t.*
FROM unnest(ARRAY['125', '1', '125500', '0.5', '[]', 'null']) AS sent,
     probe('voicy', 'duration_ms', sent, 'SELECT duration FROM voicy.calls LIMIT 1') AS t;

-- Numbers keep their text.
SELECT sent, t.*
FROM unnest(ARRAY['0.1', '0.056', '1e-20', '12345678901234567890.123456789', '-0.0', '1e200000', '"0.1"', '{}', 'null']) AS sent,
     probe('voicy', 'call_cost.combined_cost', sent, 'SELECT cost FROM voicy.calls LIMIT 1') AS t;
SELECT sent, t.*
FROM unnest(ARRAY['2', '2.0', '2.5', '2147483647', '2147483648', '99999999999999999999', 'true']) AS sent,
     probe('voicy', 'agent.version', sent, 'SELECT agent_version FROM voicy.calls LIMIT 1') AS t;

-- Text: escapes, what is beyond the BMP, and what no text can hold.
SELECT sent, t.*
FROM unnest(ARRAY['"Zo\u00eb \"Q\" \ud83d\ude00 \/\n."', '"漢字"', '""', '"a\u0000b"', '"\ud83d"', '"\ude00"', '42', '{"a":1}', 'null']) AS sent,
     probe('voicy', 'agent.name', sent, 'SELECT agent_name FROM voicy.calls LIMIT 1') AS t;
CALL sim.reset();
CALL sim.fault('voicy', 'raw', 'field=agent.name', 'row=0');
SELECT agent_name FROM voicy.calls LIMIT 1; -- ERROR

-- Booleans, and jsonb.
SELECT sent, t.*
FROM unnest(ARRAY['true', 'false', 'null', '"true"', '1']) AS sent,
     probe('whippy', 'voicemail', sent, 'SELECT voicemail FROM whippy.calls LIMIT 1') AS t;
SELECT sent, t.*
FROM unnest(ARRAY['{"a":[1,2.50,"\u00e9"],"a":{"b":null}}', '[]', '"x"', '1.10', 'null', '{"a":"\u0000"}', '{"a":"\ud800"}']) AS sent,
     probe('ringyo', 'metadata', sent, 'SELECT metadata FROM ringyo.calls LIMIT 1') AS t;
SELECT pg_typeof(raw), raw->>'call_id' = call_id AS same FROM voicy.calls LIMIT 1;

CALL sim.reset();
-- A bad value that the query does not need does no harm.
SELECT put('voicy', 'agent.name', '"\ud83d"');
SELECT call_id IS NOT NULL AS fine FROM voicy.calls LIMIT 1;

-- Retyped columns.
CREATE FOREIGN TABLE retyped (
  local_time timestamp OPTIONS (column_name 'started_at'),
  day date OPTIONS (column_name 'started_at'),
  ms bigint OPTIONS (column_name 'started_at'),
  whole timestamptz(0) OPTIONS (column_name 'started_at'),
  seconds integer OPTIONS (column_name 'duration'),
  small smallint OPTIONS (column_name 'duration'),
  exact_seconds numeric OPTIONS (column_name 'duration'),
  two numeric(8,2) OPTIONS (column_name 'duration'),
  call uuid OPTIONS (column_name 'call_id'),
  customer text OPTIONS (path 'call_cost.currency'),
  version_text text OPTIONS (path 'agent.version'),
  agent jsonb OPTIONS (path 'agent')
) SERVER voicy;
SELECT put('voicy', 'start_timestamp', '1774747800789');
SELECT local_time, day, ms, whole FROM retyped LIMIT 1;
SELECT put('voicy', 'duration_ms', '125999');
SELECT seconds, small, exact_seconds, two FROM retyped LIMIT 1;
SELECT put('voicy', 'duration_ms', '-1999');
SELECT seconds, exact_seconds FROM retyped LIMIT 1;
SELECT * FROM probe('voicy', 'duration_ms', '125999000', 'SELECT small FROM retyped LIMIT 1');
SELECT put('voicy', 'agent', '{"id": null, "version": 7}');
SELECT version_text, agent FROM retyped LIMIT 1;
SELECT * FROM probe('voicy', 'call_id', '"no uuid"', 'SELECT call FROM retyped LIMIT 1');

CALL sim.reset();
-- on_error 'set_null': NULL instead of an error, one warning with a count.
ALTER FOREIGN TABLE voicy.calls OPTIONS (ADD on_error 'set_null');
SELECT put('voicy', 'agent.name', '42');
SELECT agent_name FROM voicy.calls LIMIT 1;
SELECT put('voicy', 'agent.name', '"a\u0000b"');
SELECT agent_name = U&'a\FFFDb' AS replaced FROM voicy.calls LIMIT 1;
ALTER FOREIGN TABLE voicy.calls OPTIONS (DROP on_error);

-- A NOT NULL column that gets none.
CREATE FOREIGN TABLE strict (call_id text, agent_id text NOT NULL) SERVER voicy;
SELECT * FROM probe('voicy', 'agent', 'null', 'SELECT agent_id FROM strict LIMIT 1');
