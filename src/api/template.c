/*
 * Templates: what the provider has approved, or will, with {{variables}}.
 */

#include "template.h"


#define HD_HEADER_VARIABLES  1         /* Meta takes one, and none below */
#define HD_BODY_VARIABLES    64        /* what the send room keeps */


typedef struct {
    hd_template_t    template;
    hd_variables_t   contact;
    ngx_uint_t       contact_found;
    ngx_array_t     *missing;
} hd_preview_t;

static const hd_conflict_t  hd_template_conflicts[] = {
    { "templates_name", 409, "template_exists", "/name",
      "There is a template of this name in this language already." },
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

    if (hd_pg_rows(res) == 0) {
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


/* ── create ── */

static int
hd_template_count(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    ngx_uint_t *n = ctx;

    (*n)++;

    return HD_OK;
}


/* how often a variable seems to begin, and how often one does */
static ngx_uint_t
hd_template_malformed(const hd_str_t *text)
{
    u_char      *p, *last;
    ngx_uint_t   open, whole;

    open = 0;
    whole = 0;
    last = text->data + text->len;

    for (p = text->data; last - p >= 2; p++) {
        if (p[0] == '{' && p[1] == '{') {
            open++;
            p++;
        }
    }

    (void) hd_text_names(text, hd_template_count, &whole);

    return open != whole;
}


/* every "{{" must begin a variable, and all variables be of one kind */
static void
hd_template_check(hd_req_t *req, const char *member, ngx_uint_t max,
    hd_faults_t *faults)
{
    char                 pointer[16];
    hd_str_t             text, at;
    ngx_uint_t           i, numbers;
    ngx_array_t          names;
    hd_template_name_t  *n;

    text = hd_body_str(req, member);

    if (text.len == 0
        || ngx_array_init(&names, req->r->pool, 8, sizeof(hd_template_name_t))
           != NGX_OK
        || hd_template_names(&names, &text) != NGX_OK)
    {
        return;
    }

    at.data = (u_char *) pointer;
    at.len = snprintf(pointer, sizeof(pointer), "/%s", member);

    n = names.elts;
    numbers = 0;

    for (i = 0; i < names.nelts; i++) {
        numbers += ngx_atoi(n[i].name.data, n[i].name.len) != NGX_ERROR;

        if (n[i].fallback.data && n[i].fallback.len == 0) {
            hd_faults_add(faults, "empty_fallback", &at, "WhatsApp takes no "
                          "empty values: write something after the \"|\" of "
                          "{{%.*s|}}, or leave the \"|\" out",
                          (int) n[i].name.len, n[i].name.data);
        }
    }

    if (hd_template_malformed(&text)) {
        hd_faults_add(faults, "malformed_variable", &at, "a variable is "
                      "{{name}} or {{name|fallback}}, its name in lower-case "
                      "letters, digits, dots and underscores");
    }

    if (numbers && numbers != names.nelts) {
        hd_faults_add(faults, "mixed_variables", &at, "use either numbers "
                      "({{1}}) or names ({{first_name}}), not both");
    }

    if (names.nelts > max) {
        hd_faults_add(faults, "too_many_variables", &at,
                      max == 0 ? "WhatsApp takes no variables here"
                      : max == 1 ? "WhatsApp takes one variable here"
                      : "at most 64 variables can be used");
    }
}


static void
hd_template_text_null(hd_req_t *req, hd_pg_unit_t *u, const char *name)
{
    hd_str_t  s;

    s = hd_body_str(req, name);

    if (s.len == 0) {
        s.data = NULL;
    }

    hd_pg_text_null(u, &s);
}


void
hd_template_create(hd_req_t *req)
{
    hd_str_t       name, language, category, body;
    hd_uuid_t      id;
    hd_faults_t    faults;
    hd_pg_unit_t  *u;

    hd_faults_init(&faults);

    hd_template_check(req, "header", HD_HEADER_VARIABLES, &faults);
    hd_template_check(req, "body", HD_BODY_VARIABLES, &faults);
    hd_template_check(req, "footer", 0, &faults);

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&id);

    name = hd_body_str(req, "name");
    language = hd_body_str(req, "language");
    category = hd_body_str(req, "category");
    body = hd_body_str(req, "body");

    hd_pg_stmt(u, HD_Q_TEMPLATE_INSERT);
    hd_pg_uuid(u, &id);
    hd_pg_text(u, &name);
    hd_pg_text(u, &language);
    hd_pg_text(u, &category);
    hd_template_text_null(req, u, "header");
    hd_pg_text(u, &body);
    hd_template_text_null(req, u, "footer");

    req->conflicts = hd_template_conflicts;

    hd_req_submit(req, u, 1);
}


void
hd_template_list(hd_req_t *req)
{
    hd_req_page(req, HD_Q_TEMPLATE_LIST);
}


void
hd_template_get(hd_req_t *req)
{
    hd_req_get(req, HD_Q_TEMPLATE_GET);
}


/* ── preview ── */

/* what has no value is shown as the variable itself */
static int
hd_preview_lookup(void *ctx, const hd_str_t *name, hd_str_t *value)
{
    hd_preview_t *p = ctx;

    u_char      *dst;
    hd_str_t    *m;
    ngx_uint_t   i;

    m = p->missing->elts;

    for (i = 0; i < p->missing->nelts; i++) {

        if (m[i].len != name->len
            || ngx_memcmp(m[i].data, name->data, name->len) != 0)
        {
            continue;
        }

        dst = hd_alloc(&p->contact.mem, name->len + 4);
        if (dst == NULL) {
            return HD_ERROR;
        }

        value->data = dst;
        value->len = name->len + 4;

        dst = ngx_cpymem(dst, "{{", 2);
        dst = ngx_cpymem(dst, name->data, name->len);
        ngx_memcpy(dst, "}}", 2);

        return HD_OK;
    }

    return hd_variables_lookup(&p->contact, name, value);
}


static void
hd_preview_part(hd_buf_t *b, hd_preview_t *p, const char *member,
    const hd_str_t *text)
{
    hd_buf_t  part;
    hd_str_t  value, missing;

    hd_buf_printf(b, "\"%s\":", member);

    if (text->data == NULL) {
        hd_buf_z(b, "null,");
        return;
    }

    hd_buf_init(&part);

    if (hd_text_render(&part, text, hd_preview_lookup, p, &missing) != HD_OK) {
        b->failed = 1;
    }

    value.data = part.data;
    value.len = part.len;

    hd_jw_str(b, &value);
    hd_buf_char(b, ',');

    hd_buf_free(&part);
}


static void
hd_preview_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_uuid_t      id;
    hd_req_t      *req = u->data;
    hd_preview_t  *p;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    p = req->ctx;

    if (index == 1) {
        (void) hd_template_copy(req, res, &p->template);

    } else if (index == 2
               && hd_template_contact(req, res, &id, &p->contact) == NGX_OK)
    {
        p->contact_found = 1;
    }
}


static void
hd_preview_done(hd_req_t *req)
{
    hd_buf_t      *b;
    hd_str_t      *m;
    ngx_uint_t     i;
    ngx_array_t   *names;
    hd_preview_t  *p = req->ctx;

    if (!p->template.found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (!p->contact_found) {
        hd_problem_at(req, 422, "validation_failed", "/contact_id",
                      "There is no such contact of yours.");
        return;
    }

    p->contact.map = hd_json_get(req->body, "variables");

    names = ngx_array_create(req->r->pool, 8, sizeof(hd_template_name_t));
    p->missing = ngx_array_create(req->r->pool, 8, sizeof(hd_str_t));

    if (names == NULL || p->missing == NULL
        || hd_template_names(names, &p->template.header) != NGX_OK
        || hd_template_names(names, &p->template.body) != NGX_OK
        || hd_template_missing(names, &p->contact, p->missing) != NGX_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    b = &req->out;

    hd_buf_char(b, '{');
    hd_preview_part(b, p, "header", &p->template.header);
    hd_preview_part(b, p, "body", &p->template.body);
    hd_preview_part(b, p, "footer", &p->template.footer);
    hd_buf_z(b, "\"missing\":[");

    m = p->missing->elts;

    for (i = 0; i < p->missing->nelts; i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        hd_jw_str(b, &m[i]);
    }

    hd_buf_z(b, "]}");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_template_preview(hd_req_t *req)
{
    hd_uuid_t      contact;
    hd_preview_t  *p;
    hd_pg_unit_t  *u;

    p = ngx_pcalloc(req->r->pool, sizeof(hd_preview_t));
    if (p == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    (void) hd_body_uuid(req, "contact_id", &contact);

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_CONTACT_VARIABLES);
    hd_pg_uuid(u, &contact);

    u->on_result = hd_preview_row;
    req->ctx = p;
    req->done = hd_preview_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
