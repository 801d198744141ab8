package Herald::Test::Cluster;

# A PostgreSQL cluster for one test.  initdb and the migrations run once for all tests
# (build/pg-template-<hash of what it depends on>); each test copies the result.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Fcntl qw(:flock);
use Test::More;

my %role = (owner => 'herald', app => 'herald_app', super => 'postgres');


sub cluster_tool {
    my ($self, @args) = @_;
    my $log = "$self->{dir}/cluster.out";

    return 1 if system("$self->{repo}/tools/cluster.sh " . join(' ', @args)
                       . " > $log 2>&1 < /dev/null") == 0;

    diag(Herald::Test::slurp($log));
    return 0;
}

# all that decides what the template looks like
sub template_dir {
    my ($self) = @_;
    my $all = `$self->{repo}/tools/cluster.sh bin` . $>;

    for my $f ("$self->{repo}/tools/cluster.sh",
               sort glob "$self->{repo}/migrations/*.sql")
    {
        $all .= Herald::Test::slurp($f);
    }

    return "$self->{build}/pg-template-" . substr sha256_hex($all), 0, 16;
}

sub template_make {
    my ($self, $template) = @_;
    my $work = "$self->{dir}/template";

    $ENV{INITDB_OPTIONS} = '--no-sync';
    $self->cluster_tool('make', $work, "$self->{dir}/s", "$self->{dir}/pg.log")
        or die "the cluster could not be made\n";
    delete $ENV{INITDB_OPTIONS};

    my $out = `$self->{build}/herald migrate --db "host=$self->{dir}/s user=herald dbname=herald" --migrations $self->{repo}/migrations 2>&1`;
    die "herald migrate failed: $out\n" if $?;

    $self->cluster_tool('stop', $work) or die "the cluster does not stop\n";

    # older templates are of no use any more
    system("rm -rf $self->{build}/pg-template-*.new; "
           . "for d in $self->{build}/pg-template-*/; do rm -rf \"\$d\"; done; "
           . "mv $work $template.new && mv $template.new $template") == 0
        or die "the template could not be kept\n";
}

sub cluster_make {
    my ($self) = @_;
    my $template = $self->template_dir;

    open my $lock, '>', "$self->{build}/pg-template.lock"
        or die "cannot write to $self->{build}: $!\n";
    flock $lock, LOCK_EX;
    $self->template_make($template) if !-d $template;
    system("cp -a --reflink=auto $template $self->{dir}/pg") == 0
        or die "the template could not be copied\n";
    close $lock;
}

sub cluster_start {
    my ($self) = @_;

    $self->cluster_tool('start', "$self->{dir}/pg", "$self->{dir}/s",
                        "$self->{dir}/pg.log")
        or die "the cluster does not start\n";
    $self->{pg_up} = 1;
    $self->{pids}{ $self->postmaster } = 'postmaster';
}

sub cluster_stop {
    my ($self, $mode) = @_;

    return 1 if !$self->{pg_up};

    $self->{pg_up} = 0;

    # immediate is a crash: no checkpoint, recovery at the next start
    if (($mode // '') eq 'immediate') {
        my $pid = $self->postmaster;
        kill 'QUIT', $pid;
        return Herald::Test::wait_until(sub { !readlink "/proc/$pid/exe" }, 30,
                                        'the end of PostgreSQL');
    }

    return $self->cluster_tool('stop', "$self->{dir}/pg");
}

sub postmaster {
    my ($self) = @_;
    my ($pid) = split /\n/, Herald::Test::slurp("$self->{dir}/pg/postmaster.pid");

    return $pid;
}

sub conninfo {
    my ($self, $who) = @_;

    return "host=$self->{dir}/s dbname=herald user="
        . $role{ $who // 'owner' };
}

# Output of SQL: one line for a row, "|" between columns.  Superuser by default, who sees
# every organisation; as => 'owner' or 'app' is bound by row-level security.
sub sql {
    my ($self, $sql, %o) = @_;

    $self->{bin} //= `$self->{repo}/tools/cluster.sh bin`;
    chomp $self->{bin};
    local $ENV{PGOPTIONS} = "-c client_min_messages=warning";

    open my $out, '-|', "$self->{bin}/psql", '-qXAt', '-v', 'ON_ERROR_STOP=1',
        '-d', $self->conninfo($o{as} // 'super'), '-c', $sql
        or die "cannot run psql: $!\n";
    my $text = do { local $/; <$out> } // "";

    close $out or $o{may_fail} or die "SQL failed: $sql\n";
    chomp $text;

    return $text;
}

# as if the contact had written to the number just now: free text may go to them
sub open_window {
    my ($self, $account, $contact) = @_;

    $self->sql(qq{INSERT INTO conversations (org_id, account_id, contact_id,
            last_inbound_at, last_message_at)
        SELECT org_id, '$account', id, now(), now() FROM contacts
         WHERE id = '$contact'
        ON CONFLICT (org_id, account_id, contact_id)
            DO UPDATE SET last_inbound_at = now()});
}

# the `herald` command: (exit code, stdout, stderr)
sub herald {
    my ($self, @args) = @_;
    my ($out, $err) = ("$self->{dir}/cli.out", "$self->{dir}/cli.err");
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $ENV{HERALD_DB} = $self->conninfo;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', $out;
        open STDERR, '>', $err;
        exec "$self->{build}/herald", @args or POSIX::_exit(127);
    }

    waitpid $pid, 0;

    return ($? >> 8, map { Herald::Test::slurp($_) } $out, $err);
}

1;
