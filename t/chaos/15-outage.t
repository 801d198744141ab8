#!/usr/bin/perl

# Fault 15: the provider is killed in the middle of everything and stays away for a while.
# Herald does not hammer it while it is away; when it is back the rate holds, nothing
# comes in a herd, and all that was not taken goes out.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;
use Time::HiRes qw(sleep time);

my $away = $ENV{CHAOS_AWAY} // 10;
my $c = chaos(name => 'the provider is away', rate => 150, n => $ENV{CHAOS_N} // 900);
my $t = $c->{t};
my $box = $c->{box};

$c->drive(submit => 3);
$c->broadcast;
$c->until_share(0.3);

my %all = $box->session;
$box->kill_process($_) for $box->{master}, grep { $_ != $box->{master} } keys %all;
waitpid $box->{master}, 0;
$box->{master} = 0;
my $died = time;

my $tried = $c->metric('retried_total');
sleep $away;
my $tries = $c->metric('retried_total') - $tried;

# The webhooks that it still owed died with it, and so did its numbers: it says 503
# until it has these again.
my $conf = $box->{conf};
$box->{conf} = $conf =~ s/(location .sandbox)/location ~ ^.sandbox.v { return 503; } $1/r;
$box->start;

for my $a (@{ $c->{accounts} }) {
    $box->sandbox_set($a->{number_id}, app_secret => $a->{app_secret},
        token => $a->{token}, webhook_url => $t->url($a->{webhook_path}),
        verify_token => $a->{verify_token}, delivered_rate => 1, read_rate => 1,
        reply_rate => 0, latency_ms => { answer => $c->{latency}, sent => 10,
                                         delivered => 20, read => 20 });
}

$box->{conf} = $conf;
$box->reload;
my $back = time;

# with a breaker one in ten seconds is tried; without, each row again and again
cmp_ok($tries, '<=', 60 + 10 * $away,
       "while it was away $tries attempts were made in $away s");

my $n = $c->taken;
ok(wait_until(sub { $c->taken > $n + 20 }, 40),
   sprintf('when it is back, it goes on'));
diag(sprintf 'after %.1f s', time - $back);
ok($c->until_status('completed', limit => 120), 'all of it');

# what the provider took in its last moments has no status: it may stay unknown
$c->{calm} = 0;
my $taken = $c->judge(dead => 1, unknown => 60, limit => 120);

# no herd: the first seconds after the return, by their own
my @first = map { $_->{us} } grep { $_->{at} >= $back && $_->{at} < $back + 10 } @$taken;
my $most = Herald::Test::ChaosJudge::fullest(1, sort { $a <=> $b } @first);
cmp_ok($most, '<=', 150 * 1.6 + 1, "at most $most in a second after its return");

$c->done;
