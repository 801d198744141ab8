#!/usr/bin/perl

# Fault 10: PostgreSQL has no connection left, ends a deadlock, runs into its
# statement_timeout.  It is tried again with a limit; who asks sees 503 and when to come
# again, as a problem, and never a word of SQL.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;
use Time::HiRes qw(sleep time);

my $conf = Herald::Test::Nginx::default_conf();
$conf =~ s/(user=herald_app dbname=herald)/$1 options='-c statement_timeout=1500'/;

my $c = chaos(name => 'PostgreSQL refuses', herald => { conf => $conf });
my $t = $c->{t};
my $a = $c->{accounts}[0];

sub sessions {
    return $t->sql("select count(*) from pg_stat_activity
                    where query like '%chaos_held%' and pid <> pg_backend_pid()");
}

$t->sql('select 1');
$c->drive(inbound => 40, submit => 10, processes => 4);
$c->broadcast;
$c->until_share(0.1);


# no connection is left, and a new worker wants some

my $free = $t->sql("select current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int - count(*)
    from pg_stat_activity where backend_type = 'client backend'");
my $hold = 'select pg_sleep(600) /* chaos_held */';
$c->session($hold, 'app') for 1 .. $free;

ok(wait_until(sub { sessions() >= $free - 1 }, 30), "$free connections are taken");

my @w = $t->worker_pids;
$c->kill9($w[0]);
wait_until { my @n = $t->worker_pids; @n == 2 && $n[0] != $w[0] && $n[1] != $w[0] } 10;

# the dead one's connections are free for a moment; take those too
for (1 .. 8) {
    $c->session($hold, 'app');
}

# API and ingress through all of it, on every worker
my %got;

for (1 .. 40) {
    my $r = $t->api('GET', '/contacts?limit=1', undef, timeout => 10);
    $got{ $r->{status} }++;
    sleep 0.02;
}

is(join(' ', grep { $_ != 200 && $_ != 503 } keys %got), '',
   'without a free connection: 200 from who has one, or 503');

$c->sessions_end;
wait_until { $c->look } 10;
ok($c->until_share(0.4), 'it goes on when there is room');


# a deadlock: we hold a row that ingress wants and want what it holds

my $from = '254729999999';
is($c->inbound_post($a, Herald::Test::ChaosDrive::inbound_body($a,
    'wamid.first', $from, 'x'))->{status}, 200, 'a customer');

for my $round (1 .. 2) {
    my $p = $c->session("begin;
        select 1 from conversations v join addresses x using (contact_id)
         where x.value = '$from' for update of v;
        select pg_sleep(0.6);
        lock table provider_messages in exclusive mode;
        select pg_sleep(0.2); commit");

    wait_until { $t->sql("select count(*) from pg_stat_activity
        where query like '%for update of v%pg_sleep%' and state = 'active'
          and pid <> pg_backend_pid()") > 0 } 5;
    sleep 0.1;

    my $r = $c->inbound_post($a, Herald::Test::ChaosDrive::inbound_body($a,
        "wamid.deadlock$round", $from, 'x'));
    like($r->{status}, qr/^(?:200|503)$/, "a deadlock: answered $r->{status}");
    waitpid $p, 0;

    if ($r->{status} != 200) {
        ok(wait_until(sub {
            $c->inbound_post($a, Herald::Test::ChaosDrive::inbound_body($a,
                "wamid.deadlock$round", $from, 'x'))->{status} == 200
        }, 10), 'and taken the next time');
    }
}

my ($deadlocks) = $t->sql('select sum(deadlocks) from pg_stat_database');
cmp_ok($deadlocks, '>=', 1, 'PostgreSQL ended a deadlock');


# a statement that takes too long

my $lock = $c->session('begin; lock table contacts in access exclusive mode;
                        select pg_sleep(4); commit');
wait_until { $t->sql("select count(*) from pg_locks where relation
    = 'contacts'::regclass and mode = 'AccessExclusiveLock' and granted") } 5;

my $began = time;
my $r = $t->api('GET', '/contacts?limit=1', undef, timeout => 10);
is($r->{status}, 503, 'statement_timeout is 503');
like($r->{headers}{'content-type'} // '', qr{^application/problem\+json}, 'as a problem');
ok($r->{headers}{'retry-after'}, 'with Retry-After');
unlike($r->{content}, qr/SELECT|contacts_|57014|statement timeout/, 'without SQL');
cmp_ok(time - $began, '<', 4, 'before the lock was gone');
waitpid $lock, 0;
$c->sessions_end;

$c->{calm} = 0;
$c->judge(unknown => 40, limit => 90);
$c->judge_answers;

$c->done;
