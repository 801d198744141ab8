#!/usr/bin/perl

# Templates at the provider: submitted, reviewed, told by webhook and by pull, edited,
# deleted there; and those that were made elsewhere.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Herald::Test;
use Herald::Test::Graph;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $g = Herald::Test::Graph->new($t->{dir});
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

my %account = (account => { base_url => $g->url });
my $account = $t->sandbox_account(%account);
my $second = $t->sandbox_account(%account);

sub business {
    my ($account, $id) = @_;

    $t->sql("UPDATE accounts SET business_id = '$id' WHERE id = '$account->{id}'");
}

my %document = (
    body => 'Hello {{first_name}}, your order *{{order}}* is ready to be fetched.',
    footer => 'The shop',
    buttons => [{ type => 'url', text => 'Follow it',
                  url => 'https://shop.example/o/{{order}}' }],
    variables => { first_name => { fallback => 'there' }, order => { sample => 'A-1' } },
);
my %template = (name => 'order_ready', language => 'en', category => 'utility');
my $a = api('POST', '/templates', { %template, document => \%document })->{json};
my $path = "/templates/$a->{id}";


# ── what must be so before ──

is(said(api('POST', "$path/submit", { account_id => $a->{id} })),
   '422 validation_failed /account_id', 'by no number of ours');
is(said(api('POST', "$path/submit", { account_id => $account->{id} })),
   '422 business_unknown /account_id', 'whose business is not known');
business($account, 'b-1');

my $bad = api('POST', '/templates', { %template, name => 'bad',
                                      body => '{{a}} and {{b}}' })->{json};
api('POST', "/templates/$bad->{id}/submit", { account_id => $account->{id} });
is(said($r), '422 template_lint -', 'what would be refused is not submitted');
is($r->{json}{lint}[0]{code}, 'variable_first', 'and why');
is(scalar $g->requests, 0, 'nobody was asked');

$g->set(create => [400, { error => { code => 100, message => 'Invalid parameter',
    error_user_msg => 'There is already English content for this template.' } }]);
api('POST', "$path/submit", { account_id => $account->{id} });
is(said($r), '502 provider_refused -', 'the provider refuses');
is($r->{json}{provider}{code}, 100, 'with its code');
is(api('GET', $path)->{json}{status}, 'unverified', 'nothing is changed');


# ── submitted ──

$g->set(create => [200, { id => '900', status => 'PENDING', category => 'UTILITY' }]);
api('POST', "$path/submit", { account_id => $account->{id} });
is($r->{status}, 200, 'submitted') or diag($r->{content});
is_deeply([@{ $r->{json} }{qw(status provider_id submitted_version account_id version)}],
          ['pending', '900', 1, $account->{id}, 1], 'the provider has it');
ok($r->{json}{submitted_at} && $r->{json}{checked_at}, 'since when');

my ($sent) = (reverse $g->requests('POST'))[0];
like($sent->{path}, qr{/b-1/message_templates$}, 'to its business');
is($sent->{body}{name}, 'order_ready', 'by name');
my ($body) = grep { uc $_->{type} eq 'BODY' } @{ $sent->{body}{components} };
is($body->{text}, 'Hello {{first_name}}, your order *{{order}}* is ready to be fetched.',
   'without fallbacks, which are ours');
is(said(api('POST', "$path/submit", { account_id => $account->{id} })),
   '409 already_submitted -', 'once');
is(said(api('PATCH', $path, { name => 'other' })), '409 submitted /name',
   'its name is the provider\'s now');
is(said(api('PATCH', $path, { language => 'sw' })), '409 submitted /language',
   'and its language');

# by webhook
sub event {
    my ($field, %value) = @_;

    return { object => 'whatsapp_business_account', entry => [{ id => 'b-1', time => time,
        changes => [{ field => $field, value => { message_template_id => 900,
            message_template_name => 'order_ready', message_template_language => 'en',
            %value } }] }] };
}

is($t->webhook($account, event('message_template_status_update', event => 'APPROVED',
                               reason => 'NONE'))->{status}, 200, 'approved, by webhook');
is(api('GET', $path)->{json}{status}, 'approved', 'is what it says');


# ── the next version ──

api('PATCH', $path, { document => { body =>
    'Good morning {{first_name}}, your order {{order}} is ready to be fetched.' } });
is($r->{json}{version}, 2, 'a second version');
is($r->{json}{submitted_version}, 1, 'is not the provider\'s yet');
like($r->{json}{body}, qr/^Hello/, 'so the first is what is sent');
like($r->{json}{document}{body}, qr/^Good morning/, 'and the second what is edited');
is(api('GET', "$path/diff")->{json}{changes}[0]{path}, '/document/body',
   'what is not submitted yet');
is(said(api('PATCH', $path, { category => 'marketing' })), '409 submitted /category',
   'the category of an approved one stays');

$g->set(edit => [200, { success => JSON::PP::true }]);
api('POST', "$path/submit", { account_id => $account->{id} });
is($r->{status}, 200, 'submitted') or diag($r->{content});
is("$r->{json}{submitted_version} $r->{json}{status}", '2 pending', 'is reviewed again');
like($r->{json}{body}, qr/^Good morning/, 'and sent');
like((reverse $g->requests('POST'))[0]{path}, qr{/900$}, 'as an edit');


# ── a sample for the reviewers ──

my $png = pack 'H*', '89504e470d0a1a0a0000000d4948445200000001000000010806000000'
    . '1f15c4890000000d49444154789c6360000002000001' . 'e221bc330000000049454e44ae426082';
my $media = $t->api('POST', '/media?filename=shop.png', $png,
                    headers => { 'content-type' => 'image/png' });
is($media->{status}, 201, 'a picture') or diag($media->{content});

my $picture = api('POST', '/templates', { %template, name => 'picture', document => {
    header => { format => 'image', media_id => $media->{json}{id} },
    body => 'Hello there, this is our shop.' } })->{json};
$g->set(create => [200, { id => '910', status => 'PENDING', category => 'UTILITY' }],
        edit => [200, { id => 'upload:1', h => '4::handle' }],
        get => [200, { data => { app_id => '77', is_valid => JSON::PP::true } }]);
api('POST', "/templates/$picture->{id}/submit", { account_id => $account->{id} });
is($r->{status}, 200, 'submitted with its sample') or diag($r->{content});
($sent) = (reverse $g->requests('POST'))[0];
is($sent->{body}{components}[0]{example}{header_handle}[0], '4::handle',
   'by the handle of the upload');
ok((grep { index($_->{body}, $png) >= 0 } grep { !ref $_->{body} } $g->requests('POST')),
   'the file itself was sent') or diag(explain([$g->requests('POST')]));

my $gone = api('POST', '/templates', { %template, name => 'gone', document => {
    header => { format => 'image', media_id => $a->{id} },
    body => 'Hello there, this is our shop.' } })->{json};
is(said(api('POST', "/templates/$gone->{id}/submit", { account_id => $account->{id} })),
   '422 validation_failed /document/header/media_id', 'a file that is not there');
$g->set(edit => undef, get => undef);


# ── by pull ──

my @components = ({ type => 'BODY', text => 'Hello {{1}}, we have moved to {{2}} street.',
                    example => { body_text => [['Ann', 'High']] } },
                  { type => 'BUTTONS', buttons => [{ type => 'QUICK_REPLY',
                                                     text => 'Thanks' }] });

$g->set(list => [
    { id => '900', name => 'order_ready', language => 'en', status => 'REJECTED',
      category => 'UTILITY', rejected_reason => 'INVALID_FORMAT', components => \@components },
    { id => '901', name => 'we_moved', language => 'en_US', status => 'APPROVED',
      category => 'MARKETING', quality_score => { score => 'GREEN' },
      components => \@components },
    { id => '902', name => 'we_moved', language => 'sw', status => 'PAUSED',
      category => 'MARKETING', components => \@components },
    { id => '903', name => 'strange', language => 'en', status => 'APPROVED',
      category => 'ALIEN', components => \@components },
]);
api('POST', "/accounts/$account->{id}/templates/sync");
is($r->{status}, 202, 'asked now') or diag($r->{content});
ok(wait_until { api('GET', $path)->{json}{status} eq 'rejected' } 15, 'told');
ok($r->{json}{status_reason}, 'and why');
ok(wait_until { $t->api_all('/templates?name=we_moved') == 2 } 15,
   'what was made elsewhere comes in');
my ($moved) = grep { $_->{language} eq 'en_US' } $t->api_all('/templates?name=we_moved');
is_deeply([@{$moved}{qw(status quality provider_id submitted_version category)}],
          ['approved', 'GREEN', '901', 1, 'marketing'], 'as it is there');
is($moved->{body}, $components[0]{text}, 'with its text');
is($moved->{document}{buttons}[0]{text}, 'Thanks', 'and its buttons');
is($moved->{document}{variables}{2}{sample}, 'High', 'and its samples');
is(scalar $t->api_all('/templates?name=strange'), 0, 'what cannot be understood stays there');

# a category that the provider changed is another price
$g->set(list => [
    { id => '900', name => 'order_ready', language => 'en', status => 'APPROVED',
      category => 'MARKETING', components => \@components },
    { id => '901', name => 'we_moved', language => 'en_US', status => 'APPROVED',
      category => 'MARKETING', components => \@components },
]);
api('POST', "/accounts/$account->{id}/templates/sync");
ok(wait_until { (api('GET', $path)->{json}{category_was} // '') eq 'utility' } 15,
   'another category');
is("$r->{json}{category} $r->{json}{status}", 'marketing approved', 'is taken over');
ok(wait_until { ($t->api_all('/templates?language=sw'))[0]{status} eq 'deleted' } 15,
   'what the list does not hold any more was deleted there');

# nonsense harms nothing
for my $nonsense ([200, { data => [] }], [200, { data => [7, { name => 'x' }, {}] }],
                  [200, '<html>'], [500, {}], [200, { error => { code => 190 } }])
{
    my $n = scalar $g->requests('GET');

    $g->set(get => $nonsense);
    api('POST', "/accounts/$account->{id}/templates/sync");
    wait_until { scalar($g->requests('GET')) > $n } 15, 'it is asked';
    is(api('GET', $path)->{json}{status}, 'approved', "nonsense: "
       . (ref $nonsense->[1] ? encode_json($nonsense->[1]) : $nonsense->[1]));
}
$g->set(get => undef);


# another business's template of the same name is another
business($second, 'b-2');
$g->set(list => [{ id => '950', name => 'we_moved', language => 'en_US',
    status => 'REJECTED', category => 'UTILITY', components => \@components }]);
my $n = scalar $g->requests('GET');
api('POST', "/accounts/$second->{id}/templates/sync");
ok(wait_until { scalar($g->requests('GET')) > $n } 15, 'the other business is asked');
is(api('GET', "/templates/$moved->{id}")->{json}{status}, 'approved',
   'and does not speak of ours');


# ── deleted there ──

$g->set(delete => [400, { error => { code => 100, message => 'No' } }]);
is(said(api('DELETE', "$path?at_provider=true")), '502 provider_refused -',
   'what the provider refuses to delete');
is(api('GET', $path)->{json}{deleted_at}, undef, 'stays');
$g->set(delete => [200, { success => JSON::PP::true }]);
api('DELETE', "$path?at_provider=true");
is("$r->{status} $r->{json}{warnings}[0]{code}", '200 name_blocked',
   'else it goes, and its name is kept for 30 days') or diag($r->{content});
like((reverse $g->requests('DELETE'))[0]{query}, qr/name=order_ready.*hsm_id=900/,
     'that one only');
api('GET', $path);
is("$r->{json}{status} " . ($r->{json}{provider_id} // '-'), 'deleted -', 'it is in the bin');
is(api('DELETE', "/templates/$moved->{id}")->{json}{warnings}[0]{code},
   'still_at_provider', 'one that is only binned here is still there');

is(api('POST', "/accounts/$account->{id}/templates/sync", undef,
       token => $t->org->{key})->{status}, 404, 'another organisation\'s number');

# ── the sandbox's review, told by its own webhooks ──

my $sandbox = $t->sandbox_account(token => $o->{key}, waba_id => '300000000000001');
business($sandbox, '300000000000001');
my $stream = $t->stream(token => $o->{key});
is($stream->status, 200, 'a stream');

sub reviewed {
    my ($name, $status, %o) = @_;
    my $id = api('POST', '/templates', { %template, name => $name, body =>
        'Hello {{first_name|there}}, this is about your order.' })->{json}{id};

    api('POST', "/templates/$id/submit", { account_id => $sandbox->{id} });
    is("$r->{status} $r->{json}{status}", '200 ' . ($o{at_once} // 'pending'),
       "$name is submitted") or diag($r->{content});
    ok(wait_until { api('GET', "/templates/$id")->{json}{status} eq $status } 20,
       "and $status");
    return $r->{json};
}

reviewed('fine', 'approved');
reviewed('instant_one', 'approved', at_once => 'approved');
like(reviewed('rejected_promotional', 'rejected')->{status_reason} // '', qr/promotional/i,
     'with the reason');
my $moved_to = reviewed('recategory_one', 'approved');
ok(wait_until { api('GET', "/templates/$moved_to->{id}")->{json}{category} eq 'marketing' }
   20, 'its category is changed');
is($r->{json}{category_was}, 'utility', 'and the old one kept');
ok(wait_until { grep { ($_->{event} // '') eq 'template.status'
        && ($_->{json}{id} // '') eq $moved_to->{id}
        && ($_->{json}{warning} // '') eq 're_priced' } $stream->events } 20,
   'which is another price, and told so');
$stream->close;


$g->stop;
$t->done;
