/*-------------------------------------------------------------------------
 *
 * relation.h
 *		What the planner knows of a foreign table, and what the provider would
 *		be asked for a list of clauses.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_RELATION_H
#define CALLS_RELATION_H

#include "postgres.h"

#include "nodes/pathnodes.h"

#include "bind.h"
#include "definition.h"
#include "filter.h"
#include "option.h"

/* What the planner keeps for a table, in RelOptInfo.fdw_private. */
typedef struct CallsRelation
{
	const CallsDefinition *def;
	CallsSettings *settings;
	CallsTableColumn *columns;	/* one per attribute */
	double		known_rows;		/* calls that satisfy known_clauses, as the
								 * provider counts them; -1: not known */
	List	   *known_clauses;
} CallsRelation;

/* Clauses, and what the provider would be asked for them. */
typedef struct CallsClauseBinding
{
	List	   *clauses;
	bool		all_quals;		/* each of them has predicates */
	int			npredicates;
	CallsPredicate *predicates;
	CallsBinding *binding;
} CallsClauseBinding;

/*
 * Binds clauses (bare ones); what is not constant counts as a value that can
 * be sent.
 */
extern CallsClauseBinding *calls_bind_clauses(PlannerInfo *root, RelOptInfo *baserel,
											  List *clauses);

/*
 * The same for calls asked for one by one, if the clauses name their ids; see
 * calls_bind_ids.
 */
extern CallsClauseBinding *calls_bind_clause_ids(PlannerInfo *root, RelOptInfo *baserel,
												 List *clauses);

/* How many calls are thought to be named so; 0 where none is by its id. */
extern double calls_estimate_ids(const CallsBinding *binding);

/*
 * The same for what the planner can tell the values of, and other predicates
 * left out.  With "one_request", also those that need several streams.
 */
extern CallsClauseBinding *calls_bind_known_clauses(PlannerInfo *root, RelOptInfo *baserel,
													List *clauses, bool one_request);

/* Those of the clauses that the provider evaluates. */
extern List *calls_pushed_clauses(const CallsClauseBinding *bound);

#endif							/* CALLS_RELATION_H */
