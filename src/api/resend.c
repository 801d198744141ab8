/*
 * What of a broadcast went wrong, and sending that again.
 *
 * Causes are codes of the provider, or our own reasons where there is no code;
 * reason.c says which may be tried again.  Rows go back to the queue piece by
 * piece of the audience, each piece with the broadcast's own row in one unit:
 * a million rows never hold a connection, and a request that dies in between
 * leaves a broadcast that sends what it has.
 */

#include "reason.h"


#define HD_RESEND_PIECE   20000
#define HD_RESEND_CAUSES  64


typedef struct {
    ngx_uint_t                unknown;
    ngx_uint_t                has_code;
    int                       code;
    hd_str_t                  reason;
    int64_t                   count;
    const char               *class;
    const char               *words;
    const char               *fix;
    const hd_resend_rule_t   *rule;
} hd_cause_t;

typedef struct {
    hd_cause_t     causes[HD_RESEND_CAUSES];
    ngx_uint_t     n;
    ngx_uint_t     found;
    ngx_uint_t     include_unknown;
    ngx_uint_t     expired;
    u_char         status[16];
    int64_t        total;
    int64_t        next;               /* first seq of the next piece */
    int64_t        failed, unknown;    /* sent again */
} hd_resend_t;


static const hd_resend_rule_t  hd_resend_unknown = {
    0, "it may have arrived: only with include_unknown, and they may get it "
       "twice"
};


static void hd_resend_piece(hd_req_t *req);


static hd_str_t
hd_resend_copy(hd_req_t *req, hd_pg_res_t *res, ngx_uint_t row,
    ngx_uint_t col)
{
    hd_str_t  v, out;

    v = hd_pg_value(res, row, col);

    if (hd_pg_is_null(res, row, col)
        || hd_str_dup(&req->mem, &v, &out) != HD_OK)
    {
        ngx_memzero(&out, sizeof(hd_str_t));
    }

    return out;
}


/* a row of broadcast_failures: state, code, reason, count */
static void
hd_resend_cause(hd_req_t *req, hd_resend_t *ctx, hd_pg_res_t *res,
    ngx_uint_t row)
{
    hd_str_t               state;
    hd_cause_t            *c;
    const hd_reason_t     *reason;
    const hd_error_row_t  *error;

    if (ctx->n == HD_RESEND_CAUSES) {
        return;
    }

    c = &ctx->causes[ctx->n++];
    state = hd_pg_value(res, row, 0);

    c->unknown = hd_str_eq(&state, "unknown");
    c->has_code = !hd_pg_is_null(res, row, 1);
    c->code = c->has_code ? (int) hd_pg_value_int(res, row, 1) : 0;
    c->reason = hd_resend_copy(req, res, row, 2);
    c->count = hd_pg_value_int(res, row, 3);

    if (c->unknown || !c->has_code) {
        reason = hd_reason_find(&c->reason);

        c->class = c->unknown ? "unknown" : "none";
        c->words = reason->words;
        c->fix = reason->fix ? reason->fix : "Nothing to do.";
        c->rule = c->unknown ? &hd_resend_unknown
                             : hd_resend_reason(&c->reason);
        return;
    }

    error = hd_error_find(c->code);

    c->class = hd_class_name(error->class);
    c->words = error->words;
    c->fix = error->fix;
    c->rule = hd_resend_class(error->class);
}


static void
hd_resend_rows(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t      v;
    hd_req_t     *req = u->data;
    ngx_uint_t    i;
    hd_resend_t  *ctx;

    if (req == NULL) {
        return;
    }

    ctx = req->ctx;

    if (index == 1 && hd_pg_rows(res)) {
        req->found = 1;

        v = hd_pg_value(res, 0, 0);
        (void) ngx_cpystrn(ctx->status, v.data,
                           ngx_min(v.len + 1, sizeof(ctx->status)));
        ctx->total = hd_pg_value_int(res, 0, 1);
        ctx->expired = hd_pg_value(res, 0, 2).data[0] == 't';

    } else if (index == 2) {
        for (i = 0; i < hd_pg_rows(res); i++) {
            hd_resend_cause(req, ctx, res, i);
        }
    }
}


static void
hd_resend_write(hd_buf_t *b, hd_cause_t *c)
{
    hd_buf_z(b, "{\"code\":");

    if (c->has_code) {
        hd_buf_int(b, c->code);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_z(b, ",\"reason\":");

    if (c->reason.len) {
        hd_jw_str(b, &c->reason);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_z(b, ",\"class\":");
    hd_jw_z(b, c->class);
    hd_buf_printf(b, ",\"count\":%lld,\"words\":", (long long) c->count);
    hd_jw_z(b, c->words);
    hd_buf_z(b, ",\"fix\":");
    hd_jw_z(b, c->fix);
}


static void
hd_resend_start(hd_req_t *req, ngx_uint_t include_unknown,
    void (*done)(hd_req_t *req))
{
    hd_resend_t   *ctx;
    hd_pg_unit_t  *u;

    ctx = ngx_pcalloc(req->r->pool, sizeof(hd_resend_t));

    if (ctx == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    ctx->include_unknown = include_unknown;
    req->ctx = ctx;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_RESENDABLE);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_BROADCAST_FAILURES);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_resend_rows;
    req->done = done;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── what went wrong ── */

static void
hd_failures_done(hd_req_t *req)
{
    hd_buf_t     *b;
    ngx_uint_t    i;
    hd_resend_t  *ctx = req->ctx;

    b = &req->out;
    hd_buf_z(b, "{\"data\":[");

    for (i = 0; i < ctx->n; i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        hd_resend_write(b, &ctx->causes[i]);
        hd_buf_printf(b, ",\"may_resend\":%s,\"why\":",
                      ctx->causes[i].rule->may ? "true" : "false");
        hd_jw_z(b, ctx->causes[i].rule->why);
        hd_buf_char(b, '}');
    }

    hd_buf_z(b, "],\"next_cursor\":null}");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_broadcast_failures(hd_req_t *req)
{
    hd_resend_start(req, 0, hd_failures_done);
}


/* ── again ── */

static void
hd_resend_answer(hd_req_t *req)
{
    hd_buf_t     *b;
    ngx_uint_t    i, n;
    hd_resend_t  *ctx = req->ctx;

    b = &req->out;

    hd_buf_printf(b, "{\"resent\":%lld,\"left\":[",
                  (long long) (ctx->failed + ctx->unknown));

    for (i = 0, n = 0; i < ctx->n; i++) {

        if (ctx->causes[i].rule->may
            || (ctx->causes[i].unknown && ctx->include_unknown))
        {
            continue;
        }

        if (n++) {
            hd_buf_char(b, ',');
        }

        hd_resend_write(b, &ctx->causes[i]);
        hd_buf_z(b, ",\"why\":");
        hd_jw_z(b, ctx->causes[i].rule->why);
        hd_buf_char(b, '}');
    }

    hd_buf_z(b, "],\"warning\":");

    if (ctx->unknown) {
        hd_buf_printf(b, "\"Of %lld it was not known whether they got it: "
                      "they may get it twice.\"}", (long long) ctx->unknown);

    } else {
        hd_buf_z(b, "null}");
    }

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_resend_moved(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t     *req = u->data;
    hd_resend_t  *ctx;

    if (index != 1) {
        return;
    }

    if (req && hd_pg_rows(res)) {
        ctx = req->ctx;
        ctx->found = 1;
        ctx->failed += hd_pg_value_int(res, 0, 0);
        ctx->unknown += hd_pg_value_int(res, 0, 1);
    }
}


static void
hd_resend_next(hd_req_t *req)
{
    hd_resend_t  *ctx = req->ctx;

    if (!ctx->found) {
        hd_problem(req, 409, "wrong_state", "The broadcast was cancelled at "
                   "this moment: what is not in the queue stays as it is.");
        return;
    }

    /* the helper reads the broadcast, and finds what is queued behind its
     * cursor */
    hd_mail_send(hd_api.shm, HD_MAIL_BROADCAST, &req->who.org, &req->ids[0]);
    hd_mail_send(hd_api.shm, HD_MAIL_STRAYS, &req->who.org, &req->ids[0]);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));
    hd_dirty_mark(hd_api.shm, &req->who.org, &req->ids[0]);

    if (ctx->next <= ctx->total) {
        hd_resend_piece(req);
        return;
    }

    hd_resend_answer(req);
}


static void
hd_resend_piece(hd_req_t *req)
{
    ngx_uint_t      i;
    hd_cause_t     *c;
    hd_resend_t    *ctx = req->ctx;
    hd_pg_unit_t   *u;
    hd_pg_array_t   codes, reasons;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_array_init(&codes, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&reasons, HD_PG_TEXT_ARRAY);

    for (i = 0; i < ctx->n; i++) {
        c = &ctx->causes[i];

        if (c->unknown || !c->rule->may) {
            continue;
        }

        if (c->has_code) {
            hd_pg_array_int(&codes, c->code);

        } else {
            hd_pg_array_text(&reasons, &c->reason);
        }
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_RESEND);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_int(u, ctx->next);
    hd_pg_int(u, ctx->next + HD_RESEND_PIECE - 1);
    hd_pg_array(u, &codes);
    hd_pg_array(u, &reasons);
    hd_pg_bool(u, ctx->include_unknown);
    hd_pg_int(u, hd_api.slot == HD_NONE ? 0 : hd_api.slot * 2 + 1);

    ctx->next += HD_RESEND_PIECE;
    ctx->found = 0;

    u->on_result = hd_resend_moved;
    req->done = hd_resend_next;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);

    hd_pg_array_free(&codes);
    hd_pg_array_free(&reasons);
}


static void
hd_resend_known(hd_req_t *req)
{
    char          text[160];
    ngx_uint_t    i, some;
    hd_resend_t  *ctx = req->ctx;

    if (ngx_strcmp(ctx->status, "sending") != 0
        && ngx_strcmp(ctx->status, "paused") != 0
        && ngx_strcmp(ctx->status, "completed") != 0)
    {
        snprintf(text, sizeof(text), "This broadcast is %s: there is nothing "
                 "to send again.", ctx->status);
        hd_problem(req, 409, "wrong_state", text);
        return;
    }

    if (ctx->expired) {
        hd_problem(req, 409, "expired", "The time of this broadcast has "
                   "passed (expires_at): what is queued now would not be "
                   "sent. Make a new one.");
        return;
    }

    for (i = 0, some = 0; i < ctx->n; i++) {
        some |= ctx->causes[i].rule->may
                || (ctx->causes[i].unknown && ctx->include_unknown);
    }

    if (!some) {
        hd_resend_answer(req);
        return;
    }

    ctx->next = 1;
    hd_resend_piece(req);
}


void
hd_broadcast_resend(hd_req_t *req)
{
    hd_resend_start(req, hd_body_bool(req, "include_unknown", 0),
                    hd_resend_known);
}
