/*-------------------------------------------------------------------------
 *
 * details.c
 *		Calls asked for one by one, by their ids.
 *
 * Each id is a request of its own, as many at a time as the scan may have
 * under way; calls come in the order of the ids.  A provider that does not
 * know an id answers 404, and that is no row.
 *
 * The reply for one call has more members than the list.  Where it stands for
 * a call of the list, they are taken out of the whole object, so that it does
 * not matter to the column "raw" how a call was read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "convert.h"
#include "details.h"
#include "report.h"
#include "request.h"

/* A request that was asked and is not read yet. */
typedef struct Question
{
	MemoryContext context;		/* owns its address, fetch, and what is read */
	CallsFetch *fetch;
} Question;

struct CallsDetails
{
	const CallsDefinition *def; /* of the table */
	const CallsDefinition *single;	/* of the request */
	CallsSettings *settings;
	CallsFetcher *fetcher;		/* the caller's, and of other details too */
	MemoryContext context;
	int64		horizon;

	int			nids;
	const char **ids;
	int			current;		/* id to be read next */
	int			asked;			/* id to be asked for next */
	int			nquestions;		/* room for those from current to asked ... */
	Question   *questions;		/* ... each at its number modulo nquestions */
	MemoryContext held;			/* of the call that was read last */
	int64		delivered;

	/* the cells of a reply: for each place where the call may be, those of the
	 * caller's paths, then its id */
	CallsPageReader *reader;
	int			npaths;
	const char *const *paths;
	int			nadded;			/* members that the list has not, which follow */
	const CallsCell *cells;		/* of the last call that was found, or NULL */
	bool		again;			/* it is to be read once more */
};

/* A dotted path below another; "" is the value itself. */
static const char *
join_paths(const char *outer, const char *inner)
{
	if (outer[0] == '\0')
		return inner;
	return inner[0] == '\0' ? outer : psprintf("%s.%s", outer, inner);
}

/* The first member of a dotted path. */
static const char *
first_member(const char *path)
{
	return pnstrdup(path, strcspn(path, "."));
}

/* Members to take out of the whole object: a List of char *. */
static List *
added_members(const CallsDetails *details)
{
	const CallsDefinition *single = details->single;
	List	   *members = NIL;
	bool		whole = false;

	for (int i = 0; i < details->npaths; i++)
		whole |= details->paths[i][0] == '\0';
	if (!whole || details->def == single)
		return NIL;
	for (int i = 0; i < single->ncolumns; i++)
	{
		const CallsColumn *column = &single->columns[i];

		if (column->role == CALLS_COLUMN_VALUE && i != single->key)
			members = lappend(members, unconstify(char *, first_member(column->path)));
	}
	return members;
}

/* Compiles the paths of all places. */
static void
make_reader(CallsDetails *details)
{
	const CallsDefinition *single = details->single;
	List	   *added = added_members(details);
	int			ncells;
	const char **members;
	int			n = 0;

	details->nadded = list_length(added);
	ncells = details->npaths + 1 + details->nadded;
	members = palloc_array(const char *, single->nobjects * ncells);
	for (int i = 0; i < single->nobjects; i++)
	{
		ListCell   *lc;

		for (int j = 0; j < details->npaths; j++)
			members[n++] = join_paths(single->objects[i], details->paths[j]);
		members[n++] = join_paths(single->objects[i], single->columns[single->key].path);
		foreach(lc, added)
			members[n++] = join_paths(single->objects[i], lfirst(lc));
	}
	details->reader = calls_make_page_reader(NULL, 0, NULL, n, members);
}

CallsDetails *
calls_make_details(const CallsDefinition *def, CallsSettings *settings,
				   const CallsBinding *binding, int npaths, const char *const *paths,
				   int64 horizon, CallsFetcher *fetcher)
{
	CallsDetails *details = palloc0_object(CallsDetails);

	details->def = def;
	details->single = calls_id_definition(def);
	details->settings = settings;
	details->fetcher = fetcher;
	details->context = CurrentMemoryContext;
	details->horizon = horizon;
	details->nids = binding->nids;
	details->ids = binding->ids;
	details->nquestions = settings->max_connections;
	details->questions = palloc0_array(Question, details->nquestions);
	details->npaths = npaths;
	details->paths = paths;
	make_reader(details);
	return details;
}

/* Asks for the next call. */
static void
ask(CallsDetails *details)
{
	Question   *question = &details->questions[details->asked % details->nquestions];
	MemoryContext old;
	CallsRequest *request;

	question->context = AllocSetContextCreate(details->context, "calls_fdw call",
											  ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(question->context);
	request = calls_build_call_request(details->single, details->settings,
									   details->ids[details->asked], true, false);
	question->fetch = calls_start_fetch(details->fetcher, request);
	MemoryContextSwitchTo(old);
	details->asked++;
}

/*
 * Asks for the calls that are read next, as far as they are wanted for sure;
 * for "least" of them in any case.
 */
static void
ask_ahead(CallsDetails *details, int64 least)
{
	int64		wanted = details->nids;

	if (details->horizon != CALLS_ALL_ROWS)
		wanted = details->current + Max(details->horizon - details->delivered, least);
	wanted = Min(wanted, details->nids);
	wanted = Min(wanted, (int64) details->current + details->nquestions);
	while (details->asked < wanted &&
		   (details->asked == details->current ||
			calls_spare_fetches(details->fetcher, CALLS_AHEAD_BUDGET) > 0))
		ask(details);
}

static void
reply_error_callback(void *arg)
{
	const CallsDetails *details = arg;

	errcontext("call \"%s\" of server \"%s\"",
			   calls_printable(details->settings, details->ids[details->current]),
			   details->settings->server_name);
}

/* Finds the place in the reply that has a call: its cells, or an error. */
static const CallsCell *
find_call(const CallsDetails *details, const CallsPage *page)
{
	int			ncells = details->npaths + 1 + details->nadded;

	for (int i = 0; i < details->single->nobjects; i++)
	{
		const CallsCell *cells = &page->members[i * ncells];

		if (cells[details->npaths].kind != CALLS_JSON_MISSING)
			return cells;
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("could not read the reply: it has no call"),
			 errdetail("There is no member \"%s\".",
					   join_paths(details->single->objects[0],
								  details->single->columns[details->single->key].path))));
	return NULL;
}

/* Start of the member whose value starts here: its name's first quote. */
static char *
member_start(char *value)
{
	char	   *c = value - 1;

	while (*c != ':')
		c--;
	while (*c != '"')
		c--;
	/* a quote inside the name follows an odd number of backslashes */
	for (;;)
	{
		int			backslashes = 0;

		do
			c--;
		while (*c != '"');
		while (c[-1 - backslashes] == '\\')
			backslashes++;
		if (backslashes % 2 == 0)
			return c;
	}
}

/* The first byte that is no white space, to the left or to the right. */
static char *
skip_space(char *c, int step)
{
	while (*c == ' ' || *c == '\t' || *c == '\n' || *c == '\r')
		c += step;
	return c;
}

/* Blanks out a member of an object's text, and the comma that goes with it. */
static void
blank_member(char *value, size_t length)
{
	char	   *start = member_start(value);
	char	   *comma = skip_space(start - 1, -1);

	if (*comma != ',')
		comma = skip_space(value + length, 1);
	if (*comma == ',')
		*comma = ' ';
	memset(start, ' ', value + length - start);
}

/*
 * The cells as the list would have them: its objects lack the members that are
 * added here.
 */
static const CallsCell *
strip_added(const CallsDetails *details, const CallsCell *cells)
{
	int			ncells = details->npaths + 1 + details->nadded;
	CallsCell  *result = palloc_array(CallsCell, ncells);

	memcpy(result, cells, sizeof(CallsCell) * ncells);
	for (int i = 0; i < details->npaths; i++)
	{
		CallsCell  *whole = &result[i];
		char	   *text;

		if (details->paths[i][0] != '\0' || whole->kind != CALLS_JSON_OBJECT)
			continue;
		text = pnstrdup(whole->start, whole->length);
		for (int j = details->npaths + 1; j < ncells; j++)
		{
			/* several columns may lie in one member: blank it once */
			bool		seen = cells[j].kind == CALLS_JSON_MISSING;

			for (int k = details->npaths + 1; k < j; k++)
				seen |= cells[k].start == cells[j].start;
			if (!seen)
				blank_member(text + (cells[j].start - whole->start), cells[j].length);
		}
		whole->start = text;
	}
	return result;
}

/* Reads a reply; false if it is about another call than was asked for. */
static bool
read_reply(CallsDetails *details, CallsFetch *fetch)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack, .callback = reply_error_callback, .arg = details
	};
	const CallsHttpReply *reply;
	const CallsCell *cells;
	char	   *id;

	error_context_stack = &callback;
	reply = calls_take_reply(fetch);
	calls_refuse_web_page(details->settings, reply,
						  "Check the server option \"base_url\".");
	cells = find_call(details, calls_read_page(details->reader, reply->body, reply->length));
	error_context_stack = callback.previous;
	calls_log_fetch(fetch, 1);
	details->fetcher->counters->pages++;
	details->fetcher->counters->rows++;
	id = calls_cell_text(&cells[details->npaths]);
	details->cells = details->nadded > 0 ? strip_added(details, cells) : cells;
	return id != NULL && strcmp(id, details->ids[details->current]) == 0;
}

/* Takes the reply for the current id; false if there is no such call. */
static bool
take_call(CallsDetails *details, CallsFetch *fetch)
{
	details->cells = NULL;
	/* every other failure is raised */
	if (calls_fetch_is_missing(fetch))
	{
		details->fetcher->counters->pages++;
		return false;
	}
	if (read_reply(details, fetch))
		return true;
	details->cells = NULL;
	return false;
}

/* Gives the call that was found last to the caller. */
static CallsProgress
deliver(CallsDetails *details, const CallsCell **cells, const CallsCell **key)
{
	details->again = false;
	*cells = details->cells;
	*key = &details->cells[details->npaths];
	return CALLS_READY;
}

/* Reads the reply for the current id, which is there, and goes to the next. */
static bool
read_current(CallsDetails *details)
{
	Question   *question = &details->questions[details->current % details->nquestions];
	MemoryContext old;
	bool		found;

	if (details->held != NULL)
		MemoryContextDelete(details->held);
	details->held = question->context;
	old = MemoryContextSwitchTo(question->context);
	found = take_call(details, question->fetch);
	MemoryContextSwitchTo(old);
	question->context = NULL;
	details->current++;
	return found;
}

CallsProgress
calls_next_detail(CallsDetails *details, const CallsCell **cells, const CallsCell **key)
{
	if (details->again)
		return deliver(details, cells, key);
	while (details->current < details->nids)
	{
		CallsFetch *fetch;
		bool		found;

		CHECK_FOR_INTERRUPTS();
		ask_ahead(details, 1);
		fetch = details->questions[details->current % details->nquestions].fetch;
		calls_want_anew(details->fetcher);
		calls_want_fetch(fetch);
		calls_poll_fetches(details->fetcher);
		if (!calls_fetch_is_done(fetch))
			return CALLS_PENDING;
		found = read_current(details);
		details->delivered += found;
		/* the others go on while the caller looks at this one */
		ask_ahead(details, 0);
		if (found)
			return deliver(details, cells, key);
	}
	return CALLS_ENDED;
}

void
calls_ask_details(CallsDetails *details)
{
	if (details->asked == 0 && details->nids > 0 &&
		(details->fetcher->nfetches == 0 ||
		 calls_spare_fetches(details->fetcher, CALLS_AHEAD_BUDGET) > 0))
		ask(details);
}

void
calls_show_details(CallsDetails *details, CallsProgressLine *line)
{
	bool		first = details->fetcher->counters->rows == details->delivered;

	/* where the ids come a few at a time, nobody knows how many there will be */
	calls_show_progress(line, details->fetcher, details->delivered, first ? details->nids : -1);
}

void
calls_wait_details(CallsDetails *details)
{
	calls_wait_fetches(details->fetcher);
}

bool
calls_can_restart_details(const CallsDetails *details)
{
	return details->nids == 1 && details->current == 1;
}

void
calls_restart_details(CallsDetails *details)
{
	details->again = details->cells != NULL;
}
