/*
 * floor.c
 *		The least that reading a call log costs a C program with json-c.
 *
 * Downloads all calls of a provider with libcurl, one page after the other
 * over one connection, parses each page with json-c, and builds ten C values
 * of every call: the common columns but for "source".  Then it prints sums of
 * what it built, so that the benchmark can compare them with the same sums in
 * SQL.  It neither retries, nor deduplicates, nor checks seams.
 *
 * usage: floor PROVIDER BASE-URL PAGE-SIZE
 */
#include <curl/curl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define lengthof(array) (sizeof(array) / sizeof((array)[0]))

typedef enum Style
{
	LAST_ID, PAGE, OFFSET, CURSOR
} Style;

typedef enum TimeFormat
{
	ISO8601, EPOCH_MS
} TimeFormat;

/* A word of the provider's and the common one. */
typedef struct Word
{
	const char *native;
	const char *common;
} Word;

typedef struct Provider
{
	const char *name;
	const char *header;			/* with the key */
	const char *path;
	const char *rows;			/* member with the array; NULL: the reply */
	Style		style;
	bool		post;
	const char *columns[9];		/* call_id to duration; NULL: not reported */
	const char *agent;			/* member with the agent's id in an object */
	TimeFormat	times;
	int			duration_unit;	/* microseconds */
	Word		statuses[12];
	Word		directions[3];
} Provider;

typedef struct String
{
	const char *text;			/* NULL: null */
	size_t		length;
} String;

/* A call as a C program would want it. */
typedef struct Call
{
	String		provider;
	String		texts[6];		/* call_id, status, direction, agent_id, from, to */
	int64_t		started_at;		/* microseconds since 1970 */
	int64_t		ended_at;
	int64_t		duration;		/* microseconds */
	bool		nulls[3];		/* of the last three */
} Call;

/* What is compared with SQL. */
typedef struct Sums
{
	int64_t		rows;
	int64_t		bytes;			/* of all texts */
	int64_t		started_at;		/* milliseconds */
	int64_t		ended_at;
	int64_t		duration;
} Sums;

typedef struct Body
{
	char	   *data;
	size_t		length;
	size_t		capacity;
} Body;

static const Provider providers[] = {
	{
		"voicy", "Authorization: Bearer voicy_sk_test", "/v1/list-calls", NULL, LAST_ID, true,
		{"call_id", "call_status", "direction", "agent", "from_number", "to_number", "start_timestamp", NULL, "duration_ms"},
		"id", EPOCH_MS, 1000,
		{{"initiated", "queued"}, {"ringing", "ringing"}, {"ongoing", "in_progress"}, {"user_hangup", "completed"},
		{"agent_hangup", "completed"}, {"inactivity", "completed"}, {"error_inactivity", "completed"}, {"busy", "busy"},
		{"no_answer", "no_answer"}, {"error", "failed"}, {"canceled", "canceled"}},
		{{"incoming", "inbound"}, {"outgoing", "outbound"}},
	},
	{
		"tryvox", "Authorization: Bearer tvx_sk_test", "/v1/voice/accounts/acc_1/calls", "calls", PAGE, false,
		{"call_uuid", "status", "direction", NULL, "from", "to", "start_time", "end_time", "duration"},
		NULL, ISO8601, 1000000,
		{{"in-progress", "in_progress"}, {"no-answer", "no_answer"}}, {{NULL, NULL}},
	},
	{
		"solomobile", "Authorization: Bearer solo_test", "/functions/v1/list-calls", "calls", OFFSET, true,
		{"id", "status", "direction", "agent_id", "from_number", "to_number", "created_at", NULL, "duration"},
		NULL, ISO8601, 1000000,
		{{"initiated", "queued"}, {"in-progress", "in_progress"}, {"no-answer", "no_answer"}}, {{NULL, NULL}},
	},
	{
		"whippy", "X-WHIPPY-KEY: whippy_test", "/v1/calls/search", "data", OFFSET, true,
		{"id", "delivery_status", "direction", "agent_id", "from", "to", "created_at", NULL, "duration"},
		NULL, ISO8601, 1000, {{NULL, NULL}}, {{NULL, NULL}},
	},
	{
		"ringyo", "Authorization: Bearer ringyo_test", "/v1/calls", "data", CURSOR, false,
		{"id", "status", NULL, "agent_id", "from_number", "phone_number", "created_at", "ended_at", "duration"},
		NULL, ISO8601, 1000000, {{NULL, NULL}}, {{NULL, NULL}},
	},
};

static void
fail(const char *what)
{
	fprintf(stderr, "floor: %s\n", what);
	exit(1);
}

/* ---- download ------------------------------------------------------------ */

static size_t
receive(char *piece, size_t size, size_t count, void *data)
{
	Body	   *body = data;
	size_t		more = size * count;

	while (body->length + more > body->capacity)
	{
		body->capacity = body->capacity ? 2 * body->capacity : 65536;
		body->data = realloc(body->data, body->capacity);
		if (body->data == NULL)
			fail("out of memory");
	}
	memcpy(body->data + body->length, piece, more);
	body->length += more;
	return more;
}

static CURL *
open_connection(const Provider *provider, Body *body)
{
	CURL	   *easy = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, provider->header);

	headers = curl_slist_append(headers, "Content-Type: application/json");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
	return easy;
}

/* Asks for the page at a position; page and offset styles count, the others name it. */
static void
download(CURL *easy, const Provider *provider, const char *base_url, int size, int64_t number, const char *text, Body *body)
{
	char		url[1024];
	char		request[512] = "";
	int			n = snprintf(url, sizeof(url), "%s%s", base_url, provider->path);
	char	   *escaped = text ? curl_easy_escape(easy, text, 0) : NULL;

	if (provider->style == PAGE)
		snprintf(url + n, sizeof(url) - n, "?per_page=%d&page=%" PRId64, size, number + 1);
	else if (provider->style == CURSOR)
		snprintf(url + n, sizeof(url) - n, "?limit=%d%s%s", size, text ? "&cursor=" : "", text ? escaped : "");
	else if (provider->style == LAST_ID)
		snprintf(request, sizeof(request), "{\"limit\":%d%s%s%s}", size,
				 text ? ",\"pagination_key\":\"" : "", text ? text : "", text ? "\"" : "");
	else if (strcmp(provider->name, "whippy") == 0)
	{
		snprintf(url + n, sizeof(url) - n, "?limit=%d&offset=%" PRId64, size, number * size);
		strcpy(request, "{}");
	}
	else
		snprintf(request, sizeof(request), "{\"limit\":%d,\"offset\":%" PRId64 "}", size, number * size);
	curl_free(escaped);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	if (provider->post)
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request);
	body->length = 0;
	if (curl_easy_perform(easy) != CURLE_OK)
		fail("a request failed");
}

/* ---- values --------------------------------------------------------------- */

static int
digits(const char *text, int count)
{
	int			value = 0;

	for (int i = 0; i < count; i++)
		value = value * 10 + (text[i] - '0');
	return value;
}

/* "Z" or "+01:00" in seconds. */
static int
parse_offset(const char *text, const char *end)
{
	int			offset;

	if (end - text != 6)
		return 0;
	offset = digits(text + 1, 2) * 3600 + digits(text + 4, 2) * 60;
	return *text == '-' ? -offset : offset;
}

/* "2026-10-31T23:59:59.123456Z" in microseconds since 1970. */
static int64_t
parse_time(const char *text, size_t length)
{
	int			year = digits(text, 4);
	int			month = digits(text + 5, 2);
	int64_t		days;
	int64_t		micros = 0;
	int64_t		unit = 100000;
	const char *end = text + length;
	const char *at = text + 19;

	/* days from the civil calendar, years beginning in March */
	year -= month <= 2;
	days = 365 * (int64_t) year + year / 4 - year / 100 + year / 400 +
		(153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + digits(text + 8, 2) - 1 - 719468;
	if (at < end && *at == '.')
		for (at++; at < end && *at >= '0' && *at <= '9'; at++, unit /= 10)
			micros += (*at - '0') * unit;
	return ((days * 24 + digits(text + 11, 2)) * 3600 + digits(text + 14, 2) * 60 + digits(text + 17, 2) -
			parse_offset(at, end)) * 1000000 + micros;
}

static String
map_word(const Word *words, String word)
{
	for (; words->native != NULL; words++)
		if (strlen(words->native) == word.length && memcmp(words->native, word.text, word.length) == 0)
			return (String) {words->common, strlen(words->common)};
	return word;
}

/* Copies a text, as it must outlive json-c's tree; *room moves on. */
static String
copy_text(char **room, String text)
{
	String		copy = {memcpy(*room, text.text, text.length), text.length};

	*room += text.length;
	return copy;
}

static bool
read_number(json_object *value, int64_t unit, int64_t *result)
{
	if (value == NULL)
		return false;
	*result = json_object_get_int64(value) * unit;
	return true;
}

static bool
read_time(const Provider *provider, json_object *value, int64_t *result)
{
	if (value == NULL)
		return false;
	if (provider->times == EPOCH_MS)
		return read_number(value, 1000, result);
	*result = parse_time(json_object_get_string(value), json_object_get_string_len(value));
	return true;
}

static void
build_call(const Provider *provider, json_object *row, Call *call, char **room)
{
	json_object *cells[9];

	for (int i = 0; i < 9; i++)
	{
		cells[i] = NULL;
		if (provider->columns[i] != NULL)
			json_object_object_get_ex(row, provider->columns[i], &cells[i]);
	}
	if (provider->agent != NULL && cells[3] != NULL)
		json_object_object_get_ex(cells[3], provider->agent, &cells[3]);
	call->provider = (String) {provider->name, strlen(provider->name)};
	for (int i = 0; i < 6; i++)
	{
		String		text = {NULL, 0};

		if (cells[i] != NULL)
		{
			text = (String) {json_object_get_string(cells[i]), json_object_get_string_len(cells[i])};
			if (i == 1)
				text = map_word(provider->statuses, text);
			else if (i == 2)
				text = map_word(provider->directions, text);
			text = copy_text(room, text);
		}
		call->texts[i] = text;
	}
	call->nulls[0] = !read_time(provider, cells[6], &call->started_at);
	call->nulls[1] = !read_time(provider, cells[7], &call->ended_at);
	call->nulls[2] = !read_number(cells[8], provider->duration_unit, &call->duration);
}

static void
add_call(Sums *sums, const Call *call)
{
	sums->rows++;
	sums->bytes += call->provider.length;
	for (int i = 0; i < 6; i++)
		sums->bytes += call->texts[i].length;
	sums->started_at += call->nulls[0] ? 0 : call->started_at / 1000;
	sums->ended_at += call->nulls[1] ? 0 : call->ended_at / 1000;
	sums->duration += call->nulls[2] ? 0 : call->duration / 1000;
}

/* ---- pages --------------------------------------------------------------- */

static json_object *
parse(json_tokener *tokener, const Body *body)
{
	json_object *reply;

	json_tokener_reset(tokener);
	reply = json_tokener_parse_ex(tokener, body->data, (int) body->length);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		fail("a reply is not JSON");
	return reply;
}

/* Is there another page?  The text that names it, if it takes one, goes to *next. */
static bool
has_more(const Provider *provider, json_object *reply, int64_t read, const Call *last, int count, char **next)
{
	json_object *value = NULL;

	free(*next);
	*next = NULL;
	if (provider->style == LAST_ID)
	{
		if (count > 0)
			*next = strndup(last->texts[0].text, last->texts[0].length);
		return count > 0;
	}
	if (provider->style == CURSOR)
	{
		if (json_object_object_get_ex(reply, "next_cursor", &value) && value != NULL)
			*next = strdup(json_object_get_string(value));
		return *next != NULL;
	}
	if (provider->style == PAGE)
		json_object_object_get_ex(json_object_object_get(reply, "pagination"), "total_count", &value);
	else
		json_object_object_get_ex(reply, "total", &value);
	return count > 0 && read < json_object_get_int64(value);
}

static Sums
read_log(const Provider *provider, const char *base_url, int size)
{
	Body		body = {0};
	Sums		sums = {0};
	CURL	   *easy = open_connection(provider, &body);
	json_tokener *tokener = json_tokener_new();
	Call	   *calls = malloc(sizeof(Call) * size);
	char	   *room = NULL;
	char	   *next = NULL;
	bool		more = true;

	for (int64_t number = 0; more; number++)
	{
		json_object *reply;
		json_object *rows;
		char	   *free_room;
		int			count;

		download(easy, provider, base_url, size, number, next, &body);
		reply = parse(tokener, &body);
		rows = provider->rows ? json_object_object_get(reply, provider->rows) : reply;
		count = (int) json_object_array_length(rows);
		if (count > size)
			fail("a page is too large");
		room = realloc(room, body.length + (size_t) count * 16);
		free_room = room;
		for (int i = 0; i < count; i++)
		{
			build_call(provider, json_object_array_get_idx(rows, i), &calls[i], &free_room);
			add_call(&sums, &calls[i]);
		}
		more = has_more(provider, reply, sums.rows, &calls[count - 1], count, &next);
		json_object_put(reply);
	}
	curl_easy_cleanup(easy);
	return sums;
}

int
main(int argc, char **argv)
{
	int			size = argc == 4 ? atoi(argv[3]) : 0;
	Sums		sums;

	if (size < 1)
		fail("usage: floor PROVIDER BASE-URL PAGE-SIZE");
	for (size_t i = 0; i < lengthof(providers); i++)
	{
		if (strcmp(providers[i].name, argv[1]) != 0)
			continue;
		curl_global_init(CURL_GLOBAL_DEFAULT);
		sums = read_log(&providers[i], argv[2], size);
		printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
			   sums.rows, sums.bytes, sums.started_at, sums.ended_at, sums.duration);
		return 0;
	}
	fail("no such provider");
}
