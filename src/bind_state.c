/*-------------------------------------------------------------------------
 *
 * bind_state.c
 *		What predicates say of a column together: a value set, or a range.
 *
 * Equalities are intersected as sets of texts, comparisons as ranges of
 * microseconds.  A type without a rule leaves the state as it is: the
 * predicate then stays local.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "bind.h"
#include "bind_state.h"
#include "compat.h"

/* Text that stands for a value in value sets, or NULL for types without. */
static char *
value_text(const CallsColumn *column, const CallsTableColumn *target,
		   Oid type, Datum value)
{
	Oid			column_type = target->type;

	switch (column->format)
	{
		case CALLS_FORMAT_TEXT:
		case CALLS_FORMAT_E164:
		case CALLS_FORMAT_UUID:
			/* varchar(n) drops blanks at the end that the API keeps */
			if ((column_type == TEXTOID ||
				 (column_type == VARCHAROID && target->typmod < 0)) &&
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

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Is the text among the values, which are sorted? */
static bool
has_value(const CallsColumnState *state, const char *text)
{
	return bsearch(&text, state->values, state->nvalues, sizeof(char *),
				   compare_texts) != NULL;
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
intersect_values(CallsColumnState *state, const CallsColumn *column,
				 const CallsTableColumn *target, int n, const Datum *datums, const Oid *types)
{
	char	  **texts;
	int			kept = 0;

	if (n > CALLS_MAX_LIST)
		return false;
	texts = palloc_array(char *, n);
	for (int i = 0; i < n; i++)
	{
		texts[i] = value_text(column, target, types[i], datums[i]);
		if (texts[i] == NULL)
			return false;
	}
	qsort(texts, n, sizeof(char *), compare_texts);
	for (int i = 0; i < n; i++)
	{
		if (kept > 0 && strcmp(texts[i], texts[kept - 1]) == 0)
			continue;
		if (!state->has_values || has_value(state, texts[i]))
			texts[kept++] = texts[i];
	}
	state->has_values = true;
	state->values = texts;
	state->nvalues = kept;
	return true;
}

/* The same for ranges and comparisons. */
static bool
intersect_range(CallsColumnState *state, const CallsColumn *column,
				const CallsTableColumn *target, CallsRounding rounding,
				StrategyNumber strategy, int n, const Datum *datums, const Oid *types)
{
	CallsRange	all = {0};

	for (int i = 0; i < n; i++)
	{
		CallsRange	one;

		if (!calls_range_of(column->format, target->type, target->typmod,
							rounding, strategy, types[i], datums[i], &one))
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

bool
calls_is_range_format(CallsFormat format)
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
note_unknown(CallsColumnState *state, const CallsColumn *column,
			 const CallsPredicate *predicate, const CallsOperand *operand)
{
	StrategyNumber strategy = predicate->strategy;

	if (!calls_is_range_format(column->format))
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
holds_for_constant(const char *constant, const CallsColumn *column,
				   const CallsTableColumn *target, const CallsPredicate *predicate,
				   int n, const Datum *datums, const Oid *types, bool *decided)
{
	*decided = predicate->strategy == BTEqualStrategyNumber;
	for (int i = 0; i < n && *decided; i++)
	{
		char	   *text = value_text(column, target, types[i], datums[i]);

		if (text == NULL)
			*decided = false;
		else if (strcmp(text, constant) == 0)
			return true;
	}
	return false;
}

bool
calls_collect_predicate(const CallsDefinition *def, const CallsSettings *settings,
						const CallsTableColumn *columns,
						const CallsPredicate *predicate,
						CallsColumnState *state, bool *impossible)
{
	const CallsTableColumn *target = &columns[predicate->attnum - 1];
	const CallsColumn *column = &def->columns[target->column];
	const CallsOperand *unknown = unknown_operand(predicate);
	Datum	   *datums;
	Oid		   *types;
	int			n;

	if (column->role == CALLS_COLUMN_ABSENT)
	{
		/* the operators are strict, and the column is null everywhere */
		*impossible = true;
		return true;
	}
	if (unknown != NULL)
		return column->role == CALLS_COLUMN_VALUE &&
			note_unknown(state, column, predicate, unknown);

	n = predicate_datums(predicate, &datums, &types);
	if (n == 0)
	{
		*impossible = true;		/* nulls and empty arrays */
		return true;
	}
	if (column->role == CALLS_COLUMN_SOURCE || column->role == CALLS_COLUMN_PROVIDER)
	{
		const char *constant = column->role == CALLS_COLUMN_SOURCE
			? settings->source : def->provider;
		bool		decided;
		bool		holds = holds_for_constant(constant, column, target, predicate,
											   n, datums, types, &decided);

		if (decided && !holds)
			*impossible = true;
		return decided;
	}
	if (calls_is_range_format(column->format))
		return intersect_range(state, column, target, predicate->rounding,
							   predicate->strategy, n, datums, types);
	return predicate->rounding == CALLS_ROUND_NONE &&
		predicate->strategy == BTEqualStrategyNumber &&
		intersect_values(state, column, target, n, datums, types);
}
