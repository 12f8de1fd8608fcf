/*-------------------------------------------------------------------------
 *
 * pace.c
 *		What a reply says of how fast requests may follow.
 *
 * Retry-After comes first, as RFC 9110 defines it; then X-RateLimit-Reset, a
 * custom without a standard: a point in time with most APIs, a number of
 * seconds with some; last the text of a 429.  Points in time are taken
 * relative to the reply's own Date, so that a wrong clock here does no harm.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <math.h>
#include <time.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "pace.h"
#include "report.h"

/* Numbers from here on are seconds since 1970 (this one is in 2001). */
#define FIRST_EPOCH			1000000000

/* ... and from here on milliseconds: as seconds, this is the year 33658. */
#define FIRST_EPOCH_MS		(FIRST_EPOCH * INT64CONST(1000))

/* What is looked at of a 429's text, in bytes: it is a sentence or two. */
#define MAX_TEXT			512

/* A header that is nothing but a number, at least 0; -1 if it is not. */
static int64
parse_count(const char *text)
{
	char	   *end;
	long long	value;

	if (text == NULL)
		return -1;
	errno = 0;
	value = strtoll(text, &end, 10);
	while (*end == ' ')
		end++;
	if (end == text || *end != '\0' || errno != 0 || value < 0)
		return -1;
	return value;
}

static int64
to_milliseconds(int64 seconds)
{
	return seconds < 0 ? -1 : Min(seconds, PG_INT32_MAX) * 1000;
}

/* The provider's clock when it sent the reply. */
static int64
reply_time(const CallsHttpReply *reply)
{
	return reply->date > 0 ? reply->date : (int64) time(NULL);
}

/* Retry-After, RFC 9110 section 10.2.3: seconds, or an HTTP date; or -1. */
static int64
read_retry_after(const CallsHttpReply *reply)
{
	int64		seconds = parse_count(reply->retry_after);
	int64		then;

	if (reply->retry_after == NULL || seconds >= 0)
		return to_milliseconds(seconds);
	then = calls_http_parse_date(reply->retry_after);
	return then < 0 ? -1 : to_milliseconds(Max(then - reply_time(reply), 0));
}

/* X-RateLimit-Reset: a moment, or how long until then. */
static void
read_reset(const CallsHttpReply *reply, CallsPace *pace)
{
	int64		seconds = parse_count(reply->rate_reset);

	if (seconds >= FIRST_EPOCH_MS)
		seconds = seconds / 1000 + 1;
	if (seconds >= FIRST_EPOCH)
	{
		pace->moment = seconds;
		seconds = Max(seconds - reply_time(reply), 0);
	}
	pace->reset = to_milliseconds(seconds);
}

/*
 * The milliseconds of a duration at the start of a text: a number, and a unit,
 * which may be missing where nothing else follows.  -1 for anything else.
 */
static int64
read_duration(const char *text)
{
	static const struct
	{
		const char *unit;
		double		milliseconds;
	}			units[] = {
		{"", 1000}, {"s", 1000}, {"sec", 1000}, {"secs", 1000}, {"second", 1000},
		{"seconds", 1000}, {"ms", 1}, {"millisecond", 1}, {"milliseconds", 1},
		{"m", 60000}, {"min", 60000}, {"mins", 60000}, {"minute", 60000},
		{"minutes", 60000}, {"h", 3600000}, {"hour", 3600000}, {"hours", 3600000},
	};
	char	   *end;
	double		number = strtod(text, &end);
	size_t		length = 0;

	while (*end == ' ')
		end++;
	while (isalpha((unsigned char) end[length]))
		length++;
	for (int i = 0; i < (int) lengthof(units); i++)
	{
		if (strlen(units[i].unit) == length &&
			pg_strncasecmp(end, units[i].unit, length) == 0)
			return (int64) ceil(Min(number * units[i].milliseconds,
									(double) PG_INT32_MAX * 1000));
	}
	return -1;
}

/* Does the text begin with "retry", "again" or "wait"?  Returns its length, or 0. */
static size_t
wait_word(const char *text)
{
	static const char *const words[] = {"retry", "again", "wait"};

	for (int i = 0; i < (int) lengthof(words); i++)
	{
		size_t		length = strlen(words[i]);

		if (pg_strncasecmp(text, words[i], length) == 0)
			return length;
	}
	return 0;
}

/*
 * A duration after one of these words, with nothing but words between: "retry
 * after 30 seconds", "try again in 1.5s", "wait 2 minutes".  In milliseconds;
 * -1 where there is none.
 */
static int64
wait_in_text(const char *text)
{
	while (*text != '\0')
	{
		size_t		length = wait_word(text);

		if (length == 0)
		{
			text++;
			continue;
		}
		/* another of the words on the way would lead to the same place */
		text += length;
		while (*text == ' ' || isalpha((unsigned char) *text))
			text++;
		if (isdigit((unsigned char) *text))
		{
			int64		wait = read_duration(text);

			if (wait >= 0)
				return wait;
			text++;
		}
	}
	return -1;
}

/* What the text of a 429 asks for, or -1. */
static int64
read_text(const CallsDefinition *def, const CallsHttpReply *reply)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw reply text",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	char	   *text = calls_error_text(def, reply);
	int64		wait = -1;

	if (text != NULL)
	{
		text[pg_encoding_mbcliplen(PG_UTF8, text, (int) strlen(text), MAX_TEXT)] = '\0';
		wait = wait_in_text(text);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return wait;
}

CallsPace
calls_read_pace(const CallsDefinition *def, const CallsHttpReply *reply)
{
	CallsPace	pace = {.wait = -1, .limit = -1, .remaining = -1, .reset = -1, .moment = -1};

	if (reply->outcome != CALLS_HTTP_REPLY)
		return pace;
	if (reply->status == 429 || reply->status == 503)
		pace.wait = read_retry_after(reply);
	if (pace.wait >= 0)
		return pace;
	read_reset(reply, &pace);
	if (pace.reset >= 0)
	{
		pace.limit = parse_count(reply->rate_limit);
		pace.remaining = parse_count(reply->rate_remaining);
	}
	if (reply->status == 429)
		pace.wait = pace.reset >= 0 ? pace.reset : read_text(def, reply);
	return pace;
}
