/*
 * draw.c
 *		Draws the calls from the seed.
 *
 * A call's values follow from the seed, the provider and the call's number
 * alone; only its time, which depends on how many calls there are, and its
 * status, which changes, are kept.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

#define LOG_SPAN	(400 * 86400 * USECS_PER_SEC)

/* One call's dice: die k, from 0 to sides - 1 */
typedef struct Dice
{
	uint64_t	base;
} Dice;

static uint32_t
roll(const Dice *dice, uint32_t k, uint32_t sides)
{
	return (uint32_t) (mix(dice->base + k) % sides);
}

/* The smaller of two throws: low numbers are frequent. */
static uint32_t
roll_skewed(const Dice *dice, uint32_t k, uint32_t sides)
{
	uint32_t	a = roll(dice, k, sides);
	uint32_t	b = roll(dice, k + 1, sides);

	return a < b ? a : b;
}

static uint32_t
draw_status(const Provider *p, uint32_t number, const Dice *dice)
{
	const WordList *list = &status_words[p->id];
	bool		newest = number + 12 >= (uint64_t) p->sw.calls;
	uint32_t	listed = 0;
	uint32_t	left;

	while (listed < list->count && list->words[listed].weight > 0)
		listed++;
	if (p->sw.all_statuses && listed < list->count && roll(dice, 1, 100) < 6)
		return 1 + listed + roll(dice, 2, list->count - listed);
	if (newest && roll(dice, 3, 2) == 0)
		return 1 + roll(dice, 2, 2);
	left = roll(dice, 4, 100);
	for (uint32_t i = 0; i < listed; i++)
	{
		if (left < (uint32_t) list->words[i].weight)
			return i + 1;
		left -= (uint32_t) list->words[i].weight;
	}
	return listed;
}

static void
draw_numbers(Call *call, const Dice *dice, bool outbound)
{
	uint32_t	own = 1 + roll_skewed(dice, 10, NOWN);
	uint32_t	customer = NOWN + 1 + roll_skewed(dice, 12, NCUSTOMERS);
	uint32_t	rare = roll(dice, 14, 200);

	if (!outbound && rare < 3)
		customer = rare < 2 ? 0 : ANONYMOUS;
	call->codes[F_FROM] = outbound ? own : customer;
	call->codes[F_TO] = outbound ? customer : own;
}

static void
draw_times(const Provider *p, Call *call, Detail *d, const Dice *dice, Phase phase)
{
	int64_t		ring = (1 + roll(dice, 15, 20)) * USECS_PER_SEC;
	int64_t		talk = roll(dice, 16, 100) == 0 ? 1000 + roll(dice, 17, 9000) : 2 + roll_skewed(dice, 17, 700);

	call->duration = -1;
	d->answered = d->ended = NO_TIME;
	if (phase == DONE)
	{
		call->duration = talk * 1000 + (p->id == VOICY || p->id == WHIPPY ? roll(dice, 19, 1000) : 0);
		d->answered = call->started + ring;
		d->ended = d->answered + talk * USECS_PER_SEC;
	}
	else if (phase == FAILED)
	{
		if (p->id == TRYVOX || (p->id != RINGYO && roll(dice, 20, 10) < 7))
			call->duration = 0;
		if (roll(dice, 21, 10) < 8)
			d->ended = call->started + ring;
	}
	else if (call->codes[F_STATUS] == 2)
		d->answered = call->started + ring;
	if (p->id == ACME && call->duration < 0)
		call->duration = 0;
}

static void
draw_voicy(Call *call, Detail *d, const Dice *dice)
{
	d->web_call = roll(dice, 30, 100) < 6;
	d->numberless = d->web_call && roll(dice, 31, 2) == 0;
	if (d->web_call)
		call->codes[F_FROM] = call->codes[F_TO] = 0;
	d->agent_version = 1 + (int) roll(dice, 32, 4);
	d->account = (int) roll_skewed(dice, 33, lengthof(account_names));
	d->cost = call->duration <= 0 || roll(dice, 35, 10) == 0 ? NULL : costs[roll(dice, 36, lengthof(costs))];
	d->currency = roll(dice, 37, 8) == 0 ? "eur" : "usd";
}

static void
draw_tryvox(Detail *d, const Dice *dice, Phase phase)
{
	static const char *const good[] = {"caller-hangup", "callee-hangup", "caller-hangup", "timeout", "transféré"};
	static const char *const bad[] = {"timeout", "error", "", "rejected"};

	if (phase == DONE)
		d->end_reason = good[roll(dice, 30, lengthof(good))];
	else if (phase == FAILED)
		d->end_reason = bad[roll(dice, 30, lengthof(bad))];
}

static void
draw_solomobile(Call *call, Detail *d, const Dice *dice, Phase phase)
{
	static const char *const sentiments[] = {"positive", "neutral", "negative", NULL};
	static const int zones[] = {0, 0, 0, 0, 120, -300, 330};

	d->zone = zones[roll(dice, 30, lengthof(zones))];
	call->undated = call->number > 0 && roll(dice, 31, 150) == 0;
	if (phase != DONE)
		return;
	d->sentiment = sentiments[roll(dice, 32, lengthof(sentiments))];
	d->text = roll(dice, 33, 8) == 0 ? NULL : summaries[roll(dice, 34, lengthof(summaries))];
}

static void
draw_whippy(Call *call, const Dice *dice, bool outbound)
{
	uint32_t   *codes = call->codes;
	uint32_t	own = codes[outbound ? F_FROM : F_TO];
	uint32_t	customer = codes[outbound ? F_TO : F_FROM];

	call->undated = call->number > 0 && roll(dice, 30, 150) == 0;
	codes[F_MODE] = 1 + (roll(dice, 31, 5) ? 0 : roll(dice, 32, lengthof(mode_words)));
	codes[F_LANGUAGE] = roll(dice, 33, 20) ? 1 + roll_skewed(dice, 34, lengthof(language_words)) : 0;
	codes[F_RATING] = roll(dice, 36, 4) ? 1 + roll_skewed(dice, 37, lengthof(rating_words)) : 0;
	codes[F_VOICEMAIL] = roll(dice, 39, 20) ? 1 + (roll(dice, 40, 8) == 0) : 0;
	codes[F_AGENT_VERSION] = codes[F_AGENT] ? codes[F_AGENT] * 4 + roll(dice, 41, 3) : 0;
	codes[F_CONTACT] = customer;
	codes[F_CONVERSATION] = roll(dice, 42, 30) ? 1 + call->number / 3 : 0;
	codes[F_CHANNEL] = own;
}

/*
 * Set the call's fields, its status too if it has none yet, and the details.
 * number, started and updates must be set.
 */
void
call_draw(const Provider *p, Call *call, Detail *d)
{
	Dice		dice = {mix(sim.seed ^ mix(((uint64_t) p->id + 1) << 40 ^ call->number))};
	bool		outbound = roll(&dice, 0, 10) < 6;
	Phase		phase;

	if (call->codes[F_STATUS] == 0)
		call->codes[F_STATUS] = draw_status(p, call->number, &dice);
	phase = status_words[p->id].words[call->codes[F_STATUS] - 1].phase;
	memset(d, 0, sizeof(*d));
	call_id_text(p, call, d->id);
	d->escape = roll(&dice, 5, 3) == 0;
	call->codes[F_DIRECTION] = p->id == RINGYO ? 0 : outbound ? 2 : 1;
	call->codes[F_AGENT] = p->id != TRYVOX && p->id != ACME && roll(&dice, 6, 20) ?
		1 + roll_skewed(&dice, 7, NAGENTS) : 0;
	draw_numbers(call, &dice, outbound);
	draw_times(p, call, d, &dice, phase);

	if (p->id == VOICY)
		draw_voicy(call, d, &dice);
	else if (p->id == TRYVOX)
		draw_tryvox(d, &dice, phase);
	else if (p->id == SOLOMOBILE)
		draw_solomobile(call, d, &dice, phase);
	else if (p->id == WHIPPY)
		draw_whippy(call, &dice, outbound);
	else if (p->id == RINGYO)
		d->text = roll(&dice, 30, 20) ? metadata_texts[roll_skewed(&dice, 31, lengthof(metadata_texts))] : NULL;
	else
	{
		d->text = roll(&dice, 30, 20) ? team_names[roll(&dice, 31, lengthof(team_names))] : NULL;
		d->tags = tag_texts[roll_skewed(&dice, 32, lengthof(tag_texts))];
	}
}

static int
compare_times(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return (x > y) - (x < y);
}

/*
 * The start of each call, ascending: evenly spread, about a tenth in the same
 * second as its neighbour, some at the hours when summer time begins and ends
 * and at midnight. The caller frees the array.
 */
int64_t *
draw_starts(const Provider *p, size_t n)
{
	static const char *const special[] = {
		"2025-10-26T00:30:00Z", "2025-10-26T00:59:59Z", "2025-10-26T01:00:00Z", "2025-10-26T01:30:00Z",
		"2026-01-01T00:00:00Z", "2026-02-28T23:59:59Z", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z",
		"2026-03-29T01:30:00Z", "2026-06-01T00:00:00Z",
	};
	int64_t	   *starts = xmalloc(n * sizeof(int64_t));
	int64_t		unit = p->id == VOICY || p->id == WHIPPY ? 1000 : USECS_PER_SEC;
	double		slot = (double) LOG_SPAN / (double) (n ? n : 1);

	for (size_t i = 0; i < n; i++)
	{
		Dice		dice = {mix(sim.seed ^ mix(((uint64_t) p->id + 1) << 41 ^ i))};
		double		within = (double) roll(&dice, 0, 1000000) / 1e6;
		int64_t		at = LOG_END - LOG_SPAN + (int64_t) (((double) i + within) * slot);

		starts[i] = at / unit * unit;
		if (i > 0 && (roll(&dice, 1, 100) < 7 || (i % 97 >= 1 && i % 97 <= 4)))
			starts[i] = starts[i - 1];
	}
	for (size_t k = 0; n >= 60 && k < lengthof(special); k++)
		parse_time(special[k], strlen(special[k]), true, &starts[(k + 1) * n / (lengthof(special) + 1)]);
	qsort(starts, n, sizeof(int64_t), compare_times);
	return starts;
}
