/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *		What a fuzzing target offers.
 *
 * A target runs once per input, in a memory context that is reset afterwards.
 * It may raise what users may see; an error of class XX (internal) is a
 * finding, as is anything that a sanitizer reports.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "postgres.h"

#include "definition.h"

typedef struct FuzzTarget
{
	const char *name;
	void		(*prepare) (void);	/* once, in a context that lasts; or NULL */
	void		(*run) (const unsigned char *data, size_t size);
} FuzzTarget;

extern const FuzzTarget fuzz_definition;
extern const FuzzTarget fuzz_reply;
extern const FuzzTarget fuzz_request;

/* All installed definitions, parsed by fuzz.c before any target is prepared. */
extern int	fuzz_ndefinitions;
extern CallsDefinition **fuzz_definitions;

/* Ends the process with a finding unless a property holds. */
#define fuzz_require(property) \
	do { \
		if (!(property)) \
			fuzz_violation(#property, __FILE__, __LINE__); \
	} while (0)

extern void fuzz_violation(const char *property, const char *file, int line)
			__attribute__((noreturn));

/* A copy of the bytes with a null byte behind them and nothing more. */
extern char *fuzz_text(const unsigned char *data, size_t size);

/* Builds requests of a definition with this text in every place that a value can take. */
extern void fuzz_build_requests(const CallsDefinition *def, const char *text);

#endif							/* FUZZ_H */
