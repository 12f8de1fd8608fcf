/*-------------------------------------------------------------------------
 *
 * http_room.c
 *		Are there descriptors for another transfer?
 *
 * The server counts what it may open, in fd.c, and what others have as far as
 * it is told.  The kernel's limit may be lower.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "compat.h"
#include "http.h"
#include "http_room.h"
#include "storage/fd.h"

/* Descriptors a new transfer leaves free: a wait on the latch takes one. */
#define SPARE_DESCRIPTORS 8

/* What one transfer and a wait may open: a socket or two, a name's lookup. */
#define KERNEL_DESCRIPTORS 6

/* For so many ms, what the kernel said about descriptors is believed. */
#define ROOM_IS_KNOWN_MS 20

/* What is known of descriptors. */
static struct
{
	int64		seen;			/* when the kernel had room; 0: it had none */
	rlim_t		limit;			/* how many it allowed then */
	int			reserved;		/* those that fd.c knows of */
}			room;

/*
 * Has the kernel more descriptors?  fd.c learns only when it opens a file that
 * there are fewer than it may open; a wait on the latch would fail then, with
 * an internal error.
 */
static bool
kernel_has_room(int sample)
{
	int			spare[KERNEL_DESCRIPTORS];
	int			count = 0;
	int64		now = calls_http_clock();
	struct rlimit limit = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	if (room.seen != 0 && now - room.seen < ROOM_IS_KNOWN_MS && room.limit == limit.rlim_cur)
		return true;
	while (count < KERNEL_DESCRIPTORS &&
		   (spare[count] = fcntl(sample, F_DUPFD_CLOEXEC, 0)) >= 0)
		count++;
	for (int i = 0; i < count; i++)
		close(spare[i]);
	room.seen = count == KERNEL_DESCRIPTORS ? now : 0;
	room.limit = limit.rlim_cur;
	return count == KERNEL_DESCRIPTORS;
}

bool
calls_has_descriptors(int sample)
{
	int			spare = 0;

	while (spare < SPARE_DESCRIPTORS && AcquireExternalFD())
		spare++;
	for (int i = 0; i < spare; i++)
		ReleaseExternalFD();
	return spare == SPARE_DESCRIPTORS && (sample < 0 || kernel_has_room(sample));
}

void
calls_reserve_descriptors(int needed)
{
	for (; room.reserved < needed; room.reserved++)
		ReserveExternalFD();
	for (; room.reserved > needed; room.reserved--)
		ReleaseExternalFD();
}
