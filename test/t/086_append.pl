# Scans under an Append run at once, and what goes wrong while several requests
# are under way: throttling, failures, cancel, limits.
use strict;
use warnings;

use CallsTest;
use NarrowProxy;
use POSIX qw(ceil strftime);
use Session;
use Test::More;
use Time::HiRes qw(sleep);

my $calls = 600;
my $columns = 'source, call_id, status, started_at';
my $promise = 100;				# ms within which a cancel is answered

my $sim = start_simulator(calls => $calls);
my $node = start_node('main', sim => $sim);
create_servers($node, $sim, server => { page_size => 20, max_connections => 4, async_capable => 'true' });
load_local($node, $sim);
$node->safe_psql('postgres', join "\n",
	'CREATE VIEW every AS ' . join(' UNION ALL ', map { "SELECT $columns FROM $_.calls" } @providers) . ';',
	'CREATE VIEW local.every AS ' . join(' UNION ALL ', map { "SELECT $columns FROM local.$_" } @providers) . ';',
	'CREATE TABLE parts (source text, call_id text, status text, started_at timestamptz) PARTITION BY LIST (source);',
	(map { "CREATE FOREIGN TABLE part_$_ PARTITION OF parts FOR VALUES IN ('$_') SERVER $_;" } @providers));
my $observer = Session->new($node);

check_append('every');
check_append('parts');
check_append_stops();
check_throttling();
check_halving();
check_narrow_way();
check_failures();
check_limits();
check_cancel();
check_memory();
check_growing_pages();
check_few_descriptors();
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();

sub alter
{
	my ($options) = @_;
	$node->safe_psql('postgres', join '', map { "ALTER SERVER $_ OPTIONS ($options);" } @providers);
	return;
}

sub async_scans
{
	my ($sql) = @_;
	my $text = $node->safe_psql('postgres', "EXPLAIN (COSTS OFF) $sql");
	return scalar(() = $text =~ /Async Foreign Scan/g);
}

# The most requests under way at once among the first ones of each provider
sub together
{
	my $most = 0;
	foreach my $provider (@providers)
	{
		my ($first) = $sim->log($provider);
		$most = $first->{inflight} if $first && $first->{inflight} > $most;
	}
	return $most;
}

# The most among these requests
sub most_inflight
{
	my ($most) = sort { $b <=> $a } map { $_->{inflight} } @_;
	return $most;
}

sub check_append
{
	my ($table) = @_;
	my $sql = "SELECT $columns FROM $table";
	my @pair = ($sql, "SELECT $columns FROM local.every");

	is(async_scans($sql), 5, "$table: five asynchronous scans");
	$sim->set('all', latency => 50);
	$sim->clear;
	rows_equal($node, \@pair, "$table: rows");
	is(together(), 5, "$table: all have their first request under way together");
	alter("SET async_capable 'false'");
	is(async_scans($sql), 0, "$table: none with async_capable false");
	$sim->clear;
	rows_equal($node, \@pair, "$table: the same rows");
	is(together(), 1, "$table: then one after the other");
	alter("SET async_capable 'true'");
	$sim->set('all', latency => 2);

	# other scans in the same query
	rows_equal($node,
		[ "SELECT e.*, t.duration FROM $table e JOIN ringyo.calls t USING (call_id)", "SELECT e.*, t.duration FROM local.every e JOIN local.ringyo t USING (call_id)" ],
		"$table: a join with a scan of another table");
	rows_equal($node,
		[ "SELECT source, (SELECT count(*) FROM tryvox.calls), count(*) FROM $table GROUP BY source", "SELECT source, (SELECT count(*) FROM local.tryvox), count(*) FROM local.every GROUP BY source" ],
		"$table: beside a subquery");
	rows_equal($node,
		[ "SELECT e.call_id, v.call_id FROM $table e JOIN voicy.calls v ON v.to_number = e.call_id OR v.call_id = e.call_id WHERE e.status = 'busy'",
			"SELECT e.call_id, v.call_id FROM local.every e JOIN local.voicy v ON v.to_number = e.call_id OR v.call_id = e.call_id WHERE e.status = 'busy'" ],
		"$table: in a nested loop with another scan", settings => 'SET enable_material = off');
	rows_equal($node,
		[ "SELECT g, count(*) FROM unnest('{busy,failed,no_answer}'::text[]) AS g, LATERAL (SELECT * FROM $table WHERE status = g OFFSET 0) AS s GROUP BY g",
			"SELECT g, count(*) FROM unnest('{busy,failed,no_answer}'::text[]) AS g, LATERAL (SELECT * FROM local.every WHERE status = g OFFSET 0) AS s GROUP BY g" ],
		"$table: again and again with other values");
	rows_equal($node,
		[ "SELECT g, count(*) FROM generate_series(1, 3) AS g LEFT JOIN $table e ON g + length(e.call_id) > 0 WHERE e.status = 'busy' GROUP BY g",
			"SELECT g, count(*) FROM generate_series(1, 3) AS g LEFT JOIN local.every e ON g + length(e.call_id) > 0 WHERE e.status = 'busy' GROUP BY g" ],
		"$table: again and again with the same", settings => 'SET enable_material = off');
	rows_equal($node, [ "SELECT * FROM $table a JOIN $table b USING (source, call_id)", 'SELECT * FROM local.every a JOIN local.every b USING (source, call_id)' ],
		"$table: joined with itself");

	$sim->fault('ringyo', 'status', code => 400, after => 3, count => -1, message => 'not today');
	sql_fails($node, "SELECT count(md5(call_id)) FROM $table", 'HV000', qr/server "ringyo"(?s:.*)not today/, "$table: the error of one scan is the query's");
	$sim->reset;
	return;
}

# Under a LIMIT each child sends its first request, and no more than one whose
# page is not read.
sub check_append_stops
{
	foreach my $sql ('SELECT * FROM every LIMIT 1', 'SELECT * FROM parts LIMIT 1', 'SELECT EXISTS (SELECT FROM parts)')
	{
		$sim->set('all', latency => 20);
		$sim->clear;
		my @rows = query_rows($node, $sql);
		sleep 0.1;
		my @requests = map { $sim->requests($_) } @providers;
		is(scalar @rows, 1, "$sql: a row");
		ok(!(grep { $_ > 1 } @requests), "$sql: at most one request of each child (@requests)");
		is($sim->stats->{connections}, 0, "$sql: and nothing is left open");
	}
	foreach my $table (qw(every parts))
	{
		my $sql = "SELECT source, count(*) FROM (SELECT * FROM $table LIMIT 300) AS few GROUP BY source";
		$sim->clear;
		my %rows = map { split /\|/ } query_rows($node, $sql);
		sleep 0.1;
		my $sum = 0;
		foreach my $provider (@providers)
		{
			my ($rows, $requests) = ($rows{$provider} // 0, $sim->requests($provider));
			$sum += $rows;
			# pages of 20 rows, of which one may be the last page's
			cmp_ok($requests, '<=', ceil($rows / 19) + 1, "$table LIMIT 300, $provider: $requests requests for $rows rows");
		}
		is($sum, 300, "$table LIMIT 300: the rows");
	}
	$sim->reset;
	return;
}

# A provider that cannot take so much: rows right, fewer requests at once.
sub check_throttling
{
	alter("SET max_connections '8'");
	foreach my $provider (@providers)
	{
		$sim->reset;
		$sim->set($provider, latency => 10);
		$sim->fault($provider, 'status', code => 429, retry_after => 0, after => 14, count => 4);
		rows_equal($node, "SELECT * FROM {$provider}", "$provider: rows after 429 in mid-scan");
		$sim->reset;
		$sim->fault($provider, 'refuse', after => 4 * $_, count => 1) foreach 1 .. 3;
		rows_equal($node, "SELECT * FROM {$provider}", "$provider: rows, connections refused at times");
		$sim->reset;
		$sim->fault($provider, 'delay', ms => 60, after => 3 * $_ - 1, count => 1) foreach 1 .. 10;
		rows_equal($node, "SELECT * FROM {$provider}", "$provider: rows, answers out of turn");
	}
	$sim->reset;
	$sim->fault('tryvox', 'status', code => 429, retry_after => 1, after => 10, count => 2);
	my $start = Session::now();
	rows_equal($node, 'SELECT * FROM {tryvox}', 'Retry-After: 1 in mid-scan');
	cmp_ok(Session::now() - $start, '>=', 1, 'is waited for');
	$sim->reset;
	return;
}

# A 429 halves the number of requests; replies that come well raise it again.
sub check_halving
{
	$sim->reset;
	$sim->set('all', calls => 2000);
	foreach my $provider (@providers)
	{
		$sim->set($provider, latency => 20);
		$sim->fault($provider, 'status', code => 429, retry_after => 1, after => 40, count => 1);
		$sim->clear;
		is($node->safe_psql('postgres', "SELECT count(md5(call_id)) FROM $provider.calls"), 2000, "$provider: all rows");
		my @log = $sim->log($provider);
		# nothing is sent for a second: the first request after that
		my ($next) = grep { $log[$_]{at_ms} - $log[ $_ - 1 ]{at_ms} > 500 } 1 .. $#log;
		cmp_ok(most_inflight(@log[ 0 .. $next - 1 ]), '>', 4, "$provider: more than half of eight at once before a 429");
		# four replies make it one more
		my $after = most_inflight(@log[ $next .. $next + 7 ]);
		cmp_ok($after, '<=', 4, "$provider: no more than half after it");
		cmp_ok($after, '>=', 2, "$provider: and no less than a quarter");
		cmp_ok(most_inflight(@log[ $next + 8 .. $#log ]), '>', 4, "$provider: later more again");
	}
	$sim->set('all', calls => $calls);
	$sim->reset;
	return;
}

# A provider that takes only so many connections: the number is found, and hardly
# any request is refused after that.  Once it takes more, they are used.
sub check_narrow_way
{
	my $pages = 400;
	my $rows = $pages * 20;

	$sim->reset;
	$sim->set('all', calls => $rows, latency => 2);
	foreach my $limit (1, 3)
	{
		foreach my $provider (qw(tryvox ringyo))
		{
			my $proxy = NarrowProxy->new($sim->port, $limit);
			my $session = Session->new($node, settings => '-c cursor_tuple_fraction=1');
			my $name = "$provider, $limit at a time";

			$node->safe_psql('postgres', "ALTER SERVER $provider OPTIONS (SET base_url '@{[ $proxy->url ]}')");
			is($session->query("SELECT count(md5(call_id)) FROM $provider.calls"), $rows, "$name: all rows");
			# until the number is known about seven of eight, three of four and one of two
			cmp_ok($proxy->refused, '<=', $provider eq 'ringyo' ? 40 : 20, "$name: few of $pages requests are refused (@{[ $proxy->refused ]})");

			$session->query("BEGIN; DECLARE c CURSOR FOR SELECT md5(call_id) FROM $provider.calls; FETCH 500 FROM c");
			$proxy->limit(8);
			$sim->clear;
			$session->query('FETCH ALL FROM c; COMMIT');
			cmp_ok(most_inflight($sim->log($provider)), '>', $limit, "$name: more when more are taken");
			$session->close;
			$node->safe_psql('postgres', "ALTER SERVER $provider OPTIONS (SET base_url '@{[ $sim->url ]}')");
			$proxy->stop;
		}
	}
	$sim->set('all', calls => $calls);
	$sim->reset;
	return;
}

# A page that fails for good fails the scan; the session goes on.
sub check_failures
{
	foreach my $provider (@providers)
	{
		my $session = warm_session();
		my $descriptors = () = $session->descriptors;

		$sim->set($provider, latency => 5);
		$sim->fault($provider, 'status', code => 400, after => 9, count => -1, message => 'broken page');
		my $text = $session->query("SELECT call_id FROM $provider.calls");
		is($session->sqlstate, 'HV000', "$provider: a page that fails for good");
		like($text, qr/server "$provider"(?s:.*)broken page/, "$provider: is told");
		unlike($text, qr/^[^:]*\|/m, "$provider: and no row comes");
		$sim->reset;
		$sim->set($provider, latency => 5);
		$sim->fault($provider, 'truncate', after => 9);
		$text = $session->query("SELECT call_id FROM $provider.calls");
		like($text, qr/HV\w+: (?s:.*)page .*of server "$provider"/, "$provider: a bad reply names page and server");
		check_name($session, $provider);

		# caught with requests under way, many times
		$sim->reset;
		$sim->set($provider, latency => 3);
		my $block = qq(DO \$\$ DECLARE good bigint; BEGIN
			FOR i IN 1..20 LOOP
				BEGIN
					PERFORM 1 / (250 - n) FROM (SELECT row_number() OVER () AS n FROM $provider.calls) AS s;
					RAISE 'no error';
				EXCEPTION WHEN division_by_zero THEN
					SELECT count(md5(call_id)) INTO good FROM (SELECT call_id FROM $provider.calls LIMIT 50) AS s;
					IF good <> 50 THEN RAISE '% rows', good; END IF;
				END;
			END LOOP; END \$\$);
		is($session->query($block), '', "$provider: twenty errors caught, each followed by a good query");
		my $after = () = $session->descriptors;
		cmp_ok($after, '<=', $descriptors + 8, "$provider: descriptors: $descriptors, $after");
		is($session->query($block), '', "$provider: twenty more");
		cmp_ok(scalar(() = $session->descriptors), '<=', $after + 8, "$provider: leave no more descriptors");
		cmp_ok($sim->stats->{connections}, '<=', 9, "$provider: nor connections");
		is($session->query("SELECT count(md5(call_id)) FROM $provider.calls"), $calls, "$provider: all calls after that");
		$session->close;
	}
	$sim->reset;
	return;
}

# The one request that fails, among several under way, is the one that is named.
sub check_name
{
	my ($session, $provider) = @_;
	my $named = 0;

	foreach my $after (9, 17, 25)
	{
		$sim->reset;
		$sim->set($provider, latency => 5);
		$sim->fault($provider, 'status', code => 400, after => $after, count => 1);
		my ($name) = $session->query("SELECT call_id FROM $provider.calls") =~ /^CONTEXT:  (page .*)$/m;
		# a page that turns out not to be needed may fail
		next if $session->sqlstate eq '00000';
		$named++;
		my @failed = grep { $_->{status} == 400 } $sim->log($provider);
		is(scalar @failed, 1, "$provider: request $after is the only one that fails");
		is($name, request_name($provider, $failed[0]), "$provider: and is named: " . ($name // 'nothing'));
	}
	cmp_ok($named, '>', 0, "$provider: requests that failed were named");
	return;
}

# How a request of the simulator's log should be named.
sub request_name
{
	my ($provider, $request) = @_;
	my %sent = (%{ $request->{query} }, %{ $request->{body} || {} });
	my %times = %{ $sent{filter_criteria}{start_timestamp} || {} };
	my $after = $sent{cursor} // $sent{pagination_key};
	my $name = $provider eq 'tryvox' ? "page $sent{page}"
	  : defined $after ? qq(page after "$after")
	  : $sent{offset} ? "page at offset $sent{offset}"
	  : $sent{skip} ? "page at offset $sent{skip}"
	  : 'page 1';

	$name .= qq( of server "$provider");
	foreach my $bound ([ 'from', 'lower_threshold', 'from_date' ], [ 'up to', 'upper_threshold', 'to_date' ])
	{
		my ($word, $number, $text) = @$bound;
		my $ms = $times{$number};
		my $time = defined $ms ? strftime('%Y-%m-%dT%H:%M:%S', gmtime int($ms / 1000)) . sprintf('.%03dZ', $ms % 1000) : $sent{$text};
		$name .= ", started_at $word $time" if defined $time;
	}
	my $order = $sent{order} // $sent{sort_order} // '';
	$name .= ', in ascending order of started_at' if $order =~ /^asc/;
	return $name;
}

# What is read ahead never uses up what the scan is allowed.
sub check_limits
{
	foreach my $provider (@providers)
	{
		alter("SET max_connections '1'");
		$sim->clear;
		query_rows($node, "SELECT call_id FROM $provider.calls");
		my $needed = $sim->requests($provider);

		alter("SET max_connections '8'");
		$node->safe_psql('postgres', "ALTER SERVER $provider OPTIONS (ADD max_requests '$needed')");
		is(scalar(eval { query_rows($node, "SELECT call_id FROM $provider.calls") }), $calls, "$provider: max_requests $needed is enough")
		  or diag $@;
		$node->safe_psql('postgres', "ALTER SERVER $provider OPTIONS (SET max_requests '@{[ $needed - 1 ]}')");
		sql_fails($node, "SELECT call_id FROM $provider.calls", '53400', qr/needs more than max_requests/, "$provider: one less is not");
		$node->safe_psql('postgres', "ALTER SERVER $provider OPTIONS (DROP max_requests, ADD max_response_size '100kB')");
		$sim->fault($provider, 'big', bytes => 200_000, after => 11);
		sql_fails($node, "SELECT call_id FROM $provider.calls", '53400', qr/max_response_size/, "$provider: a page too large");
		$sim->reset;
		$node->safe_psql('postgres', "ALTER SERVER $provider OPTIONS (DROP max_response_size)");
	}
	check_caps();
	check_order();
	return;
}

# Nor may they be under way together where that could cost the order; calls that
# are sorted here have none to lose.
sub check_order
{
	$sim->reset;
	$sim->set('tryvox', latency => 10);
	foreach my $case ([ 'started_at DESC', '<=', 2 ], [ "started_at + interval '0' DESC", '>=', 4 ])
	{
		my ($order, $operator, $bound) = @$case;
		$sim->clear;
		is(scalar(() = query_rows($node, "SELECT call_id FROM tryvox.calls ORDER BY $order")), $calls, "tryvox ORDER BY $order: rows");
		my ($most) = sort { $b <=> $a } map { $_->{inflight} } $sim->log('tryvox');
		cmp_ok($most, $operator, $bound, "tryvox ORDER BY $order: $most under way");
	}
	return;
}

# Pages by number may have to be read twice if several are under way: they are
# where max_requests leaves room for that, else a scan must not need more than
# one page after the other does.
sub check_caps
{
	foreach my $where ('', " WHERE status IN ('completed', 'failed')")
	{
		my $sql = "SELECT call_id FROM tryvox.calls$where";

		$sim->reset;
		alter("SET max_connections '1'");
		my $rows = query_rows($node, $sql);
		my $needed = $sim->requests('tryvox');
		alter("SET max_connections '8'");
		$sim->set('tryvox', latency => 10);
		foreach my $cap ($needed, $needed + 10, 3 * $needed)
		{
			$node->safe_psql('postgres', "ALTER SERVER tryvox OPTIONS (ADD max_requests '$cap')");
			$sim->clear;
			is(scalar(eval { query_rows($node, $sql) }), $rows, "tryvox$where: $needed requests, max_requests $cap") or diag $@;
			my ($most) = sort { $b <=> $a } map { $_->{inflight} } $sim->log('tryvox');
			# of two lists, each reads one page ahead
			cmp_ok($most, $cap >= 3 * $needed && !$where ? '>=' : '<=', $cap >= 3 * $needed && !$where ? 4 : 3, "tryvox$where: $most under way");
			$node->safe_psql('postgres', 'ALTER SERVER tryvox OPTIONS (DROP max_requests)');
		}
	}
	$sim->reset;
	return;
}

# One of the simulator's connections, made beforehand
sub warm_session
{
	my $session = Session->new($node);
	$session->query('SELECT call_id FROM ringyo.calls LIMIT 10');
	return $session;
}

sub check_cancel
{
	alter("SET max_connections '16'");
	foreach my $case (
		(map { [ "$_, sixteen requests", "SELECT count(md5(call_id)) FROM $_.calls", $_ ] } @providers),
		[ 'Append', 'SELECT count(md5(call_id)) FROM parts', @providers ])
	{
		my ($name, $sql, @faulty) = @$case;
		my $session = warm_session();
		my $before = () = $session->descriptors;
		my (@times, %states, $good);

		foreach (1 .. 5)
		{
			$sim->reset;
			$sim->fault($_, 'hang', after => 6, count => -1) foreach @faulty;
			$session->send($sql);
			sleep 0.2;
			push @times, ($session->cancel($observer))[0];
			$states{ $session->sqlstate }++;
			$sim->reset;
			$good += $session->query('SELECT count(md5(call_id)) FROM ringyo.calls') eq $calls;
		}
		my $median = (sort { $a <=> $b } @times)[2];
		ok($median < $promise, sprintf '%s: canceled in %.1f ms', $name, $median);
		is_deeply(\%states, { 57014 => 5 }, "$name: 57014");
		is($good, 5, "$name: the next query works");
		cmp_ok(scalar(() = $session->descriptors), '<=', $before + 17, "$name: descriptors of connections to reuse are left, and no others");
		cmp_ok($sim->stats->{connections}, '<=', 17, "$name: and so it is with the connections");
		$session->close;
	}
	return;
}

# Pages of some MB: what is there and under way stays within 16 MB beyond a page.
sub check_memory
{
	alter("SET max_connections '16'");
	foreach my $provider (@providers)
	{
		my $session = Session->new($node);
		my $mb = 3;

		$session->query("SELECT count(md5(call_id)) FROM $provider.calls");
		my $before = $session->memory('VmHWM');
		$sim->fault($provider, 'big', bytes => $mb * 1024 * 1024, count => -1);
		is($session->query("SELECT count(md5(call_id)) FROM $provider.calls"), $calls, "$provider: pages of $mb MB");
		my $growth = ($session->memory('VmHWM') - $before) / 1024;
		# a buffer may have twice the size of what it holds; one page is being read
		cmp_ok($growth, '<=', 16 + 4 * 2 * $mb, sprintf '%s: %.1f MB more', $provider, $growth);
		$sim->reset;
		$session->close;
	}
	return;
}

# Pages that are small until many requests are under way: those that turn out to
# be large leave as much memory free.
sub check_growing_pages
{
	my $mb = 6;

	alter("SET max_connections '16'");
	$sim->set('all', calls => 1200);
	foreach my $provider (qw(tryvox voicy))
	{
		my $session = Session->new($node);
		my $sql = "SELECT count(md5(call_id)) FROM $provider.calls";

		$sim->set($provider, latency => 20, compress => 'none');
		$session->query($sql);
		my $before = $session->memory('VmHWM');
		$sim->clear;
		$sim->fault($provider, 'big', bytes => $mb * 1024 * 1024, after => 40, count => -1);
		is($session->query($sql), 1200, "$provider: pages of $mb MB in mid-scan");
		cmp_ok(most_inflight($sim->log($provider)), '>=', 4, "$provider: several were under way");
		my $growth = ($session->memory('VmHWM') - $before) / 1024;
		cmp_ok($growth, '<=', 16 + 2 * 2 * $mb, sprintf '%s: %.1f MB more', $provider, $growth);
		$sim->set($provider, latency => 0, compress => 'auto');
		$session->close;
	}
	$sim->set('all', calls => $calls);
	$sim->reset;
	return;
}

sub check_few_descriptors
{
	my $session = Session->new($node);
	my $open = () = glob "/proc/@{[ $session->pid ]}/fd/*";

	foreach my $more (4, 8, 14, 30)
	{
		system('prlimit', '--pid', $session->pid, '--nofile=' . ($open + $more) . ':') == 0 or die 'prlimit';
		foreach my $sql ('SELECT count(md5(call_id)) FROM ringyo.calls', 'SELECT count(md5(call_id)) FROM tryvox.calls', 'SELECT count(md5(call_id)) / 5 FROM parts')
		{
			my $text = $session->query($sql);
			# the limit is below what the server was started with, so that its own waits may fail too
			ok($text eq $calls || $session->sqlstate eq 'HV00N' || $text =~ /Too many open files/, "$more descriptors: $sql: " . $session->sqlstate) or diag $text;
		}
	}
	system('prlimit', '--pid', $session->pid, '--nofile=1000:');
	is($session->query('SELECT count(md5(call_id)) / 5 FROM parts'), $calls, 'enough descriptors again');
	$session->close;
	return;
}
