/*-------------------------------------------------------------------------
 *
 * window_cut.c
 *		Where to cut a list that turns out long.
 *
 * How far the list reaches is asked of the provider: one request in the
 * opposite direction.  No clock is involved.  Windows are cut as connections
 * come free, always where most is left to read, so that dense stretches are
 * cut again; but no more of them than is worth the half page that each costs.
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
#define MIN_WINDOW_PAGES	3
#define MAX_WINDOW_PAGES	25

/* The smallest part of what is left, per connection, that makes a window. */
#define MAX_CUTS_AT_ONCE	4

/* What windows may cost: requests per page of the list, and per connection. */
#define EXTRA_PER_PAGE		0.05
#define EXTRA_PER_CONNECTION 1
/* A window reads, on the average, half a page that its neighbour has too. */
#define EXTRA_PER_WINDOW	0.75

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

/* Pages that a window has left to read, as far as can be told. */
static double
pages_left(CallsWindows *windows, Window *window)
{
	Window	   *next = calls_next_window(windows, window);
	TimestampTz end = next != NULL ? next->start : windows->bottom;

	if (window->ended || window->through || !calls_comes_first(windows, window->reached, end))
		return 0;
	return fabs((double) end - (double) window->reached) / windows->page_time;
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

/* Cuts a window in two: a new one starts at this moment. */
static bool
cut_window(CallsWindows *windows, Window *window, TimestampTz start)
{
	Window	   *cut = calls_make_window(windows);
	MemoryContext old = MemoryContextSwitchTo(cut->context);

	cut->start = cut->reached = start;
	cut->binding = bind_start(windows, start);
	if (cut->binding != NULL)
		cut->pager = calls_make_pager(windows->fetcher, cut->binding, windows->npaths,
									  windows->paths, 0, 0);
	MemoryContextSwitchTo(old);
	if (cut->pager != NULL)
	{
		calls_leave_check(cut->pager);
		calls_remember_little(cut->pager);
	}
	windows->cut++;
	if (cut->binding == NULL)
	{
		MemoryContextDelete(cut->context);
		windows->cut = PG_INT32_MAX;
		return false;
	}
	calls_start_watch(windows, cut);
	dlist_insert_after(&window->node, &cut->node);
	calls_start_pager(cut->pager);
	return true;
}

/*
 * May one more window be made?  What they cost together is limited by what was
 * read, not by what is thought to be left: that may be far from true.
 */
static bool
may_cut(const CallsWindows *windows)
{
	double		extra = EXTRA_PER_PAGE * windows->pages_read +
		EXTRA_PER_CONNECTION * windows->fetcher->settings->max_connections;

	return (windows->cut + 1.0) * EXTRA_PER_WINDOW <= extra;
}

/*
 * The time that a new window is to take up in one where so many pages are left.
 * Where no total tells how many they are, the first calls may be denser by far
 * than the rest: then windows are spread over what is left all the same.
 */
static double
window_time(const CallsWindows *windows, double pages)
{
	double		time = (pages >= 2 * windows->window_pages ? windows->window_pages : pages / 2) *
		windows->page_time;

	if (!windows->measured)
		time = Max(time, pages * windows->page_time /
				   (MAX_CUTS_AT_ONCE * windows->fetcher->settings->max_connections));
	return windows->direction == CALLS_ORDER_DESC ? -time : time;
}

/* Cuts windows where most is left to read, while connections are free. */
void
calls_cut_more_windows(CallsWindows *windows)
{
	if (!windows->measured && windows->time_read > 0)
		windows->page_time = windows->time_read / windows->pages_read;
	while (may_cut(windows) &&
		   calls_spare_fetches(windows->fetcher, CALLS_AHEAD_BUDGET) > 0)
	{
		Window	   *widest = NULL;
		double		most = 0;
		double		pages;
		dlist_iter	iter;

		dlist_foreach(iter, &windows->windows)
		{
			Window	   *window = dlist_container(Window, node, iter.cur);

			pages = pages_left(windows, window);
			if (pages > most)
			{
				most = pages;
				widest = window;
			}
		}
		if (most < 2 * MIN_WINDOW_PAGES)
			return;
		if (!cut_window(windows, widest,
						widest->reached + (TimestampTz) window_time(windows, most)))
			return;
	}
}

/* Asks for the other end of the list. */
static void
start_edge(CallsWindows *windows)
{
	MemoryContext old = MemoryContextSwitchTo(windows->context);

	windows->edge = calls_make_pager(windows->fetcher,
									 calls_turn_binding(windows->fetcher->def, windows->binding),
									 windows->npaths, windows->paths, 1, 0);
	MemoryContextSwitchTo(old);
	calls_start_pager(windows->edge);
	windows->state = CUT_EDGE;
}

/* Rows that the first pager's provider says are left, or -1. */
static int64
rows_left(const CallsWindows *windows)
{
	int64		total = calls_pager_total(windows->first->pager);

	return total < 0 ? -1 : Max(total - windows->rows, 0);
}

/* Is it time to find out how long the list is? */
static bool
may_be_long(const CallsWindows *windows)
{
	int64		left = rows_left(windows);

	if (left >= 0)
		return windows->pages >= PAGES_WITH_TOTAL &&
			left >= (int64) MIN_PAGES_LEFT * windows->page_rows;
	return windows->pages >= PAGES_BEFORE_EDGE;
}

void
calls_ask_for_edge(CallsWindows *windows)
{
	if (may_be_long(windows))
		start_edge(windows);
}

/* How much is left, and what becomes of it?  False if it is too little. */
static bool
measure_list(CallsWindows *windows)
{
	double		left = (double) rows_left(windows);
	double		time = fabs((double) windows->first->reached - (double) windows->bottom);
	double		seen = fabs((double) windows->first->reached - (double) windows->top);
	int			connections = windows->fetcher->settings->max_connections;
	double		pages;

	if (!calls_comes_first(windows, windows->first->reached, windows->bottom) || seen <= 0)
		return false;
	windows->measured = left >= 0;
	if (left < 0)
		left = windows->rows / seen * time;
	pages = left / windows->page_rows;
	if (pages < MIN_PAGES_LEFT)
		return false;
	windows->page_time = time / pages;
	windows->window_pages = (int) Min(Max(ceil(pages / connections), MIN_WINDOW_PAGES),
									  MAX_WINDOW_PAGES);
	return true;
}

/* The first windows are cut when the other end of the list is known. */
static void
begin_cutting(CallsWindows *windows, const CallsBatch *batch)
{
	Window	   *first = windows->first;
	MemoryContext old;

	windows->state = CUT_NEVER;
	if (batch == NULL || first->ended ||
		!calls_read_time(first->watch, &batch->page->cells[windows->watched],
						 &windows->bottom) ||
		!measure_list(windows))
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

