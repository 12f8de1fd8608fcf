-- Writes doc/providers.md from the installed definitions: "make doc" runs this
-- with psql -XAtq, and a test fails when the file says something else. What
-- has its documentation below .example is made up for the tests.
SELECT $$# Providers

This page is made from the definitions in [providers/](../providers) by `make doc`; it says what calls_fdw has
understood of them. The same is to be had in SQL: `calls_fdw_providers()` and `calls_fdw_columns(provider)`.

An **exact** filter makes the provider return precisely the calls that match, a **superset** may return more.
Everything that is sent is also checked locally, so the difference is one of time, never of the answer. `=` and `IN`
include `= ANY` and `OR`; a bound includes `BETWEEN`. Sent are values of the format given, all others stay local.
$$;

-- {a,b} as `a` `b`
CREATE FUNCTION pg_temp.code(words text[]) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg('`' || word || '`', ' ' ORDER BY n), '') FROM unnest(words) WITH ORDINALITY AS w (word, n)
$$;

CREATE FUNCTION pg_temp.facts(p record) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN format(E'| | |\n|---|---|\n') || (
    SELECT string_agg(format('| %s | %s |', label, fact), E'\n' ORDER BY n)
    FROM (VALUES
      (1, 'documentation', p.docs),
      (2, 'request', format('`%s %s%s`', p.method, p.base_url, p.path)),
      (3, 'pages', CASE p.paging
                     WHEN 'page' THEN 'by number'
                     WHEN 'offset' THEN 'by offset'
                     WHEN 'cursor' THEN 'by cursor'
                     WHEN 'last_id' THEN 'by the last call''s id'
                     WHEN 'next_url' THEN 'by link'
                   END || coalesce(format(', at most %s calls', p.page_size), ', of a fixed size')),
      (4, 'order', CASE WHEN p.order_column IS NULL THEN 'undocumented: always sorted locally'
                        ELSE format('`%s`, %s', p.order_column,
                                    replace(replace(array_to_string(p.orders, ' (default) or ') ||
                                                    CASE cardinality(p.orders) WHEN 1 THEN ' only' ELSE '' END,
                                                    'asc', 'ascending'), 'desc', 'descending'))
                             || CASE WHEN EXISTS (SELECT FROM calls_fdw_columns(p.provider) AS c
                                                  WHERE c.column_name = p.order_column AND c.superset IS NULL AND c.exact IS NULL)
                                     THEN '; a bound ends the reading early' ELSE '' END
                   END),
      (5, 'number of calls', CASE WHEN p.has_total THEN 'told with each page' ELSE 'not told' END),
      (6, 'rate limit', coalesce(p.rates, 'not documented')),
      (7, 'server options', CASE WHEN p.needs_account_id THEN '`account_id` is required' END),
      (8, 'undocumented', p.basis)) AS f (n, label, fact)
    WHERE fact IS NOT NULL) || E'\n';
END $$;

CREATE FUNCTION pg_temp.columns(p text, relation text) RETURNS text LANGUAGE sql AS $$
  SELECT E'| column | type | comes from | exact | superset | values |\n|---|---|---|---|---|---|\n'
    || string_agg(format('| `%s` | %s | %s | %s | %s | %s |', column_name, type,
         CASE kind WHEN 'absent' THEN 'not reported: any value costs no request'
                   WHEN 'constant' THEN 'constant: another value costs no request'
                   WHEN 'raw' THEN 'the whole call'
                   ELSE format('`%s`', path) END,
         pg_temp.code(exact), pg_temp.code(superset),
         concat_ws('; ', CASE WHEN accepted IS NOT NULL THEN pg_temp.code(accepted)
                              WHEN format IN ('e164', 'uuid') AND coalesce(exact, superset) IS NOT NULL
                                THEN CASE format WHEN 'e164' THEN 'E.164' ELSE 'UUID' END END,
                   CASE WHEN NOT list THEN 'a request per value' END)), E'\n' ORDER BY n)
    || E'\n'
  FROM calls_fdw_columns(p, relation) WITH ORDINALITY AS c (column_name, type, common, kind, path, format, exact, superset, accepted, list, basis, n)
$$;

CREATE FUNCTION pg_temp.bases(p text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(format(E'\n%s: %s.\n', columns, basis), '' ORDER BY n)
  FROM (SELECT string_agg('`' || column_name || '`', ', ' ORDER BY n) AS columns, basis, min(n) AS n
        FROM calls_fdw_columns(p) WITH ORDINALITY AS c (column_name, type, common, kind, path, format, exact, superset, accepted, list, basis, n)
        WHERE basis IS NOT NULL GROUP BY basis) AS b
$$;

SELECT format(E'## %s (`%s`)\n\n', title, provider) || pg_temp.facts(p) || E'\n' || pg_temp.columns(provider, 'calls') || coalesce(pg_temp.bases(provider), '')
  || coalesce(E'\nThe table `call_details`, which a query must give the `call_id`:\n\n' || pg_temp.columns(provider, 'call_details'), '')
FROM calls_fdw_providers() AS p
WHERE docs !~ '^https?://[^/]*\.example/'
ORDER BY provider;
