# Provider definitions: bad ones are refused with a message that says where,
# changed ones are read again, and new ones need nothing but their file.
use strict;
use warnings;

use CallsTest;
use FakeServer;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils qw(slurp_file);
use Session;
use Test::More;
use Time::HiRes qw(sleep);

my $sim = start_simulator(calls => 500);
my $node = start_node('main', sim => $sim);
my $directory = $node->config_data('--sharedir') . '/extension/calls_fdw';
my %written;

if (!-w $directory)
{
	plan skip_all => "cannot write to $directory";
}

my $session = Session->new($node);
check_names();
check_texts();
check_members();
check_files();
check_changes();
check_newer_voicy();
check_lost_order();
$session->close;

done_testing();

END
{
	unlink keys %written;
}

sub path_of
{
	my ($name) = @_;
	my $path = "$directory/$name.json";

	$written{$path} = 1;
	return $path;
}

# Install a definition, a text or a structure, as a package manager would.
sub install
{
	my ($name, $definition) = @_;
	my $path = path_of($name);

	write_file("$path.new", ref $definition ? JSON::PP->new->canonical->encode($definition) : $definition);
	rename "$path.new", $path or die "$path: $!";
	return;
}

# The structure of a definition that comes with the extension, under this name
sub definition
{
	my ($name, $as) = @_;
	my $definition = JSON::PP->new->decode(slurp_file("$directory/$name.json"));

	$definition->{provider} = $as || 'broken';
	return $definition;
}

# What CREATE SERVER says to a provider: (SQLSTATE, text)
sub try_provider
{
	my ($provider) = @_;
	my $text = $session->query("CREATE SERVER probe FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider \$\$$provider\$\$)");
	my $state = $session->sqlstate;

	$session->query('DROP SERVER probe') if $state eq '00000';
	return ($state, $text);
}

# The definition installed as "broken" is refused: what DETAIL and HINT say.
sub refused
{
	my ($name, $detail, $hint) = @_;
	my ($state, $text) = try_provider('broken');
	my $ok = $state eq 'HV00A'
	  && $text =~ /ERROR:  HV00A: invalid definition of provider "broken"$/m
	  && $text =~ /^DETAIL:  $detail/m
	  && ($hint ? $text =~ /^HINT:  $hint/m : 1);

	ok($ok, "refused: $name") or diag('expected DETAIL ' . $detail . ($hint ? " and HINT $hint" : '') . "\n" . ($text || 'it was accepted'));
	return;
}

sub accepted
{
	my ($name) = @_;
	my ($state, $text) = try_provider('broken');

	is($state, '00000', "accepted: $name") or diag($text);
	return;
}

# Names that are no provider's, and those that would lead elsewhere
sub check_names
{
	foreach my $case (
		[ 'voicyy', 'Perhaps you meant the provider "voicy"' ],
		[ 'solo_mobile', 'Perhaps you meant the provider "solomobile"' ],
		[ 'twilio', 'Installed providers are: .*ringyo, solomobile, tryvox, voicy, whippy' ],
		map { [ $_, '' ] } 'Voicy', 'voicy ', ' voicy', 'voicy.json', 'schema', './voicy', '../calls_fdw/voicy', '../voicy', '/voicy',
		'../../../../../../../../../../../etc/passwd', 'voicy/', "voicy\nx", '%76oicy', "vo\x{c3}\x{ad}cy", '1voicy', '_voicy', '.', '..', '-', 'a' x 64, 'a' x 5000)
	{
		my ($provider, $hint) = @$case;
		my ($state, $text) = try_provider($provider);
		my $shown = (length $provider > 40 ? substr($provider, 0, 40) . '...' : $provider) =~ s/[^ -~]/?/gr;

		is($state, 'HV024', "no provider: \"$shown\"") or diag($text);
		like($text, qr/ does not exist.*^HINT:  $hint/ms, "which the message of \"$shown\" says");
	}
	my ($state, $text) = try_provider('');
	is($state, 'HV024', 'no provider: ""') or diag($text);
	return;
}

# Files that are no JSON, or not of our kind
sub check_texts
{
	my $voicy = slurp_file("$directory/voicy.json") =~ s/"provider": "voicy"/"provider": "broken"/r;

	install('broken', $voicy);
	accepted('a copy');
	foreach my $case (
		[ 'nothing', '', 'The document is not JSON' ],
		[ 'half of it', substr($voicy, 0, length($voicy) / 2), 'The document is not JSON, line \d+' ],
		[ 'more behind it', "$voicy x", 'The document is not JSON' ],
		[ 'a comment', "/* voicy */ $voicy", 'The document is not JSON, line 1' ],
		[ 'a comma at the end', $voicy =~ s/\}\s*\z/, }/r, 'The document is not JSON' ],
		[ 'single quotes', $voicy =~ tr/"/'/r, 'The document is not JSON' ],
		[ 'HTML', '<!DOCTYPE html><html></html>', 'The document is not JSON' ],
		[ 'NaN', $voicy =~ s/: 1000/: NaN/r, 'The document is not JSON' ],
		[ 'a byte order mark', "\xef\xbb\xbf$voicy", 'The document is not JSON' ],
		[ 'Latin 1', $voicy =~ s/"Voicy"/"Vo\xefcy"/r, 'The document is not valid UTF-8' ],
		[ 'UTF-16', $voicy =~ s/(.)/$1\0/gsr, 'The file contains a null byte' ],
		[ 'half a surrogate pair', $voicy =~ s/"Voicy"/"Vo\\ud800cy"/r, 'The document is not JSON' ],
		[ 'a null character', $voicy =~ s/"Voicy"/"Vo\\u0000cy"/r, 'The document is not JSON' ],
		[ 'an array', '[]', 'The document must be an object' ],
		[ 'a number', '1', 'The document must be an object' ],
		[ 'null', 'null', 'The document must be an object' ],
		[ 'depth', '{"x":' x 100_000 . '1' . '}' x 100_000, 'The document nests deeper than 32 levels' ],
		[ 'open brackets', '[' x 1_000_000, 'The document nests deeper than 32 levels' ],
		[ 'a key twice', $voicy =~ s/"title":/"title": "x", "title":/r, 'Key "title" is given twice' ],
		[ 'a key twice below', $voicy =~ s/"style":/"style": "page", "style":/r, 'Key "paging.style" is given twice' ],
		[ 'a key twice in an array', $voicy =~ s/"op": "="/"op": ">=", "op": "="/r, 'Key "filters\[0\].op" is given twice' ],
		[ 'a word twice', $voicy =~ s/"busy": "busy"/"busy": "failed", "busy": "busy"/r, 'Key "columns.status.values.busy" is given twice' ],
		[ 'a key twice, escaped', $voicy =~ s/"title":/"titl\\u0065": "x", "title":/r, 'Key "title" is given twice' ],
		[ 'another provider', slurp_file("$directory/voicy.json"), 'Key "provider" is "voicy", which is not the name of the file' ],
		[ 'null in place of an object', $voicy =~ s/"auth": \{[^\}]*\{[^\}]*\}[^\}]*\}/"auth": null/r, 'Key "auth" must be an object, not null' ],
		[ 'a megabyte', $voicy . ' ' x (1024 * 1024), 'The file is larger than 1 MB' ])
	{
		my ($name, $text, $detail) = @$case;

		install('broken', $text);
		refused($name, $detail);
	}
	install('broken', $voicy . ' ' x (1024 * 1024 - length $voicy));
	accepted('exactly a megabyte');
	return;
}

# One member changed at a time: [ path, value or undef to take it out, what
# DETAIL says of the path, HINT ]; a path may end with another key to expect.
sub check_members
{
	my %cases = (
		voicy => [
			(map { [ $_, undef, 'is missing' ] } qw(provider title docs base_url auth request rows paging columns)),
			# details
			[ 'details', [], 'must be an object, not an array' ],
			(map { [ "details.$_", undef, 'is missing' ] } qw(request columns request.method request.path)),
			[ 'details.by_di', JSON::PP::true, 'is unknown', 'Perhaps you meant the key "by_id"' ],
			[ 'details.by_id', 'yes', 'must be a boolean, not a string' ],
			(map { [ 'details.request.path', $_, 'must contain \{call_id\} once' ] } '/v1/get-call', '/v1/{call_id}/{call_id}', '/v1/{id}'),
			(map { [ 'details.request.path', $_, 'must have \{call_id\} as a segment of its own' ] } '/v1/x{call_id}', '/v1/{call_id}x', '{call_id}'),
			(map { [ 'details.request.path', $_, 'must ' ] } '//{call_id}', '/../{call_id}', '/{call_id}/..', '/{call_id}?x=1', '/{api_key}/{call_id}', '/{call_id}/{x}'),
			[ 'details.request.in', 'body', 'cannot be "body" for the method GET' ],
			[ 'details.request.parameters', { 'a..b' => 1 }, 'is not a valid parameter name' ],
			[ 'details.object', 5, 'must be a string, not an integer' ],
			[ 'details.object', [], 'must not be empty' ],
			[ 'details.object', [''], undef ],
			[ 'details.object', 'data.call', undef ],
			[ 'details.object', [ '', 'a..b' ], 'must not have an empty segment' ],
			[ 'details.columns.summary', { type => 'text' }, 'is missing' ],
			[ 'details.columns.Summary', { type => 'text', path => 'summary' }, 'must be named by' ],
			(map { [ "details.columns.$_", { type => 'text', path => 'summary' }, 'is a column that calls_fdw adds itself' ] } qw(source provider raw call_id)),
			[ 'details.columns.gender', { type => 'text', path => 'agent.gender' }, 'cannot be true while', undef, 'details.by_id' ],
			[ 'pagin', {}, 'is unknown', 'Perhaps you meant the key "paging"' ],
			[ 'zzzzzzzzzz', 1, 'is unknown' ],
			[ 'paging.siz_max', 5, 'is unknown', 'Perhaps you meant the key "size_max"' ],
			[ 'auth.password', 'x', 'is unknown' ],
			[ 'columns.status.valeus', {}, 'is unknown', 'Perhaps you meant the key "values"' ],
			[ 'filters[0].lst', 'array', 'is unknown', 'Perhaps you meant the key "list"' ],
			[ 'provider', 5, 'must be a string, not an integer' ],
			[ 'title', '', 'must not be empty' ],
			[ 'title', [], 'must be a string, not an array' ],
			[ 'docs', 'docs.voicy.co', 'must be an http or https URL' ],
			[ 'filters', {}, 'must be an array, not an object' ],
			[ 'filters[0]', 'status', 'must be an object, not a string' ],
			[ 'columns', [], 'must be an object, not an array' ],
			[ 'paging.size_max', '1000', 'must be an integer, not a string' ],
			[ 'paging.size_max', 0, 'must be between 1 and' ],
			[ 'paging.size_max', 2**31, 'must be between 1 and' ],
			[ 'paging.size_max', 1.5, 'must be an integer, not a number with fraction' ],
			[ 'paging.size_default', 1001, 'must not be greater than "size_max"' ],
			[ 'order.nulls', 'no', 'must be a boolean, not a string' ],
			# base_url and path
			(map { [ 'base_url', $_, 'must ' ] } '', 'voicy.co', 'ftp://api.voicy.co', 'http://api.voicy.co', 'https://user:word@api.voicy.co',
				'https://api.voicy.co?x=1', 'https://api.voicy.co#x', 'https://{account_id}.voicy.co', 'https://'),
			(map { [ 'request.path', $_, 'must ' ] } '', 'v1/list-calls', '//evil.example/v1', '/v1/../admin', '/v1/%2e%2E/admin', '/v1?x=1', '/v1#x',
				'/v 1', '/v1\\x', '/v1/%2', '/{api_key}', '/{id}', "/v1\nHost: x"),
			# closed sets of words
			[ 'request.method', 'PUT', 'cannot be "PUT"' ],
			[ 'request.method', 'post', 'cannot be "post"' ],
			[ 'request.in', 'header', 'cannot be "header"' ],
			[ 'paging.style', 'pages', 'cannot be "pages"', 'Perhaps you meant the word "page"' ],
			[ 'paging.style', 'links', 'cannot be "links"' ],
			[ 'order.default', 'descending', 'cannot be "descending"', 'Valid words are: "asc", "desc"' ],
			[ 'columns.cost.type', 'int', 'cannot be "int"' ],
			[ 'columns.cost.type', 'number', 'cannot be "number"', 'Perhaps you meant the word "numeric"' ],
			[ 'columns.started_at.format', 'iso', 'cannot be "iso"' ],
			[ 'filters[0].op', '==', 'cannot be "=="' ],
			[ 'filters[0].list', 'arrays', 'cannot be "arrays"', 'Perhaps you meant the word "array"' ],
			[ 'filters[0].match', 'fuzzy', 'cannot be "fuzzy"' ],
			[ 'filters[4].bound', 'inclusiv', 'cannot be "inclusiv"', 'Perhaps you meant the word "inclusive"' ],
			[ 'filters[4].precision', 'sec', 'cannot be "sec"' ],
			# words that do not fit together
			[ 'auth.basic', '{account_id}:{api_key}', '', undef, 'auth\.(header|value)' ],
			[ 'auth.value', 'Bearer x', 'must contain \{api_key\}' ],
			[ 'auth.value', 'Bearer {api_key}{token}', 'must have no braces but' ],
			[ 'auth.value', "Bearer {api_key}\nX: y", 'must consist of printable ASCII' ],
			[ 'auth.header', 'X Key', 'is not a valid HTTP header name' ],
			[ 'auth.header', 'Host', 'is a header that only calls_fdw itself may set' ],
			[ 'paging.first', 1, 'is not used by the style "last_id"' ],
			[ 'paging.next', 'next', 'is not used by the style "last_id"' ],
			[ 'paging.param', undef, 'is missing' ],
			[ 'columns.call_id.key', undef, 'must be true for the paging style "last_id"' ],
			[ 'columns.currency.key', JSON::PP::true, 'is for call_id only' ],
			[ 'columns.call_id', undef, 'is missing' ],
			[ 'columns.ended_at', undef, 'is missing' ],
			[ 'columns.call_id', { absent => JSON::PP::true }, 'must not be true for call_id', undef, 'columns.call_id.absent' ],
			[ 'columns.cost', { absent => JSON::PP::true, type => 'text' }, '', undef, 'columns.cost.' ],
			[ 'columns.raw', { type => 'jsonb', path => 'x' }, 'is a column that calls_fdw adds itself' ],
			[ 'columns.Cost', { type => 'text', path => 'x' }, 'must be named by lower-case letters' ],
			[ 'columns.' . 'a' x 64, { type => 'text', path => 'x' }, 'must be named by lower-case letters' ],
			[ 'columns.status.type', 'text', 'is fixed for a common column' ],
			[ 'columns.started_at.format', undef, 'is missing' ],
			[ 'columns.started_at.format', 'ms', 'cannot be "ms" for the type timestamptz' ],
			[ 'columns.status.path', 'a..b', 'must not have an empty segment' ],
			[ 'columns.status.values.busy', 'bussy', 'cannot be "bussy", which is no word of the common column', 'Perhaps you meant the word "busy"' ],
			[ 'columns.direction.values.incoming', 'in', 'cannot be "in", which is no word of the common column' ],
			[ 'columns.status.reply_only', [ 'ended', 'busy' ], 'is "busy", which "values" maps', undef, 'columns.status.reply_only\[1\]' ],
			[ 'order.column', 'start', 'names the column "start", which is not defined' ],
			[ 'order.column', 'ended_at', 'names the column "ended_at", which is absent' ],
			[ 'order.asc', undef, undef ],
			# filters
			[ 'filters[0].column', 'statu', 'names the column "statu", which is not defined', 'Perhaps you meant the column "status"' ],
			[ 'filters[0].column', 'ended_at', 'names the column "ended_at", which is absent' ],
			[ 'filters[0].column', 'provider', 'names the column "provider", which calls_fdw fills itself' ],
			[ 'filters[0].column', undef, 'is missing' ],
			[ 'filters[0].op', undef, 'is missing' ],
			[ 'filters[0].param', undef, 'is missing' ],
			[ 'filters[0].list', 'repeat', 'needs a parameter in the query' ],
			[ 'filters[0].bound', 'inclusive', 'is for the operators ">=" and "<=" only' ],
			[ 'filters[4].list', 'single', 'is for the operator "=" only' ],
			[ 'filters[4].op', '=', '', undef, 'filters\[4\]\.\w+' ],
			[ 'filters[4].match', 'exact', 'cannot be "exact" where "bound" is unknown' ],
			[ 'filters[4].precision', 'us', 'is finer than the format "epoch_ms" can write' ],
			[ 'filters[0].words', [], 'must not be empty' ],
			[ 'filters[0].words', [ 'busy', 'busy' ], 'repeats "busy"', undef, 'filters\[0\].words\[1\]' ],
			[ 'filters[0].words', [ 'busy ' ], 'must not start or end with a blank', undef, 'filters\[0\].words\[0\]' ],
			[ 'filters[0].words', ['user_hangup'], 'lacks "agent_hangup", which "columns.status.values" maps to "completed" as it maps "user_hangup"' ],
			[ 'columns.status.values.ended', 'completed', '', undef, '(columns.status.reply_only\[0\]|filters\[0\].words)' ],
			[ 'filters[3].param', 'filter_criteria.direction', 'clashes with the parameter of "filters\[2\]' ],
			[ 'filters[3].param', 'filter_criteria.direction.x', 'clashes with the parameter of "filters\[2\]' ],
			[ 'filters[5].column', 'currency', 'cannot be "<=" for a column of type text', undef, 'filters\[5\].op' ],
			[ 'request.parameters', { limit => 1 }, 'clashes with', undef, 'paging.size_param' ],
			[ 'request.parameters', { x => [1] }, 'must be a string, number or boolean', undef, 'request.parameters.x' ],
			[ 'request.parameters', { x => '{api_key}' }, 'must not contain a placeholder', undef, 'request.parameters.x' ] ],
		ringyo => [
			[ 'filters[0].list', 'array', 'needs a parameter in the body' ],
			[ 'filters[0].list', 'scalar_or_array', 'needs a parameter in the body' ],
			[ 'request.in', 'body', 'cannot be "body" for the method GET' ],
			[ 'paging.in', 'body', 'cannot be "body" for the method GET' ],
			[ 'filters[0].in', 'body', 'cannot be "body" for the method GET' ],
			[ 'paging.next', undef, 'is missing' ],
			[ 'paging.total_pages', 'pages', 'is not used by the style "cursor"' ],
			[ 'columns.status.values.transferred', 'completed', '', undef, 'columns.status.reply_only\[2\]' ],
			[ 'columns.status.values.done', 'completed', 'lacks "done", which "columns.status.values" maps to "completed" as it maps "completed"',
				'Move "done" from "values" to "reply_only"', 'filters\[0\].words' ],
			[ 'filters[2].param', 'cursor', 'clashes with the parameter of "paging.param"' ],
			[ 'filters[5].param', 'from_date', 'clashes with the parameter of "filters\[4\]' ] ],
		solomobile => [
			[ 'filters[4].columns', ['from_number'], 'must name 2 columns' ],
			[ 'filters[4].columns', [ 'from_number', 'from_number' ], 'names a column twice' ],
			[ 'filters[4].columns', [ 'from_number', 'started_at' ], 'must name columns of one type' ],
			[ 'filters[4].columns[1]', 'to_numbr', 'names the column "to_numbr", which is not defined', 'Perhaps you meant the column "to_number"' ],
			[ 'filters[4].column', 'from_number', 'cannot be combined with "columns"' ] ],
		tryvox => [
			[ 'paging.first', undef, 'is missing' ],
			[ 'paging.first', 2, 'must be between 0 and 1' ],
			[ 'columns.status.values.no-answer', 'no-answer', 'cannot be "no-answer", which is no word of the common column',
				'Perhaps you meant the word "no_answer"' ] ]);

	foreach my $base (sort keys %cases)
	{
		foreach my $case (@{ $cases{$base} })
		{
			my ($path, $value, $detail, $hint, $key) = @$case;
			my $definition = definition($base);
			my $shown = !defined $value ? 'taken out' : ref $value ? JSON::PP->new->canonical->allow_nonref->encode($value) : $value;
			my $name = "$base, $path: " . substr($shown, 0, 60) =~ s/[^ -~]/?/gr;

			set_member($definition, $path, $value);
			install('broken', $definition);
			$key ||= quotemeta $path;
			if (defined $detail)
			{
				refused($name, qq(Key "${key}[^"]*" $detail), $hint);
			}
			else
			{
				accepted($name);
			}
		}
	}
	return;
}

# Change a member of a structure; the path is written as in the messages.
sub set_member
{
	my ($definition, $path, $value) = @_;
	my @steps = map { /^\[(\d+)\]$/ ? $1 : $_ } grep { $_ ne '' } split /\.|(?=\[)/, $path;
	my $last = pop @steps;
	my $at = $definition;

	$at = ref $at eq 'ARRAY' ? $at->[$_] : ($at->{$_} ||= {}) foreach @steps;
	if (ref $at eq 'ARRAY')
	{
		$at->[$last] = $value;
	}
	elsif (defined $value)
	{
		$at->{$last} = $value;
	}
	else
	{
		delete $at->{$last};
	}
	return;
}

# Things with a definition's name that are no readable files
sub check_files
{
	my $path = path_of('broken');

	unlink $path;
	mkdir $path or die "$path: $!";
	refused('a directory', 'The file is not a regular file');
	rmdir $path;
	POSIX::mkfifo($path, 0600) or die "$path: $!";
	refused('a pipe', 'The file is not a regular file');
	unlink $path;
	symlink "$directory/nowhere.json", $path or die "$path: $!";
	is((try_provider('broken'))[0], 'HV024', 'a link to nowhere is no provider');
	unlink $path;
	install('broken', definition('voicy'));
	chmod 0, $path or die "$path: $!";
	my ($state, $text) = try_provider('broken');
	is($state, '42501', 'a file that may not be read') or diag($text);
	like($text, qr/could not open file ".*broken\.json": Permission denied/, 'which the message names');
	unlink $path;
	is((try_provider('broken'))[0], 'HV024', 'a file that is gone');
	return;
}

# A definition that changes while sessions use it
sub check_changes
{
	my $url = $sim->url;
	my $request = sub { $session->query('EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM moving.calls') =~ /Remote Request: (.*)/ ? $1 : 'none' };
	my $count = sub { $session->query('SELECT count(call_id) FROM moving.calls') };
	my $definition = definition('ringyo', 'moving');

	install('moving', $definition);
	$session->query($_) foreach
	  "CREATE SERVER moving FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'moving', base_url '$url')",
	  "CREATE USER MAPPING FOR CURRENT_USER SERVER moving OPTIONS (api_key 'ringyo_test')",
	  'CREATE SCHEMA moving',
	  'IMPORT FOREIGN SCHEMA moving FROM SERVER moving INTO moving';
	like($request->(), qr/limit=100/, 'a new definition');
	is($count->(), '500', 'works');
	my $busy = $session->query("SELECT count(*) FROM moving.calls WHERE status = 'busy'");
	cmp_ok($busy, '>', 0, 'with a filter');

	# plans that outlive the definition they were made with
	$session->query('SET plan_cache_mode = force_generic_plan');
	$session->query("PREPARE by_status (text) AS SELECT count(*) FROM moving.calls WHERE status = \$1");
	is($session->query("EXECUTE by_status ('busy')"), $busy, 'a prepared statement');

	# a scan that goes on meanwhile
	$session->query('BEGIN');
	$session->query('DECLARE c CURSOR FOR SELECT call_id FROM moving.calls');
	$session->query('FETCH 3 FROM c');

	$definition->{paging}{size_max} = 50;
	$definition->{filters} = [];
	install('moving', $definition);
	like($request->(), qr/limit=50/, 'a changed definition is read again in an open session');
	is(scalar(split /\n/, $session->query('FETCH ALL FROM c')), 497, 'a scan goes on as it began');
	$session->query('COMMIT');
	$sim->clear;
	is($session->query("EXECUTE by_status ('busy')"), $busy, 'the statement prepared before gives the same');
	is(scalar(grep { exists $_->{query}{status} } $sim->log('ringyo')), 0, 'without the filter that is gone');
	is(scalar(grep { $_->{query}{limit} == 50 } $sim->log('ringyo')), 10, 'by pages of the new size');

	install('moving', '{ "provider": "moving", ');
	my $text = $session->query('SELECT count(call_id) FROM moving.calls');
	is($session->sqlstate, 'HV00A', 'a broken replacement: HV00A');
	like($text, qr/invalid definition of provider "moving"/, 'which names it');
	$count->();
	is($session->sqlstate, 'HV00A', 'and again');
	$session->query("EXECUTE by_status ('busy')");
	is($session->sqlstate, 'HV00A', 'also for the prepared statement');

	my $same = slurp_file("$directory/ringyo.json") =~ s/"provider": "ringyo"/"provider": "moving"/r;
	install('moving', $same);
	is($count->(), '500', 'a repaired one works');
	like($request->(), qr/limit=100/, 'with what it says');
	# the same size, in the same second, in place; clocks of file systems tick each 10 ms at worst
	sleep 0.02;
	write_file(path_of('moving'), $same =~ s/"size_max": 100/"size_max": 101/r);
	like($request->(), qr/limit=101/, 'and a change of one digit counts');

	# a column that tables have, but the definition no longer
	$definition = definition('ringyo', 'moving');
	delete $definition->{columns}{metadata};
	install('moving', $definition);
	$text = $session->query('SELECT count(call_id) FROM moving.calls');
	is($session->sqlstate, 'HV005', 'a column that is gone: HV005');
	like($text, qr/provider "moving" has no column "metadata"/, 'which is named');

	unlink path_of('moving');
	$text = $session->query('SELECT count(call_id) FROM moving.calls');
	is($session->sqlstate, 'HV024', 'a definition that is gone: HV024');
	install('moving', definition('ringyo', 'moving'));
	is($count->(), '500', 'and back again');
	is($session->query("EXECUTE by_status ('busy')"), $busy, 'also for the prepared statement');

	my $contexts = "SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'calls_fdw definition'";
	my $before = $session->query($contexts);
	foreach my $size (1 .. 50)
	{
		install('moving', $same =~ s/"size_max": 100/"size_max": @{[ 20 + $size ]}/r);
		$request->();
	}
	is($session->query($contexts), $before, 'old versions do not stay in memory');
	return;
}

# Voicy's newer documented form, as a second small definition
sub check_newer_voicy
{
	my $definition = definition('voicy', 'voicy_call_list');
	my @calls = map { {
			call_id => "call-$_",
			call_status => $_ % 2 ? 'user_hangup' : 'busy',
			direction => 'incoming',
			start_timestamp => 1760000000000 + $_,
			duration_ms => 1000 * $_,
			from_number => '+18005551001',
			to_number => '+18005552001' } } 1 .. 3;
	my $reply = JSON::PP->new->canonical->encode({ calls => \@calls, total_count => 3 });
	my $server = FakeServer->new(
		sub {
			my ($socket) = @_;
			print $socket "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: @{[ length $reply ]}\r\n"
			  . "Connection: close\r\n\r\n$reply";
		});
	my $url = $server->url;

	$definition->{title} = 'Voicy, call-list';
	$definition->{request} = {
		method => 'POST',
		path => '/functions/v1/call-list',
		parameters => { 'filter_criteria.include_test_calls' => JSON::PP::true } };
	$definition->{rows} = 'calls';
	$definition->{total} = 'total_count';
	delete @{ $definition->{columns} }{qw(account_id account_name cost currency)};
	install('voicy_call_list', $definition);

	$session->query($_) foreach
	  "CREATE SERVER newer FOREIGN DATA WRAPPER calls_fdw OPTIONS (provider 'voicy_call_list', base_url '$url')",
	  "CREATE USER MAPPING FOR CURRENT_USER SERVER newer OPTIONS (api_key 'newer-key')",
	  'CREATE SCHEMA newer',
	  'IMPORT FOREIGN SCHEMA voicy_call_list FROM SERVER newer INTO newer';
	is($session->sqlstate, '00000', "Voicy's newer form is imported");
	my $plan = $session->query("EXPLAIN (VERBOSE, COSTS OFF) SELECT call_id FROM newer.calls WHERE status = 'busy'");
	my ($path, $body) = $plan =~ /Remote Request: POST (\S+) (\{.*\})/ or diag($plan);
	is($path, '/functions/v1/call-list', 'EXPLAIN: its path');
	is_deeply(
		JSON::PP->new->decode($body || '{}')->{filter_criteria},
		{ include_test_calls => JSON::PP::true, call_status => ['busy'] },
		'EXPLAIN: the fixed parameter beside the filter');
	is(scalar(() = $server->hits), 0, 'EXPLAIN: without a request');
	is($session->query('SELECT call_id, status, duration FROM newer.calls ORDER BY call_id'),
		"call-1|completed|00:00:01\ncall-2|busy|00:00:02\ncall-3|completed|00:00:03", 'its calls');
	like(($server->hits)[0], qr/"include_test_calls": ?true/, 'the fixed parameter is sent');
	return;
}

# A plan whose order came from a definition that knows none any more
sub check_lost_order
{
	my $definition = definition('ringyo', 'moving');
	my @directions = ('ASC', 'DESC');
	my $digest = 'SELECT md5(string_agg(s::text, $$ $$)) FROM (SELECT call_id, started_at FROM moving.calls ORDER BY started_at %s, call_id) AS s';
	my %before;

	install('moving', $definition);
	foreach my $direction (@directions)
	{
		$session->query("PREPARE ordered_$direction AS " . sprintf $digest, $direction);
		$before{$direction} = $session->query("EXECUTE ordered_$direction");
	}
	delete $definition->{order};
	install('moving', $definition);
	foreach my $direction (@directions)
	{
		my $after = $session->query("EXECUTE ordered_$direction");
		ok($after eq $before{$direction} || ($session->sqlstate // 'none') =~ /^HV/,
			"an order that is gone gives the same result or an error: $direction") or diag("$before{$direction}, then $after");
	}
	return;
}
