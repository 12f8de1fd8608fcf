/*-------------------------------------------------------------------------
 *
 * sendable.h
 *		Which values a filter can take, and how it writes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_SENDABLE_H
#define CALLS_SENDABLE_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "definition.h"

/*
 * "value" (server encoding) as the filter sends it (UTF-8), in
 * CurrentMemoryContext; NULL if it must not be sent.  Clears *exact where the
 * API may understand it in more than one way.
 */
extern char *calls_sendable_value(const CallsFilter *filter, const char *value,
								  bool *exact);

/*
 * A call's id as it goes into a path (UTF-8, not encoded yet), in
 * CurrentMemoryContext; NULL for what no call has as its id: nothing or blanks,
 * control characters, more than 255 bytes, or what a server may take for
 * another path.
 */
extern char *calls_sendable_id(const char *id);

/*
 * The API's own words that the column shows as "value": a List of char *; NIL
 * where no reply can show it.
 */
extern List *calls_native_words(const CallsColumn *column, const char *value);

#endif							/* CALLS_SENDABLE_H */
