/*-------------------------------------------------------------------------
 *
 * definition_parse.h
 *		What the files of the definition loader share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_DEFINITION_PARSE_H
#define CALLS_DEFINITION_PARSE_H

#include "definition.h"
#include "keys.h"

/* What the language knows of an SQL type. */
typedef struct CallsTypeRule
{
	const char *name;			/* as a definition and IMPORT FOREIGN SCHEMA
								 * write it */
	Oid			type;
	int			formats;		/* bits (1 << CallsFormat): how its values may
								 * be written */
	int			default_format; /* -1: must be said */
	bool		equality;		/* may have a filter "=" */
	bool		bounds;			/* may have filters ">=" and "<=" */
} CallsTypeRule;

extern const CallsTypeRule *calls_type_rule(Oid type);

/* Words for CallsFormat. */
extern const CallsChoice calls_format_choices[];

/*
 * Columns and filters of a definition: the members "columns" and "filters" of
 * the document into "def".  Both need def->provider, filters also
 * def->columns; "place" is where parameters go by default.
 */
extern void calls_parse_columns(const CallsNode *node, CallsDefinition *def);
extern void calls_parse_filters(const CallsNode *node, CallsDefinition *def,
								CallsPlace place);

/* The columns of the table "call_details"; needs the list's in "def". */
extern void calls_parse_detail_columns(const CallsNode *node, CallsDefinition *def);

/*
 * "details": the request for one call, and the table "call_details".  Needs
 * all else in "def".
 */
extern void calls_parse_details(const CallsNode *node, CallsDefinition *def);

/*
 * A request: method, path, which "path_flaw" judges, and parameters, into
 * "def".  Returns where parameters go by default.
 */
extern CallsPlace calls_parse_request(const CallsNode *node,
									  const char *(*path_flaw) (const char *path),
									  CallsDefinition *def);

/* Index of the column that a string names; raises for none or an absent one. */
extern int	calls_parse_column_name(const CallsNode *node,
									const CallsDefinition *def);

/* Does what was read make sense as a whole?  Raises HV00A if not. */
extern void calls_check_definition(const CallsDefinition *def, const char *label);

#endif							/* CALLS_DEFINITION_PARSE_H */
