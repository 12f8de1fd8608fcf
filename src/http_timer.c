/*-------------------------------------------------------------------------
 *
 * http_timer.c
 *		Timers that an epoll descriptor waits for, and their clock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "compat.h"
#include "http.h"
#include "http_timer.h"
#include "portability/instr_time.h"

int64
calls_http_clock(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

bool
calls_make_timer(CallsTimer *timer, int epoll)
{
	struct epoll_event event = {.events = EPOLLIN};

	timer->due = 0;
	timer->descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer->descriptor < 0)
		return false;
	event.data.fd = timer->descriptor;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, timer->descriptor, &event) == 0;
}

void
calls_close_timer(CallsTimer *timer)
{
	if (timer->descriptor >= 0)
		close(timer->descriptor);
	timer->descriptor = -1;
	timer->due = 0;
}

void
calls_set_timer(CallsTimer *timer, int64 due)
{
	struct itimerspec spec = {0};
	int64		left;

	if (timer->due != 0 && timer->due <= due)
		return;
	left = Max(due - calls_http_clock(), 0);
	spec.it_value.tv_sec = left / 1000;
	/* zero would disarm it */
	spec.it_value.tv_nsec = left > 0 ? (left % 1000) * 1000000 : 1;
	if (timerfd_settime(timer->descriptor, 0, &spec, NULL) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				 errmsg("could not set a timer: %m")));
	timer->due = due;
}

bool
calls_end_timer(CallsTimer *timer)
{
	uint64		expirations;

	/* Unread, it would keep the epoll descriptor readable. */
	if (read(timer->descriptor, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		return false;
	timer->due = 0;
	return true;
}
