/*
 * broadcast.progress: whoever changes a broadcast marks it, five times a
 * second the helper reads what was marked and tells the streams.  The
 * numbers are the database's, so an event never says more than is committed.
 * What was read also goes to the broadcast's guard, which may pause it.
 */

#include "private.h"


#define HD_PROGRESS_TAKE   64
#define HD_PROGRESS_READS  128         /* in flight */


typedef struct {
    hd_dirty_t    dirty;
    hd_buf_t      b;
    int64_t       sent, failed, opted_out;
} hd_progress_t;


static void hd_progress_read(const hd_dirty_t *d);
static void hd_progress_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_progress_pause(hd_progress_t *p, hd_pg_res_t *res);
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

    hd_pg_stmt(u, HD_Q_GUARD_COUNTS);
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

    if (index == 0 || hd_pg_rows(res) == 0) {
        return;
    }

    if (index == 2) {
        hd_progress_pause(p, res);
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
}


static void
hd_progress_pause(hd_progress_t *p, hd_pg_res_t *res)
{
    hd_str_t    v;
    ngx_uint_t  i;

    static const char *const  names[] = { "pause_reason", "pause_detail" };

    p->sent = hd_pg_value_int(res, 0, 0);
    p->failed = hd_pg_value_int(res, 0, 1);
    p->opted_out = hd_pg_value_int(res, 0, 2);

    hd_buf_printf(&p->b, ",\"opted_out\":%lld}", (long long) p->opted_out);

    for (i = 0; i < 2; i++) {
        hd_buf_printf(&p->b, ",\"%s\":", names[i]);

        if (hd_pg_is_null(res, 0, 3 + i)) {
            hd_buf_z(&p->b, "null");

        } else {
            v = hd_pg_value(res, 0, 3 + i);
            hd_jw_str(&p->b, &v);
        }
    }

    hd_buf_char(&p->b, '}');
}


static void
hd_progress_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_progress_t *p = u->data;

    hd_camp_t  *c;

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

    } else if (p->b.len) {
        hd_sched_tell(&p->dirty.org, "broadcast.progress", &p->b);

        c = hd_camp_find(&p->dirty.batch);

        if (c) {
            hd_guard_news(c, p->sent, p->failed, p->opted_out);
        }

        return;
    }

    hd_buf_free(&p->b);
}
