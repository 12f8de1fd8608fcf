/*
 * formats.c
 *		Numbers, dates, UUIDs and phone numbers as text, read strictly.
 */
#include "util.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Read decimal digits and nothing else. */
bool
parse_int(const char *s, size_t len, int64_t *value)
{
	int64_t		result = 0;

	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (s[i] < '0' || s[i] > '9')
			return false;
		result = result * 10 + (s[i] - '0');
	}
	*value = result;
	return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t
days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t		y = month <= 2 ? year - 1 : year;
	int64_t		era = (y >= 0 ? y : y - 399) / 400;
	int64_t		yoe = y - era * 400;
	int64_t		doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void
date_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t		z = days + 719468;
	int64_t		era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t		doe = z - era * 146097;
	int64_t		yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t		doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t		mp = (5 * doy + 2) / 153;

	*day = (int) (doy - (153 * mp + 2) / 5 + 1);
	*month = (int) (mp < 10 ? mp + 3 : mp - 9);
	*year = (int) (yoe + era * 400 + (*month <= 2));
}

/* Read exactly n digits that make a number from low to high. */
static bool
take_number(const char **p, const char *end, size_t n, int64_t low, int64_t high, int64_t *value)
{
	if ((size_t) (end - *p) < n || !parse_int(*p, n, value) || *value < low || *value > high)
		return false;
	*p += n;
	return true;
}

static bool
take_char(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

/* Z, +hh:mm, +hhmm or +hh; seconds east in *offset. */
static bool
take_zone(const char **p, const char *end, int64_t *offset)
{
	int64_t		hours;
	int64_t		minutes = 0;
	int			sign;

	if (take_char(p, end, 'Z') || take_char(p, end, 'z'))
		return true;
	if (*p == end || (**p != '+' && **p != '-'))
		return false;
	sign = *(*p)++ == '-' ? -1 : 1;
	if (!take_number(p, end, 2, 0, 15, &hours))
		return false;
	if (*p < end)
	{
		take_char(p, end, ':');
		if (!take_number(p, end, 2, 0, 59, &minutes))
			return false;
	}
	*offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

/*
 * Read an ISO 8601 date or date and time. Without a zone it is UTC; with
 * need_zone (the "date-time" of RFC 3339) time and zone must be there.
 */
bool
parse_time(const char *s, size_t len, bool need_zone, int64_t *usecs)
{
	static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const char *p = s;
	const char *end = s + len;
	int64_t		year,
				month,
				day,
				hour = 0,
				minute = 0,
				second = 0,
				fraction = 0,
				offset = 0;

	if (!take_number(&p, end, 4, 1, 9999, &year) || !take_char(&p, end, '-') ||
		!take_number(&p, end, 2, 1, 12, &month) || !take_char(&p, end, '-') ||
		!take_number(&p, end, 2, 1, month_days[month - 1], &day))
		return false;
	if (month == 2 && day == 29 && (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0)))
		return false;
	if (p == end && need_zone)
		return false;
	if (p < end)
	{
		if (!(take_char(&p, end, 'T') || take_char(&p, end, 't')) ||
			!take_number(&p, end, 2, 0, 23, &hour) || !take_char(&p, end, ':') ||
			!take_number(&p, end, 2, 0, 59, &minute))
			return false;
		if (take_char(&p, end, ':'))
		{
			if (!take_number(&p, end, 2, 0, 59, &second))
				return false;
			if (take_char(&p, end, '.'))
			{
				int64_t		unit = USECS_PER_SEC / 10;

				if (p == end || *p < '0' || *p > '9')
					return false;
				for (; p < end && *p >= '0' && *p <= '9'; p++, unit /= 10)
					fraction += (*p - '0') * unit;
			}
		}
		else if (need_zone)
			return false;
		if ((p < end || need_zone) && !take_zone(&p, end, &offset))
			return false;
	}
	if (p != end)
		return false;
	*usecs = (days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset) *
		USECS_PER_SEC + fraction;
	return true;
}

static char *
put_digits(char *out, int64_t value, int digits)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		out[i] = (char) ('0' + value % 10);
	return out + digits;
}

/* Write an ISO 8601 timestamp with that many fractional digits (0, 3 or 6). */
char *
format_time(char *out, int64_t usecs, int digits, int zone_minutes)
{
	int64_t		local = usecs + zone_minutes * INT64_C(60) * USECS_PER_SEC;
	int64_t		days = local / (86400 * USECS_PER_SEC);
	int64_t		rest = local % (86400 * USECS_PER_SEC);
	int			year,
				month,
				day;
	char	   *p = out;

	if (rest < 0)
	{
		days--;
		rest += 86400 * USECS_PER_SEC;
	}
	date_from_days(days, &year, &month, &day);
	p = put_digits(p, year, 4);
	*p++ = '-';
	p = put_digits(p, month, 2);
	*p++ = '-';
	p = put_digits(p, day, 2);
	*p++ = 'T';
	p = put_digits(p, rest / (3600 * USECS_PER_SEC), 2);
	*p++ = ':';
	p = put_digits(p, rest / (60 * USECS_PER_SEC) % 60, 2);
	*p++ = ':';
	p = put_digits(p, rest / USECS_PER_SEC % 60, 2);
	if (digits > 0)
	{
		*p++ = '.';
		p = put_digits(p, digits == 3 ? rest % USECS_PER_SEC / 1000 : rest % USECS_PER_SEC, digits);
	}
	if (zone_minutes == 0)
		*p++ = 'Z';
	else
	{
		int			minutes = abs(zone_minutes);

		*p++ = zone_minutes < 0 ? '-' : '+';
		p = put_digits(p, minutes / 60, 2);
		*p++ = ':';
		p = put_digits(p, minutes % 60, 2);
	}
	*p = '\0';
	return out;
}

/* Write the Date header's form of a time. */
char *
format_http_date(char *out, size_t size, int64_t seconds)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
	"Dec"};
	time_t		when = (time_t) seconds;
	struct tm	tm;

	gmtime_r(&when, &tm);
	snprintf(out, size, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
			 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	return out;
}

bool
is_uuid(const char *s, size_t len)
{
	uint64_t	high,
				low;

	return parse_uuid(s, len, &high, &low);
}

bool
is_e164(const char *s, size_t len)
{
	if (len < 3 || len > 16 || s[0] != '+' || s[1] < '1' || s[1] > '9')
		return false;
	for (size_t i = 2; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

/* Write a UUID in lower case; a position of 8, 12, 16 or 20 digits is followed by '-'. */
char *
format_uuid(char *out, uint64_t high, uint64_t low)
{
	char	   *p = out;

	for (int i = 0; i < 32; i++)
	{
		uint64_t	half = i < 16 ? high : low;

		if (i == 8 || i == 12 || i == 16 || i == 20)
			*p++ = '-';
		*p++ = "0123456789abcdef"[half >> (60 - 4 * (i % 16)) & 15];
	}
	*p = '\0';
	return out;
}

/* Read a UUID in upper or lower case. */
bool
parse_uuid(const char *s, size_t len, uint64_t *high, uint64_t *low)
{
	*high = *low = 0;
	if (len != UUID_TEXT - 1)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		uint64_t   *half = i < 18 ? high : low;
		char		c = s[i];

		if (i == 8 || i == 13 || i == 18 || i == 23)
		{
			if (c != '-')
				return false;
		}
		else if (c >= '0' && c <= '9')
			*half = *half << 4 | (uint64_t) (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			*half = *half << 4 | (uint64_t) ((c | 32) - 'a' + 10);
		else
			return false;
	}
	return true;
}
