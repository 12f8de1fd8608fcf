/*-------------------------------------------------------------------------
 *
 * analyze.h
 *		ANALYZE of a foreign table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_ANALYZE_H
#define CALLS_ANALYZE_H

#include "postgres.h"

#include "foreign/fdwapi.h"

extern bool callsAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func,
									 BlockNumber *totalpages);

#endif							/* CALLS_ANALYZE_H */
