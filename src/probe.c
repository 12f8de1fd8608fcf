/*-------------------------------------------------------------------------
 *
 * probe.c
 *		One page of a list of calls, for the total that comes with it.
 *
 * Totals are estimates at some APIs, capped at others, and wrong where nobody
 * looks.  A page that comes with one can refute it, and is asked to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "convert.h"
#include "pager.h"
#include "probe.h"
#include "request.h"

/* Members of a reply outside its rows, in the order given to the reader. */
enum ProbeMember
{
	PROBE_TOTAL,
	PROBE_NEXT,
	PROBE_MORE,
	PROBE_TOTAL_PAGES,
	NMEMBERS
};

CallsProber *
calls_make_prober(const CallsDefinition *def, CallsSettings *settings,
				  int npaths, const char *const *paths, CallsCounters *counters)
{
	CallsProber *prober = palloc0_object(CallsProber);
	const char **row_paths = palloc_array(const char *, npaths + 1);
	const char **members = palloc0_array(const char *, NMEMBERS);

	prober->def = def;
	prober->settings = settings;
	calls_init_fetcher(&prober->fetcher, def, settings, counters);
	for (int i = 0; i < npaths; i++)
		row_paths[i] = paths[i];
	row_paths[npaths] = def->columns[def->key].path;
	members[PROBE_TOTAL] = def->total;
	members[PROBE_NEXT] = def->paging.next;
	members[PROBE_MORE] = def->paging.more;
	members[PROBE_TOTAL_PAGES] = def->paging.total_pages;
	prober->ncells = npaths + 1;
	prober->reader = calls_make_page_reader(def->rows, npaths + 1, row_paths,
											NMEMBERS, members);
	return prober;
}

/* A number outside the rows, or -1. */
static int64
member_number(const CallsPage *page, enum ProbeMember member)
{
	int64		value;

	return calls_cell_int64(&page->members[member], &value) && value >= 0 ? value : -1;
}

CallsProbe *
calls_start_probe(CallsProber *prober, const CallsBinding *binding, int64 limit)
{
	CallsPosition position = calls_first_position(prober->def, prober->settings, limit);
	CallsRequest *request = calls_build_request(prober->def, prober->settings, binding,
												&position, false);
	CallsProbe *probe = palloc0_object(CallsProbe);

	probe->asked = position.size > 0 ? position.size : prober->def->paging.size_default;
	probe->total = -1;
	probe->fetch = calls_start_fetch(&prober->fetcher, request);
	return probe;
}

void
calls_finish_probe(CallsProber *prober, CallsProbe *probe)
{
	const CallsHttpReply *reply;

	CHECK_FOR_INTERRUPTS();
	calls_await_fetch(probe->fetch);
	reply = calls_take_reply(probe->fetch);
	/* a reply that is no page is for the scan to complain of */
	probe->page = calls_try_read_page(prober->reader, reply->body, reply->length);
	if (probe->page == NULL)
		return;
	probe->total = member_number(probe->page, PROBE_TOTAL);
	prober->fetcher.counters->pages++;
	prober->fetcher.counters->rows += probe->page->nrows;
	calls_log_fetch(probe->fetch, probe->page->nrows);
}

/*
 * Does a total above zero agree with the number of pages?  All but the last
 * have as many rows as the first.
 */
static bool
agrees_with_pages(int64 total, int64 pages, int64 nrows)
{
	return pages > (total - 1) / nrows && pages - 1 <= (total - 1) / nrows;
}

bool
calls_page_bears_total(const CallsProber *prober, const CallsProbe *probe)
{
	const CallsPage *page = probe->page;
	int64		total_pages;
	CallsJsonKind more;

	if (page == NULL || probe->total < page->nrows || calls_is_known_cap(probe->total))
		return false;
	if (page->nrows == 0)
		return probe->total == 0;
	total_pages = member_number(page, PROBE_TOTAL_PAGES);
	if (total_pages >= 0 && !agrees_with_pages(probe->total, total_pages, page->nrows))
		return false;

	/* whether there is more is said by a flag, or by a link, or by nothing */
	more = page->members[PROBE_MORE].kind;
	if (more != CALLS_JSON_TRUE && more != CALLS_JSON_FALSE && prober->def->paging.next != NULL)
	{
		char	   *next = calls_cell_text(&page->members[PROBE_NEXT]);

		more = next != NULL && next[0] != '\0' ? CALLS_JSON_TRUE : CALLS_JSON_FALSE;
	}
	if (more == CALLS_JSON_TRUE)
		return probe->total > page->nrows;
	if (more == CALLS_JSON_FALSE || (total_pages < 0 && page->nrows < probe->asked))
		return probe->total == page->nrows;
	return true;
}
