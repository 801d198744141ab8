#!/usr/bin/perl

# The frame: addresses, methods, bodies, problems, paging, request ids, the OpenAPI
# document; and what happens while PostgreSQL is away.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;

my $r = $t->api('GET', '/nothing');
is($r->{status}, 404, 'an unknown address');
is($r->{headers}{'content-type'}, 'application/problem+json', 'is a problem');
is($r->{json}{status}, 404, 'with its status');
is($r->{json}{request_id}, $r->{headers}{'x-request-id'},
   'and the id of the request');

$r = $t->api('PUT', '/contacts', {});
is($r->{status}, 405, 'a known address, another method');
ok($r->{headers}{allow}, 'says which');

is($t->api('GET', '/contacts/not-an-id')->{status}, 404, 'no id, no row');


# bodies

for my $bad ('', '{', '[1', '{"name":}', "{\"name\":\"\xff\"}", 'nonsense',
             '{"a":' x 40 . '1' . '}' x 40, '{} {}')
{
    $r = $t->api('POST', '/contacts', $bad);
    is($r->{status}, 400, 'not JSON: ' . substr($bad, 0, 20) =~ s/\W/./gr);
    is($r->{json}{code}, 'malformed_json', 'is said to be so');
}

is($t->api('POST', '/contacts', '[]')->{status}, 422, 'not an object');

$r = $t->api('POST', '/contacts', { phone => '12', nam => 'x',
    'a/b~' => 1, tags => 'x', marketing_opt_out => 'no',
    fields => { a => 1 }, name => 'x' x 300, email => 'nobody' });
is($r->{status}, 422, 'a body full of faults');
my %at = map { $_->{pointer} => $_->{code} } @{ $r->{json}{errors} };
is_deeply(\%at, { '/phone' => 'phone_invalid', '/nam' => 'unknown_field',
    '/a~1b~0' => 'unknown_field', '/tags' => 'invalid',
    '/marketing_opt_out' => 'invalid', '/fields' => 'invalid',
    '/name' => 'too_long', '/email' => 'invalid' },
    'each is named by its pointer');

$r = $t->api('POST', '/contacts', { phone => '+254712000001', id => 'x' });
is($r->{json}{code}, 'unknown_field', 'what the server manages is refused');

$r = $t->api('POST', '/contacts', '{"name":"' . 'x' x 1_100_000 . '"}');
is($r->{status}, 413, 'a body over the limit');

my $got = $t->raw_exchange("POST /api/v1/contacts HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $o->{key}\r\nContent-Length: 30\r\n\r\n{\"name\"",
    1);
unlike($got // '', qr/HTTP.*5\d\d/, 'a body that never ends does no harm');


# a body nobody read is not the next request

$got = $t->raw_exchange("POST /api/v1/contacts HTTP/1.1\r\nHost: x\r\n"
    . "Content-Length: 26\r\n\r\nGET /x HTTP/1.1\r\nHost: y\r\n"
    . "GET /api/v1/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    5);
my @lines = $got =~ m{HTTP/1.1 (\d+) }g;
is_deeply(\@lines, [401, 404], 'two requests, two answers');


# paging

my @made = map { $t->api('POST', '/contacts', { name => "P $_",
    phone => sprintf '+2547120010%02d', $_ })->{json}{id} } 1 .. 7;
my (@seen, $cursor);

do {
    $r = $t->api('GET', '/contacts?limit=3' . ($cursor ? "&cursor=$cursor"
                                                       : ''));
    push @seen, map { $_->{id} } @{ $r->{json}{data} };
    cmp_ok(@{ $r->{json}{data} }, '<=', 3, 'a page is no longer than asked');
    $cursor = $r->{json}{next_cursor};
} while ($cursor);

is_deeply(\@seen, [reverse @made], 'newest first, each once');

for my $q ('limit=0', 'limit=201', 'limit=x', 'cursor=nonsense!',
           'cursor=AAAA')
{
    is($t->api('GET', "/contacts?$q")->{status}, 422, "?$q is refused");
}

$r = $t->request('HEAD', "/api/v1/contacts/$made[0]", token => $o->{key});
is($r->{status}, 200, 'HEAD is answered');
is($r->{content} // '', '', 'without a body');


# the description is true

$r = $t->api('GET', '/openapi.json', undef, token => undef);
is($r->{status}, 200, 'the description needs no credential');
is($r->{json}{openapi}, '3.1.0', 'OpenAPI 3.1');

my $n = 0;
for my $path (sort keys %{ $r->{json}{paths} }) {
    for my $method (sort keys %{ $r->{json}{paths}{$path} }) {
        my $p = $path =~ s/\{id\}/00000000-0000-7000-8000-000000000000/r;
        my $op = $r->{json}{paths}{$path}{$method};

        next if $path =~ /openapi|login/;
        my $s = $t->api(uc $method, $p, undef, token => undef)->{status};
        is($s, 401, "$method $path exists and needs a credential");
        ok($op->{summary} && $op->{responses}, 'and is described');
        $n++;
    }
}
cmp_ok($n, '>=', 28, 'all of it');

# a body that may be left out is not required, and the others are asked for
my %bare;
for my $path (sort keys %{ $r->{json}{paths} }) {
    for my $method (sort keys %{ $r->{json}{paths}{$path} }) {
        my $body = $r->{json}{paths}{$path}{$method}{requestBody} // next;
        my $p = $path =~ s/\{id\}/00000000-0000-7000-8000-000000000000/r;

        next if $path =~ /login/ || !$body->{content}{'application/json'};
        my $s = $t->api(uc $method, $p, undef)->{json}{code} // '';
        is($s eq 'malformed_json' ? 1 : 0, $body->{required} ? 1 : 0,
           "$method $path without a body: $s");
        $bare{$path =~ s{.*/}{}r}++ if !$body->{required};
    }
}
is(join(' ', sort grep { /^(?:forecast|launch|resend|resume)$/ } keys %bare),
   'forecast launch resend resume', 'of these it may be left out');

my $schema = $r->{json}{paths}{'/contacts/{id}'}{get}{responses}{200}{content}
    {'application/json'}{schema}{properties};
my $contact = $t->api('GET', "/contacts/$made[0]")->{json};
is_deeply([sort keys %$schema], [sort keys %$contact],
          'an answer has the members that were promised');


# PostgreSQL goes and comes back

$t->expect_log(qr/postgres/) if $t->can('expect_log');
$t->cluster_stop;
$r = $t->api('GET', "/contacts/$made[0]", undef, timeout => 10);
is($r->{status}, 503, 'PostgreSQL is away: 503');
cmp_ok($r->{headers}{'retry-after'}, '>', 0, 'with Retry-After');
unlike($r->{content}, qr/select|connection to server|SQLSTATE/i,
       'and no word of SQL');
is($t->get('/healthz')->{status}, 200, 'nginx itself is well');
$t->cluster_start;
wait_until {
    ($r = $t->api('GET', "/contacts/$made[0]"))->{status} == 200;
} 15;
is($r->{json}{name}, 'P 1', 'it comes back by itself');

$t->done;
