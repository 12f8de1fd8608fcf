# Makes the random queries of t/090_random.pl.
#
#   learn_tables($node, 7, 'voicy', ...);	the seed, and tables of schema local
#   my $query = make_query(120);
#
# A query is a hash: steps, SQL statements in which {voicy} stands for voicy.calls
# and for local.voicy; local_steps, those for the local copy; settings, for SET
# LOCAL; roll_back, if it changes anything; and how to compare the rows:
#
#   bag		the same rows in any order
#   list	the same rows in the same order
#   some	LIMIT without an order: as many rows as "limit" and "offset" say, of
#   		those that local_steps, which have no limit, find
package RandomQuery;

use strict;
use warnings;

use CallsTest;
use Digest::MD5 qw(md5);
use Exporter 'import';
use JSON::PP;
use List::Util qw(min);

our @EXPORT = qw(learn_tables make_query seed_for pick chance from_to weighted);

my $node;
my $seed;
my %table;

# Bytes in, bytes out: text is UTF-8 everywhere.
my $json = JSON::PP->new;

sub learn_tables
{
	my @names;

	($node, $seed, @names) = @_;
	$table{$_} = read_table($_) foreach @names;
	return;
}

# ---- chance ----------------------------------------------------------------

# Each query and each batch has its own sequence, so that it can be made alone.
sub seed_for { srand unpack 'N', md5("$seed $_[0]"); return; }

sub pick { return $_[ int rand @_ ]; }

sub chance { return rand() < $_[0]; }

sub from_to { return $_[0] + int rand($_[1] - $_[0] + 1); }

# One of the keys, whose values are weights.
sub weighted
{
	my (@pairs) = @_;
	my $sum = 0;

	$sum += $pairs[ 2 * $_ + 1 ] foreach 0 .. @pairs / 2 - 1;
	my $at = rand $sum;
	while (@pairs > 2 && ($at -= $pairs[1]) >= 0)
	{
		splice @pairs, 0, 2;
	}
	return $pairs[0];
}

sub shuffled { return map { $_->[1] } sort { $a->[0] <=> $b->[0] } map { [ rand, $_ ] } @_; }

# ---- the words of queries --------------------------------------------------

# The columns of a table with their types, and values that they have; those of
# the log as it was first, so that a query depends on its number only.
sub read_table
{
	my ($name) = @_;
	my %table = (name => $name);

	foreach (query_rows($node, "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
		  . " WHERE attrelid = 'local.$name'::regclass AND attnum > 0 ORDER BY attnum"))
	{
		my ($column, $type) = split /\|/;

		$type =~ s/timestamp with time zone/timestamptz/;
		$table{type}{$column} = $type;
		push @{ $table{columns} }, $column;
		next if $type eq 'jsonb';
		$table{values}{$column} = $json->decode(join '', query_rows($node,
				"SELECT coalesce(json_agg(x ORDER BY md5(x), x), '[]') FROM (SELECT DISTINCT "
			  . ($type eq 'timestamptz' ? "to_char($column AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00')" : "$column\::text")
			  . " FROM local.$name ORDER BY 1 LIMIT 2000) AS q (x) WHERE x IS NOT NULL"));
		$table{values}{$column} = [ @{ $table{values}{$column} }[ 0 .. min(39, $#{ $table{values}{$column} }) ] ];
	}
	return \%table;
}

sub quote { return CallsTest::quote($_[0]); }

# Parameters of the statement that is made, if it is to be prepared: hashes
# with type and value, a function that makes one.
my $parameters;

# A value as a literal, or as a parameter.
sub value
{
	my ($type, $make) = @_;

	return $make->() if !$parameters || @$parameters >= 6 || chance(0.3);
	push @$parameters, { type => $type, value => $make };
	return '$' . @$parameters;
}

my @statuses = qw(queued ringing in_progress completed busy no_answer failed canceled);
my @odd_words = ('', ' ', 'Busy', ' busy', 'no-answer', 'incoming', 'transferred', 'ended', "o'clock", '555-1234', '%', "tab\tinside", "\xc3\xa4");

sub word_of
{
	my ($table, $column) = @_;
	my $values = $table->{values}{$column};
	my $word;

	if (chance(0.08)) { $word = pick(@odd_words); }
	elsif ($column eq 'status' && chance(0.7)) { $word = pick(@statuses); }
	elsif ($column eq 'direction' && chance(0.8)) { $word = pick('inbound', 'outbound'); }
	elsif ($column =~ /^(source|provider)$/ && chance(0.3)) { $word = pick(@providers); }
	elsif (@$values) { $word = pick(@$values); }
	else { $word = 'none'; }
	$word = uc $word if chance(0.03);
	$word .= ' ' if chance(0.02);
	return $word;
}

sub text_value
{
	my ($table, $column) = @_;
	return value('text', sub { return chance(0.03) ? 'NULL' : quote(word_of($table, $column)); });
}

sub text_array
{
	my ($table, $column) = @_;
	return value('text[]', sub {
		return pick("'{}'::text[]", 'NULL::text[]') if chance(0.06);
		my @words = map { quote(word_of($table, $column)) } 1 .. from_to(1, 4);
		push @words, 'NULL' if chance(0.1);
		return 'ARRAY[' . join(', ', @words) . ']::text[]';
	});
}

# A point in time: one that occurs, at its edges, or anywhere.
sub moment
{
	my ($table, $column) = @_;
	my $values = $table->{values}{$column};

	if (@$values && chance(0.8))
	{
		my $at = pick(@$values);

		return $at if chance(0.5);
		$at =~ s/(:\d\d)\.\d+/$1/ if chance(0.6);
		$at =~ s/:\d\d:\d\d(\.\d+)?/:00:00/ if chance(0.3);
		return $at;
	}
	return sprintf '20%02d-%02d-%02d %02d:%02d:%02d%s', pick(24, 25, 25, 26, 26, 26, 27), from_to(1, 12), from_to(1, 28), from_to(0, 23),
	  from_to(0, 59), from_to(0, 59), pick('', '+00', '+02', ' Europe/Berlin', ' America/New_York');
}

sub time_literal
{
	my ($table, $column) = @_;

	return weighted(
		"timestamptz '" . moment($table, $column) . "'" => 10,
		"date '" . substr(moment($table, $column), 0, 10) . "'" => 3,
		"timestamp '" . substr(moment($table, $column), 0, 19) . "'" => 2,
		"timestamptz '" . moment($table, $column) . "' + interval '" . from_to(-2000, 2000) . " milliseconds'" => 2,
		"now() - interval '" . from_to(1, 420) . " days'" => 3,
		"now() - interval '" . from_to(1, 14) . " months'" => 1,
		'current_date - ' . from_to(-1, 420) => 2,
		'CURRENT_TIMESTAMP' => 0.5,
		"date_trunc('month', now())" => 0.5,
		pick("timestamptz 'infinity'", "timestamptz '-infinity'", "timestamptz '0044-03-15 12:00+00 BC'", "timestamptz '12000-01-01 00:00+00'",
			"date '-infinity'", 'NULL::timestamptz', 'NULL::date') => 0.7);
}

sub time_value
{
	my ($table, $column) = @_;

	return weighted(
		sub { return value('timestamptz', sub { return time_literal($table, $column); }); } => 8,
		sub { return time_literal($table, $column); } => 3,
		sub { return value('date', sub { return "date '" . substr(moment($table, $column), 0, 10) . "'"; }); } => 1,
		sub { return value('timestamp', sub { return "timestamp '" . substr(moment($table, $column), 0, 19) . "'"; }); } => 1)->();
}

sub interval_value
{
	my ($table, $column) = @_;
	my $values = $table->{values}{$column};

	return value('interval', sub {
		return weighted(
			'interval ' . quote(@$values ? pick(@$values) : '00:01:00') => 6,
			'interval ' . quote(from_to(-10, 900) . ' seconds') => 4,
			'make_interval(secs => ' . from_to(0, 600) . '.5)' => 1,
			pick("interval '1 month'", "interval '0'", "interval '1 day -23:59:00'", "interval '-1 month 30 days'", 'NULL::interval') => 1);
	});
}

# ---- predicates ------------------------------------------------------------

my @comparisons = qw(= <> < <= > >=);

sub text_predicate
{
	my ($r, $column) = @_;
	my $c = "$r->{alias}.$column";
	my $t = $r->{table};

	return weighted(
		sub { return "$c = " . text_value($t, $column); } => 10,
		sub { return text_value($t, $column) . " = $c"; } => 1,
		sub { return "$c <> " . text_value($t, $column); } => 2,
		sub { return "$c IN (" . join(', ', map { text_value($t, $column) } 1 .. from_to(1, 4)) . ')'; } => 5,
		sub { return "$c NOT IN (" . join(', ', map { text_value($t, $column) } 1 .. from_to(1, 3)) . ')'; } => 1,
		sub { return "$c = ANY (" . text_array($t, $column) . ')'; } => 4,
		sub { return "$c <> ALL (" . text_array($t, $column) . ')'; } => 0.5,
		sub { return "$c IS " . pick('', 'NOT ') . 'NULL'; } => 2,
		sub { return "$c IS " . pick('', 'NOT ') . 'DISTINCT FROM ' . text_value($t, $column); } => 1,
		sub { return "$c " . pick('LIKE', 'NOT LIKE', '~') . ' ' . pick("'b%'", "'1800%'", "'%e%'"); } => 1,
		sub { return "$c " . pick(@comparisons) . ' ' . text_value($t, $column); } => 1,
		sub { return pick('lower', 'upper', 'btrim') . "($c) = " . text_value($t, $column); } => 1,
		sub { return "coalesce($c, 'none') = " . text_value($t, $column); } => 0.5,
		sub { return "($c = " . text_value($t, $column) . " OR $c = " . text_value($t, $column) . ')'; } => 2,
		sub { return "$c = current_setting('test.word')"; } => 0.5,
		sub { return "$c COLLATE \"C\" = " . text_value($t, $column); } => 0.3,
		sub { return "$c = (SELECT " . pick('min', 'max') . "($column) FROM {$t->{name}})"; } => 0.7,
		sub { return "$c = ANY (ARRAY(SELECT DISTINCT $column FROM {$t->{name}} ORDER BY 1 LIMIT " . from_to(0, 3) . '))'; } => 0.7)->();
}

sub time_predicate
{
	my ($r, $column) = @_;
	my $c = "$r->{alias}.$column";
	my $t = $r->{table};
	my $at = sub { return time_value($t, $column); };
	my $day = sub { return value('date', sub { return "date '" . substr(moment($t, $column), 0, 10) . "'"; }); };

	return weighted(
		sub { return "$c " . pick('<', '<=', '>', '>=', '>=', '=', '<>') . ' ' . $at->(); } => 8,
		sub { return $at->() . ' ' . pick('<', '<=', '>', '>=', '=') . " $c"; } => 2,
		sub { return "$c " . pick('', '', 'NOT ') . 'BETWEEN ' . pick('', '', 'SYMMETRIC ') . $at->() . ' AND ' . $at->(); } => 3,
		sub { return "($c >= " . $at->() . " AND $c < " . $at->() . ')'; } => 4,
		sub { return "($c < " . $at->() . " OR $c >= " . $at->() . ')'; } => 1,
		sub { return "$c IN (" . $at->() . ', ' . $at->() . ')'; } => 1,
		sub { return "$c IS " . pick('', 'NOT ') . 'NULL'; } => 1,
		sub { return "$c\::date " . pick('=', '=', '>=', '<', '<=', '>') . ' ' . $day->(); } => 3,
		sub { return "$c\::date BETWEEN " . $day->() . ' AND ' . $day->(); } => 1,
		sub { return "$c\::date IN (" . $day->() . ', ' . $day->() . ')'; } => 0.5,
		sub { return "$c\::date = current_date - " . from_to(0, 60); } => 0.5,
		sub {
			my $unit = pick(qw(second minute hour day week month quarter year));
			return "date_trunc('$unit', $c) " . pick('=', '=', '>=', '<', '<=', '>') . " date_trunc('$unit', timestamptz '" . moment($t, $column) . "')";
		} => 2,
		sub { return "date_trunc('month', $c) = " . pick("'2026-03-01'", "timestamptz '2025-10-01'", "date '2026-10-01'", "'2026-10-02'", "'2026-03-01 00:00+00'"); } => 1.5,
		sub { return "date_trunc('" . pick('day', 'month') . "', $c, 'America/New_York') = '2026-10-01 04:00+00'"; } => 0.3,
		sub { return "extract(year FROM $c) " . pick(@comparisons) . ' ' . pick(2025, 2026, 2026, 2027, 1); } => 2,
		sub { return "date_part('year', $c) = " . pick(2025, 2026); } => 0.5,
		sub { return "(extract(year FROM $c) = 2026 AND extract(month FROM $c) = " . from_to(1, 12) . ')'; } => 1,
		sub { return "extract(year FROM $c) IN (2024, 2025)"; } => 0.3,
		sub { return "to_char($c, 'YYYY-MM') = '2026-" . pick(qw(03 09 10)) . "'"; } => 0.5,
		sub { return "($c AT TIME ZONE '" . pick('UTC', 'Europe/Berlin') . "')::date = " . $day->(); } => 0.5,
		sub { return "$c\::timestamp >= timestamp '" . substr(moment($t, $column), 0, 19) . "'"; } => 0.5,
		sub { return "$c + interval '1 day' > " . $at->(); } => 0.3,
		sub { return "$c >= (SELECT " . pick('min', 'max') . "($column) FROM {$t->{name}}) - interval '" . from_to(0, 30) . " days'"; } => 0.7,
		sub { return "$c = (SELECT " . pick('min', 'max') . "($column) FROM {$t->{name}})"; } => 0.7,
		sub { return "($c, $r->{alias}.call_id) > (" . $at->() . ", 'c')"; } => 0.5)->();
}

sub interval_predicate
{
	my ($r, $column) = @_;
	my $c = "$r->{alias}.$column";
	my $t = $r->{table};

	return weighted(
		sub { return "$c " . pick(@comparisons) . ' ' . interval_value($t, $column); } => 8,
		sub { return interval_value($t, $column) . ' ' . pick(@comparisons) . " $c"; } => 1,
		sub { return "$c BETWEEN " . interval_value($t, $column) . ' AND ' . interval_value($t, $column); } => 3,
		sub { return "$c IN (" . interval_value($t, $column) . ', ' . interval_value($t, $column) . ')'; } => 1,
		sub { return "extract(epoch FROM $c) " . pick(@comparisons) . ' ' . from_to(0, 600); } => 1,
		sub { return "$c IS " . pick('', 'NOT ') . 'NULL'; } => 1)->();
}

sub boolean_predicate
{
	my ($r, $column) = @_;
	my $c = "$r->{alias}.$column";

	return pick($c, $c, "NOT $c", "$c = " . value('boolean', sub { return pick('true', 'false', 'NULL'); }), "$c <> true", "$c IS TRUE",
		"$c IS NOT TRUE", "$c IS FALSE", "$c IS NOT FALSE", "$c IS UNKNOWN", "$c = true", "$c = false", "$c IN (true, false)");
}

sub number_predicate
{
	my ($r, $column) = @_;
	my $values = $r->{table}{values}{$column};
	my $type = $r->{table}{type}{$column};
	my $number = sub { return value($type, sub { return @$values && chance(0.9) ? pick(@$values) : from_to(-1, 5); }); };

	return "$r->{alias}.$column "
	  . pick("= " . $number->(), '>= ' . $number->(), '< ' . $number->(), 'IN (' . $number->() . ', ' . $number->() . ')', 'IS NULL', 'IS NOT NULL');
}

sub json_predicate
{
	my ($r, $column) = @_;
	my $c = "$r->{alias}.$column";

	return pick("$c IS NULL", "$c IS NOT NULL", "$c ? 'status'", "$c ->> 'status' = 'busy'", "$c @> '{}'", "$c ->> 'customer_id' LIKE '%4%'",
		"$c @> '{\"status\": \"completed\"}'", "jsonb_typeof($c) = 'object'");
}

my %weight = (status => 12, started_at => 16, direction => 5, agent_id => 5, from_number => 6, to_number => 6, duration => 5, call_id => 2,
	ended_at => 2, source => 1, provider => 1, voicemail => 4, provider_status => 3, metadata => 1.5, raw => 0.3);
my %by_type = (text => \&text_predicate, timestamptz => \&time_predicate, interval => \&interval_predicate, boolean => \&boolean_predicate,
	integer => \&number_predicate, numeric => \&number_predicate, jsonb => \&json_predicate);

sub atom
{
	my ($r) = @_;
	my $t = $r->{table};
	my $alias = $r->{alias};

	return pick('true', 'false', 'NULL::boolean', '1 = 1', 'random() < 2', "$alias.call_id IS NOT NULL") if chance(0.02);
	return "($alias.from_number = " . text_value($t, 'from_number') . " OR $alias.to_number = " . text_value($t, pick('from_number', 'to_number')) . ')'
	  if chance(0.03);
	return "$alias.from_number = $alias.to_number" if chance(0.005);
	my $column = weighted(map { $_ => $weight{$_} // 1 } @{ $t->{columns} });
	return $by_type{ $t->{type}{$column} }->($r, $column);
}

sub condition
{
	my ($r, $depth) = @_;
	my $kind = rand;

	return atom($r) if $depth >= 3 || $kind < 0.5 + 0.1 * $depth;
	return 'NOT (' . condition($r, $depth + 1) . ')' if $kind < 0.58 + 0.1 * $depth;
	my $word = $kind < 0.83 ? 'AND' : 'OR';
	return '(' . join(" $word ", map { condition($r, $depth + 1) } 1 .. from_to(2, 3)) . ')';
}

# The condition of a query: often several, mostly satisfiable.
sub conditions
{
	my ($r) = @_;
	my @conditions = map { condition($r, 0) } 1 .. weighted(1 => 6, 2 => 4, 3 => 1);

	return join ' AND ', @conditions;
}

sub where
{
	my ($r) = @_;
	return chance(0.2) ? '' : ' WHERE ' . conditions($r);
}

# ---- parts of queries ------------------------------------------------------

sub relation
{
	my ($alias, @names) = @_;
	my $name = @names ? pick(@names) : weighted((map { $_ => 5 } @providers), acme => 2, everyone => 2, guarded => 1.5);

	return { table => $table{$name}, alias => $alias, from => "{$name} $alias" };
}

# Columns of a relation, always with call_id.
sub columns
{
	my ($r) = @_;
	my @columns = @{ $r->{table}{columns} };

	return "$r->{alias}.*" if chance(0.15);
	return join ', ', map { "$r->{alias}.$_" } (shuffled(@columns))[ 0 .. from_to(0, min(5, $#columns)) ], 'call_id';
}

sub limit_clause
{
	return ' LIMIT ' . weighted(1 => 2, 3 => 2, 10 => 2, 25 => 1, 60 => 1, 100 => 1, 1000 => 1, 0 => 0.3, ALL => 0.2)
	  . (chance(0.3) ? ' OFFSET ' . pick(0, 1, 5, 40, 77, 500) : '');
}

sub started_order { return 'started_at' . pick('', ' DESC', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST', ' ASC'); }

# A total order.
sub order_clause
{
	my ($r) = @_;
	my @keys = map { s/^started_at/$r->{alias}.started_at/r }
	  weighted(started_order() => 6, 'started_at DESC' => 3, "$r->{alias}.status" => 1, "$r->{alias}.duration DESC" => 1, '' => 1);

	return ' ORDER BY ' . join ', ', (grep { $_ ne '' } @keys), "$r->{alias}.call_id" . pick('', ' DESC'), ($r->{table}{name} eq 'everyone' ? "$r->{alias}.source" : ());
}

my @aggregates = ('count(*)', 'count(*)', 'count(*)', 'count(1)', 'count(v.call_id)', 'count(v.started_at)', 'count(v.agent_id)', 'min(v.started_at)',
	'max(v.started_at)', 'min(v.started_at), max(v.started_at)', 'sum(v.duration)', 'avg(v.duration)', 'max(v.duration)', 'min(v.call_id)',
	"count(*) FILTER (WHERE v.status = 'busy')", 'count(DISTINCT v.to_number)', 'bool_and(v.status IS NOT NULL)', 'count(*), count(v.ended_at)',
	"string_agg(v.call_id, ',' ORDER BY v.call_id)", 'count(v.*)', 'count(v.from_number), max(v.started_at)', "max(v.started_at) FILTER (WHERE v.direction = 'inbound')",
	'percentile_disc(0.5) WITHIN GROUP (ORDER BY v.started_at)', 'mode() WITHIN GROUP (ORDER BY v.status)');

sub aggregates { return join ', ', map { pick(@aggregates) } 1 .. weighted(1 => 5, 2 => 2, 3 => 1); }

# How a contact is found: conditions on v and c.
sub join_condition
{
	my $condition = weighted(
		'v.to_number = c.phone' => 8,
		'v.from_number = c.phone' => 5,
		'c.phone = v.to_number' => 1,
		'(v.from_number = c.phone OR v.to_number = c.phone)' => 2,
		'c.phone IN (v.from_number, v.to_number)' => 1,
		'v.agent_id = c.owner' => 3,
		'v.status = c.status AND v.to_number = c.phone' => 2,
		'v.agent_id = c.owner AND v.status = c.status' => 1,
		'v.status = ANY (c.words) AND v.from_number = c.phone' => 2,
		'v.status = ANY (c.words) AND c.id < 12' => 1,
		'v.to_number = c.phone AND v.started_at >= c.since' => 2,
		'v.started_at = c.since' => 1,
		"v.started_at >= c.since AND v.started_at < c.since + interval '3 days'" => 1,
		'v.started_at::date = c.day' => 1,
		'v.status = c.status AND v.started_at::date = c.day' => 1,
		'v.to_number = btrim(c.phone)' => 1,
		'v.provider = c.phone' => 0.3,
		'v.from_number = c.phone AND v.to_number = c.phone' => 0.3);
	return $condition;
}

# ---- queries ---------------------------------------------------------------
# Each kind returns a hash: sql, compared; where the rows are those of LIMIT
# without an order also limit and offset, and sql lacks them.

sub plain_query
{
	my $v = relation('v');
	return { sql => 'SELECT ' . columns($v) . " FROM $v->{from}" . where($v), compared => 'bag' };
}

sub ordered_query
{
	my $v = relation('v');
	return {
		sql => 'SELECT ' . columns($v) . " FROM $v->{from}" . where($v) . order_clause($v) . (chance(0.7) ? limit_clause() : ''),
		compared => 'list'
	};
}

sub newest_query
{
	my $v = relation('v', chance(0.7) ? qw(voicy tryvox ringyo) : ());
	my $columns = pick('v.started_at', 'v.started_at', "v.started_at, date_trunc('day', v.started_at)", 'v.provider, v.started_at');

	return {
		sql => "SELECT $columns FROM $v->{from}" . where($v) . ' ORDER BY v.' . started_order()
		  . (chance(0.1) ? ' FETCH FIRST ' . from_to(1, 30) . ' ROWS WITH TIES' : chance(0.85) ? limit_clause() : ''),
		compared => 'list'
	} if $v->{table}{name} ne 'everyone';
	return { sql => "SELECT v.started_at FROM $v->{from}" . where($v) . ' ORDER BY v.' . started_order() . limit_clause(), compared => 'list' };
}

sub limited_query
{
	my $v = relation('v');
	return {
		sql => 'SELECT ' . columns($v) . " FROM $v->{from}" . where($v),
		compared => 'some',
		limit => weighted(1 => 3, 5 => 3, 20 => 2, 70 => 2, 300 => 1, 0 => 0.3),
		offset => weighted(0 => 5, 3 => 1, 50 => 1, 400 => 0.5)
	};
}

sub aggregate_query
{
	my $v = relation('v');
	my $having = chance(0.08) ? ' HAVING count(*) > ' . from_to(0, 50) : '';
	return { sql => 'SELECT ' . aggregates() . " FROM $v->{from}" . where($v) . $having, compared => 'bag' };
}

sub group_query
{
	my $v = relation('v');
	my $key = weighted('v.status' => 6, 'v.direction' => 4, 'v.status, v.direction' => 1, 'v.agent_id' => 1, "date_trunc('month', v.started_at)" => 2,
		'v.source' => 1, 'v.provider, v.status' => 1, 'GROUPING SETS ((v.status), (v.direction), ())' => 0.5, 'ROLLUP (v.status, v.direction)' => 0.5);
	my @keys = $key =~ /^(?:GROUPING|ROLLUP)/ ? 'v.status, v.direction' : $key;
	my $having = chance(0.15) ? ' HAVING ' . pick('count(*) > ' . from_to(0, 40), 'max(v.started_at) > now() - interval \'100 days\'', "min(v.status) = 'busy'") : '';

	return {
		sql => 'SELECT ' . join(', ', @keys, aggregates()) . " FROM $v->{from}" . where($v) . " GROUP BY $key$having",
		compared => 'bag'
	};
}

# What a provider's total could answer, and what looks like it.
sub count_query
{
	my $v = relation('v');
	my $count = sub { return weighted('count(*)' => 5, 'count(1)' => 1, 'count(v.call_id)' => 2, 'count(*) + 1' => 0.5, 'count(v.status)' => 0.3, 'count(NULL)' => 0.1, 'count(DISTINCT v.status)' => 0.1); };
	my $key = weighted('' => 6, 'v.status' => 4, 'v.direction' => 3, 'v.source' => 1, 'v.provider' => 1, 'v.source, v.status' => 1, 'v.provider, v.direction' => 0.5,
		'v.status, v.direction' => 0.3, 'upper(v.status)' => 0.2);
	my $where = '';

	if (chance(0.6))
	{
		my @columns = grep { my $column = $_; grep { $_ eq $column } @{ $v->{table}{columns} } } qw(status direction agent_id from_number to_number source provider_status);
		my @atoms = map { text_predicate($v, pick(@columns)) } 1 .. weighted(1 => 4, 2 => 2, 3 => 0.5);
		push @atoms, atom($v) if chance(0.1);
		$where = ' WHERE ' . join(' AND ', @atoms);
	}
	my @targets = map { $count->() } 1 .. weighted(1 => 5, 2 => 1);
	unshift @targets, $key if $key && chance(0.8);
	return { sql => 'SELECT ' . join(', ', @targets) . " FROM $v->{from}$where" . ($key ? " GROUP BY $key" : ''), compared => 'bag' };
}

sub distinct_query
{
	my $v = relation('v');
	return weighted(
		{ sql => 'SELECT DISTINCT ' . pick('v.status', 'v.status, v.direction', 'v.agent_id', 'v.started_at::date', 'v.to_number') . " FROM $v->{from}" . where($v), compared => 'bag' } => 2,
		{ sql => "SELECT DISTINCT ON (v.status) v.status, v.started_at, v.call_id FROM $v->{from}" . where($v) . ' ORDER BY v.status, v.started_at DESC, v.call_id', compared => 'list' } => 1,
		{ sql => "SELECT count(*) FROM (SELECT DISTINCT v.to_number FROM $v->{from}" . where($v) . ') AS d', compared => 'bag' } => 1);
}

sub contact_table { return chance(0.9) ? 'crm.contact c' : 'crm.everybody c'; }

# crm.everybody has phones only.
sub contact_join
{
	my $contact = contact_table();
	my $condition = join_condition();

	$condition = 'v.' . pick('to_number', 'from_number') . ' = c.phone' if $contact =~ /everybody/;
	return ($contact, $condition);
}

sub join_query
{
	my $v = relation('v');
	my ($contact, $condition) = contact_join();
	my $more = chance(0.4) ? ' AND ' . conditions($v) : '';
	my $kind = weighted('JOIN' => 5, 'LEFT JOIN' => 4, 'RIGHT JOIN' => 1, 'FULL JOIN' => 1);
	my $filter = chance(0.25) ? ' WHERE c.id < ' . from_to(2, 30) : chance(0.2) ? ' WHERE ' . conditions($v) : '';
	my $columns = weighted('c.id, v.call_id' => 5, 'c.id, v.call_id, v.status, v.started_at' => 2, 'count(*), count(v.call_id), max(v.started_at)' => 2,
		'c.id, c.phone, v.*' => 0.3, 'c.*, v' => 0.3);
	my ($left, $right) = chance(0.6) ? ($contact, $v->{from}) : ($v->{from}, $contact);

	if ($kind eq 'FULL JOIN')
	{
		$condition = 'v.to_number = c.phone';
		$more = '';
	}
	return { sql => "SELECT $columns FROM $left $kind $right ON $condition$more$filter", compared => 'bag' };
}

sub exists_query
{
	my $v = relation('v');
	my ($contact, $condition) = contact_join();
	my $more = chance(0.5) ? ' AND ' . conditions($v) : '';
	my $not = pick('', 'NOT ');
	my $number = pick('to_number', 'from_number');

	return {
		sql => weighted(
			"SELECT c.id FROM $contact WHERE ${not}EXISTS (SELECT FROM $v->{from} WHERE $condition$more)" => 5,
			"SELECT c.id FROM $contact WHERE c.phone ${not}IN (SELECT v.$number FROM $v->{from}" . where($v) . ')' => 3,
			"SELECT v.call_id FROM $v->{from} WHERE v.$number ${not}IN (SELECT c.phone FROM $contact" . pick('', ' WHERE c.phone IS NOT NULL') . ")$more" => 2,
			"SELECT v.call_id, v.status FROM $v->{from} WHERE ${not}EXISTS (SELECT FROM $contact WHERE $condition)$more" => 2,
			"SELECT ${not}EXISTS (SELECT FROM $v->{from}" . where($v) . ')' => 3,
			"SELECT c.id, EXISTS (SELECT FROM $v->{from} WHERE $condition$more) FROM $contact WHERE c.id < 12" => 1,
			"SELECT c.id, (SELECT count(*) FROM $v->{from} WHERE $condition$more) FROM $contact WHERE c.id < 20" => 2,
			"SELECT c.id, (SELECT max(v.started_at) FROM $v->{from} WHERE $condition$more) FROM $contact WHERE c.id < 20" => 1,
			"SELECT c.id FROM $contact WHERE 2 <= (SELECT count(*) FROM $v->{from} WHERE $condition$more) AND c.id < 20" => 1,
			"SELECT c.id FROM $contact WHERE c.phone = ANY (ARRAY(SELECT v.$number FROM $v->{from}" . where($v) . '))' => 1),
		compared => 'bag'
	};
}

sub lateral_query
{
	my $v = relation('v');
	my ($contact, $condition) = contact_join();
	my $kind = pick('CROSS JOIN LATERAL', 'LEFT JOIN LATERAL');
	my $on = $kind =~ /LEFT/ ? ' ON true' : '';
	my $more = chance(0.4) ? ' AND ' . conditions($v) : '';
	my $inner = weighted(
		"SELECT v.call_id, v.started_at FROM $v->{from} WHERE $condition$more" . order_clause($v) . ' LIMIT ' . from_to(1, 3) => 5,
		"SELECT v.started_at FROM $v->{from} WHERE $condition$more ORDER BY v.started_at DESC LIMIT " . from_to(1, 3) => 2,
		"SELECT count(*), max(v.started_at) FROM $v->{from} WHERE $condition$more" => 2,
		"SELECT v.status, count(*) FROM $v->{from} WHERE $condition$more GROUP BY v.status" => 1);

	return { sql => "SELECT c.id, l.* FROM $contact $kind ($inner) AS l$on WHERE c.id <= " . pick(5, 20, 40), compared => 'bag' };
}

# Two logs.
sub two_tables_query
{
	# a request for each pair of call and partition, seven times over, takes too long
	my @names = $parameters ? @providers : ();
	my $v = relation('v', @names);
	my $w = relation('w', @names);
	my $condition = weighted(
		'v.to_number = w.to_number AND v.status = w.status' => 2,
		'v.to_number = w.from_number' => 2,
		'v.call_id = w.call_id' => 1,
		'v.started_at = w.started_at' => 2,
		'v.started_at::date = w.started_at::date AND v.status = w.status' => 1,
		'v.agent_id = w.agent_id AND v.status = w.status' => 1,
		"v.status = 'busy' AND v.call_id < '5' AND w.started_at BETWEEN v.started_at AND v.started_at + interval '1 hour'" => 1);
	my $kind = weighted('JOIN' => 4, 'LEFT JOIN' => 3, 'FULL JOIN' => 1);

	$condition = 'v.started_at = w.started_at' if $condition =~ /BETWEEN/ && ($kind eq 'FULL JOIN' || $w->{table}{name} eq 'everyone');
	return {
		sql => weighted(
			'SELECT ' . pick('count(*), count(w.call_id), max(w.started_at)', 'v.call_id, w.call_id') . " FROM $v->{from} $kind $w->{from} ON $condition"
			  . (chance(0.7) ? ' WHERE ' . join(' AND ', map { conditions($_) } chance(0.5) ? $v : ($v, $w)) : '') => 5,
			"SELECT v.call_id FROM $v->{from} WHERE " . pick('', 'NOT ') . "EXISTS (SELECT FROM $w->{from} WHERE $condition AND " . conditions($w) . ') AND ' . conditions($v) => 2,
			"SELECT c.id, count(*) FROM crm.contact c JOIN $v->{from} ON v.to_number = c.phone LEFT JOIN $w->{from} ON w.to_number = c.phone AND w.status = v.status GROUP BY c.id" => 1,
			"SELECT v.call_id FROM $v->{from} WHERE v.to_number IN (SELECT w.to_number FROM $w->{from}" . where($w) . ')' => 1),
		compared => 'bag'
	};
}

sub set_query
{
	my @r = map { relation('v') } 1 .. from_to(2, 3);
	my $word = weighted('UNION ALL' => 6, 'UNION' => 1, 'INTERSECT' => 0.5, 'EXCEPT' => 0.5, 'EXCEPT ALL' => 0.3);
	my $columns = pick('v.call_id, v.status, v.started_at', 'v.status', 'v.to_number, v.direction');

	if (chance(0.4))
	{
		my $union = join ' UNION ALL ', map { "SELECT v.started_at, v.status, v.to_number FROM $_->{from}" . where($_) } @r;

		return {
			sql => weighted(
				"SELECT u.started_at FROM ($union) AS u ORDER BY u." . started_order() . limit_clause() => 3,
				"SELECT count(*), max(u.started_at) FROM ($union) AS u" => 2,
				"SELECT u.status, count(*) FROM ($union) AS u GROUP BY u.status ORDER BY u.status" => 1,
				"SELECT c.id, count(*) FROM crm.contact c JOIN ($union) AS u ON u.to_number = c.phone GROUP BY c.id ORDER BY c.id" => 2),
			compared => 'list'
		};
	}
	return { sql => join(" $word ", map { "(SELECT $columns FROM $_->{from}" . where($_) . ')' } @r), compared => 'bag' };
}

sub cte_query
{
	my $v = relation('v');
	my $how = pick('', 'MATERIALIZED ', 'NOT MATERIALIZED ');
	my $cte = "WITH q AS $how(SELECT v.call_id, v.status, v.to_number, v.started_at FROM $v->{from}" . where($v) . ')';
	my $w = relation('w');

	return {
		sql => "$cte " . weighted(
			"SELECT * FROM q WHERE q.status = 'completed'" => 2,
			'SELECT count(*), max(started_at) FROM q' => 1,
			"SELECT q.call_id, c.id FROM q JOIN crm.contact c ON c.phone = q.to_number" => 2,
			"SELECT a.call_id FROM q AS a JOIN q AS b ON a.started_at = b.started_at" => 1,
			"SELECT q.call_id, w.call_id FROM q JOIN $w->{from} ON w.started_at = q.started_at" => 1,
			'SELECT started_at FROM q UNION ALL SELECT max(started_at) FROM q' => 1),
		compared => 'bag'
	};
}

sub window_query
{
	my $v = relation('v');
	my $tie = $v->{table}{name} eq 'everyone' ? ', v.source' : '';

	return {
		sql => 'SELECT v.call_id, ' . pick("row_number() OVER (PARTITION BY v.status ORDER BY v.started_at, v.call_id$tie)",
			"lag(v.started_at) OVER (ORDER BY v.started_at, v.call_id$tie)", "rank() OVER (ORDER BY v.started_at DESC)", 'count(*) OVER (PARTITION BY v.to_number)')
		  . " FROM $v->{from}" . where($v),
		compared => 'bag'
	};
}

# Changes of local tables, rolled back, and row locks, which need whole rows.
sub change_query
{
	my $v = relation('v');
	my $condition = weighted('v.to_number = c.phone' => 3, 'v.from_number = c.phone' => 1, 'v.agent_id = c.owner AND v.status = c.status' => 1);
	my $more = chance(0.5) ? ' AND ' . conditions($v) : '';

	return {
		sql => weighted(
			"UPDATE crm.contact c SET status = 'called' FROM $v->{from} WHERE $condition$more RETURNING c.id, c.status" => 2,
			"DELETE FROM crm.contact c USING $v->{from} WHERE $condition$more RETURNING c.id" => 2,
			"DELETE FROM crm.contact c WHERE EXISTS (SELECT FROM $v->{from} WHERE $condition$more) RETURNING c.*" => 1,
			"INSERT INTO crm.contact (id, phone) SELECT 0, v.to_number FROM $v->{from}" . where($v) . ' RETURNING id, phone' => 1,
			"WITH gone AS (DELETE FROM crm.contact c WHERE c.id % 2 = 0 RETURNING c.phone) SELECT g.phone, v.call_id FROM gone g JOIN $v->{from} ON v.to_number = g.phone" => 1,
			"SELECT c.id, v.call_id FROM crm.contact c JOIN $v->{from} ON $condition$more FOR UPDATE OF c" => 2,
			"SELECT c.id, v.call_id FROM crm.contact c JOIN $v->{from} ON $condition$more FOR SHARE" => 1),
		compared => 'bag',
		roll_back => 1
	};
}

my @kinds = (
	plain => \&plain_query => 14,
	ordered => \&ordered_query => 9,
	newest => \&newest_query => 7,
	limited => \&limited_query => 6,
	aggregate => \&aggregate_query => 10,
	group => \&group_query => 7,
	count => \&count_query => 9,
	distinct => \&distinct_query => 3,
	join => \&join_query => 14,
	exists => \&exists_query => 10,
	lateral => \&lateral_query => 5,
	two_tables => \&two_tables_query => 5,
	set => \&set_query => 6,
	cte => \&cte_query => 4,
	window => \&window_query => 2,
	change => \&change_query => 3);
my %kind = map { $kinds[ 3 * $_ ] => $kinds[ 3 * $_ + 1 ] } 0 .. @kinds / 3 - 1;
my @kind_weights = map { ($kinds[ 3 * $_ ], $kinds[ 3 * $_ + 2 ]) } 0 .. @kinds / 3 - 1;

my %weight_of_switch = (
	enable_hashjoin => 0.25, enable_mergejoin => 0.2, enable_nestloop => 0.15, enable_material => 0.2, enable_memoize => 0.15,
	enable_sort => 0.15, enable_hashagg => 0.1, enable_incremental_sort => 0.1, enable_async_append => 0.15);

sub planner_settings
{
	my @settings = map { chance($weight_of_switch{$_}) ? "$_ = off" : () } sort keys %weight_of_switch;

	push @settings, 'enable_partitionwise_join = on' if chance(0.15);
	push @settings, 'enable_partitionwise_aggregate = on' if chance(0.3);
	push @settings, "work_mem = '64kB'" if chance(0.15);
	push @settings, 'cursor_tuple_fraction = ' . pick(0.01, 1) if chance(0.1);
	push @settings, 'join_collapse_limit = 1' if chance(0.05);
	return @settings;
}

# PREPARE, and EXECUTE more often than the core tries custom plans.
sub prepared_steps
{
	my ($sql) = @_;
	my @p = @$parameters;
	my @steps = ('PREPARE q' . (@p ? '(' . join(', ', map { $_->{type} } @p) . ')' : '') . " AS $sql");
	my $times = weighted(7 => 3, 3 => 1, 2 => 2);

	push @steps, 'EXECUTE q' . (@p ? '(' . join(', ', map { my $v = $_->{value}->(); chance(0.03) ? 'NULL' : $v } @p) . ')' : '') foreach 1 .. $times;
	return @steps;
}

# A cursor that is read here and there, or bit by bit to its end.
sub cursor_steps
{
	my ($query) = @_;
	my $scroll = $query->{compared} eq 'list' && chance(0.4);
	my @steps = ('DECLARE q ' . ($scroll ? 'SCROLL' : chance(0.5) ? 'NO SCROLL' : '') . " CURSOR FOR $query->{sql}");

	if ($query->{compared} eq 'list')
	{
		foreach (1 .. from_to(1, 6))
		{
			push @steps, $scroll && chance(0.5)
			  ? pick('FETCH BACKWARD 3 FROM q', 'FETCH LAST FROM q', 'FETCH ABSOLUTE ' . from_to(0, 50) . ' FROM q', 'FETCH FIRST FROM q', 'MOVE BACKWARD ALL IN q', 'FETCH PRIOR FROM q')
			  : pick('FETCH 1 FROM q', 'FETCH 5 FROM q', 'FETCH ' . from_to(10, 100) . ' FROM q', 'MOVE 3 IN q', 'FETCH NEXT FROM q');
		}
		push @steps, 'FETCH ALL FROM q' if chance(0.3);
	}
	else
	{
		push @steps, map { 'FETCH ' . from_to(1, 80) . ' FROM q' } 1 .. from_to(0, 3);
		push @steps, 'FETCH ALL FROM q';
	}
	push @steps, 'CLOSE q' if chance(0.7);
	return @steps;
}

# The query of a number.
sub make_query
{
	my ($n) = @_;
	my ($kind, $query, @steps);
	my $way = 'plain';

	seed_for("query $n");
	$kind = weighted(@kind_weights);
	$way = weighted(plain => 75, prepared => 14, cursor => 8, aggregated => 6) if $kind ne 'change' && $kind ne 'limited';
	$parameters = $way eq 'prepared' ? [] : undef;
	$query = $kind{$kind}->();
	if ($way eq 'prepared') { @steps = prepared_steps($query->{sql}); }
	elsif ($way eq 'cursor') { @steps = cursor_steps($query); }
	elsif ($way eq 'aggregated') { @steps = "SELECT count(*) FROM ($query->{sql}) AS q"; }
	else { @steps = $query->{sql}; }
	$parameters = undef;

	my @settings = chance(0.5) ? planner_settings() : ();
	push @settings, 'plan_cache_mode = ' . pick('force_generic_plan', 'force_generic_plan', 'force_custom_plan') if $way eq 'prepared' && chance(0.5);
	my @local_steps = @steps;
	$steps[0] .= " LIMIT $query->{limit} OFFSET $query->{offset}" if $query->{compared} eq 'some';
	return {
		%$query, n => $n, kind => $kind, way => $way, steps => \@steps, local_steps => \@local_steps, settings => \@settings
	};
}

1;
