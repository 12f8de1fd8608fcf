/*-------------------------------------------------------------------------
 *
 * convert.c
 *		JSON value -> Datum, the way chosen once per column.
 *
 * What a column's source is (its group) and the type that the table declares
 * pick one function from the table "choices".  The common ones (text, times,
 * intervals, integers, booleans) neither raise nor allocate more than the
 * result.  The others end in an input function of the server, which may
 * raise; calls_call_guarded turns that into a return value.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "converter.h"

#define KIND(kind)		(1 << (kind))
#define ANY_STRING		KIND(CALLS_JSON_STRING)
#define ANY_NUMBER		KIND(CALLS_JSON_NUMBER)
#define ANY_BOOLEAN		(KIND(CALLS_JSON_TRUE) | KIND(CALLS_JSON_FALSE))
#define ANY_KIND		(ANY_STRING | ANY_NUMBER | ANY_BOOLEAN | \
						 KIND(CALLS_JSON_OBJECT) | KIND(CALLS_JSON_ARRAY))

/* What a source is, as far as conversion cares. */
typedef enum SourceGroup
{
	GROUP_STRING = 0,			/* text, e164, uuid */
	GROUP_ISO8601,
	GROUP_EPOCH,
	GROUP_DURATION,
	GROUP_NUMBER,				/* number, integer */
	GROUP_BOOLEAN,
	GROUP_JSON,
	GROUP_PATH					/* any, and whatever option "path" leads to */
} SourceGroup;

typedef struct GroupInfo
{
	int			kinds;			/* that a value may be of */
	const char *expected;		/* how messages call these */
	const char *sent;			/* what the API sends */
	const char *types;			/* that a column may have */
} GroupInfo;

static const GroupInfo groups[] = {
	[GROUP_STRING] = {
		.kinds = ANY_STRING,
		.expected = "string"
	},
	[GROUP_ISO8601] = {
		.kinds = ANY_STRING,
		.expected = "string",
		.sent = "a date and time",
		.types = "timestamptz, timestamp, date, bigint or text"
	},
	[GROUP_EPOCH] = {
		.kinds = ANY_NUMBER,
		.expected = "number",
		.sent = "a date and time",
		.types = "timestamptz, timestamp, date, bigint or text"
	},
	[GROUP_DURATION] = {
		.kinds = ANY_NUMBER,
		.expected = "number",
		.sent = "a duration",
		.types = "interval, integer, bigint, numeric or text"
	},
	[GROUP_NUMBER] = {
		.kinds = ANY_NUMBER,
		.expected = "number",
		.sent = "a number",
		.types = "numeric, integer, bigint, double precision or text"
	},
	[GROUP_BOOLEAN] = {
		.kinds = ANY_BOOLEAN,
		.expected = "boolean",
		.sent = "a boolean",
		.types = "boolean or text"
	},
	[GROUP_JSON] = {
		.kinds = ANY_KIND,
		.sent = "JSON",
		.types = "jsonb, json or text"
	},
	[GROUP_PATH] = {.kinds = ANY_KIND},
};

static const SourceGroup format_groups[] = {
	[CALLS_FORMAT_TEXT] = GROUP_STRING,
	[CALLS_FORMAT_E164] = GROUP_STRING,
	[CALLS_FORMAT_UUID] = GROUP_STRING,
	[CALLS_FORMAT_ISO8601] = GROUP_ISO8601,
	[CALLS_FORMAT_EPOCH_S] = GROUP_EPOCH,
	[CALLS_FORMAT_EPOCH_MS] = GROUP_EPOCH,
	[CALLS_FORMAT_S] = GROUP_DURATION,
	[CALLS_FORMAT_MS] = GROUP_DURATION,
	[CALLS_FORMAT_NUMBER] = GROUP_NUMBER,
	[CALLS_FORMAT_INTEGER] = GROUP_NUMBER,
	[CALLS_FORMAT_BOOLEAN] = GROUP_BOOLEAN,
	[CALLS_FORMAT_JSON] = GROUP_JSON,
	[CALLS_FORMAT_ANY] = GROUP_PATH,
};

/* A type, or a category of types, or neither: every type. */
typedef struct Choice
{
	SourceGroup group;
	Oid			type;
	char		category;
	CallsConvertFunction convert;
} Choice;

/* The first that fits counts.  TEXTOID includes varchar without limit. */
static const Choice choices[] = {
	{GROUP_STRING, TEXTOID, 0, calls_convert_text},
	{GROUP_STRING, UUIDOID, 0, calls_convert_uuid},
	{GROUP_STRING, InvalidOid, 0, calls_convert_input},

	{GROUP_ISO8601, TIMESTAMPTZOID, 0, calls_convert_iso8601},
	{GROUP_ISO8601, TIMESTAMPOID, 0, calls_convert_iso8601},
	{GROUP_ISO8601, DATEOID, 0, calls_convert_iso8601},
	{GROUP_ISO8601, INT8OID, 0, calls_convert_iso8601},
	{GROUP_ISO8601, TEXTOID, 0, calls_convert_text},
	{GROUP_ISO8601, InvalidOid, TYPCATEGORY_STRING, calls_convert_input},

	{GROUP_EPOCH, TIMESTAMPTZOID, 0, calls_convert_epoch},
	{GROUP_EPOCH, TIMESTAMPOID, 0, calls_convert_epoch},
	{GROUP_EPOCH, DATEOID, 0, calls_convert_epoch},
	{GROUP_EPOCH, INT8OID, 0, calls_convert_epoch_bigint},
	{GROUP_EPOCH, TEXTOID, 0, calls_convert_text},
	{GROUP_EPOCH, InvalidOid, TYPCATEGORY_STRING, calls_convert_input},

	{GROUP_DURATION, INTERVALOID, 0, calls_convert_interval},
	{GROUP_DURATION, INT4OID, 0, calls_convert_integer},
	{GROUP_DURATION, INT8OID, 0, calls_convert_integer},
	{GROUP_DURATION, INT2OID, 0, calls_convert_integer},
	{GROUP_DURATION, NUMERICOID, 0, calls_convert_decimal},
	{GROUP_DURATION, FLOAT8OID, 0, calls_convert_decimal},
	{GROUP_DURATION, FLOAT4OID, 0, calls_convert_decimal},
	{GROUP_DURATION, TEXTOID, 0, calls_convert_text},
	{GROUP_DURATION, InvalidOid, TYPCATEGORY_STRING, calls_convert_input},

	{GROUP_NUMBER, NUMERICOID, 0, calls_convert_decimal},
	{GROUP_NUMBER, INT4OID, 0, calls_convert_integer},
	{GROUP_NUMBER, INT8OID, 0, calls_convert_integer},
	{GROUP_NUMBER, INT2OID, 0, calls_convert_integer},
	{GROUP_NUMBER, TEXTOID, 0, calls_convert_text},
	{GROUP_NUMBER, JSONBOID, 0, calls_convert_jsonb},
	{GROUP_NUMBER, JSONOID, 0, calls_convert_written},
	{GROUP_NUMBER, InvalidOid, TYPCATEGORY_NUMERIC, calls_convert_input},
	{GROUP_NUMBER, InvalidOid, TYPCATEGORY_STRING, calls_convert_input},

	{GROUP_BOOLEAN, BOOLOID, 0, calls_convert_boolean},
	{GROUP_BOOLEAN, TEXTOID, 0, calls_convert_text},
	{GROUP_BOOLEAN, JSONBOID, 0, calls_convert_jsonb},
	{GROUP_BOOLEAN, JSONOID, 0, calls_convert_written},
	{GROUP_BOOLEAN, InvalidOid, TYPCATEGORY_STRING, calls_convert_input},

	{GROUP_JSON, JSONBOID, 0, calls_convert_jsonb},
	{GROUP_JSON, JSONOID, 0, calls_convert_written},
	{GROUP_JSON, TEXTOID, 0, calls_convert_written},
	{GROUP_JSON, InvalidOid, TYPCATEGORY_STRING, calls_convert_written_input},

	{GROUP_PATH, TEXTOID, 0, calls_convert_text},
	{GROUP_PATH, JSONBOID, 0, calls_convert_jsonb},
	{GROUP_PATH, JSONOID, 0, calls_convert_written},
	{GROUP_PATH, INT4OID, 0, calls_convert_integer},
	{GROUP_PATH, INT8OID, 0, calls_convert_integer},
	{GROUP_PATH, INT2OID, 0, calls_convert_integer},
	{GROUP_PATH, NUMERICOID, 0, calls_convert_decimal},
	{GROUP_PATH, BOOLOID, 0, calls_convert_boolean},
	{GROUP_PATH, TIMESTAMPTZOID, 0, calls_convert_any_time},
	{GROUP_PATH, TIMESTAMPOID, 0, calls_convert_any_time},
	{GROUP_PATH, DATEOID, 0, calls_convert_any_time},
	{GROUP_PATH, UUIDOID, 0, calls_convert_uuid},
	{GROUP_PATH, InvalidOid, 0, calls_convert_input},
};

/* How messages call what was found. */
static const char *const kind_names[] = {
	[CALLS_JSON_MISSING] = "nothing",
	[CALLS_JSON_NULL] = "null",
	[CALLS_JSON_STRING] = "string",
	[CALLS_JSON_NUMBER] = "number",
	[CALLS_JSON_TRUE] = "boolean",
	[CALLS_JSON_FALSE] = "boolean",
	[CALLS_JSON_OBJECT] = "object",
	[CALLS_JSON_ARRAY] = "array",
};

static SourceGroup
source_group(const CallsColumn *source)
{
	if (source == NULL)
		return GROUP_PATH;
	if (source->role == CALLS_COLUMN_RAW)
		return GROUP_JSON;
	return format_groups[source->format];
}

/* The function for a group and a base type, or NULL. */
static CallsConvertFunction
choose_function(SourceGroup group, Oid type, int32 typmod)
{
	char		category;
	bool		preferred;

	if (type == VARCHAROID && typmod < 0)
		type = TEXTOID;
	get_type_category_preferred(type, &category, &preferred);
	for (size_t i = 0; i < lengthof(choices); i++)
	{
		const Choice *choice = &choices[i];

		if (choice->group == group &&
			(choice->type == type ||
			 (choice->type == InvalidOid &&
			  (choice->category == 0 || choice->category == category))))
			return choice->convert;
	}
	return NULL;
}

/* Takes over a column's "values". */
static void
add_words(CallsConverter *converter, const CallsColumn *source)
{
	converter->nwords = source->nwords;
	converter->words = palloc(sizeof(CallsConverterWord) * source->nwords);
	for (int i = 0; i < source->nwords; i++)
	{
		CallsConverterWord *word = &converter->words[i];
		const char *common = source->words[i].common;

		word->native = source->words[i].native;
		word->native_length = strlen(word->native);
		word->common = pg_any_to_server(common, (int) strlen(common), PG_UTF8);
		word->common_length = strlen(word->common);
		word->text = PointerGetDatum(cstring_to_text(word->common));
	}
}

/* Notes how text gets from UTF-8 into the database's encoding. */
static void
set_encoding(CallsConverter *converter)
{
	converter->encoding = GetDatabaseEncoding();
	if (converter->encoding == PG_UTF8 || converter->encoding == PG_SQL_ASCII)
		return;
	converter->encoder = FindDefaultConversionProc(PG_UTF8, converter->encoding);
	if (!OidIsValid(converter->encoder))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot convert replies from UTF8 to encoding %s",
						GetDatabaseEncodingName())));
}

/* Makes the converter of a column. */
CallsConverter *
calls_make_converter(const CallsTableColumn *target, const CallsColumn *source)
{
	CallsConverter *converter = palloc0(sizeof(CallsConverter));
	SourceGroup group = source_group(source);
	Oid			input;

	converter->typmod = target->typmod;
	converter->type = getBaseTypeAndTypmod(target->type, &converter->typmod);
	if (converter->type != target->type)
		converter->domain = target->type;
	converter->context = CurrentMemoryContext;
	converter->type_name = format_type_with_typemod(converter->type,
													converter->typmod);
	converter->kinds = groups[group].kinds;
	converter->expected = groups[group].expected;
	converter->convert = choose_function(group, converter->type,
										 converter->typmod);
	if (converter->convert == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_DATA_TYPE),
				 errmsg("column \"%s\" cannot be of type %s", target->name,
						format_type_with_typemod(target->type, target->typmod)),
				 errdetail("The API sends %s.", groups[group].sent),
				 errhint("Declare the column as %s.", groups[group].types)));

	if (source != NULL && (source->format == CALLS_FORMAT_EPOCH_MS ||
						   source->format == CALLS_FORMAT_MS))
		converter->shift = -3;
	converter->truncate = group == GROUP_DURATION;
	if (source != NULL)
		add_words(converter, source);
	set_encoding(converter);
	getTypeInputInfo(converter->type, &input, &converter->ioparam);
	fmgr_info(input, &converter->input);
	return converter;
}

static Datum
check_domain(CallsConverter *converter, Datum value)
{
	domain_check(value, false, converter->domain, &converter->domain_state,
				 converter->context);
	return value;
}

static Datum
check_domain_null(CallsConverter *converter, Datum value)
{
	domain_check(value, true, converter->domain, &converter->domain_state,
				 converter->context);
	return value;
}

/* Converts a value that is there. */
static inline bool
convert_present(CallsConverter *converter, CallsConversion *conversion,
				Datum *value)
{
	CallsJsonKind kind = conversion->cell->kind;

	if ((converter->kinds & KIND(kind)) == 0)
		return calls_convert_fail(conversion, ERRCODE_INVALID_TEXT_REPRESENTATION,
								  psprintf("JSON %s expected, found %s",
										   converter->expected,
										   kind_names[kind]));
	if (!converter->convert(converter, conversion, value))
		return false;
	return !OidIsValid(converter->domain) ||
		calls_call_guarded(converter, conversion, check_domain, *value, value);
}

/* Converts one value into CurrentMemoryContext. */
bool
calls_convert(CallsConverter *converter, const CallsCell *cell, bool lenient,
			  Datum *value, bool *isnull, CallsConvertError *error)
{
	CallsConversion conversion;
	bool		good;

	*value = (Datum) 0;
	*isnull = cell->kind == CALLS_JSON_MISSING || cell->kind == CALLS_JSON_NULL;
	if (*isnull && !OidIsValid(converter->domain))
		return true;

	conversion.cell = cell;
	conversion.lenient = lenient;
	conversion.repaired = false;
	conversion.error = error;
	if (!*isnull)
		good = convert_present(converter, &conversion, value);
	else
		good = calls_call_guarded(converter, &conversion, check_domain_null,
								  (Datum) 0, value);
	if (!good)
	{
		error->repaired = false;
		*value = (Datum) 0;
		*isnull = true;
		return false;
	}
	if (conversion.repaired)
	{
		error->repaired = true;
		return calls_convert_fail_text(&conversion, CALLS_TEXT_NUL);
	}
	return true;
}

/* Text of a string, number or boolean cell in UTF-8, or NULL. */
char *
calls_cell_text(const CallsCell *cell)
{
	CallsUnescape how = {0};
	char	   *result;
	size_t		length;

	switch (cell->kind)
	{
		case CALLS_JSON_STRING:
			break;
		case CALLS_JSON_NUMBER:
		case CALLS_JSON_TRUE:
		case CALLS_JSON_FALSE:
			return pnstrdup(cell->start, cell->length);
		default:
			return NULL;
	}

	result = palloc(cell->length);	/* the quotes leave room for the null byte */
	if (!calls_is_utf8(cell->start, cell->length) ||
		calls_unescape(cell->start + 1, cell->length - 2, &how,
					   result, &length) != CALLS_TEXT_GOOD)
	{
		pfree(result);
		return NULL;
	}
	result[length] = '\0';
	return result;
}

/* Integer of a number cell. */
bool
calls_cell_int64(const CallsCell *cell, int64 *value)
{
	return cell->kind == CALLS_JSON_NUMBER &&
		calls_scale_number(cell->start, cell->length, 0, CALLS_ROUND_NEAREST,
						   value) == CALLS_NUMBER_EXACT;
}
