#!/usr/bin/perl

# Fault 24: one webhook fifty times at the same moment, on all workers; and fifty first
# messages of one customer who nobody knows yet.  One row, one conversation, one contact.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;

my $c = chaos(name => 'one webhook fifty times at once', n => $ENV{CHAOS_N} // 300,
              herald => { workers => 4 });
my $t = $c->{t};
my $a = $c->{accounts}[0];

sub at_once {
    return $c->inbound_end($c->inbound_begin($a, @_));
}

sub body {
    return Herald::Test::ChaosDrive::inbound_body($a, @_);
}

$c->drive(inbound => 40);
$c->broadcast;

for my $round (1 .. 4) {
    my $from = "25472077777$round";

    is(at_once((body("wamid.ONE.$round", $from, 'once')) x 50), '200 x 50',
       'fifty at once, all taken');
    is($t->sql("select count(*) from messages where provider_id = 'wamid.ONE.$round'"), 1,
       'one row');
    is($t->sql("select count(*) || ' ' || sum(unread) from conversations v
        where exists (select from messages m where m.contact_id = v.contact_id
        and m.provider_id = 'wamid.ONE.$round')"), '1 1', 'one conversation, one entry');
    is($t->sql("select count(*) from contacts where phone = '+$from'"), 1, 'one contact');

    # and fifty different ones of somebody new
    $from = "25472088888$round";
    is(at_once(map { body("wamid.MANY.$round.$_", $from, "n $_") } 1 .. 50), '200 x 50',
       'fifty first messages of one customer');
    is($t->sql("select count(*) from messages
        where provider_id like 'wamid.MANY.$round.%'"), 50, 'fifty rows');
    is($t->sql("select count(*) || ' ' || sum(unread) from conversations v
        join contacts k on k.id = v.contact_id where k.phone = '+$from'"), '1 50',
       'one conversation of fifty');
    is($t->sql("select count(*) from contacts where phone = '+$from'"), 1, 'one contact');
}

# the second one is known, and not refused by a table and kept aside
is($t->sql("select count(*) from webhook_events where field = 'unstorable'"), 0,
   'none of them had to be left out');

# a half-hour broadcast's worth of the same status, too
$c->{events} = 4 * 100;
$c->judge;

$c->done;
