#!/usr/bin/perl

# Broadcasts as the API sees them: what is taken and refused, states and their changes,
# counters and recipients.  How they are sent is tested elsewhere.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use POSIX qw(strftime);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $a = $t->sandbox_account(magic => JSON::PP::true(), reply_rate => 0,
    delivered_rate => 1, read_rate => 1);

my $tpl = $t->api('POST', '/templates', { name => 'offer', language => 'en',
    category => 'marketing', header => 'For {{first_name|you}}',
    body => 'Order {{order}} from {{fields.city|here}}' })->{json};

for my $n (1 .. 12) {
    $t->api('POST', '/contacts', { phone => sprintf('+2547123450%02d', $n),
        first_name => "N$n", tags => $n <= 5 ? ['vip'] : [] });
}

my %b = (name => 'Sale', account_id => $a->{id}, template_id => $tpl->{id},
         audience => { tag => 'vip' }, variables => { order => 'A-1' });
my $later = strftime '%Y-%m-%dT%H:%M:%SZ', gmtime(time + 86400);
my $none = '00000000-0000-7000-8000-000000000000';


# made

my $r = $t->api('POST', '/broadcasts', { %b, send_at => $later });
is($r->{status}, 201, 'made') or diag($r->{content});
my $x = $r->{json};
is($x->{status}, 'scheduled', 'for tomorrow');
is($x->{send_at}, $later, 'at that time');
is_deeply($x->{audience}, { tag => 'vip' }, 'its audience');
is_deeply($x->{variables}, { order => 'A-1' }, 'its variables');
is_deeply($x->{counters}, { map { $_ => 0 } qw(audience queued sent delivered
    read replied failed skipped unknown opted_out) }, 'nothing is counted yet');
is($t->sql("SELECT kind FROM agenda WHERE ref_id = '$x->{id}'"), 'broadcast',
   'it is in the agenda');
is_deeply(delete $x->{warnings}, [], 'nothing to warn of');
is_deeply($t->api('GET', "/broadcasts/$x->{id}")->{json}, $x, 'reads the same');

for my $bad (
    ['/audience', audience => {}], ['/audience', audience => { all => 1 }],
    ['/audience', audience => { all => JSON::PP::false() }],
    ['/audience', audience => { all => JSON::PP::true(), tag => 'x' }],
    ['/audience', audience => { tag => '' }],
    ['/audience', audience => { tags => 'x' }],
    ['/audience', audience => 'all'],
    ['/account_id', account_id => $none], ['/template_id', template_id => $none],
    ['/account_id', account_id => 'x'],
    ['/variables', variables => {}], ['/variables', variables => { order => 1 }],
    ['/variables/order', variables => { order => '{{secret}}' }],
    ['/send_at', send_at => 'tomorrow'], ['/send_at', send_at => '2027-01-01'],
    ['/name', name => ''], ['/status', status => 'completed'])
{
    my ($pointer, %change) = @$bad;
    my $what = JSON::PP->new->canonical->allow_nonref->encode(\%change);

    $r = $t->api('POST', '/broadcasts', { %b, %change });
    is("$r->{status} " . ($r->{json}{errors}[0]{pointer} // $r->{content}),
       "422 $pointer", $what);
}

$r = $t->api('POST', '/broadcasts', { %b, variables => undef });
is($r->{status}, 422, 'null is no map');

$r = $t->api('POST', '/broadcasts', { %b, variables => {} });
like($r->{json}{errors}[0]{detail}, qr/"order"/, 'the variable is named');
is($t->sql('SELECT count(*) FROM broadcasts'), 1, 'nothing was left behind');

$r = $t->api('POST', '/broadcasts', { %b, send_at => $later,
    variables => { order => '{{first_name|x}} {{fields.size|M}}' } });
is($r->{status}, 201, 'values that speak of the contact');


# states

sub move {
    my ($id, $verb) = @_;
    my $r = $t->api('POST', "/broadcasts/$id/$verb");

    return $r->{status} == 200 ? $r->{json}{status}
                               : "$r->{status} $r->{json}{code}";
}

is(move($x->{id}, 'resume'), '409 wrong_state', 'not paused');
is(move($x->{id}, 'pause'), 'paused', 'paused');
is(move($x->{id}, 'pause'), '409 wrong_state', 'already');
is($t->api('POST', "/broadcasts/$x->{id}/pause")->{json}{detail},
   'This broadcast is paused; only one that is scheduled or sending can be '
   . 'paused.', 'says why');
is(move($x->{id}, 'resume'), 'scheduled', 'resumed');
is(move($x->{id}, 'cancel'), 'cancelled', 'cancelled');
is(move($x->{id}, 'cancel'), '409 wrong_state', 'already');
is(move($x->{id}, 'resume'), '409 wrong_state', 'for good');
is(move($none, $_), '404 not_found', "$_ of none") for qw(pause resume cancel);


# sent, and who

$r = $t->api('POST', '/broadcasts', \%b);
is($r->{status}, 201, 'now');
my $id = $r->{json}{id};

sub get {
    return $t->api('GET', "/broadcasts/$id")->{json};
}

ok(wait_until { get()->{status} eq 'completed' } 20, 'it is completed');
ok(wait_until { get()->{counters}{delivered} == 5 } 20, 'and delivered');
my $c = get()->{counters};
is($c->{audience}, 5, 'five people');
is($c->{sent} + $c->{failed} + $c->{skipped} + $c->{unknown} + $c->{queued}, 5,
   'the parts make the whole');

sub who {
    my ($query) = @_;
    my $r = $t->api('GET', "/broadcasts/$id/recipients$query");

    return $r->{status} == 200 ? $r->{json}{data} : $r->{content};
}

my $all = who('');
is(join(' ', map { $_->{seq} } @$all), '1 2 3 4 5', 'in order of the audience');
like($all->[0]{phone}, qr/^\+25471234500[1-5]$/, 'with the phone');
ok($all->[0]{provider_id}, 'with the provider\'s id');
is($all->[0]{error}, undef, 'without an error');
is(scalar @{ who('?status=sent') }, 5, 'sent: whatever came after too');
is(scalar @{ who('?status=queued') }, 0, 'nobody is queued');
is(scalar @{ who('?status=failed') }, 0, 'nobody failed');
is(scalar @{ who('?status=replied') }, 0, 'nobody replied');
is($t->api('GET', "/broadcasts/$id/recipients?status=lost")->{status}, 422,
   'an unknown status');

my $page = $t->api('GET', "/broadcasts/$id/recipients?limit=2")->{json};
is(scalar @{ $page->{data} }, 2, 'a page');
$page = $t->api('GET', "/broadcasts/$id/recipients?limit=3&cursor="
    . $page->{next_cursor})->{json};
is(join(' ', map { $_->{seq} } @{ $page->{data} }), '3 4 5', 'the next');
is($page->{next_cursor}, undef, 'and the last');

$t->sql("UPDATE deliveries SET state = 'failed', error_code = 131026
          WHERE batch_id = '$id' AND seq = 2;
         UPDATE deliveries SET state = 'skipped', reason = 'opted_out'
          WHERE batch_id = '$id' AND seq = 3;
         UPDATE deliveries SET state = 'accepted'
          WHERE batch_id = '$id' AND seq = 4;
         UPDATE deliveries SET state = 'unknown', reason = 'timed_out'
          WHERE batch_id = '$id' AND seq = 5;
         UPDATE deliveries SET replied_at = now()
          WHERE batch_id = '$id' AND seq = 1");
$all = who('');
is($all->[1]{error_code}, 131026, 'the provider\'s code');
ok(length($all->[1]{error} // ''), 'and its words');
is($all->[2]{reason}, 'opted_out', 'why it was skipped');
is($all->[3]{status}, 'sent', '"accepted" is "sent" for people');
is(join(' ', map { $_->{seq} } @{ who("?status=$_->[0]") }), $_->[1], $_->[0])
    for ['failed', 2], ['skipped', 3], ['unknown', 5], ['replied', 1],
        ['sent', '1 4'];

is($t->api('GET', "/broadcasts/$none/recipients")->{status}, 404,
   'of a broadcast that is not there');
is(($t->api_all('/broadcasts'))[0]{id}, $id, 'newest first');

$t->done;
