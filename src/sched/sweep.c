/*
 * Sweeping: what is left behind the cursor.
 *
 * While grants are still going out, only rows that were put back with a time
 * are looked for, at most every five seconds (it costs a walk over the
 * broadcast's rows).  When the cursor is at the end one unit asks for all that
 * is queued, for all that is in sending, and tries to finish: the database
 * completes a broadcast only when nothing of it is open.  At the end of a
 * stage it tries to end the stage in the same way.
 *
 * A row in sending that no attempt in shared memory knows, twice at least two
 * seconds apart, has nobody who will ever write its outcome.  It becomes
 * unknown, never queued: that it was not written is only likely.  Should an
 * outcome come after all, settle raises it from there.
 */

#include "private.h"


#define HD_SWEEP_MID     5000          /* ms between two while granting */
#define HD_SWEEP_ROWS    1000          /* a page of sched_queued */
#define HD_SWEEP_GAP     32            /* rows that a range may skip over */


static void hd_sweep_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_sweep_queued(hd_camp_t *c, hd_pg_res_t *res);
static void hd_sweep_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_sweep_next(hd_camp_t *c);
static void hd_sweep_condemned(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


void
hd_sweep(hd_camp_t *c, ngx_uint_t all)
{
    hd_pg_unit_t  *u;

    c->all = all;
    c->strays = 0;
    c->finished = 0;
    c->open = 0;
    c->due = 0;
    c->sending = 0;
    c->later_ms = 0;
    c->ends_stage = 0;

    u = hd_camp_unit(c, HD_Q_SCHED_QUEUED, hd_sweep_row, hd_sweep_done);

    if (u) {
        hd_pg_int(u, c->sh.next);
        hd_pg_bool(u, all);
    }

    if (u && all) {
        hd_camp_stmt(c, u, HD_Q_SCHED_STRAY_ROWS);

        c->ends_stage = hd_stage_open(c) && c->sh.next > c->stage.to;

        if (c->ends_stage) {
            hd_camp_stmt(c, u, HD_Q_STAGE_SENT);
            hd_pg_int(u, c->stage.n);
            hd_pg_int(u, c->stage.from);
            hd_pg_int(u, c->stage.to);
        }

        if (c->sh.next > c->sh.audience) {
            hd_camp_stmt(c, u, HD_Q_SCHED_FINISH);
            hd_pg_bool(u, 0);
        }
    }

    if (!hd_camp_submit(c, u)) {
        c->strays = 1;
    }
}


static void
hd_sweep_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_camp_t *c = u->data;

    switch (index) {

    case 1:
        hd_sweep_queued(c, res);
        break;

    case 2:
        hd_sweep_strays(c, res);
        break;

    case 3:
        if (c->ends_stage) {
            c->reread |= (hd_pg_rows(res) != 0);
            break;
        }

        /* fall through */

    case 4:
        c->finished = (hd_pg_rows(res) != 0);
    }
}


static ngx_uint_t
hd_sweep_is_out(hd_camp_t *c, hd_grant_t *out, size_t n, uint32_t seq)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (seq >= out[i].from && seq <= out[i].to
            && hd_uuid_eq(&out[i].batch, &c->node.id))
        {
            return 1;
        }
    }

    return 0;
}


static void
hd_sweep_range(hd_camp_t *c, uint32_t seq, uint32_t size)
{
    hd_range_t  *r;

    if (c->nranges) {
        r = &c->ranges[c->nranges - 1];

        if (seq <= r->to + HD_SWEEP_GAP && seq - r->from < size) {
            r->to = seq;
            return;
        }
    }

    if (c->nranges < c->ranges_max) {
        r = &c->ranges[c->nranges++];
        r->from = seq;
        r->to = seq;
    }
}


static int ngx_libc_cdecl
hd_sweep_order(const void *one, const void *two)
{
    const uint32_t  *a = one, *b = two;

    return (*a > *b) - (*a < *b);
}


/* the due ones become ranges; the first of the others says when to look */
static void
hd_sweep_queued(hd_camp_t *c, hd_pg_res_t *res)
{
    size_t       nout;
    int64_t      wait;
    uint32_t     seq, *seqs;
    ngx_uint_t   i, n, rows;

    rows = hd_pg_rows(res);
    c->nranges = 0;
    c->range_at = 0;
    n = 0;

    if (c->ranges == NULL) {
        c->ranges = ngx_alloc(HD_SWEEP_ROWS * sizeof(hd_range_t),
                              hd_sched.conf.log);
        c->ranges_max = c->ranges ? HD_SWEEP_ROWS : 0;
    }

    seqs = ngx_alloc((rows + 1) * sizeof(uint32_t), hd_sched.conf.log);
    if (seqs == NULL) {
        return;
    }

    nout = hd_grant_list(hd_sched.conf.shm, HD_NONE, hd_sched.grants,
                         HD_GRANTS);

    for (i = 0; i < rows; i++) {
        seq = (uint32_t) hd_pg_value_int(res, i, 0);
        wait = hd_pg_value_int(res, i, 1);

        c->open++;

        if (wait > 0) {
            c->later_ms = c->later_ms ? ngx_min(c->later_ms, wait) : wait;

        } else if (!hd_sweep_is_out(c, hd_sched.grants, nout, seq)) {
            seqs[n++] = seq;
        }
    }

    ngx_qsort(seqs, n, sizeof(uint32_t), hd_sweep_order);

    for (i = 0; i < n; i++) {
        hd_sweep_range(c, seqs[i],
                       c->share_milli ? HD_GRANT_MOST : HD_GRANT_BULK);
    }

    c->due = n;
    ngx_free(seqs);
}


/* keeps those that nobody knows, with the time since when */
void
hd_sweep_strays(hd_camp_t *c, hd_pg_res_t *res)
{
    int64_t        fence;
    uint32_t       seq;
    ngx_uint_t     i, j, n, rows;
    hd_suspect_t  *list;

    rows = hd_pg_rows(res);
    c->sending = rows;
    c->open += rows;

    list = NULL;
    n = 0;

    if (rows) {
        list = ngx_alloc(rows * sizeof(hd_suspect_t), hd_sched.conf.log);
        if (list == NULL) {
            return;
        }
    }

    for (i = 0; i < rows; i++) {
        seq = (uint32_t) hd_pg_value_int(res, i, 0);
        fence = hd_pg_value_int(res, i, 1);

        if (hd_attempt_known(hd_sched.conf.shm, &c->node.id, seq)) {
            continue;
        }

        list[n].seq = seq;
        list[n].fence = fence;
        list[n].since_ms = hd_sched_now();

        for (j = 0; j < c->nsuspects; j++) {
            if (c->suspects[j].seq == seq && c->suspects[j].fence == fence) {
                list[n].since_ms = c->suspects[j].since_ms;
                break;
            }
        }

        n++;
    }

    if (c->suspects) {
        ngx_free(c->suspects);
    }

    c->suspects = list;
    c->nsuspects = n;
}


static void
hd_sweep_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "looking for what is left")) {
        c->nranges = 0;
        c->strays = 1;
        return;
    }

    if (c->state != HD_CAMP_RUN) {
        c->nranges = 0;
        hd_camp_go(c);
        return;
    }

    if (c->finished) {
        ngx_log_error(NGX_LOG_INFO, hd_sched.conf.log, 0,
                      "herald: a broadcast to %L is completed", c->total);

        c->state = HD_CAMP_CLOSE;
        hd_camp_go(c);
        return;
    }

    c->sweep_us = (uint64_t) (hd_mono_us() - u->sent_us);

    hd_sweep_next(c);

    if (c->reread) {
        hd_camp_go(c);
    }

    hd_sched_pump_soon();
}


/* when to look again, and what must not be waited for any longer */
static void
hd_sweep_next(hd_camp_t *c)
{
    int64_t   least;
    uint64_t  now;

    now = hd_sched_now();
    least = (int64_t) (c->sweep_us / 1000) * 20;

    if (!c->all) {
        c->sweep_ms = now + ngx_max(HD_SWEEP_MID, least);

        if (c->later_ms) {
            (void) hd_sched_wheel(HD_TIMER_RETRY, &c->org, &c->node.id,
                                  ngx_max(c->later_ms, HD_SWEEP_MID));
            hd_sched_wheel_arm();
        }

        return;
    }

    if (hd_sweep_condemn(c)) {
        return;
    }

    if (c->due) {
        /* the workers gave all of it back: something is wrong, go slowly */
        c->idle = (c->last_open == c->open) ? c->idle + 1 : 0;
        c->last_open = c->open;
        c->sweep_ms = now + (c->idle
                             ? ngx_min(100u << ngx_min(c->idle, 6), 5000u)
                             : 0);
        return;
    }

    c->idle = 0;
    c->last_open = 0;

    /* the end of a stage: nothing to do until the next one opens */
    if (c->open == 0 && !hd_stage_open(c) && c->sh.next <= c->sh.audience) {
        c->waiting = 1;
        return;
    }

    if (c->sending || c->later_ms == 0) {
        least = ngx_max(200, least);
        c->sweep_ms = now + (c->sending ? ngx_max(1000, least) : least);
        return;
    }

    c->waiting = 1;
    c->sweep_ms = now + ngx_max(100, least);

    if (hd_sched_wheel(HD_TIMER_RETRY, &c->org, &c->node.id,
                       ngx_max(c->later_ms, ngx_max(100, least)))
        == NGX_OK)
    {
        hd_sched_wheel_arm();

    } else {
        /* the wheel is full */
        c->waiting = 0;
        c->sweep_ms = now + 5000;
    }
}


ngx_uint_t
hd_sweep_condemn(hd_camp_t *c)
{
    uint64_t        now;
    ngx_int_t       rc;
    ngx_uint_t      i, n;
    hd_pg_unit_t   *u;
    hd_pg_array_t   seqs, fences;

    now = hd_sched_now();
    n = 0;

    hd_pg_array_init(&seqs, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&fences, HD_PG_INT8_ARRAY);

#ifdef HD_NO_GUARD_ORPHANS
    return 0;
#endif

    for (i = 0; i < c->nsuspects; i++) {
        if (now - c->suspects[i].since_ms >= HD_SUSPECT_AGE) {
            hd_pg_array_int(&seqs, c->suspects[i].seq);
            hd_pg_array_int(&fences, c->suspects[i].fence);
            n++;
        }
    }

    rc = NGX_ERROR;

    if (n) {
        u = hd_camp_unit(c, HD_Q_SCHED_STRAY_UNKNOWN, NULL,
                         hd_sweep_condemned);

        if (u) {
            hd_pg_array(u, &seqs);
            hd_pg_array(u, &fences);
            hd_pg_int(u, HD_SCHED_STRIPE);

            rc = hd_pg_submit(u);
        }
    }

    hd_pg_array_free(&seqs);
    hd_pg_array_free(&fences);

    if (rc != NGX_OK) {
        return 0;
    }

    ngx_log_error(NGX_LOG_WARN, hd_sched.conf.log, 0,
                  "herald: %ui attempt%s without an outcome %s unknown now",
                  n, n == 1 ? "" : "s", n == 1 ? "is" : "are");

    c->busy = 1;

    return 1;
}


static void
hd_sweep_condemned(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "marking lost attempts")) {
        return;
    }

    c->nsuspects = 0;
    c->sweep_ms = 0;

    hd_dirty_mark(hd_sched.conf.shm, &c->org, &c->node.id);
    hd_camp_go(c);
    hd_sched_pump_soon();
}
