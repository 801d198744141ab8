#!/usr/bin/perl

# A broadcast to a thousand while everything around it dies: workers, the
# helper, PostgreSQL, all of nginx; and ten reloads.  At every look the parts
# make the whole; in the end nothing is open, and nobody was sent to twice.
#
# The sandbox is in an nginx of its own, for what waits there lives in its
# workers.
#
# This and the short ones of t/chaos at its end are the quick form; `make chaos`
# runs every fault, with customers and clients beside the broadcast.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my $n = 1000;
my $rate = 250;

my $box = Herald::Test->new(postgres => 0, start => 1, conf => <<'CONF');
daemon off;
%%USER%%
worker_processes 1;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
load_module %%BUILD%%/ngx_http_herald_sandbox_module.so;

events {
}

http {
    %%TEMP%%
    access_log off;
    herald_sandbox_ledger %%DIR%%/ledger/sandbox.jsonl;

    server {
        listen 127.0.0.1:%%PORT%%;
        location /sandbox/ { herald_sandbox; }
    }
}
CONF

my $t = Herald::Test->new;
my $o = $t->org;

# the account is Herald's, the number the sandbox's
my %account = (name => 'Chaos', provider => 'cloud_api',
    phone => '+15550100001', number_id => '100000000000001',
    token => 'token', app_secret => 'chaos-secret',
    verify_token => 'chaos-verify',
    base_url => $box->url('/sandbox'), rate_limit => $rate);

$box->sandbox_set($account{number_id}, app_secret => 'chaos-secret',
                  token => 'token');
my $r = $t->api('POST', '/accounts', \%account);
is($r->{status}, 201, 'the number') or die "$r->{content}\n";
my $acc = $r->{json};
$box->sandbox_set($account{number_id}, verify_token => 'chaos-verify',
    webhook_url => $t->url($acc->{webhook_path}), reply_rate => 0,
    latency_ms => { answer => { min => 5, max => 60 } });

my $tpl = $t->api('POST', '/templates', { name => 'hello', language => 'en',
    category => 'utility', body => 'Hi {{first_name|there}}!' })->{json};

my $csv = "first_name,phone\n"
    . join '', map { sprintf "P%d,+25470%07d\n", $_, $_ } 1 .. $n;
$r = $t->api('POST', '/contacts/import?tags=chaos', $csv,
                headers => { 'content-type' => 'text/csv' });
is($r->{json}{created}, $n, "$n contacts");

my ($id, $looks, $broken);


sub begin {
    $r = $t->api('POST', '/broadcasts', { name => 'Chaos',
        account_id => $acc->{id}, template_id => $tpl->{id},
        audience => { tag => 'chaos' } });
    die "$r->{status} $r->{content}\n" if $r->{status} != 201;

    ($id, $looks, $broken) = ($r->{json}{id}, 0, '');
}

# undef while nobody can say (503, or no answer at all)
sub look {
    my $b = $t->api('GET', "/broadcasts/$id", undef, timeout => 5);

    return if $b->{status} != 200;

    my $c = $b->{json}{counters};
    my $sum = 0;

    $looks++;
    $sum += $c->{$_} for qw(sent failed skipped unknown queued);
    $broken .= encode_json($c) . "\n"
        if ($b->{json}{started_at} && ($sum != $n || $c->{audience} != $n))
           || grep { $c->{$_} < 0 } keys %$c;

    return $b->{json};
}

# until `count` of them have an outcome
sub until_done {
    my ($count, $limit) = @_;

    wait_until {
        my $b = look() or return 0;
        $b->{counters}{queued} <= $n - $count && $b->{started_at};
    } $limit // 60, "$count of $n";
}

# completed; and then what the database and the provider say
sub judge {
    my ($what) = @_;
    my (%times, $b);

    wait_until { ($b = look()) && $b->{status} eq 'completed' } 90
        or diag("not completed: " . encode_json($b // {}));
    is($b->{status}, 'completed', "$what: completed");
    is($broken, '', "$what: at each of $looks looks the parts make the whole");
    is($t->sql("select count(*) from deliveries where batch_id = '$id'
                and state in ('queued', 'sending')"), 0,
       "$what: nothing is open");
    is($t->sql("select count(*) from deliveries where batch_id = '$id'"), $n,
       "$what: nobody is lost");

    for my $l ($box->ledger) {
        next if $l->{outcome} eq 'rejected';
        $times{ $l->{reference} }++;
    }

    is(scalar(grep { $_ > 1 } values %times), 0,
       "$what: nobody was sent to twice");

    # a status may still make an unknown one a sent one
    my $unknown;
    wait_until {
        $unknown = look()->{counters}{unknown};
        $unknown == 0 || $box->sandbox_get($account{number_id})
            ->{counters}{webhooks_pending} == 0
    } 30;

    my $c = look()->{counters};
    diag("$what: sent $c->{sent}, unknown $c->{unknown}, failed $c->{failed}");

    # whom the ledger has not cannot be among the sent, and the other way round
    my %sums = map { split /\|/ } split /\n/,
        $t->sql("select state >= 'accepted' and state < 'skipped', count(*)
                 from deliveries where batch_id = '$id' group by 1");
    is($c->{sent}, $sums{t} // 0, "$what: the counter is what the rows say");
    is($c->{failed}, 0, "$what: none failed");

    return $c;
}

# every line at the provider since the last time
my $counted = 0;

sub sent_lines {
    my @l = grep { $_->{outcome} eq 'accepted' } $box->ledger;
    my $new = @l - $counted;

    $counted = @l;
    return $new;
}


# workers

begin();

for my $i (1 .. 4) {
    until_done(200 * $i - 50);
    my @w = $t->worker_pids;
    $t->kill_process($w[$i % @w]);
}

my $c = judge('workers killed');
my $lines = sent_lines();
cmp_ok($lines, '>=', $c->{sent}, 'a line for each that was sent');
cmp_ok($lines, '<=', $c->{sent} + $c->{unknown}, 'and no other');
cmp_ok($c->{unknown}, '<=', 150, 'few are unknown');


# the helper

begin();

for my $i (1 .. 5) {
    until_done(150 * $i);
    $t->kill_process($t->helper_pid);
}

$c = judge('helper killed');
is($c->{unknown}, 0, 'the helper sends nothing, so nothing is unknown');
is(sent_lines(), $n, 'a line for each');


# ten reloads, and single messages in between

begin();
until_done(50);

my @messages;

for my $i (1 .. 10) {
    my $to = sprintf '+25471%07d', $i;
    my $who = $t->api('POST', '/contacts', { phone => $to })->{json}{id}
        // $t->sql("SELECT id FROM contacts WHERE phone = '$to'");

    $t->open_window($acc->{id}, $who);
    $r = $t->api('POST', '/messages', { account_id => $acc->{id},
        to => $to, text => "number $i" });
    push @messages, $r->{json}{id} if $r->{status} == 202;
    $t->reload(limit => 30);
    look();
}

$c = judge('ten reloads');
is($c->{unknown}, 0, 'a reload makes nothing unknown');
is(scalar @messages, 10, 'every message was taken');

for my $m (@messages) {
    wait_until {
        $t->api('GET', "/messages/$m")->{json}{status}
            =~ /^(?:accepted|sent|delivered|read)$/
    } 10, "message $m is sent";
}

is(sent_lines(), $n + @messages, 'a line for each');


# PostgreSQL

begin();

for my $i (1 .. 2) {
    until_done(250 * $i);
    $t->cluster_stop('immediate');
    sleep 1;
    $t->cluster_start;
    $t->ready;
}

$c = judge('PostgreSQL killed');
is($c->{unknown}, 0, 'what the workers knew they wrote when it was back');
is(sent_lines(), $n, 'a line for each');


# all of nginx: nobody remembers anything

begin();
until_done(300);
my %all = $t->session;
$t->kill_process($_) for $t->{master}, grep { $_ != $t->{master} } keys %all;
waitpid $t->{master}, 0;
$t->{master} = 0;
$t->start;

$c = judge('nginx killed');
cmp_ok($c->{unknown}, '<', 300, 'what was on its way is unknown');


$box->finish;
$t->finish;


# the faults of webhooks, each a file of its own

for my $file (map { glob "$FindBin::Bin/chaos/$_-*.t" } 22 .. 25) {
    my $out = do {
        local $ENV{CHAOS_N} = 200;
        `$^X -I$FindBin::Bin/lib $file 2>&1`;
    };

    is($?, 0, $file =~ s{.*/t/}{}r)
        or diag(grep { !/^ok / } split /^/, $out);
}

done_testing();
