/*-------------------------------------------------------------------------
 *
 * stream_rows.c
 *		The rows of one stream: its batches, fresh rows only, their order watched.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "bind_order.h"
#include "compat.h"
#include "stream_private.h"
#include "totals.h"

/* Is the bound at which the watch ends the stream also sent? */
static bool
sends_bound(const CallsStreams *streams, const CallsBinding *binding)
{
	CallsFilterOp op = calls_list_order(streams->def, binding) == CALLS_ORDER_DESC
		? CALLS_FILTER_LOWER : CALLS_FILTER_UPPER;

	for (int i = 0; i < binding->nsent; i++)
		if (binding->sent[i].filter->op == op &&
			binding->sent[i].column == streams->def->order.column)
			return true;
	return false;
}

void
calls_open_stream(CallsStreams *streams, Stream *stream)
{
	int64		horizon = streams->horizon;
	MemoryContext old;

	stream->total = -1;
	if (horizon != CALLS_ALL_ROWS)
		horizon = streams->merging ? 0 : Max(horizon - streams->delivered, 0);
	stream->context = AllocSetContextCreate(streams->context, "calls_fdw stream",
											ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(stream->context);
	stream->watch = calls_make_order_watch(streams->def, streams->settings,
										   stream->binding->order,
										   &stream->binding->order_range);
	stream->bound_is_sent = sends_bound(streams, stream->binding);
	stream->windows = calls_make_windows(&streams->fetcher, stream->binding,
										 streams->npaths, streams->paths,
										 streams->def->order.column >= 0 ? streams->watched : -1,
										 streams->limit, horizon);
	MemoryContextSwitchTo(old);
}

void
calls_close_stream(Stream *stream)
{
	MemoryContextDelete(stream->context);
	stream->context = NULL;
	stream->batch = NULL;
}

/* Cells of a stream's current row. */
static const CallsCell *
current_cells(const Stream *stream)
{
	return &stream->batch->page->cells[(Size) stream->row * stream->batch->npaths];
}

/* Remembers how many calls the stream's filters select, if that is new. */
static void
note_total(const CallsStreams *streams, Stream *stream, bool ended)
{
	int64		total = calls_windows_total(stream->windows, ended);

	if (total < 0 || total == stream->total)
		return;
	stream->total = total;
	calls_note_total(streams->settings->server, streams->settings->user,
					 stream->binding, total);
}

/*
 * Where the stream will end at a bound that the provider does not know, what
 * is wanted for sure is what lies before it, if calls are no less dense than
 * half of what they were in the last batch.
 */
static void
estimate_end(const CallsStreams *streams, Stream *stream)
{
	const CallsPage *page = stream->batch->page;
	int			npaths = stream->batch->npaths;
	double		rows;

	stream->rows += page->nrows;
	if (stream->watch == NULL || stream->bound_is_sent ||
		streams->horizon != CALLS_ALL_ROWS || page->nrows == 0)
		return;
	rows = calls_rows_to_bound(stream->watch, page->nrows,
							   &page->cells[streams->watched],
							   &page->cells[(Size) (page->nrows - 1) * npaths + streams->watched]);
	if (rows >= 0)
		calls_set_windows_horizon(stream->windows, stream->rows + (int64) Min(rows / 2, 1e12));
}

/* The stream's next batch, in place of the one it has. */
static CallsProgress
next_batch(CallsStreams *streams, Stream *stream)
{
	CallsBatch *batch;
	CallsProgress progress;

	/* after a whole batch beyond the bounds there is nothing to come */
	if (stream->batch != NULL && stream->watch != NULL && !stream->inside &&
		calls_order_holds(stream->watch))
		calls_stop_windows(stream->windows);
	progress = calls_next_window_batch(stream->windows, &batch);
	if (progress != CALLS_PENDING)
		note_total(streams, stream, progress == CALLS_ENDED);
	if (progress != CALLS_READY)
		return progress;
	/* the last one stays, for a restart */
	if (stream->batch != NULL)
		calls_free_batch(stream->batch);
	stream->batch = batch;
	stream->row = -1;
	stream->inside = false;
	estimate_end(streams, stream);
	return CALLS_READY;
}

/*
 * Looks at the current row on the way: is it fresh?  Watches the order.
 */
static bool
is_fresh_row(CallsStreams *streams, Stream *stream)
{
	const CallsCell *watched = &current_cells(stream)[streams->watched];
	bool		fresh = stream->batch->fresh[stream->row];

	if (stream->watch == NULL)
		return fresh;
	stream->inside |= !calls_is_beyond(stream->watch, watched);
	/* what is new among rows that are read again was not there before */
	if (fresh && stream->batch->reread && !calls_keeps_order(stream->watch, watched))
		return false;
	if (fresh)
		calls_watch_order(stream->watch, watched);
	return fresh;
}

CallsProgress
calls_next_fresh_row(CallsStreams *streams, Stream *stream, const CallsCell **cells)
{
	for (;;)
	{
		if (stream->batch == NULL || stream->row + 1 >= stream->batch->page->nrows)
		{
			CallsProgress progress = next_batch(streams, stream);

			if (progress != CALLS_READY)
				return progress;
			continue;
		}
		stream->row++;
		if (is_fresh_row(streams, stream))
		{
			*cells = current_cells(stream);
			return CALLS_READY;
		}
	}
}
