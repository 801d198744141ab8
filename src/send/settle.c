/*
 * Outcomes to the ledger: what has gathered while the previous unit was on its
 * way goes in one unit, each organisation's part behind its own set_config.
 * One unit is in flight at a time; those that went straight have units of their
 * own (accepted.c).
 *
 * The rows stay until their commit is known.  Not committed, or not known
 * (HD_PG_UNKNOWN): the same rows are sent again; settle moves only what is
 * sending under our fence, so a second time changes nothing.  When PostgreSQL
 * refuses a value, the unit is tried row by row; a row that is refused alone
 * is logged and left to the helper, which will call it unknown.  Whatever else
 * goes wrong is the database's, and passes: the outcomes wait for it.
 */

#include "private.h"


#define HD_SETTLE_ROWS  1000
#define HD_SETTLE_ORGS  8              /* organisations in one unit */
#define HD_SETTLE_STMTS 64             /* statements in one unit */
#define HD_SETTLE_AT_ONCE  3           /* tries before a pause */


typedef enum {
    HD_SETTLE_ORG = 0,
    HD_SETTLE_ANY,                     /* settle */
    HD_SETTLE_PLAIN,                   /* settle_accepted */
    HD_SETTLE_PARKED
} hd_settle_kind_e;

/* what a statement of the unit in flight is */
typedef struct {
    hd_settle_kind_e  kind;
    ngx_uint_t        part;
    hd_job_t         *job;
} hd_settle_stmt_t;


static void hd_settle_submit(void);
static void hd_settle_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_settle_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


static ngx_queue_t       hd_flying;        /* rows of the unit in flight */
static ngx_uint_t        hd_nflying;
static ngx_uint_t        hd_in_flight;
static ngx_uint_t        hd_alone;         /* next unit takes one row */
static ngx_uint_t        hd_tries;
static ngx_uint_t        hd_plain;         /* the unit is accepted.c's */
static hd_settle_stmt_t  hd_settle_stmts[HD_SETTLE_STMTS];
static ngx_uint_t        hd_nstmts;


ngx_int_t
hd_settle_start(void)
{
    ngx_queue_init(&hd_flying);
    hd_lap_init(&hd_send.lap, hd_settle_flush, NULL, hd_send.conf.log);

    return hd_parked_start();
}


void
hd_settle_stop(void)
{
    hd_parked_stop();
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

    if (hd_parked_apply()) {
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


/* said of each statement when it is added */
static void
hd_settle_is(hd_settle_kind_e kind, ngx_uint_t part, hd_job_t *job)
{
    hd_settle_stmt_t  *s;

    s = &hd_settle_stmts[hd_nstmts++];

    s->kind = kind;
    s->part = part;
    s->job = job;
}


static void
hd_settle_org(hd_pg_unit_t *u, const hd_uuid_t *org, ngx_uint_t part)
{
    hd_settle_is(HD_SETTLE_ORG, part, NULL);
    hd_pg_org(u, org);
}


/* what went straight; 0: nothing that is worth a unit of its own */
static ngx_uint_t
hd_settle_plain(hd_pg_unit_t *u)
{
    hd_job_t    *job, **jobs;
    ngx_int_t    part, last;
    ngx_uint_t   i, n;

    if (hd_alone) {
        return 0;
    }

    jobs = hd_accepted_gather(&hd_flying, &n);
    last = NGX_ERROR;

    for (i = 0; i < n; i++) {
        job = jobs[i];
        part = hd_parked_part(&job->grant.org);

        if (part == NGX_ERROR) {
            continue;
        }

        if (part != last) {
            hd_settle_org(u, &job->grant.org, part);
            last = part;
        }

        hd_settle_is(HD_SETTLE_PLAIN, part, job);
        hd_settle_is(HD_SETTLE_PARKED, part, NULL);
        hd_accepted_stmt(u, job);
    }

    return n;
}


/* whatever it was; the arrays must live until the submit */
static void
hd_settle_any(hd_pg_unit_t *u, hd_settle_rows_t *rows)
{
    hd_row_t     *row;
    ngx_int_t     part;
    ngx_uint_t    i, n;
    ngx_queue_t  *q;

    const hd_uuid_t  *orgs[HD_SETTLE_ORGS];

    n = 0;

    for (q = ngx_queue_head(&hd_flying);
         q != ngx_queue_sentinel(&hd_flying);
         q = ngx_queue_next(q))
    {
        row = ngx_queue_data(q, hd_row_t, queue);
        part = hd_parked_part(&row->job->grant.org);

        if (part == NGX_ERROR) {
            /* one organisation too many: the next unit's */
            continue;
        }

        if ((ngx_uint_t) part == n) {
            hd_settle_init(&rows[n]);
            orgs[n++] = &row->job->grant.org;
        }

        row->asked = 1;
        hd_settle_add(&rows[part], &row->job->grant.batch, row->seq,
                      row->job->grant.fence, row->outcome, &row->provider_id,
                      row->code, &row->reason, &row->detail, row->wait_us,
                      &row->job->grant.account);

        if (hd_alone) {
            break;
        }
    }

    for (i = 0; i < n; i++) {
        hd_settle_org(u, orgs[i], i);
        hd_settle_is(HD_SETTLE_ANY, i, NULL);
        hd_settle_is(HD_SETTLE_PARKED, i, NULL);
        hd_settle_stmt(u, &rows[i], hd_send.conf.slot * 2);
    }
}


static void
hd_settle_submit(void)
{
    hd_row_t          *row;
    ngx_int_t          rc;
    ngx_uint_t         i;
    ngx_queue_t       *q;
    hd_pg_unit_t      *u;
    hd_settle_rows_t   rows[HD_SETTLE_ORGS];

    u = hd_pg_unit(hd_send.conf.pg, hd_settle_result, hd_settle_done, NULL);
    if (u == NULL) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    u->patient = 1;

    for (q = ngx_queue_head(&hd_flying);
         q != ngx_queue_sentinel(&hd_flying);
         q = ngx_queue_next(q))
    {
        row = ngx_queue_data(q, hd_row_t, queue);
        row->asked = 0;
    }

    ngx_memzero(rows, sizeof(rows));
    hd_parked_clear();
    hd_nstmts = 0;

    hd_plain = hd_settle_plain(u);

    if (!hd_plain) {
        hd_settle_any(u, rows);
    }

    rc = hd_pg_submit(u);

    for (i = 0; i < HD_SETTLE_ORGS; i++) {
        if (rows[i].n) {
            hd_settle_free(&rows[i]);
        }
    }

    if (rc != NGX_OK) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    hd_in_flight = 1;
}


/* a single message's ticks go to the streams */
void
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
    ngx_uint_t         i;
    hd_settle_stmt_t  *s;

    s = &hd_settle_stmts[index];

    switch (s->kind) {

    case HD_SETTLE_ORG:
        return;

    case HD_SETTLE_ANY:
        for (i = 0; i < hd_pg_rows(res); i++) {
            hd_settle_event(hd_parked_org(s->part), res, i);
        }

        return;

    case HD_SETTLE_PLAIN:
        hd_accepted_result(s->job, res);
        return;

    case HD_SETTLE_PARKED:
        hd_parked_found(s->part, res);
    }
}


/* settled, or given up */
static void
hd_settle_gone(hd_row_t *row)
{
    hd_job_t  *job;

    ngx_queue_remove(&row->queue);
    hd_nflying--;

    job = row->job;

    hd_attempt_close(hd_send.conf.shm, row->attempt);
    hd_send.attempts--;
    job->number->attempts--;

    if (!job->content.single) {
        hd_dirty_mark(hd_send.conf.shm, &job->grant.org, &job->grant.batch);

    } else if (row->outcome >= HD_SETTLE_RETRY) {
        hd_mail_send(hd_send.conf.shm, HD_MAIL_STRAYS, &job->grant.org,
                     &job->grant.batch);
        hd_wake_send(hd_send.conf.wake, hd_wake_helper(hd_send.conf.wake));
    }

    job->open--;
}


/* the rows of the unit; `odd` ones stay, for settle */
static void
hd_settle_all_gone(void)
{
    hd_row_t     *row;
    ngx_queue_t  *q, *next;

    /* a job ends only in the step behind the loop */

    for (q = ngx_queue_head(&hd_flying);
         q != ngx_queue_sentinel(&hd_flying);
         q = next)
    {
        next = ngx_queue_next(q);
        row = ngx_queue_data(q, hd_row_t, queue);

        if (row->asked && !(hd_plain && row->odd)) {
            hd_settle_gone(row);
        }
    }

    /* all: the attempts may be what other jobs wait for */
    hd_send_step();
}


/* how many rows the unit has; `odd`: 1 or 0 makes them so, else untouched */
static ngx_uint_t
hd_settle_asked(ngx_int_t odd)
{
    hd_row_t     *row;
    ngx_uint_t    n;
    ngx_queue_t  *q;

    n = 0;

    for (q = ngx_queue_head(&hd_flying);
         q != ngx_queue_sentinel(&hd_flying);
         q = ngx_queue_next(q))
    {
        row = ngx_queue_data(q, hd_row_t, queue);

        if (row->asked) {
            n++;

            if (odd != NGX_ERROR) {
                row->odd = odd;
            }
        }
    }

    return n;
}


ngx_uint_t
hd_settle_is_refused(const char *sqlstate)
{
    return ngx_strncmp(sqlstate, "22", 2) == 0
           || ngx_strncmp(sqlstate, "23", 2) == 0;
}


/* the database refuses a value of the unit */
static void
hd_settle_refused(hd_pg_unit_t *u)
{
    ngx_uint_t  n;

    if (hd_plain) {
        /* settle bears a provider's id that came before */
        (void) hd_settle_asked(1);
        return;
    }

    n = hd_settle_asked(NGX_ERROR);

    ngx_log_error(NGX_LOG_ERR, hd_send.conf.log, 0,
                  "herald: %ui outcome%s could not be written: SQLSTATE %s",
                  n, n == 1 ? "" : "s", u->sqlstate);

    if (n == 1) {
        hd_settle_all_gone();

    } else {
        hd_alone = 1;
    }
}


static void
hd_settle_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    if (hd_send.over) {
        return;
    }

    hd_in_flight = 0;

    if (outcome == HD_PG_OK) {
        hd_tries = 0;
        hd_parked_keep();
        hd_settle_all_gone();

        if (hd_nflying == 0) {
            hd_alone = 0;
        }

        hd_settle_flush(NULL);
        hd_send_wake();
        return;
    }

    if (hd_plain) {
        /* what it said did not happen */
        (void) hd_settle_asked(0);
    }

    hd_parked_clear();

    if (outcome != HD_PG_FAILED) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    if (hd_pg_is_transient(u->sqlstate) && hd_tries++ < HD_SETTLE_AT_ONCE) {
        hd_settle_submit();
        return;
    }

    hd_tries = 0;

    if (!hd_settle_is_refused(u->sqlstate)) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    hd_settle_refused(u);
    hd_settle_flush(NULL);
}
