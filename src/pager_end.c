/*-------------------------------------------------------------------------
 *
 * pager_end.c
 *		At the end of the log: is everything there that the provider reported?
 *
 * Calls come and go while a log is read, so that its total moves.  What has to
 * be there is the total as it is at the end, without the calls that came
 * meanwhile: those stand at the start of the log, which is asked for once more
 * where fewer calls came than were reported at first.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "convert.h"
#include "list_page.h"
#include "pager_private.h"

/* The start of the log, as it is when its end has been reached. */
typedef struct LogFront
{
	int64		total;			/* calls that there are now; -1: not told */
	int64		rows;			/* read, until one that was delivered */
	int64		inserted;		/* of these: not delivered */
	bool		found;			/* there was one that was delivered */
	bool		same;			/* it still begins with the first one */
} LogFront;

/* Was this call delivered? */
static bool
was_delivered(CallsPager *pager, CallsIdHash id)
{
	return calls_seam_contains(&pager->front, id) ||
		calls_idset_contains(pager->ids, id) ||
		(pager->other_ids != NULL && calls_idset_contains(pager->other_ids, id));
}

/* Are all calls remembered that were delivered? */
static bool
remembers_all(const CallsPager *pager)
{
	int64		remembered = calls_idset_size(pager->ids);

	if (pager->other_ids != NULL)
		remembered += calls_idset_size(pager->other_ids);
	return remembered >= pager->delivered;
}

/*
 * Looks which calls of a page came while the log was read.  Where calls may
 * have been forgotten, only those before the first that was delivered did so
 * for sure.
 */
static void
count_inserted(CallsPager *pager, const CallsBatch *batch, LogFront *front)
{
	bool		sure = remembers_all(pager);

	for (int row = 0; row < batch->page->nrows; row++)
	{
		if (!batch->fresh[row])
			continue;
		if (front->rows++ == 0)
			front->same = batch->has_id[row] && pager->front.count > 0 &&
				calls_id_equal(batch->ids[row], pager->front.ids[0]);
		if (batch->has_id[row] && was_delivered(pager, batch->ids[row]))
			front->found = true;
		else if (sure || !front->found)
			front->inserted++;
	}
}

/*
 * Reads the start of the log again, until a page has a call that was delivered;
 * no further than the log was read.
 */
static LogFront
read_front(CallsPager *pager)
{
	LogFront	front = {.total = -1};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw front",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CallsPager *again = calls_make_pager(pager->fetcher, pager->binding, 0, NULL, 0, 0);
	int64		pages = pager->fetched;

	calls_drop_requests(pager);
	calls_leave_check(again);
	while (!front.found && again->fetched < pages)
	{
		CallsBatch *batch;

		if (calls_await_batch(again, &batch) == CALLS_ENDED)
			break;
		count_inserted(pager, batch, &front);
		calls_free_batch(batch);
	}
	front.total = again->first_total;
	calls_drop_requests(again);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return front;
}

/* Does the total at the start say how many calls went meanwhile? */
static bool
tells_deleted(const CallsPager *pager, const LogFront *front)
{
	return front->found && front->total >= 0 && pager->first_total >= 0 &&
		(front->inserted == 0 || !calls_is_known_cap(pager->first_total));
}

/*
 * Pages by number that were under way together may have been answered out of
 * turn.  Then a new call lets one slip from a page not answered yet to one
 * that was.  The totals show that (see reread_pages), unless a call that was
 * deleted made up for the new one; only that must not be left standing.
 * Returns whether the log has to be read again, one page after the other.
 */
static bool
must_read_again(CallsPager *pager)
{
	LogFront	front;

	if (!pager->overlapped || pager->def->paging.style != CALLS_PAGING_PAGE)
		return false;
	pager->overlapped = false;
	front = read_front(pager);
	if (front.same || (tells_deleted(pager, &front) && !calls_is_known_cap(pager->first_total) &&
					   front.total == pager->first_total + front.inserted))
		return false;
	if (remembers_all(pager))
		return true;
	/* repeats could not be told from what was missed */
	calls_report_gap(pager, "calls came and went while pages were read together");
	return false;
}

/* Goes back to the start of the log. */
static void
start_again(CallsPager *pager)
{
	pager->finished = false;
	pager->stopped = false;
	pager->may_overlap = false;
	pager->again = true;
	pager->position = calls_first_position(pager->def, pager->settings, 0);
	pager->pages = 0;
	pager->rows_read = 0;
	pager->told_at = 0;
	pager->high_mark = 0;		/* what is fresh now had been missed */
	pager->total = -1;
	pager->total_pages = -1;
}

/*
 * How many calls were there when the last page was read?  What came behind it
 * since then is only in the total of now.
 */
static int64
total_at_end(const CallsPager *pager, const LogFront *front)
{
	return pager->other_ids == NULL && pager->total >= 0 && pager->told_at == pager->rows_read
		? pager->total : front->total;
}

/*
 * How many calls must have been delivered, as far as the provider tells?  -1
 * where that cannot be said.  If fewer than it reported at first came, those
 * that are there now must have come, but for new ones.  Under a filter calls
 * may come to match anywhere: such a one counts as missing too, if another one
 * went, since nothing tells it from one that was lost.
 */
static int64
expected_calls(CallsPager *pager)
{
	LogFront	front;

	if (pager->first_total < 0)
		return -1;
	if (pager->delivered >= pager->first_total)
		return calls_is_known_cap(pager->first_total) ? -1 : pager->first_total;
	if (pager->delivered == 0)
		return pager->total_moved ? -1 : pager->first_total;
	front = read_front(pager);
	/* pages without calls do not say that there are none */
	if (front.rows == 0 && front.total > 0)
		return Min(front.total, pager->first_total);
	if (!tells_deleted(pager, &front))
		return -1;
	return Min(pager->first_total, Max(total_at_end(pager, &front) - front.inserted, 0));
}

bool
calls_is_incomplete(CallsPager *pager)
{
	int64		expected = expected_calls(pager);

	pager->checked = true;
	pager->fetcher->counters->unverified += expected < 0;
	if (pager->delivered >= expected)
		return false;
	pager->total = expected;
	return true;
}

bool
calls_check_completeness(CallsPager *pager)
{
	if (pager->checked)
		return true;
	if (must_read_again(pager))
	{
		start_again(pager);
		return false;
	}
	if (!pager->stopped && pager->settings->on_incomplete != CALLS_INCOMPLETE_IGNORE &&
		calls_is_incomplete(pager))
		calls_report_lack(pager);
	pager->checked = true;
	return true;
}
