/*-------------------------------------------------------------------------
 *
 * idset.c
 *		The ids that a scan has seen, in bounded memory.
 *
 * Two hash tables, the current and the one before: when the current one has
 * taken its half of the memory, it becomes the older one and what the older
 * one held is forgotten.  So at least the last half is always remembered.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "compat.h"
#include "idset.h"

typedef struct IdEntry
{
	CallsIdHash id;
	char		status;			/* simplehash's own */
} IdEntry;

#define SH_PREFIX idtable
#define SH_ELEMENT_TYPE IdEntry
#define SH_KEY_TYPE CallsIdHash
#define SH_KEY id
#define SH_HASH_KEY(tb, key) ((uint32) (key).low)
#define SH_EQUAL(tb, a, b) calls_id_equal(a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* simplehash doubles, and keeps old and new table while it does. */
#define BYTES_PER_ID	(3 * sizeof(IdEntry))

/* Smallest number of ids to remember: 16 pages of the usual 100 rows. */
#define MIN_IDS			1600

struct CallsIdSet
{
	MemoryContext context;		/* of the set and its tables */
	idtable_hash *current;
	idtable_hash *older;		/* NULL until the current one was full */
	uint32		capacity;		/* of each */
};

CallsIdHash
calls_hash_id(const char *text, size_t length)
{
	CallsIdHash hash;

	/* two seeds make two independent halves */
	hash.high = hash_bytes_extended((const unsigned char *) text, (int) length, 0);
	hash.low = hash_bytes_extended((const unsigned char *) text, (int) length,
								   UINT64CONST(0x9E3779B97F4A7C15));
	return hash;
}

CallsIdSet *
calls_make_idset(int memory)
{
	CallsIdSet *set = palloc0_object(CallsIdSet);
	Size		capacity = (Size) memory * 1024 / (2 * BYTES_PER_ID);

	set->context = CurrentMemoryContext;
	set->capacity = (uint32) Min(Max(capacity, MIN_IDS), PG_INT32_MAX / 2);
	set->current = idtable_create(set->context, 256, NULL);
	return set;
}

bool
calls_idset_contains(CallsIdSet *set, CallsIdHash id)
{
	return idtable_lookup(set->current, id) != NULL ||
		(set->older != NULL && idtable_lookup(set->older, id) != NULL);
}

bool
calls_idset_add(CallsIdSet *set, CallsIdHash id)
{
	bool		found;

	if (set->older != NULL && idtable_lookup(set->older, id) != NULL)
		return false;
	if (set->current->members >= set->capacity)
	{
		if (idtable_lookup(set->current, id) != NULL)
			return false;
		if (set->older != NULL)
			idtable_destroy(set->older);
		set->older = set->current;
		set->current = idtable_create(set->context, 256, NULL);
	}
	idtable_insert(set->current, id, &found);
	return !found;
}

int64
calls_idset_size(const CallsIdSet *set)
{
	return (int64) set->current->members + (set->older ? set->older->members : 0);
}
