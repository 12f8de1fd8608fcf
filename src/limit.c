/*-------------------------------------------------------------------------
 *
 * limit.c
 *		How many of its rows a query is going to read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"

#include "limit.h"

List *
calls_limit_exprs(PlannerInfo *root, RelOptInfo *baserel, const Path *path)
{
	Query	   *parse = root->parse;
	List	   *exprs;

	if (parse->limitCount == NULL ||
		baserel->reloptkind != RELOPT_BASEREL ||
		!bms_equal(root->all_baserels, baserel->relids) ||
		parse->commandType != CMD_SELECT ||
		!pathkeys_contained_in(root->query_pathkeys, path->pathkeys) ||
		parse->groupClause || parse->groupingSets ||
		parse->distinctClause || parse->setOperations ||
		parse->hasAggs || parse->hasWindowFuncs || parse->hasTargetSRFs ||
		parse->havingQual)
		return NIL;
	exprs = list_make1(parse->limitCount);
	if (parse->limitOffset)
		exprs = lappend(exprs, parse->limitOffset);
	if (contain_volatile_functions((Node *) exprs) || contain_subplans((Node *) exprs))
		return NIL;
	return exprs;
}

/* Are the relations ones of which a semi-join or anti-join wants one row? */
static bool
is_semijoin_inner(PlannerInfo *root, Relids relids)
{
	ListCell   *lc;

	foreach(lc, root->join_info_list)
	{
		SpecialJoinInfo *join = lfirst(lc);

		if ((join->jointype == JOIN_SEMI || join->jointype == JOIN_ANTI) &&
			bms_overlap(relids, join->syn_righthand))
			return true;
	}
	return false;
}

/*
 * Is there a LIMIT further up?  A WITH query is planned as if it were read to
 * its end, but may not be.
 */
static bool
is_below_limit(const PlannerInfo *root)
{
	for (root = root->parent_root; root != NULL; root = root->parent_root)
		if (root->parse->limitCount != NULL)
			return true;
	return false;
}

bool
calls_stops_early(PlannerInfo *root, Relids relids, List *pathkeys)
{
	Query	   *parse = root->parse;

	if (is_semijoin_inner(root, relids))
		return true;
	if (root->tuple_fraction <= 0 && !is_below_limit(root))
		return false;
	if (pathkeys != NIL)
		return true;
	return !(parse->hasAggs || parse->groupClause || parse->groupingSets ||
			 parse->distinctClause || root->query_pathkeys != NIL);
}
