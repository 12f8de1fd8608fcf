/*-------------------------------------------------------------------------
 *
 * http_transfer.c
 *		One request as libcurl's options, and what libcurl delivers of its
 *		reply.
 *
 * Redirects are followed here and not by libcurl, which cannot be told to stay
 * with one host.
 *
 * Functions that libcurl calls (open_socket to receive_body) neither raise
 * nor allocate from a memory context: a longjmp through libcurl would leave
 * its handles in an undefined state.  They note what happened, and http.c
 * raises it outside.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include "http_reactor.h"
#include "http_transfer.h"

/* A body buffer starts with one of libcurl's reads and doubles from there. */
#define FIRST_BODY_CAPACITY (CURL_MAX_WRITE_SIZE + 1)

/* Redirects of one request; more are taken for a circle. */
#define MAX_REDIRECTS 5

/* Options that are the same for every request. */
static const struct
{
	CURLoption	option;
	long		value;
}			fixed_numbers[] =
{
	{CURLOPT_NOSIGNAL, 1},
	{CURLOPT_QUICK_EXIT, 1},
	{CURLOPT_FOLLOWLOCATION, 0},
	{CURLOPT_NETRC, CURL_NETRC_IGNORED},
	{CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
	{CURLOPT_PATH_AS_IS, 1},	/* what EXPLAIN shows is what is sent */
	{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS},
	{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},	/* or later */
	{CURLOPT_SSL_VERIFYPEER, 1},
	{CURLOPT_SSL_VERIFYHOST, 2},
	{CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
	{CURLOPT_PROXY_SSL_VERIFYPEER, 1},
	{CURLOPT_PROXY_SSL_VERIFYHOST, 2},
	{CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
	{CURLOPT_TCP_KEEPALIVE, 1},
};

static const struct
{
	CURLoption	option;
	const char *value;
}			fixed_texts[] =
{
	{CURLOPT_PROTOCOLS_STR, "http,https"},
	{CURLOPT_ACCEPT_ENCODING, ""},	/* all that libcurl can decode */
	{CURLOPT_USERAGENT, "calls_fdw/1.0"},
	{CURLOPT_NOPROXY, ""},		/* not NULL: that reads the environment */
};

/* Response headers to keep, and where. */
static const struct
{
	const char *name;
	size_t		offset;			/* in ReplyHeaders */
}			kept_headers[] =
{
	{"content-type", offsetof(ReplyHeaders, content_type)},
	{"date", offsetof(ReplyHeaders, date)},
	{"retry-after", offsetof(ReplyHeaders, retry_after)},
	{"x-ratelimit-reset", offsetof(ReplyHeaders, rate_reset)},
	{"x-ratelimit-limit", offsetof(ReplyHeaders, rate_limit)},
	{"x-ratelimit-remaining", offsetof(ReplyHeaders, rate_remaining)},
};

/* Notes a verdict on the peer's address; is it fine? */
static bool
note_verdict(CallsHttpTransfer *transfer, CallsVerdict verdict, const char *address)
{
	if (transfer->target != CALLS_VERDICT_FINE)
		verdict = transfer->target;
	if (verdict == CALLS_VERDICT_FINE)
		transfer->permitted = true;
	else
	{
		transfer->refused = verdict;
		strlcpy(transfer->address, address, sizeof(transfer->address));
	}
	return verdict == CALLS_VERDICT_FINE;
}

/*
 * Called by libcurl: a socket that programs of COPY do not inherit, for an
 * address that is allowed.
 */
static curl_socket_t
open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	CallsHttpTransfer *transfer = data;
	char		text[INET6_ADDRSTRLEN];

	(void) purpose;

	calls_show_address(&address->addr, text, sizeof(text));
	if (!note_verdict(transfer,
					  calls_judge_address(transfer->peer, transfer->trusted,
										  &address->addr), text))
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
				  address->protocol);
}

/*
 * Called by libcurl before it sends a request: a connection that was kept has
 * to be allowed still, and for this transfer.
 */
static int
check_connection(void *data, char *remote, char *local, int remote_port,
				 int local_port)
{
	CallsHttpTransfer *transfer = data;

	(void) local;
	(void) remote_port;
	(void) local_port;

	if (note_verdict(transfer,
					 calls_judge_text(transfer->peer, transfer->trusted, remote),
					 remote))
		return CURL_PREREQFUNC_OK;
	transfer->permitted = false;
	return CURL_PREREQFUNC_ABORT;
}

/*
 * Copies a header's value without the blanks around it, and with '?' for
 * what is not printable ASCII and might not be valid in the database.
 */
static void
copy_header_value(char *target, const char *value, size_t length)
{
	while (length > 0 && (unsigned char) value[0] <= ' ')
	{
		value++;
		length--;
	}
	while (length > 0 && (unsigned char) value[length - 1] <= ' ')
		length--;

	length = Min(length, MAX_HEADER_LENGTH);
	for (size_t i = 0; i < length; i++)
		target[i] = (value[i] >= ' ' && value[i] <= '~') ? value[i] : '?';
	target[length] = '\0';
}

/* Called by libcurl with each header line, status lines included. */
static size_t
receive_header(char *line, size_t size, size_t count, void *data)
{
	CallsHttpTransfer *transfer = data;
	size_t		length = size * count;

	/* Interim replies have header blocks too; the last one counts. */
	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
		memset(&transfer->received, 0, sizeof(transfer->received));

	for (size_t i = 0; i < lengthof(kept_headers); i++)
	{
		size_t		name_length = strlen(kept_headers[i].name);

		if (length > name_length && line[name_length] == ':' &&
			pg_strncasecmp(line, kept_headers[i].name, name_length) == 0)
			copy_header_value((char *) &transfer->received +
							  kept_headers[i].offset,
							  line + name_length + 1,
							  length - name_length - 1);
	}
	return length;
}

/*
 * Makes room for "more" bytes of body and a terminator; false where memory is
 * short.
 */
static bool
enlarge_body(CallsHttpTransfer *transfer, size_t more)
{
	size_t		needed = transfer->length + more + 1;
	size_t		capacity = Max(transfer->capacity, FIRST_BODY_CAPACITY);
	char	   *body;

	if (needed <= transfer->capacity)
		return true;
	while (capacity < needed)
		capacity *= 2;
	capacity = Min(capacity, transfer->max_size + 1);

	body = realloc(transfer->body, capacity);
	if (body == NULL)
		return false;
	transfer->body = body;
	transfer->capacity = capacity;
	return true;
}

void
calls_http_trim(CallsHttpTransfer *transfer)
{
	char	   *body = realloc(transfer->body, transfer->length + 1);

	if (body == NULL)
		return;
	transfer->body = body;
	transfer->capacity = transfer->length + 1;
}

/* Called by libcurl with a piece of the body, decompressed. */
static size_t
receive_body(char *piece, size_t size, size_t count, void *data)
{
	CallsHttpTransfer *transfer = data;
	size_t		more = size * count;

	if (more > transfer->max_size - transfer->length)
	{
		transfer->too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	if (!enlarge_body(transfer, more))
	{
		transfer->out_of_memory = true;
		return CURL_WRITEFUNC_ERROR;
	}
	memcpy(transfer->body + transfer->length, piece, more);
	transfer->length += more;
	transfer->body[transfer->length] = '\0';
	calls_reactor_count(more);
	return more;
}

void
calls_http_check_code(CURLcode code)
{
	if (code == CURLE_OK)
		return;
	if (code == CURLE_OUT_OF_MEMORY)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	ereport(ERROR,
			(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
			 errmsg("could not prepare an HTTP request: %s",
					curl_easy_strerror(code))));
}

static void
set_number(CURL *easy, CURLoption option, long value)
{
	calls_http_check_code(curl_easy_setopt(easy, option, value));
}

static void
set_text(CURL *easy, CURLoption option, const char *value)
{
	calls_http_check_code(curl_easy_setopt(easy, option, value));
}

/* Sets what does not depend on the request, and the callbacks. */
static void
set_fixed_options(CallsHttpTransfer *transfer)
{
	CURL	   *easy = transfer->easy;

	for (size_t i = 0; i < lengthof(fixed_numbers); i++)
		set_number(easy, fixed_numbers[i].option, fixed_numbers[i].value);
	for (size_t i = 0; i < lengthof(fixed_texts); i++)
		set_text(easy, fixed_texts[i].option, fixed_texts[i].value);

	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer));
	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->message));
	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket));
	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer));
	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, check_connection));
	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer));
	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_SHARE,
										   calls_pool_share(transfer->pool)));
	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, receive_header));
	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer));
	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive_body));
	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer));
}

static void
add_header(CallsHttpTransfer *transfer, const char *header)
{
	struct curl_slist *headers = curl_slist_append(transfer->headers, header);

	if (headers == NULL)
		calls_http_check_code(CURLE_OUT_OF_MEMORY);
	transfer->headers = headers;
}

/* Sets the method, the headers and the body; a body is JSON. */
static void
set_content(CallsHttpTransfer *transfer, const CallsHttpRequest *request)
{
	CURL	   *easy = transfer->easy;
	bool		typed = false;
	ListCell   *cell;

	foreach(cell, request->headers)
	{
		const char *header = lfirst(cell);

		if (pg_strncasecmp(header, "Content-Type:", 13) == 0)
			typed = true;
		add_header(transfer, header);
	}

	if (strcmp(request->method, "POST") == 0)
	{
		if (!typed)
			add_header(transfer, "Content-Type: application/json");
		add_header(transfer, "Expect:");	/* no 100-continue round trip */
		set_number(easy, CURLOPT_POST, 1);
		calls_http_check_code(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
									(curl_off_t) (request->body != NULL ?
												  request->body_length : 0)));
		set_text(easy, CURLOPT_COPYPOSTFIELDS,
				 request->body != NULL ? request->body : "");
	}
	else if (strcmp(request->method, "GET") != 0)
		elog(ERROR, "unexpected HTTP method \"%s\"", request->method);

	calls_http_check_code(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers));
}

/*
 * Sets whose address is judged.  A proxy was chosen by a superuser, and looks
 * up the address of the URL's host by itself: there only the name is known.
 */
static void
set_peer(CallsHttpTransfer *transfer, const CallsHttpRequest *request)
{
	calls_http_url_host(request->url, transfer->peer, sizeof(transfer->peer));
	transfer->trusted = request->trusted;
	if (request->proxy != NULL)
	{
		transfer->target = calls_judge_host(transfer->peer, request->trusted);
		calls_http_url_host(request->proxy, transfer->peer, sizeof(transfer->peer));
		transfer->trusted = true;
	}
}

/* Sets where to and how. */
static void
set_route(CallsHttpTransfer *transfer, const CallsHttpRequest *request)
{
	CURL	   *easy = transfer->easy;

	set_text(easy, CURLOPT_URL, request->url);
	set_number(easy, CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout);
	set_number(easy, CURLOPT_TIMEOUT_MS, request->request_timeout);
	transfer->timeout = request->request_timeout;

	if (request->ca_file != NULL)
	{
		/* In place of the system's certificates, not beside them. */
		set_text(easy, CURLOPT_CAINFO, request->ca_file);
		set_text(easy, CURLOPT_CAPATH, NULL);
	}

	/* "" and not NULL: that reads the environment */
	set_text(easy, CURLOPT_PROXY, request->proxy != NULL ? request->proxy : "");
	if (request->proxy != NULL)
	{
		transfer->proxy = strdup(request->proxy);
		if (transfer->proxy == NULL)
			calls_http_check_code(CURLE_OUT_OF_MEMORY);
	}
}

void
calls_http_prepare(CallsHttpTransfer *transfer, const CallsHttpRequest *request)
{
	set_fixed_options(transfer);
	set_content(transfer, request);
	set_peer(transfer, request);
	set_route(transfer, request);
}

/*
 * Why is this redirect not followed?  NULL where it is; then *url is the new
 * address, to be freed with curl_free.
 */
static const char *
redirect_flaw(const CallsHttpTransfer *transfer, long status, char **url)
{
	char	   *location = NULL;
	char	   *current = NULL;
	char	   *method = NULL;

	curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &location);
	curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &current);
	curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_METHOD, &method);

	if (location == NULL || current == NULL)
		return "It does not say where to";
	if (transfer->redirects >= MAX_REDIRECTS)
		return "There were too many in a row";
	/* RFC 9110 section 15.4: these two repeat the request as it is */
	if (status != 307 && status != 308 &&
		(method == NULL || strcmp(method, "GET") != 0))
		return "It would drop the body of the request";
	*url = calls_http_join_urls(current, location);
	return *url == NULL ? "It leads to another scheme, host or port" : NULL;
}

bool
calls_http_redirect(CallsHttpTransfer *transfer)
{
	CURL	   *easy = transfer->easy;
	long		status = 0;
	curl_off_t	bytes = 0;
	curl_off_t	total = 0;		/* in microseconds */
	char	   *url = NULL;
	CURLcode	code;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 301 && status != 302 && status != 303 && status != 307 &&
		status != 308)
		return false;
	transfer->stop = redirect_flaw(transfer, status, &url);
	if (transfer->stop != NULL)
		return false;

	curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
	curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &total);
	transfer->earlier_bytes += (uint64) bytes;
	transfer->earlier_ms += (double) total / 1000;
	transfer->redirects++;
	transfer->length = 0;
	if (transfer->body != NULL)
		transfer->body[0] = '\0';
	memset(&transfer->received, 0, sizeof(transfer->received));

	code = curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_free(url);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
								(long) Max(transfer->timeout - transfer->earlier_ms, 1));
	if (code != CURLE_OK)
		transfer->out_of_memory = true;
	return code == CURLE_OK;
}
