/*
 * Outcomes to the ledger: what has gathered while the previous unit was on its
 * way goes in one unit, each organisation's part behind its own set_config.
 * One unit is in flight at a time.
 *
 * The rows stay until their commit is known.  Not committed, or not known
 * (HD_PG_UNKNOWN): the same rows are sent again; settle moves only what is
 * sending under our fence, so a second time changes nothing.  When PostgreSQL
 * refuses a value, the unit is tried row by row; a row that is refused alone
 * is logged and left to the helper, which will call it unknown.  Whatever else
 * goes wrong is the database's, and passes: the outcomes wait for it.
 *
 * Statuses that came before their message are applied by a second unit.
 */

#include "private.h"


#define HD_SETTLE_ROWS  1000
#define HD_SETTLE_ORGS  8              /* organisations in one unit */
#define HD_SETTLE_MAIL  64
#define HD_SETTLE_AT_ONCE  3           /* tries before a pause */


static void hd_settle_submit(void);
static void hd_settle_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_settle_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static ngx_uint_t hd_settle_parked(void);
static void hd_parked_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_parked_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_parked_reset(void);


static ngx_queue_t       hd_flying;        /* rows of the unit in flight */
static ngx_uint_t        hd_nflying;
static ngx_uint_t        hd_in_flight;
static ngx_uint_t        hd_alone;         /* next unit takes one row */
static ngx_uint_t        hd_tries;
/* what parked_find gave, for each organisation's part of the unit */
static hd_status_rows_t  hd_parked[HD_SETTLE_ORGS];
static hd_uuid_t         hd_parked_org[HD_SETTLE_ORGS];
static ngx_uint_t        hd_parked_kept;   /* their settle is committed */
/* what of it goes out again; beyond these the agenda tells, within a minute */
static hd_mail_t         hd_parked_mail[HD_SETTLE_MAIL];
static ngx_uint_t        hd_parked_nmail;


ngx_int_t
hd_settle_start(void)
{
    ngx_uint_t  i;

    ngx_queue_init(&hd_flying);
    hd_lap_init(&hd_send.lap, hd_settle_flush, NULL, hd_send.conf.log);

    for (i = 0; i < HD_SETTLE_ORGS; i++) {
        hd_status_init(&hd_parked[i]);
    }

    return NGX_OK;
}


void
hd_settle_stop(void)
{
    ngx_uint_t  i;

    for (i = 0; i < HD_SETTLE_ORGS; i++) {
        hd_status_free(&hd_parked[i]);
    }
}


void
hd_settle_flush(void *data)
{
    hd_row_t     *row;
    ngx_queue_t  *q;
    ngx_uint_t    max;

    if (hd_in_flight || hd_send.over) {
        return;
    }

    if (hd_parked_kept && hd_settle_parked()) {
        return;
    }

    if (hd_send.noutcomes == 0 && hd_nflying == 0) {
        return;
    }

    if (hd_nflying == 0) {
        max = HD_SETTLE_ROWS;

        while (hd_send.noutcomes && hd_nflying < max) {
            q = ngx_queue_head(&hd_send.outcomes);
            ngx_queue_remove(q);
            hd_send.noutcomes--;

            row = ngx_queue_data(q, hd_row_t, queue);
            ngx_queue_insert_tail(&hd_flying, &row->queue);
            hd_nflying++;
        }
    }

    hd_settle_submit();
}


/* rows of one organisation stand together: jobs are of one, and few */
static void
hd_settle_part(hd_pg_unit_t *u, hd_settle_rows_t *rows, const hd_uuid_t *org)
{
    if (rows->n) {
        hd_pg_org(u, org);
        hd_settle_stmt(u, rows, hd_send.conf.slot * 2);
    }
}


static void
hd_settle_submit(void)
{
    hd_row_t          *row;
    ngx_int_t          rc;
    ngx_queue_t       *q;
    hd_uuid_t         *org;
    hd_pg_unit_t      *u;
    ngx_uint_t         n, parts, i;
    hd_settle_rows_t   rows[HD_SETTLE_ORGS];

    u = hd_pg_unit(hd_send.conf.pg, hd_settle_result, hd_settle_done, NULL);
    if (u == NULL) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    u->patient = 1;

    /* arrays must live until the submit: one set for each organisation, and
     * what does not fit waits for the next unit */

    org = NULL;
    parts = 0;
    n = 0;

    for (q = ngx_queue_head(&hd_flying);
         q != ngx_queue_sentinel(&hd_flying);
         q = ngx_queue_next(q))
    {
        row = ngx_queue_data(q, hd_row_t, queue);

        if (org == NULL || !hd_uuid_eq(org, &row->job->grant.org)) {
            if (parts == HD_SETTLE_ORGS) {
                break;
            }

            if (parts) {
                hd_settle_part(u, &rows[parts - 1], org);
            }

            org = &row->job->grant.org;
            hd_parked_org[parts] = *org;
            hd_settle_init(&rows[parts++]);
        }

        hd_settle_add(&rows[parts - 1], &row->job->grant.batch, row->seq,
                      row->job->grant.fence, row->outcome, &row->provider_id,
                      row->code, &row->reason, &row->detail,
                      row->wait_us,
                      &row->job->grant.account);
        n++;

        if (hd_alone) {
            break;
        }
    }

    hd_settle_part(u, &rows[parts - 1], org);

    u->data = (void *) n;
    rc = hd_pg_submit(u);

    for (i = 0; i < parts; i++) {
        hd_settle_free(&rows[i]);
    }

    if (rc != NGX_OK) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    hd_in_flight = 1;
}


/* a single message's ticks go to the streams: rows of settle and of
 * status_apply alike */
static void
hd_settle_event(const hd_uuid_t *org, hd_pg_res_t *res, ngx_uint_t i)
{
    u_char      at[HD_RFC3339_LEN + 8];
    size_t      n;
    hd_str_t    v;
    hd_buf_t    b;
    uint32_t    workers[HD_SLOTS];

    hd_buf_init(&b);

    v = hd_pg_value(res, i, 3);
    hd_buf_printf(&b, "{\"id\":\"%.*s\"", (int) v.len, v.data);
    v = hd_pg_value(res, i, 4);
    hd_buf_printf(&b, ",\"contact_id\":\"%.*s\"", (int) v.len, v.data);
    v = hd_pg_value(res, i, 2);
    hd_buf_printf(&b, ",\"status\":\"%.*s\"", (int) v.len, v.data);
    n = hd_time_format(at, hd_now_us());
    hd_buf_printf(&b, ",\"at\":\"%.*s\",\"error_code\":", (int) n, at);

    if (hd_pg_is_null(res, i, 5)) {
        hd_buf_z(&b, "null}");

    } else {
        v = hd_pg_value(res, i, 5);
        hd_buf_str(&b, &v);
        hd_buf_char(&b, '}');
    }

    if (!b.failed) {
        (void) hd_event_publish(hd_send.conf.shm, org, "message.status",
                                b.data, b.len);

        n = hd_slots_streaming(hd_send.conf.shm, workers, HD_SLOTS);

        while (n) {
            hd_wake_send(hd_send.conf.wake, workers[--n]);
        }
    }

    hd_buf_free(&b);
}


static void
hd_settle_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t    provider_id;
    hd_uuid_t   account;
    ngx_uint_t  i;

    /* per organisation: set_org, settle, parked_find */

    switch (index % 3) {

    case 1:
        for (i = 0; i < hd_pg_rows(res); i++) {
            hd_settle_event(&hd_parked_org[index / 3], res, i);
        }

        return;

    case 2:
        for (i = 0; i < hd_pg_rows(res); i++) {
            if (hd_pg_value_uuid(res, i, 0, &account) == NGX_OK) {
                provider_id = hd_pg_value(res, i, 1);
                hd_status_add(&hd_parked[index / 3], NULL, 0, &account,
                              &provider_id,
                              (int) hd_pg_value_int(res, i, 2),
                              hd_pg_value_int(res, i, 3),
                              (int) hd_pg_value_int(res, i, 4));
            }
        }
    }
}


/* the first n rows in flight are settled, or given up */
static void
hd_settle_gone(ngx_uint_t n)
{
    hd_job_t     *job;
    hd_row_t     *row;
    ngx_queue_t  *q;

    /* a job ends only in the step behind the loop */

    while (n--) {
        q = ngx_queue_head(&hd_flying);
        ngx_queue_remove(q);
        hd_nflying--;

        row = ngx_queue_data(q, hd_row_t, queue);
        job = row->job;

        hd_attempt_close(hd_send.conf.shm, row->attempt);
        hd_send.attempts--;
        job->number->attempts--;

        if (!job->content.single) {
            hd_dirty_mark(hd_send.conf.shm, &job->grant.org,
                          &job->grant.batch);

        } else if (row->outcome >= HD_SETTLE_RETRY) {
            hd_mail_send(hd_send.conf.shm, HD_MAIL_STRAYS, &job->grant.org,
                         &job->grant.batch);
            hd_wake_send(hd_send.conf.wake,
                         hd_wake_helper(hd_send.conf.wake));
        }

        job->open--;
    }

    /* all: the attempts may be what other jobs wait for */
    hd_send_step();
}


/* the value is what is wrong: another time would be the same */
static ngx_uint_t
hd_settle_is_refused(const char *sqlstate)
{
    return ngx_strncmp(sqlstate, "22", 2) == 0
           || ngx_strncmp(sqlstate, "23", 2) == 0;
}


static void
hd_settle_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    ngx_uint_t  n;

    if (hd_send.over) {
        return;
    }

    n = (ngx_uint_t) u->data;
    hd_in_flight = 0;

    if (outcome == HD_PG_OK) {
        hd_tries = 0;
        hd_parked_kept = 1;
        hd_settle_gone(n);

        if (hd_nflying == 0) {
            hd_alone = 0;
        }

        hd_settle_flush(NULL);
        hd_send_wake();
        return;
    }

    hd_parked_reset();

    if (outcome != HD_PG_FAILED) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    if (hd_pg_is_transient(u->sqlstate) && hd_tries++ < HD_SETTLE_AT_ONCE) {
        hd_settle_submit();
        return;
    }

    if (!hd_settle_is_refused(u->sqlstate)) {
        hd_tries = 0;
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, hd_send.conf.log, 0,
                  "herald: %ui outcome%s could not be written: SQLSTATE %s",
                  n, n == 1 ? "" : "s", u->sqlstate);

    hd_tries = 0;

    if (n == 1) {
        hd_settle_gone(1);

    } else {
        hd_alone = 1;
    }

    hd_settle_flush(NULL);
}


static void
hd_parked_reset(void)
{
    ngx_uint_t  i;

    for (i = 0; i < HD_SETTLE_ORGS; i++) {
        hd_status_reset(&hd_parked[i]);
    }

    hd_parked_kept = 0;
}


/* applied and deleted in one unit, as often as it takes; 1: on its way */
static ngx_uint_t
hd_settle_parked(void)
{
    ngx_uint_t         i;
    hd_pg_unit_t      *u;
    hd_status_rows_t  *rows;

    for (i = 0; i < HD_SETTLE_ORGS && hd_parked[i].n == 0; i++) {
        /* void */
    }

    if (i == HD_SETTLE_ORGS) {
        hd_parked_kept = 0;
        return 0;
    }

    u = hd_pg_unit(hd_send.conf.pg, hd_parked_result, hd_parked_done, NULL);

    if (u == NULL) {
        hd_timer_set(&hd_send.again, 500);
        return 1;
    }

    hd_parked_nmail = 0;
    u->patient = 1;

    for ( /* void */ ; i < HD_SETTLE_ORGS; i++) {
        rows = &hd_parked[i];

        if (rows->n) {
            hd_pg_org(u, &hd_parked_org[i]);
            hd_status_stmt(u, rows, hd_send.conf.slot * 2);

            hd_pg_stmt(u, HD_Q_PARKED_DELETE);
            hd_pg_array(u, &rows->account);
            hd_pg_array(u, &rows->provider_id);
        }
    }

    if (hd_pg_submit(u) != NGX_OK) {
        hd_timer_set(&hd_send.again, 500);
        return 1;
    }

    hd_in_flight = 1;

    return 1;
}


/* per organisation with parked ones: set_org, status_apply, parked_delete */
static void
hd_parked_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    int64_t     seq;
    hd_str_t    note;
    hd_uuid_t   batch;
    ngx_uint_t  i, n, part;
    hd_mail_t  *m;

    if (index % 3 != 1) {
        return;
    }

    for (i = 0, part = 0; i < HD_SETTLE_ORGS; i++) {
        if (hd_parked[i].n && part++ == index / 3) {
            break;
        }
    }

    for (n = 0; n < hd_pg_rows(res) && i < HD_SETTLE_ORGS; n++) {

        seq = hd_pg_value_int(res, n, 1);

        if (seq == 0) {
            hd_settle_event(&hd_parked_org[i], res, n);

        } else if (seq > 0
                   && hd_pg_value_uuid(res, n, 0, &batch) == NGX_OK)
        {
            hd_dirty_mark(hd_send.conf.shm, &hd_parked_org[i], &batch);
        }

        note = hd_pg_value(res, n, 6);

        if (note.len == 0 || seq < 0 || hd_parked_nmail == HD_SETTLE_MAIL) {
            continue;
        }

        m = &hd_parked_mail[hd_parked_nmail];

        if (hd_pg_value_uuid(res, n, 0, &m->id) == NGX_OK) {
            m->org = hd_parked_org[i];
            m->kind = hd_str_eq(&note, "reopened") ? HD_MAIL_BROADCAST
                                                   : HD_MAIL_STRAYS;
            hd_parked_nmail++;
        }
    }
}


static void
hd_parked_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_mail_t  *m;

    if (hd_send.over) {
        return;
    }

    hd_in_flight = 0;

    if (outcome == HD_PG_FAILED && hd_settle_is_refused(u->sqlstate)) {
        ngx_log_error(NGX_LOG_ERR, hd_send.conf.log, 0,
                      "herald: parked statuses could not be applied: "
                      "SQLSTATE %s", u->sqlstate);

    } else if (outcome != HD_PG_OK) {
        hd_timer_set(&hd_send.again, 500);
        return;

    } else if (hd_parked_nmail) {

        while (hd_parked_nmail) {
            m = &hd_parked_mail[--hd_parked_nmail];
            hd_mail_send(hd_send.conf.shm, m->kind, &m->org, &m->id);
        }

        hd_wake_send(hd_send.conf.wake, hd_wake_helper(hd_send.conf.wake));
    }

    hd_parked_reset();
    hd_settle_flush(NULL);
}
