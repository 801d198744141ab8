#!/usr/bin/perl

# Sign-in: sessions by cookie and by bearer, API keys' scopes, throttling, what a
# cookie may change, and that secrets stay out of answers and logs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $json = { 'content-type' => 'application/json' };


my $r = $t->api('POST', '/login', { email => uc $o->{email},
    password => $o->{password} }, token => undef);
is($r->{status}, 200, 'signed in, whatever the case of the address');
like($r->{json}{token}, qr/^hs_[\w-]{43}$/, 'an opaque token');
like($r->{json}{expires_at}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, 'it expires');
is($r->{json}{user}{email}, $o->{email}, 'and who it is');
like($r->{headers}{'set-cookie'}, qr/herald_session=hs_.*HttpOnly.*Strict/,
     'the cookie is for nobody else');

my $token = $r->{json}{token};
my $me = $t->api('GET', '/me', undef, token => $token)->{json};
is_deeply([@$me{qw(email role credential)}],
          [$o->{email}, 'owner', 'session'], 'who am I, by bearer');

$r = $t->api('GET', '/me', undef, token => undef,
             headers => { cookie => "a=b; herald_session=$token; c=d" });
is($r->{json}{email}, $o->{email}, 'by cookie');

$r = $t->api('GET', '/me', undef, token => $o->{key});
is($r->{json}{credential}, 'api_key', 'by API key');
is($r->{json}{org_id}, $me->{org_id}, 'of the same organisation');


# a change by cookie must come from our own pages

my %cookie = (token => undef);
my $body = { name => 'x', phone => '+254712000001' };

$r = $t->api('POST', '/contacts', $body, %cookie,
             headers => { cookie => "herald_session=$token" });
is($r->{status}, 403, 'a cookie alone changes nothing');
$r = $t->api('POST', '/contacts', $body, %cookie, headers => {
    cookie => "herald_session=$token", 'sec-fetch-site' => 'cross-site' });
is($r->{status}, 403, 'nor from another site');
$r = $t->api('POST', '/contacts', $body, %cookie, headers => {
    cookie => "herald_session=$token", origin => 'http://evil.example' });
is($r->{status}, 403, 'nor from another origin');
$r = $t->api('POST', '/contacts', $body, %cookie, headers => {
    cookie => "herald_session=$token", 'sec-fetch-site' => 'same-origin' });
is($r->{status}, 201, 'our own page may');
$r = $t->api('POST', '/contacts', { name => 'y', phone => '+254712000002' },
             %cookie, headers => { cookie => "herald_session=$token",
             origin => $t->url });
is($r->{status}, 201, 'and so may an older browser that sends Origin');


# wrong and missing credentials

for my $case ([undef, 'none'], ['hs_' . 'x' x 43, 'an unknown session'],
              ['hk_' . 'x' x 43, 'an unknown key'], ['short', 'nonsense'],
              ["$token" . 'x', 'one character more'])
{
    $r = $t->api('GET', '/contacts', undef, token => $case->[0]);
    is($r->{status}, 401, "401 for $case->[1]");
    is($r->{json}{code}, 'unauthenticated', 'as a problem');
    ok($r->{headers}{'www-authenticate'}, 'that says how');
}

$r = $t->api('POST', '/login', { email => $o->{email}, password => 'wrong' },
             token => undef);
is($r->{status}, 401, 'a wrong password');
my $wrong = $r->{json}{detail};
$r = $t->api('POST', '/login', { email => 'nobody@example.com',
    password => 'wrong' }, token => undef);
is($r->{status}, 401, 'an unknown address');
is($r->{json}{detail}, $wrong, 'in the same words');


# scopes

my %key = map { $_ => $t->api_key($o, $_) } qw(read send admin);

is($t->api('GET', '/contacts', undef, token => $key{read})->{status}, 200,
   'read reads');
$r = $t->api('POST', '/contacts', $body, token => $key{read});
is($r->{status}, 403, 'read does not write');
is($r->{json}{code}, 'missing_scope', 'and is told which scope');
is($t->api('GET', '/contacts', undef, token => $key{send})->{status}, 403,
   'send does not read');
is($t->api('GET', '/api-keys', undef, token => $key{send})->{status}, 403,
   'send does not administrate');
is($t->api('GET', '/api-keys', undef, token => $key{admin})->{status}, 200,
   'admin does');

# a deleted key stops at once, in every worker

my ($k) = grep { index($key{read}, $_->{prefix}) == 0 }
    $t->api_all('/api-keys');
ok($k, 'a key is known by its prefix');
ok(!exists $k->{key}, 'and never shown again');
$t->api('GET', '/me', undef, token => $key{read}) for 1 .. 10;
is($t->api('DELETE', "/api-keys/$k->{id}")->{status}, 204, 'deleted');
my @after = map { Herald::Test::Http::request($t, 'GET', '/api/v1/me',
    token => $key{read}, headers => { connection => 'close' })->{status} }
    1 .. 10;
is_deeply(\@after, [(401) x 10], 'no worker takes it any more');

# an expired key

$r = $t->api('POST', '/api-keys', { name => 'old', scopes => ['read'],
    expires_at => '2020-01-01T00:00:00Z' });
if ($r->{status} == 201) {
    is($t->api('GET', '/me', undef, token => $r->{json}{key})->{status}, 401,
       'an expired key is none');
} else {
    is($r->{status}, 422, 'a key that has expired is not made');
}


# signing out

is($t->api('POST', '/logout', undef, token => $token)->{status}, 204,
   'signed out');
is($t->api('GET', '/me', undef, token => $token)->{status}, 401,
   'the session is over');


# five failures are free, then it waits

my $p = $t->org(email => 'target@example.com');
my @status = map { $t->api('POST', '/login', { email => $p->{email},
    password => "guess $_" }, token => undef)->{status} } 1 .. 6;
is_deeply(\@status, [(401) x 5, 429], 'the sixth guess is not looked at');
$r = $t->api('POST', '/login', { email => $p->{email},
    password => $p->{password} }, token => undef);
is($r->{status}, 429, 'nor is the right password, then');
cmp_ok($r->{headers}{'retry-after'}, '>', 0, 'it says for how long');
is($t->api('POST', '/login', { email => $o->{email},
    password => $o->{password} }, token => undef)->{status}, 200,
   'others behind the same address may sign in');


# many at once: all are answered, nobody blocks the loop

my @streams = map { $t->raw } 1 .. 8;
my $login = JSON::PP::encode_json({ email => $o->{email},
    password => $o->{password} });

for my $s (@streams) {
    print $s "POST /api/v1/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        . 'Content-Length: ' . length($login) . "\r\n\r\n$login";
}

# one goes away while its password is being checked
close shift @streams;

my @answers = map { my $s = $_; local $/; <$s> } @streams;
is(scalar(grep { m{^HTTP/1.1 (200|429) } } @answers), 7,
   'each of seven at once has an answer');


# secrets

my $log = $t->error_log;
unlike($log, qr/\Q$o->{password}\E|\Q$token\E|\Q$key{admin}\E/,
       'no secret in the log');
is($t->sql(qq{select count(*) from api_keys where key_hash =
    convert_to('$key{admin}', 'UTF8')}), 0, 'keys are kept as hashes');

$t->done;
