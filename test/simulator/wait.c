/*
 * wait.c
 *		Connections that wait for their answer's time, in a thread of their own.
 *
 * The server's thread suspends a connection and leaves it to this thread, which
 * resumes it when its time has come (STAGE_READY) or its client has gone
 * (STAGE_DEAD). While it is suspended nobody else touches it.
 */
#include "server.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Exchange **waiting;
static size_t nwaiting;
static size_t capacity;
static int	wakeup;

/* Suspend the exchange's connection until the deadline. Called by the server's thread. */
void
wait_until(Exchange *exchange, int64_t deadline)
{
	uint64_t	one = 1;

	exchange->deadline = deadline;
	exchange->stage = STAGE_WAITING;
	exchange->fd = MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	MHD_suspend_connection(exchange->connection);
	pthread_mutex_lock(&lock);
	if (nwaiting == capacity)
	{
		capacity = capacity ? 2 * capacity : 64;
		waiting = xrealloc(waiting, capacity * sizeof(Exchange *));
	}
	waiting[nwaiting++] = exchange;
	pthread_mutex_unlock(&lock);
	if (write(wakeup, &one, sizeof(one)) < 0)
		abort();
}

/* Resume all whose time has come or whose client has gone; fds[i + 1] belongs to waiting[i]. */
static void
resume_due(const struct pollfd *fds, size_t nfds)
{
	int64_t		now = now_usecs();
	size_t		kept = 0;

	for (size_t i = 0; i < nwaiting; i++)
	{
		Exchange   *exchange = waiting[i];
		bool		gone = i + 1 < nfds && fds[i + 1].revents != 0;

		if (!gone && exchange->deadline > now)
		{
			waiting[kept++] = exchange;
			continue;
		}
		exchange->stage = gone ? STAGE_DEAD : STAGE_READY;
		MHD_resume_connection(exchange->connection);
	}
	nwaiting = kept;
}

static void *
wait_loop(void *arg)
{
	struct pollfd *fds = NULL;

	(void) arg;
	for (;;)
	{
		int64_t		next = WAIT_FOREVER;
		int64_t		left;
		size_t		nfds;
		uint64_t	count;

		pthread_mutex_lock(&lock);
		nfds = nwaiting + 1;
		fds = xrealloc(fds, nfds * sizeof(struct pollfd));
		fds[0] = (struct pollfd) {.fd = wakeup, .events = POLLIN};
		for (size_t i = 0; i < nwaiting; i++)
		{
			fds[i + 1] = (struct pollfd) {.fd = waiting[i]->fd, .events = POLLRDHUP};
			if (waiting[i]->deadline < next)
				next = waiting[i]->deadline;
		}
		pthread_mutex_unlock(&lock);
		left = next == WAIT_FOREVER ? 0 : next - now_usecs();
		if (left < 0)
			left = 0;
		ppoll(fds, nfds, next == WAIT_FOREVER ? NULL :
			  &(struct timespec) {.tv_sec = left / USECS_PER_SEC, .tv_nsec = left % USECS_PER_SEC * 1000}, NULL);
		if (fds[0].revents && read(wakeup, &count, sizeof(count)) < 0)
			abort();
		pthread_mutex_lock(&lock);
		resume_due(fds, nfds);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

void
wait_start(void)
{
	pthread_t	thread;

	wakeup = eventfd(0, EFD_CLOEXEC);
	if (wakeup < 0 || pthread_create(&thread, NULL, wait_loop, NULL) != 0)
		abort();
	pthread_detach(thread);
}
