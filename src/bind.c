/*-------------------------------------------------------------------------
 *
 * bind.c
 *		From predicates and their values to what requests say.
 *
 * What all predicates say of a column is brought together first; then each
 * filter of the definition takes what it can express.  Values that the API
 * would not understand are not sent, and one such value keeps the whole list
 * local.  More values than a filter takes at once become several streams, as
 * far as max_fanout allows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/pg_list.h"

#include "bind.h"
#include "bind_state.h"
#include "compat.h"
#include "sendable.h"
#include "trust.h"

/*
 * Longest lists worth sending: a body may be large, but addresses beyond 8 kB
 * are refused by common servers (RFC 9110 section 4.1 asks for 8000 octets).
 */
#define MAX_BODY_VALUES		500
#define MAX_QUERY_VALUES	100
#define MAX_QUERY_BYTES		4000

typedef struct BindContext
{
	const CallsDefinition *def;
	const CallsSettings *settings;
	const CallsTableColumn *columns;
	int			npredicates;
	const CallsPredicate *predicates;
	CallsColumnState *states;	/* one per column of the definition */
	CallsBinding *binding;
} BindContext;

/* Do the predicates on one column exclude each other? */
static bool
is_contradiction(const CallsColumnState *state)
{
	return (state->has_values && state->nvalues == 0) ||
		(state->range.has_lower && state->range.has_upper &&
		 state->range.lower > state->range.upper);
}

/* How many values one request can carry. */
static int
values_per_request(const CallsFilter *filter, size_t longest)
{
	if (filter->list == CALLS_LIST_SINGLE)
		return 1;
	if (filter->place == CALLS_PLACE_BODY)
		return MAX_BODY_VALUES;
	return (int) Max(Min(MAX_QUERY_VALUES, MAX_QUERY_BYTES / Max(longest, 1)), 1);
}

/* Translates a column's value set for a filter; false: keep it local. */
static bool
bind_values(const CallsFilter *filter, const CallsColumn *column,
			const CallsColumnState *state, CallsSentFilter *sent)
{
	List	   *values = NIL;
	size_t		longest = 0;
	ListCell   *lc;

	sent->exact = filter->exact && filter->ncolumns == 1;
	for (int i = 0; i < state->nvalues; i++)
	{
		List	   *natives = calls_native_words(column, state->values[i]);

		if (natives == NIL)
			return false;
		foreach(lc, natives)
		{
			char	   *value = calls_sendable_value(filter, lfirst(lc), &sent->exact);

			if (value == NULL)
				return false;
			longest = Max(longest, strlen(value));
			values = lappend(values, value);
		}
	}
	sent->known = true;
	sent->per_request = values_per_request(filter, longest);
	sent->nvalues = list_length(values);
	sent->values = palloc_array(const char *, sent->nvalues);
	foreach(lc, values)
		sent->values[foreach_current_index(lc)] = lfirst(lc);
	return true;
}

/* A filter with one value. */
static void
set_single_value(CallsSentFilter *sent, const char *value, bool known, bool exact)
{
	sent->known = known;
	sent->exact = exact;
	sent->per_request = 1;
	sent->nvalues = 1;
	sent->values = palloc_array(const char *, 1);
	sent->values[0] = value;
}

/* Binds an equality filter to one of its columns. */
static bool
bind_equality(const CallsFilter *filter, const CallsColumn *column,
			  const CallsColumnState *state, CallsSentFilter *sent)
{
	if (state->unknown_sql != NULL)
	{
		set_single_value(sent, state->unknown_sql, false,
						 filter->exact && filter->ncolumns == 1);
		return true;
	}
	return state->has_values && bind_values(filter, column, state, sent);
}

/* Binds a lower or upper bound. */
static bool
bind_bound(const CallsFilter *filter, const CallsColumnState *state, CallsSentFilter *sent)
{
	bool		up = filter->op == CALLS_FILTER_UPPER;
	const char *unknown = up ? state->unknown_upper : state->unknown_lower;
	const char *text;
	bool		exact = false;

	if (unknown != NULL)
	{
		set_single_value(sent, unknown, false, false);
		return true;
	}
	if (up ? !state->range.has_upper : !state->range.has_lower)
		return false;
	text = calls_bound_text(filter, &state->range, &exact, &sent->bound);
	if (text == NULL)
		return false;
	set_single_value(sent, text, true, exact);
	return true;
}

/* Is this parameter taken by a filter that is sent already? */
static bool
parameter_is_taken(const CallsBinding *binding, const CallsFilter *filter)
{
	for (int i = 0; i < binding->nsent; i++)
		if (strcmp(binding->sent[i].filter->param, filter->param) == 0 &&
			binding->sent[i].filter->place == filter->place)
			return true;
	return false;
}

/* Gives one filter of the definition what it can take. */
static void
bind_filter(BindContext *context, const CallsFilter *filter)
{
	CallsBinding *binding = context->binding;

	if (parameter_is_taken(binding, filter))
		return;
	for (int i = 0; i < filter->ncolumns; i++)
	{
		const CallsColumn *column = &context->def->columns[filter->columns[i]];
		CallsColumnState *state = &context->states[filter->columns[i]];
		CallsSentFilter sent = {.filter = filter, .column = filter->columns[i]};
		bool		bound;

		if (!calls_pushdown_allowed(context->settings, column->name))
			continue;
		bound = filter->op == CALLS_FILTER_EQ
			? bind_equality(filter, column, state, &sent)
			: bind_bound(filter, state, &sent);
		if (bound)
		{
			binding->sent[binding->nsent++] = sent;
			return;
		}
	}
}

/* How the filters sent cover one predicate. */
static CallsPushdown
predicate_pushdown(BindContext *context, const CallsPredicate *predicate)
{
	const CallsBinding *binding = context->binding;
	int			column = context->columns[predicate->attnum - 1].column;
	StrategyNumber strategy = predicate->strategy;
	bool		range = calls_is_range_format(context->def->columns[column].format);
	int			needed = range && strategy == BTEqualStrategyNumber ? 2 : 1;
	int			exact = 0;
	CallsPushdown result = CALLS_PUSHDOWN_LOCAL;

	if (context->def->columns[column].role != CALLS_COLUMN_VALUE)
		return CALLS_PUSHDOWN_TRUE;
	if (binding->by_id)
		return column == context->def->key ? CALLS_PUSHDOWN_EXACT : CALLS_PUSHDOWN_LOCAL;
	for (int i = 0; i < binding->nsent; i++)
	{
		const CallsFilter *filter = binding->sent[i].filter;
		bool		about = binding->sent[i].column == column;

		if (filter->op == CALLS_FILTER_LOWER)
			about &= strategy != BTLessStrategyNumber && strategy != BTLessEqualStrategyNumber;
		if (filter->op == CALLS_FILTER_UPPER)
			about &= strategy != BTGreaterStrategyNumber && strategy != BTGreaterEqualStrategyNumber;
		if (!about)
			continue;
		result = CALLS_PUSHDOWN_SUPERSET;
		exact += binding->sent[i].exact;
	}
	return exact >= needed ? CALLS_PUSHDOWN_EXACT : result;
}

void
calls_append_filters(StringInfo out, int nfilters, const CallsSentFilter *filters)
{
	appendStringInfo(out, "%d\n", nfilters);
	for (int i = 0; i < nfilters; i++)
	{
		const CallsSentFilter *sent = &filters[i];

		appendStringInfo(out, "%s %d", sent->filter->param, sent->nvalues);
		for (int j = 0; j < sent->nvalues; j++)
			appendStringInfo(out, " %zu:%s", strlen(sent->values[j]), sent->values[j]);
		appendStringInfoChar(out, '\n');
	}
}

/* Is there a stream for the same filter and values already? */
static bool
has_alternative(const CallsBinding *binding, const CallsSentFilter *sent)
{
	for (int i = 0; i < binding->nalternatives; i++)
	{
		const CallsSentFilter *other = &binding->alternatives[i];

		if (other->filter == sent->filter && other->nvalues == sent->nvalues)
		{
			int			j = 0;

			while (j < sent->nvalues && strcmp(other->values[j], sent->values[j]) == 0)
				j++;
			if (j == sent->nvalues)
				return true;
		}
	}
	return false;
}

/*
 * Finds a filter for one arm of an OR; false if the provider cannot evaluate
 * it.  An arm that no call can satisfy needs none.
 */
static bool
bind_alternative(BindContext *context, const CallsPredicate *predicate, bool *impossible)
{
	CallsBinding *binding = context->binding;
	int			column = context->columns[predicate->attnum - 1].column;
	CallsColumnState state = {0};

	if (!calls_collect_predicate(context->def, context->settings, context->columns,
								 predicate, &state, impossible))
		return false;
	if (*impossible)
		return true;
	if (!state.has_values ||
		!calls_pushdown_allowed(context->settings, context->def->columns[column].name))
		return false;
	for (int i = 0; i < context->def->nfilters; i++)
	{
		const CallsFilter *filter = &context->def->filters[i];
		CallsSentFilter sent = {.filter = filter, .column = column};

		if (filter->op != CALLS_FILTER_EQ || parameter_is_taken(binding, filter) ||
			(filter->columns[0] != column &&
			 (filter->ncolumns < 2 || filter->columns[1] != column)) ||
			!bind_values(filter, &context->def->columns[column], &state, &sent))
			continue;
		if (!has_alternative(binding, &sent))
			binding->alternatives[binding->nalternatives++] = sent;
		return true;
	}
	return false;
}

/*
 * Binds the arms of the OR that starts at predicate "first": all of them or
 * none.  Returns the number of arms.
 */
static int
bind_or(BindContext *context, int first)
{
	CallsBinding *binding = context->binding;
	const CallsPredicate *predicates = context->predicates;
	int			qual = predicates[first].qual;
	int			narms = 0;
	int			nimpossible = 0;
	bool		bound = binding->nalternatives == 0;

	while (first + narms < context->npredicates &&
		   predicates[first + narms].alternative && predicates[first + narms].qual == qual)
	{
		bool		impossible = false;

		bound = bound && bind_alternative(context, &predicates[first + narms], &impossible);
		nimpossible += impossible;
		narms++;
	}
	if (!bound)
	{
		/* those of an OR bound before stay */
		if (binding->or_qual < 0)
			binding->nalternatives = 0;
	}
	else if (nimpossible == narms)
		binding->contradiction = true;
	else
		binding->or_qual = qual;
	return narms;
}

/* How the streams of an OR cover it. */
static CallsPushdown
or_pushdown(const CallsBinding *binding, const CallsPredicate *predicate)
{
	if (binding->nalternatives == 0 || binding->or_qual != predicate->qual)
		return CALLS_PUSHDOWN_LOCAL;
	for (int i = 0; i < binding->nalternatives; i++)
		if (!binding->alternatives[i].exact)
			return CALLS_PUSHDOWN_SUPERSET;
	return CALLS_PUSHDOWN_EXACT;
}

/* Brings together what the predicates say; true in used[i] where it counts. */
static void
collect_predicates(BindContext *context, bool *used)
{
	for (int i = 0; i < context->npredicates; i++)
	{
		const CallsPredicate *predicate = &context->predicates[i];
		int			column = context->columns[predicate->attnum - 1].column;

		if (!predicate->alternative)
			used[i] = calls_collect_predicate(context->def, context->settings,
											  context->columns, predicate,
											  &context->states[column],
											  &context->binding->contradiction);
	}
	for (int i = 0; i < context->def->ncolumns; i++)
		context->binding->contradiction |= is_contradiction(&context->states[i]);
}

/* Gives the definition's filters, and at most one OR, what they can take. */
static void
bind_filters(BindContext *context)
{
	const CallsDefinition *def = context->def;
	CallsBinding *binding = context->binding;

	if (def->order.column >= 0)
		binding->order_range = context->states[def->order.column].range;
	for (int i = 0; i < def->nfilters; i++)
		bind_filter(context, &def->filters[i]);
	for (int i = 0; i < context->npredicates;)
		i += context->predicates[i].alternative ? bind_or(context, i) : 1;
	calls_limit_streams(binding, context->settings->max_fanout);
}

/* What a provider was seen not to keep to does not count as exact. */
static void
doubt_filters(CallsBinding *binding, const CallsSettings *settings)
{
	for (int i = 0; i < binding->nsent; i++)
		binding->sent[i].exact &= calls_filter_is_trusted(settings->server,
														  binding->sent[i].filter->param);
	for (int i = 0; i < binding->nalternatives; i++)
		binding->alternatives[i].exact &=
			calls_filter_is_trusted(settings->server,
									binding->alternatives[i].filter->param);
}

/*
 * Takes the ids that the predicates leave.  One that cannot be sent is no
 * call's, see calls_sendable_id.
 */
static void
bind_ids(BindContext *context)
{
	CallsBinding *binding = context->binding;
	const CallsColumnState *state = &context->states[context->def->key];

	binding->by_id = state->has_values || state->unknown_sql != NULL;
	if (!state->has_values)
	{
		binding->id_sql = state->unknown_sql;
		binding->id_array = state->unknown_array;
		return;
	}
	binding->ids = palloc_array(const char *, state->nvalues);
	for (int i = 0; i < state->nvalues; i++)
	{
		char	   *id = calls_sendable_id(state->values[i]);

		if (id != NULL)
			binding->ids[binding->nids++] = id;
	}
	binding->contradiction = binding->nids == 0;
}

/* What calls_bind and calls_bind_ids do. */
static CallsBinding *
bind_predicates(const CallsDefinition *def, const CallsSettings *settings,
				const CallsTableColumn *columns,
				int npredicates, const CallsPredicate *predicates, bool by_id)
{
	CallsBinding *binding = palloc0_object(CallsBinding);
	BindContext context = {
		.def = def, .settings = settings, .columns = columns,
		.npredicates = npredicates, .predicates = predicates,
		.states = palloc0_array(CallsColumnState, def->ncolumns),
		.binding = binding
	};
	bool	   *used = palloc0_array(bool, npredicates + 1);

	binding->or_qual = -1;
	binding->sent = palloc0_array(CallsSentFilter, def->nfilters + 1);
	binding->alternatives = palloc0_array(CallsSentFilter, npredicates + 1);
	binding->pushdown = palloc0_array(CallsPushdown, npredicates + 1);
	collect_predicates(&context, used);
	if (!binding->contradiction && by_id && calls_id_definition(def) != NULL)
		bind_ids(&context);
	if (!binding->contradiction && !binding->by_id)
		bind_filters(&context);
	if (binding->contradiction)
		return binding;

	doubt_filters(binding, settings);
	binding->all_exact = true;
	for (int i = 0; i < npredicates; i++)
	{
		if (predicates[i].alternative)
			binding->pushdown[i] = or_pushdown(binding, &predicates[i]);
		else if (used[i])
			binding->pushdown[i] = predicate_pushdown(&context, &predicates[i]);
		binding->all_exact &= binding->pushdown[i] >= CALLS_PUSHDOWN_EXACT;
	}
	return binding;
}

CallsBinding *
calls_bind(const CallsDefinition *def, const CallsSettings *settings,
		   const CallsTableColumn *columns,
		   int npredicates, const CallsPredicate *predicates)
{
	return bind_predicates(def, settings, columns, npredicates, predicates, false);
}

CallsBinding *
calls_bind_ids(const CallsDefinition *def, const CallsSettings *settings,
			   const CallsTableColumn *columns,
			   int npredicates, const CallsPredicate *predicates)
{
	return bind_predicates(def, settings, columns, npredicates, predicates, true);
}
