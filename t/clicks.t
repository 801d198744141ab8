#!/usr/bin/perl

# Short links: in texts, in values and buttons of templates, in a broadcast; counted
# once for each delivery and in all; who is no person is not counted; nothing in an
# address can be changed to lead elsewhere; another organisation sees none of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

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

my $base = "http://127.0.0.1:$t->{port}";
my $a = account(base_url => $g->url);
my @c = map { $t->api('POST', '/contacts', { name => "C$_",
    phone => "+25471234000$_" })->{json} } 1 .. 3;
$t->open_window($a->{id}, $c[0]{id});

sub message { return $t->api('GET', "/messages/$_[0]")->{json} }

sub asked {
    my ($batch, $seq) = @_;
    return (grep { ($_->{json}{biz_opaque_callback_data} // '')
        eq reference($batch, $seq) } $g->asked('POST', qr{/messages$}))[0]{json};
}

sub sent {
    my (%m) = @_;
    my $r = $t->api('POST', '/messages', { account_id => $a->{id},
        contact_id => $c[0]{id}, %m });

    is($r->{status}, 202, 'taken') or diag($r->{content});
    my $id = $r->{json}{id};
    ok(wait_until(sub { message($id)->{status} eq 'accepted' }, 15, 'sent'), 'sent');
    return ($id, asked($id, 0));
}

sub follow {
    my ($url, %o) = @_;
    my ($path) = $url =~ m{^\Q$base\E(/l/.*)$} or die "no link of ours: $url";

    return $t->request($o{method} // 'GET', $path, headers => {
        'user-agent' => 'Mozilla/5.0 (Linux; Android 14) Chrome/130 Mobile',
        %{ $o{headers} // {} } });
}


# a text

my ($id, $p) = sent(text => 'See https://shop.example/sale?x=1&y=2, and '
    . 'https://shop.example/b.', track_clicks => JSON::PP::true);
my @url = $p->{text}{body} =~ m{(http://127\S+/l/[\w-]+)}g;
is(scalar @url, 2, 'both links are short');
like($p->{text}{body}, qr{^See $url[0], and $url[1]\.$}, 'what is around them stays');
like($url[0], qr{^\Q$base\E/l/[\w-]{30}$}, 'thirty characters');
like(message($id)->{text}, qr{https://shop\.example/sale}, 'what is shown is as written');

my $stream = $t->stream;
my $r = follow($url[0]);
is($r->{status}, 302, 'followed');
is($r->{headers}{location}, 'https://shop.example/sale?x=1&y=2', 'where it leads');
is($r->{headers}{'cache-control'}, 'no-store', 'not from a cache');
is(message($id)->{clicks}, 1, 'counted');
ok(wait_until(sub { grep { ($_->{event} // '') eq 'message.clicked'
    && $_->{json}{id} eq $id && $_->{json}{first} } $stream->events }, 10, 'event'),
    'the stream told of it');

for my $no (
    ['a head', method => 'HEAD'],
    ['WhatsApp', headers => { 'user-agent' => 'WhatsApp/2.23.20.0 A' }],
    ['Facebook', headers => { 'user-agent' => 'facebookexternalhit/1.1' }],
    ['a robot', headers => { 'user-agent' => 'Mozilla/5.0 (compatible; Googlebot/2.1)' }],
    ['a prefetch', headers => { 'sec-purpose' => 'prefetch;prerender' }],
    ['nobody', headers => { 'user-agent' => ' ' }],
) {
    my ($what, %how) = @$no;
    $r = follow($url[0], %how);
    is($r->{status}, 302, "$what is led there");
    is(message($id)->{clicks}, 1, "$what is not counted");
}

follow($url[0]) for 1 .. 2;
follow($url[1]);
is(message($id)->{clicks}, 4, 'every one in all');

# not asked for: as it is
($id, $p) = sent(text => 'See https://shop.example/plain');
is($p->{text}{body}, 'See https://shop.example/plain', 'a link that nobody tracks');


# nothing leads elsewhere

my ($token) = $url[0] =~ m{/l/(.*)$};
my $other = substr($url[1], -30);
for my $forged (substr($token, 0, 29), $token . 'A', 'A' x 30,
    substr($token, 0, 15) . substr($other, 15), ($token ^ "\0\0\0\x01") ,
    "$token?to=https://evil.example", "https://evil.example") {
    $r = $t->get("/l/$forged", headers => { 'user-agent' => 'Mozilla/5.0' });
    if ($forged =~ /\?to/) {
        is($r->{headers}{location}, 'https://shop.example/sale?x=1&y=2',
            'an argument changes nothing');
    } else {
        is($r->{status}, 404, "forged: $forged");
    }
}
is($t->request('POST', "/l/$token")->{status}, 405, 'it can only be followed');


# a button of an interactive message

($id, $p) = sent(track_clicks => JSON::PP::true, content => { type => 'interactive',
    interactive => { type => 'cta_url', body => { text => 'Open' }, action => {
    name => 'cta_url', parameters => { display_text => 'Open',
    url => 'https://shop.example/cta' } } } });
$r = follow($p->{interactive}{action}{parameters}{url});
is($r->{headers}{location}, 'https://shop.example/cta', "a button's link");


# a broadcast: each delivery has its own

my $tpl = $t->api('POST', '/templates', { name => 'news', language => 'en',
    category => 'utility', body => 'Hi {{name}}: {{link}}' })->{json};
$t->sql("UPDATE templates SET document = '" . encode_json({ buttons => [
    { type => 'url', text => 'Open', url => "$base/l/{{1}}",
      target => 'https://shop.example/c/{{name}}' } ] }) . "' WHERE id = '$tpl->{id}'");
$r = $t->api('POST', '/broadcasts', { name => 'B', account_id => $a->{id},
    template_id => $tpl->{id}, audience => { all => JSON::PP::true },
    variables => { link => 'https://shop.example/news' } });
is($r->{status}, 201, 'a broadcast') or BAIL_OUT($r->{content});
my $b = $r->{json}{id};
ok(wait_until(sub { $t->api('GET', "/broadcasts/$b")->{json}{status} eq 'completed' },
    30, 'completed'), 'is sent');

my (%body, %button);
for my $seq (1 .. 3) {
    my $j = asked($b, $seq) or next;
    for my $part (@{ $j->{template}{components} }) {
        $body{$seq} = $part->{parameters}[1]{text} if $part->{type} eq 'body';
        $button{$seq} = $part->{parameters}[0]{text} if $part->{type} eq 'button';
    }
}
is(scalar keys %body, 3, 'three of them');
my %tokens = map { $_ => 1 } values %body;
is(scalar keys %tokens, 3, 'each has its own link');
like($button{1}, qr/^[\w-]{30}$/, "the button's value is a token");
is($t->sql("SELECT count(*) FROM links WHERE batch_id = '$b'
    AND url = 'https://shop.example/news'"), 1, 'one row for the address');
like(message($t->sql("SELECT message_id FROM deliveries WHERE batch_id = '$b'
    AND seq = 1"))->{text}, qr{https://shop\.example/news}, 'shown as written');

is(follow($body{1})->{headers}{location}, 'https://shop.example/news', 'the body');
like(follow("$base/l/$button{1}")->{headers}{location},
    qr{^https://shop\.example/c/C\d$}, 'the button, with their own value');
follow($body{1});
follow($body{2});

$r = $t->api('GET', "/broadcasts/$b");
is($r->{json}{clicked}, 2, 'two people followed one');
$r = $t->api('GET', "/broadcasts/$b/links")->{json}{data};
my ($l) = grep { $_->{url} eq 'https://shop.example/news' } @$r;
is($l->{clicks}, 3, 'three times in all');
is($l->{people}, 2, 'by two');
my @k = $t->api_all("/broadcasts/$b/clicks");
is(scalar @k, 2, 'who they were');
is($k[0]{clicks}, 3, 'and how often');
is(scalar @{ $k[0]{links} }, 2, 'and which');
$r = $t->api('GET', "/broadcasts/$b/clicks?limit=1")->{json};
is(scalar @{ $r->{data} }, 1, 'in pages');
is($t->api('GET', "/broadcasts/$b/clicks?limit=1&cursor=$r->{next_cursor}")
    ->{json}{data}[0]{seq}, $k[1]{seq}, 'one after the other');

# at the same time: once for each delivery
my @pids = map { my $pid = fork // die; if (!$pid) { follow($body{3}) for 1 .. 5;
    POSIX::_exit(0) } $pid } 1 .. 4;
waitpid $_, 0 for @pids;
$r = $t->api('GET', "/broadcasts/$b");
is($r->{json}{clicked}, 3, 'twenty at once are one person');
is($t->sql("SELECT clicks FROM clicks WHERE batch_id = '$b' AND seq = 3"), 20,
    'and twenty clicks');


# another organisation

my $their = $t->org;
for my $path (qw(links clicks choices)) {
    is($t->api('GET', "/broadcasts/$b/$path", undef, token => $their->{key})->{status},
        404, "not theirs: $path");
}
$t->{key} = $o->{key};


# the database is away: nobody is led astray
$t->cluster_stop;
$r = follow($body{1});
is($r->{status}, 503, 'without the database it asks to come again');
ok($r->{headers}{'retry-after'}, 'and when');
$t->cluster_start;
ok(wait_until(sub { follow($body{1})->{status} == 302 }, 20, 'back'), 'then it leads');

$g->stop;
$t->done;
