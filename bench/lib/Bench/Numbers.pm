package Bench::Numbers;

# Many numbers at once, each with a limit and a broadcast of its own: by the
# provider's ledger no number exceeds its rate in any second, and none gets
# less than the others.

use strict;
use warnings;

use List::Util qw(max min sum);
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

use Bench::Campaign;

my $rate = 80;
my ($numbers, $seconds) = $Bench::quick ? (20, 5) : (200, 20);

$numbers = $ENV{BENCH_NUMBERS} if $ENV{BENCH_NUMBERS};


sub run {
    my ($t, $s) = @_;
    # more than can go while they begin one after another, and then
    my $each = $rate * $seconds * 2;
    my $audience = Bench::Campaign::tag($t, 'each', $each);
    my (@accounts, @ids);

    print "numbers: $numbers at $rate a second for $seconds s\n";

    # statuses are measured elsewhere
    push @accounts, Bench::account($t, $s, 1000 + $_, rate => $rate,
        delivered_rate => 0, read_rate => 0, reply_rate => 0,
        webhook_url => '') for 1 .. $numbers;

    my $from = Bench::Campaign::mark($s);
    my ($began, $ended);
    my $r = Bench::with_cpu($t, sub {
        push @ids, Bench::Campaign::create($t, $_, $audience) for @accounts;

        # every number has begun
        Herald::Test::wait_until(sub {
            keys %{ Bench::Campaign::since($s, $from) } == $numbers
        }, 30, 'all numbers') or Bench::wrong('some numbers do not begin');
        $began = clock_gettime(CLOCK_MONOTONIC) * 1e6;
        sleep $seconds;
        $ended = clock_gettime(CLOCK_MONOTONIC) * 1e6;
        return {};
    });

    # where the machine is too slow for the rate there is something left
    Bench::Campaign::post($t, "/broadcasts/$_/cancel", {}) for @ids;

    my $ledger = Bench::Campaign::since($s, $from);
    my (@rates, @full, $n);

    for my $account (@accounts) {
        my $lines = $ledger->{ $account->{number_id} } // [];
        my @at = sort { $a <=> $b } map { $_->{mono_us} } @$lines;
        my %to = map { $_->{to} => 1 } @$lines;

        Bench::wrong("number $account->{number_id} wrote to somebody twice")
            if keys %to != @at;
        $n += @at;
        push @rates, scalar(grep { $_ >= $began && $_ < $ended } @at) / $seconds;
        push @full, Bench::Campaign::fullest(1_000_000, @at);
    }

    @rates = sort { $a <=> $b } @rates;

    my $share = min($rate, sum(@rates) / @rates);
    my $full = max(@full);

    Bench::note('all numbers', { %$r, n => $n, rate => sum(@rates) });
    printf "  least %.2f, median %.2f, most %.2f a second\n", $rates[0],
        Bench::median(@rates), $rates[-1];

    Bench::row(figure => "$numbers numbers at $rate/s: fullest second",
        value => $full, at_most => $rate + 1);
    Bench::row(figure => "$numbers numbers: the slowest, /s",
        value => $rates[0], against => 'its fair share', limit => $share,
        ratio => 0.9, show => Bench::digits(2));
    Bench::row(figure => "$numbers numbers: the median, /s",
        value => Bench::median(@rates), show => Bench::digits(2),
        against => 'its limit', limit => $rate);
    Bench::memory($t, "after $numbers numbers");
}

1;
