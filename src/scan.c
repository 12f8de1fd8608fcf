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

#include <unistd.h>

#include "common/int.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "bind.h"
#include "compat.h"
#include "details.h"
#include "filter.h"
#include "option.h"
#include "order.h"
#include "plan.h"
#include "row.h"
#include "scan.h"
#include "stats.h"
#include "stream.h"

/*
 * One run through the calls that one set of parameter values asks for.
 */
typedef struct ScanRun
{
	MemoryContext context;		/* owns the run and all it refers to */
	const char *signature;		/* equal ones read the same calls */
	CallsBinding *binding;
	int64		limit;			/* rows expected to be read, or 0 */
	int64		horizon;		/* rows wanted for sure: see pager.h */
	bool		empty;			/* the predicates contradict each other */
	CallsStreams *streams;		/* NULL until the run is opened, or for ... */
	CallsDetails *details;		/* ... calls that are asked for by their ids */

	/* a run that rescans come back to keeps its rows, as Material does */
	Tuplestorestate *store;		/* NULL: not kept */
	bool		stored_all;
} ScanRun;

typedef struct CallsScanState
{
	/* from the catalogs and the plan */
	const CallsDefinition *def;
	CallsSettings *settings;
	CallsTableColumn *columns;
	int			npredicates;
	CallsPredicate *predicates;
	bool	   *outer;			/* per predicate: has values of other tables */
	bool		has_outer;		/* one of them has */
	bool		all_quals;		/* nothing but predicates in the qual */
	bool		stops_early;	/* the query may not want all rows */
	int			max_ids;		/* ids that are asked for one by one; beyond,
								 * the list is read */
	CallsOrderDirection order;	/* the order that the plan relies on */
	List	   *operands;		/* ExprStates, as in CallsPlanFilter.exprs */
	List	   *limit;			/* ExprStates of LIMIT and OFFSET */

	/* execution */
	MemoryContext context;
	CallsRowReader *reader;
	ScanRun    *run;			/* current one, or NULL before the first row */
	bool		rebind;			/* parameters may have changed */
	bool		pending;		/* async: there is no row yet, but may be */
	int			descriptor;		/* async: to wait on, or -1 */
	MemoryContextCallback release;	/* of context: closes the descriptor */
	const char *base_signature; /* what is asked without values of other
								 * tables; NULL until known */
	ScanRun    *base;			/* the run that asks it; kept for rescans */
	TupleTableSlot *store_slot; /* for rows that are kept */
	CallsCounters counters;
	CallsProgressLine line;		/* of calls_fdw.progress */
} CallsScanState;

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
	{
		close(state->descriptor);
		ReleaseExternalFD();
	}
	state->descriptor = -1;
}

void
calls_begin_scan(ForeignScanState *node, int eflags)
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
	state->descriptor = -1;
	state->release.func = release_scan;
	state->release.arg = state;
	MemoryContextRegisterResetCallback(context, &state->release);
	state->settings = calls_get_settings(RelationGetRelid(rel), calls_scan_user(node),
										 &state->def);
	calls_watch_counters(state->settings->server, &state->counters);
	state->columns = calls_get_table_columns(rel, state->def);
	init_predicates(state, plan);
	state->order = intVal(list_nth(plan->fdw_private, CALLS_SCAN_ORDER));
	if (state->order != CALLS_ORDER_NONE && !calls_can_order(state->def, state->order))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("provider \"%s\" no longer orders as the plan relies on",
						state->def->provider),
				 errdetail("Its definition was changed after the query was planned."),
				 errhint("DISCARD PLANS makes the session plan anew.")));
	state->all_quals = boolVal(list_nth(plan->fdw_private, CALLS_SCAN_ALL_QUALS));
	state->stops_early = boolVal(list_nth(plan->fdw_private, CALLS_SCAN_STOPS_EARLY));
	state->max_ids = intVal(list_nth(plan->fdw_private, CALLS_SCAN_MAX_IDS));

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

/*
 * What tells which calls a run reads: its ids or filters, the bounds that end
 * it early, and the page size.
 */
static const char *
binding_signature(const CallsBinding *binding, int64 limit)
{
	const CallsRange *range = &binding->order_range;
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "ids %d", binding->by_id ? binding->nids : -1);
	for (int i = 0; i < binding->nids; i++)
		appendStringInfo(&out, " %zu:%s", strlen(binding->ids[i]), binding->ids[i]);
	appendStringInfoChar(&out, '\n');
	calls_append_filters(&out, binding->nsent, binding->sent);
	calls_append_filters(&out, binding->nalternatives, binding->alternatives);
	appendStringInfo(&out, INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT, limit,
					 range->has_lower ? range->lower : PG_INT64_MIN,
					 range->has_upper ? range->upper : PG_INT64_MAX);
	return out.data;
}

/* What would be asked without the predicates that have outer values? */
static const char *
base_signature(const CallsScanState *state)
{
	CallsPredicate *predicates = palloc_array(CallsPredicate, state->npredicates + 1);
	int			n = 0;
	CallsBinding *binding;

	for (int i = 0; i < state->npredicates; i++)
		if (!state->outer[i])
			predicates[n++] = state->predicates[i];
	binding = (state->def->single ? calls_bind_ids : calls_bind)
		(state->def, state->settings, state->columns, n, predicates);
	binding->order = state->order;
	return binding->contradiction ? "" : binding_signature(binding, 0);
}

/* Gives a run what it needs to fetch; no request yet. */
static void
open_run(CallsScanState *state, ScanRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);

	/* asking for the calls of a join, one by one, is one scan */
	if (!run->binding->by_id || state->counters.scans == 0)
		state->counters.scans++;
	if (run->binding->by_id)
		run->details = calls_make_details(state->def, state->settings, run->binding,
										  state->reader->npaths, state->reader->paths,
										  run->horizon, &state->counters);
	else
		run->streams = calls_make_streams(state->def, state->settings, run->binding,
										  state->reader->npaths, state->reader->paths,
										  run->limit, run->horizon, &state->counters);
	MemoryContextSwitchTo(old);
}

/* Raises for a scan of a table that has to be asked for single calls. */
static void
refuse_without_ids(Relation rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_CREATE_EXECUTION),
			 errmsg("cannot read foreign table \"%s\" without a call_id",
					RelationGetRelationName(rel)),
			 errdetail("The provider gives details of one call at a time."),
			 errhint("Add a condition like call_id = '...' or call_id = ANY (...), or join the table with one that has the call_id.")));
}

/* What the operands ask for. */
static CallsBinding *
bind_run(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;
	CallsBinding *binding = (state->max_ids > 0 ? calls_bind_ids : calls_bind)
		(state->def, state->settings, state->columns, state->npredicates, state->predicates);

	if (binding->contradiction)
		return binding;
	if (binding->nids > state->max_ids)
		binding = calls_bind(state->def, state->settings, state->columns,
							 state->npredicates, state->predicates);
	if (state->def->single && !binding->by_id)
		refuse_without_ids(node->ss.ss_currentRelation);
	return binding;
}

/*
 * How many rows a run wants for sure.  A rescan may come at any time, but not
 * before the calls that were asked for by their ids are read.
 */
static int64
run_horizon(const CallsScanState *state, const CallsBinding *binding, int64 limit)
{
	if (state->stops_early || (state->has_outer && !binding->by_id))
		return limit;
	return CALLS_ALL_ROWS;
}

/* Binds the filters to the parameters: a run that is not open yet. */
static ScanRun *
make_run(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	MemoryContext context = AllocSetContextCreate(state->context, "calls_fdw run",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	ScanRun    *run;
	int64		limit;

	evaluate_operands(state, econtext);
	limit = evaluate_limit(state, econtext);

	old = MemoryContextSwitchTo(context);
	run = palloc0_object(ScanRun);
	run->context = context;
	run->signature = "";
	run->binding = bind_run(node);
	run->binding->order = state->order;
	run->empty = run->binding->contradiction;
	if (state->all_quals && run->binding->all_exact)
		run->limit = limit;
	run->horizon = run_horizon(state, run->binding, limit);
	if (!run->empty)
		run->signature = binding_signature(run->binding, run->limit);
	MemoryContextSwitchTo(old);
	return run;
}

/*
 * Keeps the rows of a run that values of other tables did not narrow: it is
 * the whole log, or a large part, and every key that cannot be sent to the
 * provider needs it.
 */
static void
keep_base_run(ForeignScanState *node, ScanRun *run)
{
	CallsScanState *state = node->fdw_state;
	MemoryContext old = MemoryContextSwitchTo(state->context);

	if (state->base_signature == NULL)
		state->base_signature = base_signature(state);
	if (strcmp(run->signature, state->base_signature) == 0)
	{
		run->store = tuplestore_begin_heap(true, false, work_mem);
		/* the executor clears the slot after the scan has ended */
		MemoryContextSwitchTo(node->ss.ps.state->es_query_cxt);
		state->store_slot =
			ExecInitExtraTupleSlot(node->ss.ps.state,
								   RelationGetDescr(node->ss.ss_currentRelation),
								   &TTSOpsMinimalTuple);
		state->base = run;
	}
	MemoryContextSwitchTo(old);
}

/* Can the run start again without asking the provider? */
static bool
can_rewind(const ScanRun *run)
{
	if (run->empty || run->store != NULL)
		return true;
	return run->details != NULL ? calls_can_restart_details(run->details)
		: calls_can_restart(run->streams);
}

/* Starts a run again. */
static void
rewind_run(ScanRun *run)
{
	if (run->store != NULL)
		tuplestore_rescan(run->store);
	else if (run->details != NULL)
		calls_restart_details(run->details);
	else if (!run->empty)
		calls_restart_streams(run->streams);
}

/* Ends the current run, unless it is kept. */
static void
drop_run(CallsScanState *state)
{
	if (state->run != NULL && state->run != state->base)
		MemoryContextDelete(state->run->context);
	state->run = NULL;
}

/* The first row after Begin or a rescan: which run is it from? */
static void
start_run(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;
	ScanRun    *run = make_run(node);
	ScanRun    *same = NULL;

	state->rebind = false;
	if (state->base != NULL && strcmp(run->signature, state->base->signature) == 0)
		same = state->base;
	else if (state->run != NULL && strcmp(run->signature, state->run->signature) == 0 &&
			 can_rewind(state->run))
		same = state->run;
	if (same != NULL)
	{
		MemoryContextDelete(run->context);
		if (same != state->run)
			drop_run(state);
		state->run = same;
		rewind_run(same);
		return;
	}
	drop_run(state);
	state->run = run;
	if (run->empty)
		return;
	open_run(state, run);
	if (state->has_outer && !run->binding->by_id)
		keep_base_run(node, run);
}

/* The line of calls_fdw.progress, if one is due. */
static void
show_progress(CallsScanState *state, ScanRun *run)
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
fetch_call(ForeignScanState *node, ScanRun *run, const CallsCell **cells,
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
fetch_row(ForeignScanState *node, ScanRun *run, TupleTableSlot *slot)
{
	CallsScanState *state = node->fdw_state;
	const CallsCell *key;
	const CallsCell *cells;

	ExecClearTuple(slot);
	if (!fetch_call(node, run, &cells, &key))
		return false;
	calls_read_row(state->reader, cells, key, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	return true;
}

/* The next row of a run whose rows are kept. */
static TupleTableSlot *
fetch_stored_row(ForeignScanState *node, ScanRun *run, TupleTableSlot *slot)
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
		start_run(node);
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
	{
		if (!AcquireExternalFD())
			ereport(ERROR,
					(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
					 errmsg("could not wait for HTTP replies"),
					 errdetail("There are too many open files.")));
		PG_TRY();
		{
			state->descriptor = calls_http_descriptor();
		}
		PG_CATCH();
		{
			ReleaseExternalFD();
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
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

	evaluate_operands(state, econtext);
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
