/*
 * What is wrong with a number: checks in the order in which they are to be
 * mended, each with what was seen and what to do.  The provider is asked now;
 * what cannot be asked because of an earlier fault is left out.
 */

#include "session.h"


typedef struct {
    hd_session_t     session;          /* first: one is cast to the other */
    hd_buf_t         out;
    hd_str_t         status, reason, fix, verdict, words, state, phone;
    ngx_uint_t       qr;
    ngx_uint_t       asked;            /* the provider was */
    ngx_uint_t       works;
} hd_trouble_t;


static void
hd_trouble_free(void *data)
{
    hd_buf_free(&((hd_trouble_t *) data)->out);
}


static void
hd_trouble_add(hd_trouble_t *t, const char *check, ngx_uint_t ok,
    const hd_str_t *words, const char *fix)
{
    hd_buf_t  *b;

    b = &t->out;
    hd_buf_printf(b, "%s{\"check\":\"%s\",\"ok\":%s,\"words\":",
                  b->len ? "," : "", check, ok ? "true" : "false");
    hd_jw_str(b, words);
    hd_buf_z(b, ",\"fix\":");

    if (ok) {
        hd_buf_z(b, "null");

    } else {
        hd_jw_z(b, fix);
    }

    hd_buf_char(b, '}');
}


static void
hd_trouble_say(hd_trouble_t *t, const char *check, ngx_uint_t ok,
    const char *words, const char *fix)
{
    hd_str_t  s;

    s.data = (u_char *) words;
    s.len = ngx_strlen(words);

    hd_trouble_add(t, check, ok, &s, fix);
}


static void
hd_trouble_end(hd_req_t *req)
{
    hd_trouble_t  *t = req->ctx;

    hd_buf_reset(&req->out);
    hd_buf_z(&req->out, "{\"data\":[");
    hd_buf_add(&req->out, t->out.data, t->out.len);
    hd_buf_z(&req->out, "]}");
    req->out.failed |= t->out.failed;

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


/* what we know ourselves */

static void
hd_trouble_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t         v;
    hd_req_t        *req = u->data;
    hd_json_t       *health;
    hd_trouble_t    *t;
    hd_json_error_t  err;

    if (req == NULL || index != 1) {
        return;
    }

    req->found = hd_pg_rows(res);

    if (req->found == 0) {
        return;
    }

    t = req->ctx;

#define hd_trouble_column(to, n)                                              \
    (v = hd_pg_value(res, 0, n), (void) hd_str_dup(&req->mem, &v, to))

    hd_trouble_column(&t->state, 5);
    hd_trouble_column(&t->status, 7);
    hd_trouble_column(&t->reason, 8);

#undef hd_trouble_column

    if (!hd_pg_is_null(res, 0, 12)) {
        v = hd_pg_value(res, 0, 12);
        health = hd_json_parse(&req->mem, v.data, v.len, 8, &err);
        t->verdict = hd_json_str(health, "verdict");
        t->words = hd_json_str(health, "words");
        t->fix = hd_json_str(health, "fix");
    }
}


static void
hd_trouble_ours(hd_req_t *req)
{
    char          *fix;
    ngx_uint_t     ok;
    hd_trouble_t  *t = req->ctx;

    if (t->qr) {
        ok = hd_str_eq(&t->verdict, "alive") || t->verdict.len == 0;
        fix = hd_cstr(&req->mem, &t->fix);

        if (t->verdict.len == 0) {
            hd_trouble_say(t, "webhooks", 1, "Nobody has looked yet whether "
                           "what happens there arrives here.", NULL);

        } else {
            hd_trouble_add(t, "webhooks", ok, &t->words, fix ? fix : "");
        }
    }

    ok = hd_str_eq(&t->status, "connected");

    if (ok) {
        hd_trouble_say(t, "sending", 1, "The number may send.", NULL);

    } else if (hd_str_eq(&t->reason, "user")) {
        hd_trouble_say(t, "sending", 0, "Somebody paused the number.",
                       "POST /accounts/{id}/resume.");

    } else {
        hd_trouble_add(t, "sending", 0, &t->reason, "Mend what stands above; "
                       "what a session stopped goes on by itself, all else by "
                       "POST /accounts/{id}/resume.");
    }

    hd_trouble_end(req);
}


static void
hd_trouble_load(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    u->on_result = hd_trouble_row;
    hd_pg_stmt(u, HD_Q_SESSION_GET);
    hd_pg_uuid(u, &req->ids[0]);

    req->done = hd_trouble_ours;
    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── what the provider says ── */

static ngx_uint_t
hd_trouble_reached(hd_trouble_t *t, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t               s;
    const hd_error_row_t  *row;

    if (raw->outcome != HD_EGRESS_ANSWERED) {
        s.data = (u_char *) raw->error;
        s.len = ngx_strlen(raw->error);
        hd_trouble_add(t, "server", 0, &s,
                       raw->outcome == HD_EGRESS_FORBIDDEN
                       ? "Private addresses are refused: the operator allows "
                         "them with herald_egress_allow."
                       : "See that the provider's server runs, and that "
                         "base_url is its address.");
        return 0;
    }

    hd_trouble_say(t, "server", 1, "The provider's server answers.", NULL);

    if (answer->answer.outcome == HD_OUTCOME_ACCEPTED) {
        hd_trouble_say(t, "key", 1, "It takes our key.", NULL);
        return 1;
    }

    row = answer->answer.row;

    if (row && row->class == HD_CLASS_AUTH) {
        hd_trouble_say(t, "key", 0, row->words, row->fix);
        return 0;
    }

    if (answer->answer.code == HD_CODE_NO_SESSION) {
        hd_trouble_say(t, "key", 1, "It takes our key.", NULL);
        hd_trouble_say(t, "session", 0, row->words, row->fix);
        return 0;
    }

    hd_trouble_say(t, "answer", 0,
                   (row && row->words) ? row->words
                   : "The provider's answer cannot be understood.",
                   (row && row->fix) ? row->fix : "See that base_url is the "
                   "provider's address, and not that of a web page.");

    return 0;
}


static void
hd_trouble_session(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw)
{
    hd_buf_t       b;
    hd_str_t       s;
    hd_trouble_t  *t = req->ctx;

    if (!hd_trouble_reached(t, answer, raw)) {
        hd_trouble_load(req);
        return;
    }

    if (!t->qr || !hd_session_told(req, answer)) {
        hd_trouble_load(req);
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "The session is ");
    hd_buf_str(&b, &t->session.state);
    hd_buf_char(&b, '.');
    s.data = b.data;
    s.len = b.len;

    hd_trouble_add(t, "session", t->session.effect[0] == 'c', &s,
                   hd_str_eq(&t->session.state, "SCAN_QR_CODE")
                   ? "Scan the code of GET /accounts/{id}/qr with the phone."
                   : hd_str_eq(&t->session.state, "FAILED")
                   ? "POST /accounts/{id}/session/restart, then scan the code."
                   : t->session.effect[0] == 'n'
                   ? "Wait a moment, then look again."
                   : "POST /accounts/{id}/session/start.");
    hd_buf_free(&b);

    if (t->session.effect[0] == 'c') {
        hd_trouble_say(t, "phone", t->session.phone.len != 0,
                       t->session.phone.len
                       ? "The session knows which phone it is."
                       : "The session says that it works, but not for which "
                         "phone: it is connected but dead.",
                       "POST /accounts/{id}/session/restart.");
    }

    hd_trouble_load(req);
}


/* whether it has sessions decides what it is asked */

static void
hd_trouble_provider(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t              v;
    hd_req_t             *req = u->data;
    hd_trouble_t         *t;
    const hd_provider_t  *p;

    if (req == NULL || index != 1) {
        return;
    }

    req->found = hd_pg_rows(res);

    if (req->found) {
        t = req->ctx;
        v = hd_pg_value(res, 0, 0);
        p = hd_provider_find(&v);
        t->qr = (p != NULL && p->qr);
        t->asked = (p != NULL && p->ops != NULL
                    && p->ops[t->qr ? HD_OP_SESSION_GET : HD_OP_NUMBER_GET]
                       != NULL);
    }
}


static void
hd_trouble_ask(hd_req_t *req)
{
    hd_trouble_t  *t = req->ctx;

    hd_trouble_say(t, "address", hd_api.public_url.len != 0,
                   hd_api.public_url.len
                   ? "The provider can be told where our webhooks are."
                   : "herald_public_url is not set.",
                   "Set herald_public_url to the address by which the "
                   "provider reaches this server.");

    if (!t->asked) {
        hd_trouble_load(req);
        return;
    }

    hd_call(req, &req->ids[0], t->qr ? HD_OP_SESSION_GET : HD_OP_NUMBER_GET,
            NULL, hd_trouble_session);
}


void
hd_session_troubleshoot(hd_req_t *req)
{
    hd_pg_unit_t        *u;
    hd_trouble_t        *t;
    ngx_pool_cleanup_t  *cln;

    t = ngx_pcalloc(req->r->pool, sizeof(hd_trouble_t));
    cln = ngx_pool_cleanup_add(req->r->pool, 0);

    if (t == NULL || cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_buf_init(&t->out);
    cln->handler = hd_trouble_free;
    cln->data = t;
    req->ctx = t;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    u->on_result = hd_trouble_provider;
    hd_pg_stmt(u, HD_Q_ACCOUNT_EXISTS);
    hd_pg_uuid(u, &req->ids[0]);

    req->done = hd_trouble_ask;
    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
