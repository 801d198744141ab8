#!/usr/bin/perl

# Fault 23: the provider delivers again what it thinks was not taken: the same id a second
# later, an old timestamp, the same status.  200 each time, and no effect.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;

my $c = chaos(name => 'webhooks replayed', n => $ENV{CHAOS_N} // 300,
              sandbox => { duplicates => 0.5 });
my $t = $c->{t};
my $a = $c->{accounts}[0];

# half of what is answered comes again, from the provider as well
$c->drive(inbound => 60, replay => 0.9);
$c->broadcast;

my @bodies = map {
    my $b = Herald::Test::ChaosDrive::inbound_body($a, "wamid.CHAOSR.$_",
                                                   '2547209' . 10000 + $_, 'again');
    $b =~ s/"timestamp":"\d+"/'"timestamp":"' . (time - 86400 * ($_ % 8)) . '"'/e;
    $b
} 1 .. 20;
my $bad = 0;

for (1 .. 5) {
    $bad += $c->inbound_post($a, $_)->{status} != 200 for @bodies;
}

is($bad, 0, 'each time 200, days old as well');

for my $i (1 .. 20) {
    my $rows = $t->sql("select count(*) from messages
                        where provider_id = 'wamid.CHAOSR.$i'");
    is($rows, 1, "one row of five deliveries: $i") if $rows != 1;
}

is($t->sql("select count(*) from messages where provider_id like 'wamid.CHAOSR.%'"), 20,
   '20 rows of 100 deliveries');
is($t->sql("select sum(unread) from conversations v where exists (select from messages m
    where m.contact_id = v.contact_id and m.provider_id like 'wamid.CHAOSR.%')"), 20,
   'counted once each');

# it was known, and not refused by a table and kept aside
is($t->sql("select count(*) from webhook_events where field = 'unstorable'"), 0,
   'none of them had to be left out');

# these were not the driver's: take them out of its accounts
$t->sql("update messages set provider_id = 'x' || provider_id
         where provider_id like 'wamid.CHAOSR.%'");

$c->{events} = 100;
$c->judge(unanswered => 1);

my $again = grep { $_->{status} == 200 } $c->driven('inbound');
my %ids = map { $_->{id} => 1 } $c->driven('inbound');
cmp_ok($again, '>', keys(%ids) * 1.2, "$again deliveries of " . keys(%ids) . ' messages');

$c->done;
