/*-------------------------------------------------------------------------
 *
 * fuzz.c
 *		libFuzzer inside a backend.
 *
 * The sources of the extension need a server around them: memory contexts,
 * errors that jump, encodings, types.  So the fuzzer comes to the server: this
 * module has the sources, instrumented, and an SQL function
 *
 *		calls_fuzz(target text, VARIADIC arguments text[])
 *
 * that hands a target to libFuzzer, which ends the process when it is done.
 * test/fuzz/fuzz.sh builds it and runs it in a single-user server.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/value.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "fuzz.h"
#include "http.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(calls_fuzz);

extern int	LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run) (const unsigned char *data, size_t size));

static const FuzzTarget *const targets[] = {&fuzz_definition, &fuzz_reply, &fuzz_request};

static const FuzzTarget *target;
static MemoryContext scratch;	/* of one input */

int			fuzz_ndefinitions;
CallsDefinition **fuzz_definitions;

void
fuzz_violation(const char *property, const char *file, int line)
{
	fprintf(stderr, "VIOLATION: %s does not hold at %s:%d\n", property, file, line);
	abort();
}

char *
fuzz_text(const unsigned char *data, size_t size)
{
	char	   *text = palloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Judges the error that was caught. */
static void
check_error(void)
{
	ErrorData  *error;

	MemoryContextSwitchTo(scratch);
	error = CopyErrorData();
	FlushErrorState();
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR))
	{
		fprintf(stderr, "INTERNAL ERROR: %s (%s:%d)\n", error->message, error->filename, error->lineno);
		abort();
	}
}

/* Called by libFuzzer; it takes no other result than 0. */
static int
run_input(const unsigned char *data, size_t size)
{
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	ErrorContextCallback *callbacks = error_context_stack;

	PG_TRY();
	{
		target->run(data, size);
	}
	PG_CATCH();
	{
		check_error();
	}
	PG_END_TRY();
	fuzz_require(error_context_stack == callbacks);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(scratch);
	return 0;
}

/* Parses the installed definitions. */
static void
load_definitions(void)
{
	List	   *names = calls_list_providers();
	ListCell   *lc;

	fuzz_definitions = palloc(sizeof(CallsDefinition *) * Max(list_length(names), 1));
	foreach(lc, names)
		fuzz_definitions[fuzz_ndefinitions++] =
			unconstify(CallsDefinition *, calls_get_definition(strVal(lfirst(lc))));
	if (fuzz_ndefinitions == 0)
		elog(ERROR, "no definition is installed");
}

Datum
calls_fuzz(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MemoryContext lasting = AllocSetContextCreate(TopMemoryContext, "fuzz", ALLOCSET_DEFAULT_SIZES);
	Datum	   *words;
	int			nwords;
	int			argc = 0;
	char	  **argv;

	MemoryContextSwitchTo(lasting);
	for (size_t i = 0; i < lengthof(targets); i++)
		if (strcmp(targets[i]->name, name) == 0)
			target = targets[i];
	if (target == NULL)
		elog(ERROR, "no target is called %s", name);

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &words, NULL, &nwords);
	argv = palloc0(sizeof(char *) * (nwords + 2));
	argv[argc++] = name;
	for (int i = 0; i < nwords; i++)
		argv[argc++] = TextDatumGetCString(words[i]);

	calls_http_init();
	load_definitions();
	if (target->prepare != NULL)
		target->prepare();
	scratch = AllocSetContextCreate(lasting, "fuzz input", ALLOCSET_DEFAULT_SIZES);
	PG_RETURN_INT32(LLVMFuzzerRunDriver(&argc, &argv, run_input));
}
