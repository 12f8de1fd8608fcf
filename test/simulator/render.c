/*
 * render.c
 *		Writes one call: as the provider serves it, and as the table shows it.
 *
 * The table's form (CSV) is written from the same drawn values as the JSON, not
 * read back from it, so that it does not depend on anybody's JSON parser.
 */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Write a phone number; NULL for null. out needs 17 bytes. */
const char *
phone_text(uint32_t code, char *out)
{
	uint32_t	customer = code - NOWN - 1;

	if (code == 0)
		return NULL;
	if (code == ANONYMOUS)
		return "anonymous";
	if (code <= NOWN)
		snprintf(out, 17, "+1800555%04u", 1000 + code);
	else if (customer % 10 == 7)
		snprintf(out, 17, "+44207946%04u", 100 + customer);
	else if (customer % 10 == 9)
		snprintf(out, 17, "+49301234%05u", 50000 + customer * 7);
	else
		snprintf(out, 17, "+1%s555%04u", customer % 3 == 0 ? "415" : customer % 3 == 1 ? "212" : "604", 1000 + customer);
	return out;
}

/* Start a member: a comma where one is needed, the name, a colon. */
static void
member(Buf *b, const char *name)
{
	if (b->data[b->len - 1] != '{')
		buf_char(b, ',');
	buf_char(b, '"');
	buf_str(b, name);
	buf_add(b, "\":", 2);
}

static void
put_raw(Buf *b, const char *name, const char *json)
{
	member(b, name);
	buf_str(b, json ? json : "null");
}

static void
put_text(Buf *b, const char *name, const char *text, bool escape)
{
	member(b, name);
	if (text == NULL)
		buf_str(b, "null");
	else
		buf_json(b, text, strlen(text), escape);
}

static void
put_field(Buf *b, const char *name, const Provider *p, const Call *call, Field field)
{
	char		out[UUID_TEXT];

	put_text(b, name, field_text(p, field, call->codes[field], out), false);
}

/* A number, or null below zero. */
static void
put_number(Buf *b, const char *name, int64_t value)
{
	member(b, name);
	if (value < 0)
		buf_str(b, "null");
	else
		buf_int(b, value);
}

static void
put_time(Buf *b, const char *name, int64_t usecs, int digits, int zone)
{
	char		out[TIME_TEXT];

	put_text(b, name, usecs == NO_TIME ? NULL : format_time(out, usecs, digits, zone), false);
}

static int64_t
seconds(int64_t ms)
{
	return ms < 0 ? -1 : ms / 1000;
}

static void
render_voicy(const Provider *p, const Call *call, const Detail *d, Buf *b)
{
	char		uuid[UUID_TEXT];

	put_text(b, "call_id", d->id, false);
	put_text(b, "call_type", d->web_call ? "web_call" : "phone_call", false);
	put_field(b, "call_status", p, call, F_STATUS);
	member(b, "agent");
	if (call->codes[F_AGENT] == 0)
		buf_str(b, "null");
	else
	{
		buf_char(b, '{');
		put_field(b, "id", p, call, F_AGENT);
		put_text(b, "name", agent_names[call->codes[F_AGENT] - 1], d->escape);
		put_number(b, "version", d->agent_version);
		buf_char(b, '}');
	}
	member(b, "account");
	buf_char(b, '{');
	put_text(b, "id", format_uuid(uuid, UINT64_C(0x550e8400e29b41d4), UINT64_C(0xa716446655440090) + (uint64_t) d->account),
			 false);
	put_text(b, "name", account_names[d->account], d->escape);
	buf_char(b, '}');
	if (!d->numberless)
	{
		put_field(b, "from_number", p, call, F_FROM);
		put_field(b, "to_number", p, call, F_TO);
	}
	put_field(b, "direction", p, call, F_DIRECTION);
	put_number(b, "start_timestamp", call->started / 1000);
	put_number(b, "duration_ms", call->duration);
	member(b, "call_cost");
	if (d->cost == NULL)
		buf_str(b, "null");
	else
		buf_printf(b, "{\"combined_cost\":%s,\"currency\":\"%s\"}", d->cost, d->currency);
}

static void
render_tryvox(const Provider *p, const Call *call, const Detail *d, Buf *b)
{
	put_text(b, "call_uuid", d->id, false);
	put_field(b, "from", p, call, F_FROM);
	put_field(b, "to", p, call, F_TO);
	put_field(b, "direction", p, call, F_DIRECTION);
	put_field(b, "status", p, call, F_STATUS);
	put_number(b, "duration", seconds(call->duration));
	put_time(b, "start_time", call->started, 0, 0);
	put_time(b, "answer_time", d->answered, 0, 0);
	put_time(b, "end_time", d->ended, 0, 0);
	put_text(b, "end_reason", d->end_reason, d->escape);
}

static void
render_solomobile(const Provider *p, const Call *call, const Detail *d, Buf *b)
{
	put_text(b, "id", d->id, false);
	put_field(b, "agent_id", p, call, F_AGENT);
	put_field(b, "from_number", p, call, F_FROM);
	put_field(b, "to_number", p, call, F_TO);
	put_field(b, "direction", p, call, F_DIRECTION);
	put_field(b, "status", p, call, F_STATUS);
	put_number(b, "duration", seconds(call->duration));
	put_text(b, "sentiment", d->sentiment, false);
	put_text(b, "call_summary", d->text, d->escape);
	put_time(b, "created_at", call->undated ? NO_TIME : call->started, 0, d->zone);
}

static void
render_whippy(const Provider *p, const Call *call, const Detail *d, Buf *b)
{
	put_text(b, "id", d->id, false);
	put_field(b, "from", p, call, F_FROM);
	put_field(b, "to", p, call, F_TO);
	put_field(b, "direction", p, call, F_DIRECTION);
	put_field(b, "delivery_status", p, call, F_STATUS);
	put_field(b, "mode", p, call, F_MODE);
	put_field(b, "language", p, call, F_LANGUAGE);
	put_field(b, "call_completion_rating", p, call, F_RATING);
	put_raw(b, "voicemail", field_text(p, F_VOICEMAIL, call->codes[F_VOICEMAIL], NULL));
	put_field(b, "agent_id", p, call, F_AGENT);
	put_field(b, "agent_version_id", p, call, F_AGENT_VERSION);
	put_field(b, "contact_id", p, call, F_CONTACT);
	put_field(b, "conversation_id", p, call, F_CONVERSATION);
	put_field(b, "channel_id", p, call, F_CHANNEL);
	put_number(b, "duration", call->duration);
	put_time(b, "created_at", call->undated ? NO_TIME : call->started, 3, 0);
}

static void
render_ringyo(const Provider *p, const Call *call, const Detail *d, Buf *b)
{
	put_text(b, "id", d->id, false);
	put_field(b, "status", p, call, F_STATUS);
	put_field(b, "phone_number", p, call, F_TO);
	put_field(b, "from_number", p, call, F_FROM);
	put_field(b, "agent_id", p, call, F_AGENT);
	put_number(b, "duration", seconds(call->duration));
	put_raw(b, "metadata", d->text);
	put_time(b, "created_at", call->started, 0, 0);
	put_time(b, "ended_at", d->ended, 0, 0);
}

static void
render_acme(const Provider *p, const Call *call, const Detail *d, Buf *b)
{
	put_text(b, "ref", d->id, false);
	put_field(b, "state", p, call, F_STATUS);
	put_field(b, "dir", p, call, F_DIRECTION);
	put_field(b, "caller", p, call, F_FROM);
	put_field(b, "callee", p, call, F_TO);
	put_number(b, "begin", call->started / USECS_PER_SEC);
	put_number(b, "finish", d->ended == NO_TIME ? -1 : d->ended / USECS_PER_SEC);
	put_number(b, "talk", seconds(call->duration));
	member(b, "team");
	buf_char(b, '{');
	put_text(b, "name", d->text, d->escape);
	buf_char(b, '}');
	put_raw(b, "tags", d->tags);
}

/* Add the call as the provider's reply shows it. */
void
render_call(const Provider *p, const Call *call, const Detail *d, Buf *out)
{
	static void (*const renderers[NPROVIDERS]) (const Provider *, const Call *, const Detail *, Buf *) = {
		[VOICY] = render_voicy,
		[TRYVOX] = render_tryvox,
		[SOLOMOBILE] = render_solomobile,
		[WHIPPY] = render_whippy,
		[RINGYO] = render_ringyo,
		[ACME] = render_acme,
	};

	buf_char(out, '{');
	renderers[p->id] (p, call, d, out);
	buf_char(out, '}');
}

/*
 * CSV, as COPY ... CSV HEADER reads it: nothing is null, "" is empty.
 */
static void
csv_text(Buf *b, const char *text)
{
	if (b->len > 0 && b->data[b->len - 1] != '\n')
		buf_char(b, ',');
	if (text == NULL)
		return;
	buf_char(b, '"');
	for (; *text; text++)
	{
		if (*text == '"')
			buf_char(b, '"');
		buf_char(b, *text);
	}
	buf_char(b, '"');
}

static void
csv_field(Buf *b, const Provider *p, const Call *call, Field field)
{
	char		out[UUID_TEXT];

	csv_text(b, field_text(p, field, call->codes[field], out));
}

static void
csv_time(Buf *b, int64_t usecs)
{
	char		out[TIME_TEXT];

	csv_text(b, usecs == NO_TIME ? NULL : format_time(out, usecs, 6, 0));
}

static void
csv_number(Buf *b, int64_t value)
{
	char		out[24];

	snprintf(out, sizeof(out), "%lld", (long long) value);
	csv_text(b, out);
}

static void
csv_common(Buf *b, const Provider *p, const Call *call, const Detail *d)
{
	static const char *const directions[] = {NULL, "inbound", "outbound"};
	bool		whole_seconds = p->id != VOICY && p->id != WHIPPY;
	char		out[40];

	csv_text(b, d->id);
	csv_text(b, status_words[p->id].words[call->codes[F_STATUS] - 1].common);
	csv_text(b, directions[call->codes[F_DIRECTION]]);
	csv_field(b, p, call, F_AGENT);
	csv_field(b, p, call, F_FROM);
	csv_field(b, p, call, F_TO);
	csv_time(b, call->undated ? NO_TIME : call->started);
	csv_time(b, p->id == TRYVOX || p->id == RINGYO || p->id == ACME ? d->ended : NO_TIME);
	snprintf(out, sizeof(out), "%lld.%03d seconds", (long long) call->duration / 1000,
			 whole_seconds ? 0 : (int) (call->duration % 1000));
	csv_text(b, call->duration < 0 ? NULL : out);
	csv_field(b, p, call, F_STATUS);
}

static void
csv_own(Buf *b, const Provider *p, const Call *call, const Detail *d)
{
	static const Field whippy_fields[] = {F_MODE, F_LANGUAGE, F_RATING, F_VOICEMAIL, F_AGENT_VERSION, F_CONTACT,
	F_CONVERSATION, F_CHANNEL};
	char		uuid[UUID_TEXT];
	uint32_t	agent = call->codes[F_AGENT];

	switch (p->id)
	{
		case VOICY:
			csv_text(b, d->web_call ? "web_call" : "phone_call");
			csv_text(b, agent ? agent_names[agent - 1] : NULL);
			if (agent)
				csv_number(b, d->agent_version);
			else
				csv_text(b, NULL);
			csv_text(b, format_uuid(uuid, UINT64_C(0x550e8400e29b41d4),
									UINT64_C(0xa716446655440090) + (uint64_t) d->account));
			csv_text(b, account_names[d->account]);
			csv_text(b, d->cost);
			csv_text(b, d->cost ? d->currency : NULL);
			break;
		case TRYVOX:
			csv_time(b, d->answered);
			csv_text(b, d->end_reason);
			break;
		case SOLOMOBILE:
			csv_text(b, d->sentiment);
			csv_text(b, d->text);
			break;
		case WHIPPY:
			for (size_t i = 0; i < lengthof(whippy_fields); i++)
				csv_field(b, p, call, whippy_fields[i]);
			break;
		case RINGYO:
			csv_text(b, d->text);
			break;
		default:
			csv_text(b, d->text);
			csv_text(b, d->tags);
			break;
	}
}

/* Add one call as a line. */
void
render_csv_call(const Provider *p, const Call *call, Buf *out)
{
	static const char *const names[NPROVIDERS] = {"voicy", "tryvox", "solomobile", "whippy", "ringyo", "acme"};
	Call		copy = *call;
	Detail		d;

	call_draw(p, &copy, &d);
	csv_text(out, names[p->id]);
	csv_common(out, p, &copy, &d);
	csv_own(out, p, &copy, &d);
	csv_text(out, copy.json);
	buf_char(out, '\n');
}

/* Add the provider's whole log, oldest call first, with a header. */
void
render_csv(Provider *p, Buf *out)
{
	static const char *const own[NPROVIDERS] = {
		[VOICY] = "call_type,agent_name,agent_version,account_id,account_name,cost,currency",
		[TRYVOX] = "answered_at,end_reason",
		[SOLOMOBILE] = "sentiment,summary",
		[WHIPPY] = "mode,language,call_completion_rating,voicemail,agent_version_id,contact_id,conversation_id,channel_id",
		[RINGYO] = "metadata",
		[ACME] = "team_name,tags",
	};

	data_load(p);
	buf_printf(out, "provider,call_id,status,direction,agent_id,from_number,to_number,started_at,ended_at,duration,"
			   "provider_status,%s,raw\n", own[p->id]);
	for (size_t i = 0; i < p->ncalls; i++)
		render_csv_call(p, p->calls[i], out);
}
