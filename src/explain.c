/*-------------------------------------------------------------------------
 *
 * explain.c
 *		What EXPLAIN shows of a scan, without any network traffic.
 *
 * The request is built as the scan would build its first one.  Parameters and
 * stable expressions stand as their SQL text; secrets, host and port never
 * appear, and the account id stays a placeholder.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "bind.h"
#include "count.h"
#include "count_scan.h"
#include "explain.h"
#include "filter.h"
#include "list_page.h"
#include "option.h"
#include "order.h"
#include "plan.h"
#include "request.h"
#include "scan.h"
#include "stream.h"

/* What is needed to show a plan node. */
typedef struct ExplainContext
{
	ForeignScan *plan;
	List	   *deparse;		/* for deparse_expression */
	const CallsDefinition *def;
	CallsSettings *settings;
	int			npredicates;
	CallsPredicate *predicates;
	CallsBinding *binding;
	CallsTableColumn *columns;
} ExplainContext;

/* SQL text of an expression of the plan. */
static char *
expr_text(const ExplainContext *context, Node *expr)
{
	return deparse_expression(expr, context->deparse, false, false);
}

/* Sets an operand from the plan: constants are known, the rest has text. */
static void
show_operand(const ExplainContext *context, CallsOperand *operand, Node *expr)
{
	operand->known = IsA(expr, Const);
	if (operand->known)
	{
		operand->value = ((Const *) expr)->constvalue;
		operand->isnull = ((Const *) expr)->constisnull;
	}
	else
	{
		/* a request is in UTF-8 until it is shown */
		char	   *sql = expr_text(context, expr);

		operand->sql = pg_server_to_any(sql, (int) strlen(sql), PG_UTF8);
	}
}

static ExplainContext
make_context(ForeignScanState *node, ExplainState *es)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Relation	rel = node->ss.ss_currentRelation;
	ExplainContext context = {.plan = plan};
	ListCell   *lc = list_head(plan->fdw_exprs);
	CallsBinding *(*bind) (const CallsDefinition *def, const CallsSettings *settings,
						   const CallsTableColumn *columns, int npredicates,
						   const CallsPredicate *predicates);

	/* no user: neither mapping nor secrets are needed to plan */
	context.settings = calls_get_settings(RelationGetRelid(rel), InvalidOid, &context.def);
	context.deparse = set_deparse_context_plan(es->deparse_cxt, (Plan *) plan, NIL);
	context.predicates =
		calls_restore_predicates(list_nth(plan->fdw_private, CALLS_SCAN_PREDICATES),
								 &context.npredicates);
	for (int i = 0; i < context.npredicates; i++)
	{
		for (int j = 0; j < context.predicates[i].noperands; j++)
		{
			show_operand(&context, &context.predicates[i].operands[j], lfirst(lc));
			lc = lnext(plan->fdw_exprs, lc);
		}
	}
	context.columns = calls_get_table_columns(rel, context.def);
	bind = intVal(list_nth(plan->fdw_private, CALLS_SCAN_MAX_IDS)) > 0
		? calls_bind_ids : calls_bind;
	context.binding = bind(context.def, context.settings, context.columns,
						   context.npredicates, context.predicates);
	context.binding->order = intVal(list_nth(plan->fdw_private, CALLS_SCAN_ORDER));
	if (!calls_can_order(context.def, context.binding->order))
		context.binding->order = CALLS_ORDER_NONE;
	return context;
}

/* LIMIT plus OFFSET where both are constants and the scan may use them. */
static int64
constant_limit(const ExplainContext *context)
{
	List	   *exprs = context->plan->fdw_exprs;
	int			nlimit = intVal(list_nth(context->plan->fdw_private, CALLS_SCAN_LIMIT_EXPRS));
	int64		sum = 0;

	if (!context->binding->all_exact ||
		!boolVal(list_nth(context->plan->fdw_private, CALLS_SCAN_ALL_QUALS)))
		return 0;
	for (int i = list_length(exprs) - nlimit; i < list_length(exprs); i++)
	{
		Const	   *value = list_nth(exprs, i);

		if (!IsA(value, Const) || value->constisnull)
			return 0;
		sum += Min(DatumGetInt64(value->constvalue), PG_INT32_MAX);
	}
	return sum;
}

/* The request for the first of the calls that are asked for by their ids. */
static CallsRequest *
first_call_request(const ExplainContext *context, int *count)
{
	const CallsBinding *binding = context->binding;

	*count = binding->nids;
	return calls_build_call_request(calls_id_definition(context->def), context->settings,
									binding->nids > 0 ? binding->ids[0] : binding->id_sql,
									binding->nids > 0, true);
}

/* "POST /path {...}": the first request of "binding", and how many there are. */
static void
show_request(const ExplainContext *context, const CallsBinding *binding, int64 limit,
			 int nrequests, ExplainState *es)
{
	CallsRequest *request;
	CallsPosition position;
	int			nstreams;
	char	   *text;

	if (context->binding->contradiction)
	{
		ExplainPropertyText("Remote Request", "none (no call can match)", es);
		return;
	}
	if (context->def->single && !context->binding->by_id)
	{
		ExplainPropertyText("Remote Request", "none (refused without a call_id)", es);
		return;
	}
	if (context->binding->by_id)
		request = first_call_request(context, &nrequests);
	else
	{
		position = calls_first_position(context->def, context->settings, limit);
		request = calls_build_request(context->def, context->settings,
									  calls_expand_binding(binding, &nstreams)[0],
									  &position, true);
	}
	text = psprintf("%s %s%s%s%s", request->method, request->target,
					request->body ? " " : "", request->body ? request->body : "",
					nrequests > 1 ? psprintf(" (first of %d)", nrequests) : "");
	ExplainPropertyText("Remote Request",
						pg_any_to_server(text, (int) strlen(text), PG_UTF8), es);
}

/* The clauses that are sent, each with how exactly. */
static void
show_filters(const ExplainContext *context, ExplainState *es)
{
	List	   *shown = NIL;

	if (context->binding->contradiction)
		return;
	for (int i = 0; i < context->npredicates; i++)
	{
		CallsPushdown pushdown = context->binding->pushdown[i];
		Node	   *clause = list_nth(context->plan->scan.plan.qual,
									  context->predicates[i].qual);

		/* the arms of an OR are one clause */
		if (pushdown == CALLS_PUSHDOWN_LOCAL || pushdown == CALLS_PUSHDOWN_TRUE ||
			(i > 0 && context->predicates[i].qual == context->predicates[i - 1].qual))
			continue;
		shown = lappend(shown, psprintf("%s %s", expr_text(context, clause),
										pushdown == CALLS_PUSHDOWN_EXACT
										? "exact" : "superset"));
	}
	if (shown != NIL)
		ExplainPropertyList("Remote Filter", shown, es);
}

/* The order that the scan promises. */
static void
show_order(const ExplainContext *context, ExplainState *es)
{
	CallsOrderDirection order = context->binding->order;

	if (order == CALLS_ORDER_NONE || context->binding->contradiction)
		return;
	ExplainPropertyText("Remote Order",
						psprintf("%s %s", context->def->columns[context->def->order.column].name,
								 order == CALLS_ORDER_ASC ? "ASC" : "DESC"),
						es);
}

/* EXPLAIN ANALYZE: what the scan cost. */
static void
show_counters(const CallsCounters *counters, ExplainState *es)
{
	ExplainPropertyInteger("Requests", NULL, counters->requests, es);
	ExplainPropertyInteger("Retries", NULL, counters->retries, es);
	ExplainPropertyInteger("Pages", NULL, counters->pages, es);
	ExplainPropertyInteger("Rows Received", NULL, counters->rows, es);
	if (counters->rechecked_away > 0)
		ExplainPropertyInteger("Rows Removed by Recheck", NULL, counters->rechecked_away, es);
	if (counters->unverified > 0)
		ExplainPropertyInteger("Lists Not Verified", NULL, counters->unverified, es);
	ExplainPropertyInteger("Bytes Received", NULL, counters->bytes, es);
	if (es->timing)
		ExplainPropertyFloat("Wait Time", "ms", counters->wait / 1000.0, 3, es);
}

/* What is counted: "count(*) GROUP BY status". */
static void
show_count(const ExplainContext *context, const ForeignScan *plan, ExplainState *es)
{
	StringInfoData text;
	const char *separator = " GROUP BY ";
	ListCell   *lc;

	initStringInfo(&text);
	appendStringInfoString(&text, "count(*)");
	foreach(lc, (List *) list_nth(plan->fdw_private, CALLS_COUNT_COLUMNS))
	{
		if (lfirst_int(lc) == 0)
			continue;
		appendStringInfo(&text, "%s%s", separator,
						 quote_identifier(context->columns[lfirst_int(lc) - 1].name));
		separator = ", ";
	}
	ExplainPropertyText("Remote Count", text.data, es);
}

static void
explain_count(ForeignScanState *node, ExplainState *es)
{
	const ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	ExplainContext context = make_context(calls_counted_scan(node), es);
	CallsCountParts *parts;

	show_count(&context, plan, es);
	if (!es->verbose)
		return;
	parts = calls_split_count(context.def, context.settings, context.columns,
							  context.npredicates, context.predicates,
							  (AttrNumber) intVal(list_nth(plan->fdw_private, CALLS_COUNT_BY)));
	if (!parts->nothing && !parts->countable)
		return;
	show_request(&context, parts->nothing ? NULL : parts->parts[0].binding, 0,
				 parts->nrequests, es);
	show_filters(&context, es);
}

static void
explain_scan(ForeignScanState *node, ExplainState *es)
{
	ExplainContext context;

	if (!es->verbose)
		return;
	context = make_context(node, es);
	show_request(&context, context.binding, constant_limit(&context),
				 calls_count_streams(context.binding), es);
	show_filters(&context, es);
	show_order(&context, es);
}

void
callsExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	bool		is_count = calls_is_count(node);
	const CallsCounters *counters = is_count ? calls_count_counters(node)
		: calls_scan_counters(node);

	if (is_count)
		explain_count(node, es);
	else
		explain_scan(node, es);
	if (es->analyze && counters != NULL)
		show_counters(counters, es);
}
