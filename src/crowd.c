/*-------------------------------------------------------------------------
 *
 * crowd.c
 *		How many requests of a scan may be under way at once.
 *
 * That follows the provider: half as many after one was throttled, refused or
 * failed, and one more again with each round that goes well.  A provider that
 * takes only so many connections would refuse one in each such round, and each
 * refusal costs a pause: so a number that was too many is remembered, the
 * scan stays below it, and tries it again after many replies that came well,
 * twice as many each time it is refused again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "crowd.h"

/* Good replies before a number that was too many is tried again. */
#define FIRST_PATIENCE		32
#define MAX_PATIENCE		4096

/* Good replies, for each that is under way, after which a number is proven. */
#define PROOF				2

void
calls_init_crowd(CallsCrowd *crowd, int most)
{
	*crowd = (CallsCrowd) {
		.most = most,
		.allowed = most
	};
}

bool
calls_crowd_is_open(const CallsCrowd *crowd, int under_way)
{
	return under_way < (int) crowd->allowed;
}

/* Allows another number. */
static void
allow(CallsCrowd *crowd, double number)
{
	if ((int) number != (int) crowd->allowed)
		crowd->held = 0;
	crowd->allowed = number;
}

void
calls_note_success(CallsCrowd *crowd, int together)
{
	int			number = (int) crowd->allowed;
	double		more = crowd->allowed + 1 / crowd->allowed;

	crowd->held += together >= number;
	if (crowd->held >= PROOF * number)
		crowd->proven = Max(crowd->proven, number);
	if (crowd->proven >= crowd->ceiling)
		crowd->ceiling = 0;

	if (crowd->ceiling == 0)
		allow(crowd, Min(more, crowd->most));
	else if (number < crowd->ceiling - 1)
		allow(crowd, Min(more, crowd->ceiling - 1));
	else if (number < crowd->ceiling && ++crowd->calm >= crowd->patience)
		allow(crowd, crowd->ceiling);
}

void
calls_note_setback(CallsCrowd *crowd, int together, bool crowded)
{
	allow(crowd, Max(crowd->allowed / 2, 1));
	crowd->held = 0;
	if (!crowded || together < 2)
		return;
	if (together <= crowd->proven)
	{
		/* likely an accident: but not if there is another before new proof */
		crowd->proven = 0;
		return;
	}
	if (crowd->ceiling == 0)
		crowd->patience = FIRST_PATIENCE;
	else if (together >= crowd->ceiling)
		crowd->patience = Min(crowd->patience * 2, MAX_PATIENCE);
	crowd->ceiling = crowd->ceiling == 0 ? together : Min(together, crowd->ceiling);
	crowd->calm = 0;
	allow(crowd, Min(crowd->allowed, crowd->ceiling - 1));
}
