/*-------------------------------------------------------------------------
 *
 * filter.c
 *		Recognises predicates that a provider may be able to evaluate.
 *
 * The only walker of expression trees.  Operators are recognised by OID
 * through their B-tree operator family, and only built-in ones, so that what
 * "=" or "<" means is never guessed.  What a recognised predicate becomes in
 * a request is bind.c's business.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_opfamily_d.h"
#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "filter.h"

/* What the walker is looking at. */
typedef struct FilterContext
{
	PlannerInfo *root;
	Index		relid;			/* of the scanned table */
	const CallsTableColumn *columns;
	const CallsDefinition *def;
} FilterContext;

/* A predicate while it is being recognised. */
typedef struct FoundPredicate
{
	AttrNumber	attnum;			/* 0: no operand seen yet */
	CallsRounding rounding;
	StrategyNumber strategy;
	List	   *exprs;			/* operands */
	List	   *types;			/* OidList: type, or element type */
	List	   *arrays;			/* IntList: is it an array? */
} FoundPredicate;

static bool find_in_clause(const FilterContext *context, Node *clause,
						   FoundPredicate *found);

/* OIDs from pg_opfamily.dat, for which the server has no symbols. */
#define NUMERIC_BTREE_FAM_OID	1988
#define DATETIME_BTREE_FAM_OID	434
#define FLOAT_BTREE_FAM_OID		1970

/* B-tree families whose operators have the meaning that bind.c gives them. */
static const Oid known_families[] = {
	TEXT_BTREE_FAM_OID,
	BOOL_BTREE_FAM_OID,
	INTEGER_BTREE_FAM_OID,
	NUMERIC_BTREE_FAM_OID,
	DATETIME_BTREE_FAM_OID,
	INTERVAL_BTREE_FAM_OID,
	FLOAT_BTREE_FAM_OID,
};

/* Could a predicate over this column change what is asked? */
static bool
column_is_interesting(const FilterContext *context, AttrNumber attnum)
{
	const CallsTableColumn *column;

	if (attnum <= 0)
		return false;			/* whole rows and system columns */
	column = &context->columns[attnum - 1];
	if (column->attnum == 0 || column->column < 0)
		return false;
	switch (context->def->columns[column->column].role)
	{
		case CALLS_COLUMN_SOURCE:
		case CALLS_COLUMN_PROVIDER:
		case CALLS_COLUMN_ABSENT:
			return true;
		case CALLS_COLUMN_RAW:
			return false;
		case CALLS_COLUMN_VALUE:
			break;
	}
	/* who knows the id may ask for the call itself */
	if (column->column == context->def->key && calls_id_definition(context->def) != NULL)
		return true;
	/* a bound on what the provider orders by ends a scan early */
	if (column->column == context->def->order.column && !context->def->order.nulls)
		return true;
	for (int i = 0; i < context->def->nfilters; i++)
	{
		const CallsFilter *filter = &context->def->filters[i];

		for (int j = 0; j < filter->ncolumns; j++)
			if (filter->columns[j] == column->column)
				return true;
	}
	return false;
}

/* The column of the scanned table that "node" is, or 0. */
static AttrNumber
match_column(const FilterContext *context, Node *node)
{
	Var		   *var;

	/* varchar compares as text, through a cast that changes nothing */
	while (node && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node == NULL || !IsA(node, Var))
		return 0;
	var = (Var *) node;
	if (var->varno != (int) context->relid || var->varlevelsup != 0 ||
		!column_is_interesting(context, var->varattno))
		return 0;
	return var->varattno;
}

/* Units of date_trunc, and what they are looked upon as. */
static const struct
{
	const char *unit;
	CallsRounding rounding;
}			truncations[] =
{
	{"microseconds", CALLS_ROUND_SECOND},
	{"milliseconds", CALLS_ROUND_SECOND},
	{"second", CALLS_ROUND_SECOND},
	{"minute", CALLS_ROUND_HOUR},
	{"hour", CALLS_ROUND_HOUR},
	{"day", CALLS_ROUND_DAY},
	{"week", CALLS_ROUND_WEEK},
	{"month", CALLS_ROUND_MONTH},
	{"quarter", CALLS_ROUND_QUARTER},
	{"year", CALLS_ROUND_YEAR},
};

/* A constant argument that names a unit of time, or NULL. */
static const char *
constant_unit(Node *node)
{
	Const	   *value = (Const *) node;

	if (!IsA(node, Const) || value->consttype != TEXTOID || value->constisnull)
		return NULL;
	return TextDatumGetCString(value->constvalue);
}

/* The rounding that a function does to its argument, or NONE. */
static CallsRounding
function_rounding(const FuncExpr *func)
{
	const char *unit;

	switch (func->funcid)
	{
		case F_DATE_TIMESTAMPTZ:
		case F_DATE_TIMESTAMP:
			return CALLS_ROUND_DAY;
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMP:
			unit = constant_unit(linitial(func->args));
			for (int i = 0; unit != NULL && i < (int) lengthof(truncations); i++)
				if (pg_strcasecmp(truncations[i].unit, unit) == 0)
					return truncations[i].rounding;
			return CALLS_ROUND_NONE;
		case F_EXTRACT_TEXT_TIMESTAMPTZ:
		case F_EXTRACT_TEXT_TIMESTAMP:
		case F_DATE_PART_TEXT_TIMESTAMPTZ:
		case F_DATE_PART_TEXT_TIMESTAMP:
			unit = constant_unit(linitial(func->args));
			return unit != NULL && pg_strcasecmp("year", unit) == 0
				? CALLS_ROUND_YEAR_NUMBER : CALLS_ROUND_NONE;
		default:
			return CALLS_ROUND_NONE;
	}
}

/* The same for a function of a time column; *rounding says which. */
static AttrNumber
match_rounded_column(const FilterContext *context, Node *node, CallsRounding *rounding)
{
	AttrNumber	attnum = match_column(context, node);
	Oid			type;

	*rounding = CALLS_ROUND_NONE;
	if (attnum != 0 || !IsA(node, FuncExpr))
		return attnum;
	*rounding = function_rounding((FuncExpr *) node);
	if (*rounding == CALLS_ROUND_NONE)
		return 0;
	attnum = match_column(context, llast(((FuncExpr *) node)->args));
	if (attnum == 0)
		return 0;
	type = context->columns[attnum - 1].type;
	return type == TIMESTAMPTZOID || type == TIMESTAMPOID ? attnum : 0;
}

/* Can "node" be evaluated once, before the scan starts? */
static bool
is_operand(const FilterContext *context, Node *node)
{
	return !contain_volatile_functions(node) &&
		!contain_subplans(node) &&
		!bms_is_member(context->relid, pull_varnos(context->root, node));
}

/*
 * Strategy of a built-in operator in one of the known families, or
 * InvalidStrategy.
 */
static StrategyNumber
operator_strategy(Oid opno)
{
	if (opno >= FirstGenbkiObjectId)
		return InvalidStrategy;
	for (int i = 0; i < (int) lengthof(known_families); i++)
	{
		int			strategy = get_op_opfamily_strategy(opno, known_families[i]);

		if (strategy != 0)
			return (StrategyNumber) strategy;
	}
	return InvalidStrategy;
}

/* Does comparing under this collation mean comparing bytes, for equality? */
static bool
collation_is_plain(Oid collation)
{
	return !OidIsValid(collation) || get_collation_isdeterministic(collation);
}

/*
 * Adds one operand; false where it does not go with those found so far: all
 * must be about one column, and several must be equalities.
 */
static bool
add_operand(FoundPredicate *found, AttrNumber attnum, CallsRounding rounding,
			StrategyNumber strategy, Node *expr, Oid type, bool array)
{
	if (found->attnum != 0 &&
		(found->attnum != attnum || found->rounding != rounding ||
		 found->strategy != BTEqualStrategyNumber ||
		 strategy != BTEqualStrategyNumber))
		return false;
	found->attnum = attnum;
	found->strategy = strategy;
	found->rounding = rounding;
	found->exprs = lappend(found->exprs, expr);
	found->types = lappend_oid(found->types, type);
	found->arrays = lappend_int(found->arrays, array);
	return true;
}

/* column OP value, on either side. */
static bool
find_in_opexpr(const FilterContext *context, OpExpr *op, FoundPredicate *found)
{
	Node	   *left;
	Node	   *right;
	Oid			opno = op->opno;
	AttrNumber	attnum;
	CallsRounding rounding;
	StrategyNumber strategy;
	Oid			lefttype;
	Oid			righttype;

	if (list_length(op->args) != 2 || !collation_is_plain(op->inputcollid))
		return false;
	left = linitial(op->args);
	right = lsecond(op->args);
	attnum = match_rounded_column(context, left, &rounding);
	if (attnum == 0)
	{
		/* the constant is on the left: look at it from the other side */
		opno = get_commutator(opno);
		if (!OidIsValid(opno))
			return false;
		attnum = match_rounded_column(context, right, &rounding);
		right = left;
	}
	if (attnum == 0 || !is_operand(context, right))
		return false;
	strategy = operator_strategy(opno);
	if (strategy == InvalidStrategy)
		return false;
	op_input_types(opno, &lefttype, &righttype);
	return add_operand(found, attnum, rounding, strategy, right, righttype, false);
}

/* column = ANY (array). */
static bool
find_in_array_op(const FilterContext *context, ScalarArrayOpExpr *op,
				 FoundPredicate *found)
{
	Node	   *array = lsecond(op->args);
	CallsRounding rounding;
	AttrNumber	attnum = match_rounded_column(context, linitial(op->args), &rounding);
	Oid			lefttype;
	Oid			righttype;

	if (attnum == 0 || !op->useOr || !collation_is_plain(op->inputcollid) ||
		!is_operand(context, array) ||
		operator_strategy(op->opno) != BTEqualStrategyNumber)
		return false;
	op_input_types(op->opno, &lefttype, &righttype);
	return add_operand(found, attnum, rounding, BTEqualStrategyNumber, array,
					   righttype, true);
}

/* A boolean column as a condition of its own, or its negation. */
static bool
find_boolean(const FilterContext *context, Node *node, bool value,
			 FoundPredicate *found)
{
	AttrNumber	attnum;

	if (!IsA(node, Var) || ((Var *) node)->vartype != BOOLOID)
		return false;
	attnum = match_column(context, node);
	return attnum != 0 &&
		add_operand(found, attnum, CALLS_ROUND_NONE, BTEqualStrategyNumber,
					makeBoolConst(value, false), BOOLOID, false);
}

/* AND never gets here (clauses are flat); OR must hold one kind of equality. */
static bool
find_in_boolexpr(const FilterContext *context, BoolExpr *expr, FoundPredicate *found)
{
	ListCell   *lc;

	if (expr->boolop == NOT_EXPR)
		return find_boolean(context, linitial(expr->args), false, found);
	if (expr->boolop != OR_EXPR)
		return false;
	foreach(lc, expr->args)
	{
		if (!find_in_clause(context, lfirst(lc), found))
			return false;
	}
	return found->strategy == BTEqualStrategyNumber;
}

/* column IS TRUE, column IS FALSE: strict enough at the top level. */
static bool
find_in_boolean_test(const FilterContext *context, BooleanTest *test,
					 FoundPredicate *found)
{
	if (test->booltesttype == IS_TRUE)
		return find_boolean(context, (Node *) test->arg, true, found);
	if (test->booltesttype == IS_FALSE)
		return find_boolean(context, (Node *) test->arg, false, found);
	return false;
}

/* Recognises one clause. */
static bool
find_in_clause(const FilterContext *context, Node *clause, FoundPredicate *found)
{
	switch (nodeTag(clause))
	{
		case T_OpExpr:
			return find_in_opexpr(context, (OpExpr *) clause, found);
		case T_ScalarArrayOpExpr:
			return find_in_array_op(context, (ScalarArrayOpExpr *) clause, found);
		case T_BoolExpr:
			return find_in_boolexpr(context, (BoolExpr *) clause, found);
		case T_BooleanTest:
			return find_in_boolean_test(context, (BooleanTest *) clause, found);
		case T_Var:
			return find_boolean(context, clause, true, found);
		default:
			return false;
	}
}

/*
 * Recognises the arms of an OR over several columns, one predicate per column;
 * NIL if one of them is not an equality.
 */
static List *
find_alternatives(const FilterContext *context, Node *clause)
{
	List	   *arms = NIL;
	ListCell   *lc;

	if (!is_orclause(clause))
		return NIL;
	foreach(lc, ((BoolExpr *) clause)->args)
	{
		FoundPredicate *found = palloc0_object(FoundPredicate);
		FoundPredicate *same = NULL;
		ListCell   *lc2;

		if (!find_in_clause(context, lfirst(lc), found) ||
			found->strategy != BTEqualStrategyNumber)
			return NIL;
		foreach(lc2, arms)
		{
			FoundPredicate *other = lfirst(lc2);

			if (other->attnum == found->attnum && other->rounding == found->rounding)
				same = other;
		}
		if (same == NULL)
		{
			arms = lappend(arms, found);
			continue;
		}
		same->exprs = list_concat(same->exprs, found->exprs);
		same->types = list_concat(same->types, found->types);
		same->arrays = list_concat(same->arrays, found->arrays);
	}
	return arms;
}

/* Adds a predicate in the form that a plan can hold. */
static void
store_predicate(CallsPlanFilter *filter, int qual, const FoundPredicate *found,
				bool alternative)
{
	List	   *head = list_make5(makeInteger(qual), makeInteger(found->attnum),
								  makeInteger(found->strategy),
								  makeInteger(found->rounding),
								  makeBoolean(alternative));

	filter->predicates = lappend(filter->predicates,
								 list_make3(head, found->types, found->arrays));
	filter->exprs = list_concat(filter->exprs, found->exprs);
}

CallsPlanFilter
calls_find_predicates(PlannerInfo *root, Index relid, List *quals,
					  const CallsTableColumn *columns, const CallsDefinition *def)
{
	FilterContext context = {
		.root = root, .relid = relid, .columns = columns, .def = def
	};
	CallsPlanFilter result = {NIL, 0, NIL};
	ListCell   *lc;

	foreach(lc, quals)
	{
		int			qual = foreach_current_index(lc);
		FoundPredicate found = {0};
		List	   *alternatives;
		ListCell   *lc2;

		if (find_in_clause(&context, lfirst(lc), &found))
		{
			store_predicate(&result, qual, &found, false);
			result.nquals++;
			continue;
		}
		alternatives = find_alternatives(&context, lfirst(lc));
		foreach(lc2, alternatives)
			store_predicate(&result, qual, lfirst(lc2), true);
		if (alternatives != NIL)
			result.nquals++;
	}
	return result;
}

CallsPredicate *
calls_restore_predicates(List *predicates, int *count)
{
	CallsPredicate *result = palloc0_array(CallsPredicate, list_length(predicates) + 1);
	ListCell   *lc;

	*count = list_length(predicates);
	foreach(lc, predicates)
	{
		List	   *stored = lfirst(lc);
		List	   *head = linitial(stored);
		List	   *types = lsecond(stored);
		List	   *arrays = lthird(stored);
		CallsPredicate *predicate = &result[foreach_current_index(lc)];

		predicate->qual = intVal(linitial(head));
		predicate->attnum = (AttrNumber) intVal(lsecond(head));
		predicate->strategy = (StrategyNumber) intVal(lthird(head));
		predicate->rounding = intVal(lfourth(head));
		predicate->alternative = boolVal(list_nth(head, 4));
		predicate->noperands = list_length(types);
		predicate->operands = palloc0_array(CallsOperand, predicate->noperands);
		for (int i = 0; i < predicate->noperands; i++)
		{
			predicate->operands[i].type = list_nth_oid(types, i);
			predicate->operands[i].array = list_nth_int(arrays, i) != 0;
		}
	}
	return result;
}
