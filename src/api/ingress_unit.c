/*
 * From the events of many requests to the statements of one unit.
 *
 * A unit is one transaction over several organisations, each part behind its
 * own hd_pg_org.  Parts go in the order of the organisation's id and inbound
 * messages in the order of their sender, so that two workers seldom wait for
 * each other crosswise; when they do, PostgreSQL ends one (40P01) and it is
 * tried again.
 */

#include "ingress.h"


/* status arrays that keep their memory between units */
#define HD_UNIT_ROWS       16


typedef struct {
    hd_status_rows_t     *rows;          /* one for each org of a unit */
    ngx_uint_t            nrows;
    ngx_uint_t            used;          /* by the unit being built */
    uint32_t              stripe;
} hd_units_t;


static hd_units_t  hd_units;


ngx_int_t
hd_hook_unit_init(void)
{
    ngx_memzero(&hd_units, sizeof(hd_units_t));

    /* odd ones are the ingress's, so that it does not wait for settling */
    hd_units.stripe = (hd_api.slot * 2 + 1) & 0x7fff;

    hd_hook_notices_init();

    return NGX_OK;
}


static void
hd_unit_rows_keep(ngx_uint_t n)
{
    while (hd_units.nrows > n) {
        hd_status_free(&hd_units.rows[--hd_units.nrows]);
    }
}


void
hd_hook_unit_exit(void)
{
    hd_unit_rows_keep(0);

    if (hd_units.rows) {
        ngx_free(hd_units.rows);
        hd_units.rows = NULL;
    }

    hd_hook_notices_exit();
}


uint32_t
hd_hook_stripe(void)
{
    return hd_units.stripe;
}


void
hd_hook_unit_built(void)
{
    ngx_uint_t  i;

    for (i = 0; i < hd_units.used; i++) {
        hd_status_reset(&hd_units.rows[i]);
    }

    hd_units.used = 0;
    hd_unit_rows_keep(HD_UNIT_ROWS);
}


static int
hd_unit_cmp_org(const void *one, const void *two)
{
    hd_hook_t  *a = *(hd_hook_t **) one;
    hd_hook_t  *b = *(hd_hook_t **) two;

    return ngx_memcmp(a->account->row->org.b, b->account->row->org.b, 16);
}


static int
hd_unit_cmp_str(const hd_str_t *a, const hd_str_t *b)
{
    int  rc;

    rc = ngx_memcmp(a->data, b->data, ngx_min(a->len, b->len));

    return rc ? rc : (a->len > b->len) - (a->len < b->len);
}


static int
hd_unit_cmp_inbound(const void *one, const void *two)
{
    int               rc;
    const hd_step_t  *a = one;
    const hd_step_t  *b = two;

    rc = ngx_memcmp(a->account->id.b, b->account->id.b, 16);

    if (rc == 0) {
        rc = hd_unit_cmp_str(&a->event->u.inbound.from,
                              &b->event->u.inbound.from);
    }

    /* one customer's messages stay in the order in which they came */

    return rc ? rc : (a->order > b->order) - (a->order < b->order);
}


int
hd_hook_cmp_at(const void *one, const void *two)
{
    return ngx_memcmp(one, two, sizeof(hd_uuid_t));
}


static hd_status_rows_t *
hd_unit_rows(ngx_uint_t i)
{
    ngx_uint_t         n;
    hd_status_rows_t  *rows;

    if (i < hd_units.nrows) {
        return &hd_units.rows[i];
    }

    /* grown by doubling; the arrays inside are moved as they are */

    if ((i & (i - 1)) == 0) {
        n = i ? i * 2 : 1;

        rows = ngx_alloc(n * sizeof(hd_status_rows_t), hd_api.log);
        if (rows == NULL) {
            return NULL;
        }

        if (hd_units.rows) {
            ngx_memcpy(rows, hd_units.rows, i * sizeof(hd_status_rows_t));
            ngx_free(hd_units.rows);
        }

        hd_units.rows = rows;
    }

    hd_status_init(&hd_units.rows[i]);
    hd_units.nrows = i + 1;

    return &hd_units.rows[i];
}


hd_step_t *
hd_hook_step(hd_flight_t *f, hd_step_e kind, hd_hook_t *h)
{
    hd_step_t  *s;

    s = &f->steps[f->nsteps++];

    ngx_memzero(s, sizeof(hd_step_t));
    s->kind = kind;
    s->order = f->nsteps;
    s->account = h->account->row;
    /* what comes from the spool was counted when it was received */
    s->charges = h->account->charges && !h->replay;

    return s;
}


/* the file's row, what the provider says of it, and the errand's id */
static void
hd_unit_file(hd_pg_unit_t *u, hd_hook_event_t *e)
{
    hd_uuid_t            errand;
    hd_inbound_event_t  *m;

    m = &e->u.inbound;

    if (m->media_ref.len == 0) {
        ngx_memzero(&e->file, sizeof(hd_uuid_t));

        hd_pg_null(u);
        hd_pg_null(u);
        hd_pg_null(u);
        hd_pg_null(u);
        hd_pg_null(u);
        return;
    }

    hd_req_new_id(&e->file);
    hd_req_new_id(&errand);

    hd_pg_uuid(u, &e->file);
    hd_pg_text(u, &m->media_ref);
    hd_pg_text(u, &m->media_mime);
    hd_pg_text(u, &m->media_name);
    hd_pg_uuid(u, &errand);
}


static void
hd_unit_inbound(hd_pg_unit_t *u, hd_step_t *s)
{
    char                 phones[HD_HOOK_PHONES];
    hd_uuid_t            contact;
    hd_inbound_event_t  *m;

    m = &s->event->u.inbound;

    if (m->group.len) {
        /* who wrote it stands in the payload */
        m->from.len = 0;
        m->lid.len = 0;
        m->name = m->group_name.len ? m->group_name : m->group;
    }

    if (m->outbound && m->key.len) {
        hd_hook_echo_stmt(u, s);
        return;
    }

    hd_req_new_id(&s->event->id);
    hd_req_new_id(&contact);
    hd_hook_phones(&m->from, phones);

    hd_pg_stmt(u, m->outbound ? HD_Q_ECHO_APPLY : HD_Q_INBOUND_APPLY);
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

    if (m->outbound) {
        return;
    }

    hd_pg_text(u, &m->context_id);
    hd_pg_int(u, hd_units.stripe);

    hd_unit_file(u, s->event);

    if (m->choice.len) {
        hd_pg_text(u, &m->choice);

    } else {
        hd_pg_null(u);
    }

    hd_pg_text(u, &m->key);
    hd_pg_text(u, &m->lid);
    hd_pg_text(u, &m->group);
}


static void
hd_unit_other(hd_pg_unit_t *u, hd_hook_t *h, hd_hook_event_t *e)
{
    hd_req_new_id(&e->id);

    hd_pg_stmt(u, HD_Q_WEBHOOK_EVENT_INSERT);
    hd_pg_uuid(u, &e->id);
    hd_pg_uuid(u, &h->account->row->id);
    hd_pg_text(u, &e->u.other.field);
    hd_pg_jsonb(u, &e->u.other.raw);
    hd_pg_bytea(u, e->u.other.hash, 32);
}


static void
hd_unit_status(hd_status_rows_t *rows, hd_hold_rows_t *hold,
    hd_hook_event_t *e, const hd_uuid_t *account)
{
    hd_uuid_t             *batch;
    hd_hook_status_t      *st;
    hd_status_class_t      c;
    const hd_error_row_t  *row;

    st = &e->u.status;

#ifdef HD_NO_GUARD_REFERENCE
    st->known = 0;
#endif
    batch = st->known ? &e->id : NULL;

    if (st->status != HD_STATUS_FAILED) {
        hd_status_add(rows, batch, st->seq, account, &st->provider_id,
                      st->status, st->at, st->code);
        return;
    }

    row = hd_error_find(st->code);

    c.reason = hd_class_name(row->class);
    c.detail = st->detail;
    c.retry_ms = row->retry_ms;
    c.retries = row->retries;

    hd_status_add_failed(rows, batch, st->seq, account, &st->provider_id,
                         st->at, st->code, &c);

    hd_hook_hold_add(hold, row, e, account);
}


static void
hd_unit_hold_free(void *data)
{
    hd_hold_free(data);
}


/* when single messages' statuses were, for what the streams are told */

static ngx_int_t
hd_unit_times(hd_step_t *s, hd_pg_unit_t *u, hd_hook_t **hooks,
    ngx_uint_t n, ngx_uint_t single)
{
    ngx_uint_t        i;
    hd_hook_event_t  *e;

    s->at = ngx_palloc(u->pool, single * sizeof(hd_hook_at_t));
    if (s->at == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        for (e = hooks[i]->events; e; e = e->next) {

            if (e->kind == HD_HOOK_STATUS && !e->left
                && e->u.status.known && e->u.status.seq == 0)
            {
                s->at[s->nat].id = e->id;
                s->at[s->nat++].at = e->u.status.at;
            }
        }
    }

    ngx_qsort(s->at, s->nat, sizeof(hd_hook_at_t), hd_hook_cmp_at);

    return NGX_OK;
}


/* statuses of one organisation as one statement, and what they stop */

static ngx_int_t
hd_unit_statuses(hd_flight_t *f, hd_pg_unit_t *u, hd_hook_t **hooks,
    ngx_uint_t n)
{
    hd_step_t           *s;
    ngx_uint_t           i, all, single;
    hd_hold_rows_t      *hold;
    hd_hook_event_t     *e;
    hd_status_rows_t    *rows;
    ngx_pool_cleanup_t  *cln;

    rows = NULL;
    hold = NULL;
    all = 0;
    single = 0;

    for (i = 0; i < n; i++) {
        for (e = hooks[i]->events; e; e = e->next) {

            if (e->kind != HD_HOOK_STATUS || e->left) {
                continue;
            }

            if (rows == NULL) {
                rows = hd_unit_rows(hd_units.used++);
                cln = ngx_pool_cleanup_add(u->pool, sizeof(hd_hold_rows_t));

                if (rows == NULL || cln == NULL) {
                    return NGX_ERROR;
                }

                hold = cln->data;
                hd_hold_init(hold);
                cln->handler = hd_unit_hold_free;
            }

            hd_unit_status(rows, hold, e, &hooks[i]->account->row->id);

            all++;
            single += e->u.status.known && e->u.status.seq == 0;
        }
    }

    if (rows == NULL) {
        return NGX_OK;
    }

    hd_status_stmt(u, rows, hd_units.stripe);

    s = hd_hook_step(f, HD_STEP_STATUS, hooks[0]);
    s->n = all;

    if (single && hd_unit_times(s, u, hooks, n, single) != NGX_OK) {
        return NGX_ERROR;
    }

    if (hold->n) {
        hd_hold_stmt(u, hold);
        (void) hd_hook_step(f, HD_STEP_FACT, hooks[0]);
    }

    return NGX_OK;
}


/* a file that the provider does not find any more is uploaded anew before the
 * message is tried again */

static void
hd_unit_forget(hd_flight_t *f, hd_pg_unit_t *u, hd_hook_t *h)
{
    hd_hook_event_t  *e;

    for (e = h->events; e; e = e->next) {

        if (e->kind != HD_HOOK_STATUS || e->left || !e->u.status.known
            || e->u.status.status != HD_STATUS_FAILED
            || hd_error_find(e->u.status.code)->class != HD_CLASS_MEDIA)
        {
            continue;
        }

        hd_pg_stmt(u, HD_Q_MEDIA_FORGET_OF);
        hd_pg_uuid(u, &e->id);
        hd_pg_uuid(u, &h->account->row->id);

        (void) hd_hook_step(f, HD_STEP_KEEP, h);
    }
}


/* what is kept as it came, and what it means */

static ngx_int_t
hd_unit_others(hd_flight_t *f, hd_pg_unit_t *u, hd_hook_t *h)
{
    ngx_int_t         rc;
    hd_fact_t        *fact;
    hd_step_t        *s;
    hd_hook_event_t  *e;

    for (e = h->events; e; e = e->next) {

        if (e->kind != HD_HOOK_OTHER || e->left) {
            continue;
        }

        hd_unit_other(u, h, e);
        s = hd_hook_step(f, HD_STEP_OTHER, h);
        s->event = e;

        for (fact = e->u.other.facts; fact; fact = fact->next) {

            if (!hd_hook_fact_acts(fact)) {
                continue;
            }

            s = hd_hook_step(f, HD_STEP_FACT, h);
            s->event = e;
            s->fact = fact;

            if (hd_hook_fact_stmt(u, s) != NGX_OK) {
                return NGX_ERROR;
            }

            rc = hd_hook_fact_hold(u, s);

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }

            if (rc == NGX_OK) {
                (void) hd_hook_step(f, HD_STEP_FACT, h);
            }
        }
    }

    return NGX_OK;
}


/* everything of one organisation */

static ngx_int_t
hd_unit_part(hd_flight_t *f, hd_pg_unit_t *u, hd_hook_t **hooks,
    ngx_uint_t n)
{
    hd_step_t        *s;
    ngx_uint_t        i, first;
    hd_hook_event_t  *e;

    hd_pg_org(u, &hooks[0]->account->row->org);
    (void) hd_hook_step(f, HD_STEP_ORG, hooks[0]);

    if (hd_unit_statuses(f, u, hooks, n) != NGX_OK) {
        return NGX_ERROR;
    }

    first = f->nsteps;

    for (i = 0; i < n; i++) {
        for (e = hooks[i]->events; e; e = e->next) {
            if (e->kind == HD_HOOK_INBOUND && !e->left) {
                s = hd_hook_step(f, HD_STEP_INBOUND, hooks[i]);
                s->event = e;
            }
        }
    }

    if (f->nsteps - first > 1) {
        ngx_qsort(&f->steps[first], f->nsteps - first, sizeof(hd_step_t),
                  hd_unit_cmp_inbound);
    }

    for (i = first; i < f->nsteps; i++) {
        hd_unit_inbound(u, &f->steps[i]);
    }

    for (i = 0; i < n; i++) {
        hd_unit_forget(f, u, hooks[i]);

        if (hd_unit_others(f, u, hooks[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        hd_hook_seen_stmt(u, f, hooks[i]);

        if (hooks[i]->keep && hooks[i]->body.len) {
            if (hd_hook_keep(u, hooks[i]) != NGX_OK) {
                return NGX_ERROR;
            }

            (void) hd_hook_step(f, HD_STEP_KEEP, hooks[i]);
        }
    }

    return NGX_OK;
}


static ngx_uint_t
hd_unit_facts(hd_flight_t *f)
{
    ngx_uint_t        n;
    hd_hook_t        *h;
    hd_fact_t        *fact;
    ngx_queue_t      *q;
    hd_hook_event_t  *e;

    n = 0;

    for (q = ngx_queue_head(&f->hooks);
         q != ngx_queue_sentinel(&f->hooks);
         q = ngx_queue_next(q))
    {
        h = ngx_queue_data(q, hd_hook_t, queue);

        for (e = h->events; e; e = e->next) {
            if (e->kind == HD_HOOK_OTHER) {
                /* itself, and what it stops */
                for (fact = e->u.other.facts; fact; fact = fact->next) {
                    n += 2;
                }
            }
        }
    }

    return n;
}


ngx_int_t
hd_hook_unit_build(hd_flight_t *f, hd_pg_unit_t *u)
{
    hd_hook_t    **hooks;
    ngx_uint_t     i, j;
    ngx_queue_t   *q;

    hooks = ngx_palloc(u->pool, f->n * sizeof(hd_hook_t *));

    /* at most an org, its statuses and what these stop for each hook, and
     * what else it has; what is kept has the place of what was left out */
    f->steps = ngx_palloc(u->pool, (4 * f->n + f->nevents + hd_unit_facts(f))
                                   * sizeof(hd_step_t));
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
        ngx_qsort(hooks, f->n, sizeof(hd_hook_t *), hd_unit_cmp_org);
    }

    for (i = 0; i < f->n; i = j) {

        for (j = i + 1; j < f->n; j++) {
            if (hd_unit_cmp_org(&hooks[i], &hooks[j]) != 0) {
                break;
            }
        }

        if (hd_unit_part(f, u, hooks + i, j - i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
