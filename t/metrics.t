#!/usr/bin/perl

# /metrics is what Prometheus reads, /readyz tells a balancer the truth.

use strict;
use warnings;
use lib 't/lib';

use Herald::Test;
use JSON::PP;
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

# Prometheus' text format, as its own parser takes it: {name => {type, samples}} and the
# lines that are none.  A name's lines stand together, HELP and TYPE before its samples,
# each with the suffixes of its type, no sample twice.
sub parse {
    my ($text) = @_;
    my (%all, @odd, %seen, $at);
    my $label = qr/[a-z_]+="(?:[^"\\\n]|\\[\\n"])*"/;

    @odd = ('no newline at the end') if $text !~ /\n\z/;

    for my $line (split /\n/, $text) {
        if ($line =~ /^# HELP (herald_[a-z0-9_]+) (\S.*)$/ && !$all{$1}) {
            $at = $1;
            $all{$at} = { help => $2 };
        } elsif ($line =~ /^# TYPE (\S+) (counter|gauge|histogram)$/
                 && defined $at && $1 eq $at && !$all{$at}{type}) {
            $all{$at}{type} = $2;
        } elsif ($line =~ /^([a-z0-9_]+)((?:\{$label(?:,$label)*\})?) (-?\d+(?:\.\d+)?)$/
                 && defined $at && $all{$at}{type} && !$seen{"$1$2"}++) {
            my ($name, $labels, $value) = ($1, $2, $3);
            my $suffix = $all{$at}{type} eq 'histogram'
                ? qr/_(?:bucket|sum|count)/ : qr//;

            push @odd, $line if $name !~ /^\Q$at\E$suffix$/;
            push @{ $all{$at}{samples} }, [$name, $labels, $value];
        } else {
            push @odd, $line;
        }
    }

    return (\%all, \@odd);
}

my ($all, $odd) = parse($r->{content});

is_deeply($odd, [], 'every line is one of the format');
is_deeply([grep { !$all->{$_}{samples} } keys %$all], [], 'every name has a value');
is_deeply([grep { $all->{$_}{type} eq 'counter' ? !/_total$/ : /_total$/ } keys %$all],
          [], 'counters, and only they, are named so');
is_deeply([grep { $all->{$_}{help} eq 'Since nginx was started.' } keys %$all], [],
          'each says what it is');
cmp_ok(scalar keys %$all, '>', 40, 'there are many');

{
    my $late = $all->{herald_send_lateness_seconds};
    my @s = @{ $late->{samples} };

    is($late->{type}, 'histogram', 'lateness');
    is(join(' ', map { $_->[1] =~ /^\{le="(.*)"\}$/ ? $1 : () } @s),
       '0.01 0.05 0.1 0.5 1 5 30 +Inf', 'its steps, in seconds');
    is($s[-1][0], 'herald_send_lateness_seconds_count', 'the count comes last');
    is($s[-1][2], $s[-3][2], 'and is the last step');
    is(join(' ', map { $_->[1] } @{ $all->{herald_campaigns}{samples} }),
       '{state="running"} {state="paused"} {state="cancelled"}', 'states');
}


# ── the board asks for what there is ────────────────────────────────────────

{
    my $board = JSON::PP->new->decode(slurp(repo() . '/conf/grafana.json'));
    my (%asked, %ids, @other, @dull);

    my %known = map { $_->[0] => 1 } map { @{ $_->{samples} } } values %$all;

    for my $p (@{ $board->{panels} }) {
        push @other, "two panels $p->{id}" if $ids{ $p->{id} }++;
        next if $p->{type} eq 'row';

        for my $q (@{ $p->{targets} }) {
            my @names = $q->{expr} =~ /\b(herald_[a-z0-9_]+)/g;

            push @dull, "$p->{title}: $q->{expr}" if !@names;
            $asked{$_}++ for @names;

            # counters only as rates, gauges never
            for my $n (@names) {
                my $counts = $n =~ /_(?:total|bucket|sum|count)$/;
                my $rated = $q->{expr} =~ /(?:rate|increase)\(\Q$n\E\[/;

                push @other, "$p->{title}: $n" if !$counts != !$rated;
            }
        }
    }

    is_deeply([grep { !$known{$_} } sort keys %asked], [],
              'every metric of the board is exported');
    is_deeply(\@dull, [], 'and every panel asks for one');
    is_deeply(\@other, [], 'counters are asked for as rates');
    is($board->{templating}{list}[0]{type}, 'datasource', 'the source is chosen');
    cmp_ok($board->{schemaVersion}, '>=', 38, 'for Grafana 10');
    cmp_ok(scalar keys %asked, '>', 35, 'it shows most of them');
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
