/*-------------------------------------------------------------------------
 *
 * plan.c
 *		Planning: costs in requests, and the plan's private part.
 *
 * Nothing here touches the network.  All clauses stay in the plan's qual, so
 * that what the provider returns is always rechecked; predicates only record
 * what may be asked of it in addition.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/heap.h"
#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/rel.h"

#include "compat.h"
#include "count_plan.h"
#include "estimate.h"
#include "filter.h"
#include "limit.h"
#include "option.h"
#include "order.h"
#include "plan.h"
#include "relation.h"

/* Dearer than any plan that has the ids, which a table of single calls needs. */
#define COST_WITHOUT_IDS	1e15

/* Is the column's value the same in the reply for one call? */
static bool
is_in_single(const CallsRelation *info, const CallsTableColumn *column)
{
	return column->attnum == 0 || column->path == NULL ||
		!calls_path_is_added(info->def, column->path);
}

/*
 * May calls be asked for one by one?  A list at a path of the user's own is
 * another API than the definition knows; and what only the reply for one call
 * has is no part of the list.
 */
static bool
may_ask_by_id(RelOptInfo *baserel)
{
	const CallsRelation *info = baserel->fdw_private;
	Bitmapset  *used = NULL;

	if (info->def->single)
		return true;
	if (calls_id_definition(info->def) == NULL || info->settings->path != NULL ||
		!calls_pushdown_allowed(info->settings, info->def->columns[info->def->key].name))
		return false;
	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &used);
	pull_varattnos((Node *) extract_actual_clauses(baserel->baserestrictinfo, false),
				   baserel->relid, &used);
	for (AttrNumber attnum = 1; attnum <= baserel->max_attr; attnum++)
	{
		if ((bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used) ||
			 bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used)) &&
			!is_in_single(info, &info->columns[attnum - 1]))
			return false;
	}
	return true;
}

/* The conditions that a path's scan has to satisfy. */
static List *
path_clauses(RelOptInfo *baserel, const ParamPathInfo *param_info)
{
	List	   *clauses = extract_actual_clauses(baserel->baserestrictinfo, false);

	if (param_info != NULL)
		clauses = list_concat(clauses,
							  extract_actual_clauses(param_info->ppi_clauses, false));
	return clauses;
}

void
callsGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	CallsRelation *info = palloc0_object(CallsRelation);
	Relation	rel = table_open(foreigntableid, NoLock);
	double		ids;

	info->settings = calls_get_settings(foreigntableid, InvalidOid, &info->def);
	info->columns = calls_get_table_columns(rel, info->def);
	table_close(rel, NoLock);
	baserel->fdw_private = info;
	calls_estimate_size(root, baserel, foreigntableid);
	ids = calls_estimate_ids(calls_bind_clause_ids(root, baserel,
												   path_clauses(baserel, NULL))->binding);
	if (ids > 0)
		baserel->rows = Min(baserel->rows, ids);
}

/* Rows of a full page. */
static int
page_rows(const CallsRelation *info)
{
	if (info->def->paging.size_param == NULL)
		return Max(info->def->paging.size_default, 1);
	return info->settings->page_size > 0 ? info->settings->page_size
		: info->def->paging.size_max;
}

/* A path's fdw_private; it is linked to nothing. */
static List *
make_private(CallsOrderDirection direction, int max_ids)
{
	return list_make3(makeInteger(direction), makeInteger(max_ids), makeInteger(-1));
}

/*
 * Adds a path of so many requests, one after the other, and so many calls in
 * them.
 */
static ForeignPath *
add_request_path(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *param_info,
				 List *pathkeys, double requests, double retrieved, List *private)
{
	const CallsRelation *info = baserel->fdw_private;
	Cost		startup = info->settings->request_cost + baserel->baserestrictcost.startup;
	Cost		per_row = cpu_tuple_cost + baserel->baserestrictcost.per_tuple;
	ForeignPath *path =
		calls_create_foreignscan_path(root, baserel,
									  param_info ? param_info->ppi_rows : baserel->rows,
									  startup,
									  startup + (requests - 1) * info->settings->request_cost +
									  retrieved * per_row,
									  pathkeys,
									  param_info ? param_info->ppi_req_outer
									  : baserel->lateral_relids,
									  private);

	add_path(baserel, (Path *) path);
	return path;
}

/*
 * Adds a path that reads the list: the plain one, or one that gets values from
 * other tables.  Its cost is that of its requests, plus a little for each row
 * they bring.  Returns how many pages it reads.
 */
static double
add_scan_path(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *param_info,
			  List *pathkeys, CallsOrderDirection direction)
{
	const CallsRelation *info = baserel->fdw_private;
	CallsClauseBinding *bound = calls_bind_clauses(root, baserel,
												   path_clauses(baserel, param_info));
	double		retrieved = 0;
	double		pages;

	if (!bound->binding->contradiction)
		retrieved = calls_estimate_rows(root, baserel, calls_pushed_clauses(bound));
	pages = Max(ceil(retrieved / page_rows(info)), calls_count_streams(bound->binding));
	add_request_path(root, baserel, param_info, pathkeys, pages, retrieved,
					 make_private(direction, 0));
	return pages;
}

/*
 * Adds a path that asks for calls one by one, if the clauses name their ids;
 * "pages" is what reading the list would cost.  Where there turn out to be so
 * many ids that the list is cheaper, the scan reads that.
 */
static void
add_id_path(PlannerInfo *root, RelOptInfo *baserel, ParamPathInfo *param_info, double pages)
{
	const CallsRelation *info = baserel->fdw_private;
	int			connections = info->settings->max_connections;
	CallsClauseBinding *bound = calls_bind_clause_ids(root, baserel,
													  path_clauses(baserel, param_info));
	double		ids = calls_estimate_ids(bound->binding);
	double		most = info->def->single ? INT_MAX : Min(pages * connections, INT_MAX);

	if (ids == 0)
		return;
	if (param_info != NULL)
		param_info->ppi_rows = Min(param_info->ppi_rows, ids);
	add_request_path(root, baserel, param_info, NIL, ceil(ids / connections), ids,
					 make_private(CALLS_ORDER_NONE, (int) most));
}

/*
 * Adds the path of a table that cannot be read without ids: it is there for
 * the planner to have one, and to raise an error if it is executed.
 */
static void
add_refused_path(PlannerInfo *root, RelOptInfo *baserel)
{
	ForeignPath *path =
		calls_create_foreignscan_path(root, baserel, baserel->rows,
									  COST_WITHOUT_IDS, COST_WITHOUT_IDS, NIL,
									  baserel->lateral_relids,
									  make_private(CALLS_ORDER_NONE, INT_MAX));

	calls_disable_path(&path->path);
	add_path(baserel, (Path *) path);
}

/* Would this join clause be sent, once the other side's value is known? */
static bool
is_pushable_join_clause(PlannerInfo *root, RelOptInfo *baserel, RestrictInfo *rinfo)
{
	List	   *clause = list_make1(rinfo->clause);

	return calls_pushed_clauses(calls_bind_clauses(root, baserel, clause)) != NIL ||
		(may_ask_by_id(baserel) &&
		 calls_pushed_clauses(calls_bind_clause_ids(root, baserel, clause)) != NIL);
}

/*
 * Notes the parameterization that a join clause asks for, where its other
 * side can be supplied from outside and the provider can evaluate it.
 */
static List *
add_parameterization(PlannerInfo *root, RelOptInfo *baserel, RestrictInfo *rinfo,
					 List *param_infos)
{
	Relids		required_outer;

	if (!join_clause_is_movable_to(rinfo, baserel) ||
		!is_pushable_join_clause(root, baserel, rinfo))
		return param_infos;
	required_outer = bms_union(rinfo->clause_relids, baserel->lateral_relids);
	required_outer = bms_del_member(required_outer, baserel->relid);
	if (bms_is_empty(required_outer))
		return param_infos;
	return list_append_unique_ptr(param_infos,
								  get_baserel_parampathinfo(root, baserel, required_outer));
}

/* For generate_implied_equalities_for_column: is the member this column? */
static bool
member_is_column(PlannerInfo *root pg_attribute_unused(), RelOptInfo *rel,
				 EquivalenceClass *ec pg_attribute_unused(),
				 EquivalenceMember *em, void *arg)
{
	Node	   *expr = (Node *) em->em_expr;

	while (expr && IsA(expr, RelabelType))
		expr = (Node *) ((RelabelType *) expr)->arg;
	return expr && IsA(expr, Var) &&
		((Var *) expr)->varno == (int) rel->relid &&
		((Var *) expr)->varattno == *(AttrNumber *) arg;
}

/* Every parameterization that would let the provider filter: ParamPathInfos. */
static List *
find_parameterizations(PlannerInfo *root, RelOptInfo *baserel)
{
	const CallsRelation *info = baserel->fdw_private;
	List	   *param_infos = NIL;
	ListCell   *lc;

	foreach(lc, baserel->joininfo)
		param_infos = add_parameterization(root, baserel, lfirst(lc), param_infos);
	if (!baserel->has_eclass_joins)
		return param_infos;
	for (AttrNumber attnum = 1; attnum <= baserel->max_attr; attnum++)
	{
		List	   *clauses;

		if (info->columns[attnum - 1].attnum == 0)
			continue;
		clauses = generate_implied_equalities_for_column(root, baserel, member_is_column,
														 &attnum,
														 baserel->lateral_referencers);
		foreach(lc, clauses)
			param_infos = add_parameterization(root, baserel, lfirst(lc), param_infos);
	}
	return param_infos;
}

/* Is this the column by which the provider orders, in a type that keeps it? */
static bool
is_order_column(const CallsRelation *info, Index relid, Expr *expr)
{
	const CallsTableColumn *column;
	Var		   *var = (Var *) expr;

	if (!IsA(var, Var) || var->varno != (int) relid || var->varattno <= 0)
		return false;
	column = &info->columns[var->varattno - 1];
	return column->column == info->def->order.column && column->typmod < 0 &&
		(column->type == TIMESTAMPTZOID || column->type == INT8OID) &&
		calls_pushdown_allowed(info->settings, info->def->columns[column->column].name);
}

/*
 * The order by which the query wants the calls, if the provider can give it:
 * its column must have no nulls, whose place no documentation tells.
 */
static CallsOrderDirection
useful_order(PlannerInfo *root, RelOptInfo *baserel)
{
	const CallsRelation *info = baserel->fdw_private;
	CallsOrderDirection direction;
	PathKey    *pathkey;
	ListCell   *lc;

	if (root->query_pathkeys == NIL)
		return CALLS_ORDER_NONE;
	pathkey = linitial(root->query_pathkeys);
	if (pathkey->pk_eclass->ec_has_volatile)
		return CALLS_ORDER_NONE;
	direction = calls_pathkey_is_ascending(pathkey) ? CALLS_ORDER_ASC : CALLS_ORDER_DESC;
	if (!calls_can_order(info->def, direction))
		return CALLS_ORDER_NONE;
	foreach(lc, pathkey->pk_eclass->ec_members)
	{
		if (is_order_column(info, baserel->relid,
							((EquivalenceMember *) lfirst(lc))->em_expr))
			return direction;
	}
	return CALLS_ORDER_NONE;
}

/*
 * May the status get several streams?  They are read one after the other, in
 * the order in which calls pass through the states, and not merged.
 */
static bool
may_spread_status(PlannerInfo *root, RelOptInfo *baserel)
{
	const CallsRelation *info = baserel->fdw_private;
	const char *path = info->def->columns[calls_find_column(info->def, "status")].path;
	List	   *clauses = extract_actual_clauses(baserel->baserestrictinfo, false);
	CallsPlanFilter filter = calls_find_predicates(root, baserel->relid, clauses,
												   info->columns, info->def);
	int			npredicates;
	CallsPredicate *predicates = calls_restore_predicates(filter.predicates, &npredicates);

	for (int i = 0; i < npredicates; i++)
	{
		int			column = info->columns[predicates[i].attnum - 1].column;
		const char *other = info->def->columns[column].path;

		if (path != NULL && other != NULL && strcmp(path, other) == 0 &&
			(predicates[i].alternative || predicates[i].noperands > 1 ||
			 predicates[i].operands[0].array))
			return true;
	}
	return false;
}

void
callsGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel,
					 Oid foreigntableid pg_attribute_unused())
{
	const CallsRelation *info = baserel->fdw_private;
	CallsOrderDirection direction = useful_order(root, baserel);
	bool		by_id = may_ask_by_id(baserel);
	double		pages = 0;
	ListCell   *lc;

	if (info->def->single)
		add_refused_path(root, baserel);
	else
		pages = add_scan_path(root, baserel, NULL, NIL, CALLS_ORDER_NONE);
	if (by_id)
		add_id_path(root, baserel, NULL, pages);
	if (direction != CALLS_ORDER_NONE && !may_spread_status(root, baserel))
		add_scan_path(root, baserel, NULL,
					  list_make1(linitial(root->query_pathkeys)), direction);
	foreach(lc, find_parameterizations(root, baserel))
	{
		if (!info->def->single)
			pages = add_scan_path(root, baserel, lfirst(lc), NIL, CALLS_ORDER_NONE);
		if (by_id)
			add_id_path(root, baserel, lfirst(lc), pages);
	}
}

/*
 * A call has no place in a heap: refuses ctid, xmin and their like.  Where rows
 * are marked, the planner itself asks for them and needs no answer.
 */
static void
check_system_columns(PlannerInfo *root, const Bitmapset *used)
{
	if (root->rowMarks != NIL)
		return;
	for (AttrNumber attnum = FirstLowInvalidHeapAttributeNumber + 1; attnum < 0; attnum++)
	{
		if (attnum != TableOidAttributeNumber &&
			bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("foreign tables of calls_fdw have no system column \"%s\"",
							NameStr(SystemAttributeDefinition(attnum)->attname))));
	}
}

/* Attributes that the scan has to fill in: an IntList. */
static List *
used_attributes(PlannerInfo *root, RelOptInfo *baserel, List *clauses)
{
	const CallsRelation *info = baserel->fdw_private;
	Bitmapset  *used = NULL;
	List	   *attributes = NIL;
	bool		whole_row;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &used);
	pull_varattnos((Node *) clauses, baserel->relid, &used);
	check_system_columns(root, used);
	whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
	for (AttrNumber attnum = 1; attnum <= baserel->max_attr; attnum++)
	{
		if (info->columns[attnum - 1].attnum != 0 &&
			(whole_row ||
			 bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used)))
			attributes = lappend_int(attributes, attnum);
	}
	return attributes;
}

bool
callsIsForeignPathAsyncCapable(ForeignPath *path)
{
	const CallsRelation *info = path->path.parent->fdw_private;

	/* a count may have to run a plan of its own */
	return !IS_UPPER_REL(path->path.parent) && info->settings->async_capable;
}

ForeignScan *
callsGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel,
					Oid foreigntableid pg_attribute_unused(),
					ForeignPath *best_path, List *tlist, List *scan_clauses,
					Plan *outer_plan)
{
	CallsRelation *info = baserel->fdw_private;
	List	   *quals;
	CallsPlanFilter filter;
	List	   *limit;
	bool		all_quals;
	bool		stops_early;

	if (IS_UPPER_REL(baserel))
		return calls_make_count(best_path, tlist, outer_plan);
	quals = extract_actual_clauses(scan_clauses, false);
	filter = calls_find_predicates(root, baserel->relid, quals, info->columns, info->def);
	limit = calls_limit_exprs(root, baserel, &best_path->path);
	all_quals = filter.nquals == list_length(quals);
	stops_early = calls_stops_early(root, baserel->relids, best_path->path.pathkeys);
	return make_foreignscan(tlist, quals, baserel->relid,
							list_concat_copy(filter.exprs, limit),
							list_concat(list_make5(filter.predicates,
												   used_attributes(root, baserel, quals),
												   makeBoolean(all_quals),
												   makeInteger(list_length(limit)),
												   list_nth(best_path->fdw_private,
															CALLS_PATH_ORDER)),
										list_make3(makeBoolean(stops_early),
												   list_nth(best_path->fdw_private,
															CALLS_PATH_MAX_IDS),
												   list_nth(best_path->fdw_private,
															CALLS_PATH_LINK))),
							NIL, NIL, outer_plan);
}
