/*-------------------------------------------------------------------------
 *
 * trust.c
 *		Filters that a provider was seen not to keep to.
 *
 * What a filter returns is always rechecked; but where filters count as exact,
 * a LIMIT becomes a page size and a total becomes a count.  A filter that let
 * a wrong call through once has lost that for the session.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "trust.h"

/* Filters are told apart by a hash of their name: another one that meets it
 * loses speed, nothing else. */
typedef struct FilterKey
{
	Oid			serverid;
	uint32		param;			/* hash */
} FilterKey;

/* The filters not trusted; NULL while there are none. */
static HTAB *distrusted = NULL;

static FilterKey
make_key(Oid serverid, const char *param)
{
	FilterKey	key = {
		.serverid = serverid,
		.param = hash_bytes((const unsigned char *) param, (int) strlen(param))
	};

	return key;
}

void
calls_distrust_filter(Oid serverid, const char *param)
{
	FilterKey	key = make_key(serverid, param);

	if (distrusted == NULL)
	{
		HASHCTL		control = {
			.keysize = sizeof(FilterKey),
			.entrysize = sizeof(FilterKey),
			.hcxt = TopMemoryContext
		};

		distrusted = hash_create("calls_fdw filters not trusted", 16, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	hash_search(distrusted, &key, HASH_ENTER, NULL);
}

bool
calls_filter_is_trusted(Oid serverid, const char *param)
{
	FilterKey	key = make_key(serverid, param);

	return distrusted == NULL ||
		hash_search(distrusted, &key, HASH_FIND, NULL) == NULL;
}
