/*-------------------------------------------------------------------------
 *
 * sendable.c
 *		Which values a filter can take, and how it writes them.
 *
 * An API asked with a value it does not understand may answer with an error,
 * with nothing, or with everything: such values are not sent.  Pure functions;
 * relies on the server's encoding.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/string.h"
#include "mb/pg_wchar.h"

#include "sendable.h"

/* Longest id of a call, in bytes. */
#define MAX_ID_LENGTH 255

/* E.164: a plus sign and up to fifteen digits, the first not zero. */
static bool
is_e164(const char *text)
{
	size_t		digits;

	if (text[0] != '+' || text[1] == '0')
		return false;
	digits = strspn(text + 1, "0123456789");
	return digits >= 2 && digits <= 15 && text[1 + digits] == '\0';
}

/* RFC 9562 form; *canonical: lower case. */
static bool
is_uuid(const char *text, bool *canonical)
{
	*canonical = true;
	for (int i = 0; i < 36; i++)
	{
		char		c = text[i];

		if (i == 8 || i == 13 || i == 18 || i == 23)
		{
			if (c != '-')
				return false;
		}
		else if (!isxdigit((unsigned char) c))
			return false;
		else if (c >= 'A' && c <= 'F')
			*canonical = false;
	}
	return text[36] == '\0';
}

/* Text an API can be trusted to take as it is. */
static bool
is_plain_text(const char *text)
{
	size_t		length = strlen(text);

	if (length == 0 || isspace((unsigned char) text[0]) ||
		isspace((unsigned char) text[length - 1]))
		return false;
	for (const char *c = text; *c; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			return false;
	}
	return true;
}

/* Text in UTF-8, or NULL where it has none. */
static char *
text_to_utf8(const char *text)
{
	int			length = (int) strlen(text);
	int			encoding = GetDatabaseEncoding();
	Oid			conversion;
	char	   *result;
	int			converted;

	if (encoding == PG_UTF8 || pg_is_ascii(text))
		return pstrdup(text);
	if (encoding == PG_SQL_ASCII)
		return NULL;
	conversion = FindDefaultConversionProc(encoding, PG_UTF8);
	if (!OidIsValid(conversion))
		return NULL;
	result = palloc(length * MAX_CONVERSION_GROWTH + 1);
	converted = pg_do_encoding_conversion_buf(conversion, encoding, PG_UTF8,
											  (unsigned char *) unconstify(char *, text), length,
											  (unsigned char *) result,
											  length * MAX_CONVERSION_GROWTH + 1, true);
	return converted == length ? result : NULL;
}

char *
calls_sendable_value(const CallsFilter *filter, const char *value, bool *exact)
{
	bool		canonical = true;

	if (filter->nwords > 0)
	{
		for (int i = 0; i < filter->nwords; i++)
			if (strcmp(filter->words[i], value) == 0)
				return pstrdup(value);
		return NULL;
	}
	switch (filter->format)
	{
		case CALLS_FORMAT_E164:
			if (!is_e164(value))
				return NULL;
			break;
		case CALLS_FORMAT_UUID:
			if (!is_uuid(value, &canonical))
				return NULL;
			break;
		case CALLS_FORMAT_BOOLEAN:
		case CALLS_FORMAT_INTEGER:
			break;
		default:
			if (!is_plain_text(value))
				return NULL;
			break;
	}
	if (filter->list == CALLS_LIST_COMMA && strchr(value, ',') != NULL)
		return NULL;
	if (!canonical)
		*exact = false;
	return text_to_utf8(value);
}

char *
calls_sendable_id(const char *id)
{
	if (!is_plain_text(id) || strlen(id) > MAX_ID_LENGTH)
		return NULL;
	/* servers exist that decode a path before they look for dots in it */
	for (const char *segment = id; segment != NULL; segment = strpbrk(segment, "/\\"))
	{
		size_t		length;

		segment += segment != id;
		length = strcspn(segment, "/\\");
		if (length == 0 || strspn(segment, ".") >= length)
			return NULL;
	}
	return text_to_utf8(id);
}

/* Is the word one that only replies have? */
static bool
is_reply_only(const CallsColumn *column, const char *word)
{
	for (int i = 0; i < column->nreply_only; i++)
		if (strcmp(column->reply_only[i], word) == 0)
			return true;
	return false;
}

List *
calls_native_words(const CallsColumn *column, const char *value)
{
	List	   *natives = NIL;

	for (int i = 0; i < column->nwords; i++)
		if (strcmp(column->words[i].common, value) == 0)
			natives = lappend(natives, unconstify(char *, column->words[i].native));

	/* a word that is not mapped passes through, and stands for itself */
	if (natives == NIL || is_reply_only(column, value))
	{
		for (int i = 0; i < column->nwords; i++)
			if (strcmp(column->words[i].native, value) == 0)
				return natives; /* mapped to another word */
		natives = lappend(natives, unconstify(char *, value));
	}
	return natives;
}
