/*-------------------------------------------------------------------------
 *
 * catalogue.c
 *		SQL-callable functions: what providers and their tables can do.
 *
 * The columns that a function returns are declared in the extension's script,
 * in the order of the enums here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compat.h"
#include "definition.h"
#include "result_row.h"

PG_FUNCTION_INFO_V1(calls_fdw_providers);
PG_FUNCTION_INFO_V1(calls_fdw_columns);
PG_FUNCTION_INFO_V1(calls_fdw_definition);

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

static CallsResultRow
provider_row(const CallsDefinition *def)
{
	CallsResultRow row = calls_make_result_row(PROVIDER_NCOLUMNS);

	calls_set_text(&row, PROVIDER_NAME, def->provider);
	calls_set_text(&row, PROVIDER_TITLE, def->title);
	calls_set_text(&row, PROVIDER_DOCS, def->docs);
	calls_set_text(&row, PROVIDER_BASE_URL, def->base_url);
	calls_set_text(&row, PROVIDER_METHOD, def->method);
	calls_set_text(&row, PROVIDER_PATH, def->path);
	calls_set_text(&row, PROVIDER_PAGING, calls_paging_word(def->paging.style));
	if (def->paging.size_param != NULL)
		calls_set_datum(&row, PROVIDER_PAGE_SIZE, Int32GetDatum(def->paging.size_max));
	if (def->order.column >= 0)
	{
		calls_set_text(&row, PROVIDER_ORDER_COLUMN, def->columns[def->order.column].name);
		calls_set_texts(&row, PROVIDER_ORDERS, order_words(&def->order));
	}
	calls_set_datum(&row, PROVIDER_HAS_TOTAL, BoolGetDatum(def->total != NULL));
	calls_set_datum(&row, PROVIDER_NEEDS_ACCOUNT, BoolGetDatum(needs_account(def)));
	calls_set_text(&row, PROVIDER_RATES, def->rates);
	calls_set_text(&row, PROVIDER_BASIS, def->basis);
	return row;
}

/* One row per installed definition. */
Datum
calls_fdw_providers(PG_FUNCTION_ARGS)
{
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, calls_list_providers())
		calls_put_row(fcinfo, provider_row(calls_get_definition(strVal(lfirst(lc)))));
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

/* Adds a text to a List of char *, unless it is there. */
static List *
add_once(List *texts, const char *text)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return texts;
	}
	return lappend(texts, unconstify(char *, text));
}

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
		pushable->basis = add_once(pushable->basis, filter->basis);
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
		shown = add_once(shown, calls_common_word(column, filter->words[i]));
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

static CallsResultRow
column_row(const CallsDefinition *def, int index)
{
	const CallsColumn *column = &def->columns[index];
	Pushable	pushable = collect_filters(def, index);
	CallsResultRow row = calls_make_result_row(COLUMN_NCOLUMNS);

	calls_set_text(&row, COLUMN_NAME, column->name);
	calls_set_text(&row, COLUMN_TYPE, column->type_name);
	calls_set_datum(&row, COLUMN_COMMON, BoolGetDatum(column->common));
	calls_set_text(&row, COLUMN_KIND, kind_words[column->role]);
	calls_set_text(&row, COLUMN_PATH, column->path);
	if (column->role == CALLS_COLUMN_VALUE)
		calls_set_text(&row, COLUMN_FORMAT,
				 calls_format_word(pushable.equality != NULL ? pushable.equality->format
								   : column->format));
	calls_set_texts(&row, COLUMN_EXACT, operator_words(&pushable, true));
	calls_set_texts(&row, COLUMN_SUPERSET, operator_words(&pushable, false));
	if (pushable.equality != NULL)
	{
		calls_set_texts(&row, COLUMN_VALUES, shown_words(pushable.equality, column));
		calls_set_datum(&row, COLUMN_LIST, BoolGetDatum(pushable.equality->list != CALLS_LIST_SINGLE));
	}
	calls_set_text(&row, COLUMN_BASIS, join_texts(pushable.basis));
	if (index == def->key && pushable.equality == NULL && calls_id_definition(def) != NULL)
	{
		/* not a filter: a request for each call */
		calls_set_texts(&row, COLUMN_EXACT, list_make2("=", "IN"));
		calls_set_datum(&row, COLUMN_LIST, BoolGetDatum(false));
		calls_set_text(&row, COLUMN_BASIS, calls_id_definition(def)->basis);
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
		calls_put_row(fcinfo, column_row(def, i));
	return (Datum) 0;
}
