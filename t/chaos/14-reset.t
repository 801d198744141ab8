#!/usr/bin/perl

# Fault 14: the provider takes a message and resets the connection; or resets it without
# having taken the message.  Either way nobody knows, so it is unknown and not sent
# again; of what was taken a status comes and settles it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;

my $c = chaos(name => 'the provider resets', sandbox => {
    unknown_rate => 0.2, reset_before_rate => 0.02 });

$c->drive;
$c->broadcast;
$c->until_status('completed');

# the singles that were never taken stay unknown as well
my $taken = $c->judge(unknown => $c->{n} * 0.06 + 10);
my $reset = grep { $_->{outcome} eq 'reset' } @$taken;

cmp_ok($reset, '>', $c->{n} * 0.1, "$reset were taken and reset");
cmp_ok($c->metric('unknown_total'), '>=', $reset, 'each was unknown for a while');

$c->done;
