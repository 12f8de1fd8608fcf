/*
 * server.h
 *		One HTTP exchange, and connections that wait for their answer's time.
 */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include <microhttpd.h>

#include "answer.h"

#define MAX_REQUEST_HEADERS	64
#define WAIT_FOREVER		INT64_MAX

typedef enum Stage
{
	STAGE_NEW, STAGE_READING, STAGE_WAITING, STAGE_READY, STAGE_DEAD
} Stage;

/* An HTTP request from its first line until its answer is sent */
typedef struct Exchange
{
	struct MHD_Connection *connection;
	char	   *uri;
	Buf			body;
	Stage		stage;
	Answer		answer;
	struct MHD_Response *response;
	int			fd;
	int64_t		deadline;		/* monotonic microseconds, or WAIT_FOREVER */
} Exchange;

/* wait.c */
extern void wait_start(void);
extern void wait_until(Exchange *exchange, int64_t deadline);

#endif							/* SIM_SERVER_H */
