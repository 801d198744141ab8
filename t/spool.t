#!/usr/bin/perl

# The spool: PostgreSQL goes away, and webhooks are answered 200 all the same; when it is
# back everything is there once and in order, whoever was killed meanwhile.

use strict;
use warnings;
use lib 't/lib';

use Digest::SHA qw(hmac_sha256_hex);
use Herald::Test;
use IO::Select;
use JSON::PP;
use MIME::Base64 qw(decode_base64url);
use Test::More;
use Time::HiRes qw(time);

my $json = JSON::PP->new->utf8->canonical;
my $max = 8000;
my $n = 0;
my ($t, $spool, $org, $a);

# one for what takes long, beside the others; it is looked at in the end
my $long = begin(2, $max);
my $long_account = $a;

warm($a);
away();
my $long_since = time;
my $long_taken = 0;

while ($long_taken < 20) {
    is(post($a, 'wamid.long.' . ++$long_taken), 200, 'a long outage begins');
}

begin(1, $max);


# ── helpers ─────────────────────────────────────────────────────────────────

sub begin {
    my ($workers, $kb) = @_;

    $t = Herald::Test->new(workers => $workers,
        http => "herald_spool %%DIR%%/spool max=${kb}k;");
    $t->expect_log(qr/postgres/);
    $spool = "$t->{dir}/spool";
    $org = $t->org;
    $a = account();

    return $t;
}

sub account {
    my (%o) = @_;
    my %a = (name => 'Number ' . ++$n, provider => 'cloud_api',
             phone => sprintf('+1555030%04d', $n),
             number_id => "30000000000$n", token => 'provider-token',
             app_secret => "app-secret-$n", verify_token => "verify-$n");
    my $r = $t->api('POST', '/accounts', \%a, %o);

    die "account: $r->{status} $r->{content}\n" if $r->{status} != 201;
    return { %a, %{ $r->{json} } };
}

sub hook {
    my ($a, @messages) = @_;

    return $json->encode({ object => 'whatsapp_business_account',
        entry => [ { id => '1', changes => [ map { { field => 'messages',
            value => { messaging_product => 'whatsapp',
                metadata => { display_phone_number => '1',
                              phone_number_id => $a->{number_id} },
                messages => [ $_ ] } } } @messages ] } ] });
}

sub text {
    my ($id, $from, $body) = @_;

    return { id => $id, from => $from // '254700000001',
             timestamp => int(time) . '', type => 'text',
             text => { body => $body // 'x' } };
}

sub post {
    my ($a, $id, $from, $body) = @_;

    return $t->webhook($a, hook($a, text($id, $from, $body)))->{status};
}

sub at_once {
    my ($a, @bodies) = @_;
    my (@all, %status);

    push @all, [ $t->raw, $_, '' ] for @bodies;

    for my $c (@all) {
        syswrite $c->[0], "POST $a->{webhook_path} HTTP/1.0\r\n"
            . "Host: x\r\nContent-Length: " . length($c->[1])
            . "\r\nX-Hub-Signature-256: sha256="
            . hmac_sha256_hex($c->[1], $a->{app_secret}) . "\r\n\r\n$c->[1]";
    }

    for my $c (@all) {
        while (IO::Select->new($c->[0])->can_read(30)) {
            sysread($c->[0], $c->[2], 4096, length $c->[2]) or last;
        }

        $status{ ($c->[2] =~ m{^HTTP/1\.\d (\d+)})[0] // 'none' }++;
    }

    return \%status;
}

sub metric {
    my ($name) = @_;

    return ($t->get('/metrics')->{content} =~ /^herald_$name (-?\d+)/m)[0];
}

# provider's ids like this, in the order in which they were stored
sub stored {
    my ($like) = @_;

    return $t->sql("SELECT string_agg(split_part(provider_id, '.', 3), ' '
                        ORDER BY id)
                      FROM messages WHERE provider_id LIKE 'wamid.$like.%'");
}

sub count {
    my ($from) = @_;

    return $t->sql("SELECT count(*) FROM $from");
}

sub files {
    return grep { -f } map { glob "$_/*" } grep { -d && !m{/bad$} }
        glob "$spool/*";
}

sub bad {
    return grep { -f } glob "$spool/bad/*";
}

# every worker knows the account: asked with the right secret it is 200
sub warm {
    my ($a) = @_;

    for my $i (1 .. ($t->{workers} > 1 ? 60 : 3)) {
        my $s = post($a, "wamid.warm.$a->{number_id}");
        die "not warm: $s\n" if $s != 200;
    }
}

sub away {
    $t->cluster_stop('immediate');
}

sub back {
    my ($what) = @_;

    $t->cluster_start;
    $t->ready;
    ok(wait_until(sub { metric('spool_records') == 0 && !files() }, 30),
       "$what: everything is replayed")
        or diag(join "\n", files(), $t->logged(qr/herald:/));
}

is(sprintf('%o', (stat $spool)[2] & 07777), '700', 'the folder is 0700');
is((getpwuid((stat _)[4]))[0], $> == 0 ? 'www-data' : getpwuid($>),
   "and nginx's");


# ── an outage ───────────────────────────────────────────────────────────────

{
    my $other = $t->org;
    my $theirs = account();

    warm($a);
    warm($theirs);
    away();

    is(post($a, "wamid.o.$_"), 200, "away: $_ is taken") for 1 .. 5;
    is(post($theirs, "wamid.t.1"), 200, "another tenant's as well");
    is(post($a, "wamid.o.$_"), 200, "then $_") for 6 .. 8;
    is_deeply(at_once($a, (hook($a, text('wamid.o.9'))) x 50), { 200 => 50 },
              'one fifty times at once');
    is(post($a, 'wamid.o.3'), 200, 'one that was delivered before');

    is(metric('spool_records'), 60, 'all are in the spool');
    cmp_ok(metric('spool_bytes'), '>', 60 * 300, 'with their bytes');
    cmp_ok(metric('spool_syncs_total'), '<', 50, 'they share the syncs');
    is(metric('spool_replayed_total'), 0, 'none is replayed');

    my @files = files();
    is(scalar @files, 1, 'one file');
    is(sprintf('%o', (stat $files[0])[2] & 07777), '600', 'of mode 0600');
    my $bytes = slurp($files[0]);
    my ($token) = $a->{webhook_path} =~ m{([^/]+)$};
    unlike($bytes, qr/\Q$_\E/, 'no secret in it')
        for $token, $a->{app_secret}, 'provider-token', $a->{verify_token};

    # what is no business of the spool
    is($t->webhook($a, hook($a, text('wamid.o.x')),
                   signature => 'sha256=' . '0' x 64)->{status}, 401,
       'a wrong signature');
    is($t->webhook($a, '{"object":"x"}')->{status}, 400, 'no webhook');
    is($t->webhook($a, '{"object":"whatsapp_business_account","entry":[]}')
         ->{status}, 200, 'an empty one');
    my $cold = $t->webhook({ %$a, webhook_path => '/hooks/cloud_api/'
                             . 'C' x 43 }, hook($a, text('wamid.o.y')));
    is($cold->{status}, 503, 'an address that nobody knows');
    is($cold->{headers}{'retry-after'}, 5, 'is to be delivered again');
    is(metric('spool_records'), 60, 'nothing of these was spooled');

    my $slow = 0;

    for (1 .. 50) {
        my $from = time;
        $t->get('/healthz')->{status} == 200 or $slow = 99;
        post($a, 'wamid.o.10') == 200 or $slow = 99;
        $slow = time - $from if time - $from > $slow;
    }

    cmp_ok($slow, '<', 2, 'health and webhooks stay quick');
    is($t->get('/readyz')->{status}, 503, 'it says that it is not ready');

    back('an outage');
    is(stored('o'), '1 2 3 4 5 6 7 8 9 10', 'each once and in order');
    is(stored('t'), '1', "and the other tenant's");
    is($t->sql("SELECT org_id FROM messages WHERE provider_id = 'wamid.t.1'"),
       $other->{id}, 'where it belongs');
    is($t->sql(q{SELECT unread FROM conversations v JOIN contacts c
        ON c.id = v.contact_id WHERE phone = '+254700000001'
        ORDER BY 1 DESC LIMIT 1}), 11, 'and unread is counted once each');
    is(metric('spool_replayed_total'), 110, 'all of them were replayed');
    is(metric('spool_bytes'), 0, 'nothing is left');
    is_deeply([ glob "$spool/*" ], [], 'not even a folder');

    is(post($a, "wamid.o.$_"), 200, "delivered again: $_") for 1, 9, 10;
    is(post($a, 'wamid.o.11'), 200, 'and life goes on');
    is(stored('o'), '1 2 3 4 5 6 7 8 9 10 11', 'still once each');
    is(scalar($t->logged(qr/PostgreSQL is away or too slow, webhooks are kept/)), 1,
       'logged once');
    $t->{key} = $org->{key};
}


# ── statuses and other fields ───────────────────────────────────────────────

{
    my $other = $json->encode({ object => 'whatsapp_business_account',
        entry => [ { id => '1', changes => [ { field => 'account_alerts',
            value => { alert => 'something' } } ] } ] });

    warm($a);
    away();
    is($t->webhook($a, $other)->{status}, 200, 'another field') for 1 .. 3;
    back('other fields');
    is(count(q{webhook_events WHERE field = 'account_alerts'}), 1,
       'is kept once');
}


# ── in the middle of a transaction ──────────────────────────────────────────

{
    warm($a);
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        eval { $t->sql(q{BEGIN; LOCK TABLE conversations; SELECT pg_sleep(60)}) };
        POSIX::_exit(0);
    }

    wait_until { count(q{pg_locks WHERE mode = 'AccessExclusiveLock'
        AND relation = 'conversations'::regclass AND granted}) } 10;

    # it does not answer: after a while they go to the spool, in order
    is_deeply(at_once($a, map { hook($a, text("wamid.m.$_")) } 1 .. 20),
              { 200 => 20 }, 'PostgreSQL is silent');
    is(post($a, 'wamid.m.21'), 200, 'and more');
    is(metric('spool_records'), 21, 'all are in the spool');
    is(count(q{messages WHERE provider_id LIKE 'wamid.m.%'}), 0,
       'none is stored');

    away();
    waitpid $pid, 0;
    is(post($a, 'wamid.m.22'), 200, 'then it dies');
    back('a silent one');
    is(stored('m'), join(' ', 1 .. 22), 'each once and in order');

    # the same, and it speaks again: what was in flight is committed as well
    $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $t->sql(q{BEGIN; LOCK TABLE conversations; SELECT pg_sleep(4)});
        POSIX::_exit(0);
    }

    wait_until { count(q{pg_locks WHERE mode = 'AccessExclusiveLock'
        AND relation = 'conversations'::regclass AND granted}) } 10;
    is_deeply(at_once($a, map { hook($a, text("wamid.n.$_")) } 1 .. 20),
              { 200 => 20 }, 'silent for a while');
    waitpid $pid, 0;
    ok(wait_until(sub { metric('spool_records') == 0 }, 20), 'and back');
    is(stored('n'), join(' ', 1 .. 20), 'each once and in order');
}


# ── who is killed ───────────────────────────────────────────────────────────

sub kill_all {
    my %all = $t->session;

    $t->kill_process($_)
        for $t->{master}, grep { $_ != $t->{master} } keys %all;
    waitpid $t->{master}, 0;
    $t->{master} = 0;
}

{
    warm($a);
    away();
    is(post($a, "wamid.k.$_"), 200, "taken: $_") for 1 .. 5;
    my ($worker) = $t->worker_pids;
    $t->kill_process($worker);
    ok(wait_until(sub { my @w = $t->worker_pids;
                        @w == 1 && $w[0] != $worker }, 10), 'a new worker');
    ok(wait_until(sub { (metric('spool_records') // 0) == 5 }, 20),
       "has adopted the dead one's");
    is(post($a, 'wamid.k.6'), 503, 'whose accounts are not known to it');
    back('a worker killed');
    is(stored('k'), '1 2 3 4 5', 'all are there');

    warm($a);
    away();
    is(post($a, "wamid.l.$_"), 200, "taken: $_") for 1 .. 5;
    kill_all();
    is(scalar(files()), 1, 'nginx is killed, the file stays');
    $t->start;
    ok(wait_until(sub { (metric('spool_records') // 0) == 5 }, 20),
       'the next life adopts it');
    back('nginx killed');
    is(stored('l'), '1 2 3 4 5', 'all are there');

    # the database is back first
    warm($a);
    away();
    is(post($a, "wamid.p.$_"), 200, "taken: $_") for 1 .. 5;
    kill_all();
    $t->cluster_start;
    $t->start;
    ok(wait_until(sub { stored('p') eq '1 2 3 4 5' && !files() }, 20),
       'nginx and PostgreSQL killed');

    # a reload: the old worker hands it over
    warm($a);
    away();
    is(post($a, "wamid.q.$_"), 200, "taken: $_") for 1 .. 5;
    ok($t->reload, 'reload');
    ok(wait_until(sub { (metric('spool_records') // 0) == 5 }, 20),
       'the new worker has it');
    back('a reload');
    is(stored('q'), '1 2 3 4 5', 'all are there');
}

# killed again and again while it replays, and webhooks come
{
    my $many = 400;

    warm($a);
    away();
    my $got = at_once($a, map { hook($a, text("wamid.r.$_",
        '2547001' . sprintf '%05d', $_ % 50)) } 1 .. $many);
    is($got->{200}, $many, "$many are taken");
    $t->cluster_start;

    for my $i (1 .. 4) {
        wait_until { count(q{messages WHERE provider_id LIKE 'wamid.r.%'})
                         >= $i * 20 } 10;
        my ($w) = $t->worker_pids;
        $t->kill_process($w);
        wait_until { my @w = $t->worker_pids; @w == 1 && $w[0] != $w } 10;
    }

    $t->ready;
    ok(wait_until(sub { !files() }, 30), 'workers killed while they replay');
    is(count(q{messages WHERE provider_id LIKE 'wamid.r.%'}), $many,
       'each is there once');
    is($t->sql(q{SELECT sum(unread) FROM conversations v JOIN contacts c
        ON c.id = v.contact_id WHERE phone LIKE '+2547001%'}), $many,
       'and counted once');
}


# ── what comes while it replays ─────────────────────────────────────────────

{
    my ($i, $bad, $empty) = (0, 0, 0);

    warm($a);
    away();

    # several files of it, so that there is something to overtake
    at_once($a, map { hook($a, text('wamid.s.' . ++$i, undef, 'y' x 16000)) }
            1 .. 30) for 1 .. 10;
    cmp_ok(scalar(files()), '>', 3, 'several files');
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $t->cluster_start;
        POSIX::_exit(0);
    }

    # from before it begins to after it has ended
    while ($empty < 10 && $i < 20000) {
        post($a, 'wamid.s.' . ++$i) == 200 or $bad++;
        $empty++ if !files();
    }

    waitpid $pid, 0;
    $t->{pg_up} = 1;
    is($bad, 0, 'none of ' . ($i - 300) . ' more was refused');
    ok(wait_until(sub { !files() }, 10), 'all is replayed');
    is(stored('s'), join(' ', 1 .. $i), 'each once and in order');
}


# ── what a crash of the machine may leave ───────────────────────────────────

sub crc32c {
    my ($bytes) = @_;
    my $c = 0xffffffff;

    for my $byte (unpack 'C*', $bytes) {
        $c ^= $byte;
        $c = $c & 1 ? ($c >> 1) ^ 0x82f63b78 : $c >> 1 for 1 .. 8;
    }

    return $c ^ 0xffffffff;
}

# as spool.h describes it
sub record {
    my ($hash, $body) = @_;
    my $what = pack('q<', time * 1e6) . $hash . $body;
    my $length = pack 'V', length $what;

    return $length . pack('V', crc32c($what) ^ crc32c($length)) . $what;
}

{
    my $rot = sub { $_[0] =~ s/(wamid\.torn\d\.)4/${1}9/r };
    my @cases = (
        [ 'a torn record', sub { $_[0] . substr $_[1], 0, 200 }, 0, 5 ],
        [ 'half a length', sub { "$_[0]\x10" }, 0, 5 ],
        [ 'zeros at the end', sub { $_[0] . "\0" x 5000 }, 0, 5 ],
        [ 'an empty file', sub { '' }, 0, 0 ],
        [ 'half a magic word', sub { 'HDSP' }, 0, 0 ],
        [ 'a byte that rotted', $rot, 1, 3 ],
        [ 'a file of something else', sub { "something else\n" }, 1, 0 ],
        [ 'a length of two gigabytes',
          sub { $_[0] . pack('VV', 2 ** 31, 0) . $_[1] }, 1, 5 ],
    );

    warm($a);
    away();
    is(post($a, 'wamid.torn.1'), 200, 'a real one');

    # length, sum, time, hash, body
    my $hash = substr slurp((files())[0]), 24, 32;
    is(substr(slurp((files())[0]), 0, 8), 'HDSPOOL1', 'its magic word');

    kill_all();
    $t->cluster_start;

    for my $i (0 .. $#cases) {
        my $dir = sprintf '%s/%016x-1-%d', $spool, 1000000 + $i, $i;
        my $good = join '', 'HDSPOOL1', map { record($hash,
            hook($a, text("wamid.torn$i.$_"))) } 1 .. 5;
        my $next = record($hash, hook($a, text("wamid.torn$i.6")));

        mkdir $dir, 0700;
        spew("$dir/00000001", $cases[$i][1]->($good, $next));
        chown +(stat $spool)[4, 5], $dir, "$dir/00000001";
    }

    $t->start;
    ok(wait_until(sub { !files() }, 30), 'all is replayed');
    is(stored('torn'), '1', 'the real one');

    for my $i (0 .. $#cases) {
        my ($what, undef, $kept, $good) = @{ $cases[$i] };

        is(stored("torn$i"), join(' ', 1 .. $good), "$what: what is good");
        is(scalar(grep { /-1-$i-/ } bad()), $kept,
           $kept ? 'the file is kept in bad/' : 'nothing is kept');
    }

    unlink bad();
    ok(wait_until(sub { !grep { !m{/bad$} } glob "$spool/*" }, 5),
       'no folder is left');
}


# ── what PostgreSQL can never store ─────────────────────────────────────────

$t->sql(q{CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'secret words' USING ERRCODE = '22003'; END $$});
$t->sql(q{CREATE TRIGGER poison BEFORE INSERT ON provider_messages
    FOR EACH ROW WHEN (NEW.provider_id LIKE 'wamid.%.poison')
    EXECUTE FUNCTION poison()});

sub kept {
    my ($like) = @_;
    my @rows = split /\n/, $t->sql(q{SELECT payload->>'body_base64url'
        FROM webhook_events WHERE field = 'unstorable' ORDER BY id});

    return grep { /$like/ } map { decode_base64url($_) } @rows;
}

{
    my $body = hook($a, map { text("wamid.v.$_") } 1, 2, 'poison', 3);

    is($t->webhook($a, $body)->{status}, 200, 'live: it is taken');
    is(stored('v'), '1 2 3', 'the rest of it is stored');
    is_deeply([ kept('wamid\.v\.') ], [ $body ], 'and the body kept');
    is($t->webhook($a, $body)->{status}, 200, 'delivered again');
    is_deeply([ kept('wamid\.v\.') ], [ $body ], 'it is kept once');

    warm($a);
    away();
    is(post($a, "wamid.w.$_"), 200, "spooled: $_") for 1, 2, 'poison', 3, 4;
    back('poison');
    is(stored('w'), '1 2 3 4', 'nothing waits behind it');
    is(scalar(kept('wamid\.w\.poison')), 1, 'and it is kept');
    is(scalar(bad()), 0, 'as a row');

    # when even that is refused
    $t->sql(q{CREATE TRIGGER poison BEFORE INSERT ON webhook_events
        FOR EACH ROW EXECUTE FUNCTION poison()});
    warm($a);
    away();
    is(post($a, "wamid.z.$_"), 200, "spooled: $_") for 1, 2, 'poison', 3, 4;
    back('poison in every form');
    is(stored('z'), '1 2 3 4', 'nothing waits behind it');
    is(scalar(bad()), 1, 'it is in bad/');
    is(slurp((bad())[0]) =~ /wamid\.z\.poison/ ? 1 : 0, 1, 'as it came');
    is(sprintf('%o', (stat((bad())[0]))[2] & 07777), '600', 'for nobody else');
    ok($t->logged(qr{cannot be stored.*kept as ".*/bad/}), 'the log says so');
    is(metric('spool_bad_total'), 1, 'it is counted');

    is(post($a, 'wamid.y.poison'), 200, 'live: by way of the spool');
    ok(wait_until(sub { bad() == 2 }, 10), 'it is put there too');
    $t->sql('DROP TRIGGER poison ON webhook_events');

    # an account that is gone meanwhile
    my $gone = account();

    warm($gone);
    away();
    is(post($gone, 'wamid.gone.1'), 200, 'of a number');
    kill_all();
    $t->cluster_start;
    $t->sql("DELETE FROM directory WHERE ref_id = '$gone->{id}'");
    unlink bad();
    $t->start;
    ok(wait_until(sub { !files() }, 20), 'that is gone meanwhile');
    is(scalar(bad()), 1, 'is put aside');
    ok($t->logged(qr/its address is known no more/), 'and the log says why');
    unlink bad();
}


# ── no room ─────────────────────────────────────────────────────────────────

{
    my ($taken, $refused, $i) = (0, 0, 0);

    warm($a);
    away();

    while ($refused < 3 && $i < 400) {
        my $s = post($a, 'wamid.f.' . ++$i, undef, 'y' x 80000);
        $taken++ if $s == 200 && !$refused;
        $refused++ if $s == 503;
        last if $s != 200 && $s != 503;
    }

    is($refused, 3, "max= is reached after $taken");
    cmp_ok(metric('spool_bytes'), '>', ($max - 90) * 1024, 'not sooner');
    cmp_ok(metric('spool_bytes'), '<=', $max * 1024, 'nor later');
    is(metric('spool_failed_total'), 3, 'what was refused is counted');
    is(scalar($t->logged(qr/has reached its max=/)), 1, 'logged once');
    back('full');
    is(count(q{messages WHERE provider_id LIKE 'wamid.f.%'}), $taken,
       'what was answered 200 is there, nothing else');
    is(post($a, 'wamid.f.after'), 200, 'and life goes on');
}

SKIP: {
    # a limit of the process in place of a full disk
    my ($worker) = $t->worker_pids;
    my ($taken, $refused, $i) = (0, 0, 0);

    warm($a);
    away();
    my $limit = sub { system(($> == 0 ? 'setpriv --reuid=www-data '
        . '--regid=www-data --clear-groups ' : '')
        . "prlimit --pid $worker --fsize=$_[0]: 2>/dev/null") == 0 };

    skip 'no prlimit', 1 if !$limit->(20000);

    while ($refused < 3 && $i < 200) {
        my $s = post($a, 'wamid.g.' . ++$i, undef, 'y' x 3000);
        $taken++ if $s == 200;
        $refused++ if $s == 503;
    }

    is($refused, 3, "RLIMIT_FSIZE after $taken");
    cmp_ok($taken, '>', 3, 'not at once');
    $limit->('unlimited');
    is(post($a, 'wamid.g.after'), 200, 'then there is room again');
    back('a limit');
    is(count(q{messages WHERE provider_id LIKE 'wamid.g.%'}), $taken + 1,
       'what was answered 200 is there, nothing else');
    is(($t->worker_pids)[0], $worker, 'the worker lives');
}

$t->cluster_start if !$t->{pg_up};
$t->stop;

SKIP: {
    # a disk of its own that is soon full
    skip 'no right to mount', 1
        if $> != 0 || system("mount -t tmpfs -o size=64k,mode=0700,"
            . "uid=" . (getpwnam 'www-data')[2] . " spool $spool 2>/dev/null");

    my ($taken, $refused, $i) = (0, 0, 0);

    $t->start;
    warm($a);
    away();

    while ($refused < 5 && $i < 200) {
        my $s = post($a, 'wamid.d.' . ++$i, undef, 'y' x 3000);
        $taken++ if $s == 200;
        $refused++ if $s == 503;
    }

    is($refused, 5, "the disk is full after $taken");
    cmp_ok($taken, '>', 5, 'not at once');
    is(scalar($t->logged(qr/could not write: webhooks are refused.*No space|No space.*could not write/)),
       1, 'logged once') or diag($t->logged(qr/spool/));
    back('a full disk');
    is(count(q{messages WHERE provider_id LIKE 'wamid.d.%'}), $taken,
       'what was answered 200 is there, nothing else');
    is(post($a, 'wamid.d.after'), 200, 'and life goes on');
    $t->stop;
    system("umount $spool");
}


# ── without a spool ─────────────────────────────────────────────────────────

$t->{http} = '';
$t->start;
warm($a);
away();
is(post($a, 'wamid.without'), 503, 'without the directive: 503');
$t->cluster_start;
$t->finish;


# ── longer than a worker keeps accounts ─────────────────────────────────────

($t, $a) = ($long, $long_account);
$spool = "$t->{dir}/spool";
wait_until { time > $long_since + 33 } 40;

while ($long_taken < 60) {
    is(post($a, 'wamid.long.' . ++$long_taken), 200, 'the long outage');
}

is(metric('spool_records'), 60, 'of both workers');
back('a long outage');
is(count(q{messages WHERE provider_id LIKE 'wamid.long.%'}), 60,
   'each is there once');

$t->done;
