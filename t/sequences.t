#!/usr/bin/perl

# Drip sequences: who comes in together goes on together; each gets each step once; who
# writes, or stops marketing, leaves; who comes later is another cohort.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use POSIX qw(strftime);
use Time::HiRes qw(time);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;
my $a = $t->sandbox_account(magic => JSON::PP::true(), reply_rate => 0,
    delivered_rate => 1, read_rate => 1);
my ($true, $false) = (JSON::PP::true(), JSON::PP::false());
my $none = '00000000-0000-7000-8000-000000000000';

my @tpl = map { $t->api('POST', '/templates', { name => "step$_",
    language => 'en', category => 'marketing', body => "Step $_ for "
    . '{{first_name|you}}' })->{json} } 1 .. 3;
my @c = map { $t->api('POST', '/contacts', { first_name => "N$_",
    phone => sprintf('+2547123450%02d', $_), tags => ['new'] })->{json} }
    1 .. 5;

sub wall { strftime '%Y-%m-%dT%H:%M:%S', gmtime($_[0]) }

my %doc = (account_id => $a->{id}, audience => { tag => 'new' }, steps => [
    { template_id => $tpl[0]{id} },
    { after => 'P1D', template_id => $tpl[1]{id} },
    { after => 'PT1H', template_id => $tpl[2]{id} } ]);
my %s = (kind => 'sequence', name => 'Welcome', document => { %doc },
         time_zone => 'UTC', starts_at => wall(time + 86400));

sub with {
    my (%more) = @_;
    return { %s, document => { %doc, %more } };
}

for my $bad (
    ['/document/steps', with(steps => [])],
    ['/document/steps', with(steps => [({ template_id => $tpl[0]{id} }) x 21])],
    ['/document/steps/0/after', with(steps => [{ after => '3 days',
        template_id => $tpl[0]{id} }])],
    ['/document/steps/1/template_id', with(steps => [
        { template_id => $tpl[0]{id} }, { after => 'P1D' }])],
    ['/document/steps/1/template_id', with(steps => [
        { template_id => $tpl[0]{id} }, { template_id => $none }])],
    ['/document/steps/0/variables/x', with(steps => [
        { template_id => $tpl[0]{id}, variables => { x => '{{secret}}' } }])],
    ['/document/enrol', with(enrol => 'sometimes')],
    ['/document/stop_on_reply', with(stop_on_reply => 1)],
    ['/document', with(colour => 'red')],
    ['/rrule', { %s, rrule => 'FREQ=DAILY' }])
{
    my $r = $t->api('POST', '/schedules', $bad->[1]);

    is("$r->{status} " . ($r->{json}{errors}[0]{pointer} // $r->{content}),
       "422 $bad->[0]", "refused at $bad->[0]");
}


# enrolled, and sent to

my $r = $t->api('POST', '/schedules', { %s, starts_at => wall(time + 2),
    document => { %doc, enrol => 'continuous' } });
is($r->{status}, 201, 'made') or diag($r->{content});
my $x = $r->{json};
is($x->{rrule}, 'FREQ=HOURLY', 'it looks for new ones every hour');

sub occurrences {
    return $t->api('GET', "/schedules/$x->{id}/occurrences")->{json}{data};
}

sub step {
    my ($cohort, $step) = @_;
    return (grep { $_->{cohort} == $cohort && $_->{step} == $step }
            @{ occurrences() })[0] // {};
}

sub members {
    my $m = $t->api('GET', "/schedules/$x->{id}/members")->{json};
    return join ' ', map { "$_ $m->{$_}" } sort keys %$m;
}

# as if its time had come
sub now {
    my ($cohort, $step) = @_;

    $t->sql("UPDATE occurrences SET due_at = now() WHERE schedule_id = "
            . "'$x->{id}' AND state = 'scheduled' AND cohort = $cohort "
            . "AND step = $step; UPDATE agenda a SET due_at = now() "
            . "FROM errands e WHERE e.ref_id = '$x->{id}' "
            . "AND a.ref_id = e.id");
    # the helper looks when it is told of another one
    my $r = $t->api('POST', '/schedules', { %s });
    $t->api('DELETE', "/schedules/$r->{json}{id}");
}

ok(wait_until { (step(1, 1)->{state} // '') eq 'posted' } 20,
   'the first step of the first cohort') or diag(explain occurrences());
is(members(), 'active 5 cohorts 1 enrolled 5 opted_out 0 replied 0',
   'all of them are in it');
my $b = $t->api('GET', '/broadcasts/' . step(1, 1)->{ref_id})->{json};
like($b->{name}, qr/^Welcome, step 1, \d{4}-\d\d-\d\d \d\d:\d\d$/, 'a broadcast');
ok(wait_until { $t->api('GET', "/broadcasts/$b->{id}")->{json}{counters}{read}
                == 5 } 20, 'to five');
my $due = $t->sql("SELECT b.due_at - a.due_at FROM occurrences a, occurrences "
    . "b WHERE a.schedule_id = '$x->{id}' AND b.schedule_id = '$x->{id}' AND "
    . "a.step = 1 AND b.step = 2");
is($due, '1 day', 'the second is planned for tomorrow');
is($t->sql("SELECT count(*) FROM errands WHERE kind = 'schedule'"), 1,
   'one timer for all of them');

# one writes, one stops marketing
$t->open_window($a->{id}, $c[0]{id});
$t->api('PATCH', "/contacts/$c[1]{id}", { marketing_opt_out => $true });
now(1, 2);
ok(wait_until { (step(1, 2)->{state} // '') eq 'posted' } 20, 'the second step')
    or diag(explain occurrences());
is(members(), 'active 3 cohorts 1 enrolled 5 opted_out 1 replied 1',
   'two have left');
my $second = step(1, 2)->{ref_id};
ok(wait_until { $t->api('GET', "/broadcasts/$second")->{json}{counters}{read}
                == 3 } 20, 'three get it');
is($t->api('GET', "/broadcasts/$second")->{json}{counters}{audience}, 3,
   'they are its audience');

# somebody comes later
my $late = $t->api('POST', '/contacts', { first_name => 'Late',
    phone => '+254712345099', tags => ['new'] })->{json};
now(0, 0);
ok(wait_until { (step(2, 1)->{state} // '') eq 'posted' } 20,
   'a second cohort begins') or diag(explain occurrences());
is(members(), 'active 4 cohorts 2 enrolled 6 opted_out 1 replied 1',
   'of one');
my $first = step(2, 1)->{ref_id};
ok(wait_until { $t->api('GET', "/broadcasts/$first")->{json}{counters}{read}
                == 1 } 20, 'who gets the first step');

# nobody new: no cohort
now(0, 0);
ok(wait_until { (grep { $_->{step} == 0 && $_->{state} eq 'posted'
                        && $_->{detail} eq '0' } @{ occurrences() }) } 20,
   'nobody new');
like(members(), qr/cohorts 2 enrolled 6/, 'no cohort of nobody');

now(1, 3);
ok(wait_until { (step(1, 3)->{state} // '') eq 'posted' } 20, 'the third step');
my $third = step(1, 3)->{ref_id};
ok(wait_until { $t->api('GET', "/broadcasts/$third")->{json}{counters}{read}
                == 3 } 20, 'to three');

# nobody got a step twice
is($t->sql("SELECT max(n) FROM (SELECT count(*) AS n FROM deliveries d "
   . "JOIN broadcasts b ON b.id = d.batch_id GROUP BY d.contact_id, "
   . "b.template_id) x"), 1, 'each step once for each');
my $runs = $t->api('GET', "/schedules/$x->{id}/runs")->{json}{data};
is_deeply([sort map { "$_->{cohort}.$_->{step} $_->{counters}{audience}" }
           grep { $_->{step} } @$runs], ['1.1 5', '1.2 3', '1.3 3', '2.1 1'],
          'its runs side by side');

# once: finished when the last step is out
my $y = $t->api('POST', '/schedules', { %s, starts_at => wall(time + 2),
    document => { %doc, audience => { tag => 'new' }, stop_on_reply => $false,
                  steps => [{ template_id => $tpl[0]{id} }] } })->{json};
is($y->{rrule}, undef, 'once');
ok(wait_until { $t->api('GET', "/schedules/$y->{id}")->{json}{status}
                eq 'finished' } 20, 'finished');
is($t->api('GET', "/schedules/$y->{id}/members")->{json}{enrolled}, 5,
   'without who stopped marketing');

$t->done;
