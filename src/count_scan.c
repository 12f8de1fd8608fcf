/*-------------------------------------------------------------------------
 *
 * count_scan.c
 *		Execution of a count.
 *
 * The first row asked for makes the count: it binds what the scan below would
 * ask for, and takes the provider's total of it if a page of those calls bears
 * it out.  Each call of the page is put to the scan's own filter, so that a
 * provider that ignores ours is found out.  If anything is wrong, the rows are
 * those of the ordinary aggregate over the scan.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "count.h"
#include "count_scan.h"
#include "plan.h"
#include "probe.h"
#include "row.h"
#include "scan.h"
#include "stats.h"
#include "totals.h"

/* A row of the result. */
typedef struct CountRow
{
	const char *word;			/* NULL where there are no groups of words */
	int64		count;
} CountRow;

/* The outcome for one set of parameter values. */
typedef struct CountRun
{
	MemoryContext context;		/* owns the run and all it refers to */
	const char *signature;		/* equal ones count the same calls */
	CallsScanQuery query;
	CallsProber *prober;
	bool		scanning;		/* the rows come from the plan below */
	int			nrows;
	CountRow   *rows;
} CountRun;

/* A total that a part is made of. */
typedef struct CountQuestion
{
	int			part;			/* index into the parts */
	const CallsBinding *binding;
	MemoryContext context;		/* of the probe */
	CallsProbe *probe;			/* NULL: not asked yet */
} CountQuestion;

typedef struct CountState
{
	MemoryContext context;
	ForeignScanState *scan;		/* the scan that this stands for */
	CallsRowReader *reader;		/* made for the first run */

	/* from the plan, see CallsCountPrivateIndex */
	List	   *columns;
	bool		grouped;
	bool		ids;
	AttrNumber	by;

	CountRun   *run;			/* NULL before the first row */
	bool		rebind;			/* parameters may have changed */
	int			next;			/* row to give next */
	CallsCounters counters;
} CountState;

ForeignScanState *
calls_counted_scan(ForeignScanState *node)
{
	PlanState  *state = outerPlanState(node);

	while (!IsA(state, ForeignScanState))
		state = outerPlanState(state);
	return (ForeignScanState *) state;
}

void
calls_begin_count(ForeignScanState *node, int eflags)
{
	List	   *private = ((ForeignScan *) node->ss.ps.plan)->fdw_private;
	MemoryContext context;
	MemoryContext old;
	CountState *state;

	if (eflags & EXEC_FLAG_EXPLAIN_ONLY)
		return;
	context = AllocSetContextCreate(node->ss.ps.state->es_query_cxt, "calls_fdw count",
									ALLOCSET_DEFAULT_SIZES);
	state = MemoryContextAllocZero(context, sizeof(CountState));
	state->context = context;
	old = MemoryContextSwitchTo(context);
	calls_watch_counters(((ForeignScan *) node->ss.ps.plan)->fs_server, &state->counters);
	MemoryContextSwitchTo(old);
	state->scan = calls_counted_scan(node);
	state->columns = list_nth(private, CALLS_COUNT_COLUMNS);
	state->grouped = boolVal(list_nth(private, CALLS_COUNT_GROUPED));
	state->ids = boolVal(list_nth(private, CALLS_COUNT_IDS));
	state->by = (AttrNumber) intVal(list_nth(private, CALLS_COUNT_BY));
	node->fdw_state = state;
}

/* Gives the run what it needs to fetch. */
static void
open_run(CountState *state, CountRun *run)
{
	ForeignScan *plan = (ForeignScan *) state->scan->ss.ps.plan;

	if (state->reader == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(state->context);

		state->reader = calls_make_row_reader(state->scan->ss.ss_currentRelation,
											  run->query.def, run->query.settings,
											  run->query.columns,
											  list_nth(plan->fdw_private,
													   CALLS_SCAN_ATTRIBUTES));
		MemoryContextSwitchTo(old);
	}
	run->prober = calls_make_prober(run->query.def, run->query.settings,
									state->reader->npaths, state->reader->paths,
									&state->counters);
}

/* Is the value of the grouping column this word, or that of any part? */
static bool
is_expected_word(const CountState *state, const CallsCountParts *parts,
				 const char *word, const TupleTableSlot *slot)
{
	char	   *value;

	if (state->by == 0)
		return true;
	if (slot->tts_isnull[state->by - 1])
		return false;
	value = TextDatumGetCString(slot->tts_values[state->by - 1]);
	if (word != NULL)
		return strcmp(value, word) == 0;
	for (int i = 0; i < parts->nparts; i++)
		if (parts->parts[i].word != NULL && strcmp(parts->parts[i].word, value) == 0)
			return true;
	return false;
}

/* Is a row of a page one that the query counts, as far as it shows? */
static bool
row_counts(CountState *state, const CallsCountParts *parts, const char *word,
		   const CallsCell *cells, const CallsCell *key)
{
	TupleTableSlot *slot = state->scan->ss.ss_ScanTupleSlot;
	ExprContext *econtext = state->scan->ss.ps.ps_ExprContext;
	MemoryContext old;
	bool		counts;

	if (state->ids && key->kind != CALLS_JSON_STRING && key->kind != CALLS_JSON_NUMBER)
		return false;
	old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	ExecClearTuple(slot);
	calls_read_row(state->reader, cells, key, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	econtext->ecxt_scantuple = slot;
	counts = ExecQual(state->scan->ss.ps.qual, econtext) &&
		is_expected_word(state, parts, word, slot);
	ExecClearTuple(slot);
	MemoryContextSwitchTo(old);
	ResetExprContext(econtext);
	return counts;
}

/* Asks for the total of one request's calls. */
static void
start_question(CountRun *run, CountQuestion *question)
{
	MemoryContext old;

	question->context = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw page",
											  ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(question->context);
	question->probe = calls_start_probe(run->prober, question->binding, 0);
	MemoryContextSwitchTo(old);
}

/* Has the row one of the values that were sent, as far as it shows? */
static bool
row_has_value(const CallsRowReader *reader, const CallsDefinition *def,
			  const CallsSentFilter *sent, const CallsCell *cells)
{
	for (int i = 0; i < reader->npaths; i++)
	{
		bool		compared = false;
		char	   *text;

		for (int j = 0; j < sent->filter->ncolumns; j++)
			compared |= strcmp(reader->paths[i], def->columns[sent->filter->columns[j]].path) == 0;
		text = compared ? calls_cell_text(&cells[i]) : NULL;
		for (int j = 0; text != NULL && j < sent->nvalues; j++)
			if (strcmp(text, sent->values[j]) == 0)
				return true;
	}
	return false;
}

/*
 * Is the row one of the stream that was asked for?  One of another stream
 * satisfies the query, too, but would be counted twice.
 */
static bool
row_is_of_stream(const CallsRowReader *reader, const CallsDefinition *def,
				 const CallsBinding *stream, const CallsCell *cells)
{
	for (int i = 0; i < stream->nalternatives; i++)
		if (!row_has_value(reader, def, &stream->alternatives[i], cells))
			return false;
	return true;
}

/* The answer; -1 where its page does not bear it out. */
static int64
finish_question(CountState *state, CountRun *run, const CallsCountParts *parts,
				CountQuestion *question)
{
	MemoryContext old = MemoryContextSwitchTo(question->context);
	CallsProbe *probe = question->probe;
	bool		good;

	calls_finish_probe(run->prober, probe);
	good = calls_page_bears_total(run->prober, probe);
	for (int row = 0; good && row < probe->page->nrows; row++)
	{
		const CallsCell *cells = calls_probe_cells(run->prober, probe, row);

		good = row_counts(state, parts, parts->parts[question->part].word,
						  cells, &cells[run->prober->ncells - 1]) &&
			row_is_of_stream(state->reader, run->query.def, question->binding, cells);
	}
	MemoryContextSwitchTo(old);
	if (!good)
		return -1;
	calls_note_total(run->query.settings->server, run->query.settings->user,
					 question->binding, probe->total);
	return probe->total;
}

/* Every total to ask for, in the order of the parts. */
static CountQuestion *
make_questions(const CallsCountParts *parts)
{
	CountQuestion *questions = palloc0_array(CountQuestion, parts->nrequests);
	int			n = 0;

	for (int i = 0; i < parts->nparts; i++)
	{
		int			nstreams;
		CallsBinding **streams = calls_expand_binding(parts->parts[i].binding, &nstreams);

		for (int j = 0; j < nstreams; j++)
		{
			questions[n].part = i;
			questions[n++].binding = streams[j];
		}
	}
	return questions;
}

/*
 * Finds the count of each part, several at a time; false if one cannot be
 * trusted.  The whole comes first: its page may show that there are words that
 * have no total.
 */
static bool
ask_questions(CountState *state, CountRun *run, const CallsCountParts *parts, int64 *counts)
{
	CountQuestion *questions = make_questions(parts);
	int			started = 0;

	for (int i = 0; i < parts->nrequests; i++)
	{
		int64		total;

		while (started < parts->nrequests &&
			   started < i + run->query.settings->max_connections &&
			   (questions[started].part == 0 || questions[i].part > 0 || !parts->whole))
			start_question(run, &questions[started++]);
		total = finish_question(state, run, parts, &questions[i]);
		if (total < 0)
			return false;
		counts[questions[i].part] += total;
		MemoryContextDelete(questions[i].context);
	}
	return true;
}

/*
 * Fills in the rows from the totals of the parts; false if they cannot be
 * trusted.
 */
static bool
count_parts(CountState *state, CountRun *run, const CallsCountParts *parts)
{
	int64	   *counts = palloc0_array(int64, parts->nparts);
	MemoryContext context = AllocSetContextCreate(run->context, "calls_fdw count questions",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	bool		good = ask_questions(state, run, parts, counts);
	int64		sum = 0;

	/* ends what is still under way */
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	if (!good)
		return false;
	run->rows = palloc0_array(CountRow, parts->nparts);
	for (int i = 0; i < parts->nparts; i++)
	{
		const char *word = parts->parts[i].word;

		if (word != NULL)
			sum += counts[i];
		else if (state->by != 0)
			continue;
		/* a group without calls is none */
		if (counts[i] == 0 && state->grouped)
			continue;
		run->rows[run->nrows].word = word;
		run->rows[run->nrows++].count = counts[i];
	}
	return state->by == 0 || !parts->whole || sum == counts[0];
}

/* Makes a run's outcome: its rows, or that the plan below has to tell. */
static void
count_calls(CountState *state, CountRun *run, const CallsCountParts *parts)
{
	int			cap = run->query.settings->max_requests;

	if (parts->nothing)
	{
		run->rows = palloc0_object(CountRow);
		run->nrows = state->grouped ? 0 : 1;
		return;
	}
	run->scanning = true;
	if (!parts->countable || (cap > 0 && parts->nrequests > cap))
		return;
	open_run(state, run);
	run->scanning = !count_parts(state, run, parts);
	/* the scan counts itself */
	state->counters.scans += !run->scanning;
}

/* What tells which calls the parts count. */
static const char *
make_signature(const CallsCountParts *parts)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%d %d\n", parts->countable, parts->nothing);
	for (int i = 0; i < parts->nparts; i++)
		calls_append_filters(&text, parts->parts[i].binding->nsent,
							 parts->parts[i].binding->sent);
	return text.data;
}

/* The first row after Begin or a rescan: counts, unless that has been done. */
static void
start_run(CountState *state)
{
	MemoryContext context = AllocSetContextCreate(state->context, "calls_fdw count run",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CountRun   *run = palloc0_object(CountRun);
	CallsCountParts *parts;

	run->context = context;
	calls_ask_scan(state->scan, state->scan->ss.ps.ps_ExprContext, &run->query);
	parts = calls_split_count(run->query.def, run->query.settings, run->query.columns,
							  run->query.npredicates, run->query.predicates, state->by);
	parts->countable &= run->query.all_quals;
	run->signature = make_signature(parts);
	state->rebind = false;
	state->next = 0;
	if (state->run != NULL && strcmp(state->run->signature, run->signature) == 0)
	{
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
		return;
	}
	if (state->run != NULL)
		MemoryContextDelete(state->run->context);
	state->run = NULL;
	count_calls(state, run, parts);
	state->run = run;
	MemoryContextSwitchTo(old);
}

/* Puts a row of the result into the slot. */
static TupleTableSlot *
store_row(const CountState *state, const CountRow *row, TupleTableSlot *slot)
{
	const CallsScanQuery *query = &state->run->query;
	ListCell   *lc;

	foreach(lc, state->columns)
	{
		int			i = foreach_current_index(lc);
		AttrNumber	attnum = (AttrNumber) lfirst_int(lc);

		slot->tts_isnull[i] = false;
		if (attnum == 0)
			slot->tts_values[i] = Int64GetDatum(row->count);
		else
			slot->tts_values[i] =
				CStringGetTextDatum(attnum == state->by ? row->word
									: calls_constant_value(query->def, query->settings,
														   &query->columns[attnum - 1]));
	}
	return ExecStoreVirtualTuple(slot);
}

TupleTableSlot *
calls_iterate_count(ForeignScanState *node)
{
	CountState *state = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	if (state->run == NULL || state->rebind)
		start_run(state);
	if (state->run->scanning)
	{
		/* nodes expect to be run in the query's context */
		MemoryContext old = MemoryContextSwitchTo(node->ss.ps.state->es_query_cxt);

		slot = ExecProcNode(outerPlanState(node));
		MemoryContextSwitchTo(old);
		return slot;
	}
	ExecClearTuple(slot);
	if (state->next < state->run->nrows)
		store_row(state, &state->run->rows[state->next++], slot);
	return slot;
}

void
calls_rescan_count(ForeignScanState *node)
{
	CountState *state = node->fdw_state;

	if (state != NULL)
		state->rebind = true;
}

void
calls_end_count(ForeignScanState *node)
{
	CountState *state = node->fdw_state;

	if (state == NULL)
		return;
	node->fdw_state = NULL;
	MemoryContextDelete(state->context);
}

const CallsCounters *
calls_count_counters(ForeignScanState *node)
{
	CountState *state = node->fdw_state;

	return state ? &state->counters : NULL;
}
