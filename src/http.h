/*-------------------------------------------------------------------------
 *
 * http.h
 *		HTTP for a backend: one curl multi handle, one epoll descriptor, the
 *		latch.  Knows URLs and bytes, no provider.
 *
 * A transfer is started, driven by any wait of the backend, and read when it
 * is done.  It belongs to a memory context: when that goes away, so do the
 * transfer, its buffers and, if it was still under way, its connection.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_HTTP_H
#define CALLS_HTTP_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct CallsHttpRequest
{
	const char *method;			/* GET or POST */
	const char *url;			/* absolute, http or https */
	List	   *headers;		/* of char *: "Name: value"; no line breaks */
	const char *body;			/* UTF-8 JSON, or NULL */
	size_t		body_length;
	int			connect_timeout;	/* ms, name lookup included */
	int			request_timeout;	/* ms, all included */
	size_t		max_size;		/* bytes of body after decompression */
	const char *ca_file;		/* NULL: the system's */
	const char *proxy;			/* NULL: none, whatever the environment says */
	bool		trusted;		/* a superuser chose the host: it may have a
								 * private address */
	uint64		pool;			/* whose request it is: connections are not
								 * shared with those of another number */
} CallsHttpRequest;

typedef enum CallsHttpOutcome
{
	CALLS_HTTP_PENDING = 0,
	CALLS_HTTP_REPLY,			/* a complete HTTP reply, whatever its status */
	CALLS_HTTP_UNREACHABLE,		/* no connection: worth another try */
	CALLS_HTTP_TIMEOUT,			/* connect or request timeout */
	CALLS_HTTP_BROKEN,			/* ended half-way: worth another try; also a
								 * timeout while this session did not wait */
	CALLS_HTTP_TOO_LARGE,		/* more than max_size */
	CALLS_HTTP_FORBIDDEN,		/* the host or its address is not allowed */
	CALLS_HTTP_REFUSED			/* will not work next time either: TLS
								 * certificate, bad URL, bad compression */
} CallsHttpOutcome;

typedef struct CallsHttpReply
{
	CallsHttpOutcome outcome;
	int			status;			/* HTTP status, 0 where none came */
	const char *body;			/* null-terminated after length bytes; may
								 * be incomplete unless outcome is REPLY */
	size_t		length;
	uint64		bytes;			/* received on the wire, body only */
	const char *message;		/* what went wrong, for DETAIL; "" if nothing;
								 * no secret, no URL; with a status of 3xx why
								 * the redirect was not followed */
	const char *address;		/* FORBIDDEN: the address, for the log alone */
	int			redirects;		/* followed: further requests that were sent */
	const char *content_type;	/* "" where absent */
	int64		date;			/* Date header, seconds since 1970; 0: none */
	const char *retry_after;	/* header as sent, or NULL */
	const char *rate_reset;		/* X-RateLimit-Reset as sent, or NULL */
	const char *rate_limit;		/* X-RateLimit-Limit as sent, or NULL */
	const char *rate_remaining; /* X-RateLimit-Remaining as sent, or NULL */
} CallsHttpReply;

typedef struct CallsHttpTransfer CallsHttpTransfer;

/*
 * Starts a transfer owned by CurrentMemoryContext.  Raises HV00N where no
 * handle can be made, HV001 where memory is short.
 *
 * Redirects are followed as long as they keep to the URL's scheme, host and
 * port and to the method; the reply is that of the last request.
 */
extern CallsHttpTransfer *calls_http_start(const CallsHttpRequest *request);

/*
 * The reply as it stands; outcome PENDING while it is under way.  Owned by the
 * transfer.  Raises HV001 where memory was short for the reply.
 */
extern const CallsHttpReply *calls_http_reply(const CallsHttpTransfer *transfer);

/* Bytes that its body takes up so far. */
extern size_t calls_http_memory(const CallsHttpTransfer *transfer);

/* Has the transfer ended, whatever came of it?  Raises nothing. */
extern bool calls_http_is_done(const CallsHttpTransfer *transfer);

/*
 * Does what can be done for all transfers of the backend without waiting.
 * "waited" tells that the caller comes from a wait on calls_http_descriptor.
 * Raises HV00N where no transfer can go on.
 */
extern void calls_http_drive(bool waited);

/* What a wait is for, as pg_stat_activity shows it. */
typedef enum CallsHttpWait
{
	CALLS_WAIT_REPLY = 0,		/* requests are under way */
	CALLS_WAIT_RATE_LIMIT,		/* held back by a rate limit */
	CALLS_WAIT_RETRY			/* before a request that failed is repeated */
} CallsHttpWait;

/*
 * Waits on the latch until something happens to any transfer of the backend or
 * the alarm goes off, and drives all of them.  Raises what calls_http_drive and
 * CHECK_FOR_INTERRUPTS raise.
 */
extern void calls_http_wait(CallsHttpWait reason);

/*
 * Makes a wait end after so many milliseconds at the latest.  There is one
 * alarm for all: whoever relies on it sets it again before each wait.
 */
extern void calls_http_set_alarm(int64 milliseconds);

/*
 * A number that changes whenever a transfer ends or the alarm goes off: who
 * sees it change may have driven what others wait for.
 */
extern int64 calls_http_events(void);

/* Milliseconds of a clock that only goes forward. */
extern int64 calls_http_clock(void);

/* Are there descriptors for another transfer? */
extern bool calls_http_has_room(void);

/* How many transfers of the backend are under way. */
extern int	calls_http_under_way(void);

/*
 * A descriptor that is readable when calls_http_drive has something to do.  It
 * is not the caller's.  Raises HV00N.
 */
extern int	calls_http_descriptor(void);

/*
 * A copy of it, to be given back; -1 where none can be spared.  Raises HV00N.
 */
extern int	calls_http_copy_descriptor(void);
extern void calls_http_return_descriptor(int descriptor);

/* Ends a transfer early, or frees a finished one. */
extern void calls_http_free(CallsHttpTransfer *transfer);

/* Once, from _PG_init. */
extern void calls_http_init(void);

/*
 * "reference" (absolute or relative, from a reply) resolved against "base";
 * NULL where it is malformed or leaves base's scheme, host or port, or has
 * credentials.  In CurrentMemoryContext.
 */
extern char *calls_http_resolve(const char *base, const char *reference);

/* What an option that holds a URL may get wrong. */
typedef enum CallsUrlFlaw
{
	CALLS_URL_FINE = 0,
	CALLS_URL_MALFORMED,		/* not an absolute URL */
	CALLS_URL_SCHEME,			/* neither http nor https */
	CALLS_URL_CREDENTIALS,		/* user or password in it */
	CALLS_URL_PLAIN,			/* http to a host that is not loopback */
	CALLS_URL_EXTRA				/* query or fragment in it */
} CallsUrlFlaw;

extern CallsUrlFlaw calls_http_check_base_url(const char *url);

/* Is date text of a Retry-After header; seconds since 1970, or -1. */
extern int64 calls_http_parse_date(const char *text);

#endif							/* CALLS_HTTP_H */
