#!/usr/bin/perl

# The dashboard in a real browser: t/browser/run.mjs does the walking, here is the
# server that it walks on, with a provider that delivers and reads everything.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $repo = repo();
my $contacts = 300;

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

# slow enough to be seen moving, fast enough to be over in seconds
my $acc = $t->sandbox_account(
    account => { name => 'Main shop', rate_limit => 25 },
    delivered_rate => 1, read_rate => 1, reply_rate => 0.2,
    latency_ms => { answer => 0, sent => { min => 20, max => 80 },
                    delivered => { min => 100, max => 400 },
                    read => { min => 300, max => 900 } });

my $r = $t->api('POST', '/templates', {
    name => 'order_ready', language => 'en', category => 'utility',
    body => 'Hello {{first_name|friend}}, your order is ready.' });

is($r->{status}, 201, 'a template');

# a few scripts, a long name, a missing one
my @first = ('Amina', 'Jo\u00e3o', '\u0641\u0627\u0637\u0645\u0629',
             '\u092a\u094d\u0930\u093f\u092f\u093e', 'Wanjiru',
             'Bartholomew Maximilian');
my $csv = "Name,Phone,Email,Tags\n";

for my $i (1 .. $contacts) {
    my $name = $first[$i % @first] . " $i";

    $name =~ s/\\u([0-9a-f]{4})/chr hex $1/ge;
    $name = '' if $i == 7;
    utf8::encode($name);
    $csv .= sprintf("%s,+254712%06d,%s,%s\n", $name, 345000 + $i,
        $i % 3 ? '' : "c$i\@example.org", $i % 5 ? '' : 'vip');
}

$r = $t->api('POST', '/contacts/import?default_country=KE', $csv,
             headers => { 'content-type' => 'text/csv' });
is($r->{status}, 200, 'contacts') or diag($r->{content});
is($r->{json}{created}, $contacts, 'all of them') or diag($r->{content});

# all of them wrote today: free words may go to them
$t->open_window($acc->{id}, $_)
    for split /\n/, $t->sql('select id from contacts');

open my $play, '-|', 'node', "$FindBin::Bin/browser/run.mjs", $t->url,
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
