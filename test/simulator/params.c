/*
 * params.c
 *		Reads and checks a request's parameters against the provider's table.
 *
 * Strict: what the provider does not document is a problem, and only the first
 * one found is kept. What is right is translated into codes and bounds at once.
 */
#include "providers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What reading one parameter needs */
typedef struct Reader
{
	Provider   *p;
	Query	   *q;
	const Param *param;
	Filter	   *filter;			/* being filled; NULL if the filter is switched off */
} Reader;

void
query_fail(Query *q, ProblemKind kind, const char *field, const char *reason)
{
	if (q->problem.kind != NO_PROBLEM)
		return;
	q->problem.kind = kind;
	snprintf(q->problem.field, sizeof(q->problem.field), "%s", field);
	snprintf(q->problem.reason, sizeof(q->problem.reason), "%s", reason);
}

void
query_free(Query *q)
{
	for (size_t i = 0; i < q->nfilters; i++)
		free(q->filters[i].codes);
	free(q->cursor);
	buf_free(&q->key);
}

/* Is word the parameter's name, or a part of its dotted name? */
bool
param_is_named(const Param *param, const char *word, size_t len)
{
	for (const char *at = param->name; at != NULL; at = strchr(at, '.'))
	{
		at += *at == '.';
		if (strncmp(at, word, len) == 0 && (at[len] == '\0' || at[len] == '.'))
			return true;
	}
	return false;
}

static bool
is_switched_off(const Provider *p, const Param *param)
{
	if (p->sw.filters_off)
		return true;
	for (const char *word = p->sw.ignored; *word;)
	{
		size_t		len = strcspn(word, ",");

		if (param_is_named(param, word, len))
			return true;
		word += len + (word[len] == ',');
	}
	return false;
}

static bool
is_filter(const Param *param)
{
	return param->role <= R_MAX_DURATION;
}

/* Start a filter for the parameter, unless a switch says to ignore it. */
static void
begin_filter(Reader *r)
{
	r->filter = NULL;
	if (!is_filter(r->param) || is_switched_off(r->p, r->param) || r->q->nfilters == MAX_FILTERS)
		return;
	r->filter = &r->q->filters[r->q->nfilters++];
	*r->filter = (Filter) {.role = r->param->role, .field = r->param->field, .from_or_to = r->param->from_or_to};
	buf_printf(&r->q->key, ";%s", r->param->name);
}

static bool
bad_value(Reader *r, const char *reason)
{
	query_fail(r->q, r->param->kind == K_DATE ? BAD_DATE : BAD_VALUE, r->param->name, reason);
	return false;
}

static bool
check_word(Reader *r, Text value, int *index)
{
	char		reason[160] = "must be one of:";

	for (*index = 0; r->param->words[*index] != NULL; ++*index)
	{
		const char *word = r->param->words[*index];
		size_t		used = strlen(reason);

		if (strlen(word) == value.len && memcmp(word, value.s, value.len) == 0)
			return true;
		snprintf(reason + used, sizeof(reason) - used, " %s", word);
	}
	return bad_value(r, reason);
}

/* A date or duration bound; the exclusive one becomes the nearest inclusive one. */
static void
take_bound(Reader *r, int64_t bound)
{
	bool		exclusive = r->param->exclusive || (r->p->sw.exclusive_bounds && r->p->id != ACME);
	bool		lower = r->param->role == R_SINCE || r->param->role == R_MIN_DURATION;

	if (r->filter == NULL)
		return;
	r->filter->bound = exclusive ? bound + (lower ? 1 : -1) : bound;
	buf_printf(&r->q->key, "=%lld", (long long) r->filter->bound);
}

static void
take_code(Reader *r, uint32_t code)
{
	if (r->filter == NULL)
		return;
	r->filter->codes = xrealloc(r->filter->codes, (r->filter->ncodes + 1) * sizeof(uint32_t));
	r->filter->codes[r->filter->ncodes++] = code;
	buf_printf(&r->q->key, "=%u", code);
}

static bool
take_int(Reader *r, Text value)
{
	const Param *param = r->param;
	int64_t		number;
	char		reason[80];

	if (!parse_int(value.s, value.len, &number) || number < param->min || (param->max && number > param->max))
	{
		if (param->max)
			snprintf(reason, sizeof(reason), "must be an integer from %lld to %lld", (long long) param->min,
					 (long long) param->max);
		else
			snprintf(reason, sizeof(reason), "must be an integer of at least %lld", (long long) param->min);
		return bad_value(r, reason);
	}
	if (param->role == R_LIMIT)
		r->q->limit = number;
	else if (param->role == R_OFFSET)
		r->q->offset = number;
	else if (param->role == R_PAGE)
		r->q->page = number;
	else if (param->role == R_SINCE || param->role == R_UNTIL)
		take_bound(r, number > INT64_MAX / 2 / param->scale ? INT64_MAX / 2 : number * param->scale);
	else if (is_filter(param))
		take_bound(r, number);
	return true;
}

/* Check one value and put it where it belongs. */
static bool
take_value(Reader *r, Text value)
{
	const Param *param = r->param;
	int64_t		usecs;
	int			index = 0;

	switch (param->kind)
	{
		case K_INT:
			return take_int(r, value);
		case K_DATE:
			if (!parse_time(value.s, value.len, param->need_zone, &usecs))
				return bad_value(r, "must be an ISO 8601 date");
			take_bound(r, usecs);
			return true;
		case K_UUID:
			if (!is_uuid(value.s, value.len))
				return bad_value(r, "must be a UUID");
			break;
		case K_E164:
			if (!is_e164(value.s, value.len))
				return bad_value(r, "must be a phone number in E.164 format");
			break;
		case K_WORD:
			if (!check_word(r, value, &index))
				return false;
			break;
		default:
			break;
	}
	if (param->role == R_CURSOR)
	{
		free(r->q->cursor);
		r->q->cursor = memcpy(xmalloc(value.len + 1), value.s, value.len);
		r->q->cursor[value.len] = '\0';
	}
	else if (param->role == R_ORDER)
		r->q->ascending = index == 0;
	else if (param->role == R_FILTER)
		take_code(r, field_code(r->p, param->field, value.s, value.len));
	return true;
}

/* An empty value is a problem, or nothing at all. */
static void
take_empty(Reader *r)
{
	if (!r->p->sw.ignore_empty)
		bad_value(r, "must not be empty");
}

static const Param *
find_param(const Provider *p, const char *name, bool in_body)
{
	for (const Param *param = p->def->params; param->name != NULL; param++)
		if (param->in_body == in_body && strcmp(param->name, name) == 0)
			return param;
	return NULL;
}

static bool
seen_before(const Arg *args, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(args[k].name, args[i].name) == 0)
			return true;
	return false;
}

static void
read_query(Reader *r, const Arg *args, size_t nargs)
{
	for (size_t i = 0; i < nargs; i++)
	{
		bool		repeated = seen_before(args, i);

		r->param = find_param(r->p, args[i].name, false);
		if (r->param == NULL)
		{
			query_fail(r->q, UNKNOWN_PARAM, args[i].name, "unknown parameter");
			continue;
		}
		if (repeated && r->param->shape != REPEATED)
		{
			bad_value(r, "given more than once");
			continue;
		}
		if (repeated)
			continue;
		if (args[i].len == 0)
		{
			take_empty(r);
			continue;
		}
		begin_filter(r);
		for (size_t k = i; k < nargs; k++)
			if (strcmp(args[k].name, args[i].name) == 0)
			{
				if (args[k].len == 0)
					take_empty(r);
				else
					take_value(r, (Text) {args[k].value, args[k].len});
			}
	}
}

/* Check a JSON scalar's type, then its text. */
static void
read_scalar(Reader *r, json_object *value)
{
	json_type	type = json_object_get_type(value);
	json_type	wanted = r->param->kind == K_INT ? json_type_int : r->param->kind == K_BOOL ? json_type_boolean :
		json_type_string;
	const char *text;

	if (type != wanted)
	{
		bad_value(r, wanted == json_type_int ? "must be an integer" : wanted == json_type_boolean ?
				  "must be a boolean" : "must be a string");
		return;
	}
	text = json_object_get_string(value);
	take_value(r, (Text) {text, type == json_type_string ? (size_t) json_object_get_string_len(value) : strlen(text)});
}

static bool
is_empty_json(json_object *value)
{
	json_type	type = json_object_get_type(value);

	return type == json_type_null || (type == json_type_string && json_object_get_string_len(value) == 0) ||
		(type == json_type_array && json_object_array_length(value) == 0);
}

static void
read_member(Reader *r, json_object *value)
{
	bool		is_array = json_object_is_type(value, json_type_array);

	if (is_empty_json(value))
	{
		take_empty(r);
		return;
	}
	if (is_array ? r->param->shape == ONE : r->param->shape == ARRAY)
	{
		bad_value(r, is_array ? "must not be an array" : "must be an array");
		return;
	}
	begin_filter(r);
	if (!is_array)
		read_scalar(r, value);
	for (size_t i = 0; is_array && i < json_object_array_length(value); i++)
	{
		json_object *element = json_object_array_get_idx(value, i);

		if (is_empty_json(element))
			take_empty(r);
		else
			read_scalar(r, element);
	}
}

static bool
has_members(const Provider *p, const char *name)
{
	size_t		len = strlen(name);

	for (const Param *param = p->def->params; param->name != NULL; param++)
		if (param->in_body && strncmp(param->name, name, len) == 0 && param->name[len] == '.')
			return true;
	return false;
}

/* Read the members of an object; prefix is its dotted name and a dot, or nothing. */
static void
read_body(Reader *r, const char *prefix, json_object *object)
{
	json_object_object_foreach(object, name, value)
	{
		char		path[256];

		snprintf(path, sizeof(path), "%s%s", prefix, name);
		r->param = find_param(r->p, path, true);
		if (r->param != NULL)
			read_member(r, value);
		else if (!has_members(r->p, path))
			query_fail(r->q, UNKNOWN_PARAM, path, "unknown parameter");
		else if (!json_object_is_type(value, json_type_object))
			query_fail(r->q, BAD_VALUE, path, "must be an object");
		else
		{
			strncat(path, ".", sizeof(path) - strlen(path) - 1);
			read_body(r, path, value);
		}
	}
}

/*
 * Read a request into q, which must be zero. body is NULL where the provider
 * takes none. The caller calls query_free() also after a problem.
 */
void
query_read(Provider *p, Query *q, Arg *args, size_t nargs, json_object *body)
{
	Reader		r = {.p = p, .q = q};

	q->limit = p->def->default_limit;
	q->page = 1;
	q->ascending = p->def->ascending;
	read_query(&r, args, nargs);
	if (body != NULL)
		read_body(&r, "", body);
	if (p->sw.max_limit > 0 && q->limit > p->sw.max_limit)
		q->limit = p->sw.max_limit;
	if (q->key.data == NULL)
		buf_str(&q->key, "");
}
