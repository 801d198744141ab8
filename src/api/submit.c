/*
 * A single message, taken for sending.
 *
 *   unit 1: number there? contact, its window, template or fallback, files,
 *           what is quoted
 *   then:   rendered here, so that what was answered is what will be sent
 *   unit 2: the contact, when only a phone is known; message, its delivery and
 *           its line in the agenda; its links; the answer
 *
 * Anything but a template needs an open window: the person wrote to this
 * number within 24 hours.  What is to go later is looked at then, and what has
 * a fallback is sent as that.
 */

#include "submit.h"
#include "inner.h"


static void hd_submit_insert(hd_req_t *req, hd_submit_t *ctx);


static void
hd_submit_free(void *data)
{
    hd_submit_t *ctx = data;

    hd_buf_free(&ctx->payload);
    hd_buf_free(&ctx->event);
}


/* ── unit 1 ── */

static void
hd_submit_file_row(hd_req_t *req, hd_submit_file_t *f, hd_pg_res_t *res)
{
    hd_str_t  v;

    f->found = 1;

    v = hd_pg_value(res, 0, 6);
    f->ready = hd_str_eq(&v, "ready");
    f->bytes = hd_pg_is_null(res, 0, 3) ? 0 : hd_pg_value_int(res, 0, 3);

    v = hd_pg_value(res, 0, 2);

    if (hd_str_dup(&req->mem, &v, &f->mime) != HD_OK) {
        f->ready = 0;
        hd_str_set(&f->mime, "");
    }
}


static void
hd_submit_asked(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t      v;
    hd_req_t     *req = u->data;
    hd_submit_t  *ctx;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;

    if (index == 1) {
        v = hd_pg_value(res, 0, 0);
        ctx->provider = hd_provider_find(&v);
        v = hd_pg_value(res, 0, 2);
        hd_str_set(&ctx->channel, "whatsapp");

        if (hd_str_eq(&v, "sms")) {
            hd_str_set(&ctx->channel, "sms");
        }

    } else if (index == 2) {
        ctx->contact_found =
            hd_template_contact(req, res, &ctx->m.contact_id, &ctx->contact)
            == NGX_OK;
        ctx->user_id = hd_pg_columns(res) > 8
                       && hd_pg_value(res, 0, 8).data[0] == 't';

    } else if (index == 3) {
        ctx->window = !hd_pg_is_null(res, 0, 0)
                      && hd_pg_value(res, 0, 0).data[0] == 't';

    } else if (index == ctx->at_template) {
        (void) hd_render_copy(req, res, &ctx->template);

    } else if (index == ctx->at_quoted) {
        ctx->quoted_found = hd_pg_value(res, 0, 0).data[0] == 't';

    } else if (index == ctx->file.asked) {
        hd_submit_file_row(req, &ctx->file, res);

    } else if (index == ctx->header.asked) {
        hd_submit_file_row(req, &ctx->header, res);
    }
}


/* why it cannot go now: it is no template, and they have not written lately */
static ngx_uint_t
hd_submit_closed(hd_req_t *req, hd_submit_t *ctx)
{
    if (ctx->templated || ctx->window
        || !hd_provider_window(ctx->provider, &ctx->channel)
        || ctx->template.found || ctx->m.send_at)
    {
        return 0;
    }

    hd_problem_at(req, 422, "window_closed", ctx->content ? "/content"
                                                          : "/text",
                  ctx->content
                  ? "This person has not written to this number within the "
                    "last 24 hours, so WhatsApp takes only an approved "
                    "template: give template instead of content, or a "
                    "fallback beside it."
                  : "This person has not written to this number within the "
                    "last 24 hours, so WhatsApp takes only an approved "
                    "template: give template instead of text, or a fallback "
                    "beside it.");

    return 1;
}


static void
hd_submit_answered(hd_req_t *req)
{
    hd_faults_t   faults;
    hd_submit_t  *ctx = req->ctx;

    if (!ctx->contact_found && ctx->m.phone.len) {
        ctx->contact.phone = ctx->m.phone;

    } else {
        ctx->m.phone.len = 0;
    }

    hd_faults_init(&faults);

    if (hd_submit_known(req, ctx, &faults) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    if (hd_submit_closed(req, ctx)) {
        return;
    }

    hd_inner_id(req, &ctx->m.id);

    if (hd_submit_write(req, ctx) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_submit_insert(req, ctx);
}


/* a contact by its id or its phone: two arguments */
static void
hd_submit_who(hd_pg_unit_t *u, hd_submit_t *ctx)
{
    if (ctx->m.phone.len) {
        hd_pg_null(u);
        hd_pg_text(u, &ctx->m.phone);

    } else {
        hd_pg_uuid(u, &ctx->m.contact_id);
        hd_pg_null(u);
    }
}


static void
hd_submit_ask_file(hd_pg_unit_t *u, hd_submit_file_t *f)
{
    if (hd_uuid_is_nil(&f->id)) {
        return;
    }

    hd_pg_stmt(u, HD_Q_MEDIA_GET);
    hd_pg_uuid(u, &f->id);
    f->asked = u->nstmts - 1;
}


static void
hd_submit_ask(hd_req_t *req, hd_submit_t *ctx)
{
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
    hd_submit_who(u, ctx);

    if (ctx->given) {
        hd_pg_stmt(u, HD_Q_TEMPLATE_USE);
        hd_pg_uuid(u, &ctx->template_id);
        ctx->at_template = u->nstmts - 1;
    }

    if (!hd_uuid_is_nil(&ctx->quoted)) {
        hd_pg_stmt(u, HD_Q_MESSAGE_QUOTED);
        hd_pg_uuid(u, &ctx->quoted);
        hd_pg_uuid(u, &ctx->m.account_id);
        hd_submit_who(u, ctx);
        ctx->at_quoted = u->nstmts - 1;
    }

    hd_submit_ask_file(u, &ctx->file);
    hd_submit_ask_file(u, &ctx->header);

    u->on_result = hd_submit_asked;
    req->done = hd_submit_answered;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── unit 2 ── */

static void
hd_submit_written(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t     *req = u->data;
    hd_submit_t  *ctx;

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
hd_submit_created(hd_req_t *req)
{
    hd_submit_t  *ctx = req->ctx;

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
hd_submit_insert(hd_req_t *req, hd_submit_t *ctx)
{
    hd_uuid_t      fresh;
    hd_pg_unit_t  *u;

    if (hd_inner_checked(req)) {
        return;
    }

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

    hd_render_put(u, &ctx->m);
    hd_track_put(u, &ctx->track);

    hd_pg_stmt(u, HD_Q_MESSAGE_GET);
    hd_pg_uuid(u, &ctx->m.id);

    u->on_result = hd_submit_written;
    req->done = hd_submit_created;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_message_create(hd_req_t *req)
{
    hd_submit_t         *ctx;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(hd_submit_t));
    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(hd_submit_t));
    hd_buf_init(&ctx->payload);
    hd_buf_init(&ctx->event);

    cln->handler = hd_submit_free;
    req->ctx = ctx;

    ctx->track.req = req;
    ctx->track.batch = &ctx->m.id;

    if (hd_submit_check(req, ctx) != NGX_OK) {
        return;
    }

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

    hd_submit_ask(req, ctx);
}
