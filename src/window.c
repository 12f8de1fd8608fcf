/*-------------------------------------------------------------------------
 *
 * window.c
 *		The pages of one list request in their order, read at several places
 *		at once where that is faster.
 *
 * A cursor, or the key of the last row, tells the next position only, so such
 * a list is read one page after the other.  But where calls come in the order
 * of a time that can be filtered too, reading can begin at any moment: a list
 * that turns out long is cut into windows, each of which is a pager of its own
 * that starts at a moment and reads until it has passed the start of the next
 * window.  So that any window could go on to the end of the list, and nothing
 * rests on the filter being right:
 *	 - a window is through when it has seen a call beyond the next one's start;
 *	 - that call, or one of the last before it, must be found at the start of
 *	   the next window (as the seam between offset pages): otherwise all later
 *	   windows are dropped and the window itself goes on;
 *	 - a window in which calls do not keep the order ends the cutting likewise,
 *	   and so does one that begins a page too early: the filter is ignored;
 *	 - calls that two neighbours have in common are given once.
 * The provider's total, where it tells one, is checked at the end.
 *
 * window_cut.c decides where to cut, window_end.c whether an end is the end.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "window_private.h"

CallsWindows *
calls_make_windows(CallsFetcher *fetcher, const CallsBinding *binding,
				   int npaths, const char *const *paths, int watched,
				   int64 limit, int64 horizon)
{
	CallsWindows *windows = palloc0_object(CallsWindows);
	MemoryContext old;

	windows->fetcher = fetcher;
	windows->context = CurrentMemoryContext;
	windows->binding = binding;
	windows->npaths = npaths;
	windows->paths = paths;
	windows->watched = watched;
	windows->state = calls_can_cut(windows, horizon) ? CUT_MAYBE : CUT_NEVER;
	windows->repairable = calls_can_repair(windows);

	windows->first = calls_make_window(windows);
	old = MemoryContextSwitchTo(windows->first->context);
	windows->first->pager = calls_make_pager(fetcher, binding, npaths, paths,
											 limit, horizon);
	MemoryContextSwitchTo(old);
	if (windows->repairable)
	{
		CallsRange	none = {0};

		windows->times = calls_make_order_watch(fetcher->def, fetcher->settings,
												fetcher->def->order.by_default, &none);
		calls_leave_check(windows->first->pager);
	}
	dlist_push_tail(&windows->windows, &windows->first->node);
	return windows;
}

void
calls_start_windows(CallsWindows *windows)
{
	calls_start_pager(windows->first->pager);
}

void
calls_set_windows_horizon(CallsWindows *windows, int64 horizon)
{
	calls_set_horizon(windows->first->pager, horizon);
	if (windows->state == CUT_MAYBE)
		windows->state = CUT_NEVER;
}

bool
calls_windows_read_one_page(const CallsWindows *windows)
{
	return windows->state != CUT_DONE && windows->before == NULL &&
		calls_read_one_page(windows->first->pager);
}

int64
calls_windows_total(const CallsWindows *windows, bool ended)
{
	int64		total = calls_pager_total(windows->first->pager);

	if (total >= 0)
		return total;
	return ended && !windows->stopped ? windows->rows : -1;
}

/* The window that is consumed. */
static Window *
head_window(CallsWindows *windows)
{
	return dlist_head_element(Window, node, &windows->windows);
}

/* Frees the batches that wait for their turn. */
static void
free_batches(Window *window)
{
	while (!dlist_is_empty(&window->batches))
	{
		Waiting    *waiting = dlist_container(Waiting, node,
											  dlist_pop_head_node(&window->batches));

		calls_free_batch(waiting->batch);
	}
}

/* Frees a window that is on no list; of the very first only what is large. */
static void
free_window(CallsWindows *windows, Window *window)
{
	free_batches(window);
	if (window != windows->first)
		MemoryContextDelete(window->context);
}

void
calls_drop_window(CallsWindows *windows, Window *window)
{
	dlist_delete(&window->node);
	free_window(windows, window);
}

void
calls_drop_later_windows(CallsWindows *windows, Window *window)
{
	Window	   *next;

	while ((next = calls_next_window(windows, window)) != NULL)
		calls_drop_window(windows, next);
}

/* Drops them for good: this one reads on to the end of the list. */
static void
read_on(CallsWindows *windows, Window *window)
{
	calls_drop_later_windows(windows, window);
	window->through = false;
	calls_set_horizon(window->pager, CALLS_ALL_ROWS);
	windows->state = CUT_NEVER;
}

void
calls_stop_windows(CallsWindows *windows)
{
	Window	   *head = head_window(windows);

	read_on(windows, head);
	free_batches(head);
	calls_stop_pager(head->pager);
	windows->stopped = true;
	/* nothing tells whether calls are missing where pages ended */
	windows->fetcher->counters->unverified += windows->repairable;
}

/*
 * Watches the order within a batch, and how far the window has come.  False
 * where the order does not hold.
 */
static bool
note_progress(CallsWindows *windows, Window *window, const CallsBatch *batch)
{
	const CallsPage *page = batch->page;

	for (int row = 0; row < page->nrows; row++)
	{
		const CallsCell *cell = &page->cells[(Size) row * batch->npaths + windows->watched];

		if (!calls_keeps_order(window->watch, cell))
			return false;
		calls_watch_order(window->watch, cell);
	}
	if (page->nrows == 0)
		return true;
	if (!calls_watched_time(window->watch, &window->reached))
		return false;
	window->astray |= window != windows->first &&
		calls_comes_first(windows, window->reached, window->start);
	calls_note_density(windows, window, batch);
	return true;
}

/* Has the window passed the start of the next one? */
static bool
is_through(CallsWindows *windows, Window *window)
{
	Window	   *next = calls_next_window(windows, window);

	return next != NULL && calls_comes_first(windows, next->start, window->reached);
}

/* Puts a batch that a window has read where it waits for its turn. */
static void
queue_batch(CallsWindows *windows, Window *window, CallsBatch *batch)
{
	Waiting    *waiting = MemoryContextAlloc(batch->context, sizeof(Waiting));

	waiting->batch = batch;
	calls_note_page_end(windows, batch);
	dlist_push_tail(&window->batches, &waiting->node);
	if (window->watch == NULL)
		return;
	if (!note_progress(windows, window, batch))
	{
		/* whatever may follow, it is read after this one */
		read_on(windows, window);
		window->watch = NULL;
	}
	else if (is_through(windows, window))
	{
		window->through = true;
		calls_note_overlap(windows, window, batch);
	}
}

/*
 * Reads a page of a window, if it is there; what is under way for windows
 * whose turn is later must leave room.
 */
static bool
read_window(CallsWindows *windows, Window *window)
{
	CallsBatch *batch;
	CallsProgress progress;

	if (window->ended || window->through)
		return false;
	if (window != head_window(windows) && !calls_pager_is_asking(window->pager) &&
		calls_spare_fetches(windows->fetcher, CALLS_AHEAD_BUDGET) == 0)
		return false;
	progress = calls_next_batch(window->pager, &batch);
	if (progress == CALLS_READY)
		queue_batch(windows, window, batch);
	else if (progress == CALLS_ENDED)
		window->ended = true;
	return progress == CALLS_READY;
}

/*
 * The window does not go on where the one before it came to: that one is
 * taken back, and reads on alone.
 */
static void
take_back(CallsWindows *windows)
{
	Window	   *before = windows->before;

	dlist_push_head(&windows->windows, &before->node);
	windows->before = NULL;
	windows->at_seam = false;
	read_on(windows, before);
}

/*
 * A window whose pages lie before its start was not given what it asked for:
 * the one before it reads on alone.  Had the window been connected already,
 * it does so itself.
 */
static void
give_up_windows(CallsWindows *windows, Window *window)
{
	if (window != head_window(windows))
		read_on(windows, dlist_container(Window, node,
										 dlist_prev_node(&windows->windows, &window->node)));
	else if (windows->at_seam)
		take_back(windows);
	else
		read_on(windows, window);
}

/* Reads what is there, for all windows. */
static void
read_windows(CallsWindows *windows)
{
	Window	   *window;

	for (window = head_window(windows); window != NULL; window = calls_next_window(windows, window))
	{
		while (!window->astray && read_window(windows, window))
			;
		if (window->astray)
		{
			window->astray = false;
			give_up_windows(windows, window);
			break;
		}
	}
	if (windows->state == CUT_DONE)
		calls_cut_more_windows(windows);
}

/* Marks rows that were given before; are there any that were not? */
static bool
mark_repeats(CallsWindows *windows, CallsBatch *batch)
{
	bool		fresh = false;

	for (int row = 0; row < batch->page->nrows; row++)
	{
		if (batch->fresh[row] && batch->has_id[row])
			batch->fresh[row] = calls_idset_add(windows->ids, batch->ids[row]);
		fresh |= batch->fresh[row];
	}
	return fresh;
}

/* Is one of the last calls given in the batch? */
static bool
has_seam(const CallsWindows *windows, const CallsBatch *batch)
{
	for (int row = 0; row < batch->page->nrows; row++)
		if (batch->has_id[row] && calls_seam_contains(&windows->seam, batch->ids[row]))
			return true;
	return false;
}

static void
remember_seam(CallsWindows *windows, const CallsBatch *batch)
{
	for (int row = Max(batch->page->nrows - CALLS_SEAM_IDS, 0); row < batch->page->nrows; row++)
		if (batch->has_id[row])
			calls_add_to_seam(&windows->seam, batch->ids[row]);
}

/* Goes on to the next window, if this one has nothing more. */
static bool
change_window(CallsWindows *windows)
{
	Window	   *head = head_window(windows);

	if (!head->through || !dlist_is_empty(&head->batches))
		return false;
	dlist_delete(&head->node);
	windows->before = head;
	windows->at_seam = true;
	return true;
}

/* The windows' calls are connected: the one before is not needed any more. */
static void
close_seam(CallsWindows *windows)
{
	windows->at_seam = false;
	windows->overlapping = true;
	windows->overlap_end = windows->before->reached;
	free_window(windows, windows->before);
	windows->before = NULL;
}

/*
 * Where a window overlaps the one before it, the two may have read the log at
 * different times.  A call that only the later one has was not there throughout,
 * and may be left out where it would come too late: such batches are marked.
 */
static void
mark_overlap(CallsWindows *windows, CallsBatch *batch)
{
	const CallsOrderWatch *watch = head_window(windows)->watch;
	int			last = batch->page->nrows - 1;
	TimestampTz end;

	/* not where the window itself does not keep the order */
	windows->overlapping = watch != NULL && last >= 0 &&
		calls_read_time(watch, &batch->page->cells[(Size) last * batch->npaths + windows->watched],
						&end) &&
		!calls_comes_first(windows, windows->overlap_end, end);
	batch->reread |= watch != NULL;
}

/* Were all its calls given before? */
static bool
has_only_repeats(CallsWindows *windows, const CallsBatch *batch)
{
	for (int row = 0; row < batch->page->nrows; row++)
	{
		if (batch->fresh[row] &&
			(!batch->has_id[row] || !calls_idset_contains(windows->ids, batch->ids[row])))
			return false;
	}
	return true;
}

/*
 * Makes the next batch ready for the caller, whose it is then; false if it is
 * of no use to it, and freed.
 */
static bool
prepare_batch(CallsWindows *windows, CallsBatch *batch)
{
	bool		unconnected;

	if (windows->at_seam && has_seam(windows, batch))
		close_seam(windows);
	unconnected = windows->at_seam && !has_only_repeats(windows, batch);
	/* before the first cut there is nothing that could repeat */
	if (windows->at_seam || (windows->ids != NULL && !mark_repeats(windows, batch)))
	{
		calls_free_batch(batch);
		if (unconnected)
			take_back(windows);
		return false;
	}
	if (windows->overlapping)
		mark_overlap(windows, batch);
	remember_seam(windows, batch);
	MemoryContextSetParent(batch->context, windows->context);
	return true;
}

/* Notes what was given to the caller, as far as it tells about the list. */
static void
note_given(CallsWindows *windows, const CallsBatch *batch)
{
	windows->pages++;
	for (int row = 0; row < batch->page->nrows; row++)
		windows->rows += batch->fresh[row];
	windows->page_rows = Max(batch->page->nrows, 1);
	if (windows->state == CUT_MAYBE)
		calls_ask_for_edge(windows);
}

/* May what is missing be looked for, and will what is not be recognised? */
static bool
can_repair(CallsWindows *windows)
{
	MemoryContext old;

	if (!windows->repairable || windows->nends == 0 ||
		calls_pager_remembered(windows->first->pager) +
		(windows->ids ? calls_idset_size(windows->ids) : 0) < windows->rows)
		return false;
	if (windows->ids == NULL)
	{
		old = MemoryContextSwitchTo(windows->context);
		windows->ids = calls_make_idset(work_mem);
		MemoryContextSwitchTo(old);
	}
	return true;
}

/* Would it matter that calls are missing? */
static bool
wants_check(const CallsWindows *windows)
{
	return windows->repairable ||
		windows->fetcher->settings->on_incomplete != CALLS_INCOMPLETE_IGNORE;
}

/*
 * All was read.  As much as the provider reported?  If not, calls may be
 * missing where pages ended.
 */
static CallsProgress
finish_windows(CallsWindows *windows, CallsBatch **batch)
{
	if ((windows->ids == NULL && !windows->repairable) || windows->stopped)
		return CALLS_ENDED;
	if (!windows->finished)
	{
		windows->finished = true;
		windows->state = CUT_NEVER;
		windows->repairing = wants_check(windows) &&
			calls_lacks_calls(windows->first->pager, windows->rows, windows->ids);
		if (windows->repairing && !can_repair(windows))
			windows->nends = 0;
	}
	if (!windows->repairing)
		return CALLS_ENDED;
	if (calls_lacks_known(windows->first->pager, windows->rows))
	{
		CallsProgress progress = calls_next_repair_batch(windows, batch);

		if (progress == CALLS_READY)
			note_given(windows, *batch);
		if (progress != CALLS_ENDED)
			return progress;
		calls_report_lack(windows->first->pager);
	}
	windows->repairing = false;
	return CALLS_ENDED;
}

CallsProgress
calls_next_window_batch(CallsWindows *windows, CallsBatch **batch)
{
	if (windows->state == CUT_MAYBE && windows->first->watch == NULL)
		calls_start_watch(windows, windows->first);
	for (;;)
	{
		Window	   *head;

		if (windows->state == CUT_EDGE)
			calls_look_for_edge(windows);
		/* without windows, the pager itself knows what to ask for when */
		if (windows->state == CUT_DONE)
			read_windows(windows);
		else if (dlist_is_empty(&head_window(windows)->batches))
			read_window(windows, head_window(windows));
		if (change_window(windows))
			continue;
		head = head_window(windows);
		if (dlist_is_empty(&head->batches))
		{
			if (!head->ended || (!windows->at_seam && !calls_settle_end(windows, head)))
				return CALLS_PENDING;
			if (!windows->at_seam)
				return finish_windows(windows, batch);
			take_back(windows);
			continue;
		}
		*batch = dlist_container(Waiting, node, dlist_pop_head_node(&head->batches))->batch;
		if (prepare_batch(windows, *batch))
		{
			note_given(windows, *batch);
			return CALLS_READY;
		}
	}
}
