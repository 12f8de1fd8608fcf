/*-------------------------------------------------------------------------
 *
 * count_plan.c
 *		Plans that take a count from the provider's total.
 *
 * Such a plan has an ordinary aggregate over a scan below it: whether the
 * total can be trusted shows only when it comes, and the values of parameters
 * only decide then how exactly they can be sent.  The node gives the rows of
 * that aggregate where the total will not do.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "utils/fmgroids.h"

#include "compat.h"
#include "count.h"
#include "count_plan.h"
#include "relation.h"

/* Members of a count's ForeignPath.fdw_private. */
enum CountPathPrivateIndex
{
	PATH_TLIST,					/* becomes fdw_scan_tlist */
	PATH_PRIVATE				/* becomes ForeignScan.fdw_private */
};

/* A query's targets while they are looked at. */
typedef struct CountTarget
{
	const CallsRelation *info;
	Index		relid;
	List	   *vars;			/* columns grouped by */
	List	   *aggrefs;
	bool		ids;			/* calls without an id do not count */
	AttrNumber	by;				/* column with a total per word, or 0 */
} CountTarget;

/* The table's column that an expression is, or NULL. */
static const CallsTableColumn *
column_of(const CountTarget *target, Node *expr)
{
	Var		   *var = (Var *) expr;

	if (!IsA(expr, Var) || var->varno != (int) target->relid ||
		var->varattno <= 0 || var->varlevelsup != 0)
		return NULL;
	return &target->info->columns[var->varattno - 1];
}

/* Is this the id, in a type that has a value for each? */
static bool
is_id(const CountTarget *target, const CallsTableColumn *column)
{
	return column != NULL && column->attnum != 0 &&
		column->column == target->info->def->key &&
		(column->type == TEXTOID ||
		 (column->type == VARCHAROID && column->typmod < 0));
}

/* Takes an aggregate that counts calls; false for any other. */
static bool
add_aggregate(CountTarget *target, Aggref *aggref)
{
	Node	   *argument;

	if (aggref->aggdistinct != NIL || aggref->aggfilter != NULL ||
		aggref->aggorder != NIL || aggref->agglevelsup != 0 ||
		(aggref->aggfnoid != F_COUNT_ && aggref->aggfnoid != F_COUNT_ANY))
		return false;
	target->aggrefs = lappend(target->aggrefs, aggref);
	if (aggref->aggfnoid == F_COUNT_)
		return true;
	argument = (Node *) ((TargetEntry *) linitial(aggref->args))->expr;
	if (IsA(argument, Const))
		return !((Const *) argument)->constisnull;
	if (!is_id(target, column_of(target, argument)))
		return false;
	target->ids = true;
	return true;
}

/* Takes a column that is grouped by; false if totals do not come by it. */
static bool
add_group(CountTarget *target, Node *expr)
{
	const CallsTableColumn *column = column_of(target, expr);

	if (column == NULL)
		return false;
	switch (calls_count_column(target->info->def, target->info->settings, column))
	{
		case CALLS_COUNT_NOT:
			return false;
		case CALLS_COUNT_CONSTANT:
			break;
		case CALLS_COUNT_WORDS:
			if (target->by != 0 && target->by != column->attnum)
				return false;
			target->by = column->attnum;
			break;
	}
	target->vars = lappend(target->vars, expr);
	return true;
}

/* Takes the aggregates inside an expression that is computed of them. */
static bool
add_expression(CountTarget *target, Node *expr)
{
	List	   *parts = pull_var_clause(expr, PVC_INCLUDE_AGGREGATES |
										PVC_RECURSE_WINDOWFUNCS |
										PVC_INCLUDE_PLACEHOLDERS);
	ListCell   *lc;

	foreach(lc, parts)
	{
		Node	   *part = lfirst(lc);

		/* what else there is can only be something grouped by */
		if (IsA(part, Aggref) ? !add_aggregate(target, (Aggref *) part)
			: !list_member(target->vars, part))
			return false;
	}
	return true;
}

/* Does the query's grouping ask for nothing but counts?  Fills the target. */
static bool
take_target(PlannerInfo *root, const PathTarget *reltarget, CountTarget *target)
{
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, reltarget->exprs)
	{
		Index		ref = get_pathtarget_sortgroupref(reltarget, foreach_current_index(lc));

		if (ref == 0 ||
			get_sortgroupref_clause_noerr(ref, root->parse->groupClause) == NULL)
			others = lappend(others, lfirst(lc));
		else if (!add_group(target, lfirst(lc)))
			return false;
	}
	foreach(lc, others)
	{
		if (!add_expression(target, lfirst(lc)))
			return false;
	}
	return target->aggrefs != NIL;
}

/* Does the relation have nothing that keeps a total from being the count? */
static bool
is_plain_query(PlannerInfo *root, RelOptInfo *input_rel, const GroupPathExtraData *extra)
{
	const Query *parse = root->parse;
	ListCell   *lc;

	if ((input_rel->reloptkind != RELOPT_BASEREL &&
		 input_rel->reloptkind != RELOPT_OTHER_MEMBER_REL) ||
		input_rel->fdw_private == NULL ||
		parse->groupingSets != NIL || parse->hasTargetSRFs ||
		parse->havingQual != NULL || extra->havingQual != NULL)
		return false;
	foreach(lc, input_rel->baserestrictinfo)
	{
		if (((RestrictInfo *) lfirst(lc))->pseudoconstant)
			return false;
	}
	return true;
}

/*
 * The best ordinary way to aggregate, or NULL; a copy, since add_path frees the
 * paths that it drops.
 */
static Path *
cheapest_aggregate(const RelOptInfo *output_rel)
{
	Path	   *best = NULL;
	AggPath    *copy;
	ListCell   *lc;

	foreach(lc, output_rel->pathlist)
	{
		Path	   *path = lfirst(lc);

		if (IsA(path, AggPath) &&
			(best == NULL || compare_path_costs(path, best, TOTAL_COST) < 0))
			best = path;
	}
	if (best == NULL)
		return NULL;
	copy = makeNode(AggPath);
	*copy = *(AggPath *) best;
	return (Path *) copy;
}

/* The private part of the plan, for the columns of "tlist". */
static List *
make_private(PlannerInfo *root, const CountTarget *target, List *tlist)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, tlist)
	{
		Node	   *expr = (Node *) ((TargetEntry *) lfirst(lc))->expr;

		columns = lappend_int(columns, IsA(expr, Var) ? ((Var *) expr)->varattno : 0);
	}
	return list_make4(columns, makeBoolean(root->parse->groupClause != NIL),
					  makeBoolean(target->ids), makeInteger(target->by));
}

void
callsGetForeignUpperPaths(PlannerInfo *root, UpperRelationKind stage,
						  RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra)
{
	CountTarget target = {.info = input_rel->fdw_private, .relid = input_rel->relid};
	CallsClauseBinding *bound;
	CallsCountParts *parts;
	const CallsSettings *settings;
	Path	   *fallback;
	List	   *tlist;

	if ((stage != UPPERREL_GROUP_AGG && stage != UPPERREL_PARTIAL_GROUP_AGG) ||
		!is_plain_query(root, input_rel, extra) ||
		!take_target(root, output_rel->reltarget, &target))
		return;
	bound = calls_bind_clauses(root, input_rel,
							   extract_actual_clauses(input_rel->baserestrictinfo, false));
	settings = target.info->settings;
	parts = calls_split_count(target.info->def, settings, target.info->columns,
							  bound->npredicates, bound->predicates, target.by);
	fallback = cheapest_aggregate(output_rel);
	if (!bound->all_quals || !parts->countable || fallback == NULL)
		return;
	tlist = add_to_flat_tlist(NIL, target.vars);
	tlist = add_to_flat_tlist(tlist, target.aggrefs);
	add_path(output_rel, (Path *)
			 calls_create_foreign_upper_path(root, output_rel, fallback->rows,
											 parts->nrequests * settings->request_cost +
											 cpu_tuple_cost * fallback->rows,
											 fallback,
											 list_make2(tlist, make_private(root, &target, tlist))));
}

ForeignScan *
calls_make_count(ForeignPath *path, List *tlist, Plan *outer_plan)
{
	List	   *scan_tlist = list_nth(path->fdw_private, PATH_TLIST);

	/* its rows are to be what the node itself would give */
	outer_plan = change_plan_targetlist(outer_plan, copyObject(scan_tlist), false);
	return make_foreignscan(tlist, NIL, 0, NIL, list_nth(path->fdw_private, PATH_PRIVATE),
							scan_tlist, NIL, outer_plan);
}
