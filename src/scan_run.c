/*-------------------------------------------------------------------------
 *
 * scan_run.c
 *		The runs of a scan: one for each set of parameter values.
 *
 * A rescan that asks for the same calls comes back to the run that has them,
 * where that needs no request.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "executor/executor.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "scan.h"
#include "scan_private.h"

void
calls_evaluate_operands(CallsScanState *state, ExprContext *econtext)
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
open_run(CallsScanState *state, CallsScanRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);

	/* asking for the calls of a join, one by one, is one scan */
	if (!run->binding->by_id || state->counters.scans == 0)
		state->counters.scans++;
	if (run->binding->by_id)
		run->details = calls_make_details(state->def, state->settings, run->binding,
										  state->reader->npaths, state->reader->paths,
										  run->horizon, &state->single);
	else
	{
		run->streams = calls_make_streams(state->def, state->settings, run->binding,
										  state->reader->npaths, state->reader->paths,
										  run->limit, run->horizon, &state->counters);
		run->bounds = calls_collect_bounds(state->def, state->settings, state->columns,
										   state->npredicates, state->predicates,
										   run->binding);
	}
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
			 errhint("Add a condition like call_id = '...', or call_id = ANY (...) with at most %d values, or join the table with one that has the call_id.",
					 CALLS_MAX_LIST)));
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
static CallsScanRun *
make_run(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	MemoryContext context = AllocSetContextCreate(state->context, "calls_fdw run",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	CallsScanRun *run;
	int64		limit;

	calls_evaluate_operands(state, econtext);
	limit = evaluate_limit(state, econtext);

	old = MemoryContextSwitchTo(context);
	run = palloc0_object(CallsScanRun);
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
keep_base_run(ForeignScanState *node, CallsScanRun *run)
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
can_rewind(const CallsScanRun *run)
{
	if (run->empty || run->store != NULL)
		return true;
	return run->details != NULL ? calls_can_restart_details(run->details)
		: calls_can_restart(run->streams);
}

/* Starts a run again. */
static void
rewind_run(CallsScanRun *run)
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

/*
 * Takes the expected run that has this signature; NULL if there is none.  What
 * should have come before it did not.
 */
static CallsScanRun *
take_expected(CallsScanState *state, const char *signature)
{
	CallsScanRun *run = NULL;
	ListCell   *lc;
	int			passed = 0;

	foreach(lc, state->expected)
	{
		run = lfirst(lc);
		if (strcmp(run->signature, signature) == 0)
			break;
		passed++;
	}
	if (lc == NULL)
		return NULL;
	for (int i = 0; i < passed; i++)
		MemoryContextDelete(((CallsScanRun *) list_nth(state->expected, i))->context);
	state->expected = list_delete_first_n(state->expected, passed + 1);
	return run;
}

/* Is there nothing to ask for, or will it be there when the run is wanted? */
static bool
is_expected(const CallsScanState *state, const CallsScanRun *run)
{
	const CallsScanRun *last = state->expected != NIL ? llast(state->expected) : state->run;

	return run->empty || !run->binding->by_id ||
		(last != NULL && strcmp(last->signature, run->signature) == 0);
}

void
calls_expect_rescan(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;
	CallsScanRun *run = make_run(node);
	MemoryContext old;
	ListCell   *lc;

	if (is_expected(state, run))
		MemoryContextDelete(run->context);
	else
	{
		open_run(state, run);
		old = MemoryContextSwitchTo(state->context);
		state->expected = lappend(state->expected, run);
		MemoryContextSwitchTo(old);
	}
	foreach(lc, state->expected)
		calls_ask_details(((CallsScanRun *) lfirst(lc))->details);
}

void
calls_forget_expected(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;
	ListCell   *lc;

	foreach(lc, state->expected)
		MemoryContextDelete(((CallsScanRun *) lfirst(lc))->context);
	list_free(state->expected);
	state->expected = NIL;
}

/*
 * The run that has the same calls and can start, or start again, without a
 * request; NULL if there is none.
 */
static CallsScanRun *
find_run(CallsScanState *state, const char *signature)
{
	CallsScanRun *same = NULL;

	if (state->base != NULL && strcmp(signature, state->base->signature) == 0)
		same = state->base;
	else if (state->run != NULL && strcmp(signature, state->run->signature) == 0 &&
			 can_rewind(state->run))
		same = state->run;
	if (same == NULL)
		return take_expected(state, signature);
	rewind_run(same);
	return same;
}

void
calls_start_run(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;
	CallsScanRun *run = make_run(node);
	CallsScanRun *same = find_run(state, run->signature);

	state->rebind = false;
	if (same == NULL || same != state->run)
		drop_run(state);
	state->run = same != NULL ? same : run;
	if (same != NULL)
		MemoryContextDelete(run->context);
	else if (!run->empty)
	{
		open_run(state, run);
		if (state->has_outer && !run->binding->by_id)
			keep_base_run(node, run);
	}
}
