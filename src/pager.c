/*-------------------------------------------------------------------------
 *
 * pager.c
 *		The order in which pages are fetched, and what proves them complete.
 *
 * New calls arrive while a log is read, and old ones go.  Every style of
 * paging has its way to lose or repeat rows then, so the pager
 *   - remembers the ids it delivered and drops repeats;
 *   - lets an offset page overlap its predecessor by one row and looks for
 *     that seam, stepping back where it is missing;
 *   - rereads pages by number when the total has shrunk;
 *   - refuses positions that do not advance;
 *   - compares what it delivered with the total that the provider reported.
 *
 * Relies on fetch.c for replies, page.c for their shape.  One page is held at
 * a time, in a memory context of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "convert.h"
#include "idset.h"
#include "pager.h"
#include "report.h"
#include "request.h"

/* How many of the last ids may serve as the seam between offset pages. */
#define SEAM_IDS			16

/* How many pages to step back for a seam, at most. */
#define MAX_STEP_BACK		4

/* How many pages in a row may bring nothing new before that is an error. */
#define MAX_STALE_PAGES		16

/* The same for pages without any row whose position advances. */
#define MAX_EMPTY_PAGES		1000

/* Members of a reply outside its rows, in the order given to the reader. */
enum PageMember
{
	MEMBER_TOTAL,
	MEMBER_NEXT,
	MEMBER_MORE,
	MEMBER_TOTAL_PAGES,
	NMEMBERS
};

struct CallsPager
{
	const CallsDefinition *def;
	const CallsSettings *settings;
	const CallsBinding *binding;
	CallsFetcher fetcher;
	CallsPageReader *reader;
	MemoryContext context;		/* of the pager */
	MemoryContext page_context; /* of the current reply and page */
	CallsBatch	batch;
	int64		batches;		/* given to the scan */
	int64		fetched;		/* pages fetched */

	/* the next request */
	CallsPosition position;		/* text is owned by context */
	char	   *url;			/* next_url style: the link to follow */
	int64		limit;			/* rows expected to be read, or 0 */
	int			full_size;		/* page size beyond the limit */
	int			overlap;		/* rows that the next page shares with what was
								 * read, if nothing moves: its seam */
	int			step_back;		/* pages stepped back for a seam, or 0 */
	int64		seam_offset;	/* offset whose seam is looked for */
	bool		finished;
	bool		checked;		/* completeness, once finished */

	/* what was read */
	int64		pages;			/* under the current page size, page style */
	int64		rows_read;		/* rows before the position */
	int64		high_mark;		/* the most rows_read ever was */
	int			last_nrows;		/* rows of the last page accepted */
	int64		delivered;		/* calls given, each once */
	int			stale;			/* pages in a row that brought nothing new */
	int			empty;			/* pages in a row that had no row */
	bool		seen_full_page; /* the API gives as many rows as asked for */
	CallsIdSet *ids;			/* of calls delivered */
	CallsIdSet *positions;		/* cursors and links followed */
	CallsIdHash seam[SEAM_IDS]; /* ring of the last ids read */
	int			nseam;			/* ids ever put into it */
	CallsIdHash first_id;		/* of the first call of all */
	bool		has_first_id;

	/* what the provider says */
	int64		total;			/* last reported, or -1 */
	int64		total_pages;	/* likewise */
	bool		total_moved;	/* it changed during the scan */
};

/* Largest page this table asks for, or 0 where the size cannot be chosen. */
static int
full_page_size(const CallsDefinition *def, const CallsSettings *settings)
{
	int			size;

	if (def->paging.size_param == NULL)
		return 0;
	size = settings->page_size > 0 ? settings->page_size : def->paging.size_max;
	/* pages of one row that begin with the one before would never get on */
	if (def->paging.style == CALLS_PAGING_OFFSET ||
		def->paging.style == CALLS_PAGING_LAST_ID)
		size = Max(size, Min(2, def->paging.size_max));
	return size;
}

CallsPosition
calls_first_position(const CallsDefinition *def, const CallsSettings *settings,
					 int64 limit)
{
	CallsPosition position = {0};

	position.size = full_page_size(def, settings);
	if (limit > 0 && limit < position.size)
		position.size = (int) limit;
	if (def->paging.style == CALLS_PAGING_PAGE)
		position.number = def->paging.first;
	return position;
}

CallsPager *
calls_make_pager(const CallsDefinition *def, CallsSettings *settings,
				 const CallsBinding *binding,
				 int npaths, const char *const *paths,
				 int64 limit, CallsCounters *counters)
{
	CallsPager *pager = palloc0_object(CallsPager);
	const char **row_paths = palloc_array(const char *, npaths + 1);
	const char **members = palloc0_array(const char *, NMEMBERS);

	pager->def = def;
	pager->settings = settings;
	pager->binding = binding;
	pager->context = CurrentMemoryContext;
	pager->page_context = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw page",
												ALLOCSET_DEFAULT_SIZES);
	pager->fetcher.def = def;
	pager->fetcher.settings = settings;
	pager->fetcher.counters = counters;
	pager->fetcher.headers = calls_build_headers(def, settings);

	for (int i = 0; i < npaths; i++)
		row_paths[i] = paths[i];
	row_paths[npaths] = def->columns[def->key].path;
	members[MEMBER_TOTAL] = def->total;
	members[MEMBER_NEXT] = def->paging.next;
	members[MEMBER_MORE] = def->paging.more;
	members[MEMBER_TOTAL_PAGES] = def->paging.total_pages;
	pager->reader = calls_make_page_reader(def->rows, npaths + 1, row_paths,
										   NMEMBERS, members);
	pager->batch.npaths = npaths + 1;

	pager->limit = limit;
	pager->full_size = full_page_size(def, settings);
	pager->position = calls_first_position(def, settings, limit);
	pager->ids = calls_make_idset(work_mem);
	pager->positions = calls_make_idset(work_mem);
	pager->total = -1;
	pager->total_pages = -1;
	return pager;
}

void
calls_stop_pager(CallsPager *pager)
{
	pager->finished = true;
	pager->checked = true;
}

const CallsBatch *
calls_only_batch(const CallsPager *pager)
{
	return pager->batches == 1 && pager->fetched == 1 ? &pager->batch : NULL;
}

/* How many rows the API was asked for. */
static int
asked_size(const CallsPager *pager)
{
	return pager->position.size > 0 ? pager->position.size
		: pager->def->paging.size_default;
}

/* The position in words, for messages. */
static const char *
describe_position(const CallsPager *pager)
{
	const CallsPosition *position = &pager->position;

	switch (pager->def->paging.style)
	{
		case CALLS_PAGING_PAGE:
			return psprintf("page " INT64_FORMAT, position->number);
		case CALLS_PAGING_OFFSET:
			return psprintf("offset " INT64_FORMAT, position->number);
		case CALLS_PAGING_NEXT_URL:
			return psprintf("link of page " INT64_FORMAT, pager->fetcher.counters->pages);
		default:
			return position->text == NULL ? "start of the log"
				: psprintf("\"%s\"", calls_printable(pager->settings, position->text));
	}
}

/* What every message about a gap tells. */
static const char *
gap_detail(const CallsPager *pager)
{
	return psprintf("Expected %s calls, delivered " INT64_FORMAT " in " INT64_FORMAT " pages; position: %s.",
					pager->total >= 0 ? psprintf(INT64_FORMAT, pager->total) : "an unknown number of",
					pager->delivered, pager->fetcher.counters->pages,
					describe_position(pager));
}

/* A proven gap: as on_incomplete says. */
static void
report_gap(const CallsPager *pager, const char *what)
{
	if (pager->settings->on_incomplete == CALLS_INCOMPLETE_IGNORE)
		return;
	ereport(pager->settings->on_incomplete == CALLS_INCOMPLETE_WARN ? WARNING : ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("calls of server \"%s\" are incomplete: %s",
					pager->settings->server_name, what),
			 errdetail_internal("%s", gap_detail(pager)),
			 errhint("Run the query again; option \"on_incomplete\" decides whether this is an error.")));
}

/* A provider that does not get on: an error whatever the options say. */
static void
report_no_progress(const CallsPager *pager, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("server \"%s\" %s", pager->settings->server_name, what),
			 errdetail_internal("%s", gap_detail(pager))));
}

/* Replaces the position's text. */
static void
set_position_text(CallsPager *pager, const char *text)
{
	if (pager->position.text != NULL)
		pfree(unconstify(char *, pager->position.text));
	pager->position.text = MemoryContextStrdup(pager->context, text);
}

static void
page_error_callback(void *arg)
{
	const CallsPager *pager = arg;

	errcontext("page " INT64_FORMAT " of server \"%s\"",
			   pager->fetcher.counters->pages + 1, pager->settings->server_name);
}

/* A web page where JSON is expected deserves its own message. */
static void
check_content_type(const CallsPager *pager, const CallsHttpReply *reply)
{
	if (pg_strncasecmp(reply->content_type, "text/html", 9) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("server \"%s\" answered with a web page instead of JSON",
						pager->settings->server_name),
				 errhint("Check the server options \"base_url\" and \"path\".")));
}

/* Sends the request for the position and reads the reply. */
static const CallsPage *
fetch_page(CallsPager *pager)
{
	MemoryContext old;
	ErrorContextCallback callback = {
		.previous = error_context_stack, .callback = page_error_callback, .arg = pager
	};
	CallsHttpTransfer *transfer;
	const CallsHttpReply *reply;
	const CallsPage *page;
	CallsRequest *request;
	const char *url;

	MemoryContextReset(pager->page_context);
	old = MemoryContextSwitchTo(pager->page_context);
	request = calls_build_request(pager->def, pager->settings, pager->binding,
								  &pager->position, false);
	url = pager->url != NULL ? pager->url
		: psprintf("%s%s", calls_base_url(pager->def, pager->settings), request->target);
	reply = calls_fetch(&pager->fetcher, request->method, url, request->body, &transfer);

	error_context_stack = &callback;
	check_content_type(pager, reply);
	page = calls_read_page(pager->reader, reply->body, reply->length);
	error_context_stack = callback.previous;

	if (pager->def->paging.style == CALLS_PAGING_NEXT_URL)
	{
		/* what the next link is relative to */
		char	   *copy = MemoryContextStrdup(pager->context, url);

		if (pager->url != NULL)
			pfree(pager->url);
		pager->url = copy;
	}
	MemoryContextSwitchTo(old);
	pager->fetched++;
	pager->fetcher.counters->pages++;
	pager->fetcher.counters->rows += page->nrows;
	return page;
}

/* The key cell of a row. */
static const CallsCell *
row_key(const CallsPager *pager, const CallsPage *page, int row)
{
	int			npaths = pager->batch.npaths;

	return &page->cells[(Size) row * npaths + npaths - 1];
}

static bool
row_has_key(const CallsCell *key)
{
	return key->kind == CALLS_JSON_STRING || key->kind == CALLS_JSON_NUMBER;
}

/*
 * Takes note of a count that the provider reports: by how much has it become
 * smaller?
 */
static int64
note_count(const CallsCell *cell, int64 *count, bool *moved)
{
	int64		before = *count;
	int64		now;

	if (!calls_cell_int64(cell, &now) || now < 0)
		return 0;
	*count = now;
	if (before >= 0 && before != now)
		*moved = true;
	return before > now ? before - now : 0;
}

/*
 * Takes note of the totals; by how many rows has the log shrunk, as far as
 * they tell?
 */
static int64
note_totals(CallsPager *pager, const CallsPage *page)
{
	int64		size = Max(pager->rows_read / Max(pager->pages, 1), 1);
	int64		rows = note_count(&page->members[MEMBER_TOTAL], &pager->total,
								  &pager->total_moved);
	int64		pages = note_count(&page->members[MEMBER_TOTAL_PAGES],
								   &pager->total_pages, &pager->total_moved);

	return Max(rows, pages * size);
}

/* The id of a row; false if it has none. */
static bool
row_id(const CallsPager *pager, const CallsPage *page, int row, CallsIdHash *id)
{
	const CallsCell *key = row_key(pager, page, row);

	if (!row_has_key(key))
		return false;
	*id = calls_hash_id(key->start, key->length);
	return true;
}

/*
 * Does the page connect to what was read before?  It does if one of the last
 * calls read is in it, or if it begins with one that was delivered: then so
 * many new calls have come that they fill more than a page.
 */
static bool
has_seam(CallsPager *pager, const CallsPage *page)
{
	int			nseam = Min(pager->nseam, SEAM_IDS);

	for (int row = 0; row < page->nrows; row++)
	{
		CallsIdHash id;

		if (!row_id(pager, page, row, &id))
			continue;
		for (int i = 0; i < nseam; i++)
		{
			if (calls_id_equal(pager->seam[i], id))
				return true;
		}
		/* while stepping back, any call delivered before will do */
		if ((row == 0 || pager->step_back > 0) && calls_idset_contains(pager->ids, id))
			return true;
	}
	return false;
}

/*
 * Offset style: checks the overlap with what was read.  False if the page is
 * to be dropped and an earlier one read instead.
 */
static bool
check_seam(CallsPager *pager, const CallsPage *page)
{
	int64		back;

	/* from the very start, nothing can be missing */
	if (pager->overlap == 0 || pager->nseam == 0 || pager->position.number == 0 ||
		has_seam(pager, page))
	{
		pager->step_back = 0;
		return true;
	}
	if (pager->step_back == 0)
		pager->seam_offset = pager->rows_read;
	if (pager->step_back >= MAX_STEP_BACK)
	{
		report_gap(pager, "the calls moved while they were read");
		pager->step_back = 0;
		return true;
	}
	pager->step_back = pager->step_back == 0 ? 1 : pager->step_back * 2;
	back = (int64) pager->step_back * asked_size(pager);
	pager->position.number = Max(pager->seam_offset - back, 0);
	return false;
}

/*
 * Page style: the log has lost rows, so that those not read yet have moved to
 * pages that were.  Goes back by as much as the totals shrank, but no further
 * than repeats are recognised for sure; false if there is nothing to reread.
 */
static bool
reread_pages(CallsPager *pager, int64 shrunk)
{
	int64		size = Max(pager->rows_read / Max(pager->pages, 1), 1);
	int64		remembered = calls_idset_size(pager->ids);
	int64		row = Max(pager->rows_read - shrunk, 0);

	if (pager->rows_read - row / size * size > remembered)
	{
		report_gap(pager, "the log shrank while it was read");
		return false;
	}
	pager->pages = row / size;
	pager->rows_read = pager->pages * size;
	pager->position.number = pager->def->paging.first + pager->pages;
	return true;
}

/* Counts a page that brought nothing new; too many in a row are an error. */
static void
note_stale_page(CallsPager *pager)
{
	if (++pager->stale > MAX_STALE_PAGES)
		report_no_progress(pager, "repeats the same calls on page after page");
}

/* Marks the rows that were not delivered before. */
static void
mark_fresh_rows(CallsPager *pager, const CallsPage *page)
{
	bool	   *fresh = MemoryContextAlloc(pager->page_context, page->nrows + 1);

	for (int row = 0; row < page->nrows; row++)
	{
		CallsIdHash id;

		fresh[row] = true;
		if (row_id(pager, page, row, &id))
		{
			if (!pager->has_first_id)
			{
				pager->has_first_id = true;
				pager->first_id = id;
			}
			fresh[row] = calls_idset_add(pager->ids, id);
			pager->seam[pager->nseam++ % SEAM_IDS] = id;
			/* stay clear of overflow, and of "fewer than SEAM_IDS seen" */
			if (pager->nseam == 2 * SEAM_IDS)
				pager->nseam = SEAM_IDS;
		}
		pager->delivered += fresh[row];
	}
	pager->batch.page = page;
	pager->batch.fresh = fresh;
}

/*
 * A total that search engines stop counting at says nothing about the end.
 */
static bool
is_known_cap(int64 total)
{
	return total == 1000 || total == 10000;
}

/*
 * Without a flag: do the counts, or the page itself, tell the end?  A total
 * counts only where it agrees with what was read, and is confirmed by a page
 * that was not full; a short page alone only after a full one, since APIs
 * clamp the page size silently.
 */
static bool
counts_tell_end(CallsPager *pager, const CallsPage *page)
{
	bool		counts_pages = pager->total_pages >= 0;
	bool		full = page->nrows >= asked_size(pager);

	if (page->nrows <= pager->overlap)
		return true;
	if (counts_pages &&
		pager->position.number - pager->def->paging.first + 1 < pager->total_pages)
		return false;
	if (pager->total >= 0 && pager->rows_read < pager->total)
		return false;
	if (pager->rows_read == pager->total && !is_known_cap(pager->total) &&
		(counts_pages || !full))
		return true;
	if (counts_pages && pager->total < 0)
		return true;
	if (full)
		pager->seen_full_page = true;
	return !full && pager->seen_full_page;
}

/* Does the reply say whether there is more?  If so, *more. */
static bool
flag_tells(const CallsPage *page, bool *more)
{
	CallsJsonKind kind = page->members[MEMBER_MORE].kind;

	*more = kind == CALLS_JSON_TRUE;
	return kind == CALLS_JSON_TRUE || kind == CALLS_JSON_FALSE;
}

/* Cursor and next_url styles: takes the next position from the reply. */
static void
advance_by_link(CallsPager *pager, const CallsPage *page)
{
	const CallsCell *cell = &page->members[MEMBER_NEXT];
	bool		more;
	bool		flagged = flag_tells(page, &more);
	MemoryContext old;
	char	   *next;

	if (flagged && !more)
	{
		pager->finished = true;
		return;
	}
	old = MemoryContextSwitchTo(pager->page_context);
	next = calls_cell_text(cell);
	if (next != NULL && next[0] != '\0' && pager->def->paging.style == CALLS_PAGING_NEXT_URL)
	{
		next = calls_http_resolve(pager->url, next);
		if (next == NULL)
			report_no_progress(pager, "gave a link to the next page that leaves the server");
	}
	MemoryContextSwitchTo(old);
	if (next == NULL || next[0] == '\0')
	{
		if (flagged)
			report_gap(pager, "the provider says that there are more but gives no position");
		pager->finished = true;
		return;
	}
	if (!calls_idset_add(pager->positions, calls_hash_id(next, strlen(next))))
		report_no_progress(pager, "gave the same position twice");
	if (pager->def->paging.style == CALLS_PAGING_NEXT_URL)
	{
		pfree(pager->url);
		pager->url = MemoryContextStrdup(pager->context, next);
	}
	else
		set_position_text(pager, next);
}

/* Last-id style: the next page starts after the last row. */
static void
advance_by_key(CallsPager *pager, const CallsPage *page, int64 nfresh)
{
	bool		more;
	char	   *key;
	bool		same;

	if (flag_tells(page, &more))
		pager->finished = !more;
	else
		pager->finished = counts_tell_end(pager, page);
	if (pager->finished || page->nrows == 0)
		return;

	key = calls_cell_text(row_key(pager, page, page->nrows - 1));
	if (key == NULL)
		report_no_progress(pager, "gave a call without an id, which the next page needs");
	same = pager->position.text != NULL && strcmp(key, pager->position.text) == 0;
	if (same && page->nrows == 1 && pager->last_nrows != 1)
		pager->finished = true; /* the key is inclusive, and this is the end */
	else if (same && nfresh == 0)
		report_no_progress(pager, "gave the same position twice");
	else
		set_position_text(pager, key);
	pfree(key);
}

/* Page and offset styles: the next position is a matter of counting. */
static void
advance_by_count(CallsPager *pager, const CallsPage *page)
{
	bool		more;

	if (!flag_tells(page, &more))
		pager->finished = counts_tell_end(pager, page);
	else if (!more)
		pager->finished = true;
	else if (pager->def->paging.style == CALLS_PAGING_OFFSET &&
			 page->nrows <= pager->overlap)
		report_no_progress(pager, "says that there are more calls but gives none");

	if (pager->def->paging.style == CALLS_PAGING_PAGE)
		pager->position.number++;
	else
	{
		/* where pages have one row, there is no room for a seam */
		pager->overlap = page->nrows > 1 ? 1 : 0;
		pager->position.number = pager->rows_read - pager->overlap;
	}
}

/*
 * Beyond the rows that the limit foretold, pages have full size.  A page
 * number counts pages of one size, so the next page may begin with rows that
 * were read; they are dropped as repeats.
 */
static void
grow_page_size(CallsPager *pager)
{
	if (pager->position.size >= pager->full_size)
		return;
	pager->position.size = pager->full_size;
	pager->seen_full_page = false;
	if (pager->def->paging.style == CALLS_PAGING_PAGE)
	{
		pager->pages = pager->rows_read / pager->full_size;
		pager->rows_read = pager->pages * pager->full_size;
		pager->position.number = pager->def->paging.first + pager->pages;
	}
}

/* Puts the position behind the page. */
static void
advance(CallsPager *pager, const CallsPage *page, int64 nfresh)
{
	switch (pager->def->paging.style)
	{
		case CALLS_PAGING_CURSOR:
		case CALLS_PAGING_NEXT_URL:
			advance_by_link(pager, page);
			break;
		case CALLS_PAGING_LAST_ID:
			advance_by_key(pager, page, nfresh);
			break;
		default:
			advance_by_count(pager, page);
	}
}

/*
 * Does the page have to be dropped, and an earlier one read first?  Then the
 * position says which.
 */
static bool
must_go_back(CallsPager *pager, const CallsPage *page)
{
	int64		shrunk = note_totals(pager, page);
	bool		back = false;

	if (pager->def->paging.style == CALLS_PAGING_PAGE && shrunk > 0 && pager->pages > 0)
		back = reread_pages(pager, shrunk);
	else if (pager->def->paging.style == CALLS_PAGING_OFFSET)
		back = !check_seam(pager, page);
	if (back)
		note_stale_page(pager);
	return back;
}

/* Takes a page in: fresh rows, next position.  False: read another first. */
static bool
accept_page(CallsPager *pager, const CallsPage *page)
{
	CallsPagingStyle style = pager->def->paging.style;
	int64		nfresh = -pager->delivered;

	if (must_go_back(pager, page))
		return false;
	mark_fresh_rows(pager, page);
	nfresh += pager->delivered;

	pager->batch.reread = pager->rows_read < pager->high_mark;
	pager->pages++;
	if (style == CALLS_PAGING_OFFSET)
	{
		pager->batch.reread = pager->position.number + pager->overlap < pager->high_mark;
		pager->rows_read = pager->position.number + page->nrows;
	}
	else
		pager->rows_read += page->nrows;
	pager->high_mark = Max(pager->high_mark, pager->rows_read);
	advance(pager, page, nfresh);
	pager->last_nrows = page->nrows;

	if (nfresh > 0)
	{
		pager->stale = pager->empty = 0;
		return true;
	}
	if (page->nrows == 0 && !pager->finished && ++pager->empty > MAX_EMPTY_PAGES)
		report_no_progress(pager, "gives page after page without a call");
	if (page->nrows > 0 && !pager->finished && !pager->batch.reread)
		note_stale_page(pager);
	return false;
}

/*
 * Fewer calls came than were reported.  As many may have come to the front of
 * the log as went out of it elsewhere; asks for its start again to know.
 */
static bool
is_log_unchanged(CallsPager *pager)
{
	CallsPosition position = pager->position;
	int64		total = pager->total;
	const CallsPage *page;
	CallsIdHash id;
	bool		same;

	pager->position = calls_first_position(pager->def, pager->settings, 0);
	if (pager->url != NULL)
		pfree(pager->url);
	pager->url = NULL;
	page = fetch_page(pager);
	note_totals(pager, page);
	same = pager->total == total && page->nrows > 0 && pager->has_first_id &&
		row_id(pager, page, 0, &id) && calls_id_equal(id, pager->first_id);
	pager->position = position;
	return same;
}

/* At the end: is everything there that the provider reported? */
static void
check_completeness(CallsPager *pager)
{
	if (pager->checked)
		return;
	pager->checked = true;
	if (pager->total >= 0 && !pager->total_moved && pager->delivered < pager->total &&
		pager->settings->on_incomplete != CALLS_INCOMPLETE_IGNORE &&
		(pager->delivered == 0 || is_log_unchanged(pager)))
		report_gap(pager, "the provider reported more than it returned");
}

const CallsBatch *
calls_next_batch(CallsPager *pager)
{
	while (!pager->finished)
	{
		if (pager->pages > 0 && pager->step_back == 0)
			grow_page_size(pager);
		if (accept_page(pager, fetch_page(pager)))
		{
			pager->batches++;
			return &pager->batch;
		}
	}
	check_completeness(pager);
	return NULL;
}
