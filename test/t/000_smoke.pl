# The tests' own tools: simulator, server, five providers, local copies.
use strict;
use warnings;

use CallsTest;
use JSON::PP;
use Test::More;

my $sim = start_simulator(calls => 300);
my $node = start_node('main', sim => $sim);

# Which definitions are installed, other than the made-up one
my @known = grep { -e "../providers/$_.json" } @providers;

create_servers($node, $sim, providers => \@known);
load_local($node, $sim, @known);
is(scalar(@known), 5, 'five providers are defined');

foreach my $provider (@known)
{
	is(join(',', query_rows($node, "SELECT count(*) FROM local.$provider")), '300', "$provider: local copy");
	rows_equal($node, "SELECT * FROM {$provider}", "$provider: every call, every value");

	$sim->clear;
	rows_equal($node, "SELECT call_id, status, duration FROM {$provider} WHERE status = 'busy'", "$provider: by status");
	like(JSON::PP::encode_json([ $sim->log($provider) ]), qr/busy/, "$provider: the provider was asked for it");

	$sim->clear;
	is(scalar(query_rows($node, "SELECT call_id FROM $provider.calls LIMIT 10")), 10, "$provider: LIMIT 10 is 10 rows");
	is($sim->requests($provider), 1, "$provider: in one request");
	is(($sim->log($provider))[0]{rows}, 10, "$provider: for 10 rows");

	$sim->clear;
	my $scan = foreign_scan($node, "SELECT call_id FROM $provider.calls WHERE status = 'busy'");
	like($scan->{'Remote Request'}, qr/^(GET|POST) \//, "$provider: EXPLAIN shows the request");
	is($sim->requests($provider), 0, "$provider: and makes none");

	$sim->fault($provider, 'status', code => 401);
	sql_fails($node, "SELECT count(*) FROM $provider.calls", '28000', qr/ERROR/, "$provider: 401 is 28000");
}

is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();
