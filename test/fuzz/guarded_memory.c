/*-------------------------------------------------------------------------
 *
 * guarded_memory.c
 *		Memory contexts in which every chunk is a malloc of its own.
 *
 * AddressSanitizer watches what malloc hands out, and an AllocSet hands out
 * pieces of a few large blocks: a byte too many would go unseen.  Linked with
 * -Wl,--wrap=AllocSetContextCreateInternal, every context that the extension
 * makes becomes one of these.
 *
 * PostgreSQL 15 finds a chunk's context in the word before it and the
 * context's functions in the context, so a kind of context can be added.
 * Later versions have a closed table of kinds: there, contexts of small blocks
 * must do, in which everything beyond some 100 bytes is a malloc of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

extern MemoryContext __real_AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size minimum,
														  Size initial, Size maximum);
extern MemoryContext __wrap_AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size minimum,
														  Size initial, Size maximum);

#if PG_VERSION_NUM >= 160000

MemoryContext
__wrap_AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size minimum, Size initial, Size maximum)
{
	(void) minimum;
	(void) initial;
	(void) maximum;
	return __real_AllocSetContextCreateInternal(parent, name, 0, 1024, 1024);
}

#else

#include "lib/ilist.h"

typedef struct GuardedContext
{
	MemoryContextData header;
	dlist_head	chunks;
} GuardedContext;

/* What stands before the caller's bytes; its size keeps them aligned. */
typedef struct Chunk
{
	dlist_node	node;			/* in the context's chunks */
	Size		size;			/* the caller's bytes */
	MemoryContext context;		/* the server looks for it just here */
} Chunk;

StaticAssertDecl(sizeof(Chunk) == MAXALIGN(sizeof(Chunk)) &&
				 offsetof(Chunk, context) + sizeof(MemoryContext) == sizeof(Chunk),
				 "a chunk's context must precede its bytes");

static inline Chunk *
chunk_of(void *pointer)
{
	return (Chunk *) ((char *) pointer - sizeof(Chunk));
}

static void *
guarded_alloc(MemoryContext context, Size size)
{
	Chunk	   *chunk = malloc(sizeof(Chunk) + size);

	if (chunk == NULL)
		return NULL;
	chunk->size = size;
	chunk->context = context;
	dlist_push_head(&((GuardedContext *) context)->chunks, &chunk->node);
	context->mem_allocated += size;
	return chunk + 1;
}

static void
guarded_free(MemoryContext context, void *pointer)
{
	Chunk	   *chunk = chunk_of(pointer);

	context->mem_allocated -= chunk->size;
	dlist_delete(&chunk->node);
	free(chunk);
}

/* Always moves, so that whoever keeps the old address is found out. */
static void *
guarded_realloc(MemoryContext context, void *pointer, Size size)
{
	void	   *moved = guarded_alloc(context, size);

	if (moved != NULL)
	{
		memcpy(moved, pointer, Min(size, chunk_of(pointer)->size));
		guarded_free(context, pointer);
	}
	return moved;
}

static void
guarded_reset(MemoryContext context)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &((GuardedContext *) context)->chunks)
		guarded_free(context, dlist_container(Chunk, node, iter.cur) + 1);
}

static void
guarded_delete(MemoryContext context)
{
	guarded_reset(context);
	free(context);
}

static Size
guarded_chunk_space(MemoryContext context, void *pointer)
{
	(void) context;
	return sizeof(Chunk) + chunk_of(pointer)->size;
}

static bool
guarded_is_empty(MemoryContext context)
{
	return dlist_is_empty(&((GuardedContext *) context)->chunks);
}

static void
guarded_stats(MemoryContext context, MemoryStatsPrintFunc print, void *passthru,
			  MemoryContextCounters *totals, bool to_stderr)
{
	(void) print;
	(void) passthru;
	(void) to_stderr;
	if (totals != NULL)
		totals->totalspace += context->mem_allocated;
}

static const MemoryContextMethods guarded_methods = {
	.alloc = guarded_alloc,
	.free_p = guarded_free,
	.realloc = guarded_realloc,
	.reset = guarded_reset,
	.delete_context = guarded_delete,
	.get_chunk_space = guarded_chunk_space,
	.is_empty = guarded_is_empty,
	.stats = guarded_stats,
};

MemoryContext
__wrap_AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size minimum, Size initial, Size maximum)
{
	GuardedContext *context = calloc(1, sizeof(GuardedContext));

	(void) minimum;
	(void) initial;
	(void) maximum;
	if (context == NULL)
		elog(ERROR, "out of memory");
	dlist_init(&context->chunks);
	/* a tag of its own would not be valid to the server */
	MemoryContextCreate(&context->header, T_AllocSetContext, &guarded_methods, parent, name);
	return &context->header;
}

#endif
