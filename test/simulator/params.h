/*
 * params.h
 *		The parameters a provider documents, and a request's values for them.
 */
#ifndef SIM_PARAMS_H
#define SIM_PARAMS_H

#include <json-c/json.h>

#include "sim.h"

typedef enum ParamKind
{
	K_TEXT, K_WORD, K_UUID, K_E164, K_DATE, K_INT, K_BOOL
} ParamKind;

/* How often a parameter may have a value */
typedef enum ParamShape
{
	ONE, ARRAY, ONE_OR_ARRAY, REPEATED
} ParamShape;

typedef enum ParamRole
{
	R_FILTER, R_SINCE, R_UNTIL, R_MIN_DURATION, R_MAX_DURATION, R_LIMIT, R_OFFSET, R_PAGE, R_CURSOR, R_ORDER, R_UNUSED
} ParamRole;

typedef struct Param
{
	const char *name;			/* in a body dotted where it is nested */
	bool		in_body;
	ParamKind	kind;
	ParamShape	shape;
	ParamRole	role;
	Field		field;			/* R_FILTER */
	bool		from_or_to;		/* R_FILTER on F_FROM: F_TO may match instead */
	bool		need_zone;		/* K_DATE: a date-time, not a date alone */
	bool		exclusive;		/* R_SINCE, R_UNTIL: documented so */
	int64_t		min;			/* K_INT */
	int64_t		max;			/* K_INT; 0: no limit */
	int64_t		scale;			/* K_INT for a time: microseconds in one */
	const char *const *words;	/* K_WORD: what is allowed; R_ORDER: ascending first */
} Param;

/* One condition; a call must meet all */
typedef struct Filter
{
	ParamRole	role;
	Field		field;
	bool		from_or_to;
	uint32_t   *codes;			/* R_FILTER: any of these */
	size_t		ncodes;
	int64_t		bound;			/* other roles: inclusive */
} Filter;

typedef enum ProblemKind
{
	NO_PROBLEM, UNKNOWN_PARAM, BAD_VALUE, BAD_DATE, BAD_CURSOR, BAD_BODY
} ProblemKind;

/* The first thing wrong with a request */
typedef struct Problem
{
	ProblemKind kind;
	char		field[80];
	char		reason[160];
} Problem;

/* A list request, read and checked */
typedef struct Query
{
	int64_t		limit;			/* what was asked, or the default */
	int64_t		offset;
	int64_t		page;
	bool		ascending;
	char	   *cursor;			/* owned; NULL: the first page */
	Filter		filters[MAX_FILTERS];
	size_t		nfilters;
	Buf			key;			/* canonical text of the filters */
	Problem		problem;
} Query;

extern void query_read(Provider *p, Query *q, Arg *args, size_t nargs, json_object *body);
extern void query_free(Query *q);
extern void query_fail(Query *q, ProblemKind kind, const char *field, const char *reason);
extern bool param_is_named(const Param *param, const char *word, size_t len);

#endif							/* SIM_PARAMS_H */
