/*-------------------------------------------------------------------------
 *
 * definition_columns.c
 *		"columns" of a definition -> the columns of a foreign table.
 *
 * The common columns are here, the provider's own in its definition.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"

#include "definition_parse.h"
#include "syntax.h"

#define BIT(format) (1 << (format))

const CallsChoice calls_format_choices[] = {
	{"text", CALLS_FORMAT_TEXT},
	{"e164", CALLS_FORMAT_E164},
	{"uuid", CALLS_FORMAT_UUID},
	{"iso8601", CALLS_FORMAT_ISO8601},
	{"epoch_s", CALLS_FORMAT_EPOCH_S},
	{"epoch_ms", CALLS_FORMAT_EPOCH_MS},
	{"s", CALLS_FORMAT_S},
	{"ms", CALLS_FORMAT_MS},
	{"number", CALLS_FORMAT_NUMBER},
	{"integer", CALLS_FORMAT_INTEGER},
	{"boolean", CALLS_FORMAT_BOOLEAN},
	{"json", CALLS_FORMAT_JSON},
	{"any", CALLS_FORMAT_ANY},
	{0}
};

const char *
calls_format_word(CallsFormat format)
{
	return calls_format_choices[format].word;
}

static const CallsTypeRule type_rules[] = {
	{
		.name = "text", .type = TEXTOID, .default_format = CALLS_FORMAT_TEXT,
		.formats = BIT(CALLS_FORMAT_TEXT) | BIT(CALLS_FORMAT_E164) | BIT(CALLS_FORMAT_UUID) |
		BIT(CALLS_FORMAT_ANY),
		.equality = true
	},
	{
		.name = "integer", .type = INT4OID, .default_format = CALLS_FORMAT_INTEGER,
		.formats = BIT(CALLS_FORMAT_INTEGER),
		.equality = true
	},
	{
		.name = "bigint", .type = INT8OID, .default_format = CALLS_FORMAT_INTEGER,
		.formats = BIT(CALLS_FORMAT_INTEGER),
		.equality = true
	},
	{
		.name = "numeric", .type = NUMERICOID, .default_format = CALLS_FORMAT_NUMBER,
		.formats = BIT(CALLS_FORMAT_NUMBER) | BIT(CALLS_FORMAT_INTEGER) | BIT(CALLS_FORMAT_ANY)
	},
	{
		.name = "boolean", .type = BOOLOID, .default_format = CALLS_FORMAT_BOOLEAN,
		.formats = BIT(CALLS_FORMAT_BOOLEAN),
		.equality = true
	},
	{
		.name = "timestamptz", .type = TIMESTAMPTZOID, .default_format = -1,
		.formats = BIT(CALLS_FORMAT_ISO8601) | BIT(CALLS_FORMAT_EPOCH_S) | BIT(CALLS_FORMAT_EPOCH_MS),
		.bounds = true
	},
	{
		.name = "interval", .type = INTERVALOID, .default_format = -1,
		.formats = BIT(CALLS_FORMAT_S) | BIT(CALLS_FORMAT_MS),
		.bounds = true
	},
	{
		.name = "jsonb", .type = JSONBOID, .default_format = CALLS_FORMAT_JSON,
		.formats = BIT(CALLS_FORMAT_JSON)
	}
};

/* A column that every table has, after source and provider. */
typedef struct CommonColumn
{
	const char *name;
	Oid			type;
	const char *const *vocabulary;	/* what "values" may map to, or NULL: any */
} CommonColumn;

static const char *const status_words[] = {
	"queued", "ringing", "in_progress", "completed", "busy", "no_answer",
	"failed", "canceled", NULL
};

static const char *const direction_words[] = {"inbound", "outbound", NULL};

static const CommonColumn common_columns[] = {
	{.name = "call_id", .type = TEXTOID},
	{.name = "status", .type = TEXTOID, .vocabulary = status_words},
	{.name = "direction", .type = TEXTOID, .vocabulary = direction_words},
	{.name = "agent_id", .type = TEXTOID},
	{.name = "from_number", .type = TEXTOID},
	{.name = "to_number", .type = TEXTOID},
	{.name = "started_at", .type = TIMESTAMPTZOID},
	{.name = "ended_at", .type = TIMESTAMPTZOID},
	{.name = "duration", .type = INTERVALOID}
};

/* Column names that the loader gives itself. */
static const char *const reserved_names[] = {"source", "provider", "raw"};

/* The keys of one column. */
typedef struct ColumnKeys
{
	CallsColumn column;
	bool		absent;
	bool		key;
	int			type;			/* index into type_rules */
	int			format;
} ColumnKeys;

static const CallsChoice type_choices[] = {
	{"text", 0},
	{"integer", 1},
	{"bigint", 2},
	{"numeric", 3},
	{"boolean", 4},
	{"timestamptz", 5},
	{"interval", 6},
	{"jsonb", 7},
	{0}
};

StaticAssertDecl(lengthof(type_choices) == lengthof(type_rules) + 1,
				 "every type needs its word");

static const CallsKey column_keys[] = {
	{.name = "path", .kind = CALLS_KEY_PATH, .offset = offsetof(ColumnKeys, column.path)},
	{.name = "absent", .kind = CALLS_KEY_BOOLEAN, .offset = offsetof(ColumnKeys, absent)},
	{.name = "key", .kind = CALLS_KEY_BOOLEAN, .offset = offsetof(ColumnKeys, key)},
	{.name = "type", .kind = CALLS_KEY_CHOICE, .offset = offsetof(ColumnKeys, type),
	.choices = type_choices},
	{.name = "format", .kind = CALLS_KEY_CHOICE, .offset = offsetof(ColumnKeys, format),
	.choices = calls_format_choices},
	{.name = "values"},
	{.name = "reply_only", .kind = CALLS_KEY_WORDS,
		.offset = offsetof(ColumnKeys, column.reply_only),
	.count_offset = offsetof(ColumnKeys, column.nreply_only)},
	{0}
};

const CallsTypeRule *
calls_type_rule(Oid type)
{
	for (int i = 0; i < (int) lengthof(type_rules); i++)
	{
		if (type_rules[i].type == type)
			return &type_rules[i];
	}
	return NULL;
}

/* Raises unless a word is one of the column's vocabulary. */
static void
check_vocabulary(const CallsNode *node, const char *word,
				 const char *const *vocabulary)
{
	List	   *words = NIL;

	if (vocabulary == NULL)
		return;
	for (; *vocabulary != NULL; vocabulary++)
	{
		if (strcmp(*vocabulary, word) == 0)
			return;
		words = lappend(words, unconstify(char *, *vocabulary));
	}
	calls_refuse(node->label, node->path,
				 calls_closest_hint("word", word, words),
				 "cannot be \"%s\", which is no word of the common column",
				 calls_show_text(word));
}

/* "values" of a column. */
static void
parse_values(const CallsNode *node, CallsColumn *column,
			 const char *const *vocabulary)
{
	List	   *members;
	CallsWord  *words;
	ListCell   *lc;

	calls_require_kind(node, CALLS_NODE_OBJECT);
	members = calls_node_members(node);
	if (members == NIL)
		calls_refuse(node->label, node->path, NULL, "must not be empty");
	words = palloc(sizeof(CallsWord) * list_length(members));
	foreach(lc, members)
	{
		const CallsNode *member = lfirst(lc);
		CallsWord  *word = &words[foreach_current_index(lc)];

		if (member->key[0] == '\0' || !calls_is_printable(member->key) ||
			calls_has_edge_blank(member->key))
			calls_refuse(member->label, member->path, NULL,
						 "must be named by printable ASCII characters, no blank at an edge");
		word->native = pstrdup(member->key);
		word->common = calls_read_word(member);
		check_vocabulary(member, word->common, vocabulary);
	}
	column->nwords = list_length(members);
	column->words = words;
}

/* Raises if a word is both mapped and passed through. */
static void
check_reply_only(const CallsNode *node, const CallsColumn *column)
{
	for (int i = 0; i < column->nreply_only; i++)
	{
		for (int j = 0; j < column->nwords; j++)
		{
			if (strcmp(column->reply_only[i], column->words[j].native) == 0)
				calls_refuse(node->label,
							 psprintf("%s.reply_only[%d]", node->path, i), NULL,
							 "is \"%s\", which \"values\" maps",
							 column->reply_only[i]);
		}
	}
}

/* Raises unless an absent column says nothing else. */
static void
check_absent(const CallsNode *node, const CommonColumn *common)
{
	for (const CallsKey *key = column_keys; key->name != NULL; key++)
	{
		if (strcmp(key->name, "absent") != 0)
			calls_refuse_member(node, key->name,
								"cannot be combined with \"absent\"");
	}
	if (common == NULL)
		calls_refuse_member(node, "absent", "is for common columns only");
	if (strcmp(common->name, "call_id") == 0)
		calls_refuse_member(node, "absent", "must not be true for call_id");
}

/* The format of a column: said, or the type's default. */
static CallsFormat
choose_format(const CallsNode *node, const CallsTypeRule *rule, int format)
{
	if (calls_node_member(node, "format").kind == CALLS_NODE_MISSING)
	{
		if (rule->default_format < 0)
			calls_require_member(node, "format");
		return (CallsFormat) rule->default_format;
	}
	if ((rule->formats & BIT(format)) == 0)
		calls_refuse_member(node, "format",
							psprintf("cannot be \"%s\" for the type %s",
									 calls_format_choices[format].word, rule->name));
	return (CallsFormat) format;
}

/* One column; "common" is NULL for one of the provider's own. */
static void
parse_column(const CallsNode *node, const CommonColumn *common,
			 CallsColumn *column, bool *key)
{
	ColumnKeys	keys = {0};
	const CallsTypeRule *rule;
	CallsNode	values;

	calls_read_object(node, column_keys, &keys);
	if (common != NULL)
	{
		calls_refuse_member(node, "type", "is fixed for a common column");
		rule = calls_type_rule(common->type);
	}
	else
	{
		calls_require_member(node, "type");
		rule = &type_rules[keys.type];
	}
	if (keys.absent)
		check_absent(node, common);
	else
	{
		calls_require_member(node, "path");
		keys.column.format = choose_format(node, rule, keys.format);
	}

	values = calls_node_member(node, "values");
	if (rule->type != TEXTOID)
	{
		calls_refuse_member(node, "values", "is for text columns only");
		calls_refuse_member(node, "reply_only", "is for text columns only");
	}
	if (values.kind != CALLS_NODE_MISSING)
		parse_values(&values, &keys.column, common ? common->vocabulary : NULL);
	check_reply_only(node, &keys.column);
	if (common == NULL || strcmp(common->name, "call_id") != 0)
		calls_refuse_member(node, "key", "is for call_id only");

	*column = keys.column;
	column->name = pstrdup(node->key);
	column->type = rule->type;
	column->type_name = rule->name;
	column->role = keys.absent ? CALLS_COLUMN_ABSENT : CALLS_COLUMN_VALUE;
	column->common = (common != NULL);
	*key |= keys.key;
}

/* A column that the loader adds. */
static CallsColumn
make_column(const char *name, CallsColumnRole role, Oid type, bool common)
{
	const CallsTypeRule *rule = calls_type_rule(type);
	CallsColumn column = {
		.name = name,
		.type = type,
		.type_name = rule->name,
		.role = role,
		.common = common,
		.format = (CallsFormat) rule->default_format
	};

	return column;
}

/* Is this the name of a common column? */
static bool
is_common(const char *name)
{
	for (int i = 0; i < (int) lengthof(common_columns); i++)
	{
		if (strcmp(common_columns[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Raises unless one of the provider's own columns may have this name. */
static void
check_own_name(const CallsNode *node)
{
	if (!calls_is_identifier(node->key))
		calls_refuse(node->label, node->path, NULL,
					 "must be named by lower-case letters, digits and underscores, a letter first");
	for (int i = 0; i < (int) lengthof(reserved_names); i++)
	{
		if (strcmp(reserved_names[i], node->key) == 0)
			calls_refuse(node->label, node->path, NULL,
						 "is a column that calls_fdw adds itself");
	}
}

/* The columns of a table while they are read. */
typedef struct ColumnList
{
	List	   *members;		/* of the object that has the columns */
	CallsColumn *columns;		/* with room for all of them */
	int			n;
	bool		key;			/* one has "key": true */
} ColumnList;

/* Begins with source; there is room for "others" beside the members. */
static ColumnList
begin_columns(const CallsNode *node, int others)
{
	ColumnList	list = {0};

	calls_require_kind(node, CALLS_NODE_OBJECT);
	list.members = calls_node_members(node);
	list.columns = palloc0(sizeof(CallsColumn) * (list_length(list.members) + others));
	list.columns[list.n++] = make_column("source", CALLS_COLUMN_SOURCE, TEXTOID, true);
	return list;
}

/* One of the provider's own. */
static void
add_own_column(ColumnList *list, const CallsNode *member)
{
	check_own_name(member);
	parse_column(member, NULL, &list->columns[list->n++], &list->key);
}

/* Ends with raw: these are the definition's columns. */
static void
end_columns(ColumnList *list, CallsDefinition *def)
{
	list->columns[list->n++] = make_column("raw", CALLS_COLUMN_RAW, JSONBOID, false);
	def->columns = list->columns;
	def->ncolumns = list->n;
}

void
calls_parse_columns(const CallsNode *node, CallsDefinition *def)
{
	/* source, provider, every common column, and raw */
	ColumnList	list = begin_columns(node, lengthof(common_columns) + 3);
	ListCell   *lc;

	list.columns[list.n++] = make_column("provider", CALLS_COLUMN_PROVIDER, TEXTOID, true);
	for (int i = 0; i < (int) lengthof(common_columns); i++)
	{
		CallsNode	member = calls_node_member(node, common_columns[i].name);

		calls_require_kind(&member, CALLS_NODE_OBJECT);
		if (i == 0)
			def->key = list.n;	/* call_id */
		parse_column(&member, &common_columns[i], &list.columns[list.n++], &list.key);
	}
	foreach(lc, list.members)
	{
		const CallsNode *member = lfirst(lc);

		if (!is_common(member->key))
			add_own_column(&list, member);
	}
	end_columns(&list, def);

	if (def->paging.style == CALLS_PAGING_LAST_ID && !list.key)
	{
		CallsNode	call_id = calls_node_member(node, def->columns[def->key].name);

		calls_refuse(call_id.label, psprintf("%s.key", call_id.path), NULL,
					 "must be true for the paging style \"last_id\"");
	}
}

void
calls_parse_detail_columns(const CallsNode *node, CallsDefinition *def)
{
	/* source, call_id and raw */
	ColumnList	list = begin_columns(node, 3);
	const CallsColumn *call_id = &def->columns[def->key];
	ListCell   *lc;

	def->key = list.n;
	list.columns[list.n++] = *call_id;
	foreach(lc, list.members)
	{
		const CallsNode *member = lfirst(lc);

		if (strcmp(member->key, call_id->name) == 0)
			calls_refuse(member->label, member->path, NULL,
						 "is a column that calls_fdw adds itself");
		add_own_column(&list, member);
	}
	end_columns(&list, def);
}

int
calls_parse_column_name(const CallsNode *node, const CallsDefinition *def)
{
	const char *name = calls_read_word(node);
	List	   *names = NIL;

	for (int i = 0; i < def->ncolumns; i++)
	{
		const CallsColumn *column = &def->columns[i];

		if (strcmp(column->name, name) != 0)
		{
			if (column->role == CALLS_COLUMN_VALUE)
				names = lappend(names, unconstify(char *, column->name));
			continue;
		}
		if (column->role == CALLS_COLUMN_ABSENT)
			calls_refuse(node->label, node->path, NULL,
						 "names the column \"%s\", which is absent", name);
		if (column->role != CALLS_COLUMN_VALUE)
			calls_refuse(node->label, node->path, NULL,
						 "names the column \"%s\", which calls_fdw fills itself", name);
		return i;
	}
	calls_refuse(node->label, node->path,
				 calls_closest_hint("column", name, names),
				 "names the column \"%s\", which is not defined",
				 calls_show_text(name));
}
