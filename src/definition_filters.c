/*-------------------------------------------------------------------------
 *
 * definition_filters.c
 *		"filters" of a definition: what the provider can evaluate.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "definition_parse.h"
#include "syntax.h"

static const CallsChoice op_choices[] = {
	{"=", CALLS_FILTER_EQ},
	{">=", CALLS_FILTER_LOWER},
	{"<=", CALLS_FILTER_UPPER},
	{0}
};

static const CallsChoice place_choices[] = {
	{"query", CALLS_PLACE_QUERY},
	{"body", CALLS_PLACE_BODY},
	{0}
};

static const CallsChoice list_choices[] = {
	{"single", CALLS_LIST_SINGLE},
	{"array", CALLS_LIST_ARRAY},
	{"scalar_or_array", CALLS_LIST_SCALAR_OR_ARRAY},
	{"repeat", CALLS_LIST_REPEAT},
	{"comma", CALLS_LIST_COMMA},
	{0}
};

static const CallsChoice match_choices[] = {
	{"superset", false},
	{"exact", true},
	{0}
};

static const CallsChoice bound_choices[] = {
	{"unknown", CALLS_BOUND_UNKNOWN},
	{"inclusive", CALLS_BOUND_INCLUSIVE},
	{"exclusive", CALLS_BOUND_EXCLUSIVE},
	{0}
};

/* Units in microseconds: the hour's 3.6e9 does not fit an int, so by index. */
static const int64 units[] = {
	INT64CONST(1), INT64CONST(1000), INT64CONST(1000000),
	INT64CONST(60000000), INT64CONST(3600000000), INT64CONST(86400000000)
};

enum Unit
{
	UNIT_US = 0, UNIT_MS, UNIT_S, UNIT_MIN, UNIT_H, UNIT_D
};

static const CallsChoice precision_choices[] = {
	{"us", UNIT_US},
	{"ms", UNIT_MS},
	{"s", UNIT_S},
	{"min", UNIT_MIN},
	{"h", UNIT_H},
	{"d", UNIT_D},
	{0}
};

/* The keys of one filter. */
typedef struct FilterKeys
{
	CallsFilter filter;
	int			format;
	int			match;
	int			unit;
} FilterKeys;

static const CallsKey filter_keys[] = {
	{.name = "column"},
	{.name = "columns"},
	{.name = "op", .kind = CALLS_KEY_CHOICE, .required = true,
	.offset = offsetof(FilterKeys, filter.op), .choices = op_choices},
	{.name = "param", .kind = CALLS_KEY_PATH, .required = true,
	.offset = offsetof(FilterKeys, filter.param)},
	{.name = "in", .kind = CALLS_KEY_CHOICE,
	.offset = offsetof(FilterKeys, filter.place), .choices = place_choices},
	{.name = "list", .kind = CALLS_KEY_CHOICE,
	.offset = offsetof(FilterKeys, filter.list), .choices = list_choices},
	{.name = "format", .kind = CALLS_KEY_CHOICE,
	.offset = offsetof(FilterKeys, format), .choices = calls_format_choices},
	{.name = "words", .kind = CALLS_KEY_WORDS,
		.offset = offsetof(FilterKeys, filter.words),
	.count_offset = offsetof(FilterKeys, filter.nwords)},
	{.name = "match", .kind = CALLS_KEY_CHOICE,
	.offset = offsetof(FilterKeys, match), .choices = match_choices},
	{.name = "bound", .kind = CALLS_KEY_CHOICE,
	.offset = offsetof(FilterKeys, filter.bound), .choices = bound_choices},
	{.name = "precision", .kind = CALLS_KEY_CHOICE,
	.offset = offsetof(FilterKeys, unit), .choices = precision_choices},
	{.name = "basis", .kind = CALLS_KEY_PROSE,
	.offset = offsetof(FilterKeys, filter.basis)},
	{0}
};

/* "column" or "columns". */
static void
parse_filter_columns(const CallsNode *node, const CallsDefinition *def,
					 CallsFilter *filter)
{
	CallsNode	columns = calls_node_member(node, "columns");

	if (columns.kind == CALLS_NODE_MISSING)
	{
		CallsNode	column = calls_node_member(node, "column");

		filter->ncolumns = 1;
		filter->columns[0] = calls_parse_column_name(&column, def);
		return;
	}

	calls_refuse_member(node, "column", "cannot be combined with \"columns\"");
	calls_require_kind(&columns, CALLS_NODE_ARRAY);
	filter->ncolumns = calls_node_length(&columns);
	if (filter->ncolumns != CALLS_FILTER_MAX_COLUMNS)
		calls_refuse(columns.label, columns.path, NULL, "must name %d columns",
					 CALLS_FILTER_MAX_COLUMNS);
	for (int i = 0; i < filter->ncolumns; i++)
	{
		CallsNode	element = calls_node_element(&columns, i);

		filter->columns[i] = calls_parse_column_name(&element, def);
	}
	if (filter->columns[0] == filter->columns[1])
		calls_refuse(columns.label, columns.path, NULL, "names a column twice");
	if (def->columns[filter->columns[0]].type != def->columns[filter->columns[1]].type)
		calls_refuse(columns.label, columns.path, NULL,
					 "must name columns of one type");
	if (filter->op != CALLS_FILTER_EQ)
		calls_refuse(columns.label, columns.path, NULL,
					 "is for the operator \"=\" only");
}

/* The format of a filter's values: said, or the column's. */
static void
choose_format(const CallsNode *node, const CallsColumn *column, FilterKeys *keys)
{
	const CallsTypeRule *rule = calls_type_rule(column->type);

	if (calls_node_member(node, "format").kind == CALLS_NODE_MISSING)
		keys->filter.format = column->format;
	else if (rule->formats & (1 << keys->format))
		keys->filter.format = (CallsFormat) keys->format;
	else
		calls_refuse_member(node, "format",
							psprintf("cannot be \"%s\" for the type %s",
									 calls_format_choices[keys->format].word,
									 rule->name));
}

/* The finest unit that a format of time or duration can write. */
static enum Unit
finest_unit(CallsFormat format)
{
	switch (format)
	{
		case CALLS_FORMAT_EPOCH_S:
		case CALLS_FORMAT_S:
			return UNIT_S;
		case CALLS_FORMAT_EPOCH_MS:
		case CALLS_FORMAT_MS:
			return UNIT_MS;
		default:
			return UNIT_US;
	}
}

/* What only a bound or only an equality may say, and the precision. */
static void
finish_bound(const CallsNode *node, FilterKeys *keys)
{
	CallsFilter *filter = &keys->filter;
	enum Unit	finest = finest_unit(filter->format);

	calls_refuse_member(node, "list", "is for the operator \"=\" only");
	calls_refuse_member(node, "words", "is for the operator \"=\" only");
	if (calls_node_member(node, "precision").kind == CALLS_NODE_MISSING)
		keys->unit = Max((int) finest, filter->format == CALLS_FORMAT_ISO8601 ?
						 UNIT_S : UNIT_US);
	if (keys->unit < (int) finest)
		calls_refuse_member(node, "precision",
							psprintf("is finer than the format \"%s\" can write",
									 calls_format_choices[filter->format].word));
	filter->precision = units[keys->unit];
	if (keys->match && filter->bound == CALLS_BOUND_UNKNOWN)
		calls_refuse_member(node, "match",
							"cannot be \"exact\" where \"bound\" is unknown");
}

/* What an equality's values may look like. */
static void
finish_equality(const CallsNode *node, const CallsColumn *column, FilterKeys *keys)
{
	CallsFilter *filter = &keys->filter;

	calls_refuse_member(node, "bound", "is for the operators \">=\" and \"<=\" only");
	calls_refuse_member(node, "precision", "is for the operators \">=\" and \"<=\" only");
	if (filter->place == CALLS_PLACE_QUERY &&
		(filter->list == CALLS_LIST_ARRAY || filter->list == CALLS_LIST_SCALAR_OR_ARRAY))
		calls_refuse_member(node, "list", "needs a parameter in the body");
	if (filter->place == CALLS_PLACE_BODY && filter->list == CALLS_LIST_REPEAT)
		calls_refuse_member(node, "list", "needs a parameter in the query");
	if (calls_type_rule(column->type)->default_format != CALLS_FORMAT_TEXT)
		calls_refuse_member(node, "words", "is for text columns only");
	for (int i = 0; i < filter->nwords; i++)
	{
		if (filter->list == CALLS_LIST_COMMA && strchr(filter->words[i], ',') != NULL)
			calls_refuse(node->label, psprintf("%s.words[%d]", node->path, i), NULL,
						 "has a comma, which separates values");
	}
}

/* One filter. */
static void
parse_filter(const CallsNode *node, const CallsDefinition *def,
			 CallsPlace place, CallsFilter *filter)
{
	FilterKeys	keys = {.filter = {.place = place}};
	const CallsColumn *column;
	const CallsTypeRule *rule;

	calls_read_object(node, filter_keys, &keys);
	parse_filter_columns(node, def, &keys.filter);
	column = &def->columns[keys.filter.columns[0]];
	rule = calls_type_rule(column->type);
	choose_format(node, column, &keys);
	keys.filter.exact = keys.match;
	if (keys.filter.op == CALLS_FILTER_EQ ? !rule->equality : !rule->bounds)
		calls_refuse_member(node, "op",
							psprintf("cannot be \"%s\" for a column of type %s",
									 op_choices[keys.filter.op].word, rule->name));
	if (keys.filter.op == CALLS_FILTER_EQ)
		finish_equality(node, column, &keys);
	else
		finish_bound(node, &keys);
	*filter = keys.filter;
}

void
calls_parse_filters(const CallsNode *node, CallsDefinition *def, CallsPlace place)
{
	CallsFilter *filters;
	int			n;

	calls_require_kind(node, CALLS_NODE_ARRAY);
	n = calls_node_length(node);
	filters = palloc0(sizeof(CallsFilter) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		CallsNode	element = calls_node_element(node, i);

		parse_filter(&element, def, place, &filters[i]);
	}
	def->filters = filters;
	def->nfilters = n;
}
