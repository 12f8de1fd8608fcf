# Several requests of one scan under way: none that the query does not need,
# never more than max_connections, and the rows are those of reading one page
# after the other.
use strict;
use warnings;

use CallsTest;
use Session;
use Test::More;
use Time::HiRes qw(sleep);

my $calls = 1500;
my $page_size = 20;
my $moving_scans = 30;
my $seed = $ENV{CALLS_SEED} || 20261101;
my @all = (@providers, 'acme');

# Read in windows: their positions are not known beforehand.
my %windowed = map { ($_ => 1) } qw(voicy ringyo acme);

# What they sort by started_at
my %orders = (voicy => [ 'ASC', 'DESC' ], ringyo => [ 'ASC', 'DESC' ], acme => [ 'ASC', 'DESC' ], tryvox => ['DESC']);

# The filter by which a window begins, and where it is in a logged request
my %start_of_window = (voicy => 'upper_threshold', ringyo => 'to_date', acme => 'since');

my $checked = 0;			# variants of the windows' tests

srand $seed;
note "seed $seed; set CALLS_SEED for another";

my $sim = start_simulator(calls => $calls);
my $node = start_node('main', sim => $sim);
create_servers($node, $sim, providers => \@all, server => { page_size => $page_size, max_connections => 8 });
load_local($node, $sim, @all);
my $session = Session->new($node, settings => '-c client_min_messages=warning');

check_nothing_unneeded();
check_full_scans($_) foreach @all;
check_windows();
check_dense_stretch();
check_progress();
check_deleted_end();
check_moving_log($_) foreach @all;
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();

sub set_connections
{
	my ($count) = @_;
	$node->safe_psql('postgres', join '', map { "ALTER SERVER $_ OPTIONS (SET max_connections '$count');" } @all);
	return;
}

# What identifies a request: where it went and what it asked for
sub request_text
{
	my ($request) = @_;
	my $json = JSON::PP->new->canonical;
	return join ' ', $request->{path}, map { $json->encode([ $request->{$_} ]) } qw(query body);
}

# Queries that stop before the end of the log send what they send where only
# one request may be under way.
sub check_nothing_unneeded
{
	my @queries = (
		[ 'LIMIT below a page', 'SELECT call_id FROM {} LIMIT 5' ],
		[ 'LIMIT of several pages', 'SELECT call_id FROM {} LIMIT 90' ],
		[ 'LIMIT that ends with a page', 'SELECT call_id FROM {} LIMIT 60' ],
		[ 'LIMIT and OFFSET', 'SELECT call_id FROM {} LIMIT 30 OFFSET 37' ],
		[ 'LIMIT as a parameter', 'PREPARE p(int) AS SELECT call_id FROM {} LIMIT $1; EXECUTE p(50); DEALLOCATE p' ],
		[ 'LIMIT, exact condition', q(SELECT call_id FROM {} WHERE status = 'completed' LIMIT 45) ],
		[ 'LIMIT, inexact condition', q(SELECT call_id FROM {} WHERE started_at > '2025-11-01' AND from_number = '+18005551001' LIMIT 3) ],
		[ 'LIMIT, local condition', q(SELECT call_id FROM {} WHERE to_number LIKE '%1' LIMIT 7) ],
		[ 'LIMIT, sorted by the provider', 'SELECT call_id FROM {} ORDER BY started_at DESC LIMIT 50' ],
		[ 'LIMIT, window function', 'SELECT row_number() OVER (), call_id FROM {} LIMIT 50' ],
		[ 'LIMIT over a subquery', 'SELECT * FROM (SELECT call_id FROM {} OFFSET 0) AS s LIMIT 50' ],
		[ 'LIMIT over a WITH query', 'WITH s AS MATERIALIZED (SELECT call_id FROM {}) SELECT * FROM s LIMIT 50' ],
		[ 'LIMIT in a WITH query', 'WITH s AS MATERIALIZED (SELECT call_id FROM {} LIMIT 5) SELECT count(*) FROM s' ],
		[ 'LIMIT above a join', 'SELECT v.call_id FROM {} v JOIN crm c ON c.phone = v.to_number LIMIT 5' ],
		[ 'LIMIT above an outer join', 'SELECT v.call_id FROM {} v LEFT JOIN crm c ON c.phone = v.to_number LIMIT 25' ],
		[ 'LIMIT above a nested loop', 'SET enable_hashjoin = off; SET enable_mergejoin = off; SELECT v.call_id FROM crm c JOIN {} v ON c.phone || v.call_id > \'+1\' LIMIT 25; RESET ALL' ],
		[ 'LIMIT of each group', q(SELECT count(*) FROM generate_series(1, 3) AS g, LATERAL (SELECT call_id FROM {} v WHERE v.duration > g * interval '1 second' LIMIT 2) AS s) ],
		[ 'EXISTS', 'SELECT EXISTS (SELECT FROM {})' ],
		[ 'EXISTS, exact condition', q(SELECT EXISTS (SELECT FROM {} WHERE status = 'failed')) ],
		[ 'EXISTS, local condition', q(SELECT EXISTS (SELECT FROM {} WHERE to_number LIKE '%1')) ],
		[ 'one row of a subquery', 'SELECT (SELECT call_id FROM {} LIMIT 1)' ],
		[ 'semi-join', 'SELECT count(*) FROM crm c WHERE EXISTS (SELECT FROM {} v WHERE v.to_number = c.phone)' ],
		[ 'semi-join on an expression', q(SELECT count(*) FROM crm c WHERE EXISTS (SELECT FROM {} v WHERE v.to_number || 'x' > c.phone)) ],
		[ 'anti-join', 'SELECT count(*) FROM crm c WHERE NOT EXISTS (SELECT FROM {} v WHERE v.to_number = c.phone)' ],
		[ 'anti-join on an expression', q(SELECT count(*) FROM crm c WHERE NOT EXISTS (SELECT FROM {} v WHERE v.to_number || 'x' > c.phone)) ],
		[ '= ANY of a subquery', q(SELECT count(*) FROM crm c WHERE c.name || '1' = ANY (SELECT to_number FROM {} v WHERE v.call_id > c.name)) ],
		[ 'FETCH', 'BEGIN; DECLARE c CURSOR FOR SELECT call_id FROM {}; FETCH 5 FROM c; FETCH 50 FROM c; CLOSE c; COMMIT' ],
		[ 'FETCH in PL/pgSQL', 'DO $$ DECLARE c CURSOR FOR SELECT call_id FROM {}; r record; BEGIN OPEN c; FOR i IN 1..45 LOOP FETCH c INTO r; END LOOP; END $$' ],
		[ 'min and max', 'SELECT min(started_at), max(started_at) FROM {}' ],
		[ 'max with a condition', q(SELECT max(started_at) FROM {} WHERE status = 'busy') ],
		[ 'a bound that ends the scan', q(SELECT count(call_id) FROM {} WHERE started_at >= '2026-10-25') ]);
	my %expected;

	$node->safe_psql('postgres', q(CREATE TABLE crm (name text, phone text);
		INSERT INTO crm SELECT 'c' || n, '+1800555' || (1000 + n) FROM generate_series(1, 6) n; ANALYZE crm));
	foreach my $connections (1, 8)
	{
		set_connections($connections);
		$sim->set($_, latency => $connections == 1 ? 0 : 8) foreach @all;
		my @different;
		foreach my $provider (qw(voicy tryvox whippy ringyo))
		{
			foreach my $query (@queries)
			{
				my ($name, $sql) = @$query;
				# who cannot sort upwards has to be read to the end
				next if $name eq 'min and max' && !$windowed{$provider};
				$sim->clear;
				my $text = $session->query($sql =~ s/\{\}/$provider.calls/gr);
				die "$sql: $text" if $session->sqlstate ne '00000';
				# what was asked for and given up may reach the log later
				sleep 0.015 if $connections > 1;
				my @log = sort map { request_text($_) } $sim->log($provider);
				my $key = "$provider, $name";
				if ($connections == 1)
				{
					$expected{$key} = \@log;
					next;
				}
				push @different, "$key: " . @log . ' requests instead of ' . @{ $expected{$key} }
				  if $sql =~ /2026-10-25/ ? @log > @{ $expected{$key} } : "@log" ne "@{ $expected{$key} }";
			}
		}
		is_deeply(\@different, [], "no other requests than one after the other sends, in " . scalar(keys %expected) . ' queries')
		  if $connections > 1;
	}
	$sim->reset;
	return;
}

sub largest_inflight
{
	my ($provider) = @_;
	my $most = 0;
	foreach my $request ($sim->log($provider))
	{
		$most = $request->{inflight} if $request->{inflight} > $most;
	}
	return $most;
}

# Everything: the rows of the local copy, in few requests, several at a time.
sub check_full_scans
{
	my ($provider) = @_;
	my $pages = int(($calls + $page_size - 1) / $page_size);

	foreach my $connections (1, 8, 16)
	{
		my $name = "$provider, max_connections $connections";
		my $most = int(1.05 * $pages + 2 * $connections + 2);

		set_connections($connections);
		$sim->set($provider, latency => 4);
		$sim->clear;
		rows_equal($node, "SELECT * FROM {$provider}", "$name: rows");
		my $requests = $sim->requests($provider);
		cmp_ok($requests, '<=', $most, "$name: $requests requests for $pages pages");
		my $inflight = largest_inflight($provider);
		cmp_ok($inflight, '<=', $connections, "$name: $inflight under way at most");
		cmp_ok($inflight, '>=', $connections > 1 ? $connections / 2 : 1, "$name: and so many at times");

		next if $connections == 16;
		foreach my $order (@{ $orders{$provider} || [] })
		{
			my $sql = "SELECT started_at FROM {$provider} ORDER BY started_at $order";
			ok(!(grep { $_->{'Node Type'} eq 'Sort' } plan_nodes(explain_plan($node, $sql =~ s/\{(\w+)\}/$1.calls/r))),
				"$name, $order: the provider sorts");
			$sim->clear;
			rows_equal($node, $sql, "$name, $order: the times in order", ordered => 1);
			$requests = $sim->requests($provider);
			cmp_ok($requests, '<=', $most, "$name, $order: $requests requests for $pages pages");
			$inflight = largest_inflight($provider);
			cmp_ok($inflight, '<=', $connections, "$name, $order: $inflight under way at most");
			cmp_ok($inflight, '>=', 4, "$name, $order: and so many at times") if $windowed{$provider} && $connections == 8;
			rows_equal($node, "SELECT * FROM {$provider} ORDER BY started_at $order", "$name, $order: rows");
		}
	}
	$sim->reset;
	return;
}

# Requests by which windows begin
sub window_starts
{
	my ($provider) = @_;
	return scalar grep { request_text($_) =~ /$start_of_window{$provider}/ } $sim->log($provider);
}

# Windows under all that the documentation leaves open, in logs of uneven density.
sub check_windows
{
	my %variants = (
		voicy => [
			[], [ bounds => 'exclusive' ], [ pagination_key => 'inclusive' ], [ bounds => 'exclusive', pagination_key => 'inclusive' ],
			[ max_limit => 7 ], [ max_limit => 7, pagination_key => 'inclusive' ],
			[ filters => 'off' ], [ filters => 'start_timestamp' ] ],
		ringyo => [
			[], [ bounds => 'exclusive' ], [ cursor => 'inclusive' ], [ cursor => 'inclusive', bounds => 'exclusive', max_limit => 13 ],
			[ cursor => 'exclusive' ], [ max_limit => 7 ],
			[ total => 'missing' ], [ total => 'missing', max_limit => 7, bounds => 'exclusive' ], [ total => 'capped' ],
			[ total => '+7' ], [ total => '-7' ], [ total => '+700' ], [ total => '-700' ],
			[ filters => 'off' ], [ filters => 'to_date,from_date' ], [ filters => 'to_date' ] ],
		acme => [
			[], [ max_limit => 7 ], [ total => 'missing' ], [ total => 'capped' ], [ total => '+7' ], [ total => '-7' ],
			[ filters => 'off' ], [ filters => 'since' ] ]);

	set_connections(8);
	foreach my $provider (sort keys %variants)
	{
		# many of the newest calls come within a few seconds
		foreach my $density ('even', 'uneven')
		{
			$sim->reset;
			$sim->change($provider, insert => 500, delete => 250, where => 'random') if $density eq 'uneven';
			load_local($node, $sim, $provider);
			foreach my $variant (@{ $variants{$provider} })
			{
				next if $density eq 'uneven' && "@$variant" !~ /^$|^max_limit 7$|missing|filters off|inclusive$/;
				$sim->set($provider, 'latency', 2, @$variant);
				check_variant($provider, "$provider, $density (@$variant)", @$variant);
				$sim->set($provider, defaults($provider, @$variant));
			}
		}
	}
	$sim->reset;
	load_local($node, $sim, @all);
	return;
}

sub defaults
{
	my ($provider, %variant) = @_;
	my %default = (bounds => 'inclusive', pagination_key => 'exclusive', cursor => 'exact', max_limit => 0, total => 'exact',
		filters => 'on');
	return map { ($_ => $default{$_}) } keys %variant;
}

sub check_variant
{
	my ($provider, $name, %variant) = @_;
	# a total that is too high, or calls lost at the edges of pages
	my $may_fail = ($variant{total} // '') =~ /\+/ || ($variant{cursor} // '') eq 'exclusive';
	my $local = "local.$provider";

	my @queries = (
		[ 'all', '', '' ],
		[ 'newest first', '', 'ORDER BY started_at DESC' ],
		[ 'oldest first', '', 'ORDER BY started_at' ],
		[ 'bounds', q(WHERE started_at >= '2026-01-10 11:12:13' AND started_at < '2026-10-31 23:00:00'), '' ],
		[ 'bounds, newest first', q(WHERE started_at > '2025-12-01'), 'ORDER BY started_at DESC' ],
		[ 'bounds, oldest first', q(WHERE started_at <= '2026-10-20'), 'ORDER BY started_at' ],
		[ 'a status', q(WHERE status = 'completed'), '' ]);

	# of the bounded ones, another one each time
	foreach my $query (@queries[ 0 .. 2, 3 + $checked++ % 4 ])
	{
		my ($what, $where, $order) = @$query;
		my @expected = query_rows($node, "SELECT started_at, call_id FROM $local $where $order");
		$sim->clear;
		my @got = eval { query_rows($node, "SELECT started_at, call_id FROM $provider.calls $where $order") };
		my $error = $@;
		if ($may_fail && $error =~ /calls of server "$provider" are incomplete|gave the same position twice/)
		{
			pass("$name, $what: HV000");
			next;
		}
		my $starts = window_starts($provider);
		my $requests = $sim->requests($provider);
		my $size = $variant{max_limit} || $page_size;
		my @times = map { s/\|.*//r } @got;
		my $right = !$error && join("\n", sort @got) eq join("\n", sort @expected);
		$right &&= join("\n", @times) eq join("\n", map { s/\|.*//r } @expected) if $order;
		ok($right, "$name, $what: rows")
		  or diag($error || @got . ' rows instead of ' . @expected);
		# unless it is the provider who does otherwise
		cmp_ok($requests, '<=', (($variant{filters} // '') ne '' ? 2 : 1.06) * @expected / ($size > 1 && $provider eq 'voicy' && ($variant{pagination_key} // '') eq 'inclusive' ? $size - 1 : $size) + 2 * 8 + 4,
			"$name, $what: $requests requests, $starts with a window's bound")
		  if !$variant{cursor} && !($what eq 'a status' && $variant{filters});
	}
	return;
}

# Nine of ten calls come within a hundredth of the time: windows are cut where
# they are, whichever end comes first, and the connections kept busy.
sub check_dense_stretch
{
	my $pages = 100;
	my $most = 1.05 * $pages + 2 * 8 + 2;

	set_connections(8);
	foreach my $provider (grep { $windowed{$_} } @all)
	{
		$sim->set($provider, calls => $pages * $page_size / 10);
		$sim->change($provider, insert => $pages * $page_size * 9 / 10);
		$sim->set($provider, latency => 30);
		load_local($node, $sim, $provider);
		foreach my $order (@{ $orders{$provider} })
		{
			my $name = "$provider, a dense stretch, $order";
			$sim->clear;
			rows_equal($node, "SELECT started_at FROM {$provider} ORDER BY started_at $order", "$name: rows", ordered => 1);
			my $requests = $sim->requests($provider);
			cmp_ok($requests, '<=', $most, "$name: $requests requests for $pages pages");
			my $busy = grep { $_->{inflight} >= 4 } $sim->log($provider);
			cmp_ok($busy, '>=', $requests / 3, "$name: with $busy of them, at least three others were under way");
		}
	}
	$sim->reset;
	load_local($node, $sim, @all);
	return;
}

# The line of calls_fdw.progress: what has come, also what waits for its turn
# in a later window, and that the provider asked to slow down.
sub check_progress
{
	my $line = qr/INFO:  ringyo: (\d+) of $calls calls, \d+\/s, \d+ pages, \d+ kB/;
	my $sql = 'SET calls_fdw.progress = on; SELECT duration FROM ringyo.calls';
	my $stderr;

	$sim->fault('ringyo', 'delay', after => 15, ms => 1500, count => 8);
	$node->psql('postgres', $sql, stderr => \$stderr);
	my ($come) = $stderr =~ /$line$/m;
	cmp_ok($come || 0, '>', 10 * $page_size, 'progress: what waits for its turn is counted');
	$sim->fault('ringyo', 'status', after => 5, code => 429, retry_after => 2);
	$node->psql('postgres', $sql, stderr => \$stderr);
	like($stderr, qr/$line, 1 retries, \d+ throttled$/m, 'progress: why nothing comes');
	$sim->reset;
	return;
}

# The end of the log is deleted after a later window has read some of it: the
# list then ends before those calls, and nothing is missing.
sub check_deleted_end
{
	my (@wrong, $windows);

	foreach my $after (8 .. 16)
	{
		$sim->reset;
		$sim->set('voicy', calls => 300, latency => 2);
		$sim->change('voicy', after => $after, delete => 80, where => 'oldest');
		my %got = map { ($_ => 1) } split /\n/, $session->query('SELECT call_id FROM voicy.calls');
		push @wrong, "deleted after $after requests: " . $session->sqlstate
		  if $session->sqlstate ne '00000' || grep { !$got{$_} } $sim->ids('voicy');
		$windows += window_starts('voicy') > 2;
	}
	none('the end of the log is deleted: all others come, without an error', @wrong);
	cmp_ok($windows, '>', 0, '... where it is read in windows');
	$sim->reset;
	return;
}

# The log changes while it is read at several places.
sub check_moving_log
{
	my ($provider) = @_;
	my (@twice, @missed, @errors, %outcome);
	my $cut = 0;

	foreach my $scan (1 .. $moving_scans)
	{
		my $order = $orders{$provider} ? $orders{$provider}[ $scan % @{ $orders{$provider} } ] : '';

		$sim->reset;
		$sim->set($provider, calls => 600, latency => 1 + $scan % 3);
		my %before = map { ($_ => 1) } $sim->ids($provider);
		my @changes;
		foreach (1 .. 1 + int rand 4)
		{
			my @change = (after => 1 + int rand 35, rand() < 0.5 ? (insert => 1 + int rand 30) : (delete => 1 + int(rand 10), where => 'random'));
			$sim->change($provider, @change);
			push @changes, "@change";
		}
		my $by = $order && $scan % 3 ? " ORDER BY started_at $order" : '';
		my $text = $session->query("SELECT call_id FROM $provider.calls$by");
		my $state = $session->sqlstate;
		my %after = map { ($_ => 1) } $sim->ids($provider);
		my $story = "scan $scan$by: " . join '; ', @changes;

		$cut++ if $windowed{$provider} && window_starts($provider) > 1;
		if ($state ne '00000')
		{
			$outcome{$state}++;
			push @errors, "$story\n$text" if $state ne 'HV000' || $text !~ /incomplete/;
			next;
		}
		my %times;
		$times{$_}++ foreach split /\n/, $text;
		my @lost = grep { $after{$_} && !$times{$_} } sort keys %before;
		$outcome{ @lost ? 'incomplete' : 'complete' }++;
		push @twice, "$story: $_" foreach grep { $times{$_} > 1 } sort keys %times;
		push @missed, "$story: @lost" if @lost;
	}
	note "$provider: " . join(', ', map { "$outcome{$_} $_" } sort keys %outcome) . ($windowed{$provider} ? ", $cut in windows" : '');
	none("$provider: no call comes twice", @twice);
	none("$provider: an error is HV000", @errors);
	if ($provider eq 'solomobile' || $provider eq 'whippy')
	{
		note "$provider: missed in silence in " . @missed . ' scans';
	}
	else
	{
		none("$provider: no call is missed in silence", @missed);
		cmp_ok($outcome{complete} || 0, '>=', $moving_scans / 2, "$provider: most scans are complete");
	}
	cmp_ok($cut, '>', $moving_scans / 2, "$provider: most are read in windows") if $windowed{$provider};
	$sim->reset;
	return;
}
