/*-------------------------------------------------------------------------
 *
 * page_walk.c
 *		The walk over a reply: finds the cells that paths lead to.
 *
 * The paths are compiled into two trees, one for what lies outside the rows
 * and one for the inside of a row.  While pg_parse_json walks over the reply,
 * a stack of frames, one per open object or array, remembers which node of
 * each tree the walk stands on.
 *
 * The lexer runs with need_escapes off: it copies nothing, and an escape that
 * nobody asked for does no harm.  It then reports no key to the callbacks, so
 * keys are found from its positions.  In all of PostgreSQL 15 to 18 a field or
 * element callback finds the value's first token in token_start, the end of
 * what comes before it (for a field: the colon) in prev_token_terminator at
 * the start, and one past the value's last byte in prev_token_terminator at
 * the end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "page_private.h"

/* Rows that a page has room for at first. */
#define INITIAL_ROWS 128

/*
 * A hundred times the largest page of any API known: a hostile reply of empty
 * objects must not take a gigabyte of cells.
 */
#define MAX_ROWS 100000

/* Forgets what a node and those below it have seen. */
static void
clear_node(CallsPageReader *reader, Tree tree, CallsPathNode *node)
{
	CallsPathNode *child = node->child;

	check_stack_depth();
	for (int i = 0; i < node->nslots; i++)
		reader->cells[tree][node->slots[i]].kind = CALLS_JSON_MISSING;
	if (node->is_rows)
	{
		reader->page->nrows = 0;
		reader->rows_kind = CALLS_JSON_MISSING;
		reader->bad_row = -1;
	}
	if (child == NULL)
		return;
	do
	{
		clear_node(reader, tree, child);
		child = child->sibling;
	} while (child != node->child);
}

/* The kind of a value that begins with a token; all others are an error. */
static const CallsJsonKind token_kinds[] = {
	[JSON_TOKEN_NULL] = CALLS_JSON_NULL,
	[JSON_TOKEN_STRING] = CALLS_JSON_STRING,
	[JSON_TOKEN_NUMBER] = CALLS_JSON_NUMBER,
	[JSON_TOKEN_TRUE] = CALLS_JSON_TRUE,
	[JSON_TOKEN_FALSE] = CALLS_JSON_FALSE,
	[JSON_TOKEN_OBJECT_START] = CALLS_JSON_OBJECT,
	[JSON_TOKEN_ARRAY_START] = CALLS_JSON_ARRAY,
	[JSON_TOKEN_END] = CALLS_JSON_MISSING,
};

static inline CallsJsonKind
token_kind(JsonTokenType token)
{
	return (size_t) token < lengthof(token_kinds) ? token_kinds[token] : CALLS_JSON_MISSING;
}

/* Notes that a node has a value in this row or page. */
static inline void
visit_node(CallsPageReader *reader, Tree tree, CallsPathNode *node)
{
	if (node == NULL)
		return;
	if (node->seen == reader->serial[tree])
		clear_node(reader, tree, node);
	node->seen = reader->serial[tree];
}

/* Notes that the value of a field or element begins. */
static inline void
begin_value(CallsPageReader *reader, Frame *frame)
{
	if (frame->child[TREE_REPLY] == NULL && frame->child[TREE_ROW] == NULL)
		return;
	frame->start = reader->lex->token_start;
	frame->kind = token_kind(reader->lex->token_type);
	visit_node(reader, TREE_REPLY, frame->child[TREE_REPLY]);
	visit_node(reader, TREE_ROW, frame->child[TREE_ROW]);
}

/* Puts a value into the cells that its node fills. */
static inline void
store_value(CallsPageReader *reader, Tree tree, const CallsPathNode *node,
			const char *start, const char *end, CallsJsonKind kind)
{
	CallsCell	cell = {
		.start = start,
		.length = (uint32) (end - start),
		.kind = kind
	};

	for (int i = 0; i < node->nslots; i++)
		reader->cells[tree][node->slots[i]] = cell;
	if (node->is_rows)
		reader->rows_kind = kind;
}

/* Notes that the value of a field or element has ended. */
static inline void
end_value(CallsPageReader *reader, Frame *frame)
{
	const char *end = reader->lex->prev_token_terminator;

	if (frame->child[TREE_ROW] != NULL)
		store_value(reader, TREE_ROW, frame->child[TREE_ROW], frame->start, end,
					frame->kind);
	if (frame->child[TREE_REPLY] != NULL)
		store_value(reader, TREE_REPLY, frame->child[TREE_REPLY], frame->start, end,
					frame->kind);
}

/* Opens a frame for an object or array. */
static Frame *
push_frame(CallsPageReader *reader)
{
	Frame	   *frame = &reader->frames[reader->depth];

	if (reader->depth == MAX_DEPTH)
	{
		reader->too_large = true;
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not read the reply: it nests too deeply"),
				 errdetail("More than %d objects and arrays are open at byte %zu of %zu.",
						   MAX_DEPTH,
						   (size_t) (reader->lex->token_start - reader->body) + 1,
						   reader->length)));
	}
	for (int tree = 0; tree < NTREES; tree++)
	{
		if (reader->depth > 0)
			frame->node[tree] = frame[-1].child[tree];
		else
			frame->node[tree] = tree == TREE_REPLY ? reader->root[tree] : NULL;
		frame->child[tree] = NULL;
	}
	frame->is_rows = false;
	frame->index = 0;
	reader->depth++;
	return frame;
}

static inline Frame *
top_frame(CallsPageReader *reader)
{
	return &reader->frames[reader->depth - 1];
}

static CALLS_JSON_ACTION
object_start(void *state)
{
	CallsPageReader *reader = state;

	push_frame(reader)->key_from = reader->lex->token_start;
	CALLS_JSON_DONE;
}

static CALLS_JSON_ACTION
array_start(void *state)
{
	CallsPageReader *reader = state;
	Frame	   *frame = push_frame(reader);

	frame->is_rows = frame->node[TREE_REPLY] != NULL &&
		frame->node[TREE_REPLY]->is_rows;
	CALLS_JSON_DONE;
}

static CALLS_JSON_ACTION
container_end(void *state)
{
	CallsPageReader *reader = state;

	reader->depth--;
	CALLS_JSON_DONE;
}

/*
 * The key of the field whose value begins: between the '{' or ',' before it
 * and the colon behind it there is only white space beside it.
 */
static const char *
find_key(CallsPageReader *reader, const Frame *frame, size_t *length)
{
	const char *start = frame->key_from + 1;
	const char *end = reader->lex->prev_token_terminator - 1;

	while (*start != '"')
		start++;
	while (calls_is_json_space(end[-1]))
		end--;
	start++;
	*length = (end - 1) - start;
	return start;
}

static CALLS_JSON_ACTION
field_start(void *state, char *fname pg_attribute_unused(),
			bool isnull pg_attribute_unused())
{
	CallsPageReader *reader = state;
	Frame	   *frame = top_frame(reader);
	const char *key;
	size_t		length;

	if (frame->node[TREE_REPLY] == NULL && frame->node[TREE_ROW] == NULL)
		CALLS_JSON_DONE;

	key = find_key(reader, frame, &length);
	if (frame->node[TREE_ROW] != NULL)
		frame->child[TREE_ROW] = calls_find_member(frame->node[TREE_ROW],
												   frame->index, key, length);
	if (frame->node[TREE_REPLY] != NULL)
		frame->child[TREE_REPLY] = calls_find_member(frame->node[TREE_REPLY],
													 frame->index, key, length);
	frame->index++;
	begin_value(reader, frame);
	CALLS_JSON_DONE;
}

static CALLS_JSON_ACTION
field_end(void *state, char *fname pg_attribute_unused(),
			bool isnull pg_attribute_unused())
{
	CallsPageReader *reader = state;
	Frame	   *frame = top_frame(reader);

	end_value(reader, frame);
	frame->key_from = reader->lex->token_start;
	CALLS_JSON_DONE;
}

/* Makes room for one more row, all missing, and begins it. */
static void
begin_row(CallsPageReader *reader)
{
	CallsPage  *page = reader->page;
	size_t		row_size = sizeof(CallsCell) * reader->npaths;

	if (page->nrows >= MAX_ROWS)
	{
		reader->too_large = true;
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not read the reply: it has more than %d rows", MAX_ROWS)));
	}
	if ((size_t) page->nrows == reader->max_rows)
	{
		reader->max_rows *= 2;
		page->cells = repalloc_huge(page->cells, reader->max_rows * row_size);
	}
	reader->cells[TREE_ROW] = page->cells + (size_t) page->nrows * reader->npaths;
	page->nrows++;
	reader->serial[TREE_ROW]++;
	if (row_size > 0)
		memset(reader->cells[TREE_ROW], 0, row_size);
}

static CALLS_JSON_ACTION
element_start(void *state, bool isnull pg_attribute_unused())
{
	CallsPageReader *reader = state;
	Frame	   *frame = top_frame(reader);

	CHECK_FOR_INTERRUPTS();
	for (int tree = 0; tree < NTREES; tree++)
		frame->child[tree] = frame->node[tree] == NULL ? NULL :
			calls_find_element(frame->node[tree], frame->index);
	if (frame->is_rows)
	{
		begin_row(reader);
		frame->child[TREE_ROW] = reader->root[TREE_ROW];
		if (reader->bad_row < 0 &&
			reader->lex->token_type != JSON_TOKEN_OBJECT_START)
		{
			reader->bad_row = (int) frame->index;
			reader->bad_kind = token_kind(reader->lex->token_type);
		}
	}
	frame->index++;
	begin_value(reader, frame);
	CALLS_JSON_DONE;
}

static CALLS_JSON_ACTION
element_end(void *state, bool isnull pg_attribute_unused())
{
	CallsPageReader *reader = state;

	end_value(reader, top_frame(reader));
	CALLS_JSON_DONE;
}

/* Resets the reader for a reply. */
static void
begin_page(CallsPageReader *reader, const char *body, size_t length)
{
	CallsPage  *page = palloc0(sizeof(CallsPage));

	reader->lex = calls_make_json_lexer(body, length);
	reader->body = body;
	reader->length = length;
	reader->page = page;
	reader->max_rows = reader->rows == NULL ? 0 : INITIAL_ROWS;
	reader->bad_row = -1;
	reader->rows_kind = CALLS_JSON_MISSING;
	reader->serial[TREE_REPLY]++;
	reader->depth = 0;
	page->cells = palloc(sizeof(CallsCell) * reader->max_rows * reader->npaths);
	page->members = palloc0(sizeof(CallsCell) * reader->nmembers);
	reader->cells[TREE_REPLY] = page->members;
	reader->cells[TREE_ROW] = page->cells;
}

/* The whole reply as a value: the callbacks do not report it. */
static void
store_root(CallsPageReader *reader)
{
	const char *start = reader->body;
	const char *end = reader->body + reader->length;
	CallsJsonKind kind;

	while (calls_is_json_space(*start))
		start++;
	while (calls_is_json_space(end[-1]))
		end--;
	switch (*start)
	{
		case '{':
			kind = CALLS_JSON_OBJECT;
			break;
		case '[':
			kind = CALLS_JSON_ARRAY;
			break;
		case '"':
			kind = CALLS_JSON_STRING;
			break;
		case 't':
			kind = CALLS_JSON_TRUE;
			break;
		case 'f':
			kind = CALLS_JSON_FALSE;
			break;
		case 'n':
			kind = CALLS_JSON_NULL;
			break;
		default:
			kind = CALLS_JSON_NUMBER;
	}
	store_value(reader, TREE_REPLY, reader->root[TREE_REPLY], start, end, kind);
}

JsonParseErrorType
calls_walk_page(CallsPageReader *reader, const char *body, size_t length)
{
	JsonSemAction actions = {
		.semstate = reader,
		.object_start = object_start,
		.object_end = container_end,
		.array_start = array_start,
		.array_end = container_end,
		.object_field_start = field_start,
		.object_field_end = field_end,
		.array_element_start = element_start,
		.array_element_end = element_end
	};
	JsonParseErrorType result;

	reader->too_large = false;
	begin_page(reader, body, length);
	result = pg_parse_json(reader->lex, &actions);
	if (result == JSON_SUCCESS)
		store_root(reader);
	return result;
}
