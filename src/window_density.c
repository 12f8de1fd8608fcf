/*-------------------------------------------------------------------------
 *
 * window_density.c
 *		How many pages the windows of a list have left.
 *
 * Calls may lie a thousand times denser in one place than in another.  Each
 * page tells how dense they are where it begins and where it ends; what lies
 * between two windows is estimated from both sides, and a total, where the
 * provider tells one, says how far that is from the truth.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "window_private.h"

/* The fewest calls of which one half tells how dense they are. */
#define MIN_HALVED_ROWS		16

/* The shortest time in which a page is thought to lie: bounds tell no less apart. */
#define MIN_PAGE_TIME		((double) USECS_PER_SEC)

/*
 * What is expected of calls between two places, from 0, that they become denser
 * steadily, to 1, that all are as dense as at the denser one.
 */
#define USUALLY_DENSE		0.25

/*
 * Natural logarithm of how much denser calls are at one end than at the other
 * where it is worth finding out where that changes.
 */
#define MUCH_DENSER			1.0

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

bool
calls_note_bottom(CallsWindows *windows, const CallsBatch *batch)
{
	const Window *first = windows->first;
	int			last = batch->page->nrows - 1;
	TimestampTz before;

	if (!first->begun || !row_time(windows, first, batch, 0, &windows->bottom))
		return false;
	windows->bottom_time = first->tail_time;
	if (last > 0 && row_time(windows, first, batch, last, &before))
		windows->bottom_time = Max(fabs((double) windows->bottom - (double) before) / last *
								   windows->page_rows, MIN_PAGE_TIME);
	return true;
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

double
calls_rows_left(const CallsWindows *windows)
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

double
calls_estimate_pages(CallsWindows *windows)
{
	double		known = calls_rows_left(windows) / windows->page_rows;
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

double
calls_place_cut(CallsWindows *windows, Window *window, double pages, double *page_time)
{
	Gap			gap = measure_gap(windows, window);
	double		part = gap_part(windows, &gap, pages);

	*page_time = gap_page_time(windows, &gap, part);
	return gap.time * part;
}

bool
calls_density_changes(CallsWindows *windows, Window *window)
{
	return fabs(measure_gap(windows, window).growth) > MUCH_DENSER;
}
