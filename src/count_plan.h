/*-------------------------------------------------------------------------
 *
 * count_plan.h
 *		Plans that take a count from the provider's total.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_COUNT_PLAN_H
#define CALLS_COUNT_PLAN_H

#include "postgres.h"

#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

extern void callsGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
									  RelOptInfo *input_rel, RelOptInfo *output_rel,
									  void *extra);

/* callsGetForeignPlan for the path of a count. */
extern ForeignScan *calls_make_count(ForeignPath *path, List *tlist, Plan *outer_plan);

#endif							/* CALLS_COUNT_PLAN_H */
