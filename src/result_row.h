/*-------------------------------------------------------------------------
 *
 * result_row.h
 *		Rows that SQL-callable functions return.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_RESULT_ROW_H
#define CALLS_RESULT_ROW_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"

/* A row under construction: null where nothing is set. */
typedef struct CallsResultRow
{
	Datum	   *values;
	bool	   *nulls;
	int			n;				/* columns */
} CallsResultRow;

/* A row of "n" columns in CurrentMemoryContext. */
extern CallsResultRow calls_make_result_row(int n);

extern void calls_set_datum(CallsResultRow *row, int column, Datum value);

/* Sets a text, or null for NULL. */
extern void calls_set_text(CallsResultRow *row, int column, const char *text);

/* Sets text[] from a List of char *, or null for NIL. */
extern void calls_set_texts(CallsResultRow *row, int column, List *texts);

/* Hands a row to the caller of a set-returning function. */
extern void calls_put_row(FunctionCallInfo fcinfo, CallsResultRow row);

#endif							/* CALLS_RESULT_ROW_H */
