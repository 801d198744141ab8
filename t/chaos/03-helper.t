#!/usr/bin/perl

# Fault 3: kill -9 of the helper, again and again, in the middle of a broadcast.  It sends
# nothing, so nothing becomes unknown; buckets do not refill; what came due meanwhile
# happens once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);

my $c = chaos(name => 'the helper is killed');
my $t = $c->{t};

# due while there is no helper
$c->people(late => 100);
my $late = $c->broadcast(tag => 'late', send_at =>
    strftime('%Y-%m-%dT%H:%M:%SZ', gmtime time + 2));

$c->drive;
$c->broadcast;

my $epoch = $c->metric('scheduler_epoch');

for my $share (0.1, 0.3, 0.5, 0.7) {
    $c->until_share($share + rand 0.1);

    my $old = $t->helper_pid;
    my $began = time;
    $t->kill_process($old);

    ok(wait_until(sub {
        my $now = $t->helper_pid;
        $now && $now != $old;
    }, 10), 'nginx starts another');
    cmp_ok(time - $began, '<', 2, 'within two seconds');

    my $n = $c->taken;
    ok(wait_until(sub { $c->taken > $n + 30 }, 8), 'and it goes on');
}

cmp_ok($c->metric('scheduler_epoch'), '>=', $epoch + 4, 'four new epochs');

$c->judge(unknown => 0);
is(scalar(grep { ($_->{batch} // '') eq $late->{id} } $c->taken), 100,
   'what came due meanwhile went out, once to each');

$c->done;
