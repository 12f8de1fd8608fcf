/*-------------------------------------------------------------------------
 *
 * option_table.c
 *		The table of all options.
 *
 * To add an option: one entry in calls_options, one field in CallsSettings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "option_table.h"
#include "syntax.h"

#define DAY_MS 86400000.0
#define GB_KB 1048576.0

#define FIELD(field) offsetof(CallsSettings, field)

static const char *const on_incomplete_words[] = {
	[CALLS_INCOMPLETE_ERROR] = "error",
	[CALLS_INCOMPLETE_WARN] = "warn",
	[CALLS_INCOMPLETE_IGNORE] = "ignore",
	NULL
};

static const char *const on_error_words[] = {
	[CALLS_ON_ERROR_STOP] = "stop",
	[CALLS_ON_ERROR_SET_NULL] = "set_null",
	NULL
};

static const char *const relation_words[] = {
	[CALLS_TABLE_CALLS] = "calls",
	[CALLS_TABLE_DETAILS] = "call_details",
	NULL
};

const CallsOption calls_options[] = {
	{
		.name = "provider", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_STRING, .offset = FIELD(provider),
		.help = "name of the provider's definition"
	},
	{
		.name = "definition", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_STRING, .offset = FIELD(definition), .secret = true,
		.help = "a definition itself, JSON, in place of a provider's name"
	},
	{
		.name = "source", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_STRING, .offset = FIELD(source), .flaw = calls_source_flaw,
		.help = "value of the column source; by default the server's name"
	},
	{
		.name = "base_url", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_BASE_URL, .offset = FIELD(base_url),
		.flaw = calls_base_url_flaw, .secret = true,
		.help = "where the API is; by default the definition's address"
	},
	{
		.name = "path", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_STRING, .offset = FIELD(path),
		.flaw = calls_request_path_flaw, .secret = true,
		.help = "path of the call list below base_url; by default the definition's"
	},
	{
		.name = "account_id", .contexts = CALLS_ON_SERVER | CALLS_ON_MAPPING,
		.kind = CALLS_OPTION_STRING, .offset = FIELD(account_id),
		.flaw = calls_account_id_flaw,
		.help = "fills {account_id} in the path; the user mapping's beats the server's"
	},
	{
		.name = "page_size", .contexts = CALLS_ON_SERVER | CALLS_ON_TABLE,
		.kind = CALLS_OPTION_INTEGER, .offset = FIELD(page_size), .min = 1, .max = INT_MAX,
		.help = "calls per request; by default the provider's maximum"
	},
	{
		.name = "connect_timeout", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_SECONDS, .offset = FIELD(connect_timeout),
		.min = 1, .max = DAY_MS, .default_value = "10s",
		.help = "longest time to connect, name lookup included"
	},
	{
		.name = "request_timeout", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_SECONDS, .offset = FIELD(request_timeout),
		.min = 1, .max = DAY_MS, .default_value = "60s",
		.help = "longest time for one request, all included"
	},
	{
		.name = "max_retries", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_INTEGER, .offset = FIELD(max_retries),
		.min = 0, .max = 100, .default_value = "5",
		.help = "how often a request that failed is repeated"
	},
	{
		.name = "max_retry_wait", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_SECONDS, .offset = FIELD(max_retry_wait),
		.min = 0, .max = DAY_MS, .default_value = "120s",
		.help = "longest wait that a provider may ask for before the next request"
	},
	{
		.name = "max_response_size", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_SIZE, .offset = FIELD(max_response_size),
		.min = 1, .max = GB_KB, .default_value = "64MB",
		.help = "largest reply to one request, decoded"
	},
	{
		.name = "max_requests", .contexts = CALLS_ON_SERVER | CALLS_ON_TABLE,
		.kind = CALLS_OPTION_INTEGER, .offset = FIELD(max_requests),
		.min = 0, .max = INT_MAX, .default_value = "0",
		.help = "most requests of one scan; 0: no limit"
	},
	{
		.name = "max_connections", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_INTEGER, .offset = FIELD(max_connections),
		.min = 1, .max = 100, .default_value = "4",
		.help = "requests of one scan that may be under way at once"
	},
	{
		.name = "rate_limit", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_REAL, .offset = FIELD(rate_limit), .min = 0.001, .max = 1000,
		.help = "requests a second that a session may send; by default no limit"
	},
	{
		.name = "async_capable", .contexts = CALLS_ON_SERVER | CALLS_ON_TABLE,
		.kind = CALLS_OPTION_BOOLEAN, .offset = FIELD(async_capable), .default_value = "true",
		.help = "whether scans under an Append may wait together"
	},
	{
		.name = "max_fanout", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_INTEGER, .offset = FIELD(max_fanout),
		.min = 1, .max = 1000, .default_value = "64",
		.help = "most streams of one scan"
	},
	{
		.name = "trust_total", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_BOOLEAN, .offset = FIELD(trust_total), .default_value = "true",
		.help = "whether the total that the provider reports may answer count(*)"
	},
	{
		.name = "use_remote_estimate", .contexts = CALLS_ON_SERVER | CALLS_ON_TABLE,
		.kind = CALLS_OPTION_BOOLEAN, .offset = FIELD(use_remote_estimate),
		.default_value = "false",
		.help = "whether the planner may ask the provider how many calls there are"
	},
	{
		.name = "request_cost", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_REAL, .offset = FIELD(request_cost),
		.min = 0, .max = 1e10, .default_value = "1000",
		.help = "the planner's cost of one request"
	},
	{
		.name = "pushdown", .contexts = CALLS_ON_SERVER | CALLS_ON_TABLE,
		.kind = CALLS_OPTION_PUSHDOWN, .offset = FIELD(pushdown), .default_value = "all",
		.help = "columns whose filters may be sent: all, none, or a list"
	},
	{
		.name = "on_incomplete", .contexts = CALLS_ON_SERVER | CALLS_ON_TABLE,
		.kind = CALLS_OPTION_WORD, .offset = FIELD(on_incomplete),
		.words = on_incomplete_words, .default_value = "error",
		.help = "what a proven gap in the log does: error, warn or ignore"
	},
	{
		.name = "on_error", .contexts = CALLS_ON_TABLE,
		.kind = CALLS_OPTION_WORD, .offset = FIELD(on_error),
		.words = on_error_words, .default_value = "stop",
		.help = "what a value that does not fit its column does: stop or set_null"
	},
	{
		.name = "relation", .contexts = CALLS_ON_TABLE,
		.kind = CALLS_OPTION_WORD, .offset = FIELD(relation),
		.words = relation_words, .default_value = "calls",
		.help = "what the table shows: calls, or call_details"
	},
	{
		.name = "ca_file", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_STRING, .offset = FIELD(ca_file), .flaw = calls_ca_file_flaw,
		.superuser = true,
		.help = "file of certificate authorities; by default the system's"
	},
	{
		.name = "proxy", .contexts = CALLS_ON_SERVER,
		.kind = CALLS_OPTION_STRING, .offset = FIELD(proxy), .flaw = calls_proxy_flaw,
		.superuser = true, .secret = true,
		.help = "URL of a proxy; by default none, whatever the environment says"
	},
	{
		.name = "api_key", .contexts = CALLS_ON_MAPPING, .required = CALLS_ON_MAPPING,
		.kind = CALLS_OPTION_STRING, .offset = FIELD(api_key), .flaw = calls_api_key_flaw,
		.secret = true,
		.help = "the provider's API key"
	},
	{
		.name = "headers", .contexts = CALLS_ON_MAPPING,
		.kind = CALLS_OPTION_HEADERS, .offset = FIELD(headers), .secret = true,
		.help = "more request headers: a JSON object of strings"
	},
	{
		.name = "column_name", .contexts = CALLS_ON_COLUMN,
		.kind = CALLS_OPTION_STRING, .offset = CALLS_NOT_A_SETTING,
		.help = "column of the definition; by default the one of the same name"
	},
	{
		.name = "path", .contexts = CALLS_ON_COLUMN,
		.kind = CALLS_OPTION_STRING, .offset = CALLS_NOT_A_SETTING,
		.flaw = calls_member_path_flaw,
		.help = "dotted path of a value inside the call object"
	}
};

const int	calls_option_count = lengthof(calls_options);

const CallsOption *
calls_find_option(const char *name, CallsOptionContext context)
{
	for (int i = 0; i < calls_option_count; i++)
	{
		if ((calls_options[i].contexts & context) &&
			strcmp(calls_options[i].name, name) == 0)
			return &calls_options[i];
	}
	return NULL;
}
