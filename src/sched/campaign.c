/*
 * A broadcast in the helper, from "it is due" to "nothing of it is open".
 *
 *        open
 *          │      scheduled, later: the wheel has it
 *          ▼   ┌───────────────────────────────────────────> forgotten
 *        READ ─┤ paused                                          ▲
 *        │ ▲ │ ├────────────────────────────> PAUSED ──none out──┤
 *     due│ │ │ │ cancelled, expired              ▲               │
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
 *   within RUN           stages (stage.c), the automatic pause (guard.c)
 *   CANCEL → CLOSE       cancel.c
 *   PAUSED → forgotten   hd_camp_paused
 */

#include "private.h"


static void hd_camp_again(hd_camp_t *c);
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
    hd_share_join(c);

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
    if (c->busy || !hd_sched.fenced || hd_sched_now() < c->retry_ms) {
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

    hd_share_leave(c);
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


hd_pg_unit_t *
hd_camp_unit(hd_camp_t *c, ngx_uint_t stmt, hd_pg_result_pt on_result,
    hd_pg_done_pt on_done)
{
    hd_pg_unit_t  *u;

    u = hd_sched_unit(&c->org, on_result, on_done, c);

    if (u) {
        hd_camp_stmt(c, u, stmt);
    }

    return u;
}


void
hd_camp_stmt(hd_camp_t *c, hd_pg_unit_t *u, ngx_uint_t stmt)
{
    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &c->node.id);
}


ngx_uint_t
hd_camp_submit(hd_camp_t *c, hd_pg_unit_t *u)
{
    if (u && hd_pg_submit(u) == NGX_OK) {
        c->busy = 1;
        return 1;
    }

    hd_camp_later(c);

    return 0;
}


/* the wheel tells when it is too late; the agenda does, should it be full */
static void
hd_camp_expires(hd_camp_t *c)
{
    c->expired = c->expires_ms < 0 && (c->status == HD_STATUS_SENDING
                                       || c->status == HD_STATUS_PAUSED);

    if (c->expires_ms > 0 && c->expires_ms < HD_SCHED_HORIZON * 1000
        && c->status >= HD_STATUS_SCHEDULED
        && c->status <= HD_STATUS_PAUSED)
    {
        (void) hd_sched_wheel(HD_TIMER_EXPIRY, &c->org, &c->node.id,
                              c->expires_ms);
        hd_sched_wheel_arm();
    }
}


void
hd_camp_judge(hd_camp_t *c)
{
    ngx_uint_t  unsure;

    /* rows may stand in "sending" from a life that nobody remembers */
    unsure = hd_sched.fresh && !c->whole && c->total > 0;

    hd_camp_expires(c);

    if (c->status == HD_STATUS_CANCELLED || c->expired) {
        /* too late is for what is queued: what is on its way goes */
        hd_campaign_state(hd_sched.conf.shm, &c->node.id,
                          c->expired ? HD_CAMPAIGN_PAUSED
                                     : HD_CAMPAIGN_CANCELLED);

        if (c->state != HD_CAMP_CANCEL) {
            c->piece = 1;
            c->state = unsure ? HD_CAMP_LEASE : HD_CAMP_CANCEL;
        }

        hd_camp_go(c);
        return;
    }

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

        hd_camp_again(c);
        break;

    case HD_STATUS_PAUSED:
        /* draining is a pause that what is counted goes past */
        if (!hd_campaign_read(hd_sched.conf.shm, c->index, &c->sh)
            || c->sh.state != HD_CAMPAIGN_DRAINING)
        {
            hd_campaign_state(hd_sched.conf.shm, &c->node.id,
                              HD_CAMPAIGN_PAUSED);
        }

        c->state = unsure ? HD_CAMP_LEASE : HD_CAMP_PAUSED;
        break;

    case HD_STATUS_DRAFT:
        hd_camp_free_index(c);
        hd_camp_forget(c);
        return;

    default:
        c->state = HD_CAMP_CLOSE;
    }

    hd_camp_go(c);
    hd_sched_pump_soon();
}


/* read again while it runs: its rates, its stages, its state may be new */
static void
hd_camp_again(hd_camp_t *c)
{
    (void) hd_bucket(hd_sched.conf.shm, &c->account, c->rate * 1000);

    if (!hd_campaign_read(hd_sched.conf.shm, c->index, &c->sh)) {
        return;
    }

    if (c->sh.allowed != c->allowed) {
        c->waiting = 0;
        c->sweep_ms = 0;
        hd_campaign_allow(hd_sched.conf.shm, c->index, c->allowed);
    }

    if (c->sh.rate_milli != c->own_milli) {
        c->sh.rate_milli = c->own_milli;
        c->sh.allowed = c->allowed;
        (void) hd_campaign_put(hd_sched.conf.shm, &c->sh);
    }

    /* a resumption whose pause was never read here */
    if (c->sh.state == HD_CAMPAIGN_PAUSED
        || c->sh.state == HD_CAMPAIGN_DRAINING)
    {
        c->waiting = 0;
        hd_guard_reset(c);
        hd_campaign_state(hd_sched.conf.shm, &c->node.id,
                          HD_CAMPAIGN_RUNNING);
    }
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
        if (c->status == HD_STATUS_CANCELLED || c->expired) {
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

    if (c->status == HD_STATUS_CANCELLED || c->expired) {
        c->state = HD_CAMP_CANCEL;

    } else if (c->status == HD_STATUS_PAUSED) {
        c->state = HD_CAMP_PAUSED;

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
    sh.rate_milli = c->own_milli;
    sh.allowed = c->allowed;

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
    hd_guard_reset(c);

    hd_camp_settled(c);
    hd_dirty_mark(hd_sched.conf.shm, &c->org, &c->node.id);
    hd_sched_pump_soon();
}


/* the pump grants, and sweeps when the cursor has come to the end */
static void
hd_camp_running(hd_camp_t *c)
{
    if (c->guard.trip) {
        hd_guard_look(c);

    } else {
        hd_stage_go(c);
    }
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
