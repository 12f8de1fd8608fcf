/*-------------------------------------------------------------------------
 *
 * bound.h
 *		Ranges of times and durations, in microseconds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_BOUND_H
#define CALLS_BOUND_H

#include "postgres.h"

#include "access/stratnum.h"

#include "definition.h"

/*
 * A closed range.  Times are microseconds since 2000-01-01 UTC (as
 * TimestampTz), durations are microseconds.
 */
typedef struct CallsRange
{
	bool		has_lower;
	bool		has_upper;
	bool		widened;		/* a superset of what the predicate says */
	int64		lower;
	int64		upper;
} CallsRange;

/*
 * A function of a time column that a predicate compares instead of the column:
 * each value stands for a span of time.
 */
typedef enum CallsRounding
{
	CALLS_ROUND_NONE = 0,
	CALLS_ROUND_SECOND,			/* date_trunc of this or a smaller unit */
	CALLS_ROUND_HOUR,			/* ... and so on */
	CALLS_ROUND_DAY,			/* also a cast to date */
	CALLS_ROUND_WEEK,
	CALLS_ROUND_MONTH,
	CALLS_ROUND_QUARTER,
	CALLS_ROUND_YEAR,
	CALLS_ROUND_YEAR_NUMBER		/* extract(year from ...) */
} CallsRounding;

/*
 * The range of API values for which "column OP value" can be true, for a
 * column of format "format" declared with SQL type "column_type" and an
 * operand of type "type", not null.  Converts as the core's own casts do, in
 * the session's TimeZone.  False where the range cannot be told or sent:
 * infinite or overflowing values, types without a rule.  With a rounding, the
 * operand is compared with that function of the column.
 */
extern bool calls_range_of(CallsFormat format, Oid column_type, int32 typmod,
						   CallsRounding rounding, StrategyNumber strategy,
						   Oid type, Datum value, CallsRange *range);

/*
 * Text of a bound of "range" in the filter's format, rounded outwards to its
 * precision and widened where the filter may exclude the bound itself; NULL
 * where it cannot be expressed.  *exact tells whether the filter then selects
 * precisely the range's side, *sent what the text says, as a range does.
 */
extern char *calls_bound_text(const CallsFilter *filter, const CallsRange *range,
							  bool *exact, int64 *sent);

/*
 * Such a text of a time, to be shown: ISO 8601 in UTC, whatever the format; as
 * it is where it cannot be told.  In CurrentMemoryContext, or the text itself.
 */
extern const char *calls_bound_time(const CallsFilter *filter, const char *text);

#endif							/* CALLS_BOUND_H */
