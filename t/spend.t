#!/usr/bin/perl

# Money and the human profile: what is spent never passes the limit, a failed
# message gives its money back, and a number with hours and gaps keeps them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;
use Time::HiRes qw(time);

my $t = Herald::Test->new(start => 0,
    http => 'herald_prices %%DIR%%/prices.csv;');

open my $f, '>', "$t->{dir}/prices.csv" or die $!;
print $f "valid_from,country,category,currency,price\n",
    "2025-01-01,KE,marketing,USD,0.01\n",
    "2025-01-01,KE,utility,USD,0.005\n",
    "2025-01-01,*,marketing,USD,0.05\n";
close $f;
$t->start;

my $o = $t->org;
my $acc = $t->sandbox_account(reply_rate => 0, read_rate => 0,
                              account => { rate_limit => 100 });
my $tpl = $t->api('POST', '/templates', { name => 'offer',
    language => 'en', category => 'marketing', body => 'An offer' })
    ->{json}{id};
my $n = 0;

sub people {
    my ($count, $tag) = @_;
    my @made = map { $t->api('POST', '/contacts', { tags => [$tag],
        phone => sprintf('+25472%07d', ++$n) })->{json} } 1 .. $count;
    return @made;
}

sub broadcast {
    my ($tag, %more) = @_;
    my $r = $t->api('POST', '/broadcasts', { name => $tag,
        account_id => $acc->{id}, template_id => $tpl,
        audience => { tag => $tag }, %more });
    is($r->{status}, 201, "a broadcast to $tag") or diag($r->{content});
    return $r->{json}{id};
}

sub look { return $t->api('GET', "/broadcasts/$_[0]")->{json} }

sub spent { return $t->sql('select coalesce(sum(amount), 0) from spend_days') }


# ── a limit ─────────────────────────────────────────────────────────────────

my $r = $t->api('PATCH', '/settings', { spend_limit => { amount => '0.25',
                                                         period => 'day' } });
is($r->{status}, 200, 'a quarter of a dollar a day') or diag($r->{content});

people(40, 'spend');
my $id = broadcast('spend');
my $now;
wait_until { ($now = look($id))->{status} eq 'paused' } 20, 'it pauses';
is($now->{pause_reason}, 'spend_limit', 'for the money');
# what was on its way when the limit was met is either sent or put back
wait_until { $t->sql("select count(*) from deliveries where batch_id = '$id'
    and state = 'sending'") == 0 } 10, 'nothing is on its way';
is(look($id)->{counters}{sent}, 25, 'the 25 that it pays for have gone');
is(spent(), 250000, 'and they are what was spent');

$t->api('PATCH', '/settings', { spend_limit => { amount => '1',
                                                 period => 'day' } });
is($t->api('POST', "/broadcasts/$id/resume")->{status}, 200, 'raised');
wait_until { ($now = look($id))->{status} eq 'completed' } 20, 'it ends';
is($now->{counters}{sent}, 40, 'with everybody');
is(spent(), 400000, 'and its whole cost');


# ── what still fits ─────────────────────────────────────────────────────────

# dear, cheap and dear again: each in the order of the audience
$t->api('PATCH', '/settings', { spend_limit => { amount => '0.49',
                                                 period => 'day' } });
for my $phone (qw(+12025550101 +254729000001 +12025550102 +254729000002
                  +12025550103 +254729000003 +254729000004 +254729000005)) {
    $t->api('POST', '/contacts', { tags => ['fits'], phone => $phone });
}
$id = broadcast('fits');
wait_until { ($now = look($id))->{status} eq 'paused' } 20, 'it pauses';
wait_until { $t->sql("select count(*) from deliveries where batch_id = '$id'
    and state = 'sending'") == 0 } 10, 'nothing is on its way';
is($t->sql("select string_agg(c.phone, ' ' order by d.seq) from deliveries d
    join contacts c on c.id = d.contact_id where d.batch_id = '$id'
    and d.state > 'unknown'"), '+12025550101 +254729000001 +254729000002 '
   . '+254729000003 +254729000004', 'who fits goes, however dear the next is');
is(spent(), 490000, 'to the last cent');
$t->api('POST', "/broadcasts/$id/cancel");
$t->api('PATCH', '/settings', { spend_limit => { amount => '2',
                                                 period => 'day' } });


# ── money back ──────────────────────────────────────────────────────────────

$t->sandbox_set($acc->{number_id},
    failures => [ { code => 131026, rate => 1, when => 'answer' } ]);
people(10, 'back');
$id = broadcast('back', guard => { failure_rate => 0 });
wait_until { ($now = look($id))->{status} eq 'completed' } 20, 'all failed';
is($now->{counters}{failed}, 10, 'in the answer');
is(spent(), 490000, 'nothing was spent on them');

$t->sandbox_set($acc->{number_id},
    failures => [ { code => 131026, rate => 1, when => 'status' } ]);
people(10, 'later');
$id = broadcast('later', guard => { failure_rate => 0 });
wait_until { look($id)->{counters}{failed} == 10 } 20, 'failed later';
is(spent(), 490000, 'nor on those');
$t->sandbox_set($acc->{number_id}, failures => []);


# ── the number's hours and gaps ─────────────────────────────────────────────

my ($hour) = $t->sql("select extract(hour from now() at time zone 'UTC')::int");
my $pacing = { hours => { from => sprintf('%02d:00', ($hour + 2) % 24),
    to => sprintf('%02d:00', ($hour + 4) % 24), zone => 'UTC' } };
$r = $t->api('PATCH', "/accounts/$acc->{id}", { pacing => $pacing });
is($r->{status}, 200, 'it works in two hours') or diag($r->{content});
people(5, 'hours');
$id = broadcast('hours');
wait_until { $t->sql("select count(*) from deliveries where batch_id = '$id'
    and reason = 'outside_hours' and to_char(next_try_at at time zone 'UTC',
    'HH24:MI') = '$pacing->{hours}{from}'") == 5 } 15, 'all wait until then';
is(look($id)->{counters}{sent}, 0, 'nobody is written to');
is(spent(), 490000, 'and nothing is spent');
$t->api('POST', "/broadcasts/$id/cancel");

$r = $t->api('PATCH', "/accounts/$acc->{id}",
    { pacing => { hours => undef, gap_min_ms => 200, gap_max_ms => 400 } });
is($r->{status}, 200, 'a fifth of a second and more between two')
    or diag($r->{content});
people(8, 'gaps');
my $began = time;
$id = broadcast('gaps');
wait_until { ($now = look($id))->{status} eq 'completed' } 30, 'they go';
is($now->{counters}{sent}, 8, 'to everybody');
my %gap = map { $_ => 1 } map { substr $_, 1 } split /\n/, $t->sql("select
    c.phone from deliveries d join contacts c on c.id = d.contact_id
    where d.batch_id = '$id'");
my @at = sort { $a <=> $b } map { $_->{mono_us} } grep { $gap{$_->{to}} }
    $t->ledger;
is(scalar @at, 8, 'in the ledger');
my @short = grep { $at[$_] - $at[$_ - 1] < 190_000 } 1 .. $#at;
is("@short", '', 'none sooner than the gap');
is($now->{counters}{sent} + $now->{counters}{failed} + $now->{counters}{skipped},
   8, 'the parts make the whole');

$t->done;
