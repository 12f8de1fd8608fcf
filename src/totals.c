/*-------------------------------------------------------------------------
 *
 * totals.c
 *		The totals that this backend has seen lately, for the planner.
 *
 * Kept per server, user and filters, as many as MAX_TOTALS; the one not used
 * for longest makes room.  A change of any server, user mapping or foreign
 * table forgets them all: a server may then be another one.  They are for
 * estimates only, nothing is right or wrong by them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "idset.h"
#include "totals.h"

#define MAX_TOTALS		256

typedef struct TotalKey
{
	CallsIdHash filters;		/* of their text */
	Oid			server;
	Oid			user;
} TotalKey;

typedef struct TotalEntry
{
	TotalKey	key;			/* must be first */
	int64		total;			/* -1: never known */
	TimestampTz seen;			/* when the total was */
	TimestampTz failed;			/* when it could not be known; 0: never */
	uint64		used;			/* number of the use that was its last */
} TotalEntry;

static HTAB *totals;			/* NULL: empty */
static uint64 uses;			/* of all entries */
static bool outdated;			/* a catalog has changed */

static void
forget_totals(Datum arg pg_attribute_unused(), int cacheid pg_attribute_unused(),
			  uint32 hashvalue pg_attribute_unused())
{
	outdated = true;
}

void
calls_init_totals(void)
{
	CacheRegisterSyscacheCallback(FOREIGNSERVEROID, forget_totals, (Datum) 0);
	CacheRegisterSyscacheCallback(USERMAPPINGOID, forget_totals, (Datum) 0);
	CacheRegisterSyscacheCallback(FOREIGNTABLEREL, forget_totals, (Datum) 0);
}

/* The table; empties it where it may no longer be true. */
static HTAB *
current_totals(void)
{
	HASHCTL		control = {.keysize = sizeof(TotalKey), .entrysize = sizeof(TotalEntry)};

	if (outdated && totals != NULL)
	{
		hash_destroy(totals);
		totals = NULL;
	}
	outdated = false;
	if (totals == NULL)
		totals = hash_create("calls_fdw totals", MAX_TOTALS, &control,
							 HASH_ELEM | HASH_BLOBS);
	return totals;
}

static TotalKey
make_key(Oid server, Oid user, const CallsBinding *binding)
{
	StringInfoData text;
	TotalKey	key = {.server = server, .user = user};

	initStringInfo(&text);
	calls_append_filters(&text, binding->nsent, binding->sent);
	key.filters = calls_hash_id(text.data, text.len);
	pfree(text.data);
	return key;
}

/* Makes room for another entry. */
static void
evict_one(void)
{
	HASH_SEQ_STATUS status;
	TotalEntry *entry;
	TotalEntry *oldest = NULL;

	hash_seq_init(&status, totals);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (oldest == NULL || entry->used < oldest->used)
			oldest = entry;
	}
	if (oldest != NULL)
		hash_search(totals, &oldest->key, HASH_REMOVE, NULL);
}

void
calls_note_total(Oid server, Oid user, const CallsBinding *binding, int64 total)
{
	TotalKey	key = make_key(server, user, binding);
	HTAB	   *table = current_totals();
	TotalEntry *entry = hash_search(table, &key, HASH_FIND, NULL);

	if (entry == NULL)
	{
		if (hash_get_num_entries(table) >= MAX_TOTALS)
			evict_one();
		entry = hash_search(table, &key, HASH_ENTER, NULL);
		entry->total = -1;
		entry->failed = 0;
	}
	entry->used = ++uses;
	if (total < 0)
		entry->failed = GetCurrentTimestamp();
	else
	{
		entry->total = total;
		entry->seen = GetCurrentTimestamp();
		entry->failed = 0;
	}
}

/* The entry of a binding, or NULL. */
static TotalEntry *
find_entry(Oid server, Oid user, const CallsBinding *binding)
{
	TotalKey	key = make_key(server, user, binding);

	return hash_search(current_totals(), &key, HASH_FIND, NULL);
}

/* Is it at most so many milliseconds ago? */
static bool
is_recent(TimestampTz when, int max_age)
{
	return max_age == CALLS_ANY_AGE ||
		!TimestampDifferenceExceeds(when, GetCurrentTimestamp(), max_age);
}

bool
calls_recall_total(Oid server, Oid user, const CallsBinding *binding, int max_age,
				   int64 *total)
{
	TotalEntry *entry = find_entry(server, user, binding);

	if (entry == NULL || entry->total < 0 || !is_recent(entry->seen, max_age))
		return false;
	entry->used = ++uses;
	*total = entry->total;
	return true;
}

bool
calls_total_is_unknown(Oid server, Oid user, const CallsBinding *binding, int max_age)
{
	TotalEntry *entry = find_entry(server, user, binding);

	return entry != NULL && entry->failed != 0 && is_recent(entry->failed, max_age);
}
