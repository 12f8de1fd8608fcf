/*-------------------------------------------------------------------------
 *
 * sample.h
 *		Some calls of a log from all over it, in few requests, and how many
 *		calls there are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_SAMPLE_H
#define CALLS_SAMPLE_H

#include "postgres.h"

#include "definition.h"
#include "option.h"
#include "page.h"

/* Requests for one sample, retries included. */
#define CALLS_SAMPLE_REQUESTS	10

/* A call that was read. */
typedef struct CallsSampleRow
{
	const CallsCell *cells;		/* of the paths asked for, then others */
	const CallsCell *key;		/* the call's id */
	int			group;			/* index of the group it is from */
} CallsSampleRow;

/* A stretch of the log, some of whose calls were read. */
typedef struct CallsSampleGroup
{
	double		calls;			/* calls that the stretch has, perhaps
								 * estimated */
	int			nrows;			/* of these, how many were read */
} CallsSampleGroup;

typedef struct CallsSample
{
	double		total;			/* calls that the log has, perhaps estimated */
	int64		requests;		/* what it cost */
	int			nrows;
	CallsSampleRow *rows;		/* each call once */
	int			ngroups;
	CallsSampleGroup groups[CALLS_SAMPLE_REQUESTS];
} CallsSample;

/*
 * Reads a sample into CurrentMemoryContext.  "settings" are changed: requests
 * and retries stay within CALLS_SAMPLE_REQUESTS, and max_requests.  "paths" are
 * the members of a call that are wanted.  "known" is how many calls the log
 * had when it was last counted, or negative.  Raises what fetch.h and page.h
 * say, and HV000 where calls come in another order than was asked for.
 */
extern CallsSample *calls_read_sample(const CallsDefinition *def,
									  CallsSettings *settings,
									  int npaths, const char *const *paths,
									  double known);

#endif							/* CALLS_SAMPLE_H */
