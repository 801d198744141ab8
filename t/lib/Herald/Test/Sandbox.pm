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

# One of the control API's commands: "recipients", "statuses" or "events" of a number,
# "clock" or "script" of all (then without an id).
sub sandbox_command {
    my ($self, $what, $id, $body, %o) = @_;
    my $path = defined $id ? "numbers/$id/$what" : $what;
    my $r = $self->request($o{method} // 'POST', "/sandbox/_control/$path",
        headers => { 'content-type' => 'application/json' },
        content => $json->encode($body));

    die "sandbox: $r->{status} $r->{content}\n" if $r->{status} != 200;
    return $r->{json};
}

# facts computed from the ledger; see src/sandbox/README.md
sub sandbox_oracle {
    my ($self, %query) = @_;
    my $query = join '&', map { "$_=$query{$_}" } sort keys %query;
    my $r = $self->get("/sandbox/_control/oracle?$query");

    die "sandbox: $r->{status} $r->{content}\n" if $r->{status} != 200;
    return $r->{json};
}

# what Herald would post to the provider: a text, or a template by its name
sub sandbox_send {
    my ($self, $id, $to, %o) = @_;
    my %body = (messaging_product => 'whatsapp', to => "$to");

    if (defined $o{template}) {
        %body = (%body, type => 'template', template => {
            name => $o{template}, language => { code => $o{language} // 'en' } });
    } else {
        %body = (%body, type => 'text', text => { body => $o{text} // 'hello' });
    }

    $body{biz_opaque_callback_data} = $o{reference} if defined $o{reference};

    return $self->request('POST', "/sandbox/v23.0/$id/messages",
        headers => { 'content-type' => 'application/json' },
        token => $o{token} // 'token', content => $json->encode(\%body),
        timeout => $o{timeout} // 10);
}

# The sandbox alone, in an nginx of its own, with a receiver of webhooks: what it was
# posted is in `webhooks`.  Options are those of Herald::Test->new.
sub sandbox_alone {
    my ($class, %o) = @_;

    return $class->new(postgres => 0, start => 1, conf => <<'CONF', %o);
daemon off;
%%USER%%
worker_processes %%WORKERS%%;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
load_module %%BUILD%%/ngx_http_herald_sandbox_module.so;

events {
}

http {
    %%TEMP%%
    access_log off;
    herald_sandbox_ledger %%DIR%%/ledger/sandbox.jsonl;
    log_format hook escape=json '{"signature":"$http_x_hub_signature_256",'
                                '"uri":"$request_uri","body":"$request_body"}';
    client_body_buffer_size 1m;
    client_max_body_size 100m;
    %%HTTP%%

    server {
        listen 127.0.0.1:%%PORT%%;
        %%SERVER%%
        location /sandbox/ { herald_sandbox; }
        location /took { return 200; }
        location /hook/ {
            access_log %%DIR%%/ledger/hooks.jsonl hook;
            proxy_pass http://127.0.0.1:%%PORT%%/took;
        }
    }
}
CONF
}

# a number of such a sandbox, quick and sure unless it is told otherwise
sub sandbox_number {
    my ($self, $id, %settings) = @_;

    return $self->sandbox_set($id, token => 'token', app_secret => 'secret',
        webhook_url => $self->url("/hook/$id"), delivered_rate => 1,
        read_rate => 0, reply_rate => 0,
        latency_ms => { sent => 1, delivered => 1, read => 1 }, %settings);
}

# webhooks that were posted, oldest first: {signature, uri, body, json}
sub webhooks {
    my ($self) = @_;
    my @hooks = map { $json->decode($_) } split /\n/,
        Herald::Test::slurp("$self->{dir}/ledger/hooks.jsonl");

    for my $h (@hooks) {
        # the log's escapes stand for bytes
        utf8::downgrade($h->{body}, 1);
        $h->{json} = eval { $json->decode($h->{body}) };
    }

    return @hooks;
}

# statuses that were posted: {status, code, id, …}, of one message or of all
sub statuses {
    my ($self, $wamid) = @_;
    my @all;

    for my $h (grep { $_->{json} } $self->webhooks) {
        for my $c (map { @{ $_->{changes} } } @{ $h->{json}{entry} }) {
            for my $s (@{ $c->{value}{statuses} // [] }) {
                $s->{code} = $s->{errors}[0]{code} if $s->{errors};
                $s->{number} = $c->{value}{metadata}{phone_number_id};
                push @all, $s;
            }
        }
    }

    return defined $wamid ? grep { $_->{id} eq $wamid } @all : @all;
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
