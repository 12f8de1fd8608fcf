/*-------------------------------------------------------------------------
 *
 * governor.c
 *		When may the next request to a server be sent?
 *
 * Three things keep a request back:
 *
 * - The provider asked to wait, by a 429 or 503 or with no requests remaining
 *	 until its reset.  Then nobody sends until that is over.
 * - Fewer requests remain until the reset than are under way: each of them may
 *	 take one of those, so their replies are waited for.
 * - rate_limit.  Each request reserves the next free slot, 1/rate after the one
 *	 before, so scans have their turn in the order in which they asked.  Slots
 *	 may be used late by what a bucket of BURST_SECONDS, at least MIN_BURST
 *	 requests, would let through at once; later they have expired, and another
 *	 one is needed.  So within any second there are at most rate_limit requests
 *	 and one bucket.
 *
 * Nothing depends on a scan being read on: the governor looks itself for the
 * replies to what is under way, and a slot that is not used passes by.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_foreign_server.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "governor.h"

/* What a bucket holds: a tenth of a second's worth, at least two requests. */
#define BURST_SECONDS		0.1
#define MIN_BURST			2

/*
 * A provider that asked for a longer pause is asked again after an hour: a
 * session may live for weeks, and the provider change its mind.
 */
#define MAX_HOLD			(3600 * 1000)

/* Resets told as durations are the same one if they differ by less: they are in
 * whole seconds. */
#define RESET_SLACK			1500

/* Milliseconds after which a look is worth while at requests under way. */
#define CROWDED_WAIT		1000

/* Governors kept; beyond, those go that are not in use. */
#define MAX_GOVERNORS		256

typedef struct GovernorKey
{
	Oid			server;
	Oid			user;
} GovernorKey;

/* Times are those of calls_http_clock. */
struct CallsGovernor
{
	GovernorKey key;			/* must be first */
	uint32		server_hash;	/* the server's, in the catalog cache */
	int			tickets;		/* that have entered */
	dlist_head	under_way;		/* of these, sent and reply not seen */
	int			nunder_way;
	double		next_slot;		/* rate_limit: the first one that is free */
	int64		held_until;		/* nothing is sent before */
	int64		remaining;		/* requests that the provider will take ... */
	int64		reset;			/* ... until then; 0: it has not said */
	int64		moment;			/* that as the provider told it; see CallsPace */
	int64		limit;			/* and then anew; one, if it does not say */
};

static HTAB *governors = NULL;

/*
 * A server or user mapping has changed: what was learned of the limits may be
 * another account's, and rate_limit another one.
 */
static void
forget_limits(Datum arg, int cache, uint32 hash)
{
	HASH_SEQ_STATUS status;
	CallsGovernor *governor;

	(void) arg;
	hash_seq_init(&status, governors);
	while ((governor = hash_seq_search(&status)) != NULL)
	{
		/* which mapping a user has may change with any of them */
		if (cache == FOREIGNSERVEROID && hash != 0 && hash != governor->server_hash)
			continue;
		governor->held_until = 0;
		governor->reset = 0;
		if (cache == FOREIGNSERVEROID)
			governor->next_slot = 0;
	}
}

static void
make_governors(void)
{
	HASHCTL		control = {
		.keysize = sizeof(GovernorKey),
		.entrysize = sizeof(CallsGovernor),
		.hcxt = TopMemoryContext
	};

	governors = hash_create("calls_fdw governors", 16, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, forget_limits, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, forget_limits, (Datum) 0);
}

/* Is there anything to remember? */
static bool
is_idle(const CallsGovernor *governor, int64 now)
{
	return governor->next_slot <= now && governor->held_until <= now &&
		governor->reset <= now;
}

/* Makes room for another governor: by idle ones, else by any not in use. */
static void
drop_unused(void)
{
	int64		now = calls_http_clock();

	for (int pass = 0; pass < 2 && hash_get_num_entries(governors) >= MAX_GOVERNORS; pass++)
	{
		HASH_SEQ_STATUS status;
		CallsGovernor *governor;

		hash_seq_init(&status, governors);
		while ((governor = hash_seq_search(&status)) != NULL)
			if (governor->tickets == 0 && (pass > 0 || is_idle(governor, now)))
				hash_search(governors, &governor->key, HASH_REMOVE, NULL);
	}
}

void
calls_enter_governor(CallsTicket *ticket, const CallsDefinition *def,
					 const CallsSettings *settings)
{
	GovernorKey key = {.server = settings->server, .user = settings->user};
	CallsGovernor *governor;

	if (governors == NULL)
		make_governors();
	governor = hash_search(governors, &key, HASH_FIND, NULL);
	if (governor == NULL)
	{
		uint32		hash = GetSysCacheHashValue1(FOREIGNSERVEROID, ObjectIdGetDatum(key.server));

		drop_unused();
		governor = hash_search(governors, &key, HASH_ENTER, NULL);
		memset((char *) governor + sizeof(key), 0, sizeof(*governor) - sizeof(key));
		dlist_init(&governor->under_way);
		governor->server_hash = hash;
	}
	governor->tickets++;
	ticket->governor = governor;
	ticket->def = def;
	ticket->settings = settings;
}

/* A request was answered without a word of how many remain, or not at all. */
static void
count_down(CallsGovernor *governor)
{
	if (governor->remaining > 0)
		governor->remaining--;
}

/*
 * Is the reset that a reply tells, "reset" by our clock, a later one than the
 * one that is known (> 0), the same, or an earlier one (< 0)?  Where moments are
 * told they decide: a reply that was left alone for a while tells its duration
 * late.
 */
static int
compare_reset(const CallsGovernor *governor, const CallsPace *pace, int64 reset)
{
	if (pace->moment >= 0 && governor->moment >= 0)
		return pace->moment == governor->moment ? 0 : pace->moment > governor->moment ? 1 : -1;
	if (reset > governor->reset + RESET_SLACK)
		return 1;
	return reset > governor->reset - RESET_SLACK ? 0 : -1;
}

/* Takes note of a reply, which came just now. */
static void
note_reply(CallsTicket *ticket, const CallsHttpReply *reply)
{
	CallsGovernor *governor = ticket->governor;
	int64		now = calls_http_clock();
	const CallsPace *pace = &ticket->pace;
	int64		longest = reply->status == 429 ? MAX_HOLD : ticket->settings->max_retry_wait;
	int64		reset;
	int			order;

	ticket->pace = calls_read_pace(ticket->def, reply);
	if (pace->wait > 0)
		governor->held_until = Max(governor->held_until, now + Min(pace->wait, longest));
	if (pace->remaining < 0 || pace->reset <= 0)
	{
		count_down(governor);
		return;
	}
	governor->limit = Max(pace->limit, 1);
	reset = now + Min(pace->reset, MAX_HOLD);
	/* replies to requests under way together come in any order */
	order = compare_reset(governor, pace, reset);
	if (governor->reset <= now || order > 0)
	{
		governor->remaining = pace->remaining;
		governor->reset = reset;
		governor->moment = pace->moment;
	}
	else if (order == 0)
		governor->remaining = Min(governor->remaining, pace->remaining);
}

/* The request is not under way any more. */
static void
unlist(CallsTicket *ticket)
{
	if (ticket->transfer == NULL)
		return;
	dlist_delete(&ticket->node);
	ticket->governor->nunder_way--;
	ticket->transfer = NULL;
}

/* Looks for replies, also to requests of scans that nobody reads on. */
static void
look_for_replies(CallsGovernor *governor)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &governor->under_way)
	{
		CallsTicket *ticket = dlist_container(CallsTicket, node, iter.cur);
		const CallsHttpTransfer *transfer = ticket->transfer;

		if (!calls_http_is_done(transfer))
			continue;
		/* where the reply raises, it is not to raise again */
		unlist(ticket);
		note_reply(ticket, calls_http_reply(transfer));
	}
}

/* Milliseconds until the request's slot, which is reserved if it has none. */
static double
await_slot(CallsTicket *ticket, int64 now)
{
	CallsGovernor *governor = ticket->governor;
	double		rate = ticket->settings->rate_limit;
	double		interval = 1000 / rate;
	double		bucket = Max(MIN_BURST, rate * BURST_SECONDS);
	double		lateness = (bucket - 1) * interval;

	if (ticket->slot == 0 || ticket->slot < now - lateness)
	{
		ticket->slot = Max(governor->next_slot, now - lateness);
		governor->next_slot = ticket->slot + interval;
	}
	return ticket->slot - now;
}

/* Gives a slot back that will not be used, if it is the last one. */
static void
release_slot(CallsTicket *ticket)
{
	if (ticket->slot != 0 &&
		ticket->slot + 1000 / ticket->settings->rate_limit == ticket->governor->next_slot)
		ticket->governor->next_slot = ticket->slot;
	ticket->slot = 0;
}

/* May the requests under way take all that the provider has left? */
static bool
is_crowded(const CallsGovernor *governor, int64 now)
{
	if (governor->reset == 0)
		return false;
	return governor->nunder_way >=
		(governor->reset > now ? governor->remaining : governor->limit);
}

CallsTurn
calls_ask_turn(CallsTicket *ticket, int64 *wait)
{
	CallsGovernor *governor = ticket->governor;
	int64		now;

	look_for_replies(governor);
	now = calls_http_clock();
	if (governor->held_until > now)
	{
		*wait = governor->held_until - now;
		return CALLS_TURN_HELD;
	}
	if (is_crowded(governor, now))
	{
		*wait = governor->reset > now ? governor->reset - now : CROWDED_WAIT;
		return governor->nunder_way > 0 ? CALLS_TURN_CROWDED : CALLS_TURN_HELD;
	}
	if (ticket->settings->rate_limit > 0)
	{
		double		left = await_slot(ticket, now);

		if (left > 0)
		{
			*wait = (int64) ceil(left);
			return CALLS_TURN_PACED;
		}
	}
	return CALLS_TURN_NOW;
}

void
calls_use_turn(CallsTicket *ticket, const CallsHttpTransfer *transfer)
{
	ticket->slot = 0;
	ticket->transfer = transfer;
	dlist_push_tail(&ticket->governor->under_way, &ticket->node);
	ticket->governor->nunder_way++;
}

void
calls_end_turn(CallsTicket *ticket, const CallsHttpReply *reply)
{
	/* else another request has looked before */
	if (ticket->transfer != NULL)
	{
		unlist(ticket);
		note_reply(ticket, reply);
	}
}

void
calls_leave_governor(CallsTicket *ticket)
{
	if (ticket->governor == NULL)
		return;
	if (ticket->transfer != NULL)
		count_down(ticket->governor);
	unlist(ticket);
	release_slot(ticket);
	ticket->governor->tickets--;
	ticket->governor = NULL;
}
