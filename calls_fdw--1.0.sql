/* calls_fdw 1.0 */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION calls_fdw" to load this file. \quit

CREATE FUNCTION calls_fdw_handler() RETURNS fdw_handler
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION calls_fdw_handler() IS 'callbacks of the foreign data wrapper calls_fdw';

-- Raises HV00D for an unknown option, HV024 for a bad value, HV002 for a
-- missing one.
CREATE FUNCTION calls_fdw_validator(options text[], catalog oid) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION calls_fdw_validator(text[], oid) IS 'checks options of calls_fdw objects';

CREATE FOREIGN DATA WRAPPER calls_fdw
  HANDLER calls_fdw_handler
  VALIDATOR calls_fdw_validator;
