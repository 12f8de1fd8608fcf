/*-------------------------------------------------------------------------
 *
 * report.h
 *		From failures to errors.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_REPORT_H
#define CALLS_REPORT_H

#include "postgres.h"

#include "bind.h"
#include "definition.h"
#include "http.h"
#include "option.h"
#include "page.h"
#include "request.h"

/* A failure in words, before it is raised; what is NULL is not said. */
typedef struct CallsFailure
{
	int			sqlstate;
	const char *message;
	const char *detail;
	const char *log_detail;		/* in the server's log, in place of detail */
	const char *hint;
} CallsFailure;

/* What tells a page from all others of a scan, and more that names it. */
typedef struct CallsPageName
{
	const CallsDefinition *def;
	const CallsSettings *settings;
	const CallsBinding *binding;	/* what the request asked for */
	const CallsPosition *position;	/* where it starts */
	int64		number;			/* where the position has neither number nor text:
								 * place among the pages of its list, from 1 */
} CallsPageName;

/*
 * ErrorContextCallback of work on a page, "arg" is its CallsPageName: says in
 * CONTEXT which one it is.
 */
extern void calls_name_page(void *arg);

/*
 * What there is to say of a reply that is not a page, in CurrentMemoryContext.
 */
extern CallsFailure calls_describe_reply(const CallsDefinition *def,
										 const CallsSettings *settings,
										 const CallsHttpReply *reply, int attempts);

/*
 * Raises it: 28000 for 401 and 403, 42501 for a host that is not allowed, 53400
 * for 429 and for a reply beyond max_response_size, HV00N where no reply came,
 * HV000 for the rest.  "attempts" is how often it was tried.  Does not return.
 */
extern void calls_report_reply(const CallsDefinition *def,
							   const CallsSettings *settings,
							   const CallsHttpReply *reply, int attempts);

/*
 * The provider asks for a longer wait in ms than max_retry_wait, in this reply,
 * or, where it is NULL, in one to an earlier request.  In CurrentMemoryContext.
 */
extern CallsFailure calls_describe_wait(const CallsDefinition *def,
										const CallsSettings *settings,
										const CallsHttpReply *reply, int64 wait);

/* Raises it: 53400.  Does not return. */
extern void calls_report_wait(const CallsDefinition *def,
							  const CallsSettings *settings,
							  const CallsHttpReply *reply, int64 wait);

/*
 * Raises 53400 for a 429 that ends a request: it was refused so often, and
 * waited for so many milliseconds, which is as long as allowed.
 */
extern void calls_report_refusals(const CallsDefinition *def,
								  const CallsSettings *settings,
								  const CallsHttpReply *reply, int refusals, int64 waited);

/* Is the reply a web page?  Those come from a wrong address. */
extern bool calls_is_web_page(const CallsHttpReply *reply);

/* Raises HV000 if it is one, where the API would answer with JSON. */
extern void calls_refuse_web_page(const CallsSettings *settings,
								  const CallsHttpReply *reply, const char *hint);

/*
 * The text of a cell that the next request is to send back, in
 * CurrentMemoryContext; NULL where it is null, missing or no text or number.
 * Raises HV000 for one that cannot be sent.
 */
extern char *calls_position_text(const CallsSettings *settings, const CallsCell *cell);

/*
 * The provider's own message in a reply that is an error, UTF-8, in
 * CurrentMemoryContext; NULL where there is none.
 */
extern char *calls_error_text(const CallsDefinition *def, const CallsHttpReply *reply);

/*
 * A phrase for error messages made of text from outside (UTF-8): valid in the
 * server's encoding, on one line, at most 512 bytes, secrets masked.  In
 * CurrentMemoryContext.
 */
extern char *calls_printable(const CallsSettings *settings, const char *text);

#endif							/* CALLS_REPORT_H */
