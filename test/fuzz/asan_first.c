/*
 * Preloaded beside AddressSanitizer's library, initializes it before any other
 * library.
 *
 * By itself it starts with the first malloc, and asks then for the text of an
 * error of dlsym.  In a server of Debian the first malloc is that of
 * libgpg-error's constructor in bindtextdomain, which holds the lock that
 * translating a text needs: the process would wait for itself.
 */
#include <stdlib.h>

void	   *volatile asan_first;

static void __attribute__((constructor))
allocate(void)
{
	asan_first = malloc(1);
	free(asan_first);
}
