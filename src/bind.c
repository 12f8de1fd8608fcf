/*-------------------------------------------------------------------------
 *
 * bind.c
 *		From predicates and their values to what a request says.
 *
 * All predicates on one column of the definition are brought together first:
 * the values of its equalities are intersected, its ranges too.  Then each
 * filter of the definition takes what it can express.  Values that the API
 * would not understand are not sent, and one such value keeps the whole list
 * local.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "bind.h"
#include "compat.h"
#include "sendable.h"

/*
 * Longest lists worth sending: a body may be large, but addresses beyond 8 kB
 * are refused by common servers (RFC 9110 section 4.1 asks for 8000 octets).
 */
#define MAX_BODY_VALUES		500
#define MAX_QUERY_VALUES	100
#define MAX_QUERY_BYTES		4000

/* Longest value list that is looked at; comparing is quadratic. */
#define MAX_SET_VALUES		1000

/* What all predicates on one column of the definition say together. */
typedef struct ColumnState
{
	bool		has_values;		/* an equality gave a value set */
	List	   *values;			/* of char *, in the server's encoding */
	const char *unknown_sql;	/* EXPLAIN: text of an unknown operand */
	bool		unknown_array;
	CallsRange	range;
	const char *unknown_lower;	/* EXPLAIN: text of an unknown bound */
	const char *unknown_upper;
} ColumnState;

typedef struct BindContext
{
	const CallsDefinition *def;
	const CallsSettings *settings;
	const CallsTableColumn *columns;
	ColumnState *states;		/* one per column of the definition */
	CallsBinding *binding;
} BindContext;

/* Text that stands for a value in value sets, or NULL for types without. */
static char *
value_text(const CallsColumn *column, Oid column_type, Oid type, Datum value)
{
	switch (column->format)
	{
		case CALLS_FORMAT_TEXT:
		case CALLS_FORMAT_E164:
		case CALLS_FORMAT_UUID:
			if ((column_type == TEXTOID || column_type == VARCHAROID) &&
				(type == TEXTOID || type == VARCHAROID))
				return TextDatumGetCString(value);
			return NULL;
		case CALLS_FORMAT_BOOLEAN:
			if (column_type == BOOLOID && type == BOOLOID)
				return pstrdup(DatumGetBool(value) ? "true" : "false");
			return NULL;
		case CALLS_FORMAT_INTEGER:
			if (column_type != INT2OID && column_type != INT4OID && column_type != INT8OID)
				return NULL;
			if (type == INT2OID)
				return psprintf("%d", DatumGetInt16(value));
			if (type == INT4OID)
				return psprintf("%d", DatumGetInt32(value));
			if (type == INT8OID)
				return psprintf(INT64_FORMAT, DatumGetInt64(value));
			return NULL;
		default:
			return NULL;
	}
}

/* Is the text in the list? */
static bool
has_value(List *values, const char *text)
{
	ListCell   *lc;

	foreach(lc, values)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return true;
	}
	return false;
}

/* One operand's values that are not null. */
static void
operand_datums(const CallsOperand *operand, Datum **datums, int *count)
{
	ArrayType  *array;
	bool	   *nulls;
	int			n;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	*count = 0;
	*datums = NULL;
	if (operand->isnull)
		return;
	if (!operand->array)
	{
		*datums = palloc_array(Datum, 1);
		(*datums)[(*count)++] = operand->value;
		return;
	}
	array = DatumGetArrayTypeP(operand->value);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &typlen, &typbyval, &typalign);
	deconstruct_array(array, ARR_ELEMTYPE(array), typlen, typbyval, typalign,
					  datums, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (!nulls[i])
			(*datums)[(*count)++] = (*datums)[i];
	}
}

/* Every value of the predicate that is not null: datums and their types. */
static int
predicate_datums(const CallsPredicate *predicate, Datum **datums, Oid **types)
{
	int			total = 0;

	*datums = NULL;
	*types = NULL;
	for (int i = 0; i < predicate->noperands; i++)
	{
		const CallsOperand *operand = &predicate->operands[i];
		Datum	   *some;
		int			n;

		operand_datums(operand, &some, &n);
		if (n == 0)
			continue;
		*datums = *datums ? repalloc(*datums, sizeof(Datum) * (total + n)) : some;
		*types = *types ? repalloc(*types, sizeof(Oid) * (total + n)) : palloc_array(Oid, n);
		for (int j = 0; j < n; j++)
		{
			(*datums)[total + j] = some[j];
			(*types)[total + j] = operand->type;
		}
		total += n;
	}
	return total;
}

/*
 * Narrows the value set of a column to the values of one equality; false if
 * there is no rule for its types, or too many values to be worth it.
 */
static bool
intersect_values(ColumnState *state, const CallsColumn *column, Oid column_type,
				 int n, const Datum *datums, const Oid *types)
{
	List	   *values = NIL;

	if (n > MAX_SET_VALUES)
		return false;
	for (int i = 0; i < n; i++)
	{
		char	   *text = value_text(column, column_type, types[i], datums[i]);

		if (text == NULL)
			return false;
		if (!has_value(values, text) &&
			(!state->has_values || has_value(state->values, text)))
			values = lappend(values, text);
	}
	state->has_values = true;
	state->values = values;
	return true;
}

/* The same for ranges and comparisons. */
static bool
intersect_range(ColumnState *state, const CallsColumn *column,
				const CallsTableColumn *target, StrategyNumber strategy,
				int n, const Datum *datums, const Oid *types)
{
	CallsRange	all = {0};

	for (int i = 0; i < n; i++)
	{
		CallsRange	one;

		if (!calls_range_of(column->format, target->type, target->typmod,
							strategy, types[i], datums[i], &one))
			return false;
		if (i == 0)
			all = one;
		else
		{
			/* any of several values: from the least to the greatest */
			all.lower = Min(all.lower, one.lower);
			all.upper = Max(all.upper, one.upper);
			all.widened = true;
		}
	}
	state->range.widened |= all.widened;
	if (all.has_lower && (!state->range.has_lower || all.lower > state->range.lower))
	{
		state->range.has_lower = true;
		state->range.lower = all.lower;
	}
	if (all.has_upper && (!state->range.has_upper || all.upper < state->range.upper))
	{
		state->range.has_upper = true;
		state->range.upper = all.upper;
	}
	return true;
}

/* Can the column's values be ordered, so that ranges make sense? */
static bool
is_range_format(CallsFormat format)
{
	return format == CALLS_FORMAT_ISO8601 || format == CALLS_FORMAT_EPOCH_S ||
		format == CALLS_FORMAT_EPOCH_MS || format == CALLS_FORMAT_S ||
		format == CALLS_FORMAT_MS;
}

/*
 * Records the SQL text of an operand that only the executor will know; false
 * where it cannot be shown.
 */
static bool
note_unknown(ColumnState *state, const CallsColumn *column,
			 const CallsPredicate *predicate, const CallsOperand *operand)
{
	StrategyNumber strategy = predicate->strategy;

	if (!is_range_format(column->format))
	{
		if (strategy != BTEqualStrategyNumber)
			return false;
		state->unknown_sql = operand->sql;
		state->unknown_array = operand->array || predicate->noperands > 1;
		return true;
	}
	if (operand->array || predicate->noperands > 1)
		return false;
	if (strategy != BTLessStrategyNumber && strategy != BTLessEqualStrategyNumber)
		state->unknown_lower = operand->sql;
	if (strategy != BTGreaterStrategyNumber && strategy != BTGreaterEqualStrategyNumber)
		state->unknown_upper = operand->sql;
	return true;
}

/* The operand of a predicate that is not known yet, or NULL. */
static const CallsOperand *
unknown_operand(const CallsPredicate *predicate)
{
	for (int i = 0; i < predicate->noperands; i++)
	{
		if (!predicate->operands[i].known)
			return &predicate->operands[i];
	}
	return NULL;
}

/*
 * An equality on a column whose value is known without asking: true or false
 * for every row; false in *decided where the types have no rule.
 */
static bool
holds_for_constant(const char *constant, const CallsColumn *column, Oid column_type,
				   const CallsPredicate *predicate,
				   int n, const Datum *datums, const Oid *types, bool *decided)
{
	*decided = predicate->strategy == BTEqualStrategyNumber;
	for (int i = 0; i < n && *decided; i++)
	{
		char	   *text = value_text(column, column_type, types[i], datums[i]);

		if (text == NULL)
			*decided = false;
		else if (strcmp(text, constant) == 0)
			return true;
	}
	return false;
}

/*
 * Takes one predicate into the state of its column; false if the state says
 * nothing of it.
 */
static bool
collect_predicate(BindContext *context, const CallsPredicate *predicate)
{
	const CallsTableColumn *target = &context->columns[predicate->attnum - 1];
	const CallsColumn *column = &context->def->columns[target->column];
	ColumnState *state = &context->states[target->column];
	const CallsOperand *unknown = unknown_operand(predicate);
	Datum	   *datums;
	Oid		   *types;
	int			n;

	if (column->role == CALLS_COLUMN_ABSENT)
	{
		/* the operators are strict, and the column is null everywhere */
		context->binding->contradiction = true;
		return true;
	}
	if (unknown != NULL)
		return column->role == CALLS_COLUMN_VALUE &&
			note_unknown(state, column, predicate, unknown);

	n = predicate_datums(predicate, &datums, &types);
	if (n == 0)
	{
		context->binding->contradiction = true; /* nulls and empty arrays */
		return true;
	}
	if (column->role == CALLS_COLUMN_SOURCE || column->role == CALLS_COLUMN_PROVIDER)
	{
		const char *constant = column->role == CALLS_COLUMN_SOURCE
			? context->settings->source : context->def->provider;
		bool		decided;
		bool		holds = holds_for_constant(constant, column, target->type, predicate,
											   n, datums, types, &decided);

		if (decided && !holds)
			context->binding->contradiction = true;
		return decided;
	}
	if (is_range_format(column->format))
		return intersect_range(state, column, target, predicate->strategy,
							   n, datums, types);
	return predicate->strategy == BTEqualStrategyNumber &&
		intersect_values(state, column, target->type, n, datums, types);
}

/* Do the predicates on one column exclude each other? */
static bool
is_contradiction(const ColumnState *state)
{
	return (state->has_values && state->values == NIL) ||
		(state->range.has_lower && state->range.has_upper &&
		 state->range.lower > state->range.upper);
}

/* Is a list of this many values, and bytes, one the filter can take? */
static bool
list_fits(const CallsFilter *filter, int count, size_t bytes)
{
	if (filter->list == CALLS_LIST_SINGLE)
		return count == 1;
	if (filter->place == CALLS_PLACE_BODY)
		return count <= MAX_BODY_VALUES;
	return count <= MAX_QUERY_VALUES && bytes <= MAX_QUERY_BYTES;
}

/* Translates a column's value set for a filter; false: keep it local. */
static bool
bind_values(const CallsFilter *filter, const CallsColumn *column,
			const ColumnState *state, CallsSentFilter *sent)
{
	List	   *values = NIL;
	size_t		bytes = 0;
	ListCell   *lc;

	sent->exact = filter->exact && filter->ncolumns == 1;
	foreach(lc, state->values)
	{
		List	   *natives = calls_native_words(column, lfirst(lc));
		ListCell   *lc2;

		if (natives == NIL)
			return false;
		foreach(lc2, natives)
		{
			char	   *value = calls_sendable_value(filter, lfirst(lc2), &sent->exact);

			if (value == NULL)
				return false;
			bytes += strlen(value);
			values = lappend(values, value);
		}
	}
	if (!list_fits(filter, list_length(values), bytes))
		return false;
	sent->known = true;
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
	sent->nvalues = 1;
	sent->values = palloc_array(const char *, 1);
	sent->values[0] = value;
}

/* Binds an equality filter to one of its columns. */
static bool
bind_equality(const CallsFilter *filter, const CallsColumn *column,
			  const ColumnState *state, CallsSentFilter *sent)
{
	if (state->unknown_sql != NULL)
	{
		if (state->unknown_array && filter->list == CALLS_LIST_SINGLE)
			return false;
		set_single_value(sent, state->unknown_sql, false,
						 filter->exact && filter->ncolumns == 1);
		return true;
	}
	return state->has_values && bind_values(filter, column, state, sent);
}

/* Binds a lower or upper bound. */
static bool
bind_bound(const CallsFilter *filter, const ColumnState *state, CallsSentFilter *sent)
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
	text = calls_bound_text(filter, &state->range, &exact);
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
		ColumnState *state = &context->states[filter->columns[i]];
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
	bool		range = is_range_format(context->def->columns[column].format);
	int			needed = range && strategy == BTEqualStrategyNumber ? 2 : 1;
	int			exact = 0;
	CallsPushdown result = CALLS_PUSHDOWN_LOCAL;

	if (context->def->columns[column].role != CALLS_COLUMN_VALUE)
		return CALLS_PUSHDOWN_TRUE;
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

CallsBinding *
calls_bind(const CallsDefinition *def, const CallsSettings *settings,
		   const CallsTableColumn *columns,
		   int npredicates, const CallsPredicate *predicates)
{
	CallsBinding *binding = palloc0_object(CallsBinding);
	BindContext context = {
		.def = def, .settings = settings, .columns = columns,
		.states = palloc0_array(ColumnState, def->ncolumns),
		.binding = binding
	};
	bool	   *used;

	binding->sent = palloc0_array(CallsSentFilter, def->nfilters + 1);
	binding->pushdown = palloc0_array(CallsPushdown, npredicates + 1);
	used = palloc0_array(bool, npredicates + 1);
	for (int i = 0; i < npredicates; i++)
		used[i] = collect_predicate(&context, &predicates[i]);
	for (int i = 0; i < def->ncolumns; i++)
		binding->contradiction |= is_contradiction(&context.states[i]);
	if (binding->contradiction)
		return binding;
	if (def->order.column >= 0)
		binding->order_range = context.states[def->order.column].range;

	for (int i = 0; i < def->nfilters; i++)
		bind_filter(&context, &def->filters[i]);
	binding->all_exact = true;
	for (int i = 0; i < npredicates; i++)
	{
		if (used[i])
			binding->pushdown[i] = predicate_pushdown(&context, &predicates[i]);
		binding->all_exact &= binding->pushdown[i] >= CALLS_PUSHDOWN_EXACT;
	}
	return binding;
}
