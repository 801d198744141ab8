#!/usr/bin/perl

# The gates at send time, from outside: each leaves its reason, nobody is lost,
# and the sandbox's ledger says who was written to.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use JSON::PP;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time);

my $t = Herald::Test->new;
my $o = $t->org;
my $true = JSON::PP::true;
my $acc = $t->sandbox_account(read_rate => 1, reply_rate => 0,
                            account => { rate_limit => 200 });

sub template {
    my ($name, $category) = @_;
    return $t->api('POST', '/templates', { name => $name, language => 'en',
        category => $category, body => "Hello {{first_name|friend}}, $name"
        })->{json}{id};
}

my %tpl = map { $_ => template("of_$_", $_) }
    qw(marketing utility authentication);

my $n = 0;

# contacts of their own for each case: a tag and phones
sub people {
    my ($count, $tag, %more) = @_;
    my @made;

    for (1 .. $count) {
        my $r = $t->api('POST', '/contacts', { first_name => "P$n",
            phone => sprintf('+25471%07d', ++$n), tags => [$tag], %more });
        is($r->{status}, 201, "a contact for $tag") or diag($r->{content})
            if $r->{status} != 201;
        push @made, $r->{json};
    }

    return @made;
}

sub send_to {
    my ($tag, $category, %more) = @_;
    my $r = $t->api('POST', '/broadcasts', { name => "To $tag",
        account_id => $acc->{id}, template_id => $tpl{$category},
        audience => { tag => $tag }, %more });
    is($r->{status}, 201, "a $category broadcast to $tag")
        or diag($r->{content});
    return $r->{json}{id};
}

# a wait that must come true
sub until_true {
    my ($limit, $what, $sub) = @_;
    ok(&wait_until($sub, $limit), $what);
}

sub done {
    my ($id) = @_;
    my $bc;
    wait_until { $bc = $t->api('GET', "/broadcasts/$id")->{json};
                 $bc->{status} eq 'completed' } 20, "broadcast $id is done";
    return $bc;
}

sub reasons {
    my ($id) = @_;
    return { map { split /\|/ } split /\n/, $t->sql("select coalesce(reason,
        'sent'), count(*) from deliveries where batch_id = '$id'
        group by 1") };
}

sub whole {
    my ($bc) = @_;
    my $c = $bc->{counters};
    is($c->{sent} + $c->{failed} + $c->{skipped} + $c->{unknown}
       + $c->{queued}, $c->{audience}, 'the parts make the whole');
}

sub ledger_of {
    my (@contacts) = @_;
    return scalar(() = map { $t->ledger(to => substr $_->{phone}, 1) } @contacts);
}


# ── opt-out, of any number and of this one; suppression ─────────────────────

my @p = people(4, 'consent');
$t->api('PATCH', "/contacts/$p[0]{id}", { marketing_opt_out => $true });
is($t->api('POST', "/contacts/$p[1]{id}/opt-outs",
           { account_id => $acc->{id} })->{status}, 200, 'one for this number');
is($t->api('POST', '/suppressions', { phones => [$p[2]{phone}],
           reason => 'complaint' })->{status}, 200, 'one for ever');

my $bc = done(send_to('consent', 'marketing'));
is_deeply(reasons($bc->{id}), { opted_out => 2, suppressed => 1, sent => 1 },
          'marketing: the stopped and the suppressed are left out');
is(ledger_of(@p[0 .. 2]), 0, 'nothing went to them');
is(ledger_of($p[3]), 1, 'but to the other');
whole($bc);

$bc = done(send_to('consent', 'utility'));
is_deeply(reasons($bc->{id}), { suppressed => 1, sent => 3 },
          'utility: an opt-out is from marketing, a suppression is from all');


# ── frequency cap: two broadcasts at once, each person once ─────────────────

my $r = $t->api('PATCH', '/settings',
                { frequency_cap => { messages => 1, days => 1 } });
is($r->{status}, 200, 'at most one a day') or diag($r->{content});
@p = people(60, 'often');
my @b = map { send_to('often', 'marketing') } 1 .. 3;
@b = map { done($_) } @b;
my ($sent, $skipped) = (0, 0);
$sent += $_->{counters}{sent}, $skipped += $_->{counters}{skipped} for @b;
is($sent, 60, 'three at once wrote to everybody once');
is($skipped, 120, 'and the others say why');
is_deeply([sort { $a <=> $b } map { scalar(() = $t->ledger(
          to => substr $_->{phone}, 1)) } @p], [(1) x 60], 'by the ledger too');
whole($_) for @b;
is($b[0]{counters}{skipped} ? reasons($b[0]{id})->{frequency_cap} // 0 : 0,
   $b[0]{counters}{skipped}, 'the reason');
$bc = done(send_to('often', 'utility'));
is($bc->{counters}{sent}, 60, 'it is of marketing only');
$t->api('PATCH', '/settings', { frequency_cap => undef });


# ── quiet hours, in the person's zone ───────────────────────────────────────

# an hour that is night for one zone and day for the other
my $now = $t->sql("select to_char(now() at time zone 'Africa/Nairobi',
                                  'HH24:MI')");
my ($h) = split /:/, $now;
my %quiet = (from => sprintf('%02d:00', ($h - 1) % 24),
             to => sprintf('%02d:00', ($h + 2) % 24));
$r = $t->api('PATCH', '/settings', { quiet_hours => \%quiet });
is($r->{status}, 200, "quiet from $quiet{from} to $quiet{to}")
    or diag($r->{content});

my @night = people(3, 'night');
my @day = people(2, 'night', time_zone => 'America/Los_Angeles');
my $id = send_to('night', 'marketing');
until_true(15, 'those whose day it is', sub {
    $t->api('GET', "/broadcasts/$id")->{json}{counters}{sent} == 2
});
until_true(10, 'the others wait', sub { $t->sql("select count(*)
    from deliveries where batch_id = '$id' and reason = 'quiet_hours'
    and state = 'queued' and next_try_at > now()") == 3 });
is(ledger_of(@night), 0, 'nobody is woken');
is($t->sql("select count(distinct next_try_at at time zone 'Africa/Nairobi')
    from deliveries where batch_id = '$id' and to_char(next_try_at at time zone
    'Africa/Nairobi', 'HH24:MI') = '$quiet{to}'"), 1, 'until their morning');

$bc = done(send_to('night', 'authentication'));
is($bc->{counters}{sent}, 5, 'a code does not wait for the morning');

# morning comes
$t->api('PATCH', '/settings', { quiet_hours => undef });
$t->sql("update deliveries set next_try_at = now() where batch_id = '$id'
    and state = 'queued'");
$t->api('POST', "/broadcasts/$id/$_") for qw(pause resume);
$bc = done($id);
is($bc->{counters}{sent}, 5, 'then it goes');
whole($bc);
my $why = $t->api('GET', "/broadcasts/$id/why?contact=$night[0]{id}");
is($why->{status}, 200, 'why it was late');
like($why->{content}, qr/quiet/i, 'says the quiet hours');


# ── a portfolio's people ────────────────────────────────────────────────────

$t->api('PATCH', "/accounts/$acc->{id}", { portfolio_id => 'waba-1' });
$r = $t->api('PUT', '/portfolios/waba-1', { daily_limit => 7 });
is($r->{status}, 200, 'seven people a day') or diag($r->{content});
@p = people(20, 'tier');
$id = send_to('tier', 'marketing');
until_true(15, 'thirteen wait',
           sub { (reasons($id)->{portfolio_limit} // 0) == 13 });
until_true(15, 'seven were written to', sub {
    $bc = $t->api('GET', "/broadcasts/$id")->{json};
    $bc->{counters}{sent} == 7
});
is(ledger_of(@p), 7, 'the ledger says so too');
is($bc->{status}, 'sending', 'the others wait for tomorrow');
whole($bc);

# who wrote to us is not counted
my ($first) = grep { !$t->ledger(to => substr $_->{phone}, 1) } @p;
$t->open_window($acc->{id}, $first->{id});
$t->sql("update deliveries set next_try_at = now() where batch_id = '$id'
    and state = 'queued' and contact_id = '$first->{id}'");
$t->api('POST', "/broadcasts/$id/$_") for qw(pause resume);
until_true(15, 'who wrote first costs no place',
           sub { ledger_of($first) == 1 });
$t->api('POST', "/broadcasts/$id/cancel");
$t->api('PUT', '/portfolios/waba-1', { daily_limit => undef });


# ── a number's day ──────────────────────────────────────────────────────────

$r = $t->api('PATCH', "/accounts/$acc->{id}", { pacing => { daily_cap => 1 } });
is($r->{status}, 200, 'a cap for the day') or diag($r->{content});
my $today = $t->sql("select sum(sent) from account_days") || 0;
$t->api('PATCH', "/accounts/$acc->{id}",
        { pacing => { daily_cap => $today + 5 } });
@p = people(12, 'cap');
$id = send_to('cap', 'marketing');
until_true(15, 'seven wait',
           sub { (reasons($id)->{daily_cap} // 0) == 7 });
is(ledger_of(@p), 5, 'five went');
$t->api('POST', "/broadcasts/$id/cancel");
$t->api('PATCH', "/accounts/$acc->{id}", { pacing => undef });


# ── the window, and what is said instead ────────────────────────────────────

@p = people(2, 'window');
$r = $t->api('POST', '/messages', { account_id => $acc->{id},
    contact_id => $p[0]{id}, text => 'Hi' });
is($r->{status}, 422, 'no free words to who never wrote');
like($r->{content}, qr/window_closed/, 'it says why');
$r = $t->api('POST', '/messages', { account_id => $acc->{id},
    contact_id => $p[0]{id}, text => 'Hi', fallback => { template => {
        id => $tpl{utility} } } });
is($r->{status}, 202, 'with a fallback') or diag($r->{content});
until_true(15, 'it goes', sub { ledger_of($p[0]) == 1 });
is(($t->ledger(to => substr $p[0]{phone}, 1))[0]{type}, 'template',
   'as the template');
until_true(10, 'and the thread shows what went', sub {
    $t->api('GET', "/messages/$r->{json}{id}")->{json}{text} =~ /utility/
});
like($t->api('GET', "/messages/$r->{json}{id}/why")->{content},
     qr/fallback/, 'its story says so');

# it closes between the asking and the sending
$t->open_window($acc->{id}, $p[1]{id});
$r = $t->api('POST', '/messages', { account_id => $acc->{id},
    contact_id => $p[1]{id}, text => 'Hi', send_at => strftime(
        '%Y-%m-%dT%H:%M:%SZ', gmtime(time + 3)) });
is($r->{status}, 202, 'for later') or diag($r->{content});
$t->sql("update conversations set last_inbound_at = now() - interval '25 hours'
    where contact_id = '$p[1]{id}'");
until_true(20, 'then it is too late', sub { $t->sql("select reason
    from deliveries where batch_id = '$r->{json}{id}'") eq 'window_closed' });
is(ledger_of($p[1]), 0, 'and nothing went');


# ── a message that is of no use any more ────────────────────────────────────

my ($stale) = people(1, 'stale');
$r = $t->api('POST', '/messages', { account_id => $acc->{id},
    contact_id => $stale->{id}, template => { id => $tpl{utility} },
    send_at => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 3)),
    expires_at => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 60)) });
is($r->{status}, 202, 'one with an end') or diag($r->{content});
$t->sql("update messages set payload = payload || jsonb_build_object(
    'expires_at', now() + interval '1 second')
    where id = '$r->{json}{id}'");
until_true(20, 'its time was over before its turn', sub { $t->sql("select
    reason from deliveries where batch_id = '$r->{json}{id}'") eq 'expired' });
is(ledger_of($stale), 0, 'and nothing went');


# ── one number to one person ────────────────────────────────────────────────

my ($pair) = people(1, 'pair');
$t->open_window($acc->{id}, $pair->{id});
my @m = map { $t->api('POST', '/messages', { account_id => $acc->{id},
    contact_id => $pair->{id}, text => "number $_" })->{json}{id} } 1 .. 48;
until_true(20, 'forty-five at once', sub { ledger_of($pair) >= 45 });
until_true(10, 'others wait for their turn', sub { $t->sql("select count(*)
    from deliveries where reason = 'pair_limit' and state = 'queued'
    and contact_id = '$pair->{id}'") >= 1 });
cmp_ok(ledger_of($pair), '<', 48, 'not all of them went');
until_true(20, 'which comes after six seconds',
           sub { ledger_of($pair) >= 46 });
is(scalar(grep { ($_->{code} // '') eq '131056' }
          $t->ledger(to => substr $pair->{phone}, 1)), 0,
   'the provider had nothing to refuse');


# ── a number of low quality ─────────────────────────────────────────────────

{
    my $y = $t->sandbox_account(reply_rate => 0, account => { rate_limit => 50 });
    my $low = sub { $t->sql("update accounts set quality = '$_[0]'
                              where id = '$y->{id}'") };
    my $begin = sub {
        return $t->api('POST', '/broadcasts', { name => 'Low', account_id => $y->{id},
            template_id => $tpl{$_[0]}, audience => { tag => 'low' } })->{json}{id};
    };
    my $resume = sub { $t->api('POST', "/broadcasts/$_[0]/resume", $_[1]) };
    my $look = sub { $t->api('GET', "/broadcasts/$_[0]")->{json} };
    my $stream = $t->stream;

    people(3, 'low');
    is($stream->status, 200, 'a stream');
    $low->('RED');
    my $id = $begin->('marketing');
    wait_until { $look->($id)->{status} eq 'paused' } 20, 'it pauses as it begins';
    is($look->($id)->{pause_reason}, 'quality', 'for the quality');
    like($look->($id)->{pause_detail}, qr/low \(RED\)/, 'in words');
    is($look->($id)->{counters}{queued}, 3, 'nobody is written to');
    ok(wait_until(sub { grep { ($_->{event} // '') eq 'broadcast.paused'
        && $_->{json}{id} eq $id && $_->{json}{pause_reason} eq 'quality' }
        $stream->events }, 10), 'the stream says so');
    is(done($begin->('utility'))->{counters}{sent}, 3, 'utility goes');
    is($resume->($id)->{status}, 200, 'who has seen why may resume it');
    is(done($id)->{counters}{sent}, 3, 'and it goes');

    # paused by hand, and resumed when it is low
    $low->('GREEN');
    $t->api('PATCH', "/accounts/$y->{id}", { rate_limit => 1 });
    $id = $begin->('marketing');
    wait_until { $look->($id)->{counters}{sent} } 20, 'it begins';
    $t->api('POST', "/broadcasts/$id/pause");
    $low->('RED');
    my $r = $resume->($id);
    is($r->{status}, 409, 'it does not go on unasked') or diag($r->{content});
    is($r->{json}{code}, 'number_quality', 'by code');
    is($look->($id)->{pause_reason}, 'quality', 'and stays paused for it');
    $t->sql("update broadcasts set pause_reason = null where id = '$id'");
    is($resume->($id, { despite_quality => JSON::PP::false() })->{status}, 409,
       'a no is a no');
    $t->sql("update broadcasts set pause_reason = null where id = '$id'");
    is($resume->($id, { despite_quality => JSON::PP::true() })->{status}, 200,
       'who says so may');
    is(done($id)->{counters}{sent}, 3, 'and it goes');
}


# ── the provider's word stops more than one message ─────────────────────────

my $x = $t->sandbox_account(reply_rate => 0, account => { rate_limit => 50 });
people(30, 'account');
$t->sandbox_set($x->{number_id},
    failures => [ { code => 131042, rate => 1, when => 'answer' } ]);
$r = $t->api('POST', '/broadcasts', { name => 'Unpaid',
    account_id => $x->{id}, template_id => $tpl{utility},
    audience => { tag => 'account' } });
$id = $r->{json}{id};
until_true(20, 'it pauses', sub {
    $t->api('GET', "/broadcasts/$id")->{json}{status} eq 'paused'
});
$bc = $t->api('GET', "/broadcasts/$id")->{json};
is($bc->{pause_reason}, 'account', 'for the number');
$r = $t->api('GET', "/accounts/$x->{id}")->{json};
is($r->{status}, 'paused', 'which is paused');
until_true(10, 'nobody is burned', sub { $t->sql("select count(*)
    from deliveries where batch_id = '$id' and state = 'queued'") == 30 });
$t->sandbox_set($x->{number_id}, failures => []);
is($t->api('POST', "/accounts/$x->{id}/resume")->{status}, 200, 'mended');
is($t->api('POST', "/broadcasts/$id/resume")->{status}, 200, 'and resumed');
$bc = done($id);
is($bc->{counters}{sent}, 30, 'all are sent');
whole($bc);

$t->done;
