/*-------------------------------------------------------------------------
 *
 * http_url.c
 *		URLs and dates, as libcurl understands them.
 *
 * Uses libcurl's own parsers, so that what is checked here is what http.c
 * connects to.  No network, no threads.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>

#include "http_transfer.h"

/* Do two URLs have the same scheme, host or port, whichever "part" says? */
static bool
is_same_part(CURLU *one, CURLU *other, CURLUPart part)
{
	char	   *one_text = NULL;
	char	   *other_text = NULL;
	bool		same;

	curl_url_get(one, part, &one_text, CURLU_DEFAULT_PORT);
	curl_url_get(other, part, &other_text, CURLU_DEFAULT_PORT);
	same = one_text != NULL && other_text != NULL &&
		pg_strcasecmp(one_text, other_text) == 0;
	curl_free(one_text);
	curl_free(other_text);
	return same;
}

/* The same as calls_has_control of syntax.h, which is built on this file. */
static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if ((unsigned char) *text < ' ' || *text == '\177')
			return true;
	}
	return false;
}

static bool
has_credentials(CURLU *url)
{
	char	   *user = NULL;
	char	   *password = NULL;
	bool		found;

	curl_url_get(url, CURLUPART_USER, &user, 0);
	curl_url_get(url, CURLUPART_PASSWORD, &password, 0);
	found = user != NULL || password != NULL;
	curl_free(user);
	curl_free(password);
	return found;
}

/* Is it a name or an address that cannot leave this machine? */
static bool
is_loopback(CURLU *url)
{
	char	   *host = NULL;
	struct in_addr ipv4;
	struct in6_addr ipv6;
	bool		result = false;

	if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return false;
	if (pg_strcasecmp(host, "localhost") == 0)
		result = true;
	else if (inet_pton(AF_INET, host, &ipv4) == 1)
		result = (ntohl(ipv4.s_addr) >> 24) == IN_LOOPBACKNET;
	else if (host[0] == '[')
	{
		host[strcspn(host, "]")] = '\0';
		result = inet_pton(AF_INET6, host + 1, &ipv6) == 1 &&
			IN6_IS_ADDR_LOOPBACK(&ipv6);
	}
	curl_free(host);
	return result;
}

char *
calls_http_join_urls(const char *base, const char *reference)
{
	CURLU	   *from = curl_url();
	CURLU	   *to = NULL;
	char	   *text = NULL;

	/*
	 * An empty one, or a mere fragment, leads back to "base".  Some versions
	 * of libcurl would encode control characters.
	 */
	if (reference[0] != '\0' && reference[0] != '#' &&
		!has_control(reference) &&
		curl_url_set(from, CURLUPART_URL, base, 0) == CURLUE_OK &&
		(to = curl_url_dup(from)) != NULL &&
		curl_url_set(to, CURLUPART_URL, reference, CURLU_URLENCODE) == CURLUE_OK &&
		is_same_part(from, to, CURLUPART_SCHEME) &&
		is_same_part(from, to, CURLUPART_HOST) &&
		is_same_part(from, to, CURLUPART_PORT) &&
		!has_credentials(to) &&
		curl_url_set(to, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK)
		curl_url_get(to, CURLUPART_URL, &text, 0);
	curl_url_cleanup(from);
	curl_url_cleanup(to);
	return text;
}

char *
calls_http_resolve(const char *base, const char *reference)
{
	char	   *text = calls_http_join_urls(base, reference);
	char	   *result = NULL;

	if (text != NULL)
	{
		size_t		size = strlen(text) + 1;

		result = palloc_extended(size, MCXT_ALLOC_NO_OOM);
		if (result != NULL)
			memcpy(result, text, size);
		curl_free(text);
		if (result == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_OUT_OF_MEMORY),
					 errmsg("out of memory")));
	}
	return result;
}

void
calls_http_url_host(const char *url, char *host, size_t size)
{
	CURLU	   *parsed = curl_url();
	char	   *text = NULL;

	host[0] = '\0';
	/* a proxy's scheme may be one that libcurl does not fetch from */
	if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
		curl_url_get(parsed, CURLUPART_HOST, &text, 0) == CURLUE_OK &&
		strlen(text) < size)
	{
		const char *start = text[0] == '[' ? text + 1 : text;

		memcpy(host, start, strlen(start) + 1);
		host[strcspn(host, "]")] = '\0';
	}
	curl_free(text);
	curl_url_cleanup(parsed);
}

CallsUrlFlaw
calls_http_check_base_url(const char *url)
{
	CURLU	   *parsed = curl_url();
	char	   *scheme = NULL;
	CallsUrlFlaw flaw = CALLS_URL_FINE;

	if (curl_url_set(parsed, CURLUPART_URL, url,
					 CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		flaw = CALLS_URL_MALFORMED;
	else if (pg_strcasecmp(scheme, "https") != 0 &&
			 pg_strcasecmp(scheme, "http") != 0)
		flaw = CALLS_URL_SCHEME;
	else if (strncmp(url + strlen(scheme), "://", 3) != 0 ||
			 url[strlen(scheme) + 3] == '/')
		flaw = CALLS_URL_MALFORMED; /* libcurl takes one to three slashes */
	else if (has_credentials(parsed))
		flaw = CALLS_URL_CREDENTIALS;
	else if (pg_strcasecmp(scheme, "http") == 0 && !is_loopback(parsed))
		flaw = CALLS_URL_PLAIN;
	else if (strpbrk(url, "?#") != NULL)
		flaw = CALLS_URL_EXTRA;
	curl_free(scheme);
	curl_url_cleanup(parsed);
	return flaw;
}

int64
calls_http_parse_date(const char *text)
{
	/* HTTP's dates begin with the day's name; libcurl knows many others. */
	if (!isalpha((unsigned char) text[0]))
		return -1;
	return (int64) curl_getdate(text, NULL);
}
