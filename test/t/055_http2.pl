# Providers behind HTTP/2, where all requests share a connection: the simulator
# behind nghttpx, a proxy that speaks it.
use strict;
use warnings;

use CallsTest;
use Certificates;
use IO::Socket::INET;
use PostgreSQL::Test::Utils qw(slurp_file);
use Session;
use Test::More;
use Time::HiRes qw(sleep);

plan skip_all => 'nghttpx (Debian: nghttp2-proxy) is not installed' if system('nghttpx --version >/dev/null 2>&1') != 0;
plan skip_all => 'openssl is not installed' if !has_openssl();

my $calls = 1200;
my $page_size = 20;
my $columns = 'call_id, status, started_at, from_number, duration';
my $dir = make_certificates();
my $sim = start_simulator(calls => $calls);
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $proxy = start_proxy();
my $node = start_node('main', sim => $sim);
create_servers($node, $sim,
	server => { base_url => "https://localhost:$port", ca_file => "$dir/ca.pem", page_size => $page_size, max_connections => 8 });
load_local($node, $sim);

check_scans();
check_append();
check_cancel();
check_failures();
check_growing_pages();
check_restart();
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');
stop_proxy();
my @protocols = slurp_file("$dir/access.log") =~ m{ (HTTP/\S+)" }g;
cmp_ok(scalar @protocols, '>', 5 * $calls / $page_size, 'the proxy has seen the requests');
is_deeply([ grep { $_ ne 'HTTP/2' } @protocols ], [], 'all were sent by HTTP/2');

done_testing();

sub start_proxy
{
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		open STDOUT, '>>', "$dir/nghttpx.log";
		open STDERR, '>&', \*STDOUT;
		exec 'setpriv', '--pdeathsig', 'TERM', 'nghttpx', '--conf=/dev/null', '--workers=1', '--no-ocsp',
		  "--frontend=127.0.0.1,$port", '--backend=127.0.0.1,' . $sim->port, "--errorlog-file=$dir/error.log",
		  "--accesslog-file=$dir/access.log", "$dir/server.key", "$dir/server.pem"
		  or POSIX::_exit(127);
	}
	eventually(10, sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) }) or die 'nghttpx does not start';
	return $pid;
}

sub stop_proxy
{
	local $?;
	kill 'TERM', $proxy;
	waitpid $proxy, 0;
	return;
}

sub sockets
{
	my ($session) = @_;
	return scalar grep { /^socket:/ } $session->descriptors;
}

sub most_inflight
{
	my ($provider) = @_;
	my ($most) = sort { $b <=> $a } map { $_->{inflight} } $sim->log($provider);
	return $most;
}

# The rows are right, several requests are under way, and one connection carries
# them.
sub check_scans
{
	foreach my $provider (@providers)
	{
		my $session = Session->new($node);

		$session->query("SELECT call_id FROM $provider.calls LIMIT 1");
		my $before = sockets($session);
		$sim->set($provider, latency => 20);
		$sim->clear;
		is($session->query("SELECT count(md5(call_id)) FROM $provider.calls"), $calls, "$provider: $calls calls");
		cmp_ok(most_inflight($provider), '>=', 6, "$provider: requests at once");
		cmp_ok($sim->requests($provider), '<=', 1.05 * $calls / $page_size + 2 * 8 + 2, "$provider: no more requests than by HTTP/1.1");
		is(sockets($session), $before, "$provider: one connection for all");
		$session->close;
		$sim->set($provider, latency => 0);
		rows_equal($node, "SELECT $columns FROM {$provider}", "$provider: rows");
		rows_equal($node, "SELECT $columns FROM {$provider} WHERE status = 'completed' AND started_at >= '2025-11-01'", "$provider: filters");
		$sim->clear;
	}
	return;
}

# Scans of several servers on one host
sub check_append
{
	my $session = Session->new($node);
	my $sql = join ' UNION ALL ', map { "SELECT call_id FROM $_.calls" } @providers;

	is($session->query("SELECT count(md5(call_id)) FROM ($sql) s"), @providers * $calls, 'Append');
	$session->close;
	return;
}

# A stream is ended, the connection stays.
sub check_cancel
{
	my $session = Session->new($node);
	my $observer = Session->new($node);
	my $sql = 'SELECT count(md5(call_id)) FROM voicy.calls';
	my (@times, %states);

	$session->query($sql);
	my $before = sockets($session);
	foreach (1 .. 5)
	{
		$sim->reset;
		$sim->fault('voicy', 'hang', after => 6, count => -1);
		$session->send($sql);
		sleep 0.2;
		push @times, ($session->cancel($observer))[0];
		$states{ $session->sqlstate }++;
		$sim->reset;
		$sim->set('all', calls => $calls);
		is($session->query($sql), $calls, 'after a cancel: the next query');
	}
	my $median = (sort { $a <=> $b } @times)[2];
	cmp_ok($median, '<', 100, sprintf 'canceled in %.1f ms', $median);
	is_deeply(\%states, { 57014 => 5 }, 'canceled: 57014');
	cmp_ok(sockets($session), '<=', $before, 'no connection is left');
	$session->close;
	$observer->close;
	return;
}

# What fails for one request fails for no other.
sub check_failures
{
	foreach my $fault ([ 'status', code => 503 ], [ 'status', code => 429, retry_after => 1 ], ['reset'], ['refuse'], [ 'delay', ms => 300 ])
	{
		my ($kind, %options) = @$fault;
		foreach my $provider (qw(tryvox voicy))
		{
			$sim->clear;
			$sim->fault($provider, $kind, %options, after => 10);
			rows_equal($node, "SELECT $columns FROM {$provider}", "$provider: rows after a fault: @$fault");
		}
	}
	$sim->reset;
	$sim->set('all', calls => $calls);
	$sim->fault('tryvox', 'status', code => 500, after => 10, count => -1);
	sql_fails($node, 'SELECT count(md5(call_id)) FROM tryvox.calls', 'HV000', qr/500(?s:.*)CONTEXT:  page \d+ of server "tryvox"/, 'a request that fails for good');
	$sim->reset;
	$sim->set('all', calls => $calls);
	return;
}

# Requests are ended to save memory, with others on the same connection.
sub check_growing_pages
{
	$sim->set('tryvox', latency => 20, compress => 'none', calls => 400);
	load_local($node, $sim, 'tryvox');
	$sim->fault('tryvox', 'big', bytes => 3 * 1024 * 1024, after => 8, count => 20);
	rows_equal($node, "SELECT $columns FROM {tryvox}", 'pages that grow in mid-scan: rows');
	$sim->reset;
	$sim->set('all', calls => $calls);
	load_local($node, $sim, 'tryvox');
	return;
}

# The provider's front goes away in mid-scan and comes back.
sub check_restart
{
	my $session = Session->new($node);

	$sim->set('voicy', latency => 50);
	$session->send('SELECT count(md5(call_id)) FROM voicy.calls');
	eventually(10, sub { $sim->requests('voicy') > 12 });
	stop_proxy();
	$proxy = start_proxy();
	is($session->receive, $calls, 'the scan goes on when the provider is back');
	$session->close;
	$sim->reset;
	$sim->set('all', calls => $calls);
	return;
}
