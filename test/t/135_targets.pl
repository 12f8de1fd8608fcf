# calls_fdw_sync into TimescaleDB's and Citus' tables, by the statements of
# doc/scaling.md, where the extensions are installed; Debian does not have them.
use strict;
use warnings;

use FindBin;

use CallsTest;
use PostgreSQL::Test::Utils ();
use Test::More;

my ($share) = `pg_config --sharedir` =~ /(.*)/;
my %settings = (timescaledb => "timescaledb.telemetry_level = off\n", citus => "citus.enable_statistics_collection = off\n");
my @installed = grep { -e "$share/extension/$_.control" } sort keys %settings;
my $text = PostgreSQL::Test::Utils::slurp_file("$FindBin::Bin/../../doc/scaling.md");

plan skip_all => 'neither TimescaleDB nor Citus is installed' if !@installed;

my $sim = start_simulator(calls => 2000);

check_target($_) foreach @installed;
done_testing();

sub check_target
{
	my ($extension) = @_;
	my ($section) = $text =~ /^## $extension\n(.*?)(?:^## |\z)/msi;
	my ($tables, $later) = $section =~ /^```\n(.*?)^```/msg;
	my $node = start_node($extension, sim => $sim, conf => "shared_preload_libraries = '$extension'\n$settings{$extension}");
	my $call = "CALL calls_fdw_sync('voicy.calls', 'local.calls', '7 days', batch_size => 100)";

	$sim->reset;
	$node->append_conf('postgresql.conf', "citus.local_hostname = '" . $node->host . "'\n") if $extension eq 'citus';
	$node->restart;
	$node->safe_psql('postgres', "SET client_min_messages = warning; CREATE EXTENSION $extension");
	create_servers($node, $sim);
	load_local($node, $sim);
	like($tables, qr/^CALL calls_fdw_sync\('voicy.calls', 'local.calls'\);\n\z/m, "$extension: the document ends with a load");
	$node->safe_psql('postgres', "SET client_min_messages = warning;\n" . $tables =~ s/^CALL.*//mr);
	$sim->fault('voicy', 'status', code => 400, after => 30, count => -1);
	isnt($node->psql('postgres', $call), 0, "$extension: a run is interrupted");
	$sim->reset;
	my $loaded = $node->safe_psql('postgres', 'SELECT count(*) FROM local.calls');
	cmp_ok($loaded, '>', 0, '... and has loaded some calls');
	like($node->safe_psql('postgres', $call), qr/^\d+\|@{[ 2000 - $loaded ]}\|0\|\d+$/, '... and the next one loads the others');
	same($node, '... which is all');
	like($node->safe_psql('postgres', $call), qr/^(\d+)\|0\|0\|\1$/, '... so that nothing is written again');
	$sim->change('voicy', insert => 5, update => 5);
	like($node->safe_psql('postgres', $call), qr/^\d+\|5\|5\|\d+$/, '... but what is new or changed');
	same($node, '... and nothing is missing');
	if ($extension eq 'timescaledb')
	{
		$node->safe_psql('postgres', "SET client_min_messages = warning;\n$later");
		$node->safe_psql('postgres', q(SELECT compress_chunk(c) FROM show_chunks('local.calls') AS c));
		$sim->change('voicy', insert => 5, update => 5, where => 'oldest');
		like($node->safe_psql('postgres', $call =~ s/7 days/2 years/r), qr/^\d+\|5\|5\|\d+$/, '... and so into compressed chunks');
		same($node, '... completely');
	}
	$node->stop;
	return;
}

sub same
{
	my ($node, $name) = @_;

	load_local($node, $sim, 'voicy');
	return rows_equal($node, [ 'SELECT * FROM local.calls', 'SELECT * FROM local.voicy' ], $name);
}
