package Bench::Ingress;

# Signed status webhooks, answered after the commit, each of which really
# raises the state of a delivery of its own.  Beside it, with the same bytes:
# Fastify and node-postgres, one INSERT and commit per webhook, what most
# gateways do; and straight into PostgreSQL 64 rows a commit, one row a commit,
# and 500 deliveries' states updated a commit with nothing around it.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP;
use MIME::Base64 qw(encode_base64url);

use Bench::Peers;

my $batch = '01900000-0000-7000-a000-000000000001';
my $window = 5000;

# webhooks that a run may use up per second
my $fastest = $ENV{BENCH_FASTEST} // ($Bench::quick ? 30_000 : 60_000);
my $clients = 256;


sub load {
    my ($t, $account, $org, $n) = @_;

    $t->sql(<<"SQL");
SET session_replication_role = replica;
INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id, state,
                        attempts, fence, message_id, provider_id, sent_at)
SELECT '$org', '$batch', n, ('01900000000070008' || lpad(n::text, 15, '0'))::uuid,
       '$account->{id}', 'accepted', 1, 1,
       ('0190000000007000b' || lpad(n::text, 15, '0'))::uuid,
       'wamid.HBgMMjU0NzAwMDAwMDAwFQIAERgS' || lpad(n::text, 18, '0') || 'AA==',
       now()
  FROM generate_series(1, $n) n;
SQL
    $t->sql('VACUUM ANALYZE deliveries');
    $t->sql('CHECKPOINT');
}

# sent of `window` deliveries, then delivered of the same, then read:
# "signature, tab, body" a line
sub prepare {
    my ($path, $account, $from, $to) = @_;
    my $raw = pack 'H*', $batch =~ tr/-//dr;
    my $at = time;

    open my $out, '>:raw', $path or die "cannot write $path: $!\n";

    for (my $first = $from; $first <= $to; $first += $window) {
        my $last = $first + $window - 1;
        $last = $to if $last > $to;

        for my $status (qw(sent delivered read)) {
            for my $n ($first .. $last) {
                my $body = body($account, $status, $n, $at,
                    'h1.' . encode_base64url($raw . pack('N', $n)));

                print {$out} hmac_sha256_hex($body, $account->{app_secret}),
                    "\t", $body, "\n";
            }
        }
    }

    close $out or die "cannot write $path: $!\n";
}

sub body {
    my ($account, $status, $n, $at, $reference) = @_;
    my $id = sprintf 'wamid.HBgMMjU0NzAwMDAwMDAwFQIAERgS%018dAA==', $n;

    return '{"object":"whatsapp_business_account","entry":[{"id":'
        . '"102290129340398","changes":[{"value":{"messaging_product":'
        . '"whatsapp","metadata":{"display_phone_number":"15550100001",'
        . "\"phone_number_id\":\"$account->{number_id}\"},\"statuses\":[{"
        . "\"id\":\"$id\",\"status\":\"$status\",\"timestamp\":\"$at\","
        . "\"recipient_id\":\"2547" . sprintf('%08d', $n) . '",'
        . "\"biz_opaque_callback_data\":\"$reference\",\"conversation\":{"
        . '"id":"61f8b6e6ad2fd3e6a1d8b7b3d2b5a2b0","origin":{"type":'
        . '"marketing"}},"pricing":{"billable":true,"pricing_model":"PMP",'
        . '"category":"marketing","type":"regular"}}]},"field":"messages"}]}]}';
}

# how many statuses the deliveries have seen
sub applied {
    my ($t) = @_;

    return $t->sql("SELECT sum(CASE state WHEN 'sent' THEN 1 "
        . "WHEN 'delivered' THEN 2 WHEN 'read' THEN 3 ELSE 0 END) "
        . "FROM deliveries WHERE batch_id = '$batch'");
}

sub tables {
    my ($t) = @_;

    $t->sql(<<'SQL');
CREATE TABLE bench_events (id bigserial PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now(),
    phone_number_id text NOT NULL, wamid text NOT NULL, status text NOT NULL,
    payload jsonb NOT NULL);
CREATE INDEX ON bench_events (wamid);
CREATE TABLE bench_deliveries (LIKE deliveries INCLUDING ALL);
INSERT INTO bench_deliveries SELECT * FROM deliveries WHERE seq <= 200000;
SQL
    $t->sql('VACUUM ANALYZE bench_deliveries');
}

# what a run left in the table must be what it said
sub inserted {
    my ($t, $r) = @_;
    my $n = $t->sql('SELECT count(*) FROM bench_events');

    Bench::wrong("$r->{n} were answered, $n are in the table") if $n < $r->{n};

    return $r;
}

# the same file of webhooks, to an application that keeps each
sub fastify {
    my ($t, $account, $file) = @_;
    my $port = Herald::Test::Nginx::free_port();
    my $url = "http://127.0.0.1:$port";

    $t->sql('TRUNCATE bench_events');

    my $pid = Bench::Peers::start({
        BENCH_PORT => $port, BENCH_SECRET => $account->{app_secret},
        BENCH_PG_URL => "postgres:///herald?host=$t->{dir}/s&user=postgres",
    }, 'fastify.js');

    Herald::Test::wait_until(sub {
        HTTP::Tiny->new->get("$url/ready")->{success}
    }, 20, 'Fastify') or die "Fastify does not start\n";

    # both processes have compiled what is hot
    Bench::wrk($t, url => $url, script => 'hook.lua', clients => $clients,
        seconds => 1, args => [ $file, '/webhook' ]);
    $t->sql('TRUNCATE bench_events');

    my $r = Bench::wrk($t, url => $url, script => 'hook.lua',
        clients => $clients, args => [ $file, '/webhook' ]);

    Bench::Peers::stop($pid);

    return inserted($t, $r);
}

# straight into PostgreSQL: 64 rows a commit over two connections
sub batches {
    my ($t, $file) = @_;
    my $program = Herald::Test::repo() . '/build/bench/insert';

    $t->sql('TRUNCATE bench_events');

    return inserted($t, Bench::with_cpu($t, sub {
        open my $out, '-|', $program, $t->conninfo('super'), $file, 2, 64,
            $Bench::seconds or die "cannot run $program: $!\n";
        my $line = <$out> // '';
        close $out or die "$program failed\n";

        return JSON::PP->new->decode($line);
    }));
}

sub one_by_one {
    my ($t, $sample) = @_;

    # to pgbench ":name" is a variable
    $sample =~ s/":/": /g;
    $t->sql('TRUNCATE bench_events');

    return Bench::pgbench($t, "\\set n random(1, 1000000000)\n"
        . "INSERT INTO bench_events (phone_number_id, wamid, status, payload) "
        . "VALUES ('15550100001', 'wamid.' || :n, 'sent', '$sample');\n",
        clients => 64);
}

sub updates {
    my ($t, $all) = @_;
    my $last = $all < 200_000 ? $all : 200_000;
    my $r = Bench::pgbench($t,
        "\\set n :client_id * $last / 2 + 500 * random(0, "
        . int($last / 1000) . " - 1)\n"
        . "UPDATE bench_deliveries SET state = 'sent', sent_at = now() "
        . "WHERE batch_id = '$batch' AND org_id = (SELECT org_id FROM "
        . "bench_deliveries LIMIT 1) AND seq BETWEEN :n + 1 AND "
        . ":n + 500;\n", clients => 2);

    $r->{$_} *= 500 for qw(rate n);

    return $r;
}

sub run {
    my ($t) = @_;
    my $each = int($fastest * $Bench::seconds / 3);
    my $all = $each * $Bench::runs;

    # the organisation of the last key
    my $account = Bench::account($t, undef, 1);
    my $org = $t->sql("SELECT org_id FROM accounts WHERE id = "
                      . "'$account->{id}'");

    print "webhooks: ", $all * 3, " statuses of $all deliveries, $clients "
        . "connections\n";
    load($t, $account, $org, $all);
    tables($t);

    my $seen = 0;
    my $path = "$t->{dir}/webhooks";
    my $m = Bench::interleave($Bench::runs,
        'Herald' => sub {
            my ($run) = @_;

            prepare($path, $account, ($run - 1) * $each + 1, $run * $each);

            my $r = Bench::wrk($t, script => 'hook.lua', clients => $clients,
                args => [ $path, $account->{webhook_path} ]);
            my $now = applied($t);

            # those in flight at the end were applied and not counted
            my $least = $r->{n} - 1;
            my $got = $now - $seen;
            $seen = $now;

            print "  all $each used up, the rest were duplicates\n"
                if $r->{text} =~ /used up/;
            Bench::wrong("$r->{n} answered, only $got applied")
                if $got < $least && $r->{text} !~ /used up/;

            $r;
        },
        'Fastify, one INSERT each' => sub { fastify($t, $account, $path) },
        '64 rows a commit, 2 connections' => sub { batches($t, $path) },
        'pgbench, one row a commit, -c 64' => sub {
            one_by_one($t, body($account, 'sent', 1, time, 'h1.' . 'A' x 27))
        },
        'pgbench, 500 UPDATEs a commit' => sub { updates($t, $all) });

    my $value = $m->{Herald};
    my $fastify = $m->{'Fastify, one INSERT each'};

    unlink $path;

    for my $peer ([ 'Fastify, one INSERT each', 4 ],
                  [ '64 rows a commit, 2 connections', 0.4 ],
                  [ 'pgbench, one row a commit, -c 64' ],
                  [ 'pgbench, 500 UPDATEs a commit' ])
    {
        my ($name, $ratio) = @$peer;

        Bench::row(figure => 'webhooks/s, durable, state updated',
            value => $value->{rate}, against => $name,
            limit => $m->{$name}{rate}, $ratio ? (ratio => $ratio) : ());
    }

    Bench::row(figure => 'webhooks, p99, ms', value => $value->{p99},
        show => Bench::digits(1), at_most => 25,
        against => 'Fastify, one INSERT each', limit => $fastify->{p99});
    Bench::memory($t, 'after webhooks');
}

1;
