#!/usr/bin/perl

# Fair shares: broadcasts of one number divide its window, and organisations
# take turns at the workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Herald::Test->new;
my $fast = { sent => 1 };

sub people {
    my ($o, $n, $prefix) = @_;
    my $csv = "first_name,phone\n"
        . join '', map { sprintf "P%d,%s%05d\n", $_, $prefix, $_ } 1 .. $n;
    my $r = $t->api('POST', '/contacts/import', $csv, token => $o->{key},
                    headers => { 'content-type' => 'text/csv' });

    is($r->{json}{created}, $n, "$n contacts") or diag($r->{content});
}

sub number {
    my ($o, $rate, $answer) = @_;

    return $t->sandbox_account(token => $o->{key}, reply_rate => 0,
        delivered_rate => 0, read_rate => 0,
        latency_ms => { %$fast, answer => $answer // 0 },
        account => { rate_limit => $rate });
}

sub template {
    my ($o) = @_;

    return $t->api('POST', '/templates', { name => 'hello', language => 'en',
        category => 'utility', body => 'Hi!' },
        token => $o->{key})->{json}{id};
}

sub broadcast {
    my ($o, $a, $tpl) = @_;
    my $r = $t->api('POST', '/broadcasts', { name => 'Share',
        account_id => $a->{id}, template_id => $tpl,
        audience => { all => JSON::PP::true() } }, token => $o->{key});

    die "$r->{status} $r->{content}\n" if $r->{status} != 201;
    return $r->{json}{id};
}

sub look {
    my ($o, $id) = @_;
    return $t->api('GET', "/broadcasts/$id", undef,
                   token => $o->{key})->{json};
}

sub ended {
    my ($o, @ids) = @_;

    $t->api('POST', "/broadcasts/$_/cancel", undef, token => $o->{key})
        for @ids;
    wait_until { !grep { !look($o, $_)->{finished_at} } @ids } 20, 'the end';
}


# four broadcasts, one number at 60 a second

my $o = $t->org;
people($o, 1000, '+254701');
my $account = number($o, 60);
my $tpl = template($o);
my @ids = map { broadcast($o, $account, $tpl) } 1 .. 4;

my $most = 0;
my @begin;

sub moved {
    return map { look($o, $ids[$_])->{counters}{sent} - ($begin[$_] // 0) }
        0 .. 3;
}

# who came first has sent more by then
ok(wait_until(sub { !grep { $_ < 40 } moved() }, 40, 'all four move'),
   'all four move');
@begin = moved();

my @sent;
wait_until {
    my $out = $t->sql("select count(*) from deliveries
                       where state = 'sending'");
    $most = $out if $out > $most;
    my $sum = 0;
    $sum += $_ for @sent = moved();
    $sum > 400;
} 40, 'four hundred more';

my ($least, $best) = (sort { $::a <=> $::b } @sent)[0, -1];
# the windows are even; who in them gets a token is chance
my $fair = 0;
$fair += $_ / 4 for @sent;
cmp_ok($least, '>', 0.5 * $fair, "nobody much less than a fourth: @sent");
cmp_ok($best, '<', 1.5 * $fair, 'and nobody much more');
cmp_ok($most, '<=', 4 * (30 + 1), "two seconds of the number at most, not two"
       . " of each: $most in flight");
ended($o, @ids);


# its own rate bounds what a broadcast takes of its number

my $id = broadcast($o, $account, $tpl);
$t->sql("update broadcasts set rate_limit = 180 where id = '$id'");
$t->api('POST', "/broadcasts/$id/$_") for qw(pause resume);
wait_until { look($o, $id)->{counters}{sent} } 20, 'it begins';
my ($from, $then) = (time, look($o, $id)->{counters}{sent});
wait_until { look($o, $id)->{counters}{sent} >= $then + 18 } 30, '18 more';
my $took = time - $from;
cmp_ok($took, '>', 5, sprintf "18 of 180 a minute took %.1f s", $took);
ended($o, $id);


# the big one of one organisation and the small one of another: no limits, but
# each answer takes its time

my $small = $t->org;
people($small, 1200, '+254702');
my $theirs = template($small);
my @numbers = map { number($o, 0, 30) } 1 .. 8;
my $lone = number($small, 0, 30);

people($o, 1500, '+254703');
@ids = map { broadcast($o, $_, $tpl) } @numbers;
wait_until { !grep { look($o, $_)->{status} ne 'sending' } @ids } 20,
    'the big ones run';

sub big {
    my $n = 0;

    $n += look($o, $_)->{counters}{sent} for @ids;
    return $n;
}

$id = broadcast($small, $lone, $theirs);
wait_until { look($small, $id)->{counters}{sent} } 60, 'the small one begins';
my $before = big();
ok(wait_until(sub { look($small, $id)->{status} eq 'completed' }, 60,
              'the small one'), 'the small one is completed');
# nine numbers share the connections: to the eight no more than to it, but for what
# is on its way (a grant of each) and the look at them
my $all = big() - $before;
cmp_ok($all, '<', 8 * 1200 * 1.25, "while the big ones sent $all of 20000");
ended($o, @ids);

$t->done;
