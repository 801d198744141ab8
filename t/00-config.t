#!/usr/bin/perl

# The configuration: what is wrong is refused by `nginx -t` with file, line, what was
# got and what was expected; no secret is printed; a module that is loaded and not used
# changes nothing.

use strict;
use warnings;
use lib 't/lib';

use Herald::Test;
use Test::More;

for my $m (qw(ngx_http_herald_module ngx_http_herald_sandbox_module)) {
    my $so = ($ENV{HERALD_BUILD} // repo() . "/build") . "/$m.so";

    plan(skip_all => "$m.so is not built") if !-e $so;
}

my $t = Herald::Test->new(postgres => 0, start => 0);

sub conf {
    my (%o) = @_;

    return <<"CONF";
daemon off;
%%USER%%
worker_processes 1;
pid %%DIR%%/nginx.pid;
error_log %%DIR%%/error.log info;
load_module %%BUILD%%/ngx_http_herald_module.so;
load_module %%BUILD%%/ngx_http_herald_sandbox_module.so;
events { worker_connections 64; }
http {
    %%TEMP%%
    access_log off;
    @{[$o{http} // '']}
    server {
        listen 127.0.0.1:%%PORT%%;
        @{[$o{server} // '']}
        location = /plain { return 200 "plain\\n"; }
    }
}
CONF
}

my $pg = 'herald_postgres "host=/nowhere user=herald_app dbname=herald";';
my $key = 'herald_secret_file %%DIR%%/secret.key;';
my $api = 'location /api/ { herald_api; }';
my ($rc, $said);


# ── what is right ───────────────────────────────────────────────────────────

for my $right (
    [ 'nothing of ours', {} ],
    [ 'the fewest directives', { http => "$pg $key", server => $api } ],
    [ 'all directives',
      { http => "$key herald_zone 16m; herald_media %%DIR%%/media;
                 herald_postgres \"host=/nowhere dbname=herald\" pool=4;
                 herald_egress_allow 127.0.0.0/8 10.0.0.1;
                 herald_prices %%REPO%%/conf/prices.csv;
                 herald_spool %%DIR%%/spool max=10m;
                 herald_sandbox_ledger %%DIR%%/ledger/l.jsonl fsync;",
        server => "$api location /e { herald_events; }
                   location /h { herald_ingress; }
                   location /l { herald_links; }
                   location /m { herald_metrics; }
                   location /r { herald_metrics ready; }
                   location /s/ { herald_sandbox; }" } ])
{
    my ($what, $o) = @$right;

    ($rc, $said) = $t->nginx_test(conf(%$o));
    is($rc, 0, "right: $what") or diag($said);
}


# ── what is wrong ───────────────────────────────────────────────────────────

spew("$t->{dir}/bad.key", "not a key\n");
spew("$t->{dir}/bad.csv", "valid_from,country,category,currency,price\n"
    . "2026-01-01,KE,marketing,USD,0.02\n"
    . "2026-01-01,*,marketing,USD,free\n");
chmod 0600, "$t->{dir}/bad.key";

my @wrong = (
    [ 'a zone too small', { http => "$pg $key herald_zone 1m;" },
      qr/invalid size "1m" of herald_zone, expected at least 8m/ ],
    [ 'a zone that is no size', { http => "$pg $key herald_zone big;" },
      qr/invalid size "big" of herald_zone, expected/ ],
    [ 'two zones', { http => "herald_zone 8m; herald_zone 8m;" },
      qr/"herald_zone" directive is duplicate/ ],
    [ 'no conninfo', { http => "herald_postgres nonsense; $key" },
      qr/invalid conninfo "nonsense" of herald_postgres, expected libpq/ ],
    [ 'a password in the conninfo',
      { http => "herald_postgres \"host=/x password=hunter2\"; $key" },
      qr/a password in herald_postgres would be shown/ ],
    [ 'a password in the address',
      { http => "herald_postgres postgresql://u:hunter2\@h/db; $key" },
      qr/a password in herald_postgres would be shown/ ],
    [ 'a pool of none',
      { http => "herald_postgres \"host=/x\" pool=0; $key" },
      qr/invalid parameter "pool=0" of herald_postgres, expected "pool=n"/ ],
    [ 'a pool too big',
      { http => "herald_postgres \"host=/x\" pool=99; $key" },
      qr/invalid parameter "pool=99"/ ],
    [ 'a spool of nothing', { http => "$pg $key herald_spool max=1g;" },
      qr/invalid path "max=1g" of herald_spool, expected a folder/ ],
    [ 'a spool too small',
      { http => "$pg $key herald_spool %%DIR%%/spool max=1k;" },
      qr/invalid parameter "max=1k" of herald_spool, expected "max=size"/ ],
    [ 'a spool of no size',
      { http => "$pg $key herald_spool %%DIR%%/spool max=big;" },
      qr/invalid parameter "max=big" of herald_spool, expected "max=size"/ ],
    [ 'a word of the spool',
      { http => "$pg $key herald_spool %%DIR%%/spool fsync=no;" },
      qr/invalid parameter "fsync=no" of herald_spool, expected/ ],
    [ 'two spools',
      { http => "$pg $key herald_spool %%DIR%%/s; herald_spool %%DIR%%/t;" },
      qr/"herald_spool" directive is duplicate/ ],
    [ 'a spool in the wrong place',
      { server => 'herald_spool %%DIR%%/spool;' },
      qr/"herald_spool" directive is not allowed here/ ],
    [ 'no such file', { http => "$pg herald_secret_file /nowhere/key;" },
      qr/"\/nowhere\/key" cannot be opened; "herald secret FILE" makes one/ ],
    [ 'no key', { http => "$pg herald_secret_file %%DIR%%/bad.key;" },
      qr/bad\.key" is not a key, expected 64 hexadecimal digits/ ],
    [ 'no secret', { http => $pg, server => $api },
      qr/"herald_postgres" needs "herald_secret_file"/, 1 ],
    [ 'no database', { http => $key, server => $api },
      qr/"herald_api" needs "herald_postgres" in the http block/, 1 ],
    [ 'no price table', { http => "$pg $key herald_prices /nowhere.csv;" },
      qr/herald_prices "\/nowhere\.csv" cannot be opened, expected a CSV/ ],
    [ 'a folder of prices', { http => "$pg $key herald_prices %%DIR%%;" },
      qr/herald_prices "[^"]+" is not a file/ ],
    [ 'a wrong price', { http => "$pg $key herald_prices %%DIR%%/bad.csv;" },
      qr/bad\.csv:3: price is "free", expected a number up to 2000/ ],
    [ 'two price tables',
      { http => "herald_prices %%REPO%%/conf/prices.csv;
                 herald_prices %%REPO%%/conf/prices.csv;" },
      qr/"herald_prices" directive is duplicate/ ],
    [ 'no network', { http => "$pg $key herald_egress_allow here;" },
      qr/invalid network "here" of herald_egress_allow, expected an address/ ],
    [ 'two handlers',
      { http => "$pg $key", server => 'location /a { herald_api; '
        . 'herald_ingress; }' },
      qr/this location has a handler already/ ],
    [ 'a word of metrics',
      { http => "$pg $key", server => 'location /m { herald_metrics all; }' },
      qr/invalid parameter "all" of herald_metrics, expected "ready"/ ],
    [ 'the wrong place', { server => 'herald_zone 8m;' },
      qr/"herald_zone" directive is not allowed here/ ],
);

for my $wrong (@wrong) {
    my ($what, $o, $like, $whole) = @$wrong;

    ($rc, $said) = $t->nginx_test(conf(%$o));
    isnt($rc, 0, "wrong: $what");
    like($said, $like, 'is named') or next;
    like($said, qr/nginx\.conf:\d+/, 'with file and line') if !$whole;
    unlike($said, qr/hunter2/, 'without the password');
}

# what nginx -t said above is in error.log too
$t->expect_log(qr/\[emerg\]/);
$t->finish;


# ── loaded and not used ─────────────────────────────────────────────────────

$t = Herald::Test->new(postgres => 0, start => 0, conf => conf());
$t->start;

is($t->get('/plain')->{content}, "plain\n", 'other locations answer');
is($t->get('/api/v1/me')->{status}, 404, 'nothing of ours is served');
is($t->helper_pid, undef, 'there is no helper');
is(scalar $t->worker_pids, 1, 'one worker');
ok($t->reload, 'reload');
is($t->get('/plain')->{content}, "plain\n", 'still');
is(scalar($t->logged(qr/herald/i)), 0, 'not a word in the log')
    or diag($t->logged(qr/herald/i));

$t->done;
