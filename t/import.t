#!/usr/bin/perl

# Import from CSV: columns known and told, phones, bad rows, repeated rows, dry runs,
# broken files, and what happens when the client or the database goes away.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use Encode qw(encode);
use JSON::PP;
use Herald::Test;
use Test::More;

binmode Test::More->builder->$_, ':utf8'
    for qw(output failure_output todo_output);

my $t = Herald::Test->new;
my $o = $t->org;
my ($r, $n);

sub import_csv {
    my ($csv, $query, %o) = @_;

    $csv = encode('UTF-8', $csv) if utf8::is_utf8($csv);
    return $t->api('POST', '/contacts/import' . ($query ? "?$query" : ''),
        $csv, headers => { 'content-type' => $o{type} // 'text/csv' },
        timeout => 120, %o);
}

sub encoded {
    my ($value) = @_;
    my $text = JSON::PP->new->utf8->canonical->encode($value);

    $text =~ s/([^A-Za-z0-9_.-])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

# "created updated failed" of an answer
sub sums {
    my ($r) = @_;

    return "$r->{status} $r->{content}" if $r->{status} != 200;
    return join ' ', map { $r->{json}{$_} } qw(rows created updated failed);
}

sub contact {
    my ($phone) = @_;

    return $t->api('GET', '/contacts?search=%2B' . substr $phone, 1)
             ->{json}{data}[0];
}

sub errors {
    my ($r) = @_;

    return join ' ', map { "$_->{line}:$_->{code}" } @{ $r->{json}{errors} };
}


# plain

$r = import_csv("phone,name,first_name,last_name,email,language,tags\r\n"
    . "+254712000001,Amina O,Amina,Otieno,amina\@example.com,sw,\"vip, new\"\r\n"
    . "+254712000002,,Jo\x{e3}o,Silva,,,\r\n");
is(sums($r), '2 2 0 0', 'two rows');
ok($r->{json}{id}, 'the import has an id');
is($r->{json}{dry_run}, JSON::PP::false, 'it is no dry run');
is_deeply($r->{json}{columns}, { map { $_ => $_ }
    qw(phone name first_name last_name email language tags) }, 'its columns');

my $c = contact('+254712000001');
is($c->{name}, 'Amina O', 'name');
is($c->{email}, 'amina@example.com', 'e-mail');
is($c->{language}, 'sw', 'language');
is_deeply($c->{tags}, ['vip', 'new'], 'tags');
is(contact('+254712000002')->{name}, "Jo\x{e3}o Silva", 'a name from its parts');
is($t->sql("SELECT count(*) FROM addresses WHERE value = '+254712000001'"), 1,
   'an address');
is($t->sql('SELECT rows, created, finished_at IS NOT NULL FROM imports'),
   '2|2|t', 'the import is kept');

# again: nothing is made twice, and empty columns change nothing

$r = import_csv("phone,name,email,tags\n+254712000001,,,old\n");
is(sums($r), '1 0 1 0', 'again');
$c = contact('+254712000001');
is($c->{name}, 'Amina O', 'an empty column changes nothing');
is_deeply([sort @{ $c->{tags} }], ['new', 'old', 'vip'], 'tags are added');


# bad rows

$r = import_csv("name;phone;email\n"
    . "National;0712 345 678;\n"
    . "Letters;abc;\n"
    . "Empty;;x\@example.com\n"
    . "Short;+254;\n"
    . "Good;+254712000003;\n"
    . ";;\n"
    . "Shortened;2.54713E+11;\n"
    . "Mail;+254712000004;nobody\n"
    . "Many;+254712000005;;x\n"
    . "\"Quoted\nover lines\";+254712000006;\n"
    . "Long" . 'x' x 1100 . ";+254712000007;\n"
    . "Text;+25471200000812345678;\n");
is(sums($r), '11 2 0 9', 'bad rows do not stop the good ones');
is(errors($r), '2:phone_no_country 3:phone_not_a_number 4:phone_empty '
    . '5:phone_too_short 8:phone_shortened 9:email_invalid '
    . '10:too_many_columns 13:field_too_long 14:phone_too_long',
    'each bad row by its line');
like($r->{json}{errors}[0]{detail}, qr/"0712 345 678".*default_country/,
     'and what to do, in words');

my $id = $r->{json}{id};
my @rows = $t->api_all("/contacts/imports/$id/errors");
is(scalar @rows, 9, 'all of them can be read later');
is($rows[0]{line}, 2, 'by line');
my $page = $t->api('GET', "/contacts/imports/$id/errors?limit=4")->{json};
is(join(' ', map { $_->{line} } @{ $page->{data} }), '2 3 4 5', 'a page');
$page = $t->api('GET', "/contacts/imports/$id/errors?limit=4&cursor="
    . $page->{next_cursor})->{json};
is(join(' ', map { $_->{line} } @{ $page->{data} }), '8 9 10 13', 'the next');
is($t->api('GET', '/contacts/imports/00000000-0000-7000-8000-000000000000/'
    . 'errors')->{status}, 404, 'of an import that is not there');

$r = import_csv("phone\n0712 345 678\n(0712) 345-679\n0712345678\n",
                'default_country=ke&tags=a,b');
is(sums($r), '3 2 1 0', 'national numbers of a country');
is_deeply(contact('+254712345678')->{tags}, ['a', 'b'], 'tags for every row');

is(import_csv("phone\n", 'default_country=XX')->{status}, 422,
   'an unknown country');


# the same phone twice in one file: the later row wins

$r = import_csv("phone,name,email,tags,City\n"
    . "+254713000001,First,first\@example.com,one,Nairobi\n"
    . "+254713000002,Other,,,\n"
    . "+254 713 000 001,Second,,two,Mombasa\n",
    'mapping=' . encoded({ City => 'fields.city' }));
is(sums($r), '3 2 1 0', 'one of them is an update');
$c = contact('+254713000001');
is($c->{name}, 'Second', 'the later name');
is($c->{email}, 'first@example.com', 'what it left empty stays');
is_deeply($c->{tags}, ['one', 'two'], 'both tags');
is_deeply($c->{fields}, { city => 'Mombasa' }, 'the later field');


# columns

$r = import_csv("Kunde,Handy,Ort,Tel\nAnna,+31612345678,Utrecht,+31612345679\n",
    'mapping=' . encoded({ Kunde => 'name', Handy => 'phone',
                           Ort => 'fields.city', Tel => '' }));
is(sums($r), '1 1 0 0', 'columns that were told');
is_deeply($r->{json}{columns}, { Kunde => 'name', Handy => 'phone',
    Ort => 'fields.city', Tel => undef }, 'are said');
is_deeply(contact('+31612345678')->{fields}, { city => 'Utrecht' }, 'own field');

$r = import_csv("Name,Fax,City\nx,+31612345678,y\n");
is($r->{status}, 422, 'no column for the phone');
is($r->{json}{code}, 'no_phone_column', 'is said so');
like($r->{json}{detail}, qr/Name, Fax, City/, 'with the columns seen');

$r = import_csv("phone\n", 'mapping=' . encoded({ Mobil => 'phone' }));
is($r->{json}{code}, 'unknown_column', 'a mapping for no column');
is(import_csv("phone\n", 'mapping=' . encoded({ phone => 'fone' }))->{status},
   422, 'a mapping to nothing');
is(import_csv("phone\n", 'mapping=%7B')->{status}, 422, 'a mapping no JSON');
is(import_csv("phone\n", 'dry_run=yes')->{status}, 422, 'dry_run=yes');

is(import_csv("phone\n+31612345678\n", '', type => 'application/json')
   ->{status}, 415, 'JSON is no CSV');
is(import_csv("phone\n+31612345678\n", '', type => 'text/csv; charset=utf-8')
   ->{status}, 200, 'a charset is no harm');

$r = import_csv('');
is($r->{json}{code}, 'empty_file', 'an empty file');
is(sums(import_csv("phone\n")), '0 0 0 0', 'a header alone');

$r = import_csv("phone,name\n+31612345670,\"never closed\n" . "x\n" x 50000);
is($r->{json}{code}, 'malformed_csv', 'a quote that is never closed');
like($r->{json}{detail}, qr/line 2/, 'and where');


# encodings

is(sums(import_csv("\x{feff}phone\tname\r+254714000001\tJ\x{fc}rg\r")),
   '1 1 0 0', 'a BOM, tabs, and CR alone');
$r = $t->api('POST', '/contacts/import', "phone;name\r\n"
    . "+254714000002;J\xfcrg\r\n", headers => { 'content-type' => 'text/csv' });
is(contact('+254714000002')->{name}, "J\x{fc}rg", 'windows-1252');
$r = $t->api('POST', '/contacts/import', encode('UTF-16',
    "phone\tname\r\n+254714000003\tJ\x{fc}rg\r\n"),
    headers => { 'content-type' => 'text/csv' });
is(contact('+254714000003')->{name}, "J\x{fc}rg", 'UTF-16');


# real exports

my $dir = fixtures();

SKIP: {
    skip 'fixtures folder not found', 9 if !$dir;

    $r = import_csv(slurp("$dir/csv/exports/google-contacts-2024plus.csv"),
                    'default_country=KE');
    is(sums($r), '3 1 1 1', 'Google Contacts');
    is(errors($r), '5:phone_empty', 'who has no phone');
    is(contact('+41446681800')->{name}, "J\x{fc}rg M\x{fc}ller, Dr.",
       'the first of several phones');
    is_deeply(contact('+41446681800')->{tags}, ['VIP'],
              q(Google's own groups are left out));

    $r = import_csv(slurp("$dir/csv/exports/hubspot-contacts.csv"));
    is($r->{json}{columns}{'Phone Number'}, 'phone', 'HubSpot');
    is(sums($r), '4 1 0 3', 'its rows');

    $r = import_csv(slurp("$dir/csv/exports/shopify-customers-current.csv"));
    is($r->{json}{columns}{Phone}, 'phone', 'Shopify');
    is(sums($r), '2 0 2 0', 'its rows');
    is_deeply([sort @{ contact('+31612345678')->{tags} }],
              ['horeca', 'vip'], 'its tags');
}


# what was exported comes back the same

$n = $t->sql("SELECT count(*) FROM contacts WHERE phone IS NOT NULL");
my $before = $t->api('GET', '/contacts/export')->{content};
$r = $t->api('POST', '/contacts/import', $before,
             headers => { 'content-type' => 'text/csv' });
is(sums($r), "$n 0 $n 0", 'the export imported');
is($t->api('GET', '/contacts/export')->{content}, $before, 'changes nothing');


# a dry run

$n = $t->sql('SELECT count(*) FROM contacts');
$r = import_csv("phone,name\n+254712000001,Changed\n+254715000001,New\n"
    . "+254715000001,Again\nx,Bad\n", 'dry_run=true');
is(sums($r), '4 1 2 1', 'a dry run says what would be');
is($r->{json}{dry_run}, JSON::PP::true, 'and that it is one');
is($t->sql('SELECT count(*) FROM contacts'), $n, 'nothing is made');
is(contact('+254712000001')->{name}, 'Amina O', 'nothing is changed');
is(scalar $t->api_all("/contacts/imports/$r->{json}{id}/errors"), 1,
   'its bad rows are kept');


# large, with bad rows and repeated ones all over; memory stays

sub rss {
    my $max = 0;

    for my $pid ($t->worker_pids) {
        my ($kb) = slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
        $max = $kb if ($kb // 0) > $max;
    }

    return $max;
}

sub large {
    my ($i) = @_;

    return undef if $i >= 40000;
    return "bad $i,N,\n" if $i % 100 == 7;
    return sprintf "+25472%07d,Repeated %d,tag\n", $i - 51, $i
        if $i % 100 == 57;
    return sprintf "+25472%07d,Name %d,tag%d\n", $i, $i, $i % 5;
}

import_csv(join '', "phone,name,tags\n", map { large($_) } 0 .. 2000);
my $rss = rss();

for my $dry (1, 0) {
    my $i = 0;

    $r = $t->api('POST', '/contacts/import' . ($dry ? '?dry_run=true' : ''),
        undef, headers => { 'content-type' => 'text/csv' }, timeout => 120,
        content => sub {
            my $from = $i;

            $i += 100;
            return ($from ? '' : "phone,name,tags\n")
                . join '', map { large($_) // () } $from .. $from + 99
                if $from < 40000;
            return undef;
        });

    # 1961 phones were there already
    is(sums($r), '40000 37239 2361 400', $dry ? 'a dry run of 40,000 rows'
                                              : '40,000 rows');
}

is(scalar @{ $r->{json}{errors} }, 100, 'a hundred bad rows in the answer');
is(scalar $t->api_all("/contacts/imports/$r->{json}{id}/errors"), 400,
   'all of them later');
is($t->sql(q(SELECT count(*) FROM contacts WHERE phone LIKE '+25472%')),
   39200, 'the contacts are there');

SKIP: {
    skip 'a sanitizer keeps what was freed', 1 if $ENV{HERALD_ASAN};
    cmp_ok(rss() - $rss, '<', 12000, 'in the same memory');
}


# two at once that meet: the same phones, from both ends

my @s = map { $t->raw } 1 .. 2;
my @phones = map { sprintf "+25476%07d\n", $_ } 1 .. 4000;

for my $part (0 .. 8) {
    for my $n (0, 1) {
        my $text = $part ? join '', map { $phones[$n ? -1 - $_ : $_] }
                               ($part - 1) * 500 .. $part * 500 - 1
                         : "phone\n";

        syswrite $s[$n], "POST /api/v1/contacts/import HTTP/1.1\r\nHost: x\r\n"
            . "Authorization: Bearer $o->{key}\r\nContent-Type: text/csv\r\n"
            . 'Content-Length: ' . length(join '', "phone\n", @phones)
            . "\r\nConnection: close\r\n\r\n" if !$part;
        syswrite $s[$n], $text;
    }
}

my ($made, $known) = (0, 0);

for my $s (@s) {
    local $/;
    my $got = <$s> // '';
    like($got, qr{^HTTP/1.1 200 }, 'one of two that meet');
    $made += $1 if $got =~ /"created":(\d+)/;
    $known += $1 if $got =~ /"updated":(\d+)/;
}

is("$made $known", '4000 4000', 'each phone was made once');


# a client that leaves, one that is slow

my $s = $t->raw;
syswrite $s, "POST /api/v1/contacts/import HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $o->{key}\r\nContent-Type: text/csv\r\n"
    . "Content-Length: 1000000\r\n\r\nphone\n"
    . join('', map { sprintf "+25473%07d\n", $_ } 1 .. 3000);
ok(wait_until { $t->sql(q(SELECT count(*) FROM contacts
                           WHERE phone LIKE '+25473%')) >= 1000 } 20,
   'rows are kept while the rest is still to come');
close $s;
is($t->api('GET', '/contacts?limit=1')->{status}, 200, 'its end harms nobody');

$s = $t->raw;
syswrite $s, "POST /api/v1/contacts/import HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $o->{key}\r\nContent-Type: text/csv\r\n"
    . "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
for my $part (split //, "phone\n+254740000001\n") {
    syswrite $s, sprintf "%x\r\n%s\r\n", length $part, $part;
}
syswrite $s, "0\r\n\r\n";
my $got = do { local $/; <$s> };
like($got, qr{^HTTP/1.1 200 .*"created":1,}s, 'a byte at a time');

$s = $t->raw;
syswrite $s, "POST /api/v1/contacts/import HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $o->{key}\r\nContent-Type: text/csv\r\n"
    . "Expect: 100-continue\r\nContent-Length: 19\r\n"
    . "Connection: close\r\n\r\n";
sysread $s, $got, 1000;
like($got, qr{^HTTP/1.1 100 }, 'a client that asks first');
syswrite $s, "phone\n+254740000001";
$got = do { local $/; <$s> };
like($got, qr{HTTP/1.1 200 .*"updated":1,}s, 'and the last line needs no end');


# the database goes away in the middle, and comes back

$s = $t->raw;
syswrite $s, "POST /api/v1/contacts/import HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $o->{key}\r\nContent-Type: text/csv\r\n"
    . "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";

sub chunk {
    my ($from, $to) = @_;
    my $text = join '', $from == 1 ? "phone\n" : (),
        map { sprintf "+25475%07d\n", $_ } $from .. $to;

    local $SIG{PIPE} = 'IGNORE';
    syswrite $s, sprintf "%x\r\n%s\r\n", length $text, $text;
}

chunk(1, 2000);
ok(wait_until { $t->sql(q(SELECT count(*) FROM contacts
                           WHERE phone LIKE '+25475%')) >= 1500 } 20,
   'it has begun');
$t->cluster_stop('immediate');
chunk(2001, 4000);
$got = do { local $/; <$s> } // '';
like($got, qr{^HTTP/1.1 503 }, 'the database goes away');
my ($line) = $got =~ /up to line (\d+) is imported/i;
cmp_ok($line // 0, '>=', 1501, 'and the answer says how far it came');
like($got, qr/^Retry-After: /mi, 'and when to try again');
$t->cluster_start;
# each worker comes back in its own time
ok(wait_until { !grep { $t->get('/readyz')->{status} != 200 } 1 .. 12 } 20,
   'it is back');
# a worker that is not back yet says so, and that nothing was done: as it is told to
wait_until {
    $r = import_csv(join '', "phone\n",
                    map { sprintf "+25475%07d\n", $_ } 1 .. 4000);
    $r->{status} != 503
} 20, 'a worker that has its database again';
$n = $r->{json}{updated};
is(sums($r), '4000 ' . (4000 - $n) . " $n 0", 'the same file again');
cmp_ok($n, '>=', $line - 1, 'what was kept is there');
is($t->sql(q(SELECT count(*) FROM contacts WHERE phone LIKE '+25475%')), 4000,
   'each once');

$t->done;
