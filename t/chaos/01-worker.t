#!/usr/bin/perl

# Fault 1: kill -9 of workers, one after the other, in the middle of a broadcast.  The
# others serve; what the dead one had written and not heard of is unknown until its
# status comes; the rest of it goes back to the queue.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;
use Time::HiRes qw(sleep time);

my $c = chaos(name => 'a worker is killed');
my $t = $c->{t};

$c->drive;
$c->broadcast;

for my $share (0.1, 0.35, 0.6) {
    $c->until_share($share + rand 0.1);

    my @w = $t->worker_pids;
    my $victim = $w[$c->pick(0, $#w)];
    my $began = time;

    $c->kill9($victim);

    wait_until {
        my @now = $t->worker_pids;
        @now == 2 && !grep { $_ == $victim } @now
    } 10, 'a new worker';
    cmp_ok(time - $began, '<', 3, 'a new worker soon');

    # by whichever worker; the new one may not have its database yet
    my $ok = 0;
    wait_until { $ok += $t->get('/readyz')->{status} == 200; $ok >= 3 } 10;
    cmp_ok($ok, '>=', 3, 'and it is ready');
}

$c->judge(unknown => 0);
cmp_ok(scalar($t->logged('worker \d+ is gone')), '>=', 3,
       'the helper has reaped all three');

$c->done;
