/*-------------------------------------------------------------------------
 *
 * execute.c
 *		The executor's callbacks: a node is a scan, or a count.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "count_scan.h"
#include "execute.h"
#include "scan.h"

void
callsBeginForeignScan(ForeignScanState *node, int eflags)
{
	if (calls_is_count(node))
		calls_begin_count(node, eflags);
	else
		calls_begin_scan(node, eflags);
}

TupleTableSlot *
callsIterateForeignScan(ForeignScanState *node)
{
	return calls_is_count(node) ? calls_iterate_count(node) : calls_iterate_scan(node);
}

void
callsReScanForeignScan(ForeignScanState *node)
{
	if (calls_is_count(node))
		calls_rescan_count(node);
	else
		calls_rescan_scan(node);
}

void
callsEndForeignScan(ForeignScanState *node)
{
	if (calls_is_count(node))
		calls_end_count(node);
	else
		calls_end_scan(node);
}
