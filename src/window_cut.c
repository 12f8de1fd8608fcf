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
#define MIN_WINDOW_PAGES	1.5
#define MAX_WINDOW_PAGES	25

/*
 * What is expected of calls between two places, from 0, that they become denser
 * steadily, to 1, that all are as dense as at the denser one.
 */
#define USUALLY_DENSE		0.25

/* Calls at the end of the list that tell how dense it is there. */
#define EDGE_ROWS			20

/* The fewest calls of which one half tells how dense they are. */
#define MIN_HALVED_ROWS		16

/* The shortest time in which a page is thought to lie: bounds tell no less apart. */
#define MIN_PAGE_TIME		((double) USECS_PER_SEC)

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

/* The time that a page takes up, if all are as dense as these calls of one. */
static double
page_time(const CallsPage *page, TimestampTz from, TimestampTz to, int calls)
{
	return Max(fabs((double) to - (double) from) / calls * page->nrows, MIN_PAGE_TIME);
}

/* The time of a call of a batch. */
static bool
row_time(const CallsWindows *windows, const Window *window, const CallsBatch *batch,
		 int row, TimestampTz *time)
{
	return calls_read_time(window->watch,
						   &batch->page->cells[(Size) row * batch->npaths + windows->watched],
						   time);
}

void
calls_note_density(CallsWindows *windows, Window *window, const CallsBatch *batch)
{
	int			last = batch->page->nrows - 1;
	int			part = last + 1 < MIN_HALVED_ROWS ? last : last / 2;
	TimestampTz times[4];

	windows->pages_read++;
	for (int row = 0; row <= last; row++)
		windows->rows_read += batch->fresh[row];
	if (last < 1 ||
		!row_time(windows, window, batch, 0, &times[0]) ||
		!row_time(windows, window, batch, part, &times[1]) ||
		!row_time(windows, window, batch, last - part, &times[2]) ||
		!row_time(windows, window, batch, last, &times[3]))
		return;
	if (!window->begun)
		window->head_time = page_time(batch->page, times[0], times[1], part);
	window->tail_time = page_time(batch->page, times[2], times[3], part);
	window->begun = true;
}

void
calls_note_overlap(CallsWindows *windows, Window *window, const CallsBatch *batch)
{
	const Window *next = calls_next_window(windows, window);
	int			beyond = 0;
	TimestampTz time;

	for (int row = batch->page->nrows - 1; row >= 0; row--)
	{
		if (!row_time(windows, window, batch, row, &time) ||
			!calls_comes_first(windows, next->start, time))
			break;
		beyond++;
	}
	windows->rows_read -= beyond;
	windows->wasted += (double) beyond / batch->page->nrows;
}

/* Rows that the first pager's provider says are left, or -1. */
static double
rows_left(const CallsWindows *windows)
{
	int64		total = calls_pager_total(windows->first->pager);

	return total < 0 ? -1 : Max(total - windows->rows_read, 0);
}

/*
 * What lies between the last call that a window has read and the start of the
 * next one.  How dense calls are is known at both ends.  They may be as dense
 * as at the denser end all the way; or the time that a page takes up grows or
 * shrinks steadily by a factor, as befits what may differ a thousandfold.  What
 * is expected lies between the two: "windows->dense" says where.
 */
typedef struct Gap
{
	double		time;			/* from one end to the other; 0: nothing is left */
	double		page_time;		/* that a page takes up at the near end ... */
	double		growth;			/* ... and the natural logarithm of what the far
								 * end's is, by that */
} Gap;

static Gap
measure_gap(CallsWindows *windows, Window *window)
{
	Window	   *next = calls_next_window(windows, window);
	TimestampTz end = next != NULL ? next->start : windows->bottom;
	Gap			gap = {.page_time = MIN_PAGE_TIME};

	if (window->ended || window->through || !calls_comes_first(windows, window->reached, end))
		return gap;
	gap.time = fabs((double) end - (double) window->reached);
	gap.page_time = window->tail_time;
	gap.growth = log((next != NULL ? next->head_time : windows->bottom_time) / gap.page_time);
	/* too little to divide by */
	if (fabs(gap.growth) < 0.01)
		gap.growth = 0;
	return gap;
}

/* Pages in the first part of it, if they grow or shrink steadily. */
static double
steady_pages(const Gap *gap, double part)
{
	return gap->time / gap->page_time *
		(gap->growth == 0 ? part : (1 - exp(-gap->growth * part)) / gap->growth);
}

/* The same, if they are as dense as at the denser end. */
static double
dense_pages(const Gap *gap, double part)
{
	return gap->time / (gap->page_time * exp(Min(gap->growth, 0))) * part;
}

/* The same, as is expected. */
static double
gap_pages(const CallsWindows *windows, const Gap *gap, double part)
{
	return (1 - windows->dense) * steady_pages(gap, part) +
		windows->dense * dense_pages(gap, part);
}

/* The time that a page is expected to take up after that part. */
static double
gap_page_time(const CallsWindows *windows, const Gap *gap, double part)
{
	return 1 / ((1 - windows->dense) / (gap->page_time * exp(gap->growth * part)) +
				windows->dense / (gap->page_time * exp(Min(gap->growth, 0))));
}

/* The part of a gap's time in which this part of its pages is expected. */
static double
gap_part(const CallsWindows *windows, const Gap *gap, double pages)
{
	double		wanted = pages * gap_pages(windows, gap, 1);
	double		low = 0;
	double		high = 1;

	for (int step = 0; step < 40; step++)
	{
		double		middle = (low + high) / 2;

		if (gap_pages(windows, gap, middle) < wanted)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* Where a total tells how many pages are left: how dense must they be? */
static double
fit_density(CallsWindows *windows, double known)
{
	double		steady = 0;
	double		dense = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &windows->windows)
	{
		Gap			gap = measure_gap(windows, dlist_container(Window, node, iter.cur));

		steady += steady_pages(&gap, 1);
		dense += dense_pages(&gap, 1);
	}
	return dense > steady ? Min(Max((known - steady) / (dense - steady), 0), 1) : 0;
}

/*
 * Estimates what each window has left to read, and returns the sum.  What a
 * total says to be left is found somewhere, even if no page that was read so
 * far has shown such density.
 */
static double
estimate_pages(CallsWindows *windows)
{
	double		known = rows_left(windows) / windows->page_rows;
	double		sum = 0;
	dlist_iter	iter;

	/* a total that was reached is not to be trusted */
	windows->dense = known > 0 ? fit_density(windows, known) : USUALLY_DENSE;
	dlist_foreach(iter, &windows->windows)
	{
		Window	   *window = dlist_container(Window, node, iter.cur);
		Gap			gap = measure_gap(windows, window);

		window->pages_left = gap_pages(windows, &gap, 1);
		if (known > 0)
			window->pages_left = Min(window->pages_left, known);
		sum += window->pages_left;
	}
	if (known <= 0 || sum <= 0)
		return sum;
	dlist_foreach(iter, &windows->windows)
		dlist_container(Window, node, iter.cur)->pages_left *= known / sum;
	return known;
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
	Gap			gap = measure_gap(windows, window);
	double		part = gap_part(windows, &gap, pages);
	double		time = gap.time * part;
	Window	   *cut = calls_make_window(windows);
	MemoryContext old = MemoryContextSwitchTo(cut->context);

	cut->start = cut->reached = window->reached +
		(TimestampTz) (windows->direction == CALLS_ORDER_DESC ? -time : time);
	/* as long as nothing else is known */
	cut->head_time = cut->tail_time = gap_page_time(windows, &gap, part);
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
	Gap			gap = measure_gap(windows, window);

	if (fabs(gap.growth) > 1 && rows_left(windows) < 0)
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
	double		sum = estimate_pages(windows);
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
	double		left = rows_left(windows);

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
	const Window *first = windows->first;
	int			last = batch->page->nrows - 1;
	TimestampTz before;

	if (!first->begun || !row_time(windows, first, batch, 0, &windows->bottom) ||
		!calls_comes_first(windows, first->reached, windows->bottom))
		return false;
	windows->bottom_time = first->tail_time;
	if (last > 0 && row_time(windows, first, batch, last, &before))
		windows->bottom_time = Max(fabs((double) windows->bottom - (double) before) / last *
								   windows->page_rows, MIN_PAGE_TIME);
	return estimate_pages(windows) >= MIN_PAGES_LEFT;
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

