/*-------------------------------------------------------------------------
 *
 * http.c
 *		HTTP for a backend: one curl multi handle, one epoll descriptor, the
 *		latch.
 *
 * libcurl tells the reactor below which
 * sockets and which timer it waits for; both hang on one epoll descriptor,
 * which is itself pollable, so a backend waits for its latch and for all its
 * transfers at once.  Nothing here blocks inside libcurl, therefore a cancel
 * is seen as soon as the latch is set.  That relies on
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
 * What a status or a body means, and whether to try again, is left to the
 * callers.  Options and buffers of a transfer are in http_transfer.c, kept
 * connections in http_pool.c, URLs and dates in http_url.c; these four are all
 * that calls libcurl.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "compat.h"
#include "http_transfer.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/fd.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "calls_fdw needs libcurl 7.87 or later, for CURLOPT_QUICK_EXIT"
#endif

/*
 * After so long, a look at the latch.  What libcurl does for one event comes
 * on top: it takes up to 100 reads, about 50 ms where they are decompressed.
 */
#define MAX_DRIVE_MS 10

/* Descriptors a new transfer leaves free: a wait on the latch takes one. */
#define SPARE_DESCRIPTORS 8

/* What one transfer and a wait may open: a socket or two, a name's lookup. */
#define KERNEL_DESCRIPTORS 6

/* One per backend; made for the first transfer and kept. */
static struct
{
	CURLM	   *multi;			/* NULL: not made yet */
	int			epoll;			/* readable when there is something to do */
	int			timer;			/* timerfd in epoll for libcurl's deadline */
	int64		timer_due;		/* libcurl's next deadline; 0: none */
	int64		timer_armed;	/* when timer goes off; 0: not set */
	int			alarm;			/* timerfd in epoll: the callers' next one */
	int64		alarm_due;		/* when it goes off; 0: not set */
	int			attached;		/* transfers in multi */
	int64		events;			/* transfers that ended, alarms that went off */
	const char *failure;		/* multi is unusable: why; else NULL */

	/* descriptors, so that fd.c leaves room for them */
	int64		room_seen;		/* when the kernel had room; 0: it had none */
	rlim_t		room_limit;		/* how many it allowed then */
	int			reserved;		/* descriptors that fd.c knows of */

	/* time during which nobody waited for or drove the transfers */
	instr_time	attended;		/* last time somebody did */
	double		neglected;		/* total, in ms */
}			reactor = {.epoll = -1,.timer = -1,.alarm = -1};

/*
 * Every call of libcurl that may start a thread stands between these two.
 */
static void
enter_libcurl(sigset_t *saved)
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
static void
leave_libcurl(const sigset_t *saved)
{
	int			needed = 0;

	pthread_sigmask(SIG_SETMASK, saved, NULL);

	if (reactor.multi != NULL)
		needed = 3 + reactor.attached + calls_pool_descriptors();
	for (; reactor.reserved < needed; reactor.reserved++)
		ReserveExternalFD();
	for (; reactor.reserved > needed; reactor.reserved--)
		ReleaseExternalFD();
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

/* Makes a timerfd go off after so many ms; -1 for never. */
static int
set_timer(int timer, int64 timeout)
{
	struct itimerspec spec = {0};

	if (timeout > 0)
	{
		spec.it_value.tv_sec = timeout / 1000;
		spec.it_value.tv_nsec = (timeout % 1000) * 1000000;
	}
	else if (timeout == 0)
		spec.it_value.tv_nsec = 1;	/* zero would disarm */

	return timerfd_settime(timer, 0, &spec, NULL);
}

/*
 * Called by libcurl: its next deadline in ms, -1 for none.  libcurl changes its
 * mind several times per transfer, so the timerfd is only set before a wait,
 * and left alone where it goes off early enough.
 */
static int
register_timer(CURLM *multi, long timeout, void *data)
{
	(void) multi;
	(void) data;

	/* the clock has whole milliseconds: never early, or the deadline is lost */
	reactor.timer_due = timeout < 0 ? 0 : calls_http_clock() + timeout + (timeout > 0);
	return 0;
}

/* Makes sure that a wait ends in time for libcurl's deadline. */
static void
arm_timer(void)
{
	if (reactor.timer_due == 0 ||
		(reactor.timer_armed != 0 && reactor.timer_armed <= reactor.timer_due))
		return;
	if (set_timer(reactor.timer, Max(reactor.timer_due - calls_http_clock(), 0)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				 errmsg("could not set a timer: %m")));
	reactor.timer_armed = reactor.timer_due;
}

/* Takes a transfer out of the multi handle, which ends it if it is under way. */
static void
remove_transfer(CallsHttpTransfer *transfer)
{
	long		connected = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connected);
	calls_count_connections(transfer->pool, connected);
	curl_multi_remove_handle(reactor.multi, transfer->easy);
	transfer->attached = false;
	reactor.attached--;
}

/* Starts a transfer anew, after a redirect. */
static CURLMcode
restart_transfer(CallsHttpTransfer *transfer)
{
	CURLMcode	code;

	remove_transfer(transfer);
	transfer->neglected = reactor.neglected;
	code = curl_multi_add_handle(reactor.multi, transfer->easy);
	if (code == CURLM_OK)
	{
		transfer->attached = true;
		reactor.attached++;
	}
	else
		transfer->out_of_memory = true;
	return code;
}

/* Removes a transfer and frees what only libcurl needed.  Raises nothing. */
static void
detach_transfer(CallsHttpTransfer *transfer)
{
	sigset_t	saved;

	enter_libcurl(&saved);
	if (transfer->attached)
		remove_transfer(transfer);
	curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
	calls_leave_pool(transfer->pool);
	transfer->pool = NULL;
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	leave_libcurl(&saved);
}

/* Reset callback of a transfer's memory context. */
static void
release_transfer(void *arg)
{
	CallsHttpTransfer *transfer = arg;

	detach_transfer(transfer);
	free(transfer->body);
	transfer->body = NULL;
	free(transfer->proxy);
	transfer->proxy = NULL;
}

/* Closes everything; also half a reactor.  No transfer may be attached. */
static void
destroy_reactor(void)
{
	sigset_t	saved;

	Assert(reactor.attached == 0);

	enter_libcurl(&saved);
	if (reactor.multi != NULL)
		curl_multi_cleanup(reactor.multi);
	reactor.multi = NULL;
	calls_close_pools();
	if (reactor.timer >= 0)
		close(reactor.timer);
	reactor.timer = -1;
	if (reactor.alarm >= 0)
		close(reactor.alarm);
	reactor.alarm = -1;
	reactor.alarm_due = 0;
	reactor.timer_due = reactor.timer_armed = 0;
	if (reactor.epoll >= 0)
		close(reactor.epoll);
	reactor.epoll = -1;
	reactor.failure = NULL;
	leave_libcurl(&saved);
}

/* Adds a timerfd to the epoll descriptor; false with errno set. */
static bool
make_timer(int *timer)
{
	struct epoll_event event = {.events = EPOLLIN};

	*timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (*timer < 0)
		return false;
	event.data.fd = *timer;
	return epoll_ctl(reactor.epoll, EPOLL_CTL_ADD, *timer, &event) == 0;
}

/* Makes the reactor; false, with errno set, where it cannot be made whole. */
static bool
make_reactor(void)
{
	reactor.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (reactor.epoll < 0)
		return false;
	if (!make_timer(&reactor.timer) || !make_timer(&reactor.alarm))
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

/* For so many ms, what the kernel said about descriptors is believed. */
#define ROOM_IS_KNOWN_MS 20

/*
 * Has the kernel more descriptors?  fd.c counts what it may open, and learns
 * only when it opens a file that there are fewer; a wait on the latch would
 * fail then, with an internal error.
 */
static bool
kernel_has_room(void)
{
	int			spare[KERNEL_DESCRIPTORS];
	int			count = 0;
	int64		now = calls_http_clock();
	struct rlimit limit = {0};

	if (reactor.epoll < 0)
		return true;			/* making it will tell */
	getrlimit(RLIMIT_NOFILE, &limit);
	if (reactor.room_seen != 0 && now - reactor.room_seen < ROOM_IS_KNOWN_MS &&
		reactor.room_limit == limit.rlim_cur)
		return true;
	while (count < KERNEL_DESCRIPTORS &&
		   (spare[count] = fcntl(reactor.epoll, F_DUPFD_CLOEXEC, 0)) >= 0)
		count++;
	for (int i = 0; i < count; i++)
		close(spare[i]);
	reactor.room_seen = count == KERNEL_DESCRIPTORS ? now : 0;
	reactor.room_limit = limit.rlim_cur;
	return count == KERNEL_DESCRIPTORS;
}

bool
calls_http_has_room(void)
{
	int			spare = 0;

	while (spare < SPARE_DESCRIPTORS && AcquireExternalFD())
		spare++;
	for (int i = 0; i < spare; i++)
		ReleaseExternalFD();
	return spare == SPARE_DESCRIPTORS && kernel_has_room();
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

/* What an error of libcurl means to a caller. */
static CallsHttpOutcome
outcome_of(const CallsHttpTransfer *transfer, CURLcode code)
{
	if (transfer->too_large)
		return CALLS_HTTP_TOO_LARGE;
	if (code != CURLE_OK && transfer->refused != CALLS_VERDICT_FINE &&
		!transfer->permitted)
		return CALLS_HTTP_FORBIDDEN;

	switch (code)
	{
		case CURLE_OK:
			return CALLS_HTTP_REPLY;
		case CURLE_COULDNT_RESOLVE_PROXY:
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_CONNECT:
		case CURLE_PROXY:
		case CURLE_SSL_CONNECT_ERROR:	/* certificates have other codes */
			return CALLS_HTTP_UNREACHABLE;
		case CURLE_OPERATION_TIMEDOUT:
			return CALLS_HTTP_TIMEOUT;
		case CURLE_WEIRD_SERVER_REPLY:
		case CURLE_PARTIAL_FILE:
		case CURLE_GOT_NOTHING:
		case CURLE_SEND_ERROR:
		case CURLE_RECV_ERROR:
		case CURLE_HTTP2:
		case CURLE_HTTP2_STREAM:
		case CURLE_ABORTED_BY_CALLBACK: /* register_socket or _timer failed */
			return CALLS_HTTP_BROKEN;
		default:
			return CALLS_HTTP_REFUSED;
	}
}

/*
 * A timeout that struck while nobody looked, say because the client let a
 * cursor rest, is not the provider's.
 */
static bool
was_neglected(const CallsHttpTransfer *transfer)
{
	double		neglected = reactor.neglected - transfer->neglected;
	curl_off_t	total = 0;		/* in microseconds */

	curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &total);
	return neglected * 1000 > (double) total / 2;
}

/* Leaves in "message" one line about a failed transfer. */
static void
describe_failure(CallsHttpTransfer *transfer, CURLcode code)
{
	char	   *message = transfer->message;
	size_t		size = sizeof(transfer->message);
	char	   *c;

	if (transfer->reply.outcome == CALLS_HTTP_TOO_LARGE)
		snprintf(message, size, "The body is larger than %zu bytes",
				 transfer->max_size);
	else if (transfer->reply.outcome == CALLS_HTTP_FORBIDDEN)
		strlcpy(message, calls_verdict_text(transfer->refused), size);
	else if (code == CURLE_OPERATION_TIMEDOUT &&
			 transfer->reply.outcome == CALLS_HTTP_BROKEN)
		strlcpy(message, "The timeout struck while the session was idle",
				size);
	else if (message[0] == '\0' ||
			 (transfer->proxy != NULL && transfer->proxy[0] != '\0' &&
			  strstr(message, transfer->proxy) != NULL))
		strlcpy(message, curl_easy_strerror(code), size);

	for (c = message; *c != '\0'; c++)
	{
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

/* Fills in the reply of a transfer that libcurl is done with. */
static void
finish_transfer(CallsHttpTransfer *transfer, CURLcode code)
{
	CallsHttpReply *reply = &transfer->reply;
	const ReplyHeaders *received = &transfer->received;
	long		status = 0;
	curl_off_t	bytes = 0;

	if (code == CURLE_OUT_OF_MEMORY)
		transfer->out_of_memory = true;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
	reply->status = (int) status;
	reply->bytes = transfer->earlier_bytes + (uint64) bytes;
	reply->redirects = transfer->redirects;
	reply->address = transfer->address;
	if (transfer->body != NULL)
		reply->body = transfer->body;
	reply->length = transfer->length;
	reply->content_type = received->content_type;
	if (received->date[0] != '\0')
		reply->date = Max(calls_http_parse_date(received->date), 0);
	if (received->retry_after[0] != '\0')
		reply->retry_after = received->retry_after;
	if (received->rate_reset[0] != '\0')
		reply->rate_reset = received->rate_reset;
	if (received->rate_limit[0] != '\0')
		reply->rate_limit = received->rate_limit;
	if (received->rate_remaining[0] != '\0')
		reply->rate_remaining = received->rate_remaining;

	reply->outcome = outcome_of(transfer, code);
	if (reply->outcome == CALLS_HTTP_TIMEOUT && was_neglected(transfer))
		reply->outcome = CALLS_HTTP_BROKEN;
	if (reply->outcome != CALLS_HTTP_REPLY)
	{
		describe_failure(transfer, code);
		reply->message = transfer->message;
	}
	else if (transfer->stop != NULL)
		reply->message = transfer->stop;
	detach_transfer(transfer);
	reactor.events++;
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
	return reactor.timer_due != 0 && reactor.timer_due <= calls_http_clock();
}

/* Tells libcurl that its deadline has come. */
static CURLMcode
run_timer(void)
{
	int			running;

	reactor.timer_due = 0;
	return curl_multi_socket_action(reactor.multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* Hands one event to libcurl. */
static CURLMcode
handle_event(const struct epoll_event *event)
{
	int			running;
	int			what = 0;

	if (event->data.fd == reactor.timer || event->data.fd == reactor.alarm)
	{
		uint64		expirations;

		/* Unread, it would keep the epoll descriptor readable. */
		if (read(event->data.fd, &expirations, sizeof(expirations)) < 0 &&
			errno != EAGAIN)
			return CURLM_INTERNAL_ERROR;
		if (event->data.fd == reactor.alarm)
		{
			reactor.alarm_due = 0;
			reactor.events++;
			return CURLM_OK;
		}
		reactor.timer_armed = 0;
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

/* Finishes the transfers that libcurl is done with. */
static void
collect_finished(void)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(reactor.multi, &left)) != NULL)
	{
		CURLcode	code = message->data.result;
		char	   *private = NULL;
		CallsHttpTransfer *transfer;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		transfer = (CallsHttpTransfer *) private;
		if (code == CURLE_OK && calls_http_redirect(transfer) &&
			restart_transfer(transfer) == CURLM_OK)
			continue;
		finish_transfer(transfer, code);
	}
}

/*
 * Does what can be done without waiting, for all transfers.  To be called
 * after attend.  Raises HV00N where the multi handle breaks down.
 */
static void
drive_transfers(void)
{
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
		enter_libcurl(&saved);
		code = count > 0 ? handle_event(&event) : run_timer();
		collect_finished();
		leave_libcurl(&saved);

		check_multi_code(code);
		if (milliseconds_since(reactor.attended) > MAX_DRIVE_MS)
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

int64
calls_http_clock(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

void
calls_http_set_alarm(int64 milliseconds)
{
	int64		due = calls_http_clock() + Max(milliseconds, 0);

	ensure_reactor();
	/* the caller may go on to wait elsewhere, on a copy of the descriptor */
	arm_timer();
	if (reactor.alarm_due != 0 && reactor.alarm_due <= due)
		return;
	if (set_timer(reactor.alarm, Max(milliseconds, 0)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				 errmsg("could not set a timer: %m")));
	reactor.alarm_due = due;
}

int
calls_http_under_way(void)
{
	return reactor.attached;
}

int
calls_http_descriptor(void)
{
	int			descriptor;

	ensure_reactor();
	descriptor = fcntl(reactor.epoll, F_DUPFD_CLOEXEC, 0);
	if (descriptor < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				 errmsg("could not wait for HTTP replies: %m")));
	return descriptor;
}

CallsHttpTransfer *
calls_http_start(const CallsHttpRequest *request)
{
	MemoryContext context;
	CallsHttpTransfer *transfer;
	CURLMcode	code;
	sigset_t	saved;

	ensure_reactor();
	check_descriptors();

	context = AllocSetContextCreate(CurrentMemoryContext, "calls_fdw transfer",
									ALLOCSET_SMALL_SIZES);
	transfer = MemoryContextAllocZero(context, sizeof(CallsHttpTransfer));
	transfer->context = context;
	transfer->max_size = request->max_size;
	transfer->reply.body = "";
	transfer->reply.message = "";
	transfer->reply.content_type = "";
	transfer->reply.address = "";
	transfer->release.func = release_transfer;
	transfer->release.arg = transfer;
	MemoryContextRegisterResetCallback(context, &transfer->release);

	enter_libcurl(&saved);
	transfer->easy = curl_easy_init();
	transfer->pool = calls_join_pool(request->pool);
	leave_libcurl(&saved);
	if (transfer->easy == NULL || transfer->pool == NULL)
		calls_http_check_code(CURLE_OUT_OF_MEMORY);
	calls_http_prepare(transfer, request);

	attend(false);
	transfer->neglected = reactor.neglected;

	enter_libcurl(&saved);
	code = curl_multi_add_handle(reactor.multi, transfer->easy);
	if (code == CURLM_OK)
	{
		transfer->attached = true;
		reactor.attached++;

		/* Connects now, so that this goes on while the caller works. */
		code = run_timer();
		collect_finished();
	}
	leave_libcurl(&saved);
	check_multi_code(code);
	return transfer;
}

const CallsHttpReply *
calls_http_reply(const CallsHttpTransfer *transfer)
{
	if (transfer->out_of_memory)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("Failed while receiving an HTTP reply.")));
	return &transfer->reply;
}

bool
calls_http_is_done(const CallsHttpTransfer *transfer)
{
	return transfer->reply.outcome != CALLS_HTTP_PENDING;
}

void
calls_http_free(CallsHttpTransfer *transfer)
{
	MemoryContextDelete(transfer->context);
}

void
calls_http_init(void)
{
	CURLcode	code;
	sigset_t	saved;

	calls_init_guard();

	/* libcurl would write the keys of all TLS connections to that file. */
	unsetenv("SSLKEYLOGFILE");

	enter_libcurl(&saved);
	code = curl_global_init(CURL_GLOBAL_DEFAULT);
	leave_libcurl(&saved);
	if (code != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION),
				 errmsg("could not initialize libcurl: %s",
						curl_easy_strerror(code))));
}
