#!/usr/bin/perl

# Fault 2: kill -9 of nginx's master in the middle of a broadcast.  Its children go on for
# as long as they live; then the machine's service manager ends them and starts nginx
# again.  Nobody remembers anything: the state is PostgreSQL's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;

my $c = chaos(name => 'the master is killed');
my $t = $c->{t};

$c->drive;
$c->broadcast;
$c->until_share(0.2);

# the children without their master

my $before = $c->taken;
$t->kill_process($t->{master});
waitpid $t->{master}, 0;
$c->{calm} = 0;

ok(wait_until(sub { $c->taken > $before + 100 }, 20),
   'without a master the workers go on sending');
is($t->get('/readyz')->{status}, 200, 'and answer');

# all of it ends at once, and nginx is started again

my $sending = $t->sql("select count(*) from deliveries
                       where state = 'sending'");
$c->crash;
$t->start;

ok(wait_until(sub { ($c->look // {})->{status} }, 5), 'it answers again');

# what is out at once is half a second's worth of the rate, and two seconds' where the
# machine is too slow to keep the rate with less
$c->judge(unknown => 2 * $c->{rate});
ok($t->logged('rebuilt its memory'), 'the scheduler began from the database');
diag("$sending in sending before, $c->{unknown} unknown in the end");

# once more, and nobody starts it for a while: what is due waits

my $late = $c->broadcast(tag => 'late', send_at => rfc3339(time + 2));
$c->crash;
sleep 3;
$t->start;
ok($c->until_status('completed', limit => 40),
   'a broadcast that came due while all was dead');
is(scalar(grep { ($_->{batch} // '') eq $late->{id} } $c->taken), $late->{n},
   'went out, once to each');

$c->done;


sub rfc3339 {
    my ($s, $m, $h, $d, $mon, $y) = gmtime shift;

    return sprintf '%d-%02d-%02dT%02d:%02d:%02dZ', $y + 1900, $mon + 1, $d, $h, $m, $s;
}
