/*-------------------------------------------------------------------------
 *
 * definition.h
 *		A provider as data: the typed form of providers/NAME.json.
 *
 * The engine learns everything it knows of a provider from this struct.  The
 * language is described by providers/schema.json; leaving a word out is always
 * the cautious choice, so zero is the safe value of every field.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_DEFINITION_H
#define CALLS_DEFINITION_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* How a value is written in a reply, or has to be written in a request. */
typedef enum CallsFormat
{
	CALLS_FORMAT_TEXT = 0,		/* JSON string */
	CALLS_FORMAT_E164,			/* JSON string: '+', then 2 to 15 digits (ITU-T E.164) */
	CALLS_FORMAT_UUID,			/* JSON string: 8-4-4-4-12 hexadecimal digits */
	CALLS_FORMAT_ISO8601,		/* JSON string: date and time, any offset */
	CALLS_FORMAT_EPOCH_S,		/* JSON number: seconds since 1970-01-01 UTC */
	CALLS_FORMAT_EPOCH_MS,		/* the same in milliseconds */
	CALLS_FORMAT_S,				/* JSON number: a duration in seconds */
	CALLS_FORMAT_MS,			/* the same in milliseconds */
	CALLS_FORMAT_NUMBER,		/* JSON number */
	CALLS_FORMAT_INTEGER,		/* JSON number without fraction */
	CALLS_FORMAT_BOOLEAN,		/* true or false */
	CALLS_FORMAT_JSON,			/* anything */
	CALLS_FORMAT_ANY			/* undocumented: strings as their text, anything
								 * else as it is written */
} CallsFormat;

/* Where a column's value comes from. */
typedef enum CallsColumnRole
{
	CALLS_COLUMN_VALUE = 0,		/* a member of the call object */
	CALLS_COLUMN_ABSENT,		/* not reported: always NULL */
	CALLS_COLUMN_SOURCE,		/* constant: the server option "source" */
	CALLS_COLUMN_PROVIDER,		/* constant: the provider's name */
	CALLS_COLUMN_RAW			/* the whole call object */
} CallsColumnRole;

/* One entry of a column's "values": the API's word and ours. */
typedef struct CallsWord
{
	const char *native;			/* as the API writes it */
	const char *common;			/* as the column shows it */
} CallsWord;

typedef struct CallsColumn
{
	const char *name;			/* also the default SQL name */
	Oid			type;			/* SQL type that IMPORT FOREIGN SCHEMA declares */
	const char *type_name;		/* the same as SQL text */
	CallsColumnRole role;
	bool		common;			/* one of the columns every provider has */
	const char *path;			/* dotted path inside the call object, or NULL */
	CallsFormat format;
	int			nwords;
	const CallsWord *words;		/* "values"; other words pass through */
	int			nreply_only;
	const char *const *reply_only;	/* words that replies may have and no
									 * filter takes; they pass through */
} CallsColumn;

typedef enum CallsFilterOp
{
	CALLS_FILTER_EQ = 0,		/* "=": the column is (one of) the value(s) */
	CALLS_FILTER_LOWER,			/* ">=": the value is a lower bound */
	CALLS_FILTER_UPPER			/* "<=": the value is an upper bound */
} CallsFilterOp;

/* How many values an equality takes, and how several are written. */
typedef enum CallsList
{
	CALLS_LIST_SINGLE = 0,		/* one value only */
	CALLS_LIST_ARRAY,			/* always a JSON array (body) */
	CALLS_LIST_SCALAR_OR_ARRAY, /* one value bare, several as array (body) */
	CALLS_LIST_REPEAT,			/* name=a&name=b (query) */
	CALLS_LIST_COMMA			/* name=a,b */
} CallsList;

typedef enum CallsBound
{
	CALLS_BOUND_UNKNOWN = 0,	/* the documentation does not say */
	CALLS_BOUND_INCLUSIVE,
	CALLS_BOUND_EXCLUSIVE
} CallsBound;

typedef enum CallsPlace
{
	CALLS_PLACE_QUERY = 0,
	CALLS_PLACE_BODY			/* a dotted parameter name nests */
} CallsPlace;

#define CALLS_FILTER_MAX_COLUMNS 2

typedef struct CallsFilter
{
	int			ncolumns;		/* 2: matches if either column does */
	int			columns[CALLS_FILTER_MAX_COLUMNS];	/* indexes into
													 * CallsDefinition.columns */
	CallsFilterOp op;
	const char *param;			/* name; dotted where it nests in the body */
	CallsPlace	place;
	CallsList	list;
	CallsFormat format;			/* how the value is written */
	bool		exact;			/* the API returns precisely the matching
								 * rows; else it may return more */
	CallsBound	bound;			/* for LOWER and UPPER */
	int64		precision;		/* for LOWER and UPPER: the unit the parameter
								 * can express, in microseconds, > 0 */
	int			nwords;
	const char *const *words;	/* closed list of values; empty: any */
	const char *basis;			/* what the claim rests on, or NULL */
} CallsFilter;

typedef enum CallsPagingStyle
{
	CALLS_PAGING_PAGE = 0,		/* page number, "first" based */
	CALLS_PAGING_OFFSET,		/* number of rows to skip */
	CALLS_PAGING_CURSOR,		/* opaque text from the reply */
	CALLS_PAGING_LAST_ID,		/* key of the last row */
	CALLS_PAGING_NEXT_URL		/* the reply gives the next address */
} CallsPagingStyle;

typedef struct CallsPaging
{
	CallsPagingStyle style;
	CallsPlace	place;			/* of param and size_param */
	const char *param;			/* position parameter; NULL for next_url */
	int			first;			/* number of the first page (page style) */
	const char *next;			/* path of the next cursor or address */
	const char *more;			/* path of a has-more flag, or NULL */
	const char *total_pages;	/* path, or NULL */
	const char *size_param;		/* NULL: the page size cannot be chosen */
	int			size_default;	/* what the API takes without size_param */
	int			size_max;
} CallsPaging;

typedef enum CallsOrderDirection
{
	CALLS_ORDER_NONE = 0,		/* undocumented */
	CALLS_ORDER_ASC,
	CALLS_ORDER_DESC
} CallsOrderDirection;

typedef struct CallsOrder
{
	int			column;			/* index into columns, or -1: undocumented */
	bool		nulls;			/* may the column be null?  Read true unless
								 * the definition says "nulls": false */
	CallsOrderDirection by_default;
	const char *param;			/* NULL: the order cannot be chosen */
	CallsPlace	place;
	const char *asc;			/* value of param, or NULL */
	const char *desc;
} CallsOrder;

/* A parameter that every request carries. */
typedef struct CallsFixedParam
{
	const char *param;
	CallsPlace	place;
	const char *json;			/* value as JSON text: string, number, boolean */
} CallsFixedParam;

typedef struct CallsDefinition
{
	const char *provider;		/* [a-z][a-z0-9_]* */
	const char *title;
	const char *docs;			/* URL of the API's own page */
	const char *base_url;
	const char *basis;			/* free text, or NULL */
	const char *rates;			/* documented rate limits, free text, or NULL */

	/* signing in: header and value, or basic */
	const char *auth_header;	/* "Authorization" for Basic too */
	const char *auth_value;		/* template with {api_key}, {account_id};
								 * for Basic: "user:password", not encoded yet */
	bool		auth_basic;

	/* the list request */
	const char *method;			/* GET or POST */
	const char *path;			/* template, may have {account_id} */
	int			nfixed;
	const CallsFixedParam *fixed;

	/* the reply */
	const char *rows;			/* dotted path of the array; "" is the whole body */
	const char *total;			/* dotted path, or NULL */
	int			nerror_message;
	const char *const *error_message;	/* paths to try, in order */
	int			nerror_code;
	const char *const *error_code;

	CallsPaging paging;
	CallsOrder	order;
	int			ncolumns;
	const CallsColumn *columns; /* common ones first, "raw" last */
	int			key;			/* index of call_id */
	int			nfilters;
	const CallsFilter *filters;

	/* one call by its id */
	bool		single;			/* this is the table "call_details": path has
								 * {call_id}, a reply has one call, there is
								 * nothing to page, order or filter by */
	int			nobjects;		/* single: where the call is in the reply; "" is */
	const char *const *objects; /* the whole body; of several the first that has
								 * the call's id */
	const struct CallsDefinition *details;	/* the table "call_details", or NULL */
	bool		by_id;			/* its request answers "calls" too, with the
								 * columns and paths of the list */
} CallsDefinition;

/*
 * The definition of a provider, reread when its file has changed.  It stays
 * valid as long as CurrentMemoryContext (it is pinned by a reset callback of
 * that context).  Raises HV024 for a name that has no file, with the closest
 * name as hint, and HV00A naming file and key for a bad definition.
 */
extern const CallsDefinition *calls_get_definition(const char *provider);

/*
 * The definition that a text in the database's encoding is, valid as long as
 * CurrentMemoryContext.  Raises HV00A naming the option "definition" and the
 * key.
 */
extern const CallsDefinition *calls_get_written_definition(const char *text);

/*
 * The text of an installed definition, UTF-8, in CurrentMemoryContext.  Raises
 * what calls_get_definition raises.
 */
extern char *calls_read_definition(const char *provider);

/* Names of all installed providers: a sorted List of String nodes. */
extern List *calls_list_providers(void);

/* The language's words for a format and a paging style. */
extern const char *calls_format_word(CallsFormat format);
extern const char *calls_paging_word(CallsPagingStyle style);

/* Index of a column by name, or -1. */
extern int	calls_find_column(const CallsDefinition *def, const char *name);

/* The word that a column shows for one of the API's. */
extern const char *calls_common_word(const CallsColumn *column, const char *native);

/* What asks for a call of this table by its id, or NULL where nothing may. */
extern const CallsDefinition *calls_id_definition(const CallsDefinition *def);

/*
 * Does a path inside the call object start at a member that the reply for one
 * call adds to what the list has?
 */
extern bool calls_path_is_added(const CallsDefinition *def, const char *path);

/*
 * Checks a definition given as text (UTF-8) and returns it in
 * CurrentMemoryContext.  "label" names it in messages; NULL stands for the
 * option "definition".
 */
extern CallsDefinition *calls_parse_definition(const char *json, const char *label);

/*
 * Of "candidates" (a List of char *), the one closest to "name", or NULL
 * where none is near: at most 4 edits and at most half of the length.
 */
extern const char *calls_closest_name(const char *name, List *candidates);

#endif							/* CALLS_DEFINITION_H */
