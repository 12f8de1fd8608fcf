/*-------------------------------------------------------------------------
 *
 * order.h
 *		Watches the order in which calls arrive.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_ORDER_H
#define CALLS_ORDER_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "bound.h"
#include "definition.h"
#include "option.h"
#include "page.h"

typedef struct CallsOrderWatch CallsOrderWatch;

/* Can the provider give calls in this order, and without nulls? */
extern bool calls_can_order(const CallsDefinition *def, CallsOrderDirection direction);

/*
 * A watch in CurrentMemoryContext over the column that the definition orders
 * by, or NULL where there is nothing to watch: no order is promised
 * ("claimed"), and no bound in "range" could end a scan early.
 */
extern CallsOrderWatch *calls_make_order_watch(const CallsDefinition *def,
											   const CallsSettings *settings,
											   CallsOrderDirection claimed,
											   const CallsRange *range);

/*
 * Sees the next call's value.  Raises HV000 where a promised order does not
 * hold; where none was promised, the scan will not end early any more.
 */
extern void calls_watch_order(CallsOrderWatch *watch, const CallsCell *cell);

/* The value that a watch would see; false where there is none. */
extern bool calls_read_time(const CallsOrderWatch *watch, const CallsCell *cell,
							TimestampTz *time);

/* The last value seen; false where there was none. */
extern bool calls_watched_time(const CallsOrderWatch *watch, TimestampTz *time);

/* Would this value come in order? */
extern bool calls_keeps_order(const CallsOrderWatch *watch, const CallsCell *cell);

/* The same calls will be seen again. */
extern void calls_restart_watch(CallsOrderWatch *watch);

/*
 * Is this value beyond the range, so that, as long as the order holds, no
 * later call can be within?
 */
extern bool calls_is_beyond(const CallsOrderWatch *watch, const CallsCell *cell);

/* Does a call with value "a" come before one with value "b"? */
extern bool calls_comes_before(const CallsOrderWatch *watch,
							   const CallsCell *a, const CallsCell *b);

/*
 * How many calls there may be until the bound that ends the scan, if they are
 * as dense as between these two, "rows" apart; -1 where that cannot be told.
 */
extern double calls_rows_to_bound(const CallsOrderWatch *watch, int rows,
								  const CallsCell *first, const CallsCell *last);

/* Does the order hold so far? */
extern bool calls_order_holds(const CallsOrderWatch *watch);

#endif							/* CALLS_ORDER_H */
