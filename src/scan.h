/*-------------------------------------------------------------------------
 *
 * scan.h
 *		Execution: a slot per call.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_SCAN_H
#define CALLS_SCAN_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "fetch.h"
#include "filter.h"

extern void calls_begin_scan(ForeignScanState *node, int eflags);
extern TupleTableSlot *calls_iterate_scan(ForeignScanState *node);
extern void calls_rescan_scan(ForeignScanState *node);
extern void calls_end_scan(ForeignScanState *node);

/* What a scan asks for, for a count that stands in its place. */
typedef struct CallsScanQuery
{
	const CallsDefinition *def;
	CallsSettings *settings;
	const CallsTableColumn *columns;
	bool		all_quals;		/* nothing but predicates in the qual */
	int			npredicates;
	const CallsPredicate *predicates;	/* operands are known */
} CallsScanQuery;

/*
 * Evaluates the operands of a scan that has begun.  The query points into the
 * scan, values are in CurrentMemoryContext.
 */
extern void calls_ask_scan(ForeignScanState *node, ExprContext *econtext,
						   CallsScanQuery *query);

/*
 * The scan will be rescanned with the parameter values that are set now, after
 * those of earlier calls of this function: asks for what it will read, if these
 * are calls named by their ids and there is room for another request.
 */
extern void calls_expect_rescan(ForeignScanState *node);

/* There will be no such rescans. */
extern void calls_forget_expected(ForeignScanState *node);

/* Asynchronous: did the last Iterate find no row, though there may be more? */
extern bool calls_scan_is_pending(ForeignScanState *node);

/*
 * Asynchronous: a descriptor that is readable when the scan should look again.
 * It is the scan's; -1 where none can be spared for it.  Raises HV00N.
 */
extern int	calls_scan_descriptor(ForeignScanState *node);

/* What the scan has cost, or NULL where it never began (EXPLAIN). */
extern const CallsCounters *calls_scan_counters(ForeignScanState *node);

#endif							/* CALLS_SCAN_H */
