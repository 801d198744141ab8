#!/usr/bin/perl

# Fault 16: the wall clock of nginx's processes jumps by an hour and by a day, forth and
# back, in the middle of a broadcast with retries, and while others are scheduled.
# PostgreSQL's clock stays (it is another machine's).  Nothing goes early, late or twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw(tempdir);
use Herald::Test;
use Herald::Test::Chaos;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);

my ($lib) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
plan skip_all => 'libfaketime is not here' if !$lib;
plan skip_all => 'libfaketime and AddressSanitizer both want to be first' if $ENV{HERALD_ASAN};

my $dir = tempdir('hdcXXXXXX', DIR => '/tmp', CLEANUP => 1);
chmod 0755, $dir;

sub clock {
    Herald::Test::spew("$dir/now.new", "$_[0]\n");
    chmod 0644, "$dir/now.new";
    rename "$dir/now.new", "$dir/now";
}

clock('+0');

my %env = (LD_PRELOAD => $lib, FAKETIME_TIMESTAMP_FILE => "$dir/now",
           FAKETIME_CACHE_DURATION => 1, FAKETIME_DONT_FAKE_MONOTONIC => 1);
my $c = chaos(name => 'the wall clock jumps', rate => 150, n => $ENV{CHAOS_N} // 1500,
    env => \%env,
    herald => { main => join ' ', map { "env $_;" } sort keys %env },
    sandbox => { failures => [ { code => 131000, rate => 0.05, when => 'answer' } ] });
my $t = $c->{t};

# what a worker says the time is, in seconds from ours
sub offset {
    my $date = $t->get('/healthz')->{headers}{date} or return 0;
    my %month = (Jan => 0, Feb => 1, Mar => 2, Apr => 3, May => 4, Jun => 5, Jul => 6,
                 Aug => 7, Sep => 8, Oct => 9, Nov => 10, Dec => 11);
    my ($d, $m, $y, $h, $i, $s) = $date =~ /(\d+) (\w+) (\d+) (\d+):(\d+):(\d+)/;
    require Time::Local;

    return Time::Local::timegm($s, $i, $h, $d, $month{$m}, $y) - time;
}

# one that comes due in every stage
my @due;

sub schedule {
    my ($name, $in) = @_;

    $c->people($name, 20);
    push @due, { at => time + $in, b => $c->broadcast(tag => $name,
        send_at => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime time + $in)) };
}

schedule('soon', 6);
schedule('later', 14);

$c->drive(submit => 4);
$c->broadcast;
$c->until_share(0.1);

for my $to (['+1h', 3600], ['-1h', -3600], ['+1d', 86400], ['-1d', -86400], ['+0', 0]) {
    clock($to->[0]);
    ok(wait_until(sub { abs(offset() - $to->[1]) < 60 }, 10), "the clock is $to->[0]")
        or diag('it is ' . offset());
    is($t->get('/readyz')->{status}, 200, 'ready');

    my $before = $c->taken;
    ok(wait_until(sub { $c->taken > $before + 100
                        || ($c->look // {})->{status} eq 'completed' }, 10), 'it goes on');
    sleep 1;
}

$c->judge(limit => 60, counters => 0, failed => 10);

for my $due (@due) {
    my @at = map { $_->{at} } grep { ($_->{batch} // '') eq $due->{b}{id} } $c->taken;
    my ($first) = sort { $a <=> $b } @at;

    is(scalar @at, 20, 'a scheduled one went out, once to each');
    cmp_ok($first - $due->{at}, '>', -1.5, 'not early');
    cmp_ok($first - $due->{at}, '<', 10, sprintf('nor late: %.1f s', $first - $due->{at}));
}

$c->done;
