#!/usr/bin/perl

# What is asked of Meta, judged by Meta's own description: every type of message, and
# every operation, as Herald makes them through the whole of it.  prism refuses what the
# description does not allow.  HERALD_PRISM names the program; see Mock.pm.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Herald::Test::Mock;
use JSON::PP;
use Test::More;

my $spec = Herald::Test::Mock->spec(
    'cloud-api/openapi/business-messaging-api_v23.0.patched.json');
my $t = Herald::Test->new;
my $o = $t->org;
my $mock = Herald::Test::Mock->new($t, $spec);
my ($true, $false) = (JSON::PP::true(), JSON::PP::false());
my $waba = '102290129340398';

my $r = $t->api('POST', '/accounts', { name => 'Shop', provider => 'cloud_api',
    phone => '+15550100001', number_id => '106540352242922', token => 'EAAtoken',
    app_secret => 'app-secret', base_url => $mock->url, rate_limit => 0,
    business_id => $waba, config => { bsuid => 'to' } });
is($r->{status}, 201, 'a number whose provider is the description') or diag $r->{content};
my $a = { %{ $r->{json} }, app_secret => 'app-secret' };
my $path = "/accounts/$a->{id}";

# the description's rules bite: what is wrong is refused
$r = $t->{agent}{30}->request('POST', $mock->url('/v23.0/106540352242922/messages'),
    { headers => { 'content-type' => 'application/json', authorization => 'Bearer x' },
      content => '{"messaging_product":"whatsapp","to":"1","type":"text","text":{"bdy":1}}' });
is($r->{status}, 422, 'a wrong message is refused by it');
ok(scalar $mock->violations, 'which is seen');
my $wrong = () = $mock->violations;

# they wrote: what is no template may go
sub wrote {
    my (%who) = @_;

    return $t->webhook($a, { object => 'whatsapp_business_account', entry => [{
        id => $waba, changes => [{ field => 'messages', value => {
            messaging_product => 'whatsapp',
            metadata => { phone_number_id => $a->{number_id} },
            contacts => [{ profile => { name => 'Ann' }, %who }],
            messages => [{ from => $who{wa_id}, from_user_id => $who{user_id},
                id => 'wamid.IN' . ($who{wa_id} // $who{user_id}), timestamp => '' . time,
                type => 'text', text => { body => 'hi' } }] } }] }] });
}

is(wrote(wa_id => '254712345678')->{status}, 200, 'Ann wrote');

my $ann = $t->api('GET', '/contacts')->{json}{data}[0];
my $in = $t->api('GET', '/messages')->{json}{data}[0];

sub fresh {
    my @all = $mock->violations;

    return @all[$wrong .. $#all];
}

sub accepted {
    my ($what, %body) = @_;
    my $r = $t->api('POST', '/messages', { account_id => $a->{id},
                                           contact_id => $ann->{id}, %body });

    is($r->{status}, 202, "$what: taken") or return diag($r->{content});
    my $id = $r->{json}{id};
    my $m;
    wait_until { $m = $t->api('GET', "/messages/$id")->{json};
                 $m->{status} !~ /^(?:queued|sending)$/ } 30, $what;
    is($m->{status}, 'accepted', "$what: as the description has it")
        or diag(join ' ', map { $_ // '' } @$m{qw(error_code reason error)}, fresh());
    return $id;
}

my $link = 'https://files.example.com/a';

accepted('text', text => "Habari \x{1F44B} https://x.example");
accepted('a quoted reply', text => 'yes', reply_to => $in->{id});
accepted('image', content => { type => 'image', link => "$link.jpg", caption => 'Look' });
accepted('video', content => { type => 'video', link => "$link.mp4", caption => 'See' });
accepted('audio', content => { type => 'audio', link => "$link.mp3" });
accepted('voice', content => { type => 'audio', link => "$link.ogg", voice => $true });
accepted('document', content => { type => 'document', link => "$link.pdf",
                                  filename => 'price list.pdf' });
accepted('sticker', content => { type => 'sticker', link => "$link.webp" });
accepted('location', content => { type => 'location', latitude => -1.2921,
    longitude => 36.8219, name => 'Office', address => 'Nairobi' });
accepted('contacts', content => { type => 'contacts', contacts => [{ name => {
    formatted_name => 'Jane Doe', first_name => 'Jane' }, phones => [{
    phone => '+254 700 000001', wa_id => '254700000001', type => 'WORK' }],
    emails => [{ email => 'jane@x.example', type => 'WORK' }] }] });
accepted('reaction', content => { type => 'reaction', message_id => $in->{id},
                                  emoji => "\x{1F44D}" });

sub interactive { return (content => { type => 'interactive', interactive => {
    body => { text => 'Choose' }, @_ } }) }

my $rows = [{ id => 'a', title => 'A', description => 'The first' }, { id => 'b', title => 'B' }];

accepted('buttons', interactive(type => 'button', header => { type => 'text', text => 'H' },
    footer => { text => 'F' }, action => { buttons => [ map { { type => 'reply',
    reply => { id => "b$_", title => "B $_" } } } 1 .. 3 ] }));
accepted('buttons below a picture', interactive(type => 'button',
    header => { type => 'image', image => { link => "$link.jpg" } },
    action => { buttons => [{ type => 'reply', reply => { id => 'x', title => 'X' } }] }));
accepted('a list', interactive(type => 'list', action => { button => 'Open',
    sections => [{ title => 'Main', rows => $rows }] }));
accepted('an address', interactive(type => 'cta_url', action => { name => 'cta_url',
    parameters => { display_text => 'Go', url => 'https://x.example' } }));
accepted('a product', interactive(type => 'product', action => { catalog_id => '1',
    product_retailer_id => 'p1' }));
accepted('products', interactive(type => 'product_list',
    header => { type => 'text', text => 'Ours' }, action => { catalog_id => '1',
    sections => [{ title => 'All', product_items => [{ product_retailer_id => 'p1' }] }] }));
accepted('the catalogue', interactive(type => 'catalog_message', action => {
    name => 'catalog_message', parameters => { thumbnail_product_retailer_id => 'p1' } }));
accepted('a flow', interactive(type => 'flow', action => { name => 'flow', parameters => {
    flow_message_version => '3', flow_id => '1', flow_cta => 'Book', flow_token => 't',
    flow_action => 'navigate', flow_action_payload => { screen => 'START' } } }));
accepted('where are you', interactive(type => 'location_request_message',
    action => { name => 'send_location' }));
accepted('your address', interactive(type => 'address_message', action => {
    name => 'address_message', parameters => { country => 'IN' } }));

# a file of ours: uploaded first
my $png = pack 'H*', '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489'
    . '0000000d49444154789c6360f8cfc000000301010018dd8db00000000049454e44ae426082';
$r = $t->request('POST', '/api/v1/media?filename=a.png', token => $o->{key},
    headers => { 'content-type' => 'image/png' }, content => $png);
is($r->{status}, 201, 'a file') or diag $r->{content};
my $media = $r->{json}{id};
accepted('a file of ours', content => { type => 'image', media_id => $media });

# templates: every part
sub template {
    my ($name, $document, %o) = @_;
    my $r = $t->api('POST', '/templates', { name => $name, language => 'en',
        category => 'marketing', document => $document, %o });

    is($r->{status}, 201, "template $name") or diag $r->{content};
    $t->sql("SELECT set_config('herald.org', '$o->{id}', false);
             UPDATE templates SET status = 'approved' WHERE name = '$name'");
    return $r->{json}{id};
}

my %named = (body => 'Hello {{name}}, your order {{order}} is ready today.',
    footer => 'The shop', variables => { name => { sample => 'Ann' },
                                         order => { sample => 'A1' } });

sub sends {
    my ($what, $id, %more) = @_;

    accepted($what, template => { id => $id, variables => { name => 'Ann', order => 'A1' },
                                  %more });
}

my $named = template('named', { %named, header => { format => 'text', text => 'Hi {{name}}' } });
sends('a template with names', $named);
my $positional = template('positional', { body => 'Hello {{1}}, order {{2}} is here.',
    variables => { 1 => { sample => 'Ann' }, 2 => { sample => 'A1' } } });
accepted('a template with numbers', template => { id => $positional,
    variables => { 1 => 'Ann', 2 => 'A1' } });
my $picture = template('picture', { %named, header => { format => 'image' } });
sends('a template with a picture', $picture, header => { link => "$link.jpg" });
sends('a template with a file of ours', $picture, header => { media_id => $media });
my $buttons = template('buttons', { %named, buttons => [
    { type => 'quick_reply', text => 'Yes' },
    { type => 'url', text => 'Go', url => 'https://x.example/{{order}}' },
    { type => 'copy_code', example => 'SAVE' } ] });
sends('a template with buttons', $buttons, buttons => [ { index => 0, value => 'yes' },
    { index => 2, value => 'SAVE10' } ]);
my $otp = template('otp', { body => '{{1}} is your code.',
    variables => { 1 => { sample => '123456' } },
    buttons => [{ type => 'otp', otp_type => 'copy_code', text => 'Copy' }] },
    category => 'authentication');
accepted('a code', template => { id => $otp, variables => { 1 => '123456' } });

# operations
sub asked {
    my ($what, $method, $path, $body, @ok) = @_;
    my $r = $t->api($method, $path, $body);

    ok((grep { $r->{status} == $_ } @ok ? @ok : (200, 202)), "asked: $what")
        or diag("$r->{status} $r->{content}", fresh());
}

# examples of the description are not always what the API would answer: 504 says that
# the answer could not be read, and the request was right all the same
asked('read', 'POST', "/messages/$in->{id}/read", { typing => $true }, 200, 504);
asked('health', 'POST', "$path/check", undef, 200, 504);
asked('the profile', 'GET', "$path/profile", undef, 200, 504);
asked('another profile', 'PUT', "$path/profile", { about => 'Open',
    email => 'a@x.example', websites => ['https://x.example'], vertical => 'retail',
    address => 'Nairobi', description => 'A shop' }, 200, 504);
asked('registration', 'POST', "$path/register", { pin => '123456' });
asked('registration elsewhere', 'POST', "$path/register", { pin => '123456',
                                                             region => 'DE' });
asked('no registration', 'POST', "$path/deregister");
asked('our webhook', 'POST', "$path/subscribe");
asked('a template\'s review', 'POST', "/templates/$named/submit",
    { account_id => $a->{id} });
asked('a template with buttons', 'POST', "/templates/$buttons/submit",
    { account_id => $a->{id} });
asked('a code\'s', 'POST', "/templates/$otp/submit", { account_id => $a->{id} });
asked('the templates there', 'POST', "$path/templates/sync");
wait_until { grep { $_->{method} eq 'GET' && $_->{path} =~ m{/message_templates$} }
             $mock->requests } 20, 'they are listed';

# every operation that has an address of its own was asked for
my %seen = map { my $p = $_->{path}; $p =~ s{.*/\d+}{}; ("$_->{method} $p" => 1) }
    $mock->requests;

ok($seen{$_}, "$_ was asked") for 'POST /messages', 'POST /media', 'POST /register',
    'POST /deregister', 'POST /subscribed_apps', 'GET /whatsapp_business_profile',
    'POST /whatsapp_business_profile', 'GET /message_templates', 'POST /message_templates';

is_deeply([fresh()], [], 'nothing was wrong with any of them');

$t->done;
