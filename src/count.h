/*-------------------------------------------------------------------------
 *
 * count.h
 *		Which totals of a provider make up a count.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_COUNT_H
#define CALLS_COUNT_H

#include "postgres.h"

#include "bind.h"
#include "definition.h"
#include "filter.h"
#include "option.h"

/* A total to ask for. */
typedef struct CallsCountPart
{
	const char *word;			/* the calls with this word, as the column shows
								 * it; NULL: all calls */
	CallsBinding *binding;
} CallsCountPart;

/* Members of ForeignScan.fdw_private of a count: copyObject-safe nodes. */
enum CallsCountPrivateIndex
{
	/* IntList: per column of fdw_scan_tlist, 0 for a count, else the attribute
	 * that calls are grouped by */
	CALLS_COUNT_COLUMNS,
	/* Boolean: there is a GROUP BY */
	CALLS_COUNT_GROUPED,
	/* Boolean: calls without an id do not count */
	CALLS_COUNT_IDS,
	/* Integer: the attribute whose words have a total each, or 0 */
	CALLS_COUNT_BY
};

typedef struct CallsCountParts
{
	bool		countable;		/* the provider's totals can tell */
	bool		nothing;		/* the predicates contradict each other */
	bool		whole;			/* the first part is all calls */
	int			nparts;
	CallsCountPart *parts;
	int			nrequests;
} CallsCountParts;

/* What of a table's column a count can be grouped by. */
typedef enum CallsCountColumn
{
	CALLS_COUNT_NOT = 0,
	CALLS_COUNT_CONSTANT,		/* it has one value */
	CALLS_COUNT_WORDS			/* the provider filters by a closed list */
} CallsCountColumn;

extern CallsCountColumn calls_count_column(const CallsDefinition *def,
										   const CallsSettings *settings,
										   const CallsTableColumn *column);

/* The value of a column that has one. */
extern const char *calls_constant_value(const CallsDefinition *def,
										const CallsSettings *settings,
										const CallsTableColumn *column);

/*
 * Splits a count of the calls that satisfy the predicates into totals, by the
 * words of attribute "by" or not (0), in CurrentMemoryContext.  With several
 * words, the calls of all of them have to add up to the whole, where it is
 * asked for: there may be words that no documentation lists.
 */
extern CallsCountParts *calls_split_count(const CallsDefinition *def,
										  const CallsSettings *settings,
										  const CallsTableColumn *columns,
										  int npredicates,
										  const CallsPredicate *predicates,
										  AttrNumber by);

#endif							/* CALLS_COUNT_H */
