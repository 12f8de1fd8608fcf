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

#include "bound.h"
#include "definition.h"
#include "option.h"
#include "page.h"

typedef struct CallsOrderWatch CallsOrderWatch;

/*
 * A watch in CurrentMemoryContext over the column that the definition orders
 * by, or NULL where there is nothing to watch: no order is promised
 * ("claimed"), and no bound in "range" could end a scan early.
 */
extern CallsOrderWatch *calls_make_order_watch(const CallsDefinition *def,
											   const CallsSettings *settings,
											   CallsOrderDirection claimed,
											   const CallsRange *range);

/* Path of the watched value inside a call. */
extern const char *calls_watched_path(const CallsOrderWatch *watch);

/*
 * Sees the next call's value.  Raises HV000 where a promised order does not
 * hold; where none was promised, the scan will not end early any more.
 */
extern void calls_watch_order(CallsOrderWatch *watch, const CallsCell *cell);

/*
 * Is this value beyond the range, so that, as long as the order holds, no
 * later call can be within?
 */
extern bool calls_is_beyond(const CallsOrderWatch *watch, const CallsCell *cell);

/* Does the order hold so far? */
extern bool calls_order_holds(const CallsOrderWatch *watch);

#endif							/* CALLS_ORDER_H */
