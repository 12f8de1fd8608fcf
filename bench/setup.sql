-- The five providers, at the simulator's address in :sim_url, and a small CRM.

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

IMPORT FOREIGN SCHEMA voicy      FROM SERVER voicy      INTO voicy      OPTIONS (columns 'common');
IMPORT FOREIGN SCHEMA tryvox     FROM SERVER tryvox     INTO tryvox     OPTIONS (columns 'common');
IMPORT FOREIGN SCHEMA solomobile FROM SERVER solomobile INTO solomobile OPTIONS (columns 'common');
IMPORT FOREIGN SCHEMA whippy     FROM SERVER whippy     INTO whippy     OPTIONS (columns 'common');
IMPORT FOREIGN SCHEMA ringyo     FROM SERVER ringyo     INTO ringyo     OPTIONS (columns 'common');

IMPORT FOREIGN SCHEMA voicy  LIMIT TO (call_details) FROM SERVER voicy  INTO voicy;
IMPORT FOREIGN SCHEMA tryvox LIMIT TO (call_details) FROM SERVER tryvox INTO tryvox;
IMPORT FOREIGN SCHEMA ringyo LIMIT TO (call_details) FROM SERVER ringyo INTO ringyo;

CREATE VIEW all_calls AS
SELECT * FROM voicy.calls
UNION ALL SELECT * FROM tryvox.calls
UNION ALL SELECT * FROM solomobile.calls
UNION ALL SELECT * FROM whippy.calls
UNION ALL SELECT * FROM ringyo.calls;

-- The simulator's providers know the same 400 customers.
CREATE TABLE contact (name text, phone text PRIMARY KEY);
