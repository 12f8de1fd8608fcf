/*-------------------------------------------------------------------------
 *
 * count_scan.h
 *		Execution of a count.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_COUNT_SCAN_H
#define CALLS_COUNT_SCAN_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "nodes/plannodes.h"

#include "fetch.h"

/* Is this node a count? */
static inline bool
calls_is_count(const ForeignScanState *node)
{
	return ((const ForeignScan *) node->ss.ps.plan)->scan.scanrelid == 0;
}

/* The scan that a count stands for, somewhere below it. */
extern ForeignScanState *calls_counted_scan(ForeignScanState *node);

extern void calls_begin_count(ForeignScanState *node, int eflags);
extern TupleTableSlot *calls_iterate_count(ForeignScanState *node);
extern void calls_rescan_count(ForeignScanState *node);
extern void calls_end_count(ForeignScanState *node);

/* What the count itself has cost, or NULL where it never began (EXPLAIN). */
extern const CallsCounters *calls_count_counters(ForeignScanState *node);

#endif							/* CALLS_COUNT_SCAN_H */
