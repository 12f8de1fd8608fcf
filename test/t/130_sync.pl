# calls_fdw_sync: runs that are killed, refused or dumped half-way, what the
# second run costs, pg_cron, and the statements of doc/scaling.md.
use strict;
use warnings;

use CallsTest;
use FindBin;
use PostgreSQL::Test::Utils ();
use Session;
use Test::More;
use Time::HiRes qw(sleep);

my $kills = 20;
my $calls = 5000;
my $large = 200000;
my $seed = $ENV{CALLS_SEED} || 20261121;

srand $seed;
note "seed $seed; set CALLS_SEED for another";

my $cron = cron_is_installed();
my $sim = start_simulator(calls => $calls);
my $node = start_node('main', sim => $sim, conf => $cron ? "shared_preload_libraries = 'pg_cron'\n" : '');
$node->append_conf('postgresql.conf', "cron.database_name = 'postgres'\ncron.host = '" . $node->host . "'\n") if $cron;
$node->restart if $cron;
create_servers($node, $sim);
$node->safe_psql('postgres', "CREATE SCHEMA synced;\n" . join '', map { "CREATE TABLE synced.$_ (LIKE $_.calls);\nCREATE UNIQUE INDEX ON synced.$_ (source, call_id);\n" } @providers);

check_kills($_) foreach @providers;
check_exclusion();
check_swaps();
check_large_kills();
check_dump();
check_documents();
check_cron();
check_cost();
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();

# What a run returns: "read|inserted|updated|unchanged".
sub sync
{
	my ($source, $target, %options) = @_;
	my $arguments = join '', map { ", $_ => '$options{$_}'" } grep { $_ ne 'dbname' } sort keys %options;

	return $node->safe_psql($options{dbname} || 'postgres', "CALL calls_fdw_sync('$source', '$target'$arguments)");
}

sub same_as_provider
{
	my ($provider, $target, $name) = @_;

	load_local($node, $sim, $provider);
	return rows_equal($node, [ "SELECT * FROM $target", "SELECT * FROM local.$provider" ], $name);
}

# Runs that end at random moments, the first load included, while the log
# changes; then one that may end.
sub check_kills
{
	my ($provider) = @_;
	my $killer = Session->new($node);
	my $killed = 0;
	my $progress = 0;
	my $loaded = 0;
	my $tries = $provider eq 'tryvox' ? $kills : $kills / 2;

	# so that a load takes longer than it may
	$sim->set($provider, latency => 10);
	foreach my $kill (1 .. $tries)
	{
		my $session = Session->new($node);

		$session->send("CALL calls_fdw_sync('$provider.calls', 'synced.$provider', '7 days', batch_size => 300)");
		# the first ones early, the last ones when a load may have come far
		sleep 0.02 + rand 0.04 * $kill;
		$killer->query('SELECT pg_terminate_backend(' . $session->pid . ')');
		$session->receive;
		$killed++ if $session->ended;
		$session->close;
		my $now = $killer->query("SELECT count(*) FROM synced.$provider");
		$progress++ if $now > $loaded;
		$loaded = $now;
		$sim->change($provider, insert => 2, update => 2) if $kill % 5 == 0;
	}
	$sim->set($provider, latency => 0);
	note "$provider: $killed of $tries were killed, $progress had added calls, $loaded calls there";
	cmp_ok($killed, '>=', 3, "$provider: runs were killed");
	my $result = sync("$provider.calls", "synced.$provider", lookback => '7 days', undated => '0');
	same_as_provider($provider, "synced.$provider", "$provider: killed $killed times, and complete ($result)");
	$sim->change($provider, insert => 5, update => 5, where => 'newest');
	sync("$provider.calls", "synced.$provider", lookback => '7 days', undated => '0');
	same_as_provider($provider, "synced.$provider", "$provider: changes are found");
	return;
}

# The same with many calls, of which any may change. What a run has to find is
# what started at most its lookback before the newest call that was known then;
# a last run looks back at everything.
sub check_large_kills
{
	my $columns = 'source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration';
	my $killer = Session->new($node);
	my $lookback = '60 days';
	my $state = q(FROM calls_fdw_sync_state WHERE target = 'synced.large'::regclass);
	my $killed = 0;
	my (@disagree, @lost, %changed);
	my $differing = "SELECT call_id FROM ((SELECT $columns FROM synced.large EXCEPT ALL SELECT $columns FROM local.voicy)
		UNION ALL (SELECT $columns FROM local.voicy EXCEPT ALL SELECT $columns FROM synced.large)) AS d";

	$sim->set('voicy', calls => $large, latency => 20);
	load_local($node, $sim, 'voicy');
	$node->safe_psql('postgres', qq(
		CREATE TABLE synced.large AS SELECT $columns FROM voicy.calls WITH NO DATA;
		CREATE UNIQUE INDEX ON synced.large (source, call_id);
		CREATE TABLE unpromised (call_id text);
		ANALYZE local.voicy;));
	foreach my $kill (1 .. $kills)
	{
		my $session = Session->new($node);

		# the first load comes to its end, too
		sync('voicy.calls', 'synced.large', lookback => $lookback) if $kill == 15;
		$session->send("CALL calls_fdw_sync('voicy.calls', 'synced.large', '$lookback')");
		sleep 0.05 + rand 0.45;
		$killer->query('SELECT pg_terminate_backend(' . $session->pid . ')');
		$session->receive;
		$killed++ if $session->ended;
		$session->close;

		# what is known to be complete is
		push @disagree, "kill $kill" if $killer->query("SELECT (SELECT max(started_at) FROM synced.large) IS DISTINCT FROM (SELECT complete_to $state)") ne 'f';
		my $missing = $killer->query("SELECT count(*) FROM local.voicy AS l, (SELECT complete_from, complete_to $state) AS s
			WHERE l.started_at BETWEEN s.complete_from AND s.complete_to AND NOT EXISTS (SELECT FROM synced.large AS t WHERE t.call_id = l.call_id)");
		push @lost, "$missing after kill $kill" if $missing ne '0';
		next if $kill % 3;

		$sim->change('voicy', insert => 3, update => 40, where => 'random');
		my @new = grep { !$changed{$_}++ } $sim->command('changes', provider => 'voicy') =~ /^update\W*voicy","([^"\n]+)"/mg;
		$killer->query("INSERT INTO unpromised SELECT call_id FROM local.voicy WHERE call_id IN ('" . join("', '", @new) . "') AND started_at < (SELECT complete_to $state) - interval '$lookback'");
	}
	$sim->set('voicy', latency => 0);
	note "voicy: $killed of $kills were killed, $large calls";
	cmp_ok($killed, '>=', 15, 'voicy: runs over many calls were killed');
	none('... and what was loaded and what is known agreed', @disagree);
	none('... and no call was missing of what was complete', @lost);
	sync('voicy.calls', 'synced.large', lookback => $lookback);
	load_local($node, $sim, 'voicy');
	cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM unpromised'), '>', 20, '... calls changed that were too old');
	is($node->safe_psql('postgres', "SELECT count(*) FROM ($differing) AS d WHERE call_id NOT IN (TABLE unpromised)"), 0, '... and nothing but these is missed');
	sync('voicy.calls', 'synced.large', lookback => '3 years');
	is($node->safe_psql('postgres', "SELECT count(*) FROM ($differing) AS d"), 0, '... by a run that looks back at everything, not even these');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM synced.large'), $large + 18, '... so that all calls are there');
	$node->safe_psql('postgres', 'DROP TABLE synced.large, unpromised');
	$sim->reset;
	return;
}

# A second run is refused, wherever it comes from; an end by cancel lets the
# next one begin, although the session goes on.
sub check_exclusion
{
	my $first = Session->new($node);
	my $observer = Session->new($node);

	$sim->fault('ringyo', 'hang', count => -1);
	$first->send("CALL calls_fdw_sync('ringyo.calls', 'synced.ringyo')");
	$first->wait_until_waiting($observer);
	sql_fails($node, "CALL calls_fdw_sync('ringyo.calls', 'synced.ringyo')", '55P03', qr/another calls_fdw_sync loads ringyo.calls into synced.ringyo/,
		'a second run is refused');
	like(sync('voicy.calls', 'synced.voicy'), qr/^\d+\|0\|0\|\d+$/, 'other tables can be loaded meanwhile');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 1, 'an advisory lock is held');
	$first->cancel($observer);
	is($first->sqlstate, '57014', 'a run can be cancelled');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'the lock is released');
	$sim->reset;
	$sim->set('ringyo', calls => 5000);
	like(sync('ringyo.calls', 'synced.ringyo'), qr/^\d+\|/, 'the next run begins');

	# an error of the commit itself
	$node->safe_psql('postgres', q(
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not at all'; END $$;
		TRUNCATE synced.ringyo;
		CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON synced.ringyo DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();));
	like($first->query("CALL calls_fdw_sync('ringyo.calls', 'synced.ringyo')"), qr/not at all/, 'a commit fails');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, '... and the lock is released');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM synced.ringyo'), 0, '... and nothing is loaded');
	$node->safe_psql('postgres', 'DROP TRIGGER refuse ON synced.ringyo; DROP FUNCTION refuse()');
	sync('ringyo.calls', 'synced.ringyo');
	same_as_provider('ringyo', 'synced.ringyo', '... until it works');
	return;
}

# What becomes of the target between two batches: a run follows the table, not
# its name, and what is lost with it is loaded again.
sub check_swaps
{
	my ($notice, $all);

	$sim->reset;
	$sim->set('ringyo', latency => 20);
	load_local($node, $sim, 'ringyo');
	$all = $node->safe_psql('postgres', 'SELECT count(*) FROM local.ringyo');

	between_batches('ALTER TABLE swapped RENAME TO followed; CREATE TABLE swapped (LIKE ringyo.calls, UNIQUE (source, call_id))');
	rows_equal($node, [ 'SELECT * FROM followed', 'SELECT * FROM local.ringyo' ], 'a target that is renamed gets all calls');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM swapped'), 0, '... and the one that took its name none');
	$node->safe_psql('postgres', 'DROP TABLE followed');

	$notice = between_batches(q(TRUNCATE swapped; INSERT INTO swapped (source, call_id) VALUES ('other', '1')));
	like($notice, qr/NOTICE:  00000: ringyo.calls is loaded anew into public.swapped, which was emptied or rewritten meanwhile/, 'a target that is truncated is noticed');
	rows_equal($node, [ q(SELECT * FROM swapped WHERE source <> 'other'), 'SELECT * FROM local.ringyo' ], '... and loaded anew');
	like($notice, qr/^(\d+)\|\1\|0\|0$/m, '... which is counted too');
	is($node->safe_psql('postgres', q(SELECT read > 5000 FROM calls_fdw_sync_state WHERE target = 'swapped'::regclass)), 't', '... with what was read before');

	between_batches(q(DELETE FROM calls_fdw_sync_state WHERE target = 'swapped'::regclass));
	is($node->safe_psql('postgres', q(SELECT complete_from = (SELECT min(started_at) FROM local.ringyo) FROM calls_fdw_sync_state WHERE target = 'swapped'::regclass)),
		't', 'what is known is deleted, and the run begins anew');

	like(between_batches('DROP TABLE swapped'), qr/ERROR:  42P01: public.swapped was dropped while calls were loaded/, 'a target that is dropped ends the run');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, '... and the lock is released');

	# a source that is swapped for another one's table
	$node->safe_psql('postgres', 'CREATE TABLE swapped (LIKE ringyo.calls, UNIQUE (source, call_id)); CREATE FOREIGN TABLE sample (call_id text) SERVER voicy');
	between_batches('ALTER FOREIGN TABLE ringyo.calls RENAME TO logged; ALTER FOREIGN TABLE sample SET SCHEMA ringyo; ALTER FOREIGN TABLE ringyo.sample RENAME TO calls');
	rows_equal($node, [ 'SELECT * FROM swapped', 'SELECT * FROM local.ringyo' ], 'a source that is renamed is read to its end');
	$node->safe_psql('postgres', 'DROP FOREIGN TABLE ringyo.calls; ALTER FOREIGN TABLE ringyo.logged RENAME TO calls; DROP TABLE swapped');

	# other sources of a target that was emptied
	$node->safe_psql('postgres', 'CREATE TABLE swapped (LIKE ringyo.calls, UNIQUE (source, call_id))');
	sync('ringyo.calls', 'swapped');
	sync('voicy.calls', 'swapped');
	$node->safe_psql('postgres', 'TRUNCATE swapped');
	sync('voicy.calls', 'swapped');
	is(sync('ringyo.calls', 'swapped'), "$all|$all|0|0", 'a target that was emptied was so for all its sources');
	$node->safe_psql('postgres', 'DROP TABLE swapped');
	$sim->reset;
	return;
}

# Load ringyo.calls into swapped, with SQL that runs between two batches; what
# the run says.
sub between_batches
{
	my ($sql) = @_;
	my $session = Session->new($node);

	$node->safe_psql('postgres', q(CREATE TABLE IF NOT EXISTS swapped (LIKE ringyo.calls, UNIQUE (source, call_id)); TRUNCATE swapped));
	$session->send(q(SET client_min_messages = notice; CALL calls_fdw_sync('ringyo.calls', 'swapped', batch_size => 300)));
	$node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM swapped') or die 'nothing is loaded';
	# waits until the batch is complete
	$node->safe_psql('postgres', "BEGIN; $sql; COMMIT");
	return $session->receive;
}

# A dump takes along what is known; tables that are gone are left out.
sub check_dump
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/sync.sql";

	$sim->reset;
	$node->safe_psql('postgres', qq(
		CREATE SCHEMA "Every one";
		CREATE TABLE "Every one"."all calls" (LIKE ringyo.calls) PARTITION BY LIST (source);
		CREATE FOREIGN TABLE "Every one"."ringyo's" PARTITION OF "Every one"."all calls" FOR VALUES IN ('ringyo') SERVER ringyo;
		CREATE TABLE "Every one".copy (LIKE ringyo.calls, UNIQUE NULLS NOT DISTINCT (source, call_id, started_at)) PARTITION BY RANGE (started_at);
		CREATE TABLE "Every one".rest PARTITION OF "Every one".copy DEFAULT;
		CREATE TABLE gone (LIKE ringyo.calls, UNIQUE (source, call_id));));
	sync('"Every one"."all calls"', '"Every one".copy');
	sync('ringyo.calls', 'gone');
	$node->safe_psql('postgres', 'DROP TABLE gone');
	my $known = $node->safe_psql('postgres', q(SELECT source::text, target::text, complete_from, complete_to FROM calls_fdw_sync_state
		WHERE target::text !~ '^[0-9]+$' ORDER BY 1, 2));
	my $missing = $node->safe_psql('postgres', q(SELECT count(*) FROM calls_fdw_sync_state WHERE target::text ~ '^[0-9]+$'));
	is($missing, 1, 'a dropped table leaves a row behind');
	$node->command_ok([ 'pg_dump', '-f', $file, $node->connstr('postgres') ], 'pg_dump works');
	$node->safe_psql('postgres', 'CREATE ROLE backup LOGIN IN ROLE pg_read_all_data');
	$node->command_ok([ 'pg_dump', '-U', 'backup', '-f', "$file.too", $node->connstr('postgres') ], '... also for a role that may read all data');
	my ($rows, $too) = map { PostgreSQL::Test::Utils::slurp_file($_) =~ /^COPY public\.calls_fdw_sync_state .*?;\n(.+?)^\\\.$/ms } $file, "$file.too";
	ok(defined $rows && $rows eq $too, '... with the same state');
	$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
	$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('restored') ], 'the dump can be restored');
	is($node->safe_psql('restored', 'SELECT source::text, target::text, complete_from, complete_to FROM calls_fdw_sync_state ORDER BY 1, 2'),
		$known, 'what is known is there');
	$sim->change('ringyo', insert => 3);
	$sim->clear;
	like(sync('"Every one"."all calls"', '"Every one".copy', dbname => 'restored'), qr/^\d{1,2}\|3\|0\|\d+$/, 'the next run goes on');
	cmp_ok($sim->requests('ringyo'), '<=', 2, '... with few requests');
	is($node->safe_psql('restored', 'SELECT count(*) FROM (TABLE ringyo.calls EXCEPT ALL TABLE "Every one".copy) AS missing'), 0, '... and all calls are there');
	$node->safe_psql('postgres', 'DROP DATABASE restored');
	return;
}

# The SQL of doc/scaling.md, but for pg_cron
sub check_documents
{
	my $text = PostgreSQL::Test::Utils::slurp_file("$FindBin::Bin/../../doc/scaling.md");
	my $blocks = 0;

	$sim->reset;
	while ($text =~ /^```sql\n(.*?)^```/msg)
	{
		my $sql = $1;

		next if $sql =~ /cron/;
		$blocks++;
		$node->safe_psql('postgres', 'DROP TABLE IF EXISTS local.voicy') if $sql =~ s/^CREATE SCHEMA local;\n//m;
		add_column_later() if $sql =~ /^DELETE/;
		my $file = "$PostgreSQL::Test::Utils::tmp_check/block.sql";
		PostgreSQL::Test::Utils::append_to_file($file, $sql);
		$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('postgres') ], 'doc/scaling.md: ' . ($sql =~ /^(.*)/)[0]);
		unlink $file;
	}
	is(without_status(), 0, 'doc/scaling.md: loading anew fills a column that was added later');
	is($blocks, 4, 'doc/scaling.md has four blocks without pg_cron');
	is($node->safe_psql('postgres', q(SELECT count(*) FROM local.calls WHERE source = 'whippy')), $node->safe_psql('postgres', 'SELECT count(*) FROM whippy.calls'),
		'doc/scaling.md: the partitioned table is complete');
	return;
}

sub without_status
{
	return $node->safe_psql('postgres', 'SELECT count(*) FROM local.voicy WHERE status IS NULL');
}

sub add_column_later
{
	$node->safe_psql('postgres', 'ALTER TABLE local.voicy DROP status; ALTER TABLE local.voicy ADD status text');
	my $calls = without_status();
	sync('voicy.calls', 'local.voicy');
	cmp_ok(without_status(), '<', $calls, 'a column that was added later is filled within lookback');
	cmp_ok(without_status(), '>', 0, '... and no further');
	return;
}

sub cron_is_installed
{
	my ($share) = `pg_config --sharedir` =~ /(.*)/;
	return -e "$share/extension/pg_cron.control";
}

# The schedule of doc/scaling.md, and a job that runs at once, for pg_cron has
# no times below a minute.
sub check_cron
{
	my ($sql) = PostgreSQL::Test::Utils::slurp_file("$FindBin::Bin/../../doc/scaling.md") =~ /^```sql\n(CREATE EXTENSION pg_cron.*?)^```/ms;

  SKIP:
	{
		skip('pg_cron is not to be had for this PostgreSQL', 5) if !$cron;
		run_jobs($sql);
	}
	return;
}

sub run_jobs
{
	my ($sql) = @_;

	$node->safe_psql('postgres', $sql);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job'), 2, 'the jobs of doc/scaling.md are scheduled');
	like($node->safe_psql('postgres', 'SELECT schedule FROM cron.job ORDER BY 1'), qr{^\*/10 0-2,4-23 .*\n30 3 }, '... at hours of their own');
	$node->safe_psql('postgres', q(SELECT cron.unschedule(jobid) FROM cron.job;
		TRUNCATE synced.tryvox;
		SELECT cron.schedule('now', '@reboot', $$CALL calls_fdw_sync('tryvox.calls', 'synced.tryvox')$$)));
	$node->restart;
	ok($node->poll_query_until('postgres', q(SELECT status IN ('succeeded', 'failed') FROM cron.job_run_details)), 'pg_cron runs the job');
	is($node->safe_psql('postgres', 'SELECT status FROM cron.job_run_details'), 'succeeded', '... without an error');
	same_as_provider('tryvox', 'synced.tryvox', '... and the table is complete');
	return;
}

# After 50 new and 30 changed calls of 200,000, a run costs at most 3 % of the
# first one's requests.
sub check_cost
{
	my $columns = 'source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration';

	$sim->set('all', calls => 200000);
	foreach my $provider (@providers)
	{
		$node->safe_psql('postgres', qq(
			CREATE TABLE synced.many_$provider AS SELECT $columns FROM $provider.calls WITH NO DATA;
			CREATE UNIQUE INDEX ON synced.many_$provider (source, call_id);));
		$sim->clear;
		is(sync("$provider.calls", "synced.many_$provider"), '200000|200000|0|0', "$provider: 200,000 calls are loaded");
		my $first = $sim->requests($provider);
		$sim->change($provider, update => 30, insert => 50);
		$sim->clear;
		like(sync("$provider.calls", "synced.many_$provider"), qr/^\d+\|(49|50)\|(2[5-9]|30)\|\d+$/, "$provider: the new and changed ones too");
		my $second = $sim->requests($provider);
		cmp_ok($second, '<=', 0.03 * $first, "$provider: $first requests, then $second");
		$node->safe_psql('postgres', "DROP TABLE synced.many_$provider");
		$sim->set($provider, calls => 1000);
	}
	return;
}
