/*-------------------------------------------------------------------------
 *
 * definition_file.c
 *		Files of installed definitions: their names, versions and texts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "storage/fd.h"

#include "definition.h"
#include "definition_file.h"
#include "syntax.h"

/* Below the server's share directory. */
#define DEFINITION_DIRECTORY "extension/calls_fdw"
#define DEFINITION_SUFFIX ".json"

/* Describes the language and lies beside the definitions. */
#define SCHEMA_NAME "schema"

/* The directory of the definitions. */
static char *
definition_directory(void)
{
	char		share[MAXPGPATH];

	get_share_path(my_exec_path, share);
	return psprintf("%s/%s", share, DEFINITION_DIRECTORY);
}

/* May a file of this name be a definition? */
static bool
is_provider_name(const char *name)
{
	return calls_is_identifier(name) && strcmp(name, SCHEMA_NAME) != 0;
}

/* What identifies the file's version. */
static CallsFileVersion
file_version(const struct stat *st)
{
	CallsFileVersion version = {
		.modified = st->st_mtim,
		.size = st->st_size,
		.inode = st->st_ino,
		.device = st->st_dev
	};

	return version;
}

bool
calls_same_version(const CallsFileVersion *a, const CallsFileVersion *b)
{
	return a->modified.tv_sec == b->modified.tv_sec &&
		a->modified.tv_nsec == b->modified.tv_nsec &&
		a->size == b->size && a->inode == b->inode && a->device == b->device;
}

/* Raises for a provider without a definition. */
static void
refuse_provider(const char *provider)
{
	List	   *names = NIL;
	StringInfoData list;
	const char *closest;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, calls_list_providers())
	{
		names = lappend(names, strVal(lfirst(lc)));
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
						 strVal(lfirst(lc)));
	}
	closest = calls_closest_name(provider, names);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
			 errmsg("provider \"%s\" does not exist", provider),
			 closest != NULL ?
			 errhint("Perhaps you meant the provider \"%s\".", closest) :
			 names != NIL ?
			 errhint("Installed providers are: %s.", list.data) :
			 errhint("No definition is installed in \"%s\".",
					 definition_directory())));
}

/* Raises for a file that cannot be a definition at all. */
static void
refuse_file(const char *provider, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_STRING_FORMAT),
			 errmsg("invalid definition of provider \"%s\"", provider),
			 errdetail("The file %s.", why)));
}

char *
calls_read_definition_file(const char *provider, const char *path,
						   CallsFileVersion *version)
{
	struct stat st;
	char	   *text;
	size_t		length = 0;
	int			fd;

	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0 || fstat(fd, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
	if (st.st_size > CALLS_MAX_DEFINITION)
		refuse_file(provider, "is larger than 1 MB");

	/* one byte more than there should be tells that the file has grown */
	text = palloc(st.st_size + 2);
	for (;;)
	{
		ssize_t		n = read(fd, text + length, st.st_size + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", path)));
		length += n;
		if (n == 0 || length > (size_t) st.st_size)
			break;
	}
	CloseTransientFile(fd);
	if (length != (size_t) st.st_size)
		refuse_file(provider, "changed while it was read");
	if (memchr(text, '\0', length) != NULL)
		refuse_file(provider, "contains a null byte");
	text[length] = '\0';
	*version = file_version(&st);
	return text;
}

char *
calls_find_definition_file(const char *provider, CallsFileVersion *version)
{
	struct stat st;
	char	   *path;

	if (!is_provider_name(provider))
		refuse_provider(provider);
	path = psprintf("%s/%s%s", definition_directory(), provider, DEFINITION_SUFFIX);
	if (stat(path, &st) != 0)
	{
		if (errno == ENOENT)
			refuse_provider(provider);
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	}
	if (!S_ISREG(st.st_mode))	/* opening a pipe would wait */
		refuse_file(provider, "is not a regular file");
	*version = file_version(&st);
	return path;
}

/* Order two String nodes. */
static int
compare_strings(const ListCell *a, const ListCell *b)
{
	return strcmp(strVal(lfirst(a)), strVal(lfirst(b)));
}

List *
calls_list_providers(void)
{
	char	   *directory = definition_directory();
	List	   *providers = NIL;
	struct dirent *file;
	DIR		   *dir;

	dir = AllocateDir(directory);
	if (dir == NULL && errno == ENOENT)
		return NIL;
	while ((file = ReadDir(dir, directory)) != NULL)
	{
		size_t		length = strlen(file->d_name);
		size_t		suffix = strlen(DEFINITION_SUFFIX);
		char	   *name;

		if (length <= suffix ||
			strcmp(file->d_name + length - suffix, DEFINITION_SUFFIX) != 0)
			continue;
		name = pnstrdup(file->d_name, length - suffix);
		if (is_provider_name(name))
			providers = lappend(providers, makeString(name));
	}
	FreeDir(dir);
	list_sort(providers, compare_strings);
	return providers;
}
