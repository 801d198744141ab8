package Herald::Test::Http;

# Requests to the test's nginx, and who may make them.

use strict;
use warnings;

use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Time::HiRes qw(time);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;


sub url {
    my ($self, $path) = @_;

    return "http://127.0.0.1:$self->{port}" . ($path // '');
}

# HTTP::Tiny's answer (status, headers, content) and `json` when it is JSON.
# Options: headers => {}, content => bytes, token => bearer, timeout => s.
sub request {
    my ($self, $method, $path, %o) = @_;
    my %headers = %{ $o{headers} // {} };

    $headers{authorization} = "Bearer $o{token}" if defined $o{token};

    # a connection each: a kept one may end with the worker that a test kills or
    # a reload replaces, and a POST on it is not tried again
    my $http = $self->{agent}{ $o{timeout} // 30 } //= HTTP::Tiny->new(
        timeout => $o{timeout} // 30, max_redirect => 0, agent => 'test',
        keep_alive => 0);
    my $r = $http->request($method, $self->url($path), {
        headers => \%headers,
        defined $o{content} ? (content => $o{content}) : (),
    });

    if (($r->{headers}{'content-type'} // '') =~ m{[/+]json}) {
        $r->{json} = eval { $json->decode($r->{content}) };
    }

    return $r;
}

sub get {
    my ($self, $path, %o) = @_;

    return $self->request('GET', $path, %o);
}

# The API: a body that is a reference becomes JSON, text goes as it is.  Without `token`
# the key of the last $t->org is used; token => undef sends none.
sub api {
    my ($self, $method, $path, $body, %o) = @_;
    my %headers = %{ $o{headers} // {} };

    if (ref $body) {
        $headers{'content-type'} //= 'application/json';
        $body = $json->encode($body);
    }

    return $self->request($method, "/api/v1$path", %o,
        headers => \%headers,
        token => exists $o{token} ? $o{token} : $self->{key},
        defined $body ? (content => $body) : ());
}

# follows the cursor; all rows of a list
sub api_all {
    my ($self, $path, %o) = @_;
    my ($cursor, @rows) = ('');

    do {
        my $mark = $path =~ /\?/ ? '&' : '?';
        my $r = $self->api('GET', "$path${mark}limit=200$cursor", undef, %o);

        die "GET $path: $r->{status} $r->{content}\n" if $r->{status} != 200;
        push @rows, @{ $r->{json}{data} };
        $cursor = $r->{json}{next_cursor}
            ? "&cursor=$r->{json}{next_cursor}" : '';
    } while ($cursor);

    return @rows;
}

# An organisation with an owner and an API key with all scopes, made through the
# command and the API: {id, email, password, user_id, key}.
sub org {
    my ($self, %o) = @_;
    my $n = ++$self->{orgs};
    my $org = {
        name => $o{name} // "Org $n",
        email => $o{email} // "owner$n\@example.com",
        password => $o{password} // "password of $n",
    };
    my $file = "$self->{dir}/password.$n";
    my ($rc, $err);

    ($rc, $org->{id}, $err) = $self->herald('org', 'create', '--name',
                                            $org->{name});
    die "herald org create: $err" if $rc;
    chomp $org->{id};

    Herald::Test::spew($file, "$org->{password}\n");
    ($rc, $org->{user_id}, $err) = $self->herald('user', 'create',
        '--org', $org->{id}, '--email', $org->{email}, '--name', "Owner $n",
        '--role', $o{role} // 'owner', '--password-file', $file);
    die "herald user create: $err" if $rc;
    chomp $org->{user_id};

    return $org if exists $o{key} && !$o{key};

    $org->{key} = $self->api_key($org);
    $self->{key} = $org->{key};

    return $org;
}

# a session's token
sub login {
    my ($self, $org) = @_;
    my $r = $self->api('POST', '/login', { email => $org->{email},
        password => $org->{password} }, token => undef);

    die "login: $r->{status} $r->{content}\n" if $r->{status} != 200;
    return $r->{json}{token};
}

sub api_key {
    my ($self, $org, @scopes) = @_;
    my $r = $self->api('POST', '/api-keys', { name => 'test',
        scopes => @scopes ? \@scopes : [qw(read send admin)] },
        token => $self->login($org));

    die "api key: $r->{status} $r->{content}\n" if $r->{status} != 201;
    return $r->{json}{key};
}

# a connection of one's own, for what HTTP::Tiny would never send
sub raw {
    my ($self) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                 PeerPort => $self->{port}, Timeout => 5)
        // die "cannot connect: $!\n";
}

# sends bytes, reads until the other side closes or `limit` seconds are over
sub raw_exchange {
    my ($self, $bytes, $limit) = @_;
    my $s = $self->raw;
    my $until = time + ($limit // 5);
    my $got = '';

    syswrite $s, $bytes;

    while ((my $left = $until - time) > 0) {
        IO::Select->new($s)->can_read($left) or last;
        sysread($s, $got, 65536, length $got) or last;
    }

    return $got;
}

# opens the stream of events; events() then gives what has come: [{id, event, data}]
sub stream {
    my ($self, %o) = @_;
    my $s = $self->raw;
    my $token = $o{token} // $self->{key};
    my $last = defined $o{last} ? "Last-Event-ID: $o{last}\r\n" : '';

    syswrite $s, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n"
        . "Authorization: Bearer $token\r\n$last\r\n";

    return bless { socket => $s, bytes => '', t => $self },
        'Herald::Test::Stream';
}


package Herald::Test::Stream;

# reads what is there within `limit` seconds (default 0); true while it is open
sub read {
    my ($self, $limit) = @_;

    while (IO::Select->new($self->{socket})->can_read($limit // 0)) {
        my $n = sysread($self->{socket}, $self->{bytes}, 65536,
                        length $self->{bytes});
        return 0 if !$n;
        $limit = 0;
    }

    return 1;
}

sub status {
    my ($self) = @_;

    $self->read(5) if $self->{bytes} eq '';
    return ($self->{bytes} =~ m{^HTTP/1\.1 (\d+)})[0];
}

# complete events so far, in order
sub events {
    my ($self) = @_;
    my $text = $self->{bytes};

    $self->{open} = $self->read(0);
    $text = $self->{bytes};
    $text =~ s/^.*?\r\n\r\n//s or return ();

    # chunked: sizes stand on lines of their own
    my $body = '';

    if ($self->{bytes} =~ /^transfer-encoding: chunked\r$/mi) {
        while ($text =~ /\G([0-9a-f]+)\r\n/gci) {
            my $n = hex $1;
            last if $n == 0 || pos($text) + $n > length $text;
            $body .= substr $text, pos $text, $n;
            pos($text) += $n + 2;
        }
    } else {
        $body = $text;
    }

    my @events;

    for my $block ($body =~ /(.*?)\n\n/gs) {
        my %e = map { /^(\w+): ?(.*)$/ ? ($1 => $2) : () } split /\n/, $block;
        next if !%e;
        $e{json} = eval { JSON::PP::decode_json($e{data}) } if defined $e{data};
        push @events, \%e;
    }

    return @events;
}

sub close {
    my ($self) = @_;

    CORE::close($self->{socket});
}

1;
