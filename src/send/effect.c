/*
 * What an answer means for more than its own message: the number is paused,
 * or a template, or a broadcast, or all marketing from the number; a person
 * has opted out.
 *
 * Each is a unit of its own, and what it says is guarded by the database (only
 * what is sending is paused), so asking twice changes nothing, and one that is
 * lost with its worker is asked for again by the next answer of that kind.
 * After the commit the campaigns stop at once (shared memory), the helper is
 * told, and so are the streams.
 */

#include "private.h"


typedef struct {
    hd_uuid_t     org;
    hd_uuid_t     account;
    ngx_uint_t    held;                /* the number: may be asked again */
} hd_effect_t;


static void
hd_effect_event(hd_effect_t *e, const char *type, hd_buf_t *b)
{
    size_t      n;
    uint32_t    workers[HD_SLOTS];

    if (b->failed) {
        return;
    }

    (void) hd_event_publish(hd_send.conf.shm, &e->org, type, b->data, b->len);

    n = hd_slots_streaming(hd_send.conf.shm, workers, HD_SLOTS);

    while (n) {
        hd_wake_send(hd_send.conf.wake, workers[--n]);
    }
}


/* each thing that was paused */
static void
hd_effect_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_buf_t      b;
    hd_str_t      kind, reason;
    hd_uuid_t     id;
    ngx_uint_t    i;
    hd_effect_t  *e = u->data;

    if (index != 1 || e == NULL || hd_pg_columns(res) < 8) {
        return;
    }

    hd_buf_init(&b);

    for (i = 0; i < hd_pg_rows(res); i++) {
        kind = hd_pg_value(res, i, 0);

        if (hd_pg_value_uuid(res, i, 1, &id) != NGX_OK) {
            continue;
        }

        if (hd_str_eq(&kind, "broadcast")) {
            /* a hair before the commit is known: it only stops, and the mail
             * makes the helper read what is true */
            reason = hd_pg_value(res, i, 4);
            hd_campaign_state(hd_send.conf.shm, &id,
                              hd_str_eq(&reason, "spend_limit")
                              ? HD_CAMPAIGN_DRAINING : HD_CAMPAIGN_PAUSED);
            hd_count(hd_send.conf.shm, hd_send.conf.slot,
                     HD_COUNT_auto_paused, 1);
            hd_mail_send(hd_send.conf.shm, HD_MAIL_BROADCAST, &e->org, &id);
        }

        hd_effect_event(e, hd_hold_event(&b, res, i), &b);
    }

    hd_buf_free(&b);
}


static void
hd_effect_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    ngx_queue_t  *q;
    hd_number_t  *n;
    hd_effect_t  *e = u->data;

    if (hd_send.over) {
        return;
    }

    if (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)) {
        ngx_log_error(NGX_LOG_ERR, hd_send.conf.log, 0,
                      "herald: pausing after an answer failed: SQLSTATE %s",
                      u->sqlstate);
    }

    for (q = ngx_queue_head(&hd_send.numbers);
         e->held && q != ngx_queue_sentinel(&hd_send.numbers);
         q = ngx_queue_next(q))
    {
        n = ngx_queue_data(q, hd_number_t, queue);

        if (hd_uuid_eq(&n->id, &e->account)) {
            n->held = 0;
        }
    }

    hd_wake_send(hd_send.conf.wake, hd_wake_helper(hd_send.conf.wake));
}


static hd_pg_unit_t *
hd_effect_unit(hd_job_t *job)
{
    hd_effect_t   *e;
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_send.conf.pg, hd_effect_row, hd_effect_done, NULL);
    if (u == NULL) {
        return NULL;
    }

    u->patient = 1;

    e = ngx_pcalloc(u->pool, sizeof(hd_effect_t));

    if (e == NULL) {
        hd_pg_discard(u);
        return NULL;
    }

    e->org = job->grant.org;
    e->account = job->grant.account;
    u->data = e;

    hd_pg_org(u, &job->grant.org);

    return u;
}


static void
hd_effect_hold(hd_job_t *job, hd_hold_e kind, const hd_uuid_t *id, int code,
    const char *reason, const char *words, const char *status)
{
    hd_hold_t      what;
    hd_pg_unit_t  *u;

    u = hd_effect_unit(job);
    if (u == NULL) {
        return;
    }

    ngx_memzero(&what, sizeof(hd_hold_t));

    what.kind = kind;
    what.id = id;
    what.code = code;
    what.reason = reason;
    what.words.data = (u_char *) words;
    what.words.len = ngx_strlen(words);
    what.status = status;

    hd_hold_one(u, &what);

    if (kind == HD_HOLD_ACCOUNT) {
        ((hd_effect_t *) u->data)->held = 1;
    }

    if (hd_pg_submit(u) == NGX_OK && kind == HD_HOLD_ACCOUNT) {
        job->number->held = 1;
    }
}


void
hd_effect_account(hd_row_t *row, const hd_error_row_t *e, int code)
{
    hd_job_t  *job;

    job = row->job;

    if (job->number->held) {
        return;
    }

    hd_effect_hold(job, HD_HOLD_ACCOUNT, &job->grant.account, code, "account",
                   e->words, "paused");
}


void
hd_effect_template(hd_row_t *row, const hd_error_row_t *e, int code)
{
    const char  *reason;

    /* 132016 and 132007 end it, 132001 says that it is not there */
    reason = "template_disabled";

    if (code == HD_CODE_TEMPLATE_PAUSED) {
        reason = "template_paused";

    } else if (code == 132001) {
        reason = "template_rejected";
    }

    hd_effect_hold(row->job, HD_HOLD_TEMPLATE, &row->words->template_id, code,
                   reason, e->words, reason + sizeof("template_") - 1);
}


void
hd_effect_marketing(hd_row_t *row, const hd_error_row_t *e, int code)
{
    hd_effect_hold(row->job, HD_HOLD_MARKETING, &row->job->grant.account,
                   code, "number_risk", e->words, NULL);
}


void
hd_effect_broadcast(hd_job_t *job, const char *reason, const char *detail)
{
    hd_effect_hold(job, HD_HOLD_BROADCAST, &job->grant.batch, 0, reason,
                   detail, NULL);
}


void
hd_effect_opt_out(hd_row_t *row)
{
    hd_pg_unit_t  *u;

    u = hd_effect_unit(row->job);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_OPT_OUT_LEARN);
    hd_pg_uuid(u, &row->contact_id);
    hd_pg_uuid(u, &row->job->grant.account);
    hd_pg_z(u, "provider");

    (void) hd_pg_submit(u);
}
