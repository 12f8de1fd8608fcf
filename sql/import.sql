-- IMPORT FOREIGN SCHEMA: one table "calls", the common columns first, the same
-- for every provider.
\i sql/_setup.sql
CALL sim.connect('voicy', 'tryvox', 'solomobile', 'whippy', 'ringyo');
\d voicy.calls
\d tryvox.calls
\d solomobile.calls
\d whippy.calls
\d ringyo.calls

-- The common columns are the same everywhere: name, type and order.
SELECT count(*) AS lists, columns
FROM (SELECT table_schema,
             string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position)
               FILTER (WHERE ordinal_position <= 11) AS columns
      FROM information_schema.columns WHERE table_name = 'calls' GROUP BY table_schema) AS tables
GROUP BY columns;

-- Only these, for tables that shall be partitions of one.
CREATE SCHEMA common;
IMPORT FOREIGN SCHEMA voicy FROM SERVER voicy INTO common OPTIONS (columns 'common');
\d common.calls
CREATE TABLE all_calls (LIKE common.calls) PARTITION BY LIST (source);
ALTER TABLE all_calls ATTACH PARTITION common.calls FOR VALUES IN ('voicy');
CREATE SCHEMA common_ringyo;
IMPORT FOREIGN SCHEMA ringyo FROM SERVER ringyo INTO common_ringyo OPTIONS (columns 'common');
ALTER TABLE all_calls ATTACH PARTITION common_ringyo.calls FOR VALUES IN ('ringyo');
SELECT provider, count(*) FROM all_calls GROUP BY provider ORDER BY provider;
-- A condition on source or provider costs the other provider no request.
CALL sim.clear();
SELECT count(*) FROM all_calls WHERE provider = 'ringyo';
SELECT sim.requests('voicy') AS voicy, sim.requests('ringyo') > 0 AS ringyo;

-- LIMIT TO and EXCEPT.
CREATE SCHEMA part_of;
IMPORT FOREIGN SCHEMA voicy EXCEPT (calls) FROM SERVER voicy INTO part_of;
\d part_of.*
IMPORT FOREIGN SCHEMA voicy LIMIT TO (nothing) FROM SERVER voicy INTO part_of;
\d part_of.*
IMPORT FOREIGN SCHEMA voicy LIMIT TO (calls) FROM SERVER voicy INTO part_of;
SELECT count(*) FROM part_of.calls;

-- Mistakes.
IMPORT FOREIGN SCHEMA public FROM SERVER voicy INTO part_of; -- ERROR
IMPORT FOREIGN SCHEMA voicy FROM SERVER voicy INTO part_of OPTIONS (columns 'few'); -- ERROR
IMPORT FOREIGN SCHEMA voicy FROM SERVER voicy INTO part_of OPTIONS (column 'all'); -- ERROR
