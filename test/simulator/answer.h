/*
 * answer.h
 *		From a request to an answer, without any HTTP library.
 */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "providers.h"

#define MAX_HEADERS	8

typedef struct HttpRequest
{
	const char *method;
	const char *uri;			/* as it came, with the query */
	const char *body;			/* may be NULL */
	size_t		body_len;
	const Arg  *headers;
	size_t		nheaders;
} HttpRequest;

typedef enum AnswerHow
{
	SEND, SEND_HALF, NEVER, CLOSE
} AnswerHow;

typedef struct AnswerHeader
{
	const char *name;
	char		value[128];
} AnswerHeader;

typedef struct Answer
{
	AnswerHow	how;
	unsigned	status;
	const char *type;
	Buf			body;			/* owned */
	int			compress;		/* COMPRESS_NONE, _GZIP or _DEFLATE */
	int64_t		delay;			/* microseconds to wait before it is sent */
	AnswerHeader headers[MAX_HEADERS];
	size_t		nheaders;
	bool		is_control;
	bool		inflight;		/* counted in sim.inflight */
} Answer;

/* answer.c */
extern void answer_request(const HttpRequest *request, Answer *answer);
extern const char *request_header(const HttpRequest *request, const char *name);
extern void add_header(Answer *answer, const char *name, const char *format,...) __attribute__((format(printf, 3, 4)));

/* single.c */
extern Provider *single_provider(const char *raw_path, char **id);
extern bool single_read(Query *q, const Provider *p, const Arg *args, size_t nargs);
extern bool single_write(Provider *p, const char *id, const Arg *args, size_t nargs, const Fault *fault, Buf *out);

/* faults.c */
extern Fault fault_pick(Provider *p);
extern Fault fault_of_rate(Provider *p);
extern Fault fault_of_quota(Provider *p);
extern void add_quota_headers(Provider *p, Answer *answer);
extern void fault_page(const Fault *fault, Page *page);
extern void fault_body(const Fault *fault, Buf *body);
extern void fault_answer(const Fault *fault, Provider *p, Answer *answer);
extern const char *fault_name(FaultKind kind);
extern bool fault_arm(Provider *p, const Arg *args, size_t nargs, Buf *problem);
extern void fault_disarm(Provider *p);

/* control.c */
extern unsigned control_answer(const char *path, Arg *args, size_t nargs, Buf *out);

/* log.c */
typedef struct LogFacts
{
	const Provider *provider;	/* NULL: no such path */
	unsigned	status;
	size_t		rows;
	bool		ok;
	FaultKind	fault;
	int64_t		inflight;
} LogFacts;

extern void log_add(const HttpRequest *request, const LogFacts *facts);
extern void log_render(const Provider *only, Buf *out);
extern void log_clear(void);

#endif							/* SIM_ANSWER_H */
