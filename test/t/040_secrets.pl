# No secret of a user mapping gets into any output or into the server's log, and
# nothing in the server's environment sends requests elsewhere.
use strict;
use warnings;

use CallsTest;
use FakeServer;
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Utils qw(slurp_file);
use Session;
use Test::More;

my @all = (@providers, 'acme');
my $tenant = 'Zq7wK2mX9pL4vN8bT3sR6yH1dF5gJ0aC';
my $signature = 'nR4tYp8WzQ2vJ7kX';
my $basic = encode_base64("acc_1:$api_key{acme}", '');

# What must not be seen; of the long one not even a piece.
my %secret = ((map { ("api_key of $_" => quotemeta $api_key{$_}) } @all),
	'secret of the Basic header' => quotemeta $basic,
	'value of a header that contains the key' => $signature,
	'value of the header X-Tenant-ID' => join('|', map { substr $tenant, $_, 8 } 0 .. length($tenant) - 8));

# What each provider may quote
my %echo = map { ($_ => "refused: key=$api_key{$_} tenant=$tenant") } @all;
$echo{acme} .= " Authorization: Basic $basic";

my $sim = start_simulator(calls => 300);
my $proxy = FakeServer->new;
my $statistics = -e qx(pg_config --pkglibdir) =~ s/\n//r . '/pg_stat_statements.so';
my $node = start_in_foul_environment();
create_servers($node, $sim, providers => \@all, server => { max_retries => 0, request_timeout => '300ms', trust_total => 'false' });
create_more();

my $output = '';
my $plain = Session->new($node);
switch_logging_on();
my $session = Session->new($node,
	settings => '-c client_min_messages=debug5 -c debug_print_parse=on -c debug_print_rewritten=on -c debug_print_plan=on');
run("LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on; SET auto_explain.log_verbose = on")
  if -e $node->config_data('--pkglibdir') . '/auto_explain.so';

check_replies($_) foreach @all;
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');
check_positions();
check_waiting();
check_explain();
check_redirects();
check_statistics();
check_refusals();
check_bad_mappings();
check_bad_proxies();
check_secrets();
check_environment();

done_testing();

# A server with proxies and passwords in its environment
sub start_in_foul_environment
{
	my $home = PostgreSQL::Test::Utils::tempdir('home');
	my $url = $proxy->url;

	foreach my $name ("$home/.netrc", "$home/netrc")
	{
		open my $fh, '>', $name or die "$name: $!";
		print $fh "machine 127.0.0.1 login mallory password netrc-password\ndefault login mallory password netrc-password\n";
		close $fh;
		chmod 0600, $name;
	}
	local @ENV{qw(http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY)} = ($url) x 6;
	local @ENV{qw(no_proxy NO_PROXY)} = ('calls.example') x 2;
	local @ENV{qw(HOME CURL_HOME NETRC)} = ($home, $home, "$home/netrc");
	return start_node('main', sim => $sim,
		conf => $statistics ? "shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track = all\n" : '');
}

sub create_more
{
	my $url = $sim->url;

	$node->safe_psql('postgres', join "\n",
		(map { "ALTER USER MAPPING FOR CURRENT_USER SERVER $_ OPTIONS (ADD headers '{\"X-Tenant-ID\": \"$tenant\"}');" } @all), qq(
		CREATE SERVER signed FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'voicy', base_url '$url', max_retries '0');
		CREATE USER MAPPING FOR CURRENT_USER SERVER signed
			OPTIONS (api_key '$api_key{voicy}', headers '{"X-Signed": "$api_key{voicy}:$signature"}');
		CREATE SCHEMA own;
		CREATE FOREIGN TABLE own.signed (call_id text) SERVER signed;
		CREATE FOREIGN TABLE own.lenient (call_id text, duration interval) SERVER voicy OPTIONS (on_error 'set_null');
		CREATE FOREIGN TABLE own.dated (call_id date) SERVER voicy;
		CREATE FOREIGN TABLE own.short (call_id text, status varchar(3)) SERVER voicy;
		CREATE SERVER nowhere FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url 'https://localhost:1', max_retries '0');
		CREATE USER MAPPING FOR CURRENT_USER SERVER nowhere OPTIONS (api_key '$api_key{ringyo}');
		CREATE FOREIGN TABLE own.nowhere (call_id text) SERVER nowhere;
		CREATE SERVER proxied FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url '$url', proxy '@{[ $proxy->url ]}', max_retries '0');
		CREATE USER MAPPING FOR CURRENT_USER SERVER proxied OPTIONS (api_key 'proxied-key');
		CREATE FOREIGN TABLE own.proxied (call_id text) SERVER proxied;));
	return;
}

# Only now: the server logs CREATE USER MAPPING as it is written.
sub switch_logging_on
{
	$node->safe_psql('postgres', $_) foreach
	  q(ALTER SYSTEM SET log_min_messages = 'debug5'),
	  q(ALTER SYSTEM SET log_min_error_statement = 'debug5'),
	  q(ALTER SYSTEM SET log_error_verbosity = 'verbose'),
	  q(ALTER SYSTEM SET log_statement = 'none');
	$node->reload;
	return;
}

# Run SQL in the session, keep what it writes for check_secrets.
sub run
{
	my ($sql) = @_;
	my $text = $session->query($sql);

	$output .= "$text\n";
	return $text;
}

# A query that fails so: with what the provider said, if it quoted secrets.
sub fails
{
	my ($sql, $sqlstate, $name, $pattern) = @_;
	my $text = run($sql);
	my $state = $session->sqlstate // 'none';

	is($state, $sqlstate, "$name: $sqlstate");
	like($text =~ s/.*^(?=\S* ?ERROR:)//msr, $pattern, "$name: the message") if $pattern;
	$sim->reset;
	return;
}

sub check_replies
{
	my ($provider) = @_;
	my $sql = "SELECT count(call_id) FROM $provider.calls";

	like(run($sql), qr/^300$/m, "$provider: all calls");
	run("EXPLAIN (ANALYZE, VERBOSE) $sql");
	run("EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) $sql WHERE status = 'completed'");

	foreach my $code (400, 401, 403, 404, 422, 429, 500, 503, 302)
	{
		$sim->fault($provider, 'status', code => $code, message => $echo{$provider}, $code == 429 ? (retry_after => 100000) : ());
		fails($sql, $code == 401 || $code == 403 ? '28000' : $code == 429 ? '53400' : 'HV000',
			"$provider: $code", qr/DETAIL:  The provider answered with HTTP status $code: .*\*\*\*\*/);
		# the session would wait as it was asked to
		run("ALTER SERVER $provider OPTIONS (SET max_retries '0')") if $code == 429;
	}
	$sim->fault($provider, 'status', code => 401, message => 'x' x 500 . $tenant x 3);
	fails($sql, '28000', "$provider: a long message");
	$sim->fault($provider, 'hang');
	fails($sql, 'HV00N', "$provider: no answer", qr/timed out/);
	$sim->fault($provider, 'refuse', count => -1);
	fails($sql, 'HV00N', "$provider: hangs up");
	$sim->fault($provider, 'reset');
	fails($sql, 'HV00N', "$provider: stops halfway");
	$sim->fault($provider, 'html');
	fails($sql, 'HV000', "$provider: a web page");
	return;
}

# Secrets in the call log, in ids and in positions
sub check_positions
{
	$sim->fault('voicy', 'value', field => 'duration_ms', json => qq("$echo{voicy}"));
	fails('SELECT count(duration) FROM voicy.calls', '22P02', 'a bad value', qr/\*\*\*\*/);
	foreach my $length (90 .. 127)
	{
		$sim->fault('voicy', 'value', field => 'duration_ms', json => '"' . 'x' x $length . qq($tenant"));
		run('SELECT count(duration) FROM voicy.calls');
	}
	is($session->sqlstate, '22P02', 'a bad value, cut: 22P02');
	$sim->reset;

	$sim->fault('voicy', 'value', field => 'duration_ms', json => qq("$echo{voicy}"));
	like(run('SELECT count(duration) FROM own.lenient'), qr/WARNING/, 'a bad value set to null: a warning');
	$sim->reset;
	$sim->fault('voicy', 'value', field => 'call_status', json => qq("$tenant"));
	fails('SELECT count(status) FROM own.short', '22001', 'a value that is too long');

	$sim->fault('voicy', 'value', field => 'call_id', json => qq("$tenant"));
	fails('SELECT count(call_id) FROM own.dated', '22007', 'a secret as the id of a call', qr/call "\*+"/);

	$sim->fault('ringyo', 'value', row => -1, field => 'next_cursor', json => qq("$api_key{ringyo}$tenant"), count => -1);
	like(run('SELECT count(call_id) FROM ringyo.calls'), qr/page after "\*+" of server "ringyo"/, 'the key as position: an error that masks it');
	isnt($session->sqlstate, '00000', 'the key as position: an error');
	$sim->reset;
	$sim->fault('acme', 'foreignlink', url => "https://$tenant.example/$api_key{acme}?key=$api_key{acme}&basic=$basic");
	fails('SELECT count(call_id) FROM acme.calls', 'HV000', 'a link to elsewhere');

	$sim->fault('voicy', 'status', code => 401, message => "your X-Signed is $api_key{voicy}:$signature");
	fails('SELECT count(call_id) FROM own.signed', '28000', 'a header that contains the key');

	fails('SELECT count(call_id) FROM own.nowhere', 'HV00N', 'nobody there');
	return;
}

# What others see while a query waits
sub check_waiting
{
	my $pid = $session->pid;

	$sim->fault('voicy', 'delay', ms => 250);
	$session->send('SELECT count(call_id) FROM voicy.calls');
	$session->wait_until_waiting($plain);
	my $activity = $plain->query("SELECT a FROM pg_stat_activity AS a WHERE pid = $pid");
	like($activity, qr/SELECT count\(call_id\) FROM voicy.calls/, 'pg_stat_activity shows the query');
	$output .= $activity;
	$plain->query("SELECT pg_log_backend_memory_contexts($pid)");
	$output .= $session->receive;
	$output .= run('SELECT * FROM pg_backend_memory_contexts');
	$sim->reset;
	return;
}

# Plans in every format, of every kind of query
sub check_explain
{
	my @queries = (
		"SELECT * FROM voicy.calls WHERE status = 'completed' AND started_at > now() - interval '1 day'",
		q(SELECT count(*) FROM acme.calls WHERE status IN ('completed', 'no_answer')),
		'SELECT t.call_id FROM tryvox.calls t JOIN ringyo.calls r ON r.to_number = t.to_number',
		q(SELECT call_id FROM own.signed LIMIT 1),
		q(SELECT max(started_at) FROM solomobile.calls));

	foreach my $format (qw(TEXT XML JSON YAML))
	{
		foreach my $sql (@queries)
		{
			foreach my $how ('', ', ANALYZE', ', ANALYZE, BUFFERS, SETTINGS, WAL')
			{
				like(run("EXPLAIN (VERBOSE, FORMAT $format$how) $sql"), qr/Foreign.Scan/, "EXPLAIN (FORMAT $format$how)");
			}
		}
	}
	return;
}

# A redirect that quotes the key, to here and to elsewhere
sub check_redirects
{
	foreach my $location ("/v1/calls?key=$api_key{ringyo}&tenant=$tenant", "https://$tenant.example/$api_key{ringyo}", "\t$tenant $api_key{ringyo}")
	{
		my $server = FakeServer->new(
			sub {
				print { $_[0] } "HTTP/1.1 307 $tenant\r\nLocation: $location\r\nX-$tenant: $api_key{ringyo}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
			});

		$node->safe_psql('postgres', "ALTER SERVER nowhere OPTIONS (SET base_url '@{[ $server->url ]}')");
		fails('SELECT count(call_id) FROM own.nowhere', 'HV000', 'a redirect that quotes the key', qr/redirected the request/);
		$server->stop;
	}
	return;
}

# pg_stat_statements and our own figures, after all that ran so far
sub check_statistics
{
	like(run('SELECT * FROM calls_fdw_stats()'), qr/^voicy\|/m, 'calls_fdw_stats() has the servers');
	$sim->fault('ringyo', 'status', code => 401, message => $echo{ringyo});
	like(run("SELECT * FROM calls_fdw_check('ringyo')"), qr/^f\|401\|.*\*\*\*\*/m, 'calls_fdw_check() of a key that is refused');
	$sim->reset;
  SKIP:
	{
		skip 'pg_stat_statements is not installed', 1 if !$statistics;
		$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
		my $text = $plain->query(q(SELECT s FROM pg_stat_statements AS s WHERE query !~* 'user mapping'));
		like($text, qr/SELECT count\(call_id\) FROM voicy\.calls/, 'pg_stat_statements has the queries');
		$output .= $text;
	}
	return;
}

# Hosts that are not allowed, and what is wrong with an address
sub check_refusals
{
	$session->query("SET calls_fdw.allowed_hosts = 'api.example'");
	fails('SELECT count(call_id) FROM voicy.calls', '42501', 'a host that is not allowed', qr/not allowed/);
	$session->query('RESET calls_fdw.allowed_hosts');
	foreach my $url ("https://user:$tenant\@host.example", "ftp://$tenant", "https://host.example/?key=$tenant", "https://host.example/$tenant x",
		"https://host.example:$tenant/", $tenant)
	{
		my $quiet = Session->new($node, settings => '-c log_min_error_statement=panic -c log_min_messages=error');
		$output .= $quiet->query("ALTER SERVER nowhere OPTIONS (SET base_url '$url')") . "\n";
		is($quiet->sqlstate, 'HV024', 'a bad base_url is refused');
		$quiet->close;
	}
	return;
}

# A proxy's password has no place in an option, and is not repeated.
sub check_bad_proxies
{
	my $quiet = Session->new($node, settings => '-c log_min_error_statement=panic -c log_min_messages=error');

	foreach my $proxy ("http://user:$tenant\@proxy.example:3128", "http://$tenant\@proxy.example", "ftp://$tenant", "http://proxy.example:3128/$tenant",
		"socks5://$tenant:$tenant\@127.0.0.1", "http://proxy.example:$tenant")
	{
		$output .= $quiet->query("ALTER SERVER nowhere OPTIONS (ADD proxy '$proxy')") . "\n";
		is($quiet->sqlstate, 'HV024', 'a bad proxy is refused');
	}
	$quiet->close;
	return;
}

# Values that are refused when the mapping is made, in a session whose
# statements are not logged
sub check_bad_mappings
{
	my $quiet = Session->new($node, settings => '-c log_min_error_statement=panic -c log_min_messages=error');
	my $text = '';
	my $refused = 0;

	foreach my $options (
		qq(api_key E'$tenant\\n$tenant'),
		qq(api_key '$tenant '),
		qq(api_key '$tenant\x{c3}\x{a9}'),
		qq(api_key 'x', headers '$tenant'),
		qq(api_key 'x', headers '{"X-Tenant-ID": ["$tenant"]}'),
		qq(api_key 'x', headers '{"X-Tenant-ID": "$tenant\\n"}'),
		qq(api_key 'x', headers '{"Host": "$tenant"}'),
		qq(api_key 'x', headers '{"X-Tenant-ID": "$tenant", }'))
	{
		$text .= $quiet->query("CREATE USER MAPPING FOR PUBLIC SERVER voicy OPTIONS ($options)") . "\n";
		$refused++ if ($quiet->sqlstate // '') eq 'HV024';
	}
	is($refused, 8, 'bad mappings are refused') or diag($text);
	$output .= $text;
	return;
}

sub check_secrets
{
	my $log = slurp_file($node->logfile);

	like($output, qr/DEBUG:/, 'the client has debug messages');
	like($log, qr/DEBUG:.*\n(?s:.*)LOG:.*plan:/, 'so has the log, and plans');
	foreach my $place ([ 'to the client', $output ], [ 'in the log', $log ])
	{
		my ($where, $text) = @$place;
		foreach my $name (sort keys %secret)
		{
			my @lines = grep { /$secret{$name}/ } split /\n/, $text;
			is(scalar @lines, 0, "$where: no $name") or diag(join "\n", @lines[ 0 .. ($#lines > 4 ? 4 : $#lines) ]);
		}
	}
	return;
}

sub check_environment
{
	my @hits = $proxy->hits;

	$plain->query("CREATE TEMP TABLE environment (line text); COPY environment FROM PROGRAM 'env | grep -i _proxy'");
	is($plain->query('SELECT count(*) FROM environment'), '8', "the server's environment names proxies");
	is(scalar @hits, 0, 'no request went there') or diag(@hits);
	$sim->clear;
	run('SELECT count(call_id) FROM whippy.calls');
	my ($request) = $sim->log('whippy');
	ok(!exists $request->{headers}{authorization}, '.netrc gives no password') or diag(explain($request->{headers}));
	ok(!exists $request->{headers}{'proxy-authorization'}, 'nor one for a proxy');

	run('SELECT count(call_id) FROM own.proxied');
	@hits = $proxy->hits;
	is(scalar @hits, 1, 'the option proxy does name one');
	unlike("@hits", qr/mallory|netrc|@{[ encode_base64('mallory', '') =~ s{=*$}{}r ]}/, 'which gets no password from .netrc');
	return;
}
