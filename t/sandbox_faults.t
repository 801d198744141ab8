#!/usr/bin/perl

# What goes wrong at the sandbox because it was told to: outages, resets, hangs, answers
# that are none; and statuses that are late, doubled, out of order, of other messages.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my ($true, $false) = (JSON::PP::true(), JSON::PP::false());
my $t = Herald::Test->sandbox_alone(workers => 2);
my $numbers = 0;
my $n;

sub number {
    my (%o) = @_;
    my $id = sprintf '1000000000%05d', ++$numbers;

    $t->sandbox_number($id, %o);
    return $id;
}

sub faults {
    $t->sandbox_set($n, faults => [ @_ ]);
}

my $to = 254700000000;

sub to_send {
    my $this = $to++;

    return $t->sandbox_send($n, $this, reference => "r$this", @_);
}

# the ledger's lines of the last message
sub lines {
    return $t->ledger(phone_number_id => $n, to => $to - 1);
}

# the same message over a socket of our own: all that comes within `limit` seconds,
# 'reset' when it was reset, 'closed' when it was closed without a byte
sub raw_send {
    my ($limit) = @_;
    my $body = encode_json({ messaging_product => 'whatsapp', to => "" . $to++,
                             text => { body => 'raw' } });
    my $s = $t->raw;

    syswrite $s, "POST /sandbox/v23.0/$n/messages HTTP/1.1\r\nHost: h\r\n"
        . "Authorization: Bearer token\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";

    my ($got, $until) = ('', time + $limit);

    while ((my $left = $until - time) > 0) {
        IO::Select->new($s)->can_read($left) or last;
        my $r = sysread($s, $got, 1 << 20, length $got);
        return 'reset' if !defined $r;
        return length $got ? $got : 'closed' if !$r;
        return $got if $got =~ /\r\n\r\n.*\}\s*$/s;
    }

    return length $got ? $got : 'nothing';
}

sub body_of {
    my ($got) = @_;

    return $got =~ /\r\n\r\n(.*)$/s ? $1 : '';
}


# ── the next n, a share, for a time ─────────────────────────────────────────

$n = number();
faults({ kind => 'http', status => 500, next => 3 });
is(join(' ', map { to_send()->{status} } 1 .. 5), '500 500 500 200 200',
   'the next three');
is($t->sandbox_get($n)->{counters}{faults}, 3, 'are counted');
is(scalar($t->ledger(phone_number_id => $n)), 2, 'and were not taken');

$t->sandbox_set($n, read_rate => 0);
is(to_send()->{status}, 200, 'another setting does not begin them again');
faults({ kind => 'http', status => 502, next => 1 },
       { kind => 'http', status => 503, next => 1 });
is(join(' ', map { to_send()->{status} } 1 .. 3), '502 503 200', 'one after another');

faults({ kind => 'http', status => 503, rate => 0.5 });
my @s = map { to_send()->{status} } 1 .. 60;
my $hit = grep { $_ == 503 } @s;
ok($hit > 5 && $hit < 55, "a share of about a half ($hit of 60)");

faults({ kind => 'http', for_ms => 700 });
is(to_send()->{status}, 503, 'an outage');
is($t->get("/sandbox/v23.0/$n", token => 'token')->{status}, 503,
   'of all that the number answers');
ok(wait_until { to_send()->{status} == 200 } 5, 'that ends by itself');

faults({ kind => 'http', status => 429, retry_after => 7 });
my $r = to_send();
is($r->{status}, 429, 'HTTP 429');
is($r->{headers}{'retry-after'}, 7, 'with Retry-After');
unlike($r->{content}, qr/error/, 'and no code');

faults({ kind => 'http', status => 500, taken => $true });
is(to_send()->{status}, 500, 'an error');
is((lines())[0]{outcome}, 'accepted', 'and yet it was taken');
is((lines())[0]{fault}, 'http', 'as the ledger says');


# ── connections ─────────────────────────────────────────────────────────────

faults({ kind => 'drop' });
is(raw_send(5), 'closed', 'dropped');
is(scalar(lines()), 0, 'not taken');
faults({ kind => 'drop', taken => $true });
is(raw_send(5), 'closed', 'dropped');
is(scalar(lines()), 1, 'and taken');

faults({ kind => 'reset_early' });
is(raw_send(5), 'reset', 'reset before the body');
is(scalar(lines()), 0, 'not taken');
faults({ kind => 'reset' });
is(raw_send(5), 'reset', 'reset after the body');
is(scalar(lines()), 0, 'not taken');
faults({ kind => 'reset', taken => $true });
is(raw_send(5), 'reset', 'reset after the body');
is((lines())[0]{outcome}, 'reset', 'and taken');

faults({ kind => 'hang' });
is(raw_send(0.3), 'nothing', 'hanging');
is(scalar(lines()), 0, 'not taken');
faults({ kind => 'hang', taken => $true });
is(raw_send(0.3), 'nothing', 'hanging');
is(scalar(lines()), 1, 'and taken');

# a head that is sent and a body that never comes is the client's fault: reset_early
# does not wait for it
faults({ kind => 'reset_early' });
my $s = $t->raw;
syswrite $s, "POST /sandbox/v23.0/$n/messages HTTP/1.1\r\nHost: h\r\n"
    . "Authorization: Bearer token\r\nContent-Length: 100\r\n\r\n";
ok(IO::Select->new($s)->can_read(5), 'before the body means before it');


# ── answers ─────────────────────────────────────────────────────────────────

faults({ kind => 'trickle', bytes => 200 });
my $began = time;
my $got = raw_send(20);
my $took = time - $began;
like($got, qr/"messages"/, 'a trickle arrives in the end');
cmp_ok($took, '>', 1, 'after its time');
is(scalar(lines()), 1, 'taken');

faults({ kind => 'trickle' });
$got = raw_send(2.5);
cmp_ok(length $got, '<', 10, 'a byte a second is what it says');
cmp_ok(length $got, '>', 0, 'and not nothing');

faults({ kind => 'text' });
$r = to_send();
is("$r->{status} $r->{headers}{'content-type'}", '200 text/html', 'no JSON');
is((lines())[0]{fault}, 'text', 'taken');

faults({ kind => 'text', taken => $false });
to_send();
is(scalar(lines()), 0, 'or not');

faults({ kind => 'truncated' });
$r = to_send();
is($r->{status}, 200, 'half an answer');
ok(!$r->{json} && $r->{content} =~ /^\{"messaging_product"/, 'is no JSON');
is((lines())[0]{fault}, 'truncated', 'taken');

faults({ kind => 'huge', bytes => 5_000_000 });
$r = to_send();
cmp_ok(length $r->{content}, '>', 5_000_000, 'a huge answer');
ok($r->{json}{messages}[0]{id}, 'with the true one at its end');

faults({ kind => 'huge' });
$s = $t->raw;
my $body = encode_json({ messaging_product => 'whatsapp', to => "" . $to++,
                         text => { body => 'raw' } });
syswrite $s, "POST /sandbox/v23.0/$n/messages HTTP/1.1\r\nHost: h\r\n"
    . "Authorization: Bearer token\r\nContent-Length: " . length($body)
    . "\r\n\r\n$body";
my ($total, $chunk) = (0, '');
while ($total < 30_000_000 && sysread $s, $chunk, 1 << 20) {
    $total += length $chunk;
}
cmp_ok($total, '>=', 30_000_000, 'of 100 MB when nothing is said');
close $s;
ok($t->sandbox_get($n), 'a client that leaves in the middle does no harm');

faults();
is(to_send()->{status}, 200, 'without faults all is well');

# latency
$t->sandbox_set($n, latency_ms => { answer => { min => 200, max => 400 } });
$began = time;
to_send();
cmp_ok(time - $began, '>=', 0.19, 'a slow answer');
$t->sandbox_set($n, latency_ms => { answer => 0 });


# ── statuses ────────────────────────────────────────────────────────────────

# statuses of what was answered, once there are `n`
sub life {
    my ($r, $n) = @_;
    my $id = $r->{json}{messages}[0]{id};
    my @s;

    wait_until { (@s = $t->statuses($id)) >= $n } 5, "$n statuses of $id";

    return join ' ', map { $_->{code} ? "failed $_->{code}" : $_->{status} } @s;
}

sub settled {
    my ($n) = @_;

    wait_until { $t->sandbox_get($n)->{counters}{webhooks_pending} == 0 } 10,
        'all is said';
}

$n = number(duplicates => 1, duplicate_times => 3);
$r = to_send();
is(join(' ', sort split / /, life($r, 8)), join(' ', ('delivered') x 4, ('sent') x 4),
   'a webhook and three copies');

$n = number(status_plan => [ { status => 'read', after_ms => 20 },
    { status => 'sent', after_ms => 60, times => 2 },
    { status => 'delivered', after_ms => 100 },
    { status => 'failed', code => 131026, after_ms => 140 } ]);
is(life(to_send(), 5), 'read sent sent delivered failed 131026',
   'a planned life, in its order');

$n = number(status_plan => [ { status => 'sent' },
                             { status => 'delivered', id => 'unknown' } ]);
my $before = () = $t->statuses;
$r = to_send();
settled($n);
my @all = $t->statuses;
splice @all, 0, $before;
is(join(' ', map { $_->{status} } @all), 'sent delivered', 'two statuses');
isnt($all[1]{id}, $all[0]{id}, 'one of no message at all');
is($all[1]{biz_opaque_callback_data}, undef, 'without a reference');

my $other = number();
$n = number(status_plan => [ { status => 'delivered', id => 'other' } ]);
$r = to_send();
life($r, 1);
($s) = $t->statuses($r->{json}{messages}[0]{id});
isnt($s->{number}, $n, 'a status that another number tells');

$n = number(late_failure_rate => 1);
is(life(to_send(), 3), 'sent delivered failed 131000',
   'fails after it was delivered');

$n = number(unknown_status_rate => 1, foreign_status_rate => 1);
$before = () = $t->statuses;
$r = to_send();
settled($n);

# one whose answer was slow comes again: each is counted once
ok(wait_until {
    @all = $t->statuses;
    splice @all, 0, $before;
    my %once = map { join(' ', @$_{qw(id number status)}) => $_ } @all;
    @all = values %once;
    @all == 4 } 20, 'four statuses');
my $id = $r->{json}{messages}[0]{id};
is(scalar(grep { $_->{id} ne $id } @all), 1, 'one of no message');
is(scalar(grep { $_->{id} eq $id && $_->{number} ne $n } @all), 1,
   'one by another number');

$n = number(latency_ms => { sent => 600, delivered => 1 });
$r = to_send();
is(scalar($t->statuses($r->{json}{messages}[0]{id})), 0, 'late');
is(life($r, 2), 'sent delivered', 'but they come');

# by command
$n = number(delivered_rate => 0);
$r = to_send();
$id = $r->{json}{messages}[0]{id};
life($r, 1);
$t->sandbox_command('statuses', $n, { statuses => [
    { id => $id, status => 'read', reference => "ref/\x{e9}" },
    { id => $id, status => 'failed', code => 131049, after_ms => 50 },
    { to => '254711111111', status => 'delivered', times => 2 } ] });
is(life($r, 3), 'sent read failed 131049', 'statuses that were asked for');
is(($t->statuses($id))[1]{biz_opaque_callback_data}, "ref/\x{e9}",
   'with a reference of ours');
ok(wait_until { 2 == grep { $_->{recipient_id} eq '254711111111' } $t->statuses } 5,
   'and of no message');

$t->sandbox_command('statuses', $other, { statuses => [
    { id => $id, status => 'delivered' } ] });
ok(wait_until { grep { $_->{number} eq $other } $t->statuses($id) } 5,
   'of another number\'s message');

for my $bad ({ statuses => 1 }, { statuses => [ { status => 'sent' } ] },
             { statuses => [ { status => 'x', to => '254700000001' } ] },
             { statuses => [ { status => 'sent', id => 'wamid.!!' } ] },
             { statuses => [ { status => 'sent', id => 'x' } ] })
{
    $r = $t->request('POST', "/sandbox/_control/numbers/$n/statuses",
                     content => encode_json($bad));
    is($r->{status}, 400, 'refused: ' . encode_json($bad));
}

$t->done;
