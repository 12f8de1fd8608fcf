# A backend without memory or descriptors: an error and no crash, and what
# comes next works. A thousand scans in one session leave nothing behind.
use strict;
use warnings;

use CallsTest;
use PostgreSQL::Test::Utils qw(slurp_file);
use Session;
use Test::More;

my $calls = 500;
my $count = 'SELECT count(call_id) FROM';

my $sim = start_simulator(calls => $calls);
my $node = start_node('main', sim => $sim);
create_servers($node, $sim, server => { page_size => 100, max_retries => 1 });
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE objects (call_id text, raw jsonb) SERVER voicy OPTIONS (page_size '500');));

check_large_reply();
check_low_memory();
check_descriptors();
check_many_scans();
check_thousand_scans();

unlike(slurp_file($node->logfile), qr/was terminated by signal|PANIC/, 'no process of the server crashed');
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();

# A limit of a running process: as (bytes), nofile (number)
sub limit
{
	my ($session, $what, $value) = @_;
	system('prlimit', '--pid', $session->pid, "--$what=$value:") == 0 or die "prlimit: $?";
	return;
}

sub virtual_size
{
	my ($session) = @_;
	return $session->memory('VmSize') * 1024;
}

# A reply that does not fit, and one that does
sub check_large_reply
{
	my $session = Session->new($node);

	$session->query("$count ringyo.calls");
	$sim->fault('ringyo', 'big', bytes => 40_000_000, count => 1);
	limit($session, 'as', virtual_size($session) + 16 * 1024 * 1024);
	my $text = $session->query("$count ringyo.calls");
	like($text, qr/ERROR:  (HV001|53200): /, 'a reply larger than the memory: out of memory');
	is($session->query("$count ringyo.calls"), $calls, 'the next query works within the limit');
	limit($session, 'as', 'unlimited');
	$sim->fault('ringyo', 'big', bytes => 40_000_000, count => 1);
	is($session->query("$count ringyo.calls"), $calls, 'and with more memory, the large reply too');
	$sim->reset;
	$session->close;
	return;
}

# Whatever the point where memory ends, the session survives.
sub check_low_memory
{
	my (%states, @unexpected, $survived, $recovered);
	my @steps = map { $_ * 128 } 0 .. 23;

	foreach my $kb (@steps)
	{
		my $session = Session->new($node);

		# what is loaded and how deep the stack goes is settled before
		$session->query('SELECT count(raw) FROM (SELECT raw FROM objects LIMIT 3) AS s');
		limit($session, 'as', virtual_size($session) + $kb * 1024);
		my $text = $session->query('SELECT count(md5(o::text)), count(DISTINCT raw) FROM objects o');
		my $state = $session->sqlstate // 'ended';
		$states{$state}++;
		push @unexpected, "$kb kB: $text" if $state !~ /^(00000|HV001|53200|HV00N)$/;
		next if $session->ended;
		$survived++;
		limit($session, 'as', 'unlimited');
		$recovered++ if $session->query('SELECT count(md5(o::text)) FROM objects o') eq $calls;
		$session->close;
	}
	note 'low memory: ' . join ', ', map { "$states{$_} $_" } sort keys %states;
	ok(!@unexpected, 'low memory: out of memory, or enough') or diag(@unexpected);
	cmp_ok($states{'53200'} + ($states{HV001} || 0), '>=', 3, 'low memory: it was short at several points');
	is($survived, @steps, 'low memory: every session survives');
	is($recovered, @steps, 'low memory: and works with more');
	return;
}

# The number of descriptors ends at every point from none to enough.
sub check_descriptors
{
	foreach my $warm (0, 1)
	{
		my (%states, @unexpected, $recovered);
		my @steps = (0 .. 12, 16, 24);
		my $name = $warm ? 'few descriptors, for a session that has a connection' : 'few descriptors, for a new session';

		foreach my $more (@steps)
		{
			my $session = Session->new($node);

			# the catalogs that a scan looks into are open then
			$session->query('SELECT count(*) FROM pg_class; LOAD \'calls_fdw\'; EXPLAIN SELECT * FROM ringyo.calls');
			$session->query("$count ringyo.calls") if $warm;
			limit($session, 'nofile', descriptor_limit($session, $more));
			my $text = $session->query("$count whippy.calls");
			my $state = $session->sqlstate // 'ended';
			$states{$state}++;
			push @unexpected, "$more more: $text" if $state !~ /^(00000|HV00N|53000)$/;
			limit($session, 'nofile', 1024) if !$session->ended;
			$recovered++ if !$session->ended && $session->query("$count whippy.calls") eq $calls;
			$session->close;
		}
		note "$name: " . join ', ', map { "$states{$_} $_" } sort keys %states;
		ok(!@unexpected, "$name: HV00N, or enough") or diag(@unexpected);
		cmp_ok($states{HV00N}, '>=', 1, "$name: at times there were too few");
		cmp_ok($states{'00000'}, '>=', 1, "$name: at times enough");
		is($recovered, @steps, "$name: with more, the session works");
	}
	return;
}

# Hundreds of scans under one Append, more than there are descriptors for; and
# an Append of two while those have taken what scans may have to wait with.
sub check_many_scans
{
	my $session = Session->new($node);
	my $scans = 300;
	my ($some, $all) = map { my $most = $_; join ' UNION ALL ', map { "SELECT $_ AS i, call_id FROM many.t$_" } 1 .. $most } 2, $scans;
	my $counts = 'SELECT count(md5(call_id)), count(DISTINCT (i, call_id)), count(DISTINCT i) FROM';

	$sim->set('voicy', calls => 250, latency => 20);
	$node->safe_psql('postgres', join "\n",
		"CREATE SERVER many FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'voicy', base_url '@{[ $sim->url ]}', page_size '100', max_connections '4');",
		"CREATE USER MAPPING FOR CURRENT_USER SERVER many OPTIONS (api_key 'voicy_sk_test');",
		'CREATE SCHEMA many;',
		(map { "CREATE FOREIGN TABLE many.t$_ (call_id text) SERVER many;" } 1 .. $scans),
		"CREATE VIEW many.some AS $some;",
		"CREATE VIEW many.every AS $all;");
	is(scalar(() = $session->query('EXPLAIN SELECT * FROM many.every') =~ /Async Foreign Scan/g), $scans, "$scans scans: all asynchronous");
	is($session->query("$counts many.every"), join('|', 250 * $scans, 250 * $scans, $scans), "$scans scans: all rows");

	$session->query('BEGIN; DECLARE c CURSOR FOR SELECT * FROM many.every');
	is(scalar(() = $session->query('FETCH 1000 FROM c') =~ /\|/g), 1000, "$scans scans: rows of a cursor");
	is($session->query("$counts many.some"), '500|500|2', 'two scans beside them: all rows');
	$session->query('COMMIT');
	$session->close;
	$sim->set('voicy', calls => $calls, latency => 0);
	return;
}

# The limit that leaves so many numbers free
sub descriptor_limit
{
	my ($session, $free) = @_;
	my %used = map { ($_ => 1) } map { /(\d+)$/ } glob '/proc/' . $session->pid . '/fd/*';
	my $limit = 0;

	while ($free > 0 || $used{$limit})
	{
		$free-- if !$used{$limit};
		$limit++;
	}
	return $limit;
}

# Scans that end well, early, and by errors of the scan and of the query, in
# statements of their own and in subtransactions; about as many descriptors and
# hardly more memory at the end than after the first two hundred.
sub check_thousand_scans
{
	my $session = Session->new($node);
	my @statements = (
		"$count voicy.calls",
		'SELECT call_id FROM tryvox.calls LIMIT 3',
		"$count solomobile.calls WHERE status = 'completed' OR direction = 'inbound'",
		"SELECT 1 / (250 - row_number() OVER ()) FROM whippy.calls",
		"SELECT count(duration) FROM ringyo.calls WHERE agent_id = 'nobody'",
		"DO \$\$ BEGIN PERFORM 1 / (150 - row_number() OVER ()) FROM voicy.calls; EXCEPTION WHEN division_by_zero THEN NULL; END \$\$",
		"SELECT count(*) FROM own_misfit",
		"SELECT 1 FROM ringyo.calls WHERE EXISTS (SELECT 1 FROM tryvox.calls WHERE status = 'busy') LIMIT 1",
		"BEGIN; DECLARE c CURSOR FOR SELECT * FROM whippy.calls; FETCH 120 FROM c; ROLLBACK",
		"SELECT count(*) FROM denied.calls");
	my $round = join ";\n", @statements;

	$node->safe_psql('postgres', "CREATE FOREIGN TABLE own_misfit (call_id date) SERVER voicy;
		CREATE SERVER denied FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url '@{[ $sim->url ]}');
		CREATE USER MAPPING FOR CURRENT_USER SERVER denied OPTIONS (api_key 'wrong');
		CREATE SCHEMA denied; IMPORT FOREIGN SCHEMA ringyo FROM SERVER denied INTO denied");
	$session->query($round) for 1 .. 20;
	my @first = figures($session);
	$session->query($round) for 1 .. 100;
	my @last = figures($session);
	note "after 200 scans: $first[0] descriptors, contexts of $first[1] bytes, $first[2] kB; 1000 more: $last[0], $last[1], $last[2]";
	# idle connections come and go
	cmp_ok($last[0], '<=', $first[0] + 8, 'a thousand scans: no more descriptors') or diag(map { "$_\n" } $session->descriptors);
	cmp_ok($last[1] - $first[1], '<=', 32 * 1024, 'a thousand scans: no more memory in contexts');
	cmp_ok($last[2] - $first[2], '<=', 2 * 1024, 'a thousand scans: no more memory of the process');
	is($session->query("$count voicy.calls"), $calls, 'a thousand scans: the next one is right');
	$session->close;
	return;
}

# Descriptors, bytes of memory contexts, resident kB
sub figures
{
	my ($session) = @_;

	return (scalar(() = $session->descriptors), $session->contexts, $session->memory('VmRSS'));
}
