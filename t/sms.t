#!/usr/bin/perl

# SMS over Twilio: no window, parts counted, STOP and START.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $t = Herald::Test->new(http => 'herald_public_url http://127.0.0.1:%%PORT%%;');
my $o = $t->org;
my $ac = 'AC00000000000000000000000000000002';

my $r = $t->api('POST', '/accounts', { name => 'SMS', provider => 'twilio',
    channel => 'sms', number_id => '+15005550006', business_id => $ac,
    token => 'token', base_url => $t->url('/sandbox') });
is($r->{status}, 201, 'connected') or diag($r->{content});
my $a = $r->{json};
is($a->{channel}, 'sms', 'as SMS');

for my $sender ('SHOP 24', '12345', 'MG' . '0' x 32) {
    $r = $t->api('POST', '/accounts', { name => $sender, provider => 'twilio',
        channel => 'sms', number_id => $sender, business_id => $ac,
        token => 'token' });
    is($r->{status}, 201, "a sender may be $sender") or diag($r->{content});
}

$t->sandbox_set('15005550006', twilio => 'sms', token => 'token', waba_id => $ac,
    webhook_url => $t->url($a->{webhook_path}), read_rate => 0,
    delivered_rate => 1, reply_rate => 0, window => \1,
    latency_ms => { sent => 1, delivered => 5 });

sub text {
    my ($text) = @_;

    return $t->api('POST', '/messages', { account_id => $a->{id},
        to => '+254712345678', text => $text });
}

$r = text('Hello');
is($r->{status}, 202, 'nobody needs to have written before') or diag($r->{content});
is_deeply($r->{json}{sms}, { encoding => 'GSM-7', units => 5, segments => 1 },
          'parts are counted');
my $id = $r->{json}{id};
my $m;
ok(wait_until { $m = $t->api('GET', "/messages/$id")->{json};
                $m->{status} eq 'delivered' } 15, 'delivered') or diag(explain($m));

for my $case (['x' x 160, 'GSM-7', 160, 1], ['x' x 161, 'GSM-7', 161, 2],
              ['€' x 80, 'GSM-7', 160, 1], ['ç' x 70, 'UCS-2', 70, 1],
              ['ą' x 71, 'UCS-2', 71, 2], ['🙂' x 35, 'UCS-2', 70, 1],
              ['🙂' x 67, 'UCS-2', 134, 3])
{
    $r = text($case->[0]);
    is_deeply($r->{json}{sms}, { encoding => $case->[1], units => $case->[2],
                                 segments => $case->[3] },
              "$case->[2] units of $case->[1]") or diag($r->{content});
}

$r = $t->api('POST', '/messages', { account_id => $a->{id},
    to => '+254712345678', content => { type => 'location', latitude => 1,
                                        longitude => 2 } });
is($r->{status}, 422, 'what SMS cannot say is refused');
like($r->{content}, qr/twilio, sms/, 'and says so');

# ── STOP, START ──

sub opted_out {
    my ($c) = $t->api_all('/contacts');
    my $oo = $t->api('GET', "/contacts/$c->{id}/opt-outs")->{json};

    return scalar @{ $oo->{numbers} // [] };
}

is(opted_out(), 0, 'nobody stopped');
$t->sandbox_inbound('15005550006', from => '254712345678', text => 'please stop it');
$t->sandbox_inbound('15005550006', from => '254712345678', text => ' Stop ');
ok(wait_until { opted_out() == 1 } 10, 'the word alone stops');
my ($c) = $t->api_all('/contacts');
ok(wait_until { 2 == grep { $_->{direction} eq 'in' }
                    $t->api_all("/messages?contact_id=$c->{id}") } 10,
   'and is a message like others');
$t->sandbox_inbound('15005550006', from => '254712345678', text => 'START');
ok(wait_until { opted_out() == 0 } 10, 'START resumes');

$t->done;
