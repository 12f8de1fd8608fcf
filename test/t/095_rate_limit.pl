# Limits on the rate of requests: the option rate_limit, what providers say in
# headers and texts, and that all scans of a session, by server and user, keep
# to both. Times are lower bounds only; where something must not wait, the wait
# would be a thousand seconds.
use strict;
use warnings;

use CallsTest;
use FakeServer;
use JSON::PP;
use Session;
use Test::More;
use Time::HiRes qw(sleep);

# 40 pages of ten calls; no total answers a count
my $sim = start_simulator(calls => 400, threads => 2);
my $node = start_node('main', sim => $sim);
create_servers($node, $sim, server => { page_size => 10, max_connections => 16, trust_total => 'false' });
my $version = $node->safe_psql('postgres', "SELECT current_setting('server_version_num')::int / 10000");

check_pace();
check_sharing();
check_changes();
check_quota();
check_holds();
check_resets();
check_server_checks();
check_texts();
check_refusals();
check_retries();
check_cursor();
check_cap();
check_wait_events();
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');
done_testing();

sub alter
{
	my ($session, $server, $options) = @_;
	$session->query("ALTER SERVER $server OPTIONS ($options)");
	is($session->sqlstate, '00000', "$server: $options");
	return;
}

# Forgets what providers said, of which resets of the simulator know nothing.
sub fresh_session
{
	$sim->reset;
	return Session->new($node);
}

# The most requests of a log within any second.
sub busiest_second
{
	my @times = sort { $a <=> $b } map { $_->{at_ms} } @_;
	my $most = 0;

	foreach my $first (0 .. $#times)
	{
		my $count = grep { $_ >= $times[$first] && $_ < $times[$first] + 1000 } @times;
		$most = $count if $count > $most;
	}
	return $most;
}

# A figure of calls_fdw_stats() in the session
sub statistic
{
	my ($session, $server, $what) = @_;
	return $session->query("SELECT $what FROM calls_fdw_stats() WHERE server = '$server'");
}

# rate_limit 20: at most that and the burst of 2 in any second, as sent. They
# arrive a little later each, which may make a second look busier.
sub check_pace
{
	my $session = fresh_session();

	alter($session, $_, "ADD rate_limit '20'") foreach qw(tryvox solomobile ringyo);
	foreach my $provider (qw(tryvox solomobile ringyo))
	{
		$sim->set($provider, latency => 30);
		my $start = Session::now();
		is($session->query("SELECT count(call_id) FROM $provider.calls"), '400', "$provider: all calls at rate_limit 20");
		my @log = $sim->log($provider);
		cmp_ok(scalar @log, '>=', 40, "$provider: in 40 requests or more");
		cmp_ok(Session::now() - $start, '>=', 1.5, "$provider: in 1.5 s or more");
		cmp_ok(busiest_second(@log), '<=', 20 + 2 + 2, "$provider: no second has more than the limit and the burst");
		is(statistic($session, $provider, 'throttled'), '0', "$provider: pacing is not throttling");
		cmp_ok(statistic($session, $provider, 'extract(epoch FROM wait_time)'), '>=', 1, "$provider: but waiting");
	}

	# what waited for its turn goes on where an Append waits for several scans
	my $sql = q(SELECT count(call_id) FROM (SELECT call_id FROM tryvox.calls UNION ALL SELECT call_id FROM solomobile.calls) AS s);
	like($session->query("EXPLAIN (COSTS OFF) $sql"), qr/Async Foreign Scan/, 'an asynchronous plan');
	$sim->clear;
	is($session->query($sql), '800', 'all calls of two servers');
	cmp_ok(busiest_second($sim->log($_)), '<=', 20 + 2 + 2, "$_: within its own limit") foreach qw(tryvox solomobile);
	alter($session, $_, 'DROP rate_limit') foreach qw(tryvox solomobile ringyo);
	$session->close;
	return;
}

# Three scans of one server in a query, and scans for two users
sub check_sharing
{
	my $session = fresh_session();
	my @scans = map { "SELECT count(call_id) AS n FROM tryvox.calls WHERE status = '$_'" } qw(busy failed no_answer);
	my $sql = "SELECT sum(n) > 0 FROM (" . join(' UNION ALL ', @scans) . ') AS s';

	alter($session, 'tryvox', "ADD rate_limit '20'");
	my $start = Session::now();
	is($session->query("SELECT count(*) FROM tryvox.calls AS a, tryvox.calls AS b WHERE a.call_id = b.call_id"), '400',
		'a join of two scans');
	my @log = $sim->log('tryvox');
	cmp_ok(scalar @log, '>=', 80, 'two scans: in 80 requests');
	cmp_ok(Session::now() - $start, '>=', 3.5, 'two scans share the limit');
	cmp_ok(busiest_second(@log), '<=', 20 + 2 + 2, 'so no second has more');
	$sim->clear;
	is($session->query($sql), 't', 'scans under an Append');
	@log = $sim->log('tryvox');
	cmp_ok(busiest_second(@log), '<=', 20 + 2 + 2, 'share the limit too');

	# 0.001: after a burst of two, a thousand seconds
	alter($session, 'tryvox', "SET rate_limit '0.001'");
	$node->safe_psql('postgres', q(
		CREATE ROLE other LOGIN SUPERUSER;
		CREATE USER MAPPING FOR other SERVER tryvox OPTIONS (api_key 'tvx_sk_test');));
	my $short = 'SELECT count(*) FROM (SELECT call_id FROM tryvox.calls LIMIT 1) AS s';
	is($session->query("$short UNION ALL $short"), "1\n1", 'rate_limit 0.001: a burst of two requests');
	$sim->clear;
	$session->query("SET statement_timeout = '300ms'; $short");
	is($session->sqlstate, '57014', 'the next one waits');
	is($sim->requests('tryvox'), 0, 'and is not sent');
	$session->query("SET statement_timeout = '60s'; SET ROLE other");
	is($session->query("$short UNION ALL $short"), "1\n1", 'another user has a limit of his own');
	$session->query("RESET ROLE; SET statement_timeout = '300ms'; $short");
	is($session->sqlstate, '57014', 'which does not lift the first one');
	$session->query("RESET statement_timeout");
	alter($session, 'tryvox', 'DROP rate_limit');
	$session->close;
	return;
}

# ALTER SERVER, also by others
sub check_changes
{
	my $session = fresh_session();
	my $short = 'SELECT count(*) FROM (SELECT call_id FROM tryvox.calls LIMIT 1) AS s';

	alter($session, 'tryvox', "ADD rate_limit '0.001'");
	$session->query($short) foreach 1 .. 2;
	$session->query("SET statement_timeout = '300ms'; $short");
	is($session->sqlstate, '57014', 'rate_limit 0.001 holds requests back');
	$session->query("SET statement_timeout = '60s'");
	$node->safe_psql('postgres', "ALTER SERVER tryvox OPTIONS (SET rate_limit '1000')");
	is($session->query('SELECT count(call_id) FROM tryvox.calls'), '400', 'another session raises it: no more');
	$node->safe_psql('postgres', "ALTER SERVER tryvox OPTIONS (SET rate_limit '0.001')");
	$session->query($short) foreach 1 .. 2;
	$session->query("SET statement_timeout = '300ms'; $short");
	is($session->sqlstate, '57014', 'and lowers it: held back again');
	alter($session, 'tryvox', 'DROP rate_limit');
	$session->query("SET statement_timeout = '60s'");
	is($session->query('SELECT count(call_id) FROM tryvox.calls'), '400', 'without it: no limit');
	$session->close;
	return;
}

# X-RateLimit-Remaining and -Reset of good replies
sub check_quota
{
	foreach my $provider (qw(tryvox ringyo solomobile))
	{
		my $session = fresh_session();
		$sim->set($provider, quota => 12, latency => 10);
		my $start = Session::now();
		is($session->query("SELECT count(call_id) FROM $provider.calls"), '400', "$provider: 12 requests in two seconds are allowed");
		my @log = $sim->log($provider);
		is(scalar(grep { $_->{status} != 200 } @log), 0, "$provider: no 429");
		cmp_ok(scalar @log, '>=', 40, "$provider: in 40 requests or more");
		cmp_ok(Session::now() - $start, '>=', 3.9, "$provider: in three periods or more");
		cmp_ok(statistic($session, $provider, 'throttled'), '>', 0, "$provider: what was held back is counted");
		$sim->clear;
		$session->query("SET enable_material = off");
		is($session->query("SELECT count(*) FROM (SELECT call_id FROM $provider.calls WHERE status = 'busy' UNION ALL "
				  . "SELECT call_id FROM $provider.calls WHERE status = 'failed' UNION ALL SELECT call_id FROM $provider.calls "
				  . "WHERE status = 'completed') AS s") > 0, 1, "$provider: several scans at once");
		is(scalar(grep { $_->{status} != 200 } $sim->log($provider)), 0, "$provider: no 429 either");
		$session->close;
	}
	return;
}

# What a 429 asks for holds for all scans of the server and user, and for no others.
sub check_holds
{
	my $session = fresh_session();
	my $count = 'SELECT count(call_id) FROM ringyo.calls';

	# the date is an hour ahead, and so is the clock of the provider
	my $date = HTTP::Tiny->new->_http_date(time + 3602);
	$sim->fault('ringyo', 'status', code => 429, retry_after => $date, skew => 3600);
	my $start = Session::now();
	is($session->query($count), '400', 'Retry-After as a date of a clock that is an hour ahead');
	cmp_ok(Session::now() - $start, '>=', 1, 'is waited for');
	$session->close;

	$session = fresh_session();
	$sim->fault('ringyo', 'status', code => 429, retry_after => 1000);
	$session->query($count);
	is($session->sqlstate, '53400', 'a wait beyond max_retry_wait is an error');
	$sim->clear;
	my $text = $session->query($count);
	is($session->sqlstate, '53400', 'also for the next query');
	like($text, qr/DETAIL:  The provider asked for no further request within the next (999|1000) seconds\.\nHINT:  .*max_retry_wait/,
		'which says why');
	is($sim->requests('ringyo'), 0, 'and sends nothing');
	is(statistic($session, 'ringyo', 'throttled'), '2', 'both are counted');
	is($session->query('SELECT count(call_id) FROM tryvox.calls'), '400', 'another server is not held');
	$session->query(q(CREATE USER MAPPING FOR other SERVER ringyo OPTIONS (api_key 'ringyo_test')));
	$session->query('SELECT 1');
	$sim->fault('ringyo', 'status', code => 429, retry_after => 1000);
	$session->query($count);
	$sim->clear;
	$session->query('SET ROLE other');
	is($session->query($count), '400', 'another user is not held');
	$session->query('RESET ROLE');
	$session->query($count);
	is($session->sqlstate, '53400', 'the first one still is');
	$session->query(q(ALTER USER MAPPING FOR CURRENT_USER SERVER ringyo OPTIONS (SET api_key 'ringyo_test')));
	is($session->query($count), '400', 'a new key may be that of another account');
	$session->close;

	# two cursors: what the first one was told holds for the second
	$session = fresh_session();
	$session->query('BEGIN; DECLARE a CURSOR FOR SELECT call_id FROM ringyo.calls; DECLARE b CURSOR FOR SELECT call_id FROM ringyo.calls');
	$session->query('FETCH 1 FROM a');
	$session->query('FETCH 1 FROM b');
	$sim->fault('ringyo', 'status', code => 429, retry_after => 2, after => 0);
	$sim->clear;
	$session->query('FETCH 15 FROM a');
	is($session->sqlstate, '00000', 'a cursor that is told to wait');
	$session->query('FETCH 15 FROM b');
	is($session->sqlstate, '00000', 'and another one');
	my @log = $sim->log('ringyo');
	my ($told) = grep { $_->{status} == 429 } @log;
	is(scalar(grep { $_->{at_ms} > $told->{at_ms} + 100 && $_->{at_ms} < $told->{at_ms} + 1900 } @log), 0,
		'nobody asks in between');
	$session->close;

	# 503 with a long wait: not beyond max_retry_wait
	$session = fresh_session();
	alter($session, 'ringyo', "ADD max_retry_wait '1s'");
	$sim->fault('ringyo', 'status', code => 503, retry_after => 1000);
	is($session->query("SET statement_timeout = '60s'; $count"), '400', '503 with Retry-After: 1000 is tried again after max_retry_wait');
	alter($session, 'ringyo', 'DROP max_retry_wait');
	$session->close;
	return;
}

# calls_fdw_check keeps to all limits, and what it is told holds for scans.
sub check_server_checks
{
	my $session = fresh_session();
	my $check = "SELECT ok, http_status FROM calls_fdw_check('ringyo')";

	$sim->fault('ringyo', 'status', code => 429, retry_after => 2);
	my $start = Session::now();
	is($session->query($check), 'f|429', 'calls_fdw_check tries nothing again');
	is($session->query($check), 't|200', '... but waits where the provider has asked for it');
	cmp_ok(Session::now() - $start, '>=', 1.9, '... as long');
	is($sim->requests('ringyo'), 2, '... with no request in between');
	is(statistic($session, 'ringyo', 'throttled'), '2', '... and counts it');
	cmp_ok(statistic($session, 'ringyo', 'extract(epoch FROM wait_time)'), '>=', 1.9, '... as waiting');
	$session->close;

	$session = fresh_session();
	alter($session, 'ringyo', "ADD rate_limit '0.001'");
	is($session->query("$check UNION ALL $check"), "t|200\nt|200", 'rate_limit 0.001: two checks are a burst');
	$session->query("SET statement_timeout = '300ms'; $check");
	is($session->sqlstate, '57014', '... the next one waits');
	is($sim->requests('ringyo'), 2, '... and is not sent');
	$session->query('SELECT count(*) FROM (SELECT call_id FROM ringyo.calls LIMIT 1) AS s');
	is($session->sqlstate, '57014', '... nor is a scan');
	is($sim->requests('ringyo'), 2, '... with which it shares the limit');
	alter($session, 'ringyo', 'DROP rate_limit');
	$session->close;

	# a cursor's requests that are under way may use up what the provider has left
	$session = fresh_session();
	$sim->set('tryvox', quota => 4);
	$session->query('BEGIN; DECLARE c CURSOR FOR SELECT call_id FROM tryvox.calls');
	$session->query('FETCH 15 FROM c');
	is($session->query("SELECT count(*) FROM generate_series(1, 6), calls_fdw_check('tryvox') WHERE ok"), '6', 'checks under a quota, after a cursor');
	is(scalar(grep { $_->{status} != 200 } $sim->log('tryvox')), 0, '... keep to it');
	$session->query('COMMIT');
	$session->close;
	return;
}

# A server that gives these heads, one after the other, then pages for ever;
# returns it and the name of a table.
sub serve_heads
{
	my (@heads) = @_;
	my $page = '{"data":[],"has_more":false,"total":0}';
	my $server = FakeServer->new(
		sub {
			my $head = shift @heads // "200 OK\r\n";
			print { $_[0] } "HTTP/1.1 ${head}Content-Type: application/json\r\nContent-Length: @{[ length $page ]}\r\nConnection: close\r\n\r\n$page";
		});

	$node->safe_psql('postgres', 'DROP SERVER IF EXISTS heads CASCADE; DROP SCHEMA IF EXISTS heads CASCADE;'
		  . server_sql('heads', 'ringyo', 'ringyo_test', base_url => $server->url));
	return ($server, 'SELECT count(call_id) FROM heads.calls');
}

# X-RateLimit-Reset alone is no reason to wait, and none to wait for days.
sub check_resets
{
	my $day = time + 86400;
	my $hour = qr/no further request within the next (3600|359\d) seconds/;
	my ($server, $count) = serve_heads("503 Unavailable\r\nX-RateLimit-Reset: $day\r\n");
	my $session = Session->new($node);

	is($session->query($count), '0', 'a 503 that tells of a reset, but not how much remains: tried again');
	is(scalar(() = $server->hits), 2, '... in two requests');
	is($session->query($count), '0', '... and nothing is held back after it');
	$session->close;
	$server->stop;

	foreach my $reset (86400, $day, $day * 1000)
	{
		($server, $count) = serve_heads("200 OK\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: $reset\r\n");
		$session = Session->new($node);
		is($session->query($count), '0', "nothing remains until $reset: a page");
		like($session->query($count), $hour, '... holds the next one back, for an hour');
		is($session->sqlstate, '53400', '... with an error');
		$session->close;
		$server->stop;
	}

	($server, $count) = serve_heads('429 Slow down' . "\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: " . 1000 * (time + 3) . "\r\n");
	$session = Session->new($node);
	is($session->query($count), '0', 'a 429 with a reset in milliseconds since 1970 is waited for');
	$session->close;
	$server->stop;

	# what a reply of the next period says stands, though its reset seems to be
	# about the same: the reply before may have been read late
	my ($now, @heads) = time;
	foreach my $told ([ 0, 2, 5 ], [ 2, 5, 0 ])
	{
		my ($date, $reset, $remaining) = @$told;
		push @heads, "200 OK\r\nDate: " . HTTP::Tiny->new->_http_date($now + $date)
		  . "\r\nX-RateLimit-Remaining: $remaining\r\nX-RateLimit-Reset: @{[ $now + $reset ]}\r\n";
	}
	($server, $count) = serve_heads(@heads);
	$session = Session->new($node);
	$session->query($count) foreach 1 .. 2;
	my $start = Session::now();
	is($session->query($count), '0', 'another period begins, of which nothing remains');
	cmp_ok(Session::now() - $start, '>=', 2.8, '... until its end is waited');
	$session->close;
	$server->stop;
	$node->safe_psql('postgres', 'DROP SERVER heads CASCADE; DROP SCHEMA heads CASCADE');
	return;
}

# The delay in the text of a 429
sub check_texts
{
	my %texts = (
		'Please retry after 2 seconds.' => 1.9,
		'Slow down, try again in 1500ms' => 1.4,
		'You have to wait 2s.' => 1.9);

	foreach my $text (sort keys %texts)
	{
		my $session = fresh_session();
		alter($session, 'voicy', "ADD max_retries '0'");
		$sim->fault('voicy', 'status', code => 429, message => $text);
		my $start = Session::now();
		is($session->query('SELECT count(call_id) FROM voicy.calls'), '400', "$text: then all calls");
		cmp_ok(Session::now() - $start, '>=', $texts{$text}, "$text: waited for");
		alter($session, 'voicy', 'DROP max_retries');
		$session->close;
	}
	foreach my $text ('Please retry after 1000 seconds.', 'Wait 17 minutes', 'retry in 1 hour')
	{
		my $session = fresh_session();
		$sim->fault('voicy', 'status', code => 429, message => $text);
		my $answer = $session->query('SELECT count(call_id) FROM voicy.calls');
		is($session->sqlstate, '53400', "$text: too long");
		like($answer, qr/The provider asks to wait (1000|1020|3600) seconds/, "$text: is understood");
		$session->close;
	}
	foreach my $text ('Retry at most 3 times', '60 requests per minute', 'retry later')
	{
		my $session = fresh_session();
		alter($session, 'voicy', "ADD max_retries '0'");
		$sim->fault('voicy', 'status', code => 429, message => $text);
		my $answer = $session->query('SELECT count(call_id) FROM voicy.calls');
		unlike($answer, qr/asks to wait/, "$text: says no time");
		alter($session, 'voicy', 'DROP max_retries');
		$session->close;
	}
	return;
}

# A 429 that comes again and again is waited for max_retries times
# max_retry_wait, or once that: here 0.1, 0.2 and 0.4 of a second, or one.
sub check_refusals
{
	my $session = fresh_session();
	my $count = "SET statement_timeout = '60s'; SELECT count(call_id) FROM ringyo.calls";

	alter($session, 'ringyo', "ADD max_retry_wait '1s', ADD max_retries '1'");
	$sim->fault('ringyo', 'status', code => 429, retry_after => 0, count => -1);
	my $text = $session->query($count);
	is($session->sqlstate, '53400', '429 with Retry-After: 0 without an end');
	like($text, qr/rate limit of server "ringyo" exceeded\nDETAIL:  .* status 429: .*The request was refused 4 times, and waited 0\.7 seconds\.\nHINT:  .*max_retry_wait/,
		'which says how long it was borne');
	is($sim->requests('ringyo'), 4, 'in as many requests');
	$sim->reset;
	alter($session, 'ringyo', "SET max_retries '0'");
	$sim->fault('ringyo', 'status', code => 429, retry_after => 1, count => 2);
	like($session->query($count), qr/The request was refused 2 times, and waited 1 seconds\./, 'two that ask for a second');
	$sim->reset;
	alter($session, 'ringyo', "SET max_retries '2'");
	$sim->fault('ringyo', 'status', code => 429, retry_after => 1, count => 2);
	is($session->query($count), '400', 'are borne with another retry');
	$sim->reset;
	alter($session, 'ringyo', "SET max_retry_wait '0'");
	$sim->fault('ringyo', 'status', code => 429, retry_after => 0);
	like($session->query($count), qr/The request was refused 1 time, and waited 0 seconds\./, 'max_retry_wait 0: none');
	alter($session, 'ringyo', "DROP max_retry_wait, DROP max_retries");
	$session->close;
	return;
}

# What tells one page from another
sub position
{
	my ($entry) = @_;
	return JSON::PP->new->canonical->encode([ $entry->{query}, $entry->{body} ]);
}

# A retry goes on where the scan was: but for the page that is asked for again,
# the requests are those of a scan without failures.
sub check_retries
{
	foreach my $provider (@providers)
	{
		my $session = fresh_session();

		$session->query("ALTER SERVER $provider OPTIONS (SET max_connections '1')");
		$session->query("SELECT count(call_id) FROM $provider.calls");
		my @expected = map { position($_) } $sim->log($provider);
		foreach my $fault ([ code => 429, retry_after => 0 ], [ code => 429, reset => 1 ], [ code => 503 ])
		{
			$sim->reset;
			$sim->fault($provider, 'status', @$fault, after => 20, count => 2);
			is($session->query("SELECT count(call_id) FROM $provider.calls"), '400', "$provider, @$fault: all calls");
			my @positions = map { position($_) } $sim->log($provider);
			is_deeply([ splice @positions, 20, 2 ], [ ($expected[20]) x 2 ], "$provider, @$fault: the page that failed is asked for again");
			is_deeply(\@positions, \@expected, "$provider, @$fault: and no other");
		}
		$session->query("ALTER SERVER $provider OPTIONS (SET max_connections '16')");
		$session->close;
	}
	return;
}

# A cursor that is left alone keeps nobody from sending.
sub check_cursor
{
	my $session = fresh_session();
	my $count = "SET statement_timeout = '60s'; SELECT count(call_id) FROM tryvox.calls";

	alter($session, 'tryvox', "ADD rate_limit '40'");
	$session->query('BEGIN; DECLARE c CURSOR FOR SELECT call_id FROM tryvox.calls');
	$session->query('FETCH 25 FROM c');
	is($session->query($count), '400', 'another scan goes on under rate_limit');
	is(scalar(() = $session->query('FETCH ALL FROM c') =~ /^\S+$/mg), 375, 'and so does the cursor');
	$session->query('COMMIT');
	alter($session, 'tryvox', 'DROP rate_limit');

	# the cursor's requests take part of what remains; nobody reads their replies
	$sim->set('tryvox', quota => 12, latency => 20);
	$session->query('BEGIN; DECLARE c CURSOR FOR SELECT call_id FROM tryvox.calls');
	$session->query('FETCH 25 FROM c');
	is($session->query($count), '400', 'another scan goes on under a quota');
	is(scalar(grep { $_->{status} != 200 } $sim->log('tryvox')), 0, 'without a 429');
	is(scalar(() = $session->query('FETCH ALL FROM c') =~ /^\S+$/mg), 375, 'and so does the cursor');
	$session->query('COMMIT');
	$session->close;
	return;
}

# The hint of max_requests names a column that is not used yet.
sub check_cap
{
	my %hints = (
		"SELECT call_id FROM ringyo.calls" => 'started_at',
		"SELECT call_id FROM ringyo.calls WHERE started_at > '2020-01-01'" => 'status',
		"SELECT call_id FROM ringyo.calls WHERE started_at > '2020-01-01' AND status = 'completed'" => 'agent_id',
		"SELECT call_id FROM tryvox.calls" => 'started_at',
		"SELECT call_id FROM solomobile.calls" => 'started_at',
		"SELECT call_id FROM solomobile.calls WHERE started_at > '2020-01-01' AND started_at < '2030-01-01'" => 'status');

	$node->safe_psql('postgres', join '', map { "ALTER SERVER $_ OPTIONS (ADD max_requests '1');" } qw(ringyo tryvox solomobile));
	foreach my $sql (sort keys %hints)
	{
		sql_fails($node, $sql, '53400', qr/HINT:  Narrow the query with a condition on "$hints{$sql}", or raise "max_requests"\./,
			"$sql: the hint names $hints{$sql}");
	}
	$node->safe_psql('postgres', "ALTER SERVER ringyo OPTIONS (ADD pushdown 'to_number')");
	sql_fails($node, "SELECT call_id FROM ringyo.calls", '53400', qr/condition on "to_number"/, 'no filter that may not be sent');
	$node->safe_psql('postgres', "ALTER SERVER ringyo OPTIONS (SET pushdown 'none')");
	sql_fails($node, "SELECT call_id FROM ringyo.calls", '53400', qr/condition that the provider can evaluate/, 'or none at all');
	$node->safe_psql('postgres', 'ALTER SERVER ringyo OPTIONS (DROP pushdown)');
	$node->safe_psql('postgres', join '', map { "ALTER SERVER $_ OPTIONS (DROP max_requests);" } qw(ringyo tryvox solomobile));
	return;
}

# What pg_stat_activity shows
sub check_wait_events
{
	my $observer = Session->new($node);
	my @cases = (
		[ 'CallsFdwReply', [ 'hang', count => -1 ] ],
		[ 'CallsFdwRateLimit', [ 'status', code => 429, retry_after => 60 ] ],
		[ 'CallsFdwRateLimit', undef, "ADD rate_limit '0.001'" ],
		[ 'CallsFdwRetry', [ 'status', code => 503, retry_after => 60 ] ]);

	foreach my $case (@cases)
	{
		my ($event, $fault, $option) = @$case;
		my $session = fresh_session();
		my $found;

		$sim->fault('ringyo', @$fault) if $fault;
		alter($session, 'ringyo', $option) if $option;
		$session->send('SELECT count(call_id) FROM ringyo.calls');
		for (1 .. 400)
		{
			$found = $observer->query("SELECT wait_event_type || ' ' || wait_event FROM pg_stat_activity WHERE pid = " . $session->pid
				  . ($fault ? '' : " AND (SELECT pg_sleep(0.5)) IS NOT NULL"));
			last if $found eq 'Extension ' . ($version >= 17 ? $event : 'Extension');
			sleep 0.02;
		}
		is($found, 'Extension ' . ($version >= 17 ? $event : 'Extension'), "wait event $event");
		$session->cancel($observer);
		is($session->sqlstate, '57014', "$event: the wait is cancelled");
		alter($session, 'ringyo', 'DROP rate_limit') if $option;
		$session->close;
	}
	return;
}
