package Bench::Dispatch;

# A broadcast without a limit, beside two queues that do the same work: one
# POST for each recipient, to the same sink.  The clock is the sink's: from the
# first POST that it gets to the last.  Before that, Herald freezes its
# audience (timed as well) and the queues enqueue their jobs.
#
# Herald's every message is committed as an attempt before it is written and
# as accepted after it, with its text in the history; a queue's job is gone when it
# is done.

use strict;
use warnings;

use List::Util qw(max min);
use Time::HiRes qw(sleep time);

use Bench::Campaign;
use Bench::Peers;


# the sink's times since byte `from` of its log, as soon as there are n
sub posts {
    my ($s, $from, $n, $limit) = @_;
    my $path = "$s->{dir}/times.log";
    my ($size, $since) = (0, time);

    # a line is always as long: "1763701234.567\n"
    while ((my $now = -s $path // 0) - $from < $n * 15) {
        ($size, $since) = ($now, time) if $now != $size;

        if (time - $since > $limit) {
            Bench::wrong('the sink got ', ($now - $from) / 15, " of $n");
            last;
        }

        sleep 0.05;
    }

    # nothing comes twice
    sleep 0.5;
    open my $in, '<', $path or return;
    seek $in, $from, 0;
    chomp(my @at = <$in>);

    Bench::wrong(scalar(@at), " POSTs for $n recipients") if @at != $n;

    return { n => $n, first => min(@at), last => max(@at) } if @at > 1;
}

sub mark {
    my ($s) = @_;

    return -s "$s->{dir}/times.log" || 0;
}

sub herald {
    my ($t, $s, $account) = @_;
    my $n = $Bench::recipients;
    my $from = mark($s);
    my ($id, $p, $begun);

    my $r = Bench::with_cpu($t, sub {
        $begun = time;
        $id = Bench::Campaign::create($t, $account);
        $p = posts($s, $from, $n, 30);
        return {};
    });

    return if !$p;

    Bench::Campaign::wait_for($t, $id, 0.1, \&Bench::Campaign::all_sent);

    my ($accepted, $ids, $started) = split /\|/, $t->sql(
        "SELECT count(*), count(DISTINCT provider_id), "
        . "(SELECT extract(epoch FROM started_at) FROM broadcasts "
        . "WHERE id = '$id') FROM deliveries "
        . "WHERE batch_id = '$id' AND state = 'accepted'");

    Bench::wrong("$accepted accepted, $ids ids of $n in the ledger")
        if $accepted != $n || $ids != $n;

    return { %$r, n => $n, rate => $n / ($p->{last} - $p->{first}),
        whole => $n / ($p->{last} - $begun),
        freeze => $n / ($p->{first} - $started) };
}

# enqueue, then so many processes until all is sent
sub queue {
    my ($t, $s, $script, $env, $processes) = @_;
    my $n = $Bench::recipients;
    my $enqueue = Bench::Peers::ask($env, $script, 'enqueue', $n)->{seconds};

    my $from = mark($s);
    my $p;
    my $r = Bench::with_cpu($t, sub {
        my @pids = map { Bench::Peers::start($env, $script, 'work') }
            1 .. $processes;

        $p = posts($s, $from, $n, 30);

        # completions in batches may still be under way
        my $left = Herald::Test::wait_until(sub {
            Bench::Peers::ask($env, $script, 'count')->{left} == 0
        }, 10);
        Bench::wrong("$script has jobs left") if !$left;
        Bench::Peers::stop(@pids);
        return {};
    });

    return if !$p;

    my $took = $p->{last} - $p->{first};

    return { %$r, n => $n, rate => $n / $took,
             whole => $n / ($enqueue + $took) };
}

sub run {
    my ($t) = @_;
    my $s = $Bench::provider = Bench::sink();
    my $redis = Bench::Peers::redis($t);
    my %env = (
        BENCH_SINK => $s->url,
        BENCH_REDIS => $redis->{port},
        BENCH_PG_URL => Bench::Peers::postgres_url($t, 'peers'),
    );

    print "dispatch: $Bench::recipients recipients, to a sink that accepts "
        . "everything\n";
    Bench::Campaign::load($t);

    my $account = Bench::account($t, undef, 99, base_url => $s->url);
    my %all;

    for my $run (1 .. $Bench::runs) {
        for my $one (
            [ 'Herald' => sub { herald($t, $s, $account) } ],
            [ 'graphile-worker, 2 processes' => sub {
                queue($t, $s, 'graphile.js', \%env, 2) } ],
            [ 'BullMQ, 1 process' => sub {
                queue($t, $s, 'bullmq.js', \%env, 1) } ])
        {
            my ($name, $sub) = @$one;
            my $r = $sub->() or next;

            Bench::note($name, $r);
            push @{ $all{$name}{$_} }, $r->{$_}
                for grep { $r->{$_} } qw(rate whole freeze);
        }
    }

    Bench::Peers::stop($redis->{pid});
    undef $Bench::provider;
    $s->finish;

    my $of = sub {
        my ($name, $k) = @_;
        return Bench::median(@{ $all{$name}{$k} // [] });
    };

    for my $peer ([ 'graphile-worker, 2 processes', 1.3 ],
                  [ 'BullMQ, 1 process', 2 ])
    {
        Bench::row(figure => 'broadcast, POSTs/s, full ledger',
            value => $of->('Herald', 'rate'), against => $peer->[0],
            limit => $of->($peer->[0], 'rate'), ratio => $peer->[1]);
    }

    for my $peer ('graphile-worker, 2 processes', 'BullMQ, 1 process') {
        Bench::row(figure => 'the same from the request on',
            value => $of->('Herald', 'whole'),
            against => "$peer, with enqueueing",
            limit => $of->($peer, 'whole'));
    }

    Bench::row(figure => 'freezing, recipients/s',
        value => $of->('Herald', 'freeze'), at_least => 100_000,
        against => 'from its begin to the first POST');
    Bench::memory($t, 'after dispatch');
}

1;
