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

extern void callsBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *callsIterateForeignScan(ForeignScanState *node);
extern void callsReScanForeignScan(ForeignScanState *node);
extern void callsEndForeignScan(ForeignScanState *node);

/* Asynchronous: did the last Iterate find no row, though there may be more? */
extern bool calls_scan_is_pending(ForeignScanState *node);

/*
 * Asynchronous: a descriptor that is readable when the scan should look again.
 * It is the scan's.  Raises HV00N.
 */
extern int	calls_scan_descriptor(ForeignScanState *node);

/* What the scan has cost, or NULL where it never began (EXPLAIN). */
extern const CallsCounters *calls_scan_counters(ForeignScanState *node);

#endif							/* CALLS_SCAN_H */
