/*
 * The pump: which rows of which broadcast to which worker, now.
 *
 * What is out is counted anew each time from the grants in shared memory, so
 * nothing here can drift, and a helper that has just been started knows as
 * much as the one before.
 *
 * A broadcast's grants end where its stage ends (sh.allowed).  Who gets how
 * much, and in which order, is share.c's.
 */

#include "private.h"


static void hd_pump_count(void);
static void hd_pump_prepare(hd_camp_t *c);
static ngx_uint_t hd_pump_one(hd_camp_t *c);
static void hd_pump_sweep(hd_camp_t *c);
static void hd_pump_end(void);


void
hd_pump(void)
{
    hd_camp_t    *c;
    uint64_t      retried;
    ngx_uint_t    given;
    ngx_queue_t  *q, *list;

    if (!hd_sched.rebuilt || !hd_sched.fenced
        || !hd_pg_ready(hd_sched.conf.pg))
    {
        hd_timer_clear(&hd_sched.pump);
        return;
    }

    list = &hd_sched.camp_list;

    retried = hd_counter_sum(hd_sched.conf.shm, HD_COUNT_retried);
    hd_sched.put_back = (retried != hd_sched.retried);
    hd_sched.retried = retried;

    hd_pump_slots();
    hd_pump_count();
    given = hd_message_pump();

    for (q = ngx_queue_head(list);
         q != ngx_queue_sentinel(list);
         q = ngx_queue_next(q))
    {
        hd_pump_prepare(ngx_queue_data(q, hd_camp_t, queue));
    }

    hd_share_begin();

    while ((c = hd_share_next()) != NULL) {
        if (hd_pump_one(c)) {
            hd_share_served(c);
            given = 1;

        } else {
            hd_share_done(c);
        }
    }

    for (q = ngx_queue_head(list);
         q != ngx_queue_sentinel(list);
         q = ngx_queue_next(q))
    {
        c = ngx_queue_data(q, hd_camp_t, queue);
        c->last_rows = c->rows;
        hd_pump_sweep(c);
    }

    hd_pump_end();

    if (given) {
        hd_epoch_granted();
    }
}


/* living workers of this cycle; those of the old one send what they hold */
void
hd_pump_slots(void)
{
    uint32_t   i;
    hd_slot_t  s;

    hd_sched.nslots = 0;
    hd_sched.strangers = 0;
    ngx_memzero(hd_sched.live, sizeof(hd_sched.live));

    for (i = 0; i < HD_SLOTS; i++) {

        if (!hd_slot_read(hd_sched.conf.shm, i, &s)) {
            continue;
        }

        if (s.quitting || s.generation != hd_sched.conf.generation) {
            hd_sched.strangers++;
            continue;
        }

        if ((int64_t) (hd_sched_now() - s.heartbeat_ms) > HD_SLOT_FRESH) {
            continue;
        }

        hd_sched.live[i] = 1;
        hd_sched.slots[hd_sched.nslots++] = s;
    }
}


static void
hd_pump_count(void)
{
    size_t        i, n;
    hd_msg_t     *m;
    uint32_t      span;
    hd_camp_t    *c;
    hd_grant_t   *g;
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&hd_sched.camp_list);
         q != ngx_queue_sentinel(&hd_sched.camp_list);
         q = ngx_queue_next(q))
    {
        c = ngx_queue_data(q, hd_camp_t, queue);
        c->grants = 0;
        c->rows = 0;
        ngx_memzero(c->out, sizeof(c->out));
    }

    hd_sched.pumps++;
    ngx_memzero(hd_sched.bulk, sizeof(hd_sched.bulk));

    n = hd_grant_list(hd_sched.conf.shm, HD_NONE, hd_sched.grants,
                      HD_GRANTS);

    for (i = 0; i < n; i++) {
        g = &hd_sched.grants[i];

        if (g->campaign == HD_NONE) {
            m = hd_table_find(&hd_sched.msgs, &g->batch);

            if (m && m->state == HD_MSG_GRANTED && m->grant == g->id) {
                m->seen = hd_sched.pumps;
            }

            continue;
        }

        c = (g->campaign < HD_CAMPAIGNS) ? hd_sched.by_index[g->campaign]
                                         : NULL;

        if (c && hd_uuid_eq(&c->node.id, &g->batch) && g->slot < HD_SLOTS) {
            /* a range of strays spans more rows than it has */
            span = ngx_min(g->to - g->from + 1, hd_share_size(c));
            c->rows += span;
            c->grants++;
            c->out[g->slot] += (c->out[g->slot] < 255);

            if (c->share_milli == 0) {
                hd_sched.bulk[g->slot] += span;
            }
        }
    }
}


static void
hd_pump_prepare(hd_camp_t *c)
{
    ngx_memzero(&c->sh, sizeof(hd_campaign_t));

    if (c->state != HD_CAMP_RUN
        || !hd_campaign_read(hd_sched.conf.shm, c->index, &c->sh)
        || c->sh.state != HD_CAMPAIGN_RUNNING)
    {
        return;
    }

    if (hd_lease_fence(&c->org, &c->account, &c->fence) != NGX_OK) {
        c->sh.state = HD_CAMPAIGN_PAUSED;      /* in our copy only */
        return;
    }

    if (c->fence != c->sh.fence) {
        c->sh.fence = c->fence;
        (void) hd_campaign_put(hd_sched.conf.shm, &c->sh);
    }

    /* somewhere a worker put something back */
    c->strays |= hd_sched.put_back;
}


static hd_slot_t *
hd_pump_slot(hd_camp_t *c)
{
    hd_slot_t   *s, *best;
    ngx_uint_t   i;

    best = NULL;

    for (i = 0; i < hd_sched.nslots; i++) {
        s = &hd_sched.slots[i];

        if (s->quitting || c->out[s->index] >= HD_GRANT_RING
            || (c->share_milli == 0
                && hd_sched.bulk[s->index] >= HD_GRANT_OUT))
        {
            continue;
        }

        if (best == NULL || c->out[s->index] < c->out[best->index]
            || (c->out[s->index] == c->out[best->index]
                && s->grants < best->grants))
        {
            best = s;
        }
    }

    return best;
}


/* strays first, then the cursor; 0: nothing is left */
static ngx_uint_t
hd_pump_next(hd_camp_t *c, hd_range_t *r)
{
    if (c->range_at < c->nranges) {
        *r = c->ranges[c->range_at];
        return 1;
    }

    if (c->sh.next > hd_camp_limit(c)) {
        return 0;
    }

    r->from = c->sh.next;
    r->to = ngx_min(r->from + hd_share_size(c) - 1, hd_camp_limit(c));

    return 1;
}


/* NULL: nobody can take it now */
static hd_slot_t *
hd_pump_give(hd_camp_t *c, const hd_range_t *r)
{
    hd_slot_t   *s;
    hd_grant_t   g;

    ngx_memzero(&g, sizeof(hd_grant_t));

    g.org = c->org;
    g.batch = c->node.id;
    g.account = c->account;
    g.campaign = c->index;
    g.bucket = c->sh.bucket;
    g.from = r->from;
    g.to = r->to;
    g.fence = c->fence;

    for ( ;; ) {
        s = hd_pump_slot(c);

        if (s == NULL
            || hd_grant_give(hd_sched.conf.shm, s->index, &g) == HD_OK)
        {
            return s;
        }

        /* paused this instant, or the worker's ring is full */
        if (!hd_campaign_running(hd_sched.conf.shm, c->index, &c->node.id)) {
            c->sh.state = HD_CAMPAIGN_PAUSED;
            return NULL;
        }

        s->quitting = 1;               /* in our copy: not in this pump */
    }
}


/* nobody answers at this number: one row is out when a probe may go, and none
 * before, else the whole audience would be taken up and put back */
static ngx_uint_t
hd_pump_broken(hd_camp_t *c)
{
    hd_bucket_state_t  b;

    if (!hd_bucket_open(hd_sched.conf.shm, c->sh.bucket)) {
        return 0;
    }

    (void) hd_bucket_state(hd_sched.conf.shm, c->sh.bucket, hd_mono_us(),
                           &b);

    return b.wait_us > HD_SCHED_PUMP * 1000 || c->rows;
}


/* 1: a grant was given */
static ngx_uint_t
hd_pump_one(hd_camp_t *c)
{
    uint32_t     n;
    hd_slot_t   *s;
    hd_range_t   r;

    if (c->sh.state != HD_CAMPAIGN_RUNNING || hd_pump_broken(c)
        || !hd_pump_next(c, &r))
    {
        return 0;
    }

    if (c->range_at >= c->nranges
        && hd_bucket_open(hd_sched.conf.shm, c->sh.bucket))
    {
        r.to = r.from;
    }

    n = r.to - r.from + 1;
    n = ngx_min(n, hd_share_size(c));

    if (c->share_milli && c->rows && c->rows + n > c->window) {
        return 0;
    }

    s = hd_pump_give(c, &r);
    if (s == NULL) {
        return 0;
    }

    if (c->range_at < c->nranges) {
        c->range_at++;
    }

    if (r.from == c->sh.next) {
        c->sh.next = r.to + 1;

        if (c->sh.next > hd_camp_limit(c)) {
            c->sweep_ms = hd_sched_now();
        }
    }

    c->rows += n;
    c->grants++;
    c->out[s->index]++;
    s->grants++;

    if (c->share_milli == 0) {
        hd_sched.bulk[s->index] += n;
    }

    hd_pump_wake(s);

    return 1;
}


static void
hd_pump_sweep(hd_camp_t *c)
{
    uint64_t  now;

    now = hd_sched_now();

    if (c->busy || c->waiting || c->sh.state != HD_CAMPAIGN_RUNNING
        || now < c->sweep_ms || now < c->retry_ms
        || c->range_at < c->nranges)
    {
        return;
    }

    if (!hd_camp_at_end(c)) {
        if (c->strays) {
            hd_sweep(c, 0);
        }

        return;
    }

    /* a slow one among the last must not hold up what waits behind */
    if (c->grants == 0 || now >= c->sweep_ms + 5000) {
        hd_sweep(c, 1);
    }
}


hd_slot_t *
hd_pump_least(void)
{
    hd_slot_t   *s, *best;
    ngx_uint_t   i;

    best = NULL;

    for (i = 0; i < hd_sched.nslots; i++) {
        s = &hd_sched.slots[i];

        if (!s->quitting && (best == NULL || s->grants < best->grants)) {
            best = s;
        }
    }

    return best;
}


void
hd_pump_wake(hd_slot_t *slot)
{
    if (slot->worker < HD_SLOTS) {
        hd_sched.news[slot->worker] = 1;
    }
}


static void
hd_pump_end(void)
{
    uint32_t      i;
    hd_camp_t    *c;
    ngx_msec_t    ms;
    ngx_queue_t  *q;

    for (i = 0; i < HD_SLOTS; i++) {
        if (hd_sched.news[i]) {
            hd_sched.news[i] = 0;
            hd_wake_send(hd_sched.conf.wake, i);
        }
    }

    ms = 0;

    /* old workers wake the old helper, so for their sake we look */
    if (hd_sched.strangers) {
        ms = 50;
    }

    for (q = ngx_queue_head(&hd_sched.camp_list);
         q != ngx_queue_sentinel(&hd_sched.camp_list);
         q = ngx_queue_next(q))
    {
        c = ngx_queue_data(q, hd_camp_t, queue);

        if (c->sh.state == HD_CAMPAIGN_RUNNING && !c->waiting) {
            ms = HD_SCHED_PUMP;
            break;
        }
    }

    if (!ngx_queue_empty(&hd_sched.msg_ready)) {
        ms = HD_SCHED_PUMP;
    }

    if (ms) {
        hd_timer_set(&hd_sched.pump, ms);

    } else {
        hd_timer_clear(&hd_sched.pump);
    }
}
