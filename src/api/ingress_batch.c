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
 *                                        │  ▲
 *                     the data is to     │  │ without it
 *                     blame: kept aside  └──┘
 *
 * UNKNOWN may have committed.  503 is right all the same: the provider
 * delivers again, and everything here is written once however often it comes.
 *
 * With a spool a 503 of the above becomes "added to the spool", and with it
 * all that is older and not yet committed, so that the order holds: what is in
 * flight (it stays there as well, and if it is committed, the better), what is
 * to be tried alone, what has gathered.  The same when PostgreSQL has been
 * silent for HD_HOOK_PATIENCE.  What is read from the spool goes before what
 * has gathered, and goes back to its place when it cannot be stored now.
 *
 * A flight holds either live webhooks or replayed ones, and so does `alone`.
 */

#include "spool.h"


/*
 * Units on their way at once.  Measured at 256 connections: with two of them a
 * status costs PostgreSQL 49 µs, with one 35, for the batches are larger.  The
 * order of what is spooled relies on there being one.
 */
#define HD_HOOK_FLIGHTS    1
/* events that wait at most; a status counts 1, a message 8 */
#define HD_HOOK_GATHER     20000
#define HD_HOOK_BATCH      4000
/* with a spool: so long may a webhook wait for PostgreSQL */
#define HD_HOOK_PATIENCE   2000
#define HD_HOOK_LOOK       500


typedef struct {
    ngx_queue_t           gathered;
    ngx_queue_t           replay;        /* from the spool */
    ngx_queue_t           alone;
    ngx_uint_t            cost;          /* of live ones in the above */
    ngx_uint_t            n;             /* requests, also in flight */
    hd_lap_t              lap;
    hd_timer_t            look;
    hd_flight_t           flights[HD_HOOK_FLIGHTS];
} hd_hook_batch_t;


static hd_hook_batch_t  hd_batch;


static void hd_batch_look(hd_timer_t *t, void *data);
static void hd_batch_spool_all(void);
static void hd_batch_unstored(hd_hook_t *h);
static void hd_batch_next(void *data);
static ngx_int_t hd_batch_send(hd_flight_t *f);
static void hd_batch_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


ngx_int_t
hd_hook_batch_init(void)
{
    ngx_uint_t  i;

    ngx_memzero(&hd_batch, sizeof(hd_hook_batch_t));

    ngx_queue_init(&hd_batch.gathered);
    ngx_queue_init(&hd_batch.replay);
    ngx_queue_init(&hd_batch.alone);

    for (i = 0; i < HD_HOOK_FLIGHTS; i++) {
        ngx_queue_init(&hd_batch.flights[i].hooks);
    }

    hd_lap_init(&hd_batch.lap, hd_batch_next, NULL, hd_api.log);
    hd_timer_init(&hd_batch.look, hd_batch_look, NULL, 1, hd_api.log);

    return hd_hook_unit_init();
}


void
hd_hook_batch_exit(void)
{
    ngx_uint_t  i;

    hd_lap_cancel(&hd_batch.lap);
    hd_timer_clear(&hd_batch.look);

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
    ngx_uint_t  full;

    full = hd_batch.cost && hd_batch.cost + h->cost > HD_HOOK_GATHER;

    if (full && !hd_spool_on()) {
        return NGX_BUSY;
    }

    if (full || (hd_spool_pending() && !hd_spool_near())) {
        hd_batch_spool_all();
        return hd_spool_add(h) == NGX_OK ? NGX_OK : NGX_BUSY;
    }

    h->since = ngx_current_msec;

    hd_batch.n++;
    hd_batch.cost += h->cost;
    ngx_queue_insert_tail(&hd_batch.gathered, &h->queue);

    /* after this turn of the loop, so that what comes in it goes together */
    hd_lap_post(&hd_batch.lap);

    if (hd_spool_on() && !hd_timer_is_set(&hd_batch.look)) {
        hd_timer_set(&hd_batch.look, HD_HOOK_LOOK);
    }

    return NGX_OK;
}


void
hd_hook_replay(hd_hook_t *h)
{
    h->replay = 1;
    ngx_queue_insert_tail(&hd_batch.replay, &h->queue);
    hd_lap_post(&hd_batch.lap);
}


void
hd_hook_batch_wake(void)
{
    hd_lap_post(&hd_batch.lap);
}


ngx_uint_t
hd_hook_waiting(void)
{
    return hd_batch.n;
}


static hd_hook_t *
hd_batch_head(ngx_queue_t *queue)
{
    return ngx_queue_empty(queue)
           ? NULL : ngx_queue_data(ngx_queue_head(queue), hd_hook_t, queue);
}


/* where the next flight comes from; NULL: it must not go now */

static ngx_queue_t *
hd_batch_source(void)
{
    hd_hook_t  *h;

    h = hd_batch_head(&hd_batch.alone);

    if (h) {
        return h->replay && hd_replay_paused() ? NULL : &hd_batch.alone;
    }

    if (!ngx_queue_empty(&hd_batch.replay)) {
        return hd_replay_paused() ? NULL : &hd_batch.replay;
    }

    /* what is older than the gathered ones is still on disk */

    return hd_spool_pending() ? NULL : &hd_batch.gathered;
}


/* takes hooks for one unit; 0: there are none */

static ngx_uint_t
hd_batch_fill(hd_flight_t *f)
{
    ngx_uint_t    cost;
    hd_hook_t    *h;
    ngx_queue_t  *from;

    from = hd_batch_source();

    f->n = 0;
    f->nevents = 0;
    f->again = 0;
    cost = 0;

    while (from && (h = hd_batch_head(from)) != NULL) {

        if (f->n && (h->alone || cost + h->cost > HD_HOOK_BATCH)) {
            break;
        }

        ngx_queue_remove(&h->queue);
        ngx_queue_insert_tail(&f->hooks, &h->queue);
        h->flying = 1;

        cost += h->cost;
        hd_batch.cost -= h->replay ? 0 : h->cost;
        f->nevents += h->nevents;
        f->n++;
    }

    return f->n;
}


/*
 * The end of a flight for its hooks.  Those from the spool that were not
 * stored go back to where they came from, and the others are told.
 */
static void
hd_batch_over(ngx_queue_t *hooks, ngx_uint_t status)
{
    hd_hook_t    *h;
    ngx_queue_t  *q, *back;

    h = hd_batch_head(hooks);

    if (status != NGX_HTTP_OK && h && h->replay) {

        back = h->alone ? &hd_batch.alone : &hd_batch.replay;

        while (!ngx_queue_empty(hooks)) {
            q = ngx_queue_last(hooks);
            h = ngx_queue_data(q, hd_hook_t, queue);

            h->flying = 0;
            ngx_queue_remove(q);
            ngx_queue_insert_head(back, q);
        }

        hd_replay_pause();
        hd_batch_spool_all();
        return;
    }

    while (!ngx_queue_empty(hooks)) {
        h = hd_batch_head(hooks);
        ngx_queue_remove(&h->queue);
        h->flying = 0;

        if (h->replay) {
            hd_replay_done(h, NULL);
            continue;
        }

        hd_batch.n--;

        if (status != NGX_HTTP_OK) {
            hd_batch_unstored(h);
            continue;
        }

        if (h->spooling) {
            hd_spool_forget(h);
        }

        hd_hook_finish(h, status);
    }

    if (status != NGX_HTTP_OK && hd_spool_on()) {
        hd_batch_spool_all();
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
                hd_batch_over(&f->hooks, NGX_HTTP_SERVICE_UNAVAILABLE);
            }
        }
    }
}


/* ── the way to the spool ── */

/* one that PostgreSQL did not take, out of all queues */

static void
hd_batch_unstored(hd_hook_t *h)
{
    if (h->spooling) {
        /* hd_hook_spooled will end it */
        return;
    }

    if (h->spooled || hd_spool_add(h) != NGX_OK) {
        hd_hook_finish(h, NGX_HTTP_SERVICE_UNAVAILABLE);
    }
}


void
hd_hook_spooled(hd_hook_t *h, ngx_uint_t status)
{
    if (!h->flying) {
        hd_hook_finish(h, status);

    } else if (status == NGX_HTTP_OK) {
        /* it is freed when the flight ends */
        h->spooled = 1;
        hd_hook_answer(h, status);
    }
}


/* all live ones in the order in which they came */

static void
hd_batch_spool_all(void)
{
    hd_hook_t    *h;
    ngx_uint_t    i;
    ngx_queue_t  *q, *hooks, *from;

    for (i = 0; i < HD_HOOK_FLIGHTS; i++) {
        hooks = &hd_batch.flights[i].hooks;

        for (q = ngx_queue_head(hooks);
             q != ngx_queue_sentinel(hooks);
             q = ngx_queue_next(q))
        {
            h = ngx_queue_data(q, hd_hook_t, queue);

            if (!h->replay && !h->spooling && !h->spooled) {
                (void) hd_spool_add(h);
            }
        }
    }

    for (i = 0; i < 2; i++) {
        from = i ? &hd_batch.gathered : &hd_batch.alone;

        while ((h = hd_batch_head(from)) != NULL && !h->replay) {
            ngx_queue_remove(&h->queue);

            hd_batch.cost -= h->cost;
            hd_batch.n--;
            hd_batch_unstored(h);
        }
    }
}


static ngx_uint_t
hd_batch_is_old(hd_hook_t *h)
{
    return h && !h->replay && !h->spooling && !h->spooled
           && (ngx_msec_int_t) (ngx_current_msec - h->since)
              >= HD_HOOK_PATIENCE;
}


static void
hd_batch_look(hd_timer_t *t, void *data)
{
    ngx_uint_t  i, old;

    old = hd_batch_is_old(hd_batch_head(&hd_batch.gathered));

    for (i = 0; i < HD_HOOK_FLIGHTS; i++) {
        old |= hd_batch_is_old(hd_batch_head(&hd_batch.flights[i].hooks));
    }

    if (old) {
        hd_spool_stall(1);
        hd_batch_spool_all();
    }

    if (hd_batch.n) {
        hd_timer_set(t, HD_HOOK_LOOK);
    }
}


ngx_uint_t
hd_hook_replay_stop(void)
{
    hd_hook_t    *h;
    ngx_uint_t    i;
    ngx_queue_t  *from;

    for (i = 0; i < HD_HOOK_FLIGHTS; i++) {
        h = hd_batch_head(&hd_batch.flights[i].hooks);

        if (h && h->replay) {
            return 0;
        }
    }

    for (i = 0; i < 2; i++) {
        from = i ? &hd_batch.replay : &hd_batch.alone;

        while ((h = hd_batch_head(from)) != NULL && h->replay) {
            ngx_queue_remove(&h->queue);
            hd_hook_free(h);
        }
    }

    return 1;
}


void
hd_hook_batch_quit(void)
{
    /* nothing holds a quitting worker for what only waits its turn */

    if (hd_spool_pending()) {
        hd_batch_spool_all();
        hd_spool_flush();
    }
}


/* ── units ── */

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
        h->flying = 0;

        if (h->spooling || h->spooled) {
            hd_batch.n--;
            hd_batch_unstored(h);
            continue;
        }

        hd_batch.cost += h->replay ? 0 : h->cost;
        ngx_queue_insert_head(&hd_batch.alone, q);
    }
}


/* 1: it goes on, in one way or the other */

static ngx_uint_t
hd_batch_failed(hd_flight_t *f, hd_pg_unit_t *u)
{
    hd_hook_t  *h;
    ngx_int_t   rc;

    if (hd_pg_is_transient(u->sqlstate) && !f->again) {
        f->again = 1;
        return hd_batch_send(f) == NGX_OK;
    }

#ifdef HD_NO_GUARD_ALONE
    return 0;
#endif

    h = ngx_queue_data(ngx_queue_head(&f->hooks), hd_hook_t, queue);

    if (f->n > 1 || !h->alone) {
        ngx_log_error(NGX_LOG_WARN, hd_api.log, 0,
                      "herald: %ui webhooks could not be stored together, "
                      "SQLSTATE %s; each is tried alone", f->n, u->sqlstate);
        hd_batch_split(f);
        return 1;
    }

    rc = hd_hook_leave_out(f, h, u);

    if (rc == NGX_OK) {
        hd_batch_split(f);
        return 1;
    }

    ngx_log_error(NGX_LOG_ERR, hd_api.log, 0,
                  "herald: a webhook could not be stored, SQLSTATE %s%s%s in "
                  "statement %ui", u->sqlstate,
                  u->constraint[0] ? " on " : "", u->constraint, u->failed);

    if (rc == NGX_ABORT && h->replay) {
        /* nothing behind it shall wait for ever */
        ngx_queue_remove(&h->queue);
        hd_replay_done(h, "PostgreSQL refuses it in every form");
        return 1;
    }

    return 0;
}


static void
hd_batch_take(hd_flight_t *f, ngx_queue_t *hooks)
{
    ngx_queue_init(hooks);

    if (!ngx_queue_empty(&f->hooks)) {
        ngx_queue_add(hooks, &f->hooks);
        ngx_queue_init(&f->hooks);
    }
}


static void
hd_batch_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    ngx_uint_t    nevents;
    ngx_queue_t   hooks;
    hd_flight_t  *f = u->data;
    hd_notice_t  *notices;

    if (f == NULL) {
        return;
    }

    f->unit = NULL;

    if (outcome != HD_PG_OK) {

        /* before the next ones, which are younger */

        if (outcome != HD_PG_FAILED || !hd_batch_failed(f, u)) {
            hd_batch_take(f, &hooks);
#ifndef HD_NO_GUARD_COMMIT
            hd_batch_over(&hooks, NGX_HTTP_SERVICE_UNAVAILABLE);
#else
            hd_batch_over(&hooks, NGX_HTTP_OK);
#endif
        }

        hd_batch_next(NULL);
        return;
    }

    hd_spool_stall(0);

    notices = f->notices;
    nevents = f->nevents;

    hd_batch_take(f, &hooks);

    /* PostgreSQL works on the next ones while these are answered */

    hd_batch_next(NULL);

    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_ingress_commits, 1);
    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_ingress_events, nevents);

    hd_hook_unit_publish(notices);

    hd_batch_over(&hooks, NGX_HTTP_OK);
}
