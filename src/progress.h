/*-------------------------------------------------------------------------
 *
 * progress.h
 *		A line about once a second while a scan runs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_PROGRESS_H
#define CALLS_PROGRESS_H

#include "postgres.h"

#include "fetch.h"

/* What a scan remembers of its last line; zero at the start. */
typedef struct CallsProgressLine
{
	int64		start;			/* when the scan began; see calls_http_clock */
	int64		last;			/* when the last line was written, or begun */
} CallsProgressLine;

/* Is the setting calls_fdw.progress on? */
extern bool calls_progress;

/*
 * Writes a line if one is due; else makes sure that a wait ends in time for it.
 * It tells how many calls have come, those included that wait for their turn.
 * "delivered" is how many of the list the scan has given, "total" how many the
 * provider reports, or -1.
 */
extern void calls_show_progress(CallsProgressLine *line, const CallsFetcher *fetcher,
								int64 delivered, int64 total);

/* Once, from _PG_init. */
extern void calls_init_progress(void);

#endif							/* CALLS_PROGRESS_H */
