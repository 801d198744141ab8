#!/usr/bin/perl

# Broadcasts in a real browser: t/browser/broadcasts.mjs writes one, sends it and asks
# why somebody did not get it; here is the server, with a provider of which some fail.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $repo = repo();
my $contacts = 1100;

for my $need ([$ENV{CHROMIUM} // '/usr/bin/chromium', 'chromium'],
              ["$repo/html/dist/index.html", 'the built dashboard'],
              ["$repo/html/node_modules/playwright-core", 'playwright-core'],
              ["$repo/html/node_modules/axe-core", 'axe-core'])
{
    plan skip_all => "$need->[1] is not there" if !-e $need->[0];
}

my ($node) = `node --version 2>/dev/null` =~ /^v(\d+)/;

plan skip_all => 'playwright-core needs node 18 or newer'
    if ($node // 0) < 18;

my $t = Herald::Test->new;
my $o = $t->org(name => 'Kilimani Traders');

my $acc = $t->sandbox_account(
    account => { name => 'Main shop', rate_limit => 150 },
    delivered_rate => 1, read_rate => 1, reply_rate => 0,
    failures => [ { code => 131026, rate => 0.04, when => 'answer' },
                  { code => 132068, rate => 0.04, when => 'answer' } ],
    latency_ms => { answer => 0, sent => 10, delivered => 20, read => 40 });

for (['order_ready', 'Hello {{first_name|friend}}, your order {{order|here}} waits.'],
     ['order_waits', 'Hi {{first_name|there}}! Your order {{order|here}} is ready.'])
{
    my $r = $t->api('POST', '/templates', { name => $_->[0], language => 'en',
        category => 'utility', body => $_->[1] });

    is($r->{status}, 201, 'a template') or diag($r->{content});
}

my $csv = "Name,Phone,Tags\n";

$csv .= sprintf("Contact %d,+254712%06d,%s\n", $_, 345000 + $_, $_ % 5 ? '' : 'vip')
    for 1 .. $contacts;

my $r = $t->api('POST', '/contacts/import?default_country=KE', $csv,
                headers => { 'content-type' => 'text/csv' });
is($r->{json}{created}, $contacts, 'contacts') or diag($r->{content});

for my $i (2 .. 11) {
    $t->api('POST', '/suppressions', {
        phone => sprintf('+254712%06d', 345000 + $i), reason => 'asked' });
}

open my $play, '-|', 'node', "$FindBin::Bin/browser/broadcasts.mjs", $t->url,
    $o->{email}, $o->{password} or die "node: $!\n";

# its lines become ours
while (my $line = <$play>) {
    if ($line =~ /^(not )?ok \d+ - (.*)/) {
        ok(!$1, $2);
    } elsif ($line =~ /^# (.*)/) {
        diag($1);
    }
}

close $play;
is($?, 0, 'the browser went all the way');

$t->done;
