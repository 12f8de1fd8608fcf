/*-------------------------------------------------------------------------
 *
 * order.c
 *		Watches the order in which calls arrive.
 *
 * An API's word that it orders is checked against every call.  The same watch
 * tells when a scan has passed the last call that its bounds can accept, which
 * saves the rest of the log where the API has no filter for dates.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "convert.h"
#include "order.h"

struct CallsOrderWatch
{
	const CallsSettings *settings;
	const CallsColumn *column;
	CallsTableColumn target;	/* the value as timestamptz */
	CallsConverter *converter;
	CallsOrderDirection direction;
	CallsRange	range;
	bool		claimed;		/* the plan relies on the order */
	bool		broken;			/* it did not hold; never with claimed */
	bool		started;		/* there was a call */
	TimestampTz last;			/* its value */
};

bool
calls_can_order(const CallsDefinition *def, CallsOrderDirection direction)
{
	const CallsOrder *order = &def->order;

	if (order->column < 0 || order->nulls || direction == CALLS_ORDER_NONE)
		return false;
	return order->by_default == direction ||
		(order->param != NULL &&
		 (direction == CALLS_ORDER_ASC ? order->asc : order->desc) != NULL);
}

CallsOrderWatch *
calls_make_order_watch(const CallsDefinition *def, const CallsSettings *settings,
					   CallsOrderDirection claimed, const CallsRange *range)
{
	const CallsOrder *order = &def->order;
	CallsOrderDirection direction = claimed != CALLS_ORDER_NONE ? claimed : order->by_default;
	CallsOrderWatch *watch;

	if (order->column < 0 || order->nulls || direction == CALLS_ORDER_NONE ||
		!calls_pushdown_allowed(settings, def->columns[order->column].name))
		return NULL;
	if (claimed == CALLS_ORDER_NONE &&
		!(direction == CALLS_ORDER_DESC ? range->has_lower : range->has_upper))
		return NULL;

	watch = palloc0_object(CallsOrderWatch);
	watch->settings = settings;
	watch->column = &def->columns[order->column];
	watch->target.name = watch->column->name;
	watch->target.type = TIMESTAMPTZOID;
	watch->target.typmod = -1;
	watch->converter = calls_make_converter(&watch->target, watch->column);
	watch->direction = direction;
	watch->claimed = claimed != CALLS_ORDER_NONE;
	watch->range = *range;
	return watch;
}

bool
calls_read_time(const CallsOrderWatch *watch, const CallsCell *cell, TimestampTz *time)
{
	CallsConvertError error;
	Datum		datum;
	bool		isnull;

	if (!calls_convert(watch->converter, cell, false, &datum, &isnull, &error) || isnull)
		return false;
	*time = DatumGetTimestampTz(datum);
	return true;
}

/* The order does not hold. */
static void
report_inversion(const CallsOrderWatch *watch)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_ERROR),
			 errmsg("server \"%s\" does not return calls in the order of \"%s\"",
					watch->settings->server_name, watch->column->name),
			 errhint("Leave \"%s\" out of the option \"pushdown\", and calls are sorted locally.",
					 watch->column->name)));
}

bool
calls_keeps_order(const CallsOrderWatch *watch, const CallsCell *cell)
{
	TimestampTz value;

	if (!calls_read_time(watch, cell, &value))
		return false;
	return !watch->started ||
		(watch->direction == CALLS_ORDER_DESC ? value <= watch->last : value >= watch->last);
}

void
calls_watch_order(CallsOrderWatch *watch, const CallsCell *cell)
{
	TimestampTz value;

	if (watch->broken)
		return;
	if (!calls_keeps_order(watch, cell) || !calls_read_time(watch, cell, &value))
	{
		if (watch->claimed)
			report_inversion(watch);
		watch->broken = true;
		return;
	}
	watch->started = true;
	watch->last = value;
}

bool
calls_watched_time(const CallsOrderWatch *watch, TimestampTz *time)
{
	*time = watch->last;
	return watch->started;
}

void
calls_restart_watch(CallsOrderWatch *watch)
{
	watch->started = false;
}

bool
calls_is_beyond(const CallsOrderWatch *watch, const CallsCell *cell)
{
	TimestampTz value;

	if (!calls_read_time(watch, cell, &value))
		return false;
	if (watch->direction == CALLS_ORDER_DESC)
		return watch->range.has_lower && value < watch->range.lower;
	return watch->range.has_upper && value > watch->range.upper;
}

double
calls_rows_to_bound(const CallsOrderWatch *watch, int rows,
					const CallsCell *first, const CallsCell *last)
{
	bool		descending = watch->direction == CALLS_ORDER_DESC;
	TimestampTz from;
	TimestampTz to;
	double		left;
	double		span;

	if (!(descending ? watch->range.has_lower : watch->range.has_upper) ||
		!calls_read_time(watch, first, &from) || !calls_read_time(watch, last, &to))
		return -1;
	left = descending ? (double) to - (double) watch->range.lower
		: (double) watch->range.upper - (double) to;
	span = fabs((double) to - (double) from);
	return left <= 0 ? 0 : left / Max(span, 1) * rows;
}

bool
calls_order_holds(const CallsOrderWatch *watch)
{
	return !watch->broken;
}

bool
calls_comes_before(const CallsOrderWatch *watch, const CallsCell *a, const CallsCell *b)
{
	TimestampTz one;
	TimestampTz other;

	if (!calls_read_time(watch, a, &one) || !calls_read_time(watch, b, &other))
		return false;
	return watch->direction == CALLS_ORDER_DESC ? one > other : one < other;
}
