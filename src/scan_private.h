/*-------------------------------------------------------------------------
 *
 * scan_private.h
 *		What scan.c and scan_run.c share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_SCAN_PRIVATE_H
#define CALLS_SCAN_PRIVATE_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "utils/tuplestore.h"

#include "bind.h"
#include "details.h"
#include "filter.h"
#include "option.h"
#include "row.h"
#include "stream.h"
#include "trust_bound.h"

/*
 * One run through the calls that one set of parameter values asks for.
 */
typedef struct CallsScanRun
{
	MemoryContext context;		/* owns the run and all it refers to */
	const char *signature;		/* equal ones read the same calls */
	CallsBinding *binding;
	int64		limit;			/* rows expected to be read, or 0 */
	int64		horizon;		/* rows wanted for sure: see pager.h */
	bool		empty;			/* the predicates contradict each other */
	CallsStreams *streams;		/* NULL until the run is opened, or for ... */
	CallsDetails *details;		/* ... calls that are asked for by their ids */
	CallsSentBounds *bounds;	/* of the streams; NULL: none is sent */

	/* a run that rescans come back to keeps its rows, as Material does */
	Tuplestorestate *store;		/* NULL: not kept */
	bool		stored_all;
} CallsScanRun;

typedef struct CallsScanState
{
	/* from the catalogs and the plan */
	const CallsDefinition *def;
	CallsSettings *settings;
	CallsTableColumn *columns;
	int			npredicates;
	CallsPredicate *predicates;
	bool	   *outer;			/* per predicate: has values of other tables */
	bool		has_outer;		/* one of them has */
	bool		all_quals;		/* nothing but predicates in the qual */
	bool		stops_early;	/* the query may not want all rows */
	int			max_ids;		/* ids that are asked for one by one; beyond,
								 * the list is read */
	CallsOrderDirection order;	/* the order that the plan relies on */
	List	   *operands;		/* ExprStates, as in CallsPlanFilter.exprs */
	List	   *limit;			/* ExprStates of LIMIT and OFFSET */

	/* execution */
	MemoryContext context;
	CallsRowReader *reader;
	CallsScanRun *run;			/* current one, or NULL before the first row */
	bool		rebind;			/* parameters may have changed */
	bool		pending;		/* async: there is no row yet, but may be */
	int			descriptor;		/* async: to wait on, or -1 */
	MemoryContextCallback release;	/* of context: closes the descriptor */
	const char *base_signature; /* what is asked without values of other
								 * tables; NULL until known */
	CallsScanRun *base;			/* the run that asks it; kept for rescans */
	TupleTableSlot *store_slot; /* for rows that are kept */
	CallsFetcher single;		/* of all calls that are asked for by their ids */
	List	   *expected;		/* runs that rescans will want, in their order,
								 * if a lookahead tells of them */
	CallsCounters counters;
	CallsProgressLine line;		/* of calls_fdw.progress */
} CallsScanState;

/* Evaluates the operands of all predicates, in CurrentMemoryContext. */
extern void calls_evaluate_operands(CallsScanState *state, ExprContext *econtext);

/* The first row after Begin or a rescan: finds the run that it is from. */
extern void calls_start_run(ForeignScanState *node);

#endif							/* CALLS_SCAN_PRIVATE_H */
