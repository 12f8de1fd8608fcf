/*-------------------------------------------------------------------------
 *
 * sampler.h
 *		What reads the pages of a sample, within its budget of requests.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_SAMPLER_H
#define CALLS_SAMPLER_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "bind.h"
#include "definition.h"
#include "fetch.h"
#include "idset.h"
#include "list_page.h"
#include "option.h"
#include "order.h"
#include "page.h"
#include "request.h"
#include "sample.h"

typedef struct CallsSampler
{
	const CallsDefinition *def;
	CallsSettings *settings;
	CallsFetcher fetcher;
	CallsCounters counters;
	CallsPageReader *reader;
	int			budget;			/* requests, retries included */
	int			max_retries;	/* as the options say */
	int			page_size;		/* asked for; 0: the API's default */

	/* cells of a row: npaths wanted ones, the time, the key */
	int			npaths;
	int			ncells;
	CallsOrderWatch *times;		/* reads the time, watches nothing; NULL: no
								 * time is read */

	/* the next request: order and filters */
	CallsBinding binding;
	const char *url;			/* of the last request */

	CallsIdSet *ids;			/* of the calls read */
	int			capacity;		/* of sample->rows */
	CallsSample *sample;
} CallsSampler;

/*
 * A sampler in CurrentMemoryContext, with an empty sample.  "times": those of
 * the column that the provider orders by are wanted, which it can.
 */
extern CallsSampler *calls_make_sampler(const CallsDefinition *def,
										CallsSettings *settings,
										int npaths, const char *const *paths,
										bool times);

/* How many requests may still be sent. */
extern int	calls_requests_left(const CallsSampler *sampler);

/*
 * Sends a request, to the link "url" if it is not NULL, and reads the page into
 * CurrentMemoryContext.  Raises what fetch.h and page.h say.
 */
extern const CallsPage *calls_fetch_sample_page(CallsSampler *sampler,
												const CallsPosition *position,
												const char *url);

/* Adds a row unless it was read before; false if it was. */
extern bool calls_add_sample_row(CallsSampler *sampler, const CallsPage *page,
								 int row, int group);

/* Adds a whole page to one group; returns how many rows are new. */
extern int	calls_add_sample_page(CallsSampler *sampler, const CallsPage *page,
								  int group);

/* A row's time; false where it has none. */
extern bool calls_sample_row_time(const CallsSampler *sampler, const CallsPage *page,
								  int row, TimestampTz *time);

/* Does the reply say that no page follows it? */
extern bool calls_is_last_page(const CallsSampler *sampler, const CallsPage *page);

/* The cells of a row. */
static inline const CallsCell *
calls_sample_cells(const CallsSampler *sampler, const CallsPage *page, int row)
{
	return &page->cells[(Size) row * sampler->ncells];
}

#endif							/* CALLS_SAMPLER_H */
