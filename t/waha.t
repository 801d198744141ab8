#!/usr/bin/perl

# A phone behind a QR code as a number like any other: messages and their receipts, what
# people write, under two names and in groups, what is written by the phone itself;
# what was missed is fetched; a session that is dead or gone stops what is sent.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Herald::Test;
use Herald::Test::Waha;
use Test::More;

my $t = Herald::Test->new(Herald::Test::Waha::conf());
my $o = $t->org;
my $w = Herald::Test::Waha->connected($t, phone => '+254700000007');
my $stream = $t->stream;

is($stream->status, 200, 'the stream is open');

my $ann = $t->api('POST', '/contacts', { name => 'Ann', phone => '+254712345678' })->{json};

sub message {
    my ($id) = @_;
    return $t->api('GET', "/messages/$id")->{json};
}

sub settled {
    my ($id, $status) = @_;
    wait_until { message($id)->{status} eq $status } 15,
        "$status, it is " . message($id)->{status};
    return message($id);
}

sub send_text {
    my ($contact, $text) = @_;
    my $r = $t->api('POST', '/messages', { account_id => $w->{id},
        contact_id => $contact, text => $text });
    is($r->{status}, 202, "taken: $text");
    return $r->{json}{id};
}

sub thread {
    my ($contact) = @_;
    return $t->api_all("/messages?contact_id=$contact");
}

sub came {
    my ($text) = @_;
    my @m = grep { $_->{text} eq $text } $t->api_all('/messages?direction=in');
    return @m;
}


# to a person, without any window

my $id = send_text($ann->{id}, 'Habari');
my $m = settled($id, 'read');
ok($m->{$_}, "$_ is known") for qw(sent_at delivered_at read_at provider_id);
my @l = $t->ledger(wamid => $m->{provider_id});
is(scalar @l, 1, 'the gateway took it once');
is($l[0]{to}, '254712345678', 'for that phone');
is($l[0]{text}, 'Habari', 'as it was');
like($l[0]{reference}, qr/^h1\./, 'its key says whose it is');
is(scalar(grep { $_->{text} eq 'Habari' } thread($ann->{id})), 1,
   'its echo is no other message');


# from a person: once, however often and under which name it comes

$w->phone('say', from => '+254712345678', name => 'Ann O', text => 'Poa', key => '3AFF01');
wait_until { came('Poa') } 10, 'what she wrote';
my ($in) = came('Poa');
is($in->{contact_id}, $ann->{id}, 'is hers');
is($in->{type}, 'text', 'a text');
is($in->{provider_id}, 'false_254712345678@c.us_3AFF01', 'under its name');

for my $again ({ id => 'false_254712345678@c.us_3AFF01', from => '254712345678@c.us' },
               { id => 'false_991@lid_3AFF01', from => '991@lid' })
{
    is($w->hook('message.any', { %$again, fromMe => JSON::PP::false(), body => 'Poa',
        timestamp => time })->{status}, 200, 'it comes again');
}
is(scalar came('Poa'), 1, 'and is one message');

$w->phone('say', from => '77123@lid', text => 'Nobody knows my phone', key => '3AFF02');
wait_until { came('Nobody knows my phone') } 10, 'who is only a LID';
my ($lid) = came('Nobody knows my phone');
my $lid_contact = $t->api('GET', "/contacts/$lid->{contact_id}")->{json};
is($lid_contact->{phone}, undef, 'is a contact without a phone');
$id = send_text($lid->{contact_id}, 'Karibu');
settled($id, 'read');
@l = $t->ledger(wamid => message($id)->{provider_id});
is($l[0]{to}, '77123', 'and is answered there');


# signatures

my $body = JSON::PP->new->canonical->encode({ id => 'evt_1', event => 'message',
    session => $w->{name}, payload => { id => 'false_1555@c.us_X', from => '15550109999@c.us',
    body => 'forged', timestamp => time } });
is($w->hook(undef, undef, body => $body, signature => 'a' x 128)->{status}, 401,
   'a wrong signature');
is($w->hook(undef, undef, body => $body, signature => '')->{status}, 401, 'none');
is($w->hook(undef, undef, body => $body, algorithm => 'md5')->{status}, 401,
   'another algorithm');
is($w->hook(undef, undef, body => 'no json')->{status}, 400, 'no JSON');
is(scalar came('forged'), 0, 'nothing came of them');
is($w->hook('message', { id => 'false_254712345678@c.us_OTHER', from => '254712345678@c.us',
    body => 'of another session', timestamp => time })->{status}, 200, 'signed');
is($w->hook({ event => 'message', session => 'another', payload => { id =>
    'false_254712345678@c.us_S2', from => '254712345678@c.us', body => 'elsewhere',
    timestamp => time } })->{status}, 200, 'of another session');
is(scalar came('elsewhere'), 0, 'is not ours');


# a group

my $r = $w->ask('GET', '/groups');
is($r->{status}, 200, 'groups');
is($r->{json}{data}[0]{name}, 'Sandbox friends', 'by their names');
is($r->{json}{data}[0]{participants}, 2, 'with so many people');
is($r->{json}{data}[0]{contact_id}, undef, 'no contact yet');
my $group = $r->{json}{data}[0]{id};

$r = $w->ask('POST', '/groups', { id => $group });
is($r->{status}, 201, 'which it becomes');
my $friends = $r->{json}{contact_id};
is($t->api('GET', "/contacts/$friends")->{json}{name}, 'Sandbox friends', 'by its name');
is($w->ask('POST', '/groups', { id => $group })->{json}{contact_id}, $friends, 'once');
is($w->ask('POST', '/groups', { id => '1@g.us' })->{status}, 422, 'not one that we are not in');
is($w->ask('GET', '/groups')->{json}{data}[0]{contact_id}, $friends, 'and is listed so');

$id = send_text($friends, 'To all of you');
settled($id, 'read');
@l = $t->ledger(wamid => message($id)->{provider_id});
is($l[0]{to} . '@g.us', $group, 'it went to the group');

$w->phone('say', group => $group, from => '+254799999999', name => 'Zed', text => 'All hello');
wait_until { came('All hello') } 10, 'what somebody wrote in it';
is((came('All hello'))[0]{contact_id}, $friends, 'is in its thread');


# by the phone itself

$w->phone('say', from => '+254712345678', by_phone => JSON::PP::true(), text => 'From my pocket');
wait_until { grep { $_->{text} eq 'From my pocket' } thread($ann->{id}) } 10,
    'what was written by the phone';
my ($echo) = grep { $_->{text} eq 'From my pocket' } thread($ann->{id});
is($echo->{direction}, 'out', 'is ours');
is($w->hook('message.ack', { id => "true_254712345678\@c.us_$echo->{provider_id}",
    fromMe => JSON::PP::true(), ack => 3 })->{status}, 200, 'its receipt');
is(message($echo->{id})->{status}, 'read', 'finds it');


# other kinds

my %kinds = (
    image => [{ from => '+254712345678', media => 'image/jpeg', text => 'look' }, 'look'],
    interactive => [{ from => '+254712345678', choice => 'row-1', text => 'Large' }, 'Large'],
);
for my $type (sort keys %kinds) {
    $w->phone('say', %{ $kinds{$type}[0] });
    wait_until { came($kinds{$type}[1]) } 10, $type;
    is((came($kinds{$type}[1]))[0]{type}, $type, "of type $type");
}

for my $e (['message.reaction', { id => 'false_254712345678@c.us_R1', timestamp => time,
            from => '254712345678@c.us', fromMe => JSON::PP::false(),
            reaction => { text => "\x{1F44D}", messageId => 'true_254712345678@c.us_X' } },
            'reaction'],
           ['poll.vote', { vote => { id => 'false_254712345678@c.us_V1', from =>
            '254712345678@c.us', to => 'me', selectedOptions => ['Tue'], timestamp => time },
            poll => { id => 'true_254712345678@c.us_P' } }, 'poll_vote'],
           ['message.revoked', { revokedMessageId => '3AFF01', after => { id =>
            'false_254712345678@c.us_3AFF01', timestamp => time,
            from => '254712345678@c.us' } }, 'revoke'])
{
    is($w->hook($e->[0], $e->[1])->{status}, 200, $e->[0]);
    is(scalar(grep { $_->{type} eq $e->[2] } thread($ann->{id})), 1, "one $e->[2]");
}

is($w->hook('call.received', { id => 'C1', from => '254712345678@c.us' })->{status}, 200,
   'a call');
is($w->hook('some.thing.new', { id => 1 })->{status}, 200, 'what nobody knows');
is($t->sql("SELECT count(*) FROM webhook_events WHERE field IN ('call.received',
            'some.thing.new')"), 2, 'both are kept');


# a template goes as its text; a file is fetched; a story is posted and taken back

my $tpl = $t->api('POST', '/templates', { name => 'ready', language => 'en',
    category => 'utility', header => 'Order {{order}}',
    body => 'Hi {{name}}, it is ready.', footer => 'The shop' })->{json};
$r = $t->api('POST', '/messages', { account_id => $w->{id}, contact_id => $ann->{id},
    template => { id => $tpl->{id}, variables => { order => '7' } } });
is($r->{status}, 202, 'a template') or diag($r->{content});
$m = settled($r->{json}{id}, 'read');
@l = $t->ledger(wamid => $m->{provider_id});
like($l[0]{text}, qr/Hi Ann, it is ready\./, 'is what people read');

wait_until { ((came('look'))[0]{media}{state} // '') eq 'ready' } 20, 'her picture is fetched';
is((came('look'))[0]{media}{mime}, 'image/png', 'as what it is');

$r = $t->api('POST', '/statuses', { account_id => $w->{id},
    content => { type => 'text', text => 'Open today' }, 
    recipients => { phones => ['+254712345678'] } });
like($r->{status}, qr/^20[12]$/, 'a story') or diag($r->{content});
my $story = $r->{json}{id};
wait_until { $t->api('GET', "/statuses/$story")->{json}{state} eq 'posted' } 20, 'posted';
@l = $t->ledger(outcome => 'story');
is(scalar @l, 1, 'once');
is($t->api('DELETE', "/statuses/$story")->{status}, 202, 'taken back') if @l;
wait_until { $t->ledger(outcome => 'deleted') } 20, 'there too';
is(($t->ledger(outcome => 'deleted'))[0]{wamid}, $l[0]{wamid}, 'the same one');


# what WAHA has no words for fails at once, and says so

$r = $t->api('POST', '/messages', { account_id => $w->{id}, contact_id => $ann->{id},
    content => { type => 'interactive', interactive => { type => 'catalog_message',
        body => { text => 'Our goods' }, action => { name => 'catalog_message' } } } });
is($r->{status}, 202, 'a catalogue is taken');
is(settled($r->{json}{id}, 'failed')->{error_code}, 131051, 'and fails: WAHA has none');


# an answer that is lost: the echo tells that it went

$t->sandbox_set($w->{name}, faults => [{ kind => 'reset', taken => JSON::PP::true(),
                                         next => 1 }]);
$id = send_text($ann->{id}, 'Did it go?');
$m = settled($id, 'read');
is(scalar(grep { ($_->{text} // '') eq 'Did it go?' } $t->ledger), 1, 'it went once');


# connected but dead: nothing arrives, until somebody looks

$w->phone('dead');
$w->phone('say', from => '+254712345678', text => 'Are you there?', key => '3ADEAD');
# as if it had been a while ago that anything came
$t->sql("UPDATE accounts SET inbound_at = now() - interval '10 minutes', status_seen_at = NULL,
         created_at = now() - interval '1 day', session_at = now() - interval '1 hour'
         WHERE id = '$w->{id}'");
is(scalar came('Are you there?'), 0, 'it did not arrive');

is($w->ask('POST', '/session/check')->{status}, 202, 'somebody looks');
wait_until { ($w->session->{health}{verdict} // '') eq 'silent' } 15, 'it is dead';
my $s = $w->session;
like($s->{health}{words}, qr/connected but dead/, 'in words');
ok($s->{health}{fix}, 'and what to do');
wait_until { came('Are you there?') } 15, 'what was missed is fetched';
is(scalar came('Are you there?'), 1, 'once');
wait_until { grep { ($_->{event} // '') eq 'account.health' } $stream->events } 10,
    'the stream tells it';
ok((grep { $_->{event} eq 'health' && $_->{state} eq 'silent' }
    @{ $w->ask('GET', '/history')->{json}{data} }), 'and the history');

$w->phone('alive');
$w->phone('state', state => 'STARTING');
$w->until_state('STARTING');
$w->phone('state', state => 'WORKING');
$w->until_state('WORKING');
is($w->ask('POST', '/session/check')->{status}, 202, 'restarted, somebody looks again');
wait_until { ($w->session->{health}{verdict} // '') eq 'alive' } 15, 'alive again';
pass('alive again');


# an outage of ours: webhooks are lost, the reconnection fetches what was said

$w->phone('dead');
$w->phone('say', from => '+254712345678', text => 'While you slept', key => '3ASLEPT');
$w->phone('say', from => '+254712345678', text => 'From the phone', key => '3ASLEPT2',
          by_phone => JSON::PP::true());
$w->phone('alive');
$w->phone('state', state => 'STARTING');
$w->until_state('STARTING');
$w->phone('state', state => 'WORKING');
$w->until_state('WORKING');
wait_until { came('While you slept') } 15, 'after a reconnection it is there';
is(scalar came('While you slept'), 1, 'once');
wait_until { grep { $_->{text} eq 'From the phone' } thread($ann->{id}) } 10,
    'what went out too';
is(scalar came('Poa'), 1, 'and nothing twice');


# the phone logs out: nothing is sent, and it goes when it is back

$w->phone('logout');
$s = $w->until_state('FAILED');
is($s->{status}, 'disconnected', 'the number is disconnected');
$id = send_text($ann->{id}, 'Later');
wait_until { message($id)->{status} eq 'queued' } 5, 'it waits';
is(scalar(grep { ($_->{text} // '') eq 'Later' } $t->ledger), 0, 'and is not tried');
is($w->ask('POST', '/session/restart')->{json}{state}, 'SCAN_QR_CODE', 'restarted');
$w->phone('scan', phone => '+254700000007');
$w->until_state('WORKING');
settled($id, 'read');
is(scalar(grep { ($_->{text} // '') eq 'Later' } $t->ledger), 1, 'it went once');


# a session that the gateway says is not there while we believe it is

$t->sql("UPDATE accounts SET session_told = now() + interval '1 minute' WHERE id = '$w->{id}'");
$w->phone('state', state => 'STOPPED');
$id = send_text($ann->{id}, 'To a stopped one');
wait_until { $w->session->{status} ne 'connected' } 15, 'its refusal stops the number';
is($w->session->{status_code}, 1422, 'with its code');
like($w->session->{status_fix}, qr/scan/i, 'and what to do');

$t->done;
