#!/usr/bin/perl

# Fault 18: reloads, one upon the other, in the middle of a broadcast, with directives
# that change.  No request of the API fails, no message becomes unknown; an event stream
# that goes on by Last-Event-ID has each event once; the old workers end in time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;
use Time::HiRes qw(sleep time);

my $reloads = $ENV{CHAOS_RELOADS} // ($ENV{CHAOS_QUICK} ? 8 : 50);
my $c = chaos(name => "$reloads reloads");
my $t = $c->{t};

my $stream = $t->stream;
is($stream->status, 200, 'an event stream');
my (@events, $last, $resumes);

# what has come; a stream that has ended goes on where it was
sub follow {
    my @new = $stream->events;
    my @ids = grep { defined $_->{id} } @new;

    push @events, splice @ids, $c->{followed} // 0;
    $c->{followed} = () = grep { defined $_->{id} } @new;
    $last = $events[-1]{id} if @events;

    return if $stream->{open};

    $stream->close;
    $stream = $t->stream(defined $last ? (last => $last) : ());
    $c->{followed} = 0;
    $resumes++;
}

$c->drive(processes => 2, inbound => 40, submit => 10);
$c->broadcast;
$c->until_share(0.05);

for my $i (1 .. $reloads) {
    $t->{http} = $i % 2 ? 'keepalive_timeout 7s; send_timeout 50s;' : '';
    $t->{workers} = 1 + $i % 3;
    $t->write_conf;
    $t->signal('HUP');

    my $until = time + 0.05 + rand 0.35;

    while (time < $until) {
        follow();
        $c->look;
        sleep 0.03;
    }
}

# the last one settles
my $workers = $t->{workers};
ok(wait_until(sub {
    follow();
    my @w = $t->worker_pids;
    @w == $workers && !grep { /shutting down/ } values %{{ $t->session }};
}, 25), 'the old workers have ended within their time');

$c->judge(unanswered => 0);

my %submit = %{ $c->answers('submit') };
my %inbound = %{ $c->answers('inbound') };
is(join(' ', sort keys %submit), '202', 'no submission failed');
is(join(' ', sort keys %inbound), '200', 'no webhook failed');

# events: of one organisation alone the ids follow one another

ok(wait_until(sub { follow(); ($last // 0) >= $c->metric('event_newest') }, 10),
   'the stream has come to the newest event');

my @ids = map { $_->{id} } @events;
my @gaps = grep { $ids[$_] != $ids[$_ - 1] + 1 } 1 .. $#ids;
is(join(' ', map { "$ids[$_ - 1]->$ids[$_]" } @gaps), '',
   scalar(@ids) . " events, no gap and none twice, over $resumes streams");
is(scalar(grep { ($_->{event} // '') eq 'reset' } @events), 0, 'no reset');

my %told;
$told{ $_->{json}{text} // '' }++
    for grep { ($_->{event} // '') eq 'message.created'
               && ($_->{json}{direction} // '') eq 'in' } @events;
my %acked = map { ("hello $_->{id}" => 1) } $c->driven('inbound');
is(scalar(grep { !$told{$_} } keys %acked), 0, 'the stream told of every inbound message');
is(scalar(grep { $told{$_} > 1 } keys %told), 0, 'once');

$c->done;
