/*-------------------------------------------------------------------------
 *
 * functions.c
 *		SQL-callable functions: the check of a server, and statistics.
 *
 * The columns that a function returns are declared in the extension's script,
 * in the order of the enums here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "check.h"
#include "compat.h"
#include "execute.h"
#include "result_row.h"
#include "stats.h"

PG_FUNCTION_INFO_V1(calls_fdw_check);
PG_FUNCTION_INFO_V1(calls_fdw_stats);

/* ---- one server ---- */

enum CheckColumn
{
	CHECK_OK,
	CHECK_STATUS,
	CHECK_MESSAGE,
	CHECK_DETAIL,
	CHECK_HINT,
	CHECK_MILLISECONDS,
	CHECK_TOTAL,
	CHECK_NCOLUMNS
};

/* A server of ours that the user may use; raises 42704, 42809 or 42501. */
static Oid
find_server(const char *name, Oid user)
{
	ForeignServer *server = GetForeignServerByName(name, false);
	AclResult	allowed = calls_server_aclcheck(server->serverid, user);

	if (allowed != ACLCHECK_OK)
		aclcheck_error(allowed, OBJECT_FOREIGN_SERVER, name);
	if (!OidIsValid(GetForeignDataWrapper(server->fdwid)->fdwhandler) ||
		GetFdwRoutineByServerId(server->serverid)->BeginForeignScan != callsBeginForeignScan)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("server \"%s\" is not a server of calls_fdw", name)));
	return server->serverid;
}

/* Do the address and the key of a server work?  One row. */
Datum
calls_fdw_check(PG_FUNCTION_ARGS)
{
	Oid			user = GetUserId();
	Oid			server = find_server(NameStr(*PG_GETARG_NAME(0)), user);
	CallsCheck	check = calls_check_server(server, user);
	CallsResultRow row = calls_make_result_row(CHECK_NCOLUMNS);

	InitMaterializedSRF(fcinfo, 0);
	calls_set_datum(&row, CHECK_OK, BoolGetDatum(check.ok));
	if (check.status > 0)
		calls_set_datum(&row, CHECK_STATUS, Int32GetDatum(check.status));
	if (!check.ok)
	{
		calls_set_text(&row, CHECK_MESSAGE, check.failure.message);
		calls_set_text(&row, CHECK_DETAIL, check.failure.detail);
		calls_set_text(&row, CHECK_HINT, check.failure.hint);
	}
	if (check.milliseconds >= 0)
		calls_set_datum(&row, CHECK_MILLISECONDS, Float8GetDatum(check.milliseconds));
	if (check.ok && check.total >= 0)
		calls_set_datum(&row, CHECK_TOTAL, Int64GetDatum(check.total));
	calls_put_row(fcinfo, row);
	return (Datum) 0;
}

/* ---- statistics ---- */

enum StatsColumn
{
	STATS_SERVER,
	STATS_SCANS,
	STATS_REQUESTS,
	STATS_RETRIES,
	STATS_THROTTLED,
	STATS_PAGES,
	STATS_ROWS,
	STATS_RECHECKED_AWAY,
	STATS_UNVERIFIED,
	STATS_BYTES,
	STATS_WAIT_TIME,
	STATS_NCOLUMNS
};

static CallsResultRow
stats_row(const ForeignServer *server, const CallsCounters *counters)
{
	CallsResultRow row = calls_make_result_row(STATS_NCOLUMNS);
	NameData   *name = palloc0_object(NameData);
	Interval   *wait = palloc0_object(Interval);

	namestrcpy(name, server->servername);
	wait->time = counters->wait;
	calls_set_datum(&row, STATS_SERVER, NameGetDatum(name));
	calls_set_datum(&row, STATS_SCANS, Int64GetDatum(counters->scans));
	calls_set_datum(&row, STATS_REQUESTS, Int64GetDatum(counters->requests));
	calls_set_datum(&row, STATS_RETRIES, Int64GetDatum(counters->retries));
	calls_set_datum(&row, STATS_THROTTLED, Int64GetDatum(counters->throttled));
	calls_set_datum(&row, STATS_PAGES, Int64GetDatum(counters->pages));
	calls_set_datum(&row, STATS_ROWS, Int64GetDatum(counters->rows));
	calls_set_datum(&row, STATS_RECHECKED_AWAY, Int64GetDatum(counters->rechecked_away));
	calls_set_datum(&row, STATS_UNVERIFIED, Int64GetDatum(counters->unverified));
	calls_set_datum(&row, STATS_BYTES, Int64GetDatum(counters->bytes));
	calls_set_datum(&row, STATS_WAIT_TIME, IntervalPGetDatum(wait));
	return row;
}

/* One row per server that this session has read and the user may use. */
Datum
calls_fdw_stats(PG_FUNCTION_ARGS)
{
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	foreach(lc, calls_counted_servers())
	{
		Oid			serverid = lfirst_oid(lc);
		ForeignServer *server = GetForeignServerExtended(serverid, FSV_MISSING_OK);
		CallsCounters counters = calls_server_counters(serverid);

		if (server != NULL &&
			calls_server_aclcheck(serverid, GetUserId()) == ACLCHECK_OK)
			calls_put_row(fcinfo, stats_row(server, &counters));
	}
	return (Datum) 0;
}
