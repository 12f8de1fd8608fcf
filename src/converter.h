/*-------------------------------------------------------------------------
 *
 * converter.h
 *		What the files convert*.c share; nobody else includes it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_CONVERTER_H
#define CALLS_CONVERTER_H

#include "postgres.h"

#include "convert.h"
#include "json_text.h"

/* One value on its way. */
typedef struct CallsConversion
{
	const CallsCell *cell;
	bool		lenient;
	bool		repaired;		/* \u0000 was replaced */
	CallsConvertError *error;
} CallsConversion;

/*
 * Converts a value of an expected kind.  Returns false with the error filled;
 * raises nothing that is about the value.
 */
typedef bool (*CallsConvertFunction) (CallsConverter *converter,
									  CallsConversion *conversion,
									  Datum *value);

/* A word of the definition's "values". */
typedef struct CallsConverterWord
{
	const char *native;			/* in UTF-8 */
	size_t		native_length;
	const char *common;			/* in the database's encoding */
	size_t		common_length;
	Datum		text;			/* the common word as text; the converter's */
} CallsConverterWord;

struct CallsConverter
{
	CallsConvertFunction convert;
	int			kinds;			/* bits 1 << CallsJsonKind: expected ones */
	const char *expected;		/* how messages call these */
	Oid			type;			/* a domain's base type */
	int32		typmod;
	const char *type_name;		/* for messages */
	int			shift;			/* power of ten that makes seconds of numbers */
	bool		truncate;		/* integers drop a fraction */

	int			nwords;
	CallsConverterWord *words;

	FmgrInfo	input;			/* the type's input function */
	Oid			ioparam;

	Oid			domain;			/* or InvalidOid */
	void	   *domain_state;	/* of domain_check */
	MemoryContext context;		/* where that lives */

	int			encoding;		/* of the database */
	Oid			encoder;		/* from UTF-8; InvalidOid: none needed */
};

/* A function of the server that may raise. */
typedef Datum (*CallsGuardedFunction) (CallsConverter *converter, Datum argument);

/* convert_text.c: errors, always false */
extern bool calls_convert_fail(CallsConversion *conversion, int sqlstate,
							   const char *message);
extern bool calls_convert_fail_range(CallsConverter *converter,
									 CallsConversion *conversion, int sqlstate);
extern bool calls_convert_fail_text(CallsConversion *conversion,
									CallsTextFault fault);

/* Calls a function that may raise; an error about the value returns false. */
extern bool calls_call_guarded(CallsConverter *converter,
							   CallsConversion *conversion,
							   CallsGuardedFunction function,
							   Datum argument, Datum *value);

/* Runs the type's input function over text in the database's encoding. */
extern bool calls_input_text(CallsConverter *converter,
							 CallsConversion *conversion, char *text,
							 Datum *value);

/* convert_text.c: conversions */
extern bool calls_convert_text(CallsConverter *converter,
							   CallsConversion *conversion, Datum *value);
extern bool calls_convert_written(CallsConverter *converter,
								  CallsConversion *conversion, Datum *value);
extern bool calls_convert_input(CallsConverter *converter,
								CallsConversion *conversion, Datum *value);
extern bool calls_convert_written_input(CallsConverter *converter,
										CallsConversion *conversion,
										Datum *value);
extern bool calls_convert_jsonb(CallsConverter *converter,
								CallsConversion *conversion, Datum *value);
extern bool calls_convert_uuid(CallsConverter *converter,
							   CallsConversion *conversion, Datum *value);

/* convert_scalar.c */
extern bool calls_convert_iso8601(CallsConverter *converter,
								  CallsConversion *conversion, Datum *value);
extern bool calls_convert_any_time(CallsConverter *converter,
								   CallsConversion *conversion, Datum *value);
extern bool calls_convert_epoch(CallsConverter *converter,
								CallsConversion *conversion, Datum *value);
extern bool calls_convert_epoch_bigint(CallsConverter *converter,
									   CallsConversion *conversion,
									   Datum *value);
extern bool calls_convert_interval(CallsConverter *converter,
								   CallsConversion *conversion, Datum *value);
extern bool calls_convert_integer(CallsConverter *converter,
								  CallsConversion *conversion, Datum *value);
extern bool calls_convert_decimal(CallsConverter *converter,
								  CallsConversion *conversion, Datum *value);
extern bool calls_convert_boolean(CallsConverter *converter,
								  CallsConversion *conversion, Datum *value);

#endif							/* CALLS_CONVERTER_H */
