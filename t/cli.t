#!/usr/bin/perl

# The herald command: organisations, users, passwords, the secret, the doctor.

use strict;
use warnings;
use lib 't/lib';

use Digest::SHA qw(sha256_hex);
use Herald::Test;
use Test::More;

my $t = Herald::Test->new(start => 0);
my $password = "$t->{dir}/password";
my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
my ($rc, $out, $err);

spew($password, "correct horse\n");


# ── the words ───────────────────────────────────────────────────────────────

($rc, $out) = $t->herald('help');
is($rc, 0, 'help');
like($out, qr/herald $_/, "help names $_")
    for 'migrate', 'org create', 'user create', 'user password', 'doctor',
        'secret';

($rc, $out, $err) = $t->herald('frobnicate');
is($rc, 2, 'an unknown command');
like($err, qr/no command "frobnicate"/, 'is named');

for my $wrong ([qw(org)], [qw(org destroy)], [qw(org create)],
               [qw(user create --org x)], [qw(migrate --what)],
               [qw(doctor more)], [qw(secret)])
{
    ($rc, $out, $err) = $t->herald(@$wrong);
    is($rc, 2, "wrong usage: @$wrong");
    like($err, qr/^usage: herald $wrong->[0]/m, 'shows the right one');
}


# ── organisation and user ───────────────────────────────────────────────────

($rc, $out) = $t->herald('org', 'create', '--name', "Café 'O', Ltd");
is($rc, 0, 'an organisation');
like($out, qr/^$uuid\n$/, 'its id is printed');
chomp(my $org = $out);
is($t->sql('SELECT name, time_zone FROM orgs'), "Café 'O', Ltd|UTC",
   'as it was said');

($rc, $out, $err) = $t->herald(qw(org create --name X --time-zone Moon/Sea));
is($rc, 1, 'a zone that does not exist');
like($err, qr/Moon\/Sea/, 'is named');

my @create = ('user', 'create', '--org', $org, '--password-file', $password);

($rc, $out) = $t->herald(@create, '--email', 'Ann@Example.com', '--name',
                         'Ann', '--role', 'owner');
is($rc, 0, 'a user');
chomp(my $user = $out);
like($user, qr/^$uuid$/, 'its id is printed');
is($t->sql('SELECT id, email, name, role FROM users'),
   "$user|ann\@example.com|Ann|owner", 'as it was said, in lower case');
like($t->sql('SELECT password_hash FROM users'),
     qr/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/, 'argon2id');
is($t->sql(q{SELECT kind, encode(key, 'hex'), org_id, ref_id FROM directory}),
   join('|', 'email', sha256_hex('ann@example.com'), $org, $user),
   'can be found by the hash of the address');

for my $wrong (
    [ 'an address in use', qr/"ann\@example.com" is in use/,
      '--email', 'ANN@example.com' ],
    [ 'no address', qr/is not an e-mail address/, '--email', 'ann' ],
    [ 'a role that does not exist', qr/no role "king": owner/,
      '--email', 'bob@example.com', '--role', 'king' ],
    [ 'an organisation that does not exist', qr/no organisation 0190/,
      '--email', 'bob@example.com', '--org',
      '01900000-0000-7000-8000-000000000000' ],
    [ 'no id', qr/"7" is not the id/, '--email', 'bob@example.com', '--org',
      '7' ],
    [ 'no password file', qr/cannot open "\/nowhere"/,
      '--email', 'bob@example.com', '--password-file', '/nowhere' ])
{
    my ($what, $like, @more) = @$wrong;

    ($rc, $out, $err) = $t->herald(@create, @more);
    is($rc, 1, $what);
    like($err, $like, 'says so');
}

spew($password, "short\n");
($rc, $out, $err) = $t->herald(@create, '--email', 'bob@example.com');
is($rc, 1, 'a short password');
like($err, qr/has 5 bytes, expected 8 to 1024/, 'says so');
is($t->sql('SELECT count(*) FROM users'), 1, 'nobody else was made');


# ── a new password ──────────────────────────────────────────────────────────

$t->sql("INSERT INTO sessions (org_id, id, user_id, token_hash, expires_at)
         VALUES ('$org', gen_random_uuid(), '$user', '\\x01', now());
         INSERT INTO directory VALUES ('session', '\\x01', '$org',
                                       gen_random_uuid())");
my $before = $t->sql('SELECT password_hash FROM users');

spew($password, "another one\n");
($rc) = $t->herald('user', 'password', '--email', 'Ann@example.com',
                   '--password-file', $password);
is($rc, 0, 'a new password');
isnt($t->sql('SELECT password_hash FROM users'), $before, 'is set');
is($t->sql(q{SELECT (SELECT count(*) FROM sessions),
                    (SELECT count(*) FROM directory WHERE kind = 'session')}),
   '0|0', 'and ends the sessions');

($rc, $out, $err) = $t->herald('user', 'password', '--email',
    'nobody@example.com', '--password-file', $password);
is($rc, 1, 'of nobody');
like($err, qr/no user "nobody\@example.com"/, 'says so');


# ── the secret ──────────────────────────────────────────────────────────────

my $secret = "$t->{dir}/key";

($rc) = $t->herald('secret', $secret);
is($rc, 0, 'a secret');
like(slurp($secret), qr/^[0-9a-f]{64}\n$/, 'of 32 bytes');
is((stat $secret)[2] & 07777, 0600, 'for its owner only');

my $first = slurp($secret);
($rc, $out, $err) = $t->herald('secret', $secret);
is($rc, 1, 'a second time');
like($err, qr/exists and is kept/, 'it is kept');
is(slurp($secret), $first, 'as it was');


# ── the doctor: break each thing, expect its line ───────────────────────────

my @doctor = ('doctor', '--secret-file', $secret, '--migrations',
              repo() . '/migrations');

($rc, $out) = $t->herald(@doctor);
is($rc, 0, 'a healthy installation') or diag($out);
like($out, qr/nothing is wrong$/, 'is found so');

sub finding {
    my ($what, $cause, $fix, $break, $mend) = @_;

    $break->();
    my ($rc, $out) = $t->herald(@doctor);
    $mend->();

    is($rc, 1, "doctor: $what");
    like($out, qr/^FAIL  .*$cause.*\n      fix: .*$fix/m, 'cause and fix')
        or diag($out);
    like($out, qr/^1 finding$/m, 'and nothing else');
}

sub run_sql {
    my ($sql) = @_;

    return sub { $t->sql($sql) };
}

finding('row-level security not forced', 'not forced on the table "contacts"',
        'ALTER TABLE contacts ENABLE ROW LEVEL SECURITY, FORCE',
        run_sql('ALTER TABLE contacts NO FORCE ROW LEVEL SECURITY'),
        run_sql('ALTER TABLE contacts FORCE ROW LEVEL SECURITY'));
finding('a table that was forgotten', 'not forced on the table "stray"',
        q{SELECT herald_isolate\('stray'\)},
        run_sql('CREATE TABLE stray (org_id uuid)'),
        run_sql('DROP TABLE stray'));
finding('a role that sees all', 'herald_app may pass by row-level security',
        'ALTER ROLE herald_app NOSUPERUSER NOBYPASSRLS',
        run_sql('ALTER ROLE herald_app BYPASSRLS'),
        run_sql('ALTER ROLE herald_app NOBYPASSRLS'));
finding('a role that owns all', 'member of a role that owns', 'REVOKE',
        run_sql('GRANT herald TO herald_app'),
        run_sql('REVOKE herald FROM herald_app'));
finding('a schema that is behind', 'the schema is at 0000', 'herald migrate',
        run_sql('ALTER TABLE schema_migrations RENAME TO hidden'),
        run_sql('ALTER TABLE hidden RENAME TO schema_migrations'));
finding('a secret that others read', 'has mode 0644', 'chmod 600',
        sub { chmod 0644, $secret }, sub { chmod 0600, $secret });
finding('a secret that is none', 'is not 64 hexadecimal', 'bring the copy',
        sub { spew($secret, "x\n") }, sub { spew($secret, $first) });
finding('no secret', 'cannot be opened', 'herald secret',
        sub { rename $secret, "$secret.away" },
        sub { rename "$secret.away", $secret });
finding('no partition for next month', "next month's partition",
        'herald migrate',
        run_sql(q{DO $$ BEGIN EXECUTE 'DROP TABLE messages_'
            || to_char(now() AT TIME ZONE 'UTC' + interval '1 month',
                       'YYYYMM'); END $$}),
        run_sql('SELECT herald_make_partitions(3)'));

$t->cluster_stop;
($rc, $out, $err) = $t->herald(@doctor);
is($rc, 1, 'doctor: no database');
like($out, qr/FAIL  the database cannot be reached\n      fix: start/,
     'cause and fix');

$t->done;
