package Bench::Ingress;

# Signed status webhooks, answered after the commit, each of which really
# raises the state of a delivery of its own.  The limits: one INSERT and commit
# per webhook
# (what most gateways do), 500 rows a commit, and 500 deliveries' states updated a
# commit with nothing around it.

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use MIME::Base64 qw(encode_base64url);

my $batch = '01900000-0000-7000-a000-000000000001';
my $window = 5000;

# webhooks that a run may use up per second
my $fastest = $ENV{BENCH_FASTEST} // 50_000;


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

sub limits {
    my ($t, $all, $sample) = @_;

    # to pgbench ":name" is a variable
    $sample =~ s/":/": /g;

    my $insert = "INSERT INTO bench_events (phone_number_id, wamid, status, "
        . "payload) ";

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

    return (
        'INSERT, a commit each, 64 clients' => sub {
            $t->sql('TRUNCATE bench_events');
            Bench::pgbench($t, "\\set n random(1, 1000000000)\n$insert "
                . "VALUES ('15550100001', 'wamid.' || :n, 'sent', '$sample');\n",
                clients => 64);
        },
        'INSERT, 500 a commit, 2 clients' => sub {
            $t->sql('TRUNCATE bench_events');
            my $r = Bench::pgbench($t, "\\set n random(1, 1000000000)\n$insert "
                . "SELECT '15550100001', 'wamid.' || (:n + i), 'sent', "
                . "'$sample' FROM generate_series(1, 500) i;\n", clients => 2);
            $r->{$_} *= 500 for qw(rate n);
            $r;
        },
        'UPDATE, 500 a commit, 2 clients' => sub {
            my $last = $all < 200_000 ? $all : 200_000;
            my $r = Bench::pgbench($t,
                "\\set n :client_id * $last / 2 + 500 * random(0, "
                . int($last / 1000) . " - 1)\n"
                . "UPDATE bench_deliveries SET state = 'sent', sent_at = now() "
                . "WHERE batch_id = '$batch' AND org_id = (SELECT org_id FROM "
                . "bench_deliveries LIMIT 1) AND seq BETWEEN :n + 1 AND "
                . ":n + 500;\n", clients => 2);
            $r->{$_} *= 500 for qw(rate n);
            $r;
        },
    );
}

sub run {
    my ($t) = @_;
    my $each = int($fastest * $Bench::seconds / 3);
    my $all = $each * $Bench::runs;

    # the organisation of the last key
    my $account = Bench::account($t, undef, 1);
    my $org = $t->sql("SELECT org_id FROM accounts WHERE id = "
                      . "'$account->{id}'");

    print "webhooks: ", $all * 3, " statuses of $all deliveries\n";
    load($t, $account, $org, $all);

    my $seen = 0;
    my $m = Bench::interleave($Bench::runs,
        'webhooks, 256 connections' => sub {
            my ($run) = @_;
            my $path = "$t->{dir}/webhooks.$run";

            prepare($path, $account, ($run - 1) * $each + 1, $run * $each);

            my $r = Bench::wrk($t, script => 'hook.lua', clients => 256,
                args => [ $path, $account->{webhook_path} ]);
            my $now = applied($t);

            # those in flight at the end were applied and not counted
            my $least = $r->{n} - 1;
            my $got = $now - $seen;
            $seen = $now;

            print "  all $each used up, the rest were duplicates\n"
                if $r->{text} =~ /used up/;
            if ($got < $least && $r->{text} !~ /used up/) {
                print "  WRONG: $r->{n} answered, only $got applied\n";
                $Bench::failed = 1;
            }

            unlink $path;
            $r;
        },
        limits($t, $all, body($account, 'sent', 1, time, 'h1.' . 'A' x 27)));

    my $value = $m->{'webhooks, 256 connections'};

    Bench::row(figure => 'webhooks/s, committed, state updated',
        value => $value->{rate}, at_least => 15_000,
        against => 'one INSERT a commit, -c 64',
        limit => $m->{'INSERT, a commit each, 64 clients'}{rate});
    Bench::row(figure => '', value => $value->{rate},
        against => '500 INSERTs a commit, -c 2',
        limit => $m->{'INSERT, 500 a commit, 2 clients'}{rate});
    Bench::row(figure => '', value => $value->{rate},
        against => '500 UPDATEs a commit, -c 2',
        limit => $m->{'UPDATE, 500 a commit, 2 clients'}{rate});
    Bench::row(figure => 'webhooks, p99, ms', value => $value->{p99},
        show => sub { sprintf '%.1f', shift }, at_most => 25);
    Bench::memory($t, 'after webhooks');
}

1;
