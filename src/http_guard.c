/*-------------------------------------------------------------------------
 *
 * http_guard.c
 *		Which hosts and addresses a request may go to.
 *
 * Two rules, both applied to the address that a connection is about to use,
 * and again before each request that uses a kept connection, so that a name
 * whose address changes is judged by the address it has:
 *
 * - Where the setting calls_fdw.allowed_hosts is not empty, it must name the
 *	 host or hold the address.
 * - Where the server's owner is no superuser, the address must be a public
 *	 one.  A range in the setting lifts that for its addresses; a name in the
 *	 setting lifts it for the private addresses of that host, but not for
 *	 link-local and other special ones, where machines of a cloud find their
 *	 credentials.
 *
 * Runs inside libcurl's callbacks: but for the setting's own hooks, nothing
 * here raises or allocates.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "utils/guc.h"

#include "compat.h"
#include "http_guard.h"

/* RFC 1035 section 2.3.4, without the dot at the end */
#define MAX_HOST_NAME 253
#define MAX_LABEL 63

/* An address with the bits before it that matter, in network order. */
typedef struct AddressRange
{
	int			family;			/* AF_INET or AF_INET6 */
	int			bits;			/* that an address has in common with it */
	uint8		bytes[16];		/* 4 of them for AF_INET */
} AddressRange;

/* One entry of calls_fdw.allowed_hosts. */
typedef struct AllowedHost
{
	bool		is_name;
	char		name[MAX_HOST_NAME + 1];	/* lower case */
	AddressRange range;
} AllowedHost;

/* The setting, parsed. */
typedef struct AllowedHosts
{
	bool		nothing;		/* stands for a value that was refused: no host is
								 * allowed */
	int			count;
	AllowedHost hosts[FLEXIBLE_ARRAY_MEMBER];
} AllowedHosts;

/* What is known of an address by its range. */
typedef enum AddressKind
{
	ADDRESS_PUBLIC = 0,
	ADDRESS_PRIVATE,			/* of this machine or its own network */
	ADDRESS_SPECIAL,			/* no host of the internet, for other reasons */
	ADDRESS_NAT64,				/* holds an IPv4 address in its last bytes */
	ADDRESS_6TO4				/* holds one in its bytes 2 to 5 */
} AddressKind;

/*
 * The first range that holds an address counts.  IANA's registries of special
 * purpose addresses (RFC 6890), and addresses at which a cloud serves its
 * machines' credentials or configuration.
 */
static const struct
{
	const char *range;
	AddressKind kind;
}			known_ranges[] =
{
	{"168.63.129.16/32", ADDRESS_SPECIAL},	/* Azure's WireServer */
	{"100.100.100.200/32", ADDRESS_SPECIAL},	/* Alibaba's metadata service */
	{"0.0.0.0/8", ADDRESS_SPECIAL},
	{"10.0.0.0/8", ADDRESS_PRIVATE},
	{"100.64.0.0/10", ADDRESS_PRIVATE}, /* shared by customers of a carrier */
	{"127.0.0.0/8", ADDRESS_PRIVATE},
	{"169.254.0.0/16", ADDRESS_SPECIAL},	/* link-local, metadata services */
	{"172.16.0.0/12", ADDRESS_PRIVATE},
	{"192.0.0.0/24", ADDRESS_SPECIAL},
	{"192.0.2.0/24", ADDRESS_SPECIAL},	/* documentation */
	{"192.88.99.0/24", ADDRESS_SPECIAL},	/* 6to4 relays */
	{"192.168.0.0/16", ADDRESS_PRIVATE},
	{"198.18.0.0/15", ADDRESS_PRIVATE}, /* benchmarks */
	{"198.51.100.0/24", ADDRESS_SPECIAL},	/* documentation */
	{"203.0.113.0/24", ADDRESS_SPECIAL},	/* documentation */
	{"224.0.0.0/3", ADDRESS_SPECIAL},	/* multicast, reserved, broadcast */
	{"0.0.0.0/0", ADDRESS_PUBLIC},

	{"::1/128", ADDRESS_PRIVATE},
	{"fd00:ec2::/32", ADDRESS_SPECIAL}, /* Amazon's metadata and credentials */
	{"fd20:ce::254/128", ADDRESS_SPECIAL},	/* Google's metadata service */
	{"fc00::/7", ADDRESS_PRIVATE},	/* unique local */
	{"64:ff9b::/96", ADDRESS_NAT64},	/* RFC 6052 */
	{"2001::/23", ADDRESS_SPECIAL}, /* Teredo and other protocols */
	{"2001:db8::/32", ADDRESS_SPECIAL}, /* documentation */
	{"2002::/16", ADDRESS_6TO4},
	{"3fff::/20", ADDRESS_SPECIAL}, /* documentation */
	{"2000::/3", ADDRESS_PUBLIC},
	{"::/0", ADDRESS_SPECIAL}	/* link-local, multicast, unassigned */
};

/* known_ranges, parsed by calls_init_guard. */
static AddressRange parsed_ranges[lengthof(known_ranges)];

/*
 * The setting as text, which guc.c owns, and parsed: its hook's "extra", which
 * comes and goes with the text.
 */
static char *allowed_hosts_text = NULL;
static AllowedHosts *allowed_hosts = NULL;

/* The default, parsed: guc.c frees it once RESET leads to something else. */
static AllowedHosts *default_hosts = NULL;

static int
family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

/* Parses an address; an IPv4 address in IPv6's clothes is an IPv4 address. */
static bool
parse_address(const char *text, AddressRange *address)
{
	static const uint8 mapped[12] = {[10] = 0xff,[11] = 0xff};

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, address->bytes) == 1)
		address->family = AF_INET;
	else if (inet_pton(AF_INET6, text, address->bytes) == 1)
		address->family = AF_INET6;
	else
		return false;

	if (address->family == AF_INET6 &&
		memcmp(address->bytes, mapped, sizeof(mapped)) == 0)
	{
		address->family = AF_INET;
		memmove(address->bytes, address->bytes + 12, 4);
	}
	address->bits = family_bits(address->family);
	return true;
}

/* The same for an address of the socket layer. */
static bool
read_address(const struct sockaddr *from, AddressRange *address)
{
	char		text[INET6_ADDRSTRLEN];

	calls_show_address(from, text, sizeof(text));
	return parse_address(text, address);
}

/* Do two addresses have their first "bits" bits in common? */
static bool
have_common_bits(const uint8 *one, const uint8 *other, int bits)
{
	int			whole = bits / 8;
	int			mask = 0xff00 >> (bits % 8);

	return memcmp(one, other, whole) == 0 &&
		(bits % 8 == 0 || ((one[whole] ^ other[whole]) & mask & 0xff) == 0);
}

static bool
holds(const AddressRange *range, const AddressRange *address)
{
	return range->family == address->family &&
		have_common_bits(range->bytes, address->bytes, range->bits);
}

/* The IPv4 address inside an IPv6 address, from byte "first" on. */
static AddressRange
embedded_address(const AddressRange *address, int first)
{
	AddressRange inner = {.family = AF_INET,.bits = 32};

	memcpy(inner.bytes, address->bytes + first, 4);
	return inner;
}

/*
 * What kind of address is it, a translated one being that of whom it stands
 * for?  That one replaces *address.
 */
static AddressKind
classify(AddressRange *address)
{
	AddressKind kind = ADDRESS_SPECIAL;

	for (size_t i = 0; i < lengthof(known_ranges); i++)
	{
		if (holds(&parsed_ranges[i], address))
		{
			kind = known_ranges[i].kind;
			break;
		}
	}
	if (kind != ADDRESS_NAT64 && kind != ADDRESS_6TO4)
		return kind;
	*address = embedded_address(address, kind == ADDRESS_NAT64 ? 12 : 2);
	return classify(address);
}

/* Is the address in a range of the setting? */
static bool
is_listed_address(const AddressRange *address)
{
	for (int i = 0; allowed_hosts != NULL && i < allowed_hosts->count; i++)
	{
		if (!allowed_hosts->hosts[i].is_name &&
			holds(&allowed_hosts->hosts[i].range, address))
			return true;
	}
	return false;
}

/* Is the host one of the setting's names?  A dot at its end means nothing. */
static bool
is_listed_name(const char *host)
{
	size_t		length = strlen(host);

	if (length > 0 && host[length - 1] == '.')
		length--;
	for (int i = 0; allowed_hosts != NULL && i < allowed_hosts->count; i++)
	{
		const AllowedHost *allowed = &allowed_hosts->hosts[i];

		if (allowed->is_name && strlen(allowed->name) == length &&
			pg_strncasecmp(allowed->name, host, length) == 0)
			return true;
	}
	return false;
}

static bool
has_list(void)
{
	return allowed_hosts != NULL && (allowed_hosts->nothing || allowed_hosts->count > 0);
}

/* The two rules. */
static CallsVerdict
judge(const char *host, bool trusted, const AddressRange *address)
{
	AddressRange real = *address;
	AddressKind kind = classify(&real);
	bool		listed = is_listed_address(address) || is_listed_address(&real);
	bool		named = is_listed_name(host);

	if (has_list() && !listed && !named)
		return CALLS_VERDICT_UNLISTED;
	if (trusted || listed || kind == ADDRESS_PUBLIC ||
		(kind == ADDRESS_PRIVATE && named))
		return CALLS_VERDICT_FINE;
	return CALLS_VERDICT_PRIVATE;
}

/* What cannot be judged is permitted only where nothing is forbidden. */
static CallsVerdict
judge_unknown(bool trusted)
{
	if (has_list())
		return CALLS_VERDICT_UNLISTED;
	return trusted ? CALLS_VERDICT_FINE : CALLS_VERDICT_PRIVATE;
}

CallsVerdict
calls_judge_address(const char *host, bool trusted,
					const struct sockaddr *address)
{
	AddressRange parsed;

	return read_address(address, &parsed) ? judge(host, trusted, &parsed)
		: judge_unknown(trusted);
}

CallsVerdict
calls_judge_text(const char *host, bool trusted, const char *address)
{
	char		bare[INET6_ADDRSTRLEN];
	AddressRange parsed;

	/* an IPv6 address may have its scope behind it */
	strlcpy(bare, address, sizeof(bare));
	bare[strcspn(bare, "%")] = '\0';
	return parse_address(bare, &parsed) ? judge(host, trusted, &parsed)
		: judge_unknown(trusted);
}

CallsVerdict
calls_judge_host(const char *host, bool trusted)
{
	AddressRange parsed;

	if (parse_address(pg_strcasecmp(host, "localhost") == 0 ? "127.0.0.1" : host,
					  &parsed))
		return judge(host, trusted, &parsed);
	return has_list() && !is_listed_name(host) ? CALLS_VERDICT_UNLISTED
		: CALLS_VERDICT_FINE;
}

void
calls_show_address(const struct sockaddr *address, char *text, size_t size)
{
	const void *bytes = NULL;

	if (address->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *) address)->sin_addr;
	else if (address->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *) address)->sin6_addr;
	if (bytes == NULL ||
		inet_ntop(address->sa_family, bytes, text, (socklen_t) size) == NULL)
		strlcpy(text, "?", size);
}

const char *
calls_verdict_text(CallsVerdict verdict)
{
	switch (verdict)
	{
		case CALLS_VERDICT_FINE:
			break;
		case CALLS_VERDICT_UNLISTED:
			return "Neither the host nor its address is in \"calls_fdw.allowed_hosts\"";
		case CALLS_VERDICT_PRIVATE:
			return "The host has no public address, and the server's owner is not a superuser";
	}
	return "";
}

/* Parses an address, alone or with the length of its prefix. */
static const char *
parse_range(const char *text, AddressRange *range)
{
	char		address[INET6_ADDRSTRLEN];
	size_t		length = strcspn(text, "/");
	const char *bits = text + length;
	uint8		beyond = 0;
	int			total;

	if (length >= sizeof(address))
		return "is no address";
	memcpy(address, text, length);
	address[length] = '\0';
	if (!parse_address(address, range))
		return "is no address";
	if (*bits == '\0')
		return NULL;

	bits++;
	total = family_bits(range->family);
	if (strlen(bits) > 3 || strspn(bits, "0123456789") != strlen(bits) || *bits == '\0' ||
		atoi(bits) > total || (range->family == AF_INET && strchr(address, ':') != NULL))
		return "has no valid prefix length";
	range->bits = atoi(bits);
	for (int i = range->bits; i < total; i++)
		beyond |= range->bytes[i / 8] & (0x80 >> (i % 8));
	return beyond == 0 ? NULL : "has bits beyond its prefix length";
}

/* Checks a host name: labels of letters, digits, '-' and '_' between dots. */
static const char *
parse_name(const char *text, char *name)
{
	size_t		length = strlen(text);
	const char *label = text;
	size_t		size;

	if (length > 0 && text[length - 1] == '.')
		length--;
	if (length == 0 || length > MAX_HOST_NAME)
		return "is no host name or address";
	for (;; label += size + 1)
	{
		size = strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
		if (size == 0 || size > MAX_LABEL || label[0] == '-')
			return "is no host name or address";
		if (label + size == text + length)
			break;
		if (label[size] != '.')
			return "is no host name or address";
	}
	/* 10.0.0 and 300.1.1.1 are addresses gone wrong: no domain has such an end */
	if (strspn(label, "0123456789") == size)
		return "is no host name or address";
	for (size_t i = 0; i < length; i++)
		name[i] = (char) pg_tolower((unsigned char) text[i]);
	name[length] = '\0';
	return NULL;
}

/* Parses one entry; returns what is wrong with it, or NULL. */
static const char *
parse_entry(const char *text, AllowedHost *host)
{
	memset(host, 0, sizeof(*host));
	if (strpbrk(text, ":/") == NULL && parse_name(text, host->name) == NULL)
	{
		host->is_name = true;
		return NULL;
	}
	if (strpbrk(text, ":/") == NULL && !parse_address(text, &host->range))
		return "is no host name or address";
	return parse_range(text, &host->range);
}

/* Copies the next entry of a list without the blanks around it. */
static const char *
next_entry(const char *list, char *entry, size_t size)
{
	size_t		length = strcspn(list, ",");
	const char *end = list + length;

	while (length > 0 && isspace((unsigned char) *list))
		list++, length--;
	while (length > 0 && isspace((unsigned char) list[length - 1]))
		length--;
	strlcpy(entry, list, Min(length + 1, size));
	return *end == ',' ? end + 1 : NULL;
}

/* GUC check_hook: parses the setting into "extra". */
static bool
check_allowed_hosts(char **newval, void **extra, GucSource source)
{
	const char *rest = *newval != NULL ? *newval : "";
	int			most = 1;
	AllowedHosts *list;

	(void) source;
	for (const char *c = rest; *c != '\0'; c++)
		most += *c == ',';
	list = guc_malloc(LOG, offsetof(AllowedHosts, hosts) + most * sizeof(AllowedHost));
	if (list == NULL)
		return false;
	list->nothing = false;
	list->count = 0;

	if (rest[strspn(rest, " \t\r\n")] == '\0')
		rest = NULL;			/* empty */
	while (rest != NULL)
	{
		char		entry[MAX_HOST_NAME + 3];
		const char *flaw;

		rest = next_entry(rest, entry, sizeof(entry));
		flaw = parse_entry(entry, &list->hosts[list->count]);
		if (flaw != NULL)
		{
			guc_free(list);
			GUC_check_errdetail("\"%s\" %s.", entry, flaw);
			GUC_check_errhint("It is a list of host names and of address ranges such as 10.1.0.0/16.");
			return false;
		}
		list->count++;
	}
	/* the default comes first */
	if (default_hosts == NULL)
		default_hosts = list;
	*extra = list;
	return true;
}

/* GUC assign_hook */
static void
assign_allowed_hosts(const char *newval, void *extra)
{
	(void) newval;
	allowed_hosts = extra;
}

static void
parse_known_ranges(void)
{
	for (size_t i = 0; i < lengthof(known_ranges); i++)
	{
		const char *flaw = parse_range(known_ranges[i].range, &parsed_ranges[i]);

		if (flaw != NULL)
			elog(ERROR, "range %s %s", known_ranges[i].range, flaw);
	}
}

/* What the setting is now, or after RESET; a copy. */
static char *
current_setting(bool after_reset)
{
	const char *text = GetConfigOption("calls_fdw.allowed_hosts", true, false);

	if (text != NULL && after_reset)
		text = GetConfigOptionResetString("calls_fdw.allowed_hosts");
	return pstrdup(text != NULL ? text : "");
}

void
calls_init_guard(void)
{
	/* what configuration or session said before the library was loaded */
	char	   *earlier = current_setting(false);
	char	   *earlier_reset = current_setting(true);

	parse_known_ranges();
	DefineCustomStringVariable("calls_fdw.allowed_hosts",
							   "Hosts that calls_fdw may connect to.",
							   "Host names and address ranges (CIDR), separated by commas. "
							   "Empty: any host, but for servers that no superuser owns only public addresses.",
							   &allowed_hosts_text, "",
							   PGC_SUSET, GUC_LIST_INPUT,
							   check_allowed_hosts, assign_allowed_hosts, NULL);

	/*
	 * The server only warns of what was refused, and goes on with the default,
	 * which allows more: then nothing is allowed until a good value is set, and
	 * again when that is taken back.
	 */
	if (strcmp(earlier_reset, current_setting(true)) != 0)
		default_hosts->nothing = true;
	if (strcmp(earlier, allowed_hosts_text) != 0)
		allowed_hosts->nothing = true;
}
