/*-------------------------------------------------------------------------
 *
 * settings.c
 *		The options of one foreign table or server, resolved.
 *
 * Values were checked when they were set; what the validator could not see
 * (the server's definition, for a table, mapping or column) is checked here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "option_table.h"
#include "syntax.h"

/* Set the options that have defaults. */
static void
apply_defaults(CallsSettings *settings)
{
	for (int i = 0; i < calls_option_count; i++)
	{
		if (calls_options[i].default_value != NULL)
			calls_parse_option(&calls_options[i], calls_options[i].default_value,
							   settings);
	}
}

/* Set what an object says; options of a newer version are passed over. */
static void
apply_options(List *options, CallsOptionContext context, CallsSettings *settings)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst(lc);
		const CallsOption *option = calls_find_option(def->defname, context);

		if (option != NULL)
			calls_parse_option(option, defGetString(def), settings);
	}
}

/* The value of an option in a list, or NULL. */
static const char *
get_option(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst(lc);

		if (strcmp(def->defname, name) == 0)
			return defGetString(def);
	}
	return NULL;
}

/* Raises HV002 for a required option that is missing. */
static void
refuse_missing(const char *option, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
			 errmsg("required option \"%s\" is missing", option),
			 errhint("%s", hint)));
}

/* The names of a definition's columns that a user may refer to. */
static List *
column_names(const CallsDefinition *def)
{
	List	   *names = NIL;

	for (int i = 0; i < def->ncolumns; i++)
		names = lappend(names, unconstify(char *, def->columns[i].name));
	return names;
}

void
calls_check_settings(const CallsSettings *settings, const CallsDefinition *def)
{
	ListCell   *lc;

	if (settings->page_size > 0 && def->paging.size_param == NULL)
		calls_refuse_option("page_size", psprintf("%d", settings->page_size),
							psprintf("The provider \"%s\" has pages of a fixed size.",
									 def->provider), NULL);
	if (settings->page_size > 0 && settings->page_size > def->paging.size_max)
		calls_refuse_option("page_size", psprintf("%d", settings->page_size),
							psprintf("The provider \"%s\" has at most %d calls in a page.",
									 def->provider, def->paging.size_max), NULL);
	foreach(lc, settings->pushdown)
	{
		const char *name = strVal(lfirst(lc));
		const char *closest;

		if (calls_find_column(def, name) >= 0)
			continue;
		closest = calls_closest_name(name, column_names(def));
		calls_refuse_option("pushdown", name,
							psprintf("The provider \"%s\" has no column \"%s\".",
									 def->provider, name),
							closest == NULL ? NULL :
							psprintf("Perhaps you meant the column \"%s\".", closest));
	}
}

/* The options of a user mapping; PUBLIC's where the user has none. */
static List *
mapping_options(Oid user, const ForeignServer *server)
{
	const char *name = MappingUserName(user);

	if (!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(user),
							   ObjectIdGetDatum(server->serverid)) &&
		!SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
							   ObjectIdGetDatum(server->serverid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("user mapping not found for user \"%s\", server \"%s\"",
						name, server->servername),
				 errhint("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (api_key '...');",
						 quote_identifier(name),
						 quote_identifier(server->servername))));
	return GetUserMapping(user, server->serverid)->options;
}

/* What the user mapping says, and what it has to say. */
static void
apply_mapping(Oid user, const ForeignServer *server, const CallsDefinition *def,
			  CallsSettings *settings)
{
	const char *path;

	apply_options(mapping_options(user, server), CALLS_ON_MAPPING, settings);
	if (settings->api_key == NULL)
		refuse_missing("api_key",
					   psprintf("ALTER USER MAPPING FOR %s SERVER %s OPTIONS (ADD api_key '...');",
								quote_identifier(MappingUserName(user)),
								quote_identifier(server->servername)));

	path = settings->path != NULL && !def->single ? settings->path : def->path;
	if (settings->account_id == NULL &&
		(strstr(path, CALLS_ACCOUNT_ID_PLACEHOLDER) != NULL ||
		 (def->by_id && settings->path == NULL &&
		  strstr(def->details->path, CALLS_ACCOUNT_ID_PLACEHOLDER) != NULL) ||
		 strstr(def->auth_value, CALLS_ACCOUNT_ID_PLACEHOLDER) != NULL))
		refuse_missing("account_id",
					   psprintf("Set it for the server \"%s\" or for the user mapping.",
								server->servername));

	for (int i = 0; i < settings->nheaders; i++)
	{
		if (pg_strcasecmp(settings->headers[i].name, def->auth_header) == 0)
			calls_refuse_option("headers", NULL,
								psprintf("The header \"%s\" carries the API key of the provider \"%s\".",
										 settings->headers[i].name, def->provider),
								"Use the option \"api_key\".");
	}
}

/* The definition that a server's options name or hold. */
static const CallsDefinition *
definition_of(const ForeignServer *server)
{
	const char *text = get_option(server->options, "definition");
	const char *provider = get_option(server->options, "provider");

	if (text != NULL)
		return calls_get_written_definition(text);
	if (provider == NULL)
		refuse_missing("provider",
					   psprintf("ALTER SERVER %s OPTIONS (ADD provider '...');",
								quote_identifier(server->servername)));
	return calls_get_definition(provider);
}

const CallsDefinition *
calls_server_definition(Oid serverid)
{
	return definition_of(GetForeignServer(serverid));
}

/*
 * The definition of the table that the options mean.  Raises HV024 where the
 * provider has no such table.
 */
static const CallsDefinition *
relation_definition(const CallsSettings *settings, const CallsDefinition *def)
{
	if (settings->relation == CALLS_TABLE_CALLS)
		return def;
	if (def->details == NULL)
		calls_refuse_option("relation", "call_details",
							psprintf("The definition of the provider \"%s\" has no details of single calls.",
									 def->provider), NULL);
	return def->details;
}

/* Options of a server and one of its tables; "user" as in option.h. */
static CallsSettings *
resolve(Oid serverid, List *table_options, Oid user, const CallsDefinition **def)
{
	ForeignServer *server = GetForeignServer(serverid);
	CallsSettings *settings = palloc0(sizeof(CallsSettings));
	const CallsDefinition *definition = definition_of(server);

	settings->server = serverid;
	settings->user = user;
	settings->server_name = server->servername;
	settings->source = server->servername;
	apply_defaults(settings);
	apply_options(server->options, CALLS_ON_SERVER, settings);
	apply_options(table_options, CALLS_ON_TABLE, settings);
	settings->provider = definition->provider;
	calls_check_settings(settings, definition);
	definition = relation_definition(settings, definition);
	if (OidIsValid(user))
	{
		apply_mapping(user, server, definition, settings);
		settings->trusted = superuser_arg(server->owner);
		settings->pool = ((uint64) user << 32) | server->serverid;
	}
	if (def != NULL)
		*def = definition;
	return settings;
}

CallsSettings *
calls_get_settings(Oid foreigntableid, Oid user, const CallsDefinition **def)
{
	ForeignTable *table = GetForeignTable(foreigntableid);

	return resolve(table->serverid, table->options, user, def);
}

CallsSettings *
calls_get_server_settings(Oid serverid, Oid user, const CallsDefinition **def)
{
	return resolve(serverid, NIL, user, def);
}

/* Raises HV005 for a column that the definition does not have. */
static void
refuse_column(Relation rel, const char *sql_name, const char *name,
			  const CallsDefinition *def)
{
	const char *closest = calls_closest_name(name, column_names(def));

	ereport(ERROR,
			(errcode(ERRCODE_FDW_COLUMN_NAME_NOT_FOUND),
			 errmsg("provider \"%s\" has no column \"%s\"", def->provider, name),
			 errdetail("Column \"%s\" of foreign table \"%s\" asks for it.",
					   sql_name, RelationGetRelationName(rel)),
			 closest != NULL ?
			 errhint("Perhaps you meant the column \"%s\".", closest) :
			 errhint("The column option \"column_name\" names a column of the provider, the option \"path\" any value inside a call.")));
}

/* One column of a foreign table. */
static void
resolve_column(Relation rel, Form_pg_attribute att, const CallsDefinition *def,
			   CallsTableColumn *column)
{
	List	   *options;
	const char *name;
	const char *path;

	if (att->attgenerated != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot read generated column \"%s\" of foreign table \"%s\"",
						NameStr(att->attname), RelationGetRelationName(rel)),
				 errdetail("A foreign table of calls_fdw has no generated columns."),
				 errhint("Drop the column and compute it in a view.")));

	options = GetForeignColumnOptions(RelationGetRelid(rel), att->attnum);
	name = get_option(options, "column_name");
	path = get_option(options, "path");
	column->attnum = att->attnum;
	column->name = pstrdup(NameStr(att->attname));
	column->type = att->atttypid;
	column->typmod = att->atttypmod;
	column->collation = att->attcollation;
	column->not_null = att->attnotnull;
	column->column = -1;
	if (path != NULL)
	{
		/* replies are UTF-8 */
		column->path = pg_server_to_any(path, (int) strlen(path), PG_UTF8);
		return;
	}
	if (name == NULL)
		name = column->name;
	column->column = calls_find_column(def, name);
	if (column->column < 0)
		refuse_column(rel, column->name, name, def);
}

CallsTableColumn *
calls_get_table_columns(Relation rel, const CallsDefinition *def)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	CallsTableColumn *columns;

	columns = palloc0(sizeof(CallsTableColumn) * Max(tupdesc->natts, 1));
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped)
			resolve_column(rel, att, def, &columns[i]);
	}
	return columns;
}

bool
calls_pushdown_allowed(const CallsSettings *settings, const char *column)
{
	ListCell   *lc;

	if (settings->pushdown_none)
		return false;
	if (settings->pushdown == NIL)
		return true;
	foreach(lc, settings->pushdown)
	{
		if (strcmp(strVal(lfirst(lc)), column) == 0)
			return true;
	}
	return false;
}
