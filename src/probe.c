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
#include "list_page.h"
#include "probe.h"
#include "request.h"

CallsProber *
calls_make_prober(const CallsDefinition *def, CallsSettings *settings,
				  int npaths, const char *const *paths, CallsCounters *counters)
{
	CallsProber *prober = palloc0_object(CallsProber);

	prober->def = def;
	prober->settings = settings;
	calls_init_fetcher(&prober->fetcher, def, settings, counters);
	prober->ncells = npaths + 1;
	prober->reader = calls_make_list_reader(def, npaths, paths);
	return prober;
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
	probe->total = calls_member_number(probe->page, CALLS_MEMBER_TOTAL);
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
	bool		more;

	if (page == NULL || probe->total < page->nrows || calls_is_known_cap(probe->total))
		return false;
	if (page->nrows == 0)
		return probe->total == 0;
	total_pages = calls_member_number(page, CALLS_MEMBER_TOTAL_PAGES);
	if (total_pages >= 0 && !agrees_with_pages(probe->total, total_pages, page->nrows))
		return false;

	/* whether there is more is said by a flag, or by a link, or by nothing */
	if (calls_page_tells_more(prober->def, page, &more))
		return more ? probe->total > page->nrows : probe->total == page->nrows;
	if (total_pages < 0 && page->nrows < probe->asked)
		return probe->total == page->nrows;
	return true;
}
