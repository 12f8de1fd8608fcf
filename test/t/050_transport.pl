# Requests on the wire: TLS, connections kept, compression, size limits,
# redirects, retries.
use strict;
use warnings;

use CallsTest;
use Certificates;
use FakeServer;
use PostgreSQL::Test::Utils qw(slurp_file);
use Session;
use Test::More;
use Time::HiRes qw(sleep);

my $sim = start_simulator(calls => 5000);
my $key_log = PostgreSQL::Test::Utils::tempdir('keys') . '/keys';
my $node = start_node('main', sim => $sim);
# Counts read everything here.
create_servers($node, $sim, server => { trust_total => 'false' });
my $servers = 0;

check_kept_connections();
check_request_lines();
check_restarted_provider();
check_compression();
check_sizes();
check_redirects();
check_retries();
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');
check_tls();

done_testing();

# A further server for ringyo; returns the name of its table.
sub make_table
{
	my ($url, %options) = @_;
	my $name = 's' . ++$servers;

	$node->safe_psql('postgres', server_sql($name, 'ringyo', $api_key{ringyo}, base_url => $url, trust_total => 'false', %options));
	return "$name.calls";
}

# A query's one value, or its error
sub answer
{
	my ($sql) = @_;
	my @rows = eval { query_rows($node, $sql) };
	return $@ || join ',', @rows;
}

# A figure of EXPLAIN (ANALYZE): Requests, Bytes Received
sub figure
{
	my ($sql, $what) = @_;
	return foreign_scan($node, $sql, analyze => 1)->{$what};
}

# At DEBUG1, a line per request: what and how long, but neither values nor keys
sub check_request_lines
{
	my $session = Session->new($node, settings => '-c client_min_messages=debug1');
	my $line = qr/DEBUG:  (?:\w+: )?server "tryvox": GET \S+\/accounts\/\{account_id\}\/calls: status/;

	$sim->fault('tryvox', 'status', code => 503);
	my $text = $session->query(q(SELECT call_id FROM tryvox.calls WHERE to_number = '+14155550100'));
	like($text, qr/$line 503, \d+ ms, 0 rows/, 'a line for a reply that is an error');
	like($text, qr/$line 200, \d+ ms, 0 rows/, 'and for a good one');
	$sim->fault('tryvox', 'status', code => 503);
	$text .= my $checks = $session->query(q(SELECT ok FROM calls_fdw_check('tryvox') UNION ALL SELECT ok FROM calls_fdw_check('tryvox')));
	like($checks, qr/$line 503, \d+ ms, 0 rows/, 'calls_fdw_check: a line for a reply that is an error');
	like($checks, qr/$line 200, \d+ ms, 1 rows/, 'and for a good one');
	unlike($text, qr/DEBUG.*(14155550100|acc_1|tvx_sk)/, 'without values and keys');
	$sim->reset;
	$session->close;
	return;
}

sub check_kept_connections
{
	my $session = Session->new($node);
	my $before = $sim->stats;

	is($session->query('SELECT count(call_id) FROM ringyo.calls'), '5000', 'fifty pages');
	my $after = $sim->stats;
	cmp_ok($after->{requests} - $before->{requests}, '<', 60, 'in little more than fifty requests');
	cmp_ok($after->{accepted} - $before->{accepted}, '<=', 4, 'over few connections');

	$session->query("SELECT count(call_id) FROM $_.calls WHERE status = 'busy'") foreach @providers;
	# pages whose positions are known beforehand take up to max_connections
	foreach (1 .. 3)
	{
		$session->query("SELECT count(call_id) FROM $_.calls WHERE status = 'busy'") foreach @providers;
	}
	my $later = $sim->stats;
	cmp_ok($later->{accepted} - $before->{accepted}, '<=', 4 * 5, 'which the next queries of the session use too');
	is($later->{connections}, $later->{accepted} - $before->{accepted}, 'and keep');
	$session->query('SELECT 1 / (count(*) - count(*)) FROM voicy.calls');
	is($session->sqlstate, '22012', 'an error');
	is($session->query('SELECT count(call_id) FROM voicy.calls'), '5000', 'and another query');
	cmp_ok($sim->stats->{accepted} - $before->{accepted}, '<=', 4 * 5, 'need no other connections');
	$session->close;
	return;
}

# A provider that hangs up while a connection is idle
sub check_restarted_provider
{
	my $other = start_simulator(calls => 250);
	my $port = $other->port;
	my $table = make_table($other->url);
	my $session = Session->new($node);
	my $sql = "SELECT count(call_id) FROM $table";

	is($session->query($sql), '250', 'before a restart of the provider');
	$other->stop;
	$other = start_simulator(calls => 250, port => $port);
	is($session->query($sql), '250', 'and after it');
	is($session->query("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $sql") =~ /Retries: (\d+)/ ? $1 : 'none', '0',
		'without a retry after that');
	$other->stop;
	$session->query("ALTER SERVER s$servers OPTIONS (ADD max_retries '0')");
	my $text = $session->query($sql);
	is($session->sqlstate, 'HV00N', 'a provider that is down: HV00N');
	like($text, qr/could not connect to server "s$servers".*\nDETAIL:  .*onnect/, 'and says so');
	$other = start_simulator(calls => 250, port => $port);
	is($session->query($sql), '250', 'and up again');
	$other->stop;
	$session->close;
	return;
}

sub check_compression
{
	my $sql = 'SELECT call_id, status, started_at FROM voicy.calls ORDER BY call_id';
	my @plain;
	my %bytes;

	foreach my $how (qw(none gzip deflate auto))
	{
		$sim->set('voicy', compress => $how);
		my @rows = query_rows($node, $sql);
		@plain = @rows if $how eq 'none';
		ok(@rows == 5000 && "@rows" eq "@plain", "compress $how: the same rows");
		$bytes{$how} = figure($sql, 'Bytes Received');
	}
	note join ', ', map { "$_: $bytes{$_} bytes" } sort keys %bytes;
	cmp_ok($bytes{$_}, '<', $bytes{none} / 3, "$_: a third of the bytes at most") foreach qw(gzip deflate auto);
	$sim->reset;
	query_rows($node, 'SELECT count(call_id) FROM voicy.calls');
	like(($sim->log('voicy'))[0]{headers}{'accept-encoding'}, qr/\bgzip\b/, 'gzip is offered');
	return;
}

sub check_sizes
{
	my $table = make_table($sim->url, max_response_size => '1MB');
	my $session = Session->new($node);
	my $sql = "SELECT count(raw) FROM $table";

	is($session->query($sql), '5000', 'replies below max_response_size');
	foreach my $fault ([ 'none', 1_100_000 ], [ 'gzip', 1_100_000 ], [ 'gzip', 100_000_000 ], [ 'deflate', 100_000_000 ])
	{
		my ($compress, $bytes) = @$fault;
		my $name = "a reply of $bytes bytes, compression $compress";
		$sim->fault('ringyo', 'big', bytes => $bytes, compress => $compress, after => 1, count => -1);
		$sim->clear;
		my $text = $session->query($sql);
		is($session->sqlstate, '53400', "$name: 53400");
		like($text, qr/larger than max_response_size \(1024 kB\)/, "$name: the message");
		is($sim->requests('ringyo'), 2, "$name: no retry");
		$sim->reset;
	}
	$sim->fault('ringyo', 'big', bytes => 900_000, compress => 'gzip');
	is($session->query($sql), '5000', 'a large reply below the limit');
	cmp_ok($session->memory('VmHWM'), '<', 64 * 1024, 'bombs are not unpacked');
	$sim->reset;
	$session->close;
	return;
}

# 30x: an error, and nobody asks the other address, with the key or without.
sub check_redirects
{
	my $target = FakeServer->new;
	my $code = 301;
	my @codes = (301, 302, 303, 307, 308);

	foreach my $status (@codes)
	{
		my $from = FakeServer->new(
			sub {
				my $location = $target->url . '/v1/calls';
				print { $_[0] } "HTTP/1.1 $status Moved\r\nLocation: $location\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
			});
		my $table = make_table($from->url);
		sql_fails($node, "SELECT call_id FROM $table", 'HV000', qr/redirected the request[^\n]*\n(?s:.*)HINT:  Redirects are followed only within/,
			"$status: an error");
		is(scalar(() = $from->hits), 1, "$status: one request");
	}
	is(scalar(() = $target->hits), 0, 'no redirect is followed');
	return;
}

# max_retries counts repetitions; two of them wait 1.5 s at most.
sub check_retries
{
	my $table = make_table($sim->url, max_retries => 2);
	my $server = "s$servers";
	my $sql = "SET statement_timeout = '5s'; SELECT count(call_id) FROM $table";

	foreach my $case (
		[ 'HV000', 'status', code => 500 ],
		[ 'HV000', 'status', code => 503 ],
		[ 'HV000', 'status', code => 408 ],
		[ 'HV00N', 'reset' ])
	{
		my ($sqlstate, $kind, @words) = @$case;
		$sim->reset;
		$sim->fault('ringyo', $kind, @words, count => -1);
		sql_fails($node, $sql, $sqlstate, qr/server "$server"/, "@$case: an error in the end");
		is($sim->requests('ringyo'), 3, "@$case: three requests");
		$sim->reset;
		$sim->fault('ringyo', $kind, @words, after => 3, count => 2);
		is(answer($sql), '5000', "@$case: two failures, then all calls");
	}
	foreach my $code (400, 401, 403, 404, 409, 422)
	{
		$sim->reset;
		$sim->fault('ringyo', 'status', code => $code);
		sql_fails($node, $sql, $code == 401 || $code == 403 ? '28000' : 'HV000', qr/HTTP status $code/, "$code: an error");
		is($sim->requests('ringyo'), 1, "$code: no retry");
	}

	# a stated wait is waited for and does not use up retries
	$sim->reset;
	$sim->fault('ringyo', 'status', code => 429, retry_after => 0, after => 1, count => 5);
	is(answer($sql), '5000', 'five times 429, then all calls');
	$sim->reset;
	$sim->fault('ringyo', 'status', code => 429, retry_after => 1);
	my $start = Session::now();
	is(answer($sql), '5000', 'Retry-After: 1, then all calls');
	cmp_ok(Session::now() - $start, '>=', 1, 'after a second');
	$sim->reset;
	$sim->fault('ringyo', 'status', code => 429, reset => 1, skew => 3600);
	$start = Session::now();
	is(answer($sql), '5000', 'X-RateLimit-Reset by a clock that is an hour ahead, then all calls');
	cmp_ok(Session::now() - $start, '>=', 1, 'after a second');
	$sim->reset;
	$sim->fault('ringyo', 'status', code => 503, retry_after => 1);
	$start = Session::now();
	is(answer($sql), '5000', '503 with Retry-After: 1, then all calls');
	cmp_ok(Session::now() - $start, '>=', 1, 'after a second');
	$sim->reset;
	$sim->fault('ringyo', 'status', code => 429, retry_after => 121);
	sql_fails($node, $sql, '53400', qr/asks to wait 121 seconds/, 'a stated wait beyond max_retry_wait is not waited for');
	is($sim->requests('ringyo'), 1, 'after one request');
	$sim->reset;
	return;
}

# The simulator's control words over TLS, which Perl alone does not speak
{
	package CurlClient;

	sub get
	{
		my ($self, $url) = @_;
		my $content = `curl -sS --insecure --noproxy '*' '$url'`;
		return { status => $? == 0 ? 200 : 599, content => $content };
	}
}

sub check_tls
{
  SKIP:
	{
		skip 'openssl is not installed', 1 if !has_openssl();
		my $dir = make_certificates();
		my $tls = start_simulator(calls => 250, tls => [ "$dir/server.pem", "$dir/server.key" ]);
		my $port = $tls->port;
		my $url = "https://localhost:$port";
		$tls->{http} = bless {}, 'CurlClient';

		# Nothing of this may count: whom to trust is said by ca_file alone.
		$node->stop;
		{
			local @ENV{qw(SSL_CERT_FILE CURL_CA_BUNDLE)} = ("$dir/ca.pem") x 2;
			local $ENV{SSLKEYLOGFILE} = $key_log;
			$node->start;
		}

		my $table = make_table($url, ca_file => "$dir/ca.pem");
		my $sql = "SELECT count(call_id) FROM $table";
		is(answer($sql), '250', 'TLS with ca_file');
		ok(!-e $key_log, 'the keys of the connection are not written to a file');
		my $accepted = $tls->stats->{accepted};
		my $session = Session->new($node);
		$session->query($sql) foreach 1 .. 3;
		is($tls->stats->{accepted} - $accepted, 1, 'TLS connections are kept');
		$session->close;

		refuses_tls(make_table($url), 'no ca_file', qr/certificate/i);
		refuses_tls(make_table($url, ca_file => "$dir/stranger.pem"), 'another authority', qr/certificate/i);
		refuses_tls(make_table("https://127.0.0.1:$port", ca_file => "$dir/ca.pem"), 'another host name',
			qr/certificate.*match|subject.*name|name.*match/i);
		refuses_tls(make_table($url, ca_file => "$dir/missing.pem"), 'no such ca_file', qr/missing\.pem|CA cert/);
		refuses_tls(make_table('https://localhost:' . $sim->port, max_retries => 0, ca_file => "$dir/ca.pem"), 'a server without TLS', qr/SSL|TLS/);
		is(scalar(grep { !$_->{ok} || $_->{status} != 200 } $tls->log('ringyo')), 0, 'no request reached the provider unverified');
		is($tls->requests('ringyo'), 4 * 3, 'but those that were meant to');
		sql_fails($node, "SELECT count(call_id) FROM " . make_table("http://127.0.0.1:$port", max_retries => 0), 'HV00N', qr/DETAIL/,
			'plain HTTP to a TLS port');
	}
	return;
}

# Refused by the certificate: at once, with a reason
sub refuses_tls
{
	my ($table, $name, $pattern) = @_;
	my $start = Session::now();

	sql_fails($node, "SELECT count(call_id) FROM $table", 'HV00N', qr/could not connect to server(?s:.*)DETAIL:  [^\n]*$pattern/, "TLS, $name: HV00N");
	cmp_ok(Session::now() - $start, '<', 0.4, "TLS, $name: at once");
	return;
}
