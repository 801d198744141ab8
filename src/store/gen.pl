#!/usr/bin/perl
#
# gen.pl: makes the table of statements from the .sql files.
#
#     gen.pl [--pg path/to/pg.h] [--without GUARD] OUTDIR FILE.sql ...
#
# writes OUTDIR/queries.h (an enum of the names) and OUTDIR/queries.c (the
# table hd_queries).  A file that would stay the same is not touched, so that
# make rebuilds nothing.  --pg is what the header includes ("../pg/pg.h").
#
# In the .sql files a statement is
#
#     -- name: contact_get
#     -- Why it has its shape: at least one line, required.
#     select id from contacts where id = $1;
#
# and ends at the next name or at the end of the file.  The rules: one
# statement per name, every $n from 1 to the highest is used, names are
# [a-z][a-z0-9_]* of at most 63 bytes (PostgreSQL's limit for names) and
# differ over all files.
#
# --without X leaves out the lines that end with "-- guard: X".  Nobody runs
# such a build: the tests of faults must fail with it (make guards).

use strict;
use warnings;

my $pg = '../pg/pg.h';
my $failed = 0;
my %where;
my @all;

my $without;

while (@ARGV && $ARGV[0] =~ /^--(pg|without)$/) {
    shift @ARGV;
    ($1 eq 'pg' ? $pg : $without) = shift @ARGV;
}

my $dir = shift @ARGV;

die "usage: gen.pl [--pg path] [--without GUARD] OUTDIR FILE.sql ...\n"
    unless defined $pg && defined $dir && -d $dir && @ARGV;

read_file($_) for @ARGV;

exit 1 if $failed;

write_file("$dir/queries.h", header());
write_file("$dir/queries.c", table());

exit 0;


sub complain {
    my ($file, $line, $text) = @_;

    print STDERR "$file:$line: $text\n";
    $failed = 1;
}


sub read_file {
    my ($file) = @_;
    my $s;

    open(my $fh, '<', $file) or die "$file: $!\n";

    while (my $text = <$fh>) {
        $text =~ s/\r?\n\z//;

        next if defined $without && $text =~ /-- guard: \Q$without\E$/;

        if ($text =~ /^--\s*name:\s*(.*?)\s*$/) {
            finish($s) if $s;
            $s = start($file, $., $1);
            next;
        }

        if (!$s) {
            if ($text =~ /\S/ && $text !~ /^\s*--/) {
                complain($file, $.,
                         'a statement without "-- name:" before it');
                last;
            }
            next;
        }

        # the comment between the name and the first line of SQL

        if ($s->{sql} eq '' && $text =~ /^\s*--\s*(\S.*)?$/) {
            $s->{why}++ if defined $1;
            next;
        }

        next if $s->{sql} eq '' && $text !~ /\S/;

        $s->{sql} .= "$text\n";
    }

    finish($s) if $s;
    close($fh);
}


sub start {
    my ($file, $line, $name) = @_;

    if ($name !~ /^[a-z][a-z0-9_]{0,62}$/) {
        complain($file, $line, "\"$name\" is no name: [a-z][a-z0-9_]*, "
                 . 'at most 63 bytes');

    } elsif (exists $where{$name}) {
        complain($file, $line, "the name \"$name\" is taken at "
                 . $where{$name});

    } else {
        $where{$name} = "$file:$line";
    }

    return { file => $file, line => $line, name => $name, why => 0,
             sql => '' };
}


sub finish {
    my ($s) = @_;
    my ($file, $line, $name) = @$s{qw(file line name)};

    if (!$s->{why}) {
        complain($file, $line, "\"$name\" does not say why it has its shape: "
                 . 'a comment line belongs after the name');
    }

    my $sql = strip($s);
    return unless defined $sql;

    if ($sql eq '') {
        complain($file, $line, "\"$name\" has no SQL");
        return;
    }

    $s->{sql} = $sql;

    for my $n (1 .. $s->{params}) {
        complain($file, $line, "\"$name\" uses \$$s->{params} but not \$$n")
            unless $s->{used}{$n};
    }

    push @all, $s;
}


# The statement without comments and the last semicolon, spaces made single.
# What is quoted stays as it is.  Also counts the parameters.

sub strip {
    my ($s) = @_;
    my ($file, $line, $name) = @$s{qw(file line name)};
    my ($out, $ended) = ('', 0);

    $s->{params} = 0;
    $s->{used} = {};

    my $q = $s->{sql};

    while ($q =~ /\G(?:
              (?<space>   \s+                                    )
            | (?<comment> --[^\n]*                               )
            | (?<block>   \/\*                                   )
            | (?<quoted>  \b[eE]'(?:[^'\\]|\\.|'')*'             )
            | (?<quoted>  '(?:[^']|'')*'                         )
            | (?<quoted>  "(?:[^"]|"")*"                         )
            | (?<quoted>  \$(?<tag>(?:[A-Za-z_]\w*)?)\$.*?\$\k<tag>\$ )
            | (?<param>   \$(?<n>[0-9]+)                         )
            | (?<word>    [A-Za-z_][\w\$]*                       )
            | (?<end>     ;                                      )
            | (?<char>    .                                      )
            )/gcsx)
    {
        my %m = %+;

        if (defined $m{block}) {
            # they nest
            my $depth = 1;

            while ($depth && $q =~ /\G.*?(\/\*|\*\/)/gcs) {
                $depth += $1 eq '/*' ? 1 : -1;
            }

            if ($depth) {
                complain($file, $line, "\"$name\": a comment without end");
                return undef;
            }

            $m{space} = ' ';
        }

        if (defined $m{space} || defined $m{comment}) {
            $out .= ' ' if $out ne '' && $out !~ / \z/;
            next;
        }

        if (defined $m{end}) {
            $ended = 1;
            next;
        }

        if ($ended) {
            complain($file, $line, "\"$name\" is more than one statement");
            return undef;
        }

        if (defined $m{char} && $m{char} =~ /['"]/) {
            complain($file, $line, "\"$name\": a quote without end");
            return undef;
        }

        if (defined $m{param}) {
            my $n = $m{n};

            if ($n < 1 || $n > 65535) {
                complain($file, $line, "\"$name\": there is no \$$n");
                return undef;
            }

            $s->{used}{$n} = 1;
            $s->{params} = $n if $n > $s->{params};
        }

        # one of the alternatives has matched, and this is its text
        $out .= $m{quoted} // $m{param} // $m{word} // $m{char};
    }

    $out =~ s/ \z//;

    return $out;
}


sub c_string {
    my ($text) = @_;
    my @lines;

    # lines of readable length, broken at spaces where there are any

    while (length $text) {
        my $part;

        if (length $text <= 60) {
            $part = $text;

        } else {
            my $at = rindex($text, ' ', 59);
            $part = substr($text, 0, $at < 20 ? 60 : $at + 1);
        }

        substr($text, 0, length $part) = '';

        $part =~ s/([\\"])/\\$1/g;
        $part =~ s/\n/\\n/g;
        $part =~ s/\t/\\t/g;
        # three digits always: a digit may follow
        $part =~ s/([^\x20-\x7e])/sprintf('\\%03o', ord $1)/ge;
        $part =~ s/\?\?/?\\?/g;

        push @lines, "\"$part\"";
    }

    return join("\n      ", @lines);
}


sub header {
    my $text = "/* made by gen.pl from the .sql files: do not edit */\n\n"
        . "#ifndef HD_QUERIES_H\n#define HD_QUERIES_H\n\n"
        . "#include \"$pg\"\n\n\nenum {\n";

    $text .= '    HD_Q_' . uc($_->{name}) . ",\n" for @all;

    return $text . "    HD_Q_COUNT\n};\n\n\n"
        . "extern const hd_pg_stmt_t  hd_queries[];\n\n"
        . "#endif /* HD_QUERIES_H */\n";
}


sub table {
    my $text = "/* made by gen.pl from the .sql files: do not edit */\n\n"
        . "#include \"queries.h\"\n\n\n"
        . "const hd_pg_stmt_t  hd_queries[] = {\n";

    for my $s (@all) {
        $text .= "\n    /* $s->{file}:$s->{line} */\n"
            . "    { \"$s->{name}\",\n"
            . '      ' . c_string($s->{sql}) . ",\n"
            . "      $s->{params} },\n";
    }

    return $text . "\n    { NULL, NULL, 0 }\n};\n";
}


sub write_file {
    my ($file, $text) = @_;

    if (open(my $fh, '<', $file)) {
        local $/;
        my $old = <$fh>;
        close($fh);
        return if defined $old && $old eq $text;
    }

    open(my $fh, '>', "$file.new") or die "$file.new: $!\n";
    print {$fh} $text or die "$file.new: $!\n";
    close($fh) or die "$file.new: $!\n";
    rename("$file.new", $file) or die "$file: $!\n";
}
