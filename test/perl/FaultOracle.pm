# Judges the scans of FaultScan.pm: is what a scan ended in what DESIGN, section
# 4, "Reading everything, once" allows?
#
#   my ($outcome, $problem) = judge_scan($scan, {
#       before => 'CSV', changes => 'CSV', log => [ ... ], text => 'of psql', unverified => 1 });
#
# outcome: "right rows", "rows, some lost ..." or the error's name; problem: what
# is wrong with it, undef if nothing is.
#
# An error has to be one that a fault which the simulator says it has injected
# leads to, or a switch, an option or a change of the log; its SQLSTATE and text
# have to name it. Rows have to be those of the log: each call once at most, as
# it was at some moment of the scan; a call that was there throughout, and
# matched throughout, exactly once, unless may_lose() says why not.
package FaultOracle;

use strict;
use warnings;

use Exporter 'import';
use FaultScan;
use List::Util qw(max min sum0);
use Time::Local qw(timegm);

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

my %native = (status => 'status', started => 'started_at', duration => 'duration', to => 'to_number', id => 'call_id');

sub judge_scan
{
	my ($scan, $seen) = @_;
	my ($state, $text) = $seen->{text} =~ /^(?:psql\S* )?ERROR:  (\w{5}): (.*)/ms;

	count_hits($scan, $seen->{log});
	my $calls = read_calls($scan, $seen);
	my @gap = gap_reasons($scan);

	return judge_error($scan, $state, $text, @gap) if defined $state;
	my ($problem, $loss) = judge_rows($scan, $calls, $seen, @gap);
	return ($loss ? "rows, some lost: $loss" : 'right rows', $problem);
}

# ---- what happened ---------------------------------------------------------

# How often the simulator injected each fault
sub count_hits
{
	my ($scan, $log) = @_;

	foreach my $fault (@{ $scan->{faults} })
	{
		$fault->{hits} = grep { $_->{fault} eq $fault->{arm}[0] && (!$fault->{code} || $_->{status} == $fault->{code}) } @$log;
	}
	$scan->{requests} = @$log;
	$scan->{limited} = grep { $_->{status} == 429 && $_->{fault} ne '' } @$log if $scan->{switches}{rate} || $scan->{switches}{quota};
	return;
}

# Faults that were injected and have this member
sub hit_by
{
	my ($scan, $member) = @_;
	return grep { $_->{hits} && $_->{$member} } @{ $scan->{faults} };
}

# How many rows may have been altered in a column
sub altered
{
	my ($scan, $column) = @_;
	return sum0(map { $_->{hits} } grep { ($_->{column} // '') eq $column } @{ $scan->{faults} });
}

# All calls that there were, by id: their versions, whether they were there
# throughout. Counts what changed.
sub read_calls
{
	my ($scan, $seen) = @_;
	my $field = qr/(?:"((?:[^"]|"")*)")?/;
	my $call = qr/"\w+",$field,$field,$field,$field,$field,$field,$field,/;
	my $version = sub { return { status => $_[1], direction => $_[2], from_number => $_[4], to_number => $_[5], started => milliseconds($_[6]) } };
	my (%calls, %changed);

	while ($seen->{before} =~ /^$call/mg)
	{
		$calls{$1} = { before => 1, versions => [ $version->($1, $2, $3, $4, $5, $6, $7) ] };
	}
	while ($seen->{changes} =~ /^(insert|update|delete),$call/mg)
	{
		my ($word, $id) = ($1, $2);

		$changed{$word}++;
		push @{ $calls{$id}{versions} }, $version->($2, $3, $4, $5, $6, $7, $8) if $word ne 'delete';
		$calls{$id}{deleted} = 1 if $word eq 'delete';
	}
	$scan->{moved} = ($changed{insert} // 0) + ($changed{delete} // 0);
	$scan->{deleted} = $changed{delete} // 0;
	$scan->{updated} = $changed{update} // 0;
	foreach my $one (values %calls)
	{
		$_->{matches} = matches($scan, $_) foreach @{ $one->{versions} };
		my %statuses = map { ($_->{status} => 1) } @{ $one->{versions} };
		# "filtered column changes meanwhile: at most once"
		$one->{due} = $one->{before} && !$one->{deleted} && !(grep { !$_->{matches} } @{ $one->{versions} })
		  && !($scan->{query}{statuses} && keys %statuses > 1);
	}
	return \%calls;
}

sub milliseconds
{
	my ($text) = @_;
	my ($y, $m, $d, $hour, $minute, $second, $fraction) = ($text // '') =~ /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z$/ or return undef;

	return 1000 * timegm($second, $minute, $hour, $d, $m - 1, $y) + substr(($fraction // '') . '000', 0, 3);
}

# Is a call, as it was at a moment, one that the query asks for?
sub matches
{
	my ($scan, $version) = @_;
	my $query = $scan->{query};

	return 0 if $query->{statuses} && !grep { $_ eq $version->{status} } @{ $query->{statuses} };
	return 0 if $query->{from} && (!defined $version->{started} || $version->{started} < 1000 * $query->{from});
	return 0 if $query->{to} && (!defined $version->{started} || $version->{started} > 1000 * $query->{to});
	return 0 if $query->{shape} eq 'join' && !$scan->{phones}{ $version->{to_number} // '' };
	return 1;
}

# ---- what is allowed -------------------------------------------------------

# Did the list that the provider gives change while it was read, by filters that
# calls come to match or not?
sub filter_moved
{
	my ($scan) = @_;
	return $scan->{updated} && ($scan->{query}{statuses} || $scan->{query}{shape} eq 'groups') && $scan->{options}{pushdown} =~ /all|status/;
}

# Does the provider tell how many calls there are?
sub has_total
{
	my ($scan) = @_;
	my $total = $scan->{switches}{total} // 'exact';
	return $scan->{provider} ne 'voicy' && $total ne 'missing' && !($total eq 'capped' && $scan->{calls} >= 1000);
}

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
	push @reasons, 'page numbers, no total that could shrink' if $cell eq 'numbered' && $scan->{deleted} && !has_total($scan);
	return @reasons;
}

# Why calls may be missing, though no error says so; undef: they may not. And:
# it has to be counted as a list that could not be verified, if it was read to its end.
sub may_lose
{
	my ($scan, $warned, @gap) = @_;
	my $cell = $faulty_provider{ $scan->{provider} }{cell};
	my ($provider_loses) = grep { /^(rows withheld|a cursor that loses calls)$/ } @gap;

	return if !@gap;
	return "on_incomplete is ignore ($gap[0])" if $scan->{options}{on_incomplete} eq 'ignore';
	return "warned ($gap[0])" if $warned;
	# "else at most once, reported": as far as a total or seam shows it
	return 'undocumented order' if grep { $_ eq 'undocumented order' } @gap;
	# "at most once, reported": a total that stays, as one comes for one that goes, is no sign
	return 'page numbers, filtered column changed' if $cell eq 'numbered' && filter_moved($scan);
	# "what cannot be verified because the provider gives no total is a counter, never an error"
	return ($_, !$scan->{query}{limit} && !$scan->{query}{from}) foreach grep { /no total/ } @gap;
	return if !$provider_loses;
	return ("$provider_loses, no total to tell", 1) if !has_total($scan);
	return ("$provider_loses, and a total that is too low") if ($scan->{switches}{total} // '') =~ /^-/ || hit_by($scan, 'total');
	# deletions make up for as many calls that the provider left out
	return ("$provider_loses, and the log changed") if $scan->{moved} || filter_moved($scan);
	return;
}

sub judge_error
{
	my ($scan, $state, $text, @gap) = @_;
	my %allowed;
	my ($name, $problem);

	foreach my $fault (grep { $_->{hits} } @{ $scan->{faults} })
	{
		push @{ $allowed{$_} }, $fault foreach @{ $fault->{errors} };
	}
	push @{ $allowed{incomplete} }, {} if @gap;
	push @{ $allowed{'rate limit'} }, {} if $scan->{limited};
	push @{ $allowed{max_requests} }, {} if $scan->{options}{max_requests} && $scan->{requests} >= $scan->{options}{max_requests};
	# a page smaller than the calls of one second repeats itself
	push @{ $allowed{'same position'} }, {} if ($scan->{switches}{cursor} // '') eq 'inclusive';
	$text =~ s/server "$scan->{provider}"/server "SERVER"/g;
	($name) = grep { $state =~ /^$error{$_}[0]$/ && $text =~ $error{$_}[1] } sort keys %allowed;
	return ($state eq '57014' ? 'hung' : 'other error', "no fault leads to this error ($state); allowed: " . (join(', ', sort keys %allowed) || 'none')) if !$name;
	return ($name, (grep { names_fault($name, $text, $_) } @{ $allowed{$name} }) ? undef : 'the message does not name the fault');
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

# Returns what is wrong, and why calls are missing where they may be.
sub judge_rows
{
	my ($scan, $calls, $seen, @gap) = @_;
	my $shape = $scan->{query}{shape};
	my @rows = map { [ map { $_ eq '' ? undef : $_ } split /\|/, $_, -1 ] } $seen->{text} =~ /^[rng]\|(.*)/mg;
	my $warned = $seen->{text} =~ /WARNING:  HV000: calls of server "$scan->{provider}" are incomplete/;
	my ($other) = $seen->{text} =~ /^((?:psql\S* )?(?:WARNING|FATAL|PANIC): .*)/m;

	return "unexpected: $other" if $other && !$warned;
	return 'a gap is reported where there is none' if $warned && (!@gap || $scan->{options}{on_incomplete} ne 'warn');
	my ($problem, $missing) =
	    $shape eq 'count' ? judge_number($scan, $calls, $rows[0][0], sub { 1 })
	  : $shape eq 'groups' ? judge_groups($scan, $calls, @rows)
	  : judge_calls($scan, $calls, @rows);

	return $problem if $problem;
	return undef if !$missing;
	my ($loss, $counted) = may_lose($scan, $warned, @gap);
	return "missing: $missing" if !$loss;
	return "missing, and not counted as a list that could not be verified: $missing" if $counted && !$seen->{unverified};
	return (undef, $loss);
}

# Counts: no more than there ever were, no fewer than were there throughout.
sub judge_number
{
	my ($scan, $calls, $number, $chosen) = @_;
	my $slack = altered($scan, 'status') + altered($scan, 'started') + altered($scan, 'id');
	my $most = grep { grep { $_->{matches} && $chosen->($_) } @{ $_->{versions} } } values %$calls;
	my $least = grep { $_->{due} && !grep { !$chosen->($_) } @{ $_->{versions} } } values %$calls;

	return 'no number' if !defined $number || $number !~ /^\d+$/;
	return "$number calls, where there were never more than $most" if $number > $most + $slack;
	return (undef, $number < $least - $slack ? "$number of at least $least" : undef);
}

sub judge_groups
{
	my ($scan, $calls, @rows) = @_;
	my %number = map { ($_->[0] // '' => $_->[1]) } @rows;
	my %words = map { map { ($_->{status} => 1) } @{ $_->{versions} } } values %$calls;
	my @missing;

	return 'a group comes twice' if keys %number < @rows;
	my @unknown = grep { !$words{$_} } sort keys %number;
	return "unknown groups: @unknown" if @unknown > altered($scan, 'status');
	foreach my $word (sort keys %words)
	{
		my ($problem, $missing) = judge_number($scan, $calls, $number{$word} // 0, sub { $_[0]{status} eq $word });

		return "$word: $problem" if $problem;
		push @missing, "$word: $missing" if $missing;
	}
	return (undef, join ', ', @missing);
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
	my $slack = altered($scan, 'id') + altered($scan, 'to') * ($query->{shape} eq 'join')
	  + altered($scan, 'status') * !!$query->{statuses} + altered($scan, 'started') * !!($query->{from} || $query->{order});

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
	return (undef, undef) if @missing <= $slack;
	return (undef, @missing . ' calls: ' . join(' ', @missing[ 0 .. min(4, $#missing) ]));
}

1;
