/*-------------------------------------------------------------------------
 *
 * relation.c
 *		What the provider would be asked for a list of clauses, while planning.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"

#include "compat.h"
#include "relation.h"

/* Ids that an array is thought to have, as the core's own estimates say. */
#define DEFAULT_IDS			10

/* An operand as far as planning knows it. */
static void
set_operand(CallsOperand *operand, Node *expr)
{
	operand->known = IsA(expr, Const);
	operand->sql = "";
	if (operand->known)
	{
		operand->value = ((Const *) expr)->constvalue;
		operand->isnull = ((Const *) expr)->constisnull;
	}
}

/* Finds the predicates of clauses; with "guess", the planner's idea of values. */
static CallsClauseBinding *
find_predicates(PlannerInfo *root, RelOptInfo *baserel, List *clauses, bool guess)
{
	const CallsRelation *info = baserel->fdw_private;
	CallsPlanFilter filter = calls_find_predicates(root, baserel->relid, clauses,
												   info->columns, info->def);
	CallsClauseBinding *bound = palloc0_object(CallsClauseBinding);
	ListCell   *lc = list_head(filter.exprs);

	bound->clauses = clauses;
	bound->all_quals = filter.nquals == list_length(clauses);
	bound->predicates = calls_restore_predicates(filter.predicates, &bound->npredicates);
	for (int i = 0; i < bound->npredicates; i++)
	{
		for (int j = 0; j < bound->predicates[i].noperands; j++)
		{
			Node	   *expr = lfirst(lc);

			set_operand(&bound->predicates[i].operands[j],
						guess ? estimate_expression_value(root, expr) : expr);
			lc = lnext(filter.exprs, lc);
		}
	}
	return bound;
}

static void
bind(const CallsRelation *info, CallsClauseBinding *bound)
{
	bound->binding = calls_bind(info->def, info->settings, info->columns,
								bound->npredicates, bound->predicates);
}

CallsClauseBinding *
calls_bind_clauses(PlannerInfo *root, RelOptInfo *baserel, List *clauses)
{
	CallsClauseBinding *bound = find_predicates(root, baserel, clauses, false);

	bind(baserel->fdw_private, bound);
	return bound;
}

CallsClauseBinding *
calls_bind_clause_ids(PlannerInfo *root, RelOptInfo *baserel, List *clauses)
{
	const CallsRelation *info = baserel->fdw_private;
	CallsClauseBinding *bound = find_predicates(root, baserel, clauses, false);

	bound->binding = calls_bind_ids(info->def, info->settings, info->columns,
									bound->npredicates, bound->predicates);
	return bound;
}

double
calls_estimate_ids(const CallsBinding *binding)
{
	if (!binding->by_id)
		return 0;
	if (binding->ids == NULL)
		return binding->id_array ? DEFAULT_IDS : 1;
	return Max(binding->nids, 1);
}

/* Are all operands of the predicate, or of the OR that it is an arm of, known? */
static bool
is_known(const CallsClauseBinding *bound, const CallsPredicate *predicate)
{
	for (int i = 0; i < bound->npredicates; i++)
	{
		if (bound->predicates[i].qual != predicate->qual)
			continue;
		for (int j = 0; j < bound->predicates[i].noperands; j++)
			if (!bound->predicates[i].operands[j].known)
				return false;
	}
	return true;
}

/* Does the predicate make several streams? */
static bool
is_spread(const CallsRelation *info, const CallsClauseBinding *bound,
		  const CallsPredicate *predicate)
{
	int			column = info->columns[predicate->attnum - 1].column;

	if (predicate->alternative)
		return true;
	for (int i = 0; i < bound->binding->nsent; i++)
		if (bound->binding->sent[i].column == column &&
			calls_filter_streams(&bound->binding->sent[i]) > 1)
			return true;
	return false;
}

CallsClauseBinding *
calls_bind_known_clauses(PlannerInfo *root, RelOptInfo *baserel, List *clauses,
						 bool one_request)
{
	const CallsRelation *info = baserel->fdw_private;
	CallsClauseBinding *bound = find_predicates(root, baserel, clauses, true);
	CallsPredicate *kept = palloc_array(CallsPredicate, bound->npredicates + 1);
	int			n = 0;

	for (int i = 0; i < bound->npredicates; i++)
		if (is_known(bound, &bound->predicates[i]))
			kept[n++] = bound->predicates[i];
	bound->predicates = kept;
	bound->npredicates = n;
	bind(info, bound);
	if (!one_request || calls_count_streams(bound->binding) == 1)
		return bound;

	kept = palloc_array(CallsPredicate, bound->npredicates + 1);
	n = 0;
	for (int i = 0; i < bound->npredicates; i++)
		if (!is_spread(info, bound, &bound->predicates[i]))
			kept[n++] = bound->predicates[i];
	bound->predicates = kept;
	bound->npredicates = n;
	bind(info, bound);
	return bound;
}

List *
calls_pushed_clauses(const CallsClauseBinding *bound)
{
	List	   *pushed = NIL;

	for (int i = 0; i < bound->npredicates; i++)
	{
		if (bound->binding->pushdown[i] != CALLS_PUSHDOWN_LOCAL)
			pushed = list_append_unique_ptr(pushed,
											list_nth(bound->clauses,
													 bound->predicates[i].qual));
	}
	return pushed;
}
