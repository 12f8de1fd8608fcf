/*-------------------------------------------------------------------------
 *
 * fetch.h
 *		One request -> one good reply: retries, back-off, rate limits, errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_FETCH_H
#define CALLS_FETCH_H

#include "postgres.h"

#include "definition.h"
#include "http.h"
#include "option.h"

/* What a scan has cost so far. */
typedef struct CallsCounters
{
	int64		requests;		/* sent, retries included */
	int64		retries;		/* of these, repeated after a failure or 429 */
	int64		pages;			/* replies read */
	int64		rows;			/* calls in them, repeats included */
	int64		bytes;			/* of bodies, as received */
	int64		wait;			/* microseconds spent waiting */
} CallsCounters;

typedef struct CallsFetcher
{
	const CallsDefinition *def;
	const CallsSettings *settings;
	List	   *headers;		/* see calls_build_headers */
	CallsCounters *counters;
} CallsFetcher;

/*
 * Sends a request and waits for its reply, which has a 2xx status.  The reply
 * and the transfer belong to CurrentMemoryContext; *transfer lets the caller
 * free them earlier.  Raises what report.h says, 53400 beyond max_requests,
 * and what CHECK_FOR_INTERRUPTS raises.
 */
extern const CallsHttpReply *calls_fetch(CallsFetcher *fetcher, const char *method,
										 const char *url, const char *body,
										 CallsHttpTransfer **transfer);

#endif							/* CALLS_FETCH_H */
