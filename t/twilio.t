#!/usr/bin/perl

# Numbers at Twilio, WhatsApp: connected, sent from, told of, written to; the simulated
# Twilio signs what it posts, and what is not signed is not taken.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha1_base64);
use Encode qw(encode);
use Herald::Test;
use JSON::PP;
use MIME::Base64 qw(encode_base64);
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

# ── templates: made, submitted, reviewed, sent by their sid ──

my %document = (
    header => { format => 'text', text => 'Order {{order}}' },
    body => 'Hello {{first_name|there}}, your order {{order}} is ready to be fetched.',
    footer => 'The shop',
    buttons => [{ type => 'quick_reply', text => 'Thanks' },
                { type => 'url', text => 'Follow', url => 'https://shop.example/o/{{order}}' }],
    variables => { order => { sample => 'A-1' } },
);

sub submitted {
    my ($name) = @_;
    my $id = $t->api('POST', '/templates', { name => $name, language => 'en',
        category => 'utility', document => \%document })->{json}{id};

    $r = $t->api('POST', "/templates/$id/submit", { account_id => $a->{id} });
    is("$r->{status} $r->{json}{status}", '200 pending', "$name is submitted")
        or diag($r->{content});
    like($r->{json}{provider_id}, qr/^HX[0-9a-f]{32}$/, 'and has its sid');
    return $r->{json};
}

# Twilio tells of no review: it is asked
sub reviewed {
    my ($id, $status) = @_;

    ok(wait_until {
        $t->api('POST', "/accounts/$a->{id}/templates/sync");
        $m = $t->api('GET', "/templates/$id")->{json};
        $m->{status} eq $status } 20, "$status, by the list");
    return $m;
}

sub content {
    my ($method, $path, $body, %o) = @_;

    return $t->request($method, "/sandbox/v1/$path", headers => {
        authorization => 'Basic ' . encode_base64("$ac:" . ($o{token} // $token), ''),
        'content-type' => 'application/json' },
        content => defined $body ? encode_json($body) : undef);
}

my $ready = submitted('order_ready');
my $waits = submitted('pending_one');
my $no = submitted('rejected_promotional');

is($t->api('POST', "/templates/$ready->{id}/submit", { account_id => $a->{id} })->{status},
   409, 'once');
is(content('POST', "Content/$ready->{provider_id}/ApprovalRequests/whatsapp",
           { name => 'order_ready', category => 'UTILITY' })->{status}, 409,
   'for Twilio as well');
is(content('POST', 'Content', { language => 'en', types => {} })->{json}{code}, 20001,
   'what has no type is none');
is(content('GET', "Content/$ready->{provider_id}", undef, token => 'x')->{json}{code},
   20003, 'nobody else sees it');

reviewed($ready->{id}, 'approved');
like(reviewed($no->{id}, 'rejected')->{status_reason} // '', qr/promotional/i,
     'with the reason');
is($t->api('GET', "/templates/$waits->{id}")->{json}{status}, 'pending',
   'what is in review stays there');

# to who never wrote: a template alone may
my $stranger = $t->api('POST', '/contacts',
    { phone => '+254712000001', name => 'Zoë & co' })->{json};
$r = $t->api('POST', '/messages', { account_id => $a->{id},
    contact_id => $stranger->{id}, template => { id => $ready->{id},
    variables => { first_name => 'Zoë', order => 'B&7' } } });
is($r->{status}, 202, 'sent') or diag($r->{content});
becomes($r->{json}{id}, 'read');

my ($last) = (reverse map { decode_json($_) } split /\n/,
              slurp("$t->{dir}/ledger/sandbox.jsonl"));
is($last->{type}, 'template', 'as a template');
is($last->{outcome}, 'accepted', 'that was taken');

# what the customer reads: Twilio's text with what was sent for its placeholders
my $made = content('GET', "Content/$ready->{provider_id}")->{json};
my $card = $made->{types}{'whatsapp/card'};
my $sent = decode_json(encode('UTF-8', $last->{variables} // '{}'));

is($last->{template}, $ready->{provider_id}, 'by its sid');
is_deeply([sort keys %$sent], [sort keys %{ $made->{variables} }],
          'with a value for each placeholder');
is_deeply([map { s/\{\{(\d+)\}\}/$sent->{$1}/gr } @$card{qw(header_text body)},
           $card->{actions}[1]{url}],
          ['Order B&7', 'Hello Zoë, your order B&7 is ready to be fetched.',
           'https://shop.example/o/B&7'], 'and the customer reads it')
    or diag(explain($made, $last));

# deleted there, it is no more
$r = $t->api('DELETE', "/templates/$waits->{id}?at_provider=true");
is($r->{status}, 200, 'deleted at the provider') or diag($r->{content});
is(content('GET', "Content/$waits->{provider_id}")->{status}, 404, 'it is gone');

# ── a file that came in ──

my $file = $t->sandbox_command('media', '14155238886',
                               { mime => 'image/png', bytes => 2000 })->{id};
my $address = "/sandbox/2010-04-01/Accounts/$ac/Messages/MM" . 'c' x 32 . "/Media/$file";

is($t->request('GET', $address)->{status}, 401, 'a file is not for all');
$t->sandbox_inbound('14155238886', from => '254712345678', text => 'Look', type => 'image',
                    value => { link => $t->url($address), mime_type => 'image/png' });
my $picture;
ok(wait_until {
    ($picture) = grep { ($_->{type} // '') eq 'image' }
        $t->api_all("/messages?contact_id=$contact->{id}");
    ($picture->{media}{state} // '') eq 'ready' } 20, 'a picture comes in, and is fetched')
    or diag(explain($picture));
$r = $t->api('GET', "/media/$picture->{media}{id}/content");
is(length($r->{content} // ''), 2000, 'whole');

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
