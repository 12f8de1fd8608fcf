/*-------------------------------------------------------------------------
 *
 * option_table.h
 *		The table of all options: validator, resolver, hints and
 *		documentation read it, and only it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_OPTION_TABLE_H
#define CALLS_OPTION_TABLE_H

#include "postgres.h"

#include "option.h"

/* Objects that take an option: bits. */
typedef enum CallsOptionContext
{
	CALLS_ON_SERVER = 1,
	CALLS_ON_MAPPING = 2,
	CALLS_ON_TABLE = 4,
	CALLS_ON_COLUMN = 8
} CallsOptionContext;

typedef enum CallsOptionKind
{
	CALLS_OPTION_STRING = 0,	/* const char *, as given */
	CALLS_OPTION_BASE_URL,		/* const char *, no slash at the end */
	CALLS_OPTION_INTEGER,		/* int */
	CALLS_OPTION_SECONDS,		/* int, in ms; seconds, or with a unit */
	CALLS_OPTION_SIZE,			/* int, in kB; kB, or with a unit */
	CALLS_OPTION_REAL,			/* double */
	CALLS_OPTION_WORD,			/* int-sized enum */
	CALLS_OPTION_BOOLEAN,		/* bool, as parse_bool reads it */
	CALLS_OPTION_PUSHDOWN,		/* pushdown_none and pushdown */
	CALLS_OPTION_HEADERS		/* nheaders and headers */
} CallsOptionKind;

/* The offset of an option that is no part of CallsSettings. */
#define CALLS_NOT_A_SETTING SIZE_MAX

typedef struct CallsOption
{
	const char *name;
	int			contexts;		/* bits of CallsOptionContext */
	int			required;		/* those where it must be given */
	CallsOptionKind kind;
	size_t		offset;			/* in CallsSettings */
	double		min;			/* of a number, in the unit of its field */
	double		max;
	const char *const *words;	/* WORD: by value of the enum, NULL at the end */
	const char *(*flaw) (const char *value);	/* STRING: what is wrong, a
												 * phrase as in syntax.h */
	const char *default_value;	/* as an option would give it, or NULL */
	bool		superuser;		/* only superusers may set it */
	bool		secret;			/* messages do not quote its value */
	const char *help;			/* one line of documentation */
} CallsOption;

extern const CallsOption calls_options[];
extern const int calls_option_count;

/* The option of this name among those of a context, or NULL. */
extern const CallsOption *calls_find_option(const char *name,
											CallsOptionContext context);

/*
 * Parses a value into the option's place in "settings".  Raises HV024.
 */
extern void calls_parse_option(const CallsOption *option, const char *value,
							   CallsSettings *settings);

/* Raises HV024 for the value of an option. */
extern void calls_refuse_option(const char *name, const char *shown_value,
								const char *detail, const char *hint);

/* Raises for settings that contradict the definition (HV024). */
extern void calls_check_settings(const CallsSettings *settings,
								 const CallsDefinition *def);

/* Flaws of option values: phrases as in syntax.h. */
extern const char *calls_source_flaw(const char *value);
extern const char *calls_account_id_flaw(const char *value);
extern const char *calls_api_key_flaw(const char *value);
extern const char *calls_ca_file_flaw(const char *value);
extern const char *calls_proxy_flaw(const char *value);

/*
 * Parses the option "headers".  Raises HV024 without any of the values.  The
 * headers go to CurrentMemoryContext.
 */
extern CallsHeader *calls_parse_headers(const char *json, int *nheaders);

#endif							/* CALLS_OPTION_TABLE_H */
