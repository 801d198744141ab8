#!/usr/bin/perl

# What statuses tell the engine: failed ones act by the class of their error; whatever
# comes twice, late or in the wrong order counts once; inbound messages count.

use strict;
use warnings;
use lib 't/lib';

use Herald::Test;
use Herald::Test::Hooks;
use POSIX ();
use Test::More;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my $t = Herald::Test->new;
my $org = $t->org;

hooks_for($t, $org);

my $a = account();
my $tpl = template('news');

# another node owns the number: what is queued for it stays so
$t->sql("INSERT INTO leases VALUES ('$org->{id}', '$a->{id}', gen_random_uuid(), 9,
             now() + interval '1 day')");


# ── failed, by class ────────────────────────────────────────────────────────

{
    my $b = broadcast($a, template => $tpl, rows => 10);
    my $before = spent();

    # what each code becomes: state, reason, in how many seconds
    my @cases = (
        [131026, 'failed', 'recipient'], [131000, 'queued', 'transient', 1],
        [130429, 'queued', 'throttle', 2], [131049, 'queued', 'ecosystem', 86400],
        [131056, 'queued', 'pair_throttle', 4], [131053, 'queued', 'media', 2],
        [132001, 'queued', 'template', 600], [131047, 'failed', 'window'],
        [130472, 'failed', 'experiment'], [999999, 'failed', 'unknown_code']);

    for my $i (1 .. 10) {
        my ($code, $state, $reason, $delay) = @{ $cases[$i - 1] };

        # what helper and workers do about it is not what is looked at here
        $t->sql("UPDATE broadcasts SET status = 'paused' WHERE id = '$b'");
        statuses($a, [wamid($b, $i), 'failed', $b, $i, $code, "words $i"]);

        is(row($b, $i, 'state, error_code, reason, attempts'),
           "$state|$code|$reason|1", "$code is $state");
        is(events($b, $i), "status $code $reason words $i"
            . ($delay ? ' again' : ''), "$code is told");

        if ($delay) {
            my $s = row($b, $i, 'extract(epoch FROM next_try_at - (SELECT max(at)
                FROM delivery_events e WHERE e.batch_id = deliveries.batch_id
                   AND e.seq = deliveries.seq))');

            cmp_ok($s, '>', $delay - 1, "$code not before $delay s");
            cmp_ok($s, '<', $delay * 1.26 + 1, "$code not much after");
            is(row($b, $i, 'sent_at IS NULL AND accepted_at IS NULL'), 't',
               "$code: nothing was sent");
        } else {
            is(row($b, $i, 'next_try_at IS NULL'), 't', "$code is final");
        }
    }

    is(counters($b), '0|0|0|4|0|0', 'the counters are what the rows are');
    is(spent() - $before, -500, 'their money is back');

    # however often it is said
    statuses($a, map { [wamid($b, $_), 'failed', $b, $_, $cases[$_ - 1][0]] }
                 1 .. 10, 1 .. 10) for 1 .. 3;
    is(counters($b), '0|0|0|4|0|0', 'the same again counts nothing');
    is(spent() - $before, -500, 'gives nothing back');
    is($t->sql("SELECT count(*) FROM delivery_events WHERE batch_id = '$b'"), 10,
       'and tells nothing');
}


# ── the number of tries, the end, the cancelled one ─────────────────────────

{
    my $b = broadcast($a, template => $tpl, rows => 4, status => 'paused');

    $t->sql("UPDATE deliveries SET attempts = CASE seq WHEN 1 THEN 4 ELSE 5 END
              WHERE batch_id = '$b' AND seq < 3");
    statuses($a, [wamid($b, 1), 'failed', $b, 1, 131000],
             [wamid($b, 2), 'failed', $b, 2, 131000]);
    is(row($b, 1, 'state'), 'queued', 'the fourth try may be followed');
    is(row($b, 2, 'state'), 'failed', 'the fifth is the last');

    $t->sql("UPDATE broadcasts SET expires_at = now() + interval '1 hour'
              WHERE id = '$b'");
    statuses($a, [wamid($b, 3), 'failed', $b, 3, 131049]);
    is(row($b, 3, 'state'), 'failed', 'not after the end of the broadcast');

    $t->sql("UPDATE broadcasts SET status = 'cancelled', finished_at = now()
              WHERE id = '$b'");
    statuses($a, [wamid($b, 4), 'failed', $b, 4, 131000]);
    is(row($b, 4, 'state'), 'failed', 'not when it was cancelled');
    is(counters($b), '0|0|0|3|0|0', 'counted');
}


# ── which attempt a status speaks of ────────────────────────────────────────

{
    my $b = broadcast($a, template => $tpl, rows => 8, status => 'paused');
    my ($w) = wamid($b, 0) =~ /(\w+)/;
    my $again = sub {
        my ($seq, $state, $id) = @_;

        $t->sql("UPDATE deliveries SET state = '$state', attempts = 2,
            next_try_at = NULL, error_code = NULL, reason = NULL"
            . ($id ? ", provider_id = '$id'" : '')
            . " WHERE batch_id = '$b' AND seq = $seq");
        $t->sql("INSERT INTO provider_messages SELECT org_id, account_id, '$id',
            message_id, batch_id, seq FROM deliveries
             WHERE batch_id = '$b' AND seq = $seq") if $id;
        $t->sql("INSERT INTO broadcast_counters (org_id, broadcast_id, stripe,
            sent) VALUES ('$org->{id}', '$b', 99, 1)
            ON CONFLICT (org_id, broadcast_id, stripe) DO UPDATE
            SET sent = broadcast_counters.sent + 1") if $state eq 'accepted';
    };

    # all fail and go back; then each is somewhere else
    statuses($a, map { ["$w.$_", 'failed', $b, $_, 131000] } 1 .. 8);
    is(counters($b), '0|0|0|0|0|0', 'all are queued again');

    # queued: nothing of the old attempt but that the person has it
    statuses($a, ["$w.1", 'failed', $b, 1, 131000], ["$w.1", 'sent', $b, 1]);
    is(row($b, 1, 'state'), 'queued', 'queued again: a late "sent" is stale');
    statuses($a, ["$w.1", 'delivered', $b, 1]);
    is(row($b, 1, 'state, next_try_at IS NULL, error_code IS NULL'),
       'delivered|t|t', '"delivered" is not');

    $again->(2, 'sending');
    statuses($a, ["$w.2", 'failed', $b, 2, 131026], ["$w.2", 'sent', $b, 2]);
    is(row($b, 2, 'state'), 'sending', 'in flight again: the old one is stale');
    statuses($a, ['second.2', 'failed', $b, 2, 131026]);
    is(row($b, 2, 'state'), 'failed', 'the new one is not');

    $again->(3, 'accepted', 'second.3');
    statuses($a, ["$w.3", 'failed', $b, 3, 131026], ["$w.3", 'failed'],
             ["$w.3", 'sent', $b, 3]);
    is(row($b, 3, 'state'), 'accepted', 'accepted again: the old one is stale');
    statuses($a, ["$w.3", 'read', $b, 3]);
    is(row($b, 3, 'state, provider_id'), 'read|second.3',
       'but what the person has read counts');

    $again->(4, 'accepted', 'second.4');
    statuses($a, ['second.4', 'failed', $b, 4, 131000],
             ["$w.4", 'failed', $b, 4, 131026]);
    is(row($b, 4, 'state, attempts'), 'queued|2', 'the second may fail too');
    $again->(4, 'accepted', 'third.4');
    statuses($a, ["$w.4", 'failed', $b, 4, 131026],
             ['second.4', 'failed', $b, 4, 131026], ['third.4', 'delivered']);
    is(row($b, 4, 'state'), 'delivered', 'of three attempts the third counts');

    # all in one webhook, in both orders
    $again->(5, 'accepted', 'second.5');
    statuses($a, ['second.5', 'delivered', $b, 5], ['second.5', 'failed', $b, 5]);
    is(row($b, 5, 'state'), 'delivered', 'delivered, then failed');
    $again->(6, 'accepted', 'second.6');
    statuses($a, ['second.6', 'failed', $b, 6], ['second.6', 'delivered', $b, 6]);
    is(row($b, 6, 'state'), 'delivered', 'failed, then delivered: the same');

    # the provider's answer and its status say the same
    $t->sql("UPDATE deliveries SET provider_id = NULL WHERE batch_id = '$b'
                AND seq = 7");
    statuses($a, ['fresh.7', 'failed', $b, 7, 131049]);
    is(row($b, 7, 'error_code, reason'), '131000|transient',
       'failed by the answer and by a status: the second does nothing');
    statuses($a, ['fresh.7', 'sent', $b, 7]);
    is(row($b, 7, 'state, provider_id'), 'sent|fresh.7',
       'taken, though the answer said otherwise: not sent again');
    is(row($b, 7, 'error_code IS NULL AND reason IS NULL
                   AND next_try_at IS NULL'), 't', 'and nothing is left of it');

    is(counters($b), '6|5|1|1|0|0', 'counted as they are');
}


# ── unknown ones ────────────────────────────────────────────────────────────

{
    my $b = broadcast($a, template => $tpl, rows => 3, state => 'unknown',
                      status => 'paused');

    is(counters($b), '0|0|0|0|0|3', 'three unknown');
    statuses($a, ['u.1', 'sent', $b, 1], ['u.2', 'failed', $b, 2, 131026],
             ['u.3', 'failed', $b, 3, 131000]);
    is(join(' ', map { row($b, $_, 'state') } 1 .. 3), 'sent failed queued',
       'each is settled by its status');
    is(counters($b), '1|0|0|1|0|0', 'and counted');
    is($t->sql(q{SELECT count(*) FROM provider_messages
                  WHERE provider_id LIKE 'u._'}), 3, 'their ids are known now');

    # as a statement sees it that began before this was committed
    $t->sql(q{DELETE FROM provider_messages WHERE provider_id = 'u.3'});
    statuses($a, ['u.3', 'sent', $b, 3]);
    is(row($b, 3, 'state'), 'queued', 'the row itself knows what failed');
}


# ── fifty times and in any order ────────────────────────────────────────────

{
    my $b = broadcast($a, template => $tpl, rows => 12, status => 'paused');
    my ($w) = wamid($b, 0) =~ /(\w+)/;
    my $before = spent();
    my @all = (
        (map { my $s = $_; map { ["$w.$_", $s, $b, $_] } 1 .. 4 }
             qw(sent delivered read)),
        (map { ["$w.$_", 'failed', $b, $_, 131026] } 5 .. 8),
        (map { (["$w.$_", 'failed', $b, $_, 131000], ["$w.$_", 'sent', $b, $_]) }
             9 .. 12));

    srand 42;
    my @jobs = map { [ sort { rand() <=> rand() } @all ] } 1 .. 6;
    my @pids = map {
        my $job = $_;
        my $pid = fork // die "fork: $!\n";

        if ($pid == 0) {
            eval { statuses($a, splice @$job, 0, 3) while @$job; 1 }
                or POSIX::_exit(1);
            POSIX::_exit(0);
        }
        $pid;
    } @jobs;

    is((waitpid($_, 0), $?)[1], 0, 'shuffled, from several at once') for @pids;
    is(counters($b), '4|4|4|4|0|0', 'counted once');
    is($t->sql("SELECT string_agg(state::text, ' ' ORDER BY seq)
                  FROM deliveries WHERE batch_id = '$b'"),
       join(' ', ('read') x 4, ('failed') x 4, ('queued') x 4),
       'each as it must be');
    is(spent() - $before, -400, 'money of those that failed, once');
}


# ── opted out ───────────────────────────────────────────────────────────────

{
    my $b = broadcast($a, template => $tpl, rows => 2, status => 'paused');

    $t->sql("DELETE FROM contacts WHERE id = (SELECT contact_id FROM deliveries
              WHERE batch_id = '$b' AND seq = 2)");
    statuses($a, map { [wamid($b, $_), 'failed', $b, $_, 131050] } 1, 2) for 1, 2;
    is(row($b, $_, 'state, reason'), 'failed|opted_out', "131050: row $_")
        for 1, 2;
    is($t->sql("SELECT count(*), min(source) FROM opt_outs x JOIN deliveries d
                 USING (contact_id, account_id) WHERE d.batch_id = '$b'"),
       '1|whatsapp', 'the person that is still there is opted out');
}


# ── outside of the window ───────────────────────────────────────────────────

my $messages = 0;

# a single message as if it had been accepted
sub message {
    my ($payload) = @_;
    my $id = sprintf '01900000-0000-7000-a000-%012d', ++$messages;

    $t->sql("INSERT INTO contacts (org_id, id) VALUES ('$org->{id}', '$id');
        INSERT INTO messages (org_id, id, account_id, contact_id, direction, type,
            text, payload, batch_id, seq) VALUES ('$org->{id}', '$id', '$a->{id}',
            '$id', 'out', 'text', 'Hi', '$payload', '$id', 0);
        INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id,
            state, message_id, provider_id, attempts, category)
        VALUES ('$org->{id}', '$id', 0, '$id', '$a->{id}', 'accepted', '$id',
            'm$messages', 1, 's')");
    return $id;
}

{
    my $m = message('{}');
    statuses($a, ["m$messages", 'failed', $m, 0, 131047]);
    is(row($m, 0, 'state, reason'), 'failed|window', 'no fallback: failed');
    is($t->sql("SELECT count(*) FROM agenda WHERE ref_id = '$m'"), 0, 'for good');

    $m = message('{"fallback": {"template": {}}}');
    statuses($a, ["m$messages", 'failed', $m, 0, 131047]);
    is(row($m, 0, 'state, error_code, next_try_at <= now()'), 'queued|131047|t',
       'with a fallback it is queued at once');
    is($t->sql("SELECT kind, due_at <= now() FROM agenda WHERE ref_id = '$m'"),
       'message|t', 'and the agenda knows');

    $t->sql("UPDATE deliveries SET state = 'accepted', provider_id = 'fb',
        error_code = NULL, attempts = 2 WHERE batch_id = '$m'");
    statuses($a, ['fb', 'failed', $m, 0, 131047]);
    is(row($m, 0, 'state'), 'failed', 'once');
    is($t->sql("SELECT count(*) FROM agenda WHERE ref_id = '$m'"), 0, 'no more');
}


# ── parked, with what its class allows ──────────────────────────────────────

{
    my $b = broadcast($a, template => $tpl, rows => 1, status => 'paused');

    statuses($a, ['early', 'failed', undef, undef, 131049, 'too much']);
    is($t->sql("SELECT reason, detail, retry_ms, retries FROM parked_statuses
                 WHERE provider_id = 'early'"), 'ecosystem|too much|86400000|3',
       'a failed one that is parked keeps its class');
}


# ── what a class stops beyond its row ───────────────────────────────────────

{
    my ($c, $u) = (template('stops'), template('service', category => 'utility'));
    my $x = account();
    my @b = map { broadcast($x, template => $_, rows => 1) } $c, $tpl, $u;
    my $w = sub { wamid($b[$_[0]], 1) };

    statuses($x, [$w->(0), 'failed', $b[0], 1, 132015]);
    is(join(' ', map { pause_of($_) } @b),
       'paused|template_paused sending| sending|', 'what uses the template');
    is($t->sql("SELECT status FROM templates WHERE id = '$c->{id}'"), 'paused',
       'which is paused, as when an answer says so');
    $t->sql("UPDATE broadcasts SET status = 'sending' WHERE id = '$b[0]'");
    statuses($x, [$w->(0), 'failed', $b[0], 1, 132015]);
    is(status_of($b[0]), 'sending', 'told again it does not pause again');

    statuses($x, [$w->(1), 'failed', $b[1], 1, 131048]);
    is(join(' ', map { pause_of($_) } @b),
       'paused|quality paused|quality sending|', "the number's marketing");

    statuses($x, [$w->(2), 'failed', $b[2], 1, 131042]);
    is(pause_of($b[2]), 'paused|account', 'all of the account');
    is($t->sql("SELECT status, status_code FROM accounts WHERE id = '$x->{id}'"),
       'paused|131042', 'and the account');
    like($t->sql("SELECT status_reason FROM accounts WHERE id = '$x->{id}'"),
         qr/payment.*131042.*credit line/, 'in words');
}

# one of a broadcast's variants: it stops what has it, not what has the other
{
    my ($c, $d) = map { template($_) } qw(first second);
    my $x = account();
    my @b = map { broadcast($x, template => $c, rows => 1) } 1 .. 2;

    $t->sql(qq{UPDATE broadcasts SET variants = '[{"template_id": "$c->{id}"},
        {"template_id": "$d->{id}"}]' WHERE id = '$b[0]'; UPDATE deliveries
        SET variant = 1 WHERE batch_id = '$b[0]'});
    statuses($x, [wamid($b[0], 1), 'failed', $b[0], 1, 132015]);
    is(join(' ', map { pause_of($_) } @b), 'paused|template_paused sending|',
       'the variant that failed stops its broadcast');
    is($t->sql("SELECT string_agg(status, ' ' ORDER BY name) FROM templates
                 WHERE id IN ('$c->{id}', '$d->{id}')"), 'unverified paused',
       'and its own template');
}


# ── inbound counts ──────────────────────────────────────────────────────────

{
    my $metric = sub { my ($name) = @_;
        $t->get('/metrics')->{content} =~ /^herald_$name\_total (\d+)/m ? $1 : 0 };
    my ($in, $st) = ($metric->('inbound'), $metric->('statuses'));
    my $hook = value($a, messages => [ map { { id => "in.$_", type => 'text',
        from => '254700000009', timestamp => time . '', text => { body => $_ } }
        } 1 .. 3 ]);

    is($t->webhook($a, $hook)->{status}, 200, 'three messages') for 1 .. 3;
    statuses($a, ['x.1', 'sent'], ['x.1', 'delivered']);
    is($metric->('inbound') - $in, 3, 'new ones are counted once');
    is($metric->('statuses') - $st, 2, 'statuses are counted');
}


# ── inbound moves the number's bucket ───────────────────────────────────────

{
    my $s = $t->sandbox_account(delivered_rate => 0, reply_rate => 0,
                                account => { rate_limit => 5 });
    my $c = $t->api('POST', '/contacts', { phone => '+254711000009' })->{json};
    my $r = $t->api('POST', '/templates', { name => 'paced', language => 'en',
        category => 'utility', body => 'Hi' });
    my $send = sub {
        my ($n) = @_;
        my $m = $t->api('POST', '/messages', { account_id => $s->{id},
            contact_id => $c->{id}, template => { id => $r->{json}{id} } });
        my @l;

        wait_until { @l = $t->ledger(phone_number_id => $s->{number_id});
                     @l == $n } 20, "message $n at the provider";
        return $l[-1]{mono_us};
    };

    $send->(1);
    is($t->webhook($s, value($s, messages => [ map { { id => "rate.$_",
        type => 'text', from => '254711000009', timestamp => time . '',
        text => { body => $_ } } } 1 .. 5 ]))->{status}, 200, 'five come in');

    my $from = clock_gettime(CLOCK_MONOTONIC) * 1e6;

    cmp_ok(($send->(2) - $from) / 1e6, '>', 0.5,
           'so at five a second the next one waits');
}


# ── to the provider and back ────────────────────────────────────────────────

# the sandbox takes it, a webhook says that it failed, it goes out again
sub people {
    my ($from, $to) = @_;

    return map { $t->api('POST', '/contacts', { first_name => "P$_",
        phone => sprintf '+25471%07d', $_ })->{json} // die } $from .. $to;
}

{
    my $s = $t->sandbox_account(delivered_rate => 0, reply_rate => 0,
                                latency_ms => { sent => 5 });
    my ($c) = people(1, 1);
    my $r = $t->api('POST', '/templates', { name => 'single', language => 'en',
        category => 'utility', body => 'Hi' });
    my $m = $t->api('POST', '/messages', { account_id => $s->{id},
        contact_id => $c->{id}, template => { id => $r->{json}{id} } })->{json};
    my $get = sub { $t->api('GET', "/messages/$m->{id}")->{json} };
    my $start = time;

    wait_until { $get->()->{status} eq 'sent' } 20, 'sent';
    my ($first) = $t->ledger(phone_number_id => $s->{number_id});

    statuses($s, [$first->{wamid}, 'failed', $m->{id}, 0, 131000]);
    ok(wait_until(sub { $t->ledger(phone_number_id => $s->{number_id}) == 2 },
                  20), 'a message that failed is sent again');
    ok(wait_until(sub { $get->()->{status} eq 'sent' }, 20), 'and was');
    cmp_ok(time - $start, '<', 30, 'not when the agenda is read again');

    my (undef, $second) = $t->ledger(phone_number_id => $s->{number_id});

    isnt($second->{wamid}, $first->{wamid}, 'by another id');
    is($second->{reference}, $first->{reference}, 'for the same message');
    statuses($s, [$first->{wamid}, 'failed', $m->{id}, 0, 131000],
             [$second->{wamid}, 'delivered']);
    is($get->()->{status}, 'delivered', 'the first is no longer asked');

    # a failed status without our reference that is there before the answer: it
    # is parked, and acts when the answer is stored
    $t->sql(q{CREATE FUNCTION early() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER AS $$ BEGIN
            INSERT INTO parked_statuses (org_id, account_id, provider_id, status,
                at, error_code, reason, detail, retry_ms, retries)
            SELECT NEW.org_id, NEW.account_id, NEW.provider_id, 5, now(), 131000,
                   'transient', 'early', 1000, 4
             WHERE NOT EXISTS (SELECT FROM delivery_events
                                WHERE detail = 'early');
            RETURN NULL; END $$});
    $t->sql('CREATE TRIGGER early AFTER INSERT ON provider_messages
                 FOR EACH ROW EXECUTE FUNCTION early()');

    my $stream = $t->stream;
    my $told = sub {
        my ($status, $code) = @_;
        return wait_until { grep { ($_->{event} // '') eq 'message.status'
            && $_->{json}{id} eq $m->{id} && $_->{json}{status} eq $status
            && $_->{json}{contact_id} eq $c->{id} && $_->{json}{at}
            && ($_->{json}{error_code} // 0) == $code } $stream->events } 10,
            "$status is told";
    };

    is($stream->status, 200, 'a stream');
    $m = $t->api('POST', '/messages', { account_id => $s->{id},
        contact_id => $c->{id}, template => { id => $r->{json}{id} } })->{json};
    ok(wait_until(sub { $t->ledger(phone_number_id => $s->{number_id}) == 4 },
                  20), 'a failed status that came first acts as well');
    ok($told->('queued', 131000), 'and the stream says so');
    ok(wait_until(sub { $get->()->{status} eq 'sent' }, 20), 'it is sent again');
    is(events($m->{id}, 0), 'status 131000 transient early again', 'and told');
    is($t->sql(q{SELECT count(*) FROM parked_statuses WHERE detail = 'early'}), 0,
       'it is parked no more');
    $t->sql('DROP TRIGGER early ON provider_messages');

    # parked when nobody looks any more: after settle's look, before its commit
    $t->sql("INSERT INTO parked_statuses (org_id, account_id, provider_id, status,
        at) SELECT org_id, account_id, provider_id, 3, now() FROM deliveries
        WHERE batch_id = '$m->{id}'");
    my $old = $t->helper_pid;
    $t->kill_process($old);
    ok(wait_until(sub { $get->()->{status} eq 'read' }, 20),
       'what is parked in between is found by a sweep');
    ok($told->('read', 0), 'and told');
    is($t->sql('SELECT count(*) FROM parked_statuses p JOIN provider_messages m
                 USING (account_id, provider_id)'), 0, 'it waits no more');
}

{
    my $s = $t->sandbox_account(delivered_rate => 0, reply_rate => 0,
                                latency_ms => { sent => 5 });
    my @c = people(11, 14);

    $t->sql("UPDATE contacts SET tags = '{some}' WHERE id IN ("
            . join(', ', map { "'$_->{id}'" } @c) . ')');

    my $utility = template('loop', category => 'utility');
    my $id = $t->api('POST', '/broadcasts', { name => 'Loop',
        account_id => $s->{id}, template_id => $utility->{id},
        audience => { tag => 'some' } })->{json}{id} // die;
    my $get = sub { $t->api('GET', "/broadcasts/$id")->{json} };
    my $done = sub { wait_until { $get->()->{status} eq 'completed'
        && !$t->sql("SELECT count(*) FROM agenda WHERE ref_id = '$id'") } 30,
        'completed' };

    $done->();
    my ($first) = $t->ledger(phone_number_id => $s->{number_id});

    statuses($s, [$first->{wamid}, 'failed', undef, undef, 131000]);
    like($get->()->{status}, qr/^(sending|completed)$/, 'it is opened again');
    ok(wait_until(sub { $t->ledger(phone_number_id => $s->{number_id}) == 5 },
                  30), 'the one that failed is sent again');
    $done->();
    is($get->()->{status}, 'completed', 'then it is completed again');
    is($get->()->{counters}{sent}, 4, 'all four were sent');

    # the one that never leaves for a day keeps it open
    statuses($s, [$first->{wamid}, 'failed', undef, undef, 131000]);
    is($get->()->{status}, 'completed', 'told again: nothing');

    my $last = ($t->ledger(phone_number_id => $s->{number_id}))[4];
    statuses($s, [$last->{wamid}, 'failed', undef, undef, 131049]);
    is($get->()->{status}, 'sending', 'one that waits a day keeps it open');
    is($t->sql("SELECT count(*) FROM agenda WHERE ref_id = '$id'"), 1,
       'and in the agenda');
}

# ── in the moment of its completion ─────────────────────────────────────────

# the helper stays for a second in one statement, its snapshot taken
for my $at (['UPDATE', 'broadcasts', 'is being completed'],
            ['DELETE', 'agenda', 'leaves the agenda'])
{
    my ($op, $table, $when) = @$at;
    my $s = $t->sandbox_account(delivered_rate => 0, reply_rate => 0,
                                latency_ms => { sent => 5 });
    my ($c) = people($op eq 'UPDATE' ? (21, 21) : (22, 22));

    $t->sql("UPDATE contacts SET tags = '{$op}' WHERE id = '$c->{id}'");
    $t->sql(q{CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN
            IF current_setting('application_name') LIKE '%scheduler%' THEN
                PERFORM pg_sleep(1); END IF;
            RETURN NULL; END $$});

    $t->sql("CREATE TRIGGER slow BEFORE $op ON $table
                 FOR EACH STATEMENT EXECUTE FUNCTION slow()");

    my $id = $t->api('POST', '/broadcasts', { name => "Late $op",
        account_id => $s->{id}, template_id => template(lc "late_$op",
            category => 'utility')->{id}, audience => { tag => $op } })
        ->{json}{id} // die;
    my $ledger = sub { $t->ledger(phone_number_id => $s->{number_id}) };

    wait_until { $t->sql("SELECT count(*) FROM deliveries
        WHERE batch_id = '$id' AND state >= 'accepted'") } 20, 'accepted';
    ok(wait_until(sub { $t->sql("SELECT count(*) FROM pg_stat_activity
        WHERE wait_event = 'PgSleep'") }, 20), "it $when");

    statuses($s, [($ledger->())[0]{wamid}, 'failed', $id, 1, 131000]);
    $t->sql("DROP TRIGGER slow ON $table");
    ok(wait_until(sub { $ledger->() == 2 }, 90),
       "one that fails while it $when goes out again");
    ok(wait_until(sub { status_of($id) eq 'completed' }, 30), 'then it is done');
    is(counters($id), '1|0|0|0|0|0', 'and counted');
}

$t->done;
