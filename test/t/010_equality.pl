# The same condition finds the same rows, in the provider's log and in a local
# copy of it, whatever the provider's documentation leaves open; and the log of
# requests shows that the provider was asked for them.
#
# The conditions are in predicates/PROVIDER.tsv, one a line; its head explains
# the columns.  Every condition runs under every setting below, except that of
# those that send no filter, and so all make the same requests, a fifth does.
use strict;
use warnings;

use CallsTest;
use IPC::Run;
use JSON::PP;
use Test::More;

my $calls = 450;
my $page_size = 75;
my $zone = 'Europe/Berlin';

# What the documentation leaves open, or does not forbid.  Keys: switches, of
# the simulator; for, the providers that know them (default: all); zone, the
# session's TimeZone; page_size; all, to run every condition and to look at the
# parameters of every request; gap, to accept an error instead of rows, because
# what the provider says of itself contradicts what it does.
my @settings = (
	{ switches => '', all => 1 },
	{ zone => 'Pacific/Kiritimati' },
	{ switches => 'bounds=exclusive', for => 'voicy solomobile whippy ringyo' },
	{ switches => 'max_limit=37' },
	{ switches => 'pagination_key=inclusive', for => 'voicy' },
	{ switches => 'cursor=inclusive', for => 'ringyo' },
	{ switches => 'cursor=exclusive', for => 'ringyo', gap => 1 },
	{ switches => 'empty=ignore' },
	{ switches => 'filters=off' },
	{ switches => 'filters=call_status,lower_threshold', for => 'voicy' },
	{ switches => 'filters=status,from', for => 'tryvox' },
	{ switches => 'filters=phone_number,from_date', for => 'solomobile ringyo' },
	{ switches => 'filters=delivery_status,after,voicemail', for => 'whippy' },
	{ switches => 'total=missing', for => 'tryvox solomobile whippy ringyo' },
	{ switches => 'total=-5', for => 'tryvox solomobile whippy ringyo' },
	{ switches => 'total=+5', for => 'tryvox solomobile whippy ringyo', gap => 1 },
	{ switches => 'order=id', for => 'solomobile whippy' },
	{ switches => 'order=random', for => 'solomobile whippy' },
	{ switches => 'compress=gzip' },
	{ switches => 'compress=none' },
	{ switches => 'statuses=all', all => 1 },
	{
		switches => 'statuses=all bounds=exclusive max_limit=37 empty=ignore compress=gzip pagination_key=inclusive',
		for => 'voicy'
	},
	{ switches => 'statuses=all max_limit=37 empty=ignore compress=gzip total=missing', for => 'tryvox' },
	{
		switches => 'statuses=all bounds=exclusive max_limit=37 empty=ignore compress=gzip total=missing order=random',
		for => 'solomobile whippy'
	},
	{
		switches => 'statuses=all bounds=exclusive max_limit=37 empty=ignore compress=gzip total=-5 cursor=inclusive',
		for => 'ringyo'
	},
	{ switches => 'calls=1100 total=capped', for => 'tryvox solomobile whippy ringyo', page_size => 100 },
);

# Parameters that page through a list
my %paging = map { $_ => 1 } qw(limit offset page per_page cursor pagination_key);

my $sim = start_simulator(calls => $calls);
my $node = start_node('main', conf => <<"END");
timezone = '$zone'
plan_cache_mode = force_generic_plan
test.word = 'busy'
END
my %predicates;

# ---- tables and functions --------------------------------------------------

# A table whose columns have other types than those imported, and its local
# counterpart.
sub create_retyped
{
	my ($provider) = @_;

	return qq{
CREATE FOREIGN TABLE $provider.retyped (
	call_id text,
	status varchar,
	agent_id text,
	started_local timestamp OPTIONS (column_name 'started_at'),
	started_day date OPTIONS (column_name 'started_at'),
	started_ms bigint OPTIONS (column_name 'started_at'),
	started_rounded timestamptz(0) OPTIONS (column_name 'started_at'),
	seconds integer OPTIONS (column_name 'duration'),
	seconds_big bigint OPTIONS (column_name 'duration'),
	seconds_numeric numeric OPTIONS (column_name 'duration'),
	minutes interval minute OPTIONS (column_name 'duration')
) SERVER $provider;

CREATE VIEW local.${provider}_retyped AS
SELECT call_id, status::varchar, agent_id,
	started_at::timestamp AS started_local,
	started_at::date AS started_day,
	floor(extract(epoch FROM started_at) * 1000)::bigint AS started_ms,
	started_at::timestamptz(0) AS started_rounded,
	trunc(extract(epoch FROM duration))::integer AS seconds,
	trunc(extract(epoch FROM duration))::bigint AS seconds_big,
	extract(epoch FROM duration) AS seconds_numeric,
	duration::interval minute AS minutes
FROM local.$provider;
};
}

my $functions = <<'END';
CREATE SCHEMA test;

-- Not deterministic: equality under it is not what a provider would find.
CREATE COLLATION test.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

-- The conditions of the files, and what they find in the local copy.
CREATE TABLE test.predicate (provider text, n integer, sends text, relation text, condition text, arguments text);
CREATE TABLE test.expected (provider text, n integer, rows text[], ids text[], PRIMARY KEY (provider, n));
ALTER TABLE test.expected ALTER rows SET STORAGE EXTERNAL, ALTER ids SET STORAGE EXTERNAL;

-- Where a predicate looks for calls.
CREATE FUNCTION test.relation_of(p test.predicate, local boolean) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN local THEN 'local.' || p.provider || CASE p.relation WHEN 'calls' THEN '' ELSE '_retyped' END
		ELSE p.provider || '.' || p.relation END
$$;

-- The result of a query, prepared if there are arguments.
CREATE FUNCTION test.result_of(query text, arguments text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	result text[];
BEGIN
	IF arguments IS NULL THEN
		EXECUTE query INTO result;
		RETURN result;
	END IF;
	DEALLOCATE ALL;
	EXECUTE 'PREPARE query AS ' || query;
	EXECUTE format('EXECUTE query(%s)', arguments) INTO result;
	IF (SELECT generic_plans FROM pg_prepared_statements) = 0 THEN
		RAISE EXCEPTION 'the plan is not generic';
	END IF;
	RETURN result;
END $$;

-- The rows that a predicate finds in a table, sorted: ids and hashes, either of
-- all that the row shows, or of the values of all columns but the raw call.
CREATE FUNCTION test.rows_of(p test.predicate, local boolean, as_text boolean) RETURNS text[] LANGUAGE sql AS $$
	SELECT test.result_of(format('SELECT coalesce(array_agg(x ORDER BY x), ''{}'')
			FROM (SELECT call_id || '' '' || %s FROM %s AS t WHERE %s) AS r(x)',
		CASE WHEN as_text AND p.relation = 'calls' THEN 'md5(t::text)'
			ELSE format('hash_record_extended(ROW(%s), 0)', (
				SELECT string_agg('t.' || attname, ', ' ORDER BY attnum) FROM pg_attribute
				WHERE attrelid = test.relation_of(p, false)::regclass AND attnum > 0 AND attname <> 'raw')) END,
		test.relation_of(p, local), p.condition), p.arguments)
$$;

-- Some of the ids that it finds.
CREATE FUNCTION test.some_ids_of(p test.predicate, most integer) RETURNS text[] LANGUAGE sql AS $$
	SELECT test.result_of(format('SELECT coalesce(array_agg(call_id), ''{}'')
			FROM (SELECT call_id FROM %s AS t WHERE %s LIMIT %s) AS r',
		test.relation_of(p, false), p.condition, most), p.arguments)
$$;

-- Notes what the local copy says; a line for each predicate that is wrong.
CREATE FUNCTION test.expect(which text, as_text boolean) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	p test.predicate;
BEGIN
	DELETE FROM test.expected WHERE provider = which;
	FOR p IN SELECT * FROM test.predicate WHERE provider = which LOOP
		BEGIN
			INSERT INTO test.expected (provider, n, rows) VALUES (which, p.n, test.rows_of(p, true, as_text));
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT format('%s: %s', p.condition, SQLERRM);
		END;
	END LOOP;
	UPDATE test.expected SET ids = ARRAY(SELECT split_part(x, ' ', 1) FROM unnest(rows) AS r(x))
		WHERE provider = which;
	ANALYZE test.expected;
END $$;

-- At most five of the ids that one array has more of than the other one.
CREATE FUNCTION test.more_in(a text[], b text[]) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(split_part(x, ' ', 1), ', ' ORDER BY x), 'none')
	FROM (SELECT unnest(a) EXCEPT ALL SELECT unnest(b) ORDER BY 1 LIMIT 5) AS r(x)
$$;

-- Runs the predicates of a provider; a line for each one that fails.  Either
-- all of them, or a fifth of those that send nothing and all others, a third of
-- them also with a LIMIT.  The number of the predicate, in a header, tells its
-- requests apart.
CREATE FUNCTION test.compare(which text, setting integer, everything boolean, gap_allowed boolean)
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	p test.predicate;
	wanted test.expected;
	got text[];
	wanted_count integer;
BEGIN
	FOR p IN
		SELECT * FROM test.predicate
		WHERE provider = which AND (everything OR sends <> '-' OR (n + setting) % 5 = 0) ORDER BY n
	LOOP
		SELECT * INTO wanted FROM test.expected WHERE provider = which AND n = p.n;
		EXECUTE format('ALTER USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (SET headers %L)',
			which, format('{"X-Predicate": "%s"}', p.n));
		BEGIN
			got := test.rows_of(p, false, everything);
			IF got IS DISTINCT FROM wanted.rows THEN
				RETURN NEXT format('%s: %s rows, expected %s; missing: %s; unexpected: %s',
					p.condition, cardinality(got), cardinality(wanted.rows),
					test.more_in(wanted.rows, got), test.more_in(got, wanted.rows));
			END IF;
			CONTINUE WHEN NOT everything AND (p.n + setting) % 3 <> 0;
			got := test.some_ids_of(p, 40);
			wanted_count := least(40, cardinality(wanted.rows));
			IF NOT got <@ wanted.ids OR cardinality(got) <> wanted_count OR
				(SELECT count(DISTINCT x) FROM unnest(got) AS r(x)) <> wanted_count
			THEN
				RETURN NEXT format('%s LIMIT 40: %s rows, expected %s; unexpected: %s',
					p.condition, cardinality(got), wanted_count, test.more_in(got, wanted.ids));
			END IF;
		EXCEPTION WHEN OTHERS THEN
			IF NOT (gap_allowed AND SQLSTATE = 'HV000' AND SQLERRM LIKE '%are incomplete%') THEN
				RETURN NEXT format('%s: %s %s', p.condition, SQLSTATE, SQLERRM);
			END IF;
		END;
	END LOOP;
END $$;
END

# ---- predicates ------------------------------------------------------------

# The words in braces and what they stand for, as the files explain them.
sub words_of
{
	my ($provider) = @_;
	my %columns = (agent => 'agent_id', from => 'from_number', to => 'to_number');
	my %sql;

	@columns{qw(contact channel conversation version)} = qw(contact_id channel_id conversation_id agent_version_id)
	  if $provider eq 'whippy';
	foreach my $word (keys %columns)
	{
		my $pattern = $columns{$word} =~ /number/ ? '^[+]' : '.';
		foreach my $n (1, 2)
		{
			$sql{"$word$n"} = "SELECT $columns{$word} FROM local.$provider WHERE $columns{$word} ~ '$pattern'"
			  . " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1 OFFSET $n - 1";
		}
	}
	foreach my $word ('from', 'to')
	{
		$sql{"${word}3"} = "SELECT ${word}_number FROM local.$provider"
		  . " WHERE from_number ~ '^[+]' AND to_number ~ '^[+]' ORDER BY call_id LIMIT 1";
	}
	foreach my $n (25, 50, 75)
	{
		my $start = "(SELECT percentile_disc(0.$n) WITHIN GROUP (ORDER BY started_at) AS at FROM local.$provider) AS s";

		$sql{"t$n"} = "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00' FROM $start";
		$sql{"l$n"} = "SELECT at::timestamp FROM $start";
		$sql{"d$n"} = "SELECT at::date FROM $start";
		$sql{"ms$n"} = "SELECT floor(extract(epoch FROM at) * 1000) FROM $start";
		$sql{"id$n"} = "SELECT min(call_id) FROM local.$provider WHERE started_at = (SELECT at FROM $start)";
		$sql{"dur$n"} = "SELECT percentile_disc(0.$n) WITHIN GROUP (ORDER BY duration)"
		  . " FROM local.$provider WHERE duration > '0'";
	}

	my @names = sort keys %sql;
	my @values = split /\|/, join '', query_rows($node, 'SELECT ' . join(', ', map { "($sql{$_})" } @names));
	my %words = (local => "local.$provider");

	@words{@names} = @values;
	return %words;
}

sub sorted
{
	return join ',', sort @_;
}

# The predicates of a provider as hashes, also stored in test.predicate.
sub read_predicates
{
	my ($provider) = @_;
	my %words = words_of($provider);
	my $any = join '|', keys %words;
	my (@predicates, @rows);

	open my $file, '<:raw', "predicates/$provider.tsv" or die "predicates/$provider.tsv: $!";
	while (my $line = <$file>)
	{
		next if $line =~ /^#|^\s*$/;
		chomp $line;
		$line =~ s/\{($any)\}/$words{$1}/g;

		my ($sends, $relation, $condition, $arguments) = split /\t/, $line;
		my @row = ($provider, scalar @predicates, $sends, $relation, $condition, $arguments);

		die "predicates/$provider.tsv, line $.: $line" if !defined $condition;
		push @rows, '(' . join(', ', map { defined $_ ? CallsTest::quote($_) : 'NULL' } @row) . ')';
		push @predicates, {
			sends => $sends,
			parameters => [ $sends =~ /^[0?]$/ ? () : $sends eq '-' ? '' : map { sorted(split /,/) } split /\|/, $sends ],
			condition => defined $arguments ? "$condition, executed with ($arguments)" : $condition
		};
	}
	$node->safe_psql('postgres', 'INSERT INTO test.predicate VALUES ' . join ', ', @rows);
	return \@predicates;
}

# ---- one provider under one setting ----------------------------------------

# What each local copy holds, and what test.expected was computed for
my %data = map { $_ => '' } @providers;
my %expected = map { $_ => 'nothing' } @providers;

# Starts a session that runs all predicates; finish_run waits for it.
sub start_run
{
	my ($provider, $index) = @_;
	my $setting = $settings[$index];
	my $switches = $setting->{switches} // '';
	my $new_data = join ' ', $switches =~ /((?:calls|statuses)=\w+)/g;
	my $new_zone = $setting->{zone} || $zone;
	my $all = $setting->{all} ? 'true' : 'false';
	my $run = { provider => $provider, setting => $setting, out => "$PostgreSQL::Test::Utils::tmp_check/$provider.out" };
	my @sql = ("SET timezone = '$new_zone'; SET client_min_messages = warning");

	$run->{name} = "$provider, " . ($switches || ($setting->{zone} ? "zone $new_zone" : 'default'));
	$sim->set($provider, map { split /=/, $_, 2 } split ' ', $switches) if $switches;
	load_local($node, $sim, $provider) if $new_data ne $data{$provider};
	$data{$provider} = $new_data;
	push @sql, "SELECT test.expect('$provider', $all)" if $expected{$provider} ne "$new_data $new_zone $all";
	$expected{$provider} = "$new_data $new_zone $all";

	push @sql, "ALTER SERVER $provider OPTIONS (SET page_size '" . ($setting->{page_size} || $page_size) . "')";
	# one at a time where the requests are looked at: long logs are read at several places at once
	push @sql, "ALTER SERVER $provider OPTIONS (SET max_connections '" . ($setting->{all} ? 1 : 8) . "')";
	push @sql, sprintf "SELECT test.compare('%s', %d, %s, %s)", $provider, $index,
	  $all, $setting->{gap} ? 'true' : 'false';
	$run->{session} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), map { ('-c', $_) } @sql ],
		'<', \undef, '>&', $run->{out});
	return $run;
}

# Check lines of text: nothing is good.
sub no_lines
{
	my ($name, @lines) = @_;
	my $ok = ok(!@lines, $name);

	splice @lines, 20, @lines - 20, '...' if @lines > 21;
	diag(join "\n", @lines) if !$ok;
	return;
}

# The names of a request's filter parameters.
sub filter_parameters
{
	my ($prefix, $object) = @_;

	return map {
		my $name = "$prefix$_";
		$paging{$name} ? () : ref $object->{$_} eq 'HASH' ? filter_parameters("$name.", $object->{$_}) : $name;
	} keys %{ $object || {} };
}

# A line for each predicate whose requests are not those expected; the names of
# parameters are looked at only if asked.
sub wrong_requests
{
	my ($provider, $look_at_parameters) = @_;
	my $json = JSON::PP->new->utf8->canonical;
	my (%seen, %wrong);

	foreach my $line (split /\n/, $sim->command('log', provider => $provider))
	{
		my $n = $line =~ /"x-predicate": ?"(\d+)"/ ? $1 : -1;
		my $predicate = $n >= 0 ? $predicates{$provider}[$n] : { condition => 'no condition', sends => '0' };
		my $good = $line =~ /"ok": ?true/ && $predicate->{sends} ne '0';

		next if $wrong{$n} || $good && (!$look_at_parameters || $predicate->{sends} eq '?');

		my $request = $json->decode($line);
		my $names = sorted(filter_parameters('', $request->{query}), filter_parameters('', $request->{body}));

		$seen{$n}{$names} = 1;
		next if $good && grep { $_ eq $names } @{ $predicate->{parameters} };
		$wrong{$n} = "$predicate->{condition}: expected \"$predicate->{sends}\", not "
		  . $json->encode([ @$request{qw(query body status)} ]);
	}
	foreach my $n ($look_at_parameters ? 0 .. $#{ $predicates{$provider} } : ())
	{
		my $predicate = $predicates{$provider}[$n];

		$wrong{$n} ||= "$predicate->{condition}: no request with $_"
		  foreach grep { !$seen{$n}{$_} } @{ $predicate->{parameters} };
	}
	return map { $wrong{$_} } sort keys %wrong;
}

sub finish_run
{
	my ($run) = @_;

	$run->{session}->finish;
	no_lines("$run->{name}: the same rows", split /\n/, PostgreSQL::Test::Utils::slurp_file($run->{out}));
	no_lines("$run->{name}: the requests expected", wrong_requests($run->{provider}, $run->{setting}{all}));
	return;
}

# ---- the test --------------------------------------------------------------

create_servers($node, $sim, server => { page_size => $page_size, max_connections => 4 });
load_local($node, $sim);
$node->safe_psql('postgres', join "\n", $functions, map {
	create_retyped($_) . "ALTER USER MAPPING FOR CURRENT_USER SERVER $_ OPTIONS (ADD headers '{}');"
} @providers);
%predicates = map { $_ => read_predicates($_) } @providers;
cmp_ok(scalar @{ $predicates{$_} }, '>=', 40, "$_: enough conditions") foreach @providers;

foreach my $index (0 .. $#settings)
{
	my $for = $settings[$index]{for} || "@providers";

	$sim->reset;
	finish_run($_) foreach map { start_run($_, $index) } split ' ', $for;
}

is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();
