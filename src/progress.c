/*-------------------------------------------------------------------------
 *
 * progress.c
 *		A line about once a second while a scan runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "compat.h"
#include "progress.h"

/* Milliseconds between two lines. */
#define LINE_INTERVAL		1000

bool		calls_progress = false;

void
calls_init_progress(void)
{
	DefineCustomBoolVariable("calls_fdw.progress",
							 "Tells about once a second how far a scan has come.",
							 "Each line is an INFO message: calls, total, calls per second, pages, bytes, retries, replies that asked to slow down.",
							 &calls_progress, false, PGC_USERSET, 0, NULL, NULL, NULL);
}

void
calls_show_progress(CallsProgressLine *line, const CallsFetcher *fetcher,
					int64 delivered, int64 total)
{
	const CallsCounters *counters = fetcher->counters;
	int64		now = calls_http_clock();
	int64		calls = counters->rows;

	if (line->start == 0)
		line->start = line->last = now;
	if (now - line->last < LINE_INTERVAL)
	{
		calls_http_set_alarm(LINE_INTERVAL - (now - line->last));
		return;
	}
	line->last = now;
	/* the total is that of one reading of the list, and has no repeats */
	if (counters->scans > 1)
		total = -1;
	if (total >= 0)
		calls = Max(delivered, Min(calls, total));
	ereport(INFO,
			(errmsg_internal("%s: " INT64_FORMAT "%s calls, %.0f/s, " INT64_FORMAT " pages, " INT64_FORMAT " kB%s%s",
							 fetcher->settings->server_name, calls,
							 total >= 0 ? psprintf(" of " INT64_FORMAT, total) : "",
							 calls * 1000.0 / (now - line->start),
							 counters->pages, counters->bytes / 1024,
							 counters->retries > 0 ? psprintf(", " INT64_FORMAT " retries", counters->retries) : "",
							 counters->throttled > 0 ? psprintf(", " INT64_FORMAT " throttled", counters->throttled) : ""),
			 errhidestmt(true), errhidecontext(true)));
	calls_http_set_alarm(LINE_INTERVAL);
}
