#!/usr/bin/perl

# Why did this person get it, or not?  The whole story of one, in order and in plain
# words: of a broadcast's people and of single messages.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use POSIX qw(strftime);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $a = $t->sandbox_account(magic => JSON::PP::true(), reply_rate => 0,
    delivered_rate => 1, read_rate => 1,
    latency_ms => { sent => 5, delivered => 10, read => 10 });
my $none = '00000000-0000-7000-8000-000000000000';
my $later = strftime '%Y-%m-%dT%H:%M:%SZ', gmtime(time + 86400);

my %tpl = map { $_ => $t->api('POST', '/templates', { name => $_,
    language => 'en', category => 'marketing', body => "Offer $_" })->{json}{id} }
    qw(one two);

sub contact {
    my ($name, $phone, @tags) = @_;
    my $r = $t->api('POST', '/contacts', { name => $name, phone => $phone,
                                           tags => \@tags });

    return $r->{json}{id} // die $r->{content};
}

my %who = (
    read => contact('Rehema', '+254712340010', 'vip'),
    stop => contact('Simiyu', '+254712340011', 'vip'),
    gone => contact('Gathoni', '+254712340012', 'vip'),
    fail => contact('Faraja', '+254712340001', 'vip'),
    late => contact('Lulu', '+254712340013', 'vip'),
    tagless => contact('Tatu', '+254712340014'),
);

$t->api('PATCH', "/contacts/$who{stop}",
        { marketing_opt_out => JSON::PP::true() });

sub broadcast {
    my $r = $t->api('POST', '/broadcasts', { name => 'Sale "now"',
        account_id => $a->{id}, template_id => $tpl{one},
        audience => { tag => 'vip' }, @_ });

    return $r->{json}{id} // die $r->{content};
}

sub why {
    my ($path) = @_;
    my $r = $t->api('GET', $path);

    is($r->{status}, 200, "GET $path" =~ s/[0-9a-f]{8}-[0-9a-f-]{27}/…/gr)
        or diag($r->{content});
    return $r->{json};
}

sub events {
    my ($w) = @_;
    return join ' ', map { $_->{event} } @{ $w->{story} };
}

sub line {
    my ($w, $event) = @_;
    return (grep { $_->{event} eq $event } @{ $w->{story} })[0] // {};
}

# every "at" is a time, and none goes back by more than the provider's whole second
sub in_order {
    my ($w) = @_;
    my $last = '';

    for my $l (@{ $w->{story} }) {
        next if !defined $l->{at};
        my $at = substr $l->{at}, 0, 19;

        return 0 if $at lt $last
            && $l->{event} !~ /^(?:sent|delivered|read)$/;
        $last = $at if $at gt $last;
    }

    return 1;
}


# a broadcast

my $id = broadcast();
ok(wait_until {
    my $b = $t->api('GET', "/broadcasts/$id")->{json};
    $b->{status} eq 'completed' && $b->{counters}{read} >= 3
} 20, 'a broadcast is over');
ok(wait_until { $t->api('GET', "/broadcasts/$id/recipients?status=failed")
                ->{json}{data}[0] } 10, 'one of it failed');

my $w = why("/broadcasts/$id/why?contact=$who{read}");
is($w->{state}, 'read', 'who read it');
is($w->{contact}{name}, 'Rehema', 'by name');
is(events($w), 'created frozen attempt accepted sent delivered read',
   'the straight way');
ok(in_order($w), 'in order');
like($w->{summary}, qr/^They read it: \d{4}-\d\d-\d\d \d\d:\d\d \(\S+\)\.$/,
     'in one sentence');
like(line($w, 'frozen')->{words}, qr/5 people, of whom this is number \d/,
     'which number');
like(line($w, 'attempt')->{words}, qr/Attempt 1 was made.*opt-out.*template/,
     'which gates');
ok(line($w, 'accepted')->{detail}, 'with the provider\'s id');
is($w->{next_try_at}, undef, 'nothing comes after');

my $p = why("/broadcasts/$id/why?contact=%2B254712340010");
is_deeply($p, $w, 'the same by phone');
$p = why("/broadcasts/$id/why?contact=+254712340010");
is_deeply($p, $w, 'also with a bare plus');

$w = why("/broadcasts/$id/why?contact=$who{stop}");
is($w->{state}, 'skipped', 'who opted out');
is($w->{summary}, 'It was not sent: the person stopped marketing.', 'says so');
is(events($w), 'created frozen skipped', 'at the gate');

$w = why("/broadcasts/$id/why?contact=$who{fail}");
is($w->{state}, 'failed', 'who has no WhatsApp');
like($w->{summary}, qr/cannot be reached/, 'in words');
my ($l) = grep { ($_->{code} // 0) == 131026 } @{ $w->{story} };
like($l->{fix} // '', qr/Check the number/, 'with code and fix');

$w = why("/broadcasts/$id/why?contact=$who{tagless}");
is($w->{state}, 'not_in_audience', 'who was not in it');
like($w->{summary}, qr/not the tag "vip"/, 'lacks the tag');
$t->api('PATCH', "/contacts/$who{tagless}", { tags => ['vip'] });
$w = why("/broadcasts/$id/why?contact=$who{tagless}");
like($w->{summary}, qr/had not when the audience was fixed/, 'then');

my $new = contact('Neema', '+254712340015', 'vip');
$w = why("/broadcasts/$id/why?contact=$new");
like($w->{summary}, qr/made after the audience had been fixed/, 'who came late');
ok(in_order($w), 'in order');

$w = why("/broadcasts/$id/why?contact=$none");
is($w->{state}, 'not_in_audience', 'nobody');
like($w->{summary}, qr/no such contact/, 'is nobody');
is($w->{contact}{id}, $none, 'the id that was asked for');

$t->api('DELETE', "/contacts/$who{gone}");
$w = why("/broadcasts/$id/why?contact=$who{gone}");
is($w->{state}, 'read', 'a deleted contact keeps its story');

is($t->api('GET', "/broadcasts/$none/why?contact=$who{read}")->{status}, 404,
   'of no broadcast');
is($t->api('GET', "/broadcasts/$id/why")->{status}, 422, 'of nobody');
is($t->api('GET', "/broadcasts/$id/why?contact=Ann")->{status}, 422, 'no id');


# before it begins

my $draft = broadcast(draft => JSON::PP::true());
$w = why("/broadcasts/$draft/why?contact=$who{read}");
is($w->{state}, 'not_launched', 'a draft');
like($w->{summary}, qr/draft/, 'says so');

$t->api('POST', "/broadcasts/$draft/launch", { send_at => $later });
$w = why("/broadcasts/$draft/why?contact=$who{read}");
is(events($w), 'created launched scheduled in_audience', 'launched');

my $soon = broadcast(send_at => $later);
$w = why("/broadcasts/$soon/why?contact=$who{read}");
is($w->{state}, 'not_begun', 'one for tomorrow');
is(events($w), 'created scheduled in_audience', 'who would be in it');
$t->api('PATCH', "/contacts/$who{late}", { tags => [] });
$w = why("/broadcasts/$soon/why?contact=$who{late}");
like(line($w, 'not_in_audience')->{words}, qr/would not be in the audience/,
     'and who not');


# what did not go straight

sub row {
    my ($who, $set, @events) = @_;

    $t->sql("UPDATE deliveries SET $set WHERE batch_id = '$id'
              AND contact_id = '$who{$who}';
             DELETE FROM delivery_events WHERE batch_id = '$id'");
    $t->sql("INSERT INTO delivery_events (org_id, batch_id, seq, at, event,
                 attempt, code, reason, detail, next_try_at)
             SELECT org_id, batch_id, seq, now() + interval '1 ms' * x.n, x.event, x.attempt, x.code,
                    x.reason, x.detail, x.next
               FROM deliveries, (VALUES "
        . join(', ', map { my $i = $_; my $e = $events[$i]; "($i, "
            . join(', ', map { defined $e->[$_] ? "'$e->[$_]'" : 'NULL' } 0)
            . ', ' . ($e->[1] // 'NULL::int') . ', ' . ($e->[2] // 'NULL::int')
            . ', ' . (defined $e->[3] ? "'$e->[3]'" : 'NULL::text') . ', '
            . (defined $e->[4] ? "'$e->[4]'" : 'NULL::text') . ', '
            . ($e->[5] // 'NULL::timestamptz') . ')' } 0 .. $#events)
        . ") x (n, event, attempt, code, reason, detail, next)
              WHERE batch_id = '$id' AND contact_id = '$who{$who}'")
        if @events;
}

my $queued = "state = 'queued', provider_id = NULL, claimed_at = NULL,
    accepted_at = NULL, sent_at = NULL, delivered_at = NULL, read_at = NULL";

$t->sql("UPDATE orgs SET frequency_cap = 3, frequency_days = 7,
             quiet_from = '21:00', quiet_to = '08:00'");

row('read', "$queued, reason = 'quiet_hours', attempts = 1,
    next_try_at = '2030-01-31T05:00:00Z'",
    ['rejected', 1, 131000, 'transient', 'Something went wrong', 'now()'],
    ['deferred', 1, undef, 'quiet_hours', undef, q('2030-01-31T05:00:00Z')]);
$w = why("/broadcasts/$id/why?contact=$who{read}");
is($w->{state}, 'queued', 'who waits');
is(events($w), 'created frozen rejected deferred next_try', 'with the reason');
ok(in_order($w), 'in order');
is($w->{next_try_at}, '2030-01-31T05:00:00Z', 'and until when');
like(line($w, 'rejected')->{words}, qr/^Attempt 1 failed: .*tried again/,
     'what came before');
is(line($w, 'rejected')->{detail}, 'Something went wrong',
   'in the provider\'s words');
is(line($w, 'rejected')->{code}, 131000, 'with its code');
like(line($w, 'deferred')->{words},
     qr/quiet hours where the person lives, so it waits until 2030-01-31 \d\d:00 \(/,
     'until their own morning');
like($w->{summary}, qr/^Not sent yet: it is quiet hours/, 'in one sentence');

row('read', "state = 'skipped', reason = 'frequency_cap', next_try_at = NULL",
    ['skipped', 0, undef, 'frequency_cap']);
$w = why("/broadcasts/$id/why?contact=$who{read}");
like(line($w, 'skipped')->{words}, qr/frequency cap allows \(3 in 7 days\)/,
     'the cap with its numbers');

row('fail', "state = 'failed', error_code = 131026, reason = 'recipient'",
    ['status', 1, 131026, 'recipient', 'Not on WhatsApp']);
$w = why("/broadcasts/$id/why?contact=$who{fail}");
like(events($w), qr/^created frozen attempt accepted (?:sent )?failed_status$/,
     'a failure that was reported stands behind what it speaks of');
is(line($w, 'failed_status')->{detail}, 'Not on WhatsApp', 'with its detail');
is(scalar(grep { ($_->{code} // 0) == 131026 } @{ $w->{story} }), 1, 'once');

row('read', "state = 'unknown', reason = 'no_answer'",
    ['unknown', 1, undef, 'no_answer']);
$w = why("/broadcasts/$id/why?contact=$who{read}");
like(line($w, 'unknown')->{words}, qr/held, so that nobody gets it twice/,
     'an unknown one is held');
like($w->{summary}, qr/not known whether it arrived/, 'in one sentence');

row('read', "state = 'skipped', reason = 'cancelled', next_try_at = NULL");
$w = why("/broadcasts/$id/why?contact=$who{read}");
like(line($w, 'cancelled')->{words}, qr/it was cancelled/, 'without an event');

row('read', "state = 'skipped', reason = 'holdout', variant = -1");
$t->sql("UPDATE broadcasts SET holdout = 10 WHERE id = '$id'");
$w = why("/broadcasts/$id/why?contact=$who{read}");
is(events($w), 'created frozen holdout', 'one of the holdout group');
like(line($w, 'holdout')->{words}, qr/10 %/, 'how many');

row('read', "$queued, reason = NULL, next_try_at = NULL, variant = 1",
    ['resend', undef, undef, 'unknown']);
$t->sql("UPDATE broadcasts SET status = 'paused', finished_at = NULL,
             pause_reason = 'failure_rate',
             pause_detail = '12 of the last 50 failed', variants =
             '[{\"template_id\": \"$tpl{one}\", \"weight\": 1},
               {\"template_id\": \"$tpl{two}\", \"weight\": 1}]'
          WHERE id = '$id'");
$w = why("/broadcasts/$id/why?contact=$who{read}");
is(events($w), 'created frozen variant resend paused', 'paused under way');
like(line($w, 'variant')->{words}, qr/variant B, the template "two"/,
     'which variant');
like(line($w, 'resend')->{words}, qr/may have arrived/, 'sent again');
is($w->{summary}, 'Not sent yet: the broadcast is paused (12 of the last 50 '
   . 'failed).', 'why it is paused');

$t->sql("UPDATE broadcasts SET pause_reason = NULL, pause_detail = NULL
          WHERE id = '$id'; UPDATE accounts SET status = 'paused'");
$w = why("/broadcasts/$id/why?contact=$who{read}");
like(line($w, 'paused')->{words}, qr/somebody paused it/, 'by somebody');
like(line($w, 'number')->{words}, qr/is paused: nothing is sent/,
     'the number, too');
$t->sql("UPDATE accounts SET status = 'connected'");

my ($row) = grep { $_->{contact_id} eq $who{stop} }
    $t->api_all("/broadcasts/$id/recipients");
is($row->{reason_text}, 'the person stopped marketing',
   'recipients have the words');


# single messages

$t->open_window($a->{id}, $who{late});
my $r = $t->api('POST', '/messages', { account_id => $a->{id},
    contact_id => $who{late}, text => 'Habari' });
my $m = $r->{json}{id};
ok(wait_until { $t->api('GET', "/messages/$m")->{json}{status} eq 'read' } 10,
   'a message is read');
$w = why("/messages/$m/why");
is(events($w), 'submitted attempt accepted sent delivered read', 'its story');
like(line($w, 'attempt')->{words}, qr/24-hour window/, 'its gates');

$r = $t->api('POST', '/messages', { account_id => $a->{id},
    contact_id => $who{late}, text => 'Kesho', send_at => $later });
$m = $r->{json}{id};
$w = why("/messages/$m/why");
is($w->{next_try_at}, $later, 'one for tomorrow');
like($w->{summary}, qr/^Not sent yet: it goes at /, 'says when');
$t->api('POST', "/messages/$m/cancel");
$w = why("/messages/$m/why");
is(events($w), 'submitted scheduled cancelled', 'cancelled');
is($w->{summary}, 'It was not sent: it was cancelled.', 'says so');

my ($of) = $t->api_all("/messages?contact_id=$who{fail}");
$w = why("/messages/$of->{id}/why");
is($w->{state}, 'failed', 'a message of a broadcast is told as that');
like(events($w), qr/^created frozen /, 'from its beginning');

$t->sandbox_inbound($a->{number_id}, from => '254712340013', text => 'Asante');
ok(wait_until { ($t->api('GET', '/messages?direction=in')->{json}{data}[0]
                 // {})->{text} } 10, 'somebody wrote');
my $in = $t->api('GET', '/messages?direction=in')->{json}{data}[0];
is($t->api('GET', "/messages/$in->{id}/why")->{status}, 409,
   'what came in has no story');
is($t->api('GET', "/messages/$none/why")->{status}, 404, 'nor has nothing');

my $two = $t->org;
is($t->api('GET', "/broadcasts/$id/why?contact=$who{read}")->{status}, 404,
   'a stranger is told nothing');
is($t->api('GET', "/messages/$m/why")->{status}, 404, 'of neither');

$t->done;
