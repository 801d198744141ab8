/*
 * Sessions: started, stopped, restarted, logged out, and what is known of
 * them.
 *
 *   start:  asked for ── not there ──> created and started
 *              │
 *              └─ there, not working ──> configured anew ──> started
 *
 * What the provider answers is written at once, as its webhook's word would
 * be; the webhook that follows then says nothing new.
 */

#include "session.h"
#include "account.h"


#define HD_SESSION_DEPTH  16


hd_session_t *
hd_session_ctx(hd_req_t *req)
{
    hd_session_t        *ctx;
    ngx_pool_cleanup_t  *cln;

    ctx = ngx_pcalloc(req->r->pool, sizeof(hd_session_t));
    cln = ngx_pool_cleanup_add(req->r->pool, 0);

    if (ctx == NULL || cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    hd_buf_init(&ctx->told);
    cln->handler = (ngx_pool_cleanup_pt) hd_buf_free;
    cln->data = &ctx->told;

    hd_str_set(&ctx->state, "");
    hd_str_set(&ctx->phone, "");
    req->ctx = ctx;

    return ctx;
}


hd_json_t *
hd_session_result(hd_req_t *req, const hd_op_answer_t *answer)
{
    return hd_json_parse(&req->mem, answer->result.data, answer->result.len,
                         HD_SESSION_DEPTH, NULL);
}


ngx_uint_t
hd_session_told(hd_req_t *req, const hd_op_answer_t *answer)
{
    hd_json_t     *v, *works;
    hd_session_t  *ctx = req->ctx;

    if (answer->answer.outcome != HD_OUTCOME_ACCEPTED) {
        return 0;
    }

    v = hd_session_result(req, answer);

    ctx->state = hd_json_str(v, "state");
    ctx->phone = hd_json_str(v, "phone");
    works = hd_json_get(v, "works");

    ctx->effect = (works == NULL || works->type == HD_JSON_NULL) ? "none"
                  : works->type == HD_JSON_TRUE ? "clear" : "stop";

    return ctx->state.len != 0;
}


ngx_uint_t
hd_session_refused(hd_req_t *req, const hd_op_answer_t *answer)
{
    hd_buf_t  b;

    if (answer->answer.outcome != HD_OUTCOME_REJECTED
        || (answer->answer.code != HD_CODE_SESSION
            && answer->answer.code != HD_CODE_NO_SESSION))
    {
        return hd_call_failed(req, answer);
    }

    hd_buf_init(&b);
    hd_buf_printf(&b, "%s. %s", answer->answer.row->words,
                  answer->answer.row->fix);
    hd_buf_char(&b, '\0');

    hd_problem(req, NGX_HTTP_CONFLICT, "session_state",
               b.failed ? answer->answer.row->words : (char *) b.data);
    hd_buf_free(&b);

    return 1;
}


/* ── written down ── */

static void
hd_session_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t       v, what;
    hd_req_t      *req = u->data;
    ngx_uint_t     i;
    hd_session_t  *ctx;

    static const char  *names[] = { "name", "state", "status",
                                    "status_reason", "phone" };

    if (req == NULL) {
        return;
    }

    ctx = req->ctx;

    if (index == ctx->row_at) {
        req->found = hd_pg_rows(res);

        if (req->found) {
            hd_buf_reset(&req->out);
            hd_answer_row(&req->out, hd_session_columns, res, 0);
            ctx->since = 0;
            v = hd_pg_value(res, 0, 16);

            if (v.len) {
                ctx->since = hd_pg_value_int(res, 0, 16);
            }
        }

        return;
    }

    /* session_fact's */

    if (index != 1 || ctx->state.len == 0 || hd_pg_rows(res) == 0) {
        return;
    }

    what = hd_pg_value(res, 0, 0);

    if (!hd_str_eq(&what, "session")) {
        return;
    }

    v = hd_pg_value(res, 0, 1);
    hd_buf_z(&ctx->told, "{\"id\":");
    hd_jw_str(&ctx->told, &v);

    for (i = 0; i < 5; i++) {
        hd_buf_printf(&ctx->told, ",\"%s\":", names[i]);

        if (hd_pg_is_null(res, 0, i + 2)) {
            hd_buf_z(&ctx->told, "null");

        } else {
            v = hd_pg_value(res, 0, i + 2);
            hd_jw_str(&ctx->told, &v);
        }
    }

    hd_buf_char(&ctx->told, '}');

    if (!hd_pg_is_null(res, 0, 7)) {
        (void) hd_pg_value_uuid(res, 0, 7, &ctx->errand);
    }
}


static void
hd_session_recorded(hd_req_t *req)
{
    hd_session_t  *ctx = req->ctx;

    if (ctx->told.len) {
        hd_publish(&req->who.org, "account.session", &ctx->told);
        hd_account_mail(req, &req->ids[0]);
        hd_buf_reset(&ctx->told);
    }

    if (!hd_uuid_is_nil(&ctx->errand)) {
        hd_mail_send(hd_api.shm, HD_MAIL_ERRAND, &req->who.org, &ctx->errand);
        hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));
    }

    if (ctx->done) {
        ctx->done(req);
        return;
    }

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_session_record(hd_req_t *req)
{
    u_char         text[37];
    hd_str_t       who;
    hd_uuid_t      id;
    hd_pg_unit_t  *u;
    hd_session_t  *ctx = req->ctx;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    u->on_result = hd_session_row;

    if (ctx->state.len) {
        hd_pg_stmt(u, HD_Q_SESSION_FACT);
        hd_pg_null(u);
        hd_pg_uuid(u, &req->ids[0]);
        hd_pg_time(u, hd_now_us());
        hd_pg_text(u, &ctx->state);
        hd_pg_z(u, ctx->effect);
        hd_pg_z(u, "");
        hd_pg_text(u, &ctx->phone);
        hd_req_new_id(&id);
        hd_pg_uuid(u, &id);
        hd_req_new_id(&id);
        hd_pg_uuid(u, &id);
    }

    if (ctx->event) {
        hd_uuid_format(&req->who.id, text);
        text[36] = '\0';
        who.data = req->who.is_key ? (u_char *) "An API key" : req->who.name;
        who.len = ngx_strlen(who.data);

        hd_pg_stmt(u, HD_Q_ACCOUNT_HISTORY_ADD);
        hd_pg_uuid(u, &req->ids[0]);
        hd_req_new_id(&id);
        hd_pg_uuid(u, &id);
        hd_pg_z(u, ctx->event);
        hd_pg_text(u, &who);
        hd_pg_z(u, (char *) text);
    }

    ctx->row_at = u->nstmts;

    hd_pg_stmt(u, HD_Q_SESSION_GET);
    hd_pg_uuid(u, &req->ids[0]);

    req->done = hd_session_recorded;
    hd_req_must_find(req, ctx->row_at);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_session_get(hd_req_t *req)
{
    if (hd_session_ctx(req) != NULL) {
        hd_session_record(req);
    }
}


/* ── changed ── */

/* what it became: some answers tell, of the others it is asked */

static void
hd_session_after(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    if (call->op == HD_OP_SESSION_GET) {
        if (!hd_session_told(req, answer)) {
            /* it was done; what it became will be told */
            hd_str_set(&((hd_session_t *) req->ctx)->state, "");
        }

        hd_session_record(req);
        return;
    }

    if (hd_session_refused(req, answer)) {
        return;
    }

    if (hd_session_told(req, answer)) {
        hd_session_record(req);
        return;
    }

    hd_call_next(call, HD_OP_SESSION_GET, NULL, hd_session_after);
}


static void
hd_session_change(hd_req_t *req, hd_op_e op, const char *event)
{
    hd_session_t  *ctx;

    ctx = hd_session_ctx(req);
    if (ctx == NULL) {
        return;
    }

    ctx->event = event;
    ctx->op = op;

    hd_call(req, &req->ids[0], op, NULL, hd_session_after);
}


void
hd_session_stop(hd_req_t *req)
{
    hd_session_change(req, HD_OP_SESSION_STOP, "stop");
}


void
hd_session_restart(hd_req_t *req)
{
    hd_session_change(req, HD_OP_SESSION_RESTART, "restart");
}


void
hd_session_logout(hd_req_t *req)
{
    hd_session_change(req, HD_OP_SESSION_LOGOUT, "logout");
}


/* ── started ── */

static void
hd_session_updated(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    if (hd_session_refused(req, answer)) {
        return;
    }

    hd_call_next(call, HD_OP_SESSION_START, NULL, hd_session_after);
}


static hd_json_t *
hd_session_flag(hd_req_t *req, const char *name)
{
    hd_json_t  *args, *v;

    args = hd_calloc(&req->mem, 2 * sizeof(hd_json_t));

    if (args) {
        v = args + 1;
        v->type = HD_JSON_TRUE;
        v->key.data = (u_char *) name;
        v->key.len = ngx_strlen(name);

        args->type = HD_JSON_OBJECT;
        args->count = 1;
        args->child = v;
    }

    return args;
}


static void
hd_session_looked(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    hd_session_t  *ctx = req->ctx;

    if (answer->answer.outcome == HD_OUTCOME_REJECTED
        && (answer->answer.code == HD_CODE_NO_SESSION
            || answer->answer.code == 404))
    {
        hd_call_next(call, HD_OP_SESSION_CREATE,
                     hd_session_flag(req, "start"), hd_session_after);
        return;
    }

    if (hd_call_failed(req, answer)) {
        return;
    }

    (void) hd_session_told(req, answer);

    if (ctx->effect[0] == 'c') {
        /* it works: to be configured it would be stopped */
        ctx->event = NULL;
        hd_session_record(req);
        return;
    }

    hd_call_next(call, HD_OP_SESSION_CREATE, hd_session_flag(req, "update"),
                 hd_session_updated);
}


void
hd_session_start(hd_req_t *req)
{
    hd_session_t  *ctx;

    ctx = hd_session_ctx(req);
    if (ctx == NULL) {
        return;
    }

    ctx->event = "start";
    ctx->effect = "none";

    hd_call(req, &req->ids[0], HD_OP_SESSION_GET, NULL, hd_session_looked);
}


/* ── gone ── */

static void
hd_session_deleted(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    hd_session_t  *ctx = req->ctx;

    if (answer->answer.outcome != HD_OUTCOME_REJECTED
        || answer->answer.code != HD_CODE_NO_SESSION)
    {
        if (hd_call_failed(req, answer)) {
            return;
        }
    }

    hd_str_set(&ctx->state, "DELETED");
    hd_str_set(&ctx->phone, "");
    ctx->effect = "stop";
    ctx->done = hd_req_empty;

    hd_session_record(req);
}


void
hd_session_delete(hd_req_t *req)
{
    hd_session_t  *ctx;

    ctx = hd_session_ctx(req);
    if (ctx == NULL) {
        return;
    }

    ctx->event = "delete";

    hd_call(req, &req->ids[0], HD_OP_SESSION_DELETE, NULL,
            hd_session_deleted);
}


/* ── looked at ── */

static void
hd_session_checking(hd_req_t *req)
{
    hd_mail_send(hd_api.shm, HD_MAIL_ERRAND, &req->who.org, &req->ids[0]);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));

    hd_buf_reset(&req->out);
    hd_buf_z(&req->out, "{}");
    hd_req_send(req, NGX_HTTP_ACCEPTED, "application/json");
}


void
hd_session_check(hd_req_t *req)
{
    hd_uuid_t      id;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_ACCOUNT_EXISTS);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_new_id(&id);
    hd_pg_stmt(u, HD_Q_SESSION_WATCH_AGAIN);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_uuid(u, &id);
    hd_pg_int(u, 0);

    req->done = hd_session_checking;
    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_session_history(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_ACCOUNT_EXISTS);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_ACCOUNT_HISTORY);
    hd_pg_uuid(u, &req->before);
    hd_pg_int(u, req->limit + 1);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);
}
