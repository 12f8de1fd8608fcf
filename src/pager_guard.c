/*-------------------------------------------------------------------------
 *
 * pager_guard.c
 *		What keeps a scan complete while the log moves: seams, repeats, totals.
 *
 * Every guard looks at a page that was fetched and either lets it through,
 * tells the pager where to read again, or reports a gap.  What is looked at
 * when the end of the log is reached is in pager_end.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "compat.h"
#include "convert.h"
#include "list_page.h"
#include "pager_private.h"
#include "report.h"

/* How many pages to step back for a seam, at most. */
#define MAX_STEP_BACK		4

/* How many pages in a row may bring nothing new before that is an error. */
#define MAX_STALE_PAGES		16

/* How many rows the API was asked for. */
int
calls_asked_size(const CallsPager *pager)
{
	return pager->position.size > 0 ? pager->position.size
		: pager->def->paging.size_default;
}

/* The position in words, for messages. */
static const char *
describe_position(const CallsPager *pager)
{
	const CallsPosition *position = &pager->position;

	switch (pager->def->paging.style)
	{
		case CALLS_PAGING_PAGE:
			return psprintf("page " INT64_FORMAT, position->number);
		case CALLS_PAGING_OFFSET:
			return psprintf("offset " INT64_FORMAT, position->number);
		case CALLS_PAGING_NEXT_URL:
			return psprintf("link of page " INT64_FORMAT, pager->fetcher->counters->pages);
		default:
			return position->text == NULL ? "start of the log"
				: psprintf("\"%s\"", calls_printable(pager->settings, position->text));
	}
}

/* What every message about a gap tells. */
static const char *
gap_detail(const CallsPager *pager)
{
	return psprintf("Expected %s calls, delivered " INT64_FORMAT " in " INT64_FORMAT " pages; position: %s.",
					pager->total >= 0 ? psprintf(INT64_FORMAT, pager->total) : "an unknown number of",
					pager->delivered, pager->fetcher->counters->pages,
					describe_position(pager));
}

/*
 * Calls of one moment that a cursor loses are lost each time; an unordered scan
 * asks for them again.
 */
static bool
may_lose_again(const CallsPager *pager)
{
	return pager->def->paging.style == CALLS_PAGING_CURSOR && pager->def->total != NULL &&
		pager->binding->order != CALLS_ORDER_NONE;
}

/* A proven gap: as on_incomplete says. */
void
calls_report_gap(const CallsPager *pager, const char *what)
{
	const CallsDefinition *def = pager->def;

	if (pager->settings->on_incomplete == CALLS_INCOMPLETE_IGNORE)
		return;
	ereport(pager->settings->on_incomplete == CALLS_INCOMPLETE_WARN ? WARNING : ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("calls of server \"%s\" are incomplete: %s",
					pager->settings->server_name, what),
			 errdetail_internal("%s", gap_detail(pager)),
			 may_lose_again(pager)
			 ? errhint("Run the query again; if that does not help, have the calls sorted here, by an expression such as %s + interval '0'.",
					   quote_identifier(def->columns[def->order.column].name))
			 : errhint("Run the query again; option \"on_incomplete\" decides whether this is an error.")));
}

/* A provider that does not get on: an error whatever the options say. */
void
calls_report_no_progress(const CallsPager *pager, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("server \"%s\" %s", pager->settings->server_name, what),
			 errdetail_internal("%s", gap_detail(pager))));
}

/* The key cell of a row. */
const CallsCell *
calls_row_key(const CallsPager *pager, const CallsPage *page, int row)
{
	int			npaths = pager->npaths;

	return &page->cells[(Size) row * npaths + npaths - 1];
}

static bool
row_has_key(const CallsCell *key)
{
	return (key->kind == CALLS_JSON_STRING && key->length > 0) || key->kind == CALLS_JSON_NUMBER;
}

/*
 * Takes note of a count that the provider reports: by how much has it become
 * smaller?  -1 where it was told before, but not now.
 */
static int64
note_count(int64 now, int64 *count, bool *moved)
{
	int64		before = *count;

	if (now < 0)
		return before < 0 ? 0 : -1;
	*count = now;
	if (before >= 0 && before != now)
		*moved = true;
	return before > now ? before - now : 0;
}

/*
 * Takes note of the totals; by how many rows has the log shrunk, as far as
 * they tell?
 */
static int64
note_totals(CallsPager *pager, const CallsPage *page, bool *told)
{
	int64		size = Max(pager->rows_read / Max(pager->pages, 1), 1);
	int64		rows = note_count(calls_member_number(page, CALLS_MEMBER_TOTAL),
								  &pager->total, &pager->total_moved);
	int64		pages = note_count(calls_member_number(page, CALLS_MEMBER_TOTAL_PAGES),
								   &pager->total_pages, &pager->total_moved);

	if (pager->fetched == 1)
		pager->first_total = pager->total;
	*told = rows >= 0 && pages >= 0;
	/* a number of pages does not say how full the last one is */
	if (pages > 0 && (rows < 0 || pager->total < 0 || calls_is_known_cap(pager->total)))
		return (pages + 1) * size - 1;
	return Max(rows, pages * size);
}

/* The id of a row; false if it has none. */
bool
calls_row_id(const CallsPager *pager, const CallsPage *page, int row, CallsIdHash *id)
{
	const CallsCell *key = calls_row_key(pager, page, row);

	if (!row_has_key(key))
		return false;
	*id = calls_hash_id(key->start, key->length);
	return true;
}

/*
 * Does the page connect to what was read before?  It does if one of the last
 * calls read is in it, or if it begins with one that was delivered: then so
 * many new calls have come that they fill more than a page.
 */
static bool
has_seam(CallsPager *pager, const CallsPage *page)
{
	for (int row = 0; row < page->nrows; row++)
	{
		CallsIdHash id;

		if (!calls_row_id(pager, page, row, &id))
			continue;
		if (calls_seam_contains(&pager->seam, id))
			return true;
		/* while stepping back, any call delivered before will do */
		if ((row == 0 || pager->step_back > 0) && calls_idset_contains(pager->ids, id))
			return true;
	}
	return false;
}

/*
 * Offset style: checks the overlap with what was read.  False if the page is
 * to be dropped and an earlier one read instead.
 */
static bool
check_seam(CallsPager *pager, const CallsPage *page)
{
	int64		back;

	/* from the very start, nothing can be missing */
	if (pager->overlap == 0 || pager->seam.count == 0 || pager->position.number == 0 ||
		has_seam(pager, page))
	{
		pager->step_back = 0;
		return true;
	}
	if (pager->step_back == 0)
		pager->seam_offset = pager->rows_read;
	if (pager->step_back >= MAX_STEP_BACK)
	{
		calls_report_gap(pager, "the calls moved while they were read");
		pager->step_back = 0;
		return true;
	}
	pager->step_back = pager->step_back == 0 ? 1 : pager->step_back * 2;
	back = (int64) pager->step_back * calls_asked_size(pager);
	pager->position.number = Max(pager->seam_offset - back, 0);
	return false;
}

void
calls_seek_page(CallsPager *pager, int64 row, int64 size)
{
	pager->pages = row / size;
	pager->rows_read = pager->pages * size;
	pager->position.number = pager->def->paging.first + pager->pages;
}

/*
 * Page style: the log has lost rows, so that those not read yet have moved to
 * pages that were.  Goes back by as much as the totals shrank since they were
 * told last, but no further than repeats are recognised for sure; false if
 * there is nothing to reread.  What slipped past pages that did not tell would
 * come too late for a promised order.
 */
static bool
reread_pages(CallsPager *pager, int64 shrunk)
{
	int64		size = Max(pager->rows_read / Max(pager->pages, 1), 1);
	int64		remembered = calls_idset_size(pager->ids);
	bool		untold = pager->told_at < pager->rows_read;
	int64		row = Max(Min(pager->rows_read, pager->told_at) - shrunk, 0);

	if (pager->rows_read - row / size * size > remembered ||
		(untold && pager->binding->order != CALLS_ORDER_NONE))
	{
		calls_report_gap(pager, "the log shrank while it was read");
		return false;
	}
	calls_seek_page(pager, row, size);
	return true;
}

/* Counts a page that brought nothing new; too many in a row are an error. */
static void
note_stale_page(CallsPager *pager)
{
	int64		came = pager->first_total >= 0 ? Max(pager->total - pager->first_total, 0) : 0;

	/* as many calls as came are repeated, one row of a page less for its seam */
	if (++pager->stale > MAX_STALE_PAGES + came / Max(calls_asked_size(pager) - 1, 1))
		calls_report_no_progress(pager, "repeats the same calls on page after page");
}

/*
 * New calls may have moved a page's worth of calls to the next number; then the
 * total has moved too. Where it has not, this is not the page asked for.
 */
void
calls_check_repeats(CallsPager *pager, const CallsPage *page)
{
	if (pager->def->paging.style == CALLS_PAGING_PAGE && !pager->total_moved &&
		calls_member_number(page, CALLS_MEMBER_TOTAL) >= 0 &&
		!calls_is_known_cap(pager->total))
		calls_report_gap(pager, "a page repeats calls, though no new ones came");
	if (!pager->finished)
		note_stale_page(pager);
}

/* Marks the rows that were not delivered before. */
void
calls_mark_fresh_rows(CallsPager *pager, CallsBatch *batch)
{
	const CallsPage *page = batch->page;
	bool	   *fresh = MemoryContextAlloc(batch->context, page->nrows + 1);

	batch->has_id = MemoryContextAlloc(batch->context, page->nrows + 1);
	batch->ids = MemoryContextAlloc(batch->context, sizeof(CallsIdHash) * (page->nrows + 1));
	for (int row = 0; row < page->nrows; row++)
	{
		CallsIdHash id;

		fresh[row] = true;
		batch->has_id[row] = calls_row_id(pager, page, row, &id);
		if (batch->has_id[row])
		{
			batch->ids[row] = id;
			if (pager->front.count < CALLS_SEAM_IDS)
				calls_add_to_seam(&pager->front, id);
			fresh[row] = calls_idset_add(pager->ids, id);
			calls_add_to_seam(&pager->seam, id);
		}
		pager->delivered += fresh[row];
	}
	batch->fresh = fresh;
}

/*
 * Does the page have to be dropped, and an earlier one read first?  Then the
 * position says which.
 */
bool
calls_must_go_back(CallsPager *pager, const CallsPage *page)
{
	bool		told;
	int64		shrunk = note_totals(pager, page, &told);
	bool		back = false;

	if (pager->def->paging.style == CALLS_PAGING_PAGE && shrunk > 0 && pager->pages > 0)
		back = reread_pages(pager, shrunk);
	else if (pager->def->paging.style == CALLS_PAGING_OFFSET)
		back = !check_seam(pager, page);
	if (told)
		pager->told_at = pager->rows_read + (back ? 0 : page->nrows);
	if (back)
		note_stale_page(pager);
	return back;
}
