/*
 * util.c
 *		Byte buffers, random numbers and encodings.
 *
 * Running out of memory ends the program: a test server has nothing better to do.
 */
#include "util.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *
xmalloc(size_t size)
{
	return xrealloc(NULL, size);
}

void *
xrealloc(void *old, size_t size)
{
	void	   *p = realloc(old, size ? size : 1);

	if (p == NULL)
	{
		fprintf(stderr, "calls-simulator: out of memory\n");
		abort();
	}
	return p;
}

char *
xstrdup(const char *s)
{
	size_t		size = strlen(s) + 1;

	return memcpy(xmalloc(size), s, size);
}

/* Make room for some more bytes and a terminator. */
void
buf_reserve(Buf *b, size_t more)
{
	size_t		need = b->len + more + 1;

	if (need <= b->cap)
		return;
	b->cap = need > 2 * b->cap ? need : 2 * b->cap;
	if (b->cap < 64)
		b->cap = 64;
	b->data = xrealloc(b->data, b->cap);
}

void
buf_add(Buf *b, const void *bytes, size_t len)
{
	buf_reserve(b, len);
	if (len > 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_str(Buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_char(Buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_int(Buf *b, int64_t value)
{
	char		text[24];
	char	   *p = text + sizeof(text);
	uint64_t	rest = value < 0 ? -(uint64_t) value : (uint64_t) value;

	do
		*--p = (char) ('0' + rest % 10);
	while ((rest /= 10) != 0);
	if (value < 0)
		*--p = '-';
	buf_add(b, p, (size_t) (text + sizeof(text) - p));
}

void
buf_printf(Buf *b, const char *format,...)
{
	va_list		args;
	int			len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	buf_reserve(b, (size_t) len);
	va_start(args, format);
	vsnprintf(b->data + b->len, (size_t) len + 1, format, args);
	va_end(args);
	b->len += (size_t) len;
}

/* Length of the UTF-8 character at s, its code point in *code; 0 if it is not one. */
static size_t
utf8_char(const unsigned char *s, size_t len, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t		n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > len)
		return 0;
	*code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
	{
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n;
}

static void
buf_json_escape(Buf *b, uint32_t code)
{
	const char *plain = "\"\\\n\r\t\b\f";
	const char *letter = "\"\\nrtbf";
	const char *found = code > 0 && code < 0x80 ? strchr(plain, (int) code) : NULL;

	if (found)
		buf_printf(b, "\\%c", letter[found - plain]);
	else if (code >= 0x10000)
		buf_printf(b, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
	else
		buf_printf(b, "\\u%04x", code);
}

/*
 * Add a JSON string. With escape, everything beyond ASCII is written as \u;
 * bytes that are not UTF-8 become U+FFFD.
 */
void
buf_json(Buf *b, const char *s, size_t len, bool escape)
{
	buf_char(b, '"');
	for (size_t i = 0; i < len;)
	{
		uint32_t	code = 0;
		size_t		n = utf8_char((const unsigned char *) s + i, len - i, &code);

		if (n == 0)
			buf_str(b, "\\ufffd");
		else if (code < 0x20 || code == '"' || code == '\\' || (escape && n > 1))
			buf_json_escape(b, code);
		else
			buf_add(b, s + i, n);
		i += n > 0 ? n : 1;
	}
	buf_char(b, '"');
}

void
buf_free(Buf *b)
{
	free(b->data);
	*b = (Buf) {0};
}

/* splitmix64: a good 64-bit hash of x. */
uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The caller frees the result. */
char *
base64_encode(const char *s, size_t len)
{
	const unsigned char *in = (const unsigned char *) s;
	Buf			out = {0};

	buf_reserve(&out, len / 3 * 4 + 4);
	for (size_t i = 0; i < len; i += 3)
	{
		uint32_t	bits = (uint32_t) in[i] << 16;

		if (i + 1 < len)
			bits |= (uint32_t) in[i + 1] << 8;
		if (i + 2 < len)
			bits |= in[i + 2];
		buf_char(&out, base64_digits[bits >> 18]);
		buf_char(&out, base64_digits[bits >> 12 & 63]);
		buf_char(&out, i + 1 < len ? base64_digits[bits >> 6 & 63] : '=');
		buf_char(&out, i + 2 < len ? base64_digits[bits & 63] : '=');
	}
	return out.data;
}

/* Decode padded base64; NULL if it is not. The caller frees the result. */
char *
base64_decode(const char *s, size_t *len)
{
	size_t		n = strlen(s);
	size_t		pad = n > 0 && s[n - 1] == '=' ? (n > 1 && s[n - 2] == '=' ? 2 : 1) : 0;
	Buf			out = {0};

	if (n == 0 || n % 4 != 0)
		return NULL;
	for (size_t i = 0; i < n; i += 4)
	{
		uint32_t	bits = 0;
		char		bytes[3];

		for (size_t k = i; k < i + 4; k++)
		{
			const char *digit = k >= n - pad ? base64_digits : strchr(base64_digits, s[k]);

			if (digit == NULL)
			{
				buf_free(&out);
				return NULL;
			}
			bits = bits << 6 | (uint32_t) (digit - base64_digits);
		}
		bytes[0] = (char) (bits >> 16);
		bytes[1] = (char) (bits >> 8);
		bytes[2] = (char) bits;
		buf_add(&out, bytes, i + 4 == n ? 3 - pad : 3);
	}
	*len = out.len;
	return out.data;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo percent-encoding in place; returns the new length. */
size_t
url_decode(char *s, size_t len, bool plus_is_space)
{
	size_t		out = 0;

	for (size_t i = 0; i < len; i++)
	{
		if (s[i] == '%' && i + 2 < len && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0)
		{
			s[out++] = (char) (hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
			i += 2;
		}
		else
			s[out++] = plus_is_space && s[i] == '+' ? ' ' : s[i];
	}
	s[out] = '\0';
	return out;
}

/* Split and decode a query string in place. The caller frees the array; the names and values lie in query. */
Arg *
split_query(char *query, size_t *count)
{
	Arg		   *args = NULL;
	size_t		n = 0;

	while (query != NULL && *query != '\0')
	{
		char	   *next = strchr(query, '&');
		char	   *equal;

		if (next != NULL)
			*next++ = '\0';
		if (*query != '\0')
		{
			args = xrealloc(args, (n + 1) * sizeof(Arg));
			equal = strchr(query, '=');
			args[n] = (Arg) {.name = query};
			if (equal != NULL)
			{
				*equal = '\0';
				args[n].value = equal + 1;
				args[n].len = url_decode(equal + 1, strlen(equal + 1), true);
			}
			url_decode(query, strlen(query), true);
			n++;
		}
		query = next;
	}
	*count = n;
	return args;
}

int64_t
now_usecs(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * USECS_PER_SEC + ts.tv_nsec / 1000;
}
