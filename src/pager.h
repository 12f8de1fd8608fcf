/*-------------------------------------------------------------------------
 *
 * pager.h
 *		The stream of pages of one list request, each call once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_PAGER_H
#define CALLS_PAGER_H

#include "postgres.h"

#include "bind.h"
#include "definition.h"
#include "fetch.h"
#include "option.h"
#include "page.h"
#include "request.h"

typedef struct CallsPager CallsPager;

/* A page as the scan reads it. */
typedef struct CallsBatch
{
	const CallsPage *page;		/* row r's cells: page->cells + r * npaths */
	int			npaths;			/* cells per row; the last is the call's key */
	const bool *fresh;			/* per row: not delivered before */
	bool		reread;			/* the page goes over rows that were read */
} CallsBatch;

/*
 * Makes a pager in CurrentMemoryContext.  "paths" are the members of a row
 * that the scan wants.  "limit" is how many rows it is expected to read, or 0:
 * a hint for the first page's size.  "binding" and the rest must stay.
 */
extern CallsPager *calls_make_pager(const CallsDefinition *def,
									CallsSettings *settings,
									const CallsBinding *binding,
									int npaths, const char *const *paths,
									int64 limit, CallsCounters *counters);

/*
 * The next page with at least one fresh row, valid until the next call; NULL
 * at the end.  Raises what fetch.h and page.h say, and HV000 for positions
 * that do not advance and, subject to on_incomplete, for proven gaps.
 */
extern const CallsBatch *calls_next_batch(CallsPager *pager);

/* Reads no further: what is missing is not needed. */
extern void calls_stop_pager(CallsPager *pager);

/*
 * The batch given, if it was the only one and is still there; else NULL.
 */
extern const CallsBatch *calls_only_batch(const CallsPager *pager);

/* Is it a total at which search engines stop counting, and so says little? */
extern bool calls_is_known_cap(int64 total);

/* The position of the first page, for EXPLAIN. */
extern CallsPosition calls_first_position(const CallsDefinition *def,
										  const CallsSettings *settings, int64 limit);

#endif							/* CALLS_PAGER_H */
