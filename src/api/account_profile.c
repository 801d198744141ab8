/*
 * What people see of a number, its registration, and our webhook at its
 * provider.  Each asks the provider at once; what it answered is the answer.
 */

#include "account.h"
#include "call.h"
#include "../store/files.h"


typedef struct {
    hd_json_t    *args;                /* PROFILE_SET's */
    hd_str_t      sha256;              /* hex, of the picture */
    hd_str_t      mime;
    int64_t       bytes;
    ngx_uint_t    file_found;
    const char   *event;
} hd_profile_t;


static hd_profile_t *
hd_profile_ctx(hd_req_t *req)
{
    hd_profile_t      *p;
    hd_account_ctx_t  *ctx;

    ctx = hd_account_ctx(req);
    if (ctx == NULL) {
        return NULL;
    }

    p = ngx_pcalloc(req->r->pool, sizeof(hd_profile_t));

    if (p == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    ctx->priv = p;

    return p;
}


static hd_json_t *
hd_profile_member(hd_req_t *req, hd_json_t *args, const char *name,
    hd_json_type_e type, const hd_str_t *value)
{
    hd_json_t  *v;

    v = hd_calloc(&req->mem, sizeof(hd_json_t));

    if (v == NULL
        || (value && hd_str_dup(&req->mem, value, &v->str) != HD_OK))
    {
        return NULL;
    }

    v->type = type;
    v->key.data = (u_char *) name;
    v->key.len = ngx_strlen(name);
    v->next = args->child;
    args->child = v;
    args->count++;

    return v;
}


/* ── read ── */

static void
hd_profile_told(hd_req_t *req)
{
    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_profile_read(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t       v;
    hd_pg_unit_t  *u;

    (void) call;
    (void) raw;

    if (hd_call_failed(req, answer)) {
        return;
    }

    v = answer->result;
    hd_buf_str(&req->out, &v);

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_ACCOUNT_PROFILE_KEEP);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_jsonb(u, &v);

    req->done = hd_profile_told;
    req->found_at = NGX_CONF_UNSET_UINT;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_account_profile_get(hd_req_t *req)
{
    hd_call(req, &req->ids[0], HD_OP_PROFILE_GET, NULL, hd_profile_read);
}


/* ── write: [the picture: opened ─> sent] ─> set ─> read again ── */

static void
hd_profile_set(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    (void) raw;

    if (!hd_call_failed(req, answer)) {
        hd_call_next(call, HD_OP_PROFILE_GET, NULL, hd_profile_read);
    }
}


static void
hd_profile_sent(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t           handle;
    hd_json_t         *result;
    hd_profile_t      *p;
    hd_account_ctx_t  *ctx = req->ctx;

    (void) raw;

    if (hd_call_failed(req, answer)) {
        return;
    }

    p = ctx->priv;
    result = hd_json_parse(&req->mem, answer->result.data, answer->result.len,
                           4, NULL);
    handle = hd_json_str(result, "handle");

    if (hd_profile_member(req, p->args, "picture_handle", HD_JSON_STRING,
                          &handle)
        == NULL)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    call->file = NULL;
    hd_call_next(call, HD_OP_PROFILE_SET, p->args, hd_profile_set);
}


static void
hd_profile_opened(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    char              *path;
    u_char             sha256[32];
    hd_json_t         *result, *args;
    hd_profile_t      *p;
    hd_account_ctx_t  *ctx = req->ctx;

    (void) raw;

    if (hd_call_failed(req, answer)) {
        return;
    }

    p = ctx->priv;

    /* the answer goes with this function, the arguments do not */
    result = hd_json_parse(&req->mem, answer->result.data, answer->result.len,
                           4, NULL);
    args = hd_call_args(req, "id", "", NULL);
    path = ngx_pnalloc(req->r->pool, HD_FILES_PATH);

    if (result == NULL || args == NULL || path == NULL
        || hd_unhex(sha256, p->sha256.data, p->sha256.len) != HD_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    args->child->str = hd_json_str(result, "id");
    hd_files_path(path, &req->who.org, sha256);

    call->file = path;
    hd_call_next(call, HD_OP_UPLOAD_SEND, args, hd_profile_sent);
}


static void
hd_profile_file(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t           v;
    hd_req_t          *req = u->data;
    hd_profile_t      *p;
    hd_account_ctx_t  *ctx;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;
    p = ctx->priv;
    p->file_found = 1;

    v = hd_pg_value(res, 0, 0);
    (void) hd_str_dup(&req->mem, &v, &p->sha256);
    v = hd_pg_value(res, 0, 1);
    (void) hd_str_dup(&req->mem, &v, &p->mime);
    p->bytes = hd_pg_value_int(res, 0, 2);
}


static void
hd_profile_found(hd_req_t *req)
{
    u_char             bytes[NGX_INT64_LEN];
    hd_str_t           s;
    hd_json_t         *args;
    hd_profile_t      *p;
    hd_account_ctx_t  *ctx = req->ctx;

    p = ctx->priv;

    if (!p->file_found || p->sha256.len != 64
        || (!hd_str_eq(&p->mime, "image/jpeg")
            && !hd_str_eq(&p->mime, "image/png")))
    {
        hd_problem_at(req, 422, "validation_failed", "/picture_id",
                      "A JPEG or PNG file of yours is needed: POST /media "
                      "takes it.");
        return;
    }

    s.data = bytes;
    s.len = ngx_sprintf(bytes, "%L", p->bytes) - bytes;
    args = hd_call_args(req, NULL);

    if (args == NULL
        || hd_profile_member(req, args, "bytes", HD_JSON_NUMBER, &s) == NULL
        || hd_profile_member(req, args, "mime", HD_JSON_STRING, &p->mime)
           == NULL)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_call(req, &req->ids[0], HD_OP_UPLOAD_OPEN, args, hd_profile_opened);
}


void
hd_account_profile_put(hd_req_t *req)
{
    hd_uuid_t      picture;
    hd_profile_t  *p;
    hd_pg_unit_t  *u;

    p = hd_profile_ctx(req);
    if (p == NULL) {
        return;
    }

    p->args = req->body;

    if (hd_body_uuid(req, "picture_id", &picture) != NGX_OK) {
        hd_call(req, &req->ids[0], HD_OP_PROFILE_SET, p->args,
                hd_profile_set);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_ACCOUNT_FILE);
    hd_pg_uuid(u, &picture);

    u->on_result = hd_profile_file;
    req->done = hd_profile_found;
    req->found_at = NGX_CONF_UNSET_UINT;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── registration, subscription: done, and in the number's story ── */

static void
hd_profile_done(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_profile_t      *p;
    hd_pg_unit_t      *u;
    hd_account_ctx_t  *ctx = req->ctx;

    (void) call;
    (void) raw;

    if (hd_call_failed(req, answer)) {
        return;
    }

    p = ctx->priv;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_account_happened(req, u, &req->ids[0], p->event, NULL, NULL);
    hd_account_row(req, u, &req->ids[0]);

    req->done = hd_account_got;

    hd_req_must_find(req, 2);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_profile_do(hd_req_t *req, hd_op_e op, const char *event)
{
    hd_profile_t  *p;

    p = hd_profile_ctx(req);

    if (p) {
        p->event = event;
        hd_call(req, &req->ids[0], op, req->body, hd_profile_done);
    }
}


void
hd_account_register(hd_req_t *req)
{
    hd_profile_do(req, HD_OP_NUMBER_REGISTER, "registered");
}


void
hd_account_deregister(hd_req_t *req)
{
    hd_profile_do(req, HD_OP_NUMBER_DEREGISTER, "deregistered");
}


void
hd_account_subscribe(hd_req_t *req)
{
    hd_profile_do(req, HD_OP_SUBSCRIBE, "subscribed");
}
