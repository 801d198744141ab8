package Bench::Timers;

# Timers: the wheel of shared memory, alone and driven as the helper drives it
# (bench/timers.c), beside delayed jobs of BullMQ.

use strict;
use warnings;

use JSON::PP;

use Bench::Peers;

my ($n, $seconds, $total) = $Bench::quick ? (10_000, 6, 100_000)
    : (100_000, 60, 1_000_000);


sub timers {
    my @args = @_;
    my $program = Herald::Test::repo() . '/build/bench/timers';

    open my $out, '-|', $program, @args or die "cannot run $program: $!\n";
    my @lines = map { JSON::PP->new->decode($_) } <$out>;
    close $out or die "timers @args failed\n";

    return @lines;
}

sub cost {
    my @all;

    print "timers: cost\n";

    for my $run (1 .. $Bench::runs) {
        my @lines = timers('cost');

        for my $i (0 .. $#lines) {
            push @{ $all[$i]{$_} }, $lines[$i]{$_} for keys %{ $lines[$i] };
        }
    }

    my @m = map {
        my $r = $_;
        +{ map { $_ => Bench::median(@{ $r->{$_} }) } keys %$r }
    } @all;

    printf "  %9s timers: insert %.0f ns, fire %.0f ns, %.1f bytes each\n",
        Bench::comma($_->{timers}), @{$_}{qw(insert_ns fire_ns bytes)} for @m;

    Bench::row(figure => 'a timer, bytes, 1,000,000 of them',
        value => $m[2]{bytes}, at_most => 63.9, show => Bench::digits(1));

    # a cache holds the smallest wheel and not the largest; a tree or a list
    # would be far beyond this
    for my $what (qw(insert fire)) {
        Bench::row(figure => "$what, ns, 1,000,000 timers",
            value => $m[2]{"${what}_ns"}, against => 'with 10,000',
            limit => $m[0]{"${what}_ns"}, ratio_most => 10);
        Bench::row(figure => "$what, ns, 100,000 timers",
            value => $m[1]{"${what}_ns"}, against => 'with 10,000',
            limit => $m[0]{"${what}_ns"}, ratio_most => 10);
    }
}

sub late {
    my ($t) = @_;

    print "timers: $n due over $seconds s, among $total in the wheel\n";

    my ($ours) = timers('late', $n, $seconds, $total);

    printf "  %-34s late by p50 %.2f p90 %.2f p99 %.2f max %.2f ms, "
        . "%.2f s of CPU\n", 'Herald', @{$ours}{qw(p50 p90 p99 max cpu)};

    my $redis = Bench::Peers::redis($t);
    my $lead = $Bench::quick ? 3 : 12;
    my $bull = Bench::Peers::ask({ BENCH_REDIS => $redis->{port} },
        'bullmq.js', 'late', $n, $seconds, $lead);

    Bench::Peers::stop($redis->{pid});
    printf "  %-34s late by p50 %.0f p90 %.0f p99 %.0f max %.0f ms, "
        . "%.0f bytes each\n", 'BullMQ, delayed jobs',
        @{$bull}{qw(p50 p90 p99 max bytes)};
    print "  the jobs were not all there before the first was due\n"
        if !$bull->{in_time};

    Bench::row(figure => 'timers late, p99, ms', value => $ours->{p99},
        at_most => 10, show => Bench::digits(2));

    for my $k (qw(p50 p99 max)) {
        Bench::row(figure => "timers late, $k, ms", value => $ours->{$k},
            show => Bench::digits(2), against => 'BullMQ, delayed jobs',
            limit => $bull->{$k}, $k eq 'p99' ? (ratio_most => 1) : ());
    }
}

sub run {
    my ($t) = @_;

    cost();
    late($t);
}

1;
