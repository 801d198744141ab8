#!/usr/bin/perl

# A restored copy of the database sends nothing until somebody says so; whatever
# else happens to the database, the helper or nginx is no reason to wait.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use JSON::PP;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Herald::Test->new;
my $o = $t->org;
my $a = $t->sandbox_account(reply_rate => 0, delivered_rate => 0,
    read_rate => 0, latency_ms => { sent => 1 },
    account => { rate_limit => 30 });
my $tpl = $t->api('POST', '/templates', { name => 'hello', language => 'en',
    category => 'utility', body => 'Hi!' })->{json}{id};
my $n = 150;
my $csv = "first_name,phone\n"
    . join '', map { sprintf "P%d,+25470%07d\n", $_, $_ } 1 .. $n;
my $r = $t->api('POST', '/contacts/import?tags=all', $csv,
                headers => { 'content-type' => 'text/csv' });
is($r->{json}{created}, $n, "$n contacts");

sub broadcast {
    my $r = $t->api('POST', '/broadcasts', { name => 'Copy',
        account_id => $a->{id}, template_id => $tpl,
        audience => { tag => 'all' } });

    is($r->{status}, 201, 'a broadcast') or die "$r->{content}\n";
    return $r->{json}{id};
}

# undef while nobody can say
sub look {
    my ($id) = @_;
    my $r = $t->api('GET', "/broadcasts/$id", undef, timeout => 5);

    return $r->{status} == 200 ? $r->{json} : undef;
}

# when each worker has its database again
sub sure {
    my ($id) = @_;
    my $b;

    wait_until { $b = look($id) } 10, 'an answer';
    return $b;
}

sub sent {
    my ($id) = @_;

    return sure($id)->{counters}{sent};
}

sub taken {
    my $n = () = $t->ledger(outcome => 'accepted');
    return $n;
}

sub held {
    my ($value) = $t->get('/metrics')->{content} =~ /^herald_held (\d)/m;
    return $value;
}

sub copy {
    my ($from, $to) = @_;

    system("rm -rf $t->{dir}/$to && cp -a $t->{dir}/$from $t->{dir}/$to") == 0
        or die "cannot copy the cluster\n";
}

sub epoch {
    return $t->sql('select epoch from epoch');
}

# the sandbox forgets its numbers with nginx
sub start {
    $t->start;
    $t->sandbox_set($a->{number_id}, app_secret => $a->{app_secret},
        token => $a->{token}, delivered_rate => 0, read_rate => 0,
        reply_rate => 0, latency_ms => { sent => 1 });
}

my $file = "$t->{dir}/media/epoch";


# what is no restoration

my $id = broadcast();
wait_until { sent($id) > 5 } 15, 'on its way';
like(slurp($file), qr/^herald epoch 0*@{[ epoch() ]} of \d+ node /,
     'the file says what the row says');
my $before = epoch();
my $old = $t->helper_pid;
$t->kill_process($old);
ok(wait_until(sub { epoch() > $before }, 15, 'a new epoch'),
   'every helper raises it');
is(held(), 0, 'a crash of the helper is no restoration');

$t->cluster_stop('immediate');
$t->cluster_start;
my $then = sent($id);
ok(wait_until(sub { sent($id) > $then + 5 }, 30, 'it goes on'),
   'nor is a crash of PostgreSQL');
is(held(), 0, 'it is not held');
wait_until { sure($id)->{status} eq 'completed' } 40, 'completed';
is(sent($id), $n, 'all are sent');


# a copy is made in the middle, and put back when all has been sent

$id = broadcast();
wait_until { sent($id) > 20 } 15, 'on its way';
$t->cluster_stop;
copy('pg', 'copy');
$t->cluster_start;
wait_until { sure($id)->{status} eq 'completed' } 60,
    'completed';
my $all = taken();
is($all, 2 * $n, 'everybody has both');

$t->cluster_stop;
copy('copy', 'pg');
$t->cluster_start;
ok(wait_until(sub { held() }, 30, 'held'), 'the copy is held');
is(sure($id)->{status}, 'sending', 'the broadcast stays as it was');
my $queued = sure($id)->{counters}{queued};
cmp_ok($queued, '>', 20, "$queued people would have got it again");
my ($line) = $t->logged('restored from a copy');
like($line, qr/\[error\].*older than what this node wrote down.*herald resume/,
     'the log says so, and what to do');
is($t->sql('select held, held_reason from epoch'), 't|older_copy',
   'and so does the row');

# a new broadcast, a single message and a due one wait as well
my $other = broadcast();
wait_until {
    $r = $t->api('POST', '/messages', { account_id => $a->{id},
        to => '+254700000001', template => { id => $tpl } });
    $r->{status} != 503;
} 10, 'a worker that has its database again';
is($r->{status}, 202, 'a message is taken') or diag($r->{content});
my $plan = $t->api('POST', '/schedules', { kind => 'message',
    time_zone => 'UTC',
    starts_at => strftime('%Y-%m-%dT%H:%M:%S', gmtime(time + 2)),
    document => { account_id => $a->{id}, to => '+254700000002',
                  template => { id => $tpl } } });
is($plan->{status}, 201, 'a plan is taken') or diag($plan->{content});
sleep 2.5;
is(taken(), $all, 'nothing is sent');
is(sure($other)->{status}, 'scheduled', 'nothing is begun');
is($t->sql('SELECT state FROM occurrences'), 'scheduled',
   'nothing that was planned happens');

# neither a new helper nor a new nginx forgets it
$old = $t->helper_pid;
$t->kill_process($old);
wait_until { my $p = $t->helper_pid; $p && $p != $old } 10, 'a new helper';
ok($t->stop, 'nginx stops');
start();
ok(wait_until(sub { held() }, 15, 'held'), 'a new nginx knows it too');
sleep 1.5;
is(taken(), $all, 'and sends nothing');

my ($rc, $out, $err) = $t->herald('resume');
is($rc, 0, 'herald resume') or diag($err);
like($out, qr/sending goes on/, 'says so');
ok(wait_until(sub { defined held() && !held() }, 15, 'not held'),
   'it is not held any more');
wait_until { sure($id)->{status} eq 'completed'
             && sure($other)->{status} eq 'completed' } 60,
    'both completed';
is(sent($other), $n, 'what waited is sent');
ok(wait_until(sub { $t->sql('SELECT state FROM occurrences') eq 'posted' }, 15,
              'posted'), 'what was planned happens');
wait_until { $t->sql("SELECT count(*) FROM deliveries WHERE seq = 0 "
                     . "AND state = 'queued'") == 0 } 15, 'sent';
my $unknown = sure($id)->{counters}{unknown};
is(taken(), $all + $n + $queued - $unknown + 2,
   "all of it, but for $unknown that were in flight in the copy");
($rc, $out) = $t->herald('resume');
like($out, qr/nothing was held/, 'a second time there is nothing to resume');


# nginx is down while it is put back; and it comes from another cluster

ok($t->stop, 'nginx stops');
$t->sql("update epoch set epoch = epoch - 1");
$t->start;
ok(wait_until(sub { held() }, 15, 'held'), 'an older row at the start');
$t->herald('resume');
ok(wait_until(sub { defined held() && !held() }, 15, 'not held'), 'resumed');
like($t->sql('select system_id from epoch'), qr/^\d{15,20}$/,
     'the row knows its cluster');

$t->sql("update epoch set system_id = '4711'");
$old = $t->helper_pid;
$t->kill_process($old);
ok(wait_until(sub { held() }, 15, 'held'), 'a row of another cluster');
like(($t->logged('restored from a copy'))[-1], qr/another PostgreSQL cluster/,
     'the log says which');
$t->herald('resume');
ok(wait_until(sub { defined held() && !held() }, 15, 'not held'), 'resumed');

# the file is lost: the row alone is no reason to wait
ok($t->stop, 'nginx stops');
unlink $file;
$t->start;
wait_until { -s $file } 15, 'a new file';
is(held(), 0, 'a lost file holds nothing');

$t->done;
