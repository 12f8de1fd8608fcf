/*-------------------------------------------------------------------------
 *
 * http_room.h
 *		Are there descriptors for another transfer?  For http*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_HTTP_ROOM_H
#define CALLS_HTTP_ROOM_H

#include "postgres.h"

/*
 * Are there as many as a transfer and a wait on the latch may open?  "sample"
 * is any open descriptor, to try with; without one (-1) only the server's own
 * count is looked at.
 */
extern bool calls_has_descriptors(int sample);

/* Tells fd.c how many libcurl and the reactor have.  Raises nothing. */
extern void calls_reserve_descriptors(int needed);

#endif							/* CALLS_HTTP_ROOM_H */
