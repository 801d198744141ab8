/*
 * Leases: one node owns a number at a time, and what it claims carries the
 * fence it was given.
 *
 *            want          row                  used: every 5 s
 *     NONE ────────> ASKED ─────> HELD ──────────────────────────┐
 *      ▲               │           │ ▲                           │
 *      │      no row   ▼   12 s    │ └───────────────────────────┘
 *      └─────────── OTHER          └─ not trusted, asked for again
 *                 (5 s)
 *
 * The time counts from when it was asked for, so that a slow answer never
 * makes a lease longer than PostgreSQL thinks it is.
 *
 * A fence that rises while we hold the lease can only come from a second nginx
 * of this node (a binary upgrade: two masters, two helpers, two zones).  It
 * has bumped the fence because its memory was empty, and the number is its
 * own: this helper never asks for it again.
 */

#include "private.h"


static void hd_lease_take(hd_lease_t *l);
static void hd_lease_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_lease_taken(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


#define hd_lease_held(l, now)                                                 \
    ((l)->fence != 0 && (now) - (l)->taken_ms < HD_LEASE_TRUST)


ngx_int_t
hd_lease_fence(const hd_uuid_t *org, const hd_uuid_t *account,
    int64_t *fence)
{
    uint64_t     now;
    hd_lease_t  *l;

    now = hd_sched_now();
    l = hd_table_find(&hd_sched.leases, account);

    if (l == NULL) {
        l = ngx_calloc(sizeof(hd_lease_t), hd_sched.conf.log);
        if (l == NULL) {
            return NGX_DECLINED;
        }

        l->node.id = *account;
        l->org = *org;

        hd_table_add(&hd_sched.leases, &l->node);
        ngx_queue_insert_tail(&hd_sched.lease_list, &l->queue);
    }

    l->used_ms = now;

    if (l->lost) {
        return NGX_DECLINED;
    }

    if (hd_lease_held(l, now)) {
        *fence = l->fence;
        return NGX_OK;
    }

    if (!l->busy && now >= l->retry_ms) {
        l->other = 0;
        hd_lease_take(l);
    }

    return l->other ? NGX_DECLINED : NGX_AGAIN;
}


static void
hd_lease_take(hd_lease_t *l)
{
    hd_pg_unit_t  *u;

    l->asked_ms = hd_sched_now();
    l->retry_ms = l->asked_ms + 500;

    u = hd_sched_unit(&l->org, hd_lease_row, hd_lease_taken, l);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_LEASE_TAKE);
    hd_pg_uuid(u, &l->node.id);
    hd_pg_uuid(u, &hd_sched.conf.node);
    hd_pg_bool(u, hd_sched.fresh && !l->bumped);

    if (hd_pg_submit(u) == NGX_OK) {
        l->busy = 1;
    }
}


static void
hd_lease_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_lease_t *l = u->data;

    int64_t  fence;

    if (index != 1) {
        return;
    }

    if (hd_pg_rows(res) == 0) {
        l->fence = 0;
        l->other = 1;
        l->retry_ms = hd_sched_now() + HD_LEASE_RENEW;

        ngx_log_error(NGX_LOG_NOTICE, hd_sched.conf.log, 0,
                      "herald: a number is another node's for now");
        return;
    }

    fence = hd_pg_value_int(res, 0, 0);

    if (hd_lease_held(l, hd_sched_now()) && fence != l->fence) {
        l->fence = 0;
        l->lost = 1;

        ngx_log_error(NGX_LOG_WARN, hd_sched.conf.log, 0,
                      "herald: a second nginx of this node has taken over a "
                      "number, this one leaves it alone");
        return;
    }

    l->fence = fence;
    l->taken_ms = l->asked_ms;
    l->bumped = 1;
}


static void
hd_lease_taken(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_lease_t *l = u->data;

    l->busy = 0;

    if (outcome != HD_PG_OK) {
        hd_sched_failed(u, outcome, "taking a lease");

        /* whatever the row said, it was not committed */
        if (l->taken_ms == l->asked_ms) {
            l->fence = 0;
        }

        return;
    }

    if (hd_sched_mine()) {
        hd_camp_all(0);
        hd_sched_pump_soon();
    }
}


void
hd_lease_beat(void)
{
    uint64_t      now;
    hd_lease_t   *l;
    ngx_queue_t  *q;

    now = hd_sched_now();

    for (q = ngx_queue_head(&hd_sched.lease_list);
         q != ngx_queue_sentinel(&hd_sched.lease_list);
         q = ngx_queue_next(q))
    {
        l = ngx_queue_data(q, hd_lease_t, queue);

        if (l->busy || l->lost || l->other
            || now - l->used_ms > HD_LEASE_IDLE
            || now - l->taken_ms < HD_LEASE_RENEW || now < l->retry_ms)
        {
            continue;
        }

        hd_lease_take(l);
    }
}


void
hd_lease_reset(void)
{
    hd_lease_t   *l;
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&hd_sched.lease_list);
         q != ngx_queue_sentinel(&hd_sched.lease_list);
         q = ngx_queue_next(q))
    {
        l = ngx_queue_data(q, hd_lease_t, queue);
        l->fence = 0;
        l->retry_ms = 0;
        l->lost = 0;
    }
}
