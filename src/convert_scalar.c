/*-------------------------------------------------------------------------
 *
 * convert_scalar.c
 *		JSON value -> time, duration, number, boolean.
 *
 * Numbers are scaled on their decimal digits and never pass through a float.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "converter.h"
#include "iso8601.h"

/* From 1970-01-01 to 2000-01-01. */
#define EPOCH_DIFFERENCE \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

/* Rounding to an interval's precision may add up to half a minute. */
#define MAX_ROUNDABLE_INTERVAL (PG_INT64_MAX - USECS_PER_MINUTE)

/* Decimal digits that always fit into an int64. */
#define SAFE_INT64_DIGITS 18

static bool
fail_time(CallsConverter *converter, CallsConversion *conversion)
{
	return calls_convert_fail_range(converter, conversion,
									ERRCODE_DATETIME_VALUE_OUT_OF_RANGE);
}

static bool
fail_number(CallsConverter *converter, CallsConversion *conversion)
{
	return calls_convert_fail_range(converter, conversion,
									ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE);
}

/* Division that rounds down. */
static int64
floor_divide(int64 value, int64 divisor)
{
	int64		result = value / divisor;

	return value % divisor < 0 ? result - 1 : result;
}

/* Time on the clock -> timestamp or date. */
static bool
finish_local(CallsConverter *converter, CallsConversion *conversion,
			 Timestamp local, Datum *value)
{
	if (converter->type == DATEOID)
	{
		*value = DateADTGetDatum((DateADT) floor_divide(local, USECS_PER_DAY));
		return true;
	}
	*value = TimestampGetDatum(local);
	if (converter->typmod < 0)
		return true;
	*value = DirectFunctionCall2(timestamp_scale, *value,
								 Int32GetDatum(converter->typmod));
	return IS_VALID_TIMESTAMP(DatumGetTimestamp(*value)) ||
		fail_time(converter, conversion);
}

/*
 * A point in time -> the declared type; without time zone, in the session's,
 * as the server's own casts.
 */
static bool
finish_instant(CallsConverter *converter, CallsConversion *conversion,
			   TimestampTz instant, Datum *value)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			zone;
	Timestamp	local;

	if (!IS_VALID_TIMESTAMP(instant))
		return fail_time(converter, conversion);
	switch (converter->type)
	{
		case INT8OID:
			*value = Int64GetDatum(floor_divide(instant, 1000) +
								   EPOCH_DIFFERENCE / 1000);
			return true;
		case TIMESTAMPTZOID:
			*value = TimestampTzGetDatum(instant);
			if (converter->typmod < 0)
				return true;
			*value = DirectFunctionCall2(timestamptz_scale, *value,
										 Int32GetDatum(converter->typmod));
			return IS_VALID_TIMESTAMP(DatumGetTimestampTz(*value)) ||
				fail_time(converter, conversion);
		default:
			if (timestamp2tm(instant, &zone, &tm, &fsec, NULL, NULL) != 0 ||
				tm2timestamp(&tm, fsec, NULL, &local) != 0)
				return fail_time(converter, conversion);
			return finish_local(converter, conversion, local, value);
	}
}

/* Reads a string cell as ISO 8601. */
static CallsTimeFault
read_iso8601(const CallsCell *cell, CallsIsoTime *time)
{
	const char *text = cell->start + 1;
	size_t		length = cell->length - 2;
	CallsUnescape how = {0};
	CallsTimeFault fault = CALLS_TIME_FORMAT;
	char	   *unescaped;

	if (memchr(text, '\\', length) == NULL)
		return calls_parse_iso8601(text, length, time);
	unescaped = palloc(length);
	if (calls_unescape(text, length, &how, unescaped, &length) == CALLS_TEXT_GOOD)
		fault = calls_parse_iso8601(unescaped, length, time);
	pfree(unescaped);
	return fault;
}

static TimestampTz
iso_instant(const CallsIsoTime *time)
{
	return time->local - time->offset * USECS_PER_SEC;
}

/* ISO 8601, in UTC unless it says otherwise, to a time type or to bigint. */
bool
calls_convert_iso8601(CallsConverter *converter, CallsConversion *conversion,
					  Datum *value)
{
	CallsIsoTime time;

	switch (read_iso8601(conversion->cell, &time))
	{
		case CALLS_TIME_FORMAT:
			return calls_convert_fail(conversion, ERRCODE_INVALID_DATETIME_FORMAT,
									  "not an ISO 8601 date and time");
		case CALLS_TIME_RANGE:
			return calls_convert_fail(conversion, ERRCODE_DATETIME_FIELD_OVERFLOW,
									  "no such date and time");
		default:
			return finish_instant(converter, conversion, iso_instant(&time), value);
	}
}

/*
 * Any value to a time type.  A string in ISO 8601 is read like a column of
 * that format, but where it has no offset, a type without time zone takes it
 * as written.  All else is for the input function.
 */
bool
calls_convert_any_time(CallsConverter *converter, CallsConversion *conversion,
					   Datum *value)
{
	CallsIsoTime time;

	if (conversion->cell->kind != CALLS_JSON_STRING ||
		read_iso8601(conversion->cell, &time) != CALLS_TIME_GOOD)
		return calls_convert_input(converter, conversion, value);
	if (!time.has_offset && converter->type != TIMESTAMPTZOID)
		return finish_local(converter, conversion, time.local, value);
	return finish_instant(converter, conversion, iso_instant(&time), value);
}

/* A number cell in seconds (after converter->shift) times 10^shift. */
static CallsNumberFit
scale_cell(const CallsConverter *converter, const CallsCell *cell, int shift,
		   CallsRounding rounding, int64 *result)
{
	return calls_scale_number(cell->start, cell->length,
							  converter->shift + shift, rounding, result);
}

/* Seconds or milliseconds since 1970 to a time type. */
bool
calls_convert_epoch(CallsConverter *converter, CallsConversion *conversion,
					Datum *value)
{
	int64		instant;

	if (scale_cell(converter, conversion->cell, 6, CALLS_ROUND_NEAREST,
				   &instant) == CALLS_NUMBER_OVERFLOW ||
		pg_sub_s64_overflow(instant, EPOCH_DIFFERENCE, &instant))
		return fail_time(converter, conversion);
	return finish_instant(converter, conversion, instant, value);
}

/* The same to bigint: milliseconds. */
bool
calls_convert_epoch_bigint(CallsConverter *converter,
						   CallsConversion *conversion, Datum *value)
{
	int64		milliseconds;

	if (scale_cell(converter, conversion->cell, 3, CALLS_ROUND_DOWN,
				   &milliseconds) == CALLS_NUMBER_OVERFLOW)
		return fail_number(converter, conversion);
	*value = Int64GetDatum(milliseconds);
	return true;
}

/* A duration to interval, all of it in the time field. */
bool
calls_convert_interval(CallsConverter *converter, CallsConversion *conversion,
					   Datum *value)
{
	Interval   *interval;
	int64		time;

	if (scale_cell(converter, conversion->cell, 6, CALLS_ROUND_NEAREST,
				   &time) == CALLS_NUMBER_OVERFLOW ||
		(converter->typmod >= 0 &&
		 (time > MAX_ROUNDABLE_INTERVAL || time < -MAX_ROUNDABLE_INTERVAL)))
		return fail_time(converter, conversion);

	interval = palloc0(sizeof(Interval));
	interval->time = time;
	*value = IntervalPGetDatum(interval);
	if (converter->typmod >= 0)
		*value = DirectFunctionCall2(interval_scale, *value,
									 Int32GetDatum(converter->typmod));
	return true;
}

/* A number to smallint, integer or bigint; any other value as its text. */
bool
calls_convert_integer(CallsConverter *converter, CallsConversion *conversion,
					  Datum *value)
{
	const CallsCell *cell = conversion->cell;
	int64		number;
	CallsNumberFit fit;

	if (cell->kind != CALLS_JSON_NUMBER)
		return calls_convert_input(converter, conversion, value);

	fit = scale_cell(converter, cell, 0, CALLS_ROUND_TO_ZERO, &number);
	if (fit == CALLS_NUMBER_ROUNDED && !converter->truncate)
		return calls_convert_fail(conversion, ERRCODE_INVALID_TEXT_REPRESENTATION,
								  "JSON number without fraction expected");
	if (fit == CALLS_NUMBER_OVERFLOW ||
		(converter->type == INT4OID && number != (int32) number) ||
		(converter->type == INT2OID && number != (int16) number))
		return fail_number(converter, conversion);

	if (converter->type == INT8OID)
		*value = Int64GetDatum(number);
	else if (converter->type == INT4OID)
		*value = Int32GetDatum((int32) number);
	else
		*value = Int16GetDatum((int16) number);
	return true;
}

/* A number of digits only that is sure to fit? */
static bool
is_short_integer(const CallsCell *cell)
{
	if (cell->length > SAFE_INT64_DIGITS)
		return false;
	for (uint32 i = 0; i < cell->length; i++)
		if (cell->start[i] < '0' || cell->start[i] > '9')
			return false;
	return true;
}

/* A number to numeric or a float, exact; any other value as its text. */
bool
calls_convert_decimal(CallsConverter *converter, CallsConversion *conversion,
					  Datum *value)
{
	const CallsCell *cell = conversion->cell;
	int64		number;

	if (cell->kind == CALLS_JSON_NUMBER && converter->type == NUMERICOID &&
		converter->typmod < 0 && is_short_integer(cell))
	{
		calls_scale_number(cell->start, cell->length, 0, CALLS_ROUND_NEAREST,
						   &number);
		*value = NumericGetDatum(converter->shift == 0 ?
								 int64_to_numeric(number) :
								 int64_div_fast_to_numeric(number, -converter->shift));
		return true;
	}
	if (cell->kind != CALLS_JSON_NUMBER || converter->shift == 0)
		return calls_convert_input(converter, conversion, value);
	return calls_input_text(converter, conversion,
							calls_shift_number(cell->start, cell->length,
											   converter->shift),
							value);
}

/* true and false; any other value as its text. */
bool
calls_convert_boolean(CallsConverter *converter, CallsConversion *conversion,
					  Datum *value)
{
	CallsJsonKind kind = conversion->cell->kind;

	if (kind != CALLS_JSON_TRUE && kind != CALLS_JSON_FALSE)
		return calls_convert_input(converter, conversion, value);
	*value = BoolGetDatum(kind == CALLS_JSON_TRUE);
	return true;
}
