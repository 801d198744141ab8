/*
 * Statuses that came before the message they speak of were parked.  The worker
 * that settles the message takes them along; what slips between the two (a
 * status parked just after that look) is found here: a minute's sweep over the
 * organisations that have a number, one after the other.
 *
 * Rows are given to the statement that the ingress uses, and deleted in the
 * same unit; a week later nobody waits for them any more.
 */

#include "private.h"


#define HD_ORPHAN_ORGS  500
#define HD_ORPHAN_ROWS  500


static void hd_orphan_page(void);
static void hd_orphan_orgs(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_orphan_page_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_orphan_next(void);
static void hd_orphan_look(void);
static void hd_orphan_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_orphan_looked(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static ngx_int_t hd_orphan_apply(void);
static void hd_orphan_told(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_orphan_applied(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


const hd_uuid_t  hd_orphan_all;

static struct {
    hd_uuid_t          orgs[HD_ORPHAN_ORGS];
    ngx_uint_t         n, at;
    hd_status_rows_t   rows;
    unsigned           busy:1;
    unsigned           paged:1;        /* there may be more organisations */
} hd_orphan;


void
hd_orphan_sweep(const hd_uuid_t *org)
{
    if (hd_uuid_is_nil(org)) {
        (void) hd_sched_wheel(HD_TIMER_DELETION, &hd_orphan_all,
                              &hd_orphan_all, HD_ORPHAN_BEAT);
        hd_sched_wheel_arm();
    }

    if (hd_orphan.busy) {
        return;
    }

    hd_orphan.busy = 1;
    hd_orphan.at = 0;
    hd_orphan.paged = 0;
    hd_status_init(&hd_orphan.rows);

    if (hd_uuid_is_nil(org)) {
        hd_orphan.n = 0;
        hd_orphan_page();
        return;
    }

    hd_orphan.n = 1;
    hd_orphan.orgs[0] = *org;
    hd_orphan_next();
}


static void
hd_orphan_end(void)
{
    hd_status_free(&hd_orphan.rows);
    hd_orphan.busy = 0;
}


static void
hd_orphan_page(void)
{
    hd_uuid_t      after;
    hd_pg_unit_t  *u;

    after = hd_orphan.n ? hd_orphan.orgs[hd_orphan.n - 1] : hd_orphan_all;

    u = hd_pg_unit(hd_sched.conf.pg, hd_orphan_orgs, hd_orphan_page_done,
                   NULL);

    if (u) {
        hd_pg_stmt(u, HD_Q_SCHED_ORGS);
        hd_pg_uuid(u, &after);

        if (hd_pg_submit(u) == NGX_OK) {
            return;
        }
    }

    hd_orphan_end();
}


static void
hd_orphan_orgs(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    ngx_uint_t  i;

    hd_orphan.n = 0;
    hd_orphan.at = 0;

    for (i = 0; i < hd_pg_rows(res) && i < HD_ORPHAN_ORGS; i++) {
        if (hd_pg_value_uuid(res, i, 0, &hd_orphan.orgs[hd_orphan.n])
            == NGX_OK)
        {
            hd_orphan.n++;
        }
    }

    hd_orphan.paged = (hd_orphan.n == HD_ORPHAN_ORGS);
}


static void
hd_orphan_page_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    if (!hd_sched_mine() || outcome != HD_PG_OK) {
        hd_sched_failed(u, outcome, "looking for statuses that wait");
        hd_orphan_end();
        return;
    }

    hd_orphan_next();
}


static void
hd_orphan_next(void)
{
    if (hd_orphan.at < hd_orphan.n) {
        hd_orphan_look();

    } else if (hd_orphan.paged) {
        hd_orphan_page();

    } else {
        hd_orphan_end();
    }
}


static void
hd_orphan_look(void)
{
    hd_pg_unit_t  *u;

    hd_status_reset(&hd_orphan.rows);

    u = hd_sched_unit(&hd_orphan.orgs[hd_orphan.at], hd_orphan_row,
                      hd_orphan_looked, NULL);

    if (u) {
        hd_pg_stmt(u, HD_Q_ORPHANS_EXPIRE);
        hd_pg_stmt(u, HD_Q_ORPHANS_DUE);

        if (hd_pg_submit(u) == NGX_OK) {
            return;
        }
    }

    hd_orphan_end();
}


static void
hd_orphan_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t    provider_id;
    hd_uuid_t   account;
    ngx_uint_t  i;

    if (index != 2) {
        return;
    }

    for (i = 0; i < hd_pg_rows(res); i++) {
        if (hd_pg_value_uuid(res, i, 0, &account) != NGX_OK) {
            continue;
        }

        provider_id = hd_pg_value(res, i, 1);

        hd_status_add(&hd_orphan.rows, NULL, 0, &account, &provider_id,
                      (int) hd_pg_value_int(res, i, 2),
                      hd_pg_value_int(res, i, 3),
                      (int) hd_pg_value_int(res, i, 4));
    }
}


static void
hd_orphan_looked(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    if (!hd_sched_mine() || outcome != HD_PG_OK) {
        hd_sched_failed(u, outcome, "looking for statuses that wait");
        hd_orphan_end();
        return;
    }

    if (hd_orphan.rows.n) {
        if (hd_orphan_apply() != NGX_OK) {
            hd_orphan_end();
        }

        return;
    }

    hd_orphan.at++;
    hd_orphan_next();
}


static ngx_int_t
hd_orphan_apply(void)
{
    hd_pg_unit_t  *u;

    u = hd_sched_unit(&hd_orphan.orgs[hd_orphan.at], hd_orphan_told,
                      hd_orphan_applied, NULL);
    if (u == NULL) {
        return NGX_ERROR;
    }

    hd_status_stmt(u, &hd_orphan.rows, HD_SCHED_STRIPE);

    hd_pg_stmt(u, HD_Q_PARKED_DELETE);
    hd_pg_array(u, &hd_orphan.rows.account);
    hd_pg_array(u, &hd_orphan.rows.provider_id);

    return hd_pg_submit(u);
}


static void
hd_orphan_event(const hd_uuid_t *org, hd_pg_res_t *res, ngx_uint_t i)
{
    u_char    at[HD_RFC3339_LEN + 8];
    size_t    n;
    hd_str_t  id, contact, state, code;
    hd_buf_t  b;

    state = hd_pg_value(res, i, 2);
    id = hd_pg_value(res, i, 3);
    contact = hd_pg_value(res, i, 4);
    code = hd_pg_value(res, i, 5);
    n = hd_time_format(at, hd_now_us());

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%.*s\",\"contact_id\":\"%.*s\","
                  "\"status\":\"%.*s\",\"at\":\"%.*s\",\"error_code\":%.*s}",
                  (int) id.len, id.data, (int) contact.len, contact.data,
                  (int) state.len, state.data, (int) n, at,
                  hd_pg_is_null(res, i, 5) ? 4 : (int) code.len,
                  hd_pg_is_null(res, i, 5) ? (u_char *) "null" : code.data);

    hd_sched_tell(org, "message.status", &b);
}


/* a broadcast's are told with its progress.  A status may also have put a row
 * back to be tried again. */
static void
hd_orphan_told(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    int64_t     seq;
    hd_uuid_t   batch, *org;
    ngx_uint_t  i;

    if (index != 1) {
        return;
    }

    org = &hd_orphan.orgs[hd_orphan.at];

    for (i = 0; i < hd_pg_rows(res); i++) {
        if (hd_pg_value_uuid(res, i, 0, &batch) != NGX_OK) {
            continue;
        }

        seq = hd_pg_value_int(res, i, 1);

        /* below: a number that is too fast, which its next answer tells */
        if (seq < 0) {
            continue;
        }

        if (seq > 0) {
            hd_dirty_mark(hd_sched.conf.shm, org, &batch);

        } else {
            hd_orphan_event(org, res, i);
        }

        hd_mail_send(hd_sched.conf.shm, HD_MAIL_STRAYS, org, &batch);
    }
}


static void
hd_orphan_applied(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    ngx_uint_t  full;

    if (!hd_sched_mine() || outcome != HD_PG_OK) {
        hd_sched_failed(u, outcome, "applying statuses that waited");
        hd_orphan_end();
        return;
    }

    ngx_log_error(NGX_LOG_INFO, hd_sched.conf.log, 0,
                  "herald: %ui statuses found their message",
                  hd_orphan.rows.n);

    /* a full page: the same organisation once more */
    full = (hd_orphan.rows.n == HD_ORPHAN_ROWS);

    if (!full) {
        hd_orphan.at++;
    }

    hd_orphan_next();
}
