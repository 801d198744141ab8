#!/usr/bin/perl

# What webhooks bring and nobody acts on is kept and shown; who has no phone but a user
# id is written to by that.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org(name => 'Duka');
my $acc = $t->sandbox_account;

sub hook {
    my ($field, $value) = @_;

    return $t->webhook($acc, { object => 'whatsapp_business_account', entry => [ {
        id => '1', changes => [ { field => $field, value => $value } ] } ] })->{status};
}

is(hook('something_new', { words => "caf\x{e9}", n => 1 }), 200, 'a field of tomorrow');
is(hook('security', { event => 'PIN_CHANGED' }), 200, 'and another');
is(hook('something_new', { words => "caf\x{e9}", n => 1 }), 200, 'the first again');

my $path = "/accounts/$acc->{id}/webhook-events";
my @kept = $t->api_all($path);
is(join(' ', sort map { $_->{field} } @kept), 'security something_new', 'each is kept once');
my ($new) = grep { $_->{field} eq 'something_new' } @kept;
is($new->{payload}{value}{words} // $new->{payload}{words}, "caf\x{e9}", 'as it came');
is(scalar @{ $t->api('GET', "$path?field=security")->{json}{data} }, 1, 'by its field');
is($t->api('GET', '/accounts/00000000-0000-7000-8000-000000000000/webhook-events')->{status},
   404, 'of a number that is not there');

# somebody without a phone writes
is(hook('messages', { messaging_product => 'whatsapp',
    metadata => { display_phone_number => '15550100001',
                  phone_number_id => $acc->{number_id} },
    contacts => [ { profile => { name => 'Zuri' }, user_id => 'KE.1349120865' } ],
    messages => [ { id => 'wamid.BSUID1', timestamp => time, type => 'text',
                    from_user_id => 'KE.1349120865', text => { body => 'Habari' } } ] }),
   200, 'a message of somebody without a phone');

my ($in) = grep { $_->{direction} =~ /^in/ } $t->api_all('/messages');
ok($in, 'it is there');
my $r = $t->api('POST', '/messages', { account_id => $acc->{id},
    contact_id => $in->{contact_id}, text => 'Habari yako' });
is($r->{status}, 202, 'it is answered') or diag($r->{content});
wait_until { my ($m) = grep { $_->{direction} =~ /^out/ } $t->api_all('/messages');
             $m && $m->{status} !~ /queued|sending/ } 20, 'it went';
my ($sent) = grep { ($_->{recipient} // $_->{to} // '') =~ /KE\.1349120865/ } $t->ledger;
ok($sent, 'to the user id') or diag(explain([ $t->ledger ],
    [ grep { $_->{direction} =~ /^out/ } $t->api_all('/messages') ]));

# another organisation sees nothing of it: what is asked now is asked by that one
$t->org(name => 'Nyingine');
is($t->api('GET', $path)->{status}, 404, 'nothing of it for somebody else');

$t->done;
