/*-------------------------------------------------------------------------
 *
 * page.h
 *		Bytes of a reply -> rows, next position, total.
 *
 * A reader is compiled once per scan from the paths that the scan needs; a
 * page is then one pass of pg_parse_json over the bytes.  Nothing is copied:
 * a cell points into the reply, which must outlive the page.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_PAGE_H
#define CALLS_PAGE_H

#include "postgres.h"

typedef enum CallsJsonKind
{
	CALLS_JSON_MISSING = 0,		/* no such member */
	CALLS_JSON_NULL,
	CALLS_JSON_STRING,			/* start and length include the quotes */
	CALLS_JSON_NUMBER,
	CALLS_JSON_TRUE,
	CALLS_JSON_FALSE,
	CALLS_JSON_OBJECT,
	CALLS_JSON_ARRAY
} CallsJsonKind;

/* A JSON value inside a reply: its text, escapes and all. */
typedef struct CallsCell
{
	const char *start;			/* first byte; not null-terminated */
	uint32		length;			/* bytes */
	CallsJsonKind kind;
} CallsCell;

typedef struct CallsPageReader CallsPageReader;

typedef struct CallsPage
{
	int			nrows;
	CallsCell  *cells;			/* nrows x npaths, row by row */
	CallsCell  *members;		/* nmembers values from outside the rows */
} CallsPage;

/*
 * Index of a path among those to ask for, added if it is new; there must be
 * room for it.
 */
extern int	calls_add_path(const char **paths, int *npaths, const char *path);

/*
 * Makes a reader in CurrentMemoryContext.  "rows" is the dotted path of the
 * array of rows ("" for the whole body; NULL: no rows wanted, for error
 * bodies); "paths" are dotted paths inside a row ("" for the whole row; a
 * decimal segment indexes an array), "members" are dotted paths from the top
 * of the reply, or NULL for a cell that stays missing.  Paths may repeat.  The
 * strings are not copied.
 */
extern CallsPageReader *calls_make_page_reader(const char *rows,
											   int npaths, const char *const *paths,
											   int nmembers, const char *const *members);

/*
 * Reads one reply into CurrentMemoryContext.  Of a member that repeats inside
 * an object, the last counts, as in jsonb.  Raises HV000 (ERRCODE_FDW_ERROR)
 * for a reply that is not JSON, nests deeper than 256 levels, or has no array
 * of objects at "rows"; the message does not quote the reply.
 */
extern CallsPage *calls_read_page(CallsPageReader *reader,
								  const char *body, size_t length);

/* The same without raising: NULL where calls_read_page would (error bodies). */
extern CallsPage *calls_try_read_page(CallsPageReader *reader,
									  const char *body, size_t length);

#endif							/* CALLS_PAGE_H */
