#!/usr/bin/perl

# What came of a template, by version and by language: broadcasts with variants and
# single messages, counted as it happens and equal to what the ledger says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $other = $t->org;
my $o = $t->org;
my $fast = { sent => 1, delivered => 1, read => 1 };
my $account = $t->sandbox_account(magic => JSON::PP::true(), reply_rate => 0,
    latency_ms => $fast, delivered_rate => 1, read_rate => 1);

sub template {
    my ($name, $language, $body) = @_;

    return $t->api('POST', '/templates', { name => $name, language => $language,
        category => 'utility', body => $body })->{json}{id};
}

my $one = template('news', 'en', 'Hello {{first_name|there}}, this is the news.');
my $two = template('other_news', 'en', 'Hello {{first_name|there}}, here is other news.');
my $sw = template('news', 'sw', 'Habari {{first_name|mteja}}, hizi ni habari mpya.');

# {"version language" => row}
sub results {
    my ($id, $query) = @_;
    my $r = $t->api('GET', "/templates/$id/results" . ($query // ''));

    die "results: $r->{status} $r->{content}\n" if $r->{status} != 200;
    return { map { ("$_->{version} $_->{language}" => $_) } @{ $r->{json}{data} } };
}

is_deeply(results($one), {}, 'nothing was sent yet');


# a broadcast of two templates
my $csv = "first_name,phone\n"
    . join '', map { sprintf "P%d,+25471000%04d\n", $_, 1000 + $_ } 1 .. 40;

is($t->api('POST', '/contacts/import?tags=all', $csv,
           headers => { 'content-type' => 'text/csv' })->{json}{created}, 40, 'contacts');

sub broadcast {
    my (%o) = @_;
    my $r = $t->api('POST', '/broadcasts', { name => 'B', account_id => $account->{id},
        audience => { tag => 'all' }, %o });

    die "broadcast: $r->{status} $r->{content}\n" if $r->{status} != 201;
    return $r->{json}{id};
}

sub settled {
    my ($id, $what) = @_;

    return wait_until {
        my $b = $t->api('GET', "/broadcasts/$id")->{json};
        $b->{status} eq 'completed' && $b->{counters}{read} == $b->{counters}{sent};
    } 30, $what;
}

my $ab = broadcast(variants => [{ template_id => $one, weight => 1 },
                                { template_id => $two, weight => 1 }]);
ok(settled($ab), 'a broadcast of two templates');

my @v = @{ $t->api('GET', "/broadcasts/$ab/variants")->{json}{data} };
my $a = results($one)->{'1 en'};
my $b = results($two)->{'1 en'};

is($a->{sent} + $b->{sent}, 40, 'all of it');
cmp_ok($a->{sent}, '>', 0, 'some of the first');
cmp_ok($b->{sent}, '>', 0, 'some of the second');
for my $k (qw(sent delivered read replied failed)) {
    is("$a->{$k} $b->{$k}", "$v[0]{$k} $v[1]{$k}", "$k: as the ledger says");
}
is("$a->{broadcasts} $b->{broadcasts}", '1 1', 'one broadcast each');
is_deeply([keys %{ results($sw) }], ['1 en'], 'the other language has none of its own');


# a new version counts for itself; a broadcast keeps the one that it began with
is($t->api('PATCH', "/templates/$one", { body =>
    'Hello {{first_name|there}}, this is the news of today.' })->{json}{version}, 2,
   'a second version');
ok(settled(broadcast(template_id => $one)), 'is sent to all');
my $r = results($one);
is($r->{'1 en'}{sent}, $a->{sent}, 'the first stays as it was');
is("$r->{'2 en'}{sent} $r->{'2 en'}{delivered} $r->{'2 en'}{read}", '40 40 40',
   'the second has its own');
is_deeply([keys %{ results($one, '?version=2') }], ['2 en'], 'one version');
is($t->api('GET', "/templates/$one/results?version=x")->{status}, 422, 'by a number');


# a single message, and an answer to it
my $contact = $t->api('POST', '/contacts', { first_name => 'Amina',
    phone => '+254710009999' })->{json};
my $m = $t->api('POST', '/messages', { account_id => $account->{id},
    contact_id => $contact->{id}, template => { id => $sw } });
is($m->{status}, 202, 'a single message') or diag($m->{content});
ok(wait_until { ($r = results($one))->{'1 sw'} && $r->{'1 sw'}{read} } 15,
   'counts too, with all its languages');
is("@{$r->{'1 sw'}}{qw(sent delivered read failed replied broadcasts)}", '1 1 1 0 0 0',
   'once');
$t->sandbox_inbound($account->{number_id}, from => '254710009999', text => 'Asante');
ok(wait_until { results($sw)->{'1 sw'}{replied} } 15, 'so does the answer');
is_deeply([keys %{ results($sw, '?language=sw') }], ['1 sw'], 'one language');


is($t->api('GET', "/templates/$one/results", undef, token => $other->{key})->{status},
   404, 'another organisation\'s');

$t->done;
