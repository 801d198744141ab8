/*
 * Statuses that came before their message: settling looks for them by the
 * provider's ids (parked_find), and once its unit is committed a second one
 * applies and deletes what was found.  Nothing is settled meanwhile.
 */

#include "private.h"


#define HD_PARKED_ORGS  8              /* organisations in one unit */
#define HD_PARKED_MAIL  64


static void hd_parked_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_parked_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


/* what was found, for each organisation's part of the unit */
static hd_status_rows_t  hd_parked[HD_PARKED_ORGS];
static hd_uuid_t         hd_parked_orgs[HD_PARKED_ORGS];
static ngx_uint_t        hd_parked_parts;
static ngx_uint_t        hd_parked_kept;   /* their settle is committed */
static ngx_uint_t        hd_parked_flying;
/* what of it goes out again; beyond these the agenda tells, within a minute */
static hd_mail_t         hd_parked_mail[HD_PARKED_MAIL];
static ngx_uint_t        hd_parked_nmail;


ngx_int_t
hd_parked_start(void)
{
    ngx_uint_t  i;

    for (i = 0; i < HD_PARKED_ORGS; i++) {
        hd_status_init(&hd_parked[i]);
    }

    return NGX_OK;
}


void
hd_parked_stop(void)
{
    ngx_uint_t  i;

    for (i = 0; i < HD_PARKED_ORGS; i++) {
        hd_status_free(&hd_parked[i]);
    }
}


ngx_int_t
hd_parked_part(const hd_uuid_t *org)
{
    ngx_uint_t  i;

    for (i = 0; i < hd_parked_parts; i++) {
        if (hd_uuid_eq(&hd_parked_orgs[i], org)) {
            return i;
        }
    }

    if (i == HD_PARKED_ORGS) {
        return NGX_ERROR;
    }

    hd_parked_orgs[i] = *org;
    hd_parked_parts++;

    return i;
}


const hd_uuid_t *
hd_parked_org(ngx_uint_t part)
{
    return &hd_parked_orgs[part];
}


void
hd_parked_clear(void)
{
    ngx_uint_t  i;

    for (i = 0; i < HD_PARKED_ORGS; i++) {
        hd_status_reset(&hd_parked[i]);
    }

    hd_parked_parts = 0;
    hd_parked_kept = 0;
}


void
hd_parked_keep(void)
{
    hd_parked_kept = 1;
}


void
hd_parked_found(ngx_uint_t part, hd_pg_res_t *res)
{
    hd_str_t    provider_id;
    hd_uuid_t   account;
    ngx_uint_t  i;

    for (i = 0; i < hd_pg_rows(res); i++) {
        if (hd_pg_value_uuid(res, i, 0, &account) == NGX_OK) {
            provider_id = hd_pg_value(res, i, 1);
            hd_status_add(&hd_parked[part], NULL, 0, &account, &provider_id,
                          (int) hd_pg_value_int(res, i, 2),
                          hd_pg_value_int(res, i, 3),
                          (int) hd_pg_value_int(res, i, 4));
        }
    }
}


/* applied and deleted in one unit, as often as it takes */
ngx_uint_t
hd_parked_apply(void)
{
    ngx_uint_t         i;
    hd_pg_unit_t      *u;
    hd_status_rows_t  *rows;

    if (!hd_parked_kept || hd_parked_flying) {
        return hd_parked_flying;
    }

    for (i = 0; i < hd_parked_parts && hd_parked[i].n == 0; i++) {
        /* void */
    }

    if (i == hd_parked_parts) {
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

    for ( /* void */ ; i < hd_parked_parts; i++) {
        rows = &hd_parked[i];

        if (rows->n) {
            hd_pg_org(u, &hd_parked_orgs[i]);
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

    hd_parked_flying = 1;

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

    for (i = 0, part = 0; i < hd_parked_parts; i++) {
        if (hd_parked[i].n && part++ == index / 3) {
            break;
        }
    }

    for (n = 0; n < hd_pg_rows(res) && i < hd_parked_parts; n++) {

        seq = hd_pg_value_int(res, n, 1);

        if (seq == 0) {
            hd_settle_event(&hd_parked_orgs[i], res, n);

        } else if (seq > 0
                   && hd_pg_value_uuid(res, n, 0, &batch) == NGX_OK)
        {
            hd_dirty_mark(hd_send.conf.shm, &hd_parked_orgs[i], &batch);
        }

        note = hd_pg_value(res, n, 6);

        if (note.len == 0 || seq < 0
            || hd_parked_nmail == HD_PARKED_MAIL)
        {
            continue;
        }

        m = &hd_parked_mail[hd_parked_nmail];

        if (hd_pg_value_uuid(res, n, 0, &m->id) == NGX_OK) {
            m->org = hd_parked_orgs[i];
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

    hd_parked_flying = 0;

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

    hd_parked_clear();
    hd_settle_flush(NULL);
}
