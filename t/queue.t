#!/usr/bin/perl

# The queue view: what waits, number by number, and how fast it may go.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use JSON::PP;
use Test::More;

my $true = JSON::PP::true();
my $t = Herald::Test->new;
my $o = $t->org(name => 'Queue');
my $key = $t->{key};
my $read = $t->api_key($o, 'read');
my $other = $t->org(name => 'Other');
my ($r, $q);

$t->{key} = $key;

# the whole answer, as whoever has that key
sub queue {
    my ($token) = @_;
    my $r = $t->api('GET', '/queue', undef, token => $token // $key);

    die "queue: $r->{status} $r->{content}\n" if $r->{status} != 200;
    return $r->{json};
}

# one number of it
sub number {
    my ($account) = @_;

    return (grep { $_->{account_id} eq $account->{id} } @{ queue()->{data} })[0];
}

sub post {
    my ($path, $body) = @_;
    my $r = $t->api('POST', $path, $body);

    die "$path: $r->{status} $r->{content}\n" if $r->{status} > 299;
    return $r->{json};
}


# ── nothing yet ─────────────────────────────────────────────────────────────

is_deeply(queue(), { data => [], total => { depth => 0, oldest_age_s => undef,
    more => JSON::PP::false() } }, 'no number, nothing waits');

my $slow = $t->sandbox_account(reply_rate => 0, delivered_rate => 0,
    account => { name => 'Slow "one"', rate_limit => 10 });
my $idle = $t->sandbox_account(account => { name => 'Idle', rate_limit => 500 });
my $free = $t->sandbox_account(reply_rate => 0, account => { name => 'Free' });

$q = queue($read);
is(scalar @{ $q->{data} }, 3, 'three numbers, with the scope "read"');
is_deeply([map { $_->{name} } @{ $q->{data} }], ['Slow "one"', 'Idle', 'Free'],
          'oldest first');

$r = number($idle);
is($r->{status}, 'connected', 'its status');
is_deeply($r->{depth}, { reply => 0, broadcast => 0, deferred => 0 }, 'no depth');
is($r->{oldest_age_s}, undef, 'no age');
is_deeply($r->{rate}, { limit => 500, share => 1, tokens => 5, wait_ms => 0 },
          'at rest, from its limit');
is(number($free)->{rate}{tokens}, undef, 'without a limit there are no tokens');
is($r->{breaker}, 'closed', 'the breaker is closed');
is_deeply([map { $_->{le_ms} } @{ $r->{lateness} }],
          [10, 50, 100, 500, 1000, 5000, 30000, undef], 'the steps of lateness');
is(scalar(grep { $_->{count} } @{ $r->{lateness} }), 0, 'nothing was sent');
is_deeply([@$r{qw(daily portfolio broadcasts)}], [undef, undef, []],
          'no cap, no portfolio, no broadcast');

is($t->api('GET', '/queue', undef, token => 'hk_no')->{status}, 401, 'a credential');


# ── limits of a number ──────────────────────────────────────────────────────

$t->api('PUT', '/portfolios/biz', { daily_limit => 250 });
$r = $t->api('PATCH', "/accounts/$idle->{id}", { portfolio_id => 'biz',
    pacing => { daily_cap => 20, gap_min_ms => 10, gap_max_ms => 20 } });
is($r->{status}, 200, 'a cap and a portfolio') or diag($r->{content});

my @c = map { post('/contacts', { phone => sprintf('+25471100%04d', $_) }) } 1 .. 3;

$t->sql(qq{INSERT INTO account_days VALUES
    ('$o->{id}', '$idle->{id}', (now() AT TIME ZONE 'UTC')::date, 23)});
$t->sql(qq{INSERT INTO portfolio_users VALUES
    ('$o->{id}', 'biz', '$c[0]{id}', now()),
    ('$o->{id}', 'biz', '$c[1]{id}', now() - interval '25 hours')});

$r = number($idle);
is_deeply($r->{daily}, { cap => 20, sent => 23, left => 0 }, 'the day');
is_deeply($r->{portfolio}, { id => 'biz', limit => 250, used_24h => 1,
                             left => 249 }, 'the portfolio');
is($r->{rate}{tokens}, 1, 'one at a time where there are gaps');


# ── a broadcast that is paced ───────────────────────────────────────────────

my $tpl = post('/templates', { name => 'hello', language => 'en',
    category => 'utility', body => 'Hi' });
my $n = 60;

$r = $t->api('POST', '/contacts/import', "phone,tags\n" . join('',
    map { sprintf "+2547200%05d,many\n", $_ } 1 .. $n),
    headers => { 'content-type' => 'text/csv' });
is($r->{json}{created}, $n, "$n contacts") or diag($r->{content});

my $sale = post('/broadcasts', { name => 'Paced', account_id => $slow->{id},
    template_id => $tpl->{id}, audience => { tag => 'many' } });

my $first = (wait_until {
    my $x = number($slow);
    return @{ $x->{broadcasts} } && $x->{depth}{broadcast} < $n && $x;
} 10, 'it begins') || {};
ok(%$first, 'it begins, and less of it waits');

cmp_ok($first->{depth}{broadcast}, '>', 0, 'most of it waits');
is($first->{broadcasts}[0]{id}, $sale->{id}, 'which one');
is($first->{broadcasts}[0]{name}, 'Paced', 'by its name');
is($first->{broadcasts}[0]{status}, 'sending', 'how it stands');
is($first->{broadcasts}[0]{queued}, $first->{depth}{broadcast},
   'what is left of it is the depth');
like($first->{oldest_age_s}, qr/^\d+$/, 'an age');
is($first->{rate}{limit}, 10, 'the rate');
cmp_ok($first->{rate}{wait_ms}, '<=', 110, 'the next one goes within an interval');

ok(wait_until { number($slow)->{depth}{broadcast} < $first->{depth}{broadcast} } 10,
   'the depth falls');
ok(wait_until { number($slow)->{rate}{tokens} == 0 } 5, 'and there are no tokens left');
ok(wait_until {
    my $x = queue();
    return ($x->{total}{oldest_age_s} // 0) >= 1 && $x->{total}{depth} > 0;
} 10, 'the total has its age');

$t->api('POST', "/broadcasts/$sale->{id}/pause");
$r = (wait_until {
    my $x = number($slow);
    return ($x->{broadcasts}[0]{status} // '') eq 'paused' && $x;
} 5, 'paused') || {};
cmp_ok($r->{depth}{broadcast}, '>', 0, 'what is paused waits');
is($r->{oldest_age_s}, undef, 'and is not late');

is_deeply(queue($other->{key})->{data}, [], 'the other organisation sees nothing');
is(queue($other->{key})->{total}{depth}, 0, 'nor counts it');


# ── replies, and messages for later ─────────────────────────────────────────

$t->open_window($free->{id}, $_->{id}) for @c;
$t->sandbox_set($free->{number_id}, faults => [{ kind => 'hang' }]);

post('/messages', { account_id => $free->{id}, contact_id => $c[0]{id},
                    text => 'now' });
post('/messages', { account_id => $free->{id}, contact_id => $c[$_]{id},
                    text => 'then', send_at => '2099-01-01T00:00:00Z' }) for 1, 2;

ok(wait_until {
    my $x = number($free);
    return $x->{depth}{reply} == 1 && ($x->{oldest_age_s} // 0) >= 1;
} 10, 'a reply that hangs waits, and grows old');
is(number($free)->{depth}{deferred}, 2, 'two are for later');

{
    my ($all, $mine) = (queue(), 0);

    $mine += $_ for map { values %{ $_->{depth} } } @{ $all->{data} };
    is($all->{total}{depth}, $mine, 'the total is the sum');
}

is(queue($other->{key})->{total}{depth}, 0, 'not of the other organisation');


# ── a provider without answers ──────────────────────────────────────────────

my $dead = $t->sandbox_account(reply_rate => 0, account => { name => 'Dead',
    rate_limit => 50 }, faults => [{ kind => 'http', status => 503 }]);

$r = post('/broadcasts', { name => 'Into the dark', account_id => $dead->{id},
    template_id => $tpl->{id}, audience => { tag => 'many' } });

$q = (wait_until {
    my $x = number($dead);
    return $x->{breaker} eq 'open' && $x;
} 15, 'the breaker opens') || {};
ok(%$q, 'the breaker opens');
is($q->{rate}{tokens}, 0, 'nothing may go');
cmp_ok($q->{rate}{wait_ms}, '>', 100, 'until the next probe');
cmp_ok($q->{rate}{wait_ms}, '<=', 10000, 'which is soon');
is(number($idle)->{breaker}, 'closed', 'of no other number');

my ($m) = $t->get('/metrics');
like($m->{content}, qr/^herald_breaker_open 1$/m, 'Prometheus is told');
like($m->{content}, qr/^herald_breaker_opened_total 1$/m, 'how often, too');
$t->api('POST', "/broadcasts/$r->{id}/cancel");

ok(wait_until { !@{ number($dead)->{broadcasts} } } 10, 'a cancelled one is gone');


# ── lateness ────────────────────────────────────────────────────────────────

$t->sandbox_set($free->{number_id}, faults => []);
my $before = number($free)->{lateness}[-1]{count};
post('/messages', { account_id => $free->{id}, contact_id => $c[1]{id},
                    text => 'again' });

$q = (wait_until {
    my $x = number($free);
    return $x->{lateness}[-1]{count} > $before && $x;
} 10, 'a message is in the histogram') || {};
ok(%$q, 'a message is in the histogram');
{
    my @n = map { $_->{count} } @{ $q->{lateness} };
    is_deeply(\@n, [sort { $a <=> $b } @n], 'each step counts those below it');
}


# ── more than is looked at ──────────────────────────────────────────────────

# the ledger grows as well, when every connection has its plans from a time when it had
# one page: reading all of it for each message would not end before the statement's time
# does
$t->sql('ANALYZE deliveries');
queue() for 1 .. 20;
$t->sql(qq{WITH i AS (SELECT gen_random_uuid() AS id FROM generate_series(1, 60000)),
    d AS (INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id)
          SELECT '$o->{id}', id, 0, '$c[0]{id}', '$idle->{id}' FROM i)
    INSERT INTO agenda (kind, org_id, ref_id, due_at)
    SELECT 'message', '$o->{id}', id, now() + interval '30 days' FROM i LIMIT 10010});

$q = queue();
is($q->{total}{more}, $true, 'there are more than are counted');
is(queue($other->{key})->{total}{more}, JSON::PP::false(), 'not of the other');

$r = $t->api('GET', '/openapi.json')->{json};
is($r->{paths}{'/api/v1/queue'}{get}{tags}[0] // $r->{paths}{'/queue'}{get}{tags}[0],
   'Queue', 'it describes itself');

$t->done;
