/*-------------------------------------------------------------------------
 *
 * fuzz_request.c
 *		Any bytes as what becomes part of a request, and as a reply's head.
 *
 * The first byte chooses one of the cases below, the second one what the case
 * works with; all else is the text.  No text may change the shape of a
 * request, lead to another host, leave anything but printable characters in
 * what is kept of a reply's headers, or ask for a wait that is none.
 *
 *-------------------------------------------------------------------------
 */
#include "../../src/http_transfer.c"	/* for the functions that libcurl calls */

#include <ctype.h>
#include <json-c/json.h>

#include "utils/memutils.h"

#include "bind.h"
#include "document.h"
#include "fuzz.h"
#include "option_table.h"
#include "pace.h"
#include "request.h"
#include "syntax.h"

#define CONTROL_BYTES 2

/* Addresses as a request has them; the length is that of the origin. */
static const struct
{
	const char *url;
	const char *origin;
	const char *explicit_origin;	/* the same with the port */
}			bases[] =
{
	{"https://api.example.com/v1/calls?limit=10", "https://api.example.com", "https://api.example.com:443"},
	{"https://api.example.com:8443/v1", "https://api.example.com:8443", "https://api.example.com:8443"},
	{"http://127.0.0.1/", "http://127.0.0.1", "http://127.0.0.1:80"},
	{"http://[::1]:8080/a/b?c=d", "http://[::1]:8080", "http://[::1]:8080"},
};

static bool
is_graphic(const char *text)
{
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return true;
}

/* May follow the origin in a URL? */
static bool
ends_origin(char c)
{
	return c == '\0' || c == '/' || c == '?';
}

static void
check_origin(const char *url, const char *origin, const char *explicit_origin)
{
	size_t		length = strlen(origin);

	if (pg_strncasecmp(url, origin, length) == 0 && ends_origin(url[length]))
		return;
	length = strlen(explicit_origin);
	fuzz_require(pg_strncasecmp(url, explicit_origin, length) == 0 && ends_origin(url[length]));
}

/* A next link out of a reply. */
static void
resolve_link(int choice, const unsigned char *data, size_t size)
{
	int			i = choice % lengthof(bases);
	char	   *url = calls_http_resolve(bases[i].url, fuzz_text(data, size));

	if (url == NULL)
		return;
	check_origin(url, bases[i].origin, bases[i].explicit_origin);
	for (const char *c = url; *c; c++)
		fuzz_require((unsigned char) *c > ' ' && *c != 0x7f && *c != '#');
	/* and it stays there */
	fuzz_require(calls_http_resolve(bases[i].url, url) != NULL);
}

/* A base URL out of an option or a definition, and a link below it. */
static void
check_base(int choice, const unsigned char *data, size_t size)
{
	char	   *url = fuzz_text(data, size);
	char	   *reference = strchr(url, '\n');
	CallsUrlFlaw flaw;

	(void) choice;
	if (reference != NULL)
		*reference++ = '\0';
	flaw = calls_http_check_base_url(url);
	if (flaw == CALLS_URL_FINE)
	{
		const char *host = strstr(url, "://");

		fuzz_require(host != NULL && strpbrk(url, "?#") == NULL);
		host += 3;
		fuzz_require(memchr(host, '@', strcspn(host, "/")) == NULL);
		fuzz_require(pg_strncasecmp(url, "https:", 6) == 0 ||
					 (pg_strncasecmp(url, "http:", 5) == 0 &&
					  (host[0] == '[' || pg_strncasecmp(host, "localhost", 9) == 0 ||
					   isdigit((unsigned char) host[0]))));
		for (const char *c = url; *c; c++)
			fuzz_require((unsigned char) *c > ' ' && *c != 0x7f);
	}
	if (calls_base_url_flaw(url) == NULL)
		fuzz_require(flaw == CALLS_URL_FINE);
	if (reference != NULL)
		(void) calls_http_resolve(url, reference);
}

static void
parse_date(int choice, const unsigned char *data, size_t size)
{
	(void) choice;
	(void) calls_http_parse_date(fuzz_text(data, size));
}

/* The option "headers". */
static void
parse_headers(int choice, const unsigned char *data, size_t size)
{
	static const char *const forbidden[] = {
		"host", "content-length", "content-type", "accept-encoding", "connection", "transfer-encoding", "upgrade", "te", "expect"
	};
	int			nheaders;
	CallsHeader *headers = calls_parse_headers(fuzz_text(data, size), &nheaders);

	(void) choice;
	for (int i = 0; i < nheaders; i++)
	{
		const char *name = headers[i].name;
		const char *value = headers[i].value;

		fuzz_require(name[0] != '\0' && is_graphic(name) && strpbrk(name, ":;,()<>@[]{}/\\\"=?") == NULL);
		fuzz_require(value[0] > ' ' && value[strlen(value) - 1] > ' ' && calls_is_printable(value));
		for (size_t j = 0; j < lengthof(forbidden); j++)
			fuzz_require(pg_strcasecmp(name, forbidden[j]) != 0);
	}
}

static void
check_header_value(const char *value)
{
	fuzz_require(strnlen(value, MAX_HEADER_LENGTH + 1) <= MAX_HEADER_LENGTH);
	for (const char *c = value; *c; c++)
		fuzz_require(*c >= ' ' && *c <= '~');
}

/* Lines of a reply's head, as libcurl hands them over. */
static void
receive_head(int choice, const unsigned char *data, size_t size)
{
	CallsHttpTransfer *transfer = palloc0_object(CallsHttpTransfer);

	(void) choice;
	while (size > 0)
	{
		const unsigned char *end = memchr(data, '\n', size);
		size_t		length = end != NULL ? (size_t) (end - data) + 1 : size;
		char	   *line = palloc(Max(length, 1));

		memcpy(line, data, length); /* and no byte more */
		fuzz_require(receive_header(line, 1, length, transfer) == length);
		data += length;
		size -= length;
	}
	check_header_value(transfer->received.content_type);
	check_header_value(transfer->received.date);
	check_header_value(transfer->received.retry_after);
	check_header_value(transfer->received.rate_reset);
	(void) calls_http_parse_date(transfer->received.date);
	(void) calls_http_parse_date(transfer->received.retry_after);
}

/* A reply's body with this text where the definition looks for an error's. */
static const char *
error_body(const CallsDefinition *def, const char *text)
{
	json_object *value = json_object_new_string(text);
	char	   *path = pstrdup(def->nerror_message > 0 ? def->error_message[0] : "");
	const char *body;

	while (path[0] != '\0')
	{
		char	   *dot = strrchr(path, '.');
		json_object *outer = json_object_new_object();

		json_object_object_add(outer, dot != NULL ? dot + 1 : path, value);
		value = outer;
		if (dot == NULL)
			break;
		*dot = '\0';
	}
	body = pstrdup(json_object_to_json_string(value));
	json_object_put(value);
	return body;
}

/* In milliseconds, or -1 */
static void
check_wait(int64 wait)
{
	fuzz_require(wait >= -1 && wait <= (int64) PG_INT32_MAX * 1000);
}

/*
 * How long a 429 or 503 asks to wait: the headers' values, a line each, then
 * the text.
 */
static void
read_pace(int choice, const unsigned char *data, size_t size)
{
	const CallsDefinition *def = fuzz_definitions[choice % fuzz_ndefinitions];
	char	   *rest = fuzz_text(data, size);
	const char *values[4];
	CallsHttpReply reply = {.outcome = CALLS_HTTP_REPLY, .date = choice};
	CallsPace	pace;

	for (size_t i = 0; i < lengthof(values); i++)
	{
		values[i] = strsep(&rest, "\n");
		if (values[i] != NULL && values[i][0] == '\0')
			values[i] = NULL;
	}
	reply.status = choice % 2 == 0 ? 429 : 503;
	reply.retry_after = values[0];
	reply.rate_reset = values[1];
	reply.rate_limit = values[2];
	reply.rate_remaining = values[3];
	reply.body = error_body(def, rest != NULL ? rest : "");
	reply.length = strlen(reply.body);
	pace = calls_read_pace(def, &reply);
	check_wait(pace.wait);
	check_wait(pace.reset);
	fuzz_require(pace.limit >= -1 && pace.remaining >= -1);
	fuzz_require(reply.status == 429 || values[0] != NULL || pace.wait < 0);
}

/* A body in pieces, as libcurl hands them over. */
static void
receive_pieces(int choice, const unsigned char *data, size_t size)
{
	CallsHttpTransfer *transfer = palloc0_object(CallsHttpTransfer);
	size_t		got = 0;

	transfer->max_size = (size_t) choice * 16;
	while (got < size)
	{
		size_t		more = Min(size - got, (size_t) data[got] * (choice + 1) + 1);

		if (receive_body(unconstify(char *, (const char *) data + got), 1, more, transfer) != more)
			break;
		got += more;
	}
	fuzz_require(transfer->too_large == (got < size));
	fuzz_require(transfer->length == got && got <= transfer->max_size);
	if (transfer->body != NULL)
		fuzz_require(memcmp(transfer->body, data, got) == 0 && transfer->body[got] == '\0');
	free(transfer->body);
}

static int
count_slashes(const char *path)
{
	int			count = 0;

	for (const char *c = path; *c && *c != '?'; c++)
		count += *c == '/';
	return count;
}

/* A request of this path has the shape it should have, whatever was put into it. */
static void
check_request(const char *path, const CallsRequest *request)
{
	fuzz_require(request->target[0] == '/' && is_graphic(request->target));
	fuzz_require(strchr(request->target, '#') == NULL);
	fuzz_require(count_slashes(request->target) == count_slashes(path));
	if (request->body != NULL)
	{
		json_object *body = json_tokener_parse(request->body);

		fuzz_require(body != NULL && json_object_is_type(body, json_type_object));
		json_object_put(body);
	}
}

void
fuzz_build_requests(const CallsDefinition *def, const char *text)
{
	CallsSettings *settings = palloc0_object(CallsSettings);
	CallsBinding binding = {0};
	const char *values[2] = {text, "x"};
	CallsPosition positions[] = {
		{.size = 0},
		{.size = 10, .number = 1, .text = text},
		{.size = 1, .number = PG_INT64_MAX, .text = text}
	};

	settings->api_key = "key";
	settings->account_id = text[0] != '\0' ? text : "a";
	binding.sent = palloc0(sizeof(CallsSentFilter) * Max(def->nfilters, 1));
	for (int i = 0; i < def->nfilters; i++)
	{
		CallsSentFilter *sent = &binding.sent[binding.nsent];

		sent->filter = &def->filters[i];
		sent->column = def->filters[i].columns[0];
		sent->known = true;
		sent->values = values;
		sent->nvalues = sent->per_request = def->filters[i].list == CALLS_LIST_SINGLE ? 1 : 2;
		binding.nsent++;
	}
	for (size_t i = 0; i < lengthof(positions); i++)
	{
		if (i > 0 && def->order.asc != NULL)
			binding.order = CALLS_ORDER_ASC;
		else if (def->order.desc != NULL)
			binding.order = CALLS_ORDER_DESC;
		check_request(def->path, calls_build_request(def, settings, &binding, &positions[i], false));
		(void) calls_build_request(def, settings, &binding, &positions[i], true);
	}
	(void) calls_build_headers(def, settings);
}

/* A cursor, an id or a value of a query. */
static void
build_requests(int choice, const unsigned char *data, size_t size)
{
	fuzz_build_requests(fuzz_definitions[choice % fuzz_ndefinitions], fuzz_text(data, size));
}

/* The value of an option. */
static void
parse_option(int choice, const unsigned char *data, size_t size)
{
	CallsSettings *settings = palloc0_object(CallsSettings);
	const CallsOption *option = &calls_options[choice % calls_option_count];
	char	   *text = fuzz_text(data, size);

	calls_parse_option(option, text, settings);
	if (settings->path != NULL || settings->account_id != NULL)
	{
		const CallsDefinition *def = fuzz_definitions[choice % fuzz_ndefinitions];
		CallsBinding binding = {0};
		CallsPosition position = {0};

		check_request(settings->path != NULL ? settings->path : def->path,
					  calls_build_request(def, settings, &binding, &position, false));
	}
	if (settings->base_url != NULL)
		fuzz_require(calls_http_check_base_url(settings->base_url) == CALLS_URL_FINE);
	if (settings->api_key != NULL)
		fuzz_require(calls_is_printable(settings->api_key) && !calls_has_edge_blank(settings->api_key));
}

static void
run(const unsigned char *data, size_t size)
{
	static void (*const cases[]) (int, const unsigned char *, size_t) =
	{
		resolve_link, check_base, parse_date, parse_headers, receive_head, receive_pieces, build_requests, parse_option,
		read_pace
	};

	if (size >= CONTROL_BYTES)
		cases[data[0] % lengthof(cases)] (data[1], data + CONTROL_BYTES, size - CONTROL_BYTES);
}

const FuzzTarget fuzz_request = {.name = "request", .run = run};
