#!/usr/bin/perl

# A number at Meta beyond its messages: its health, asked for and by itself; its profile
# and registration; our webhook there; Meta's sign-up; and what its owner writes by the
# phone.  The provider is the sandbox.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use JSON::PP;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $read = $t->api_key($o, 'read');
my $waba = '200000000000001';
my $r;

sub api { $r = $t->api(@_) }

sub said {
    return "$r->{status} " . ($r->{json}{code} // '') . ' '
        . ($r->{json}{errors}[0]{pointer} // $r->{json}{pointer} // '-');
}

sub events {
    my ($id) = @_;

    return join ' ', split /\n/,
        $t->sql("SELECT event FROM account_events WHERE account_id = '$id' ORDER BY id");
}

my $a = $t->sandbox_account(waba_id => $waba, verified_name => 'The Shop', tier => 250,
    quality_rating => 'GREEN', display_phone_number => '+1 555-010-0001',
    account => { business_id => $waba, config => { app_id => '55' } });
my $path = "/accounts/$a->{id}";

is($a->{business_id}, $waba, 'its business');
is_deeply($a->{config}, { app_id => '55' }, 'its configuration');
is($a->{health}, undef, 'nobody asked yet');


# ── health ──────────────────────────────────────────────────────────────────

api('POST', "$path/check");
is($r->{status}, 200, 'the provider is asked') or diag $r->{content};
my $h = $r->{json}{health};
is("$h->{name} $h->{quality} $h->{limit} $h->{throughput}", 'The Shop GREEN 250 80',
   'what it says is kept');
is($h->{health}{can_send}, 'available', 'whether it can send');
is($r->{json}{quality}, 'GREEN', 'the quality is the number\'s');
ok($r->{json}{checked_at}, 'and when');
is(events($a->{id}), 'connected health', 'a change is in its story');

api('POST', "$path/check");
is(events($a->{id}), 'connected health', 'nothing new is not');

$t->sandbox_set($a->{number_id}, quality_rating => 'RED');
api('POST', "$path/check");
is($r->{json}{health}{health}{can_send}, 'limited', 'a lower quality shows');
like($t->sql("SELECT detail FROM account_events WHERE account_id = '$a->{id}'
              ORDER BY id DESC LIMIT 1"), qr/can send: limited, quality: RED/,
     'with what changed');

is(api('POST', "$path/check", undef, token => $read)->{status}, 403, 'not for who reads');
my $other = $t->org;
is(api('POST', "$path/check", undef, token => $other->{key})->{status}, 404,
   'nor for another tenant');
$t->{key} = $o->{key};

$t->sandbox_set($a->{number_id}, token => 'another');
api('POST', "$path/check", undef, token => $o->{key});
is(said(), '502 provider_refused -', 'a token that is refused');
is($r->{json}{provider}{code}, 190, 'with the provider\'s code');
is($t->sql("SELECT health #>> '{error,code}' FROM accounts WHERE id = '$a->{id}'"), 190,
   'which is kept');
$t->sandbox_set($a->{number_id}, token => $a->{token}, quality_rating => 'GREEN');

# by itself: the errand is there from the beginning, and is asked again
is($t->sql("SELECT count(*) FROM agenda g JOIN errands e ON g.ref_id = e.id
             WHERE e.kind = 'account_check' AND e.account_id = '$a->{id}'
               AND g.due_at BETWEEN now() + interval '5 hours'
                                AND now() + interval '7 hours'"), 1,
   'it is asked in six hours');
$t->sql("SELECT set_config('herald.org', '$o->{id}', false);
         UPDATE agenda SET due_at = now() WHERE kind = 'errand'");
$t->reload;
wait_until { $t->sql("SELECT health ->> 'quality' FROM accounts WHERE id = '$a->{id}'")
             eq 'GREEN' } 30, 'it was asked by itself';
wait_until { $t->sql("SELECT count(*) FROM agenda WHERE kind = 'errand'
                        AND due_at > now() + interval '5 hours'") >= 1 } 10,
    'and will be again';


# ── profile, registration, subscription ─────────────────────────────────────

my @key = (token => $o->{key});

api('PUT', "$path/profile", { about => 'Open', websites => ['https://shop.example'],
    vertical => 'retail' }, @key);
is($r->{status}, 200, 'a profile is changed') or diag $r->{content};
is("$r->{json}{about} $r->{json}{vertical} @{ $r->{json}{websites} }",
   'Open retail https://shop.example', 'and shown as it is there');
is(api('GET', "$path/profile", undef, @key)->{json}{about}, 'Open', 'read');
api('PUT', "$path/profile", { description => 'A shop' }, @key);
is("$r->{json}{about} $r->{json}{description}", 'Open A shop',
   'what is not named stays');
api('PUT', "$path/profile", {}, @key);
is(said(), '422 validation_failed -', 'nothing to change');
api('PUT', "$path/profile", { about => 'x' x 140 }, @key);
is($r->{status}, 422, 'too long');
api('PUT', "$path/profile", { vertical => 'piracy' }, @key);
is($r->{status}, 422, 'a kind of business that is none');
api('PUT', "$path/profile", { picture_id => $a->{id} }, @key);
is(said(), '422 validation_failed /picture_id', 'a picture that is not there');
is(api('GET', "$path/profile", undef, token => $other->{key})->{status}, 404,
   'another tenant\'s');

api('POST', "$path/deregister", undef, @key);
is($r->{status}, 200, 'deregistered') or diag $r->{content};
api('POST', "$path/register", { pin => '12345x' }, @key);
is($r->{status}, 422, 'a pin is six digits');
api('POST', "$path/register", { pin => '123456' }, @key);
is($r->{status}, 200, 'registered') or diag $r->{content};
api('POST', "$path/register", { pin => '999999' }, @key);
is(said(), '502 provider_refused -', 'another pin is refused there');
api('POST', "$path/subscribe", undef, @key);
is($r->{status}, 200, 'subscribed') or diag $r->{content};
like(events($a->{id}), qr/deregistered registered subscribed$/, 'all in its story');


# ── connecting ──────────────────────────────────────────────────────────────

my %new = (name => 'Second', provider => 'cloud_api', phone => '+15550100002',
    number_id => '100000000000002', token => 'token-two', app_secret => 'secret-two',
    base_url => $t->url('/sandbox'), check => JSON::PP::true());

api('POST', '/accounts', \%new, @key);
is(said(), '422 provider_refused /number_id', 'a number that is not there');
$t->sandbox_set('100000000000002', token => 'token-2', waba_id => '200000000000002',
    verified_name => 'Second', display_phone_number => '+1 555-010-0002');
api('POST', '/accounts', \%new, @key);
is(said(), '422 provider_refused /token', 'a token that is not its own');
is($t->sql("SELECT count(*) FROM accounts WHERE number_id = '100000000000002'"), 0,
   'nothing was saved');
api('POST', '/accounts', { %new, token => 'token-2' }, @key);
is($r->{status}, 201, 'connected') or diag $r->{content};

api('POST', '/accounts', { %new, number_id => '3', config => { bsuid => 'phone' } }, @key);
is(said(), '422 validation_failed /config/bsuid', 'a configuration that is none');

api('PATCH', $path, { business_id => '9', config => { bsuid => 'to', app_id => undef } },
    @key);
is("$r->{json}{business_id} " . join(',', %{ $r->{json}{config} }), '9 bsuid,to',
   'changed, member by member');


# ── sign-up ─────────────────────────────────────────────────────────────────

$t->sandbox_set('100000000000003', token => 'EAAthree', waba_id => '200000000000003',
    verified_name => 'Third Shop', display_phone_number => '+1 555-010-0003');

my %signup = (code => 'sandbox-100000000000003', app_id => '55',
    app_secret => 'app-secret', base_url => $t->url('/sandbox'), pin => '123456');

api('POST', '/accounts/sign-up', { %signup, code => 'nonsense' }, @key);
is(said(), '502 provider_refused -', 'a code that is none');
api('POST', '/accounts/sign-up', \%signup, @key);
is($r->{status}, 201, 'signed up') or diag $r->{content};
my $s = $r->{json};
is("$s->{name} $s->{phone} $s->{number_id} $s->{business_id}",
   'Third Shop +15550100003 100000000000003 200000000000003',
   'all of it found out');
ok($s->{subscribed} && $s->{registered}, 'subscribed and registered');
is_deeply($s->{failed}, [], 'nothing failed');
ok($s->{webhook_path} && $s->{verify_token}, 'with its webhook');
unlike($r->{content}, qr/EAAthree|app-secret/, 'and no token');
api('POST', "/accounts/$s->{id}/check", undef, @key);
is($r->{status}, 200, 'its token works') or diag $r->{content};

api('POST', '/accounts/sign-up', \%signup, @key);
is(said(), '502 provider_refused -', 'a code is good once');

$t->sandbox_set('100000000000004', token => 'EAAfour', waba_id => '200000000000004',
    display_phone_number => '+1 555-010-0004');
$t->sandbox_set('100000000000005', token => 'EAAfour', waba_id => '200000000000004',
    display_phone_number => '+1 555-010-0005');
api('POST', '/accounts/sign-up', { %signup, code => 'sandbox-100000000000004',
    business_id => '200000000000004' }, @key);
is(said(), '422 choose /number_id', 'two numbers: one must be named');
is_deeply([sort @{ $r->{json}{choices} }], ['100000000000004', '100000000000005'],
   'of these');
is($t->sql("SELECT count(*) FROM accounts WHERE business_id = '200000000000004'"), 0,
   'nothing was saved');


# ── what the owner writes by the phone ──────────────────────────────────────

my %echo = (object => 'whatsapp_business_account', entry => [{ id => $waba, changes => [{
    field => 'smb_message_echoes', value => { messaging_product => 'whatsapp',
        metadata => { phone_number_id => $a->{number_id} },
        message_echoes => [{ from => '15550100001', to => '254700000009',
            id => 'wamid.ECHO', timestamp => '' . time, type => 'text',
            text => { body => 'from my phone' } }] } }] }]);

is($t->webhook($a, \%echo)->{status}, 200, 'an echo') for 1 .. 2;
my @rows = split /\n/, $t->sql("SELECT direction || ' ' || by_phone || ' ' || text
    FROM messages WHERE provider_id = 'wamid.ECHO'");
is_deeply(\@rows, ['out true from my phone'], 'is a message of ours, once');
is($t->sql("SELECT unread || ' ' || coalesce(last_inbound_at::text, 'never')
    FROM conversations v JOIN addresses a ON a.contact_id = v.contact_id
     AND a.value = '+254700000009'"), '0 never', 'opens no window and is not unread');
api('GET', '/messages?direction=out', undef, @key);
is($r->{json}{data}[0]{status}, 'sent', 'and is listed as sent');

$t->done;
