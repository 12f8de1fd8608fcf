/*-------------------------------------------------------------------------
 *
 * definition.c
 *		Definitions: installed ones, found by name and reread when changed, and
 *		those that a server's options hold.
 *
 * A backend keeps one parsed version of each definition, in a memory context
 * of its own.  A version that a changed file has replaced, or a text that was
 * not used for long, goes away with the last memory context that uses it.  A
 * text is found by itself, so that a changed option is another definition.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "definition.h"
#include "definition_file.h"
#include "keys.h"

/* Definitions of servers' options that are kept: more than servers in use. */
#define MAX_TEXTS 64

/* Names further apart are no typing errors, as in the server's own hints. */
#define MAX_EDITS 4
#define MAX_HINT_LENGTH 255

/* A parsed version of a definition. */
typedef struct CachedDefinition
{
	dlist_node	node;
	MemoryContext context;		/* has all of it, this struct included */
	CallsDefinition *def;
	const char *text;			/* all of it, UTF-8; NULL: from a file */
	CallsFileVersion version;	/* of the file */
	int			pins;			/* memory contexts that use it */
	bool		retired;		/* no longer in the cache */
} CachedDefinition;

/* The latest used first. */
static dlist_head cache = DLIST_STATIC_INIT(cache);

/* A version without definition, below CurrentMemoryContext. */
static CachedDefinition *
make_entry(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "calls_fdw definition",
												  ALLOCSET_SMALL_SIZES);
	CachedDefinition *entry = MemoryContextAllocZero(context, sizeof(CachedDefinition));

	entry->context = context;
	return entry;
}

/*
 * Parse and check a definition into the version, "label" as in
 * calls_parse_definition.  What is raised leaves nothing behind, since the
 * version is below the caller's context until then.
 */
static void
fill_entry(CachedDefinition *entry, const char *text, const char *label)
{
	MemoryContext caller = MemoryContextSwitchTo(entry->context);

	entry->def = calls_parse_definition(text, label);
	MemoryContextSwitchTo(caller);
}

/* Put a version into the cache. */
static void
keep_entry(CachedDefinition *entry)
{
	MemoryContextSetParent(entry->context, TopMemoryContext);
	dlist_push_head(&cache, &entry->node);
}

/* Read, parse and check a file. */
static CachedDefinition *
load_definition(const char *provider, const char *path)
{
	CachedDefinition *entry = make_entry();
	char	   *text = calls_read_definition_file(provider, path, &entry->version);

	fill_entry(entry, text, provider);
	pfree(text);
	if (strcmp(entry->def->provider, provider) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_STRING_FORMAT),
				 errmsg("invalid definition of provider \"%s\"", provider),
				 errdetail("Key \"provider\" is \"%s\", which is not the name of the file.",
						   entry->def->provider)));
	return entry;
}

/* Take a version out of the cache; it goes away when nobody uses it. */
static void
retire(CachedDefinition *entry)
{
	dlist_delete(&entry->node);
	entry->retired = true;
	if (entry->pins == 0)
		MemoryContextDelete(entry->context);
}

/* A memory context that used a version goes away. */
static void
release(void *arg)
{
	CachedDefinition *entry = arg;

	if (--entry->pins == 0 && entry->retired)
		MemoryContextDelete(entry->context);
}

/* Keep a version as long as CurrentMemoryContext. */
static void
pin(CachedDefinition *entry)
{
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	callback->func = release;
	callback->arg = entry;
	entry->pins++;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

/* The cached version of an installed provider, or NULL. */
static CachedDefinition *
find_installed(const char *provider)
{
	dlist_iter	iter;

	dlist_foreach(iter, &cache)
	{
		CachedDefinition *entry = dlist_container(CachedDefinition, node, iter.cur);

		if (entry->text == NULL && strcmp(entry->def->provider, provider) == 0)
			return entry;
	}
	return NULL;
}

const CallsDefinition *
calls_get_definition(const char *provider)
{
	CachedDefinition *entry;
	CallsFileVersion version;
	char	   *path = calls_find_definition_file(provider, &version);

	entry = find_installed(provider);
	if (entry == NULL || !calls_same_version(&entry->version, &version))
	{
		CachedDefinition *loaded = load_definition(provider, path);

		if (entry != NULL)
			retire(entry);
		entry = loaded;
		keep_entry(entry);
	}
	pin(entry);
	return entry->def;
}

char *
calls_read_definition(const char *provider)
{
	CallsFileVersion version;
	char	   *path = calls_find_definition_file(provider, &version);
	char	   *text = calls_read_definition_file(provider, path, &version);

	calls_parse_definition(text, provider);
	return text;
}

/* The cached version with this text, or NULL. */
static CachedDefinition *
find_text(const char *text)
{
	dlist_iter	iter;

	dlist_foreach(iter, &cache)
	{
		CachedDefinition *entry = dlist_container(CachedDefinition, node, iter.cur);

		if (entry->text != NULL && strcmp(entry->text, text) == 0)
			return entry;
	}
	return NULL;
}

/* Let go of the texts that were not used for longest. */
static void
retire_old_texts(void)
{
	dlist_mutable_iter iter;
	int			texts = 0;

	dlist_foreach_modify(iter, &cache)
	{
		CachedDefinition *entry = dlist_container(CachedDefinition, node, iter.cur);

		if (entry->text != NULL && ++texts > MAX_TEXTS)
			retire(entry);
	}
}

const CallsDefinition *
calls_get_written_definition(const char *text)
{
	const char *utf8 = pg_server_to_any(text, (int) strlen(text), PG_UTF8);
	CachedDefinition *entry = find_text(utf8);

	if (entry == NULL)
	{
		if (strlen(utf8) > CALLS_MAX_DEFINITION)
			calls_refuse(NULL, "", NULL, "is larger than 1 MB");
		entry = make_entry();
		fill_entry(entry, utf8, NULL);
		entry->text = MemoryContextStrdup(entry->context, utf8);
		keep_entry(entry);
		retire_old_texts();
	}
	else
		dlist_move_head(&cache, &entry->node);
	pin(entry);
	return entry->def;
}

const CallsDefinition *
calls_id_definition(const CallsDefinition *def)
{
	if (def->single)
		return def;
	return def->by_id ? def->details : NULL;
}

/* Do two dotted paths start with the same member? */
static bool
same_first_member(const char *a, const char *b)
{
	size_t		length = strcspn(a, ".");

	return strcspn(b, ".") == length && strncmp(a, b, length) == 0;
}

bool
calls_path_is_added(const CallsDefinition *def, const char *path)
{
	const CallsDefinition *details = def->details;

	for (int i = 0; details != NULL && i < details->ncolumns; i++)
	{
		if (details->columns[i].role == CALLS_COLUMN_VALUE && i != details->key &&
			same_first_member(details->columns[i].path, path))
			return true;
	}
	return false;
}

int
calls_find_column(const CallsDefinition *def, const char *name)
{
	for (int i = 0; i < def->ncolumns; i++)
	{
		if (strcmp(def->columns[i].name, name) == 0)
			return i;
	}
	return -1;
}

const char *
calls_common_word(const CallsColumn *column, const char *native)
{
	for (int i = 0; i < column->nwords; i++)
	{
		if (strcmp(column->words[i].native, native) == 0)
			return column->words[i].common;
	}
	return native;
}

const char *
calls_closest_name(const char *name, List *candidates)
{
	int			length = (int) strlen(name);
	int			limit = Min(MAX_EDITS, length / 2);
	const char *closest = NULL;
	ListCell   *lc;

	if (length > MAX_HINT_LENGTH)
		return NULL;
	foreach(lc, candidates)
	{
		const char *candidate = lfirst(lc);
		int			distance;

		if (limit < 0 || strlen(candidate) > MAX_HINT_LENGTH)
			continue;
		distance = varstr_levenshtein_less_equal(name, length,
												 candidate, (int) strlen(candidate),
												 1, 1, 1, limit, true);
		if (distance <= limit)
		{
			closest = candidate;
			limit = distance - 1;	/* later ones must be closer */
		}
	}
	return closest;
}
