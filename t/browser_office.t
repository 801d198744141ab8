#!/usr/bin/perl

# API keys, settings, the queue and the API reference in a real browser:
# t/browser/office.mjs does the walking, here is the server that it walks on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $repo = repo();

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

my $t = Herald::Test->new(http => "herald_prices $repo/conf/prices.csv;");
my $o = $t->org(name => 'Kilimani Traders');

$t->sandbox_account(account => { name => 'Main shop', rate_limit => 40 });

open my $play, '-|', 'node', "$FindBin::Bin/browser/office.mjs", $t->url,
    $o->{email}, $o->{password} or die "node: $!\n";

# its lines become ours
while (my $line = <$play>) {
    if ($line =~ /^(not )?ok \d+ - (.*)/) {
        ok(!$1, $2);
    } elsif ($line =~ /^# (.*)/) {
        note($1);
    }
}

close $play;
is($?, 0, 'the browser went all the way');

$t->done;
