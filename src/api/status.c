/*
 * Statuses (stories): what is posted for a day.  The errand of src/task posts
 * them, so that nothing is posted twice when a worker dies; here they are
 * taken, shown, taken down.
 */

#include "status.h"


typedef struct {
    hd_uuid_t              id;
    hd_uuid_t              account_id;
    ngx_uint_t             media;        /* it names a file of ours */
    ngx_uint_t             media_ok;
    hd_str_t               mime;
    const hd_provider_t   *provider;
    ngx_uint_t             found;
    ngx_uint_t             changed;
    u_char                 state[16];
    hd_buf_t               content;
    hd_buf_t               audience;
} hd_status_ctx_t;


static void hd_status_known(hd_req_t *req);


static void
hd_status_ctx_free(void *data)
{
    hd_status_ctx_t *ctx = data;

    hd_buf_free(&ctx->content);
    hd_buf_free(&ctx->audience);
}


static hd_status_ctx_t *
hd_status_ctx(hd_req_t *req)
{
    hd_status_ctx_t     *ctx;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(hd_status_ctx_t));

    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(hd_status_ctx_t));
    hd_buf_init(&ctx->content);
    hd_buf_init(&ctx->audience);
    cln->handler = hd_status_ctx_free;
    req->ctx = ctx;

    return ctx;
}


/* ── made ── */

static void
hd_status_asked(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t          v;
    hd_req_t         *req = u->data;
    hd_status_ctx_t  *ctx;

    if (req == NULL || index == 0 || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;

    if (index == 1) {
        ctx->found = 1;
        v = hd_pg_value(res, 0, 0);
        ctx->provider = hd_provider_find(&v);
        return;
    }

    v = hd_pg_value(res, 0, 2);
    (void) hd_str_dup(&req->mem, &v, &ctx->mime);
    v = hd_pg_value(res, 0, 6);
    ctx->media_ok = hd_str_eq(&v, "ready");
}


/* the file is there, and is what it is posted as */
static ngx_int_t
hd_status_media(hd_req_t *req, hd_status_ctx_t *ctx)
{
    hd_str_t     type;
    const char  *kind;

    if (!ctx->media) {
        return NGX_OK;
    }

    if (hd_api.public_url.len == 0) {
        hd_problem_at(req, 422, "validation_failed", "/content/media_id",
                      "The provider fetches the file from here, and does not "
                      "know where that is: the operator sets "
                      "herald_public_url.");
        return NGX_DONE;
    }

    type = hd_json_str(hd_json_get(req->body, "content"), "type");
    kind = hd_str_eq(&type, "voice") ? "audio/"
           : hd_str_eq(&type, "video") ? "video/" : "image/";

    if (!ctx->media_ok || ctx->mime.len < 6
        || ngx_strncmp(ctx->mime.data, kind, 6) != 0)
    {
        hd_problem_at(req, 422, "validation_failed", "/content/media_id",
                      ctx->media_ok
                      ? "This file is of another kind than the status."
                      : "There is no such file of yours, or it is not here "
                        "yet: GET /media lists them.");
        return NGX_DONE;
    }

    return NGX_OK;
}


void
hd_status_create(hd_req_t *req)
{
    hd_str_t          id;
    hd_uuid_t         media;
    hd_faults_t       faults;
    hd_pg_unit_t     *u;
    hd_status_ctx_t  *ctx;

    hd_faults_init(&faults);
    hd_status_content(hd_json_get(req->body, "content"), &faults);
    hd_status_recipients(req, hd_json_get(req->body, "recipients"), &faults);

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    ctx = hd_status_ctx(req);
    if (ctx == NULL) {
        return;
    }

    (void) hd_body_uuid(req, "account_id", &ctx->account_id);

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_ACCOUNT_EXISTS);
    hd_pg_uuid(u, &ctx->account_id);

    id = hd_json_str(hd_json_get(req->body, "content"), "media_id");

    if (id.len && hd_uuid_parse(&media, id.data, id.len) == HD_OK) {
        ctx->media = 1;
        hd_pg_stmt(u, HD_Q_MEDIA_GET);
        hd_pg_uuid(u, &media);
    }

    u->on_result = hd_status_asked;
    req->done = hd_status_known;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_status_tell(hd_req_t *req, const hd_uuid_t *id)
{
    hd_mail_send(hd_api.shm, HD_MAIL_ERRAND, &req->who.org, id);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));
    hd_publish(&req->who.org, "status.changed", &req->out);
}


static void
hd_status_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t          v;
    hd_req_t         *req = u->data;
    hd_status_ctx_t  *ctx;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;

    if (index == 1) {
        ctx->changed = 1;

    } else if (index == 2) {
        ctx->found = 1;
        v = hd_pg_value(res, 0, 4);
        (void) ngx_cpystrn(ctx->state, v.data,
                           ngx_min(v.len + 1, sizeof(ctx->state)));
        hd_answer_row(&req->out, req->route->answer, res, 0);
    }
}


static void
hd_status_created(hd_req_t *req)
{
    hd_status_ctx_t  *ctx = req->ctx;

    hd_status_tell(req, &ctx->id);
    hd_req_send(req, NGX_HTTP_ACCEPTED, "application/json");
}


static void
hd_status_known(hd_req_t *req)
{
    int64_t           seconds;
    hd_str_t          json;
    hd_uuid_t         fresh;
    hd_json_t        *to;
    hd_pg_unit_t     *u;
    hd_status_ctx_t  *ctx = req->ctx;

    if (!ctx->found) {
        hd_problem_at(req, 422, "validation_failed", "/account_id",
                      "There is no such number of yours: GET /accounts lists "
                      "them.");
        return;
    }

    if (ctx->provider == NULL || ctx->provider->ops == NULL
        || ctx->provider->ops[HD_OP_STATUS_POST] == NULL)
    {
        hd_problem_at(req, 422, "unsupported", "/account_id", "This number's "
                      "provider has no statuses: WhatsApp has them for "
                      "numbers that are connected by QR code (WAHA).");
        return;
    }

    if (hd_status_media(req, ctx) != NGX_OK || hd_inner_checked(req)) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_inner_id(req, &ctx->id);
    hd_req_new_id(&fresh);

    hd_json_write(&ctx->content, hd_json_get(req->body, "content"));

    if (ctx->media && ctx->content.len
        && hd_json_path(req->body, "content.mime") == NULL)
    {
        ctx->content.len--;
        hd_buf_z(&ctx->content, ",\"mime\":");
        hd_jw_str(&ctx->content, &ctx->mime);
        hd_buf_char(&ctx->content, '}');
    }

    to = hd_json_get(req->body, "recipients");

    if (to) {
        hd_json_write(&ctx->audience, to);

    } else {
        hd_buf_z(&ctx->audience, "{\"all\":true}");
    }

    hd_pg_stmt(u, HD_Q_STATUS_INSERT);
    hd_pg_uuid(u, &ctx->id);
    hd_pg_uuid(u, &ctx->account_id);
    json.data = ctx->content.data;
    json.len = ctx->content.len;
    hd_pg_jsonb(u, &json);
    json.data = ctx->audience.data;
    json.len = ctx->audience.len;
    hd_pg_jsonb(u, &json);

    seconds = hd_body_int(req, "delete_after_s", 0);

    if (seconds) {
        hd_pg_int(u, seconds);

    } else {
        hd_pg_null(u);
    }

    hd_pg_uuid(u, &req->who.id);
    hd_pg_uuid(u, &fresh);

    hd_pg_stmt(u, HD_Q_STATUS_GET);
    hd_pg_uuid(u, &ctx->id);

    u->on_result = hd_status_row;
    req->done = hd_status_created;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── read ── */

void
hd_status_get(hd_req_t *req)
{
    hd_req_get(req, HD_Q_STATUS_GET);
}


void
hd_status_list(hd_req_t *req)
{
    hd_str_t       account, state;
    hd_uuid_t      id;
    hd_pg_unit_t  *u;

    account = hd_query(req, "account_id");
    state = hd_query(req, "state");

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    if (state.len == 0) {
        state.data = NULL;
    }

    hd_pg_stmt(u, HD_Q_STATUS_LIST);
    hd_pg_uuid(u, &req->before);
    hd_pg_int(u, req->limit + 1);

    if (account.len && hd_uuid_parse(&id, account.data, account.len) == HD_OK)
    {
        hd_pg_uuid(u, &id);

    } else {
        hd_pg_null(u);
    }

    hd_pg_text_null(u, &state);

    hd_req_submit(req, u, 1);
}


/* ── taken down, tried again ── */

static void
hd_status_moved(hd_req_t *req)
{
    char              text[160];
    hd_status_ctx_t  *ctx = req->ctx;

    if (!ctx->found) {
        hd_problem(req, NGX_HTTP_NOT_FOUND, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (!ctx->changed) {
        (void) snprintf(text, sizeof(text), "This status is %s: one that "
                        "waits or is posted can be deleted, one that failed "
                        "or is unknown posted again.", ctx->state);
        hd_problem(req, 409, "wrong_state", text);
        return;
    }

    hd_status_tell(req, &req->ids[0]);
    hd_req_send(req, NGX_HTTP_ACCEPTED, "application/json");
}


static void
hd_status_move(hd_req_t *req, ngx_uint_t stmt)
{
    hd_uuid_t      fresh;
    hd_pg_unit_t  *u;

    if (hd_status_ctx(req) == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&fresh);

    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_uuid(u, &fresh);

    hd_pg_stmt(u, HD_Q_STATUS_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_status_row;
    req->done = hd_status_moved;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_status_delete(hd_req_t *req)
{
    hd_status_move(req, HD_Q_STATUS_DELETE);
}


void
hd_status_again(hd_req_t *req)
{
    hd_status_move(req, HD_Q_STATUS_AGAIN);
}
