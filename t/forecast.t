#!/usr/bin/perl

# The forecast of a broadcast: whom it would reach and why not the others, what it costs,
# what the portfolio and the money have left, and when it would be done.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use POSIX qw(strftime);
use Time::Local qw(timegm);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new(start => 0, http => 'herald_prices %%DIR%%/prices.csv;');

spew("$t->{dir}/prices.csv", "valid_from,country,category,currency,price\n"
    . "2025-01-01,KE,marketing,USD,0.02\n2025-01-01,KE,utility,USD,0.004\n"
    . "2025-01-01,US,marketing,USD,0.025\n2025-01-01,US,utility,USD,0.01\n"
    . "2099-01-01,KE,marketing,USD,9\n");
$t->start;

my $o = $t->org;
my $key = $o->{key};
my $true = JSON::PP::true();
my $a = $t->sandbox_account(account => { rate_limit => 10 });
my $b = $t->sandbox_account;
my $r;

sub template {
    my ($name, %o) = @_;
    return $t->api('POST', '/templates', { name => $name, language => 'en',
        category => 'marketing', body => 'Sale!', %o })->{json}{id};
}

my $plain = template('plain');
my $receipt = template('receipt', category => 'utility');
my $personal = template('personal', body => 'In {{fields.city}}');

sub contact {
    my ($phone, %c) = @_;
    my $r = $t->api('POST', '/contacts', { $phone ? (phone => $phone) : (), %c });

    diag("$r->{status} $r->{content}") if $r->{status} != 201;
    return $r->{json}{id};
}

my $n = 0;

sub draft {
    my (%b) = @_;
    my $r = $t->api('POST', '/broadcasts', { name => 'B' . ++$n, draft => $true,
        account_id => $a->{id}, template_id => $plain,
        audience => { tag => 'vip' }, %b });

    diag("$r->{status} $r->{content}") if $r->{status} != 201;
    return $r->{json}{id};
}

sub forecast {
    my ($id) = @_;
    my $r = $t->api('POST', "/broadcasts/$id/forecast");

    is($r->{status}, 200, 'a forecast') or diag($r->{content});
    return $r->{json};
}

sub excluded {
    my ($f) = @_;
    return { map { $_->{reason} => $_->{count} } grep { $_->{count} }
             @{ $f->{excluded} } };
}

sub warned {
    my ($f) = @_;
    return join ',', sort map { $_->{code} } @{ $f->{warnings} };
}

sub seconds {
    my @t = $_[0] =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/;
    return timegm(@t[5, 4, 3, 2], $t[1] - 1, $t[0]);
}

sub lasts {
    my ($f) = @_;
    return seconds($f->{finish_at}) - seconds($f->{start_at});
}

sub at {
    return strftime '%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0]);
}


# ── people ──────────────────────────────────────────────────────────────────

my @ke = map { contact("+2547120000$_", tags => ['vip'], fields => { city => 'Kisumu' }) }
    10 .. 15;
my @us = map { contact("+1415555010$_", tags => ['vip'], fields => { city => 'Reno' }) }
    0 .. 2;
my @in = map { contact("+9198765432$_", tags => ['vip']) } 10 .. 11;
my $mail = contact(undef, email => 'ann@example.com', tags => ['vip']);
my $list = contact('+254712000020', tags => ['vip']);
my $gone = contact('+254712000021', tags => ['vip'], marketing_opt_out => $true);
my $one = contact('+254712000022', tags => ['vip']);
my $else = contact('+254712000023', tags => ['other']);

$t->api('POST', '/suppressions', { phone => '+254712000020', reason => 'law' });
$t->api('POST', "/contacts/$one/opt-outs", { account_id => $a->{id} });

my $id = draft();
my $f = forecast($id);

is($f->{audience}, 15, 'everybody with the tag');
is_deeply(excluded($f), { no_phone => 1, suppressed => 1, opted_out => 2 },
          'why not') or diag(explain($f));
is_deeply([map { $_->{reason} } @{ $f->{excluded} }],
          [qw(no_phone suppressed opted_out frequency_cap missing_variable holdout)],
          'in the order of the gates');
is(scalar(grep { !$_->{words} || $_->{words} =~ /no words/ } @{ $f->{excluded} }), 0,
   'each in words');
is($f->{reachable}, 11, 'whom it reaches');
is_deeply($f->{deferred}, [], 'nobody sleeps');
is($f->{spend}, undef, 'no spend limit');
is($f->{portfolio}, undef, 'no portfolio');
is($t->api('GET', "/broadcasts/$id")->{json}{status}, 'draft', 'it is a draft still');
is($t->sql("SELECT count(*) FROM deliveries"), 0, 'and nothing was written');

is_deeply(excluded(forecast(draft(account_id => $b->{id}))),
          { no_phone => 1, suppressed => 1, opted_out => 1 },
          'who stopped one number is reached by another');
is_deeply(excluded(forecast(draft(template_id => $receipt))),
          { no_phone => 1, suppressed => 1 }, 'opt-outs are from marketing');
is(forecast(draft(audience => { all => $true }))->{audience}, 16, 'all of them');

$f = forecast(draft(audience => { tag => 'nobody' }));
is($f->{audience}, 0, 'an empty audience');
is(warned($f), 'empty_audience', 'is warned of');

$f = forecast(draft(template_id => $personal));
is(excluded($f)->{missing_variable}, 2, 'who lacks a value') or diag(explain($f));
is(warned($f), 'missing_variable', 'and the launch would be refused');


# ── money ───────────────────────────────────────────────────────────────────

$f = forecast($id);
is($f->{cost}{currency}, 'USD', 'the currency');
is($f->{cost}{total}, '0.195', '6 × 0.02 + 3 × 0.025');
is_deeply($f->{cost}{by}, [
    { country => 'IN', category => 'marketing', count => 2, in_window => 0,
      price => undef, amount => undef },
    { country => 'KE', category => 'marketing', count => 6, in_window => 0,
      price => '0.02', amount => '0.12' },
    { country => 'US', category => 'marketing', count => 3, in_window => 0,
      price => '0.025', amount => '0.075' }], 'by country');
is(warned($f), 'no_price', 'a country without a price');
like($f->{warnings}[0]{detail}, qr/\bIN\b.*\b2 of/, 'is named');

$t->sql("INSERT INTO conversations (org_id, account_id, contact_id, last_inbound_at,
    last_message_at) VALUES
    ('$o->{id}', '$a->{id}', '$ke[0]', now() - interval '23 hours', now()),
    ('$o->{id}', '$a->{id}', '$ke[1]', now() - interval '25 hours', now()),
    ('$o->{id}', '$b->{id}', '$ke[2]', now(), now())");

my ($ke) = grep { ($_->{country} // '') eq 'KE' } @{ forecast($id)->{cost}{by} };
is_deeply([@$ke{qw(in_window amount)}], [1, '0.12'],
          'marketing costs inside the window, too');
$id = draft(template_id => $receipt);
($ke) = grep { ($_->{country} // '') eq 'KE' } @{ forecast($id)->{cost}{by} };
is_deeply([@$ke{qw(count in_window amount)}], [8, 1, '0.028'],
          'utility is free inside of it');
$id = draft(template_id => $receipt, send_at => at(7200));
($ke) = grep { ($_->{country} // '') eq 'KE' } @{ forecast($id)->{cost}{by} };
is($ke->{in_window}, 0, 'the window is that of its beginning');

$t->api('PATCH', '/settings', { spend_limit => { amount => '1.00', period => 'month' } });
$t->sql("INSERT INTO spend_days VALUES
    ('$o->{id}', (now() AT TIME ZONE 'UTC')::date, 0, 500000),
    ('$o->{id}', (now() AT TIME ZONE 'UTC')::date, 1, 310000)");
$id = draft();
$f = forecast($id);
is_deeply($f->{spend}, { period => 'month', limit => '1', used => '0.81',
    left => '0.19', exceeded => $true }, 'more than is left');
like(warned($f), qr/spend_limit/, 'is warned of');
$t->api('PATCH', '/settings', { spend_limit => { amount => '1.005', period => 'month' } });
$f = forecast($id);
is($f->{spend}{exceeded}, JSON::PP::false(), 'just enough');
unlike(warned($f), qr/spend_limit/, 'is not');
$t->api('PATCH', '/settings', { spend_limit => undef });


# ── the frequency cap ───────────────────────────────────────────────────────

my $old = '0190aaaa-0000-7000-8000-000000000001';

$t->sql("INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id, state,
    category, claimed_at) VALUES
    ('$o->{id}', '$old', 1, '$ke[0]', '$a->{id}', 'sent', 'm', now() - interval '1 day'),
    ('$o->{id}', '$old', 2, '$ke[1]', '$a->{id}', 'sent', 'm', now() - interval '9 days'),
    ('$o->{id}', '$old', 3, '$ke[2]', '$a->{id}', 'sent', 'u', now()),
    ('$o->{id}', '$old', 4, '$ke[3]', '$a->{id}', 'failed', 'm', now())");
$t->api('PATCH', '/settings', { frequency_cap => { messages => 1, days => 7 } });
is(excluded(forecast($id))->{frequency_cap}, 1, 'who had enough marketing');
is(excluded(forecast(draft(template_id => $receipt)))->{frequency_cap}, undef,
   'utility is not counted');

# of everybody it comes from one pass over what was sent
sub capped {
    my ($messages, $days) = @_;
    $t->api('PATCH', '/settings', { frequency_cap => { messages => $messages,
                                                       days => $days } });
    my @n = map { excluded(forecast(draft(audience => $_)))->{frequency_cap} // 0 }
        { tag => 'vip' }, { all => $true };
    return "@n";
}

$t->sql("INSERT INTO broadcasts (org_id, id, name, account_id, template_id, audience,
        status, send_at, total, started_at, finished_at)
    VALUES ('$o->{id}', '$old', 'Old', '$a->{id}', '$plain', '{}', 'completed', now(),
            4, now(), now() - interval '1 hour');
    INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id, state,
        category, claimed_at)
    SELECT '$o->{id}', herald_uuid_at(now() - n * interval '1 day'), 0,
           (array['$ke[0]', '$ke[0]', '$ke[1]']::uuid[])[n], '$a->{id}', 'read',
           'm', now() - n * interval '1 day' FROM generate_series(1, 3) n");
is(capped(1, 7), '2 2', 'a broadcast or a single message');
is(capped(2, 7), '1 1', 'both of them');
is(capped(3, 7), '1 1', 'all three');
is(capped(4, 7), '0 0', 'nobody had four');
is(capped(2, 30), '2 2', 'in a month');
is(capped(2, 1), '0 0', 'in a day');
$t->sql("UPDATE broadcasts SET finished_at = now() - interval '8 days'
          WHERE id = '$old'; UPDATE deliveries SET claimed_at = now() - interval '8 days'
          WHERE batch_id = '$old'; UPDATE deliveries SET batch_id = herald_uuid_at(
          now() - interval '20 days' - n * interval '1 hour') FROM (SELECT batch_id AS b,
          row_number() OVER () AS n FROM deliveries WHERE seq = 0) x WHERE batch_id = b");
is(capped(1, 7), '2 2', 'messages that were written long before');
is(capped(3, 7), '0 0', 'a broadcast that ended before');
$t->sql("DELETE FROM deliveries WHERE seq = 0; DELETE FROM broadcasts
          WHERE id = '$old'");
$t->api('PATCH', '/settings', { frequency_cap => undef });


# ── the portfolio ───────────────────────────────────────────────────────────

$t->api('PUT', '/portfolios/p1', { daily_limit => 11 });
$t->api('PATCH', "/accounts/$a->{id}", { portfolio_id => 'p1' });
$t->sql("INSERT INTO portfolio_users VALUES
    ('$o->{id}', 'p1', '$us[0]', now() - interval '1 hour'),
    ('$o->{id}', 'p1', '$else', now() - interval '2 hours'),
    ('$o->{id}', 'p1', '$us[1]', now() - interval '25 hours')");
$f = forecast($id);
is_deeply($f->{portfolio}, { id => 'p1', limit => 11, used_24h => 2, left => 9,
    needed => 9, enough => $true },
    'needed: who neither wrote in 24 hours nor is counted already');
$t->api('PUT', '/portfolios/p1', { daily_limit => 10 });
$f = forecast($id);
is($f->{portfolio}{enough}, JSON::PP::false(), 'one too few');
like(warned($f), qr/portfolio_limit/, 'is warned of');
is(lasts($f), 86400, 'and it lasts a day');
$t->api('PATCH', "/accounts/$a->{id}", { portfolio_id => '' });


# ── time ────────────────────────────────────────────────────────────────────

$f = forecast($id);
is_deeply([@$f{qw(rate rate_by ahead)}], [594, 'number', 0], 'the number\'s pace');
cmp_ok(lasts($f), '<=', 2, '11 at 9.9 a second');
$f = forecast(draft(rate_limit => 1));
is_deeply([@$f{qw(rate rate_by)}], [1, 'broadcast'], 'its own');
cmp_ok(abs(lasts($f) - 660), '<=', 1, 'eleven minutes');
$f = forecast(draft(rate_limit => 1, expires_at => at(300)));
like(warned($f), qr/expires_before_end/, 'longer than it may');

is_deeply([@{ forecast(draft(account_id => $b->{id})) }{qw(rate rate_by)}],
          [undef, undef], 'a number without a limit');
$t->api('PATCH', "/accounts/$b->{id}", { pacing => { gap_min_ms => 20000,
    gap_max_ms => 40000 } });
$f = forecast(draft(account_id => $b->{id}));
is_deeply([@$f{qw(rate rate_by)}], [2, 'gaps'], 'a human\'s pace');
cmp_ok(abs(lasts($f) - 360), '<=', 1, '12 at half a minute each');
$t->api('PATCH', "/accounts/$b->{id}", { pacing => { gap_min_ms => 0, gap_max_ms => 0,
    daily_cap => 5 } });
$f = forecast(draft(account_id => $b->{id}));
like($f->{finish_at}, qr/T00:00:00/, 'five a day');
is(substr($f->{finish_at}, 0, 10), substr(at(2 * 86400), 0, 10),
   'go on the third of them');
$t->api('PATCH', "/accounts/$b->{id}", { pacing => undef });

# the number's hours, and the waits of a ramp
sub clock {
    return strftime '%H:%M', gmtime(time + $_[0]);
}

$t->api('PATCH', "/accounts/$b->{id}", { pacing => { hours => {
    from => clock(7200), to => clock(10800), zone => 'UTC' } } });
$f = forecast(draft(account_id => $b->{id}));
cmp_ok(abs(lasts($f) - 7200), '<=', 70, 'its hours begin later');
$f = forecast(draft(account_id => $b->{id}, rate_limit => 6, send_at => at(10000)));
cmp_ok(abs(lasts($f) - 120), '<=', 70, 'two minutes in them')
    or diag(explain($f));
$f = forecast(draft(account_id => $b->{id}, rate_limit => 6, send_at => at(10740)));
cmp_ok(lasts($f), '>', 80000, 'what they have no room for goes the next day');
$t->api('PATCH', "/accounts/$b->{id}", { pacing => undef });
$f = forecast(draft(account_id => $b->{id}, ramp => [{ percent => 10, wait_s => 600 },
                                                    { percent => 50, wait_s => 900 }]));
is(lasts($f), 1500, 'the waits of a ramp');

# what is queued before it
my $first = '0190bbbb-0000-7000-8000-000000000001';
$t->sql("INSERT INTO broadcasts (org_id, id, name, account_id, template_id, audience,
    status, send_at, total, started_at) VALUES ('$o->{id}', '$first', 'first',
    '$a->{id}', '$plain', '{}', 'sending', now(), 1000, now())");
$t->sql("INSERT INTO broadcast_counters (org_id, broadcast_id, stripe, sent, skipped)
    VALUES ('$o->{id}', '$first', 0, 300, 100), ('$o->{id}', '$first', 1, 95, 0)");
$f = forecast($id);
is($f->{ahead}, 505, 'others are before it');
cmp_ok(abs(lasts($f) - 52), '<=', 2, 'and take their time');
is(forecast(draft(account_id => $b->{id}))->{ahead}, 0, 'not on another number');
$t->sql("DELETE FROM broadcasts WHERE id = '$first'");

$r = $t->api('POST', '/messages', { account_id => $a->{id}, contact_id => $else,
    template => { id => $receipt }, send_at => at(7200) });
is($r->{status}, 202, 'a message of its own') or diag($r->{content});
is(forecast(draft(send_at => at(9000)))->{ahead}, 1, 'goes before what is later');
is(forecast(draft(send_at => at(5000)))->{ahead}, 0, 'not before what is earlier');

# quiet hours: now, wherever they are
$t->sql("UPDATE contacts SET time_zone = 'UTC'");
$t->sql("UPDATE contacts SET time_zone = 'Asia/Tokyo' WHERE id = '$us[0]'");
$t->api('PATCH', '/settings', { quiet_hours => { from => clock(-3600),
    to => clock(3600) } });
$f = forecast($id);
is_deeply([map { [@$_{qw(reason count)}] } @{ $f->{deferred} }], [['quiet_hours', 10]],
          'who sleeps') or diag(explain($f));
is($f->{reachable}, 11, 'is reached later');
cmp_ok(abs(lasts($f) - 3600), '<=', 70, 'when the night ends');
is_deeply(forecast(draft(send_at => at(7200)))->{deferred}, [],
          'it is day when it begins');
$t->api('PATCH', '/settings', { quiet_hours => undef });

# each at nine of their own
my $clock = clock(-7200);
$f = forecast(draft(local_time => $clock));
cmp_ok(abs(lasts($f) - 79200), '<=', 70, 'the last wave');


# ── states, tenants ─────────────────────────────────────────────────────────

$r = $t->api('POST', '/broadcasts', { name => 'later', account_id => $a->{id},
    template_id => $plain, audience => { tag => 'vip' }, send_at => at(3600) });
$f = forecast($r->{json}{id});
cmp_ok(abs(seconds($f->{start_at}) - time - 3600), '<=', 20, 'one that is scheduled');
$t->api('POST', "/broadcasts/$r->{json}{id}/pause");
is(forecast($r->{json}{id})->{frozen}, JSON::PP::false(), 'or paused before it began');
$t->api('POST', "/broadcasts/$r->{json}{id}/cancel");
$r = $t->api('POST', "/broadcasts/$r->{json}{id}/forecast");
is($r->{status}, 409, 'not one that is cancelled');
is($r->{json}{code}, 'wrong_state', 'by its state');

# who is held out is so in the end, too
$t->api('POST', '/contacts/import', join("\r\n", 'phone,tags',
    map { sprintf '+2547130000%02d,many', $_ } 1 .. 60),
    headers => { 'content-type' => 'text/csv' });

my $held = draft(audience => { tag => 'many' }, holdout => 50,
                 account_id => $b->{id});
$f = forecast($held);
my $out = excluded($f)->{holdout};
cmp_ok($out, '>', 0, 'a holdout');
is($f->{reachable}, 60 - $out, 'is not reached');

# some of it is sent, then it is paused
$t->api('PATCH', "/accounts/$b->{id}", { rate_limit => 1 });
$t->api('POST', "/broadcasts/$held/launch");
ok(wait_until { $t->sql("SELECT count(*) FROM deliveries WHERE batch_id = '$held'
                          AND state > 'queued' AND state < 'skipped'") > 1 } 20,
   'sending');
is($t->sql("SELECT count(*) FROM deliveries WHERE batch_id = '$held'
             AND reason = 'holdout'"), $out,
   'as many are held out as was said');
is($t->api('POST', "/broadcasts/$held/forecast")->{status}, 409, 'not one being sent');
$t->api('POST', "/broadcasts/$held/pause");

my $queued = sub {
    $t->sql("SELECT count(*) FROM deliveries WHERE batch_id = '$held'
             AND state = 'queued'");
};

ok(wait_until { !$t->sql("SELECT count(*) FROM deliveries WHERE batch_id = '$held'
                           AND state = 'sending'") } 10, 'nothing is in flight');
$f = forecast($held);
is($f->{frozen}, $true, 'its audience is fixed');
is($f->{audience}, $queued->(), 'who is still queued');
cmp_ok($f->{audience}, '>', 0, 'some are');
is(excluded($f)->{holdout}, undef, 'who is held out is settled');

my $other = $t->org(name => 'Other');
is($t->api('POST', "/broadcasts/$id/forecast", undef, token => $other->{key})->{status},
   404, 'another tenant\'s is not there');
$t->{key} = $key;
is($t->api('POST', "/broadcasts/$id/forecast", { x => 1 })->{status}, 422,
   'it takes no fields');

$t->done;
