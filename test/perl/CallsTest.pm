# What the TAP tests share: the simulator, a server that reads from it, and
# comparisons of a foreign table with a local copy of the simulator's data.
#
#   my $sim = start_simulator(calls => 500);
#   my $node = start_node('main', sim => $sim);
#   create_servers($node, $sim);            # voicy.calls, tryvox.calls, ...
#   load_local($node, $sim, 'voicy');       # local.voicy
#   rows_equal($node, q(SELECT * FROM {voicy} WHERE status = 'busy'), 'busy');
#
# test/check.sh runs the tests and sets the environment they need; SIMULATOR
# names the simulator's program.
package CallsTest;

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils ();
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

our @EXPORT = qw(
  start_simulator start_node create_servers load_local
  rows_equal query_rows sql_error sql_fails
  explain_plan plan_nodes foreign_scan
  none eventually server_sql write_file
  @providers %api_key
);

# A signal ends the test by its END blocks, which stop the servers.
$SIG{$_} = sub { exit 1 } foreach qw(HUP INT TERM);

# The providers that exist; acme, the made-up one, is asked for by name.
our @providers = qw(voicy tryvox solomobile whippy ringyo);

our %api_key = (
	voicy => 'voicy_sk_test',
	tryvox => 'tvx_sk_test',
	solomobile => 'solo_test',
	whippy => 'whippy_test',
	ringyo => 'ringyo_test',
	acme => 'acme_test');

# Further server options that the simulator's accounts need
my %server_options = (
	tryvox => { account_id => 'acc_1' },
	acme => { account_id => 'acc_1' });

# Start a simulator; options are those of the program (calls => 500, seed => 2,
# threads => 2, tls => [ $certificate, $key ]). It ends with the test.
sub start_simulator
{
	my (%options) = @_;
	return CallsTest::Simulator->new(%options);
}

# Start a new server with the extension in its database postgres. Options: sim
# (sets sim.url), conf (further lines for postgresql.conf).
sub start_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
	$node->append_conf('postgresql.conf',
		"autovacuum = off\njit = off\nlog_statement = none\n");
	$node->append_conf('postgresql.conf', "sim.url = '" . $options{sim}->url . "'")
	  if $options{sim};
	$node->append_conf('postgresql.conf', $options{conf}) if $options{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION calls_fdw');
	return $node;
}

# SQL that creates a server, a user mapping with its key for the current user,
# and a schema with the provider's tables, all of one name. Options are the
# server's.
sub server_sql
{
	my ($name, $provider, $key, %options) = @_;
	my %server = (provider => $provider, %options);
	my $list = join ', ', map { "$_ " . quote($server{$_}) } sort keys %server;

	return "CREATE SERVER $name FOREIGN DATA WRAPPER calls_fdw OPTIONS ($list);\n"
	  . "CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (api_key '$key');\n"
	  . "CREATE SCHEMA $name;\n"
	  . "IMPORT FOREIGN SCHEMA $provider FROM SERVER $name INTO $name;\n";
}

# Create a server, a user mapping and an imported schema for each provider, all
# named like it. Options: providers (a list), server (a hash of further server
# options for all), and by provider's name a hash of further options for one.
sub create_servers
{
	my ($node, $sim, %options) = @_;
	my $sql = '';

	foreach my $provider (@{ $options{providers} || \@providers })
	{
		$sql .= server_sql(
			$provider, $provider, $api_key{$provider},
			base_url => $sim->url,
			%{ $server_options{$provider} || {} },
			%{ $options{server} || {} },
			%{ $options{$provider} || {} });
	}
	$node->safe_psql('postgres', $sql);
	return;
}

# Fill local.PROVIDER, a table like PROVIDER.calls, from the simulator's data,
# anew if it is there already. Without names: all five.
sub load_local
{
	my ($node, $sim, @names) = @_;

	foreach my $provider (@names ? @names : @providers)
	{
		my $file = "$PostgreSQL::Test::Utils::tmp_check/$provider.$$.csv";
		my $data = $sim->get("/_sim/data?provider=$provider&format=csv");
		my ($columns) = $data =~ /^(.*)\n/;

		write_file($file, $data);
		$node->safe_psql('postgres',
			    "SET client_min_messages = warning;\n"
			  . "CREATE SCHEMA IF NOT EXISTS local;\n"
			  . "CREATE TABLE IF NOT EXISTS local.$provider (LIKE $provider.calls);\n"
			  . "ALTER TABLE local.$provider ALTER source SET DEFAULT '$provider';\n"
			  . "TRUNCATE local.$provider;\n"
			  . "COPY local.$provider ($columns) FROM '$file' (FORMAT csv, HEADER, ENCODING 'UTF8');\n");
		unlink $file;
	}
	return;
}

# The rows of a query as strings, columns separated by |, null as NULL.
sub query_rows
{
	my ($node, $sql) = @_;
	my ($stdout, $stderr);
	my $status = $node->psql(
		'postgres', $sql,
		stdout => \$stdout,
		stderr => \$stderr,
		extra_params => [ '-R', "\x1e", '-F', '|', '-P', 'null=NULL' ],
		on_error_stop => 1);

	die "query failed: $sql\n$stderr" if $status != 0;
	return split /\x1e/, $stdout;
}

# Test that a query returns the same over foreign tables and over local copies.
# In the query {voicy} stands for voicy.calls and for local.voicy; instead of
# one query there may be a reference to the pair. Options: settings (SQL that
# both run first), ordered (rows must come in the same order).
sub rows_equal
{
	my ($node, $query, $name, %options) = @_;
	my ($remote, $local);
	my $ok;

	if (ref $query)
	{
		($remote, $local) = @$query;
	}
	else
	{
		($remote = $query) =~ s/\{(\w+)\}/$1.calls/g;
		($local = $query) =~ s/\{(\w+)\}/local.$1/g;
	}

	my $settings = $options{settings} ? "$options{settings};\n" : '';
	my @got = eval { query_rows($node, $settings . $remote) };
	my $error = $@;
	my @expected = query_rows($node, $settings . $local);

	if (!$options{ordered})
	{
		@got = sort @got;
		@expected = sort @expected;
	}
	$ok = !$error && @got == @expected && join("\x1e", @got) eq join("\x1e", @expected);
	ok($ok, $name);
	diag(  "query: $remote\n"
		 . ($error || @got . ' rows, expected ' . @expected . "\n" . difference(\@got, \@expected)))
	  if !$ok;
	return $ok;
}

# At most five rows of each side that the other one lacks.
sub difference
{
	my ($got, $expected) = @_;
	my %count;
	my $text = '';

	$count{$_}++ foreach @$got;
	$count{$_}-- foreach @$expected;
	foreach my $side ([ 'unexpected', 1 ], [ 'missing', -1 ])
	{
		my @rows = sort grep { $count{$_} * $side->[1] > 0 } keys %count;
		my $last = $#rows < 4 ? $#rows : 4;
		$text .= "$side->[0]: $_\n" foreach @rows[ 0 .. $last ];
	}
	return $text || "the same rows in another order\n";
}

# Run SQL that fails; return a hash with its sqlstate, message, detail, hint and
# the whole text, or undef if it did not fail.
sub sql_error
{
	my ($node, $sql) = @_;
	my ($stdout, $stderr);
	my $status = $node->psql(
		'postgres', "\\set VERBOSITY verbose\n$sql",
		stdout => \$stdout,
		stderr => \$stderr,
		on_error_stop => 1);
	my %error = (text => $stderr);

	return undef if $status == 0;
	@error{qw(sqlstate message)} = ($1, $2) if $stderr =~ /(?:ERROR|FATAL):  (\w{5}): (.*)/;
	$error{detail} = $1 if $stderr =~ /^DETAIL:  (.*)/m;
	$error{hint} = $1 if $stderr =~ /^HINT:  (.*)/m;
	return \%error;
}

# Test that SQL fails with this SQLSTATE and a text that matches the pattern.
sub sql_fails
{
	my ($node, $sql, $sqlstate, $pattern, $name) = @_;
	my $error = sql_error($node, $sql);
	my $ok = ok( $error
		  && ($error->{sqlstate} // '') eq $sqlstate
		  && $error->{text} =~ $pattern, $name);

	diag("expected $sqlstate and $pattern from: $sql\n" . ($error ? $error->{text} : 'it did not fail'))
	  if !$ok;
	return $ok;
}

# The plan of a query, decoded from EXPLAIN (VERBOSE, FORMAT JSON): the hash
# with "Plan" in it. Options: analyze, settings.
sub explain_plan
{
	my ($node, $sql, %options) = @_;
	my $settings = $options{settings} ? "$options{settings};\n" : '';
	my $how = 'VERBOSE, COSTS OFF, FORMAT JSON' . ($options{analyze} ? ', ANALYZE, TIMING OFF, SUMMARY OFF' : '');
	my $json = $node->safe_psql('postgres', "${settings}EXPLAIN ($how) $sql");

	return JSON::PP->new->utf8->decode($json)->[0];
}

# All nodes of a plan, from the top down.
sub plan_nodes
{
	my ($plan) = @_;
	my $node = $plan->{Plan} || $plan;

	return ($node, map { plan_nodes($_) } @{ $node->{Plans} || [] });
}

# The first foreign scan of a query's plan, a hash with "Remote Request" and
# the like.
sub foreign_scan
{
	my ($node, $sql, %options) = @_;
	my ($scan) = grep { $_->{'Node Type'} eq 'Foreign Scan' } plan_nodes(explain_plan($node, $sql, %options));

	return $scan;
}

# Test that there are no problems; says a few of those that there are.
sub none
{
	my ($name, @problems) = @_;
	my $last = $#problems > 4 ? 4 : $#problems;

	ok(!@problems, $name) or diag(scalar(@problems) . " times, such as\n" . join "\n", @problems[ 0 .. $last ]);
	return;
}

# Does the test come true within so many seconds?
sub eventually
{
	my ($seconds, $test) = @_;
	my $deadline = clock_gettime(CLOCK_MONOTONIC) + $seconds;

	until ($test->())
	{
		return 0 if clock_gettime(CLOCK_MONOTONIC) > $deadline;
		sleep 0.01;
	}
	return 1;
}

# Write bytes to a file.
sub write_file
{
	my ($path, $text) = @_;

	open my $fh, '>:raw', $path or die "$path: $!";
	print $fh $text;
	close $fh or die "$path: $!";
	return;
}

sub quote
{
	my ($value) = @_;
	$value =~ s/'/''/g;
	return "'$value'";
}

# A running simulator. The words that its methods pass on are those of
# test/simulator/README.md.
package CallsTest::Simulator;

use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(sleep);

my @running;
my $started = 0;

sub new
{
	my ($class, %options) = @_;
	my $program = $ENV{SIMULATOR} or die 'SIMULATOR does not name the simulator';
	my $log = "$PostgreSQL::Test::Utils::log_path/simulator_" . PostgreSQL::Test::Utils::basename($0) . '_' . ++$started . '.log';
	my @arguments = ('--port', 0, map { ("--$_", ref $options{$_} ? @{ $options{$_} } : $options{$_}) } sort keys %options);
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		# The signal ends it should the test die before END.
		exec 'setpriv', '--pdeathsig', 'TERM', $program, @arguments or POSIX::_exit(127);
	}

	my $self = bless { pid => $pid }, $class;
	push @running, $self;
	for (1 .. 200)
	{
		my $text = PostgreSQL::Test::Utils::slurp_file($log) if -e $log;
		if (defined $text && $text =~ /^listening on (\S+:(\d+))\n/)
		{
			$self->{url} = ($options{tls} ? 'https' : 'http') . "://$1";
			$self->{port} = $2;
			last;
		}
		sleep 0.05;
	}
	die "the simulator did not start, see $log" if !$self->{url};
	$self->{http} = HTTP::Tiny->new(proxy => undef, http_proxy => undef, https_proxy => undef, verify_SSL => 0, timeout => 60);
	return $self;
}

sub url { return $_[0]{url}; }

sub port { return $_[0]{port}; }

# Fetch a path; anything but 200 is fatal.
sub get
{
	my ($self, $path) = @_;
	my $reply = $self->{http}->get($self->{url} . $path);

	die "simulator: $reply->{status} for $path: $reply->{content}" if $reply->{status} != 200;
	return $reply->{content};
}

sub command
{
	my ($self, $word, %parameters) = @_;
	my $query = join '&', map { "$_=" . encode($parameters{$_}) } sort keys %parameters;

	return $self->get("/_sim/$word" . ($query ne '' ? "?$query" : ''));
}

sub encode
{
	my ($value) = @_;
	utf8::encode($value) if utf8::is_utf8($value);
	$value =~ s/([^A-Za-z0-9_.-])/sprintf '%%%02X', ord $1/ge;
	return $value;
}

# $sim->set('voicy', bounds => 'exclusive', latency => 20); 'all' for all
sub set
{
	my ($self, $provider, %switches) = @_;
	return $self->command('set', provider => $provider, %switches);
}

# $sim->fault('voicy', 'status', code => 429, retry_after => 1)
sub fault
{
	my ($self, $provider, $kind, %words) = @_;
	return $self->command('fault', provider => $provider, kind => $kind, %words);
}

# $sim->change('voicy', after => 1, insert => 5)
sub change
{
	my ($self, $provider, %words) = @_;
	return $self->command('change', provider => $provider, %words);
}

sub clear { return $_[0]->command('clear'); }

sub reset { return $_[0]->command('reset'); }

# The list requests since the log was cleared, as hashes.
sub log
{
	my ($self, $provider) = @_;
	my $json = JSON::PP->new->utf8;

	return map { $json->decode($_) } grep { $_ ne '' } split /\n/, $self->command('log', provider => $provider);
}

# How many there were.
sub requests
{
	my ($self, $provider) = @_;
	my @log = $self->log($provider);
	return scalar @log;
}

# The ids of all calls that the provider has.
sub ids
{
	my ($self, $provider) = @_;
	my $data = $self->get("/_sim/data?provider=$provider&format=csv");

	$data =~ /^provider,call_id,/ or die 'unexpected columns';
	return $data =~ /^"$provider","([^"\n]+)",/mg;
}

# { requests => 7, undocumented => 0, connections => 1, accepted => 1 }
sub stats
{
	my ($self) = @_;
	return { $self->command('stats') =~ /^(\w+) (\d+)$/mg };
}

sub stop
{
	my ($self) = @_;
	return if !$self->{pid};
	kill 'TERM', $self->{pid};
	local $?;
	waitpid $self->{pid}, 0;
	delete $self->{pid};
	return;
}

END
{
	$_->stop foreach @running;
}

1;
