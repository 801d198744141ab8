#!/usr/bin/perl

# Fault 4: the sender, a worker, is killed between the socket write and the answer.
# The provider has the message, we do not know: it is unknown, is not sent again, and
# the status that comes late, with our own reference, says that it was accepted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use JSON::PP;
use Test::More;

my $c = chaos(name => 'a worker is killed before the answer',
              latency => { min => 400, max => 800 },
              sandbox => { hold => JSON::PP::true() });
my $t = $c->{t};

$c->drive;
$c->broadcast;

for my $share (0.2, 0.5) {
    $c->until_share($share);

    my @w = $t->worker_pids;
    $c->kill9($w[$c->pick(0, $#w)]);

    # a helper that comes later must find what the worker left
    $t->kill_process($t->helper_pid) if $share > 0.4;
}

ok($c->until_status('completed', limit => 90), 'the broadcast is completed');

my %state = $c->states;
my @unknown = grep { $state{$_} eq 'unknown' } keys %state;
my %taken = map { ("$_->{batch} $_->{seq}" => 1) } $c->taken;
my @at_provider = grep { $taken{$_} } @unknown;

cmp_ok(scalar @unknown, '>=', 10, 'those in flight are unknown');
cmp_ok(scalar @unknown, '<=', 2 * 300, 'and no more than were in flight');
cmp_ok(scalar @at_provider, '>=', 10, 'the provider has most of them');

my $b = $c->{broadcasts}[0];
my ($row) = grep { /^\Q$b->{id}\E / } @at_provider;
my ($seq) = $row =~ / (\d+)$/;
my $message = $t->sql("select message_id from deliveries
                       where batch_id = '$b->{id}' and seq = $seq");
my $m = $t->api('GET', "/messages/$message")->{json};
is($m->{status}, 'unknown', 'as the API says of one of them');
is($m->{error}, 'worker_died', 'with the reason');

$c->set(hold => JSON::PP::false());
ok(wait_until(sub {
    $t->api('GET', "/messages/$message")->{json}{status} eq 'read'
}, 30), 'its late status settles it');

# what the provider never had stays unknown: nothing will ever say more
$c->judge(unknown => @unknown - @at_provider);

$c->done;
