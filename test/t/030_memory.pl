# A long scan needs no more memory than a short one.
use strict;
use warnings;

use CallsTest;
use Session;
use Test::More;

my $few = 2000;
my $many = 200000;

# What a backend's peak may grow by, in kB
my $allowed = 32 * 1024;

my $sim = start_simulator(calls => $few);
my $node = start_node('main', sim => $sim);
# Counts read everything here.
create_servers($node, $sim, server => { trust_total => 'false' });
$node->safe_psql('postgres', q(
	CREATE SCHEMA own;
	CREATE FOREIGN TABLE own.misfits (call_id text, from_number date) SERVER tryvox OPTIONS (on_error 'set_null');
	CREATE FOREIGN TABLE own.objects (call_id text, raw jsonb) SERVER whippy;));

# [ name, provider, query, settings ]: the query counts all calls.
my @scans = (
	(map { [ "count(call_id) of $_", $_, "SELECT count(call_id) FROM $_.calls" ] } @providers),
	[ 'every column', 'voicy', 'SELECT count(md5(t::text)) FROM voicy.calls t' ],
	[ 'whole objects', 'whippy', 'SELECT count(raw) FROM own.objects' ],
	[ 'bad values set to null', 'tryvox', 'SELECT count(*) - count(from_number) FROM own.misfits' ],
	[ 'least work_mem', 'solomobile', 'SELECT count(call_id) FROM solomobile.calls', '-c work_mem=64kB' ],
	[ 'rejected locally', 'ringyo', "SELECT $few * (count(*) + 1) FROM ringyo.calls WHERE call_id || from_number = 'x'" ]);

my %peak;
foreach my $calls ($few, $many)
{
	foreach my $scan (@scans)
	{
		my ($name, $provider, $sql, $settings) = @$scan;
		my $expected = $name eq 'rejected locally' ? $few : $calls;
		my $session = Session->new($node, settings => '-c client_min_messages=error ' . ($settings || ''));

		$sim->set($provider, calls => $calls);
		is($session->query($sql), $expected, "$name: $calls calls, $expected counted");
		$peak{$name}{$calls} = $session->memory('VmHWM');
		$session->close;
		# do not keep the data of five providers
		$sim->set($provider, calls => $few);
	}
}

foreach my $scan (@scans)
{
	my $name = $scan->[0];
	my $growth = $peak{$name}{$many} - $peak{$name}{$few};

	note sprintf '%s: %.1f MB for %d calls, %.1f MB for %d', $name, $peak{$name}{$few} / 1024, $few, $peak{$name}{$many} / 1024, $many;
	cmp_ok($growth, '<=', $allowed, sprintf '%s: %.1f MB more for %d calls', $name, $growth / 1024, $many);
}

# So with one scan that starts again and again, and with a count from the
# provider's total.
foreach my $kind ('scans', 'counts')
{
	my $session = Session->new($node);
	my $lateral = q(SELECT sum(n) FROM generate_series(1, %d) AS g,
		LATERAL (SELECT count(*) AS n FROM ringyo.calls WHERE agent_id = 'agent ' || g) AS s);

	$node->safe_psql('postgres', "ALTER SERVER ringyo OPTIONS (SET trust_total 'true')") if $kind eq 'counts';
	is($session->query(sprintf $lateral, 100), '0', "a hundred $kind for other values");
	my $first = $session->memory('VmHWM');
	$sim->clear;
	is($session->query(sprintf $lateral, 3000), '0', 'three thousand');
	is($sim->requests('ringyo'), 3000, 'each with a request');
	my $growth = $session->memory('VmHWM') - $first;
	note sprintf '%s again and again: %.1f MB, %.1f MB more for thirty times as many', $kind, $first / 1024, $growth / 1024;
	cmp_ok($growth, '<=', 4 * 1024, 'and they need no more memory');
	$session->close;
}

is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();
