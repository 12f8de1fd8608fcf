/*-------------------------------------------------------------------------
 *
 * count.c
 *		Which totals of a provider make up a count.
 *
 * A total answers a count only if the provider selects precisely the calls
 * that the query is about: every predicate is sent, and exactly.  Streams of
 * one filter have different values of a column, so no call is in two of them,
 * and their totals add up; those of an OR over several columns do not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "common/string.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "count.h"

/* The filter that takes a column's words and no other, or NULL. */
static const CallsFilter *
word_filter(const CallsDefinition *def, int column)
{
	for (int i = 0; i < def->nfilters; i++)
	{
		const CallsFilter *filter = &def->filters[i];

		if (filter->op == CALLS_FILTER_EQ && filter->exact && filter->nwords > 0 &&
			filter->ncolumns == 1 && filter->columns[0] == column)
			return filter;
	}
	return NULL;
}

CallsCountColumn
calls_count_column(const CallsDefinition *def, const CallsSettings *settings,
				   const CallsTableColumn *column)
{
	/* values that are the same to SQL must be the same text */
	if (column->attnum == 0 || column->column < 0 ||
		!(column->type == TEXTOID || (column->type == VARCHAROID && column->typmod < 0)) ||
		!get_collation_isdeterministic(column->collation))
		return CALLS_COUNT_NOT;
	switch (def->columns[column->column].role)
	{
		case CALLS_COLUMN_SOURCE:
		case CALLS_COLUMN_PROVIDER:
			return CALLS_COUNT_CONSTANT;
		case CALLS_COLUMN_VALUE:
			if (word_filter(def, column->column) != NULL &&
				calls_pushdown_allowed(settings, def->columns[column->column].name))
				return CALLS_COUNT_WORDS;
			return CALLS_COUNT_NOT;
		default:
			return CALLS_COUNT_NOT;
	}
}

const char *
calls_constant_value(const CallsDefinition *def, const CallsSettings *settings,
					 const CallsTableColumn *column)
{
	return def->columns[column->column].role == CALLS_COLUMN_SOURCE
		? settings->source : def->provider;
}

/* Can totals of this binding be taken for a count? */
static bool
is_countable(const CallsBinding *binding)
{
	return binding->all_exact && binding->nalternatives == 0;
}

/* Binds the predicates, and one more: that the column is this word. */
static CallsBinding *
bind_word(const CallsDefinition *def, const CallsSettings *settings,
		  const CallsTableColumn *columns, int npredicates,
		  const CallsPredicate *predicates, AttrNumber by, const char *word)
{
	CallsPredicate *more = palloc_array(CallsPredicate, npredicates + 1);
	CallsOperand *operand = palloc0_object(CallsOperand);
	CallsPredicate equality = {
		.qual = -1, .attnum = by, .strategy = BTEqualStrategyNumber,
		.noperands = 1, .operands = operand
	};

	if (npredicates > 0)
		memcpy(more, predicates, sizeof(CallsPredicate) * npredicates);
	operand->type = TEXTOID;
	operand->known = true;
	operand->value = CStringGetTextDatum(word);
	more[npredicates] = equality;
	return calls_bind(def, settings, columns, npredicates + 1, more);
}

static void
add_part(CallsCountParts *parts, const char *word, CallsBinding *binding)
{
	parts->parts[parts->nparts].word = word;
	parts->parts[parts->nparts++].binding = binding;
	parts->nrequests += calls_count_streams(binding);
}

/* Do the predicates themselves name the words that there may be? */
static bool
names_words(const CallsBinding *binding, int column)
{
	for (int i = 0; i < binding->nsent; i++)
		if (binding->sent[i].column == column)
			return true;
	return false;
}

/* Is there a part for this word? */
static bool
has_word(const CallsCountParts *parts, const char *word)
{
	for (int i = 0; i < parts->nparts; i++)
		if (parts->parts[i].word != NULL && strcmp(parts->parts[i].word, word) == 0)
			return true;
	return false;
}

CallsCountParts *
calls_split_count(const CallsDefinition *def, const CallsSettings *settings,
				  const CallsTableColumn *columns,
				  int npredicates, const CallsPredicate *predicates, AttrNumber by)
{
	CallsCountParts *parts = palloc0_object(CallsCountParts);
	CallsBinding *whole = calls_bind(def, settings, columns, npredicates, predicates);
	const CallsColumn *column;
	const CallsFilter *filter;

	if (def->total == NULL || !settings->trust_total)
		return parts;
	parts->countable = true;
	parts->nothing = whole->contradiction;
	if (parts->nothing)
		return parts;
	parts->countable = is_countable(whole);
	if (!parts->countable)
		return parts;
	if (by == 0)
	{
		parts->parts = palloc0_object(CallsCountPart);
		parts->whole = true;
		add_part(parts, NULL, whole);
		return parts;
	}

	column = &def->columns[columns[by - 1].column];
	filter = word_filter(def, columns[by - 1].column);
	parts->countable = false;
	if (filter == NULL)
		return parts;
	parts->parts = palloc0_array(CallsCountPart, filter->nwords + 1);
	parts->whole = !names_words(whole, columns[by - 1].column);
	if (parts->whole)
		add_part(parts, NULL, whole);
	for (int i = 0; i < filter->nwords; i++)
	{
		const char *word = calls_common_word(column, filter->words[i]);
		CallsBinding *binding;

		if (!pg_is_ascii(word) || has_word(parts, word))
			continue;
		binding = bind_word(def, settings, columns, npredicates, predicates, by, word);
		if (binding->contradiction || !is_countable(binding))
			continue;
		add_part(parts, word, binding);
		parts->countable = true;
	}
	return parts;
}
