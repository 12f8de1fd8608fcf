/*
 * main.c
 *		The calls-simulator: command line and HTTP server.
 *
 * libmicrohttpd serves the connections in threads of its own; what is answered
 * is decided in answer.c. See README.md for what the program promises.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <zlib.h>

#define MAX_BODY	(64 * 1024 * 1024)

Sim			sim = {.lock = PTHREAD_MUTEX_INITIALIZER, .seed = 1, .calls = 1000};

typedef struct Options
{
	int			port;
	unsigned	threads;
	char	   *cert;			/* PEM texts, NULL: plain HTTP */
	char	   *key;
} Options;

/*
 * Exchanges
 */

static void *
exchange_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	Exchange   *exchange = xmalloc(sizeof(Exchange));

	(void) cls;
	*exchange = (Exchange) {.connection = connection, .uri = xstrdup(uri)};
	return exchange;
}

static void
exchange_end(void *cls, struct MHD_Connection *connection, void **con_cls, enum MHD_RequestTerminationCode code)
{
	Exchange   *exchange = *con_cls;

	(void) cls;
	(void) connection;
	(void) code;
	if (exchange == NULL)
		return;
	if (exchange->answer.inflight)
	{
		pthread_mutex_lock(&sim.lock);
		sim.inflight--;
		pthread_mutex_unlock(&sim.lock);
	}
	if (exchange->response)
		MHD_destroy_response(exchange->response);
	buf_free(&exchange->answer.body);
	buf_free(&exchange->body);
	free(exchange->uri);
	free(exchange);
	*con_cls = NULL;
}

/* Count connections that asked a provider; those for control alone do not count. */
static void
count_connection(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	bool	   *counted = info->socket_context;

	if (*counted)
		return;
	*counted = true;
	pthread_mutex_lock(&sim.lock);
	sim.connections++;
	sim.accepted++;
	pthread_mutex_unlock(&sim.lock);
}

static void
connection_changed(void *cls, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	bool	   *counted = *context;

	(void) cls;
	(void) connection;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		*context = memset(xmalloc(sizeof(bool)), 0, sizeof(bool));
		return;
	}
	if (counted != NULL && *counted)
	{
		pthread_mutex_lock(&sim.lock);
		sim.connections--;
		pthread_mutex_unlock(&sim.lock);
	}
	free(counted);
	*context = NULL;
}

/* Replace the body by its compressed form. */
static void
compress_body(Answer *answer)
{
	z_stream	z = {0};
	Buf			out = {0};
	bool		gzip = answer->compress == COMPRESS_GZIP;

	if (deflateInit2(&z, 1, Z_DEFLATED, gzip ? 15 + 16 : 15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	buf_reserve(&out, deflateBound(&z, answer->body.len));
	z.next_in = (unsigned char *) answer->body.data;
	z.avail_in = (unsigned) answer->body.len;
	z.next_out = (unsigned char *) out.data;
	z.avail_out = (unsigned) out.cap;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	out.len = z.total_out;
	deflateEnd(&z);
	buf_free(&answer->body);
	answer->body = out;
	add_header(answer, "Content-Encoding", gzip ? "gzip" : "deflate");
}

/* Gives half of the body, then breaks off. */
static ssize_t
read_half(void *cls, uint64_t pos, char *buf, size_t max)
{
	const Exchange *exchange = cls;
	size_t		half = exchange->answer.body.len / 2;

	if (pos >= half)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (max > half - pos)
		max = half - pos;
	memcpy(buf, exchange->answer.body.data + pos, max);
	return (ssize_t) max;
}

static void
make_response(Exchange *exchange)
{
	Answer	   *answer = &exchange->answer;
	Buf		   *body = &answer->body;

	if (answer->compress != COMPRESS_NONE && body->len > 0)
		compress_body(answer);
	if (answer->how == SEND_HALF)
		exchange->response = MHD_create_response_from_callback(body->len, 16384, read_half, exchange, NULL);
	else
	{
		exchange->response = MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
		*body = (Buf) {0};
	}
	MHD_add_response_header(exchange->response, "Content-Type", answer->type);
	for (size_t i = 0; i < answer->nheaders; i++)
		MHD_add_response_header(exchange->response, answer->headers[i].name, answer->headers[i].value);
}

typedef struct HeaderList
{
	Arg			items[MAX_REQUEST_HEADERS];
	size_t		count;
} HeaderList;

static enum MHD_Result
collect_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	HeaderList *list = cls;

	(void) kind;
	if (list->count == MAX_REQUEST_HEADERS)
		return MHD_NO;
	list->items[list->count++] = (Arg) {(char *) name, (char *) (value ? value : ""), 0};
	return MHD_YES;
}

/* The request is complete: find its answer, and wait if that must wait. */
static enum MHD_Result
decide(Exchange *exchange, const char *method)
{
	HeaderList	headers = {.count = 0};
	HttpRequest request = {.method = method, .uri = exchange->uri};
	Answer	   *answer = &exchange->answer;

	MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, collect_header, &headers);
	request.headers = headers.items;
	request.nheaders = headers.count;
	request.body = exchange->body.data;
	request.body_len = exchange->body.len;
	if (strncmp(exchange->uri, "/_sim/", 6) != 0)
		count_connection(exchange->connection);
	answer_request(&request, answer);
	if (answer->how != NEVER && answer->how != CLOSE)
		make_response(exchange);
	if (answer->how == NEVER || answer->delay > 0)
	{
		wait_until(exchange, answer->how == NEVER ? WAIT_FOREVER : now_usecs() + answer->delay);
		return MHD_YES;
	}
	exchange->stage = STAGE_READY;
	return MHD_NO;
}

static enum MHD_Result
handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
	   const char *data, size_t *size, void **con_cls)
{
	Exchange   *exchange = *con_cls;

	(void) cls;
	(void) url;
	(void) version;
	switch (exchange->stage)
	{
		case STAGE_NEW:
			exchange->stage = STAGE_READING;
			return MHD_YES;
		case STAGE_READING:
			if (*size > 0)
			{
				if (exchange->body.len + *size > MAX_BODY)
					return MHD_NO;
				buf_add(&exchange->body, data, *size);
				*size = 0;
				return MHD_YES;
			}
			if (decide(exchange, method) == MHD_YES)
				return MHD_YES;
			break;
		case STAGE_WAITING:
			return MHD_YES;
		case STAGE_DEAD:
			return MHD_NO;
		case STAGE_READY:
			break;
	}
	if (exchange->answer.how == CLOSE)
		return MHD_NO;
	return MHD_queue_response(connection, exchange->answer.status, exchange->response);
}

/*
 * Start and end
 */

static _Noreturn void
die(const char *what, const char *detail)
{
	fprintf(stderr, "calls-simulator: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
	exit(1);
}

static char *
read_file(const char *name)
{
	FILE	   *file = fopen(name, "r");
	Buf			text = {0};
	char		piece[4096];
	size_t		n;

	if (file == NULL)
		die(name, strerror(errno));
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_add(&text, piece, n);
	fclose(file);
	return text.data ? text.data : xstrdup("");
}

static int64_t
number_option(const char *name, const char *text, int64_t max)
{
	int64_t		value;

	if (!parse_int(text, strlen(text), &value) || value > max)
		die("wrong number for option", name);
	return value;
}

static void
read_options(int argc, char **argv, Options *options)
{
	static const struct option names[] = {
		{"port", required_argument, NULL, 'p'},
		{"calls", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 's'},
		{"threads", required_argument, NULL, 'n'},
		{"tls", required_argument, NULL, 't'},
		{"exit-with-parent", no_argument, NULL, 'x'},
		{NULL, 0, NULL, 0}
	};
	pid_t		parent = getppid();
	int			letter;

	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1)
	{
		if (letter == 'p')
			options->port = (int) number_option("port", optarg, 65535);
		else if (letter == 'c')
			sim.calls = number_option("calls", optarg, 5000000);
		else if (letter == 's')
			sim.seed = (uint64_t) number_option("seed", optarg, INT64_MAX);
		else if (letter == 'n')
			options->threads = (unsigned) number_option("threads", optarg, 64);
		else if (letter == 't')
		{
			if (optind >= argc)
				die("--tls takes two files", NULL);
			options->cert = read_file(optarg);
			options->key = read_file(argv[optind++]);
			sim.tls = true;
		}
		else if (letter == 'x')
		{
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			if (getppid() != parent)
				_exit(0);
		}
		else
			exit(2);
	}
	if (optind < argc)
		die("unknown argument", argv[optind]);
}

static struct MHD_Daemon *
start_server(const Options *options)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) options->port)};
	unsigned	flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (sim.tls ? MHD_USE_TLS : 0);
	struct MHD_OptionItem more[4] = {{MHD_OPTION_END, 0, NULL}};
	int			n = 0;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (sim.tls)
	{
		more[n++] = (struct MHD_OptionItem) {MHD_OPTION_HTTPS_MEM_CERT, 0, options->cert};
		more[n++] = (struct MHD_OptionItem) {MHD_OPTION_HTTPS_MEM_KEY, 0, options->key};
	}
	if (options->threads > 1)
		more[n++] = (struct MHD_OptionItem) {MHD_OPTION_THREAD_POOL_SIZE, (intptr_t) options->threads, NULL};
	more[n] = (struct MHD_OptionItem) {MHD_OPTION_END, 0, NULL};
	return MHD_start_daemon(flags, 0, NULL, NULL, handle, NULL,
							MHD_OPTION_SOCK_ADDR, &address,
							MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
							MHD_OPTION_CONNECTION_LIMIT, 4096u,
							MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) 128 * 1024,
							MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, NULL,
							MHD_OPTION_NOTIFY_COMPLETED, exchange_end, NULL,
							MHD_OPTION_NOTIFY_CONNECTION, connection_changed, NULL,
							MHD_OPTION_ARRAY, more,
							MHD_OPTION_END);
}

int
main(int argc, char **argv)
{
	Options		options = {.threads = 1};
	struct MHD_Daemon *daemon;
	sigset_t	signals;
	int			received;

	read_options(argc, argv, &options);
	sim.started = now_usecs();
	for (int i = 0; i < NPROVIDERS; i++)
		sim.providers[i] = (Provider) {.id = (ProviderId) i, .def = &provider_defs[i], .sw = {.calls = sim.calls}};
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	wait_start();
	daemon = start_server(&options);
	if (daemon == NULL)
		die("could not start the server", strerror(errno));
	printf("listening on 127.0.0.1:%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	fflush(stdout);
	while (sigwait(&signals, &received) != 0)
		;
	/* Stopping the server would wait for suspended connections; nothing needs to be saved. */
	_exit(0);
}
