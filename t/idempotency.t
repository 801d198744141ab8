#!/usr/bin/perl

# Idempotency-Key: a POST that is repeated is done once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use Test::More;

my $t = Herald::Test->new;
my $o = $t->org;

sub post {
    my ($path, $body, $key, %o) = @_;
    return $t->api('POST', $path, $body,
                   headers => { 'idempotency-key' => $key }, %o);
}

my $body = { name => 'once', phone => '+254712000001' };

my $r = post('/contacts', $body, 'key-1');
is($r->{status}, 201, 'the first is done');
my $id = $r->{json}{id};

my $again = post('/contacts', $body, 'key-1');
is($again->{status}, 201, 'the second has the same status');
is($again->{content}, $r->{content}, 'and the same answer, to the byte');
is($again->{headers}{'idempotent-replayed'}, 'true', 'and says so');
is($t->sql('select count(*) from contacts'), 1, 'and did nothing');

$r = post('/contacts', { name => 'other', phone => '+254712000002' },
          'key-1');
is($r->{status}, 422, 'the same key for another body');
is($r->{json}{code}, 'idempotency_key_reused', 'is refused');

$r = post('/contacts', $body, 'key-2');
is($r->{status}, 409, 'a refusal');
$again = post('/contacts', $body, 'key-2');
is($again->{content}, $r->{content}, 'is repeated as well');

for my $bad ('', 'a b', 'x' x 256) {
    is(post('/contacts', $body, $bad)->{status}, 422,
       'no key: "' . substr($bad, 0, 10) . '"');
}

# another organisation's key of the same name is its own

my $other = $t->org;
$r = post('/contacts', $body, 'key-1');
is($r->{status}, 201, 'another tenant uses the same key');
isnt($r->{json}{id}, $id, 'for a contact of its own');

# one message, however often it is asked for, also at the same time

$t->{key} = $o->{key};
my $a = $t->sandbox_account(reply_rate => 0);
$t->open_window($a->{id}, $id);
my $m = JSON::PP->new->canonical->encode({ account_id => $a->{id},
    contact_id => $id, text => 'once' });
my @s = map { $t->raw } 1 .. 8;

for my $s (@s) {
    print $s "POST /api/v1/messages HTTP/1.1\r\nHost: x\r\n"
        . "Connection: close\r\nAuthorization: Bearer $o->{key}\r\n"
        . "Idempotency-Key: m-1\r\nContent-Length: " . length($m)
        . "\r\n\r\n$m";
}

my @status = map { my $s = $_; local $/; (<$s> =~ m{^HTTP/1\.1 (\d+)})[0] }
    @s;
is(scalar(grep { $_ == 202 || $_ == 409 } @status), 8,
   'eight at once: taken or in flight') or diag("@status");
cmp_ok(scalar(grep { $_ == 202 } @status), '>=', 1, 'one is taken');
is($t->sql(q{select count(*) from messages where direction = 'out'}), 1,
   'one message');
is(post('/messages', $m, 'm-1')->{status}, 202, 'the answer stays');

# a client that has gone before its answer gets it when it asks again: the request is
# held by a lock meanwhile

my $lock = fork // die "fork: $!\n";

if ($lock == 0) {
    open STDOUT, '>', '/dev/null';
    exec "$t->{bin}/psql", '-qX', '-d', $t->conninfo('super'), '-c',
        'begin; lock table deliveries in exclusive mode; select pg_sleep(2); commit'
        or POSIX::_exit(1);
}

wait_until { $t->sql("select count(*) from pg_locks where mode = 'ExclusiveLock' and granted
    and relation = 'deliveries'::regclass") } 5, 'the lock';
$r = $t->api('POST', '/messages', $m, timeout => 0.5,
             headers => { 'idempotency-key' => 'gone' });
is($r->{status}, 599, 'a client that does not wait');
waitpid $lock, 0;

wait_until { ($r = post('/messages', $m, 'gone'))->{status} == 202 } 10;
is($r->{status}, 202, 'is told when it asks again');
is($r->{headers}{'idempotent-replayed'}, 'true', 'what was done the first time');
is($t->sql(q{select count(*) from messages where direction = 'out'}), 2, 'once');

# nothing done, nothing kept: PostgreSQL was away

$t->cluster_stop;
$r = post('/contacts', { name => 'later', phone => '+254712000009' }, 'key-9');
is($r->{status}, 503, 'PostgreSQL is away');
$t->cluster_start;
# each worker comes back in its own time
wait_until {
    $r = post('/contacts', { name => 'later', phone => '+254712000009' },
              'key-9');
    $r->{status} != 503;
} 15;
is($r->{status}, 201, 'the same key works afterwards');

$t->done;
