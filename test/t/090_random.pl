# Random queries return the same over foreign tables and over local copies,
# whatever the planner chooses, the servers' options say and the providers'
# documentation leaves open.
#
# A failure prints the query's number, the seed and how to replay it:
#
#   CALLS_SEED=7		another seed (default 1)
#   CALLS_QUERIES=500	how many queries (default 2000)
#   CALLS_ONLY=120		only this query, or a range like 101-140, with its plan;
#   					what the planner learnt from queries before it in its
#   					session is not repeated, a range from the session's first
#   					query on is
#   CALLS_TIMES=1		lists the slowest queries
#
# test/perl/RandomQuery.pm makes the queries.
use strict;
use warnings;

use CallsTest;
use JSON::PP;
use List::Util qw(max min);
use RandomQuery;
use Test::More;
use Time::HiRes qw(time);

my $seed = $ENV{CALLS_SEED} || 1;
my $queries = $ENV{CALLS_QUERIES} || 2000;
my $batch_size = 40;
my ($first, $last) = (1, $queries);
($first, $last) = ($1, $2 // $1) if ($ENV{CALLS_ONLY} // '') =~ /^(\d+)(?:-(\d+))?$/;

# Bytes in, bytes out: text is UTF-8 everywhere.
my $json = JSON::PP->new;
my @tables = (@providers, 'acme');
my %calls = (voicy => 420, tryvox => 380, solomobile => 400, whippy => 350, ringyo => 450, acme => 300);
my %page_size = (voicy => 60, tryvox => 40, solomobile => 45, whippy => 50, ringyo => 70, acme => 50);

# ---- the servers -----------------------------------------------------------

my $sim = start_simulator(calls => 400, seed => $seed);
my $node = start_node('main', conf => <<'END');
timezone = 'Europe/Berlin'
test.word = 'busy'
END

sub set_calls { $sim->set($_, calls => $calls{$_}) foreach @tables; return; }

# The options that vary; some may not exist yet.
my %default_option = (
	request_cost => 1000, max_connections => 4, max_fanout => 64, use_remote_estimate => 'false', async_capable => 'true',
	pushdown => 'all', trust_total => 'true');
my ($valid) = sql_error($node, "CREATE SERVER zz FOREIGN DATA WRAPPER calls_fdw OPTIONS (zzzzzzzz '')")->{hint} =~ /are: (.*)\./;
my %valid = map { $_ => 1 } split /, /, $valid;

delete @default_option{ grep { !$valid{$_} } keys %default_option };
set_calls();
create_servers($node, $sim, providers => \@tables, map { $_ => { page_size => $page_size{$_}, %default_option } } @tables);
load_local($node, $sim, @tables);

# A table of all providers, a security barrier, and contacts.
my $common = 'source, provider, call_id, status, direction, agent_id, from_number, to_number, started_at, ended_at, duration';

$node->safe_psql('postgres', join '', qq{
CREATE SCHEMA everyone;
CREATE TABLE everyone.calls (source text, provider text, call_id text, status text, direction text, agent_id text,
	from_number text, to_number text, started_at timestamptz, ended_at timestamptz, duration interval) PARTITION BY LIST (source);
CREATE VIEW local.everyone AS } . join(' UNION ALL ', map { "SELECT $common FROM local.$_" } @tables) . qq{;
CREATE SCHEMA guarded;
CREATE VIEW guarded.calls WITH (security_barrier) AS SELECT * FROM tryvox.calls WHERE status <> 'busy' AND direction = 'outbound';
CREATE VIEW local.guarded AS SELECT * FROM local.tryvox WHERE status <> 'busy' AND direction = 'outbound';
}, map { "CREATE FOREIGN TABLE everyone.$_ PARTITION OF everyone.calls FOR VALUES IN ('$_') SERVER $_;\n" } @tables);

# Phones that occur often and rarely, that cannot be sent, of nobody; nulls and
# duplicates; words and times to join with.
$node->safe_psql('postgres', q{
CREATE SCHEMA crm;
CREATE TABLE crm.contact (id integer, phone text, owner text, status text, since timestamptz, day date, words text[]);
WITH phone (phone) AS (
	(SELECT to_number FROM local.everyone GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 8) UNION ALL
	(SELECT from_number FROM local.everyone GROUP BY 1 ORDER BY count(*), 1 LIMIT 12) UNION ALL
	(SELECT to_number FROM local.ringyo GROUP BY 1 ORDER BY count(*), 1 LIMIT 6) UNION ALL
	VALUES ('555-1234'), ('anonymous'), (''), (' +18005551001'), ('+19999999999'), ('+18005551001'), ('+18005551001'), (NULL), (NULL)),
numbered AS (SELECT row_number() OVER (ORDER BY md5(phone), phone) AS id, phone FROM phone)
INSERT INTO crm.contact
SELECT id, phone,
	(SELECT agent_id FROM local.everyone WHERE agent_id IS NOT NULL ORDER BY md5(call_id || id) LIMIT 1),
	(ARRAY['busy', 'completed', 'no_answer', NULL, 'Busy', 'completed', 'failed'])[id % 7 + 1],
	(SELECT started_at FROM local.everyone WHERE started_at IS NOT NULL ORDER BY md5(call_id || id) LIMIT 1),
	date '2026-10-31' - (id * 9)::integer,
	CASE id % 5 WHEN 0 THEN '{}' WHEN 1 THEN NULL WHEN 2 THEN '{busy,NULL}' WHEN 3 THEN '{completed,busy,failed}' ELSE '{nothing}' END::text[]
FROM numbered;
CREATE TABLE crm.everybody AS SELECT n AS id, '+1415555' || lpad(n::text, 4, '0') AS phone FROM generate_series(1, 3000) AS n
	UNION ALL SELECT id, phone FROM crm.contact;
ANALYZE crm.contact, crm.everybody;
});

learn_tables($node, $seed, @tables, 'everyone', 'guarded');

# Some foreign tables have statistics, others have not.
seed_for('analyze');
$node->psql('postgres', join '', map { chance(0.5) ? "ANALYZE $_.calls;\n" : '' } @tables);

# ---- what compares ---------------------------------------------------------

$node->safe_psql('postgres', q{
CREATE SCHEMA test;

-- The rows of statements, as text.
CREATE FUNCTION test.rows_of(steps text[], replacement text, INOUT rows text[]) LANGUAGE plpgsql AS $$
DECLARE
	step text;
	row record;
BEGIN
	DEALLOCATE ALL;
	IF EXISTS (SELECT FROM pg_cursors WHERE name = 'q') THEN
		EXECUTE 'CLOSE q';
	END IF;
	rows := '{}';
	FOREACH step IN ARRAY steps LOOP
		step := regexp_replace(step, '\{(\w+)\}', replacement, 'g');
		IF step ~ '^(SELECT|WITH|EXECUTE|FETCH|VALUES|UPDATE|DELETE|INSERT|\()' THEN
			FOR row IN EXECUTE step LOOP
				rows := rows || row::text;
			END LOOP;
		ELSE
			EXECUTE step;
		END IF;
	END LOOP;
END $$;

-- The same in a subtransaction of its own, which is rolled back if asked for or
-- if it fails.
CREATE FUNCTION test.try(steps text[], replacement text, roll_back boolean, OUT rows text[], OUT error text, OUT seconds float)
LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz := clock_timestamp();
BEGIN
	BEGIN
		rows := test.rows_of(steps, replacement, rows);
		IF roll_back THEN
			RAISE 'roll back' USING ERRCODE = 'ZZ000';
		END IF;
	EXCEPTION
		WHEN SQLSTATE 'ZZ000' THEN
			NULL;
		WHEN OTHERS OR query_canceled OR assert_failure THEN
			rows := NULL;
			error := SQLSTATE || ' ' || SQLERRM;
	END;
	seconds := extract(epoch FROM clock_timestamp() - start);
END $$;

-- At most five rows that one array has more of than the other one.
CREATE FUNCTION test.more_in(a text[], b text[]) RETURNS text[] LANGUAGE sql AS $$
	SELECT array_agg(left(x, 300) ORDER BY x)
	FROM (SELECT unnest(a) AS x EXCEPT ALL SELECT unnest(b) ORDER BY 1 LIMIT 5) AS r
$$;

CREATE FUNCTION test.sorted(a text[]) RETURNS text[] LANGUAGE sql AS $$
	SELECT coalesce(array_agg(x ORDER BY x), '{}') FROM unnest(a) AS x
$$;

-- Runs a query both ways. Compared "some", as many rows are due as the limit
-- leaves of those that local_steps find without it.
CREATE FUNCTION test.compare(n integer, compared text, roll_back boolean, settings text[],
	steps text[], local_steps text[], row_limit integer, row_offset integer) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	setting text;
	far record;
	near record;
	wanted integer;
	difference json;
BEGIN
	FOREACH setting IN ARRAY settings LOOP
		EXECUTE 'SET LOCAL ' || setting;
	END LOOP;
	far := test.try(steps, '\1.calls', roll_back);
	near := test.try(local_steps, 'local.\1', roll_back);
	IF compared = 'bag' THEN
		far.rows := test.sorted(far.rows);
		near.rows := test.sorted(near.rows);
	END IF;
	wanted := cardinality(near.rows);
	IF compared = 'some' THEN
		wanted := least(greatest(wanted - row_offset, 0), row_limit);
	END IF;
	IF far.error IS NULL AND near.error IS NULL
		AND (cardinality(far.rows) <> wanted
			OR compared = 'some' AND test.more_in(far.rows, near.rows) IS NOT NULL
			OR compared <> 'some' AND far.rows <> near.rows) THEN
		difference := json_build_object('rows', cardinality(far.rows), 'wanted', wanted,
			'unexpected', test.more_in(far.rows, near.rows),
			'missing', CASE WHEN compared <> 'some' THEN test.more_in(near.rows, far.rows) END);
	END IF;
	RETURN json_build_object('n', n, 'rows', wanted, 'error', far.error, 'local_error', near.error, 'difference', difference,
		'seconds', far.seconds, 'local_seconds', near.seconds);
END $$;
});

# ---- batches: what the providers and the servers' options are like ---------

sub random_switches
{
	my ($provider) = @_;
	my %switch;

	$switch{bounds} = 'exclusive' if $provider ne 'tryvox' && chance(0.4);
	$switch{pagination_key} = 'inclusive' if $provider eq 'voicy' && chance(0.4);
	$switch{cursor} = 'inclusive' if $provider eq 'ringyo' && chance(0.3);
	$switch{max_limit} = from_to(17, 37) if !$switch{cursor} && chance(0.2);
	$switch{statuses} = 'all' if chance(0.2);
	# acme's links keep the page size of a LIMIT, and so thousands of requests follow one that is filtered here only
	$switch{filters} = 'off' if $provider ne 'acme' && chance(0.1);
	$switch{total} = weighted(missing => 3, capped => 1, '-' . from_to(1, 40) => 2, '+' . from_to(1, 40) => 0.5) if $provider ne 'voicy' && chance(0.25);
	$switch{order} = pick('random', 'id') if $provider =~ /^(solomobile|whippy)$/ && chance(0.4);
	$switch{compress} = pick('gzip', 'none') if chance(0.15);
	$switch{calls} = pick(0, 1, 7, $page_size{$provider}, 2 * $page_size{$provider}, 600) if chance(0.06);
	return \%switch;
}

sub random_options
{
	my ($provider, $switch) = @_;
	my $size = $page_size{$provider};
	my %options = (
		page_size => chance(0.3) ? from_to($switch->{cursor} ? 40 : 11, 50) : $size,
		request_cost => weighted(1000 => 5, 1 => 1, 0 => 1, 50 => 1, 100000 => 1),
		max_connections => weighted(4 => 4, 1 => 1, 2 => 1),
		max_fanout => weighted(64 => 4, 1 => 1, 2 => 1, 8 => 1),
		use_remote_estimate => weighted(false => 4, true => 1),
		async_capable => weighted(true => 3, false => 1),
		pushdown => weighted(all => 8, none => 1, 'status' => 1, 'started_at, status' => 1),
		# a total that lies cannot be found out from one page
		trust_total => ($switch->{total} // '') =~ /^[+-]/ ? 'false' : weighted(true => 6, false => 1));

	delete @options{ grep { !$valid{$_} } keys %options };
	return \%options;
}

sub change_data
{
	my ($provider) = @_;
	my @changes;

	return if !chance(0.1);
	push @changes, [ insert => from_to(1, 20) ] if chance(0.6);
	push @changes, [ delete => from_to(1, 20), where => pick(qw(newest oldest random)) ] if chance(0.6);
	push @changes, [ update => from_to(1, 20), where => pick(qw(newest oldest random)) ] if chance(0.6);
	return @changes;
}

my %changed;		# whose local copy is not that of the log as it was first

# Set up batch number $batch; returns its description and SQL to begin with.
sub set_up
{
	my ($batch) = @_;
	my ($text, $sql) = ('', "SET statement_timeout = '60s';\n");
	my @load;

	$sim->reset;
	set_calls();
	foreach my $provider (@tables)
	{
		seed_for("batch $batch $provider");
		my $switch = $batch == 0 ? {} : random_switches($provider);
		my $options = random_options($provider, $switch);
		my @changes = $batch == 0 ? () : change_data($provider);
		my $new_data = exists $switch->{calls} || $switch->{statuses} || @changes ? 1 : 0;

		$sim->set($provider, %$switch) if %$switch;
		$sim->change($provider, @$_) foreach @changes;
		push @load, $provider if $new_data || $changed{$provider};
		$changed{$provider} = $new_data;
		$sql .= "ALTER SERVER $provider OPTIONS (" . join(', ', map { "SET $_ '$options->{$_}'" } sort keys %$options) . ");\n";
		$text .= join ' ', "$provider:", (map { "$_=$switch->{$_}" } sort keys %$switch), (map { "change(@$_)" } @changes),
		  "options", (map { "$_=$options->{$_}" } sort keys %$options), "\n";
	}
	load_local($node, $sim, @load) if @load;
	return ($text, $sql, scalar($text =~ /total=\+/));
}

# ---- the test --------------------------------------------------------------

sub array { return @_ ? 'ARRAY[' . join(', ', map { CallsTest::quote($_) } @_) . ']' : "'{}'::text[]"; }

sub call_of
{
	my ($query) = @_;
	return "SELECT test.compare($query->{n}, '$query->{compared}', " . ($query->{roll_back} ? 'true' : 'false') . ', '
	  . join(', ', array(@{ $query->{settings} }), array(@{ $query->{steps} }), array(@{ $query->{local_steps} }))
	  . ', ' . ($query->{limit} // 'NULL') . ', ' . ($query->{offset} // 'NULL') . ");\n";
}

# The plan of a query that is replayed.
sub show_plan
{
	my ($query) = @_;
	my ($step) = grep { /^(SELECT|WITH|UPDATE|DELETE|INSERT|\(|EXECUTE)/ } reverse @{ $query->{steps} };
	my $before = join '', "BEGIN;\n", map { "SET LOCAL $_;\n" } @{ $query->{settings} };
	my ($stdout, $stderr);

	$before .= join '', map { "$_;\n" } grep { /^PREPARE/ } @{ $query->{steps} };
	($step) = map { /CURSOR FOR (.*)/s } @{ $query->{steps} } if $query->{way} eq 'cursor';
	($before .= "EXPLAIN (VERBOSE, COSTS OFF) $step") =~ s/\{(\w+)\}/$1.calls/g;
	$node->psql('postgres', $before, stdout => \$stdout, stderr => \$stderr);
	note($stdout // '', $stderr // '');
	return;
}

# What is wrong with a result, or undef.
sub fault_of
{
	my ($result, $gap_allowed) = @_;
	my ($error, $local_error) = @$result{qw(error local_error)};

	return "no result" if !exists $result->{difference};
	return "internal error" if grep { defined && /^(XX|58)/ } $error, $local_error;
	return "differs" if $result->{difference};
	return if !defined $error && !defined $local_error;
	return if $gap_allowed && defined $error && $error =~ /^HV000 .*incomplete/;
	return "error" if substr($error // '', 0, 5) ne substr($local_error // '', 0, 5);
	return;
}

sub describe
{
	my ($query, $result, $fault, $batch_text) = @_;
	my $text = "query $query->{n} ($query->{kind}, $query->{way}, $query->{compared}) $fault; replay with CALLS_SEED=$seed CALLS_ONLY=$query->{n}\n";

	$text .= "SET LOCAL $_;\n" foreach @{ $query->{settings} };
	$text .= "$_;\n" foreach @{ $query->{steps} };
	foreach my $key (grep { defined $result->{$_} } qw(error local_error))
	{
		$text .= "$key: $result->{$key}\n";
	}
	if (my $difference = $result->{difference})
	{
		$text .= "$difference->{rows} rows, expected $difference->{wanted}\n";
		foreach my $side (qw(unexpected missing))
		{
			$text .= "$side: $_\n" foreach @{ $difference->{$side} || [] };
		}
	}
	foreach my $line (split /\n/, $batch_text)
	{
		my ($provider) = $line =~ /^(\w+):/;
		$text .= "$line\n" if "@{$query->{steps}}" =~ /\{($provider|everyone)\}|\{guarded\}/;
	}
	return $text;
}

my (%ran, %errors, @timed);
my ($with_rows, $with_error, $count) = (0, 0, 0);
my $started = time;

note("seed $seed, queries $first to $last");
for (my $batch = int(($first - 1) / $batch_size); $batch * $batch_size < $last; $batch++)
{
	my @batch = map { make_query($_) } max($first, $batch * $batch_size + 1) .. min($last, ($batch + 1) * $batch_size);
	my ($text, $sql, $gap_allowed) = set_up($batch);
	my ($stdout, $stderr) = ('', '');
	my (%result, @faults);

	$node->psql('postgres', $sql . join('', map { call_of($_) } @batch), stdout => \$stdout, stderr => \$stderr);
	foreach my $line (grep { /^\{/ } split /\n/, $stdout)
	{
		my $result = $json->decode($line);
		$result{ $result->{n} } = $result;
	}
	foreach my $query (@batch)
	{
		my $result = $result{ $query->{n} } || {};
		my $fault = fault_of($result, $gap_allowed);

		push @faults, describe($query, $result, $fault, $text) if $fault;
		$ran{ $query->{kind} }++;
		$with_rows++ if $result->{rows};
		$with_error++ if defined $result->{local_error};
		$errors{ $result->{local_error} }++ if defined $result->{local_error};
		push @timed, [ $result->{seconds} // 0, $query ];
		note(describe($query, $result, 'replayed', $text)) if $ENV{CALLS_ONLY};
		show_plan($query) if $ENV{CALLS_ONLY};
	}
	$count += @batch;
	push @faults, "stderr: $stderr" if $stderr ne '';
	ok(!@faults, "queries $batch[0]{n} to $batch[-1]{n}");
	diag(@faults > 3 ? (@faults[ 0 .. 2 ], @faults - 3 . " more faults\n") : @faults) if @faults;
}

note(sprintf '%d queries in %.0f s, %d with rows, %d with an error on both sides; %s requests; %s',
	$count, time - $started, $with_rows, $with_error, $sim->stats->{requests}, join ', ', map { "$_ $ran{$_}" } sort keys %ran);
if ($ENV{CALLS_TIMES})
{
	note(sprintf "%.2f s, query %d: %s", $_->[0], $_->[1]{n}, join '; ', @{ $_->[1]{settings} }, @{ $_->[1]{steps} })
	  foreach (sort { $b->[0] <=> $a->[0] } @timed)[ 0 .. min(14, $#timed) ];
	note("$errors{$_} x $_") foreach sort { $errors{$b} <=> $errors{$a} } keys %errors;
}

SKIP:
{
	skip 'too few queries', 2 if $count < 500;
	cmp_ok($with_rows, '>', $count / 2, 'most queries find something');
	cmp_ok($with_error, '<', $count / 50, 'few queries fail, and then both ways');
}
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();
