\echo '== 3. Joined with the CRM'
\echo

CREATE SCHEMA crm;
CREATE TABLE crm.contact (
  name    text,
  phone   text PRIMARY KEY,
  company text,
  owner   text
);
INSERT INTO crm.contact (name, phone, company, owner) VALUES
  ('Grace Okafor',   '+14155551003',   'Northwind Clinics',  'Maria'),
  ('Ben Castillo',   '+14155551111',   'Bay Area Dental',    'Maria'),
  ('Ines Ferreira',  '+14155551006',   'Harbor Insurance',   'Tom'),
  ('Daniel Wong',    '+16045551071',   'Pacific Outfitters', 'Tom'),
  ('Amelia Roy',     '+16045551023',   'Maple Realty',       'Tom'),
  ('Sam Whitfield',  '+12125551085',   'Hudson Legal',       'Priya'),
  ('Lena Hoffmann',  '+4930123450553', 'Spree Logistik',     'Priya'),
  ('Oliver Hughes',  '+442079460147',  'Thames Catering',    'Priya'),
  ('Noor Haddad',    '+33199001234',   'Atelier Haddad',     'Maria');
ANALYZE crm.contact;

\echo
\echo 'Whom did we call in October, and did we reach them?'
\echo

SELECT c.name, c.company, c.owner,
       count(v.call_id) AS calls,
       count(*) FILTER (WHERE v.status = 'completed') AS reached,
       date_trunc('second', sum(v.duration)) AS talk_time,
       max(v.started_at)::date AS last_call
FROM crm.contact c
LEFT JOIN all_calls v ON v.to_number = c.phone AND v.started_at >= '2026-10-01'
GROUP BY c.name, c.company, c.owner
ORDER BY calls DESC, c.name;
