package Bench::Lane;

# The fast lane: replies of people while a broadcast of the same number is being
# paced.  From the moment that the client has its 202 to the provider's entry;
# both clocks are this machine's.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Bench::Campaign;

my $rate = 80;
my $replies = $Bench::quick ? 30 : 200;


sub quantiles {
    my @n = sort { $a <=> $b } @_;

    return map { $n[ min_index($#n, int(@n * $_)) ] } 0.5, 0.9, 0.99, 1;
}

sub min_index {
    my ($last, $i) = @_;

    return $i > $last ? $last : $i;
}

# the customers wrote first: the 24 hours are open
sub open_windows {
    my ($t, $s, $account) = @_;

    for my $n (1 .. $replies) {
        $s->sandbox_inbound($account->{number_id}, text => 'Hello?',
            name => 'Amina', from => sprintf('2542%08d', $n));
    }

    my $known = Herald::Test::wait_until(sub {
        $t->sql("SELECT count(*) FROM conversations WHERE account_id = "
                . "'$account->{id}'") >= $replies
    }, 30, 'the conversations');

    die "the customers' messages do not arrive\n" if !$known;
}

# [when the 202 was here, how long it took], by the digits of the phone
sub reply {
    my ($t, $account, $n) = @_;
    my $to = sprintf '2542%08d', $n;
    my $from = time;
    my $r = $t->api('POST', '/messages', { account_id => $account->{id},
        to => "+$to", text => "Yes, number $n." });
    my $at = time;

    Bench::wrong("a reply was answered $r->{status} $r->{content}")
        if $r->{status} != 202;

    return ($to => { at => $at, took => $at - $from });
}

sub measure {
    my ($t, $s, $account) = @_;
    my $mark = Bench::Campaign::mark($s);
    my %sent;

    # at no particular time of the bucket's beat
    srand 7;

    for my $n (1 .. $replies) {
        sleep 0.04 + rand 0.06;
        %sent = (%sent, reply($t, $account, $n));
    }

    my %went;

    Herald::Test::wait_until(sub {
        my $lines = Bench::Campaign::since($s, $mark)
            ->{ $account->{number_id} } // [];

        %went = map { $_->{to} => $_->{at} }
            grep { $_->{type} eq 'text' } @$lines;
        return keys %went >= $replies;
    }, 30, 'the replies') or Bench::wrong(scalar(keys %went),
                                          " of $replies replies went");

    my @known = grep { $went{$_} } keys %sent;

    return ([ map { $went{$_} / 1e3 - $sent{$_}{at} * 1e3 } @known ],
            [ map { $sent{$_}{took} * 1e3 } @known ]);
}

sub run {
    my ($t, $s) = @_;
    my $account = Bench::account($t, $s, 95, rate => $rate,
        delivered_rate => 0, read_rate => 0, reply_rate => 0);
    my $format = '  %-34s p50 %6.2f p90 %6.2f p99 %6.2f max %6.2f ms' . "\n";

    print "lane: $replies replies beside a broadcast to $Bench::recipients at "
        . "$rate a second\n";
    open_windows($t, $s, $account);

    # the same without a broadcast: what the way alone takes
    my ($alone) = measure($t, $s, $account);

    printf $format, '202 to ledger, nothing else', quantiles(@$alone);

    my $mark = Bench::Campaign::mark($s);
    my $id = Bench::Campaign::create($t, $account);

    Herald::Test::wait_until(sub {
        Bench::Campaign::mark($s) > $mark
    }, 30, 'the first of the broadcast') or die "the broadcast does not begin\n";
    sleep 1;

    my ($late, $took) = measure($t, $s, $account);

    printf $format, '202 to ledger', quantiles(@$late);
    printf $format, 'the 202 itself', quantiles(@$took);

    # the broadcast must have been at its limit all the time
    my @at = sort { $a <=> $b } map { $_->{mono_us} }
        @{ Bench::Campaign::since($s, $mark)->{ $account->{number_id} } };
    my $mean = $#at / (($at[-1] - $at[0]) / 1e6);

    printf "  the number sent %.1f a second in all, fullest second %d\n",
        $mean, Bench::Campaign::fullest(1_000_000, @at);
    print "  (its rate was not used up: the lane was not put to the test)\n"
        if $mean < 0.9 * $rate;

    my $r = $t->api('POST', "/broadcasts/$id/cancel", {});
    Bench::wrong("cancel: $r->{status} $r->{content}") if $r->{status} > 299;

    my @alone = quantiles(@$alone);
    my @late = quantiles(@$late);

    Bench::row(figure => 'a reply beside bulk, p50, ms', value => $late[0],
        against => 'without the broadcast', limit => $alone[0],
        show => Bench::digits(1));
    Bench::row(figure => 'a reply beside bulk, p99, ms', value => $late[2],
        show => Bench::digits(1), at_most => 50);
}

1;
