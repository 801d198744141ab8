#!/usr/bin/perl

# The calendar: what is planned and what was, from rules and from rows; counts, filters,
# conflicts; an entry that is dragged; free slots; the best time; feeds for other
# calendars.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use HTTP::Tiny;
use JSON::PP;
use POSIX qw(strftime);
use Time::HiRes qw(time);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $a = $t->sandbox_account(magic => JSON::PP::true(), reply_rate => 0,
    delivered_rate => 1, read_rate => 1);
my ($true, $false) = (JSON::PP::true(), JSON::PP::false());
my $none = '00000000-0000-7000-8000-000000000000';

my $tpl = $t->api('POST', '/templates', { name => 'news', language => 'en',
    category => 'utility', body => 'News' })->{json};
my $c = $t->api('POST', '/contacts', { first_name => 'Amina',
    phone => '+254712345678', tags => ['vip'] })->{json};

sub wall { strftime '%Y-%m-%dT%H:%M:%S', gmtime($_[0]) }

# midnight of tomorrow, UTC
my $day = (int(time / 86400) + 1) * 86400;
my $from = wall($day) . 'Z';

sub calendar {
    my ($days, %q) = @_;
    my $to = wall($day + $days * 86400) . 'Z';
    my $r = $t->api('GET', "/calendar?from=$from&to=$to"
                 . join('', map { "&$_=$q{$_}" } sort keys %q));
    is($r->{status}, 200, "$days days") or diag($r->{content});
    return $r->{json};
}

sub made {
    my ($path, $body) = @_;
    my $r = $t->api('POST', $path, $body);

    like($r->{status}, qr/^20[12]$/, "$path is taken") or diag($r->{content});
    return $r->{json};
}

my %broadcast = (account_id => $a->{id}, template_id => $tpl->{id},
                 audience => { tag => 'vip' });


# empty, and what is refused

is_deeply(calendar(7), { data => [], more => $false, counts => { pending => 0,
    scheduled => 0, posted => 0, failed => 0, cancelled => 0 } },
    'nothing is planned');

for my $bad (['from', ''], ['from', 'from=tomorrow&to=x'],
             ['to', "from=$from"], ['to', "from=$from&to=$from"],
             ['to', "from=$from&to=" . wall($day + 101 * 86400) . 'Z'],
             ['type', "from=$from&to=$from&type=letter"])
{
    my $r = $t->api('GET', "/calendar?$bad->[1]");

    is("$r->{status} " . ($r->{json}{errors}[0]{pointer} // ''),
       "422 $bad->[0]", "refused: $bad->[1]");
}


# rules and rows

my $daily = made('/schedules', { kind => 'broadcast', name => 'Daily',
    document => { %broadcast, name => 'Daily' }, time_zone => 'UTC',
    starts_at => wall($day + 9 * 3600), rrule => 'FREQ=DAILY;COUNT=30' });
my $once = made('/schedules', { kind => 'message', time_zone => 'UTC',
    name => 'Hello', starts_at => wall($day + 10 * 3600), document => {
        account_id => $a->{id}, contact_id => $c->{id},
        template => { id => $tpl->{id} } } });
my $b = made('/broadcasts', { %broadcast, name => 'Sale',
    send_at => wall($day + 9 * 3600 + 30) . 'Z' });
my $m = made('/messages', { account_id => $a->{id}, contact_id => $c->{id},
    template => { id => $tpl->{id} },
    send_at => wall($day + 11 * 3600) . 'Z' });

my $x = calendar(7);
is(scalar @{ $x->{data} }, 10, 'seven days, a message, a broadcast, another');
is_deeply($x->{counts}, { pending => 0, scheduled => 10, posted => 0,
    failed => 0, cancelled => 0 }, 'counted');
is_deeply([map { $_->{at} } @{ $x->{data} }],
          [sort map { $_->{at} } @{ $x->{data} }], 'in order');
my ($e) = @{ $x->{data} };
is_deeply({ map { $_ => $e->{$_} } qw(kind schedule_id at status title
            account_id platform channel) },
          { kind => 'broadcast', schedule_id => $daily->{id},
            at => wall($day + 9 * 3600) . 'Z', status => 'scheduled',
            title => 'Daily', account_id => $a->{id},
            platform => 'cloud_api', channel => 'whatsapp' }, 'an entry');
is(scalar(grep { $_->{conflict} } @{ $x->{data} }), 2,
   'two at the same number at once are a conflict');
is_deeply([sort map { $_->{title} } grep { $_->{conflict} } @{ $x->{data} }],
          ['Daily', 'Sale'], 'those two');
is(scalar @{ calendar(40)->{data} }, 33, 'the rule ends with its count');
is(scalar @{ calendar(7, type => 'message')->{data} }, 2, 'messages');
is(scalar @{ calendar(7, platform => 'waha')->{data} }, 0, 'of no platform');
is(scalar @{ calendar(7, platform => 'whatsapp')->{data} }, 10, 'of one');
is(scalar @{ calendar(7, account_id => $none)->{data} }, 0, 'of no number');
$x = calendar(7, status => 'posted');
is(scalar @{ $x->{data} }, 0, 'posted: none');
is($x->{counts}{scheduled}, 10, 'the counts say what the others are');


# dragged

sub entry { (grep { ($_->{schedule_id} // '') eq $daily->{id}
                    && $_->{starts_at} eq $_[0] } @{ calendar(7)->{data} })[0] }

my $third = wall($day + 2 * 86400 + 9 * 3600);
$e = entry($third);
my $r = $t->api('PATCH', substr($e->{move}, 7), { date =>
    substr(wall($day + 3 * 86400), 0, 10) });
is($r->{status}, 200, 'to another day') or diag($r->{content});
is($r->{json}{due_at}, wall($day + 3 * 86400 + 9 * 3600) . 'Z',
   'the time of day stays');
is(entry($third)->{at}, $r->{json}{due_at}, 'the calendar shows it there');
is(scalar @{ calendar(7)->{data} }, 10, 'and it is one');
$r = $t->api('PATCH', substr($e->{move}, 7), { date => '2020-01-01' });
is("$r->{status} $r->{json}{errors}[0]{pointer}", '422 /date',
   'not into the past');
$t->api('PATCH', "/schedules/$daily->{id}/occurrences/"
        . wall($day + 4 * 86400 + 9 * 3600), { cancelled => $true });
is(calendar(7)->{counts}{cancelled}, 1, 'one is left out');
$t->api('POST', "/schedules/$daily->{id}/pause");
is(calendar(7)->{counts}{pending}, 6, 'paused: held');
$t->api('POST', "/schedules/$daily->{id}/resume");

# a zone: nine in Nairobi is six in UTC
my $nairobi = made('/schedules', { kind => 'broadcast', name => 'Nairobi',
    document => { %broadcast, name => 'Nairobi' },
    time_zone => 'Africa/Nairobi', starts_at => wall($day + 9 * 3600),
    rrule => 'FREQ=DAILY' });
is_deeply([map { $_->{at} } grep { $_->{title} eq 'Nairobi' }
           @{ calendar(2)->{data} }],
          [map { wall($day + $_ * 86400 + 6 * 3600) . 'Z' } 0, 1],
          'by the clock of its zone');
$t->api('DELETE', "/schedules/$nairobi->{id}");


# free slots

sub slots {
    my (%q) = @_;
    my $r = $t->api('GET', "/calendar/free-slot?account_id=$a->{id}"
                    . join '', map { "&$_=$q{$_}" } sort keys %q);

    return $r->{status} == 200 ? join(' ', map { substr $_, 11, 5 }
                                           @{ $r->{json}{data} })
                               : "$r->{status} $r->{content}";
}

my $nine = wall($day + 9 * 3600 - 900) . 'Z';
is(slots(after => $nine, n => 4), '08:45 09:15 09:30 09:45',
   'not when a broadcast goes');
$t->api('PATCH', '/settings', { time_zone => 'UTC', quiet_hours =>
    { from => '21:00', to => '08:00' } });
is(slots(after => wall($day + 20 * 3600 + 1800) . 'Z', n => 3),
   '20:30 20:45 08:00', 'not in the quiet hours');
$r = $t->api('PATCH', "/accounts/$a->{id}", { pacing => { hours => {
    from => '12:00', to => '13:00', zone => 'UTC' } } });
is($r->{status}, 200, 'hours of the number') or diag($r->{content});
is(slots(after => $nine, n => 5), '12:00 12:15 12:30 12:45 12:00',
   'only within them');
like($t->api('GET', "/calendar/free-slot?account_id=$none")->{status},
     qr/^422$/, 'of no number of ours');
like(slots(n => 99), qr/^422/, 'at most twenty');


# the best time

$r = $t->api('GET', "/best-time?contact_id=$c->{id}")->{json};
is_deeply({ map { $_ => $r->{$_} } qw(hour source reads time_zone) },
          { hour => 10, source => 'default', reads => 0,
            time_zone => 'Africa/Nairobi' }, 'nobody knows: ten');
like($r->{next_at}, qr/T07:00:00Z$/, 'by their clock');

# what they read, at seven in the evening of Nairobi
$t->sql("INSERT INTO deliveries (org_id, batch_id, seq, contact_id, "
        . "account_id, state, read_at) SELECT '$o->{id}', gen_random_uuid(), "
        . "0, '$c->{id}', '$a->{id}', 'read', "
        . "'2026-01-01 16:20Z'::timestamptz + make_interval(days => n) "
        . "FROM generate_series(1, 25) n");
$r = $t->api('GET', "/best-time?contact_id=$c->{id}")->{json};
is_deeply([@$r{qw(hour source reads)}], [19, 'contact', 25], 'theirs');
my $new = $t->api('POST', '/contacts', { phone => '+254712345679' })->{json};
is($t->api('GET', "/best-time?contact_id=$new->{id}&tag=vip")->{json}{source},
   'segment', 'of who never read anything: the segment\'s');
is($t->api('GET', '/best-time?tag=nobody')->{json}{source}, 'default',
   'of nobody: the default');
is($t->api('GET', "/best-time?contact_id=$none")->{status}, 404, 'no contact');
my $best = made('/schedules', { kind => 'message', best_time => $true,
    time_zone => 'UTC', starts_at => wall($day + 86400), document => {
        account_id => $a->{id}, contact_id => $c->{id},
        template => { id => $tpl->{id} } } });
is($best->{next_at}, wall($day + 86400 + 16 * 3600) . 'Z',
   'a schedule takes it');


# feeds

my $f = made('/feeds', { name => 'Plan, of us' });
like($f->{url}, qr{/calendar/cf_[\w-]{40,}\.ics$}, 'a secret link');
my ($path) = $f->{url} =~ m{(/calendar/.*)};
my $http = HTTP::Tiny->new;
$r = $http->get($t->url($path));
is($r->{status}, 200, 'without a credential');
is($r->{headers}{'content-type'}, 'text/calendar; charset=utf-8', 'iCalendar');
my $ics = $r->{content};
is(scalar(grep { length > 75 } split /\r\n/, $ics), 0, 'lines are folded');
is(scalar(() = $ics =~ /[^\r]\n/g), 0, 'and end with CRLF');
(my $flat = $ics) =~ s/\r\n //g;
like($flat, qr/^BEGIN:VCALENDAR\r\nVERSION:2\.0\r\n/, 'begins');
like($flat, qr/X-WR-CALNAME:Plan\\, of us\r\n/, 'its name, escaped');
my $start = wall($day + 10 * 3600) =~ s/[-:]//gr;
like($flat, qr/DTSTART:${start}Z\r\n.*SUMMARY:Hello\r\n/s, 'an event');
is(scalar(() = $flat =~ /BEGIN:VEVENT/g), scalar(() = $flat =~ /END:VEVENT/g),
   'events end');
my %uids;
$uids{$_}++ for $flat =~ /UID:(\S+)/g;
is(scalar(grep { $_ > 1 } values %uids), 0, 'their UIDs are unique');
is($http->get($t->url($path), { headers => { 'If-None-Match' =>
   $r->{headers}{etag} } })->{status}, 304, 'not modified');
is($t->api('GET', '/feeds')->{json}{data}[0]{id}, $f->{id}, 'listed');
ok(!exists $t->api('GET', '/feeds')->{json}{data}[0]{url}, 'without its link');
is($http->get($t->url($path) =~ s/\.ics$/x.ics/r)->{status}, 404, 'another');

my $p = $t->org;
is(scalar @{ $t->api('GET', "/calendar?from=$from&to="
   . wall($day + 86400) . 'Z', undef, token => $p->{key})->{json}{data} }, 0,
   'another organisation sees nothing');
is($t->api('DELETE', "/feeds/$f->{id}", undef, token => $p->{key})->{status},
   404, 'nor ends its feed');
is($t->api('DELETE', "/feeds/$f->{id}", undef, token => $o->{key})->{status},
   204, 'deleted');
is($http->get($t->url($path))->{status}, 404, 'at once');

$t->done;
