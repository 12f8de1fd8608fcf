\echo '== 5. A report as a materialized view'
\echo
\echo 'A BI tool reads the view; only REFRESH asks the provider.'
\echo

CREATE MATERIALIZED VIEW crm.owner_report AS
SELECT c.owner,
       count(*) AS calls,
       count(*) FILTER (WHERE v.status = 'completed') AS reached,
       round(100.0 * count(*) FILTER (WHERE v.status = 'completed') / count(*)) AS percent,
       date_trunc('second', sum(v.duration)) AS talk_time
FROM crm.contact c
JOIN all_calls v ON v.to_number = c.phone
WHERE v.started_at >= '2026-07-01'
GROUP BY c.owner;

SELECT * FROM crm.owner_report ORDER BY owner;

\echo
\echo 'Meanwhile 2000 more calls are started at Voicy ...'
\! curl -sS --noproxy '*' "$SIMULATOR_URL/_sim/change?provider=voicy&insert=2000" >/dev/null
\echo

REFRESH MATERIALIZED VIEW crm.owner_report;

SELECT * FROM crm.owner_report ORDER BY owner;
