/*-------------------------------------------------------------------------
 *
 * stream.h
 *		The streams of pages that make up one scan, each call once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_STREAM_H
#define CALLS_STREAM_H

#include "postgres.h"

#include "bind.h"
#include "definition.h"
#include "fetch.h"
#include "option.h"
#include "page.h"
#include "pager.h"
#include "progress.h"

typedef struct CallsStreams CallsStreams;

/*
 * Makes the streams of a binding in CurrentMemoryContext; no request yet.
 * "paths" are the members of a call that the caller wants, "limit" is how many
 * rows it is expected to read, or 0, "horizon" how many it wants for sure (see
 * pager.h).  Where binding->order is set, calls come in that order, which is
 * checked.
 */
extern CallsStreams *calls_make_streams(const CallsDefinition *def,
										CallsSettings *settings,
										const CallsBinding *binding,
										int npaths, const char *const *paths,
										int64 limit, int64 horizon,
										CallsCounters *counters);

/*
 * The next call, if it is there: the cells of the caller's paths, valid until
 * the next call of this function; *key is the cell of its id.  Raises what
 * pager.h and order.h say.
 */
extern CallsProgress calls_next_call(CallsStreams *streams, const CallsCell **cells,
									 const CallsCell **key);

/*
 * Was the last call returned against an equality that was sent, and counted for
 * it?
 */
extern bool calls_call_is_stray(const CallsStreams *streams);

/* Tells how far the scan has come, if that is due; see progress.h. */
extern void calls_show_streams(CallsStreams *streams, CallsProgressLine *line);

/* Waits until there may be more; see calls_wait_fetches. */
extern void calls_wait_streams(CallsStreams *streams);

/* Could the first call be read again without a request? */
extern bool calls_can_restart(const CallsStreams *streams);
extern void calls_restart_streams(CallsStreams *streams);

#endif							/* CALLS_STREAM_H */
