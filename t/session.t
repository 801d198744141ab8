#!/usr/bin/perl

# A number behind a QR code: it is made, started, scanned, shown, stopped, logged out;
# its codes and their lives; its history; what is wrong with it; and it is nobody
# else's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Herald::Test;
use Herald::Test::Waha;
use Test::More;
use Time::Local qw(timegm);

my $t = Herald::Test->new(Herald::Test::Waha::conf());
my $o = $t->org;
my $stream = $t->stream;

is($stream->status, 200, 'the stream is open');


# made: not connected, careful, a secret of its own

my $r = $t->api('POST', '/accounts', { name => 'Phone', provider => 'waha',
    number_id => 'shop', token => 'key', base_url => $t->url('/sandbox') });
is($r->{status}, 201, 'neither phone nor secret is asked for');
my $made = $r->{json};
is($made->{status}, 'disconnected', 'not connected yet');
like($made->{webhook_path}, qr{^/hooks/waha/}, 'its webhooks have an address');
ok($made->{pacing}{gap_min_ms} > 1000 && $made->{pacing}{gap_max_ms}
   > $made->{pacing}{gap_min_ms}, 'a pause after each message');
ok($made->{pacing}{daily_cap} && $made->{pacing}{warmup}{first}
   < $made->{pacing}{daily_cap}, 'few messages a day, at first fewer');

$r = $t->api('POST', '/accounts', { name => 'Meta', provider => 'cloud_api',
    number_id => '1', token => 'key' });
is($r->{status}, 422, 'others must say their phone and secret');
is_deeply([sort map { $_->{pointer} } @{ $r->{json}{errors} }],
          ['/app_secret', '/phone'], 'and each is pointed at');

my $w = Herald::Test::Waha->new($t);
is($w->{account}{pacing}, undef, 'no pacing, when that is asked for');
is($w->session->{state}, undef, 'no state was told yet');

$r = $w->ask('GET', '/qr');
is($r->{status}, 409, 'no code before it is started');
is($r->{json}{code}, 'session_state', 'because of its state');
like($r->{json}{detail}, qr{session/start}, 'which says what to do');


# started, scanned

$r = $w->ask('POST', '/session/start');
is($r->{status}, 200, 'started');
is($r->{json}{state}, 'SCAN_QR_CODE', 'it waits to be scanned');

$r = $w->ask('GET', '/qr');
is($r->{status}, 200, 'a code');
my $qr = $r->{json};
like($qr->{value}, qr/^2\@sandbox/, 'to draw');
is($qr->{n}, 1, 'the first') or diag($r->{content});
is($qr->{of}, 6, 'of six');
is($r->{headers}{'cache-control'}, 'no-store', 'nobody keeps it');

sub seconds {
    my ($at) = @_;
    my @d = $at =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)/ or die "no time: $at\n";
    return timegm($d[5], $d[4], $d[3], $d[2], $d[1] - 1, $d[0]);
}

my $left = seconds($qr->{expires_at}) - time;
ok($left > 20 && $left <= 61, "it lives a minute: $left s are left");

$r = $w->ask('GET', '/qr?format=svg');
is($r->{headers}{'content-type'}, 'image/svg+xml', 'as SVG');
like($r->{content}, qr/^<svg .*<path d="M/s, 'with its modules');

$r = $w->ask('GET', '/qr?format=png');
is($r->{headers}{'content-type'}, 'image/png', 'as PNG');
like($r->{content}, qr/^\x89PNG\r\n\x1a\n/, 'which it is');
is(unpack('N', substr $r->{content}, 16, 4) % 8, 0, 'of whole modules');

$r = $t->request('GET', "/api/v1/accounts/$w->{id}/qr", token => $o->{key},
    headers => { accept => 'image/svg+xml' });
is($r->{headers}{'content-type'}, 'image/svg+xml', 'or as Accept wants it');

is($w->ask('GET', '/qr?format=gif')->{status}, 422, 'no GIF');

$r = $w->ask('POST', '/pairing-code', { phone => '+254 712 345678' });
is($r->{status}, 200, 'or a code to type');
is($r->{json}{code}, 'SAND-B0X7', 'which is told');
is($w->ask('POST', '/pairing-code', { phone => 'x' })->{status}, 422, 'for a phone');

# a code later: the sandbox's clock knows of 60 and 20 seconds
$t->sandbox_command('clock', undef, { advance_s => 65 });
isnt($w->ask('GET', '/qr')->{json}{value}, $qr->{value}, 'after a minute another code');

$w->phone('scan', phone => '+254700000007');
my $s = $w->until_state('WORKING');
is($s->{status}, 'connected', 'scanned: connected');
is($s->{phone}, '+254700000007', 'by the phone that scanned');

wait_until { grep { ($_->{event} // '') eq 'account.session'
    && $_->{json}{state} eq 'WORKING' && $_->{json}{id} eq $w->{id} }
    $stream->events } 10, 'the stream tells it';
pass('the stream told');

$r = $w->ask('GET', '/qr');
is($r->{status}, 409, 'no code any more');
is($r->{json}{state}, 'WORKING', 'with the state');

is($w->ask('POST', '/session/start')->{json}{state}, 'WORKING', 'starting twice is once');


# states that nobody knows are shown as they are

$w->phone('state', state => 'PASSKEY_CONFIRMATION_REQUIRED');
$s = $w->until_state('PASSKEY_CONFIRMATION_REQUIRED');
is($s->{status}, 'disconnected', 'and nothing is sent meanwhile');
$w->phone('state', state => 'WORKING');
is($w->until_state('WORKING')->{status}, 'connected', 'until it works again');


# stopped, restarted, logged out, failed

is($w->ask('POST', '/session/stop')->{json}{state}, 'STOPPED', 'stopped');
is($w->session->{status}, 'disconnected', 'it sends no more');
$r = $w->ask('POST', '/session/restart');
is($r->{status}, 200, 'restarted');
is($w->until_state('WORKING')->{status}, 'connected', 'without a scan: it knows the phone');
is($w->ask('POST', '/session/logout')->{json}{state}, 'STOPPED', 'logged out');
is($w->ask('POST', '/session/start')->{json}{state}, 'SCAN_QR_CODE', 'to be scanned again');

$t->sandbox_command('clock', undef, { advance_s => 170 });
$r = $w->ask('GET', '/qr');
is($r->{status}, 409, 'six codes, then no more');
is($r->{json}{state}, 'FAILED', 'it failed');
like($r->{json}{detail}, qr{session/restart}, 'and is to be restarted');
$w->until_state('FAILED');

$r = $w->ask('GET', '/troubleshoot');
is($r->{status}, 200, 'what is wrong');
my %check = map { $_->{check} => $_ } @{ $r->{json}{data} };
ok($check{$_}{ok}, "$_: nothing") for qw(address server key);
ok(!$check{session}{ok}, 'the session');
like($check{session}{words}, qr/FAILED/, 'says how it is');
like($check{session}{fix}, qr/restart/, 'and what to do');
ok(!$check{sending}{ok}, 'so nothing is sent');

is($w->ask('POST', '/session/restart')->{json}{state}, 'SCAN_QR_CODE', 'restarted: new codes');
is($w->ask('GET', '/qr')->{json}{n}, 1, 'from the first');


# a person's pause is a person's to end

$w->phone('scan');
$w->until_state('WORKING');
$t->api('POST', "/accounts/$w->{id}/pause");
$w->phone('state', state => 'FAILED');
$w->until_state('FAILED');
$w->phone('state', state => 'WORKING');
is($w->until_state('WORKING')->{status}, 'paused', 'paused by hand stays paused');
$t->api('POST', "/accounts/$w->{id}/resume");


# what comes late changes nothing, but stands in the history

$r = $w->hook({ id => 'evt_old', event => 'session.status', session => $w->{name},
    timestamp => (time - 3600) * 1000, payload => { status => 'FAILED' } });
is($r->{status}, 200, 'an old event is taken');
is($w->session->{state}, 'WORKING', 'and changes nothing');

$r = $w->ask('GET', '/history?limit=100');
is($r->{status}, 200, 'the history');
my @h = @{ $r->{json}{data} };
my %h;
$h{$_->{event}}++ for @h;
ok($h{$_}, "$_ is in it") for qw(start stop restart logout session);
ok((grep { $_->{event} eq 'session' && $_->{state} eq 'SCAN_QR_CODE' } @h),
   'each state');
ok((grep { $_->{event} eq 'stop' && $_->{reason} } @h), 'and who did it');
is_deeply([map { $_->{id} } @h], [reverse sort map { $_->{id} } @h], 'newest first');
$r = $w->ask('GET', '/history?limit=2');
is(scalar @{ $r->{json}{data} }, 2, 'in pages');
ok($r->{json}{next_cursor}, 'of which there are more');


# a gateway that is not there, or wants another key

my $away = Herald::Test::Waha->new($t, base_url => 'http://127.0.0.1:1');
$r = $away->ask('POST', '/session/start');
is($r->{status}, 502, 'nobody there');
$r = $away->ask('GET', '/troubleshoot');
is($r->{json}{data}[1]{check}, 'server', 'which is the first thing');
ok(!$r->{json}{data}[1]{ok}, 'to mend');

my $wrong = Herald::Test::Waha->new($t, token => 'another');
$r = $wrong->ask('POST', '/session/start');
is($r->{status}, 502, 'another key');
is($r->{json}{provider}{code}, 1401, 'with its code');
($r) = grep { $_->{check} eq 'key' } @{ $wrong->ask('GET', '/troubleshoot')->{json}{data} };
ok(!$r->{ok}, 'and the check says so');


# of others

my $b = $t->org;
$t->{key} = $o->{key};
for my $path (qw(/session /qr /history /troubleshoot /groups)) {
    is($t->api('GET', "/accounts/$w->{id}$path", undef, token => $b->{key})->{status},
       404, "another's $path is not there");
}
is($t->api('POST', "/accounts/$w->{id}/session/stop", undef,
           token => $b->{key})->{status}, 404, 'and cannot be stopped');
is($w->session->{state}, 'WORKING', 'and was not');


# gone

is($w->ask('DELETE', '/session')->{status}, 204, 'deleted there');
is($w->session->{state}, 'DELETED', 'and known to be');

$t->done;
