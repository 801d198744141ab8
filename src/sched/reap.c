/*
 * What dead workers left.
 *
 *     gone ──300 ms──> attempts to the database ──committed──> attempts closed
 *                              │    ▲                          grants ended
 *                              └────┘ not committed            slot freed
 *
 * A worker is gone when its pid is, or when its slot was freed while something
 * of it was still open.  Its connections to PostgreSQL outlive it for a
 * moment, with what was already in their buffers: hence the pause.
 *
 * An attempt that was written becomes unknown, one that was not goes back to
 * the queue.  Only rows move that still are as the worker left them (state and
 * fence), so a crash of the helper at any point makes all of it happen again,
 * harmlessly.  Rows of an ended grant that were never claimed are still
 * queued: the ended range is granted again at once, and should that be
 * forgotten the sweep finds them.
 */

#include "private.h"


#define HD_REAP_PAUSE     300
#define HD_REAP_ATTEMPTS  (HD_ATTEMPTS / HD_SLOTS)


typedef struct {
    uint64_t        since_ms;          /* 0: nothing to reap */
    int32_t         pid;
    ngx_uint_t      n;
    ngx_uint_t      units;             /* in flight */
    unsigned        failed:1;
    hd_attempt_t   *attempts;
} hd_reap_t;


static ngx_uint_t hd_reap_is_gone(uint32_t slot, int32_t *pid);
static void hd_reap(uint32_t slot);
static ngx_int_t hd_reap_org(uint32_t slot, ngx_uint_t first);
static void hd_reap_org_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_reap_end(uint32_t slot);
static void hd_reap_grants(uint32_t slot);


static hd_reap_t   hd_reaps[HD_SLOTS];
/* grants of no living worker, by slot; made by each beat */
static uint8_t     hd_reap_orphans[HD_SLOTS];


void
hd_reap_beat(void)
{
    size_t         i, n;
    int32_t        pid;
    uint32_t       slot;
    hd_attempt_t   a;
    hd_reap_t     *r;

    ngx_memzero(hd_reap_orphans, sizeof(hd_reap_orphans));

    n = hd_grant_list(hd_sched.conf.shm, HD_NONE, hd_sched.grants,
                      HD_GRANTS);

    for (i = 0; i < n; i++) {
        if (hd_sched.grants[i].slot < HD_SLOTS) {
            hd_reap_orphans[hd_sched.grants[i].slot] = 1;
        }
    }

    for (slot = 0; slot < HD_SLOTS; slot++) {
        r = &hd_reaps[slot];

        if (r->units) {
            continue;
        }

        if (!hd_reap_is_gone(slot, &pid)) {
            r->since_ms = 0;
            continue;
        }

        /* a freed slot: only when something of it is open */
        if (pid == 0 && !hd_reap_orphans[slot]
            && hd_attempt_list(hd_sched.conf.shm, slot, &a, 1) == 0)
        {
            r->since_ms = 0;
            continue;
        }

        if (r->since_ms == 0 || r->pid != pid) {
            r->since_ms = hd_sched_now();
            r->pid = pid;
        }

        if (hd_sched_now() - r->since_ms >= HD_REAP_PAUSE
            && hd_pg_ready(hd_sched.conf.pg))
        {
            hd_reap(slot);
        }
    }
}


static ngx_uint_t
hd_reap_is_gone(uint32_t slot, int32_t *pid)
{
    hd_slot_t  s;

    if (!hd_slot_read(hd_sched.conf.shm, slot, &s)) {
        *pid = 0;
        return 1;
    }

    *pid = s.pid;

    return kill(s.pid, 0) == -1 && ngx_errno == ESRCH;
}


static void
hd_reap(uint32_t slot)
{
    ngx_uint_t  i, j;
    hd_reap_t  *r;

    r = &hd_reaps[slot];
    r->failed = 0;

    if (r->attempts == NULL) {
        r->attempts = ngx_alloc(HD_REAP_ATTEMPTS * sizeof(hd_attempt_t),
                                hd_sched.conf.log);
        if (r->attempts == NULL) {
            return;
        }
    }

    r->n = hd_attempt_list(hd_sched.conf.shm, slot, r->attempts,
                           HD_REAP_ATTEMPTS);

    /* one unit for each organisation, begun by its first attempt; this one
     * counts as a unit until all are on their way */

    r->units = 1;

    for (i = 0; i < r->n; i++) {

        for (j = 0; j < i; j++) {
            if (hd_uuid_eq(&r->attempts[j].org, &r->attempts[i].org)) {
                break;
            }
        }

        if (j == i && hd_reap_org(slot, i) != NGX_OK) {
            r->failed = 1;
        }
    }

    if (--r->units == 0) {
        hd_reap_end(slot);
    }
}


static ngx_int_t
hd_reap_org(uint32_t slot, ngx_uint_t first)
{
    ngx_int_t       rc;
    ngx_uint_t      i;
    hd_reap_t      *r;
    hd_attempt_t   *a;
    hd_pg_unit_t   *u;
    hd_pg_array_t   batches, seqs, fences, written;

    r = &hd_reaps[slot];

    u = hd_sched_unit(&r->attempts[first].org, NULL, hd_reap_org_done, r);
    if (u == NULL) {
        return NGX_ERROR;
    }

    hd_pg_array_init(&batches, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&seqs, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&fences, HD_PG_INT8_ARRAY);
    hd_pg_array_init(&written, HD_PG_BOOL_ARRAY);

    for (i = first; i < r->n; i++) {
        a = &r->attempts[i];

        if (hd_uuid_eq(&a->org, &r->attempts[first].org)) {
            hd_pg_array_uuid(&batches, &a->batch);
            hd_pg_array_int(&seqs, a->seq);
            hd_pg_array_int(&fences, a->fence);
            hd_pg_array_int(&written, a->written != 0);
        }
    }

    hd_pg_stmt(u, HD_Q_SCHED_REAP);
    hd_pg_array(u, &batches);
    hd_pg_array(u, &seqs);
    hd_pg_array(u, &fences);
    hd_pg_array(u, &written);
    hd_pg_int(u, HD_SCHED_STRIPE);

    rc = hd_pg_submit(u);

    hd_pg_array_free(&batches);
    hd_pg_array_free(&seqs);
    hd_pg_array_free(&fences);
    hd_pg_array_free(&written);

    if (rc == NGX_OK) {
        r->units++;
    }

    return rc;
}


static void
hd_reap_org_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_reap_t *r = u->data;

    r->units--;

    if (outcome != HD_PG_OK) {
        hd_sched_failed(u, outcome, "reaping a dead worker");
        r->failed = 1;
    }

    if (r->units == 0 && hd_sched_mine()) {
        hd_reap_end((uint32_t) (r - hd_reaps));
    }
}


static void
hd_reap_end(uint32_t slot)
{
    hd_camp_t     *c;
    hd_reap_t     *r;
    ngx_uint_t     i, written;
    hd_attempt_t  *a;

    r = &hd_reaps[slot];

    if (r->failed) {
        return;                        /* the next beat begins anew */
    }

    written = 0;

    for (i = 0; i < r->n; i++) {
        a = &r->attempts[i];

        hd_attempt_close(hd_sched.conf.shm, a->id);
        written += (a->written != 0);

        if (a->seq) {
            hd_dirty_mark(hd_sched.conf.shm, &a->org, &a->batch);

            /* policy may try it again */
            c = hd_camp_find(&a->batch);

            if (c) {
                c->strays = 1;
                c->waiting = 0;
            }

        } else {
            hd_message_open(&a->org, &a->batch, 1);
        }
    }

    ngx_log_error(NGX_LOG_NOTICE, hd_sched.conf.log, 0,
                  "herald: worker %P is gone: of %ui attempts %ui were "
                  "written", (ngx_pid_t) r->pid, r->n, written);

    hd_reap_grants(slot);

    if (r->pid != 0) {
        hd_slot_free(hd_sched.conf.shm, slot);
    }

    r->since_ms = 0;
    ngx_free(r->attempts);
    r->attempts = NULL;

    hd_sched_pump_soon();
}


static void
hd_reap_again(hd_camp_t *c, const hd_grant_t *g)
{
    hd_range_t  *list;

    /* what was given out already is of no more interest */
    if (c->range_at >= c->nranges) {
        c->range_at = 0;
        c->nranges = 0;
    }

    if (c->nranges == c->ranges_max) {
        list = ngx_alloc((c->ranges_max + 1000) * sizeof(hd_range_t),
                         hd_sched.conf.log);
        if (list == NULL) {
            return;
        }

        if (c->ranges) {
            ngx_memcpy(list, c->ranges, c->nranges * sizeof(hd_range_t));
            ngx_free(c->ranges);
        }

        c->ranges = list;
        c->ranges_max += 1000;
    }

    c->ranges[c->nranges].from = g->from;
    c->ranges[c->nranges].to = g->to;
    c->nranges++;
}


static void
hd_reap_grants(uint32_t slot)
{
    size_t       i, n;
    hd_camp_t   *c;
    hd_grant_t  *g;

    n = hd_grant_list(hd_sched.conf.shm, slot, hd_sched.grants, HD_GRANTS);

    for (i = 0; i < n; i++) {
        g = &hd_sched.grants[i];

        hd_grant_end(hd_sched.conf.shm, g->id);

        if (g->campaign == HD_NONE) {
            hd_message_open(&g->org, &g->batch, 0);
            continue;
        }

        c = hd_camp_find(&g->batch);

        if (c && !(c->busy && c->state == HD_CAMP_RUN)) {
            hd_reap_again(c, g);
        }
    }
}
