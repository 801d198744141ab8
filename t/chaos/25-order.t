#!/usr/bin/perl

# Fault 25: statuses in every order, read before delivered, delivered after failed, of ids
# that nobody knows yet, with another tenant's id or reference.  A status only rises; one
# that came too early waits for its message; another tenant's is nobody's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use JSON::PP;
use List::Util qw(shuffle);
use MIME::Base64 qw(encode_base64url);
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $c = chaos(name => 'statuses in any order', n => $ENV{CHAOS_N} // 300,
              sandbox => { reorder => 0.5, duplicates => 0.3 });
my $t = $c->{t};
my $a = $c->{accounts}[0];
my $ours = $t->{key};
my $other = $t->org;
my $theirs = $c->number(key => $other->{key}, name => 'Another tenant');
$t->{key} = $ours;

# it is the other's and has no broadcast: the drivers leave it alone
pop @{ $c->{accounts} };

$c->drive;
my $b = $c->broadcast;
$c->until_status('completed');


sub status {
    my ($account, $id, $status, $reference, %more) = @_;
    my $r = $t->webhook($account, { object => 'whatsapp_business_account', entry => [ {
        id => '1', changes => [ { field => 'messages', value => {
            messaging_product => 'whatsapp', metadata => { display_phone_number => '1',
                phone_number_id => $account->{number_id} },
            statuses => [ { id => $id, status => $status, timestamp => time . '',
                recipient_id => '254700000001', defined $reference
                    ? (biz_opaque_callback_data => $reference) : (), %more } ]
        } } ] } ] });

    $c->{events}++ if $r->{status} == 200;

    return $r->{status};
}

sub state_of {
    my ($id) = @_;
    return $t->sql("select state from deliveries where batch_id = '$id'");
}

# a message whose statuses we say ourselves
$c->set(hold => JSON::PP::true());

sub message {
    my ($n) = @_;
    my $r = $t->api('POST', '/messages', { account_id => $a->{id},
        to => sprintf('+25476%07d', $n), template => { id => $c->{template}{order},
        variables => { order => "own-$n" } } });
    my $id = $r->{json}{id} or die "message: $r->{status} $r->{content}\n";

    $c->{own}{$id} = 1;
    wait_until { state_of($id) eq 'accepted' } 10, 'accepted';

    return ($id, $t->sql("select provider_id from deliveries where batch_id = '$id'"));
}


# every order of four, and what must stand in the end

my %rank = (sent => 1, delivered => 2, read => 3, played => 4);
my $n = 0;

for my $round (1 .. 12) {
    my @order = shuffle(sort keys %rank);
    my ($id, $wamid) = message(++$n);
    my ($top, $wrong) = (0, '');

    for my $s (@order) {
        is(status($a, $wamid, $s), 200, 'taken') if $round == 1;
        status($a, $wamid, $s) if $round > 1;

        $top = $rank{$s} if $rank{$s} > $top;
        my ($want) = grep { $rank{$_} == $top } keys %rank;
        my $is = state_of($id);
        $wrong .= "after $s: $is, not $want; " if $is ne $want;
    }

    is($wrong, '', "@order");
}

{
    my ($id, $wamid) = message(++$n);
    status($a, $wamid, 'read');
    status($a, $wamid, 'failed', undef, errors => [ { code => 131026, title => 'x' } ]);
    is(state_of($id), 'read', 'who has read it cannot have failed');

    ($id, $wamid) = message(++$n);
    status($a, $wamid, 'failed', undef, errors => [ { code => 131026, title => 'x' } ]);
    status($a, $wamid, 'sent');
    is(state_of($id), 'failed', 'what failed is not sent again by a late tick');
}


# ids that nobody knows yet

is(status($a, 'wamid.nobody', 'delivered'), 200, 'of an unknown id: taken');
is($t->sql("select count(*) from parked_statuses where provider_id = 'wamid.nobody'"), 1,
   'and parked');
is(status($a, 'wamid.nobody', 'delivered'), 200, 'again');
is($t->sql("select count(*) from parked_statuses where provider_id = 'wamid.nobody'"), 1,
   'once');


# another tenant's: its id, our number; our id, its number; our reference, its number

{
    my ($id, $wamid) = message(++$n);
    my $reference = 'h1.' . encode_base64url(pack('H*N', $id =~ tr/-//dr, 0));

    is(status($theirs, $wamid, 'read'), 200, q(another tenant says our id was read));
    is(state_of($id), 'accepted', 'and nothing happens to ours');
    is(status($theirs, $wamid, 'read', $reference), 200, 'with our reference as well');
    is(state_of($id), 'accepted', 'and nothing happens either');
    is($t->sql("select count(*) from deliveries where org_id = '$other->{id}'"), 0,
       'nor has it a delivery now');

    # a second number of ours is not that number
    my $second = $c->number(name => 'Second');
    pop @{ $c->{accounts} };
    is(status($second, $wamid, 'read', $reference), 200, 'our own other number says so');
    is(state_of($id), 'accepted', 'it is not that one either');

    status($a, $wamid, 'delivered');
    is(state_of($id), 'delivered', 'its own number may');
}

$c->set(hold => JSON::PP::false());
$c->judge(unanswered => 1, counters => 0);

$c->done;
