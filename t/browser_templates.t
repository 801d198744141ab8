#!/usr/bin/perl

# Templates in a real browser: t/browser/templates.mjs does the walking, here
# is the server that it walks on.

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

my $t = Herald::Test->new;
my $o = $t->org(name => 'Kilimani Traders');
my $acc = $t->sandbox_account(account => { name => 'Main shop' });

for my $c (['Grace', 'Njeri', '+254712345001'],
           ['Amani', 'Otieno', '+254712345002'])
{
    my $r = $t->api('POST', '/contacts', {
        first_name => $c->[0], last_name => $c->[1], phone => $c->[2] });

    is($r->{status}, 201, "a contact: $c->[0]") or diag($r->{content});
}

open my $play, '-|', 'node', "$FindBin::Bin/browser/templates.mjs", $t->url,
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
