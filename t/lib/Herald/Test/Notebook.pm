package Herald::Test::Notebook;

# A Cloud API that writes down all that it is asked, and does as it is told: messages,
# uploads, files.
#
#     my $g = Herald::Test::Notebook->new($t->{dir});
#     my $a = $t->api('POST', '/accounts', { ..., base_url => $g->url });
#     $g->tell(upload => 500);            # also: message, url, file, hang => s
#     $g->file(77 => $bytes, 'image/png');    # what media 77 is
#     $g->asked('POST', qr{/messages$});  # [{method, path, body, json, bytes}]

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->canonical;
my $main = $$;
my @all;

# a test that died: its provider goes with it
END {
    if ($$ == $main) {
        my $rc = $?;
        $_->stop for @all;
        $? = $rc;
    }
}

sub new {
    my ($class, $dir) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Listen => 128, ReuseAddr => 1) or die "provider: $!\n";
    my $self = bless { port => $listen->sockport, dir => "$dir/notebook", told => {} },
        $class;

    mkdir $self->{dir};
    $self->tell;
    $self->{pid} = fork // die "fork: $!\n";

    if ($self->{pid} == 0) {
        $SIG{CHLD} = 'IGNORE';
        $SIG{PIPE} = 'IGNORE';
        $SIG{TERM} = 'DEFAULT';
        setpgrp;

        while (my $s = $listen->accept) {
            next if fork;
            close $listen;
            eval { $self->serve($s) };
            POSIX::_exit(0);
        }

        POSIX::_exit(0);
    }

    push @all, $self;
    return $self;
}

sub url { return "http://127.0.0.1:$_[0]{port}" }

sub stop {
    my ($self) = @_;

    return if !$self->{pid};
    kill 'KILL', -$self->{pid}, $self->{pid};
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
}

sub tell {
    my ($self, %what) = @_;

    $self->{told} = { %{ $self->{told} }, %what };
    Herald::Test::spew("$self->{dir}/told.new", $json->encode($self->{told}));
    rename "$self->{dir}/told.new", "$self->{dir}/told" or die;
}

sub file {
    my ($self, $id, $bytes, $mime) = @_;

    Herald::Test::spew("$self->{dir}/file.$id", $bytes);
    $self->tell("mime.$id" => $mime);
}

sub asked {
    my ($self, $method, $path) = @_;

    return grep { (!$method || $_->{method} eq $method)
                  && (!$path || $_->{path} =~ $path) }
        map { $json->decode($_) } split /\n/, Herald::Test::slurp("$self->{dir}/asked");
}


# ── the server, a process for each connection ───────────────────────────────

sub serve {
    my ($self, $s) = @_;
    my $in = '';
    my $more = sub {
        my $n = sysread $s, $in, 65536, length $in;
        POSIX::_exit(0) if !$n;
    };

    while (1) {
        $more->() while $in !~ /\r\n\r\n/;
        $in =~ s/^(\S+) (\S+) [^\r]*\r\n(.*?)\r\n\r\n//s or POSIX::_exit(0);
        my ($method, $path, $head) = ($1, $2, $3);
        my %h = map { /^([^:]+):\s*(.*)$/ ? (lc $1, $2) : () } split /\r\n/, $head;

        syswrite $s, "HTTP/1.1 100 Continue\r\n\r\n" if ($h{expect} // '') =~ /100/;
        my $len = $h{'content-length'} // 0;
        $more->() while length $in < $len;
        my $body = substr $in, 0, $len, '';

        $self->note($method, $path, \%h, $body);
        my ($status, $type, $answer) = $self->answer($method, $path, \%h, $body);

        my $bytes = "HTTP/1.1 $status X\r\nContent-Type: $type\r\nContent-Length: "
            . length($answer) . "\r\n\r\n$answer";
        while (length $bytes) {
            my $n = syswrite $s, $bytes or POSIX::_exit(0);
            substr $bytes, 0, $n, '';
        }
    }
}

sub note {
    my ($self, $method, $path, $h, $body) = @_;
    my %line = (method => $method, path => $path, at => time,
                token => $h->{authorization}, type => $h->{'content-type'},
                bytes => length $body);

    if (($h->{'content-type'} // '') =~ /urlencoded/) {
        $line{raw} = $body;
    } elsif (($h->{'content-type'} // '') =~ /json/) {
        $line{json} = eval { $json->decode($body) };
    } elsif (($h->{'content-type'} // '') =~ /boundary=(\S+)/) {
        for my $part (split /\r\n--\Q$1\E/, "\r\n$body") {
            next if $part !~ /name="([^"]*)".*?\r\n\r\n(.*)/s;
            my ($name, $data) = ($1, $2);
            $line{form}{$name} = $name eq 'file' ? sha256_hex($data) : $data;
            $line{filename} = $1 if $part =~ /filename="([^"]*)"/;
            $line{filetype} = $1 if $name eq 'file'
                && $part =~ /content-type: ([^\r]*)/i;
        }
    }

    open my $f, '>>', "$self->{dir}/asked" or die;
    syswrite $f, $json->encode(\%line) . "\n";
}

sub error {
    my ($status, $code) = @_;

    return ($status, 'application/json', $json->encode({ error => {
        message => "told to say $code", type => 'OAuthException', code => $code } }));
}

sub answer {
    my ($self, $method, $path, $h, $body) = @_;
    my $told = $json->decode(Herald::Test::slurp("$self->{dir}/told"));
    my $say = sub { (200, 'application/json', $json->encode($_[0])) };
    my $unique = sprintf '%d%d', time * 1e6, $$;

    if ($method eq 'POST' && $path =~ m{/messages$}) {
        my $m = $json->decode($body);
        return error(400, $told->{message}) if $told->{message};
        return $say->({ success => JSON::PP::true }) if $m->{status};
        my $id = ($m->{$m->{type} // ''} // {});
        $id = ref $id eq 'HASH' ? $id->{id} : undef;
        return error(400, 131053) if defined $id && ($told->{forgot} // '') eq $id;
        return $say->({ messaging_product => 'whatsapp',
            contacts => [ { input => $m->{to}, wa_id => $m->{to} =~ s/\D//gr } ],
            messages => [ { id => "wamid.$unique" } ] });
    }

    if ($method eq 'POST' && $path =~ m{/Messages\.json$}) {
        return (201, 'application/json', $json->encode({ sid => "SM$unique",
            status => 'queued' }));
    }

    if ($method eq 'POST' && $path =~ m{/media$}) {
        sleep($told->{slow}) if $told->{slow};
        return error($told->{upload}, $told->{upload_code} // 1) if $told->{upload};
        return $say->({ id => "9$unique" });
    }

    if ($method eq 'GET' && $path =~ m{/v[\d.]+/(\d+)}) {
        my $id = $1;
        return error($told->{url}, 100) if $told->{url};
        return error(404, 100) if !-e "$self->{dir}/file.$id";
        return $say->({ url => $self->url . "/file/$id", id => $id,
            mime_type => $told->{"mime.$id"}, messaging_product => 'whatsapp',
            file_size => -s "$self->{dir}/file.$id" });
    }

    if ($method eq 'GET' && $path =~ m{^/file/(\d+)}) {
        sleep($told->{slow}) if $told->{slow};
        return (401, 'text/plain', 'who?') if !$h->{authorization};
        return ($told->{file}, 'text/plain', 'no') if $told->{file};
        return (200, $told->{"mime.$1"}, Herald::Test::slurp("$self->{dir}/file.$1"));
    }

    return error(404, 100);
}

1;
