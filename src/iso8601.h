/*-------------------------------------------------------------------------
 *
 * iso8601.h
 *		Date and time as APIs write them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_ISO8601_H
#define CALLS_ISO8601_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef enum CallsTimeFault
{
	CALLS_TIME_GOOD = 0,
	CALLS_TIME_FORMAT,			/* not of the form below */
	CALLS_TIME_RANGE			/* of the form, but there is no such time */
} CallsTimeFault;

typedef struct CallsIsoTime
{
	Timestamp	local;			/* what the clock showed */
	int			offset;			/* seconds east of UTC; 0 where not given */
	bool		has_offset;
} CallsIsoTime;

/*
 * Reads YYYY-MM-DD, or YYYY-MM-DD[Tt ]HH:MM[:SS[.fraction]] with an optional
 * Z, z, +HH, +HHMM or +HH:MM.  Ranges and rounding are those of PostgreSQL's
 * own input functions, of which it accepts a part and none that depends on a
 * setting.
 */
extern CallsTimeFault calls_parse_iso8601(const char *text, size_t length,
										  CallsIsoTime *result);

#endif							/* CALLS_ISO8601_H */
