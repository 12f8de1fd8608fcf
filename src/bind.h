/*-------------------------------------------------------------------------
 *
 * bind.h
 *		What of a query's predicates is sent to the provider, with which
 *		values, and how exactly.
 *
 * The rule: a filter that may return fewer rows than the predicate is never
 * sent.  A binding is made when a scan starts and its parameters are known,
 * and in EXPLAIN, where an unknown operand stands as its SQL text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_BIND_H
#define CALLS_BIND_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "bound.h"
#include "definition.h"
#include "filter.h"
#include "option.h"

/* The longest list of values that is looked at; a longer one stays local. */
#define CALLS_MAX_LIST		20000

/* One filter of the definition with the values it gets. */
typedef struct CallsSentFilter
{
	const CallsFilter *filter;
	int			column;			/* the column it was bound for, an index into
								 * the definition's columns */
	bool		known;			/* false (EXPLAIN): values are SQL text */
	bool		exact;
	int			per_request;	/* how many of the values a request can carry;
								 * the rest goes into further streams */
	int			nvalues;
	const char **values;		/* UTF-8; how JSON writes them follows from
								 * the filter's format */
	int64		bound;			/* known and no "=": what the value says, in
								 * microseconds as in CallsRange */
} CallsSentFilter;

typedef enum CallsPushdown
{
	CALLS_PUSHDOWN_LOCAL = 0,	/* not sent */
	CALLS_PUSHDOWN_SUPERSET,	/* sent; the API may return more */
	CALLS_PUSHDOWN_EXACT,
	CALLS_PUSHDOWN_TRUE			/* nothing to send: it holds for every row */
} CallsPushdown;

typedef struct CallsBinding
{
	bool		contradiction;	/* no row can match: ask nothing */
	int			nsent;
	CallsSentFilter *sent;		/* all of them hold */
	int			or_qual;		/* qual of the OR that alternatives stand for,
								 * or -1 */
	int			nalternatives;
	CallsSentFilter *alternatives;	/* besides, at least one of these */
	CallsPushdown *pushdown;	/* one per predicate */
	bool		all_exact;		/* every predicate is pushed exactly */
	CallsRange	order_range;	/* what the predicates leave of the column that
								 * the provider orders by */
	CallsOrderDirection order;	/* the order to ask for; set by the caller */

	/* instead of filters: the calls that have these ids */
	bool		by_id;
	int			nids;
	const char **ids;			/* UTF-8, sorted, each once */
	const char *id_sql;			/* EXPLAIN: text of an unknown one, or of an
								 * array; ids are not known then */
	bool		id_array;
} CallsBinding;

/* A binding in CurrentMemoryContext, which must keep what it is made from. */
extern CallsBinding *calls_bind(const CallsDefinition *def,
								const CallsSettings *settings,
								const CallsTableColumn *columns,
								int npredicates,
								const CallsPredicate *predicates);

/*
 * The same for calls asked for one by one, if the predicates name their ids
 * (binding->by_id): all other predicates stay local.
 */
extern CallsBinding *calls_bind_ids(const CallsDefinition *def,
									const CallsSettings *settings,
									const CallsTableColumn *columns,
									int npredicates,
									const CallsPredicate *predicates);

/*
 * Adds the parameters and values of filters, as text that has one reading: with
 * the same text they ask for the same calls.
 */
extern void calls_append_filters(StringInfo out, int nfilters,
								 const CallsSentFilter *filters);

/*
 * A column on which a condition would narrow the scan and the query has none;
 * one that takes bounds, if there is one.  NULL if there is none.
 */
extern const char *calls_unused_filter(const CallsDefinition *def,
									   const CallsSettings *settings,
									   const CallsBinding *binding);

/* How many requests a filter's values need. */
extern int	calls_filter_streams(const CallsSentFilter *sent);

/*
 * How many lists of calls, each with filters that one request can carry, make
 * up what the binding asks for.
 */
extern int	calls_count_streams(const CallsBinding *binding);

/* Gives up the filters that need most streams until few enough are left. */
extern void calls_limit_streams(CallsBinding *binding, int max_fanout);

/*
 * What a binding asks for, as bindings that one request can carry each: an
 * array in CurrentMemoryContext.  There is at least one.
 */
extern CallsBinding **calls_expand_binding(const CallsBinding *binding, int *count);

#endif							/* CALLS_BIND_H */
