#!/usr/bin/perl

# Fault 7: PostgreSQL is there and says nothing (all its processes stopped: connections
# stay open, nothing is refused).  No worker may wait for it: what needs no database is
# served at once, the API says 503 within two seconds, and what waits is bounded.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;
use Time::HiRes qw(sleep time);

my $silence = $ENV{CHAOS_SILENCE} // 10;
my $c = chaos(name => 'PostgreSQL says nothing');
my $t = $c->{t};

sub rss {
    my $sum = 0;

    for my $pid ($t->worker_pids) {
        $sum += $1 if Herald::Test::slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
    }

    return $sum / 1024;
}

$c->drive(processes => 8, inbound => 60, probe => 40);
$c->broadcast;
$c->until_share(0.3);

my $before = rss();
my @stopped = $c->postgres_pids;
my $from = time;

kill 'STOP', @stopped;

my (@slow, %status);

while (time < $from + $silence) {
    my $began = time;
    my $r = $t->api('GET', '/contacts?limit=1', undef, timeout => 12);
    my $took = time - $began;

    $status{ $r->{status} }++;
    push @slow, sprintf('%d after %.1f s', $r->{status}, $took)
        if $took > 2.5 && $began > $from;
    sleep 0.1;
}

my $to = time;
my $after = rss();

kill 'CONT', @stopped;

is("@slow", '', 'the API answers within two seconds');
is(join(' ', grep { $_ != 503 && $_ != 200 } sort keys %status), '',
   'with 503, or from what it knows');
ok($status{503}, 'it did say 503');

my @probes = grep { $_->{at} > $from && $_->{at} < $to } $c->driven('probe');
my $p99 = percentile(99, map { $_->{took} } @probes);

is(join(' ', grep { $_ != 200 } map { $_->{status} } @probes), '',
   'health and files are served all the time');
cmp_ok($p99, '<', $ENV{CHAOS_STRICT} ? 0.05 : 0.3,
       sprintf('at once: p99 of %d is %.0f ms', scalar @probes, $p99 * 1000));
cmp_ok($after - $before, '<', 64, sprintf('memory is bounded: %.0f MB more',
                                          $after - $before));

ok(wait_until(sub { $t->get('/readyz')->{status} == 200 }, 20), 'it is back by itself');

# connections were given up while their units were on the server: what these
# did is not known here, and found out
$c->{calm} = 0;
$c->judge(unknown => 0, limit => 90);
$c->judge_answers;

$c->done;
