package Bench::Numbers;

# Many numbers at once, each with a limit and a broadcast of its own: by the
# provider's ledger no number exceeds its rate in any second, and none gets
# less than the others.

use strict;
use warnings;

use List::Util qw(max min sum);

use Bench::Campaign;

my $rate = 80;
my ($numbers, $seconds) = $Bench::quick ? (20, 5) : (200, 20);


sub run {
    my ($t, $s) = @_;
    my $each = $rate * $seconds;
    my $audience = Bench::Campaign::tag($t, 'each', $each);
    my (@accounts, @ids);

    print "numbers: $numbers at $rate a second, $each messages each\n";

    # statuses are measured elsewhere
    push @accounts, Bench::account($t, $s, 1000 + $_, rate => $rate,
        delivered_rate => 0, read_rate => 0, reply_rate => 0,
        webhook_url => '') for 1 .. $numbers;

    my $from = Bench::Campaign::mark($s);
    my $r = Bench::with_cpu($t, sub {
        push @ids, Bench::Campaign::create($t, $_, $audience) for @accounts;
        Bench::Campaign::wait_for($t, $_, 0.5, \&Bench::Campaign::all_sent)
            for @ids;
        return {};
    });

    my $ledger = Bench::Campaign::since($s, $from);
    my @at = map { [ sort { $a <=> $b }
                     map { $_->{mono_us} } @{ $ledger->{$_->{number_id}} // [] } ]
        } @accounts;
    my $bad = grep { @$_ != $each } @at;

    if ($bad) {
        Bench::wrong("$bad numbers do not have $each messages");
        return;
    }

    # the time in which all of them are at work
    my $begin = max(map { $_->[0] } @at);
    my $end = min(map { $_->[-1] } @at);
    my $span = ($end - $begin) / 1e6;

    Bench::note('all numbers', { %$r, n => $numbers * $each,
        rate => $numbers * $each / ((max(map { $_->[-1] } @at)
            - min(map { $_->[0] } @at)) / 1e6) });

    if ($span < $seconds / 4) {
        Bench::wrong("the numbers were at work together for $span s only");
        return;
    }

    my @rates = sort { $a <=> $b } map {
        my $a = $_;
        scalar(grep { $_ >= $begin && $_ < $end } @$a) / $span
    } @at;
    my $share = min($rate, sum(@rates) / @rates);
    my $full = max(map { Bench::Campaign::fullest(1_000_000, @$_) } @at);

    printf "  in the %.1f s that all had in common: least %.2f, median %.2f, "
        . "most %.2f a second\n", $span, $rates[0],
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
