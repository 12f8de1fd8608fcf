/*-------------------------------------------------------------------------
 *
 * trust_bound.h
 *		Calls that a provider returned against a bound that was sent.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_TRUST_BOUND_H
#define CALLS_TRUST_BOUND_H

#include "postgres.h"

#include "bind.h"
#include "filter.h"
#include "option.h"

typedef struct CallsSentBounds CallsSentBounds;

/*
 * The bounds of a binding in CurrentMemoryContext, which must keep all that is
 * given; NULL where none is sent.  "columns" has one entry per attribute.
 */
extern CallsSentBounds *calls_collect_bounds(const CallsDefinition *def,
											 const CallsSettings *settings,
											 const CallsTableColumn *columns,
											 int npredicates,
											 const CallsPredicate *predicates,
											 const CallsBinding *binding);

/*
 * Is this row, whose columns that have predicates are filled in, beyond one of
 * the bounds as they were sent?  A filter that let it through is not taken for
 * exact any more.  Raises 53200 where memory is short.
 */
extern bool calls_is_out_of_bounds(const CallsSentBounds *bounds,
								   const Datum *values, const bool *isnull);

#endif							/* CALLS_TRUST_BOUND_H */
