#!/usr/bin/perl

# Sending again what failed: by cause, never who was skipped, and who may have got it
# only when that is asked for.  The parts make the whole at every look.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $a = $t->sandbox_account(reply_rate => 0, delivered_rate => 1,
    read_rate => 1, latency_ms => { sent => 1, delivered => 2, read => 2 });

my $tpl = $t->api('POST', '/templates', { name => 'offer', language => 'en',
    category => 'utility', body => 'Offer' })->{json};

for my $n (1 .. 12) {
    $t->api('POST', '/contacts', { phone => sprintf('+2547123460%02d', $n),
                                   tags => ['all'] });
}

sub broadcast {
    my $r = $t->api('POST', '/broadcasts', { name => 'Offer',
        account_id => $a->{id}, template_id => $tpl->{id},
        audience => { tag => 'all' }, @_ });

    return $r->{json}{id} // die $r->{content};
}

sub get {
    my ($id) = @_;
    my $b = $t->api('GET', "/broadcasts/$id")->{json};
    my $c = $b->{counters};

    is($c->{sent} + $c->{failed} + $c->{skipped} + $c->{unknown}
       + $c->{queued}, $c->{audience}, 'the parts make the whole')
        if $c->{sent} + $c->{failed} + $c->{skipped} + $c->{unknown}
           + $c->{queued} != $c->{audience} || $c->{queued} < 0;

    return $b;
}

sub read_by {
    my ($id, $n) = @_;
    return wait_until { get($id)->{counters}{read} >= $n
                        && get($id)->{status} eq 'completed' } 20,
        "$n have read it";
}

# rows as they are after a bad day: seq => [state, code, reason]
sub spoil {
    my ($id, %rows) = @_;

    for my $seq (keys %rows) {
        my ($state, $code, $reason) = @{ $rows{$seq} };

        $code //= 'NULL';
        $reason = defined $reason ? "'$reason'" : 'NULL';
        $t->sql("UPDATE deliveries SET state = '$state', error_code = $code,
                     reason = $reason, read_at = NULL, delivered_at = NULL
                  WHERE batch_id = '$id' AND seq = $seq;
                 UPDATE broadcast_counters SET sent = sent - 1, read = read - 1,
                     delivered = delivered - 1, $state = $state + 1
                  WHERE (broadcast_id, stripe) = ('$id', (SELECT min(stripe)
                     FROM broadcast_counters WHERE broadcast_id = '$id'))");
    }
}

my $id = broadcast();
ok(read_by($id, 12), 'a broadcast went well');
spoil($id, 1 => ['failed', 131000, 'transient'], 2 => ['failed', 131000],
      3 => ['failed', 131026], 4 => ['failed', undef, 'address_forbidden'],
      5 => ['failed', 132000, 'payload'], 6 => ['skipped', undef, 'opted_out'],
      7 => ['unknown', undef, 'no_answer'], 8 => ['unknown', undef, 'restart'],
      9 => ['failed', 131049]);
get($id);


# by cause

my $r = $t->api('GET', "/broadcasts/$id/failures");
is($r->{status}, 200, 'failures') or diag($r->{content});
my %f = map { ($_->{code} // $_->{reason}) => $_ } @{ $r->{json}{data} };
is(join(' ', sort keys %f), '131000 131026 131049 132000 address_forbidden '
   . 'no_answer restart', 'each cause once');
is($f{131000}{count}, 2, 'with how many');
is($f{131000}{class}, 'transient', 'its class');
ok($f{131000}{may_resend}, 'what is worth it');
ok(!$f{131026}{may_resend}, 'and what is not');
like($f{131026}{fix}, qr/Check the number/, 'with the fix');
ok($f{address_forbidden}{may_resend}, 'a cause of our own');
ok(!$f{no_answer}{may_resend}, 'not by itself, who may have got it');
is($t->api('GET', '/broadcasts/00000000-0000-7000-8000-000000000000/failures')
   ->{status}, 404, 'of none');


# again

my $before = () = $t->ledger;
$r = $t->api('POST', "/broadcasts/$id/resend");
is($r->{status}, 200, 'sent again') or diag($r->{content});
is($r->{json}{resent}, 4, 'those that may be tried');
is(join(' ', sort map { $_->{code} // $_->{reason} } @{ $r->{json}{left} }),
   '131026 132000 no_answer restart', 'the others are left');
is($r->{json}{warning}, undef, 'nobody gets it twice');

ok(wait_until { get($id)->{status} eq 'completed'
                && get($id)->{counters}{sent} == 7 } 20, 'and they are sent')
    or diag(JSON::PP->new->canonical->encode(get($id)));
ok(read_by($id, 7), 'and read');
is((() = $t->ledger) - $before, 4, 'once each');

my $b = get($id);
is($b->{resent}, 4, 'counted');
is($b->{counters}{failed}, 2, 'what failed for good');
is($b->{counters}{skipped}, 1, 'the skipped one stays so');
is($b->{counters}{unknown}, 2, 'the unknown ones too');
is($t->sql("SELECT count(*) FROM delivery_events WHERE batch_id = '$id'
            AND event = 'resend'"), 4, 'each with its event');
is($t->sql("SELECT count(*) FROM messages WHERE batch_id = '$id'"), 12,
   'no message was made twice');

$r = $t->api('POST', "/broadcasts/$id/resend");
is($r->{json}{resent}, 0, 'nothing is left to send again');
is(get($id)->{status}, 'completed', 'and it stays as it is');

$before = () = $t->ledger;
$r = $t->api('POST', "/broadcasts/$id/resend",
             { include_unknown => JSON::PP::true() });
is($r->{json}{resent}, 2, 'the unknown ones, when it is said');
like($r->{json}{warning}, qr/twice/, 'with a warning');
ok(read_by($id, 9), 'and they get it');
is((() = $t->ledger) - $before, 2, 'once more');
is(get($id)->{counters}{unknown}, 0, 'nothing is unknown any more');


# in pieces, while it is paused; not when it cannot be

$id = broadcast();
ok(read_by($id, 12), 'another one');
spoil($id, map { $_ => ['failed', 131000] } 1 .. 6);
$t->sql("UPDATE broadcasts SET status = 'paused', finished_at = NULL
          WHERE id = '$id'");
$r = $t->api('POST', "/broadcasts/$id/resend");
is($r->{json}{resent}, 6, 'while it is paused');
is(get($id)->{counters}{queued}, 6, 'they are queued');
is(get($id)->{status}, 'paused', 'and wait');
is($t->api('POST', "/broadcasts/$id/resume")->{status}, 200, 'resumed');
ok(read_by($id, 12), 'and go');

spoil($id, 1 => ['failed', 131000]);
$t->sql("UPDATE broadcasts SET expires_at = now() WHERE id = '$id'");
$r = $t->api('POST', "/broadcasts/$id/resend");
is("$r->{status} $r->{json}{code}", '409 expired', 'not when its time is over');
$t->sql("UPDATE broadcasts SET expires_at = NULL, status = 'cancelled'
          WHERE id = '$id'");
$r = $t->api('POST', "/broadcasts/$id/resend");
is("$r->{status} $r->{json}{code}", '409 wrong_state', 'not a cancelled one');
$r = $t->api('POST', '/broadcasts/' . broadcast(draft => JSON::PP::true())
             . '/resend');
is("$r->{status} $r->{json}{code}", '409 wrong_state', 'not a draft');
is($t->api('POST', "/broadcasts/$id/resend", { all => 1 })->{json}{code},
   'unknown_field', 'an unknown field');

$t->done;
