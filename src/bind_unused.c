/*-------------------------------------------------------------------------
 *
 * bind_unused.c
 *		Which condition would narrow a scan that has too much to read?
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "bind.h"

/* Does a filter that is sent narrow the column, or one of the same parameter? */
static bool
narrows(const CallsDefinition *def, const CallsSentFilter *sent, int column)
{
	if (sent->column == column)
		return true;
	for (int i = 0; i < def->nfilters; i++)
		if (def->filters[i].columns[0] == column &&
			strcmp(def->filters[i].param, sent->filter->param) == 0)
			return true;
	return false;
}

/* Does something that is sent, or ends the scan early, narrow the column? */
static bool
is_narrowed(const CallsDefinition *def, const CallsBinding *binding, int column)
{
	for (int i = 0; i < binding->nsent; i++)
		if (narrows(def, &binding->sent[i], column))
			return true;
	for (int i = 0; i < binding->nalternatives; i++)
		if (narrows(def, &binding->alternatives[i], column))
			return true;
	return column == def->order.column &&
		(binding->order_range.has_lower || binding->order_range.has_upper);
}

const char *
calls_unused_filter(const CallsDefinition *def, const CallsSettings *settings,
					const CallsBinding *binding)
{
	int			columns[2] = {-1, -1};	/* with bounds, with equality */

	/* in a known order, a bound ends the scan even if it cannot be sent */
	if (def->order.by_default != CALLS_ORDER_NONE)
		columns[0] = def->order.column;
	for (int i = def->nfilters - 1; i >= 0; i--)
	{
		const CallsFilter *filter = &def->filters[i];
		int			column = filter->columns[0];

		if (!is_narrowed(def, binding, column) &&
			calls_pushdown_allowed(settings, def->columns[column].name))
			columns[filter->op == CALLS_FILTER_EQ] = column;
	}
	for (int i = 0; i < 2; i++)
		if (columns[i] >= 0 && !is_narrowed(def, binding, columns[i]) &&
			calls_pushdown_allowed(settings, def->columns[columns[i]].name))
			return def->columns[columns[i]].name;
	return NULL;
}
