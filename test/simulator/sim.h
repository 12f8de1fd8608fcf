/*
 * sim.h
 *		The simulator's shared types: providers, calls, switches, faults.
 *
 * Everything below the Sim struct is guarded by sim.lock, save what is const.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <pthread.h>

#include "util.h"

#define MAX_PAGE		1000	/* the largest page any provider documents */
#define MAX_FILTERS		24		/* more than any provider has */
#define MAX_CACHED		16		/* filter results kept per provider */
#define NO_CODE			UINT32_MAX	/* a value that no call has */

typedef enum ProviderId
{
	VOICY, TRYVOX, SOLOMOBILE, WHIPPY, RINGYO, ACME, NPROVIDERS
} ProviderId;

/* What equality filters can ask for. A call keeps one code per field; 0 is null. */
typedef enum Field
{
	F_STATUS, F_DIRECTION, F_AGENT, F_FROM, F_TO, F_MODE, F_LANGUAGE, F_RATING, F_VOICEMAIL,
	F_AGENT_VERSION, F_CONTACT, F_CONVERSATION, F_CHANNEL, NFIELDS
} Field;

typedef enum Phase
{
	RUNNING, DONE, FAILED
} Phase;

/* A provider's word for a status */
typedef struct Word
{
	const char *native;
	const char *common;			/* what the table's column status shows */
	int			weight;			/* share of the calls; 0: a word of replies only */
	Phase		phase;
} Word;

typedef struct Call
{
	int64_t		started;		/* microseconds; the sort key even of an undated call */
	int64_t		duration;		/* milliseconds; -1: null */
	char	   *json;			/* the object as served; in the provider's arena */
	uint32_t	json_len;
	uint32_t	number;			/* ascending in order of started; ids are made from it */
	uint32_t	codes[NFIELDS];
	uint16_t	updates;		/* how often its status was moved forward */
	bool		undated;		/* created_at is null */
	bool		deleted;		/* kept, so that paging can go on from it */
} Call;

typedef enum CursorMode
{
	CURSOR_EXACT, CURSOR_INCLUSIVE, CURSOR_EXCLUSIVE
} CursorMode;

typedef enum TotalMode
{
	TOTAL_EXACT, TOTAL_MISSING, TOTAL_CAPPED, TOTAL_SHIFTED
} TotalMode;

typedef enum OrderMode
{
	ORDER_CREATED, ORDER_ID, ORDER_RANDOM
} OrderMode;

typedef enum CompressMode
{
	COMPRESS_AUTO, COMPRESS_NONE, COMPRESS_GZIP, COMPRESS_DEFLATE
} CompressMode;

/* What the documents leave open; see README.md. All zero (but calls) is the default. */
typedef struct Switches
{
	int64_t		calls;
	int64_t		max_limit;
	int64_t		latency;
	int64_t		rate;			/* list requests a second; 0: no limit */
	int64_t		quota;			/* list requests in QUOTA_SECONDS; 0: no limit */
	int64_t		total_shift;	/* with TOTAL_SHIFTED */
	int			exclusive_bounds;
	int			key_inclusive;
	int			cursor;
	int			all_statuses;
	int			ignore_empty;
	int			filters_off;
	int			total;
	int			order;
	int			compress;
	char		ignored[256];	/* comma list of filters to ignore */
} Switches;

typedef enum FaultKind
{
	FAULT_NONE, FAULT_STATUS, FAULT_DELAY, FAULT_HANG, FAULT_REFUSE, FAULT_RESET, FAULT_TRUNCATE, FAULT_HTML,
	FAULT_EMPTY, FAULT_NOROWS, FAULT_ROWSOBJECT, FAULT_DEEP, FAULT_BIG, FAULT_VALUE, FAULT_RAW, FAULT_SAMECURSOR,
	FAULT_NOCURSOR, FAULT_FOREIGNLINK
} FaultKind;

/* An armed fault; strings are NULL where not given */
typedef struct Fault
{
	FaultKind	kind;
	int64_t		from;			/* the provider's request number it starts after */
	int64_t		left;			/* how often it still applies; -1: always */
	int64_t		code;
	int64_t		reset;			/* -1: not given */
	int64_t		skew;			/* seconds the Date header is ahead of the clock */
	int64_t		ms;
	int64_t		bytes;
	int64_t		row;			/* -1: the page's own object */
	int			compress;
	char	   *retry_after;
	char	   *hint;
	char	   *message;
	char	   *field;
	char	   *json;
	char	   *url;
} Fault;

typedef enum ChangeWhere
{
	AT_NEWEST, AT_OLDEST, AT_RANDOM
} ChangeWhere;

typedef struct Change
{
	int64_t		due;			/* the provider's request number it waits for */
	int64_t		insert;
	int64_t		delete;
	int64_t		update;
	ChangeWhere where;
} Change;

/* The calls that match a filter, in serving order or ascending by (started, number) */
typedef struct List
{
	char	   *key;			/* the filter's canonical text; NULL: unused */
	Call	  **calls;
	size_t		count;
	uint64_t	used;			/* for least-recently-used replacement */
} List;

typedef struct ProviderDef ProviderDef;

typedef struct Provider
{
	ProviderId	id;
	const ProviderDef *def;
	Switches	sw;

	/* data, made on first use */
	bool		loaded;
	bool		changed;		/* by /_sim/change since it was made */
	Buf			history;		/* how: a line per change, see /_sim/changes */
	Call	  **calls;			/* ascending by (started, number), without deleted ones */
	size_t		ncalls;
	Call	  **by_number;		/* all calls ever, also deleted ones */
	size_t		nnumbers;
	size_t		cap;			/* of both arrays */
	Call	   *block;			/* the calls that were there at first */
	size_t		nblock;
	char	  **chunks;			/* of the text arena */
	size_t		nchunks;
	size_t		chunk_used;
	uint64_t	dice;			/* for changes at random places */

	List		base;			/* all calls in serving order */
	List		cache[MAX_CACHED];
	uint64_t	clock;

	int64_t		quota_period;	/* of the clock, for the switch quota */
	int64_t		quota_used;		/* list requests in it */
	int64_t		tokens;			/* microseconds saved up under the switch rate */
	int64_t		tokens_at;		/* when they were counted; 0: never, all are there */

	int64_t		requests;		/* list requests ever; faults and changes count by it */
	Fault	   *faults;
	size_t		nfaults;
	Change	   *changes;
	size_t		nchanges;
} Provider;

typedef struct Sim
{
	pthread_mutex_t lock;
	uint64_t	seed;
	int64_t		calls;			/* --calls */
	int64_t		started;		/* when the program started, monotonic microseconds */
	bool		tls;
	Provider	providers[NPROVIDERS];
	int64_t		requests;
	int64_t		undocumented;
	int64_t		connections;
	int64_t		accepted;
	int64_t		inflight;
} Sim;

extern Sim	sim;

/* data.c */
extern void data_load(Provider *p);
extern void data_forget(Provider *p);
extern void data_change(Provider *p, const Change *change);
extern Call *data_find(Provider *p, const char *id, size_t len);
extern const char *field_text(const Provider *p, Field field, uint32_t code, char *out);
extern uint32_t field_code(const Provider *p, Field field, const char *text, size_t len);
extern void call_id_text(const Provider *p, const Call *call, char *out);

/* list.c */
struct Query;
extern const List *list_for(Provider *p, const struct Query *q);
extern size_t list_before(const List *list, int64_t started, uint32_t number, bool with_equal);
extern void list_forget(Provider *p);

#endif							/* SIM_SIM_H */
