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

typedef struct CallsStreams CallsStreams;

/*
 * What a binding asks for, as bindings that one request can carry each: an
 * array in CurrentMemoryContext.  There is at least one.
 */
extern CallsBinding **calls_expand_binding(const CallsBinding *binding, int *count);

/*
 * Makes the streams of a binding in CurrentMemoryContext; no request yet.
 * "paths" are the members of a call that the caller wants, "limit" is how many
 * rows it is expected to read, or 0.  Where binding->order is set, calls come
 * in that order, which is checked.
 */
extern CallsStreams *calls_make_streams(const CallsDefinition *def,
										CallsSettings *settings,
										const CallsBinding *binding,
										int npaths, const char *const *paths,
										int64 limit, CallsCounters *counters);

/*
 * The next call: the cells of the caller's paths, valid until the next call of
 * this function; NULL at the end.  *key is the cell of its id.  Raises what
 * pager.h and order.h say.
 */
extern const CallsCell *calls_next_call(CallsStreams *streams, const CallsCell **key);

/* Could the first call be read again without a request? */
extern bool calls_can_restart(const CallsStreams *streams);
extern void calls_restart_streams(CallsStreams *streams);

#endif							/* CALLS_STREAM_H */
