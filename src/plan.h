/*-------------------------------------------------------------------------
 *
 * plan.h
 *		Planning: costs, paths, and what a plan tells the executor.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_PLAN_H
#define CALLS_PLAN_H

#include "postgres.h"

#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

/*
 * Members of ForeignScan.fdw_private.  All are copyObject-safe; nothing in
 * them depends on the definition's file, which may change before the plan
 * runs.
 */
enum CallsScanPrivateIndex
{
	/* see calls_restore_predicates; their operands come first in fdw_exprs */
	CALLS_SCAN_PREDICATES,
	/* IntList of attribute numbers to fill in */
	CALLS_SCAN_ATTRIBUTES,
	/* Boolean: every clause of the plan's qual is a predicate */
	CALLS_SCAN_ALL_QUALS,
	/* Integer: number of expressions after the operands: 0, or LIMIT, or
	 * LIMIT and OFFSET */
	CALLS_SCAN_LIMIT_EXPRS,
	/* Integer: a CallsOrderDirection that the scan promises */
	CALLS_SCAN_ORDER,
	/* Boolean: the query may stop before it has read all rows */
	CALLS_SCAN_STOPS_EARLY,
	/* Integer: up to how many ids the calls are asked for one by one; 0: the
	 * list is read */
	CALLS_SCAN_MAX_IDS,
	/* Integer: number of the executor's parameter by which the scan makes
	 * itself known to a lookahead, or -1; see lookahead_plan.c */
	CALLS_SCAN_LINK
};

/*
 * Members of a path's fdw_private: Integers that become members of the plan's.
 */
enum CallsPathPrivateIndex
{
	CALLS_PATH_ORDER,
	CALLS_PATH_MAX_IDS,
	CALLS_PATH_LINK
};

extern void callsGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel,
								   Oid foreigntableid);
extern void callsGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
								 Oid foreigntableid);
extern bool callsIsForeignPathAsyncCapable(ForeignPath *path);
extern ForeignScan *callsGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel,
										Oid foreigntableid, ForeignPath *best_path,
										List *tlist, List *scan_clauses,
										Plan *outer_plan);

#endif							/* CALLS_PLAN_H */
