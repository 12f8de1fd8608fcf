# What a session may do with scans under way: subtransactions, cursors that
# outlive them or the transaction, objects dropped by others, scans inside
# scans. The rows are those of a local copy.
use strict;
use warnings;

use CallsTest;
use Session;
use Test::More;

my $calls = 300;

my $sim = start_simulator(calls => $calls);
my $node = start_node('main', sim => $sim);
create_servers($node, $sim, server => { page_size => 20 });
load_local($node, $sim);
my $other = Session->new($node);

check_savepoints();
check_subtransactions_in_loops();
check_hold();
check_drops_during_a_scan();
check_drops_between_executions();
check_nested_scans();
check_functions();
check_parallel_query();
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();

sub ids
{
	my ($table) = @_;
	return [ sort(query_rows($node, "SELECT call_id FROM $table")) ];
}

# A cursor goes on after errors in subtransactions; one that was opened in such
# a subtransaction is gone; one that failed in it stays failed.
sub check_savepoints
{
	foreach my $provider (@providers)
	{
		my $session = Session->new($node);
		my $fetch = sub { split /\n/, $session->query("FETCH $_[0] FROM $_[1]") };

		$session->query("BEGIN; DECLARE a CURSOR FOR SELECT call_id FROM $provider.calls");
		my @ids = $fetch->(7, 'a');
		$session->query("SAVEPOINT s; DECLARE b CURSOR FOR SELECT call_id FROM $provider.calls");
		$fetch->(25, 'b');
		push @ids, $fetch->(30, 'a');
		$session->query('SELECT 1 / 0');
		is($session->sqlstate, '22012', "$provider: an error after a savepoint");
		$session->query('ROLLBACK TO s');
		push @ids, $fetch->(50, 'a');
		$session->query('SAVEPOINT t');
		$session->query('FETCH 1 FROM b');
		is($session->sqlstate, '34000', "$provider: the cursor of the subtransaction is gone");
		$session->query("ROLLBACK TO t; DECLARE d CURSOR FOR SELECT call_id, 1 / (30 - row_number() OVER ()) FROM $provider.calls; SAVEPOINT u");
		$session->query('FETCH 100 FROM d');
		is($session->sqlstate, '22012', "$provider: an error in mid-scan");
		$session->query('ROLLBACK TO u');
		push @ids, $fetch->('ALL', 'a');
		is_deeply([ sort @ids ], ids("local.$provider"), "$provider: the cursor outside has every call once");
		$session->query('COMMIT');
		$session->close;
	}
	return;
}

# Errors caught in a loop that itself runs over a scan of the same table
sub check_subtransactions_in_loops
{
	foreach my $provider (@providers)
	{
		my $block = sub {
			my ($table) = @_;
			return qq(DO \$\$
				DECLARE
					r record;
					caught integer := 0;
					seen integer := 0;
				BEGIN
					FOR r IN SELECT call_id, row_number() OVER () AS n FROM $table LOOP
						seen := seen + 1;
						CONTINUE WHEN r.n % 30 <> 1;
						BEGIN
							PERFORM 1 / (45 - row_number() OVER ()) FROM $table;
						EXCEPTION WHEN division_by_zero THEN
							caught := caught + 1;
						END;
					END LOOP;
					RAISE EXCEPTION 'seen %, caught %', seen, caught;
				END \$\$);
		};
		my $remote = sql_error($node, $block->("$provider.calls"));
		my $local = sql_error($node, $block->("local.$provider"));
		is($remote->{message}, $local->{message}, "$provider: errors caught inside a loop over a scan: $local->{message}");
	}
	return;
}

# A cursor WITH HOLD is read to its end at COMMIT and stays.
sub check_hold
{
	foreach my $provider (@providers)
	{
		my $session = Session->new($node);

		$session->query("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT call_id FROM $provider.calls");
		my @ids = split /\n/, $session->query('FETCH 30 FROM c');
		is($session->query('COMMIT'), '', "$provider: COMMIT with a cursor WITH HOLD");
		$sim->clear;
		push @ids, split /\n/, $session->query('FETCH ALL FROM c');
		is($sim->requests($provider), 0, "$provider: no request after COMMIT");
		is_deeply([ sort @ids ], ids("local.$provider"), "$provider: a cursor WITH HOLD has every call once");
		$session->query('CLOSE c');
		$session->close;
	}

	# the read at COMMIT may fail: so does the transaction, and no more
	my $session = Session->new($node);
	$session->query('BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT call_id FROM ringyo.calls');
	$session->query('FETCH 5 FROM c');
	$sim->fault('ringyo', 'status', code => 400, count => -1);
	$session->query('COMMIT');
	is($session->sqlstate, 'HV000', 'an error of the provider at COMMIT');
	$sim->reset;
	$session->query('FETCH 1 FROM c');
	is($session->sqlstate, '34000', 'and there is no cursor');
	is($session->query('SELECT count(*) FROM ringyo.calls'), $calls, 'but a session that works');
	$session->close;
	return;
}

# What another session drops while a scan is under way
sub check_drops_during_a_scan
{
	my $session = Session->new($node);
	my @ids;

	temporary_server();
	$session->query('BEGIN; DECLARE c CURSOR FOR SELECT call_id FROM t.calls');
	push @ids, split /\n/, $session->query('FETCH 5 FROM c');
	$other->query("SET lock_timeout = '100ms'");
	foreach my $drop ('FOREIGN TABLE t.calls', 'SERVER t CASCADE', 'SCHEMA t CASCADE', 'EXTENSION calls_fdw CASCADE')
	{
		$other->query("DROP $drop");
		is($other->sqlstate, '55P03', "DROP $drop waits for the scan");
	}
	$other->query('RESET lock_timeout');
	is($other->query("ALTER SERVER t OPTIONS (SET page_size '3', ADD path '/nowhere', ADD max_retries '0')"), '', 'options change in mid-scan');
	is($other->query('DROP USER MAPPING FOR CURRENT_USER SERVER t'), '', 'the user mapping goes away in mid-scan');
	push @ids, split /\n/, $session->query('FETCH ALL FROM c');
	is_deeply([ sort @ids ], ids('local.ringyo'), 'the scan goes on as it began');
	$session->query('SAVEPOINT s; SELECT count(*) FROM t.calls');
	is($session->sqlstate, '42704', 'the next one misses the mapping');
	$session->query('ROLLBACK');
	$other->query('DROP SERVER t CASCADE; DROP SCHEMA t');
	$session->query('SELECT count(*) FROM t.calls');
	is($session->sqlstate, '42P01', 'then the table');
	$session->close;
	return;
}

sub check_drops_between_executions
{
	my $session = Session->new($node);
	my $path = 'ALTER SERVER t OPTIONS (%s)';

	temporary_server();
	foreach my $mode (qw(force_generic_plan force_custom_plan))
	{
		$session->query("SET plan_cache_mode = $mode; PREPARE p(text) AS SELECT count(*) FROM t.calls WHERE status = \$1");
		my $expected = $session->query("SELECT count(*) FROM local.ringyo WHERE status = 'completed'");
		my $execute = sub { $session->query("EXECUTE p('completed')") };

		is($execute->(), $expected, "$mode: before");
		$other->query('DROP USER MAPPING FOR CURRENT_USER SERVER t');
		$execute->();
		is($session->sqlstate, '42704', "$mode: without the user mapping");
		$other->query("CREATE USER MAPPING FOR CURRENT_USER SERVER t OPTIONS (api_key 'wrong')");
		$execute->();
		is($session->sqlstate, '28000', "$mode: with another one, whose key is wrong");
		$other->query("ALTER USER MAPPING FOR CURRENT_USER SERVER t OPTIONS (SET api_key 'ringyo_test')");
		is($execute->(), $expected, "$mode: with the right key");
		$other->query(q(ALTER SERVER t OPTIONS (ADD path '/nowhere')));
		$execute->();
		is($session->sqlstate, 'HV000', "$mode: another path");
		$other->query('ALTER SERVER t OPTIONS (DROP path)');
		is($execute->(), $expected, "$mode: the right one again");
		$other->query('DROP FOREIGN TABLE t.calls');
		$execute->();
		is($session->sqlstate, '42P01', "$mode: without the table");
		$other->query('IMPORT FOREIGN SCHEMA ringyo LIMIT TO (calls) FROM SERVER t INTO t');
		is($execute->(), $expected, "$mode: with a new one");
		$other->query('DROP SERVER t CASCADE; DROP SCHEMA t');
		$execute->();
		is($session->sqlstate, '42P01', "$mode: without the server");
		temporary_server();
		is($execute->(), $expected, "$mode: with a new one of that name");
		$session->query('DEALLOCATE p');
	}
	$other->query('DROP SERVER t CASCADE; DROP SCHEMA t');
	$session->close;
	return;
}

sub temporary_server
{
	my $text = $other->query("
		CREATE SERVER t FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'ringyo', base_url '@{[ $sim->url ]}', page_size '20');
		CREATE USER MAPPING FOR CURRENT_USER SERVER t OPTIONS (api_key 'ringyo_test');
		CREATE SCHEMA t;
		IMPORT FOREIGN SCHEMA ringyo LIMIT TO (calls) FROM SERVER t INTO t");
	die $text if $text ne '';
	return;
}

# Several scans of one table at once
sub check_nested_scans
{
	foreach my $provider (@providers)
	{
		rows_equal($node, "SELECT a.call_id, b.call_id FROM {$provider} a, LATERAL
				(SELECT call_id FROM {$provider} b WHERE b.from_number = a.from_number AND b.call_id <> a.call_id ORDER BY call_id LIMIT 2 OFFSET 0) b
				WHERE a.status = 'busy'", "$provider: a scan for each row of a scan");
		rows_equal($node, "SELECT a.call_id FROM {$provider} a JOIN {$provider} b USING (call_id) JOIN {$provider} c USING (call_id)",
			"$provider: three scans joined", settings => 'SET enable_hashjoin = off; SET enable_nestloop = off');
		rows_equal($node, "SELECT call_id FROM {$provider} a WHERE EXISTS
				(SELECT 1 FROM {$provider} b WHERE b.started_at > a.started_at AND b.status = a.status AND b.to_number = a.to_number)",
			"$provider: a scan in a correlated condition");
	}
	rows_equal($node, 'WITH RECURSIVE r(n, id) AS (
			SELECT 1, max(call_id) FROM {ringyo}
			UNION ALL SELECT n + 1, (SELECT max(call_id) FROM {ringyo} WHERE call_id < r.id) FROM r WHERE n < 5)
			SELECT * FROM r', 'scans in a recursive query');
	return;
}

# A scan inside of a function that another scan calls
sub check_functions
{
	foreach my $pair ([ 'remote', sub { "$_[0].calls" } ], [ 'copied', sub { "local.$_[0]" } ])
	{
		my ($schema, $table) = @$pair;
		$node->safe_psql('postgres', qq(
			CREATE SCHEMA $schema;
			CREATE FUNCTION $schema.peers(who text) RETURNS bigint LANGUAGE sql VOLATILE AS
				'SELECT count(*) FROM @{[ $table->('tryvox') ]} WHERE from_number = who';
			CREATE FUNCTION $schema.first_peers(who text) RETURNS SETOF text LANGUAGE plpgsql AS \$\$
				DECLARE
					r record;
				BEGIN
					FOR r IN SELECT call_id FROM @{[ $table->('voicy') ]} WHERE from_number = who ORDER BY call_id LOOP
						RETURN NEXT r.call_id;
						EXIT WHEN $schema.peers(who) < 2;
					END LOOP;
				END \$\$;));
	}
	rows_equal($node, [ map { "SELECT call_id, $_->[0].peers(from_number) FROM $_->[1] WHERE status = 'failed'" } [ 'remote', 'voicy.calls' ], [ 'copied', 'local.voicy' ] ],
		'a function with a scan, in a scan of another table');
	rows_equal($node, [ map { "SELECT call_id, $_->[0].peers(from_number) FROM $_->[1] WHERE status = 'failed'" } [ 'remote', 'tryvox.calls' ], [ 'copied', 'local.tryvox' ] ],
		'and of the same');
	rows_equal($node, [ map { "SELECT v.call_id, p FROM $_->[1] v, $_->[0].first_peers(v.from_number) p WHERE v.status = 'busy'" } [ 'remote', 'voicy.calls' ], [ 'copied', 'local.voicy' ] ],
		'functions within functions, that leave scans unfinished');
	return;
}

# A foreign scan beside a parallel one
sub check_parallel_query
{
	my $settings = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2';

	$node->safe_psql('postgres', q(
		CREATE TABLE many AS SELECT g AS n, '+1800555' || (1001 + g % 40) AS number FROM generate_series(1, 20000) g;
		ANALYZE many;));
	my $query = 'SELECT call_id, m.count FROM {whippy} w JOIN (SELECT number, count(*) FROM many GROUP BY number) m ON m.number IN (w.from_number, w.to_number)';
	my ($remote) = $query =~ s/\{(\w+)\}/$1.calls/r;
	my %nodes = map { ($_->{'Node Type'} => 1) } plan_nodes(explain_plan($node, $remote, settings => $settings));
	ok($nodes{'Foreign Scan'} && ($nodes{Gather} || $nodes{'Gather Merge'}), 'a plan with workers and a foreign scan')
	  or diag(join ', ', sort keys %nodes);
	rows_equal($node, $query, 'a foreign scan beside a parallel one', settings => $settings);
	return;
}
