/*
 * How a number does, as its provider says it: asked for when it is connected
 * (`check`), by POST /accounts/{id}/check, and every six hours by an errand
 * (src/task/account_check.c).
 *
 *   asked ─> (a field that is not known: asked for less) ─> written: health,
 *   quality, limit, an event when something changed ─> told
 */

#include "account.h"
#include "call.h"


#define HD_CHECK_EVERY    21600        /* s */
#define HD_CODE_FIELD     100          /* a field that is not known, too */


/* ── what goes with a new number ── */

ngx_int_t
hd_account_extra(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id)
{
    hd_buf_t              b;
    hd_str_t              business, config;
    hd_uuid_t             errand;
    hd_json_t            *v;
    hd_account_ctx_t     *ctx = req->ctx;
    const hd_provider_t  *p = ctx->made_of;

    business = hd_body_str(req, "business_id");
    v = hd_json_get(req->body, "config");

    hd_buf_init(&b);

    if (v) {
        hd_json_write(&b, v);
    }

    config.data = b.data;
    config.len = b.len;

    if (b.failed) {
        hd_buf_free(&b);
        return NGX_ERROR;
    }

    hd_pg_stmt(u, HD_Q_ACCOUNT_MORE);
    hd_pg_uuid(u, id);
    hd_pg_text_null(u, &business);

    if (v) {
        hd_pg_jsonb(u, &config);

    } else {
        config.data = NULL;
        hd_pg_text_null(u, &config);
    }

    hd_buf_free(&b);

    if (p && p->ops && p->ops[HD_OP_NUMBER_GET] && !p->qr) {
        hd_req_new_id(&errand);

        hd_pg_stmt(u, HD_Q_ACCOUNT_WATCH);
        hd_pg_uuid(u, id);
        hd_pg_uuid(u, &errand);
        hd_pg_int(u, HD_CHECK_EVERY);
    }

    hd_account_happened(req, u, id, "connected", NULL, NULL);

    return NGX_OK;
}


void
hd_account_happened(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id,
    const char *event, const char *state, const hd_str_t *detail)
{
    hd_str_t   s, none;
    hd_uuid_t  event_id;

    (void) req;

    hd_req_new_id(&event_id);

    none.data = NULL;
    none.len = 0;
    s.data = (u_char *) state;
    s.len = state ? ngx_strlen(state) : 0;

    hd_pg_stmt(u, HD_Q_ACCOUNT_HAPPENED);
    hd_pg_uuid(u, id);
    hd_pg_uuid(u, &event_id);
    hd_pg_z(u, event);
    hd_pg_text_null(u, &s);
    hd_pg_text_null(u, detail ? detail : &none);
}


/* ── a number that is not connected yet ── */

void
hd_account_viewed(hd_req_t *req, const hd_provider_t *provider,
    hd_account_t *view)
{
    ngx_memzero(view, sizeof(hd_account_t));

    view->base_url = hd_body_str(req, "base_url");
    view->api_version = hd_body_str(req, "api_version");
    view->number_id = hd_body_str(req, "number_id");
    view->token = hd_body_str(req, "token");
    view->app_secret = hd_body_str(req, "app_secret");
    view->business_id = hd_body_str(req, "business_id");
    view->phone = hd_body_str(req, "phone");
    hd_str_set(&view->channel, "whatsapp");

    if (view->base_url.len == 0) {
        view->base_url.data = (u_char *) provider->base_url;
        view->base_url.len = ngx_strlen(provider->base_url);
    }

    if (view->api_version.len == 0) {
        view->api_version.data = (u_char *) provider->api_version;
        view->api_version.len = ngx_strlen(provider->api_version);
    }
}


/* a problem that points at the member which the provider did not like */
static ngx_uint_t
hd_account_refused(hd_req_t *req, const hd_op_answer_t *answer)
{
    hd_buf_t               more;
    const char            *pointer, *words;
    const hd_error_row_t  *row = answer->answer.row;

    if (answer->answer.outcome != HD_OUTCOME_REJECTED || row == NULL
        || (row->class != HD_CLASS_AUTH && row->class != HD_CLASS_PAYLOAD))
    {
        return hd_call_failed(req, answer);
    }

    pointer = "/number_id";
    words = "The provider does not know this number, or the token may not "
            "see it. Nothing was saved.";

    if (row->class == HD_CLASS_AUTH) {
        pointer = "/token";
        words = "The provider refuses this token. Nothing was saved.";
    }

    hd_buf_init(&more);
    hd_buf_z(&more, ",\"provider\":{\"code\":");
    hd_buf_int(&more, answer->answer.code);
    hd_buf_z(&more, ",\"detail\":");
    hd_jw_str(&more, &answer->answer.detail);
    hd_buf_z(&more, ",\"fix\":");
    hd_jw_z(&more, row->fix ? row->fix : "");
    hd_buf_char(&more, '}');

    hd_problem_more(req, 422, "provider_refused", pointer, words, &more);

    hd_buf_free(&more);

    return 1;
}


static void
hd_account_tried(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    (void) call;
    (void) raw;

    if (!hd_account_refused(req, answer)) {
        hd_account_connect(req);
    }
}


void
hd_account_try(hd_req_t *req)
{
    hd_json_t         *args;
    hd_account_ctx_t  *ctx = req->ctx;

    hd_account_viewed(req, ctx->made_of, &ctx->view);

    args = hd_calloc(&req->mem, 2 * sizeof(hd_json_t));

    if (args == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    args->type = HD_JSON_OBJECT;
    args->count = 1;
    args->child = args + 1;
    args[1].type = HD_JSON_TRUE;
    args[1].key.data = (u_char *) "basic";
    args[1].key.len = 5;

    hd_call_view(req, ctx->made_of, &ctx->view, HD_OP_NUMBER_GET, args,
                 hd_account_tried);
}


/* ── a number that is ── */

/* what a refusal's own problem needs after the call is gone */
typedef struct {
    hd_op_answer_t  answer;
    hd_str_t        detail;
    ngx_uint_t      health_at;         /* in the unit */
    ngx_uint_t      changed;
    hd_buf_t        event;
} hd_check_t;


static void
hd_check_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t           v;
    hd_req_t          *req = u->data;
    hd_check_t        *check;
    hd_account_ctx_t  *ctx;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;
    check = ctx->priv;
    v = hd_pg_value(res, 0, 0);
    check->changed = hd_str_eq(&v, "t");
}


static void
hd_check_shown(hd_req_t *req)
{
    hd_check_t        *check;
    hd_pg_unit_t      *u;
    hd_account_ctx_t  *ctx = req->ctx;

    check = ctx->priv;

    if (check->changed) {
        hd_publish(&req->who.org, "account.health", &check->event);
    }

    if (hd_call_failed(req, &check->answer)) {
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


static void
hd_check_event(hd_req_t *req, hd_check_t *check)
{
    u_char  id[36];

    hd_uuid_format(&req->ids[0], id);

    hd_buf_init(&check->event);
    hd_buf_printf(&check->event, "{\"account_id\":\"%.*s\",\"ok\":%s}", 36, id,
                  check->answer.answer.outcome == HD_OUTCOME_ACCEPTED
                  ? "true" : "false");
}


static void
hd_check_free(void *data)
{
    hd_check_t *check = data;

    hd_buf_free(&check->event);
}


static void
hd_check_write(hd_req_t *req, const hd_op_answer_t *answer)
{
    hd_str_t             none;
    hd_uuid_t            event;
    hd_check_t          *check;
    hd_pg_unit_t        *u;
    hd_account_ctx_t    *ctx = req->ctx;
    ngx_pool_cleanup_t  *cln;

    check = ngx_pcalloc(req->r->pool, sizeof(hd_check_t));
    cln = ngx_pool_cleanup_add(req->r->pool, 0);

    if (check == NULL || cln == NULL
        || hd_str_dup(&req->mem, &answer->answer.detail, &check->detail)
           != HD_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    check->answer = *answer;
    check->answer.answer.detail = check->detail;
    ctx->priv = check;

    hd_check_event(req, check);
    cln->handler = hd_check_free;
    cln->data = check;

    /* that nothing came back says nothing of the number */
    if (answer->answer.outcome == HD_OUTCOME_UNKNOWN) {
        (void) hd_call_failed(req, &check->answer);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    ngx_memzero(&none, sizeof(hd_str_t));
    hd_req_new_id(&event);

    hd_pg_stmt(u, HD_Q_ACCOUNT_HEALTH);
    hd_pg_uuid(u, &req->ids[0]);

    if (answer->answer.outcome == HD_OUTCOME_ACCEPTED) {
        hd_pg_jsonb(u, &answer->result);
        hd_pg_text_null(u, &none);
        hd_pg_text_null(u, &none);

    } else {
        hd_pg_text_null(u, &none);
        hd_pg_int(u, answer->answer.code);
        hd_pg_text(u, &check->detail);
    }

    hd_pg_uuid(u, &event);

    u->on_result = hd_check_result;
    req->done = hd_check_shown;
    req->found_at = NGX_CONF_UNSET_UINT;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_check_basic(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    (void) call;
    (void) raw;

    hd_check_write(req, answer);
}


static void
hd_check_done(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_json_t  *args;

    (void) raw;

    args = (answer->answer.code == HD_CODE_FIELD)
           ? hd_calloc(&req->mem, 2 * sizeof(hd_json_t)) : NULL;

    if (args == NULL) {
        hd_check_write(req, answer);
        return;
    }

    args->type = HD_JSON_OBJECT;
    args->count = 1;
    args->child = args + 1;
    args[1].type = HD_JSON_TRUE;
    args[1].key.data = (u_char *) "basic";
    args[1].key.len = 5;

    hd_call_next(call, HD_OP_NUMBER_GET, args, hd_check_basic);
}


void
hd_account_ask(hd_req_t *req)
{
    if (hd_account_ctx(req) == NULL) {
        return;
    }

    hd_call(req, &req->ids[0], HD_OP_NUMBER_GET, NULL, hd_check_done);
}
