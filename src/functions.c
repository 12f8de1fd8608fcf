/*-------------------------------------------------------------------------
 *
 * functions.c
 *		SQL-callable functions: the catalogue of providers, the check of a
 *		server, and statistics.
 *
 * The columns that a function returns are declared in the extension's script,
 * in the order of the enums here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "check.h"
#include "compat.h"
#include "definition.h"
#include "execute.h"
#include "stats.h"

PG_FUNCTION_INFO_V1(calls_fdw_providers);
PG_FUNCTION_INFO_V1(calls_fdw_columns);
PG_FUNCTION_INFO_V1(calls_fdw_definition);
PG_FUNCTION_INFO_V1(calls_fdw_check);
PG_FUNCTION_INFO_V1(calls_fdw_stats);

/* A row under construction: null where nothing is set. */
typedef struct ResultRow
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
} ResultRow;

static ResultRow
make_row(int n)
{
	ResultRow	row = {
		.values = palloc0_array(Datum, n),
		.nulls = palloc_array(bool, n),
		.n = n
	};

	memset(row.nulls, true, n);
	return row;
}

static void
set_datum(ResultRow *row, int column, Datum value)
{
	Assert(column < row->n);
	row->values[column] = value;
	row->nulls[column] = false;
}

/* Sets a text, or null for NULL. */
static void
set_text(ResultRow *row, int column, const char *text)
{
	if (text != NULL)
		set_datum(row, column, CStringGetTextDatum(text));
}

/* Sets text[] from a List of char *, or null for NIL. */
static void
set_texts(ResultRow *row, int column, List *texts)
{
	Datum	   *values = palloc_array(Datum, list_length(texts) + 1);
	ListCell   *lc;

	if (texts == NIL)
		return;
	foreach(lc, texts)
		values[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	set_datum(row, column,
			  PointerGetDatum(construct_array(values, list_length(texts), TEXTOID,
											  -1, false, TYPALIGN_INT)));
}

/* Hands a row to the caller of a set-returning function. */
static void
put_row(FunctionCallInfo fcinfo, const ResultRow *row)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	Assert(result->setDesc->natts == row->n);
	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}

/* ---- providers ---- */

enum ProviderColumn
{
	PROVIDER_NAME,
	PROVIDER_TITLE,
	PROVIDER_DOCS,
	PROVIDER_BASE_URL,
	PROVIDER_METHOD,
	PROVIDER_PATH,
	PROVIDER_PAGING,
	PROVIDER_PAGE_SIZE,
	PROVIDER_ORDER_COLUMN,
	PROVIDER_ORDERS,
	PROVIDER_HAS_TOTAL,
	PROVIDER_NEEDS_ACCOUNT,
	PROVIDER_RATES,
	PROVIDER_BASIS,
	PROVIDER_NCOLUMNS
};

/* The directions that calls can be had in, the default first. */
static List *
order_words(const CallsOrder *order)
{
	bool		asc = order->by_default == CALLS_ORDER_ASC || order->asc != NULL;
	bool		desc = order->by_default == CALLS_ORDER_DESC || order->desc != NULL;
	List	   *words = asc ? list_make1("asc") : NIL;

	if (!desc)
		return words;
	return order->by_default == CALLS_ORDER_DESC ? lcons("desc", words)
		: lappend(words, "desc");
}

/* Does a request need an account_id? */
static bool
needs_account(const CallsDefinition *def)
{
	return strstr(def->path, "{account_id}") != NULL ||
		strstr(def->auth_value, "{account_id}") != NULL;
}

static ResultRow
provider_row(const CallsDefinition *def)
{
	ResultRow	row = make_row(PROVIDER_NCOLUMNS);

	set_text(&row, PROVIDER_NAME, def->provider);
	set_text(&row, PROVIDER_TITLE, def->title);
	set_text(&row, PROVIDER_DOCS, def->docs);
	set_text(&row, PROVIDER_BASE_URL, def->base_url);
	set_text(&row, PROVIDER_METHOD, def->method);
	set_text(&row, PROVIDER_PATH, def->path);
	set_text(&row, PROVIDER_PAGING, calls_paging_word(def->paging.style));
	if (def->paging.size_param != NULL)
		set_datum(&row, PROVIDER_PAGE_SIZE, Int32GetDatum(def->paging.size_max));
	if (def->order.column >= 0)
	{
		set_text(&row, PROVIDER_ORDER_COLUMN, def->columns[def->order.column].name);
		set_texts(&row, PROVIDER_ORDERS, order_words(&def->order));
	}
	set_datum(&row, PROVIDER_HAS_TOTAL, BoolGetDatum(def->total != NULL));
	set_datum(&row, PROVIDER_NEEDS_ACCOUNT, BoolGetDatum(needs_account(def)));
	set_text(&row, PROVIDER_RATES, def->rates);
	set_text(&row, PROVIDER_BASIS, def->basis);
	return row;
}

/* One row per installed definition. */
Datum
calls_fdw_providers(PG_FUNCTION_ARGS)
{
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, calls_list_providers())
	{
		ResultRow	row = provider_row(calls_get_definition(strVal(lfirst(lc))));

		put_row(fcinfo, &row);
	}
	return (Datum) 0;
}

/* The text of an installed definition. */
Datum
calls_fdw_definition(PG_FUNCTION_ARGS)
{
	char	   *json = calls_read_definition(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	/* json is stored as text, and the loader found it to be JSON */
	PG_RETURN_TEXT_P(cstring_to_text(pg_any_to_server(json, (int) strlen(json), PG_UTF8)));
}

/* ---- columns ---- */

enum ColumnColumn
{
	COLUMN_NAME,
	COLUMN_TYPE,
	COLUMN_COMMON,
	COLUMN_KIND,
	COLUMN_PATH,
	COLUMN_FORMAT,
	COLUMN_EXACT,
	COLUMN_SUPERSET,
	COLUMN_VALUES,
	COLUMN_LIST,
	COLUMN_BASIS,
	COLUMN_NCOLUMNS
};

static const char *const kind_words[] = {
	[CALLS_COLUMN_VALUE] = "reported",
	[CALLS_COLUMN_ABSENT] = "absent",
	[CALLS_COLUMN_SOURCE] = "constant",
	[CALLS_COLUMN_PROVIDER] = "constant",
	[CALLS_COLUMN_RAW] = "raw"
};

/* What the filters of one column can do together. */
typedef struct Pushable
{
	const CallsFilter *equality;	/* or NULL */
	const CallsFilter *lower;
	const CallsFilter *upper;
	List	   *basis;			/* of char *: each once */
} Pushable;

static void
collect_filter(Pushable *pushable, const CallsFilter *filter)
{
	switch (filter->op)
	{
		case CALLS_FILTER_EQ:
			pushable->equality = filter;
			break;
		case CALLS_FILTER_LOWER:
			pushable->lower = filter;
			break;
		case CALLS_FILTER_UPPER:
			pushable->upper = filter;
			break;
	}
	if (filter->basis != NULL)
	{
		ListCell   *lc;

		foreach(lc, pushable->basis)
		{
			if (strcmp(lfirst(lc), filter->basis) == 0)
				return;
		}
		pushable->basis = lappend(pushable->basis, unconstify(char *, filter->basis));
	}
}

/* The filters over a column; the loader sees to it that there is one each. */
static Pushable
collect_filters(const CallsDefinition *def, int column)
{
	Pushable	pushable = {0};

	for (int i = 0; i < def->nfilters; i++)
	{
		const CallsFilter *filter = &def->filters[i];

		for (int j = 0; j < filter->ncolumns; j++)
		{
			if (filter->columns[j] == column)
				collect_filter(&pushable, filter);
		}
	}
	return pushable;
}

/*
 * The operators that are sent as an exact filter, or as a superset.  A filter
 * over two columns returns more than either asks for; a bound is exact for
 * values that the parameter can express.
 */
static List *
operator_words(const Pushable *pushable, bool exact)
{
	const CallsFilter *equality = pushable->equality;
	const CallsFilter *lower = pushable->lower;
	const CallsFilter *upper = pushable->upper;
	List	   *words = NIL;

	if (equality != NULL && (equality->exact && equality->ncolumns == 1) == exact)
		words = list_make2("=", "IN");
	else if (equality == NULL && (lower != NULL || upper != NULL) &&
			 (lower != NULL && upper != NULL && lower->exact && upper->exact) == exact)
		words = list_make1("=");
	if (upper != NULL && upper->exact == exact)
		words = lappend(lappend(words, "<"), "<=");
	if (lower != NULL && lower->exact == exact)
		words = lappend(lappend(words, ">"), ">=");
	return words;
}

/* What a column shows for the words that a filter takes, each once. */
static List *
shown_words(const CallsFilter *filter, const CallsColumn *column)
{
	List	   *shown = NIL;

	for (int i = 0; i < filter->nwords; i++)
	{
		const char *word = calls_common_word(column, filter->words[i]);
		bool		repeated = false;
		ListCell   *lc;

		foreach(lc, shown)
			repeated |= strcmp(lfirst(lc), word) == 0;
		if (!repeated)
			shown = lappend(shown, unconstify(char *, word));
	}
	return shown;
}

/* Texts with semicolons between them, or NULL. */
static char *
join_texts(List *texts)
{
	StringInfoData joined;
	ListCell   *lc;

	if (texts == NIL)
		return NULL;
	initStringInfo(&joined);
	foreach(lc, texts)
		appendStringInfo(&joined, "%s%s", joined.len > 0 ? "; " : "", (char *) lfirst(lc));
	return joined.data;
}

static ResultRow
column_row(const CallsDefinition *def, int index)
{
	const CallsColumn *column = &def->columns[index];
	Pushable	pushable = collect_filters(def, index);
	ResultRow	row = make_row(COLUMN_NCOLUMNS);

	set_text(&row, COLUMN_NAME, column->name);
	set_text(&row, COLUMN_TYPE, column->type_name);
	set_datum(&row, COLUMN_COMMON, BoolGetDatum(column->common));
	set_text(&row, COLUMN_KIND, kind_words[column->role]);
	set_text(&row, COLUMN_PATH, column->path);
	if (column->role == CALLS_COLUMN_VALUE)
		set_text(&row, COLUMN_FORMAT,
				 calls_format_word(pushable.equality != NULL ? pushable.equality->format
								   : column->format));
	set_texts(&row, COLUMN_EXACT, operator_words(&pushable, true));
	set_texts(&row, COLUMN_SUPERSET, operator_words(&pushable, false));
	if (pushable.equality != NULL)
	{
		set_texts(&row, COLUMN_VALUES, shown_words(pushable.equality, column));
		set_datum(&row, COLUMN_LIST, BoolGetDatum(pushable.equality->list != CALLS_LIST_SINGLE));
	}
	set_text(&row, COLUMN_BASIS, join_texts(pushable.basis));
	if (index == def->key && pushable.equality == NULL && calls_id_definition(def) != NULL)
	{
		/* not a filter: a request for each call */
		set_texts(&row, COLUMN_EXACT, list_make2("=", "IN"));
		set_datum(&row, COLUMN_LIST, BoolGetDatum(false));
		set_text(&row, COLUMN_BASIS, calls_id_definition(def)->basis);
	}
	return row;
}

/* The definition of one of a provider's tables; NULL where it has none. */
static const CallsDefinition *
table_definition(const CallsDefinition *def, const char *relation)
{
	if (strcmp(relation, "calls") == 0)
		return def;
	if (strcmp(relation, "call_details") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("relation \"%s\" is neither \"calls\" nor \"call_details\"", relation)));
	return def->details;
}

/* One row per column of a provider's table, in its order. */
Datum
calls_fdw_columns(PG_FUNCTION_ARGS)
{
	const CallsDefinition *def =
		table_definition(calls_get_definition(text_to_cstring(PG_GETARG_TEXT_PP(0))),
						 text_to_cstring(PG_GETARG_TEXT_PP(1)));

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; def != NULL && i < def->ncolumns; i++)
	{
		ResultRow	row = column_row(def, i);

		put_row(fcinfo, &row);
	}
	return (Datum) 0;
}

/* ---- one server ---- */

enum CheckColumn
{
	CHECK_OK,
	CHECK_STATUS,
	CHECK_MESSAGE,
	CHECK_DETAIL,
	CHECK_HINT,
	CHECK_MILLISECONDS,
	CHECK_TOTAL,
	CHECK_NCOLUMNS
};

/* A server of ours that the user may use; raises 42704, 42809 or 42501. */
static Oid
find_server(const char *name, Oid user)
{
	ForeignServer *server = GetForeignServerByName(name, false);
	AclResult	allowed = calls_server_aclcheck(server->serverid, user);

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_FOREIGN_SERVER, name);
	if (!OidIsValid(GetForeignDataWrapper(server->fdwid)->fdwhandler) ||
		GetFdwRoutineByServerId(server->serverid)->BeginForeignScan != callsBeginForeignScan)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" is not a server of calls_fdw", name)));
	return server->serverid;
}

/* Do the address and the key of a server work?  One row. */
Datum
calls_fdw_check(PG_FUNCTION_ARGS)
{
	Oid			user = GetUserId();
	Oid			server = find_server(NameStr(*PG_GETARG_NAME(0)), user);
	CallsCheck	check = calls_check_server(server, user);
	ResultRow	row = make_row(CHECK_NCOLUMNS);

	InitMaterializedSRF(fcinfo, 0);
	set_datum(&row, CHECK_OK, BoolGetDatum(check.ok));
	if (check.status > 0)
		set_datum(&row, CHECK_STATUS, Int32GetDatum(check.status));
	if (!check.ok)
	{
		set_text(&row, CHECK_MESSAGE, check.failure.message);
		set_text(&row, CHECK_DETAIL, check.failure.detail);
		set_text(&row, CHECK_HINT, check.failure.hint);
	}
	set_datum(&row, CHECK_MILLISECONDS, Float8GetDatum(check.milliseconds));
	if (check.ok && check.total >= 0)
		set_datum(&row, CHECK_TOTAL, Int64GetDatum(check.total));
	put_row(fcinfo, &row);
	return (Datum) 0;
}

/* ---- statistics ---- */

enum StatsColumn
{
	STATS_SERVER,
	STATS_SCANS,
	STATS_REQUESTS,
	STATS_RETRIES,
	STATS_THROTTLED,
	STATS_PAGES,
	STATS_ROWS,
	STATS_RECHECKED_AWAY,
	STATS_UNVERIFIED,
	STATS_BYTES,
	STATS_WAIT_TIME,
	STATS_NCOLUMNS
};

static ResultRow
stats_row(const ForeignServer *server, const CallsCounters *counters)
{
	ResultRow	row = make_row(STATS_NCOLUMNS);
	NameData   *name = palloc0_object(NameData);
	Interval   *wait = palloc0_object(Interval);

	namestrcpy(name, server->servername);
	wait->time = counters->wait;
	set_datum(&row, STATS_SERVER, NameGetDatum(name));
	set_datum(&row, STATS_SCANS, Int64GetDatum(counters->scans));
	set_datum(&row, STATS_REQUESTS, Int64GetDatum(counters->requests));
	set_datum(&row, STATS_RETRIES, Int64GetDatum(counters->retries));
	set_datum(&row, STATS_THROTTLED, Int64GetDatum(counters->throttled));
	set_datum(&row, STATS_PAGES, Int64GetDatum(counters->pages));
	set_datum(&row, STATS_ROWS, Int64GetDatum(counters->rows));
	set_datum(&row, STATS_RECHECKED_AWAY, Int64GetDatum(counters->rechecked_away));
	set_datum(&row, STATS_UNVERIFIED, Int64GetDatum(counters->unverified));
	set_datum(&row, STATS_BYTES, Int64GetDatum(counters->bytes));
	set_datum(&row, STATS_WAIT_TIME, IntervalPGetDatum(wait));
	return row;
}

/* One row per server that this session has read and the user may use. */
Datum
calls_fdw_stats(PG_FUNCTION_ARGS)
{
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, calls_counted_servers())
	{
		Oid			serverid = lfirst_oid(lc);
		ForeignServer *server = GetForeignServerExtended(serverid, FSV_MISSING_OK);
		CallsCounters counters = calls_server_counters(serverid);
		ResultRow	row;

		if (server == NULL ||
			calls_server_aclcheck(serverid, GetUserId()) != ACLCHECK_OK)
			continue;
		row = stats_row(server, &counters);
		put_row(fcinfo, &row);
	}
	return (Datum) 0;
}
