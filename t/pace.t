#!/usr/bin/perl

# A number's rate, seen from the provider: no second holds more than it, and
# the mean comes close to it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $rate = 80;
my $n = 400;

# On a machine whose processors have other things to do, timers are late and
# what is late is lost.  The limit holds there all the same, the mean does not.
my $load = slurp('/proc/loadavg') =~ /^([\d.]+)/ ? $1 : 0;
my $cores = () = slurp('/proc/cpuinfo') =~ /^processor\b/mg;
my $least = $load > 2 * ($cores || 1) ? 0.8 : 0.975;

my $t = Herald::Test->new;
my $o = $t->org;
my $acc = $t->sandbox_account(reply_rate => 0, delivered_rate => 0,
    account => { rate_limit => $rate });
my $tpl = $t->api('POST', '/templates', { name => 'hello', language => 'en',
    category => 'utility', body => 'Hi {{first_name|there}}!' })->{json};

my $csv = "first_name,phone\n"
    . join '', map { sprintf "P%d,+25470%07d\n", $_, $_ } 1 .. $n;
my $r = $t->api('POST', '/contacts/import', $csv,
                headers => { 'content-type' => 'text/csv' });
is($r->{json}{created}, $n, "$n contacts");


sub broadcast {
    my ($id) = map { $_->{json}{id} or die $_->{content} }
        $t->api('POST', '/broadcasts', { name => 'Pace',
            account_id => $acc->{id}, template_id => $tpl->{id},
            audience => { all => JSON::PP::true() } });

    wait_until {
        $t->api('GET', "/broadcasts/$id")->{json}{status} eq 'completed'
    } 40, 'completed';

    return $t->api('GET', "/broadcasts/$id")->{json}{counters}{sent};
}

# the fullest second that begins with a message, and the mean of all
sub pace {
    my @at = sort { $a <=> $b } map { $_->{mono_us} } @_;
    my ($most, $i) = (0, 0);

    for my $j (0 .. $#at) {
        $i++ while $at[$j] - $at[$i] >= 1e6;
        $most = $j - $i + 1 if $j - $i + 1 > $most;
    }

    return ($most, $#at / (($at[-1] - $at[0]) / 1e6));
}


is(broadcast(), $n, 'all are sent');

my @lines = grep { $_->{outcome} eq 'accepted' } $t->ledger;
my ($most, $mean) = pace(@lines);

is(scalar @lines, $n, 'once each');
cmp_ok($most, '<=', $rate + 1, 'no second holds more than the rate');
cmp_ok($mean, '>=', $rate * $least, 'the mean comes close');
diag(sprintf 'mean %.1f a second, fullest second %d', $mean, $most);


# a provider that takes its time: what is out grows until the rate is kept

$t->sandbox_set($acc->{number_id}, latency_ms => { answer => 700 });
my $before = @lines;

is(broadcast(), $n, 'all are sent, slowly answered');

@lines = grep { $_->{outcome} eq 'accepted' } $t->ledger;
splice @lines, 0, $before;
($most, $mean) = pace(@lines);

cmp_ok($most, '<=', $rate + 1, 'no second holds more than the rate');
cmp_ok($mean, '>=', $rate * 0.6, 'and the mean is not far below');
diag(sprintf 'mean %.1f a second, fullest second %d', $mean, $most);

$t->done;
