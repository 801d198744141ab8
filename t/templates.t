#!/usr/bin/perl

# Templates: made, listed, checked; and how they look with a contact's values.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;

my %template = (name => 'order_ready', language => 'en', category => 'utility',
    body => 'Hello {{first_name|there}}, order {{order}} is ready.');

my $r = $t->api('POST', '/templates', { %template, header => 'Order {{order}}',
                                        footer => 'The shop' });
is($r->{status}, 201, 'made') or diag($r->{content});
my $a = $r->{json};
is($a->{header}, 'Order {{order}}', 'header');
is($a->{footer}, 'The shop', 'footer');
is($a->{status}, 'unverified', 'nobody has asked the provider yet');
is(ref delete $a->{lint}, 'ARRAY', 'with what the linter says');
is_deeply($t->api('GET', "/templates/$a->{id}")->{json}, $a, 'reads the same');

$r = $t->api('POST', '/templates', \%template);
is($r->{status}, 409, 'the same name and language');
is($r->{json}{code}, 'template_exists', 'exist');

$r = $t->api('POST', '/templates', { %template, language => 'pt_BR',
                                     header => undef, footer => '' });
is($r->{status}, 201, 'another language');
is($r->{json}{header}, undef, 'no header');
is($r->{json}{footer}, undef, 'an empty footer is none');

is(scalar $t->api_all('/templates'), 2, 'a list');

for my $bad (
    [name => 'Order Ready', 'invalid'], [language => 'english', 'invalid'],
    [category => 'spam', 'invalid'], [body => '', 'required'],
    [body => 'x' x 1025, 'too_long'], [header => 'x' x 61, 'too_long'],
    [footer => 'x' x 61, 'too_long'],
    [body => 'Hello {{Name}}', 'malformed_variable'],
    [body => 'Hello {{name', 'malformed_variable'],
    [body => 'Hello {{}}', 'malformed_variable'],
    [body => 'Hello {{a b}}', 'malformed_variable'],
    [body => 'Hello {{name|}}', 'empty_fallback'],
    [body => '{{1}} and {{name}}', 'mixed_variables'],
    [header => '{{a}} {{b}}', 'too_many_variables'],
    [footer => '{{a}}', 'too_many_variables'],
    [body => join('', map { "{{v$_}}" } 1 .. 65), 'too_many_variables'])
{
    $r = $t->api('POST', '/templates', { %template, name => 'bad',
                                         $bad->[0] => $bad->[1] });
    is("$r->{status} $r->{json}{errors}[0]{pointer} "
       . $r->{json}{errors}[0]{code}, "422 /$bad->[0] $bad->[2]",
       "$bad->[0]: " . substr $bad->[1], 0, 30);
}

for my $good ('Single {braces} and }} stay', '{{1}}, {{2}} and {{1}}',
              '{{fields.city|here}}', 'No variables at all')
{
    $r = $t->api('POST', '/templates', { %template, body => $good,
        name => 'good_' . (++$o->{n}) });
    is($r->{status}, 201, "taken: $good");
}


# preview

my $c = $t->api('POST', '/contacts', { first_name => 'Amina',
    last_name => 'Otieno', phone => '+254712345678',
    fields => { city => 'Nairobi', order => '{{phone}}' } })->{json};
my $d = $t->api('POST', '/contacts', { phone => '+254712345679' })->{json};

sub preview {
    my ($contact, %variables) = @_;
    my $r = $t->api('POST', "/templates/$a->{id}/preview", {
        contact_id => $contact->{id}, %variables });

    return { map { $_ => $r->{json}{$_} } qw(header body footer missing) }
        if $r->{status} == 200;
    return "$r->{status} $r->{content}";
}

is_deeply(preview($c, variables => { order => 'A-1' }), { header => 'Order A-1',
    body => 'Hello Amina, order A-1 is ready.', footer => 'The shop',
    missing => [] }, 'with a value');
is(preview($c, variables => { order => 'for {{last_name}} of {{fields.city}}' })
   ->{body}, 'Hello Amina, order for Otieno of Nairobi is ready.',
   'a value that speaks of the contact');
is(preview($c)->{body}, 'Hello Amina, order {{phone}} is ready.',
   'the contact\'s own field, which is never looked at again');
is_deeply(preview($d), { header => 'Order {{order}}',
    body => 'Hello there, order {{order}} is ready.', footer => 'The shop',
    missing => ['order'] }, 'what is missing is named, a fallback is used');
is(preview($d, variables => { order => '{{email}}' })->{missing}[0], 'order',
   'a value of nothing is missing');
is(preview($d, variables => { order => '{{email|none}}' })->{body},
   'Hello there, order none is ready.', 'unless it has a fallback');

$r = $t->api('POST', "/templates/$a->{id}/preview", {
    contact_id => '00000000-0000-7000-8000-000000000000' });
is("$r->{status} $r->{json}{errors}[0]{pointer}", '422 /contact_id',
   'an unknown contact');
is($t->api('POST', '/templates/00000000-0000-7000-8000-000000000000/preview',
           { contact_id => $c->{id} })->{status}, 404, 'an unknown template');
is($t->api('POST', "/templates/$a->{id}/preview", {})->{json}{body},
   'Hello there, order {{order}} is ready.', 'without a contact');

$t->done;
