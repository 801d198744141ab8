#!/usr/bin/perl

# Fault 8: PostgreSQL fails over to a synchronous standby in the middle of a broadcast.
# herald_postgres names both; whoever takes writes is the one.  Nothing that was answered
# is lost, for nothing was answered before both had it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Test::More;
use Time::HiRes qw(sleep time);

my $conf = Herald::Test::Nginx::default_conf();
$conf =~ s{host=%%DIR%%/s user=herald_app dbname=herald}
          {host=%%DIR%%/s,%%DIR%%/s2 user=herald_app dbname=herald target_session_attrs=read-write};

my $c = chaos(name => 'PostgreSQL fails over', herald => { conf => $conf });
my $t = $c->{t};
my $d = $t->{dir};

$t->sql('select 1');
my $bin = $t->{bin};
my @as = $> == 0 ? qw(setpriv --reuid=postgres --regid=postgres --init-groups --) : ();

sub run {
    return system("cd / && @as @_ > $d/run.out 2>&1 < /dev/null") == 0
        || do { diag("@_: " . Herald::Test::slurp("$d/run.out")); 0 };
}

# a standby that must have all that is answered

system("printf 'local replication all peer map=herald\\n' >> $d/pg/pg_hba.conf");
$t->sql('select pg_reload_conf()');
mkdir "$d/pg2";
chmod 0700, "$d/pg2";
chown +(getpwnam 'postgres')[2, 3], "$d/pg2" if $> == 0;

ok(run("$bin/pg_basebackup -h $d/s -U postgres -D $d/pg2 -R -X stream -c fast"), 'a copy');
ok(system("$t->{repo}/tools/cluster.sh start $d/pg2 $d/s2 $d/pg2.log > $d/run.out 2>&1") == 0,
   'a standby') or diag(Herald::Test::slurp("$d/run.out"));
$t->sql("alter system set synchronous_standby_names = '*'");
$t->sql('select pg_reload_conf()');
ok(wait_until(sub { $t->sql("select sync_state from pg_stat_replication
                            where state = 'streaming'") eq 'sync' }, 20), 'which is synchronous');

$c->drive(inbound => 100, submit => 10, processes => 4);
$c->broadcast;
$c->until_share(0.35);

# the first one dies; after a moment the second is told that it is the first now
$c->postgres_crash;
my $died = time;
sleep 0.5 + rand;
ok(run("$bin/pg_ctl -D $d/pg2 -w promote"), 'the standby is promoted');

ok(wait_until(sub { $t->get('/readyz')->{status} == 200 }, 30),
   sprintf('Herald finds it after %.1f s', time - $died));

# from here on we ask the second one as well
rename "$d/s", "$d/s.old";
symlink "$d/s2", "$d/s";

$c->until_share(0.6);
$c->{calm} = 0;
$c->judge(unknown => 0, limit => 90);
$c->judge_answers;

# it is not the one that the test's frame knows
$t->stop;
ok(system("$t->{repo}/tools/cluster.sh stop $d/pg2 > /dev/null 2>&1") == 0, 'it stops');

$c->done;
