/*
 * answer.c
 *		From a request to an answer, without any HTTP library.
 *
 * A list request is counted, gets the fault that is due, is checked, answered,
 * logged, and then the changes that waited for it are made: all at once under
 * the lock, so that what happens depends on the order of requests alone. Delays
 * come afterwards.
 */
#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Everything known about one list request */
typedef struct Task
{
	Provider   *p;
	const HttpRequest *request;
	const char *query_text;		/* raw, "" if there is none */
	char	   *id;				/* of the one call that is asked for; owned, NULL: the list */
	Query		q;
	Fault		fault;
	Answer	   *answer;
	size_t		rows;
	bool		ok;
} Task;

/* A request's header, NULL if it is not there. */
const char *
request_header(const HttpRequest *request, const char *name)
{
	for (size_t i = 0; i < request->nheaders; i++)
		if (strcasecmp(request->headers[i].name, name) == 0)
			return request->headers[i].value;
	return NULL;
}

void
add_header(Answer *answer, const char *name, const char *format,...)
{
	va_list		args;
	AnswerHeader *header = &answer->headers[answer->nheaders++];

	header->name = name;
	va_start(args, format);
	vsnprintf(header->value, sizeof(header->value), format, args);
	va_end(args);
}

static bool
has_header(const Answer *answer, const char *name)
{
	for (size_t i = 0; i < answer->nheaders; i++)
		if (strcmp(answer->headers[i].name, name) == 0)
			return true;
	return false;
}

static void
fail(Task *task, unsigned status, const char *code, const char *field, const char *message)
{
	task->ok = false;
	task->answer->status = status;
	task->p->def->error(&task->answer->body, status, code, field, message);
}

static void
fail_problem(Task *task)
{
	const Problem *problem = &task->q.problem;
	bool		ringyo = task->p->id == RINGYO;
	const char *code = problem->kind == BAD_CURSOR ? "invalid_cursor" :
		problem->kind == BAD_DATE && ringyo ? "invalid_date_format" :
		ringyo ? "invalid_parameter" : "validation_error";
	char		message[256];

	sim.undocumented++;
	snprintf(message, sizeof(message), "%s: %s", problem->field, problem->reason);
	fail(task, 400, code, problem->field, message);
}

/*
 * Positions
 */

/* The place after (or at) a call in a list that is read in either direction. */
static size_t
place_of(const Page *page, const List *list, const Call *call, bool inclusive)
{
	if (page->reverse)
		return list->count - list_before(list, call->started, call->number, inclusive);
	return list_before(list, call->started, call->number, !inclusive);
}

/* The place after all calls of a second, or before them. */
static size_t
place_of_time(const Page *page, const List *list, int64_t started, bool inclusive)
{
	bool		after_all = page->reverse == inclusive;
	size_t		before = list_before(list, started, after_all ? UINT32_MAX : 0, after_all);

	return page->reverse ? list->count - before : before;
}

static bool
place_of_cursor(Page *page, const List *list, const char *cursor)
{
	Provider   *p = page->p;
	size_t		len;
	char	   *text = base64_decode(cursor, &len);
	json_object *object = text ? json_tokener_parse(text) : NULL;
	json_object *created = NULL;
	json_object *id = NULL;
	int64_t		started;
	bool		good = false;

	if (object != NULL && json_object_is_type(object, json_type_object) &&
		json_object_object_get_ex(object, "created_at", &created) &&
		parse_time(json_object_get_string(created), (size_t) json_object_get_string_len(created), true, &started))
	{
		if (p->sw.cursor != CURSOR_EXACT)
		{
			page->start = place_of_time(page, list, started, p->sw.cursor == CURSOR_INCLUSIVE);
			good = true;
		}
		else if (json_object_object_get_ex(object, "id", &id))
		{
			Call	   *call = data_find(p, json_object_get_string(id), (size_t) json_object_get_string_len(id));

			if (call != NULL)
				page->start = place_of(page, list, call, false);
			good = call != NULL;
		}
	}
	json_object_put(object);
	free(text);
	return good;
}

static int64_t
capped_product(int64_t a, int64_t b)
{
	return a > INT64_MAX / b ? INT64_MAX : a * b;
}

/* Find where the page starts; false and a problem if the position is wrong. */
static bool
find_start(Task *task, Page *page, const List *list)
{
	Query	   *q = &task->q;
	Provider   *p = task->p;
	Call	   *call;

	page->reverse = !p->def->free_order && !q->ascending;
	if (task->fault.kind == FAULT_SAMECURSOR && p->id != RINGYO && p->id != ACME)
		return true;
	if (p->id == TRYVOX)
		page->start = (size_t) capped_product(q->page - 1, q->limit);
	else if (p->def->free_order)
		page->start = (size_t) q->offset;
	else if (q->cursor != NULL && p->id == RINGYO)
	{
		if (place_of_cursor(page, list, q->cursor))
			return true;
		query_fail(q, BAD_CURSOR, "cursor", "invalid or expired");
		return false;
	}
	else if (q->cursor != NULL)
	{
		call = data_find(p, q->cursor, strlen(q->cursor));
		if (call == NULL)
		{
			query_fail(q, BAD_CURSOR, p->id == VOICY ? "pagination_key" : "mark", "no such call");
			return false;
		}
		page->start = place_of(page, list, call, p->id == VOICY && p->sw.key_inclusive);
	}
	return true;
}

static char *
ringyo_next(const Task *task, const Call *last)
{
	char		time[TIME_TEXT];
	char		id[UUID_TEXT];
	Buf			text = {0};
	Buf			json = {0};
	char	   *encoded;

	if (task->fault.kind == FAULT_SAMECURSOR && task->q.cursor != NULL)
		encoded = xstrdup(task->q.cursor);
	else
	{
		buf_printf(&text, "{\"created_at\":\"%s\"", format_time(time, last->started, 0, 0));
		if (task->p->sw.cursor == CURSOR_EXACT)
		{
			call_id_text(task->p, last, id);
			buf_printf(&text, ",\"id\":\"%s\"", id);
		}
		buf_char(&text, '}');
		encoded = base64_encode(text.data, text.len);
	}
	buf_json(&json, encoded, strlen(encoded), false);
	buf_free(&text);
	free(encoded);
	return json.data;
}

/* The absolute address of the next page: this request's own, with another mark. */
static char *
acme_next(const Task *task, const Call *last)
{
	const char *host = request_header(task->request, "Host");
	char		id[UUID_TEXT];
	bool		same = task->fault.kind == FAULT_SAMECURSOR;
	Buf			url = {0};
	Buf			json = {0};

	buf_printf(&url, "%s://%s%s?", sim.tls ? "https" : "http", host ? host : "127.0.0.1", task->p->def->path);
	for (const char *arg = task->query_text; *arg;)
	{
		size_t		len = strcspn(arg, "&");

		if (same || strncmp(arg, "mark=", 5) != 0)
		{
			buf_add(&url, arg, len);
			buf_char(&url, '&');
		}
		arg += len + (arg[len] == '&');
	}
	if (same)
		url.len--;
	else
	{
		call_id_text(task->p, last, id);
		buf_printf(&url, "mark=%s", id);
	}
	buf_json(&json, url.data, url.len, false);
	buf_free(&url);
	return json.data;
}

static void
set_next(Task *task, Page *page, const Call *last)
{
	const Fault *fault = &task->fault;
	bool		same = fault->kind == FAULT_SAMECURSOR && page->nrows > 0 && (task->q.cursor || task->p->id == ACME);

	if (fault->kind == FAULT_NOCURSOR)
		page->more = true;
	else if (same || page->more)
	{
		page->more = true;
		if (task->p->id == RINGYO)
			page->next = ringyo_next(task, last);
		else if (task->p->id == ACME)
			page->next = acme_next(task, last);
	}
	else if (task->p->id == ACME)
		page->next = xstrdup("null");
}

static void
answer_page(Task *task)
{
	Page		page = {.p = task->p, .q = &task->q};
	const List *list = list_for(task->p, &task->q);
	const Call *last = NULL;
	size_t		end;

	if (!find_start(task, &page, list))
		return;
	page.matching = list->count;
	if (page.start > list->count)
		page.start = list->count;
	end = page.start + (size_t) task->q.limit;
	page.more = end < list->count;
	for (size_t i = page.start; i < end && i < list->count; i++)
	{
		last = list->calls[page.reverse ? list->count - 1 - i : i];
		page.rows[page.nrows++] = (Text) {last->json, last->json_len};
	}
	set_next(task, &page, last);
	task->rows = page.nrows;
	fault_page(&task->fault, &page);
	task->p->def->wrap(&page, &task->answer->body);
	fault_body(&task->fault, &task->answer->body);
	free(page.next);
	free(page.edited);
}

/* One call, or a 404. */
static void
answer_single(Task *task, const Arg *args, size_t nargs)
{
	if (task->request->body_len > 0)
		query_fail(&task->q, BAD_BODY, "body", "there is none in a GET request");
	else if (!single_read(&task->q, task->p, args, nargs))
		return;
	else if (single_write(task->p, task->id, args, nargs, &task->fault, &task->answer->body))
	{
		task->rows = 1;
		fault_body(&task->fault, &task->answer->body);
	}
	else
	{
		task->answer->status = 404;
		task->p->def->error(&task->answer->body, 404, "not_found", NULL, "Call not found");
	}
}

/*
 * Checking
 */

/* Parse the body as the strict JSON object it must be; NULL and a problem if it is not. */
static json_object *
parse_body(Task *task)
{
	static json_tokener *tokener;	/* used under sim.lock only */
	const HttpRequest *request = task->request;
	const char *type = request_header(request, "Content-Type");
	json_object *body;

	if (type == NULL || strncasecmp(type, "application/json", 16) != 0)
	{
		query_fail(&task->q, BAD_BODY, "Content-Type", "must be application/json");
		return NULL;
	}
	if (tokener == NULL)
	{
		tokener = json_tokener_new();
		json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	}
	json_tokener_reset(tokener);
	body = request->body_len ? json_tokener_parse_ex(tokener, request->body, (int) request->body_len) : NULL;
	if (body == NULL || json_tokener_get_error(tokener) != json_tokener_success ||
		!json_object_is_type(body, json_type_object))
	{
		query_fail(&task->q, BAD_BODY, "body", "must be a JSON object");
		json_object_put(body);
		return NULL;
	}
	return body;
}

static void
read_request(Task *task, Arg *args, size_t nargs)
{
	bool		post = strcmp(task->p->def->method, "POST") == 0;
	json_object *body = NULL;

	if (post)
		body = parse_body(task);
	else if (task->request->body_len > 0)
		query_fail(&task->q, BAD_BODY, "body", "there is none in a GET request");
	query_read(task->p, &task->q, args, nargs, body);
	json_object_put(body);
}

static void
add_rate_headers(Answer *answer, time_t now)
{
	add_header(answer, "X-RateLimit-Limit", "300");
	add_header(answer, "X-RateLimit-Remaining", "299");
	add_header(answer, "X-RateLimit-Reset", "%lld", (long long) (now / 60 * 60 + 60));
}

/* Which compression the switch, or the client, asks for */
static int
choose_compression(const Task *task)
{
	int			wanted = task->fault.compress ? task->fault.compress : task->p->sw.compress;
	const char *accepted = request_header(task->request, "Accept-Encoding");
	int			best = COMPRESS_NONE;

	if (wanted != COMPRESS_AUTO)
		return wanted;
	while (accepted != NULL && *accepted)
	{
		size_t		len = strcspn(accepted, ",");
		size_t		word = strspn(accepted, " \t");
		size_t		name = strcspn(accepted + word, ",; \t");
		const char *q = memmem(accepted, len, "q=", 2);
		bool		refused = q != NULL && strtod(q + 2, NULL) == 0;

		if (!refused && name == 4 && strncasecmp(accepted + word, "gzip", 4) == 0)
			return COMPRESS_GZIP;
		if (!refused && name == 7 && strncasecmp(accepted + word, "deflate", 7) == 0)
			best = COMPRESS_DEFLATE;
		accepted += len + (accepted[len] == ',');
	}
	return best;
}

static void
answer_list(Task *task, Arg *args, size_t nargs)
{
	const char *key = request_header(task->request, task->p->def->key_header);

	task->ok = true;
	task->answer->status = 200;
	if (task->id == NULL)
		read_request(task, args, nargs);
	if (key == NULL || strcmp(key, task->p->def->key) != 0)
	{
		if (task->q.problem.kind != NO_PROBLEM)
			sim.undocumented++;
		fail(task, 401, "unauthorized", NULL, key ? "Invalid API key" : "Missing API key");
	}
	else
	{
		if (task->id != NULL)
			answer_single(task, args, nargs);
		else if (task->q.problem.kind == NO_PROBLEM)
			answer_page(task);
		if (task->q.problem.kind != NO_PROBLEM)
			fail_problem(task);
	}
	task->answer->compress = choose_compression(task);
	task->answer->delay = task->p->sw.latency * 1000;
	if (task->p->sw.quota > 0)
		add_quota_headers(task->p, task->answer);
	else if (task->p->def->rate_headers && !(task->fault.kind == FAULT_STATUS && task->fault.reset >= 0))
		add_rate_headers(task->answer, time(NULL));
	fault_answer(&task->fault, task->p, task->answer);
	if (task->answer->how == NEVER || task->answer->how == CLOSE || task->answer->status != 200 ||
		task->fault.kind == FAULT_HTML || task->fault.kind == FAULT_EMPTY)
		task->rows = 0;
	query_free(&task->q);
}

/* Make the data changes that waited for this request. */
static void
make_due_changes(Provider *p)
{
	size_t		kept = 0;

	for (size_t i = 0; i < p->nchanges; i++)
	{
		if (p->changes[i].due > p->requests)
			p->changes[kept++] = p->changes[i];
		else
			data_change(p, &p->changes[i]);
	}
	p->nchanges = kept;
}

static Provider *
provider_at(const char *path)
{
	for (int i = 0; i < NPROVIDERS; i++)
		if (strcmp(path, provider_defs[i].path) == 0)
			return &sim.providers[i];
	return NULL;
}

/* Answer a request to a provider's path, or to none. */
static void
answer_provider(const HttpRequest *request, const char *path, const char *query_text, Arg *args, size_t nargs,
				Answer *answer)
{
	Task		task = {.p = provider_at(path), .request = request, .query_text = query_text, .answer = answer};
	const char *method;
	bool		counts = false;

	if (task.p == NULL)
		task.p = single_provider(request->uri, &task.id);
	method = task.p == NULL || task.id != NULL ? "GET" : task.p->def->method;

	sim.requests++;
	sim.inflight++;
	answer->inflight = true;
	answer->type = "application/json";
	answer->compress = COMPRESS_NONE;
	if (task.p == NULL)
	{
		answer->status = 404;
		buf_str(&answer->body, "{\"error\":{\"code\":\"not_found\",\"message\":\"No such path\"}}");
	}
	else if (strcmp(request->method, method) != 0)
	{
		fail(&task, 405, "method_not_allowed", NULL, "Method not allowed");
		add_header(answer, "Allow", "%s", method);
	}
	else
	{
		counts = true;
		task.p->requests++;
		task.fault = fault_pick(task.p);
		if (task.fault.kind == FAULT_NONE)
			task.fault = fault_of_rate(task.p);
		if (task.fault.kind == FAULT_NONE)
			task.fault = fault_of_quota(task.p);
		answer_list(&task, args, nargs);
	}
	log_add(request, &(LogFacts) {
		.provider = task.p, .status = answer->how == NEVER || answer->how == CLOSE ? 0 : answer->status,
		.rows = task.rows, .ok = task.ok, .fault = task.fault.kind, .inflight = sim.inflight
	});
	if (counts)
		make_due_changes(task.p);
	free(task.id);
}

/* Fill in the answer to a request. answer must be zero; the caller frees its body. */
void
answer_request(const HttpRequest *request, Answer *answer)
{
	char	   *path = xstrdup(request->uri);
	char	   *query = strchr(path, '?');
	char	   *raw_query;
	Arg		   *args;
	size_t		nargs;
	char		date[40];

	if (query != NULL)
		*query++ = '\0';
	raw_query = xstrdup(query ? query : "");
	url_decode(path, strlen(path), false);
	args = split_query(query, &nargs);
	pthread_mutex_lock(&sim.lock);
	if (strncmp(path, "/_sim/", 6) == 0)
	{
		answer->is_control = true;
		answer->compress = COMPRESS_NONE;
		answer->type = "text/plain; charset=utf-8";
		if (strcmp(request->method, "GET") == 0)
			answer->status = control_answer(path + 6, args, nargs, &answer->body);
		else
			answer->status = 405;
	}
	else
		answer_provider(request, path, raw_query, args, nargs, answer);
	pthread_mutex_unlock(&sim.lock);
	if (!has_header(answer, "Date"))
		add_header(answer, "Date", "%s", format_http_date(date, sizeof(date), time(NULL)));
	free(args);
	free(raw_query);
	free(path);
}
