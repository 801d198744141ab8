#!/usr/bin/perl

# Notices by e-mail: who hears of what, what the e-mail says, what becomes of one that
# is not taken.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64;
use Encode;
use Herald::Test;
use Herald::Test::Smtp;
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

my $smtp = Herald::Test::Smtp->new;
my $t = Herald::Test->new(
    http => 'herald_smtp ' . $smtp->url . ' from=herald@shop.example;'
        . ' herald_public_url https://crm.shop.example/;');
my $o = $t->org;
my $other = $t->org;

# ── the resource ──

my $r = $t->api('POST', '/notices', { name => 'Ops', events =>
    ['number.disconnected', 'broadcast.finished'],
    emails => ['Ops@shop.example', 'boss@shop.example', 'ops@shop.example'] },
    token => $o->{key});
is($r->{status}, 201, 'made') or diag($r->{content});
my $n = $r->{json};
is_deeply($n->{emails}, ['boss@shop.example', 'ops@shop.example'],
          'each address once');
is_deeply($n->{failures}, [], 'nothing failed');

$r = $t->api('GET', "/notices/$n->{id}", undef, token => $o->{key});
is_deeply($r->{json}, $n, 'reads the same');
my $etag = $r->{headers}{etag};
ok($etag, 'with an ETag');

$r = $t->api('GET', '/notices', undef, token => $o->{key});
is(scalar @{ $r->{json}{data} }, 1, 'a list');
is($t->api('GET', '/notices', undef, token => $other->{key})
   ->{json}{data}[0], undef, 'another organisation sees none');
is($t->api('GET', "/notices/$n->{id}", undef, token => $other->{key})
   ->{status}, 404, 'nor reads it');
is($t->api('DELETE', "/notices/$n->{id}", undef, token => $other->{key})
   ->{status}, 404, 'nor deletes it');

for my $bad (
    [{ events => ['x'], emails => ['a@b.example'] }, '/events'],
    [{ events => [], emails => ['a@b.example'] }, '/events'],
    [{ events => ['template.paused'], emails => ['nobody'] }, '/emails/0'],
    [{ events => ['template.paused'],
       emails => ['a@b.example', "c\@d.example>\r\nBcc: x"] }, '/emails/1'],
    [{ events => ['template.paused'] }, '/emails'])
{
    $r = $t->api('POST', '/notices', $bad->[0], token => $o->{key});
    is($r->{status}, 422, "refused: $bad->[1]") or diag($r->{content});
    like($r->{json}{errors}[0]{pointer} // '', qr/^\Q$bad->[1]\E/, 'and where');
}

$r = $t->api('PATCH', "/notices/$n->{id}", { name => 'x' }, token => $o->{key},
             headers => { 'If-Match' => '"stale"' });
is($r->{status}, 412, 'somebody else changed it');
$r = $t->api('PATCH', "/notices/$n->{id}", { emails => ['ops@shop.example'] },
             token => $o->{key}, headers => { 'If-Match' => $etag });
is($r->{status}, 200, 'changed') or diag($r->{content});
is_deeply($r->{json}{events}, $n->{events}, 'what is absent stays');

# ── a test e-mail ──

$r = $t->api('POST', '/notices/test', { email => 'stranger@else.example' },
             token => $o->{key});
is($r->{status}, 422, 'nobody is written to who was not named');
is($r->{json}{code}, 'unknown_address', 'and it says so');

$r = $t->api('POST', '/notices/test', { email => 'ops@shop.example' },
             token => $o->{key});
is($r->{status}, 200, 'a test goes at once') or diag($r->{content});
my @mail = $smtp->mail;
is(scalar @mail, 1, 'and arrives');
is($mail[0]{from}, 'herald@shop.example', 'from the address of the directive');
is($mail[0]{to}, 'ops@shop.example', 'to the one that was asked for');

$smtp->refuse('RCPT', 550, 1);
$r = $t->api('POST', '/notices/test', { email => 'ops@shop.example' },
             token => $o->{key});
is($r->{status}, 502, 'a refusal is told');
is($r->{json}{mail_server}{code}, 550, 'with its code') or diag($r->{content});

# ── an event ──

my $account = $t->api('POST', '/accounts', { name => 'Shop', provider => 'cloud_api',
    phone => '+254700000001', number_id => '1', token => 'token',
    app_secret => 'secret-secret' }, token => $o->{key})->{json};
$t->sql("UPDATE accounts SET name = 'Näirobi Läden und eine sehr lange "
    . "Bezeichnung für diesen Laden', status = 'disconnected', "
    . "status_reason = 'The token is expired.' WHERE id = '$account->{id}'");

# the agenda is read once a minute, and by each new helper
sub now {
    $t->sql("UPDATE agenda SET due_at = now() WHERE kind = 'errand'");
    $t->reload;
}

now();
ok(wait_until { scalar($smtp->mail) == 2 } 90, 'the notice comes');
my $m = ($smtp->mail)[-1];
is($m->{to}, 'ops@shop.example', 'to the address of the notice');

my ($head, $body) = split /\r\n\r\n/, $m->{data}, 2;
my ($subject) = $head =~ /^Subject: ([^\r]*(?:\r\n [^\r]*)*)/m;
is(decode('MIME-Header', $subject),
   'Näirobi Läden und eine sehr lange Bezeichnung für diesen Laden: '
   . 'the number is disconnected', 'the subject, in encoded words');
is((grep { length > 76 } split /\r\n/, $head), 0, 'no header is too long');
unlike($m->{data}, qr/[^\x00-\x7f]/, 'all of it is ASCII');
like($head, qr/^Date: \w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r$/m, 'date');
like($head, qr/^Message-ID: <[0-9a-f-]{36}\@shop\.example>\r$/m, 'id');
like($head, qr/^Auto-Submitted: auto-generated\r$/m, 'no out-of-office answers');
$body = decode('UTF-8', decode_base64($body));
like($body, qr/The token is expired\./, 'why');
like($body, qr/resume the number/, 'what to do');
like($body, qr{https://crm\.shop\.example\r\n}, 'where to look');

# on and off again: one e-mail waits, the next ten minutes
for (1 .. 3) {
    $t->sql("UPDATE accounts SET status = 'connected' WHERE id = "
                  . "'$account->{id}'");
    $t->sql("UPDATE accounts SET status = 'disconnected', status_reason = "
                  . "'again $_' WHERE id = '$account->{id}'");
}
is($t->sql("SELECT count(*) FROM errands WHERE kind = 'mail'"), 1,
   'of a number that comes and goes one e-mail waits');
is($t->sql("SELECT args #>> '{said,reason}' FROM errands "
                . "WHERE kind = 'mail'"), 'again 3',
   'with the newest words');
is($t->sql("SELECT a.due_at > now() + interval '5 minutes' FROM agenda a "
                . "JOIN errands e ON e.id = a.ref_id WHERE e.kind = 'mail'"), 't', 'and not now');

# by hand it is nobody's news
$t->sql("DELETE FROM errands; DELETE FROM agenda WHERE kind = 'errand'");
$t->sql("UPDATE accounts SET status = 'connected'");
$t->api('POST', "/accounts/$account->{id}/pause", {}, token => $o->{key});
is($t->sql("SELECT count(*) FROM errands WHERE kind = 'mail'"), 0, 'who pauses knows it');

# ── not taken ──

$t->sql("DELETE FROM notice_times");
$t->api('POST', "/accounts/$account->{id}/resume", {}, token => $o->{key});
$smtp->refuse('RCPT', 550, 1);
$t->sql("UPDATE accounts SET status = 'disconnected', "
              . "status_reason = 'gone' WHERE id = '$account->{id}'");
now();
ok(wait_until {
    $t->sql("SELECT count(*) FROM errands WHERE failed_at IS NOT NULL")
        eq '1' } 90, 'a refused address to fail');
$r = $t->api('GET', "/notices/$n->{id}", undef, token => $o->{key});
is($r->{json}{failures}[0]{email}, 'ops@shop.example', 'it stands at the notice');
like($r->{json}{failures}[0]{detail}, qr/550/, 'with the code');

$t->sql("DELETE FROM errands; DELETE FROM notice_times");
$t->sql("UPDATE accounts SET status = 'connected'");
$smtp->refuse('MAIL', 451, 1);
my $before = scalar $smtp->mail;
$t->sql("UPDATE accounts SET status = 'disconnected', "
              . "status_reason = 'gone' WHERE id = '$account->{id}'");
now();
ok(wait_until {
    $t->sql("SELECT count(*) FROM errands WHERE attempts > 0 "
                  . "AND failed_at IS NULL") eq '1' } 90, 'a busy server');
now();
ok(wait_until { scalar($smtp->mail) > $before } 90,
   'gets it later');
ok(wait_until { $t->sql("SELECT count(*) FROM errands WHERE kind = 'mail'") eq '0' } 10,
   'and nothing is left');

# ── each event, from what makes it ──

$t->sql("DELETE FROM errands; DELETE FROM notice_times");
$t->sql("UPDATE accounts SET status = 'connected'");

sub made {
    my ($path, %body) = @_;
    my $r = $t->api('POST', $path, \%body, token => $o->{key});

    is($r->{status}, 201, "$path: made") or diag($r->{content});
    return $r->{json}{id};
}

my @events = qw(template.rejected template.paused broadcast.paused broadcast.finished
                schedule.missed spend_limit.reached);
made('/notices', events => \@events, emails => ['all@shop.example']);
my $template = made('/templates', name => 'offer', language => 'sw',
    category => 'marketing', body => 'Hello there, this is our offer.');
my $contact = made('/contacts', phone => '+254712345678', tags => ['vip']);
my $broadcast = made('/broadcasts', name => 'Easter sale', account_id => $account->{id},
    template_id => $template, audience => { tag => 'vip' },
    send_at => '2099-01-01T09:00:00Z');
my $schedule = made('/schedules', name => 'Birthdays', kind => 'message',
    starts_at => '2098-01-01T09:00:00', time_zone => 'UTC', document => {
    account_id => $account->{id}, contact_id => $contact,
    template => { id => $template } });

sub changed {
    my ($table, $id, $set) = @_;

    $t->sql("UPDATE $table SET $set WHERE id = '$id'");
}

# to whom; the first notice is of broadcast.finished as well
sub waits {
    my ($event) = @_;

    return $t->sql("SELECT string_agg(args->>'to', ' ' ORDER BY args->>'to') "
                   . "FROM errands WHERE kind = 'mail' AND args->>'event' = '$event'");
}

for my $step (
    ['template.rejected', 'templates', $template,
     "status = 'rejected', status_reason = 'Words of an advertisement.'"],
    [undef, 'templates', $template, "status = 'approved', status_reason = NULL"],
    ['template.paused', 'templates', $template,
     "status = 'paused', status_reason = 'People blocked it.'"],
    [undef, 'broadcasts', $broadcast, "status = 'paused', pause_reason = NULL"],
    [undef, 'broadcasts', $broadcast, "status = 'scheduled'"],
    ['broadcast.paused', 'broadcasts', $broadcast, "status = 'paused', "
     . "pause_reason = 'failures', pause_detail = 'Every third failed.'"],
    [undef, 'broadcasts', $broadcast, "status = 'scheduled', pause_reason = NULL, "
     . "pause_detail = NULL"],
    ['spend_limit.reached', 'broadcasts', $broadcast, "status = 'paused', "
     . "pause_reason = 'spend_limit', pause_detail = '12.00 of 10.00 USD.'"],
    [undef, 'broadcasts', $broadcast, "status = 'scheduled', pause_reason = NULL, "
     . "pause_detail = NULL"],
    ['broadcast.finished', 'broadcasts', $broadcast,
     "status = 'completed', total = 17, started_at = now()"])
{
    my ($event, @change) = @$step;
    my $all = $t->sql("SELECT count(*) FROM errands WHERE kind = 'mail'");

    changed(@change);
    is(waits($event), $event eq 'broadcast.finished' ? 'all@shop.example ops@shop.example'
       : 'all@shop.example', "$event is told") if $event;
    is($t->sql("SELECT count(*) FROM errands WHERE kind = 'mail'"), $all,
       "nobody is told of $change[2]") if !$event;
}

$t->sql("UPDATE occurrences SET state = 'missed', reason = 'late' "
        . "WHERE schedule_id = '$schedule'");
is(waits('schedule.missed'), 'all@shop.example', 'schedule.missed is told');

sub for_all { return grep { $_->{to} eq 'all@shop.example' } $smtp->mail }

now();
ok(wait_until { scalar(for_all()) == 6 } 90, 'all of them come');

my %words;
for (map { $_->{data} } for_all()) {
    my ($head, $body) = split /\r\n\r\n/, $_, 2;
    my ($subject) = $head =~ /^Subject: ([^\r]*(?:\r\n [^\r]*)*)/m;

    $words{decode('MIME-Header', $subject)} = decode('UTF-8', decode_base64($body));
}

for my $told (
    ['Template offer (sw) was rejected', qr/Words of an advertisement\./],
    ['Template offer (sw) is paused', qr/People blocked it\./],
    ['Broadcast Easter sale was paused', qr/Every third failed\./],
    ['Broadcast Easter sale has finished', qr/to 17 people/],
    ['Birthdays: one time was missed', qr/for 2098-01-01 09:00 UTC/],
    ['The spend limit is reached', qr/12\.00 of 10\.00 USD\./])
{
    like($words{ $told->[0] } // '', $told->[1], $told->[0])
        or diag(explain([keys %words]));
}

is($t->api('DELETE', "/notices/$n->{id}", undef, token => $o->{key})->{status},
   204, 'deleted');

# ── the directive ──

for my $bad (
    ['herald_smtp http://x from=a@b.c;', qr/expected smtp:/],
    ['herald_smtp smtp://x;', qr/needs from=/],
    ['herald_smtp smtp://x from=nobody;', qr/invalid parameter "from=nobody"/],
    ['herald_smtp smtp://x from=a@b.c user=u;', qr/needs both/],
    ['herald_smtp smtp://x from=a@b.c user=u password_file=/none;',
     qr/cannot be opened/])
{
    local $t->{http} = $bad->[0];
    $t->expect_log($bad->[1]);
    my ($rc, $said) = $t->nginx_test;
    isnt($rc, 0, $bad->[0]);
    like($said, $bad->[1], 'says what is wrong');
}

$smtp->stop;
$t->done;
