/*
 * Accounts: a business's number at a provider.  Tokens are sealed before they
 * reach PostgreSQL and are never shown again; the webhook's path is a secret
 * as well, of which the directory knows the hash.
 */

#include "account.h"
#include "session.h"


#define HD_HOOK_TOKEN    43            /* 32 bytes in base64url */
#define HD_VERIFY_TOKEN  32


static const hd_conflict_t  hd_account_conflicts[] = {
    { "accounts_number", 409, "number_taken",
      "/number_id",
      "This number is connected already: GET /accounts lists it." },
    { NULL, 0, NULL, NULL, NULL }
};


hd_account_ctx_t *
hd_account_ctx(hd_req_t *req)
{
    hd_account_ctx_t  *ctx;

    ctx = ngx_pcalloc(req->r->pool, sizeof(hd_account_ctx_t));
    if (ctx == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    ctx->broadcasts = -1;
    req->ctx = ctx;

    return ctx;
}


/* account_get, and after it how many broadcasts stopped with the number */
static void
hd_account_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t           v;
    hd_req_t          *req = u->data;
    ngx_uint_t         columns;
    hd_account_ctx_t  *ctx;

    if (req == NULL) {
        return;
    }

    ctx = req->ctx;

    hd_held_row(req, index, res);

    if (index == req->found_at) {
        hd_req_found(req, res);
    }

    if (index == ctx->row_at + 1) {
        ctx->broadcasts = hd_pg_value_int(res, 0, 0);
        return;
    }

    if (index != ctx->row_at || hd_pg_rows(res) == 0) {
        return;
    }

    hd_answer_row(&req->out, hd_account_columns, res, 0);

    columns = hd_pg_columns(res);

    v = hd_pg_value(res, 0, 2);
    (void) hd_str_dup(&req->mem, &v, &ctx->provider);

    v = hd_pg_value(res, 0, columns - 2);
    (void) hd_str_dup(&req->mem, &v, &ctx->sealed);

    if (req->route->flags & HD_ROUTE_ETAG) {
        hd_req_etag(req, res);
    }
}


void
hd_account_row(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id)
{
    hd_account_ctx_t  *ctx = req->ctx;

    ctx->row_at = u->nstmts;

    hd_pg_stmt(u, HD_Q_ACCOUNT_GET);
    hd_pg_uuid(u, id);

    u->on_result = hd_account_result;
}


static void
hd_account_hook(hd_req_t *req, const hd_account_ctx_t *ctx)
{
    hd_buf_t  *b;

    b = &req->out;

    if (b->len) {
        b->len--;
    }

    hd_buf_z(b, ",\"webhook_path\":\"/hooks/");
    hd_buf_str(b, &ctx->provider);
    hd_buf_char(b, '/');
    hd_buf_str(b, &ctx->hook);
    hd_buf_char(b, '"');
}


void
hd_account_mail(hd_req_t *req, const hd_uuid_t *id)
{
    hd_mail_send(hd_api.shm, HD_MAIL_ACCOUNT, &req->who.org, id);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));
}


static void
hd_account_created(hd_req_t *req)
{
    hd_account_ctx_t  *ctx = req->ctx;

    hd_account_mail(req, &ctx->id);

    if (ctx->created) {
        ctx->created(req);

    } else {
        hd_account_answer(req);
    }
}


void
hd_account_answer(hd_req_t *req)
{
    hd_account_ctx_t  *ctx = req->ctx;

    hd_account_hook(req, ctx);

    hd_buf_z(&req->out, ",\"verify_token\":");
    hd_jw_str(&req->out, &ctx->verify);
    hd_buf_char(&req->out, '}');

    hd_req_send(req, NGX_HTTP_CREATED, "application/json");
}


/* the two secrets of our own: the webhook's address, and its GET's password */
static ngx_int_t
hd_account_tokens(hd_req_t *req, hd_account_ctx_t *ctx)
{
    u_char  random[32], *p;

    p = ngx_pnalloc(req->r->pool, HD_HOOK_TOKEN + 1 + HD_VERIFY_TOKEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    hd_random(random, sizeof(random));
    ctx->hook.data = p;
    ctx->hook.len = hd_base64url(p, random, sizeof(random));

    ctx->verify = hd_body_str(req, "verify_token");

    if (ctx->verify.len == 0) {
        hd_random(random, HD_VERIFY_TOKEN / 2);
        p += HD_HOOK_TOKEN + 1;
        hd_hex(p, random, HD_VERIFY_TOKEN / 2);
        ctx->verify.data = p;
        ctx->verify.len = HD_VERIFY_TOKEN;
    }

    ngx_explicit_memzero(random, sizeof(random));

    return NGX_OK;
}


static void
hd_account_insert(hd_req_t *req, hd_account_ctx_t *ctx,
    const hd_provider_t *provider)
{
    u_char         hash[32];
    hd_str_t       name, phone, number, base, version;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    name = hd_body_str(req, "name");
    phone = hd_body_str(req, "phone");
    number = hd_body_str(req, "number_id");
    base = hd_body_str(req, "base_url");
    version = hd_body_str(req, "api_version");

    if (phone.len == 0 && number.len && number.data[0] == '+') {
        phone = number;
    }

    if (base.len == 0) {
        base.data = (u_char *) provider->base_url;
        base.len = ngx_strlen(provider->base_url);
    }

    if (version.len == 0) {
        version.data = (u_char *) provider->api_version;
        version.len = ngx_strlen(provider->api_version);
    }

    hd_auth_hash("hook", &ctx->hook, hash);

    hd_pg_stmt(u, HD_Q_ACCOUNT_INSERT);
    hd_pg_uuid(u, &ctx->id);
    hd_pg_text(u, &name);
    hd_pg_text(u, &ctx->provider);
    hd_pg_text(u, &phone);
    hd_pg_text(u, &number);
    hd_pg_text(u, &base);
    hd_pg_text(u, &version);
    hd_pg_text(u, &ctx->sealed);
    hd_pg_int(u, hd_body_int(req, "rate_limit", 80));
    hd_pg_bytea(u, hash, sizeof(hash));

    if (hd_account_extra(req, u, &ctx->id) != NGX_OK
        || hd_session_new(req, u, &ctx->id, provider) != NGX_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_account_channel(req, u, &ctx->id);

    hd_account_row(req, u, &ctx->id);

    req->done = hd_account_created;
    req->conflicts = hd_account_conflicts;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_account_connect(hd_req_t *req)
{
    u_char             made[16], text[32];
    hd_str_t           token, secret;
    hd_account_ctx_t  *ctx = req->ctx;

    hd_req_new_id(&ctx->id);
    token = hd_body_str(req, "token");
    secret = hd_body_str(req, "app_secret");

    if (secret.len == 0 && ctx->made_of->qr) {
        /* it signs what we tell the gateway to sign */
        hd_random(made, sizeof(made));
        hd_hex(text, made, sizeof(made));
        secret.data = text;
        secret.len = sizeof(text);
    }

    if (hd_account_tokens(req, ctx) != NGX_OK
        || hd_store_secrets_seal(req->r->pool, hd_api.secret_key, &ctx->id,
                                 &token, &secret, &ctx->verify, &ctx->hook,
                                 &ctx->sealed)
           != NGX_OK)
    {
        hd_problem(req, 500, "internal", "The tokens could not be sealed.");
        return;
    }

    hd_account_insert(req, ctx, ctx->made_of);
}


void
hd_account_create(hd_req_t *req)
{
    hd_account_ctx_t  *ctx;

    ctx = hd_account_ctx(req);
    if (ctx == NULL) {
        return;
    }

    ctx->provider = hd_body_str(req, "provider");
    ctx->made_of = hd_provider_find(&ctx->provider);

    if (ctx->made_of == NULL) {
        hd_problem_at(req, 422, "validation_failed", "/provider",
                      "This provider is not known. \"cloud_api\" is.");
        return;
    }

    if (hd_account_check(req) != NGX_OK
        || hd_account_needs(req, ctx->made_of) != NGX_OK)
    {
        return;
    }

    if (hd_body_bool(req, "check", 0)) {
        hd_account_try(req);
        return;
    }

    hd_account_connect(req);
}


void
hd_account_list(hd_req_t *req)
{
    hd_req_page(req, HD_Q_ACCOUNT_LIST);
}


ngx_int_t
hd_account_secret(hd_req_t *req, const char *member, hd_str_t *out)
{
    hd_account_ctx_t  *ctx = req->ctx;

    return hd_store_secret_open(req->r->pool, hd_api.secret_key,
                                &req->ids[0], &ctx->sealed, member, out);
}


void
hd_account_got(hd_req_t *req)
{
    hd_account_ctx_t  *ctx = req->ctx;

    if ((req->who.scopes & HD_SCOPE_ADMIN)
        && hd_account_secret(req, "hook_token", &ctx->hook) == NGX_OK
        && ctx->hook.len)
    {
        hd_account_hook(req, ctx);
        hd_buf_char(&req->out, '}');
    }

    if (ctx->broadcasts >= 0 && req->out.len) {
        req->out.len--;
        hd_buf_printf(&req->out, ",\"paused_broadcasts\":%lld}",
                      (long long) ctx->broadcasts);
    }

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_account_get(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    if (hd_account_ctx(req) == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_account_row(req, u, &req->ids[0]);

    req->done = hd_account_got;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
