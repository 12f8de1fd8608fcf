/*-------------------------------------------------------------------------
 *
 * stream_private.h
 *		The streams of a scan, as stream.c and stream_rows.c see them; for nobody
 *		else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_STREAM_PRIVATE_H
#define CALLS_STREAM_PRIVATE_H

#include "postgres.h"

#include "idset.h"
#include "order.h"
#include "stream.h"
#include "window.h"

typedef struct Stream
{
	CallsBinding *binding;
	int			number;			/* place among the streams as they were bound */
	int			state;			/* which one it reads, as stream.c counts them */
	MemoryContext context;		/* NULL before the stream is opened */
	CallsWindows *windows;		/* its pages */
	CallsOrderWatch *watch;		/* NULL: nothing to watch */
	bool		bound_is_sent;	/* the provider itself ends where the watch does */
	CallsBatch *batch;			/* NULL before the first */
	int			row;			/* current row of the batch, -1 before the first */
	int64		rows;			/* in the batches so far */
	bool		inside;			/* the batch has a call within the bounds */
	bool		wants_head;		/* when merging: the next call is not known yet */
	int64		total;			/* of its calls, as remembered last */
	const CallsCell *head;		/* when merging: the next call, or NULL */
	bool		stray;			/* its last call was returned against a filter */
} Stream;

struct CallsStreams
{
	const CallsDefinition *def;
	CallsSettings *settings;
	CallsFetcher fetcher;		/* of all streams */
	MemoryContext context;		/* has what the streams hold */
	int64		limit;			/* as the caller gave them */
	int64		horizon;
	int64		delivered;		/* calls given to the caller */
	bool		stray;			/* the last of them is a stream's that has it so */

	int			nstreams;
	Stream	   *streams;
	int			current;		/* in sequence: the one being read */
	bool		merging;		/* they are read at once, in one order */
	CallsIdSet *passing;		/* calls that were in a passing state; NULL:
								 * status has no streams of its own */
	CallsIdSet *final;			/* those that were in a final one; they are many,
								 * and may push each other out of memory */

	/* cells of a row: the caller's, those of conditions, the watched one */
	int			npaths;
	const char **paths;
	int		   *cell_of_column; /* per column of the definition, or -1 */
	int			watched;
};

/* Gives a stream what it needs to fetch. */
extern void calls_open_stream(CallsStreams *streams, Stream *stream);

/* Frees what a stream holds; it is not read again. */
extern void calls_close_stream(Stream *stream);

/*
 * Goes to the stream's next fresh row: its cells, valid until the next call.
 * Raises what pager.h and order.h say.
 */
extern CallsProgress calls_next_fresh_row(CallsStreams *streams, Stream *stream,
										  const CallsCell **cells);

#endif							/* CALLS_STREAM_PRIVATE_H */
