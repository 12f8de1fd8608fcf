/*-------------------------------------------------------------------------
 *
 * window_cut.c
 *		Where to cut a list that turns out long.
 *
 * How far the list reaches is asked of the provider: one request in the
 * opposite direction.  No clock is involved.  Windows are cut as connections
 * come free, always where most is left to read, so that dense stretches are
 * cut again; but no more of them than the requests that they cost allow.  How
 * much is left where is window_density.c's to say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bind_order.h"
#include "compat.h"
#include "window_private.h"

/* Pages after which a list may be long, as far as nothing else is known. */
#define PAGES_BEFORE_EDGE	4

/* ... and where the provider told a total. */
#define PAGES_WITH_TOTAL	2

/* Pages that must be left to make windows worth while. */
#define MIN_PAGES_LEFT		8

/* The fewest pages for which a window is cut, and the most that one is given. */
#define MIN_WINDOW_PAGES	1.5
#define MAX_WINDOW_PAGES	25

/* Calls at the end of the list that tell how dense it is there. */
#define EDGE_ROWS			20

/* What windows may cost: requests per page of the list, and per connection. */
#define EXTRA_PER_PAGE		0.05
#define EXTRA_PER_CONNECTION 1.75

/* Could the list be cut at all? */
bool
calls_can_cut(CallsWindows *windows, int64 horizon)
{
	const CallsDefinition *def = windows->fetcher->def;
	const CallsSettings *settings = windows->fetcher->settings;

	windows->direction = calls_list_order(def, windows->binding);
	return windows->watched >= 0 && horizon == CALLS_ALL_ROWS &&
		settings->max_connections > 1 &&
		/* where requests are counted, there are none for edge and seams */
		settings->max_requests == 0 &&
		def->paging.style != CALLS_PAGING_PAGE &&
		def->paging.style != CALLS_PAGING_OFFSET &&
		windows->direction != CALLS_ORDER_NONE &&
		calls_bound_filter(def, calls_start_bound(windows->direction)) != NULL &&
		calls_can_order(def, CALLS_ORDER_ASC) && calls_can_order(def, CALLS_ORDER_DESC) &&
		calls_pushdown_allowed(settings, def->columns[def->order.column].name);
}

/* Makes a window in a context of its own; its pager has yet to come. */
Window *
calls_make_window(CallsWindows *windows)
{
	MemoryContext context = AllocSetContextCreate(windows->context, "calls_fdw window",
												  ALLOCSET_DEFAULT_SIZES);
	Window	   *window = MemoryContextAllocZero(context, sizeof(Window));

	window->context = context;
	return window;
}

/* The binding of a window: the query's, from a moment on; NULL if it cannot be sent. */
static CallsBinding *
bind_start(CallsWindows *windows, TimestampTz start)
{
	CallsRange	range = {0};

	if (calls_start_bound(windows->direction) == CALLS_FILTER_UPPER)
	{
		range.has_upper = true;
		range.upper = start;
	}
	else
	{
		range.has_lower = true;
		range.lower = start;
	}
	/* the query's own bounds are looser */
	return calls_bind_range(windows->fetcher->def, windows->binding, &range);
}

/* Has a window calls to watch for?  Then it watches. */
void
calls_start_watch(CallsWindows *windows, Window *window)
{
	CallsRange	none = {0};
	MemoryContext old = MemoryContextSwitchTo(window->context);

	window->watch = calls_make_order_watch(windows->fetcher->def, windows->fetcher->settings,
										   windows->direction, &none);
	MemoryContextSwitchTo(old);
}

/* Cuts a window in two: a new one begins after this part of its pages. */
static bool
cut_window(CallsWindows *windows, Window *window, double pages)
{
	double		page_time;
	double		time = calls_place_cut(windows, window, pages, &page_time);
	Window	   *cut = calls_make_window(windows);
	MemoryContext old = MemoryContextSwitchTo(cut->context);

	cut->start = cut->reached = window->reached +
		(TimestampTz) (windows->direction == CALLS_ORDER_DESC ? -time : time);
	/* as long as nothing else is known */
	cut->head_time = cut->tail_time = page_time;
	cut->fresh = true;
	cut->binding = bind_start(windows, cut->start);
	if (cut->binding != NULL)
		cut->pager = calls_make_pager(windows->fetcher, cut->binding, windows->npaths,
									  windows->paths, 0, 0);
	MemoryContextSwitchTo(old);
	if (cut->pager != NULL)
	{
		calls_leave_check(cut->pager);
		calls_remember_little(cut->pager);
	}
	if (cut->binding == NULL)
	{
		MemoryContextDelete(cut->context);
		windows->uncuttable = true;
		return false;
	}
	calls_start_watch(windows, cut);
	dlist_insert_after(&window->node, &cut->node);
	calls_start_pager(cut->pager);
	return true;
}

/*
 * May one more window be made?  What they cost together is limited by what was
 * read, not by what is thought to be left: that may be far from true.  A
 * window that has yet to reach the next one may read a page too much.
 */
static bool
may_cut(CallsWindows *windows)
{
	double		cost = windows->wasted + 1;
	dlist_iter	iter;

	dlist_foreach(iter, &windows->windows)
	{
		Window	   *window = dlist_container(Window, node, iter.cur);

		cost += !window->through && dlist_has_next(&windows->windows, iter.cur);
	}
	return !windows->uncuttable &&
		cost <= EXTRA_PER_PAGE * windows->pages_read +
		EXTRA_PER_CONNECTION * windows->fetcher->settings->max_connections;
}

/*
 * The part of what a window has left after which a new one begins, if so many
 * pages are left in all.  Windows are short, so that what was read does not
 * wait long for its turn.  But where calls are far denser at one end than at the
 * other and no total tells how many there are, where that changes is searched
 * for by halves.
 */
static double
part_to_keep(CallsWindows *windows, Window *window, double sum)
{
	int			connections = windows->fetcher->settings->max_connections;
	double		keep = Min(Max(ceil(sum / connections), MIN_WINDOW_PAGES), MAX_WINDOW_PAGES);

	if (calls_rows_left(windows) < 0 && calls_density_changes(windows, window))
		return 0.5;
	return Min(keep / window->pages_left, 0.5);
}

/*
 * Is it known how dense calls are at both ends of what a window has left?  One
 * that was just cut from such a window may be cut again; later it is waited
 * for, since what it reads first tells better where to cut.
 */
static bool
is_known(CallsWindows *windows, Window *window)
{
	Window	   *next = calls_next_window(windows, window);

	return (window->begun || window->fresh) && (next == NULL || next->begun || next->fresh);
}

/* Cuts one window where most is left to read; false if none is worth it. */
static bool
cut_widest(CallsWindows *windows)
{
	double		sum = calls_estimate_pages(windows);
	double		most = 2 * MIN_WINDOW_PAGES;
	Window	   *widest = NULL;
	dlist_iter	iter;

	dlist_foreach(iter, &windows->windows)
	{
		Window	   *window = dlist_container(Window, node, iter.cur);

		if (window->pages_left >= most && is_known(windows, window))
		{
			most = window->pages_left;
			widest = window;
		}
	}
	return widest != NULL && cut_window(windows, widest, part_to_keep(windows, widest, sum));
}

/* Cuts windows while connections are free. */
void
calls_cut_more_windows(CallsWindows *windows)
{
	dlist_iter	iter;

	while (may_cut(windows) &&
		   calls_spare_fetches(windows->fetcher, CALLS_AHEAD_BUDGET) > 0 &&
		   cut_widest(windows))
		;
	dlist_foreach(iter, &windows->windows)
		dlist_container(Window, node, iter.cur)->fresh = false;
}

/* Asks for the other end of the list. */
static void
start_edge(CallsWindows *windows)
{
	MemoryContext old = MemoryContextSwitchTo(windows->context);

	windows->edge = calls_make_pager(windows->fetcher,
									 calls_turn_binding(windows->fetcher->def, windows->binding),
									 windows->npaths, windows->paths, EDGE_ROWS, 0);
	MemoryContextSwitchTo(old);
	calls_start_pager(windows->edge);
	windows->state = CUT_EDGE;
}

/* Is it time to find out how long the list is? */
static bool
may_be_long(const CallsWindows *windows)
{
	double		left = calls_rows_left(windows);

	if (left >= 0)
		return windows->pages >= PAGES_WITH_TOTAL &&
			left >= (double) MIN_PAGES_LEFT * windows->page_rows;
	return windows->pages >= PAGES_BEFORE_EDGE;
}

void
calls_ask_for_edge(CallsWindows *windows)
{
	if (may_be_long(windows))
		start_edge(windows);
}

/* The end of the list was told: is there enough before it? */
static bool
measure_list(CallsWindows *windows, const CallsBatch *batch)
{
	return calls_note_bottom(windows, batch) &&
		calls_comes_first(windows, windows->first->reached, windows->bottom) &&
		calls_estimate_pages(windows) >= MIN_PAGES_LEFT;
}

/* The first windows are cut when the other end of the list is known. */
static void
begin_cutting(CallsWindows *windows, const CallsBatch *batch)
{
	Window	   *first = windows->first;
	MemoryContext old;

	windows->state = CUT_NEVER;
	if (batch == NULL || first->ended || !measure_list(windows, batch))
		return;
	/* from now on its pages are asked for, and counted, here */
	calls_leave_check(first->pager);
	calls_set_horizon(first->pager, 0);
	old = MemoryContextSwitchTo(windows->context);
	windows->ids = calls_make_idset(work_mem);
	MemoryContextSwitchTo(old);
	windows->state = CUT_DONE;
	calls_cut_more_windows(windows);
}

/* Has the other end of the list been told? */
void
calls_look_for_edge(CallsWindows *windows)
{
	CallsBatch *batch = NULL;
	CallsProgress progress = calls_next_batch(windows->edge, &batch);

	if (progress == CALLS_PENDING)
		return;
	begin_cutting(windows, batch);
	if (batch != NULL)
		calls_free_batch(batch);
	calls_stop_pager(windows->edge);
}

