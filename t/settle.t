#!/usr/bin/perl

# Outcomes of a broadcast that come together, when not all of it is as it was
# left: a status came before the answer, some were refused, some called unknown.
# One whose messages were all given the same id by the provider.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Herald::Test;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Test::More;

my $n = 90;
my $t = Herald::Test->new;
my $o = $t->org;
my $seen = "$t->{dir}/provider.seen";
my $go = "$t->{dir}/provider.go";


# a provider that notes each message and answers all of them when it is told
sub answer {
    my ($body) = @_;
    my ($to) = $body =~ /"to":"\+?(\d+)"/;
    my $id = $to =~ /^254711/ ? 'wamid.same' : "wamid.$to";
    my ($code, $json) = $to =~ /5$/
        ? ('400 Bad Request', '{"error":{"message":"no","code":131026}}')
        : ('200 OK', '{"messages":[{"id":"' . $id . '"}]}');

    return "HTTP/1.1 $code\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($json) . "\r\n\r\n$json";
}

sub provider {
    my ($listen) = @_;
    my $select = IO::Select->new($listen);
    my (%in, @held);

    while (1) {
        for my $s ($select->can_read(0.05)) {
            if ($s == $listen) {
                my $new = $listen->accept or next;
                $select->add($new);
                $in{$new} = '';
                next;
            }

            if (!sysread $s, $in{$s}, 65536, length $in{$s}) {
                $select->remove($s);
                delete $in{$s};
                next;
            }

            my ($len) = $in{$s} =~ /^content-length: (\d+)/mi or next;
            my $at = index $in{$s}, "\r\n\r\n";

            next if $at < 0 || length($in{$s}) < $at + 4 + $len;

            my $body = substr $in{$s}, $at + 4, $len;
            my ($reference) = $body =~ /"biz_opaque_callback_data":"([^"]+)"/;
            my ($to) = $body =~ /"to":"\+?(\d+)"/;

            $in{$s} = '';
            push @held, [ $s, answer($body) ];
            open my $out, '>>', $seen or die;
            syswrite $out, "$to $reference\n";
        }

        if (-e $go) {
            syswrite $_->[0], $_->[1] for @held;
            @held = ();
        }
    }
}

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
    Listen => 256, ReuseAddr => 1) or die "listen: $!\n";
my $pid = fork // die "fork: $!\n";

if ($pid == 0) {
    $SIG{PIPE} = 'IGNORE';
    provider($listen);
    POSIX::_exit(0);
}

END {
    if ($pid) {
        my $status = $?;
        kill 'KILL', $pid;
        waitpid $pid, 0;
        $? = $status;
    }
}


my $a = $t->sandbox_account(account => {
    base_url => 'http://127.0.0.1:' . $listen->sockport });
my $template = $t->api('POST', '/templates', { name => 'hello',
    language => 'en', category => 'utility', body => 'Hi' })->{json};

# people, and a broadcast to them: its id
sub broadcast {
    my ($tag, $prefix, $n) = @_;
    my $csv = "first_name,phone\n";

    $csv .= sprintf("P,%s%06d\n", $prefix, $_) for 1 .. $n;
    is($t->api('POST', "/contacts/import?tags=$tag", $csv,
               headers => { 'content-type' => 'text/csv' })->{json}{created},
       $n, "contacts: $tag");

    return $t->api('POST', '/broadcasts', { name => $tag,
        account_id => $a->{id}, template_id => $template->{id},
        audience => { tag => $tag } })->{json}{id};
}

sub lines {
    my @lines = -e $seen ? split(/\n/, slurp($seen)) : ();

    return @lines;
}

sub counters {
    my ($id) = @_;
    my $c = $t->api('GET', "/broadcasts/$id")->{json}{counters};

    return [ @$c{qw(queued sent delivered failed unknown)} ];
}

sub completed {
    my ($id) = @_;

    ok(wait_until(sub {
        $t->api('GET', "/broadcasts/$id")->{json}{status} eq 'completed'
    }, 30), 'completed');

    return counters($id);
}


my $id = broadcast('early', '+254700', $n);

ok(wait_until(sub { lines() == $n }, 30), 'the provider has all of them');

# every third is delivered before Herald is told its id
my @early;

for my $line (lines()) {
    my ($to, $reference) = split / /, $line;
    next if $to % 3 || $to =~ /5$/;

    push @early, { id => "wamid.$to", status => 'delivered',
        timestamp => time . '', recipient_id => $to,
        biz_opaque_callback_data => $reference };
}

is($t->webhook($a, { object => 'whatsapp_business_account', entry => [ {
    id => '1', changes => [ { field => 'messages', value => {
        messaging_product => 'whatsapp', metadata => {
            display_phone_number => '1',
            phone_number_id => $a->{number_id} },
        statuses => \@early } } ] } ] })->{status}, 200, 'statuses came first');

my $refused = grep { /5 / } lines();
my $where = "batch_id = '$id'";

spew($go, '');

is($refused, 9, 'nine are refused');
is_deeply(completed($id), [ 0, $n - $refused, scalar @early, $refused, 0 ],
          'each outcome is counted once');
# they keep nothing open: their outcomes may be later than the end
ok(wait_until(sub {
    $t->sql("SELECT count(*) FROM deliveries WHERE $where AND state = "
            . "'delivered' AND accepted_at IS NOT NULL") == @early
}, 10), 'those that were early have been accepted too');
is($t->sql("SELECT count(*) FROM deliveries WHERE $where AND state = "
           . "'accepted' AND accepted_at IS NOT NULL"),
   $n - $refused - @early, 'the others as well');
is($t->sql("SELECT count(*), count(DISTINCT provider_id) FROM deliveries "
           . "WHERE $where AND provider_id IS NOT NULL"),
   join('|', ($n - $refused) x 2), 'each has its id');
is($t->sql("SELECT count(*) FROM provider_messages WHERE $where"),
   $n - $refused, 'by which it is found');
is($t->sql("SELECT count(*), count(DISTINCT m.id) FROM messages m JOIN "
           . "deliveries d ON d.message_id = m.id WHERE d.$where"), "$n|$n",
   'and its words');

$id = broadcast('same', '+254711', 20);
is_deeply(completed($id), [ 0, 18, 0, 2, 0 ],
          'all with the same id: each is counted');
is($t->sql("SELECT count(*) FROM provider_messages WHERE provider_id = "
           . "'wamid.same'"), 1, 'the id is one\'s');

# some are called unknown, as the helper does with rows that nobody has
unlink $go;
$id = broadcast('unknown', '+254722', 20);
ok(wait_until(sub { lines() == $n + 40 }, 30), 'the provider has these too');
$t->sql("WITH d AS (UPDATE deliveries SET state = 'unknown' WHERE batch_id = "
        . "'$id' AND seq % 3 = 0 RETURNING org_id) INSERT INTO "
        . "broadcast_counters (org_id, broadcast_id, stripe, unknown) "
        . "SELECT org_id, '$id', 77, count(*) FROM d GROUP BY org_id");
spew($go, '');
completed($id);
ok(wait_until(sub { "@{ counters($id) }" eq '0 18 0 2 0' }, 10),
   'nobody is unknown any more');

$t->done;
