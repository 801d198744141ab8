/*
 * The code to scan, and the code to type.
 *
 * How long a code lives and how many there are is the provider's; which one it
 * is follows from when the session began to show them, for the provider does
 * not say.  A code is a way into the number: it is never stored anywhere, and
 * its answer says no-store as all of the API's do.
 */

#include "session.h"


/* ?format=, else what Accept asks for */

static const char *
hd_session_format(hd_req_t *req)
{
    hd_str_t          format;
    ngx_table_elt_t  *accept;

    format = hd_query(req, "format");

    if (format.data) {
        return hd_str_eq(&format, "png") ? "png"
               : hd_str_eq(&format, "svg") ? "svg" : "json";
    }

    accept = hd_req_find_header(req->r, "accept", 6);

    if (accept == NULL) {
        return "json";
    }

    if (ngx_strnstr(accept->value.data, "image/svg", accept->value.len)) {
        return "svg";
    }

    return ngx_strnstr(accept->value.data, "image/png", accept->value.len)
           ? "png" : "json";
}


static void
hd_session_qr_json(hd_req_t *req, hd_session_t *ctx, int64_t n,
    int64_t expires)
{
    u_char     text[HD_RFC3339_LEN];
    hd_str_t   at;
    hd_buf_t  *b;

    b = &req->out;
    at.data = text;
    at.len = hd_time_format(text, expires);

    hd_buf_reset(b);
    hd_buf_z(b, "{\"value\":");
    hd_jw_str(b, &ctx->qr);
    hd_buf_z(b, ",\"state\":");
    hd_jw_str(b, &ctx->state);
    hd_buf_z(b, ",\"expires_at\":");
    hd_jw_str(b, &at);
    hd_buf_printf(b, ",\"n\":%lld,\"of\":%lld}", (long long) n,
                  (long long) ctx->of);
}


static void
hd_session_qr_show(hd_req_t *req)
{
    int           rc;
    int64_t       age, n, end;
    hd_session_t  *ctx = req->ctx;

    age = (hd_now_us() - ctx->since) / 1000000;
    n = 1;
    end = ctx->first_s;

    while (age >= end && n < ctx->of) {
        n++;
        end += ctx->next_s;
    }

    if (ctx->format[0] == 'j') {
        hd_session_qr_json(req, ctx, n, ctx->since + end * 1000000);
        hd_req_send(req, NGX_HTTP_OK, "application/json");
        return;
    }

    hd_buf_reset(&req->out);

    rc = (ctx->format[0] == 's') ? hd_qr_svg(&req->out, &ctx->qr)
                                 : hd_qr_png(&req->out, &ctx->qr);

    if (rc != HD_OK) {
        hd_problem(req, 500, "internal", "The code could not be drawn; "
                   "?format=json has its text.");
        return;
    }

    hd_req_send(req, NGX_HTTP_OK, (ctx->format[0] == 's') ? "image/svg+xml"
                                                          : "image/png");
}


/* there is none: what state the session is in, and what to do about it */

static void
hd_session_qr_none(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    hd_buf_t       b, more;
    hd_session_t  *ctx = req->ctx;

    if (!hd_session_told(req, answer)) {
        (void) hd_session_refused(req, answer);
        return;
    }

    hd_buf_init(&b);
    hd_buf_init(&more);

    hd_buf_z(&b, "The session is ");
    hd_buf_str(&b, &ctx->state);
    hd_buf_z(&b, ctx->effect[0] == 'c'
                 ? ": it is connected, and needs no code. To connect another "
                   "phone, POST /accounts/{id}/session/logout first."
                 : ctx->effect[0] == 'n'
                 ? ": a code will be there in a moment; ask again."
                 : hd_str_eq(&ctx->state, "FAILED")
                 ? ": nobody scanned the codes in time, or the phone logged "
                   "out. POST /accounts/{id}/session/restart makes new ones."
                 : ": POST /accounts/{id}/session/start, then ask again.");
    hd_buf_char(&b, '\0');

    hd_buf_z(&more, ",\"state\":");
    hd_jw_str(&more, &ctx->state);

    hd_problem_more(req, NGX_HTTP_CONFLICT, "no_qr", NULL,
                    b.failed ? "The session shows no code."
                             : (char *) b.data, &more);

    hd_buf_free(&b);
    hd_buf_free(&more);
}


static void
hd_session_qr_came(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    hd_json_t     *v;
    hd_session_t  *ctx = req->ctx;

    if (answer->answer.outcome == HD_OUTCOME_REJECTED
        && answer->answer.code != HD_CODE_GATEWAY_KEY)
    {
        hd_call_next(call, HD_OP_SESSION_GET, NULL, hd_session_qr_none);
        return;
    }

    if (hd_session_refused(req, answer)) {
        return;
    }

    v = hd_session_result(req, answer);

    ctx->qr = hd_json_str(v, "qr");
    ctx->state = hd_json_str(v, "state");
    ctx->effect = "stop";

    if (hd_json_int(hd_json_get(v, "first_s"), &ctx->first_s) != HD_OK
        || hd_json_int(hd_json_get(v, "next_s"), &ctx->next_s) != HD_OK
        || hd_json_int(hd_json_get(v, "of"), &ctx->of) != HD_OK)
    {
        ctx->first_s = 60;
        ctx->next_s = 20;
        ctx->of = 1;
    }

    /* since when it shows them: now, if nobody told before */

    ctx->done = hd_session_qr_show;
    hd_session_record(req);
}


void
hd_session_qr(hd_req_t *req)
{
    hd_session_t  *ctx;

    ctx = hd_session_ctx(req);
    if (ctx == NULL) {
        return;
    }

    ctx->format = hd_session_format(req);

    hd_call(req, &req->ids[0], HD_OP_SESSION_QR, NULL, hd_session_qr_came);
}


static void
hd_session_code_came(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    hd_str_t    code;
    hd_json_t  *v;

    if (hd_session_refused(req, answer)) {
        return;
    }

    v = hd_session_result(req, answer);
    code = hd_json_str(v, "code");

    hd_buf_reset(&req->out);
    hd_buf_z(&req->out, "{\"code\":");
    hd_jw_str(&req->out, &code);
    hd_buf_char(&req->out, '}');

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_session_code(hd_req_t *req)
{
    if (hd_session_ctx(req) == NULL) {
        return;
    }

    /* the body is checked, and has what the operation wants */

    hd_call(req, &req->ids[0], HD_OP_SESSION_CODE, req->body,
            hd_session_code_came);
}
