/*-------------------------------------------------------------------------
 *
 * fuzz_definition.c
 *		Any bytes as a provider's definition.
 *
 * What the loader accepts must then serve: for requests, for reading a page
 * and for the columns that IMPORT FOREIGN SCHEMA would declare.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_collation_d.h"
#include "utils/memutils.h"

#include "convert.h"
#include "fuzz.h"
#include "page.h"

/* Has a definition's text only printable characters where it must? */
static void
check_word(const char *text)
{
	fuzz_require(text != NULL && text[0] != '\0');
	for (const char *c = text; *c; c++)
		fuzz_require(*c >= ' ' && *c <= '~');
}

static void
use_columns(const CallsDefinition *def)
{
	fuzz_require(def->ncolumns > 0 && def->key >= 0 && def->key < def->ncolumns);
	for (int i = 0; i < def->ncolumns; i++)
	{
		const CallsColumn *column = &def->columns[i];
		CallsTableColumn target = {
			.attnum = i + 1,
			.name = column->name,
			.type = column->type,
			.typmod = -1,
			.column = i
		};

		check_word(column->name);
		if (column->role == CALLS_COLUMN_VALUE || column->role == CALLS_COLUMN_RAW)
			(void) calls_make_converter(&target, column);
	}
}

static void
use_paths(const CallsDefinition *def)
{
	static const char *const bodies[] = {
		"{}", "[]", "[{\"id\":\"a\"}]", "{\"data\":[{\"id\":\"a\",\"a\":{\"b\":[1,{}]}},{}],\"total\":1}"
	};
	const char **paths = palloc(sizeof(char *) * def->ncolumns);
	const char *members[] = {def->total, def->paging.next, def->paging.more, def->paging.total_pages};
	CallsPageReader *reader;

	for (int i = 0; i < def->ncolumns; i++)
		paths[i] = def->columns[i].path != NULL ? def->columns[i].path : "";
	reader = calls_make_page_reader(def->rows, def->ncolumns, paths, lengthof(members), members);
	for (size_t i = 0; i < lengthof(bodies); i++)
		(void) calls_try_read_page(reader, bodies[i], strlen(bodies[i]));
}

static void
use_filters(const CallsDefinition *def)
{
	for (int i = 0; i < def->nfilters; i++)
	{
		const CallsFilter *filter = &def->filters[i];

		fuzz_require(filter->ncolumns >= 1 && filter->ncolumns <= CALLS_FILTER_MAX_COLUMNS);
		for (int j = 0; j < filter->ncolumns; j++)
			fuzz_require(filter->columns[j] >= 0 && filter->columns[j] < def->ncolumns);
		fuzz_require(filter->op == CALLS_FILTER_EQ || filter->precision > 0);
		check_word(filter->param);
	}
}

static void
run(const unsigned char *data, size_t size)
{
	char	   *text = fuzz_text(data, size);
	CallsDefinition *def;

	/* as the loader's own reading of a file, which refuses null bytes */
	def = calls_parse_definition(text, "fuzz");
	check_word(def->provider);
	check_word(def->path);
	check_word(def->base_url);
	check_word(def->auth_header);
	check_word(def->auth_value);
	use_columns(def);
	use_filters(def);
	use_paths(def);
	fuzz_build_requests(def, "it's a \"value\" & more");
}

const FuzzTarget fuzz_definition = {.name = "definition", .run = run};
