# What a release needs: versions that agree wherever they are written, and an
# update of the extension that keeps servers, tables and what is loaded.
use strict;
use warnings;

use CallsTest;
use JSON::PP;
use PostgreSQL::Test::Utils qw(append_to_file slurp_file);
use Session;
use Test::More;

my $sim = start_simulator(calls => 500);
my $node = start_node('main', sim => $sim);
my $made_up = $node->config_data('--sharedir') . '/extension/calls_fdw--1.0--made_up.sql';
my $meta = decode_json(slurp_file('../META.json'));
my ($default) = slurp_file('../calls_fdw.control') =~ /^default_version = '(.*)'$/m;

check_meta();
check_versions();
check_postgresql_versions();
check_scripts();
check_update();

done_testing();

END
{
	unlink $made_up if defined $made_up;
}

# What https://pgxn.org/meta/spec.txt asks for
sub check_meta
{
	my $semantic = qr/^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-?[a-zA-Z][-0-9A-Za-z]*)?$/;
	my %known = map { $_ => 1 } qw(name version abstract maintainer license provides meta-spec
		description generated_by tags no_index prereqs release_status resources);

	foreach my $key (qw(name version abstract maintainer license provides meta-spec))
	{
		ok(defined $meta->{$key} && length $meta->{$key}, "META.json: $key");
	}
	is(join(' ', sort grep { !$known{$_} && !/^x_/i } keys %$meta), '', 'META.json: no other keys');
	is($meta->{'meta-spec'}{version}, '1.0.0', 'META.json: version of the specification');
	is($meta->{license}, 'postgresql', 'META.json: a license that the specification lists');
	like($meta->{release_status}, qr/^(?:stable|testing|unstable)$/, 'META.json: release status');
	like($meta->{version}, $semantic, 'META.json: a semantic version');
	is(join(' ', keys %{ $meta->{provides} }), 'calls_fdw', 'META.json: provides the extension');

	my $extension = $meta->{provides}{calls_fdw};
	like($extension->{version}, $semantic, 'META.json: a semantic version of the extension');
	ok(-f "../$extension->{$_}", "META.json: $extension->{$_} is there") foreach qw(file docfile);
	return;
}

# A release has three numbers, the extension's SQL the first two of the release
# that changed it last.
sub check_versions
{
	my ($short) = $meta->{version} =~ /^(\d+\.\d+)/;
	my ($agent) = map { /CURLOPT_USERAGENT, "(.*?)"/ ? $1 : () } map { slurp_file($_) } glob '../src/*.c';
	my ($changelog) = slurp_file('../CHANGELOG.md') =~ /^## \[(.*?)\]/m;
	my ($debian) = slurp_file('../debian/changelog') =~ /^calls-fdw \((.*)-\d+\)/;
	my $control = slurp_file('../debian/control.in') =~ s/PGVERSION/15/gr;

	is($changelog, $meta->{version}, 'CHANGELOG.md begins with the version of META.json');
	is($debian, $meta->{version}, '... so does debian/changelog');
	is($agent, "calls_fdw/$short", '... and requests name it');
	is($meta->{provides}{calls_fdw}{version}, "$default.0", 'META.json has the version of calls_fdw.control');
	is($meta->{provides}{calls_fdw}{file}, "calls_fdw--$default.sql", '... and its script');
	cmp_ok(version_number($default), '<=', version_number($short), '... which is no later than the release');
	is($node->safe_psql('postgres', q(SELECT extversion FROM pg_extension WHERE extname = 'calls_fdw')), $default, '... and the one that is installed');
	is(slurp_file('../debian/control'), $control, 'debian/control is up to date; "pg_buildext updatecontrol" makes it');
	return;
}

sub version_number
{
	my ($version) = @_;
	my ($major, $minor) = split /\./, $version;

	return $major * 1000 + $minor;
}

# Which versions of PostgreSQL: the README, the packages and the workflow
sub check_postgresql_versions
{
	my ($first, $last) = slurp_file('../README.md') =~ /PostgreSQL (\d+) to (\d+)/;

	like(slurp_file('../.github/workflows/check.yml'), qr/postgresql: \[@{[ join ', ', $first .. $last ]}\]/, "the workflow tests PostgreSQL $first to $last");
	is(slurp_file('../debian/pgversions'), "$first+\n", 'debian/pgversions has the first');
	is($meta->{prereqs}{runtime}{requires}{PostgreSQL}, "$first.0.0", 'so has META.json');
	return;
}

# All scripts are installed; whatever was released can be updated, and ends as
# what a new installation gives.
sub check_scripts
{
	my %data = map { $_ => 1 } split ' ', (slurp_file('../Makefile') =~ /^DATA = (.*)/m)[0];
	my @scripts = map { s{.*/}{}r } glob '../calls_fdw--*.sql';
	my @versions = map { /^calls_fdw--([^-]+)\.sql$/ ? $1 : () } @scripts;

	is(join(' ', sort keys %data), join(' ', sort @scripts), 'the Makefile installs all scripts');
	ok((grep { $_ eq '1.0' } @versions), '1.0 can be installed');
	my $new = objects_of($default);
	like($new, qr/calls_fdw_sync_state/, 'objects of the extension are listed');
	like($new, qr/calls_fdw_sync_state.*\W=\w*r\w*\//, '... with their privileges');
	like($new, qr/calls_fdw_check.*whether address and key/, '... and comments');
	is(objects_of($_), $new, "$_, updated to $default, is the same as $default") foreach @versions;
	return;
}

# The extension's objects, installed as a version and updated to the newest
sub objects_of
{
	my ($version) = @_;

	$node->safe_psql('postgres', 'CREATE DATABASE scripts');
	$node->safe_psql('scripts', "CREATE EXTENSION calls_fdw VERSION '$version'; SET client_min_messages = error; ALTER EXTENSION calls_fdw UPDATE");
	my $objects = $node->safe_psql('scripts', q(
		SELECT pg_describe_object(classid, objid, objsubid), p.prosrc, p.proconfig, p.proacl, p.provolatile, p.proisstrict, p.proparallel,
			(SELECT array_agg((attname, format_type(atttypid, atttypmod), attnotnull, attacl, col_description(attrelid, attnum)) ORDER BY attnum)
			FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
			c.relacl, w.fdwacl, c.relrowsecurity, (SELECT array_agg(pg_get_triggerdef(t.oid) ORDER BY tgname) FROM pg_trigger t WHERE tgrelid = c.oid),
			(SELECT array_agg((polname, polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) ORDER BY polname) FROM pg_policy WHERE polrelid = c.oid),
			obj_description(objid, classid::regclass::name)
		FROM pg_depend d
		LEFT JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
		LEFT JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
		LEFT JOIN pg_foreign_data_wrapper w ON classid = 'pg_foreign_data_wrapper'::regclass AND w.oid = objid
		WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'calls_fdw')
		ORDER BY 1));
	$node->safe_psql('postgres', 'DROP DATABASE scripts');
	return $objects;
}

# An update while servers, tables and a local copy are there
sub check_update
{
	my $state = 'SELECT source::text, target::text, complete_from, complete_to FROM calls_fdw_sync_state ORDER BY 1, 2';
	my $dump = "$PostgreSQL::Test::Utils::tmp_check/updated.sql";

	$node->safe_psql('postgres', q(DROP EXTENSION calls_fdw; CREATE EXTENSION calls_fdw VERSION '1.0'));
	create_servers($node, $sim, providers => [ 'voicy', 'ringyo' ]);
	$node->safe_psql('postgres', q(
		SET client_min_messages = warning;
		CREATE SCHEMA reports;
		SELECT calls_fdw_create_calls('reports', 'voicy', 'ringyo');
		CREATE TABLE copy (LIKE reports.calls, UNIQUE (source, call_id))));
	$node->safe_psql('postgres', q(CALL calls_fdw_sync('reports.calls', 'copy')));
	my $known = $node->safe_psql('postgres', $state);
	my $accounts = 'SELECT m.srvname, srvoptions, umoptions FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = srvid ORDER BY 1';
	my $options = $node->safe_psql('postgres', $accounts);
	my $open = Session->new($node);
	is($open->query('SELECT count(*) FROM voicy.calls'), 500, 'a session reads a table');

	append_to_file($made_up, <<'END');
\echo Use "ALTER EXTENSION calls_fdw UPDATE" to load this file. \quit
CREATE FUNCTION calls_fdw_made_up() RETURNS text LANGUAGE sql AS $$ SELECT 'new' $$;
ALTER TABLE calls_fdw_sync_state ADD made_up text DEFAULT 'new';
END
	$node->safe_psql('postgres', q(ALTER EXTENSION calls_fdw UPDATE TO 'made_up'));

	is($node->safe_psql('postgres', q(SELECT extversion, calls_fdw_made_up() FROM pg_extension WHERE extname = 'calls_fdw')), 'made_up|new', 'the extension is updated');
	like($known, qr/copy/, 'something was known of the copy');
	is($node->safe_psql('postgres', $state), $known, '... and still is');
	is($node->safe_psql('postgres', $accounts), $options, 'servers and user mappings are as they were');
	is($open->query('SELECT count(*) FROM voicy.calls'), 500, 'the open session goes on');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM reports.calls'), 1000, 'the one table for all can be read');
	$sim->change('ringyo', insert => 3);
	$sim->clear;
	like($node->safe_psql('postgres', q(CALL calls_fdw_sync('reports.calls', 'copy'))), qr/^\d+\|3\|0\|\d+$/, 'the next run goes on');
	cmp_ok($sim->requests('ringyo'), '<=', 2, '... with few requests');

	# into a database where the extension is as new
	$known = $node->safe_psql('postgres', $state);
	$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'pg_dump works');
	$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
	$node->safe_psql('restored', q(CREATE EXTENSION calls_fdw VERSION 'made_up'));
	$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('restored') ], '... and its dump can be restored');
	is($node->safe_psql('restored', $state), $known, '... with what is known');
	return;
}
