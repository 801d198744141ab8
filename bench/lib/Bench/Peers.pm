package Bench::Peers;

# What Herald is measured beside: the programs of bench/peers, whose packages
# npm installs once into build/bench, and a Redis of our own.  Everything that
# is started here ends with us.

use strict;
use warnings;

use Cwd ();
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use JSON::PP;
use POSIX ();

use Herald::Test;

my $here = Cwd::abs_path(dirname(__FILE__) . '/../../peers');
my $main = $$;
my (%running, $ready);


# node_modules by the lock file; `npm ci` would insist on the builds that some
# packages have for other systems
sub install {
    return if $ready;

    my $dir = Herald::Test::repo() . '/build/bench';
    my $mark = "$dir/installed";
    my $want = sha256_hex(map { Herald::Test::slurp("$here/$_") }
                          qw(package.json package-lock.json));

    make_path($dir);

    if (Herald::Test::slurp($mark) ne $want) {
        print "installing the peers' packages (npm install)\n";
        system("cp $here/package.json $here/package-lock.json $here/.npmrc "
               . "$dir && cd $dir && npm install --loglevel=error") == 0
            or die "npm install failed, see above; it needs the network once\n";
        Herald::Test::spew($mark, $want);
    }

    $ENV{NODE_PATH} = "$dir/node_modules";
    $ENV{NODE_ENV} = 'production';

    my $version = `node --version`;
    chomp $version;
    print "peers on node $version\n";
    $ready = 1;
}

# an answer of JSON from a program that ends by itself
sub ask {
    my ($env, $script, @args) = @_;

    install();

    my $pid = open(my $out, '-|') // die "fork: $!\n";

    if ($pid == 0) {
        $ENV{$_} = $env->{$_} for keys %$env;
        exec 'node', "$here/$script", @args or POSIX::_exit(127);
    }

    $running{$pid} = 1;
    my $text = do { local $/; <$out> } // '';
    my $ended = close $out;
    delete $running{$pid};
    die "$script @args failed: $text\n" if !$ended;

    return JSON::PP->new->decode($text);
}

# one that runs until it is stopped: its pid, and its CPU time is the client's
sub start {
    my ($env, @command) = @_;

    install();

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $ENV{$_} = $env->{$_} for keys %$env;
        $command[0] = "$here/$command[0]";
        exec 'node', @command or POSIX::_exit(127);
    }

    $running{$pid} = 1;
    return $pid;
}

sub stop {
    for my $pid (@_) {
        kill 'TERM', $pid;

        my $ended = Herald::Test::wait_until(sub {
            waitpid($pid, POSIX::WNOHANG()) != 0 }, 10);

        if (!$ended) {
            kill 'KILL', $pid;
            waitpid $pid, 0;
        }

        delete $running{$pid};
    }
}

# them and their children, for the CPU's sums
sub pids {
    my %all = %running or return;
    my %parent;

    for my $path (glob '/proc/[0-9]*/stat') {
        my ($pid, $parent) = Herald::Test::slurp($path)
            =~ /^(\d+) \(.*\) \S (\d+)/s or next;
        $parent{$pid} = $parent;
    }

    for (1 .. 3) {
        $all{$_} = 1 for grep { $all{ $parent{$_} } } keys %parent;
    }

    return keys %all;
}

# durable as far as Redis goes: every write to its file, fsync each second
sub redis {
    my ($t) = @_;
    my $dir = "$t->{dir}/redis";
    my $port = Herald::Test::Nginx::free_port();

    make_path($dir);

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        exec 'redis-server', '--port', $port, '--bind', '127.0.0.1',
            '--dir', $dir, '--appendonly', 'yes', '--appendfsync', 'everysec',
            '--save', '', '--maxmemory-policy', 'noeviction',
            '--daemonize', 'no', '--logfile', "$dir/log"
            or POSIX::_exit(127);
    }

    $running{$pid} = 1;

    Herald::Test::wait_until(sub {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
    }, 10, 'redis') or die "redis-server does not start\n";

    return { pid => $pid, port => $port };
}

# a database of the same cluster, so with the same settings
sub postgres_url {
    my ($t, $database) = @_;

    $t->sql("CREATE DATABASE $database")
        if !$t->sql("SELECT 1 FROM pg_database WHERE datname = '$database'");

    return "postgres:///$database?host=$t->{dir}/s&user=postgres";
}

END {
    if ($$ == $main && %running) {
        my $rc = $?;

        kill 'KILL', keys %running;
        waitpid $_, 0 for keys %running;
        $? = $rc;
    }
}

1;
