/*
 * A single message, taken for sending.
 *
 *   unit 1: number there? contact (made when only a phone is given), template
 *   then:   rendered here, so that what was answered is what will be sent
 *   unit 2: message, its delivery and its line in the agenda; the answer
 */

#include "template.h"


#define HD_EVENT_TEXT  1200            /* bytes of text in an event */


typedef struct {
    hd_template_t    template;
    hd_variables_t   contact;
    hd_uuid_t        contact_id;
    hd_uuid_t        account_id;
    hd_uuid_t        id;
    ngx_uint_t       account_found;
    ngx_uint_t       contact_found;
    hd_str_t         text;
    hd_buf_t         event;
} hd_message_ctx_t;


static void hd_message_insert(hd_req_t *req, const char *type,
    const hd_str_t *payload);


static void
hd_message_free(void *data)
{
    hd_message_ctx_t *ctx = data;

    hd_buf_free(&ctx->event);
}


/* {"id": …, "variables": {…}} */
static void
hd_message_check_template(hd_req_t *req, hd_json_t *t, hd_faults_t *faults)
{
    hd_str_t    at;
    hd_uuid_t   id;
    hd_json_t  *v, *e;

    hd_str_set(&at, "/template");

    for (v = t->child; v; v = v->next) {
        if (!hd_str_eq(&v->key, "id") && !hd_str_eq(&v->key, "variables")) {
            hd_faults_add(faults, "unknown_field", &at, "a template takes "
                          "\"id\" and \"variables\"");
            return;
        }
    }

    v = hd_json_get(t, "id");

    if (v == NULL || v->type != HD_JSON_STRING
        || hd_uuid_parse(&id, v->str.data, v->str.len) != HD_OK)
    {
        hd_str_set(&at, "/template/id");
        hd_faults_add(faults, "invalid", &at, "expected the template's UUID");
    }

    v = hd_json_get(t, "variables");

    if (v == NULL) {
        return;
    }

    hd_str_set(&at, "/template/variables");

    if (v->type != HD_JSON_OBJECT || v->count > 100) {
        hd_faults_add(faults, "invalid", &at, "expected an object of up to "
                      "100 strings");
        return;
    }

    for (e = v->child; e; e = e->next) {
        if (e->type != HD_JSON_STRING || hd_utf8_length(&e->str) > 1024) {
            hd_faults_add(faults, "invalid", &at, "expected strings of up to "
                          "1024 characters");
            return;
        }
    }
}


static ngx_int_t
hd_message_check(hd_req_t *req)
{
    hd_str_t     at;
    hd_json_t   *contact, *to, *text, *t;
    hd_faults_t  faults;

    contact = hd_json_get(req->body, "contact_id");
    to = hd_json_get(req->body, "to");
    text = hd_json_get(req->body, "text");
    t = hd_json_get(req->body, "template");

    hd_faults_init(&faults);

    if ((contact == NULL) == (to == NULL)) {
        hd_str_set(&at, "/contact_id");
        hd_faults_add(&faults, "invalid", &at, "give either contact_id or "
                      "to, the phone");
    }

    if ((text == NULL) == (t == NULL)) {
        hd_str_set(&at, "/text");
        hd_faults_add(&faults, "invalid", &at, "give either text or "
                      "template");
    }

    if (t) {
        hd_message_check_template(req, t, &faults);
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return NGX_DONE;
    }

    return NGX_OK;
}


static void
hd_message_asked(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t          *req = u->data;
    hd_message_ctx_t  *ctx;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;

    switch (index) {

    case 1:
        ctx->account_found = 1;
        break;

    case 2:
        ctx->contact_found =
            hd_template_contact(req, res, &ctx->contact_id, &ctx->contact)
            == NGX_OK;
        break;

    case 3:
        (void) hd_template_copy(req, res, &ctx->template);
        break;

    default:
        break;
    }
}


/* positional parameters go in the order of their numbers */
static int ngx_libc_cdecl
hd_message_by_number(const void *one, const void *two)
{
    const hd_template_name_t *a = one, *b = two;

    return (int) ngx_atoi(a->name.data, a->name.len)
           - (int) ngx_atoi(b->name.data, b->name.len);
}


/* "params":[…],"names":[…] of one part; names only when they are no numbers */
static ngx_int_t
hd_message_params(hd_req_t *req, hd_buf_t *b, const hd_str_t *text,
    const char *values, const char *keys)
{
    hd_str_t             value;
    ngx_uint_t           i;
    ngx_array_t         *names;
    hd_message_ctx_t    *ctx = req->ctx;
    hd_template_name_t  *n;

    names = ngx_array_create(req->r->pool, 8, sizeof(hd_template_name_t));

    if (names == NULL || hd_template_names(names, text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (names->nelts == 0) {
        return NGX_OK;
    }

    n = names->elts;

    if (ngx_atoi(n[0].name.data, n[0].name.len) == NGX_ERROR) {
        hd_buf_printf(b, ",\"%s\":[", keys);

        for (i = 0; i < names->nelts; i++) {
            if (i) {
                hd_buf_char(b, ',');
            }

            hd_jw_str(b, &n[i].name);
        }

        hd_buf_char(b, ']');

    } else {
        ngx_qsort(n, names->nelts, sizeof(hd_template_name_t),
                  hd_message_by_number);
    }

    hd_buf_printf(b, ",\"%s\":[", values);

    for (i = 0; i < names->nelts; i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        ngx_memzero(&value, sizeof(hd_str_t));

        if (hd_variables_lookup(&ctx->contact, &n[i].name, &value) != HD_OK
            || value.len == 0)
        {
            value = n[i].fallback;
        }

        hd_jw_str(b, &value);
    }

    hd_buf_char(b, ']');

    return NGX_OK;
}


/* the rendered body is what people read; the payload is what is sent */
static void
hd_message_render(hd_req_t *req)
{
    hd_buf_t           body, payload;
    hd_str_t           missing, text;
    ngx_uint_t         failed;
    hd_message_ctx_t  *ctx = req->ctx;

    hd_buf_init(&body);
    hd_buf_init(&payload);

    failed = hd_text_render(&body, &ctx->template.body, hd_variables_lookup,
                            &ctx->contact, &missing) != HD_OK;

    hd_buf_z(&payload, "{\"template\":{\"name\":");
    hd_jw_str(&payload, &ctx->template.name);
    hd_buf_z(&payload, ",\"language\":");
    hd_jw_str(&payload, &ctx->template.language);

    if (hd_message_params(req, &payload, &ctx->template.header, "header",
                          "header_names") != NGX_OK
        || hd_message_params(req, &payload, &ctx->template.body, "params",
                             "names") != NGX_OK)
    {
        failed = 1;
    }

    hd_buf_z(&payload, "}}");

    text.data = body.data;
    text.len = body.len;

    if (failed || payload.failed
        || hd_str_dup(&req->mem, &text, &ctx->text) != HD_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");

    } else {
        text.data = payload.data;
        text.len = payload.len;

        hd_message_insert(req, "template", &text);
    }

    hd_buf_free(&body);
    hd_buf_free(&payload);
}


static ngx_int_t
hd_message_values(hd_req_t *req, hd_faults_t *faults)
{
    hd_str_t          *m, at;
    ngx_uint_t         i;
    ngx_array_t       *names, *missing;
    hd_message_ctx_t  *ctx = req->ctx;

    ctx->contact.map = hd_json_get(hd_json_get(req->body, "template"),
                                   "variables");

    names = ngx_array_create(req->r->pool, 8, sizeof(hd_template_name_t));
    missing = ngx_array_create(req->r->pool, 8, sizeof(hd_str_t));

    if (names == NULL || missing == NULL
        || hd_template_names(names, &ctx->template.header) != NGX_OK
        || hd_template_names(names, &ctx->template.body) != NGX_OK
        || hd_template_missing(names, &ctx->contact, missing) != NGX_OK)
    {
        return NGX_ERROR;
    }

    hd_str_set(&at, "/template/variables");
    m = missing->elts;

    for (i = 0; i < missing->nelts; i++) {
        hd_faults_add(faults, "missing_variable", &at, "the template needs a "
                      "value for \"%.*s\", and this contact has none",
                      (int) m[i].len, m[i].data);
    }

    return NGX_OK;
}


static void
hd_message_known(hd_req_t *req)
{
    hd_str_t           at;
    hd_faults_t        faults;
    ngx_uint_t         templated;
    hd_message_ctx_t  *ctx = req->ctx;

    templated = hd_json_get(req->body, "template") != NULL;

    hd_faults_init(&faults);

    if (!ctx->account_found) {
        hd_str_set(&at, "/account_id");
        hd_faults_add(&faults, "not_found", &at, "there is no such number of "
                      "yours: GET /accounts lists them");

    } else if (!ctx->contact_found) {
        hd_str_set(&at, "/contact_id");
        hd_faults_add(&faults, "not_found", &at, "there is no such contact "
                      "of yours");

    } else if (ctx->contact.phone.len == 0) {
        hd_str_set(&at, "/contact_id");
        hd_faults_add(&faults, "no_phone", &at, "this contact has no phone: "
                      "add one first");
    }

    if (templated && !ctx->template.found) {
        hd_str_set(&at, "/template/id");
        hd_faults_add(&faults, "not_found", &at, "there is no such template "
                      "of yours: GET /templates lists them");
    }

    if (templated && !faults.n && hd_message_values(req, &faults) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    if (templated) {
        hd_message_render(req);
        return;
    }

    ctx->text = hd_body_str(req, "text");
    hd_message_insert(req, "text", NULL);
}


static void
hd_message_written(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t          *req = u->data;
    hd_message_ctx_t  *ctx;

    if (req == NULL || index != 2 || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;
    req->rows = 1;

    hd_message_row(&req->out, res, 0, 0);

    if (req->out.len > HD_EVENT_MAX) {
        hd_message_row(&ctx->event, res, 0, HD_EVENT_TEXT);
    }
}


static void
hd_message_created(hd_req_t *req)
{
    hd_message_ctx_t  *ctx = req->ctx;

    if (req->rows == 0) {
        /* deleted between the two units */
        hd_problem_at(req, 422, "validation_failed", "/contact_id",
                      "There is no such contact of yours.");
        return;
    }

    hd_mail_send(hd_api.shm, HD_MAIL_STRAYS, &req->who.org, &ctx->id);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));

    hd_publish(&req->who.org, "message.created",
               ctx->event.len ? &ctx->event : &req->out);

    hd_req_send(req, NGX_HTTP_ACCEPTED, "application/json");
}


static void
hd_message_insert(hd_req_t *req, const char *type, const hd_str_t *payload)
{
    hd_pg_unit_t      *u;
    hd_message_ctx_t  *ctx = req->ctx;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&ctx->id);

    hd_pg_stmt(u, HD_Q_MESSAGE_INSERT);
    hd_pg_uuid(u, &ctx->id);
    hd_pg_uuid(u, &ctx->contact_id);
    hd_pg_uuid(u, &ctx->account_id);
    hd_pg_z(u, type);
    hd_pg_text(u, &ctx->text);

    if (payload) {
        hd_pg_jsonb(u, payload);

    } else {
        hd_pg_null(u);
    }

    hd_pg_stmt(u, HD_Q_MESSAGE_GET);
    hd_pg_uuid(u, &ctx->id);

    u->on_result = hd_message_written;
    req->done = hd_message_created;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_message_create(hd_req_t *req)
{
    hd_str_t             to, id;
    hd_uuid_t            fresh, template;
    hd_pg_unit_t        *u;
    hd_message_ctx_t    *ctx;
    ngx_pool_cleanup_t  *cln;

    if (hd_message_check(req) != NGX_OK) {
        return;
    }

    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(hd_message_ctx_t));
    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(hd_message_ctx_t));
    hd_buf_init(&ctx->event);

    cln->handler = hd_message_free;
    req->ctx = ctx;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    (void) hd_body_uuid(req, "account_id", &ctx->account_id);

    hd_pg_stmt(u, HD_Q_ACCOUNT_EXISTS);
    hd_pg_uuid(u, &ctx->account_id);

    to = hd_body_str(req, "to");

    if (to.len) {
        hd_req_new_id(&fresh);

        hd_pg_stmt(u, HD_Q_CONTACT_FOR_PHONE);
        hd_pg_uuid(u, &fresh);
        hd_pg_text(u, &to);
        hd_pg_uuid(u, &ctx->account_id);

    } else {
        (void) hd_body_uuid(req, "contact_id", &ctx->contact_id);

        hd_pg_stmt(u, HD_Q_CONTACT_VARIABLES);
        hd_pg_uuid(u, &ctx->contact_id);
    }

    if (hd_json_get(req->body, "template")) {
        id = hd_json_str(hd_json_get(req->body, "template"), "id");
        (void) hd_uuid_parse(&template, id.data, id.len);

        hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
        hd_pg_uuid(u, &template);
    }

    u->on_result = hd_message_asked;
    req->done = hd_message_known;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
