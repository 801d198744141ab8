#!/usr/bin/perl

# Files: uploads as a body and as a form, what they are by their bytes, twice the same,
# ranges, what no browser may run, links for providers, another organisation, a full
# disk, an upload cut short, a worker that is killed in the middle, deletion.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;
use Herald::Test;
use Test::More;

my $t = Herald::Test->new(
    http => 'herald_public_url http://127.0.0.1:%%PORT%%;');
my $o = $t->org;

my $png = "\x89PNG\r\n\x1a\n" . join('', map { chr(($_ * 37) % 256) } 0 .. 9999);
my $jpeg = "\xff\xd8\xff\xe0" . 'j' x 2000;

sub upload {
    my ($bytes, %o) = @_;
    my $query = defined $o{name} ? "?filename=$o{name}" : '';

    return $t->api('POST', "/media$query", undef, content => $bytes, timeout => 60,
        headers => { 'content-type' => $o{type} // 'application/octet-stream' },
        exists $o{token} ? (token => $o{token}) : ());
}

sub form {
    my (@parts) = @_;
    my $b = 'boundary-of-the-form';

    return ("multipart/form-data; boundary=$b", join('', map {
        "--$b\r\nContent-Disposition: form-data; name=\"$_->{name}\""
        . (defined $_->{file} ? "; filename=\"$_->{file}\"" : '')
        . "\r\n\r\n$_->{data}\r\n" } @parts) . "--$b--\r\n");
}

sub files {
    return map { chomp; $_ } `find $t->{dir}/media/files -type f 2>/dev/null`;
}

sub temps {
    return map { chomp; $_ } `find $t->{dir}/media/temp -type f 2>/dev/null`;
}


# a body

my $stream = $t->stream;
my $r = upload($png, name => 'cat.png');
is($r->{status}, 201, 'uploaded');
my $m = $r->{json};
is($m->{mime}, 'image/png', 'a PNG, whatever the header says');
is($m->{bytes}, length $png, 'as long as it is');
is($m->{sha256}, sha256_hex($png), 'its digest');
is($m->{filename}, 'cat.png', 'its name');
is($m->{state}, 'ready', 'ready');
is($m->{source}, 'upload', 'by an upload');
ok(wait_until(sub { grep { ($_->{event} // '') eq 'media.created'
    && $_->{json}{id} eq $m->{id} } $stream->events }, 10, 'the event'),
    'the stream told of it');

is($t->api('GET', "/media/$m->{id}")->{json}{id}, $m->{id}, 'read');
is(scalar(files()), 1, 'one file on the disk');

$r = upload($png, name => 'cat.png');
is($r->{status}, 200, 'the same again');
is($r->{json}{id}, $m->{id}, 'is the same');

$r = upload($png, name => 'dog.png');
is($r->{status}, 201, 'under another name');
isnt($r->{json}{id}, $m->{id}, 'it is another');
my $dog = $r->{json};
is(scalar(files()), 1, 'of the same bytes on the disk');


# a form

my ($type, $body) = form({ name => 'note', data => 'not this' },
    { name => 'file', file => "../../etc/pass\x{e4}wd.jpg", data => $jpeg },
    { name => 'file', file => 'second.png', data => $png });
$r = upload($body, type => $type);
is($r->{status}, 201, 'as a form');
is($r->{json}{mime}, 'image/jpeg', 'its first file');
is($r->{json}{sha256}, sha256_hex($jpeg), 'without the form around it');
unlike($r->{json}{filename}, qr{/}, 'its name is no path');

($type, $body) = form({ name => 'image', file => 'x.png', data => $png });
$r = upload($body, type => $type);
is($r->{status}, 422, 'a form without the field');
is($r->{json}{errors}[0]{pointer}, 'file', 'which is named');
is(upload('x', type => 'multipart/form-data')->{status}, 415, 'no boundary');
$r = upload(substr($body, 0, 300), type => $type);
is($r->{status}, 400, 'a form that ends early');


# what it is not

is(upload('')->{status}, 422, 'empty');
$r = upload("<svg onload=alert(1)>", name => 'a.png', type => 'image/png');
is($r->{status}, 415, 'markup is no picture');
is($r->{json}{code}, 'unsupported_file', 'it says so');
is(upload("MZ\x90\0" . "\0" x 100, name => 'a.pdf')->{status}, 415, 'a program');
is(scalar(temps()), 0, 'nothing of them stays');
is($t->api('POST', '/media', undef, content => $png, token => undef)->{status}, 401,
    'nobody uploads');


# the file itself

$r = $t->api('GET', "/media/$m->{id}/content");
is($r->{status}, 200, 'downloaded');
is(sha256_hex($r->{content}), sha256_hex($png), 'as it was');
is($r->{headers}{'content-type'}, 'image/png', 'its type');
is($r->{headers}{'x-content-type-options'}, 'nosniff', 'no guessing');
like($r->{headers}{'content-security-policy'}, qr/^sandbox;.*default-src 'none'/,
    'nothing in it may run');
like($r->{headers}{'content-disposition'}, qr/^inline; filename="cat\.png"/, 'shown');

my $etag = $r->{headers}{etag};
$r = $t->api('GET', "/media/$m->{id}/content", undef,
    headers => { range => 'bytes=100-199' });
is($r->{status}, 206, 'a range');
is($r->{content}, substr($png, 100, 100), 'of its bytes');
$r = $t->api('GET', "/media/$m->{id}/content", undef,
    headers => { 'if-none-match' => $etag });
is($r->{status}, 304, 'not changed');
$r = $t->api('HEAD', "/media/$m->{id}/content");
is($r->{headers}{'content-length'}, length $png, 'HEAD');

my $pdf = upload("%PDF-1.7\n<script>", name => 'bill%22%3B%20x%C3%A9.pdf')->{json};
$r = $t->api('GET', "/media/$pdf->{id}/content");
like($r->{headers}{'content-disposition'},
    qr/^attachment; filename="bill__ x__\.pdf"; filename\*=UTF-8''bill%22%3b%20x%c3%a9/,
    'saved, under a name that breaks out of nothing');

my @list = @{ $t->api('GET', '/media?source=upload')->{json}{data} };
is(scalar @list, 4, 'the list');
is($t->api('GET', '/media?limit=1')->{json}{data}[0]{id}, $pdf->{id}, 'newest first');


# another organisation

my $other = $t->org;
for my $path ("/media/$m->{id}", "/media/$m->{id}/content") {
    is($t->api('GET', $path, undef, token => $other->{key})->{status}, 404,
        "not theirs: $path");
}
is($t->api('DELETE', "/media/$m->{id}", undef, token => $other->{key})->{status},
    404, 'nor to delete');
is($t->api('GET', '/media', undef, token => $other->{key})->{json}{data}[0], undef,
    'nor in their list');
$r = upload($png, name => 'cat.png', token => $other->{key});
is($r->{status}, 201, 'the same file is theirs when they send it');
isnt($r->{json}{id}, $m->{id}, 'by an id of their own');
$t->{key} = $o->{key};

# they cannot send what is not theirs
my $their = $t->api('POST', '/accounts', { name => 'x', provider => 'cloud_api',
    phone => '+15550309001', number_id => '990001', token => 't',
    app_secret => 'secret-secret' }, token => $other->{key})->{json};
$r = $t->api('POST', '/messages', { account_id => $their->{id}, to => '+254700000001',
    content => { type => 'image', media_id => $m->{id} } }, token => $other->{key});
is($r->{status}, 422, 'nor can they send it');
is_deeply([ map { $_->{pointer} } grep { $_->{code} eq 'not_found' }
    @{ $r->{json}{errors} } ], ['/content/media_id'], 'which is not there');


# links for those who fetch: none can be guessed or changed

for my $path ("/media/$m->{id}/" . 'A' x 54, "/media/$m->{id}/", "/media/x/y",
              "/media/$m->{id}/../$m->{id}/" . 'B' x 54) {
    is($t->get($path)->{status}, 404, "forged: $path");
}
is($t->request('POST', "/media/$m->{id}/" . 'A' x 54)->{status}, 405, 'only GET');


# cut short: nothing is left

sub half {
    my ($bytes) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->{port})
        or die;

    print {$s} "POST /api/v1/media HTTP/1.1\r\nHost: x\r\n"
        . "Authorization: Bearer $o->{key}\r\nContent-Length: 1000000\r\n\r\n"
        . $bytes;
    $s->flush;
    return $s;
}

my $s = half($png x 5);
ok(wait_until(sub { (temps())[0] && -s (temps())[0] }, 10, 'its first bytes'),
    'an upload under way');
close $s;
ok(wait_until(sub { !temps() }, 10, 'the file goes'), 'cut short, it leaves nothing');

# a worker that dies under it
$s = half($png x 5);
ok(wait_until(sub { (temps())[0] && -s (temps())[0] }, 10, 'its first bytes'),
    'another under way');
my ($pid) = (temps())[0] =~ m{/(\d+)\.\d+$};
$t->kill_process($pid);
ok(wait_until(sub { !temps() }, 15, 'the next worker cleans'),
    'killed, it leaves nothing either');
close $s;


# large

my $big = "%PDF-1.7\n" . 'x' x (20 * 1024 * 1024);
$r = upload($big, name => 'big.pdf');
is($r->{status}, 201, 'twenty megabytes');
is($r->{json}{bytes}, length $big, 'all of them');
$r = upload("\xff\xd8\xff\xe0" . 'j' x (6 * 1024 * 1024), name => 'huge.jpg');
is($r->{status}, 201, 'a large picture');
my $huge = $r->{json};


# deleted

is($t->api('DELETE', "/media/$m->{id}")->{status}, 204, 'deleted');
is($t->api('GET', "/media/$m->{id}")->{status}, 404, 'gone');
is($t->api('GET', "/media/$dog->{id}/content")->{status}, 200,
    'the other with the same bytes is there');
is($t->api('DELETE', "/media/$huge->{id}")->{status}, 204, 'deleted the large one');

my ($file) = grep { -s $_ > 6_000_000 && -s $_ < 7_000_000 } files();
my ($kept) = grep { -s $_ == length $png } files();
ok($file && $kept, 'its file is there for a while');
utime time - 3600, time - 3600, $file, $kept;
$t->sql('UPDATE agenda SET due_at = now() FROM errands e WHERE agenda.ref_id = e.id '
    . "AND e.kind = 'media_sweep'");
# whoever asks for an errand has the helper look at all
$t->api('DELETE', "/media/$pdf->{id}");
ok(wait_until(sub { !-e $file }, 90, 'the sweep'), 'then it goes');
ok(-e $kept, 'what another row has stays');


$t->done;
