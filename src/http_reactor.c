/*-------------------------------------------------------------------------
 *
 * http_reactor.c
 *		One curl multi handle, one epoll descriptor, the latch.
 *
 * libcurl tells the reactor which sockets and which timer it waits for; both
 * hang on one epoll descriptor, which is itself pollable, so a backend waits
 * for its latch and for all its transfers at once.  Nothing here blocks inside
 * libcurl, therefore a cancel is seen as soon as the latch is set.  That relies
 * on
 *
 * - a libcurl that looks names up in a thread of its own or with c-ares, and
 *	 CURLOPT_QUICK_EXIT, which leaves such a thread behind instead of waiting
 *	 for it;
 * - all signals being blocked while libcurl runs: a thread it starts inherits
 *	 that, so no signal handler of the server runs outside the main thread;
 * - the server ignoring SIGPIPE, which CURLOPT_NOSIGNAL leaves to the caller.
 *
 * Functions that libcurl calls (register_socket, register_timer) neither raise
 * nor allocate from a memory context: a longjmp through libcurl would leave its
 * handles in an undefined state.
 *
 * What a transfer that has ended comes to is left to http.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "compat.h"
#include "http_reactor.h"
#include "http_room.h"
#include "http_timer.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "calls_fdw needs libcurl 7.87 or later, for CURLOPT_QUICK_EXIT"
#endif

/*
 * After so long, a look at the latch.  What libcurl does for one event comes
 * on top: it takes up to 100 reads, about 50 ms where they are decompressed.
 */
#define MAX_DRIVE_MS 10

/* After so many bytes, a look at what they add up to; see calls_keep_to_budget. */
#define MAX_DRIVE_BYTES (1024 * 1024)

/*
 * Copies of the epoll descriptor; more would only take descriptors away from
 * connections.
 */
#define MAX_COPIES 32

/* One per backend; made for the first transfer and kept. */
static struct
{
	CURLM	   *multi;			/* NULL: not made yet */
	CallsHttpFinish finish;		/* takes transfers that libcurl is done with */
	int			epoll;			/* readable when there is something to do */
	CallsTimer	timer;			/* in epoll: for libcurl's deadline */
	int64		deadline;		/* libcurl's next; 0: none */
	CallsTimer	alarm;			/* in epoll: the callers' next */
	int			copies;			/* of epoll, which callers have */
	int			attached;		/* transfers in multi */
	int64		events;			/* transfers that ended, alarms that went off */
	uint64		received;		/* bytes of bodies, decompressed */
	const char *failure;		/* multi is unusable: why; else NULL */

	/* time during which nobody waited for or drove the transfers */
	instr_time	attended;		/* last time somebody did */
	double		neglected;		/* total, in ms */
}			reactor = {.epoll = -1,.timer = {.descriptor = -1},.alarm = {.descriptor = -1}};

void
calls_enter_libcurl(sigset_t *saved)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

/*
 * Also tells fd.c how many descriptors there may be: libcurl 7.88 does not
 * report every socket that it closes, so this is an upper bound, not a count.
 * Raises nothing.
 */
void
calls_leave_libcurl(const sigset_t *saved)
{
	int			needed = 0;

	pthread_sigmask(SIG_SETMASK, saved, NULL);
	if (reactor.multi != NULL)
		needed = 3 + reactor.attached + calls_pool_descriptors();
	calls_reserve_descriptors(needed);
}

/* Called by libcurl: wait for something else on a socket, or no longer. */
static int
register_socket(CURL *easy, curl_socket_t socket, int what, void *data,
				void *socket_data)
{
	struct epoll_event event = {.data.fd = socket};

	(void) easy;
	(void) data;
	(void) socket_data;

	if (what == CURL_POLL_REMOVE)
	{
		/* A socket that is closed already has left by itself. */
		epoll_ctl(reactor.epoll, EPOLL_CTL_DEL, socket, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(reactor.epoll, EPOLL_CTL_ADD, socket, &event) == 0)
		return 0;
	if (errno == EEXIST &&
		epoll_ctl(reactor.epoll, EPOLL_CTL_MOD, socket, &event) == 0)
		return 0;
	return -1;
}

/*
 * Called by libcurl: its next deadline in ms, -1 for none.  libcurl changes its
 * mind several times per transfer, so the timer is only set before a wait.
 */
static int
register_timer(CURLM *multi, long timeout, void *data)
{
	(void) multi;
	(void) data;

	/* the clock has whole milliseconds: never early, or the deadline is lost */
	reactor.deadline = timeout < 0 ? 0 : calls_http_clock() + timeout + (timeout > 0);
	return 0;
}

/* Makes sure that a wait ends in time for libcurl's deadline. */
static void
arm_timer(void)
{
	if (reactor.deadline != 0)
		calls_set_timer(&reactor.timer, reactor.deadline);
}

/* Puts a transfer into the multi handle. */
static CURLMcode
add_transfer(CallsHttpTransfer *transfer)
{
	CURLMcode	code = curl_multi_add_handle(reactor.multi, transfer->easy);

	transfer->neglected = reactor.neglected;
	if (code == CURLM_OK)
	{
		transfer->attached = true;
		reactor.attached++;
	}
	return code;
}

void
calls_reactor_remove(CallsHttpTransfer *transfer)
{
	long		connected = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connected);
	calls_count_connections(transfer->pool, connected);
	curl_multi_remove_handle(reactor.multi, transfer->easy);
	transfer->attached = false;
	reactor.attached--;
}

bool
calls_reactor_restart(CallsHttpTransfer *transfer)
{
	calls_reactor_remove(transfer);
	return add_transfer(transfer) == CURLM_OK;
}

/* Closes everything; also half a reactor.  No transfer may be attached. */
static void
destroy_reactor(void)
{
	sigset_t	saved;

	Assert(reactor.attached == 0);

	calls_enter_libcurl(&saved);
	if (reactor.multi != NULL)
		curl_multi_cleanup(reactor.multi);
	reactor.multi = NULL;
	calls_close_pools();
	calls_close_timer(&reactor.timer);
	calls_close_timer(&reactor.alarm);
	reactor.deadline = 0;
	if (reactor.epoll >= 0)
		close(reactor.epoll);
	reactor.epoll = -1;
	reactor.failure = NULL;
	calls_leave_libcurl(&saved);
}

/* Makes the reactor; false, with errno set, where it cannot be made whole. */
static bool
make_reactor(void)
{
	reactor.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (reactor.epoll < 0)
		return false;
	if (!calls_make_timer(&reactor.timer, reactor.epoll) ||
		!calls_make_timer(&reactor.alarm, reactor.epoll))
		return false;

	reactor.multi = curl_multi_init();
	if (reactor.multi == NULL)
	{
		errno = ENOMEM;
		return false;
	}
	curl_multi_setopt(reactor.multi, CURLMOPT_SOCKETFUNCTION, register_socket);
	curl_multi_setopt(reactor.multi, CURLMOPT_TIMERFUNCTION, register_timer);
	curl_multi_setopt(reactor.multi, CURLMOPT_MAXCONNECTS,
					  (long) CALLS_POOL_CONNECTIONS);
	return true;
}

/* Raises if the multi handle broke down, now or earlier. */
static void
check_multi_code(CURLMcode code)
{
	if (code != CURLM_OK)
		reactor.failure = curl_multi_strerror(code);
	if (reactor.failure != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				 errmsg("could not drive HTTP requests: %s",
						reactor.failure)));
}

bool
calls_http_has_room(void)
{
	return calls_has_descriptors(reactor.epoll);
}

/* Raises HV00N where there is no room for one more socket. */
static void
check_descriptors(void)
{
	if (!calls_http_has_room())
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				 errmsg("could not start an HTTP request"),
				 errdetail("There are too many open files.")));
}

/* Makes sure that there is a usable reactor; raises HV00N otherwise. */
static void
ensure_reactor(void)
{
	if (reactor.failure != NULL && reactor.attached == 0)
		destroy_reactor();
	check_multi_code(CURLM_OK);

	if (reactor.multi == NULL)
	{
		check_descriptors();
		if (!make_reactor())
		{
			int			save_errno = errno;

			destroy_reactor();
			errno = save_errno;
			ereport(ERROR,
					(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
					 errmsg("could not start an HTTP request: %m")));
		}
		INSTR_TIME_SET_CURRENT(reactor.attended);
	}
}

static double
milliseconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_MILLISEC(now);
}

/*
 * Notes that somebody takes care of the transfers now, and whether they were
 * left alone since the last time.
 */
static void
attend(bool waited)
{
	if (!waited)
		reactor.neglected += milliseconds_since(reactor.attended);
	INSTR_TIME_SET_CURRENT(reactor.attended);
}

/* Is it time for libcurl's deadline? */
static bool
timer_is_due(void)
{
	return reactor.deadline != 0 && reactor.deadline <= calls_http_clock();
}

/* Tells libcurl that its deadline has come. */
static CURLMcode
run_timer(void)
{
	int			running;

	reactor.deadline = 0;
	return curl_multi_socket_action(reactor.multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* Hands one event to libcurl. */
static CURLMcode
handle_event(const struct epoll_event *event)
{
	int			running;
	int			what = 0;

	if (event->data.fd == reactor.alarm.descriptor)
	{
		reactor.events++;
		return calls_end_timer(&reactor.alarm) ? CURLM_OK : CURLM_INTERNAL_ERROR;
	}
	if (event->data.fd == reactor.timer.descriptor)
	{
		if (!calls_end_timer(&reactor.timer))
			return CURLM_INTERNAL_ERROR;
		return timer_is_due() ? run_timer() : CURLM_OK;
	}

	if (event->events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (event->events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (event->events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	return curl_multi_socket_action(reactor.multi, event->data.fd, what,
									&running);
}

/* Hands the transfers over that libcurl is done with. */
static void
collect_finished(void)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(reactor.multi, &left)) != NULL)
	{
		CURLcode	code = message->data.result;
		char	   *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		reactor.events += reactor.finish((CallsHttpTransfer *) private, code);
	}
}

void
calls_reactor_prepare(void)
{
	ensure_reactor();
	check_descriptors();
}

void
calls_reactor_start(CallsHttpTransfer *transfer)
{
	CURLMcode	code;
	sigset_t	saved;

	attend(false);
	calls_enter_libcurl(&saved);
	code = add_transfer(transfer);
	if (code == CURLM_OK)
	{
		/* Connects now, so that this goes on while the caller works. */
		code = run_timer();
		collect_finished();
	}
	calls_leave_libcurl(&saved);
	check_multi_code(code);
}

void
calls_reactor_count(size_t bytes)
{
	reactor.received += bytes;
}

double
calls_reactor_neglect(const CallsHttpTransfer *transfer)
{
	return reactor.neglected - transfer->neglected;
}

/*
 * Does what can be done without waiting, for all transfers.  To be called
 * after attend.  Raises HV00N where the multi handle breaks down.
 */
static void
drive_transfers(void)
{
	uint64		received = reactor.received;

	check_multi_code(CURLM_OK);

	for (;;)
	{
		/* One event at a time: so the kernel lets all sockets have their turn. */
		struct epoll_event event;
		int			count = epoll_wait(reactor.epoll, &event, 1, 0);
		CURLMcode	code;
		sigset_t	saved;

		if (count < 0 && errno != EINTR)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
					 errmsg("could not wait for HTTP replies: %m")));
		if (count <= 0 && !timer_is_due())
			break;
		calls_enter_libcurl(&saved);
		code = count > 0 ? handle_event(&event) : run_timer();
		collect_finished();
		calls_leave_libcurl(&saved);

		check_multi_code(code);
		if (reactor.received - received >= MAX_DRIVE_BYTES ||
			milliseconds_since(reactor.attended) > MAX_DRIVE_MS)
			break;
	}
}

void
calls_http_drive(bool waited)
{
	if (reactor.multi == NULL)
		return;
	attend(waited);
	drive_transfers();
}

/* The wait event of a reason; its name is registered when it is first used. */
static uint32
wait_event(CallsHttpWait reason)
{
	static const char *const names[] = {
		[CALLS_WAIT_REPLY] = "CallsFdwReply",
		[CALLS_WAIT_RATE_LIMIT] = "CallsFdwRateLimit",
		[CALLS_WAIT_RETRY] = "CallsFdwRetry",
	};
	static uint32 events[lengthof(names)];

	if (events[reason] == 0)
		events[reason] = calls_new_wait_event(names[reason]);
	return events[reason];
}

void
calls_http_wait(CallsHttpWait reason)
{
	uint32		event = wait_event(reason);

	ensure_reactor();
	arm_timer();
	attend(false);
	if (WaitLatchOrSocket(MyLatch, WL_LATCH_SET | WL_SOCKET_READABLE | WL_EXIT_ON_PM_DEATH,
						  reactor.epoll, -1, event) & WL_LATCH_SET)
		ResetLatch(MyLatch);
	attend(true);
	CHECK_FOR_INTERRUPTS();
	drive_transfers();
}

int64
calls_http_events(void)
{
	return reactor.events;
}

void
calls_http_set_alarm(int64 milliseconds)
{
	int64		due = calls_http_clock() + Max(milliseconds, 0);

	ensure_reactor();
	/* the caller may go on to wait elsewhere, on a copy of the descriptor */
	arm_timer();
	calls_set_timer(&reactor.alarm, due);
}

int
calls_http_under_way(void)
{
	return reactor.attached;
}

int
calls_http_descriptor(void)
{
	ensure_reactor();
	return reactor.epoll;
}

int
calls_http_copy_descriptor(void)
{
	int			descriptor;

	ensure_reactor();
	if (reactor.copies >= MAX_COPIES || !calls_http_has_room() || !AcquireExternalFD())
		return -1;
	descriptor = fcntl(reactor.epoll, F_DUPFD_CLOEXEC, 0);
	if (descriptor < 0)
		ReleaseExternalFD();
	else
		reactor.copies++;
	return descriptor;
}

void
calls_http_return_descriptor(int descriptor)
{
	close(descriptor);
	ReleaseExternalFD();
	reactor.copies--;
}

void
calls_init_reactor(CallsHttpFinish finish)
{
	reactor.finish = finish;
}
