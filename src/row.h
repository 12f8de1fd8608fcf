/*-------------------------------------------------------------------------
 *
 * row.h
 *		Cells of a call -> values of a foreign table's row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_ROW_H
#define CALLS_ROW_H

#include "postgres.h"

#include "utils/relcache.h"

#include "convert.h"
#include "definition.h"
#include "option.h"
#include "page.h"

/* A column to fill in; private to row.c. */
typedef struct CallsRowTarget CallsRowTarget;

typedef struct CallsRowReader
{
	Relation	rel;
	const CallsDefinition *def;
	const CallsSettings *settings;
	MemoryContext context;		/* of the reader */
	int			ntargets;
	CallsRowTarget *targets;
	int			npaths;			/* members of a call that are needed */
	const char **paths;
	CallsConvertError error;	/* why the value at hand does not fit */
	int64		misfits;		/* values replaced under on_error 'set_null' */
	char	   *first_misfit;	/* the message of the first one */
} CallsRowReader;

/*
 * A reader in CurrentMemoryContext for the columns in "attributes" (IntList).
 * "columns" has one entry per attribute.  Raises HV004 for a type that a
 * column cannot have.
 */
extern CallsRowReader *calls_make_row_reader(Relation rel,
											 const CallsDefinition *def,
											 const CallsSettings *settings,
											 const CallsTableColumn *columns,
											 List *attributes);

/*
 * Fills in the row: columns that were not asked for are NULL.  "cells" are
 * those of reader->paths, then "key", the call's id, for messages.  Values go
 * to CurrentMemoryContext.  Raises 22xxx for a value that does not fit,
 * subject to on_error, and 23502 for a NULL in a NOT NULL column.
 */
extern void calls_read_row(CallsRowReader *reader, const CallsCell *cells,
						   const CallsCell *key, Datum *values, bool *isnull);

/* Warns once of the values that were replaced, if there are any. */
extern void calls_warn_of_misfits(const CallsRowReader *reader);

#endif							/* CALLS_ROW_H */
