/*-------------------------------------------------------------------------
 *
 * fuzz_reply.c
 *		Any bytes as a reply, read by the paths and into the types of a table.
 *
 * The first byte chooses the paths: those of an installed definition, or some
 * of every kind.  The second one shifts the types that the columns have.  The
 * third one has flags.  All else is the body.
 *
 * What is read is held against the server's own jsonb, which reads the same
 * text with other code: both accept it, or there is a reason, and every cell
 * is what the path leads to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "convert.h"
#include "fuzz.h"
#include "page.h"

#define CONTROL_BYTES 3
#define MAX_COLUMNS 64
#define MAX_MEMBERS 8

/* Types that columns have in turn; fuzz.sh makes the last ones. */
static const char *const type_names[] = {
	"text", "varchar(3)", "char(4)", "int2", "int4", "int8", "numeric", "numeric(6,2)", "float8", "bool",
	"timestamptz", "timestamptz(0)", "timestamp", "timestamp(3)", "date", "time", "interval", "interval(0)",
	"uuid", "json", "jsonb", "bytea", "int4[]", "inet", "point", "tstzrange", "xml", "name", "\"char\"",
	"fuzz_word", "fuzz_short", "fuzz_positive"
};

/* Paths that no definition has. */
static const char *const odd_rows[] = {"", "data", "a.b", "0", "data.1", "a.0.rows"};
static const char *const odd_paths[] = {
	"", "a", "a.b", "a.b.c", "a.0", "a.1.b", "0", "b", "\xc3\xa9", "a", "id", "a.b.0", "x y", "10", "total", "data"
};
static const char *const odd_members[] = {"", "total", "a", "data", "a.b.c", "0.a", "1", NULL};

/* Columns, and the reader of their paths. */
typedef struct Table
{
	const char *rows;
	int			ncolumns;
	const char *paths[MAX_COLUMNS];
	const CallsColumn *sources[MAX_COLUMNS];
	CallsConverter *converters[MAX_COLUMNS][lengthof(type_names)];
	FmgrInfo	output[MAX_COLUMNS][lengthof(type_names)];
	int			nmembers;
	const char *members[MAX_MEMBERS];
	CallsPageReader *reader;
} Table;

static int	ntables;
static Table *tables;

/* A converter for a column of this type, or NULL where there can be none. */
static CallsConverter *
make_converter(const CallsColumn *source, Oid type, int32 typmod)
{
	CallsTableColumn target = {.attnum = 1, .name = "fuzz", .type = type, .typmod = typmod};
	MemoryContext context = CurrentMemoryContext;
	CallsConverter *volatile converter = NULL;

	PG_TRY();
	{
		converter = calls_make_converter(&target, source);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return converter;
}

static void
finish_table(Table *table)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		for (size_t j = 0; j < lengthof(type_names); j++)
		{
			Oid			type;
			int32		typmod;
			Oid			output;
			bool		varlena;

#if PG_VERSION_NUM >= 160000
			parseTypeString(type_names[j], &type, &typmod, NULL);
#else
			parseTypeString(type_names[j], &type, &typmod, false);
#endif
			table->converters[i][j] = make_converter(table->sources[i], type, typmod);
			getTypeOutputInfo(type, &output, &varlena);
			fmgr_info(output, &table->output[i][j]);
		}
	}
	table->reader = calls_make_page_reader(table->rows, table->ncolumns, table->paths,
										   table->nmembers, table->members);
}

/* The table that IMPORT FOREIGN SCHEMA would make. */
static void
make_table(Table *table, const CallsDefinition *def)
{
	const char *members[] = {def->total, def->paging.next, def->paging.more, def->paging.total_pages};

	table->rows = def->rows;
	for (int i = 0; i < def->ncolumns && table->ncolumns < MAX_COLUMNS; i++)
	{
		const CallsColumn *column = &def->columns[i];

		if (column->role != CALLS_COLUMN_VALUE && column->role != CALLS_COLUMN_RAW)
			continue;
		table->paths[table->ncolumns] = column->role == CALLS_COLUMN_RAW ? "" : column->path;
		table->sources[table->ncolumns++] = column;
	}
	table->nmembers = lengthof(members);
	memcpy(table->members, members, sizeof(members));
	finish_table(table);
}

static void
make_odd_table(Table *table, const char *rows)
{
	table->rows = rows;
	table->ncolumns = lengthof(odd_paths);
	memcpy(table->paths, odd_paths, sizeof(odd_paths));
	table->nmembers = lengthof(odd_members);
	memcpy(table->members, odd_members, sizeof(odd_members));
	finish_table(table);
}

static void
prepare(void)
{
	ntables = fuzz_ndefinitions + lengthof(odd_rows);
	tables = palloc0(sizeof(Table) * ntables);
	for (int i = 0; i < fuzz_ndefinitions; i++)
		make_table(&tables[i], fuzz_definitions[i]);
	for (size_t i = 0; i < lengthof(odd_rows); i++)
		make_odd_table(&tables[fuzz_ndefinitions + i], odd_rows[i]);
}

/* jsonb of a text, or NULL where the server does not take it. */
static Jsonb *
read_jsonb(const char *text, size_t length)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *copy = pnstrdup(text, length);
	Jsonb	   *volatile jsonb = NULL;

	if (strlen(copy) != length || !pg_verify_mbstr(PG_UTF8, copy, length, true))
		return NULL;
	PG_TRY();
	{
		jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(copy)));
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return jsonb;
}

/* What a dotted path leads to, or NULL. */
static Jsonb *
walk_path(Jsonb *jsonb, const char *path)
{
	char	   *copy = pstrdup(path);
	char	   *rest = NULL;

	for (char *step = strtok_r(copy, ".", &rest); step != NULL && jsonb != NULL; step = strtok_r(NULL, ".", &rest))
	{
		ArrayType  *array;
		Datum		element = CStringGetTextDatum(step);
		FunctionCallInfo call = palloc0(SizeForFunctionCallInfo(2));
		Datum		found;

		array = construct_array(&element, 1, TEXTOID, -1, false, TYPALIGN_INT);
		InitFunctionCallInfoData(*call, NULL, 2, InvalidOid, NULL, NULL);
		call->args[0].value = JsonbPGetDatum(jsonb);
		call->args[1].value = PointerGetDatum(array);
		found = jsonb_extract_path(call);
		jsonb = call->isnull ? NULL : DatumGetJsonbP(found);
	}
	return jsonb;
}

/* A cell must be what its path leads to, by the server's jsonb. */
static void
compare_cell(const CallsCell *cell, Jsonb *document, const char *path)
{
	Jsonb	   *expected = walk_path(document, path);
	Jsonb	   *got;

	fuzz_require((cell->kind == CALLS_JSON_MISSING) == (expected == NULL));
	if (expected == NULL)
		return;
	got = read_jsonb(cell->start, cell->length);
	fuzz_require(got != NULL);
	fuzz_require(compareJsonbContainers(&got->root, &expected->root) == 0);
}

/* How many rows jsonb has, or -1 where they are no array of objects. */
static int
count_rows(Jsonb *rows)
{
	int			count;

	if (rows == NULL || !JB_ROOT_IS_ARRAY(rows) || JB_ROOT_IS_SCALAR(rows))
		return -1;
	count = JB_ROOT_COUNT(rows);
	for (int i = 0; i < count; i++)
	{
		JsonbValue *row = getIthJsonbValueFromContainer(&rows->root, i);

		if (row->type != jbvBinary || !JsonContainerIsObject(row->val.binary.data))
			return -1;
	}
	return count;
}

/* Holds a page, or its absence, against jsonb. */
static void
compare_page(const Table *table, const CallsPage *page, const char *body, size_t length)
{
	Jsonb	   *document = read_jsonb(body, length);
	Jsonb	   *rows;
	int			nrows;

	/* jsonb may refuse what a reader takes: numbers, escapes, encoding */
	if (document == NULL)
		return;
	rows = walk_path(document, table->rows);
	nrows = count_rows(rows);
	if (page == NULL)
	{
		int			depth = 0;
		int			deepest = 0;

		/* the other way round, only nesting is a reason */
		for (size_t i = 0; i < length; i++)
		{
			depth += body[i] == '{' || body[i] == '[' ? 1 : body[i] == '}' || body[i] == ']' ? -1 : 0;
			deepest = Max(deepest, depth);
		}
		fuzz_require(nrows < 0 || deepest > 256);
		return;
	}
	fuzz_require(page->nrows == nrows);
	for (int i = 0; i < table->nmembers; i++)
	{
		if (table->members[i] == NULL)
			fuzz_require(page->members[i].kind == CALLS_JSON_MISSING);
		else
			compare_cell(&page->members[i], document, table->members[i]);
	}
	for (int i = 0; i < Min(nrows, 4); i++)
	{
		Jsonb	   *row = walk_path(rows, psprintf("%d", i));

		for (int j = 0; j < table->ncolumns; j++)
			compare_cell(&page->cells[(size_t) i * table->ncolumns + j], row, table->paths[j]);
	}
}

/* Converts a cell; what comes out must print. */
static void
convert_cell(Table *table, int column, int type, const CallsCell *cell, bool lenient)
{
	CallsConverter *converter = table->converters[column][type];
	CallsConvertError error;
	Datum		value;
	bool		isnull;

	if (converter == NULL)
		return;
	memset(&error, 0x7f, sizeof(error));
	if (calls_convert(converter, cell, lenient, &value, &isnull, &error))
		fuzz_require(!isnull || cell->kind == CALLS_JSON_MISSING || cell->kind == CALLS_JSON_NULL);
	else
	{
		size_t		length = strnlen(error.message, sizeof(error.message));

		fuzz_require(length > 0 && length < sizeof(error.message));
		fuzz_require(pg_verify_mbstr(GetDatabaseEncoding(), error.message, length, true));
		fuzz_require(ERRCODE_TO_CATEGORY(error.sqlstate) == ERRCODE_DATA_EXCEPTION ||
					 ERRCODE_TO_CATEGORY(error.sqlstate) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION);
		fuzz_require(error.repaired == true || error.repaired == false);
		fuzz_require(isnull || (lenient && error.repaired));
	}
	if (!isnull)
	{
		char	   *text = OutputFunctionCall(&table->output[column][type], value);

		fuzz_require(pg_verify_mbstr(GetDatabaseEncoding(), text, strlen(text), true));
	}
}

static void
use_member(const CallsCell *cell)
{
	int64		number;
	char	   *text = calls_cell_text(cell);

	if (text != NULL)
		fuzz_require(pg_verify_mbstr(PG_UTF8, text, strlen(text), true));
	(void) calls_cell_int64(cell, &number);
}

static void
run(const unsigned char *data, size_t size)
{
	Table	   *table;
	char	   *body;
	size_t		length = size - CONTROL_BYTES;
	CallsPage  *page;

	if (size < CONTROL_BYTES)
		return;
	table = &tables[data[0] % ntables];
	body = fuzz_text(data + CONTROL_BYTES, length);
	page = calls_try_read_page(table->reader, body, length);
	if (data[2] & 1)
		compare_page(table, page, body, length);
	if (page == NULL)
		(void) calls_read_page(table->reader, body, length);	/* for the error */
	fuzz_require(page != NULL);

	for (int i = 0; i < table->nmembers; i++)
		use_member(&page->members[i]);
	for (int i = 0; i < Min(page->nrows, 16); i++)
	{
		CallsCell  *cells = page->cells + (size_t) i * table->ncolumns;

		for (int j = 0; j < table->ncolumns; j++)
			convert_cell(table, j, (j + i + data[1]) % lengthof(type_names), &cells[j], data[2] & 2);
	}
}

const FuzzTarget fuzz_reply = {.name = "reply", .prepare = prepare, .run = run};
