#!/usr/bin/perl

# Fault 21: two nodes on one database, each with a helper, and both believe that they own
# the number: the first one's helper stands still until its lease is over, the second
# takes it, the first wakes up.  Then the second is killed.  One sender at any time, its
# rate is the number's, and nobody is sent to twice.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;
use Time::HiRes qw(sleep time);

my $rate = 100;
my $c = chaos(name => 'two helpers, one number', rate => $rate,
              n => $ENV{CHAOS_N} // $rate * 40);
my $t = $c->{t};

# the second node: an nginx of its own on the first one's database
my $conf = Herald::Test::Nginx::default_conf();
$conf =~ s/host=%%DIR%%/host=$t->{dir}/;
my $two = Herald::Test->new(postgres => 0, start => 1, conf => $conf);
ok(wait_until(sub { $two->get('/readyz')->{status} == 200 }, 20), 'a second node');

$c->drive(inbound => 20, submit => 2);
my $b = $c->broadcast;

# a node reads what is due when it begins, and then once a minute
$two->reload;
$c->until_share(0.1);

sub owner {
    return $t->sql("select node_id, fence from leases
                    where account_id = '$c->{accounts}[0]{id}'");
}

sub count {
    return scalar(my @l = $c->taken);
}

my $first = owner();
my $helper = $t->helper_pid;

# which of them has it?
my ($one, $other) = ($t, $two);
my %sends = map { $_ => sends($_) } 1, 2;
sleep 1;
($one, $other) = ($two, $t) if sends(2) > $sends{2};
diag('the number is the ' . ($one == $t ? 'first' : 'second') . q( node's));

sub sends {
    my $node = $_[0] == 1 ? $t : $two;
    my ($n) = $node->get('/metrics')->{content} =~ /^herald_sends_total (\d+)/m;

    return $n // 0;
}

$helper = $one->helper_pid;
kill 'STOP', $helper;

ok(wait_until(sub { owner() ne $first }, 40), 'the other node takes the number');
my $second = owner();
my ($f1) = $first =~ /\|(\d+)/;
my ($f2) = $second =~ /\|(\d+)/;
cmp_ok($f2, '>', $f1, "with a higher fence: $f1, $f2");

my $n = count();
ok(wait_until(sub { count() > $n + $rate }, 20), 'and sends');

kill 'CONT', $helper;
sleep 2;
is((split /\|/, owner())[0], (split /\|/, $second)[0],
   'the first one woke up and left it alone');
my ($a0, $a1) = (sends($one == $t ? 1 : 2), 0);
sleep 1;
$a1 = sends($one == $t ? 1 : 2);
cmp_ok($a1 - $a0, '<=', 2, 'it sends nothing of it any more');

# the second node dies, all of it, and its lease runs out
my %all = $other->session;
$other->kill_process($_) for $other->{master}, grep { $_ != $other->{master} } keys %all;
waitpid $other->{master}, 0;
$other->{master} = 0;

$n = count();
my $began = time;

# drivers talk to the first node's port; when that is the dead one, it starts again
if ($other == $t) {
    sleep 1;
    $t->start;
}

ok(wait_until(sub { count() > $n + 2 * $rate }, 40), sprintf('it is taken over'));
diag(sprintf 'after %.1f s', time - $began);
cmp_ok(time - $began, '<', 25, 'within the lease, and a little');

$c->{calm} = 0;
# all that the dead node had marked as sending, which is up to two seconds' worth
$c->judge(unknown => 2 * $rate + 60, limit => 90);

$two->finish;
$c->done;
