/*-------------------------------------------------------------------------
 *
 * lookahead.h
 *		Joins that ask for several calls at a time, by their ids: the node.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_LOOKAHEAD_H
#define CALLS_LOOKAHEAD_H

#include "postgres.h"

#include "nodes/extensible.h"

/* As EXPLAIN shows it. */
#define CALLS_LOOKAHEAD_NAME	"Calls Lookahead"

/* The methods of the plan's node. */
extern const CustomScanMethods *calls_lookahead_methods(void);

#endif							/* CALLS_LOOKAHEAD_H */
