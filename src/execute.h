/*-------------------------------------------------------------------------
 *
 * execute.h
 *		The executor's callbacks.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_EXECUTE_H
#define CALLS_EXECUTE_H

#include "postgres.h"

#include "nodes/execnodes.h"

extern void callsBeginForeignScan(ForeignScanState *node, int eflags);
extern TupleTableSlot *callsIterateForeignScan(ForeignScanState *node);
extern void callsReScanForeignScan(ForeignScanState *node);
extern void callsEndForeignScan(ForeignScanState *node);

#endif							/* CALLS_EXECUTE_H */
