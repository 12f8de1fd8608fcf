/*-------------------------------------------------------------------------
 *
 * pager.c
 *		The order in which pages are fetched, and where the log ends.
 *
 * New calls arrive while a log is read, and old ones go.  Every style of
 * paging has its way to lose or repeat rows then, so the pager
 *   - remembers the ids it delivered and drops repeats;
 *   - lets an offset page overlap its predecessor by one row and looks for
 *     that seam, stepping back where it is missing;
 *   - rereads pages by number when the total has shrunk;
 *   - refuses positions that do not advance;
 *   - compares what it delivered with the total that the provider reported.
 *
 * The guards are in pager_guard.c and pager_end.c, the pages under way in ahead.c.  Relies on
 * fetch.c for replies, page.c for their shape.  Nothing here waits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "bind_order.h"
#include "compat.h"
#include "convert.h"
#include "idset.h"
#include "list_page.h"
#include "pager_private.h"
#include "report.h"
#include "request.h"

/*
 * How many pages in a row may have no call at all, though their position
 * advances, before that is an error.
 */
#define MAX_EMPTY_PAGES		1000

CallsPager *
calls_make_pager(CallsFetcher *fetcher, const CallsBinding *binding,
				 int npaths, const char *const *paths,
				 int64 limit, int64 horizon)
{
	const CallsDefinition *def = fetcher->def;
	CallsPager *pager = palloc0_object(CallsPager);

	pager->def = def;
	pager->settings = fetcher->settings;
	pager->binding = binding;
	pager->context = CurrentMemoryContext;
	pager->fetcher = fetcher;

	pager->reader = calls_make_list_reader(def, npaths, paths);
	pager->npaths = npaths + 1;

	pager->horizon = horizon;
	/* a second reading, where one is needed, would not keep a promised order */
	pager->may_overlap = binding->order == CALLS_ORDER_NONE;
	pager->full_size = calls_full_page_size(def, pager->settings);
	pager->position = calls_first_position(def, pager->settings, limit);
	pager->ids = calls_make_idset(work_mem);
	pager->positions = calls_make_idset(work_mem);
	pager->total = -1;
	pager->total_pages = -1;
	pager->first_total = -1;
	return pager;
}

void
calls_remember_little(CallsPager *pager)
{
	MemoryContext old = MemoryContextSwitchTo(pager->context);

	pager->ids = calls_make_idset(0);
	MemoryContextSwitchTo(old);
}

void
calls_set_horizon(CallsPager *pager, int64 horizon)
{
	pager->horizon = horizon;
}

void
calls_stop_pager(CallsPager *pager)
{
	calls_drop_requests(pager);
	pager->finished = true;
	pager->stopped = true;
}

bool
calls_pager_is_asking(const CallsPager *pager)
{
	return pager->nqueued > 0;
}

int64
calls_pager_total(const CallsPager *pager)
{
	return calls_is_known_cap(pager->total) ? -1 : pager->total;
}

void
calls_leave_check(CallsPager *pager)
{
	pager->checked = true;
}

bool
calls_lacks_calls(CallsPager *pager, int64 delivered, CallsIdSet *others)
{
	pager->delivered = delivered;
	pager->other_ids = others;
	return calls_is_incomplete(pager);
}

bool
calls_lacks_known(CallsPager *pager, int64 delivered)
{
	pager->delivered = delivered;
	return delivered < pager->total;
}

void
calls_report_lack(const CallsPager *pager)
{
	calls_report_gap(pager, "the provider reported more than it returned");
}

bool
calls_pager_has_seen(CallsPager *pager, CallsIdHash id)
{
	return calls_idset_contains(pager->ids, id);
}

int64
calls_pager_remembered(const CallsPager *pager)
{
	return calls_idset_size(pager->ids);
}

bool
calls_read_one_page(const CallsPager *pager)
{
	return pager->batches == 1 && pager->fetched == 1;
}

/* Replaces the position's text. */
static void
set_position_text(CallsPager *pager, const char *text)
{
	if (pager->position.text != NULL)
		pfree(unconstify(char *, pager->position.text));
	pager->position.text = MemoryContextStrdup(pager->context, text);
}

/* Replaces the link to follow. */
static void
set_url(CallsPager *pager, const char *url)
{
	if (pager->url != NULL)
		pfree(pager->url);
	pager->url = url ? MemoryContextStrdup(pager->context, url) : NULL;
}

/*
 * Without a flag: do the counts, or the page itself, tell the end?  A total
 * counts only where it agrees with what was read, and is confirmed by a page
 * that was not full; a short page alone only after a full one, since APIs
 * clamp the page size silently.
 */
static bool
counts_tell_end(CallsPager *pager, const CallsPage *page)
{
	bool		counts_pages = pager->total_pages >= 0;
	bool		full = page->nrows >= calls_asked_size(pager);

	if (page->nrows <= pager->overlap)
		return true;
	if (counts_pages &&
		pager->position.number - pager->def->paging.first + 1 < pager->total_pages)
		return false;
	if (pager->total >= 0 && pager->rows_read < pager->total)
		return false;
	if (pager->rows_read == pager->total && !calls_is_known_cap(pager->total) &&
		(counts_pages || !full))
		return true;
	if (counts_pages && pager->total < 0)
		return true;
	if (full)
		pager->seen_full_page = true;
	return !full && pager->seen_full_page;
}

/* Cursor and next_url styles: takes the next position from the reply. */
static void
advance_by_link(CallsPager *pager, const CallsBatch *batch)
{
	const CallsPage *page = batch->page;
	const CallsCell *cell = &page->members[CALLS_MEMBER_NEXT];
	bool		more;
	bool		flagged = calls_flag_tells(page, &more);
	MemoryContext old;
	char	   *next;

	if (flagged && !more)
	{
		pager->finished = true;
		return;
	}
	old = MemoryContextSwitchTo(batch->context);
	next = calls_position_text(pager->settings, cell);
	if (next != NULL && next[0] != '\0' && pager->def->paging.style == CALLS_PAGING_NEXT_URL)
	{
		next = calls_http_resolve(batch->url, next);
		if (next == NULL)
			calls_report_no_progress(pager, "gave a link to the next page that leaves the server");
	}
	MemoryContextSwitchTo(old);
	if (next == NULL || next[0] == '\0')
	{
		if (flagged)
			calls_report_gap(pager, "the provider says that there are more but gives no position");
		pager->finished = true;
		return;
	}
	if (!calls_idset_add(pager->positions, calls_hash_id(next, strlen(next))))
		calls_report_no_progress(pager, "gave the same position twice");
	if (pager->def->paging.style == CALLS_PAGING_NEXT_URL)
		set_url(pager, next);
	else
		set_position_text(pager, next);
}

/*
 * A page had one row, and so has the page after it: the same.  Either the key
 * is inclusive and the log has but one row, or pages never have more than one
 * and there is no way to get on.  The other end of the log tells which.
 */
static bool
is_only_row(CallsPager *pager, const CallsPage *page)
{
	CallsBinding *turned = calls_turn_binding(pager->def, pager->binding);
	CallsPosition start = calls_first_position(pager->def, pager->settings, 0);
	CallsBatch *batch;
	CallsIdHash id;
	CallsIdHash other;
	bool		same;

	if (turned == NULL || !calls_row_id(pager, page, 0, &id))
		return true;
	batch = calls_read_aside(pager, turned, &start);
	same = batch->page->nrows == 0 ||
		(calls_row_id(pager, batch->page, 0, &other) && calls_id_equal(id, other));
	calls_free_batch(batch);
	pfree(turned);
	return same;
}

/* Last-id style: the next page starts after the last row. */
static void
advance_by_key(CallsPager *pager, const CallsPage *page, int64 nfresh)
{
	bool		more;
	char	   *key;
	bool		same;

	if (calls_flag_tells(page, &more))
		pager->finished = !more;
	else
		pager->finished = counts_tell_end(pager, page);
	if (pager->finished || page->nrows == 0)
		return;

	key = calls_position_text(pager->settings,
							  calls_row_key(pager, page, page->nrows - 1));
	if (key == NULL)
		calls_report_no_progress(pager, "gave a call without an id, which the next page needs");
	same = pager->position.text != NULL && strcmp(key, pager->position.text) == 0;
	if (same && page->nrows == 1 &&
		(pager->last_nrows != 1 || is_only_row(pager, page)))
		pager->finished = true; /* the key is inclusive, and this is the end */
	else if (same && nfresh == 0)
		calls_report_no_progress(pager, "gave the same position twice");
	else
		set_position_text(pager, key);
	pfree(key);
}

/* Page and offset styles: the next position is a matter of counting. */
static void
advance_by_count(CallsPager *pager, const CallsPage *page)
{
	bool		more;

	if (!calls_flag_tells(page, &more))
		pager->finished = counts_tell_end(pager, page);
	else if (!more)
		pager->finished = true;
	else if (pager->def->paging.style == CALLS_PAGING_OFFSET &&
			 page->nrows <= pager->overlap)
		calls_report_no_progress(pager, "says that there are more calls but gives none");

	if (pager->def->paging.style == CALLS_PAGING_PAGE)
		pager->position.number++;
	else
	{
		/* where pages have one row, there is no room for a seam */
		pager->overlap = page->nrows > 1 ? 1 : 0;
		pager->position.number = pager->rows_read - pager->overlap;
	}
}

/*
 * Changes the size of the pages to come.  A page number counts pages of one
 * size, so the next page may begin with rows that were read; they are dropped
 * as repeats.
 */
static void
set_page_size(CallsPager *pager, int size)
{
	pager->position.size = size;
	pager->seen_full_page = false;
	if (pager->url != NULL)
	{
		/* the links keep the size they began with */
		set_url(pager, NULL);
		pager->rows_read = 0;
	}
	if (pager->def->paging.style == CALLS_PAGING_PAGE)
		calls_seek_page(pager, pager->rows_read, size);
}

/* Beyond the rows that the limit foretold, pages have full size. */
static void
grow_page_size(CallsPager *pager)
{
	if (pager->pages > 0 && pager->step_back == 0 &&
		pager->position.size < pager->full_size)
		set_page_size(pager, pager->full_size);
}

/*
 * Pages so large that there would be no room for another one beside them
 * become smaller, where that costs no rereading.
 */
static void
shrink_page_size(CallsPager *pager, const CallsBatch *batch)
{
	int			size = pager->position.size / 2;

	if (batch->length <= CALLS_LARGE_PAGE || size < 2 || pager->step_back > 0 ||
		pager->url != NULL ||
		(pager->def->paging.style == CALLS_PAGING_PAGE && pager->rows_read % size != 0))
		return;
	pager->full_size = Min(pager->full_size, size);
	set_page_size(pager, size);
}

/* Puts the position behind the page. */
static void
advance(CallsPager *pager, const CallsBatch *batch, int64 nfresh)
{
	switch (pager->def->paging.style)
	{
		case CALLS_PAGING_CURSOR:
		case CALLS_PAGING_NEXT_URL:
			advance_by_link(pager, batch);
			break;
		case CALLS_PAGING_LAST_ID:
			advance_by_key(pager, batch->page, nfresh);
			break;
		default:
			advance_by_count(pager, batch->page);
	}
}

/* Counts the rows of a page, and tells whether they were read before. */
static void
count_rows(CallsPager *pager, CallsBatch *batch)
{
	int			nrows = batch->page->nrows;

	batch->reread = pager->rows_read < pager->high_mark;
	pager->pages++;
	if (pager->def->paging.style == CALLS_PAGING_OFFSET)
	{
		batch->reread = pager->position.number + pager->overlap < pager->high_mark;
		pager->rows_read = pager->position.number + nrows;
	}
	else
		pager->rows_read += nrows;
	pager->high_mark = Max(pager->high_mark, pager->rows_read);
}

/* Takes a page in: fresh rows, next position.  False: it brings nothing. */
static bool
accept_page(CallsPager *pager, CallsBatch *batch)
{
	int			nrows = batch->page->nrows;
	int64		nfresh = -pager->delivered;

	if (calls_must_go_back(pager, batch->page))
		return false;
	calls_mark_fresh_rows(pager, batch);
	nfresh += pager->delivered;

	count_rows(pager, batch);
	pager->last_size = pager->position.size;
	advance(pager, batch, nfresh);
	pager->last_nrows = nrows;
	shrink_page_size(pager, batch);

	if (nfresh > 0)
	{
		pager->stale = pager->empty = 0;
		return true;
	}
	if (nrows == 0 && !pager->finished && ++pager->empty > MAX_EMPTY_PAGES)
		calls_report_no_progress(pager, "gives page after page without a call");
	if (nrows > 0 && !batch->reread && !pager->again)
		calls_check_repeats(pager, batch->page);
	return false;
}

void
calls_start_pager(CallsPager *pager)
{
	if (pager->fetched == 0 && !pager->finished)
		calls_page_is_there(pager);
}

CallsProgress
calls_next_batch(CallsPager *pager, CallsBatch **batch)
{
	for (;;)
	{
		CallsBatch *next;

		if (pager->finished && calls_check_completeness(pager))
			return CALLS_ENDED;
		grow_page_size(pager);
		if (!calls_page_is_there(pager))
			return CALLS_PENDING;
		next = calls_take_page(pager);
		if (accept_page(pager, next))
		{
			*batch = next;
			/* a scan that stops with its first page has asked for no other */
			if (pager->batches++ > 0)
				calls_look_ahead(pager);
			return CALLS_READY;
		}
		calls_free_batch(next);
	}
}

CallsProgress
calls_await_batch(CallsPager *pager, CallsBatch **batch)
{
	CallsProgress progress;

	while ((progress = calls_next_batch(pager, batch)) == CALLS_PENDING)
		calls_await_page(pager);
	return progress;
}
