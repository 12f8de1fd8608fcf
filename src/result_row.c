/*-------------------------------------------------------------------------
 *
 * result_row.c
 *		Rows that SQL-callable functions return.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "result_row.h"

CallsResultRow
calls_make_result_row(int n)
{
	CallsResultRow row = {
		.values = palloc0_array(Datum, n),
		.nulls = palloc_array(bool, n),
		.n = n
	};

	memset(row.nulls, true, n);
	return row;
}

void
calls_set_datum(CallsResultRow *row, int column, Datum value)
{
	Assert(column < row->n);
	row->values[column] = value;
	row->nulls[column] = false;
}

void
calls_set_text(CallsResultRow *row, int column, const char *text)
{
	if (text != NULL)
		calls_set_datum(row, column, CStringGetTextDatum(text));
}

void
calls_set_texts(CallsResultRow *row, int column, List *texts)
{
	Datum	   *values = palloc_array(Datum, list_length(texts) + 1);
	ListCell   *lc;

	if (texts == NIL)
		return;
	foreach(lc, texts)
		values[foreach_current_index(lc)] = CStringGetTextDatum(lfirst(lc));
	calls_set_datum(row, column,
					PointerGetDatum(construct_array(values, list_length(texts), TEXTOID,
													-1, false, TYPALIGN_INT)));
}

void
calls_put_row(FunctionCallInfo fcinfo, CallsResultRow row)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	Assert(result->setDesc->natts == row.n);
	tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
}
