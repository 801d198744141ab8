#!/usr/bin/perl

# The library of ready templates: thirty, each in seven languages, and not one that
# WhatsApp's rules would refuse.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Herald::Test;
use Test::More;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

my $t = Herald::Test->new;
my $o = $t->org;
my @languages = qw(ar en es hi id pt_BR sw);

my $r = $t->api('GET', '/library/templates');
is($r->{status}, 200, 'the library');
my @all = @{ $r->{json}{data} };
cmp_ok(scalar @all, '>=', 30, 'has thirty templates');

my (%use, %id, @refused, @incomplete, @odd);

for my $e (@all) {
    $id{$e->{id}}++;
    $use{$e->{use}}++;
    push @incomplete, $e->{id}
        if "@languages" ne join ' ', sort keys %{ $e->{languages} };

    # all languages say the same: their variables and buttons are one another's
    my %shape;

    for my $l (sort keys %{ $e->{languages} }) {
        my $d = $e->{languages}{$l};
        my $s = $t->api('POST', '/templates/lint', { name => $e->{id},
            language => $l, category => $e->{category}, document => $d });

        push @refused, map { "$e->{id} $l: $_->{code} $_->{pointer}: $_->{words}" }
            grep { $_->{code} ne 'authentication_words' } @{ $s->{json}{lint} };
        push @refused, "$e->{id} $l: $s->{status} $s->{content}" if $s->{status} != 200;

        my $text = $d->{body} . ' ' . (($d->{header} // {})->{text} // '');
        my %names = map { $_ => 1 } $text =~ /\{\{(\w+)/g;
        $shape{ join ' ', (sort keys %names), '|', ($d->{header} ? 'h' : ''),
                ($d->{footer} ? 'f' : ''), scalar @{ $d->{buttons} // [] } }{$l} = 1;
        push @odd, "$e->{id} $l: variables without a place: $_"
            for grep { !$names{$_} && !grep { ($_->{url} // '') =~ /\{\{/ }
                       @{ $d->{buttons} // [] } } sort keys %{ $d->{variables} // {} };
    }

    push @odd, "$e->{id}: " . join ' / ', map { "$_ in " . join ',', sort keys %{ $shape{$_} } }
        sort keys %shape if keys %shape != 1;
}

is(scalar(grep { $_ > 1 } values %id), 0, 'each id once');
is("@incomplete", '', 'each in English, Portuguese, Spanish, Arabic, Hindi, Indonesian, '
   . 'Swahili');
is(join("\n", @refused), '', 'WhatsApp would take them all, without a warning');
is(join("\n", @odd), '', 'the languages of each have the same variables and parts');
ok($use{$_}, "there is something for: $_") for qw(shop appointment restaurant salon
    delivery school clinic payment otp review birthday cart welcome event travel);


# looked for

sub found {
    my $r = $t->api('GET', "/library/templates?$_[0]");

    return $r->{status} == 200 ? @{ $r->{json}{data} } : "$r->{status}";
}

is(scalar(grep { $_->{category} ne 'authentication' } found('category=authentication')),
   0, 'by category');
is_deeply([map { $_->{id} } found('use=otp')], ['verification_code'], 'by use');
is_deeply([sort map { keys %{ $_->{languages} } } (found('q=cart_left'))[0]], \@languages,
          'by a part of the name');
is_deeply([map { keys %{ $_->{languages} } } found('q=cart_left&language=pt_BR')],
          ['pt_BR'], 'by language');
is(scalar(found('language=pt&q=cart_left')), 1, 'a language without its region');
is_deeply([map { $_->{id} } found('q=vikapu')], [], 'words that are not there');
is_deeply([map { $_->{id} } found('q=KIKAPU%20CHAKO')], ['cart_left'],
          'words that are, in any language and case');
is((found('category=spam'))[0], 422, 'a category that is none');


# used

$r = $t->api('POST', '/library/templates/order_confirmed/use');
is("$r->{status} $r->{json}{created}", '200 7', 'all its languages') or diag($r->{content});
is(scalar(grep { $_->{errors} } @{ $r->{json}{templates} }), 0, 'without an error');
my ($one) = grep { $_->{language} eq 'sw' } @{ $r->{json}{templates} };
my $row = $t->api('GET', "/templates/$one->{id}")->{json};
is("$row->{name} $row->{language} $row->{category} $row->{status}",
   'order_confirmed sw utility unverified', 'are templates of one\'s own');
like($row->{body}, qr/^Habari \{\{first_name\|mteja wetu\}\}/, 'with their fallbacks');
is($t->api('POST', '/library/templates/order_confirmed/use')->{json}{skipped}, 7,
   'twice makes nothing twice');

$r = $t->api('POST', '/library/templates/welcome/use', { languages => ['en', 'pt'],
                                                         name => 'our_welcome' });
is_deeply([sort map { "$_->{name} $_->{language}" } @{ $r->{json}{templates} }],
          ['our_welcome en', 'our_welcome pt_BR'], 'some languages, another name');
is($t->api('POST', '/library/templates/welcome/use', { languages => ['fr'] })->{status},
   422, 'a language that it has not');
is($t->api('POST', '/library/templates/nothing/use')->{status}, 404, 'one that is not there');

$t->done;
