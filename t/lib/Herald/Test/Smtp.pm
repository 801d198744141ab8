package Herald::Test::Smtp;

# A small mail server: takes e-mail on a free port, with AUTH PLAIN and LOGIN over a
# plain connection when it is asked to, and keeps what it took.
#
#     my $smtp = Herald::Test::Smtp->new;
#     $smtp->refuse('RCPT', 550, 1);        # the next RCPT is refused so
#     my @mail = $smtp->mail;               # { from, to, data, auth }
#     $smtp->stop;

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64;
use POSIX ();
use File::Temp qw(tempdir);

use Herald::Test ();

sub new {
    my ($class, %o) = @_;
    my $dir = tempdir('hdsmtpXXXXXX', DIR => '/tmp', CLEANUP => 1);
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Listen => 16, ReuseAddr => 1) or die "no port: $!\n";
    my $self = bless { dir => $dir, port => $socket->sockport, %o }, $class;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $SIG{TERM} = 'DEFAULT';
        eval { $self->serve($socket) };
        POSIX::_exit(0);
    }

    $self->{pid} = $pid;
    close $socket;

    return $self;
}

sub url { return "smtp://127.0.0.1:$_[0]{port}" }

# the next `times` of a command get this code
sub refuse {
    my ($self, $command, $code, $times) = @_;

    Herald::Test::spew("$self->{dir}/refuse.new", "$command $code $times\n");
    rename "$self->{dir}/refuse.new", "$self->{dir}/refuse";
}

sub mail {
    my ($self) = @_;

    return map { decode_json($_) } split /\n/,
        Herald::Test::slurp("$self->{dir}/mail.jsonl");
}

sub stop {
    my ($self) = @_;

    return if !$self->{pid};
    kill 'TERM', $self->{pid};
    waitpid($self->{pid}, 0);
    $self->{pid} = 0;
}

sub DESTROY {
    my ($self) = @_;

    local $?;
    $self->stop if $self->{pid} && $self->{pid} != $$;
}

# ── the child ───────────────────────────────────────────────────────────────

sub serve {
    my ($self, $socket) = @_;
    my $select = IO::Select->new($socket);
    my %c;

    while (1) {
        for my $s ($select->can_read) {
            if ($s == $socket) {
                my $new = $socket->accept or next;
                $new->autoflush(1);
                $select->add($new);
                $c{$new} = { in => '', to => [] };
                print {$new} "220 test ESMTP\r\n";
                next;
            }

            my $n = sysread $s, $c{$s}{in}, 65536, length $c{$s}{in};

            if (!$n || !$self->talk($s, $c{$s})) {
                $select->remove($s);
                delete $c{$s};
                close $s;
            }
        }
    }
}

sub refused {
    my ($self, $command) = @_;
    my ($what, $code, $times) =
        split ' ', Herald::Test::slurp("$self->{dir}/refuse");

    return 0 if !$what || $what ne $command || $times < 1;

    $self->refuse($what, $code, $times - 1);
    return $code;
}

# all lines that are there; 0: the end
sub talk {
    my ($self, $s, $c) = @_;

    while ($c->{in} =~ s/^([^\n]*)\r?\n//) {
        my $line = $1;
        $line =~ s/\r$//;

        if ($c->{data}) {
            if ($line ne '.') {
                $line =~ s/^\.//;
                $c->{text} .= "$line\r\n";
                next;
            }

            $c->{data} = 0;
            my $code = $self->refused('.');
            $self->keep($c) if !$code;
            print {$s} $code ? "$code refused\r\n" : "250 taken\r\n";
            next;
        }

        return 0 if !$self->command($s, $c, $line);
    }

    return 1;
}

sub command {
    my ($self, $s, $c, $line) = @_;
    my ($word, $rest) = $line =~ /^(\S*)\s*(.*)$/;
    $word = uc $word;

    if ($c->{login}) {
        push @{ $c->{login} }, decode_base64($line);

        if (@{ $c->{login} } == 1) {
            print {$s} "334 UGFzc3dvcmQ6\r\n";
        } else {
            $self->sign_in($s, $c, @{ delete $c->{login} });
        }
        return 1;
    }

    if (my $code = $self->refused($word)) {
        print {$s} "$code refused\r\n";
        return 1;
    }

    if ($word eq 'EHLO') {
        print {$s} "250-test\r\n",
            $self->{user} ? "250-AUTH PLAIN LOGIN\r\n" : (),
            "250 8BITMIME\r\n";
    } elsif ($word eq 'AUTH' && $rest =~ /^PLAIN (\S+)/i) {
        my (undef, $user, $password) = split /\0/, decode_base64($1), 3;
        $self->sign_in($s, $c, $user, $password);
    } elsif ($word eq 'AUTH' && $rest =~ /^LOGIN/i) {
        $c->{login} = [];
        print {$s} "334 VXNlcm5hbWU6\r\n";
    } elsif ($word eq 'MAIL') {
        ($c->{from}) = $rest =~ /<([^>]*)>/;
        $c->{to} = [];
        print {$s} "250 ok\r\n";
    } elsif ($word eq 'RCPT') {
        push @{ $c->{to} }, $rest =~ /<([^>]*)>/;
        print {$s} "250 ok\r\n";
    } elsif ($word eq 'DATA') {
        $c->{data} = 1;
        $c->{text} = '';
        print {$s} "354 go on\r\n";
    } elsif ($word eq 'QUIT') {
        print {$s} "221 bye\r\n";
        return 0;
    } else {
        print {$s} "250 ok\r\n";
    }

    return 1;
}

sub sign_in {
    my ($self, $s, $c, $user, $password) = @_;
    my $ok = $user eq ($self->{user} // '')
        && $password eq ($self->{password} // '');

    $c->{auth} = $user if $ok;
    print {$s} $ok ? "235 welcome\r\n" : "535 wrong\r\n";
}

sub keep {
    my ($self, $c) = @_;

    open my $f, '>>:raw', "$self->{dir}/mail.jsonl" or die;
    print {$f} encode_json({ from => $c->{from}, to => $c->{to}[0],
                             data => $c->{text}, auth => $c->{auth} }), "\n";
    close $f;
}

1;
