/*-------------------------------------------------------------------------
 *
 * bind_fanout.c
 *		How many streams a binding needs, and what each of them asks for.
 *
 * A filter that takes fewer values than it has makes a stream per chunk of
 * them, and so does each arm of an OR; several such filters multiply.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "bind.h"
#include "compat.h"

int
calls_filter_streams(const CallsSentFilter *sent)
{
	return (sent->nvalues + sent->per_request - 1) / sent->per_request;
}

int
calls_count_streams(const CallsBinding *binding)
{
	int64		product = 1;
	int64		sum = 0;

	/* each factor is at most the number of values looked at, so that the
	 * product fits while it is capped */
	for (int i = 0; i < binding->nsent; i++)
		product = Min(product * calls_filter_streams(&binding->sent[i]), PG_INT32_MAX);
	for (int i = 0; i < binding->nalternatives; i++)
		sum += calls_filter_streams(&binding->alternatives[i]);
	return (int) Min(product * Max(sum, 1), PG_INT32_MAX);
}

void
calls_limit_streams(CallsBinding *binding, int max_fanout)
{
	while (calls_count_streams(binding) > max_fanout)
	{
		int			largest = -1;

		for (int i = 0; i < binding->nsent; i++)
		{
			int			streams = calls_filter_streams(&binding->sent[i]);

			if (streams > 1 &&
				(largest < 0 || streams > calls_filter_streams(&binding->sent[largest])))
				largest = i;
		}
		if (largest < 0)
		{
			binding->nalternatives = 0;
			return;
		}
		binding->nsent--;
		memmove(&binding->sent[largest], &binding->sent[largest + 1],
				sizeof(CallsSentFilter) * (binding->nsent - largest));
	}
}

/* Does the filter need several streams for its values? */
static bool
is_spread(const CallsSentFilter *sent)
{
	return sent->nvalues > sent->per_request;
}

/* Values number "chunk" of a filter, as many as one request can carry. */
static CallsSentFilter
filter_chunk(const CallsSentFilter *sent, int chunk)
{
	CallsSentFilter result = *sent;
	int			first = chunk * sent->per_request;

	result.values = sent->values + first;
	result.nvalues = Min(sent->per_request, sent->nvalues - first);
	return result;
}

/*
 * One of the bindings: "number" picks a chunk of each filter.  Filters that
 * are spread, and the alternative, are marked by "alternatives": they are the
 * stream's conditions.
 */
static CallsBinding *
expand_one(const CallsBinding *binding, int number)
{
	CallsBinding *result = palloc_object(CallsBinding);

	*result = *binding;
	result->sent = palloc_array(CallsSentFilter, binding->nsent + 1);
	result->alternatives = palloc_array(CallsSentFilter, binding->nsent + 1);
	result->nalternatives = 0;
	for (int i = 0; i < binding->nsent; i++)
	{
		int			chunks = calls_filter_streams(&binding->sent[i]);

		result->sent[i] = filter_chunk(&binding->sent[i], number % chunks);
		number /= chunks;
		if (is_spread(&binding->sent[i]))
			result->alternatives[result->nalternatives++] = result->sent[i];
	}
	for (int i = 0; i < binding->nalternatives; i++)
	{
		int			chunks = calls_filter_streams(&binding->alternatives[i]);

		if (number < chunks)
		{
			result->sent[result->nsent] = filter_chunk(&binding->alternatives[i], number);
			result->alternatives[result->nalternatives++] = result->sent[result->nsent++];
			break;
		}
		number -= chunks;
	}
	return result;
}

CallsBinding **
calls_expand_binding(const CallsBinding *binding, int *count)
{
	CallsBinding **result;

	*count = calls_count_streams(binding);
	result = palloc_array(CallsBinding *, *count);
	for (int i = 0; i < *count; i++)
		result[i] = expand_one(binding, i);
	return result;
}
