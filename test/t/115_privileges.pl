# Whose user mapping is used, who sees it, that connections are not shared
# between users, and that open sessions follow changes of options.
use strict;
use warnings;

use CallsTest;
use Session;
use Test::More;

my $sim = start_simulator(calls => 250);
my $other = start_simulator(calls => 120);
my $node = start_node('main', sim => $sim);
my $url = $sim->url;
my $count = 'SELECT count(call_id) FROM team.calls';

# The header X-User tells the simulator whose mapping it was.
$node->safe_psql('postgres', qq(
	CREATE ROLE owner; CREATE ROLE alice; CREATE ROLE bob; CREATE ROLE carol; CREATE ROLE dave; CREATE ROLE eve;
	CREATE SERVER team FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url '$url');
	GRANT USAGE ON FOREIGN SERVER team TO PUBLIC;
	CREATE SCHEMA team; GRANT ALL ON SCHEMA team TO PUBLIC;
	IMPORT FOREIGN SCHEMA ringyo FROM SERVER team INTO team;
	ALTER FOREIGN TABLE team.calls OWNER TO owner;
	GRANT SELECT ON team.calls TO PUBLIC;)
	  . join('', map { mapping($_) } qw(owner alice bob carol)));

check_setting_up();
check_views();
check_functions_and_plans();
check_visibility();
check_connections();
check_many_servers();
check_option_changes();
check_provider_change();
done_testing();

sub mapping
{
	my ($user, $server) = @_;
	$server ||= 'team';
	return qq(CREATE USER MAPPING FOR $user SERVER $server OPTIONS (api_key 'ringyo_test', headers '{"X-User": "$user"}');\n);
}

# The users that the simulator saw since it was asked last, each once
sub users_seen
{
	my %seen = map { ($_->{headers}{'x-user'} // 'nobody') => 1 } $sim->log('ringyo');
	$sim->clear;
	return join ' ', sort keys %seen;
}

# The value of a query in a new session, and whose mapping it used
sub value_and_users
{
	my ($sql) = @_;
	my $value = eval { $node->safe_psql('postgres', $sql) } // (sql_error($node, $sql) || {})->{sqlstate};
	return "$value by " . users_seen();
}

# What roles need that are no superusers: USAGE on the wrapper to create servers,
# on a server to have a mapping and tables.
sub check_setting_up
{
	my $create = qq(CREATE SERVER eves FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url '$url'));
	my $read = "SET calls_fdw.allowed_hosts = '127.0.0.1'; SET ROLE %s; SELECT count(call_id) FROM team.%1\$s";
	my $stderr;

	$node->safe_psql('postgres', 'CREATE DATABASE eves OWNER eve');
	$node->psql('eves', 'SET ROLE eve; CREATE EXTENSION calls_fdw', stderr => \$stderr);
	like($stderr, qr/permission denied to create extension "calls_fdw"/, 'only superusers create the extension');
	$node->safe_psql('postgres', 'DROP DATABASE eves');

	sql_fails($node, "SET ROLE eve; $create", '42501', qr/permission denied for foreign-data wrapper calls_fdw/, 'nor are servers for all to create');
	$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN DATA WRAPPER calls_fdw TO eve');
	$node->safe_psql('postgres', "SET ROLE eve; $create; " . mapping('eve', 'eves') . 'CREATE FOREIGN TABLE team.eve (call_id text) SERVER eves');
	is(value_and_users(sprintf $read, 'eve'), '250 by eve', '... but for those who may use the wrapper');

	my $have = 'SET ROLE dave; ' . mapping('dave', 'eves') . 'CREATE FOREIGN TABLE team.dave (call_id text) SERVER eves';
	sql_fails($node, $have, '42501', qr/permission denied for foreign server eves/, 'a server is not for all to use');
	$node->safe_psql('postgres', 'SET ROLE eve; GRANT USAGE ON FOREIGN SERVER eves TO dave');
	$node->safe_psql('postgres', $have);
	is(value_and_users(sprintf $read, 'dave'), '250 by dave', '... but for those who may use it');

	$node->safe_psql('postgres', 'DROP SERVER eves CASCADE; REVOKE USAGE ON FOREIGN DATA WRAPPER calls_fdw FROM eve');
	return;
}

sub check_views
{
	$node->safe_psql('postgres', q(
		SET ROLE alice;
		CREATE VIEW team.alices AS SELECT * FROM team.calls;
		CREATE VIEW team.invokers WITH (security_invoker) AS SELECT * FROM team.calls;
		GRANT SELECT ON team.alices, team.invokers TO PUBLIC;
		SET ROLE carol;
		CREATE VIEW team.carols AS SELECT a.* FROM team.alices a;
		CREATE VIEW team.both AS SELECT a.call_id, c.status FROM team.alices a JOIN team.calls c USING (call_id);
		GRANT SELECT ON team.carols, team.both TO PUBLIC;));

	is(value_and_users("SET ROLE bob; $count"), '250 by bob', 'a table: who asks');
	is(value_and_users("SET ROLE dave; $count"), '42704 by ', 'who has no mapping gets nothing');
	is(value_and_users("$count"), '42704 by ', 'nor does a superuser');
	is(value_and_users("SET ROLE $_; SELECT count(call_id) FROM team.alices"), '250 by alice', "a view, asked by $_: its owner") foreach qw(bob dave postgres);
	is(value_and_users('SET ROLE bob; SELECT count(call_id) FROM team.invokers'), '250 by bob', 'a view with security_invoker: who asks');
	is(value_and_users('SET ROLE dave; SELECT count(call_id) FROM team.invokers'), '42704 by ', 'who has no mapping gets nothing from it');
	is(value_and_users('SET ROLE dave; SELECT count(call_id) FROM team.carols'), '250 by alice', 'a view of a view: the owner of the inner one');
	is(value_and_users('SET ROLE dave; SELECT count(status) FROM team.both'), '250 by alice carol', 'a view of a view and a table: both owners');
	is(value_and_users('SET ROLE bob; SELECT count(*) FROM team.calls JOIN team.alices USING (call_id)'), '250 by alice bob', 'a join of a table and a view: both');
	is(value_and_users("SET ROLE dave; SELECT count(*) FROM team.alices WHERE call_id IN (SELECT call_id FROM team.carols WHERE status = 'busy')") =~ s/^\d+ //r,
		'by alice', 'a sub-select: the owners of the views');

	$node->safe_psql('postgres', 'SET ROLE alice; CREATE MATERIALIZED VIEW team.kept AS SELECT call_id FROM team.calls WITH NO DATA');
	users_seen();
	is(value_and_users('REFRESH MATERIALIZED VIEW team.kept'), ' by alice', 'a materialized view: its owner');
	is(value_and_users('ANALYZE team.calls'), ' by owner', q(ANALYZE: the table's owner));
	return;
}

sub check_functions_and_plans
{
	my $session = Session->new($node);

	$node->safe_psql('postgres', q(
		SET ROLE alice;
		CREATE FUNCTION team.definer() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN RETURN (SELECT count(call_id) FROM team.calls); END$$;
		CREATE FUNCTION team.invoker() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT count(call_id) FROM team.calls); END$$;));
	is(value_and_users('SET ROLE dave; SELECT team.definer()'), '250 by alice', 'SECURITY DEFINER: its owner');
	is(value_and_users('SET ROLE bob; SELECT team.invoker()'), '250 by bob', 'another function: who asks');

	$session->query('SET plan_cache_mode = force_generic_plan');
	$session->query("PREPARE p AS $count");
	foreach my $user (qw(alice bob alice carol))
	{
		$session->query("SET ROLE $user");
		is($session->query('EXECUTE p') . ' by ' . users_seen(), "250 by $user", "a prepared statement as $user");
		is($session->query('SELECT team.invoker()') . ' by ' . users_seen(), "250 by $user", "a plan of a function as $user");
	}
	$session->query('SET ROLE dave');
	$session->query('EXECUTE p');
	is($session->sqlstate, '42704', 'a prepared statement as who has no mapping');

	$session->query('SET ROLE alice');
	$session->query('BEGIN; DECLARE c CURSOR FOR SELECT call_id FROM team.calls; FETCH 1 FROM c; SET LOCAL ROLE bob');
	$session->query('FETCH ALL FROM c');
	is(users_seen(), 'alice', 'a cursor stays with who opened it');
	$session->query('COMMIT');
	$session->close;
	return;
}

# Who sees the key?
sub check_visibility
{
	my %sees = (postgres => 'alice bob carol owner', alice => 'alice', bob => 'bob', dave => '', eve => '');

	$node->safe_psql('postgres', q(
		CREATE SERVER hers FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo');
		ALTER SERVER hers OWNER TO postgres;
		GRANT USAGE ON FOREIGN DATA WRAPPER calls_fdw TO eve;
		ALTER SERVER hers OWNER TO eve;
		GRANT USAGE ON FOREIGN SERVER hers TO alice;
		CREATE USER MAPPING FOR alice SERVER hers OPTIONS (api_key 'hidden_from_eve');
		CREATE USER MAPPING FOR PUBLIC SERVER hers OPTIONS (api_key 'for_all');));
	foreach my $user (sort keys %sees)
	{
		is($node->safe_psql('postgres', "SET ROLE $user; SELECT string_agg(usename, ' ' ORDER BY usename) FROM pg_user_mappings WHERE srvname = 'team' AND umoptions IS NOT NULL"),
			$sees{$user}, "$user sees the options of: " . ($sees{$user} || 'nobody'));
		is($node->safe_psql('postgres', "SET ROLE $user; SELECT string_agg(authorization_identifier, ' ' ORDER BY authorization_identifier) FROM information_schema.user_mapping_options
			WHERE foreign_server_name = 'team' AND option_name = 'api_key' AND option_value IS NOT NULL"), $sees{$user}, "$user, in the information schema");
	}
	is($node->safe_psql('postgres', "SET ROLE eve; SELECT string_agg(usename || ' ' || (umoptions IS NOT NULL), ', ' ORDER BY usename) FROM pg_user_mappings WHERE srvname = 'hers'"),
		'alice false, public true', q(a server's owner sees the options of PUBLIC alone));
	sql_fails($node, 'SET ROLE alice; SELECT * FROM pg_user_mapping', '42501', qr/permission denied/, 'the catalog itself is closed');
	sql_fails($node, "SET ROLE bob; ALTER USER MAPPING FOR alice SERVER team OPTIONS (SET api_key 'x')", '42501', qr/must be owner/, q(nobody changes another's));
	$node->safe_psql('postgres', 'REVOKE USAGE ON FOREIGN SERVER hers FROM alice');
	is($node->safe_psql('postgres', "SET ROLE alice; SELECT count(umoptions) FROM pg_user_mappings WHERE srvname = 'hers'"), '0', 'who lost USAGE sees nothing');
	sql_fails($node, "SET ROLE alice; CREATE USER MAPPING FOR alice SERVER hers OPTIONS (api_key 'x')", '42501', qr/permission denied/, 'and makes no mapping');
	return;
}

# Connections of one session
sub check_connections
{
	my $session = Session->new($node);
	my $last = $sim->stats->{accepted};
	my $new = sub {
		my $now = $sim->stats->{accepted};
		my $difference = $now - $last;
		$last = $now;
		return $difference;
	};
	my @steps = (
		[ alice => $count, 1, 'the first user' ],
		[ alice => $count, 0, 'again' ],
		[ bob => $count, 1, 'another user has another connection' ],
		[ alice => $count, 0, 'the first one has its own still' ],
		[ bob => $count, 0, 'so has the other' ],
		[ bob => 'SELECT count(call_id) FROM team.alices', 0, q(a view uses its owner's) ],
		[ dave => 'SELECT count(call_id) FROM team.alices', 0, 'whoever asks' ],
		[ bob => 'SELECT count(*) FROM team.calls JOIN team.alices USING (call_id)', 0, 'two at once' ],
		[ dave => 'SELECT count(call_id) FROM team.open', 1, q(a mapping of PUBLIC) ],
		[ eve => 'SELECT count(call_id) FROM team.open', 1, 'is one for each user' ],
		[ dave => 'SELECT count(call_id) FROM team.open', 0, 'the first of them again' ],
		[ alice => 'SELECT count(call_id) FROM team.second', 1, 'another server' ],
		[ alice => $count, 0, 'and the first one' ]);

	$node->safe_psql('postgres', qq(
		CREATE SERVER open FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url '$url');
		CREATE USER MAPPING FOR PUBLIC SERVER open OPTIONS (api_key 'ringyo_test');
		CREATE FOREIGN TABLE team.open (call_id text) SERVER open;
		CREATE SERVER second FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url '$url');
		) . mapping('alice', 'second') . q(
		CREATE FOREIGN TABLE team.second (call_id text) SERVER second;
		GRANT SELECT ON team.open, team.second TO PUBLIC;));
	foreach my $step (@steps)
	{
		my ($user, $sql, $expected, $name) = @$step;
		$session->query("SET ROLE $user");
		is($session->query($sql), '250', "$name: all calls");
		is($new->(), $expected, "$name: " . ($expected ? 'a new connection' : 'no new connection'));
	}
	users_seen();
	$session->close;
	return;
}

# Connections are kept for a number of servers, not for any number of them.
sub check_many_servers
{
	my $session = Session->new($node);

	$node->safe_psql('postgres', join "\n", map { qq(
		CREATE SERVER many_$_ FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url '$url');
		CREATE USER MAPPING FOR postgres SERVER many_$_ OPTIONS (api_key 'ringyo_test');
		CREATE FOREIGN TABLE team.many_$_ (call_id text) SERVER many_$_;) } 1 .. 20);
	foreach my $round (1 .. 2)
	{
		is($session->query("SELECT count(*) FROM team.many_$_"), '250', "server $_ of twenty, round $round") foreach 1 .. 20;
		cmp_ok($sim->stats->{connections}, '<=', 16, 'connections that are kept');
	}
	is($session->query('SELECT ' . join ' + ', map { "(SELECT count(*) FROM team.many_$_)" } 1 .. 20), '5000', 'twenty servers at once');
	cmp_ok(scalar(grep { /socket/ } $session->descriptors), '<=', 20, 'and few descriptors');
	$session->close;
	users_seen();
	return;
}

# A session with plans made before the options changed, and what others change
sub check_option_changes
{
	my $session = Session->new($node);
	my $last_query = sub { my @log = $sim->log('ringyo'); $sim->clear; return $log[0]{query}; };
	my $sql = q(SELECT count(call_id) FROM team.calls WHERE status = $1);

	$session->query('SET plan_cache_mode = force_generic_plan; SET ROLE alice');
	$session->query("PREPARE p(text) AS $sql");
	my $rows = $session->query(q(EXECUTE p('completed')));
	cmp_ok($rows, '>', 10, 'a prepared statement');
	is($last_query->()->{limit}, '100', 'pages of the usual size');

	my $expect = sub {
		my ($change, $key, $value, $name) = @_;
		$node->safe_psql('postgres', $change);
		$sim->clear;
		is($session->query(q(EXECUTE p('completed'))), $rows, "$name: the same rows");
		is($last_query->()->{$key}, $value, $name);
	};
	$expect->("ALTER SERVER team OPTIONS (ADD page_size '50')", limit => '50', 'page_size of the server');
	$expect->("ALTER FOREIGN TABLE team.calls OPTIONS (ADD page_size '20')", limit => '20', 'page_size of the table');
	$expect->('ALTER FOREIGN TABLE team.calls OPTIONS (DROP page_size)', limit => '50', 'without it');
	$expect->("ALTER SERVER team OPTIONS (ADD pushdown 'none')", status => undef, 'pushdown');
	$expect->('ALTER SERVER team OPTIONS (DROP pushdown, DROP page_size)', status => 'completed', 'without it');

	my $fails = sub {
		my ($change, $sqlstate, $name) = @_;
		$node->safe_psql('postgres', $change);
		$session->query(q(EXECUTE p('completed')));
		is($session->sqlstate, $sqlstate, $name);
	};
	$fails->("ALTER USER MAPPING FOR alice SERVER team OPTIONS (SET api_key 'wrong')", '28000', 'a wrong key');
	$fails->("ALTER USER MAPPING FOR alice SERVER team OPTIONS (SET api_key 'ringyo_test')", '00000', 'the right key');
	users_seen();
	$fails->(q(ALTER USER MAPPING FOR alice SERVER team OPTIONS (SET headers '{"X-User": "alice2"}')), '00000', 'other headers');
	is(users_seen(), 'alice2', 'are sent');
	$fails->('DROP USER MAPPING FOR alice SERVER team', '42704', 'no mapping');
	$fails->(q(CREATE USER MAPPING FOR PUBLIC SERVER team OPTIONS (api_key 'ringyo_test', headers '{"X-User": "public"}')), '00000', 'a mapping of PUBLIC');
	is(users_seen(), 'public', 'is used');
	$fails->(mapping('alice'), '00000', 'one of her own');
	is(users_seen(), 'alice', 'beats it');
	$fails->("ALTER SERVER team OPTIONS (ADD trust_total 'false'); ALTER FOREIGN TABLE team.calls OPTIONS (ADD max_requests '1', ADD page_size '5')", '53400', 'max_requests');
	$fails->('ALTER FOREIGN TABLE team.calls OPTIONS (DROP max_requests, DROP page_size)', '00000', 'without it');

	$session->query('PREPARE q AS SELECT source, agent_id, count(*) FROM team.calls GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 1');
	like($session->query('EXECUTE q'), qr/^team\|/, 'source');
	$node->safe_psql('postgres', "ALTER SERVER team OPTIONS (ADD source 'elsewhere'); ALTER FOREIGN TABLE team.calls ALTER agent_id OPTIONS (ADD column_name 'provider')");
	like($session->query('EXECUTE q'), qr/^elsewhere\|ringyo\|/, 'source and column_name');
	$node->safe_psql('postgres', 'ALTER SERVER team OPTIONS (DROP source); ALTER FOREIGN TABLE team.calls ALTER agent_id OPTIONS (DROP column_name)');

	$sim->clear;
	$node->safe_psql('postgres', "ALTER SERVER team OPTIONS (SET base_url '@{[ $other->url ]}')");
	is($session->query($count), '120', 'base_url: other calls');
	is($sim->requests('ringyo'), 0, 'no request to the old address');
	$node->safe_psql('postgres', "ALTER SERVER team OPTIONS (SET base_url '$url')");
	is($session->query($count), '250', 'and back');
	$session->close;
	return;
}

# Even the provider may change under a plan.
sub check_provider_change
{
	my $session = Session->new($node);

	$node->safe_psql('postgres', qq(
		CREATE SERVER moves FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url '$url');
		CREATE USER MAPPING FOR postgres SERVER moves OPTIONS (api_key 'ringyo_test');
		CREATE FOREIGN TABLE team.moves (provider text, call_id text, status text, to_number text) SERVER moves;));
	$session->query('SET plan_cache_mode = force_generic_plan');
	$session->query(q(PREPARE p(text) AS SELECT provider, count(*) > 0 FROM team.moves WHERE status = $1 GROUP BY 1));
	is($session->query(q(EXECUTE p('completed'))), 'ringyo|t', 'one provider');
	$node->safe_psql('postgres', q(
		ALTER SERVER moves OPTIONS (SET provider 'voicy'); ALTER USER MAPPING FOR postgres SERVER moves OPTIONS (SET api_key 'voicy_sk_test')));
	is($session->query(q(EXECUTE p('completed'))), 'voicy|t', 'another one');
	$session->close;
	return;
}
