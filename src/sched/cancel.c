/*
 * The end of a broadcast: cancelled in pieces, then closed.  One whose time is
 * over goes the same way, but is completed at its end.
 *
 * The queue is marked skipped at once, piece by piece, so that the counters
 * move while a big one is cancelled.  A worker may still return rows that it
 * held, so when no grant is out any more the pieces are gone through once
 * more; and the end is the database's decision (nothing queued or sending),
 * as it is for a broadcast that is completed.
 */

#include "private.h"


static void hd_cancel_piece(hd_camp_t *c);
static void hd_cancel_piece_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_cancel_end(hd_camp_t *c);
static void hd_cancel_end_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_cancel_end_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_close_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


void
hd_camp_cancel(hd_camp_t *c)
{
    hd_camp_settled(c);

    if ((int64_t) c->piece <= c->total) {
        hd_cancel_piece(c);
        return;
    }

    if (c->index != HD_NONE
        && hd_campaign_read(hd_sched.conf.shm, c->index, &c->sh)
        && c->sh.granted)
    {
        c->retry_ms = hd_sched_now() + 100;
        return;
    }

    hd_cancel_end(c);
}


static void
hd_cancel_piece(hd_camp_t *c)
{
    hd_pg_unit_t  *u;

    u = hd_camp_unit(c, HD_Q_SCHED_CANCEL_ROWS, NULL, hd_cancel_piece_done);

    if (u) {
        hd_pg_int(u, c->piece);
        hd_pg_int(u, c->piece + HD_CANCEL_PIECE - 1);
        hd_pg_int(u, HD_SCHED_STRIPE);
        hd_pg_z(u, c->expired ? "expired" : "cancelled");
    }

    (void) hd_camp_submit(c, u);
}


static void
hd_cancel_piece_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "cancelling a broadcast's queue")) {
        return;
    }

    c->piece += HD_CANCEL_PIECE;

    hd_dirty_mark(hd_sched.conf.shm, &c->org, &c->node.id);
    hd_camp_go(c);
}


static void
hd_cancel_end(hd_camp_t *c)
{
    hd_pg_unit_t  *u;

    c->finished = 0;
    c->sending = 0;

    u = hd_camp_unit(c, HD_Q_SCHED_STRAY_ROWS, hd_cancel_end_row,
                     hd_cancel_end_done);

    if (u && c->expired) {
        hd_camp_stmt(c, u, HD_Q_SCHED_FINISH);
        hd_pg_bool(u, 1);

    } else if (u) {
        hd_camp_stmt(c, u, HD_Q_SCHED_CANCEL_DONE);
    }

    (void) hd_camp_submit(c, u);
}


static void
hd_cancel_end_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_camp_t *c = u->data;

    if (index == 1) {
        hd_sweep_strays(c, res);

    } else if (index == 2) {
        c->finished = (hd_pg_rows(res) != 0);
    }
}


static void
hd_cancel_end_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "ending a cancelled broadcast")) {
        return;
    }

    if (c->finished) {
        c->state = HD_CAMP_CLOSE;
        hd_camp_go(c);
        return;
    }

    /* rows that came back meanwhile, or whose outcome is on its way */
    c->piece = 1;
    c->retry_ms = hd_sched_now() + 500;

    (void) hd_sweep_condemn(c);
}


void
hd_camp_close(hd_camp_t *c)
{
    hd_camp_settled(c);

    /* what is told from here on is news to the one that comes after it */
    c->reread = 0;

    (void) hd_camp_submit(c, hd_camp_unit(c, HD_Q_AGENDA_DONE, NULL,
                                          hd_close_done));
}


static void
hd_close_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "closing a broadcast")) {
        return;
    }

    hd_wheel_cancel(hd_sched.conf.shm, HD_TIMER_BROADCAST, &c->node.id);
    hd_wheel_cancel(hd_sched.conf.shm, HD_TIMER_RETRY, &c->node.id);
    hd_wheel_cancel(hd_sched.conf.shm, HD_TIMER_STAGE, &c->node.id);
    hd_wheel_cancel(hd_sched.conf.shm, HD_TIMER_EXPIRY, &c->node.id);
    hd_dirty_mark(hd_sched.conf.shm, &c->org, &c->node.id);

    hd_camp_free_index(c);

    /* somebody sends it again: from the beginning */
    if (c->reread) {
        c->state = HD_CAMP_READ;
        c->next = 0;
        c->nranges = 0;
        c->range_at = 0;
        hd_camp_go(c);
        return;
    }

    hd_camp_forget(c);
}
