#!/usr/bin/perl

# Fault 12: one number's provider is slow, one's never answers, one's answers a byte a
# second.  The other numbers keep at least 95 % of the rate that they have without, and
# the API its answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Herald::Test::ChaosProvider;
use Test::More;

my $rate = 100;
my $c = chaos(name => 'a provider is slow', numbers => 2, rate => $rate,
              n => $ENV{CHAOS_N} // 1200);
my $t = $c->{t};
my $p = Herald::Test::ChaosProvider->new($t->{dir});
push @{ $c->{helpers} }, $p->{pid};

my @good = @{ $c->{accounts} };
my %bad = map { $_ => $c->number(name => $_, base_url => $p->url($_)) }
    'hang', 'slow/30', 'trickle';
@{ $c->{accounts} } = @good;

# The part of its rate that each good number had for its broadcast, from the first
# line to the last.  Singles and inbound go by the same bucket and nobody's machine is
# ours alone, so what counts is the same round without the bad ones before.
sub share_of {
    my ($what) = @_;
    my $want = $c->{n} / $rate;
    my @b = map { $c->broadcast(number => $_, tag => "$what$_") } 0, 1;

    return map {
        $c->until_status('completed', broadcast => $_, limit => $want * 3 + 20);

        my $id = $_->{id};
        my @at = sort { $a <=> $b } map { $_->{us} }
            grep { ($_->{batch} // '') eq $id } $c->taken;

        @at / ($rate * (($at[-1] - $at[0]) / 1e6 || 1));
    } @b;
}

$c->drive(inbound => 20, submit => 5);
my @alone = share_of('alone');

# the bad ones first, so that they have all that they will ever have
my @crooked;

for my $mode (sort keys %bad) {
    $c->people($mode, 600);
    my $r = $t->api('POST', '/broadcasts', { name => $mode,
        account_id => $bad{$mode}{id}, template_id => $c->{template}{hello},
        audience => { tag => $mode } });
    die $r->{content} if $r->{status} != 201;
    push @crooked, $r->{json}{id};
}

wait_until { my @l = $p->ledger; @l > 60 } 10, 'the crooked ones have begun';

my @beside = share_of('beside');

for my $i (0, 1) {
    cmp_ok($beside[$i], '>=', 0.95 * $alone[$i], sprintf('good number %d had %.0f %% '
        . 'of its rate alone, %.0f %% beside the bad', $i + 1, $alone[$i] * 100,
        $beside[$i] * 100));
}

is($t->api('GET', '/contacts?limit=1', undef, timeout => 3)->{status}, 200,
   'the API answers');

# the bad ones would take hours
for my $id (@crooked) {
    is($t->api('POST', "/broadcasts/$id/cancel")->{status}, 200, 'cancelled');
}

# none of them was sent to anybody twice, as far as the provider read
my %times;
$times{"$_->{mode} $_->{reference}"}++ for $p->ledger;
is(scalar(grep { $_ > 1 } values %times), 0, 'no message was written twice');

# who waits for the silent ones gives up after its time
wait_until { $t->sql("select count(*) from deliveries where state = 'sending'") == 0 } 60;
$p->stop;
$c->{calm} = 0;
$c->{own}{$_} = 1 for @crooked;
$c->judge(limit => 60, counters => 0);

$c->done;
