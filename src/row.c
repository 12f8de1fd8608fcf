/*-------------------------------------------------------------------------
 *
 * row.c
 *		Cells of a call -> values of a foreign table's row.
 *
 * Chooses a converter per column once, and decides what becomes of a value
 * that does not fit (option on_error).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "convert.h"
#include "report.h"
#include "row.h"

/* Longest value that an error message repeats, in bytes. */
#define MAX_SHOWN_VALUE		128

struct CallsRowTarget
{
	const CallsTableColumn *column;
	CallsConverter *converter;	/* NULL: the value is constant */
	int			cell;			/* index of its cell in a row */
	Datum		value;			/* the constant */
	bool		isnull;
};

/* A constant column's value in the type the table declares. */
static void
set_constant(CallsRowTarget *target, const char *text)
{
	Oid			input;
	Oid			ioparam;

	target->isnull = text == NULL;
	if (text == NULL)
		return;
	getTypeInputInfo(target->column->type, &input, &ioparam);
	target->value = OidInputFunctionCall(input, unconstify(char *, text), ioparam,
										 target->column->typmod);
}

/* Prepares one column. */
static void
init_target(CallsRowReader *reader, CallsRowTarget *target,
			const CallsTableColumn *column)
{
	const CallsColumn *source = column->column >= 0
		? &reader->def->columns[column->column] : NULL;
	const char *path = column->path;

	target->column = column;
	if (source != NULL)
	{
		switch (source->role)
		{
			case CALLS_COLUMN_SOURCE:
				set_constant(target, reader->settings->source);
				return;
			case CALLS_COLUMN_PROVIDER:
				set_constant(target, reader->def->provider);
				return;
			case CALLS_COLUMN_ABSENT:
				set_constant(target, NULL);
				return;
			case CALLS_COLUMN_RAW:
				path = "";
				break;
			case CALLS_COLUMN_VALUE:
				path = source->path;
				break;
		}
	}
	target->converter = calls_make_converter(column, source);
	target->cell = calls_add_path(reader->paths, &reader->npaths, path);
}

CallsRowReader *
calls_make_row_reader(Relation rel, const CallsDefinition *def,
					  const CallsSettings *settings,
					  const CallsTableColumn *columns, List *attributes)
{
	CallsRowReader *reader = palloc0_object(CallsRowReader);
	ListCell   *lc;

	reader->rel = rel;
	reader->def = def;
	reader->settings = settings;
	reader->context = CurrentMemoryContext;
	reader->targets = palloc0_array(CallsRowTarget, list_length(attributes) + 1);
	reader->paths = palloc0_array(const char *, list_length(attributes) + 1);
	foreach(lc, attributes)
		init_target(reader, &reader->targets[reader->ntargets++],
					&columns[lfirst_int(lc) - 1]);
	return reader;
}

/* "call "x"", as far as it is known. */
static const char *
describe_call(const CallsRowReader *reader, const CallsCell *key)
{
	char	   *id = calls_cell_text(key);

	if (id == NULL)
		return "a call without id";
	return psprintf("call \"%s\"", calls_printable(reader->settings, id));
}

/* A value that does not fit: an error, or a note. */
static void
handle_misfit(CallsRowReader *reader, const CallsRowTarget *target,
			  const CallsCell *cell, const CallsCell *key)
{
	const CallsConvertError *error = &reader->error;
	char	   *shown = calls_printable(reader->settings,
										pnstrdup(cell->start, cell->length));
	const char *message;
	bool		cut = strlen(shown) > MAX_SHOWN_VALUE;

	/* after masking, so that no part of a secret remains */
	if (cut)
		shown[pg_mbcliplen(shown, (int) strlen(shown), MAX_SHOWN_VALUE)] = '\0';
	message = psprintf("invalid value for column \"%s\" of %s: %s",
					   target->column->name, describe_call(reader, key), error->message);
	if (reader->settings->on_error == CALLS_ON_ERROR_SET_NULL)
	{
		if (reader->misfits++ == 0)
			reader->first_misfit = MemoryContextStrdup(reader->context, message);
		return;
	}
	ereport(ERROR,
			(errcode(error->sqlstate),
			 errmsg_internal("%s", message),
			 errdetail("The value is %s%s.", shown, cut ? "..." : ""),
			 errhint("The foreign table's option \"on_error\" can be set to \"set_null\".")));
}

/* Converts one column. */
static inline Datum
target_value(CallsRowReader *reader, const CallsRowTarget *target,
			 const CallsCell *cells, const CallsCell *key, bool *isnull)
{
	const CallsCell *cell;
	Datum		value;

	if (target->converter == NULL)
	{
		*isnull = target->isnull;
		return target->value;
	}
	cell = &cells[target->cell];
	if (!calls_convert(target->converter, cell,
					   reader->settings->on_error == CALLS_ON_ERROR_SET_NULL,
					   &value, isnull, &reader->error))
		handle_misfit(reader, target, cell, key);
	return value;
}

void
calls_read_row(CallsRowReader *reader, const CallsCell *cells, const CallsCell *key,
			   Datum *values, bool *isnull)
{
	memset(isnull, true, sizeof(bool) * RelationGetDescr(reader->rel)->natts);
	for (int i = 0; i < reader->ntargets; i++)
	{
		const CallsRowTarget *target = &reader->targets[i];
		int			index = target->column->attnum - 1;

		values[index] = target_value(reader, target, cells, key, &isnull[index]);
		if (isnull[index] && target->column->not_null)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
							target->column->name, RelationGetRelationName(reader->rel)),
					 errdetail("The provider gives no value for %s.",
							   describe_call(reader, key))));
	}
}

void
calls_warn_of_misfits(const CallsRowReader *reader)
{
	if (reader->misfits == 0)
		return;
	ereport(WARNING,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg_plural(INT64_FORMAT " value of foreign table \"%s\" did not fit its column and was replaced",
						   INT64_FORMAT " values of foreign table \"%s\" did not fit their columns and were replaced",
						   (unsigned long) reader->misfits,
						   reader->misfits, RelationGetRelationName(reader->rel)),
			 errdetail_internal("First: %s.", reader->first_misfit)));
}
