package Herald::Test::Waha;

# A session of the WAHA that the sandbox plays: its account in Herald, its phone, and
# the people who write to it.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha512_hex);
use JSON::PP;
use Herald::Test;
use Test::More;
use Time::HiRes ();

my $json = JSON::PP->new->utf8->canonical;
my $n = 0;


# what an nginx needs that is to be told what happens: for Herald::Test->new
sub conf {
    return (http => 'herald_public_url http://127.0.0.1:%%PORT%%;');
}

# The account and its session, not started.  Options are members of POST /accounts;
# `set` goes into the sandbox's settings.
sub new {
    my ($class, $t, %o) = @_;
    my $name = delete $o{number_id} // 'session-' . ++$n;
    my $set = delete $o{set} // {};
    my $token = delete $o{key};
    my $self = bless { t => $t, name => $name, secret => "hmac secret of $name" }, $class;

    $t->sandbox_set($name, token => "key-$name", delivered_rate => 1, read_rate => 1,
        reply_rate => 0, latency_ms => { sent => 5, delivered => 10, read => 10 }, %$set);

    my $r = $t->api('POST', '/accounts', { name => "WAHA $name", provider => 'waha',
        number_id => $name, token => "key-$name", base_url => $t->url('/sandbox'),
        app_secret => $self->{secret}, pacing => undef, %o },
        defined $token ? (token => $token) : ());

    die "account: $r->{status} $r->{content}\n" if $r->{status} != 201;

    $self->{account} = $r->{json};
    $self->{id} = $r->{json}{id};
    $self->{key} = $token;

    return $self;
}

# a request below the account
sub ask {
    my ($self, $method, $path, $body) = @_;

    return $self->{t}->api($method, "/accounts/$self->{id}$path", $body,
        defined $self->{key} ? (token => $self->{key}) : ());
}

# what the phone's owner does: scan, logout, dead, say, …
sub phone {
    my ($self, $verb, %body) = @_;
    my $r = $self->{t}->request('POST', "/sandbox/_control/waha/$self->{name}/$verb",
        headers => { 'content-type' => 'application/json' },
        content => $json->encode(\%body));

    die "$verb: $r->{status} $r->{content}\n" if $r->{status} != 200;
    return $r->{json};
}

sub session {
    my ($self) = @_;

    return $self->ask('GET', '/session')->{json};
}

# until Herald knows that the session is in this state
sub until_state {
    my ($self, $state) = @_;

    wait_until { ($self->session->{state} // '') eq $state } 15,
        "$state, it is " . ($self->session->{state} // 'unknown');
    return $self->session;
}

sub connected {
    my ($class, $t, %o) = @_;
    my $phone = delete $o{phone};
    my $self = $class->new($t, %o);
    my $r = $self->ask('POST', '/session/start');

    die "start: $r->{status} $r->{content}\n" if $r->{status} != 200;
    $self->phone('scan', $phone ? (phone => $phone) : ());
    $self->until_state('WORKING');

    return $self;
}

# a webhook of our own making, signed
sub hook {
    my ($self, $event, $payload, %o) = @_;
    my $body = ref $event ? $json->encode($event) : $json->encode({
        id => 'evt_' . int(rand 1e15), timestamp => int(Time::HiRes::time() * 1000), event => $event,
        session => $self->{name}, payload => $payload });

    $body = $o{body} if defined $o{body};

    return $self->{t}->request('POST', $self->{account}{webhook_path},
        content => $body, headers => {
            'content-type' => 'application/json',
            'x-webhook-hmac-algorithm' => $o{algorithm} // 'sha512',
            'x-webhook-hmac' => $o{signature}
                // hmac_sha512_hex($body, $self->{secret}),
        });
}

1;
