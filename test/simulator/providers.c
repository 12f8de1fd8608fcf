/*
 * providers.c
 *		What the providers' pages say: addresses, keys, parameters, the forms of replies.
 *
 * To be read beside the pages; docs of one provider are in one block each.
 */
#include "providers.h"

#include <string.h>

#define END_OF_PARAMS {.name = NULL}

static const char *const ascending_words[] = {"ascending", "descending", NULL};
static const char *const asc_words[] = {"asc", "desc", NULL};
static const char *const oldest_words[] = {"oldest", "newest", NULL};
static const char *const bound_words[] = {"inbound", "outbound", NULL};

/* Start a member of an object. */
static void
put_name(Buf *out, const char *name)
{
	if (out->data[out->len - 1] != '{')
		buf_char(out, ',');
	buf_printf(out, "\"%s\":", name);
}

/* Add the rows as a member, in the form a fault asks for, or not at all. Without a name, bare. */
static void
put_rows(const Page *page, Buf *out, const char *name)
{
	size_t		size = 256;

	if (page->form == ROWS_NONE)
		return;
	for (size_t i = 0; i < page->nrows; i++)
		size += page->rows[i].len + 16;
	buf_reserve(out, size);
	if (name != NULL)
		put_name(out, name);
	buf_char(out, page->form == ROWS_OBJECT ? '{' : '[');
	for (size_t i = 0; i < page->nrows; i++)
	{
		if (i > 0)
			buf_char(out, ',');
		if (page->form == ROWS_OBJECT)
			buf_printf(out, "\"%zu\":", i);
		buf_add(out, page->rows[i].s, page->rows[i].len);
	}
	buf_char(out, page->form == ROWS_OBJECT ? '}' : ']');
}

/* Add the total unless the switch leaves it out. */
static void
put_total(const Page *page, Buf *out, const char *name)
{
	const Switches *sw = &page->p->sw;
	int64_t		total = (int64_t) page->matching;

	if (sw->total == TOTAL_MISSING)
		return;
	if (sw->total == TOTAL_CAPPED && total > 1000)
		total = 1000;
	else if (sw->total == TOTAL_SHIFTED)
		total = total + sw->total_shift < 0 ? 0 : total + sw->total_shift;
	put_name(out, name);
	buf_int(out, total);
}

static void
put_flag(Buf *out, const char *name, bool value)
{
	put_name(out, name);
	buf_str(out, value ? "true" : "false");
}

/*
 * Voicy: seed 000
 */
static const char *const voicy_statuses[] = {"initiated", "ringing", "ongoing", "user_hangup", "agent_hangup",
	"inactivity", "error_inactivity", "busy", "no_answer", "error", "canceled", NULL};
static const char *const voicy_directions[] = {"incoming", "outgoing", NULL};

static const Param voicy_params[] = {
	{.name = "filter_criteria.agent_id", .in_body = true, .kind = K_UUID, .shape = ARRAY, .role = R_FILTER,
	.field = F_AGENT},
	{.name = "filter_criteria.call_status", .in_body = true, .kind = K_WORD, .shape = ARRAY, .role = R_FILTER,
	.field = F_STATUS, .words = voicy_statuses},
	{.name = "filter_criteria.direction", .in_body = true, .kind = K_WORD, .shape = ARRAY, .role = R_FILTER,
	.field = F_DIRECTION, .words = voicy_directions},
	{.name = "filter_criteria.start_timestamp.lower_threshold", .in_body = true, .kind = K_INT, .role = R_SINCE,
	.scale = 1000},
	{.name = "filter_criteria.start_timestamp.upper_threshold", .in_body = true, .kind = K_INT, .role = R_UNTIL,
	.scale = 1000},
	{.name = "sort_order", .in_body = true, .kind = K_WORD, .role = R_ORDER, .words = ascending_words},
	{.name = "limit", .in_body = true, .kind = K_INT, .role = R_LIMIT, .min = 1, .max = 1000},
	{.name = "pagination_key", .in_body = true, .kind = K_UUID, .role = R_CURSOR},
	END_OF_PARAMS
};

static void
voicy_wrap(const Page *page, Buf *out)
{
	if (page->form == ROWS_NONE)
		buf_str(out, "{\"message\":\"no calls\"}");
	else
		put_rows(page, out, NULL);
}

static void
voicy_error(Buf *out, unsigned status, const char *code, const char *field, const char *message)
{
	(void) code;
	(void) field;
	buf_str(out, status >= 500 ? "{\"status\":\"error\",\"message\":" : "{\"error\":");
	buf_json(out, message, strlen(message), false);
	buf_char(out, '}');
}

/*
 * TryVox: seed 001
 */
static const char *const tryvox_statuses[] = {"ringing", "in-progress", "completed", "failed", "busy", "no-answer",
	"canceled", NULL};

static const Param tryvox_params[] = {
	{.name = "status", .kind = K_WORD, .role = R_FILTER, .field = F_STATUS, .words = tryvox_statuses},
	{.name = "direction", .kind = K_WORD, .role = R_FILTER, .field = F_DIRECTION, .words = bound_words},
	{.name = "from", .kind = K_E164, .role = R_FILTER, .field = F_FROM},
	{.name = "to", .kind = K_E164, .role = R_FILTER, .field = F_TO},
	{.name = "page", .kind = K_INT, .role = R_PAGE, .min = 1},
	{.name = "per_page", .kind = K_INT, .role = R_LIMIT, .min = 1, .max = 100},
	END_OF_PARAMS
};

static void
tryvox_wrap(const Page *page, Buf *out)
{
	int64_t		per_page = page->q->limit;
	int64_t		pages = ((int64_t) page->matching + per_page - 1) / per_page;

	buf_char(out, '{');
	put_rows(page, out, "calls");
	put_name(out, "pagination");
	buf_printf(out, "{\"page\":%lld,\"per_page\":%lld,\"total_pages\":%lld", (long long) page->q->page,
			   (long long) per_page, (long long) pages);
	put_total(page, out, "total_count");
	buf_str(out, "}}");
}

static void
tryvox_error(Buf *out, unsigned status, const char *code, const char *field, const char *message)
{
	(void) status;
	buf_printf(out, "{\"error\":{\"code\":\"%s\",\"message\":", code);
	buf_json(out, message, strlen(message), false);
	buf_str(out, ",\"details\":[");
	if (field != NULL)
	{
		buf_str(out, "{\"field\":");
		buf_json(out, field, strlen(field), false);
		buf_str(out, ",\"reason\":");
		buf_json(out, message, strlen(message), false);
		buf_char(out, '}');
	}
	buf_str(out, "]}}");
}

/*
 * Solo Mobile: seed 002
 */
static const char *const solomobile_statuses[] = {"completed", "busy", "no-answer", "failed", "canceled", NULL};

static const Param solomobile_params[] = {
	{.name = "limit", .in_body = true, .kind = K_INT, .role = R_LIMIT, .min = 1, .max = 100},
	{.name = "offset", .in_body = true, .kind = K_INT, .role = R_OFFSET},
	{.name = "direction", .in_body = true, .kind = K_WORD, .role = R_FILTER, .field = F_DIRECTION, .words = bound_words},
	{.name = "status", .in_body = true, .kind = K_WORD, .role = R_FILTER, .field = F_STATUS,
	.words = solomobile_statuses},
	{.name = "agent_id", .in_body = true, .kind = K_UUID, .role = R_FILTER, .field = F_AGENT},
	{.name = "from_date", .in_body = true, .kind = K_DATE, .role = R_SINCE},
	{.name = "to_date", .in_body = true, .kind = K_DATE, .role = R_UNTIL},
	{.name = "phone_number", .in_body = true, .kind = K_E164, .role = R_FILTER, .field = F_FROM, .from_or_to = true},
	END_OF_PARAMS
};

static void
solomobile_wrap(const Page *page, Buf *out)
{
	buf_char(out, '{');
	put_rows(page, out, "calls");
	put_total(page, out, "total");
	put_flag(out, "has_more", page->more);
	buf_char(out, '}');
}

static void
code_message_error(Buf *out, unsigned status, const char *code, const char *field, const char *message)
{
	(void) status;
	(void) field;
	buf_printf(out, "{\"error\":{\"code\":\"%s\",\"message\":", code);
	buf_json(out, message, strlen(message), false);
	buf_str(out, "}}");
}

/*
 * Whippy: seed 003. Words are not documented, nor is the largest limit.
 */
#define WHIPPY_FILTER(param, how, which) \
	{.name = param, .in_body = true, .kind = how, .shape = ONE_OR_ARRAY, .role = R_FILTER, .field = which}

static const Param whippy_params[] = {
	{.name = "limit", .kind = K_INT, .role = R_LIMIT, .min = 1, .max = 500},
	{.name = "offset", .kind = K_INT, .role = R_OFFSET},
	{.name = "timeout", .kind = K_INT, .role = R_UNUSED, .min = 15000, .max = 120000},
	{.name = "before", .in_body = true, .kind = K_DATE, .role = R_UNTIL, .need_zone = true},
	{.name = "after", .in_body = true, .kind = K_DATE, .role = R_SINCE, .need_zone = true},
	WHIPPY_FILTER("from", K_E164, F_FROM),
	WHIPPY_FILTER("to", K_E164, F_TO),
	WHIPPY_FILTER("direction", K_TEXT, F_DIRECTION),
	WHIPPY_FILTER("delivery_status", K_TEXT, F_STATUS),
	WHIPPY_FILTER("mode", K_TEXT, F_MODE),
	WHIPPY_FILTER("language", K_TEXT, F_LANGUAGE),
	WHIPPY_FILTER("call_completion_rating", K_TEXT, F_RATING),
	{.name = "voicemail", .in_body = true, .kind = K_BOOL, .role = R_FILTER, .field = F_VOICEMAIL},
	{.name = "min_duration", .in_body = true, .kind = K_INT, .role = R_MIN_DURATION},
	{.name = "max_duration", .in_body = true, .kind = K_INT, .role = R_MAX_DURATION},
	WHIPPY_FILTER("agent_id", K_UUID, F_AGENT),
	WHIPPY_FILTER("agent_version_id", K_UUID, F_AGENT_VERSION),
	WHIPPY_FILTER("contact_id", K_UUID, F_CONTACT),
	WHIPPY_FILTER("conversation_id", K_UUID, F_CONVERSATION),
	WHIPPY_FILTER("channel_id", K_UUID, F_CHANNEL),
	END_OF_PARAMS
};

static void
whippy_wrap(const Page *page, Buf *out)
{
	buf_char(out, '{');
	put_rows(page, out, "data");
	put_total(page, out, "total");
	buf_char(out, '}');
}

static void
whippy_error(Buf *out, unsigned status, const char *code, const char *field, const char *message)
{
	(void) code;
	(void) field;
	buf_str(out, "{\"errors\":[{\"description\":");
	buf_json(out, message, strlen(message), false);
	buf_printf(out, "}],\"status\":%u}", status);
}

/*
 * Ringyo: seed 004
 */
static const char *const ringyo_statuses[] = {"queued", "ringing", "in_progress", "completed", "failed", "no_answer",
	"busy", NULL};

static const Param ringyo_params[] = {
	{.name = "limit", .kind = K_INT, .role = R_LIMIT, .min = 1, .max = 100},
	{.name = "cursor", .kind = K_TEXT, .role = R_CURSOR},
	{.name = "status", .kind = K_WORD, .role = R_FILTER, .field = F_STATUS, .words = ringyo_statuses},
	{.name = "agent_id", .kind = K_TEXT, .role = R_FILTER, .field = F_AGENT},
	{.name = "phone_number", .kind = K_E164, .role = R_FILTER, .field = F_TO},
	{.name = "from_date", .kind = K_DATE, .role = R_SINCE},
	{.name = "to_date", .kind = K_DATE, .role = R_UNTIL},
	{.name = "order", .kind = K_WORD, .role = R_ORDER, .words = asc_words},
	END_OF_PARAMS
};

static void
ringyo_wrap(const Page *page, Buf *out)
{
	buf_char(out, '{');
	put_rows(page, out, "data");
	put_flag(out, "has_more", page->more);
	put_name(out, "next_cursor");
	buf_str(out, page->next ? page->next : "null");
	put_total(page, out, "total");
	buf_char(out, '}');
}

static void
ringyo_error(Buf *out, unsigned status, const char *code, const char *field, const char *message)
{
	buf_printf(out, "{\"error\":{\"code\":\"%s\",\"message\":", code);
	buf_json(out, message, strlen(message), false);
	buf_str(out, ",\"details\":");
	if (field != NULL)
	{
		buf_str(out, "{\"field\":");
		buf_json(out, field, strlen(field), false);
		buf_char(out, '}');
	}
	else
		buf_str(out, "null");
	buf_printf(out, "},\"meta\":{\"request_id\":\"req_%08llx\"}}",
			   (unsigned long long) (mix((uint64_t) sim.requests + status) >> 32));
}

/*
 * Acme: made up, see README.md
 */
static const char *const acme_states[] = {"initiated", "talking", "done", "missed", NULL};

static const Param acme_params[] = {
	{.name = "state", .kind = K_WORD, .shape = REPEATED, .role = R_FILTER, .field = F_STATUS, .words = acme_states},
	{.name = "since", .kind = K_INT, .role = R_SINCE, .scale = USECS_PER_SEC, .exclusive = true},
	{.name = "until", .kind = K_INT, .role = R_UNTIL, .scale = USECS_PER_SEC, .exclusive = true},
	{.name = "phone", .kind = K_E164, .role = R_FILTER, .field = F_FROM},
	{.name = "sort", .kind = K_WORD, .role = R_ORDER, .words = oldest_words},
	{.name = "per", .kind = K_INT, .role = R_LIMIT, .min = 1, .max = 50},
	{.name = "mark", .kind = K_TEXT, .role = R_CURSOR},
	END_OF_PARAMS
};

static void
acme_wrap(const Page *page, Buf *out)
{
	buf_str(out, "{\"result\":{");
	put_rows(page, out, "records");
	put_total(page, out, "count");
	buf_str(out, "},\"links\":{");
	if (page->next != NULL)
		buf_printf(out, "\"next\":%s", page->next);
	buf_str(out, "}}");
}

const ProviderDef provider_defs[NPROVIDERS] = {
	[VOICY] = {
		.name = "voicy", .method = "POST", .path = "/v1/list-calls",
		.key_header = "Authorization", .key = "Bearer voicy_sk_test",
		.params = voicy_params, .default_limit = 50,
		.one_path = "/v1/get-call/",
		.wrap = voicy_wrap, .error = voicy_error,
	},
	[TRYVOX] = {
		.name = "tryvox", .method = "GET", .path = "/v1/voice/accounts/acc_1/calls",
		.key_header = "Authorization", .key = "Bearer tvx_sk_test",
		.params = tryvox_params, .default_limit = 20,
		.one_path = "/v1/voice/accounts/acc_1/calls/",
		.wrap = tryvox_wrap, .error = tryvox_error,
	},
	[SOLOMOBILE] = {
		.name = "solomobile", .method = "POST", .path = "/functions/v1/list-calls",
		.key_header = "Authorization", .key = "Bearer solo_test",
		.params = solomobile_params, .default_limit = 50, .free_order = true,
		.wrap = solomobile_wrap, .error = code_message_error,
	},
	[WHIPPY] = {
		.name = "whippy", .method = "POST", .path = "/v1/calls/search",
		.key_header = "X-WHIPPY-KEY", .key = "whippy_test",
		.params = whippy_params, .default_limit = 50, .free_order = true,
		.wrap = whippy_wrap, .error = whippy_error,
	},
	[RINGYO] = {
		.name = "ringyo", .method = "GET", .path = "/v1/calls",
		.key_header = "Authorization", .key = "Bearer ringyo_test",
		.params = ringyo_params, .default_limit = 20, .rate_headers = true,
		.one_path = "/v1/calls/",
		.wrap = ringyo_wrap, .error = ringyo_error,
	},
	[ACME] = {
		.name = "acme", .method = "GET", .path = "/acme/v2/call-records",
		.key_header = "Authorization", .key = "Basic YWNjXzE6YWNtZV90ZXN0",
		.params = acme_params, .default_limit = 10, .ascending = true,
		.wrap = acme_wrap, .error = code_message_error,
	},
};
