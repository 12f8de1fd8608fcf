/*
 * data.c
 *		The calls: made on first use, found by identifier, changed on request.
 *
 * UUIDs and other identifiers carry the code they were made from, so that
 * looking one up needs no index. Deleted calls are kept for paging.
 */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE	(1024 * 1024)

static char *
pool_uuid(char *out, uint32_t pool, uint32_t code)
{
	uint64_t	base = mix(sim.seed ^ mix(pool));
	uint64_t	high = mix(base ^ code);
	uint64_t	low = mix(high);

	high = (high & ~UINT64_C(0xf000)) | 0x4000;
	low = (low >> 34 << 32) | UINT64_C(0x8000000000000000) | (code ^ (uint32_t) base);
	return format_uuid(out, high, low);
}

/* The code that a UUID of the pool was made from, or NO_CODE. */
static uint32_t
pool_code(uint32_t pool, const char *text, size_t len)
{
	uint64_t	high,
				low,
				again_high,
				again_low;
	uint32_t	code;
	char		again[UUID_TEXT];

	if (!parse_uuid(text, len, &high, &low))
		return NO_CODE;
	code = (uint32_t) low ^ (uint32_t) mix(sim.seed ^ mix(pool));
	pool_uuid(again, pool, code);
	parse_uuid(again, UUID_TEXT - 1, &again_high, &again_low);
	return high == again_high && low == again_low ? code : NO_CODE;
}

static uint32_t
id_pool(const Provider *p)
{
	return 1000 + (uint32_t) p->id;
}

static uint32_t
field_pool(const Provider *p, Field field)
{
	return (uint32_t) p->id * 32 + field;
}

/* Ringyo's ids: a number spread over 32 bits, in base 36. */
#define SPREAD		UINT32_C(0x9e3779b1)

static void
ringyo_id(char *out, uint32_t number)
{
	uint32_t	x = number * SPREAD + (uint32_t) mix(sim.seed);

	memcpy(out, "call_0000000", 13);
	for (int i = 11; i >= 5; i--, x /= 36)
		out[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[x % 36];
}

static uint32_t
ringyo_number(const char *id, size_t len)
{
	char		digits[8] = {0};
	uint32_t	inverse = SPREAD;

	if (len != 12 || memcmp(id, "call_", 5) != 0)
		return NO_CODE;
	memcpy(digits, id + 5, 7);
	for (int i = 0; i < 5; i++) /* Newton's steps double the bits that are right */
		inverse *= 2 - SPREAD * inverse;
	return ((uint32_t) strtoull(digits, NULL, 36) - (uint32_t) mix(sim.seed)) * inverse;
}

/* Write the call's identifier. out needs UUID_TEXT bytes. */
void
call_id_text(const Provider *p, const Call *call, char *out)
{
	if (p->id == RINGYO)
		ringyo_id(out, call->number);
	else if (p->id == ACME)
		snprintf(out, UUID_TEXT, "AC-%08u", call->number + 1);
	else
		pool_uuid(out, id_pool(p), call->number);
}

/* The call of that identifier, also a deleted one, or NULL. */
Call *
data_find(Provider *p, const char *id, size_t len)
{
	uint32_t	number;
	char		again[UUID_TEXT];

	if (p->id == RINGYO)
		number = ringyo_number(id, len);
	else if (p->id == ACME)
		number = len == 11 && memcmp(id, "AC-", 3) == 0 ? (uint32_t) strtoul(id + 3, NULL, 10) - 1 : NO_CODE;
	else
		number = pool_code(id_pool(p), id, len);
	if (number >= p->nnumbers)
		return NULL;
	call_id_text(p, p->by_number[number], again);
	return strlen(again) == len && strncasecmp(again, id, len) == 0 ? p->by_number[number] : NULL;
}

static const char *
pick(const char *const *words, size_t count, uint32_t code)
{
	return code >= 1 && code <= count ? words[code - 1] : NULL;
}

/* The text of a code, NULL for null. out needs UUID_TEXT bytes. */
const char *
field_text(const Provider *p, Field field, uint32_t code, char *out)
{
	if (code == 0)
		return NULL;
	switch (field)
	{
		case F_STATUS:
			return status_words[p->id].words[code - 1].native;
		case F_DIRECTION:
			return pick(direction_words[p->id], 2, code);
		case F_FROM:
		case F_TO:
			return phone_text(code, out);
		case F_MODE:
			return pick(mode_words, lengthof(mode_words), code);
		case F_LANGUAGE:
			return pick(language_words, lengthof(language_words), code);
		case F_RATING:
			return pick(rating_words, lengthof(rating_words), code);
		case F_VOICEMAIL:
			return pick(voicemail_words, lengthof(voicemail_words), code);
		case F_AGENT:
			if (p->id == RINGYO)
			{
				snprintf(out, UUID_TEXT, "agent_%06x", (unsigned) (mix(sim.seed + code) & 0xffffff));
				return out;
			}
			/* FALLTHROUGH */
		default:
			return pool_uuid(out, field_pool(p, field), code);
	}
}

/* The code of a text, NO_CODE if no call can have it. */
uint32_t
field_code(const Provider *p, Field field, const char *text, size_t len)
{
	static char phones[ANONYMOUS + 1][18];
	uint32_t	last = field == F_AGENT ? NAGENTS : field == F_FROM || field == F_TO ? ANONYMOUS :
		field == F_STATUS ? status_words[p->id].count : 8;

	if (field >= F_AGENT_VERSION || (field == F_AGENT && p->id != RINGYO))
		return pool_code(field_pool(p, field), text, len);
	for (uint32_t code = 1; code <= last; code++)
	{
		char		out[UUID_TEXT];
		const char *known = out;

		if (last == ANONYMOUS)
		{
			if (phones[code][0] == '\0')
				strcpy(phones[code], phone_text(code, out));
			known = phones[code];
		}
		else
			known = field_text(p, field, code, out);
		if (known != NULL && strlen(known) == len && memcmp(known, text, len) == 0)
			return code;
	}
	return NO_CODE;
}

/* Draw the call and keep its text in the arena. */
static void
write_call(Provider *p, Call *call)
{
	static Buf	text;			/* used under sim.lock only */
	Detail		d;

	call_draw(p, call, &d);
	text.len = 0;
	render_call(p, call, &d, &text);
	if (p->nchunks == 0 || p->chunk_used + text.len + 1 > CHUNK_SIZE)
	{
		p->chunks = xrealloc(p->chunks, (p->nchunks + 1) * sizeof(char *));
		p->chunks[p->nchunks++] = xmalloc(CHUNK_SIZE);
		p->chunk_used = 0;
	}
	call->json = p->chunks[p->nchunks - 1] + p->chunk_used;
	call->json_len = (uint32_t) text.len;
	memcpy(call->json, text.data, text.len + 1);
	p->chunk_used += text.len + 1;
}

static void
append_call(Provider *p, Call *call)
{
	if (p->nnumbers == p->cap)
	{
		p->cap = p->cap ? p->cap * 2 : 1024;
		p->calls = xrealloc(p->calls, p->cap * sizeof(Call *));
		p->by_number = xrealloc(p->by_number, p->cap * sizeof(Call *));
	}
	p->calls[p->ncalls++] = call;
	p->by_number[p->nnumbers++] = call;
}

/* Make the provider's data, if it is not there yet. */
void
data_load(Provider *p)
{
	size_t		n = (size_t) p->sw.calls;
	int64_t    *starts;

	if (p->loaded)
		return;
	p->loaded = true;
	starts = draw_starts(p, n);
	p->nblock = n;
	p->block = xmalloc(n * sizeof(Call));
	memset(p->block, 0, n * sizeof(Call));
	for (size_t i = 0; i < n; i++)
	{
		p->block[i].number = (uint32_t) i;
		p->block[i].started = starts[i];
		write_call(p, &p->block[i]);
		append_call(p, &p->block[i]);
	}
	free(starts);
	p->dice = mix(sim.seed + (uint64_t) p->id);
}

/* Throw the provider's data away; it is made anew on the next use. */
void
data_forget(Provider *p)
{
	list_forget(p);
	for (size_t i = p->nblock; i < p->nnumbers; i++)
		free(p->by_number[i]);
	for (size_t i = 0; i < p->nchunks; i++)
		free(p->chunks[i]);
	free(p->chunks);
	free(p->block);
	free(p->calls);
	free(p->by_number);
	buf_free(&p->history);
	p->chunks = NULL;
	p->block = NULL;
	p->calls = p->by_number = NULL;
	p->nchunks = p->nblock = p->ncalls = p->nnumbers = p->cap = 0;
	p->loaded = p->changed = false;
}

static void
insert_call(Provider *p)
{
	Call	   *call = xmalloc(sizeof(Call));
	int64_t		newest = p->nnumbers ? p->by_number[p->nnumbers - 1]->started : LOG_END;

	*call = (Call) {.number = (uint32_t) p->nnumbers};
	p->dice = mix(p->dice);
	call->started = (newest / USECS_PER_SEC + 1 + (int64_t) (p->dice % 60)) * USECS_PER_SEC;
	write_call(p, call);
	append_call(p, call);
}

/* A running call goes on to its next word, an ended one changes how it ended. */
static void
update_call(Provider *p, Call *call)
{
	const WordList *list = &status_words[p->id];
	const Word *now = &list->words[call->codes[F_STATUS] - 1];
	Phase		wanted = now->phase == DONE ? FAILED : DONE;
	uint32_t	next = 0;

	if (now->phase == RUNNING && call->codes[F_STATUS] < list->count && now[1].weight > 0)
		next = call->codes[F_STATUS];
	else
		while (list->words[next].phase != wanted)
			next++;
	call->codes[F_STATUS] = next + 1;
	call->updates++;
	write_call(p, call);
}

static size_t
choose_place(Provider *p, ChangeWhere where, size_t k)
{
	if (where == AT_OLDEST)
		return k;
	if (where == AT_NEWEST)
		return p->ncalls - 1 - k;
	p->dice = mix(p->dice);
	return (size_t) (p->dice % p->ncalls);
}

/* Note a change of a call, with the call as it is after it. */
static void
note_change(Provider *p, const char *word, const Call *call)
{
	buf_str(&p->history, word);
	render_csv_call(p, call, &p->history);
}

/* Change the data: updates, then deletions, then insertions. */
void
data_change(Provider *p, const Change *change)
{
	data_load(p);
	p->changed = true;
	list_forget(p);
	for (size_t k = 0; k < (size_t) change->update && k < p->ncalls; k++)
	{
		Call	   *call = p->calls[choose_place(p, change->where, k)];

		update_call(p, call);
		note_change(p, "update", call);
	}
	for (int64_t k = 0; k < change->delete && p->ncalls > 0; k++)
	{
		size_t		at = choose_place(p, change->where, 0);

		p->calls[at]->deleted = true;
		note_change(p, "delete", p->calls[at]);
		memmove(p->calls + at, p->calls + at + 1, (p->ncalls - at - 1) * sizeof(Call *));
		p->ncalls--;
	}
	for (int64_t k = 0; k < change->insert; k++)
	{
		insert_call(p);
		note_change(p, "insert", p->calls[p->ncalls - 1]);
	}
}
