/*
 * Documents of templates on their way in: from a body, flat or whole, to what
 * is written, with what the linter says of it.
 */

#include "template.h"


#define HD_HEADER_VARIABLES  1         /* Meta takes one, and none below */
#define HD_BODY_VARIABLES    64        /* what the send room keeps */
#define HD_DRAFT_AT          256


typedef struct {
    hd_faults_t  *faults;
    const char   *prefix;
    hd_buf_t      lint;
    ngx_uint_t    n;
} hd_draft_ctx_t;


/* ── what a text may hold ── */

static int
hd_draft_count(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    ngx_uint_t *n = ctx;

    (*n)++;

    return HD_OK;
}


/* how often a variable seems to begin, and how often one does */
static ngx_uint_t
hd_draft_malformed(const hd_str_t *text)
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

    (void) hd_text_names(text, hd_draft_count, &whole);

    return open != whole;
}


/* every "{{" must begin a variable, and all variables be of one kind */
static void
hd_draft_text(hd_req_t *req, hd_str_t text, const char *prefix,
    const char *pointer, ngx_uint_t max, hd_faults_t *faults)
{
    char                 where[HD_DRAFT_AT];
    hd_str_t             at;
    ngx_uint_t           i, numbers;
    ngx_array_t          names;
    hd_template_name_t  *n;

    if (text.len == 0
        || ngx_array_init(&names, req->r->pool, 8, sizeof(hd_template_name_t))
           != NGX_OK
        || hd_template_names(&names, &text) != NGX_OK)
    {
        return;
    }

    at.data = (u_char *) where;
    at.len = snprintf(where, sizeof(where), "%s%s", prefix, pointer);

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

    if (hd_draft_malformed(&text)) {
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


/* a body that was flat is told of its own members */
static void
hd_draft_texts(hd_req_t *req, const hd_json_t *document, const char *prefix,
    hd_faults_t *faults)
{
    ngx_uint_t  flat;

    flat = prefix[0] == '\0' && hd_json_get(req->body, "document") == NULL;

    hd_draft_text(req, hd_json_str(hd_json_get(document, "header"), "text"),
                  prefix, flat ? "/header" : "/document/header/text",
                  HD_HEADER_VARIABLES, faults);
    hd_draft_text(req, hd_json_str(document, "body"), prefix,
                  flat ? "/body" : "/document/body", HD_BODY_VARIABLES,
                  faults);
    hd_draft_text(req, hd_json_str(document, "footer"), prefix,
                  flat ? "/footer" : "/document/footer", 0, faults);
}


/* ── shapes and rules ── */

static void
hd_draft_fault(void *data, hd_lint_level_e level, const char *code,
    const char *pointer, const char *words, const char *fix)
{
    hd_draft_ctx_t *ctx = data;

    char      where[HD_DRAFT_AT];
    hd_str_t  at;

    at.data = (u_char *) where;
    at.len = ngx_min((size_t) snprintf(where, sizeof(where), "%s%s",
                                       ctx->prefix, pointer),
                     sizeof(where) - 1);

    if (ctx->faults->n < HD_FAULTS_MAX) {
        hd_faults_add(ctx->faults, code, &at, "%s", words);
    }
}


static void
hd_draft_found(void *data, hd_lint_level_e level, const char *code,
    const char *pointer, const char *words, const char *fix)
{
    hd_draft_ctx_t *ctx = data;

    hd_buf_t  *b;

    b = &ctx->lint;

    if (ctx->n == HD_FAULTS_MAX) {
        return;
    }

    hd_buf_printf(b, "%s{\"code\":\"%s\",\"level\":\"%s\",\"pointer\":",
                  ctx->n++ ? "," : "", code,
                  level == HD_LINT_ERROR ? "error" : "warning");
    hd_jw_z(b, pointer);
    hd_buf_z(b, ",\"words\":");
    hd_jw_z(b, words);
    hd_buf_z(b, ",\"fix\":");
    hd_jw_z(b, fix);
    hd_buf_char(b, '}');
}


static ngx_int_t
hd_draft_lint(hd_req_t *req, const hd_lint_template_t *t, hd_draft_t *d)
{
    hd_str_t        s;
    ngx_int_t       rc;
    hd_lint_t       l;
    hd_draft_ctx_t  ctx;

    ngx_memzero(&l, sizeof(hd_lint_t));
    ngx_memzero(&ctx, sizeof(hd_draft_ctx_t));

    l.mem = &req->mem;
    l.found = hd_draft_found;
    l.ctx = &ctx;

    hd_buf_init(&ctx.lint);
    hd_buf_char(&ctx.lint, '[');

    rc = hd_lint(&l, t) == HD_OK ? NGX_OK : NGX_ERROR;

    hd_buf_char(&ctx.lint, ']');

    s.data = ctx.lint.data;
    s.len = ctx.lint.len;

    if (ctx.lint.failed || hd_str_dup(&req->mem, &s, &d->lint) != HD_OK) {
        rc = NGX_ERROR;
    }

    d->errors = l.errors;
    d->warnings = l.warnings;

    hd_buf_free(&ctx.lint);

    return rc;
}


ngx_int_t
hd_draft(hd_req_t *req, const hd_lint_template_t *t, const char *prefix,
    hd_draft_t *d, hd_faults_t *faults)
{
    hd_buf_t        b;
    hd_str_t        s;
    ngx_int_t       rc;
    hd_lint_t       l;
    hd_draft_ctx_t  ctx;

    ngx_memzero(&l, sizeof(hd_lint_t));
    ngx_memzero(&ctx, sizeof(hd_draft_ctx_t));

    ctx.faults = faults;
    ctx.prefix = prefix;

    l.mem = &req->mem;
    l.found = hd_draft_fault;
    l.ctx = &ctx;

    hd_document_check(&l, t->document);

    if (l.errors) {
        return NGX_OK;
    }

    if (!d->lenient) {
        hd_draft_texts(req, t->document, prefix, faults);
    }

    d->document = (hd_json_t *) t->document;

    if (hd_document_flat(&req->mem, t->document, &d->flat) != HD_OK
        || hd_draft_lint(req, t, d) != NGX_OK)
    {
        return NGX_ERROR;
    }

    hd_buf_init(&b);
    hd_json_write(&b, t->document);

    s.data = b.data;
    s.len = b.len;

    rc = (b.failed || hd_str_dup(&req->mem, &s, &d->json) != HD_OK)
         ? NGX_ERROR : NGX_OK;

    hd_buf_free(&b);

    return rc;
}


/* ── a body's document ── */

static hd_json_t *
hd_draft_value(hd_req_t *req, const char *key, hd_json_type_e type,
    const hd_str_t *str, hd_json_t *child)
{
    hd_json_t  *v;

    v = hd_calloc(&req->mem, sizeof(hd_json_t));

    if (v) {
        v->type = type;
        v->key.data = (u_char *) key;
        v->key.len = ngx_strlen(key);

        if (str) {
            v->str = *str;
        }

        v->child = child;

        for ( /* void */ ; child; child = child->next) {
            v->count++;
        }
    }

    return v;
}


static ngx_int_t
hd_draft_set(hd_req_t *req, hd_json_t *object, const hd_json_t *member)
{
    hd_json_t  **v, *copy;

    for (v = &object->child; *v; /* void */ ) {
        if ((*v)->key.len == member->key.len
            && ngx_memcmp((*v)->key.data, member->key.data,
                          member->key.len) == 0)
        {
            *v = (*v)->next;
            object->count--;

        } else {
            v = &(*v)->next;
        }
    }

    if (member->type == HD_JSON_NULL) {
        return NGX_OK;
    }

    copy = hd_alloc(&req->mem, sizeof(hd_json_t));
    if (copy == NULL) {
        return NGX_ERROR;
    }

    *copy = *member;
    copy->next = NULL;
    *v = copy;
    object->count++;

    return NGX_OK;
}


/* "header": "text" is {format: text, text}; an empty text is none */
static ngx_int_t
hd_draft_flat(hd_req_t *req, hd_json_t *document, const char *name)
{
    hd_str_t    format;
    hd_json_t  *v, *member, *text;

    v = hd_json_get(req->body, name);

    if (v == NULL) {
        return NGX_OK;
    }

    if (v->type != HD_JSON_STRING || v->str.len == 0) {
        member = hd_draft_value(req, name, HD_JSON_NULL, NULL, NULL);

    } else if (ngx_strcmp(name, "header") == 0) {
        hd_str_set(&format, "text");
        text = hd_draft_value(req, "text", HD_JSON_STRING, &v->str, NULL);
        member = hd_draft_value(req, "format", HD_JSON_STRING, &format, NULL);

        if (text == NULL || member == NULL) {
            return NGX_ERROR;
        }

        member->next = text;
        member = hd_draft_value(req, name, HD_JSON_OBJECT, NULL, member);

    } else {
        member = hd_draft_value(req, name, HD_JSON_STRING, &v->str, NULL);
    }

    return member ? hd_draft_set(req, document, member) : NGX_ERROR;
}


hd_json_t *
hd_draft_document(hd_req_t *req, const hd_json_t *old)
{
    hd_json_t        *document, *given;
    const hd_json_t  *v;

    document = hd_calloc(&req->mem, sizeof(hd_json_t));
    if (document == NULL) {
        return NULL;
    }

    document->type = HD_JSON_OBJECT;

    for (v = old ? old->child : NULL; v; v = v->next) {
        if (hd_draft_set(req, document, v) != NGX_OK) {
            return NULL;
        }
    }

    if (hd_draft_flat(req, document, "header") != NGX_OK
        || hd_draft_flat(req, document, "body") != NGX_OK
        || hd_draft_flat(req, document, "footer") != NGX_OK)
    {
        return NULL;
    }

    given = hd_json_get(req->body, "document");

    for (v = given ? given->child : NULL; v; v = v->next) {
        if (hd_draft_set(req, document, v) != NGX_OK) {
            return NULL;
        }
    }

    return document;
}


/* ── what is written and answered ── */

static void
hd_draft_text_null(hd_pg_unit_t *u, const hd_str_t *s)
{
    if (s->len) {
        hd_pg_text(u, s);

    } else {
        hd_pg_null(u);
    }
}


void
hd_draft_put(hd_pg_unit_t *u, const hd_draft_t *d)
{
    hd_pg_jsonb(u, &d->json);
    hd_draft_text_null(u, &d->flat.header);
    hd_pg_text(u, &d->flat.body);
    hd_draft_text_null(u, &d->flat.footer);
}


void
hd_draft_answer(hd_req_t *req, const hd_draft_t *d)
{
    hd_buf_t  *b;

    b = &req->out;

    if (b->len) {
        b->len--;
    }

    hd_buf_z(b, ",\"lint\":");
    hd_buf_str(b, &d->lint);
    hd_buf_char(b, '}');
}


ngx_int_t
hd_template_row(hd_req_t *req, hd_pg_res_t *res, hd_template_row_t *t)
{
    ngx_uint_t       i;
    hd_str_t         v, *s[5];
    hd_json_error_t  err;

    static const ngx_uint_t  at[] = { 1, 2, 3, 7, 14 };

    if (hd_pg_rows(res) == 0) {
        return NGX_OK;
    }

    ngx_memzero(t, sizeof(hd_template_row_t));

    s[0] = &t->name;
    s[1] = &t->language;
    s[2] = &t->category;
    s[3] = &t->status;
    s[4] = &t->provider_id;

    for (i = 0; i < 5; i++) {
        if (hd_pg_is_null(res, 0, at[i])) {
            continue;
        }

        v = hd_pg_value(res, 0, at[i]);

        if (hd_str_dup(&req->mem, &v, s[i]) != HD_OK) {
            return NGX_ERROR;
        }
    }

    v = hd_pg_value(res, 0, 10);
    t->document = hd_json_parse(&req->mem, v.data, v.len, 32, &err);

    if (t->document == NULL || hd_pg_value_uuid(res, 0, 0, &t->id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    t->version = hd_pg_value_int(res, 0, 11);
    t->submitted = hd_pg_is_null(res, 0, 12) ? 0 : hd_pg_value_int(res, 0, 12);
    t->deleted = !hd_pg_is_null(res, 0, 21);
    t->found = 1;

    if (!hd_pg_is_null(res, 0, 13)) {
        (void) hd_pg_value_uuid(res, 0, 13, &t->account_id);
    }

    return NGX_OK;
}


static void
hd_template_answered(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req == NULL) {
        return;
    }

    if (index == req->found_at) {
        req->found = hd_pg_rows(res);
    }

    if (index == req->answer_index && hd_pg_rows(res)) {
        req->rows = 1;
        hd_answer_row(&req->out, hd_template_columns, res, 0);
        hd_req_etag(req, res);
    }
}


void
hd_template_answer(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id)
{
    ngx_uint_t  at;

    at = u->nstmts;

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, id);

    u->on_result = hd_template_answered;

    hd_req_submit(req, u, at);
}


void
hd_template_tell(hd_req_t *req, const char *type, const hd_uuid_t *id)
{
    u_char    text[36];
    hd_buf_t  b;

    hd_uuid_format(id, text);

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%.*s\"}", 36, text);
    hd_publish(&req->who.org, type, &b);
    hd_buf_free(&b);
}
