/*-------------------------------------------------------------------------
 *
 * trust_bound.c
 *		Calls that a provider returned against a bound that was sent.
 *
 * Looks at the row's own values, which are there for the recheck, so that a row
 * costs a comparison and nothing is read twice.  What is sent may be wider than
 * the predicate; only what is beyond that as well was returned against it.
 * Where a column's type cannot tell on which side a call is, as a date on the
 * bound's own day, it counts as within.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"

#include "compat.h"
#include "trust.h"
#include "trust_bound.h"

/* A bound that was sent, and the attribute whose predicate it comes from. */
typedef struct SentBound
{
	const CallsSentFilter *sent;
	const CallsTableColumn *column;
	CallsFormat format;			/* of the definition's column */
	int			attribute;		/* index into a row's values */
} SentBound;

struct CallsSentBounds
{
	Oid			server;
	int			nbounds;
	SentBound	bounds[FLEXIBLE_ARRAY_MEMBER];
};

/* An attribute that shows the definition's column and has a predicate, or -1. */
static int
find_attribute(const CallsTableColumn *columns, int npredicates,
			   const CallsPredicate *predicates, int column)
{
	for (int i = 0; i < npredicates; i++)
		if (columns[predicates[i].attnum - 1].column == column)
			return predicates[i].attnum - 1;
	return -1;
}

CallsSentBounds *
calls_collect_bounds(const CallsDefinition *def, const CallsSettings *settings,
					 const CallsTableColumn *columns,
					 int npredicates, const CallsPredicate *predicates,
					 const CallsBinding *binding)
{
	CallsSentBounds *bounds = palloc0(offsetof(CallsSentBounds, bounds) +
									  binding->nsent * sizeof(SentBound));

	bounds->server = settings->server;
	for (int i = 0; i < binding->nsent; i++)
	{
		const CallsSentFilter *sent = &binding->sent[i];
		int			attribute = find_attribute(columns, npredicates, predicates, sent->column);

		/* a bound on either of two columns may hold for the other one */
		if (sent->filter->op == CALLS_FILTER_EQ || !sent->known ||
			sent->filter->ncolumns != 1 || attribute < 0)
			continue;
		bounds->bounds[bounds->nbounds++] = (SentBound) {
			.sent = sent,
			.column = &columns[attribute],
			.format = def->columns[sent->column].format,
			.attribute = attribute
		};
	}
	return bounds->nbounds > 0 ? bounds : NULL;
}

/*
 * Is a value beyond the bound?  A provider may cut its own value off to the
 * unit in which it takes the bound.
 */
static bool
is_beyond(const SentBound *bound, Datum value)
{
	const CallsTableColumn *column = bound->column;
	const CallsFilter *filter = bound->sent->filter;
	CallsRange	shown;			/* what the API's value may be */
	int64		cut;

	if (!calls_range_of(bound->format, column->type, column->typmod, CALLS_ROUND_NONE,
						BTEqualStrategyNumber, column->type, value, &shown))
		return false;
	if (filter->op == CALLS_FILTER_LOWER)
		return shown.upper < bound->sent->bound;
	return !pg_sub_s64_overflow(shown.lower, filter->precision, &cut) &&
		cut >= bound->sent->bound;
}

bool
calls_is_out_of_bounds(const CallsSentBounds *bounds, const Datum *values, const bool *isnull)
{
	bool		beyond = false;

	for (int i = 0; i < bounds->nbounds; i++)
	{
		const SentBound *bound = &bounds->bounds[i];

		/* null satisfies no bound */
		if (!isnull[bound->attribute] && !is_beyond(bound, values[bound->attribute]))
			continue;
		beyond = true;
		if (bound->sent->exact)
			calls_distrust_filter(bounds->server, bound->sent->filter->param);
	}
	return beyond;
}
