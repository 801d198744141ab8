#!/usr/bin/perl

# Broadcasts: from the audience to the last tick.  Scheduled, paused, resumed,
# cancelled; who is skipped, who fails, who is tried again; and at every look
# the parts make the whole.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Herald::Test->new;
my $o = $t->org;
my $fast = { sent => 1, delivered => 1, read => 1 };
my $a = $t->sandbox_account(magic => JSON::PP::true(), reply_rate => 0,
    latency_ms => $fast, delivered_rate => 1, read_rate => 1);

my $tpl = $t->api('POST', '/templates', { name => 'hello', language => 'en',
    category => 'marketing', body => 'Hi {{first_name|there}}!' })->{json};

my $stream = $t->stream;
is($stream->status, 200, 'the stream is open');

my $whole = 0;
my $broken = '';


# contacts +25470…, tagged; `ends` are the last four digits of the first ones
my $next = 0;

sub people {
    my ($n, $tag, @ends) = @_;
    my $csv = "first_name,phone\n";

    for my $i (0 .. $n - 1) {
        $csv .= sprintf("P%d,+2547%04d%04d\n", $i, ++$next,
                        $i < @ends ? $ends[$i] : 1000 + $i % 9000);
    }

    my $r = $t->api('POST', "/contacts/import?tags=$tag", $csv,
                    headers => { 'content-type' => 'text/csv' });
    is($r->{json}{created}, $n, "$n contacts: $tag")
        or diag("$r->{status} $r->{content}");
}

sub broadcast {
    my ($tag, %o) = @_;
    my $r = $t->api('POST', '/broadcasts', { name => "To $tag",
        account_id => $a->{id}, template_id => $tpl->{id},
        audience => { tag => $tag }, %o });

    is($r->{status}, 201, "a broadcast to $tag")
        or die "broadcast: $r->{status} $r->{content}\n";
    return $r->{json}{id};
}

# the broadcast as the API sees it; whether its parts make the whole is noted
sub look {
    my ($id) = @_;
    my $b = $t->api('GET', "/broadcasts/$id")->{json};
    my $c = $b->{counters};
    my $sum = 0;

    $sum += $c->{$_} for qw(queued sent failed skipped unknown);
    $whole++;

    if ($sum != $c->{audience} || grep { $c->{$_} < 0 } keys %$c) {
        $broken .= encode_json($c) . "\n";
    }

    return $b;
}

sub until_status {
    my ($id, $status, $limit) = @_;

    wait_until { look($id)->{status} eq $status } $limit // 30
        or diag("not $status: " . encode_json(look($id)));
    return look($id);
}

sub move {
    my ($id, $how) = @_;

    return $t->api('POST', "/broadcasts/$id/$how")->{status};
}

# how often the provider took each row of a broadcast
sub taken {
    my ($id) = @_;
    my %n;

    # a reference is the broadcast's id and the row's number in base64
    $id =~ tr/-//d;

    for my $l ($t->ledger) {
        next if $l->{outcome} eq 'rejected';
        (my $bytes = substr $l->{reference}, 3) =~ tr{-_}{+/};
        $n{ $l->{reference} }++
            if unpack('H32', decode_base64($bytes)) eq $id;
    }

    return \%n;
}

sub open_rows {
    my ($id) = @_;

    return $t->sql("select count(*) from deliveries where batch_id = '$id'
        and state in ('queued', 'sending')");
}


# all of an audience, as fast as it goes

people(300, 'many');
my $id = broadcast('many');
my $b = until_status($id, 'completed');
is($b->{counters}{audience}, 300, 'the audience');
is($b->{counters}{sent}, 300, 'all are sent');
ok($b->{started_at} && $b->{finished_at}, 'with a beginning and an end');
is(open_rows($id), 0, 'nothing is open');

wait_until { look($id)->{counters}{read} == 300 } 15, 'all are read';
is(look($id)->{counters}{read}, 300, 'the ticks came');

my $n = taken($id);
is(scalar keys %$n, 300, '300 references at the provider');
is((grep { $_ > 1 } values %$n), 0, 'none of them twice');
is($t->sql("select count(*) from agenda where ref_id = '$id'"), 0,
   'its line in the agenda is gone');

wait_until {
    grep { ($_->{event} // '') eq 'broadcast.progress'
           && $_->{json}{id} eq $id && $_->{json}{counters}{read} == 300 }
        $stream->events
} 5, 'the last progress';
my @p = grep { ($_->{event} // '') eq 'broadcast.progress'
               && $_->{json}{id} eq $id } $stream->events;
is($p[-1]{json}{status}, 'completed', 'progress ends with completed');
is($p[-1]{json}{counters}{read}, 300, 'and with the last numbers');
my %told = %{ $p[-1]{json}{counters} };
my $said = look($id)->{counters};
is_deeply({ map { $_ => $told{$_} } keys %$said }, $said,
          'which are those of the API');


# nobody

$id = broadcast('nobody');
$b = until_status($id, 'completed');
is($b->{counters}{audience}, 0, 'an empty audience is completed');


# who is skipped, who fails, who is tried again

people(20, 'odd', '0001', '0002', '0006');
$t->sql("update contacts set marketing_opt_out = true where first_name = 'P10'
         and 'odd' = any(tags)");
$id = broadcast('odd');
$b = until_status($id, 'completed', 40);
wait_until { look($id)->{counters}{failed} == 1
             && look($id)->{counters}{unknown} == 0 } 15, 'the statuses';
my $c = look($id)->{counters};
is($c->{failed}, 1, 'one failed by a status');
is($c->{skipped}, 1, 'one had opted out');
is($c->{sent}, 18, 'the throttled one and the unknown one are sent');
$n = taken($id);
is((grep { $_ > 1 } values %$n), 0, 'nobody was sent to twice');
is($t->sql("select reason from deliveries where batch_id = '$id'
            and state = 'skipped'"), 'opted_out', 'the reason is kept');


# held back for a day: the broadcast is not completed before that

people(3, 'capped', '0003');
$id = broadcast('capped');
wait_until { look($id)->{counters}{sent} == 2 } 15, 'the others';
sleep 1;
$b = look($id);
is($b->{status}, 'sending', 'one is tried again much later');
is($b->{counters}{queued}, 1, 'until then it is queued');
is(move($id, 'cancel'), 200, 'not for this test');
wait_until { look($id)->{finished_at} } 15, 'the end of it';
is(look($id)->{counters}{skipped}, 1, 'what waited is skipped');


# later

people(10, 'later');
my $at = time + 2;
my @g = gmtime int $at + 1;
$id = broadcast('later', send_at => sprintf('%04d-%02d-%02dT%02d:%02d:%02dZ',
    $g[5] + 1900, $g[4] + 1, @g[3, 2, 1, 0]));
is(look($id)->{status}, 'scheduled', 'it waits');
is(move($id, 'pause'), 200, 'paused while it waits');
is(look($id)->{status}, 'paused', 'is paused');
is(move($id, 'resume'), 200, 'resumed');
is(look($id)->{status}, 'scheduled', 'waits again');
$b = until_status($id, 'completed');
is($b->{counters}{sent}, 10, 'sent when it was time');
my ($early) = $t->sql("select started_at >= send_at from broadcasts
                       where id = '$id'");
is($early, 't', 'and not before');


# paused in the middle

people(200, 'slow');
my $fine = $a;
$a = $t->sandbox_account(latency_ms => $fast, reply_rate => 0,
                         account => { rate_limit => 50 });

$id = broadcast('slow');
wait_until { look($id)->{counters}{sent} > 20 } 15, 'it is on its way';
is(move($id, 'pause'), 200, 'paused');

# what was on the wire may still come in
my $then = 0;
wait_until {
    my $now = look($id)->{counters}{sent};
    my $same = $now == $then;
    $then = $now;
    sleep 0.3 if !$same;
    $same;
} 5;
my $lines = () = $t->ledger;
sleep 0.7;
is(scalar(() = $t->ledger), $lines, 'nothing goes while it is paused');
is(look($id)->{status}, 'paused', 'it is paused');
ok($then < 150, "in the middle ($then)");
is($t->sql("select count(*) from deliveries where batch_id = '$id'
            and state = 'sending'"), 0, 'the workers gave back their rows');
is(move($id, 'pause'), 409, 'it cannot be paused twice');

is(move($id, 'resume'), 200, 'resumed');
$b = until_status($id, 'completed');
is($b->{counters}{sent}, 200, 'all are sent');
$n = taken($id);
is((grep { $_ > 1 } values %$n), 0, 'none of them twice');


# cancelled in the middle

people(200, 'doomed');
$id = broadcast('doomed');
wait_until { look($id)->{counters}{sent} > 10 } 15, 'it is on its way';
is(move($id, 'cancel'), 200, 'cancelled');
wait_until { look($id)->{finished_at} } 15, 'the end of the cancelled one';
$b = look($id);
is($b->{status}, 'cancelled', 'it stays cancelled');
is($b->{counters}{queued}, 0, 'nothing is queued');
cmp_ok($b->{counters}{skipped}, '>', 100, 'the rest is skipped');
is(open_rows($id), 0, 'nothing is open');
is($t->sql("select count(*) from agenda where ref_id = '$id'"), 0,
   'its line in the agenda is gone');
is(move($id, 'resume'), 409, 'it cannot be resumed');

# before it has begun

$id = broadcast('doomed', send_at => '2099-01-01T00:00:00Z');
is(move($id, 'cancel'), 200, 'cancelled before it has begun');
wait_until { look($id)->{finished_at} } 15, 'the end of one that never began';
is(look($id)->{counters}{audience}, 0, 'it never had an audience');


# two at once, one number: both go on

$id = broadcast('slow');
my $other = broadcast('doomed');
my @then;
wait_until { @then = map { look($_)->{counters}{sent} } $id, $other;
             $then[0] > 5 && $then[1] > 5 } 20, 'both move';
my ($x, $y);
wait_until { ($x, $y) = map { look($_)->{counters}{sent} } $id, $other;
             $x - $then[0] + $y - $then[1] > 60 } 20, 'both go on';
# from when both had begun, whoever was first
$x -= $then[0];
$y -= $then[1];
ok(abs($x - $y) < 40, "neither starves: $x and $y");
is(move($_, 'cancel'), 200, 'enough') for $id, $other;
wait_until { look($_)->{finished_at} } 15, 'the end' for $id, $other;


is($broken, '', "at each of $whole looks the parts made the whole");

$t->done;
