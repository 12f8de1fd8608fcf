\echo '== 2. Calls per provider and status'
\echo
\echo 'The first eleven columns are the same everywhere, so a view makes one log of five.'
\echo

CREATE VIEW all_calls AS
            SELECT provider, call_id, status, direction, from_number, to_number, started_at, duration FROM voicy.calls
  UNION ALL SELECT provider, call_id, status, direction, from_number, to_number, started_at, duration FROM tryvox.calls
  UNION ALL SELECT provider, call_id, status, direction, from_number, to_number, started_at, duration FROM solomobile.calls
  UNION ALL SELECT provider, call_id, status, direction, from_number, to_number, started_at, duration FROM whippy.calls
  UNION ALL SELECT provider, call_id, status, direction, from_number, to_number, started_at, duration FROM ringyo.calls;

SELECT provider, status, count(*) AS calls, date_trunc('second', sum(duration)) AS talk_time
FROM all_calls
WHERE started_at >= '2026-10-01'
GROUP BY provider, status
ORDER BY provider, calls DESC;
