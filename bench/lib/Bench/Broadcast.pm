package Bench::Broadcast;

# Broadcasts against the sandbox: whole lives with every status coming back
# while the rest is still being sent, and how even a limited rate is.

use strict;
use warnings;

use JSON::PP;
use Time::HiRes qw(time);

use Bench::Campaign;

my $rate = 80;
my $rate_seconds = $Bench::quick ? 5 : 35;


# from the beginning of the freeze to the last `read` in the database
sub life {
    my ($t, $s, $number) = @_;
    my $n = $Bench::recipients;
    my %now = (min => 0, max => 0);
    my $account = Bench::account($t, $s, $number, delivered_rate => 1,
        read_rate => 1, reply_rate => 0,
        latency_ms => { map { $_ => \%now } qw(sent delivered read) });
    my $from = Bench::Campaign::mark($s);
    my ($id, $read);

    my $r = Bench::with_cpu($t, sub {
        $id = Bench::Campaign::create($t, $account);
        $read = Bench::Campaign::wait_for($t, $id, 0.1,
            sub { $_[1]{read} >= $n });
        return { ended => time };
    });

    return if !$read;

    my ($started, $sent) = split /\|/, $t->sql("SELECT "
        . "extract(epoch FROM b.started_at), "
        . "extract(epoch FROM max(d.accepted_at)) "
        . "FROM broadcasts b JOIN deliveries d ON d.org_id = b.org_id "
        . "AND d.batch_id = b.id WHERE b.id = '$id' GROUP BY b.started_at");

    Bench::note('lives', { %$r, rate => $n / ($r->{ended} - $started),
                           n => $n });
    print "  counters: ", JSON::PP->new->canonical->encode($read->{counters}),
        "\n";

    my $ledger = @{ Bench::Campaign::since($s, $from)
                    ->{ $account->{number_id} } // [] };

    Bench::wrong("$ledger in the provider's ledger") if $ledger != $n;

    return {
        lives => $n / ($r->{ended} - $started),
        accepted => $sent ? $n / ($sent - $started) : 0,
    };
}

sub lives {
    my ($t, $s) = @_;
    my (@life, @limit);

    print "lives: $Bench::recipients recipients, the provider on an nginx of "
        . "its own, sent, delivered and read at once\n";
    $s->sandbox_set('10000000009999', token => 'limit', read_rate => 0,
                    delivered_rate => 0);

    for my $run (1 .. $Bench::runs) {
        push @life, life($t, $s, 1 + $run);
        push @limit, Bench::wrk($s, cpu => $t, script => 'send.lua',
            clients => 100, seconds => 2, args => [ '10000000009999', 'limit' ]);
        Bench::note('the sandbox under wrk', $limit[-1]);
    }

    my $of = sub {
        my ($k) = @_;
        return Bench::median(map { $_->{$k} } grep { $_ } @life);
    };

    Bench::row(figure => 'whole lives/s (accepted to read)',
        value => $of->('lives'), at_least => 4000);
    Bench::row(figure => 'accepted/s, statuses coming in',
        value => $of->('accepted'), against => 'wrk -c100 on the sandbox',
        limit => Bench::median(map { $_->{rate} } @limit));
    Bench::memory($t, 'after broadcasts');
}

# by the provider's clock: the mean, the worst sliding second and 100 ms
sub pace {
    my ($t, $s) = @_;
    my $account = Bench::account($t, $s, 90, rate => $rate);
    my $few = Bench::Campaign::tag($t, 'few', $rate * $rate_seconds);
    my $from = Bench::Campaign::mark($s);

    print "pace: $rate a second for $rate_seconds s\n";

    my $id = Bench::Campaign::create($t, $account, $few);

    Bench::Campaign::wait_for($t, $id, 1, \&Bench::Campaign::all_sent)
        or return;

    my $lines = Bench::Campaign::since($s, $from)->{ $account->{number_id} };
    my @at = sort { $a <=> $b } map { $_->{mono_us} } @{ $lines // [] };

    Bench::wrong(scalar(@at), ' in the ledger')
        if @at != $rate * $rate_seconds;
    return if !@at;

    Bench::row(figure => "rate $rate/s: mean",
        value => $#at / (($at[-1] - $at[0]) / 1e6),
        at_least => $rate * 79 / 80, show => Bench::digits(2),
        against => scalar(@at) . " messages, the provider's clock");
    Bench::row(figure => "rate $rate/s: fullest sliding second",
        value => Bench::Campaign::fullest(1_000_000, @at),
        at_most => $rate + 1);
    Bench::row(figure => "rate $rate/s: fullest 100 ms",
        value => Bench::Campaign::fullest(100_000, @at));
}

1;
