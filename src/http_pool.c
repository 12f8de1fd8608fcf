/*-------------------------------------------------------------------------
 *
 * http_pool.c
 *		Kept connections, apart by whom they were made for.
 *
 * By itself a multi handle lets every transfer use every idle connection to
 * the same host, whoever it was made for.  An easy handle that has a share
 * handle with CURL_LOCK_DATA_CONNECT takes its connections from there and puts
 * them back there, and from nowhere else; so a pool is a share handle.  It
 * needs no locks, since a backend runs libcurl in one thread.
 *
 * Memory is malloc's, since pools outlive queries.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "http_pool.h"

/*
 * Beyond these, pools that nobody is in are closed.  fd.c grants a third of
 * the descriptors, some 300, to all that is not its own.
 */
#define MAX_POOLS 16
#define MAX_DESCRIPTORS 64

struct CallsHttpPool
{
	uint64		key;
	CURLSH	   *share;
	int			users;			/* transfers in it */
	int			most_users;		/* that it ever had */
	long		connected;		/* connections ever made for it */
	uint64		last_use;		/* clock when it was joined last */
	CallsHttpPool *next;
};

static CallsHttpPool *pools = NULL;
static int	npools = 0;
static uint64 uses = 0;			/* the clock of last_use */

/* Closes a pool and its connections. */
static void
close_pool(CallsHttpPool *pool)
{
	CallsHttpPool **link = &pools;

	Assert(pool->users == 0);
	while (*link != pool)
		link = &(*link)->next;
	*link = pool->next;
	npools--;
	curl_share_cleanup(pool->share);
	free(pool);
}

/* The pool that was unused for the longest time; NULL where all are in use. */
static CallsHttpPool *
oldest_pool(void)
{
	CallsHttpPool *oldest = NULL;

	for (CallsHttpPool *pool = pools; pool != NULL; pool = pool->next)
	{
		if (pool->users == 0 && (oldest == NULL || pool->last_use < oldest->last_use))
			oldest = pool;
	}
	return oldest;
}

/* Makes room for another pool. */
static void
close_old_pools(void)
{
	CallsHttpPool *oldest;

	while ((npools >= MAX_POOLS || calls_pool_descriptors() >= MAX_DESCRIPTORS) &&
		   (oldest = oldest_pool()) != NULL)
		close_pool(oldest);
}

static CallsHttpPool *
make_pool(uint64 key)
{
	CallsHttpPool *pool = calloc(1, sizeof(CallsHttpPool));

	if (pool == NULL)
		return NULL;
	pool->key = key;
	pool->share = curl_share_init();
	if (pool->share == NULL ||
		curl_share_setopt(pool->share, CURLSHOPT_SHARE,
						  CURL_LOCK_DATA_CONNECT) != CURLSHE_OK)
	{
		curl_share_cleanup(pool->share);
		free(pool);
		return NULL;
	}
	pool->next = pools;
	pools = pool;
	npools++;
	return pool;
}

CallsHttpPool *
calls_join_pool(uint64 key)
{
	CallsHttpPool *pool = pools;

	while (pool != NULL && pool->key != key)
		pool = pool->next;
	if (pool == NULL)
	{
		close_old_pools();
		pool = make_pool(key);
	}
	if (pool != NULL)
	{
		pool->users++;
		pool->most_users = Max(pool->most_users, pool->users);
		pool->last_use = ++uses;
	}
	return pool;
}

CURLSH *
calls_pool_share(const CallsHttpPool *pool)
{
	return pool->share;
}

void
calls_count_connections(CallsHttpPool *pool, long count)
{
	pool->connected += count;
}

void
calls_leave_pool(CallsHttpPool *pool)
{
	if (pool != NULL)
		pool->users--;
}

/*
 * A connection is made only where all that the pool has are in use, so it never
 * has more than it had transfers at a time.
 */
int
calls_pool_descriptors(void)
{
	int			count = 0;

	for (const CallsHttpPool *pool = pools; pool != NULL; pool = pool->next)
		count += (int) Min(pool->connected, Min(pool->most_users, CALLS_POOL_CONNECTIONS));
	return count;
}

void
calls_close_pools(void)
{
	CallsHttpPool *next;

	for (CallsHttpPool *pool = pools; pool != NULL; pool = next)
	{
		next = pool->next;
		if (pool->users == 0)
			close_pool(pool);
	}
}
