/*-------------------------------------------------------------------------
 *
 * analyze.c
 *		ANALYZE of a foreign table.
 *
 * sample.c reads calls from several stretches of the log, which may be of
 * different size; here each call gets the same chance to be in the sample.
 * A provider that fails costs a warning and no more, so that ANALYZE of a
 * whole database, or of a partitioned table, goes on with the next table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "analyze.h"
#include "attempt.h"
#include "compat.h"
#include "option.h"
#include "row.h"
#include "sample.h"

/*
 * What ANALYZE of a partitioned table takes for the size of a partition: it
 * shares its sample out by pages.  So a page has to mean as many calls at each
 * provider, whatever a reply holds.
 */
#define CALLS_PER_PAGE		100

/* Pages of a table never analyzed: some, so that it has its share. */
#define DEFAULT_PAGES		100

/* A group of less than this part of the calls does not thin out the others. */
#define MINOR_PART			0.05

/* What ANALYZE asks for, and gets. */
typedef struct SampleTarget
{
	Relation	rel;
	int			elevel;			/* of the line for VERBOSE */
	MemoryContext context;		/* of the rows */
	HeapTuple  *rows;
	int			max_rows;
	int			nrows;
	double		total;
} SampleTarget;

/* How many calls of a group the sample still takes, and from how many. */
typedef struct GroupDraw
{
	int			wanted;
	int			left;
} GroupDraw;

/*
 * The part of the log that the sample is to have.  Groups were read in unequal
 * parts (a page of 100 of a busy week, or of a quiet year); the part that the
 * least read one can give is the part that each gives.
 */
static double
sampling_fraction(const CallsSample *sample, int max_rows)
{
	double		fraction = 1;
	double		calls = 0;

	for (int i = 0; i < sample->ngroups; i++)
		calls += sample->groups[i].calls;
	if (calls > max_rows)
		fraction = max_rows / calls;
	for (int i = 0; i < sample->ngroups; i++)
	{
		const CallsSampleGroup *group = &sample->groups[i];

		if (group->nrows > 0 && group->calls >= calls * MINOR_PART)
			fraction = Min(fraction, group->nrows / group->calls);
	}
	return fraction;
}

/* How many calls of each group the sample takes. */
static GroupDraw *
share_out(const CallsSample *sample, int max_rows)
{
	double		fraction = sampling_fraction(sample, max_rows);
	GroupDraw  *draws = palloc0_array(GroupDraw, CALLS_SAMPLE_REQUESTS);

	for (int i = 0; i < sample->ngroups; i++)
	{
		const CallsSampleGroup *group = &sample->groups[i];

		draws[i].left = group->nrows;
		draws[i].wanted = (int) Min(rint(group->calls * fraction), group->nrows);
	}
	return draws;
}

/*
 * Is the group's next call in the sample?  (Selection sampling, Knuth volume 2,
 * algorithm S: exactly as many as wanted, each with the same chance.)
 */
static bool
draw_call(GroupDraw *draw)
{
	bool		drawn =
		pg_prng_double(&pg_global_prng_state) * draw->left < draw->wanted;

	draw->left--;
	draw->wanted -= drawn;
	return drawn;
}

/* Attributes that are not dropped: an IntList. */
static List *
all_attributes(TupleDesc desc, const CallsTableColumn *columns)
{
	List	   *attributes = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		if (columns[i].attnum != 0)
			attributes = lappend_int(attributes, columns[i].attnum);
	}
	return attributes;
}

/* Makes tuples of the calls that are drawn. */
static void
form_rows(SampleTarget *target, CallsRowReader *reader, const CallsSample *sample)
{
	TupleDesc	desc = RelationGetDescr(target->rel);
	Datum	   *values = palloc0_array(Datum, desc->natts);
	bool	   *isnull = palloc0_array(bool, desc->natts);
	GroupDraw  *draws = share_out(sample, target->max_rows);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(row_context);

	for (int i = 0; i < sample->nrows && target->nrows < target->max_rows; i++)
	{
		const CallsSampleRow *row = &sample->rows[i];

		CHECK_FOR_INTERRUPTS();
		if (!draw_call(&draws[row->group]))
			continue;
		calls_read_row(reader, row->cells, row->key, values, isnull);
		MemoryContextSwitchTo(target->context);
		target->rows[target->nrows++] = heap_form_tuple(desc, values, isnull);
		MemoryContextSwitchTo(row_context);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	calls_warn_of_misfits(reader);
}

/* Fills in the target; everything else goes to CurrentMemoryContext. */
static void
sample_table(void *arg)
{
	SampleTarget *target = arg;
	Relation	rel = target->rel;
	const CallsDefinition *def;
	CallsSettings *settings = calls_get_settings(RelationGetRelid(rel),
												 rel->rd_rel->relowner, &def);
	CallsTableColumn *columns = calls_get_table_columns(rel, def);
	CallsRowReader *reader =
		calls_make_row_reader(rel, def, settings, columns,
							  all_attributes(RelationGetDescr(rel), columns));
	CallsSample *sample = calls_read_sample(def, settings, reader->npaths, reader->paths,
											rel->rd_rel->reltuples);

	form_rows(target, reader, sample);
	target->total = sample->total;
	ereport(target->elevel,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("\"%s\": table contains %.0f rows, %d rows in sample, " INT64_FORMAT " requests sent",
					RelationGetRelationName(rel), target->total, target->nrows,
					sample->requests)));
}

/* The error as a warning. */
static void
warn_of_failure(Relation rel, const ErrorData *error)
{
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("could not analyze foreign table \"%s.%s\": %s",
					get_namespace_name(RelationGetNamespace(rel)),
					RelationGetRelationName(rel), error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0));
}

/*
 * AcquireSampleRowsFunc.
 *
 * Without a sample, the total is what it was (-1: never counted): ANALYZE
 * stores it, and a provider that is down has not lost its calls.  (Among the
 * partitions of a table that was never counted it takes a call off the sum.)
 */
static int
acquire_sample_rows(Relation relation, int elevel, HeapTuple *rows, int targrows,
					double *totalrows, double *totaldeadrows)
{
	SampleTarget target = {
		.rel = relation, .elevel = elevel, .context = CurrentMemoryContext,
		.rows = rows, .max_rows = targrows
	};
	ErrorData  *error = calls_attempt(sample_table, &target);

	if (error != NULL)
	{
		warn_of_failure(relation, error);
		target.nrows = 0;
		target.total = relation->rd_rel->reltuples;
	}
	*totalrows = target.total;
	*totaldeadrows = 0;
	return target.nrows;
}

bool
callsAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *func,
						 BlockNumber *totalpages)
{
	double		calls = relation->rd_rel->reltuples;
	const CallsDefinition *def;

	/* what is asked for call by call has no sample */
	calls_get_settings(RelationGetRelid(relation), InvalidOid, &def);
	if (def->single)
		return false;
	*func = acquire_sample_rows;
	*totalpages = calls < 0 ? DEFAULT_PAGES
		: (BlockNumber) Min(Max(ceil(calls / CALLS_PER_PAGE), 1), MaxBlockNumber);
	return true;
}
