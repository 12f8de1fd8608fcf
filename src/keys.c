/*-------------------------------------------------------------------------
 *
 * keys.c
 *		Objects of a definition, read by tables of their keys.
 *
 * Strings that are sent to a provider or compared with its replies are ASCII
 * here, so that no definition depends on a database's encoding; prose is
 * converted to it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "definition.h"
#include "keys.h"
#include "syntax.h"

/* errmsg for a definition that is invalid. */
static int
errmsg_invalid(const char *label)
{
	return label != NULL ? errmsg("invalid definition of provider \"%s\"", label)
		: errmsg("invalid value for option \"definition\"");
}

void
calls_refuse(const char *label, const char *path, const char *hint,
			 const char *flaw,...)
{
	char		phrase[512];
	va_list		args;

	va_start(args, flaw);
	vsnprintf(phrase, sizeof(phrase), flaw, args);
	va_end(args);

	if (path[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_STRING_FORMAT),
				 errmsg_invalid(label),
				 errdetail("The document %s.", phrase),
				 hint ? errhint("%s", hint) : 0));
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_STRING_FORMAT),
			 errmsg_invalid(label),
			 errdetail("Key \"%s\" %s.", path, phrase),
			 hint ? errhint("%s", hint) : 0));
}

char *
calls_closest_hint(const char *what, const char *name, List *candidates)
{
	const char *closest = calls_closest_name(name, candidates);

	if (closest == NULL)
		return NULL;
	return psprintf("Perhaps you meant the %s \"%s\".", what, closest);
}

/* A kind of node in words. */
static const char *
kind_name(CallsNodeKind kind)
{
	switch (kind)
	{
		case CALLS_NODE_MISSING:
			return "nothing";
		case CALLS_NODE_NULL:
			return "null";
		case CALLS_NODE_BOOLEAN:
			return "a boolean";
		case CALLS_NODE_INTEGER:
			return "an integer";
		case CALLS_NODE_NUMBER:
			return "a number with fraction or exponent";
		case CALLS_NODE_STRING:
			return "a string";
		case CALLS_NODE_ARRAY:
			return "an array";
		case CALLS_NODE_OBJECT:
			return "an object";
	}
	return "?";
}

void
calls_require_kind(const CallsNode *node, CallsNodeKind kind)
{
	if (node->kind == CALLS_NODE_MISSING)
		calls_refuse(node->label, node->path, NULL, "is missing");
	if (node->kind != kind)
		calls_refuse(node->label, node->path, NULL, "must be %s, not %s",
					 kind_name(kind), kind_name(node->kind));
}

void
calls_require_member(const CallsNode *object, const char *key)
{
	CallsNode	member = calls_node_member(object, key);

	if (member.kind == CALLS_NODE_MISSING)
		calls_refuse(member.label, member.path, NULL, "is missing");
}

void
calls_refuse_member(const CallsNode *object, const char *key, const char *why)
{
	CallsNode	member = calls_node_member(object, key);

	if (member.kind != CALLS_NODE_MISSING)
		calls_refuse(member.label, member.path, NULL, "%s", why);
}

/* Raises for a member that no key of the table describes. */
static void
check_unknown_keys(const CallsNode *node, const CallsKey *keys)
{
	ListCell   *lc;

	foreach(lc, calls_node_members(node))
	{
		const CallsNode *member = lfirst(lc);
		const CallsKey *key = keys;
		List	   *names = NIL;

		for (; key->name != NULL && strcmp(key->name, member->key) != 0; key++)
			names = lappend(names, unconstify(char *, key->name));
		if (key->name == NULL)
			calls_refuse(node->label, member->path,
						 calls_closest_hint("key", calls_show_text(member->key),
											names),
						 "is unknown");
	}
}

/* A string of printable ASCII that is not empty. */
static const char *
read_string(const CallsNode *node)
{
	char	   *string;

	calls_require_kind(node, CALLS_NODE_STRING);
	string = calls_node_string(node);
	if (string[0] == '\0')
		calls_refuse(node->label, node->path, NULL, "must not be empty");
	if (!calls_is_printable(string))
		calls_refuse(node->label, node->path, NULL,
					 "must consist of printable ASCII characters");
	return string;
}

const char *
calls_read_word(const CallsNode *node)
{
	const char *word = read_string(node);

	if (calls_has_edge_blank(word))
		calls_refuse(node->label, node->path, NULL,
					 "must not start or end with a blank");
	return word;
}

/*
 * Prose in the server's encoding; what has no equivalent there becomes a
 * question mark, since nothing depends on it.
 */
static char *
prose_to_server(const char *text)
{
	int			length = (int) strlen(text);
	int			encoding = GetDatabaseEncoding();
	Oid			conversion = encoding == PG_UTF8 || encoding == PG_SQL_ASCII
		? InvalidOid : FindDefaultConversionProc(PG_UTF8, encoding);
	int			size = length * MAX_CONVERSION_GROWTH + 1;
	char	   *result = palloc(size);

	if (OidIsValid(conversion) &&
		pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding,
									  (unsigned char *) unconstify(char *, text), length,
									  (unsigned char *) result, size, true) == length)
		return result;
	strlcpy(result, text, size);
	for (char *c = result; *c && encoding != PG_UTF8; c++)
	{
		if ((unsigned char) *c & 0x80)
			*c = '?';
	}
	return result;
}

/* Text for people, in the database's encoding. */
static const char *
read_prose(const CallsNode *node)
{
	char	   *text;

	calls_require_kind(node, CALLS_NODE_STRING);
	text = calls_node_string(node);
	if (text[0] == '\0')
		calls_refuse(node->label, node->path, NULL, "must not be empty");
	if (calls_has_control(text))
		calls_refuse(node->label, node->path, NULL,
					 "must not contain control characters");
	return prose_to_server(text);
}

/* A dotted path, or "" where that is allowed. */
static const char *
read_path(const CallsNode *node, bool may_be_empty)
{
	const char *path;
	const char *flaw;

	calls_require_kind(node, CALLS_NODE_STRING);
	path = calls_node_string(node);
	if (may_be_empty && path[0] == '\0')
		return path;
	flaw = calls_member_path_flaw(read_string(node));
	if (flaw != NULL)
		calls_refuse(node->label, node->path, NULL, "%s", flaw);
	return path;
}

/* A path or an array of paths. */
static int
read_paths(const CallsNode *node, const char *const **result)
{
	const char **paths;
	int			n = 1;

	if (node->kind == CALLS_NODE_STRING)
	{
		paths = palloc(sizeof(*paths));
		paths[0] = read_path(node, false);
	}
	else
	{
		calls_require_kind(node, CALLS_NODE_ARRAY);
		n = calls_node_length(node);
		paths = palloc(sizeof(*paths) * Max(n, 1));
		for (int i = 0; i < n; i++)
		{
			CallsNode	element = calls_node_element(node, i);

			paths[i] = read_path(&element, false);
		}
	}
	*result = paths;
	return n;
}

/* An array of words, none of them twice. */
static int
read_words(const CallsNode *node, const char *const **result)
{
	const char **words;
	int			n;

	calls_require_kind(node, CALLS_NODE_ARRAY);
	n = calls_node_length(node);
	if (n == 0)
		calls_refuse(node->label, node->path, NULL, "must not be empty");
	words = palloc(sizeof(*words) * n);
	for (int i = 0; i < n; i++)
	{
		CallsNode	element = calls_node_element(node, i);

		words[i] = calls_read_word(&element);
		for (int j = 0; j < i; j++)
		{
			if (strcmp(words[i], words[j]) == 0)
				calls_refuse(element.label, element.path, NULL,
							 "repeats \"%s\"", words[i]);
		}
	}
	*result = words;
	return n;
}

/* An integer within the key's range. */
static int
read_integer(const CallsNode *node, const CallsKey *key)
{
	int64		value;

	calls_require_kind(node, CALLS_NODE_INTEGER);
	value = calls_node_integer(node);
	if (value < key->min || value > key->max)
		calls_refuse(node->label, node->path, NULL,
					 "must be between %d and %d", key->min, key->max);
	return (int) value;
}

/* One of a closed set of words. */
static int
read_choice(const CallsNode *node, const CallsChoice *choices)
{
	const char *word = read_string(node);
	List	   *words = NIL;
	char	   *hint;

	for (; choices->word != NULL; choices++)
	{
		if (strcmp(choices->word, word) == 0)
			return choices->value;
		words = lappend(words, unconstify(char *, choices->word));
	}

	hint = calls_closest_hint("word", word, words);
	if (hint == NULL)
	{
		ListCell   *lc;

		hint = "Valid words are:";
		foreach(lc, words)
			hint = psprintf("%s%s \"%s\"", hint,
							foreach_current_index(lc) > 0 ? "," : "",
							(char *) lfirst(lc));
		hint = psprintf("%s.", hint);
	}
	calls_refuse(node->label, node->path, hint, "cannot be \"%s\"",
				 calls_show_text(word));
}

/* Read one member into its place. */
static void
read_member(const CallsNode *node, const CallsKey *key, char *target)
{
	void	   *place = target + key->offset;
	int		   *count = (int *) (target + key->count_offset);

	switch (key->kind)
	{
		case CALLS_KEY_NODE:
			break;
		case CALLS_KEY_STRING:
			*(const char **) place = read_string(node);
			break;
		case CALLS_KEY_PROSE:
			*(const char **) place = read_prose(node);
			break;
		case CALLS_KEY_PATH:
			*(const char **) place = read_path(node, false);
			break;
		case CALLS_KEY_PATH_OR_EMPTY:
			*(const char **) place = read_path(node, true);
			break;
		case CALLS_KEY_PATHS:
			*count = read_paths(node, (const char *const **) place);
			break;
		case CALLS_KEY_WORDS:
			*count = read_words(node, (const char *const **) place);
			break;
		case CALLS_KEY_BOOLEAN:
			calls_require_kind(node, CALLS_NODE_BOOLEAN);
			*(bool *) place = calls_node_boolean(node);
			break;
		case CALLS_KEY_INTEGER:
			*(int *) place = read_integer(node, key);
			break;
		case CALLS_KEY_CHOICE:
			*(int *) place = read_choice(node, key->choices);
			break;
	}
}

void
calls_read_object(const CallsNode *node, const CallsKey *keys, void *target)
{
	calls_require_kind(node, CALLS_NODE_OBJECT);
	check_unknown_keys(node, keys);
	for (const CallsKey *key = keys; key->name != NULL; key++)
	{
		CallsNode	member = calls_node_member(node, key->name);

		if (member.kind != CALLS_NODE_MISSING)
			read_member(&member, key, target);
		else if (key->required)
			calls_refuse(member.label, member.path, NULL, "is missing");
	}
}
