/*-------------------------------------------------------------------------
 *
 * http_transfer.h
 *		A transfer, as http.c and http_transfer.c see it; for nobody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_HTTP_TRANSFER_H
#define CALLS_HTTP_TRANSFER_H

#include "postgres.h"

#include <curl/curl.h>

#include "http.h"

/* Longer header values are cut: 256 bytes hold any date, number or type. */
#define MAX_HEADER_LENGTH 256

/* Header values of the last header block, null-terminated; "" where absent. */
typedef struct ReplyHeaders
{
	char		content_type[MAX_HEADER_LENGTH + 1];
	char		date[MAX_HEADER_LENGTH + 1];
	char		retry_after[MAX_HEADER_LENGTH + 1];
	char		rate_reset[MAX_HEADER_LENGTH + 1];
} ReplyHeaders;

struct CallsHttpTransfer
{
	CallsHttpReply reply;		/* complete once its outcome is set */
	MemoryContext context;		/* holds this struct and nothing else */
	MemoryContextCallback release;	/* of context: frees what follows */

	/* owned, outside the memory context; NULL where not there */
	CURL	   *easy;
	struct curl_slist *headers;
	char	   *body;			/* null-terminated after length bytes */
	char	   *proxy;			/* as given, to keep it out of messages */
	bool		attached;		/* is easy in the reactor's multi? */

	/* the body */
	size_t		length;
	size_t		capacity;		/* of body, its terminator included */
	size_t		max_size;

	/* what happened inside libcurl */
	bool		too_large;		/* body went beyond max_size */
	bool		out_of_memory;	/* to be raised outside */
	double		neglected;		/* reactor.neglected at the start */
	ReplyHeaders received;
	char		message[CURL_ERROR_SIZE];	/* libcurl's error buffer */
};

/* Raises for a failed call of libcurl while a request is being prepared. */
extern void calls_http_check_code(CURLcode code);

/*
 * Sets the options of a new easy handle; what it allocates belongs to the
 * transfer.  Raises HV00N or HV001.
 */
extern void calls_http_prepare(CallsHttpTransfer *transfer,
							   const CallsHttpRequest *request);

#endif							/* CALLS_HTTP_TRANSFER_H */
