/*-------------------------------------------------------------------------
 *
 * stats.c
 *		What each server has cost since the backend started.
 *
 * A scan counts for itself, in memory of its own; here its counters are only
 * looked at while it runs, and added up when its memory goes away.  So a scan
 * that fails or is cancelled counts like one that ends.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "compat.h"
#include "stats.h"

/* One server; never removed, since scans point to it. */
typedef struct ServerStats
{
	Oid			server;			/* hash key */
	CallsCounters ended;		/* of scans that are over */
	dlist_head	running;		/* of Watch */
} ServerStats;

/* The counters of one running scan. */
typedef struct Watch
{
	dlist_node	node;			/* in ServerStats.running */
	ServerStats *stats;
	const CallsCounters *counters;
	MemoryContextCallback callback;
} Watch;

static HTAB *servers = NULL;

/* Add counters to a sum. */
static void
add_counters(CallsCounters *sum, const CallsCounters *counters)
{
	sum->scans += counters->scans;
	sum->requests += counters->requests;
	sum->retries += counters->retries;
	sum->throttled += counters->throttled;
	sum->pages += counters->pages;
	sum->rows += counters->rows;
	sum->rechecked_away += counters->rechecked_away;
	sum->unverified += counters->unverified;
	sum->bytes += counters->bytes;
	sum->wait += counters->wait;
}

/* The entry of a server, made if need be. */
static ServerStats *
find_or_make(Oid serverid)
{
	ServerStats *stats;
	bool		found;

	if (servers == NULL)
	{
		HASHCTL		control = {
			.keysize = sizeof(Oid),
			.entrysize = sizeof(ServerStats),
			.hcxt = TopMemoryContext
		};

		servers = hash_create("calls_fdw statistics", 16, &control,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	stats = hash_search(servers, &serverid, HASH_ENTER, &found);
	if (!found)
	{
		memset(&stats->ended, 0, sizeof(stats->ended));
		dlist_init(&stats->running);
	}
	return stats;
}

/* A scan is over. */
static void
end_watch(void *arg)
{
	Watch	   *watch = arg;

	add_counters(&watch->stats->ended, watch->counters);
	dlist_delete(&watch->node);
}

void
calls_watch_counters(Oid serverid, const CallsCounters *counters)
{
	Watch	   *watch = palloc0_object(Watch);

	watch->stats = find_or_make(serverid);
	watch->counters = counters;
	watch->callback.func = end_watch;
	watch->callback.arg = watch;
	dlist_push_tail(&watch->stats->running, &watch->node);
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &watch->callback);
}

List *
calls_counted_servers(void)
{
	List	   *list = NIL;
	HASH_SEQ_STATUS status;
	ServerStats *stats;

	if (servers == NULL)
		return NIL;
	hash_seq_init(&status, servers);
	while ((stats = hash_seq_search(&status)) != NULL)
		list = lappend_oid(list, stats->server);
	return list;
}

CallsCounters
calls_server_counters(Oid serverid)
{
	CallsCounters sum = {0};
	ServerStats *stats = servers == NULL ? NULL :
		hash_search(servers, &serverid, HASH_FIND, NULL);
	dlist_iter	iter;

	if (stats == NULL)
		return sum;
	sum = stats->ended;
	dlist_foreach(iter, &stats->running)
		add_counters(&sum, dlist_container(Watch, node, iter.cur)->counters);
	return sum;
}
