#!/usr/bin/perl

# What webhooks tell of numbers, templates, accounts and people's wishes: each takes
# effect once, in the order of their own time, and stops what must not go on.

use strict;
use warnings;
use lib 't/lib';

use Herald::Test;
use Herald::Test::Hooks;
use Test::More;

my $t = Herald::Test->new;
my $org = $t->org;

hooks_for($t, $org);

my $a = account();
my $tpl = template('news');

# another node owns the number: what is queued for it stays so
$t->sql("INSERT INTO leases VALUES ('$org->{id}', '$a->{id}', gen_random_uuid(), 9,
             now() + interval '1 day')");



# ── the quality of a number ─────────────────────────────────────────────────

my $stream = $t->stream;
is($stream->status, 200, 'the stream is open');

sub told {
    my ($type, $id) = @_;
    my @e;

    wait_until {
        @e = grep { ($_->{event} // '') eq $type && $_->{json}{id} eq $id }
            $stream->events;
        scalar @e
    } 10, "$type of $id";
    return $e[-1]{json};
}

sub limits {
    my ($a) = @_;

    return $t->sql("SELECT quality, rate_limit, portfolio_id,
        (SELECT coalesce(daily_limit::text, 'any') FROM portfolios p
          WHERE p.org_id = a.org_id AND p.id = a.portfolio_id)
          FROM accounts a WHERE id = '$a->{id}'");
}

sub paused {
    return $t->get('/metrics')->{content} =~ /^herald_auto_paused_total (\d+)/m
        ? $1 : 0;
}

{
    my ($x, $y) = (account(), account());
    my $u = template('receipt', category => 'utility');
    my @b = (broadcast($x, template => $tpl), broadcast($x, template => $u),
             broadcast($y, template => $tpl),
             broadcast($x, template => $tpl, status => 'scheduled'));
    my $digits = $x->{phone} =~ tr/0-9//cdr;
    my %flag = (display_phone_number => $digits, event => 'FLAGGED',
                current_limit => 'TIER_10K');
    my $before = paused();

    $t->sql("UPDATE broadcasts SET total = NULL, started_at = NULL
              WHERE id = '$b[3]'");
    my $at = change($x, 'phone_number_quality_update', { %flag });
    is(limits($x), 'RED|80|777000|10000', 'flagged: quality and limit are kept');
    is(limits($y), 'UNKNOWN|80||', 'of no other number');
    is(join(' ', map { pause_of($_) } @b),
       'paused|quality sending| sending| scheduled|',
       'its marketing that is being sent waits');
    like($t->sql("SELECT pause_detail FROM broadcasts WHERE id = '$b[0]'"),
         qr/quality as low \(RED\)/, 'in plain words');
    is(paused() - $before, 1, 'it is counted');
    is(told('broadcast.paused', $b[0])->{pause_reason}, 'quality',
       'the stream says so');
    is(told('account.updated', $x->{id})->{quality}, 'RED', 'of the number too');
    ok(wait_until { $t->sql("SELECT count(*) FROM webhook_events
        WHERE field = 'phone_number_quality_update'") == 1 } 5, 'it is kept');

    # the same delivery again, after somebody went on
    $t->sql("UPDATE broadcasts SET status = 'sending' WHERE id = '$b[0]'");
    change($x, 'phone_number_quality_update', { %flag }, at => $at);
    is(status_of($b[0]), 'sending', 'delivered again: nothing happens');

    # the same words a second later are news
    change($x, 'phone_number_quality_update', { %flag });
    is(status_of($b[0]), 'paused', 'flagged again: paused again');

    $at = change($x, 'phone_number_quality_update', { %flag,
        event => 'UNFLAGGED', current_limit => 'TIER_UNLIMITED' });
    is(limits($x), 'UNKNOWN|80|777000|any', 'no longer flagged, no limit');
    change($x, 'phone_number_quality_update',
           { %flag, current_limit => 'TIER_250' }, at => $at - 100);
    is(limits($x), 'UNKNOWN|80|777000|any', 'older news change nothing');

    change($x, 'phone_number_quality_update', { display_phone_number => $digits,
        event => 'THROUGHPUT_UPGRADE', current_limit => 'TIER_100K' });
    is(limits($x), 'UNKNOWN|1000|777000|100000', 'an upgrade');

    $t->sql("UPDATE accounts SET rate_limit = 20 WHERE id = '$x->{id}'");
    change($x, 'phone_number_quality_update', { display_phone_number => $digits,
        event => 'THROUGHPUT_UPGRADE', quality => 'yellow' });
    is(limits($x), 'YELLOW|20|777000|100000', "not of somebody's own rate");

    change($x, 'phone_number_quality_update', { display_phone_number =>
        $y->{phone}, event => 'SOMETHING_NEW', quality => 'PURPLE' });
    is(limits($y), 'PURPLE|80|777000|100000',
       "a hook may tell of the business's other number; words we do not know");

    change($x, 'phone_number_quality_update', { %flag,
        display_phone_number => '99999' });
    is(limits($x), 'YELLOW|20|777000|100000', 'a number that is none of ours');

    change($y, 'business_capability_update',
           { max_daily_conversations_per_business => -1 });
    is(limits($y), 'PURPLE|80|777000|any', 'capability: no limit');
    change($y, 'business_capability_update',
           { max_daily_conversation_per_phone => 2000,
             max_phone_numbers_per_business => 25 });
    is(limits($y), 'PURPLE|80|777000|2000', 'capability: an older form');
    change($y, 'business_capability_update', 'odd');
    change($y, 'business_capability_update', { odd => [ {} ] });
    is(limits($y), 'PURPLE|80|777000|2000', 'what says nothing changes nothing');
}


# ── templates ───────────────────────────────────────────────────────────────

sub template_of {
    my ($tpl, $more) = @_;

    return $t->sql('SELECT ' . join(', ', 'status', $more // ())
                   . " FROM templates WHERE id = '$tpl->{id}'");
}

{
    my $x = account();
    my ($p, $other) = (template('promo'), template('promo', language => 'sw'));
    my @b = map { broadcast($x, template => $_) } $p, $other, $other;
    my $tell = sub {
        my ($field, %v) = @_;
        my $at = delete $v{at};

        return change($x, $field, { message_template_id => 7,
            message_template_name => 'promo',
            message_template_language => 'en-US', %v }, at => $at);
    };

    $t->sql("UPDATE broadcasts SET variants = jsonb_build_array(
        jsonb_build_object('template_id', '$other->{id}'),
        jsonb_build_object('template_id', '$p->{id}')) WHERE id = '$b[2]'");

    my $at = $tell->('message_template_status_update', event => 'PAUSED',
        reason => 'NONE', other_info => { title => 'FIRST_PAUSE',
            description => 'Paused for 3 hours.' });

    is(template_of($p, 'status_reason, extract(epoch FROM paused_until)::bigint'),
       'paused|Paused for 3 hours.|' . ($at + 10800), 'paused, why, until when');
    is(template_of($other), 'unverified', 'in this language only');
    is(join(' ', map { pause_of($_) } @b),
       'paused|template_paused sending| paused|template_paused',
       'what uses it waits, also as a variant');
    like($t->sql("SELECT pause_detail FROM broadcasts WHERE id = '$b[0]'"),
         qr/template promo \(en-US\) to paused until 20.*Paused for 3 hours/,
         'in words');
    is(told('template.updated', $p->{id})->{status}, 'paused', 'the stream');
    is(told('broadcast.paused', $b[2])->{pause_reason}, 'template_paused', 'too');

    $at = $tell->('message_template_status_update', event => 'REINSTATED');
    is(template_of($p, 'status_reason IS NULL, paused_until IS NULL'),
       'reinstated|t|t', 'given back');
    is(status_of($b[0]), 'paused', 'but people resume');

    $tell->('message_template_status_update', event => 'DISABLED',
            at => $at - 50);
    is(template_of($p), 'reinstated', 'older news change nothing');

    $t->sql("UPDATE broadcasts SET status = 'sending' WHERE id = '$b[0]'");
    $tell->('message_template_status_update', event => 'REJECTED',
            reason => 'SCAM');
    is(template_of($p, 'status_reason'), 'rejected|SCAM', 'rejected');
    is(pause_of($b[0]), 'paused|template_disabled', 'what uses it');

    $tell->('message_template_status_update', event => 'Sleeping');
    is(template_of($p), 'sleeping', 'a word that we do not know');

    $tell->('message_template_quality_update', new_quality_score => 'YELLOW',
            previous_quality_score => 'GREEN');
    is(template_of($p, 'quality'), 'sleeping|YELLOW', 'its quality');

    $tell->('template_category_update', previous_category => 'MARKETING',
            new_category => 'UTILITY');
    is(template_of($p, 'category'), 'sleeping|utility', 'its category');
    $tell->('template_category_update', new_category => 'FREE');
    is(template_of($p, 'category'), 'sleeping|utility', 'that we do not know');
    $tell->('message_template_status_update', event => 'APPROVED',
            message_template_name => 'nobody');
    is(template_of($p), 'sleeping', 'of a template that we do not have');
}


# ── accounts ────────────────────────────────────────────────────────────────

sub account_of {
    return $t->sql("SELECT status, status_reason FROM accounts
                     WHERE id = '$_[0]{id}'");
}

{
    my ($x, $y) = (account(), account());
    my $b = broadcast($x, template => $tpl);
    my $at;

    change($x, 'account_update', { event => 'ACCOUNT_RESTRICTION',
        restriction_info => [
            { restriction_type => 'RESTRICTED_ADD_PHONE_NUMBER_ACTION' } ] });
    is(account_of($x), 'connected|', 'a restriction that lets it send');

    $at = change($x, 'account_update', { phone_number => $x->{phone},
        event => 'ACCOUNT_RESTRICTION', restriction_info => [
        { restriction_type => 'RESTRICTED_BIZ_INITIATED_MESSAGING',
          expiration => 1800000000 } ] });
    is(account_of($x), 'paused|WhatsApp restricted the account: '
        . 'RESTRICTED_BIZ_INITIATED_MESSAGING, until 2027-01-15T08:00:00Z',
       'one that does not');
    is(account_of($y), 'connected|', 'of no other number');
    is(pause_of($b), 'paused|account', 'what it sends waits');
    is(told('account.updated', $x->{id})->{status}, 'paused', 'the stream');
    is(told('broadcast.paused', $b)->{pause_reason}, 'account', 'too');

    change($x, 'account_update', { event => 'DISABLED_UPDATE',
        ban_info => { waba_ban_state => ['REINSTATE'] } }, at => $at - 10);
    is((split /\|/, account_of($x))[0], 'paused', 'older news change nothing');
    change($x, 'account_update', { event => 'DISABLED_UPDATE',
        ban_info => { waba_ban_state => ['REINSTATE'] } });
    is(account_of($x), 'connected|', 'reinstated');
    is(status_of($b), 'paused', 'but people resume');

    $t->sql("UPDATE accounts SET status = 'paused', status_code = 190,
        status_reason = 'the token' WHERE id = '$x->{id}'");
    change($x, 'account_update', { event => 'ACCOUNT_RECONNECTED' });
    is(account_of($x), 'paused|the token', 'what others stopped stays');
    $t->sql("UPDATE accounts SET status = 'connected', status_code = NULL,
        status_reason = NULL, portfolio_id = '777000'
         WHERE id IN ('$x->{id}', '$y->{id}')");

    change($x, 'account_update', { event => 'DISABLED_UPDATE',
        ban_info => { waba_ban_state => 'SCHEDULE_FOR_DISABLE' } });
    is(account_of($x), 'connected|', 'a warning');
    change($x, 'account_update', { event => 'DISABLED_UPDATE',
        ban_info => { waba_ban_state => 'DISABLE' } });
    is(account_of($_), 'paused|WhatsApp disabled the account',
       'disabled: all numbers of the business') for $x, $y;
    is(account_of($a), 'connected|', 'not of another');

    change($x, 'account_update', { event => 'ACCOUNT_DELETED' });
    is((split /\|/, account_of($x))[0], 'disconnected', 'deleted');
    change($x, 'account_update', { event => 'ACCOUNT_RECONNECTED' });
    is(account_of($x), 'connected|', 'reconnected');
    change($x, 'account_update', { event => 'PARTNER_REMOVED',
        disconnection_info => { reason => 'PRIMARY_INACTIVITY' } });
    is(account_of($x),
       'disconnected|WhatsApp disconnected the account: PRIMARY_INACTIVITY',
       'disconnected');
}


# ── another organisation ────────────────────────────────────────────────────

{
    my $theirs_org = $t->org;
    my $theirs = account(phone => $a->{phone});
    my $their_tpl = template('news');

    change($theirs, 'message_template_status_update', { event => 'DISABLED',
        message_template_name => 'news', message_template_language => 'en_US' });
    change($theirs, 'phone_number_quality_update', { event => 'FLAGGED',
        display_phone_number => $a->{phone} });
    change($theirs, 'account_update', { event => 'ACCOUNT_DELETED' });

    is(template_of($their_tpl), 'disabled', 'their template');
    is((split /\|/, account_of($theirs))[0], 'disconnected', 'their number');
    is(template_of($tpl), 'unverified', 'ours of the same name is not touched');
    is(account_of($a), 'connected|', 'nor ours with the same phone');
    like(limits($a), qr/^UNKNOWN/, 'nor its quality');

    $t->{key} = $org->{key};
}


# ── people's wishes ─────────────────────────────────────────────────────────

my $clock = time - 500;

sub wish {
    my ($a, $value, $from, %o) = @_;

    change($a, 'user_preferences', { messaging_product => 'whatsapp',
        metadata => { phone_number_id => $o{number_id} // $a->{number_id} },
        contacts => [ { wa_id => $from, profile => { name => 'Zuri' },
                        user_id => 'KE.77' } ],
        user_preferences => [ { wa_id => $from, value => $value,
            category => $o{category} // 'marketing_messages',
            timestamp => $o{at} // ++$clock } ] });
}

sub stopped {
    my ($phone) = @_;

    return $t->sql("SELECT count(*) FROM opt_outs x JOIN contacts c
        ON c.id = x.contact_id WHERE c.phone = '$phone'
       AND x.account_id = '$a->{id}'");
}

{
    my $b = broadcast($a, template => $tpl, rows => 1, status => 'paused');
    my ($contact, $m) = split /\|/, row($b, 1, 'contact_id, message_id');
    my $out = sub { $t->sql("SELECT coalesce(sum(opted_out), 0)
        FROM broadcast_counters WHERE broadcast_id = '$b'") };

    $t->sql("UPDATE contacts SET phone = '+254700000001' WHERE id = '$contact';
        INSERT INTO addresses VALUES ('$org->{id}', 'phone', '+254700000001',
            '$contact');
        INSERT INTO messages (org_id, id, account_id, contact_id, direction, type,
            batch_id, seq) SELECT '$org->{id}', overlay(herald_uuid_at(now())::text
            PLACING '7' FROM 15)::uuid, '$a->{id}', '$contact', 'out',
            'template', '$b', 1");

    wish($a, 'stop', '254700000001', category => 'other_messages');
    wish($a, 'stop', '254700000001', number_id => '999');
    wish($a, 'pause', '254700000001');
    is(stopped('+254700000001'), 0, 'not marketing, not ours, not known');

    my $at = $clock;
    wish($a, 'stop', '254700000001');
    is(stopped('+254700000001'), 1, 'stopped');
    is($out->(), 1, 'counted for the broadcast that they answered');

    wish($a, 'stop', '254700000001');
    is(stopped('+254700000001'), 1, 'stopped again');
    is($out->(), 1, 'is counted once');

    wish($a, 'resume', '254700000001', at => $at);
    is(stopped('+254700000001'), 1, 'an older wish changes nothing');
    wish($a, 'resume', '254700000001', at => $at + 1);
    is(stopped('+254700000001'), 1, 'nor one between two stops');
    wish($a, 'resume', '254700000001');
    is(stopped('+254700000001'), 0, 'resumed');
    wish($a, 'stop', '254700000001', at => $clock - 1);
    is(stopped('+254700000001'), 0, 'a stop that comes late, and was before, '
       . 'stops nothing');
    is($out->(), 1, 'nor is it counted');
    wish($a, 'stop', '254700000001');
    is(stopped('+254700000001'), 1, 'a newer one does');
    is($t->api('DELETE', "/contacts/$contact/opt-outs?account_id=$a->{id}")->{status},
       200, 'somebody takes it back');
    wish($a, 'stop', '254700000001', at => time - 60);
    is(stopped('+254700000001'), 0, 'what was wished before that is over');

    $t->sql("INSERT INTO opt_outs VALUES ('$org->{id}', '$contact', '$a->{id}',
                 'by hand', now() - interval '1 day')");
    wish($a, 'resume', '254700000001');
    is(stopped('+254700000001'), 1, 'what people wrote down stays');

    wish($a, 'resume', '254700000002');
    is($t->sql(q{SELECT count(*) FROM contacts WHERE phone = '+254700000002'}), 0,
       'a stranger resumes: nobody');
    wish($a, 'stop', '254700000002');
    is(stopped('+254700000002'), 1, 'a stranger stops: is known from now on');
    is($t->sql(q{SELECT name, string_agg(kind, ' ' ORDER BY kind) FROM contacts c
                   JOIN addresses a ON a.contact_id = c.id
                  WHERE phone = '+254700000002' GROUP BY name}),
       'Zuri|bsuid phone wa_id', 'by all that was told');

    $t->webhook($a, { object => 'whatsapp_business_account', entry => [ {
        changes => [ map { { field => $_, value => { user_preferences => [ 1, {},
            [] ], metadata => { phone_number_id => $a->{number_id} },
            contacts => 7, event => [ 1 ], restriction_info => { },
            message_template_name => { }, display_phone_number => [ ] } } }
            qw(user_preferences account_update message_template_status_update
               phone_number_quality_update) ] } ] });
    is($t->sql(q{SELECT count(*) FROM opt_outs WHERE source = 'whatsapp'
                    AND created_at > now() - interval '1 day'}), 1,
       'what is odd is nobody\'s wish');
}

$t->done;
