/*
 * list.c
 *		The calls that match a filter, in the order the provider serves them.
 *
 * Results are kept for the next page of the same filter until the data or a
 * switch changes. Providers with a fixed order of time have their lists
 * ascending by (started, number); who serves newest first reads them backwards.
 */
#include "providers.h"

#include <stdlib.h>
#include <string.h>

typedef struct Keyed
{
	Call	   *call;
	char		id[UUID_TEXT];
	uint64_t	hash;
} Keyed;

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(((const Keyed *) a)->id, ((const Keyed *) b)->id);
}

static int
compare_hashes(const void *a, const void *b)
{
	uint64_t	x = ((const Keyed *) a)->hash;
	uint64_t	y = ((const Keyed *) b)->hash;

	return (x > y) - (x < y);
}

static void
sort_base(Provider *p, Call **calls)
{
	Keyed	   *keyed = xmalloc(p->ncalls * sizeof(Keyed));

	for (size_t i = 0; i < p->ncalls; i++)
	{
		keyed[i].call = p->calls[i];
		keyed[i].hash = mix(sim.seed ^ mix(p->calls[i]->number));
		call_id_text(p, p->calls[i], keyed[i].id);
	}
	qsort(keyed, p->ncalls, sizeof(Keyed), p->sw.order == ORDER_ID ? compare_ids : compare_hashes);
	for (size_t i = 0; i < p->ncalls; i++)
		calls[i] = keyed[i].call;
	free(keyed);
}

/* Newest first; calls without a date last. */
static void
reverse_base(Provider *p, Call **calls)
{
	size_t		n = 0;

	for (int undated = 0; undated <= 1; undated++)
		for (size_t i = p->ncalls; i-- > 0;)
			if (p->calls[i]->undated == undated)
				calls[n++] = p->calls[i];
}

static void
make_base(Provider *p)
{
	p->base.count = p->ncalls;
	p->base.calls = xmalloc(p->ncalls * sizeof(Call *));
	if (!p->def->free_order)
		for (size_t i = 0; i < p->ncalls; i++)
			p->base.calls[i] = p->calls[i];
	else if (p->sw.order == ORDER_CREATED)
		reverse_base(p, p->base.calls);
	else
		sort_base(p, p->base.calls);
	p->base.key = xstrdup("");
}

static bool
has_code(const Filter *f, uint32_t code)
{
	for (size_t i = 0; i < f->ncodes; i++)
		if (f->codes[i] == code)
			return true;
	return false;
}

static bool
matches(const Call *call, const Filter *f)
{
	switch (f->role)
	{
		case R_SINCE:
			return !call->undated && call->started >= f->bound;
		case R_UNTIL:
			return !call->undated && call->started <= f->bound;
		case R_MIN_DURATION:
			return call->duration >= 0 && call->duration >= f->bound;
		case R_MAX_DURATION:
			return call->duration >= 0 && call->duration <= f->bound;
		default:
			return has_code(f, call->codes[f->field]) || (f->from_or_to && has_code(f, call->codes[F_TO]));
	}
}

static void
fill_list(List *list, const List *base, const Query *q)
{
	list->count = 0;
	list->calls = xmalloc(base->count * sizeof(Call *));
	for (size_t i = 0; i < base->count; i++)
	{
		size_t		k = 0;

		while (k < q->nfilters && matches(base->calls[i], &q->filters[k]))
			k++;
		if (k == q->nfilters)
			list->calls[list->count++] = base->calls[i];
	}
	list->calls = xrealloc(list->calls, list->count * sizeof(Call *));
}

static void
free_list(List *list)
{
	free(list->key);
	free(list->calls);
	*list = (List) {0};
}

/* The calls for a query; valid until the data or a switch changes. */
const List *
list_for(Provider *p, const Query *q)
{
	List	   *oldest = &p->cache[0];

	data_load(p);
	if (p->base.key == NULL)
		make_base(p);
	if (q->nfilters == 0)
		return &p->base;
	p->clock++;
	for (size_t i = 0; i < MAX_CACHED; i++)
	{
		List	   *list = &p->cache[i];

		if (list->key != NULL && strcmp(list->key, q->key.data) == 0)
		{
			list->used = p->clock;
			return list;
		}
		if (list->used < oldest->used)
			oldest = list;
	}
	free_list(oldest);
	fill_list(oldest, &p->base, q);
	oldest->key = xstrdup(q->key.data);
	oldest->used = p->clock;
	return oldest;
}

void
list_forget(Provider *p)
{
	free_list(&p->base);
	for (size_t i = 0; i < MAX_CACHED; i++)
		free_list(&p->cache[i]);
}

/* In an ascending list: how many calls come before that place, or at it too. */
size_t
list_before(const List *list, int64_t started, uint32_t number, bool with_equal)
{
	size_t		low = 0;
	size_t		high = list->count;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;
		const Call *call = list->calls[middle];
		bool		before = call->started < started || (call->started == started && call->number < number);

		if (before || (with_equal && call->started == started && call->number == number))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
