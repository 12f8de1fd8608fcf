# What happened to a scan of FaultScan.pm, as the simulator tells it.
#
#   my $calls = read_facts($scan, { before => 'CSV', changes => 'CSV', log => [ ... ] });
#
# The calls that there were, by id, are hashes:
#
#   versions	status, direction, from_number, to_number, started (ms), matches
#   before	it was there when the scan began
#   deleted	it was not there at the end
#   lists	those it was in at some moment: "all" is what the provider has, or
#   		what has a status that was asked for; a word if each was asked for alone
#   due		it was there, in the same list, and matched, throughout
#
# The scan gets
#
#   log, requests	the requests, and how many there were
#   lists	how many lists were asked for by status; 0: it was not asked for
#   tries	how often each request failed in a way that uses up a retry
#   inserted, deleted, updated	calls; moved: of the former two
#   entered, left	how often a change of status brought a call into a list, or out
#   strangers	calls in lists that may have come, but were not there throughout
#   crowd	how many calls share a second, at most
#
# and each of its faults hits, how often it was injected, and tries, the same by
# request.
package FaultFacts;

use strict;
use warnings;

use Exporter 'import';
use FaultScan;
use JSON::PP;
use List::Util qw(max min sum0);
use Time::Local qw(timegm);

our @EXPORT = qw(read_facts hit_by altered mistaken filter_moved has_total total_lacks reads_column smallest_page);

sub read_facts
{
	my ($scan, $seen) = @_;

	read_log($scan, $seen->{log});
	return read_calls($scan, $seen);
}

# ---- requests --------------------------------------------------------------

# How often the simulator injected each fault, and into which requests. A try
# is told from a new request by what is asked for.
sub read_log
{
	my ($scan, $log) = @_;
	my $json = JSON::PP->new->canonical;
	my @path = split /\./, $faulty_provider{ $scan->{provider} }{filter};
	my %filters;

	$_->{hits} = 0 foreach @{ $scan->{faults} };
	foreach my $entry (@$log)
	{
		my $request = $json->encode([ $entry->{query}, $entry->{body} ]);
		my $filter = $entry;

		foreach my $fault (grep { $entry->{fault} eq $_->{arm}[0] && (!$_->{code} || $entry->{status} == $_->{code}) } @{ $scan->{faults} })
		{
			$fault->{hits}++;
			$fault->{tries}{$request}++;
			$scan->{tries}{$request}++ if $fault->{retries};
		}
		$filter = ref $filter eq 'HASH' ? $filter->{$_} : undef foreach @path;
		$filters{ $json->encode([$filter]) } = 1 if defined $filter;
	}
	$scan->{log} = $log;
	$scan->{requests} = @$log;
	$scan->{lists} = keys %filters;
	return;
}

# The rows of the smallest page that was asked for by a cursor
sub smallest_page
{
	my ($scan) = @_;
	my @sizes = map { $_->{query}{limit} // 20 } grep { defined $_->{query}{cursor} } @{ $scan->{log} };

	return min(@sizes, $scan->{switches}{max_limit} || ()) // 0;
}

# ---- calls -----------------------------------------------------------------

# All calls that there were; counts what changed.
sub read_calls
{
	my ($scan, $seen) = @_;
	my $field = qr/(?:"((?:[^"]|"")*)")?/;
	my $call = qr/"\w+",$field,$field,$field,$field,$field,$field,$field,/;
	my $version = sub { return { status => $_[1], direction => $_[2], from_number => $_[4], to_number => $_[5], started => milliseconds($_[6]) } };
	my (%calls, %changed, %crowd);

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
	$scan->{inserted} = $changed{insert} // 0;
	$scan->{deleted} = $changed{delete} // 0;
	$scan->{updated} = $changed{update} // 0;
	$scan->{moved} = $scan->{inserted} + $scan->{deleted};
	$scan->{entered} = $scan->{left} = $scan->{strangers} = 0;
	follow_call($scan, $_) foreach values %calls;
	$crowd{ int(($_->{versions}[0]{started} // 0) / 1000) }++ foreach values %calls;
	$scan->{crowd} = max(0, values %crowd);
	return \%calls;
}

# Where was a call all the time?
sub follow_call
{
	my ($scan, $call) = @_;
	my @lists = map { list_of($scan, $_->{status}) // '' } @{ $call->{versions} };
	my @moves = grep { $lists[$_] ne $lists[ $_ - 1 ] } 1 .. $#lists;
	my $missed = 0;

	$_->{matches} = matches($scan, $_) foreach @{ $call->{versions} };
	$call->{lists} = { map { $_ eq '' ? () : ($_ => 1) } @lists };
	$scan->{entered} += grep { $lists[$_] ne '' } @moves;
	$scan->{left} += grep { $lists[ $_ - 1 ] ne '' } @moves;
	$scan->{strangers} += keys %{ $call->{lists} } if $call->{deleted} || @moves || !$call->{before} && reads_new_calls($scan);
	$missed = grep { !$_->{matches} } @{ $call->{versions} };
	# "filtered column changes meanwhile: at most once"; of a group, one is if its word stays
	$call->{due} = $call->{before} && !$call->{deleted} && !$missed && (!@moves || $scan->{query}{shape} eq 'groups');
	return;
}

# Which list has the calls of a status? undef: none.
sub list_of
{
	my ($scan, $status) = @_;
	my $statuses = $scan->{query}{statuses};
	my $ignored = $scan->{switches}{filters} // '';

	return 'all' if !$scan->{lists} || $ignored eq 'off' || $ignored eq $faulty_provider{ $scan->{provider} }{status};
	# groups have a list for each word
	return $status if !$statuses;
	return undef if !grep { $_ eq $status } @$statuses;
	return $scan->{lists} > 1 ? $status : 'all';
}

# May calls come that were inserted meanwhile? Where the newest come first, they
# are in front of all that is read.
sub reads_new_calls
{
	my ($scan) = @_;
	my $facts = $faulty_provider{ $scan->{provider} };

	return $scan->{provider} eq 'acme' || ($scan->{query}{order} // '') eq 'ASC' || $facts->{cell} ne 'ordered';
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

# ---- faults ----------------------------------------------------------------

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

# How many rows, altered in a column, may have come to match or not, or be taken
# for another call
sub mistaken
{
	my ($scan) = @_;
	my $query = $scan->{query};

	return altered($scan, 'id')
	  + altered($scan, 'status') * !!($query->{statuses} || $query->{shape} eq 'groups')
	  + altered($scan, 'started') * !!($query->{from} || $query->{to} || $query->{order})
	  + altered($scan, 'to') * ($query->{shape} eq 'join');
}

# Does the query need the values of a column?
sub reads_column
{
	my ($scan, $column) = @_;
	my $query = $scan->{query};
	my %needs = (
		id => $query->{shape} !~ /^(count|groups)$/,
		status => $query->{statuses} || $query->{shape} eq 'groups',
		started => $query->{from} || $query->{to} || $query->{order},
		to => $query->{shape} eq 'join');

	return $query->{all_columns} || $query->{by_rows} || $needs{$column}
	  || $query->{shape} !~ /^(count|groups)$/ && grep { $_ eq $column || "${column}_number" eq $_ } @{ $query->{columns} };
}

# ---- lists -----------------------------------------------------------------

# Did a list that the provider gives change while it was read, as calls came to
# match or did no more?
sub filter_moved
{
	my ($scan) = @_;
	return $scan->{entered} + $scan->{left} > 0;
}

# Does the provider tell how many calls there are?
sub has_total
{
	my ($scan) = @_;
	my $total = $scan->{switches}{total} // 'exact';

	return $scan->{provider} ne 'voicy' && $total ne 'missing' && !($total eq 'capped' && $scan->{calls} >= 1000)
	  && !grep { defined $_->{told} && $_->{told} !~ /^\d{1,15}$/ } hit_by($scan, 'total');
}

# By how much is the total too low, at most?
sub total_lacks
{
	my ($scan) = @_;
	my $lacks = ($scan->{switches}{total} // '') =~ /^-(\d+)/ ? $1 : 0;

	$lacks += max(0, $scan->{calls} + $scan->{inserted} - $_->{told}) foreach grep { ($_->{told} // '') =~ /^\d{1,15}$/ } hit_by($scan, 'total');
	return $lacks;
}

1;
