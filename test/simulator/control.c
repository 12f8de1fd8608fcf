/*
 * control.c
 *		The endpoints below /_sim/: switches, faults, changes, log and data.
 *
 * Called under sim.lock. A request with anything unknown in it changes nothing.
 */
#include "answer.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A switch: either some words, of which the index is kept, or a number */
static const struct SwitchDef
{
	const char *name;
	size_t		offset;
	const char *words[5];
	bool		remakes;		/* the data follow from it */
}			switch_defs[] = {
	{"calls", offsetof(Switches, calls), {NULL}, true},
	{"max_limit", offsetof(Switches, max_limit), {NULL}, false},
	{"latency", offsetof(Switches, latency), {NULL}, false},
	{"rate", offsetof(Switches, rate), {NULL}, false},
	{"quota", offsetof(Switches, quota), {NULL}, false},
	{"bounds", offsetof(Switches, exclusive_bounds), {"inclusive", "exclusive"}, false},
	{"pagination_key", offsetof(Switches, key_inclusive), {"exclusive", "inclusive"}, false},
	{"cursor", offsetof(Switches, cursor), {"exact", "inclusive", "exclusive"}, false},
	{"statuses", offsetof(Switches, all_statuses), {"listed", "all"}, true},
	{"empty", offsetof(Switches, ignore_empty), {"error", "ignore"}, false},
	{"order", offsetof(Switches, order), {"created", "id", "random"}, false},
	{"compress", offsetof(Switches, compress), {"auto", "none", "gzip", "deflate"}, false},
};

#define MAX_CALLS	5000000

static const Arg *
find_arg(const Arg *args, size_t nargs, const char *name)
{
	for (size_t i = 0; i < nargs; i++)
		if (strcmp(args[i].name, name) == 0 && args[i].value != NULL)
			return &args[i];
	return NULL;
}

/* The providers from *first to *last; false if there is none of that name. */
static bool
find_providers(const char *name, int *first, int *last)
{
	if (strcmp(name, "all") == 0)
	{
		*first = 0;
		*last = NPROVIDERS - 1;
		return true;
	}
	for (int i = 0; i < NPROVIDERS; i++)
		if (strcmp(name, provider_defs[i].name) == 0)
		{
			*first = *last = i;
			return true;
		}
	return false;
}

/* Like that, but from the argument "provider", which must be there. */
static bool
need_providers(const Arg *args, size_t nargs, int *first, int *last, Buf *problem)
{
	const Arg  *arg = find_arg(args, nargs, "provider");

	if (arg != NULL && find_providers(arg->value, first, last))
		return true;
	buf_printf(problem, "provider=%s is not known\n", arg ? arg->value : "");
	return false;
}

static bool
set_total(Switches *sw, const char *value)
{
	static const char *const words[] = {"exact", "missing", "capped"};
	int64_t		number;

	for (int i = 0; i < (int) lengthof(words); i++)
		if (strcmp(value, words[i]) == 0)
		{
			sw->total = i;
			return true;
		}
	/* a '+' that was not percent-encoded arrives as a blank */
	if (strchr("+- ", value[0]) == NULL || !parse_int(value + 1, strlen(value + 1), &number))
		return false;
	sw->total = TOTAL_SHIFTED;
	sw->total_shift = value[0] == '-' ? -number : number;
	return true;
}

static bool
is_any_filter(int first, int last, const char *word, size_t len)
{
	for (int i = first; i <= last; i++)
		for (const Param *param = provider_defs[i].params; param->name != NULL; param++)
			if (param->role <= R_MAX_DURATION && param_is_named(param, word, len))
				return true;
	return false;
}

static bool
set_filters(Switches *sw, const char *value, int first, int last)
{
	sw->filters_off = strcmp(value, "off") == 0;
	sw->ignored[0] = '\0';
	if (sw->filters_off || strcmp(value, "on") == 0)
		return true;
	for (const char *word = value; *word;)
	{
		size_t		len = strcspn(word, ",");

		if (len == 0 || !is_any_filter(first, last, word, len))
			return false;
		word += len + (word[len] == ',');
	}
	return *value && snprintf(sw->ignored, sizeof(sw->ignored), "%s", value) < (int) sizeof(sw->ignored);
}

/* Set one switch; the data must be made anew if *remake becomes true. */
static bool
set_switch(Switches *sw, const Arg *arg, int first, int last, bool *remake)
{
	if (arg->value == NULL)
		return false;
	if (strcmp(arg->name, "total") == 0)
		return set_total(sw, arg->value);
	if (strcmp(arg->name, "filters") == 0)
		return set_filters(sw, arg->value, first, last);
	for (size_t i = 0; i < lengthof(switch_defs); i++)
	{
		const struct SwitchDef *def = &switch_defs[i];
		char	   *target = (char *) sw + def->offset;

		if (strcmp(arg->name, def->name) != 0)
			continue;
		*remake |= def->remakes;
		if (def->words[0] == NULL)
			return parse_int(arg->value, arg->len, (int64_t *) target) && sw->calls <= MAX_CALLS;
		for (int k = 0; k < (int) lengthof(def->words) && def->words[k] != NULL; k++)
			if (strcmp(arg->value, def->words[k]) == 0)
			{
				*(int *) target = k;
				return true;
			}
		return false;
	}
	return false;
}

static unsigned
control_set(Arg *args, size_t nargs, Buf *out)
{
	int			first,
				last;

	if (!need_providers(args, nargs, &first, &last, out))
		return 400;
	for (int pass = 0; pass < 2; pass++)	/* first check, then set */
		for (int i = first; i <= last; i++)
		{
			Provider   *p = &sim.providers[i];
			Switches	sw = p->sw;
			bool		remake = false;

			for (size_t k = 0; k < nargs; k++)
				if (strcmp(args[k].name, "provider") != 0 && !set_switch(&sw, &args[k], first, last, &remake))
				{
					buf_printf(out, "set: %s=%s is not known\n", args[k].name, args[k].value ? args[k].value : "");
					return 400;
				}
			if (pass == 0)
				continue;
			if (remake)
				data_forget(p);
			else
				list_forget(p);
			p->sw = sw;
			p->tokens_at = 0;
		}
	buf_str(out, "ok\n");
	return 200;
}

static unsigned
control_fault(Arg *args, size_t nargs, Buf *out)
{
	int			first,
				last;

	if (!need_providers(args, nargs, &first, &last, out))
		return 400;
	for (int i = first; i <= last; i++)
		if (!fault_arm(&sim.providers[i], args, nargs, out))
			return 400;
	buf_str(out, "ok\n");
	return 200;
}

static bool
set_change(Change *change, const Arg *arg)
{
	static const char *const places[] = {"newest", "oldest", "random"};

	if (arg->value == NULL)
		return false;
	if (strcmp(arg->name, "provider") == 0)
		return true;
	if (strcmp(arg->name, "after") == 0)
		return parse_int(arg->value, arg->len, &change->due);
	if (strcmp(arg->name, "insert") == 0)
		return parse_int(arg->value, arg->len, &change->insert);
	if (strcmp(arg->name, "delete") == 0)
		return parse_int(arg->value, arg->len, &change->delete);
	if (strcmp(arg->name, "update") == 0)
		return parse_int(arg->value, arg->len, &change->update);
	for (int i = 0; strcmp(arg->name, "where") == 0 && i < (int) lengthof(places); i++)
		if (strcmp(arg->value, places[i]) == 0)
		{
			change->where = (ChangeWhere) i;
			return true;
		}
	return false;
}

static unsigned
control_change(Arg *args, size_t nargs, Buf *out)
{
	Change		change = {0};
	int			first,
				last;

	if (!need_providers(args, nargs, &first, &last, out))
		return 400;
	for (size_t k = 0; k < nargs; k++)
		if (!set_change(&change, &args[k]))
		{
			buf_printf(out, "change: %s=%s is not known\n", args[k].name, args[k].value ? args[k].value : "");
			return 400;
		}
	for (int i = first; i <= last; i++)
	{
		Provider   *p = &sim.providers[i];
		Change		mine = change;

		if (change.due == 0)
		{
			data_change(p, &change);
			continue;
		}
		mine.due += p->requests;
		p->changes = xrealloc(p->changes, (p->nchanges + 1) * sizeof(Change));
		p->changes[p->nchanges++] = mine;
	}
	buf_str(out, "ok\n");
	return 200;
}

static void
reset_provider(Provider *p)
{
	Switches	start = {.calls = sim.calls};

	if (p->changed || p->sw.calls != start.calls || p->sw.all_statuses)
		data_forget(p);
	list_forget(p);
	p->sw = start;
	p->tokens_at = 0;
	fault_disarm(p);
	p->nchanges = 0;
}

static unsigned
control_reset(Arg *args, size_t nargs, Buf *out)
{
	(void) args;
	(void) nargs;
	for (int i = 0; i < NPROVIDERS; i++)
		reset_provider(&sim.providers[i]);
	log_clear();
	buf_str(out, "ok\n");
	return 200;
}

static unsigned
control_clear(Arg *args, size_t nargs, Buf *out)
{
	(void) args;
	(void) nargs;
	log_clear();
	buf_str(out, "ok\n");
	return 200;
}

static unsigned
control_log(Arg *args, size_t nargs, Buf *out)
{
	int			first,
				last;

	if (nargs == 0)
		log_render(NULL, out);
	else if (!need_providers(args, nargs, &first, &last, out))
		return 400;
	else
		log_render(first == last ? &sim.providers[first] : NULL, out);
	return 200;
}

static unsigned
control_stats(Arg *args, size_t nargs, Buf *out)
{
	(void) args;
	(void) nargs;
	buf_printf(out, "requests %lld\nundocumented %lld\nconnections %lld\naccepted %lld\n", (long long) sim.requests,
			   (long long) sim.undocumented, (long long) sim.connections, (long long) sim.accepted);
	return 200;
}

static unsigned
control_data(Arg *args, size_t nargs, Buf *out)
{
	const Arg  *format = find_arg(args, nargs, "format");
	int			first,
				last;

	if (!need_providers(args, nargs, &first, &last, out))
		return 400;
	if (first != last || (format != NULL && strcmp(format->value, "csv") != 0))
	{
		buf_printf(out, "data: one provider, format=csv\n");
		return 400;
	}
	render_csv(&sim.providers[first], out);
	return 200;
}

static unsigned
control_changes(Arg *args, size_t nargs, Buf *out)
{
	int			first,
				last;

	if (!need_providers(args, nargs, &first, &last, out))
		return 400;
	for (int i = first; i <= last; i++)
		buf_add(out, sim.providers[i].history.data, sim.providers[i].history.len);
	return 200;
}

/* Answer a control request; path is what follows /_sim/. Returns the status. */
unsigned
control_answer(const char *path, Arg *args, size_t nargs, Buf *out)
{
	static const struct
	{
		const char *path;
		unsigned	(*answer) (Arg *args, size_t nargs, Buf *out);
		const char *takes;		/* " a b ": argument names; NULL: checked by answer itself */
	}			endpoints[] = {
		{"reset", control_reset, " "},
		{"set", control_set, NULL},
		{"fault", control_fault, NULL},
		{"change", control_change, NULL},
		{"changes", control_changes, " provider "},
		{"log", control_log, " provider "},
		{"clear", control_clear, " "},
		{"stats", control_stats, " "},
		{"data", control_data, " provider format "},
	};

	for (size_t i = 0; i < lengthof(endpoints); i++)
	{
		if (strcmp(path, endpoints[i].path) != 0)
			continue;
		for (size_t k = 0; endpoints[i].takes != NULL && k < nargs; k++)
		{
			char		word[80];

			snprintf(word, sizeof(word), " %s ", args[k].name);
			if (strstr(endpoints[i].takes, word) == NULL)
			{
				buf_printf(out, "%s: %s is not known\n", path, args[k].name);
				return 400;
			}
		}
		return endpoints[i].answer(args, nargs, out);
	}
	buf_printf(out, "/_sim/%s is not known\n", path);
	return 400;
}
