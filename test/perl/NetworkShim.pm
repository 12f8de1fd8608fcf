# A library to preload into the server: names and connections as a test wants
# them, with nothing sent beyond this machine.
#
#   my $network = NetworkShim->new;
#   local $ENV{LD_PRELOAD} = $network->library;      # while the server starts
#   $network->names('api.test' => [ '10.0.0.1', '8.8.8.8' ]);
#   $network->attempts;              # addresses beyond loopback that somebody
#                                    # tried to reach since the last call, each
#                                    # once; the attempts failed
package NetworkShim;

use strict;
use warnings;

use PostgreSQL::Test::Utils ();

sub new
{
	my ($class) = @_;
	my $base = "$PostgreSQL::Test::Utils::tmp_check/network_shim_$$";
	my $self = bless { base => $base }, $class;

	open my $fh, '>', "$base.c" or die "$base.c: $!";
	print $fh $self->source;
	close $fh;
	PostgreSQL::Test::Utils::system_or_bail('gcc', '-shared', '-fPIC', '-o', "$base.so", "$base.c", '-ldl');
	$self->names;
	$self->attempts;
	return $self;
}

sub library { return "$_[0]{base}.so"; }

sub names
{
	my ($self, %names) = @_;

	open my $fh, '>', "$self->{base}.names.new" or die "$self->{base}.names.new: $!";
	print $fh map { join(' ', $_, ref $names{$_} ? @{ $names{$_} } : $names{$_}), "\n" } sort keys %names;
	close $fh;
	rename "$self->{base}.names.new", "$self->{base}.names" or die $!;
	return;
}

sub attempts
{
	my ($self) = @_;
	my $log = "$self->{base}.log";
	my %seen;

	if (open my $fh, '<', $log)
	{
		chomp(my @lines = <$fh>);
		@seen{@lines} = ();
		unlink $log;
	}
	return sort keys %seen;
}

sub source
{
	my ($self) = @_;
	return <<"END";
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	int			(*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		dlsym(RTLD_NEXT, "getaddrinfo");
	char		line[1024];
	int			code = -1;
	FILE	   *file = name != NULL ? fopen("$self->{base}.names", "r") : NULL;

	while (file != NULL && code < 0 && fgets(line, sizeof(line), file) != NULL)
	{
		char	   *rest = NULL;
		char	   *word = strtok_r(line, " \\n", &rest);
		struct addrinfo **end = result;

		if (word == NULL || strcasecmp(word, name) != 0)
			continue;
		code = EAI_NONAME;
		while ((word = strtok_r(NULL, " \\n", &rest)) != NULL)
		{
			struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};

			if (real(word, service, &numeric, end) != 0)
				continue;
			code = 0;
			while (*end != NULL)
				end = &(*end)->ai_next;
		}
	}
	if (file != NULL)
		fclose(file);
	return code < 0 ? real(name, service, hints, result) : code;
}

int
connect(int fd, const struct sockaddr *address, socklen_t length)
{
	int			(*real) (int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
	const struct sockaddr_in *ipv4 = (const void *) address;
	const struct sockaddr_in6 *ipv6 = (const void *) address;
	char		text[INET6_ADDRSTRLEN] = "";
	FILE	   *file;

	if (address->sa_family == AF_INET && ntohl(ipv4->sin_addr.s_addr) >> 24 != 127)
		inet_ntop(AF_INET, &ipv4->sin_addr, text, sizeof(text));
	else if (address->sa_family == AF_INET6 && !IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr))
		inet_ntop(AF_INET6, &ipv6->sin6_addr, text, sizeof(text));
	if (text[0] == '\\0')
		return real(fd, address, length);
	if ((file = fopen("$self->{base}.log", "a")) != NULL)
	{
		fprintf(file, "%s\\n", text);
		fclose(file);
	}
	errno = ENETUNREACH;
	return -1;
}
END
}

1;
