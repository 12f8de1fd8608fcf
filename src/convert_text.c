/*-------------------------------------------------------------------------
 *
 * convert_text.c
 *		JSON value -> text, and through text to any type.
 *
 * Bytes arrive in UTF-8; results are in the database's encoding.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "compat.h"
#include "converter.h"

/* Fills the error; always false. */
bool
calls_convert_fail(CallsConversion *conversion, int sqlstate,
				   const char *message)
{
	CallsConvertError *error = conversion->error;
	int			length = (int) strlen(message);

	error->sqlstate = sqlstate;
	length = pg_mbcliplen(message, length, sizeof(error->message) - 1);
	memcpy(error->message, message, length);
	error->message[length] = '\0';
	return false;
}

/* A value that the type cannot hold. */
bool
calls_convert_fail_range(CallsConverter *converter,
						 CallsConversion *conversion, int sqlstate)
{
	return calls_convert_fail(conversion, sqlstate,
							  psprintf("out of range for type %s",
									   converter->type_name));
}

/* What is wrong with the inside of a string. */
bool
calls_convert_fail_text(CallsConversion *conversion, CallsTextFault fault)
{
	switch (fault)
	{
		case CALLS_TEXT_NUL:
			return calls_convert_fail(conversion,
									  ERRCODE_UNTRANSLATABLE_CHARACTER,
									  "\\u0000 cannot be stored");
		case CALLS_TEXT_SURROGATE:
			return calls_convert_fail(conversion,
									  ERRCODE_INVALID_TEXT_REPRESENTATION,
									  "half of a Unicode surrogate pair");
		case CALLS_TEXT_UTF8:
			return calls_convert_fail(conversion,
									  ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
									  "invalid UTF-8");
		default:
			return calls_convert_fail(conversion,
									  ERRCODE_INVALID_TEXT_REPRESENTATION,
									  "invalid escape in a JSON string");
	}
}

/*
 * Turns the caught error into a return value, or raises it again where it is
 * not about the value.  An error with context was raised inside a function
 * that the server called in turn (the check of a domain may call any), and
 * only the end of a transaction cleans up after that.  "context" says that
 * the called function adds context of its own.  Most of the server's messages
 * quote the value, so few are taken over.
 */
static bool
absorb_error(CallsConverter *converter, CallsConversion *conversion,
			 bool context)
{
	ErrorData  *edata = CopyErrorData();
	int			sqlstate = edata->sqlerrcode;
	bool		violation = ERRCODE_TO_CATEGORY(sqlstate) ==
		ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;

	if ((!violation && ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_DATA_EXCEPTION) ||
		(edata->context != NULL && !context))
		PG_RE_THROW();
	FlushErrorState();

	if (violation || sqlstate == ERRCODE_STRING_DATA_RIGHT_TRUNCATION)
		calls_convert_fail(conversion, sqlstate, edata->message);
	else if (sqlstate == ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE ||
			 sqlstate == ERRCODE_DATETIME_VALUE_OUT_OF_RANGE)
		calls_convert_fail_range(converter, conversion, sqlstate);
	else
		calls_convert_fail(conversion, sqlstate,
						   psprintf("not valid for type %s",
									converter->type_name));
	FreeErrorData(edata);
	return false;
}

static Datum
call_input(CallsConverter *converter, Datum argument)
{
	return InputFunctionCall(&converter->input, DatumGetCString(argument),
							 converter->ioparam, converter->typmod);
}

/* Calls a function that may raise. */
bool
calls_call_guarded(CallsConverter *converter, CallsConversion *conversion,
				   CallsGuardedFunction function, Datum argument, Datum *value)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorContextCallback *callbacks = error_context_stack;
	bool		json = function == call_input &&
		(converter->type == JSONBOID || converter->type == JSONOID);
	volatile bool good = true;

	PG_TRY();
	{
		error_context_stack = NULL; /* see absorb_error */
		*value = function(converter, argument);
		error_context_stack = callbacks;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		good = absorb_error(converter, conversion, json);
	}
	PG_END_TRY();
	return good;
}

/* Runs the type's input function over text in the database's encoding. */
bool
calls_input_text(CallsConverter *converter, CallsConversion *conversion,
				 char *text, Datum *value)
{
	return calls_call_guarded(converter, conversion, call_input,
							  CStringGetDatum(text), value);
}

/*
 * Text and where it lies in its palloc'd buffer: a header, the text in the
 * database's encoding, and a null byte that is not counted.
 */
typedef struct TextBuffer
{
	char	   *data;
	size_t		header;			/* bytes before the text */
	size_t		length;			/* of the text */
} TextBuffer;

static Datum
buffer_text(const TextBuffer *buffer)
{
	SET_VARSIZE(buffer->data, buffer->header + buffer->length);
	return PointerGetDatum(buffer->data);
}

/* Copies bytes that are in the database's encoding. */
static bool
copy_bytes(const char *text, size_t length, TextBuffer *buffer)
{
	buffer->data = palloc(buffer->header + length + 1);
	memcpy(buffer->data + buffer->header, text, length);
	buffer->data[buffer->header + length] = '\0';
	buffer->length = length;
	return true;
}

/* Copies UTF-8 into the database's encoding. */
static bool
encode_bytes(CallsConverter *converter, CallsConversion *conversion,
			 const char *text, size_t length, TextBuffer *buffer)
{
	size_t		room = (length + 1) * MAX_CONVERSION_GROWTH + 1;
	int			done;

	if (!OidIsValid(converter->encoder))
		return copy_bytes(text, length, buffer);
	if (room + buffer->header > MaxAllocSize)
		return calls_convert_fail(conversion, ERRCODE_STRING_DATA_LENGTH_MISMATCH,
								  psprintf("too long to be converted to encoding %s",
										   GetDatabaseEncodingName()));
	buffer->data = palloc(buffer->header + room);
	done = pg_do_encoding_conversion_buf(converter->encoder, PG_UTF8,
										 converter->encoding,
										 (unsigned char *) unconstify(char *, text),
										 (int) length,
										 (unsigned char *) buffer->data + buffer->header,
										 (int) room, true);
	if (done != (int) length)
		return calls_convert_fail(conversion, ERRCODE_UNTRANSLATABLE_CHARACTER,
								  psprintf("a character has no equivalent in encoding %s",
										   GetDatabaseEncodingName()));
	buffer->length = strlen(buffer->data + buffer->header);
	return true;
}

/* SQL_ASCII takes any bytes but NUL. */
static bool
check_bytes(CallsConverter *converter, CallsConversion *conversion,
			const char *text, size_t length)
{
	bool		good = converter->encoding == PG_SQL_ASCII ?
		memchr(text, '\0', length) == NULL : calls_is_utf8(text, length);

	return good || calls_convert_fail_text(conversion, CALLS_TEXT_UTF8);
}

/* The word of "values" that the text is, or NULL. */
static inline const CallsConverterWord *
find_word(const CallsConverter *converter, const char *text, size_t length)
{
	for (int i = 0; i < converter->nwords; i++)
	{
		const CallsConverterWord *word = &converter->words[i];

		if (word->native_length == length &&
			memcmp(word->native, text, length) == 0)
			return word;
	}
	return NULL;
}

/* Puts "values" to work; false: the word is not among them. */
static bool
copy_word(const CallsConverter *converter, const char *text, size_t length,
		  TextBuffer *buffer)
{
	const CallsConverterWord *word = find_word(converter, text, length);

	return word != NULL && copy_bytes(word->common, word->common_length, buffer);
}

/* The inside of a string that is not plain. */
static bool
copy_escaped(CallsConverter *converter, CallsConversion *conversion,
			 const char *text, size_t length, TextBuffer *buffer)
{
	CallsUnescape how = {.replace_nul = conversion->lenient};
	CallsTextFault fault;
	char	   *unescaped;
	bool		good;

	if (!check_bytes(converter, conversion, text, length))
		return false;
	if (memchr(text, '\\', length) == NULL)
		return copy_word(converter, text, length, buffer) ||
			encode_bytes(converter, conversion, text, length, buffer);

	unescaped = palloc(length);
	fault = calls_unescape(text, length, &how, unescaped, &length);
	conversion->repaired |= how.replaced;
	good = fault == CALLS_TEXT_GOOD ?
		copy_word(converter, unescaped, length, buffer) ||
		encode_bytes(converter, conversion, unescaped, length, buffer) :
		calls_convert_fail_text(conversion, fault);
	pfree(unescaped);
	return good;
}

/* The value's JSON text as it stands in the reply. */
static bool
copy_written(CallsConverter *converter, CallsConversion *conversion,
			 TextBuffer *buffer)
{
	const CallsCell *cell = conversion->cell;

	if (calls_is_plain_text(cell->start, cell->length))
		return copy_bytes(cell->start, cell->length, buffer);
	return check_bytes(converter, conversion, cell->start, cell->length) &&
		encode_bytes(converter, conversion, cell->start, cell->length, buffer);
}

/* The value's text: strings without quotes and escapes, mapped by words. */
static bool
copy_text(CallsConverter *converter, CallsConversion *conversion,
		  TextBuffer *buffer)
{
	const char *text = conversion->cell->start + 1;
	size_t		length = conversion->cell->length - 2;

	if (conversion->cell->kind != CALLS_JSON_STRING)
		return copy_written(converter, conversion, buffer);
	if (!calls_is_plain_text(text, length))
		return copy_escaped(converter, conversion, text, length, buffer);
	return copy_word(converter, text, length, buffer) ||
		copy_bytes(text, length, buffer);
}

/* To text, or varchar without limit; a word of "values" is not copied. */
bool
calls_convert_text(CallsConverter *converter, CallsConversion *conversion,
				   Datum *value)
{
	const CallsCell *cell = conversion->cell;
	const char *text = cell->start + 1;
	size_t		length = cell->length - 2;
	const CallsConverterWord *word;
	TextBuffer	buffer = {.header = VARHDRSZ};

	if (cell->kind == CALLS_JSON_STRING && calls_is_plain_text(text, length))
	{
		word = find_word(converter, text, length);
		if (word != NULL)
		{
			*value = word->text;
			return true;
		}
		copy_bytes(text, length, &buffer);
	}
	else if (!copy_text(converter, conversion, &buffer))
		return false;
	*value = buffer_text(&buffer);
	return true;
}

/* To json, or to text with the quotes and escapes of a string kept. */
bool
calls_convert_written(CallsConverter *converter, CallsConversion *conversion,
					  Datum *value)
{
	TextBuffer	buffer = {.header = VARHDRSZ};

	if (!copy_written(converter, conversion, &buffer))
		return false;
	*value = buffer_text(&buffer);
	return true;
}

/* To any type, through the input function over the text. */
bool
calls_convert_input(CallsConverter *converter, CallsConversion *conversion,
					Datum *value)
{
	TextBuffer	buffer = {0};

	return copy_text(converter, conversion, &buffer) &&
		calls_input_text(converter, conversion, buffer.data, value);
}

/* The same over the JSON text. */
bool
calls_convert_written_input(CallsConverter *converter,
							CallsConversion *conversion, Datum *value)
{
	TextBuffer	buffer = {0};

	return copy_written(converter, conversion, &buffer) &&
		calls_input_text(converter, conversion, buffer.data, value);
}

/*
 * To jsonb.  Escapes are checked before jsonb_in sees them, and beyond ASCII
 * resolved, since jsonb_in cannot translate them in every encoding.
 */
bool
calls_convert_jsonb(CallsConverter *converter, CallsConversion *conversion,
					Datum *value)
{
	const CallsCell *cell = conversion->cell;
	CallsUnescape how = {
		.keep_json = true,
		.replace_nul = conversion->lenient
	};
	CallsTextFault fault;
	TextBuffer	buffer = {0};
	char	   *text;
	size_t		length;

	if (memchr(cell->start, '\\', cell->length) == NULL)
		return calls_convert_written_input(converter, conversion, value);
	if (!check_bytes(converter, conversion, cell->start, cell->length))
		return false;
	text = palloc(cell->length);
	fault = calls_unescape(cell->start, cell->length, &how, text, &length);
	if (fault != CALLS_TEXT_GOOD)
		return calls_convert_fail_text(conversion, fault);
	conversion->repaired |= how.replaced;
	return encode_bytes(converter, conversion, text, length, &buffer) &&
		calls_input_text(converter, conversion, buffer.data, value);
}

/* To uuid: the canonical form here, others through the input function. */
bool
calls_convert_uuid(CallsConverter *converter, CallsConversion *conversion,
				   Datum *value)
{
	const char *text = conversion->cell->start + 1;
	pg_uuid_t  *uuid;

	if (conversion->cell->kind != CALLS_JSON_STRING ||
		conversion->cell->length != 36 + 2)
		return calls_convert_input(converter, conversion, value);

	uuid = palloc(sizeof(pg_uuid_t));
	for (int i = 0; i < UUID_LEN; i++)
	{
		int			high;
		int			low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return calls_convert_input(converter, conversion, value);
		high = calls_hex_digit(*text++);
		low = high < 0 ? -1 : calls_hex_digit(*text++);
		if (low < 0)
			return calls_convert_input(converter, conversion, value);
		uuid->data[i] = (unsigned char) (high << 4 | low);
	}
	*value = UUIDPGetDatum(uuid);
	return true;
}
