/*-------------------------------------------------------------------------
 *
 * page_private.h
 *		A page reader, as page.c and page_walk.c see it; for nobody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_PAGE_PRIVATE_H
#define CALLS_PAGE_PRIVATE_H

#include "postgres.h"

#include "compat.h"
#include "page.h"
#include "path_tree.h"

/*
 * Far more than any API nests, and far less than what exhausts the smallest
 * max_stack_depth (100 kB) in the recursion of pg_parse_json.
 */
#define MAX_DEPTH 256

/* The two trees. */
typedef enum Tree
{
	TREE_REPLY = 0,				/* members, and the way to the rows */
	TREE_ROW,
	NTREES
} Tree;

/* An open object or array; the node is NULL where no path leads in there. */
typedef struct Frame
{
	CallsPathNode *node[NTREES];
	bool		is_rows;
	int			index;			/* elements or members begun */
	const char *key_from;		/* '{' or ',' before the next key */

	/* the field or element that the walk is in */
	CallsPathNode *child[NTREES];
	const char *start;
	CallsJsonKind kind;
} Frame;

struct CallsPageReader
{
	const char *rows;
	int			npaths;
	int			nmembers;
	CallsPathNode *root[NTREES];

	/* the walk over one reply */
	JsonLexContext *lex;
	const char *body;
	size_t		length;
	CallsPage  *page;
	CallsCell  *cells[NTREES];	/* of the page, of the current row */
	size_t		max_rows;		/* room in page->cells */
	int			bad_row;		/* first element that is no object, or -1 */
	CallsJsonKind bad_kind;
	CallsJsonKind rows_kind;
	uint64		serial[NTREES]; /* number of this page, of this row */
	bool		too_large;		/* an error of our own was raised: nests too
								 * deeply, too many rows */
	int			depth;
	Frame		frames[MAX_DEPTH];
};

static inline bool
calls_is_json_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * Walks over a reply into reader->page, a page in CurrentMemoryContext.  What
 * it finds at the rows is in rows_kind and bad_row.  Raises HV000 for a reply
 * that nests too deeply or has too many rows, with too_large set.
 */
extern JsonParseErrorType calls_walk_page(CallsPageReader *reader,
										  const char *body, size_t length);

#endif							/* CALLS_PAGE_PRIVATE_H */
