#!/usr/bin/perl

# Each occurrence happens once, whoever dies when: workers are killed while they make what
# is due, between the message and the word that it was made most of all, and the helper
# too; then every schedule has made exactly one message, and WhatsApp has it once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use POSIX qw(strftime);
use Time::HiRes qw(sleep time);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new(workers => 2);
my $o = $t->org;
my $a = $t->sandbox_account(magic => JSON::PP::true(), reply_rate => 0,
    delivered_rate => 1, read_rate => 1);
my $n = 40;

my $tpl = $t->api('POST', '/templates', { name => 'once', language => 'en',
    category => 'utility', body => 'Once {{n}}' })->{json};

# the moment between "made" and "said so" is long
$t->sql(<<'SQL');
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'posted' THEN PERFORM pg_sleep(0.3); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER slow BEFORE UPDATE ON occurrences
    FOR EACH ROW EXECUTE FUNCTION slow();
SQL

my $at = strftime '%Y-%m-%dT%H:%M:%S', gmtime(time + 6);
my %s = (kind => 'message', time_zone => 'UTC', starts_at => $at);
my @ids;

for my $i (1 .. $n) {
    my $r = $t->api('POST', '/schedules', { %s, document => {
        account_id => $a->{id}, to => sprintf('+2547120%05d', $i),
        template => { id => $tpl->{id}, variables => { n => "$i" } } } });

    push @ids, $r->{json}{id} if $r->{status} == 201;
}

is(scalar @ids, $n, 'planned');

sub posted {
    return $t->sql("SELECT count(*) FROM occurrences WHERE state = 'posted'");
}

sub poke {
    # what the dead had is due again, without the wait for their lease
    $t->sql("UPDATE agenda SET due_at = now() WHERE kind = 'errand' "
            . "AND due_at < now() + interval '1 hour'");
    my $r = $t->api('POST', '/schedules', { %s, starts_at => '2090-01-01T00:00',
        document => { account_id => $a->{id}, to => '+254712099999',
        template => { id => $tpl->{id}, variables => { n => '0' } } } });
    $t->api('DELETE', "/schedules/$r->{json}{id}")
        if $r->{status} == 201;
}

ok(wait_until { $t->sql("SELECT count(*) FROM occurrences "
                        . "WHERE state = 'posting'") > 0 } 30, 'it begins');

my $kills = 0;

for my $round (1 .. 6) {
    last if posted() == $n;

    for my $pid ($t->worker_pids) {
        $t->kill_process($pid);
        $kills++;
    }

    $t->kill_process($t->helper_pid) if $round == 3;

    wait_until { $t->worker_pids >= 2 } 10;
    wait_until { $t->get('/readyz')->{status} == 200 } 10;
    poke();
    sleep 0.4;
}

cmp_ok($kills, '>=', 4, "$kills workers were killed");
ok(wait_until { poke(); posted() == $n } 90, 'all are made')
    or diag($t->sql('SELECT state, count(*) FROM occurrences GROUP BY 1'));

is($t->sql("SELECT count(*) FROM messages WHERE direction = 'out'"), $n,
   'one message for each');
is($t->sql('SELECT count(DISTINCT ref_id) FROM occurrences o JOIN messages m '
   . 'ON m.id = o.ref_id'), $n, 'the one that it says');
is($t->sql('SELECT count(DISTINCT contact_id) FROM messages'), $n,
   'to everybody');

wait_until { $t->sql("SELECT count(*) FROM deliveries WHERE state = 'queued'")
             == 0 } 30;
my %to;
$to{$_->{to}}++ for grep { $_->{outcome} eq 'accepted' } $t->ledger;
my @twice = grep { $to{$_} > 1 } sort keys %to;
is("@twice", '', 'nobody has it twice');

$t->done;
