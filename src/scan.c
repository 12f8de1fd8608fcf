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

#include "access/htup_details.h"
#include "common/int.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "bind.h"
#include "compat.h"
#include "convert.h"
#include "filter.h"
#include "option.h"
#include "pager.h"
#include "plan.h"
#include "report.h"
#include "scan.h"

/* Longest value that an error message repeats, in bytes. */
#define MAX_SHOWN_VALUE		128

/* A column that the scan fills in. */
typedef struct ScanTarget
{
	const CallsTableColumn *column;
	CallsConverter *converter;	/* NULL: the value is constant */
	int			cell;			/* index of its cell in a row */
	Datum		value;			/* the constant */
	bool		isnull;
} ScanTarget;

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

	/* what a row consists of */
	int			ntargets;
	ScanTarget *targets;
	int			npaths;
	const char **paths;

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
	int64		misfits;		/* values replaced under on_error 'set_null' */
	char	   *first_misfit;	/* the message of the first one */
} CallsScanState;

/* Index of a path among those asked for, added if it is new. */
static int
cell_of_path(CallsScanState *state, const char *path)
{
	for (int i = 0; i < state->npaths; i++)
		if (strcmp(state->paths[i], path) == 0)
			return i;
	state->paths[state->npaths] = path;
	return state->npaths++;
}

/* A constant column's value in the type the table declares. */
static void
set_constant(ScanTarget *target, const char *text)
{
	Oid			input;
	Oid			ioparam;

	target->isnull = text == NULL;
	if (text == NULL)
		return;
	getTypeInputInfo(target->column->type, &input, &ioparam);
	target->value = OidInputFunctionCall(input, unconstify(char *, text), ioparam,
										 target->column->typmod);
}

/* Prepares one column. */
static void
init_target(CallsScanState *state, ScanTarget *target, const CallsTableColumn *column)
{
	const CallsColumn *source = column->column >= 0
		? &state->def->columns[column->column] : NULL;
	const char *path = column->path;

	target->column = column;
	if (source != NULL)
	{
		switch (source->role)
		{
			case CALLS_COLUMN_SOURCE:
				set_constant(target, state->settings->source);
				return;
			case CALLS_COLUMN_PROVIDER:
				set_constant(target, state->def->provider);
				return;
			case CALLS_COLUMN_ABSENT:
				set_constant(target, NULL);
				return;
			case CALLS_COLUMN_RAW:
				path = "";
				break;
			case CALLS_COLUMN_VALUE:
				path = source->path;
				break;
		}
	}
	target->converter = calls_make_converter(column, source);
	target->cell = cell_of_path(state, path);
}

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
	ListCell   *lc;

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

	state->targets = palloc0_array(ScanTarget, list_length(attributes) + 1);
	state->paths = palloc0_array(const char *, list_length(attributes) + 1);
	foreach(lc, attributes)
		init_target(state, &state->targets[state->ntargets++],
					&state->columns[lfirst_int(lc) - 1]);
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
										state->npaths, state->paths,
										state->all_quals && binding->all_exact ? limit : 0,
										&state->counters);
	MemoryContextSwitchTo(old);
	state->started = true;
}

/* The cells of the current row. */
static const CallsCell *
current_row(const CallsScanState *state)
{
	return &state->batch->page->cells[(Size) state->row * state->batch->npaths];
}

/* The current call's id, for messages; NULL where it has none. */
static const char *
current_call_id(const CallsScanState *state)
{
	const CallsCell *key = current_row(state) + state->batch->npaths - 1;
	char	   *text = calls_cell_text(key);

	return text ? calls_printable(state->settings, text) : NULL;
}

/* "of call "x"", as far as it is known. */
static const char *
describe_call(const CallsScanState *state)
{
	const char *id = current_call_id(state);

	return id ? psprintf("call \"%s\"", id) : "a call without id";
}

/* A value that does not fit: an error, or NULL and a note. */
static void
handle_misfit(CallsScanState *state, const ScanTarget *target,
			  const CallsConvertError *error)
{
	const CallsCell *cell = current_row(state) + target->cell;
	char	   *shown = pnstrdup(cell->start, Min(cell->length, MAX_SHOWN_VALUE));
	const char *message;

	message = psprintf("invalid value for column \"%s\" of %s: %s",
					   target->column->name, describe_call(state), error->message);
	if (state->settings->on_error == CALLS_ON_ERROR_SET_NULL)
	{
		if (state->misfits++ == 0)
			state->first_misfit = MemoryContextStrdup(state->context, message);
		return;
	}
	ereport(ERROR,
			(errcode(error->sqlstate),
			 errmsg_internal("%s", message),
			 errdetail("The value is %s%s.", calls_printable(state->settings, shown),
					   cell->length > MAX_SHOWN_VALUE ? "..." : ""),
			 errhint("The foreign table's option \"on_error\" can be set to \"set_null\".")));
}

/* Converts one column of the current row. */
static Datum
target_value(CallsScanState *state, const ScanTarget *target, bool *isnull)
{
	const CallsCell *cell;
	CallsConvertError error;
	Datum		value;

	if (target->converter == NULL)
	{
		*isnull = target->isnull;
		return target->value;
	}
	cell = current_row(state) + target->cell;
	if (!calls_convert(target->converter, cell,
					   state->settings->on_error == CALLS_ON_ERROR_SET_NULL,
					   &value, isnull, &error))
		handle_misfit(state, target, &error);
	return value;
}

/* Fills the slot from the current row. */
static void
store_row(ForeignScanState *node, TupleTableSlot *slot)
{
	CallsScanState *state = node->fdw_state;
	int			natts = slot->tts_tupleDescriptor->natts;

	memset(slot->tts_isnull, true, sizeof(bool) * natts);
	for (int i = 0; i < state->ntargets; i++)
	{
		const ScanTarget *target = &state->targets[i];
		int			index = target->column->attnum - 1;

		slot->tts_values[index] = target_value(state, target, &slot->tts_isnull[index]);
		if (slot->tts_isnull[index] && target->column->not_null)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
							target->column->name,
							RelationGetRelationName(node->ss.ss_currentRelation)),
					 errdetail("The provider gives no value for %s.", describe_call(state))));
	}
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
	store_row(node, slot);
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

/* on_error 'set_null': one warning for the whole scan. */
static void
warn_of_misfits(const CallsScanState *state, Relation rel)
{
	if (state->misfits == 0)
		return;
	ereport(WARNING,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg_plural(INT64_FORMAT " value of foreign table \"%s\" did not fit its column and was replaced",
						   INT64_FORMAT " values of foreign table \"%s\" did not fit their columns and were replaced",
						   (unsigned long) state->misfits,
						   state->misfits, RelationGetRelationName(rel)),
			 errdetail_internal("First: %s.", state->first_misfit)));
}

void
callsEndForeignScan(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;

	if (state == NULL)
		return;
	node->fdw_state = NULL;
	warn_of_misfits(state, node->ss.ss_currentRelation);
	MemoryContextDelete(state->context);
}

const CallsCounters *
calls_scan_counters(ForeignScanState *node)
{
	CallsScanState *state = node->fdw_state;

	return state ? &state->counters : NULL;
}
