\echo '== 4. What is sent to the provider'
\echo
\echo 'Conditions that the API knows travel as its own filters ("Remote Request"); every row'
\echo 'that comes back is checked again ("Filter"). EXPLAIN itself sends nothing.'
\echo
\pset tuples_only on

EXPLAIN (VERBOSE, COSTS OFF)
SELECT c.name, v.started_at, v.duration
FROM crm.contact c
JOIN voicy.calls v ON v.to_number = c.phone
WHERE v.status = 'completed' AND v.started_at >= '2026-10-01';

\echo 'A similar question to a provider whose API is quite another:'
\echo

EXPLAIN (VERBOSE, COSTS OFF)
SELECT count(*)
FROM ringyo.calls
WHERE status = 'no_answer' AND started_at >= '2026-10-01';

\echo 'And when it runs? A LIMIT costs one request, for no more calls than it needs:'
\echo

EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF)
SELECT started_at, duration
FROM tryvox.calls
WHERE status = 'completed'
LIMIT 10;
