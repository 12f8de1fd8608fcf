/*-------------------------------------------------------------------------
 *
 * json_text.h
 *		JSON strings and numbers as they stand in a reply.
 *
 * All functions take slices that pg_parse_json has accepted with need_escapes
 * off: well formed in everything but the meaning of escapes and the bytes of
 * UTF-8.  They allocate nothing unless they say so and raise nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_JSON_TEXT_H
#define CALLS_JSON_TEXT_H

#include "postgres.h"

/* What is wrong with the inside of a string. */
typedef enum CallsTextFault
{
	CALLS_TEXT_GOOD = 0,
	CALLS_TEXT_NUL,				/* \u0000, which no PostgreSQL text can hold */
	CALLS_TEXT_SURROGATE,		/* half of a surrogate pair */
	CALLS_TEXT_ESCAPE,			/* no such escape */
	CALLS_TEXT_UTF8				/* not UTF-8, or a NUL byte */
} CallsTextFault;

/* How to resolve escapes. */
typedef struct CallsUnescape
{
	bool		keep_json;		/* leave the text JSON: resolve only escapes
								 * of characters beyond ASCII */
	bool		replace_nul;	/* \u0000 becomes U+FFFD */
	bool		replaced;		/* set: that happened */
} CallsUnescape;

/* A hexadecimal digit's value, or -1. */
static inline int
calls_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Nothing but ASCII without a backslash? */
extern bool calls_is_plain_text(const char *text, size_t length);

/* Checks that the bytes are UTF-8 without NUL. */
extern bool calls_is_utf8(const char *text, size_t length);

/*
 * Resolves the escapes of a string's inside (or, with keep_json, of any JSON
 * text) into "result", which needs room for "length" bytes; returns the
 * number of bytes in *result_length.  It does not check UTF-8.
 */
extern CallsTextFault calls_unescape(const char *text, size_t length,
									 CallsUnescape *how,
									 char *result, size_t *result_length);

typedef enum CallsRounding
{
	CALLS_ROUND_NEAREST = 0,	/* halves away from zero */
	CALLS_ROUND_DOWN,			/* towards minus infinity */
	CALLS_ROUND_TO_ZERO
} CallsRounding;

typedef enum CallsNumberFit
{
	CALLS_NUMBER_EXACT = 0,
	CALLS_NUMBER_ROUNDED,
	CALLS_NUMBER_OVERFLOW
} CallsNumberFit;

/* A JSON number times 10 to the power of "shift" as an integer. */
extern CallsNumberFit calls_scale_number(const char *number, size_t length,
										 int shift, CallsRounding rounding,
										 int64 *result);

/* The same as exact decimal text, palloc'd. */
extern char *calls_shift_number(const char *number, size_t length, int shift);

#endif							/* CALLS_JSON_TEXT_H */
