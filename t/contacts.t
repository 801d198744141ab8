#!/usr/bin/perl

# Contacts: made, read, changed, deleted, listed, searched; and their export.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Herald::Test;
use Test::More;

binmode Test::More->builder->$_, ':utf8'
    for qw(output failure_output todo_output);

my $t = Herald::Test->new;
my $o = $t->org;
my ($r, $c);

sub contact {
    my (%c) = @_;
    my $r = $t->api('POST', '/contacts', \%c);

    diag("$r->{status} $r->{content}") if $r->{status} != 201;
    return $r->{json};
}

sub names {
    my ($query) = @_;
    my $r = $t->api('GET', "/contacts?$query");

    return "$r->{status} $r->{content}" if $r->{status} != 200;
    return join ' | ', sort map { $_->{name} } @{ $r->{json}{data} };
}


# made

$r = $t->api('POST', '/contacts', { first_name => 'Amina',
    last_name => 'Otieno', phone => '+254 712 345 678',
    email => 'Amina@Example.com', language => 'sw', tags => ['vip', 'nairobi'],
    fields => { city => 'Nairobi' } });
is($r->{status}, 201, 'made');
$c = $r->{json};
is($c->{name}, 'Amina Otieno', 'the name comes from its parts');
is($c->{phone}, '+254712345678', 'the phone is E.164');
is_deeply($c->{tags}, ['vip', 'nairobi'], 'tags');
is_deeply($c->{fields}, { city => 'Nairobi' }, 'own fields');
is($c->{marketing_opt_out}, JSON::PP::false, 'not opted out');
like($c->{created_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, 'a time');

is_deeply($t->api('GET', "/contacts/$c->{id}")->{json}, $c, 'reads the same');

is($t->sql("SELECT value FROM addresses WHERE contact_id = '$c->{id}'"),
   '+254712345678', 'the phone is an address');

$r = $t->api('POST', '/contacts', { phone => '+254712345678' });
is($r->{status}, 409, 'the same phone again');
is($r->{json}{code}, 'phone_taken', 'is taken');
is($r->{json}{errors}[0]{pointer}, '/phone', 'and says where');

$r = $t->api('POST', '/contacts', { name => 'Nobody' });
is($r->{status}, 422, 'neither phone nor e-mail');
like($r->{json}{detail}, qr/phone or an e-mail/, 'says what is needed');

is(contact(email => 'only@example.com', name => 'Only')->{phone}, undef,
   'an e-mail alone will do');

$r = $t->api('POST', '/contacts', { phone => '0712345678' });
is($r->{json}{errors}[0]{code}, 'phone_invalid', 'a national number');


# changed

$r = $t->api('PATCH', "/contacts/$c->{id}", { name => 'Amina O.' });
is($r->{status}, 200, 'changed');
is($r->{json}{name}, 'Amina O.', 'the name');
is($r->{json}{email}, 'Amina@Example.com', 'what was not named stays');

$r = $t->api('PATCH', "/contacts/$c->{id}", { email => undef,
    tags => ['vip'], fields => { city => 'Mombasa', size => 'L' },
    marketing_opt_out => JSON::PP::true });
is($r->{json}{email}, undef, 'null takes it away');
is_deeply($r->{json}{tags}, ['vip'], 'tags are replaced');
is_deeply($r->{json}{fields}, { city => 'Mombasa', size => 'L' },
    'and so are fields');
is($r->{json}{marketing_opt_out}, JSON::PP::true, 'opted out');

$r = $t->api('PATCH', "/contacts/$c->{id}", { phone => '+254712345679' });
is($r->{json}{phone}, '+254712345679', 'another phone');
is($t->sql("SELECT value FROM addresses WHERE contact_id = '$c->{id}'"),
   '+254712345679', 'the old address is gone');

my $other = contact(phone => '+254712345680');
$r = $t->api('PATCH', "/contacts/$other->{id}", { phone => '+254712345679' });
is($r->{status}, 409, 'not to a phone that is taken');

my $none = '00000000-0000-7000-8000-000000000000';
is($t->api('PATCH', "/contacts/$none", { name => 'x' })->{status}, 404,
   'there is no such contact');

is($t->api('DELETE', "/contacts/$other->{id}")->{status}, 204, 'deleted');
is($t->api('GET', "/contacts/$other->{id}")->{status}, 404, 'is gone');
is($t->api('DELETE', "/contacts/$other->{id}")->{status}, 404, 'only once');
is($t->sql("SELECT count(*) FROM addresses
             WHERE contact_id = '$other->{id}'"), 0, 'with its address');


# searched

contact(name => 'João Müller', phone => '+5511987654321', tags => ['vip']);
contact(name => 'محمد علي', phone => '+201001234567');
contact(name => 'O\'Brien, Sean', phone => '+353871234567',
        email => 'sean.obrien@example.com');
contact(name => '李 小龙', phone => '+8613800138000', tags => ['kung,fu']);

is(names('search=amina'), 'Amina O.', 'a word');
is(names('search=AMI'), 'Amina O.', 'its beginning, in any case');
is(names('search=jo%C3%A3o'), 'João Müller', 'an accent');
is(names('search=M%C3%9CLL'), 'João Müller', 'an accent in upper case');
is(names('search=m%C3%BCller+jo'), 'João Müller', 'two words, in any order');
is(names('search=amina+jo'), '', 'all words must be there');
is(names('search=%D9%85%D8%AD%D9%85%D8%AF'), 'محمد علي', 'Arabic');
is(names('search=%E6%9D%8E'), '李 小龙', 'Chinese');
is(names('search=sean.obrien@'), 'O\'Brien, Sean', 'an e-mail address');
is(names("search=o'brien"), 'O\'Brien, Sean', 'an apostrophe');
is(names('search=%2B5511+98765'), 'João Müller', 'a phone with spaces');
is(names('search=5511987'), 'João Müller', 'without plus');
is(names('search=(55)+11-98765'), 'João Müller', 'as people write it');
is(names('search=%25'), '', 'no wildcard');
is(names("search=%5C"), '', 'a backslash');
is(names('search=%20'), names('x=1'), 'only a space: all of them');
is(names('tag=vip'), 'Amina O. | João Müller', 'by tag');
is(names('search=jo&tag=vip'), 'João Müller', 'by both');
is(names('search=amina&tag=kung,fu'), '', 'by both, none');
is(names('tag=VIP'), '', 'a tag is exact');
is(names('search=' . 'x' x 100), '', 'a long word');

$t->api('PATCH', "/contacts/$c->{id}", { name => 'Zawadi' });
is(names('search=amina'), '', 'the old name is not found');
is(names('search=zawadi'), 'Zawadi', 'the new one is');

contact(name => "Many $_", phone => sprintf('+2547130001%02d', $_),
        tags => ['many']) for 1 .. 15;
my @all = $t->api_all('/contacts?search=many');
is(scalar @all, 15, 'all that were found');

for my $q ('search=many', 'tag=many', 'search=many&tag=many', 'a=b') {
    my ($cursor, @ids) = ('');

    do {
        $r = $t->api('GET', "/contacts?$q&limit=4$cursor")->{json};
        push @ids, map { $_->{id} } @{ $r->{data} };
        $cursor = '&cursor=' . ($r->{next_cursor} // '');
    } while ($r->{next_cursor});

    my %once = map { $_ => 1 } @ids;
    is(scalar @ids, scalar keys %once, "pages of $q: each once");
    is_deeply(\@ids, [reverse sort @ids], 'newest first');
    ok(@ids >= 15, 'and all');
}


# exported

contact(name => '=HYPERLINK("http://x")', phone => '+254713999999');

$r = $t->api('GET', '/contacts/export');
is($r->{status}, 200, 'exported');
like($r->{headers}{'content-type'}, qr{^text/csv}, 'as CSV');
like($r->{headers}{'content-disposition'}, qr/attachment; filename=/, 'a file');

my @lines = split /\r\n/, $r->{content};
is($lines[0], 'id,name,first_name,last_name,phone,email,language,tags,'
   . 'time_zone,created_at', 'the header');
is(scalar @lines, 1 + $t->sql('SELECT count(*) FROM contacts'), 'every contact');
like($r->{content}, qr/,"'=HYPERLINK\(""http:/, 'a formula is disarmed');
like($r->{content}, qr/,'\+254713999999,/, 'and a plus');
like($r->{content}, qr/"kung,fu ::: "/, 'a tag with a comma');

# more than a page, to a reader that is in no hurry

$t->sql("SELECT set_config('herald.org', '$o->{id}', false);
    INSERT INTO contacts (org_id, id, name, phone)
    SELECT '$o->{id}', gen_random_uuid(), repeat('n', 150) || i,
           '+25471' || 5000000 + i FROM generate_series(1, 30000) i");

my $total = $t->sql('SELECT count(*) FROM contacts');
my $s = $t->raw;
syswrite $s, "GET /api/v1/contacts/export HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $o->{key}\r\nConnection: close\r\n\r\n";
ok(wait_until { IO::Select->new($s)->can_read(0) }, 'it began');

# the server's socket is full before the reader takes the next piece
my ($bytes, $n) = ('', 0);
while (sysread $s, $bytes, 262144, length $bytes) {
    select undef, undef, undef, 0.05 if $n++ < 20;
}

my $body = '';
$bytes =~ s/^.*?\r\n\r\n//s;
while ($bytes =~ /\G([0-9a-f]+)\r\n/gci) {
    my $len = hex $1 or last;
    $body .= substr $bytes, pos $bytes, $len;
    pos($bytes) += $len + 2;
}
is(($body =~ tr/\n//), $total + 1, 'thirty pages came whole');

# a reader that leaves in the middle

$s = $t->raw;
syswrite $s, "GET /api/v1/contacts/export HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer $o->{key}\r\n\r\n";
sysread $s, $bytes, 1000;
close $s;
is($t->api('GET', '/contacts?limit=1')->{status}, 200, 'harms nobody');

is($t->api('HEAD', '/contacts/export')->{status}, 200, 'HEAD');

$t->done;
