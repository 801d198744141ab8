#!/usr/bin/perl

# The calendar in a real browser: t/browser/calendar.mjs does the walking, here is the
# server that it walks on.

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
my $tpl = $t->api('POST', '/templates', { name => 'sale', language => 'en',
    category => 'utility', body => 'Hello {{first_name|friend}}.' })->{json};

is($t->api('PATCH', '/settings', { time_zone => 'UTC' })->{status}, 200,
   'the clock of UTC');

my $c = $t->api('POST', '/contacts', { first_name => 'Amina',
    phone => '+254712345678', tags => ['vip'] });
is($c->{status}, 201, 'a contact');
$t->open_window($acc->{id}, $c->{json}{id});

# the fifteenth of the next month: always to come, never at a month's edge
my ($month, $year) = (gmtime)[4, 5];
my $at = sprintf '%04d-%02d-15T10:00', $year + 1900 + ($month == 11),
    $month == 11 ? 1 : $month + 2;

my $r = $t->api('POST', '/schedules', { kind => 'broadcast', name => 'Sale',
    starts_at => $at, time_zone => 'UTC', document => { name => 'Sale',
        account_id => $acc->{id}, template_id => $tpl->{id},
        audience => { tag => 'vip' } } });
is($r->{status}, 201, 'a broadcast is planned') or diag($r->{content});

open my $play, '-|', 'node', "$FindBin::Bin/browser/calendar.mjs", $t->url,
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
