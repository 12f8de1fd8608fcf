/*-------------------------------------------------------------------------
 *
 * http_pool.h
 *		Kept connections, apart by whom they were made for; for http*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_HTTP_POOL_H
#define CALLS_HTTP_POOL_H

#include "postgres.h"

#include <curl/curl.h>

/* Connections that one pool keeps for later requests. */
#define CALLS_POOL_CONNECTIONS 32

typedef struct CallsHttpPool CallsHttpPool;

/*
 * The pool of this key, made if there is none; NULL where memory is short.
 * May close another pool's connections.  None of these raises; all that call
 * libcurl are to be called as libcurl is, with signals blocked.
 */
extern CallsHttpPool *calls_join_pool(uint64 key);

/* What to hand to CURLOPT_SHARE. */
extern CURLSH *calls_pool_share(const CallsHttpPool *pool);

/* A transfer made so many connections for its pool. */
extern void calls_count_connections(CallsHttpPool *pool, long count);

/*
 * Undoes calls_join_pool, after the transfer's easy handle was freed.  NULL is
 * fine.
 */
extern void calls_leave_pool(CallsHttpPool *pool);

/* The most descriptors that kept connections can have. */
extern int	calls_pool_descriptors(void);

/* Closes all pools that nobody is in. */
extern void calls_close_pools(void);

#endif							/* CALLS_HTTP_POOL_H */
