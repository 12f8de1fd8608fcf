/*
 * words.h
 *		The texts that the calls are made of, and the details of one call.
 *
 * A Detail is drawn anew whenever a call is written out, from the seed and the
 * call's number alone, so it need not be kept.
 */
#ifndef SIM_WORDS_H
#define SIM_WORDS_H

#include "sim.h"

#define NAGENTS			12
#define NOWN			40		/* own phone numbers: codes 1 .. NOWN of F_FROM and F_TO */
#define NCUSTOMERS		400		/* customers: the codes after those */
#define ANONYMOUS		(NOWN + NCUSTOMERS + 1)

typedef struct WordList
{
	const Word *words;
	uint32_t	count;
} WordList;

extern const WordList status_words[NPROVIDERS];
extern const char *const direction_words[NPROVIDERS][2];

extern const char *const mode_words[4];
extern const char *const language_words[5];
extern const char *const rating_words[4];
extern const char *const voicemail_words[2];

extern const char *const agent_names[NAGENTS];
extern const char *const account_names[3];
extern const char *const team_names[5];
extern const char *const costs[8];
extern const char *const summaries[16];
extern const char *const metadata_texts[8];
extern const char *const tag_texts[6];

/* What a call has beside the fields of Call; pointers are to constants, NULL is null */
typedef struct Detail
{
	char		id[UUID_TEXT];
	bool		escape;			/* write non-ASCII text as \u escapes */
	int			zone;			/* minutes east in which a timestamp is written */
	int64_t		answered;
	int64_t		ended;
	bool		web_call;
	bool		numberless;		/* a web call that leaves its numbers out */
	int			agent_version;
	int			account;
	const char *cost;
	const char *currency;
	const char *end_reason;
	const char *sentiment;
	const char *text;			/* summary, metadata, team or tags, as the provider has it */
	const char *tags;
} Detail;

/* draw.c */
#define LOG_END		INT64_C(1793491199000000)	/* 2026-10-31T23:59:59Z */
extern int64_t *draw_starts(const Provider *p, size_t n);
extern void call_draw(const Provider *p, Call *call, Detail *d);

/* render.c */
extern void render_call(const Provider *p, const Call *call, const Detail *d, Buf *out);
extern void render_csv(Provider *p, Buf *out);
extern void render_csv_call(const Provider *p, const Call *call, Buf *out);
extern const char *phone_text(uint32_t code, char *out);

#endif							/* SIM_WORDS_H */
