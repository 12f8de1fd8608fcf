/*-------------------------------------------------------------------------
 *
 * list_page.h
 *		A page of a list of calls: which is the first, and what a page says
 *		besides its calls.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_LIST_PAGE_H
#define CALLS_LIST_PAGE_H

#include "postgres.h"

#include "definition.h"
#include "option.h"
#include "page.h"
#include "request.h"

/* Members of a page outside its rows, as an index into page->members. */
typedef enum CallsPageMember
{
	CALLS_MEMBER_TOTAL,
	CALLS_MEMBER_NEXT,
	CALLS_MEMBER_MORE,
	CALLS_MEMBER_TOTAL_PAGES,
	CALLS_MEMBER_COUNT
} CallsPageMember;

/* Largest page this table asks for, or 0 where the size cannot be chosen. */
extern int	calls_full_page_size(const CallsDefinition *def, const CallsSettings *settings);

/* The first page's position, where "limit" rows are wanted (0: all). */
extern CallsPosition calls_first_position(const CallsDefinition *def,
										  const CallsSettings *settings, int64 limit);

/*
 * A reader in CurrentMemoryContext of pages with these members.  A row has the
 * cells of "paths", then the call's key.
 */
extern CallsPageReader *calls_make_list_reader(const CallsDefinition *def,
											   int npaths, const char *const *paths);

/* A member that counts something; -1 where it does not. */
extern int64 calls_member_number(const CallsPage *page, CallsPageMember member);

/* Does the page have the flag that says whether there is more?  If so, *more. */
extern bool calls_flag_tells(const CallsPage *page, bool *more);

/* The same of the flag, or else of the link or cursor that leads on. */
extern bool calls_page_tells_more(const CallsDefinition *def, const CallsPage *page,
								  bool *more);

/* Is it a total at which search engines stop counting, and so says little? */
extern bool calls_is_known_cap(int64 total);

#endif							/* CALLS_LIST_PAGE_H */
