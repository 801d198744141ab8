#!/usr/bin/perl

# The simulated Cloud API beside its messages: templates and their review, files,
# profiles, registration, sign-up; and what it says of messages of every type.  No
# Herald here.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use Herald::Test;
use JSON::PP;
use Test::More;

my $t = Herald::Test->sandbox_alone(workers => 2);
my ($number, $waba) = ('100000000000001', '200000000000001');

$t->sandbox_number($number, waba_id => $waba, verified_name => 'Shop', tier => 250,
    display_phone_number => '15550100001', quality_rating => 'GREEN');

sub graph {
    my ($method, $path, $body, %o) = @_;

    return $t->request($method, "/sandbox/v23.0/$path", token => 'token', %o,
        defined $body ? (headers => { 'content-type' => 'application/json' },
                         content => JSON::PP->new->utf8->encode($body)) : ());
}

sub code { $_[0]{json}{error} ? $_[0]{json}{error}{code} : $_[0]{status} }

# events of a field that were posted
sub told {
    my ($field) = @_;

    return map { $_->{value} } grep { $_->{field} eq $field }
        map { @{ $_->{changes} } } map { @{ $_->{json}{entry} } }
        grep { $_->{json} } $t->webhooks;
}

sub template {
    my ($name, %o) = @_;

    return { name => $name, language => 'en', category => 'UTILITY', components => [
        { type => 'BODY', text => 'Dear {{1}}, hello.',
          example => { body_text => [ ['Ann'] ] } } ], %o };
}


# ── the number ──────────────────────────────────────────────────────────────

my $r = graph('GET', "$number?fields=id,quality_rating,messaging_limit_tier,health_status");
is_deeply([sort keys %{ $r->{json} }],
    [qw(health_status id messaging_limit_tier quality_rating)], 'fields are chosen');
is($r->{json}{messaging_limit_tier}, 'TIER_250', 'its tier');
is($r->{json}{health_status}{can_send_message}, 'AVAILABLE', 'it can send');

is(code(graph('GET', $number, undef, token => 'other')), 190, 'only with its token');
is(graph('GET', "$waba/phone_numbers")->{json}{data}[0]{id}, $number,
   'the numbers of a business');
is(code(graph('GET', '999/phone_numbers')), 2500, 'no such business');

is(code(graph('POST', "$number/deregister")), 200, 'deregistered');
is(code($t->sandbox_send($number, '254700000001')), 133010, 'then it cannot send');
is(graph('GET', "$number?fields=health_status")->{json}{health_status}{can_send_message},
   'BLOCKED', 'and says so');
is(code(graph('POST', "$number/register", { messaging_product => 'whatsapp',
   pin => '12' })), 100, 'a pin has six digits');
is(code(graph('POST', "$number/register", { messaging_product => 'whatsapp',
   pin => '123456' })), 200, 'registered');
is(code($t->sandbox_send($number, '254700000001')), 200, 'it sends again');
is(code(graph('POST', "$number/register", { messaging_product => 'whatsapp',
   pin => '654321' })), 133005, 'another pin is refused');

is(code(graph('POST', "$number/whatsapp_business_profile", {
   messaging_product => 'whatsapp', about => 'Open', websites => ['https://x.example'] })),
   200, 'a profile is changed');
is(code(graph('POST', "$number/whatsapp_business_profile", {
   messaging_product => 'whatsapp', about => 'x' x 140 })), 100, 'within its limits');
is_deeply(graph('GET', "$number/whatsapp_business_profile?fields=about,websites")
          ->{json}{data},
   [{ messaging_product => 'whatsapp', about => 'Open',
      websites => ['https://x.example'] }], 'and read');

is(code(graph('POST', "$waba/subscribed_apps", { override_callback_uri => 'https://x' })),
   100, 'an address needs a token');
is(code(graph('POST', "$waba/subscribed_apps")), 200, 'subscribed');
is(@{ graph('GET', "$waba/subscribed_apps")->{json}{data} }, 1, 'which shows');

my $oauth = 'oauth/access_token?client_id=1&client_secret=s&code=';
is(graph('GET', "${oauth}sandbox-$number")->{json}{access_token}, 'token',
   'a code becomes a token');
is(graph('GET', "${oauth}sandbox-$number")->{json}{error}{error_subcode}, 36009,
   'once');
is(code(graph('GET', "${oauth}nonsense")), 100, 'a wrong code does not');
$r = graph('GET', 'debug_token?input_token=token')->{json}{data};
ok($r->{is_valid}, 'a token is known');
is_deeply($r->{granular_scopes}[0]{target_ids}, [$waba], 'and its business');
ok(!graph('GET', 'debug_token?input_token=no')->{json}{data}{is_valid},
   'another is not');


# ── templates ───────────────────────────────────────────────────────────────

$r = graph('POST', "$waba/message_templates", template('hello'));
is($r->{json}{status}, 'PENDING', 'a template is reviewed');
my $id = $r->{json}{id};
is(code($t->sandbox_send($number, '254700000001', template => 'hello')), 132001,
   'and not sent before');
is(code(graph('POST', "$waba/message_templates", template('hello'))), 100,
   'there is one of a name');

wait_until { grep { $_->{event} eq 'APPROVED' } told('message_template_status_update') }
    5, 'its approval is told';
is((told('message_template_status_update'))[0]{message_template_id}, $id, 'with its id');
is(graph('GET', $id)->{json}{status}, 'APPROVED', 'approved');
is(code($t->sandbox_send($number, '254700000001', template => 'hello')), 132000,
   'its parameters are counted');

graph('POST', "$waba/message_templates", template('a_rejected_promotional'));
graph('POST', "$waba/message_templates", template('recategory_me'));
graph('POST', "$waba/message_templates", template('pending_one'));
is(graph('POST', "$waba/message_templates", template('instant_one'))->{json}{status},
   'APPROVED', 'one is approved at once');

wait_until { grep { $_->{event} eq 'REJECTED' } told('message_template_status_update') }
    5, 'a rejection is told';
wait_until { told('template_category_update') } 5, 'a change of category is told';
is((told('template_category_update'))[0]{new_category}, 'MARKETING', 'to which');

my %by = map { $_->{name} => $_ }
    @{ graph('GET', "$waba/message_templates?limit=100")->{json}{data} };
is($by{a_rejected_promotional}{status}, 'REJECTED', 'rejected');
is($by{a_rejected_promotional}{rejected_reason}, 'PROMOTIONAL', 'with its reason');
is($by{recategory_me}{category}, 'MARKETING', 'of another category');
is($by{pending_one}{status}, 'PENDING', 'a review may never end');
is(code($t->sandbox_send($number, '254700000001', template => 'a_rejected_promotional')),
   132001, 'a rejected one is not sent');

$t->sandbox_command('events', $number, { field => 'message_template_status_update',
    name => 'hello', event => 'PAUSED' });
is(graph('GET', $id)->{json}{status}, 'PAUSED', 'a pause that was asked for');
is(code($t->sandbox_send($number, '254700000001', template => 'hello')), 132015,
   'holds messages');
$t->sandbox_command('events', $number, { field => 'message_template_quality_update',
    name => 'hello', quality => 'YELLOW' });
is(graph('GET', $id)->{json}{quality_score}{score}, 'YELLOW', 'quality too');

is(code(graph('POST', $id, { components => [ { type => 'BODY', text => 'New.' } ] })), 200,
   'edited');
is(graph('GET', $id)->{json}{status}, 'PENDING', 'and reviewed again');
is(code(graph('POST', $id, { components => [] })), 100, 'not while it is');
wait_until { graph('GET', $id)->{json}{status} eq 'APPROVED' } 5, 'approved again';
is(code($t->sandbox_send($number, '254700000001', template => 'hello')), 200,
   'without parameters now');

my $page = graph('GET', "$waba/message_templates?limit=2")->{json};
is(@{ $page->{data} }, 2, 'a page');
ok($page->{paging}{next}, 'and there is more');
is(@{ graph('GET', "$waba/message_templates?limit=9&after="
            . $page->{paging}{cursors}{after})->{json}{data} }, 3, 'the rest');

is(code(graph('DELETE', "$waba/message_templates?name=hello")), 200, 'deleted');
is(code(graph('DELETE', "$waba/message_templates?name=hello")), 100, 'once');

for my $bad ([ 'Name', [] ], [ 'b1', [ { type => 'BODY', text => '{{1}} hi' } ] ],
             [ 'b2', [ { type => 'BODY', text => 'a {{1}} hi' } ] ], [ 'b3', [] ],
             [ 'b4', [ { type => 'BODY', text => 'x' x 1025 } ] ])
{
    is(code(graph('POST', "$waba/message_templates",
                  template($bad->[0], components => $bad->[1]))), 100,
       "a template is refused: $bad->[0]");
}


# ── files ───────────────────────────────────────────────────────────────────

sub upload {
    my ($type, $bytes, %o) = @_;
    my $form = '';

    $form .= "--XX\r\nContent-Disposition: form-data; name=\"$_->[0]\"\r\n\r\n$_->[1]\r\n"
        for [ messaging_product => 'whatsapp' ], [ type => $type ];
    $form .= "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.bin\""
        . "\r\nContent-Type: $type\r\n\r\n$bytes\r\n--XX--\r\n";

    return $t->request('POST', "/sandbox/v23.0/$number/media", token => 'token',
        headers => { 'content-type' => 'multipart/form-data; boundary=XX' },
        content => $form, %o);
}

my $bytes = join '', map { chr(rand 256) } 1 .. 70_000;
$r = upload('image/png', $bytes);
is($r->{status}, 200, 'a file is uploaded');
my $media = $r->{json}{id};
$r = graph('GET', "$media?phone_number_id=$number")->{json};
is($r->{file_size}, 70_000, 'its size');
is($r->{mime_type}, 'image/png', 'its type');
is($r->{sha256}, sha256_hex($bytes), 'its sum');
(my $path = $r->{url}) =~ s{^http://[^/]+}{};
ok($t->get($path, token => 'token')->{content} eq $bytes, 'the same bytes come back');
is($t->get($path)->{status}, 401, 'with the token only');
$t->sandbox_command('clock', undef, { advance_s => 400 });
is($t->get($path, token => 'token')->{status}, 404, 'and for five minutes');

is(code(upload('image/gif', 'GIF89a')), 100, 'a type that is not taken');
is(code(upload('image/png', 'x' x (5 * 1024 * 1024 + 1))), 131053, 'too large for it');
is(code(upload('image/png', '')), 131053, 'empty');

sub send_typed {
    my ($type, $value) = @_;

    return code(graph('POST', "$number/messages", { messaging_product => 'whatsapp',
        to => '254700000001', type => $type, $type => $value }));
}

is(send_typed(image => { id => $media }), 200, 'it is sent');
is(send_typed(image => { id => '1' }), 131009, 'an id that is not there');
is(send_typed(video => { id => $media }), 131053, 'as another type');
is(send_typed(image => { link => 'https://x.example/a.png' }), 200, 'by its address');
is(send_typed(image => {}), 131008, 'neither');
is((grep { $_->{type} eq 'image' && $_->{outcome} eq 'accepted' } $t->ledger)[0]{image}{id},
   $media, 'the ledger has it whole');
is(code(graph('DELETE', $media)), 200, 'deleted');
is(send_typed(image => { id => $media }), 131009, 'then it is gone');

my $made = $t->sandbox_command('media', $number, { mime => 'image/jpeg', bytes => 1000 });
$r = graph('GET', "$made->{id}?phone_number_id=$number")->{json};
($path = $r->{url}) =~ s{^http://[^/]+}{};
my $file = $t->get($path, token => 'token')->{content};
is(length $file, 1000, 'a file that the control API made');
is(substr($file, 0, 3), "\xff\xd8\xff", 'begins as its type does');
is(sha256_hex($file), $r->{sha256}, 'its sum is right');

$r = graph('POST', 'app/uploads?file_length=5&file_type=image%2Fpng')->{json};
like($r->{id}, qr/^upload:/, 'an upload for a sample');
is(code($t->request('POST', "/sandbox/v23.0/$r->{id}", token => 'token',
        content => '123')), 100, 'is as long as it was said');
like($t->request('POST', "/sandbox/v23.0/$r->{id}", token => 'token',
     content => '12345')->{json}{h}, qr/^4::/, 'and gives its handle');


# ── interactive messages, receipts ──────────────────────────────────────────

sub buttons { [ map { { type => 'reply', reply => { id => "b$_", title => "B $_" } } } @_ ] }

sub list {
    my ($rows) = @_;

    return { button => 'Choose', sections => [ { title => 'S', rows =>
        [ map { { id => "r$_", title => "Row $_" } } 1 .. $rows ] } ] };
}

my @interactive = (
    [ 200, 'buttons', { type => 'button', action => { buttons => buttons(1 .. 3) } } ],
    [ 131009, 'four buttons', { type => 'button', action => { buttons => buttons(1 .. 4) } } ],
    [ 131009, 'two of one id', { type => 'button', action => { buttons => buttons(1, 1) } } ],
    [ 200, 'a list', { type => 'list', action => list(10) } ],
    [ 131009, 'eleven rows', { type => 'list', action => list(11) } ],
    [ 200, 'an address', { type => 'cta_url', action => { name => 'cta_url', parameters =>
        { display_text => 'Go', url => 'https://x.example' } } } ],
    [ 131009, 'a long label', { type => 'cta_url', action => { name => 'cta_url',
        parameters => { display_text => 'x' x 21, url => 'https://x.example' } } } ],
    [ 200, 'a flow', { type => 'flow', action => { name => 'flow', parameters =>
        { flow_message_version => '3', flow_id => '1', flow_cta => 'Book' } } } ],
    [ 131009, 'a flow of version 2', { type => 'flow', action => { name => 'flow',
        parameters => { flow_message_version => '2', flow_id => '1', flow_cta => 'B' } } } ],
    [ 200, 'where are you', { type => 'location_request_message',
        action => { name => 'send_location' } } ],
    [ 131009, 'a hologram', { type => 'hologram', action => {} } ],
    [ 131008, 'no action', { type => 'button', action => {} } ],
);

for my $i (@interactive) {
    is(send_typed(interactive => { body => { text => 'Hi' }, %{ $i->[2] } }), $i->[0],
       "interactive: $i->[1]");
}

is(send_typed(interactive => { type => 'button', body => { text => 'x' x 1025 },
   action => { buttons => buttons(1) } }), 131009, 'a body that is too long');

is(code(graph('POST', "$number/messages", { messaging_product => 'whatsapp',
   status => 'read', message_id => 'wamid.X', typing_indicator => { type => 'text' } })),
   200, 'read and typing');
my @seen = grep { $_->{outcome} eq 'seen' } $t->ledger;
is("$seen[0]{type} $seen[0]{wamid}", 'typing wamid.X', 'stand in the ledger');
my $oracle = $t->sandbox_oracle(number => $number);
is($oracle->{count} + $oracle->{rejected}, -1 + scalar($t->ledger), 'and are no messages');

$t->sandbox_inbound($number, from => '254700000001', type => 'interactive',
    value => { type => 'list_reply', list_reply => { id => 'r1', title => 'Row 1' } });
wait_until { grep { ($_->{messages}[0]{interactive}{list_reply}{id} // '') eq 'r1' }
    told('messages') } 5, 'any message may come in';

$t->done;

