#!/usr/bin/perl

# Fault 33: pause, resume, cancel and opt-out race the send loop.  After each of them was
# answered 200 at most what was on its way at that moment still goes out (I8); opt-out is
# asked again for each person, so it holds however late it came.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(sleep time);

# few are on their way at once, so that what goes out too late is seen
my $c = chaos(name => 'pause, cancel, opt-out in a race', category => 'marketing',
              n => $ENV{CHAOS_N} // 2000,
              latency => { min => 1, max => 20 });
my $t = $c->{t};
my $in_flight = 30;                    # 300 a second, 20 ms; and a slow machine

sub move {
    my ($b, $how) = @_;
    my $r = $t->api('POST', "/broadcasts/$b->{id}/$how");

    is($r->{status}, 200, $how) or diag($r->{content});
    return time;
}

# what of this broadcast the provider read after that time
sub after {
    my ($b, $at, $to) = @_;

    return scalar grep { ($_->{batch} // '') eq $b->{id} && $_->{at} > $at
                         && $_->{at} < ($to // 9e9) } $c->taken;
}

# nothing new for half a second, to see what still comes
sub still {
    my ($b) = @_;
    my $was = -1;

    wait_until {
        my $n = after($b, 0);
        my $same = $n == $was;
        $was = $n;
        sleep 0.5;
        $same
    } 10;
}


$c->drive;

# pause and resume, several times, then cancel

my $b = $c->broadcast;

for my $round (1 .. 4) {
    $c->until_share(0.08 * $round + rand 0.04);

    my $at = move($b, 'pause');
    still($b);
    my $n = after($b, $at);
    cmp_ok($n, '<=', $in_flight, "I8: $n went out after the pause");
    is($c->look($b)->{status}, 'paused', 'it is paused');
    is($t->api('POST', "/broadcasts/$b->{id}/pause")->{status}, 409, 'only once');

    move($b, 'resume');
    ok(wait_until(sub { after($b, $at) > $n + 20 }, 10), 'it goes on');
}

# pauses and resumptions as fast as they can be asked for
for (1 .. 10) {
    $t->api('POST', "/broadcasts/$b->{id}/$_") for qw(pause resume);
}

my $at = move($b, 'cancel');
still($b);
my $n = after($b, $at);
cmp_ok($n, '<=', $in_flight, "I8: $n went out after the cancellation");

ok(wait_until(sub { ($c->look($b) // {})->{finished_at} }, 20), 'it ends');
my $j = $c->look($b);
is($j->{counters}{queued}, 0, 'nothing of it waits');
cmp_ok($j->{counters}{skipped}, '>', 0, 'the rest was skipped');
$b->{end} = 'cancelled';


# opt-outs while it is being sent: some that are near, some that are far

my $two = $c->broadcast(tag => 'two');
$c->until_share(0.2, broadcast => $two);

my @queued = split /\n/, $t->sql("select d.contact_id, d.seq, substr(k.phone, 2)
    from deliveries d join contacts k on k.id = d.contact_id
    where d.batch_id = '$two->{id}' and d.state = 'queued' order by d.seq");
my (%out, $late);

for my $line ((shuffle(@queued))[0 .. 39]) {
    my ($id, $seq, $phone) = split /\|/, $line;
    my $r = $t->api('PATCH', "/contacts/$id", { marketing_opt_out => JSON::PP::true() });

    die "opt-out: $r->{status} $r->{content}\n" if $r->{status} != 200;
    $out{$phone} = time;
}

$c->until_status('completed', broadcast => $two);

# Consent is asked when a row is claimed, a moment before that is written down; what
# was claimed before is on its way, which is two seconds' worth of the rate at the most.
my %claimed = map { split /\|/ } split /\n/, $t->sql("select substr(k.phone, 2),
    extract(epoch from d.claimed_at) from deliveries d join contacts k on k.id = d.contact_id
    where d.batch_id = '$two->{id}' and d.claimed_at is not null");
my @late = grep { ($_->{batch} // '') eq $two->{id} && $out{ $_->{to} }
                  && $_->{at} > $out{ $_->{to} } } $c->taken;
my $wrong = grep { $claimed{ $_->{to} } > $out{ $_->{to} } + 0.5 } @late;
is($wrong, 0, 'I8: after an opt-out nobody gets it but who was on the way: ' . @late);
ok((grep { $_ } values %out) > 30, 'many have opted out');

my $skipped = $t->sql("select count(*) from deliveries where batch_id = '$two->{id}'
                       and state = 'skipped'");
cmp_ok($skipped, '>', 10, "$skipped of them were skipped");
is($t->sql("select string_agg(distinct reason, ' ') from deliveries
            where batch_id = '$two->{id}' and state = 'skipped'"), 'opted_out',
   'with the reason');


# an audience that is changed while it is being sent: it was frozen

my $three = $c->broadcast(tag => 'three');
$c->until_share(0.2, broadcast => $three);
my $before = $c->{n};
my $csv = "first_name,phone\n" . join '', map { sprintf "L%d,+25479%07d\n", $_, $_ } 1 .. 50;
$t->api('POST', '/contacts/import?tags=three', $csv,
        headers => { 'content-type' => 'text/csv' });
$c->until_status('completed', broadcast => $three);
is($c->look($three)->{counters}{audience}, $before, 'who comes later is not in it');

$c->judge;

$c->done;
