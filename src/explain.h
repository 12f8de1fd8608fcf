/*-------------------------------------------------------------------------
 *
 * explain.h
 *		What EXPLAIN shows of a scan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_EXPLAIN_H
#define CALLS_EXPLAIN_H

#include "postgres.h"

#include "compat.h"

extern void callsExplainForeignScan(ForeignScanState *node, ExplainState *es);

#endif							/* CALLS_EXPLAIN_H */
