# A psql session that a test can leave waiting, interrupt and look at.
#
#   my $session = Session->new($node);
#   my $text = $session->query('SELECT 1');          # stdout and stderr together
#   $session->send('SELECT * FROM voicy.calls');
#   $session->receive;                               # waits for the end of it
#   $session->sqlstate;                              # 00000, 57014, ...
#
# query and receive die after a minute.
package Session;

use strict;
use warnings;

use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC sleep);

my $end = 'end-of-query';
my $patience = 60;

# Options: dbname, settings (for PGOPTIONS), arguments (of psql)
sub new
{
	my ($class, $node, %options) = @_;
	my $connstr = $node->connstr($options{dbname} || 'postgres');

	pipe my $stdin, my $to or die "pipe: $!";
	pipe my $from, my $stdout or die "pipe: $!";
	my $child = fork // die "fork: $!";
	if ($child == 0)
	{
		local $SIG{__DIE__};
		$ENV{PGOPTIONS} = $options{settings} if defined $options{settings};
		$ENV{PGCLIENTENCODING} = 'UTF8';
		open STDIN, '<&', $stdin or POSIX::_exit(126);
		open STDOUT, '>&', $stdout or POSIX::_exit(126);
		open STDERR, '>&', $stdout or POSIX::_exit(126);
		close $_ foreach $stdin, $to, $from, $stdout;
		exec 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', @{ $options{arguments} || [] }, '-d', $connstr, '-f', '-'
		  or POSIX::_exit(127);
	}
	close $stdin;
	close $stdout;
	$to->autoflush(1);
	my $self = bless { child => $child, to => $to, from => $from, buffer => '', node => $node }, $class;
	my $answer = $self->query('SELECT pg_backend_pid()');
	($self->{pid}) = $answer =~ /^(\d+)$/m or die "no session: $answer";
	return $self;
}

# The backend's process id
sub pid { return $_[0]{pid}; }

# Of the last query; undef after the session has ended
sub sqlstate { return $_[0]{sqlstate}; }

# Has the session ended?
sub ended { return $_[0]{ended}; }

# Seconds from an arbitrary moment on
sub now { return clock_gettime(CLOCK_MONOTONIC); }

sub send
{
	my ($self, $sql) = @_;
	local $SIG{PIPE} = 'IGNORE';

	print { $self->{to} } "$sql\n;\n\\echo $end :SQLSTATE\n";
	return;
}

# What the query wrote, once it has ended; the session may have ended with it.
sub receive
{
	my ($self) = @_;
	my $deadline = now() + $patience;

	for (;;)
	{
		my $ready = '';

		if ($self->{buffer} =~ s/\A(.*?)^$end (\w+)\n//ms)
		{
			$self->{sqlstate} = $2;
			return $1 =~ s/\n\z//r;
		}
		vec($ready, fileno $self->{from}, 1) = 1;
		select $ready, undef, undef, $deadline - now() > 0 ? $deadline - now() : 0
		  or die "no answer within $patience s; so far:\n$self->{buffer}";
		if (!sysread $self->{from}, $self->{buffer}, 65536, length $self->{buffer})
		{
			$self->{ended} = 1;
			$self->{sqlstate} = undef;
			my $text = $self->{buffer};
			$self->{buffer} = '';
			return $text;
		}
	}
}

sub query
{
	my ($self, $sql) = @_;
	$self->send($sql);
	return $self->receive;
}

# Has another session cancel what was sent, and receives what it says:
# (milliseconds, text)
sub cancel
{
	my ($self, $observer) = @_;
	my $start = now();

	$observer->query("SELECT pg_cancel_backend($self->{pid})");
	my $text = $self->receive;
	return (1000 * (now() - $start), $text);
}

# Wait until the backend waits inside the extension.
sub wait_until_waiting
{
	my ($self, $observer) = @_;

	for (1 .. 1000)
	{
		my $event = $observer->query("SELECT wait_event_type FROM pg_stat_activity WHERE pid = $self->{pid}");
		return 1 if $event eq 'Extension';
		sleep 0.005;
	}
	die "backend $self->{pid} does not wait";
}

# What the backend has open, other than the database's own files
sub descriptors
{
	my ($self) = @_;
	my $data = $self->{node}->data_dir;
	return sort grep { $_ ne '' && index($_, "$data/") != 0 } map { readlink $_ // '' } glob "/proc/$self->{pid}/fd/*";
}

# Bytes of the backend's memory contexts
sub contexts
{
	my ($self) = @_;
	return $self->query('SELECT sum(total_bytes) FROM pg_backend_memory_contexts');
}

# A figure of /proc/PID/status in kB: VmRSS, VmHWM
sub memory
{
	my ($self, $name) = @_;
	open my $fh, '<', "/proc/$self->{pid}/status" or die "backend $self->{pid}: $!";
	my ($kb) = join('', <$fh>) =~ /^$name:\s+(\d+) kB/m or die "no $name";
	return $kb;
}

sub close
{
	my ($self) = @_;
	local $SIG{PIPE} = 'IGNORE';

	return if !$self->{child};
	print { $self->{to} } "\\q\n";
	close $self->{to};
	close $self->{from};
	local $?;
	waitpid $self->{child}, 0;
	delete $self->{child};
	return;
}

sub DESTROY { $_[0]->close; }

1;
