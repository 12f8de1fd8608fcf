/*-------------------------------------------------------------------------
 *
 * window_end.c
 *		A window comes to the end of the list: do later ones know better?
 *
 * Where no total tells whether calls are missing, the later windows do: calls
 * that they have read lie further on.  Either the list did not end there, or
 * those calls were deleted before this window came to where they were; the
 * provider is asked for them once more to tell one from the other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "window_private.h"

/* Was this call read by the window, whose turn has not come yet? */
static bool
has_waiting(const Window *window, CallsIdHash id)
{
	dlist_iter	iter;

	dlist_foreach(iter, unconstify(dlist_head *, &window->batches))
	{
		const CallsBatch *batch = dlist_container(Waiting, node, iter.cur)->batch;

		for (int row = 0; row < batch->page->nrows; row++)
			if (batch->has_id[row] && calls_id_equal(batch->ids[row], id))
				return true;
	}
	return false;
}

/*
 * Does a page have one of the calls that wait in the window, further on, as far
 * as its calls still keep an order?
 */
static bool
shows_waiting(const CallsWindows *windows, const Window *window, const CallsBatch *batch,
			  TimestampTz reached)
{
	for (int row = 0; row < batch->page->nrows; row++)
	{
		const CallsCell *cell = &batch->page->cells[(Size) row * batch->npaths + windows->watched];
		TimestampTz time;

		if (batch->has_id[row] && has_waiting(window, batch->ids[row]) &&
			(window->watch == NULL ||
			 (calls_read_time(window->watch, cell, &time) &&
			  calls_comes_first(windows, reached, time))))
			return true;
	}
	return false;
}

/*
 * Asks once more for the start of a window: are calls still there that it has
 * read, and that lie further on than "reached"?  Waits for the reply.
 */
static bool
is_still_there(CallsWindows *windows, const Window *window, TimestampTz reached)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw end",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CallsPager *again = calls_make_pager(windows->fetcher, window->binding, windows->npaths,
										 windows->paths, 0, 0);
	CallsBatch *batch;
	bool		there;

	calls_leave_check(again);
	there = calls_await_batch(again, &batch) == CALLS_READY &&
		shows_waiting(windows, window, batch, reached);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return there;
}

bool
calls_settle_end(CallsWindows *windows, Window *window)
{
	Window	   *next;

	while (calls_pager_total(windows->first->pager) < 0 &&
		   (next = calls_next_window(windows, window)) != NULL)
	{
		if (dlist_is_empty(&next->batches) && !next->ended)
			return false;
		if (!dlist_is_empty(&next->batches) &&
			calls_comes_first(windows, window->reached, next->reached) &&
			is_still_there(windows, next, window->reached))
		{
			calls_report_gap(window->pager, "the list ended before calls that are further on");
			break;
		}
		calls_drop_window(windows, next);
	}
	calls_drop_later_windows(windows, window);
	return true;
}
