/*-------------------------------------------------------------------------
 *
 * http_guard.h
 *		Which hosts and addresses a request may go to; for http*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_HTTP_GUARD_H
#define CALLS_HTTP_GUARD_H

#include "postgres.h"

#include <sys/socket.h>

typedef enum CallsVerdict
{
	CALLS_VERDICT_FINE = 0,
	CALLS_VERDICT_UNLISTED,		/* calls_fdw.allowed_hosts does not name it */
	CALLS_VERDICT_PRIVATE		/* not a public address */
} CallsVerdict;

/*
 * May there be a connection to this address of this host?  "trusted" is for
 * hosts that a superuser chose.  Neither raises nor allocates.
 */
extern CallsVerdict calls_judge_address(const char *host, bool trusted,
										const struct sockaddr *address);

/*
 * The same for a host whose address somebody else looks up: judges a literal
 * address as such, and anything else by its name alone.
 */
extern CallsVerdict calls_judge_host(const char *host, bool trusted);

/* The same for an address in text form. */
extern CallsVerdict calls_judge_text(const char *host, bool trusted,
									 const char *address);

/* An address as text, for the log; "?" where there is none. */
extern void calls_show_address(const struct sockaddr *address, char *text,
							   size_t size);

/* A verdict as a phrase without a full stop. */
extern const char *calls_verdict_text(CallsVerdict verdict);

/* Defines the setting; once, from _PG_init. */
extern void calls_init_guard(void);

#endif							/* CALLS_HTTP_GUARD_H */
