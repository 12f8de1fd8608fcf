/*-------------------------------------------------------------------------
 *
 * scan.c
 *		Execution: a slot per call.
 *
 * Begin resolves options and columns; the first Iterate evaluates the
 * parameters, binds the filters and sends the first request.  Values live in
 * the executor's per-tuple context, a page in the pager's, everything else in
 * a context that ends with the scan and takes transfers and buffers with it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "executor/executor.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "bind.h"
#include "compat.h"
#include "filter.h"
#include "option.h"
#include "pager.h"
#include "plan.h"
#include "row.h"
#include "scan.h"

typedef struct CallsScanState
{
	/* from the catalogs and the plan */
	const CallsDefinition *def;
	CallsSettings *settings;
	CallsTableColumn *columns;
	int			npredicates;
	CallsPredicate *predicates;
	bool		all_quals;		/* nothing but predicates in the qual */
	List	   *operands;		/* ExprStates, as in CallsPlanFilter.exprs */
	List	   *limit;			/* ExprStates of LIMIT and OFFSET */

	CallsRowReader *reader;

	/* the run, anew after a rescan with other parameters */
	MemoryContext run_context;
	bool		started;
	bool		empty;			/* the predicates contradict each other */
	CallsPager *pager;
	const CallsBatch *batch;
	int			row;			/* next row of the batch */

	/* for the whole scan */
	MemoryContext context;
	CallsCounters counters;
} CallsScanState;

void
callsBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Relation	rel = node->ss.ss_currentRelation;
	List	   *attributes = list_nth(plan->fdw_private, CALLS_SCAN_ATTRIBUTES);
	int			nlimit = intVal(list_nth(plan->fdw_private, CALLS_SCAN_LIMIT_EXPRS));
	CallsScanState *state;
	MemoryContext context;
	MemoryContext old;
	List	   *exprs;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;

	context = AllocSetContextCreate(node->ss.ps.state->es_query_cxt, "calls_fdw scan",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	state = palloc0_object(CallsScanState);
	state->context = context;
	state->run_context = AllocSetContextCreate(context, "calls_fdw run",
											   ALLOCSET_DEFAULT_SIZES);
	state->settings = calls_get_settings(RelationGetRelid(rel), calls_scan_user(node),
										 &state->def);
	state->columns = calls_get_table_columns(rel, state->def);
	state->predicates =
		calls_restore_predicates(list_nth(plan->fdw_private, CALLS_SCAN_PREDICATES),
								 &state->npredicates);
	state->all_quals = boolVal(list_nth(plan->fdw_private, CALLS_SCAN_ALL_QUALS));

	exprs = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);
	state->limit = list_copy_tail(exprs, list_length(exprs) - nlimit);
	state->operands = list_truncate(exprs, list_length(exprs) - nlimit);

	state->reader = calls_make_row_reader(rel, state->def, state->settings,
										  state->columns, attributes);
	MemoryContextSwitchTo(old);
	node->fdw_state = state;
}

/* Evaluates the operands of all predicates. */
static void
evaluate_operands(CallsScanState *state, ExprContext *econtext)
{
	ListCell   *lc = list_head(state->operands);

	for (int i = 0; i < state->npredicates; i++)
	{
		for (int j = 0; j < state->predicates[i].noperands; j++)
		{
			CallsOperand *operand = &state->predicates[i].operands[j];

			operand->value = ExecEvalExpr((ExprState *) lfirst(lc), econtext,
										  &operand->isnull);
			operand->known = true;
			lc = lnext(state->operands, lc);
		}
	}
}

/* How many rows LIMIT and OFFSET let the scan read, or 0. */
static int64
evaluate_limit(CallsScanState *state, ExprContext *econtext)
{
	int64		sum = 0;
	ListCell   *lc;

	foreach(lc, state->limit)
	{
		bool		isnull;
		Datum		value = ExecEvalExpr((ExprState *) lfirst(lc), econtext, &isnull);
		bool		is_count = foreach_current_index(lc) == 0;

		if (isnull && is_count)
			return 0;
		if (!isnull && (DatumGetInt64(value) < 0 ||
						pg_add_s64_overflow(sum, DatumGetInt64(value), &sum)))
			return 0;
	}
	return sum;
}

/* Binds the filters to the parameters; no request yet. */
static void
start_run(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	CallsBinding *binding;
	MemoryContext old;
	int64		limit = 0;

	evaluate_operands(state, econtext);
	limit = evaluate_limit(state, econtext);

	old = MemoryContextSwitchTo(state->run_context);
	binding = calls_bind(state->def, state->settings, state->columns,
						 state->npredicates, state->predicates);
	state->empty = binding->contradiction;
	if (!state->empty)
		state->pager = calls_make_pager(state->def, state->settings, binding,
										state->reader->npaths, state->reader->paths,
										state->all_quals && binding->all_exact ? limit : 0,
										&state->counters);
	MemoryContextSwitchTo(old);
	state->started = true;
}

/* Fills the slot from the current row. */
static void
store_row(CallsScanState *state, TupleTableSlot *slot)
{
	int			npaths = state->batch->npaths;
	const CallsCell *cells = &state->batch->page->cells[(Size) state->row * npaths];

	calls_read_row(state->reader, cells, &cells[npaths - 1],
				   slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
}

TupleTableSlot *
callsIterateForeignScan(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	if (!state->started)
		start_run(node);
	ExecClearTuple(slot);
	if (state->empty)
		return slot;
	for (;; state->row++)
	{
		if (state->batch == NULL || state->row >= state->batch->page->nrows)
		{
			state->batch = calls_next_batch(state->pager);
			state->row = 0;
			if (state->batch == NULL)
				return slot;
		}
		if (state->batch->fresh[state->row])
			break;
	}
	store_row(state, slot);
	state->row++;
	return slot;
}

void
callsReScanForeignScan(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;

	if (state == NULL || !state->started)
		return;
	/* the same again, and its only page is still here */
	if (node->ss.ps.chgParam == NULL &&
		(state->empty || (state->batch != NULL && calls_batches_given(state->pager) == 1)))
	{
		state->row = 0;
		return;
	}
	MemoryContextReset(state->run_context);
	state->started = false;
	state->pager = NULL;
	state->batch = NULL;
	state->row = 0;
}

void
callsEndForeignScan(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;

	if (state == NULL)
		return;
	node->fdw_state = NULL;
	calls_warn_of_misfits(state->reader);
	MemoryContextDelete(state->context);
}

const CallsCounters *
calls_scan_counters(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;

	return state ? &state->counters : NULL;
}
