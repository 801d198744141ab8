#!/usr/bin/perl

# Two organisations that look alike (same phones, names, e-mail addresses, tags,
# template) use every route with each other's ids: 404 or 422 each time, and no byte of
# one in the other's answers.  Then the same from below: row-level security is forced.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my @org;
my @seen;                       # answers to the second organisation

# the same for both, but for one word that must not cross
for my $word ('alpha', 'bravo') {
    my $o = $t->org(name => "Org $word", email => "$word\@example.com");
    my $a = $t->sandbox_account(token => $o->{key}, reply_rate => 0,
        account => { name => "Number $word" });

    my $make = sub {
        my ($path, $body) = @_;
        my $r = $t->api('POST', $path, $body, token => $o->{key});
        die "$path: $r->{status} $r->{content}\n" if $r->{status} > 299;
        return $r->{json};
    };

    $o->{account} = $a->{id};
    $o->{contact} = $make->('/contacts', { phone => '+254712345678',
        name => "Same $word", email => 'same@example.com', tags => ['vip'],
        fields => { word => $word } })->{id};
    $o->{template} = $make->('/templates', { name => 'same', language => 'en',
        category => 'utility', body => "Hello {{name}} of $word" })->{id};
    $o->{broadcast} = $make->('/broadcasts', { name => "Sale $word",
        account_id => $a->{id}, template_id => $o->{template},
        audience => { all => JSON::PP::true() } })->{id};
    $o->{message} = $make->('/messages', { account_id => $a->{id},
        contact_id => $o->{contact}, text => "Text $word" })->{id};
    $o->{suppression} = $make->('/suppressions', { phone => '+254798888888',
        reason => "Reason $word" })->{id};
    $make->("/contacts/$o->{contact}/opt-outs", { account_id => $a->{id},
        source => "Said $word" });
    $t->api('PUT', "/portfolios/$word", { daily_limit => 7 }, token => $o->{key});
    $o->{key_id} = $make->('/api-keys', { name => "key $word",
                                          scopes => ['read'] })->{id};

    my $r = $t->api('POST', '/contacts/import', "phone,name\n$word,x\n",
        token => $o->{key}, headers => { 'content-type' => 'text/csv' });
    $o->{import} = $r->{json}{id};

    wait_until { $t->api('GET', "/broadcasts/$o->{broadcast}", undef,
                         token => $o->{key})->{json}{status} eq 'completed' }
        20, 'the broadcast';

    $o->{word} = $word;
    push @org, $o;
}

my ($one, $two) = @org;

sub as_two {
    my ($method, $path, $body, %o) = @_;
    my $r = $t->api($method, $path, $body, token => $two->{key}, %o);

    push @seen, [$method, $path, $r->{content}];
    return $r->{status};
}


# every id of one, with the key of two

for my $case (
    ['GET', "/contacts/$one->{contact}"],
    ['PATCH', "/contacts/$one->{contact}", { name => 'stolen' }],
    ['DELETE', "/contacts/$one->{contact}"],
    ['GET', "/contacts/imports/$one->{import}/errors"],
    ['GET', "/accounts/$one->{account}"],
    ['PATCH', "/accounts/$one->{account}", { name => 'stolen' }],
    ['PATCH', "/accounts/$one->{account}", { token => 'stolen' }],
    ['POST', "/accounts/$one->{account}/pause"],
    ['POST', "/accounts/$one->{account}/resume"],
    ['GET', "/contacts/$one->{contact}/opt-outs"],
    ['POST', "/contacts/$one->{contact}/opt-outs", {}],
    ['DELETE', "/contacts/$one->{contact}/opt-outs"],
    ['DELETE', "/suppressions/$one->{suppression}"],
    ['GET', "/templates/$one->{template}"],
    ['POST', "/templates/$one->{template}/preview",
     { contact_id => $two->{contact} }],
    ['GET', "/broadcasts/$one->{broadcast}"],
    ['POST', "/broadcasts/$one->{broadcast}/pause"],
    ['POST', "/broadcasts/$one->{broadcast}/resume"],
    ['POST', "/broadcasts/$one->{broadcast}/cancel"],
    ['GET', "/broadcasts/$one->{broadcast}/recipients"],
    ['GET', "/messages/$one->{message}"],
    ['DELETE', "/api-keys/$one->{key_id}"])
{
    is(as_two(@$case), 404, join ' ', map { s/[0-9a-f]{8}-\S{27}/{id}/r }
                                      @$case[0, 1]);
}

# ids of one inside a body of two

for my $case (
    ['/templates/' . $two->{template} . '/preview',
     { contact_id => $one->{contact} }],
    ['/broadcasts', { name => 'x', account_id => $one->{account},
        template_id => $two->{template}, audience => { tag => 'vip' } }],
    ['/broadcasts', { name => 'x', account_id => $two->{account},
        template_id => $one->{template}, audience => { tag => 'vip' } }],
    ['/messages', { account_id => $one->{account},
        contact_id => $two->{contact}, text => 'x' }],
    ['/messages', { account_id => $two->{account},
        contact_id => $one->{contact}, text => 'x' }],
    ['/messages', { account_id => $two->{account},
        contact_id => $two->{contact}, template => { id => $one->{template} } }],
    ["/contacts/$two->{contact}/opt-outs", { account_id => $one->{account} }],
    ['/messages', { account_id => $one->{account}, to => '+254799999999',
        text => 'x' }])
{
    is(as_two('POST', @$case), 422, "POST $case->[0] with a stranger's id"
        =~ s/[0-9a-f]{8}-\S{27}/{id}/r);
}

is($t->sql(q(SELECT count(*) FROM contacts WHERE phone = '+254799999999')), 0,
   'and nobody was made by the way');

# lists, searches, exports

as_two('GET', $_) for '/contacts', '/contacts?search=same',
    '/contacts?search=254712', '/contacts?search=same%40', '/contacts?tag=vip',
    '/contacts?search=same&tag=vip', '/contacts/export', '/accounts',
    '/templates', '/broadcasts', '/messages', '/messages?direction=out',
    "/messages?contact_id=$one->{contact}", '/api-keys', '/me', '/settings',
    '/suppressions', '/suppressions/check?phone=%2B254798888888', '/portfolios',
    "/contacts/$two->{contact}/opt-outs";

# a cursor of one says nothing to two
my $r = $t->api('GET', '/api-keys?limit=1', undef, token => $one->{key});
as_two('GET', "/api-keys?cursor=$r->{json}{next_cursor}");

# a phone of one is free for two, and the other way round

is(as_two('POST', '/messages', { account_id => $two->{account},
    to => '+254712345678', text => 'hi' }), 202, 'the phone is two\'s own too');
is($t->sql('SELECT count(*) FROM contacts'), 2, 'no third contact was made');
as_two('POST', '/contacts/import', "phone,name\n+254712345678,Same bravo\n",
       headers => { 'content-type' => 'text/csv' });

my @leaks = grep { my $c = $_->[2]; my $hit = $c =~ /alpha/;
    for my $k (qw(id account contact template broadcast message key_id import
                    suppression)) {
        $hit ||= index($c, $one->{$k}) >= 0;
    }
    $hit } @seen;
is(scalar @leaks, 0, 'no byte of one in ' . @seen . ' answers to two')
    or diag(map { "$_->[0] $_->[1]: $_->[2]\n" } @leaks[0 .. ($#leaks > 4
                                                              ? 4 : $#leaks)]);
ok((grep { $_->[2] =~ /bravo/ } @seen) > 10, 'while two sees its own');

my $c = $t->api('GET', "/contacts/$one->{contact}", undef,
                token => $one->{key})->{json};
is($c->{name}, 'Same alpha', 'one is as it was');
is($t->api('GET', '/api-keys', undef, token => $one->{key})->{status}, 200,
   'and its keys work');


# from below

my @bare = split /\n/, $t->sql(q(
    SELECT c.relname FROM pg_class c JOIN pg_attribute a
        ON a.attrelid = c.oid AND a.attname = 'org_id'
     WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
       AND c.relname NOT IN ('directory', 'agenda')
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity)));
is("@bare", '', 'row-level security is forced on every tenant table');

is($t->sql(q(SELECT rolsuper OR rolbypassrls FROM pg_roles
              WHERE rolname = 'herald_app')), 'f', 'the role cannot pass it by');

for my $table (qw(contacts addresses contact_tags contact_words accounts
                  templates broadcasts deliveries messages imports
                  import_errors api_keys users orgs suppressions opt_outs
                  portfolios))
{
    is($t->sql("SELECT count(*) FROM $table", as => 'app'), 0,
       "without an organisation $table is empty");
    is($t->sql("SELECT set_config('herald.org', '$two->{id}', false);
                SELECT count(*) FROM $table WHERE org_id <> '$two->{id}'",
               as => 'app') =~ s/.*\n//sr, 0, 'and with one it is its own');
}

is($t->sql("SELECT set_config('herald.org', '$two->{id}', false);
    DO \$\$ BEGIN
        INSERT INTO contacts (org_id, id, phone)
        VALUES ('$one->{id}', gen_random_uuid(), '+254700000000');
        RAISE 'it was written';
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END \$\$", as => 'app'), $two->{id}, 'row-level security refuses');
is($t->sql(q(SELECT count(*) FROM contacts WHERE phone = '+254700000000')), 0,
   'a row for another organisation cannot be written');

$t->done;
