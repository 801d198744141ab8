#!/usr/bin/perl

# Accounts: connecting a number, its webhook's address, and that its tokens never come
# out again.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $read = $t->api_key($o, 'read');

my %account = (name => 'Shop', provider => 'cloud_api',
    phone => '+254 700 000 001', number_id => '100200300',
    token => 'EAAsecret-token', app_secret => 'app-secret-1');

my $r = $t->api('POST', '/accounts', \%account);
is($r->{status}, 201, 'connected') or diag($r->{content});
my $a = $r->{json};
like($a->{webhook_path}, qr{^/hooks/cloud_api/[A-Za-z0-9_-]{43}$},
     'the address for webhooks');
like($a->{verify_token}, qr/^[0-9a-f]{32}$/, 'a verify token of our own');
is($a->{phone}, '+254700000001', 'the phone is E.164');
is($a->{rate_limit}, 80, 'the rate is 80 when nothing is said');
like($a->{base_url}, qr{^https://graph\.facebook\.com$}, 'the base address');
like($a->{api_version}, qr/^v\d+\.\d+$/, 'the version');
is($a->{status}, 'connected', 'its status');
unlike($r->{content}, qr/EAAsecret|app-secret/, 'no token in the answer');

my $row = $t->sql('SELECT secrets FROM accounts');
like($row, qr/^v1\./, 'the tokens are sealed');
unlike($t->sql('SELECT a::text FROM accounts a'), qr/EAAsecret|app-secret/,
       'and nowhere else');
is($t->sql(q(SELECT count(*) FROM directory WHERE kind = 'hook')), 1,
   'the address is in the directory');
my ($secret) = $a->{webhook_path} =~ m{([^/]+)$};
unlike($t->sql('SELECT d::text FROM directory d'), qr/\Q$secret\E/,
       'as a hash only');

$r = $t->api('GET', "/accounts/$a->{id}");
is($r->{json}{webhook_path}, $a->{webhook_path}, 'an admin sees the address');
is($r->{json}{verify_token}, undef, 'but not the verify token');
unlike($r->{content}, qr/EAAsecret|app-secret|secrets/, 'and no token');

$r = $t->api('GET', "/accounts/$a->{id}", undef, token => $read);
is($r->{status}, 200, 'who may read');
ok(!exists $r->{json}{webhook_path}, 'sees no address');

$r = $t->api('GET', '/accounts', undef, token => $read);
is(scalar @{ $r->{json}{data} }, 1, 'a list');
unlike($r->{content}, qr/EAAsecret|app-secret|hooks/, 'without secrets');

$r = $t->api('POST', '/accounts', \%account);
is($r->{status}, 409, 'the same number again');
is($r->{json}{code}, 'number_taken', 'is connected already');
is($t->sql('SELECT count(*) FROM directory WHERE kind = \'hook\''), 1,
   'and left nothing behind');

is($t->api('POST', '/accounts', { %account, number_id => '2' },
           token => $read)->{status}, 403, 'not with the scope read');

$r = $t->api('POST', '/accounts', { %account, number_id => '7',
    base_url => 'http://127.0.0.1:1/x', api_version => 'v99.0',
    rate_limit => 0, verify_token => 'my verify token' });
is($r->{json}{verify_token}, 'my verify token', 'a verify token of theirs');
is($r->{json}{base_url}, 'http://127.0.0.1:1/x', 'another address');
is($r->{json}{api_version}, 'v99.0', 'another version');
is($r->{json}{rate_limit}, 0, 'no limit');

for my $bad ([provider => 'waha2'], [phone => '0700'], [rate_limit => 1001],
             [rate_limit => -1], [base_url => 'ftp://x'], [token => ''],
             [number_id => ''], [status => 'connected'])
{
    $r = $t->api('POST', '/accounts', { %account, number_id => '8', @$bad });
    is($r->{status}, 422, "$bad->[0] = \"$bad->[1]\" is refused");
    is($r->{json}{errors}[0]{pointer}, "/$bad->[0]", 'by its pointer');
}

# what a provider would do with the address: prove it, then use it

$r = $t->get("$a->{webhook_path}?hub.mode=subscribe&hub.challenge=4711"
    . "&hub.verify_token=$a->{verify_token}");
is($r->{content}, '4711', 'the verify token answers the challenge');

unlike(slurp("$t->{dir}/error.log"), qr/EAAsecret|app-secret/,
       'no token in the log');

$t->done;
