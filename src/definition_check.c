/*-------------------------------------------------------------------------
 *
 * definition_check.c
 *		Does a definition make sense as a whole?
 *
 * What concerns one object alone was refused when it was read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "definition_parse.h"

/* A parameter of the request and who uses it. */
typedef struct ParamUse
{
	const char *param;
	CallsPlace	place;
	const char *path;			/* of the key that names it */
	const CallsFilter *filter;	/* NULL: not a filter's */
} ParamUse;

/* Raises for a parameter in the body of a request that has none. */
static void
check_place(const CallsDefinition *def, const char *label, const char *object,
			CallsPlace place)
{
	if (place == CALLS_PLACE_BODY && strcmp(def->method, "GET") == 0)
		calls_refuse(label, psprintf("%s.in", object), NULL,
					 "cannot be \"body\" for the method GET");
}

/* Add a use unless there is no parameter. */
static List *
add_use(List *uses, const char *param, CallsPlace place, const char *path,
		const CallsFilter *filter)
{
	ParamUse   *use;

	if (param == NULL)
		return uses;
	use = palloc(sizeof(ParamUse));
	use->param = param;
	use->place = place;
	use->path = path;
	use->filter = filter;
	return lappend(uses, use);
}

/* Every parameter that a request may carry. */
static List *
list_uses(const CallsDefinition *def)
{
	List	   *uses = NIL;

	for (int i = 0; i < def->nfixed; i++)
		uses = add_use(uses, def->fixed[i].param, def->fixed[i].place,
					   psprintf("request.parameters.%s", def->fixed[i].param), NULL);
	uses = add_use(uses, def->paging.param, def->paging.place, "paging.param", NULL);
	uses = add_use(uses, def->paging.size_param, def->paging.place,
				   "paging.size_param", NULL);
	uses = add_use(uses, def->order.param, def->order.place, "order.param", NULL);
	for (int i = 0; i < def->nfilters; i++)
		uses = add_use(uses, def->filters[i].param, def->filters[i].place,
					   psprintf("filters[%d].param", i), &def->filters[i]);
	return uses;
}

/* Is "inner" a member of the body's object "outer"? */
static bool
is_inside(const char *inner, const char *outer)
{
	size_t		length = strlen(outer);

	return strncmp(inner, outer, length) == 0 && inner[length] == '.';
}

/*
 * May two filters fill the same parameter?  Equalities over columns that show
 * the same value, such as status and provider_status, do.
 */
static bool
may_share(const CallsFilter *a, const CallsFilter *b)
{
	return a != NULL && b != NULL &&
		a->op == CALLS_FILTER_EQ && b->op == CALLS_FILTER_EQ &&
		a->list == b->list && a->format == b->format;
}

/* Raises where two uses would overwrite each other. */
static void
check_params(const CallsDefinition *def, const char *label)
{
	List	   *uses = list_uses(def);
	ListCell   *lc;

	foreach(lc, uses)
	{
		const ParamUse *use = lfirst(lc);

		for (int i = 0; i < foreach_current_index(lc); i++)
		{
			const ParamUse *other = list_nth(uses, i);

			if (use->place != other->place)
				continue;
			if (strcmp(use->param, other->param) == 0 ?
				!may_share(use->filter, other->filter) :
				use->place == CALLS_PLACE_BODY &&
				(is_inside(use->param, other->param) ||
				 is_inside(other->param, use->param)))
				calls_refuse(label, use->path, NULL,
							 "clashes with the parameter of \"%s\"", other->path);
		}
	}
}

/* Do two filters have a column in common? */
static bool
share_column(const CallsFilter *a, const CallsFilter *b)
{
	for (int i = 0; i < a->ncolumns; i++)
	{
		for (int j = 0; j < b->ncolumns; j++)
		{
			if (a->columns[i] == b->columns[j])
				return true;
		}
	}
	return false;
}

/* The first of a filter's words that a column shows as "common", or NULL. */
static const char *
claiming_word(const CallsFilter *filter, const CallsColumn *column,
			  const char *common)
{
	for (int i = 0; i < filter->nwords; i++)
	{
		if (strcmp(calls_common_word(column, filter->words[i]), common) == 0)
			return filter->words[i];
	}
	return NULL;
}

/* Is a word one of the filter's? */
static bool
takes_word(const CallsFilter *filter, const char *word)
{
	for (int i = 0; i < filter->nwords; i++)
	{
		if (strcmp(filter->words[i], word) == 0)
			return true;
	}
	return false;
}

/*
 * Raises where a filter would miss rows: a reply may show a common word that
 * the filter claims for a native word that it does not take.
 */
static void
check_words(const CallsFilter *filter, const CallsColumn *column,
			const char *label, int index)
{
	char	   *path = psprintf("filters[%d].words", index);

	if (filter->nwords == 0)
		return;
	for (int i = 0; i < column->nreply_only; i++)
	{
		if (takes_word(filter, column->reply_only[i]))
			calls_refuse(label, path, NULL,
						 "has \"%s\", which is reply_only in \"columns.%s\"",
						 column->reply_only[i], column->name);
	}
	for (int i = 0; i < column->nwords; i++)
	{
		const CallsWord *word = &column->words[i];
		const char *claiming;

		if (takes_word(filter, word->native))
			continue;
		claiming = claiming_word(filter, column, word->common);
		if (claiming != NULL)
			calls_refuse(label, path,
						 psprintf("Move \"%s\" from \"values\" to \"reply_only\".",
								  word->native),
						 "lacks \"%s\", which \"columns.%s.values\" maps to \"%s\" as it maps \"%s\"",
						 word->native, column->name, word->common, claiming);
	}
}

/* Raises for a filter that contradicts another or its columns. */
static void
check_filter(const CallsDefinition *def, const char *label, int index)
{
	const CallsFilter *filter = &def->filters[index];

	check_place(def, label, psprintf("filters[%d]", index), filter->place);
	for (int i = 0; i < index; i++)
	{
		if (def->filters[i].op == filter->op &&
			share_column(&def->filters[i], filter))
			calls_refuse(label, psprintf("filters[%d]", index), NULL,
						 "repeats column and operator of \"filters[%d]\"", i);
	}
	for (int i = 0; i < filter->ncolumns; i++)
		check_words(filter, &def->columns[filter->columns[i]], label, index);
}

void
calls_check_definition(const CallsDefinition *def, const char *label)
{
	check_place(def, label, "paging", def->paging.place);
	check_place(def, label, "order", def->order.place);
	for (int i = 0; i < def->nfilters; i++)
		check_filter(def, label, i);
	check_params(def, label);
}
