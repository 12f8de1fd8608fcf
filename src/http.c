/*-------------------------------------------------------------------------
 *
 * http.c
 *		Transfers from their start to what came of them.
 *
 * What a status or a body means, and whether to try again, is left to the
 * callers.  What drives the transfers is in http_reactor.c, their options and
 * buffers in http_transfer.c, kept connections in http_pool.c, URLs and dates
 * in http_url.c; these five are all that calls libcurl.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <signal.h>

#include "compat.h"
#include "http_reactor.h"
#include "http_transfer.h"
#include "utils/memutils.h"

/* Removes a transfer and frees what only libcurl needed.  Raises nothing. */
static void
detach_transfer(CallsHttpTransfer *transfer)
{
	sigset_t	saved;

	calls_enter_libcurl(&saved);
	if (transfer->attached)
		calls_reactor_remove(transfer);
	curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
	calls_leave_pool(transfer->pool);
	transfer->pool = NULL;
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	calls_leave_libcurl(&saved);
}

/* Reset callback of a transfer's memory context. */
static void
release_transfer(void *arg)
{
	CallsHttpTransfer *transfer = arg;

	detach_transfer(transfer);
	free(transfer->body);
	transfer->body = NULL;
	free(transfer->proxy);
	transfer->proxy = NULL;
}

/* What an error of libcurl means to a caller. */
static CallsHttpOutcome
outcome_of(const CallsHttpTransfer *transfer, CURLcode code)
{
	if (transfer->too_large)
		return CALLS_HTTP_TOO_LARGE;
	if (code != CURLE_OK && transfer->refused != CALLS_VERDICT_FINE &&
		!transfer->permitted)
		return CALLS_HTTP_FORBIDDEN;

	switch (code)
	{
		case CURLE_OK:
			return CALLS_HTTP_REPLY;
		case CURLE_COULDNT_RESOLVE_PROXY:
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_CONNECT:
		case CURLE_PROXY:
		case CURLE_SSL_CONNECT_ERROR:	/* certificates have other codes */
			return CALLS_HTTP_UNREACHABLE;
		case CURLE_OPERATION_TIMEDOUT:
			return CALLS_HTTP_TIMEOUT;
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_PARTIAL_FILE:
		case CURLE_GOT_NOTHING:
		case CURLE_SEND_ERROR:
		case CURLE_RECV_ERROR:
		case CURLE_HTTP2:
		case CURLE_HTTP2_STREAM:
		case CURLE_ABORTED_BY_CALLBACK: /* register_socket or _timer failed */
			return CALLS_HTTP_BROKEN;
		default:
			return CALLS_HTTP_REFUSED;
	}
}

/*
 * A timeout that struck while nobody looked, say because the client let a
 * cursor rest, is not the provider's.
 */
static bool
was_neglected(const CallsHttpTransfer *transfer)
{
	curl_off_t	total = 0;		/* in microseconds */

	curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &total);
	return calls_reactor_neglect(transfer) * 1000 > (double) total / 2;
}

/* Leaves in "message" one line about a failed transfer. */
static void
describe_failure(CallsHttpTransfer *transfer, CURLcode code)
{
	char	   *message = transfer->message;
	size_t		size = sizeof(transfer->message);
	char	   *c;

	if (transfer->reply.outcome == CALLS_HTTP_TOO_LARGE)
		snprintf(message, size, "The body is larger than %zu bytes",
				 transfer->max_size);
	else if (transfer->reply.outcome == CALLS_HTTP_FORBIDDEN)
		strlcpy(message, calls_verdict_text(transfer->refused), size);
	else if (code == CURLE_OPERATION_TIMEDOUT &&
			 transfer->reply.outcome == CALLS_HTTP_BROKEN)
		strlcpy(message, "The timeout struck while the session was idle",
				size);
	else if (message[0] == '\0' ||
			 (transfer->proxy != NULL && transfer->proxy[0] != '\0' &&
			  strstr(message, transfer->proxy) != NULL))
		strlcpy(message, curl_easy_strerror(code), size);

	for (c = message; *c != '\0'; c++)
	{
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

/* Fills in the reply of a transfer that has ended. */
static void
end_transfer(CallsHttpTransfer *transfer, CURLcode code)
{
	CallsHttpReply *reply = &transfer->reply;
	const ReplyHeaders *received = &transfer->received;
	long		status = 0;
	curl_off_t	bytes = 0;

	if (code == CURLE_OUT_OF_MEMORY)
		transfer->out_of_memory = true;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
	reply->status = (int) status;
	reply->bytes = transfer->earlier_bytes + (uint64) bytes;
	reply->redirects = transfer->redirects;
	reply->address = transfer->address;
	if (transfer->body != NULL)
	{
		calls_http_trim(transfer);
		reply->body = transfer->body;
	}
	reply->length = transfer->length;
	reply->content_type = received->content_type;
	if (received->date[0] != '\0')
		reply->date = Max(calls_http_parse_date(received->date), 0);
	if (received->retry_after[0] != '\0')
		reply->retry_after = received->retry_after;
	if (received->rate_reset[0] != '\0')
		reply->rate_reset = received->rate_reset;
	if (received->rate_limit[0] != '\0')
		reply->rate_limit = received->rate_limit;
	if (received->rate_remaining[0] != '\0')
		reply->rate_remaining = received->rate_remaining;

	reply->outcome = outcome_of(transfer, code);
	if (reply->outcome == CALLS_HTTP_TIMEOUT && was_neglected(transfer))
		reply->outcome = CALLS_HTTP_BROKEN;
	if (reply->outcome != CALLS_HTTP_REPLY)
	{
		describe_failure(transfer, code);
		reply->message = transfer->message;
	}
	else if (transfer->stop != NULL)
		reply->message = transfer->stop;
	detach_transfer(transfer);
}

/* Takes a transfer that libcurl is done with; false if it goes on elsewhere. */
static bool
finish_transfer(CallsHttpTransfer *transfer, CURLcode code)
{
	if (code == CURLE_OK && calls_http_redirect(transfer))
	{
		if (calls_reactor_restart(transfer))
			return false;
		transfer->out_of_memory = true;
	}
	end_transfer(transfer, code);
	return true;
}

CallsHttpTransfer *
calls_http_start(const CallsHttpRequest *request)
{
	MemoryContext context;
	CallsHttpTransfer *transfer;
	sigset_t	saved;

	calls_reactor_prepare();

	context = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw transfer",
									ALLOCSET_SMALL_SIZES);
	transfer = MemoryContextAllocZero(context, sizeof(CallsHttpTransfer));
	transfer->context = context;
	transfer->max_size = request->max_size;
	transfer->reply.body = "";
	transfer->reply.message = "";
	transfer->reply.content_type = "";
	transfer->reply.address = "";
	transfer->release.func = release_transfer;
	transfer->release.arg = transfer;
	MemoryContextRegisterResetCallback(context, &transfer->release);

	calls_enter_libcurl(&saved);
	transfer->easy = curl_easy_init();
	transfer->pool = calls_join_pool(request->pool);
	calls_leave_libcurl(&saved);
	if (transfer->easy == NULL || transfer->pool == NULL)
		calls_http_check_code(CURLE_OUT_OF_MEMORY);
	calls_http_prepare(transfer, request);

	calls_reactor_start(transfer);
	return transfer;
}

const CallsHttpReply *
calls_http_reply(const CallsHttpTransfer *transfer)
{
	if (transfer->out_of_memory)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed while receiving an HTTP reply.")));
	return &transfer->reply;
}

size_t
calls_http_memory(const CallsHttpTransfer *transfer)
{
	return transfer->capacity;
}

bool
calls_http_is_done(const CallsHttpTransfer *transfer)
{
	return transfer->reply.outcome != CALLS_HTTP_PENDING;
}

void
calls_http_free(CallsHttpTransfer *transfer)
{
	MemoryContextDelete(transfer->context);
}

void
calls_http_init(void)
{
	CURLcode	code;
	sigset_t	saved;

	calls_init_guard();
	calls_init_reactor(finish_transfer);

	/* libcurl would write the keys of all TLS connections to that file. */
	unsetenv("SSLKEYLOGFILE");

	calls_enter_libcurl(&saved);
	code = curl_global_init(CURL_GLOBAL_DEFAULT);
	calls_leave_libcurl(&saved);
	if (code != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				 errmsg("could not initialize libcurl: %s",
						curl_easy_strerror(code))));
}
