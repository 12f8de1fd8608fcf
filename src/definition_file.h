/*-------------------------------------------------------------------------
 *
 * definition_file.h
 *		Files of installed definitions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_DEFINITION_FILE_H
#define CALLS_DEFINITION_FILE_H

#include "postgres.h"

#include <sys/stat.h>

/* The largest definition; the largest of the five is 5 kB. */
#define CALLS_MAX_DEFINITION (1024 * 1024)

/* What tells a version of a file from another. */
typedef struct CallsFileVersion
{
	struct timespec modified;
	off_t		size;
	ino_t		inode;
	dev_t		device;
} CallsFileVersion;

/* Is it the same version? */
extern bool calls_same_version(const CallsFileVersion *a, const CallsFileVersion *b);

/*
 * The path of a provider's file, and its version as it is now.  Raises HV024
 * where there is none, with the closest name as hint, and HV00A for what is no
 * file.
 */
extern char *calls_find_definition_file(const char *provider, CallsFileVersion *version);

/*
 * The file's text, with its version in "version".  Raises HV00A for a file that
 * cannot be a definition at all.
 */
extern char *calls_read_definition_file(const char *provider, const char *path,
										CallsFileVersion *version);

#endif							/* CALLS_DEFINITION_FILE_H */
