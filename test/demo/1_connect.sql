\echo '== 1. Five providers become five tables'
\echo
\echo 'Each provider is a server with a key. (The base_url points to the simulator of the'
\echo 'five APIs; with a real account, leave it out.)'
\echo

CREATE EXTENSION calls_fdw;

CREATE SERVER voicy      FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'voicy',      base_url :'sim_url');
CREATE SERVER tryvox     FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'tryvox',     base_url :'sim_url', account_id 'acc_1');
CREATE SERVER solomobile FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'solomobile', base_url :'sim_url');
CREATE SERVER whippy     FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'whippy',     base_url :'sim_url');
CREATE SERVER ringyo     FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo',     base_url :'sim_url');

CREATE USER MAPPING FOR CURRENT_USER SERVER voicy      OPTIONS (api_key 'voicy_sk_test');
CREATE USER MAPPING FOR CURRENT_USER SERVER tryvox     OPTIONS (api_key 'tvx_sk_test');
CREATE USER MAPPING FOR CURRENT_USER SERVER solomobile OPTIONS (api_key 'solo_test');
CREATE USER MAPPING FOR CURRENT_USER SERVER whippy     OPTIONS (api_key 'whippy_test');
CREATE USER MAPPING FOR CURRENT_USER SERVER ringyo     OPTIONS (api_key 'ringyo_test');

CREATE SCHEMA voicy;
CREATE SCHEMA tryvox;
CREATE SCHEMA solomobile;
CREATE SCHEMA whippy;
CREATE SCHEMA ringyo;

IMPORT FOREIGN SCHEMA voicy      FROM SERVER voicy      INTO voicy;
IMPORT FOREIGN SCHEMA tryvox     FROM SERVER tryvox     INTO tryvox;
IMPORT FOREIGN SCHEMA solomobile FROM SERVER solomobile INTO solomobile;
IMPORT FOREIGN SCHEMA whippy     FROM SERVER whippy     INTO whippy;
IMPORT FOREIGN SCHEMA ringyo     FROM SERVER ringyo     INTO ringyo;

\echo
\echo 'The latest completed calls at Voicy, straight from its API:'
\echo

SELECT started_at, from_number, to_number, duration, agent_name, cost
FROM voicy.calls
WHERE status = 'completed'
ORDER BY started_at DESC
LIMIT 5;
