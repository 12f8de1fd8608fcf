# Certificates for servers of tests.
#
#   plan skip_all => 'openssl is not installed' unless has_openssl();
#   my $dir = make_certificates();
#
# makes in a new directory ca.pem, an authority of our own; server.pem and
# server.key, which it signed for localhost; and stranger.pem, another authority.
package Certificates;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(has_openssl make_certificates);

sub has_openssl
{
	return system('openssl version >/dev/null 2>&1') == 0;
}

sub openssl
{
	PostgreSQL::Test::Utils::run_log([ 'openssl', @_ ]) or die "openssl @_";
	return;
}

sub make_certificates
{
	my $dir = PostgreSQL::Test::Utils::tempdir('tls');

	openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 2, '-subj', '/CN=calls_fdw test authority',
		'-keyout', "$dir/$_.key", '-out', "$dir/$_.pem")
	  foreach qw(ca stranger);
	openssl('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', "$dir/server.key", '-out', "$dir/server.csr");
	open my $fh, '>', "$dir/names" or die "$dir/names: $!";
	print $fh "subjectAltName=DNS:localhost\n";
	close $fh;
	openssl('x509', '-req', '-in', "$dir/server.csr", '-CA', "$dir/ca.pem", '-CAkey', "$dir/ca.key", '-CAcreateserial', '-days', 2,
		'-extfile', "$dir/names", '-out', "$dir/server.pem");
	return $dir;
}

1;
