package Herald::Test::Sandbox;

# The simulated provider: its numbers, what it took, what customers write.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;


# sets members of a number's settings; answers with all of them
sub sandbox_set {
    my ($self, $id, %settings) = @_;
    my $r = $self->request('PUT', "/sandbox/_control/numbers/$id",
        headers => { 'content-type' => 'application/json' },
        content => $json->encode(\%settings));

    die "sandbox: $r->{status} $r->{content}\n" if $r->{status} != 200;
    return $r->{json};
}

sub sandbox_get {
    my ($self, $id) = @_;

    return $self->get("/sandbox/_control/numbers/$id")->{json};
}

sub sandbox_inbound {
    my ($self, $id, %message) = @_;
    my $r = $self->request('POST', "/sandbox/_control/numbers/$id/inbound",
        headers => { 'content-type' => 'application/json' },
        content => $json->encode(\%message));

    die "sandbox: $r->{status} $r->{content}\n" if $r->{status} != 200;
    return $r->{json};
}

# A number at the sandbox and its account in Herald, which it posts webhooks to: the
# account with {number_id, app_secret, token, webhook_path}.  `account` are members of
# POST /accounts, the rest goes into the number's settings.
sub sandbox_account {
    my ($self, %o) = @_;
    my $n = ++$self->{numbers};
    my %account = (
        name => "Number $n", provider => 'cloud_api',
        phone => sprintf('+1555010%04d', $n),
        number_id => sprintf('1000000000%05d', $n),
        token => "token-$n", app_secret => "secret-$n",
        verify_token => "verify-$n", base_url => $self->url('/sandbox'),
        rate_limit => 0, %{ delete $o{account} // {} },
    );
    my $key = delete $o{token};

    $self->sandbox_set($account{number_id},
        app_secret => $account{app_secret}, token => $account{token});

    my $r = $self->api('POST', '/accounts', \%account,
                       defined $key ? (token => $key) : ());

    die "account: $r->{status} $r->{content}\n" if $r->{status} != 201;

    $self->sandbox_set($account{number_id},
        verify_token => $account{verify_token},
        webhook_url => $self->url($r->{json}{webhook_path}), %o);

    return { %account, %{ $r->{json} } };
}

# what the provider took or refused, oldest first
sub ledger {
    my ($self, %match) = @_;
    my @rows = map { $json->decode($_) } split /\n/,
        Herald::Test::slurp("$self->{dir}/ledger/sandbox.jsonl");

    for my $k (keys %match) {
        @rows = grep { defined $_->{$k} && $_->{$k} eq $match{$k} } @rows;
    }

    return @rows;
}

# a webhook of our own making, signed: HTTP::Tiny's answer
sub webhook {
    my ($self, $account, $body, %o) = @_;

    $body = $json->encode($body) if ref $body;

    my $signature = $o{signature}
        // 'sha256=' . hmac_sha256_hex($body, $account->{app_secret});

    return $self->request('POST', $account->{webhook_path},
        content => $body, headers => {
            'content-type' => 'application/json',
            length $signature ? ('x-hub-signature-256' => $signature) : (),
        });
}

1;
