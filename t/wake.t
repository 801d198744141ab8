#!/usr/bin/perl

# A limit that is raised wakes what it held: rows that wait for tomorrow go now.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $t = Herald::Test->new(start => 0,
    http => 'herald_prices %%DIR%%/prices.csv;');

spew("$t->{dir}/prices.csv", "valid_from,country,category,currency,price\n"
    . "2025-01-01,*,marketing,USD,0.01\n");
$t->start;

my $o = $t->org;
my $a = $t->sandbox_account(reply_rate => 0, account => { rate_limit => 100 });
my $tpl = $t->api('POST', '/templates', { name => 'offer', language => 'en',
    category => 'marketing', body => 'An offer' })->{json}{id};
my $n = 0;

sub people {
    my ($tag, $count) = @_;

    return map { $t->api('POST', '/contacts', { tags => [$tag],
        phone => sprintf('+25472%07d', ++$n) })->{json}{id} } 1 .. $count;
}

sub broadcast {
    my ($tag) = @_;
    my $r = $t->api('POST', '/broadcasts', { name => $tag,
        account_id => $a->{id}, template_id => $tpl,
        audience => { tag => $tag } });

    is($r->{status}, 201, "a broadcast to $tag") or diag($r->{content});
    return $r->{json}{id};
}

sub look { return $t->api('GET', "/broadcasts/$_[0]")->{json} }

sub change {
    my ($method, $path, $body) = @_;
    my $r = $t->api($method, $path, $body);

    is($r->{status}, 200, "$method $path") or diag($r->{content});
}

sub held {
    my ($id, $reason, $count) = @_;

    ok(wait_until(sub { $t->sql("SELECT count(*) FROM deliveries
        WHERE batch_id = '$id' AND state = 'queued' AND reason = '$reason'
        AND next_try_at > now()") == $count }, 20,
        "$count wait"), "$count wait for $reason");
}

sub goes {
    my ($id, $count) = @_;
    my $now;

    ok(wait_until(sub { ($now = look($id))->{status} eq 'completed' }, 20,
                  'the end'), 'they go now');
    is($now->{counters}{sent}, $count, 'all of them');
}

my $account = "/accounts/$a->{id}";


# ── the number: its day and its hours ───────────────────────────────────────

people('day', 8);
change('PATCH', $account, { pacing => { daily_cap => 3 } });
my $id = broadcast('day');
held($id, 'daily_cap', 5);
change('PATCH', $account, { name => 'Another name' });
held($id, 'daily_cap', 5);
change('PATCH', $account, { pacing => { daily_cap => 5 } });
held($id, 'daily_cap', 3);
change('PATCH', $account, { pacing => { daily_cap => undef } });
goes($id, 8);

my ($hour) = $t->sql("SELECT extract(hour FROM now() AT TIME ZONE 'UTC')::int");
my %later = (from => sprintf('%02d:00', ($hour + 2) % 24),
             to => sprintf('%02d:00', ($hour + 4) % 24));

people('hours', 3);
change('PATCH', $account, { pacing => { hours => { %later, zone => 'UTC' } } });
$id = broadcast('hours');
held($id, 'outside_hours', 3);
change('PATCH', $account, { pacing => { hours => undef } });
goes($id, 3);


# ── the portfolio, its limit or another ─────────────────────────────────────

people('first', 6);
change('PUT', '/portfolios/p1', { daily_limit => 2 });
change('PUT', '/portfolios/p2', { daily_limit => 0 });
change('PATCH', $account, { portfolio_id => 'p1' });
$id = broadcast('first');
held($id, 'portfolio_limit', 4);
change('PUT', '/portfolios/p2', { daily_limit => 1000 });
held($id, 'portfolio_limit', 4);
change('PUT', '/portfolios/p1', { daily_limit => 3 });
held($id, 'portfolio_limit', 3);
change('PATCH', $account, { portfolio_id => 'p2' });
goes($id, 6);
change('PATCH', $account, { portfolio_id => '' });


# ── quiet hours ─────────────────────────────────────────────────────────────

people('night', 3);
$t->sql("UPDATE contacts SET time_zone = 'UTC'");
change('PATCH', '/settings', { quiet_hours => {
    from => sprintf('%02d:00', ($hour + 23) % 24), to => $later{from} } });
$id = broadcast('night');
held($id, 'quiet_hours', 3);
change('PATCH', '/settings', { quiet_hours => undef });
goes($id, 3);


# ── money, also of a single message ─────────────────────────────────────────

my @who = people('money', 3);
my $spent = $t->sql('SELECT sum(amount) FROM spend_days') / 1e6;
change('PATCH', '/settings', { spend_limit => { amount => "$spent",
                                                period => 'day' } });
my $m = $t->api('POST', '/messages', { account_id => $a->{id},
    contact_id => $who[0], template => { id => $tpl } })->{json}{id};
held($m, 'spend_limit', 1);
$id = broadcast('money');
ok(wait_until(sub { look($id)->{status} eq 'paused' }, 20), 'the broadcast waits');
ok(wait_until(sub { $t->sql("SELECT count(*) FROM deliveries WHERE batch_id = '$id'
    AND state = 'sending'") == 0 }, 20), 'with nothing on its way');
change('PATCH', '/settings', { spend_limit => { amount => $spent + 1 . '',
                                                period => 'day' } });
ok(wait_until(sub { $t->api('GET', "/messages/$m")->{json}{status} eq 'delivered' }, 20),
   'the message goes');
is(look($id)->{status}, 'paused', 'what was paused is for people to resume');
is($t->sql("SELECT count(*) FROM deliveries WHERE batch_id = '$id'
    AND next_try_at > now()"), 0, 'but nobody waits for tomorrow');
is($t->api('POST', "/broadcasts/$id/resume")->{status}, 200, 'somebody does');
goes($id, 3);
change('PATCH', '/settings', { spend_limit => undef });


# ── more than one statement takes ───────────────────────────────────────────

$id = broadcast('nobody');
wait_until { look($id)->{status} eq 'completed' } 20, 'it was to nobody';
$t->sql("UPDATE broadcasts SET status = 'paused', finished_at = NULL, total = 25000
          WHERE id = '$id';
    INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id, reason,
        next_try_at)
    SELECT '$o->{id}', '$id', g, gen_random_uuid(), '$a->{id}', CASE WHEN g > 24990
           THEN 'quiet_hours' ELSE 'daily_cap' END, now() + interval '1 day'
      FROM generate_series(1, 25000) g");
change('PATCH', $account, { pacing => { daily_cap => 1000000 } });
ok(wait_until(sub { $t->sql("SELECT count(*) FROM deliveries WHERE batch_id = '$id'
    AND next_try_at > now()") == 10 }, 20), 'all of 24990 rows are awake');
is($t->sql("SELECT DISTINCT reason FROM deliveries WHERE batch_id = '$id'
    AND next_try_at > now()"), 'quiet_hours', 'none that waits for something else');

$t->done;
