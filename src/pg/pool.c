/*
 * pool: the connections of one process and the units given to them.
 *
 * A unit goes at once to the READY connection with the fewest unanswered
 * ones; of equals the first is taken, so that under little load one
 * connection stays warm.  When none is READY the unit is declined, except
 * during a grace: after the start, and while connections are replaced because
 * the schema changed under them, it waits.  pg->waiting is therefore empty
 * whenever a connection is READY or the grace is over (to within a tick).
 *
 * One cancelable timer ticks while anything is pending: it ends the grace and
 * drops a connection whose server has not said a word for HD_PG_SILENCE.
 *
 * A server may hang without a connection being lost (stopped, its disk gone,
 * packets dropped), and people wait for two seconds, not for HD_PG_SILENCE.
 * One silent connection proves nothing, it may be at a long statement; so the
 * idle ones are asked (a Sync alone), and when all are silent for HD_PG_STALL
 * the pool is stalled: units that are not patient are told HD_PG_UNKNOWN, and
 * stay in their places without callbacks until the server answers after all
 * or the connection ends.
 */

#include "private.h"


/*
 * Plans are generic: partitions and row-level security make custom ones
 * dear, and every statement is written for its index.  ISO and UTC are what
 * hd_time_from_pg reads.
 */
#define HD_PG_OPTIONS                                                         \
    "-c timezone=UTC -c datestyle=ISO -c plan_cache_mode=force_generic_plan " \
    "-c statement_timeout=30000 -c jit=off "


static ngx_int_t hd_pg_pool_strings(hd_pg_pool_t *pg);
static hd_pg_conn_t *hd_pg_pool_choose(hd_pg_pool_t *pg);
static void hd_pg_pool_dispatch(hd_pg_pool_t *pg);
static void hd_pg_pool_give_up(hd_pg_pool_t *pg);
static void hd_pg_pool_tick(hd_timer_t *t, void *data);
static void hd_pg_pool_watch(hd_pg_pool_t *pg);
static void hd_pg_pool_probe(hd_pg_conn_t *c);
static void hd_pg_pool_tell(hd_pg_conn_t *c);
static void hd_pg_pool_free(hd_pg_pool_t *pg);


hd_pg_pool_t *
hd_pg_pool_create(const hd_pg_conf_t *conf, ngx_log_t *log)
{
    ngx_uint_t     i;
    hd_pg_pool_t  *pg;

    pg = ngx_calloc(sizeof(hd_pg_pool_t), log);
    if (pg == NULL) {
        return NULL;
    }

    pg->conf = *conf;
    pg->log = log;

    if (pg->conf.size == 0) {
        pg->conf.size = 1;
    }

    ngx_queue_init(&pg->waiting);
    hd_timer_init(&pg->tick, hd_pg_pool_tick, pg, 1, log);
    hd_pg_pool_grace(pg);

    pg->conns = ngx_alloc(pg->conf.size * sizeof(hd_pg_conn_t), log);

    if (pg->conns == NULL || hd_pg_pool_strings(pg) != NGX_OK) {
        hd_pg_pool_free(pg);
        return NULL;
    }

    for (i = 0; i < pg->conf.size; i++) {
        hd_pg_conn_init(&pg->conns[i], pg);
    }

    for (i = 0; i < pg->conf.size; i++) {
        hd_pg_conn_start(&pg->conns[i]);
    }

    return pg;
}


/* conninfo as a C string, and our options before those written in it */

static ngx_int_t
hd_pg_pool_strings(hd_pg_pool_t *pg)
{
    size_t             len;
    u_char            *p;
    const char        *own;
    PQconninfoOption  *all, *o;

    len = pg->conf.conninfo.len;

    pg->conninfo = ngx_alloc(len + 1, pg->log);
    if (pg->conninfo == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(pg->conninfo, pg->conf.conninfo.data, len);
    pg->conninfo[len] = '\0';

    /* an invalid conninfo is complained of when connecting */
    all = PQconninfoParse(pg->conninfo, NULL);
    own = "";

    for (o = all; o && o->keyword; o++) {
        if (o->val && ngx_strcmp(o->keyword, "options") == 0) {
            own = o->val;
        }
    }

    len = sizeof(HD_PG_OPTIONS) + ngx_strlen(own);

    pg->options = ngx_alloc(len, pg->log);

    if (pg->options) {
        p = ngx_cpymem(pg->options, HD_PG_OPTIONS, sizeof(HD_PG_OPTIONS) - 1);
        ngx_cpystrn(p, (u_char *) own, ngx_strlen(own) + 1);
    }

    if (all) {
        PQconninfoFree(all);
    }

    return pg->options ? NGX_OK : NGX_ERROR;
}


void
hd_pg_pool_destroy(hd_pg_pool_t *pg)
{
    ngx_uint_t  i;

    /* the callbacks below may submit, and are declined */
    pg->closing = 1;

    hd_timer_clear(&pg->tick);

    for (i = 0; i < pg->conf.size; i++) {
        hd_pg_conn_close(&pg->conns[i]);
    }

    hd_pg_pool_give_up(pg);
    hd_pg_pool_free(pg);
}


static void
hd_pg_pool_free(hd_pg_pool_t *pg)
{
    hd_pg_waker_t  *waker;

    while (pg->nspare) {
        ngx_destroy_pool(pg->spare[--pg->nspare]);
    }

    while (pg->wakers) {
        waker = pg->wakers;
        pg->wakers = waker->next;
        ngx_free(waker);
    }

    if (pg->conns) {
        ngx_free(pg->conns);
    }

    if (pg->conninfo) {
        ngx_explicit_memzero(pg->conninfo, ngx_strlen(pg->conninfo));
        ngx_free(pg->conninfo);
    }

    if (pg->options) {
        ngx_free(pg->options);
    }

    ngx_free(pg);
}


ngx_uint_t
hd_pg_ready(hd_pg_pool_t *pg)
{
    return pg->stalled ? 0 : pg->nready;
}


ngx_uint_t
hd_pg_pending(hd_pg_pool_t *pg)
{
    return pg->pending;
}


void
hd_pg_on_ready(hd_pg_pool_t *pg, void (*handler)(void *data), void *data)
{
    hd_pg_waker_t  *waker, **last;

    waker = ngx_alloc(sizeof(hd_pg_waker_t), pg->log);
    if (waker == NULL) {
        return;
    }

    waker->handler = handler;
    waker->data = data;
    waker->next = NULL;

    for (last = &pg->wakers; *last; last = &(*last)->next) { /* void */ }

    *last = waker;
}


ngx_int_t
hd_pg_submit(hd_pg_unit_t *u)
{
    ngx_int_t      rc;
    hd_pg_conn_t  *c;
    hd_pg_pool_t  *pg = u->pg;
    hd_pg_work_t  *w = hd_pg_work(u);

    c = NULL;
    rc = NGX_OK;

    if (!hd_pg_unit_complete(w)) {
        rc = NGX_ERROR;

    } else if (pg->closing || pg->stalled) {
        rc = NGX_DECLINED;

    } else if (pg->pending >= pg->conf.backlog) {
        rc = NGX_BUSY;

    } else {
        c = hd_pg_pool_choose(pg);

        if (c == NULL) {
            if ((ngx_msec_int_t) (pg->grace_until - ngx_current_msec) <= 0) {
                rc = NGX_DECLINED;

            } else if (hd_pg_unit_own(w) != NGX_OK) {
                rc = NGX_ERROR;
            }
        }
    }

    if (rc != NGX_OK) {
        hd_pg_unit_free(w);
        return rc;
    }

    pg->pending++;
    hd_hold_take(pg->log);
    u->sent_us = hd_mono_us();

    if (!hd_timer_is_set(&pg->tick)) {
        hd_timer_set(&pg->tick, HD_PG_TICK);
    }

    if (c) {
        hd_pg_pipe_send(c, w);

    } else {
        ngx_queue_insert_tail(&pg->waiting, &w->queue);
    }

    return NGX_OK;
}


/*
 * The one with the fewest units on it; but one that has been silent for a
 * while with something on it is at a long statement, and nothing should queue
 * behind that while another is free.
 */
static hd_pg_conn_t *
hd_pg_pool_choose(hd_pg_pool_t *pg)
{
    ngx_uint_t     i, load, least;
    hd_pg_conn_t  *c, *best;

    best = NULL;
    least = 0;

    if (pg->nready == 0) {
        return NULL;
    }

    for (i = 0; i < pg->conf.size; i++) {
        c = &pg->conns[i];

        if (c->state != HD_PG_READY) {
            continue;
        }

        load = c->nsent;

        if (load && ngx_current_msec - c->heard > HD_PG_SLOW) {
            load += pg->conf.backlog;
        }

        if (best == NULL || load < least) {
            best = c;
            least = load;
        }
    }

    return best;
}


void
hd_pg_pool_grace(hd_pg_pool_t *pg)
{
    pg->grace_until = ngx_current_msec + HD_PG_GRACE;
}


/* a connection has become READY */

void
hd_pg_pool_ready(hd_pg_pool_t *pg)
{
    hd_pg_waker_t  *waker;

    pg->schema = 0;
    hd_pg_pool_heard(pg);

    if (pg->away) {
        pg->away = 0;
        ngx_log_error(NGX_LOG_NOTICE, pg->log, 0, "postgres is back");
    }

    hd_pg_pool_dispatch(pg);

    if (pg->nready != 1) {
        return;
    }

    for (waker = pg->wakers; waker; waker = waker->next) {
        waker->handler(waker->data);
    }
}


static void
hd_pg_pool_dispatch(hd_pg_pool_t *pg)
{
    ngx_queue_t   *q;
    hd_pg_conn_t  *c;

    while (!ngx_queue_empty(&pg->waiting)) {

        /* sending may have lost it */
        c = hd_pg_pool_choose(pg);
        if (c == NULL) {
            return;
        }

        q = ngx_queue_head(&pg->waiting);
        ngx_queue_remove(q);

        hd_pg_pipe_send(c, ngx_queue_data(q, hd_pg_work_t, queue));
    }
}


static void
hd_pg_pool_give_up(hd_pg_pool_t *pg)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&pg->waiting)) {
        q = ngx_queue_head(&pg->waiting);
        ngx_queue_remove(q);

        hd_pg_unit_finish(ngx_queue_data(q, hd_pg_work_t, queue), HD_PG_DOWN);
    }
}


static void
hd_pg_pool_tick(hd_timer_t *t, void *data)
{
    ngx_uint_t     i;
    hd_pg_conn_t  *c;
    hd_pg_pool_t  *pg = data;

    for (i = 0; i < pg->conf.size; i++) {
        c = &pg->conns[i];

        if ((c->state == HD_PG_READY || c->state == HD_PG_RETIRING)
            && c->nsent
            && (ngx_msec_int_t) (ngx_current_msec - c->heard) > HD_PG_SILENCE)
        {
            hd_pg_conn_fail(c, "the server fell silent");
        }
    }

#ifndef HD_NO_GUARD_HURRY
    if (pg->conf.hurry) {
        hd_pg_pool_watch(pg);
    }
#endif

    if ((ngx_msec_int_t) (pg->grace_until - ngx_current_msec) <= 0) {
        hd_pg_pool_give_up(pg);
    }

    if (pg->pending && !hd_timer_is_set(&pg->tick)) {
        hd_timer_set(&pg->tick, HD_PG_TICK);
    }
}


static void
hd_pg_pool_watch(hd_pg_pool_t *pg)
{
    ngx_uint_t       i, loaded, silent;
    hd_pg_conn_t    *c;
    ngx_msec_int_t   ms;

    loaded = 0;
    silent = 0;

    for (i = 0; i < pg->conf.size; i++) {
        c = &pg->conns[i];

        if (c->state != HD_PG_READY || c->nsent == 0) {
            continue;
        }

        ms = (ngx_msec_int_t) (ngx_current_msec - c->heard);

        if (ms < HD_PG_STALL / 4) {
            return;
        }

        loaded++;
        silent += (ms >= HD_PG_STALL);
    }

    if (loaded == 0) {
        return;
    }

    if (silent < pg->nready) {

        for (i = 0; i < pg->conf.size; i++) {
            c = &pg->conns[i];

            if (c->state == HD_PG_READY && c->nsent == 0) {
                hd_pg_pool_probe(c);
            }
        }

        return;
    }

    if (!pg->stalled) {
        pg->stalled = 1;

        ngx_log_error(NGX_LOG_WARN, pg->log, 0,
                      "postgres says nothing on any connection");
    }

    for (i = 0; i < pg->conf.size; i++) {
        hd_pg_pool_tell(&pg->conns[i]);
    }
}


/* a unit of no statement: only its Sync */

static void
hd_pg_pool_probe(hd_pg_conn_t *c)
{
    hd_pg_unit_t  *u;
    hd_pg_pool_t  *pg = c->pg;

    u = hd_pg_unit(pg, NULL, NULL, NULL);
    if (u == NULL) {
        return;
    }

    pg->pending++;
    hd_hold_take(pg->log);

    hd_pg_pipe_send(c, hd_pg_work(u));
}


/* its place in the pipeline stays; whoever waits for it does not */

static void
hd_pg_pool_tell(hd_pg_conn_t *c)
{
    ngx_queue_t    *q;
    hd_pg_unit_t   *u;
    hd_pg_work_t   *w;
    hd_pg_done_pt   done;

    if (c->state != HD_PG_READY && c->state != HD_PG_RETIRING) {
        return;
    }

    /* a callback can submit nothing while the pool is stalled */

    for (q = ngx_queue_head(&c->sent);
         q != ngx_queue_sentinel(&c->sent);
         q = ngx_queue_next(q))
    {
        w = ngx_queue_data(q, hd_pg_work_t, queue);
        u = &w->pub;

        if (u->patient || u->on_done == NULL) {
            continue;
        }

        done = u->on_done;
        u->on_done = NULL;
        u->on_result = NULL;

        done(u, HD_PG_UNKNOWN);
    }
}


void
hd_pg_pool_heard(hd_pg_pool_t *pg)
{
    if (pg->stalled) {
        pg->stalled = 0;

        ngx_log_error(NGX_LOG_NOTICE, pg->log, 0, "postgres answers again");
    }
}
