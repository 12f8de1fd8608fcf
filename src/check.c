/*-------------------------------------------------------------------------
 *
 * check.c
 *		Do the address and the key of a server work?
 *
 * One request for one call, which is no fetch: who asks wants to know now, so
 * nothing is tried again.  It counts for the limits on the rate of requests as
 * all others do: it has its turn after them, and what its reply says of the
 * limits holds for those that follow.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "portability/instr_time.h"

#include "check.h"
#include "compat.h"
#include "fetch.h"
#include "governor.h"
#include "list_page.h"
#include "request.h"
#include "stats.h"

/* The request for the first call of the log. */
static CallsRequest *
make_request(const CallsDefinition *def, const CallsSettings *settings)
{
	CallsBinding binding = {.or_qual = -1};
	CallsPosition position = calls_first_position(def, settings, 1);

	return calls_build_request(def, settings, &binding, &position, false);
}

/* Reset callback of the check's memory context. */
static void
leave_governor(void *arg)
{
	calls_leave_governor(arg);
}

/* A ticket that is left with CurrentMemoryContext, which holds it. */
static CallsTicket *
make_ticket(const CallsFetcher *fetcher)
{
	CallsTicket *ticket = palloc0_object(CallsTicket);
	MemoryContextCallback *release = palloc0_object(MemoryContextCallback);

	release->func = leave_governor;
	release->arg = ticket;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, release);
	calls_enter_governor(ticket, fetcher->def, fetcher->settings);
	return ticket;
}

static int64
microseconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

/*
 * Waits until the request may be sent.  Returns 0 then, and otherwise the
 * milliseconds for which the provider wants none, more than max_retry_wait.
 */
static int64
await_turn(CallsTicket *ticket, CallsCounters *counters)
{
	bool		held = false;
	CallsTurn	turn;
	int64		left;
	instr_time	start;

	while ((turn = calls_ask_turn(ticket, &left)) != CALLS_TURN_NOW)
	{
		if (turn == CALLS_TURN_HELD && !held)
		{
			held = true;
			counters->throttled++;
		}
		if (turn == CALLS_TURN_HELD && left > ticket->settings->max_retry_wait)
			return left;
		INSTR_TIME_SET_CURRENT(start);
		calls_http_set_alarm(left);
		calls_http_wait(turn == CALLS_TURN_CROWDED ? CALLS_WAIT_REPLY : CALLS_WAIT_RATE_LIMIT);
		counters->wait += microseconds_since(start);
	}
	return 0;
}

/*
 * Sends a request whose turn it is and waits for the reply, counting what it
 * costs.  Leaves in *took how many microseconds that was.
 */
static const CallsHttpReply *
send_request(const CallsFetcher *fetcher, const CallsRequest *request,
			 CallsTicket *ticket, int64 *took)
{
	CallsHttpRequest sent = calls_make_http_request(fetcher, request);
	CallsCounters *counters = fetcher->counters;
	CallsHttpTransfer *transfer;
	const CallsHttpReply *reply;
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	transfer = calls_http_start(&sent);
	calls_use_turn(ticket, transfer);
	counters->requests++;
	while ((reply = calls_http_reply(transfer))->outcome == CALLS_HTTP_PENDING)
		calls_http_wait(CALLS_WAIT_REPLY);
	calls_end_turn(ticket, reply);
	*took = microseconds_since(start);
	counters->wait += *took;
	counters->bytes += reply->bytes;
	counters->requests += reply->redirects;
	if (reply->status == 429)
		counters->throttled++;
	return reply;
}

/* Is the body of a good reply what the definition says?  Takes the total. */
static void
check_page(const CallsDefinition *def, const CallsSettings *settings,
		   const CallsHttpReply *reply, CallsCounters *counters, CallsCheck *check)
{
	const char *key = def->columns[def->key].path;
	CallsPageReader *reader = calls_make_list_reader(def, 0, NULL);
	CallsPage  *page = calls_try_read_page(reader, reply->body, reply->length);

	check->failure.sqlstate = ERRCODE_FDW_ERROR;
	if (page == NULL)
	{
		check->failure.message = psprintf("the reply of server \"%s\" is no list of calls",
										  settings->server_name);
		check->failure.hint = "Check the server options \"base_url\" and \"path\", and \"rows\" in the definition.";
		return;
	}
	counters->pages++;
	counters->rows += page->nrows;
	if (page->nrows > 0 && page->cells[0].kind != CALLS_JSON_STRING &&
		page->cells[0].kind != CALLS_JSON_NUMBER)
	{
		check->failure.message = psprintf("a call of server \"%s\" has no \"%s\"",
										  settings->server_name, key);
		check->failure.hint = "Check the path of call_id in the definition.";
		return;
	}
	check->total = calls_member_number(page, CALLS_MEMBER_TOTAL);
	check->ok = true;
}

/* The check's result from a reply; its texts are in CurrentMemoryContext. */
static CallsCheck
judge_reply(const CallsFetcher *fetcher, const CallsHttpReply *reply)
{
	CallsCheck	check = {.total = -1};

	if (reply->outcome == CALLS_HTTP_REPLY)
		check.status = reply->status;
	if (reply->outcome == CALLS_HTTP_REPLY && reply->status >= 200 && reply->status < 300)
		check_page(fetcher->def, fetcher->settings, reply, fetcher->counters, &check);
	else
		check.failure = calls_describe_reply(fetcher->def, fetcher->settings, reply, 1);
	return check;
}

CallsCheck
calls_check_server(Oid serverid, Oid user)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "calls_fdw check",
												  ALLOCSET_DEFAULT_SIZES);
	CallsCheck	check = {.milliseconds = -1, .total = -1};
	CallsCounters *counters;
	const CallsDefinition *def;
	CallsSettings *settings;
	CallsFetcher fetcher;
	CallsTicket *ticket;
	int64		wait;

	MemoryContextSwitchTo(context);
	settings = calls_get_server_settings(serverid, user, &def);
	counters = palloc0_object(CallsCounters);
	counters->scans = 1;
	calls_watch_counters(serverid, counters);
	calls_init_fetcher(&fetcher, def, settings, counters);
	ticket = make_ticket(&fetcher);
	wait = await_turn(ticket, counters);
	if (wait > 0)
	{
		MemoryContextSwitchTo(caller);
		check.failure = calls_describe_wait(def, settings, NULL, wait);
	}
	else
	{
		const CallsRequest *request = make_request(def, settings);
		int64		took;
		const CallsHttpReply *reply = send_request(&fetcher, request, ticket, &took);

		MemoryContextSwitchTo(caller);
		check = judge_reply(&fetcher, reply);
		check.milliseconds = took / 1000.0;
		calls_log_reply(&fetcher, request->method, reply, took / 1000, counters->rows);
	}
	MemoryContextDelete(context);
	return check;
}
