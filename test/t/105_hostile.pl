# What options, conditions and replies say gets into a request only as data:
# redirects, links and cursors lead nowhere else, and nothing adds a line, a
# parameter or a member.
use strict;
use warnings;

use CallsTest;
use FakeServer;
use JSON::PP;
use Session;
use Test::More;
use Time::HiRes ();

my $node = start_node('main');
my $servers = 0;
my %path = (
	ringyo => '/v1/calls',
	voicy => '/v1/list-calls',
	tryvox => '/v1/voice/accounts/acc_1/calls',
	whippy => '/v1/calls/search',
	acme => '/acme/v2/call-records');

# Texts that would do harm where they are not taken as data, in UTF-8
my @nasty = (
	"x\r\nX-Evil: 1", "x\nX-Evil: 1", "x HTTP/1.1\r\nHost: evil.test\r\n\r\nGET /evil", 'a b', 'a#b', 'a?b', 'a&status=busy', 'a=b;c', '../../../etc/passwd',
	'%0d%0aX-Evil: 1', '%00', '%2e%2e%2f', '%', '%zz', 'a+b', '"},{"x":"', "'; --", '\\', '{api_key}', '${x}', '$(x)', "gr\xc3\xbc\xc3\x9fe \xf0\x9f\x93\x9e",
	"\x01\x1f\x7f", '//evil.test/', 'http://evil.test/', ' leading', 'trailing ');

my $no_calls = http('200 OK', '{"data":[],"has_more":false,"total":0}');
my $no_voicy_calls = http('200 OK', '[]');

check_redirects_of_get();
check_redirects_of_post();
check_redirects_elsewhere();
check_redirect_limits();
check_links();
check_cursors();
check_last_ids();
check_bad_positions();
check_values();
check_paths();
check_error_texts();
done_testing();

# A server for a provider at this URL; returns the name of its table.
sub make_table
{
	my ($provider, $url, %options) = @_;
	my $name = 's' . ++$servers;

	$node->safe_psql('postgres', server_sql($name, $provider, 'the_key', base_url => $url, max_retries => 0, trust_total => 'false', %options));
	return "$name.calls";
}

sub http
{
	my ($status, $body, @headers) = @_;

	return join("\r\n", "HTTP/1.1 $status", @headers, 'Content-Type: application/json', 'Content-Length: ' . length $body, 'Connection: close', '', $body);
}

# A server that gives one of these answers after the other, then the last for
# ever. URL in an answer stands for its address, PORT for its port.
sub serve
{
	my (@answers) = @_;

	return FakeServer->new(
		sub {
			my ($socket, $request) = @_;
			my $answer = @answers > 1 ? shift @answers : $answers[0];
			my $own = $socket->sockport;

			if (ref $answer)
			{
				Time::HiRes::sleep($answer->[0]);
				$answer = $answer->[1];
			}
			$answer =~ s/URL/http:\/\/127.0.0.1:$own/g;
			$answer =~ s/PORT/$own/g;
			my ($body) = $answer =~ /\r\n\r\n(.*)\z/s;
			$answer =~ s/^Content-Length: \K\d+/length $body/em;
			print $socket $answer;
		});
}

sub request_lines
{
	my ($server) = @_;
	return map { /^(.*)\n/ } $server->hits;
}

# The name and value of all headers but Host and Content-Length, as one text
sub headers
{
	my ($hit) = @_;
	my ($head) = split /\n\n/, $hit;
	return join "\n", grep { !/^(Host|Content-Length):/i } (split /\n/, $head)[ 1 .. ($head =~ tr/\n//) ];
}

sub body
{
	my ($hit) = @_;
	return $hit =~ s/\A.*?\n\n//sr;
}

sub count_of
{
	my ($table) = @_;
	return $node->safe_psql('postgres', "SELECT count(call_id) FROM $table");
}

# A redirect within the origin is followed, with the key.
sub check_redirects_of_get
{
	foreach my $code (301, 302, 303, 307, 308)
	{
		foreach my $location ('/elsewhere?a=b', 'URL/elsewhere?a=b', '../elsewhere?a=b', 'HTTP://127.0.0.1:PORT/elsewhere?a=b#part', '//127.0.0.1:PORT/elsewhere?a=b')
		{
			my $from = serve(http("$code Moved", 'not JSON at all', "Location: $location"), $no_calls);
			my $plan = explain_plan($node, 'SELECT call_id FROM ' . make_table('ringyo', $from->url), analyze => 1);
			my @hits = $from->hits;
			is((request_lines($from))[1], 'GET /elsewhere?a=b HTTP/1.1', "$code to $location: followed");
			is(headers($hits[1]), headers($hits[0]), "$code to $location: with the same headers");
			is((plan_nodes($plan))[0]{Requests}, 2, "$code to $location: two requests") if $location =~ /^URL/;
			$from->stop;
		}
	}
	return;
}

# A POST stays one, or is not followed.
sub check_redirects_of_post
{
	foreach my $code (307, 308)
	{
		my $from = serve(http("$code Moved", '', 'Location: /elsewhere'), $no_voicy_calls);
		is(count_of(make_table('voicy', $from->url)), '0', "$code of POST: followed");
		my @hits = $from->hits;
		is((request_lines($from))[1], 'POST /elsewhere HTTP/1.1', "$code of POST: a POST");
		is(body($hits[1]), body($hits[0]), "$code of POST: with its body");
		like(body($hits[1]), qr/^\{.*"limit"/, "$code of POST: which is not empty");
		is(headers($hits[1]), headers($hits[0]), "$code of POST: and its headers");
		$from->stop;
	}
	foreach my $code (301, 302, 303)
	{
		my $from = serve(http("$code Moved", '', 'Location: /elsewhere'), $no_voicy_calls);
		sql_fails($node, 'SELECT call_id FROM ' . make_table('voicy', $from->url), 'HV000',
			qr/redirected the request\n(?s:.*)DETAIL:  [^\n]*status $code\. It would drop the body of the request\.\n/, "$code of POST: an error");
		is(scalar(() = $from->hits), 1, "$code of POST: not followed");
		$from->stop;
	}
	return;
}

# Other schemes, hosts and ports, in many clothes; none sees a byte.
sub elsewhere
{
	my ($other) = @_;
	my $port = $other->port;

	return (
		$other->url . '/x', "//127.0.0.1:$port/x", "http://127.0.0.2:PORT/x", "http://localhost:PORT/x", 'http://127.0.0.1/x', 'https://127.0.0.1:PORT/x',
		"http://127.0.0.1:PORT\@127.0.0.1:$port/x", 'http://user@127.0.0.1:PORT/x', 'http://user:password@127.0.0.1:PORT/x', 'http://:@127.0.0.1:PORT/x',
		'http://[::1]:PORT/x', 'http://[::ffff:127.0.0.1]:PORT/x', 'http://[::1%25lo]:PORT/x', "http:/127.0.0.1:$port/x",
		"http:///127.0.0.1:$port/x", 'file:///etc/passwd', 'file://127.0.0.1:PORT/etc/passwd', 'ftp://127.0.0.1:PORT/x', 'gopher://127.0.0.1:PORT/x',
		'dict://127.0.0.1:PORT/x', 'ws://127.0.0.1:PORT/x', 'javascript:alert(1)', 'mailto:a@b', "http://127.0.0.1:$port\\\@127.0.0.1:PORT/x",
		"http://127.0.0.1\@[::1]:$port/x", "http://127.0.0.1:0$port/x", 'http://127.0.0.1:PORT:80/x', 'http://127.0.0.1:99999/x', "http:127.0.0.1:$port/x");
}

sub check_redirects_elsewhere
{
	my $other = FakeServer->new;

	foreach my $location (elsewhere($other))
	{
		my $from = serve(http('307 Moved', '', "Location: $location"), $no_calls);
		my $error = sql_error($node, 'SELECT call_id FROM ' . make_table('ringyo', $from->url));
		is($error && $error->{sqlstate}, 'HV000', "redirect to $location: an error");
		like($error->{detail} // '', qr/leads to another scheme, host or port/, "redirect to $location: the message");
		is(scalar(() = $from->hits), 1, "redirect to $location: not followed");
		$from->stop;
	}
	is(scalar(() = $other->hits), 0, 'nobody else was asked');
	$other->stop;
	return;
}

sub check_redirect_limits
{
	my $circle = serve(http('302 Found', '', 'Location: /v1/calls'));
	sql_fails($node, 'SELECT call_id FROM ' . make_table('ringyo', $circle->url), 'HV000', qr/There were too many in a row/, 'a circle: an error');
	is(scalar(() = $circle->hits), 6, 'a circle: five are followed');
	$circle->stop;

	my $capped = serve(http('302 Found', '', 'Location: /v1/calls'), $no_calls);
	is(count_of(make_table('ringyo', $capped->url, max_requests => 2)), '0', 'max_requests counts them');
	$capped->stop;

	my $lost = serve(http('302 Found', ''));
	sql_fails($node, 'SELECT call_id FROM ' . make_table('ringyo', $lost->url), 'HV000', qr/It does not say where to/, 'no Location: an error');
	$lost->stop;

	my $large = serve(http('302 Found', 'x' x 900_000, 'Location: /v1/calls'), $no_calls);
	is(count_of(make_table('ringyo', $large->url, max_response_size => '1MB')), '0', 'a large body of a redirect');
	$large->stop;

	# each is quick enough, together they are not
	my $slow = serve([ 0.4, http('302 Found', '', 'Location: /v1/calls') ]);
	sql_fails($node, 'SELECT call_id FROM ' . make_table('ringyo', $slow->url, request_timeout => '1s'), 'HV00N', qr/timed out/, 'request_timeout is for all');
	$slow->stop;
	return;
}

# The made-up provider gives links to the next page.
sub acme_page
{
	my ($next) = @_;
	my $link = ref $next ? $$next : JSON::PP->new->ascii->allow_nonref->encode($next);

	return http('200 OK', qq({"result":{"records":[{"ref":"@{[ rand ]}","begin":1700000000}],"count":2},"links":{"next":$link}}));
}

sub check_links
{
	my $other = FakeServer->new;

	foreach my $link (elsewhere($other), "/x\r\nX-Evil: 1", "/x\ty", "/x\x{7f}", '/x' x 5000)
	{
		my $shown = length $link > 100 ? 'a long one' : $link =~ s/[^ -~]/./gr;
		my $from = serve(acme_page($link));
		sql_fails($node, 'SELECT call_id FROM ' . make_table('acme', $from->url, account_id => 'acc_1'), 'HV000', qr/link to the next page that leaves|position that cannot be sent back/,
			"link to $shown: an error");
		is(scalar(() = $from->hits), 1, "link to $shown: not followed");
		$from->stop;
	}
	is(scalar(() = $other->hits), 0, 'nobody else was asked');
	$other->stop;

	my @good = (
		[ '?mark=2' => "$path{acme}?mark=2" ],
		[ '/other/path?x=%0d%0aX-Evil' => '/other/path?x=%0d%0aX-Evil' ],
		[ '../../../../x' => '/x' ],
		[ '/x y' => '/x%20y' ],
		[ "/gr\x{fc}n?\x{fc}" => '/gr%c3%bcn?%c3%bc' ],
		[ 'URL/x#part' => '/x' ],
		[ 'hTTp://127.0.0.1:PORT/x?y' => '/x?y' ]);
	foreach my $case (@good)
	{
		my ($link, $target) = @$case;
		my $from = serve(acme_page($link), acme_page(undef));
		my $shown = $link =~ s/[^ -~]/./gr;
		is(count_of(make_table('acme', $from->url, account_id => 'acc_1')), '2', "link to $shown: two pages");
		my @hits = $from->hits;
		is(lc((request_lines($from))[1]), lc "GET $target HTTP/1.1", "link to $shown: where it leads");
		is(headers($hits[1]), headers($hits[0]), "link to $shown: the same headers");
		$from->stop;
	}
	return;
}

# The bytes of a text as a query string has them
sub encoded
{
	my ($bytes) = @_;
	return $bytes =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger;
}

# UTF-8 as JSON text
sub json_text
{
	my ($bytes) = @_;
	utf8::decode($bytes);
	return JSON::PP->new->ascii->allow_nonref->encode($bytes);
}

sub ringyo_page
{
	my ($cursor, $more) = @_;
	return http('200 OK', qq({"data":[{"id":"@{[ rand ]}","created_at":"2026-01-01T00:00:00Z"}],"has_more":$more,"next_cursor":$cursor,"total":2}));
}

sub check_cursors
{
	foreach my $cursor (@nasty, 'x' x 8000)
	{
		my $shown = length $cursor > 100 ? 'a long one' : $cursor =~ s/[^ -~]/./gr;
		my $from = serve(ringyo_page(json_text($cursor), 'true'), ringyo_page('null', 'false'));
		is(count_of(make_table('ringyo', $from->url)), '2', "cursor $shown: two pages");
		my @hits = $from->hits;
		is((request_lines($from))[1], "GET $path{ringyo}?limit=100&cursor=" . encoded($cursor) . ' HTTP/1.1', "cursor $shown: in the query");
		is(headers($hits[1]), headers($hits[0]), "cursor $shown: the same headers");
		$from->stop;
	}
	return;
}

# An id of the last call goes into a JSON body.
sub check_last_ids
{
	foreach my $id (@nasty)
	{
		my $shown = $id =~ s/[^ -~]/./gr;
		my $json = json_text($id);
		my $from = serve(http('200 OK', qq([{"call_id":"first"},{"call_id":$json}])), $no_voicy_calls);
		is(count_of(make_table('voicy', $from->url, page_size => 2)), '2', "id $shown: two calls");
		my @hits = $from->hits;
		my $sent = JSON::PP->new->utf8->decode(body($hits[1]));
		my $text = delete $sent->{pagination_key};
		utf8::encode($text);
		is($text, $id, "id $shown: in the body");
		is_deeply($sent, JSON::PP->new->utf8->decode(body($hits[0])), "id $shown: nothing else");
		is(headers($hits[1]), headers($hits[0]), "id $shown: the same headers");
		$from->stop;
	}
	return;
}

# Positions that are no text, or too much of it, are errors and no end.
sub check_bad_positions
{
	my $long = 'x' x 1_000_000;

	foreach my $case (
		[ 'a null byte', '"a\u0000b"' ],
		[ 'half a surrogate pair', '"\ud800"' ],
		[ 'bytes that are not UTF-8', qq("\xff\xfe") ],
		[ 'a megabyte', qq("$long") ],
		[ 'a long number', '1' x 10_000 ])
	{
		my ($name, $json) = @$case;
		my %pages = (
			ringyo => ringyo_page($json, 'true'),
			acme => acme_page(\$json),
			voicy => http('200 OK', qq([{"call_id":"first"},{"call_id":$json}])));
		foreach my $provider (sort keys %pages)
		{
			my $from = serve($pages{$provider});
			my $table = make_table($provider, $from->url, page_size => 2, $provider eq 'acme' ? (account_id => 'acc_1') : ());
			my $error = sql_error($node, "SELECT status FROM $table");
			is($error && $error->{sqlstate}, 'HV000', "$provider, $name: an error");
			like($error->{text}, qr/gave a position that cannot be sent back\n(?s:.*)DETAIL:  It (is not valid text|has \d+ bytes; no more than 8192 are accepted)\.\n/,
				"$provider, $name: the message");
			is(scalar(() = $from->hits), 1, "$provider, $name: nothing is sent");
			cmp_ok(length $error->{text}, '<', 2000, "$provider, $name: it is not quoted");
			$from->stop;
		}
	}
	return;
}

# Conditions: a query string, a body
sub check_values
{
	foreach my $value (@nasty, 'x' x 3000)
	{
		my $shown = length $value > 100 ? 'a long one' : $value =~ s/[^ -~]/./gr;
		my $literal = q(E') . $value =~ s/(['\\])/\\$1/gr . q(');
		my $local = $value =~ /[\x00-\x1f\x7f]|^ | $/;

		my $get = serve($no_calls);
		$node->safe_psql('postgres', 'SELECT call_id FROM ' . make_table('ringyo', $get->url) . " WHERE agent_id = $literal");
		is((request_lines($get))[0], "GET $path{ringyo}?" . ($local ? '' : 'agent_id=' . encoded($value) . '&') . 'limit=100 HTTP/1.1', "agent $shown: in the query");
		unlike(headers(($get->hits)[0]), qr/evil/i, "agent $shown: no header");
		$get->stop;

		my $post = serve(http('200 OK', '{"data":[],"total":0}'));
		$node->safe_psql('postgres', 'SELECT call_id FROM ' . make_table('whippy', $post->url) . " WHERE status = $literal");
		my ($hit) = $post->hits;
		my $sent = JSON::PP->new->utf8->decode(body($hit));
		my $word = $sent->{delivery_status};
		utf8::encode($word) if defined $word;
		is($word, $local ? undef : $value, "status $shown: in the body");
		is(scalar keys %$sent, $local ? 0 : 1, "status $shown: nothing else");
		like((request_lines($post))[0], qr{^POST $path{whippy}\?[a-z0-9=&]+ HTTP/1\.1$}, "status $shown: not in the query");
		$post->stop;
	}
	return;
}

# The account's id is part of a path.
sub check_paths
{
	my $refused = 0;

	foreach my $value (@nasty)
	{
		my $shown = $value =~ s/[^ -~]/./gr;
		my $from = serve(http('200 OK', '{"calls":[],"total_count":0}'));
		my $table = eval { make_table('tryvox', $from->url, account_id => $value) };

		if ($value =~ m{[\x00-\x1f\x7f/\\]})
		{
			ok(!$table, "account $shown: refused");
			$refused++;
		}
		else
		{
			sql_error($node, "SELECT call_id FROM $table");
			my $account = encoded($value);
			like((request_lines($from))[0], qr{^GET /v1/voice/accounts/\Q$account\E/calls\?[a-z0-9_=&]* HTTP/1\.1$}, "account $shown: one segment of the path");
			unlike(headers(($from->hits)[0]), qr/evil/i, "account $shown: no header");
		}
		$from->stop;
	}
	cmp_ok($refused, '>', 5, 'some are refused');

	my $refuses = serve($no_calls);
	foreach my $path ("/x\r\nX-Evil: 1", "/x y", '/x#y', '/x?y', '/x/../y', '/x/%2e%2E/y', '/%2e', '/x%', '/x%0', '//evil.test/x', '/\\evil.test', "/gr\xc3\xbcn", 'x', '@evil.test/')
	{
		my $shown = $path =~ s/[^ -~]/./gr;
		ok(!eval { make_table('ringyo', $refuses->url, path => $path) }, "path $shown: refused");
	}
	foreach my $url ("http://127.0.0.1\r\nX-Evil: 1", 'http://127.0.0.1:80@evil.test', 'http://evil.test@127.0.0.1', 'http://127.0.0.1 evil', 'http://127.0.0.1#@evil.test',
		'http://127.0.0.1?@evil.test', 'http:\\\\127.0.0.1', 'http:127.0.0.1', 'http:///127.0.0.1', 'file:///etc/passwd', 'gopher://127.0.0.1', 'https://', 'https://evil.test:x')
	{
		my $shown = $url =~ s/[^ -~]/./gr;
		ok(!eval { make_table('ringyo', $url) }, "base_url $shown: refused");
	}
	$refuses->stop;
	return;
}

# The time to wait is looked for where the text of a 429 starts, and found
# quickly whatever the text.
sub check_error_texts
{
	my $refused = sub {
		my ($text) = @_;
		my $server = serve(http('429 Too Many Requests', JSON::PP->new->encode({ error => { message => $text } })));
		my $error = sql_error($node, "SET statement_timeout = '60s'; SELECT call_id FROM " . make_table('ringyo', $server->url));
		$server->stop;
		return $error;
	};

	my $error = $refused->('retry' x 400_000);
	is($error->{sqlstate}, '53400', 'a 429 that says nothing but "retry": an error');
	unlike($error->{detail}, qr/asks to wait/, '... that knows of no time');
	like($refused->("retry \"x\" retry" . 'again wait' x 20 . ' 1000 s')->{detail}, qr/asks to wait 1000 seconds/, 'words upon words before the time');
	like($refused->('x' x 480 . ' wait 1000 seconds')->{detail}, qr/asks to wait 1000 seconds/, 'a time in the first 512 bytes');
	unlike($refused->('x' x 512 . ' wait 1000 seconds')->{detail}, qr/asks to wait/, 'a time behind them');
	return;
}
