/*-------------------------------------------------------------------------
 *
 * estimate.c
 *		How many calls the planner thinks there are.
 *
 * The size of a table is what ANALYZE found, or a guess; better is a total that
 * the provider reported for the same filters, to a scan of this backend or, by
 * use_remote_estimate, to the planner.  What the provider does not evaluate is
 * left to the selectivity that statistics give.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"

#include "attempt.h"
#include "compat.h"
#include "estimate.h"
#include "list_page.h"
#include "probe.h"
#include "relation.h"
#include "stats.h"
#include "totals.h"

/* Calls that a table never analyzed is thought to have. */
#define DEFAULT_CALLS		10000

/* How long a total that was asked for serves, or a failure to get one, in ms. */
#define REMOTE_ESTIMATE_AGE	60000

/* The planner has no time to lose: limits of its request, in ms. */
#define CONNECT_TIMEOUT		2000
#define REQUEST_TIMEOUT		5000

/* A question for a total, and the answer. */
typedef struct TotalQuestion
{
	Oid			table;
	Oid			user;
	const CallsBinding *binding;
	int64		total;			/* -1: no answer */
} TotalQuestion;

/* Asks the provider; any failure is raised. */
static void
ask_for_total(void *arg)
{
	TotalQuestion *question = arg;
	const CallsDefinition *def;
	CallsSettings *settings = calls_get_settings(question->table, question->user, &def);
	CallsCounters *counters = palloc0_object(CallsCounters);
	CallsProber *prober;
	CallsProbe *probe;

	settings->max_retries = 0;
	settings->max_retry_wait = 0;
	settings->connect_timeout = Min(settings->connect_timeout, CONNECT_TIMEOUT);
	settings->request_timeout = Min(settings->request_timeout, REQUEST_TIMEOUT);
	calls_watch_counters(settings->server, counters);
	prober = calls_make_prober(def, settings, 0, NULL, counters);
	probe = calls_start_probe(prober, question->binding, 1);
	calls_finish_probe(prober, probe);
	if (probe->page != NULL && probe->total >= probe->page->nrows &&
		!calls_is_known_cap(probe->total))
		question->total = probe->total;
}

/* The total of a binding for one request, as it is now or was a minute ago. */
static bool
remote_total(Oid table, Oid user, const CallsRelation *info, const CallsBinding *binding,
			 double *total)
{
	TotalQuestion question = {.table = table, .user = user, .binding = binding, .total = -1};
	Oid			server = info->settings->server;
	int64		recent;

	if (calls_recall_total(server, user, binding, REMOTE_ESTIMATE_AGE, &recent))
	{
		*total = (double) recent;
		return true;
	}
	/* a failure is to be caught, which parallel mode does not allow */
	if (info->def->total == NULL || IsInParallelMode() ||
		calls_total_is_unknown(server, user, binding, REMOTE_ESTIMATE_AGE))
		return false;
	(void) calls_attempt(ask_for_total, &question);
	calls_note_total(server, user, binding, question.total);
	*total = (double) question.total;
	return question.total >= 0;
}

/* The sum of the totals that scans have seen, if all of them are known. */
static bool
remembered_total(Oid user, const CallsRelation *info, const CallsBinding *binding,
				 int max_age, double *total)
{
	int			nstreams;
	CallsBinding **streams = calls_expand_binding(binding, &nstreams);

	*total = 0;
	for (int i = 0; i < nstreams; i++)
	{
		int64		one;

		if (!calls_recall_total(info->settings->server, user, streams[i], max_age, &one))
			return false;
		*total += (double) one;
	}
	return true;
}

/*
 * Finds a total for as many of the clauses as can be.  Returns the binding that
 * it is of, or NULL.
 */
static CallsClauseBinding *
find_total(PlannerInfo *root, RelOptInfo *baserel, Oid table, double *total)
{
	const CallsRelation *info = baserel->fdw_private;
	Oid			user = calls_planner_user(root, baserel);
	List	   *clauses = extract_actual_clauses(baserel->baserestrictinfo, false);
	CallsClauseBinding *all = calls_bind_known_clauses(root, baserel, clauses, false);
	CallsClauseBinding *one;

	if (all->binding->contradiction)
		return NULL;
	if (info->settings->use_remote_estimate)
	{
		if (remembered_total(user, info, all->binding, REMOTE_ESTIMATE_AGE, total))
			return all;
		one = calls_bind_known_clauses(root, baserel, clauses, true);
		if (remote_total(table, user, info, one->binding, total))
			return one;
	}
	if (remembered_total(user, info, all->binding, CALLS_ANY_AGE, total))
		return all;
	one = calls_bind_known_clauses(root, baserel, NIL, true);
	return remembered_total(user, info, one->binding, CALLS_ANY_AGE, total) ? one : NULL;
}

void
calls_estimate_size(PlannerInfo *root, RelOptInfo *baserel, Oid foreigntableid)
{
	CallsRelation *info = baserel->fdw_private;
	CallsClauseBinding *bound;
	List	   *clauses;
	double		total;

	/* -1: never analyzed */
	if (baserel->tuples < 0)
		baserel->tuples = DEFAULT_CALLS;
	info->known_rows = -1;
	bound = find_total(root, baserel, foreigntableid, &total);
	if (bound != NULL)
	{
		info->known_rows = total;
		info->known_clauses = calls_pushed_clauses(bound);
		baserel->tuples = info->known_clauses == NIL ? total : Max(baserel->tuples, total);
	}
	set_baserel_size_estimates(root, baserel);
	clauses = extract_actual_clauses(baserel->baserestrictinfo, false);
	if (bound != NULL)
		baserel->rows = calls_estimate_rows(root, baserel, clauses);
}

double
calls_estimate_rows(PlannerInfo *root, RelOptInfo *baserel, List *clauses)
{
	const CallsRelation *info = baserel->fdw_private;
	double		rows = baserel->tuples;

	if (info->known_rows >= 0 && list_difference(info->known_clauses, clauses) == NIL)
	{
		rows = info->known_rows;
		clauses = list_difference(clauses, info->known_clauses);
	}
	return clamp_row_est(rows * clauselist_selectivity(root, clauses, baserel->relid,
													   JOIN_INNER, NULL));
}
