#!/usr/bin/perl

# The provider's limits as the sandbox keeps them: the 24 h window, pairs, the number's
# rate, the portfolio's tier, opt-outs, the cap on marketing, magic recipients; and the
# webhooks by which the provider speaks of an account.  No Herald here: requests are
# ours, and webhooks go to a location that writes them down.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use Herald::Test;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my ($true, $false) = (JSON::PP::true(), JSON::PP::false());
my $t = Herald::Test->sandbox_alone(workers => 2);
my $day = 86400;
my $numbers = 0;

sub number {
    my (%o) = @_;
    my $id = sprintf '1000000000%05d', ++$numbers;

    $t->sandbox_number($id, %o);
    return $id;
}

# the statuses of what was answered, once there are `n` of them: "sent delivered", or
# "failed 131047"
sub life {
    my ($r, $n) = @_;
    my $id = $r->{json}{messages}[0]{id} // return "refused $r->{status}";
    my @s;

    wait_until { (@s = $t->statuses($id)) >= $n } 5, "$n statuses of $id";

    return join ' ', map { $_->{code} ? "failed $_->{code}" : $_->{status} } @s;
}

# the answer in short: 200, or the provider's code
sub code {
    my ($r) = @_;

    return $r->{json}{error} ? $r->{json}{error}{code} : $r->{status};
}

sub fails {
    my ($r, $code, $what) = @_;

    is($r->{status}, 200, "$what: taken at first");
    is(life($r, 1), "failed $code", "$what: then failed with $code");
}


# ── the window ──────────────────────────────────────────────────────────────

my $n = number();

is(life($t->sandbox_send($n, '254700000001'), 2), 'sent delivered',
   'without a window anything goes');

$t->sandbox_set($n, window => $true);
fails($t->sandbox_send($n, '254700000001'), 131047, 'a text outside the window');
is(life($t->sandbox_send($n, '254700000001', template => 'x'), 2), 'sent delivered',
   'a template goes');

$t->sandbox_inbound($n, from => '254700000001', text => 'hi');
is(life($t->sandbox_send($n, '254700000001'), 2), 'sent delivered',
   'an inbound message opens the window');
fails($t->sandbox_send($n, '254700000002'), 131047, 'for its sender only');

my $r = $t->sandbox_command('recipients', $n,
    { to => '+254 700 000001', window_age_s => $day + 1 });
ok(!$r->{in_window}, 'a recipient can be made older');
fails($t->sandbox_send($n, '254700000001'), 131047, 'a day later');

$t->sandbox_command('recipients', $n, { to => '254700000001',
                                        window_age_s => $day - 60 });
is(life($t->sandbox_send($n, '254700000001'), 2), 'sent delivered',
   'a minute before its end the window is open');
$t->sandbox_command('clock', undef, { advance_s => 120 });
fails($t->sandbox_send($n, '254700000001'), 131047, 'two minutes on');

$t->sandbox_set($n, window => 'sync');
$r = $t->sandbox_send($n, '254700000001');
is(code($r), 131047, '"sync" refuses at once');
is($r->{status}, 400, 'with 400');

my @l = $t->ledger(phone_number_id => $n, to => '254700000001');
is(join(' ', map { ($_->{in_window} ? 'in' : 'out') . ':' . ($_->{fails} // 0) } @l),
   'out:0 out:131047 out:0 in:0 out:131047 in:0 out:131047 out:0',
   'the ledger knows the window, and what will fail');
is($l[2]{category}, 'marketing', 'and the category');
is($l[0]{category}, 'service', 'of a text, too');


# ── the pair ────────────────────────────────────────────────────────────────

$n = number();
is(scalar(grep { code($t->sandbox_send($n, '254700000001')) == 200 } 1 .. 60), 60,
   'no pair rate unless it is set');

$n = number(pair_rate => {});
is_deeply($t->sandbox_get($n)->{pair_rate}, { interval_ms => 6000, burst => 45 },
          'the rate is the provider\'s own');
my @codes = map { code($t->sandbox_send($n, '254700000001')) } 1 .. 47;
is(scalar(grep { $_ == 200 } @codes), 45, 'a burst of 45 to one recipient');
is($codes[-1], 131056, 'then 131056');
is(code($t->sandbox_send($n, '254700000002')), 200, 'another recipient is free');

$t->sandbox_command('clock', undef, { advance_s => 5 });
is(code($t->sandbox_send($n, '254700000001')), 131056, 'after 5 s not yet');
$t->sandbox_command('clock', undef, { advance_s => 2 });
is(code($t->sandbox_send($n, '254700000001')), 200, 'after 7 s one more');
is(code($t->sandbox_send($n, '254700000001')), 131056, 'and no second one');
is($t->sandbox_oracle(number => $n)->{max_pair}, 46, 'the oracle counted the pair');


# ── the number ──────────────────────────────────────────────────────────────

$n = number(rate_limit => 10);
my $since = $t->get('/sandbox/_control/clock')->{json}{mono_us};
@codes = ();
my $until = time + 2.3;
push @codes, code($t->sandbox_send($n, sprintf '2547%08d', scalar @codes))
    while time < $until;

my $o = $t->sandbox_oracle(number => $n);
cmp_ok($o->{max_window}, '<=', 10, 'no second holds more than the rate');
cmp_ok($o->{count}, '>=', 20, 'and each holds as many');
cmp_ok($o->{rejected}, '>', 0, 'the others were refused');
ok(!(grep { $_ != 200 && $_ != 130429 } @codes), 'with 130429');

$n = number(rate_limit => 5, count_inbound => $true);
$t->sandbox_inbound($n, from => "25470000000$_", text => 'hi') for 1 .. 3;
code($t->sandbox_send($n, '254700000009')) for 1 .. 8;
$o = $t->sandbox_oracle(number => $n);
is($o->{max_window_with_inbound}, 5, 'inbound counts against the rate');
cmp_ok($o->{rejected}, '>', 0, 'of which there were too many');
is($t->sandbox_oracle(number => $n)->{inbound}, 3, 'and stands in the ledger');

$t->sandbox_set($n, throttle => 'http429', rate_limit => 1);
$t->sandbox_send($n, '254700000009');
$r = $t->sandbox_send($n, '254700000009');
is($r->{status}, 429, 'HTTP 429');
is($r->{headers}{'retry-after'}, 1, 'with Retry-After');


# ── the portfolio ───────────────────────────────────────────────────────────

my $a = number(portfolio => 'P', tier => 3);
my $b = number(portfolio => 'P', tier => 3);
my $alone = number(tier => 1);

is(life($t->sandbox_send($a, '254700000001', template => 'x'), 2), 'sent delivered',
   'one of three');
is(life($t->sandbox_send($a, '254700000002', template => 'x'), 2), 'sent delivered',
   'two');
is(life($t->sandbox_send($b, '254700000003', template => 'x'), 2), 'sent delivered',
   'three, by another number');
fails($t->sandbox_send($b, '254700000004', template => 'x'), 131048, 'the fourth');
fails($t->sandbox_send($a, '254700000005', template => 'x'), 131048, 'and any other');
is(life($t->sandbox_send($b, '254700000001', template => 'x'), 2), 'sent delivered',
   'who was messaged before costs nothing');
is(life($t->sandbox_send($alone, '254700000004', template => 'x'), 2),
   'sent delivered', 'another portfolio has a tier of its own');

$t->sandbox_inbound($a, from => '254700000006', text => 'hi');
is(life($t->sandbox_send($a, '254700000006', template => 'x'), 2), 'sent delivered',
   'who wrote is inside the window and not counted');

$t->sandbox_command('events', $a, { field => 'business_capability_update',
                                    tier => 4 });
is($t->sandbox_get($b)->{tier}, 4, 'a raise is for all numbers of the portfolio');
is($t->sandbox_get($alone)->{tier}, 1, 'and no other');
is(life($t->sandbox_send($b, '254700000004', template => 'x'), 2), 'sent delivered',
   'the fourth goes now');
fails($t->sandbox_send($b, '254700000005', template => 'x'), 131048, 'the fifth');

$o = $t->sandbox_oracle;
is((grep { $_->{portfolio} eq 'P' } @{ $o->{portfolios} })[0]{unique_24h}, 5,
   'the oracle counts recipients, failed ones too');

$t->sandbox_command('clock', undef, { advance_s => $day + 1 });
is(life($t->sandbox_send($b, '254700000005', template => 'x'), 2), 'sent delivered',
   'a day later all are forgotten');
is((grep { $_->{portfolio} eq 'P' } @{ $t->sandbox_oracle->{portfolios} })[0]
   {unique_24h}, 5, 'by the oracle as well');

$t->sandbox_set($b, limits_by => 'answer', tier => 1);
is($t->sandbox_get($a)->{tier}, 1, 'a tier that is set is shared, too');
is(code($t->sandbox_send($b, '254700000007', template => 'x')), 131048,
   'limits may speak by the answer');


$t->sandbox_send($alone, '254700000001', template => 'x');
fails($t->sandbox_send($alone, '254700000002', template => 'x'), 131048, 'full');
$t->request('DELETE', "/sandbox/_control/numbers/$alone");
$t->sandbox_number($alone, tier => 1);
is(life($t->sandbox_send($alone, '254700000002', template => 'x'), 2),
   'sent delivered', 'a number that was deleted has forgotten');


# ── opt-outs and the cap on marketing ───────────────────────────────────────

$n = number(templates => [
    { name => 'sale', language => 'en', category => 'marketing' },
    { name => 'bill', language => 'en', category => 'utility' } ]);

$t->sandbox_command('events', $n, { field => 'user_preferences',
    from => '254700000001', value => 'stop' });
fails($t->sandbox_send($n, '254700000001', template => 'sale'), 131050,
      'marketing to one who stopped it');
is(life($t->sandbox_send($n, '254700000001', template => 'bill'), 2),
   'sent delivered', 'a utility template goes');
is(life($t->sandbox_send($n, '254700000001'), 2), 'sent delivered', 'a text goes');
is(life($t->sandbox_send($n, '254700000002', template => 'sale'), 2),
   'sent delivered', 'another recipient is free');

$t->sandbox_set($n, limits_by => 'answer');
is(code($t->sandbox_send($n, '254700000001', template => 'sale')), 131050,
   'by the answer');
$t->sandbox_command('events', $n, { field => 'user_preferences',
    from => '254700000001', value => 'resume' });
is(code($t->sandbox_send($n, '254700000001', template => 'sale')), 200,
   'who resumed gets it');

$t->sandbox_set($n, limits_by => 'status', marketing_cap => 2);
$t->sandbox_send($n, '254700000003', template => 'sale') for 1 .. 2;
fails($t->sandbox_send($n, '254700000003', template => 'sale'), 131049,
      'the third marketing message of a day');
is(life($t->sandbox_send($n, '254700000003', template => 'bill'), 2),
   'sent delivered', 'a utility template goes');
$t->sandbox_command('clock', undef, { advance_s => $day });
is(life($t->sandbox_send($n, '254700000003', template => 'sale'), 2),
   'sent delivered', 'a day later it may be sent again');


# ── events ──────────────────────────────────────────────────────────────────

$n = number(waba_id => '42', display_phone_number => '15550001111', tier => 2000,
    templates => [ { name => 'sale', category => 'utility' } ]);

sub event {
    my ($field, %o) = @_;
    my $before = $t->sandbox_get($n)->{counters}{events};
    my @e;

    $t->sandbox_command('events', $n, { field => $field, %o });
    wait_until { $t->sandbox_get($n)->{counters}{events} > $before } 5, $field;

    my $h = (grep { $_->{uri} eq "/hook/$n"
                    && $_->{json}{entry}[0]{changes}[0]{field} eq $field }
             $t->webhooks)[-1];
    is($h->{signature}, 'sha256=' . hmac_sha256_hex($h->{body}, 'secret'),
       "$field: signed");
    is($h->{json}{entry}[0]{id}, '42', "$field: of that account");

    return $h->{json}{entry}[0]{changes}[0]{value};
}

is_deeply(event('business_capability_update', tier => 10000),
    { max_daily_conversations_per_business => 10000,
      max_phone_numbers_per_waba => 25 }, 'capability');

is_deeply(event('phone_number_quality_update', event => 'FLAGGED',
                quality => 'RED'),
    { display_phone_number => '15550001111', event => 'FLAGGED',
      current_limit => 'TIER_10K',
      max_daily_conversations_per_business => 'TIER_10K' }, 'quality');
is($t->sandbox_get($n)->{quality_rating}, 'RED', 'the number says so itself');

my $v = event('message_template_status_update', name => 'sale',
              event => 'PAUSED', title => 'SECOND_PAUSE');
is("$v->{event} $v->{message_template_name} $v->{message_template_category}",
   'PAUSED sale UTILITY', 'a template pauses');
is($v->{other_info}{title}, 'SECOND_PAUSE', 'for the second time');
is(code($t->sandbox_send($n, '254700000001', template => 'sale')), 132015,
   'and is refused');
event('message_template_status_update', name => 'sale', event => 'DISABLED');
is(code($t->sandbox_send($n, '254700000001', template => 'sale')), 132016,
   'disabled');
event('message_template_status_update', name => 'sale', event => 'APPROVED');
is(code($t->sandbox_send($n, '254700000001', template => 'sale')), 200,
   'approved again');
event('message_template_status_update', name => 'new', event => 'PAUSED');
is(code($t->sandbox_send($n, '254700000001', template => 'new')), 132015,
   'one that was not known pauses as well');

is(event('message_template_quality_update', name => 'sale', quality => 'YELLOW')
   ->{new_quality_score}, 'YELLOW', 'a template\'s quality');
is(event('account_update', event => 'ACCOUNT_RESTRICTION')->{restriction_info}[0]
   {restriction_type}, 'RESTRICTED_BIZ_INITIATED_MESSAGING', 'a restriction');
is(event('account_update', event => 'DISABLED_UPDATE')->{ban_info}
   {waba_ban_state}, 'DISABLE', 'a ban');
$v = event('user_preferences', from => '254700000001', value => 'stop');
is("$v->{user_preferences}[0]{wa_id} $v->{user_preferences}[0]{value}",
   '254700000001 stop', 'a wish');
is_deeply(event('security', value => { event => "PIN/\x{e9}", n => [1, $true] }),
          { event => "PIN/\x{e9}", n => [1, $true] }, 'anything else, as it is');


# ── magic recipients ────────────────────────────────────────────────────────

$n = number(magic => $true, read_rate => 1);

fails($t->sandbox_send($n, '254788131026'), 131026, 'a code by status');
fails($t->sandbox_send($n, '254788131049'), 131049, 'another one');
is(code($t->sandbox_send($n, '254789131050')), 131050, 'a code by the answer');
is(code($t->sandbox_send($n, '254789000190')), 190, 'a short one');
is(code($t->sandbox_send($n, '254788999999')), 200, 'a code that is none');

is(code($t->sandbox_send($n, '254700009901', reference => 'm1')), 131056,
   '9901: the pair, at first');
is(life($t->sandbox_send($n, '254700009901', reference => 'm1'), 3),
   'sent delivered read', 'and then it goes');
is(life($t->sandbox_send($n, '254700009902'), 3), 'sent delivered failed 131000',
   '9902: fails after it was delivered');
is(join(' ', sort split / /, life($t->sandbox_send($n, '254700009903'), 9)),
   'delivered delivered delivered read read read sent sent sent',
   '9903: each status three times');
$t->sandbox_set($n, latency_ms => { sent => 1, delivered => 40, read => 40 });
is(life($t->sandbox_send($n, '254700009904'), 3), 'sent read delivered',
   '9904: read before delivered');

for my $m ([ 9906, 503 ], [ 9907, 429 ], [ 9908, 599 ]) {
    my ($digits, $status) = @$m;

    $r = $t->sandbox_send($n, "25470000$digits", reference => "m$digits");
    is($r->{status}, $status, "$digits: $status at first");
    is($r->{headers}{'retry-after'}, 1, 'with Retry-After') if $status == 429;
    is($t->sandbox_send($n, "25470000$digits", reference => "m$digits")->{status},
       200, 'and then it is taken');
    is(scalar($t->ledger(reference => "m$digits")), 1, 'once');
}

$r = $t->sandbox_send($n, '254700009910', reference => 'text');
unlike($r->{content}, qr/messages/, '9910: an answer that says nothing');
@l = $t->ledger(reference => 'text');
is("$l[0]{outcome} $l[0]{fault}", 'accepted text', 'and yet it was taken');
ok(wait_until { $t->statuses($l[0]{wamid}) == 3 } 5, 'with its statuses');


# ── what is wrong is refused, and says why ──────────────────────────────────

for my $bad ([ { window => 'maybe' }, qr/"window": true, false or "sync"/ ],
             [ { pair_rate => { interval_ms => -1 } }, qr/"pair_rate": / ],
             [ { pair_rate => { burs => 1 } }, qr/"pair_rate": / ],
             [ { throttle => 'x' }, qr/"throttle": "code" or "http429"/ ],
             [ { limits_by => 1 }, qr/"limits_by": / ],
             [ { tier => 'x' }, qr/"tier": an integer/ ],
             [ { portfolio => 'x' x 41 }, qr/"portfolio": / ],
             [ { faults => [ { kind => 'x' } ] }, qr/"faults": / ],
             [ { faults => [ { kind => 'drop', nex => 1 } ] }, qr/"faults": / ],
             [ { status_plan => [ { status => 'x' } ] }, qr/"status_plan": / ],
             [ { duplicate_times => 0 }, qr/"duplicate_times": / ],
             [ { windows => $true }, qr/"windows": no such setting/ ])
{
    my ($body, $like) = @$bad;

    $r = $t->request('PUT', "/sandbox/_control/numbers/$n",
                     content => encode_json($body));
    is($r->{status}, 400, 'refused: ' . encode_json($body));
    like($r->{json}{error} // '', $like, 'and says why');
}

my $all = $t->sandbox_get($n);
delete @$all{qw(phone_number_id verified counters)};
is_deeply({ %{ $t->sandbox_set($n, %$all) }, counters => 0 },
          { %{ $t->sandbox_get($n) }, counters => 0 },
          'what it says of itself can be set again');

$t->finish;


# ── a zone that is too small for what is asked of it ────────────────────────

$t = Herald::Test->sandbox_alone(workers => 1, http => 'herald_sandbox_zone 64k;');
$n = number(pair_rate => {});
@codes = map { code($t->sandbox_send($n, 254700000000 + $_)) } 1 .. 1500;
is($codes[0], 200, 'there is room for some recipients');
is($codes[-1], 131016, 'a limit that cannot hold is no limit silently');
is(code($t->sandbox_send($n, 254700000001)), 200, 'those who are known stay');
is($t->request('PUT', "/sandbox/_control/numbers/$n",
               content => '{"rate_limit":100000}')->{status}, 507,
   'nor is a rate');

$t->done;
