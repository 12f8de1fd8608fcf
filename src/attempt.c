/*-------------------------------------------------------------------------
 *
 * attempt.c
 *		Work that a provider may make fail without failing the command.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "attempt.h"
#include "compat.h"

/*
 * Is this the fault of the provider, or of how the table is set up?  What
 * concerns the session or the machine is not, nor is what cannot happen.
 */
static bool
is_provider_failure(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_OPERATOR_INTERVENTION: /* cancel, termination */
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			return false;
		case ERRCODE_INSUFFICIENT_RESOURCES:
			/* a limit of ours: max_requests, max_retry_wait, ... */
			return error->sqlerrcode == ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
		default:
			return error->sqlerrcode != ERRCODE_FDW_OUT_OF_MEMORY;
	}
}

/*
 * An error is caught inside an internal subtransaction: it may have been raised
 * anywhere below, with catalog entries pinned or in a domain's own function,
 * and only a rollback gives all that back.  The work writes nothing, so the
 * subtransaction never gets an id.  Replies, buffers and transfers belong to a
 * context that is made before it and deleted after it.
 */
ErrorData *
calls_attempt(CallsAttempt function, void *arg)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext context = AllocSetContextCreate(caller, "calls_fdw attempt",
												  ALLOCSET_DEFAULT_SIZES);
	ErrorData  *volatile failure = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		function(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		/* not earlier: nobody above would end the subtransaction */
		if (!is_provider_failure(error))
			ReThrowError(error);
		failure = error;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	MemoryContextDelete(context);
	return failure;
}
