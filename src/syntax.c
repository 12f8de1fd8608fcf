/*-------------------------------------------------------------------------
 *
 * syntax.c
 *		What names, paths and templates may look like.
 *
 * Pure functions over text; nothing is raised.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "http.h"
#include "syntax.h"

/* Longest piece of a document that a message quotes, in bytes. */
#define SHOWN_LENGTH 64

/*
 * Headers that libcurl or the protocol owns (RFC 9110, sections 7.6.1 and
 * 10.1).  A trailing '-' stands for every name that starts so.
 */
static const char *const reserved_headers[] = {
	"Accept-Encoding",
	"Connection",
	"Content-",
	"Expect",
	"Host",
	"Keep-Alive",
	"Proxy-",
	"TE",
	"Trailer",
	"Transfer-Encoding",
	"Upgrade"
};

bool
calls_is_identifier(const char *text)
{
	size_t		length = strlen(text);

	return length > 0 && length < NAMEDATALEN &&
		text[0] >= 'a' && text[0] <= 'z' &&
		strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

bool
calls_is_printable(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

bool
calls_has_control(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if ((unsigned char) *text < ' ' || *text == '\177')
			return true;
	}
	return false;
}

bool
calls_has_edge_blank(const char *text)
{
	size_t		length = strlen(text);

	return length > 0 && (text[0] == ' ' || text[length - 1] == ' ');
}

/* A token of RFC 9110, section 5.6.2? */
static bool
is_http_token(const char *text)
{
	size_t		length = strlen(text);

	return length > 0 &&
		strspn(text,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789!#$%&'*+-.^_`|~") == length;
}

const char *
calls_header_name_flaw(const char *name)
{
	if (!is_http_token(name))
		return "is not a valid HTTP header name";

	for (int i = 0; i < (int) lengthof(reserved_headers); i++)
	{
		const char *reserved = reserved_headers[i];
		size_t		length = strlen(reserved);

		if (reserved[length - 1] == '-' ?
			pg_strncasecmp(name, reserved, length) == 0 :
			pg_strcasecmp(name, reserved) == 0)
			return "is a header that only calls_fdw itself may set";
	}
	return NULL;
}

/* Is a path segment "." or "..", the dots percent-encoded or not? */
static bool
is_dot_segment(const char *segment, size_t length)
{
	int			dots = 0;

	for (size_t i = 0; i < length; dots++)
	{
		if (segment[i] == '.')
			i++;
		else if (length - i >= 3 && pg_strncasecmp(segment + i, "%2e", 3) == 0)
			i += 3;
		else
			return false;
	}
	return dots == 1 || dots == 2;
}

const char *
calls_base_url_flaw(const char *url)
{
	if (strpbrk(url, "{}") != NULL)
		return "must not contain braces";
	switch (calls_http_check_base_url(url))
	{
		case CALLS_URL_FINE:
			return NULL;
		case CALLS_URL_MALFORMED:
			return "must be an absolute URL such as https://api.example.com";
		case CALLS_URL_SCHEME:
			return "must be an https URL";
		case CALLS_URL_CREDENTIALS:
			return "must not contain a user name or password";
		case CALLS_URL_PLAIN:
			return "must be an https URL, since every request carries a secret; http is for loopback addresses only";
		case CALLS_URL_EXTRA:
			return "must not have a query or fragment";
	}
	return NULL;
}

const char *
calls_request_path_flaw(const char *path)
{
	if (path[0] != '/')
		return "must start with \"/\"";
	if (path[1] == '/')
		return "must not start with \"//\"";
	if (!calls_is_printable(path) || strchr(path, ' ') != NULL)
		return "must not contain blanks, control or non-ASCII characters";
	if (strpbrk(path, "?#\\") != NULL)
		return "must not contain \"?\", \"#\" or a backslash";

	for (const char *p = path; (p = strchr(p, '%')) != NULL; p++)
	{
		if (strspn(p + 1, "0123456789abcdefABCDEF") < 2)
			return "must have two hexadecimal digits after each \"%\"";
	}
	for (const char *p = path; p != NULL; p = strchr(p, '/'))
	{
		p++;
		if (is_dot_segment(p, strcspn(p, "/")))
			return "must not contain a segment \".\" or \"..\"";
	}
	return calls_template_flaw(path, false);
}

const char *
calls_call_path_flaw(const char *path)
{
	const char *id = strstr(path, CALLS_CALL_ID_PLACEHOLDER);
	const char *rest;

	if (id == NULL || strstr(id + 1, CALLS_CALL_ID_PLACEHOLDER) != NULL)
		return "must contain {call_id} once";
	rest = id + strlen(CALLS_CALL_ID_PLACEHOLDER);
	if (id == path || id[-1] != '/' || (*rest != '/' && *rest != '\0'))
		return "must have {call_id} as a segment of its own";
	/* any word in its place tells whether the rest is fine */
	return calls_request_path_flaw(psprintf("%.*sid%s", (int) (id - path), path, rest));
}

const char *
calls_member_path_flaw(const char *path)
{
	size_t		length = strlen(path);

	if (length == 0)
		return "must not be empty";
	if (calls_has_control(path))
		return "must not contain control characters";
	if (path[0] == '.' || path[length - 1] == '.' || strstr(path, "..") != NULL)
		return "must not have an empty segment between dots";
	return NULL;
}

const char *
calls_template_flaw(const char *template, bool key_allowed)
{
	const char *p = template;

	while ((p = strpbrk(p, "{}")) != NULL)
	{
		size_t		key_length = strlen(CALLS_API_KEY_PLACEHOLDER);
		size_t		id_length = strlen(CALLS_ACCOUNT_ID_PLACEHOLDER);

		if (strncmp(p, CALLS_ACCOUNT_ID_PLACEHOLDER, id_length) == 0)
			p += id_length;
		else if (key_allowed &&
				 strncmp(p, CALLS_API_KEY_PLACEHOLDER, key_length) == 0)
			p += key_length;
		else if (key_allowed)
			return "must have no braces but those of {api_key} and {account_id}";
		else
			return "must have no braces but those of {account_id}";
	}
	return NULL;
}

char *
calls_show_text(const char *text)
{
	size_t		length = strlen(text);
	char	   *shown;

	if (length > SHOWN_LENGTH)
		shown = psprintf("%.*s...", SHOWN_LENGTH, text);
	else
		shown = pstrdup(text);

	for (char *p = shown; *p != '\0'; p++)
	{
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	return shown;
}
