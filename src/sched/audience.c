/*
 * A broadcast's rows before the first of them is granted: its audience is
 * frozen (with its variants and stages, when it is planned with some; marketing
 * of a number whose quality is low is paused in the same transaction); after a
 * life that nobody remembers, what stood in sending is marked unknown; and the
 * cursor is found.
 */

#include "private.h"


/* of the freeze's unit: org, freeze, analyze, quality_low, hold */
#define HD_CAMP_HELD  4


static void hd_camp_frozen_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_camp_frozen(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_camp_lost_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_camp_cursor_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_camp_cursor_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


void
hd_camp_freeze(hd_camp_t *c)
{
    hd_hold_t      low;
    ngx_uint_t     stmt;
    hd_pg_unit_t  *u;

    c->found = 0;
    c->held = 0;

    stmt = c->planned ? HD_Q_FREEZE_PLAN
           : c->tag ? HD_Q_FREEZE_TAG : HD_Q_FREEZE_ALL;

    u = hd_camp_unit(c, stmt, hd_camp_frozen_row, hd_camp_frozen);

    if (u) {
        if (c->planned) {
            hd_pg_int(u, HD_SCHED_STRIPE);
        }

        hd_camp_stmt(c, u, HD_Q_FREEZE_ANALYZE);
        hd_camp_stmt(c, u, HD_Q_QUALITY_LOW);

        ngx_memzero(&low, sizeof(hd_hold_t));
        low.kind = HD_HOLD_BROADCAST;
        low.reason = "quality";
        low.words.data = (u_char *) HD_HOLD_QUALITY;
        low.words.len = sizeof(HD_HOLD_QUALITY) - 1;
        hd_hold_one(u, &low);
    }

    (void) hd_camp_submit(c, u);
}


static void
hd_camp_frozen_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_camp_t *c = u->data;

    if (index == 1 && hd_pg_rows(res)) {
        c->total = hd_pg_value_int(res, 0, 0);
        c->found = 1;
    }

    if (index == HD_CAMP_HELD) {
        c->held = (hd_pg_rows(res) != 0);
    }
}


/* it did not begin */
static void
hd_camp_held(hd_camp_t *c)
{
    u_char    id[36];
    hd_buf_t  b;
    hd_str_t  words;

    words.data = (u_char *) HD_HOLD_QUALITY;
    words.len = sizeof(HD_HOLD_QUALITY) - 1;

    ngx_log_error(NGX_LOG_NOTICE, hd_sched.conf.log, 0,
                  "herald: a broadcast is paused as it begins (quality): %s",
                  HD_HOLD_QUALITY);

    hd_count(hd_sched.conf.shm, 0, HD_COUNT_auto_paused, 1);

    hd_uuid_format(&c->node.id, id);
    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%.*s\",\"status\":\"paused\","
                  "\"pause_reason\":\"quality\",\"pause_detail\":", 36, id);
    hd_jw_str(&b, &words);
    hd_buf_char(&b, '}');
    hd_sched_tell(&c->org, HD_HELD_BROADCAST, &b);
}


static void
hd_camp_frozen(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "freezing an audience")) {
        /* it may have been committed */
        c->state = HD_CAMP_READ;
        return;
    }

    if (!c->found) {
        /* paused, cancelled, or frozen by somebody else */
        c->state = HD_CAMP_READ;
        hd_camp_go(c);
        return;
    }

    c->status = HD_STATUS_SENDING;
    c->state = HD_CAMP_LEASE;
    c->whole = 1;

    if (c->held) {
        c->reread = 1;
        hd_camp_held(c);
    }

    c->next = 1;

    ngx_log_error(NGX_LOG_INFO, hd_sched.conf.log, 0,
                  "herald: a broadcast to %L begins", c->total);

    hd_dirty_mark(hd_sched.conf.shm, &c->org, &c->node.id);

    /* its stages are in the database now; or its time was over already */
    if (c->planned || c->expires_ms) {
        c->reread = 1;
    }

    c->allowed = (uint32_t) c->total;

    hd_camp_go(c);
}


/* their fence is lower than the one this life began with */
void
hd_camp_lost(hd_camp_t *c)
{
    hd_pg_unit_t  *u;

    u = hd_camp_unit(c, HD_Q_SCHED_LOST, NULL, hd_camp_lost_done);

    if (u) {
        hd_pg_int(u, c->fence);
        hd_pg_int(u, HD_SCHED_STRIPE);
    }

    (void) hd_camp_submit(c, u);
}


static void
hd_camp_lost_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "marking lost attempts")) {
        return;
    }

    c->whole = 1;
    c->state = HD_CAMP_LEASE;

    hd_dirty_mark(hd_sched.conf.shm, &c->org, &c->node.id);
    hd_camp_go(c);
}


void
hd_camp_cursor(hd_camp_t *c)
{
    (void) hd_camp_submit(c, hd_camp_unit(c, HD_Q_SCHED_CURSOR,
                                          hd_camp_cursor_row,
                                          hd_camp_cursor_done));
}


static void
hd_camp_cursor_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_camp_t *c = u->data;

    int64_t  seq;

    if (index == 1) {
        seq = hd_pg_value_int(res, 0, 0);
        c->next = (uint32_t) (seq ? seq : c->total + 1);
    }
}


static void
hd_camp_cursor_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "finding where to go on")) {
        c->next = 0;
        return;
    }

    c->state = HD_CAMP_LEASE;
    hd_camp_go(c);
}
