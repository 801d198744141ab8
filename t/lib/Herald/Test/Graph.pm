package Herald::Test::Graph;

# A provider's templates, that say whatever a test wants them to say:
#
#     my $g = Herald::Test::Graph->new($t->{dir});
#     $g->set(list => [{id, name, language, status, category, components}, …],
#             create => [200, {id, status, category}]);
#     $g->requests                 # [{method, path, query, body}, …], oldest first
#
# GET gives the list, two on a page; POST and DELETE what `create`, `edit`, `delete` say.
# One process, one request at a time.

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP;
use POSIX ();

my $json = JSON::PP->new->utf8->canonical;


sub new {
    my ($class, $dir) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
        Listen => 64, ReuseAddr => 1) or die "graph: $!\n";
    my $self = bless { port => $listen->sockport, dir => $dir, parent => $$ }, $class;

    $self->set(list => []);
    Herald::Test::spew("$dir/graph.log", '');

    $self->{pid} = fork // die "fork: $!\n";

    if ($self->{pid} == 0) {
        $SIG{PIPE} = 'IGNORE';
        eval { $self->serve($listen) };
        POSIX::_exit(0);
    }

    return $self;
}

sub url {
    my ($self) = @_;

    return "http://127.0.0.1:$self->{port}";
}

# members of what it says; each stays until it is set again
sub set {
    my ($self, %o) = @_;

    $self->{says} = { %{ $self->{says} // {} }, %o };
    Herald::Test::spew("$self->{dir}/graph.new", $json->encode($self->{says}));
    rename "$self->{dir}/graph.new", "$self->{dir}/graph.json" or die "graph: $!\n";
}

sub requests {
    my ($self, $method) = @_;

    return grep { !$method || $_->{method} eq $method }
        map { $json->decode($_) } split /\n/, Herald::Test::slurp("$self->{dir}/graph.log");
}

sub stop {
    my ($self) = @_;

    return if !$self->{pid} || $$ != $self->{parent};
    kill 'KILL', $self->{pid};
    waitpid $self->{pid}, 0;
    $self->{pid} = 0;
}

sub DESTROY {
    my ($self) = @_;

    $self->stop;
}

sub serve {
    my ($self, $listen) = @_;

    while (my $c = $listen->accept) {
        my ($head, $body) = ('', '');

        while (defined(my $line = <$c>)) {
            last if $line =~ /^\r?\n$/;
            $head .= $line;
        }

        read $c, $body, $1 if $head =~ /^content-length:\s*(\d+)/mi;

        my ($method, $path, $query) = $head =~ m{^(\w+) ([^ ?]+)(?:\?(\S*))?} or next;
        my ($status, $answer) = $self->answer($method, $path, $query // '', $body);

        $answer = $json->encode($answer) if ref $answer;
        print {$c} "HTTP/1.1 $status X\r\nContent-Type: application/json\r\n"
            . 'Content-Length: ' . length($answer) . "\r\nConnection: close\r\n\r\n$answer";
        close $c;
    }
}

sub answer {
    my ($self, $method, $path, $query, $body) = @_;
    my $says = $json->decode(Herald::Test::slurp("$self->{dir}/graph.json"));

    open my $f, '>>:raw', "$self->{dir}/graph.log" or die "graph.log: $!\n";
    print {$f} $json->encode({ method => $method, path => $path, query => $query,
        body => eval { $json->decode($body) } // $body }), "\n";
    close $f;

    return @{ $says->{delete} // [200, { success => JSON::PP::true }] }
        if $method eq 'DELETE';

    if ($method eq 'POST') {
        return @{ $says->{create} // [200, { id => '1' }] }
            if $path =~ m{/message_templates$};
        return @{ $says->{edit} // [200, { success => JSON::PP::true }] };
    }

    return @{ $says->{get} } if $says->{get};

    my ($from) = $query =~ /(?:^|&)after=(\d+)/;
    my @list = @{ $says->{list} };
    my $next = ($from // 0) + 2;

    return (200, { data => [grep { defined } @list[($from // 0) .. $next - 1]],
        $next < @list ? (paging => { cursors => { before => '0', after => "$next" },
                                     next => "http://x/?after=$next" }) : () });
}

1;
