# The backend, the provider and the server end in mid-scan and start again:
# what was under way fails with the right error or goes on where it was, and
# what comes next works.
use strict;
use warnings;

use CallsTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Session;
use Test::More;
use Time::HiRes qw(sleep);

my $calls = 300;
my $all = "SELECT count(DISTINCT call_id) || ' of ' || count(*) FROM";

my $sim = start_simulator(calls => $calls);
my $port = $sim->port;
my $node = start_node('main', sim => $sim, conf => 'restart_after_crash = on');
create_servers($node, $sim, server => { page_size => 20 });
load_local($node, $sim);
my $observer = Session->new($node);

check_backend_terminated();
check_backend_killed($_) foreach qw(QUIT KILL);
check_server_stopped($_) foreach qw(fast immediate);
check_provider_restarts($_) foreach @providers;
check_provider_away();

unlike(slurp_file($node->logfile), qr/was terminated by signal (?!9)/, 'no process of the server crashed');
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();

# A session whose scan has delivered some calls and waits for a page that does
# not come
sub waiting_session
{
	my $session = Session->new($node);

	$sim->reset;
	$session->query("BEGIN; DECLARE c CURSOR FOR SELECT call_id FROM ringyo.calls");
	is(scalar(() = $session->query('FETCH 5 FROM c') =~ /^.+$/mg), 5, 'a scan is under way');
	$sim->fault('ringyo', 'hang', count => -1);
	$session->send('FETCH ALL FROM c');
	$session->wait_until_waiting($observer);
	return $session;
}

# Every provider can be read, and nothing is left of what was before.
sub works
{
	my ($name) = @_;

	$sim->reset;
	foreach my $provider (@providers)
	{
		rows_equal($node, 'SELECT * FROM {' . $provider . '}', "$name: $provider can be read");
	}
	ok(eventually(5, sub { $sim->stats->{connections} <= 1 }), "$name: the provider has no connection left");
	return;
}

sub check_backend_terminated
{
	my $session = waiting_session();

	kill 'TERM', $session->pid;
	like($session->receive, qr/FATAL:  57P01:/, 'SIGTERM: 57P01');
	ok($session->ended, 'SIGTERM: the session ends');
	ok(eventually(5, sub { !kill 0, $session->pid }), 'SIGTERM: so does its process');
	is($observer->query('SELECT 1'), '1', 'SIGTERM: no other session notices');
	works('after SIGTERM');
	return;
}

# The server restarts itself.
sub check_backend_killed
{
	my ($signal) = @_;
	my $session = waiting_session();

	kill $signal, $session->pid;
	$session->receive;
	ok($session->ended, "SIG$signal: the session ends");
	# the postmaster ends all others too
	ok(eventually(20, sub { !kill 0, $observer->pid }), "SIG$signal: the server restarts");
	ok(eventually(20, sub { ($node->psql('postgres', 'SELECT 1'))[0] == 0 }), "SIG$signal: and is back");
	$observer = Session->new($node);
	works("after SIG$signal");
	return;
}

sub check_server_stopped
{
	my ($mode) = @_;
	my $session = waiting_session();
	my $pid = $session->pid;

	$node->stop($mode);
	$session->receive;
	ok($session->ended && !kill(0, $pid), "stop $mode: the session ends in mid-scan");
	$node->start;
	$observer = Session->new($node);
	works("after stop $mode");
	return;
}

# The provider goes away after the first page and is back before the retries
# are used up: the scan has every call once.
sub check_provider_restarts
{
	my ($provider) = @_;
	my $session = Session->new($node);

	$sim->reset;
	$session->query("BEGIN; DECLARE c CURSOR FOR SELECT call_id FROM $provider.calls");
	my @ids = split /\n/, $session->query('FETCH 5 FROM c');
	$sim->stop;
	$session->send('FETCH ALL FROM c');
	sleep 0.1;
	$sim = start_simulator(calls => $calls, port => $port);
	push @ids, split /\n/, $session->receive;
	my @expected = query_rows($node, "SELECT call_id FROM local.$provider");
	is($session->sqlstate, '00000', "$provider restarts: the scan goes on") or diag(@ids);
	is_deeply([ sort @ids ], [ sort @expected ], "$provider restarts: every call comes once");
	$session->close;
	return;
}

# It stays away: the scan fails, the session does not, and works once the
# provider is back.
sub check_provider_away
{
	my $session = Session->new($node);

	$node->safe_psql('postgres', 'ALTER SERVER ringyo OPTIONS (ADD max_retries \'1\')');
	$session->query('BEGIN; DECLARE c CURSOR FOR SELECT call_id FROM ringyo.calls');
	$session->query('FETCH 5 FROM c');
	$sim->stop;
	like($session->query('FETCH ALL FROM c'), qr/ERROR:  HV00N: .*server "ringyo"/, 'provider away: HV00N');
	$session->query('ROLLBACK');
	my $descriptors = () = $session->descriptors;
	foreach (1 .. 3)
	{
		$session->query('SELECT count(*) FROM ringyo.calls');
		is($session->sqlstate, 'HV00N', 'provider away: HV00N again');
	}
	cmp_ok(scalar(() = $session->descriptors), '<=', $descriptors, 'provider away: no descriptor left behind');
	$sim = start_simulator(calls => $calls, port => $port);
	is($session->query("$all ringyo.calls"), "$calls of $calls", 'provider back: the same session reads it');
	is($session->query("$all voicy.calls"), "$calls of $calls", 'provider back: and others there');
	$session->close;
	return;
}
