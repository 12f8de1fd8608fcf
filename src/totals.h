/*-------------------------------------------------------------------------
 *
 * totals.h
 *		The totals that this backend has seen lately, for the planner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_TOTALS_H
#define CALLS_TOTALS_H

#include "postgres.h"

#include "bind.h"

/* Any age of a total will do. */
#define CALLS_ANY_AGE		(-1)

/*
 * Remembers how many calls a server has for a user under the filters of a
 * binding that one request can carry, or (-1) that it could not be known.
 */
extern void calls_note_total(Oid server, Oid user, const CallsBinding *binding, int64 total);

/*
 * Recalls a total that is at most "max_age" milliseconds old; false if there is
 * none.
 */
extern bool calls_recall_total(Oid server, Oid user, const CallsBinding *binding,
							   int max_age, int64 *total);

/* Could the total not be known when it was asked for in the last "max_age" ms? */
extern bool calls_total_is_unknown(Oid server, Oid user, const CallsBinding *binding,
								   int max_age);

/* Prepares the memory; called once, at load time. */
extern void calls_init_totals(void);

#endif							/* CALLS_TOTALS_H */
