#!/usr/bin/perl

# Numbers at Twilio, WhatsApp: connected, sent from, told of, written to; the simulated
# Twilio signs what it posts, and what is not signed is not taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha1_base64);
use Herald::Test;
use JSON::PP;
use Test::More;

my $t = Herald::Test->new(http => 'herald_public_url http://127.0.0.1:%%PORT%%;');
my $o = $t->org;
my $ac = 'AC00000000000000000000000000000001';
my $token = 'twilio-auth-token';

my %account = (name => 'Shop', provider => 'twilio', number_id => '+14155238886',
    business_id => $ac, token => $token, base_url => $t->url('/sandbox'));

# ── what a number must say ──

for my $bad (
    [business_id => 'AC1', '/business_id', qr/AccountSid/],
    [business_id => undef, '/business_id', qr/AccountSid/],
    [number_id => 'whatsapp:+14155238886', '/number_id', qr/without "whatsapp:"/],
    [number_id => 'SHOP', '/number_id', qr/\+14155238886/],
    [number_id => '+1', '/number_id', qr/no phone number/],
    [channel => 'fax', '/channel', qr/whatsapp/])
{
    my %given = (%account, $bad->[0] => $bad->[1]);
    delete $given{ $bad->[0] } if !defined $bad->[1];
    my $r = $t->api('POST', '/accounts', \%given);

    is($r->{status}, 422, "$bad->[0] " . ($bad->[1] // 'absent'));
    is($r->{json}{errors}[0]{pointer}, $bad->[2], 'where');
    like($r->{content} =~ s/\\"/"/gr, $bad->[3], 'and what to do');
}

my $r = $t->api('POST', '/accounts', { name => 'M', provider => 'cloud_api',
    number_id => '1', token => 'x' });
is_deeply([sort map { $_->{pointer} } @{ $r->{json}{errors} }],
          ['/app_secret', '/phone'], 'another provider needs what it needs');
$r = $t->api('POST', '/accounts', { name => 'M', provider => 'cloud_api',
    number_id => '1', token => 'x', phone => '+254700000001', channel => 'sms',
    app_secret => 'secret-secret' });
is($r->{json}{errors}[0]{pointer}, '/channel', 'and sends no SMS');

$r = $t->api('POST', '/accounts', \%account);
is($r->{status}, 201, 'connected') or diag($r->{content});
my $a = $r->{json};
is($a->{phone}, '+14155238886', 'its sender is its phone');
is($a->{channel}, 'whatsapp', 'WhatsApp');
unlike($r->{content}, qr/\Q$token\E/, 'the token is not shown');
my $hook = $t->url($a->{webhook_path});
like($a->{webhook_path}, qr{^/hooks/twilio/}, 'a webhook of its own');

$t->sandbox_set('14155238886', twilio => 'whatsapp', token => $token,
    waba_id => $ac, webhook_url => $hook, read_rate => 1, delivered_rate => 1,
    reply_rate => 0, window => \1, magic => \1,
    latency_ms => { sent => 1, delivered => 5, read => 10 });

sub send_text {
    my ($to, $text, %more) = @_;

    return $t->api('POST', '/messages', { account_id => $a->{id}, to => $to,
                                          text => $text, %more });
}

sub status_of {
    return $t->api('GET', "/messages/$_[0]")->{json};
}

sub becomes {
    my ($id, $status) = @_;
    my $m;

    wait_until { $m = status_of($id); $m->{status} eq $status } 15,
        "message to be $status";
    is($m->{status}, $status, "it is $status");
    return $m;
}

# ── the window ──

$r = send_text('+254712345678', 'Hello');
is($r->{status}, 422, 'who did not write gets no free words');
is($r->{json}{code}, 'window_closed', 'and it says why');

$t->sandbox_inbound('14155238886', from => '254712345678', text => 'Habari & co 🙂',
                    name => 'Amina');
my ($contact, @in);
ok(wait_until {
    ($contact) = grep { ($_->{phone} // '') eq '+254712345678' }
        $t->api_all('/contacts');
    $contact } 10, 'who writes becomes a contact');
is($contact->{name}, 'Amina', 'with the profile name');
@in = $t->api_all("/messages?contact_id=$contact->{id}");
is(scalar @in, 1, 'with the message');
is($in[0]{direction}, 'in', 'that came in');
like($in[0]{provider_id}, qr/^SM[0-9a-f]{32}$/, 'under its sid');

# ── sent, delivered, read ──

$r = send_text('+254712345678', 'Karibu, Zoë & co 100%');
is($r->{status}, 202, 'now free words go') or diag($r->{content});
my $m = becomes($r->{json}{id}, 'read');
like($m->{provider_id}, qr/^SM[0-9a-f]{32}$/, 'with its sid');
ok($m->{delivered_at} && $m->{read_at}, 'and its times');
is($m->{sms}, undef, 'it is no SMS');

my @ledger = map { decode_json($_) } split /\n/,
    slurp("$t->{dir}/ledger/sandbox.jsonl");
is(scalar @ledger, 1, 'the provider has it once');
is($ledger[0]{text}, 'Karibu, Zoë & co 100%', 'as it was written')
    or diag(explain(\@ledger));

# ── refused, failed ──

sub person {
    my ($phone) = @_;

    $r = $t->api('POST', '/contacts', { phone => $phone });
    $t->open_window($a->{id}, $r->{json}{id});
    return $r->{json};
}

person('+4915189063024');
$r = send_text('+4915189063024', 'x');
$m = becomes($r->{json}{id}, 'failed');
is($m->{error_code}, 63024, 'refused by the answer');
ok($m->{error}, 'in plain words');

person('+4915188063032');
$r = send_text('+4915188063032', 'x');
$m = becomes($r->{json}{id}, 'failed');
is($m->{error_code}, 63032, 'failed by a status');

my $c = person('+4915189021610');
$r = send_text('+4915189021610', 'x');
becomes($r->{json}{id}, 'failed');
ok(wait_until {
    my $oo = $t->api('GET', "/contacts/$c->{id}/opt-outs")->{json};
    $oo && @{ $oo->{numbers} // [] } } 10, 'who unsubscribed is opted out');

# ── what is not signed ──

sub form {
    my (%f) = @_;

    return join '&', map { my $v = $f{$_}; $v =~ s/([^\w.-])/sprintf '%%%02X', ord $1/ge;
                           "$_=$v" } sort keys %f;
}

sub post {
    my ($url, $sign, %f) = @_;
    my $s = hmac_sha1_base64($sign . join('', map { "$_$f{$_}" } sort keys %f),
                             $token);
    $s .= '=' while length($s) % 4;

    return $t->request('POST', $url, headers => {
        'content-type' => 'application/x-www-form-urlencoded',
        'x-twilio-signature' => $s }, content => form(%f));
}

my %inbound = (MessageSid => 'SM' . 'a' x 32, SmsStatus => 'received',
    From => 'whatsapp:+254712345678', To => 'whatsapp:+14155238886',
    Body => 'again', AccountSid => $ac, NumMedia => '0');

is(post($a->{webhook_path}, $hook, %inbound)->{status}, 200, 'signed: taken');
is(post($a->{webhook_path}, 'http://else.example/', %inbound)->{status}, 401,
   'signed for another address: not');
is(post($a->{webhook_path}, $hook, %inbound)->{status}, 200, 'again: taken');
ok(wait_until { $t->api_all("/messages?contact_id=$contact->{id}") >= 3 } 10,
   'it is there');
is(scalar(grep { $_->{direction} eq 'in' }
          $t->api_all("/messages?contact_id=$contact->{id}")), 2, 'once');

# a status with our reference, of a message whose answer was lost
is(post("$a->{webhook_path}?ref=h1.nonsense", "$hook?ref=h1.nonsense",
        MessageSid => 'SM' . 'b' x 32, MessageStatus => 'delivered')->{status},
   200, 'a status of nothing harms nothing');

# ── faults of the provider ──

$t->sandbox_set('14155238886', faults => [{ kind => 'text', next => 1 }]);
$r = send_text('+254712345678', 'nonsense');
$m = becomes($r->{json}{id}, 'read');
ok(1, 'an answer that is no JSON is settled by the status');

$t->sandbox_set('14155238886', token => 'another', faults => []);
$r = send_text('+254712345678', 'who are you');
ok(wait_until { $t->api('GET', "/accounts/$a->{id}")->{json}{status} ne 'connected' }
   15, 'a token that is refused stops the number');

$t->done;
