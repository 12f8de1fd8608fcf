# Databases in other encodings than UTF-8: values convert, or say that they
# cannot; requests are UTF-8 everywhere.
use strict;
use warnings;

use CallsTest;
use Encode qw(encode);
use PostgreSQL::Test::Utils qw(slurp_file);
use Session;
use Test::More;

my $sim = start_simulator(calls => 400);
my $node = start_node('main', sim => $sim);

# Columns with text beyond ASCII
my %texts = (
	voicy => [qw(agent_name account_name)],
	tryvox => ['end_reason'],
	solomobile => ['summary'],
	whippy => [],
	ringyo => ['metadata::text']);
push @$_, 'raw::text' foreach values %texts;

# What is in UTF-8 stands in the database postgres.
create_servers($node, $sim);
load_local($node, $sim);
$node->safe_psql('postgres', q(
	CREATE FUNCTION fits(value text, encoding name) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
	BEGIN
		RETURN encoding = 'SQL_ASCII' OR convert_to(value, encoding) IS NOT NULL;
	EXCEPTION WHEN untranslatable_character THEN
		RETURN false;
	END $$;));

my %session = (UTF8 => Session->new($node));
foreach my $encoding (qw(LATIN1 EUC_JP SQL_ASCII))
{
	$session{$encoding} = make_database($encoding);
	check_values($encoding);
	check_names_and_positions($encoding);
}
check_definition($_) foreach qw(LATIN1 EUC_JP SQL_ASCII);
check_misfits('LATIN1', 'voicy', 'agent_name');
check_misfits('LATIN1', 'tryvox', 'provider_status', '"d\u00f6ne \u65e5"');
check_misfits('EUC_JP', 'ringyo', 'metadata');
check_misfits('EUC_JP', 'solomobile', 'summary');

check_filter('LATIN1', 'é', 1);
check_filter('LATIN1', 'Zürich', 1);
check_filter('EUC_JP', '日本', 1);
check_filter('EUC_JP', 'é', 1);
check_filter('SQL_ASCII', 'é', 0);
check_filter('SQL_ASCII', 'plain', 1);
check_filter('UTF8', '🌙 é 日本', 1);

done_testing();

# A database with all providers; tables of schema lenient replace bad values.
sub make_database
{
	my ($encoding) = @_;
	my $name = lc $encoding;
	my $url = $sim->url;

	$node->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$node->safe_psql($name, join "\n", 'CREATE EXTENSION calls_fdw; CREATE SCHEMA lenient;',
		map {
			my $options = $_ eq 'tryvox' ? ", account_id 'acc_1'" : '';
			qq(CREATE SERVER $_ FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider '$_', base_url '$url', trust_total 'false'$options);
			CREATE USER MAPPING FOR CURRENT_USER SERVER $_ OPTIONS (api_key '$api_key{$_}');
			CREATE SCHEMA $_;
			IMPORT FOREIGN SCHEMA $_ FROM SERVER $_ INTO $_;
			IMPORT FOREIGN SCHEMA $_ LIMIT TO (calls) FROM SERVER $_ INTO lenient;
			ALTER FOREIGN TABLE lenient.calls RENAME TO $_;
			ALTER FOREIGN TABLE lenient.$_ OPTIONS (ADD on_error 'set_null');)
		} @providers);
	my $session = Session->new($node, dbname => $name, settings => '-c client_min_messages=error');
	is($session->query('SHOW server_encoding'), $encoding, "$encoding: a database");
	return $session;
}

# Every call of each provider: text that has an equivalent is there, other text is null.
sub check_values
{
	my ($encoding) = @_;

	foreach my $provider (@providers)
	{
		my @columns = @{ $texts{$provider} };
		my $got = $session{$encoding}->query('SELECT ' . join(', ', 'call_id', @columns) . " FROM lenient.$provider ORDER BY call_id COLLATE \"C\"");
		my $expected = $session{UTF8}->query(
			'SELECT ' . join(', ', 'call_id', map { "CASE WHEN fits($_, '$encoding') THEN $_ END" } @columns)
			  . " FROM local.$provider ORDER BY call_id COLLATE \"C\"");
		my @lines = split /\n/, $expected;

		ok($got eq $expected, "$encoding, $provider: values convert") or diag(first_difference($got, $expected));
		cmp_ok(scalar(@lines), '>=', 400, "$encoding, $provider: of all calls");
		# every other column, too
		like($session{$encoding}->query("SELECT count(md5(t::text)) FROM lenient.$provider AS t"), qr/^400$/, "$encoding, $provider: all columns");
	}
	return;
}

sub first_difference
{
	my ($got, $expected) = @_;
	my @got = split /\n/, $got;
	my @expected = split /\n/, $expected;

	foreach my $i (0 .. $#expected)
	{
		return 'got ' . ($got[$i] // 'nothing') . ", expected $expected[$i]" if ($got[$i] // '') ne $expected[$i];
	}
	return 'too many rows';
}

# on_error stop: an error that names column and call
sub check_misfits
{
	my ($encoding, $provider, $column, $json) = @_;
	my $name = "$encoding, $provider.$column";

	$sim->fault($provider, 'value', field => 'status', json => $json) if $json;
	my $text = $session{$encoding}->query("SELECT count($column) FROM $provider.calls");
	is($session{$encoding}->sqlstate, '22P05', "$name: 22P05");
	my ($said, $id, $why) = $text =~ /ERROR:  22P05: invalid value for column "(.*?)" of call "(.*?)": (.*)/;
	is($said, $column, "$name: the message names the column") or diag($text);
	like($why // '', qr/^a character has no equivalent in encoding $encoding/, "$name: and the reason");
	is($session{UTF8}->query("SELECT fits($column\::text, '$encoding') FROM local.$provider WHERE call_id = '$id'"), 'f',
		"$name: and the call") if !$json;
	$sim->reset;

	my $lenient = Session->new($node, dbname => lc $encoding);
	$text = $lenient->query("SELECT count(*) FROM lenient.$provider WHERE $column IS NULL OR true");
	unlike($text, qr/WARNING/, "$name: no warning where the column is not read");
	$text = $lenient->query("SELECT count(*) - count($column) > 0 FROM lenient.$provider");
	like($text, qr/WARNING:  22000: \d+ values? of foreign table "$provider" did not fit/, "$name: one warning under set_null") if !$json;
	is(scalar(() = $text =~ /WARNING/g), $json ? 0 : 1, "$name: and not one for each");
	$lenient->close;
	return;
}

# Options, members and positions beyond ASCII
sub check_names_and_positions
{
	my ($encoding) = @_;
	my $session = $session{$encoding};
	my $word = 'clé';

	$session->query($_) foreach
	  "CREATE FOREIGN TABLE own_member (call_id text, value text OPTIONS (path 'extra.$word')) SERVER ringyo",
	  "ALTER SERVER tryvox OPTIONS (ADD source 'Büro')";
	is($session->query('SELECT source FROM tryvox.calls LIMIT 1'), 'Büro', "$encoding: the option source");
	$sim->fault('ringyo', 'value', field => 'extra', json => qq({"$word": "$word"}));
	is($session->query('SELECT value FROM own_member LIMIT 1'), $word, "$encoding: the option path");
	$sim->fault('ringyo', 'value', field => 'extra', json => '{"cl\u00e9": "cl\u00e9"}');
	is($session->query('SELECT value FROM own_member LIMIT 1'), $word, "$encoding: escaped in the reply");

	$sim->fault('ringyo', 'value', row => -1, field => 'next_cursor', json => '"é\u00e9+/="');
	$sim->clear;
	$session->query('SELECT count(call_id) FROM ringyo.calls');
	is(sent('ringyo', 1, 'query', 'cursor'), 'éé+/=', "$encoding: a position goes back as it came");
	$sim->fault('ringyo', 'status', code => 400, message => "d\xc3\xa9sol\xc3\xa9");
	like($session->query('SELECT count(call_id) FROM ringyo.calls'), qr/DETAIL:.*: d..?sol..?\.$/m, "$encoding: a provider's message");
	$sim->reset;
	return;
}

# A definition is the same in every database, whatever its prose.
sub check_definition
{
	my ($encoding) = @_;
	my $path = $node->config_data('--sharedir') . '/extension/calls_fdw';
	my $text = slurp_file("$path/ringyo.json") =~ s/"provider": "ringyo"/"provider": "prose"/r;

	open my $fh, '>', "$path/prose.json" or die "$path/prose.json: $!";
	print $fh $text =~ s/"title": "[^"]*"/"title": "Zürich — 日本 🌙"/r;
	close $fh;
	my $error = $session{$encoding}->query("CREATE SERVER prose FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'prose')");
	is($session{$encoding}->sqlstate, '00000', "$encoding: a definition with a title beyond ASCII") or diag($error);
	$session{$encoding}->query("SELECT calls_fdw_definition('prose')");
	is($session{$encoding}->sqlstate, $encoding eq 'SQL_ASCII' ? '00000' : '22P05', "$encoding: its text converts or raises");

	# The same as an option is in the database's encoding.
	my $word = $encoding eq 'EUC_JP' ? '日本' : 'Zürich';
	$text =~ s/"title": "[^"]*"/"title": "$word"/;
	$error = $session{$encoding}->query("CREATE SERVER own FOREIGN DATA WRAPPER calls_fdw OPTIONS (definition '$text')");
	is($session{$encoding}->sqlstate, '00000', "$encoding: a definition in an option") or diag($error);
	unlink "$path/prose.json";
	return;
}

# What a request had in its query or body, as UTF-8
sub sent
{
	my ($provider, $request, $place, $name) = @_;
	my $members = ($sim->log($provider))[$request]{$place};

	return encode('UTF-8', ref $members eq 'HASH' ? $members->{$name} // 'none' : 'no JSON object');
}

# A filter value is sent as UTF-8, or not at all where its encoding is unknown.
sub check_filter
{
	my ($encoding, $value, $sent) = @_;
	my $session = $session{$encoding};
	my $name = "$encoding, filter '$value'";
	my $query = "FROM whippy.calls WHERE language = '$value'";

	$sim->clear;
	is($session->query("SELECT count(*) $query"), '0', "$name: the result");
	is(sent('whippy', 0, 'body', 'language'), $sent ? $value : 'none', "$name: in the body");
	$session->query("SELECT count(*) FROM ringyo.calls WHERE agent_id IN ('$value')");
	is(sent('ringyo', 0, 'query', 'agent_id'), $sent ? $value : 'none', "$name: in the query");
	$session->query("PREPARE p (text) AS SELECT count(*) FROM whippy.calls WHERE language = \$1");
	$sim->clear;
	$session->query("EXECUTE p ('$value')");
	is(sent('whippy', 0, 'body', 'language'), $sent ? $value : 'none', "$name: as a parameter");
	$session->query('DEALLOCATE p');

	my $plan = $session->query("EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id $query");
	my ($request) = $plan =~ /Remote Request: (.*)/ or diag($plan);
	if ($sent)
	{
		like($request, qr/"language": ?"\Q$value\E"/, "$name: in EXPLAIN");
	}
	else
	{
		unlike($request, qr/language/, "$name: not in EXPLAIN");
	}
	return;
}
