package Herald::Test::Nginx;

# nginx of one test: configuration, start, reload, stop, its processes, its log.

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $nginx = $ENV{NGINX} // (-x '/usr/sbin/nginx' ? '/usr/sbin/nginx' : 'nginx');


# a port that was free a moment ago; `start` tries another one when it is not any more
sub free_port {
    my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
                                  Listen => 1, ReuseAddr => 1)
        or die "no free port: $!\n";

    return $s->sockport;
}

sub default_conf {
    return <<'CONF';
daemon off;
%%USER%%
worker_processes %%WORKERS%%;
worker_shutdown_timeout 20s;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
load_module %%BUILD%%/ngx_http_herald_module.so;
load_module %%BUILD%%/ngx_http_herald_sandbox_module.so;
%%MAIN%%

events {
    worker_connections 1024;
}

http {
    %%TEMP%%
    access_log %%DIR%%/access.log;
    client_max_body_size 100m;
    herald_zone %%ZONE%%;
    herald_postgres "host=%%DIR%%/s user=herald_app dbname=herald";
    herald_secret_file %%DIR%%/secret.key;
    herald_media %%DIR%%/media;
    herald_egress_allow 127.0.0.0/8;
    herald_sandbox_ledger %%DIR%%/ledger/sandbox.jsonl;
    %%HTTP%%

    server {
        listen 127.0.0.1:%%PORT%%;
        %%SERVER%%

        location /api/ { herald_api; }
        location = /api/v1/events { herald_events; }
        location /hooks/ { herald_ingress; client_max_body_size 4m; }
        location /l/ { herald_links; }
        location /media/ { herald_links; }
        location /calendar/ { herald_links; }
        location /sandbox/ { herald_sandbox; }
        location = /healthz { return 200 "ok\n"; }
        location = /readyz { herald_metrics ready; }
        location = /metrics { herald_metrics; }
        location / {
            root %%DIR%%/html;
            try_files $uri /index.html;
            types { text/html html; text/css css; text/javascript js;
                    font/woff2 woff2; image/svg+xml svg; }
        }
    }
}
CONF
}

# %%NAMES%% in a configuration; nginx's own temporary folders under %%TEMP%%
sub expand {
    my ($self, $conf) = @_;
    my $temp = join "\n    ", map { "${_}_temp_path $self->{dir}/tmp/$_;" }
        qw(client_body proxy fastcgi uwsgi scgi);
    my %v = (
        DIR => $self->{dir}, BUILD => $self->{build}, REPO => $self->{repo},
        PORT => $self->{port}, WORKERS => $self->{workers},
        ZONE => $self->{zone}, MAIN => $self->{main}, HTTP => $self->{http},
        SERVER => $self->{server}, TEMP => $temp,
        USER => $> == 0 ? 'user www-data;' : '',
    );

    # twice: the test's own lines may hold names too
    for (1, 2) {
        $conf =~ s/%%([A-Z]+)%%/$v{$1} \/\/ die "no %%$1%%\n"/ge;
    }

    return $conf;
}

sub write_conf {
    my ($self) = @_;

    # a copy: a checkout below /root cannot be read by nginx's user
    if (!-d "$self->{dir}/html" && -d "$self->{repo}/html/dist") {
        system('cp', '-R', "$self->{repo}/html/dist", "$self->{dir}/html");
        system('chmod', '-R', 'a+rX', "$self->{dir}/html");
    }

    for my $d (qw(tmp ledger)) {
        mkdir "$self->{dir}/$d";
        chown +(getpwnam 'www-data')[2, 3], "$self->{dir}/$d" if $> == 0;
    }

    if (!-e "$self->{dir}/secret.key") {
        Herald::Test::spew("$self->{dir}/secret.key", '5eed' x 16 . "\n");
        chmod 0600, "$self->{dir}/secret.key";
    }

    Herald::Test::spew("$self->{dir}/nginx.conf",
                       $self->expand($self->{conf} // default_conf()));
}

sub nginx_command {
    my ($self, @more) = @_;

    return ($nginx, '-p', "$self->{dir}/", '-c', "$self->{dir}/nginx.conf",
            '-e', "$self->{dir}/error.log", @more);
}

sub asan_env {
    return if !$ENV{HERALD_ASAN};

    my $lib = `gcc -print-file-name=libasan.so`;
    chomp $lib;
    $ENV{LD_PRELOAD} = $lib;
    $ENV{ASAN_OPTIONS} = 'detect_leaks=0:detect_odr_violation=0:'
        . 'abort_on_error=0:exitcode=99';
}

# `nginx -t`: (exit code, what it said)
sub nginx_test {
    my ($self, $conf) = @_;

    $self->{port} //= free_port();
    local $self->{conf} = $conf if defined $conf;
    $self->write_conf;

    my $pid = open(my $out, '-|') // die "fork: $!\n";

    if ($pid == 0) {
        asan_env();
        open STDERR, '>&', \*STDOUT;
        exec $self->nginx_command('-t') or POSIX::_exit(127);
    }

    local $/;
    my $said = <$out> // '';
    close $out;

    return ($? >> 8, $said);
}

# starts nginx and waits until it answers, and until its database does
sub start {
    my ($self, %o) = @_;

    for my $try (1 .. 5) {
        $self->{port} = free_port() if !$self->{port} || $try > 1;
        $self->write_conf;
        $self->spawn;

        my $up = Herald::Test::wait_until(sub {
            return -1 if waitpid($self->{master}, POSIX::WNOHANG()) != 0;
            return -e "$self->{dir}/nginx.pid" && $self->connects;
        }, 20);

        if ($up == 1) {
            $self->ready if $self->{pg_up} && ($o{ready} // 1);
            return 1;
        }

        $self->{master} = 0 if $up == -1;

        last if Herald::Test::slurp("$self->{dir}/nginx.err")
            !~ /Address already in use/;
    }

    diag(Herald::Test::slurp("$self->{dir}/nginx.err"));
    die "nginx does not start\n";
}

sub spawn {
    my ($self) = @_;

    unlink "$self->{dir}/nginx.pid";

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        # its session is how its processes are found again
        POSIX::setsid();
        asan_env();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$self->{dir}/nginx.err";
        open STDERR, '>&', \*STDOUT;
        exec $self->nginx_command or POSIX::_exit(127);
    }

    $self->{master} = $pid;
    push @{ $self->{masters} }, $pid;
}

sub connects {
    my ($self) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $self->{port}, Timeout => 2)
        ? 1 : 0;
}

# every worker has its connections to PostgreSQL; `readyz` speaks for one of them
sub ready {
    my ($self) = @_;

    return 1 if Herald::Test::slurp("$self->{dir}/nginx.conf") !~ m{/readyz};

    Herald::Test::wait_until(sub {
        $self->get('/readyz')->{status} == 200
    }, 20, 'readyz') or die "nginx does not reach its database\n";
}

sub signal {
    my ($self, $name) = @_;

    return kill $name, $self->{master};
}

# a new configuration or the same; waits until the old workers have ended
sub reload {
    my ($self, %o) = @_;
    my %old = map { $_ => 1 } $self->worker_pids;

    $self->write_conf if $self->{port};
    $self->signal('HUP');

    return Herald::Test::wait_until(sub {
        my @now = $self->worker_pids;
        return @now && !grep { $old{$_} } @now;
    }, $o{limit} // 30, 'the end of the old workers');
}

# graceful by default; true when every process has ended in time
sub stop {
    my ($self, %o) = @_;
    my $pid = $self->{master} or return 1;
    my $limit = $o{limit} // 30;

    kill $o{signal} // 'QUIT', $pid;

    my $ended = Herald::Test::wait_until(sub {
        waitpid($pid, POSIX::WNOHANG()) != 0
    }, $limit, 'the end of nginx');

    if (!$ended) {
        kill 'KILL', $self->processes;
        waitpid $pid, 0;
    }

    $self->{master} = 0;

    return $ended;
}

# ── processes ───────────────────────────────────────────────────────────────

# pid => title of all whose session is one of our masters'
sub session {
    my ($self) = @_;
    my %ours = map { $_ => 1 } @{ $self->{masters} };
    my %found;

    for my $stat (glob '/proc/[0-9]*/stat') {
        my $text = Herald::Test::slurp($stat) or next;
        my ($pid, $rest) = $text =~ /^(\d+) \(.*\) (.*)$/s or next;
        my ($state, undef, undef, $session) = split ' ', $rest;

        next if $state eq 'Z' || !$ours{$session};
        my $title = Herald::Test::slurp("/proc/$pid/cmdline");
        $title =~ s/[\0 ]+$//;
        $title =~ tr/\0/ /;
        $found{$pid} = $title;
    }

    return %found;
}

sub processes {
    my ($self) = @_;
    my %p = $self->session;

    my @pids = sort { $a <=> $b } keys %p;

    return @pids;
}

sub worker_pids {
    my ($self) = @_;
    my %p = $self->session;

    my @pids = sort { $a <=> $b } grep { $p{$_} =~ /worker process/ } keys %p;

    return @pids;
}

# the scheduler: nginx's cache manager slot, under our title
sub helper_pid {
    my ($self) = @_;
    my %p = $self->session;

    return (sort { $b <=> $a } grep {
        $p{$_} =~ /scheduler|cache manager/ } keys %p)[0];
}

# kills and announces it: nginx's own [alert] about this pid is then no finding
sub kill_process {
    my ($self, $pid, $signal) = @_;

    $self->expect_kill($pid);
    return kill $signal // 'KILL', $pid;
}

sub expect_kill {
    my ($self, @pids) = @_;

    $self->{expected}{$_} = 1 for @pids;
}

sub left_processes {
    my ($self) = @_;
    my %left;

    Herald::Test::wait_until(sub {
        %left = $self->session;

        for my $pid (keys %{ $self->{pids} }) {
            my $exe = readlink "/proc/$pid/exe";
            $left{$pid} = $self->{pids}{$pid}
                if defined $exe && $exe =~ /postgres/
                   && (readlink("/proc/$pid/cwd") // '') =~ /^\Q$self->{dir}\E/;
        }

        return !%left;
    }, 5);

    return sort { $a <=> $b } keys %left;
}

# ── the log ─────────────────────────────────────────────────────────────────

sub error_log {
    my ($self) = @_;

    return Herald::Test::slurp("$self->{dir}/error.log");
}

# lines of the log that match
sub logged {
    my ($self, $pattern) = @_;

    return grep { /$pattern/ } split /^/, $self->error_log;
}

# a line that a test provokes on purpose
sub expect_log {
    my ($self, $pattern) = @_;

    push @{ $self->{expected_log} }, $pattern;
}

# what must not be in the log of a healthy run
sub alarming {
    my ($self) = @_;
    my @lines = split /^/, $self->error_log
        . Herald::Test::slurp("$self->{dir}/nginx.err");
    my @bad;

    for my $line (@lines) {
        next if $line !~ /\[(?:alert|emerg)\]|Sanitizer|runtime error:
                          |exited on signal|signal 11|double free|malloc\(\)/x;

        # "worker process 123 exited on signal 9"
        next if $line =~ /process (\d+) exited on signal (?:9|15|6|11)\b/
                && $self->{expected}{$1};

        next if grep { $line =~ $_ } @{ $self->{expected_log} // [] };
        push @bad, $line;
    }

    return @bad;
}

1;
