# Scans with random faults, while the log changes at random: each ends in the
# right rows, or in an error that names the fault; none is short or repeats a
# call beyond what DESIGN, section 4, "Reading everything, once" allows for its
# paging; none hangs.
#
#   CALLS_SEED=7		another seed (default 1)
#   CALLS_SCANS=1000	how many scans (default 180)
#   CALLS_ONLY=120		only this scan, with all that was drawn for it and the
#   					requests that it made
#
# test/perl/FaultScan.pm draws the scans, test/perl/FaultOracle.pm judges them.
use strict;
use warnings;

use CallsTest;
use FaultOracle;
use FaultScan;
use JSON::PP;
use Session;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = $ENV{CALLS_SEED} || 1;
my $scans = $ENV{CALLS_SCANS} || 180;
my @numbers = $ENV{CALLS_ONLY} ? ($ENV{CALLS_ONLY}) : (1 .. $scans);

# Scans at a time: they mostly wait. Each has a simulator and a database of its own.
my $lanes = @numbers > 1 ? 6 : 1;

# In s. No scan needs a tenth of it.
my $hung = 50;

my @tables = (@providers, 'acme');

# Who is looked for in joins: some with many calls, some with none
my @phones = map { "+1800555100$_" } 1 .. 6;
my @others = ("'+19999999999'", "'555-1234'", 'NULL');

note "seed $seed; set CALLS_SEED for another";
my @lanes = start_lanes();
my (%outcome, %problems, %hits, @slowest);
my ($done, $moved, $started) = (0, 0, time);

run_scans();
report();
done_testing();

# ---- lanes -----------------------------------------------------------------

sub start_lanes
{
	my @sims = map { start_simulator(seed => $seed, calls => 300) } 1 .. $lanes;
	my $node = start_node('main', sim => $sims[0], conf => "timezone = 'UTC'\n");
	my $contacts = join ', ', map { "($_)" } (map { "'$_'" } @phones), @others;

	create_servers($node, $sims[0], providers => \@tables, server => { map { ($_ => default_option($_)) } @option_names });
	$node->safe_psql('postgres', "CREATE TABLE contact (phone text); INSERT INTO contact VALUES $contacts; ANALYZE contact");
	foreach my $i (1 .. $lanes - 1)
	{
		$node->safe_psql('postgres', "CREATE DATABASE lane$i TEMPLATE postgres");
		$node->safe_psql("lane$i", join ';', map { "ALTER SERVER $_ OPTIONS (SET base_url '" . $sims[$i]->url . "')" } @tables);
	}
	return map { { node => $node, sim => $sims[$_], dbname => $_ ? "lane$_" : 'postgres' } } 0 .. $lanes - 1;
}

# Any value: each scan sets its own.
sub default_option
{
	my ($name) = @_;
	my %value = (on_incomplete => 'error', trust_total => 'true', use_remote_estimate => 'false', pushdown => 'all', max_requests => 0);

	return $value{$name} // 10;
}

sub begin_scan
{
	my ($lane, $number) = @_;
	my $sim = $lane->{sim};
	my $scan = draw_scan($seed, $number);
	my $provider = $scan->{provider};
	my $options = join ', ', map { "SET $_ '$scan->{options}{$_}'" } @option_names;

	$sim->reset;
	$sim->set($provider, calls => $scan->{calls}, %{ $scan->{switches} });
	$scan->{phones} = { map { ($_ => 1) } @phones };
	$lane->{scan} = $scan;
	$lane->{before} = $sim->get("/_sim/data?provider=$provider&format=csv");
	$lane->{undocumented} = $sim->stats->{undocumented};
	$sim->fault($provider, @{ $_->{arm} }) foreach @{ $scan->{faults} };
	$sim->change($provider, %$_) foreach @{ $scan->{changes} };
	# a session of its own: what one learns of a server does not matter to the next
	$lane->{session} = Session->new($lane->{node}, dbname => $lane->{dbname});
	$lane->{session}->query(join ";\n", "ALTER SERVER $provider OPTIONS ($options)", "SET statement_timeout = '${hung}s'", map { "SET $_" } @{ $scan->{settings} });
	$lane->{began} = time;
	$lane->{session}->send(scan_sql($scan));
	return;
}

sub end_scan
{
	my ($lane) = @_;
	my ($sim, $scan, $session) = @$lane{qw(sim scan session)};
	my $provider = $scan->{provider};
	my $text = $session->receive;
	my $time = time - $lane->{began};
	my $unverified = $session->query("ROLLBACK; SELECT unverified FROM calls_fdw_stats() WHERE server = '$provider'");

	$session->close;
	# what was asked for ahead and is not wanted any more
	sleep 0.002 while $sim->stats->{connections};
	my @log = $sim->log($provider);
	my ($outcome, $problem) = judge_scan($scan, {
		before => $lane->{before}, changes => $sim->get("/_sim/changes?provider=$provider"),
		log => \@log, text => $text, unverified => scalar($unverified =~ /^[1-9]\d*$/m) });

	$problem //= 'undocumented parameters were sent'
	  if $sim->stats->{undocumented} != $lane->{undocumented} && !grep { $_->{stray} && $_->{hits} } @{ $scan->{faults} };
	$outcome{$provider}{$outcome}++;
	$moved++ if $scan->{moved} + $scan->{updated};
	$hits{ $_->{code} // $_->{arm}[0] } += $_->{hits} foreach @{ $scan->{faults} };
	@slowest = (sort { $b->[0] <=> $a->[0] } @slowest, [ $time, $scan->{number} ])[ 0 .. 2 ];
	$problems{ $scan->{number} } = describe($scan, $problem, $text) if defined $problem;
	show_scan($scan, $outcome, $text, \@log) if @numbers == 1;
	$lane->{scan} = undef;
	$done++;
	return;
}

# ---- all scans -------------------------------------------------------------

sub run_scans
{
	my @left = @numbers;

	while (@left || grep { $_->{scan} } @lanes)
	{
		my @free = grep { !$_->{scan} } @lanes;
		my $ready = '';

		begin_scan(shift @free, shift @left) while @free && @left;
		vec($ready, fileno $_->{session}{from}, 1) = 1 foreach grep { $_->{scan} } @lanes;
		select $ready, undef, undef, $hung + 10 or die 'no scan ends';
		end_scan($_) foreach grep { $_->{scan} && vec $ready, fileno $_->{session}{from}, 1 } @lanes;
	}
	return;
}

sub describe
{
	my ($scan, $problem, $text) = @_;

	return "scan $scan->{number} of seed $seed: $problem\n"
	  . "repeat it with: CALLS_SEED=$seed CALLS_ONLY=$scan->{number} test/check.sh -v 124_fault_scans\n"
	  . describe_scan($scan)
	  . "injected: @{[ map { qq($_->{arm}[0] x $_->{hits}) } @{ $scan->{faults} } ]}; $scan->{moved} calls came or went, $scan->{updated} changed; $scan->{requests} requests\n"
	  . (length $text > 1500 ? substr($text, 0, 700) . "\n...\n" . substr($text, -700) : $text) . "\n";
}

# A scan that is repeated alone
sub show_scan
{
	my ($scan, $outcome, $text, $log) = @_;

	note(describe($scan, $outcome, $text));
	note(join ' ', $_->{at_ms}, $_->{method}, "status $_->{status}, $_->{rows} rows, fault '$_->{fault}'", JSON::PP->new->canonical->encode($_->{query}), ref $_->{body} ? JSON::PP->new->canonical->encode($_->{body}) : ())
	  foreach @$log;
	return;
}

sub report
{
	my $right = 0;

	foreach my $provider (@tables)
	{
		my $of = $outcome{$provider} || {};
		my @names = sort { $of->{$b} <=> $of->{$a} || $a cmp $b } keys %$of;

		$right += $of->{'right rows'} // 0;
		note "$provider: ", join ', ', map { "$of->{$_} $_" } @names;
	}
	note sprintf '%d scans in %.0f s, the log changed in %d; faults: %s; slowest: %s', $done, time - $started, $moved,
	  join(', ', map { "$_ $hits{$_}" } sort keys %hits), join(', ', map { sprintf 'scan %d, %.1f s', $_->[1], $_->[0] } @slowest);

	# a line for each part of the run, so that a count shows how much was tried
	foreach my $first (grep { $_ % 20 == 1 } @numbers > 1 ? @numbers : ())
	{
		my @bad = grep { $problems{$_} } $first .. $first + 19;

		ok(!@bad, "scans $first to " . ($first + 19 < $scans ? $first + 19 : $scans)) or diag(map { $problems{$_} } @bad);
	}
	ok(!keys %problems, 'every scan ends in the right rows, or in an error that names the fault') or @numbers > 1 or diag(values %problems);
	is($done, @numbers, 'every scan ends');
  SKIP:
	{
		skip 'too few scans', 4 if @numbers < 150;
		cmp_ok($right, '>', $done / 3, 'many end in the right rows');
		cmp_ok($right, '<', $done * 0.9, '... and many do not');
		cmp_ok($moved, '>', $done / 3, 'many read a log that changed');
		cmp_ok(scalar(grep { $hits{$_} } keys %hits), '>=', 20, '20 kinds of faults at least were injected');
	}
	return;
}
