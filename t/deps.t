#!/usr/bin/perl

# Which room may know which, and which room alone may name a library: by reading the
# includes and the names.  DESIGN's rules of dependency, and the length of files.

use strict;
use warnings;
use lib 't/lib';

use Herald::Test;
use Test::More;

my $repo = repo();
my %may = (
    base     => [],
    shm      => [qw(base)],
    loop     => [qw(base)],
    pg       => [qw(loop base)],
    store    => [qw(pg base)],
    provider => [qw(base)],
    egress   => [qw(loop base)],
    # who may ask the store sees the units of pg in its header
    sched    => [qw(store pg shm loop base)],
    send     => [qw(store pg shm loop egress provider base)],
    task     => [qw(store pg shm loop egress provider base)],
    flow     => [qw(store pg shm loop egress base)],
    api      => [qw(store pg shm loop egress provider base)],
    sandbox  => [qw(base)],
    cli      => [qw(base)],
    rules    => [qw(base)],
    media    => [qw(base)],
    cluster  => [qw(shm loop base)],
);

# name => rooms or files that may say it
my %only = (
    'PQ[a-z]\w*'            => [qw(pg cli)],
    'PG(?:conn|result)'     => [qw(pg cli)],
    'curl_\w+|CURL\w*'      => [qw(egress)],
    'yajl_\w+'              => [qw(base/json)],
    'luaL?_\w+'             => [qw(rules)],
    'redis[A-Z]\w*'         => [qw(cluster)],
    'QRcode\w*'             => [qw(api/qr)],
    'png_\w+'               => [qw(api/qr)],
    # the sandbox is a module of its own with a zone of its own
    'ngx_slab_\w+|ngx_shmtx_\w+|shpool' => [qw(shm sandbox)],
);

# plain C: bytes in, bytes out
my @pure = qw(base provider cli rules media);

my @files = sort(glob("$repo/src/*/*.[ch]"), glob("$repo/src/*/*.cc"));

cmp_ok(scalar @files, '>', 10, 'there are sources to read');

sub without_comments {
    my ($text) = @_;

    $text =~ s{/\*.*?\*/}{}gs;
    return $text;
}

sub without_strings {
    my ($text) = @_;

    $text =~ s/"(?:\\.|[^"\\\n])*"/""/g;
    return $text;
}

my (@includes, @names, @nginx, @long, @unknown, %module);

for my $path (@files) {
    my $text = without_comments(slurp($path));
    my ($room, $file) = $path =~ m{/src/(\w+)/([\w.]+)$};
    my $where = "src/$room/$file";
    my $may = $may{$room};

    if (!$may && $room ne 'module') {
        push @unknown, $where;
        next;
    }

    while ($text =~ /^\s*#\s*include\s+"([^"]+)"/gm) {
        my $to = $1;
        my $other = $to =~ m{^(?:\.\./)+(?:src/)?(\w+)/} ? $1 : $room;

        # made by the build from the room's own .sql files
        next if $to =~ m{^queries\.h$};

        if ($room eq 'module') {
            $module{$other} = 1;
        } elsif ($other ne $room && !grep { $_ eq $other } @$may) {
            push @includes, "$where includes $to";
        }
    }

    my $code = without_strings($text);

    for my $name (sort keys %only) {
        next if grep { "$room/$file" =~ m{^\Q$_\E(?:/|[\w.]*$)} }
            @{ $only{$name} };
        push @names, "$where names $1" if $code =~ /\b($name)\b/;
    }

    if (grep({ $_ eq $room } @pure)
        || $room eq 'shm' && $file !~ /_ngx\.[ch]$/)
    {
        push @nginx, "$where names $1" if $code =~ /\b(ngx_\w+)/;
        push @nginx, "$where includes $1"
            if $code =~ /#\s*include\s+<(ngx_\w+\.h)>/;
    }
}

sub none {
    my ($what, @found) = @_;

    is(scalar @found, 0, $what) or diag(map { "  $_\n" } @found);
}

none('every room is known to this test', @unknown);
none('rooms include only what they may', @includes);
none('only one room names a library', @names);
none('what is plain C knows nothing of nginx', @nginx);

for my $room (qw(loop shm pg store egress provider sched send api)) {
    ok($module{$room}, "module includes $room");
}

for my $path (@files, glob("$repo/t/*.t"), glob("$repo/t/*/*.[ch]"),
              glob("$repo/t/lib/Herald/*.pm"),
              glob("$repo/t/lib/Herald/*/*.pm"), glob("$repo/tools/*"),
              glob("$repo/src/store/*.sql"), glob("$repo/html/src/*"),
              glob("$repo/html/src/*/*"))
{
    next if -d $path;
    my $lines = () = slurp($path) =~ /\n/g;
    push @long, substr($path, 1 + length $repo) . " has $lines lines"
        if $lines > 700;
}

none('no file is longer than 700 lines', @long);

done_testing();
