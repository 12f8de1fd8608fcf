-- Replies that are no page, and failures: one clear error each, and the next
-- query works.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo');
-- One request at a time: what is looked at is which of them fails.
ALTER SERVER tryvox OPTIONS (ADD max_connections '1');
ALTER SERVER ringyo OPTIONS (ADD max_connections '1');
-- Counts read everything here.
ALTER SERVER tryvox OPTIONS (ADD trust_total 'false');
ALTER SERVER solomobile OPTIONS (ADD trust_total 'false');
ALTER SERVER whippy OPTIONS (ADD trust_total 'false');
ALTER SERVER ringyo OPTIONS (ADD trust_total 'false');
CREATE FUNCTION try(provider text) RETURNS TABLE (code text, message text, detail text, hint text, context text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT count(call_id) FROM %I.calls', provider) INTO message;
  code := '00000';
  RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
    detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
  detail := regexp_replace(detail, '[0-9]{3,} of [0-9]{3,}|byte [0-9]{3,}', 'N', 'g');
  context := split_part(context, E'\n', 1);
  RETURN NEXT;
END $$;
CREATE FUNCTION each(kind text, VARIADIC words text[] DEFAULT '{}')
RETURNS TABLE (provider text, code text, message text, detail text, hint text, context text)
LANGUAGE plpgsql AS $$
BEGIN
  FOREACH provider IN ARRAY '{voicy,tryvox,solomobile,whippy,ringyo}'::text[] LOOP
    PERFORM sim.get('/_sim/fault?provider=' || provider || '&kind=' || kind || sim.query(words));
    SELECT t.code, t.message, t.detail, t.hint, t.context
      INTO code, message, detail, hint, context FROM try(provider) AS t;
    RETURN NEXT;
  END LOOP;
END $$;
\pset format unaligned
\pset null '-'

-- The provider's own message, once, and no retry for a client error.
CALL sim.clear();
SELECT * FROM each('status', 'code=400');
SELECT * FROM each('status', 'code=401');
SELECT * FROM each('status', 'code=403');
SELECT * FROM each('status', 'code=404');
SELECT * FROM each('status', 'code=422', 'message=tell me why');
SELECT * FROM each('status', 'code=302');
SELECT provider, count(*) FROM unnest('{voicy,tryvox,solomobile,whippy,ringyo}'::text[]) AS provider, sim.log(provider)
GROUP BY provider ORDER BY provider;

-- Not a page.
SELECT * FROM each('html');
SELECT * FROM each('empty');
SELECT * FROM each('truncate');
SELECT * FROM each('norows');
SELECT * FROM each('rowsobject');
SELECT * FROM each('deep');

-- Too large, also when compressed.
ALTER SERVER ringyo OPTIONS (ADD max_response_size '256kB');
CALL sim.fault('ringyo', 'big', 'bytes=1000000');
SELECT * FROM try('ringyo');
CALL sim.fault('ringyo', 'big', 'bytes=1000000', 'compress=gzip');
SELECT * FROM try('ringyo');
ALTER SERVER ringyo OPTIONS (DROP max_response_size);

-- Positions that do not advance.
CALL sim.fault('ringyo', 'samecursor', 'after=1', 'count=-1');
SELECT code, message, context FROM try('ringyo');
CALL sim.reset();
CALL sim.fault('ringyo', 'nocursor', 'after=1');
SELECT code, message, regexp_replace(detail, '"[^"]*"', '"..."') AS detail FROM try('ringyo');
CALL sim.fault('voicy', 'samecursor', 'count=-1');
ALTER SERVER voicy OPTIONS (ADD page_size '100');
SELECT code, message FROM try('voicy');
CALL sim.reset();
ALTER SERVER voicy OPTIONS (DROP page_size);
CALL sim.fault('solomobile', 'samecursor', 'after=1', 'count=-1');
SELECT code, message FROM try('solomobile');
CALL sim.fault('tryvox', 'samecursor', 'after=1', 'count=-1');
SELECT code, message, detail FROM try('tryvox');
CALL sim.reset();

-- Which request it was: by its position, the words and the times it asked for.
CREATE FUNCTION place(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  context text;
BEGIN
  EXECUTE query;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
  RETURN split_part(context, E'\n', 1);
END $$;
CREATE FUNCTION place_of_status(provider text, after int, condition text DEFAULT 'true')
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL sim.reset();
  CALL sim.fault(provider, 'status', 'code=400', 'after=' || after);
  RETURN place(format('SELECT md5(string_agg(call_id, %L)) FROM %I.calls WHERE %s', '', provider, condition));
END $$;
CALL sim.connect('acme');
ALTER SERVER acme OPTIONS (ADD max_connections '1');
ALTER SERVER solomobile OPTIONS (ADD max_connections '1');
ALTER SERVER voicy OPTIONS (ADD page_size '100', ADD max_connections '1');
SELECT place_of_status('tryvox', 6) AS page;
SELECT place_of_status('solomobile', 3) AS "offset";
SELECT place_of_status('acme', 2) AS link;
SELECT place_of_status('voicy', 2) = format('page after "%s" of server "voicy"', call_id) AS key
FROM (SELECT call_id FROM voicy.calls ORDER BY started_at DESC OFFSET 199 LIMIT 1) AS last;
SELECT place_of_status('ringyo', 2) ~ '^page after "[^"]+" of server "ringyo"$' AS cursor;
SELECT n, place_of_status('ringyo', n, $$status IN ('queued', 'busy')$$) AS words FROM generate_series(0, 1) AS n;
SET TimeZone = 'America/New_York';
SELECT provider, place_of_status(provider, 0, $$started_at >= '2026-03-01 10:00:00Z' AND started_at < '2026-09-01 10:00:00Z'$$) AS times
FROM unnest('{voicy,ringyo,tryvox}'::text[]) AS provider;
RESET TimeZone;
CALL sim.reset();
CALL sim.fault('voicy', 'truncate');
SELECT place('SELECT started_at FROM voicy.calls WHERE to_number IS NOT NULL ORDER BY started_at') AS oldest_first;
CALL sim.fault('voicy', 'truncate');
SELECT place($$SELECT started_at FROM voicy.calls WHERE started_at >= '2026-03-01 10:00:00Z' ORDER BY started_at$$) AS oldest_first;
ALTER SERVER voicy OPTIONS (DROP page_size, DROP max_connections);
ALTER SERVER solomobile OPTIONS (DROP max_connections);
CALL sim.reset();

-- A total that is larger than what came: a gap, which on_incomplete decides.
CALL sim.set('ringyo', 'total', '+7');
SELECT code, message, regexp_replace(detail, '"[^"]*"', '"..."') AS detail, hint FROM try('ringyo');
ALTER SERVER ringyo OPTIONS (ADD on_incomplete 'warn');
\set VERBOSITY terse
SELECT code, message FROM try('ringyo');
ALTER FOREIGN TABLE ringyo.calls OPTIONS (ADD on_incomplete 'ignore');
SELECT code, message FROM try('ringyo');
ALTER FOREIGN TABLE ringyo.calls OPTIONS (DROP on_incomplete);
ALTER SERVER ringyo OPTIONS (DROP on_incomplete);
\set VERBOSITY default
-- Totals that are smaller, capped or missing lose no row.
CREATE FUNCTION totals(value text) RETURNS TABLE (provider text, result text) LANGUAGE plpgsql AS $$
BEGIN
  FOREACH provider IN ARRAY '{tryvox,solomobile,whippy,ringyo}'::text[] LOOP
    PERFORM sim.get('/_sim/set?provider=' || provider || '&calls=2345&total=' || sim.encode(value));
    SELECT t.code || ' ' || t.message INTO result FROM try(provider) AS t;
    RETURN NEXT;
  END LOOP;
END $$;
SELECT * FROM totals('-45');
SELECT * FROM totals('capped');
SELECT * FROM totals('missing');
CALL sim.reset();

-- Retries: server errors and lost connections are tried again, in place.
ALTER SERVER tryvox OPTIONS (ADD max_retries '1');
CALL sim.clear();
CALL sim.fault('tryvox', 'status', 'code=503', 'after=2');
SELECT code, message FROM try('tryvox');
SELECT n, query->>'page' AS page, status FROM sim.log('tryvox') WHERE n <= 5;
CALL sim.fault('tryvox', 'reset');
SELECT code, message FROM try('tryvox');
CALL sim.fault('tryvox', 'status', 'code=500', 'count=2');
SELECT * FROM try('tryvox');
CALL sim.fault('tryvox', 'reset', 'count=2');
SELECT code, message FROM try('tryvox');
ALTER SERVER tryvox OPTIONS (SET max_retries '0', ADD request_timeout '100ms');
CALL sim.fault('tryvox', 'hang');
SELECT code, message, hint FROM try('tryvox');
ALTER SERVER tryvox OPTIONS (SET base_url 'http://127.0.0.1:1');
SELECT code, message FROM try('tryvox');

-- 429: waited for as the provider says, without using up retries; not for
-- longer than max_retry_wait.
ALTER SERVER ringyo OPTIONS (ADD max_retries '0');
CALL sim.fault('ringyo', 'status', 'code=429', 'retry_after=0', 'count=2');
SELECT code, message FROM try('ringyo');
CALL sim.fault('ringyo', 'status', 'code=429', 'retry_after=3600');
SELECT code, message, detail, hint FROM try('ringyo');
-- The next query does not ask before that; a change of the server forgets it.
SELECT code, message, regexp_replace(detail, '\d{4}', 'NNNN') AS detail, hint FROM try('ringyo');
ALTER SERVER ringyo OPTIONS (SET max_retries '0');
CALL sim.fault('ringyo', 'status', 'code=429', 'reset=3600');
SELECT code, message, detail, hint FROM try('ringyo');
ALTER SERVER ringyo OPTIONS (SET max_retries '0');
CALL sim.fault('ringyo', 'status', 'code=429', 'retry_after=Fri, 31 Dec 2100 23:59:59 GMT');
SELECT code, message FROM try('ringyo');
ALTER SERVER ringyo OPTIONS (SET max_retries '0');
-- The text of the reply, where no header says it.
CALL sim.fault('voicy', 'status', 'code=429', 'hint=Please retry after 3600 seconds.');
SELECT code, message, detail FROM try('voicy');
-- Without a stated wait it uses up retries, as other failures do.
ALTER SERVER voicy OPTIONS (ADD max_retries '0');
CALL sim.fault('voicy', 'status', 'code=429');
SELECT code, message, detail FROM try('voicy');

-- A cap on requests: the hint names what would narrow the scan.
ALTER SERVER whippy OPTIONS (ADD page_size '100', ADD max_requests '3');
SELECT * FROM try('whippy');

-- After all this, the session is fine.
SELECT provider, t.code FROM unnest('{voicy,solomobile,ringyo}'::text[]) AS provider, try(provider) AS t;
