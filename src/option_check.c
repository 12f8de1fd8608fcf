/*-------------------------------------------------------------------------
 *
 * option_check.c
 *		What is wrong with the value of an option?
 *
 * Pure functions over text; see syntax.h for what a flaw is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "option_table.h"
#include "syntax.h"

/* Longer ones are no identifiers and no keys. */
#define MAX_ACCOUNT_ID 256
#define MAX_API_KEY 8192

const char *
calls_source_flaw(const char *value)
{
	if (value[0] == '\0')
		return "must not be empty";
	if (calls_has_control(value))
		return "must not contain control characters";
	return NULL;
}

const char *
calls_account_id_flaw(const char *value)
{
	if (value[0] == '\0')
		return "must not be empty";
	if (strlen(value) > MAX_ACCOUNT_ID)
		return "must not be longer than 256 bytes";
	if (calls_has_control(value))
		return "must not contain control characters";
	if (strpbrk(value, "/\\") != NULL)
		return "must not contain a slash or backslash";
	if (strcmp(value, ".") == 0 || strcmp(value, "..") == 0)
		return "must not be \".\" or \"..\"";
	return NULL;
}

const char *
calls_api_key_flaw(const char *value)
{
	if (value[0] == '\0')
		return "must not be empty";
	if (strlen(value) > MAX_API_KEY)
		return "must not be longer than 8 kB";
	if (calls_has_control(value))
		return "must not contain line breaks or other control characters";
	if (!calls_is_printable(value))
		return "must consist of ASCII characters";
	if (calls_has_edge_blank(value))
		return "must not start or end with a blank";
	return NULL;
}

const char *
calls_ca_file_flaw(const char *value)
{
	if (calls_has_control(value))
		return "must not contain control characters";
	if (!is_absolute_path(value))
		return "must be an absolute path";
	return NULL;
}

/* The host of a URL without scheme: a name, IPv4, or IPv6 in brackets. */
static size_t
host_length(const char *text)
{
	size_t		length;

	if (text[0] != '[')
		return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
	length = strspn(text + 1, "0123456789abcdefABCDEF:.");
	return length > 0 && text[length + 1] == ']' ? length + 2 : 0;
}

/* Is the rest of a proxy's URL nothing or a port, with or without a slash? */
static bool
is_port(const char *text)
{
	if (text[0] == ':')
	{
		size_t		digits = strspn(text + 1, "0123456789");
		int			port = digits > 0 && digits <= 5 ? atoi(text + 1) : 0;

		if (port < 1 || port > 65535)
			return false;
		text += digits + 1;
	}
	return strcmp(text, "") == 0 || strcmp(text, "/") == 0;
}

const char *
calls_proxy_flaw(const char *value)
{
	static const char *const schemes[] = {
		"http://", "https://", "socks5://", "socks5h://"
	};

	for (int i = 0; i < (int) lengthof(schemes); i++)
	{
		size_t		length = strlen(schemes[i]);
		const char *host = value + length;

		if (pg_strncasecmp(value, schemes[i], length) != 0)
			continue;
		if (strchr(host, '@') != NULL)
			return "must not contain a user name or password";
		if (host_length(host) == 0 || !is_port(host + host_length(host)))
			return "must be scheme, host and port, such as http://proxy.example.com:3128";
		return NULL;
	}
	return "must be an http, https, socks5 or socks5h URL";
}
