/*-------------------------------------------------------------------------
 *
 * fetch.c
 *		Retries, back-off and rate limits around one request.
 *
 * Requests only read, so any of them may be repeated.  Connection failures,
 * timeouts, 408, 425 and 5xx are tried again up to max_retries times with
 * exponential back-off and full jitter; a 429 that says how long to wait is
 * waited for and does not use up retries.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "portability/instr_time.h"

#include "compat.h"
#include "fetch.h"
#include "report.h"

/* Back-off: uniform in [0, min(cap, base x 2^n)] milliseconds. */
#define BACKOFF_BASE		500
#define BACKOFF_CAP			30000

/*
 * Least wait in ms before a 429 is tried again, doubled each time up to a
 * limit: a provider that keeps saying "0" must not make a busy loop.
 */
#define MIN_RATE_WAIT		100
#define MAX_RATE_DOUBLINGS	7

/* Numbers from here on are seconds since 1970 (this one is in 2001). */
#define FIRST_EPOCH			1000000000

/* Milliseconds to sleep before retry number "attempt", counted from 0. */
static int64
backoff(int attempt)
{
	int64		ceiling = BACKOFF_BASE;

	for (int i = 0; i < attempt && ceiling < BACKOFF_CAP; i++)
		ceiling *= 2;
	return (int64) (Min(ceiling, BACKOFF_CAP) * pg_prng_double(&pg_global_prng_state));
}

/* A header that is nothing but a number of seconds; -1 if it is not. */
static int64
parse_seconds(const char *text)
{
	char	   *end;
	long long	value;

	errno = 0;
	value = strtoll(text, &end, 10);
	while (*end == ' ')
		end++;
	if (end == text || *end != '\0' || errno != 0 || value < 0)
		return -1;
	return value;
}

/*
 * Milliseconds that a reply asks to wait, or -1 where it does not say.  Points
 * in time are taken relative to the reply's own Date, so that a wrong clock
 * here does no harm.
 */
static int64
stated_wait(const CallsHttpReply *reply)
{
	int64		now = reply->date > 0 ? reply->date : (int64) time(NULL);
	int64		seconds = -1;

	/* RFC 9110 section 10.2.3: seconds, or an HTTP date */
	if (reply->retry_after != NULL)
	{
		seconds = parse_seconds(reply->retry_after);
		if (seconds < 0)
		{
			int64		then = calls_http_parse_date(reply->retry_after);

			if (then >= 0)
				seconds = Max(then - now, 0);
		}
	}
	else if (reply->rate_reset != NULL && reply->status == 429)
	{
		/* a point in time, or with some APIs a number of seconds */
		seconds = parse_seconds(reply->rate_reset);
		if (seconds >= FIRST_EPOCH)
			seconds = Max(seconds - now, 0);
	}
	return seconds < 0 ? -1 : Min(seconds, PG_INT32_MAX) * 1000;
}

/* Is this worth another try? */
static bool
is_retryable(const CallsHttpReply *reply)
{
	switch (reply->outcome)
	{
		case CALLS_HTTP_UNREACHABLE:
		case CALLS_HTTP_TIMEOUT:
		case CALLS_HTTP_BROKEN:
			return true;
		case CALLS_HTTP_REPLY:
			return reply->status == 408 || reply->status == 425 ||
				reply->status == 429 || reply->status >= 500;
		default:
			return false;
	}
}

static bool
is_success(const CallsHttpReply *reply)
{
	return reply->outcome == CALLS_HTTP_REPLY &&
		reply->status >= 200 && reply->status < 300;
}

/* Raises if the scan has used up its requests. */
static void
check_request_cap(const CallsFetcher *fetcher)
{
	int			cap = fetcher->settings->max_requests;

	if (cap > 0 && fetcher->counters->requests >= cap)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("scan of server \"%s\" needs more than max_requests (%d) requests",
						fetcher->settings->server_name, cap),
				 errhint("Narrow the query with a condition that the provider can evaluate, as EXPLAIN (VERBOSE) shows under \"Remote Filter\", or raise \"max_requests\".")));
}

/* One attempt; the time it takes is counted. */
static const CallsHttpReply *
attempt(CallsFetcher *fetcher, const CallsHttpRequest *request,
		CallsHttpTransfer **transfer)
{
	const CallsHttpReply *reply;
	instr_time	start;
	instr_time	end;

	check_request_cap(fetcher);
	INSTR_TIME_SET_CURRENT(start);
	fetcher->counters->requests++;
	*transfer = calls_http_start(request);
	reply = calls_http_wait(*transfer);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	fetcher->counters->wait += (int64) INSTR_TIME_GET_MICROSEC(end);
	fetcher->counters->bytes += reply->bytes;
	return reply;
}

/*
 * Milliseconds to wait before the next attempt.  Raises where there must be
 * none.  *failures counts what uses up retries, *throttled what does not.
 */
static int64
wait_before_retry(CallsFetcher *fetcher, const CallsHttpReply *reply,
				  int *failures, int *throttled)
{
	const CallsSettings *settings = fetcher->settings;
	int64		stated = reply->outcome == CALLS_HTTP_REPLY &&
		(reply->status == 429 || reply->status == 503) ? stated_wait(reply) : -1;
	int64		pause;

	if (!is_retryable(reply))
		calls_report_reply(fetcher->def, settings, reply, *failures + 1);
	if (reply->status == 429 && stated >= 0)
	{
		if (stated > settings->max_retry_wait)
			calls_report_wait(fetcher->def, settings, reply, stated);
		pause = MIN_RATE_WAIT << Min(*throttled, MAX_RATE_DOUBLINGS);
		(*throttled)++;
		return Max(stated, pause);
	}
	if (*failures >= settings->max_retries)
		calls_report_reply(fetcher->def, settings, reply, *failures + 1);
	pause = backoff(*failures);
	(*failures)++;
	return Max(Min(stated, settings->max_retry_wait), pause);
}

const CallsHttpReply *
calls_fetch(CallsFetcher *fetcher, const char *method, const char *url,
			const char *body, CallsHttpTransfer **transfer)
{
	const CallsSettings *settings = fetcher->settings;
	CallsHttpRequest request = {
		.method = method,
		.url = url,
		.headers = fetcher->headers,
		.body = body,
		.body_length = body ? strlen(body) : 0,
		.connect_timeout = settings->connect_timeout,
		.request_timeout = settings->request_timeout,
		.max_size = (size_t) settings->max_response_size * 1024,
		.ca_file = settings->ca_file,
		.proxy = settings->proxy,
	};
	int			failures = 0;
	int			throttled = 0;

	for (;;)
	{
		const CallsHttpReply *reply = attempt(fetcher, &request, transfer);
		int64		wait;

		if (is_success(reply))
			return reply;
		wait = wait_before_retry(fetcher, reply, &failures, &throttled);
		calls_http_free(*transfer);
		*transfer = NULL;
		calls_http_sleep(wait);
		fetcher->counters->wait += wait * 1000;
		fetcher->counters->retries++;
	}
}
