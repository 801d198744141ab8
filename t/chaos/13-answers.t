#!/usr/bin/perl

# Fault 13: the provider answers 500, 502, 503; 429 with Retry-After; 130429, 131056,
# 131049; something that is no JSON, nothing at all, a hundred megabytes; and it has a
# certificate that nobody has signed.  What was surely refused is tried again, when it is
# time; what may have been taken is unknown; what is not to be trusted gets nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Herald::Test;
use Herald::Test::Chaos;
use Herald::Test::ChaosProvider;
use Test::More;
use Time::HiRes qw(sleep time);

my $n = 12;
my $tls = Herald::Test::Nginx::free_port();
my $dir = File::Temp::tempdir('hdcXXXXXX', DIR => '/tmp', CLEANUP => 1);

chmod 0755, $dir;
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
       . "-addext subjectAltName=IP:127.0.0.1 "
       . "-keyout $dir/key.pem -out $dir/cert.pem > /dev/null 2>&1") == 0
    or plan skip_all => 'openssl is not here';

my $c = chaos(name => 'answers of every kind', box => <<"CONF");
server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $dir/cert.pem;
        ssl_certificate_key $dir/key.pem;
        location /sandbox/ { herald_sandbox; }
    }
CONF
my $t = $c->{t};
my $p = Herald::Test::ChaosProvider->new($t->{dir});
push @{ $c->{helpers} }, $p->{pid};

my @good = @{ $c->{accounts} };
my %sent;

sub begin {
    my ($mode, $url) = @_;
    my $a = $c->number(name => $mode, base_url => $url // $p->url($mode), rate_limit => 0);

    (my $tag = $mode) =~ tr{/}{-};
    $c->people($tag, $n);

    my $r = $t->api('POST', '/broadcasts', { name => $mode, account_id => $a->{id},
        template_id => $c->{template}{hello}, audience => { tag => $tag } });
    die $r->{content} if $r->{status} != 201;

    $c->{own}{ $r->{json}{id} } = 1;
    return $sent{$mode} = { id => $r->{json}{id}, account => $a };
}

sub states_of {
    my ($mode) = @_;

    return join ' ', sort split /\n/, $t->sql("select state || ':' || count(*)
        from deliveries where batch_id = '$sent{$mode}{id}' group by state");
}

# seconds between the first try and the second, the least of all messages
sub least_gap {
    my ($mode) = @_;
    my (%first, $least);

    for my $l ($p->ledger($mode)) {
        if ($l->{try} == 1) {
            $first{ $l->{reference} } = $l->{mono};
        } elsif ($l->{try} == 2) {
            my $gap = $l->{mono} - $first{ $l->{reference} };
            $least = $gap if !defined $least || $gap < $least;
        }
    }

    return $least;
}

begin($_) for 'burst/500/3', 'http/502/1', 'http/503/1', 'after/4', 'error/130429/1',
    'error/131056/1', 'error/131049/9', 'error/131026/9', 'badjson', 'empty', 'huge';
begin('tls', "https://127.0.0.1:$tls/sandbox");
@{ $c->{accounts} } = @good;

# beside them one that is well
$c->drive;
$c->broadcast;


# refused before it was taken: again, until it is

my $rss = 0;

sub worker_rss {
    my $sum = 0;

    for my $pid ($t->worker_pids) {
        $sum += $1 if Herald::Test::slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m;
    }

    return $sum / 1024;
}

for my $mode ('burst/500/3', 'http/502/1', 'http/503/1', 'after/4', 'error/130429/1',
              'error/131056/1')
{
    wait_until { states_of($mode) eq "accepted:$n" } 60;
    is(states_of($mode), "accepted:$n", "$mode: all are taken in the end");

    my (%tries, %taken);
    for my $l ($p->ledger($mode)) {
        $tries{ $l->{reference} }++;
        $taken{ $l->{reference} }++ if $l->{said} eq 'taken';
    }

    is(scalar(grep { $_ != 1 } values %taken), 0, 'each once');
    cmp_ok(least_gap($mode), '>=', 0.9, sprintf('not at once again: after %.1f s',
                                                least_gap($mode)));
    $rss = worker_rss() if worker_rss() > $rss;
}

cmp_ok(least_gap('after/4'), '>=', 3.9,
       sprintf('Retry-After: 4 is honoured: %.1f s', least_gap('after/4')));


# for this person not again: a day at the earliest, or never

wait_until { states_of('error/131049/9') !~ /sending/ } 20;
my %tries;
$tries{ $_->{reference} }++ for $p->ledger('error/131049/9');
is(join(' ', grep { $_ != 1 } values %tries), '', '131049: one try for each person');
like(states_of('error/131049/9'), qr/^(?:failed|queued):$n$/, 'and no more for now');
is($t->sql("select count(*) from deliveries where batch_id = '$sent{'error/131049/9'}{id}'
    and state = 'queued' and next_try_at < now() + interval '20 hours'"), 0,
   'the next is a day away, if there is one');

wait_until { states_of('error/131026/9') eq "failed:$n" } 20;
is(states_of('error/131026/9'), "failed:$n", '131026 is final');


# 200 and no answer: it may have been taken

for my $mode (qw(badjson empty huge)) {
    wait_until { states_of($mode) eq "unknown:$n" } 40;
    is(states_of($mode), "unknown:$n", "$mode: unknown");

    my %tries;
    $tries{ $_->{reference} }++ for $p->ledger($mode);
    is(scalar(grep { $_ > 1 } values %tries), 0, 'and not sent again');
}

$rss = worker_rss() if worker_rss() > $rss;
cmp_ok($rss, '<', 400, sprintf('a body of 100 MB is not kept: %.0f MB in all workers', $rss));


# a certificate that nobody has signed: not a byte

wait_until { states_of('tls') !~ /sending/ && $t->sql("select max(attempts)
    from deliveries where batch_id = '$sent{tls}{id}'") > 0 } 20;
is(scalar(grep { ($_->{phone_number_id} // '') eq $sent{tls}{account}{number_id} }
          $c->{box}->ledger), 0, 'nothing was given to the wrong certificate');
unlike(states_of('tls'), qr/accepted|sent|delivered|read|unknown/, 'nor is any of it unknown');

$t->api('POST', "/broadcasts/$sent{$_}{id}/cancel") for 'tls', 'error/131049/9';
wait_until { $t->sql("select count(*) from deliveries where state in ('queued', 'sending')
    and batch_id <> '$c->{broadcasts}[0]{id}'") == 0 } 30;

$c->{calm} = 0;
$c->judge(counters => 0);
$p->stop;

$c->done;
