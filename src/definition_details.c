/*-------------------------------------------------------------------------
 *
 * definition_details.c
 *		"details" of a definition: the request for one call.
 *
 * It becomes a definition of its own, that of the table "call_details", which
 * shares address, sign-in and errors with the list.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "definition_parse.h"
#include "syntax.h"

/* The keys of "details". */
typedef struct Details
{
	bool		by_id;
	const char *basis;
} Details;

/* One place where the call may be in the reply. */
static const char *
read_place(const CallsNode *node)
{
	char	   *path;
	const char *flaw;

	calls_require_kind(node, CALLS_NODE_STRING);
	path = calls_node_string(node);
	flaw = path[0] == '\0' ? NULL : calls_member_path_flaw(path);
	if (flaw != NULL)
		calls_refuse(node->label, node->path, NULL, "%s", flaw);
	return path;
}

/* "object": a place, or several to try in order; without it, the whole body. */
static void
parse_object(const CallsNode *node, CallsDefinition *def)
{
	const char **objects;

	def->nobjects = node->kind == CALLS_NODE_ARRAY ? calls_node_length(node) : 1;
	if (def->nobjects == 0)
		calls_refuse(node->label, node->path, NULL, "must not be empty");
	objects = palloc(sizeof(char *) * def->nobjects);
	def->objects = objects;
	if (node->kind == CALLS_NODE_MISSING)
		objects[0] = "";
	else if (node->kind != CALLS_NODE_ARRAY)
		objects[0] = read_place(node);
	else
	{
		for (int i = 0; i < def->nobjects; i++)
		{
			CallsNode	element = calls_node_element(node, i);

			objects[i] = read_place(&element);
		}
	}
}

/*
 * Raises where the reply for one call cannot stand for a call of the list: a
 * member that both have would be taken for one that only the details have.
 */
static void
check_by_id(const CallsNode *node, const CallsDefinition *def)
{
	for (int i = 0; i < def->ncolumns; i++)
	{
		const CallsColumn *column = &def->columns[i];

		if (column->role == CALLS_COLUMN_VALUE && calls_path_is_added(def, column->path))
			calls_refuse_member(node, "by_id",
								psprintf("cannot be true while a column of the details lies in the same member as \"columns.%s\"",
										 column->name));
	}
}

void
calls_parse_details(const CallsNode *node, CallsDefinition *def)
{
	static const CallsKey keys[] = {
		{.name = "request", .required = true},
		{.name = "object"},
		{.name = "columns", .required = true},
		{.name = "by_id", .kind = CALLS_KEY_BOOLEAN, .offset = offsetof(Details, by_id)},
		{.name = "basis", .kind = CALLS_KEY_PROSE, .offset = offsetof(Details, basis)},
		{0}
	};
	Details		read = {0};
	CallsDefinition *details = palloc(sizeof(CallsDefinition));
	CallsNode	member;

	calls_read_object(node, keys, &read);
	*details = *def;
	details->single = true;
	details->basis = read.basis;
	details->order = (CallsOrder) {.column = -1, .nulls = true};
	details->total = NULL;
	details->nfilters = 0;
	details->nfixed = 0;
	member = calls_node_member(node, "request");
	calls_parse_request(&member, calls_call_path_flaw, details);
	member = calls_node_member(node, "object");
	parse_object(&member, details);
	member = calls_node_member(node, "columns");
	calls_parse_detail_columns(&member, details);

	def->details = details;
	def->by_id = read.by_id;
	if (def->by_id)
		check_by_id(node, def);
}
