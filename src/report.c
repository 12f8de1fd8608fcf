/*-------------------------------------------------------------------------
 *
 * report.c
 *		From failures to errors: SQLSTATE, message, detail, hint, context.
 *
 * The provider's own message goes into DETAIL, shortened and with the secrets
 * of the user mapping masked, since APIs like to quote the key they refuse.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "compat.h"
#include "convert.h"
#include "page.h"
#include "report.h"

/* Longest text from outside that a message repeats, in bytes. */
#define MAX_FOREIGN_TEXT	512

/* Shortest secret worth masking: shorter ones would riddle any text. */
#define MIN_SECRET			4

/*
 * Longest position to send back, in bytes: servers take request lines of 8 kB,
 * and what is longer is no cursor, link or id.
 */
#define MAX_POSITION		8192

/* Overwrites every occurrence of a secret with asterisks. */
static void
mask_secret(char *text, const char *secret)
{
	size_t		length = secret ? strlen(secret) : 0;

	if (length < MIN_SECRET)
		return;
	while ((text = strstr(text, secret)) != NULL)
	{
		memset(text, '*', length);
		text += length;
	}
}

/* Longest first. */
static int
compare_lengths(const void *a, const void *b)
{
	size_t		one = strlen(*(const char *const *) a);
	size_t		other = strlen(*(const char *const *) b);

	return one > other ? -1 : one < other;
}

/*
 * Masks all secrets of the user mapping, the longest first: one may hold
 * another, as a signature holds the key.
 */
static void
mask_secrets(const CallsSettings *settings, char *text)
{
	const char **secrets = palloc_array(const char *, settings->nheaders + 2);
	int			n = 0;

	if (settings->api_key != NULL)
		secrets[n++] = settings->api_key;
	if (settings->credentials != NULL)
		secrets[n++] = settings->credentials;
	for (int i = 0; i < settings->nheaders; i++)
		secrets[n++] = settings->headers[i].value;
	qsort(secrets, n, sizeof(char *), compare_lengths);
	for (int i = 0; i < n; i++)
		mask_secret(text, secrets[i]);
}

char *
calls_printable(const CallsSettings *settings, const char *text)
{
	char	   *result = pstrdup(text);
	int			length;
	bool		ascii_only;

	mask_secrets(settings, result);
	length = (int) strlen(result);
	ascii_only = GetDatabaseEncoding() != PG_UTF8 ||
		pg_encoding_verifymbstr(PG_UTF8, result, length) != length;
	for (char *c = result; *c; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			*c = ' ';
		else if (ascii_only && ((unsigned char) *c & 0x80))
			*c = '?';
	}
	if (length > MAX_FOREIGN_TEXT)
		result[pg_mbcliplen(result, length, MAX_FOREIGN_TEXT)] = '\0';
	return result;
}

char *
calls_position_text(const CallsSettings *settings, const CallsCell *cell)
{
	bool		has_text = cell->kind == CALLS_JSON_STRING || cell->kind == CALLS_JSON_NUMBER;
	bool		too_long = has_text && cell->length > MAX_POSITION;
	char	   *text = has_text && !too_long ? calls_cell_text(cell) : NULL;

	if (has_text && text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("server \"%s\" gave a position that cannot be sent back",
						settings->server_name),
				 too_long ?
				 errdetail("It has %u bytes; no more than %d are accepted.",
						   cell->length, MAX_POSITION) :
				 errdetail("It is not valid text.")));
	return text;
}

/* The first member among "paths" that has text, or NULL. */
static char *
first_text(const CallsHttpReply *reply, int npaths, const char *const *paths)
{
	CallsPageReader *reader = calls_make_page_reader(NULL, 0, NULL, npaths, paths);
	CallsPage  *page = calls_try_read_page(reader, reply->body, reply->length);

	for (int i = 0; page != NULL && i < npaths; i++)
	{
		const CallsCell *cell = &page->members[i];
		char	   *text;

		if (cell->kind != CALLS_JSON_STRING && cell->kind != CALLS_JSON_NUMBER)
			continue;
		text = calls_cell_text(cell);
		if (text != NULL && text[0] != '\0')
			return text;
	}
	return NULL;
}

char *
calls_error_text(const CallsDefinition *def, const CallsHttpReply *reply)
{
	if (reply->length == 0 || def->nerror_message == 0)
		return NULL;
	return first_text(reply, def->nerror_message, def->error_message);
}

/* "HTTP status 404: not_found: no such account", as far as it is known. */
static char *
status_detail(const CallsDefinition *def, const CallsSettings *settings,
			  const CallsHttpReply *reply)
{
	StringInfoData detail;
	char	   *code = NULL;
	char	   *message = calls_error_text(def, reply);

	if (reply->length > 0 && def->nerror_code > 0)
		code = first_text(reply, def->nerror_code, def->error_code);
	initStringInfo(&detail);
	appendStringInfo(&detail, "The provider answered with HTTP status %d", reply->status);
	if (code != NULL)
		appendStringInfo(&detail, ": %s", calls_printable(settings, code));
	if (message != NULL)
		appendStringInfo(&detail, ": %s", calls_printable(settings, message));
	if (detail.data[detail.len - 1] != '.')
		appendStringInfoChar(&detail, '.');
	return detail.data;
}

/* " (after 6 attempts)", or nothing for the first. */
static const char *
attempts_text(int attempts)
{
	return attempts > 1 ? psprintf(" after %d attempts", attempts) : "";
}

/* What to say of a request that got no HTTP reply. */
static CallsFailure
describe_transport(const CallsSettings *settings, const CallsHttpReply *reply, int attempts)
{
	const char *message = calls_printable(settings, reply->message);
	const char *tries = attempts_text(attempts);
	const char *server = settings->server_name;
	CallsFailure failure = {
		.sqlstate = ERRCODE_FDW_UNABLE_TO_ESTABLISH_CONNECTION,
		.detail = *message ? psprintf("%s.", message) : NULL
	};

	switch (reply->outcome)
	{
		case CALLS_HTTP_TOO_LARGE:
			failure.sqlstate = ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
			failure.message = psprintf("reply of server \"%s\" is larger than max_response_size (%d kB)",
									   server, settings->max_response_size);
			failure.detail = NULL;
			failure.hint = "Raise the server option \"max_response_size\", or lower \"page_size\".";
			break;
		case CALLS_HTTP_FORBIDDEN:
			/* the address is for who runs the server, not for who asks */
			failure.sqlstate = ERRCODE_INSUFFICIENT_PRIVILEGE;
			failure.message = psprintf("connections to the host of server \"%s\" are not allowed", server);
			failure.log_detail = psprintf("%s. The address is %s.", message, reply->address);
			failure.hint = "A superuser can allow it by the setting \"calls_fdw.allowed_hosts\".";
			break;
		case CALLS_HTTP_TIMEOUT:
			failure.message = psprintf("request to server \"%s\" timed out%s", server, tries);
			failure.hint = "The server options \"connect_timeout\", \"request_timeout\" and \"max_retries\" say how long to wait.";
			break;
		case CALLS_HTTP_BROKEN:
			failure.message = psprintf("connection to server \"%s\" was lost%s", server, tries);
			break;
		default:
			failure.message = psprintf("could not connect to server \"%s\"%s", server, tries);
	}
	return failure;
}

/* What to say of a reply whose status is no success. */
static CallsFailure
describe_status(const CallsDefinition *def, const CallsSettings *settings,
				const CallsHttpReply *reply, int attempts)
{
	const char *server = settings->server_name;
	CallsFailure failure = {
		.sqlstate = ERRCODE_FDW_ERROR,
		.detail = status_detail(def, settings, reply)
	};

	if (reply->status == 401 || reply->status == 403)
	{
		failure.sqlstate = ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
		failure.message = psprintf("server \"%s\" rejected the credentials", server);
		failure.hint = "Check \"api_key\" in the user mapping for this server.";
	}
	else if (reply->status == 429)
	{
		failure.sqlstate = ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
		failure.message = psprintf("rate limit of server \"%s\" exceeded%s", server,
								   attempts_text(attempts));
	}
	else if (reply->status >= 300 && reply->status < 400)
	{
		failure.message = psprintf("server \"%s\" redirected the request", server);
		if (*reply->message)
			failure.detail = psprintf("%s %s.", failure.detail, reply->message);
		failure.hint = "Redirects are followed only within the same scheme, host and port; set the server option \"base_url\" to the final address.";
	}
	else if (reply->status == 404)
	{
		failure.message = psprintf("server \"%s\" does not know the requested address", server);
		failure.hint = "Check the server options \"base_url\", \"path\" and \"account_id\".";
	}
	else if (reply->status >= 500)
		failure.message = psprintf("server \"%s\" failed%s", server, attempts_text(attempts));
	else
		failure.message = psprintf("server \"%s\" rejected the request", server);
	return failure;
}

CallsFailure
calls_describe_reply(const CallsDefinition *def, const CallsSettings *settings,
					 const CallsHttpReply *reply, int attempts)
{
	return reply->outcome == CALLS_HTTP_REPLY
		? describe_status(def, settings, reply, attempts)
		: describe_transport(settings, reply, attempts);
}

/* The provider is asked too much, or for too long. */
static CallsFailure
rate_limit_failure(const CallsSettings *settings, char *detail)
{
	return (CallsFailure) {
		.sqlstate = ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
		.message = psprintf("rate limit of server \"%s\" exceeded", settings->server_name),
		.detail = detail,
		.hint = psprintf("Try again later, or raise the server option \"max_retry_wait\" (%g s).",
						 settings->max_retry_wait / 1000.0)
	};
}

CallsFailure
calls_describe_wait(const CallsDefinition *def, const CallsSettings *settings,
					const CallsHttpReply *reply, int64 wait)
{
	int64		seconds = (wait + 999) / 1000;

	return rate_limit_failure(settings, reply != NULL
							  ? psprintf("%s The provider asks to wait " INT64_FORMAT " seconds.",
										 status_detail(def, settings, reply), seconds)
							  : psprintf("The provider asked for no further request within the next " INT64_FORMAT " seconds.",
										 seconds));
}

/* Does not return. */
static void
raise_failure(const CallsFailure *failure)
{
	ereport(ERROR,
			(errcode(failure->sqlstate),
			 errmsg_internal("%s", failure->message),
			 failure->detail != NULL ? errdetail_internal("%s", failure->detail) : 0,
			 failure->log_detail != NULL ? errdetail_log("%s", failure->log_detail) : 0,
			 failure->hint != NULL ? errhint("%s", failure->hint) : 0));
}

void
calls_report_reply(const CallsDefinition *def, const CallsSettings *settings,
				   const CallsHttpReply *reply, int attempts)
{
	CallsFailure failure = calls_describe_reply(def, settings, reply, attempts);

	raise_failure(&failure);
}

void
calls_report_wait(const CallsDefinition *def, const CallsSettings *settings,
				  const CallsHttpReply *reply, int64 wait)
{
	CallsFailure failure = calls_describe_wait(def, settings, reply, wait);

	raise_failure(&failure);
}

void
calls_report_refusals(const CallsDefinition *def, const CallsSettings *settings,
					  const CallsHttpReply *reply, int refusals, int64 waited)
{
	CallsFailure failure = rate_limit_failure(settings,
											  psprintf(ngettext("%s The request was refused %d time, and waited %g seconds.",
																"%s The request was refused %d times, and waited %g seconds.",
																refusals),
													   status_detail(def, settings, reply),
													   refusals, waited / 1000.0));

	raise_failure(&failure);
}

bool
calls_is_web_page(const CallsHttpReply *reply)
{
	return pg_strncasecmp(reply->content_type, "text/html", strlen("text/html")) == 0;
}

void
calls_refuse_web_page(const CallsSettings *settings, const CallsHttpReply *reply,
					  const char *hint)
{
	if (calls_is_web_page(reply))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("server \"%s\" answered with a web page instead of JSON",
						settings->server_name),
				 errhint("%s", hint)));
}

/* Where the page starts, as the request says it. */
static void
append_position(StringInfo out, const CallsPageName *name)
{
	const CallsPosition *position = name->position;

	if (name->def->paging.style == CALLS_PAGING_PAGE)
		appendStringInfo(out, "page " INT64_FORMAT, position->number);
	else if (name->def->paging.style == CALLS_PAGING_OFFSET && position->number > 0)
		appendStringInfo(out, "page at offset " INT64_FORMAT, position->number);
	else if (position->text != NULL)
		appendStringInfo(out, "page after \"%s\"",
						 calls_printable(name->settings, position->text));
	else
		appendStringInfo(out, "page " INT64_FORMAT, name->number);
}

/*
 * A filter that is another one in other lists of the same scan: a bound of the
 * time that orders it, or one of the words that make a list each.  Phone
 * numbers and the like are nobody's business.
 */
static void
append_filter(StringInfo out, const CallsPageName *name, const CallsSentFilter *sent)
{
	const CallsFilter *filter = sent->filter;
	const char *column = name->def->columns[sent->column].name;

	if (sent->nvalues != 1)
		return;
	if (filter->op != CALLS_FILTER_EQ && sent->column == name->def->order.column)
		appendStringInfo(out, ", %s %s %s", column,
						 filter->op == CALLS_FILTER_LOWER ? "from" : "up to",
						 calls_bound_time(filter, sent->values[0]));
	else if (filter->op == CALLS_FILTER_EQ && filter->nwords > 0)
		appendStringInfo(out, ", %s \"%s\"", column,
						 calls_printable(name->settings, sent->values[0]));
}

void
calls_name_page(void *arg)
{
	const CallsPageName *name = arg;
	const CallsOrder *order = &name->def->order;
	CallsOrderDirection direction = name->binding->order;
	StringInfoData out;

	initStringInfo(&out);
	append_position(&out, name);
	appendStringInfo(&out, " of server \"%s\"", name->settings->server_name);
	for (int i = 0; i < name->binding->nsent; i++)
		append_filter(&out, name, &name->binding->sent[i]);
	if (direction != CALLS_ORDER_NONE && direction != order->by_default)
		appendStringInfo(&out, ", in %s order of %s",
						 direction == CALLS_ORDER_ASC ? "ascending" : "descending",
						 name->def->columns[order->column].name);
	errcontext("%s", out.data);
}
