/*-------------------------------------------------------------------------
 *
 * window.h
 *		The pages of one list request in their order, read at several places
 *		at once where that is faster.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_WINDOW_H
#define CALLS_WINDOW_H

#include "postgres.h"

#include "pager.h"

typedef struct CallsWindows CallsWindows;

/*
 * As calls_make_pager; "watched" is the index of the path of the column by
 * which the provider orders, or -1.
 */
extern CallsWindows *calls_make_windows(CallsFetcher *fetcher,
										const CallsBinding *binding,
										int npaths, const char *const *paths,
										int watched, int64 limit, int64 horizon);

/* As calls_next_batch; the batches come in the order of the list. */
extern CallsProgress calls_next_window_batch(CallsWindows *windows, CallsBatch **batch);

/*
 * How many calls the list has: as the provider says, or as many as were given
 * if they "ended" and all were read; -1: not known.
 */
extern int64 calls_windows_total(const CallsWindows *windows, bool ended);

/* As their namesakes in pager.h. */
extern void calls_start_windows(CallsWindows *windows);
extern void calls_set_windows_horizon(CallsWindows *windows, int64 horizon);
extern void calls_stop_windows(CallsWindows *windows);
extern bool calls_windows_read_one_page(const CallsWindows *windows);

#endif							/* CALLS_WINDOW_H */
