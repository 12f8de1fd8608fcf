/*-------------------------------------------------------------------------
 *
 * definition_parse.c
 *		Text of a definition -> CallsDefinition: all but columns and filters.
 *
 * providers/schema.json describes the language.  Everything that is kept is
 * copied out of the document.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "definition_parse.h"
#include "keys.h"
#include "syntax.h"

/* Integers beyond this lose digits in JSON readers (RFC 8259, section 6). */
#define MAX_JSON_INTEGER ((INT64CONST(1) << 53) - 1)

static const CallsChoice place_choices[] = {
	{"query", CALLS_PLACE_QUERY},
	{"body", CALLS_PLACE_BODY},
	{0}
};

static const CallsChoice style_choices[] = {
	{"page", CALLS_PAGING_PAGE},
	{"offset", CALLS_PAGING_OFFSET},
	{"cursor", CALLS_PAGING_CURSOR},
	{"last_id", CALLS_PAGING_LAST_ID},
	{"next_url", CALLS_PAGING_NEXT_URL},
	{0}
};

static const CallsChoice direction_choices[] = {
	{"asc", CALLS_ORDER_ASC},
	{"desc", CALLS_ORDER_DESC},
	{0}
};

static const CallsChoice method_choices[] = {
	{"GET", 0},
	{"POST", 1},
	{0}
};

const char *
calls_paging_word(CallsPagingStyle style)
{
	return style_choices[style].word;
}

/* Which keys a paging style needs. */
typedef enum Need
{
	UNUSED = 0,
	REQUIRED
} Need;

typedef struct StyleRule
{
	Need		param;
	Need		first;
	Need		next;
	bool		total_pages;	/* may be given */
} StyleRule;

static const StyleRule style_rules[] = {
	[CALLS_PAGING_PAGE] = {.param = REQUIRED, .first = REQUIRED, .total_pages = true},
	[CALLS_PAGING_OFFSET] = {.param = REQUIRED},
	[CALLS_PAGING_CURSOR] = {.param = REQUIRED, .next = REQUIRED},
	[CALLS_PAGING_LAST_ID] = {.param = REQUIRED},
	[CALLS_PAGING_NEXT_URL] = {.next = REQUIRED},
};

/* The keys of "auth". */
typedef struct Auth
{
	const char *header;
	const char *value;
	const char *basic;
} Auth;

/* Raises if a phrase says what is wrong with a member. */
static void
refuse_flaw(const CallsNode *object, const char *key, const char *flaw)
{
	if (flaw != NULL)
		calls_refuse_member(object, key, flaw);
}

/* "auth": a header of its own, or HTTP Basic. */
static void
parse_auth(const CallsNode *node, CallsDefinition *def)
{
	static const CallsKey keys[] = {
		{.name = "header", .kind = CALLS_KEY_STRING, .offset = offsetof(Auth, header)},
		{.name = "value", .kind = CALLS_KEY_STRING, .offset = offsetof(Auth, value)},
		{.name = "basic", .kind = CALLS_KEY_STRING, .offset = offsetof(Auth, basic)},
		{0}
	};
	Auth		auth = {0};
	const char *template_key;

	calls_read_object(node, keys, &auth);
	def->auth_basic = (auth.basic != NULL);
	if (def->auth_basic)
	{
		template_key = "basic";
		calls_refuse_member(node, "header", "cannot be combined with \"basic\"");
		calls_refuse_member(node, "value", "cannot be combined with \"basic\"");
		if (strchr(auth.basic, ':') == NULL)
			calls_refuse_member(node, "basic", "must be \"user:password\"");
		def->auth_header = "Authorization";
		def->auth_value = auth.basic;
	}
	else
	{
		template_key = "value";
		calls_require_member(node, "header");
		calls_require_member(node, "value");
		refuse_flaw(node, "header", calls_header_name_flaw(auth.header));
		if (calls_has_edge_blank(auth.value))
			calls_refuse_member(node, "value",
								"must not start or end with a blank");
		def->auth_header = auth.header;
		def->auth_value = auth.value;
	}
	refuse_flaw(node, template_key, calls_template_flaw(def->auth_value, true));
	if (strstr(def->auth_value, CALLS_API_KEY_PLACEHOLDER) == NULL)
		calls_refuse_member(node, template_key, "must contain {api_key}");
}

/* "errors": where an error reply says what went wrong. */
static void
parse_errors(const CallsNode *node, CallsDefinition *def)
{
	static const CallsKey keys[] = {
		{.name = "message", .kind = CALLS_KEY_PATHS,
			.offset = offsetof(CallsDefinition, error_message),
		.count_offset = offsetof(CallsDefinition, nerror_message)},
		{.name = "code", .kind = CALLS_KEY_PATHS,
			.offset = offsetof(CallsDefinition, error_code),
		.count_offset = offsetof(CallsDefinition, nerror_code)},
		{0}
	};

	calls_read_object(node, keys, def);
}

/* "request.parameters": what every request carries. */
static void
parse_fixed(const CallsNode *node, CallsDefinition *def, CallsPlace place)
{
	List	   *members;
	CallsFixedParam *fixed;
	ListCell   *lc;

	calls_require_kind(node, CALLS_NODE_OBJECT);
	members = calls_node_members(node);
	fixed = palloc0(sizeof(CallsFixedParam) * Max(list_length(members), 1));
	foreach(lc, members)
	{
		const CallsNode *member = lfirst(lc);
		CallsFixedParam *param = &fixed[foreach_current_index(lc)];

		if (!calls_is_printable(member->key) ||
			calls_member_path_flaw(member->key) != NULL)
			calls_refuse(member->label, member->path, NULL,
						 "is not a valid parameter name");
		if (member->kind == CALLS_NODE_STRING)
		{
			const char *word = calls_read_word(member);

			if (strstr(word, CALLS_API_KEY_PLACEHOLDER) != NULL ||
				strstr(word, CALLS_ACCOUNT_ID_PLACEHOLDER) != NULL)
				calls_refuse(member->label, member->path, NULL,
							 "must not contain a placeholder");
		}
		else if (member->kind == CALLS_NODE_INTEGER)
		{
			int64		number = calls_node_integer(member);

			if (number > MAX_JSON_INTEGER || number < -MAX_JSON_INTEGER)
				calls_refuse(member->label, member->path, NULL,
							 "must be between -(2^53 - 1) and 2^53 - 1");
		}
		else if (member->kind != CALLS_NODE_BOOLEAN &&
				 member->kind != CALLS_NODE_NUMBER)
			calls_refuse(member->label, member->path, NULL,
						 "must be a string, number or boolean");
		param->param = pstrdup(member->key);
		param->place = place;
		param->json = calls_node_json(member);
	}
	def->nfixed = list_length(members);
	def->fixed = fixed;
}

CallsPlace
calls_parse_request(const CallsNode *node, const char *(*path_flaw) (const char *path),
					CallsDefinition *def)
{
	typedef struct Request
	{
		int			method;
		const char *path;
		CallsPlace	place;
	} Request;
	static const CallsKey keys[] = {
		{.name = "method", .kind = CALLS_KEY_CHOICE, .required = true,
		.offset = offsetof(Request, method), .choices = method_choices},
		{.name = "path", .kind = CALLS_KEY_STRING, .required = true,
		.offset = offsetof(Request, path)},
		{.name = "in", .kind = CALLS_KEY_CHOICE,
		.offset = offsetof(Request, place), .choices = place_choices},
		{.name = "parameters"},
		{0}
	};
	Request		request = {0};
	CallsNode	fixed;

	calls_read_object(node, keys, &request);
	def->method = method_choices[request.method].word;
	def->path = request.path;
	refuse_flaw(node, "path", path_flaw(def->path));
	if (calls_node_member(node, "in").kind == CALLS_NODE_MISSING)
		request.place = strcmp(def->method, "GET") == 0 ?
			CALLS_PLACE_QUERY : CALLS_PLACE_BODY;
	else if (request.place == CALLS_PLACE_BODY && strcmp(def->method, "GET") == 0)
		calls_refuse_member(node, "in", "cannot be \"body\" for the method GET");

	fixed = calls_node_member(node, "parameters");
	if (fixed.kind != CALLS_NODE_MISSING)
		parse_fixed(&fixed, def, request.place);
	return request.place;
}

/* Raises where a style needs a key that is missing, or lacks a use for it. */
static void
check_need(const CallsNode *node, const char *key, Need need,
		   CallsPagingStyle style)
{
	if (need == REQUIRED)
		calls_require_member(node, key);
	else
		calls_refuse_member(node, key,
							psprintf("is not used by the style \"%s\"",
									 style_choices[style].word));
}

/* "paging". */
static void
parse_paging(const CallsNode *node, CallsDefinition *def, CallsPlace place)
{
	static const CallsKey keys[] = {
		{.name = "style", .kind = CALLS_KEY_CHOICE, .required = true,
		.offset = offsetof(CallsPaging, style), .choices = style_choices},
		{.name = "param", .kind = CALLS_KEY_PATH, .offset = offsetof(CallsPaging, param)},
		{.name = "in", .kind = CALLS_KEY_CHOICE,
		.offset = offsetof(CallsPaging, place), .choices = place_choices},
		{.name = "first", .kind = CALLS_KEY_INTEGER, .max = 1,
		.offset = offsetof(CallsPaging, first)},
		{.name = "next", .kind = CALLS_KEY_PATH, .offset = offsetof(CallsPaging, next)},
		{.name = "more", .kind = CALLS_KEY_PATH, .offset = offsetof(CallsPaging, more)},
		{.name = "total_pages", .kind = CALLS_KEY_PATH,
		.offset = offsetof(CallsPaging, total_pages)},
		{.name = "size_param", .kind = CALLS_KEY_PATH,
		.offset = offsetof(CallsPaging, size_param)},
		{.name = "size_default", .kind = CALLS_KEY_INTEGER, .min = 1, .max = INT_MAX,
		.offset = offsetof(CallsPaging, size_default)},
		{.name = "size_max", .kind = CALLS_KEY_INTEGER, .min = 1, .max = INT_MAX,
		.offset = offsetof(CallsPaging, size_max)},
		{0}
	};
	CallsPaging *paging = &def->paging;
	const StyleRule *rule;

	paging->place = place;
	calls_read_object(node, keys, paging);
	rule = &style_rules[paging->style];
	check_need(node, "param", rule->param, paging->style);
	check_need(node, "first", rule->first, paging->style);
	check_need(node, "next", rule->next, paging->style);
	if (!rule->total_pages)
		check_need(node, "total_pages", UNUSED, paging->style);

	if (paging->size_param != NULL)
		calls_require_member(node, "size_max");
	else
		calls_refuse_member(node, "size_max", "needs \"size_param\"");
	if (paging->size_param != NULL && paging->size_default > paging->size_max)
		calls_refuse_member(node, "size_default",
							"must not be greater than \"size_max\"");
}

/* "order"; without it the order is undocumented. */
static void
parse_order(const CallsNode *node, CallsDefinition *def, CallsPlace place)
{
	typedef struct Order
	{
		const char *column;
		CallsOrder	order;
	} Order;
	static const CallsKey keys[] = {
		{.name = "column", .kind = CALLS_KEY_STRING, .required = true,
		.offset = offsetof(Order, column)},
		{.name = "nulls", .kind = CALLS_KEY_BOOLEAN, .offset = offsetof(Order, order.nulls)},
		{.name = "default", .kind = CALLS_KEY_CHOICE,
		.offset = offsetof(Order, order.by_default), .choices = direction_choices},
		{.name = "param", .kind = CALLS_KEY_PATH, .offset = offsetof(Order, order.param)},
		{.name = "in", .kind = CALLS_KEY_CHOICE,
		.offset = offsetof(Order, order.place), .choices = place_choices},
		{.name = "asc", .kind = CALLS_KEY_STRING, .offset = offsetof(Order, order.asc)},
		{.name = "desc", .kind = CALLS_KEY_STRING, .offset = offsetof(Order, order.desc)},
		{0}
	};
	Order		read = {.order = {.nulls = true, .place = place}};
	CallsNode	column;

	calls_read_object(node, keys, &read);
	column = calls_node_member(node, "column");
	read.order.column = calls_parse_column_name(&column, def);
	if (read.order.param == NULL)
	{
		static const char *const dependent[] = {"in", "asc", "desc"};

		for (int i = 0; i < (int) lengthof(dependent); i++)
			calls_refuse_member(node, dependent[i], "needs \"param\"");
		calls_require_member(node, "default");
	}
	else if (read.order.asc == NULL && read.order.desc == NULL)
		calls_refuse_member(node, "param", "needs \"asc\" or \"desc\"");
	def->order = read.order;
}

/* Open the document, or raise what is wrong with its text. */
static CallsNode
open_definition(const char *json, const char *label)
{
	char	   *message;

	switch (calls_check_document(json, &message))
	{
		case CALLS_DOCUMENT_FINE:
			break;
		case CALLS_DOCUMENT_SYNTAX:
		case CALLS_DOCUMENT_DEPTH:
			calls_refuse(label, "", NULL, "%s", message);
		case CALLS_DOCUMENT_DUPLICATE:
			calls_refuse(label, message, NULL, "is given twice");
	}
	return calls_open_document(json, label);
}

/* Parse the members of the document, columns before what refers to them. */
static void
parse_members(const CallsNode *top, CallsDefinition *def)
{
	CallsPlace	place;
	CallsNode	node;

	node = calls_node_member(top, "auth");
	parse_auth(&node, def);
	node = calls_node_member(top, "errors");
	if (node.kind != CALLS_NODE_MISSING)
		parse_errors(&node, def);
	node = calls_node_member(top, "request");
	place = calls_parse_request(&node, calls_request_path_flaw, def);
	node = calls_node_member(top, "paging");
	parse_paging(&node, def, place);
	node = calls_node_member(top, "columns");
	calls_parse_columns(&node, def);
	def->order.column = -1;
	node = calls_node_member(top, "order");
	if (node.kind != CALLS_NODE_MISSING)
		parse_order(&node, def, place);
	node = calls_node_member(top, "filters");
	if (node.kind != CALLS_NODE_MISSING)
		calls_parse_filters(&node, def, place);
	node = calls_node_member(top, "details");
	if (node.kind != CALLS_NODE_MISSING)
		calls_parse_details(&node, def);
}

CallsDefinition *
calls_parse_definition(const char *json, const char *label)
{
	static const CallsKey keys[] = {
		{.name = "provider", .kind = CALLS_KEY_STRING, .required = true,
		.offset = offsetof(CallsDefinition, provider)},
		{.name = "title", .kind = CALLS_KEY_PROSE, .required = true,
		.offset = offsetof(CallsDefinition, title)},
		{.name = "docs", .kind = CALLS_KEY_STRING, .required = true,
		.offset = offsetof(CallsDefinition, docs)},
		{.name = "base_url", .kind = CALLS_KEY_STRING, .required = true,
		.offset = offsetof(CallsDefinition, base_url)},
		{.name = "basis", .kind = CALLS_KEY_PROSE, .offset = offsetof(CallsDefinition, basis)},
		{.name = "rates", .kind = CALLS_KEY_PROSE, .offset = offsetof(CallsDefinition, rates)},
		{.name = "auth", .required = true},
		{.name = "errors"},
		{.name = "request", .required = true},
		{.name = "rows", .kind = CALLS_KEY_PATH_OR_EMPTY, .required = true,
		.offset = offsetof(CallsDefinition, rows)},
		{.name = "total", .kind = CALLS_KEY_PATH, .offset = offsetof(CallsDefinition, total)},
		{.name = "paging", .required = true},
		{.name = "order"},
		{.name = "columns", .required = true},
		{.name = "filters"},
		{.name = "details"},
		{0}
	};
	CallsDefinition *def = palloc0(sizeof(CallsDefinition));
	CallsNode	top;

	top = open_definition(json, label);
	calls_read_object(&top, keys, def);
	if (!calls_is_identifier(def->provider))
		calls_refuse_member(&top, "provider",
							"must consist of lower-case letters, digits and underscores and start with a letter");
	if (strncmp(def->docs, "https://", 8) != 0 && strncmp(def->docs, "http://", 7) != 0)
		calls_refuse_member(&top, "docs", "must be an http or https URL");
	refuse_flaw(&top, "base_url", calls_base_url_flaw(def->base_url));

	parse_members(&top, def);
	calls_check_definition(def, label);
	return def;
}
