/*
 * Webhooks of the providers: GET and POST /hooks/{provider}/{token}.
 *
 * The token is the way in (its hash finds the account), the provider's name
 * must be the account's.  The signature is checked over the raw bytes before
 * anything is parsed.  An element that is odd never fails the rest of its
 * batch: what can be stored as it came is, what cannot is logged.  200 is said
 * only after the commit, so that what was not stored is delivered again.
 */

#include "spool.h"


#define HD_HOOK_BODY_MAX   (3 * 1024 * 1024)


/* in r->pool, from the first wait to the answer */
typedef struct {
    hd_hook_wait_t          wait;         /* first: one is cast to the other */
    ngx_http_request_t     *r;
    hd_hook_t              *hook;         /* once gathered */
    hd_str_t                provider;     /* as the address says it */
} hd_hook_ctx_t;


static ngx_int_t hd_hook_address(ngx_http_request_t *r, hd_str_t *provider,
    hd_str_t *token);
static void hd_hook_cleanup(void *data);
static void hd_hook_found(hd_hook_wait_t *wait, ngx_uint_t status);
static ngx_int_t hd_hook_go(hd_hook_ctx_t *ctx);
static ngx_int_t hd_hook_challenge(hd_hook_ctx_t *ctx);
static void hd_hook_body(ngx_http_request_t *r);
static ngx_int_t hd_hook_refuse(ngx_http_request_t *r, ngx_uint_t status);
static ngx_int_t hd_hook_send(ngx_http_request_t *r, ngx_uint_t status,
    const hd_str_t *text);


ngx_int_t
hd_ingress_init(void)
{
    if (hd_hook_accounts_init() != NGX_OK || hd_spool_init() != NGX_OK) {
        return NGX_ERROR;
    }

    return hd_hook_batch_init();
}


void
hd_ingress_quit(void)
{
    hd_hook_batch_quit();
    hd_spool_quit();
}


void
hd_ingress_exit(void)
{
    hd_hook_batch_exit();
    hd_spool_exit();
    hd_hook_accounts_exit();
    hd_hook_events_exit();
}


ngx_int_t
hd_ingress_handler(ngx_http_request_t *r)
{
    u_char               hash[32];
    hd_str_t             token;
    ngx_int_t            rc;
    hd_hook_ctx_t       *ctx;
    ngx_http_cleanup_t  *cln;

    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_ingress_requests, 1);

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_POST))) {
        return hd_hook_refuse(r, NGX_HTTP_NOT_ALLOWED);
    }

    if (r->headers_in.content_length_n > HD_HOOK_BODY_MAX) {
        return hd_hook_refuse(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE);
    }

    ctx = ngx_pcalloc(r->pool, sizeof(hd_hook_ctx_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (ctx == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = hd_hook_cleanup;
    cln->data = ctx;

    ctx->r = r;
    ctx->wait.done = hd_hook_found;

    if (hd_hook_address(r, &ctx->provider, &token) != NGX_OK) {
        return hd_hook_refuse(r, NGX_HTTP_NOT_FOUND);
    }

    hd_auth_hash("hook", &token, hash);

    rc = hd_hook_account(&ctx->wait, hash);

    if (rc == NGX_OK) {
        return hd_hook_go(ctx);
    }

    if (rc != NGX_AGAIN) {
        return hd_hook_refuse(r, rc);
    }

    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;

    return NGX_DONE;
}


/* exactly two segments below the location: {provider}/{token} */

static ngx_int_t
hd_hook_address(ngx_http_request_t *r, hd_str_t *provider, hd_str_t *token)
{
    u_char                    *p, *last, *slash;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    p = r->uri.data;
    last = p + r->uri.len;

    if (r->uri.len >= clcf->name.len
        && ngx_strncmp(p, clcf->name.data, clcf->name.len) == 0)
    {
        p += clcf->name.len;
    }

    if (p < last && *p == '/') {
        p++;
    }

    slash = ngx_strlchr(p, last, '/');

    if (slash == NULL || slash == p || slash + 1 == last
        || ngx_strlchr(slash + 1, last, '/') != NULL
        || last - slash > 256)
    {
        return NGX_DECLINED;
    }

    provider->data = p;
    provider->len = slash - p;
    token->data = slash + 1;
    token->len = last - token->data;

    return NGX_OK;
}


static hd_hook_ctx_t *
hd_hook_ctx(ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;

    for (cln = r->main->cleanup; cln; cln = cln->next) {
        if (cln->handler == hd_hook_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


static void
hd_hook_cleanup(void *data)
{
    hd_hook_ctx_t  *ctx = data;

    /* the client has gone; what it brought is committed all the same */

    if (ctx->hook) {
        ctx->hook->r = NULL;
        ctx->hook->body.len = 0;
        ctx->hook = NULL;
    }

    hd_hook_account_leave(&ctx->wait);
}


/*
 * The request waited for its account, so one reference is held for the wait;
 * the body's reader takes its own.
 */
static void
hd_hook_found(hd_hook_wait_t *wait, ngx_uint_t status)
{
    ngx_int_t            rc;
    hd_hook_ctx_t       *ctx = (hd_hook_ctx_t *) wait;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->r;
    c = r->connection;

    r->read_event_handler = ngx_http_block_reading;

    if (status == NGX_HTTP_INTERNAL_SERVER_ERROR) {
        /* whoever put it right has it delivered again */
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    rc = status ? hd_hook_refuse(r, status) : hd_hook_go(ctx);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


/* what it returns is for ngx_http_finalize_request */

static ngx_int_t
hd_hook_go(hd_hook_ctx_t *ctx)
{
    ngx_int_t            rc;
    hd_hook_account_t   *a;
    ngx_http_request_t  *r;

    r = ctx->r;
    a = ctx->wait.account;

    if (a->row->provider.len != ctx->provider.len
        || ngx_memcmp(a->row->provider.data, ctx->provider.data,
                      ctx->provider.len)
           != 0)
    {
        return hd_hook_refuse(r, NGX_HTTP_NOT_FOUND);
    }

    if (r->method != NGX_HTTP_POST && a->provider->challenge == NULL) {
        return hd_hook_refuse(r, NGX_HTTP_NOT_ALLOWED);
    }

    if (r->method != NGX_HTTP_POST) {
        return hd_hook_challenge(ctx);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, hd_hook_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* the provider asks whether this address is ours */

static ngx_int_t
hd_hook_challenge(hd_hook_ctx_t *ctx)
{
    hd_mem_t             mem;
    hd_str_t             args, reply;
    ngx_int_t            rc;
    hd_hook_account_t   *a;
    ngx_http_request_t  *r;

    r = ctx->r;
    a = ctx->wait.account;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    mem = hd_pool_mem(r->pool);
    args.len = r->args.len;
    args.data = r->args.data;

    if (args.len == 0
        || a->provider->challenge(&mem, &a->view, &args, &reply) != HD_OK)
    {
        return hd_hook_refuse(r, NGX_HTTP_FORBIDDEN);
    }

    return hd_hook_send(r, NGX_HTTP_OK, &reply);
}


/* the body in one piece; NGX_DECLINED: larger than we take */

static ngx_int_t
hd_hook_read(ngx_http_request_t *r, hd_str_t *body)
{
    off_t         len;
    u_char       *p;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    body->len = 0;
    body->data = (u_char *) "";

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    cl = r->request_body->bufs;
    b = cl->buf;

    if (cl->next == NULL && !b->in_file) {
        body->data = b->pos;
        body->len = b->last - b->pos;

        return body->len > HD_HOOK_BODY_MAX ? NGX_DECLINED : NGX_OK;
    }

    for (len = 0; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    if (len > HD_HOOK_BODY_MAX) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(r->pool, len ? len : 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (!b->in_file) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
            continue;
        }

        len = b->file_last - b->file_pos;

        n = ngx_read_file(b->file, p, len, b->file_pos);
        if (n != (ssize_t) len) {
            return NGX_ERROR;
        }

        p += n;
    }

    body->len = p - body->data;

    return NGX_OK;
}


static hd_str_t
hd_hook_signature(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    hd_str_t          value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);
    part = &r->headers_in.headers.part;
    h = part->elts;

    hd_str_set(&value, "");

    for (i = 0; /* void */ ; i++) {
        if (i >= part->nelts) {
            if (part->next == NULL) {
                return value;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == len
            && ngx_strncmp(h[i].lowcase_key, name, len) == 0)
        {
            value.len = h[i].value.len;
            value.data = h[i].value.data;
            return value;
        }
    }
}


/*
 * The address as the provider called it.  What it was before a proxy changed
 * scheme, host or port only the operator knows: herald_public_url.
 */
static ngx_int_t
hd_hook_url(ngx_http_request_t *r, hd_str_t *url)
{
    u_char     *p;
    ngx_str_t   scheme, base, *uri = &r->unparsed_uri;

    base = hd_api.public_url;
    ngx_str_null(&scheme);

    if (base.len == 0) {
        ngx_str_set(&scheme, "http://");

#if (NGX_HTTP_SSL)
        if (r->connection->ssl) {
            ngx_str_set(&scheme, "https://");
        }
#endif

        /* the header has the port too */
        base = r->headers_in.host ? r->headers_in.host->value
                                  : r->headers_in.server;
    }

    p = ngx_pnalloc(r->pool, scheme.len + base.len + uri->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;
    p = ngx_cpymem(p, scheme.data, scheme.len);
    p = ngx_cpymem(p, base.data, base.len);
    p = ngx_cpymem(p, uri->data, uri->len);
    url->len = (size_t) (p - url->data);

    return NGX_OK;
}


static void
hd_hook_body(ngx_http_request_t *r)
{
    hd_str_t            body, signature;
    hd_hook_t          *h;
    ngx_int_t           rc;
    ngx_uint_t          status;
    hd_proof_t          proof;
    hd_hook_ctx_t      *ctx;
    hd_hook_account_t  *a;

    ctx = hd_hook_ctx(r);
    a = ctx->wait.account;

    rc = hd_hook_read(r, &body);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r,
            hd_hook_refuse(r, rc == NGX_DECLINED
                              ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
                              : NGX_HTTP_SERVICE_UNAVAILABLE));
        return;
    }

    signature = hd_hook_signature(r, a->provider->signature_header);

    ngx_memzero(&proof, sizeof(hd_proof_t));
    proof.signature = signature;
    proof.body = body;
    proof.algorithm = hd_hook_signature(r, "x-webhook-hmac-algorithm");

    if (hd_hook_url(r, &proof.url) != NGX_OK) {
        ngx_http_finalize_request(r, hd_hook_refuse(r,
                                              NGX_HTTP_SERVICE_UNAVAILABLE));
        return;
    }

    if (r->headers_in.content_type) {
        proof.content_type.data = r->headers_in.content_type->value.data;
        proof.content_type.len = r->headers_in.content_type->value.len;
    }

    if (!a->provider->verify(&a->view, &proof)) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "herald: a webhook %s signature was refused",
                      signature.len ? "with a wrong" : "without a");

        ngx_http_finalize_request(r, hd_hook_refuse(r,
                                                    NGX_HTTP_UNAUTHORIZED));
        return;
    }

    status = hd_hook_parse(r, a, &body, hd_now_us(), &h);

    if (status == 0) {
        if (h->nevents == 0) {
            /* nothing in it that is ours */
            status = NGX_HTTP_OK;

        } else if (hd_hook_gather(h) != NGX_OK) {
            status = NGX_HTTP_SERVICE_UNAVAILABLE;
        }

        if (status) {
            hd_hook_free(h);
        }
    }

    if (status) {
        ngx_http_finalize_request(r, hd_hook_refuse(r, status));
        return;
    }

    ctx->hook = h;

    /* a client that leaves is noticed; the answer comes with the commit */

    r->read_event_handler = ngx_http_test_reading;
}


void
hd_hook_finish(hd_hook_t *h, ngx_uint_t status)
{
    hd_hook_answer(h, status);
    hd_hook_free(h);
}


void
hd_hook_answer(hd_hook_t *h, ngx_uint_t status)
{
    ngx_int_t            rc;
    hd_hook_ctx_t       *ctx;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = h->r;

    if (h->fed) {
        h->fed(h->fed_data, status);
        h->fed = NULL;
        h->body.len = 0;
    }

    if (r == NULL) {
        return;
    }

    h->r = NULL;
    h->body.len = 0;

    c = r->connection;

    ctx = hd_hook_ctx(r);
    ctx->hook = NULL;

    rc = (status == NGX_HTTP_OK) ? hd_hook_send(r, status, NULL)
                                 : hd_hook_refuse(r, status);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
hd_hook_refuse(ngx_http_request_t *r, ngx_uint_t status)
{
    hd_str_t   text, value;
    ngx_int_t  rc;

    if (status == NGX_HTTP_OK) {
        return hd_hook_send(r, status, NULL);
    }

    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_ingress_refused, 1);

    if (r->request_body == NULL) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    switch (status) {

    case NGX_HTTP_BAD_REQUEST:
        hd_str_set(&text, "This is not a webhook of the provider.\n");
        break;

    case NGX_HTTP_UNAUTHORIZED:
        hd_str_set(&text, "The signature is missing or wrong.\n");
        break;

    case NGX_HTTP_FORBIDDEN:
        hd_str_set(&text, "The verify token is missing or wrong.\n");
        break;

    case NGX_HTTP_NOT_ALLOWED:
        hd_str_set(&text, "Webhooks come as GET or POST.\n");
        hd_str_set(&value, "GET, HEAD, POST");
        (void) hd_req_header(r, "Allow", &value);
        break;

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        hd_str_set(&text, "A webhook may have at most 3 MiB.\n");
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        hd_str_set(&text, "Nothing was stored. Deliver it again.\n");
        hd_str_set(&value, "5");
        (void) hd_req_header(r, "Retry-After", &value);
        break;

    default:
        hd_str_set(&text, "There is no such address.\n");
        break;
    }

    return hd_hook_send(r, status, &text);
}


static ngx_int_t
hd_hook_send(ngx_http_request_t *r, ngx_uint_t status, const hd_str_t *text)
{
    hd_str_t              reply;
    ngx_int_t             rc;
    ngx_buf_t            *b;
    ngx_chain_t           out;
    hd_hook_ctx_t        *ctx;
    const hd_provider_t  *provider;

    reply.data = NULL;
    ngx_str_set(&r->headers_out.content_type, "text/plain");

    ctx = hd_hook_ctx(r);

    if (status == NGX_HTTP_OK && text == NULL && ctx && ctx->wait.account
        && ctx->wait.account->provider->reply)
    {
        provider = ctx->wait.account->provider;

        reply.data = (u_char *) provider->reply;
        reply.len = ngx_strlen(provider->reply);
        text = &reply;

        r->headers_out.content_type.data = (u_char *) provider->reply_type;
        r->headers_out.content_type.len = ngx_strlen(provider->reply_type);
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = text ? (off_t) text->len : 0;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (text == NULL || text->len == 0) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
