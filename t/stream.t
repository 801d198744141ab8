#!/usr/bin/perl

# Event streams: what is published reaches those of its organisation on every worker,
# once and in order; a client that was away gets what it missed or is told to start
# anew; a client that does not read, and one too many, are turned away.

use strict;
use warnings;
use lib 't/lib';

use Herald::Test;
use JSON::PP;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $t = Herald::Test->new(zone => '8m');
my $n = 0;
my $org = $t->org;
my $other = $t->org;
my $ours = account($org);
my $theirs = account($other);


sub account {
    my ($who) = @_;
    my %a = (name => 'Number ' . ++$n, provider => 'cloud_api',
             phone => sprintf('+1555030%04d', $n),
             number_id => "30000000000$n", token => 'token',
             app_secret => "secret $n", verify_token => "verify-$n");
    my $r = $t->api('POST', '/accounts', \%a, token => $who->{key});

    die "account: $r->{status} $r->{content}\n" if $r->{status} != 201;
    return { %a, %{ $r->{json} } };
}

# customers write: one webhook with these texts
sub says {
    my ($account, @texts) = @_;

    my $r = $t->webhook($account, { object => 'whatsapp_business_account',
        entry => [ { changes => [ { field => 'messages', value => {
            metadata => { phone_number_id => $account->{number_id} },
            messages => [ map { { id => 'wamid.' . ++$n, from => '254700000001',
                type => 'text', timestamp => time . '',
                text => { body => $_ } } } @texts ] } } ] } ] });

    die "webhook: $r->{status}\n" if $r->{status} != 200;
}

sub open_stream {
    my ($who, %o) = @_;
    my $s = $t->stream(token => $who->{key}, %o);

    $s->status // die "no answer\n";
    return $s;
}

# texts of the messages that a stream has told of
sub texts {
    my ($s) = @_;

    return join ' ', map { $_->{json}{text} }
        grep { ($_->{event} // '') eq 'message.created' } $s->events;
}

sub texts_within {
    my ($s, $wanted, $name) = @_;

    wait_until { texts($s) eq $wanted } 5;
    is(texts($s), $wanted, $name);
}

sub last_id {
    my ($s) = @_;

    return (grep { defined } map { $_->{id} } $s->events)[-1];
}

sub streams {
    my ($m) = $t->get('/metrics')->{content} =~ /^herald_streams (\d+)/m;

    return $m;
}


my $silent = open_stream($other);


# ── what the answer looks like ──────────────────────────────────────────────

{
    my $s = open_stream($org);

    wait_until { $s->events } 5;
    is($s->status, 200, 'a stream');
    like($s->{bytes}, qr{^Content-Type: text/event-stream\r$}mi, 'its type');
    like($s->{bytes}, qr{^Cache-Control: no-store\r$}mi, 'is not kept');
    like($s->{bytes}, qr{^X-Accel-Buffering: no\r$}mi, 'nor held back');
    is(($s->events)[0]{retry}, 2000, 'how soon to come back');
    like(($s->events)[0]{id}, qr/^[1-9]\d*$/, 'an id before the first event');

    says($ours, 'one');
    texts_within($s, 'one', 'an event');

    my ($e) = grep { ($_->{event} // '') eq 'message.created' } $s->events;
    my $m = $t->api('GET', "/messages/$e->{json}{id}", undef,
                    token => $org->{key});

    is($m->{status}, 200, 'the message is there');
    is_deeply($e->{json}, $m->{json}, 'and the event is the same');
    is($t->stream(token => 'nobody')->status, 401, 'without a credential');

    my $r = $t->request('HEAD', '/api/v1/events', token => $org->{key});
    like($r->{status}, qr/^(200|405)$/, 'HEAD ends');
    $s->close;
    ok(wait_until(sub { streams() == 1 }, 5), 'a client that left is noticed');
}


# ── on every worker, once, in order, and nobody else's ──────────────────────

{
    my @here = map { open_stream($org) } 1 .. 12;
    my @there = map { open_stream($other) } 1 .. 3;

    is(streams(), 16, 'streams are counted');

    says($ours, map { "a$_" } 1 .. 20);
    says($theirs, 'theirs');
    says($ours, "a$_") for 21 .. 40;

    texts_within($_, join(' ', map { "a$_" } 1 .. 40), 'all, in order')
        for @here;
    texts_within($_, 'theirs', 'only their own') for @there;

    my @ids = map { join ' ', map { $_->{id} // () } $_->events } @here;
    my %same = map { s/^\S+ //r => 1 } @ids;

    is(scalar keys %same, 1, 'the same ids on all');
    is_deeply([ split ' ', $ids[0] ], [ sort { $a <=> $b } split ' ', $ids[0] ],
              'rising');
}


# ── coming back ─────────────────────────────────────────────────────────────

my $mark;

{
    my $s = open_stream($org);

    says($ours, 'seen');
    texts_within($s, 'seen', 'before');
    $mark = last_id($s);
    $s->close;

    says($ours, 'missed1', 'missed2');
    says($theirs, 'theirs');

    my $again = open_stream($org, last => $mark);

    texts_within($again, 'missed1 missed2', 'what was missed');
    says($ours, 'new');
    texts_within($again, 'missed1 missed2 new', 'and what is new');

    # the same in the address, for clients that cannot send the header
    my $r = $t->raw_exchange("GET /api/v1/events?last_event_id=$mark HTTP/1.0"
        . "\r\nAuthorization: Bearer $org->{key}\r\n\r\n", 1);
    is(join(' ', $r =~ /"text":"(\w+)"/g), 'missed1 missed2 new',
       'by the address as well');

    my $early = open_stream($org);
    my $id = last_id($early);

    $early->close;
    says($ours, 'early');
    texts_within(open_stream($org, last => $id), 'early',
                 'a client that left before its first event');
}

for my $id (1, 0, 'x', '18446744073709551615', $mark + 1000000, '') {
    my $s = open_stream($org, last => $id);

    if ($id eq '') {
        is((grep { ($_->{event} // '') eq 'reset' } $s->events), 0, 'no id');
        next;
    }

    wait_until { grep { $_->{event} } $s->events } 5;
    is(join(' ', map { $_->{event} // () } $s->events), 'reset',
       "an id of another life: $id");
    is((grep { $_->{event} } $s->events)[0]{data}, '{}', 'says nothing more');

    says($ours, "after$id");
    texts_within($s, "after$id", 'and goes on');
}


# ── silence ─────────────────────────────────────────────────────────────────

{
    my $s = open_stream($other);
    my $from = time;

    ok(wait_until(sub { $s->events; $s->{bytes} =~ /^:\n\n/m }, 20),
       'a comment shows that the stream lives');
    cmp_ok(abs(time - $from - 15), '<', 3, 'every 15 seconds');
    $silent->close;
}


# ── a worker dies, the configuration is read again ──────────────────────────

{
    my @s = map { open_stream($org) } 1 .. 8;

    says($ours, 'before');
    texts_within($_, 'before', 'before the reload') for @s;

    my $id = last_id($s[0]);

    ok($t->reload, 'old workers end although streams were open');
    ok(wait_until(sub { !grep { $_->events; $_->{open} } @s }, 5),
       'all streams were ended');
    like($s[0]{bytes}, qr/\r\n0\r\n\r\n$/, 'properly');

    says($ours, 'after');
    texts_within(open_stream($org, last => $id), 'after', 'nothing is lost');

    $t->kill_process(($t->worker_pids)[0]);
    wait_until { 2 == (() = $t->worker_pids) } 10, 'a new worker';
    says($ours, 'killed');
    texts_within(open_stream($org, last => $id), 'after killed',
                 'nor by a worker that is killed');
}


# ── who may not stay ────────────────────────────────────────────────────────

{
    my $key = $t->api_key($org);
    my $s = open_stream({ key => $key });
    my ($k) = grep { $key =~ /^\Q$_->{prefix}\E/ }
        $t->api_all('/api-keys', token => $org->{key});

    is($t->api('DELETE', "/api-keys/$k->{id}", undef, token => $org->{key}
       )->{status}, 204, 'its key is deleted');
    ok(wait_until(sub { $s->events; !$s->{open} }, 5), 'the stream ends');
    is($t->stream(token => $key)->status, 401, 'and cannot come back');
}

{
    # more than 200 on one of two workers: at most 400 in all
    my (@s, %status);

    for (1 .. 420) {
        push @s, $t->stream(token => $org->{key});
    }

    $status{ $_->status // 'none' }++ for @s;

    cmp_ok($status{429} // 0, '>=', 20, 'too many streams of one organisation');
    is(($status{200} // 0) + ($status{429} // 0), 420, 'the rest are served');
    is(open_stream($other)->status, 200, 'another organisation is not concerned');

    my ($refused) = grep { $_->status == 429 } @s;
    like($refused->{bytes}, qr/^Retry-After: \d+\r$/m, 'when to try again');
    like($refused->{bytes}, qr/"code":"too_many_streams"/, 'and why');
}


# ── a client that does not read ─────────────────────────────────────────────

{
    wait_until { streams() == 0 } 10, 'all have left';

    my $s = $t->raw;

    setsockopt($s, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 4096);
    syswrite $s, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $other->{key}\r\n\r\n";
    wait_until { streams() == 1 } 5, 'the slow one';

    my $text = 'x' x 1900;
    my $sent = 0;

    # what the kernel's buffers hold, and 256 kB of ours
    while ($sent < 6000 && streams()) {
        says($theirs, ($text) x 200);
        $sent += 200;
    }

    ok(wait_until(sub { streams() == 0 }, 5),
       "is closed after $sent unread events");
    ok($t->logged(qr/an event stream was closed: \d+ bytes wait/), 'and logged');
}


# ── the ring goes round ─────────────────────────────────────────────────────

{
    my $s = open_stream($org, last => $mark);

    wait_until { grep { $_->{event} } $s->events } 5;
    is(join(' ', map { $_->{event} // () } $s->events), 'reset',
       'what was overwritten cannot be told');
}

$t->done;
