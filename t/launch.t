#!/usr/bin/perl

# A broadcast before it begins: drafts, changes, launches; what may be said of tests,
# ramps, variants and times; whom a template would leave with a hole; test sends; and
# what it shows of its stages, variants and costs.

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
    delivered_rate => 1, read_rate => 1,
    latency_ms => { sent => 5, delivered => 10, read => 10 });

my $plain = $t->api('POST', '/templates', { name => 'plain', language => 'en',
    category => 'marketing', body => 'Sale!' })->{json};
my $personal = $t->api('POST', '/templates', { name => 'personal',
    language => 'en', category => 'marketing',
    body => 'Hi {{first_name}}, in {{fields.city}}: {{order}}' })->{json};
my $receipt = $t->api('POST', '/templates', { name => 'receipt',
    language => 'en', category => 'utility', body => 'Paid.' })->{json};

my %who;

for my $c (['Amina', '+254712345601', { city => 'Kisumu' }],
           ['Baraka', '+254712345602', {}],
           ['', '+254712345603', { city => 'Nairobi' }],
           ['Chausiku', '+254712345604', { city => 'Mombasa' }])
{
    my $r = $t->api('POST', '/contacts', { first_name => $c->[0],
        name => $c->[0] || 'Nobody', phone => $c->[1], fields => $c->[2],
        tags => ['vip'] });

    $who{ $c->[0] || 'none' } = $r->{json}{id};
}

sub at {
    return strftime '%Y-%m-%dT%H:%M:%SZ', gmtime(time + $_[0]);
}

my %b = (name => 'Sale', account_id => $a->{id}, template_id => $plain->{id},
         audience => { tag => 'vip' });
my $none = '00000000-0000-7000-8000-000000000000';

sub post {
    my ($path, $body) = @_;
    return $t->api('POST', $path, $body);
}

sub status_of {
    return $t->api('GET', "/broadcasts/$_[0]")->{json}{status};
}


# a draft: kept, changed, deleted, never sent

my $r = post('/broadcasts', { %b, draft => JSON::PP::true(),
                              expires_at => at(7200) });
is($r->{status}, 201, 'a draft') or diag($r->{content});
my $d = $r->{json};
is($d->{status}, 'draft', 'is one');
is($t->sql("SELECT count(*) FROM agenda WHERE ref_id = '$d->{id}'"), 0,
   'it is in no agenda');

$r = $t->api('PATCH', "/broadcasts/$d->{id}", { name => 'Big sale',
    rate_limit => 600, holdout => 10, guard => { failure_rate => 0.2 } });
is($r->{status}, 200, 'changed') or diag($r->{content});
is($r->{json}{name}, 'Big sale', 'its name');
is($r->{json}{rate_limit}, 600, 'its rate');
is($r->{json}{holdout}, 10, 'its holdout');
is_deeply($r->{json}{guard}, { failure_rate => 0.2 }, 'its guard');
is($r->{json}{template_id}, $plain->{id}, 'and the rest is as it was');
ok($r->{json}{expires_at}, 'its end, too');

$r = $t->api('PATCH', "/broadcasts/$d->{id}", { expires_at => undef });
is($r->{json}{expires_at}, undef, 'null takes away');
is($t->api('PATCH', "/broadcasts/$d->{id}", { status => 'sending' })
   ->{json}{code}, 'unknown_field', 'a state is nothing to set');
is($t->api('PATCH', "/broadcasts/$none", { name => 'x' })->{status}, 404,
   'a stranger');

$r = $t->api('PATCH', "/broadcasts/$d->{id}", { variants => [
    { template_id => $personal->{id}, variables => { order => 'A' } },
    { template_id => $plain->{id}, weight => 3 } ] });
is($r->{status}, 200, 'variants') or diag($r->{content});
is($r->{json}{template_id}, $personal->{id}, 'the first one leads');
is_deeply([map { $_->{weight} } @{ $r->{json}{variants} }], [1, 3], 'weights');

is($t->api('DELETE', "/broadcasts/$d->{id}")->{status}, 204, 'deleted');
is($t->api('GET', "/broadcasts/$d->{id}")->{status}, 404, 'gone');
is($t->api('DELETE', "/broadcasts/$d->{id}")->{status}, 404, 'twice');


# what it may say

my @two = ({ template_id => $plain->{id} }, { template_id => $plain->{id} });

for my $bad (
    ['/template_id', template_id => undef],
    ['/variants', variants => [$two[0]]],
    ['/variants', variants => [(@two) x 3]],
    ['/variants', variants => {}],
    ['/variants/1', variants => [$two[0], 'x']],
    ['/variants/1/template_id', variants => [$two[0], {}]],
    ['/variants/1/template_id', variants => [$two[0], { template_id => $none }]],
    ['/variants/1/template_id',
     variants => [$two[0], { template_id => $receipt->{id} }]],
    ['/variants/0/weight', variants => [{ %{ $two[0] }, weight => 0 }, $two[1]]],
    ['/variants/0/weight',
     variants => [{ %{ $two[0] }, weight => 101 }, $two[1]]],
    ['/variants/0/extra', variants => [{ %{ $two[0] }, extra => 1 }, $two[1]]],
    ['/variables', variants => [$two[0], { template_id => $personal->{id} }]],
    ['/variants/1/variables', variants => [$two[0],
        { template_id => $personal->{id}, variables => {} }]],
    ['/variants/1/variables/order', variants => [$two[0],
        { template_id => $personal->{id},
          variables => { order => '{{secret}}' } }]],
    ['/template_id', template_id => $personal->{id}, variants => \@two],
    ['/test', test => { percent => 10 }],
    ['/test/percent', variants => \@two, test => {}],
    ['/test/percent', variants => \@two, test => { percent => 51 }],
    ['/test/wait_s', variants => \@two, test => { percent => 9, wait_s => 0 }],
    ['/test/metric', variants => \@two,
     test => { percent => 9, metric => 'sold' }],
    ['/test/min_sample', variants => \@two,
     test => { percent => 9, min_sample => 0 }],
    ['/test/x', variants => \@two, test => { percent => 9, x => 1 }],
    ['/ramp', ramp => []],
    ['/ramp/0', ramp => [{ wait_s => 5 }]],
    ['/ramp/0', ramp => [{ percent => 5, count => 5, wait_s => 5 }]],
    ['/ramp/0/wait_s', ramp => [{ percent => 5 }]],
    ['/ramp/1', ramp => [{ percent => 9, wait_s => 5 },
                         { percent => 9, wait_s => 5 }]],
    ['/ramp', ramp => [{ percent => 9, wait_s => 5 },
                       { count => 90, wait_s => 5 }]],
    ['/ramp', ramp => [map { { percent => $_, wait_s => 5 } } 1 .. 11]],
    ['/ramp', variants => \@two, test => { percent => 9 },
     ramp => [{ percent => 9, wait_s => 5 }]],
    ['/guard/failure_rate', guard => { failure_rate => 1.5 }],
    ['/guard/opt_out_rate', guard => { opt_out_rate => -0.1 }],
    ['/guard/min', guard => { min => 0 }],
    ['/guard/max', guard => { max => 1 }],
    ['/local_time', local_time => '9:00'],
    ['/local_time', local_time => '24:00'],
    ['/local_time', local_time => '09:00',
     ramp => [{ percent => 9, wait_s => 5 }]],
    ['/local_time', local_time => '09:00', variants => \@two,
     test => { percent => 9 }],
    ['/expires_at', expires_at => at(-5)],
    ['/expires_at', expires_at => at(3600), send_at => at(7200)],
    ['/holdout', holdout => 51], ['/rate_limit', rate_limit => -1])
{
    my ($pointer, %change) = @$bad;
    my %body = (%b, %change);

    delete $body{template_id}
        if exists $change{variants} && !$change{template_id};
    $r = post('/broadcasts', \%body);
    is("$r->{status} " . ($r->{json}{errors}[0]{pointer} // $r->{content}),
       "422 $pointer",
       JSON::PP->new->canonical->encode(\%change) =~ s/[0-9a-f-]{36}/…/gr);
}

is($t->sql('SELECT count(*) FROM broadcasts'), 0, 'nothing was left behind');

delete local $b{template_id};
$r = post('/broadcasts', { %b, draft => JSON::PP::true(), variants => \@two,
                           test => { percent => 20 } });
is($r->{status}, 201, 'a test') or diag($r->{content});
is_deeply($r->{json}{test}, { percent => 20, wait_s => 3600, metric => 'read',
    min_sample => 100 }, 'with all that was left out');
is_deeply($r->{json}{variants}[0], { template_id => $plain->{id}, weight => 1 },
          'and its variants');
$b{template_id} = $plain->{id};


# who would get a hole

my %p = (%b, template_id => $personal->{id}, variables => { order => 'A-1' });

$r = post('/broadcasts', \%p);
is("$r->{status} $r->{json}{code}", '422 missing_variable', 'values are missing');
is($r->{json}{count}, 2, 'of two');
is_deeply([sort map { $_->{phone} } @{ $r->{json}{contacts} }],
          ['+254712345602', '+254712345603'], 'of whom, it says');
like($r->{json}{detail}, qr/first_name, fields\.city/, 'which, it says');
like($r->{json}{detail}, qr/fallback/, 'and what to do');
is($r->{json}{contacts}[0]{id}, $who{Baraka}, 'with their ids');

$r = post('/broadcasts', { %p, audience => { all => JSON::PP::true() } });
is($r->{json}{count}, 2, 'among everybody, too');

$r = post('/broadcasts', { %p, send_at => at(7200), variables => {
    order => 'A', first_name => '{{first_name|friend}}',
    'fields.city' => '{{fields.city|town}}' } });
is($r->{status}, 201, 'fallbacks fill the hole') or diag($r->{content});

$r = post('/broadcasts', { %p, variables => { order => '{{email}}',
    first_name => 'x', 'fields.city' => 'y' } });
is($r->{json}{count}, 4, 'a value may speak of what is missing');
$r = post('/broadcasts', { %p, variables => { first_name => 'x',
    'fields.city' => 'y', order => '{{first_name|}}{{fields.city|}}{{email|}}' }
    , send_at => at(7200) });
is($r->{status}, 201, 'one of several is enough') or diag($r->{content});
$r = post('/broadcasts', { %p, variables => { first_name => 'x',
    'fields.city' => 'y', order => '{{email|}}{{language|}}' } });
is($r->{json}{count}, 4, 'none of several is not');
$r = post('/broadcasts', { %p, variables => { first_name => 'x',
    'fields.city' => 'y', order => '' } });
is($r->{json}{errors}[0]{pointer}, '/variables', 'an empty value is none');

$r = post('/broadcasts', { %b, variants => [$two[0],
    { template_id => $personal->{id}, variables => { order => 'x' } }] });
is($r->{json}{count} // $r->{content}, 2, 'of any variant');

$t->sql("UPDATE contacts SET marketing_opt_out = true WHERE id = '$who{none}'");
$r = post('/broadcasts', \%p);
is($r->{json}{count}, 1, 'who gets nothing lacks nothing');
$t->sql("UPDATE contacts SET marketing_opt_out = false WHERE id = '$who{none}'");

$r = post('/broadcasts', { %p, draft => JSON::PP::true() });
is($r->{status}, 201, 'a draft may have holes');
my $hole = $r->{json}{id};
$r = post("/broadcasts/$hole/launch");
is("$r->{status} $r->{json}{code}", '422 missing_variable', 'not its launch');
is(status_of($hole), 'draft', 'it stays a draft');

$r = post('/broadcasts', { %b, audience => { tag => 'nobody' },
                           send_at => at(7200) });
is($r->{status}, 201, 'an empty audience is allowed');
is($r->{json}{warnings}[0]{code}, 'empty_audience', 'with a warning');


# scheduled: changed until it begins

$r = post('/broadcasts', { %b, send_at => at(7200), expires_at => at(9000) });
my $s = $r->{json}{id};

sub agenda {
    my ($id) = @_;
    return $t->sql("SELECT string_agg(kind || ' ' || round(extract(epoch FROM
        due_at - now()) / 600), ',' ORDER BY kind) FROM agenda
        WHERE ref_id = '$id'");
}

is(agenda($s), 'broadcast 12,expiry 15', 'its lines in the agenda');
$t->api('PATCH', "/broadcasts/$s", { send_at => at(3600),
                                     expires_at => at(6000) });
is(agenda($s), 'broadcast 6,expiry 10', 'follow');
$t->api('PATCH', "/broadcasts/$s", { expires_at => undef });
is(agenda($s), 'broadcast 6', 'and go');
$r = post("/broadcasts/$s/launch");
is("$r->{status} $r->{json}{code}", '409 wrong_state', 'launched before');
is($t->api('DELETE', "/broadcasts/$s")->{status}, 409, 'not to be deleted');

$r = $t->api('PATCH', "/broadcasts/$s", { template_id => $personal->{id},
    variables => { order => '1' } });
is($r->{json}{code}, 'missing_variable', 'a change is checked as a launch is');
is($t->api('GET', "/broadcasts/$s")->{json}{template_id}, $plain->{id},
   'and was not made');

$t->sql("UPDATE broadcasts SET send_at = now() WHERE id = '$s'");
$r = $t->api('PATCH', "/broadcasts/$s", { name => 'x' });
is("$r->{status} $r->{json}{code}", '409 wrong_state', 'not while it begins');
$t->sql("UPDATE broadcasts SET send_at = now() + interval '1 h' WHERE id = '$s'");

$r = $t->api('PATCH', "/broadcasts/$s", { send_at => undef });
is($r->{status}, 200, 'now');
ok(wait_until { status_of($s) eq 'completed' } 20, 'is now');
$r = $t->api('PATCH', "/broadcasts/$s", { name => 'x' });
is("$r->{status} $r->{json}{code}", '409 wrong_state', 'too late to change');


# launched

$r = post('/broadcasts', { %b, name => 'Draft', draft => JSON::PP::true(),
    expires_at => at(5000), variants => [
    { template_id => $plain->{id} },
    { template_id => $personal->{id}, variables => { order => '7',
        first_name => '{{first_name|you}}', 'fields.city' => 'X' } }] });
my $l = $r->{json}{id} // diag($r->{content});

# a test of it

$r = post("/broadcasts/$l/test", { contact_ids => [$who{Amina}, $who{Baraka}],
                                   variant => 1 });
is($r->{status}, 202, 'a test') or diag($r->{content});
is_deeply([map { $_->{text} } @{ $r->{json}{data} }],
    ['Hi Amina, in X: 7', 'Hi Baraka, in X: 7'], 'says what they would get');
ok($r->{json}{data}[0]{test}, 'and is marked as one');
my @sent = map { $_->{id} } @{ $r->{json}{data} };

for my $id (@sent) {
    ok(wait_until { $t->api('GET', "/messages/$id")->{json}{status} eq 'read' }
       15, 'it arrives');
}

is($t->api('GET', "/broadcasts/$l")->{json}{counters}{sent}, 0,
   'counted nowhere');
is(status_of($l), 'draft', 'and the draft is one');

$r = post("/broadcasts/$l/test", { to => '+254712345699' });
is("$r->{status} " . ($r->{json}{data}[0]{text} // $r->{content}), '202 Sale!',
   'to a new number');

for my $bad (['/contact_id', {}], ['/variant', { to => '+254712345699',
        variant => 2 }], ['/contact_ids/1', { contact_ids =>
        [$who{Amina}, $none] }],
        ['/contact_ids', { contact_ids => [map { "$_" } 1 .. 6] }],
        ['/contact_id', { to => '+254712345699', contact_id => $who{Amina} }])
{
    $r = post("/broadcasts/$l/test", $bad->[1]);
    is("$r->{status} " . ($r->{json}{errors}[0]{pointer} // $r->{content}),
       "422 $bad->[0]", 'refused');
}

$r = post("/broadcasts/$hole/test", { contact_id => $who{Baraka} });
is($r->{json}{errors}[0]{code}, 'missing_variable', 'a hole is one in a test');
is(post("/broadcasts/$none/test", { to => '+254712345699' })->{status}, 404,
   'of none');

$t->sql("UPDATE contacts SET marketing_opt_out = true WHERE id = '$who{Amina}'");
$r = post("/broadcasts/$l/test", { contact_id => $who{Amina} });
is($r->{status}, 202, 'a test to who opted out is taken');
$t->sql("UPDATE contacts SET marketing_opt_out = false WHERE id = '$who{Amina}'");

$r = post("/broadcasts/$l/launch", { send_at => at(4000) });
is($r->{status}, 200, 'launched for later') or diag($r->{content});
is($r->{json}{status}, 'scheduled', 'waits');
is(agenda($l), 'broadcast 7,expiry 8', 'in the agenda');
$t->api('PATCH', "/broadcasts/$l", { send_at => undef });
ok(wait_until { status_of($l) eq 'completed' } 20, 'sent');

my @v = $t->api_all("/broadcasts/$l/variants");
is(scalar @v, 2, 'two variants');
my $all = 0;
$all += $_->{audience} for @v;
is($all, 4, 'between them everybody');
is($v[1]{template}, 'personal', 'with their template');
is($t->api('GET', "/broadcasts/$none/variants")->{status}, 404, 'of none');

$t->sql("INSERT INTO broadcast_stages (org_id, broadcast_id, n, kind, to_seq,
             wait_s, opened_at, verdict)
         SELECT org_id, id, s, CASE s WHEN 0 THEN 'ramp' ELSE 'all' END,
                s * 2 + 2, 60, now(), 'pass'
           FROM broadcasts, generate_series(0, 1) s WHERE id = '$s'");
my @stages = $t->api_all("/broadcasts/$s/stages");
is(join(' ', map { "$_->{n}:$_->{kind}:$_->{to_seq}" } @stages),
   '0:ramp:2 1:all:4', 'stages');
$r = $t->api('GET', "/broadcasts/$s/stages?limit=1")->{json};
is($t->api('GET', "/broadcasts/$s/stages?cursor=$r->{next_cursor}")
   ->{json}{data}[0]{n}, 1, 'page by page');

$t->sql("UPDATE broadcast_counters SET cost = 12500, opted_out = 1
          WHERE broadcast_id = '$l'");
$r = $t->api('GET', "/broadcasts/$l")->{json};
is(sprintf('%.0f', $r->{cost} * 80), $t->sql("SELECT count(*) FROM broadcast_counters
                              WHERE broadcast_id = '$l'"),
   'its cost, of all stripes');
ok($r->{counters}{opted_out}, 'who stopped');


# the spend limit: paused, and on again

$r = post('/broadcasts', { %b, rate_limit => 60 });
my $m = $r->{json}{id};
ok(wait_until { $t->api('GET', "/broadcasts/$m")->{json}{started_at} } 10,
   'it begins');
ok(wait_until { $t->api('GET', "/broadcasts/$m")->{json}{counters}{read} == 4 }
   20, 'and ends');
$t->sql("UPDATE broadcasts SET status = 'paused', finished_at = NULL,
             pause_reason = 'spend_limit', pause_detail = '5 of 5 USD'
          WHERE id = '$m';
         UPDATE deliveries SET state = 'queued', reason = 'spend_limit',
             next_try_at = now() + interval '1 day', provider_id = NULL
          WHERE batch_id = '$m' AND seq = 1;
         UPDATE deliveries SET state = 'queued', reason = 'quiet_hours',
             next_try_at = now() + interval '1 day', provider_id = NULL
          WHERE batch_id = '$m' AND seq = 2");
$r = $t->api('GET', "/broadcasts/$m")->{json};
is("$r->{pause_reason}: $r->{pause_detail}", 'spend_limit: 5 of 5 USD',
   'says why it is paused');
$r = post("/broadcasts/$m/resume");
is($r->{json}{pause_reason}, undef, 'and no more when it goes on');
is($t->sql("SELECT seq FROM deliveries WHERE batch_id = '$m'
            AND next_try_at > now()"), 2,
   'what the limit held back goes on, what waits for hours does not');

$t->done;
