# Cancel, statement_timeout and termination end every wait at once and leave
# nothing behind; neither do errors and early ends of a scan.
use strict;
use warnings;

use CallsTest;
use FakeServer;
use PostgreSQL::Test::Utils ();
use Session;
use Test::More;
use Time::HiRes qw(sleep);

# What the product promises, in ms; the median of the tries must be below it.
my $promise = 100;

my $sim = start_simulator(calls => 20000);

# A server whose every reply comes byte by byte and never ends.
my $trickle = FakeServer->new(
	sub {
		my ($socket) = @_;
		my $sent = print $socket "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"data\": [";
		while ($sent)
		{
			sleep 0.01;
			$sent = print $socket ' ';
		}
	});
my ($sockets, $deaf_port) = FakeServer::deaf();

# The lookup of this name takes that long, as with a name server that is away.
my $slow_name = 'slow.calls.test';
my $slow_lookup = 3;
my $library = slow_lookup_library();

my $node = do
{
	local $ENV{LD_PRELOAD} = $library;
	start_node('main', sim => $sim);
};
# Counts read everything here.
create_servers($node, $sim, server => { trust_total => 'false' });

foreach my $server (
	[ 'trickling', $trickle->url ],
	[ 'deaf', "http://127.0.0.1:$deaf_port" ],
	[ 'nameless', "https://$slow_name" ])
{
	my ($name, $url) = @$server;
	$node->safe_psql('postgres', qq(
		CREATE SERVER $name FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url '$url', trust_total 'false');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (api_key 'ringyo_test');
		CREATE SCHEMA $name;
		IMPORT FOREIGN SCHEMA ringyo FROM SERVER $name INTO $name;));
}

my $observer = Session->new($node);

# Each wait: what it is called, the query, and what the simulator is told first
my @waits = (
	{ name => 'no answer', fault => [ 'hang', count => -1 ] },
	{ name => 'late answer', fault => [ 'delay', ms => 20000, count => -1 ] },
	{ name => 'answer byte by byte', table => 'trickling.calls' },
	{ name => 'back-off after 503', fault => [ 'status', code => 503, count => -1 ] },
	{ name => 'stated wait after 429', fault => [ 'status', code => 429, retry_after => 60, count => -1 ], holds => 1 },
	{ name => 'connect', table => 'deaf.calls' },
	{ name => 'name lookup', table => 'nameless.calls' },
	{ name => 'third page', fault => [ 'hang', after => 2, count => -1 ] },
	{ name => 'many pages', busy => 1, sql => 'SELECT count(md5(t::text)) FROM ringyo.calls t, generate_series(1, 20) g' });

foreach my $wait (@waits)
{
	$wait->{sql} ||= 'SELECT count(call_id) FROM ' . ($wait->{table} || 'ringyo.calls');
	check_cancel($wait, 10, "cancel, $wait->{name}");
	check_timeout($wait, 5, "statement_timeout, $wait->{name}");
	check_terminate($wait, 5, "terminate, $wait->{name}");
}
check_scans_that_end_early();

is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();

sub check_cancel
{
	my ($wait, $tries, $name) = @_;
	my $session = check_ends(
		$wait, $tries, $name,
		sub {
			my ($session) = @_;
			begin_wait($wait, $session);
			return ($session->cancel($observer))[0];
		});

	cmp_ok($sim->stats->{connections}, '<=', 4, "$name: the provider has no connection left but those to reuse");
	$session->close;
	return;
}

sub check_timeout
{
	my ($wait, $tries, $name) = @_;
	my $timeout = 120;
	my $session = check_ends(
		$wait, $tries, $name,
		sub {
			my ($session) = @_;
			arm($wait);
			$session->query("SET statement_timeout = '${timeout}ms'");
			my $start = Session::now();
			$session->query($wait->{sql});
			return milliseconds($start) - $timeout;
		});

	$session->close;
	return;
}

# A query that is ended is followed by another one in the same session; the
# session, which is returned, then has as many descriptors as before. $end ends
# a query and tells after how many ms.
sub check_ends
{
	my ($wait, $tries, $name, $end) = @_;
	my $session = warm_session();
	my $before = () = $session->descriptors;
	my (@times, %states, $good);

	for (1 .. $tries)
	{
		push @times, $end->($session);
		$states{ $session->sqlstate // 'none' }++;
		$sim->reset;
		$session->query('RESET statement_timeout');
		forget_limits($session) if $wait->{holds};
		$good += works($session);
	}
	check_times($name, @times);
	is_deeply(\%states, { '57014' => $tries }, "$name: 57014");
	is($good, $tries, "$name: the next query of the session works");
	check_descriptors($session, $before, $name);
	return $session;
}

sub check_terminate
{
	my ($wait, $tries, $name) = @_;
	my (@times, $ended, $said, $gone);

	for (1 .. $tries)
	{
		my $session = warm_session();
		my $pid = $session->pid;

		begin_wait($wait, $session);
		my $start = Session::now();
		$observer->query("SELECT pg_terminate_backend($pid)");
		my $text = $session->receive;
		push @times, milliseconds($start);
		$ended += $session->ended ? 1 : 0;
		$said += $text =~ /FATAL:  57P01:/ ? 1 : 0;
		$gone += eventually(1, sub { !kill 0, $pid });
		$session->close;
	}
	check_times($name, @times);
	is($said, $tries, "$name: 57P01");
	is($ended, $tries, "$name: the session ends");
	is($gone, $tries, "$name: so does its process");
	$sim->reset;
	ok(eventually(2, sub { $sim->stats->{connections} == 0 }), "$name: the provider has no connection left")
	  or diag($sim->command('stats'));
	return;
}

# Errors in subtransactions, cursors closed early, LIMIT: many times, and the
# last times take no more than the first.
sub check_scans_that_end_early
{
	my %blocks = (
		'errors of the query in mid-scan' => q(
			BEGIN
				PERFORM 1 / (150 - row_number) FROM (SELECT row_number() OVER () FROM ringyo.calls) AS s;
				RAISE 'no error';
			EXCEPTION WHEN division_by_zero THEN NULL;
			END;),
		'errors of the scan in mid-scan' => q(
			BEGIN
				PERFORM count(duration) FROM voicy.calls;
				RAISE 'no error';
			EXCEPTION WHEN SQLSTATE '22P02' OR SQLSTATE '22023' OR SQLSTATE 'HV004' THEN NULL;
			END;),
		'errors of the provider' => q(
			BEGIN
				PERFORM count(*) FROM tryvox.calls;
				RAISE 'no error';
			EXCEPTION WHEN SQLSTATE 'HV000' THEN NULL;
			END;),
		'cursors closed early' => q(
			DECLARE
				c refcursor;
				r record;
			BEGIN
				OPEN c FOR SELECT * FROM whippy.calls;
				FETCH c INTO r;
				FETCH c INTO r;
				CLOSE c;
			END;),
		'LIMIT' => q(PERFORM call_id FROM solomobile.calls LIMIT 7 OFFSET 3;));

	foreach my $name (sort keys %blocks)
	{
		my $session = warm_session();

		$sim->fault('voicy', 'value', field => 'duration_ms', json => '"soon"', row => 40, count => -1);
		$sim->fault('tryvox', 'status', code => 400, count => -1);
		my $loop = sub { "DO \$\$ BEGIN FOR i IN 1..$_[0] LOOP $blocks{$name} END LOOP; END \$\$" };

		is($session->query($loop->(50)), '', "$name, 50 times");
		my $descriptors = () = $session->descriptors;
		my $contexts = $session->contexts;
		my $rss = $session->memory('VmRSS');
		is($session->query($loop->(200)), '', "$name, 200 times");
		# idle connections come and go
		cmp_ok(scalar(() = $session->descriptors), "<=", $descriptors + 4, "$name: no more descriptors")
		  or diag(map { "$_\n" } $session->descriptors);
		my $more_contexts = $session->contexts - $contexts;
		my $more_rss = $session->memory('VmRSS') - $rss;
		note "$name: memory contexts of $contexts bytes grew by $more_contexts, VmRSS of $rss kB by $more_rss kB";
		cmp_ok($more_contexts, '<=', 32 * 1024, "$name: no more memory in contexts");
		cmp_ok($more_rss, '<=', 2 * 1024, "$name: no more memory of the process");
		$session->close;
	}
	$sim->reset;
	return;
}

# A session that has made its connection to the simulator.
sub warm_session
{
	my $session = Session->new($node);

	$sim->reset;
	works($session) or die 'the simulator does not answer';
	return $session;
}

# One page of the simulator's calls: 1 if it comes
sub works
{
	my ($session) = @_;
	return $session->query('SELECT count(*) FROM (SELECT call_id FROM ringyo.calls LIMIT 10) AS s') eq '10' ? 1 : 0;
}

# A changed mapping may be another account's: what the provider asked for is forgotten.
sub forget_limits
{
	my ($session) = @_;
	$session->query("ALTER USER MAPPING FOR CURRENT_USER SERVER ringyo OPTIONS (SET api_key 'ringyo_test')");
	return;
}

sub arm
{
	my ($wait) = @_;
	$sim->reset;
	$sim->fault('ringyo', @{ $wait->{fault} }) if $wait->{fault};
	return;
}

# Let the session run the query until it waits.
sub begin_wait
{
	my ($wait, $session) = @_;

	arm($wait);
	$session->send($wait->{sql});
	if ($wait->{busy})
	{
		sleep 0.05;
	}
	else
	{
		$session->wait_until_waiting($observer);
		# at times it is still waiting for an earlier request than the one meant
		sleep 0.03;
	}
	return;
}

sub milliseconds
{
	my ($start) = @_;
	return 1000 * (Session::now() - $start);
}

sub check_times
{
	my ($name, @times) = @_;
	my @sorted = sort { $a <=> $b } @times;
	my $median = $sorted[ @sorted / 2 ];

	note "$name: " . join(' ', map { sprintf '%.1f', $_ } @times) . ' ms';
	ok($median < $promise, sprintf '%s: within %d ms', $name, $promise)
	  or diag(sprintf "median: %.1f ms; all: @times", $median);
	return;
}

# A thread that still looks up a name holds a descriptor until it is done. The
# server may keep up to max_connections for the next query, fewer than there
# were tries.
sub check_descriptors
{
	my ($session, $before, $name) = @_;
	$sim->reset;
	works($session);
	ok(eventually($slow_lookup + 2, sub { (() = $session->descriptors) <= $before + 4 }), "$name: no descriptor left behind")
	  or diag("instead of $before:\n", map { "$_\n" } $session->descriptors);
	return;
}

# A library to preload: getaddrinfo as it is, but slow for one name.
sub slow_lookup_library
{
	my $base = "$PostgreSQL::Test::Utils::tmp_check/slow_lookup";

	open my $fh, '>', "$base.c" or die "$base.c: $!";
	print $fh <<"END";
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	int			(*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		dlsym(RTLD_NEXT, "getaddrinfo");

	if (name != NULL && strcmp(name, "$slow_name") == 0)
	{
		sleep($slow_lookup);
		return EAI_AGAIN;
	}
	return real(name, service, hints, result);
}
END
	close $fh;
	PostgreSQL::Test::Utils::system_or_bail('gcc', '-shared', '-fPIC', '-o', "$base.so", "$base.c", '-ldl');
	return "$base.so";
}
