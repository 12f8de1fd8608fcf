# A little HTTP server for what the simulator does not do: hits are recorded,
# a function says what is written to the connection.
#
#   my $server = FakeServer->new(sub { my ($socket, $request) = @_; print $socket "HTTP/1.1 ..." });
#   $server->url; $server->port; $server->hits;      # requests so far, as text
#
# deaf gives a port that answers to no one: its queue of connections is full.
package FakeServer;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep);

# Processes that have to end with the test, those of subclasses too
our @running;
my $started = 0;

# Connections are served one after the other, by default with 404.
sub new
{
	my ($class, $answer) = @_;
	my $socket = IO::Socket::INET->new(Listen => 20, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die "listen: $!";
	my $file = "$PostgreSQL::Test::Utils::tmp_check/fake_server_$$\_" . ++$started;
	my $pid = fork // die "fork: $!";

	$answer ||= sub { print { $_[0] } "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" };
	if ($pid == 0)
	{
		$SIG{PIPE} = 'IGNORE';
		eval { serve($socket, $file, $answer); };
		POSIX::_exit(0);
	}
	my $self = bless { pid => $pid, port => $socket->sockport, file => $file }, $class;
	close $socket;
	push @running, $self;
	return $self;
}

# Serve as long as the test lives.
sub serve
{
	my ($socket, $file, $answer) = @_;
	my $parent = getppid;
	my $incoming = IO::Select->new($socket);

	while (getppid == $parent)
	{
		next if !$incoming->can_read(1);
		my $client = $socket->accept or next;
		my $head = '';

		$client->autoflush(1);
		while ($head !~ /\r\n\r\n/)
		{
			sysread $client, $head, 4096, length $head or last;
		}
		my $length = $head =~ /^Content-Length: *(\d+)\r\n/mi ? index($head, "\r\n\r\n") + 4 + $1 : 0;
		while (length $head < $length)
		{
			sysread $client, $head, 4096, length $head or last;
		}
		open my $log, '>>', $file or die "$file: $!";
		print $log $head =~ s/\r\n/\n/gr, "\n----\n";
		close $log;
		$answer->($client, $head);
		close $client;
	}
	return;
}

# A port that takes no connection: (the sockets to keep, the port)
sub deaf
{
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "listen: $!";
	my $port = $socket->sockport;
	my @sockets = ($socket);

	# With a backlog of n Linux takes n + 1 connections and ignores the rest.
	listen $socket, 0 or die "listen: $!";
	for (1 .. 8)
	{
		my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Blocking => 0) or die "connect: $!";
		push @sockets, $client;
	}
	sleep 0.2;
	return (\@sockets, $port);
}

sub port { return $_[0]{port}; }

sub url { return "http://127.0.0.1:$_[0]{port}"; }

sub hits
{
	my ($self) = @_;
	return () if !-e $self->{file};
	open my $fh, '<', $self->{file} or die "$self->{file}: $!";
	local $/;
	return split /\n----\n/, <$fh>;
}

sub stop
{
	my ($self) = @_;
	return if !$self->{pid};
	kill 'KILL', $self->{pid};
	local $?;
	waitpid delete $self->{pid}, 0;
	return;
}

END
{
	$_->stop foreach @running;
}

1;
