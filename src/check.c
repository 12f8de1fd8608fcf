/*-------------------------------------------------------------------------
 *
 * check.c
 *		Do the address and the key of a server work?
 *
 * One request for one call, which is no fetch: who asks wants to know now,
 * so nothing is tried again and nothing waited for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "portability/instr_time.h"

#include "check.h"
#include "compat.h"
#include "fetch.h"
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

/* Sends a request and waits for the reply, counting what it costs. */
static const CallsHttpReply *
send_request(const CallsFetcher *fetcher, const CallsRequest *request)
{
	CallsHttpRequest sent = calls_make_http_request(fetcher, request);
	CallsCounters *counters = fetcher->counters;
	CallsHttpTransfer *transfer;
	const CallsHttpReply *reply;
	instr_time	start;
	instr_time	end;

	INSTR_TIME_SET_CURRENT(start);
	counters->requests++;
	transfer = calls_http_start(&sent);
	while ((reply = calls_http_reply(transfer))->outcome == CALLS_HTTP_PENDING)
		calls_http_wait(CALLS_WAIT_REPLY);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	counters->wait += (int64) INSTR_TIME_GET_MICROSEC(end);
	counters->bytes += reply->bytes;
	counters->requests += reply->redirects;
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

CallsCheck
calls_check_server(Oid serverid, Oid user)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "calls_fdw check",
												  ALLOCSET_DEFAULT_SIZES);
	CallsCheck	check = {.total = -1};
	CallsCounters *counters;
	const CallsDefinition *def;
	CallsSettings *settings;
	CallsFetcher fetcher;
	const CallsHttpReply *reply;

	MemoryContextSwitchTo(context);
	settings = calls_get_server_settings(serverid, user, &def);
	counters = palloc0_object(CallsCounters);
	counters->scans = 1;
	calls_watch_counters(serverid, counters);
	calls_init_fetcher(&fetcher, def, settings, counters);
	reply = send_request(&fetcher, make_request(def, settings));

	MemoryContextSwitchTo(caller);
	if (reply->outcome == CALLS_HTTP_REPLY)
		check.status = reply->status;
	check.milliseconds = counters->wait / 1000.0;
	if (reply->outcome == CALLS_HTTP_REPLY && reply->status >= 200 && reply->status < 300)
		check_page(def, settings, reply, counters, &check);
	else
		check.failure = calls_describe_reply(def, settings, reply, 1);
	MemoryContextDelete(context);
	return check;
}
