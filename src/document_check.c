/*-------------------------------------------------------------------------
 *
 * document_check.c
 *		Is a text a JSON document that we want to read?
 *
 * Strict syntax by the server's own parser, bounded depth, no key twice in
 * one object.  Kept apart from json-c's tree (document.c), which cannot be
 * asked for any of these.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "compat.h"
#include "document.h"
#include "syntax.h"

/* A definition nests five levels; this leaves room and bounds recursion. */
#define MAX_DEPTH 32

/* An object or array that the parser is inside of. */
typedef struct Level
{
	List	   *keys;			/* char *: keys of the object so far */
	const char *key;			/* the latest of them, or NULL */
	int			index;			/* of the latest element of the array, or -1 */
} Level;

typedef struct KeyCheck
{
	int			depth;			/* levels in use */
	Level		levels[MAX_DEPTH];
	char	   *duplicate;		/* path of the first key found twice */
} KeyCheck;

/* Do brackets outside of strings nest deeper than MAX_DEPTH? */
static bool
is_too_deep(const char *text)
{
	int			depth = 0;
	bool		in_string = false;

	for (const char *p = text; *p != '\0'; p++)
	{
		if (in_string)
		{
			if (*p == '\\' && p[1] != '\0')
				p++;
			else if (*p == '"')
				in_string = false;
		}
		else if (*p == '"')
			in_string = true;
		else if (*p == '{' || *p == '[')
		{
			if (++depth > MAX_DEPTH)
				return true;
		}
		else if (*p == '}' || *p == ']')
			depth--;
	}
	return false;
}

/* The path of the innermost level's latest key, such as filters[2].list. */
static char *
current_path(const KeyCheck *check)
{
	StringInfoData path;

	initStringInfo(&path);
	for (int i = 0; i < check->depth; i++)
	{
		const Level *level = &check->levels[i];

		if (level->key != NULL)
			appendStringInfo(&path, "%s%s", path.len > 0 ? "." : "",
							 calls_show_text(level->key));
		else if (level->index >= 0)
			appendStringInfo(&path, "[%d]", level->index);
	}
	return path.data;
}

/* Enter an object or array. */
static CALLS_JSON_ACTION
enter_level(void *state)
{
	KeyCheck   *check = state;
	Level	   *level = &check->levels[check->depth++];

	level->keys = NIL;
	level->key = NULL;
	level->index = -1;
	CALLS_JSON_DONE;
}

/* Leave an object or array. */
static CALLS_JSON_ACTION
leave_level(void *state)
{
	((KeyCheck *) state)->depth--;
	CALLS_JSON_DONE;
}

/* Count an element of an array. */
static CALLS_JSON_ACTION
see_element(void *state, bool isnull pg_attribute_unused())
{
	KeyCheck   *check = state;

	check->levels[check->depth - 1].index++;
	CALLS_JSON_DONE;
}

/* Note a key of an object, and whether it was there before. */
static CALLS_JSON_ACTION
see_key(void *state, char *key, bool isnull pg_attribute_unused())
{
	KeyCheck   *check = state;
	Level	   *level = &check->levels[check->depth - 1];
	ListCell   *lc;

	level->key = key;
	foreach(lc, level->keys)
	{
		if (check->duplicate == NULL && strcmp(lfirst(lc), key) == 0)
			check->duplicate = current_path(check);
	}
	level->keys = lappend(level->keys, key);
	CALLS_JSON_DONE;
}

CallsDocumentFlaw
calls_check_document(const char *text, char **message)
{
	KeyCheck	check = {0};
	JsonSemAction actions = {0};
	JsonLexContext *lexer;
	JsonParseErrorType error;

	if (!pg_verify_mbstr(PG_UTF8, text, (int) strlen(text), true))
	{
		*message = "is not valid UTF-8";
		return CALLS_DOCUMENT_SYNTAX;
	}
	if (is_too_deep(text))
	{
		*message = psprintf("nests deeper than %d levels", MAX_DEPTH);
		return CALLS_DOCUMENT_DEPTH;
	}

	actions.semstate = &check;
	actions.object_start = enter_level;
	actions.object_end = leave_level;
	actions.array_start = enter_level;
	actions.array_end = leave_level;
	actions.array_element_start = see_element;
	actions.object_field_start = see_key;
	lexer = calls_make_unescaping_json_lexer(text, strlen(text));
	error = pg_parse_json(lexer, &actions);
	if (error != JSON_SUCCESS)
	{
		*message = psprintf("is not JSON, line %d", lexer->line_number);
		return CALLS_DOCUMENT_SYNTAX;
	}
	if (check.duplicate != NULL)
	{
		*message = check.duplicate;
		return CALLS_DOCUMENT_DUPLICATE;
	}
	return CALLS_DOCUMENT_FINE;
}
