package DocBlocks;

=pod

=encoding utf8

=head1 NAME

DocBlocks - runs the commands of a document, and compares what they print

=head1 SYNOPSIS

  use DocBlocks;

  run_document($node, '../doc/adding-a-provider.md',
      replace => [ [ 'https://api.example.com' => $sim->url ], [ 'sudo ' => '' ] ]);

Each command block of the document becomes one test: it ran without an error,
and printed what the document says. The document is read from top to bottom as
a person would follow it: all its SQL goes to one psql session, its shell
commands run between, in one directory of their own.

=head1 MARKUP

What counts is fenced blocks (three backquotes) and HTML comments, which
readers do not see. The fence may be indented; its blanks are taken off.

=over

=item C<```sql>

Runs in psql. A block is one or more statements or psql commands; settings,
variables and prepared statements stay for the blocks that follow. Command tags
are not printed.

=item C<```sh>

Runs in C<bash -eu -o pipefail>. The directory stays the same for all blocks,
but variables do not. PGHOST and PGPORT lead to the server, PGDATABASE to the
database of the SQL blocks.

=item C<```text>

Straight after a command block, with nothing but blank lines between: what it
prints, messages (NOTICE, ERROR) first. Compared line by line without blanks at
the ends, nor empty lines at the end. C<...> stands for any text within a line, and a
line of nothing but C<...> for any number of lines. A block whose output holds C<ERROR> must
fail with it; any other must not fail. Without such a block, anything may be
printed.

=item C<```json name.json>

Any language, followed by a file's name: the reader saves the block as this
file; so it is written to the directory of the shell commands and of psql.

=item C<< <!-- run sql >> or C<< <!-- run sh >>

A command block that readers do not see, up to a line C<< --> >>: what a document takes
for granted, such as the tables of a CRM.

=item C<< <!-- skip: reason --> >>

On a line of its own before a command block: it is not run. The reason is required; the
test reports it.

=back

Other blocks (no language, or another one without a file's name) are ignored.

=head1 FUNCTIONS

=over

=item C<run_document($node, $file, %options)>

Options: C<replace>, pairs of what the document says and what is run instead, tried in
order; the left side may be a qr//. Those of two strings also work the other way
round on what was printed. C<skip>, pairs of a qr// and a reason: command blocks
that match are not run. C<database> (postgres), C<env> (a hash of variables), C<directory> (where
commands run; by default a new one below the test's own).

=item C<execute_document($node, $file, %options)>

The same without tests: returns the blocks of read_document, and in those that were run C<printed> and
C<failed> (undef if it did not). C<problem_of($block)> says what is wrong with one.

=item C<read_document($file)>

The document's blocks: hashes with C<kind> (sql, sh or file), C<text>, C<line>, and as it applies C<name> of a file,
C<output>, C<skip>.

=back

=cut

use strict;
use warnings;

use CallsTest qw(write_file);
use Exporter 'import';
use File::Basename qw(basename);
use IPC::Run ();
use PostgreSQL::Test::Utils ();
use Test::More;

our @EXPORT = qw(run_document execute_document problem_of read_document);

# Ends the output of a block.
my $mark = 'end-of-block';

sub read_document
{
	my ($file) = @_;
	my @lines = split /\n/, PostgreSQL::Test::Utils::slurp_file($file);
	my ($skip, @blocks);
	my $last;    # the command block that output may follow

	for (my $i = 0; $i < @lines; $i++)
	{
		my $start = $i + 1;

		if ($lines[$i] =~ /^<!-- skip: (.+) -->$/)
		{
			$skip = $1;
		}
		elsif ($lines[$i] =~ /^<!-- run (sql|sh)$/)
		{
			my $text = take_until(\@lines, \$i, qr/^-->$/, '', $file);
			push @blocks, { kind => $1, text => $text, line => $start };
			$last = undef;
		}
		elsif ($lines[$i] =~ /^(\s*)```(\w*)(?:\s+(\S+))?\s*$/)
		{
			my ($indent, $language, $name) = ($1, $2, $3);
			my $text = take_until(\@lines, \$i, qr/^\s*```\s*$/, $indent, $file);

			if ($language eq 'text' && $last)
			{
				$last->{output} = $text;
				$last = undef;
				next;
			}
			$last = undef;
			if (defined $name)
			{
				push @blocks, { kind => 'file', name => $name, text => $text, line => $start };
			}
			elsif ($language eq 'sql' || $language eq 'sh')
			{
				$last = { kind => $language, text => $text, line => $start };
				$last->{skip} = $skip if defined $skip;
				push @blocks, $last;
			}
			$skip = undef;
		}
		elsif ($lines[$i] =~ /\S/)
		{
			$last = undef;
		}
	}
	return @blocks;
}

# The lines up to one that matches, which $i then points to.
sub take_until
{
	my ($lines, $i, $end, $indent, $file) = @_;
	my $start = $$i + 1;
	my $text = '';

	while (++$$i < @$lines && $lines->[$$i] !~ $end)
	{
		my $line = $lines->[$$i];
		$line =~ s/^\Q$indent\E//;
		$text .= "$line\n";
	}
	die "$file:$start: the block does not end" if $$i >= @$lines;
	return $text;
}

sub run_document
{
	my ($node, $file, %options) = @_;

	foreach my $block (execute_document($node, $file, %options))
	{
		my $name = basename($file) . ":$block->{line} $block->{kind}";

		if (defined $block->{skip})
		{
		  SKIP:
			{
				skip("$name: $block->{skip}", 1);
			}
		}
		elsif ($block->{kind} ne 'file')
		{
			my $problem = problem_of($block);
			ok(!defined $problem, $name);
			diag($problem) if defined $problem;
		}
	}
	return;
}

sub execute_document
{
	my ($node, $file, %options) = @_;
	my @blocks = read_document($file);
	my $directory = $options{directory} || PostgreSQL::Test::Utils::tempdir(basename($file));
	foreach my $pair (@{ $options{skip} || [] })
	{
		$_->{skip} //= $pair->[1] foreach grep { $_->{kind} ne 'file' && $_->{text} =~ $pair->[0] } @blocks;
	}
	my @run = grep { !defined $_->{skip} } @blocks;

	foreach my $block (grep { $_->{kind} eq 'sql' } @run)
	{
		# It would go on in the blocks that follow.
		die "$file:$block->{line}: the block ends inside of a statement" if $block->{text} !~ /(?:;[ \t]*(?:--.*)?|^\\.*|\\g\w*.*)\n\s*\z/m;
	}
	my $script = "\\cd $directory\n";

	foreach my $n (0 .. $#run)
	{
		my $text = replace_text($run[$n]{text}, $options{replace});

		if ($run[$n]{kind} eq 'sql')
		{
			$script .= $text;
		}
		else
		{
			my $name = $run[$n]{kind} eq 'file' ? $run[$n]{name} : ".block_$n.sh";
			write_file("$directory/.content_$n", $text);
			$script .= "\\! mkdir -p \"\$(dirname '$name')\" && cp .content_$n '$name'\n";
			$script .= "\\! bash -eu -o pipefail $name >.output_$n 2>&1 </dev/null; echo \$? >.status_$n\n" if $run[$n]{kind} eq 'sh';
		}
		$script .= "\\echo $mark\n\\warn $mark\n";
	}
	run_script($node, $script, $directory, \@run, %options);
	return @blocks;
}

# Run the script and give each block its "printed" and "failed".
sub run_script
{
	my ($node, $script, $directory, $run, %options) = @_;
	my ($stdout, $stderr) = ('', '');
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port,
		PGDATABASE => $options{database} || 'postgres', PGCLIENTENCODING => 'UTF8', %{ $options{env} || {} });

	IPC::Run::run([ 'psql', '-X', '-q', '-P', 'pager=off', '-v', 'VERBOSITY=default', '-v', 'SHOW_CONTEXT=never' ],
		'<', \$script, '>', \$stdout, '2>', \$stderr, IPC::Run::timeout(300));
	my @out = split /^$mark\n/m, $stdout, -1;
	my @err = split /^$mark\n/m, $stderr, -1;

	foreach my $n (0 .. $#$run)
	{
		my $block = $run->[$n];

		if ($n >= $#out || $n >= $#err)
		{
			$block->{printed} = "psql ended before this block\n" . ($err[-1] // '');
			$block->{failed} = 'ended';
		}
		elsif ($block->{kind} eq 'sh')
		{
			my $status = PostgreSQL::Test::Utils::slurp_file("$directory/.status_$n");
			$block->{printed} = PostgreSQL::Test::Utils::slurp_file("$directory/.output_$n");
			$block->{failed} = "exit status $status" if $status != 0;
		}
		else
		{
			$block->{printed} = $err[$n] . $out[$n];
			$block->{failed} = $1 if $err[$n] =~ /^((?:psql:.*)?(?:ERROR|FATAL|PANIC|error|invalid command|\\\w+):? .*)/m;
		}
		$block->{printed} = replace_back($block->{printed}, $options{replace});
	}
	return;
}

# What is wrong with a block that was run, or undef
sub problem_of
{
	my ($block) = @_;
	my $expected = $block->{output};
	my $may_fail = defined $expected && $expected =~ /\bERROR\b/;

	return undef
	  if (!$block->{failed} || $may_fail) && (!defined $expected || output_matches($block->{printed}, $expected));
	return "$block->{text}printed:\n$block->{printed}"
	  . (defined $expected ? "expected:\n$expected" : '')
	  . ($block->{failed} ? "failed: $block->{failed}\n" : '');
}

sub output_matches
{
	my ($printed, $expected) = @_;
	my $pattern = '';

	foreach my $line (split /\n/, trim($expected))
	{
		if ($line eq '...')
		{
			$pattern .= '(?:.*\n)*';
		}
		else
		{
			$pattern .= join('.*', map { quotemeta } split /\.\.\./, $line, -1) . '\n';
		}
	}
	return trim($printed) =~ /^$pattern\z/;
}

# Without blanks at the ends of lines, nor empty lines at the end
sub trim
{
	my ($text) = @_;

	$text =~ s/[ \t]+$//mg;
	$text =~ s/\n*\z/\n/;
	return $text;
}

sub replace_text
{
	my ($text, $pairs) = @_;

	foreach my $pair (@{ $pairs || [] })
	{
		my ($from, $to) = @$pair;
		my $pattern = ref $from ? $from : qr/\Q$from\E/;
		$text =~ s/$pattern/$to/g;
	}
	return $text;
}

sub replace_back
{
	my ($text, $pairs) = @_;

	foreach my $pair (reverse @{ $pairs || [] })
	{
		my ($from, $to) = @$pair;
		$text =~ s/\Q$to\E/$from/g if !ref $from && $to ne '';
	}
	return $text;
}

1;
