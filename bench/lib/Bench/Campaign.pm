package Bench::Campaign;

# What the measurements of sending share: an organisation with its people, its
# broadcasts, and the provider's ledger.

use strict;
use warnings;

use JSON::PP;
use List::Util qw(max);
use Time::HiRes qw(sleep time);

my ($org, $template);


# Contacts as an import leaves them, without its triggers: they take minutes.
# `tags` are name => how many, from the first.
sub load {
    my ($t) = @_;

    return $org if $org;

    $t->org;
    $org = $t->sql('SELECT org_id FROM orgs ORDER BY created_at DESC LIMIT 1');

    $t->sql(<<"SQL");
SET session_replication_role = replica;
INSERT INTO contacts (org_id, id, name, first_name, last_name, phone, language,
                      country, phone_zone)
SELECT '$org', ('01900000000070018' || lpad(n::text, 15, '0'))::uuid,
       'Amina Otieno', 'Amina', 'Otieno', '+2541' || lpad(n::text, 8, '0'), 'en',
       'KE', 'Africa/Nairobi'
  FROM generate_series(1, $Bench::recipients) n;
SQL
    $t->sql('VACUUM ANALYZE contacts');
    $t->sql('CHECKPOINT');

    $template = post($t, '/templates', { name => 'bench', language => 'en',
        category => 'utility',
        body => 'Hello {{first_name|friend}}, your order is ready.' });

    return $org;
}

# the first so many get a tag: the audience of a smaller broadcast
sub tag {
    my ($t, $tag, $n) = @_;

    $t->sql("INSERT INTO contact_tags (org_id, tag, contact_id) SELECT '$org', "
        . "'$tag', ('01900000000070018' || lpad(n::text, 15, '0'))::uuid "
        . "FROM generate_series(1, $n) n");
    $t->sql('VACUUM ANALYZE contact_tags');

    return { tag => $tag };
}

sub post {
    my ($t, $path, $body) = @_;
    my $r = $t->api('POST', $path, $body);

    die "POST $path: $r->{status} $r->{content}\n" if $r->{status} > 299;
    return $r->{json};
}

sub create {
    my ($t, $account, $audience) = @_;

    return post($t, '/broadcasts', { name => 'Bench',
        account_id => $account->{id}, template_id => $template->{id},
        audience => $audience // { all => JSON::PP::true() } })->{id};
}

# asks until `sub` is true of its counters; says so when nothing moves for 30 s
sub wait_for {
    my ($t, $id, $pause, $sub) = @_;
    my ($last, $since) = ('', time);

    while (1) {
        my $r = $t->api('GET', "/broadcasts/$id");

        return $r->{json} if $r->{status} == 200
            && $sub->($r->{json}, $r->{json}{counters});

        if ($r->{content} ne $last) {
            $last = $r->{content};
            $since = time;
        }

        if (time - $since > 30) {
            Bench::wrong("nothing moves any more: $r->{content}");
            return;
        }

        sleep $pause;
    }
}

# nothing is left to be sent
sub all_sent {
    my ($b, $c) = @_;

    return $b->{started_at} && $c->{audience} && $c->{queued} == 0;
}

# Where the provider's ledger ends now, and what came after that: times by its
# own clocks of what it accepted, {number => [[mono_us, at_us, to, type] …]}.
# Read by its letters: a parser of JSON takes half a minute for as much.
sub mark {
    my ($s) = @_;

    return -s "$s->{dir}/ledger/sandbox.jsonl" || 0;
}

sub since {
    my ($s, $from) = @_;
    my %of;

    open my $in, '<:raw', "$s->{dir}/ledger/sandbox.jsonl" or return \%of;
    seek $in, $from, 0;

    while (my $line = <$in>) {
        next if $line !~ /"outcome":"accepted"/;
        my %l = $line =~ /"(at|mono_us|phone_number_id|to|type)":"?(\w+)/g;

        push @{ $of{ $l{phone_number_id} } }, \%l;
    }

    return \%of;
}

# the most that any window of so many µs holds
sub fullest {
    my ($window, @at) = @_;
    my ($most, $i) = (0, 0);

    for my $n (0 .. $#at) {
        $i++ while $at[$n] - $at[$i] >= $window;
        $most = max($most, $n - $i + 1);
    }

    return $most;
}

1;
