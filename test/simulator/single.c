/*
 * single.c
 *		One call by its id, with what the list leaves out.
 *
 * The object is the list's with more members. What they hold is drawn from the
 * call's id, so that it needs no place in the data; README.md says which.
 */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/* What Ringyo's parameter include may name */
static const char *const parts[] = {"transcript", "recording", "analysis"};

/*
 * The provider that serves one call at this address, and the call's id, which
 * must be one segment of the path as it came: an encoded slash belongs to the
 * id. The caller frees the id.
 */
Provider *
single_provider(const char *uri, char **id)
{
	for (int i = 0; i < NPROVIDERS; i++)
	{
		const char *prefix = provider_defs[i].one_path;
		size_t		len;

		if (prefix == NULL || strncmp(uri, prefix, strlen(prefix)) != 0)
			continue;
		uri += strlen(prefix);
		len = strcspn(uri, "?");
		if (len == 0 || memchr(uri, '/', len) != NULL)
			return NULL;
		*id = xmalloc(len + 1);
		memcpy(*id, uri, len);
		(*id)[len] = '\0';
		len = url_decode(*id, len, false);
		(*id)[len] = '\0';
		if (strlen(*id) < len)
			**id = '\0';		/* no call's id has a zero byte */
		return &sim.providers[i];
	}
	return NULL;
}

/* Is the word one of those between the commas? */
static bool
is_listed(const char *list, const char *word)
{
	while (list != NULL && *list)
	{
		size_t		len = strcspn(list, ",");

		if (len == strlen(word) && memcmp(list, word, len) == 0)
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

/* Check the parameters: Ringyo has one, the others have none. */
bool
single_read(Query *q, const Provider *p, const Arg *args, size_t nargs)
{
	for (size_t i = 0; i < nargs; i++)
	{
		const char *rest = args[i].value;

		if (p->id != RINGYO || strcmp(args[i].name, "include") != 0 || i > 0)
		{
			query_fail(q, UNKNOWN_PARAM, args[i].name, "unknown parameter");
			return false;
		}
		while (*rest)
		{
			size_t		len = strcspn(rest, ",");
			bool		known = false;

			for (size_t k = 0; k < lengthof(parts); k++)
				known |= strlen(parts[k]) == len && memcmp(parts[k], rest, len) == 0;
			if (!known)
			{
				query_fail(q, BAD_VALUE, "include", "not one of transcript, recording, analysis");
				return false;
			}
			rest += len + (rest[len] == ',');
		}
	}
	return true;
}

static void
put_text(Buf *b, const char *name, const char *text)
{
	buf_printf(b, ",\"%s\":", name);
	if (text == NULL)
		buf_str(b, "null");
	else
		buf_json(b, text, strlen(text), false);
}

static void
put_url(Buf *b, const char *name, const Call *call)
{
	char		url[80];

	snprintf(url, sizeof(url), "https://recordings.example/%06u.mp3", call->number);
	put_text(b, name, url);
}

static void
write_voicy(Buf *b, const Call *call, bool talked, uint64_t dice)
{
	static const char *const genders[] = {"female", "male", NULL};

	put_text(b, "transcript", talked ? "Agent: Hello.\nCustomer: Hello, \"you\"." : NULL);
	put_text(b, "summary", talked ? summaries[dice % lengthof(summaries)] : NULL);
	if (talked)
		put_url(b, "recording_url", call);
	else
		put_text(b, "recording_url", NULL);
	put_text(b, "detected_gender", genders[dice % lengthof(genders)]);
	buf_printf(b, ",\"vars_provided\":{\"customer_number\":%u},\"vars_extracted\":%s", call->number % 1000,
			   talked ? "{\"callback\":true}" : "{}");
}

static void
write_tryvox(Buf *b, const Call *call, bool talked, uint64_t dice)
{
	long long	seconds = call->duration < 0 ? 0 : (long long) call->duration / 1000;

	buf_printf(b, ",\"billed_duration\":%lld,\"ring_time\":%u", (seconds + 59) / 60 * 60, (unsigned) (dice % 20));
	buf_printf(b, ",\"price\":\"%lld.%04lld\",\"price_unit\":\"USD\"", (seconds + 59) / 60 * 130 / 10000,
			   (seconds + 59) / 60 * 130 % 10000);
	buf_str(b, ",\"recording_urls\":[");
	if (talked)
		buf_printf(b, "\"https://recordings.example/%06u.mp3\"", call->number);
	buf_char(b, ']');
	put_text(b, "machine_detection", dice % 3 == 0 ? "human" : NULL);
	put_text(b, "parent_call_uuid", NULL);
	put_text(b, "transfer_time", NULL);
}

static void
write_ringyo(Buf *b, const Call *call, bool talked, uint64_t dice, const char *include)
{
	if (is_listed(include, "transcript"))
		buf_str(b, talked ? ",\"transcript\":[{\"role\":\"agent\",\"text\":\"Hello.\"},{\"role\":\"user\",\"text\":\"Hi!\"}]" :
				",\"transcript\":null");
	if (is_listed(include, "recording"))
	{
		if (talked)
			buf_printf(b, ",\"recording\":{\"url\":\"https://recordings.example/%06u.mp3\"}", call->number);
		else
			buf_str(b, ",\"recording\":null");
	}
	if (is_listed(include, "analysis"))
	{
		const char *summary = summaries[dice % lengthof(summaries)];

		buf_str(b, ",\"analysis\":{\"summary\":");
		buf_json(b, summary, strlen(summary), false);
		buf_char(b, '}');
	}
}

/* Write the call; false if there is none of this id. */
bool
single_write(Provider *p, const char *id, const Arg *args, size_t nargs, const Fault *fault, Buf *out)
{
	Page		page = {.p = p};
	Buf			text = {0};
	Call	   *call;
	uint64_t	dice;
	bool		talked;

	data_load(p);
	call = data_find(p, id, strlen(id));
	if (call == NULL || call->deleted)
		return false;
	dice = mix(sim.seed + call->number) >> 8;
	talked = call->duration > 0;
	buf_add(&text, call->json, call->json_len - 1);
	if (p->id == VOICY)
		write_voicy(&text, call, talked, dice);
	else if (p->id == TRYVOX)
		write_tryvox(&text, call, talked, dice);
	else
		write_ringyo(&text, call, talked, dice, nargs > 0 ? args[0].value : NULL);
	buf_char(&text, '}');
	page.rows[page.nrows++] = (Text) {text.data, text.len};
	fault_page(fault, &page);
	if (page.form == ROWS_NONE)
		buf_str(out, "{\"message\":\"no call\"}");
	else if (page.form == ROWS_OBJECT)
		buf_str(out, "[]");
	else
		buf_add(out, page.rows[0].s, page.rows[0].len);
	free(page.edited);
	buf_free(&text);
	return true;
}
