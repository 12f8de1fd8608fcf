/*-------------------------------------------------------------------------
 *
 * iso8601.c
 *		Date and time as APIs write them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/date.h"
#include "utils/datetime.h"

#include "iso8601.h"

/* Digits of a fraction that a double can hold exactly. */
#define MAX_FRACTION_DIGITS 15

/* Reads two digits at *text, which moves on; negative where there are none. */
static inline int
read_pair(const char **text, const char *end)
{
	unsigned	tens;
	unsigned	units;

	if (end - *text < 2)
		return -1;
	tens = (unsigned char) (*text)[0] - '0';
	units = (unsigned char) (*text)[1] - '0';
	*text += 2;
	return tens > 9 || units > 9 ? -1 : (int) (tens * 10 + units);
}

/* Moves *text over one of the two characters, if it is there. */
static inline bool
skip_char(const char **text, const char *end, char c, char alternative)
{
	if (*text == end || (**text != c && **text != alternative))
		return false;
	(*text)++;
	return true;
}

/*
 * Reads the digits behind a decimal point as microseconds, rounded as the
 * server's strtod and rint do.
 */
static bool
read_fraction(const char **text, const char *end, fsec_t *fsec)
{
	const char *start = *text;
	int64		digits = 0;
	double		unit = 1;

	for (; *text < end && **text >= '0' && **text <= '9'; (*text)++)
	{
		if (*text - start >= MAX_FRACTION_DIGITS)
			continue;
		digits = digits * 10 + (**text - '0');
		unit *= 10;
	}
	*fsec = (fsec_t) rint((double) digits / unit * 1000000);
	return *text > start;
}

/* Reads the offset at the end of the text. */
static CallsTimeFault
read_offset(const char *text, const char *end, CallsIsoTime *result)
{
	bool		negative;
	int			hours;
	int			minutes = 0;

	result->has_offset = true;
	if (skip_char(&text, end, 'Z', 'z'))
		return text == end ? CALLS_TIME_GOOD : CALLS_TIME_FORMAT;
	if (text == end || (*text != '+' && *text != '-'))
		return CALLS_TIME_FORMAT;
	negative = (*text++ == '-');
	hours = read_pair(&text, end);
	if (hours >= 0 && text < end)
	{
		skip_char(&text, end, ':', ':');
		minutes = read_pair(&text, end);
	}
	if (hours < 0 || minutes < 0 || text < end)
		return CALLS_TIME_FORMAT;
	if (hours > MAX_TZDISP_HOUR || minutes >= MINS_PER_HOUR)
		return CALLS_TIME_RANGE;
	result->offset = (hours * MINS_PER_HOUR + minutes) * SECS_PER_MINUTE;
	if (negative)
		result->offset = -result->offset;
	return CALLS_TIME_GOOD;
}

/* Reads the time of day and what follows it; adds it to result->local. */
static CallsTimeFault
read_time(const char *text, const char *end, CallsIsoTime *result)
{
	int			hour;
	int			minute;
	int			second = 0;
	fsec_t		fsec = 0;

	hour = read_pair(&text, end);
	if (hour < 0 || !skip_char(&text, end, ':', ':'))
		return CALLS_TIME_FORMAT;
	minute = read_pair(&text, end);
	if (minute < 0)
		return CALLS_TIME_FORMAT;
	if (skip_char(&text, end, ':', ':'))
	{
		second = read_pair(&text, end);
		if (second < 0)
			return CALLS_TIME_FORMAT;
		if (skip_char(&text, end, '.', '.') && !read_fraction(&text, end, &fsec))
			return CALLS_TIME_FORMAT;
	}
	if (time_overflows(hour, minute, second, fsec))
		return CALLS_TIME_RANGE;
	result->local += (hour * (int64) SECS_PER_HOUR + minute * SECS_PER_MINUTE +
					  second) * USECS_PER_SEC + fsec;
	return text == end ? CALLS_TIME_GOOD : read_offset(text, end, result);
}

/* Reads a date, or a date and time. */
CallsTimeFault
calls_parse_iso8601(const char *text, size_t length, CallsIsoTime *result)
{
	const char *end = text + length;
	int			century;
	int			year;
	int			month;
	int			day;

	result->offset = 0;
	result->has_offset = false;
	century = read_pair(&text, end);
	year = read_pair(&text, end);
	if (century < 0 || year < 0 || !skip_char(&text, end, '-', '-'))
		return CALLS_TIME_FORMAT;
	year += century * 100;
	month = read_pair(&text, end);
	if (month < 0 || !skip_char(&text, end, '-', '-'))
		return CALLS_TIME_FORMAT;
	day = read_pair(&text, end);
	if (day < 0)
		return CALLS_TIME_FORMAT;
	if (year == 0 || month < 1 || month > MONTHS_PER_YEAR ||
		day < 1 || day > day_tab[isleap(year)][month - 1])
		return CALLS_TIME_RANGE;
	result->local = (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
	if (text == end)
		return CALLS_TIME_GOOD;
	if (!skip_char(&text, end, 'T', 't') && !skip_char(&text, end, ' ', ' '))
		return CALLS_TIME_FORMAT;
	return read_time(text, end, result);
}
