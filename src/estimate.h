/*-------------------------------------------------------------------------
 *
 * estimate.h
 *		How many calls the planner thinks there are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_ESTIMATE_H
#define CALLS_ESTIMATE_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/*
 * Sets the size of a table whose CallsRelation is in fdw_private.  May ask the
 * provider for a total if the option use_remote_estimate says so; raises
 * nothing that is the provider's fault.
 */
extern void calls_estimate_size(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid);

/* How many calls satisfy the clauses (bare ones). */
extern double calls_estimate_rows(PlannerInfo *root, RelOptInfo *baserel, List *clauses);

#endif							/* CALLS_ESTIMATE_H */
