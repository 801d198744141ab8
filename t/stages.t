#!/usr/bin/perl

# How far a broadcast may go, and when: ramps that are judged, tests with a
# winner or without one, people held out, local time, expiry; attempts that
# policy tries again; the automatic pause; statuses that waited.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Herald::Test->new;
my $o = $t->org;
my $fast = { sent => 1, delivered => 1, read => 1 };
my $a = $t->sandbox_account(reply_rate => 0, latency_ms => $fast,
                            delivered_rate => 1, read_rate => 0);
my ($one, $two) = map {
    $t->api('POST', '/templates', { name => $_, language => 'en',
        category => 'marketing', body => "Hi {{first_name|there}}, $_!"
    })->{json}{id}
} qw(one two);

my $stream = $t->stream;
is($stream->status, 200, 'the stream is open');

my $next = 0;

sub people {
    my ($n, $tag, $prefix) = @_;
    my $csv = "first_name,phone\n";

    $csv .= sprintf("P%d,%s%07d\n", $_, $prefix // '+25471', ++$next)
        for 1 .. $n;

    my $r = $t->api('POST', "/contacts/import?tags=$tag", $csv,
                    headers => { 'content-type' => 'text/csv' });
    is($r->{json}{created}, $n, "$n contacts: $tag") or diag($r->{content});
}

# Made for much later, then given its columns and its time: the helper reads
# them when it is told to look.
sub broadcast {
    my ($tag, %set) = @_;
    my $account = delete $set{account} // $a;
    my $r = $t->api('POST', '/broadcasts', { name => "To $tag",
        account_id => $account->{id}, template_id => $one,
        audience => { tag => $tag }, send_at => '2099-01-01T00:00:00Z' });

    is($r->{status}, 201, "a broadcast to $tag") or die "$r->{content}\n";

    my $id = $r->{json}{id};
    my $sets = join ', ', 'send_at = now()', map {
        my $v = $set{$_};
        $v = ref $v ? "'" . encode_json($v) . "'" : $v;
        "$_ = $v" } sort keys %set;

    $t->sql("update broadcasts set $sets where id = '$id'");
    $t->sql("update agenda set due_at = now() where ref_id = '$id'");
    poke($id);
    return $id;
}

# the helper reads it again: a pause and a resumption is news, and no change
sub poke {
    my ($id) = @_;

    $t->api('POST', "/broadcasts/$id/$_") for qw(pause resume);
}

sub look {
    my ($id) = @_;
    return $t->api('GET', "/broadcasts/$id")->{json};
}

sub col {
    my ($id, $what) = @_;
    return $t->sql("select $what from broadcasts where id = '$id'");
}

sub until_status {
    my ($id, $status, $limit) = @_;

    wait_until { look($id)->{status} eq $status } $limit // 30
        or diag("not $status: " . encode_json(look($id))
                . stages($id));
    return look($id);
}

sub stages {
    my ($id) = @_;
    return $t->sql("select n, kind, to_seq, opened_at is not null,
        sent_at is not null, verdict from broadcast_stages
        where broadcast_id = '$id' order by n");
}

sub count {
    my ($id, $where) = @_;
    return $t->sql("select count(*) from deliveries where batch_id = '$id'
        and $where");
}

# sent + failed + skipped + unknown + open = audience
sub whole {
    my ($id) = @_;
    my $c = look($id)->{counters};
    my $rows = $t->sql("select count(*) filter (where state in ('queued',
        'sending')), count(*) filter (where state between 'accepted' and
        'played'), count(*) filter (where state = 'failed'), count(*) filter
        (where state = 'skipped'), count(*) filter (where state = 'unknown')
        from deliveries where batch_id = '$id'");

    is($rows, join('|', map { $c->{$_} }
                   qw(queued sent failed skipped unknown)),
       'the counters are those of the rows');
}


# ── a ramp that goes well ───────────────────────────────────────────────────

people(60, 'ramp');
my $id = broadcast('ramp', ramp => [ { count => 5, wait_s => 1 },
                                     { percent => 50, wait_s => 1 } ]);
until_status($id, 'completed');
is(look($id)->{counters}{sent}, 60, 'all are sent');
is(stages($id), "1|ramp|5|t|t|passed\n2|ramp|30|t|t|passed\n3|all|60|t|f|",
   'its stages');
is($t->sql("select bool_and(d.claimed_at >= s.opened_at)
    from deliveries d, broadcast_stages s where d.batch_id = '$id'
    and s.broadcast_id = '$id' and s.n = 2 and d.seq > 5"), 't',
   'nobody of the second stage was written to before it opened');
is($t->sql("select bool_and(d.claimed_at >= s.opened_at)
    from deliveries d, broadcast_stages s where d.batch_id = '$id'
    and s.broadcast_id = '$id' and s.n = 3 and d.seq > 30"), 't',
   'nor of the rest');
is($t->sql("select bool_and(judged_at >= sent_at + interval '1 second')
    from broadcast_stages where broadcast_id = '$id' and n < 3"), 't',
   'each was waited for');
is($t->sql("select count(*) from agenda where ref_id = '$id'"), 0,
   'nothing of it is left in the agenda');
whole($id);


# ── the helper dies in the middle of a ramp ─────────────────────────────────

$id = broadcast('ramp', ramp => [ { count => 5, wait_s => 2 } ]);
wait_until { stages($id) =~ /^1\|ramp\|5\|t\|t\|/ } 15, 'the canary has gone';
my $old = $t->helper_pid;
$t->kill_process($old);
wait_until { my $p = $t->helper_pid; $p && $p != $old } 10, 'a new helper';
is(count($id, "state <> 'queued'"), 5, 'only the canary has gone');
until_status($id, 'completed', 30);
is(look($id)->{counters}{sent}, 60, 'the next helper goes on');
is($t->sql("select judged_at >= sent_at + interval '2 seconds'
    from broadcast_stages where broadcast_id = '$id' and n = 1"), 't',
   'after the same wait');
whole($id);


# ── a ramp that does not ────────────────────────────────────────────────────

my $bad = $t->sandbox_account(reply_rate => 0, latency_ms => $fast,
    failures => [ { code => 131026, rate => 1, when => 'status' } ]);
$id = broadcast('ramp', account => $bad,
                ramp => [ { count => 10, wait_s => 1 } ]);
my $b = until_status($id, 'paused');
is(col($id, 'pause_reason'), 'failure_rate', 'it says why');
like(col($id, 'pause_detail'),
     qr/^Stage 1, the first 10 of 60 people: 10 of 10 messages failed \(100 %\), most of them with code 131026\. The limit of this broadcast is 50 %\./,
     'in plain words');
is(count($id, "state = 'queued'"), 50, 'the rest was not written to');
like(stages($id), qr/^1\|ramp\|10\|t\|t\|failure_rate\n2\|all\|60\|f/,
     'the verdict');
ok(wait_until(sub { grep { ($_->{event} // '') eq 'broadcast.paused'
        && $_->{json}{id} eq $id
        && $_->{json}{pause_reason} eq 'failure_rate' } $stream->events }, 5,
    'the event'), 'the streams are told');
like($t->get('/metrics')->{content}, qr/^herald_auto_paused_total [1-9]/m,
     'and it is counted');

$t->sandbox_set($bad->{number_id}, failures => []);
is($t->api('POST', "/broadcasts/$id/resume")->{status}, 200, 'resumed');
until_status($id, 'completed');
is(look($id)->{counters}{sent}, 50, 'who resumes has the rest sent');
whole($id);


# ── no ramp: too much of it fails ───────────────────────────────────────────

people(400, 'many');
my $slow = $t->sandbox_account(account => { rate_limit => 40 },
    reply_rate => 0, latency_ms => $fast);
$id = broadcast('many', account => $slow, guard => { min => 20 });
wait_until { look($id)->{counters}{sent} > 60 } 20, 'it goes well';
is(look($id)->{status}, 'sending', 'so it goes on');
$t->sandbox_set($slow->{number_id},
    failures => [ { code => 131026, rate => 1, when => 'answer' } ]);
until_status($id, 'paused');
is(col($id, 'pause_reason'), 'failure_rate', 'paused by what failed last');
like(col($id, 'pause_detail'), qr/messages failed .* code 131026/, 'and how');
my $failed = look($id)->{counters}{failed};
cmp_ok($failed, '<', 150, "after $failed failures");
$t->sandbox_set($slow->{number_id}, failures => []);

# opt-outs: people leave because of it
$t->api('POST', "/broadcasts/$id/resume");
wait_until { look($id)->{counters}{sent} > 120 } 20, 'it goes on';
is(look($id)->{status}, 'sending', 'a resumption begins a new window');
$t->sql("update broadcast_counters set opted_out = 30
    where broadcast_id = '$id' and stripe = (select min(stripe)
    from broadcast_counters where broadcast_id = '$id')");
until_status($id, 'paused');
is(col($id, 'pause_reason'), 'opt_out_rate', 'too many opted out');
like(col($id, 'pause_detail'), qr/^30 of \d+ people opted out/, 'it says so');
is($t->api('POST', "/broadcasts/$id/cancel")->{status}, 200, 'enough');
wait_until { look($id)->{finished_at} } 15, 'the end';
whole($id);


# ── A/B ─────────────────────────────────────────────────────────────────────

my $variants = [ { template_id => $one, weight => 1 },
                 { template_id => $two, weight => 1 } ];

people(300, 'ab');

# what a test found is planted while it is waited for
sub test_of {
    my ($read) = @_;
    my $id = broadcast('ab', variants => $variants,
        test => { percent => 60, wait_s => 600, metric => 'read',
                  min_sample => 40 });

    wait_until { stages($id) =~ /^1\|test\|\d+\|t\|t\|/ } 20, 'the test went';
    wait_until { $t->sql("select count(*) from deliveries d,
        broadcast_stages s where s.broadcast_id = '$id' and s.n = 1
        and d.batch_id = '$id' and d.seq <= s.to_seq
        and d.state <> 'delivered'") == 0 } 30, 'delivered';
    $t->sql("update deliveries d set state = 'read', read_at = now()
        from broadcast_stages s where s.broadcast_id = '$id' and s.n = 1
        and d.batch_id = '$id' and d.seq <= s.to_seq and ($read)");
    $t->sql("update broadcast_stages set wait_s = 0
        where broadcast_id = '$id' and n = 1");
    poke($id);
    until_status($id, 'completed');
    return $id;
}

$id = test_of('d.variant = 1 or d.seq % 3 = 0');
my ($test) = stages($id) =~ /^1\|test\|(\d+)/;
ok($test > 140 && $test < 220, "about 60 of 100 tested it: $test");
is(col($id, 'winner'), 1, 'the better one wins');
my $result = decode_json(col($id, 'test_result'));
is($result->{winner}, 1, 'and so says the result');
is($result->{reason}, 'significant', 'for a reason');
cmp_ok($result->{p}, '<', 0.001, "p = $result->{p}");
is($result->{variants}[0]{sent} + $result->{variants}[1]{sent}, $test,
   'of all that were tested');
is($result->{variants}[1]{read}, $result->{variants}[1]{sent},
   'with what became of them');
is($t->sql("select count(*) from messages m join deliveries d
    on d.message_id = m.id where d.batch_id = '$id' and d.seq > $test
    and m.text not like '%two!'"), 0, 'the rest got the winner');
whole($id);

# every third of both, exactly: who gets which is dealt by chance
$id = test_of('(select count(*) from deliveries z where z.batch_id = d.batch_id
    and z.variant = d.variant and z.seq <= d.seq) % 3 = 0');
is(col($id, 'winner'), '', 'alike: nobody wins');
$result = decode_json(col($id, 'test_result'));
is($result->{winner}, undef, 'the result says so');
is($result->{reason}, 'not_significant', 'and why');
cmp_ok($result->{p}, '>', 0.05, "p = $result->{p}");
my %after = map { split /\|/ } split /\n/, $t->sql("select variant, count(*)
    from deliveries where batch_id = '$id' and seq > (select to_seq from
    broadcast_stages where broadcast_id = '$id' and n = 1) group by 1");
ok($after{0} > 20 && $after{1} > 20, 'the rest gets what it was dealt');

is($t->sql("select count(*) from deliveries x join deliveries y
    on y.batch_id = x.batch_id and y.contact_id = x.contact_id
    where x.batch_id = '$id' and x.variant <> y.variant"), 0, 'one each');


# ── people held out ─────────────────────────────────────────────────────────

$id = broadcast('ab', variants => [ { template_id => $one, weight => 4 },
    { template_id => $two, weight => 1 } ], holdout => 20);
until_status($id, 'completed');
my $held = count($id, "state = 'skipped' and reason = 'holdout'
                       and variant = -1");
ok($held > 30 && $held < 95, "about a fifth is held out: $held of 300");
is(look($id)->{counters}{skipped}, $held, 'and counted as skipped');
is(count($id, "variant = -1 and claimed_at is not null"), 0,
   'nobody of them was written to');
my $second = count($id, 'variant = 1');
ok($second > 20 && $second < 85, "a fifth of the others has the second: $second");
whole($id);


# ── at nine o'clock, wherever they are ──────────────────────────────────────

people(6, 'zones', '+25472');
people(6, 'zones', '+25473');
people(6, 'zones', '+25474');
my @zones = ('Asia/Kolkata', 'Asia/Kathmandu', 'Africa/Nairobi');
my @prefix = qw(+25472 +25473 +25474);
$t->sql("update contacts set time_zone = '$zones[$_]'
    where phone like '$prefix[$_]%'") for 0 .. 2;

# Nairobi's clock shows it in 3 seconds; India's showed it 2 1/2 hours ago, so
# theirs is tomorrow.  Nepal's and India's differ by a quarter of an hour.
my $local = $t->sql("select to_char(now() at time zone 'Africa/Nairobi'
    + interval '3 seconds', 'HH24:MI:SS')");
$id = broadcast('zones', local_time => "'$local'");
wait_until { stages($id) } 10, 'it is frozen';
is($t->sql("select count(*) from broadcast_stages where broadcast_id = '$id'
    and kind = 'wave'"), 3, 'three waves');
is($t->sql("select string_agg(distinct c.time_zone, ',') from deliveries d
    join contacts c on c.id = d.contact_id where d.batch_id = '$id'
    and d.seq <= 6"), 'Africa/Nairobi', 'the earliest is the first');
wait_until { look($id)->{counters}{sent} == 6 } 15, 'the first wave';
is($t->sql("select bool_and(claimed_at >= (select opens_at from
    broadcast_stages where broadcast_id = '$id' and n = 1))
    from deliveries where batch_id = '$id' and claimed_at is not null"), 't',
   'nobody before it is time');
is(look($id)->{counters}{queued}, 12, 'the others wait for their own');
is(look($id)->{status}, 'sending', 'so it is not completed');

# time flies
$t->sql("update broadcast_stages set opens_at = now() + interval '1 second'
    where broadcast_id = '$id' and n = 2");
poke($id);
wait_until { look($id)->{counters}{sent} == 12 } 15, 'the second wave';
$old = $t->helper_pid;
$t->kill_process($old);
$t->sql("update broadcast_stages set opens_at = now() + interval '1 second'
    where broadcast_id = '$id' and n = 3");
until_status($id, 'completed', 90);
is(look($id)->{counters}{sent}, 18, 'the third, by the next helper');
whole($id);


# ── its time is over ────────────────────────────────────────────────────────

$id = broadcast('many', account => $slow,
                expires_at => "now() + interval '4 seconds'");
until_status($id, 'completed');
my $c = look($id)->{counters};
cmp_ok($c->{sent}, '>', 20, "some were in time: $c->{sent}");
cmp_ok($c->{skipped}, '>', 100, 'the others were not');
is(count($id, "state = 'skipped' and reason = 'expired'"), $c->{skipped},
   'and say so');
is(count($id, "claimed_at > (select expires_at from broadcasts
    where id = '$id') + interval '500 milliseconds'"), 0, 'none afterwards');
whole($id);

# one that was paused
$id = broadcast('many', account => $slow,
                expires_at => "now() + interval '3 seconds'");
wait_until { look($id)->{counters}{sent} > 5 } 15, 'on its way';
$t->api('POST', "/broadcasts/$id/pause");
until_status($id, 'completed', 90);
cmp_ok(count($id, "reason = 'expired'"), '>', 100, 'paused is no way out');
whole($id);


# ── tried again by policy ───────────────────────────────────────────────────

my $hang = $t->sandbox_account(reply_rate => 0, delivered_rate => 0,
    read_rate => 0, latency_ms => { answer => 4000, sent => 60000 },
    account => { rate_limit => 20 });

sub mid_flight {
    my ($policy) = @_;

    $t->sql("update accounts set unknown_policy = unknown_policy
        || '{\"marketing\": \"$policy\"}' where id = '$hang->{id}'");

    my $id = broadcast('zones', account => $hang, guard => { failure_rate => 0 });
    wait_until { count($id, "state = 'sending'") >= 5 } 15, 'in flight';
    sleep 0.3;                         # some of them have been written

    # all at once: none of them sees another one's end
    my @workers = $t->worker_pids;
    kill 'STOP', @workers;
    $t->kill_process($_) for @workers;
    wait_until { count($id, "state = 'unknown'") } 15, 'unknown';
    return $id;
}

$id = mid_flight('hold');
is(count($id, "state = 'unknown' and next_try_at is not null"), 0,
   'held: never by itself');
is($t->sql("select count(distinct seq) from delivery_events
    where batch_id = '$id' and event = 'unknown'"),
   count($id, "state = 'unknown'"), 'each with its event');
until_status($id, 'completed', 40);
cmp_ok(look($id)->{counters}{unknown}, '>', 0, 'they stay unknown');
whole($id);

$id = mid_flight('retry');
my $lost = count($id, "state = 'unknown'");
is(count($id, "state = 'unknown' and next_try_at is null"), 0,
   'retry: each has its time');
like($t->sql("select distinct reason || '|' || (next_try_at is not null)
    from delivery_events where batch_id = '$id' and event = 'unknown'"),
    qr/^worker_died\|true$/, 'the story says when');
is(look($id)->{status}, 'sending', 'it is not completed before that');
$t->sql("update deliveries set next_try_at = now() where batch_id = '$id'
    and state = 'unknown'");
$t->sandbox_set($hang->{number_id}, latency_ms => $fast);
poke($id);
until_status($id, 'completed', 40);
is(look($id)->{counters}{unknown}, 0, 'all were tried again');
is(count($id, 'attempts > 1'), $lost, 'with an attempt more');
whole($id);

# cancelled before that: held
$t->sandbox_set($hang->{number_id},
                latency_ms => { answer => 4000, sent => 60000 });
$id = mid_flight('retry');
is($t->api('POST', "/broadcasts/$id/cancel")->{status}, 200, 'cancelled');
wait_until { look($id)->{finished_at} } 20, 'the end';
is(count($id, "state = 'unknown' and next_try_at is not null"), 0,
   'what is unknown is held then');
cmp_ok(look($id)->{counters}{unknown}, '>', 0, 'and shown');
whole($id);


# ── statuses that waited for their message ──────────────────────────────────

$id = $t->sql("select batch_id from deliveries where state = 'delivered'
    and seq > 0 limit 1");
my $row = $t->sql("select seq from deliveries where batch_id = '$id'
    and state = 'delivered' limit 1");
$t->sql("insert into parked_statuses (org_id, account_id, provider_id, status,
    at) select org_id, account_id, provider_id, 3, now() from deliveries
    where batch_id = '$id' and seq = $row");
$t->sql("insert into parked_statuses (org_id, account_id, provider_id, status,
    at, parked_at) values ('$o->{id}', '$a->{id}', 'nobody', 1, now(),
    now() - interval '8 days')");
$old = $t->helper_pid;
$t->kill_process($old);
ok(wait_until(sub { $t->sql("select state from deliveries
    where batch_id = '$id' and seq = $row") eq 'read' }, 20, 'it is read'),
   'a status that waited is applied');
ok(wait_until(sub { $t->sql('select count(*) from parked_statuses') == 0 },
    10, 'none is left'), 'and gone, the old one too');
whole($id);

$t->done;
