#!/usr/bin/perl

# Fault 17: an update of the time zones moves a zone's offset while things are scheduled.
# What was said in local time keeps its local time, what was said as an instant keeps its
# instant.  PostgreSQL reads the zones from the system, so it gets a copy of them with
# another Nairobi, in a mount namespace of its own, and Herald goes through its restart.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);

my $zones = '/usr/share/zoneinfo';

plan skip_all => 'a mount namespace of its own is for root'
    if system('unshare -m true 2> /dev/null') != 0 || !-e "$zones/Asia/Dubai";

my $c = chaos(name => 'a zone moves', n => $ENV{CHAOS_N} // 600);
my $t = $c->{t};

# local time, zone, seen at => the instant
sub instants {
    my ($name, @cases) = @_;

    for my $x (@cases) {
        my ($local, $zone, $at, $want) = @$x;
        is($t->sql("set timezone = 'UTC'; select to_char(herald_next_local('$local', '$zone',
            '$at'), 'YYYY-MM-DD HH24:MI')"), $want, "$name: $local in $zone");
    }
}

sub quiet {
    my ($name, $at, $want) = @_;

    is($t->sql("set timezone = 'UTC'; select to_char(herald_quiet_until('21:00', '08:00',
        'Africa/Nairobi', '$at'), 'YYYY-MM-DD HH24:MI')"), $want, "$name: quiet over midnight");
}

my @steady = (
    ['09:00', 'UTC',                 '2027-01-10 00:00Z', '2027-01-10 09:00'],
    ['09:00', 'Asia/Kolkata',        '2027-01-10 00:00Z', '2027-01-10 03:30'],
    ['09:00', 'Asia/Kathmandu',      '2027-01-10 00:00Z', '2027-01-10 03:15'],
    ['09:00', 'America/New_York',    '2027-01-10 00:00Z', '2027-01-10 14:00'],
    ['09:00', 'America/New_York',    '2027-07-10 00:00Z', '2027-07-10 13:00'],
    ['09:00', 'Pacific/Kiritimati',  '2027-01-10 00:00Z', '2027-01-10 19:00'],
    ['09:00', 'Pacific/Pago_Pago',   '2027-01-10 00:00Z', '2027-01-10 20:00'],
    # the hour that there is not: an hour later by the wall
    ['02:30', 'America/New_York',    '2027-03-14 06:00Z', '2027-03-14 07:30'],
    ['02:30', 'Europe/Berlin',       '2027-03-28 00:00Z', '2027-03-28 01:30'],
);

instants('before', @steady,
    ['09:00', 'Africa/Nairobi', '2027-01-10 00:00Z', '2027-01-10 06:00'],
    ['01:00', 'Africa/Nairobi', '2027-01-10 00:00Z', '2027-01-10 22:00']);
quiet('before', '2027-01-10 18:30Z', '2027-01-11 05:00');

# an instant, and a local time that is far from now in both zones
my $at = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime time + 3600);
$c->people(instant => 10);
my $instant = $c->broadcast(tag => 'instant', send_at => $at);

my $hour = sprintf '%02d:00', (strftime('%H', gmtime) + 12) % 24;
my $soon = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime time + 8);
$c->people(local => 10);
my $r = $t->api('POST', '/broadcasts', { name => 'Local', local_time => $hour,
    account_id => $c->{accounts}[0]{id}, template_id => $c->{template}{hello},
    audience => { tag => 'local' }, send_at => $soon });
is($r->{status}, 201, 'a broadcast at a local time') or diag($r->{content});
my $local = $r->{json}{id};

$c->drive;
$c->broadcast;
$c->until_share(0.3);


# the update: Nairobi is where Dubai is

system('cp', '-r', $zones, "$t->{dir}/zones") == 0 or die 'no copy of the zones';
system('cp', "$zones/Asia/Dubai", "$t->{dir}/zones/Africa/Nairobi") == 0 or die;
system("chmod -R a+rX $t->{dir}/zones");

$t->cluster_stop('immediate');
is(system("unshare -m sh -c 'mount --bind $t->{dir}/zones $zones && exec "
    . "$t->{repo}/tools/cluster.sh start $t->{dir}/pg $t->{dir}/s $t->{dir}/pg.log'"
    . " > $t->{dir}/cluster.out 2>&1"), 0, 'PostgreSQL with other zones');
$t->{pg_up} = 1;
$t->{pids}{ $t->postmaster } = 'postmaster';
ok(wait_until(sub { $t->get('/readyz')->{status} == 200 }, 20), 'Herald is back by itself');

instants('after', @steady,
    ['09:00', 'Africa/Nairobi', '2027-01-10 00:00Z', '2027-01-10 05:00'],
    ['01:00', 'Africa/Nairobi', '2027-01-10 00:00Z', '2027-01-10 21:00']);
quiet('after', '2027-01-10 18:30Z', '2027-01-11 04:00');

is($c->look($instant)->{send_at} =~ s/\.\d+//r, $at, 'an instant is the same instant');

# its audience is frozen after the update, in waves by zone
my ($h) = $hour =~ /^(\d+)/;
my $opens;
wait_until { $opens = $t->sql("set timezone = 'UTC'; select to_char(opens_at, 'HH24:MI')
    from broadcast_stages where broadcast_id = '$local' and kind = 'wave'") } 30;
is($opens, sprintf('%02d:00', ($h - 4) % 24), "$hour local is $hour by the new clock");
is($t->api('POST', "/broadcasts/$local/cancel")->{status}, 200, 'cancelled');

is($t->api('POST', "/broadcasts/$instant->{id}/cancel")->{status}, 200, 'cancelled');
@{ $c->{broadcasts} } = grep { $_ != $instant } @{ $c->{broadcasts} };
wait_until { $t->sql("select count(*) from deliveries where state = 'queued'") == 0 } 30;

$c->{calm} = 0;
$c->judge(unknown => 0);

$c->done;
