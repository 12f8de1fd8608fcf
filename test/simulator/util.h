/*
 * util.h
 *		Byte buffers, random numbers, encodings, and values as text.
 *
 * Nothing here knows of calls, providers or HTTP.
 */
#ifndef SIM_UTIL_H
#define SIM_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define lengthof(array) (sizeof(array) / sizeof((array)[0]))

#define USECS_PER_SEC	INT64_C(1000000)
#define NO_TIME			INT64_MIN	/* a null timestamp */

/* Room for one formatted timestamp or UUID, with the terminator */
#define TIME_TEXT		40
#define UUID_TEXT		37

/* A growing byte string; always zero-terminated once something was added */
typedef struct Buf
{
	char	   *data;
	size_t		len;
	size_t		cap;
} Buf;

/* A piece of text that somebody else owns */
typedef struct Text
{
	const char *s;
	size_t		len;
} Text;

/* A decoded name=value pair; value is NULL where there was no '=' */
typedef struct Arg
{
	char	   *name;
	char	   *value;
	size_t		len;			/* of value, which may contain zero bytes */
} Arg;

extern void *xmalloc(size_t size);
extern void *xrealloc(void *old, size_t size);
extern char *xstrdup(const char *s);

extern void buf_reserve(Buf *b, size_t more);
extern void buf_add(Buf *b, const void *bytes, size_t len);
extern void buf_str(Buf *b, const char *s);
extern void buf_char(Buf *b, char c);
extern void buf_int(Buf *b, int64_t value);
extern void buf_printf(Buf *b, const char *format,...) __attribute__((format(printf, 2, 3)));
extern void buf_json(Buf *b, const char *s, size_t len, bool escape);
extern void buf_free(Buf *b);

extern uint64_t mix(uint64_t x);

/* formats.c */
extern bool parse_int(const char *s, size_t len, int64_t *value);
extern bool parse_time(const char *s, size_t len, bool need_zone, int64_t *usecs);
extern char *format_time(char *out, int64_t usecs, int digits, int zone_minutes);
extern char *format_http_date(char *out, size_t size, int64_t seconds);

extern bool is_uuid(const char *s, size_t len);
extern bool is_e164(const char *s, size_t len);
extern char *format_uuid(char *out, uint64_t high, uint64_t low);
extern bool parse_uuid(const char *s, size_t len, uint64_t *high, uint64_t *low);

/* util.c */
extern char *base64_encode(const char *s, size_t len);
extern char *base64_decode(const char *s, size_t *len);

extern size_t url_decode(char *s, size_t len, bool plus_is_space);
extern Arg *split_query(char *query, size_t *count);

extern int64_t now_usecs(void);

#endif							/* SIM_UTIL_H */
