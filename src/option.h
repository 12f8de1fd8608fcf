/*-------------------------------------------------------------------------
 *
 * option.h
 *		Options of servers, user mappings, foreign tables and columns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_OPTION_H
#define CALLS_OPTION_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/relcache.h"

#include "definition.h"

typedef enum CallsOnIncomplete
{
	CALLS_INCOMPLETE_ERROR = 0,
	CALLS_INCOMPLETE_WARN,
	CALLS_INCOMPLETE_IGNORE
} CallsOnIncomplete;

typedef enum CallsOnError
{
	CALLS_ON_ERROR_STOP = 0,
	CALLS_ON_ERROR_SET_NULL
} CallsOnError;

/* The tables that IMPORT FOREIGN SCHEMA makes. */
typedef enum CallsTableKind
{
	CALLS_TABLE_CALLS = 0,
	CALLS_TABLE_DETAILS		/* details of single calls */
} CallsTableKind;

/* One extra request header of a user mapping. */
typedef struct CallsHeader
{
	const char *name;
	const char *value;			/* secret */
} CallsHeader;

/*
 * Every option of one foreign table, resolved: the table's value beats the
 * server's, which beats the default; a mapping's account_id beats the
 * server's.
 */
typedef struct CallsSettings
{
	Oid			server;
	Oid			user;			/* InvalidOid where secrets were not asked for */
	const char *server_name;
	const char *provider;		/* as the definition names it */
	const char *definition;		/* text of the definition; NULL: the provider's
								 * installed one */
	const char *source;
	const char *base_url;		/* without trailing slash; NULL: definition's */
	const char *path;			/* NULL: definition's */
	const char *account_id;		/* NULL: none */
	const char *ca_file;		/* NULL: the system's */
	const char *proxy;			/* NULL: none */
	int			page_size;		/* 0: the provider's maximum */
	int			connect_timeout;	/* ms */
	int			request_timeout;	/* ms */
	int			max_retries;
	int			max_retry_wait; /* ms */
	int			max_response_size;	/* kB */
	int			max_requests;	/* 0: no cap */
	int			max_connections;	/* requests of one scan under way at once */
	double		rate_limit;		/* requests a second; 0: no limit */
	bool		async_capable;
	int			max_fanout;		/* streams that one scan may have */
	bool		trust_total;	/* a total may answer count(*) */
	bool		use_remote_estimate;	/* the planner may ask for a total */
	double		request_cost;
	bool		pushdown_none;
	List	   *pushdown;		/* of String: only these columns; NIL: all */
	CallsOnIncomplete on_incomplete;
	CallsOnError on_error;
	CallsTableKind relation;		/* which of the definition's tables it is */

	/* for whom; only where a user was given */
	bool		trusted;		/* the server's owner is a superuser */
	uint64		pool;			/* the user and the server, as one number */

	/* from the user mapping; empty where secrets were not asked for */
	const char *api_key;
	const char *credentials;	/* what the auth header carries, encoded; NULL
								 * until calls_build_headers */
	int			nheaders;
	CallsHeader *headers;
} CallsSettings;

/* A column of a foreign table and where its values come from. */
typedef struct CallsTableColumn
{
	AttrNumber	attnum;
	const char *name;			/* SQL name */
	Oid			type;
	int32		typmod;
	Oid			collation;
	bool		not_null;
	int			column;			/* index into the definition's columns, or -1
								 * where "path" says it */
	const char *path;			/* option "path": dotted, inside the call object */
} CallsTableColumn;

/*
 * Options of a foreign table in CurrentMemoryContext.  Raises what a bad
 * option of the table or mapping deserves (HV024; HV002 for a missing one).
 * With a valid "user", the mapping is read too and api_key is required
 * (42704 where the mapping is missing).
 */
extern CallsSettings *calls_get_settings(Oid foreigntableid, Oid user,
										 const CallsDefinition **def);

/*
 * The same for a server alone, without any table's options.
 */
extern CallsSettings *calls_get_server_settings(Oid serverid, Oid user,
												const CallsDefinition **def);

/*
 * The columns of a foreign table: an array with one entry per attribute
 * (tupdesc->natts; dropped ones have attnum 0).  Raises HV005 for a column
 * that the definition does not have, and refuses generated columns.
 */
extern CallsTableColumn *calls_get_table_columns(Relation rel,
												 const CallsDefinition *def);

/* May filters over this column of the definition be sent? */
extern bool calls_pushdown_allowed(const CallsSettings *settings,
								   const char *column);

/*
 * The definition that a server's options name or hold, valid as long as
 * CurrentMemoryContext.  Raises what definition.h says, and HV002 where there
 * is none.
 */
extern const CallsDefinition *calls_server_definition(Oid serverid);

#endif							/* CALLS_OPTION_H */
