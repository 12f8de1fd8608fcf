/*-------------------------------------------------------------------------
 *
 * details.h
 *		Calls asked for one by one, by their ids.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_DETAILS_H
#define CALLS_DETAILS_H

#include "postgres.h"

#include "bind.h"
#include "definition.h"
#include "fetch.h"
#include "option.h"
#include "page.h"
#include "pager.h"
#include "progress.h"

typedef struct CallsDetails CallsDetails;

/*
 * Makes what reads the calls that "binding" names by their ids, in
 * CurrentMemoryContext; no request yet.  "paths" are the members of a call that
 * the caller wants, "horizon" how many calls it wants for sure (see pager.h).
 */
extern CallsDetails *calls_make_details(const CallsDefinition *def,
										CallsSettings *settings,
										const CallsBinding *binding,
										int npaths, const char *const *paths,
										int64 horizon, CallsFetcher *fetcher);

/*
 * The next call, if it is there: the cells of the caller's paths, valid until
 * the next call of this function; *key is the cell of its id.  A call that the
 * provider does not have is passed over.  Raises what fetch.h and page.h say.
 */
extern CallsProgress calls_next_detail(CallsDetails *details, const CallsCell **cells,
									   const CallsCell **key);

/*
 * Asks for the first call already, if there is room for another request; it
 * will be wanted for sure.
 */
extern void calls_ask_details(CallsDetails *details);

/* Shows how far it has come; see calls_show_progress. */
extern void calls_show_details(CallsDetails *details, CallsProgressLine *line);

/* Waits until there may be more; see calls_wait_fetches. */
extern void calls_wait_details(CallsDetails *details);

/* Could the first call be read again without a request? */
extern bool calls_can_restart_details(const CallsDetails *details);
extern void calls_restart_details(CallsDetails *details);

#endif							/* CALLS_DETAILS_H */
