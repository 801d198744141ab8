package Herald::Test::ChaosDrive;

# Drivers: processes that do what customers and clients do while a fault goes
# on, at a steady pace, each with a ledger: a line for every answer.
#
#   inbound   webhooks as the provider sends them; what was not answered 200 is
#             sent again until it is, some that were are sent again as well
#   submit    single messages, each with a key of its own; what was not
#             answered is asked again with the same key
#   probe     GETs that must never wait
#
# A driver that is told to stop goes on until everything it began is answered.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use IO::Select;
use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->canonical;


# Options: inbound, submit => a second, probe => ms between (0: none);
# processes => of the inbound (one waits while PostgreSQL does).
sub drive {
    my ($self, %o) = @_;

    $o{inbound} //= 50;
    $o{submit} //= 5;

    my $n = $o{processes} // 2;

    $self->driver(inbound => \&driver_inbound, gap => $n / $o{inbound},
                  number => $_ - 1, of => $n, replay => $o{replay} // 0.2)
        for $o{inbound} ? 1 .. $n : ();
    $self->driver(submit => \&driver_submit, gap => 1 / $o{submit})
        if $o{submit};
    $self->driver(probe => \&driver_probe, gap => $o{probe} / 1000,
                  paths => $o{paths} // ['/healthz', '/index.html'])
        if $o{probe};
}

sub driver {
    my ($self, $kind, $run, %o) = @_;
    my $i = @{ $self->{drivers} };
    my %d = (kind => $kind, file => "$self->{t}{dir}/driver.$kind.$i.jsonl",
             id => $i);
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        my $stop = 0;

        local $SIG{TERM} = sub { $stop = 1 };
        srand($self->{seed} + 1000 + $i);
        open my $out, '>>', $d{file} or POSIX::_exit(1);

        eval {
            $run->($self, { %o, id => $i, stop => \$stop, note => sub {
                syswrite $out, $json->encode({ @_ }) . "\n";
            } });
            1;
        } or do {
            syswrite $out, $json->encode({ died => "$@" }) . "\n";
            POSIX::_exit(1);
        };

        POSIX::_exit(0);
    }

    $d{pid} = $pid;
    push @{ $self->{drivers} }, \%d;
}

# Told to stop and waited for; one that cannot finish in time is a failure.
sub drivers_stop {
    my ($self, $limit) = @_;
    my @alive = grep { $_->{pid} } @{ $self->{drivers} };
    my @late;

    kill 'TERM', map { $_->{pid} } @alive;

    for my $d (@alive) {
        my $ended = Herald::Test::wait_until(sub {
            waitpid($d->{pid}, POSIX::WNOHANG()) != 0
        }, $limit // 60);

        if (!$ended) {
            push @late, $d->{kind};
            kill 'KILL', $d->{pid};
            waitpid $d->{pid}, 0;
        }

        $d->{pid} = 0;
    }

    return @late;
}

# all lines of a kind of driver, oldest first
sub driven {
    my ($self, $kind) = @_;

    return sort { $a->{at} <=> $b->{at} }
        map { my $d = $_; map { { %{ $json->decode($_) }, driver => $d->{id} } }
              split /\n/, Herald::Test::slurp($d->{file}) }
        grep { $_->{kind} eq $kind } @{ $self->{drivers} };
}

# calls `one` each `gap` seconds until told to stop; late ones are made up for,
# but not in a burst
sub driver_pace {
    my ($o, $one) = @_;
    my $next = time;

    while (!${ $o->{stop} }) {
        my $now = time;

        if ($now < $next) {
            sleep($next - $now);
            next;
        }

        $next = $next + $o->{gap} < $now - 1 ? $now : $next + $o->{gap};
        $one->();
    }
}


# ── customers ───────────────────────────────────────────────────────────────

sub inbound_body {
    my ($account, $id, $from, $text) = @_;

    return $json->encode({ object => 'whatsapp_business_account',
        entry => [ { id => '1', changes => [ { field => 'messages',
            value => { messaging_product => 'whatsapp',
                metadata => { display_phone_number => '1',
                              phone_number_id => $account->{number_id} },
                contacts => [ { wa_id => $from,
                                profile => { name => "C $from" } } ],
                messages => [ { id => $id, from => $from,
                    timestamp => int(time) . '', type => 'text',
                    text => { body => $text } } ] } } ] } ] });
}

sub inbound_post {
    my ($self, $account, $body) = @_;

    return $self->{t}->request('POST', $account->{webhook_path},
        timeout => $self->{patience} // 10, content => $body, headers => {
            'content-type' => 'application/json',
            'x-hub-signature-256' => 'sha256='
                . hmac_sha256_hex($body, $account->{app_secret}) });
}

# Webhooks at once: all connections are open before the first byte is written, and
# all but the last byte of each, so that the last bytes come close together.
sub inbound_begin {
    my ($self, $account, @bodies) = @_;
    my @all = map { { socket => $self->{t}->raw, body => $_ } } @bodies;

    for my $s (@all) {
        my $sum = hmac_sha256_hex($s->{body}, $account->{app_secret});
        my $bytes = "POST $account->{webhook_path} HTTP/1.0\r\nHost: x\r\n"
            . 'Content-Length: ' . length($s->{body})
            . "\r\nX-Hub-Signature-256: sha256=$sum\r\n\r\n$s->{body}";

        $s->{last} = chop $bytes;
        syswrite $s->{socket}, $bytes;
    }

    syswrite $_->{socket}, $_->{last} for @all;

    return @all;
}

# what was answered: "200 x 50"
sub inbound_end {
    my ($self, @all) = @_;
    my %status;

    for my $s (@all) {
        my $got = '';

        while (IO::Select->new($s->{socket})->can_read(20)) {
            sysread($s->{socket}, $got, 4096, length $got) or last;
        }

        $status{ ($got =~ m{^HTTP/1\.\d (\d+)})[0] // 'none' }++;
    }

    return join ' ', map { "$_ x $status{$_}" } sort keys %status;
}

sub driver_inbound {
    my ($self, $o) = @_;
    my (@again, @answered);
    my $n = 0;

    my $post = sub {
        my ($m) = @_;
        my $account = $self->{accounts}[$m->{number}];
        my $began = time;
        my $r = $self->inbound_post($account, $m->{body});

        $o->{note}->(at => $began, took => time - $began, id => $m->{id},
                     number => $m->{number}, from => $m->{from},
                     status => $r->{status},
                     retry => $r->{headers}{'retry-after'},
                     $r->{status} == 200 ? ()
                         : (why => substr $r->{content} // '', 0, 80));

        if ($r->{status} == 200) {
            push @answered, $m if rand() < $o->{replay};
        } else {
            push @again, [time + 0.3 + rand(0.4), $m];
        }
    };

    my $retry = sub {
        while (@again && $again[0][0] <= time) {
            $post->((shift @again)->[1]);
        }
    };

    driver_pace($o, sub {
        my $number = int rand @{ $self->{accounts} };
        my $from = sprintf '25472%d%06d', $o->{id} % 10, 1 + int rand 40;
        my $id = sprintf 'wamid.CHAOS%d.%06d', $o->{id}, ++$n;

        $post->({ id => $id, number => $number, from => $from,
                  body => inbound_body($self->{accounts}[$number], $id, $from,
                                       "hello $id") });

        # the provider delivers again what it thinks was not taken
        $post->(splice @answered, int rand @answered, 1)
            if @answered > 1;

        $retry->();
    });

    while (@again) {
        $retry->();
        sleep 0.05;
    }
}


# ── clients ─────────────────────────────────────────────────────────────────

sub driver_submit {
    my ($self, $o) = @_;
    my @again;
    my $n = 0;

    my $post = sub {
        my ($m) = @_;
        my $began = time;
        my $r = $self->{t}->api('POST', '/messages', $m->{body},
            timeout => $self->{patience} // 10,
            headers => { 'idempotency-key' => $m->{key} });

        $o->{note}->(at => $began, took => time - $began, key => $m->{key},
                     number => $m->{number}, status => $r->{status},
                     id => $r->{json} && ref $r->{json} eq 'HASH'
                         ? $r->{json}{id} : undef,
                     type => $r->{headers}{'content-type'},
                     retry => $r->{headers}{'retry-after'},
                     $r->{status} =~ /^2/ ? ()
                         : (why => substr $r->{content} // '', 0, 400));

        $m->{began} //= $began;

        # "in flight" for so long: whose request it was is gone
        if ($r->{status} == 409 && time - $m->{began} > 25) {
            $o->{note}->(at => time, key => $m->{key}, status => 'stuck');
            return;
        }

        push @again, [time + 0.3 + rand(0.4), $m]
            if $r->{status} >= 500 || $r->{status} == 409;
    };

    my $retry = sub {
        while (@again && $again[0][0] <= time) {
            $post->((shift @again)->[1]);
        }
    };

    driver_pace($o, sub {
        my $number = int rand @{ $self->{accounts} };
        my $key = sprintf 'chaos-%d-%06d', $o->{id}, ++$n;

        $post->({ key => $key, number => $number, body => {
            account_id => $self->{accounts}[$number]{id},
            to => sprintf('+25473%07d', $n),
            template => { id => $self->{template}{order},
                          variables => { order => $key } } } });
        $retry->();
    });

    while (@again) {
        $retry->();
        sleep 0.05;
    }
}


# ── who must never wait ─────────────────────────────────────────────────────

sub driver_probe {
    my ($self, $o) = @_;

    driver_pace($o, sub {
        for my $path (@{ $o->{paths} }) {
            my $began = time;
            my $r = $self->{t}->get($path, timeout => 10);

            $o->{note}->(at => $began, took => time - $began, path => $path,
                         status => $r->{status});
        }
    });
}

1;
