/*-------------------------------------------------------------------------
 *
 * import.c
 *		IMPORT FOREIGN SCHEMA: the tables "calls" and "call_details" from the
 *		definition.
 *
 * No column is declared NOT NULL: no API promises it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "import.h"
#include "option.h"

#define CALLS_TABLE "calls"
#define DETAILS_TABLE "call_details"

/* Does the option "columns" ask for the common columns only? */
static bool
wants_common_only(ImportForeignSchemaStmt *stmt)
{
	bool		common_only = false;
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		DefElem    *def = lfirst(lc);
		const char *value;

		if (strcmp(def->defname, "columns") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("invalid option \"%s\"", def->defname),
					 errhint("Valid options in this context are: columns.")));
		value = defGetString(def);
		common_only = (strcmp(value, "common") == 0);
		if (!common_only && strcmp(value, "all") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
					 errmsg("invalid value for option \"columns\": \"%s\"", value),
					 errhint("Valid values are: \"all\", \"common\".")));
	}
	return common_only;
}

/* The command that creates the table of a definition. */
static char *
create_command(const CallsDefinition *def, const char *server, bool common_only)
{
	StringInfoData command;
	const char *separator = "";

	initStringInfo(&command);
	appendStringInfo(&command, "CREATE FOREIGN TABLE %s (",
					 def->single ? DETAILS_TABLE : CALLS_TABLE);
	for (int i = 0; i < def->ncolumns; i++)
	{
		const CallsColumn *column = &def->columns[i];

		if (common_only && !column->common)
			continue;
		appendStringInfo(&command, "%s\n  %s %s", separator,
						 quote_identifier(column->name),
						 format_type_be_qualified(column->type));
		separator = ",";
	}
	appendStringInfo(&command, "\n) SERVER %s", quote_identifier(server));
	if (def->single)
		appendStringInfo(&command, " OPTIONS (relation '%s')", DETAILS_TABLE);
	return command.data;
}

List *
callsImportForeignSchema(ImportForeignSchemaStmt *stmt, Oid serverOid)
{
	ForeignServer *server = GetForeignServer(serverOid);
	const CallsDefinition *def = calls_server_definition(serverOid);
	bool		common_only = wants_common_only(stmt);
	List	   *commands = NIL;

	if (strcmp(stmt->remote_schema, def->provider) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_SCHEMA_NOT_FOUND),
				 errmsg("schema \"%s\" does not exist on server \"%s\"",
						stmt->remote_schema, server->servername),
				 errhint("The schema has the provider's name: IMPORT FOREIGN SCHEMA %s FROM SERVER %s INTO %s.",
						 quote_identifier(def->provider),
						 quote_identifier(server->servername),
						 quote_identifier(stmt->local_schema))));
	if (IsImportableForeignTable(CALLS_TABLE, stmt))
		commands = lappend(commands, create_command(def, server->servername, common_only));
	/* it has but two of the common columns */
	if (def->details != NULL && !common_only && IsImportableForeignTable(DETAILS_TABLE, stmt))
		commands = lappend(commands, create_command(def->details, server->servername, false));
	return commands;
}
