package Herald::Test::ChaosProvider;

# A provider that misbehaves, told by the path of a number's base_url:
#
#   /ok  /hang  /slow/S  /trickle  /close
#   /http/CODE/K      CODE with a page of HTML at the first K tries of a message
#   /burst/CODE/S     CODE with a page of HTML for S seconds from the first request
#   /error/CODE/K     the API's error CODE at the first K tries
#   /after/S          429 and Retry-After: S at the first try of each
#   /badjson  /empty  /huge      200, and then something else than an answer
#
# It posts no webhooks.  Its ledger has a line for every request that it read.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(sleep time clock_gettime CLOCK_MONOTONIC);

my $json = JSON::PP->new->utf8->canonical;


sub new {
    my ($class, $dir) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Listen => 1024, ReuseAddr => 1) or die "provider: $!\n";
    my $self = bless { port => $listen->sockport, file => "$dir/crooked.jsonl" }, $class;

    $self->{pid} = fork // die "fork: $!\n";

    if ($self->{pid} == 0) {
        $SIG{PIPE} = 'IGNORE';
        eval { $self->serve($listen) };
        POSIX::_exit(0);
    }

    return $self;
}

sub url {
    my ($self, $mode) = @_;

    return "http://127.0.0.1:$self->{port}/$mode";
}

sub stop {
    my ($self) = @_;

    return if !$self->{pid};
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
}

# {at, mode, reference, to, try, said}, oldest first
sub ledger {
    my ($self, $mode) = @_;

    return grep { !defined $mode || $_->{mode} eq $mode }
        map { $json->decode($_) } split /\n/, Herald::Test::slurp($self->{file});
}


# ── the server ──────────────────────────────────────────────────────────────

sub serve {
    my ($self, $listen) = @_;
    my $select = IO::Select->new($listen);
    my (%in, %out, @later);

    open my $ledger, '>>', $self->{file} or die;
    $self->{note} = sub { syswrite $ledger, $json->encode($_[0]) . "\n" };
    $listen->blocking(0);

    while (1) {
        my $write = IO::Select->new(map { $_->{socket} } values %out);

        my ($readable, $writable) = IO::Select->select($select, $write, undef,
                                                       @later ? 0.02 : 0.5);
        my $now = time;

        # what waited
        @later = grep {
            my ($at, $s, $bytes) = @$_;
            $at <= $now ? do { $out{$s} = { socket => $s, bytes => $bytes }
                                   if exists $in{$s}; 0 } : 1
        } @later;

        for my $s (@{ $writable // [] }) {
            my $o = $out{$s} or next;
            my $n = syswrite $s, $o->{bytes}, 65536;

            if (!defined $n) {
                $select->remove($s);
                delete $in{$s};
                delete $out{$s};
                close $s;
                next;
            }

            substr($o->{bytes}, 0, $n) = '';

            # a hundred megabytes are not kept in memory
            if ($o->{bytes} eq '' && ($o->{junk} // 0) > 0) {
                $o->{bytes} = 'x' x 65536;
                $o->{junk} -= 65536;
            }

            delete $out{$s} if $o->{bytes} eq '';
        }

        for my $s (@{ $readable // [] }) {
            if ($s == $listen) {
                while (my $new = $listen->accept) {
                    $new->blocking(0);
                    $select->add($new);
                    $in{$new} = '';
                }
                next;
            }

            next if !exists $in{$s};

            my $n = sysread $s, $in{$s}, 65536, length $in{$s};

            if (!$n) {
                $select->remove($s);
                delete $in{$s};
                delete $out{$s};
                close $s;
                next;
            }

            while ($in{$s} =~ /^(POST|GET) (\S+) .*?\r\n\r\n/s) {
                my $path = $2;
                my $head = $&;
                my ($len) = $head =~ /^content-length: (\d+)/mi;
                $len //= 0;
                last if length($in{$s}) < length($head) + $len;

                my $body = substr $in{$s}, length $head, $len;
                $in{$s} = substr $in{$s}, length($head) + $len;

                my %a = $self->answer($path, $body);

                if ($a{close}) {
                    $select->remove($s);
                    delete $in{$s};
                    close $s;
                    last;
                }

                next if !defined $a{bytes};

                if ($a{drip}) {
                    my $at = time;
                    push @later, [$at += 1, $s, $_] for split //, $a{bytes};
                } elsif ($a{wait}) {
                    push @later, [time + $a{wait}, $s, $a{bytes}];
                } else {
                    $out{$s} = { socket => $s, bytes => $a{bytes}, junk => $a{junk} };
                }
            }
        }
    }
}

sub reply {
    my ($status, $type, $body, @headers) = @_;

    return join "\r\n", "HTTP/1.1 $status X", "Content-Type: $type",
        'Content-Length: ' . length $body, @headers, '', $body;
}

sub answer {
    my ($self, $path, $body) = @_;
    my ($mode) = $path =~ m{^/(.*?)/v[\d.]+/};
    my $m = eval { $json->decode($body) } // {};
    my $reference = $m->{biz_opaque_callback_data} // '';
    my $try = ++$self->{tries}{"$mode $reference"};
    my %a = $self->decide($mode // '', $m, $try);

    $self->{note}->({ at => time, mono => clock_gettime(CLOCK_MONOTONIC),
        mode => $mode, reference => $reference, to => $m->{to}, try => $try,
        said => $a{said} });

    return %a;
}

sub decide {
    my ($self, $mode, $m, $try) = @_;
    my $ok = reply(200, 'application/json', $json->encode({
        messaging_product => 'whatsapp',
        contacts => [ { input => $m->{to}, wa_id => $m->{to} } ],
        messages => [ { id => 'wamid.CROOKED' . ++$self->{n} } ] }));
    my ($kind, $one, $two) = split m{/}, $mode;

    return (said => 'taken', bytes => $ok) if $kind eq 'ok';
    return (said => 'nothing') if $kind eq 'hang';
    return (said => 'closed', close => 1) if $kind eq 'close';
    return (said => 'slow', bytes => $ok, wait => $one) if $kind eq 'slow';
    return (said => 'trickle', bytes => $ok, drip => 1) if $kind eq 'trickle';

    $self->{first}{$mode} //= time;

    if ($kind eq 'http' && $try <= $two
        || $kind eq 'burst' && time - $self->{first}{$mode} < $two)
    {
        return (said => $one, bytes => reply($one, 'text/html',
            "<html><body><h1>$one</h1></body></html>"));
    }

    if ($kind eq 'error' && $try <= $two) {
        return (said => $one, bytes => reply($one =~ /^(?:130429|131056)$/ ? 429 : 400,
            'application/json', $json->encode({ error => { message => 'no',
                type => 'OAuthException', code => $one + 0 } })));
    }

    if ($kind eq 'after' && $try == 1) {
        return (said => 429, bytes => reply(429, 'text/plain', 'slow down',
                                            "Retry-After: $one"));
    }

    return (said => 'badjson', bytes => reply(200, 'application/json',
        '{"messages":[{"id":')) if $kind eq 'badjson';
    return (said => 'empty', bytes => reply(200, 'application/json', ''))
        if $kind eq 'empty';
    return (said => 'huge', junk => 100_000_000, bytes =>
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        . "Content-Length: 100000000\r\n\r\n") if $kind eq 'huge';

    return (said => 'taken', bytes => $ok);
}

1;
