/*-------------------------------------------------------------------------
 *
 * lookahead.c
 *		Joins that ask for several calls at a time, by their ids: the node.
 *
 * Passes the rows of its child on as they are, some rows late.  The scan to
 * which a nested loop will pass values of these rows is told of each row when
 * it comes in: the parameters get the values that the loop will set, and the
 * scan starts what it would start then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "utils/memutils.h"

#include "compat.h"
#include "lookahead.h"
#include "lookahead_plan.h"
#include "scan.h"

typedef struct LookaheadState
{
	CustomScanState custom;		/* must be first */
	int			link;			/* see CALLS_LOOKAHEAD_LINK */
	List	   *params;			/* IntLists, see CALLS_LOOKAHEAD_PARAMS */
	List	   *columns;

	int			size;			/* rows that can be held ... */
	TupleTableSlot **rows;		/* ... each at its number modulo size */
	int64		given;			/* number of the row to be given next */
	int64		read;			/* number of the row to be read next */
	bool		ended;			/* the child has no more */
} LookaheadState;

static TupleTableSlot *
row_slot(const LookaheadState *state, int64 number)
{
	return state->rows[number % state->size];
}

static void
begin_lookahead(CustomScanState *node, EState *estate, int eflags)
{
	LookaheadState *state = (LookaheadState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	PlanState  *child = ExecInitNode(linitial(plan->custom_plans), estate, eflags);

	node->custom_ps = list_make1(child);
	state->link = intVal(list_nth(plan->custom_private, CALLS_LOOKAHEAD_LINK));
	state->size = intVal(list_nth(plan->custom_private, CALLS_LOOKAHEAD_ROWS));
	state->params = list_nth(plan->custom_private, CALLS_LOOKAHEAD_PARAMS);
	state->columns = list_nth(plan->custom_private, CALLS_LOOKAHEAD_COLUMNS);
	state->rows = palloc_array(TupleTableSlot *, state->size);
	for (int i = 0; i < state->size; i++)
		state->rows[i] = ExecInitExtraTupleSlot(estate, ExecGetResultType(child),
												&TTSOpsMinimalTuple);
}

/* The scan that the loop passes values to; it begins after this node. */
static ForeignScanState *
linked_scan(const LookaheadState *state)
{
	const ParamExecData *params = state->custom.ss.ps.state->es_param_exec_vals;

	return (ForeignScanState *) DatumGetPointer(params[state->link].value);
}

/* Tells the scan which values it will get for a row. */
static void
announce(LookaheadState *state, TupleTableSlot *row)
{
	ParamExecData *params = state->custom.ss.ps.state->es_param_exec_vals;
	ParamExecData *saved = palloc_array(ParamExecData, list_length(state->params));
	ListCell   *param;
	ListCell   *column;

	forboth(param, state->params, column, state->columns)
	{
		ParamExecData *value = &params[lfirst_int(param)];

		saved[foreach_current_index(param)] = *value;
		value->value = slot_getattr(row, (AttrNumber) lfirst_int(column), &value->isnull);
	}
	calls_expect_rescan(linked_scan(state));
	foreach(param, state->params)
		params[lfirst_int(param)] = saved[foreach_current_index(param)];
}

/* Reads a row and holds it. */
static void
read_row(LookaheadState *state)
{
	ExprContext *econtext = state->custom.ss.ps.ps_ExprContext;
	TupleTableSlot *row = ExecProcNode(linitial(state->custom.custom_ps));
	MemoryContext old;

	if (TupIsNull(row))
	{
		state->ended = true;
		return;
	}
	ExecCopySlot(row_slot(state, state->read), row);
	old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	announce(state, row_slot(state, state->read));
	MemoryContextSwitchTo(old);
	state->read++;
}

/* ExecScan's access method: the next row. */
static TupleTableSlot *
next_row(ScanState *node)
{
	LookaheadState *state = (LookaheadState *) node;
	TupleTableSlot *slot = node->ss_ScanTupleSlot;
	TupleTableSlot *row;

	ExecClearTuple(slot);
	while (!state->ended && state->read - state->given < state->size)
		read_row(state);
	if (state->given == state->read)
		return slot;
	/* its place is not taken before the next row is wanted */
	row = row_slot(state, state->given++);
	slot_getallattrs(row);
	memcpy(slot->tts_values, row->tts_values, sizeof(Datum) * row->tts_nvalid);
	memcpy(slot->tts_isnull, row->tts_isnull, sizeof(bool) * row->tts_nvalid);
	return ExecStoreVirtualTuple(slot);
}

/* ExecScan's recheck method: there is no condition to check. */
static bool
recheck_row(ScanState *node pg_attribute_unused(), TupleTableSlot *slot pg_attribute_unused())
{
	return true;
}

static TupleTableSlot *
execute_lookahead(CustomScanState *node)
{
	return ExecScan(&node->ss, next_row, recheck_row);
}

static void
rescan_lookahead(CustomScanState *node)
{
	LookaheadState *state = (LookaheadState *) node;
	PlanState  *child = linitial(node->custom_ps);

	for (int i = 0; i < state->size; i++)
		ExecClearTuple(state->rows[i]);
	state->given = state->read = 0;
	state->ended = false;
	calls_forget_expected(linked_scan(state));
	if (node->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(child, node->ss.ps.chgParam);
	/* else its first row does it */
	if (child->chgParam == NULL)
		ExecReScan(child);
}

static void
end_lookahead(CustomScanState *node)
{
	ExecEndNode(linitial(node->custom_ps));
}

static const CustomExecMethods execute_methods = {
	.CustomName = CALLS_LOOKAHEAD_NAME,
	.BeginCustomScan = begin_lookahead,
	.ExecCustomScan = execute_lookahead,
	.EndCustomScan = end_lookahead,
	.ReScanCustomScan = rescan_lookahead
};

/* Makes the node's state. */
static Node *
create_lookahead(CustomScan *plan pg_attribute_unused())
{
	LookaheadState *state = palloc0_object(LookaheadState);

	state->custom.ss.ps.type = T_CustomScanState;
	state->custom.methods = &execute_methods;
	return (Node *) state;
}

const CustomScanMethods *
calls_lookahead_methods(void)
{
	static const CustomScanMethods methods = {
		.CustomName = CALLS_LOOKAHEAD_NAME,
		.CreateCustomScanState = create_lookahead
	};

	return &methods;
}
