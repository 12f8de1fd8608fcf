/*-------------------------------------------------------------------------
 *
 * json_text.c
 *		JSON strings and numbers as they stand in a reply.
 *
 * Numbers stay decimal: scaling one to an integer works on its digits, so
 * neither 0.1 nor 9007199254740993 loses anything to a float.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/int.h"
#include "mb/pg_wchar.h"

#include "json_text.h"

#define REPLACEMENT_CHARACTER 0xFFFD

/* Exponents beyond this overflow or vanish whatever the digits are. */
#define MAX_EXPONENT 2000000000

/* A number taken apart: digits and point, then a power of ten. */
typedef struct Decimal
{
	bool		negative;
	const char *mantissa;		/* digits, perhaps with a point */
	const char *mantissa_end;
	int64		int_digits;		/* digits before the point */
	int64		exponent;
} Decimal;

/*
 * A bit at the top of every byte of *text that is not ASCII, and of one or
 * more bytes where there is a backslash.
 */
static inline uint64
odd_bytes(const char *text)
{
	const uint64 ones = UINT64CONST(0x0101010101010101);
	uint64		word;
	uint64		zero_at_backslash;

	memcpy(&word, text, sizeof(word));
	zero_at_backslash = word ^ (ones * '\\');
	return (word | ((zero_at_backslash - ones) & ~zero_at_backslash)) & (ones * 0x80);
}

/*
 * Nothing but ASCII without a backslash?  Eight bytes at a time, the last ones
 * perhaps twice.
 */
bool
calls_is_plain_text(const char *text, size_t length)
{
	const char *end = text + length;
	uint64		odd = 0;

	if (length >= sizeof(odd))
	{
		for (; end - text > (int) sizeof(odd); text += sizeof(odd))
			odd |= odd_bytes(text);
		return (odd | odd_bytes(end - sizeof(odd))) == 0;
	}
	for (; text < end; text++)
		if (IS_HIGHBIT_SET(*text) || *text == '\\')
			return false;
	return true;
}

/* Checks that the bytes are UTF-8 without NUL. */
bool
calls_is_utf8(const char *text, size_t length)
{
	return length <= PG_INT32_MAX &&
		pg_encoding_verifymbstr(PG_UTF8, text, (int) length) == (int) length;
}

/* Four hexadecimal digits, or -1. */
static int
read_hex4(const char *text, const char *end)
{
	int			code = 0;

	if (end - text < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		int			digit = calls_hex_digit(text[i]);

		if (digit < 0)
			return -1;
		code = code << 4 | digit;
	}
	return code;
}

/*
 * Reads what follows "\u": one code point, from one escape or from a
 * surrogate pair.  *text moves behind it.
 */
static CallsTextFault
read_code_point(const char **text, const char *end, pg_wchar *code)
{
	int			first = read_hex4(*text, end);
	int			second;

	if (first < 0)
		return CALLS_TEXT_ESCAPE;
	*text += 4;
	*code = first;
	if (is_utf16_surrogate_second(*code))
		return CALLS_TEXT_SURROGATE;
	if (!is_utf16_surrogate_first(*code))
		return first == 0 ? CALLS_TEXT_NUL : CALLS_TEXT_GOOD;

	if (end - *text < 6 || (*text)[0] != '\\' || (*text)[1] != 'u')
		return CALLS_TEXT_SURROGATE;
	second = read_hex4(*text + 2, end);
	if (second < 0 || !is_utf16_surrogate_second((pg_wchar) second))
		return CALLS_TEXT_SURROGATE;
	*text += 6;
	*code = surrogate_pair_to_codepoint(*code, (pg_wchar) second);
	return CALLS_TEXT_GOOD;
}

/* The character of an escape other than \u, or 0. */
static char
simple_escape(char c)
{
	switch (c)
	{
		case '"':
		case '\\':
		case '/':
			return c;
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		default:
			return 0;
	}
}

/*
 * Resolves one escape, *text being behind its backslash, and appends it at
 * *out.  Both move on.
 */
static CallsTextFault
unescape_one(const char **text, const char *end, CallsUnescape *how, char **out)
{
	const char *escape = *text;
	CallsTextFault fault;
	pg_wchar	code;

	if (escape >= end)
		return CALLS_TEXT_ESCAPE;
	if (*escape != 'u')
	{
		char		c = simple_escape(*escape);

		if (c == 0)
			return CALLS_TEXT_ESCAPE;
		if (how->keep_json)
			*(*out)++ = '\\';
		*(*out)++ = how->keep_json ? *escape : c;
		*text = escape + 1;
		return CALLS_TEXT_GOOD;
	}

	*text = escape + 1;
	fault = read_code_point(text, end, &code);
	if (fault == CALLS_TEXT_NUL && how->replace_nul)
	{
		how->replaced = true;
		code = REPLACEMENT_CHARACTER;
	}
	else if (fault != CALLS_TEXT_GOOD)
		return fault;

	if (how->keep_json && code < 0x80)
	{
		*(*out)++ = '\\';
		memcpy(*out, escape, *text - escape);
		*out += *text - escape;
		return CALLS_TEXT_GOOD;
	}
	unicode_to_utf8(code, (unsigned char *) *out);
	*out += pg_utf_mblen((unsigned char *) *out);
	return CALLS_TEXT_GOOD;
}

/*
 * Resolves the escapes of a string's inside or, with keep_json, of any JSON
 * text.  No escape is shorter than its character, so "length" bytes of room
 * are enough.
 */
CallsTextFault
calls_unescape(const char *text, size_t length, CallsUnescape *how,
			   char *result, size_t *result_length)
{
	const char *end = text + length;
	char	   *out = result;

	how->replaced = false;
	while (text < end)
	{
		const char *backslash = memchr(text, '\\', end - text);
		size_t		run = (backslash ? backslash : end) - text;
		CallsTextFault fault;

		memcpy(out, text, run);
		out += run;
		if (backslash == NULL)
			break;
		text = backslash + 1;
		fault = unescape_one(&text, end, how, &out);
		if (fault != CALLS_TEXT_GOOD)
			return fault;
	}
	*result_length = out - result;
	return CALLS_TEXT_GOOD;
}

/* Takes a number apart. */
static void
split_number(const char *number, size_t length, Decimal *decimal)
{
	const char *end = number + length;
	const char *at = number;
	bool		negative = false;

	decimal->negative = (at < end && *at == '-');
	if (decimal->negative)
		at++;
	decimal->mantissa = at;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	decimal->int_digits = at - decimal->mantissa;
	if (at < end && *at == '.')
		for (at++; at < end && *at >= '0' && *at <= '9'; at++)
			;
	decimal->mantissa_end = at;

	decimal->exponent = 0;
	if (at == end)
		return;
	at++;						/* e or E */
	if (at < end && (*at == '+' || *at == '-'))
		negative = (*at++ == '-');
	for (; at < end; at++)
		decimal->exponent = Min(decimal->exponent * 10 + (*at - '0'), MAX_EXPONENT);
	if (negative)
		decimal->exponent = -decimal->exponent;
}

/* *result = *result * 10 - digit; false where that overflows. */
static inline bool
append_digit(int64 *result, int digit)
{
	return !pg_mul_s64_overflow(*result, 10, result) &&
		!pg_sub_s64_overflow(*result, digit, result);
}

/* Rounds and gives the sign back to what was summed up as a negative number. */
static CallsNumberFit
finish_scaling(const Decimal *decimal, CallsRounding rounding, bool exact,
			   int first_dropped, int64 *result)
{
	bool		away = false;	/* from zero */

	if (rounding == CALLS_ROUND_NEAREST)
		away = first_dropped >= 5;
	else if (rounding == CALLS_ROUND_DOWN)
		away = !exact && decimal->negative;

	if (away && pg_sub_s64_overflow(*result, 1, result))
		return CALLS_NUMBER_OVERFLOW;
	if (!decimal->negative && pg_sub_s64_overflow(0, *result, result))
		return CALLS_NUMBER_OVERFLOW;
	return exact ? CALLS_NUMBER_EXACT : CALLS_NUMBER_ROUNDED;
}

/*
 * A JSON number times 10 to the power of "shift" as an integer.  The digits
 * are summed up as a negative number, whose range is the wider one.
 */
CallsNumberFit
calls_scale_number(const char *number, size_t length, int shift,
				   CallsRounding rounding, int64 *result)
{
	Decimal		decimal;
	int64		wanted;			/* digits of the integer */
	int64		position = 0;
	int			first_dropped = 0;
	bool		exact = true;

	split_number(number, length, &decimal);
	wanted = decimal.int_digits + decimal.exponent + shift;
	*result = 0;
	for (const char *at = decimal.mantissa; at < decimal.mantissa_end; at++)
	{
		int			digit = *at - '0';

		if (*at == '.')
			continue;
		if (position < wanted)
		{
			if (!append_digit(result, digit))
				return CALLS_NUMBER_OVERFLOW;
		}
		else
		{
			if (position == wanted)
				first_dropped = digit;
			if (digit != 0)
				exact = false;
		}
		position++;
	}
	for (; position < wanted && *result != 0; position++)
		if (!append_digit(result, 0))
			return CALLS_NUMBER_OVERFLOW;
	return finish_scaling(&decimal, rounding, exact, first_dropped, result);
}

/* A number times 10 to the power of "shift" as decimal text, palloc'd. */
char *
calls_shift_number(const char *number, size_t length, int shift)
{
	Decimal		decimal;

	split_number(number, length, &decimal);
	if (decimal.exponent + shift == 0)
		return pnstrdup(number, decimal.mantissa_end - number);
	return psprintf("%.*se" INT64_FORMAT, (int) (decimal.mantissa_end - number),
					number, decimal.exponent + shift);
}
