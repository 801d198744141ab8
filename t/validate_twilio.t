#!/usr/bin/perl

# What is asked of Twilio, judged by Twilio's own descriptions: messages of every kind,
# and templates through the Content API.  prism refuses what they do not allow.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Herald::Test::Mock;
use JSON::PP;
use Test::More;

my $api = Herald::Test::Mock->spec('twilio/openapi/twilio_api_v2010.json');
my $content = Herald::Test::Mock->spec('twilio/openapi/twilio_content_v1.json');
my $t = Herald::Test->new(http => 'herald_public_url http://127.0.0.1:%%PORT%%;');
my $o = $t->org;
my $ac = 'AC' . 'a' x 32;

# One value of a repeated field is a list of one: so OpenAPI has it where nothing is said,
# and prism only where it is.
my $said = '"application/x-www-form-urlencoded":{"encoding":{' . join(',', map {
    qq("$_":{"style":"form","explode":true}) } qw(MediaUrl PersistentAction)) . '},';
my $text = slurp($api);
is($text =~ s/"application\/x-www-form-urlencoded":\s*\{
              (?=\s*"schema":\s*\{\s*"type":\s*"object",\s*
               "title":\s*"CreateMessageRequest")/$said/x, 1, 'the form of a message');
spew("$t->{dir}/api.json", $text);

my $mock = Herald::Test::Mock->new($t, "$t->{dir}/api.json");
my $made = Herald::Test::Mock->new($t, $content);

sub account {
    my ($name, %o) = @_;
    my $r = $t->api('POST', '/accounts', { name => $name, provider => 'twilio',
        business_id => $ac, token => 'token', base_url => $mock->url, %o });

    is($r->{status}, 201, "$name is connected") or diag($r->{content});
    return $r->{json}{id};
}

my $whatsapp = account('WhatsApp', number_id => '+14155238886');
my $service = account('Service', number_id => 'MG' . 'b' x 32, phone => '+14155238887');
my $sms = account('SMS', number_id => '+15550100001', channel => 'sms');
my $n = 0;

sub person {
    my ($account) = @_;
    my $c = $t->api('POST', '/contacts',
        { phone => sprintf '+2547123456%02d', ++$n })->{json};

    $t->open_window($account, $c->{id});
    return $c->{id};
}

sub accepted {
    my ($what, $account, %body) = @_;
    my $r = $t->api('POST', '/messages', { account_id => $account,
        contact_id => person($account), %body });

    is($r->{status}, 202, "$what: taken") or return diag($r->{content});

    my ($id, $m) = ($r->{json}{id});
    wait_until { $m = $t->api('GET', "/messages/$id")->{json};
                 $m->{status} !~ /^(?:queued|sending)$/ } 20, $what;
    is($m->{status}, 'accepted', "$what: as the description has it")
        or diag(join ' ', map { $_ // '' } @$m{qw(error_code reason error)},
                $mock->violations);
    like($m->{provider_id}, qr/^[SM]M[0-9a-f]{32}$/, "$what: under the sid it got");
    return $id;
}

my $link = 'https://files.example/a';

# ── messages ──

accepted('text', $whatsapp, text => "Habari & co 100% \x{1F44B}");
accepted('image', $whatsapp, content => { type => 'image', link => "$link.jpg",
                                          caption => 'Look' });
accepted('video', $whatsapp, content => { type => 'video', link => "$link.mp4" });
accepted('audio', $whatsapp, content => { type => 'audio', link => "$link.mp3" });
accepted('document', $whatsapp, content => { type => 'document', link => "$link.pdf" });
accepted('location', $whatsapp, content => { type => 'location', latitude => -1.2921,
    longitude => 36.8219, name => 'Office', address => 'Nairobi' });
accepted('by a service', $service, text => 'Hello');
accepted('SMS', $sms, text => 'Hello');
accepted('a long SMS', $sms, text => "\x{20AC} " x 300);
accepted('a picture by SMS', $sms, content => { type => 'image', link => "$link.jpg" });

# ── templates ──

my %header = (header => { format => 'text', text => 'Order {{order}}' });
my @buttons = ({ type => 'quick_reply', text => 'Thanks' },
               { type => 'url', text => 'Follow', url => 'https://shop.example/o/{{order}}' },
               { type => 'phone_number', text => 'Call', phone_number => '+254700000001' });
my $body = 'Hello {{first_name}}, your order {{order}} is ready to be fetched.';
my %variables = (variables => { first_name => { sample => 'Ann' },
                                order => { sample => 'A-1' } });

sub template {
    my ($name, $document, %o) = @_;
    my $r = $t->api('POST', '/templates', { name => $name, language => 'en',
        category => 'utility', document => $document, %o });

    is($r->{status}, 201, "$name is written") or diag($r->{content});
    return $r->{json};
}

my $author = account('Content', number_id => '+14155238889', base_url => $made->url);
my %written = (
    plain => template('plain', { body => $body, %variables }),
    replies => template('replies', { body => $body, %variables,
                                     buttons => [$buttons[0]] }),
    actions => template('actions', { body => $body, %variables,
                                     buttons => [@buttons[1, 2]] }),
    card => template('card', { body => $body, %variables, %header,
                               footer => 'The shop', buttons => \@buttons }),
    coupon => template('coupon', { body => 'Hello there, this code is for you.',
        buttons => [{ type => 'copy_code', example => 'SAVE10' }] },
        category => 'marketing'),
    code => template('code', { body => '{{1}} is your code.', authentication => {
        security_recommendation => JSON::PP::true(), code_expiration_minutes => 10 },
        buttons => [{ type => 'otp', otp_type => 'copy_code', text => 'Copy' }] },
        category => 'authentication'),
);
my %sid;

for my $name (sort keys %written) {
    my $path = "/templates/$written{$name}{id}";
    my $r = $t->api('POST', "$path/submit", { account_id => $author });

    is($r->{status}, 200, "$name: made and submitted as the description has it")
        or diag($r->{content}, $made->violations);
    $sid{$name} = $t->api('GET', $path)->{json}{provider_id};
    like($sid{$name} // '', qr/^HX[0-9a-f]{32}$/, "$name: by its sid");

    # the mock gives the same sid to all
    $t->sql("UPDATE templates SET provider_id = 'HX' || md5('$name') "
            . "WHERE id = '$written{$name}{id}'");
}

my $lists = () = slurp($made->{log}) =~ m{/v1/ContentAndApprovals}g;
my $r = $t->api('POST', "/accounts/$author/templates/sync");
is($r->{status}, 202, 'the list is asked for') or diag($r->{content});
wait_until { (() = slurp($made->{log}) =~ m{/v1/ContentAndApprovals}g) > $lists } 20, 'a list';
ok(1, 'and given');

$r = $t->api('DELETE', "/templates/$written{coupon}{id}?at_provider=true");
like($r->{status}, qr/^20[04]$/, 'deleted at the provider') or diag($r->{content});

# what is approved goes by its sid
for my $name (qw(plain card)) {
    $t->sql("UPDATE templates SET status = 'approved' WHERE id = '$written{$name}{id}'");
    accepted("template $name", $whatsapp, template => { id => $written{$name}{id},
        variables => { first_name => 'Ann', order => '7' } });
}

is_deeply([map { $_->violations } $mock, $made], [], 'prism found nothing wrong');

$t->done;
