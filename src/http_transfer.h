/*-------------------------------------------------------------------------
 *
 * http_transfer.h
 *		A transfer, as http*.c see it; for nobody else.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_HTTP_TRANSFER_H
#define CALLS_HTTP_TRANSFER_H

#include "postgres.h"

#include <curl/curl.h>
#include <netinet/in.h>

#include "http.h"
#include "http_guard.h"
#include "http_pool.h"

/* Longer header values are cut: 256 bytes hold any date, number or type. */
#define MAX_HEADER_LENGTH 256

/* RFC 1035 section 2.3.4: longer ones are no names. */
#define MAX_PEER_LENGTH 256

/* Header values of the last header block, null-terminated; "" where absent. */
typedef struct ReplyHeaders
{
	char		content_type[MAX_HEADER_LENGTH + 1];
	char		date[MAX_HEADER_LENGTH + 1];
	char		retry_after[MAX_HEADER_LENGTH + 1];
	char		rate_reset[MAX_HEADER_LENGTH + 1];
	char		rate_limit[MAX_HEADER_LENGTH + 1];
	char		rate_remaining[MAX_HEADER_LENGTH + 1];
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
	CallsHttpPool *pool;		/* where its connection comes from */

	/* where it may connect to */
	char		peer[MAX_PEER_LENGTH];	/* host of the URL or of the proxy */
	bool		trusted;		/* a superuser chose the peer */
	CallsVerdict target;		/* of the URL's host, where a proxy connects to it */
	CallsVerdict refused;		/* of the last address that was refused */
	char		address[INET6_ADDRSTRLEN];	/* that address */
	bool		permitted;		/* an address was not refused */

	/* redirects */
	const char *stop;			/* why the last one was not followed, or NULL */
	int			redirects;		/* followed */
	uint64		earlier_bytes;	/* of the bodies of those followed */
	double		earlier_ms;		/* spent on them */
	int			timeout;		/* ms, for all of them */

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

/*
 * Does a transfer that got a reply go on elsewhere?  Then its options say
 * where, and it is to be started anew.  Otherwise, where the reply is a
 * redirect, leaves in "stop" why it is not followed.  Raises nothing.
 */
extern bool calls_http_redirect(CallsHttpTransfer *transfer);

/* Gives back what the buffer of a whole body has to spare.  Raises nothing. */
extern void calls_http_trim(CallsHttpTransfer *transfer);

/*
 * What calls_http_resolve says, to be freed with curl_free.  Raises nothing;
 * NULL also where memory is short.
 */
extern char *calls_http_join_urls(const char *base, const char *reference);

/*
 * The host of a URL without the brackets around an IPv6 address; "" where
 * there is none or it does not fit.  Raises nothing.
 */
extern void calls_http_url_host(const char *url, char *host, size_t size);

#endif							/* CALLS_HTTP_TRANSFER_H */
