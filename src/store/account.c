/*
 * Accounts as a worker keeps them: secrets are one sealed JSON object whose
 * context is the row's id, so that a sealed value cannot be moved to another
 * row.
 */

#include "store.h"


static void *
hd_pool_mem_alloc(void *ctx, size_t size)
{
    return ngx_palloc(ctx, size);
}


hd_mem_t
hd_pool_mem(ngx_pool_t *pool)
{
    hd_mem_t  mem;

    mem.alloc = hd_pool_mem_alloc;
    mem.ctx = pool;

    return mem;
}


static hd_json_t *
hd_store_secrets_open(hd_mem_t *mem, const u_char *key, const hd_uuid_t *id,
    const hd_str_t *sealed)
{
    hd_str_t         context, plain;
    hd_json_error_t  err;

    context.len = sizeof(id->b);
    context.data = (u_char *) id->b;

    if (hd_unseal(mem, key, &context, sealed, &plain) != HD_OK) {
        return NULL;
    }

    return hd_json_parse(mem, plain.data, plain.len, 2, &err);
}


static ngx_int_t
hd_store_column(hd_mem_t *mem, hd_pg_res_t *res, ngx_uint_t col,
    hd_str_t *out)
{
    hd_str_t  v;

    v = hd_pg_value(res, 0, col);

    return hd_str_dup(mem, &v, out) == HD_OK ? NGX_OK : NGX_ERROR;
}


hd_store_account_t *
hd_store_account(hd_pg_res_t *res, const u_char *key, ngx_log_t *log)
{
    hd_mem_t             mem;
    hd_str_t             sealed;
    hd_json_t           *secrets;
    ngx_uint_t           last;
    ngx_pool_t          *pool;
    hd_store_account_t  *a;

    pool = ngx_create_pool(2048, log);
    if (pool == NULL) {
        return NULL;
    }

    mem = hd_pool_mem(pool);

    a = ngx_pcalloc(pool, sizeof(hd_store_account_t));
    if (a == NULL) {
        goto failed;
    }

    a->pool = pool;

    if (hd_pg_value_uuid(res, 0, 0, &a->id) != NGX_OK
        || hd_pg_value_uuid(res, 0, 1, &a->org) != NGX_OK
        || hd_store_column(&mem, res, 2, &a->provider) != NGX_OK
        || hd_store_column(&mem, res, 3, &a->number_id) != NGX_OK
        || hd_store_column(&mem, res, 5, &a->base_url) != NGX_OK
        || hd_store_column(&mem, res, 6, &a->api_version) != NGX_OK)
    {
        goto failed;
    }

    a->rate_limit = (uint32_t) hd_pg_value_int(res, 0, 7);
    last = hd_pg_columns(res);

    if (hd_store_column(&mem, res, last - 4, &a->business_id) != NGX_OK
        || hd_store_column(&mem, res, last - 3, &a->phone) != NGX_OK
        || hd_store_column(&mem, res, last - 2, &a->channel) != NGX_OK
        || hd_store_column(&mem, res, last - 1, &a->config) != NGX_OK)
    {
        goto failed;
    }

    sealed = hd_pg_value(res, 0, 4);

    secrets = hd_store_secrets_open(&mem, key, &a->id, &sealed);
    if (secrets == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "herald: an account's tokens cannot be unsealed: is "
                      "herald_secret_file the one they were sealed with?");
        goto failed;
    }

    a->token = hd_json_str(secrets, "token");
    a->app_secret = hd_json_str(secrets, "app_secret");
    a->verify_token = hd_json_str(secrets, "verify_token");
    a->hook_token = hd_json_str(secrets, "hook_token");

    return a;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


void
hd_store_account_free(hd_store_account_t *a)
{
    if (a->token.len) {
        ngx_explicit_memzero(a->token.data, a->token.len);
    }

    if (a->app_secret.len) {
        ngx_explicit_memzero(a->app_secret.data, a->app_secret.len);
    }

    ngx_destroy_pool(a->pool);
}


ngx_int_t
hd_store_secrets_seal(ngx_pool_t *pool, const u_char *key,
    const hd_uuid_t *id, const hd_str_t *token, const hd_str_t *app_secret,
    const hd_str_t *verify_token, const hd_str_t *hook_token, hd_str_t *out)
{
    int        rc;
    hd_buf_t   b;
    hd_mem_t   mem;
    hd_str_t   context, plain;

    hd_buf_init(&b);

    hd_buf_z(&b, "{\"token\":");
    hd_jw_str(&b, token);
    hd_buf_z(&b, ",\"app_secret\":");
    hd_jw_str(&b, app_secret);
    hd_buf_z(&b, ",\"verify_token\":");
    hd_jw_str(&b, verify_token);
    hd_buf_z(&b, ",\"hook_token\":");
    hd_jw_str(&b, hook_token);
    hd_buf_char(&b, '}');

    if (b.failed) {
        hd_buf_free(&b);
        return NGX_ERROR;
    }

    mem = hd_pool_mem(pool);

    context.len = sizeof(id->b);
    context.data = (u_char *) id->b;
    plain.len = b.len;
    plain.data = b.data;

    rc = hd_seal(&mem, key, &context, &plain, out);

    ngx_explicit_memzero(b.data, b.len);
    hd_buf_free(&b);

    return rc == HD_OK ? NGX_OK : NGX_ERROR;
}


ngx_int_t
hd_store_secret_open(ngx_pool_t *pool, const u_char *key,
    const hd_uuid_t *id, const hd_str_t *sealed, const char *member,
    hd_str_t *out)
{
    hd_mem_t    mem;
    hd_json_t  *secrets;

    mem = hd_pool_mem(pool);

    secrets = hd_store_secrets_open(&mem, key, id, sealed);
    if (secrets == NULL) {
        return NGX_ERROR;
    }

    *out = hd_json_str(secrets, member);

    return NGX_OK;
}


void
hd_store_suppression_key(const u_char *secret, const hd_uuid_t *org,
    u_char key[32])
{
    u_char  text[11 + sizeof(org->b)];

    ngx_memcpy(text, "suppression", 11);
    ngx_memcpy(text + 11, org->b, sizeof(org->b));

    hd_hmac_sha256(secret, 32, text, sizeof(text), key);
}
