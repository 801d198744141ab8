/*
 * Many webhooks, one commit, and no timer: what gathers while a unit is on its way
 * goes with the next one.
 *
 *   gathered ──(a flight is free)──> in flight ── OK ──────────> 200
 *      ▲                               │  │
 *      │                    transient, │  │ DOWN, UNKNOWN ─────> 503
 *      │                    once again └┘ │
 *      │                                  │ FAILED
 *      │                                  ▼
 *      └ before the gathered ones ──── alone: a unit each ─ FAILED ─> 503
 *
 * A unit is one transaction over several organisations, each part behind its own
 * hd_pg_org.  Parts go in the order of the organisation's id and inbound messages
 * in the order of their sender, so that two workers seldom wait for each other
 * crosswise; when they do, PostgreSQL ends one (40P01) and it is tried again.
 *
 * UNKNOWN may have committed.  503 is right all the same: the provider delivers
 * again, and everything here is written once however often it comes.
 *
 * What the streams are to be told is known with the rows, and said only after the
 * commit.
 */

#include "ingress.h"


/* units on their way at once; measured: more makes the batches smaller */
#define HD_HOOK_FLIGHTS    1
/* events that wait at most; a status counts 1, a message 8 */
#define HD_HOOK_GATHER     20000
#define HD_HOOK_BATCH      4000
/* status arrays that keep their memory between batches */
#define HD_HOOK_ROWS       16
/* what of a text goes into an event of the stream */
#define HD_HOOK_TEXT       2000


/* a single message's status: when it was, by its id */
typedef struct {
    hd_uuid_t             id;
    int64_t               at;
} hd_hook_at_t;

typedef enum {
    HD_STEP_ORG = 0,
    HD_STEP_STATUS,
    HD_STEP_INBOUND,
    HD_STEP_OTHER
} hd_step_e;

/* one statement of a unit */
typedef struct {
    hd_step_e             kind;
    hd_store_account_t   *account;       /* of INBOUND; of STATUS any of its org */
    hd_hook_event_t      *event;         /* INBOUND */
    hd_hook_at_t         *at;            /* STATUS */
    ngx_uint_t            nat;
} hd_step_t;

/* what the streams are told after the commit */
typedef struct hd_notice_s  hd_notice_t;

struct hd_notice_s {
    hd_notice_t          *next;
    hd_uuid_t             org;
    hd_uuid_t             batch;         /* a broadcast's counters moved */
    const char           *type;          /* NULL: only that */
    hd_str_t              data;
};

typedef struct {
    ngx_queue_t           hooks;
    ngx_uint_t            n;
    ngx_uint_t            nevents;
    hd_pg_unit_t         *unit;          /* NULL: free */
    hd_step_t            *steps;         /* unit->nstmts, in its pool */
    ngx_uint_t            nsteps;
    hd_notice_t          *notices;
    hd_notice_t         **last;
    unsigned              again:1;       /* was tried before as it is */
} hd_flight_t;

typedef struct {
    ngx_queue_t           gathered;
    ngx_queue_t           alone;
    ngx_uint_t            cost;          /* of gathered and alone */
    hd_lap_t              lap;
    hd_flight_t           flights[HD_HOOK_FLIGHTS];
    hd_status_rows_t     *rows;          /* one for each org of a unit */
    ngx_uint_t            nrows;
    hd_buf_t              json;
    uint32_t              stripe;
} hd_hook_batch_t;


static hd_hook_batch_t  hd_batch;


static void hd_batch_next(void *data);
static ngx_int_t hd_batch_send(hd_flight_t *f);
static void hd_batch_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
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
    hd_buf_init(&hd_batch.json);

    hd_batch.stripe = (hd_api.slot * 2 + 1) & 0x7fff;

    return NGX_OK;
}


static void
hd_batch_rows_keep(ngx_uint_t n)
{
    while (hd_batch.nrows > n) {
        hd_status_free(&hd_batch.rows[--hd_batch.nrows]);
    }
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

    hd_batch_rows_keep(0);

    if (hd_batch.rows) {
        ngx_free(hd_batch.rows);
        hd_batch.rows = NULL;
    }

    hd_buf_free(&hd_batch.json);
}


ngx_int_t
hd_hook_gather(hd_hook_t *h)
{
    if (hd_batch.cost && hd_batch.cost + h->cost > HD_HOOK_GATHER) {
        return NGX_BUSY;
    }

    hd_batch.cost += h->cost;
    ngx_queue_insert_tail(&hd_batch.gathered, &h->queue);

    /* after this turn of the loop, so that what comes in it goes together */
    hd_lap_post(&hd_batch.lap);

    return NGX_OK;
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


/* ── building a unit ── */

static int
hd_batch_cmp_org(const void *one, const void *two)
{
    hd_hook_t  *a = *(hd_hook_t **) one;
    hd_hook_t  *b = *(hd_hook_t **) two;

    return ngx_memcmp(a->account->row->org.b, b->account->row->org.b, 16);
}


static int
hd_batch_cmp_str(const hd_str_t *a, const hd_str_t *b)
{
    int  rc;

    rc = ngx_memcmp(a->data, b->data, ngx_min(a->len, b->len));

    return rc ? rc : (a->len > b->len) - (a->len < b->len);
}


static int
hd_batch_cmp_inbound(const void *one, const void *two)
{
    int               rc;
    const hd_step_t  *a = one;
    const hd_step_t  *b = two;

    rc = ngx_memcmp(a->account->id.b, b->account->id.b, 16);

    if (rc == 0) {
        rc = hd_batch_cmp_str(&a->event->u.inbound.from,
                              &b->event->u.inbound.from);
    }

    if (rc == 0) {
        rc = hd_batch_cmp_str(&a->event->u.inbound.provider_id,
                              &b->event->u.inbound.provider_id);
    }

    return rc;
}


static int
hd_batch_cmp_at(const void *one, const void *two)
{
    return ngx_memcmp(one, two, sizeof(hd_uuid_t));
}


static hd_status_rows_t *
hd_batch_rows(ngx_uint_t i)
{
    ngx_uint_t         n;
    hd_status_rows_t  *rows;

    if (i < hd_batch.nrows) {
        return &hd_batch.rows[i];
    }

    /* grown by doubling; the arrays inside are moved as they are */

    if ((i & (i - 1)) == 0) {
        n = i ? i * 2 : 1;

        rows = ngx_alloc(n * sizeof(hd_status_rows_t), hd_api.log);
        if (rows == NULL) {
            return NULL;
        }

        if (hd_batch.rows) {
            ngx_memcpy(rows, hd_batch.rows, i * sizeof(hd_status_rows_t));
            ngx_free(hd_batch.rows);
        }

        hd_batch.rows = rows;
    }

    hd_status_init(&hd_batch.rows[i]);
    hd_batch.nrows = i + 1;

    return &hd_batch.rows[i];
}


static hd_step_t *
hd_batch_step(hd_flight_t *f, hd_step_e kind, hd_hook_t *h)
{
    hd_step_t  *s;

    s = &f->steps[f->nsteps++];

    ngx_memzero(s, sizeof(hd_step_t));
    s->kind = kind;
    s->account = h->account->row;

    return s;
}


static void
hd_batch_inbound(hd_pg_unit_t *u, hd_step_t *s)
{
    char                 phones[HD_HOOK_PHONES];
    hd_uuid_t            contact;
    hd_inbound_event_t  *m;

    m = &s->event->u.inbound;

    hd_req_new_id(&s->event->id);
    hd_req_new_id(&contact);
    hd_hook_phones(&m->from, phones);

    hd_pg_stmt(u, HD_Q_INBOUND_APPLY);
    hd_pg_uuid(u, &s->event->id);
    hd_pg_uuid(u, &s->account->id);
    hd_pg_text(u, &m->provider_id);
    hd_pg_z(u, phones);
    hd_pg_text(u, &m->from);
    hd_pg_text(u, &m->user_id);
    hd_pg_uuid(u, &contact);
    hd_pg_text(u, &m->name);
    hd_pg_text(u, &m->type);
    hd_pg_text(u, &m->text);
    hd_pg_jsonb(u, &m->raw);
    hd_pg_time(u, m->at);
    hd_pg_text(u, &m->context_id);
    hd_pg_int(u, hd_batch.stripe);
}


static void
hd_batch_other(hd_pg_unit_t *u, hd_hook_t *h, hd_hook_event_t *e)
{
    hd_req_new_id(&e->id);

    hd_pg_stmt(u, HD_Q_WEBHOOK_EVENT_INSERT);
    hd_pg_uuid(u, &e->id);
    hd_pg_uuid(u, &h->account->row->id);
    hd_pg_text(u, &e->u.other.field);
    hd_pg_jsonb(u, &e->u.other.raw);
    hd_pg_bytea(u, e->u.other.hash, 32);
}


/* statuses of one organisation as one statement */

static ngx_int_t
hd_batch_statuses(hd_flight_t *f, hd_pg_unit_t *u, hd_hook_t **hooks,
    ngx_uint_t n, ngx_uint_t part)
{
    hd_step_t         *s;
    ngx_uint_t         i, single;
    hd_hook_event_t   *e;
    hd_hook_status_t  *st;
    hd_status_rows_t  *rows;

    rows = NULL;
    single = 0;

    for (i = 0; i < n; i++) {
        for (e = hooks[i]->events; e; e = e->next) {

            if (e->kind != HD_HOOK_STATUS) {
                continue;
            }

            if (rows == NULL) {
                rows = hd_batch_rows(part);
                if (rows == NULL) {
                    return NGX_ERROR;
                }
            }

            st = &e->u.status;

            hd_status_add(rows, st->known ? &e->id : NULL, st->seq,
                          &hooks[i]->account->row->id, &st->provider_id,
                          st->status, st->at, st->code);

            single += st->known && st->seq == 0;
        }
    }

    if (rows == NULL) {
        return NGX_OK;
    }

    hd_status_stmt(u, rows, hd_batch.stripe);
    s = hd_batch_step(f, HD_STEP_STATUS, hooks[0]);

    if (single == 0) {
        return NGX_OK;
    }

    s->at = ngx_palloc(u->pool, single * sizeof(hd_hook_at_t));
    if (s->at == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        for (e = hooks[i]->events; e; e = e->next) {

            if (e->kind == HD_HOOK_STATUS && e->u.status.known
                && e->u.status.seq == 0)
            {
                s->at[s->nat].id = e->id;
                s->at[s->nat++].at = e->u.status.at;
            }
        }
    }

    ngx_qsort(s->at, s->nat, sizeof(hd_hook_at_t), hd_batch_cmp_at);

    return NGX_OK;
}


/* everything of one organisation */

static ngx_int_t
hd_batch_part(hd_flight_t *f, hd_pg_unit_t *u, hd_hook_t **hooks,
    ngx_uint_t n, ngx_uint_t part)
{
    hd_step_t        *s;
    ngx_uint_t        i, first;
    hd_hook_event_t  *e;

    hd_pg_org(u, &hooks[0]->account->row->org);
    (void) hd_batch_step(f, HD_STEP_ORG, hooks[0]);

    if (hd_batch_statuses(f, u, hooks, n, part) != NGX_OK) {
        return NGX_ERROR;
    }

    first = f->nsteps;

    for (i = 0; i < n; i++) {
        for (e = hooks[i]->events; e; e = e->next) {
            if (e->kind == HD_HOOK_INBOUND) {
                s = hd_batch_step(f, HD_STEP_INBOUND, hooks[i]);
                s->event = e;
            }
        }
    }

    if (f->nsteps - first > 1) {
        ngx_qsort(&f->steps[first], f->nsteps - first, sizeof(hd_step_t),
                  hd_batch_cmp_inbound);
    }

    for (i = first; i < f->nsteps; i++) {
        hd_batch_inbound(u, &f->steps[i]);
    }

    for (i = 0; i < n; i++) {
        for (e = hooks[i]->events; e; e = e->next) {
            if (e->kind == HD_HOOK_OTHER) {
                hd_batch_other(u, hooks[i], e);
                (void) hd_batch_step(f, HD_STEP_OTHER, hooks[i]);
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
hd_batch_build(hd_flight_t *f, hd_pg_unit_t *u)
{
    hd_hook_t    **hooks;
    ngx_uint_t     i, j, part;
    ngx_queue_t   *q;

    hooks = ngx_palloc(u->pool, f->n * sizeof(hd_hook_t *));

    /* at most an org and its statuses for each hook, and what else it has */
    f->steps = ngx_palloc(u->pool,
                          (2 * f->n + f->nevents) * sizeof(hd_step_t));
    f->nsteps = 0;
    f->notices = NULL;
    f->last = &f->notices;

    if (hooks == NULL || f->steps == NULL) {
        return NGX_ERROR;
    }

    i = 0;

    for (q = ngx_queue_head(&f->hooks);
         q != ngx_queue_sentinel(&f->hooks);
         q = ngx_queue_next(q))
    {
        hooks[i++] = ngx_queue_data(q, hd_hook_t, queue);
    }

    if (f->n > 1) {
        ngx_qsort(hooks, f->n, sizeof(hd_hook_t *), hd_batch_cmp_org);
    }

    part = 0;

    for (i = 0; i < f->n; i = j) {

        for (j = i + 1; j < f->n; j++) {
            if (hd_batch_cmp_org(&hooks[i], &hooks[j]) != 0) {
                break;
            }
        }

        if (hd_batch_part(f, u, hooks + i, j - i, part++) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
hd_batch_send(hd_flight_t *f)
{
    ngx_int_t      rc;
    ngx_uint_t     i;
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_api.pg, hd_batch_result, hd_batch_done, f);
    if (u == NULL) {
        return NGX_ERROR;
    }

    rc = hd_batch_build(f, u);

    if (rc == NGX_OK) {
        rc = hd_pg_submit(u);

    } else {
        hd_pg_discard(u);
    }

    for (i = 0; i < hd_batch.nrows; i++) {
        hd_status_reset(&hd_batch.rows[i]);
    }

    hd_batch_rows_keep(HD_HOOK_ROWS);

    if (rc == NGX_OK) {
        f->unit = u;
    }

    return rc;
}
