/*-------------------------------------------------------------------------
 *
 * ahead.c
 *		The pages of a pager that are under way: the next one, and those that
 *		will surely be wanted after it.
 *
 * While the executor consumes a page, the next ones are on their way.  Where
 * positions are counted (page numbers, offsets) and the provider told a total,
 * many can be; where a position comes with the page before it, one can.  What
 * is asked for ahead of need is limited by
 *	 - the horizon: rows that the scan is known to want;
 *	 - the total: no position beyond the end of the log;
 *	 - max_connections, and what the provider puts up with (fetch.c);
 *	 - memory: replies there and under way stay within CALLS_AHEAD_BUDGET beyond the
 *	   page that is being consumed (fetch_memory.c).
 * A scan that ends with its first page has asked for nothing else.
 *
 * Guessed positions are only ever a guess: the pager takes a page from here if
 * it is at the position wanted, and otherwise all of them are dropped.  So
 * nothing here can lose or repeat a row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "pager_private.h"
#include "report.h"

/*
 * Page numbers: the fewest pages that are worth to be read several at a time,
 * since that costs one request more (see must_read_again).
 */
#define MIN_OVERLAP_PAGES	8

/* ... and what they cost besides pages: a look at the start of the log, twice. */
#define REREAD_REQUESTS		2

/* A page that was asked for. */
typedef struct PageRequest
{
	dlist_node	node;			/* in the pager's queue */
	MemoryContext context;		/* owns this, the reply and the page */
	const CallsBinding *binding;
	CallsPosition position;
	int64		number;			/* among the pages of its list, from 1 */
	const char *url;
	CallsFetch *fetch;
} PageRequest;

static PageRequest *
first_request(CallsPager *pager)
{
	return dlist_head_element(PageRequest, node, &pager->queue);
}

/* Takes a request off the queue; its context remains. */
static void
unqueue(CallsPager *pager, PageRequest *request)
{
	dlist_delete(&request->node);
	pager->nqueued--;
}

/* Drops what was asked for from this request on. */
static void
drop_from(CallsPager *pager, PageRequest *request)
{
	for (;;)
	{
		PageRequest *last = dlist_tail_element(PageRequest, node, &pager->queue);
		bool		done = last == request;

		unqueue(pager, last);
		MemoryContextDelete(last->context);
		if (done)
			return;
	}
}

void
calls_drop_requests(CallsPager *pager)
{
	if (pager->nqueued > 0)
		drop_from(pager, first_request(pager));
}

/* Asks for the page at a position. */
static PageRequest *
ask_for(CallsPager *pager, const CallsBinding *binding, const CallsPosition *position)
{
	MemoryContext context = AllocSetContextCreate(pager->context, "calls_fdw page",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	PageRequest *request = palloc0_object(PageRequest);
	CallsRequest *built;

	request->context = context;
	request->binding = binding;
	request->position = *position;
	request->number = pager->url != NULL ? pager->fetched + pager->nqueued + 1 : 1;
	if (position->text != NULL)
		request->position.text = pstrdup(position->text);
	built = calls_build_request(pager->def, pager->settings, binding,
								&request->position, false);
	if (pager->url != NULL)
		built->url = pstrdup(pager->url);
	request->url = built->url;
	request->fetch = calls_start_fetch(pager->fetcher, built);
	MemoryContextSwitchTo(old);
	return request;
}

static bool
same_position(const CallsPager *pager, const CallsPosition *a, const CallsPosition *b)
{
	if (a->size != b->size)
		return false;
	if (calls_counts_positions(pager))
		return a->number == b->number;
	if (a->text == NULL || b->text == NULL)
		return a->text == b->text;
	return strcmp(a->text, b->text) == 0;
}

/* Is the request for the position given, which next_url style has in the URL? */
static bool
is_for(const CallsPager *pager, const PageRequest *request, const CallsPosition *position)
{
	if (pager->def->paging.style == CALLS_PAGING_NEXT_URL && pager->url != NULL)
		return strcmp(request->url, pager->url) == 0;
	return same_position(pager, &request->position, position);
}

/* Rows that a page is expected to have: providers clamp what is asked for. */
static int
expected_rows(const CallsPager *pager)
{
	return pager->last_nrows > 0 && pager->last_size == pager->position.size
		? pager->last_nrows : calls_asked_size(pager);
}

/* The position "steps" pages after the next one, if no page surprises. */
static CallsPosition
position_after(const CallsPager *pager, int steps)
{
	CallsPosition position = pager->position;
	int			stride = 1;

	if (pager->def->paging.style == CALLS_PAGING_OFFSET)
		stride = Max(expected_rows(pager) - pager->overlap, 1);
	position.number += (int64) steps * stride;
	return position;
}

/* Is the position within the log, as far as the provider tells? */
static bool
is_within_total(const CallsPager *pager, const CallsPosition *position)
{
	int64		page = position->number - pager->def->paging.first;

	if (pager->def->paging.style == CALLS_PAGING_OFFSET)
		return position->number + pager->overlap < pager->total;
	if (pager->total_pages >= 0)
		return page < pager->total_pages;
	return page * expected_rows(pager) < pager->total;
}

/*
 * Page numbers: does max_requests leave room to read what is left, and then all
 * of it once more?  One page after the other would not have to be read again,
 * and a scan that may be read so must not fail because it was not.
 */
static bool
may_read_twice(const CallsPager *pager)
{
	const CallsSettings *settings = pager->settings;
	int64		read = pager->position.number - pager->def->paging.first;
	int64		pages = pager->total_pages >= 0 ? pager->total_pages
		: pager->total / expected_rows(pager) + 1;

	if (settings->max_requests == 0)
		return true;
	/* how many pages the other lists have is not known */
	if (pager->fetcher->nlists > 1)
		return false;
	return settings->max_requests - pager->fetcher->counters->requests >=
		Max(pages - read, 0) + pages + REREAD_REQUESTS + settings->max_connections;
}

/* May several pages be under way at once? */
static bool
may_overlap(const CallsPager *pager)
{
	CallsPosition last = {.number = pager->def->paging.first + MIN_OVERLAP_PAGES - 1};

	if (pager->def->paging.style == CALLS_PAGING_PAGE)
		return pager->may_overlap && is_within_total(pager, &last) && may_read_twice(pager);
	return pager->def->paging.style == CALLS_PAGING_OFFSET;
}

/* How many pages from the next one on may be under way, memory aside. */
static int64
wanted_pages(const CallsPager *pager)
{
	int64		rows = pager->horizon == CALLS_ALL_ROWS ? CALLS_ALL_ROWS
		: pager->horizon - pager->delivered;

	if (rows <= 0)
		return 0;
	if (!may_overlap(pager))
		return 1;
	return (rows - 1) / expected_rows(pager) + 1;
}

void
calls_look_ahead(CallsPager *pager)
{
	int64		wanted;
	int			spare;

	/* one page may be all that is wanted; back at an edge, nothing is sure */
	if (pager->finished || pager->fetched == 0 || pager->step_back > 0)
		return;
	wanted = wanted_pages(pager);
	spare = calls_spare_fetches(pager->fetcher, CALLS_AHEAD_BUDGET);
	while (pager->nqueued < wanted && spare-- > 0)
	{
		CallsPosition position = position_after(pager, pager->nqueued);
		PageRequest *request;

		if (pager->nqueued > 0 && !is_within_total(pager, &position))
			return;
		request = ask_for(pager, pager->binding, &position);
		pager->overlapped |= pager->nqueued > 0 && pager->settings->max_connections > 1;
		dlist_push_tail(&pager->queue, &request->node);
		pager->nqueued++;
	}
}

/* Drops what was asked for at positions that will not be wanted. */
static void
drop_misses(CallsPager *pager)
{
	int			steps = 0;
	dlist_iter	iter;

	dlist_foreach(iter, &pager->queue)
	{
		PageRequest *request = dlist_container(PageRequest, node, iter.cur);
		CallsPosition position = position_after(pager, steps++);

		if (!is_for(pager, request, &position))
		{
			drop_from(pager, request);
			return;
		}
	}
}

bool
calls_page_is_there(CallsPager *pager)
{
	drop_misses(pager);
	if (pager->nqueued == 0)
	{
		PageRequest *request = ask_for(pager, pager->binding, &pager->position);

		dlist_push_tail(&pager->queue, &request->node);
		pager->nqueued++;
	}
	calls_want_fetch(first_request(pager)->fetch);
	calls_poll_fetches(pager->fetcher);
	calls_look_ahead(pager);
	return calls_fetch_is_done(first_request(pager)->fetch);
}

void
calls_await_page(CallsPager *pager)
{
	calls_await_fetch(first_request(pager)->fetch);
}

/* Parses the reply of a request; its context becomes the batch's. */
static CallsBatch *
read_reply(CallsPager *pager, PageRequest *request)
{
	MemoryContext old = MemoryContextSwitchTo(request->context);
	CallsBatch *batch = palloc0_object(CallsBatch);
	CallsPageName name = {
		.def = pager->def, .settings = pager->settings, .binding = request->binding,
		.position = &request->position, .number = request->number
	};
	ErrorContextCallback callback = {
		.previous = error_context_stack, .callback = calls_name_page, .arg = &name
	};
	const CallsHttpReply *reply;

	error_context_stack = &callback;
	reply = calls_take_reply(request->fetch);
	batch->context = request->context;
	batch->npaths = pager->npaths;
	batch->url = request->url;
	batch->length = reply->length;
	calls_refuse_web_page(pager->settings, reply,
						  "Check the server options \"base_url\" and \"path\".");
	batch->page = calls_read_page(pager->reader, reply->body, reply->length);
	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old);
	pager->fetched++;
	pager->fetcher->counters->pages++;
	pager->fetcher->counters->rows += batch->page->nrows;
	calls_log_fetch(request->fetch, batch->page->nrows);
	return batch;
}

CallsBatch *
calls_take_page(CallsPager *pager)
{
	PageRequest *request = first_request(pager);
	CallsBatch *batch = read_reply(pager, request);

	unqueue(pager, request);
	return batch;
}

CallsBatch *
calls_read_aside(CallsPager *pager, const CallsBinding *binding,
				 const CallsPosition *position)
{
	PageRequest *request;

	calls_drop_requests(pager);
	request = ask_for(pager, binding, position);
	calls_await_fetch(request->fetch);
	return read_reply(pager, request);
}

void
calls_free_batch(CallsBatch *batch)
{
	MemoryContextDelete(batch->context);
}
