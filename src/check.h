/*-------------------------------------------------------------------------
 *
 * check.h
 *		Do the address and the key of a server work?
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_CHECK_H
#define CALLS_CHECK_H

#include "postgres.h"

#include "report.h"

typedef struct CallsCheck
{
	bool		ok;
	int			status;			/* HTTP status; 0: no whole reply came */
	CallsFailure failure;		/* unless ok */
	double		milliseconds;	/* from sending the request to its reply; -1:
								 * none was sent */
	int64		total;			/* calls that the provider has; -1: not told */
} CallsCheck;

/*
 * Sends one small request, once, with the user's mapping, or none where the
 * provider has asked for a longer wait than max_retry_wait.  What the provider
 * or the way to it does wrong is in the result; raised is only what option.h
 * and CHECK_FOR_INTERRUPTS raise.  The texts are in CurrentMemoryContext.
 */
extern CallsCheck calls_check_server(Oid serverid, Oid user);

#endif							/* CALLS_CHECK_H */
