/*
 * providers.h
 *		What the providers' pages say: addresses, keys, parameters, the forms of replies.
 */
#ifndef SIM_PROVIDERS_H
#define SIM_PROVIDERS_H

#include "params.h"

typedef enum RowsForm
{
	ROWS_ARRAY, ROWS_NONE, ROWS_OBJECT
} RowsForm;

/* A page about to be written */
typedef struct Page
{
	Provider   *p;
	const Query *q;
	Text		rows[MAX_PAGE];
	size_t		nrows;
	RowsForm	form;
	size_t		start;			/* position of the first row in the list */
	bool		reverse;		/* the list is read backwards */
	size_t		matching;		/* calls that match, as they are */
	bool		more;
	char	   *next;			/* JSON text of the next position; owned, NULL: there is no such member */
	char	   *edited;			/* text of a row that a fault changed; owned */
} Page;

struct ProviderDef
{
	const char *name;
	const char *method;
	const char *path;
	const char *key_header;
	const char *key;			/* the header's whole value */
	const Param *params;		/* ended by one without a name */
	int64_t		default_limit;
	bool		ascending;		/* default order, where there is one */
	bool		free_order;		/* the order is undocumented: the switch order says */
	bool		rate_headers;	/* X-RateLimit-* on every reply */
	const char *one_path;		/* of one call, up to its id; NULL: undocumented. By GET */
	void		(*wrap) (const Page *page, Buf *out);
	void		(*error) (Buf *out, unsigned status, const char *code, const char *field, const char *message);
};

extern const ProviderDef provider_defs[NPROVIDERS];

#endif							/* SIM_PROVIDERS_H */
