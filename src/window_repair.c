/*-------------------------------------------------------------------------
 *
 * window_repair.c
 *		Calls that share a moment with the end of a page.
 *
 * A cursor that is nothing but a moment cannot tell the calls of that moment
 * apart: those that were not on the page before are lost. Where the provider
 * reported more calls than came, they are asked for again by the moments at
 * which pages ended. Calls given so come last, which only an unordered scan
 * can take.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "bind_order.h"
#include "compat.h"
#include "window_private.h"

/*
 * How many moments in a row may bring nothing before the total is taken to be
 * wrong.
 */
#define MAX_FRUITLESS		64

/* Room for the ends of pages, at first. */
#define FIRST_ROOM			64

bool
calls_can_repair(CallsWindows *windows)
{
	const CallsDefinition *def = windows->fetcher->def;

	return def->paging.style == CALLS_PAGING_CURSOR && def->total != NULL &&
		windows->watched >= 0 && windows->binding->order == CALLS_ORDER_NONE &&
		calls_can_order(def, def->order.by_default) &&
		calls_bound_filter(def, CALLS_FILTER_LOWER) != NULL &&
		calls_bound_filter(def, CALLS_FILTER_UPPER) != NULL &&
		calls_pushdown_allowed(windows->fetcher->settings,
							   def->columns[def->order.column].name);
}

void
calls_note_page_end(CallsWindows *windows, const CallsBatch *batch)
{
	const CallsPage *page = batch->page;
	TimestampTz end;

	if (!windows->repairable || page->nrows == 0 ||
		!calls_read_time(windows->times,
						 &page->cells[(Size) (page->nrows - 1) * batch->npaths + windows->watched],
						 &end) ||
		(windows->nends > 0 && windows->ends[windows->nends - 1] == end))
		return;
	if (windows->nends == windows->room)
	{
		windows->room = Max(windows->room * 2, FIRST_ROOM);
		windows->ends = windows->ends == NULL
			? MemoryContextAlloc(windows->context, sizeof(TimestampTz) * windows->room)
			: repalloc_huge(windows->ends, sizeof(TimestampTz) * windows->room);
	}
	windows->ends[windows->nends++] = end;
}

/* Asks for the calls of the next moment; false where there is none left. */
static bool
ask_for_moment(CallsWindows *windows)
{
	CallsRange	range = {.has_lower = true, .has_upper = true};
	CallsBinding *binding;
	MemoryContext old;

	if (windows->next_end >= windows->nends || windows->fruitless >= MAX_FRUITLESS)
		return false;
	windows->fruitless++;
	range.lower = range.upper = windows->ends[windows->next_end++];
	windows->repair_context = AllocSetContextCreate(windows->context, "calls_fdw repair",
													ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(windows->repair_context);
	/* the query's own bounds are looser */
	binding = calls_bind_range(windows->fetcher->def, windows->binding, &range);
	if (binding != NULL)
	{
		windows->repair = calls_make_pager(windows->fetcher, binding, windows->npaths,
										   windows->paths, 0, CALLS_ALL_ROWS);
		calls_leave_check(windows->repair);
	}
	MemoryContextSwitchTo(old);
	return binding != NULL;
}

/* Marks what has not come before; is there any? */
static bool
mark_missed(CallsWindows *windows, CallsBatch *batch)
{
	bool		found = false;

	for (int row = 0; row < batch->page->nrows; row++)
	{
		batch->fresh[row] = batch->fresh[row] && batch->has_id[row] &&
			!calls_pager_has_seen(windows->first->pager, batch->ids[row]) &&
			calls_idset_add(windows->ids, batch->ids[row]);
		found |= batch->fresh[row];
	}
	return found;
}

CallsProgress
calls_next_repair_batch(CallsWindows *windows, CallsBatch **batch)
{
	for (;;)
	{
		CallsProgress progress;

		if (windows->repair_context == NULL && !ask_for_moment(windows))
			return CALLS_ENDED;
		progress = calls_next_batch(windows->repair, batch);
		if (progress == CALLS_PENDING)
			return progress;
		if (progress == CALLS_READY)
		{
			MemoryContextSetParent((*batch)->context, windows->context);
			if (mark_missed(windows, *batch))
			{
				windows->fruitless = 0;
				return CALLS_READY;
			}
			calls_free_batch(*batch);
			continue;
		}
		MemoryContextDelete(windows->repair_context);
		windows->repair_context = NULL;
	}
}
