package Herald::Test;

# Every test boots the real thing: a PostgreSQL cluster of its own (copied from a
# template that is made and migrated once) and nginx with both modules, in a short
# folder below the temporary one.  When it ends, error.log must hold no [alert], no
# [emerg] and no word of a sanitizer, and no process may be left.
#
#     use Herald::Test;
#     my $t = Herald::Test->new;                  # everything is up
#     my $o = $t->org;                            # organisation, owner, API key
#     my $r = $t->api('GET', '/contacts', undef, token => $o->{key});
#     is($r->{status}, 200);
#     $t->done;                                   # stops, checks, done_testing
#
# The rest of the parts are in Herald/Test/*.pm: Cluster, Nginx, Http, Sandbox.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(sleep time);

use parent -norequire, qw(Herald::Test::Cluster Herald::Test::Nginx
    Herald::Test::Http Herald::Test::Sandbox);
use Exporter qw(import);

use Herald::Test::Cluster;
use Herald::Test::Nginx;
use Herald::Test::Http;
use Herald::Test::Sandbox;

our @EXPORT = qw(wait_until slurp spew fixtures repo);

my $repo = abs_path(dirname(__FILE__) . '/../../..');
my @alive;
my $main = $$;


# Options: start => 0 leaves nginx to the test, postgres => 0 the database as well;
# main, http, server: lines for those blocks of nginx.conf; server may hold locations;
# conf => text: the whole of nginx.conf instead ($t->expand's %%NAMES%% in it);
# workers => n; zone => '32m'.
sub new {
    my ($class, %o) = @_;
    my $self = bless {
        workers => 2, zone => '32m', main => '', http => '', server => '',
        %o,
        repo => $repo,
        build => $ENV{HERALD_BUILD} // "$repo/build",
        expected => {}, masters => [], pids => {},
    }, $class;

    # short, because a unix socket's path has at most 107 bytes
    $self->{dir} = tempdir('hdtXXXXXX', DIR => '/tmp');
    chmod 0755, $self->{dir};
    push @alive, $self;

    if ($o{postgres} // 1) {
        $self->cluster_make;
        $self->cluster_start;
    }

    $self->start if $o{start} // ($o{postgres} // 1);

    return $self;
}

# stops everything and checks what it left; then done_testing
sub done {
    my ($self) = @_;

    $self->finish;
    done_testing();
}

# the checks alone, for a test with several instances
sub finish {
    my ($self) = @_;

    return if $self->{finished}++;

    my $stopped = $self->stop_all;

    ok($stopped, 'everything stopped when it was told to');

    my @bad = $self->alarming;
    is(scalar @bad, 0, 'no [alert], no [emerg], no sanitizer in the log')
        or diag(@bad > 20 ? (@bad[0 .. 19], "...\n") : @bad);

    my @left = $self->left_processes;
    is("@left", '', 'no process is left');
    kill 'KILL', @left if @left;

    @alive = grep { $_ != $self } @alive;
    $self->remove;
}

sub remove {
    my ($self) = @_;

    if ($ENV{HERALD_KEEP}) {
        diag("kept: $self->{dir}");
    } else {
        remove_tree($self->{dir}, { safe => 0 });
    }
}

sub stop_all {
    my ($self) = @_;
    my $ok = 1;

    $ok = 0 if !$self->stop;
    $ok = 0 if !$self->cluster_stop;

    return $ok;
}

# a test that died or forgot `done`: nothing is left behind, and it fails
END {
    my $rc = $?;

    if ($$ == $main) {
        for my $self (@alive) {
            my @bad = eval { $self->stop_all; $self->alarming };

            diag("the test ended before \$t->done");
            diag(@bad[0 .. ($#bad > 19 ? 19 : $#bad)]) if @bad;
            kill 'KILL', $self->left_processes;
            $self->remove;
            $rc ||= 1;
        }
    }

    $? = $rc;
}


# ── what every test needs ───────────────────────────────────────────────────

# asks until it is true; returns what it was, or 0 after `limit` seconds
sub wait_until(&;$$) {
    my ($sub, $limit, $what) = @_;
    my $until = time + ($limit // 10);
    my $pause = 0.005;
    my $got;

    while (1) {
        $got = $sub->();
        return $got if $got;
        last if time > $until;
        sleep $pause;
        $pause = $pause < 0.1 ? $pause * 1.5 : 0.1;
    }

    diag("not within " . ($limit // 10) . " s: $what") if defined $what;

    return 0;
}

sub slurp {
    my ($path) = @_;

    open my $f, '<:raw', $path or return '';
    local $/;
    return scalar <$f> // '';
}

sub spew {
    my ($path, $text) = @_;

    open my $f, '>:raw', $path or die "cannot write $path: $!\n";
    print {$f} $text;
    close $f or die "cannot write $path: $!\n";
}

sub repo {
    return $repo;
}

# the folder of fixtures, undef (and a clear line) when it is not there
sub fixtures {
    my $dir = $ENV{HERALD_FIXTURES} // "$repo/../shared/fixtures";

    return $dir if -d $dir;

    diag('the fixtures folder is not there, those cases are left out');
    return undef;
}

1;
