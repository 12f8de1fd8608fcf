/*-------------------------------------------------------------------------
 *
 * option_headers.c
 *		The option "headers": a JSON object -> request headers.
 *
 * The values are secrets: no message quotes any of the text but the names.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "document.h"
#include "option_table.h"
#include "syntax.h"

/* Servers refuse requests with more; Apache's default is 8 kB a line. */
#define MAX_HEADER_VALUE 8192
#define MAX_HEADERS 64

/* Raises HV024 for the whole option. */
static void
refuse(const char *detail)
{
	calls_refuse_option("headers", NULL, detail,
						"It is a JSON object such as {\"X-Tenant-ID\": \"42\"}.");
}

/* Raises HV024 for one header. */
static void
refuse_header(const CallsNode *node, const char *flaw)
{
	refuse(psprintf("The header \"%s\" %s.", calls_show_text(node->key), flaw));
}

/* Open the document, or raise what is wrong with it. */
static CallsNode
open_headers(const char *json)
{
	char	   *text = pg_server_to_any(json, (int) strlen(json), PG_UTF8);
	char	   *message;
	CallsNode	top;

	switch (calls_check_document(text, &message))
	{
		case CALLS_DOCUMENT_FINE:
			break;
		case CALLS_DOCUMENT_SYNTAX:
		case CALLS_DOCUMENT_DEPTH:
			refuse("The value is not a JSON object.");
			break;
		case CALLS_DOCUMENT_DUPLICATE:
			refuse(psprintf("The header \"%s\" is given twice.", message));
			break;
	}
	top = calls_open_document(text, "headers");
	if (top.kind != CALLS_NODE_OBJECT)
		refuse("The value is not a JSON object.");
	return top;
}

/* Check one member and copy it into "header". */
static void
read_header(const CallsNode *node, CallsHeader *header)
{
	const char *flaw = calls_header_name_flaw(node->key);

	if (flaw != NULL)
		refuse_header(node, flaw);
	if (node->kind != CALLS_NODE_STRING)
		refuse_header(node, "must have a string as its value");
	header->name = pstrdup(node->key);
	header->value = calls_node_string(node);
	if (header->value[0] == '\0')
		refuse_header(node, "must not be empty");
	if (strlen(header->value) > MAX_HEADER_VALUE)
		refuse_header(node, "must not be longer than 8 kB");
	if (calls_has_control(header->value))
		refuse_header(node, "must not contain line breaks or other control characters");
	if (!calls_is_printable(header->value))
		refuse_header(node, "must consist of ASCII characters");
	if (calls_has_edge_blank(header->value))
		refuse_header(node, "must not start or end with a blank");
}

/* Read the members, none of whose names may repeat in another case. */
static CallsHeader *
read_headers(const CallsNode *top, MemoryContext caller, int *nheaders)
{
	List	   *members = calls_node_members(top);
	CallsHeader *headers;
	ListCell   *lc;

	if (list_length(members) > MAX_HEADERS)
		refuse(psprintf("There are more than %d headers.", MAX_HEADERS));
	MemoryContextSwitchTo(caller);
	headers = palloc0(sizeof(CallsHeader) * Max(list_length(members), 1));
	foreach(lc, members)
	{
		const CallsNode *member = lfirst(lc);

		for (int i = 0; i < foreach_current_index(lc); i++)
		{
			if (pg_strcasecmp(headers[i].name, member->key) == 0)
				refuse_header(member, "is given twice");
		}
		read_header(member, &headers[foreach_current_index(lc)]);
	}
	*nheaders = list_length(members);
	return headers;
}

CallsHeader *
calls_parse_headers(const char *json, int *nheaders)
{
	MemoryContext scratch;
	MemoryContext caller;
	CallsHeader *headers;
	CallsNode	top;

	scratch = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw headers",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(scratch);
	top = open_headers(json);
	headers = read_headers(&top, caller, nheaders);
	MemoryContextDelete(scratch);
	return headers;
}
