/*-------------------------------------------------------------------------
 *
 * attempt.h
 *		Work that a provider may make fail without failing the command.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_ATTEMPT_H
#define CALLS_ATTEMPT_H

#include "postgres.h"

typedef void (*CallsAttempt) (void *arg);

/*
 * Calls the function in a memory context of its own, which is deleted after.
 * Returns NULL, or the error that it raised, in CurrentMemoryContext; errors
 * that concern the session or the machine, such as a cancel, are raised again.
 * Must not be called in parallel mode.
 */
extern ErrorData *calls_attempt(CallsAttempt function, void *arg);

#endif							/* CALLS_ATTEMPT_H */
