#!/usr/bin/perl
#
# library.pl: makes the library of templates from conf/templates/*.json.
#
#     library.pl OUTDIR FILE.json ...
#
# writes OUTDIR/library.c, the table hd_library of one JSON text for each file,
# and leaves it alone when it would stay the same.  A file is
#
#     {"id": "order_ready", "category": "utility", "use": "shop",
#      "title": "Order ready",
#      "variables": {"order": {"type": "text", "sample": "A-1042"}},
#      "buttons": [{"type": "url", "url": "https://…/{{order}}"}],
#      "languages": {"en": {"header": …, "body": …, "footer": …,
#                           "buttons": ["Follow it"],
#                           "samples": {…}, "fallbacks": {"first_name": …}}}}
#
# and what is written has a whole document for each language: shared are the
# variables and what a button does, by language are the words.  The file's name
# is the id, and every language that one file has, all have.

use strict;
use warnings;

use JSON::PP;

my ($dir, @files) = @ARGV;

die "usage: library.pl OUTDIR FILE.json ...\n" unless $dir && -d $dir && @files;

my $json = JSON::PP->new->utf8->canonical;
my @all;
my $languages;

for my $file (sort @files) {
    my $t = eval { $json->decode(slurp($file)) } or die "$file: $@";

    for my $member (qw(id category use title languages)) {
        die "$file: \"$member\" is missing\n" unless $t->{$member};
    }

    die "$file: the id is $t->{id}\n" unless $file =~ m{(?:^|/)\Q$t->{id}\E\.json$};

    my $has = join ' ', sort keys %{ $t->{languages} };
    $languages //= $has;
    die "$file: it has $has, others have $languages\n" if $has ne $languages;

    push @all, $json->encode({
        (map { $_ => $t->{$_} } qw(id category use title)),
        languages => { map { $_ => document($file, $t, $_) }
                       keys %{ $t->{languages} } },
    });
}

my $text = "/* made by src/api/library.pl of conf/templates */\n\n"
    . "extern const char *const  hd_library[];\n\n"
    . "const char *const  hd_library[] = {\n\n"
    . join('', map { literal($_) . ",\n\n" } @all) . "    0\n};\n";

my $out = "$dir/library.c";

exit 0 if -f $out && slurp($out) eq $text;

open my $f, '>:raw', "$out.new" or die "cannot write $out.new: $!\n";
print {$f} $text;
close $f or die "cannot write $out.new: $!\n";
rename "$out.new", $out or die "cannot write $out: $!\n";


sub document {
    my ($file, $t, $language) = @_;
    my $words = $t->{languages}{$language};
    my %document = (body => $words->{body});

    die "$file: $language has no body\n" unless defined $words->{body};

    $document{header} = { format => 'text', text => $words->{header} }
        if defined $words->{header};
    $document{footer} = $words->{footer} if defined $words->{footer};
    $document{authentication} = $t->{authentication} if $t->{authentication};

    for my $name (sort keys %{ $t->{variables} // {} }) {
        $document{variables}{$name} = {
            %{ $t->{variables}{$name} },
            defined $words->{samples}{$name}
                ? (sample => $words->{samples}{$name}) : (),
            defined $words->{fallbacks}{$name}
                ? (fallback => $words->{fallbacks}{$name}) : (),
        };
    }

    my @texts = @{ $words->{buttons} // [] };
    my @buttons = @{ $t->{buttons} // [] };

    die "$file: $language has " . @texts . " texts for " . @buttons . " buttons\n"
        if @texts != @buttons;

    $document{buttons} = [map { { %{ $buttons[$_] }, text => $texts[$_] } }
                          0 .. $#buttons] if @buttons;

    return \%document;
}

# in pieces: a compiler need not take more than 4095 bytes in one
sub literal {
    my ($s) = @_;
    my @lines;

    while (length $s) {
        my $piece = substr $s, 0, 60, '';

        $piece =~ s/([\\"])/\\$1/g;
        $piece =~ s/([^\x20-\x7e])/sprintf '\\%03o', ord $1/ge;
        $piece =~ s/\?\?/?\\?/g;
        push @lines, "    \"$piece\"";
    }

    return join "\n", @lines;
}

sub slurp {
    my ($path) = @_;

    open my $in, '<:raw', $path or die "cannot read $path: $!\n";
    local $/;
    return scalar <$in>;
}
