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
    const char   *reason;
} hd_effect_t;


static void
hd_effect_event(hd_effect_t *e, const char *type, const hd_str_t *id)
{
    size_t      n;
    uint32_t    workers[HD_SLOTS];
    hd_buf_t    b;

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%.*s\",\"reason\":\"%s\"}",
                  (int) id->len, id->data, e->reason);

    if (!b.failed) {
        (void) hd_event_publish(hd_send.conf.shm, &e->org, type, b.data,
                                b.len);

        n = hd_slots_streaming(hd_send.conf.shm, workers, HD_SLOTS);

        while (n) {
            hd_wake_send(hd_send.conf.wake, workers[--n]);
        }
    }

    hd_buf_free(&b);
}


/* kind and id of each thing that was paused */
static void
hd_effect_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t      kind, text;
    hd_uuid_t     id;
    ngx_uint_t    i;
    hd_effect_t  *e = u->data;

    if (index != 1 || e == NULL || hd_pg_columns(res) < 2) {
        return;
    }

    for (i = 0; i < hd_pg_rows(res); i++) {
        kind = hd_pg_value(res, i, 0);
        text = hd_pg_value(res, i, 1);

        if (hd_pg_value_uuid(res, i, 1, &id) != NGX_OK) {
            continue;
        }

        if (!hd_str_eq(&kind, "broadcast")) {
            hd_effect_event(e, hd_str_eq(&kind, "account")
                               ? "account.updated" : "template.updated",
                            &text);
            continue;
        }

        /* a hair before the commit is known: it only stops, and the mail makes
         * the helper read what is true */
        hd_campaign_state(hd_send.conf.shm, &id, HD_CAMPAIGN_PAUSED);
        hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_auto_paused,
                 1);
        hd_mail_send(hd_send.conf.shm, HD_MAIL_BROADCAST, &e->org, &id);
        hd_effect_event(e, "broadcast.paused", &text);
    }
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
hd_effect_unit(hd_job_t *job, ngx_uint_t stmt, const char *reason)
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
    e->reason = reason;
    u->data = e;

    hd_pg_org(u, &job->grant.org);
    hd_pg_stmt(u, stmt);

    return u;
}


void
hd_effect_account(hd_row_t *row, const hd_error_row_t *e, int code)
{
    hd_job_t      *job;
    hd_pg_unit_t  *u;

    job = row->job;

    if (job->number->held) {
        return;
    }

    u = hd_effect_unit(job, HD_Q_HOLD_ACCOUNT, "account");
    if (u == NULL) {
        return;
    }

    ((hd_effect_t *) u->data)->held = 1;

    hd_pg_uuid(u, &job->grant.account);
    hd_pg_z(u, hd_class_name(e->class));
    hd_pg_int(u, code);
    hd_pg_z(u, e->words);

    if (hd_pg_submit(u) == NGX_OK) {
        job->number->held = 1;
    }
}


void
hd_effect_template(hd_row_t *row, const hd_error_row_t *e, int code)
{
    const char    *status, *reason;
    hd_pg_unit_t  *u;

    /* 132016 and 132007 end it, 132001 says that it is not there */
    status = "disabled";
    reason = "template_disabled";

    if (code == 132015) {
        status = "paused";
        reason = "template_paused";

    } else if (code == 132001) {
        status = "rejected";
        reason = "template_rejected";
    }

    u = hd_effect_unit(row->job, HD_Q_HOLD_TEMPLATE, reason);
    if (u == NULL) {
        return;
    }

    hd_pg_uuid(u, &row->words->template_id);
    hd_pg_z(u, status);
    hd_pg_z(u, reason);
    hd_pg_z(u, e->words);

    (void) hd_pg_submit(u);
}


void
hd_effect_marketing(hd_row_t *row, const hd_error_row_t *e, int code)
{
    hd_pg_unit_t  *u;

    u = hd_effect_unit(row->job, HD_Q_HOLD_MARKETING, "number_risk");
    if (u == NULL) {
        return;
    }

    hd_pg_uuid(u, &row->job->grant.account);
    hd_pg_z(u, "number_risk");
    hd_pg_z(u, e->words);

    (void) hd_pg_submit(u);
}


void
hd_effect_broadcast(hd_job_t *job, const char *reason, const char *detail)
{
    hd_pg_unit_t  *u;

    u = hd_effect_unit(job, HD_Q_HOLD_BROADCAST, reason);
    if (u == NULL) {
        return;
    }

    hd_pg_uuid(u, &job->grant.batch);
    hd_pg_z(u, reason);
    hd_pg_z(u, detail);

    (void) hd_pg_submit(u);
}


void
hd_effect_opt_out(hd_row_t *row)
{
    hd_pg_unit_t  *u;

    u = hd_effect_unit(row->job, HD_Q_OPT_OUT_LEARN, "opted_out");
    if (u == NULL) {
        return;
    }

    hd_pg_uuid(u, &row->contact_id);
    hd_pg_uuid(u, &row->job->grant.account);
    hd_pg_z(u, "provider");

    (void) hd_pg_submit(u);
}
