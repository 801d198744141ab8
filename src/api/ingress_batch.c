/*
 * Many webhooks, one commit, and no timer: what gathers while a unit is on its
 * way goes with the next one.
 *
 *   gathered ──(a flight is free)──> in flight ── OK ──────────> 200
 *      ▲                               │  │
 *      │                    transient, │  │ DOWN, UNKNOWN ─────> 503
 *      │                    once again └┘ │
 *      │                                  │ FAILED
 *      │                                  ▼
 *      └ before the gathered ones ──── alone: a unit each ─ FAILED ─> 503
 *
 * UNKNOWN may have committed.  503 is right all the same: the provider
 * delivers again, and everything here is written once however often it comes.
 */

#include "ingress.h"


/*
 * Units on their way at once.  Measured at 256 connections: with two of them a
 * status costs PostgreSQL 49 µs, with one 35, for the batches are larger.
 */
#define HD_HOOK_FLIGHTS    1
/* events that wait at most; a status counts 1, a message 8 */
#define HD_HOOK_GATHER     20000
#define HD_HOOK_BATCH      4000


typedef struct {
    ngx_queue_t           gathered;
    ngx_queue_t           alone;
    ngx_uint_t            cost;          /* of gathered and alone */
    ngx_uint_t            n;             /* requests, also in flight */
    hd_lap_t              lap;
    hd_flight_t           flights[HD_HOOK_FLIGHTS];
} hd_hook_batch_t;


static hd_hook_batch_t  hd_batch;


static void hd_batch_next(void *data);
static ngx_int_t hd_batch_send(hd_flight_t *f);
static void hd_batch_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


ngx_int_t
hd_hook_batch_init(void)
{
    ngx_uint_t  i;

    ngx_memzero(&hd_batch, sizeof(hd_hook_batch_t));

    ngx_queue_init(&hd_batch.gathered);
    ngx_queue_init(&hd_batch.alone);

    for (i = 0; i < HD_HOOK_FLIGHTS; i++) {
        ngx_queue_init(&hd_batch.flights[i].hooks);
    }

    hd_lap_init(&hd_batch.lap, hd_batch_next, NULL, hd_api.log);

    return hd_hook_unit_init();
}


void
hd_hook_batch_exit(void)
{
    ngx_uint_t  i;

    hd_lap_cancel(&hd_batch.lap);

    for (i = 0; i < HD_HOOK_FLIGHTS; i++) {
        if (hd_batch.flights[i].unit) {
            hd_pg_abandon(hd_batch.flights[i].unit);
            hd_batch.flights[i].unit = NULL;
        }
    }

    hd_hook_unit_exit();
}


ngx_int_t
hd_hook_gather(hd_hook_t *h)
{
    if (hd_batch.cost && hd_batch.cost + h->cost > HD_HOOK_GATHER) {
        return NGX_BUSY;
    }

    hd_batch.n++;
    hd_batch.cost += h->cost;
    ngx_queue_insert_tail(&hd_batch.gathered, &h->queue);

    /* after this turn of the loop, so that what comes in it goes together */
    hd_lap_post(&hd_batch.lap);

    return NGX_OK;
}


ngx_uint_t
hd_hook_waiting(void)
{
    return hd_batch.n;
}


/* takes hooks for one unit; 0: there are none */

static ngx_uint_t
hd_batch_fill(hd_flight_t *f)
{
    ngx_uint_t    cost;
    hd_hook_t    *h;
    ngx_queue_t  *q, *from;

    from = ngx_queue_empty(&hd_batch.alone) ? &hd_batch.gathered
                                            : &hd_batch.alone;
    f->n = 0;
    f->nevents = 0;
    f->again = 0;
    cost = 0;

    while (!ngx_queue_empty(from)) {
        q = ngx_queue_head(from);
        h = ngx_queue_data(q, hd_hook_t, queue);

        if (f->n && (h->alone || cost + h->cost > HD_HOOK_BATCH)) {
            break;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&f->hooks, q);

        cost += h->cost;
        hd_batch.cost -= h->cost;
        f->nevents += h->nevents;
        f->n++;
    }

    return f->n;
}


static void
hd_batch_answer(ngx_queue_t *hooks, ngx_uint_t status)
{
    hd_hook_t    *h;
    ngx_queue_t  *q;

    while (!ngx_queue_empty(hooks)) {
        q = ngx_queue_head(hooks);
        ngx_queue_remove(q);

        h = ngx_queue_data(q, hd_hook_t, queue);
        hd_batch.n--;
        hd_hook_finish(h, status);
    }
}


static void
hd_batch_next(void *data)
{
    ngx_uint_t    i;
    hd_flight_t  *f;

    for (i = 0; i < HD_HOOK_FLIGHTS; i++) {
        f = &hd_batch.flights[i];

        while (f->unit == NULL && hd_batch_fill(f)) {

            if (hd_batch_send(f) != NGX_OK) {
                hd_batch_answer(&f->hooks, NGX_HTTP_SERVICE_UNAVAILABLE);
            }
        }
    }
}


static ngx_int_t
hd_batch_send(hd_flight_t *f)
{
    ngx_int_t      rc;
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_api.pg, hd_hook_unit_result, hd_batch_done, f);
    if (u == NULL) {
        return NGX_ERROR;
    }

    rc = hd_hook_unit_build(f, u);

    if (rc == NGX_OK) {
        rc = hd_pg_submit(u);

    } else {
        hd_pg_discard(u);
    }

    hd_hook_unit_built();

    if (rc == NGX_OK) {
        f->unit = u;
    }

    return rc;
}


/* a failed batch: who was to blame is found by trying each alone */

static void
hd_batch_split(hd_flight_t *f)
{
    hd_hook_t    *h;
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&f->hooks)) {
        q = ngx_queue_last(&f->hooks);
        ngx_queue_remove(q);

        h = ngx_queue_data(q, hd_hook_t, queue);
        h->alone = 1;

        hd_batch.cost += h->cost;
        ngx_queue_insert_head(&hd_batch.alone, q);
    }
}


/* 1: it goes on, in one way or the other */

static ngx_uint_t
hd_batch_failed(hd_flight_t *f, hd_pg_unit_t *u)
{
    hd_hook_t  *h;

    if (hd_pg_is_transient(u->sqlstate) && !f->again) {
        f->again = 1;
        return hd_batch_send(f) == NGX_OK;
    }

    h = ngx_queue_data(ngx_queue_head(&f->hooks), hd_hook_t, queue);

    if (f->n > 1 || !h->alone) {
        ngx_log_error(NGX_LOG_WARN, hd_api.log, 0,
                      "herald: %ui webhooks could not be stored together, "
                      "SQLSTATE %s; each is tried alone", f->n, u->sqlstate);
        hd_batch_split(f);
        return 1;
    }

    ngx_log_error(NGX_LOG_ERR, hd_api.log, 0,
                  "herald: a webhook could not be stored, SQLSTATE %s%s%s in "
                  "statement %ui", u->sqlstate,
                  u->constraint[0] ? " on " : "", u->constraint, u->failed);

    return 0;
}


static void
hd_batch_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    ngx_uint_t    status, nevents;
    ngx_queue_t   hooks;
    hd_flight_t  *f = u->data;
    hd_notice_t  *notices;

    if (f == NULL) {
        return;
    }

    f->unit = NULL;
    status = NGX_HTTP_OK;
    notices = f->notices;
    nevents = f->nevents;

    if (outcome != HD_PG_OK) {
        notices = NULL;
#ifndef HD_NO_GUARD_COMMIT
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
#endif

        if (outcome == HD_PG_FAILED && hd_batch_failed(f, u)) {
            hd_batch_next(NULL);
            return;
        }
    }

    ngx_queue_init(&hooks);

    if (!ngx_queue_empty(&f->hooks)) {
        ngx_queue_add(&hooks, &f->hooks);
        ngx_queue_init(&f->hooks);
    }

    /* PostgreSQL works on the next ones while these are answered */

    hd_batch_next(NULL);

    if (outcome == HD_PG_OK) {
        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_ingress_commits, 1);
        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_ingress_events, nevents);

        hd_hook_unit_publish(notices);
    }

    hd_batch_answer(&hooks, status);
}
