package Bench::Broadcast;

# A broadcast's whole life against the sandbox: how fast messages are accepted,
# how fast all their statuses come in afterwards, and how even a limited rate
# is.  The limit is the sandbox itself under wrk.

use strict;
use warnings;

use JSON::PP;
use List::Util qw(max min);
use Time::HiRes qw(sleep time);

my $recipients = $ENV{BENCH_RECIPIENTS} // 100_000;
my $rate = 80;
my $rate_seconds = 35;


# contacts of the organisation, with their rows in contact_tags: "few" is the
# audience of the limited broadcast
sub load {
    my ($t, $org) = @_;
    my $few = $rate * $rate_seconds;

    $t->sql(<<"SQL");
SET session_replication_role = replica;
INSERT INTO contacts (org_id, id, name, first_name, last_name, phone, language)
SELECT '$org', ('01900000000070018' || lpad(n::text, 15, '0'))::uuid,
       'Amina Otieno', 'Amina', 'Otieno', '+2541' || lpad(n::text, 8, '0'), 'en'
  FROM generate_series(1, $recipients) n;
INSERT INTO contact_tags (org_id, tag, contact_id)
SELECT '$org', 'few', ('01900000000070018' || lpad(n::text, 15, '0'))::uuid
  FROM generate_series(1, $few) n;
SQL
    $t->sql("VACUUM ANALYZE $_") for qw(contacts contact_tags);
    $t->sql('CHECKPOINT');
}

sub post {
    my ($t, $path, $body) = @_;
    my $r = $t->api('POST', $path, $body);

    die "POST $path: $r->{status} $r->{content}\n" if $r->{status} > 299;
    return $r->{json};
}

sub create {
    my ($t, $account, $template, $audience) = @_;

    return post($t, '/broadcasts', { name => 'Bench',
        account_id => $account->{id}, template_id => $template->{id},
        audience => $audience })->{id};
}

# asks until `sub` is true of its counters; says so when nothing moves for 30 s
sub wait_for {
    my ($t, $id, $pause, $sub) = @_;
    my ($last, $since, $c) = ('', time);

    while (1) {
        my $r = $t->api('GET', "/broadcasts/$id");

        $c = $r->{json}{counters};
        return $r->{json} if $r->{status} == 200 && $sub->($r->{json}, $c);

        if ($r->{content} ne $last) {
            $last = $r->{content};
            $since = time;
        }

        if (time - $since > 30) {
            print "  WRONG: nothing moves any more: $r->{content}\n";
            $Bench::failed = 1;
            return;
        }

        sleep $pause;
    }
}

sub fast {
    my ($t, $s, $template, $number) = @_;
    my %now = (min => 0, max => 0);
    my $account = Bench::account($t, $s, $number, hold => \1, delivered_rate => 1,
        read_rate => 1, reply_rate => 0,
        latency_ms => { map { $_ => \%now } qw(sent delivered read) });
    my ($id, $sent);

    my $r = Bench::with_cpu($t, sub {
        $id = create($t, $account, $template, { all => \1 });
        $sent = wait_for($t, $id, 0.2, sub {
            my ($b, $c) = @_;
            $b->{started_at} && $c->{queued} == 0 && $c->{audience};
        });
        return {};
    });

    return if !$sent;

    # started_at is before the audience is frozen
    my ($took, $n) = split /\|/, $t->sql("SELECT "
        . "extract(epoch FROM max(d.sent_at) - b.started_at), count(d.sent_at) "
        . "FROM broadcasts b JOIN deliveries d ON d.org_id = b.org_id "
        . "AND d.batch_id = b.id WHERE b.id = '$id' GROUP BY b.started_at");

    Bench::note('accepted', { %$r, rate => $n / $took, n => $n });

    if ($n != $recipients) {
        print "  WRONG: $n of $recipients were accepted\n";
        $Bench::failed = 1;
    }

    # and now what the provider has to say about all of them
    my $from = time;
    my $read;

    $r = Bench::with_cpu($t, sub {
        $s->sandbox_set($account->{number_id}, hold => \0);
        $read = wait_for($t, $id, 0.2, sub { $_[1]{read} >= $recipients });
        return {};
    });

    my $statuses = time - $from;

    Bench::note('statuses', { %$r, rate => 3 * $n / $statuses, n => 3 * $n });
    print "  counters: ", JSON::PP->new->canonical->encode($read->{counters}),
        "\n" if $read;

    my $ledger = grep { $_->{outcome} eq 'accepted'
        && $_->{phone_number_id} eq $account->{number_id} } $s->ledger;

    if ($ledger != $recipients) {
        print "  WRONG: $ledger in the provider's ledger\n";
        $Bench::failed = 1;
    }

    return {
        accepted => $n / $took,
        lives => $n / ($took + $statuses),
        statuses => 3 * $n / $statuses,
    };
}

# by the provider's clock: the mean, the worst sliding second and 100 ms
sub paced {
    my ($t, $s, $template) = @_;
    my $account = Bench::account($t, $s, 90, rate => $rate);
    my $id = create($t, $account, $template, { tag => 'few' });

    wait_for($t, $id, 1, sub {
        my ($b, $c) = @_;
        $b->{started_at} && $c->{audience} && $c->{queued} == 0;
    }) or return;

    my @at = sort { $a <=> $b } map { $_->{mono_us} }
        grep { $_->{phone_number_id} eq $account->{number_id} } $s->ledger;
    my ($worst, $tenth, $i, $j) = (0, 0, 0, 0);

    for my $n (0 .. $#at) {
        $i++ while $at[$n] - $at[$i] >= 1_000_000;
        $j++ while $at[$n] - $at[$j] >= 100_000;
        $worst = max($worst, $n - $i + 1);
        $tenth = max($tenth, $n - $j + 1);
    }

    return {
        n => scalar @at,
        mean => $#at / (($at[-1] - $at[0]) / 1e6),
        worst => $worst,
        tenth => $tenth,
    };
}

sub run {
    my ($t, %part) = @_;
    my $org = $t->sql('SELECT org_id FROM orgs ORDER BY created_at DESC LIMIT 1');
    my $s = $Bench::provider = Bench::sandbox();

    load($t, $org);

    my $template = post($t, '/templates', { name => 'bench', language => 'en',
        category => 'utility',
        body => 'Hello {{first_name|friend}}, your order is ready.' });

    lives($t, $s, $template) if $part{broadcast};
    pace($t, $s, $template) if $part{pace};

    undef $Bench::provider;
    $s->finish;
}

sub lives {
    my ($t, $s, $template) = @_;
    my (@fast, @limit);

    print "broadcast: $recipients recipients, the provider on an nginx of its "
        . "own\n";
    $s->sandbox_set('10000000009999', token => 'limit', read_rate => 0,
                    delivered_rate => 0);

    for my $run (1 .. $Bench::runs) {
        push @fast, fast($t, $s, $template, 1 + $run);
        push @limit, Bench::wrk($s, cpu => $t, script => 'send.lua',
            clients => 100, seconds => 2, args => [ '10000000009999', 'limit' ]);
        Bench::note('the sandbox under wrk', $limit[-1]);
    }

    my %m = map {
        my $k = $_;
        ($k => Bench::median(map { $_->{$k} } grep { $_ } @fast))
    } qw(accepted lives statuses);

    Bench::row(figure => 'messages accepted/s', value => $m{accepted},
        against => 'wrk -c 100 on the sandbox',
        limit => Bench::median(map { $_->{rate} } @limit), at_least => 10_000);
    Bench::row(figure => 'statuses/s, by webhook', value => $m{statuses});
    Bench::row(figure => 'whole lives/s (accepted to read)',
        value => $m{lives}, at_least => 2500);
    Bench::memory($t, 'after broadcasts');
}

sub pace {
    my ($t, $s, $template) = @_;
    my $two = sub { sprintf '%.2f', shift };

    print "rate: $rate a second for $rate_seconds s\n";

    my $paced = paced($t, $s, $template) or return;

    Bench::row(figure => "rate $rate/s: mean", value => $paced->{mean},
        at_least => $rate * 78 / 80, show => $two,
        against => "$paced->{n} messages, the provider's clock");
    Bench::row(figure => 'rate: worst sliding second',
        value => $paced->{worst}, at_most => $rate + 1);
    Bench::row(figure => 'rate: worst sliding 100 ms',
        value => $paced->{tenth});
}

1;
