/*
 * The forecast of a broadcast before it is launched, or goes on: whom it would
 * reach, what that costs, and when it would be done.  Nothing is written.
 *
 *   unit 1: the broadcast as the API takes it, its number, the number's days
 *   unit 2: the variants' templates
 *   unit 3: the audience, in one statement
 *
 * It looks as the gates of sending do (send/gate.c) and in their order, so
 * that what it counts is what they will say.
 */

#include "forecast.h"


const char *const  hd_forecast_reasons[HD_FORECAST_REASONS] = {
    "no_phone", "suppressed", "opted_out", "frequency_cap",
    "missing_variable", "holdout"
};


static void hd_forecast_templates(hd_req_t *req);
static void hd_forecast_template_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_forecast_ask(hd_req_t *req);
static void hd_forecast_person_rows(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_forecast_done(hd_req_t *req);


/* launch.c finds its own state in req->ctx; ours is kept beside it */
static hd_forecast_t *
hd_forecast_of(hd_req_t *req)
{
    hd_launch_t  *l = req->ctx;

    return l->forecast;
}


static hd_forecast_t *
hd_forecast_create(hd_req_t *req)
{
    ngx_pool_t     *pool;
    hd_launch_t    *l;
    hd_forecast_t  *f;

    l = hd_launch_create(req);
    if (l == NULL) {
        return NULL;
    }

    pool = req->r->pool;
    f = ngx_pcalloc(pool, sizeof(hd_forecast_t));

    if (f == NULL
        || ngx_array_init(&f->days, pool, 4, sizeof(hd_forecast_day_t))
           != NGX_OK
        || ngx_array_init(&f->countries, pool, 16,
                          sizeof(hd_forecast_country_t)) != NGX_OK
        || ngx_array_init(&f->parts, pool, 16, sizeof(hd_forecast_part_t))
           != NGX_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    l->id = req->ids[0];
    l->forecast = f;
    f->l = l;

    return f;
}


/* ── the broadcast and its number ── */

static int64_t
hd_forecast_int(hd_pg_res_t *res, ngx_uint_t row, ngx_uint_t col,
    int64_t none)
{
    return hd_pg_is_null(res, row, col) ? none
                                        : hd_pg_value_int(res, row, col);
}


static void
hd_forecast_copy(hd_req_t *req, hd_pg_res_t *res, ngx_uint_t row,
    ngx_uint_t col, hd_str_t *out)
{
    hd_str_t  v;

    v = hd_pg_value(res, row, col);

    if (hd_pg_is_null(res, row, col)
        || hd_str_dup(&req->mem, &v, out) != HD_OK)
    {
        ngx_memzero(out, sizeof(hd_str_t));
    }
}


static void
hd_forecast_spec(hd_req_t *req, hd_forecast_t *f, hd_pg_res_t *res)
{
    hd_str_t          v;
    hd_json_error_t   err;

    v = hd_pg_value(res, 0, 0);
    (void) ngx_cpystrn(f->status, v.data,
                       ngx_min(v.len + 1, sizeof(f->status)));

    f->frozen = hd_pg_value(res, 0, 1).data[0] == 't';

    v = hd_pg_value(res, 0, 2);
    f->l->spec = hd_json_parse(&req->mem, v.data, v.len, 16, &err);
}


/* forecast_number */
static void
hd_forecast_number(hd_req_t *req, hd_forecast_t *f, hd_pg_res_t *res)
{
    hd_forecast_copy(req, res, 0, 0, &f->l->account_status);

    f->number_rate = hd_pg_value_int(res, 0, 1);
    f->gap_ms = hd_pg_value_int(res, 0, 2);
    f->own_rate = hd_pg_value_int(res, 0, 3);
    f->now = hd_pg_value_int(res, 0, 4);
    f->start = hd_pg_value_int(res, 0, 5);
    f->l->expires_at = hd_forecast_int(res, 0, 6, 0);
    f->ahead = hd_pg_value_int(res, 0, 7) + hd_pg_value_int(res, 0, 8);

    hd_forecast_copy(req, res, 0, 9, &f->portfolio);
    f->portfolio_limit = hd_forecast_int(res, 0, 10, -1);
    f->portfolio_used = hd_pg_value_int(res, 0, 11);

    f->spend_limit = hd_forecast_int(res, 0, 12, -1);
    f->spend_used = hd_pg_value_int(res, 0, 13);
    hd_forecast_copy(req, res, 0, 14, &f->spend_period);

    f->waits = hd_pg_value_int(res, 0, 15);
}


static void
hd_forecast_day(hd_forecast_t *f, hd_pg_res_t *res, ngx_uint_t row)
{
    hd_forecast_day_t  *d;

    d = ngx_array_push(&f->days);

    if (d == NULL) {
        f->failed = 1;
        return;
    }

    d->open = hd_pg_value_int(res, row, 0);
    d->close = hd_pg_value_int(res, row, 1);
    d->left = hd_forecast_int(res, row, 2, -1);
}


static void
hd_forecast_rows(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t       *req = u->data;
    ngx_uint_t      i;
    hd_forecast_t  *f;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    f = hd_forecast_of(req);

    switch (index) {

    case 1:
        req->found = 1;
        hd_forecast_spec(req, f, res);
        break;

    case 2:
        hd_forecast_number(req, f, res);
        break;

    case 3:
        for (i = 0; i < hd_pg_rows(res); i++) {
            hd_forecast_day(f, res, i);
        }
    }
}


void
hd_broadcast_forecast(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    if (hd_forecast_create(req) == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_SPEC);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_FORECAST_NUMBER);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_FORECAST_DAYS);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_forecast_rows;
    req->done = hd_forecast_templates;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── the templates ── */

/* one that has expired has a forecast too: a warning says so */
static void
hd_forecast_without(hd_json_t *spec, const char *name)
{
    hd_json_t  *v, **last;

    v = hd_json_get(spec, name);

    for (last = &spec->child; *last && v; last = &(*last)->next) {
        if (*last == v) {
            *last = v->next;
            spec->count--;
            return;
        }
    }
}


static void
hd_forecast_templates(hd_req_t *req)
{
    char            text[160];
    int64_t         expires;
    ngx_uint_t      i;
    hd_faults_t     faults;
    hd_pg_unit_t   *u;
    hd_forecast_t  *f = hd_forecast_of(req);

    if (ngx_strcmp(f->status, "draft") != 0
        && ngx_strcmp(f->status, "scheduled") != 0
        && ngx_strcmp(f->status, "paused") != 0)
    {
        snprintf(text, sizeof(text), "This broadcast is %s: a forecast is "
                 "made of one that is a draft, scheduled or paused.",
                 f->status);
        hd_problem(req, 409, "wrong_state", text);
        return;
    }

    if (f->l->spec == NULL || f->failed) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    expires = f->l->expires_at;
    hd_forecast_without(f->l->spec, "expires_at");

    hd_faults_init(&faults);
    hd_launch_shapes(req, f->l, &faults);
    f->l->expires_at = expires;

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    for (i = 0; i < f->l->nvariants; i++) {
        hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
        hd_pg_uuid(u, &f->l->variants[i].template_id);
    }

    u->on_result = hd_forecast_template_row;
    req->done = hd_forecast_ask;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_forecast_template_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t       *req = u->data;
    hd_forecast_t  *f;

    if (req && index) {
        f = hd_forecast_of(req);
        (void) hd_template_copy(req, res, &f->l->variants[index - 1].template);
    }
}


/* ── the audience ── */

/* all variants are of one category */
static u_char
hd_forecast_category(hd_forecast_t *f)
{
    hd_str_t  *s;

    s = &f->l->variants[0].template.category;

    return s->len ? s->data[0] : 'm';
}


static void
hd_forecast_ask(hd_req_t *req)
{
    u_char          key[32];
    hd_str_t        tag;
    hd_faults_t     faults;
    hd_pg_unit_t   *u;
    hd_forecast_t  *f = hd_forecast_of(req);

    hd_faults_init(&faults);
    f->category = hd_forecast_category(f);

    if (hd_launch_sources(req, f->l, &faults) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    tag = hd_json_str(hd_json_get(f->l->spec, "audience"), "tag");

    if (tag.len == 0) {
        tag.data = NULL;
    }

    hd_store_suppression_key(hd_api.secret_key, &req->who.org, key);

    hd_pg_stmt(u, HD_Q_FORECAST_PLAN);

    hd_pg_stmt(u, HD_Q_FORECAST_AUDIENCE);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_text_null(u, &tag);
    hd_pg_bool(u, f->frozen);
    hd_pg_uuid(u, &f->l->account_id);
    hd_pg_bytea(u, key, sizeof(key));
    hd_pg_time(u, f->start);
    hd_pg_bool(u, f->category == 'm');
    hd_launch_put_needs(f->l, u);
    hd_pg_bool(u, f->category == 'm' || f->category == 'u');

    u->on_result = hd_forecast_person_rows;
    req->done = hd_forecast_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* rows come in the order of their country */
static hd_forecast_country_t *
hd_forecast_country(hd_req_t *req, hd_forecast_t *f, hd_pg_res_t *res,
    ngx_uint_t row)
{
    hd_str_t                v;
    hd_forecast_country_t  *c;

    v = hd_pg_value(res, row, 1);
    c = f->countries.elts;

    if (hd_pg_is_null(res, row, 1)) {
        v.len = 0;
    }

    if (f->countries.nelts) {
        c += f->countries.nelts - 1;

        if (c->country.len == v.len
            && ngx_memcmp(c->country.data, v.data, v.len) == 0)
        {
            return c;
        }
    }

    c = ngx_array_push(&f->countries);

    if (c) {
        ngx_memzero(c, sizeof(hd_forecast_country_t));

        if (v.len) {
            hd_forecast_copy(req, res, row, 1, &c->country);
        }
    }

    return c;
}


/* people of many countries begin at one time */
static hd_forecast_part_t *
hd_forecast_part(hd_forecast_t *f, int64_t begin)
{
    ngx_uint_t           i;
    hd_forecast_part_t  *p;

    p = f->parts.elts;

    for (i = 0; i < f->parts.nelts; i++) {
        if (p[i].begin == begin) {
            return &p[i];
        }
    }

    p = ngx_array_push(&f->parts);

    if (p) {
        p->begin = begin;
        p->n = 0;
    }

    return p;
}


/* reason, country, window, begin, people, new to the portfolio, asleep */
static void
hd_forecast_person(hd_req_t *req, hd_forecast_t *f, hd_pg_res_t *res,
    ngx_uint_t row)
{
    int64_t                 n;
    hd_str_t                reason;
    ngx_uint_t              i;
    hd_forecast_part_t     *p;
    hd_forecast_country_t  *c;

    n = hd_pg_value_int(res, row, 4);

    if (!hd_pg_is_null(res, row, 0)) {
        reason = hd_pg_value(res, row, 0);

        for (i = 0; i < HD_FORECAST_REASONS; i++) {
            if (reason.len == ngx_strlen(hd_forecast_reasons[i])
                && ngx_memcmp(reason.data, hd_forecast_reasons[i],
                              reason.len) == 0)
            {
                f->excluded[i] += n;
            }
        }

        return;
    }

    c = hd_forecast_country(req, f, res, row);
    p = hd_forecast_part(f, hd_pg_value_int(res, row, 3));

    if (c == NULL || p == NULL) {
        f->failed = 1;
        return;
    }

    f->reachable += n;
    f->needed += hd_pg_value_int(res, row, 5);
    f->asleep += hd_pg_value_int(res, row, 6);

    p->n += n;
    c->count += n;

    if (hd_pg_value(res, row, 2).data[0] == 't') {
        c->in_window += n;
    }
}


static void
hd_forecast_person_rows(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t    *req = u->data;
    ngx_uint_t   i;

    if (req == NULL || index != 2) {
        return;
    }

    for (i = 0; i < hd_pg_rows(res); i++) {
        hd_forecast_person(req, hd_forecast_of(req), res, i);
    }
}


static void
hd_forecast_done(hd_req_t *req)
{
    hd_forecast_t *f = hd_forecast_of(req);

    if (f->failed) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_forecast_answer(req, f);
}
