/*-------------------------------------------------------------------------
 *
 * async.h
 *		Execution under an Append that waits for several scans at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_ASYNC_H
#define CALLS_ASYNC_H

#include "postgres.h"

#include "nodes/execnodes.h"

extern void callsForeignAsyncRequest(AsyncRequest *areq);
extern void callsForeignAsyncConfigureWait(AsyncRequest *areq);
extern void callsForeignAsyncNotify(AsyncRequest *areq);

#endif							/* CALLS_ASYNC_H */
