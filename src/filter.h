/*-------------------------------------------------------------------------
 *
 * filter.h
 *		Which predicates of a query a provider can evaluate.
 *
 * A predicate is a top-level ANDed clause of one of the forms
 *
 *		column OP value		OP one of = < <= > >=
 *		column = ANY (array), column IN (...)
 *		boolean_column, NOT boolean_column
 *		equality OR equality ..., also over several columns
 *		column::date, date_trunc('unit', column), extract(year from column)
 *			in place of a time column
 *
 * whose values hold no column of the scanned table.  The clause itself always
 * stays in the plan as a local filter; a predicate only says what may be sent
 * in addition, so recognising one more or one less never changes the answer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_FILTER_H
#define CALLS_FILTER_H

#include "postgres.h"

#include "access/stratnum.h"
#include "nodes/pathnodes.h"

#include "bound.h"
#include "definition.h"
#include "option.h"

/* One value, or array of values, on the right side of a predicate. */
typedef struct CallsOperand
{
	Oid			type;			/* type of the value, or of an array's elements */
	bool		array;
	bool		known;			/* value and isnull are set; false in EXPLAIN
								 * for what the executor will compute */
	bool		isnull;
	Datum		value;
	const char *sql;			/* EXPLAIN only: text of an unknown one */
} CallsOperand;

typedef struct CallsPredicate
{
	int			qual;			/* index of the clause in the plan's qual */
	AttrNumber	attnum;
	StrategyNumber strategy;	/* BTLessStrategyNumber ... */
	CallsRounding rounding;		/* it is a function of the column that is
								 * compared */
	bool		alternative;	/* one arm of an OR over several columns: the
								 * neighbours with the same qual are the others */
	int			noperands;		/* more than one only for equality: any of */
	CallsOperand *operands;
} CallsPredicate;

/* What a query asks of a scan, in the copyObject-safe form of a plan. */
typedef struct CallsPlanFilter
{
	List	   *predicates;		/* one List of Integer and Oid nodes each */
	int			nquals;			/* how many of the clauses they cover */
	List	   *exprs;			/* operands, in the order of the predicates */
} CallsPlanFilter;

/*
 * Finds the predicates among "quals" (bare clauses; their positions are
 * recorded) over columns that the definition can filter by, or whose value it
 * knows.  "columns" has one entry per attribute.
 */
extern CallsPlanFilter calls_find_predicates(PlannerInfo *root, Index relid,
											 List *quals,
											 const CallsTableColumn *columns,
											 const CallsDefinition *def);

/*
 * The predicates of a plan, operands with type and shape but not yet known.
 * Returns an array in CurrentMemoryContext; operands are numbered through in
 * the order of CallsPlanFilter.exprs.
 */
extern CallsPredicate *calls_restore_predicates(List *predicates, int *count);

#endif							/* CALLS_FILTER_H */
