/*-------------------------------------------------------------------------
 *
 * list_page.c
 *		A page of a list of calls: which is the first, and what a page says
 *		besides its calls.
 *
 * Whoever reads pages of the list reads them so: the pager, the probe, the
 * sample and the check of a server.  What follows from what a page says is
 * theirs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "convert.h"
#include "list_page.h"

int
calls_full_page_size(const CallsDefinition *def, const CallsSettings *settings)
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

	position.size = calls_full_page_size(def, settings);
	if (limit > 0 && limit < position.size)
		position.size = (int) limit;
	if (def->paging.style == CALLS_PAGING_PAGE)
		position.number = def->paging.first;
	return position;
}

CallsPageReader *
calls_make_list_reader(const CallsDefinition *def, int npaths, const char *const *paths)
{
	const char **row_paths = palloc_array(const char *, npaths + 1);
	const char *const members[CALLS_MEMBER_COUNT] = {
		[CALLS_MEMBER_TOTAL] = def->total,
		[CALLS_MEMBER_NEXT] = def->paging.next,
		[CALLS_MEMBER_MORE] = def->paging.more,
		[CALLS_MEMBER_TOTAL_PAGES] = def->paging.total_pages,
	};

	for (int i = 0; i < npaths; i++)
		row_paths[i] = paths[i];
	row_paths[npaths] = def->columns[def->key].path;
	return calls_make_page_reader(def->rows, npaths + 1, row_paths,
								  CALLS_MEMBER_COUNT, members);
}

int64
calls_member_number(const CallsPage *page, CallsPageMember member)
{
	int64		value;

	return calls_cell_int64(&page->members[member], &value) && value >= 0 ? value : -1;
}

bool
calls_flag_tells(const CallsPage *page, bool *more)
{
	CallsJsonKind kind = page->members[CALLS_MEMBER_MORE].kind;

	*more = kind == CALLS_JSON_TRUE;
	return kind == CALLS_JSON_TRUE || kind == CALLS_JSON_FALSE;
}

bool
calls_page_tells_more(const CallsDefinition *def, const CallsPage *page, bool *more)
{
	char	   *next;

	if (calls_flag_tells(page, more))
		return true;
	if (def->paging.next == NULL)
		return false;
	next = calls_cell_text(&page->members[CALLS_MEMBER_NEXT]);
	*more = next != NULL && next[0] != '\0';
	return true;
}

bool
calls_is_known_cap(int64 total)
{
	return total == 1000 || total == 10000;
}
