/*-------------------------------------------------------------------------
 *
 * lookahead_plan.h
 *		Joins that ask for several calls at a time, by their ids: the plan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_LOOKAHEAD_PLAN_H
#define CALLS_LOOKAHEAD_PLAN_H

#include "postgres.h"

/* Members of the node's custom_private; all are copyObject-safe. */
enum CallsLookaheadPrivateIndex
{
	/* Integer: number of the executor's parameter by which the scan that is
	 * joined makes itself known, a pointer to its ForeignScanState */
	CALLS_LOOKAHEAD_LINK,
	/* Integer: how many rows to hold */
	CALLS_LOOKAHEAD_ROWS,
	/* IntList: numbers of the parameters that the join passes on ... */
	CALLS_LOOKAHEAD_PARAMS,
	/* IntList: ... and of the columns that have their values */
	CALLS_LOOKAHEAD_COLUMNS
};

/* Once, from _PG_init: lets the planner consider such joins. */
extern void calls_init_lookahead(void);

#endif							/* CALLS_LOOKAHEAD_PLAN_H */
