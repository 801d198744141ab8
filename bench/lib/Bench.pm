package Bench;

# What the measurements share: the machine under test (the tests' own harness
# with a bigger cluster), the two load generators, CPU time by group of
# processes, and the table at the end.

use strict;
use warnings;

use File::Basename qw(dirname);
use POSIX ();
use Time::HiRes qw(sleep time);

use Herald::Test;
use Bench::Peers;

my $here = dirname(__FILE__);
my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# to see that everything runs; the figures say nothing
our $quick = $ENV{BENCH_QUICK} // 0;
our $seconds = $ENV{BENCH_SECONDS} // ($quick ? 1 : 4);
our $runs = $ENV{BENCH_RUNS} // ($quick ? 1 : 3);
our $recipients = $ENV{BENCH_RECIPIENTS} // ($quick ? 5000 : 100_000);
our $failed = 0;

my $statements = $ENV{BENCH_STATEMENTS} // 0;

my @rows;

# runs that were told of, and those with strangers at work
my ($told, $disturbed) = (0, 0);
my $most_others = 0.25;


# ── the machine under test ──────────────────────────────────────────────────

my $conf = <<'CONF';
daemon off;
%%USER%%
worker_processes %%WORKERS%%;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log notice;
worker_rlimit_nofile 16384;
load_module %%BUILD%%/ngx_http_herald_module.so;
load_module %%BUILD%%/ngx_http_herald_sandbox_module.so;

events {
    worker_connections 8192;
}

http {
    %%TEMP%%
    access_log off;
    keepalive_requests 10000000;
    %%HTTP%%
}
CONF

my $herald = <<'CONF';
    herald_zone 32m;
    herald_postgres "host=%%DIR%%/s user=herald_app dbname=herald";
    herald_secret_file %%DIR%%/secret.key;
    herald_media %%DIR%%/media;
    herald_egress_allow 127.0.0.0/8;

    server {
        listen 127.0.0.1:%%PORT%%;
        location /api/ { herald_api; }
        location /hooks/ { herald_ingress; client_max_body_size 4m; }
        location = /healthz { return 200 "ok\n"; }
        location = /readyz { herald_metrics ready; }
        location = /metrics { herald_metrics; }
    }
CONF

my $sandbox = <<'CONF';
    herald_sandbox_ledger %%DIR%%/ledger/sandbox.jsonl;

    server {
        listen 127.0.0.1:%%PORT%%;
        location /sandbox/ { herald_sandbox; }
    }
CONF

# What the queues and Herald send to when nothing but the sending counts: it
# accepts everything, each message under an id of its own, and keeps the times.
my $sink = <<'CONF';
    log_format times $msec;
    default_type application/json;
    client_body_buffer_size 16k;

    server {
        listen 127.0.0.1:%%PORT%% backlog=4096;
        access_log %%DIR%%/times.log times buffer=64k flush=200ms;

        location / {
            return 200 '{"messaging_product":"whatsapp","contacts":[{"input":"254100000001","wa_id":"254100000001"}],"messages":[{"id":"wamid.$request_id","message_status":"accepted"}]}';
        }
    }
CONF

# durability as it comes: only sizes are set
my $cluster = <<'CONF';
shared_buffers = 1GB
max_wal_size = 4GB
track_io_timing = off
CONF

sub herald {
    my $t = Herald::Test->new(postgres => 0, start => 0, conf => $conf,
                              http => $herald, workers => 2);

    $t->cluster_make;

    my $path = "$t->{dir}/pg/postgresql.conf";
    my $more = $cluster . ($ENV{BENCH_PG} ? "$ENV{BENCH_PG}\n" : '')
        . ($statements ? "shared_preload_libraries = pg_stat_statements\n"
           : '');

    Herald::Test::spew($path, Herald::Test::slurp($path) . $more);
    $t->cluster_start;
    $t->sql('CREATE EXTENSION pg_stat_statements') if $statements;
    $t->start;

    return $t;
}

# where PostgreSQL's time went since this was last asked (BENCH_STATEMENTS=1):
# seconds, calls, µs and rows each, the statement
sub statements {
    my ($t) = @_;

    return if !$statements;

    print map { "    $_\n" } split /\n/, $t->sql(
        "SELECT format('%s s %s x %s us %s rows  %s', "
        . "round(total_exec_time::numeric / 1000, 2), calls, "
        . "round(mean_exec_time::numeric * 1000), "
        . "round(rows::numeric / calls, 1), "
        . "left(regexp_replace(query, '[[:space:]]+', ' ', 'g'), 150)) "
        . "FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database "
        . "WHERE datname = 'herald') ORDER BY total_exec_time DESC LIMIT 14");
    $t->sql('SELECT pg_stat_statements_reset()');
}

# The provider is an nginx of its own, so that what it costs is not counted as
# Herald's.
sub sandbox {
    my $s = Herald::Test->new(postgres => 0, start => 0, conf => $conf,
                              http => $sandbox, workers => 1);

    $s->start;

    return $s;
}

sub sink {
    my $s = Herald::Test->new(postgres => 0, start => 0, conf => $conf,
                              http => $sink, workers => 1);

    $s->start;

    return $s;
}

# a number at the sandbox and its account in Herald
sub account {
    my ($t, $s, $n, %settings) = @_;
    my %a = (
        name => "Number $n", provider => 'cloud_api',
        phone => sprintf('+1555010%04d', $n),
        number_id => sprintf('1000000000%05d', $n), token => "token-$n",
        app_secret => "secret-$n", verify_token => "verify-$n",
        rate_limit => delete $settings{rate} // 0,
        base_url => delete $settings{base_url}
            // ($s ? $s->url('/sandbox') : 'http://127.0.0.1:9'),
    );
    my $r = $t->api('POST', '/accounts', \%a);

    die "account: $r->{status} $r->{content}\n" if $r->{status} != 201;

    $s->sandbox_set($a{number_id}, token => $a{token},
        app_secret => $a{app_secret}, verify_token => $a{verify_token},
        webhook_url => $t->url($r->{json}{webhook_path}), %settings) if $s;

    return { %a, %{ $r->{json} } };
}


# ── CPU time: {nginx, provider, pg, all, at} in seconds ─────────────────────

our $provider;

sub stat_of {
    my ($pid) = @_;
    my ($rest) = Herald::Test::slurp("/proc/$pid/stat") =~ /\) (.*)/s or return;

    return split ' ', $rest;
}

sub cpu {
    my ($t) = @_;
    my %c = (nginx => 0, provider => 0, pg => 0, at => time);

    for my $pid ($t->worker_pids, $t->helper_pid // ()) {
        my @f = stat_of($pid) or next;
        $c{nginx} += $f[11] + $f[12];
    }

    # peers in the background are counted with it
    for my $pid ($provider ? $provider->worker_pids : (),
                 Bench::Peers::pids())
    {
        my @f = stat_of($pid) or next;
        $c{provider} += $f[11] + $f[12];
    }

    # backends that ended are in the postmaster's sums
    my $postmaster = $t->postmaster;

    for my $path (glob '/proc/[0-9]*/stat') {
        my ($pid) = $path =~ /(\d+)/;
        my @f = stat_of($pid) or next;

        $c{pg} += $f[11] + $f[12]
            if $pid == $postmaster || $f[1] == $postmaster;
        $c{pg} += $f[13] + $f[14] if $pid == $postmaster;
    }

    my ($cpu) = Herald::Test::slurp('/proc/stat') =~ /^cpu +(.*)/;
    my @n = split ' ', $cpu;

    # user nice system irq softirq steal
    $c{all} = $n[0] + $n[1] + $n[2] + $n[5] + $n[6] + $n[7];
    $c{$_} /= $ticks for qw(nginx provider pg all);

    return \%c;
}

# runs it; adds what Herald and PostgreSQL used, and what strangers did
sub with_cpu {
    my ($t, $sub) = @_;

    # the backends of the run before are gone and in the sums
    sleep 0.3;

    my $a = cpu($t);
    my @child = (times)[2, 3];
    my $r = $sub->();
    my $b = cpu($t);
    my $client = (times)[2] + (times)[3] - $child[0] - $child[1];
    my $wall = $b->{at} - $a->{at};

    $r->{$_} = $b->{$_} - $a->{$_} for qw(nginx provider pg);
    $r->{client} = $client;
    $r->{others} = ($b->{all} - $a->{all} - $r->{nginx} - $r->{provider}
                    - $r->{pg} - $client) / $wall;
    $r->{others} = 0 if $r->{others} < 0;

    return $r;
}


# ── load ────────────────────────────────────────────────────────────────────

sub milliseconds {
    my ($text) = @_;
    my ($n, $unit) = $text =~ /^([\d.]+)(us|ms|s|m)$/ or return 0;

    return $n * { us => 0.001, ms => 1, s => 1000, m => 60000 }->{$unit};
}

# {rate, p50, p99, bad}: requests per second, milliseconds, answers that are no
# 2xx
sub wrk {
    my ($t, %o) = @_;

    return with_cpu($o{cpu} // $t, sub {
        my @command = ('wrk', '-t1', "-c$o{clients}",
            '-d' . ($o{seconds} // $seconds) . 's', '--latency', '-s',
            "$here/../$o{script}", $o{url} // $t->url('/'), '--',
            @{ $o{args} // [] });

        open my $out, '-|', @command or die "wrk: $!\n";
        my $text = do { local $/; <$out> } // '';
        close $out or die "wrk failed: $text\n";

        my ($rate) = $text =~ m{Requests/sec:\s+([\d.]+)};
        my ($n) = $text =~ /(\d+) requests in/;
        my %r = (rate => $rate, n => $n, bad => 0, text => $text);

        ($r{p50}) = map { milliseconds($_) } $text =~ /^\s+50%\s+(\S+)/m;
        ($r{p99}) = map { milliseconds($_) } $text =~ /^\s+99%\s+(\S+)/m;
        $r{bad} += $1 if $text =~ /Non-2xx or 3xx responses: (\d+)/;
        $r{bad} += $1 + $2 + $3 + $4
            if $text =~ /connect (\d+), read (\d+), write (\d+), timeout (\d+)/;

        if ($r{bad}) {
            wrong("$r{bad} bad answers");
        }

        return \%r;
    });
}

# {rate}: transactions per second of a script given as text
sub pgbench {
    my ($t, $script, %o) = @_;
    my $file = "$t->{dir}/pgbench.sql";

    Herald::Test::spew($file, $script);
    $t->{bin} //= `$t->{repo}/tools/cluster.sh bin`;
    chomp $t->{bin};

    return with_cpu($t, sub {
        local $ENV{PGOPTIONS} = $o{options} // '';
        my $user = $o{user} // 'postgres';
        my $command = "$t->{bin}/pgbench -n -M prepared -c $o{clients} -j 2 "
            . '-T ' . ($o{seconds} // $seconds)
            . " -f $file -h $t->{dir}/s -U $user herald 2>&1";
        my $text = `$command`;
        my ($rate) = $text =~ /^tps = ([\d.]+)/m
            or die "pgbench failed: ", substr($text, 0, 1000), "\n";

        return { rate => $rate, n => $rate * ($o{seconds} // $seconds) };
    });
}

# the quietest of three tries, the first when nobody else was there
sub quiet {
    my ($sub) = @_;
    my $best;

    for (1 .. 3) {
        my $r = $sub->();

        $best = $r if !$best || $r->{others} < $best->{others};
        last if $r->{others} < 0.2;
    }

    return $best;
}

# a clear word, and the exit code; figures that are only low do not come here
sub wrong {
    print "  WRONG: @_\n";
    $failed = 1;
}

sub median {
    my @n = sort { $a <=> $b } @_;

    return @n ? $n[$#n / 2] : 0;
}

# medians of runs of several things, one after another: {name => {rate, p50 …}}
sub interleave {
    my ($n, @things) = @_;
    my (%all, %median);

    for my $run (1 .. $n) {
        for (my $i = 0; $i < @things; $i += 2) {
            my $r = $things[$i + 1]->($run);

            push @{ $all{ $things[$i] } }, $r;
            note($things[$i], $r);
        }
    }

    for my $name (keys %all) {
        my @r = sort { $a->{rate} <=> $b->{rate} } @{ $all{$name} };
        $median{$name} = $r[$#r / 2];
    }

    return \%median;
}

# A line for each run: the rate, where the time went (the provider is counted
# with the client), who else was there.
sub note {
    my ($name, $r) = @_;
    my $per = $r->{n} && $r->{n} > 0 ? 1e6 / $r->{n} : 0;

    $told++;
    $disturbed++ if ($r->{others} // 0) > $most_others;

    printf "  %-34s %9s/s", $name, comma($r->{rate});
    printf '  p50 %6.2f p99 %6.2f ms', $r->{p50}, $r->{p99} if $r->{p99};
    printf '  CPU µs each: nginx %.1f, PostgreSQL %.1f, client %.1f'
        . '; others %.0f %% of a core', $r->{nginx} * $per, $r->{pg} * $per,
        ($r->{client} + $r->{provider}) * $per, $r->{others} * 100
        if defined $r->{others};
    print "\n";
}


# ── the table ───────────────────────────────────────────────────────────────

sub comma {
    my $n = sprintf '%.0f', shift;

    1 while $n =~ s/^(-?\d+)(\d{3})/$1,$2/;

    return $n;
}

# figure, Herald's value, the peer's name and value, what must be reached:
# at_least, at_most => n (absolute) or ratio, ratio_most => r (to the peer's)
sub row {
    my (%r) = @_;
    my $ratio = $r{limit} ? $r{value} / $r{limit} : undef;
    my $show = $r{show} // \&comma;
    my ($ok, $must) = defined $r{ratio}
        ? (($ratio // 0) >= $r{ratio}, sprintf '>= %.2f x', $r{ratio})
        : defined $r{ratio_most}
        ? (($ratio // 9e9) <= $r{ratio_most},
           sprintf '<= %.2f x', $r{ratio_most})
        : defined $r{at_most}
        ? ($r{value} <= $r{at_most}, '<= ' . $show->($r{at_most}))
        : defined $r{at_least}
        ? ($r{value} >= $r{at_least}, '>= ' . $show->($r{at_least}))
        : (undef, '');
    my $row = [ $r{figure}, $show->($r{value}), $r{against} // '',
        $r{limit} ? $show->($r{limit}) : '',
        defined $ratio ? sprintf('%.2f', $ratio) : '', $must,
        defined $ok ? $ok ? 'ok' : 'MISS' : '' ];

    push @rows, $row;

    print "* $row->[0]: $row->[1]", $row->[2] ? ", $row->[2] $row->[3]" : '',
        $row->[4] ? ", ratio $row->[4]" : '',
        $must ? ", must $must: $row->[6]" : '', "\n";
}

# shows a figure with so many digits after the point
sub digits {
    my ($n) = @_;

    return sub { sprintf "%.${n}f", shift };
}

sub memory {
    my ($t, $when) = @_;

    for my $p ((map { [ 'worker', $_, 40 ] } $t->worker_pids),
               [ 'helper', $t->helper_pid, 20 ])
    {
        my ($what, $pid, $most) = @$p;
        next if !$pid;
        my $text = Herald::Test::slurp("/proc/$pid/smaps_rollup");
        my ($pss) = $text =~ /^Pss:\s+(\d+)/m;
        my ($rss) = $text =~ /^Rss:\s+(\d+)/m;

        row(figure => "RSS of a $what, MB, $when", value => $rss / 1024,
            at_most => $most, against => sprintf('PSS %.1f', $pss / 1024),
            show => digits(1));
    }
}

sub table {
    my @all = ([ 'figure', 'Herald', 'beside it, same run', '', 'ratio', 'must',
                 '' ], @rows);
    my @width;

    for my $r (@all) {
        for my $i (0 .. $#$r) {
            my $n = length $r->[$i];
            $width[$i] = $n if $n > ($width[$i] // 0);
        }
    }

    print "\n";

    for my $r (@all) {
        my $line = join '  ', map {
            sprintf $_ == 0 || $_ == 2 || $_ > 4 ? "%-$width[$_]s"
                    : "%$width[$_]s", $r->[$_]
        } 0 .. $#$r;

        $line =~ s/\s+$//;
        print "$line\n";
    }

    printf "%d of %d runs had others beside them that took more than %.0f %% "
        . "of a core\n", $disturbed, $told, $most_others * 100 if $told;
}

1;
