package Herald::Test::Chaos;

# The stage of a fault: a sandbox in an nginx of its own, Herald in another, an
# organisation with numbers and contacts, a broadcast, and drivers that write
# down what they were answered.  A test injects, heals, and lets `judge` say
# what must be true, looked at from outside.
#
#     my $c = chaos(name => 'a worker is killed');
#     $c->drive;                      # inbound and single messages
#     $c->broadcast;
#     $c->until_share(0.3);
#     ... the fault ...
#     $c->judge;                      # I1-I6, I10, I11
#     $c->done;
#
# CHAOS_N is how many recipients there are, CHAOS_SEED what all random choices
# are made from; it is printed, so that a failure can be had again.
#
# The parts: ChaosDrive.pm (the drivers), ChaosJudge.pm (the invariants).

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use Herald::Test;
use Herald::Test::ChaosDrive;
use Herald::Test::ChaosJudge;

our @ISA = qw(Herald::Test::ChaosDrive Herald::Test::ChaosJudge);
our @EXPORT = qw(chaos percentile);

my @stages;


# Options: n (recipients), rate (of each number), numbers, latency (of the
# provider's answer, {min, max} in ms), category (of the broadcasts' template);
# sandbox => settings of every number; herald => options of Herald::Test; env =>
# the environment of Herald's nginx.
sub chaos {
    my (%o) = @_;
    my $self = bless {
        n => $ENV{CHAOS_N} // 1500, rate => 300, numbers => 1,
        latency => { min => 5, max => 60 }, category => 'utility', %o,
        broadcasts => [], drivers => [], looks => 0, broken => '',
        kills => 0, calm => 1, pid_of => $$,
    }, __PACKAGE__;

    push @stages, $self;

    $self->{seed} = $ENV{CHAOS_SEED} // int(rand(2 ** 31));
    srand($self->{seed});
    diag("$self->{name}: CHAOS_SEED=$self->{seed} CHAOS_N=$self->{n}");

    $self->{box} = Herald::Test->new(postgres => 0, start => 1,
        conf => sandbox_conf($o{box} // ''));
    $self->{t} = Herald::Test->new(%{ $o{herald} // {} }, start => 0);

    {
        local @ENV{ keys %{ $o{env} // {} } } = values %{ $o{env} // {} };
        $self->{t}->start;
    }

    $self->{org} = $self->{t}->org;

    $self->number for 1 .. $self->{numbers};
    $self->templates;

    return $self;
}

sub sandbox_conf {
    my ($more) = @_;

    return <<"CONF";
daemon off;
%%USER%%
worker_processes 1;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
load_module %%BUILD%%/ngx_http_herald_sandbox_module.so;

events {
    worker_connections 4096;
}

http {
    %%TEMP%%
    access_log off;
    keepalive_requests 100000;
    herald_sandbox_ledger %%DIR%%/ledger/sandbox.jsonl;

    server {
        listen 127.0.0.1:%%PORT%%;
        location /sandbox/ { herald_sandbox; }
    }
    $more
}
CONF
}

# a whole number from `from` to `to`
sub pick {
    my ($self, $from, $to) = @_;

    return $from + int rand($to - $from + 1);
}


# ── what there is ───────────────────────────────────────────────────────────

# A number at the sandbox and its account; `o` are members of POST /accounts.
sub number {
    my ($self, %o) = @_;
    my $t = $self->{t};
    my $i = @{ $self->{accounts} // [] } + 1;
    my $key = delete $o{key};
    my $box = delete $o{box} // {};
    my %a = (name => "Number $i", provider => 'cloud_api',
        phone => sprintf('+1555010%04d', $i),
        number_id => sprintf('1000000000%05d', $i), token => "token-$i",
        app_secret => "secret-$i", verify_token => "verify-$i",
        base_url => $self->{box}->url('/sandbox'),
        rate_limit => $self->{rate}, %o);

    $self->{box}->sandbox_set($a{number_id}, app_secret => $a{app_secret},
                              token => $a{token});

    my $r = $t->api('POST', '/accounts', \%a, $key ? (token => $key) : ());
    die "account: $r->{status} $r->{content}\n" if $r->{status} != 201;

    # all are read, and soon: what the provider took must end there
    $self->{box}->sandbox_set($a{number_id},
        verify_token => $a{verify_token},
        webhook_url => $t->url($r->{json}{webhook_path}),
        delivered_rate => 1, read_rate => 1, reply_rate => 0,
        latency_ms => { answer => $self->{latency}, sent => 10,
                        delivered => 20, read => 20 },
        %{ $self->{sandbox} // {} }, %$box);

    my $account = { %a, %{ $r->{json} } };
    push @{ $self->{accounts} }, $account;

    return $account;
}

sub set {
    my ($self, %settings) = @_;

    $self->{box}->sandbox_set($_->{number_id}, %settings)
        for @{ $self->{accounts} };
}

sub templates {
    my ($self) = @_;
    my %t = (hello => [$self->{category}, 'Hi {{first_name|there}}!'],
             order => ['utility', 'Order {{order}} is ready.']);

    for my $name (keys %t) {
        my $r = $self->{t}->api('POST', '/templates', { name => $name,
            language => 'en', category => $t{$name}[0],
            body => $t{$name}[1] });

        die "template: $r->{status} $r->{content}\n" if $r->{status} != 201;
        $self->{template}{$name} = $r->{json}{id};
    }
}

# `n` contacts with a tag; a second call makes others
sub people {
    my ($self, $tag, $n) = @_;
    my $first = ($self->{people} //= 0) + 1;
    my $last = $self->{people} += $n;
    my $csv = "first_name,phone\n"
        . join '', map { sprintf "P%d,+25470%07d\n", $_, $_ } $first .. $last;
    my $r = $self->{t}->api('POST', "/contacts/import?tags=$tag", $csv,
        headers => { 'content-type' => 'text/csv' });

    die "import: $r->{status} $r->{content}\n"
        if $r->{status} != 200 && $r->{status} != 201;
    die "import: $r->{content}\n" if $r->{json}{created} != $n;
    $self->{tagged}{$tag} = $n;
}

# to all with a tag, made when there are none; the broadcast as we know it
sub broadcast {
    my ($self, %o) = @_;
    my $tag = delete $o{tag} // 'chaos';
    my $number = delete $o{number} // 0;

    $self->people($tag, $self->{n}) if !$self->{tagged}{$tag};

    my $r = $self->{t}->api('POST', '/broadcasts', { name => "To $tag",
        account_id => $self->{accounts}[$number]{id},
        template_id => $self->{template}{hello},
        audience => { tag => $tag }, %o });

    die "broadcast: $r->{status} $r->{content}\n" if $r->{status} != 201;

    my $b = { id => $r->{json}{id}, n => $self->{tagged}{$tag},
              number => $number, seen => {} };
    push @{ $self->{broadcasts} }, $b;

    return $b;
}


# ── looking ─────────────────────────────────────────────────────────────────

# The broadcast as the API says it; undef while nobody can say.  I11 at every
# look: the parts make the whole, and none is negative.
sub look {
    my ($self, $b) = @_;

    $b //= $self->{broadcasts}[-1];

    my $r = $self->{t}->api('GET', "/broadcasts/$b->{id}", undef,
                            timeout => 5);
    return if $r->{status} != 200 || !$r->{json};

    my $c = $r->{json}{counters};
    my $sum = 0;

    $self->{looks}++;
    $sum += $c->{$_} for qw(sent failed skipped unknown queued);

    if ($r->{json}{started_at}
        && ($sum != $b->{n} || $c->{audience} != $b->{n}
            || grep { $c->{$_} < 0 } keys %$c))
    {
        $self->{broken} .= "$b->{n}: " . JSON::PP->new->canonical->encode($c)
            . "\n";
    }

    return $b->{seen} = $r->{json};
}

# CHAOS_LIMIT cuts what is waited for, where a failure is expected (make guards)
sub limit {
    my ($self, $s) = @_;

    $s //= 60;

    # who asked for more needs it
    return $s if $s > 60 || !$ENV{CHAOS_LIMIT};
    return $ENV{CHAOS_LIMIT} < $s ? $ENV{CHAOS_LIMIT} : $s;
}

# until that share of the audience has an outcome
sub until_share {
    my ($self, $share, %o) = @_;
    my $b = $o{broadcast} // $self->{broadcasts}[-1];

    return Herald::Test::wait_until(sub {
        my $j = $self->look($b) or return 0;

        return $j->{started_at}
            && $j->{counters}{queued} <= $b->{n} * (1 - $share);
    }, $self->limit($o{limit}), "$share of $b->{n}: "
       . JSON::PP->new->canonical->encode($b->{seen}{counters} // {}));
}

sub until_status {
    my ($self, $status, %o) = @_;
    my $b = $o{broadcast} // $self->{broadcasts}[-1];
    my $ok = Herald::Test::wait_until(sub {
        my $j = $self->look($b);
        return $j && $j->{status} eq $status;
    }, $self->limit($o{limit}));

    diag("not $status: " . JSON::PP->new->canonical->encode($b->{seen}))
        if !$ok;

    return $ok;
}

# one of Herald's counters or gauges, summed over its labels
sub metric {
    my ($self, $name) = @_;
    my $text = $self->{t}->get('/metrics')->{content};
    my ($sum, $found) = (0, 0);

    while ($text =~ /^herald_\Q$name\E(?:\{[^}]*\})? (-?[\d.]+)/mg) {
        $sum += $1;
        $found = 1;
    }

    return $found ? $sum : undef;
}


# ── the fault's own hands ───────────────────────────────────────────────────

# kill -9, announced; counters of the dead are no more exact
sub kill9 {
    my ($self, $pid) = @_;

    $self->{kills}++;
    $self->{calm} = 0;

    return $self->{t}->kill_process($pid);
}

# everything of Herald's nginx at once, and a start
sub crash {
    my ($self) = @_;
    my $t = $self->{t};
    my %all = $t->session;

    $self->{calm} = 0;
    $t->kill_process($_) for $t->{master}, grep { $_ != $t->{master} }
        keys %all;
    waitpid $t->{master}, 0;
    $t->{master} = 0;
}

# of the cluster: all processes whose folder is its data
sub postgres_pids {
    my ($self, $data) = @_;

    $data //= "$self->{t}{dir}/pg";

    my @found;

    for my $dir (glob '/proc/[0-9]*') {
        next if (readlink("$dir/exe") // '') !~ /postgres/;
        next if (readlink("$dir/cwd") // '') ne $data;
        push @found, substr $dir, 6;
    }

    return @found;
}

# the database crashes: no checkpoint, and every process at once
sub postgres_crash {
    my ($self) = @_;
    my $t = $self->{t};

    kill 'KILL', $self->postgres_pids;
    $t->{pg_up} = 0;

    Herald::Test::wait_until(sub { !$self->postgres_pids }, 10,
                             'the end of PostgreSQL');
}

sub postgres_start {
    my ($self) = @_;

    $self->{t}->cluster_start;
}

# a psql that stays, with what it holds, until sessions_end: its pid
sub session {
    my ($self, $sql, $who) = @_;
    my $t = $self->{t};
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        $ENV{PGAPPNAME} = 'chaos_session';
        exec "$t->{bin}/psql", '-qX', '-d', $t->conninfo($who // 'super'),
            '-c', $sql or POSIX::_exit(1);
    }

    push @{ $self->{helpers} }, $pid;
    push @{ $self->{sessions} }, $pid;
    return $pid;
}

# a server that sleeps does not notice that its client is gone, so it is told
sub sessions_end {
    my ($self) = @_;
    my @sessions = @{ delete $self->{sessions} // [] };
    my %ended = map { $_ => 1 } @sessions;

    for my $pid (@sessions) {
        next if waitpid($pid, POSIX::WNOHANG()) != 0;
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }

    @{ $self->{helpers} } = grep { !$ended{$_} } @{ $self->{helpers} };

    $self->{t}->sql("select count(pg_terminate_backend(pid))
        from pg_stat_activity where application_name = 'chaos_session'");
}


# answers of a kind of driver between two times: {status => how many}
sub answers {
    my ($self, $kind, $from, $to) = @_;
    my %n;

    for my $l ($self->driven($kind)) {
        next if $l->{at} < ($from // 0) || $l->{at} > ($to // 9e9);
        $n{ $l->{status} }++;
    }

    return \%n;
}

# no answer may hold a word of PostgreSQL's; 503 says when to come again
sub judge_answers {
    my ($self) = @_;
    my (@sql, @mute, @plain);

    for my $l ($self->driven('submit'), $self->driven('inbound')) {
        push @sql, $l->{why} if defined $l->{why} && $l->{status} ne 599
            && $l->{why} =~ /SELECT |INSERT |UPDATE |relation|SQLSTATE|libpq
                             |deadlock|herald_app|\.s\.PGSQL|statement/x;
        next if $l->{status} ne 503;
        push @mute, $l->{at} if !$l->{retry};
        push @plain, $l->{type} if exists $l->{type}
            && ($l->{type} // '') !~ m{^application/problem\+json};
    }

    is("@sql", '', 'no answer holds a word of SQL');
    is(scalar @mute, 0, 'every 503 says Retry-After');
    is("@plain", '', 'every 503 of the API is problem+json');
}


# ── the end ─────────────────────────────────────────────────────────────────

sub finish {
    my ($self) = @_;

    $self->drivers_stop;
    $self->{box}->finish;
    $self->{t}->finish;
}

sub done {
    my ($self) = @_;

    $self->finish;
    diag("CHAOS_SEED=$self->{seed} gives this run again")
        if !Test::More->builder->is_passing;
    done_testing();
}

sub percentile {
    my ($p, @n) = @_;

    return 0 if !@n;
    @n = sort { $a <=> $b } @n;

    return $n[int($#n * $p / 100)];
}

# a test that died: no driver and no database of it is left
END {
    my $rc = $?;

    for my $self (grep { $_->{pid_of} == $$ } @stages) {
        kill 'KILL', grep { $_ } map { $_->{pid} } @{ $self->{drivers} };
        kill 'KILL', @{ $self->{helpers} // [] };

        for my $dir (glob '/proc/[0-9]*') {
            next if (readlink("$dir/exe") // '') !~ /postgres/;
            kill 'CONT', substr $dir, 6
                if (readlink("$dir/cwd") // '') =~ m{^\Q$self->{t}{dir}\E/};
            kill 'KILL', substr $dir, 6
                if (readlink("$dir/cwd") // '')
                    =~ m{^\Q$self->{t}{dir}\E/pg\d};
        }
    }

    $? = $rc;
}

1;
