/*-------------------------------------------------------------------------
 *
 * idset.h
 *		The ids that a scan has seen, in bounded memory; the last of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_IDSET_H
#define CALLS_IDSET_H

#include "postgres.h"

/* 128 bits of an id: enough that two ids never meet in practice. */
typedef struct CallsIdHash
{
	uint64		high;
	uint64		low;
} CallsIdHash;

typedef struct CallsIdSet CallsIdSet;

extern CallsIdHash calls_hash_id(const char *text, size_t length);

static inline bool
calls_id_equal(CallsIdHash a, CallsIdHash b)
{
	return a.high == b.high && a.low == b.low;
}

/*
 * An empty set in CurrentMemoryContext that takes about "memory" kB at most.
 * When it is full, the older half is forgotten.
 */
extern CallsIdSet *calls_make_idset(int memory);

/* Adds an id; false if it was there. */
extern bool calls_idset_add(CallsIdSet *set, CallsIdHash id);

/* How many of the ids added last are remembered for sure. */
extern int64 calls_idset_size(const CallsIdSet *set);

extern bool calls_idset_contains(CallsIdSet *set, CallsIdHash id);

/* How many of the last ids may connect a page with the one before it. */
#define CALLS_SEAM_IDS		16

/* The last ids that were read, by which the next page is connected with them. */
typedef struct CallsSeam
{
	CallsIdHash ids[CALLS_SEAM_IDS];	/* a ring */
	int			count;			/* ids put into it, as far as that matters */
} CallsSeam;

extern void calls_add_to_seam(CallsSeam *seam, CallsIdHash id);

/* Is this one of the last ids? */
extern bool calls_seam_contains(const CallsSeam *seam, CallsIdHash id);

#endif							/* CALLS_IDSET_H */
