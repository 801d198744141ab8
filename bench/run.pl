#!/usr/bin/env perl

# The measurements, each beside its peers or the limit of the machine in the
# same run:
#
#     make bench                          everything, about eleven minutes
#     BENCH_ONLY="reads timers" make bench
#     BENCH_QUICK=1 make bench            only to see that everything runs
#
# BENCH_SECONDS (4) and BENCH_RUNS (3, the median counts) make it shorter.  A
# missed target is printed and does not fail; a wrong answer, a lost message,
# or an alert in the log does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../t/lib";

use Test::More;
use Time::HiRes qw(time);
use Bench;
use Bench::Broadcast;
use Bench::Campaign;
use Bench::Dispatch;
use Bench::Ingress;
use Bench::Lane;
use Bench::Numbers;
use Bench::Reads;
use Bench::Timers;

$| = 1;

# in this order: the lane makes people of its own
my @parts = (
    [ reads => \&Bench::Reads::run ],
    [ ingress => \&Bench::Ingress::run, 'org' ],
    [ dispatch => \&Bench::Dispatch::run, 'org' ],
    [ lives => \&Bench::Broadcast::lives, 'sandbox' ],
    [ pace => \&Bench::Broadcast::pace, 'sandbox' ],
    [ numbers => \&Bench::Numbers::run, 'sandbox' ],
    [ lane => \&Bench::Lane::run, 'sandbox' ],
    [ timers => \&Bench::Timers::run ],
);
my %known = map { $_->[0] => 1 } @parts;
my @only = split /[\s,]+/, @ARGV ? "@ARGV" : $ENV{BENCH_ONLY} // '';

for my $name (@only) {
    die "there is no part \"$name\", only: @{[ map { $_->[0] } @parts ]}\n"
        if !$known{$name};
}

my %wanted = map { $_ => 1 } @only ? @only : keys %known;

# the harness checks what it stops; only what is wrong is of interest here
my $said = '';
Test::More->builder->output(\$said);

my ($load) = split ' ', Herald::Test::slurp('/proc/loadavg');
my ($cores) = scalar(() = Herald::Test::slurp('/proc/cpuinfo') =~ /^processor/mg);
my $begin = time;

print "load average $load on $cores cores before the start\n";
print "  (others are at work, the figures are too low)\n" if $load > 0.3 * $cores;
print "  quick: the figures say nothing\n" if $Bench::quick;

my $t = Bench::herald();
my $sandbox;

for my $part (@parts) {
    my ($name, $run, $needs) = @$part;

    next if !$wanted{$name};

    my $from = time;

    Bench::Campaign::load($t) if $needs;
    $sandbox //= Bench::sandbox() if ($needs // '') eq 'sandbox';
    $Bench::provider = $sandbox;
    eval { $run->($t, $sandbox); 1 } or Bench::wrong("$name: $@");
    Bench::statements($t);
    printf "  (%s took %.0f s)\n", $name, time - $from;
}

undef $Bench::provider;
$sandbox->finish if $sandbox;

Bench::table();
printf "%.1f minutes\n", (time - $begin) / 60;

$t->finish;
done_testing();

exit 1 if $Bench::failed || !Test::More->builder->is_passing;
