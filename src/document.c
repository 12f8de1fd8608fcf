/*-------------------------------------------------------------------------
 *
 * document.c
 *		A JSON document as a tree whose nodes know their path.
 *
 * json-c builds the tree; nothing can be raised while it works.  It keeps the
 * last of several equal keys and is lenient here and there, which is why
 * document_check.c looks at a text first.
 *
 * utils/builtins.h must not be included: the server's function json_object
 * clashes with json-c's type.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <json-c/json.h>

#include "document.h"
#include "syntax.h"

/* A tree and the callback that frees it with its memory context. */
typedef struct Tree
{
	json_object *root;
	MemoryContextCallback callback;
} Tree;

/* Free a tree when its memory context is reset. */
static void
free_tree(void *arg)
{
	json_object_put(((Tree *) arg)->root);
}

/* Make a node of a value. */
static CallsNode
make_node(json_object *json, const char *label, const char *path, const char *key)
{
	CallsNode	node = {.json = json, .label = label, .path = path, .key = key};

	switch (json_object_get_type(json))
	{
		case json_type_null:
			node.kind = CALLS_NODE_NULL;
			break;
		case json_type_boolean:
			node.kind = CALLS_NODE_BOOLEAN;
			break;
		case json_type_int:
			node.kind = CALLS_NODE_INTEGER;
			break;
		case json_type_double:
			node.kind = CALLS_NODE_NUMBER;
			break;
		case json_type_string:
			node.kind = CALLS_NODE_STRING;
			break;
		case json_type_array:
			node.kind = CALLS_NODE_ARRAY;
			break;
		case json_type_object:
			node.kind = CALLS_NODE_OBJECT;
			break;
	}
	return node;
}

CallsNode
calls_open_document(const char *text, const char *label)
{
	Tree	   *tree = palloc0(sizeof(Tree));
	json_tokener *tokener;
	enum json_tokener_error error;

	tree->callback.func = free_tree;
	tree->callback.arg = tree;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &tree->callback);

	tokener = json_tokener_new();
	if (tokener == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	/*
	 * document_check.c was strict already; json-c 0.18's own strictness
	 * refuses all that is not ASCII (json-c issue 875).  The text goes with its
	 * terminating null byte, so that a number at the end ends.
	 */
	tree->root = json_tokener_parse_ex(tokener, text, (int) strlen(text) + 1);
	error = json_tokener_get_error(tokener);
	json_tokener_free(tokener);

	if (error != json_tokener_success)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_STRING_FORMAT),
				 errmsg("could not read the JSON document \"%s\"",
						label != NULL ? label : "definition"),
				 errdetail("The JSON library says: %s.",
						   json_tokener_error_desc(error))));
	return make_node(tree->root, label, "", NULL);
}

CallsNode
calls_node_member(const CallsNode *object, const char *key)
{
	const char *shown = calls_show_text(key);
	char	   *path;
	json_object *json;

	Assert(object->kind == CALLS_NODE_OBJECT);
	if (object->path[0] == '\0')
		path = pstrdup(shown);
	else
		path = psprintf("%s.%s", object->path, shown);

	if (!json_object_object_get_ex(object->json, key, &json))
	{
		CallsNode	missing = {.label = object->label, .path = path, .key = key};

		return missing;
	}
	return make_node(json, object->label, path, key);
}

int
calls_node_length(const CallsNode *array)
{
	Assert(array->kind == CALLS_NODE_ARRAY);
	return (int) json_object_array_length(array->json);
}

CallsNode
calls_node_element(const CallsNode *array, int index)
{
	Assert(array->kind == CALLS_NODE_ARRAY);
	return make_node(json_object_array_get_idx(array->json, index),
					 array->label,
					 psprintf("%s[%d]", array->path, index), NULL);
}

List *
calls_node_members(const CallsNode *object)
{
	List	   *members = NIL;
	struct json_object_iterator it;
	struct json_object_iterator end;

	Assert(object->kind == CALLS_NODE_OBJECT);
	it = json_object_iter_begin(object->json);
	end = json_object_iter_end(object->json);
	while (!json_object_iter_equal(&it, &end))
	{
		CallsNode  *member = palloc(sizeof(CallsNode));

		*member = calls_node_member(object,
									pstrdup(json_object_iter_peek_name(&it)));
		members = lappend(members, member);
		json_object_iter_next(&it);
	}
	return members;
}

bool
calls_node_boolean(const CallsNode *node)
{
	Assert(node->kind == CALLS_NODE_BOOLEAN);
	return json_object_get_boolean(node->json);
}

int64
calls_node_integer(const CallsNode *node)
{
	Assert(node->kind == CALLS_NODE_INTEGER);
	return json_object_get_int64(node->json);
}

char *
calls_node_string(const CallsNode *node)
{
	Assert(node->kind == CALLS_NODE_STRING);
	return pstrdup(json_object_get_string(node->json));
}

char *
calls_node_json(const CallsNode *node)
{
	const char *json = json_object_to_json_string_ext(node->json,
													  JSON_C_TO_STRING_PLAIN |
													  JSON_C_TO_STRING_NOSLASHESCAPE);

	if (json == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	return pstrdup(json);
}
