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
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "compat.h"
#include "idset.h"

/* Smallest number of ids to remember: 16 pages of the usual 100 rows. */
#define MIN_IDS			1600

/* Slots of a table at first; always a power of two. */
#define FIRST_SLOTS		256

/*
 * A hash table with linear probing.  At most every second slot is taken, so
 * that an id which is not there is known after a step or two.
 */
typedef struct IdTable
{
	CallsIdHash *slots;			/* a free one is zero; NULL: no table */
	uint32		mask;			/* their number, less one */
	uint32		members;
} IdTable;

struct CallsIdSet
{
	MemoryContext context;		/* of the tables */
	IdTable		current;
	IdTable		older;			/* no table until the current one was full */
	uint32		max_slots;		/* of each */
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

static void
init_table(const CallsIdSet *set, IdTable *table, uint32 nslots)
{
	table->slots = MemoryContextAllocExtended(set->context, sizeof(CallsIdHash) * nslots,
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	table->mask = nslots - 1;
	table->members = 0;
}

CallsIdSet *
calls_make_idset(int memory)
{
	CallsIdSet *set = palloc0_object(CallsIdSet);
	Size		slots = (Size) memory * 1024 / (2 * sizeof(CallsIdHash));

	slots = Min(Max(slots, 2 * MIN_IDS), (Size) PG_INT32_MAX);
	set->context = CurrentMemoryContext;
	set->max_slots = UINT32_C(1) << pg_leftmost_one_pos32((uint32) slots);
	if (set->max_slots < 2 * MIN_IDS)
		set->max_slots *= 2;
	init_table(set, &set->current, FIRST_SLOTS);
	return set;
}

/* Zero means a free slot. */
static inline CallsIdHash
slot_value(CallsIdHash id)
{
	if (id.low == 0 && id.high == 0)
		id.low = 1;
	return id;
}

/* Has the memory at hand by the time find_slot is called. */
static inline void
prefetch_slot(const IdTable *table, CallsIdHash id)
{
	if (table->slots != NULL)
		__builtin_prefetch(&table->slots[(uint32) id.low & table->mask]);
}

/* The slot that holds the id, or the free one where it belongs. */
static inline CallsIdHash *
find_slot(const IdTable *table, CallsIdHash id)
{
	uint32		i = (uint32) id.low & table->mask;

	while (!calls_id_equal(table->slots[i], id) &&
		   (table->slots[i].low != 0 || table->slots[i].high != 0))
		i = (i + 1) & table->mask;
	return &table->slots[i];
}

static inline bool
table_contains(const IdTable *table, CallsIdHash id)
{
	return table->slots != NULL && calls_id_equal(*find_slot(table, id), id);
}

/* Moves the members of the current table into one of twice the size. */
static void
enlarge_table(CallsIdSet *set)
{
	IdTable		old = set->current;

	init_table(set, &set->current, 2 * (old.mask + 1));
	for (uint32 i = 0; i <= old.mask; i++)
		if (old.slots[i].low != 0 || old.slots[i].high != 0)
			*find_slot(&set->current, old.slots[i]) = old.slots[i];
	set->current.members = old.members;
	pfree(old.slots);
}

/* Makes the full current table the older one, and that one, emptied, the current. */
static void
forget_older(CallsIdSet *set)
{
	IdTable		full = set->current;

	if (set->older.slots == NULL)
		init_table(set, &set->current, set->max_slots);
	else
	{
		set->current = set->older;
		memset(set->current.slots, 0, sizeof(CallsIdHash) * ((Size) set->current.mask + 1));
		set->current.members = 0;
	}
	set->older = full;
}

bool
calls_idset_contains(CallsIdSet *set, CallsIdHash id)
{
	id = slot_value(id);
	return table_contains(&set->current, id) || table_contains(&set->older, id);
}

bool
calls_idset_add(CallsIdSet *set, CallsIdHash id)
{
	CallsIdHash *slot;

	id = slot_value(id);
	prefetch_slot(&set->older, id);
	slot = find_slot(&set->current, id);
	if (calls_id_equal(*slot, id) || table_contains(&set->older, id))
		return false;
	if (set->current.members > set->current.mask / 2)
	{
		if (set->current.mask + 1 < set->max_slots)
			enlarge_table(set);
		else
			forget_older(set);
		slot = find_slot(&set->current, id);
	}
	*slot = id;
	set->current.members++;
	return true;
}

int64
calls_idset_size(const CallsIdSet *set)
{
	return (int64) set->current.members + set->older.members;
}

void
calls_add_to_seam(CallsSeam *seam, CallsIdHash id)
{
	seam->ids[seam->count++ % CALLS_SEAM_IDS] = id;
	/* stay clear of overflow, and of "not full yet" */
	if (seam->count == 2 * CALLS_SEAM_IDS)
		seam->count = CALLS_SEAM_IDS;
}

bool
calls_seam_contains(const CallsSeam *seam, CallsIdHash id)
{
	for (int i = 0; i < Min(seam->count, CALLS_SEAM_IDS); i++)
		if (calls_id_equal(seam->ids[i], id))
			return true;
	return false;
}
