/*-------------------------------------------------------------------------
 *
 * retry.h
 *		Whether a request is worth another try, and when.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_RETRY_H
#define CALLS_RETRY_H

#include "postgres.h"

#include "http.h"
#include "option.h"

/* The attempts of one request that came to nothing. */
typedef struct CallsAttempts
{
	int			failures;		/* those that used up a retry */
	int			refusals;		/* those that a 429 answered, which used one up
								 * if it did not say how long to wait */
	int64		refused_wait;	/* ms that were waited because of these */
} CallsAttempts;

/* Is this worth another try? */
extern bool calls_is_retryable(const CallsHttpReply *reply);

/*
 * Milliseconds to wait before the next attempt, or -1 if there were enough, or
 * 429s have been waited for long enough.  Counts the one that led to the reply,
 * which is retryable; "stated" is how long it asks to wait, or -1.
 */
extern int64 calls_retry_pause(CallsAttempts *attempts, const CallsSettings *settings,
							   const CallsHttpReply *reply, int64 stated);

#endif							/* CALLS_RETRY_H */
