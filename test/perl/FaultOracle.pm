# Judges the scans of FaultScan.pm: is what a scan ended in what DESIGN, section
# 4, "Reading everything, once" allows, given what happened (FaultFacts.pm)?
#
#   my ($outcome, $problem) = judge_scan($scan, {
#       before => 'CSV', changes => 'CSV', log => [ ... ], text => 'of psql', unverified => 1 });
#
# outcome: "right rows", "rows, some lost ..." or the error's name; problem: what
# is wrong with it, undef if nothing is.
#
# An error has to be one that a fault which the simulator says it has injected
# leads to, or a switch, an option or a change of the log; its SQLSTATE and text
# have to name it. What is worth another try has to have been tried again: see
# is_due(). Rows have to be those of the log: each call once at most, as it was
# at some moment of the scan; a call that was there throughout, and matched
# throughout, exactly once. That calls are missing has to be reported, unless
# silent_losses() says why nothing tells of so many.
package FaultOracle;

use strict;
use warnings;

use Exporter 'import';
use FaultFacts;
use FaultScan;
use List::Util qw(max min);

our @EXPORT = qw(judge_scan);

# SQLSTATE and text of each error; SERVER stands for the server's name.
my %error = (
	'rate limit' => [ '53400', qr/^rate limit of server "SERVER" exceeded/ ],
	'failed' => [ 'HV000', qr/^server "SERVER" failed/ ],
	'rejected' => [ 'HV000', qr/^server "SERVER" rejected the request$/m ],
	'credentials' => [ '28000', qr/^server "SERVER" rejected the credentials$/m ],
	'address' => [ 'HV000', qr/^server "SERVER" does not know the requested address$/m ],
	'redirected' => [ 'HV000', qr/^server "SERVER" redirected the request$/m ],
	'lost' => [ 'HV00N', qr/^connection to server "SERVER" was lost/ ],
	'connect' => [ 'HV00N', qr/^could not connect to server "SERVER"/ ],
	'timeout' => [ 'HV00N', qr/^request to server "SERVER" timed out/ ],
	'not JSON' => [ 'HV000', qr/^could not read the reply: not valid JSON$/m ],
	'web page' => [ 'HV000', qr/^server "SERVER" answered with a web page instead of JSON$/m ],
	'empty' => [ 'HV000', qr/^could not read the reply: it is empty$/m ],
	'no rows' => [ 'HV000', qr/^could not read the reply: it has no rows$/m ],
	'not object' => [ 'HV000', qr/^could not read the reply: a row is not an object$/m ],
	'deep' => [ 'HV000', qr/^could not read the reply: it nests too deeply$/m ],
	'large' => [ '53400', qr/^reply of server "SERVER" is larger than max_response_size/ ],
	'value' => [ '22...', qr/^invalid value for column "\w+" of (call ".*"|a call without id): / ],
	'order' => [ 'HV000', qr/^server "SERVER" does not return calls in the order of "started_at"$/m ],
	'no id' => [ 'HV000', qr/^server "SERVER" gave a call without an id, which the next page needs$/m ],
	'bad position' => [ 'HV000', qr/^server "SERVER" gave a position that cannot be sent back$/m ],
	'same position' => [ 'HV000', qr/^server "SERVER" gave the same position twice$/m ],
	'repeats' => [ 'HV000', qr/^server "SERVER" repeats the same calls on page after page$/m ],
	'no position' => [ 'HV000', qr/^calls of server "SERVER" are incomplete: the provider says that there are more but gives no position$/m ],
	'gives none' => [ 'HV000', qr/^server "SERVER" says that there are more calls but gives none$/m ],
	'leaves' => [ 'HV000', qr/^server "SERVER" gave a link to the next page that leaves the server$/m ],
	'incomplete' => [ 'HV000', qr/^calls of server "SERVER" are incomplete: .*\nDETAIL:  Expected .* calls, delivered \d+ in \d+ pages; position: / ],
	'max_requests' => [ '53400', qr/^scan of server "SERVER" needs more than max_requests \(\d+\) requests\nHINT:  Narrow/ ]);

# The column of a fault, as messages name it
my %native = (status => 'status', started => 'started_at', duration => 'duration', to => 'to_number', id => 'call_id');

sub judge_scan
{
	my ($scan, $seen) = @_;
	my ($state, $text) = $seen->{text} =~ /^(?:psql\S* )?ERROR:  (\w{5}): (.*)/ms;

	my $calls = read_facts($scan, $seen);
	my @gap = gap_reasons($scan);

	return judge_error($scan, $state, $text, @gap) if defined $state;
	my ($problem, $loss) = judge_rows($scan, $calls, $seen, @gap);
	return ($loss ? "rows, some lost: $loss" : 'right rows', $problem);
}

# ---- what is allowed -------------------------------------------------------

# Why a gap may be reported: nothing, where none is to be found.
sub gap_reasons
{
	my ($scan) = @_;
	my $cell = $faulty_provider{ $scan->{provider} }{cell};
	my @reasons;

	push @reasons, 'rows withheld' if hit_by($scan, 'loses');
	push @reasons, 'a wrong total' if ($scan->{switches}{total} // '') =~ /^\+/ || hit_by($scan, 'total');
	push @reasons, 'a forged id' if altered($scan, 'id');
	push @reasons, 'a cursor that loses calls' if ($scan->{switches}{cursor} // '') eq 'exclusive';
	# right column: "at most once; a moved total or broken seam is reported"
	push @reasons, 'filtered column changed' if filter_moved($scan);
	# cell "undocumented order": exactly once if the log did not change
	push @reasons, 'undocumented order' if $cell eq 'undocumented' && ($scan->{moved} || filter_moved($scan));
	# cell "page numbers": "by re-reading pages when the total shrinks"
	push @reasons, 'page numbers, no total that could shrink' if $cell eq 'numbered' && ($scan->{deleted} || filter_moved($scan)) && !has_total($scan);
	return @reasons;
}

# Why so many calls may be missing; undef: they may not.
sub may_lose
{
	my ($scan, $missing, $warned, $unverified, @gap) = @_;

	return "on_incomplete is ignore ($gap[0])" if @gap && $scan->{options}{on_incomplete} eq 'ignore';
	return "warned ($gap[0])" if @gap && $warned;
	foreach (silent_losses($scan, @gap))
	{
		my ($why, $most, $counted) = @$_;

		return $why if $missing <= $most && ($unverified || !$counted);
	}
	return undef;
}

# What nothing tells of: why, how many calls at most, and whether it has to be
# counted as a list that could not be verified.
#
# "Undocumented order" is not among them: an order that stays what it is keeps a
# seam between pages, and where that holds, nothing was lost. Where a total is
# all that can tell, as many calls that came, but were not there throughout,
# make up for those that the provider left out.
sub silent_losses
{
	my ($scan, @gap) = @_;
	my $numbered = $faulty_provider{ $scan->{provider} }{cell} eq 'numbered';
	my $read_to_end = !$scan->{query}{limit} && !$scan->{query}{from};
	my ($loses) = grep { /^(rows withheld|a cursor that loses calls)$/ } @gap;
	my ($ends_early) = grep { /^(rows withheld|a cursor that loses calls|a wrong total)$/ } @gap;
	my @losses;

	# "what cannot be verified because the provider gives no total is a counter, never an error":
	# each call that goes hides another one
	push @losses, [ 'page numbers, no total that could shrink', $scan->{deleted} + $scan->{left}, $read_to_end ] if $numbered && !has_total($scan);
	# "at most once, reported": a total that stays, as one call comes for one that goes, is no sign
	push @losses, [ 'page numbers, as many calls came to match as did no more', $scan->{entered}, 0 ] if $numbered && filter_moved($scan);
	push @losses, [ "$ends_early, no total to tell", 9e15, 1 ] if $ends_early && !has_total($scan);
	# a scan that its own bound ends has no total to be compared with
	push @losses, [ 'a cursor that loses calls, up to a bound that is ignored', 9e15, 1 ]
	  if ($loses // '') =~ /cursor/ && $scan->{query}{from} && ($scan->{switches}{filters} // '') eq 'off';
	push @losses, [ 'a total that is too low', total_lacks($scan) + $scan->{strangers}, 0 ] if total_lacks($scan);
	push @losses, [ "$loses, made up for by calls that came or went", $scan->{strangers}, 0 ] if $loses;
	return @losses;
}

sub judge_error
{
	my ($scan, $state, $text, @gap) = @_;
	my %allowed;
	my ($name, $problem);

	foreach my $fault (grep { $_->{hits} } @{ $scan->{faults} })
	{
		push @{ $allowed{$_} }, $fault foreach grep { is_due($scan, $fault, $_) } @{ $fault->{errors} };
	}
	push @{ $allowed{incomplete} }, {} if @gap;
	push @{ $allowed{max_requests} }, {} if $scan->{options}{max_requests} && $scan->{requests} >= $scan->{options}{max_requests};
	# a page that is not larger than the calls of one second repeats itself
	push @{ $allowed{'same position'} }, {} if ($scan->{switches}{cursor} // '') eq 'inclusive' && smallest_page($scan) <= $scan->{crowd};
	$text =~ s/server "$scan->{provider}"/server "SERVER"/g;
	($name) = grep { $state =~ /^$error{$_}[0]$/ && $text =~ $error{$_}[1] } sort keys %allowed;
	return ($state eq '57014' ? 'hung' : 'other error', "no fault leads to this error ($state); allowed: " . (join(', ', sort keys %allowed) || 'none')) if !$name;
	return ($name, (grep { names_fault($name, $text, $_) } @{ $allowed{$name} }) ? undef : 'the message does not name the fault');
}

# May the scan end in this error of the fault, which was injected? Not for a
# value that it need not read, an order that it does not claim, or before it has
# tried again: "max_retries: tries after a connection failure, timeout, 408, 425
# or 5xx", "max_retry_wait: longest wait that a provider may ask for with 429".
sub is_due
{
	my ($scan, $fault, $error) = @_;
	my $query = $scan->{query};
	my ($longest) = $scan->{options}{max_retry_wait} =~ /^(\d+)s$/;

	return reads_column($scan, $fault->{column}) if $error eq 'value';
	return $query->{order} || $query->{from} || $query->{to} if $error eq 'order' && $fault->{column};
	# other faults may have used up retries of the same request
	return max(map { $scan->{tries}{$_} } keys %{ $fault->{tries} }) > $scan->{options}{max_retries} if $fault->{retries};
	return 1 if !defined $fault->{waits} || $fault->{waits} > $longest;
	# such waits use up no retries, but all of one request have a limit together;
	# each is at least twice the one before, from 0.1 s on
	my $hits = max(values %{ $fault->{tries} });
	return $hits * $fault->{waits} + 0.1 * 2**$hits > max($scan->{options}{max_retries}, 1) * $longest;
}

# Does the message tell what the fault was: which column, which status?
sub names_fault
{
	my ($name, $text, $fault) = @_;

	return $text =~ /^invalid value for column "(provider_)?$native{$fault->{column}}"/ if $name eq 'value';
	return $text =~ /HTTP status $fault->{code}\b/ if $fault->{code} && $name !~ /^(no rows|rate limit)$/;
	return 1;
}

# ---- rows ------------------------------------------------------------------

# Returns what is wrong, and why calls are missing where they may be. What it
# calls returns what is wrong, how many calls are missing, and an example.
sub judge_rows
{
	my ($scan, $calls, $seen, @gap) = @_;
	my $shape = $scan->{query}{shape};
	my @rows = map { [ map { $_ eq '' ? undef : $_ } split /\|/, $_, -1 ] } $seen->{text} =~ /^[rng]\|(.*)/mg;
	my $warned = $seen->{text} =~ /WARNING:  HV000: calls of server "$scan->{provider}" are incomplete/;
	my ($other) = $seen->{text} =~ /^((?:psql\S* )?(?:WARNING|FATAL|PANIC): .*)/m;

	return "unexpected: $other" if $other && !$warned;
	return 'a gap is reported where there is none' if $warned && (!@gap || $scan->{options}{on_incomplete} ne 'warn');
	my ($problem, $missing, @examples) =
	    $shape eq 'count' ? judge_number($scan, $calls, $rows[0][0], sub { 1 })
	  : $shape eq 'groups' ? judge_groups($scan, $calls, @rows)
	  : judge_calls($scan, $calls, @rows);

	return $problem if $problem;
	return undef if !$missing;
	my $loss = may_lose($scan, $missing, $warned, $seen->{unverified}, @gap);
	return (undef, $loss) if $loss;
	return "$missing calls are missing: @examples" . join '', map { "\n  $$_[0]: at most $$_[1]" . ($$_[2] ? ', counted' : '') } silent_losses($scan, @gap);
}

# Counts: no more than there ever were, no fewer than were there throughout.
sub judge_number
{
	my ($scan, $calls, $number, $chosen) = @_;
	my $slack = mistaken($scan);
	my $most = grep { grep { $_->{matches} && $chosen->($_) } @{ $_->{versions} } } values %$calls;
	my $least = grep { $_->{due} && !grep { !$chosen->($_) } @{ $_->{versions} } } values %$calls;

	return 'no number' if !defined $number || $number !~ /^\d+$/;
	return "$number calls, where there were never more than $most" if $number > $most + $slack;
	return (undef, max(0, $least - $slack - $number), "$number of at least $least");
}

sub judge_groups
{
	my ($scan, $calls, @rows) = @_;
	my %number = map { ($_->[0] // '' => $_->[1]) } @rows;
	my %words = map { map { ($_->{status} => 1) } @{ $_->{versions} } } values %$calls;
	my $missing = 0;
	my @examples;

	return 'a group comes twice' if keys %number < @rows;
	my @unknown = grep { !$words{$_} } sort keys %number;
	return "unknown groups: @unknown" if @unknown > altered($scan, 'status');
	foreach my $word (sort keys %words)
	{
		my ($problem, $lacks, $example) = judge_number($scan, $calls, $number{$word} // 0, sub { $_[0]{status} eq $word });

		return "$word: $problem" if $problem;
		$missing += $lacks;
		push @examples, "$word: $example" if $lacks;
	}
	return (undef, $missing, @examples);
}

# Where a call stands in the order; NULL is larger than all else.
sub rank
{
	my ($scan, $started) = @_;
	my $rank = $started // 9e15;
	return $scan->{query}{order} eq 'DESC' ? -$rank : $rank;
}

sub judge_calls
{
	my ($scan, $calls, @rows) = @_;
	my $query = $scan->{query};
	my @columns = @{ $query->{columns} };
	my (%times, %odd, @ranks);

	foreach my $row (@rows)
	{
		my ($id, @values) = @$row;
		my %row;

		@row{@columns} = @values[ 0 .. $#columns ];
		return 'call ' . ($id // 'without id') . ' comes twice' if defined $id && $times{$id}++;
		push @ranks, rank($scan, $row{started}) if $query->{order} && exists $row{started};
		my $column = odd_column($calls->{ $id // '' }, \%row) // next;
		return "call $id is not one of the log" . ($column eq 'id' ? '' : " in $column") . ": @{[ map { $_ // 'NULL' } @$row ]}"
		  if ++$odd{$column} > altered($scan, $column);
	}
	for my $i (1 .. $#ranks)
	{
		return 'rows are not in order' if $ranks[$i] < $ranks[ $i - 1 ];
	}
	return judge_presence($scan, $calls, scalar @rows, \%times, $#ranks >= 0 && $#ranks == $#rows ? $ranks[-1] : undef);
}

# undef for a row that is a version of its call which matches; else the column
# that is not right: id, or one of those that faults alter.
sub odd_column
{
	my ($call, $row) = @_;
	my %alterable = (status => 'status', started => 'started', to_number => 'to');
	my %differs;

	return 'id' if !$call;
	foreach my $version (@{ $call->{versions} })
	{
		my @wrong = grep { ($version->{$_} // '') ne ($row->{$_} // '') } sort keys %$row;

		return undef if !@wrong && $version->{matches};
		$differs{ @wrong ? $wrong[0] : 'match' } = 1 if @wrong <= 1;
	}
	my ($column) = grep { $differs{$_} } sort keys %alterable;
	# a value that was altered may make the row match that would not
	return $column ? $alterable{$column} : $differs{match} ? 'match' : 'another row';
}

# Is every call there that has to be? $last is the rank of the last row, if the
# rows are in order.
sub judge_presence
{
	my ($scan, $calls, $rows, $times, $last) = @_;
	my $query = $scan->{query};
	my @missing = grep { $calls->{$_}{due} && !$times->{$_} } sort keys %$calls;
	my $slack = mistaken($scan);

	if (defined $query->{limit})
	{
		my $most = grep { grep { $_->{matches} } @{ $_->{versions} } } values %$calls;
		my $left = max(0, $most + $slack - $query->{offset});

		return "$rows rows of a limit of $query->{limit}, where at most $left are left" if $rows > min($query->{limit}, $left);
		$slack += $query->{offset};
		# the limit explains what is missing, but not what comes before the last row
		@missing = !$query->{order} ? () : defined $last ? (grep { rank($scan, $calls->{$_}{versions}[0]{started}) < $last } @missing) : ()
		  if $rows == $query->{limit};
	}
	return (undef, max(0, @missing - $slack), @missing[ 0 .. min(4, $#missing) ]);
}

1;
