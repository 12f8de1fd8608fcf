/*-------------------------------------------------------------------------
 *
 * governor.h
 *		When may the next request to a server be sent?
 *
 * There is one governor for each server and user of the backend, which all
 * scans share.  It paces requests to rate_limit and holds them back where the
 * provider asked for it.  It waits for nothing itself: who is not to send yet
 * is told when to ask again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_GOVERNOR_H
#define CALLS_GOVERNOR_H

#include "postgres.h"

#include "lib/ilist.h"

#include "definition.h"
#include "http.h"
#include "option.h"
#include "pace.h"

typedef struct CallsGovernor CallsGovernor;

/*
 * One request's dealings with the governor.  Zero at the start; it must stay
 * where it is until calls_leave_governor.
 */
typedef struct CallsTicket
{
	CallsGovernor *governor;	/* NULL: not entered */
	const CallsDefinition *def;
	const CallsSettings *settings;
	double		slot;			/* ms of calls_http_clock: when rate_limit lets it
								 * go; 0: none reserved */
	const CallsHttpTransfer *transfer;	/* sent, reply not seen yet; else NULL */
	dlist_node	node;			/* among those that are, while it is */
	CallsPace	pace;			/* what the last reply said */
} CallsTicket;

typedef enum CallsTurn
{
	CALLS_TURN_NOW = 0,			/* send it */
	CALLS_TURN_PACED,			/* rate_limit does not let it go yet */
	CALLS_TURN_HELD,			/* the provider asked to wait */
	CALLS_TURN_CROWDED			/* those under way may use up what the provider
								 * has left: their replies will tell */
} CallsTurn;

/*
 * Makes the ticket one of the settings' server and user; definition and
 * settings must live as long.  Raises 53200 where memory is short.
 */
extern void calls_enter_governor(CallsTicket *ticket, const CallsDefinition *def,
								 const CallsSettings *settings);

/*
 * May the request be sent?  If not, *wait is the milliseconds after which to
 * ask again, at the latest; also when any request has ended.  Raises what
 * calls_http_reply raises.
 */
extern CallsTurn calls_ask_turn(CallsTicket *ticket, int64 *wait);

/* It was sent. */
extern void calls_use_turn(CallsTicket *ticket, const CallsHttpTransfer *transfer);

/*
 * Its reply was received, and "transfer" is about to go away.  Leaves in
 * ticket->pace what the reply says.
 */
extern void calls_end_turn(CallsTicket *ticket, const CallsHttpReply *reply);

/* Done, or given up, at any time.  Raises nothing. */
extern void calls_leave_governor(CallsTicket *ticket);

#endif							/* CALLS_GOVERNOR_H */
