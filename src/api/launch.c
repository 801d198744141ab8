/*
 * A broadcast on its way into the ledger: new, changed or launched.
 *
 *   unit 1: the variants' templates, the number
 *   unit 2: the audience: is there anybody, does anybody lack a value; not for
 *           a draft
 *   unit 3: the row and its lines in the agenda; the answer
 *
 * Warnings are what does not keep anybody from launching and is worth a look.
 */

#include "launch.h"


static const hd_conflict_t  hd_launch_conflicts[] = {
    { "broadcasts_org_id_account_id_fkey", 422, "validation_failed",
      "/account_id", "There is no such number of yours: GET /accounts lists "
      "them." },
    { "broadcasts_org_id_template_id_fkey", 422, "validation_failed",
      "/template_id", "There is no such template of yours: GET /templates "
      "lists them." },
    { NULL, 0, NULL, NULL, NULL }
};


static void hd_launch_asked(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_launch_check(hd_req_t *req);
static void hd_launch_audience_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_launch_audience_done(hd_req_t *req);
static void hd_launch_write(hd_req_t *req);
static void hd_launch_written(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_launch_done(hd_req_t *req);


static void
hd_launch_free(void *data)
{
    hd_launch_t *l = data;

    hd_buf_free(&l->needs.groups);
    hd_buf_free(&l->lacks);
    hd_buf_free(&l->warnings);
}


hd_launch_t *
hd_launch_create(hd_req_t *req)
{
    hd_launch_t         *l;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(hd_launch_t));

    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    l = cln->data;
    ngx_memzero(l, sizeof(hd_launch_t));

    hd_buf_init(&l->needs.groups);
    hd_buf_init(&l->lacks);
    hd_buf_init(&l->warnings);
    cln->handler = hd_launch_free;

    if (ngx_array_init(&l->needs.fields, req->r->pool, 4, sizeof(hd_str_t))
        != NGX_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    req->ctx = l;

    return l;
}


void
hd_launch(hd_req_t *req, hd_launch_t *l)
{
    ngx_uint_t     i;
    hd_faults_t    faults;
    hd_pg_unit_t  *u;

    hd_faults_init(&faults);
    hd_launch_shapes(req, l, &faults);

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_ACCOUNT_EXISTS);
    hd_pg_uuid(u, &l->account_id);

    for (i = 0; i < l->nvariants; i++) {
        hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
        hd_pg_uuid(u, &l->variants[i].template_id);
    }

    u->on_result = hd_launch_asked;
    req->done = hd_launch_check;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_launch_asked(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t      v;
    hd_req_t     *req = u->data;
    hd_launch_t  *l;

    if (req == NULL || index == 0) {
        return;
    }

    l = req->ctx;

    if (index == 1) {
        l->account_found = hd_pg_rows(res);

        if (l->account_found) {
            v = hd_pg_value(res, 0, 1);
            (void) hd_str_dup(&req->mem, &v, &l->account_status);
        }

        return;
    }

    (void) hd_template_copy(req, res, &l->variants[index - 2].template);
}


/* templates that are there and of one category: one price, one set of gates */
static void
hd_launch_templates(hd_req_t *req, hd_launch_t *l, hd_faults_t *faults)
{
    hd_str_t       at, *first, *category;
    ngx_uint_t     i;

    first = &l->variants[0].template.category;

    for (i = 0; i < l->nvariants; i++) {

        if (l->named) {
            hd_launch_at(req, &at, "/variants/%d/template_id", (int) i);

        } else {
            hd_str_set(&at, "/template_id");
        }

        if (!l->variants[i].template.found) {
            hd_faults_add(faults, "not_found", &at, "%s",
                          hd_launch_conflicts[1].detail);
            continue;
        }

        category = &l->variants[i].template.category;

        if (l->variants[0].template.found
            && (category->len != first->len
                || ngx_memcmp(category->data, first->data, first->len) != 0))
        {
            hd_faults_add(faults, "other_category", &at, "all variants must "
                          "be of one category: this template is %.*s, the "
                          "first one %.*s", (int) category->len,
                          category->data, (int) first->len, first->data);
        }
    }
}


static void
hd_launch_check(hd_req_t *req)
{
    hd_str_t       at;
    hd_faults_t    faults;
    hd_launch_t   *l = req->ctx;
    hd_pg_unit_t  *u;

    hd_faults_init(&faults);
    hd_launch_templates(req, l, &faults);

    if (!l->account_found) {
        hd_str_set(&at, "/account_id");
        hd_faults_add(&faults, "not_found", &at, "%s",
                      hd_launch_conflicts[0].detail);
    }

    if (!faults.n && hd_launch_sources(req, l, &faults) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    if (ngx_strcmp(l->to, "draft") == 0 || l->cohort) {
        l->somebody = 1;
        hd_launch_write(req);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    u->on_result = hd_launch_audience_row;
    req->done = hd_launch_audience_done;

    hd_launch_ask(req, l, u);
}


static void
hd_launch_audience_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req && index) {
        hd_launch_told(req->ctx, index - 1, res);
    }
}


static void
hd_launch_audience_done(hd_req_t *req)
{
    if (hd_launch_lacks(req, req->ctx) == NGX_OK) {
        hd_launch_write(req);
    }
}


/* ── written ── */

void
hd_launch_warn(hd_launch_t *l, const char *code, const char *detail)
{
    hd_buf_t  *b;

    b = &l->warnings;

    hd_buf_z(b, b->len ? ",{\"code\":" : "{\"code\":");
    hd_jw_z(b, code);
    hd_buf_z(b, ",\"detail\":");
    hd_jw_z(b, detail);
    hd_buf_char(b, '}');
}


void
hd_launch_warnings(hd_launch_t *l)
{
    char        text[160];
    hd_str_t   *s;
    ngx_uint_t  i;

    if (!l->somebody) {
        hd_launch_warn(l, "empty_audience", "Nobody is in this audience now. "
                       "It is counted again when the broadcast begins.");
    }

    if (!hd_str_eq(&l->account_status, "connected")) {
        snprintf(text, sizeof(text), "The number is %.*s: nothing is sent "
                 "before it is connected.",
                 (int) ngx_min(l->account_status.len, 32),
                 l->account_status.data);
        hd_launch_warn(l, "number_not_connected", text);
    }

    for (i = 0; i < l->nvariants; i++) {
        s = &l->variants[i].template.status;

        if (hd_str_eq(s, "paused") || hd_str_eq(s, "disabled")
            || hd_str_eq(s, "rejected"))
        {
            snprintf(text, sizeof(text), "The template \"%.*s\" is %.*s: "
                     "nobody gets it before that changes.",
                     (int) ngx_min(l->variants[i].template.name.len, 80),
                     l->variants[i].template.name.data, (int) s->len,
                     s->data);
            hd_launch_warn(l, "template_not_usable", text);
        }
    }
}


static void
hd_launch_arg_int(hd_launch_t *l, hd_pg_unit_t *u, const char *name)
{
    int64_t  n;

    if (hd_json_int(hd_json_get(l->spec, name), &n) != HD_OK) {
        n = 0;
    }

    hd_pg_int(u, n);
}


/* a member as it was given; `none` when it is absent, NULL: SQL's */
static void
hd_launch_arg_json(hd_launch_t *l, hd_pg_unit_t *u, const char *name,
    const char *none)
{
    hd_buf_t    b;
    hd_str_t    json;
    hd_json_t  *v;

    v = hd_json_get(l->spec, name);

    if (v == NULL && none == NULL) {
        hd_pg_null(u);
        return;
    }

    hd_buf_init(&b);

    if (v) {
        hd_json_write(&b, v);

    } else {
        hd_buf_z(&b, none);
    }

    json.data = b.data;
    json.len = b.len;
    hd_pg_jsonb(u, &json);

    hd_buf_free(&b);
}


static void
hd_launch_arg_variants(hd_launch_t *l, hd_pg_unit_t *u)
{
    u_char         id[36];
    hd_buf_t       b;
    hd_str_t       json;
    ngx_uint_t     i;
    hd_variant_t  *v;

    if (!l->named) {
        hd_pg_null(u);
        return;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '[');

    for (i = 0; i < l->nvariants; i++) {
        v = &l->variants[i];

        hd_uuid_format(&v->template_id, id);
        hd_buf_printf(&b, "%s{\"template_id\":\"%.*s\",\"weight\":%d",
                      i ? "," : "", 36, id, (int) v->weight);

        if (v->variables) {
            hd_buf_z(&b, ",\"variables\":");
            hd_json_write(&b, v->variables);
        }

        hd_buf_char(&b, '}');
    }

    hd_buf_char(&b, ']');

    json.data = b.data;
    json.len = b.len;
    hd_pg_jsonb(u, &json);

    hd_buf_free(&b);
}


/* with what was left out said: an hour, read, a hundred of each variant */
static void
hd_launch_arg_test(hd_launch_t *l, hd_pg_unit_t *u)
{
    int64_t     percent, wait, sample;
    hd_buf_t    b;
    hd_str_t    metric, json;
    hd_json_t  *test;

    test = hd_json_get(l->spec, "test");

    if (test == NULL) {
        hd_pg_null(u);
        return;
    }

    wait = 3600;
    sample = 100;
    percent = 0;

    (void) hd_json_int(hd_json_get(test, "percent"), &percent);
    (void) hd_json_int(hd_json_get(test, "wait_s"), &wait);
    (void) hd_json_int(hd_json_get(test, "min_sample"), &sample);
    metric = hd_json_str(test, "metric");

    if (metric.len == 0) {
        hd_str_set(&metric, "read");
    }

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"percent\":%d,\"wait_s\":%d,\"min_sample\":%d,"
                  "\"metric\":\"%.*s\"}", (int) percent, (int) wait,
                  (int) sample, (int) metric.len, metric.data);

    json.data = b.data;
    json.len = b.len;
    hd_pg_jsonb(u, &json);

    hd_buf_free(&b);
}


static void
hd_launch_write(hd_req_t *req)
{
    char          *clock;
    hd_str_t       name, s;
    hd_launch_t   *l = req->ctx;
    hd_pg_unit_t  *u;

    if (hd_inner_checked(req)) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    name = hd_json_str(l->spec, "name");
    s = hd_json_str(l->spec, "local_time");
    clock = s.len ? hd_cstr(&req->mem, &s) : NULL;

    hd_pg_stmt(u, l->from ? HD_Q_BROADCAST_CHANGE : HD_Q_BROADCAST_INSERT);
    hd_pg_uuid(u, &l->id);
    hd_pg_text(u, &name);
    hd_pg_uuid(u, &l->account_id);
    hd_pg_uuid(u, &l->variants[0].template_id);
    hd_launch_arg_json(l, u, "audience", "{}");
    hd_launch_arg_json(l, u, "variables", "{}");

    if (l->send_at) {
        hd_pg_time(u, l->send_at);

    } else {
        hd_pg_null(u);
    }

    hd_launch_arg_int(l, u, "rate_limit");

    if (l->expires_at) {
        hd_pg_time(u, l->expires_at);

    } else {
        hd_pg_null(u);
    }

    if (clock) {
        hd_pg_z(u, clock);

    } else {
        hd_pg_null(u);
    }

    hd_launch_arg_variants(l, u);
    hd_launch_arg_int(l, u, "holdout");
    hd_launch_arg_test(l, u);
    hd_launch_arg_json(l, u, "ramp", NULL);
    hd_launch_arg_json(l, u, "guard", "{}");
    hd_pg_z(u, l->to);

    if (l->from) {
        hd_pg_z(u, l->from);

    } else {
        hd_pg_uuid(u, &req->who.id);
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_GET);
    hd_pg_uuid(u, &l->id);

    u->on_result = hd_launch_written;
    req->done = hd_launch_done;
    req->conflicts = hd_launch_conflicts;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_launch_written(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t     *req = u->data;
    hd_launch_t  *l;

    if (req == NULL) {
        return;
    }

    l = req->ctx;

    if (index == 1) {
        l->changed = (l->from == NULL || hd_pg_rows(res));
        return;
    }

    if (index != 2 || hd_pg_rows(res) == 0) {
        return;
    }

    hd_launch_warnings(l);

    hd_answer_row(&req->out, hd_broadcast_columns, res, 0);

    if (req->out.len) {
        req->out.len--;
    }

    hd_buf_z(&req->out, ",\"warnings\":[");
    hd_buf_add(&req->out, l->warnings.data, l->warnings.len);
    hd_buf_z(&req->out, "]}");
}


static void
hd_launch_done(hd_req_t *req)
{
    hd_launch_t  *l = req->ctx;

    if (!l->changed) {
        hd_problem(req, 409, "wrong_state", "The broadcast begins, or was "
                   "changed, at this moment. Nothing was changed: read it "
                   "again.");
        return;
    }

    if (ngx_strcmp(l->to, "draft") != 0) {
        hd_broadcast_tell(req, &l->id);
    }

    hd_req_send(req, l->from ? NGX_HTTP_OK : NGX_HTTP_CREATED,
                "application/json");
}
