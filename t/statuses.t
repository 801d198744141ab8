#!/usr/bin/perl

# Statuses (stories), at a WAHA of this test's own: posted once under an id that is known
# before, in pieces; what is not known is not tried again by itself; taken down when it was
# said to, and gone after a day; by a schedule; refused for a provider that has none.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use JSON::PP;
use POSIX qw(strftime);
use Time::HiRes qw(time);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new(http =>
    'herald_public_url http://127.0.0.1:%%PORT%%;');
my $o = $t->org;
my $json = JSON::PP->new->utf8->canonical;
my ($true, $false) = (JSON::PP::true(), JSON::PP::false());
my $none = '00000000-0000-7000-8000-000000000000';
my $log = "$t->{dir}/waha.jsonl";


# ── a WAHA that does what a status says ─────────────────────────────────────

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 50,
                                   ReuseAddr => 1) or die "listen: $!";
my $base = 'http://127.0.0.1:' . $listen->sockport;

sub answer {
    my ($c, $status, $body) = @_;
    my $text = $json->encode($body);

    print {$c} "HTTP/1.1 $status X\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($text) . "\r\n\r\n$text";
    $c->flush;
}

sub serve_one {
    my ($c, $n) = @_;

    while (defined(my $line = <$c>)) {
        my ($method, $path) = $line =~ m{^(\w+) (\S+)};
        my $length = 0;

        while (defined($line = <$c>) && $line =~ /\S/) {
            $length = $1 if $line =~ /^content-length:\s*(\d+)/i;
        }

        my $body = '';
        read $c, $body, $length if $length;
        my $b = $length ? $json->decode($body) : {};

        open my $f, '>>', $log or die;
        syswrite $f, $json->encode({ path => $path, body => $b }) . "\n";
        close $f;

        my $text = $b->{text} // $b->{caption} // '';

        if ($path =~ m{/status/new-message-id$}) {
            answer($c, 200, { id => "ID$n" . int(rand 1e9) });
        } elsif ($path =~ m{/status/delete$}) {
            answer($c, 201, {});
        } elsif ($text =~ /hang up/) {
            return;
        } elsif ($text =~ /refuse/) {
            answer($c, 422, { statusCode => 422, message => 'not so' });
        } elsif ($text =~ /busy/ && !-e "$log.busy") {
            open my $g, '>', "$log.busy";
            answer($c, 503, { statusCode => 503, message => 'later' });
        } elsif ($path =~ m{/status/}) {
            answer($c, 201, { id => "true_status\@broadcast_$b->{id}",
                              key => { id => $b->{id} } });
        } else {
            answer($c, 404, { statusCode => 404, message => 'what?' });
        }
    }
}

my $server = fork // die;

END {
    my $rc = $?;
    kill 'TERM', $server if $server;
    $? = $rc;
}

if (!$server) {
    $SIG{CHLD} = 'IGNORE';
    my $n = 0;

    while (my $c = $listen->accept) {
        $n++;
        next if fork;
        serve_one($c, $n);
        POSIX::_exit(0);
    }

    POSIX::_exit(0);
}

sub asked {
    my ($what) = @_;
    return grep { $_->{path} =~ m{/status/(?:$what)$} }
        map { $json->decode($_) } split /\n/, slurp($log);
}


# ── statuses ────────────────────────────────────────────────────────────────

my $w = $t->api('POST', '/accounts', { name => 'Phone', provider => 'waha',
    number_id => 'default', token => 'key', base_url => $base,
    app_secret => 'a secret of ours' });

if ($w->{status} == 422 && $w->{json}{errors}[0]{pointer} eq '/provider') {
    pass('there is no provider with statuses here');
    $t->done;
    exit;
}

is($w->{status}, 201, 'a number') or BAIL_OUT($w->{content});
my $a = $w->{json}{id};
my $cloud = $t->sandbox_account;

sub state_of {
    my ($id) = @_;
    return $t->api('GET', "/statuses/$id")->{json};
}

sub settled {
    my ($id, $state) = @_;

    wait_until { state_of($id)->{state} eq $state } 20,
        "$state, it is " . state_of($id)->{state};
    return state_of($id);
}

sub post {
    my (%b) = @_;
    my $r = $t->api('POST', '/statuses', { account_id => $a, %b });

    is($r->{status}, 202, 'taken') or diag($r->{content});
    return $r->{json};
}

my %text = (content => { type => 'text', text => 'Hello' });

for my $bad (
    ['/account_id', account_id => $none],
    ['/account_id', account_id => $cloud->{id}],
    ['/content/type', content => { type => 'poll' }],
    ['/content/text', content => { type => 'text' }],
    ['/content/text', content => { type => 'text', text => 'x' x 701 }],
    ['/content/background_color', content => { type => 'text', text => 'x',
        background_color => 'green' }],
    ['/content/font', content => { type => 'text', text => 'x', font => 11 }],
    ['/content', content => { type => 'text', text => 'x', link => 'x' }],
    ['/content/link', content => { type => 'image' }],
    ['/content/link', content => { type => 'image', link => 'file:///x' }],
    ['/content/media_id', content => { type => 'image', media_id => $none }],
    ['/recipients', recipients => {}], ['/recipients', recipients => { all =>
        $false }],
    ['/recipients/phones/1', recipients => { phones => ['+254712345678',
        'x'] }],
    ['/delete_after_s', delete_after_s => 5])
{
    my ($pointer, %change) = @$bad;
    my $r = $t->api('POST', '/statuses', { account_id => $a, %text, %change });

    is("$r->{status} " . ($r->{json}{errors}[0]{pointer} // $r->{content}),
       "422 $pointer", $json->encode(\%change) =~ s/x{700}/x.../r);
}

is($t->api('POST', '/statuses', { account_id => $cloud->{id}, %text })
   ->{json}{code}, 'unsupported', 'the Cloud API has none');

# to all
my $s = post(%text);
is($s->{state}, 'queued', 'queued');
$s = settled($s->{id}, 'posted');
my ($p) = asked('text');
is($p->{body}{text}, 'Hello', 'posted');
is($p->{body}{id}, $s->{provider_id}, 'under the id that was known before');
ok(!exists $p->{body}{contacts}, 'to whoever the phone says');
ok($s->{expires_at} gt $s->{posted_at}, 'for a day');

# to a list, in pieces under one id
$s = post(content => { type => 'text', text => 'Many' }, recipients =>
    { phones => [map { sprintf '+2547120%05d', $_ } 1 .. 600] });
$s = settled($s->{id}, 'posted');
is_deeply([@$s{qw(sent total)}], [600, 600], 'to all of them');
my @p = grep { $_->{body}{text} eq 'Many' } asked('text');
is_deeply([map { scalar @{ $_->{body}{contacts} } } @p], [256, 256, 88],
          'in pieces');
my %id = map { $_->{body}{id} => 1 } @p;
is(join(' ', keys %id), $s->{provider_id}, 'under one id');
my %to = map { $_ => 1 } map { @{ $_->{body}{contacts} } } @p;
is(scalar keys %to, 600, 'each once');

$t->api('DELETE', "/statuses/$s->{id}");
settled($s->{id}, 'deleted');
is_deeply([map { scalar @{ $_->{body}{contacts} } } asked('delete')],
          [256, 256, 88], 'and so it is taken down');

# to a segment, as it is now
$t->api('POST', '/contacts', { phone => "+25471234560$_", tags => ['vip'] })
    for 1 .. 3;
my $out = $t->api('POST', '/contacts', { phone => '+254712345609',
    tags => ['vip'], marketing_opt_out => $true });
$s = post(content => { type => 'image', link => 'https://example.com/a.jpg',
    caption => 'Look' }, recipients => { tag => 'vip' });
is(settled($s->{id}, 'posted')->{total}, 3, 'without who stopped marketing');
is((asked('image'))[0]{body}{caption}, 'Look', 'an image');
$s = post(%text, recipients => { tag => 'nobody' });
is(settled($s->{id}, 'failed')->{detail}, 'Nobody is among its recipients.',
   'nobody');

# refused, busy, silent
$s = settled(post(content => { type => 'text', text => 'refuse' })->{id},
             'failed');
like($s->{detail}, qr/not so/, 'refused, in its words');
$s = settled(post(content => { type => 'text', text => 'busy' })->{id},
             'posted');
is(scalar(grep { $_->{body}{text} eq 'busy' } asked('text')), 2,
   'busy: again');
$s = settled(post(content => { type => 'text', text => 'hang up' })->{id},
             'unknown');
like($s->{detail}, qr/may be up/, 'nobody knows');
is($t->sql("SELECT count(*) FROM errands WHERE ref_id = '$s->{id}'"), 0,
   'not again by itself');
is(scalar(grep { $_->{body}{text} eq 'hang up' } asked('text')), 1, 'it was '
   . 'posted once');
is($t->api('DELETE', "/statuses/$s->{id}")->{status}, 409, 'not to be deleted');
is($t->api('POST', "/statuses/$s->{id}/retry")->{status}, 202,
   'who asks for it');
ok(wait_until { (grep { $_->{body}{text} eq 'hang up' } asked('text')) == 2 }
   15, 'gets it tried again');
settled($s->{id}, 'unknown');

# a worker dies while it posts: it says so, and is not posted again
$t->sql("UPDATE statuses SET state = 'posting', sending = 1, sent = 0 "
        . "WHERE id = '$s->{id}'");
$t->sql("SELECT set_config('herald.org', '$o->{id}', false); SELECT "
        . "herald_errand(gen_random_uuid(), 'status', '$a', '$s->{id}', '{}', "
        . "now())");
post(%text);
is(settled($s->{id}, 'unknown')->{state}, 'unknown', 'interrupted: unknown');
is(scalar(grep { $_->{body}{text} eq 'hang up' } asked('text')), 2,
   'and not posted again');

# taken down
$s = settled(post(%text)->{id}, 'posted');
is($t->api('DELETE', "/statuses/$s->{id}")->{status}, 202, 'taken down');
settled($s->{id}, 'deleted');
is((asked('delete'))[-1]{body}{id}, $s->{provider_id}, 'that one');
is($t->api('DELETE', "/statuses/$s->{id}")->{status}, 409, 'once');
$s = settled(post(%text, delete_after_s => 60)->{id}, 'posted');
is($t->sql("SELECT delete_at - posted_at FROM statuses WHERE id = "
           . "'$s->{id}'"), '00:01:00', 'or when it was said to');
$t->sql("UPDATE statuses SET delete_at = now() WHERE id = '$s->{id}'; "
        . "UPDATE agenda a SET due_at = now() FROM errands e WHERE "
        . "e.ref_id = '$s->{id}' AND a.ref_id = e.id");
post(%text);
settled($s->{id}, 'deleted');
$s = settled(post(%text)->{id}, 'posted');
$t->sql("UPDATE statuses SET expires_at = now() WHERE id = '$s->{id}'; "
        . "UPDATE agenda a SET due_at = now() FROM errands e WHERE "
        . "e.ref_id = '$s->{id}' AND a.ref_id = e.id");
post(%text);
settled($s->{id}, 'expired');
is($t->sql("SELECT count(*) FROM errands WHERE ref_id = '$s->{id}'"), 0,
   'after a day nothing is left to do');

# by a schedule
my %sched = (kind => 'status', time_zone => 'UTC', delete_after_s => 3600,
    starts_at => strftime('%Y-%m-%dT%H:%M:%S', gmtime(time + 2)),
    document => { account_id => $a, content => { type => 'text',
        text => 'Planned' } });
my $r = $t->api('POST', '/schedules', { %sched, document => {
    account_id => $cloud->{id}, %text } });
is("$r->{json}{code} $r->{json}{errors}[0]{pointer}",
   'unsupported /document/account_id', 'checked as it is there');
$r = $t->api('POST', '/schedules', { %sched });
is($r->{status}, 201, 'planned') or diag($r->{content});
ok(wait_until { grep { $_->{body}{text} eq 'Planned' } asked('text') } 20,
   'posted at its time');
my $run = $t->api('GET', "/schedules/$r->{json}{id}/runs")->{json}{data}[0];
is(settled($run->{ref_id}, 'posted')->{delete_after_s}, 3600,
   'to be deleted after an hour');

# a file of ours
my $png = pack 'H*', '89504e470d0a1a0a0000000d4948445200000001000000010806'
    . '0000001f15c4890000000d49444154789c6360000000000500017a5eab3f0000000049'
    . '454e44ae426082';
$r = $t->request('POST', '/api/v1/media', headers => {
    'content-type' => 'image/png', authorization => "Bearer $o->{key}" },
    content => $png);

SKIP: {
    skip "no upload of this kind: $r->{status}", 3 if $r->{status} !~ /^20/;
    my $m = $r->{json} // $json->decode($r->{content});

    settled(post(content => { type => 'image', media_id => $m->{id},
        caption => 'Ours' })->{id}, 'posted');
    ($p) = grep { ($_->{body}{caption} // '') eq 'Ours' } asked('image');
    like($p->{body}{file}{url}, qr{^http://127\.0\.0\.1:\d+/media/$m->{id}/},
         'by an address that it can fetch');
    is($t->api('POST', '/statuses', { account_id => $a, content => {
       type => 'video', media_id => $m->{id} } })->{json}{errors}[0]{pointer},
       '/content/media_id', 'as what it is');
}

my $other = $t->org;
is($t->api('GET', "/statuses/$s->{id}", undef, token => $other->{key})
   ->{status}, 404, 'another organisation sees none');
is(scalar @{ $t->api('GET', '/statuses', undef, token => $other->{key})
   ->{json}{data} }, 0, 'nor lists them');

kill 'TERM', $server;
waitpid $server, 0;
$t->done;
