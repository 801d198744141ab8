#!/usr/bin/perl

# Fault 5: the helper is stopped (SIGSTOP) for longer than its leases last, and another
# node takes the number.  What the first one's workers claim under the old fence is
# refused and counted; nothing of ours goes out while the number is another's; the helper
# that wakes up finds that it owns nothing, and asks again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;
use Time::HiRes qw(sleep time);

my $c = chaos(name => 'a helper wakes up and its lease is gone', n => $ENV{CHAOS_N} // 2000);
my $t = $c->{t};
my $a = $c->{accounts}[0];

$c->drive(submit => 4);
my $b = $c->broadcast;
$c->until_share(0.2);


# 1. the lease is taken by a node that is not there, while the helper is stopped

my $helper = $t->helper_pid;
my $grants = sub { ($c->metric('grants') // 0) > 0 };

wait_until { $grants->() } 5, 'grants are out';
kill 'STOP', $helper;

my $stolen = $t->sql("with old as (select fence from leases where account_id = '$a->{id}')
    update leases set node_id = gen_random_uuid(), fence = leases.fence + 1,
           expires_at = clock_timestamp() + interval '8 seconds'
     where account_id = '$a->{id}' returning fence");
my $at = time;
like($stolen, qr/^\d+$/, "the number is another node's, fence $stolen");

# it sleeps on; then it wakes and believes that all is as it was
sleep 2;
kill 'CONT', $helper;
sleep 3;

my $ours = $t->sql("select count(*) from deliveries where batch_id = '$b->{id}'
                    and state = 'sending' and fence < $stolen");
my $late = grep { $_->{at} > $at + 1 } $c->taken;
is($late, 0, 'nothing of ours goes out while it is');
cmp_ok($c->metric('fence_refused_total'), '>', 0,
       'what was claimed under the old fence was refused, and counted: '
       . $c->metric('fence_refused_total'));

# that node is gone; its lease ends, and the number is ours again
ok(wait_until(sub { ($t->sql("select fence from leases
    where account_id = '$a->{id}'") // 0) > $stolen }, 30), 'with a new fence it is ours again');
$c->until_share(0.5);


# 2. a helper that is stopped while nginx starts another: two of one nginx

$helper = $t->helper_pid;
my $epoch = $c->metric('scheduler_epoch');

kill 'STOP', $helper;
$t->signal('HUP');
ok(wait_until(sub { ($c->metric('scheduler_epoch') // 0) > $epoch }, 20),
   'a reload starts another');
$c->until_share(0.6);
kill 'CONT', $helper;

ok(wait_until(sub { !kill 0, $helper }, 20), 'the old one ends when it can');

$c->{calm} = 0;
$c->judge(unknown => 0);

$c->done;
