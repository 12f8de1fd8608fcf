/*-------------------------------------------------------------------------
 *
 * syntax.h
 *		What names, paths and templates may look like.
 *
 * Definitions and options obey the same rules.  A "flaw" is a phrase that
 * completes "The value ...", such as "must start with \"/\"", or NULL where
 * there is none; it never quotes the value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CALLS_SYNTAX_H
#define CALLS_SYNTAX_H

#include "postgres.h"

#define CALLS_API_KEY_PLACEHOLDER "{api_key}"
#define CALLS_ACCOUNT_ID_PLACEHOLDER "{account_id}"
#define CALLS_CALL_ID_PLACEHOLDER "{call_id}"

/* [a-z][a-z0-9_]*, short enough for an SQL name? */
extern bool calls_is_identifier(const char *text);

/* Nothing but printable ASCII characters and blanks? */
extern bool calls_is_printable(const char *text);

/* No control character?  Any encoding. */
extern bool calls_has_control(const char *text);

/* Is a blank its first or last character? */
extern bool calls_has_edge_blank(const char *text);

/* Name of a request header that a user or a definition may set. */
extern const char *calls_header_name_flaw(const char *name);

/* Address of an API: URL of a host, with or without a path. */
extern const char *calls_base_url_flaw(const char *url);

/* Path of a request: a template below the base URL's host. */
extern const char *calls_request_path_flaw(const char *path);

/* Path of the request for one call: the same with {call_id} in a segment. */
extern const char *calls_call_path_flaw(const char *path);

/* Dotted path inside a JSON value. */
extern const char *calls_member_path_flaw(const char *path);

/* Placeholders of a template; {api_key} only where "key_allowed". */
extern const char *calls_template_flaw(const char *template, bool key_allowed);

/* Text from a JSON document, made fit for a message of any encoding. */
extern char *calls_show_text(const char *text);

#endif							/* CALLS_SYNTAX_H */
