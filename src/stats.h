/*-------------------------------------------------------------------------
 *
 * stats.h
 *		What each server has cost since the backend started.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_STATS_H
#define CALLS_STATS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "fetch.h"

/*
 * Adds counters to a server's: while CurrentMemoryContext lives as they are at
 * the time, and for good when it goes away, however that happens.  They must
 * live as long as the context.  Raises 53200 where memory is short.
 */
extern void calls_watch_counters(Oid serverid, const CallsCounters *counters);

/* Servers with counters: a List of Oid, dropped servers included. */
extern List *calls_counted_servers(void);

/* A server's counters up to now; zero for one that has none. */
extern CallsCounters calls_server_counters(Oid serverid);

#endif							/* CALLS_STATS_H */
