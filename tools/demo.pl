#!/usr/bin/perl
#
# demo.pl ADDRESS STATE HERALD TOP: loads the demo organisation through the same API
# that everyone uses, and sends its broadcast.  Each step is written to
# STATE/demo.json as soon as it is done, so an interrupted run goes on where it
# stopped; a step that was done but not written finds what it made before.
#
# The sandbox's numbers live in shared memory, which a restart empties: they are set at
# every start, also when the demo is long complete.

use strict;
use warnings;

use Fcntl;
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(sleep time);

my ($address, $dir, $herald, $top) = @ARGV;

die "usage: demo.pl ADDRESS STATE HERALD TOP\n" if !defined $top;

my $email = $ENV{DEMO_EMAIL} // 'owner@demo.example';
my $number_id = '100000000000010';
my $phone = '+15550100010';
my $json = JSON::PP->new->utf8->canonical;
my $http = HTTP::Tiny->new(timeout => 30, keep_alive => 1,
                           agent => 'herald-demo');
my $did = read_json("$dir/demo.json") // {};
my $token;

$| = 1;
$SIG{INT} = $SIG{TERM} = sub { print "\n"; exit 130 };


sub say_line {
    print "herald: $_[0]\n";
}

sub fail {
    print STDERR "\nherald: $_[0]\n";
    exit 1;
}

sub read_file {
    my ($path) = @_;

    open my $f, '<:raw', $path or return undef;
    local $/;
    return scalar <$f>;
}

sub read_json {
    my $text = read_file($_[0]);

    return defined $text ? eval { $json->decode($text) } : undef;
}

# whole or not at all, for its owner only
sub write_file {
    my ($path, $text) = @_;

    unlink "$path.new";
    sysopen(my $f, "$path.new", O_WRONLY | O_CREAT | O_EXCL, 0600)
        or fail("cannot write $path.new: $!");
    print {$f} $text;
    close $f or fail("cannot write $path.new: $!");
    rename "$path.new", $path or fail("cannot write $path: $!");
}

sub done {
    my (%more) = @_;

    $did = { %$did, %more };
    write_file("$dir/demo.json", $json->pretty->encode($did));
    $json->pretty(0);
}

sub random_text {
    my ($n) = @_;

    open my $f, '<:raw', '/dev/urandom' or fail("no /dev/urandom: $!");
    my $bytes = "";
    read($f, $bytes, $n) == $n or fail("no random bytes: $!");

    # without the letters that are taken for one another
    my $set = 'abcdefghjkmnpqrstuvwxyz23456789';
    return join '', map { substr $set, ord($_) % length $set, 1 }
        split //, $bytes;
}

# what is wrong, in the server's own words
sub problem {
    my ($r) = @_;

    return $r->{content} if $r->{status} == 599;

    my $p = eval { $json->decode($r->{content}) };
    my @why = ref $p eq 'HASH'
        ? ($p->{detail} // $p->{title} // $p->{error} // $r->{content},
           map { ($_->{pointer} // '') . ' ' . ($_->{detail} // '') }
           @{ $p->{errors} // [] })
        : $r->{content};

    return join '; ', "status $r->{status}", @why;
}

# Returns (status, decoded body).  503 is waited out for a while: PostgreSQL may just
# be coming back.
sub ask {
    my ($method, $path, $body, %more) = @_;
    my %headers = (accept => 'application/json', %{ $more{headers} // {} });
    my $until = time + 20;
    my $r;

    $headers{authorization} = "Bearer $token" if defined $token;

    if (ref $body) {
        $headers{'content-type'} = 'application/json';
        $body = $json->encode($body);
    }

    do {
        $r = $http->request($method, "$address$path",
            { headers => \%headers, defined $body ? (content => $body) : () });
    } while ($r->{status} == 503 && time < $until && sleep 0.5);

    my $ok = $more{ok} // [200 .. 299];

    if (!grep { $_ == $r->{status} } @$ok) {
        fail("the demo's $method $path failed: " . problem($r));
    }

    return ($r->{status}, length $r->{content}
            ? eval { $json->decode($r->{content}) } : undef);
}

sub api {
    my ($method, $path, @more) = @_;

    return ask($method, "/api/v1$path", @more);
}

# the first row of a list for which $match holds
sub find {
    my ($path, $match) = @_;
    my $cursor = '';

    do {
        my (undef, $page) = api('GET', "$path?limit=200$cursor");

        for my $row (@{ $page->{data} }) {
            return $row if $match->($row);
        }

        $cursor = $page->{next_cursor} ? "&cursor=$page->{next_cursor}" : '';
    } while ($cursor);

    return undef;
}

# the command's output; its complaints go through to the terminal
sub command {
    open my $out, '-|', $herald, @_ or fail("cannot run $herald: $!");
    my $line = <$out>;
    my $ok = close $out;

    chomp $line if defined $line;
    return $ok ? $line : undef;
}


sub organisation {
    return if $did->{user_id};

    if (!$did->{org_id}) {
        my $id = command(qw(org create --name), 'Acacia Demo')
            // fail('the demo organisation could not be created');
        done(org_id => $id);
    }

    my $password = $ENV{DEMO_PASSWORD} // random_text(14);

    write_file("$dir/demo.password", "$password\n");
    write_file("$dir/demo.login", "email=$email\npassword=$password\n");

    # a run that ended between the two steps has made the user already
    open my $err, '>&', \*STDERR;
    open STDERR, '>', '/dev/null';
    my $id = command(qw(user create --org), $did->{org_id}, '--email', $email,
                     '--name', 'Demo Owner', qw(--role owner --password-file),
                     "$dir/demo.password");
    open STDERR, '>&', $err;

    if (!defined $id) {
        command(qw(user password --email), $email, '--password-file',
                "$dir/demo.password")
            // fail('the demo user could not be created');
        $id = 'known';
    }

    unlink "$dir/demo.password";
    done(user_id => $id);
}

sub sign_in {
    if (!$did->{api_key}) {
        my %login = map { chomp; split /=/, $_, 2 }
            split /^/, read_file("$dir/demo.login")
                // fail("$dir/demo.login is gone; make reset begins anew");
        my (undef, $session) = api('POST', '/login',
            { email => $login{email}, password => $login{password} });

        $token = $session->{token};

        my (undef, $key) = api('POST', '/api-keys',
            { name => 'Demo loader', scopes => [qw(read send admin)] });

        api('POST', '/logout', undef, ok => [204]);
        done(api_key => $key->{key});
    }

    $token = $did->{api_key};
}

# the number at the provider's (the sandbox), at every start
sub number {
    my ($webhook) = @_;

    ask('PUT', "/sandbox-control/_control/numbers/$number_id", {
        app_secret => $did->{app_secret},
        token => $did->{token},
        verify_token => $did->{verify_token},
        display_phone_number => $phone,
        verified_name => 'Acacia Demo',
        rate_limit => 100,
        reply_rate => 0.05,
        # everybody reads: a thousand in, a thousand ticks out
        delivered_rate => 1, read_rate => 1, failures => [],
        $webhook ? (webhook_url => "$address$webhook") : (),
    });
}

sub account {
    if (!$did->{token}) {
        done(token => random_text(32), app_secret => random_text(32),
             verify_token => random_text(16));
    }

    if (!$did->{account_id}) {
        number();

        my ($status, $account) = api('POST', '/accounts', {
            name => 'Shop (sandbox)', provider => 'cloud_api',
            phone => $phone, number_id => $number_id,
            token => $did->{token}, app_secret => $did->{app_secret},
            verify_token => $did->{verify_token},
            base_url => "$address/sandbox", rate_limit => 80,
        }, ok => [201, 409]);

        if ($status == 409) {
            $account = find('/accounts',
                            sub { $_[0]{number_id} eq $number_id })
                // fail('the demo account exists but is not in the list');
        }

        done(account_id => $account->{id},
             webhook_path => $account->{webhook_path});
    }

    number($did->{webhook_path});
    write_file("$dir/numbers.ready", "");
    chmod 0644, "$dir/numbers.ready";
}

sub template {
    return if $did->{template_id};

    my ($status, $template) = api('POST', '/templates', {
        name => 'order_ready', language => 'en', category => 'utility',
        header => 'Your order is ready',
        body => 'Hello {{name}}, your order {{order}} is packed and waiting '
            . 'for you. We are open until 18:00.',
        footer => 'Acacia Demo',
    }, ok => [201, 409]);

    if ($status == 409) {
        $template = find('/templates', sub { $_[0]{name} eq 'order_ready' })
            // fail('the demo template exists but is not in the list');
    }

    done(template_id => $template->{id});
}

sub contacts {
    return if $did->{imported};

    my $csv = read_file("$top/demo/contacts.csv")
        // fail("demo/contacts.csv is missing");

    my (undef, $import) = api('POST', '/contacts/import?tags=demo', $csv,
        headers => { 'content-type' => 'text/csv' });

    if ($import->{failed}) {
        my $e = $import->{errors}[0];
        fail("$import->{failed} of the demo's contacts were refused; line "
             . "$e->{line}: $e->{detail}");
    }

    say_line(sprintf '%d contacts imported', $import->{rows});
    done(imported => $import->{rows});
}

sub broadcast {
    return if $did->{broadcast_id};

    my $name = 'Order ready';
    my $row = find('/broadcasts', sub { $_[0]{name} eq $name });

    if (!$row) {
        (undef, $row) = api('POST', '/broadcasts', {
            name => $name, account_id => $did->{account_id},
            template_id => $did->{template_id}, audience => { tag => 'demo' },
            variables => { name => '{{first_name|friend}}', order => 'A-1042' },
        });
    }

    done(broadcast_id => $row->{id});
}

my ($shown, $shown_at) = ('', 0);

# one line that is written over; in a log a line every few seconds
sub progress {
    my ($b, $last) = @_;
    my $c = $b->{counters};
    my $line = sprintf 'herald: broadcast %s: %d of %d sent, %d delivered, '
        . '%d read, %d replied, %d failed', $b->{status},
        $c->{sent}, $c->{audience} // 0, @$c{qw(delivered read replied failed)};

    if (-t STDOUT) {
        print "\r\e[K$line", $last ? "\n" : '';
    } elsif ($line ne $shown && ($last || time - $shown_at >= 3)) {
        print "$line\n";
        ($shown, $shown_at) = ($line, time);
    }
}

# until it is completed and the statuses have stopped coming
sub watch {
    my ($changed, $seen) = (time, '');

    while (1) {
        my (undef, $b) = api('GET', "/broadcasts/$did->{broadcast_id}");
        my $now = $json->encode($b->{counters});
        my $c = $b->{counters};

        if ($now ne $seen) {
            ($changed, $seen) = (time, $now);
        }

        my $ended = $b->{status} =~ /^(?:completed|cancelled|paused)$/;
        my $quiet = time - $changed;
        my $all = $ended && $c->{read} + $c->{failed} + $c->{skipped}
            + $c->{unknown} >= $c->{audience};

        if ($all || $ended && $quiet > 4) {
            progress($b, 1);
            last;
        }

        if ($quiet > 30) {
            progress($b, 1);
            fail("the broadcast ($b->{status}) has not moved for 30 s; "
                 . 'look at make logs');
        }

        progress($b, 0);
        sleep 0.25;
    }

    write_file("$dir/demo.done", "done\n");
}


# without the demo only what it left is brought up again
if (($ENV{DEMO} // 1) eq '0') {
    if ($did->{webhook_path}) {
        number($did->{webhook_path});
    }

    open my $f, '>', "$dir/numbers.ready" or fail("$dir/numbers.ready: $!");
    exit 0;
}

say_line('loading the demo') if !-e "$dir/demo.done";

organisation();
sign_in();
account();
template();
contacts();
broadcast();
watch() if !-e "$dir/demo.done";
