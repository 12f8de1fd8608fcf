/*
 * faults.c
 *		Faults: which one is due, and what it does to a page, a body or an answer.
 *
 * Edits work on text that the simulator wrote itself, so the little JSON reader
 * here need not check anything.
 */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEEP_LEVELS	10000
#define MAX_BYTES	1000000000

static const char *const kind_names[] = {
	[FAULT_NONE] = "", [FAULT_STATUS] = "status", [FAULT_DELAY] = "delay", [FAULT_HANG] = "hang",
	[FAULT_REFUSE] = "refuse", [FAULT_RESET] = "reset", [FAULT_TRUNCATE] = "truncate", [FAULT_HTML] = "html",
	[FAULT_EMPTY] = "empty", [FAULT_NOROWS] = "norows", [FAULT_ROWSOBJECT] = "rowsobject", [FAULT_DEEP] = "deep",
	[FAULT_BIG] = "big", [FAULT_VALUE] = "value", [FAULT_RAW] = "raw", [FAULT_SAMECURSOR] = "samecursor",
	[FAULT_NOCURSOR] = "nocursor", [FAULT_FOREIGNLINK] = "foreignlink",
};

/* What /_sim/fault takes beside provider and kind; needed_by: the kind that cannot do without it */
static const struct FaultArg
{
	const char *name;
	bool		is_text;
	size_t		offset;
	FaultKind	needed_by;
	FaultKind	needed_by_too;
}			fault_args[] = {
	{"after", false, offsetof(Fault, from), FAULT_NONE, FAULT_NONE},
	{"count", false, offsetof(Fault, left), FAULT_NONE, FAULT_NONE},
	{"code", false, offsetof(Fault, code), FAULT_STATUS, FAULT_NONE},
	{"reset", false, offsetof(Fault, reset), FAULT_NONE, FAULT_NONE},
	{"skew", false, offsetof(Fault, skew), FAULT_NONE, FAULT_NONE},
	{"ms", false, offsetof(Fault, ms), FAULT_DELAY, FAULT_NONE},
	{"bytes", false, offsetof(Fault, bytes), FAULT_BIG, FAULT_NONE},
	{"row", false, offsetof(Fault, row), FAULT_NONE, FAULT_NONE},
	{"retry_after", true, offsetof(Fault, retry_after), FAULT_NONE, FAULT_NONE},
	{"hint", true, offsetof(Fault, hint), FAULT_NONE, FAULT_NONE},
	{"message", true, offsetof(Fault, message), FAULT_NONE, FAULT_NONE},
	{"field", true, offsetof(Fault, field), FAULT_VALUE, FAULT_RAW},
	{"json", true, offsetof(Fault, json), FAULT_VALUE, FAULT_NONE},
	{"url", true, offsetof(Fault, url), FAULT_NONE, FAULT_NONE},
};

const char *
fault_name(FaultKind kind)
{
	return kind_names[kind];
}

/*
 * Arming
 */

static void
free_fault(Fault *fault)
{
	free(fault->retry_after);
	free(fault->hint);
	free(fault->message);
	free(fault->field);
	free(fault->json);
	free(fault->url);
}

void
fault_disarm(Provider *p)
{
	for (size_t i = 0; i < p->nfaults; i++)
		free_fault(&p->faults[i]);
	p->nfaults = 0;
}

/* The fault for the request just counted, or one of kind FAULT_NONE. Its strings stay ours. */
Fault
fault_pick(Provider *p)
{
	for (size_t i = 0; i < p->nfaults; i++)
	{
		Fault	   *fault = &p->faults[i];

		if (p->requests <= fault->from || fault->left == 0)
			continue;
		if (fault->left > 0)
			fault->left--;
		return *fault;
	}
	return (Fault) {.kind = FAULT_NONE};
}

/*
 * What the switch rate has against another request, or a fault of kind
 * FAULT_NONE. A bucket of tokens, each worth 1/rate seconds of waiting, holds
 * one second's worth; a request takes one, if there is one. The hint is the
 * provider's documented one, else Retry-After.
 */
Fault
fault_of_rate(Provider *p)
{
	int64_t		now = now_usecs();
	int64_t		worth;
	bool		resets = p->id == VOICY || p->id == RINGYO;

	if (p->sw.rate == 0)
		return (Fault) {.kind = FAULT_NONE};
	worth = USECS_PER_SEC / p->sw.rate;
	p->tokens = p->tokens_at == 0 ? USECS_PER_SEC : p->tokens + now - p->tokens_at;
	if (p->tokens > USECS_PER_SEC)
		p->tokens = USECS_PER_SEC;
	p->tokens_at = now;
	if (p->tokens >= worth)
	{
		p->tokens -= worth;
		return (Fault) {.kind = FAULT_NONE};
	}
	return (Fault) {
		.kind = FAULT_STATUS, .code = 429, .reset = resets ? 1 : -1,
		.retry_after = resets ? NULL : (char *) "1",
		.hint = p->id == VOICY ? (char *) "Please retry after 1 seconds." : NULL
	};
}

/* Periods of the switch quota are that long, and start at multiples of it. */
#define QUOTA_SECONDS	2

/* Like that, what the switch quota has against a request, which it counts. */
Fault
fault_of_quota(Provider *p)
{
	int64_t		period = (int64_t) time(NULL) / QUOTA_SECONDS;

	if (p->sw.quota == 0)
		return (Fault) {.kind = FAULT_NONE};
	if (period != p->quota_period)
		p->quota_used = 0;
	p->quota_period = period;
	if (p->quota_used++ < p->sw.quota)
		return (Fault) {.kind = FAULT_NONE};
	return (Fault) {.kind = FAULT_STATUS, .code = 429, .reset = -1};
}

/* Tell what is left of the quota after a request that was counted. */
void
add_quota_headers(Provider *p, Answer *answer)
{
	int64_t		left = p->sw.quota - p->quota_used;

	add_header(answer, "X-RateLimit-Limit", "%lld", (long long) p->sw.quota);
	add_header(answer, "X-RateLimit-Remaining", "%lld", (long long) (left > 0 ? left : 0));
	add_header(answer, "X-RateLimit-Reset", "%lld", (long long) ((p->quota_period + 1) * QUOTA_SECONDS));
}

static bool
parse_kind(const char *name, FaultKind *kind)
{
	for (size_t i = 1; i < lengthof(kind_names); i++)
		if (strcmp(name, kind_names[i]) == 0)
		{
			*kind = (FaultKind) i;
			return true;
		}
	return false;
}

static bool
parse_compress(const char *name, int *compress)
{
	*compress = strcmp(name, "gzip") == 0 ? COMPRESS_GZIP : strcmp(name, "deflate") == 0 ? COMPRESS_DEFLATE :
		COMPRESS_NONE;
	return *compress != COMPRESS_NONE || strcmp(name, "none") == 0;
}

/* Put one name=value into the fault. */
static bool
set_fault_arg(Fault *fault, const Arg *arg)
{
	if (arg->value == NULL)
		return false;
	if (strcmp(arg->name, "provider") == 0)
		return true;
	if (strcmp(arg->name, "kind") == 0)
		return parse_kind(arg->value, &fault->kind);
	if (strcmp(arg->name, "compress") == 0)
		return parse_compress(arg->value, &fault->compress);
	for (size_t i = 0; i < lengthof(fault_args); i++)
	{
		char	   *target = (char *) fault + fault_args[i].offset;

		if (strcmp(arg->name, fault_args[i].name) != 0)
			continue;
		if (fault_args[i].is_text)
		{
			free(*(char **) target);
			*(char **) target = xstrdup(arg->value);
			return true;
		}
		else
		{
			bool		minus = arg->value[0] == '-';
			int64_t		number;

			if (!parse_int(arg->value + minus, arg->len - minus, &number))
				return false;
			*(int64_t *) target = minus ? -number : number;
			return true;
		}
	}
	return false;
}

static bool
is_given(const Arg *args, size_t nargs, const char *name)
{
	for (size_t i = 0; i < nargs; i++)
		if (strcmp(args[i].name, name) == 0)
			return true;
	return false;
}

/* Arm a fault; false and a problem if an argument is wrong or missing. */
bool
fault_arm(Provider *p, const Arg *args, size_t nargs, Buf *problem)
{
	Fault		fault = {.left = 1, .reset = -1};

	for (size_t i = 0; i < nargs; i++)
		if (!set_fault_arg(&fault, &args[i]))
		{
			buf_printf(problem, "fault: %s=%s is not known\n", args[i].name, args[i].value ? args[i].value : "");
			free_fault(&fault);
			return false;
		}
	for (size_t i = 0; i < lengthof(fault_args); i++)
	{
		const struct FaultArg *arg = &fault_args[i];
		bool		needed = fault.kind == FAULT_NONE || fault.kind == arg->needed_by || fault.kind == arg->needed_by_too;

		if (!needed || (fault.kind != FAULT_NONE && is_given(args, nargs, arg->name)))
			continue;
		buf_printf(problem, "fault: %s is missing\n", fault.kind == FAULT_NONE ? "kind" : arg->name);
		free_fault(&fault);
		return false;
	}
	if (fault.bytes < 0 || fault.bytes > MAX_BYTES || (fault.kind == FAULT_STATUS && (fault.code < 200 || fault.code > 599)))
	{
		buf_printf(problem, "fault: bytes or code out of range\n");
		free_fault(&fault);
		return false;
	}
	fault.from += p->requests;
	p->faults = xrealloc(p->faults, (p->nfaults + 1) * sizeof(Fault));
	p->faults[p->nfaults++] = fault;
	return true;
}

/*
 * Editing JSON
 */

/* A member found in an object: [name, end), its value from value on */
typedef struct Span
{
	const char *name;
	const char *value;
	const char *end;
} Span;

static const char *
skip_space(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* The end of a string or of any value that starts at s. */
static const char *
skip_value(const char *s)
{
	int			depth = 0;

	do
	{
		if (*s == '"')
		{
			for (s++; *s != '"'; s++)
				s += *s == '\\';
			s++;
		}
		else if (*s == '{' || *s == '[')
		{
			depth++;
			s++;
		}
		else if (*s == '}' || *s == ']')
		{
			depth--;
			s++;
		}
		else if (depth > 0)
			s++;
		else
			s += strcspn(s, ",]} \t\r\n");
	} while (depth > 0);
	return s;
}

/* Find the dotted path below the object at s. */
static bool
find_member(const char *s, const char *path, Span *span)
{
	size_t		len = strcspn(path, ".");

	if (*s != '{')
		return false;
	for (s = skip_space(s + 1); *s == '"'; s = skip_space(s))
	{
		span->name = s;
		s = skip_value(s);
		span->value = skip_space(skip_space(s) + 1);
		span->end = skip_value(span->value);
		if ((size_t) (s - span->name - 2) == len && memcmp(span->name + 1, path, len) == 0)
			return path[len] == '\0' || find_member(span->value, path + len + 1, span);
		s = skip_space(span->end);
		s += *s == ',';
	}
	return false;
}

/*
 * The object with the member at path replaced by json; added at the front if it
 * is not there, taken out if json is empty. The caller frees the result.
 */
static Buf
with_member(Text object, const char *path, const char *json)
{
	Buf			out = {0};
	Span		span;
	const char *end = object.s + object.len;

	if (!find_member(object.s, path, &span))
	{
		buf_printf(&out, "{\"%s\":", path);
		buf_str(&out, *json ? json : "null");
		if (object.s[1] != '}')
			buf_char(&out, ',');
		buf_add(&out, object.s + 1, object.len - 1);
	}
	else if (*json)
	{
		buf_add(&out, object.s, (size_t) (span.value - object.s));
		buf_str(&out, json);
		buf_add(&out, span.end, (size_t) (end - span.end));
	}
	else
	{
		const char *rest = skip_space(span.end);

		buf_add(&out, object.s, (size_t) (span.name - object.s));
		if (*rest == ',')
			rest++;
		else if (out.data[out.len - 1] == ',')
			out.len--;
		buf_add(&out, rest, (size_t) (end - rest));
	}
	return out;
}

/* The object with byte 0xff at the start of the string at path. */
static Buf
with_raw_byte(Text object, const char *path)
{
	Span		span;
	Buf			json = {0};
	Buf			out;

	buf_str(&json, "\"\xff");
	if (find_member(object.s, path, &span) && *span.value == '"')
		buf_add(&json, span.value + 1, (size_t) (span.end - span.value - 1));
	else
		buf_char(&json, '"');
	out = with_member(object, path, json.data);
	buf_free(&json);
	return out;
}

static char *
filled(char c, size_t n, char *at)
{
	memset(at, c, n);
	return at + n;
}

/* The row with a member in which arrays nest, or with a long string. */
static Buf
with_padding(Text object, const Fault *fault)
{
	size_t		n = fault->kind == FAULT_DEEP ? DEEP_LEVELS : (size_t) fault->bytes;
	char	   *json = xmalloc(2 * (size_t) DEEP_LEVELS + n + 3);
	char	   *end;
	Buf			out;

	if (fault->kind == FAULT_DEEP)
		end = filled(']', n, filled('[', n, json));
	else
		end = filled('"', 1, filled('x', n, filled('"', 1, json)));
	*end = '\0';
	out = with_member(object, fault->kind == FAULT_DEEP ? "deep" : "padding", json);
	free(json);
	return out;
}

/*
 * Applying
 */

/* Change a page before it is written. */
void
fault_page(const Fault *fault, Page *page)
{
	size_t		row = (size_t) fault->row;
	Buf			text;

	if (fault->kind == FAULT_NOROWS)
		page->form = ROWS_NONE;
	else if (fault->kind == FAULT_ROWSOBJECT)
		page->form = ROWS_OBJECT;
	else if (fault->kind == FAULT_FOREIGNLINK && page->p->id == ACME)
	{
		Buf			json = {0};
		const char *url = fault->url ? fault->url : "https://calls.example.net/acme/v2/call-records?mark=AC-00000001";

		buf_json(&json, url, strlen(url), false);
		free(page->next);
		page->next = json.data;
	}
	if (fault->row < 0 || row >= page->nrows)
		return;
	if (fault->kind == FAULT_DEEP || fault->kind == FAULT_BIG)
		text = with_padding(page->rows[row], fault);
	else if (fault->kind == FAULT_VALUE)
		text = with_member(page->rows[row], fault->field, fault->json);
	else if (fault->kind == FAULT_RAW)
		text = with_raw_byte(page->rows[row], fault->field);
	else
		return;
	page->edited = text.data;
	page->rows[row] = (Text) {text.data, text.len};
}

/* Change a page after it was written. */
void
fault_body(const Fault *fault, Buf *body)
{
	if (fault->kind == FAULT_VALUE && fault->row < 0 && body->data[0] == '{')
	{
		Buf			text = with_member((Text) {body->data, body->len}, fault->field, fault->json);

		buf_free(body);
		*body = text;
	}
	else if (fault->kind == FAULT_TRUNCATE)
		body->len /= 2;
}

static const struct
{
	unsigned	status;
	const char *code;
	const char *message;
}			status_texts[] = {
	{400, "bad_request", "Bad request"},
	{401, "unauthorized", "Invalid API key"},
	{403, "forbidden", "Forbidden"},
	{404, "not_found", "Not found"},
	{408, "request_timeout", "Request timeout"},
	{422, "validation_error", "Validation failed"},
	{429, "rate_limit_exceeded", "Rate limit exceeded."},
	{502, "bad_gateway", "Bad gateway"},
	{503, "service_unavailable", "Service unavailable"},
	{504, "gateway_timeout", "Gateway timeout"},
	{0, "internal_error", "Internal server error"},
};

static void
fail_with_status(const Fault *fault, Provider *p, Answer *answer)
{
	time_t		date = time(NULL) + fault->skew;
	char		text[40];
	size_t		i = 0;
	Buf			message = {0};

	while (status_texts[i].status != 0 && status_texts[i].status != fault->code)
		i++;
	buf_str(&message, fault->message ? fault->message : status_texts[i].message);
	if (fault->hint)
		buf_printf(&message, " %s", fault->hint);
	answer->status = (unsigned) fault->code;
	p->def->error(&answer->body, answer->status, status_texts[i].code, NULL, message.data);
	buf_free(&message);
	add_header(answer, "Date", "%s", format_http_date(text, sizeof(text), date));
	if (fault->retry_after)
		add_header(answer, "Retry-After", "%s", fault->retry_after);
	if (fault->reset >= 0)
	{
		add_header(answer, "X-RateLimit-Limit", "60");
		add_header(answer, "X-RateLimit-Remaining", "0");
		add_header(answer, "X-RateLimit-Reset", "%lld", (long long) (date + fault->reset));
	}
}

/* Change the answer as a whole, whatever it is. */
void
fault_answer(const Fault *fault, Provider *p, Answer *answer)
{
	bool		replaces = fault->kind == FAULT_STATUS || fault->kind == FAULT_HTML || fault->kind == FAULT_EMPTY;

	if (replaces)
	{
		answer->body.len = 0;
		answer->status = 200;
	}
	answer->delay += fault->ms * 1000;
	if (fault->kind == FAULT_STATUS)
		fail_with_status(fault, p, answer);
	else if (fault->kind == FAULT_HTML)
	{
		answer->type = "text/html; charset=utf-8";
		buf_str(&answer->body, "<!DOCTYPE html>\n<html><head><title>Maintenance</title></head>"
				"<body><h1>We will be back soon</h1></body></html>\n");
	}
	else if (fault->kind == FAULT_HANG)
		answer->how = NEVER;
	else if (fault->kind == FAULT_REFUSE)
		answer->how = CLOSE;
	else if (fault->kind == FAULT_RESET)
		answer->how = SEND_HALF;
}
