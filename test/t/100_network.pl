# Where requests may go: public addresses only for servers that no superuser
# owns, and for all servers what calls_fdw.allowed_hosts says; always judged by
# the address that is connected to.
use strict;
use warnings;

use CallsTest;
use Certificates;
use FakeServer;
use IO::Socket::INET;
use NetworkShim;
use POSIX ();
use PostgreSQL::Test::Utils qw(slurp_file);
use Session;
use Test::More;

my $network = NetworkShim->new;
my $sim = start_simulator(calls => 250);
my $port = $sim->port;
my $node;
my $servers = 0;
my $not_allowed = qr/connections to the host of server "\w+" are not allowed/;
my $not_public = qr/$not_allowed\n(?s:.*)DETAIL:  The host has no public address, and the server's owner is not a superuser\.\n/;
my $not_listed = qr/$not_allowed\n(?s:.*)DETAIL:  Neither the host nor its address is in "calls_fdw.allowed_hosts"\.\n/;

{
	local $ENV{LD_PRELOAD} = $network->library;
	$node = start_node('main', sim => $sim);
}
$node->safe_psql('postgres', q(
	CREATE ROLE joe LOGIN;
	GRANT USAGE ON FOREIGN DATA WRAPPER calls_fdw TO joe;
	GRANT CREATE ON DATABASE postgres TO joe;));

check_addresses();
check_loopback();
check_owners();
check_names();
check_kept_connections();
check_setting();
check_bad_start();
check_proxy();
check_tls_version();
done_testing();

# A further server of this owner, with all that belongs to it; returns the name
# of its table.
sub make_table
{
	my ($owner, $url, %options) = @_;
	my $name = 's' . ++$servers;

	$node->safe_psql('postgres', "SET ROLE $owner;\n"
		  . server_sql($name, 'ringyo', $api_key{ringyo}, base_url => $url, max_retries => 0, %options));
	return "$name.calls";
}

# SQL that counts the calls of a table as a role, with this list of hosts
sub counting
{
	my ($table, $role, $hosts) = @_;

	return (defined $hosts ? "SET calls_fdw.allowed_hosts = '$hosts'; " : '') . "SET ROLE $role; SELECT count(call_id) FROM $table";
}

# Refused, without a packet sent
sub refused
{
	my ($sql, $pattern, $name) = @_;

	sql_fails($node, $sql, '42501', $pattern, "$name: refused");
	is(join(' ', $network->attempts), '', "$name: no connection");
	return;
}

# Allowed: the connection to these addresses is tried, in vain.
sub tried
{
	my ($sql, $addresses, $name) = @_;

	sql_fails($node, $sql, 'HV00N', qr/could not connect to server/, "$name: no network");
	is(join(' ', $network->attempts), $addresses, "$name: but it was tried");
	return;
}

# Ranges that are not public, and what lies beside them
sub check_addresses
{
	my $table = make_table('joe', 'https://target.test');
	my $trusted = make_table('postgres', 'https://target.test');
	my @private = qw(
	  0.0.0.1 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254
	  169.254.0.1 169.254.169.254 169.254.255.255 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.0.1
	  192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
	  168.63.129.16 100.100.100.200
	  ::1 :: ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::10.0.0.1 ::ffff:0:10.0.0.1 64:ff9b::10.0.0.1
	  64:ff9b::169.254.169.254 64:ff9b:1::1 2002:a00:1::1 2002:a9fe:a9fe:: 2001:0:1:: 2001:db8::1 fc00::1 fd00:ec2::254
	  fdff:ffff::1 fe80::1 fec0::1 ff02::1 3fff::1 100::1 4000::1);
	my @public = qw(
	  1.0.0.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0
	  172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
	  2606:4700::1111 2001:4860:4860::8888 64:ff9b::808:808 2002:808:808::1);

	foreach my $address (@private)
	{
		$network->names('target.test' => $address);
		refused(counting($table, 'joe'), $not_public, $address);
	}
	foreach my $address (@public)
	{
		$network->names('target.test' => $address);
		tried(counting($table, 'joe'), $address, $address);
	}
	foreach my $address (qw(10.0.0.1 169.254.169.254 fd00::1))
	{
		$network->names('target.test' => $address);
		tried(counting($trusted, 'postgres'), $address, "$address, a superuser's server");
	}

	# one good address among bad ones is all that is tried
	$network->names('target.test' => [ '10.0.0.1', '8.8.8.8', '169.254.169.254' ]);
	tried(counting($table, 'joe'), '8.8.8.8', 'several addresses');

	# as written in the URL
	refused(counting(make_table('joe', "https://$_"), 'joe'), $not_public, "https://$_")
	  foreach '169.254.169.254', '[::ffff:169.254.169.254]', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518', '[fd00:ec2::254]', '%31%30.0.0.1';
	return;
}

# The simulator, which runs here
sub check_loopback
{
	foreach my $host ('127.0.0.1', 'localhost', '2130706433', '127.1')
	{
		my $table = make_table('joe', "http://$host:$port");

		$sim->clear;
		refused(counting($table, 'joe'), $not_public, "http://$host");
		is($sim->requests('ringyo'), 0, "http://$host: no request");
		is($node->safe_psql('postgres', counting($table, 'joe', '127.0.0.0/8')), '250', "http://$host: with its range in the list");
		is($node->safe_psql('postgres', counting($table, 'joe', '::1, example.com , 127.0.0.1')), '250', "http://$host: with its address in the list");
	}

	my $table = make_table('joe', "http://localhost:$port");
	is($node->safe_psql('postgres', counting($table, 'joe', 'LOCALHOST.')), '250', 'with its name in the list');
	refused(counting($table, 'joe', 'localhost.test,127.0.0.2'), $not_listed, 'other names');

	# the check of a server is under the same rule
	my $check = "SELECT ok, message IS NOT NULL, detail, http_status FROM calls_fdw_check('s$servers')";
	$sim->clear;
	is($node->safe_psql('postgres', "SET ROLE joe; $check"), "f|t|The host has no public address, and the server's owner is not a superuser.|",
		'calls_fdw_check: refused');
	is($sim->requests('ringyo'), 0, 'calls_fdw_check: no request');
	is($node->safe_psql('postgres', "SET calls_fdw.allowed_hosts = 'localhost'; SET ROLE joe; $check"), 't|f||200', 'calls_fdw_check: with the name in the list');

	# who asks is told no address, who runs the server is
	my $offset = -s $node->logfile;
	my $error = sql_error($node, counting($table, 'joe'));
	unlike($error->{text}, qr/127\.0\.0\.1|::1/, 'the message has no address');
	like($error->{hint}, qr/"calls_fdw.allowed_hosts"/, 'but a hint');
	like(slurp_file($node->logfile, $offset), qr/not a superuser\. The address is (127\.0\.0\.1|::1)\./, 'the log has the address');
	return;
}

# It is the owner that counts, not who asks, and as it is now.
sub check_owners
{
	my $table = make_table('postgres', "http://127.0.0.1:$port");
	my ($server) = $table =~ /(\w+)/;
	my $session = Session->new($node);

	$node->safe_psql('postgres', "
		GRANT USAGE ON FOREIGN SERVER $server TO joe; GRANT USAGE ON SCHEMA $server TO joe; GRANT SELECT ON $table TO joe;
		CREATE USER MAPPING FOR joe SERVER $server OPTIONS (api_key 'ringyo_test')");
	is($node->safe_psql('postgres', counting($table, 'joe')), '250', q(joe reads from a superuser's server));

	$session->query('SET ROLE joe');
	is($session->query("SELECT count(call_id) FROM $table"), '250', 'in a session');
	$node->safe_psql('postgres', "ALTER SERVER $server OWNER TO joe");
	$session->query("SELECT count(call_id) FROM $table");
	is($session->sqlstate, '42501', 'which has the server refused once it is his, though the connection is there');
	$node->safe_psql('postgres', 'ALTER ROLE joe SUPERUSER');
	is($session->query("SELECT count(call_id) FROM $table"), '250', 'and works again once he is a superuser');
	$node->safe_psql('postgres', 'ALTER ROLE joe NOSUPERUSER');
	$session->query("SELECT count(call_id) FROM $table");
	is($session->sqlstate, '42501', 'and not after that');
	$session->close;
	sql_fails($node, counting($table, 'postgres'), '42501', $not_public, q(a superuser reads from joe's server: refused));
	return;
}

# Names in the list
sub check_names
{
	my $table = make_table('joe', 'https://target.test');
	my $trusted = make_table('postgres', 'https://target.test');

	$network->names('target.test' => '10.0.0.1');
	tried(counting($table, 'joe', 'target.test'), '10.0.0.1', 'a listed name, a private address');
	refused(counting($table, 'joe', 'arget.test, target.tes, a.target.test, test'), $not_listed, 'names like it');
	refused(counting($trusted, 'postgres', 'other.test,10.0.0.2,10.0.1.0/24'), $not_listed, q(a superuser's server, not in the list));
	tried(counting($trusted, 'postgres', '10.0.0.0/24'), '10.0.0.1', q(a superuser's server, in the list));
	tried(counting($trusted, 'postgres', ' '), '10.0.0.1', q(a superuser's server, an empty list));

	$network->names('target.test' => '8.8.8.8');
	refused(counting($table, 'joe', '8.8.12.0/22'), $not_listed, 'a public address, not in the list');
	tried(counting($table, 'joe', '8.8.8.0/22'), '8.8.8.8', 'a public address in the list');

	# a name is no word for a metadata service, whatever its owner lets it mean
	foreach my $address (qw(169.254.169.254 fd00:ec2::254 fd00:ec2::23 fe80::1))
	{
		$network->names('target.test' => $address);
		refused(counting($table, 'joe', 'target.test'), $not_public, "a listed name, $address");
		tried(counting($table, 'joe', $address), $address, "$address itself in the list");
	}
	$network->names('target.test' => '64:ff9b::8.8.8.8');
	tried(counting($table, 'joe', '8.8.8.8'), '64:ff9b::808:808', 'an address behind NAT64 in the list');
	$network->names('target.test' => '::ffff:10.0.0.9');
	tried(counting($table, 'joe', '10.0.0.8/31'), '::ffff:10.0.0.9', 'a mapped address in the list');
	$network->names('target.test' => 'fd12:3456::9');
	refused(counting($table, 'joe', 'fd12:3457::/32, 0.0.0.0/0'), $not_listed, 'an IPv6 address, not in the list');
	tried(counting($table, 'joe', 'fd12:3456::/32'), 'fd12:3456::9', 'an IPv6 range in the list');
	return;
}

# A list that changes while connections are kept, or used
sub check_kept_connections
{
	my $table = make_table('joe', "http://127.0.0.1:$port", page_size => 10);
	my $session = Session->new($node);
	my $accepted = $sim->stats->{accepted};

	$node->safe_psql('postgres', "CREATE USER MAPPING FOR postgres SERVER s$servers OPTIONS (api_key 'ringyo_test')");
	$session->query("SET calls_fdw.allowed_hosts = '127.0.0.0/8'");
	is($session->query("SELECT count(call_id) FROM $table"), '250', 'allowed');
	cmp_ok($sim->stats->{accepted} - $accepted, '>', 0, 'over connections of its own');
	$sim->clear;
	$session->query("SET calls_fdw.allowed_hosts = 'example.com'");
	$session->query("SELECT count(call_id) FROM $table");
	is($session->sqlstate, '42501', 'no longer allowed');
	is($sim->requests('ringyo'), 0, 'and not asked over the connection that is there');
	$session->query('RESET calls_fdw.allowed_hosts');
	$session->query("SELECT count(call_id) FROM $table");
	is($session->sqlstate, '42501', 'nor after a reset');
	is($sim->requests('ringyo'), 0, 'likewise');

	$session->query("SET calls_fdw.allowed_hosts = '127.0.0.1'");
	$session->query("BEGIN; DECLARE c CURSOR FOR SELECT call_id FROM $table; FETCH 1 FROM c");
	is($session->sqlstate, '00000', 'a cursor starts');
	$session->query('SET LOCAL calls_fdw.allowed_hosts = example');
	$session->query('FETCH ALL FROM c');
	is($session->sqlstate, '42501', 'and does not go on where it is forbidden meanwhile');
	$session->query('ROLLBACK');
	is($session->query("SELECT count(call_id) FROM $table"), '250', 'rolled back: allowed');
	$session->close;
	return;
}

sub check_setting
{
	my $table = make_table('joe', "http://127.0.0.1:$port");
	my $text;

	foreach my $bad (
		'10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8x', '10.0.0.1/8', '10.0.0', '300.1.1.1', '1.2.3.4.5', 'fe80::/129', 'fe80::1/64', '::ffff:10.0.0.0/104',
		':::', 'fe80::1%eth0', '[::1]', 'a,,b', ',', 'a b', 'exa_mple..com', '-a.example', '*.example.com', 'http://example.com', 'example.com:443',
		'user@example.com', 'x' x 64 . '.example', "ex\xc3\xa4mple.com")
	{
		sql_fails($node, "LOAD 'calls_fdw'; SET calls_fdw.allowed_hosts = '$bad'", '22023', qr/HINT:  It is a list of host names/, "bad list: $bad");
	}
	is($node->safe_psql('postgres', "LOAD 'calls_fdw'; SET calls_fdw.allowed_hosts = '$_'; SHOW calls_fdw.allowed_hosts"), $_, "good list: $_")
	  foreach '', '10.0.0.0/8', '0.0.0.0/0, ::/0', 'fe80::/10', '::ffff:10.0.0.1', 'api.example.com, xn--exmple-cua.com,a_b', 'localhost';

	sql_fails($node, "LOAD 'calls_fdw'; SET ROLE joe; SET calls_fdw.allowed_hosts = '127.0.0.0/8'", '42501', qr/permission denied to set parameter/,
		'only superusers change it');
	$text = sql_error($node, "SET SESSION AUTHORIZATION joe; SET calls_fdw.allowed_hosts = '0.0.0.0/0'; SELECT count(call_id) FROM $table")->{text};
	like($text, qr/WARNING:.*permission denied to set parameter "calls_fdw.allowed_hosts"/, 'not even before the library is loaded');
	like($text, qr/ERROR:  42501: $not_allowed/, 'and it has no effect');
	$node->safe_psql('postgres', "ALTER ROLE joe SET calls_fdw.allowed_hosts = '127.0.0.1'");
	is($node->safe_psql('postgres', "SELECT count(call_id) FROM $table", extra_params => [ '-U', 'joe' ]), '250', 'for one role: allowed');
	$node->safe_psql('postgres', 'ALTER ROLE joe RESET calls_fdw.allowed_hosts');
	return;
}

# A list in the configuration that is bad when the library is loaded: the
# server starts, nothing is allowed.
sub check_bad_start
{
	my $table = make_table('postgres', "http://127.0.0.1:$port");

	is($node->safe_psql('postgres', "SELECT count(call_id) FROM $table"), '250', 'without a list');
	$node->append_conf('postgresql.conf', "calls_fdw.allowed_hosts = '127.0.0.1, 10.0.0.0/99'");
	$node->reload;
	my $text = sql_error($node, "SELECT count(call_id) FROM $table")->{text};
	like($text, qr/WARNING:.*invalid value for parameter "calls_fdw.allowed_hosts"/, 'a bad list in the configuration: a warning');
	like($text, qr/ERROR:  42501: $not_listed/, 'and nothing is allowed');
	is($node->safe_psql('postgres', "LOAD 'calls_fdw'; SET calls_fdw.allowed_hosts = '127.0.0.1'; SELECT count(call_id) FROM $table"), '250', 'until it has a good one');
	$node->append_conf('postgresql.conf', "calls_fdw.allowed_hosts = '127.0.0.1'");
	$node->reload;
	is($node->safe_psql('postgres', "SELECT count(call_id) FROM $table"), '250', 'a good list in the configuration');
	$node->append_conf('postgresql.conf', "calls_fdw.allowed_hosts = ''");
	$node->reload;
	check_bad_start_of_session($table);
	return;
}

# A good value lasts no longer than it is set for.
sub check_bad_start_of_session
{
	my ($table) = @_;
	my $count = "SELECT count(call_id) FROM $table";

	$node->safe_psql('postgres', "ALTER DATABASE postgres SET calls_fdw.allowed_hosts = '10.0.0.0/99'");
	my $session = Session->new($node);
	$session->query($count);
	is($session->sqlstate, '42501', 'a bad list of the database: nothing is allowed');
	$session->query("BEGIN; SET LOCAL calls_fdw.allowed_hosts = 'example.com'; ROLLBACK");
	$session->query($count);
	is($session->sqlstate, '42501', 'nor when another one is rolled back');
	is($session->query("BEGIN; SET LOCAL calls_fdw.allowed_hosts = '127.0.0.1'; $count"), '250', 'a good one in a transaction');
	$session->query("COMMIT; $count");
	is($session->sqlstate, '42501', 'ends with it');
	$session->query("SET calls_fdw.allowed_hosts = '127.0.0.1'; RESET calls_fdw.allowed_hosts; $count");
	is($session->sqlstate, '42501', 'nothing is allowed after a reset');
	is($session->query("SET calls_fdw.allowed_hosts = ''; $count"), '250', 'all hosts are where that is what is set');
	$session->close;
	$session = Session->new($node);
	like($session->query("BEGIN; SET LOCAL calls_fdw.allowed_hosts = '127.0.0.1'; $count"), qr/^250$/m, 'a good one before the library is loaded');
	$session->query("COMMIT; $count");
	is($session->sqlstate, '42501', 'ends too');
	$session->close;
	$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET calls_fdw.allowed_hosts');
	return;
}

# Behind a proxy, the proxy's address is known, and of the provider the name.
sub check_proxy
{
	my $proxy = FakeServer->new;
	my $before = 0;
	my $through = sub {
		my ($url, $hosts) = @_;
		my $table = make_table('joe', $url);

		$node->safe_psql('postgres', "ALTER SERVER s$servers OPTIONS (ADD proxy '@{[ $proxy->url ]}')");
		my $error = sql_error($node, counting($table, 'joe', $hosts));
		my @hits = $proxy->hits;
		my $hit = @hits > $before ? $hits[-1] =~ s/\A(\S+ \S+).*/$1/sr : 'no hit';
		$before = @hits;
		return [ $error->{sqlstate}, $hit ];
	};

	is_deeply($through->('https://api.test'), [ 'HV00N', 'CONNECT api.test:443' ], 'a name: asked of the proxy');
	is_deeply($through->("http://127.0.0.1:$port"), [ '42501', 'no hit' ], 'a private address: not asked');
	is_deeply($through->('https://169.254.169.254'), [ '42501', 'no hit' ], 'the metadata service: not asked');
	is_deeply($through->("http://localhost:$port"), [ '42501', 'no hit' ], 'localhost: not asked');
	is_deeply($through->('https://api.test', 'api.test'), [ '42501', 'no hit' ], 'a list without the proxy');
	is_deeply($through->('https://api.test', '127.0.0.1'), [ '42501', 'no hit' ], 'a list without the host');
	is_deeply($through->('https://api.test', '127.0.0.1, api.test'), [ 'HV00N', 'CONNECT api.test:443' ], 'a list with both');
	is_deeply($through->('https://10.1.2.3', '127.0.0.1, 10.1.0.0/16'), [ 'HV00N', 'CONNECT 10.1.2.3:443' ], 'a listed address');
	is(join(' ', $network->attempts), '', 'no connection but to the proxy');
	return;
}

# TLS 1.1 is not spoken, even where the system would allow it.
sub check_tls_version
{
  SKIP:
	{
		skip 'openssl is not installed', 1 if !has_openssl();
		my $dir = PostgreSQL::Test::Utils::tempdir('tls');
		my $config = "$dir/openssl.cnf";

		open my $fh, '>', $config or die "$config: $!";
		print $fh "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1\nCipherString = ALL:\@SECLEVEL=0\n"
		  . "[req]\ndistinguished_name = d\n[d]\n";
		close $fh;
		local $ENV{OPENSSL_CONF} = $config;
		PostgreSQL::Test::Utils::run_log([ 'openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 2, '-subj', '/CN=localhost',
			'-addext', 'subjectAltName=DNS:localhost', '-keyout', "$dir/key.pem", '-out', "$dir/cert.pem" ]) or die 'openssl req';
		$node->restart;

		foreach my $version (qw(tls1_1 tls1_2))
		{
			my ($pid, $tls_port) = start_openssl($version, $dir);
			my $table = make_table('postgres', "https://localhost:$tls_port", ca_file => "$dir/cert.pem");

			like(`curl -sS --noproxy '*' --tlsv1.0 --cacert '$dir/cert.pem' 'https://localhost:$tls_port/' 2>&1`, qr/html/i, "$version: a server that curl talks to");
			sql_fails($node, "SELECT count(call_id) FROM $table",
				$version eq 'tls1_1' ? ('HV00N', qr/could not connect(?s:.*)DETAIL:  .*(SSL|TLS)/, "$version: refused")
				: ('HV000', qr/a web page instead of JSON/, "$version: spoken"));
			kill 'TERM', $pid;
			local $?;
			waitpid $pid, 0;
		}
	}
	return;
}

# openssl's own server, once it listens: its process and port
sub start_openssl
{
	my ($version, $dir) = @_;
	my $free = PostgreSQL::Test::Cluster::get_free_port();
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$dir/$version.log";
		open STDERR, '>&', \*STDOUT;
		exec 'setpriv', '--pdeathsig', 'TERM', 'openssl', 's_server', "-$version", '-cipher', 'ALL:@SECLEVEL=0', '-www', '-quiet',
		  '-accept', "127.0.0.1:$free", '-cert', "$dir/cert.pem", '-key', "$dir/key.pem"
		  or POSIX::_exit(127);
	}
	for (1 .. 100)
	{
		last if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $free);
		select undef, undef, undef, 0.05;
	}
	return ($pid, $free);
}
