/*-------------------------------------------------------------------------
 *
 * async.c
 *		Execution under an Append that waits for several scans at once.
 *
 * All transfers of the backend hang on one epoll descriptor, of which each
 * scan gives the Append a copy: whichever of them becomes readable, the scan
 * that looks first drives the transfers of all.  A scan whose page came in that
 * way is asked again before the Append waits (ConfigureWait), so nothing is
 * missed.  Therefore a scan that can have no descriptor, because there are
 * hundreds of them, needs none: one that waits along with it wakes it too.
 *
 * The Append asks each of its scans for a row when it starts, so that under a
 * LIMIT each sends its first request even if the first scan has rows enough.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/execAsync.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "foreign/fdwapi.h"
#include "miscadmin.h"
#include "storage/latch.h"

#include "async.h"
#include "http.h"
#include "scan.h"

/*
 * Milliseconds after which a wait ends in any case: not every minor release
 * wakes an Append for a cancel.
 */
#define ASYNC_TICK			80

/* Looks for a row; false if the request stays pending. */
static bool
complete_request(AsyncRequest *areq)
{
	ForeignScanState *node = castNode(ForeignScanState, areq->requestee);
	TupleTableSlot *slot = node->ss.ps.ExecProcNodeReal(&node->ss.ps);

	if (TupIsNull(slot) && calls_scan_is_pending(node))
		return false;
	ExecAsyncRequestDone(areq, TupIsNull(slot) ? NULL : slot);
	return true;
}

/* Is this a scan of ours that waits for a page? */
static bool
is_waiting(const AsyncRequest *areq)
{
	const ForeignScanState *node = castNode(ForeignScanState, areq->requestee);

	return areq->callback_pending &&
		node->fdwroutine->ForeignAsyncConfigureWait == callsForeignAsyncConfigureWait;
}

/*
 * Does an earlier scan of the Append wait?  The Append configures them in their
 * order, so that the first that waits is among its events by now.
 */
static bool
has_companion(const AppendState *append, const AsyncRequest *areq)
{
	int			i = -1;

	while ((i = bms_next_member(append->as_asyncplans, i)) >= 0 && i < areq->request_index)
		if (is_waiting(append->as_asyncrequests[i]))
			return true;
	return false;
}

void
callsForeignAsyncRequest(AsyncRequest *areq)
{
	if (!complete_request(areq))
		ExecAsyncRequestPending(areq);
}

void
callsForeignAsyncConfigureWait(AsyncRequest *areq)
{
	ForeignScanState *node = castNode(ForeignScanState, areq->requestee);
	AppendState *append = castNode(AppendState, areq->requestor);
	int64		events = calls_http_events();
	int			descriptor;

	Assert(areq->callback_pending);

	/* its page may have come while another scan was looked after */
	if (complete_request(areq))
	{
		areq->callback_pending = false;
		ExecAsyncResponse(areq);
		if (areq->requestee->instrument)
			InstrUpdateTupleCount(areq->requestee->instrument,
								  TupIsNull(areq->result) ? 0.0 : 1.0);
		/* the Append is to take it before it waits for the others */
		calls_http_set_alarm(0);
		return;
	}
	/* or the page of one that was asked before this one has come just now */
	calls_http_set_alarm(events != calls_http_events() ? 0 : ASYNC_TICK);
	descriptor = calls_scan_descriptor(node);
	if (descriptor < 0 && has_companion(append, areq))
		return;
	/* no other scan of this Append has what is nobody's copy */
	AddWaitEventToSet(append->as_eventset, WL_SOCKET_READABLE,
					  descriptor >= 0 ? descriptor : calls_http_descriptor(), NULL, areq);
}

void
callsForeignAsyncNotify(AsyncRequest *areq)
{
	CHECK_FOR_INTERRUPTS();
	calls_http_drive(true);
	if (!complete_request(areq))
		ExecAsyncRequestPending(areq);
}
