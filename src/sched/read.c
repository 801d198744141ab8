/*
 * What the database says of a broadcast: its state, its audience, how far it
 * may go, what guards it.  Everything that the helper keeps of it comes from
 * here, so a helper that has just begun knows as much as the one before.
 */

#include "private.h"


static void hd_camp_read_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_camp_read_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


void
hd_camp_read(hd_camp_t *c)
{
    c->reread = 0;
    c->found = 0;

    if (!hd_camp_submit(c, hd_camp_unit(c, HD_Q_SCHED_BROADCAST,
                                        hd_camp_read_row,
                                        hd_camp_read_done)))
    {
        c->reread = 1;
    }
}


static hd_status_e
hd_camp_status(const hd_str_t *s)
{
    ngx_uint_t  i;

    static const struct {
        const char   *name;
        hd_status_e   status;
    } names[] = {
        { "draft", HD_STATUS_DRAFT },
        { "scheduled", HD_STATUS_SCHEDULED },
        { "sending", HD_STATUS_SENDING },
        { "paused", HD_STATUS_PAUSED },
        { "cancelled", HD_STATUS_CANCELLED }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (s->len == ngx_strlen(names[i].name)
            && ngx_memcmp(s->data, names[i].name, s->len) == 0)
        {
            return names[i].status;
        }
    }

    return HD_STATUS_COMPLETED;
}


static void
hd_camp_read_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_camp_t *c = u->data;

    int64_t   ms;
    hd_str_t  v;

    if (index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    v = hd_pg_value(res, 0, 0);

    c->status = hd_camp_status(&v);
    c->total = hd_pg_value_int(res, 0, 1);
    (void) hd_pg_value_uuid(res, 0, 2, &c->account);
    c->rate = (uint32_t) hd_pg_value_int(res, 0, 3);
    c->tag = (hd_pg_value(res, 0, 4).data[0] == 't');
    c->wait_ms = hd_pg_value_int(res, 0, 5);
    c->planned = (hd_pg_value(res, 0, 6).data[0] == 't');

    /* a minute's rate; one that is too small to be seen is not "none" */
    ms = hd_pg_value_int(res, 0, 7) * 1000;
    c->own_milli = (uint32_t) ngx_min((ms + 59) / 60, UINT32_MAX);

    ms = hd_pg_value_int(res, 0, 8);
    c->expires_ms = hd_pg_is_null(res, 0, 8) ? 0 : (ms > 0 ? ms : -1);

    c->guard.failure_ppm = hd_pg_value_int(res, 0, 9);
    c->guard.opt_out_ppm = hd_pg_value_int(res, 0, 10);
    c->guard.min = ngx_max(hd_pg_value_int(res, 0, 11), 1);

    c->allowed = (uint32_t) hd_pg_value_int(res, 0, 12);
    hd_stage_read(c, res, 13);

    c->found = 1;
}


static void
hd_camp_read_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "reading a broadcast")) {
        c->reread = 1;
        return;
    }

    /* what was told since: an answer older than it decides nothing */
    hd_sched_mail();

    if (c->busy) {
        return;
    }

    if (c->reread) {
        hd_camp_go(c);
        return;
    }

    if (!c->found) {
        c->status = HD_STATUS_GONE;
    }

    hd_camp_judge(c);
}
