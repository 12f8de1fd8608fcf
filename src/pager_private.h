/*-------------------------------------------------------------------------
 *
 * pager_private.h
 *		A pager, as pager.c, pager_guard.c, pager_end.c and ahead.c see it; for
 *		nobody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_PAGER_PRIVATE_H
#define CALLS_PAGER_PRIVATE_H

#include "postgres.h"

#include "lib/ilist.h"

#include "idset.h"
#include "pager.h"

/* Bytes of a page beside which there is hardly room for another. */
#define CALLS_LARGE_PAGE	(4 * 1024 * 1024)

struct CallsPager
{
	const CallsDefinition *def;
	const CallsSettings *settings;
	const CallsBinding *binding;
	CallsFetcher *fetcher;
	CallsPageReader *reader;
	int			npaths;			/* cells per row; the last is the call's key */
	MemoryContext context;		/* of the pager */
	int64		batches;		/* given to the scan */
	int64		fetched;		/* pages read */

	/* what was asked for: see ahead.c */
	dlist_head	queue;			/* at the next position and those after it */
	int			nqueued;
	int64		horizon;		/* rows wanted for sure, from the first on */
	bool		may_overlap;	/* page style: several pages may be under way at
								 * once */
	bool		overlapped;		/* they were */

	/* the next request */
	CallsPosition position;		/* text is owned by context */
	char	   *url;			/* next_url style: the link to follow */
	int			full_size;		/* page size beyond the limit */
	int			overlap;		/* rows that the next page shares with what was
								 * read, if nothing moves: its seam */
	int			step_back;		/* pages stepped back for a seam, or 0 */
	int64		seam_offset;	/* offset whose seam is looked for */
	bool		again;			/* the log is read once more, for what was missed */
	bool		finished;
	bool		stopped;		/* before the end: the rest is not needed */
	bool		checked;		/* completeness, once finished */

	/* what was read */
	int64		pages;			/* under the current page size, page style */
	int64		rows_read;		/* rows before the position */
	int64		told_at;		/* rows before the position when the totals were
								 * told last */
	int64		high_mark;		/* the most rows_read ever was */
	int			last_nrows;		/* rows of the last page accepted */
	int			last_size;		/* rows that it was asked for with */
	int64		delivered;		/* calls given, each once */
	int			stale;			/* pages in a row that brought nothing new */
	int			empty;			/* pages in a row that had no row */
	bool		seen_full_page; /* the API gives as many rows as asked for */
	CallsIdSet *ids;			/* of calls delivered */
	CallsIdSet *positions;		/* cursors and links followed */
	CallsSeam	seam;			/* the last ids read */
	CallsSeam	front;			/* the first ids of all */
	CallsIdSet *other_ids;		/* of calls that others delivered; or NULL */

	/* what the provider says */
	int64		total;			/* last reported, or -1 */
	int64		total_pages;	/* likewise */
	int64		first_total;	/* the first reported, or -1 */
	bool		total_moved;	/* it changed during the scan */
};

/* Are positions a matter of counting? */
static inline bool
calls_counts_positions(const CallsPager *pager)
{
	return pager->def->paging.style == CALLS_PAGING_PAGE ||
		pager->def->paging.style == CALLS_PAGING_OFFSET;
}

/*
 * Is the page at the position there?  Asks for it, and for those after it that
 * are wanted too.
 */
extern bool calls_page_is_there(CallsPager *pager);

/* The page that is there. */
extern CallsBatch *calls_take_page(CallsPager *pager);

/* Waits for the page at the position, once it has been asked for. */
extern void calls_await_page(CallsPager *pager);

/* Asks for as many pages as are wanted for sure, once one has been read. */
extern void calls_look_ahead(CallsPager *pager);

/* Drops what was asked for. */
extern void calls_drop_requests(CallsPager *pager);

/*
 * A page from elsewhere in the log, waited for; the pager's own positions stay.
 * What was asked for ahead is dropped.
 */
extern CallsBatch *calls_read_aside(CallsPager *pager, const CallsBinding *binding,
									const CallsPosition *position);

/* How many rows the API was asked for. */
extern int	calls_asked_size(const CallsPager *pager);

/* The key cell of a row. */
extern const CallsCell *calls_row_key(const CallsPager *pager, const CallsPage *page,
									  int row);

/* The id of a row; false if it has none. */
extern bool calls_row_id(const CallsPager *pager, const CallsPage *page, int row,
						 CallsIdHash *id);

/* Page style: goes to the page of "size" rows that holds row number "row". */
extern void calls_seek_page(CallsPager *pager, int64 row, int64 size);

/*
 * Does the page have to be dropped, and an earlier one read first?  Then the
 * position says which.
 */
extern bool calls_must_go_back(CallsPager *pager, const CallsPage *page);

/* Marks the rows of a batch that were not delivered before. */
extern void calls_mark_fresh_rows(CallsPager *pager, CallsBatch *batch);

/*
 * At the end: were fewer calls delivered than must have been?  Counts a list
 * of which that cannot be said.
 */
extern bool calls_is_incomplete(CallsPager *pager);

/*
 * At the end: is everything there that the provider reported?  Else raises what
 * calls_report_gap does; or the log has to be read once more, from its start:
 * false.
 */
extern bool calls_check_completeness(CallsPager *pager);

/* Looks at a page that has calls, but none that is new. */
extern void calls_check_repeats(CallsPager *pager, const CallsPage *page);

/* A provider that does not get on: HV000 whatever the options say. */
extern void calls_report_no_progress(const CallsPager *pager, const char *what);

#endif							/* CALLS_PAGER_PRIVATE_H */
