/*-------------------------------------------------------------------------
 *
 * limit.h
 *		How many of its rows a query is going to read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_LIMIT_H
#define CALLS_LIMIT_H

#include "postgres.h"

#include "nodes/pathnodes.h"

/*
 * LIMIT and OFFSET of a query that reads nothing but this table and needs its
 * rows one by one: a hint for the size of the first page, so that a wrong one
 * costs requests and nothing else.
 */
extern List *calls_limit_exprs(PlannerInfo *root, RelOptInfo *baserel, const Path *path);

/*
 * May the query stop before it has read all rows that a path with these
 * pathkeys gives of the relations?  Under a LIMIT, EXISTS or cursor, unless
 * something above needs them all first.
 */
extern bool calls_stops_early(PlannerInfo *root, Relids relids, List *pathkeys);

#endif							/* CALLS_LIMIT_H */
