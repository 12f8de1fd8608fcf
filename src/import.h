/*-------------------------------------------------------------------------
 *
 * import.h
 *		IMPORT FOREIGN SCHEMA.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_IMPORT_H
#define CALLS_IMPORT_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/*
 * The FDW callback: the commands that create the foreign tables.  Raises
 * HV00Q for a schema that is not the provider's name, HV00D and HV024 for bad
 * options.
 */
extern List *callsImportForeignSchema(ImportForeignSchemaStmt *stmt,
									  Oid serverOid);

#endif							/* CALLS_IMPORT_H */
