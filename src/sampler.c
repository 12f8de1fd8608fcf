/*-------------------------------------------------------------------------
 *
 * sampler.c
 *		Reads the pages of a sample.
 *
 * Replies are kept until the sample is done with, since rows point into them.
 * Relies on fetch.c for replies and retries; the budget of requests is enforced
 * through the settings that it heeds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "sampler.h"
#include "stats.h"

/* Rows that there is room for at first. */
#define FIRST_CAPACITY		1024

int
calls_requests_left(const CallsSampler *sampler)
{
	return (int) Max(sampler->budget - sampler->counters.requests, 0);
}

/* Compiles the reader for the caller's paths, the time and the key. */
static void
init_reader(CallsSampler *sampler, int npaths, const char *const *paths, bool times)
{
	const CallsDefinition *def = sampler->def;
	const char **row_paths = palloc_array(const char *, npaths + 1);
	CallsRange	none = {0};

	for (int i = 0; i < npaths; i++)
		row_paths[i] = paths[i];
	row_paths[npaths] = def->columns[times ? def->order.column : def->key].path;
	if (times)
		sampler->times = calls_make_order_watch(def, sampler->settings, CALLS_ORDER_DESC, &none);
	sampler->npaths = npaths;
	sampler->ncells = npaths + 2;
	sampler->reader = calls_make_list_reader(def, npaths + 1, row_paths);
}

CallsSampler *
calls_make_sampler(const CallsDefinition *def, CallsSettings *settings,
				   int npaths, const char *const *paths, bool times)
{
	CallsSampler *sampler = palloc0_object(CallsSampler);

	sampler->def = def;
	sampler->settings = settings;
	sampler->counters.scans = 1;
	calls_watch_counters(settings->server, &sampler->counters);
	sampler->budget = CALLS_SAMPLE_REQUESTS;
	if (settings->max_requests > 0)
		sampler->budget = Min(sampler->budget, settings->max_requests);
	settings->max_requests = sampler->budget;
	sampler->max_retries = settings->max_retries;
	if (def->paging.size_param != NULL)
		sampler->page_size = settings->page_size > 0 ? settings->page_size
			: def->paging.size_max;

	calls_init_fetcher(&sampler->fetcher, def, settings, &sampler->counters);
	sampler->ids = calls_make_idset(work_mem);
	sampler->sample = palloc0_object(CallsSample);
	sampler->capacity = FIRST_CAPACITY;
	sampler->sample->rows = palloc_array(CallsSampleRow, FIRST_CAPACITY);
	init_reader(sampler, npaths, paths, times);
	return sampler;
}

const CallsPage *
calls_fetch_sample_page(CallsSampler *sampler, const CallsPosition *position, const char *url)
{
	CallsRequest *request = calls_build_request(sampler->def, sampler->settings,
												&sampler->binding, position, false);
	const CallsHttpReply *reply;
	const CallsPage *page;

	CHECK_FOR_INTERRUPTS();
	if (url != NULL)
		request->url = url;
	sampler->url = request->url;
	sampler->settings->max_retries = Min(sampler->max_retries,
										 calls_requests_left(sampler) - 1);
	reply = calls_fetch(&sampler->fetcher, request);
	page = calls_read_page(sampler->reader, reply->body, reply->length);
	sampler->counters.pages++;
	sampler->counters.rows += page->nrows;
	return page;
}

bool
calls_sample_row_time(const CallsSampler *sampler, const CallsPage *page,
					  int row, TimestampTz *time)
{
	return calls_read_time(sampler->times,
						   &calls_sample_cells(sampler, page, row)[sampler->npaths], time);
}

/* Makes room for another row. */
static void
make_room(CallsSampler *sampler)
{
	CallsSample *sample = sampler->sample;

	if (sample->nrows < sampler->capacity)
		return;
	sampler->capacity *= 2;
	sample->rows = repalloc_huge(sample->rows, sizeof(CallsSampleRow) * sampler->capacity);
}

bool
calls_add_sample_row(CallsSampler *sampler, const CallsPage *page, int row, int group)
{
	CallsSample *sample = sampler->sample;
	CallsSampleRow *added;
	const CallsCell *cells = calls_sample_cells(sampler, page, row);
	const CallsCell *key = &cells[sampler->ncells - 1];

	if ((key->kind == CALLS_JSON_STRING || key->kind == CALLS_JSON_NUMBER) &&
		!calls_idset_add(sampler->ids, calls_hash_id(key->start, key->length)))
		return false;
	make_room(sampler);
	added = &sample->rows[sample->nrows++];
	added->cells = cells;
	added->key = key;
	added->group = group;
	sample->ngroups = Max(sample->ngroups, group + 1);
	sample->groups[group].nrows++;
	return true;
}

int
calls_add_sample_page(CallsSampler *sampler, const CallsPage *page, int group)
{
	int			fresh = 0;

	for (int row = 0; row < page->nrows; row++)
		fresh += calls_add_sample_row(sampler, page, row, group);
	return fresh;
}

bool
calls_is_last_page(const CallsSampler *sampler, const CallsPage *page)
{
	bool		more;

	return calls_page_tells_more(sampler->def, page, &more) ? !more : page->nrows == 0;
}
