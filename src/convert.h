/*-------------------------------------------------------------------------
 *
 * convert.h
 *		JSON value -> Datum, the way chosen once per column.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_CONVERT_H
#define CALLS_CONVERT_H

#include "postgres.h"

#include "fmgr.h"

#include "definition.h"
#include "option.h"
#include "page.h"

/* Why a value did not fit its column. */
typedef struct CallsConvertError
{
	int			sqlstate;		/* class 22, or 23 from a domain's check */
	char		message[256];	/* a phrase such as "JSON string expected,
								 * found number"; quotes nothing secret */
	bool		repaired;		/* the value was usable after replacing \u0000
								 * by U+FFFD and is in *value */
} CallsConvertError;

typedef struct CallsConverter CallsConverter;

/*
 * A converter in CurrentMemoryContext from the definition's column (NULL for
 * a column reached by option "path") to the SQL type the table declares.
 * Raises HV004 (ERRCODE_FDW_INVALID_DATA_TYPE) for a combination that makes
 * no sense.
 */
extern CallsConverter *calls_make_converter(const CallsTableColumn *target,
											const CallsColumn *source);

/*
 * Converts one value into CurrentMemoryContext.  A missing or null member is
 * NULL.  Returns false and fills *error where the value does not fit, and
 * then raises nothing; *value and *isnull are then NULL, or the repaired
 * value where "lenient" asked for it and error->repaired says so.
 */
extern bool calls_convert(CallsConverter *converter, const CallsCell *cell,
						  bool lenient, Datum *value, bool *isnull,
						  CallsConvertError *error);

/*
 * Text of a string cell in UTF-8, escapes resolved, in CurrentMemoryContext;
 * numbers and literals as written; NULL for null, missing, or bad text.  For
 * keys, cursors and error messages.
 */
extern char *calls_cell_text(const CallsCell *cell);

/* Integer of a number cell; false where it is none or does not fit. */
extern bool calls_cell_int64(const CallsCell *cell, int64 *value);

#endif							/* CALLS_CONVERT_H */
