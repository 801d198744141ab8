#!/usr/bin/perl

# Fault 22: webhooks that are no webhooks: cut off, not UTF-8, ten thousand deep, with
# keys twice, with 1e400, with NUL, with huge arrays, of wrong types.  They are signed, so
# they are read: nothing crashes, nothing is stored that is none, and who comes after
# them is served.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;
use Time::HiRes qw(sleep time);

my $n = $ENV{CHAOS_N} ? 200 : 600;
my $c = chaos(name => 'malformed webhooks', n => 200);
my $t = $c->{t};
my $a = $c->{accounts}[0];
my $good = Herald::Test::ChaosDrive::inbound_body($a, 'wamid.SEEDED', '254720111111', 'x');

$c->drive(inbound => 20, submit => 2);
$c->broadcast;

my %before = map { $_ => 1 } $t->worker_pids;

sub cpu {
    my $ticks = 0;

    for my $pid (keys %before) {
        my @f = split ' ', (Herald::Test::slurp("/proc/$pid/stat") =~ s/^.*\) //sr);
        $ticks += ($f[11] // 0) + ($f[12] // 0);
    }

    return $ticks * 10;                # ms
}

my %status;

sub send_one {
    my ($body, $wanted, $name) = @_;
    my $r = $c->inbound_post($a, $body);

    $status{ $r->{status} }++;
    like($r->{status}, $wanted, $name) if $name;

    return $r->{status};
}


# by hand

my $deep = 10000;
my $message = sub { (my $b = $good) =~ s/"text":\{"body":"x"\}/$_[0]/; return $b };
my $no_crash = qr/^(?:200|400|413)$/;

send_one('', $no_crash, 'nothing');
send_one('null', $no_crash, 'null');
send_one('[]', $no_crash, 'an array');
send_one('"x"', $no_crash, 'a string');
send_one('[' x $deep . ']' x $deep, $no_crash, 'ten thousand arrays deep');
send_one('{"a":' x $deep . '1' . '}' x $deep, $no_crash, 'ten thousand objects deep');
send_one($message->('"text":' . '[' x $deep . ']' x $deep), $no_crash,
         'deep inside a message');
send_one($message->('"text":{"body":"x"},"n":1e400'), $no_crash, '1e400');
send_one($message->('"text":{"body":"x"},"n":-' . '9' x 5000), $no_crash,
         'a number of five thousand digits');
send_one($message->("\"text\":{\"body\":\"\xff\xfe\xc0\x80\"}"), $no_crash, 'not UTF-8');
send_one($message->("\"text\":{\"body\":\"a\0b\"}"), $no_crash, 'a NUL as it is');
send_one($message->('"text":{"body":"\ud800"}'), $no_crash, 'half a surrogate pair');
send_one('{"entry":' . $good . ',"entry":[],"entry":[]}', $no_crash, 'a key three times');
send_one('{"object":"whatsapp_business_account","entry":[' . ('{},' x 100000) . '{}]}',
         $no_crash, 'a hundred thousand empty entries');
send_one('{"entry":"x","object":{}}', $no_crash, 'wrong types');
send_one($message->('"text":{"body":["x"]}'), $no_crash, 'a body that is an array');
send_one($message->('"text":null,"from":17,"timestamp":{}'), $no_crash, 'more wrong types');
send_one($message->('"text":{"body":"' . 'x' x 200000 . '"}'), $no_crash, 'a long text');
send_one('{' x 4000000, qr/^(?:413|400|599)$/, 'four megabytes');


# what PostgreSQL cannot store costs nobody else in the same webhook theirs

{
    my $two = Herald::Test::ChaosDrive::inbound_body($a, 'wamid.BAD', '254720222222', 'bad');
    my $other = Herald::Test::ChaosDrive::inbound_body($a, 'wamid.GOOD', '254720222223', 'good');
    my ($message) = $other =~ /"messages":\[(.*?)\],"messaging_product"/;

    $two =~ s/"body":"bad"/"body":"a\\u0000b \\ud800 c"/;
    $two =~ s/("messages":\[)/$1$message,/;
    is(send_one($two), 200, 'one with an escaped NUL beside a good one');
    is($t->sql("select count(*) from messages where provider_id in ('wamid.GOOD',
        'wamid.BAD')"), 2, 'both are there');
}


# what would be kept as it came is stored as well as it can be

{
    my $other = Herald::Test::ChaosDrive::inbound_body($a, 'wamid.X', '254720222224', 'x');

    $other =~ s/"field":"messages"/"field":"chaos_news"/;
    $other =~ s/"body":"x"/"body":"a\\u0000b \\ud800 c"/;
    is(send_one($other), 200, 'a field that we do not know, with an escaped NUL');
    is($t->sql("select payload::text like '%a\xef\xbf\xbdb \xef\xbf\xbd c%' from webhook_events
        where field = 'chaos_news'"), 't', 'is there, without it');
    is($t->sql("select count(*) from webhook_events where field = 'unstorable'"), 0,
       'nothing had to be left out');
}


# One commit holds many webhooks.  What PostgreSQL refuses in every form costs the
# others nothing: they wait together behind a lock, and the refused one is among them.

{
    $t->sql("alter table messages add constraint chaos_never
             check (provider_id not like 'wamid.NEVER%')");

    my @ids = map { "wamid.R-BATCH.$_" } 1 .. 20;
    splice @ids, 10, 0, 'wamid.NEVER';

    $c->session('begin; lock table messages in access exclusive mode;
                            select pg_sleep(60)');
    my $locks = "select count(*) from pg_locks where relation = 'messages'::regclass and";
    wait_until { $t->sql("$locks granted and mode = 'AccessExclusiveLock'") } 5, 'a lock';

    # what is in flight waits for the lock; these gather behind it
    my @all = $c->inbound_begin($a, map {
        Herald::Test::ChaosDrive::inbound_body($a, $ids[$_], 254720300000 + $_, "batch $_")
    } 0 .. $#ids);
    wait_until { $t->sql("$locks not granted") } 5, 'somebody waits';
    $c->sessions_end;

    is($c->inbound_end(@all), '200 x 21',
       'all of a batch with one that cannot be stored are taken');
    is($t->sql("select count(*) from messages where provider_id like 'wamid.R-BATCH.%'"), 20,
       'the good ones are there');
    is($t->sql("select count(*) from webhook_events where field = 'unstorable'"), 1,
       'and the bad one is kept as it came');
    $status{200} += 21;
}


# by chance: the good one, cut, turned, doubled

for my $i (1 .. $n) {
    my $b = $good;

    for (0 .. int rand 3) {
        my $at = int rand length $b;
        my $how = int rand 6;

        if ($how == 0)    { $b = substr $b, 0, $at }
        elsif ($how == 1) { substr $b, $at, 1, chr int rand 256 }
        elsif ($how == 2) { substr $b, $at, 0, substr $b, int rand length $b, 40 }
        elsif ($how == 3) { substr $b, $at, 1 + int rand 20, '' }
        elsif ($how == 4) { substr $b, $at, 0, ('[', ']', '{', '}', ':', ',', '"', '\\', '\u0000', '1e999')[rand 10] }
        else              { $b =~ s/"[^"]*"/"\xf0\x28\x8c\x28"/ }

        last if $b eq '';
    }

    # one that is still good may be a row; not under the drivers' names
    $b =~ s/wamid\.SEEDED/wamid.R$i/;
    my $s = send_one($b);

    if ($s !~ $no_crash) {
        fail("a broken webhook was answered $s: " . substr $b, 0, 300);
        last;
    }
}

pass("$n by chance: " . join ', ', map { "$status{$_} x $_" } sort keys %status);

# each costs little: the broadcast's and the drivers' work is among it
my $work = cpu();

for my $i (1 .. 100) {
    send_one('{"entry":[' . '[' x 2000);
}

cmp_ok((cpu() - $work) / 100, '<', 10, 'less than 10 ms of CPU for one');

my %after = map { $_ => 1 } $t->worker_pids;
is_deeply(\%after, \%before, 'no worker has died');
is(send_one($good), 200, 'a good one is taken');

is($t->sql("select count(*) from messages where provider_id = 'wamid.SEEDED'"), 1,
   'and is a row');
cmp_ok($t->sql("select count(*) from messages where direction = 'in'
    and provider_id not like 'wamid.CHAOS%'"), '<=', $status{200},
       'no more rows than were answered 200');

# what was good among it counts as events too, so that is not compared
$c->judge(counters => 0);

$c->done;
