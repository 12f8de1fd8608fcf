/*-------------------------------------------------------------------------
 *
 * trust.h
 *		Filters that a provider was seen not to keep to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_TRUST_H
#define CALLS_TRUST_H

#include "postgres.h"

/*
 * A reply had a call that this parameter should have kept out: for the rest of
 * the session, the filter is no longer taken for exact.  Raises 53200 where
 * memory is short.
 */
extern void calls_distrust_filter(Oid serverid, const char *param);

/* Has nothing been seen against it? */
extern bool calls_filter_is_trusted(Oid serverid, const char *param);

#endif							/* CALLS_TRUST_H */
