/*
 * A single message, taken for sending.
 *
 *   unit 1: number there? contact, its window, template or fallback
 *   then:   rendered here, so that what was answered is what will be sent
 *   unit 2: the contact, when only a phone is known; message, its delivery and
 *           its line in the agenda; the answer
 *
 * Free text needs an open window: the person wrote to this number within 24
 * hours.  What is to go later is looked at then, and what has a fallback is
 * sent as that.
 */

#include "render.h"


#define HD_EVENT_TEXT  1200            /* bytes of text in an event */


typedef struct {
    hd_template_t          template;   /* or the fallback's */
    hd_uuid_t              template_id;
    hd_variables_t         contact;
    const hd_provider_t   *provider;   /* NULL: there is no such number */
    ngx_uint_t             contact_found;
    ngx_uint_t             window;     /* is open */
    int64_t                expires_at;
    hd_single_t            m;
    hd_buf_t               payload;
    hd_buf_t               event;
} hd_message_ctx_t;


static void hd_message_insert(hd_req_t *req);


static void
hd_message_free(void *data)
{
    hd_message_ctx_t *ctx = data;

    hd_buf_free(&ctx->payload);
    hd_buf_free(&ctx->event);
}


/* {"id": …, "variables": {…}} */
static void
hd_message_check_template(hd_json_t *t, hd_faults_t *faults,
    ngx_uint_t fallback)
{
    hd_str_t    at;
    hd_uuid_t   id;
    hd_json_t  *v, *e;

    if (fallback) {
        hd_str_set(&at, "/fallback/template");

    } else {
        hd_str_set(&at, "/template");
    }

    if (t == NULL || t->type != HD_JSON_OBJECT) {
        hd_faults_add(faults, "invalid", &at, "expected {\"id\", "
                      "\"variables\"}");
        return;
    }

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
        if (fallback) {
            hd_str_set(&at, "/fallback/template/id");

        } else {
            hd_str_set(&at, "/template/id");
        }

        hd_faults_add(faults, "invalid", &at, "expected the template's UUID");
    }

    v = hd_json_get(t, "variables");

    if (v == NULL) {
        return;
    }

    if (fallback) {
        hd_str_set(&at, "/fallback/template/variables");

    } else {
        hd_str_set(&at, "/template/variables");
    }

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


static void
hd_message_check_fallback(hd_json_t *fallback, hd_faults_t *faults)
{
    hd_str_t  at;

    if (fallback->count != 1 || hd_json_get(fallback, "template") == NULL) {
        hd_str_set(&at, "/fallback");
        hd_faults_add(faults, "invalid", &at, "expected {\"template\": "
                      "{\"id\", \"variables\"}}");
        return;
    }

    hd_message_check_template(hd_json_get(fallback, "template"), faults, 1);
}


static ngx_int_t
hd_message_check(hd_req_t *req)
{
    int64_t      expires_at;
    hd_str_t     at;
    hd_json_t   *text, *t, *fallback;
    hd_faults_t  faults;

    text = hd_json_get(req->body, "text");
    t = hd_json_get(req->body, "template");
    fallback = hd_json_get(req->body, "fallback");

    hd_faults_init(&faults);

    if ((hd_json_get(req->body, "contact_id") == NULL)
        == (hd_json_get(req->body, "to") == NULL))
    {
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
        hd_message_check_template(t, &faults, 0);
    }

    if (fallback && t) {
        hd_str_set(&at, "/fallback");
        hd_faults_add(&faults, "invalid", &at, "a template goes in any case: "
                      "only text takes a fallback");

    } else if (fallback) {
        hd_message_check_fallback(fallback, &faults);
    }

    expires_at = hd_body_time(req, "expires_at");

    if (expires_at
        && expires_at <= ngx_max(hd_body_time(req, "send_at"), hd_now_us()))
    {
        hd_str_set(&at, "/expires_at");
        hd_faults_add(&faults, "invalid", &at, "it must be later than now and "
                      "than send_at: nothing would be sent");
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return NGX_DONE;
    }

    return NGX_OK;
}


/* the template that is named, or the fallback's */
static hd_json_t *
hd_message_template(hd_req_t *req)
{
    hd_json_t  *t;

    t = hd_json_get(req->body, "template");

    return t ? t : hd_json_get(hd_json_get(req->body, "fallback"),
                               "template");
}


static void
hd_message_asked(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t           v;
    hd_req_t          *req = u->data;
    hd_message_ctx_t  *ctx;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;

    switch (index) {

    case 1:
        v = hd_pg_value(res, 0, 0);
        ctx->provider = hd_provider_find(&v);
        break;

    case 2:
        ctx->contact_found =
            hd_template_contact(req, res, &ctx->m.contact_id, &ctx->contact)
            == NGX_OK;
        break;

    case 3:
        ctx->window = !hd_pg_is_null(res, 0, 0)
                      && hd_pg_value(res, 0, 0).data[0] == 't';
        break;

    case 4:
        (void) hd_template_copy(req, res, &ctx->template);
        break;

    default:
        break;
    }
}


/* {"category": …, "template": …} and what else the sender must know of it */
static ngx_int_t
hd_message_render(hd_req_t *req, ngx_uint_t templated)
{
    u_char             time[HD_RFC3339_LEN + 8];
    size_t             n;
    hd_str_t           text;
    hd_buf_t          *b;
    hd_message_ctx_t  *ctx = req->ctx;

    b = &ctx->payload;
    hd_buf_z(b, "{\"category\":");

    if (templated) {
        hd_jw_str(b, &ctx->template.category);
        hd_buf_z(b, ",\"template\":");

    } else {
        hd_buf_z(b, "\"service\"");

        if (ctx->template.found) {
            hd_buf_z(b, ",\"fallback\":");
        }
    }

    if (ctx->template.found) {
        if (hd_render_template(req, &ctx->template_id, &ctx->template,
                               &ctx->contact, b, &text) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (templated) {
            ctx->m.text = text;

        } else {
            hd_buf_z(b, ",\"text\":");
            hd_jw_str(b, &text);
        }

        hd_buf_char(b, '}');
    }

    if (ctx->m.send_at) {
        n = hd_time_format(time, ctx->m.send_at);
        hd_buf_printf(b, ",\"send_at\":\"%.*s\"", (int) n, time);
    }

    if (ctx->expires_at) {
        n = hd_time_format(time, ctx->expires_at);
        hd_buf_printf(b, ",\"expires_at\":\"%.*s\"", (int) n, time);
    }

    hd_buf_char(b, '}');

    ctx->m.payload.data = b->data;
    ctx->m.payload.len = b->len;

    return b->failed ? NGX_ERROR : NGX_OK;
}


/* what is not there, or has no value */
static ngx_int_t
hd_message_faults(hd_req_t *req, hd_faults_t *faults)
{
    hd_str_t           at;
    ngx_uint_t         templated;
    hd_message_ctx_t  *ctx = req->ctx;

    templated = hd_json_get(req->body, "template") != NULL;

    if (ctx->provider == NULL) {
        hd_str_set(&at, "/account_id");
        hd_faults_add(faults, "not_found", &at, "there is no such number of "
                      "yours: GET /accounts lists them");

    } else if (!ctx->contact_found && ctx->m.phone.len == 0) {
        hd_str_set(&at, "/contact_id");
        hd_faults_add(faults, "not_found", &at, "there is no such contact "
                      "of yours");

    } else if (ctx->contact.phone.len == 0 && !ctx->provider->qr) {
        hd_str_set(&at, "/contact_id");
        hd_faults_add(faults, "no_phone", &at, "this contact has no phone: "
                      "add one first");
    }

    if (hd_message_template(req) == NULL) {
        return NGX_OK;
    }

    if (!ctx->template.found) {
        if (templated) {
            hd_str_set(&at, "/template/id");

        } else {
            hd_str_set(&at, "/fallback/template/id");
        }

        hd_faults_add(faults, "not_found", &at, "there is no such template "
                      "of yours: GET /templates lists them");
    }

    if (faults->n) {
        return NGX_OK;
    }

    if (templated) {
        hd_str_set(&at, "/template/variables");

    } else {
        hd_str_set(&at, "/fallback/template/variables");
    }

    ctx->contact.map = hd_json_get(hd_message_template(req), "variables");

    return hd_render_missing(req, &ctx->template, &ctx->contact, &at, faults);
}


static void
hd_message_known(hd_req_t *req)
{
    hd_faults_t        faults;
    ngx_uint_t         templated;
    hd_message_ctx_t  *ctx = req->ctx;

    templated = hd_json_get(req->body, "template") != NULL;

    if (!ctx->contact_found && ctx->m.phone.len) {
        ctx->contact.phone = ctx->m.phone;

    } else {
        ctx->m.phone.len = 0;
    }

    hd_faults_init(&faults);

    if (hd_message_faults(req, &faults) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    if (!templated && !ctx->window && ctx->provider->window
        && !ctx->template.found && !ctx->m.send_at)
    {
        hd_problem_at(req, 422, "window_closed", "/text", "This person has "
                      "not written to this number within the last 24 hours, "
                      "so WhatsApp takes only an approved template: give "
                      "template instead of text, or a fallback beside it.");
        return;
    }

    ctx->m.type = templated ? "template" : "text";
    ctx->m.text = hd_body_str(req, "text");

    if (hd_message_render(req, templated) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_message_insert(req);
}


static void
hd_message_written(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t          *req = u->data;
    hd_message_ctx_t  *ctx;

    if (req == NULL) {
        return;
    }

    ctx = req->ctx;

    if (index != u->nstmts - 1 || hd_pg_rows(res) == 0) {
        return;
    }

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

    hd_render_tell(req, &ctx->m.id);

    hd_publish(&req->who.org, "message.created",
               ctx->event.len ? &ctx->event : &req->out);

    hd_req_send(req, NGX_HTTP_ACCEPTED, "application/json");
}


static void
hd_message_insert(hd_req_t *req)
{
    hd_uuid_t          fresh;
    hd_pg_unit_t      *u;
    hd_message_ctx_t  *ctx = req->ctx;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    if (ctx->m.phone.len) {
        hd_req_new_id(&fresh);

        hd_pg_stmt(u, HD_Q_CONTACT_ENSURE);
        hd_pg_uuid(u, &fresh);
        hd_pg_text(u, &ctx->m.phone);
    }

    hd_req_new_id(&ctx->m.id);
    hd_render_put(u, &ctx->m);

    hd_pg_stmt(u, HD_Q_MESSAGE_GET);
    hd_pg_uuid(u, &ctx->m.id);

    u->on_result = hd_message_written;
    req->done = hd_message_created;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_message_ask(hd_req_t *req, hd_message_ctx_t *ctx)
{
    hd_str_t       id;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_ACCOUNT_EXISTS);
    hd_pg_uuid(u, &ctx->m.account_id);

    if (ctx->m.phone.len) {
        hd_pg_stmt(u, HD_Q_CONTACT_BY_PHONE);
        hd_pg_text(u, &ctx->m.phone);

    } else {
        hd_pg_stmt(u, HD_Q_CONTACT_VARIABLES);
        hd_pg_uuid(u, &ctx->m.contact_id);
    }

    hd_pg_stmt(u, HD_Q_WINDOW_OPEN);
    hd_pg_uuid(u, &ctx->m.account_id);

    if (ctx->m.phone.len) {
        hd_pg_null(u);
        hd_pg_text(u, &ctx->m.phone);

    } else {
        hd_pg_uuid(u, &ctx->m.contact_id);
        hd_pg_null(u);
    }

    if (hd_message_template(req)) {
        id = hd_json_str(hd_message_template(req), "id");
        (void) hd_uuid_parse(&ctx->template_id, id.data, id.len);

        hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
        hd_pg_uuid(u, &ctx->template_id);
    }

    u->on_result = hd_message_asked;
    req->done = hd_message_known;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_message_create(hd_req_t *req)
{
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
    hd_buf_init(&ctx->payload);
    hd_buf_init(&ctx->event);

    cln->handler = hd_message_free;
    req->ctx = ctx;

    ctx->contact.mem = req->mem;
    ctx->m.phone = hd_body_str(req, "to");
    ctx->expires_at = hd_body_time(req, "expires_at");
    ctx->m.send_at = hd_body_time(req, "send_at");

    /* a time that has passed is now */
    if (ctx->m.send_at <= hd_now_us()) {
        ctx->m.send_at = 0;
    }

    (void) hd_body_uuid(req, "account_id", &ctx->m.account_id);
    (void) hd_body_uuid(req, "contact_id", &ctx->m.contact_id);

    hd_message_ask(req, ctx);
}
