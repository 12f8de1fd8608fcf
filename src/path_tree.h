/*-------------------------------------------------------------------------
 *
 * path_tree.h
 *		Dotted paths into JSON, compiled into a tree.
 *
 * A node stands for a value; its children are members of an object by name,
 * or elements of an array where the name is a decimal index.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_PATH_TREE_H
#define CALLS_PATH_TREE_H

#include "postgres.h"

/* Members of an object that are remembered, and bytes of their names. */
#define CALLS_GUESSES		32
#define CALLS_GUESS_SIZE	24

/* What member number such-and-such of the last such object was. */
typedef struct CallsPathGuess
{
	struct CallsPathNode *child;	/* or NULL: no path leads there */
	int			length;			/* of the key; -1: nothing is known */
	char		key[CALLS_GUESS_SIZE];	/* as the reply writes it */
} CallsPathGuess;

/* A segment of one or more paths. */
typedef struct CallsPathNode
{
	const char *name;			/* not null-terminated */
	size_t		length;
	int64		index;			/* the name as an array index, or -1 */
	struct CallsPathNode *child;	/* some child: the one to try first */
	CallsPathGuess *guesses;	/* CALLS_GUESSES of them; NULL: no child */
	struct CallsPathNode *sibling;	/* next child of the parent, in a ring */
	bool		is_rows;		/* the array of rows */
	int			nslots;
	int		   *slots;			/* which cells the value goes to */
	uint64		seen;			/* last object or page that had the member */
} CallsPathNode;

/*
 * Compiles paths in CurrentMemoryContext; path number i becomes a slot i.
 * The paths are not copied.  Returns the root, which "" leads to.
 */
extern CallsPathNode *calls_compile_paths(int npaths, const char *const *paths);

/* The node at the end of a path; made where there is none. */
extern CallsPathNode *calls_get_path_node(CallsPathNode *root, const char *path);

/*
 * The child for a member of an object, or NULL, found by name.  "key" is the
 * inside of a JSON string.
 */
extern CallsPathNode *calls_search_member(CallsPathNode *parent, int number,
										  const char *key, size_t length);

/*
 * The same for member number "number" of its object, from 0.  Objects of one
 * kind tend to have the same members in the same order, so the last one's is
 * tried first.
 */
static inline CallsPathNode *
calls_find_member(CallsPathNode *parent, int number, const char *key, size_t length)
{
	if (parent->guesses == NULL)
		return NULL;
	if (number < CALLS_GUESSES)
	{
		const CallsPathGuess *guess = &parent->guesses[number];

		if (guess->length == (int64) length && memcmp(guess->key, key, length) == 0)
			return guess->child;
	}
	return calls_search_member(parent, number, key, length);
}

/* The child for an element of an array, or NULL. */
extern CallsPathNode *calls_find_element(CallsPathNode *parent, int64 index);

#endif							/* CALLS_PATH_TREE_H */
