#!/usr/bin/env perl

# The measurements, each beside the limit of the machine in the same run:
#
#     make bench                       everything
#     make bench BENCH="reads"         some of: reads ingress broadcast pace
#
# BENCH_SECONDS (5) and BENCH_RUNS (3, the median counts) make it shorter.  A
# missed target is printed and does not fail; a wrong answer, a lost message,
# or an alert in the log does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../t/lib";

use Test::More;
use Bench;
use Bench::Broadcast;
use Bench::Ingress;
use Bench::Reads;

$| = 1;

my %wanted = map { $_ => 1 }
    split ' ', @ARGV ? "@ARGV" : $ENV{BENCH} || 'reads ingress broadcast pace';

# the harness checks what it stops; only what is wrong is of interest here
my $said = '';
Test::More->builder->output(\$said);

my ($load) = split ' ', Herald::Test::slurp('/proc/loadavg');
my ($cores) = scalar(() = Herald::Test::slurp('/proc/cpuinfo') =~ /^processor/mg);

print "load average $load on $cores cores before the start\n";
print "  (others are at work, the figures are too low)\n" if $load > 0.3 * $cores;

my $t = Bench::herald();

Bench::Reads::run($t) if $wanted{reads};

$t->org if $wanted{ingress} || $wanted{broadcast} || $wanted{pace};
Bench::Ingress::run($t) if $wanted{ingress};
Bench::Broadcast::run($t, %wanted) if $wanted{broadcast} || $wanted{pace};

Bench::table();

$t->finish;
done_testing();

exit 1 if $Bench::failed || !Test::More->builder->is_passing;
