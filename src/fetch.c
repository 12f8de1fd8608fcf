/*-------------------------------------------------------------------------
 *
 * fetch.c
 *		The requests of a scan with all their attempts.
 *
 * What is worth another try, and when, is in retry.c; limits that scans share
 * are the governor's.
 *
 * How many requests are under way, up to max_connections, follows the provider:
 * see crowd.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "compat.h"
#include "fetch_private.h"
#include "report.h"
#include "retry.h"

/* Milliseconds after which a look is worth while at descriptors in use. */
#define ROOM_WAIT			50

static bool
is_success(const CallsHttpReply *reply)
{
	return reply->outcome == CALLS_HTTP_REPLY &&
		reply->status >= 200 && reply->status < 300;
}

/* Reset callback of a fetch's memory context. */
static void
release_fetch(void *arg)
{
	CallsFetch *fetch = arg;

	calls_leave_governor(&fetch->ticket);
	if (fetch->fetcher->wanted == fetch)
		fetch->fetcher->wanted = NULL;
	dlist_delete(&fetch->node);
	fetch->fetcher->nfetches--;
	if (fetch->state == FETCH_SENT)
		fetch->fetcher->under_way--;
}

/*
 * The provider is not happy: taken note of once for all requests that were
 * under way together.  Where a reply says how long to wait, it is not about
 * their number.
 */
static void
note_setback(CallsFetch *fetch)
{
	CallsFetcher *fetcher = fetch->fetcher;
	bool		paced = fetch->ticket.pace.wait >= 0;

	if (fetch->number <= fetcher->setback)
		return;
	calls_note_setback(&fetcher->crowd, Max(fetch->together, fetcher->under_way + 1), !paced);
	fetcher->setback = fetcher->sent;
}

/* What was sent before a setback tells nothing of what may be sent after it. */
static void
note_success(CallsFetch *fetch)
{
	CallsFetcher *fetcher = fetch->fetcher;

	if (fetch->number > fetcher->setback)
		calls_note_success(&fetcher->crowd, fetch->together);
	fetcher->largest = Max(fetcher->largest, fetch->reply->length);
}

static bool
cap_is_reached(const CallsFetcher *fetcher)
{
	int			cap = fetcher->settings->max_requests;

	return cap > 0 && fetcher->counters->requests >= cap;
}

/*
 * Does the governor let the request go?  Else makes sure that somebody looks
 * again, or puts it off.
 */
static bool
has_turn(CallsFetch *fetch)
{
	CallsFetcher *fetcher = fetch->fetcher;
	int64		left = 0;
	CallsTurn	turn = calls_ask_turn(&fetch->ticket, &left);

	fetch->reason = turn == CALLS_TURN_CROWDED ? CALLS_WAIT_REPLY : CALLS_WAIT_RATE_LIMIT;
	if (turn == CALLS_TURN_HELD && !fetch->held)
	{
		fetch->held = true;
		fetcher->counters->throttled++;
	}
	if (turn == CALLS_TURN_HELD && left > fetcher->settings->max_retry_wait)
	{
		fetch->state = FETCH_PUT_OFF;
		fetch->stated = left;
		fetch->due = calls_http_clock() + left;
		fetcher->ended++;
	}
	else if (turn != CALLS_TURN_NOW)
		calls_http_set_alarm(left);
	return turn == CALLS_TURN_NOW;
}

/*
 * Sends the request of a fetch that waits, if it is its turn; else makes sure
 * that somebody looks again.
 */
static void
send_if_due(CallsFetch *fetch)
{
	CallsFetcher *fetcher = fetch->fetcher;
	int64		left = fetch->due - calls_http_clock();
	MemoryContext old;

	if (left > 0)
	{
		calls_http_set_alarm(left);
		return;
	}
	fetch->reason = CALLS_WAIT_REPLY;
	if (fetch->withdrawn && !calls_may_resume(fetch))
		return;
	if (!calls_crowd_is_open(&fetcher->crowd, fetcher->under_way))
		return;
	if (cap_is_reached(fetcher))
	{
		fetch->state = FETCH_CAPPED;
		fetcher->ended++;
		return;
	}
	if (!calls_http_has_room() && calls_http_under_way() > 0)
	{
		/* others give their descriptors back */
		calls_http_set_alarm(ROOM_WAIT);
		return;
	}
	if (!has_turn(fetch))
		return;
	old = MemoryContextSwitchTo(fetch->context);
	fetch->transfer = calls_http_start(&fetch->request);
	MemoryContextSwitchTo(old);
	calls_use_turn(&fetch->ticket, fetch->transfer);
	fetch->held = false;
	fetch->withdrawn = false;
	fetch->state = FETCH_SENT;
	fetch->together = ++fetcher->under_way;
	fetcher->counters->requests++;
	fetch->number = ++fetcher->sent;
	fetch->sent_at = calls_http_clock();
}

/*
 * After a bad reply: waits for the next attempt, or gives up.
 */
static void
plan_retry(CallsFetch *fetch)
{
	const CallsSettings *settings = fetch->fetcher->settings;
	const CallsHttpReply *reply = fetch->reply;
	int64		stated = fetch->ticket.pace.wait;
	int64		pause;

	fetch->state = FETCH_FAILED;
	if (!calls_is_retryable(reply))
		return;
	note_setback(fetch);
	fetch->reason = CALLS_WAIT_RETRY;
	if (reply->status == 429)
	{
		fetch->fetcher->counters->throttled++;
		fetch->reason = CALLS_WAIT_RATE_LIMIT;
	}
	if (reply->status == 429 && stated > settings->max_retry_wait)
	{
		fetch->state = FETCH_PUT_OFF;
		fetch->stated = stated;
		return;
	}
	pause = calls_retry_pause(&fetch->attempts, settings, reply, stated);
	if (pause < 0)
	{
		if (reply->status == 429 && stated >= 0)
			fetch->state = FETCH_REFUSED;
		return;
	}
	calls_http_free(fetch->transfer);
	fetch->transfer = NULL;
	fetch->reply = NULL;
	fetch->due = calls_http_clock() + pause;
	fetch->fetcher->counters->retries++;
	fetch->state = FETCH_WAITING;
}

/*
 * No query, no body, and of the path what the definition or the option says,
 * since what fills it in may be nobody's business.
 */
void
calls_log_reply(const CallsFetcher *fetcher, const char *method,
				const CallsHttpReply *reply, int64 took, int rows)
{
	ereport(DEBUG1,
			(errmsg_internal("server \"%s\": %s %s: status %d, " INT64_FORMAT " ms, %d rows",
							 fetcher->settings->server_name, method,
							 fetcher->settings->path ? fetcher->settings->path
							 : fetcher->def->path,
							 reply->status, took, rows)));
}

void
calls_log_fetch(const CallsFetch *fetch, int rows)
{
	calls_log_reply(fetch->fetcher, fetch->request.method, fetch->reply, fetch->took, rows);
}

/* Takes note of a reply that has come. */
static void
receive_reply(CallsFetch *fetch)
{
	const CallsHttpReply *reply = calls_http_reply(fetch->transfer);

	if (reply->outcome == CALLS_HTTP_PENDING)
		return;
	fetch->reply = reply;
	calls_end_turn(&fetch->ticket, reply);
	fetch->fetcher->under_way--;
	fetch->fetcher->counters->bytes += reply->bytes;
	fetch->fetcher->counters->requests += reply->redirects;
	fetch->took = calls_http_clock() - fetch->sent_at;
	fetch->state = FETCH_DONE;
	if (is_success(reply))
		note_success(fetch);
	else
	{
		calls_log_fetch(fetch, 0);
		plan_retry(fetch);
	}
	fetch->fetcher->ended += calls_fetch_is_done(fetch);
}

void
calls_init_fetcher(CallsFetcher *fetcher, const CallsDefinition *def,
				   CallsSettings *settings, CallsCounters *counters)
{
	*fetcher = (CallsFetcher) {
		.def = def,
		.settings = settings,
		.counters = counters,
		.headers = calls_build_headers(def, settings)
	};
	calls_init_crowd(&fetcher->crowd, settings->max_connections);
	dlist_init(&fetcher->fetches);
}

CallsHttpRequest
calls_make_http_request(const CallsFetcher *fetcher, const CallsRequest *request)
{
	const CallsSettings *settings = fetcher->settings;

	return (CallsHttpRequest) {
		.method = request->method,
		.url = request->url,
		.headers = fetcher->headers,
		.body = request->body,
		.body_length = request->body ? strlen(request->body) : 0,
		.connect_timeout = settings->connect_timeout,
		.request_timeout = settings->request_timeout,
		.max_size = (size_t) settings->max_response_size * 1024,
		.ca_file = settings->ca_file,
		.proxy = settings->proxy,
		.trusted = settings->trusted,
		.pool = settings->pool,
	};
}

CallsFetch *
calls_start_fetch(CallsFetcher *fetcher, const CallsRequest *request)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw fetch",
												  ALLOCSET_SMALL_SIZES);
	CallsFetch *fetch = MemoryContextAllocZero(context, sizeof(CallsFetch));

	fetch->fetcher = fetcher;
	fetch->context = context;
	fetch->request = calls_make_http_request(fetcher, request);
	dlist_push_tail(&fetcher->fetches, &fetch->node);
	fetcher->nfetches++;
	fetch->release.func = release_fetch;
	fetch->release.arg = fetch;
	MemoryContextRegisterResetCallback(context, &fetch->release);
	calls_enter_governor(&fetch->ticket, fetcher->def, fetcher->settings);
	send_if_due(fetch);
	return fetch;
}

void
calls_poll_fetches(CallsFetcher *fetcher)
{
	dlist_iter	iter;

	calls_http_drive(false);
	dlist_foreach(iter, &fetcher->fetches)
	{
		CallsFetch *fetch = dlist_container(CallsFetch, node, iter.cur);

		if (fetch->state == FETCH_SENT)
			receive_reply(fetch);
	}
	calls_keep_to_budget(fetcher);
	/* those that wait have their turn when all that ended are counted */
	dlist_foreach(iter, &fetcher->fetches)
	{
		CallsFetch *fetch = dlist_container(CallsFetch, node, iter.cur);

		/* nobody may have wanted the page while it was put off */
		if (fetch->state == FETCH_PUT_OFF && fetch->reply == NULL &&
			fetch->due <= calls_http_clock())
			fetch->state = FETCH_WAITING;
		if (fetch->state == FETCH_WAITING)
			send_if_due(fetch);
	}
}

/*
 * What the scan waits for: replies, if any may come, else whatever the first
 * request waits for.
 */
static CallsHttpWait
wait_reason(const CallsFetcher *fetcher)
{
	dlist_iter	iter;

	if (fetcher->under_way > 0)
		return CALLS_WAIT_REPLY;
	dlist_foreach(iter, unconstify(dlist_head *, &fetcher->fetches))
	{
		const CallsFetch *fetch = dlist_container(CallsFetch, node, iter.cur);

		if (fetch->state == FETCH_WAITING)
			return fetch->reason;
	}
	return CALLS_WAIT_REPLY;
}

/*
 * Is there something to do without waiting?  A transfer may have ended, or an
 * alarm gone off, while another fetch was looked after.
 */
static bool
has_work(CallsFetcher *fetcher)
{
	int64		ended = fetcher->ended;
	dlist_iter	iter;

	/* also sets the alarm again, if it has to be */
	dlist_foreach(iter, &fetcher->fetches)
	{
		CallsFetch *fetch = dlist_container(CallsFetch, node, iter.cur);

		if (fetch->state == FETCH_WAITING)
			send_if_due(fetch);
	}
	dlist_foreach(iter, &fetcher->fetches)
	{
		CallsFetch *fetch = dlist_container(CallsFetch, node, iter.cur);

		if (fetch->state == FETCH_SENT &&
			calls_http_reply(fetch->transfer)->outcome != CALLS_HTTP_PENDING)
			return true;
	}
	return fetcher->ended != ended;
}

void
calls_wait_fetches(CallsFetcher *fetcher)
{
	instr_time	start;
	instr_time	end;

	if (has_work(fetcher))
		return;
	INSTR_TIME_SET_CURRENT(start);
	calls_http_wait(wait_reason(fetcher));
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	fetcher->counters->wait += (int64) INSTR_TIME_GET_MICROSEC(end);
}

bool
calls_fetch_is_done(const CallsFetch *fetch)
{
	return fetch->state != FETCH_WAITING && fetch->state != FETCH_SENT;
}

void
calls_await_fetch(CallsFetch *fetch)
{
	calls_want_anew(fetch->fetcher);
	calls_want_fetch(fetch);
	for (;;)
	{
		calls_poll_fetches(fetch->fetcher);
		if (calls_fetch_is_done(fetch))
			return;
		calls_wait_fetches(fetch->fetcher);
	}
}

/* The scan has used up its requests. */
static void
report_cap(const CallsFetcher *fetcher)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("scan of server \"%s\" needs more than max_requests (%d) requests",
					fetcher->settings->server_name, fetcher->settings->max_requests),
			 fetcher->unused_filter != NULL
			 ? errhint("Narrow the query with a condition on \"%s\", or raise \"max_requests\".",
					   fetcher->unused_filter)
			 : errhint("Narrow the query with a condition that the provider can evaluate, as EXPLAIN (VERBOSE) shows under \"Remote Filter\", or raise \"max_requests\".")));
}

const CallsHttpReply *
calls_take_reply(CallsFetch *fetch)
{
	CallsFetcher *fetcher = fetch->fetcher;

	/* then the scan may be waiting for another one */
	if (fetcher->wanted == fetch)
		fetcher->wanted = NULL;
	switch (fetch->state)
	{
		case FETCH_DONE:
			break;
		case FETCH_FAILED:
			calls_report_reply(fetcher->def, fetcher->settings, fetch->reply,
							   fetch->attempts.failures + 1);
			break;
		case FETCH_PUT_OFF:
			calls_report_wait(fetcher->def, fetcher->settings, fetch->reply, fetch->stated);
			break;
		case FETCH_REFUSED:
			calls_report_refusals(fetcher->def, fetcher->settings, fetch->reply,
								  fetch->attempts.refusals, fetch->attempts.refused_wait);
			break;
		case FETCH_CAPPED:
			report_cap(fetcher);
			break;
		default:
			elog(ERROR, "a reply was taken before it came");
	}
	return fetch->reply;
}

bool
calls_fetch_is_missing(const CallsFetch *fetch)
{
	return fetch->state == FETCH_FAILED &&
		fetch->reply->outcome == CALLS_HTTP_REPLY && fetch->reply->status == 404 &&
		!calls_is_web_page(fetch->reply);
}

const CallsHttpReply *
calls_fetch(CallsFetcher *fetcher, const CallsRequest *request)
{
	CallsFetch *fetch = calls_start_fetch(fetcher, request);

	calls_await_fetch(fetch);
	return calls_take_reply(fetch);
}
