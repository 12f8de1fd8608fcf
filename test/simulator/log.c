/*
 * log.c
 *		The request log: kept as it came, written out on demand.
 *
 * Guarded by sim.lock.
 */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

typedef struct Record
{
	LogFacts	facts;
	int64_t		n;
	int64_t		at;				/* microseconds since the program started */
	const char *method;
	char	   *text;			/* URI, body, then names and values, each zero-terminated; owned */
	size_t		body_len;
	size_t		nheaders;
} Record;

static Record *records;
static size_t nrecords;
static size_t capacity;

static const char *
known_method(const char *method)
{
	static const char *const methods[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"};

	for (size_t i = 0; i < lengthof(methods); i++)
		if (strcmp(method, methods[i]) == 0)
			return methods[i];
	return "other";
}

void
log_add(const HttpRequest *request, const LogFacts *facts)
{
	Record	   *record;
	Buf			text = {0};

	if (nrecords == capacity)
	{
		capacity = capacity ? 2 * capacity : 1024;
		records = xrealloc(records, capacity * sizeof(Record));
	}
	buf_reserve(&text, strlen(request->uri) + request->body_len + 256);
	buf_add(&text, request->uri, strlen(request->uri) + 1);
	buf_add(&text, request->body, request->body_len);
	buf_char(&text, '\0');
	for (size_t i = 0; i < request->nheaders; i++)
	{
		const char *value = request->headers[i].value;

		buf_add(&text, request->headers[i].name, strlen(request->headers[i].name) + 1);
		buf_add(&text, value, strlen(value) + 1);
	}
	record = &records[nrecords++];
	*record = (Record) {
		.facts = *facts, .n = (int64_t) nrecords, .at = now_usecs() - sim.started,
		.method = known_method(request->method), .text = text.data, .body_len = request->body_len,
		.nheaders = request->nheaders
	};
}

void
log_clear(void)
{
	for (size_t i = 0; i < nrecords; i++)
		free(records[i].text);
	nrecords = 0;
}

/* The query as an object; names given several times have an array. */
static void
render_query(char *query, Buf *out)
{
	size_t		nargs;
	Arg		   *args = split_query(query, &nargs);
	bool		first = true;

	buf_char(out, '{');
	for (size_t i = 0; i < nargs; i++)
	{
		size_t		times = 0;
		bool		before = false;

		for (size_t k = 0; k < nargs; k++)
			if (strcmp(args[k].name, args[i].name) == 0)
			{
				before |= k < i;
				times++;
			}
		if (before)
			continue;
		if (!first)
			buf_char(out, ',');
		first = false;
		buf_json(out, args[i].name, strlen(args[i].name), false);
		buf_str(out, times > 1 ? ":[" : ":");
		for (size_t k = i; k < nargs; k++)
			if (strcmp(args[k].name, args[i].name) == 0)
			{
				if (k > i)
					buf_char(out, ',');
				buf_json(out, args[k].value ? args[k].value : "", args[k].len, false);
			}
		if (times > 1)
			buf_char(out, ']');
	}
	buf_char(out, '}');
	free(args);
}

/* The body as it came if it is JSON, on one line; else as a string. */
static void
render_body(const char *body, size_t len, Buf *out)
{
	json_tokener *tokener = json_tokener_new();
	json_object *value;
	size_t		start;

	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	value = len ? json_tokener_parse_ex(tokener, body, (int) len) : NULL;
	if (len == 0)
		buf_str(out, "null");
	else if (value == NULL)
		buf_json(out, body, len, false);
	else
	{
		start = out->len;
		buf_add(out, body, len);
		for (size_t i = start; i < out->len; i++)
			if (out->data[i] == '\n' || out->data[i] == '\r')
				out->data[i] = ' ';
	}
	json_object_put(value);
	json_tokener_free(tokener);
}

static void
render_headers(const Record *record, const char *at, Buf *out)
{
	buf_char(out, '{');
	for (size_t i = 0; i < record->nheaders; i++)
	{
		const char *value = at + strlen(at) + 1;
		Buf			name = {0};
		bool		secret = strcasecmp(at, "Authorization") == 0 || strcasecmp(at, "X-WHIPPY-KEY") == 0;

		for (const char *c = at; *c; c++)
			buf_char(&name, *c >= 'A' && *c <= 'Z' ? (char) (*c | 32) : *c);
		if (i > 0)
			buf_char(out, ',');
		buf_json(out, name.data ? name.data : "", name.len, false);
		buf_char(out, ':');
		buf_json(out, secret ? "***" : value, secret ? 3 : strlen(value), false);
		buf_free(&name);
		at = value + strlen(value) + 1;
	}
	buf_char(out, '}');
}

static void
render_record(const Record *record, Buf *out)
{
	const LogFacts *facts = &record->facts;
	char	   *path = xstrdup(record->text);
	char	   *query = strchr(path, '?');
	const char *body = record->text + strlen(record->text) + 1;

	if (query != NULL)
		*query++ = '\0';
	buf_printf(out, "{\"n\":%lld,\"provider\":", (long long) record->n);
	if (facts->provider)
		buf_printf(out, "\"%s\"", facts->provider->def->name);
	else
		buf_str(out, "null");
	buf_printf(out, ",\"method\":\"%s\",\"path\":", record->method);
	buf_json(out, path, strlen(path), false);
	buf_str(out, ",\"query\":");
	render_query(query, out);
	buf_str(out, ",\"body\":");
	render_body(body, record->body_len, out);
	buf_printf(out, ",\"status\":%u,\"rows\":%zu,\"ok\":%s,\"headers\":", facts->status, facts->rows,
			   facts->ok ? "true" : "false");
	render_headers(record, body + record->body_len + 1, out);
	buf_printf(out, ",\"fault\":\"%s\",\"inflight\":%lld,\"at_ms\":%lld}\n", fault_name(facts->fault),
			   (long long) facts->inflight, (long long) record->at / 1000);
	free(path);
}

/* Write the log, one JSON object a line; only one provider's, if given. */
void
log_render(const Provider *only, Buf *out)
{
	for (size_t i = 0; i < nrecords; i++)
		if (only == NULL || records[i].facts.provider == only)
			render_record(&records[i], out);
}
