/*-------------------------------------------------------------------------
 *
 * bind_order.h
 *		A list asked for in the other direction, or in part: by bounds on the
 *		time that orders it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_BIND_ORDER_H
#define CALLS_BIND_ORDER_H

#include "postgres.h"

#include "bind.h"
#include "bound.h"
#include "definition.h"

/* The order in which the calls of a binding come; NONE where nothing tells. */
extern CallsOrderDirection calls_list_order(const CallsDefinition *def,
											const CallsBinding *binding);

/* The side on which a list in this order is bounded at its start. */
extern CallsFilterOp calls_start_bound(CallsOrderDirection direction);

/*
 * The same list in the other direction, in CurrentMemoryContext; NULL where it
 * cannot be asked for.
 */
extern CallsBinding *calls_turn_binding(const CallsDefinition *def,
										const CallsBinding *binding);

/* The filter for a bound on the time that orders the list, or NULL. */
extern const CallsFilter *calls_bound_filter(const CallsDefinition *def, CallsFilterOp op);

/*
 * The binding with the range's bounds in place of its own, in
 * CurrentMemoryContext; NULL where they cannot be sent.
 */
extern CallsBinding *calls_bind_range(const CallsDefinition *def,
									  const CallsBinding *binding, const CallsRange *range);

#endif							/* CALLS_BIND_ORDER_H */
