/*-------------------------------------------------------------------------
 *
 * page.c
 *		Bytes of a reply -> rows, next position, total.
 *
 * page_walk.c finds the cells; here is what a reply must be, and what messages
 * say of one that is not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "page_private.h"

/* How messages call a kind of value. */
static const char *const kind_names[] = {
	[CALLS_JSON_MISSING] = "missing",
	[CALLS_JSON_NULL] = "null",
	[CALLS_JSON_STRING] = "a string",
	[CALLS_JSON_NUMBER] = "a number",
	[CALLS_JSON_TRUE] = "a boolean",
	[CALLS_JSON_FALSE] = "a boolean",
	[CALLS_JSON_OBJECT] = "an object",
	[CALLS_JSON_ARRAY] = "an array",
};

int
calls_add_path(const char **paths, int *npaths, const char *path)
{
	for (int i = 0; i < *npaths; i++)
		if (strcmp(paths[i], path) == 0)
			return i;
	paths[*npaths] = path;
	return (*npaths)++;
}

/* Makes a reader in CurrentMemoryContext. */
CallsPageReader *
calls_make_page_reader(const char *rows, int npaths, const char *const *paths,
					   int nmembers, const char *const *members)
{
	CallsPageReader *reader = palloc0(sizeof(CallsPageReader));

	reader->rows = rows;
	reader->npaths = npaths;
	reader->nmembers = nmembers;
	reader->root[TREE_REPLY] = calls_compile_paths(nmembers, members);
	reader->root[TREE_ROW] = calls_compile_paths(npaths, paths);
	if (rows != NULL)
		calls_get_path_node(reader->root[TREE_REPLY], rows)->is_rows = true;
	return reader;
}

/* Is there nothing but white space? */
static bool
is_blank(const char *body, size_t length)
{
	while (length > 0 && calls_is_json_space(*body))
		body++, length--;
	return length == 0;
}

/* Could more bytes make this invalid token, which ends the reply, valid? */
static bool
is_cut_off(const char *token, const char *end)
{
	static const char *const literals[] = {"true", "false", "null"};
	size_t		length = end - token;

	if (*token == '"' || *token == '-' || (*token >= '0' && *token <= '9'))
		return true;
	for (size_t i = 0; i < lengthof(literals); i++)
		if (length < strlen(literals[i]) && memcmp(token, literals[i], length) == 0)
			return true;
	return false;
}

/* Reports a reply that is not JSON, without quoting it. */
static void
report_not_json(const CallsPageReader *reader)
{
	const JsonLexContext *lex = reader->lex;
	const char *end = reader->body + reader->length;
	bool		cut_off = lex->token_start == NULL || lex->token_start >= end ||
		(lex->token_terminator >= end && is_cut_off(lex->token_start, end));

	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("could not read the reply: not valid JSON"),
			 cut_off ?
			 errdetail("The text ends in mid-value at byte %zu.", reader->length) :
			 errdetail("Invalid at byte %zu of %zu.",
					   (size_t) (lex->token_start - reader->body) + 1,
					   reader->length)));
}

/* Reports a reply without an array of objects where the rows should be. */
static void
check_rows(const CallsPageReader *reader)
{
	if (reader->rows == NULL)
		return;
	if (reader->rows_kind == CALLS_JSON_MISSING)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not read the reply: it has no rows"),
				 errdetail("There is no member \"%s\".", reader->rows)));
	if (reader->rows_kind != CALLS_JSON_ARRAY)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not read the reply: it has no rows"),
				 reader->rows[0] == '\0' ?
				 errdetail("The reply is %s, not an array.",
						   kind_names[reader->rows_kind]) :
				 errdetail("The member \"%s\" is %s, not an array.",
						   reader->rows, kind_names[reader->rows_kind])));
	if (reader->bad_row >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not read the reply: a row is not an object"),
				 reader->rows[0] == '\0' ?
				 errdetail("Element %d of the reply is %s.",
						   reader->bad_row, kind_names[reader->bad_kind]) :
				 errdetail("Element %d of member \"%s\" is %s.",
						   reader->bad_row, reader->rows,
						   kind_names[reader->bad_kind])));
}

/* Reads one reply into CurrentMemoryContext. */
CallsPage *
calls_read_page(CallsPageReader *reader, const char *body, size_t length)
{
	if (length > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not read the reply: it is too long"),
				 errdetail("It has %zu bytes.", length)));
	if (is_blank(body, length))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not read the reply: it is empty")));

	if (calls_walk_page(reader, body, length) != JSON_SUCCESS)
		report_not_json(reader);
	check_rows(reader);
	return reader->page;
}

/* The same without raising: NULL where calls_read_page would raise. */
CallsPage *
calls_try_read_page(CallsPageReader *reader, const char *body, size_t length)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool good = false;

	if (length > MaxAllocSize || is_blank(body, length))
		return NULL;

	PG_TRY();
	{
		good = calls_walk_page(reader, body, length) == JSON_SUCCESS;
	}
	PG_CATCH();
	{
		/* The callbacks cannot make PostgreSQL 15 stop in another way. */
		if (!reader->too_large)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();

	if (!good || (reader->rows != NULL && reader->rows_kind != CALLS_JSON_ARRAY) ||
		reader->bad_row >= 0)
		return NULL;
	return reader->page;
}
