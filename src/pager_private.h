/*-------------------------------------------------------------------------
 *
 * pager_private.h
 *		A pager, as pager.c and pager_guard.c see it; for nobody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_PAGER_PRIVATE_H
#define CALLS_PAGER_PRIVATE_H

#include "postgres.h"

#include "idset.h"
#include "pager.h"

/* How many of the last ids may serve as the seam between offset pages. */
#define SEAM_IDS			16

/* Members of a reply outside its rows, in the order given to the reader. */
enum PageMember
{
	MEMBER_TOTAL,
	MEMBER_NEXT,
	MEMBER_MORE,
	MEMBER_TOTAL_PAGES,
	NMEMBERS
};

struct CallsPager
{
	const CallsDefinition *def;
	const CallsSettings *settings;
	const CallsBinding *binding;
	CallsFetcher fetcher;
	CallsPageReader *reader;
	MemoryContext context;		/* of the pager */
	MemoryContext page_context; /* of the current reply and page */
	CallsBatch	batch;
	int64		batches;		/* given to the scan */
	int64		fetched;		/* pages fetched */

	/* the next request */
	CallsPosition position;		/* text is owned by context */
	char	   *url;			/* next_url style: the link to follow */
	int64		limit;			/* rows expected to be read, or 0 */
	int			full_size;		/* page size beyond the limit */
	int			overlap;		/* rows that the next page shares with what was
								 * read, if nothing moves: its seam */
	int			step_back;		/* pages stepped back for a seam, or 0 */
	int64		seam_offset;	/* offset whose seam is looked for */
	bool		finished;
	bool		checked;		/* completeness, once finished */

	/* what was read */
	int64		pages;			/* under the current page size, page style */
	int64		rows_read;		/* rows before the position */
	int64		high_mark;		/* the most rows_read ever was */
	int			last_nrows;		/* rows of the last page accepted */
	int64		delivered;		/* calls given, each once */
	int			stale;			/* pages in a row that brought nothing new */
	int			empty;			/* pages in a row that had no row */
	bool		seen_full_page; /* the API gives as many rows as asked for */
	CallsIdSet *ids;			/* of calls delivered */
	CallsIdSet *positions;		/* cursors and links followed */
	CallsIdHash seam[SEAM_IDS]; /* ring of the last ids read */
	int			nseam;			/* ids ever put into it */
	CallsIdHash first_id;		/* of the first call of all */
	bool		has_first_id;

	/* what the provider says */
	int64		total;			/* last reported, or -1 */
	int64		total_pages;	/* likewise */
	bool		total_moved;	/* it changed during the scan */
};

/* How many rows the API was asked for. */
extern int	calls_asked_size(const CallsPager *pager);

/* The key cell of a row. */
extern const CallsCell *calls_row_key(const CallsPager *pager, const CallsPage *page,
									  int row);

/* The id of a row; false if it has none. */
extern bool calls_row_id(const CallsPager *pager, const CallsPage *page, int row,
						 CallsIdHash *id);

/*
 * Takes note of the totals; by how many rows has the log shrunk, as far as
 * they tell?
 */
extern int64 calls_note_totals(CallsPager *pager, const CallsPage *page);

/* Page style: goes to the page of "size" rows that holds row number "row". */
extern void calls_seek_page(CallsPager *pager, int64 row, int64 size);

/*
 * Does the page have to be dropped, and an earlier one read first?  Then the
 * position says which.
 */
extern bool calls_must_go_back(CallsPager *pager, const CallsPage *page);

/* Makes a batch of the page, the rows marked that were not delivered before. */
extern void calls_mark_fresh_rows(CallsPager *pager, const CallsPage *page);

/* Counts a page that brought nothing new; too many in a row are an error. */
extern void calls_note_stale_page(CallsPager *pager);

/* A proven gap: HV000, or what on_incomplete says. */
extern void calls_report_gap(const CallsPager *pager, const char *what);

/* A provider that does not get on: HV000 whatever the options say. */
extern void calls_report_no_progress(const CallsPager *pager, const char *what);

#endif							/* CALLS_PAGER_PRIVATE_H */
