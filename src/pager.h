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
#include "idset.h"
#include "option.h"
#include "page.h"
#include "request.h"

typedef struct CallsPager CallsPager;

/* A horizon beyond which no row is wanted for sure: none. */
#define CALLS_ALL_ROWS		PG_INT64_MAX

/* A page as the scan reads it; it is the reader's to free. */
typedef struct CallsBatch
{
	MemoryContext context;		/* owns all of it */
	const CallsPage *page;		/* row r's cells: page->cells + r * npaths */
	int			npaths;			/* cells per row; the last is the call's key */
	const char *url;			/* where it was asked for */
	size_t		length;			/* bytes of the reply */
	bool	   *fresh;			/* per row: not delivered before */
	bool	   *has_id;			/* per row: it has an id, namely ... */
	CallsIdHash *ids;
	bool		reread;			/* the page goes over rows that were read */
} CallsBatch;

/* What came of asking for something that may take a while. */
typedef enum CallsProgress
{
	CALLS_PENDING = 0,			/* not there yet: see calls_wait_fetches */
	CALLS_READY,
	CALLS_ENDED					/* and there will be no more */
} CallsProgress;

/*
 * Makes a pager in CurrentMemoryContext.  "paths" are the members of a row
 * that the scan wants.  "limit" is how many rows it is expected to read, or 0:
 * a hint for the first page's size.  "horizon" is how many rows it wants for
 * sure if there are so many: CALLS_ALL_ROWS, or 0 where it may stop at any
 * time.  "binding" and the rest must stay.
 */
extern CallsPager *calls_make_pager(CallsFetcher *fetcher,
									const CallsBinding *binding,
									int npaths, const char *const *paths,
									int64 limit, int64 horizon);

/*
 * The next page with at least one fresh row, if it is there.  Raises what
 * fetch.h and page.h say, and HV000 for positions that do not advance and,
 * subject to on_incomplete, for proven gaps.
 */
extern CallsProgress calls_next_batch(CallsPager *pager, CallsBatch **batch);

/* The same, after waiting for it: READY or ENDED. */
extern CallsProgress calls_await_batch(CallsPager *pager, CallsBatch **batch);

extern void calls_free_batch(CallsBatch *batch);

/*
 * Makes it remember the calls of its last pages only: another one knows all
 * that were given.  To be called before it reads.
 */
extern void calls_remember_little(CallsPager *pager);

/* Asks for the first page, if nothing has been asked for yet. */
extern void calls_start_pager(CallsPager *pager);

/* Rows, from the first on, that are wanted for sure; see calls_make_pager. */
extern void calls_set_horizon(CallsPager *pager, int64 horizon);

/* Reads no further: what is missing is not needed. */
extern void calls_stop_pager(CallsPager *pager);

/* Is something under way for it, or there and not read? */
extern bool calls_pager_is_asking(const CallsPager *pager);

/* How many calls the provider reports; -1 where that says little. */
extern int64 calls_pager_total(const CallsPager *pager);

/*
 * Leaves it to the caller to compare what was read with what the provider
 * reported.  It then tells at the end how many calls were "delivered", and which
 * of them by others, or NULL: are they fewer than must have been?  That may take
 * requests, which are waited for; calls_lacks_known asks again as more are delivered, and takes none.
 * calls_report_lack raises what such a gap deserves.
 */
extern void calls_leave_check(CallsPager *pager);
extern bool calls_lacks_calls(CallsPager *pager, int64 delivered, CallsIdSet *others);
extern bool calls_lacks_known(CallsPager *pager, int64 delivered);
extern void calls_report_lack(const CallsPager *pager);

/* A proven gap: HV000, or what on_incomplete says. */
extern void calls_report_gap(const CallsPager *pager, const char *what);

/* Did it deliver this call?  How many does it remember for sure? */
extern bool calls_pager_has_seen(CallsPager *pager, CallsIdHash id);
extern int64 calls_pager_remembered(const CallsPager *pager);

/* Has it read just one page, which it gave to the scan? */
extern bool calls_read_one_page(const CallsPager *pager);

#endif							/* CALLS_PAGER_H */
