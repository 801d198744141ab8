#!/usr/bin/perl

# Fault 6: kill -9 of all of PostgreSQL in the middle of a broadcast, twice; it comes back
# by crash recovery.  Meanwhile ingress and API say 503 and when to come again; nothing
# that was answered is lost; the workers remember what they wrote to the provider.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;
use Time::HiRes qw(sleep time);

my $c = chaos(name => 'PostgreSQL is killed');
my $t = $c->{t};

$c->drive(inbound => 100, processes => 4, submit => 10);
$c->broadcast;

for my $share (0.2, 0.5) {
    $c->until_share($share + rand 0.15);
    $c->postgres_crash;

    my $r = $t->api('GET', '/contacts', undef, timeout => 5);
    is($r->{status}, 503, 'without a database the API says 503');
    like($r->{headers}{'content-type'}, qr{^application/problem\+json},
         'as a problem');
    ok($r->{headers}{'retry-after'}, 'with Retry-After');

    $r = $c->inbound_post($c->{accounts}[0],
        Herald::Test::ChaosDrive::inbound_body($c->{accounts}[0],
            'wamid.away', '254720000999', 'x'));
    is($r->{status}, 503, 'and ingress as well');
    ok($r->{headers}{'retry-after'}, 'with Retry-After');

    sleep 1 + rand;
    $c->postgres_start;

    ok(wait_until(sub { $t->get('/readyz')->{status} == 200 }, 15),
       'it is back by itself');
}

$c->{calm} = 0;
$c->judge(unknown => 0);
$c->judge_answers;
ok($c->answers('inbound')->{503}, 'the drivers saw it too');

$c->done;
