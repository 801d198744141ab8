#!/usr/bin/perl

# The gates' own data: settings, suppressions, opt-outs, portfolios, a number's limits,
# prices; and where a phone is, by its digits.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256 sha256_hex);
use JSON::PP;
use Herald::Test;
use Test::More;

my $head = "valid_from,country,category,currency,price\n";
my $t = Herald::Test->new(start => 0,
    http => 'herald_prices %%DIR%%/prices.csv;');

spew("$t->{dir}/prices.csv", $head . "2025-01-01,KE,marketing,USD,0.0225\n"
    . "2025-01-01,*,marketing,USD,0.06\n2026-01-01,KE,marketing,USD,0.03\n"
    . "2099-01-01,KE,marketing,USD,9\n2025-01-01,*,service,USD,0\n");
$t->start;

my $o = $t->org(name => 'Limits');
my $key = $t->{key};
my $read = $t->api_key($o, 'read');
my $send = $t->api_key($o, 'read', 'send');
my ($r, $s);

sub refused {
    my ($r, $status, $pointer, $what) = @_;

    is($r->{status}, $status, "$what is refused") or diag($r->{content});
    is($r->{json}{errors}[0]{pointer}, $pointer, "at $pointer")
        if defined $pointer;
}

sub contact {
    my (%c) = @_;
    my $r = $t->api('POST', '/contacts', \%c);

    diag("$r->{status} $r->{content}") if $r->{status} != 201;
    return $r->{json};
}


# ── settings ────────────────────────────────────────────────────────────────

$r = $t->api('GET', '/settings', undef, token => $read);
is($r->{status}, 200, 'settings') or diag($r->{content});
$s = $r->{json};
is($s->{name}, 'Limits', 'the name');
is($s->{time_zone}, 'UTC', 'the zone');
is_deeply([@$s{qw(quiet_hours frequency_cap spend_limit)}],
          [undef, undef, undef], 'no limit to begin with');
is($s->{spend_used}{amount}, '0', 'nothing spent');
is($s->{spend_used}{period}, 'month', 'this month');
like($s->{spend_used}{since}, qr/^\d{4}-\d\d-01$/, 'since its first');
is($s->{currency}, 'USD', 'in the currency of the price table');
my $tag = $r->{headers}{etag};
like($tag, qr/^"[0-9a-f]{32}"$/, 'an ETag');

is($t->api('PATCH', '/settings', { name => 'x' }, token => $send)->{status},
   403, 'only admins may change them');

$r = $t->api('PATCH', '/settings', { time_zone => 'Africa/Nairobi',
    quiet_hours => { from => '21:00', to => '08:00' },
    frequency_cap => { messages => 3, days => 7 },
    spend_limit => { amount => '250.50', period => 'day' } },
    headers => { 'if-match' => $tag });
is($r->{status}, 200, 'changed') or diag($r->{content});
$s = $r->{json};
is($s->{name}, 'Limits', 'what is absent stays');
is($s->{time_zone}, 'Africa/Nairobi', 'the zone');
is_deeply($s->{quiet_hours}, { from => '21:00', to => '08:00' }, 'quiet hours');
is_deeply($s->{frequency_cap}, { messages => 3, days => 7 }, 'the cap');
is_deeply($s->{spend_limit}, { amount => '250.5', period => 'day' }, 'the limit');
is($s->{spend_used}{period}, 'day', 'spent in its period');
isnt($r->{headers}{etag}, $tag, 'another ETag');
is($t->sql('SELECT spend_limit FROM orgs'), 250500000, 'kept in millionths');

$r = $t->api('PATCH', '/settings', { name => 'Late' },
             headers => { 'if-match' => $tag });
is($r->{status}, 412, 'with the old ETag it is refused');
is($r->{json}{code}, 'changed_meanwhile', 'and says why');
is($t->api('GET', '/settings')->{json}{name}, 'Limits', 'nothing was done');

$r = $t->api('PATCH', '/settings', { quiet_hours => undef,
    frequency_cap => undef, name => 'Renamed' });
is_deeply([@{ $r->{json} }{qw(name quiet_hours frequency_cap)}],
          ['Renamed', undef, undef], 'null turns off');
is($r->{json}{spend_limit}{amount}, '250.5', 'and only what it names');
wait_until { $t->api('GET', '/me')->{json}{org_name} eq 'Renamed' } 5,
    'the new name is known everywhere';
is($t->api('GET', '/me')->{json}{org_name}, 'Renamed', 'also of who is signed in');

$t->sql(qq{INSERT INTO spend_days VALUES
    ('$o->{id}', (now() AT TIME ZONE 'UTC')::date, 0, 1250000),
    ('$o->{id}', (now() AT TIME ZONE 'UTC')::date, 1, 58800),
    ('$o->{id}', (now() AT TIME ZONE 'UTC')::date - 40, 0, 7000000)});
is($t->api('GET', '/settings')->{json}{spend_used}{amount}, '1.3088',
   'what was spent in the period, over all stripes');

for my $bad (
    [{ time_zone => 'Africa/Nairobbi' }, '/time_zone'],
    [{ time_zone => '' }, '/time_zone'], [{ time_zone => undef }, '/time_zone'],
    [{ name => '' }, '/name'], [{ nmae => 'x' }, '/nmae'],
    [{ quiet_hours => { from => '21:00' } }, '/quiet_hours/to'],
    [{ quiet_hours => { from => '24:00', to => '08:00' } }, '/quiet_hours/from'],
    [{ quiet_hours => { from => '9:00', to => '08:00' } }, '/quiet_hours/from'],
    [{ quiet_hours => { from => '08:00', to => '08:00' } }, '/quiet_hours/to'],
    [{ quiet_hours => { from => '08:00', to => '09:00', on => 1 } },
     '/quiet_hours/on'],
    [{ quiet_hours => '21-08' }, '/quiet_hours'],
    [{ frequency_cap => { messages => 0, days => 1 } }, '/frequency_cap/messages'],
    [{ frequency_cap => { messages => 1, days => 31 } }, '/frequency_cap/days'],
    [{ spend_limit => { amount => 250, period => 'day' } }, '/spend_limit/amount'],
    [{ spend_limit => { amount => '-1', period => 'day' } }, '/spend_limit/amount'],
    [{ spend_limit => { amount => '1.0000001', period => 'day' } },
     '/spend_limit/amount'],
    [{ spend_limit => { amount => '1', period => 'week' } }, '/spend_limit/period'],
) {
    $r = $t->api('PATCH', '/settings', $bad->[0]);
    refused($r, 422, $bad->[1], JSON::PP->new->canonical->encode($bad->[0]));
}

$r = $t->api('PATCH', '/settings', { time_zone => 'Africa/Nairobbi' });
like($r->{json}{errors}[0]{detail}, qr{Similar: Africa/Nairobi}, 'a similar zone');
$r = $t->api('PATCH', '/settings', { time_zone => 'nairobi' });
like($r->{json}{errors}[0]{detail}, qr{Similar: Africa/Nairobi}, 'by its city');

my $other = $t->org(name => 'Other');
is($t->api('GET', '/settings', undef, token => $other->{key})->{json}{time_zone},
   'UTC', 'each organisation has its own');
$t->{key} = $key;


# ── the brand ───────────────────────────────────────────────────────────────

is($t->api('GET', '/settings')->{json}{brand}, undef, 'no brand to begin with');

my $png = pack('H*', '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15'
    . 'c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082');

$r = $t->api('POST', '/media?filename=logo.png', $png,
    headers => { 'content-type' => 'image/png' });
is($r->{status}, 201, 'a logo') or diag($r->{content});

my $logo = $r->{json}{id};

$r = $t->api('PATCH', '/settings', { brand => { name => 'Kilimani',
    accent => '#A01F4A', logo_id => $logo } });
is($r->{status}, 200, 'a brand') or diag($r->{content});
is_deeply($r->{json}{brand}, { name => 'Kilimani', accent => '#a01f4a',
    logo_id => $logo }, 'is kept');

$r = $t->api('PATCH', '/settings', { time_zone => 'Africa/Nairobi' });
is($r->{json}{brand}{name}, 'Kilimani', 'and stays when it is not spoken of');

refused($t->api('PATCH', '/settings', { brand => { accent => $_ } }), 422,
    '/brand/accent', "the colour $_") for 'red', '#12345', '#12345g', 'a#12345';
refused($t->api('PATCH', '/settings', { brand => { logo_id =>
    '01234567-89ab-7def-8123-456789abcdef' } }), 422, '/brand/logo_id',
    'a logo that is not there');

is($t->api('DELETE', "/media/$logo")->{status}, 204, 'the logo is deleted');
$r = $t->api('GET', '/settings');
is_deeply($r->{json}{brand}, { name => 'Kilimani', accent => '#a01f4a',
    logo_id => undef }, 'the rest of the brand stays');

$r = $t->api('PATCH', '/settings', { brand => undef });
is($r->{json}{brand}, undef, 'null: as it came');


# ── suppressions ────────────────────────────────────────────────────────────

$r = $t->api('POST', '/suppressions', { phone => '+254 712 000 001',
    reason => 'asked by post' }, token => $send);
is($r->{status}, 200, 'suppressed') or diag($r->{content});
is_deeply([@{ $r->{json} }{qw(added known)}], [1, 0], 'one more');
my $id = $r->{json}{id};
like($id, qr/^[0-9a-f-]{36}$/, 'its id');

$r = $t->api('POST', '/suppressions', { reason => 'list', phones =>
    [map { sprintf '+2547120000%02d', $_ } 1 .. 30, 30] });
is_deeply($r->{json}, { added => 29, known => 1, id => undef },
          'many: each once, the known one stays');
is($t->sql(q{SELECT count(*) FROM suppressions WHERE reason = 'asked by post'}), 1,
   'with its first reason');
is($t->sql(q{SELECT count(*) FROM suppressions s
              WHERE s::text LIKE '%712000001%'}), 0, 'no phone is kept');

my @all = $t->api_all('/suppressions');
is(scalar @all, 30, 'a list');
is(scalar(grep { exists $_->{phone} } @all), 0, 'without phones');
is_deeply([map { $_->{hint} } grep { $_->{id} eq $id } @all], ['01'],
          'with their last digits');
$r = $t->api('GET', '/suppressions?limit=20');
my @page = @{ $r->{json}{data} };
$r = $t->api('GET', "/suppressions?limit=20&cursor=$r->{json}{next_cursor}");
push @page, @{ $r->{json}{data} };
is($r->{json}{next_cursor}, undef, 'two pages');
is_deeply([map { $_->{id} } @page], [map { $_->{id} } @all], 'make the whole');

$r = $t->api('GET', '/suppressions/check?phone=%2B254712000001');
is($r->{json}{suppressed}, JSON::PP::true, 'asked by phone');
is($r->{json}{reason}, 'asked by post', 'with the reason');
is($t->api('GET', '/suppressions/check?phone=+254712000002')->{json}{suppressed},
   JSON::PP::true, 'also with a plus that is none');
$r = $t->api('GET', '/suppressions/check?phone=%2B254712999999');
is_deeply($r->{json}, { suppressed => JSON::PP::false, id => undef,
    reason => undef, created_at => undef }, 'another phone is not');
is($t->api('GET', '/suppressions/check?phone=%2B254712000001', undef,
           token => $other->{key})->{json}{suppressed}, JSON::PP::false,
   'nor is it in another organisation');

refused($t->api('GET', '/suppressions/check'), 422, 'phone', 'no phone');
refused($t->api('GET', '/suppressions/check?phone=0712'), 422, 'phone',
        'no international phone');
refused($t->api('POST', '/suppressions', { phones => ['+254712000001', '12'],
    reason => 'x' }), 422, '/phones/1', 'a bad phone among others');
refused($t->api('POST', '/suppressions', { reason => 'x' }), 422, '/phone',
        'nobody');
refused($t->api('POST', '/suppressions', { phone => '+254712000001' }), 422,
        '/reason', 'no reason');
refused($t->api('POST', '/suppressions', { phones => [], reason => 'x' }), 422,
        '/phones', 'an empty list');

# as the gate at send time makes it: sha256(key || phone), the key from the secret
my $mine = hmac_sha256('suppression' . pack('H*', $o->{id} =~ tr/-//dr),
                       pack 'H*', '5eed' x 16);
is($t->sql(q{SELECT encode(hash, 'hex') FROM suppressions
              WHERE reason = 'asked by post'}), sha256_hex("$mine+254712000001"),
   'the hash is keyed, of the phone as E.164');

my $c = contact(name => 'Gone', phone => '+254712000005');
$t->api('DELETE', "/contacts/$c->{id}");
$r = $t->api('POST', '/contacts/import', "phone,name\r\n+254712000005,Back\r\n",
             headers => { 'content-type' => 'text/csv' });
is($r->{json}{created}, 1, 'deleted and imported again');
is($t->api('GET', '/suppressions/check?phone=%2B254712000005')->{json}{suppressed},
   JSON::PP::true, 'a contact is suppressed still');

is($t->api('DELETE', "/suppressions/$id", undef, token => $send)->{status}, 403,
   'only admins take one off');
is($t->api('DELETE', "/suppressions/$id", undef, token => $other->{key})->{status},
   404, 'only their own');
is($t->api('DELETE', "/suppressions/$id")->{status}, 204, 'off by its id');
is($t->api('DELETE', "/suppressions/$id")->{status}, 404, 'once');
is($t->api('DELETE', '/suppressions?phone=%2B254712000002')->{status}, 204,
   'off by its phone');
is($t->api('DELETE', '/suppressions?phone=%2B254712000002')->{status}, 404,
   'once');
is($t->sql('SELECT count(*) FROM suppressions'), 28, 'and no other one');


# ── contacts: zones, and a way to reach them ────────────────────────────────

$c = contact(name => 'Ann', phone => '+14155550100', email => 'ann@example.com');
is($c->{country}, 'US', 'the country of the phone');
is($c->{time_zone}, undef, 'no zone was set');
is($c->{effective_zone}, 'America/Los_Angeles', 'the phone has one');

$r = $t->api('PATCH', "/contacts/$c->{id}", { time_zone => 'Europe/Paris' });
is($r->{json}{time_zone}, 'Europe/Paris', 'set');
is($r->{json}{effective_zone}, 'Europe/Paris', 'and wins');
$r = $t->api('PATCH', "/contacts/$c->{id}", { phone => '+5592912345678',
                                              time_zone => undef });
is_deeply([@{ $r->{json} }{qw(country time_zone effective_zone)}],
          ['BR', undef, 'America/Manaus'], 'a new phone is elsewhere');
refused($t->api('PATCH', "/contacts/$c->{id}", { time_zone => 'Paris' }), 422,
        '/time_zone', 'no zone');
refused($t->api('POST', '/contacts', { phone => '+254713000001',
    time_zone => 'Mars/Base' }), 422, '/time_zone', 'no zone of a new one');
refused($t->api('PATCH', "/contacts/$c->{id}", { country => 'US' }), 422,
        '/country', 'the country');

$r = $t->api('PATCH', "/contacts/$c->{id}", { phone => undef });
is($r->{status}, 200, 'the e-mail address is left');
is_deeply([@{ $r->{json} }{qw(phone country effective_zone)}],
          [undef, undef, 'Africa/Nairobi'], 'the organisation\'s zone then');
refused($t->api('PATCH', "/contacts/$c->{id}", { email => undef }), 422, '/email',
        'neither phone nor e-mail');
refused($t->api('PATCH', '/contacts/' . contact(phone => '+254713000009')->{id},
    { phone => undef }), 422, '/phone', 'no phone, where there is no e-mail address');
is($t->sql("SELECT email FROM contacts WHERE id = '$c->{id}'"), 'ann@example.com',
   'nothing was done');
is($t->api('PATCH', "/contacts/$c->{id}", { email => undef,
    phone => '+14155550100' })->{status}, 200, 'one for the other');
is($t->api('PATCH', '/contacts/0190ffff-0000-7000-8000-000000000000',
           { phone => undef })->{status}, 404, 'nobody');

$r = $t->api('POST', '/contacts/import', "phone,Time zone\r\n"
    . "+254714000001,Asia/Tokyo\r\n+254714000002,\r\n+254714000003,Asia/Tokio\r\n",
    headers => { 'content-type' => 'text/csv' });
is_deeply([@{ $r->{json} }{qw(created failed)}], [2, 1], 'a column of zones');
is($r->{json}{columns}{'Time zone'}, 'time_zone', 'known by its name');
is($r->{json}{errors}[0]{code}, 'time_zone_unknown', 'a wrong one');
like($r->{json}{errors}[0]{detail}, qr{"Asia/Tokio": .*Similar: .*Asia/Tokyo},
     'with what is similar');
$r = $t->api('GET', '/contacts?search=%2B254714000001');
is($r->{json}{data}[0]{effective_zone}, 'Asia/Tokyo', 'is imported');
$t->api('POST', '/contacts/import', "phone,tz\r\n+254714000001,\r\n",
    headers => { 'content-type' => 'text/csv' });
$r = $t->api('GET', '/contacts?search=%2B254714000001');
is($r->{json}{data}[0]{time_zone}, 'Asia/Tokyo', 'an empty one changes nothing');
like($t->api('GET', '/contacts/export')->{content},
     qr{\+254714000001,.*,Asia/Tokyo,}, 'and exported');


# ── opt-outs ────────────────────────────────────────────────────────────────

my $a = $t->sandbox_account;
my $b = $t->sandbox_account;

$r = $t->api('GET', "/contacts/$c->{id}/opt-outs", undef, token => $read);
is_deeply($r->{json}, { contact_id => $c->{id},
    marketing_opt_out => JSON::PP::false, numbers => [] }, 'no opt-out');
$r = $t->api('POST', "/contacts/$c->{id}/opt-outs", { account_id => $a->{id},
    source => 'keyword' }, token => $send);
is($r->{status}, 200, 'of one number') or diag($r->{content});
is($r->{json}{numbers}[0]{account_id}, $a->{id}, 'that one');
is($r->{json}{numbers}[0]{source}, 'keyword', 'with its source');
like($r->{json}{numbers}[0]{created_at}, qr/^\d{4}-\d\d-\d\dT[\d:]+Z$/, 'and time');
is($r->{json}{marketing_opt_out}, JSON::PP::false, 'not of all');
$t->api('POST', "/contacts/$c->{id}/opt-outs", { account_id => $a->{id} });
$t->api('POST', "/contacts/$c->{id}/opt-outs", { account_id => $b->{id} });
$r = $t->api('POST', "/contacts/$c->{id}/opt-outs", {});
is($r->{json}{marketing_opt_out}, JSON::PP::true, 'of all numbers');
is(scalar @{ $r->{json}{numbers} }, 2, 'beside those of two');
is($r->{json}{numbers}[0]{source}, 'keyword', 'the first source stays');
$r = $t->api('DELETE', "/contacts/$c->{id}/opt-outs?account_id=$a->{id}");
is_deeply([map { $_->{account_id} } @{ $r->{json}{numbers} }], [$b->{id}],
          'one is taken back');
is($r->{json}{marketing_opt_out}, JSON::PP::true, 'and only that one');
$r = $t->api('DELETE', "/contacts/$c->{id}/opt-outs");
is($r->{json}{marketing_opt_out}, JSON::PP::false, 'that of all is taken back');
is(scalar @{ $r->{json}{numbers} }, 1, 'and only that');
refused($t->api('POST', "/contacts/$c->{id}/opt-outs",
    { account_id => '0190ffff-0000-7000-8000-000000000000' }), 422, '/account_id',
    'a number that is none');
for my $m (qw(GET POST DELETE)) {
    is($t->api($m, "/contacts/$c->{id}/opt-outs", $m eq 'POST' ? {} : undef,
               token => $other->{key})->{status}, 404, "$m: not another's contact");
}
is($t->sql("SELECT marketing_opt_out FROM contacts WHERE id = '$c->{id}'"), 'f',
   'whose flag stays');


# ── a number's limits ───────────────────────────────────────────────────────

$r = $t->api('GET', "/accounts/$a->{id}");
is($r->{status}, 200, 'a number') or diag($r->{content});
is_deeply($r->{json}{unknown_policy}, { marketing => 'hold', utility => 'hold',
    service => 'hold', authentication => 'retry' }, 'its policy');
is($r->{json}{pacing}, undef, 'no human profile');
is($r->{json}{portfolio}, undef, 'no portfolio');
is_deeply([@{ $r->{json}{today} }{qw(sent cap)}], [0, undef], 'nothing sent today');
$tag = $r->{headers}{etag};

my %pacing = (gap_min_ms => 2000, gap_max_ms => 9000, daily_cap => 500,
    hours => { from => '09:00', to => '18:30', zone => 'Asia/Kolkata' },
    warmup => { from => '2026-01-01', first => 20, growth => 30 });
$r = $t->api('PATCH', "/accounts/$a->{id}", { name => 'Main', rate_limit => 20,
    portfolio_id => 'biz_1', pair_limit => JSON::PP::false,
    count_inbound => JSON::PP::false, pacing => \%pacing,
    unknown_policy => { utility => 'retry' } }, headers => { 'if-match' => $tag });
is($r->{status}, 200, 'changed') or diag($r->{content});
is($r->{json}{webhook_path}, $a->{webhook_path}, 'the address is as it was');
is_deeply($r->{json}{pacing}, \%pacing, 'the human profile');
is($r->{json}{unknown_policy}{utility}, 'retry', 'the policy');
is($r->{json}{unknown_policy}{marketing}, 'hold', 'of that category only');
is_deeply([@{ $r->{json} }{qw(name rate_limit portfolio_id)}], ['Main', 20, 'biz_1'],
          'the rest');
ok(!$r->{json}{pair_limit} && !$r->{json}{count_inbound}, 'and the switches');
is($r->{json}{today}{cap}, 500, 'warm, the cap holds');
is($t->api('PATCH', "/accounts/$a->{id}", { name => 'Late' },
           headers => { 'if-match' => $tag })->{status}, 412, 'an old ETag');

$r = $t->api('PATCH', "/accounts/$a->{id}", { pacing => { daily_cap => undef,
    hours => undef } });
delete @pacing{qw(daily_cap hours)};
is_deeply($r->{json}{pacing}, { %pacing, daily_cap => undef, hours => undef },
          'members of the profile go singly');
is_deeply($t->api('GET', '/accounts')->{json}{data}[1]{pacing}, $r->{json}{pacing},
          'the list says the same');
$r = $t->api('PATCH', "/accounts/$a->{id}", { pacing => undef });
is($r->{json}{pacing}, undef, 'or all at once');

for my $bad (
    [{ pacing => { gap_min_ms => 1 } }, '/pacing/gap_max_ms'],
    [{ pacing => { gap_max_ms => 1 } }, '/pacing/gap_min_ms'],
    [{ pacing => { gap_min_ms => 5, gap_max_ms => 4 } }, '/pacing/gap_max_ms'],
    [{ pacing => { gap_min_ms => undef, gap_max_ms => 4 } }, '/pacing/gap_max_ms'],
    [{ pacing => { daily_cap => 0 } }, '/pacing/daily_cap'],
    [{ pacing => { hours => { from => '09:00', to => '09:00' } } },
     '/pacing/hours/to'],
    [{ pacing => { hours => { from => '09:00', to => '10:00', zone => 'X' } } },
     '/pacing/hours/zone'],
    [{ pacing => { warmup => { from => '2026-02-30', first => 1 } } },
     '/pacing/warmup/from'],
    [{ pacing => { warmup => { from => '2026-02-20' } } }, '/pacing/warmup/first'],
    [{ pacing => { speed => 1 } }, '/pacing/speed'],
    [{ portfolio_id => 'a b' }, '/portfolio_id'],
    [{ unknown_policy => { marketing => 'drop' } }, '/unknown_policy/marketing'],
    [{ status => 'connected' }, '/status'], [{ number_id => '1' }, '/number_id'],
    [{ rate_limit => undef }, '/rate_limit'],
) {
    refused($t->api('PATCH', "/accounts/$a->{id}", $bad->[0]), 422, $bad->[1],
            JSON::PP->new->canonical->encode($bad->[0]));
}

is($t->api('PATCH', "/accounts/$a->{id}", { name => 'x' }, token => $send)->{status},
   403, 'only admins change a number');
is($t->api('PATCH', "/accounts/$a->{id}", { name => 'x' },
           token => $other->{key})->{status}, 404, 'only their own');

# a new token, sealed beside the secrets that stay

my $sealed = $t->sql("SELECT secrets FROM accounts WHERE id = '$a->{id}'");
$r = $t->api('PATCH', "/accounts/$a->{id}", { token => 'fresh-token' });
is($r->{status}, 200, 'a new token') or diag($r->{content});
unlike($r->{content}, qr/fresh-token|secret-1/, 'is not shown');
isnt($t->sql("SELECT secrets FROM accounts WHERE id = '$a->{id}'"), $sealed,
     'is sealed');
is($r->{json}{webhook_path}, $a->{webhook_path}, 'the webhook\'s address stays');
$t->sandbox_set($a->{number_id}, token => 'fresh-token');
$c = contact(name => 'Token', phone => '+254715000001');
$t->open_window($a->{id}, $c->{id});
$r = $t->api('POST', '/messages', { account_id => $a->{id}, contact_id => $c->{id},
                                    text => 'hello' });
my $message = $r->{json}{id};
ok(wait_until(sub {
    $t->api('GET', "/messages/$message")->{json}{status}
        =~ /^(?:accepted|sent|delivered|read)$/
}, 20, 'the message'), 'and is what the next message goes with');
unlike(slurp("$t->{dir}/error.log"), qr/fresh-token/, 'and not logged');


# ── pause and resume ────────────────────────────────────────────────────────

$t->sql(qq{UPDATE accounts SET status = 'disconnected', status_reason = 'auth',
    status_code = 190, status_at = now() WHERE id = '$b->{id}'});
$r = $t->api('GET', "/accounts/$b->{id}");
is($r->{json}{status_code}, 190, 'a number that stopped');
like($r->{json}{status_text}, qr/access token has expired/, 'says why');
like($r->{json}{status_fix}, qr/new permanent token/, 'and what to do');
$r = $t->api('POST', "/accounts/$b->{id}/pause");
is($r->{json}{status_reason}, 'auth', 'paused, it keeps its own reason');

$r = $t->api('POST', "/accounts/$a->{id}/pause", undef, token => $send);
is($r->{status}, 200, 'pause') or diag($r->{content});
is_deeply([@{ $r->{json} }{qw(status status_reason status_text
                              paused_broadcasts)}], ['paused', 'user', undef, 0],
          'by the user');
is($t->api('POST', "/accounts/$a->{id}/pause", undef, token => $read)->{status}, 403,
   'not by who reads');

my $template = $t->api('POST', '/templates', { name => 'hi', language => 'en',
    category => 'utility', body => 'Hi' })->{json}{id};
my $uuid = '0190aaaa-0000-7000-8000-00000000000';
$t->sql(qq{INSERT INTO broadcasts (org_id, id, name, account_id, template_id,
        audience, status, send_at, pause_reason)
    SELECT '$o->{id}', ('$uuid' || n)::uuid, 'b' || n, '$b->{id}', '$template',
        '{"all": true}', CASE n WHEN 4 THEN 'cancelled' ELSE 'paused' END, now(),
        CASE n WHEN 3 THEN 'user' ELSE 'account' END
      FROM generate_series(1, 4) n});
$r = $t->api('POST', "/accounts/$b->{id}/resume");
is($r->{json}{status}, 'connected', 'resume');
is_deeply([@{ $r->{json} }{qw(status_reason status_code status_text)}],
          [undef, undef, undef], 'nothing is wrong any more');
is($r->{json}{paused_broadcasts}, 2, 'and what stopped with it is told');
is($t->sql(q{SELECT count(*) FROM broadcasts WHERE status = 'paused'}), 3,
   'but stays paused');
is($t->api('POST', "/accounts/$a->{id}/resume")->{json}{status}, 'connected',
   'resumed');
is($t->api('POST', "/accounts/$a->{id}/resume", undef,
           token => $other->{key})->{status}, 404, 'not another\'s');


# ── portfolios ──────────────────────────────────────────────────────────────

is_deeply($t->api('GET', '/portfolios', undef, token => $read)->{json},
    { next_cursor => undef, data => [{ id => 'biz_1', daily_limit => undef,
      used_24h => 0, left => undef, accounts => 1, updated_at => undef }] },
    'a portfolio that a number names');
$r = $t->api('PUT', '/portfolios/biz_1', { daily_limit => 250 });
is($r->{status}, 200, 'its limit') or diag($r->{content});
is_deeply([@{ $r->{json} }{qw(id daily_limit left)}], ['biz_1', 250, 250], 'is set');
$t->sql(qq{INSERT INTO portfolio_users
    SELECT '$o->{id}', 'biz_1', gen_random_uuid(), now() - n * interval '6 hours'
      FROM generate_series(0, 5) n});
$r = $t->api('GET', "/accounts/$a->{id}");
is_deeply($r->{json}{portfolio}, { id => 'biz_1', daily_limit => 250,
    used_24h => 4, left => 246 }, 'what is left of it');
$r = $t->api('PUT', '/portfolios/biz_1', { daily_limit => 3 });
is($r->{json}{left}, 0, 'never less than nothing');
$r = $t->api('PUT', '/portfolios/biz-2', { daily_limit => undef });
is($r->{json}{daily_limit}, undef, 'no limit');
is(scalar @{ $t->api('GET', '/portfolios')->{json}{data} }, 2, 'both are listed');
is(scalar @{ $t->api('GET', '/portfolios', undef,
                     token => $other->{key})->{json}{data} }, 0, 'not another\'s');
refused($t->api('PUT', '/portfolios/biz_1', {}), 422, '/daily_limit', 'no limit');
refused($t->api('PUT', '/portfolios/a%20b', { daily_limit => 1 }), 422, undef,
        'an id with a space');
is($t->api('PUT', '/portfolios/biz_1', { daily_limit => 1 }, token => $send)
    ->{status}, 403, 'only admins');
$r = $t->api('DELETE', '/portfolios/biz_1');
is($r->{status}, 405, 'nothing else');
is($r->{headers}{allow}, 'PUT', 'but that');


# ── prices ──────────────────────────────────────────────────────────────────

sub prices {
    my ($query) = @_;
    my $r = $t->api('GET', "/prices$query", undef, token => $read);

    diag("$r->{status} $r->{content}") if $r->{status} != 200;
    return $r->{json}{currency} . ' ' . join ', ', map {
        "$_->{country} $_->{category} $_->{price} $_->{valid_from}"
    } @{ $r->{json}{prices} };
}

is(prices('?date=2025-06-30'), 'USD * marketing 0.06 2025-01-01, '
   . '* service 0 2025-01-01, KE marketing 0.0225 2025-01-01', 'of one day');
is(prices('?date=2026-01-01'), 'USD * marketing 0.06 2025-01-01, '
   . '* service 0 2025-01-01, KE marketing 0.03 2026-01-01', 'of another');
is(prices(''), prices('?date=2026-02-01'), 'of today');
is(prices('?date=2020-01-01'), 'USD ', 'before the first');
refused($t->api('GET', '/prices?date=today'), 422, 'date', 'no day');

spew("$t->{dir}/prices.csv", $head . "2025-01-01,*,marketing,EUR,0.07\n");
ok($t->reload, 'a new table and a reload');
is(prices(''), 'EUR * marketing 0.07 2025-01-01', 'and it holds');
spew("$t->{dir}/prices.csv", $head . "2025-01-01,UK,marketing,EUR,0.07\n");
$t->expect_log(qr/\[emerg\] .*prices\.csv:2: country is "UK", expected/);
$t->signal('HUP');
wait_until { $t->logged(qr/prices\.csv:2/) } 10, 'a wrong one is refused';
is(scalar($t->logged(qr/prices\.csv:2: country is "UK"/)), 1, 'by its line');
is(prices(''), 'EUR * marketing 0.07 2025-01-01', 'and the old one holds');

$t->{http} = '';
ok($t->reload, 'no table at all');
$r = $t->api('GET', '/prices');
is_deeply([@{ $r->{json} }{qw(currency prices)}], [undef, []], 'no prices');
refused($t->api('PATCH', '/settings', { spend_limit => { amount => '1',
    period => 'day' } }), 422, '/spend_limit', 'a limit that would never hold');
is($t->api('PATCH', '/settings', { spend_limit => undef })->{status}, 200,
   'but it can be taken away');


# ── what the API says of all this ───────────────────────────────────────────

my $api = $t->api('GET', '/openapi.json')->{json}{paths};
my $schema = sub {
    $api->{$_[0]}{$_[1]}{requestBody}{content}{'application/json'}{schema}
};

my $money = $schema->('/settings', 'patch')->{properties}{spend_limit}{properties}
    {amount}{pattern};
ok('12.50' =~ /$money/ && '12x50' !~ /$money/, 'money has its form');
is_deeply($schema->('/accounts/{id}', 'patch')->{properties}{pacing}{properties}
          {hours}{required}, [qw(from to)], 'fields in groups');
is_deeply([map { $_->{name} } @{ $api->{'/portfolios/{portfolio}'}{put}
          {parameters} }], ['portfolio'], 'words in paths');
is_deeply([map { $_->{name} } @{ $api->{'/settings'}{patch}{parameters} }],
          ['If-Match'], 'If-Match');


# ── where a phone is ────────────────────────────────────────────────────────

my @phones = (
    ['+12125550100', 'US', 'America/New_York'],
    ['+13125550100', 'US', 'America/Chicago'],
    ['+13035550100', 'US', 'America/Denver'],
    ['+16025550100', 'US', 'America/Phoenix'],
    ['+18085550100', 'US', 'Pacific/Honolulu'],
    ['+19075550100', 'US', 'America/Anchorage'],
    ['+16045550100', 'CA', 'America/Vancouver'],
    ['+14165550100', 'CA', 'America/Toronto'],
    ['+17095550100', 'CA', 'America/St_Johns'],
    ['+17875550100', 'PR', 'America/Puerto_Rico'],
    ['+18765550100', 'JM', 'America/Jamaica'],
    ['+18095550100', 'DO', 'America/Santo_Domingo'],
    ['+15555550100', 'US', 'America/New_York'],
    ['+254712345678', 'KE', 'Africa/Nairobi'],
    ['+2348012345678', 'NG', 'Africa/Lagos'],
    ['+27821234567', 'ZA', 'Africa/Johannesburg'],
    ['+201001234567', 'EG', 'Africa/Cairo'],
    ['+262639123456', 'YT', 'Indian/Mayotte'],
    ['+262692123456', 'RE', 'Indian/Reunion'],
    ['+447700900123', 'JE', 'Europe/Jersey'],
    ['+447911123456', 'GG', 'Europe/Guernsey'],
    ['+447400123456', 'GB', 'Europe/London'],
    ['+491701234567', 'DE', 'Europe/Berlin'],
    ['+34612345678', 'ES', 'Europe/Madrid'],
    ['+34928123456', 'ES', 'Atlantic/Canary'],
    ['+380501234567', 'UA', undef],
    ['+905321234567', 'TR', 'Europe/Istanbul'],
    ['+79161234567', 'RU', 'Europe/Moscow'],
    ['+73832123456', 'RU', 'Asia/Novosibirsk'],
    ['+74232123456', 'RU', 'Asia/Vladivostok'],
    ['+77011234567', 'KZ', 'Asia/Almaty'],
    ['+5511912345678', 'BR', 'America/Sao_Paulo'],
    ['+5592912345678', 'BR', 'America/Manaus'],
    ['+525512345678', 'MX', 'America/Mexico_City'],
    ['+526641234567', 'MX', 'America/Tijuana'],
    ['+5216641234567', 'MX', 'America/Tijuana'],
    ['+919812345678', 'IN', 'Asia/Kolkata'],
    ['+6281234567890', 'ID', 'Asia/Jakarta'],
    ['+62361123456', 'ID', 'Asia/Makassar'],
    ['+62967123456', 'ID', 'Asia/Jayapura'],
    ['+61412345678', 'AU', 'Australia/Sydney'],
    ['+61892345678', 'AU', 'Australia/Perth'],
    ['+61889123456', 'AU', 'Australia/Darwin'],
    ['+60123456789', 'MY', 'Asia/Kuala_Lumpur'],
    ['+6721234567', 'NF', 'Pacific/Norfolk'],
    ['+8801712345678', 'BD', 'Asia/Dhaka'],
    ['+97455123456', 'QA', 'Asia/Qatar'],
    ['+870773123456', '', ''],
);

for my $p (@phones) {
    my ($country, $zone) = split /\|/,
        $t->sql("SELECT country, zone FROM herald_dial('$p->[0]')"), -1;

    is($country // '', $p->[1], "$p->[0] is in $p->[1]");
    is($zone // '', $p->[2], "at $p->[2]") if defined $p->[2];
}

# what a contact gets is the same, by another way
$t->sql("INSERT INTO contacts (org_id, id, phone)
    SELECT '$other->{id}', gen_random_uuid(), p
      FROM unnest('{" . join(',', map { $_->[0] } @phones) . "}'::text[]) p");
is($t->sql(qq{SELECT string_agg(phone, ' ') FROM contacts c, herald_dial(phone) d
    WHERE org_id = '$other->{id}' AND (c.country, c.phone_zone)
          IS DISTINCT FROM (d.country, d.zone)}), '', 'contacts agree');
is($t->sql(qq{SELECT count(*) FROM contacts WHERE org_id = '$other->{id}'
    AND country IS NOT NULL}), scalar(@phones) - 1, 'and have theirs');

is($t->sql(q{SELECT count(*) FROM dial_codes WHERE zone = 'UTC'}), 0,
   'every zone is known here');
cmp_ok($t->sql('SELECT count(DISTINCT country) FROM dial_codes'), '>', 225,
       'nearly every country');

$t->done;
