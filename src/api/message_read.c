/*
 * POST /messages/{id}/read: the person sees that what they wrote was read, and
 * that somebody types.
 *
 *   message, its number and person ─> the provider ─> nothing of the thread is
 *   unread any more ─> 200
 */

#include "click.h"
#include "call.h"


typedef struct {
    hd_uuid_t    account;
    hd_uuid_t    contact;
    hd_str_t     direction;
    hd_str_t     provider_id;
    hd_str_t     wa_id;
    ngx_uint_t   typing;
} hd_read_t;


static void
hd_read_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t    v[3];
    hd_req_t   *req = u->data;
    hd_read_t  *ctx;

    if (req == NULL || index != 1) {
        return;
    }

    req->found = hd_pg_rows(res);

    if (req->found == 0) {
        return;
    }

    ctx = req->ctx;

    (void) hd_pg_value_uuid(res, 0, 0, &ctx->account);
    (void) hd_pg_value_uuid(res, 0, 3, &ctx->contact);

    v[0] = hd_pg_value(res, 0, 1);
    v[1] = hd_pg_value(res, 0, 2);
    v[2] = hd_pg_value(res, 0, 4);

    (void) hd_str_dup(&req->mem, &v[0], &ctx->direction);
    (void) hd_str_dup(&req->mem, &v[1], &ctx->provider_id);
    (void) hd_str_dup(&req->mem, &v[2], &ctx->wa_id);
}


static void
hd_read_done(hd_req_t *req)
{
    u_char      id[36];
    hd_read_t  *ctx = req->ctx;

    hd_uuid_format(&req->ids[0], id);

    hd_buf_printf(&req->out, "{\"id\":\"%.36s\",\"read\":true,"
                  "\"typing\":%s}", (char *) id,
                  ctx->typing ? "true" : "false");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_read_told(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_read_t     *ctx = req->ctx;
    hd_pg_unit_t  *u;

    if (hd_call_failed(req, answer)) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_CONVERSATION_READ);
    hd_pg_uuid(u, &ctx->account);
    hd_pg_uuid(u, &ctx->contact);

    req->done = hd_read_done;
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_read_known(hd_req_t *req)
{
    char        *id, *wa;
    hd_json_t   *args, *typing;
    hd_read_t   *ctx = req->ctx;

    if (!hd_str_eq(&ctx->direction, "in") || ctx->provider_id.len == 0) {
        hd_problem(req, 409, "wrong_state", "Only a message that somebody "
                   "wrote to you can be read.");
        return;
    }

    id = hd_cstr(&req->mem, &ctx->provider_id);
    wa = hd_cstr(&req->mem, &ctx->wa_id);
    typing = hd_calloc(&req->mem, sizeof(hd_json_t));

    args = (id && wa && typing)
           ? hd_call_args(req, "message_id", id, "to", wa, NULL) : NULL;

    if (args == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    typing->type = ctx->typing ? HD_JSON_TRUE : HD_JSON_FALSE;
    hd_str_set(&typing->key, "typing");
    typing->next = args->child;
    args->child = typing;
    args->count++;

    hd_call(req, &ctx->account, HD_OP_MARK_READ, args, hd_read_told);
}


void
hd_message_read(hd_req_t *req)
{
    hd_read_t     *ctx;
    hd_pg_unit_t  *u;

    ctx = ngx_pcalloc(req->r->pool, sizeof(hd_read_t));

    if (ctx == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    ctx->typing = hd_body_bool(req, "typing", 0);
    req->ctx = ctx;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_MESSAGE_INBOUND);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_read_row;
    req->done = hd_read_known;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
