/*-------------------------------------------------------------------------
 *
 * compat.h
 *		What differs between PostgreSQL 15, 16, 17 and 18.
 *
 * The only file that mentions PG_VERSION_NUM.  Everything here is a macro or
 * a static inline function with the newest version's name or a CALLS_ prefix.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_COMPAT_H
#define CALLS_COMPAT_H

#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_foreign_server.h"
#include "common/jsonapi.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"
#include "optimizer/pathnode.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 150000
#error "calls_fdw needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"
#include "varatt.h"
#endif

#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#else
#include "commands/explain.h"
#endif

#ifndef palloc_array
#define palloc_array(type, count) ((type *) palloc(sizeof(type) * (count)))
#define palloc0_array(type, count) ((type *) palloc0(sizeof(type) * (count)))
#define palloc_object(type) ((type *) palloc(sizeof(type)))
#define palloc0_object(type) ((type *) palloc0(sizeof(type)))
#endif

/*
 * The callbacks of a JsonSemAction return void up to 15 and JsonParseErrorType
 * from 16 on.
 */
#if PG_VERSION_NUM >= 160000
#define CALLS_JSON_ACTION	JsonParseErrorType
#define CALLS_JSON_DONE		return JSON_SUCCESS
#else
#define CALLS_JSON_ACTION	void
#define CALLS_JSON_DONE		return
#endif

/* What a GUC's check_hook hands to its assign_hook came from malloc up to 15. */
#if PG_VERSION_NUM < 160000
#define guc_malloc(elevel, size)	((void) (elevel), malloc(size))
#define guc_free(pointer)			free(pointer)
#endif

/* A wait event of this name; up to 16 all extensions share one without. */
static inline uint32
calls_new_wait_event(const char *name)
{
#if PG_VERSION_NUM >= 170000
	return WaitEventExtensionNew(name);
#else
	(void) name;
	return PG_WAIT_EXTENSION;
#endif
}

/* A lexer over UTF-8 text that leaves escapes in strings alone. */
static inline JsonLexContext *
calls_make_json_lexer(const char *json, size_t length)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, length, PG_UTF8, false);
#else
	return makeJsonLexContextCstringLen(unconstify(char *, json),
										(int) length, PG_UTF8, false);
#endif
}

/* The same with escapes resolved: object keys reach the callbacks. */
static inline JsonLexContext *
calls_make_unescaping_json_lexer(const char *json, size_t length)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, length, PG_UTF8, true);
#else
	return makeJsonLexContextCstringLen(unconstify(char *, json),
										(int) length, PG_UTF8, true);
#endif
}

/* May the user use the server? */
static inline AclResult
calls_server_aclcheck(Oid serverid, Oid user)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ForeignServerRelationId, serverid, user, ACL_USAGE);
#else
	return pg_foreign_server_aclcheck(serverid, user, ACL_USAGE);
#endif
}

/* The user whose rights and user mapping a scan uses. */
static inline Oid
calls_scan_user(ForeignScanState *node)
{
	Oid			user;

#if PG_VERSION_NUM >= 160000
	user = ((ForeignScan *) node->ss.ps.plan)->checkAsUser;
#else
	user = exec_rt_fetch(((Scan *) node->ss.ps.plan)->scanrelid,
						 node->ss.ps.state)->checkAsUser;
#endif
	return OidIsValid(user) ? user : GetUserId();
}

/* The same while planning. */
static inline Oid
calls_planner_user(PlannerInfo *root, RelOptInfo *baserel)
{
	Oid			user;

#if PG_VERSION_NUM >= 160000
	(void) root;
	user = baserel->userid;
#else
	user = planner_rt_fetch(baserel->relid, root)->checkAsUser;
#endif
	return OidIsValid(user) ? user : GetUserId();
}

static inline bool
calls_pathkey_is_ascending(const PathKey *pathkey)
{
#if PG_VERSION_NUM >= 180000
	return pathkey->pk_cmptype == COMPARE_LT;
#else
	return pathkey->pk_strategy == BTLessStrategyNumber;
#endif
}

/* Marks a path as one that every other should be preferred to. */
static inline void
calls_disable_path(Path *path pg_attribute_unused())
{
#if PG_VERSION_NUM >= 180000
	path->disabled_nodes++;
#endif
}

static inline ForeignPath *
calls_create_foreignscan_path(PlannerInfo *root, RelOptInfo *rel,
							  double rows, Cost startup_cost, Cost total_cost,
							  List *pathkeys, Relids required_outer,
							  List *fdw_private)
{
	return create_foreignscan_path(root, rel, NULL, rows,
#if PG_VERSION_NUM >= 180000
								   0,	/* disabled_nodes */
#endif
								   startup_cost, total_cost,
								   pathkeys, required_outer,
								   NULL,	/* fdw_outerpath */
#if PG_VERSION_NUM >= 170000
								   NIL, /* fdw_restrictinfo */
#endif
								   fdw_private);
}

static inline ForeignPath *
calls_create_foreign_upper_path(PlannerInfo *root, RelOptInfo *rel,
								double rows, Cost cost, Path *outerpath,
								List *fdw_private)
{
	return create_foreign_upper_path(root, rel, rel->reltarget, rows,
#if PG_VERSION_NUM >= 180000
									 0, /* disabled_nodes */
#endif
									 cost, cost,
									 NIL,	/* pathkeys */
									 outerpath,
#if PG_VERSION_NUM >= 170000
									 NIL,	/* fdw_restrictinfo */
#endif
									 fdw_private);
}

#endif							/* CALLS_COMPAT_H */
