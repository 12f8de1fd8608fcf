/*-------------------------------------------------------------------------
 *
 * probe.h
 *		One page of a list of calls, for the total that comes with it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_PROBE_H
#define CALLS_PROBE_H

#include "postgres.h"

#include "bind.h"
#include "definition.h"
#include "fetch.h"
#include "option.h"
#include "page.h"

typedef struct CallsProber
{
	const CallsDefinition *def;
	const CallsSettings *settings;
	CallsFetcher fetcher;
	CallsPageReader *reader;
	int			ncells;			/* per row; the last is the call's key */
} CallsProber;

typedef struct CallsProbe
{
	CallsFetch *fetch;
	int			asked;			/* rows asked for */
	const CallsPage *page;		/* NULL: not there yet, or the reply is no page */
	int64		total;			/* -1: not reported */
} CallsProbe;

/*
 * A prober in CurrentMemoryContext.  "paths" are the members of a call that
 * the caller wants to see.
 */
extern CallsProber *calls_make_prober(const CallsDefinition *def, CallsSettings *settings,
									  int npaths, const char *const *paths,
									  CallsCounters *counters);

/*
 * Asks for the first page of a binding that one request can carry, with at
 * most "limit" rows (0: a full page).  The probe and all of it belong to
 * CurrentMemoryContext, and end with it.
 */
extern CallsProbe *calls_start_probe(CallsProber *prober, const CallsBinding *binding,
									 int64 limit);

/* Waits for the page, which goes to CurrentMemoryContext.  Raises what fetch.h says. */
extern void calls_finish_probe(CallsProber *prober, CallsProbe *probe);

/* Do the page's rows and what it says of further pages bear the total out? */
extern bool calls_page_bears_total(const CallsProber *prober, const CallsProbe *probe);

/* The cells of a row. */
static inline const CallsCell *
calls_probe_cells(const CallsProber *prober, const CallsProbe *probe, int row)
{
	return &probe->page->cells[(Size) row * prober->ncells];
}

#endif							/* CALLS_PROBE_H */
