# Logs that change while they are read: no call comes twice, and where the
# provider's order is known, none that was there throughout is missed, or the
# scan says so.
use strict;
use warnings;

use CallsTest;
use Session;
use Test::More;

my $calls = 300;
my $scans = 60;
my $filtered_scans = 20;
my $seed = $ENV{CALLS_SEED} || 20261101;

# Those whose order is known, so that nothing may be lost in silence
my %ordered = map { ($_ => 1) } qw(voicy tryvox ringyo);

# What the documentation leaves open takes turns.
my %variants = (
	voicy => [ [], [ pagination_key => 'inclusive' ], [ max_limit => 7 ] ],
	tryvox => [ [], [ max_limit => 7 ], [] ],
	solomobile => [ [], [ order => 'random' ], [ max_limit => 7 ] ],
	whippy => [ [], [ order => 'random' ], [ max_limit => 7 ] ],
	ringyo => [ [], [ cursor => 'inclusive' ], [ total => 'missing', max_limit => 7 ] ]);

srand $seed;
note "seed $seed; set CALLS_SEED for another";

my $sim = start_simulator(calls => $calls);
my $node = start_node('main', sim => $sim);
create_servers($node, $sim, server => { page_size => 10 });
my $session = Session->new($node);

check_provider($_) foreach @providers;
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();

sub check_provider
{
	my ($provider) = @_;
	my $changed = 0;
	my (@twice, @missed, @unknown, @errors, %outcome);

	foreach my $scan (1 .. $scans + $filtered_scans)
	{
		my $filtered = $scan > $scans;
		my $where = $filtered ? q( WHERE status = 'completed') : '';

		$sim->reset;
		my @switches = @{ $variants{$provider}[ $scan % 3 ] };
		$sim->set($provider, @switches) if @switches;
		my %before = map { ($_ => 1) } $sim->ids($provider);
		my @changes = arm_changes($provider);
		my $text = $session->query("SELECT call_id FROM $provider.calls$where");
		my $state = $session->sqlstate;
		my %after = map { ($_ => 1) } $sim->ids($provider);
		my $story = "scan $scan (@switches): @changes";

		$changed++ if join(' ', sort keys %before) ne join(' ', sort keys %after);
		if ($state ne '00000')
		{
			$outcome{$state}++;
			note "$provider, $story: ", $text =~ /ERROR:  (.*)\nDETAIL:  (.*)/;
			push @errors, "$story\n$text" if $state ne 'HV000' || $text !~ /DETAIL:  Expected .* delivered \d+ in \d+ pages; position: /;
			next;
		}
		my %times;
		$times{$_}++ foreach split /\n/, $text;
		my @lost = $filtered ? () : grep { $after{$_} && !$times{$_} } sort keys %before;

		$outcome{ @lost ? 'incomplete' : 'complete' }++;
		push @twice, "$story: $_" foreach grep { $times{$_} > 1 } sort keys %times;
		push @missed, "$story: @lost" if @lost;
		# calls inserted and deleted meanwhile are in neither list
		push @unknown, "$story: $_" foreach grep { !$before{$_} && !$after{$_} && "@changes" !~ /delete/ } sort keys %times;
	}

	note "$provider: " . join ', ', map { "$outcome{$_} $_" } sort keys %outcome;
	cmp_ok($changed, '>', $scans / 2, "$provider: most scans read a log that changed");
	none("$provider: no call comes twice", @twice);
	none("$provider: no call comes from nowhere", @unknown);
	none("$provider: an error is HV000 and tells what was expected", @errors);
	if ($ordered{$provider})
	{
		none("$provider: no call is missed in silence", @missed);
		cmp_ok($outcome{complete} || 0, '>=', $scans / 2, "$provider: most scans are complete");
	}
	else
	{
		note "$provider: missed in silence in " . @missed . ' scans';
	}

	# and where nothing changes, every call comes once
	$sim->reset;
	my @ids = sort { $a cmp $b } $sim->ids($provider);
	my @read = sort { $a cmp $b } split /\n/, $session->query("SELECT call_id FROM $provider.calls");
	ok(@ids == $calls && "@read" eq "@ids", "$provider: a log at rest") or diag(@read . ' of ' . @ids . ' calls');
	return;
}

# A few changes at random moments of the scan; what they are.
sub arm_changes
{
	my ($provider) = @_;
	my @changes;

	foreach (1 .. 1 + int rand 5)
	{
		my %change = (
			after => 1 + int rand($calls / 10),
			where => (qw(newest oldest random))[ rand 3 ],
			map { ($_ => int rand 8) } grep { rand() < 0.5 } qw(insert delete update));
		next if keys %change == 2;
		$sim->change($provider, %change);
		push @changes, join ',', map { "$_=$change{$_}" } sort keys %change;
	}
	return @changes;
}
