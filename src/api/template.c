/*
 * Templates: what the provider has approved, or will, with {{variables}}.
 */

#include "template.h"


#define HD_TEMPLATE_DELETED  21        /* column of template_get */


const hd_conflict_t  hd_template_conflicts[] = {
    { "templates_name", 409, "template_exists", "/name",
      "There is a template of this name in this language already." },
    { "broadcasts_org_id_template_id_fkey", 409, "template_has_history", NULL,
      "Broadcasts tell of this template: it stays in the bin." },
    { NULL, 0, NULL, NULL, NULL }
};


/* ── shared with broadcasts and messages ── */

static hd_str_t
hd_template_column(hd_req_t *req, hd_pg_res_t *res, ngx_uint_t col,
    ngx_uint_t *failed)
{
    hd_str_t  v, out;

    ngx_memzero(&out, sizeof(hd_str_t));

    if (hd_pg_is_null(res, 0, col)) {
        return out;
    }

    v = hd_pg_value(res, 0, col);

    if (hd_str_dup(&req->mem, &v, &out) != HD_OK) {
        *failed = 1;
    }

    return out;
}


ngx_int_t
hd_template_copy(hd_req_t *req, hd_pg_res_t *res, hd_template_t *t)
{
    ngx_uint_t  failed;

    /* what lies in the bin is not sent */
    if (hd_pg_rows(res) == 0
        || (hd_pg_columns(res) > HD_TEMPLATE_DELETED
            && !hd_pg_is_null(res, 0, HD_TEMPLATE_DELETED)))
    {
        return NGX_OK;
    }

    failed = 0;

    t->name = hd_template_column(req, res, 1, &failed);
    t->language = hd_template_column(req, res, 2, &failed);
    t->category = hd_template_column(req, res, 3, &failed);
    t->header = hd_template_column(req, res, 4, &failed);
    t->body = hd_template_column(req, res, 5, &failed);
    t->footer = hd_template_column(req, res, 6, &failed);
    t->status = hd_template_column(req, res, 7, &failed);

    if (failed) {
        return NGX_ERROR;
    }

    t->found = 1;

    return NGX_OK;
}


ngx_int_t
hd_template_contact(hd_req_t *req, hd_pg_res_t *res, hd_uuid_t *id,
    hd_variables_t *v)
{
    hd_str_t         fields;
    ngx_uint_t       failed;
    hd_json_error_t  err;

    failed = 0;

    v->mem = req->mem;
    v->phone = hd_template_column(req, res, 1, &failed);
    v->name = hd_template_column(req, res, 2, &failed);
    v->first_name = hd_template_column(req, res, 3, &failed);
    v->last_name = hd_template_column(req, res, 4, &failed);
    v->email = hd_template_column(req, res, 5, &failed);
    v->language = hd_template_column(req, res, 6, &failed);

    fields = hd_pg_value(res, 0, 7);
    v->fields = hd_json_parse(&req->mem, fields.data, fields.len, 16, &err);

    if (failed || v->fields == NULL) {
        return NGX_ERROR;
    }

    return hd_pg_value_uuid(res, 0, 0, id);
}


static int
hd_template_name(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    ngx_array_t *names = ctx;

    ngx_uint_t           i;
    hd_template_name_t  *n;

    n = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (n[i].name.len == name->len
            && ngx_memcmp(n[i].name.data, name->data, name->len) == 0)
        {
            if (fallback->data == NULL) {
                n[i].needed = 1;

            } else if (n[i].fallback.data == NULL) {
                n[i].fallback = *fallback;
            }

            return HD_OK;
        }
    }

    n = ngx_array_push(names);
    if (n == NULL) {
        return HD_ERROR;
    }

    n->name = *name;
    n->fallback = *fallback;
    n->needed = fallback->data == NULL;

    return HD_OK;
}


ngx_int_t
hd_template_names(ngx_array_t *names, const hd_str_t *text)
{
    return hd_text_names(text, hd_template_name, names) == HD_OK
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
hd_template_missing(ngx_array_t *names, hd_variables_t *v,
    ngx_array_t *missing)
{
    hd_str_t             value, *m;
    ngx_uint_t           i;
    hd_template_name_t  *n;

    n = names->elts;

    for (i = 0; i < names->nelts; i++) {

        ngx_memzero(&value, sizeof(hd_str_t));

        if (!n[i].needed
            || (hd_variables_lookup(v, &n[i].name, &value) == HD_OK
                && value.len))
        {
            continue;
        }

        m = ngx_array_push(missing);
        if (m == NULL) {
            return NGX_ERROR;
        }

        *m = n[i].name;
    }

    return NGX_OK;
}


/* ── create, list, read ── */

static void
hd_template_created(hd_req_t *req)
{
    hd_uuid_t    id;
    hd_draft_t  *d = req->ctx;

    (void) hd_uuid_parse(&id, req->out.data + sizeof("{\"id\":\"") - 1, 36);

    hd_draft_answer(req, d);
    hd_template_tell(req, "template.updated", &id);
    hd_req_send(req, NGX_HTTP_CREATED, "application/json");
}


/* NGX_OK, or answered */
static ngx_int_t
hd_template_whole(hd_req_t *req)
{
    hd_str_t     at;
    ngx_uint_t   document, body;
    hd_faults_t  faults;

    document = hd_json_get(req->body, "document") != NULL;
    body = hd_json_get(req->body, "body") != NULL;

    if (document && (body || hd_json_get(req->body, "header")
                     || hd_json_get(req->body, "footer")))
    {
        hd_problem_at(req, 422, "validation_failed", "/document",
                      "Give the document, or header, body and footer, not "
                      "both.");
        return NGX_DONE;
    }

    if (!document && !body) {
        hd_faults_init(&faults);
        hd_str_set(&at, "/body");
        hd_faults_add(&faults, "required", &at, "this field is needed, or "
                      "document");
        hd_problem_faults(req, &faults);
        return NGX_DONE;
    }

    return NGX_OK;
}


static hd_draft_t *
hd_template_draft(hd_req_t *req, hd_lint_template_t *t)
{
    hd_draft_t   *d;
    hd_faults_t   faults;

    t->name = hd_body_str(req, "name");
    t->language = hd_body_str(req, "language");
    t->category = hd_body_str(req, "category");
    t->document = hd_draft_document(req, NULL);

    d = ngx_pcalloc(req->r->pool, sizeof(hd_draft_t));
    hd_faults_init(&faults);

    if (d) {
        d->lenient = (req->route->handler == hd_template_lint);
    }

    if (d == NULL || t->document == NULL
        || hd_draft(req, t, "", d, &faults) != NGX_OK)
    {
        hd_buf_free(&faults.buf);
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return NULL;
    }

    return d;
}


void
hd_template_create(hd_req_t *req)
{
    hd_uuid_t            id;
    hd_draft_t          *d;
    hd_pg_unit_t        *u;
    hd_lint_template_t   t;

    if (hd_template_whole(req) != NGX_OK) {
        return;
    }

    d = hd_template_draft(req, &t);
    if (d == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&id);

    hd_pg_stmt(u, HD_Q_TEMPLATE_INSERT);
    hd_pg_uuid(u, &id);
    hd_pg_text(u, &t.name);
    hd_pg_text(u, &t.language);
    hd_pg_text(u, &t.category);
    hd_draft_put(u, d);
    hd_pg_uuid(u, &req->who.id);

    req->ctx = d;
    req->done = hd_template_created;
    req->conflicts = hd_template_conflicts;

    hd_template_answer(req, u, &id);
}


/* the linter alone: nothing is kept */
void
hd_template_lint(hd_req_t *req)
{
    hd_buf_t            *b;
    hd_draft_t          *d;
    hd_lint_template_t   t;

    if (hd_template_whole(req) != NGX_OK) {
        return;
    }

    d = hd_template_draft(req, &t);
    if (d == NULL) {
        return;
    }

    b = &req->out;

    hd_buf_printf(b, "{\"errors\":%d,\"warnings\":%d,\"lint\":",
                  (int) d->errors, (int) d->warnings);
    hd_buf_str(b, &d->lint);
    hd_buf_char(b, '}');

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_template_filter(hd_req_t *req, hd_pg_unit_t *u, const char *name)
{
    hd_str_t  value;

    value = hd_query(req, name);

    if (value.len == 0) {
        value.data = NULL;
    }

    hd_pg_text_null(u, &value);
}


void
hd_template_list(hd_req_t *req)
{
    hd_str_t       deleted;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    deleted = hd_query(req, "deleted");

    hd_pg_stmt(u, HD_Q_TEMPLATE_LIST);
    hd_pg_uuid(u, &req->before);
    hd_pg_int(u, req->limit + 1);
    hd_pg_bool(u, hd_str_eq(&deleted, "true"));
    hd_template_filter(req, u, "status");
    hd_template_filter(req, u, "category");
    hd_template_filter(req, u, "language");
    hd_template_filter(req, u, "name");
    hd_template_filter(req, u, "q");

    hd_req_submit(req, u, 1);
}


void
hd_template_get(hd_req_t *req)
{
    hd_req_get(req, HD_Q_TEMPLATE_GET);
}


void
hd_template_languages(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_LANGUAGES);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 1);
}


/* all languages of the name, its own first */
void
hd_template_results(hd_req_t *req)
{
    hd_str_t       version;
    ngx_int_t      n;
    hd_pg_unit_t  *u;

    version = hd_query(req, "version");
    n = 0;

    if (version.data) {
        n = ngx_atoi(version.data, version.len);

        if (n < 1 || n > NGX_MAX_INT32_VALUE) {
            hd_problem_at(req, 422, "validation_failed", "version",
                          "A version is a number from 1.");
            return;
        }
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_TEMPLATE_RESULTS);
    hd_pg_uuid(u, &req->ids[0]);

    if (n) {
        hd_pg_int(u, n);

    } else {
        hd_pg_null(u);
    }

    hd_template_filter(req, u, "language");

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);
}
