/*-------------------------------------------------------------------------
 *
 * keys.h
 *		Objects of a definition, read by tables of their keys.
 *
 * Every refusal raises HV00A and names the definition and the key's path.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_KEYS_H
#define CALLS_KEYS_H

#include "document.h"

/* A word of the language and the enum value that it stands for. */
typedef struct CallsChoice
{
	const char *word;			/* NULL ends a table */
	int			value;
} CallsChoice;

typedef enum CallsKeyKind
{
	CALLS_KEY_NODE = 0,			/* read by the caller */
	CALLS_KEY_STRING,			/* const char *: printable ASCII, not empty */
	CALLS_KEY_PROSE,			/* const char *: any text, for people */
	CALLS_KEY_PATH,				/* const char *: dotted path */
	CALLS_KEY_PATH_OR_EMPTY,	/* the same, or "" */
	CALLS_KEY_PATHS,			/* count and array: a path or several */
	CALLS_KEY_WORDS,			/* count and array of words that requests and
								 * replies may contain */
	CALLS_KEY_BOOLEAN,			/* bool */
	CALLS_KEY_INTEGER,			/* int within min and max */
	CALLS_KEY_CHOICE			/* int-sized enum: one of choices */
} CallsKeyKind;

/* One key of an object and where its value goes in the caller's struct. */
typedef struct CallsKey
{
	const char *name;			/* NULL ends a table */
	CallsKeyKind kind;
	bool		required;
	size_t		offset;
	size_t		count_offset;	/* PATHS and WORDS: of the int */
	int			min;
	int			max;
	const CallsChoice *choices;
} CallsKey;

/*
 * Reads an object into "target": refuses a node that is none, unknown,
 * missing and ill-typed members.  What the object lacks is left as it is.
 */
extern void calls_read_object(const CallsNode *node, const CallsKey *keys,
							  void *target);

/* Raises unless a node is of this kind; a missing one "is missing". */
extern void calls_require_kind(const CallsNode *node, CallsNodeKind kind);

/* Raises if an object has this member: why says "is not used by ...". */
extern void calls_refuse_member(const CallsNode *object, const char *key,
								const char *why);

/* Raises unless an object has this member. */
extern void calls_require_member(const CallsNode *object, const char *key);

/* Raises unless a string is a word that requests and replies may contain. */
extern const char *calls_read_word(const CallsNode *node);

/*
 * Raises HV00A: definition "label" (NULL: the option "definition") is invalid
 * because the key at "path" has this flaw, a phrase such as "must start with
 * \"/\"".  The hint may be NULL.
 */
extern void calls_refuse(const char *label, const char *path,
						 const char *hint, const char *flaw,...)
			__attribute__((format(printf, 4, 5), noreturn));

/* Hint with the candidate closest to a name, or NULL where none is near. */
extern char *calls_closest_hint(const char *what, const char *name,
								List *candidates);

#endif							/* CALLS_KEYS_H */
