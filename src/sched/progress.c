/*
 * broadcast.progress: whoever changes a broadcast marks it, five times a
 * second the helper reads what was marked and tells the streams.  The
 * numbers are the database's, so an event never says more than is committed.
 */

#include "private.h"


#define HD_PROGRESS_TAKE   64
#define HD_PROGRESS_READS  128         /* in flight */


typedef struct {
    hd_dirty_t    dirty;
    hd_buf_t      b;
} hd_progress_t;


static void hd_progress_read(const hd_dirty_t *d);
static void hd_progress_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_progress_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


/* columns of broadcast_get */
static const struct {
    const char   *name;
    ngx_uint_t    col;
} hd_progress_counters[] = {
    { "audience", 11 }, { "queued", 12 }, { "sent", 13 },
    { "delivered", 14 }, { "read", 15 }, { "replied", 16 },
    { "failed", 17 }, { "skipped", 18 }, { "unknown", 19 }
};

static ngx_uint_t  hd_progress_reads;


void
hd_progress_beat(void)
{
    size_t        i, n;
    hd_camp_t    *c;
    hd_dirty_t    dirty[HD_PROGRESS_TAKE];
    ngx_queue_t  *q;

    /* marked rows wait in shared memory until they can be read */
    if (!hd_pg_ready(hd_sched.conf.pg)) {
        return;
    }

    if (hd_dirty_lost(hd_sched.conf.shm)) {
        for (q = ngx_queue_head(&hd_sched.camp_list);
             q != ngx_queue_sentinel(&hd_sched.camp_list);
             q = ngx_queue_next(q))
        {
            c = ngx_queue_data(q, hd_camp_t, queue);
            hd_dirty_mark(hd_sched.conf.shm, &c->org, &c->node.id);
        }
    }

    while (hd_progress_reads < HD_PROGRESS_READS) {
        n = hd_dirty_take(hd_sched.conf.shm, dirty, HD_PROGRESS_TAKE);

        for (i = 0; i < n; i++) {
            hd_progress_read(&dirty[i]);
        }

        if (n < HD_PROGRESS_TAKE) {
            return;
        }
    }
}


static void
hd_progress_read(const hd_dirty_t *d)
{
    hd_pg_unit_t   *u;
    hd_progress_t  *p;

    u = hd_sched_unit(&d->org, hd_progress_row, hd_progress_done, NULL);
    if (u == NULL) {
        return;
    }

    p = ngx_palloc(u->pool, sizeof(hd_progress_t));

    if (p == NULL) {
        hd_pg_discard(u);
        return;
    }

    p->dirty = *d;
    hd_buf_init(&p->b);
    u->data = p;

    hd_pg_stmt(u, HD_Q_BROADCAST_GET);
    hd_pg_uuid(u, &d->batch);

    if (hd_pg_submit(u) == NGX_OK) {
        hd_progress_reads++;
    }
}


static void
hd_progress_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_progress_t *p = u->data;

    hd_str_t    v;
    ngx_uint_t  i;

    if (index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    v = hd_pg_value(res, 0, 0);
    hd_buf_printf(&p->b, "{\"id\":\"%.*s\",\"status\":", (int) v.len, v.data);

    v = hd_pg_value(res, 0, 2);
    hd_jw_str(&p->b, &v);
    hd_buf_z(&p->b, ",\"counters\":{");

    for (i = 0; i < sizeof(hd_progress_counters)
                    / sizeof(hd_progress_counters[0]); i++)
    {
        hd_buf_printf(&p->b, "%s\"%s\":%lld", i ? "," : "",
                      hd_progress_counters[i].name,
                      (long long) hd_pg_value_int(res, 0,
                                              hd_progress_counters[i].col));
    }

    hd_buf_z(&p->b, "}}");
}


static void
hd_progress_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_progress_t *p = u->data;

    size_t    n;
    uint32_t  workers[HD_SLOTS];

    hd_progress_reads--;

    if (!hd_sched_mine()) {
        /* whoever owns it now reads it again */
        hd_dirty_mark(hd_sched.conf.shm, &p->dirty.org, &p->dirty.batch);

    } else if (outcome != HD_PG_OK) {
        hd_sched_failed(u, outcome, "reading a broadcast's counters");

        if (outcome != HD_PG_FAILED) {
            hd_dirty_mark(hd_sched.conf.shm, &p->dirty.org,
                          &p->dirty.batch);
        }

    } else if (p->b.len && !p->b.failed) {
        (void) hd_event_publish(hd_sched.conf.shm, &p->dirty.org,
                                "broadcast.progress", p->b.data, p->b.len);

        n = hd_slots_streaming(hd_sched.conf.shm, workers, HD_SLOTS);

        while (n) {
            hd_wake_send(hd_sched.conf.wake, workers[--n]);
        }
    }

    hd_buf_free(&p->b);
}
