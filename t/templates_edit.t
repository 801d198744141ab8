#!/usr/bin/perl

# Templates as people edit them: the document, the linter in every answer, versions
# with their differences, the bin, copies, import and export, previews, snippets.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $other = $t->org;
my $o = $t->org;
my $none = '00000000-0000-7000-8000-000000000000';
my $r;

sub api {
    my ($method, $path, $body, %o) = @_;

    return $r = $t->api($method, $path, $body, token => $o->{key}, %o);
}

sub said {
    my ($r) = @_;

    return "$r->{status} " . ($r->{json}{code} // '') . ' '
        . ($r->{json}{errors}[0]{pointer} // '-');
}


# ── a document ──

my %document = (
    header => { format => 'text', text => 'Order {{order}}' },
    body => 'Hello {{first_name}}, your order *{{order}}* is ready to be fetched.',
    footer => 'The shop',
    buttons => [
        { type => 'quick_reply', text => 'Thank you' },
        { type => 'url', text => 'Follow it',
          url => 'https://shop.example/o/{{order}}' },
    ],
    variables => {
        first_name => { fallback => 'there', type => 'text' },
        order => { sample => 'A-1', type => 'text' },
    },
);
my %template = (name => 'order_ready', language => 'en', category => 'utility');

api('POST', '/templates', { %template, document => \%document });
is($r->{status}, 201, 'made of a document') or diag($r->{content});
my $a = $r->{json};
is_deeply($a->{document}, \%document, 'which is kept as it is');
is($a->{body}, 'Hello {{first_name|there}}, your order *{{order}}* is ready to be fetched.',
   'the body that is sent has the fallback in its place');
is($a->{header}, 'Order {{order}}', 'and the header');
is_deeply($a->{lint}, [], 'WhatsApp would take it');
is($a->{version}, 1, 'the first version');
is($r->{headers}{etag}, '"1"', 'is its ETag');

for my $bad (
    [{}, '422 validation_failed /body'],
    [{ body => 'x', document => { body => 'x' } }, '422 validation_failed /document'],
    [{ document => {} }, '422 validation_failed /document/body'],
    [{ document => { body => 'x', colour => 'red' } },
     '422 unknown_field /document/colour'],
    [{ document => { body => 'x', header => { format => 'gif' } } },
     '422 validation_failed /document/header/format'],
    [{ document => { body => 'x', buttons => [{ text => 'x' }] } },
     '422 validation_failed /document/buttons/0/type'],
    [{ document => { body => '{{a}} and {{1}}' } },
     '422 validation_failed /document/body'],
    [{ document => { body => 'x', footer => '{{a}}' } },
     '422 validation_failed /document/footer'],
    # server-managed fields
    (map { [{ body => 'x', $_ => 'x' }, "422 unknown_field /$_"] }
     qw(status version submitted_version provider_id quality org_id created_at
        updated_at deleted_at account_id category_was)))
{
    is(said(api('POST', '/templates', { %template, name => 'bad', %{ $bad->[0] } })),
       $bad->[1], encode_json($bad->[0]));
}


# ── the linter ──

api('POST', '/templates/lint', { name => 'Bad Name', language => 'en-US',
    category => 'spam', document => { body => '{{a}}', footer => '☕' } });
is($r->{status}, 200, 'the linter alone') or diag($r->{content});
is($r->{json}{errors}, 8, 'errors are counted');
is(join(' ', map { $_->{code} } @{ $r->{json}{lint} }),
   'name_characters language_form category_unknown variable_first variable_last '
   . 'variables_dense sample_missing footer_emoji', 'all of them, by code');
is($r->{json}{lint}[6]{pointer}, '/document/variables/a/sample', 'with a pointer');
ok($r->{json}{lint}[0]{words} && $r->{json}{lint}[0]{fix}, 'in words, with a fix');
is(scalar $t->api_all('/templates'), 1, 'nothing is kept');
api('POST', '/templates/lint', { %template, body => 'Hello there {{name' });
is($r->{json}{lint}[0]{code}, 'variable_malformed', 'what a POST refuses is told');


# ── versions ──

my $path = "/templates/$a->{id}";

is(said(api('PATCH', $path, { document => { footer => 'x' } },
            headers => { 'If-Match' => '"7"' })), '412 changed_meanwhile -',
   'another version was read');
api('PATCH', $path, { document => { footer => undef,
    buttons => [$document{buttons}[0]] } }, headers => { 'If-Match' => '"1"' });
is($r->{status}, 200, 'changed') or diag($r->{content});
is($r->{json}{version}, 2, 'a new version');
is($r->{json}{footer}, undef, 'what is null goes');
is($r->{json}{document}{body}, $document{body}, 'what is absent stays');
is($r->{headers}{etag}, '"2"', 'the new ETag');
is_deeply($r->{json}{lint}, [], 'linted');

api('PATCH', $path, { body => 'Hello {{first_name}}, come and fetch it.' });
is($r->{json}{version}, 3, 'flat members work upon the document');
is($r->{json}{document}{header}{text}, 'Order {{order}}', 'and leave the rest');
is(said(api('PATCH', $path, { status => 'approved' })), '422 unknown_field /status',
   'the status is the provider\'s');
is(said(api('PATCH', "/templates/$none", { body => 'x' })), '404 not_found -', 'of nobody');
is(api('PATCH', $path, { body => 'x' }, token => $other->{key})->{status}, 404,
   'of another organisation');

api('GET', "$path/versions");
is_deeply([map { "$_->{version} " . ($_->{newest} ? 1 : 0) } @{ $r->{json}{data} }],
          ['1 0', '2 0', '3 1'], 'its versions');
is($r->{json}{data}[0]{created_by}, $o->{key_id} // $r->{json}{data}[0]{created_by},
   'by whom');
api('GET', "$path/versions?limit=2");
is(scalar @{ $r->{json}{data} }, 2, 'by pages');
api('GET', "$path/versions?limit=2&cursor=$r->{json}{next_cursor}");
is($r->{json}{data}[0]{version}, 3, 'to the end');

is_deeply(api('GET', "$path/versions/1")->{json}{document}, \%document, 'the first');
is(api('GET', "$path/versions/9")->{status}, 404, 'one that never was');
is(api('GET', "$path/versions/x")->{status}, 404, 'no number');

api('GET', "$path/diff?from=1&to=2");
is_deeply($r->{json}, { from => 1, to => 2, changes => [
    { path => '/document/footer', from => 'The shop' },
    { path => '/document/buttons/1', from => $document{buttons}[1] } ] },
    'what changed')
    or diag($r->{content});
api('GET', "$path/diff");
is("$r->{json}{from} $r->{json}{to} $r->{json}{changes}[0]{path}",
   '2 3 /document/body', 'the last change');
is(said(api('GET', "$path/diff?from=8")), '422 validation_failed from', 'of no version');

api('POST', "$path/versions/1/restore");
is($r->{status}, 200, 'the first again') or diag($r->{content});
is($r->{json}{version}, 4, 'as the newest');
is_deeply($r->{json}{document}, \%document, 'whole');


# ── copies, languages, lists ──

api('POST', "$path/duplicate");
is($r->{status}, 201, 'a copy') or diag($r->{content});
is("$r->{json}{name} $r->{json}{version} $r->{json}{status}",
   'order_ready_copy 1 unverified', 'has a name of its own');
is_deeply($r->{json}{document}, \%document, 'and the same document');
my $copy = $r->{json}{id};
is(said(api('POST', "$path/duplicate")), '409 template_exists /name', 'twice');
api('POST', "$path/duplicate", { language => 'pt_BR' });
is("$r->{json}{name} $r->{json}{language}", 'order_ready pt_BR',
   'another language keeps the name');

is_deeply([map { $_->{language} } @{ api('GET', "$path/languages")->{json}{data} }],
          ['en', 'pt_BR'], 'its languages');
is(scalar $t->api_all('/templates?name=order_ready'), 2, 'by name');
is(scalar $t->api_all('/templates?language=pt_BR'), 1, 'by language');
is(scalar $t->api_all('/templates?q=COPY'), 1, 'by a part of the name');
is(scalar $t->api_all('/templates?q=to%20be%20fetched'), 3, 'by a part of the text');
is(scalar $t->api_all('/templates?category=marketing'), 0, 'by category');
is(scalar $t->api_all('/templates?status=unverified'), 3, 'by status');
is(api('GET', '/templates?category=spam')->{status}, 422, 'of which there are three');


# ── the bin ──

is(said(api('DELETE', "/templates/$copy?permanent=true")), '409 not_in_the_bin -',
   'not at once for good');
api('DELETE', "/templates/$copy");
is_deeply($r->{json}, { id => $copy, deleted => JSON::PP::true,
    permanent => JSON::PP::false, at_provider => JSON::PP::false, warnings => [] },
   'to the bin') or diag($r->{content});
is(scalar $t->api_all('/templates'), 2, 'it is not listed');
is(($t->api_all('/templates?deleted=true'))[0]{id}, $copy, 'but in the bin');
ok(api('GET', "/templates/$copy")->{json}{deleted_at}, 'it can be read');
is(said(api('PATCH', "/templates/$copy", { body => 'x' })), '409 in_the_bin -',
   'not changed');

api('POST', "$path/duplicate");
is($r->{status}, 201, 'its name is free');
my $second = $r->{json}{id};
is(said(api('POST', "/templates/$copy/restore")), '409 template_exists /name',
   'and when it was taken there is no way back');
api('DELETE', "/templates/$second");
is(api('POST', "/templates/$copy/restore")->{status}, 200, 'else there is');
is(said(api('POST', "/templates/$copy/restore")), '404 not_found -', 'once');
is(api('DELETE', "/templates/$second?permanent=true")->{json}{permanent}, JSON::PP::true,
   'for good');
is(api('GET', "/templates/$second")->{status}, 404, 'gone');
is(said(api('DELETE', "/templates/$copy?at_provider=true")), '409 not_at_provider -',
   'no provider has it');
is(api('DELETE', $path, undef, token => $other->{key})->{status}, 404,
   'another organisation deletes nothing');

# one that is to be sent stays
$t->api('POST', '/contacts', { phone => '+254712345678', first_name => 'Amina' });
my $account = $t->sandbox_account;
api('POST', '/broadcasts', { name => 'B', account_id => $account->{id},
    template_id => $a->{id}, audience => { all => JSON::PP::true },
    variables => { order => 'A-2' }, send_at => '2099-01-01T09:00:00Z' });
is($r->{status}, 201, 'a broadcast') or diag($r->{content});
my $broadcast = $r->{json}{id};
api('DELETE', $path);
is(said($r) . " $r->{json}{broadcasts}[0]{id}", "409 template_in_use - $broadcast",
   'what a broadcast is to send stays');
$t->api('POST', "/broadcasts/$broadcast/cancel", {});
is(api('DELETE', $path)->{status}, 200, 'until it was cancelled');
api('POST', '/broadcasts', { name => 'B', account_id => $account->{id},
    template_id => $a->{id}, audience => { all => JSON::PP::true },
    variables => { order => 'A-2' }, send_at => '2099-01-01T09:00:00Z' });
is(said($r), '422 validation_failed /template_id', 'what lies in the bin is not sent');
is(said(api('DELETE', "$path?permanent=true")), '409 template_has_history -',
   'and what was used stays for its history');
api('POST', "$path/restore");


# ── import and export ──

api('GET', '/templates/export');
is($r->{status}, 200, 'exported');
my $export = $r->{json};
is(scalar @{ $export->{templates} }, 3, 'all of them');
is_deeply([sort keys %{ $export->{templates}[0] }], [qw(category document language name)],
          'what makes them, and nothing of ours');
is(scalar @{ api('GET', '/templates/export?language=pt_BR')->{json}{templates} }, 1,
   'by language');

api('POST', '/templates/import', { %$export, dry_run => JSON::PP::true },
    token => $other->{key});
is($r->{json}{templates}[0]{outcome}, 'checked', 'tried first') or diag($r->{content});
api('POST', '/templates/import', $export, token => $other->{key});
is("$r->{json}{created} $r->{json}{skipped}", '3 0', 'imported elsewhere')
    or diag($r->{content});
is_deeply(api('GET', '/templates/export', undef, token => $other->{key})->{json}, $export,
   'the same');
api('POST', '/templates/import', $export, token => $other->{key});
is("$r->{json}{created} $r->{json}{skipped}", '0 3', 'what is there is left alone');
$export->{templates}[0]{document}{body} = 'Hello there, this is new.';
api('POST', '/templates/import', { %$export, existing => 'version' },
    token => $other->{key});
is("$r->{json}{created} $r->{json}{updated} $r->{json}{skipped}", '0 1 2',
   'or gets a version where it differs');
is(api('GET', "/templates/$r->{json}{templates}[0]{id}", undef, token => $other->{key})
   ->{json}{version}, 2, 'of its own');
is(said(api('POST', '/templates/import', { templates => [
    { %template, document => { body => 'x' } },
    { %template, name => 'B', document => { body => 7 }, status => 'approved' }] })),
   '422 validation_failed /templates/1/status', 'one bad one refuses all');
is_deeply([map { $_->{pointer} } @{ $r->{json}{errors} }],
          ['/templates/1/status', '/templates/1/name', '/templates/1/document/body'],
          'each fault has its place');
is(said(api('POST', '/templates/import', { templates => [] })),
   '422 validation_failed /templates', 'of nothing');


# ── previews ──

my $c = $t->api('POST', '/contacts', { first_name => 'Amina',
    phone => '+254712345679' })->{json};

api('POST', "$path/preview", { contact_id => $c->{id}, variables => { order => 'A-7' } });
is($r->{status}, 200, 'a preview') or diag($r->{content});
is_deeply([map { $_->{kind} } @{ $r->{json}{bubbles} }],
          [qw(header body footer buttons)], 'in bubbles');
is_deeply($r->{json}{bubbles}[1]{spans}, [
    { text => 'Hello Amina, your order ' }, { text => 'A-7', bold => JSON::PP::true },
    { text => ' is ready to be fetched.' }], 'whose words are taken apart');
is($r->{json}{bubbles}[3]{buttons}[1]{url}, 'https://shop.example/o/A-7',
   'a button\'s address has its value');
is("$r->{json}{language} $r->{json}{direction}", 'en ltr', 'and its direction');

api('POST', "$path/preview", {});
is($r->{json}{body}, 'Hello there, your order *A-1* is ready to be fetched.',
   'without a contact by the samples');
is_deeply($r->{json}{missing}, [], 'nothing is missing');
api('POST', "$path/preview", { contact_id => $c->{id} });
is_deeply($r->{json}{missing}, ['order'], 'a contact\'s values have no samples');
is($r->{json}{bubbles}[3]{buttons}[1]{url}, 'https://shop.example/o/{{order}}',
   'what is missing is shown as it is');
api('POST', "$path/preview", { language => 'pt_BR' });
is($r->{json}{language}, 'pt_BR', 'in another language');
is(said(api('POST', "$path/preview", { language => 'sw' })),
   '422 validation_failed /language', 'that is there');
api('POST', "$path/preview", { version => 3 });
is($r->{json}{body}, 'Hello there, come and fetch it.', 'of an old version');

api('POST', '/templates', { name => 'rtl', language => 'ar', category => 'utility',
    document => { header => { format => 'location' },
                  body => 'مرحبا {{1|صديقي}}، طلبك جاهز الآن' } });
api('POST', "/templates/$r->{json}{id}/preview", {});
is("$r->{json}{direction} $r->{json}{bubbles}[1]{direction}", 'rtl rtl',
   'Arabic goes from right to left');
is($r->{json}{bubbles}[0]{media}{type}, 'location', 'a header that is no text');


# ── snippets ──

my %snippet = (shortcut => 'hello', kind => 'greeting', language => 'en',
               title => 'Hello', body => 'Hello {{first_name|there}}!');

api('POST', '/snippets', \%snippet);
is($r->{status}, 201, 'a snippet') or diag($r->{content});
my $s = $r->{json};
is(said(api('POST', '/snippets', \%snippet)), '409 snippet_exists /shortcut', 'once');
is(api('POST', '/snippets', { %snippet, language => 'sw', body => 'Habari!' })->{status},
   201, 'in each language');
is(said(api('POST', '/snippets', { %snippet, shortcut => 'Hello' })),
   '422 validation_failed /shortcut', 'a shortcut is typed');
is(said(api('POST', '/snippets', { %snippet, shortcut => 'x', body => 'Hi {{A}}' })),
   '422 malformed_variable /body', 'with variables as templates have them');
api('GET', "/snippets/$s->{id}");
is($r->{json}{body}, $snippet{body}, 'read');
my $etag = $r->{headers}{etag};
api('PATCH', "/snippets/$s->{id}", { body => 'Hi!' }, headers => { 'If-Match' => $etag });
is("$r->{status} $r->{json}{body} $r->{json}{title}", '200 Hi! Hello', 'changed');
is(said(api('PATCH', "/snippets/$s->{id}", { body => 'Ho!' },
            headers => { 'If-Match' => $etag })), '412 changed_meanwhile -', 'once');
is(scalar $t->api_all('/snippets?q=hel'), 2, 'found by the beginning of the shortcut');
is(scalar $t->api_all('/snippets?language=sw'), 1, 'by language');
is(scalar $t->api_all('/snippets?kind=support'), 0, 'by kind');
is(api('GET', "/snippets/$s->{id}", undef, token => $other->{key})->{status}, 404,
   'of one organisation');
is(api('DELETE', "/snippets/$s->{id}")->{status}, 204, 'deleted');
is(api('DELETE', "/snippets/$s->{id}")->{status}, 404, 'once');

$t->done;
