/*
 * Calls to a provider in the course of a request (call.h).
 *
 * What is on its way may outlive its request: the call's memory is a pool of
 * its own, which the request's end only tells; the last of the two frees it.
 */

#include "call.h"

#include <stdarg.h>


#define HD_CALL_FILE   100000          /* ms for a transfer with a file */


typedef struct {
    hd_call_t               call;      /* first: what routes see */
    ngx_pool_t             *pool;
    hd_mem_t                mem;
    const hd_account_t     *view;      /* when it is not stored yet */
    hd_provider_request_t   request;
    unsigned                flying:1;
    unsigned                found:1;
} hd_call_ctx_t;


static void hd_call_account(hd_req_t *req);
static void hd_call_start(hd_call_ctx_t *ctx);


static void
hd_call_free(hd_call_ctx_t *ctx)
{
    if (ctx->call.account) {
        hd_store_account_free(ctx->call.account);
    }

    ngx_destroy_pool(ctx->pool);
}


/* the request ends */
static void
hd_call_cleanup(void *data)
{
    hd_call_ctx_t *ctx = data;

    ctx->call.req = NULL;

    if (!ctx->flying) {
        hd_call_free(ctx);
    }
}


static hd_call_ctx_t *
hd_call_ctx(hd_req_t *req)
{
    ngx_pool_t          *pool;
    hd_call_ctx_t       *ctx;
    ngx_pool_cleanup_t  *cln;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    ctx = ngx_pcalloc(pool, sizeof(hd_call_ctx_t));
    cln = ngx_pool_cleanup_add(req->r->pool, 0);

    if (ctx == NULL || cln == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    ctx->pool = pool;
    ctx->mem = hd_pool_mem(pool);
    ctx->call.req = req;

    cln->handler = hd_call_cleanup;
    cln->data = ctx;

    return ctx;
}


static void
hd_call_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t       *req = u->data;
    hd_call_ctx_t  *ctx;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->call;
    ctx->found = 1;
    ctx->call.account = hd_store_account(res, hd_api.secret_key,
                                         req->r->connection->log);

    if (ctx->call.account) {
        ctx->call.provider = hd_provider_find(&ctx->call.account->provider);
    }
}


static void
hd_call_account(hd_req_t *req)
{
    hd_call_ctx_t  *ctx;

    ctx = req->call;

    if (!ctx->found) {
        hd_problem(req, NGX_HTTP_NOT_FOUND, "not_found",
                   "There is no such number of yours: GET /accounts lists "
                   "them.");
        return;
    }

    if (ctx->call.account == NULL || ctx->call.provider == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "The number's tokens cannot be read: is "
                   "herald_secret_file the one they were sealed with?");
        return;
    }

    hd_call_start(ctx);
}


void
hd_call(hd_req_t *req, const hd_uuid_t *account, hd_op_e op,
    const hd_json_t *args, hd_call_pt done)
{
    hd_pg_unit_t   *u;
    hd_call_ctx_t  *ctx;

    ctx = hd_call_ctx(req);

    if (ctx == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return;
    }

    ctx->call.op = op;
    ctx->call.args = args;
    ctx->call.done = done;
    req->call = ctx;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    u->on_result = hd_call_row;

    hd_pg_stmt(u, HD_Q_ACCOUNT_USE);
    hd_pg_uuid(u, account);

    req->done = hd_call_account;
    req->found_at = NGX_CONF_UNSET_UINT;
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_call_view(hd_req_t *req, const hd_provider_t *provider,
    const hd_account_t *view, hd_op_e op, const hd_json_t *args,
    hd_call_pt done)
{
    hd_call_ctx_t  *ctx;

    ctx = hd_call_ctx(req);

    if (ctx == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return;
    }

    ctx->call.op = op;
    ctx->call.args = args;
    ctx->call.done = done;
    ctx->call.provider = provider;
    ctx->view = view;
    req->call = ctx;

    hd_call_start(ctx);
}


void
hd_call_next(hd_call_t *call, hd_op_e op, const hd_json_t *args,
    hd_call_pt done)
{
    call->op = op;
    call->args = args;
    call->done = done;

    hd_call_start((hd_call_ctx_t *) call);
}


static void
hd_call_answered(void *data, const hd_egress_answer_t *a)
{
    hd_req_t          *req;
    hd_call_ctx_t     *ctx = data;
    hd_op_answer_t     answer;
    ngx_connection_t  *c;

    ctx->flying = 0;
    req = ctx->call.req;

    if (req == NULL) {
        hd_call_free(ctx);
        return;
    }

    ngx_memzero(&answer, sizeof(hd_op_answer_t));

    if (a->outcome == HD_EGRESS_ANSWERED) {
        ctx->call.provider->ops[ctx->call.op]->read(&ctx->mem, a->status,
                                                    &a->body, &answer);

    } else {
        answer.answer.outcome = (a->outcome == HD_EGRESS_LOST)
                                ? HD_OUTCOME_UNKNOWN : HD_OUTCOME_REJECTED;
        answer.answer.row = hd_error_http(503);
        answer.answer.detail.data = (u_char *) a->error;
        answer.answer.detail.len = ngx_strlen(a->error);
    }

    c = req->r->connection;
    ctx->call.done(req, &ctx->call, &answer, a);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
hd_call_send(hd_call_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_uint_t            i;
    hd_egress_field_t     fields[4];
    hd_egress_request_t   r;

    ngx_memzero(&r, sizeof(hd_egress_request_t));

    r.method = ctx->request.method;
    r.url = ctx->request.url;
    r.headers = ctx->request.headers;
    r.nheaders = ctx->request.nheaders;
    r.body = ctx->request.body;

    for (i = 0; i < ctx->request.nfields; i++) {
        fields[i].name = ctx->request.fields[i].name;
        fields[i].value = ctx->request.fields[i].value;
    }

    r.fields = fields;
    r.nfields = ctx->request.nfields;

    if (ctx->request.file_part || ctx->request.raw_file) {
        r.file_part = ctx->request.file_part;
        r.file = ctx->call.file;
        r.file_name = ctx->call.file_name;
        r.file_type = ctx->call.file_type;
        r.timeout = HD_CALL_FILE;
    }

    if (ctx->request.to_file) {
        r.to_file = ctx->call.file;
        r.follow = ctx->request.follow;
        r.file_max = ctx->call.file_max;
        r.timeout = HD_CALL_FILE;
    }

    rc = hd_egress_request(&r, hd_call_answered, ctx);
    ctx->flying = (rc == NGX_OK);

    return rc;
}


static void
hd_call_start(hd_call_ctx_t *ctx)
{
    int              rc;
    hd_req_t        *req;
    const char      *why;
    hd_account_t     view;
    const hd_op_t   *op;

    static const hd_json_t  none = { .type = HD_JSON_OBJECT };

    req = ctx->call.req;
    op = ctx->call.provider->ops ? ctx->call.provider->ops[ctx->call.op]
                                 : NULL;

    if (op == NULL) {
        hd_problem(req, 422, "unsupported",
                   "This number's provider has no such operation.");
        return;
    }

    if (ctx->view) {
        view = *ctx->view;

    } else {
        ngx_memzero(&view, sizeof(hd_account_t));
        hd_account_view(&view, ctx->call.account);

        if (hd_call_callback(&ctx->mem, ctx->call.account,
                             &view.callback_url) != NGX_OK)
        {
            hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                       "Out of memory.");
            return;
        }
    }

    why = "Out of memory.";
    ngx_memzero(&ctx->request, sizeof(hd_provider_request_t));

    rc = op->build(&ctx->mem, &view, ctx->call.args ? ctx->call.args : &none,
                   &ctx->request, &why);

    if (rc == HD_DECLINED) {
        hd_problem(req, 422, "validation_failed",
                   why);
        return;
    }

    if (rc != HD_OK) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal", why);
        return;
    }

    switch (hd_call_send(ctx)) {

    case NGX_OK:
        req->r->read_event_handler = req->idem_key.len
                                     ? ngx_http_block_reading
                                     : ngx_http_test_reading;
        break;

    case NGX_BUSY:
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "busy",
                         "Too much is being asked of providers now. Nothing "
                         "was done; try again.", 1);
        break;

    default:
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "The provider's address cannot be used; the log of the "
                   "server says more under this request_id.");
    }
}


ngx_uint_t
hd_call_failed(hd_req_t *req, const hd_op_answer_t *answer)
{
    hd_str_t               detail;
    hd_buf_t               more;
    const hd_error_row_t  *row;

    if (answer->answer.outcome == HD_OUTCOME_ACCEPTED) {
        return 0;
    }

    hd_buf_init(&more);
    row = answer->answer.row;
    detail = answer->answer.detail;

    hd_buf_z(&more, ",\"provider\":{\"code\":");
    hd_buf_int(&more, answer->answer.code);
    hd_buf_z(&more, ",\"detail\":");
    hd_jw_str(&more, &detail);
    hd_buf_z(&more, ",\"fix\":");
    hd_jw_z(&more, row && row->fix ? row->fix : "");
    hd_buf_char(&more, '}');

    if (answer->answer.outcome == HD_OUTCOME_UNKNOWN) {
        hd_problem_more(req, NGX_HTTP_GATEWAY_TIME_OUT, "provider_silent",
                        NULL, "The provider gave no answer, so it may have "
                        "been done or not: look, then try again.", &more);

    } else {
        hd_problem_more(req, NGX_HTTP_BAD_GATEWAY, "provider_refused", NULL,
                        row && row->words ? row->words
                        : "The provider refused.", &more);
    }

    hd_buf_free(&more);

    return 1;
}


hd_json_t *
hd_call_args(hd_req_t *req, ...)
{
    va_list      ap;
    hd_json_t   *args, *v, **next;
    const char  *name, *value;

    args = hd_calloc(&req->mem, sizeof(hd_json_t));
    if (args == NULL) {
        return NULL;
    }

    args->type = HD_JSON_OBJECT;
    next = &args->child;

    va_start(ap, req);

    for ( ;; ) {
        name = va_arg(ap, const char *);
        if (name == NULL) {
            break;
        }

        value = va_arg(ap, const char *);
        v = hd_calloc(&req->mem, sizeof(hd_json_t));

        if (v == NULL) {
            args = NULL;
            break;
        }

        v->type = HD_JSON_STRING;
        v->key.data = (u_char *) name;
        v->key.len = ngx_strlen(name);
        v->str.data = (u_char *) value;
        v->str.len = ngx_strlen(value);

        *next = v;
        next = &v->next;
        args->count++;
    }

    va_end(ap);

    return args;
}


ngx_int_t
hd_call_callback(hd_mem_t *mem, const hd_store_account_t *account,
    hd_str_t *url)
{
    u_char  *p;

    url->len = 0;
    url->data = (u_char *) "";

    if (hd_api.public_url.len == 0) {
        return NGX_OK;
    }

    p = hd_alloc(mem, hd_api.public_url.len + sizeof("/hooks//") - 1
                      + account->provider.len + account->hook_token.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;
    p = ngx_cpymem(p, hd_api.public_url.data, hd_api.public_url.len);
    p = ngx_cpymem(p, "/hooks/", sizeof("/hooks/") - 1);
    p = ngx_cpymem(p, account->provider.data, account->provider.len);
    *p++ = '/';
    p = ngx_cpymem(p, account->hook_token.data, account->hook_token.len);
    url->len = (size_t) (p - url->data);

    return NGX_OK;
}
