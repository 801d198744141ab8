/*
 * POST /notices/test: one e-mail now, and what the mail server said of it.  It
 * goes to an address that is in a notice of the organisation, so that nobody
 * is written to who was never named.
 *
 * The e-mail may outlive its request: its memory is its own, and the last of
 * the two frees it.
 */

#include "notice.h"
#include "../base/mail.h"


typedef struct {
    hd_req_t    *req;                  /* NULL: the client went away */
    hd_buf_t     text;
    hd_str_t     to;
    ngx_uint_t   known;
    unsigned     flying:1;
} hd_notice_mail_t;


static void
hd_notice_free(hd_notice_mail_t *m)
{
    hd_buf_free(&m->text);
    ngx_free(m);
}


static void
hd_notice_cleanup(void *data)
{
    hd_notice_mail_t *m = data;

    m->req = NULL;

    if (!m->flying) {
        hd_notice_free(m);
    }
}


static void
hd_notice_refused(hd_req_t *req, const hd_egress_answer_t *a)
{
    char      detail[256];
    hd_buf_t  more;

    hd_buf_init(&more);
    hd_buf_z(&more, ",\"mail_server\":{\"code\":");
    hd_buf_int(&more, a->status);
    hd_buf_z(&more, ",\"detail\":");
    hd_jw_z(&more, a->error);
    hd_buf_char(&more, '}');

    if (a->outcome == HD_EGRESS_ANSWERED) {
        snprintf(detail, sizeof(detail), "The mail server refused the e-mail "
                 "with %d: %s", a->status, a->status >= 530 && a->status <= 538
                 ? "it wants another user or password." : a->status >= 500
                 ? "the address may be mistyped." : "try again later.");

    } else {
        snprintf(detail, sizeof(detail), "The mail server could not be "
                 "reached, or broke off. Its address is herald_smtp's.");
    }

    hd_problem_more(req, NGX_HTTP_BAD_GATEWAY, "mail_refused", NULL, detail,
                    &more);
    hd_buf_free(&more);
}


static void
hd_notice_sent(void *data, const hd_egress_answer_t *a)
{
    hd_req_t          *req;
    ngx_connection_t  *c;
    hd_notice_mail_t  *m = data;

    m->flying = 0;
    req = m->req;

    if (req == NULL) {
        hd_notice_free(m);
        return;
    }

    c = req->r->connection;

    if (a->outcome == HD_EGRESS_ANSWERED && a->status < 400) {
        hd_buf_reset(&req->out);
        hd_buf_z(&req->out, "{\"email\":");
        hd_jw_str(&req->out, &m->to);
        hd_buf_z(&req->out, ",\"accepted\":true}");
        hd_req_send(req, NGX_HTTP_OK, "application/json");

    } else {
        hd_notice_refused(req, a);
    }

    ngx_http_run_posted_requests(c);
}


static ngx_int_t
hd_notice_write(hd_notice_mail_t *m)
{
    int        rc;
    hd_buf_t   subject, body;
    hd_str_t   url;
    hd_email_t  mail;

    hd_buf_init(&subject);
    hd_buf_init(&body);

    url.data = hd_api.public_url.data;
    url.len = hd_api.public_url.len;

    rc = hd_notice_words("test", NULL, &url, &subject, &body);

    mail.from = hd_api.smtp->from;
    mail.to = m->to;
    mail.subject.data = subject.data;
    mail.subject.len = subject.len;
    mail.body.data = body.data;
    mail.body.len = body.len;
    mail.at = hd_now_us();
    hd_req_new_id(&mail.id);

    if (rc == HD_OK) {
        hd_email_write(&m->text, &mail);
    }

    hd_buf_free(&subject);
    hd_buf_free(&body);

    return (rc == HD_OK && !m->text.failed) ? NGX_OK : NGX_ERROR;
}


static void
hd_notice_send(hd_req_t *req)
{
    ngx_int_t          rc;
    hd_egress_mail_t   mail;
    hd_notice_mail_t  *m = req->ctx;

    if (!m->known) {
        hd_problem_at(req, 422, "unknown_address", "/email",
                      "No notice goes to this address yet: name it in a "
                      "notice first, then test it.");
        return;
    }

    if (hd_notice_write(m) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    mail.url = hd_api.smtp->url;
    mail.user = hd_api.smtp->user;
    mail.password = hd_api.smtp->password;
    mail.from = hd_api.smtp->from;
    mail.to = m->to;
    mail.message.data = m->text.data;
    mail.message.len = m->text.len;

    rc = hd_egress_mail(&mail, hd_notice_sent, m);

    if (rc == NGX_OK) {
        m->flying = 1;
        req->r->read_event_handler = req->idem_key.len
                                     ? ngx_http_block_reading
                                     : ngx_http_test_reading;
        return;
    }

    hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "busy",
                     "Too much is being sent now. Nothing was done; try "
                     "again.", 1);
}


static void
hd_notice_known(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t          *req = u->data;
    hd_notice_mail_t  *m;

    if (req != NULL && index == 1) {
        m = req->ctx;
        m->known = hd_pg_rows(res) != 0;
    }
}


void
hd_notice_test(hd_req_t *req)
{
    hd_pg_unit_t        *u;
    hd_notice_mail_t    *m;
    ngx_pool_cleanup_t  *cln;

    if (!hd_notice_can(req, "/email")) {
        return;
    }

    cln = ngx_pool_cleanup_add(req->r->pool, 0);
    m = cln ? ngx_calloc(sizeof(hd_notice_mail_t), ngx_cycle->log) : NULL;

    if (m == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    cln->handler = hd_notice_cleanup;
    cln->data = m;

    m->req = req;
    m->to = hd_body_str(req, "email");
    hd_buf_init(&m->text);
    req->ctx = m;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_NOTICE_KNOWN);
    hd_pg_text(u, &m->to);

    u->on_result = hd_notice_known;
    req->done = hd_notice_send;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
