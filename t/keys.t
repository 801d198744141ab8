#!/usr/bin/perl

# API keys: told once, kept as a hash, with scopes and an end, and gone at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(strftime);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $session = $t->login($o);

my $r = $t->api('POST', '/api-keys', { name => 'Shop', scopes => ['read'] },
                token => $session);
is($r->{status}, 201, 'made') or diag($r->{content});
my $k = $r->{json};
like($k->{key}, qr/^hk_[A-Za-z0-9_-]{43}$/, 'the key');
is($k->{prefix}, substr($k->{key}, 0, 9), 'its beginning, to know it by');
is_deeply($k->{scopes}, ['read'], 'its scopes');
is($k->{expires_at}, undef, 'no end');

unlike($t->sql('SELECT k::text FROM api_keys k'),
       qr/\Q@{[ substr $k->{key}, 9 ]}\E/, 'only a hash is kept');

$r = $t->api('GET', '/api-keys');
unlike($r->{content}, qr/\Q$k->{key}\E|hash/, 'the list does not tell it');
is(scalar(grep { $_->{id} eq $k->{id} } @{ $r->{json}{data} }), 1,
   'but has it');

is($t->api('GET', '/contacts', undef, token => $k->{key})->{status}, 200,
   'it reads');
$r = $t->api('POST', '/contacts', { phone => '+254712345678' },
             token => $k->{key});
is("$r->{status} $r->{json}{code}", '403 missing_scope', 'and no more');
is($t->api('GET', '/api-keys', undef, token => $k->{key})->{status}, 403,
   'it makes no keys');
is_deeply($t->api('GET', '/me', undef, token => $k->{key})->{json}{scopes},
          ['read'], 'and says so');

# a key that is deleted stops working in every worker

is($t->api('GET', '/contacts', undef, token => $k->{key})->{status}, 200,
   'it works') for 1 .. 8;
is($t->api('DELETE', "/api-keys/$k->{id}")->{status}, 204, 'deleted');
is($t->api('GET', '/contacts', undef, token => $k->{key},
           headers => { connection => 'close' })->{status}, 401,
   'it works no more') for 1 .. 8;
is($t->api('DELETE', "/api-keys/$k->{id}")->{status}, 404, 'only once');
is($t->sql(q(SELECT count(*) FROM directory d WHERE kind = 'api_key'
             AND NOT EXISTS (SELECT FROM api_keys k WHERE k.id = d.ref_id))),
   0, 'nothing stays in the directory');

# an end

$r = $t->api('POST', '/api-keys', { name => 'x', scopes => ['read'],
    expires_at => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time + 3)) });
is($r->{status}, 201, 'a key with an end');
$k = $r->{json};
is($t->api('GET', '/contacts', undef, token => $k->{key})->{status}, 200,
   'works before');
ok(wait_until { $t->api('GET', '/contacts', undef,
                        token => $k->{key})->{status} == 401 } 10, 'not after');

for my $bad ([name => ''], [scopes => []], [scopes => ['root']],
             [scopes => ['read', 'read']], [expires_at => 'tomorrow'],
             [expires_at => '2020-01-01T00:00:00Z'], [key => 'hk_mine'])
{
    $r = $t->api('POST', '/api-keys', { name => 'x', scopes => ['read'],
                                        @$bad });
    is("$r->{status} " . ($r->{json}{errors}[0]{pointer} // ''),
       "422 /$bad->[0]", "$bad->[0] is refused");
}

is($t->api('GET', '/contacts', undef, token => 'hk_' . 'x' x 43)->{status},
   401, 'a key that was never made');

$t->done;
