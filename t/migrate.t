#!/usr/bin/perl

# herald migrate: order, checksums, the lock, the plan; and what the schema promises:
# row-level security forced on every table of tenants, for the application and for the
# owner.

use strict;
use warnings;
use lib 't/lib';

use Digest::SHA qw(sha256_hex);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new(start => 0);
my $repo = repo();
my $dir = "$t->{dir}/migrations";

sub migrate {
    return $t->herald('migrate', '--migrations', $dir, @_);
}

sub file {
    my ($name, $text) = @_;

    spew("$dir/$name", $text);
}


# ── the real files, applied by the template ─────────────────────────────────

my @real = sort glob "$repo/migrations/*.sql";
my ($rc, $out, $err) = $t->herald('migrate', '--migrations',
                                  "$repo/migrations");

is($rc, 0, 'migrating again is fine');
like($out, qr/^the schema is up to date at 0*@{[scalar @real]}$/m,
     'and changes nothing');
unlike($out, qr/applied/, 'and applies nothing');

is($t->sql('SELECT count(*) FROM schema_migrations'), scalar @real,
   'every file has its row');
is($t->sql('SELECT checksum FROM schema_migrations WHERE version = 1'),
   sha256_hex(slurp($real[0])), 'the checksum is the SHA-256 of the file');
is($t->sql(q{SELECT count(*) FROM pg_inherits
              WHERE inhparent = 'messages'::regclass}), 5,
   'four months of messages and the default');


# ── row-level security ──────────────────────────────────────────────────────

# directory and agenda are asked before the organisation is known
is($t->sql(q{
    SELECT string_agg(c.relname, ' ' ORDER BY 1) FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
     WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity
           AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))}),
   'agenda directory', 'forced on every table with org_id');
is($t->sql(q{SELECT string_agg(c.relname, ' ') FROM pg_class c
              WHERE c.relkind IN ('r', 'p')
                AND c.relnamespace = 'public'::regnamespace
                AND NOT EXISTS (SELECT FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attname = 'org_id')
                AND c.relname NOT IN ('schema_migrations', 'login_throttle',
                    'time_zones', 'dial_codes', 'epoch')}),
   '', 'and there is no other table');
is($t->sql(q{SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb
               FROM pg_roles WHERE rolname = 'herald_app'}), 'f|f|f|f',
   'herald_app may nothing by itself');
is($t->sql(q{SELECT count(*) FROM pg_class c
               JOIN pg_roles r ON r.oid = c.relowner
              WHERE r.rolname = 'herald_app'}), 0, 'and owns nothing');

my @org = map { '0190000' . $_ . '-0000-7000-8000-000000000000' } 1, 2;

for my $as (qw(owner app)) {
    my $n = $as eq 'owner' ? 0 : 1;

    $t->sql("BEGIN; SELECT set_config('herald.org', '$org[$n]', true);
             INSERT INTO orgs (org_id, name) VALUES ('$org[$n]', 'Org $n');
             COMMIT", as => $as);
}

for my $as (qw(owner app)) {
    is($t->sql('SELECT count(*) FROM orgs', as => $as), 0,
       "$as sees nothing without an organisation");
    is($t->sql("SET herald.org = '$org[0]'; SELECT name FROM orgs",
               as => $as), 'Org 0', "$as sees its organisation only");

    # psql says why on its standard error: that is not a finding here
    open my $keep, '>&', \*STDERR;
    open STDERR, '>', '/dev/null';
    is($t->sql("SET herald.org = '$org[0]';
                INSERT INTO orgs (org_id, name)
                VALUES (gen_random_uuid(), 'stray') RETURNING 'in'",
               as => $as, may_fail => 1), '',
       "$as cannot write for another one");
    open STDERR, '>&', $keep;
}

is($t->sql('SELECT count(*) FROM orgs'), 2, 'both are there');


# ── an own set of files, in a database of their own ─────────────────────────

$t->sql('DROP SCHEMA public CASCADE');
$t->sql('CREATE SCHEMA public AUTHORIZATION herald');
mkdir $dir;

file('0001_first.sql', "CREATE TABLE a (x int);\n"
    . "CREATE FUNCTION herald_make_partitions(ahead int) RETURNS int\n"
    . "LANGUAGE sql AS 'SELECT 0';\n"
    . "CREATE FUNCTION herald_fill_time_zones() RETURNS void\n"
    . "LANGUAGE sql AS 'SELECT';\n");
file('0002_second.sql', "CREATE TABLE b (x int);\nINSERT INTO b VALUES (1);\n");

($rc, $out) = migrate('--plan');
is($rc, 0, 'the plan of an empty database');
like($out, qr/would apply 0001_first.*\n.*would apply 0002_second/,
     'names both, in order');
is($t->sql("SELECT to_regclass('a') IS NULL
              AND to_regclass('schema_migrations') IS NULL"), 't',
   'and does nothing');

($rc, $out) = migrate();
is($rc, 0, 'both are applied');
like($out, qr/applied 0001_first\napplied 0002_second/, 'in order');
is($t->sql('SELECT x FROM b'), 1, 'and did what they say');

file('0003_broken.sql', "CREATE TABLE c (x int);\nSELECT 1/0;\n");
($rc, $out, $err) = migrate();
is($rc, 1, 'a broken one fails');
like($err, qr/0003_broken failed and left nothing behind: division by zero/,
     'with its reason');
is($t->sql("SELECT to_regclass('c') IS NULL"), 't', 'and leaves nothing');
is($t->sql('SELECT max(version) FROM schema_migrations'), 2, 'not even a row');

file('0003_broken.sql', "CREATE TABLE c (x int);\n");
($rc) = migrate();
is($rc, 0, 'mended, it is applied');

file('0002_second.sql', "CREATE TABLE b (x bigint);\n");
($rc, $out, $err) = migrate();
is($rc, 1, 'a changed file is refused');
like($err, qr/0002_second was applied, but its file has changed/, 'and named');
($rc, $out, $err) = migrate('--plan');
is($rc, 1, 'by the plan too');
file('0002_second.sql', "CREATE TABLE b (x int);\nINSERT INTO b VALUES (1);\n");

$t->sql("INSERT INTO schema_migrations VALUES (4, 'future', repeat('0', 64))");
($rc, $out, $err) = migrate();
is($rc, 1, 'a database that is ahead is refused');
like($err, qr/at 0004_future, this program knows only up to 0003: install/,
     'with what to do');
$t->sql('DELETE FROM schema_migrations WHERE version = 4');

file('0005_gap.sql', "SELECT 1;\n");
($rc, $out, $err) = migrate();
is($rc, 1, 'a gap is refused');
like($err, qr/migration 0004 is missing/, 'and named');
unlink "$dir/0005_gap.sql";

file('4_name.sql', "SELECT 1;\n");
($rc, $out, $err) = migrate();
is($rc, 1, 'a file that would never be applied is refused');
like($err, qr/not named NNNN_name\.sql/, 'and named');
unlink "$dir/4_name.sql";

# two at once: one works, the other waits for it and finds nothing to do
file('0004_slow.sql', "CREATE TABLE d (x int);\nSELECT pg_sleep(0.5);\n");

my @both = map {
    open my $f, '-|', "$t->{build}/herald migrate --migrations $dir --db '"
        . $t->conninfo . "' 2>&1" or die "fork: $!\n";
    $f
} 1, 2;
my @said = map { local $/; scalar readline $_ } @both;
my @ended = map { close $_ ? 0 : 1 } @both;

is("@ended", '0 0', 'two at once both end well');
is(scalar(grep { /applied 0004_slow/ } @said), 1, 'one has applied it');
is($t->sql('SELECT count(*) FROM schema_migrations WHERE version = 4'), 1,
   'once');

# ── an older schema with rows in it ─────────────────────────────────────────

# who migrates is the tables' owner and no superuser: row-level security holds for it
$t->sql('DROP SCHEMA public CASCADE');
$t->sql('CREATE SCHEMA public AUTHORIZATION herald');
unlink glob "$dir/*.sql";

sub real_file {
    my ($path) = @_;

    spew("$dir/" . $path =~ s{.*/}{}r, slurp($path));
}

real_file($real[0]);
migrate();
is($t->sql('SELECT max(version) FROM schema_migrations'), 1, 'the first schema');
$t->sql(qq{INSERT INTO orgs (org_id, name, time_zone) VALUES
    ('$org[0]', 'Here', 'Africa/Nairobi'), ('$org[1]', 'There', 'Mars/Base');
    INSERT INTO contacts (org_id, id, phone)
    SELECT ('{$org[0],$org[1]}'::uuid[])[1 + n % 2], gen_random_uuid(),
           '+25471200000' || n FROM generate_series(0, 9) n;
    INSERT INTO contacts (org_id, id, email)
    VALUES ('$org[0]', gen_random_uuid(), 'a\@example.com')});

real_file($_) for @real;
($rc, $out, $err) = migrate();
is($rc, 0, 'and all that came after it') or diag($err);
is($t->sql('SELECT string_agg(time_zone, \' \' ORDER BY name) FROM orgs'),
   'Africa/Nairobi UTC', 'a zone that is none became UTC');
is($t->sql(q{SELECT count(*) FROM contacts WHERE country = 'KE'
              AND phone_zone = 'Africa/Nairobi'}), 10, 'each phone has its place');
is($t->sql(q{SELECT count(*) FROM contacts WHERE country IS NULL}), 1,
   'no phone has none');
is($t->sql(q{SELECT count(*) FROM pg_class WHERE relname IN ('orgs', 'contacts')
              AND relforcerowsecurity}), 2, 'and isolation is forced again');

($rc, $out, $err) = migrate('--db',
    "host=$t->{dir}/nowhere user=herald dbname=herald");
is($rc, 1, 'no database');
like($err, qr/cannot reach the database.*by --db or HERALD_DB/s,
     'says so and what to do');

$t->done;
