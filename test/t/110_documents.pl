# The documents say what is: doc/providers.md is what the definitions give, and
# every command of the README, the cookbook and the other pages works as it
# stands there (130_sync.pl runs doc/scaling.md).
use strict;
use warnings;

use Cwd qw(abs_path);

use CallsTest;
use DocBlocks;
use PostgreSQL::Test::Utils qw(slurp_file);
use Test::More;

my $sim = start_simulator(calls => 500);
my $cron = -e `pg_config --sharedir` =~ s/\n//r . '/extension/pg_cron.control';
my $node = start_node('main', sim => $sim,
	conf => $cron ? "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'cookbook'\n" : '');
my $source = abs_path('..');
my $installed = $node->config_data('--sharedir') . '/extension/calls_fdw/acmevoice.json';

check_tool();
check_made_pages();
run_document($node, '../doc/adding-a-provider.md',
	replace => [
		[ 'https://api.acmevoice.example' => $sim->url . '/acme' ],
		[ 'your_account' => 'acc_1' ],
		[ 'your_key' => 'acme_test' ],
		[ 'sudo ' => '' ]
	]);
check_readme();
check_promises();
check_figures();
check_cookbook();
is($sim->stats->{undocumented}, 0, 'no undocumented parameter was sent');

done_testing();

END
{
	unlink $installed if defined $installed;
}

sub check_made_pages
{
	my ($stdout, $stderr);

	$node->psql('postgres', slurp_file('../doc/providers.sql'), stdout => \$stdout, stderr => \$stderr);
	is($stderr, '', 'doc/providers.sql runs');
	ok("$stdout\n" eq slurp_file('../doc/providers.md'), 'doc/providers.md is up to date; "make doc" makes it');
	return;
}

# Each promise of the README names tests that there are.
sub check_promises
{
	my ($table) = slurp_file('../README.md') =~ /^\| promised \|.*\n\|[-|]+\|\n((?:\|.*\n)+)/m;
	my @promises = split /\n/, $table;
	my @without = grep { !/\| `[^|]*` \|$/ } @promises;
	my %tests = map { ($_ => 1) } map { /`([^`]*)`/g } map { /.*\|(.*)\|$/ } @promises;

	cmp_ok(scalar @promises, '>=', 10, 'the README makes promises');
	is("@without", '', '... each with a test');
	is(join(' ', grep { !-f "../$_" } sort keys %tests), '', '... that is there');
	return;
}

# The README names all that calls_fdw_stats() returns, and nothing else.
sub check_figures
{
	my ($row) = slurp_file('../README.md') =~ /^\| `calls_fdw_stats\(\)` \|(.*)\|$/m;

	is(join(' ', $row =~ /`(\w+)`/g),
		$node->safe_psql('postgres', "SELECT array_to_string(proargnames, ' ') FROM pg_proc WHERE proname = 'calls_fdw_stats'"),
		'README.md has the columns of calls_fdw_stats()');
	return;
}

# What stands for the reader's accounts: the simulator's. Addresses come first
# as servers have none of their own in the documents.
sub accounts
{
	my ($url) = @_;
	my @pairs = map { [ "(provider '$_'" => "(base_url '$url', provider '$_'" ] } @providers;

	return (
		@pairs,
		[ 'voicy_sk_live_xxx' => 'voicy_sk_test' ],
		[ 'tvx_sk_live_xxx' => 'tvx_sk_test' ],
		[ 'ringyo_live_xxx' => 'ringyo_test' ],
		[ 'your_auth_id' => 'acc_1' ]);
}

# The shell commands run in the copy of the source that the tests use, and
# install into a directory of their own. Of packages it is only asked whether
# they are what this was built with.
sub check_readme
{
	my $destination = PostgreSQL::Test::Utils::tempdir('install');
	my $major = $node->pg_version->major;

	$sim->set('all', calls => 500);
	run_document($node, '../README.md',
		directory => $source,
		env => { MAKEFLAGS => ' -- with_llvm=no DESTDIR=' . $destination },
		replace => [
			accounts($sim->url),
			[ 'postgresql-server-dev-15' => "postgresql-server-dev-$major" ],
			[ 'sudo apt-get install' => $ENV{PG_CONFIG} =~ m{^/usr/lib/postgresql/} ? 'dpkg --status' : 'echo' ],
			[ 'sudo ' => '' ] ]);
	my @installed = map { glob "$destination$_" } '/usr/share/postgresql/*/extension/calls_fdw.control';
	ok(@installed || $ENV{PG_CONFIG} !~ m{^/usr/lib/postgresql/}, 'README.md: the extension is installed');
	return;
}

# The recipes, with what Grafana and Metabase make of their macros
sub check_cookbook
{
	local $ENV{no_proxy} = '*';

	$sim->set('all', calls => 20000);
	$node->safe_psql('postgres', 'CREATE DATABASE cookbook');
	run_document($node, '../doc/cookbook.md',
		database => 'cookbook',
		skip => $cron ? [] : [ [ qr/\bcron\b/ => 'pg_cron is not to be had for this PostgreSQL' ] ],
		replace => [
			accounts($sim->url),
			[ 'https://api.voicy.co' => $sim->url ],
			[ q[$__timeGroupAlias(started_at, '1d')] => q[floor(extract(epoch from started_at)/86400)*86400 AS "time"] ],
			[ '$__timeFilter(started_at)' => q(started_at BETWEEN '2026-10-25T00:00:00Z' AND '2026-10-31T23:59:59Z') ],
			[ '{{from}}' => q(date '2026-10-01') ],
			[ '{{to}}' => q(date '2026-11-01') ] ]);
	return;
}

# What a document must not get away with
sub check_tool
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/blocks.md";
	my $text = <<'END';
```json data/one.json
{"a": 1}
```
```sql
\set one `cat data/one.json`
SELECT :'one'::json->>'a' AS a;
```
```text
 a
---
 1
(1 row)
```
```sql
SELECT 1 AS wrong;
```
```text
 wrong
-------
 2
(1 row)
```
```sql
SELECT nothing;
```
```sql
SELECT 1/0;
```
```text
ERROR:  division by ...
```
Text between: nothing is expected.
```sql
\nosuchcommand
```
Another.

```text
no output
```
```sh
false
```
```sh
test -e data/one.json; echo "$PGDATABASE in http://real"
```
```text
postgres in http://written
```
<!-- skip: needs a printer -->
```sh
lpr
```
<!-- run sql
CREATE TEMP TABLE unseen AS SELECT 1 AS x;
-->
```sql
SELECT x FROM unseen;
```
```text
...
(1 row)
```
```sql
SELECT unwanted;
```
END
	open my $fh, '>', $file or die "$file: $!";
	print $fh $text;
	close $fh or die "$file: $!";

	my @blocks = execute_document($node, $file, replace => [ [ 'http://written' => 'http://real' ] ], skip => [ [ qr/unwanted/ => 'not wanted' ] ]);
	is(join(' ', map { defined $_->{skip} ? 'skipped' : $_->{kind} eq 'file' ? 'file' : defined problem_of($_) ? 'bad' : 'good' } @blocks),
		'file good bad bad good bad bad good skipped good good skipped', 'blocks that do not do what the document says are found');
	is($blocks[8]{skip}, 'needs a printer', 'and those that are not run say why');
	return;
}
