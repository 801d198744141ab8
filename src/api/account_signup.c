/*
 * Meta's embedded sign-up: its window gives a code, and what follows is ours.
 *
 *   code ─> token ─> [its business] ─> [its number] ─> the number itself
 *        ─> connected (our row) ─> our webhook there ─> [registered] ─> 201
 *
 * Until the row is there nothing is kept, and a problem says what was missing.
 * After it the number is connected: what did not succeed then is told in the
 * answer, and may be asked for again by its own route.
 */

#include "account.h"
#include "call.h"


typedef struct {
    hd_buf_t      failed;              /* members of "failed" */
    ngx_uint_t    subscribed;
    ngx_uint_t    registered;
} hd_signup_t;


static void hd_signup_business(hd_req_t *req);
static void hd_signup_number(hd_req_t *req);
static void hd_signup_look(hd_req_t *req);


/* a member of the body, as if it had been sent: the row is made of it */
static ngx_int_t
hd_signup_put(hd_req_t *req, const char *name, const hd_str_t *value)
{
    hd_json_t  *v;

    v = hd_json_get(req->body, name);

    if (v == NULL) {
        v = hd_calloc(&req->mem, sizeof(hd_json_t));
        if (v == NULL) {
            return NGX_ERROR;
        }

        v->key.data = (u_char *) name;
        v->key.len = ngx_strlen(name);
        v->next = req->body->child;
        req->body->child = v;
        req->body->count++;
    }

    v->type = HD_JSON_STRING;

    return hd_str_dup(&req->mem, value, &v->str) == HD_OK ? NGX_OK
                                                          : NGX_ERROR;
}


static hd_json_t *
hd_signup_result(hd_req_t *req, const hd_op_answer_t *answer)
{
    return hd_json_parse(&req->mem, answer->result.data, answer->result.len,
                         40, NULL);
}


static void
hd_signup_op(hd_req_t *req, hd_op_e op, const hd_json_t *args,
    hd_call_pt done)
{
    hd_account_ctx_t  *ctx = req->ctx;
    hd_str_t           callback, verify;

    callback = ctx->view.callback_url;
    verify = ctx->verify;

    hd_account_viewed(req, ctx->made_of, &ctx->view);
    ctx->view.callback_url = callback;
    ctx->view.verify_token = verify;

    hd_call_view(req, ctx->made_of, &ctx->view, op, args, done);
}


/* ── after the row: what fails is told ── */

static void
hd_signup_answer(hd_req_t *req)
{
    hd_signup_t       *s;
    hd_account_ctx_t  *ctx = req->ctx;

    s = ctx->priv;

    if (req->out.len) {
        req->out.len--;
    }

    hd_buf_printf(&req->out, ",\"subscribed\":%s,\"registered\":%s,"
                  "\"failed\":[", s->subscribed ? "true" : "false",
                  s->registered ? "true" : "false");
    hd_buf_add(&req->out, s->failed.data, s->failed.len);
    hd_buf_z(&req->out, "]}");
    hd_buf_free(&s->failed);

    hd_account_answer(req);
}


static void
hd_signup_failed(hd_req_t *req, const char *step, const hd_op_answer_t *answer)
{
    hd_signup_t           *s;
    hd_account_ctx_t      *ctx = req->ctx;
    const hd_error_row_t  *row = answer->answer.row;

    s = ctx->priv;

    hd_buf_printf(&s->failed, "%s{\"step\":\"%s\",\"code\":%d,\"detail\":",
                  s->failed.len ? "," : "", step, answer->answer.code);
    hd_jw_str(&s->failed, &answer->answer.detail);
    hd_buf_z(&s->failed, ",\"fix\":");
    hd_jw_z(&s->failed, row && row->fix ? row->fix : "");
    hd_buf_char(&s->failed, '}');
}


static void
hd_signup_registered(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    hd_signup_t       *s;
    hd_account_ctx_t  *ctx = req->ctx;

    (void) call;
    (void) raw;

    s = ctx->priv;

    if (answer->answer.outcome == HD_OUTCOME_ACCEPTED) {
        s->registered = 1;

    } else {
        hd_signup_failed(req, "register", answer);
    }

    hd_signup_answer(req);
}


static void
hd_signup_subscribed(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    hd_signup_t       *s;
    hd_account_ctx_t  *ctx = req->ctx;

    (void) call;
    (void) raw;

    s = ctx->priv;

    if (answer->answer.outcome == HD_OUTCOME_ACCEPTED) {
        s->subscribed = 1;

    } else {
        hd_signup_failed(req, "subscribe", answer);
    }

    if (hd_body_str(req, "pin").len) {
        hd_signup_op(req, HD_OP_NUMBER_REGISTER, req->body,
                     hd_signup_registered);
        return;
    }

    hd_signup_answer(req);
}


/* the row is committed: the provider may ask for our webhook now */
static void
hd_signup_created(hd_req_t *req)
{
    u_char            *p;
    hd_account_ctx_t  *ctx = req->ctx;

    if (hd_api.public_url.len) {
        p = ngx_pnalloc(req->r->pool, hd_api.public_url.len + ctx->hook.len
                                      + ctx->provider.len
                                      + sizeof("/hooks//"));
        if (p) {
            ctx->view.callback_url.data = p;
            ctx->view.callback_url.len = ngx_sprintf(p, "%V/hooks/%*s/%*s",
                &hd_api.public_url, ctx->provider.len, ctx->provider.data,
                ctx->hook.len, ctx->hook.data) - p;
        }
    }

    hd_signup_op(req, HD_OP_SUBSCRIBE, NULL, hd_signup_subscribed);
}


/* ── before it: what fails ends it ── */

static void
hd_signup_looked(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t           phone, name, s;
    hd_json_t         *result;
    hd_account_ctx_t  *ctx = req->ctx;

    (void) call;
    (void) raw;

    if (hd_call_failed(req, answer)) {
        return;
    }

    result = hd_signup_result(req, answer);
    phone = hd_json_str(result, "phone");
    name = hd_json_str(result, "name");
    s = hd_body_str(req, "name");

    if (phone.len == 0) {
        phone = hd_body_str(req, "number_id");
    }

    if (name.len == 0 || name.len > 100) {
        name = phone;
    }

    if (hd_signup_put(req, "phone", &phone) != NGX_OK
        || (s.len == 0 && hd_signup_put(req, "name", &name) != NGX_OK))
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    ctx->created = hd_signup_created;

    hd_account_connect(req);
}


static void
hd_signup_look(hd_req_t *req)
{
    hd_signup_op(req, HD_OP_NUMBER_GET, NULL, hd_signup_looked);
}


/* the only one there is, or a problem that lists them */
static ngx_int_t
hd_signup_only(hd_req_t *req, const hd_json_t *list, const char *member,
    const char *pointer, const char *name)
{
    hd_buf_t    more;
    hd_str_t    id;
    hd_json_t  *v;

    if (list && list->type == HD_JSON_ARRAY && list->count == 1) {
        v = list->child;
        id = member ? hd_json_str(v, member) : v->str;

        if (id.len && hd_signup_put(req, name, &id) == NGX_OK) {
            return NGX_OK;
        }
    }

    hd_buf_init(&more);
    hd_buf_z(&more, ",\"choices\":[");

    for (v = (list && list->type == HD_JSON_ARRAY) ? list->child : NULL; v;
         v = v->next)
    {
        id = member ? hd_json_str(v, member) : v->str;
        hd_buf_z(&more, v == list->child ? "" : ",");
        hd_jw_str(&more, &id);
    }

    hd_buf_char(&more, ']');

    hd_problem_more(req, 422, "choose", pointer, "The code does not tell "
                    "which one, or nothing that we may use: name one of "
                    "`choices`, and sign up with a new code.", &more);
    hd_buf_free(&more);

    return NGX_DONE;
}


static void
hd_signup_numbers(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    (void) call;
    (void) raw;

    if (!hd_call_failed(req, answer)
        && hd_signup_only(req, hd_json_get(hd_signup_result(req, answer),
                                           "numbers"),
                          "id", "/number_id", "number_id")
           == NGX_OK)
    {
        hd_signup_look(req);
    }
}


static void
hd_signup_number(hd_req_t *req)
{
    if (hd_body_str(req, "number_id").len) {
        hd_signup_look(req);
        return;
    }

    hd_signup_op(req, HD_OP_NUMBERS, NULL, hd_signup_numbers);
}


static void
hd_signup_businesses(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    (void) call;
    (void) raw;

    if (!hd_call_failed(req, answer)
        && hd_signup_only(req, hd_json_get(hd_signup_result(req, answer),
                                           "business_ids"),
                          NULL, "/business_id", "business_id")
           == NGX_OK)
    {
        hd_signup_number(req);
    }
}


static void
hd_signup_business(hd_req_t *req)
{
    if (hd_body_str(req, "business_id").len) {
        hd_signup_number(req);
        return;
    }

    hd_signup_op(req, HD_OP_TOKEN, NULL, hd_signup_businesses);
}


static void
hd_signup_token(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t  token;

    (void) call;
    (void) raw;

    if (hd_call_failed(req, answer)) {
        return;
    }

    token = hd_json_str(hd_signup_result(req, answer), "token");

    if (hd_signup_put(req, "token", &token) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_signup_business(req);
}


static void
hd_signup_free(void *data)
{
    hd_signup_t *s = data;

    hd_buf_free(&s->failed);
}


void
hd_account_sign_up(hd_req_t *req)
{
    hd_signup_t         *s;
    hd_account_ctx_t    *ctx;
    ngx_pool_cleanup_t  *cln;

    ctx = hd_account_ctx(req);
    if (ctx == NULL) {
        return;
    }

    s = ngx_pcalloc(req->r->pool, sizeof(hd_signup_t));
    cln = ngx_pool_cleanup_add(req->r->pool, 0);

    if (s == NULL || cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_buf_init(&s->failed);
    cln->handler = hd_signup_free;
    cln->data = s;
    ctx->priv = s;

    hd_str_set(&ctx->provider, "cloud_api");
    ctx->made_of = hd_provider_find(&ctx->provider);

    hd_signup_op(req, HD_OP_EXCHANGE_CODE, req->body, hd_signup_token);
}
