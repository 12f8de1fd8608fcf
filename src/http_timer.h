/*-------------------------------------------------------------------------
 *
 * http_timer.h
 *		Timers that an epoll descriptor waits for; for http*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_HTTP_TIMER_H
#define CALLS_HTTP_TIMER_H

#include "postgres.h"

typedef struct CallsTimer
{
	int			descriptor;		/* timerfd, or -1 */
	int64		due;			/* when it goes off, by calls_http_clock; 0: not
								 * set */
} CallsTimer;

/* Makes a timer in an epoll descriptor; false with errno set. */
extern bool calls_make_timer(CallsTimer *timer, int epoll);

/* Closes a timer, if it is open. */
extern void calls_close_timer(CallsTimer *timer);

/* Makes it go off at this time at the latest.  Raises HV00N. */
extern void calls_set_timer(CallsTimer *timer, int64 due);

/* It has gone off: makes it ready to be set again.  False with errno set. */
extern bool calls_end_timer(CallsTimer *timer);

#endif							/* CALLS_HTTP_TIMER_H */
