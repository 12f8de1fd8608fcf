/*-------------------------------------------------------------------------
 *
 * document.h
 *		A JSON document as a tree whose nodes know their path.
 *
 * Nodes are plain values; the tree behind them lives as long as the memory
 * context in which the document was opened.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_DOCUMENT_H
#define CALLS_DOCUMENT_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef enum CallsNodeKind
{
	CALLS_NODE_MISSING = 0,		/* no such member */
	CALLS_NODE_NULL,
	CALLS_NODE_BOOLEAN,
	CALLS_NODE_INTEGER,
	CALLS_NODE_NUMBER,			/* with fraction or exponent */
	CALLS_NODE_STRING,
	CALLS_NODE_ARRAY,
	CALLS_NODE_OBJECT
} CallsNodeKind;

typedef struct CallsNode
{
	CallsNodeKind kind;
	struct json_object *json;	/* owned by the document */
	const char *label;			/* names the document in messages */
	const char *path;			/* such as "filters[2].list"; "" at the top */
	const char *key;			/* name as a member, or NULL */
} CallsNode;

/* What is wrong with a text that should be a JSON document. */
typedef enum CallsDocumentFlaw
{
	CALLS_DOCUMENT_FINE = 0,
	CALLS_DOCUMENT_SYNTAX,		/* not JSON, or not UTF-8 */
	CALLS_DOCUMENT_DEPTH,		/* nests too deep */
	CALLS_DOCUMENT_DUPLICATE	/* a key twice in one object */
} CallsDocumentFlaw;

/*
 * Checks the syntax, strictly, and that no object has a key twice.
 * "*message" becomes a phrase: the path of the key for DUPLICATE, else what is
 * wrong and where; no value of the document is quoted.
 */
extern CallsDocumentFlaw calls_check_document(const char *text, char **message);

/*
 * Opens a document that was found fine.  It is freed with
 * CurrentMemoryContext.
 */
extern CallsNode calls_open_document(const char *text, const char *label);

extern CallsNode calls_node_member(const CallsNode *object, const char *key);
extern int	calls_node_length(const CallsNode *array);
extern CallsNode calls_node_element(const CallsNode *array, int index);

/* Members in the order of the document: a List of CallsNode *. */
extern List *calls_node_members(const CallsNode *object);

/* Values of a node of the right kind; texts are copied. */
extern bool calls_node_boolean(const CallsNode *node);
extern int64 calls_node_integer(const CallsNode *node);
extern char *calls_node_string(const CallsNode *node);
extern char *calls_node_json(const CallsNode *node);

#endif							/* CALLS_DOCUMENT_H */
