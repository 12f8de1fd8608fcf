/*-------------------------------------------------------------------------
 *
 * bind_order.c
 *		A list asked for in the other direction, or in part: by bounds on the
 *		time that orders it.
 *
 * None of this follows from the query: so a long list is read at several
 * places, a sample is taken all over it, and its other end is looked at.  Who
 * asks knows whether the provider may be asked so (calls_can_order).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "bind_order.h"
#include "compat.h"

CallsOrderDirection
calls_list_order(const CallsDefinition *def, const CallsBinding *binding)
{
	return binding->order != CALLS_ORDER_NONE ? binding->order : def->order.by_default;
}

CallsFilterOp
calls_start_bound(CallsOrderDirection direction)
{
	return direction == CALLS_ORDER_DESC ? CALLS_FILTER_UPPER : CALLS_FILTER_LOWER;
}

CallsBinding *
calls_turn_binding(const CallsDefinition *def, const CallsBinding *binding)
{
	const CallsOrder *order = &def->order;
	CallsBinding *turned;
	CallsOrderDirection direction = calls_list_order(def, binding) == CALLS_ORDER_ASC
		? CALLS_ORDER_DESC : CALLS_ORDER_ASC;

	if (direction != order->by_default &&
		(direction == CALLS_ORDER_ASC ? order->asc : order->desc) == NULL)
		return NULL;
	turned = palloc_object(CallsBinding);
	*turned = *binding;
	turned->order = direction;
	return turned;
}

const CallsFilter *
calls_bound_filter(const CallsDefinition *def, CallsFilterOp op)
{
	for (int i = 0; i < def->nfilters; i++)
	{
		const CallsFilter *filter = &def->filters[i];

		if (filter->op == op && filter->ncolumns == 1 &&
			filter->columns[0] == def->order.column)
			return filter;
	}
	return NULL;
}

/* Puts a bound of the range in place of the list's own; false: it cannot be sent. */
static bool
bind_bound(const CallsDefinition *def, CallsBinding *binding, CallsFilterOp op,
		   const CallsRange *range)
{
	const CallsFilter *filter = calls_bound_filter(def, op);
	CallsSentFilter bound = {.filter = filter, .nvalues = 1, .per_request = 1, .known = true};
	int			place = 0;

	bound.column = def->order.column;
	bound.values = palloc_array(const char *, 1);
	bound.values[0] = filter ? calls_bound_text(filter, range, &bound.exact, &bound.bound) : NULL;
	if (bound.values[0] == NULL)
		return false;
	while (place < binding->nsent && binding->sent[place].filter != filter)
		place++;
	binding->sent[place] = bound;
	binding->nsent = Max(binding->nsent, place + 1);
	return true;
}

CallsBinding *
calls_bind_range(const CallsDefinition *def, const CallsBinding *binding,
				 const CallsRange *range)
{
	CallsBinding *result = palloc_object(CallsBinding);

	*result = *binding;
	result->sent = palloc_array(CallsSentFilter, binding->nsent + 2);
	if (binding->nsent > 0)
		memcpy(result->sent, binding->sent, sizeof(CallsSentFilter) * binding->nsent);
	if (range->has_lower && !bind_bound(def, result, CALLS_FILTER_LOWER, range))
		return NULL;
	if (range->has_upper && !bind_bound(def, result, CALLS_FILTER_UPPER, range))
		return NULL;
	return result;
}
