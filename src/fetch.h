/*-------------------------------------------------------------------------
 *
 * fetch.h
 *		Requests -> good replies, several at a time: retries, back-off, rate
 *		limits, errors.
 *
 * A fetch is one request with all its attempts.  It starts by itself when the
 * scan may have another request under way, goes on whenever the scan polls,
 * and belongs to a memory context; when that goes away, so does the fetch.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_FETCH_H
#define CALLS_FETCH_H

#include "postgres.h"

#include "lib/ilist.h"

#include "crowd.h"
#include "definition.h"
#include "http.h"
#include "option.h"
#include "request.h"

/*
 * Bytes that the replies of a scan may take, under way and waiting, beyond the
 * page that is being consumed: 16 MB together with what is made of them, which
 * takes about as much again.
 */
#define CALLS_AHEAD_BUDGET	(8 * 1024 * 1024)

/* What a scan has cost so far. */
typedef struct CallsCounters
{
	int64		scans;			/* times that reading a log was begun */
	int64		requests;		/* sent, retries included */
	int64		retries;		/* of these, repeated after a failure or 429 */
	int64		throttled;		/* replies that asked to slow down, and requests
								 * held back because of what one said */
	int64		pages;			/* replies read */
	int64		rows;			/* calls in them, repeats included */
	int64		rechecked_away; /* of these, returned against a filter that was
								 * sent */
	int64		unverified;		/* lists read whose end nothing confirmed */
	int64		bytes;			/* of bodies, as received */
	int64		wait;			/* microseconds spent waiting */
} CallsCounters;

typedef struct CallsFetch CallsFetch;

/* What the fetches of one scan share. */
typedef struct CallsFetcher
{
	const CallsDefinition *def;
	const CallsSettings *settings;
	List	   *headers;		/* see calls_build_headers */
	CallsCounters *counters;
	int			nlists;			/* lists that the scan reads; 0 unless the caller
								 * sets it */
	const char *unused_filter;	/* for the hint where max_requests ends the scan;
								 * see calls_unused_filter; NULL unless the
								 * caller sets it */

	dlist_head	fetches;		/* all there are, oldest first */
	int			nfetches;
	int			under_way;		/* of these, sent and not answered */
	int64		ended;			/* how many ever came to an end */
	CallsCrowd	crowd;			/* how many may be under way */
	int64		sent;			/* attempts made */
	int64		setback;		/* "sent" when one was last refused or failed */
	size_t		largest;		/* bytes of the largest body so far */
	CallsFetch *wanted;			/* the scan waits for its reply; NULL: not
								 * known, or it went away */
} CallsFetcher;

/*
 * Fills in a fetcher that has no fetch yet; the headers go to
 * CurrentMemoryContext.  All that is given must stay.
 */
extern void calls_init_fetcher(CallsFetcher *fetcher, const CallsDefinition *def,
							   CallsSettings *settings, CallsCounters *counters);

/* What is sent for a request; its strings stay the request's. */
extern CallsHttpRequest calls_make_http_request(const CallsFetcher *fetcher,
												const CallsRequest *request);

/*
 * Starts a fetch owned by CurrentMemoryContext, which must also keep the
 * request's strings.  The request is sent now, or by a poll once fewer than
 * max_connections are under way.
 */
extern CallsFetch *calls_start_fetch(CallsFetcher *fetcher, const CallsRequest *request);

/*
 * Does what can be done for all fetches of the scan without waiting.  Raises
 * nothing about a reply: that waits until it is taken.
 */
extern void calls_poll_fetches(CallsFetcher *fetcher);

/*
 * Waits until something may have changed for the fetches; raises what
 * CHECK_FOR_INTERRUPTS raises.
 */
extern void calls_wait_fetches(CallsFetcher *fetcher);

/*
 * Memory does not keep back the fetch that the scan waits for: that is the first
 * of which this is said since it was begun anew to say so.
 */
extern void calls_want_anew(CallsFetcher *fetcher);
extern void calls_want_fetch(CallsFetch *fetch);

/* Has the fetch come to its end, good or bad? */
extern bool calls_fetch_is_done(const CallsFetch *fetch);

/* Polls and waits until it has. */
extern void calls_await_fetch(CallsFetch *fetch);

/*
 * The reply of a fetch that is done; its status is 2xx.  It belongs to the
 * fetch.  Raises what report.h says, and 53400 beyond max_requests.
 */
extern const CallsHttpReply *calls_take_reply(CallsFetch *fetch);

/*
 * Does the reply of a fetch that is done say that there is no such thing: 404,
 * and not with a web page, which comes from a wrong address?
 */
extern bool calls_fetch_is_missing(const CallsFetch *fetch);

/*
 * At DEBUG1, tells of a reply that was taken and had so many rows.  Replies that
 * are errors are told of by themselves.
 */
extern void calls_log_fetch(const CallsFetch *fetch, int rows);

/* The same for a reply to a request that is no fetch, after so many ms. */
extern void calls_log_reply(const CallsFetcher *fetcher, const char *method,
							const CallsHttpReply *reply, int64 took, int rows);

/*
 * How many more fetches could be sent at once, for pages that nobody waits for
 * yet?  "budget" is the memory in bytes that all replies may take together.
 */
extern int	calls_spare_fetches(const CallsFetcher *fetcher, size_t budget);

/* Starts a fetch, waits for it and takes its reply. */
extern const CallsHttpReply *calls_fetch(CallsFetcher *fetcher, const CallsRequest *request);

#endif							/* CALLS_FETCH_H */
