#!/usr/bin/perl

# Fault 24: one webhook fifty times at the same moment, on all workers; and fifty first
# messages of one customer who nobody knows yet.  One row, one conversation, one contact.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Digest::SHA qw(hmac_sha256_hex);
use Herald::Test;
use Herald::Test::Chaos;
use IO::Select;
use Test::More;

my $c = chaos(name => 'one webhook fifty times at once', n => $ENV{CHAOS_N} // 300,
              herald => { workers => 4 });
my $t = $c->{t};
my $a = $c->{accounts}[0];

# all connections are open before the first byte is written; then all at once
sub at_once {
    my (@bodies) = @_;
    my %status;
    my @all = map { [ $t->raw, $_, '' ] } @bodies;

    for my $s (@all) {
        my $sum = hmac_sha256_hex($s->[1], $a->{app_secret});

        # all but the last byte, so that the last bytes come close together
        $s->[3] = chop(my $head = "POST $a->{webhook_path} HTTP/1.0\r\nHost: x\r\n"
            . 'Content-Length: ' . length($s->[1])
            . "\r\nX-Hub-Signature-256: sha256=$sum\r\n\r\n$s->[1]");
        syswrite $s->[0], $head;
    }

    syswrite $_->[0], $_->[3] for @all;

    for my $s (@all) {
        while (IO::Select->new($s->[0])->can_read(20)) {
            sysread($s->[0], $s->[2], 4096, length $s->[2]) or last;
        }

        $status{ ($s->[2] =~ m{^HTTP/1\.\d (\d+)})[0] // 'none' }++;
    }

    return join ' ', map { "$_ x $status{$_}" } sort keys %status;
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

# a half-hour broadcast's worth of the same status, too
$c->{events} = 4 * 100;
$c->judge;

$c->done;
