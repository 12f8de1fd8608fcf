/*-------------------------------------------------------------------------
 *
 * window_private.h
 *		Windows, as window*.c see them; for nobody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_WINDOW_PRIVATE_H
#define CALLS_WINDOW_PRIVATE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/ilist.h"

#include "bound.h"
#include "idset.h"
#include "order.h"
#include "window.h"

/* A batch that waits for its turn. */
typedef struct Waiting
{
	dlist_node	node;
	CallsBatch *batch;
} Waiting;

typedef struct Window
{
	dlist_node	node;			/* in the order of the list */
	MemoryContext context;		/* owns the window */
	CallsBinding *binding;
	CallsPager *pager;
	CallsOrderWatch *watch;		/* over its calls, as they are read */
	TimestampTz start;			/* calls before it belong to the window before */
	TimestampTz reached;		/* of the last call read */
	bool		begun;			/* a page of it was read */
	bool		fresh;			/* it was cut a moment ago */
	double		head_time;		/* that a page takes up at its start ... */
	double		tail_time;		/* ... and after the last call read, as far as
								 * can be told */
	double		pages_left;		/* to read before the next window, as of now */
	bool		through;		/* it has passed the start of the next */
	bool		ended;			/* it has reached the end of the list */
	bool		astray;			/* a page of it lies before its start */
	dlist_head	batches;		/* of Waiting */
} Window;

/* Whether and how to cut. */
typedef enum CutState
{
	CUT_NEVER = 0,				/* cannot, need not, or should not any more */
	CUT_MAYBE,					/* if it turns out long */
	CUT_EDGE,					/* asked how far the list reaches */
	CUT_DONE					/* there are windows */
} CutState;

struct CallsWindows
{
	CallsFetcher *fetcher;
	MemoryContext context;
	const CallsBinding *binding;
	int			npaths;
	const char *const *paths;
	int			watched;
	CallsOrderDirection direction;

	CutState	state;
	dlist_head	windows;		/* of Window; the first is the one consumed */
	Window	   *first;			/* the very first: never freed */
	CallsPager *edge;			/* while CUT_EDGE */

	/* how long the list is */
	TimestampTz bottom;			/* its last call */
	double		bottom_time;	/* that a page takes up there */
	int			page_rows;		/* of a page */
	double		dense;			/* how dense the rest is thought to be: see
								 * window_density.c */
	double		pages_read;		/* by all windows ... */
	double		rows_read;		/* ... and the calls on them, each once */
	double		wasted;			/* pages that windows read beyond the start of
								 * the next one */
	bool		uncuttable;		/* a window's start could not be sent */

	/* what was given to the caller */
	int64		pages;
	int64		rows;
	CallsIdSet *ids;			/* once there are windows */
	CallsSeam	seam;			/* the last ids given */
	bool		at_seam;		/* a window's calls have not been connected with
								 * those of the one before yet */
	Window	   *before;			/* that one, while at_seam */
	bool		overlapping;	/* calls that are given may lie before ... */
	TimestampTz overlap_end;	/* the last one of the window before */
	bool		stopped;		/* the rest is not needed */
	bool		finished;		/* the end was looked at */

	/* where pages ended, and what is done about it: see window_repair.c */
	bool		repairable;
	bool		repairing;
	CallsOrderWatch *times;		/* reads times, watches nothing */
	TimestampTz *ends;			/* moments, without repeats in a row */
	int			nends;
	int			room;			/* in ends */
	int			next_end;		/* to ask for */
	int			fruitless;		/* moments in a row that brought nothing */
	MemoryContext repair_context;	/* of the pager that asks; NULL: none does */
	CallsPager *repair;
};

/* Does the list reach "a" before it reaches "b"? */
static inline bool
calls_comes_first(const CallsWindows *windows, TimestampTz a, TimestampTz b)
{
	return windows->direction == CALLS_ORDER_DESC ? a > b : a < b;
}

/* The window after this one, or NULL. */
static inline Window *
calls_next_window(CallsWindows *windows, Window *window)
{
	return dlist_has_next(&windows->windows, &window->node)
		? dlist_container(Window, node, dlist_next_node(&windows->windows, &window->node))
		: NULL;
}

/* Makes a window in a context of its own; its pager has yet to come. */
extern Window *calls_make_window(CallsWindows *windows);

/* Takes a window off the list and frees it, or all windows after this one. */
extern void calls_drop_window(CallsWindows *windows, Window *window);
extern void calls_drop_later_windows(CallsWindows *windows, Window *window);

/*
 * A window came to the end of the list: drops those after it, once it is known
 * whether they have calls that lie further on and are still there, which is a
 * gap.  False while it is not known.  May send a request and wait for it; raises
 * what calls_report_gap does.
 */
extern bool calls_settle_end(CallsWindows *windows, Window *window);

/* Could calls that share a moment with the end of a page be asked for again? */
extern bool calls_can_repair(CallsWindows *windows);

/* Remembers where a page ended. */
extern void calls_note_page_end(CallsWindows *windows, const CallsBatch *batch);

/*
 * At the end, if fewer calls came than must have: the next batch of those that
 * share a moment with the end of a page, with the ones marked fresh that did
 * not come before.
 */
extern CallsProgress calls_next_repair_batch(CallsWindows *windows, CallsBatch **batch);

/* Notes how dense the calls of a page are that a window has read. */
extern void calls_note_density(CallsWindows *windows, Window *window, const CallsBatch *batch);

/* Notes what a window that is through has read of the next one's calls. */
extern void calls_note_overlap(CallsWindows *windows, Window *window, const CallsBatch *batch);

/* Notes the end of the list, as the first page from there tells; false if it does not. */
extern bool calls_note_bottom(CallsWindows *windows, const CallsBatch *batch);

/* Rows that are left as the provider says, or -1. */
extern double calls_rows_left(const CallsWindows *windows);

/*
 * Estimates what each window has left to read, and returns the sum.  What a
 * total says to be left is found somewhere, even if no page that was read so
 * far has shown such density.
 */
extern double calls_estimate_pages(CallsWindows *windows);

/*
 * The time from the last call that a window has read to where this part of
 * the pages is read that it has left, and the time that a page takes up there.
 */
extern double calls_place_cut(CallsWindows *windows, Window *window, double pages,
							  double *page_time);

/* Are calls far denser at one end of what a window has left than at the other? */
extern bool calls_density_changes(CallsWindows *windows, Window *window);

/* Gives a window its watch over the order. */
extern void calls_start_watch(CallsWindows *windows, Window *window);

/*
 * Sets the direction; can the list be cut at all, if so many rows are
 * wanted for sure?
 */
extern bool calls_can_cut(CallsWindows *windows, int64 horizon);

/* If the list may be long, asks for its other end. */
extern void calls_ask_for_edge(CallsWindows *windows);

/* Has the other end been told?  Then the first windows are cut. */
extern void calls_look_for_edge(CallsWindows *windows);

/* Cuts windows where most is left to read, while connections are free. */
extern void calls_cut_more_windows(CallsWindows *windows);

#endif							/* CALLS_WINDOW_PRIVATE_H */
