package Herald::Test::Mock;

# A provider's own API description as a server: prism answers what the description
# allows, and 422 with what is wrong to all else.  It is found by HERALD_PRISM (the
# program), in build/prism, var/prism or in the path; where it is not, npm puts it into
# build/prism, once, and without npm or what it needs a test says so and is skipped.

use strict;
use warnings;

use Fcntl qw(LOCK_EX);
use File::Copy qw(copy);
use Herald::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $n = 0;


sub find {
    my @places = ($ENV{HERALD_PRISM} // (),
                  map({ repo() . "/$_/prism/node_modules/.bin/prism" } qw(build var)),
                  map { "$_/prism" } split /:/, $ENV{PATH});
    my ($found) = grep { defined && -x } @places;

    return $found;
}

my $version = '5.16.0';

# several tests may begin at once: one of them installs
sub install {
    my $dir = repo() . '/build/prism';

    return if system('command -v npm >/dev/null 2>&1');
    mkdir $dir;
    open my $lock, '>', "$dir/lock" or return;
    flock $lock, LOCK_EX;
    return if find();

    diag("prism $version is installed by npm into build/prism");
    system("cd '$dir' && npm install --no-audit --no-fund --silent --prefix . "
           . "'\@stoplight/prism-cli\@$version' >npm.log 2>&1");
}

my $program;

sub program {
    $program //= find();

    if (!defined $program) {
        install();
        $program = find() // '';
    }

    return $program;
}

# The description's path below the fixtures; skips the whole test where it or prism is
# not to be had.
sub spec {
    my ($class, $name) = @_;
    my $root = fixtures();

    plan(skip_all => 'fixtures folder not found') if !defined $root;
    plan(skip_all => 'prism was not found (HERALD_PRISM, build/prism), and npm could not install it') if !program();
    return "$root/$name";
}

# in a folder of the test's: prism dies when its file changes
sub new {
    my ($class, $t, $spec) = @_;
    my $self = bless { dir => $t->{dir}, port => Herald::Test::Nginx::free_port(),
                       pid => 0, log => "$t->{dir}/mock-" . ++$n . '.log' }, $class;
    my $copy = "$t->{dir}/mock-$n" . ($spec =~ /(\.\w+)$/)[0];

    copy($spec, $copy) or die "$spec: $!\n";

    $self->{pid} = fork // die "fork: $!\n";

    if (!$self->{pid}) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $self->{log};
        open STDERR, '>&', \*STDOUT;
        exec program(), 'mock', '-h', '127.0.0.1', '-p', $self->{port}, $copy;
        exit 127;
    }

    wait_until { Herald::Test::slurp($self->{log}) =~ /is listening/ } 120,
        'prism listens';

    return $self;
}

sub url {
    my ($self, $path) = @_;

    return "http://127.0.0.1:$self->{port}" . ($path // '');
}

# "POST /api/sendText" of what was asked, and what was wrong with it
sub requests {
    my ($self) = @_;
    my $log = Herald::Test::slurp($self->{log});

    $log =~ s/\e\[[0-9;]*m//g;
    return map { { method => uc $_->[0], path => $_->[1] } }
           map { /Request received.*?|\[HTTP SERVER\] (\w+) (\S+).*Request received/
                 ? (defined $1 ? [$1, $2] : ()) : () } split /\n/, $log;
}

sub violations {
    my ($self) = @_;
    my $log = Herald::Test::slurp($self->{log});

    $log =~ s/\e\[[0-9;]*m//g;
    return grep { /Violation: request|did not pass|did not find|NO_PATH_MATCHED|Route not resolved/i }
           split /\n/, $log;
}

sub stop {
    my ($self) = @_;

    return if !$self->{pid};
    kill 'TERM', $self->{pid};
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
}

sub DESTROY {
    my ($self) = @_;

    local ($?, $!);
    $self->stop;
}

1;
