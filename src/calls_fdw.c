/*-------------------------------------------------------------------------
 *
 * calls_fdw.c
 *		Entry of the extension: magic, initialisation, callbacks.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "utils/guc.h"

#include "analyze.h"
#include "async.h"
#include "count_plan.h"
#include "execute.h"
#include "explain.h"
#include "http.h"
#include "import.h"
#include "lookahead_plan.h"
#include "plan.h"
#include "progress.h"
#include "totals.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(calls_fdw_handler);

void		_PG_init(void);

void
_PG_init(void)
{
	calls_http_init();
	calls_init_progress();
	MarkGUCPrefixReserved("calls_fdw");
	calls_init_totals();
	calls_init_lookahead();
}

Datum
calls_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	(void) fcinfo;
	routine->GetForeignRelSize = callsGetForeignRelSize;
	routine->GetForeignPaths = callsGetForeignPaths;
	routine->GetForeignPlan = callsGetForeignPlan;
	routine->GetForeignUpperPaths = callsGetForeignUpperPaths;
	routine->BeginForeignScan = callsBeginForeignScan;
	routine->IterateForeignScan = callsIterateForeignScan;
	routine->ReScanForeignScan = callsReScanForeignScan;
	routine->EndForeignScan = callsEndForeignScan;
	routine->IsForeignPathAsyncCapable = callsIsForeignPathAsyncCapable;
	routine->ForeignAsyncRequest = callsForeignAsyncRequest;
	routine->ForeignAsyncConfigureWait = callsForeignAsyncConfigureWait;
	routine->ForeignAsyncNotify = callsForeignAsyncNotify;
	routine->ExplainForeignScan = callsExplainForeignScan;
	routine->AnalyzeForeignTable = callsAnalyzeForeignTable;
	routine->ImportForeignSchema = callsImportForeignSchema;
	PG_RETURN_POINTER(routine);
}
