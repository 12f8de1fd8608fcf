/*-------------------------------------------------------------------------
 *
 * bind_state.h
 *		What predicates say of a column together: a value set, or a range.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_BIND_STATE_H
#define CALLS_BIND_STATE_H

#include "postgres.h"

#include "bound.h"
#include "definition.h"
#include "filter.h"
#include "option.h"

/* What all predicates on one column of the definition say together. */
typedef struct CallsColumnState
{
	bool		has_values;		/* an equality gave a value set */
	int			nvalues;
	char	  **values;			/* sorted, in the server's encoding */
	const char *unknown_sql;	/* EXPLAIN: text of an unknown operand */
	bool		unknown_array;
	CallsRange	range;
	const char *unknown_lower;	/* EXPLAIN: text of an unknown bound */
	const char *unknown_upper;
} CallsColumnState;

/*
 * Narrows the state of a column by one predicate; false if the state says
 * nothing of it.  Sets *impossible if no call can satisfy it.  Values go to
 * CurrentMemoryContext.
 */
extern bool calls_collect_predicate(const CallsDefinition *def,
									const CallsSettings *settings,
									const CallsTableColumn *columns,
									const CallsPredicate *predicate,
									CallsColumnState *state, bool *impossible);

/* Can values of this format be ordered, so that ranges make sense? */
extern bool calls_is_range_format(CallsFormat format);

#endif							/* CALLS_BIND_STATE_H */
