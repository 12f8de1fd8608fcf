/*-------------------------------------------------------------------------
 *
 * retry.c
 *		Whether a request is worth another try, and when.
 *
 * Requests only read, so any of them may be repeated.  Connection failures,
 * timeouts, 408, 425 and 5xx are tried again up to max_retries times with
 * exponential back-off and full jitter; a 429 that says how long to wait is
 * waited for and does not use up retries, but all such waits of a request
 * together may take no longer than as many of the longest as there are retries.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"

#include "compat.h"
#include "retry.h"

/* Back-off: uniform in [0, min(cap, base x 2^n)] milliseconds. */
#define BACKOFF_BASE		500
#define BACKOFF_CAP			30000

/*
 * Least wait in ms before a 429 is tried again, doubled each time up to a
 * limit: a provider that keeps saying "0" must not make a busy loop.
 */
#define MIN_RATE_WAIT		100
#define MAX_RATE_DOUBLINGS	7

bool
calls_is_retryable(const CallsHttpReply *reply)
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

/* Milliseconds to sleep before retry number "attempt", counted from 0. */
static int64
backoff(int attempt)
{
	int64		ceiling = BACKOFF_BASE;

	for (int i = 0; i < attempt && ceiling < BACKOFF_CAP; i++)
		ceiling *= 2;
	return (int64) (Min(ceiling, BACKOFF_CAP) * pg_prng_double(&pg_global_prng_state));
}

/*
 * Milliseconds to wait because of a 429 that asks for so many, or -1 where that
 * would be more than all of them may cause.
 */
static int64
refusal_pause(const CallsAttempts *attempts, const CallsSettings *settings, int64 stated)
{
	int64		most = (int64) Max(settings->max_retries, 1) * settings->max_retry_wait;
	int64		least = MIN_RATE_WAIT << Min(attempts->refusals, MAX_RATE_DOUBLINGS);
	int64		pause = Max(stated, Min(least, Max(settings->max_retry_wait, MIN_RATE_WAIT)));

	return attempts->refused_wait + pause <= most ? pause : -1;
}

int64
calls_retry_pause(CallsAttempts *attempts, const CallsSettings *settings,
				  const CallsHttpReply *reply, int64 stated)
{
	int64		pause;

	if (reply->status == 429 && stated >= 0)
		pause = refusal_pause(attempts, settings, stated);
	else if (attempts->failures < settings->max_retries)
	{
		pause = backoff(attempts->failures++);
		pause = Max(Min(stated, settings->max_retry_wait), pause);
	}
	else
		pause = -1;
	if (reply->status == 429)
	{
		attempts->refusals++;
		attempts->refused_wait += Max(pause, 0);
	}
	return pause;
}
