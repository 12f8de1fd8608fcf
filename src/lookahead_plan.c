/*-------------------------------------------------------------------------
 *
 * lookahead_plan.c
 *		Joins that ask for several calls at a time, by their ids: the plan.
 *
 * A nested loop asks for the calls of one outer row after the other.  Here a
 * node of our own stands between the loop and its outer side: it holds the
 * next few outer rows and tells the scan on the inner side which calls will be
 * wanted for them, so that these are asked for together.  The loop itself, and
 * so the join's result, is the core's.
 *
 * The scan and the node find each other by a parameter of the executor that
 * nothing else uses, as the core's WorkTableScan finds its RecursiveUnion.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "foreign/fdwapi.h"
#include "nodes/extensible.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paramassign.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"

#include "limit.h"
#include "lookahead.h"
#include "lookahead_plan.h"
#include "plan.h"
#include "relation.h"

static Plan *plan_lookahead(PlannerInfo *root, RelOptInfo *rel, CustomPath *path,
							List *tlist, List *clauses, List *plans);

static const CustomPathMethods path_methods = {
	.CustomName = CALLS_LOOKAHEAD_NAME,
	.PlanCustomPath = plan_lookahead
};

static set_join_pathlist_hook_type previous_hook = NULL;

/* Number of the column that is this Var, or 0. */
static AttrNumber
find_column(List *tlist, const Var *var)
{
	ListCell   *lc;

	foreach(lc, tlist)
	{
		TargetEntry *entry = lfirst(lc);

		if (IsA(entry->expr, Var) &&
			((Var *) entry->expr)->varno == var->varno &&
			((Var *) entry->expr)->varattno == var->varattno)
			return entry->resno;
	}
	return 0;
}

/*
 * Makes the plan.  The loop above, which is planned next, takes a parameter
 * that already stands for a Var, so the numbers can be had here.
 */
static Plan *
plan_lookahead(PlannerInfo *root, RelOptInfo *rel pg_attribute_unused(), CustomPath *path,
			   List *tlist, List *clauses pg_attribute_unused(), List *plans)
{
	CustomScan *scan = makeNode(CustomScan);
	List	   *columns = ((Plan *) linitial(plans))->targetlist;
	List	   *params = NIL;
	List	   *attnos = NIL;
	ListCell   *lc;

	foreach(lc, lthird(path->custom_private))
	{
		Var		   *var = lfirst(lc);
		AttrNumber	attno = find_column(columns, var);

		if (attno == 0)
			elog(ERROR, "variable not found in the outer side of a join");
		params = lappend_int(params, replace_nestloop_param_var(root, var)->paramid);
		attnos = lappend_int(attnos, attno);
	}
	scan->scan.plan.targetlist = tlist;
	scan->custom_plans = plans;
	scan->custom_scan_tlist = copyObject(columns);
	scan->custom_private = list_make4(linitial(path->custom_private),
									  lsecond(path->custom_private), params, attnos);
	scan->methods = calls_lookahead_methods();
	return &scan->scan.plan;
}

/* Is this a table of ours that is read by itself? */
static bool
is_calls_table(const RelOptInfo *rel)
{
	return rel->reloptkind == RELOPT_BASEREL && rel->rtekind == RTE_RELATION &&
		rel->fdwroutine != NULL && rel->fdwroutine->GetForeignPaths == callsGetForeignPaths;
}

/*
 * Does the path ask for calls by ids that come from these relations alone?
 */
static bool
asks_by_outer_ids(Path *path, Relids outer)
{
	return IsA(path, ForeignPath) && PATH_REQ_OUTER(path) != NULL &&
		bms_is_subset(PATH_REQ_OUTER(path), outer) &&
		intVal(list_nth(((ForeignPath *) path)->fdw_private, CALLS_PATH_MAX_IDS)) > 0;
}

/*
 * What the join passes to the inner path: a List of Vars, or NIL where it is
 * something else.
 */
static List *
find_parameters(const Path *inner)
{
	List	   *vars = NIL;
	ListCell   *lc;

	foreach(lc, pull_var_clause((Node *) extract_actual_clauses(inner->param_info->ppi_clauses,
																false),
								PVC_INCLUDE_PLACEHOLDERS))
	{
		Var		   *var = lfirst(lc);

		if (!IsA(var, Var))
			return NIL;
		if (bms_is_member(var->varno, PATH_REQ_OUTER(inner)))
			vars = list_append_unique(vars, var);
	}
	return vars;
}

/* The outer path, with the next "nrows" rows held. */
static Path *
make_lookahead_path(Path *outer, int link, int nrows, List *vars)
{
	CustomPath *path = makeNode(CustomPath);

	path->path = *outer;
	path->path.type = T_CustomPath;
	path->path.pathtype = T_CustomScan;
	path->path.parallel_aware = false;
	path->path.parallel_safe = false;
	path->path.parallel_workers = 0;
	path->custom_paths = list_make1(outer);
	path->custom_private = list_make3(makeInteger(link), makeInteger(nrows), vars);
	path->methods = &path_methods;
	return &path->path;
}

/* The inner path, known by the parameter "link". */
static Path *
make_linked_path(const ForeignPath *inner, int link)
{
	ForeignPath *path = makeNode(ForeignPath);

	*path = *inner;
	path->fdw_private = list_copy(inner->fdw_private);
	lfirst(list_nth_cell(path->fdw_private, CALLS_PATH_LINK)) = makeInteger(link);
	return &path->path;
}

/* Adds the join of two paths. */
static void
add_join(PlannerInfo *root, RelOptInfo *joinrel, JoinType jointype,
		 JoinPathExtraData *extra, Path *outer, ForeignPath *inner)
{
	const CallsRelation *info = inner->path.parent->fdw_private;
	int			connections = info->settings->max_connections;
	List	   *vars = find_parameters(&inner->path);
	JoinCostWorkspace workspace;
	int			link;
	Path	   *ahead;
	Path	   *linked;
	NestPath   *join;

	if (vars == NIL)
		return;
	link = assign_special_exec_param(root);
	ahead = make_lookahead_path(outer, link, connections, vars);
	linked = make_linked_path(inner, link);
	initial_cost_nestloop(root, &workspace, jointype, ahead, linked, extra);
	join = create_nestloop_path(root, joinrel, jointype, &workspace, extra, ahead, linked,
								extra->restrictlist,
								build_join_pathkeys(root, joinrel, jointype,
													outer->pathkeys),
								NULL);
	/* the requests of so many rows take the time of one; never dearer than the
	 * plain join, which may underestimate its outer side */
	join->jpath.path.total_cost -= Max(outer->rows - 1, 1) *
		info->settings->request_cost * (1 - 1.0 / connections);
	join->jpath.path.total_cost = Max(join->jpath.path.total_cost,
									  join->jpath.path.startup_cost);
	add_path(joinrel, &join->jpath.path);
}

/* Adds the joins of an inner path with all outer ones. */
static void
add_joins(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *outerrel,
		  JoinType jointype, JoinPathExtraData *extra, ForeignPath *inner)
{
	ListCell   *lc;

	foreach(lc, outerrel->pathlist)
	{
		Path	   *outer = lfirst(lc);

		/* no request for rows that may not be wanted */
		if (PATH_REQ_OUTER(outer) == NULL &&
			!calls_stops_early(root, outerrel->relids, outer->pathkeys))
			add_join(root, joinrel, jointype, extra, outer, inner);
	}
}

/*
 * set_join_pathlist_hook.  Where rows are marked, the core may run a part of
 * the plan again for a single row: those joins stay the core's alone.
 */
static void
add_lookahead_joins(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *outerrel,
					RelOptInfo *innerrel, JoinType jointype, JoinPathExtraData *extra)
{
	const CallsRelation *info = innerrel->fdw_private;
	ListCell   *lc;

	if (previous_hook != NULL)
		previous_hook(root, joinrel, outerrel, innerrel, jointype, extra);
	if ((jointype != JOIN_INNER && jointype != JOIN_LEFT &&
		 jointype != JOIN_SEMI && jointype != JOIN_ANTI) ||
		root->rowMarks != NIL || !bms_is_empty(joinrel->lateral_relids) ||
		!is_calls_table(innerrel) || info->settings->max_connections == 1)
		return;
	foreach(lc, innerrel->pathlist)
	{
		Path	   *inner = lfirst(lc);

		if (asks_by_outer_ids(inner, outerrel->relids))
			add_joins(root, joinrel, outerrel, jointype, extra, (ForeignPath *) inner);
	}
}

void
calls_init_lookahead(void)
{
	RegisterCustomScanMethods(calls_lookahead_methods());
	previous_hook = set_join_pathlist_hook;
	set_join_pathlist_hook = add_lookahead_joins;
}
