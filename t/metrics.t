#!/usr/bin/perl

# /metrics is what Prometheus reads, /readyz tells a balancer the truth.

use strict;
use warnings;
use lib 't/lib';

use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $r;


# ── /metrics ────────────────────────────────────────────────────────────────

sub metrics {
    my ($m) = $t->get('/metrics');

    die "metrics: $m->{status}\n" if $m->{status} != 200;
    return { $m->{content} =~ /^(\S+) (\S+)$/mg };
}

$r = $t->get('/metrics');

is($r->{status}, 200, 'metrics');
like($r->{headers}{'content-type'}, qr{^text/plain; version=0\.0\.4},
     "in Prometheus' format");
is($r->{headers}{'cache-control'}, 'no-store', 'not to be kept');

{
    my (%help, %type, %seen, @odd);

    for my $line (split /\n/, $r->{content}) {
        if ($line =~ /^# HELP (herald_\w+) \S/) {
            $help{$1}++;
        } elsif ($line =~ /^# TYPE (herald_\w+) (counter|gauge)$/) {
            $type{$1} = $2;
            push @odd, $line if $2 eq 'counter' && $1 !~ /_total$/;
        } elsif ($line =~ /^(herald_\w+)(?:\{worker="\d+"\})? -?[0-9.]+$/) {
            $seen{$1}++;
            push @odd, $line if !$type{$1} || !$help{$1};
        } else {
            push @odd, $line;
        }
    }

    is_deeply(\@odd, [], 'every line is one of the format');
    is_deeply([ grep { !$seen{$_} } keys %type ], [], 'every name has a value');
    cmp_ok(scalar keys %seen, '>', 20, 'there are many');
}

my $m = metrics();

is($m->{herald_workers}, 2, 'workers');
is($m->{herald_workers_quitting}, 0, 'none of them leaves');
is($m->{herald_streams}, 0, 'no streams');
cmp_ok($m->{herald_scheduler_epoch}, '>=', 1, 'a scheduler');
cmp_ok($m->{herald_scheduler_heartbeat_age_seconds}, '<', 3, 'that is alive');
cmp_ok((map { $m->{$_} } grep { /postgres_ready/ } keys %$m)[0], '>=', 1,
       'connections');

$t->org;
my $after = metrics();

cmp_ok($after->{herald_api_requests_total}, '>', $m->{herald_api_requests_total},
       'requests are counted');
is($after->{herald_logins_total}, $m->{herald_logins_total} + 1, 'and sign-ins');

is($t->request('HEAD', '/metrics')->{status}, 200, 'HEAD');
is($t->request('POST', '/metrics', content => 'x')->{status}, 405, 'POST');
is($t->request('DELETE', '/readyz')->{status}, 405, 'DELETE');


# ── a helper that is killed ─────────────────────────────────────────────────

{
    my $pid = $t->helper_pid;

    $t->kill_process($pid);

    ok(wait_until(sub {
        my $now = $t->helper_pid;
        return $now && $now != $pid
               && metrics()->{herald_scheduler_epoch}
                  > $after->{herald_scheduler_epoch};
    }, 10), 'another scheduler comes, with a new epoch');
    is(metrics()->{herald_scheduler_crashes}, 1, 'the crash is counted');
    ok(wait_until(sub { $t->get('/readyz')->{status} == 200 }, 10), 'ready');

    # one that hangs is not dead for nginx, but it is for us
    $pid = $t->helper_pid;
    kill 'STOP', $pid;
    ok(wait_until(sub { $t->get('/readyz')->{status} == 503 }, 15),
       'not ready while the scheduler hangs');

    $r = $t->get('/readyz');
    is($r->{json}{reason}, 'the scheduler process does not answer', 'why');
    kill 'CONT', $pid;
    ok(wait_until(sub { $t->get('/readyz')->{status} == 200 }, 10),
       'ready again');
}


# ── a database that is away ─────────────────────────────────────────────────

$r = $t->get('/readyz');
is($r->{status}, 200, 'ready');
is_deeply($r->{json}, { status => 'ready' }, 'says so');

$t->expect_log(qr/postgres/);
$t->cluster_stop('immediate');

ok(wait_until(sub { $t->get('/readyz')->{status} == 503 }, 10), 'not ready');
$r = $t->get('/readyz');
is($r->{json}{reason}, 'PostgreSQL cannot be reached', 'why');
like($r->{headers}{'retry-after'}, qr/^\d+$/, 'when to ask again');
is($t->get('/healthz')->{status}, 200, 'healthy all the same');
is($t->get('/metrics')->{status}, 200, 'metrics are there');

$t->cluster_start;
ok(wait_until(sub { $t->get('/readyz')->{status} == 200 }, 20), 'ready again');

$t->done;
