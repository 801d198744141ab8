#!/usr/bin/perl

# A provider that answers nonsense, a hundred megabytes, or nothing, to whatever is asked
# of it: the one who asks is told, the number beside it goes on, and no memory goes with it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Herald::Test::ChaosProvider;
use Test::More;
use Time::HiRes qw(time);

my $t = Herald::Test->new;
my $o = $t->org(name => 'Duka');
my $p = Herald::Test::ChaosProvider->new($t->{dir});

# a provider that is left alone would hold our output open
END { my $rc = $?; $p->stop if $p; $? = $rc }

sub rss {
    my ($most) = (0);

    for my $pid ($t->worker_pids) {
        my ($kb) = slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
        $most = $kb if $kb && $kb > $most;
    }

    return $most;
}

my $good = $t->sandbox_account(account => { rate_limit => 100 });
my $n = 0;
my %bad = map { my $mode = $_; $n++; ($mode => $t->api('POST', '/accounts', {
    name => $mode, provider => 'cloud_api', phone => "+1555020000$n",
    number_id => "20000000000000$n", token => 'token', app_secret => 'a secret',
    business_id => '77', base_url => $p->url($mode) })->{json}) }
    qw(badjson huge empty hang http/502/99);

my $csv = "first_name,phone\n" . join '', map { sprintf "P%d,+25471%07d\n", $_, $_ } 1 .. 400;
$t->api('POST', '/contacts/import?tags=all', $csv, headers => { 'content-type' => 'text/csv' });
my $template = $t->api('POST', '/templates', { name => 'hello', language => 'en',
    category => 'utility', body => 'Hello {{first_name|friend}}, it is ready.' })->{json}{id};

my $before = rss();
my $b = $t->api('POST', '/broadcasts', { name => 'beside', account_id => $good->{id},
    template_id => $template, audience => { tag => 'all' } })->{json}{id};

# what people ask for
for my $mode (qw(badjson huge empty http/502/99)) {
    my $id = $bad{$mode}{id};

    for my $what (['GET', "/accounts/$id/profile"], ['POST', "/accounts/$id/check"],
                  ['POST', "/accounts/$id/templates/sync"])
    {
        my $r = $t->api(@$what);
        my $name = "$what->[0] $what->[1] of a provider that answers $mode";
        $name =~ s/\Q$id\E/{id}/;

        # a look at the number, and what is an errand, are taken and tell later
        ok($r->{status} =~ /^(200|202|502|504)$/, "$name: $r->{status}")
            or diag($r->{content});
        like($r->{json}{code} // '', qr/^provider_(refused|silent)$/, 'and who is to blame')
            if $r->{status} >= 500;
        unlike($r->{content}, qr/x{100}/, 'not with what came');
    }
}

# one that says nothing holds nobody but who asks
my $began = time;
my $r = $t->api('GET', '/contacts?limit=1');
is($r->{status}, 200, 'the API answers');
cmp_ok(time - $began, '<', 2, 'at once');

wait_until { $t->api('GET', "/broadcasts/$b")->{json}{status} eq 'completed' } 30,
    'the number beside them is through';
is($t->api('GET', "/broadcasts/$b")->{json}{counters}{sent}, 400, 'all of it');
cmp_ok(rss() - $before, '<', 60_000, 'no memory went with it');

# messages to all of them at once: each is told apart
my ($contact) = map { $_->{id} } $t->api_all('/contacts?limit=1');
$t->open_window($_->{id}, $contact) for values %bad;

for my $mode (sort keys %bad) {
    $r = $t->api('POST', '/messages', { account_id => $bad{$mode}{id},
        contact_id => $contact, text => 'Hello' });
    is($r->{status}, 202, "a message by $mode");
}

$t->open_window($good->{id}, $contact);
$r = $t->api('POST', '/messages', { account_id => $good->{id}, contact_id => $contact,
                                    text => 'Beside' });
wait_until { $t->api('GET', "/messages/$r->{json}{id}")->{json}{status}
             =~ /sent|delivered|read/ } 10, 'the good one is there meanwhile';
pass('a reply beside the silent is sent');

$p->stop;
$t->done;
