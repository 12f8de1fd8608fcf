/*-------------------------------------------------------------------------
 *
 * bound.c
 *		Ranges of times and durations: from SQL operands to request values.
 *
 * Everything is rounded and widened outwards, so that a range sent to the
 * provider never excludes a row the predicate accepts.  Pure functions; relies
 * on the session's TimeZone for timestamp and date operands, as the core's
 * casts do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "common/int.h"
#include "datatype/timestamp.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "bound.h"
#include "compat.h"

/*
 * Slack for columns declared timestamp or date: a local time names an instant
 * only up to the zone's shifts (an hour or two), and a date is up to 25 hours
 * away from the times it stands for.
 */
#define LOCAL_TIME_SLACK	(26 * USECS_PER_HOUR)

/* Numeric durations beyond this many seconds are not worth sending. */
#define MAX_NUMERIC_SECONDS 1e9

/* An operand as the API values that equal it. */
typedef struct Span
{
	int64		lower;
	int64		upper;
	bool		widened;		/* holds values that do not equal it */
} Span;

/* Makes a span "slack" wider on both sides; false on overflow. */
static bool
widen(Span *span, int64 slack)
{
	span->widened = true;
	return !pg_sub_s64_overflow(span->lower, slack, &span->lower) &&
		!pg_add_s64_overflow(span->upper, slack, &span->upper);
}

/* An integer operand; false if its type is none. */
static bool
integer_value(Oid type, Datum value, int64 *result)
{
	switch (type)
	{
		case INT2OID:
			*result = DatumGetInt16(value);
			return true;
		case INT4OID:
			*result = DatumGetInt32(value);
			return true;
		case INT8OID:
			*result = DatumGetInt64(value);
			return true;
		default:
			return false;
	}
}

/* A date or time operand as an instant; false if infinite or out of range. */
static bool
instant_of(Oid type, Datum value, TimestampTz *result)
{
	int			overflow = 0;

	switch (type)
	{
		case TIMESTAMPTZOID:
			*result = DatumGetTimestampTz(value);
			break;
		case TIMESTAMPOID:
			if (TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)))
				return false;
			*result = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value),
														 &overflow);
			break;
		case DATEOID:
			if (DATE_NOT_FINITE(DatumGetDateADT(value)))
				return false;
			*result = date2timestamptz_opt_overflow(DatumGetDateADT(value),
													&overflow);
			break;
		default:
			return false;
	}
	return overflow == 0 && !TIMESTAMP_NOT_FINITE(*result);
}

/* Instants that a time column of this SQL type shows as the operand. */
static bool
time_span(Oid column_type, int32 typmod, Oid type, Datum value, Span *span)
{
	int64		integer;

	if (column_type == INT8OID)
	{
		/* milliseconds since 1970, rounded down */
		if (!integer_value(type, value, &integer) ||
			pg_mul_s64_overflow(integer, 1000, &span->lower) ||
			pg_sub_s64_overflow(span->lower,
								(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY,
								&span->lower) ||
			pg_add_s64_overflow(span->lower, 999, &span->upper))
			return false;
		return true;
	}
	if (!instant_of(type, value, &span->lower))
		return false;
	span->upper = span->lower;
	if (column_type == TIMESTAMPTZOID)
		return typmod < 0 || widen(span, USECS_PER_SEC);
	if (column_type == TIMESTAMPOID || column_type == DATEOID)
		return widen(span, LOCAL_TIME_SLACK);
	return false;
}

/* The longest that a rounded value can stand for, in days. */
static const int rounding_days[] = {
	[CALLS_ROUND_SECOND] = 1,
	[CALLS_ROUND_HOUR] = 1,
	[CALLS_ROUND_DAY] = 1,
	[CALLS_ROUND_WEEK] = 7,
	[CALLS_ROUND_MONTH] = 31,
	[CALLS_ROUND_QUARTER] = 92,
	[CALLS_ROUND_YEAR] = 366,
};

/* A number of a year, rounded down and up; false if it is none. */
static bool
year_number(Oid type, Datum value, double *down, double *up)
{
	double		year;

	if (type == NUMERICOID)
		year = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
	else if (type == FLOAT8OID)
		year = DatumGetFloat8(value);
	else
		return false;
	*down = floor(year);
	*up = ceil(year);
	return *down >= 1 && *up < 9999;
}

/* Instants that the rounding shows as the operand, generously. */
static bool
rounded_span(CallsRounding rounding, Oid type, Datum value, Span *span)
{
	int64		length;

	if (rounding == CALLS_ROUND_YEAR_NUMBER)
	{
		double		down;
		double		up;

		if (!year_number(type, value, &down, &up) ||
			!instant_of(DATEOID, DateADTGetDatum(date2j((int) down, 1, 1) - POSTGRES_EPOCH_JDATE),
						&span->lower) ||
			!instant_of(DATEOID, DateADTGetDatum(date2j((int) up + 1, 1, 1) - POSTGRES_EPOCH_JDATE),
						&span->upper))
			return false;
		return widen(span, LOCAL_TIME_SLACK);
	}
	if (!instant_of(type, value, &span->lower))
		return false;
	length = rounding_days[rounding] * USECS_PER_DAY;
	return !pg_add_s64_overflow(span->lower, length, &span->upper) &&
		widen(span, LOCAL_TIME_SLACK);
}

/* An interval as the comparison operators see it: months have 30 days. */
static bool
interval_micros(const Interval *interval, int64 *result)
{
	int64		days;

	days = (int64) interval->month * DAYS_PER_MONTH + interval->day;
	return !pg_mul_s64_overflow(days, USECS_PER_DAY, result) &&
		!pg_add_s64_overflow(*result, interval->time, result);
}

/* Durations that a column of this SQL type shows as the operand. */
static bool
duration_span(Oid column_type, int32 typmod, Oid type, Datum value, Span *span)
{
	int64		integer;

	if (column_type == INTERVALOID && type == INTERVALOID)
	{
		if (!interval_micros(DatumGetIntervalP(value), &span->lower))
			return false;
		span->upper = span->lower;
		if (typmod < 0)
			return true;
		/* fields such as "hour to minute" cut off more than a second */
		return INTERVAL_RANGE(typmod) == INTERVAL_FULL_RANGE &&
			widen(span, USECS_PER_SEC);
	}
	if ((column_type == INT2OID || column_type == INT4OID || column_type == INT8OID) &&
		integer_value(type, value, &integer))
	{
		if (pg_mul_s64_overflow(integer, USECS_PER_SEC, &span->lower))
			return false;
		span->upper = span->lower;
		return widen(span, USECS_PER_SEC);
	}
	if (column_type == NUMERICOID && typmod < 0 && type == NUMERICOID)
	{
		double		seconds =
			DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));

		if (isnan(seconds) || fabs(seconds) > MAX_NUMERIC_SECONDS)
			return false;
		span->lower = span->upper = (int64) (seconds * USECS_PER_SEC);
		return widen(span, USECS_PER_SEC);
	}
	return false;
}

bool
calls_range_of(CallsFormat format, Oid column_type, int32 typmod,
			   CallsRounding rounding, StrategyNumber strategy,
			   Oid type, Datum value, CallsRange *range)
{
	Span		span = {0};
	bool		ok;

	memset(range, 0, sizeof(*range));
	switch (format)
	{
		case CALLS_FORMAT_ISO8601:
		case CALLS_FORMAT_EPOCH_S:
		case CALLS_FORMAT_EPOCH_MS:
			ok = rounding == CALLS_ROUND_NONE
				? time_span(column_type, typmod, type, value, &span)
				: rounded_span(rounding, type, value, &span);
			break;
		case CALLS_FORMAT_S:
		case CALLS_FORMAT_MS:
			ok = rounding == CALLS_ROUND_NONE &&
				duration_span(column_type, typmod, type, value, &span);
			break;
		default:
			return false;
	}
	if (!ok)
		return false;

	range->widened = span.widened;
	range->lower = span.lower;
	range->upper = span.upper;
	switch (strategy)
	{
		case BTEqualStrategyNumber:
			range->has_lower = range->has_upper = true;
			return true;
		case BTGreaterEqualStrategyNumber:
			range->has_lower = true;
			return true;
		case BTLessEqualStrategyNumber:
			range->has_upper = true;
			return true;
		case BTGreaterStrategyNumber:
			range->has_lower = true;
			/* the next instant, unless the span stands for more than one */
			return span.widened ||
				!pg_add_s64_overflow(span.upper, 1, &range->lower);
		case BTLessStrategyNumber:
			range->has_upper = true;
			return span.widened ||
				!pg_sub_s64_overflow(span.lower, 1, &range->upper);
		default:
			return false;
	}
}

/* Rounds "value" to a multiple of "unit": down, or up; false on overflow. */
static bool
round_outwards(int64 value, int64 unit, bool up, int64 *result)
{
	int64		rest = value % unit;

	if (rest < 0)
		rest += unit;
	if (rest == 0)
	{
		*result = value;
		return true;
	}
	if (up)
		return !pg_add_s64_overflow(value, unit - rest, result);
	return !pg_sub_s64_overflow(value, rest, result);
}

/* ISO 8601 in UTC, as many digits as the precision has; NULL outside 1-9999. */
static char *
iso8601_text(TimestampTz instant, int64 precision)
{
	struct pg_tm tm;
	fsec_t		fsec;
	const char *fraction;

	if (timestamp2tm(instant, NULL, &tm, &fsec, NULL, NULL) != 0 ||
		tm.tm_year < 1 || tm.tm_year > 9999)
		return NULL;
	if (precision % USECS_PER_SEC == 0)
		fraction = "";
	else if (precision % 1000 == 0)
		fraction = psprintf(".%03d", (int) (fsec / 1000));
	else
		fraction = psprintf(".%06d", (int) fsec);
	return psprintf("%04d-%02d-%02dT%02d:%02d:%02d%sZ",
					tm.tm_year, tm.tm_mon, tm.tm_mday,
					tm.tm_hour, tm.tm_min, tm.tm_sec, fraction);
}

/* A number of units since 1970; NULL before that, and beyond the year 9999. */
static char *
epoch_text(TimestampTz instant, int64 unit)
{
	int64		micros;

	if (iso8601_text(instant, USECS_PER_SEC) == NULL ||
		pg_add_s64_overflow(instant,
							(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY,
							&micros) ||
		micros < 0)
		return NULL;
	return psprintf(INT64_FORMAT, micros / unit);
}

/* A duration in units; NULL for a negative one, which no API takes. */
static char *
duration_text(int64 micros, int64 unit)
{
	return micros < 0 ? NULL : psprintf(INT64_FORMAT, micros / unit);
}

/* What one step of a format's number is worth, in microseconds. */
static int64
format_unit(CallsFormat format)
{
	switch (format)
	{
		case CALLS_FORMAT_EPOCH_S:
		case CALLS_FORMAT_S:
			return USECS_PER_SEC;
		case CALLS_FORMAT_EPOCH_MS:
		case CALLS_FORMAT_MS:
			return 1000;
		default:
			return 1;
	}
}

char *
calls_bound_text(const CallsFilter *filter, const CallsRange *range, bool *exact,
				 int64 *sent)
{
	bool		up = filter->op == CALLS_FILTER_UPPER;
	int64		unit = format_unit(filter->format);
	int64		precision = Max(filter->precision, unit);
	int64		wanted = up ? range->upper : range->lower;

	if (!round_outwards(wanted, precision, up, sent))
		return NULL;
	*exact = filter->exact && !range->widened && *sent == wanted &&
		filter->bound == CALLS_BOUND_INCLUSIVE;

	/* a bound that may be exclusive must not fall on a row that matches */
	if (filter->bound == CALLS_BOUND_UNKNOWN ||
		(filter->bound == CALLS_BOUND_EXCLUSIVE && *sent == wanted))
	{
		if (up ? pg_add_s64_overflow(*sent, precision, sent)
			: pg_sub_s64_overflow(*sent, precision, sent))
			return NULL;
	}
	switch (filter->format)
	{
		case CALLS_FORMAT_ISO8601:
			return iso8601_text(*sent, precision);
		case CALLS_FORMAT_EPOCH_S:
		case CALLS_FORMAT_EPOCH_MS:
			return epoch_text(*sent, unit);
		case CALLS_FORMAT_S:
		case CALLS_FORMAT_MS:
			return duration_text(*sent, unit);
		default:
			return NULL;
	}
}

const char *
calls_bound_time(const CallsFilter *filter, const char *text)
{
	int64		unit = format_unit(filter->format);
	int64		micros;
	const char *time;

	if ((filter->format != CALLS_FORMAT_EPOCH_S && filter->format != CALLS_FORMAT_EPOCH_MS) ||
		pg_mul_s64_overflow(strtoll(text, NULL, 10), unit, &micros))
		return text;
	time = iso8601_text(micros - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY,
						unit);
	return time != NULL ? time : text;
}
