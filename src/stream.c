/*-------------------------------------------------------------------------
 *
 * stream.c
 *		The streams of pages that make up one scan, each call once.
 *
 * A filter that takes one value and a query that names several make several
 * streams, read one after the other, or merged where the plan relies on the
 * provider's order.  A call is delivered by the first stream whose conditions
 * its own values satisfy, and by no other.  The status of a call changes while
 * it lives: streams of states that a call leaves are read first, and their
 * calls remembered, so that a call that moves on meanwhile is neither lost nor
 * repeated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "convert.h"
#include "stream_private.h"
#include "trust.h"

/* States in the order in which calls pass through them; all others are final. */
static const char *const passing_states[] = {"queued", "ringing", "in_progress"};

#define FINAL_STATE		((int) lengthof(passing_states))

/* Makes sure of cells for what an equality filter compares. */
static void
add_filter_cells(CallsStreams *streams, const CallsFilter *filter)
{
	for (int i = 0; i < filter->ncolumns && filter->op == CALLS_FILTER_EQ; i++)
		streams->cell_of_column[filter->columns[i]] =
			calls_add_path(streams->paths, &streams->npaths,
						   streams->def->columns[filter->columns[i]].path);
}

/* The state that a word of the API's stands for, as passing_states counts. */
static int
state_of_word(const CallsColumn *status, const char *word)
{
	word = calls_common_word(status, word);
	for (int i = 0; i < FINAL_STATE; i++)
		if (strcmp(passing_states[i], word) == 0)
			return i;
	return FINAL_STATE;
}

/*
 * The earliest state among a stream's conditions on the status, in whichever
 * column; -1 where it has none.
 */
static int
stream_state(const CallsDefinition *def, const CallsBinding *binding)
{
	const CallsColumn *status = &def->columns[calls_find_column(def, "status")];
	int			state = -1;

	for (int i = 0; i < binding->nalternatives; i++)
	{
		const CallsSentFilter *sent = &binding->alternatives[i];
		const char *path = def->columns[sent->column].path;

		if (status->path == NULL || path == NULL || strcmp(path, status->path) != 0)
			continue;
		for (int j = 0; j < sent->nvalues; j++)
		{
			int			one = state_of_word(status, sent->values[j]);

			state = state < 0 ? one : Min(state, one);
		}
	}
	return state;
}

/* Sorts by state; streams of one state stay in their order. */
static int
compare_streams(const void *a, const void *b)
{
	const Stream *one = a;
	const Stream *other = b;

	if (one->state != other->state)
		return one->state < other->state ? -1 : 1;
	return one->number - other->number;
}

/* Makes the streams, and the cells that their conditions need. */
static void
init_streams(CallsStreams *streams, const CallsBinding *binding)
{
	CallsBinding **bindings = calls_expand_binding(binding, &streams->nstreams);

	streams->streams = palloc0_array(Stream, streams->nstreams);
	for (int i = 0; i < streams->nstreams; i++)
	{
		Stream	   *stream = &streams->streams[i];
		int			state = stream_state(streams->def, bindings[i]);

		stream->binding = bindings[i];
		stream->number = i;
		stream->row = -1;
		stream->wants_head = true;
		stream->state = state < 0 ? FINAL_STATE : state;
		if (state >= 0 && streams->nstreams > 1 && streams->passing == NULL)
		{
			streams->passing = calls_make_idset(work_mem);
			streams->final = calls_make_idset(work_mem);
		}
		for (int j = 0; j < bindings[i]->nsent; j++)
			add_filter_cells(streams, bindings[i]->sent[j].filter);
	}
	qsort(streams->streams, streams->nstreams, sizeof(Stream), compare_streams);
}

CallsStreams *
calls_make_streams(const CallsDefinition *def, CallsSettings *settings,
				   const CallsBinding *binding,
				   int npaths, const char *const *paths,
				   int64 limit, int64 horizon, CallsCounters *counters)
{
	CallsStreams *streams = palloc0_object(CallsStreams);

	streams->def = def;
	streams->settings = settings;
	calls_init_fetcher(&streams->fetcher, def, settings, counters);
	streams->fetcher.unused_filter = calls_unused_filter(def, settings, binding);
	streams->context = CurrentMemoryContext;
	streams->limit = limit;
	streams->horizon = horizon;
	/* room for one more path per column, and the watched one */
	streams->paths = palloc_array(const char *, npaths + def->ncolumns + 1);
	memcpy(streams->paths, paths, sizeof(char *) * npaths);
	streams->npaths = npaths;
	streams->cell_of_column = palloc_array(int, def->ncolumns);
	for (int i = 0; i < def->ncolumns; i++)
		streams->cell_of_column[i] = -1;
	init_streams(streams, binding);
	streams->fetcher.nlists = streams->nstreams;
	streams->merging = streams->nstreams > 1 && binding->order != CALLS_ORDER_NONE;
	if (def->order.column >= 0)
		streams->watched = calls_add_path(streams->paths, &streams->npaths,
										  def->columns[def->order.column].path);
	return streams;
}

/* Is the cell's text this value? */
static bool
cell_is(const CallsCell *cell, const char *value)
{
	size_t		length = strlen(value);
	char	   *text;
	bool		same;

	if (cell->kind != CALLS_JSON_STRING)
		return cell->length == length && memcmp(cell->start, value, length) == 0;
	if (memchr(cell->start, '\\', cell->length) == NULL)
		return cell->length == length + 2 &&
			memcmp(cell->start + 1, value, length) == 0;
	text = calls_cell_text(cell);
	same = text != NULL && strcmp(text, value) == 0;
	if (text != NULL)
		pfree(text);
	return same;
}

/* Do the call's own values satisfy one condition? */
static bool
satisfies_filter(const CallsStreams *streams, const CallsSentFilter *sent,
				 const CallsCell *cells)
{
	for (int i = 0; i < sent->filter->ncolumns; i++)
	{
		const CallsCell *cell = &cells[streams->cell_of_column[sent->filter->columns[i]]];

		for (int j = 0; j < sent->nvalues; j++)
			if (cell_is(cell, sent->values[j]))
				return true;
	}
	return false;
}

/* ... and all conditions of a stream? */
static bool
satisfies_stream(const CallsStreams *streams, const Stream *stream, const CallsCell *cells)
{
	for (int i = 0; i < stream->binding->nalternatives; i++)
		if (!satisfies_filter(streams, &stream->binding->alternatives[i], cells))
			return false;
	return true;
}

/* The cell of the call's id, which the pager puts last. */
static const CallsCell *
key_cell(const CallsStreams *streams, const CallsCell *cells)
{
	return &cells[streams->npaths];
}

/*
 * Is this the stream that delivers the call?  A call that satisfies no
 * stream's conditions would not pass the recheck either.
 */
static bool
belongs_to(CallsStreams *streams, int number, const CallsCell *cells)
{
	const CallsCell *key = key_cell(streams, cells);

	if (streams->nstreams == 1)
		return true;
	if (!satisfies_stream(streams, &streams->streams[number], cells))
		return false;
	for (int i = 0; i < number; i++)
		if (satisfies_stream(streams, &streams->streams[i], cells))
			return false;
	if (streams->passing != NULL && key->kind != CALLS_JSON_MISSING)
	{
		CallsIdHash id = calls_hash_id(key->start, key->length);

		if (streams->streams[number].state < FINAL_STATE)
			return calls_idset_add(streams->passing, id);
		return !calls_idset_contains(streams->passing, id) &&
			calls_idset_add(streams->final, id);
	}
	return true;
}

/*
 * Counts a call that an equality which was sent should have kept out; true if
 * it is one.
 */
static bool
check_filters(CallsStreams *streams, const Stream *stream, const CallsCell *cells)
{
	const CallsBinding *binding = stream->binding;
	bool		wrong = false;

	for (int i = 0; i < binding->nsent; i++)
	{
		const CallsSentFilter *sent = &binding->sent[i];

		if (sent->filter->op != CALLS_FILTER_EQ || satisfies_filter(streams, sent, cells))
			continue;
		wrong = true;
		if (sent->exact)
			calls_distrust_filter(streams->settings->server, sent->filter->param);
	}
	streams->fetcher.counters->rechecked_away += wrong;
	return wrong;
}

/* The next call that a stream delivers. */
static CallsProgress
next_of_stream(CallsStreams *streams, int number, const CallsCell **cells)
{
	Stream	   *stream = &streams->streams[number];
	CallsProgress progress;

	if (stream->context == NULL)
		calls_open_stream(streams, stream);
	do
	{
		progress = calls_next_fresh_row(streams, stream, cells);
		if (progress == CALLS_READY)
			stream->stray = check_filters(streams, stream, *cells);
	} while (progress == CALLS_READY && !belongs_to(streams, number, *cells));
	return progress;
}

/* Merging: the stream whose next call comes first, or -1. */
static int
first_head(const CallsStreams *streams)
{
	int			best = -1;

	for (int i = 0; i < streams->nstreams; i++)
	{
		const Stream *stream = &streams->streams[i];

		if (stream->head != NULL &&
			(best < 0 ||
			 calls_comes_before(stream->watch, &stream->head[streams->watched],
								&streams->streams[best].head[streams->watched])))
			best = i;
	}
	return best;
}

/* Merging: finds the next call of every stream that lacks it, all at once. */
static CallsProgress
find_heads(CallsStreams *streams)
{
	CallsProgress result = CALLS_READY;

	for (int i = 0; i < streams->nstreams; i++)
	{
		Stream	   *stream = &streams->streams[i];
		CallsProgress progress;

		if (!stream->wants_head)
			continue;
		stream->head = NULL;
		progress = next_of_stream(streams, i, &stream->head);
		stream->wants_head = progress == CALLS_PENDING;
		if (progress == CALLS_PENDING)
			result = CALLS_PENDING;
		else if (progress == CALLS_ENDED)
			stream->head = NULL;
	}
	return result;
}

static CallsProgress
next_merged(CallsStreams *streams, const CallsCell **cells)
{
	int			first;

	if (find_heads(streams) == CALLS_PENDING)
		return CALLS_PENDING;
	first = first_head(streams);
	if (first < 0)
		return CALLS_ENDED;
	*cells = streams->streams[first].head;
	streams->stray = streams->streams[first].stray;
	streams->streams[first].wants_head = true;
	return CALLS_READY;
}

/*
 * While a stream waits for its first page, those after it may ask for theirs,
 * if the scan will read them all.  Streams of passing states must not: they
 * are read to their end first.
 */
static void
start_following(CallsStreams *streams)
{
	if (streams->horizon != CALLS_ALL_ROWS ||
		streams->streams[streams->current].state < FINAL_STATE)
		return;
	for (int i = streams->current + 1; i < streams->nstreams; i++)
	{
		Stream	   *stream = &streams->streams[i];

		if (stream->context == NULL)
		{
			if (calls_spare_fetches(&streams->fetcher, CALLS_AHEAD_BUDGET) == 0)
				return;
			calls_open_stream(streams, stream);
			calls_start_windows(stream->windows);
		}
	}
}

static CallsProgress
next_in_sequence(CallsStreams *streams, const CallsCell **cells)
{
	while (streams->current < streams->nstreams)
	{
		CallsProgress progress = next_of_stream(streams, streams->current, cells);

		if (progress == CALLS_PENDING)
			start_following(streams);
		streams->stray = streams->streams[streams->current].stray;
		if (progress != CALLS_ENDED)
			return progress;
		/* a single stream may be restarted */
		if (streams->nstreams == 1)
			return CALLS_ENDED;
		calls_close_stream(&streams->streams[streams->current++]);
	}
	return CALLS_ENDED;
}

CallsProgress
calls_next_call(CallsStreams *streams, const CallsCell **cells, const CallsCell **key)
{
	CallsProgress progress;
	int64		ended;

	/* a page may have come while another pager was looked after */
	do
	{
		ended = streams->fetcher.ended;
		/* the calls that come first are looked for first */
		calls_want_anew(&streams->fetcher);
		progress = streams->merging ? next_merged(streams, cells)
			: next_in_sequence(streams, cells);
	} while (progress == CALLS_PENDING && streams->fetcher.ended != ended);
	if (progress == CALLS_READY)
	{
		*key = key_cell(streams, *cells);
		streams->delivered++;
	}
	return progress;
}

bool
calls_call_is_stray(const CallsStreams *streams)
{
	return streams->stray;
}

void
calls_show_streams(CallsStreams *streams, CallsProgressLine *line)
{
	const Stream *stream = &streams->streams[0];

	/* of several streams, none knows the total of all */
	calls_show_progress(line, &streams->fetcher, streams->delivered,
						streams->nstreams == 1 && stream->windows != NULL
						? calls_windows_total(stream->windows, false) : -1);
}

void
calls_wait_streams(CallsStreams *streams)
{
	calls_wait_fetches(&streams->fetcher);
}

bool
calls_can_restart(const CallsStreams *streams)
{
	const Stream *stream = &streams->streams[0];

	return streams->nstreams == 1 && stream->batch != NULL &&
		calls_windows_read_one_page(stream->windows);
}

void
calls_restart_streams(CallsStreams *streams)
{
	Stream	   *stream = &streams->streams[0];

	stream->row = -1;
	stream->inside = false;
	if (stream->watch != NULL)
		calls_restart_watch(stream->watch);
}
