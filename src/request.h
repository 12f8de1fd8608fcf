/*-------------------------------------------------------------------------
 *
 * request.h
 *		Definition + filters + position -> method, address, headers, body.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_REQUEST_H
#define CALLS_REQUEST_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "bind.h"
#include "definition.h"
#include "option.h"

/* Where a page starts, in the terms of the definition's paging style. */
typedef struct CallsPosition
{
	int64		number;			/* page number or offset */
	const char *text;			/* cursor or key of the last row, UTF-8; NULL
								 * at the start of the log */
	int			size;			/* rows asked for; 0: the API's default */
} CallsPosition;

typedef struct CallsRequest
{
	const char *method;
	const char *url;			/* absolute, percent-encoded */
	const char *target;			/* its path and query; points into url */
	const char *body;			/* JSON in UTF-8, or NULL */
} CallsRequest;

/*
 * The list request for one page, in CurrentMemoryContext.  Raises HV001 where
 * json-c runs out of memory.
 *
 * With "for_display", as EXPLAIN shows it: {account_id} stays a placeholder
 * and unknown values stand as their SQL text.
 */
extern CallsRequest *calls_build_request(const CallsDefinition *def,
										 const CallsSettings *settings,
										 const CallsBinding *binding,
										 const CallsPosition *position,
										 bool for_display);

/*
 * The request for one call, in CurrentMemoryContext: "def" is of a single one.
 * The id is UTF-8; one that is not "known" (EXPLAIN) is SQL text.
 */
extern CallsRequest *calls_build_call_request(const CallsDefinition *def,
											  const CallsSettings *settings,
											  const char *id, bool known,
											  bool for_display);

/*
 * Headers of every request: a List of char *, "Name: value", secrets
 * included.  Tells the settings what to mask in messages.
 */
extern List *calls_build_headers(const CallsDefinition *def,
								 CallsSettings *settings);

#endif							/* CALLS_REQUEST_H */
