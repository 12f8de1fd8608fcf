/*-------------------------------------------------------------------------
 *
 * sample.c
 *		Some calls of a log from all over it, in few requests.
 *
 * How depends on what the definition says:
 *	 - page numbers or offsets, and a total: random pages, one in each of
 *	   equal parts of the log;
 *	 - a cursor or the like, an order by time that can be turned round, and an
 *	   upper bound on that time: the newest and the oldest page tell the range,
 *	   then one page before a random moment in each of equal parts of it;
 *	 - else the first pages.
 * The first request asks for the start of the log in any case, and a log that
 * its reply shows to be whole costs no other.
 *
 * Nothing here has to be exact, but all of it should be representative: a
 * page tells how many calls its part of the log has, so that the caller can
 * give each its weight.  sampler.c reads the pages.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "datatype/timestamp.h"

#include "bind_order.h"
#include "bound.h"
#include "compat.h"
#include "list_page.h"
#include "order.h"
#include "report.h"
#include "sample.h"
#include "sampler.h"

/* The groups of the newest and of the oldest calls; windows follow. */
#define GROUP_NEWEST		0
#define GROUP_OLDEST		1
#define GROUP_WINDOWS		2

/* The part of the log between its newest and its oldest page. */
typedef struct SampleRange
{
	TimestampTz bottom;			/* newest call of the oldest page */
	double		length;			/* microseconds */
	int			page_rows;		/* of a full page; APIs clamp what is asked for */
	int			nwindows;		/* equal parts, one request in each */
	double		density;		/* calls per microsecond where it was measured
								 * last */
} SampleRange;

/* What the calls of one page say about their time. */
typedef struct PageTimes
{
	TimestampTz newest;
	TimestampTz oldest;
} PageTimes;

/* Can it be asked for calls around any moment? */
static bool
has_windows(const CallsDefinition *def, const CallsSettings *settings)
{
	const CallsColumn *column;

	if (!calls_can_order(def, CALLS_ORDER_ASC) || !calls_can_order(def, CALLS_ORDER_DESC) ||
		calls_bound_filter(def, CALLS_FILTER_UPPER) == NULL)
		return false;
	column = &def->columns[def->order.column];
	return (column->format == CALLS_FORMAT_ISO8601 || column->format == CALLS_FORMAT_EPOCH_S ||
			column->format == CALLS_FORMAT_EPOCH_MS) &&
		calls_pushdown_allowed(settings, column->name);
}

/* Every call was read: they are counted. */
static void
finish_complete(CallsSampler *sampler)
{
	CallsSample *sample = sampler->sample;

	sample->total = sample->nrows;
	for (int i = 0; i < sample->ngroups; i++)
		sample->groups[i].calls = sample->groups[i].nrows;
}

/* The page after this one; false where its position cannot be told. */
static bool
next_position(CallsSampler *sampler, const CallsPage *page, CallsPosition *position,
			  const char **url)
{
	switch (sampler->def->paging.style)
	{
		case CALLS_PAGING_PAGE:
			position->number++;
			return true;
		case CALLS_PAGING_OFFSET:
			position->number += page->nrows;
			return true;
		case CALLS_PAGING_CURSOR:
			position->text = calls_position_text(sampler->settings, &page->members[CALLS_MEMBER_NEXT]);
			return position->text != NULL;
		case CALLS_PAGING_LAST_ID:
			position->text =
				calls_position_text(sampler->settings,
									&calls_sample_cells(sampler, page, page->nrows - 1)[sampler->ncells - 1]);
			return position->text != NULL;
		case CALLS_PAGING_NEXT_URL:
			*url = calls_position_text(sampler->settings, &page->members[CALLS_MEMBER_NEXT]);
			*url = *url != NULL ? calls_http_resolve(sampler->url, *url) : NULL;
			return *url != NULL;
	}
	return false;
}

/*
 * Reads on from the first page, which is in the sample already.  Where the end
 * is not reached, nothing tells how many calls there are: no fewer than were
 * seen, or than the provider admits to, or than there once were.
 */
static void
sample_first_pages(CallsSampler *sampler, const CallsPage *page, CallsPosition *position,
				   double known)
{
	CallsSample *sample = sampler->sample;
	int64		admitted = calls_member_number(page, CALLS_MEMBER_TOTAL);
	int			first_rows = page->nrows;
	const char *url = NULL;
	int64		promised = calls_is_known_cap(admitted) ? -1 : admitted;
	bool		ended = page->nrows == 0 || calls_is_last_page(sampler, page) ||
		sample->nrows == promised;

	while (!ended && calls_requests_left(sampler) > 0 &&
		   next_position(sampler, page, position, &url))
	{
		page = calls_fetch_sample_page(sampler, position, url);
		ended = calls_add_sample_page(sampler, page, 0) == 0 ||
			calls_is_last_page(sampler, page) ||
			page->nrows < first_rows || sample->nrows == promised;
	}
	finish_complete(sampler);
	if (!ended)
		sample->total = Max(Max(sample->total, known), (double) admitted);
}

/*
 * How many calls a log of numbered pages has, judging by its first one; -1 if
 * that cannot be told.
 */
static int64
count_of_first_page(const CallsPage *page)
{
	int64		total = calls_member_number(page, CALLS_MEMBER_TOTAL);
	int64		pages = calls_member_number(page, CALLS_MEMBER_TOTAL_PAGES);

	if (pages > PG_INT32_MAX)
		pages = -1;
	if (pages >= 0 && (total < 0 || calls_is_known_cap(total)))
		total = Max(total, pages * page->nrows);
	else if (calls_is_known_cap(total))
		return -1;
	return total;
}

/* Page numbers and offsets: random pages, one in each of equal parts. */
static void
sample_pages(CallsSampler *sampler, double known)
{
	const CallsPaging *paging = &sampler->def->paging;
	CallsSample *sample = sampler->sample;
	CallsPosition position = {
		.size = sampler->page_size,
		.number = paging->style == CALLS_PAGING_PAGE ? paging->first : 0
	};
	const CallsPage *page = calls_fetch_sample_page(sampler, &position, NULL);
	int64		total = count_of_first_page(page);
	int64		size = page->nrows; /* APIs clamp what is asked for */
	int64		number = 0;		/* of pages before the one to read */
	int64		others;
	int			parts;

	calls_add_sample_page(sampler, page, 0);
	if (size == 0 || total < 0)
	{
		sample_first_pages(sampler, page, &position, known);
		return;
	}
	sample->groups[0].calls = (double) size;
	others = (Max(total, size) - 1) / size;
	parts = (int) Min(others, calls_requests_left(sampler));
	/* retries may use up the requests for some of the parts */
	for (int i = 0; i < parts && calls_requests_left(sampler) > 0; i++)
	{
		double		place = (i + pg_prng_double(&pg_global_prng_state)) * others / parts;
		int			fresh;

		/* a part may begin in the page that the one before it took */
		number = Max(number + 1, 1 + (int64) place);
		position.number = paging->style == CALLS_PAGING_PAGE
			? paging->first + number : number * size;
		page = calls_fetch_sample_page(sampler, &position, NULL);
		fresh = calls_add_sample_page(sampler, page, i + 1);
		sample->groups[i + 1].calls = (double) fresh * others / parts;
	}
	sample->total = (double) Max(total, sample->nrows);
}

/* Asks for calls in this order, those up to "until" if it is not NULL. */
static const CallsPage *
fetch_ordered(CallsSampler *sampler, CallsOrderDirection direction, const TimestampTz *until)
{
	const CallsDefinition *def = sampler->def;
	CallsPosition position = {.size = sampler->page_size};
	CallsRange	range = {0};
	CallsOrderWatch *watch = calls_make_order_watch(def, sampler->settings, direction, &range);
	const CallsPage *page;

	sampler->binding = (CallsBinding) {.order = direction};
	if (until != NULL)
	{
		CallsBinding *bound;

		range.has_upper = true;
		range.upper = *until;
		bound = calls_bind_range(def, &sampler->binding, &range);
		if (bound != NULL)
			sampler->binding = *bound;
	}
	page = calls_fetch_sample_page(sampler, &position, NULL);
	for (int row = 0; row < page->nrows; row++)
		calls_watch_order(watch, &calls_sample_cells(sampler, page, row)[sampler->npaths]);
	return page;
}

/* The range of times of a page that has rows, whose order was watched. */
static PageTimes
page_times(CallsSampler *sampler, const CallsPage *page)
{
	PageTimes	times = {0};
	TimestampTz first = 0;
	TimestampTz last = 0;

	if (calls_sample_row_time(sampler, page, 0, &first) &&
		calls_sample_row_time(sampler, page, page->nrows - 1, &last))
	{
		times.newest = Max(first, last);
		times.oldest = Min(first, last);
	}
	return times;
}

/* The bottom of a window; that of the one above the last is the range's top. */
static TimestampTz
window_bottom(const SampleRange *range, int window)
{
	return range->bottom + (TimestampTz) (range->length * window / range->nwindows);
}

/* The window that a time is in. */
static int
window_of(const SampleRange *range, TimestampTz time)
{
	int			window = 0;

	while (window < range->nwindows - 1 && time > window_bottom(range, window + 1))
		window++;
	return window;
}

/*
 * A moment in the window such that a page before it ends inside the window, if
 * calls are as dense there as where they were counted last.
 */
static TimestampTz
random_moment(const SampleRange *range, int window)
{
	double		length = range->length / range->nwindows;
	double		reach = Min(range->page_rows / range->density, length);

	return window_bottom(range, window + 1) -
		(TimestampTz) (pg_prng_double(&pg_global_prng_state) * (length - reach));
}

/*
 * Reads a page before a random moment of a window, and measures how dense calls
 * are between the moment and the page's last call, or the window's bottom.
 * False where the provider does not heed the bound.
 */
static bool
sample_window(CallsSampler *sampler, SampleRange *range, int window)
{
	TimestampTz moment = random_moment(range, window);
	TimestampTz bottom = window_bottom(range, window);
	const CallsFilter *filter = calls_bound_filter(sampler->def, CALLS_FILTER_UPPER);
	const CallsPage *page = fetch_ordered(sampler, CALLS_ORDER_DESC, &moment);
	TimestampTz oldest = page->nrows > 0 ? page_times(sampler, page).oldest : bottom;
	int			counted = 0;

	/* a bound is rounded up, and widened, by a unit each */
	if (oldest > moment + 2 * Max(filter->precision, USECS_PER_SEC))
		return false;
	for (int row = 0; row < page->nrows; row++)
	{
		TimestampTz time;

		if (!calls_sample_row_time(sampler, page, row, &time))
			continue;
		if (time <= moment && time > bottom)
			counted++;
		calls_add_sample_row(sampler, page, row, GROUP_WINDOWS + window_of(range, time));
	}
	range->density = counted /
		(double) Max(moment - Max(oldest, bottom), USECS_PER_SEC);
	return true;
}

/*
 * Reads the windows, newest first.  A window that could not be read (retries
 * have used up the requests, or the provider ignores the bound) is taken to be
 * as dense as the last that was.  Returns the calls that all of them have.
 */
static double
sample_range(CallsSampler *sampler, SampleRange *range)
{
	CallsSampleGroup *groups = &sampler->sample->groups[GROUP_WINDOWS];
	double		edge_density = range->density;
	double		sum = 0;
	bool		heeded = true;

	for (int window = range->nwindows - 1; window >= 0; window--)
	{
		if (heeded && calls_requests_left(sampler) > 0)
			heeded = sample_window(sampler, range, window);
		groups[window].calls = range->density * range->length / range->nwindows;
		sum += groups[window].calls;
		/* an empty window is no guide to the next one's density */
		if (range->density <= 0)
			range->density = edge_density;
	}
	return sum;
}

/*
 * In how many windows to look for about so many calls: as many as there are
 * requests, unless fewer would read each call twice.
 */
static int
count_windows(const CallsSampler *sampler, double calls, int page_rows)
{
	int			most = Min(calls_requests_left(sampler), CALLS_SAMPLE_REQUESTS - GROUP_WINDOWS);

	return (int) Max(Min(ceil(2 * calls / page_rows), most), 1);
}

/*
 * Where only the newest calls could be asked for: no fewer than these, than
 * the provider admits to, or than there once were.
 */
static void
finish_newest(CallsSampler *sampler, int64 admitted, double known)
{
	finish_complete(sampler);
	sampler->sample->total = Max(Max(sampler->sample->total, known), (double) admitted);
}

/*
 * Cursors and the like: the newest and the oldest page, and windows between
 * them.  Where the provider reports no total, or one that search engines
 * stop counting at, the number of calls is an estimate, from the density of the
 * calls in the windows; ANALYZE needs no better.
 */
static void
sample_windows(CallsSampler *sampler, double known)
{
	CallsSample *sample = sampler->sample;
	const CallsPage *newest = fetch_ordered(sampler, CALLS_ORDER_DESC, NULL);
	int64		total = calls_member_number(newest, CALLS_MEMBER_TOTAL);
	const CallsPage *oldest;
	PageTimes	new_times;
	PageTimes	old_times;
	SampleRange range = {0};
	double		between;

	calls_add_sample_page(sampler, newest, GROUP_NEWEST);
	if (newest->nrows == 0 || calls_is_last_page(sampler, newest))
	{
		finish_complete(sampler);
		return;
	}
	if (calls_requests_left(sampler) == 0)
	{
		finish_newest(sampler, total, known);
		return;
	}
	oldest = fetch_ordered(sampler, CALLS_ORDER_ASC, NULL);
	calls_add_sample_page(sampler, oldest, GROUP_OLDEST);
	finish_complete(sampler);
	if (oldest->nrows == 0)
		return;

	new_times = page_times(sampler, newest);
	old_times = page_times(sampler, oldest);
	if (old_times.newest >= new_times.oldest)
		return;					/* they meet: nothing is between them */
	range.bottom = old_times.newest;
	range.length = (double) (new_times.oldest - old_times.newest);
	range.density = (newest->nrows + oldest->nrows) /
		Max((double) (new_times.newest - new_times.oldest) +
			(double) (old_times.newest - old_times.oldest), USECS_PER_SEC);
	range.page_rows = newest->nrows;
	range.nwindows = count_windows(sampler,
								   Max(total - sample->nrows, range.density * range.length),
								   range.page_rows);
	between = sample_range(sampler, &range);
	sample->total = Max(rint(sample->groups[GROUP_NEWEST].calls +
							 sample->groups[GROUP_OLDEST].calls + between), sample->nrows);
	if (total >= 0 && !calls_is_known_cap(total))
		sample->total = Max(total, sample->nrows);
}

CallsSample *
calls_read_sample(const CallsDefinition *def, CallsSettings *settings,
				  int npaths, const char *const *paths, double known)
{
	bool		windows = def->paging.style != CALLS_PAGING_PAGE &&
		def->paging.style != CALLS_PAGING_OFFSET && has_windows(def, settings);
	CallsSampler *sampler = calls_make_sampler(def, settings, npaths, paths, windows);

	if (def->paging.style == CALLS_PAGING_PAGE || def->paging.style == CALLS_PAGING_OFFSET)
		sample_pages(sampler, known);
	else if (windows)
		sample_windows(sampler, known);
	else
	{
		CallsPosition position = {.size = sampler->page_size};
		const CallsPage *page = calls_fetch_sample_page(sampler, &position, NULL);

		calls_add_sample_page(sampler, page, 0);
		sample_first_pages(sampler, page, &position, known);
	}
	sampler->sample->requests = sampler->counters.requests;
	return sampler->sample;
}
