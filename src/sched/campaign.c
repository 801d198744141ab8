/*
 * A broadcast in the helper, from "it is due" to "nothing of it is open".
 *
 *        open
 *          │      scheduled, later: the wheel has it
 *          ▼   ┌───────────────────────────────────────────> forgotten
 *        READ ─┤ paused                                          ▲
 *        │ ▲ │ ├────────────────────────────> PAUSED ──none out──┤
 *     due│ │ │ │ cancelled                       ▲               │
 *        ▼ │ │ ├──────────────> CANCEL ──────────│────┐          │
 *   FREEZE │ │ │ gone, completed   ▲             │    ▼          │
 *     │ └──┘ │ └───────────────────│─────────────│─> CLOSE ──────┘
 *     │ no   │sending              │             │    ▲
 *     │ row  │                     └─┐ cancelled │    │ nothing open
 *     │total ▼            fence      │ paused    │    │ (sweep)
 *     └──> LEASE ────────────────────┴───────────┴── RUN
 *           │ ▲ │ ▲
 *           ▼ │ ▼ │    LOST: when the zone was empty and rows may be in
 *          LOST CURSOR sending; CURSOR: when shared memory has none
 *
 *   News (mail, the minute's reading) lead from any state to READ's question,
 *   and its answer from there.
 *
 * Invariants
 *   1. One unit of a campaign is in flight at most (busy).  News that comes
 *      meanwhile set `reread`, and it is read again before anything else.
 *   2. All that is decided is guarded by the database: freeze by total IS
 *      NULL, finish and the end of a cancellation by NOT EXISTS, rows by state
 *      and fence.  So a unit whose outcome is unknown is simply tried again.
 *   3. An entry in shared memory is freed only when no grant of it is out, or
 *      when nothing of it is open any more.
 *   4. `status` is the database's word; shared memory is moved from PAUSED to
 *      RUNNING only by an answer that was asked for after all mail was read.
 *
 *   transition           function
 *   open → READ          hd_camp_open, hd_camp_adopt
 *   READ → …             hd_camp_judge
 *   FREEZE → LEASE       hd_camp_frozen (audience.c)
 *   LEASE → …            hd_camp_lease
 *   LOST → LEASE         hd_camp_lost_done (audience.c)
 *   CURSOR → LEASE       hd_camp_cursor_done (audience.c)
 *   LEASE → RUN          hd_camp_run
 *   RUN → CLOSE          hd_sweep (sweep.c)
 *   CANCEL → CLOSE       cancel.c
 *   PAUSED → forgotten   hd_camp_paused
 */

#include "private.h"


static void hd_camp_read(hd_camp_t *c);
static void hd_camp_read_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_camp_read_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_camp_judge(hd_camp_t *c);
static void hd_camp_lease(hd_camp_t *c);
static void hd_camp_run(hd_camp_t *c);
static void hd_camp_running(hd_camp_t *c);
static void hd_camp_paused(hd_camp_t *c);


/* what each state does when no unit of it is in flight */
static void (*hd_camp_steps[])(hd_camp_t *c) = {
    hd_camp_read,                      /* READ */
    hd_camp_freeze,                    /* FREEZE */
    hd_camp_lease,                     /* LEASE */
    hd_camp_lost,                      /* LOST */
    hd_camp_cursor,                    /* CURSOR */
    hd_camp_running,                   /* RUN: the pump's */
    hd_camp_paused,                    /* PAUSED */
    hd_camp_cancel,                    /* CANCEL */
    hd_camp_close                      /* CLOSE */
};


hd_camp_t *
hd_camp_find(const hd_uuid_t *batch)
{
    return hd_table_find(&hd_sched.camps, batch);
}


static hd_camp_t *
hd_camp_make(const hd_uuid_t *org, const hd_uuid_t *batch)
{
    hd_camp_t  *c;

    c = ngx_calloc(sizeof(hd_camp_t), hd_sched.conf.log);
    if (c == NULL) {
        return NULL;
    }

    c->node.id = *batch;
    c->org = *org;
    c->index = HD_NONE;
    c->total = -1;
    c->piece = 1;
    c->state = HD_CAMP_READ;

    hd_table_add(&hd_sched.camps, &c->node);
    ngx_queue_insert_tail(&hd_sched.camp_list, &c->queue);

    return c;
}


void
hd_camp_open(const hd_uuid_t *org, const hd_uuid_t *batch, ngx_uint_t task)
{
    hd_camp_t  *c;

    c = hd_camp_find(batch);

    if (c == NULL) {
        c = hd_camp_make(org, batch);
        if (c == NULL) {
            return;
        }

        if (task) {
            c->task = 1;
            hd_sched.tasks++;
        }
    }

    c->reread = 1;
    hd_camp_go(c);
}


/* a crash or a reload: the cursors are kept, the status is read again */
void
hd_camp_adopt(void)
{
    uint32_t        i;
    hd_camp_t      *c;
    hd_campaign_t   sh;

    for (i = 0; i < HD_CAMPAIGNS; i++) {

        if (!hd_campaign_read(hd_sched.conf.shm, i, &sh)
            || hd_camp_find(&sh.batch))
        {
            continue;
        }

        c = hd_camp_make(&sh.org, &sh.batch);
        if (c == NULL) {
            return;
        }

        c->index = i;
        c->account = sh.account;
        hd_sched.by_index[i] = c;

        hd_camp_go(c);
    }
}


/* every campaign goes on with what it can do */
void
hd_camp_all(ngx_uint_t reread)
{
    hd_camp_t    *c;
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&hd_sched.camp_list);
         q != ngx_queue_sentinel(&hd_sched.camp_list);
         q = next)
    {
        next = ngx_queue_next(q);
        c = ngx_queue_data(q, hd_camp_t, queue);

        if (reread) {
            c->reread = 1;
            c->waiting = 0;
            c->retry_ms = 0;
        }

        hd_camp_go(c);
    }
}


void
hd_camp_go(hd_camp_t *c)
{
    if (c->busy || hd_sched_now() < c->retry_ms) {
        return;
    }

    if (c->reread && c->state != HD_CAMP_CLOSE) {
        hd_camp_read(c);
        return;
    }

    hd_camp_steps[c->state](c);
}


void
hd_camp_later(hd_camp_t *c)
{
    c->retry_ms = hd_sched_now() + (250u << ngx_min(c->fails, 5));
    c->fails++;
}


ngx_uint_t
hd_camp_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome, const char *what)
{
    hd_camp_t *c = u->data;

    c->busy = 0;

    if (!hd_sched_mine()) {
        return 0;
    }

    if (outcome == HD_PG_OK) {
        c->fails = 0;
        return 1;
    }

    hd_sched_failed(u, outcome, what);
    hd_camp_later(c);

    return 0;
}


void
hd_camp_settled(hd_camp_t *c)
{
    if (c->task) {
        c->task = 0;
        hd_sched.tasks--;
        hd_sched_task_done();
    }
}


void
hd_camp_free_index(hd_camp_t *c)
{
    if (c->index != HD_NONE) {
        hd_campaign_free(hd_sched.conf.shm, c->index);
        hd_sched.by_index[c->index] = NULL;
        c->index = HD_NONE;
    }
}


void
hd_camp_forget(hd_camp_t *c)
{
    hd_camp_settled(c);

    hd_table_remove(&hd_sched.camps, &c->node);
    ngx_queue_remove(&c->queue);

    if (c->ranges) {
        ngx_free(c->ranges);
    }

    if (c->suspects) {
        ngx_free(c->suspects);
    }

    ngx_free(c);
}


static void
hd_camp_read(hd_camp_t *c)
{
    hd_pg_unit_t  *u;

    c->reread = 0;
    c->found = 0;

    u = hd_sched_unit(&c->org, hd_camp_read_row, hd_camp_read_done, c);

    if (u) {
        hd_pg_stmt(u, HD_Q_SCHED_BROADCAST);
        hd_pg_uuid(u, &c->node.id);

        if (hd_pg_submit(u) == NGX_OK) {
            c->busy = 1;
            return;
        }
    }

    c->reread = 1;
    hd_camp_later(c);
}


static hd_status_e
hd_camp_status(const hd_str_t *s)
{
    if (hd_str_eq(s, "scheduled")) {
        return HD_STATUS_SCHEDULED;
    }

    if (hd_str_eq(s, "sending")) {
        return HD_STATUS_SENDING;
    }

    if (hd_str_eq(s, "paused")) {
        return HD_STATUS_PAUSED;
    }

    if (hd_str_eq(s, "cancelled")) {
        return HD_STATUS_CANCELLED;
    }

    return HD_STATUS_COMPLETED;
}


static void
hd_camp_read_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_camp_t *c = u->data;

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

    /* what was told since: an answer older than it decides nothing (4.) */
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


static void
hd_camp_judge(hd_camp_t *c)
{
    ngx_uint_t  unsure;

    /* rows may stand in "sending" from a life that nobody remembers */
    unsure = hd_sched.fresh && !c->whole && c->total > 0;

    switch (c->status) {

    case HD_STATUS_SCHEDULED:
        if (c->wait_ms > 0) {
            if (hd_sched_wheel(HD_TIMER_BROADCAST, &c->org, &c->node.id,
                               c->wait_ms)
                == NGX_OK)
            {
                hd_sched_wheel_arm();
            }

            hd_camp_free_index(c);
            hd_camp_forget(c);
            return;
        }

        c->state = HD_CAMP_FREEZE;
        break;

    case HD_STATUS_SENDING:
        if (c->state != HD_CAMP_RUN) {
            c->state = HD_CAMP_LEASE;
            break;
        }

        (void) hd_bucket(hd_sched.conf.shm, &c->account, c->rate * 1000);

        /* a resumption whose pause was never read here */
        if (hd_campaign_read(hd_sched.conf.shm, c->index, &c->sh)
            && c->sh.state == HD_CAMPAIGN_PAUSED)
        {
            hd_campaign_state(hd_sched.conf.shm, &c->node.id,
                              HD_CAMPAIGN_RUNNING);
        }

        break;

    case HD_STATUS_PAUSED:
        hd_campaign_state(hd_sched.conf.shm, &c->node.id,
                          HD_CAMPAIGN_PAUSED);
        c->state = unsure ? HD_CAMP_LEASE : HD_CAMP_PAUSED;
        break;

    case HD_STATUS_CANCELLED:
        hd_campaign_state(hd_sched.conf.shm, &c->node.id,
                          HD_CAMPAIGN_CANCELLED);

        if (c->state != HD_CAMP_CANCEL) {
            c->state = unsure ? HD_CAMP_LEASE : HD_CAMP_CANCEL;
        }

        break;

    default:
        c->state = HD_CAMP_CLOSE;
    }

    hd_camp_go(c);
    hd_sched_pump_soon();
}


static void
hd_camp_lease(hd_camp_t *c)
{
    ngx_int_t  rc;

    rc = hd_lease_fence(&c->org, &c->account, &c->fence);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_DECLINED) {
        /* the other node minds what is in sending; the queue is anybody's */
        if (c->status == HD_STATUS_CANCELLED) {
            c->state = HD_CAMP_CANCEL;

        } else if (c->status == HD_STATUS_PAUSED) {
            c->state = HD_CAMP_PAUSED;
        }

        c->retry_ms = hd_sched_now() + 1000;
        hd_camp_settled(c);
        return;
    }

#ifndef HD_NO_GUARD_ORPHANS
    if (hd_sched.fresh && !c->whole && c->total > 0) {
        c->state = HD_CAMP_LOST;
        hd_camp_go(c);
        return;
    }
#endif

    if (c->status == HD_STATUS_PAUSED) {
        c->state = HD_CAMP_PAUSED;

    } else if (c->status == HD_STATUS_CANCELLED) {
        c->state = HD_CAMP_CANCEL;

    } else if (c->index == HD_NONE && c->next == 0) {
        c->state = HD_CAMP_CURSOR;

    } else {
        hd_camp_run(c);
        return;
    }

    hd_camp_go(c);
}


static void
hd_camp_run(hd_camp_t *c)
{
    hd_campaign_t  sh;

    ngx_memzero(&sh, sizeof(hd_campaign_t));

    sh.org = c->org;
    sh.batch = c->node.id;
    sh.account = c->account;
    sh.state = HD_CAMPAIGN_RUNNING;
    sh.bucket = hd_bucket(hd_sched.conf.shm, &c->account, c->rate * 1000);
    sh.audience = (uint32_t) c->total;
    sh.next = c->next;
    sh.fence = c->fence;

    if (sh.bucket != HD_NONE) {
        c->index = hd_campaign_put(hd_sched.conf.shm, &sh);
    }

    if (sh.bucket == HD_NONE || c->index == HD_NONE) {
        ngx_log_error(NGX_LOG_WARN, hd_sched.conf.log, 0,
                      "herald: a broadcast waits: at most %d are sent at "
                      "once, of at most %d numbers", HD_CAMPAIGNS,
                      HD_BUCKETS);
        c->retry_ms = hd_sched_now() + 5000;
        hd_camp_settled(c);
        return;
    }

    hd_sched.by_index[c->index] = c;

    c->state = HD_CAMP_RUN;
    c->strays = (c->next != 1);        /* not just frozen */
    c->next = 0;
    c->window = 0;
    c->last_rows = 0;
    c->waiting = 0;
    c->second_ms = hd_sched_now();

    hd_camp_settled(c);
    hd_dirty_mark(hd_sched.conf.shm, &c->org, &c->node.id);
    hd_sched_pump_soon();
}


static void
hd_camp_running(hd_camp_t *c)
{
    /* the pump grants, and sweeps when the cursor has come to the end */
}


static void
hd_camp_paused(hd_camp_t *c)
{
    if (c->index != HD_NONE) {

        if (hd_campaign_read(hd_sched.conf.shm, c->index, &c->sh)
            && c->sh.granted)
        {
            hd_camp_settled(c);
            return;                    /* workers return what they hold */
        }

        hd_camp_free_index(c);
    }

    hd_camp_forget(c);
}
