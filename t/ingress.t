#!/usr/bin/perl

# Webhooks: the address and its signature, what is stored of real payloads, 200 only
# after the commit, everything once however often and in whatever order it comes.

use strict;
use warnings;
use lib 't/lib';

use Digest::SHA qw(hmac_sha256_hex);
use Herald::Test;
use IO::Select;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $t = Herald::Test->new;
my $org = $t->org;
my $n = 0;


# ── helpers ─────────────────────────────────────────────────────────────────

sub account {
    my (%o) = @_;
    my %a = (name => 'Number ' . ++$n, provider => 'cloud_api',
             phone => sprintf('+1555020%04d', $n),
             number_id => "20000000000$n", token => 'token',
             app_secret => "secret $n", verify_token => "verify-$n");
    my $r = $t->api('POST', '/accounts', \%a, %o);

    die "account: $r->{status} $r->{content}\n" if $r->{status} != 201;
    return { %a, %{ $r->{json} } };
}

sub envelope {
    my ($a, %value) = @_;

    return { object => 'whatsapp_business_account', entry => [ { id => '1',
        changes => [ { field => 'messages', value => {
            messaging_product => 'whatsapp',
            metadata => { display_phone_number => '1',
                          phone_number_id => $a->{number_id} },
            %value } } ] } ] };
}

sub text {
    my ($id, $from, $body, %more) = @_;

    return { id => $id, from => $from, timestamp => time . '', type => 'text',
             text => { body => $body }, %more };
}

sub status {
    my ($id, $status, $batch, $seq, %more) = @_;

    return { id => $id, status => $status, timestamp => time . '',
             recipient_id => '254700000001',
             defined $batch
                 ? (biz_opaque_callback_data => reference($batch, $seq)) : (),
             %more };
}

sub reference {
    my ($batch, $seq) = @_;

    return 'h1.' . encode_base64url(pack('H*N', $batch =~ tr/-//dr, $seq));
}

# the same or different requests all at once, each on a connection of its own
sub at_once {
    my ($a, @bodies) = @_;
    my (@all, %status);

    for my $body (@bodies) {
        push @all, [ $t->raw, $body, '' ];
    }

    for my $c (@all) {
        my $sum = hmac_sha256_hex($c->[1], $a->{app_secret});

        syswrite $c->[0], "POST $a->{webhook_path} HTTP/1.0\r\n"
            . "Host: x\r\nContent-Length: " . length($c->[1])
            . "\r\nX-Hub-Signature-256: sha256=$sum\r\n\r\n$c->[1]";
    }

    for my $c (@all) {
        while (IO::Select->new($c->[0])->can_read(20)) {
            sysread($c->[0], $c->[2], 4096, length $c->[2]) or last;
        }

        $status{ ($c->[2] =~ m{^HTTP/1\.\d (\d+)})[0] // 'none' }++;
    }

    return \%status;
}

sub count {
    my ($from) = @_;

    return $t->sql("SELECT count(*) FROM $from");
}

sub everything {
    return $t->sql('SELECT ' . join(", ' ', ", map { "(SELECT count(*) FROM $_)" }
        qw(messages contacts conversations provider_messages
           parked_statuses webhook_events))) =~ tr/| / /sr;
}

my $a = account();


# ── the address ─────────────────────────────────────────────────────────────

{
    my $p = $a->{webhook_path};
    my $q = 'hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=';
    my $r = $t->get("$p?$q$a->{verify_token}");

    is($r->{status}, 200, 'the provider may check the address');
    is($r->{content}, '1158201444', 'and gets its challenge back');
    like($r->{headers}{'content-type'}, qr{^text/plain}, 'as plain text');

    is($t->get("$p?${q}wrong")->{status}, 403, 'a wrong verify token');
    is($t->get($p)->{status}, 403, 'no verify token');

    my $body = $json->encode(envelope($a, messages => [ text('x', '254700000001',
                                                             'x') ]));
    my %sign = (headers => { 'x-hub-signature-256' => 'sha256='
        . hmac_sha256_hex($body, $a->{app_secret}) }, content => $body);
    my ($token) = $p =~ m{([^/]+)$};

    for my $wrong ("${p}x", "$p/x", '/hooks/cloud_api/', '/hooks/',
                   '/hooks/cloud_api/' . 'A' x 43, "/hooks/$token",
                   "/hooks/waha/$token", "/hooks/x/cloud_api/$token",
                   "/hooks/cloud_api/..%2f$token", '/hooks/cloud_api/%00')
    {
        like($t->request('POST', $wrong, %sign)->{status}, qr/^4(04|00)$/,
             "no such address: $wrong");
    }

    $r = $t->request('PUT', $p, %sign);
    is($r->{status}, 405, 'PUT');
    is($r->{headers}{allow}, 'GET, HEAD, POST', 'says what is allowed');
    is(everything(), '0 0 0 0 0 0', 'nothing was stored');
}


# ── the signature ───────────────────────────────────────────────────────────

{
    my $body = $json->encode(envelope($a, messages => [
        text('wamid.sig', '254700000001', 'Hi') ]));

    for my $s (['none', ''], ['wrong', 'sha256=' . '0' x 64],
               ['of another secret', 'sha256=' . hmac_sha256_hex($body, 'x')],
               ['short', 'sha256='], ['sha1', 'sha1=' . '0' x 40],
               ['bare', hmac_sha256_hex($body, $a->{app_secret})])
    {
        is($t->webhook($a, $body, signature => $s->[1])->{status}, 401,
           "signature: $s->[0]");
    }

    is($t->webhook($a, $body . ' ', signature => 'sha256='
        . hmac_sha256_hex($body, $a->{app_secret}))->{status}, 401,
       'over the raw bytes');
    is(everything(), '0 0 0 0 0 0', 'nothing was stored');

    my $r = $t->webhook($a, $body);

    is($r->{status}, 200, 'the right one');
    is($r->{content}, '', 'has nothing to say');
    is(everything(), '1 1 1 1 0 0', 'the message is stored');
}


# ── what is no webhook ──────────────────────────────────────────────────────

{
    my $good = $json->encode(envelope($a, messages => [
        text('wamid.bad', '254700000001', 'Hi') ]));
    my $before = everything();

    for my $bad (
        ['truncated', substr $good, 0, -20],
        ['empty', ''],
        ['not JSON', 'hello'],
        ['trailing garbage', $good . '}'],
        ['10,000 levels', '[' x 10000 . ']' x 10000],
        ['invalid UTF-8', $good =~ s/Hi/\xff\xfe/r],
        ['overlong UTF-8', $good =~ s/Hi/\xc0\xaf/r],
        ['a NUL byte', $good =~ s/Hi/\0/r],
        ['another object', $good =~ s/whatsapp_business_account/page/r],
        ['an array', "[$good]"])
    {
        is($t->webhook($a, $bad->[1])->{status}, 400, "$bad->[0]");
    }

    is($t->webhook($a, '{"x":"' . 'x' x (3 << 20) . '"}')->{status}, 413,
       'larger than 3 MiB');
    is(everything(), $before, 'nothing was stored');

    # an escaped one is a customer's doing, and must not cost the others
    is($t->webhook($a, $good =~ s/wamid\.bad/wamid.nul/r
                           =~ s/Hi/a\\u0000b/r)->{status}, 200,
       'an escaped NUL is taken');
    is($t->sql(q{select text from messages where provider_id = 'wamid.nul'}),
       "a\xef\xbf\xbdb", 'as U+FFFD');
}


# ── elements ────────────────────────────────────────────────────────────────

{
    my $r = $t->webhook($a, envelope($a,
        contacts => [ { wa_id => '254700000002',
                        profile => { name => "A\x{1F98A}" } } ],
        messages => [
            { from => '254700000002', type => 'text' },
            text('wamid.e1', '254700000002', "\x{062d}\x{0628}"),
            'nonsense',
            text('wamid.e2', 'nobody', 'x'),
            text('wamid.e3', '', 'x'),
            text('wamid.' . 'x' x 5000, '254700000002', 'x'),
            text('wamid.e4', '254700000002', 'y' x 5000,
                 timestamp => 'asdf'),
        ],
        statuses => [ { id => 'wamid.s', status => 'flying' }, 7 ]));

    is($r->{status}, 200, 'a batch with bad elements');
    is($t->sql(q{SELECT string_agg(provider_id, ' ' ORDER BY provider_id)
                   FROM messages WHERE provider_id LIKE 'wamid.e%'}),
       'wamid.e1 wamid.e2 wamid.e3 wamid.e4', 'the good ones are stored');
    is(count(q{webhook_events WHERE field = 'messages'}), 1,
       'what cannot be a message is kept as it came');
    is($t->sql(q{SELECT text FROM messages WHERE provider_id = 'wamid.e1'}),
       "\xd8\xad\xd8\xa8", 'text in UTF-8');
    is($t->sql(q{SELECT unread FROM conversations v JOIN contacts c
                     ON c.id = v.contact_id WHERE phone = '+254700000002'}),
       3, 'they are unread, also the one that only its contact tells');
    cmp_ok($t->sql(q{SELECT abs(extract(epoch FROM now() - created_at))::int
                       FROM messages WHERE provider_id = 'wamid.e4'}),
           '<', 60, 'a timestamp that is none is now');

    my $before = everything();

    is($t->webhook($a, envelope({ number_id => '999' }, messages => [
        text('wamid.other', '254700000002', 'x') ]))->{status}, 200,
       "another number's element");
    is(everything(), $before, 'is ignored');
}


# ── real payloads ───────────────────────────────────────────────────────────

SKIP: {
    my $fixtures = fixtures() or skip 'no fixtures', 1;
    my @files = glob "$fixtures/cloud-api/webhooks/*.json";

    cmp_ok(scalar @files, '>', 50, 'there are payloads');

    for my $f (@files) {
        my ($name) = $f =~ m{([^/]+)\.json$};
        my $body = slurp($f) =~ s/("phone_number_id"\s*:\s*)"[^"]*"/$1"$a->{number_id}"/gr;
        my $wanted = $name =~ /^courier_wrong_object/
                     || $body !~ /whatsapp_business_account/
                     ? qr/^(200|400)$/ : qr/^200$/;
        my $before = everything();

        is($t->webhook($a, $body, signature => 'sha256=' . 'a' x 64)->{status},
           401, "$name: unsigned is refused");
        is(everything(), $before, "$name: and not stored");
        like($t->webhook($a, $body)->{status}, $wanted, $name);

        my $once = everything();

        like($t->webhook($a, $body)->{status}, $wanted, "$name: again");
        is(everything(), $once, "$name: is stored once");
    }

    for my $v (@{ $json->decode(slurp("$fixtures/cloud-api/signatures/"
                                      . 'x-hub-signature-256.json')) })
    {
        my $theirs = { %$a, app_secret => $v->{app_secret} };
        my $r = $t->webhook($theirs, $v->{body}, signature => $v->{header});

        is($r->{status}, 401, 'a signature of another app');
    }
}


# ── the same one fifty times, on all workers ────────────────────────────────

{
    my $body = $json->encode(envelope($a, messages => [
        text('wamid.fifty', '254700000050', 'once') ]));
    my $got = at_once($a, ($body) x 50);

    is_deeply($got, { 200 => 50 }, 'fifty at once');
    is(count(q{messages WHERE provider_id = 'wamid.fifty'}), 1, 'one message');
    is(count(q{contacts WHERE phone = '+254700000050'}), 1, 'one contact');
    is($t->sql(q{SELECT sum(unread) FROM conversations v JOIN contacts c
                     ON c.id = v.contact_id WHERE phone = '+254700000050'}),
       1, 'unread once');

    $got = at_once($a, map { $json->encode(envelope($a, messages => [
        text("wamid.many.$_", '254700000051', $_) ])) } 1 .. 100);

    is_deeply($got, { 200 => 100 }, 'a hundred of one new customer');
    is(count(q{messages WHERE provider_id LIKE 'wamid.many.%'}), 100,
       'a hundred messages');
    is(count(q{contacts WHERE phone = '+254700000051'}), 1, 'one contact');
}


# ── forms of one phone ──────────────────────────────────────────────────────

for my $p (['+5511987654321', '551187654321'], ['+551187654322', '5511987654322'],
           ['+525512345678', '5215512345678'], ['+5215512345679', '525512345679'],
           ['+541123456789', '5491123456789'], ['+5491123456780', '541123456780'])
{
    my $r = $t->api('POST', '/contacts', { name => 'X', phone => $p->[0] });

    is($r->{status}, 201, "contact $p->[0]") or diag($r->{content});
    $t->webhook($a, envelope($a, messages => [ text("wamid.$p->[1]", $p->[1],
                                                    'x') ]));
    is($t->sql("SELECT contact_id FROM messages
                 WHERE provider_id = 'wamid.$p->[1]'"), $r->{json}{id},
       "$p->[1] is $p->[0]");
}


# ── statuses ────────────────────────────────────────────────────────────────

# rows of the ledger as if they had been sent: seqs of one batch
sub deliveries {
    my ($batch, $account, $owner, @seqs) = @_;

    for my $seq (@seqs) {
        $t->sql("INSERT INTO contacts (org_id, id) VALUES ('$owner',
                     gen_random_uuid()) RETURNING id") =~ /(\S+)/;
        $t->sql("INSERT INTO deliveries (org_id, batch_id, seq, contact_id,
                     account_id, state, message_id) VALUES ('$owner', '$batch',
                     $seq, '$1', '$account', 'accepted', '$batch')");
    }
}

sub state {
    my ($batch, $seq) = @_;

    return $t->sql("SELECT state FROM deliveries WHERE batch_id = '$batch'
                       AND seq = $seq");
}

{
    my $m = '01900000-0000-7000-8000-000000000001';

    deliveries($m, $a->{id}, $org->{id}, 0);

    for my $s (['read', 'read'], ['delivered', 'read'], ['sent', 'read'],
               ['failed', 'read'], ['read', 'read'])
    {
        is($t->webhook($a, envelope($a, statuses => [
            status('wamid.o1', $s->[0], $m, 0) ]))->{status}, 200, $s->[0]);
        is(state($m, 0), $s->[1], "after $s->[0] it is $s->[1]");
    }

    is($t->sql("SELECT delivered_at IS NOT NULL AND read_at IS NOT NULL
                  FROM deliveries WHERE batch_id = '$m'"), 't',
       'read says delivered too');

    is($t->webhook($a, envelope($a, statuses => [
        status('wamid.o1', 'played') ]))->{status}, 200, 'by provider id');
    is(count(q{parked_statuses WHERE provider_id = 'wamid.o1'}), 1,
       'is parked when that is not known');

    is($t->webhook($a, envelope($a, statuses => [
        status('wamid.nobody', 'sent'), status('wamid.nobody', 'sent') ])
        )->{status}, 200, 'of an unknown message, twice');
    is(count(q{parked_statuses WHERE provider_id = 'wamid.nobody'}), 1,
       'is parked once');
}

{
    my $b = '01900000-0000-7000-8000-000000000002';

    deliveries($b, $a->{id}, $org->{id}, 1 .. 5);

    my $hook = envelope($a, statuses => [
        (map { status("wamid.b$_", 'delivered', $b, $_) } 1 .. 4),
        status('wamid.b1', 'read', $b, 1), status('wamid.b2', 'sent', $b, 2),
        status('wamid.b5', 'failed', $b, 5, errors => [ { code => 131026 } ]),
    ]);
    my $sums = "SELECT sum(sent), sum(delivered), sum(read), sum(failed)
                  FROM broadcast_counters WHERE broadcast_id = '$b'";

    is($t->webhook($a, $hook)->{status}, 200, 'statuses of a broadcast');
    is($t->sql($sums), '-1|4|1|1', 'are counted');
    is(state($b, 5), 'failed', 'the failed one');
    is($t->sql("SELECT error_code FROM deliveries WHERE batch_id = '$b'
                   AND seq = 5"), 131026, 'with its code');

    is_deeply(at_once($a, ($json->encode($hook)) x 20), { 200 => 20 },
              'twenty times more');
    is($t->sql($sums), '-1|4|1|1', 'are counted once');

    # a reply to one of them
    $t->sql("INSERT INTO provider_messages (org_id, account_id, provider_id,
                 message_id, batch_id, seq) VALUES ('$org->{id}', '$a->{id}',
                 'wamid.b3', '$b', '$b', 3) ON CONFLICT DO NOTHING");
    is($t->webhook($a, envelope($a, messages => [
        text('wamid.r', '254700000003', 'yes', context => { id => 'wamid.b3' })
        ]))->{status}, 200, 'a reply');
    is($t->sql("SELECT sum(replied) FROM broadcast_counters
                 WHERE broadcast_id = '$b'"), 1, 'is counted');
}

{
    my $other = $t->org;
    my $theirs = account();
    my $m = '01900000-0000-7000-8000-000000000003';

    deliveries($m, $theirs->{id}, $other->{id}, 0);

    is($t->webhook($a, envelope($a, statuses => [
        status('wamid.t', 'read', $m, 0) ]))->{status}, 200,
       "a status with another tenant's reference");
    is(state($m, 0), 'accepted', 'changes nothing there');

    is($t->webhook($theirs, envelope($theirs, statuses => [
        status('wamid.t', 'read', $m, 0) ]))->{status}, 200, 'its own number');
    is(state($m, 0), 'read', 'does');

    $t->{key} = $org->{key};
}


# ── one that cannot be stored among others ──────────────────────────────────

$t->sql(q{CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'secret words' USING ERRCODE = '22003'; END $$});
$t->sql(q{CREATE TRIGGER poison BEFORE INSERT ON provider_messages
    FOR EACH ROW WHEN (NEW.provider_id LIKE 'wamid.poison%')
    EXECUTE FUNCTION poison()});

{
    my $hook = sub { $json->encode(envelope($a, messages => [
        text($_[0], '254700000060', 'x') ])) };
    # delivered again it is the same to the byte
    my $poison = $hook->('wamid.poison');
    my $got = at_once($a, (map { $hook->("wamid.p$_") } 1 .. 30), $poison,
                      map { $hook->("wamid.p$_") } 31 .. 60);

    is_deeply($got, { 200 => 61 }, 'all are taken');
    is(count(q{messages WHERE provider_id ~ '^wamid.p[0-9]+$'}), 60,
       'the others are stored');

    # 503 would have it delivered again for days, and refused again
    is($t->webhook($a, $poison)->{status}, 200,
       'the bad one alone as well');
    is(count(q{messages WHERE provider_id = 'wamid.poison'}), 0,
       'it cannot be stored');
    is($t->sql(q{SELECT count(*), min(payload->>'sqlstate')
        FROM webhook_events WHERE field = 'unstorable'}), '1|22003',
       'but is kept as it came');
    ok($t->logged(qr/cannot be stored, SQLSTATE 22003/), 'the log says so');

    # the server's state is no fault of the data
    $t->sql(q{CREATE OR REPLACE FUNCTION poison() RETURNS trigger
        LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'secret words'
        USING ERRCODE = '53100'; END $$});

    my $r = $t->webhook($a, $hook->('wamid.poison.2'));

    is($r->{status}, 503, 'PostgreSQL has no room');
    is($r->{headers}{'retry-after'}, 5, 'to be delivered again');
    unlike($r->{content}, qr/secret|SQL|postgres/i, 'and says nothing of SQL');
    ok($t->logged(qr/could not be stored, SQLSTATE 53100/), 'the log does');
    $t->sql('DROP TRIGGER poison ON provider_messages');
}


# ── a client that does not wait ─────────────────────────────────────────────

{
    my $body = $json->encode(envelope($a, messages => [
        text('wamid.gone', '254700000070', 'x') ]));
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $t->sql(q{SET application_name = 'holder'; BEGIN;
                  LOCK TABLE provider_messages; SELECT pg_sleep(1.5); COMMIT});
        POSIX::_exit(0);
    }

    wait_until { count(q{pg_stat_activity a JOIN pg_locks l USING (pid)
        WHERE a.application_name = 'holder' AND l.mode = 'AccessExclusiveLock'
          AND l.granted}) } 10, 'the lock';

    my $s = $t->raw;
    my $sum = hmac_sha256_hex($body, $a->{app_secret});

    syswrite $s, "POST $a->{webhook_path} HTTP/1.1\r\nHost: x\r\n"
        . "Content-Length: " . length($body)
        . "\r\nX-Hub-Signature-256: sha256=$sum\r\n\r\n$body";
    wait_until { count(q{pg_stat_activity WHERE wait_event_type = 'Lock'}) }
        10, 'somebody waits';
    close $s;

    ok(wait_until(sub { count(q{messages
        WHERE provider_id = 'wamid.gone'}) }, 10), 'it is stored all the same');
    waitpid $pid, 0;
}


# ── how a body may come ─────────────────────────────────────────────────────

{
    my $big = $json->encode(envelope($a, messages => [ map {
        text("wamid.big.$_", '254700000090', 'z' x 500) } 1 .. 300 ]));

    is($t->webhook($a, $big)->{status}, 200, 'larger than the buffer');
    is(count(q{messages WHERE provider_id LIKE 'wamid.big.%'}), 300,
       'all of it is stored');
    is($t->sql(q{SELECT string_agg(x, ' ' ORDER BY id) FROM (SELECT id,
           split_part(provider_id, '.', 3) x FROM messages
            WHERE provider_id LIKE 'wamid.big.%') m}), join(' ', 1 .. 300),
       'in the order in which it was written');

    my $body = $json->encode(envelope($a, messages => [
        text('wamid.chunked', '254700000090', 'x') ]));
    my $sign = 'X-Hub-Signature-256: sha256='
        . hmac_sha256_hex($body, $a->{app_secret});
    my $half = length($body) >> 1;

    like($t->raw_exchange("POST $a->{webhook_path} HTTP/1.1\r\nHost: x\r\n"
        . "Connection: close\r\nTransfer-Encoding: chunked\r\n$sign\r\n\r\n"
        . join('', map { sprintf("%x\r\n%s\r\n", length, $_) }
               substr($body, 0, $half), substr($body, $half))
        . "0\r\n\r\n"), qr{^HTTP/1.1 200 }, 'in chunks');
    is(count(q{messages WHERE provider_id = 'wamid.chunked'}), 1, 'is stored');

    # one after the other on one connection, also where the body is not wanted
    my $post = sub {
        my ($path, $more) = @_;

        return "POST $path HTTP/1.1\r\nHost: x\r\nContent-Length: "
            . length($body) . "\r\n$sign\r\n$more\r\n$body";
    };
    my $got = $t->raw_exchange($post->("$a->{webhook_path}x", '')
        . $post->($a->{webhook_path}, '')
        . $post->('/hooks/cloud_api/' . 'B' x 43, '')
        . $post->('/hooks/waha/x/y', '')
        . $post->($a->{webhook_path}, "Connection: close\r\n"));

    is(join(' ', $got =~ m{^HTTP/1.1 (\d+)}mg), '404 200 404 404 200',
       'several on one connection');
}


# ── new workers in the middle of it ─────────────────────────────────────────

{
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        my $bad = 0;

        for my $i (1 .. 400) {
            my $r = $t->webhook($a, envelope($a, messages => [
                text("wamid.reload.$i", '254700000091', 'x') ]));
            $bad++ if $r->{status} != 200;
        }

        POSIX::_exit($bad > 100 ? 100 : $bad);
    }

    ok($t->reload, "reload $_") for 1 .. 3;
    waitpid $pid, 0;
    is($? >> 8, 0, 'no webhook was refused');
    is(count(q{messages WHERE provider_id LIKE 'wamid.reload.%'}), 400,
       'all are stored');
}


# ── the database goes away ──────────────────────────────────────────────────

{
    my $before = count('messages');
    my $i = 0;
    my $try = sub { $t->webhook($a, envelope($a, messages => [
        text('wamid.down.' . ++$i, '254700000080', 'x') ])) };

    $t->expect_log(qr/postgres/);

    # in the middle of a transaction: nobody knows, so nobody is told 200
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        my $holder = fork;

        if ($holder == 0) {
            open STDERR, '>', '/dev/null';
            eval { $t->sql(q{BEGIN; LOCK TABLE conversations;
                             SELECT pg_sleep(30)}) };
            POSIX::_exit(0);
        }

        # the webhooks wait for the lock, then PostgreSQL dies
        wait_until { count(q{pg_stat_activity WHERE wait_event_type = 'Lock'
                                 AND application_name = 'herald worker'}) } 20;
        kill 'QUIT', $t->postmaster;
        waitpid $holder, 0;
        POSIX::_exit(0);
    }

    wait_until { count(q{pg_locks WHERE mode = 'AccessExclusiveLock'
        AND relation = 'conversations'::regclass AND granted}) } 10;
    is_deeply(at_once($a, map { $json->encode(envelope($a, messages => [
        text("wamid.mid.$_", '254700000081', 'x') ])) } 1 .. 20),
        { 503 => 20 }, 'PostgreSQL is killed in the middle');
    waitpid $pid, 0;
    wait_until { !defined $t->postmaster } 20, 'the end of PostgreSQL';
    $t->{pg_up} = 0;

    my $r = $try->();

    is($r->{status}, 503, 'PostgreSQL is killed');
    is($r->{headers}{'retry-after'}, 5, 'deliver it again later');
    is($try->()->{status}, 503, 'still');

    $t->cluster_start;
    my $stored = 0;

    ok(wait_until(sub { my $s = $try->()->{status}; $stored++ if $s == 200;
                        $s == 200 }, 20), 'it comes back');
    # each worker comes back in its own time
    wait_until(sub { !grep { $t->get('/readyz')->{status} != 200 } 1 .. 12 },
               20);
    is($try->()->{status}, 200, 'and works');
    is(count('messages'), $before + $stored + 1,
       'what was answered 200 is there, nothing else');
}


# ── counted ─────────────────────────────────────────────────────────────────

{
    my $m = $t->get('/metrics')->{content};

    like($m, qr/^herald_ingress_commits_total [1-9]/m, 'commits');
    like($m, qr/^herald_ingress_refused_total [1-9]/m, 'refusals');
    my ($stored) = $m =~ /^herald_ingress_events_total (\d+)/m;
    cmp_ok($stored, '>', 300, 'elements');
    like($m, qr/^herald_ingress_waiting\{worker="\d"\} 0$/m, 'none waits');
}

$t->done;
