/*-------------------------------------------------------------------------
 *
 * fetch_private.h
 *		A fetch, as fetch.c and fetch_memory.c see it; for nobody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_FETCH_PRIVATE_H
#define CALLS_FETCH_PRIVATE_H

#include "postgres.h"

#include "fetch.h"
#include "governor.h"
#include "retry.h"

typedef enum FetchState
{
	FETCH_WAITING = 0,			/* for its time, or for others to end */
	FETCH_SENT,
	FETCH_DONE,					/* with a good reply */
	FETCH_FAILED,				/* with a reply that is an error */
	FETCH_PUT_OFF,				/* asked to wait for longer than allowed, by a
								 * reply to it or to an earlier request */
	FETCH_REFUSED,				/* by 429s, for as long as it may wait for them */
	FETCH_CAPPED				/* max_requests were sent */
} FetchState;

struct CallsFetch
{
	dlist_node	node;			/* in the fetcher's list */
	CallsFetcher *fetcher;
	MemoryContext context;		/* holds this and the transfer */
	MemoryContextCallback release;	/* of context: takes it off the list */
	CallsHttpRequest request;
	FetchState	state;
	int64		due;			/* waiting: not before; see calls_http_clock */
	CallsHttpWait reason;		/* what for */
	CallsTicket ticket;			/* for the governor */
	bool		held;			/* the governor has held it back for the
								 * provider's sake: counted */
	int64		number;			/* the fetcher's "sent" at the last attempt */
	int			together;		/* how many were under way then, with this one */
	int64		sent_at;		/* when that was; see calls_http_clock */
	int64		took;			/* ms from then to its reply */
	CallsHttpTransfer *transfer;	/* NULL while waiting */
	const CallsHttpReply *reply;	/* once done or failed */
	int64		stated;			/* put off: ms that the reply asked for */
	bool		withdrawn;		/* waiting: it was sent, and ended to save memory */
	CallsAttempts attempts;		/* that came to nothing */
};

/*
 * Ends requests under way whose replies take more memory than the scan may,
 * the latest first; they wait then until there is room.
 */
extern void calls_keep_to_budget(CallsFetcher *fetcher);

/* Is there room for one that was ended? */
extern bool calls_may_resume(CallsFetch *fetch);

#endif							/* CALLS_FETCH_PRIVATE_H */
