#!/usr/bin/perl

# What messages hold: every type as the provider gets it, quoted replies, reactions,
# files uploaded once for a number and renewed, headers of templates, buttons; what is
# refused, with the place; files that come in; read and typing; answers to buttons.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use HTTP::Tiny;
use JSON::PP;
use Herald::Test;
use Herald::Test::Notebook;
use Herald::Test::Hooks;
use Test::More;

my $t = Herald::Test->new(
    http => 'herald_public_url http://127.0.0.1:%%PORT%%;');
my $o = $t->org;
my $g = Herald::Test::Notebook->new($t->{dir});
hooks_for($t, $o);

my $png = "\x89PNG\r\n\x1a\n" . 'p' x 5000;
my $pdf = "%PDF-1.7\n" . 'd' x 3000;
my $a = account(base_url => $g->url);
my $c = $t->api('POST', '/contacts', { name => 'Amina', first_name => 'Amina',
    phone => '+254712345678' })->{json};
$t->open_window($a->{id}, $c->{id});

sub upload {
    my ($bytes, $name) = @_;
    return $t->api('POST', "/media?filename=$name", undef, content => $bytes)->{json};
}

sub say_it {
    my (%m) = @_;
    return $t->api('POST', '/messages', { account_id => $a->{id},
        contact_id => $c->{id}, %m });
}

sub message { return $t->api('GET', "/messages/$_[0]")->{json} }

# sent, and what the provider was asked
sub sent {
    my (%m) = @_;
    my $r = say_it(%m);

    is($r->{status}, 202, 'taken: ' . ($m{content}{type} // 'other'))
        or diag($r->{content});
    my $id = $r->{json}{id};
    ok(wait_until(sub { message($id)->{status} ne 'queued'
        && message($id)->{status} ne 'sending' }, 15, 'sent'), 'it goes');
    my ($asked) = grep { ($_->{json}{biz_opaque_callback_data} // '')
        eq reference($id, 0) } $g->asked('POST', qr{/messages$});
    return ($asked->{json}, message($id));
}

sub refused {
    my ($what, $pointer, %m) = @_;
    my $r = say_it(%m);

    is($r->{status}, 422, "refused: $what") or diag($r->{content});
    is($r->{json}{errors}[0]{pointer}, $pointer, "its place: $what");
    return $r->{json}{errors}[0];
}


# ── files ──

my $cat = upload($png, 'cat.png');
my $bill = upload($pdf, 'bill.pdf');

my ($p, $m) = sent(content => { type => 'image', media_id => $cat->{id},
    caption => 'A cat' });
is($p->{type}, 'image', 'an image');
is($p->{image}{caption}, 'A cat', 'its caption');
my $upload = $p->{image}{id};
ok($upload, "by the provider's id");
my @up = $g->asked('POST', qr{/media$});
is(scalar @up, 1, 'uploaded once');
is($up[0]{form}{file}, sha256_hex($png), 'all of it');
is($up[0]{filetype}, 'image/png', 'with its type');
is($up[0]{token}, 'Bearer token', "with the number's token");
is($m->{type}, 'image', 'shown as an image');
is($m->{text}, 'A cat', 'with its caption');
is($m->{media}{id}, $cat->{id}, 'and its file');
is($m->{media}{bytes}, length $png, 'with its length');
is($m->{content}{type}, 'image', 'and its content');

($p) = sent(content => { type => 'image', media_id => $cat->{id} });
is($p->{image}{id}, $upload, 'the same file again');
is(scalar(my @x = $g->asked('POST', qr{/media$})), 1, 'is not uploaded again');

($p) = sent(content => { type => 'document', media_id => $bill->{id},
    filename => 'Bill 7.pdf' });
is($p->{document}{filename}, 'Bill 7.pdf', 'a document, under the name that was given');

($p) = sent(content => { type => 'video', link => 'https://a.example/v.mp4' });
is($p->{video}{link}, 'https://a.example/v.mp4', 'a video by its address');

# renewed before it ends
$t->sql("UPDATE media_uploads SET expires_at = now() + interval '1 hour'");
($p) = sent(content => { type => 'image', media_id => $cat->{id} });
isnt($p->{image}{id}, $upload, 'an upload that is nearly over is renewed');

# and when the provider has forgotten it
my $old = $p->{image}{id};
$g->tell(forgot => $old);
($p, $m) = sent(content => { type => 'image', media_id => $cat->{id} });
ok(wait_until(sub { message($m->{id})->{status} eq 'accepted' }, 60, 'accepted'),
    'what it has forgotten is uploaded anew');
my @tries = grep { ($_->{json}{biz_opaque_callback_data} // '')
    eq reference($m->{id}, 0) } $g->asked('POST', qr{/messages$});
isnt($tries[-1]{json}{image}{id}, $old, 'and has another id');

# told so by a status
$g->tell(forgot => '');
is($t->sql("SELECT count(*) FROM media_uploads WHERE media_id = '$cat->{id}'"), 1,
    'the upload is known');
statuses($a, [$m->{provider_id} // message($m->{id})->{provider_id}, 'failed', $m->{id},
    0, 131053]);
is($t->sql("SELECT count(*) FROM media_uploads WHERE media_id = '$cat->{id}'"), 0,
    'a status that says it was not found forgets it');

# a provider that takes no files now
my $jpeg = upload("\xff\xd8\xff\xe0" . 'j' x 500, 'x.jpg');
$g->tell(upload => 500);
my $id = say_it(content => { type => 'image', media_id => $jpeg->{id} })->{json}{id};
ok(wait_until(sub { (message($id)->{reason} // '') eq 'media_upload' }, 15, 'deferred'),
    'it waits, and says why');
is(message($id)->{status}, 'queued', 'not lost');
($p) = sent(text => 'meanwhile');
is($p->{text}{body}, 'meanwhile', 'others go on');
$g->tell(upload => 0);
ok(wait_until(sub { message($id)->{status} eq 'accepted' }, 70, 'sent later'),
    'then it goes');

# and one that refuses it for good
my $bad = upload("\xff\xd8\xff\xe0" . 'k' x 500, 'y.jpg');
$g->tell(upload => 400, upload_code => 131053 - 45);
$id = say_it(content => { type => 'image', media_id => $bad->{id} })->{json}{id};
ok(wait_until(sub { message($id)->{status} eq 'skipped' }, 15, 'skipped'),
    'refused for good');
is(message($id)->{reason}, 'media_refused', 'it says so');
like(message($id)->{reason_text}, qr/did not take the file/, 'in words');
$g->tell(upload => 0);

# many at once, one upload
my $many = upload("\xff\xd8\xff\xe0" . 'm' x 500, 'many.jpg');
$g->tell(slow => 1);
my @ids = map { say_it(content => { type => 'image', media_id => $many->{id} })
    ->{json}{id} } 1 .. 6;
my $begun = time;
($p) = sent(text => 'not held up');
ok(wait_until(sub { !grep { message($_)->{status} ne 'accepted' } @ids }, 30,
    'all of them'), 'six that need one file');
is(scalar(grep { $_->{form}{file} eq $many->{sha256} }
    $g->asked('POST', qr{/media$})), 1, 'wait for one upload');
$g->tell(slow => 0);


# a provider that fetches: an address without a sign-in, for its time
my $w2 = account(base_url => $g->url, phone => '+15550309999');
$t->sql("UPDATE accounts SET provider = 'twilio', number_id = '+15550309999',
    business_id = 'AC" . '1' x 32 . "' WHERE id = '$w2->{id}'");
$t->open_window($w2->{id}, $c->{id});
my $r2 = $t->api('POST', '/messages', { account_id => $w2->{id}, contact_id => $c->{id},
    content => { type => 'image', media_id => $cat->{id} } });
is($r2->{status}, 202, 'by a provider that fetches') or diag($r2->{content});
my $form;
ok(wait_until(sub { ($form) = $g->asked('POST', qr{/Messages\.json}) }, 15, 'asked'),
    'it is asked');
my ($url) = ($form->{raw} // '') =~ /MediaUrl=([^&]+)/;
$url =~ s/%(..)/chr hex $1/ge;
like($url, qr{^http://127\.0\.0\.1:$t->{port}/media/$cat->{id}/[\w-]{54}$},
    'with an address of ours');
my $fetched = HTTP::Tiny->new->get($url);
is($fetched->{status}, 200, 'which gives the file without a sign-in');
is(sha256_hex($fetched->{content}), sha256_hex($png), 'as it is');
is($fetched->{headers}{'x-content-type-options'}, 'nosniff', 'as safe as ever');
(my $forged = $url) =~ s/.$/A/;
$forged =~ s/.$/B/ if $forged eq $url;
is(HTTP::Tiny->new->get($forged)->{status}, 404, 'and none that was changed');


# ── the other types ──

($p, $m) = sent(content => { type => 'location', latitude => -1.2864,
    longitude => 36.8172, name => 'Nairobi' });
is($p->{location}{name}, 'Nairobi', 'a location');
is($m->{text}, 'Nairobi', 'shown by its name');

($p) = sent(content => { type => 'contacts', contacts => [ { name => {
    formatted_name => 'Ann B', first_name => 'Ann' },
    phones => [ { phone => '+254700000009' } ] } ] });
is($p->{contacts}[0]{name}{formatted_name}, 'Ann B', 'a contact card');

my %list = (type => 'list', body => { text => 'Which?' }, action => {
    button => 'Choose', sections => [ { rows => [
        { id => 'r1', title => 'One' }, { id => 'r2', title => 'Two' } ] } ] });
($p, $m) = sent(content => { type => 'interactive', interactive => \%list });
is($p->{interactive}{action}{sections}[0]{rows}[1]{id}, 'r2', 'a list');
is($m->{text}, 'Which?', 'shown by its body');
my $asking = $m;

($p) = sent(content => { type => 'interactive', interactive => { type => 'button',
    header => { type => 'image', image => { media_id => $cat->{id} } },
    body => { text => 'Buy?' }, action => { buttons => [
        { type => 'reply', reply => { id => 'yes', title => 'Yes' } } ] } } });
ok($p->{interactive}{header}{image}{id}, 'buttons with a picture above');
is($p->{interactive}{header}{image}{media_id}, undef, "not by our own id");

($p) = sent(text => 'as I said', reply_to => $asking->{id});
is($p->{context}{message_id}, $asking->{provider_id}, 'a quoted reply');

($p, $m) = sent(content => { type => 'reaction', message_id => $asking->{id},
    emoji => "\x{1F44D}" });
is($p->{reaction}{message_id}, $asking->{provider_id}, 'a reaction');
is($m->{reply_to}, $asking->{id}, 'to that message');


# ── what is refused ──

refused('two things', '/text', text => 'x', content => { type => 'image' });
refused('a type', '/content/type', content => { type => 'hologram' });
refused('four buttons', '/content/interactive/action/buttons', content => {
    type => 'interactive', interactive => { type => 'button', body => { text => 'x' },
    action => { buttons => [ map { { type => 'reply', reply => { id => $_,
        title => $_ } } } 1 .. 4 ] } } });
refused('a PDF as a picture', '/content/media_id',
    content => { type => 'image', media_id => $bill->{id} });
refused('a file that is not there', '/content/media_id',
    content => { type => 'image', media_id => '00000000-0000-7000-8000-000000000000' });
my $large = upload("\xff\xd8\xff\xe0" . 'j' x (6 * 1024 * 1024), 'l.jpg');
my $e = refused('a picture of 6 MB', '/content/media_id',
    content => { type => 'image', media_id => $large->{id} });
like($e->{detail}, qr/document/, 'it says what to do');
refused('what the Cloud API has not', '/content/type', content => { type => 'poll',
    name => 'When?', options => [ 'Now', 'Then' ] });
my $c2 = $t->api('POST', '/contacts', { name => 'B', first_name => 'B',
    phone => '+254712345600' })->{json};
refused("another one's message", '/reply_to', contact_id => $c2->{id}, text => 'x',
    reply_to => $asking->{id});
my $r = say_it(contact_id => $c2->{id}, content => { type => 'image',
    media_id => $cat->{id} });
is($r->{json}{code}, 'window_closed', 'a closed window');
is($r->{json}{errors}[0]{pointer}, '/content', 'for content as well');


# ── templates with a file and buttons ──

my $tpl = $t->api('POST', '/templates', { name => 'offer', language => 'en',
    category => 'marketing', body => 'Hi {{first_name}}, see {{link}}' })->{json};
$t->sql("UPDATE templates SET document = '" . encode_json({
    header => { format => 'image' }, buttons => [
        { type => 'quick_reply', text => 'No' },
        { type => 'url', text => 'See', url => 'https://s.example/o/{{code}}' },
        { type => 'copy_code', example => 'SAVE5' } ] })
    . "' WHERE id = '$tpl->{id}'");

my %template = (id => $tpl->{id}, variables => { link => 'https://s.example/a',
    code => 'X7' }, header => { media_id => $cat->{id} });
($p, $m) = sent(template => \%template);
my %part = map { $_->{type} . ($_->{index} // '') => $_ }
    @{ $p->{template}{components} };
ok($part{header}{parameters}[0]{image}{id}, "the header's picture");
is($part{body}{parameters}[0]{text}, 'Amina', 'the body');
is($part{button1}{parameters}[0]{text}, 'X7', "the button's value");
is($part{button2}{parameters}[0]{coupon_code}, 'SAVE5', 'the code to copy');
is($m->{media}{id}, $cat->{id}, 'the file is shown');

refused('no picture', '/template/header', template => { id => $tpl->{id},
    variables => $template{variables} });
refused('a PDF above', '/template/header/media_id', template => { %template,
    header => { media_id => $bill->{id} } });
refused("a button's value", '/template/variables', template => { %template,
    variables => { link => 'x' } });
($p) = sent(template => { %template, variables => { link => 'x' },
    buttons => [ { index => 1, value => 'given' } ] });
%part = map { $_->{type} . ($_->{index} // '') => $_ } @{ $p->{template}{components} };
is($part{button1}{parameters}[0]{text}, 'given', 'a value that was given');

# a broadcast takes the file of the template itself
$t->sql("UPDATE templates SET document = jsonb_set(document, '{header,media_id}', "
    . "to_jsonb('$bill->{id}'::text)) || '{\"header\": {\"format\": \"document\", "
    . "\"media_id\": \"$bill->{id}\"}}' WHERE id = '$tpl->{id}'");
$r = $t->api('POST', '/broadcasts', { name => 'B', account_id => $a->{id},
    template_id => $tpl->{id}, audience => { all => JSON::PP::true() },
    variables => { link => 'https://s.example/b', code => 'Q' } });
is($r->{status}, 201, 'a broadcast') or diag($r->{content});
my $b = $r->{json};
ok(wait_until(sub { $t->api('GET', "/broadcasts/$b->{id}")->{json}{status}
    eq 'completed' }, 30, 'completed'), 'is sent');
my @b = grep { ($_->{json}{template}{name} // '') eq 'offer'
    && ($_->{json}{biz_opaque_callback_data} // '') =~ /^h1\./
    && grep { $_->{type} eq 'header' && $_->{parameters}[0]{document} }
       @{ $_->{json}{template}{components} } } $g->asked('POST', qr{/messages$});
is(scalar @b, 2, 'to both, with the file above');


# ── what comes in ──

sub inbound {
    my (%m) = @_;
    my $r = $t->webhook($a, value($a, contacts => [ { wa_id => '254712345678',
        profile => { name => 'Amina' } } ], messages => [ { from => '254712345678',
        id => 'wamid.in' . ++$main::n, timestamp => time . '', %m } ]));

    is($r->{status}, 200, 'a webhook');
    return "wamid.in$main::n";
}

sub received {
    my ($wamid) = @_;
    return (grep { ($_->{provider_id} // '') eq $wamid }
        @{ $t->api('GET', "/messages?contact_id=$c->{id}&direction=in")
            ->{json}{data} })[0];
}

my $stream = $t->stream;
$g->file(7701 => $png . 'theirs', 'image/png');
my $w = inbound(type => 'image', image => { id => '7701', mime_type => 'image/png',
    sha256 => 'x', caption => 'look' });
ok(received($w), 'a picture came');
ok(wait_until(sub { received($w)->{media}{state} eq 'ready' }, 20, 'fetched'),
    'it is fetched');
my $in = received($w);
is($in->{media}{bytes}, length($png) + 6, 'all of it');
is($in->{media}{mime}, 'image/png', 'as what it is');
$r = $t->api('GET', "/media/$in->{media}{id}/content");
is(sha256_hex($r->{content}), sha256_hex($png . 'theirs'), 'as they sent it');
ok((grep { $_->{token} } $g->asked('GET', qr{^/file/7701})), "with the number's token");
ok(wait_until(sub { grep { ($_->{event} // '') eq 'message.media'
    && $_->{json}{state} eq 'ready' } $stream->events }, 10, 'event'),
    'the stream told of it');

# its bytes are none that it claims
$g->file(7702 => "<html><script>x</script>", 'image/png');
$w = inbound(type => 'image', image => { id => '7702', mime_type => 'image/png' });
ok(wait_until(sub { received($w)->{media}{state} eq 'failed' }, 20, 'failed'),
    'a page that says it is a picture is not kept');
like(received($w)->{media}{detail}, qr/none of the types/, 'it says why');
is($t->api('GET', '/media/' . received($w)->{media}{id} . '/content')->{status}, 409,
    'and cannot be read');

# not there at first
$g->tell(url => 500);
$g->file(7703 => $pdf, 'application/pdf');
$w = inbound(type => 'document', document => { id => '7703', filename => 'x.pdf',
    mime_type => 'application/pdf' });
ok(wait_until(sub { $t->sql("SELECT count(*) FROM errands WHERE kind = 'media_fetch'
    AND detail IS NOT NULL") > 0 }, 20, 'tried'), 'a provider that does not answer well');
is(received($w)->{media}{state}, 'wanted', 'is asked again');
$g->tell(url => 0);
ok(wait_until(sub { received($w)->{media}{state} eq 'ready' }, 60, 'fetched'),
    'until it does');
is(received($w)->{media}{filename}, 'x.pdf', 'under its name');

# the webhook again: one message, one fetch
my $before = scalar $g->asked('GET', qr{^/file/7701});
$main::n = 0;
inbound(type => 'image', image => { id => '7701', mime_type => 'image/png' });
is($t->sql("SELECT count(*) FROM media WHERE source_ref = '7701'"), 1,
    'a webhook that comes twice wants nothing twice');


# ── answers ──

$main::n = 50;
$w = inbound(type => 'interactive', context => { from => '1',
    id => $asking->{provider_id} }, interactive => { type => 'list_reply',
    list_reply => { id => 'r2', title => 'Two' } });
$in = received($w);
is($in->{reply_to}, $asking->{id}, 'an answer is tied to what asked');
is_deeply($in->{choice}, { id => 'r2', title => 'Two' }, 'with what was chosen');

my $bm = $t->sql("SELECT message_id || '|' || provider_id FROM deliveries
    WHERE batch_id = '$b->{id}' AND contact_id = '$c->{id}'");
my ($bid, $bwamid) = split /\|/, $bm;
for (1, 2) {
    $w = inbound(type => 'button', context => { from => '1', id => $bwamid },
        button => { text => 'No', payload => 'no-thanks' });
}
is(received($w)->{reply_to}, $bid, "a broadcast's button");
$r = $t->api('GET', "/broadcasts/$b->{id}/choices");
is_deeply($r->{json}{data}, [ { choice => 'no-thanks', title => 'No', people => 1 } ],
    'counts the person once');
is($t->api('GET', "/broadcasts/$b->{id}")->{json}{counters}{replied}, 1, 'as replied');


# ── read and typing ──

$r = $t->api('POST', "/messages/$in->{id}/read", { typing => JSON::PP::true });
is($r->{status}, 200, 'read') or diag($r->{content});
my ($read) = grep { ($_->{json}{status} // '') eq 'read' }
    $g->asked('POST', qr{/messages$});
is($read->{json}{message_id}, $in->{provider_id}, 'the provider is told');
is($read->{json}{typing_indicator}{type}, 'text', 'that somebody types, too');
is($t->sql("SELECT unread FROM conversations WHERE contact_id = '$c->{id}'
    AND account_id = '$a->{id}'"), 0,
    'nothing is unread');
is($t->api('POST', "/messages/$asking->{id}/read", {})->{status}, 409,
    'what we wrote is not read by us');
my $other = $t->org;
is($t->api('POST', "/messages/$in->{id}/read", {}, token => $other->{key})->{status},
    404, "nor another one's");
$t->{key} = $o->{key};

# ── a worker that dies while it fetches ──

$g->tell(slow => 3);
$g->file(7704 => $pdf . 'slow', 'application/pdf');
$g->file(7705 => $pdf . 'next', 'application/pdf');
$main::n = 80;
$w = inbound(type => 'document', document => { id => '7704', filename => 's.pdf',
    mime_type => 'application/pdf' });
ok(wait_until(sub { $g->asked('GET', qr{^/file/7704}) }, 15, 'asked'), 'under way');
$t->kill_process($_) for $t->worker_pids;
$g->tell(slow => 0);
ok(wait_until(sub { $t->get('/readyz')->{status} == 200 }, 20, 'again'), 'new workers');
is(received($w)->{media}{state}, 'wanted', 'it is still wanted');
# the lease is two minutes; the next errand has the helper look at all
$t->sql("UPDATE agenda SET due_at = now() WHERE kind = 'errand'");
inbound(type => 'document', document => { id => '7705', filename => 'n.pdf',
    mime_type => 'application/pdf' });
ok(wait_until(sub { received($w)->{media}{state} eq 'ready' }, 70, 'fetched'),
    'and is fetched by another');
is(`find $t->{dir}/media/temp -type f`, '', 'half a file is nowhere');

$g->stop;
$t->done;
