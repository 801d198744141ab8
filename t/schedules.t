#!/usr/bin/perl

# Schedules: what is taken and refused, when they happen (zones, months' ends, late
# ones), one occurrence by itself, all from one on, and that each happens once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use POSIX qw(strftime);
use Time::HiRes qw(time);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $a = $t->sandbox_account(magic => JSON::PP::true(), reply_rate => 0,
    delivered_rate => 1, read_rate => 1);
my $none = '00000000-0000-7000-8000-000000000000';
my ($true, $false) = (JSON::PP::true(), JSON::PP::false());

my $tpl = $t->api('POST', '/templates', { name => 'news', language => 'en',
    category => 'marketing', body => 'News for {{first_name|you}}' })->{json};
my $c = $t->api('POST', '/contacts', { first_name => 'Amina',
    phone => '+254712345678', tags => ['vip'] })->{json};
$t->api('POST', '/contacts', { first_name => "N$_",
    phone => "+25471234560$_", tags => ['vip'] }) for 1 .. 3;

my %template = (template => { id => $tpl->{id} });
my %doc = (account_id => $a->{id}, contact_id => $c->{id}, %template);

sub wall { strftime '%Y-%m-%dT%H:%M:%S', gmtime($_[0]) }

my $later = wall(time + 86400);
my %s = (kind => 'message', document => { %doc }, starts_at => $later,
         time_zone => 'UTC');

sub create {
    my (%more) = @_;
    my $r = $t->api('POST', '/schedules', { %s, %more });

    is($r->{status}, 201, 'made') or diag($r->{content});
    return $r->{json};
}

sub occurrences {
    my ($id) = @_;
    return $t->api('GET', "/schedules/$id/occurrences")->{json}{data};
}

sub preview {
    my (%b) = @_;
    my $r = $t->api('POST', '/schedules/preview', { %b });

    return $r->{status} == 200 ? $r->{json}{data}
                               : "$r->{status} $r->{content}";
}


# when

is_deeply([map { "$_->{due_at} " . ($_->{shifted} ? 1 : 0) }
           @{ preview(starts_at => '2027-03-27T02:30',
                      time_zone => 'Europe/Berlin', rrule => 'FREQ=DAILY',
                      limit => 3) }],
          ['2027-03-27T01:30:00Z 0', '2027-03-28T01:30:00Z 1',
           '2027-03-29T00:30:00Z 0'],
          'a time that the clock leaves out is as much later');
is_deeply([map { "$_->{due_at} " . ($_->{twice} ? 1 : 0) }
           @{ preview(starts_at => '2027-10-30T02:30',
                      time_zone => 'Europe/Berlin', rrule => 'FREQ=DAILY',
                      limit => 3) }],
          ['2027-10-30T00:30:00Z 0', '2027-10-31T00:30:00Z 1',
           '2027-11-01T01:30:00Z 0'],
          'of a time that it shows twice the first');
is_deeply([map { $_->{due_at} }
           @{ preview(starts_at => '2027-04-03T01:45',
                      time_zone => 'Australia/Lord_Howe',
                      rrule => 'FREQ=DAILY', limit => 3) }],
          ['2027-04-02T14:45:00Z', '2027-04-03T14:45:00Z',
           '2027-04-04T15:15:00Z'], 'also where it is half an hour');
is_deeply([map { $_->{due_at} }
           @{ preview(starts_at => '2027-01-15T09:00',
                      time_zone => 'America/New_York',
                      rrule => 'FREQ=MONTHLY', limit => 4) }],
          ['2027-01-15T14:00:00Z', '2027-02-15T14:00:00Z',
           '2027-03-15T13:00:00Z', '2027-04-15T13:00:00Z'],
          'nine o\'clock stays nine o\'clock');
is_deeply([map { $_->{starts_at} }
           @{ preview(starts_at => '2027-01-31T09:00', time_zone => 'UTC',
                      rrule => 'FREQ=MONTHLY', limit => 3) }],
          ['2027-01-31T09:00:00', '2027-03-31T09:00:00',
           '2027-05-31T09:00:00'], 'the 31st is left out');
is_deeply([map { $_->{starts_at} }
           @{ preview(starts_at => '2027-01-31T09:00', time_zone => 'UTC',
                      rrule => 'FREQ=MONTHLY', month_end => 'last_day',
                      limit => 3) }],
          ['2027-01-31T09:00:00', '2027-02-28T09:00:00',
           '2027-03-31T09:00:00'], 'or is the last day');
is_deeply([map { $_->{starts_at} }
           @{ preview(starts_at => '2028-02-29T09:00', time_zone => 'UTC',
                      rrule => 'FREQ=YEARLY', limit => 2) }],
          ['2028-02-29T09:00:00', '2032-02-29T09:00:00'], '29 February');
is_deeply([map { $_->{starts_at} }
           @{ preview(starts_at => '1997-09-02T09:00', time_zone => 'UTC',
                      rrule => 'FREQ=DAILY', after => '2027-01-01T09:00',
                      limit => 1) }],
          ['2027-01-02T09:00:00'], 'after a time');


# the rules are written where people look

my $description = $t->get('/api/v1/openapi.json')->{content};

like($description, qr/\Q$_\E/, "written: $_") for
    'A time that the clock leaves out in spring is as much later',
    'one that it shows twice in autumn is the first',
    'of 29 February: skip leaves it out (RFC 5545), last_day takes the month\'s '
    . 'last', 'skip marks it missed and tells; send makes the last of them late';


# made and refused

my $x = create(name => 'Hello');
is($x->{status}, 'active', 'active');
is($x->{starts_at}, $later, 'its time');
is($x->{next_at}, $later . 'Z', 'and when that is');
is_deeply($x->{document}, { %doc }, 'its document as it was given');
is_deeply($t->api('GET', "/schedules/$x->{id}")->{json}, $x, 'reads the same');
is($t->api('GET', '/schedules')->{json}{data}[0]{id}, $x->{id}, 'listed');
is(scalar @{ $t->api('GET', '/schedules?kind=status')->{json}{data} }, 0,
   'by its kind');
is_deeply([map { [@$_{qw(starts_at state)}] } @{ occurrences($x->{id}) }],
          [[$later, 'scheduled']], 'its occurrence waits');

for my $bad (
    ['/starts_at', starts_at => 'tomorrow, at nine'],
    ['/starts_at', starts_at => '2027-01-31T09:00:00Z'],
    ['/starts_at', starts_at => '2027-02-30T09:00'],
    ['/starts_at', starts_at => '2020-01-31T09:00'],
    ['/time_zone', time_zone => 'Europe/Berlin2'],
    ['/rrule', rrule => 'every day'], ['/rrule', rrule => 'FREQ=MINUTELY'],
    ['/rrule', rrule => 'FREQ=DAILY;BYSECOND=1'],
    ['/rrule', rrule => 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30'],
    ['/rrule', rrule => 'FREQ=DAILY;UNTIL=20200101T000000Z'],
    ['/kind', kind => 'letter'], ['/misfire', misfire => 'never'],
    ['/grace_s', grace_s => -1], ['/document', document => 'hello'],
    ['/next_at', next_at => $later],
    ['/delete_after_s', delete_after_s => 3600],
    ['/document/send_at', document => { %doc, send_at => "${later}Z" }],
    ['/document/account_id', document => { %doc, account_id => $none }],
    ['/document/contact_id', document => { %doc, contact_id => $none }],
    ['/document/template/id', document => { %doc, template =>
        { id => $none } }],
    ['/document/text', document => { account_id => $a->{id},
        contact_id => $c->{id} }],
    ['/document/colour', document => { %doc, colour => 'red' }],
    ['/document/audience', kind => 'broadcast', document => { name => 'x',
        account_id => $a->{id}, template_id => $tpl->{id},
        audience => { tags => 1 } }],
    ['/document/audience', kind => 'broadcast', document => { name => 'x',
        account_id => $a->{id}, template_id => $tpl->{id},
        audience => { sequence => $none, cohort => 1 } }],
    ['/cancel_if_replied', cancel_if_replied => $true, kind => 'broadcast',
        document => { name => 'x', account_id => $a->{id},
        template_id => $tpl->{id}, audience => { all => $true } }])
{
    my ($pointer, %change) = @$bad;
    my $what = JSON::PP->new->canonical->allow_nonref->encode(\%change);
    my $r = $t->api('POST', '/schedules', { %s, %change });

    is("$r->{status} " . ($r->{json}{errors}[0]{pointer} // $r->{content}),
       "422 $pointer", $what);
}

is($t->sql('SELECT count(*) FROM schedules'), 1, 'nothing was left behind');
is($t->sql('SELECT count(*) FROM messages'), 0, 'nor made');


# changed

my $r = $t->api('GET', "/schedules/$x->{id}");
my $tag = $r->{headers}{etag};
ok($tag, 'it has a version');
my $day = wall(time + 2 * 86400);
$r = $t->api('PATCH', "/schedules/$x->{id}", { starts_at => $day },
             headers => { 'If-Match' => $tag });
is($r->{status}, 200, 'moved') or diag($r->{content});
is($r->{json}{next_at}, "${day}Z", 'to another day');
is($r->{json}{name}, 'Hello', 'the rest stays');
is_deeply([map { $_->{starts_at} } @{ occurrences($x->{id}) }], [$day],
          'the old occurrence is gone');
is($t->api('PATCH', "/schedules/$x->{id}", { name => 'x' },
   headers => { 'If-Match' => $tag })->{status}, 412, 'the old version');
is($t->api('PATCH', "/schedules/$x->{id}", { document => { %doc,
   contact_id => $none } })->{json}{errors}[0]{pointer},
   '/document/contact_id', 'checked again');
is($t->api('POST', "/schedules/$x->{id}/pause")->{json}{next_at}, undef,
   'paused');
is($t->api('POST', "/schedules/$x->{id}/pause")->{status}, 409, 'once');
is($t->api('POST', "/schedules/$x->{id}/resume")->{json}{status}, 'active',
   'resumed');
ok(wait_until { ($t->api('GET', "/schedules/$x->{id}")->{json}{next_at} // '')
                eq "${day}Z" } 10, 'and waits again');
$r = $t->api('POST', "/schedules/$x->{id}/duplicate", { name => 'Again' });
is($r->{status}, 201, 'duplicated') or diag($r->{content});
isnt($r->{json}{id}, $x->{id}, 'another one');
is($r->{json}{name}, 'Again', 'with another name');
is($r->{json}{next_at}, "${day}Z", 'at the same time');
is($t->api('DELETE', "/schedules/$r->{json}{id}")->{status}, 204, 'deleted');
is($t->api('GET', "/schedules/$r->{json}{id}")->{status}, 404, 'gone');
is($t->api('POST', "/schedules/$x->{id}/cancel")->{json}{status}, 'cancelled',
   'cancelled');
is($t->api('PATCH', "/schedules/$x->{id}", { name => 'x' })->{status}, 409,
   'for good');
is($t->sql("SELECT count(*) FROM errands WHERE kind = 'schedule'"), 0,
   'no timer is left');


# it happens

my $stream = $t->stream;
my $soon = wall(time + 2);
$x = create(starts_at => $soon);
$r = wait_until { my $l = occurrences($x->{id});
                  $l->[0]{state} eq 'posted' && $l } 20, 'posted';
my $m = $t->api('GET', "/messages/$r->[0]{ref_id}")->{json};
is($m->{contact_id}, $c->{id}, 'the message');
ok(wait_until { $t->api('GET', "/messages/$m->{id}")->{json}{status}
                eq 'read' } 15, 'it went');
is(scalar(my @l = $t->ledger(to => '254712345678')), 1, 'once');
is($t->api('GET', "/schedules/$x->{id}")->{json}{status}, 'finished',
   'finished');
is($t->sql("SELECT count(*) FROM errands WHERE kind = 'schedule'"), 0,
   'its timer is gone');
$r = $t->api('GET', "/schedules/$x->{id}/runs")->{json}{data}[0];
is($r->{counters}{sent}, 1, 'counted among its runs');

# a refusal at its time
my $gone = $t->api('POST', '/contacts', { phone => '+254712345679' })->{json};
$x = create(starts_at => wall(time + 3), document => { %doc,
    contact_id => $gone->{id} });
$t->api('DELETE', "/contacts/$gone->{id}");
$r = wait_until { my $l = occurrences($x->{id});
                  $l->[0]{state} eq 'failed' && $l } 20, 'failed';
is($r->[0]{reason}, 'not_found', 'for a reason');
like($r->[0]{detail}, qr{^/contact_id: there is no such contact}, 'in words');

# a campaign that comes again: the next one is planned, and has its date
my %b = (kind => 'broadcast', rrule => 'FREQ=DAILY', document => {
    name => 'Daily', account_id => $a->{id}, template_id => $tpl->{id},
    audience => { tag => 'vip' } });
my $at = time + 3;
$x = create(%b, starts_at => wall($at));
is($x->{next_at}, wall($at) . 'Z', 'the first');
$r = wait_until { my ($l) = grep { $_->{state} eq 'posted' }
                            @{ occurrences($x->{id}) }; $l } 20, 'posted';
my $b = $t->api('GET', "/broadcasts/$r->{ref_id}")->{json};
is($b->{name}, 'Daily, ' . substr(wall($at), 0, 10) . ' '
   . substr(wall($at), 11, 5), 'a broadcast with its date');
ok(wait_until { $t->api('GET', "/schedules/$x->{id}")->{json}{next_at} eq
                wall($at + 86400) . 'Z' } 10, 'and tomorrow again');
ok(wait_until { $t->api('GET', "/broadcasts/$r->{ref_id}")->{json}{counters}
                {read} == 4 } 20, 'everybody got it');
is($t->api('GET', "/schedules/$x->{id}/runs")->{json}{data}[0]{counters}{read},
   4, 'its counters are side by side');
$stream->read(1) if $stream->can('read');
my @e = grep { ($_->{event} // '') eq 'schedule.occurrence' } $stream->events;
cmp_ok(scalar @e, '>=', 3, 'told to the streams');


# one occurrence by itself

my $one = wall($at + 86400);
my $path = "/schedules/$x->{id}/occurrences";
my $moved = wall($at + 90000);
$r = $t->api('PATCH', "$path/$one", { starts_at => $moved });
is($r->{status}, 200, 'moved') or diag($r->{content});
is($r->{json}{due_at}, "${moved}Z", 'an hour later');
ok(wait_until { $t->api('GET', "/schedules/$x->{id}")->{json}{next_at}
                eq "${moved}Z" } 10, 'it is the next');
my $third = wall($at + 3 * 86400);
is($t->api('PATCH', "$path/$third", { cancelled => $true })->{json}{state},
   'cancelled', 'a later one is left out');
is($t->api('PATCH', "$path/$third", { cancelled => $false })->{json}{state},
   'scheduled', 'and comes back');
$t->api('PATCH', "$path/$third", { cancelled => $true });
$r = $t->api('PATCH', "$path/" . wall($at + 2 * 86400), { document =>
    { name => 'Special' } });
is_deeply($r->{json}{document}, { name => 'Special' }, 'its own name');
is($t->api('PATCH', "$path/" . wall($at + 4 * 86400), { document =>
   { template_id => $none } })->{json}{errors}[0]{pointer},
   '/document/template_id', 'checked');
is($t->api('PATCH', "$path/" . wall($at + 4000), { cancelled => $true })
   ->{status}, 404, 'no place of the rule');
is($t->api('PATCH', "$path/$one", { starts_at => '2020-01-01T00:00' })
   ->{json}{errors}[0]{pointer}, '/starts_at', 'not into the past');
is($t->api('PATCH', "$path/" . wall($at), { cancelled => $true })->{status},
   409, 'not what was');

# all from one on
$r = $t->api('POST', "/schedules/$x->{id}/split", { from => wall($at + 5
    * 86400), name => 'Rest', starts_at => wall($at + 5 * 86400 + 3600) });
is($r->{status}, 201, 'cut') or diag($r->{content});
is($r->{json}{starts_at}, wall($at + 5 * 86400 + 3600), 'an hour later');
is($t->sql("SELECT ends_before FROM schedules WHERE id = '$x->{id}'"),
   strftime('%Y-%m-%d %H:%M:%S', gmtime($at + 5 * 86400)), 'the old one ends');
my $count = create(%b, starts_at => wall($at + 7000),
                   rrule => 'FREQ=DAILY;COUNT=5');
$r = $t->api('POST', "/schedules/$count->{id}/split", { from => wall($at
    + 7000 + 2 * 86400), name => 'Rest' });
is($r->{json}{rrule}, 'FREQ=DAILY;COUNT=3', 'what is left of a count');
is($t->api('POST', "/schedules/$count->{id}/split", { from => wall($at) })
   ->{json}{errors}[0]{pointer}, '/from', 'only at a place of it');


# late

sub late {
    my ($id, $ago) = @_;

    # as if nobody had looked for so long
    $t->sql("UPDATE occurrences SET due_at = now() - interval '$ago' "
            . "WHERE schedule_id = '$id' AND state = 'scheduled'; "
            . "UPDATE agenda a SET due_at = now() FROM errands e WHERE "
            . "e.ref_id = '$id' AND a.ref_id = e.id");
    $t->api('POST', '/schedules', { %s });
}

$x = create();
late($x->{id}, '2 hours');
ok(wait_until { occurrences($x->{id})->[0]{state} eq 'missed' } 15,
   'too late: missed');
$x = create(grace_s => 86400);
late($x->{id}, '2 hours');
ok(wait_until { occurrences($x->{id})->[0]{state} eq 'posted' } 15,
   'within its grace: late');
$x = create(misfire => 'send');
late($x->{id}, '2 hours');
ok(wait_until { occurrences($x->{id})->[0]{state} eq 'posted' } 15,
   'or in any case');

# of many that nobody looked at only the last goes
for my $p (['skip', 0], ['send', 1]) {
    my ($misfire, $posted) = @$p;
    my $begin = int(time / 3600) * 3600 + 1800;

    $x = create(rrule => 'FREQ=HOURLY', misfire => $misfire, grace_s => 60,
                starts_at => wall($begin + 3600));
    $t->sql("UPDATE schedules SET starts_at = starts_at - interval '10 hours',"
            . " place = starts_at - interval '11 hours' "
            . "WHERE id = '$x->{id}'; DELETE FROM occurrences "
            . "WHERE schedule_id = '$x->{id}'");
    late($x->{id}, '1 hour');
    ok(wait_until { my %n; $n{$_->{state}}++ for @{ occurrences($x->{id}) };
                    ($n{scheduled} // 0) == 1 && ($n{missed} // 0) >= 8
                    && ($n{posted} // 0) == $posted } 20,
       "$misfire: $posted of ten") or diag(explain occurrences($x->{id}));
    $t->api('POST', "/schedules/$x->{id}/cancel");
}


# not any more when they wrote

$x = create(cancel_if_replied => $true, starts_at => wall(time + 4));
$t->open_window($a->{id}, $c->{id});
ok(wait_until { $t->api('GET', "/schedules/$x->{id}")->{json}{status}
                eq 'cancelled' } 15, 'they wrote: cancelled');
is($t->api('GET', "/schedules/$x->{id}")->{json}{reason}, 'replied', 'that is '
   . 'why');
is(occurrences($x->{id})->[0]{state}, 'cancelled', 'its occurrence too');


# the best time

my $new = $t->api('POST', '/contacts', { phone => '+254712345699' })->{json};
$x = create(best_time => $true, document => { %doc,
    contact_id => $new->{id} });
is(substr($x->{next_at}, 11, 5), '07:00', 'nobody knows: at ten, their clock');
is($t->api('POST', '/schedules', { %s, best_time => $true,
   starts_at => wall(time + 60) })->{json}{errors}[0]{pointer}, '/starts_at',
   'not today');


# another organisation sees nothing

my $p = $t->org;
for my $m (['GET', ''], ['PATCH', ''], ['DELETE', ''], ['POST', '/pause'],
           ['POST', '/duplicate'], ['GET', '/occurrences'], ['GET', '/runs'],
           ['PATCH', "/occurrences/$later"])
{
    is($t->api($m->[0], "/schedules/$x->{id}$m->[1]",
               $m->[0] eq 'GET' ? undef : {}, token => $p->{key})->{status},
       404, "$m->[0] $m->[1] of another's");
}

$t->done;
