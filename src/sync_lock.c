/*-------------------------------------------------------------------------
 *
 * sync_lock.c
 *		The locks that calls_fdw_sync needs.
 *
 * One keeps two runs apart. A run commits after each batch, so that a lock of
 * the transaction would end too early, and a plain session lock would outlive
 * an error. This is a session lock that the next aborted transaction releases:
 * the run's own, since the procedure releases it when it succeeds.
 *
 * The others keep the tables of a batch what they are, by their oids, since a
 * name may be another table's by the next batch.
 *
 * Anyone may call these functions: they ask for the privileges that a run
 * needs, lest they block the runs of others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/objectaddress.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * Advisory locks of SQL functions have 1 or 2 in the tag's last field; with
 * another number ours never meet those of an application.
 */
#define SYNC_LOCK_CLASS		3

PG_FUNCTION_INFO_V1(calls_fdw_sync_lock);
PG_FUNCTION_INFO_V1(calls_fdw_sync_unlock);
PG_FUNCTION_INFO_V1(calls_fdw_sync_hold);

/* The lock of this session's run, which has one at a time. */
static LOCKTAG held_tag;
static bool held = false;

/* Releases what is held, if anything; raises nothing. */
static void
release_lock(void)
{
	if (held)
		LockRelease(&held_tag, ExclusiveLock, true);
	held = false;
}

/* The run failed: an error, a cancel, or a commit that was refused. */
static void
release_at_abort(XactEvent event, void *arg)
{
	(void) arg;
	if (event == XACT_EVENT_ABORT)
		release_lock();
}

/* False if there is no such table; raises 42501 without the privilege. */
static bool
check_privilege(Oid table, AclMode privilege)
{
	bool		missing = false;
	AclResult	result = pg_class_aclcheck_ext(table, GetUserId(), privilege, &missing);

	if (!missing && result != ACLCHECK_OK)
		aclcheck_error(result, get_relkind_objtype(get_rel_relkind(table)), get_rel_name(table));
	return !missing;
}

/* Are both tables there? Raises 42501 for a user who may not load them. */
static bool
check_tables(Oid source, Oid target)
{
	return check_privilege(source, ACL_SELECT) && check_privilege(target, ACL_INSERT);
}

/*
 * calls_fdw_sync_lock(source, target): locks the pair until it is unlocked or
 * a transaction aborts; false if another session has it.
 */
Datum
calls_fdw_sync_lock(PG_FUNCTION_ARGS)
{
	static bool registered = false;
	LOCKTAG		tag;
	bool		locked;

	check_tables(PG_GETARG_OID(0), PG_GETARG_OID(1));
	if (!registered)
		RegisterXactCallback(release_at_abort, NULL);
	registered = true;
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, PG_GETARG_OID(0), PG_GETARG_OID(1), SYNC_LOCK_CLASS);
	/* the old lock goes last, for it may be the same */
	locked = LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
	release_lock();
	held_tag = tag;
	held = locked;
	PG_RETURN_BOOL(locked);
}

/* calls_fdw_sync_unlock(): the run is over. */
Datum
calls_fdw_sync_unlock(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	release_lock();
	PG_RETURN_VOID();
}

/*
 * calls_fdw_sync_hold(source, target): until the transaction ends, neither
 * table is renamed, dropped or emptied by TRUNCATE; false if one is gone.
 */
Datum
calls_fdw_sync_hold(PG_FUNCTION_ARGS)
{
	Oid			source = PG_GETARG_OID(0);
	Oid			target = PG_GETARG_OID(1);

	if (!check_tables(source, target))
		PG_RETURN_BOOL(false);
	LockRelationOid(source, AccessShareLock);
	LockRelationOid(target, RowExclusiveLock);
	PG_RETURN_BOOL(SearchSysCacheExists1(RELOID, ObjectIdGetDatum(source)) &&
				   SearchSysCacheExists1(RELOID, ObjectIdGetDatum(target)));
}
