package Bench::Reads;

# A million contacts in 50 organisations, each with an API key: one contact,
# and a page of 50 from anywhere.  The limit is the same row and the same page
# by pgbench, once as the role that row-level security binds (in one
# organisation, for its connections are set to it) and once as superuser over
# all; the faster of the two counts.
#
# Ids are decimal on purpose: pgbench has numbers only.

use strict;
use warnings;

my $orgs = 50;
my $contacts = $ENV{BENCH_CONTACTS} // ($Bench::quick ? 100_000 : 1_000_000);
my $columns = 'id, name, first_name, last_name, phone, email, language, tags, '
    . 'fields, marketing_opt_out, created_at, updated_at';


sub load {
    my ($t) = @_;

    # blocks of 500, so that an organisation's rows are spread over the table
    $t->sql(<<"SQL");
SET session_replication_role = replica;
INSERT INTO orgs (org_id, name)
SELECT ('01900000000070009' || lpad(o::text, 15, '0'))::uuid, 'Org ' || o
  FROM generate_series(1, $orgs) o;
WITH k AS (
    INSERT INTO api_keys (org_id, id, name, prefix, key_hash, scopes)
    SELECT org_id, org_id, 'bench', 'hk_bench',
           sha256(convert_to('hk_bench' || lpad(substr(name, 5), 38, '0'),
                             'UTF8')), '{read}'
      FROM orgs RETURNING *)
INSERT INTO directory SELECT 'api_key', key_hash, org_id, id FROM k;
INSERT INTO contacts (org_id, id, name, first_name, last_name, phone, email,
                      language, tags, fields, created_at, updated_at)
SELECT ('01900000000070009' || lpad((1 + (n - 1) / 500 % $orgs)::text, 15, '0')
        )::uuid,
       ('01900000000070008' || lpad(n::text, 15, '0'))::uuid,
       f || ' ' || l, f, l, '+2547' || lpad(n::text, 8, '0'),
       lower(f) || n || '\@example.com', 'en', ARRAY['customer', c],
       jsonb_build_object('city', c, 'plan', 'pro', 'score', n % 100),
       now() - n * interval '1 second', now()
  FROM generate_series(1, $contacts) n,
       LATERAL (SELECT
           (ARRAY['Amina', 'Brian', 'Chen', 'Divya', 'Elif'])[1 + n % 5] AS f,
           (ARRAY['Otieno', 'Silva', 'Wang', 'Rao'])[1 + n % 4] AS l,
           (ARRAY['Nairobi', 'Recife', 'Pune'])[1 + n % 3] AS c) x;
SQL
    $t->sql('VACUUM ANALYZE contacts');
    $t->sql('ANALYZE');
    $t->sql('CHECKPOINT');
}

sub run {
    my ($t) = @_;

    print "reads: $contacts contacts in $orgs organisations\n";
    load($t);

    my %limit = (
        one => "SELECT $columns FROM contacts WHERE %s id = "
            . "('0190000000007000' || :i)::uuid;\n",
        page => "SELECT json_agg(t) FROM (SELECT $columns FROM contacts "
            . "WHERE %s id < ('0190000000007000' || :i)::uuid "
            . "ORDER BY id DESC LIMIT 50) t;\n",
    );
    my $any = "\\set n random(1, $contacts)\n\\set i 8000000000000000 + :n\n"
        . "\\set org 9000000000000001 + ((:n - 1) / 500) % $orgs\n";
    my $first = "\\set n random(0, $contacts / $orgs - 1)\n"
        . "\\set i 8000000000000001 + (:n / 500) * 500 * $orgs + :n % 500\n";
    my %options = (
        user => 'herald_app', clients => 8,
        options => '-c herald.org=01900000-0000-7000-9000-000000000001 '
            . '-c plan_cache_mode=force_generic_plan -c jit=off',
    );
    my @things;

    for my $kind (qw(one page)) {
        my $where = "org_id = ('0190000000007000' || :org)::uuid AND";

        # what is measured is the same as soon as all is in memory
        Bench::wrk($t, script => 'read.lua', clients => 64, seconds => 2,
                   args => [ $kind, $contacts ]);

        push @things,
            "$kind, Herald" => sub {
                Bench::wrk($t, script => 'read.lua', clients => 64,
                           args => [ $kind, $contacts ]);
            },
            "$kind, pgbench, row security" => sub {
                Bench::pgbench($t, $first . sprintf($limit{$kind}, ''),
                               %options);
            },
            "$kind, pgbench, superuser" => sub {
                Bench::pgbench($t, $any . sprintf($limit{$kind}, $where),
                               clients => 8);
            };
    }

    # each may be repeated, unlike what changes rows
    for my $i (grep { $_ % 2 } 0 .. $#things) {
        my $sub = $things[$i];
        $things[$i] = sub { Bench::quiet($sub) };
    }

    my $m = Bench::interleave($Bench::runs, @things);

    for my $r ([ 'one', 'one contact', 0.5 ], [ 'page', 'a page of 50', 0.8 ]) {
        my ($kind, $figure, $ratio) = @$r;
        my @limits = map { $m->{"$kind, pgbench, $_"}{rate} }
            'row security', 'superuser';

        Bench::row(figure => "$figure, requests/s",
            value => $m->{"$kind, Herald"}{rate},
            against => 'pgbench -c 8' . ($kind eq 'page' ? ', json_agg' : ''),
            limit => $limits[ $limits[0] < $limits[1] ], ratio => $ratio);
    }

    Bench::memory($t, 'after reads');
}

1;
