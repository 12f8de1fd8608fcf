# Draws the scans of t/124_fault_scans.pl.
#
#   my $scan = draw_scan(7, 120);		seed and number
#   my $sql = scan_sql($scan);
#
# A scan is a hash: number, provider, calls (how many there are at first),
# switches, options (of the server), settings, faults, changes, and query. A
# fault is a hash:
#
#   arm		kind and words, for the simulator
#   errors	names of errors in FaultOracle.pm that it may lead to
#   code	the HTTP status, if it is one
#   column	the column whose value it alters in a row, or "id"
#   retries	each hit uses up one of max_retries
#   waits	how long a 429 asks to wait, in s
#   stays	it never ends
#   loses	rows are withheld; the provider's total is all that can tell
#   total	the total, or the number of pages, is not what it was
#   told	the total that is told instead, as JSON
#   stray	what is sent back need not be what the provider knows
package FaultScan;

use strict;
use warnings;

use Digest::MD5 qw(md5);
use Exporter 'import';
use List::Util qw(max);
use POSIX qw(strftime);
use RandomQuery qw(pick chance from_to weighted);

our @EXPORT = qw(draw_scan scan_sql describe_scan %faulty_provider @option_names);

# What the providers' pages say. "cell" is the row of the table in DESIGN,
# section 4, "Reading everything, once": ordered (cursor, last id, next link),
# numbered (pages by number), undocumented (no order is promised). "filter" is
# where a request names the statuses it asks for.
our %faulty_provider = (
	voicy => { cell => 'ordered', filter => 'body.filter_criteria.call_status', id => 'call_id', status => 'call_status', started => 'start_timestamp', duration => 'duration_ms', to => 'to_number' },
	tryvox => { cell => 'numbered', filter => 'query.status', id => 'call_uuid', status => 'status', started => 'start_time', duration => 'duration', to => 'to',
		rows => 'calls', total => 'pagination.total_count', total_pages => 'pagination.total_pages' },
	solomobile => { cell => 'undocumented', filter => 'body.status', id => 'id', status => 'status', started => 'created_at', duration => 'duration', to => 'to_number',
		rows => 'calls', total => 'total', more => 'has_more' },
	whippy => { cell => 'undocumented', filter => 'body.delivery_status', id => 'id', status => 'delivery_status', started => 'created_at', duration => 'duration', to => 'to',
		rows => 'data', total => 'total' },
	ringyo => { cell => 'ordered', filter => 'query.status', id => 'id', status => 'status', started => 'created_at', duration => 'duration', to => 'phone_number',
		rows => 'data', total => 'total', more => 'has_more', next => 'next_cursor' },
	acme => { cell => 'ordered', filter => 'query.state', id => 'ref', status => 'state', started => 'begin', duration => 'talk', to => 'callee',
		rows => 'result.records', total => 'result.count', next => 'links.next' });

# Server options that every scan sets
our @option_names = qw(page_size max_connections on_incomplete max_retries max_retry_wait request_timeout max_response_size
  max_requests trust_total use_remote_estimate request_cost pushdown rate_limit);

# Calls of the simulator start in the 400 days before this, in epoch seconds.
my $log_end = 1793491199;

sub draw_scan
{
	my ($seed, $number) = @_;

	srand unpack 'N', md5("$seed fault scan $number");
	my %scan = (number => $number, provider => (sort keys %faulty_provider)[ rand 6 ]);

	$scan{calls} = weighted(300 => 16, 1200 => 3, from_to(0, 30) => 1);
	$scan{options} = draw_options(\%scan);
	$scan{pages} = 1 + int $scan{calls} / $scan{options}{page_size};
	$scan{switches} = draw_switches(\%scan);
	$scan{query} = draw_query(\%scan);
	$scan{settings} = draw_settings();
	$scan{changes} = [ map { draw_change(\%scan) } 1 .. weighted(0 => 4, 1 => 3, 2 => 2, 4 => 1) ];
	$scan{faults} = draw_faults(\%scan);
	# a total that lies by a little cannot be told from a right one
	$scan{options}{trust_total} = 'false'
	  if ($scan{switches}{total} // '') =~ /^[-+]/ || grep { $_->{total} } @{ $scan{faults} };
	return \%scan;
}

sub draw_options
{
	my ($scan) = @_;

	return {
		page_size => $scan->{calls} > 300 ? from_to(20, 50) : weighted(10 => 5, 7 => 2, 23 => 2, 50 => 1, 4 => 0.3),
		max_connections => from_to(1, 8),
		on_incomplete => weighted(error => 8, warn => 1, ignore => 1),
		max_retries => from_to(0, 3),
		max_retry_wait => '2s',
		request_timeout => '20s',
		max_response_size => '64MB',
		max_requests => chance(0.04) ? from_to(2, 15) : 0,
		trust_total => weighted(true => 3, false => 1),
		use_remote_estimate => weighted(false => 5, true => 1),
		request_cost => weighted(1000 => 3, 1 => 1, 100000 => 1),
		pushdown => weighted(all => 8, none => 1, status => 1, started_at => 1),
		rate_limit => weighted(1000 => 9, 200 => 1)
	};
}

# What the documents leave open, and counts and filters that are not what they
# should be
sub draw_switches
{
	my ($scan) = @_;
	my $provider = $scan->{provider};
	my %switch = (latency => weighted(0 => 2, 1 => 2, 3 => 1, 8 => 0.5));

	$switch{bounds} = 'exclusive' if $provider !~ /^(tryvox|acme)$/ && chance(0.3);
	$switch{pagination_key} = 'inclusive' if $provider eq 'voicy' && chance(0.3);
	$switch{cursor} = pick('inclusive', 'exclusive') if $provider eq 'ringyo' && chance(0.25);
	$switch{max_limit} = from_to(3, 20) if chance(0.12);
	$switch{statuses} = 'all' if chance(0.1);
	$switch{filters} = pick('off', $faulty_provider{$provider}{status}) if $provider ne 'voicy' && chance(0.1);
	$switch{filters} = pick('off', 'call_status', 'start_timestamp') if $provider eq 'voicy' && chance(0.1);
	$switch{total} = weighted(missing => 3, capped => 1, '-' . from_to(1, 40) => 1, '+' . from_to(1, 40) => 1)
	  if $provider ne 'voicy' && chance(0.2);
	$switch{order} = pick('random', 'id') if $provider =~ /^(solomobile|whippy)$/ && chance(0.4);
	$switch{compress} = pick('gzip', 'deflate') if chance(0.1);
	$switch{ (chance(0.5) ? 'rate' : 'quota') } = from_to(20, 60) if chance(0.015);
	return \%switch;
}

sub draw_settings
{
	my @settings;

	push @settings, 'enable_hashjoin = off', 'enable_mergejoin = off' if chance(0.4);
	push @settings, 'enable_material = off', 'enable_memoize = off' if chance(0.3);
	push @settings, "work_mem = '64kB'" if chance(0.2);
	push @settings, 'cursor_tuple_fraction = 1' if chance(0.5);
	return \@settings;
}

# A query: shape, columns, and which calls it asks for.
sub draw_query
{
	my ($scan) = @_;
	my %query = (shape => weighted(rows => 10, count => 2, groups => 1, limit => 2, cursor => 2, join => 2));
	my @words = $scan->{provider} eq 'whippy' ? ('completed', 'no-answer', 'busy', 'in-progress') : ('completed', 'no_answer', 'busy', 'failed', 'in_progress', 'queued');

	if ($query{shape} ne 'groups' && chance(0.35))
	{
		my %words = map { (pick(@words, 'completed') => 1) } 1 .. weighted(1 => 3, 2 => 1, 3 => 1);
		$query{statuses} = [ sort keys %words ];
	}
	if (chance(0.2))
	{
		$query{from} = $log_end - from_to(5, 400) * 86400;
		$query{to} = $query{from} + from_to(10, 300) * 86400 if chance(0.4);
	}
	$query{order} = pick('ASC', 'DESC') if $query{shape} =~ /^(rows|limit|cursor)$/ && chance(0.3);
	$query{limit} = from_to(1, 60) if $query{shape} eq 'limit';
	$query{offset} = chance(0.3) ? from_to(1, 30) : 0 if $query{shape} eq 'limit';
	$query{fetch} = from_to(1, 40) if $query{shape} eq 'cursor';
	$query{columns} = [ grep { chance(0.6) } qw(status direction from_number to_number started) ];
	$query{all_columns} = 1 if chance(0.25);
	$query{by_rows} = 1 if $query{shape} eq 'count' && chance(0.3);
	return \%query;
}

sub draw_change
{
	my ($scan) = @_;
	my $largest = chance(0.1) ? 60 : 8;
	my %change = (
		after => from_to(1, $scan->{pages} + 1),
		where => pick(qw(newest oldest random)),
		map { chance(0.5) ? ($_ => from_to(1, $largest)) : () } qw(insert delete update));

	return keys %change > 2 ? \%change : ();
}

# ---- faults ----------------------------------------------------------------

sub json_text { return '"' . $_[0] . '"'; }

# A 429, and how long it asks to wait: in a header, a text, or not at all
sub make_throttle
{
	my ($scan, $waits, @hint) = @_;

	# every reply of Ringyo tells when the minute ends, which comes before a text
	$waits = 60 if $scan->{provider} eq 'ringyo' && (!defined $waits || $hint[0] eq 'hint');
	return {
		arm => [ 'status', code => 429, @hint ],
		code => 429,
		errors => ['rate limit'],
		defined $waits ? (waits => $waits) : (retries => 1)
	};
}

# A 429 with each of the ways to say how long to wait, and with none
sub draw_throttle
{
	my ($scan) = @_;
	my $ahead = pick(-5, 1, 3600);
	my $date = strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + $ahead));

	return make_throttle($scan, @{ pick(
			[undef],
			[ 0, retry_after => 0 ],
			[ 1, retry_after => 1 ],
			[ undef, retry_after => 'soon' ],
			[ 3600, retry_after => 3600 ],
			[ max(0, $ahead), retry_after => $date ],
			[ 1, reset => 1 ],
			[ 0, reset => 0, skew => from_to(-100, 100) ],
			[ 0.2, hint => 'Please retry after 0.2 seconds.' ],
			[ 0.15, hint => 'Try again in 150 ms' ],
			[ 300, hint => 'retry after 5 minutes' ]) });
}

sub draw_status
{
	my $code = weighted(map { ($_ => 1) } 500, 502, 503, 503, 504, 408, 400, 401, 403, 404, 418, 422, 302, 200);
	my $error =
	    $code == 200 ? 'no rows'
	  : $code == 302 ? 'redirected'
	  : $code == 404 ? 'address'
	  : $code =~ /^40[13]$/ ? 'credentials'
	  : $code >= 500 ? 'failed'
	  : 'rejected';

	return {
		arm => [ 'status', code => $code, $code == 503 && chance(0.5) ? (retry_after => pick(0, 1)) : () ],
		code => $code,
		errors => [$error],
		retries => $code >= 500 || $code == 408
	};
}

# A value in one row that is of a wrong type, out of range or made up
sub draw_value
{
	my ($scan) = @_;
	my $facts = $faulty_provider{ $scan->{provider} };
	my %values = (
		started => [ 'null', 'true', '""', '"garbage"', '[]', '{}', '"2026-13-45T00:00:00Z"', '1e400', '-1' ],
		status => [ 'null', '5', 'true', '[]', '{}', '"made-up"' ],
		duration => [ 'null', '"abc"', '-1', '1e99', '[]', '{}', 'true' ],
		to => [ 'null', '42', '[]', '{"a":1}', '"x"' ],
		id => [ 'null', '7', '""', '"forged-1"', '[]', '{}' ]);
	my $column = weighted(started => 3, status => 2, duration => 2, to => 1, id => 2);
	my $row = chance(0.3) ? $scan->{options}{page_size} - 1 : from_to(0, $scan->{options}{page_size} - 1);
	my @kind = chance(0.1) ? ('raw') : ('value', json => pick(@{ $values{$column} }));

	return {
		arm => [ @kind, row => $row, field => $facts->{$column} ],
		column => $column,
		stray => $column eq 'id',
		errors => [
			'value', $kind[0] eq 'raw' ? 'not JSON' : (),
			# Voicy is sent the last id
			$column eq 'id' && $scan->{provider} eq 'voicy' ? ('rejected', 'no id', 'bad position', 'same position') : (),
			$column eq 'started' ? 'order' : () ]
	};
}

# A member of the page itself: total, flag, next position, the rows
sub draw_member
{
	my ($scan) = @_;
	my $facts = $faulty_provider{ $scan->{provider} };
	my $near = $scan->{calls} + from_to(-12, 12);
	my %values = (
		total => [ 0, 1, $near, -5, '"many"', 'null', '1e99', '99999999999999999999', '3.5', 'true', '[]' ],
		total_pages => [ 0, 1, 3, 99, 'null', '"x"' ],
		more => [ 'false', 'true', 'null', '"no"' ],
		next => [ 'null', '""', '"garbage"', '12', '[1]', 'true', '"/elsewhere"', '"http://127.0.0.1:1/"' ],
		rows => [ '[]', 'null', '{}', '"x"', '[1,2]', '[null]' ]);
	my @members = grep { $facts->{$_} } sort keys %values;

	return draw_value($scan) if !@members;
	my $member = pick(@members);
	my $json = pick(@{ $values{$member} });
	my %errors = (
		next => [ 'rejected', 'address', 'leaves', 'no position', 'incomplete' ],
		more => [ 'gives none', 'no position', 'incomplete' ],
		rows => [ 'no rows', 'not object', 'incomplete', 'gives none' ]);

	return {
		arm => [ 'value', row => -1, field => $facts->{$member}, json => $json ],
		total => scalar($member =~ /^total/),
		$member eq 'total' ? (told => $json) : (),
		loses => scalar($member =~ /^(next|more|rows)$/),
		stray => $member eq 'next',
		errors => $errors{$member} || ['incomplete']
	};
}

# The others: weight, kind, words, errors, further members
my @plain_faults = (
	[ 6, 'delay', sub { (ms => from_to(5, 60)) }, [] ],
	[ 3, 'refuse', sub { () }, [ 'lost', 'connect' ], retries => 1 ],
	[ 3, 'reset', sub { () }, ['lost'], retries => 1 ],
	[ 0.3, 'hang', sub { () }, ['timeout'], retries => 1 ],
	[ 2, 'truncate', sub { () }, ['not JSON'] ],
	[ 1, 'html', sub { () }, ['web page'] ],
	[ 1, 'empty', sub { () }, ['empty'] ],
	[ 1, 'norows', sub { () }, ['no rows'] ],
	[ 1, 'rowsobject', sub { () }, ['no rows'] ],
	[ 1, 'deep', sub { (row => from_to(0, 3)) }, ['deep'] ],
	[ 2, 'big', sub { (bytes => pick(5_000, 300_000, 5_000_000), compress => pick('none', 'gzip')) }, ['large'] ],
	[ 3, 'samecursor', sub { () }, [ 'same position', 'repeats', 'order', 'incomplete' ], loses => 1 ],
	[ 1.5, 'nocursor', sub { () }, [ 'no position', 'gives none', 'incomplete' ], loses => 1 ],
	[ 1, 'foreignlink', sub { chance(0.5) ? () : (url => pick('https://127.0.0.1:1/', '//evil.test/x', 'file:///etc/passwd')) }, ['leaves'] ]);

sub draw_plain
{
	my ($scan) = @_;
	my %weight = map { ($_ => $plain_faults[$_][0]) } 0 .. $#plain_faults;
	my (undef, $kind, $words, $errors, %members) = @{ $plain_faults[ weighted(map { ($_ => $weight{$_}) } sort { $a <=> $b } keys %weight) ] };

	$scan->{options}{max_response_size} = '256kB' if $kind eq 'big' && chance(0.5);
	$scan->{options}{request_timeout} = '1s' if $kind eq 'hang';
	return { arm => [ $kind, $words->() ], errors => $errors, %members };
}

sub draw_faults
{
	my ($scan) = @_;
	my %makers = (throttle => \&draw_throttle, status => \&draw_status, value => \&draw_value, member => \&draw_member, plain => \&draw_plain);
	my (%drawn, @faults);

	foreach (1 .. weighted(0 => 3, 1 => 4, 2 => 3, 3 => 1))
	{
		my $fault = $makers{ weighted(plain => 6, throttle => 2, status => 2, value => 2, member => 2) }->($scan);
		my $kind = $fault->{arm}[0];

		# the log tells faults apart by their kind and status
		next if $drawn{ $kind . ($fault->{code} // '') }++ || $kind eq 'foreignlink' && $scan->{provider} ne 'acme';
		push @{ $fault->{arm} }, after => from_to(0, $scan->{pages}), count => $kind eq 'hang' ? 1 : weighted(1 => 6, 2 => 2, 3 => 1);
		push @faults, $fault;
	}
	if (chance(0.03))
	{
		my $fault = draw_staying($scan);
		push @faults, $fault if !$drawn{ $fault->{arm}[0] . ($fault->{code} // '') };
	}
	return \@faults;
}

# A provider that does not recover: retrying has to end.
sub draw_staying
{
	my ($scan) = @_;
	my $fault = pick(
		make_throttle($scan, undef),
		make_throttle($scan, 0, retry_after => 0),
		{ arm => [ 'status', code => 503 ], code => 503, errors => ['failed'], retries => 1 },
		{ arm => ['reset'], errors => ['lost'], retries => 1 });

	push @{ $fault->{arm} }, after => from_to(0, $scan->{pages}), count => -1;
	$fault->{stays} = 1;
	return $fault;
}

# ---- SQL -------------------------------------------------------------------

my %expression = (started => 'floor(extract(epoch FROM started_at) * 1000)::bigint');

sub timestamp { return strftime(q('%Y-%m-%d %H:%M:%S+00'), gmtime $_[0]); }

sub scan_sql
{
	my ($scan) = @_;
	my $query = $scan->{query};
	my $columns = join ', ', q('r'), 'call_id', (map { $expression{$_} // $_ } @{ $query->{columns} }), $query->{all_columns} ? 'length(t::text) > 0' : ();
	my @where = (
		$query->{statuses} ? (@{ $query->{statuses} } > 1 ? 'status IN (' . join(', ', map { "'$_'" } @{ $query->{statuses} }) . ')' : "status = '$query->{statuses}[0]'") : (),
		$query->{from} ? 'started_at >= ' . timestamp($query->{from}) : (),
		$query->{to} ? 'started_at <= ' . timestamp($query->{to}) : ());
	my $from = "FROM $scan->{provider}.calls t" . ($query->{shape} eq 'join' ? ' JOIN contact ON to_number = phone' : '')
	  . (@where ? ' WHERE ' . join(' AND ', @where) : '')
	  . ($query->{order} ? " ORDER BY started_at $query->{order}" : '');

	return "SELECT 'n', count(" . ($query->{by_rows} ? 'md5(t::text)' : '*') . ") $from" if $query->{shape} eq 'count';
	return "SELECT 'g', status, count(*) $from GROUP BY status" if $query->{shape} eq 'groups';
	return "BEGIN; DECLARE c CURSOR FOR SELECT $columns $from;\nFETCH $query->{fetch} FROM c;\nFETCH ALL FROM c;\nCOMMIT" if $query->{shape} eq 'cursor';
	return "SELECT $columns $from" . ($query->{limit} ? " LIMIT $query->{limit} OFFSET $query->{offset}" : '');
}

# Everything that was drawn, as text
sub describe_scan
{
	my ($scan) = @_;
	my $pairs = sub { my ($hash) = @_; return map { "$_=$hash->{$_}" } sort keys %$hash; };

	return join "\n",
	  "$scan->{provider}, $scan->{calls} calls; switches: @{[ $pairs->($scan->{switches}) ]}",
	  "options: @{[ $pairs->($scan->{options}) ]}",
	  (map { "SET $_;" } @{ $scan->{settings} }),
	  scan_sql($scan) . ';',
	  (map { "fault: @{ $_->{arm} }" } @{ $scan->{faults} }),
	  (map { "change: @{[ $pairs->($_) ]}" } @{ $scan->{changes} }), '';
}

1;
