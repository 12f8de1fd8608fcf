# A way to the simulator that takes only so many connections at once: further
# ones are reset.
#
#   my $proxy = NarrowProxy->new($sim->port, 1);
#   $proxy->url; $proxy->refused;    # how many were reset so far
#   $proxy->limit(8);
package NarrowProxy;

use strict;
use warnings;

use parent 'FakeServer';

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);

my $started = 0;

sub new
{
	my ($class, $target, $limit) = @_;
	my $socket = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1', ReuseAddr => 1) or die "listen: $!";
	my $self = bless {
		port => $socket->sockport,
		base => "$PostgreSQL::Test::Utils::tmp_check/narrow_proxy_$$\_" . ++$started
	}, $class;

	$self->limit($limit);
	$self->{pid} = fork // die "fork: $!";
	if ($self->{pid} == 0)
	{
		$SIG{PIPE} = 'IGNORE';
		eval { $self->serve($socket, $target); };
		POSIX::_exit(0);
	}
	close $socket;
	push @FakeServer::running, $self;
	return $self;
}

# Serve as long as the test lives.
sub serve
{
	my ($self, $socket, $target) = @_;
	my $parent = getppid;
	my $sockets = IO::Select->new($socket);
	my %peer;

	while (getppid == $parent)
	{
		foreach my $ready ($sockets->can_read(1))
		{
			if ($ready == $socket)
			{
				my $client = $socket->accept or next;
				if (keys(%peer) / 2 >= read_number("$self->{base}.limit"))
				{
					append("$self->{base}.refused");
					setsockopt $client, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
					close $client;
					next;
				}
				my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $target) or die "connect: $!";
				@peer{ $client, $server } = ($server, $client);
				$sockets->add($client, $server);
			}
			elsif (my $other = $peer{$ready})
			{
				my $bytes;
				next if sysread($ready, $bytes, 65536) && write_all($other, $bytes);
				delete @peer{ $ready, $other };
				$sockets->remove($ready, $other);
				close $_ foreach $ready, $other;
			}
		}
	}
	return;
}

sub write_all
{
	my ($to, $bytes) = @_;

	while (length $bytes)
	{
		my $written = syswrite $to, $bytes or return 0;
		substr $bytes, 0, $written, '';
	}
	return 1;
}

sub append
{
	my ($file) = @_;
	open my $fh, '>>', $file or die "$file: $!";
	print $fh "\n";
	close $fh;
	return;
}

sub read_number
{
	my ($file) = @_;
	open my $fh, '<', $file or die "$file: $!";
	return <$fh> + 0;
}

sub limit
{
	my ($self, $limit) = @_;
	open my $fh, '>', "$self->{base}.new" or die "$self->{base}.new: $!";
	print $fh $limit;
	close $fh;
	rename "$self->{base}.new", "$self->{base}.limit" or die $!;
	return;
}

sub url { return "http://127.0.0.1:$_[0]{port}"; }

sub refused { return -s "$_[0]{base}.refused" || 0; }

1;
