/*-------------------------------------------------------------------------
 *
 * http_transfer.c
 *		One request as libcurl's options, and what libcurl delivers of its
 *		reply.
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

#include "http_transfer.h"

/* A body buffer starts with one of libcurl's reads and doubles from there. */
#define FIRST_BODY_CAPACITY (CURL_MAX_WRITE_SIZE + 1)

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
};

/* Called by libcurl: a socket that programs of COPY do not inherit. */
static curl_socket_t
open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void) data;
	(void) purpose;

	return socket(address->family, address->socktype | SOCK_CLOEXEC,
				  address->protocol);
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

/* Sets where to and how. */
static void
set_route(CallsHttpTransfer *transfer, const CallsHttpRequest *request)
{
	CURL	   *easy = transfer->easy;

	set_text(easy, CURLOPT_URL, request->url);
	set_number(easy, CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout);
	set_number(easy, CURLOPT_TIMEOUT_MS, request->request_timeout);

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
	set_route(transfer, request);
}
