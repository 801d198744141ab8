#!/usr/bin/perl

# What is asked of WAHA, judged by WAHA's own description: every kind of message and
# every request of a session, as Herald makes them.  prism refuses what the description
# does not allow.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Herald::Test::Mock;
use Herald::Test::Waha;
use JSON::PP;
use Test::More;

my $spec = Herald::Test::Mock->spec('waha/openapi/waha-openapi-2026.7.1.patched.json');
my $t = Herald::Test->new(Herald::Test::Waha::conf());
my $o = $t->org;
my $mock = Herald::Test::Mock->new($t, $spec);
my $w = Herald::Test::Waha->new($t, number_id => 'default', base_url => $mock->url);

# the description's examples are no session that works: its webhook says that it does
is($w->ask('POST', '/session/start')->{status}, 200, 'looked at, configured, started');
is($w->hook('session.status', { name => 'default', status => 'WORKING',
    statuses => [] })->{status}, 200, 'it works');
$w->until_state('WORKING');

for my $path (qw(/session/restart /session/stop /session/logout)) {
    is($w->ask('POST', $path)->{status}, 200, $path);
}
$w->hook('session.status', { name => 'default', status => 'WORKING', statuses => [] });
$w->until_state('WORKING');

# answered with examples that are no code: what counts is what was asked
$w->ask('GET', '/qr');
$w->ask('POST', '/pairing-code', { phone => '+254712345678' });
is($w->ask('GET', '/groups')->{status}, 200, 'groups');

my $c = $t->api('POST', '/contacts', { name => 'Ann', phone => '+254712345678' })->{json};
my $n = 0;

sub accepted {
    my ($what, %body) = @_;
    my $r = $t->api('POST', '/messages', { account_id => $w->{id}, contact_id => $c->{id},
                                           %body });

    is($r->{status}, 202, "$what: taken") or return diag($r->{content});
    my $id = $r->{json}{id};
    my $m;
    wait_until { $m = $t->api('GET', "/messages/$id")->{json};
                 $m->{status} !~ /^(?:queued|sending)$/ } 20, $what;
    is($m->{status}, 'accepted', "$what: as the description has it")
        or diag(join ' ', map { $_ // '' } @$m{qw(error_code reason error)}, $mock->violations);
    $n++;
    return $id;
}

my $link = 'https://files.example/a';
my $text = accepted('text', text => "Habari \x{1F44B}");
accepted('image', content => { type => 'image', link => "$link.jpg", caption => 'Look' });
accepted('video', content => { type => 'video', link => "$link.mp4" });
accepted('voice', content => { type => 'audio', link => "$link.ogg", voice => JSON::PP::true() });
accepted('audio', content => { type => 'audio', link => "$link.mp3" });
accepted('document', content => { type => 'document', link => "$link.pdf",
                                  filename => 'price list.pdf' });
accepted('location', content => { type => 'location', latitude => -1.2921,
    longitude => 36.8219, name => 'Office', address => 'Nairobi' });
accepted('contacts', content => { type => 'contacts', contacts => [{ name => {
    formatted_name => 'Jane Doe', first_name => 'Jane' }, phones => [{
    phone => '+254 700 000001', wa_id => '254700000001', type => 'WORK' }] }] });
accepted('poll', content => { type => 'poll', name => 'When?', options => ['Mon', 'Tue'],
                              multiple => JSON::PP::false() });
accepted('list', content => { type => 'interactive', interactive => { type => 'list',
    header => { type => 'text', text => 'Menu' }, body => { text => 'Choose' },
    footer => { text => 'Thanks' }, action => { button => 'Open', sections => [{
    title => 'Main', rows => [{ id => 'a', title => 'A', description => 'The first' }] }] } } });
accepted('buttons', content => { type => 'interactive', interactive => { type => 'button',
    body => { text => 'Ok?' }, action => { buttons => [{ type => 'reply', reply => {
    id => 'y', title => 'Yes' } }] } } });
accepted('a link', content => { type => 'interactive', interactive => { type => 'cta_url',
    body => { text => 'See' }, action => { name => 'cta_url', parameters => {
    display_text => 'Open', url => 'https://shop.example' } } } });
accepted('a reply', text => 'To that', reply_to => $text);
accepted('reaction', content => { type => 'reaction', message_id => $text, emoji => "\x{1F44D}" });

my $tpl = $t->api('POST', '/templates', { name => 'ready', language => 'en',
    category => 'utility', body => 'Hi {{name}}, order {{order}} is ready.',
    footer => 'The shop' })->{json};
accepted('template', template => { id => $tpl->{id}, variables => { order => '7' } });

# a look at the session: what it is told by the examples is that it was stopped
is($w->ask('POST', '/session/check')->{status}, 202, 'a look');
wait_until { ($w->session->{health}{verdict} // '') eq 'down' } 15, 'looked at';

is_deeply([$mock->violations], [], 'prism found nothing wrong');
cmp_ok($n, '>=', 15, 'of all kinds');

$t->done;
