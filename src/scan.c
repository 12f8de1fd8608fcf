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

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "filter.h"
#include "order.h"
#include "plan.h"
#include "scan.h"
#include "scan_private.h"
#include "stats.h"

/* Does the expression depend on values that a rescan may change? */
static bool
has_exec_param(Node *node, void *unused)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_EXEC;
	return expression_tree_walker(node, has_exec_param, unused);
}

/* Restores the predicates of the plan, and finds those with outer values. */
static void
init_predicates(CallsScanState *state, ForeignScan *plan)
{
	ListCell   *lc = list_head(plan->fdw_exprs);

	state->predicates =
		calls_restore_predicates(list_nth(plan->fdw_private, CALLS_SCAN_PREDICATES),
								 &state->npredicates);
	state->outer = palloc0_array(bool, state->npredicates + 1);
	for (int i = 0; i < state->npredicates; i++)
	{
		for (int j = 0; j < state->predicates[i].noperands; j++)
		{
			state->outer[i] |= has_exec_param(lfirst(lc), NULL);
			lc = lnext(plan->fdw_exprs, lc);
		}
		state->has_outer |= state->outer[i];
	}
}

/* Reset callback of the scan's memory context. */
static void
release_scan(void *arg)
{
	CallsScanState *state = arg;

	if (state->descriptor >= 0)
		calls_http_return_descriptor(state->descriptor);
	state->descriptor = -1;
}

/* Takes over what the plan says, and makes itself known to a lookahead. */
static void
read_plan(CallsScanState *state, ForeignScanState *node)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	int			nlimit = intVal(list_nth(plan->fdw_private, CALLS_SCAN_LIMIT_EXPRS));
	int			link = intVal(list_nth(plan->fdw_private, CALLS_SCAN_LINK));
	List	   *exprs = ExecInitExprList(plan->fdw_exprs, (PlanState *) node);

	init_predicates(state, plan);
	state->limit = list_copy_tail(exprs, list_length(exprs) - nlimit);
	state->operands = list_truncate(exprs, list_length(exprs) - nlimit);
	state->order = intVal(list_nth(plan->fdw_private, CALLS_SCAN_ORDER));
	state->all_quals = boolVal(list_nth(plan->fdw_private, CALLS_SCAN_ALL_QUALS));
	state->stops_early = boolVal(list_nth(plan->fdw_private, CALLS_SCAN_STOPS_EARLY));
	state->max_ids = intVal(list_nth(plan->fdw_private, CALLS_SCAN_MAX_IDS));
	if (link >= 0)
		node->ss.ps.state->es_param_exec_vals[link].value = PointerGetDatum(node);
}

/* The definition may have changed since the query was planned. */
static void
check_order(const CallsScanState *state)
{
	if (state->order != CALLS_ORDER_NONE && !calls_can_order(state->def, state->order))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("provider \"%s\" no longer orders as the plan relies on",
						state->def->provider),
				 errdetail("Its definition was changed after the query was planned."),
				 errhint("DISCARD PLANS makes the session plan anew.")));
}

void
calls_begin_scan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Relation	rel = node->ss.ss_currentRelation;
	CallsScanState *state;
	MemoryContext context;
	MemoryContext old;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;

	context = AllocSetContextCreate(node->ss.ps.state->es_query_cxt, "calls_fdw scan",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	state = palloc0_object(CallsScanState);
	state->context = context;
	state->descriptor = -1;
	state->release.func = release_scan;
	state->release.arg = state;
	MemoryContextRegisterResetCallback(context, &state->release);
	state->settings = calls_get_settings(RelationGetRelid(rel), calls_scan_user(node),
										 &state->def);
	calls_watch_counters(state->settings->server, &state->counters);
	state->columns = calls_get_table_columns(rel, state->def);
	read_plan(state, node);
	check_order(state);
	if (state->max_ids > 0 && calls_id_definition(state->def) != NULL)
		calls_init_fetcher(&state->single, calls_id_definition(state->def),
						   state->settings, &state->counters);
	state->reader = calls_make_row_reader(rel, state->def, state->settings, state->columns,
										  list_nth(plan->fdw_private,
												   CALLS_SCAN_ATTRIBUTES));
	MemoryContextSwitchTo(old);
	node->fdw_state = state;
}

/* The line of calls_fdw.progress, if one is due. */
static void
show_progress(CallsScanState *state, CallsScanRun *run)
{
	if (run->details != NULL)
		calls_show_details(run->details, &state->line);
	else
		calls_show_streams(run->streams, &state->line);
}

/*
 * The next call of the run.  Waits for it, except in an asynchronous scan,
 * which then is pending.
 */
static bool
fetch_call(ForeignScanState *node, CallsScanRun *run, const CallsCell **cells,
		   const CallsCell **key)
{
	CallsScanState *state = node->fdw_state;

	for (;;)
	{
		CallsProgress progress = run->details != NULL
			? calls_next_detail(run->details, cells, key)
			: calls_next_call(run->streams, cells, key);

		if (calls_progress && progress != CALLS_ENDED)
			show_progress(state, run);
		if (progress != CALLS_PENDING)
			return progress == CALLS_READY;
		if (node->ss.ps.async_capable)
		{
			state->pending = true;
			return false;
		}
		if (run->details != NULL)
			calls_wait_details(run->details);
		else
			calls_wait_streams(run->streams);
	}
}

/* The next row of the run, fetched and converted, in the slot. */
static bool
fetch_row(ForeignScanState *node, CallsScanRun *run, TupleTableSlot *slot)
{
	CallsScanState *state = node->fdw_state;
	const CallsCell *key;
	const CallsCell *cells;

	ExecClearTuple(slot);
	if (!fetch_call(node, run, &cells, &key))
		return false;
	calls_read_row(state->reader, cells, key, slot->tts_values, slot->tts_isnull);
	if (run->bounds != NULL && !calls_call_is_stray(run->streams))
		state->counters.rechecked_away +=
			calls_is_out_of_bounds(run->bounds, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	return true;
}

/* The next row of a run whose rows are kept. */
static TupleTableSlot *
fetch_stored_row(ForeignScanState *node, CallsScanRun *run, TupleTableSlot *slot)
{
	CallsScanState *state = node->fdw_state;
	MemoryContext old;
	bool		found;

	/* a row read back from disk belongs to the slot, beyond this tuple */
	old = MemoryContextSwitchTo(state->context);
	found = tuplestore_gettupleslot(run->store, true, false, state->store_slot);
	MemoryContextSwitchTo(old);
	if (found)
		return state->store_slot;
	if (!run->stored_all && fetch_row(node, run, slot))
	{
		/* at the end of the store, this moves its read position too */
		tuplestore_puttupleslot(run->store, slot);
		return slot;
	}
	if (!state->pending)
		run->stored_all = true;
	return ExecClearTuple(slot);
}

TupleTableSlot *
calls_iterate_scan(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	state->pending = false;
	if (state->run == NULL || state->rebind)
		calls_start_run(node);
	if (state->run->empty)
		return ExecClearTuple(slot);
	if (state->run->store != NULL)
		return fetch_stored_row(node, state->run, slot);
	fetch_row(node, state->run, slot);
	return slot;
}

bool
calls_scan_is_pending(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;

	return state->pending;
}

int
calls_scan_descriptor(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;

	if (state->descriptor < 0)
		state->descriptor = calls_http_copy_descriptor();
	return state->descriptor;
}

void
calls_rescan_scan(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;

	/* whether anything has changed shows when the first row is asked for */
	if (state != NULL)
		state->rebind = true;
}

void
calls_end_scan(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;

	if (state == NULL)
		return;
	node->fdw_state = NULL;
	if (state->base != NULL)
		tuplestore_end(state->base->store);
	calls_warn_of_misfits(state->reader);
	MemoryContextDelete(state->context);
}

void
calls_ask_scan(ForeignScanState *node, ExprContext *econtext, CallsScanQuery *query)
{
	CallsScanState *state = node->fdw_state;

	calls_evaluate_operands(state, econtext);
	query->def = state->def;
	query->settings = state->settings;
	query->columns = state->columns;
	query->all_quals = state->all_quals;
	query->npredicates = state->npredicates;
	query->predicates = state->predicates;
}

const CallsCounters *
calls_scan_counters(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;

	return state ? &state->counters : NULL;
}
