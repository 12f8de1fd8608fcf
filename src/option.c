/*-------------------------------------------------------------------------
 *
 * option.c
 *		From the text of an option to its value, and the validator.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/reloptions.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_foreign_table.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "option_table.h"
#include "syntax.h"

/* Longest value that a message quotes, in bytes. */
#define SHOWN_VALUE 128

PG_FUNCTION_INFO_V1(calls_fdw_validator);

void
calls_refuse_option(const char *name, const char *shown_value,
					const char *detail, const char *hint)
{
	char	   *clipped = NULL;

	if (shown_value != NULL)
	{
		int			length = (int) strlen(shown_value);

		clipped = pnstrdup(shown_value,
						   pg_mbcliplen(shown_value, length, SHOWN_VALUE));
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 clipped != NULL ?
			 errmsg("invalid value for option \"%s\": \"%s\"", name, clipped) :
			 errmsg("invalid value for option \"%s\"", name),
			 detail != NULL ? errdetail("%s", detail) : 0,
			 hint != NULL ? errhint("%s", hint) : 0));
}

/* Refuse a value of this option, quoted unless it may be a secret. */
static void
refuse(const CallsOption *option, const char *value, const char *detail,
	   const char *hint)
{
	calls_refuse_option(option->name, option->secret ? NULL : value, detail, hint);
}

/* A number in the unit of its field, checked against the option's range. */
static double
parse_number(const CallsOption *option, const char *value)
{
	const char *hint = NULL;
	double		scale = option->kind == CALLS_OPTION_SECONDS ? 1000.0 : 1.0;
	double		number;
	int			flags = 0;

	if (option->kind == CALLS_OPTION_SECONDS)
		flags = GUC_UNIT_S;
	else if (option->kind == CALLS_OPTION_SIZE)
		flags = GUC_UNIT_KB;
	if (!parse_real(value, &number, flags, &hint))
		refuse(option, value,
			   option->kind == CALLS_OPTION_SECONDS ?
			   "The value must be a number of seconds or have a unit." :
			   option->kind == CALLS_OPTION_SIZE ?
			   "The value must be a number of kilobytes or have a unit." :
			   "The value must be a number.", hint);
	number *= scale;
	if (option->kind == CALLS_OPTION_INTEGER && number != rint(number))
		refuse(option, value, "The value must be an integer.", NULL);
	if (number < option->min || number > option->max)
		refuse(option, value,
			   psprintf("The value must be between %.10g and %.10g%s.",
						option->min / scale, option->max / scale,
						option->kind == CALLS_OPTION_SECONDS ? " seconds" :
						option->kind == CALLS_OPTION_SIZE ? " kB" : ""),
			   NULL);
	return number;
}

/* One of the option's words. */
static int
parse_word(const CallsOption *option, const char *value)
{
	StringInfoData list;
	List	   *words = NIL;
	const char *closest;

	initStringInfo(&list);
	for (int i = 0; option->words[i] != NULL; i++)
	{
		if (strcmp(option->words[i], value) == 0)
			return i;
		words = lappend(words, unconstify(char *, option->words[i]));
		appendStringInfo(&list, "%s\"%s\"", i > 0 ? ", " : "", option->words[i]);
	}
	closest = calls_closest_name(value, words);
	refuse(option, value, NULL,
		   closest != NULL ? psprintf("Perhaps you meant \"%s\".", closest) :
		   psprintf("Valid values are: %s.", list.data));
	return 0;
}

/* "all", "none", or column names between commas. */
static void
parse_pushdown(const CallsOption *option, const char *value,
			   CallsSettings *settings)
{
	char	   *rest = pstrdup(value);
	char	   *name;

	settings->pushdown_none = (strcmp(value, "none") == 0);
	settings->pushdown = NIL;
	if (settings->pushdown_none || strcmp(value, "all") == 0)
		return;
	while ((name = strsep(&rest, ",")) != NULL)
	{
		size_t		length;

		name += strspn(name, " ");
		for (length = strlen(name); length > 0 && name[length - 1] == ' '; length--)
			name[length - 1] = '\0';
		if (!calls_is_identifier(name))
			refuse(option, value, NULL,
				   "It is \"all\", \"none\", or names of columns, separated by commas.");
		settings->pushdown = lappend(settings->pushdown, makeString(name));
	}
}

/* Raises unless a text is fine by the option's own check. */
static void
check_flaw(const CallsOption *option, const char *value)
{
	const char *flaw = option->flaw != NULL ? option->flaw(value) : NULL;

	if (flaw != NULL)
		refuse(option, value, psprintf("The value %s.", flaw), NULL);
}

/* A URL without the slashes at its end. */
static const char *
strip_slashes(const char *url)
{
	size_t		length = strlen(url);

	while (length > 0 && url[length - 1] == '/')
		length--;
	return pnstrdup(url, length);
}

void
calls_parse_option(const CallsOption *option, const char *value,
				   CallsSettings *settings)
{
	bool		kept = option->offset != CALLS_NOT_A_SETTING;
	void	   *place = (char *) settings + (kept ? option->offset : 0);

	check_flaw(option, value);
	switch (option->kind)
	{
		case CALLS_OPTION_STRING:
			if (kept)
				*(const char **) place = value;
			break;
		case CALLS_OPTION_BASE_URL:
			*(const char **) place = strip_slashes(value);
			break;
		case CALLS_OPTION_INTEGER:
		case CALLS_OPTION_SECONDS:
		case CALLS_OPTION_SIZE:
			*(int *) place = (int) rint(parse_number(option, value));
			break;
		case CALLS_OPTION_REAL:
			*(double *) place = parse_number(option, value);
			break;
		case CALLS_OPTION_WORD:
			*(int *) place = parse_word(option, value);
			break;
		case CALLS_OPTION_BOOLEAN:
			if (!parse_bool(value, (bool *) place))
				calls_refuse_option(option->name, value, "It must be true or false.", NULL);
			break;
		case CALLS_OPTION_PUSHDOWN:
			parse_pushdown(option, value, settings);
			break;
		case CALLS_OPTION_HEADERS:
			settings->headers = calls_parse_headers(value, &settings->nheaders);
			break;
	}
}

/* Raises HV00D, naming the closest option or all of the context. */
static void
refuse_name(const char *name, CallsOptionContext context)
{
	StringInfoData list;
	List	   *names = NIL;
	const char *closest;

	initStringInfo(&list);
	for (int i = 0; i < calls_option_count; i++)
	{
		if ((calls_options[i].contexts & context) == 0)
			continue;
		names = lappend(names, unconstify(char *, calls_options[i].name));
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
						 calls_options[i].name);
	}
	closest = calls_closest_name(name, names);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", name),
			 closest != NULL ?
			 errhint("Perhaps you meant the option \"%s\".", closest) :
			 names != NIL ?
			 errhint("Valid options in this context are: %s.", list.data) :
			 errhint("There are no valid options in this context.")));
}

/* The context of a catalog; 0 for the wrapper itself, which has no options. */
static CallsOptionContext
context_of(Oid catalog)
{
	switch (catalog)
	{
		case ForeignServerRelationId:
			return CALLS_ON_SERVER;
		case UserMappingRelationId:
			return CALLS_ON_MAPPING;
		case ForeignTableRelationId:
			return CALLS_ON_TABLE;
		case AttributeRelationId:
			return CALLS_ON_COLUMN;
		default:
			return 0;
	}
}

/* Raises HV002 for a required option that is missing. */
static void
check_required(List *options, CallsOptionContext context)
{
	for (int i = 0; i < calls_option_count; i++)
	{
		const CallsOption *option = &calls_options[i];
		bool		found = false;
		ListCell   *lc;

		if ((option->required & context) == 0)
			continue;
		foreach(lc, options)
			found |= strcmp(((DefElem *) lfirst(lc))->defname, option->name) == 0;
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
					 errmsg("required option \"%s\" is missing", option->name),
					 errhint("Add OPTIONS (%s '...'): %s.", option->name,
							 option->help)));
	}
}

/*
 * The definition that a server's options name or hold.  Raises HV002 for none,
 * HV024 for two, and what definition.h says.
 */
static const CallsDefinition *
choose_definition(const CallsSettings *settings)
{
	if (settings->provider != NULL && settings->definition != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("options \"provider\" and \"definition\" cannot be combined"),
				 errhint("A definition says itself how its provider is called.")));
	if (settings->definition != NULL)
		return calls_get_written_definition(settings->definition);
	if (settings->provider == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("required option \"%s\" is missing", "provider"),
				 errhint("Add OPTIONS (provider '...'): name of the provider's definition; or OPTIONS (definition '...'): a definition itself.")));
	return calls_get_definition(settings->provider);
}

/* Check one option by itself. */
static void
check_option(DefElem *def, CallsOptionContext context, CallsSettings *settings)
{
	const CallsOption *option = calls_find_option(def->defname, context);

	if (option == NULL)
		refuse_name(def->defname, context);
	if (option->superuser && !superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", option->name),
				 errhint("Only superusers may set it.")));
	calls_parse_option(option, defGetString(def), settings);
}

/*
 * Check the options of an object that is created or altered, as far as they
 * can be checked without other objects.
 */
Datum
calls_fdw_validator(PG_FUNCTION_ARGS)
{
	List	   *options = untransformRelOptions(PG_GETARG_DATUM(0));
	CallsOptionContext context = context_of(PG_GETARG_OID(1));
	CallsSettings settings = {0};
	ListCell   *lc;

	foreach(lc, options)
		check_option(lfirst(lc), context, &settings);
	check_required(options, context);
	if (context == CALLS_ON_SERVER)
		calls_check_settings(&settings, choose_definition(&settings));
	if (context == CALLS_ON_COLUMN && list_length(options) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("options \"column_name\" and \"path\" cannot be combined"),
				 errhint("Keep the one that says where the column's values come from.")));
	PG_RETURN_VOID();
}
