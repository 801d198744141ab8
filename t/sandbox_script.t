#!/usr/bin/perl

# The sandbox's script, from a file and by the control API, and its oracle: facts that
# are computed from the ledger, compared with what was sent and with what a hundred
# thousand lines of ours must give.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my ($true, $false) = (JSON::PP::true(), JSON::PP::false());


# ── a script that is wrong ──────────────────────────────────────────────────

my $t = Herald::Test->sandbox_alone(start => 0,
    http => 'herald_sandbox_script %%DIR%%/script.json;');

for my $wrong (
    [ 'no JSON', "[\n  { \"number\": \"1\",\n    oops }\n]", qr/line 3: JSON is/ ],
    [ 'no array', '{}', qr/line 1: an array of at most 64 steps is expected/ ],
    [ 'no step', "[\n\n 1 ]", qr/a step is an object/ ],
    [ 'no number', "[\n{ \"after_ms\": 1, \"do\": {} }]",
      qr/line 2: "number": a number's id is expected/ ],
    [ 'no time', "[\n{ \"number\": \"1\", \"do\": {} }]",
      qr/line 2: one of "at_message" and "after_ms" is expected/ ],
    [ 'two times', "[{ \"number\": \"1\", \"after_ms\": 1, \"at_message\": 1,"
      . '"do": {} }]', qr/line 1: one of "at_message"/ ],
    [ 'nothing to do', '[{ "number": "1", "after_ms": 1 }]',
      qr/line 1: "do": an object of settings is expected/ ],
    [ 'a wrong time', "[\n{ \"number\": \"1\",\n\"after_ms\": \"x\" }]",
      qr/line 3: "after_ms": an integer/ ],
    [ 'a wrong setting, in the second step',
      "[\n{ \"number\": \"1\", \"after_ms\": 1, \"do\": { \"hold\": true } },\n"
      . "{ \"number\": \"1\",\n\"after_ms\": 1,\n\"do\": {\n\"hold\": 7 } } ]",
      qr/line 6: "hold": true or false is expected/ ],
    [ 'an unknown member', "[{ \"number\": \"1\",\n \"when\": 1 }]",
      qr/line 2: "when": "number" \(a string\)/ ])
{
    my ($what, $text, $like) = @$wrong;

    spew("$t->{dir}/script.json", $text);
    my ($rc, $said) = $t->nginx_test;
    isnt($rc, 0, "wrong: $what");
    like($said, $like, 'with its line and what was expected');
    like($said, qr/nginx\.conf:\d+/, 'and where it is named');
}

unlink "$t->{dir}/script.json";
my ($rc, $said) = $t->nginx_test;
isnt($rc, 0, 'wrong: no such file');
like($said, qr/script\.json" of herald_sandbox_script cannot be opened/, 'is named');
$t->expect_log(qr/\[emerg\]/);


# ── a script from a file ────────────────────────────────────────────────────

sub codes {
    my ($n, $count) = @_;

    return join ' ', map {
        my $r = $t->sandbox_send($n, '254700000001');
        $r->{json}{error} ? $r->{json}{error}{code} : $r->{status};
    } 1 .. $count;
}

spew("$t->{dir}/script.json", encode_json([
    { number => '1001', at_message => 3, do => {
        failures => [ { code => 131000, rate => 1 } ] } },
    { number => '1002', at_message => 2, do => { faults => [
        { kind => 'http', status => 503, next => 2 } ] } },
    { number => '1002', at_message => 4,
      event => { field => 'phone_number_quality_update', event => 'FLAGGED',
                 quality => 'RED' } },
    { number => '1003', after_ms => 300, do => { token => 'other' } },
    { number => '1004', at_message => 1,
      inbound => { from => '254700000001', text => 'hi' } },
]));

$t->start;
$t->sandbox_number($_) for 1001 .. 1004;

is(codes(1001, 5), '200 200 200 131000 131000', 'after the third message');
is(codes(1002, 6), '200 200 503 503 200 200', 'faults of the script count');
is($t->sandbox_get(1002)->{quality_rating}, 'RED', 'an event of the script');
ok(wait_until { grep {
    $_->{json}{entry}[0]{changes}[0]{field} eq 'phone_number_quality_update'
} $t->webhooks } 5, 'which is posted');

my $s = $t->get('/sandbox/_control/script')->{json};
is(join(' ', map { $_ ? 1 : 0 } @{ $s->{done} }), '1 1 1 0 0', 'what is done');
sleep 0.4;
is(codes(1003, 1), 200, 'the time begins with the first message');
ok(wait_until { codes(1003, 1) eq '190' } 5, 'and then it is over');

$t->sandbox_set(1004, window => 'sync');
is(codes(1004, 1), 131047, 'the window is closed');
$t->sandbox_send(1004, '254700000001', template => 'x');
is(codes(1004, 1), 200, 'an inbound message of the script opens it');

ok($t->reload, 'a reload');
is(codes(1001, 1), 131000, 'keeps what the script did');
is(join(' ', map { $_ ? 1 : 0 }
   @{ $t->get('/sandbox/_control/script')->{json}{done} }), '1 1 1 1 1',
   'and what is done');

spew("$t->{dir}/script.json", encode_json([
    { number => '1001', at_message => 1, do => { failures => [] } } ]));
ok($t->reload, 'a reload with another script');
is(codes(1001, 2), '131000 200', 'which begins');


# ── by the control API ──────────────────────────────────────────────────────

my $r = $t->request('PUT', '/sandbox/_control/script', content => "[\n{}]");
is($r->{status}, 400, 'a wrong script is refused');
like($r->{json}{error}, qr/^line 2: "number"/, 'with its line');

$t->sandbox_command('script', undef, [
    { number => '1002', after_ms => 0, do => { token => 'new' } },
    { number => '1002', after_ms => 400, do => { token => 'newer' } },
    { number => 'none', after_ms => 0, do => { token => 'x' } } ],
    method => 'PUT');
ok(wait_until { $t->sandbox_get(1002)->{token} eq 'new' } 5, 'at once');
ok(wait_until { $t->sandbox_get(1002)->{token} eq 'newer' } 5, 'and later');
$r = $t->request('DELETE', '/sandbox/_control/script');
is($r->{status}, 200, 'it can be removed');
is($t->get('/sandbox/_control/script')->{json}{steps}, 0, 'and is gone');


# ── the oracle ──────────────────────────────────────────────────────────────

my $clock = $t->get('/sandbox/_control/clock')->{json}{mono_us};
$t->sandbox_number('2001');
$t->sandbox_number('2002', portfolio => 'Q');
$t->sandbox_send(2001, "25471000000$_", reference => "r\"$_") for 0 .. 9;
$t->sandbox_send(2001, '254710000003', reference => 'r"3');
$t->sandbox_send(2002, '254710000003', reference => 'r"3');
$t->sandbox_send(2002, '254710000004', reference => 'other');
$t->sandbox_send(2002, 'nobody', reference => 'other');
$t->sandbox_set(2001, faults => [ { kind => 'reset', taken => $true } ]);
$t->sandbox_send(2001, '254710000003', reference => 'lost');

my $o = $t->sandbox_oracle(since_us => $clock);
is($o->{count}, 14, 'all that was taken');
is($o->{reset}, 1, 'the one whose answer was lost with it');
is($o->{rejected}, 1, 'and what was refused');
is_deeply($o->{duplicates}, [ { times => 3, reference => 'r"3' } ], 'duplicates');
is($o->{duplicate_references}, 1, 'and how many');
is($o->{max_pair}, 3, 'the fullest pair');
is_deeply([ map { "$_->{portfolio} $_->{unique_24h}" } @{ $o->{portfolios} } ],
          [ '2001 10', 'Q 2' ], 'recipients by portfolio');

$o = $t->sandbox_oracle(number => '2002', since_us => $clock);
is("$o->{count} $o->{rejected}", '2 1', 'of one number');
is(scalar @{ $o->{numbers} }, 1, 'alone');
is($t->get('/sandbox/oracle?number=2002')->{json}{count}, 2, 'under its other path');
is($t->sandbox_oracle(since_us => $clock + 60e6)->{lines}, 0, 'since later on');

# what was counted in messages must be what is counted in lines of our own: 120,000
# of two numbers, one every 100 µs, every sixth again to the same recipient
my $dir = "$t->{dir}/ledger";
my ($first, $lines) = (int($clock) + 100e6, '');

for my $i (0 .. 119_999) {
    my $n = $i % 2 ? 4001 : 4002;
    my $to = $i % 6 ? 254720000000 + $i : 254720000000;

    # one that comes early
    my $at = $first + $i * 100 - ($i == 50_001 ? 199 : 0);

    $lines .= qq({"at":1,"mono_us":$at,"phone_number_id":"$n","to":"$to",)
        . qq("type":"text","reference":"x$i","wamid":"w","outcome":"accepted",)
        . qq("code":0,"category":"marketing","in_window":)
        . ($i % 3 ? 'false' : 'true') . qq(,"text":"hello"}\n);
}

open my $f, '>>', "$dir/sandbox.jsonl" or die "ledger: $!\n";
print {$f} $lines;
close $f;

my $began = time;
$o = $t->sandbox_oracle(since_us => $first - 1000, window_ms => 1000, pair_ms => 60);
diag(sprintf '%d lines in %.3f s', $o->{lines}, time - $began);

is($o->{count}, 120_000, 'every line');
is($o->{max_window}, 5001,
   'the fullest second of a number: 5,000, and the one that came early');
is($o->{max_pair}, 100, 'the fullest 60 ms of a pair: 600 messages, every sixth');
is($o->{duplicate_references}, 0, 'none twice');
is((grep { $_->{portfolio} eq '4001' } @{ $o->{portfolios} })[0]{unique_24h}, 40_000,
   'recipients outside the window');
$o = $t->sandbox_oracle(since_us => $first - 1000, window_ms => 1);
is($o->{max_window}, 6, 'its window of a millisecond holds one more, too');

# a worker that reckons answers others meanwhile
my $one = $t->raw;
syswrite $one, "GET /sandbox/oracle HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
my ($asked, $most) = (0, 0);

while (!IO::Select->new($one)->can_read(0) && $asked < 1000) {
    my $start = time;
    $t->get('/sandbox/_control/clock');
    $most = time - $start if time - $start > $most;
    $asked++;
}

cmp_ok($asked, '>', 1, 'meanwhile others are answered');
diag(sprintf '%d answers meanwhile, the slowest %.1f ms', $asked, $most * 1e3);
sysread $one, my $answer, 1 << 20;
like($answer, qr/^HTTP\/1.1 200/, 'and it ends well');

# a client that leaves
$one = $t->raw;
syswrite $one, "GET /sandbox/oracle HTTP/1.1\r\nHost: h\r\n\r\n";
close $one;
is($t->sandbox_oracle(number => '2002', since_us => $clock)->{count}, 2,
   'a client that leaves does no harm');

$t->done;
