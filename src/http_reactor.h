/*-------------------------------------------------------------------------
 *
 * http_reactor.h
 *		What drives the transfers of a backend; for http*.c.
 *
 * What of it the rest of the extension waits with is in http.h.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_HTTP_REACTOR_H
#define CALLS_HTTP_REACTOR_H

#include "postgres.h"

#include <curl/curl.h>
#include <signal.h>

#include "http_transfer.h"

/*
 * Takes a transfer that libcurl is done with, with signals blocked; false if it
 * was started anew.  Neither raises nor allocates from a memory context.
 */
typedef bool (*CallsHttpFinish) (CallsHttpTransfer *transfer, CURLcode code);

/* Once, before anything else. */
extern void calls_init_reactor(CallsHttpFinish finish);

/*
 * Every call of libcurl that may start a thread stands between these two,
 * which block signals and let them through again.  They raise nothing, and may
 * be nested.
 */
extern void calls_enter_libcurl(sigset_t *saved);
extern void calls_leave_libcurl(const sigset_t *saved);

/* Makes sure that one more transfer can be driven; raises HV00N otherwise. */
extern void calls_reactor_prepare(void);

/* Begins to drive a transfer.  Raises HV00N where no transfer can go on. */
extern void calls_reactor_start(CallsHttpTransfer *transfer);

/*
 * Starts a transfer anew, with signals blocked; false where memory is short.
 * Raises nothing.
 */
extern bool calls_reactor_restart(CallsHttpTransfer *transfer);

/*
 * Drives a transfer no longer, which ends it if it is under way.  To be called
 * with signals blocked; raises nothing.
 */
extern void calls_reactor_remove(CallsHttpTransfer *transfer);

/* Counts what libcurl delivered of a body.  Raises nothing. */
extern void calls_reactor_count(size_t bytes);

/* For how many ms since it was started nobody drove it or waited. */
extern double calls_reactor_neglect(const CallsHttpTransfer *transfer);

#endif							/* CALLS_HTTP_REACTOR_H */
