/*-------------------------------------------------------------------------
 *
 * request.c
 *		Builds requests: query strings, JSON bodies, headers.
 *
 * Pure: no I/O.  Every value is percent-encoded or written by json-c, so that
 * nothing that comes from a query, an option or a reply can change the shape
 * of a request.  json-c objects hang on a memory context's reset callback.
 * Must not include utils/builtins.h, whose json_object clashes with json-c's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <json-c/json.h>

#include "common/base64.h"
#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "compat.h"
#include "request.h"
#include "syntax.h"

/* A request while it is being built. */
typedef struct RequestBuilder
{
	bool		for_display;
	StringInfoData query;		/* without the question mark */
	bool		has_body;
	json_object *body;			/* these two are owned by json_owner */
	json_object *scratch;		/* a value in no body yet, or NULL */
	MemoryContextCallback json_owner;
} RequestBuilder;

static void
release_body(void *arg)
{
	RequestBuilder *builder = arg;

	json_object_put(builder->body);
	json_object_put(builder->scratch);
	builder->body = NULL;
	builder->scratch = NULL;
}

/* Raises if json-c could not allocate. */
static void
check_json(bool ok)
{
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Could not build the body of a request.")));
}

/* Adds a child that the parent owns from now on. */
static void
add_member(json_object *parent, const char *name, json_object *child)
{
	check_json(child != NULL);
	if (json_object_object_add(parent, name, child) != 0)
	{
		json_object_put(child);
		check_json(false);
	}
}

/* Percent-encodes all but unreserved characters (RFC 3986 section 2.3). */
static void
append_encoded(StringInfo out, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (const unsigned char *c = (const unsigned char *) text; *c; c++)
	{
		if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			(*c >= '0' && *c <= '9') || strchr("-._~", *c) != NULL)
			appendStringInfoChar(out, (char) *c);
		else
		{
			appendStringInfoChar(out, '%');
			appendStringInfoChar(out, hex[*c >> 4]);
			appendStringInfoChar(out, hex[*c & 15]);
		}
	}
}

/* Starts the next parameter of the query string. */
static void
append_name(RequestBuilder *builder, const char *name)
{
	if (builder->query.len > 0)
		appendStringInfoChar(&builder->query, '&');
	append_encoded(&builder->query, name);
	appendStringInfoChar(&builder->query, '=');
}

static void
add_query(RequestBuilder *builder, const char *name, const char *value)
{
	append_name(builder, name);
	append_encoded(&builder->query, value);
}

/*
 * Puts a value at a dotted place in the body, making the objects on the way;
 * the body owns it from now on.
 */
static void
add_body(RequestBuilder *builder, const char *name, json_object *value)
{
	json_object *parent = builder->body;
	char	   *copy = pstrdup(name);
	char	   *segment = copy;
	char	   *dot;

	while ((dot = strchr(segment, '.')) != NULL)
	{
		json_object *child;

		*dot = '\0';
		if (!json_object_object_get_ex(parent, segment, &child))
		{
			child = json_object_new_object();
			add_member(parent, segment, child);
		}
		parent = child;
		segment = dot + 1;
	}
	add_member(parent, segment, value);
	builder->has_body = true;
}

/* A value as JSON, in the form that the format asks for. */
static json_object *
json_value(CallsFormat format, const char *value)
{
	switch (format)
	{
		case CALLS_FORMAT_EPOCH_S:
		case CALLS_FORMAT_EPOCH_MS:
		case CALLS_FORMAT_S:
		case CALLS_FORMAT_MS:
		case CALLS_FORMAT_INTEGER:
			return json_object_new_int64(strtoll(value, NULL, 10));
		case CALLS_FORMAT_BOOLEAN:
			return json_object_new_boolean(strcmp(value, "true") == 0);
		default:
			return json_object_new_string(value);
	}
}

/* Writes a filter's values into the query string. */
static void
add_filter_to_query(RequestBuilder *builder, const CallsSentFilter *sent)
{
	const char *param = sent->filter->param;

	for (int i = 0; i < sent->nvalues; i++)
	{
		if (i > 0 && sent->filter->list == CALLS_LIST_COMMA)
			appendStringInfoString(&builder->query, "%2C");
		else
			append_name(builder, param);
		if (sent->known)
			append_encoded(&builder->query, sent->values[i]);
		else
			appendStringInfoString(&builder->query, sent->values[i]);
	}
}

/* Writes a filter's values into the body. */
static void
add_filter_to_body(RequestBuilder *builder, const CallsSentFilter *sent)
{
	const CallsFilter *filter = sent->filter;
	CallsFormat format = sent->known ? filter->format : CALLS_FORMAT_TEXT;
	json_object *array;

	if (filter->list == CALLS_LIST_COMMA)
	{
		StringInfoData joined;

		initStringInfo(&joined);
		for (int i = 0; i < sent->nvalues; i++)
			appendStringInfo(&joined, "%s%s", i > 0 ? "," : "", sent->values[i]);
		add_body(builder, filter->param, json_object_new_string(joined.data));
		return;
	}
	if (filter->list == CALLS_LIST_SINGLE || !sent->known ||
		(filter->list == CALLS_LIST_SCALAR_OR_ARRAY && sent->nvalues == 1))
	{
		add_body(builder, filter->param, json_value(format, sent->values[0]));
		return;
	}
	array = json_object_new_array();
	add_body(builder, filter->param, array);
	for (int i = 0; i < sent->nvalues; i++)
	{
		json_object *value = json_value(format, sent->values[i]);

		check_json(value != NULL);
		if (json_object_array_add(array, value) != 0)
		{
			json_object_put(value);
			check_json(false);
		}
	}
}

/* Parameters that every request has. */
static void
add_fixed(RequestBuilder *builder, const CallsDefinition *def)
{
	for (int i = 0; i < def->nfixed; i++)
	{
		const CallsFixedParam *fixed = &def->fixed[i];

		if (fixed->place == CALLS_PLACE_BODY)
		{
			add_body(builder, fixed->param, json_tokener_parse(fixed->json));
			continue;
		}
		builder->scratch = json_tokener_parse(fixed->json);
		check_json(builder->scratch != NULL);
		add_query(builder, fixed->param, json_object_get_string(builder->scratch));
		json_object_put(builder->scratch);
		builder->scratch = NULL;
	}
}

/* A text parameter. */
static void
add_text(RequestBuilder *builder, CallsPlace place, const char *name, const char *text)
{
	if (place == CALLS_PLACE_BODY)
		add_body(builder, name, json_object_new_string(text));
	else
		add_query(builder, name, text);
}

/* The order, where it is not the one the provider has by itself. */
static void
add_order(RequestBuilder *builder, const CallsOrder *order, CallsOrderDirection direction)
{
	if (direction == CALLS_ORDER_NONE || direction == order->by_default)
		return;
	add_text(builder, order->place, order->param,
			 direction == CALLS_ORDER_ASC ? order->asc : order->desc);
}

/* An integer parameter of the paging. */
static void
add_number(RequestBuilder *builder, CallsPlace place, const char *name, int64 number)
{
	if (place == CALLS_PLACE_BODY)
		add_body(builder, name, json_object_new_int64(number));
	else
		add_query(builder, name, psprintf(INT64_FORMAT, number));
}

/* Page size and position. */
static void
add_paging(RequestBuilder *builder, const CallsPaging *paging,
		   const CallsPosition *position)
{
	if (paging->size_param != NULL && position->size > 0)
		add_number(builder, paging->place, paging->size_param, position->size);
	switch (paging->style)
	{
		case CALLS_PAGING_PAGE:
			add_number(builder, paging->place, paging->param, position->number);
			break;
		case CALLS_PAGING_OFFSET:
			if (position->number > 0)
				add_number(builder, paging->place, paging->param, position->number);
			break;
		case CALLS_PAGING_CURSOR:
		case CALLS_PAGING_LAST_ID:
			if (position->text != NULL)
				add_text(builder, paging->place, paging->param, position->text);
			break;
		case CALLS_PAGING_NEXT_URL:
			break;				/* the reply gives the whole address */
	}
}

/* Replaces {api_key} and {account_id}; a value that is NULL stays as it is. */
static char *
fill_template(const char *template, const char *api_key, const char *account_id,
			  bool encode)
{
	StringInfoData out;
	const char *rest = template;

	initStringInfo(&out);
	while (*rest)
	{
		const char *value = NULL;
		size_t		skip = 0;

		if (api_key && strncmp(rest, "{api_key}", 9) == 0)
			value = api_key, skip = 9;
		else if (account_id && strncmp(rest, "{account_id}", 12) == 0)
			value = account_id, skip = 12;

		if (value == NULL)
			appendStringInfoChar(&out, *rest++);
		else
		{
			if (encode)
				append_encoded(&out, value);
			else
				appendStringInfoString(&out, value);
			rest += skip;
		}
	}
	return out.data;
}

/* The body's text, copied out of json-c; NULL where there is none. */
static const char *
body_text(RequestBuilder *builder, const CallsDefinition *def)
{
	const char *text;

	if (!builder->has_body && strcmp(def->method, "POST") != 0)
		return NULL;
	text = json_object_to_json_string_ext(builder->body,
										  JSON_C_TO_STRING_NOSLASHESCAPE |
										  (builder->for_display ? JSON_C_TO_STRING_SPACED
										   : JSON_C_TO_STRING_PLAIN));
	check_json(text != NULL);
	return text;
}

/*
 * A builder with what every request has, in a new memory context, which is
 * made the current one.
 */
static RequestBuilder *
begin_request(const CallsDefinition *def, bool for_display)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw request",
												  ALLOCSET_SMALL_SIZES);
	RequestBuilder *builder;

	MemoryContextSwitchTo(context);
	builder = palloc0_object(RequestBuilder);
	builder->for_display = for_display;
	builder->json_owner.func = release_body;
	builder->json_owner.arg = builder;
	MemoryContextRegisterResetCallback(context, &builder->json_owner);
	builder->body = json_object_new_object();
	check_json(builder->body != NULL);
	initStringInfo(&builder->query);
	add_fixed(builder, def);
	return builder;
}

/* The finished request; ends the builder's context and makes "result" current. */
static CallsRequest *
end_request(RequestBuilder *builder, const CallsDefinition *def,
			const CallsSettings *settings, const char *path, MemoryContext result)
{
	MemoryContext context = MemoryContextSwitchTo(result);
	CallsRequest *request = palloc0_object(CallsRequest);
	const char *base_url = settings->base_url ? settings->base_url : def->base_url;
	const char *body = body_text(builder, def);

	request->method = def->method;
	request->url = psprintf("%s%s%s%s", base_url, path, builder->query.len > 0 ? "?" : "",
							builder->query.data);
	request->target = request->url + strlen(base_url);
	request->body = body ? pstrdup(body) : NULL;
	MemoryContextDelete(context);
	return request;
}

CallsRequest *
calls_build_request(const CallsDefinition *def, const CallsSettings *settings,
					const CallsBinding *binding, const CallsPosition *position,
					bool for_display)
{
	MemoryContext result = CurrentMemoryContext;
	RequestBuilder *builder = begin_request(def, for_display);

	for (int i = 0; i < binding->nsent; i++)
	{
		if (binding->sent[i].filter->place == CALLS_PLACE_BODY)
			add_filter_to_body(builder, &binding->sent[i]);
		else
			add_filter_to_query(builder, &binding->sent[i]);
	}
	add_order(builder, &def->order, binding->order);
	add_paging(builder, &def->paging, position);
	return end_request(builder, def, settings,
					   fill_template(settings->path ? settings->path : def->path, NULL,
									 for_display ? NULL : settings->account_id, true),
					   result);
}

CallsRequest *
calls_build_call_request(const CallsDefinition *def, const CallsSettings *settings,
						 const char *id, bool known, bool for_display)
{
	MemoryContext result = CurrentMemoryContext;
	RequestBuilder *builder = begin_request(def, for_display);
	const char *place = strstr(def->path, CALLS_CALL_ID_PLACEHOLDER);
	char	   *before = pnstrdup(def->path, place - def->path);
	const char *after = place + strlen(CALLS_CALL_ID_PLACEHOLDER);
	const char *account_id = for_display ? NULL : settings->account_id;
	StringInfoData path;

	/* the id is none of what is filled in, whatever it looks like */
	initStringInfo(&path);
	appendStringInfoString(&path, fill_template(before, NULL, account_id, true));
	if (known)
		append_encoded(&path, id);
	else
		appendStringInfoString(&path, id);
	appendStringInfoString(&path, fill_template(after, NULL, account_id, true));
	return end_request(builder, def, settings, path.data, result);
}

/* The header that signs the request in. */
static char *
auth_header(const CallsDefinition *def, CallsSettings *settings)
{
	char	   *value = fill_template(def->auth_value, settings->api_key,
									  settings->account_id, false);
	int			length = (int) strlen(value);
	int			size;
	char	   *encoded;

	if (!def->auth_basic)
		return psprintf("%s: %s", def->auth_header, value);

	/* RFC 7617 section 2 */
	size = pg_b64_enc_len(length);
	encoded = palloc(size + 1);
	size = pg_b64_encode((const void *) value, length, encoded, size);
	if (size < 0)
		elog(ERROR, "could not encode credentials");
	encoded[size] = '\0';
	if (settings->credentials == NULL)
		settings->credentials =
			MemoryContextStrdup(GetMemoryChunkContext(settings), encoded);
	return psprintf("%s: Basic %s", def->auth_header, encoded);
}

List *
calls_build_headers(const CallsDefinition *def, CallsSettings *settings)
{
	List	   *headers = list_make2(auth_header(def, settings),
									 pstrdup("Accept: application/json"));

	if (strcmp(def->method, "POST") == 0)
		headers = lappend(headers, pstrdup("Content-Type: application/json"));
	for (int i = 0; i < settings->nheaders; i++)
		headers = lappend(headers, psprintf("%s: %s", settings->headers[i].name,
											settings->headers[i].value));
	return headers;
}
