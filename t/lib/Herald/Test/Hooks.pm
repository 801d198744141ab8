package Herald::Test::Hooks;

# What tests of webhooks need: numbers without a provider behind them, rows of the
# ledger as if they had been sent, statuses and changes as the provider tells them.
#
#     hooks_for($t, $org);
#     my $a = account();
#     my $b = broadcast($a, template => template('news'), rows => 3);
#     statuses($a, ["w$b->1", 'failed', $b, 1, 131026]);

use strict;
use warnings;

use Exporter qw(import);
use MIME::Base64 qw(encode_base64url);

our @EXPORT = qw(hooks_for account reference value statuses change broadcast wamid
    row counters events spent status_of pause_of template);

my ($t, $org);
my $n = 0;
my $batches = 0;
my $clock = time - 1000;


sub hooks_for {
    ($t, $org) = @_;
}

sub account {
    my (%o) = @_;
    my %a = (name => 'Number ' . ++$n, provider => 'cloud_api',
             phone => sprintf('+1555030%04d', $n),
             number_id => "30000000000$n", token => 'token',
             app_secret => "secret $n", verify_token => "verify-$n", %o);
    my $r = $t->api('POST', '/accounts', \%a);

    die "account: $r->{status} $r->{content}\n" if $r->{status} != 201;
    return { %a, %{ $r->{json} } };
}

sub reference {
    my ($batch, $seq) = @_;

    return 'h1.' . encode_base64url(pack('H*N', $batch =~ tr/-//dr, $seq));
}

sub value {
    my ($a, %value) = @_;

    return { object => 'whatsapp_business_account', entry => [ { id => '1',
        changes => [ { field => 'messages', value => {
            messaging_product => 'whatsapp',
            metadata => { display_phone_number => '1',
                          phone_number_id => $a->{number_id} },
            %value } } ] } ] };
}

# statuses of one account, [id, status, batch, seq, code, words] each
sub statuses {
    my ($a, @s) = @_;
    my $r = $t->webhook($a, value($a, statuses => [ map {
        my ($id, $status, $batch, $seq, $code, $words) = @$_;

        +{ id => $id, status => $status, timestamp => time . '',
           defined $batch
               ? (biz_opaque_callback_data => reference($batch, $seq)) : (),
           $status eq 'failed' ? (errors => [ { code => $code // 131026,
               error_data => { details => $words // 'their words' } } ]) : () }
        } @s ]));

    die "webhook: $r->{status}\n" if $r->{status} != 200;
}

# a change of any other field; each is of a second of its own
sub change {
    my ($a, $field, $v, %o) = @_;
    my $r = $t->webhook($a, { object => 'whatsapp_business_account',
        entry => [ { id => $o{business} // '777000', time => $o{at} // ++$clock,
                     changes => [ { field => $field, value => $v } ] } ] });

    die "webhook: $r->{status}\n" if $r->{status} != 200;
    return $o{at} // $clock;
}

# a broadcast with rows in a state, as if they had been sent: its id
sub broadcast {
    my ($a, %o) = @_;
    my $id = sprintf '01900000-0000-7000-9000-%012d', ++$batches;
    my $status = $o{status} // 'sending';
    my $rows = $o{rows} // 0;
    my $state = $o{state} // 'accepted';
    my $tpl = $o{template} // die 'template';
    my $sent = $state eq 'accepted' ? $rows : 0;
    my $unknown = $state eq 'unknown' ? $rows : 0;

    $t->sql("INSERT INTO broadcasts (org_id, id, name, account_id, template_id,
                 audience, status, send_at, total, started_at, finished_at,
                 expires_at)
             VALUES ('$org->{id}', '$id', 'B$batches', '$a->{id}', '$tpl->{id}',
                 '{}', '$status', now() + interval '1 day', $rows, now(),
                 CASE WHEN '$status' = 'completed' THEN now() END,
                 now() + interval '" . ($o{expires} // '9 days') . "');
        INSERT INTO broadcast_counters (org_id, broadcast_id, stripe, sent,
                 unknown) VALUES ('$org->{id}', '$id', 0, $sent, $unknown)");

    $t->sql("WITH c AS (INSERT INTO contacts (org_id, id, name)
                 SELECT '$org->{id}', gen_random_uuid(), 'p' || g
                   FROM generate_series(1, $rows) g RETURNING id)
        INSERT INTO deliveries (org_id, batch_id, seq, contact_id, account_id,
                 state, message_id, provider_id, attempts, fence, category, cost,
                 claimed_at)
        SELECT '$org->{id}', '$id', row_number() OVER (), id, '$a->{id}',
               '$state', gen_random_uuid(), CASE WHEN '$state' = 'accepted'
                   THEN 'w$batches.' || row_number() OVER () END, 1, 7, 'm', 50,
               now() FROM c;
        INSERT INTO provider_messages (org_id, account_id, provider_id,
                 message_id, batch_id, seq)
        SELECT org_id, account_id, provider_id, message_id, batch_id, seq
          FROM deliveries WHERE batch_id = '$id' AND provider_id IS NOT NULL")
        if $rows;

    return $id;
}

# the provider's id of a row of such a broadcast
sub wamid {
    my ($batch, $seq) = @_;

    return sprintf 'w%d.%d', ($batch =~ /(\d+)$/)[0], $seq;
}

sub row {
    my ($batch, $seq, $columns) = @_;

    return $t->sql("SELECT $columns FROM deliveries
                     WHERE batch_id = '$batch' AND seq = $seq");
}

# sent delivered read failed skipped unknown, as they are counted and as they are
sub counters {
    my ($batch) = @_;
    my $counted = $t->sql("SELECT sum(sent), sum(delivered), sum(read),
        sum(failed), sum(skipped), sum(unknown) FROM broadcast_counters
         WHERE broadcast_id = '$batch'");
    my $are = $t->sql("SELECT
        count(*) FILTER (WHERE state BETWEEN 'accepted' AND 'played'),
        count(*) FILTER (WHERE state BETWEEN 'delivered' AND 'played'),
        count(*) FILTER (WHERE state BETWEEN 'read' AND 'played'),
        count(*) FILTER (WHERE state = 'failed'),
        count(*) FILTER (WHERE state = 'skipped'),
        count(*) FILTER (WHERE state = 'unknown')
          FROM deliveries WHERE batch_id = '$batch'");

    return $counted eq $are ? $counted : "counted $counted, are $are";
}

sub events {
    my ($batch, $seq) = @_;

    return $t->sql("SELECT string_agg(concat_ws(' ', event, code, reason, detail,
        CASE WHEN next_try_at IS NOT NULL THEN 'again' END), '; ' ORDER BY at)
          FROM delivery_events WHERE batch_id = '$batch' AND seq = $seq");
}

sub spent {
    return $t->sql('SELECT coalesce(sum(amount), 0) FROM spend_days');
}

sub status_of {
    return $t->sql("SELECT status FROM broadcasts WHERE id = '$_[0]'");
}

sub pause_of {
    return $t->sql("SELECT status, pause_reason FROM broadcasts
                     WHERE id = '$_[0]'");
}

sub template {
    my ($name, %o) = @_;
    my $r = $t->api('POST', '/templates', { name => $name, language => 'en_US',
        category => 'marketing', body => 'Hi', %o });

    die "template: $r->{content}\n" if $r->{status} != 201;
    return $r->{json};
}

1;
