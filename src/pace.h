/*-------------------------------------------------------------------------
 *
 * pace.h
 *		What a reply says of how fast requests may follow.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_PACE_H
#define CALLS_PACE_H

#include "postgres.h"

#include "definition.h"
#include "http.h"

/* Milliseconds, from when the reply came; -1 where the reply does not say. */
typedef struct CallsPace
{
	int64		wait;			/* before the next request: of a 429 or 503 */
	int64		limit;			/* requests, not ms, from one reset to the next */
	int64		remaining;		/* requests, not ms, that are left until the reset */
	int64		reset;			/* until the provider counts anew */
	int64		moment;			/* of that, in the provider's seconds since 1970,
								 * not ms; -1 where it told only how long */
} CallsPace;

/* Reads it from the headers, or from the text of a 429.  Raises nothing but
 * 53200 where memory is short. */
extern CallsPace calls_read_pace(const CallsDefinition *def, const CallsHttpReply *reply);

#endif							/* CALLS_PACE_H */
