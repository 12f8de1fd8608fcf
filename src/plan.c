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
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/rel.h"

#include "bind.h"
#include "compat.h"
#include "filter.h"
#include "option.h"
#include "plan.h"

/* Calls that a table never analyzed is thought to have. */
#define DEFAULT_CALLS		10000

/* What the planner keeps for a relation, in RelOptInfo.fdw_private. */
typedef struct CallsRelInfo
{
	const CallsDefinition *def;
	CallsSettings *settings;
	CallsTableColumn *columns;
	double		retrieved;		/* rows the provider is thought to return */
} CallsRelInfo;

/*
 * Selectivity of what is pushed among the base restrictions: the rows that
 * travel are those of the table times this.
 */
static Selectivity
pushed_selectivity(PlannerInfo *root, RelOptInfo *baserel, const CallsRelInfo *info)
{
	List	   *clauses = extract_actual_clauses(baserel->baserestrictinfo, false);
	CallsPlanFilter filter = calls_find_predicates(root, baserel->relid, clauses,
												   info->columns, info->def);
	int			npredicates;
	CallsPredicate *predicates = calls_restore_predicates(filter.predicates, &npredicates);
	List	   *pushed = NIL;
	ListCell   *lc = list_head(filter.exprs);
	CallsBinding *binding;

	for (int i = 0; i < npredicates; i++)
	{
		for (int j = 0; j < predicates[i].noperands; j++)
		{
			CallsOperand *operand = &predicates[i].operands[j];
			Node	   *expr = lfirst(lc);

			operand->known = IsA(expr, Const);
			operand->sql = "";
			if (operand->known)
			{
				operand->value = ((Const *) expr)->constvalue;
				operand->isnull = ((Const *) expr)->constisnull;
			}
			lc = lnext(filter.exprs, lc);
		}
	}
	binding = calls_bind(info->def, info->settings, info->columns,
						 npredicates, predicates);
	if (binding->contradiction)
		return 0;
	for (int i = 0; i < npredicates; i++)
	{
		if (binding->pushdown[i] != CALLS_PUSHDOWN_LOCAL)
			pushed = lappend(pushed, list_nth(clauses, predicates[i].qual));
	}
	return clauselist_selectivity(root, pushed, baserel->relid, JOIN_INNER, NULL);
}

void
callsGetForeignRelSize(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	CallsRelInfo *info = palloc0_object(CallsRelInfo);
	Relation	rel = table_open(foreigntableid, NoLock);

	info->settings = calls_get_settings(foreigntableid, InvalidOid, &info->def);
	info->columns = calls_get_table_columns(rel, info->def);
	table_close(rel, NoLock);
	baserel->fdw_private = info;

	/* -1: never analyzed */
	if (baserel->tuples < 0)
		baserel->tuples = DEFAULT_CALLS;
	set_baserel_size_estimates(root, baserel);
	info->retrieved = clamp_row_est(baserel->tuples *
									pushed_selectivity(root, baserel, info));
}

/* Rows of a full page. */
static int
page_rows(const CallsRelInfo *info)
{
	if (info->def->paging.size_param == NULL)
		return Max(info->def->paging.size_default, 1);
	return info->settings->page_size > 0 ? info->settings->page_size
		: info->def->paging.size_max;
}

void
callsGetForeignPaths(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	CallsRelInfo *info = baserel->fdw_private;
	double		pages = Max(ceil(info->retrieved / page_rows(info)), 1);
	Cost		startup = info->settings->request_cost + baserel->baserestrictcost.startup;
	Cost		per_row = cpu_tuple_cost + baserel->baserestrictcost.per_tuple;

	add_path(baserel, (Path *)
			 calls_create_foreignscan_path(root, baserel, baserel->rows, startup,
										   startup + (pages - 1) * info->settings->request_cost +
										   info->retrieved * per_row,
										   NIL, baserel->lateral_relids, NIL));
}

/* A call has no place in a heap: refuses ctid, xmin and their like. */
static void
check_system_columns(const Bitmapset *used)
{
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
used_attributes(RelOptInfo *baserel, const CallsRelInfo *info, List *clauses)
{
	Bitmapset  *used = NULL;
	List	   *attributes = NIL;
	bool		whole_row;

	pull_varattnos((Node *) baserel->reltarget->exprs, baserel->relid, &used);
	pull_varattnos((Node *) clauses, baserel->relid, &used);
	check_system_columns(used);
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

/*
 * LIMIT and OFFSET of a query that reads nothing but this table and needs its
 * rows one by one: a hint for the size of the first page, so that a wrong one
 * costs requests and nothing else.
 */
static List *
limit_exprs(PlannerInfo *root, RelOptInfo *baserel)
{
	Query	   *parse = root->parse;
	List	   *exprs;

	if (parse->limitCount == NULL ||
		baserel->reloptkind != RELOPT_BASEREL ||
		!bms_equal(root->all_baserels, baserel->relids) ||
		parse->commandType != CMD_SELECT ||
		parse->sortClause || parse->groupClause || parse->groupingSets ||
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

ForeignScan *
callsGetForeignPlan(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid,
					ForeignPath *best_path, List *tlist, List *scan_clauses,
					Plan *outer_plan)
{
	CallsRelInfo *info = baserel->fdw_private;
	List	   *quals = extract_actual_clauses(scan_clauses, false);
	CallsPlanFilter filter = calls_find_predicates(root, baserel->relid, quals,
												   info->columns, info->def);
	List	   *limit = limit_exprs(root, baserel);
	bool		all_quals = list_length(filter.predicates) == list_length(quals);

	return make_foreignscan(tlist, quals, baserel->relid,
							list_concat_copy(filter.exprs, limit),
							list_make4(filter.predicates,
									   used_attributes(baserel, info, quals),
									   makeBoolean(all_quals),
									   makeInteger(list_length(limit))),
							NIL, NIL, outer_plan);
}
