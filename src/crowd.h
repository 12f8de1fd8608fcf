/*-------------------------------------------------------------------------
 *
 * crowd.h
 *		How many requests of a scan may be under way at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_CROWD_H
#define CALLS_CROWD_H

#include "postgres.h"

typedef struct CallsCrowd
{
	int			most;			/* never more */
	double		allowed;		/* how many may be under way */
	int			held;			/* replies that came well while so many were, since
								 * that number last changed */
	int			proven;			/* with so many it went well for a while, and not
								 * badly since; 0: none known */
	int			ceiling;		/* so many were too many; 0: no number was */
	int			calm;			/* good replies since one less are allowed */
	int			patience;		/* so many, and the ceiling is tried again */
} CallsCrowd;

extern void calls_init_crowd(CallsCrowd *crowd, int most);

/* May one more be sent while so many are under way? */
extern bool calls_crowd_is_open(const CallsCrowd *crowd, int under_way);

/* A request went well that was sent as one of so many. */
extern void calls_note_success(CallsCrowd *crowd, int together);

/*
 * A request was refused or failed while so many were under way; "crowded": it may
 * be because of their number.  To be called once for all that were under way
 * together.
 */
extern void calls_note_setback(CallsCrowd *crowd, int together, bool crowded);

#endif							/* CALLS_CROWD_H */
