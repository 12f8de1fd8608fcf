/*-------------------------------------------------------------------------
 *
 * path_tree.c
 *		Dotted paths into JSON, compiled into a tree.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "json_text.h"
#include "path_tree.h"

/* A segment as an array index, or -1. */
static int64
segment_index(const char *name, size_t length)
{
	int64		index = 0;

	if (length == 0 || length > 9 || (length > 1 && name[0] == '0'))
		return -1;
	for (size_t i = 0; i < length; i++)
	{
		if (name[i] < '0' || name[i] > '9')
			return -1;
		index = index * 10 + (name[i] - '0');
	}
	return index;
}

/* The child of that name; made where there is none. */
static CallsPathNode *
get_child(CallsPathNode *parent, const char *name, size_t length)
{
	CallsPathNode *node = parent->child;

	if (node != NULL)
	{
		do
		{
			if (node->length == length && memcmp(node->name, name, length) == 0)
				return node;
			node = node->sibling;
		} while (node != parent->child);
	}

	node = palloc0(sizeof(CallsPathNode));
	node->name = name;
	node->length = length;
	node->index = segment_index(name, length);
	if (parent->child == NULL)
	{
		node->sibling = node;
		parent->guesses = palloc(sizeof(CallsPathGuess) * CALLS_GUESSES);
		for (int i = 0; i < CALLS_GUESSES; i++)
			parent->guesses[i].length = -1;
	}
	else
	{
		node->sibling = parent->child->sibling;
		parent->child->sibling = node;
	}
	parent->child = node;		/* the ring ends with the newest */
	return node;
}

/* The node at the end of a dotted path. */
CallsPathNode *
calls_get_path_node(CallsPathNode *root, const char *path)
{
	CallsPathNode *node = root;
	size_t		length;

	if (*path == '\0')
		return root;
	for (;; path += length + 1)
	{
		length = strcspn(path, ".");
		node = get_child(node, path, length);
		if (path[length] == '\0')
			return node;
	}
}

/* Compiles a set of paths; path number i becomes slot i.  NULL finds nothing. */
CallsPathNode *
calls_compile_paths(int npaths, const char *const *paths)
{
	CallsPathNode *root = palloc0(sizeof(CallsPathNode));

	for (int i = 0; i < npaths; i++)
	{
		CallsPathNode *node;

		if (paths[i] == NULL)
			continue;
		node = calls_get_path_node(root, paths[i]);
		if (node->slots == NULL)
			node->slots = palloc(sizeof(int));
		else
			node->slots = repalloc(node->slots, sizeof(int) * (node->nslots + 1));
		node->slots[node->nslots++] = i;
	}
	return root;
}

/* The child of that name, or NULL. */
static CallsPathNode *
find_child(CallsPathNode *parent, const char *name, size_t length)
{
	CallsPathNode *node = parent->child;

	do
	{
		if (node->length == length && memcmp(node->name, name, length) == 0)
		{
			parent->child = node->sibling;
			return node;
		}
		node = node->sibling;
	} while (node != parent->child);
	return NULL;
}

/* The same for a name with escapes. */
static CallsPathNode *
find_escaped_child(CallsPathNode *parent, const char *key, size_t length)
{
	CallsUnescape how = {0};
	char	   *name = palloc(length);
	CallsPathNode *node = NULL;	/* no path has a name that is none */

	if (calls_unescape(key, length, &how, name, &length) == CALLS_TEXT_GOOD)
		node = find_child(parent, name, length);
	pfree(name);
	return node;
}

CallsPathNode *
calls_search_member(CallsPathNode *parent, int number, const char *key, size_t length)
{
	CallsPathNode *node;

	node = memchr(key, '\\', length) == NULL ? find_child(parent, key, length)
		: find_escaped_child(parent, key, length);
	if (number < CALLS_GUESSES && length <= CALLS_GUESS_SIZE)
	{
		CallsPathGuess *guess = &parent->guesses[number];

		guess->child = node;
		guess->length = (int) length;
		memcpy(guess->key, key, length);
	}
	return node;
}

/* The child of that index, or NULL. */
CallsPathNode *
calls_find_element(CallsPathNode *parent, int64 index)
{
	CallsPathNode *node = parent->child;

	if (node == NULL)
		return NULL;
	do
	{
		if (node->index == index)
			return node;
		node = node->sibling;
	} while (node != parent->child);
	return NULL;
}
