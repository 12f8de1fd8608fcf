-- The five providers, at the simulator's address in :sim_url, and a small CRM.

CREATE EXTENSION calls_fdw;

-- The common columns, which all have.
SELECT format('CREATE SERVER %I FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider %L, base_url %L%s)', provider, provider, :'sim_url', options),
       format('CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (api_key %L)', provider, key),
       format('CREATE SCHEMA %I', provider),
       format('IMPORT FOREIGN SCHEMA %1$I FROM SERVER %1$I INTO %1$I OPTIONS (columns ''common'')', provider)
FROM (VALUES ('voicy', 'voicy_sk_test', ''), ('tryvox', 'tvx_sk_test', ', account_id ''acc_1'''),
             ('solomobile', 'solo_test', ''), ('whippy', 'whippy_test', ''), ('ringyo', 'ringyo_test', '')) AS p (provider, key, options) \gexec

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
