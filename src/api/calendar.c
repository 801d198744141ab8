/*
 * The calendar: its entries, from rows and from rules.
 */

#include "calendar.h"


const char *const  hd_group_names[] = {
    "scheduled", "pending", "posted", "failed", "cancelled", NULL
};


static void hd_calendar_expand(hd_req_t *req);
static void hd_calendar_sort(hd_req_t *req);


static void
hd_calendar_free(void *data)
{
    hd_calendar_t *c = data;

    hd_pg_array_free(&c->ids);
    hd_pg_array_free(&c->walls);
}


hd_calendar_t *
hd_calendar_ctx(hd_req_t *req)
{
    hd_calendar_t       *c;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(hd_calendar_t));

    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    c = cln->data;
    ngx_memzero(c, sizeof(hd_calendar_t));
    hd_pg_array_init(&c->ids, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&c->walls, HD_PG_TEXT_ARRAY);
    cln->handler = hd_calendar_free;

    if (ngx_array_init(&c->entries, req->r->pool, 64, sizeof(hd_entry_t))
        != NGX_OK
        || ngx_array_init(&c->slots, req->r->pool, 64, sizeof(int64_t))
           != NGX_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    req->ctx = c;

    return c;
}


/* ── rows ── */

/* what people call its state; of what was made its own state counts */
static hd_group_e
hd_calendar_group(const hd_str_t *state, const hd_str_t *made)
{
    if (hd_str_eq(made, "cancelled") || hd_str_eq(state, "cancelled")
        || hd_str_eq(state, "deleted"))
    {
        return HD_GROUP_CANCELLED;
    }

    if (hd_str_eq(made, "scheduled")) {
        return HD_GROUP_SCHEDULED;
    }

    if (hd_str_eq(made, "sending") || hd_str_eq(made, "paused")) {
        return HD_GROUP_PENDING;
    }

    if (hd_str_eq(made, "completed") || hd_str_eq(state, "posted")
        || hd_str_eq(state, "expired"))
    {
        return HD_GROUP_POSTED;
    }

    if (hd_str_eq(state, "failed") || hd_str_eq(state, "missed")) {
        return HD_GROUP_FAILED;
    }

    if (hd_str_eq(state, "scheduled")) {
        return HD_GROUP_SCHEDULED;
    }

    return HD_GROUP_PENDING;
}


static hd_str_t
hd_calendar_str(hd_req_t *req, hd_pg_res_t *res, ngx_uint_t row,
    ngx_uint_t col)
{
    hd_str_t  v, s;

    v = hd_pg_value(res, row, col);

    if (hd_pg_is_null(res, row, col)
        || hd_str_dup(&req->mem, &v, &s) != HD_OK)
    {
        hd_str_set(&s, "");
    }

    return s;
}


static void
hd_calendar_entry(hd_req_t *req, hd_pg_res_t *res, ngx_uint_t i)
{
    int64_t         rate, seconds;
    hd_str_t        made;
    hd_entry_t     *e;
    hd_calendar_t  *c = req->ctx;

    if (c->entries.nelts >= HD_CALENDAR_MOST) {
        c->cut = 1;
        return;
    }

    e = ngx_array_push(&c->entries);
    if (e == NULL) {
        return;
    }

    ngx_memzero(e, sizeof(hd_entry_t));

    e->kind = hd_calendar_str(req, res, i, 0);
    e->schedule_id = hd_calendar_str(req, res, i, 1);
    e->starts_at = hd_calendar_str(req, res, i, 2);
    e->cohort = (ngx_int_t) hd_pg_value_int(res, i, 3);
    e->step = (ngx_int_t) hd_pg_value_int(res, i, 4);
    e->at = hd_pg_value_int(res, i, 5);
    e->state = hd_calendar_str(req, res, i, 6);
    e->reason = hd_calendar_str(req, res, i, 7);
    e->ref_id = hd_calendar_str(req, res, i, 8);
    e->account_id = hd_calendar_str(req, res, i, 9);
    e->title = hd_calendar_str(req, res, i, 10);
    made = hd_calendar_str(req, res, i, 11);
    e->audience = hd_pg_value_int(res, i, 12);
    rate = hd_pg_value_int(res, i, 13);
    e->provider = hd_calendar_str(req, res, i, 14);
    e->channel = hd_calendar_str(req, res, i, 15);
    e->stamp = hd_pg_value_int(res, i, 16);

    e->group = hd_calendar_group(&e->state, &made);

    if (e->group == HD_GROUP_SCHEDULED
        && hd_pg_value(res, i, 17).data[0] == 'f')
    {
        e->group = HD_GROUP_PENDING;   /* its schedule is paused */
    }

    if (made.len) {
        e->state = made;
    }

    /* as long as its number needs for it, a minute at least */
    seconds = e->audience / (rate ? rate : 1000);
    e->end = e->at + ngx_max(seconds, 60) * 1000000;
    e->paced = hd_str_eq(&e->kind, "broadcast")
               || (hd_str_eq(&e->kind, "sequence") && e->step > 0);
}


/* ── rules ── */

static void
hd_calendar_rule(hd_req_t *req, hd_pg_res_t *res, ngx_uint_t i)
{
    u_char            text[HD_WALL_LEN];
    int64_t           start, after, before, w;
    hd_str_t          v;
    hd_uuid_t         id;
    hd_recur_t        rule;
    const char       *why;
    hd_calendar_t    *c = req->ctx;
    hd_recur_iter_t   it;

    v = hd_pg_value(res, i, 1);

    if (hd_pg_value_uuid(res, i, 0, &id) != NGX_OK
        || hd_recur_parse(&rule, &v, &why) != HD_OK)
    {
        return;
    }

    v = hd_pg_value(res, i, 2);

    if (hd_wall_parse(&v, &start) != HD_OK) {
        return;
    }

    v = hd_pg_value(res, i, 3);

    if (hd_wall_parse(&v, &after) != HD_OK) {
        return;
    }

    v = hd_pg_value(res, i, 4);

    if (hd_wall_parse(&v, &before) != HD_OK) {
        return;
    }

    hd_recur_begin(&it, &rule, start, hd_pg_value(res, i, 5).data[0] == 't');
    hd_recur_skip(&it, after);

    v.data = text;
    v.len = HD_WALL_LEN;

    while (hd_recur_next(&it, &w) == HD_OK && w < before) {
        if (c->nwalls >= HD_CALENDAR_MOST) {
            c->cut = 1;
            return;
        }

        hd_wall_format(text, w);
        hd_pg_array_uuid(&c->ids, &id);
        hd_pg_array_text(&c->walls, &v);
        c->nwalls++;
    }
}


static void
hd_calendar_rows(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    int64_t        *at;
    hd_req_t       *req = u->data;
    ngx_uint_t      i;
    hd_calendar_t  *c;

    if (req == NULL || index == 0) {
        return;
    }

    c = req->ctx;

    if (index == 4) {
        c->known = hd_pg_rows(res);
        return;
    }

    for (i = 0; i < hd_pg_rows(res); i++) {

        if (index == 1) {
            hd_calendar_entry(req, res, i);

        } else if (index == 2) {
            hd_calendar_rule(req, res, i);

        } else {
            at = ngx_array_push(&c->slots);

            if (at) {
                *at = hd_pg_value_int(res, i, 0);
            }
        }
    }
}


void
hd_calendar_load(hd_req_t *req, hd_calendar_t *c)
{
    ngx_uint_t     i;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    for (i = 0; i < 2; i++) {
        hd_pg_stmt(u, i ? HD_Q_CALENDAR_RULES : HD_Q_CALENDAR_ROWS);
        hd_pg_time(u, c->from);
        hd_pg_time(u, c->to);

        if (c->one) {
            hd_pg_uuid(u, &c->account);

        } else {
            hd_pg_null(u);
        }

        if (i == 0) {
            hd_pg_int(u, HD_CALENDAR_MOST);
        }
    }

    if (c->n) {
        hd_pg_stmt(u, HD_Q_CALENDAR_SLOTS);
        hd_pg_uuid(u, &c->account);
        hd_pg_time(u, c->from);

        hd_pg_stmt(u, HD_Q_ACCOUNT_EXISTS);
        hd_pg_uuid(u, &c->account);
    }

    u->on_result = hd_calendar_rows;
    req->done = hd_calendar_expand;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_calendar_places(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t    *req = u->data;
    ngx_uint_t   i;

    if (req == NULL || index != 1) {
        return;
    }

    for (i = 0; i < hd_pg_rows(res); i++) {
        hd_calendar_entry(req, res, i);
    }
}


static void
hd_calendar_expand(hd_req_t *req)
{
    hd_pg_unit_t   *u;
    hd_calendar_t  *c = req->ctx;

    if (c->nwalls == 0) {
        hd_calendar_sort(req);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_CALENDAR_PLACES);
    hd_pg_time(u, c->from);
    hd_pg_time(u, c->to);
    hd_pg_array(u, &c->ids);
    hd_pg_array(u, &c->walls);

    u->on_result = hd_calendar_places;
    req->done = hd_calendar_sort;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── all of it ── */

static int ngx_libc_cdecl
hd_calendar_before(const void *one, const void *two)
{
    int                rc;
    const hd_entry_t  *a = one, *b = two;

    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }

    rc = ngx_memcmp(a->schedule_id.data, b->schedule_id.data,
                    ngx_min(a->schedule_id.len, b->schedule_id.len));

    return rc ? rc : ngx_memcmp(a->ref_id.data, b->ref_id.data,
                                ngx_min(a->ref_id.len, b->ref_id.len));
}


/* two that would share their number's rate */
static void
hd_calendar_conflicts(hd_calendar_t *c)
{
    hd_entry_t  *e;
    ngx_uint_t   i, j;

    e = c->entries.elts;

    for (i = 0; i < c->entries.nelts; i++) {
        if (!e[i].paced || e[i].group > HD_GROUP_PENDING) {
            continue;
        }

        for (j = i + 1; j < c->entries.nelts && e[j].at < e[i].end; j++) {
            if (e[j].paced && e[j].group <= HD_GROUP_PENDING
                && e[j].account_id.len == e[i].account_id.len
                && ngx_memcmp(e[j].account_id.data, e[i].account_id.data,
                              e[i].account_id.len) == 0)
            {
                e[i].conflict = 1;
                e[j].conflict = 1;
            }
        }
    }
}


static void
hd_calendar_sort(hd_req_t *req)
{
    hd_calendar_t  *c = req->ctx;

    ngx_qsort(c->entries.elts, c->entries.nelts, sizeof(hd_entry_t),
              hd_calendar_before);
    hd_calendar_conflicts(c);

    c->done(req);
}
