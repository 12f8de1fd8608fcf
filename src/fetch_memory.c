/*-------------------------------------------------------------------------
 *
 * fetch_memory.c
 *		The memory that the replies of a scan take up.
 *
 * How large replies are shows when they come: a log may begin with small calls
 * and go on with ones of megabytes, while many requests are under way.  Those
 * that go beyond the budget are ended and sent again when their page is
 * wanted, or when there is room; the page that the scan waits for always goes
 * on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fetch_private.h"

/* Buffers grow by doubling: until its reply is whole, a body may take twice its size. */
#define BYTES_PER_BYTE		2

void
calls_want_anew(CallsFetcher *fetcher)
{
	fetcher->wanted = NULL;
}

void
calls_want_fetch(CallsFetch *fetch)
{
	if (fetch->fetcher->wanted == NULL)
		fetch->fetcher->wanted = fetch;
}

static size_t
bytes_held(const CallsFetch *fetch)
{
	return fetch->transfer == NULL ? 0 : calls_http_memory(fetch->transfer);
}

/*
 * What all replies take up, or will when those under way are as large as the
 * largest so far.
 */
static size_t
bytes_expected(const CallsFetcher *fetcher)
{
	size_t		sum = 0;
	dlist_iter	iter;

	dlist_foreach(iter, unconstify(dlist_head *, &fetcher->fetches))
	{
		const CallsFetch *fetch = dlist_container(CallsFetch, node, iter.cur);
		size_t		held = bytes_held(fetch);

		sum += fetch->state == FETCH_SENT ? Max(held, fetcher->largest * BYTES_PER_BYTE) : held;
	}
	return sum;
}

/* Ends a request that is under way; it is as if it had not been sent yet. */
static void
withdraw(CallsFetch *fetch)
{
	CallsFetcher *fetcher = fetch->fetcher;

	fetcher->largest = Max(fetcher->largest, bytes_held(fetch) / BYTES_PER_BYTE);
	calls_leave_governor(&fetch->ticket);
	calls_http_free(fetch->transfer);
	fetch->transfer = NULL;
	fetch->state = FETCH_WAITING;
	fetch->reason = CALLS_WAIT_REPLY;
	fetch->withdrawn = true;
	fetcher->under_way--;
	calls_enter_governor(&fetch->ticket, fetcher->def, fetcher->settings);
}

void
calls_keep_to_budget(CallsFetcher *fetcher)
{
	size_t		held = 0;
	dlist_iter	iter;

	/* where requests are counted, none is sent twice */
	if (fetcher->settings->max_requests > 0)
		return;
	dlist_foreach(iter, &fetcher->fetches)
	{
		CallsFetch *fetch = dlist_container(CallsFetch, node, iter.cur);

		if (fetch != fetcher->wanted)
			held += bytes_held(fetch);
	}
	dlist_reverse_foreach(iter, &fetcher->fetches)
	{
		CallsFetch *fetch = dlist_container(CallsFetch, node, iter.cur);
		size_t		bytes = bytes_held(fetch);

		if (held <= CALLS_AHEAD_BUDGET)
			return;
		if (fetch->state != FETCH_SENT || fetch == fetcher->wanted || bytes == 0)
			continue;
		withdraw(fetch);
		held -= bytes;
	}
}

bool
calls_may_resume(CallsFetch *fetch)
{
	CallsFetcher *fetcher = fetch->fetcher;

	/* where nothing else goes on, it must not be ended again */
	if (fetcher->under_way == 0 && fetcher->wanted == NULL)
		fetcher->wanted = fetch;
	if (fetch == fetcher->wanted)
		return true;
	return bytes_expected(fetcher) + fetcher->largest * BYTES_PER_BYTE <= CALLS_AHEAD_BUDGET;
}

/* Is one of the fetches not sent yet, or to be tried again? */
static bool
is_held_back(const CallsFetcher *fetcher)
{
	dlist_iter	iter;

	dlist_foreach(iter, unconstify(dlist_head *, &fetcher->fetches))
	{
		CallsFetch *fetch = dlist_container(CallsFetch, node, iter.cur);

		if (fetch->state == FETCH_PUT_OFF || fetch->state == FETCH_WAITING)
			return true;
	}
	return false;
}

int
calls_spare_fetches(const CallsFetcher *fetcher, size_t budget)
{
	const CallsSettings *settings = fetcher->settings;
	int64		spare = (int) fetcher->crowd.allowed - fetcher->under_way;

	if (settings->max_requests > 0)
		spare = Min(spare, settings->max_requests - fetcher->counters->requests);
	if (fetcher->largest > 0)
		spare = Min(spare, ((int64) budget - (int64) bytes_expected(fetcher)) /
					(int64) (fetcher->largest * BYTES_PER_BYTE));
	/* a provider in trouble is not asked for more than it has to be */
	if (spare <= 0 || is_held_back(fetcher) || !calls_http_has_room())
		return 0;
	return (int) spare;
}
