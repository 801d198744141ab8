#!/usr/bin/perl

# The frame in a real browser, from an organisation's first minute on:
# t/browser/frame.mjs does the walking, here is the server that it walks on.

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
my $file = "$t->{dir}/password.agent";
my @agent = ('agent@example.com', 'an agent and no more');

spew($file, "$agent[1]\n");

my ($rc, undef, $err) = $t->herald('user', 'create', '--org', $o->{id},
    '--email', $agent[0], '--name', 'Otieno', '--role', 'agent',
    '--password-file', $file);

is($rc, 0, 'an agent') or diag($err);

open my $play, '-|', 'node', "$FindBin::Bin/browser/frame.mjs", $t->url,
    $o->{email}, $o->{password}, @agent or die "node: $!\n";

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
